//! Loading rows, and whether they add up. A ledger that does not is not loaded.

use std::collections::HashMap;
use std::sync::Arc;

use crate::changes::{Change, Row};
use crate::ledger::Ledger;
use crate::{Key, Reservation, State};

/// Rows that are not what a ledger has written. Nothing may be let through on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The same row stands twice.
    #[error("a row stands twice")]
    Twice,
    /// A bucket without its counter, out of order, after the mark, or with less than nothing in it.
    #[error("the buckets of a counter are damaged")]
    Bucket,
    /// A counter that was never charged.
    #[error("a counter has no buckets or no limits")]
    Counter,
    /// A reservation whose parts contradict each other.
    #[error("a reservation is damaged")]
    Reservation,
    /// What the reservations hold is not what the buckets say.
    #[error("reservations and counters do not add up")]
    Sum,
}

impl Ledger {
    /// The ledger that has exactly these rows, in any order.
    ///
    /// - **Errors**: rows that no ledger can have written.
    pub fn load(rows: impl IntoIterator<Item = Row>) -> Result<Self, LoadError> {
        Self::load_remembering(crate::CLOSED_KEPT, rows)
    }

    /// As [`Ledger::load`], remembering so many closed calls.
    ///
    /// - **Errors**: as [`Ledger::load`].
    pub fn load_remembering(
        closed_kept: usize,
        rows: impl IntoIterator<Item = Row>,
    ) -> Result<Self, LoadError> {
        let mut ledger = Self::remembering(closed_kept);
        for row in rows {
            let change = match row {
                Row::Mark(mark) => Change::Mark { before: None, after: Some(mark) },
                Row::Counter(key, seen) => Change::Counter { key, before: None, after: Some(seen) },
                Row::Bucket(key, bucket) => {
                    Change::Bucket { key, start: bucket.start, before: None, after: Some(bucket) }
                }
                Row::Reservation(reservation) => Change::Reservation {
                    call: reservation.call,
                    before: None,
                    after: Some(reservation),
                },
            };
            if ledger.has_row(&change) {
                return Err(LoadError::Twice);
            }
            ledger.apply(&change, true);
        }
        ledger.check()?;
        Ok(ledger)
    }

    fn has_row(&self, change: &Change) -> bool {
        match change {
            Change::Mark { .. } => self.mark.is_some(),
            Change::Counter { key, .. } => {
                self.counters.get(key).is_some_and(|c| !c.seen.is_empty())
            }
            Change::Bucket { key, start, .. } => {
                self.counters.get(key).is_some_and(|c| c.bucket(*start).is_some())
            }
            Change::Reservation { call, .. } => self.calls.contains_key(call),
        }
    }

    /// Whether everything in memory adds up: buckets in order, nothing below zero, and what each
    /// bucket says is in flight or unknown is what the reservations hold of it.
    ///
    /// - **Errors**: the first thing that does not.
    pub fn check(&self) -> Result<(), LoadError> {
        self.check_counters()?;
        let mut open: HashMap<(&Key, i64), (i128, i128)> = HashMap::new();
        for reservation in self.calls.values() {
            self.check_reservation(reservation)?;
            let open_holds = reservation.holds.iter().filter(|h| !h.state.is_final());
            for hold in open_holds.filter(|hold| hold.amount > 0) {
                let counter = self.counters.get(&hold.key).ok_or(LoadError::Sum)?;
                let bucket = counter.bucket_of(hold.bucket).ok_or(LoadError::Sum)?;
                let (held, unknown) = open.entry((&hold.key, bucket.start)).or_default();
                let sum = if hold.state == State::Unknown { unknown } else { held };
                *sum += i128::from(hold.amount);
            }
        }
        for (key, counter) in &self.counters {
            for bucket in &counter.buckets {
                let found = open.remove(&(key, bucket.start)).unwrap_or_default();
                if found != (i128::from(bucket.held), i128::from(bucket.unknown)) {
                    return Err(LoadError::Sum);
                }
            }
        }
        Ok(())
    }

    fn check_counters(&self) -> Result<(), LoadError> {
        for counter in self.counters.values() {
            if counter.seen.is_empty() || counter.buckets.is_empty() {
                return Err(LoadError::Counter);
            }
            let mut since = i64::MIN;
            for (place, bucket) in counter.buckets.iter().enumerate() {
                let in_order = (place == 0 || bucket.start >= since) && bucket.start <= bucket.last;
                let in_time = self.mark.is_some_and(|mark| bucket.last <= mark);
                let sums = [bucket.settled, bucket.held, bucket.unknown];
                if !in_order || !in_time || sums.iter().any(|sum| *sum < 0) {
                    return Err(LoadError::Bucket);
                }
                since = bucket.last;
            }
        }
        Ok(())
    }

    fn check_reservation(&self, reservation: &Arc<Reservation>) -> Result<(), LoadError> {
        let listed = match reservation.closed {
            Some(number) => self.closed.get(&number) == Some(&reservation.call),
            None => !reservation.is_closed(),
        };
        let closed = reservation.closed.is_some() == reservation.is_closed();
        let in_time = self.mark.is_some_and(|mark| reservation.at <= mark);
        let holds = reservation.holds.iter().all(|hold| {
            hold.amount >= 0
                && hold.bucket <= reservation.at
                && (hold.doubted || hold.state != State::Unknown)
                && (!hold.rolled_back || hold.state == State::Released)
        });
        let fine = listed && closed && in_time && holds && !reservation.holds.is_empty();
        if fine { Ok(()) } else { Err(LoadError::Reservation) }
    }
}
