//! Looking at the ledger: usage of limits, and what is in flight or unknown.

use std::ops::Bound;
use std::sync::Arc;

use crate::counter::{Bucket, Held};
use crate::ledger::Ledger;
use crate::window::Frame;
use crate::{
    CallId, Charge, Exhausted, Key, KeyPrefix, Reservation, State, Usage, Window, WindowError,
};

impl Ledger {
    /// The usage of one counter as a limit with this window and `max` sees it, whether or not it
    /// was ever charged.
    ///
    /// - **Units**: `max` in millionths, `now` in microseconds since the epoch.
    /// - **Errors**: a window that cannot be placed.
    pub fn usage(
        &self,
        key: &Key,
        rule: &Arc<str>,
        window: &Window,
        max: i64,
        now: i64,
    ) -> Result<Usage, WindowError> {
        let frame = window.frame(self.moment(now), &self.spans)?;
        let sum = self.held(key, frame);
        Ok(Usage {
            key: key.clone(),
            rule: Arc::clone(rule),
            window: window.clone(),
            max,
            used: clamp(sum.used),
            held: clamp(sum.held),
            unknown: clamp(sum.unknown),
            left: left(max, sum),
            resets_at: self.resets_at(key, window, frame),
        })
    }

    /// The usage of every counter with this prefix, under the limits it was last charged with. A
    /// limit that was changed shows its present form after its next charge;
    /// [`Ledger::usage`] shows it at once.
    pub fn usages(&self, prefix: &KeyPrefix, now: i64) -> Vec<Usage> {
        self.counters(prefix)
            .filter_map(|key| Some((key, self.counters.get(key)?)))
            .flat_map(|(key, counter)| counter.shown().map(move |seen| (key, seen)))
            .filter_map(|(key, seen)| self.usage(key, &seen.rule, &seen.window, seen.max, now).ok())
            .collect()
    }

    /// The counters with this prefix that hold anything or did so lately, in order.
    pub fn counters(&self, prefix: &KeyPrefix) -> impl Iterator<Item = &Key> {
        let from = (Bound::Included(prefix.bytes()), Bound::Unbounded);
        self.keys.range::<[u8], _>(from).take_while(|key| prefix.covers(key))
    }

    /// What a call holds, while it is remembered.
    pub fn reservation(&self, call: &CallId) -> Option<&Arc<Reservation>> {
        self.calls.get(call)
    }

    /// The reservations with anything in this state, oldest first: in flight for a sweeper that
    /// closes what a dead process left, unknown for the person who resolves it.
    pub fn reservations(&self, state: State) -> Vec<Arc<Reservation>> {
        let mut found: Vec<_> = self.calls.values().filter(|r| r.has(state)).cloned().collect();
        found.sort_by_key(|reservation| (reservation.at, reservation.call));
        found
    }

    /// How many counters, buckets and reservations are in memory.
    pub fn size(&self) -> (usize, usize, usize) {
        let buckets = self.counters.values().map(|c| c.buckets.len()).sum();
        (self.counters.len(), buckets, self.calls.len())
    }

    fn held(&self, key: &Key, frame: Frame) -> Held {
        self.counters.get(key).map(|c| c.holds_since(frame.since)).unwrap_or_default()
    }

    fn resets_at(&self, key: &Key, window: &Window, frame: Frame) -> Option<i64> {
        match window {
            Window::Calendar { .. } => frame.turns_at,
            Window::Rolling { length_micros } => {
                // What was given back has left nothing to wait for.
                let holds = |b: &&Bucket| b.settled > 0 || b.held > 0 || b.unknown > 0;
                let seen = self.counters.get(key)?.buckets_since(frame.since);
                Some(leaves_at(seen.iter().find(holds)?.last, *length_micros))
            }
        }
    }

    /// What is to be said about a limit that has no room.
    pub(super) fn exhausted(
        &self,
        charge: &Charge,
        asked: i64,
        frame: Frame,
        now: i64,
    ) -> Exhausted {
        let (key, limit) = (&charge.key, &charge.limit);
        let sum = self.held(key, frame);
        let room_at = if asked > limit.max {
            None
        } else {
            match &limit.window {
                Window::Calendar { .. } => frame.turns_at,
                Window::Rolling { length_micros } => {
                    let mut over = sum.counted() + i128::from(asked) - i128::from(limit.max);
                    let buckets = self.counters.get(key).map(|c| c.buckets_since(frame.since));
                    buckets.unwrap_or_default().iter().find_map(|b| {
                        over -= i128::from(b.settled) + i128::from(b.held) + i128::from(b.unknown);
                        (over <= 0).then(|| leaves_at(b.last, *length_micros))
                    })
                }
            }
        };
        Exhausted {
            rule: Arc::clone(&limit.rule),
            key: key.clone(),
            window: limit.window.clone(),
            max: limit.max,
            used: clamp(sum.used),
            held: clamp(sum.held),
            unknown: clamp(sum.unknown),
            left: left(limit.max, sum),
            asked,
            resets_at: self.resets_at(key, &limit.window, frame),
            retry_after_micros: room_at.map(|at| at.saturating_sub(now)),
        }
    }
}

/// The first moment at which a rolling window of this length no longer sees `last`. A window is
/// closed at both ends, so that no interval of its length, ends included, holds too much.
const fn leaves_at(last: i64, length_micros: i64) -> i64 {
    last.saturating_add(length_micros).saturating_add(1)
}

fn left(max: i64, sum: Held) -> i64 {
    clamp((i128::from(max) - sum.counted()).max(0))
}

/// For people: sums beyond 64 bits are shown as the most that fits.
fn clamp(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
