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
    /// Says that a view of this generation is now in force.
    pub(crate) fn tell(&self, generation: u64) {
        self.0.send_replace(generation);
    }

    /// Waits for changes from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        let mut receiver = self.0.subscribe();
        receiver.mark_unchanged();
        receiver
    }
}
