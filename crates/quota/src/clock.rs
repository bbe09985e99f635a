//! Whether the wall clock can be believed, judged from what a monotonic clock says beside it.
//!
//! Windows are told by the wall clock. One that jumps ahead would open them early, one that falls
//! back would open them again. No clock is read here: both readings are handed in.

/// The wall clock may stray from the monotonic one by so much before it is doubted: 5 seconds.
pub const DRIFT_MICROS_MAX: i64 = 5_000_000;

/// Straying is measured from a trusted pair of readings at most this old while there are readings,
/// so that slow correction of a clock never adds up to a doubt, and many small jumps do: 1 hour.
pub const ANCHOR_MICROS: i64 = 3_600_000_000;

/// How fast a clock may be corrected without being doubted: by one part in so many, 500 in a
/// million, which is the fastest that systems slew one. It matters when nobody read for days.
const SLEW: i64 = 2_000;

/// A clock that fell back must have kept step with the monotonic one for so long before it is
/// believed again: 1 minute.
pub const AGREE_MICROS: i64 = 60_000_000;

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
///
/// What ends a doubt: the wall clock comes back to its line; or, after it fell back, it has passed
/// the latest moment believed and kept step for [`AGREE_MICROS`] (no window can open early by
/// that); or a person confirms it. A jump ahead is never believed by waiting: it would open windows
/// early for whoever can move the clock.
#[derive(Clone, Debug)]
pub struct ClockWatch {
    mark: Option<i64>,
    anchor: Option<Pair>,
    /// Where the wall clock that fell back started to keep step again.
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
    /// A watch that knows the latest moment counted at, if any.
    pub fn new(mark: Option<i64>) -> Self {
        Self { mark, anchor: None, doubted: None, doubt: None }
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
        let age = self.anchor.map_or(0, |anchor| anchor.age(now).max(0));
        let slewed = age.saturating_sub(ANCHOR_MICROS).max(0) / SLEW;
        if drift.saturating_abs() <= DRIFT_MICROS_MAX.saturating_add(slewed) {
            if self.anchor.is_none() || age >= ANCHOR_MICROS {
                self.anchor = Some(now);
            }
            return self.believe(wall);
        }
        if drift < 0 && self.has_caught_up(now) {
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

    /// Whether a clock that fell back has kept step with the monotonic one for long enough and is
    /// where time had come to before it fell. From there it can open no window early.
    fn has_caught_up(&mut self, now: Pair) -> bool {
        let from = *self.doubted.get_or_insert(now);
        if now.wall.abs_diff(from.line(now.monotonic)) > DRIFT_MICROS_MAX.unsigned_abs() {
            self.doubted = Some(now);
            return false;
        }
        let is_past = self.mark.is_none_or(|mark| now.wall >= mark);
        is_past && from.age(now) >= AGREE_MICROS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;
    /// The wall clock when the monotonic one says 0.
    const START: i64 = 1_800_000_000 * SECOND;

    /// Reads at (seconds of monotonic time, seconds the wall clock is off), and says what it gave:
    /// the moment in seconds after the start, and the doubt.
    fn read(watch: &mut ClockWatch, monotonic: i64, off: i64) -> (i64, Option<Reason>) {
        let reading = watch.read(START + (monotonic + off) * SECOND, monotonic * SECOND);
        assert_eq!(reading.doubt, watch.doubt());
        ((reading.now - START) / SECOND, reading.doubt.map(|doubt| doubt.reason))
    }

    #[test]
    fn a_steady_clock_is_believed() {
        let mut watch = ClockWatch::new(None);
        for second in 0..100_000 {
            assert_eq!(read(&mut watch, second, 0), (second, None));
        }
    }

    #[test]
    fn q09_a_jump_of_25_hours_is_doubted_and_back_is_believed() {
        let mut watch = ClockWatch::new(None);
        assert_eq!(read(&mut watch, 0, 0), (0, None));
        for second in 1..5_000 {
            let (now, doubt) = read(&mut watch, second, 25 * 3_600);
            assert_eq!((now, doubt), (second, Some(Reason::JumpedAhead)), "{second}");
        }
        // Back on its line: no window has turned meanwhile, and none reopens.
        assert_eq!(read(&mut watch, 5_000, 0), (5_000, None));
    }

    #[test]
    fn q09_a_confirmed_jump_moves_time_and_falling_back_reopens_nothing() {
        let mut watch = ClockWatch::new(None);
        read(&mut watch, 0, 0);
        read(&mut watch, 1, 90_000);
        watch.confirm(START + 90_001 * SECOND, SECOND);
        assert_eq!(read(&mut watch, 2, 90_000), (90_002, None));
        // Back again: doubted, and once confirmed, time stands still until it has caught up.
        assert_eq!(read(&mut watch, 3, 0).1, Some(Reason::FellBack));
        watch.confirm(START + 4 * SECOND, 4 * SECOND);
        assert_eq!(read(&mut watch, 5, 0), (90_002, None));
        // Hours go by, and the trusted pair with them.
        for hour in 1..25 {
            assert_eq!(read(&mut watch, hour * 3_600, 0), (90_002, None));
        }
        assert_eq!(read(&mut watch, 90_003, 0), (90_003, None));
    }

    #[test]
    fn a_small_step_is_tolerated_and_time_never_runs_backwards() {
        let mut watch = ClockWatch::new(None);
        assert_eq!(read(&mut watch, 0, 0), (0, None));
        assert_eq!(read(&mut watch, 10, 5), (15, None));
        assert_eq!(read(&mut watch, 11, -5), (15, None));
        assert_eq!(read(&mut watch, 30, 0), (30, None));
        let edge = START + 40 * SECOND + DRIFT_MICROS_MAX;
        assert_eq!(watch.read(edge, 40 * SECOND).doubt, None);
        assert!(watch.read(edge + SECOND + 1, 41 * SECOND).doubt.is_some());
    }

    #[test]
    fn many_small_jumps_add_up_to_a_doubt_and_slow_correction_does_not() {
        let mut watch = ClockWatch::new(None);
        let doubted = (0..60).find(|minute| read(&mut watch, minute * 60, minute * 2).1.is_some());
        assert_eq!(doubted, Some(3));
        // 500 parts in a million, the fastest that a clock is slewed: 1.8 seconds an hour.
        let mut watch = ClockWatch::new(None);
        for minute in 0..10_000 {
            assert_eq!(read(&mut watch, minute * 60, minute * 3 / 100).1, None, "{minute}");
        }
    }

    #[test]
    fn a_clock_set_back_while_nobody_looked_is_noticed() {
        let mark = START + 10 * HOUR;
        let mut watch = ClockWatch::new(Some(mark));
        let reading = watch.read(START, 0);
        assert_eq!(reading.now, mark);
        let doubt = reading.doubt.unwrap();
        assert_eq!(
            (doubt.reason, doubt.by_micros, doubt.since),
            (Reason::FellBack, 10 * HOUR, mark)
        );
        assert!(doubt.to_string().contains("fell back by 36000 seconds"), "{doubt}");
        // Set right: days later than the mark is nothing to doubt.
        assert_eq!(watch.read(mark + 70 * HOUR, SECOND).doubt, None);
        // And it is held to its line from there.
        assert!(watch.read(mark + 72 * HOUR, 2 * SECOND).doubt.is_some());
    }

    #[test]
    fn a_clock_that_fell_back_is_believed_once_it_has_caught_up_and_kept_step() {
        let mut watch = ClockWatch::new(None);
        for second in 0..=100 {
            read(&mut watch, second, 0);
        }
        // Corrected by half a minute: nothing is counted until it has been where time stood.
        for second in 101..161 {
            assert_eq!(read(&mut watch, second, -30).1, Some(Reason::FellBack), "{second}");
        }
        assert_eq!(read(&mut watch, 161, -30), (131, None));
        assert_eq!(read(&mut watch, 162, -30), (132, None));
        // By ten minutes: keeping step alone is not enough.
        let believed = (163..2_000).find(|s| read(&mut watch, *s, -630).1.is_none());
        assert_eq!(believed, Some(762), "when it says 132 again");
        // Jumping about meanwhile starts the minute anew.
        let mut watch = ClockWatch::new(None);
        read(&mut watch, 100, 0);
        assert!(read(&mut watch, 101, -30).1.is_some());
        assert!(read(&mut watch, 150, -20).1.is_some());
        assert!(read(&mut watch, 200, -20).1.is_some());
        assert_eq!(read(&mut watch, 210, -20), (190, None));
    }

    #[test]
    fn a_jump_ahead_is_not_believed_by_waiting() {
        let mut watch = ClockWatch::new(None);
        read(&mut watch, 0, 0);
        assert!((1..100_000).step_by(60).all(|second| read(&mut watch, second, 3_600).1.is_some()));
    }

    #[test]
    fn a_clock_that_nobody_read_for_days_may_have_been_corrected_slowly() {
        let mut watch = ClockWatch::new(None);
        read(&mut watch, 0, 0);
        assert_eq!(read(&mut watch, 3 * 86_400, 100).1, None);
        assert_eq!(read(&mut watch, 6 * 86_400, 400).1, Some(Reason::JumpedAhead));
    }

    #[test]
    fn readings_at_the_edge_of_64_bits_do_not_overflow() {
        for wall in [i64::MIN, 0, i64::MAX] {
            for monotonic in [i64::MIN, 0, i64::MAX] {
                for mark in [None, Some(i64::MIN), Some(i64::MAX)] {
                    let mut watch = ClockWatch::new(mark);
                    for (a, b) in [(0, 0), (wall, monotonic), (monotonic, wall), (-1, -1)] {
                        watch.read(a, b);
                    }
                }
            }
        }
    }
}
