//! Whether the wall clock can be believed, judged from what a monotonic clock says beside it.
//!
//! Windows are told by the wall clock. One that jumps ahead would open them early, one that falls
//! back would open them again. No clock is read here: both readings are handed in.

/// The wall clock may stray from the monotonic one by so much before it is doubted: 5 seconds.
pub const DRIFT_MICROS_MAX: i64 = 5_000_000;

/// Straying is measured from a trusted pair of readings at most this old, so that slow correction
/// of a clock never adds up to a doubt, and many small jumps do: 1 hour.
pub const ANCHOR_MICROS: i64 = 3_600_000_000;

/// How the wall clock strayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is ahead of what the monotonic clock allows.
    JumpedAhead,
    /// It is behind.
    FellBack,
}

/// Why the clock is not believed. Limited tools are denied meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock {} by {} seconds and has not been confirmed", word(*reason), by_micros / 1_000_000)]
pub struct Doubt {
    /// How it strayed.
    pub reason: Reason,
    /// By how much, in microseconds, at the latest reading.
    pub by_micros: i64,
    /// The last moment before the doubt that was believed, in microseconds since the epoch.
    pub since: i64,
}

const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::JumpedAhead => "jumped ahead",
        Reason::FellBack => "fell back",
    }
}

/// What a pair of readings amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The moment to count at, in microseconds since the epoch; never before an earlier one that
    /// was believed.
    pub now: i64,
    /// Why it is not to be believed, if it is not. Nothing may be reserved then.
    pub doubt: Option<Doubt>,
}

/// Watches the wall clock.
///
/// - **Shape**: a trusted pair of readings (wall, monotonic), and the latest moment believed.
/// - **Units**: microseconds; wall since the epoch, monotonic since any fixed moment.
/// - **Source**: one per process, made with the ledger's mark, so that a clock that was set back
///   while the process was down is noticed too.
#[derive(Clone, Debug)]
pub struct ClockWatch {
    mark: Option<i64>,
    anchor: Option<Pair>,
    /// How long the clocks must agree on a new line before it is believed; `None`: until a person
    /// confirms it.
    agree_micros: Option<i64>,
    /// Where the doubted wall clock started to keep step again.
    doubted: Option<Pair>,
    doubt: Option<Doubt>,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    wall: i64,
    monotonic: i64,
}

impl Pair {
    /// What the wall clock would say now if it kept step from here.
    fn line(self, monotonic: i64) -> i64 {
        self.wall.saturating_add(monotonic.saturating_sub(self.monotonic).max(0))
    }

    fn age(self, now: Self) -> i64 {
        now.monotonic.saturating_sub(self.monotonic)
    }
}

impl ClockWatch {
    /// A watch that knows the latest moment counted at, if any. A doubted clock stays doubted until
    /// it comes back to its line or a person confirms it.
    pub fn new(mark: Option<i64>) -> Self {
        Self { mark, anchor: None, agree_micros: None, doubted: None, doubt: None }
    }

    /// As [`ClockWatch::new`], and a clock that has kept step for so long after straying is
    /// believed again without anybody's word. For machines that sleep.
    pub fn trusting_after(mark: Option<i64>, agree_micros: i64) -> Self {
        Self { agree_micros: Some(agree_micros), ..Self::new(mark) }
    }

    /// Takes a reading of both clocks.
    pub fn read(&mut self, wall: i64, monotonic: i64) -> Reading {
        let now = Pair { wall, monotonic };
        // A line to be held to: that of the last trusted pair, or the mark while there is none.
        let line = match (self.anchor, self.mark) {
            (Some(anchor), _) => anchor.line(monotonic),
            // The clock may have been set back while nobody was looking; that it is ahead of the
            // mark says nothing, the process may have been down for days.
            (None, Some(mark)) => mark.max(wall),
            (None, None) => wall,
        };
        let drift = wall.saturating_sub(line);
        if drift.saturating_abs() <= DRIFT_MICROS_MAX {
            if self.anchor.is_none_or(|anchor| anchor.age(now) >= ANCHOR_MICROS) {
                self.anchor = Some(now);
            }
            return self.believe(wall);
        }
        if self.has_agreed(now) {
            self.anchor = Some(now);
            return self.believe(wall);
        }
        let reason = if drift > 0 { Reason::JumpedAhead } else { Reason::FellBack };
        let since = self.mark.unwrap_or(line);
        self.doubt = Some(Doubt { reason, by_micros: drift.saturating_abs(), since });
        // Meanwhile time moves with the monotonic clock alone, and leaves no mark: nothing is
        // counted at it.
        Reading { now: self.mark.map_or(line, |mark| mark.max(line)), doubt: self.doubt }
    }

    /// A person's word that the wall clock is right. Windows that have turned stay turned: until
    /// the wall clock has passed the latest moment that was believed, time stands still.
    pub fn confirm(&mut self, wall: i64, monotonic: i64) {
        self.anchor = Some(Pair { wall, monotonic });
        (self.doubt, self.doubted) = (None, None);
    }

    /// Why the clock was not believed at the latest reading.
    pub fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    fn believe(&mut self, wall: i64) -> Reading {
        (self.doubt, self.doubted) = (None, None);
        let now = self.mark.map_or(wall, |mark| mark.max(wall));
        self.mark = Some(now);
        Reading { now, doubt: None }
    }

    /// Whether a doubted clock has kept step with the monotonic one for long enough.
    fn has_agreed(&mut self, now: Pair) -> bool {
        let Some(agree) = self.agree_micros else { return false };
        let from = *self.doubted.get_or_insert(now);
        if now.wall.abs_diff(from.line(now.monotonic)) > DRIFT_MICROS_MAX.unsigned_abs() {
            self.doubted = Some(now);
            return false;
        }
        from.age(now) >= agree
    }
}
