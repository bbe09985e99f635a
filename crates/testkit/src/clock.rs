//! A clock that runs with the machine's, and can be put forward or back.

use std::sync::atomic::{AtomicI64, Ordering};

use store::{Clock, Moment, SystemClock};

/// The machine's time and an offset of the test's choosing.
#[derive(Debug, Default)]
pub struct TestClock {
    offset_micros: AtomicI64,
}

impl TestClock {
    /// Puts the clock forward; back, if negative.
    pub fn shift_seconds(&self, seconds: i64) {
        self.offset_micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        let offset = self.offset_micros.load(Ordering::SeqCst);
        Moment::of_micros(SystemClock.now().micros() + offset)
    }
}
