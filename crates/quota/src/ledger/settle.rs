//! What becomes of a reservation: settled, released, unknown, and unknown resolved by a person.

use std::sync::Arc;

use crate::changes::{Change, Changes};
use crate::ledger::Ledger;
use crate::reservation::Step;
use crate::{CallId, Hold, Key, Outcome, Reservation, State};

/// What a person decides about a hold with no known outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It was carried out.
    Settle,
    /// It was not.
    Release,
}

impl Fate {
    /// The state it leads to.
    pub const fn state(self) -> State {
        match self {
            Self::Settle => State::Settled,
            Self::Release => State::Released,
        }
    }
}

/// Why a step was not taken. The ledger is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The call holds nothing: it never did, or it was closed so long ago that it is forgotten.
    #[error("the call holds no reservation")]
    NoSuchCall,
    /// The call holds nothing of that counter.
    #[error("the call holds nothing of that counter")]
    NoSuchKey,
    /// What was asked cannot follow the state it is in.
    #[error("a hold that is {} cannot become {}", from.as_str(), to.as_str())]
    Illegal {
        /// The state.
        from: State,
        /// The state asked for.
        to: State,
    },
    /// Only what has no known outcome can be resolved.
    #[error("the call has nothing unknown to resolve")]
    NothingUnknown,
    /// A counter holds less than is to be taken from it. Only damaged rows can lead here.
    #[error("the ledger does not add up")]
    Inconsistent,
}

impl Ledger {
    /// Closes a call by its outcome: each limit by its own settings.
    ///
    /// News may come late: after [`Outcome::Unknown`] a known outcome still closes what was kept as
    /// unknown, and leaves alone what was rolled back by rule.
    ///
    /// - **Errors**: a state the outcome cannot follow. Nothing has changed then. The same outcome
    ///   again changes nothing and is no error.
    pub fn finish(&mut self, call: CallId, outcome: Outcome) -> Result<Changes, StepError> {
        let by_rule = outcome == Outcome::Unknown;
        self.step(call, by_rule, |hold| Some(outcome.leads_to(hold.count_failed, hold.on_unknown)))
    }

    /// Settles everything the call holds.
    ///
    /// - **Errors**: as [`Ledger::finish`].
    pub fn settle(&mut self, call: CallId) -> Result<Changes, StepError> {
        self.step(call, false, |_| Some(State::Settled))
    }

    /// Gives everything the call holds back to the windows it was taken from.
    ///
    /// - **Errors**: as [`Ledger::finish`].
    pub fn release(&mut self, call: CallId) -> Result<Changes, StepError> {
        self.step(call, false, |_| Some(State::Released))
    }

    /// Marks everything the call holds as unknown, whatever its limits say. A sweeper that follows
    /// the limits calls [`Ledger::finish`] with [`Outcome::Unknown`].
    ///
    /// - **Errors**: as [`Ledger::finish`].
    pub fn unknown(&mut self, call: CallId) -> Result<Changes, StepError> {
        self.step(call, false, |_| Some(State::Unknown))
    }

    /// Ends the doubt about what the call holds of one counter, or of all of them.
    ///
    /// Holds that were never unknown are left alone.
    ///
    /// - **Errors**: nothing that is or was unknown, or already resolved the other way. Nothing has
    ///   changed then.
    pub fn resolve(
        &mut self,
        call: CallId,
        key: Option<&Key>,
        fate: Fate,
    ) -> Result<Changes, StepError> {
        let known = self.calls.get(&call).ok_or(StepError::NoSuchCall)?;
        let mut asked = known.holds.iter().filter(|h| key.is_none_or(|key| h.key == *key));
        let first = asked.next().ok_or(StepError::NoSuchKey)?;
        let open = |hold: &Hold| hold.doubted && !hold.rolled_back;
        if !open(first) && !asked.any(open) {
            return Err(StepError::NothingUnknown);
        }
        self.step(call, false, |hold| {
            let chosen = open(hold) && key.is_none_or(|key| hold.key == *key);
            chosen.then(|| fate.state())
        })
    }

    /// Takes every hold where `to` says (`None`: leave it), all or none. `by_rule`: because nobody
    /// knows the outcome.
    fn step(
        &mut self,
        call: CallId,
        by_rule: bool,
        to: impl Fn(&Hold) -> Option<State>,
    ) -> Result<Changes, StepError> {
        let known = Arc::clone(self.calls.get(&call).ok_or(StepError::NoSuchCall)?);
        let mut moves = Vec::with_capacity(known.holds.len());
        for (place, hold) in known.holds.iter().enumerate() {
            let Some(to) = to(hold) else { continue };
            match hold.step(to) {
                Step::Stay => {}
                Step::Go(to) => moves.push((place, to)),
                Step::Illegal => return Err(StepError::Illegal { from: hold.state, to }),
            }
        }
        let mut changes = Changes(Vec::with_capacity(moves.len() + 2));
        if moves.is_empty() {
            return Ok(changes);
        }
        let mut next = Reservation::clone(&known);
        for (place, to) in moves {
            let moved = next.holds.get_mut(place).ok_or(StepError::Inconsistent);
            let moved = moved.and_then(|hold| {
                hold.rolled_back = by_rule && to == State::Released;
                self.move_hold(&mut changes, hold, to)
            });
            if let Err(error) = moved {
                // Just made, so they are the newest and can be taken back.
                let _ = self.undo(&changes);
                return Err(error);
            }
        }
        self.write(&mut changes, known, next);
        Ok(changes)
    }

    /// Moves one hold's amount within the bucket it was taken from.
    fn move_hold(
        &mut self,
        changes: &mut Changes,
        hold: &mut Hold,
        to: State,
    ) -> Result<(), StepError> {
        // Nothing at all may outlive its bucket: it was never kept for it.
        if hold.amount > 0 {
            let counter = self.counters.get_mut(&hold.key).ok_or(StepError::Inconsistent)?;
            let bucket = counter.bucket_of_mut(hold.bucket).ok_or(StepError::Inconsistent)?;
            let before = *bucket;
            let after = before.moved(hold.amount, Some(hold.state), Some(to));
            *bucket = after.ok_or(StepError::Inconsistent)?;
            let (key, start) = (hold.key.clone(), before.start);
            changes.push(Change::Bucket { key, start, before: Some(before), after });
        }
        hold.state = to;
        hold.doubted |= to == State::Unknown;
        Ok(())
    }

    /// Writes down what a reservation has become, and forgets the call that was closed longest ago
    /// when there are too many.
    pub(super) fn write(
        &mut self,
        changes: &mut Changes,
        known: Arc<Reservation>,
        mut next: Reservation,
    ) {
        let call = next.call;
        if next.closed.is_none() && next.is_closed() {
            let newest = self.closed.last_key_value().map(|(number, _)| *number);
            next.closed = Some(newest.map_or(0, |number| number.saturating_add(1)));
        }
        let (before, after) = (Some(known), Some(Arc::new(next)));
        self.make(changes, Change::Reservation { call, before, after });
        while self.closed.len() > self.closed_kept.max(1) {
            let Some((_, call)) = self.closed.first_key_value() else { break };
            let call = *call;
            let before = self.calls.get(&call).cloned();
            self.make(changes, Change::Reservation { call, before, after: None });
        }
    }
}
