//! A plain second ledger: a list of everything that was ever taken, with nothing forgotten,
//! joined or rounded. Slow and obviously right.

use std::collections::BTreeMap;

use quota::*;

use crate::world::DAY;

#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) call: CallId,
    pub(crate) key: Key,
    pub(crate) amount: i64,
    pub(crate) at: i64,
    pub(crate) state: State,
    pub(crate) doubted: bool,
    pub(crate) rolled_back: bool,
    pub(crate) count_failed: bool,
    pub(crate) on_unknown: OnUnknown,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) taken: Vec<Taken>,
    pub(crate) mark: Option<i64>,
}

/// What a step of the model came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Done,
    Replay,
    Refused,
}

impl Model {
    pub(crate) fn moment(&self, now: i64) -> i64 {
        self.mark.map_or(now, |mark| mark.max(now))
    }

    /// Everything counted of a key since a moment, by state.
    pub(crate) fn sums(&self, key: &Key, since: i64) -> BTreeMap<State, i128> {
        let mut sums = BTreeMap::new();
        for taken in self.taken.iter().filter(|t| t.key == *key && t.at >= since) {
            *sums.entry(taken.state).or_default() += i128::from(taken.amount);
        }
        sums.remove(&State::Released);
        sums
    }

    pub(crate) fn counted(&self, key: &Key, since: i64) -> i128 {
        self.sums(key, since).values().sum()
    }

    /// The two moments between which a window may begin to look: no later than the first, or it
    /// would forget something; no earlier than the second, or it would round too much.
    pub(crate) fn begins(window: &Window, now: i64) -> (i64, i64) {
        match window {
            Window::Calendar { unit, zone } => {
                let start = calendar_span(*unit, zone, now).unwrap().start;
                (start, start)
            }
            Window::Rolling { length_micros } => {
                let slot = (length_micros + SLOTS - 1) / SLOTS;
                (now - length_micros, now - length_micros - slot)
            }
        }
    }

    /// As [`Model::begins`], for a counter that has been used under other windows as well.
    pub(crate) fn begins_roughly(window: &Window, now: i64) -> (i64, i64) {
        let (strict, loose) = Self::begins(window, now);
        (strict, loose.div_euclid(DAY) * DAY)
    }

    pub(crate) fn reserve(&mut self, call: CallId, charges: &[Charge], now: i64) {
        let now = self.moment(now);
        self.mark = Some(now);
        for charge in charges {
            self.taken.push(Taken {
                call,
                key: charge.key.clone(),
                amount: charge.amount,
                at: now,
                state: State::Reserved,
                doubted: false,
                rolled_back: false,
                count_failed: charge.limit.count_failed,
                on_unknown: charge.limit.on_unknown,
            });
        }
    }

    /// Takes every hold of a call where `to` says, all or none.
    pub(crate) fn step(
        &mut self,
        call: CallId,
        by_rule: bool,
        to: impl Fn(&Taken) -> Option<State>,
    ) -> Told {
        let mut told = Told::Refused;
        let mut next = self.taken.clone();
        for taken in next.iter_mut().filter(|t| t.call == call) {
            if told == Told::Refused {
                told = Told::Replay;
            }
            let Some(to) = to(taken) else { continue };
            let known = to == State::Unknown && taken.doubted;
            let gone = taken.rolled_back && to != State::Reserved;
            if taken.state == to || known || gone {
                continue;
            }
            if taken.state.is_final() || to == State::Reserved {
                return Told::Refused;
            }
            taken.state = to;
            taken.rolled_back = by_rule && to == State::Released;
            taken.doubted |= to == State::Unknown;
            told = Told::Done;
        }
        self.taken = next;
        told
    }
}
