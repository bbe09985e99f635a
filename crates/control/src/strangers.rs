//! Bad keys, counted per address: whoever guesses is answered without asking the store.
//!
//! A key that was good lately still gets in from a blocked address, so that a noisy neighbour
//! behind the same address locks nobody out.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::Moment;
use vault::TokenId;

/// The bad keys an address may show within one window.
pub(crate) const BAD_KEYS_MAX: u32 = 20;
/// The length of a window.
pub(crate) const WINDOW_SECONDS: i64 = 60;
/// The most addresses remembered; beyond it the quietest are forgotten.
const ADDRESSES_MAX: usize = 4096;
/// The most good keys remembered.
const GOOD_MAX: usize = 256;

/// Who showed bad keys lately.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    bad: HashMap<IpAddr, (Moment, u32)>,
    good: VecDeque<TokenId>,
}

impl Strangers {
    /// Whether a key from this address is not worth a look-up.
    pub(crate) fn refuses(&self, address: IpAddr, token: TokenId, now: Moment) -> bool {
        let seen = self.seen();
        let over = seen.bad.get(&block(address)).is_some_and(|(since, count)| {
            *count >= BAD_KEYS_MAX && now < since.plus_seconds(WINDOW_SECONDS)
        });
        over && !seen.good.contains(&token)
    }

    /// Counts a bad key. Answers whether the address has shown too many.
    pub(crate) fn bad(&self, address: IpAddr, now: Moment) -> bool {
        let mut seen = self.seen();
        let block = block(address);
        if seen.bad.len() >= ADDRESSES_MAX && !seen.bad.contains_key(&block) {
            seen.bad.retain(|_, (since, _)| now < since.plus_seconds(WINDOW_SECONDS));
            if seen.bad.len() >= ADDRESSES_MAX {
                let quietest = seen.bad.iter().min_by_key(|(_, (_, count))| *count);
                if let Some(quietest) = quietest.map(|(address, _)| *address) {
                    seen.bad.remove(&quietest);
                }
            }
        }
        let entry = seen.bad.entry(block).or_insert((now, 0));
        if now >= entry.0.plus_seconds(WINDOW_SECONDS) {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1 > BAD_KEYS_MAX
    }

    /// Remembers a key that was good.
    pub(crate) fn good(&self, token: TokenId) {
        let mut seen = self.seen();
        if !seen.good.contains(&token) {
            if seen.good.len() >= GOOD_MAX {
                seen.good.pop_front();
            }
            seen.good.push_back(token);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // The table holds counts only: a thread that died while counting left nothing half true.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one address: a whole /64 of IPv6, because everybody there has all of it.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((u128::from(six) & !u128::from(u64::MAX)).into()),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use vault::{OsRandom, Token, TokenKind};

    use super::*;

    fn token() -> TokenId {
        Token::mint(TokenKind::ApiKey, &OsRandom).unwrap().id()
    }

    #[test]
    fn an_address_that_guesses_is_refused_for_a_window_and_good_keys_still_pass() {
        let (strangers, good) = (Strangers::default(), token());
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let start = Moment::of_micros(0);
        strangers.good(good);
        for _ in 0..BAD_KEYS_MAX {
            assert!(!strangers.refuses(here, token(), start));
            assert!(!strangers.bad(here, start));
        }
        assert!(strangers.refuses(here, token(), start));
        assert!(strangers.bad(here, start));
        assert!(!strangers.refuses(here, good, start));
        assert!(!strangers.refuses(there, token(), start));
        assert!(!strangers.refuses(here, token(), start.plus_seconds(WINDOW_SECONDS)));
    }

    #[test]
    fn the_table_stays_bounded_and_keeps_the_loudest() {
        let strangers = Strangers::default();
        let loud = IpAddr::from([203, 0, 113, 7]);
        let now = Moment::of_micros(0);
        for _ in 0..=BAD_KEYS_MAX {
            strangers.bad(loud, now);
        }
        for n in 0..10_000_u32 {
            strangers.bad(IpAddr::from(n.to_be_bytes()), now);
            strangers.good(token());
        }
        assert!(strangers.seen().bad.len() <= ADDRESSES_MAX);
        assert!(strangers.seen().good.len() <= GOOD_MAX);
        assert!(strangers.refuses(loud, token(), now));
    }

    #[test]
    fn one_network_of_version_six_is_one_address() {
        let strangers = Strangers::default();
        let now = Moment::of_micros(0);
        for n in 0..=u16::try_from(BAD_KEYS_MAX).unwrap() {
            strangers.bad(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n]), now);
        }
        assert!(strangers.refuses(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), token(), now));
        assert!(!strangers.refuses(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]), token(), now));
    }
}
