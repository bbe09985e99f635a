//! Bad keys, counted per address, so that whoever guesses is told to stop.
//!
//! A key is 256 random bits: counting is no defence against finding one. So a good key is never
//! turned away for what others do behind the same address, and nobody can be locked out by noise.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::Moment;

/// The bad keys an address may show within one window.
pub(crate) const BAD_KEYS_MAX: u32 = 20;
/// The length of a window.
pub(crate) const WINDOW_SECONDS: i64 = 60;
/// The most addresses remembered; beyond it the quietest are forgotten.
const ADDRESSES_MAX: usize = 4096;

/// Who showed bad keys lately: since when, and how many.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<HashMap<IpAddr, (Moment, u32)>>);

impl Strangers {
    /// Counts a bad key. Answers whether the address has shown too many.
    pub(crate) fn bad(&self, address: IpAddr, now: Moment) -> bool {
        let mut seen = self.seen();
        let block = block(address);
        if seen.len() >= ADDRESSES_MAX && !seen.contains_key(&block) {
            seen.retain(|_, (since, _)| now < since.plus_seconds(WINDOW_SECONDS));
            if seen.len() >= ADDRESSES_MAX {
                let quietest = seen.iter().min_by_key(|(_, (_, count))| *count);
                if let Some(quietest) = quietest.map(|(address, _)| *address) {
                    seen.remove(&quietest);
                }
            }
        }
        let entry = seen.entry(block).or_insert((now, 0));
        if now >= entry.0.plus_seconds(WINDOW_SECONDS) {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1 > BAD_KEYS_MAX
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<IpAddr, (Moment, u32)>> {
        // The table holds counts only: a thread that died while counting left nothing half true.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one address: a whole /64 of IPv6, because everybody there has all of it.
pub(crate) fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((u128::from(six) & !u128::from(u64::MAX)).into()),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_guesses_is_counted_for_a_window() {
        let strangers = Strangers::default();
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let start = Moment::of_micros(0);
        for _ in 0..BAD_KEYS_MAX {
            assert!(!strangers.bad(here, start));
        }
        assert!(strangers.bad(here, start));
        assert!(!strangers.bad(there, start));
        assert!(strangers.bad(here, start.plus_seconds(WINDOW_SECONDS - 1)));
        assert!(!strangers.bad(here, start.plus_seconds(WINDOW_SECONDS)));
    }

    #[test]
    fn the_table_stays_bounded_and_keeps_the_loudest() {
        let strangers = Strangers::default();
        let loud = IpAddr::from([203, 0, 113, 7]);
        let now = Moment::of_micros(0);
        for _ in 0..BAD_KEYS_MAX {
            strangers.bad(loud, now);
        }
        for n in 0..10_000_u32 {
            strangers.bad(IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(strangers.seen().len() <= ADDRESSES_MAX);
        assert!(strangers.bad(loud, now));
    }

    #[test]
    fn one_network_of_version_six_is_one_address() {
        let strangers = Strangers::default();
        let now = Moment::of_micros(0);
        for n in 0..u16::try_from(BAD_KEYS_MAX).unwrap() {
            strangers.bad(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n]), now);
        }
        assert!(strangers.bad(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), now));
        assert!(!strangers.bad(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]), now));
    }
}
