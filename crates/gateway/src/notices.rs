//! Notices: tells open streams that what they may see has changed.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts changes of the view. Streams wait for the next one.
#[derive(Clone, Debug)]
pub(crate) struct Notices(Arc<watch::Sender<u64>>);

impl Default for Notices {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Notices {
    /// Says that a view of this generation is in force. Only a new one wakes anybody.
    pub(crate) fn tell(&self, generation: u64) {
        if *self.0.borrow() != generation {
            self.0.send_if_modified(|known| std::mem::replace(known, generation) != generation);
        }
    }

    /// Waits for changes from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        let mut receiver = self.0.subscribe();
        receiver.mark_unchanged();
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_that_is_in_force_already_wakes_nobody() {
        let notices = Notices::default();
        notices.tell(3);
        let listening = notices.listen();
        notices.tell(3);
        assert!(!listening.has_changed().unwrap());
        notices.tell(4);
        assert!(listening.has_changed().unwrap());
    }
}
