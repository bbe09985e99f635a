//! One counter: its buckets of usage, and what a window sees of them.
//!
//! A bucket holds what was charged between its first and its last charge. A window counts a bucket
//! whole, from the moment any of it lies inside until the last of it is out, so rounding is always
//! against the caller. New charges go to the newest bucket unless a window that the counter is used
//! under has turned since it began, a slot of a rolling one is over, or an hour is; so calendar
//! windows are exact, and rolling ones are late by one slot at most.
//!
//! Buckets say nothing about windows, which is why a changed window or `max` keeps past usage: the
//! new window looks at the same buckets. What no window looks at any more is joined hour by hour,
//! then day by day, and forgotten after [`HISTORY_MICROS`].

use std::sync::Arc;

use crate::bytes::{DecodeError, Reader, put_count, put_i64, put_text};
use crate::window::{DAY, Frame, HOUR, Spans};
use crate::{State, Unit, Window};

/// How long usage is kept for windows that may be asked about later: the longest month and a day.
pub const HISTORY_MICROS: i64 = 32 * DAY;

/// Usage younger than this is kept by the hour: the longest day and an hour.
const HOURLY_MICROS: i64 = 26 * HOUR;

/// How many limits are remembered for one counter. It is one, save where several policies share a
/// counter, or just after a limit was changed.
const SEEN_MAX: usize = 8;

/// The moment a limit was seen is written down when it is older than this.
const SEEN_STEP_MICROS: i64 = HOUR;

/// Usage between a first and a last charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The first charge, in microseconds since the epoch: the bucket's name within its counter.
    pub start: i64,
    /// The last charge.
    pub last: i64,
    /// Carried out, in millionths.
    pub settled: i64,
    /// In flight, in millionths.
    pub held: i64,
    /// With no known outcome, in millionths.
    pub unknown: i64,
}

impl Bucket {
    pub(crate) const fn empty(at: i64) -> Self {
        Self { start: at, last: at, settled: 0, held: 0, unknown: 0 }
    }

    /// The bucket with `amount` moved from one state to another; `None` stands for outside.
    ///
    /// - **Errors**: `None` when the bucket does not hold that much, or would hold more than fits.
    pub(crate) fn moved(
        mut self,
        amount: i64,
        from: Option<State>,
        to: Option<State>,
    ) -> Option<Self> {
        if let Some(field) = from.and_then(|state| self.field(state)) {
            *field = field.checked_sub(amount).filter(|left| *left >= 0)?;
        }
        match to {
            // INVARIANT(full-stays-full): joined history may hold more than fits. No `max` is above
            // `i64::MAX`, so a bucket that stopped there is as full as any limit can ask about.
            Some(State::Settled) => self.settled = self.settled.saturating_add(amount),
            Some(state) => {
                if let Some(field) = self.field(state) {
                    *field = field.checked_add(amount)?;
                }
            }
            None => {}
        }
        Some(self)
    }

    fn field(&mut self, state: State) -> Option<&mut i64> {
        match state {
            State::Reserved => Some(&mut self.held),
            State::Settled => Some(&mut self.settled),
            State::Unknown => Some(&mut self.unknown),
            State::Released => None,
        }
    }

    /// This bucket and the next one as one.
    fn joined(self, next: Self) -> Option<Self> {
        Some(Self {
            start: self.start,
            last: next.last,
            // INVARIANT(full-stays-full)
            settled: self.settled.saturating_add(next.settled),
            held: self.held.checked_add(next.held)?,
            unknown: self.unknown.checked_add(next.unknown)?,
        })
    }
}

/// A limit that the counter was charged under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The rule's JSON Pointer.
    pub rule: Arc<str>,
    /// Its window.
    pub window: Window,
    /// Its `max` when it was last charged, in millionths.
    pub max: i64,
    /// When it was last charged, an hour older at most.
    pub at: i64,
}

impl Seen {
    /// Whether the limit has not been used for so long that it was probably changed or removed.
    fn is_stale(&self, now: i64) -> bool {
        let patience = self.window.about_micros().max(HOUR).saturating_add(2 * HOUR);
        now.saturating_sub(self.at) > patience
    }
}

/// The limits of a counter as bytes, for one column of a row.
pub fn encode_seen(seen: &[Seen]) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    put_count(&mut out, seen.len());
    for limit in seen {
        put_text(&mut out, &limit.rule);
        match &limit.window {
            Window::Rolling { length_micros } => {
                out.push(0);
                put_i64(&mut out, *length_micros);
            }
            Window::Calendar { unit, zone } => {
                out.push(match unit {
                    Unit::Minute => 1,
                    Unit::Hour => 2,
                    Unit::Day => 3,
                    Unit::Week => 4,
                    Unit::Month => 5,
                });
                put_text(&mut out, zone);
            }
        }
        put_i64(&mut out, limit.max);
        put_i64(&mut out, limit.at);
    }
    out
}

/// Reads what [`encode_seen`] gave.
///
/// - **Errors**: anything but exactly those bytes.
pub fn decode_seen(bytes: &[u8]) -> Result<Vec<Seen>, DecodeError> {
    let mut reader = Reader(bytes);
    let mut seen = Vec::new();
    for _ in 0..reader.count()? {
        let rule = reader.text()?.into();
        let tag = reader.u8()?;
        let unit = match tag {
            0 => None,
            1 => Some(Unit::Minute),
            2 => Some(Unit::Hour),
            3 => Some(Unit::Day),
            4 => Some(Unit::Week),
            5 => Some(Unit::Month),
            other => return Err(DecodeError::Tag(other)),
        };
        let window = match unit {
            Some(unit) => Window::Calendar { unit, zone: reader.text()?.into() },
            None => Window::Rolling { length_micros: reader.i64()? },
        };
        seen.push(Seen { rule, window, max: reader.i64()?, at: reader.i64()? });
    }
    reader.end()?;
    Ok(seen)
}

/// What a window holds, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) used: i128,
    pub(crate) held: i128,
    pub(crate) unknown: i128,
}

impl Held {
    /// All that counts against `max`.
    pub(crate) const fn counted(self) -> i128 {
        self.used + self.held + self.unknown
    }

    fn add(&mut self, bucket: &Bucket) {
        self.used += i128::from(bucket.settled);
        self.held += i128::from(bucket.held);
        self.unknown += i128::from(bucket.unknown);
    }
}

/// One counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counter {
    /// The limits it is used under.
    pub(crate) seen: Arc<[Seen]>,
    /// In order of time. Each ends no later than the next starts.
    pub(crate) buckets: Vec<Bucket>,
}

impl Counter {
    /// What a window sees that looks back to `since`.
    pub(crate) fn holds_since(&self, since: i64) -> Held {
        let mut sum = Held::default();
        // Up to some hundred buckets of i64 cannot overflow an i128.
        self.buckets.iter().rev().take_while(|b| b.last >= since).for_each(|b| sum.add(b));
        sum
    }

    /// The buckets a window sees, oldest first.
    pub(crate) fn buckets_since(&self, since: i64) -> &[Bucket] {
        let first = self.buckets.partition_point(|b| b.last < since);
        self.buckets.get(first..).unwrap_or_default()
    }

    /// The bucket that a hold taken from this one is in.
    pub(crate) fn bucket_of(&self, start: i64) -> Option<Bucket> {
        self.buckets.get(self.place_of(start)?).copied()
    }

    /// As [`Counter::bucket_of`], to be changed.
    pub(crate) fn bucket_of_mut(&mut self, start: i64) -> Option<&mut Bucket> {
        let place = self.place_of(start)?;
        self.buckets.get_mut(place)
    }

    fn place_of(&self, start: i64) -> Option<usize> {
        self.buckets.partition_point(|b| b.start <= start).checked_sub(1)
    }

    pub(crate) fn bucket(&self, start: i64) -> Option<Bucket> {
        self.bucket_of(start).filter(|b| b.start == start)
    }

    /// Puts a bucket in its place, or takes it away.
    pub(crate) fn put(&mut self, start: i64, bucket: Option<Bucket>) {
        match (self.buckets.binary_search_by_key(&start, |b| b.start), bucket) {
            (Ok(place), Some(bucket)) => {
                if let Some(slot) = self.buckets.get_mut(place) {
                    *slot = bucket;
                }
            }
            (Ok(place), None) => {
                self.buckets.remove(place);
            }
            (Err(place), Some(bucket)) => self.buckets.insert(place, bucket),
            (Err(_), None) => {}
        }
    }

    /// The newest bucket, if a charge may still go into it.
    pub(crate) fn open_bucket(&self, now: i64, spans: &Spans) -> Option<Bucket> {
        let newest = self.buckets.last().copied()?;
        let hour = now.saturating_sub(now.rem_euclid(HOUR));
        let frames = self.seen.iter().filter_map(|seen| seen.window.frame(now, spans).ok());
        let cell = frames.map(|frame| frame.cell).fold(hour, i64::max);
        (newest.start >= cell).then_some(newest)
    }

    /// The windows the counter is used under, each with its frame now. One that has become
    /// impossible to place is left out: it cannot be charged under either.
    pub(crate) fn frames(&self, now: i64, spans: &Spans) -> Vec<(Window, Frame)> {
        self.seen
            .iter()
            .filter_map(|seen| Some((seen.window.clone(), seen.window.frame(now, spans).ok()?)))
            .collect()
    }

    /// The limits after one of them was charged; `None` when nothing is worth writing down.
    pub(crate) fn seen_with(&self, limit: &crate::Limit, now: i64) -> Option<Arc<[Seen]>> {
        let same = |s: &Seen| s.rule == limit.rule && s.window == limit.window;
        if let Some(known) = self.seen.iter().find(|s| same(s))
            && known.max == limit.max
            && now.saturating_sub(known.at) < SEEN_STEP_MICROS
        {
            return None;
        }
        let fresh = Seen {
            rule: Arc::clone(&limit.rule),
            window: limit.window.clone(),
            max: limit.max,
            at: now,
        };
        let mut seen: Vec<Seen> =
            self.seen.iter().filter(|s| !same(s) && !s.is_stale(now)).cloned().collect();
        while seen.len() >= SEEN_MAX {
            // The longest windows are kept: they say how far back usage must be remembered. The
            // shorter ones only say how finely, so losing one rounds against the caller.
            let shortest = seen.iter().enumerate().min_by_key(|(_, s)| s.window.about_micros());
            let (shortest, _) = shortest?;
            seen.remove(shortest);
        }
        seen.push(fresh);
        Some(seen.into())
    }

    /// The limits people should be shown: of a rule that was changed, only the newest form.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().enumerate().filter_map(|(place, seen)| {
            let newer = |(other, s): (usize, &Seen)| {
                s.rule == seen.rule && (s.at, other) > (seen.at, place)
            };
            (!self.seen.iter().enumerate().any(newer)).then_some(seen)
        })
    }

    /// What the buckets become when the past is tidied: joined where no window can tell, dropped
    /// where none will look. The newest bucket and everything in flight stays.
    ///
    /// - **Shape**: the buckets to keep, and those dropped.
    pub(crate) fn tidied(
        &self,
        now: i64,
        frames: &[(Window, Frame)],
        history_micros: i64,
    ) -> (Vec<Bucket>, Vec<Bucket>) {
        let oldest = frames.iter().map(|(_, frame)| frame.since).min().unwrap_or(now);
        let horizon = oldest.min(now.saturating_sub(history_micros));
        let (mut kept, mut dropped) =
            (Vec::<Bucket>::with_capacity(self.buckets.len()), Vec::new());
        for (place, bucket) in self.buckets.iter().enumerate() {
            if bucket.last < horizon && bucket.held == 0 {
                dropped.push(*bucket);
                continue;
            }
            let newest = place + 1 == self.buckets.len();
            let joined = kept
                .last()
                .filter(|before| !newest && alike(before, bucket, now, frames))
                .and_then(|before| before.joined(*bucket));
            match (joined, kept.last_mut()) {
                (Some(joined), Some(before)) => *before = joined,
                _ => kept.push(*bucket),
            }
        }
        (kept, dropped)
    }
}

/// Whether two neighbours may be joined: no window in use, and no calendar unit that may come into
/// use, could tell the difference by more than an hour, or by a day once it is history.
fn alike(before: &Bucket, bucket: &Bucket, now: i64, frames: &[(Window, Frame)]) -> bool {
    let recent = bucket.last >= now.saturating_sub(HOURLY_MICROS);
    let grid = if recent { HOUR } else { DAY };
    before.start.div_euclid(grid) == bucket.last.div_euclid(grid)
        && frames.iter().all(|(window, frame)| {
            window.may_join(*frame, (before.start, before.last), bucket.last)
        })
}
