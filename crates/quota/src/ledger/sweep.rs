//! Keeping memory bounded: the past is joined, then forgotten; what is in flight never is.

use std::ops::Bound;
use std::sync::Arc;

use crate::changes::{Change, Changes};
use crate::counter::Bucket;
use crate::ledger::{COUNTERS_KEPT, Ledger};
use crate::{HISTORY_MICROS, Key, Reservation, State};

impl Ledger {
    /// Tidies some counters, going on where the last sweep ended. Call it now and then: counters
    /// that are charged tidy themselves, idle ones wait for this.
    ///
    /// Buckets that no window looks at are joined, then dropped when their history is over. What is
    /// in flight stays. What is still unknown when its bucket is dropped is settled: it has long
    /// stopped counting, and nobody has said otherwise.
    ///
    /// - **Units**: `now` in microseconds since the epoch; `counters_max` counters at most.
    pub fn sweep(&mut self, now: i64, counters_max: usize) -> Changes {
        let mut changes = Changes::default();
        let now = self.moment(now);
        let from = self.swept_to.take().map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.keys.range((from, Bound::Unbounded));
        let keys: Vec<Key> = rest.take(counters_max).cloned().collect();
        if keys.len() == counters_max {
            self.swept_to = keys.last().cloned();
        }
        // An agent chooses the values a counter is split by, so history has a price limit.
        let crowded = self.counters.len() > COUNTERS_KEPT;
        let history_micros = if crowded { 0 } else { HISTORY_MICROS };
        for key in &keys {
            self.tidy(&mut changes, key, now, history_micros);
        }
        if !changes.is_empty() {
            // What was dropped must stay dropped for a clock that runs backwards.
            let before = self.mark;
            self.make(&mut changes, Change::Mark { before, after: Some(now) });
        }
        changes
    }

    /// Tidies one counter.
    pub(super) fn tidy(&mut self, changes: &mut Changes, key: &Key, now: i64, history_micros: i64) {
        let Some(counter) = self.counters.get(key) else { return };
        let frames = counter.frames(now, &self.spans);
        let (kept, dropped) = counter.tidied(now, &frames, history_micros);
        if kept == counter.buckets {
            return;
        }
        let (was, seen) = (counter.buckets.clone(), Arc::clone(&counter.seen));
        for bucket in dropped {
            self.settle_forgotten(changes, key, &was, bucket);
        }
        for old in &was {
            if kept.binary_search_by_key(&old.start, |b| b.start).is_err() {
                let (key, start, before) = (key.clone(), old.start, Some(*old));
                self.make(changes, Change::Bucket { key, start, before, after: None });
            }
        }
        for bucket in &kept {
            let before = was.iter().find(|b| b.start == bucket.start).copied();
            let (key, start, after) = (key.clone(), bucket.start, Some(*bucket));
            if before != after {
                self.make(changes, Change::Bucket { key, start, before, after });
            }
        }
        if kept.is_empty() {
            let (key, before) = (key.clone(), Some(seen));
            self.make(changes, Change::Counter { key, before, after: None });
        }
    }

    /// Settles what is unknown in a bucket that is about to be dropped.
    fn settle_forgotten(
        &mut self,
        changes: &mut Changes,
        key: &Key,
        buckets: &[Bucket],
        bucket: Bucket,
    ) {
        // A hold belongs to the bucket with the greatest start not after its own.
        let end = buckets.iter().map(|b| b.start).find(|start| *start > bucket.start);
        let inside = |at: i64| at >= bucket.start && end.is_none_or(|end| at < end);
        let known = self.unknown.iter().filter_map(|call| self.calls.get(call));
        let known: Vec<Arc<Reservation>> = known.cloned().collect();
        for known in known {
            let mut next = Reservation::clone(&known);
            for hold in &mut next.holds {
                if hold.state == State::Unknown && hold.key == *key && inside(hold.bucket) {
                    hold.state = State::Settled;
                }
            }
            if next != *known {
                self.write(changes, known, next);
            }
        }
    }
}
