//! The evidence in a second language: Python reads what Go made and what an instance exports.

use std::path::Path;

use crate::report::{Counted, Ended};
use crate::{process, workspace};

/// Runs `tests/evidence`; with a folder of exports, on those too.
pub(crate) fn second_language(exports: Option<&Path>) -> Result<Ended, String> {
    let folder = workspace::root().join("tests").join("evidence");
    let mut command = process::command("python3", &["-m", "unittest", "-v"], &folder);
    command.env_remove("EVIDENCE_DIR").env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(exports) = exports {
        command.env("EVIDENCE_DIR", exports);
    }
    let (said, ended_well) = process::loud(command)?;
    Ok(counted(&said).of_runner(ended_well, &said))
}

/// Reads `Ran 9 tests in 0.1s` and `FAILED (failures=1, errors=2, skipped=4)`.
pub(crate) fn counted(said: &[String]) -> Counted {
    let number = |text: &str| -> u64 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    let after =
        |line: &String, word: &str| line.split_once(word).map_or(0, |(_, rest)| number(rest));
    let ran: u64 = said.iter().map(|line| line.strip_prefix("Ran ").map_or(0, number)).sum();
    let last = |word: &str| said.last().map_or(0, |line| after(line, word));
    let failed = last("failures=") + last("errors=");
    Counted { passed: ran.saturating_sub(failed + last("skipped=")), failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_unittest_are_read() {
        for (last, passed, failed) in [
            ("OK", 9, 0),
            ("OK (skipped=4)", 5, 0),
            ("FAILED (failures=1, errors=2, skipped=4)", 2, 3),
        ] {
            let said = ["Ran 9 tests in 0.146s", "", last].map(str::to_owned);
            assert_eq!(counted(&said), Counted { passed, failed }, "{last}");
        }
    }
}
