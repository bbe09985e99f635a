//! Taking room for a call: all of its limits or none.

use std::sync::Arc;

use crate::changes::{Change, Changes};
use crate::counter::Bucket;
use crate::ledger::Ledger;
use crate::window::Frame;
use crate::{CallId, Charge, Exhausted, HISTORY_MICROS, Hold, Reservation, State, WindowError};

/// Why a call got no room. The ledger is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// A limit is too full. The agent may be told which.
    #[error(transparent)]
    Exhausted(Box<Exhausted>),
    /// An amount or a `max` is below zero, or the amounts of one counter do not fit 64 bits.
    #[error("the amount charged to limit `{rule}` cannot be counted")]
    Amount {
        /// The rule's JSON Pointer.
        rule: Arc<str>,
    },
    /// A window cannot be placed.
    #[error("the window of limit `{rule}` cannot be placed")]
    Window {
        /// The rule's JSON Pointer.
        rule: Arc<str>,
        /// Why.
        #[source]
        source: WindowError,
    },
    /// The call id has a reservation with other charges.
    #[error("the call holds a reservation with other charges")]
    OtherCharges,
}

impl Ledger {
    /// Takes room for a call under every one of its limits, or under none.
    ///
    /// The same call with the same charges again changes nothing, whatever has become of it.
    /// Charges to one counter add up, and each limit on it must hold the sum.
    ///
    /// - **Units**: `now` in microseconds since the epoch.
    /// - **Errors**: the first limit, in the order given, that has no room; or a charge that cannot
    ///   be counted. Nothing has changed then.
    pub fn reserve(
        &mut self,
        call: CallId,
        charges: &[Charge],
        now: i64,
    ) -> Result<Changes, ReserveError> {
        if let Some(known) = self.calls.get(&call) {
            let same = known.holds.len() == charges.len()
                && known.holds.iter().zip(charges).all(|(hold, charge)| {
                    hold.amount == charge.amount
                        && hold.rule == charge.limit.rule
                        && hold.key == charge.key
                });
            return if same { Ok(Changes::default()) } else { Err(ReserveError::OtherCharges) };
        }
        let mut changes = Changes(Vec::with_capacity(2 + 2 * charges.len()));
        if charges.is_empty() {
            return Ok(changes);
        }
        let now = self.moment(now);
        charges.iter().for_each(|charge| self.spans.learn(&charge.limit.window, now));
        self.check_room(charges, now)?;

        // From here on nothing can fail.
        let before = self.mark;
        self.make(&mut changes, Change::Mark { before, after: Some(now) });
        let mut holds = Vec::with_capacity(charges.len());
        for charge in charges {
            holds.push(self.take(&mut changes, charge, now));
        }
        let reservation = Arc::new(Reservation { call, at: now, closed: None, holds });
        let after = Some(reservation);
        self.make(&mut changes, Change::Reservation { call, before: None, after });
        Ok(changes)
    }

    /// Whether [`Ledger::reserve`] would have room for a call with these charges. Changes nothing.
    ///
    /// - **Units**: `now` in microseconds since the epoch.
    /// - **Errors**: those of [`Ledger::reserve`].
    pub fn fits(&self, charges: &[Charge], now: i64) -> Result<(), ReserveError> {
        self.check_room(charges, self.moment(now))
    }

    fn check_room(&self, charges: &[Charge], now: i64) -> Result<(), ReserveError> {
        for charge in charges {
            let rule = || Arc::clone(&charge.limit.rule);
            if charge.amount < 0 || charge.limit.max < 0 {
                return Err(ReserveError::Amount { rule: rule() });
            }
            let asked = charges
                .iter()
                .filter(|other| other.key == charge.key)
                .try_fold(0_i64, |sum, other| sum.checked_add(other.amount))
                .ok_or_else(|| ReserveError::Amount { rule: rule() })?;
            let frame = charge
                .limit
                .window
                .frame(now, &self.spans)
                .map_err(|source| ReserveError::Window { rule: rule(), source })?;
            self.check_one(charge, asked, frame, now)?;
        }
        Ok(())
    }

    fn check_one(
        &self,
        charge: &Charge,
        asked: i64,
        frame: Frame,
        now: i64,
    ) -> Result<(), ReserveError> {
        let counter = self.counters.get(&charge.key);
        let counted = counter.map_or(0, |c| c.holds_since(frame.since).counted());
        if counted + i128::from(asked) <= i128::from(charge.limit.max) {
            return Ok(());
        }
        Err(ReserveError::Exhausted(Box::new(self.exhausted(charge, asked, frame, now))))
    }

    /// Puts one charge into its bucket.
    fn take(&mut self, changes: &mut Changes, charge: &Charge, now: i64) -> Hold {
        let key = &charge.key;
        // Worked out by the room check; only a closure borrows it beside the counter.
        let spans = std::mem::take(&mut self.spans);
        let counter = self.counter_entry(key);
        if let Some(fresh) = counter.seen_with(&charge.limit, now) {
            let before = std::mem::replace(&mut counter.seen, Arc::clone(&fresh));
            let before = Some(before).filter(|seen| !seen.is_empty());
            changes.push(Change::Counter { key: key.clone(), before, after: Some(fresh) });
        }
        let open = counter.open_bucket(now, &spans);
        let bucket = open.unwrap_or_else(|| Bucket::empty(now));
        // The room check bounds the sum by `max`, and the newest bucket lies in every window.
        let after = bucket.moved(charge.amount, None, Some(State::Reserved)).unwrap_or(bucket);
        let (start, after) = (bucket.start, Bucket { last: now, ..after });
        match counter.buckets.last_mut() {
            Some(newest) if open.is_some() => *newest = after,
            _ => counter.buckets.push(after),
        }
        changes.push(Change::Bucket { key: key.clone(), start, before: open, after: Some(after) });
        self.spans = spans;
        if open.is_none() {
            self.tidy(changes, key, now, HISTORY_MICROS);
        }
        Hold {
            key: key.clone(),
            rule: Arc::clone(&charge.limit.rule),
            amount: charge.amount,
            bucket: start,
            state: State::Reserved,
            doubted: false,
            rolled_back: false,
            count_failed: charge.limit.count_failed,
            on_unknown: charge.limit.on_unknown,
        }
    }
}
