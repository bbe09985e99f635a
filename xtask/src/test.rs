//! `test`: all that is checked, in one run that ends with one line of what passed and what failed.

use std::thread;

use crate::process::{self, cargo};
use crate::report::{Counted, Ended, Report};
use crate::{
    Outcome, api, check, evidence, install, oauth, peers, policy_edit, sign_in, telemetry, web,
    workspace,
};

/// How many cases the long tests take where a machine has the time.
const CI_CASES: &[(&str, &str)] = &[("POLICY_CASES", "100000"), ("QUOTA_SEEDS", "5000")];

/// Runs everything, or without the peers when `--quick` is asked for.
pub(crate) fn run(args: &[String]) -> Outcome {
    let quick = check::quick(args)?;
    let mut report = Report::new();
    report.check("packages of the system", install::packages);
    // Beside the checks: it waits for downloads most of the time.
    let installing = (!quick).then(|| thread::spawn(install::peers));
    check::cheap(&mut report);
    report.check("the dashboard is built", web::build);
    check::lints(&mut report);
    check::dashboard(&mut report);
    report.step("tests", tests);
    report.step("evidence in a second language", || evidence::second_language(None));
    report.step("tests of the dashboard", web::unit_tests);
    report.step("the dashboard in a browser", web::browser_tests);
    if let Some(installing) = installing {
        report.step("signing in, in a browser", sign_in::in_a_browser);
        report.step("examples in the documentation", examples);
        report.check("official clients and servers", || {
            installing.join().unwrap_or_else(|_| Err("their installation broke off".to_owned()))
        });
        through_the_gateway(&mut report);
    }
    report.close()
}

/// Runs the peers alone.
pub(crate) fn peers_alone(args: &[String]) -> Outcome {
    if let Some(arg) = args.first() {
        return Err(format!("this chore takes no argument `{arg}`"));
    }
    let mut report = Report::new();
    report.check("packages of the system", install::packages);
    report.check("official clients and servers", install::peers);
    through_the_gateway(&mut report);
    report.close()
}

/// Unit, property, contract and end-to-end tests of every crate.
fn tests() -> Result<Ended, String> {
    let root = workspace::root();
    let nextest = process::there("cargo", &["nextest", "--version"]);
    let mut command = if nextest {
        let quietly = ["--status-level", "slow", "--final-status-level", "fail"];
        let all = ["nextest", "run", "--workspace", "--no-fail-fast"];
        cargo(&[&all[..], &quietly].concat(), &root)
    } else {
        cargo(
            &["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast", "--quiet"],
            &root,
        )
    };
    command.env("CARGO_TERM_COLOR", "never");
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        command.envs(CI_CASES.iter().copied());
    }
    let (said, ended_well) = process::loud(command)?;
    Ok(counted_by_cargo(&said).of_runner(ended_well, &said))
}

fn examples() -> Result<Ended, String> {
    let args = ["test", "--workspace", "--doc", "--no-fail-fast", "--quiet"];
    let mut command = cargo(&args, &workspace::root());
    command.env("CARGO_TERM_COLOR", "never");
    let (said, ended_well) = process::loud(command)?;
    Ok(counted_by_cargo(&said).of_runner(ended_well, &said))
}

/// Official clients, servers and the conformance suite, through a gateway that is started for them.
fn through_the_gateway(report: &mut Report) {
    report.step("OAuth against a provider and a suite of others", oauth::against_others);
    let mut house = None;
    report.check("a gateway before the peers", || {
        house = Some(peers::House::open()?);
        Ok(())
    });
    let Some(house) = house else { return };
    report.step("peers and conformance", || {
        let (said, ended_well) = process::loud(house.suite()?)?;
        if !ended_well {
            println!("what the gateway and the servers said is in {}", house.logs().display());
        }
        Ok(counted_by_node(&said).of_runner(ended_well, &said))
    });
    report.step("a policy edit without reconnecting", || policy_edit::run(&house));
    report.step("evidence of a gateway in a second language", || {
        evidence::second_language(Some(&house.evidence()?))
    });
    report.step("exports by the protocols' own readers", telemetry::receive);
    // Last: it changes and removes whatever the description lets it.
    report.step("the API by its own description", || api::walk(&house));
}

/// Adds up `12 passed, 1 failed` of nextest and `12 passed; 1 failed` of cargo test.
fn counted_by_cargo(said: &[String]) -> Counted {
    // What a failed test said stands indented in between, closing lines of its own among it.
    let closing = |line: &&String| {
        line.starts_with("test result:")
            || line.contains("tests run:")
            || line.contains("test run:")
    };
    let mut counted = Counted::default();
    for line in said.iter().filter(closing) {
        counted.passed += before(line, "passed");
        counted.failed += before(line, "failed") + before(line, "timed");
    }
    counted
}

/// Reads `pass 12` and `fail 1` of node's test runner.
pub(crate) fn counted_by_node(said: &[String]) -> Counted {
    let after = |word: &str| {
        let numbers = said.iter().filter_map(|line| {
            let line = line.trim_start_matches(['ℹ', '#', ' ']);
            line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse::<u64>().ok()
        });
        numbers.sum::<u64>()
    };
    Counted { passed: after("pass"), failed: after("fail") + after("cancelled") }
}

/// The number that stands before a word.
fn before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> =
        line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_runners_are_read() {
        for (line, passed, failed) in [
            (
                "     Summary [  12.345s] 210 tests run: 208 passed (3 slow), 2 failed, 1 skipped",
                208,
                2,
            ),
            ("     Summary [   0.010s] 1 test run: 1 passed, 0 skipped", 1, 0),
            (
                "     Summary [   9.010s] 3 tests run: 1 passed, 1 failed, 1 timed out, 0 skipped",
                1,
                2,
            ),
            ("test result: ok. 12 passed; 0 failed; 0 ignored; finished in 0.01s", 12, 0),
            ("test result: FAILED. 11 passed; 1 failed; 0 ignored", 11, 1),
            ("the test passed 3 times", 0, 0),
            ("    test result: FAILED. 0 passed; 1 failed; 0 ignored", 0, 0),
        ] {
            let counted = counted_by_cargo(&[line.to_owned()]);
            assert_eq!((counted.passed, counted.failed), (passed, failed), "{line}");
        }
    }

    #[test]
    fn closing_lines_of_node_are_read() {
        for mark in ["ℹ", "#"] {
            let said = ["tests 9", "pass 6", "fail 2", "cancelled 1", "skipped 0"];
            let said: Vec<String> = said.iter().map(|line| format!("{mark} {line}")).collect();
            assert_eq!(counted_by_node(&said), Counted { passed: 6, failed: 3 });
        }
    }
}
