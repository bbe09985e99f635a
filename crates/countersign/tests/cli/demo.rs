//! The demo: what it says first, the story it plays, and that nothing stays behind.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use crate::program::{Ended, Running, program};

#[test]
fn the_story_is_told_and_the_ledger_agrees() {
    let dir = tempdir().unwrap();
    let mut command = program(dir.path(), &["--json", "demo", "--drive"]);
    let ended = Ended::of(command.env("TMPDIR", dir.path()).output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.lines();
    let steps: Vec<String> = lines
        .iter()
        .filter(|line| line["step"].is_u64())
        .map(|line| {
            let log = &line["log"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text(&log["tool"]), text(&log["decision"]), text(&log["rule"]))
        })
        .collect();
    assert_eq!(
        steps,
        [
            "list_invoices allowed ",
            "refund_payment denied /tools/refund_payment/require/args.reason-matches",
            "refund_payment denied /tools/refund_payment/deny_if/args.currency-not_in",
            "refund_payment allowed ",
            "refund_payment held /tools/refund_payment/approve_if/args.amount-gt",
            "refund_payment allowed /tools/refund_payment/approve_if/args.amount-gt",
            "list_invoices denied /all_tools/limits/calls-per-minute",
            "create_payout denied (default deny)",
            "delete_customer denied (hidden)",
        ]
    );
    let ledger = lines.iter().find(|line| line["ledger"].is_object()).unwrap();
    assert_eq!(ledger["ledger"]["refund_payment"]["amounts"]["usd"], "1280");
    assert_eq!(ledger["ledger"]["list_invoices"]["calls"], 28);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "something stayed behind");
}

#[test]
fn a_person_reads_the_same_story() {
    let dir = tempdir().unwrap();
    let ended = Ended::of(program(dir.path(), &["demo", "--drive"]).output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in ["A refund of 480", "[POLICY DENIED]", "(hidden)", "1280 usd refunded", "call_"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert_eq!(ended.err, "");
}

#[test]
fn the_first_line_holds_everything_a_program_needs() {
    let dir = tempdir().unwrap();
    let mut command = program(dir.path(), &["demo", "--json", "--ports", "0,0,0"]);
    command.env("TMPDIR", dir.path());
    let running = Running::start(dir.path(), command);
    let line = &running.line;
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(
        keys(line),
        [
            "gateway_url",
            "control_url",
            "api_key",
            "setup_url",
            "upstream_ledger_url",
            "grants",
            "members"
        ]
    );
    assert_eq!(keys(&line["grants"]), ["support-agent", "finance-agent", "ci-runner"]);
    assert_eq!(keys(&line["members"]), ["admin", "finance", "viewer"]);
    let setup = line["setup_url"].as_str().unwrap_or_default();
    assert!(setup.contains("/welcome#csu1_"), "{line}");
    for token in line["grants"].as_object().unwrap().values() {
        assert!(token.as_str().unwrap().starts_with("csg1_"));
    }
    let credential = ["--json", "credential", "show", "payments"];
    for (who, words, expected) in [
        ("admin", &credential[..], Some(0)),
        ("finance", &credential[..], Some(1)),
        ("viewer", &credential[..], Some(1)),
        ("viewer", &["--json", "grant", "list"][..], Some(0)),
    ] {
        let key = line["members"][who].as_str().unwrap();
        let ended = running.run_with(key, words);
        assert_eq!(ended.code, expected, "{who} {words:?}: {ended:?}");
    }
    let policies = running.run(&["--json", "policy", "list"]).lines();
    let names: Vec<&str> = policies.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["finance", "support"]);

    let (code, log) = running.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "something stayed behind");
}

#[test]
fn ports_are_three_numbers() {
    let dir = tempdir().unwrap();
    for ports in ["1,2", "x,0,0", "0,0,0,0", "70000,0,0"] {
        let ended = Ended::of(program(dir.path(), &["demo", "--ports", ports]).output().unwrap());
        assert_eq!(ended.code, Some(2), "{ports}: {ended:?}");
    }
}
