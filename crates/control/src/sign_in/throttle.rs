//! Failed sign-ins, counted per account and per address: after a few, each next one waits longer.
//!
//! An account is the address that was typed, whether it exists or not, so that the waiting tells
//! nobody who is a member. The counts live in memory, bounded; whoever knows the password waits as
//! everybody does, and passkeys and identity providers stay open meanwhile.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::Moment;

/// Failures of an account that cost nothing.
const ACCOUNT_FREE: u32 = 5;
/// Failures of an address that cost nothing: many people may sit behind one.
const ADDRESS_FREE: u32 = 20;
/// Failures in a row after which the account waits a day.
const ACCOUNT_MAX: u32 = 100;
/// The longest wait before that.
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// The wait after [`ACCOUNT_MAX`] failures.
const LOCKED_SECONDS: i64 = 24 * 60 * 60;
/// An account or address without failures for so long starts anew.
const FORGOTTEN_SECONDS: i64 = 24 * 60 * 60;
/// The most accounts, and the most addresses, remembered; beyond, the quietest are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// Who failed lately.
#[derive(Default)]
pub(crate) struct Throttle {
    accounts: Counts<String>,
    addresses: Counts<IpAddr>,
}

struct Counts<K>(Mutex<HashMap<K, Count>>);

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    last: Moment,
    /// No attempt is looked at before this.
    until: Moment,
}

impl Throttle {
    /// Takes an attempt's place before it is looked at: it counts as failed until
    /// [`Throttle::succeeded`] says otherwise, so that a hundred attempts at once are a hundred.
    ///
    /// - **Errors**: how many seconds to wait.
    pub(crate) fn attempt(&self, account: &str, address: IpAddr, now: Moment) -> Result<(), i64> {
        let account = account.to_ascii_lowercase();
        let address = block(address);
        let wait = self.accounts.wait(&account, now).max(self.addresses.wait(&address, now));
        if wait > 0 {
            return Err(wait);
        }
        self.accounts.count(account, ACCOUNT_FREE, Some(ACCOUNT_MAX), now);
        self.addresses.count(address, ADDRESS_FREE, None, now);
        Ok(())
    }

    /// The attempt was good: the account starts anew, and the address gets this one back.
    pub(crate) fn succeeded(&self, account: &str, address: IpAddr) {
        self.accounts.lock().remove(&account.to_ascii_lowercase());
        if let Some(count) = self.addresses.lock().get_mut(&block(address)) {
            count.failures = count.failures.saturating_sub(1);
            count.until = count.last;
        }
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn wait(&self, key: &K, now: Moment) -> i64 {
        let counts = self.lock();
        let until = counts.get(key).map_or(now, |count| count.until);
        // Rounded up, so that coming back at that second is not too early.
        (until.micros() - now.micros()).max(0).div_euclid(1_000_000)
            + i64::from((until.micros() - now.micros()).max(0) % 1_000_000 > 0)
    }

    fn count(&self, key: K, free: u32, most: Option<u32>, now: Moment) {
        let mut counts = self.lock();
        if counts.len() >= REMEMBERED_MAX && !counts.contains_key(&key) {
            make_room(&mut counts, now);
        }
        let count = counts.entry(key).or_insert(Count { failures: 0, last: now, until: now });
        if now >= count.last.plus_seconds(FORGOTTEN_SECONDS) {
            count.failures = 0;
        }
        count.failures = count.failures.saturating_add(1);
        count.last = now;
        let over = count.failures.saturating_sub(free);
        let wait = match most {
            Some(most) if count.failures >= most => LOCKED_SECONDS,
            _ if over == 0 => 0,
            _ => 1_i64.checked_shl(over.min(20) - 1).unwrap_or(i64::MAX).min(WAIT_SECONDS_MAX),
        };
        count.until = now.plus_seconds(wait);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Count>> {
        // Counts only: a thread that died while counting left nothing half true.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room<K: Hash + Eq + Clone>(counts: &mut HashMap<K, Count>, now: Moment) {
    counts.retain(|_, count| now < count.last.plus_seconds(FORGOTTEN_SECONDS));
    if counts.len() >= REMEMBERED_MAX {
        // A tenth at once, so that a flood does not look through all of them every time.
        let mut order: Vec<(u32, i64, K)> = counts
            .iter()
            .map(|(key, count)| (count.failures, count.last.micros(), key.clone()))
            .collect();
        order.sort_unstable_by_key(|(failures, last, _)| (*failures, *last));
        for (_, _, quiet) in order.into_iter().take(REMEMBERED_MAX / 10) {
            counts.remove(&quiet);
        }
    }
}

/// What counts as one address: a whole /64 of IPv6, because everybody there has all of it.
fn block(address: IpAddr) -> IpAddr {
    crate::strangers::block(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::of_micros(0);

    fn here(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    /// Row W10: one account from many addresses, as patiently as it likes.
    #[test]
    fn an_account_is_never_tried_more_than_a_hundred_times_in_a_row() {
        let throttle = Throttle::default();
        let (mut now, mut tried) = (START, 0);
        for n in 0..200 {
            if let Err(wait) = throttle.attempt("Ada@example.org", here(n), now) {
                assert!(wait > 0);
                if wait > WAIT_SECONDS_MAX {
                    break;
                }
                now = now.plus_seconds(wait);
                throttle.attempt("ada@EXAMPLE.org", here(n), now).unwrap();
            }
            tried += 1;
        }
        assert_eq!(tried, ACCOUNT_MAX);
        assert!(now > START.plus_seconds(12 * 60 * 60), "it took less than half a day");
        assert!(throttle.attempt("grace@example.org", here(9), now).is_ok());
    }

    /// Row W10: one password for many accounts.
    #[test]
    fn an_address_that_sprays_is_slowed_down() {
        let throttle = Throttle::default();
        let mut let_through = 0;
        for n in 0..1_000 {
            let account = format!("member-{n}@example.org");
            let_through += u32::from(throttle.attempt(&account, here(7), START).is_ok());
        }
        assert_eq!(let_through, ADDRESS_FREE + 1);
        assert!(throttle.attempt("ada@example.org", here(8), START).is_ok());
    }

    #[test]
    fn a_hundred_at_once_are_a_hundred() {
        let throttle = Throttle::default();
        let through = (0..100).filter(|n| throttle.attempt("a@b", here(*n), START).is_ok());
        assert_eq!(through.count() as u32, ACCOUNT_FREE + 1);
    }

    #[test]
    fn who_gets_in_starts_anew() {
        let throttle = Throttle::default();
        for _ in 0..50 {
            for _ in 0..ACCOUNT_FREE {
                throttle.attempt("a@b", here(1), START).unwrap();
                // Mistakes of others behind the same address are theirs.
                throttle.addresses.lock().clear();
            }
            throttle.succeeded("A@b", here(1));
        }
    }

    #[test]
    fn what_is_remembered_stays_bounded_and_keeps_the_loudest() {
        let throttle = Throttle::default();
        for n in 0..ACCOUNT_FREE + 1 {
            throttle.attempt("loud@example.org", here(n), START).unwrap();
        }
        for n in 0..20_000_u32 {
            let _ = throttle.attempt(&format!("{n}@example.org"), here(n << 8), START);
        }
        assert!(throttle.accounts.lock().len() <= REMEMBERED_MAX);
        assert!(throttle.attempt("loud@example.org", here(1 << 31), START).is_err());
    }
}
