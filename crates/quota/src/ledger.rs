//! The ledger: every counter and every reservation, changed one step at a time.
//!
//! One owner, no I/O, no clock. A step either changes everything it should and says which rows
//! changed, or changes nothing and says why.

mod check;
mod past;
mod reserve;
mod settle;
mod sweep;
mod view;

pub use check::LoadError;
pub use past::Past;
pub use reserve::ReserveError;
pub use settle::{Fate, StepError};

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::changes::{Change, Changes, Row};
use crate::counter::Counter;
use crate::window::Spans;
use crate::{CallId, Key, Reservation, State};

/// How many closed calls are remembered, so that repeated messages about them are no-ops.
pub const CLOSED_KEPT: usize = 8_192;

/// How many counters are kept for windows that may be asked about later, rather than for the
/// windows that are in use.
pub const COUNTERS_KEPT: usize = 100_000;

/// All counters and reservations.
///
/// - **Shape**: INVARIANT(counted): in every window, reserved + unknown + settled never passes the
///   `max` that the charge was taken under.
/// - **Units**: amounts in millionths, moments in microseconds since the epoch.
/// - **Source**: [`Ledger::new`], or [`Ledger::load`] of the rows a store has kept.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The latest moment counted at. Time never runs backwards here: an earlier `now` counts as
    /// this one, so no window that has turned ever reopens.
    mark: Option<i64>,
    counters: HashMap<Key, Counter>,
    /// The keys of all counters, in order. Derived.
    keys: BTreeSet<Key>,
    calls: HashMap<CallId, Arc<Reservation>>,
    /// The closed ones, in the order they were closed. Derived.
    closed: BTreeMap<u64, CallId>,
    /// Those with anything unknown. Derived.
    unknown: BTreeSet<CallId>,
    /// Derived.
    spans: Spans,
    closed_kept: usize,
    /// Where the next sweep goes on. Not part of the state.
    swept_to: Option<Key>,
}

/// Equal state, whatever has been worked out or swept.
impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark && self.counters == other.counters && self.calls == other.calls
    }
}

impl Eq for Ledger {}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

/// A change that is not the newest one, so it cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger has changed since; take back the newest change first")]
pub struct UndoError;

impl Ledger {
    /// An empty ledger that remembers [`CLOSED_KEPT`] closed calls.
    pub fn new() -> Self {
        Self::remembering(CLOSED_KEPT)
    }

    /// An empty ledger that remembers so many closed calls.
    pub fn remembering(closed_kept: usize) -> Self {
        Self {
            mark: None,
            counters: HashMap::new(),
            keys: BTreeSet::new(),
            calls: HashMap::new(),
            closed: BTreeMap::new(),
            unknown: BTreeSet::new(),
            spans: Spans::default(),
            closed_kept,
            swept_to: None,
        }
    }

    /// The latest moment counted at, if anything was ever counted.
    pub fn mark(&self) -> Option<i64> {
        self.mark
    }

    /// Every row, to be kept and given to [`Ledger::load`]. A store that writes each
    /// [`Changes`] has exactly these.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.mark.map(Row::Mark).into_iter().collect();
        for key in &self.keys {
            let Some(counter) = self.counters.get(key) else { continue };
            rows.push(Row::Counter(key.clone(), Arc::clone(&counter.seen)));
            rows.extend(counter.buckets.iter().map(|b| Row::Bucket(key.clone(), *b)));
        }
        rows.extend(self.calls.values().map(|r| Row::Reservation(Arc::clone(r))));
        rows
    }

    /// Takes back changes whose commit failed: the ledger is as it was before.
    ///
    /// - **Errors**: when something has changed the same rows since. Then nothing is taken back.
    pub fn undo(&mut self, changes: &Changes) -> Result<(), UndoError> {
        for (undone, change) in changes.0.iter().rev().enumerate() {
            if !self.is_after(change) {
                // Put forward again what was taken back, oldest first.
                let first = changes.0.len() - undone;
                changes.0.iter().skip(first).for_each(|change| self.apply(change, true));
                return Err(UndoError);
            }
            self.apply(change, false);
        }
        Ok(())
    }

    /// The moment the ledger counts at: never before one it has counted at already.
    fn moment(&self, now: i64) -> i64 {
        self.mark.map_or(now, |mark| mark.max(now))
    }

    /// Whether the row is what the change made of it.
    fn is_after(&self, change: &Change) -> bool {
        match change {
            Change::Mark { after, .. } => self.mark == *after,
            Change::Counter { key, after, .. } => {
                let seen = self.counters.get(key).map(|c| &c.seen).filter(|s| !s.is_empty());
                seen == after.as_ref()
            }
            Change::Bucket { key, start, after, .. } => {
                self.counters.get(key).and_then(|c| c.bucket(*start)) == *after
            }
            Change::Reservation { call, after, .. } => self.calls.get(call) == after.as_ref(),
        }
    }

    /// Puts one row in place: as it is after the change, or as it was before.
    fn apply(&mut self, change: &Change, forward: bool) {
        match change {
            Change::Mark { before, after } => self.mark = if forward { *after } else { *before },
            Change::Counter { key, before, after } => {
                let seen = if forward { after } else { before };
                self.counter_put(key, |c| c.seen = seen.clone().unwrap_or_default());
            }
            Change::Bucket { key, start, before, after } => {
                let bucket = if forward { *after } else { *before };
                self.counter_put(key, |c| c.put(*start, bucket));
            }
            Change::Reservation { call, before, after } => {
                let reservation = if forward { after } else { before };
                self.reservation_put(*call, reservation.clone());
            }
        }
    }

    /// Changes a counter, which exists exactly while it has limits or buckets.
    fn counter_put(&mut self, key: &Key, put: impl FnOnce(&mut Counter)) {
        let counter = self.counter_entry(key);
        put(counter);
        if counter.seen.is_empty() && counter.buckets.is_empty() {
            self.counters.remove(key);
            self.keys.remove(key);
        }
    }

    /// The counter, made if need be.
    fn counter_entry(&mut self, key: &Key) -> &mut Counter {
        match self.counters.entry(key.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                self.keys.insert(key.clone());
                place.insert(Counter::default())
            }
        }
    }

    fn reservation_put(&mut self, call: CallId, reservation: Option<Arc<Reservation>>) {
        let closed = reservation.as_ref().and_then(|r| r.closed);
        if let Some(number) = closed {
            self.closed.insert(number, call);
        }
        if reservation.as_ref().is_some_and(|r| r.has(State::Unknown)) {
            self.unknown.insert(call);
        } else {
            self.unknown.remove(&call);
        }
        let before = match reservation {
            Some(reservation) => self.calls.insert(call, reservation),
            None => self.calls.remove(&call),
        };
        if let Some(gone) = before.and_then(|r| r.closed)
            && closed != Some(gone)
        {
            self.closed.remove(&gone);
        }
    }

    /// Makes a change and writes it down.
    fn make(&mut self, changes: &mut Changes, change: Change) {
        self.apply(&change, true);
        changes.push(change);
    }
}
