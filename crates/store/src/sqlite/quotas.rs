//! The quota ledger in memory, and how it moves beside the database. Its rows are `quota_rows.rs`.
//!
//! The ledger moves at once, when a call begins and when it ends; what changed waits in `pending`,
//! in order, and goes into the next commit, each row once however many calls touched it. A commit
//! that fails puts its changes back in front, and the reservations made for it are released.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use quota::{Changes, ClockWatch, Fate, Key, Ledger, Reading, ReserveError, State, StepError};

use crate::{BeginError, CallId, Clock, OutcomeClass, RoomError, StoreError};

/// The ledger, and what of it is not yet durable.
pub(super) struct Book {
    ledger: Ledger,
    pending: Vec<Changes>,
    clock: Arc<dyn Clock>,
    /// Whether the clock can be believed. INVARIANT(believed-time): the ledger is only ever told
    /// moments that it gave.
    watch: ClockWatch,
    /// What people have decided about calls with no known outcome, in the transaction that is being
    /// made. The ledger moves when its commit stands, so one that fails has nothing to take back.
    resolved: Vec<(CallId, Fate)>,
}

/// What a commit is to hold of the ledger.
pub(super) struct Due {
    /// What was not yet durable.
    pub(super) pending: Changes,
    /// What the decisions of people come to, on top of it.
    pub(super) resolved: Result<Changes, StepError>,
}

/// The book, as everybody shares it.
pub(super) type SharedBook = Mutex<Book>;

impl Book {
    pub(super) fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        // The ledger's mark is durable: a clock that was set back while no process ran is noticed.
        let watch = ClockWatch::new(ledger.mark());
        Self { ledger, pending: Vec::new(), clock, watch, resolved: Vec::new() }
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

    /// Closes what was in flight when a process before this one ended, whose calls these are.
    pub(super) fn close(&mut self, abandoned: &HashSet<CallId>) {
        for reservation in self.ledger.reservations(State::Reserved) {
            let call = CallId(reservation.call);
            if abandoned.contains(&call) {
                self.finish(call, OutcomeClass::Unknown);
            }
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

    /// A person's word that the clock is right.
    pub(super) fn confirm_clock(&mut self) {
        self.watch.confirm(self.clock.now().micros(), self.clock.monotonic_micros());
    }

    /// The ledger, for a look, and the moment to look at it.
    pub(super) fn look(&mut self) -> (&Ledger, i64) {
        let now = self.read_clock().now;
        (&self.ledger, now)
    }

    /// Whether a person's decision about a call would change anything. `false`: it was decided so
    /// before.
    pub(super) fn would_resolve(&mut self, call: CallId, fate: Fate) -> Result<bool, StepError> {
        if let Some((_, known)) = self.resolved.iter().find(|(known, _)| *known == call) {
            let (from, to) = (known.state(), fate.state());
            return if from == to { Ok(false) } else { Err(StepError::Illegal { from, to }) };
        }
        let changes = self.ledger.resolve(call.0, None, fate)?;
        let changed = !changes.is_empty();
        self.take_back(&changes);
        Ok(changed)
    }

    /// Resolves a call with the commit of the present transaction.
    pub(super) fn resolve_with_commit(&mut self, call: CallId, fate: Fate) {
        self.resolved.push((call, fate));
    }

    /// The commit stands: the ledger follows it. The rows are written already; they are written
    /// once more with the next commit, for other calls may have moved the same counters meanwhile.
    pub(super) fn resolved_stand(&mut self) {
        for (call, fate) in std::mem::take(&mut self.resolved) {
            match self.ledger.resolve(call.0, None, fate) {
                Ok(changes) => self.keep(changes),
                Err(error) => tracing::error!(%call, %error, "a call was resolved on disk alone"),
            }
        }
    }

    /// The commit has failed, and with it what people decided in it.
    pub(super) fn resolved_fell(&mut self) {
        self.resolved.clear();
    }

    /// Undoes what was done under this very lock.
    fn take_back(&mut self, changes: &Changes) {
        if let Err(error) = self.ledger.undo(changes) {
            tracing::error!(%error, "a trial step of the ledger was not taken back");
        }
    }

    /// Every counter that a remembered call names.
    pub(super) fn keys_of_calls(&self) -> HashSet<Key> {
        let states = [State::Reserved, State::Settled, State::Released, State::Unknown];
        let calls = states.into_iter().flat_map(|state| self.ledger.reservations(state));
        calls.flat_map(|r| r.holds.iter().map(|h| h.key.clone()).collect::<Vec<_>>()).collect()
    }

    /// What is not yet durable, to be written now.
    pub(super) fn take(&mut self) -> Due {
        let pending = Changes::group(self.pending.drain(..));
        let mut steps = Vec::with_capacity(self.resolved.len());
        let mut failed = None;
        for (call, fate) in self.resolved.clone() {
            match self.ledger.resolve(call.0, None, fate) {
                Ok(changes) => steps.push(changes),
                Err(error) => failed = Some(error),
            }
        }
        let resolved = Changes::group(steps);
        self.take_back(&resolved);
        Due { pending, resolved: failed.map_or(Ok(resolved), Err) }
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
