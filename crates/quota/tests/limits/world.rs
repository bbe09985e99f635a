//! What every test here needs: keys, limits and charges in one line, and a store in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use quota::*;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// 2026-11-21T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 1_795_219_200 * SECOND;

/// One, in millionths.
pub(crate) const ONE: i64 = 1_000_000;

pub(crate) fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

pub(crate) fn call(number: u64) -> CallId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(KeyParts {
        organisation: "org".into(),
        subject: Subject::Grant("grt".into()),
        server: "srv".into(),
        place: Place::Tool("refund".into()),
        counter: name.into(),
        per: Vec::new(),
    })
}

pub(crate) fn rolling(length_micros: i64) -> Window {
    Window::Rolling { length_micros }
}

pub(crate) fn zoned(unit: Unit, zone: &str) -> Window {
    Window::Calendar { unit, zone: zone.into() }
}

/// A charge under a limit named as its counter, that keeps what is unknown.
pub(crate) fn charge(name: &str, window: Window, max: i64, amount: i64) -> Charge {
    Charge {
        key: key(name),
        limit: Limit {
            rule: format!("/tools/refund/limits/{name}").into(),
            window,
            max,
            count_failed: false,
            on_unknown: OnUnknown::Keep,
        },
        amount,
    }
}

/// Reserves and forgets which rows changed.
pub(crate) fn take(ledger: &mut Ledger, id: u64, charges: &[Charge], now: i64) -> bool {
    ledger.reserve(call(id), charges, now).map(drop).is_ok()
}

/// The limit that had no room.
pub(crate) fn exhausted(result: Result<Changes, ReserveError>) -> Exhausted {
    match result {
        Err(ReserveError::Exhausted(exhausted)) => *exhausted,
        other => panic!("not exhausted: {other:?}"),
    }
}

/// Used, held, unknown and left of a charge's counter, as its limit sees them.
pub(crate) fn usage(ledger: &Ledger, charge: &Charge, now: i64) -> (i64, i64, i64, i64) {
    let Limit { rule, window, max, .. } = &charge.limit;
    let usage = ledger.usage(&charge.key, rule, window, *max, now).unwrap();
    (usage.used, usage.held, usage.unknown, usage.left)
}

/// Rows by name, as a store keeps them: through the encodings a store writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    mark: Option<i64>,
    counters: BTreeMap<Vec<u8>, Vec<u8>>,
    buckets: BTreeMap<(Vec<u8>, i64), Bucket>,
    reservations: BTreeMap<CallId, (i64, Option<u64>, Vec<u8>)>,
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

impl Rows {
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let mut rows = Self::default();
        for row in ledger.rows() {
            match row {
                Row::Mark(mark) => rows.mark = Some(mark),
                Row::Counter(key, seen) => {
                    rows.counters.insert(key.encoded().into(), encode_seen(&seen));
                }
                Row::Bucket(key, bucket) => {
                    rows.buckets.insert((key.encoded().into(), bucket.start), bucket);
                }
                Row::Reservation(r) => {
                    rows.reservations.insert(r.call, (r.at, r.closed, r.encode_holds()));
                }
            }
        }
        rows
    }

    /// Writes what a step changed.
    pub(crate) fn write(&mut self, changes: &Changes) {
        for change in changes {
            match change {
                Change::Mark { after, .. } => self.mark = *after,
                Change::Counter { key, after, .. } => {
                    let after = after.as_ref().map(|seen| encode_seen(seen));
                    set(&mut self.counters, key.encoded().into(), after);
                }
                Change::Bucket { key, start, after, .. } => {
                    set(&mut self.buckets, (key.encoded().into(), *start), *after);
                }
                Change::Reservation { call, after, .. } => {
                    let after = after.as_ref().map(|r| (r.at, r.closed, r.encode_holds()));
                    set(&mut self.reservations, *call, after);
                }
            }
        }
    }

    /// Whether a call's reservation was written.
    pub(crate) fn has(&self, call: &CallId) -> bool {
        self.reservations.contains_key(call)
    }

    /// Loads a ledger from what was written.
    pub(crate) fn load(&self) -> Ledger {
        self.load_remembering(CLOSED_KEPT)
    }

    pub(crate) fn load_remembering(&self, closed_kept: usize) -> Ledger {
        let key = |bytes: &[u8]| Key::decode(bytes).unwrap();
        let mut rows: Vec<Row> = self.mark.map(Row::Mark).into_iter().collect();
        for (bytes, seen) in &self.counters {
            rows.push(Row::Counter(key(bytes), decode_seen(seen).unwrap().into()));
        }
        for ((bytes, _), bucket) in &self.buckets {
            rows.push(Row::Bucket(key(bytes), *bucket));
        }
        for (call, (at, closed, holds)) in &self.reservations {
            let holds = Reservation::decode_holds(holds).unwrap();
            let (call, at, closed) = (*call, *at, *closed);
            rows.push(Row::Reservation(Arc::new(Reservation { call, at, closed, holds })));
        }
        Ledger::load_remembering(closed_kept, rows).unwrap()
    }
}

/// A small generator of numbers, the same for a seed everywhere (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to but not including `end`.
    pub(crate) fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn one_in(&mut self, many: i64) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let place = self.below(i64::try_from(from.len()).unwrap());
        from.get(usize::try_from(place).unwrap())
    }
}
