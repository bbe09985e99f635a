//! The quota ledger in memory, and how it moves beside the database. Its rows are `quota_rows.rs`.
//!
//! The ledger moves at once, when a call begins and when it ends; what changed waits in `pending`,
//! in order, and goes into the next commit, each row once however many calls touched it. A commit
//! that fails puts its changes back in front, and the reservations made for it are released.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use quota::{Changes, Key, Ledger, OnUnknown, State};

use super::desk::locked;
use crate::{CallId, Moment, OutcomeClass};

/// The ledger, and what of it is not yet durable.
#[derive(Default)]
pub(super) struct Book {
    ledger: Ledger,
    pending: Vec<Changes>,
}

/// The book, as everybody shares it.
pub(super) type SharedBook = Mutex<Book>;

impl Book {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, pending: Vec::new() }
    }

    /// Takes room for a call, under all its limits or none. `false`: the call holds it already.
    pub(super) fn reserve(
        &mut self,
        call: CallId,
        charges: &[quota::Charge],
        now: Moment,
    ) -> Result<bool, quota::ReserveError> {
        let changes = self.ledger.reserve(call.0, charges, now.micros())?;
        let took = !changes.is_empty();
        self.keep(changes);
        Ok(took)
    }

    /// Closes a call by its outcome. A leg that asks for input leaves it open.
    pub(super) fn finish(&mut self, call: CallId, class: OutcomeClass) {
        let outcome = match class {
            OutcomeClass::Completed => quota::Outcome::Completed,
            OutcomeClass::ToolFailed => quota::Outcome::ToolFailed,
            OutcomeClass::UpstreamError => quota::Outcome::UpstreamError,
            OutcomeClass::NotSent => quota::Outcome::NotSent,
            OutcomeClass::Unknown => quota::Outcome::Unknown,
            OutcomeClass::InputRequired => return,
        };
        match self.ledger.finish(call.0, outcome) {
            Ok(changes) => self.keep(changes),
            Err(quota::StepError::NoSuchCall) => {}
            Err(error) => tracing::error!(%call, %error, "the quota of a call was not closed"),
        }
    }

    /// Gives back what a call took whose intent was not written.
    pub(super) fn release(&mut self, call: CallId) {
        if let Ok(changes) = self.ledger.release(call.0) {
            self.keep(changes);
        }
    }

    /// Closes what was in flight when the process before this one ended.
    pub(super) fn close_left_over(&mut self) {
        for reservation in self.ledger.reservations(State::Reserved) {
            self.finish(CallId(reservation.call), OutcomeClass::Unknown);
        }
    }

    /// Joins and forgets what no window looks at any more, some counters at a time.
    pub(super) fn sweep(&mut self, now: Moment) {
        let changes = self.ledger.sweep(now.micros(), 512);
        self.keep(changes);
    }

    pub(super) fn fits(&self, charge: &quota::Charge, now: Moment) -> bool {
        self.ledger.fits(std::slice::from_ref(charge), now.micros()).is_ok()
    }

    pub(super) fn usages(&self, org: &str, grant: &str, now: Moment) -> Vec<quota::Usage> {
        self.ledger.usages(&quota::KeyPrefix::grant(org, grant), now.micros())
    }

    /// Every counter that a remembered call names.
    pub(super) fn keys_of_calls(&self) -> HashSet<Key> {
        let states = [State::Reserved, State::Settled, State::Released, State::Unknown];
        let calls = states.into_iter().flat_map(|state| self.ledger.reservations(state));
        calls.flat_map(|r| r.holds.iter().map(|h| h.key.clone()).collect::<Vec<_>>()).collect()
    }

    /// What is not yet durable, to be written now.
    pub(super) fn take(&mut self) -> Changes {
        Changes::group(self.pending.drain(..))
    }

    /// The commit has failed: what was taken comes before all that changed since.
    pub(super) fn put_back(&mut self, changes: Changes) {
        if !changes.is_empty() {
            self.pending.insert(0, changes);
        }
    }

    fn keep(&mut self, changes: Changes) {
        if !changes.is_empty() {
            self.pending.push(changes);
        }
    }
}

/// The charge as the ledger counts it.
pub(super) fn charge(key: &Key, charge: &policy::Charge) -> quota::Charge {
    let unit = match charge.window {
        policy::Window::Minute => Some(quota::Unit::Minute),
        policy::Window::Hour => Some(quota::Unit::Hour),
        policy::Window::Day => Some(quota::Unit::Day),
        policy::Window::Week => Some(quota::Unit::Week),
        policy::Window::Month => Some(quota::Unit::Month),
        policy::Window::Length(_) => None,
    };
    let window = match unit.filter(|_| !charge.rolling) {
        Some(unit) => {
            quota::Window::Calendar { unit, zone: charge.zone.iana_name().unwrap_or("UTC").into() }
        }
        None => {
            let length = charge.window.rolling_length().as_micros();
            quota::Window::Rolling { length_micros: i64::try_from(length).unwrap_or(i64::MAX) }
        }
    };
    quota::Charge {
        key: key.clone(),
        limit: quota::Limit {
            rule: Arc::clone(&charge.rule),
            window,
            max: charge.max_millionths,
            count_failed: charge.count_failed,
            on_unknown: match charge.on_unknown {
                policy::OnUnknown::Keep => OnUnknown::Keep,
                policy::OnUnknown::RollBack => OnUnknown::RollBack,
            },
        },
        amount: charge.amount_millionths,
    }
}

/// Whether there is room now.
pub(super) fn fits(book: &SharedBook, key: &Key, of: &policy::Charge, now: Moment) -> bool {
    locked(book).fits(&charge(key, of), now)
}
