//! Exchanges that were begun and wait for their answer: challenges of passkeys, visits to identity
//! providers. Each is answered once, within minutes, or never.
//!
//! They live in memory, bounded, so that strangers who begin and never answer push out each other
//! before anybody else. After a restart people begin again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::Moment;

/// How long an answer may take.
pub(crate) const WAIT_SECONDS: i64 = 10 * 60;
/// The most that wait, from everywhere together.
const WAITING_MAX: usize = 4_096;
/// The most that wait from one address.
const WAITING_PER_ADDRESS_MAX: usize = 64;

/// What waits for an answer, by the secret that the answer brings back.
pub(crate) struct Pending<T>(Mutex<HashMap<Vec<u8>, Waiting<T>>>);

struct Waiting<T> {
    what: T,
    address: IpAddr,
    since: Moment,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pending<T> {
    /// Remembers what was begun under this secret.
    pub(crate) fn begin(&self, secret: Vec<u8>, what: T, address: IpAddr, now: Moment) {
        let mut waiting = self.lock();
        let address = crate::strangers::block(address);
        waiting.retain(|_, w| now < w.since.plus_seconds(WAIT_SECONDS));
        let own = waiting.values().filter(|w| w.address == address).count();
        if own >= WAITING_PER_ADDRESS_MAX {
            drop_oldest(&mut waiting, |w| w.address == address);
        } else if waiting.len() >= WAITING_MAX {
            drop_oldest(&mut waiting, |_| true);
        }
        waiting.insert(secret, Waiting { what, address, since: now });
    }

    /// Hands out what was begun under this secret, once.
    pub(crate) fn answer(&self, secret: &[u8], now: Moment) -> Option<T> {
        let found = self.lock().remove(secret)?;
        (now < found.since.plus_seconds(WAIT_SECONDS)).then_some(found.what)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Waiting<T>>> {
        // The map is whole after every single call: nothing is half done if a holder died.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_oldest<T>(waiting: &mut HashMap<Vec<u8>, Waiting<T>>, among: impl Fn(&Waiting<T>) -> bool) {
    let oldest = waiting.iter().filter(|(_, w)| among(w)).min_by_key(|(_, w)| w.since.micros());
    if let Some(oldest) = oldest.map(|(secret, _)| secret.clone()) {
        waiting.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::of_micros(0);

    fn here(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    #[test]
    fn an_answer_counts_once_and_in_time() {
        let pending = Pending::default();
        pending.begin(b"a".into(), 1, here(1), START);
        pending.begin(b"b".into(), 2, here(1), START);
        assert_eq!(pending.answer(b"a", START), Some(1));
        assert_eq!(pending.answer(b"a", START), None);
        assert_eq!(pending.answer(b"c", START), None);
        assert_eq!(pending.answer(b"b", START.plus_seconds(WAIT_SECONDS)), None);
    }

    #[test]
    fn who_begins_without_end_pushes_out_their_own() {
        let pending = Pending::default();
        pending.begin(b"honest".into(), 0, here(9), START);
        for n in 0..1_000_u32 {
            let at = START.plus_seconds(1);
            pending.begin(n.to_be_bytes().into(), 1, here(7), at);
        }
        assert!(pending.lock().len() <= WAITING_PER_ADDRESS_MAX + 1);
        assert_eq!(pending.answer(b"honest", START.plus_seconds(2)), Some(0));
    }
}
