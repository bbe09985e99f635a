//! Moments as the API writes them: RFC 3339, UTC, microseconds.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};
use store::Moment;

/// Writes a moment.
pub(crate) fn write(moment: Moment) -> String {
    Timestamp::from_microsecond(moment.micros())
        .map_or_else(|_| String::from("out of range"), |at| format!("{at:.6}"))
}

/// Reads a moment; any offset is fine.
pub(crate) fn read(text: &str) -> Option<Moment> {
    let at: Timestamp = text.parse().ok()?;
    Some(Moment::of_micros(at.as_microsecond()))
}

/// A moment in a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Moment);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).map(Self).ok_or_else(|| de::Error::custom(SHAPE))
    }
}

/// What a moment must look like.
pub(crate) const SHAPE: &str = "a moment is written as RFC 3339, such as 2026-11-21T09:30:00Z";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_to_the_microsecond() {
        assert_eq!(write(Moment::of_micros(1)), "1970-01-01T00:00:00.000001Z");
        assert_eq!(write(Moment::of_micros(1_790_000_000_000_000)), "2026-09-21T14:13:20.000000Z");
        assert_eq!(
            read("2026-09-21T16:13:20+02:00"),
            Some(Moment::of_micros(1_790_000_000_000_000))
        );
        for bad in ["", "yesterday", "2026-09-21", "2026-13-21T00:00:00Z", "2026-09-21T14:13:20"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
