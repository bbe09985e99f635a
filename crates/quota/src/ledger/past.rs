//! What a limit would have seen lately: how full its windows were, as far as the ledger still tells.
//!
//! Usage that no window looks at any more is joined as it grows old. What is told here is certain all
//! the same: a window is counted with what lies in it whole, and where that is not all of it, it says
//! so.

use std::collections::BTreeMap;

use crate::counter::Bucket;
use crate::ledger::Ledger;
use crate::window::SLOTS;
use crate::{Key, Window, WindowError, calendar_span};

/// How full the windows of a limit were. Amounts in millionths, moments in microseconds since the
/// epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// How many windows certainly held more than `max`. Of a rolling limit: how many that do not
    /// overlap.
    pub over: u32,
    /// The most that one of them certainly held; 0 when nothing was counted.
    pub peak: i64,
    /// When that window began (calendar) or ended (rolling).
    pub peak_at: Option<i64>,
    /// Whether nothing that was counted could lie in two windows: then each is known exactly.
    pub exact: bool,
}

impl Ledger {
    /// How full the windows of a limit were from `since` on, whether or not it was in force.
    ///
    /// - **Errors**: a window that cannot be placed.
    pub fn past(
        &self,
        key: &Key,
        window: &Window,
        max: i64,
        since: i64,
    ) -> Result<Past, WindowError> {
        let buckets = self.counters.get(key).map(|counter| counter.buckets_since(since));
        let buckets = buckets.unwrap_or_default();
        match window {
            Window::Calendar { unit, zone } => {
                let span = |at| calendar_span(*unit, zone, at).map(|span| (span.start, span.end));
                calendar(buckets, max, span)
            }
            Window::Rolling { length_micros } => Ok(rolling(buckets, max, *length_micros)),
        }
    }
}

fn counted(bucket: &Bucket) -> i64 {
    bucket.settled.saturating_add(bucket.held).saturating_add(bucket.unknown)
}

fn calendar(
    buckets: &[Bucket],
    max: i64,
    span: impl Fn(i64) -> Result<(i64, i64), WindowError>,
) -> Result<Past, WindowError> {
    let mut past = Past { exact: true, ..Past::default() };
    let mut held: BTreeMap<i64, i64> = BTreeMap::new();
    for bucket in buckets.iter().filter(|bucket| counted(bucket) > 0) {
        let (start, end) = span(bucket.start)?;
        if bucket.last < end {
            let sum = held.entry(start).or_default();
            *sum = sum.saturating_add(counted(bucket));
        } else {
            past.exact = false;
        }
    }
    for (start, sum) in held {
        past.over += u32::from(sum > max);
        if sum > past.peak {
            (past.peak, past.peak_at) = (sum, Some(start));
        }
    }
    Ok(past)
}

fn rolling(buckets: &[Bucket], max: i64, length: i64) -> Past {
    let mut past = Past { exact: true, ..Past::default() };
    let slot = (length + SLOTS - 1) / SLOTS;
    let (mut first, mut sum, mut passed) = (0, 0_i64, 0);
    for (at, bucket) in buckets.iter().enumerate() {
        past.exact &= bucket.last.saturating_sub(bucket.start) <= slot || counted(bucket) == 0;
        sum = sum.saturating_add(counted(bucket));
        let since = bucket.last.saturating_sub(length);
        while let Some(out) = buckets.get(first).filter(|out| first <= at && out.start < since) {
            sum = sum.saturating_sub(counted(out));
            first += 1;
        }
        // A bucket that is longer than the window lies in none.
        if first > at {
            continue;
        }
        if sum > past.peak {
            (past.peak, past.peak_at) = (sum, Some(bucket.last));
        }
        if sum > max && first >= passed {
            past.over += 1;
            passed = at + 1;
        }
    }
    past
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const DAY: i64 = 24 * HOUR;

    fn bucket(start: i64, last: i64, settled: i64) -> Bucket {
        Bucket { start, last, settled, held: 0, unknown: 0 }
    }

    fn day(at: i64) -> Result<(i64, i64), WindowError> {
        let start = at - at.rem_euclid(DAY);
        Ok((start, start + DAY))
    }

    #[test]
    fn calendar_windows_are_told_apart_and_the_fullest_is_named() {
        let buckets = [
            bucket(0, HOUR, 30),
            bucket(2 * HOUR, 3 * HOUR, 40),
            bucket(DAY, DAY, 50),
            bucket(2 * DAY, 2 * DAY + HOUR, 90),
        ];
        for (max, over) in [(0, 3), (49, 3), (50, 2), (70, 1), (89, 1), (90, 0)] {
            let past = calendar(&buckets, max, day).unwrap();
            let expected = Past { over, peak: 90, peak_at: Some(2 * DAY), exact: true };
            assert_eq!(past, expected, "{max}");
        }
        assert_eq!(calendar(&[], 0, day).unwrap(), Past { exact: true, ..Past::default() });
    }

    #[test]
    fn usage_that_was_joined_over_two_windows_is_claimed_for_neither() {
        let buckets = [bucket(0, DAY, 100), bucket(DAY, DAY, 5)];
        let past = calendar(&buckets, 10, day).unwrap();
        assert_eq!(past, Past { over: 0, peak: 5, peak_at: Some(DAY), exact: false });
        let hour = rolling(&[bucket(0, 2 * HOUR, 100), bucket(3 * HOUR, 3 * HOUR, 5)], 10, HOUR);
        assert_eq!(hour, Past { over: 0, peak: 5, peak_at: Some(3 * HOUR), exact: false });
    }

    #[test]
    fn rolling_windows_that_overlap_count_once() {
        let at = |minute: i64, amount| bucket(minute * 60_000_000, minute * 60_000_000, amount);
        let buckets = [at(0, 4), at(10, 4), at(20, 4), at(100, 9), at(300, 1)];
        for (max, over, peak) in [(12, 0, 12), (11, 1, 12), (8, 2, 12), (3, 2, 12)] {
            let past = rolling(&buckets, max, HOUR);
            assert_eq!((past.over, past.peak, past.exact), (over, peak, true), "{max}");
        }
        // Amounts at the edge of what fits do not wrap.
        let full = rolling(&[at(0, i64::MAX), at(1, i64::MAX)], i64::MAX - 1, HOUR);
        assert_eq!((full.peak, full.over), (i64::MAX, 1));
    }
}
