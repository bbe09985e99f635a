//! The moment of a call as the paths at `request` show it. The moment itself is handed in.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// What `request.time`, `request.weekday` and `request.date` hold.
#[derive(Debug)]
pub(crate) struct Clock {
    /// "HH:MM"
    pub(crate) time: String,
    /// "mon" to "sun"
    pub(crate) weekday: &'static str,
    /// "YYYY-MM-DD"
    pub(crate) date: String,
}

impl Clock {
    /// The moment on the clocks of the zone.
    pub(crate) fn of(now: Timestamp, zone: &TimeZone) -> Self {
        let local = zone.to_datetime(now);
        Self {
            time: format!("{:02}:{:02}", local.hour(), local.minute()),
            weekday: match local.weekday() {
                Weekday::Monday => "mon",
                Weekday::Tuesday => "tue",
                Weekday::Wednesday => "wed",
                Weekday::Thursday => "thu",
                Weekday::Friday => "fri",
                Weekday::Saturday => "sat",
                Weekday::Sunday => "sun",
            },
            date: format!("{:04}-{:02}-{:02}", local.year(), local.month(), local.day()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_is_read_on_the_clocks_of_the_zone() {
        let zone = |name: &str| jiff::tz::TimeZoneDatabase::bundled().get(name).unwrap();
        for (moment, name, expected) in [
            ("2026-11-21T09:05:59Z", "UTC", ("09:05", "sat", "2026-11-21")),
            ("2026-11-21T23:30:00Z", "Europe/Berlin", ("00:30", "sun", "2026-11-22")),
            ("2026-03-01T07:59:00Z", "America/Los_Angeles", ("23:59", "sat", "2026-02-28")),
            // The hour that daylight saving repeats stands on the clock twice.
            ("2026-10-25T00:30:00Z", "Europe/Berlin", ("02:30", "sun", "2026-10-25")),
            ("2026-10-25T01:30:00Z", "Europe/Berlin", ("02:30", "sun", "2026-10-25")),
        ] {
            let clock = Clock::of(moment.parse().unwrap(), &zone(name));
            assert_eq!((&*clock.time, clock.weekday, &*clock.date), expected, "{moment} {name}");
        }
    }
}
