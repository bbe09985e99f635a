//! Windows: calendar spans in any IANA time zone, and rolling lengths. No clock: the moment is
//! handed in.

use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span as Days, Timestamp};

const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A rolling window is counted in this many slots.
pub const SLOTS: i64 = 60;

/// The longest rolling window, in microseconds: 366 days.
pub const LENGTH_MICROS_MAX: i64 = 366 * DAY;

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A minute of the local clock.
    Minute,
    /// An hour of the local clock.
    Hour,
    /// A local date, 23, 24 or 25 hours long (and odder where a zone is).
    Day,
    /// Seven local dates from Monday.
    Week,
    /// A local month.
    Month,
}

impl Unit {
    /// The unit's name in a policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The length of the unit as a rolling window, in microseconds. A month is 31 days: the
    /// longest, so that it never admits more than any real month would.
    pub const fn length_micros(self) -> i64 {
        match self {
            Self::Minute => 60 * SECOND,
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 31 * DAY,
        }
    }
}

/// The stretch of time a limit's `max` is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// One unit of the calendar in a time zone, given by its IANA name.
    Calendar {
        /// Which unit.
        unit: Unit,
        /// The IANA name, such as `Europe/Berlin`.
        zone: Arc<str>,
    },
    /// Any interval of this length.
    Rolling {
        /// The length in microseconds, 1 to [`LENGTH_MICROS_MAX`].
        length_micros: i64,
    },
}

/// A window that no moment can be placed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// The time zone database does not know the name.
    #[error("unknown time zone `{0}`")]
    UnknownZone(Arc<str>),
    /// The length of a rolling window is out of range.
    #[error("a rolling window of {0} microseconds is out of range")]
    Length(i64),
    /// The moment lies outside the calendar (years -9999 to 9999).
    #[error("the moment {0} lies outside the calendar")]
    Moment(i64),
}

impl Window {
    /// A calendar unit of Coordinated Universal Time.
    pub fn utc(unit: Unit) -> Self {
        Self::Calendar { unit, zone: "UTC".into() }
    }

    /// Roughly how long the window is, in microseconds, never less than it can be by more than an
    /// hour.
    pub(crate) const fn about_micros(&self) -> i64 {
        match self {
            Self::Calendar { unit, .. } => unit.length_micros(),
            Self::Rolling { length_micros } => *length_micros,
        }
    }

    /// How this window looks at `now`.
    pub(crate) fn frame(&self, now: i64, spans: &Spans) -> Result<Frame, WindowError> {
        match self {
            Self::Calendar { unit, zone } => {
                let span = spans.get(*unit, zone, now)?;
                Ok(Frame { since: span.start, cell: span.start, turns_at: Some(span.end) })
            }
            Self::Rolling { length_micros: length } => {
                if !(1..=LENGTH_MICROS_MAX).contains(length) {
                    return Err(WindowError::Length(*length));
                }
                // Rounded up, so that sixty slots are never shorter than the window.
                let slot = (length + SLOTS - 1) / SLOTS;
                let since = now.checked_sub(*length).ok_or(WindowError::Moment(now))?;
                let cell = now.checked_sub(now.rem_euclid(slot)).ok_or(WindowError::Moment(now))?;
                Ok(Frame { since, cell, turns_at: None })
            }
        }
    }

    /// Whether usage from `early.0` to `early.1` and usage from then to `late` may be joined without
    /// this window telling the difference by more than a slot, now or ever. Joining must never
    /// bring back what the window has left behind.
    pub(crate) fn may_join(&self, frame: Frame, early: (i64, i64), late: i64) -> bool {
        // What the window has left behind it never looks at again.
        if late < frame.since {
            return true;
        }
        match self {
            Self::Calendar { .. } => early.0 >= frame.since,
            Self::Rolling { length_micros } => {
                let slot = (length_micros + SLOTS - 1) / SLOTS;
                early.1 >= frame.since && early.0.div_euclid(slot) == late.div_euclid(slot)
            }
        }
    }
}

/// How a window looks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Usage at or after this moment counts.
    pub(crate) since: i64,
    /// Usage that began before this moment must not share a bucket with usage from now on.
    pub(crate) cell: i64,
    /// When the calendar window ends; `None` for a rolling one.
    pub(crate) turns_at: Option<i64>,
}

/// A stretch of time in microseconds since the epoch, from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub start: i64,
    /// The first moment after.
    pub end: i64,
}

/// The calendar window of that unit and zone which holds the moment `now`.
///
/// Every moment lies in exactly one window of a unit and zone, whatever the zone's clocks do: a day
/// whose midnight is skipped starts with the first moment after the gap; a midnight that comes
/// twice starts the day the first time; an hour or minute ends where the clocks are turned.
///
/// - **Units**: `now` in microseconds since the epoch.
pub fn calendar_span(unit: Unit, zone: &str, now: i64) -> Result<Span, WindowError> {
    let outside = |_| WindowError::Moment(now);
    let tz = TimeZone::get(zone).map_err(|_| WindowError::UnknownZone(zone.into()))?;
    let at = Timestamp::from_microsecond(now).map_err(outside)?;
    match unit {
        Unit::Minute => clock_span(&tz, at, 60 * SECOND).ok_or(WindowError::Moment(now)),
        Unit::Hour => clock_span(&tz, at, HOUR).ok_or(WindowError::Moment(now)),
        Unit::Day | Unit::Week | Unit::Month => date_span(unit, &tz, at).map_err(outside),
    }
}

/// Floors the local clock, and cuts the span where the clocks are turned.
fn clock_span(tz: &TimeZone, at: Timestamp, length: i64) -> Option<Span> {
    let now = at.as_microsecond();
    let offset = i64::from(tz.to_offset(at).seconds()).checked_mul(SECOND)?;
    let local = now.checked_add(offset)?;
    let mut start = local.checked_sub(local.rem_euclid(length))?.checked_sub(offset)?;
    let mut end = start.checked_add(length)?;
    let just_after = at.checked_add(Days::new().nanoseconds(1)).ok()?;
    if let Some(turn) = tz.preceding(just_after).next() {
        start = start.max(turn.timestamp().as_microsecond());
    }
    if let Some(turn) = tz.following(at).next() {
        end = end.min(turn.timestamp().as_microsecond());
    }
    Some(Span { start, end })
}

fn date_span(unit: Unit, tz: &TimeZone, at: Timestamp) -> Result<Span, jiff::Error> {
    let now = at.as_microsecond();
    let step = match unit {
        Unit::Week => Days::new().weeks(1),
        Unit::Month => Days::new().months(1),
        _ => Days::new().days(1),
    };
    let today = tz.to_datetime(at).date();
    let mut first = match unit {
        Unit::Week => {
            let since_monday = i64::from(today.weekday().to_monday_zero_offset());
            today.checked_sub(Days::new().days(since_monday))?
        }
        Unit::Month => today.first_of_month(),
        _ => today,
    };
    let mut start = date_starts(tz, first)?;
    loop {
        let next = first.checked_add(step)?;
        let end = date_starts(tz, next)?;
        // Clocks turned back over midnight show a past date again: the window that has begun
        // stays, because a window that is over never reopens.
        if end > now {
            return Ok(Span { start, end });
        }
        (first, start) = (next, end);
    }
}

/// The first moment of a local date.
fn date_starts(tz: &TimeZone, date: Date) -> Result<i64, jiff::Error> {
    let midnight: DateTime = date.at(0, 0, 0, 0);
    let ambiguous = tz.to_ambiguous_timestamp(midnight);
    if let AmbiguousOffset::Gap { before, .. } = ambiguous.offset() {
        // Midnight was skipped. Read with the old offset it lies behind the turn of the clocks, and
        // that turn is the first moment of the date.
        let skipped = before.to_timestamp(midnight)?;
        let just_after = skipped.checked_add(Days::new().nanoseconds(1))?;
        if let Some(turn) = tz.preceding(just_after).next() {
            return Ok(turn.timestamp().as_microsecond());
        }
    }
    Ok(ambiguous.compatible()?.as_microsecond())
}

/// Calendar spans that were worked out before. Holds only what can be worked out again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<(Unit, Arc<str>, Span)>);

impl Spans {
    /// More zones and units than this are worked out each time.
    const KEPT_MAX: usize = 64;

    fn get(&self, unit: Unit, zone: &Arc<str>, now: i64) -> Result<Span, WindowError> {
        let kept = self.0.iter().find(|(u, z, s)| {
            *u == unit && s.start <= now && now < s.end && (Arc::ptr_eq(z, zone) || z == zone)
        });
        match kept {
            Some((_, _, span)) => Ok(*span),
            None => calendar_span(unit, zone, now),
        }
    }

    /// Works out the span of a window and keeps it.
    pub(crate) fn learn(&mut self, window: &Window, now: i64) {
        let Window::Calendar { unit, zone } = window else { return };
        let holds = |s: &Span| s.start <= now && now < s.end;
        let known = self.0.iter().position(|(u, z, _)| u == unit && z == zone);
        match known {
            Some(place) => {
                if let Some((_, _, span)) = self.0.get_mut(place)
                    && !holds(span)
                    && let Ok(fresh) = calendar_span(*unit, zone, now)
                {
                    *span = fresh;
                }
            }
            None => {
                if self.0.len() < Self::KEPT_MAX
                    && let Ok(fresh) = calendar_span(*unit, zone, now)
                {
                    self.0.push((*unit, Arc::clone(zone), fresh));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
