//! How many calls a grant has in the air. A ticket is held for as long as the call lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The counter of one grant, kept over changes of the view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<AtomicU32>);

/// One call in flight; gone when dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<AtomicU32>);

impl Flights {
    /// A ticket, if fewer than `max` are out.
    pub(crate) fn board(&self, max: u32) -> Option<Ticket> {
        let taken = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now < max).then_some(now + 1)
        });
        taken.ok().map(|_| Ticket(self.0.clone()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_most_are_in_flight() {
        let flights = Flights::default();
        let first = flights.board(2).unwrap();
        let _second = flights.board(2).unwrap();
        assert!(flights.board(2).is_none());
        drop(first);
        assert!(flights.board(2).is_some());
    }
}
