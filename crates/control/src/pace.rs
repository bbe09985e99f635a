//! How fast one member may ask: a bucket each, so that a script that runs wild does not slow the
//! people beside it, nor the calls of agents.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use store::{MemberId, Moment};

/// Requests a member may make at once.
const BURST: i64 = 1_000;
/// Requests a second that come back.
const REFILL: i64 = 100;
/// The most members remembered; beyond it those who have been quiet longest are forgotten.
const MEMBERS_MAX: usize = 10_000;

/// A whole request, in the units that are counted: a millionth each, so that microseconds refill.
const WHOLE: i64 = 1_000_000;

/// What each member has left, and since when.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<MemberId, (Moment, i64)>>);

impl Pace {
    /// Takes one request. Answers whether there was one left.
    pub(crate) fn takes(&self, member: &MemberId, now: Moment) -> bool {
        // The table holds counts only: a thread that died while counting left nothing half true.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MEMBERS_MAX && !known.contains_key(member) {
            let quietest = known.iter().min_by_key(|(_, (at, _))| *at).map(|(id, _)| id.clone());
            quietest.map(|quietest| known.remove(&quietest));
        }
        let (at, left) = known.entry(member.clone()).or_insert((now, BURST * WHOLE));
        // A clock that was set back refills nothing and takes nothing away.
        let passed = now.micros().saturating_sub(at.micros()).max(0);
        *left = left.saturating_add(passed.saturating_mul(REFILL)).min(BURST * WHOLE);
        *at = now;
        if *left < WHOLE {
            return false;
        }
        *left -= WHOLE;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_runs_wild_is_slowed_and_nobody_else() {
        let (pace, wild, calm) =
            (Pace::default(), MemberId::from("mem_a"), MemberId::from("mem_b"));
        let start = Moment::of_micros(0);
        for _ in 0..BURST {
            assert!(pace.takes(&wild, start));
        }
        assert!(!pace.takes(&wild, start));
        assert!(pace.takes(&calm, start));
        let second = start.plus_seconds(1);
        assert_eq!((0..1_000).filter(|_| pace.takes(&wild, second)).count() as i64, REFILL);
        // A clock set back gives nothing.
        assert!(!pace.takes(&wild, start));
    }
}
