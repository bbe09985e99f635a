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

impl Counted {
    /// A step that either holds or does not.
    pub(crate) const fn one(held: bool) -> Self {
        Self { passed: held as u64, failed: !held as u64 }
    }

    /// What a runner counted, made to agree with how it ended: a runner that failed without
    /// naming a failed test (it did not build, it crashed), or that ran nothing, is a failure.
    pub(crate) const fn of_runner(self, ended_well: bool) -> Self {
        let failed = match (ended_well, self.failed, self.passed) {
            (false, 0, _) | (true, 0, 0) => 1,
            (_, failed, _) => failed,
        };
        Self { passed: self.passed, failed }
    }
}

struct Line {
    name: String,
    counted: Counted,
    took: Duration,
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
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> Result<Counted, String>) {
        println!("── {name}");
        let started = Instant::now();
        let counted = run().unwrap_or_else(|problem| {
            println!("{}", problem.trim_end());
            Counted::one(false)
        });
        self.lines.push(Line { name: name.to_owned(), counted, took: started.elapsed() });
    }

    /// Runs a step that either holds or says why not.
    pub(crate) fn check(&mut self, name: &str, run: impl FnOnce() -> Result<(), String>) {
        self.step(name, || run().map(|()| Counted::one(true)));
    }

    /// Prints the table and the closing line; `Err` when anything failed.
    pub(crate) fn close(self) -> Result<(), String> {
        let Counted { passed, failed } = self.sum();
        print!("\n{}", self.table());
        println!("{passed} passed, {failed} failed");
        if failed == 0 { Ok(()) } else { Err(format!("failed: {}", self.failing().join(", "))) }
    }

    fn sum(&self) -> Counted {
        self.lines.iter().fold(Counted::default(), |sum, line| Counted {
            passed: sum.passed + line.counted.passed,
            failed: sum.failed + line.counted.failed,
        })
    }

    fn failing(&self) -> Vec<&str> {
        let failed = self.lines.iter().filter(|line| line.counted.failed > 0);
        failed.map(|line| line.name.as_str()).collect()
    }

    fn table(&self) -> String {
        let mut text = format!("{:<36} {:>8} {:>7} {:>7}\n", "step", "seconds", "passed", "failed");
        let rows = self.lines.iter().map(|line| (line.name.as_str(), line.took, line.counted));
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
            assert_eq!(runner.of_runner(ended_well), expected, "{runner:?} {ended_well}");
        }
    }
}
