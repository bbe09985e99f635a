//! The quota ledger in memory, and how it moves beside the database. Its rows are `quota_rows.rs`.
//!
//! The ledger moves at once, when a call begins and when it ends; what changed waits in `pending`,
//! in order, and goes into the next commit, each row once however many calls touched it. A commit
//! that fails puts its changes back in front, and the reservations made for it are released.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use quota::{Changes, ClockWatch, Key, Ledger, Reading, ReserveError, State};

use crate::{BeginError, CallId, Clock, OutcomeClass, RoomError, StoreError};

/// The ledger, and what of it is not yet durable.
pub(super) struct Book {
    ledger: Ledger,
    pending: Vec<Changes>,
    clock: Arc<dyn Clock>,
    /// Whether the clock can be believed. INVARIANT(believed-time): the ledger is only ever told
    /// moments that it gave.
    watch: ClockWatch,
}

/// The book, as everybody shares it.
pub(super) type SharedBook = Mutex<Book>;

impl Book {
    pub(super) fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        // The ledger's mark is durable: a clock that was set back while no process ran is noticed.
        let watch = ClockWatch::new(ledger.mark());
        Self { ledger, pending: Vec::new(), clock, watch }
    }

    /// What the clock says, and whether that can be believed.
    pub(super) fn read_clock(&mut self) -> Reading {
        let known = self.watch.doubt();
        let reading = self.watch.read(self.clock.now().micros(), self.clock.monotonic_micros());
        match (known, reading.doubt) {
            (None, Some(doubt)) => tracing::error!(%doubt, "calls with limits are denied"),
            (Some(_), None) => tracing::info!("the clock is believed again"),
            _ => {}
        }
        reading
    }

    /// The moment to count at, unless the clock is in doubt.
    fn moment(&mut self, first: Option<&quota::Charge>) -> Result<i64, RoomError> {
        match self.read_clock() {
            Reading { now, doubt: None } => Ok(now),
            Reading { doubt: Some(doubt), .. } => {
                let rule = first.map_or_else(|| Arc::from(""), |c| Arc::clone(&c.limit.rule));
                Err(RoomError::ClockUncertain { rule, doubt })
            }
        }
    }

    /// Takes room for a call, under all its limits or none. `false`: the call holds it already.
    pub(super) fn reserve(
        &mut self,
        call: CallId,
        charges: &[quota::Charge],
    ) -> Result<bool, BeginError> {
        let now = self.moment(charges.first())?;
        let changes = self.ledger.reserve(call.0, charges, now).map_err(|error| match error {
            ReserveError::OtherCharges => StoreError::Unavailable(error.into()).into(),
            other => BeginError::NoRoom(no_room(other)),
        })?;
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
    pub(super) fn sweep(&mut self) {
        let reading = self.read_clock();
        // A clock that jumped ahead must not make the past look long gone.
        if reading.doubt.is_none() {
            let changes = self.ledger.sweep(reading.now, 512);
            self.keep(changes);
        }
    }

    /// Whether there is room now.
    pub(super) fn room(&mut self, charge: &quota::Charge) -> Result<(), RoomError> {
        let now = self.moment(Some(charge))?;
        self.ledger.fits(std::slice::from_ref(charge), now).map_err(no_room)
    }

    pub(super) fn usages(&mut self, org: &str, grant: &str) -> Vec<quota::Usage> {
        let now = self.read_clock().now;
        self.ledger.usages(&quota::KeyPrefix::grant(org, grant), now)
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

fn no_room(error: ReserveError) -> RoomError {
    match error {
        ReserveError::Exhausted(exhausted) => RoomError::Exhausted(exhausted),
        ReserveError::Amount { ref rule } | ReserveError::Window { ref rule, .. } => {
            RoomError::Uncountable { rule: Arc::clone(rule), source: error }
        }
        other => RoomError::Uncountable { rule: "".into(), source: other },
    }
}
