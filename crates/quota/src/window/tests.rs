//! Windows on odd days, and the laws every zone keeps.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_microsecond()
}

fn text(micros: i64) -> String {
    Timestamp::from_microsecond(micros).unwrap().to_string()
}

/// (unit, zone, moment, start, end)
const TABLE: &[(Unit, &str, &str, &str, &str)] = &[
    // Both sides of midnight.
    (Unit::Day, "UTC", "2026-11-21T23:59:59.999Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
    (Unit::Day, "UTC", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
    (
        Unit::Day,
        "UTC",
        "1969-12-31T23:59:59.999999Z",
        "1969-12-31T00:00:00Z",
        "1970-01-01T00:00:00Z",
    ),
    (
        Unit::Day,
        "Asia/Kolkata",
        "2026-01-01T18:29:59Z",
        "2025-12-31T18:30:00Z",
        "2026-01-01T18:30:00Z",
    ),
    // A day of 23 hours and one of 25.
    (
        Unit::Day,
        "Europe/Berlin",
        "2026-03-29T12:00:00Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
    ),
    (
        Unit::Day,
        "Europe/Berlin",
        "2026-10-25T00:30:00Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T23:00:00Z",
    ),
    (
        Unit::Day,
        "America/New_York",
        "2026-03-08T06:59:59Z",
        "2026-03-08T05:00:00Z",
        "2026-03-09T04:00:00Z",
    ),
    // Midnight does not exist: the day begins after the gap.
    (
        Unit::Day,
        "America/Sao_Paulo",
        "2018-11-04T03:00:00Z",
        "2018-11-04T03:00:00Z",
        "2018-11-05T02:00:00Z",
    ),
    (
        Unit::Day,
        "America/Sao_Paulo",
        "2018-11-04T02:59:59Z",
        "2018-11-03T03:00:00Z",
        "2018-11-04T03:00:00Z",
    ),
    (
        Unit::Day,
        "Asia/Beirut",
        "2025-03-30T09:00:00Z",
        "2025-03-29T22:00:00Z",
        "2025-03-30T21:00:00Z",
    ),
    // Midnight comes twice: the day begins the first time.
    (
        Unit::Day,
        "America/Havana",
        "2026-11-01T05:30:00Z",
        "2026-11-01T04:00:00Z",
        "2026-11-02T05:00:00Z",
    ),
    // Clocks go back over midnight: the new day has begun and stays.
    (
        Unit::Day,
        "America/St_Johns",
        "2010-11-07T02:30:30Z",
        "2010-11-07T02:30:00Z",
        "2010-11-08T03:30:00Z",
    ),
    (
        Unit::Day,
        "America/St_Johns",
        "2010-11-07T02:45:00Z",
        "2010-11-07T02:30:00Z",
        "2010-11-08T03:30:00Z",
    ),
    // A date that never was, the 30th of December 2011 in Samoa.
    (
        Unit::Day,
        "Pacific/Apia",
        "2011-12-30T09:59:59Z",
        "2011-12-29T10:00:00Z",
        "2011-12-30T10:00:00Z",
    ),
    (
        Unit::Day,
        "Pacific/Apia",
        "2011-12-30T10:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-31T10:00:00Z",
    ),
    // Weeks begin on Monday, and may be an hour short or long.
    (
        Unit::Week,
        "UTC",
        "2026-11-22T23:59:59.999999Z",
        "2026-11-16T00:00:00Z",
        "2026-11-23T00:00:00Z",
    ),
    (Unit::Week, "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
    (
        Unit::Week,
        "Europe/Berlin",
        "2026-03-29T21:59:59Z",
        "2026-03-22T23:00:00Z",
        "2026-03-29T22:00:00Z",
    ),
    // Months of every length.
    (Unit::Month, "UTC", "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
    (
        Unit::Month,
        "Pacific/Kiritimati",
        "2026-01-31T10:00:00Z",
        "2026-01-31T10:00:00Z",
        "2026-02-28T10:00:00Z",
    ),
    (
        Unit::Month,
        "America/New_York",
        "2026-12-31T23:00:00Z",
        "2026-12-01T05:00:00Z",
        "2027-01-01T05:00:00Z",
    ),
    // Hours and minutes follow the local clock, and end where it is turned.
    (
        Unit::Hour,
        "Asia/Kathmandu",
        "2026-05-01T00:00:00Z",
        "2026-04-30T23:15:00Z",
        "2026-05-01T00:15:00Z",
    ),
    (
        Unit::Hour,
        "Europe/Berlin",
        "2026-10-25T00:59:59Z",
        "2026-10-25T00:00:00Z",
        "2026-10-25T01:00:00Z",
    ),
    (
        Unit::Hour,
        "Europe/Berlin",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T02:00:00Z",
    ),
    (
        Unit::Hour,
        "Australia/Lord_Howe",
        "2026-04-04T14:59:59Z",
        "2026-04-04T14:00:00Z",
        "2026-04-04T15:00:00Z",
    ),
    (
        Unit::Hour,
        "Australia/Lord_Howe",
        "2026-04-04T15:00:00Z",
        "2026-04-04T15:00:00Z",
        "2026-04-04T15:30:00Z",
    ),
    (
        Unit::Minute,
        "UTC",
        "2026-11-21T23:59:59.999Z",
        "2026-11-21T23:59:00Z",
        "2026-11-22T00:00:00Z",
    ),
    (
        Unit::Minute,
        "Africa/Monrovia",
        "1971-06-01T00:00:00Z",
        "1971-05-31T23:59:30Z",
        "1971-06-01T00:00:30Z",
    ),
];

#[test]
fn calendar_windows_are_right_on_odd_days() {
    for &(unit, zone, moment, start, end) in TABLE {
        let span = calendar_span(unit, zone, at(moment)).unwrap();
        let found = (text(span.start), text(span.end));
        assert_eq!(found, (start.to_owned(), end.to_owned()), "{unit:?} {zone} {moment}");
    }
}

#[test]
fn a_window_that_cannot_be_placed_is_an_error() {
    let spans = Spans::default();
    let rolling = |length_micros| Window::Rolling { length_micros };
    let nowhere = Window::Calendar { unit: Unit::Day, zone: "Mars/Olympus".into() };
    let empty = Window::Calendar { unit: Unit::Day, zone: "".into() };
    assert_eq!(nowhere.frame(0, &spans), Err(WindowError::UnknownZone("Mars/Olympus".into())));
    assert_eq!(empty.frame(0, &spans), Err(WindowError::UnknownZone("".into())));
    for length in [0, -1, i64::MIN, i64::MAX, LENGTH_MICROS_MAX + 1] {
        assert_eq!(rolling(length).frame(0, &spans), Err(WindowError::Length(length)));
    }
    for unit in [Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
        for now in [i64::MIN, i64::MAX] {
            assert_eq!(Window::utc(unit).frame(now, &spans), Err(WindowError::Moment(now)));
        }
    }
    assert_eq!(rolling(60).frame(i64::MIN, &spans), Err(WindowError::Moment(i64::MIN)));
    assert!(rolling(LENGTH_MICROS_MAX).frame(i64::MAX, &spans).is_ok());
}

#[test]
fn a_span_that_was_worked_out_before_is_the_one_that_is_worked_out_again() {
    let mut spans = Spans::default();
    let zone: Arc<str> = "Europe/Berlin".into();
    for hour in 0..72 {
        let now = at("2026-03-28T00:00:00Z") + hour * HOUR;
        for unit in [Unit::Hour, Unit::Day, Unit::Week] {
            let window = Window::Calendar { unit, zone: Arc::clone(&zone) };
            let fresh = calendar_span(unit, &zone, now).unwrap();
            // Kept from an earlier hour, and then kept anew.
            assert_eq!(spans.get(unit, &zone, now).unwrap(), fresh);
            spans.learn(&window, now);
            assert_eq!(spans.get(unit, &zone, now).unwrap(), fresh);
        }
    }
}

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Havana",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Asuncion",
    "America/Nuuk",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Chatham",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Monrovia",
    "Antarctica/Troll",
];

/// A moment from 1965 to 2045, often within two hours of a turn of the zone's clocks.
fn moments() -> impl Strategy<Value = (&'static str, i64)> {
    let range = at("1965-01-01T00:00:00Z")..at("2045-01-01T00:00:00Z");
    let near = -7_200_000_000_i64..7_200_000_000;
    (prop::sample::select(ZONES), range, prop::bool::ANY, near).prop_map(
        |(zone, moment, near_a_turn, off)| {
            let tz = TimeZone::get(zone).unwrap();
            let turn = tz.following(Timestamp::from_microsecond(moment).unwrap()).next();
            match turn.filter(|_| near_a_turn) {
                Some(turn) => (zone, turn.timestamp().as_microsecond() + off),
                None => (zone, moment),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_moment_lies_in_exactly_one_window((zone, now) in moments()) {
        for unit in [Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
            let span = calendar_span(unit, zone, now).unwrap();
            prop_assert!(span.start <= now && now < span.end, "{unit:?} {zone} {}", text(now));
            prop_assert_eq!(calendar_span(unit, zone, span.start).unwrap(), span);
            prop_assert_eq!(calendar_span(unit, zone, span.end - 1).unwrap(), span);
            prop_assert_eq!(calendar_span(unit, zone, span.end).unwrap().start, span.end);
            prop_assert_eq!(calendar_span(unit, zone, span.start - 1).unwrap().end, span.start);
        }
    }

    #[test]
    fn a_day_begins_where_the_local_date_first_changes((zone, now) in moments()) {
        let tz = TimeZone::get(zone).unwrap();
        let date = |at| tz.to_datetime(Timestamp::from_microsecond(at).unwrap()).date();
        let span = calendar_span(Unit::Day, zone, now).unwrap();
        prop_assert!(date(span.start - 1) < date(span.start));
        let week = calendar_span(Unit::Week, zone, now).unwrap();
        prop_assert_eq!(date(week.start).weekday(), jiff::civil::Weekday::Monday);
        let month = calendar_span(Unit::Month, zone, now).unwrap();
        prop_assert_eq!(date(month.start).day(), 1);
        prop_assert!(week.start <= span.start && month.start <= span.start);
    }
}
