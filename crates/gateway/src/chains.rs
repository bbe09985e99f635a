//! Chains: the legs of a multi-round-trip call. A chain is opened when an upstream asks for input
//! and can be continued once: a state that is shown a second time is refused, so nobody gets a
//! second call for the price of one.

use std::collections::HashMap;
use std::sync::Mutex;

use store::{CallId, Moment};

/// How long a chain may wait for its next leg.
pub(crate) const CHAIN_SECONDS: i64 = 600;
/// The most chains that wait at once; beyond, the oldest are given up.
const CHAINS_MAX: usize = 10_000;

/// Chains that wait for their next leg.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    waiting: Mutex<HashMap<(CallId, u32), Moment>>,
}

impl Chains {
    /// A leg has ended by asking for input: the next one may come until the chain expires.
    /// Hands back the chains that were given up.
    pub(crate) fn open(&self, call: CallId, leg: u32, now: Moment) -> Vec<CallId> {
        let mut waiting = self.lock();
        let mut ended = expired(&mut waiting, now);
        if waiting.len() >= CHAINS_MAX
            && let Some(oldest) = waiting.iter().min_by_key(|(_, end)| **end).map(|(key, _)| *key)
        {
            waiting.remove(&oldest);
            ended.push(oldest.0);
        }
        waiting.insert((call, leg), now.plus_seconds(CHAIN_SECONDS));
        ended
    }

    /// Takes the place of the next leg: once.
    pub(crate) fn resume(&self, call: CallId, leg: u32, now: Moment) -> bool {
        self.lock().remove(&(call, leg)).is_some_and(|end| now < end)
    }

    /// Chains whose time is over.
    pub(crate) fn expired(&self, now: Moment) -> Vec<CallId> {
        expired(&mut self.lock(), now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(CallId, u32), Moment>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn expired(waiting: &mut HashMap<(CallId, u32), Moment>, now: Moment) -> Vec<CallId> {
    let over: Vec<_> =
        waiting.iter().filter(|(_, end)| now >= **end).map(|(key, _)| *key).collect();
    for key in &over {
        waiting.remove(key);
    }
    over.into_iter().map(|(call, _)| call).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_continued_once_and_in_time() {
        let chains = Chains::default();
        let now = Moment::of_micros(0);
        let call = CallId([1; 16]);
        assert!(chains.open(call, 1, now).is_empty());
        assert!(!chains.resume(call, 2, now));
        assert!(chains.resume(call, 1, now));
        assert!(!chains.resume(call, 1, now), "a second time");
        chains.open(call, 2, now);
        let late = now.plus_seconds(CHAIN_SECONDS);
        assert_eq!(chains.expired(late), [call]);
        assert!(!chains.resume(call, 2, late));
    }
}
