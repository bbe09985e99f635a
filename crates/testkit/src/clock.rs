//! A clock that runs with the machine's, and can be put forward or back.

use std::sync::atomic::{AtomicI64, Ordering};

use store::{Clock, Moment, SystemClock};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// The machine's time and an offset of the test's choosing.
#[derive(Debug, Default)]
pub struct TestClock {
    offset_micros: AtomicI64,
    passed_micros: AtomicI64,
}

impl TestClock {
    /// A clock that begins at ten past ten in UTC, with two days of its week and month left: what a
    /// test lets pass turns a window of the calendar because the test says so, never by chance.
    pub fn within_windows() -> Self {
        let clock = Self::default();
        let now = clock.now().micros();
        let mut begins = now - now.rem_euclid(DAY) + 10 * HOUR + HOUR / 6;
        let left = |at, unit| {
            quota::calendar_span(unit, "UTC", at).expect("the test runs within the calendar").end
                - at
        };
        while begins < now
            || left(begins, quota::Unit::Week) < 2 * DAY
            || left(begins, quota::Unit::Month) < 2 * DAY
        {
            begins += DAY;
        }
        clock.shift_micros(begins - now);
        clock
    }

    /// Lets so much time pass at once.
    pub fn pass_seconds(&self, seconds: i64) {
        self.shift_seconds(seconds);
        self.passed_micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Puts the clock forward while no time passes; back, if negative.
    pub fn shift_seconds(&self, seconds: i64) {
        self.shift_micros(seconds * 1_000_000);
    }

    /// As [`TestClock::shift_seconds`], to the microsecond.
    pub fn shift_micros(&self, micros: i64) {
        self.offset_micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        let offset = self.offset_micros.load(Ordering::SeqCst);
        Moment::of_micros(SystemClock.now().micros() + offset)
    }

    fn monotonic_micros(&self) -> i64 {
        SystemClock.monotonic_micros() + self.passed_micros.load(Ordering::SeqCst)
    }
}
