//! Strangers: requests that no grant stands behind. Counted per address, slowed down when there
//! are too many, and never one log line each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use store::Moment;

/// Bad tokens one address may show in a minute.
const PER_MINUTE_MAX: u32 = 600;
/// Addresses remembered; beyond, the oldest minute is forgotten whole.
const ADDRESSES_MAX: usize = 10_000;

/// Bad tokens seen in the current minute, by address.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    seen: Mutex<(i64, HashMap<IpAddr, u32>)>,
}

impl Strangers {
    /// Counts one more bad token of this address; `false` when there were too many.
    pub(crate) fn tolerate(&self, address: IpAddr, now: Moment) -> bool {
        let minute = now.micros() / 60_000_000;
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if seen.0 != minute || seen.1.len() >= ADDRESSES_MAX {
            *seen = (minute, HashMap::new());
        }
        let count = seen.1.entry(address).or_default();
        *count = count.saturating_add(1);
        *count <= PER_MINUTE_MAX
    }
}
