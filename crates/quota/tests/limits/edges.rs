//! Window edges: midnight, the turn of the clocks, releases after the window has turned, and
//! clocks that run backwards.

use quota::*;

use crate::world::*;

#[test]
fn q07_a_call_just_before_midnight_belongs_to_that_day() {
    let mut ledger = Ledger::new();
    let of = |amount| [charge("value", Window::utc(Unit::Day), 100, amount)];
    let late = MIDNIGHT + DAY - 1_000;
    assert!(take(&mut ledger, 1, &of(100), late));
    assert!(!take(&mut ledger, 2, &of(1), late + 999));
    assert!(take(&mut ledger, 3, &of(70), MIDNIGHT + DAY));
    // Answered after midnight: the amount goes back to the day it was taken from.
    let _ = ledger.release(call(1)).unwrap();
    assert_eq!(usage(&ledger, &of(0)[0], MIDNIGHT + DAY), (0, 70, 0, 30));
    assert!(!take(&mut ledger, 4, &of(31), MIDNIGHT + DAY + 1));
    assert!(take(&mut ledger, 5, &of(30), MIDNIGHT + DAY + 1));
    ledger.check().unwrap();
}

#[test]
fn q13_a_release_of_an_earlier_window_never_touches_the_present_one() {
    for unit in [Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month] {
        let mut ledger = Ledger::new();
        let of = |amount| [charge("value", Window::utc(unit), 100, amount)];
        assert!(take(&mut ledger, 1, &of(60), MIDNIGHT));
        let span = calendar_span(unit, "UTC", MIDNIGHT).unwrap();
        assert!(take(&mut ledger, 2, &of(90), span.end));
        for step in [Ledger::release, Ledger::release] {
            let _ = step(&mut ledger, call(1)).unwrap();
            assert_eq!(usage(&ledger, &of(0)[0], span.end), (0, 90, 0, 10), "{unit:?}");
        }
    }
}

/// (zone, the last moment before the window turns, the first after)
const TURNS: &[(Unit, &str, &str, &str)] = &[
    (Unit::Day, "UTC", "2026-11-21T23:59:59.999Z", "2026-11-22T00:00:00Z"),
    (Unit::Day, "UTC", "2026-11-21T23:59:59.999999Z", "2026-11-22T00:00:00Z"),
    (Unit::Day, "Europe/Berlin", "2026-03-28T22:59:59.999Z", "2026-03-28T23:00:00Z"),
    (Unit::Day, "Europe/Berlin", "2026-03-29T21:59:59.999Z", "2026-03-29T22:00:00Z"),
    (Unit::Day, "Europe/Berlin", "2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00Z"),
    (Unit::Day, "America/Sao_Paulo", "2018-11-04T02:59:59.999Z", "2018-11-04T03:00:00Z"),
    (Unit::Day, "America/Havana", "2026-11-01T03:59:59.999Z", "2026-11-01T04:00:00Z"),
    (Unit::Day, "Pacific/Apia", "2011-12-30T09:59:59.999Z", "2011-12-30T10:00:00Z"),
    (Unit::Hour, "Europe/Berlin", "2026-10-25T00:59:59.999Z", "2026-10-25T01:00:00Z"),
    (Unit::Week, "Europe/Berlin", "2026-03-29T21:59:59.999Z", "2026-03-29T22:00:00Z"),
    (Unit::Month, "Asia/Kolkata", "2026-02-28T18:29:59.999Z", "2026-02-28T18:30:00Z"),
];

#[test]
fn a_window_turns_at_the_very_moment_and_not_before() {
    for &(unit, zone, before, after) in TURNS {
        let mut ledger = Ledger::new();
        let of = |amount| [charge("value", zoned(unit, zone), 10, amount)];
        assert!(take(&mut ledger, 1, &of(10), at(before)), "{zone} {before}");
        let refused = exhausted(ledger.reserve(call(2), &of(1), at(before)));
        let wait = at(after) - at(before);
        assert_eq!(refused.resets_at, Some(at(after)), "{zone} {before}");
        assert_eq!(refused.retry_after_micros, Some(wait), "{zone} {before}");
        assert!(!take(&mut ledger, 3, &of(1), at(after) - 1), "{zone} {before}");
        assert!(take(&mut ledger, 4, &of(10), at(after)), "{zone} {before}");
        assert!(!take(&mut ledger, 5, &of(1), at(after)), "{zone} {before}");
    }
}

#[test]
fn an_hour_that_comes_twice_is_two_hours_and_a_day_of_25_is_one_day() {
    let mut ledger = Ledger::new();
    let hour = [charge("hour", zoned(Unit::Hour, "Europe/Berlin"), 1, 1)];
    let day = [charge("day", zoned(Unit::Day, "Europe/Berlin"), 25, 1)];
    let start = at("2026-10-24T22:30:00Z");
    for number in 0..25_u64 {
        let now = start + i64::try_from(number).unwrap() * HOUR;
        assert!(take(&mut ledger, number * 4, &hour, now), "{number}");
        assert!(!take(&mut ledger, number * 4 + 1, &hour, now), "{number}");
        assert!(take(&mut ledger, number * 4 + 2, &day, now), "{number}");
    }
    let last = at("2026-10-25T22:59:59.999999Z");
    assert!(!take(&mut ledger, 1_000, &day, last));
    assert!(take(&mut ledger, 1_000, &day, last + 1));
}

#[test]
fn tidying_never_carries_usage_over_the_edge_of_a_window() {
    // Used before the edge, after it, and later in the same window, when the past is tidied: in
    // one hour of UTC, and in one day of it.
    let cases = [
        (Unit::Hour, "2026-05-01T10:10:00Z", "2026-05-01T10:20:00Z", "2026-05-01T11:05:00Z"),
        (Unit::Week, "2026-05-03T10:00:00Z", "2026-05-03T20:00:00Z", "2026-05-06T11:00:00Z"),
        (Unit::Month, "2026-05-31T10:00:00Z", "2026-05-31T20:00:00Z", "2026-06-10T11:00:00Z"),
    ];
    for (unit, before, after, later) in cases {
        let mut ledger = Ledger::new();
        let of = |amount| [charge("value", zoned(unit, "Asia/Kathmandu"), 100, amount)];
        for (id, (amount, now)) in (0..).zip([(100, before), (30, after), (20, later)]) {
            assert!(take(&mut ledger, id, &of(amount), at(now)), "{unit:?} {now}");
        }
        assert_eq!(usage(&ledger, &of(0)[0], at(later)), (0, 50, 0, 50), "{unit:?}");
        let _ = ledger.release(call(0)).unwrap();
        assert_eq!(usage(&ledger, &of(0)[0], at(later)), (0, 50, 0, 50), "{unit:?}");
        ledger.check().unwrap();
    }
}

#[test]
fn q08_a_fixed_window_may_hold_twice_over_its_edge_and_a_rolling_one_never() {
    let mut ledger = Ledger::new();
    let fixed = [charge("fixed", Window::utc(Unit::Minute), 10, 1)];
    let rolls = [charge("rolls", rolling(MINUTE), 10, 1)];
    let burst = |ledger: &mut Ledger, from: u64, charges: &[Charge], now| {
        (from..from + 20).filter(|id| take(ledger, *id, charges, now)).count()
    };
    let (before, after) = (MIDNIGHT + MINUTE - 1, MIDNIGHT + MINUTE);
    assert_eq!(burst(&mut ledger, 0, &fixed, before), 10);
    assert_eq!(burst(&mut ledger, 100, &fixed, after), 10);
    assert_eq!(burst(&mut ledger, 200, &rolls, after), 10);
    assert_eq!(burst(&mut ledger, 300, &rolls, after + 1), 0);
    assert_eq!(burst(&mut ledger, 400, &rolls, after + MINUTE), 0);
    assert_eq!(burst(&mut ledger, 500, &rolls, after + MINUTE + 1), 10);
}

#[test]
fn q09_a_clock_that_falls_back_reopens_no_window() {
    for window in [Window::utc(Unit::Day), rolling(DAY)] {
        let mut ledger = Ledger::new();
        let of = |amount| [charge("value", window.clone(), 10, amount)];
        assert!(take(&mut ledger, 1, &of(10), MIDNIGHT));
        let tomorrow = MIDNIGHT + 25 * HOUR;
        assert!(take(&mut ledger, 2, &of(10), tomorrow));
        for back in [tomorrow - 1, MIDNIGHT + HOUR, MIDNIGHT, MIDNIGHT - 40 * DAY] {
            assert!(ledger.fits(&of(1), back).is_err(), "{window:?}");
            assert!(!take(&mut ledger, 3, &of(1), back), "{window:?}");
        }
        // Not even one whose counter has been forgotten.
        let _ = ledger.settle(call(1)).unwrap();
        let _ = ledger.settle(call(2)).unwrap();
        let _ = ledger.sweep(tomorrow + 40 * DAY, 10);
        assert_eq!(ledger.size().0, 0);
        assert_eq!(ledger.mark(), Some(tomorrow + 40 * DAY));
        assert!(take(&mut ledger, 4, &of(10), tomorrow));
        let held = ledger.reservation(&call(4)).unwrap();
        assert_eq!(held.at, tomorrow + 40 * DAY);
    }
}

#[test]
fn a_window_that_cannot_be_placed_lets_nothing_through() {
    let mut ledger = Ledger::new();
    let fine = charge("fine", Window::utc(Unit::Day), 10, 1);
    for window in [zoned(Unit::Day, "Mars/Olympus"), rolling(0), rolling(-1), rolling(i64::MAX)] {
        let charges = [fine.clone(), charge("odd", window.clone(), 10, 1)];
        let result = ledger.reserve(call(1), &charges, MIDNIGHT);
        assert!(matches!(result, Err(ReserveError::Window { .. })), "{window:?}: {result:?}");
        assert_eq!(ledger, Ledger::new());
    }
    let result = ledger.reserve(call(1), &[fine], i64::MAX);
    assert!(matches!(result, Err(ReserveError::Window { .. })), "{result:?}");
    assert_eq!(ledger, Ledger::new());
}
