//! Steps, how long they took, what they counted, and the closing line that says how it all went.

use std::time::{Duration, Instant};

/// What one step counted.
///
/// - **Shape**: a step that is one check counts 1 in either; a runner of tests counts its tests.
/// - **Source**: the closing lines of the runner, or [`Counted::one`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Checks or tests that passed.
    pub(crate) passed: u64,
    /// Checks or tests that failed.
    pub(crate) failed: u64,
}

/// What a step came to.
///
/// - **Shape**: what it counted, and of a step that failed the last lines it said.
/// - **Source**: [`Counted::of_runner`] for runners, `from` for what only counts.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    counted: Counted,
    last_words: Vec<String>,
}

impl From<Counted> for Ended {
    fn from(counted: Counted) -> Self {
        Self { counted, last_words: Vec::new() }
    }
}

/// How many lines of a failed step are said again at the end. Runners name there what failed.
const LAST_WORDS: usize = 60;

impl Counted {
    /// A step that either holds or does not.
    pub(crate) const fn one(held: bool) -> Self {
        Self { passed: held as u64, failed: !held as u64 }
    }

    /// What a runner counted, made to agree with how it ended: a runner that failed without
    /// naming a failed test (it did not build, it crashed), or that ran nothing, is a failure.
    pub(crate) fn of_runner(self, ended_well: bool, said: &[String]) -> Ended {
        let failed = match (ended_well, self.failed, self.passed) {
            (false, 0, _) | (true, 0, 0) => 1,
            (_, failed, _) => failed,
        };
        let kept = if failed == 0 { 0 } else { LAST_WORDS.min(said.len()) };
        Ended {
            counted: Self { passed: self.passed, failed },
            last_words: said.split_at(said.len() - kept).1.to_vec(),
        }
    }
}

struct Line {
    name: String,
    ended: Ended,
    took: Duration,
}

impl Line {
    fn failed(&self) -> bool {
        self.ended.counted.failed > 0
    }
}

/// Everything that ran so far. A failing step never keeps the next from running.
pub(crate) struct Report {
    lines: Vec<Line>,
    started: Instant,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), started: Instant::now() }
    }

    /// Runs a step and keeps what it counted. `Err` is a sentence, printed, and counts as one failure.
    pub(crate) fn step<E: Into<Ended>>(
        &mut self,
        name: &str,
        run: impl FnOnce() -> Result<E, String>,
    ) {
        println!("── {name}");
        let started = Instant::now();
        let ended = run().map(Into::into).unwrap_or_else(|problem| {
            println!("{}", problem.trim_end());
            Counted::one(false).of_runner(false, &lines(&problem))
        });
        self.lines.push(Line { name: name.to_owned(), ended, took: started.elapsed() });
    }

    /// Runs a step that either holds or says why not.
    pub(crate) fn check(&mut self, name: &str, run: impl FnOnce() -> Result<(), String>) {
        self.step(name, || run().map(|()| Counted::one(true)));
    }

    /// Prints what failed once more, the table, and the closing line; `Err` when anything failed.
    pub(crate) fn close(self) -> Result<(), String> {
        let Counted { passed, failed } = self.sum();
        print!("{}\n{}", self.last_words(), self.table());
        println!("{passed} passed, {failed} failed");
        if failed == 0 { Ok(()) } else { Err(format!("failed: {}", self.failing().join(", "))) }
    }

    fn sum(&self) -> Counted {
        self.lines.iter().fold(Counted::default(), |sum, line| Counted {
            passed: sum.passed + line.ended.counted.passed,
            failed: sum.failed + line.ended.counted.failed,
        })
    }

    fn failing(&self) -> Vec<&str> {
        self.lines.iter().filter(|line| line.failed()).map(|line| line.name.as_str()).collect()
    }

    /// What each failed step said last: a reader of a long log begins at its end.
    fn last_words(&self) -> String {
        let mut text = String::new();
        for Line { name, ended, .. } in self.lines.iter().filter(|line| line.failed()) {
            text.push_str(&format!("\n── {name}: the last lines of what failed\n"));
            ended.last_words.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        }
        text
    }

    fn table(&self) -> String {
        let mut text = format!("{:<36} {:>8} {:>7} {:>7}\n", "step", "seconds", "passed", "failed");
        let rows =
            self.lines.iter().map(|line| (line.name.as_str(), line.took, line.ended.counted));
        for (name, took, counted) in rows.chain([("all", self.started.elapsed(), self.sum())]) {
            text.push_str(&format!(
                "{name:<36} {:>8.1} {:>7} {:>7}\n",
                took.as_secs_f64(),
                counted.passed,
                counted.failed
            ));
        }
        text
    }
}

fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_does_not_hide_the_next() {
        let mut report = Report::new();
        report.check("first", || Err("it broke".to_owned()));
        report.step("second", || Ok(Counted { passed: 7, failed: 0 }));
        assert_eq!(report.sum(), Counted { passed: 7, failed: 1 });
        assert_eq!(report.close().unwrap_err(), "failed: first");
    }

    #[test]
    fn a_runner_that_ran_nothing_or_broke_is_a_failure() {
        let counted = |passed, failed| Counted { passed, failed };
        for (runner, ended_well, expected) in [
            (counted(3, 0), true, counted(3, 0)),
            (counted(3, 1), false, counted(3, 1)),
            (counted(3, 0), false, counted(3, 1)),
            (counted(0, 0), true, counted(0, 1)),
            (counted(0, 0), false, counted(0, 1)),
        ] {
            let ended = runner.of_runner(ended_well, &lines("began\nended"));
            assert_eq!(ended.counted, expected, "{runner:?} {ended_well}");
            assert_eq!(ended.last_words.is_empty(), expected.failed == 0);
        }
    }

    #[test]
    fn what_failed_is_said_again_at_the_end_and_no_more_than_its_last_lines() {
        let mut report = Report::new();
        let long: Vec<String> =
            (0..LAST_WORDS + 5).map(|number| format!("line {number}.")).collect();
        report.step("sound", || Ok(Counted::one(true).of_runner(true, &lines("all is well"))));
        report.step("long", || Ok(Counted::one(false).of_runner(false, &long)));
        report.check("short", || Err("no such file".to_owned()));
        let again = report.last_words();
        assert!(!again.contains("all is well") && !again.contains("line 4."), "{again}");
        for kept in ["line 5.", "line 64.", "short", "no such file"] {
            assert!(again.contains(kept), "{kept}");
        }
    }
}
