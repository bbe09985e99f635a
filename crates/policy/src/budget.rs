//! How much work one decision may cost. Counted in units, never in time, so that the same call
//! always comes to the same end.

use std::cell::Cell;

/// The most work one decision may cost: 20 to 40 ms of an optimised build.
const UNITS_MAX: u64 = 40_000_000;

/// The work that is left for one decision. A unit is at most about a nanosecond.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<u64>,
    exhausted: Cell<bool>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(UNITS_MAX), exhausted: Cell::new(false) }
    }

    /// Takes the units; `false` when there are not enough, and from then on for good.
    pub(crate) fn take(&self, units: u64) -> bool {
        match self.left.get().checked_sub(units) {
            Some(left) if !self.exhausted.get() => {
                self.left.set(left);
                true
            }
            _ => {
                self.exhausted.set(true);
                false
            }
        }
    }

    /// Takes units for something of that length, some units for each of it.
    pub(crate) fn take_for(&self, length: usize, each: u64) -> bool {
        self.take(u64::try_from(length).unwrap_or(u64::MAX).saturating_mul(each))
    }

    /// Whether work was asked for that the budget did not hold.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.get()
    }
}
