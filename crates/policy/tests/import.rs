//! Intercept policies carried over: what comes out, how it judges, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use policy::import::intercept;
use support::{Case, check, golden};

const PAYMENTS: &str = r#"
version: "1"
description: Payments with guard rails
default: deny
hide:
  - transfer_repository
tools:
  read_file:
    rules: []
  list_files:
  create_charge:
    rules:
      - name: "max single charge"
        conditions:
          - path: "args.amount"
            op: "lte"
            value: 50000
        on_deny: "Too much at once."
      - name: daily spend cap
        conditions:
          - path: state.create_charge.daily_spend
            op: lt
            value: 1000000
        on_deny: "Daily cap reached."
        state:
          counter: daily_spend
          window: day
          increment_from: args.amount
      - name: currencies
        conditions:
          - path: args.currency
            op: in
            value: [usd, eur]
  create_issue:
    rules:
      - name: hourly
        rate_limit: 5/hour
      - name: not the archive
        conditions:
          - { path: args.repo, op: neq, value: archive }
          - { path: "args.labels[0]", op: exists, value: false }
  delete_customer:
    rules:
      - name: never
        action: deny
        on_deny: Not by agents.
  "*":
    rules:
      - name: global
        rate_limit: 60/minute
"#;

#[test]
fn a_policy_is_carried_over_with_its_meaning() {
    let (policy, notes) = intercept(PAYMENTS).unwrap_or_else(|e| panic!("{e}"));
    golden("tests/documents/imported.json", &policy);
    assert_eq!(notes.iter().map(|note| note.line).collect::<Vec<_>>(), [0, 0, 21]);

    let charge = |text| Case::call("create_charge", text);
    for (case, expected) in [
        (Case::call("read_file", r#"{"path":"x"}"#), "allow"),
        (Case::call("list_files", "{}"), "allow"),
        (Case::call("transfer_repository", "{}"), "deny (hidden)"),
        (Case::call("unlisted", "{}"), "deny (default deny)"),
        (Case::call("delete_customer", "{}"), "deny /tools/delete_customer/deny_if/never"),
        (charge(r#"{"amount":50000,"currency":"usd"}"#), "allow"),
        (
            charge(r#"{"amount":50001,"currency":"usd"}"#),
            "deny /tools/create_charge/require/max single charge",
        ),
        (charge(r#"{"currency":"usd"}"#), "deny /tools/create_charge/require/max single charge"),
        (
            charge(r#"{"amount":1,"currency":"gbp"}"#),
            "deny /tools/create_charge/require/currencies",
        ),
        (
            charge(r#"{"amount":1,"currency":"usd"}"#)
                .full(&["/tools/create_charge/limits/daily_spend"]),
            "deny /tools/create_charge/limits/daily_spend",
        ),
        (Case::call("create_issue", r#"{"repo":"web"}"#), "allow"),
        (
            Case::call("create_issue", r#"{"repo":"archive"}"#),
            "deny /tools/create_issue/require/not the archive",
        ),
        (
            Case::call("create_issue", r#"{"repo":["archive"]}"#),
            "deny /tools/create_issue/require/not the archive",
        ),
        (
            Case::call("create_issue", r#"{"repo":"web","labels[0]":"x"}"#),
            "deny /tools/create_issue/require/not the archive",
        ),
        (
            Case::call("read_file", "{}").full(&["/all_tools/limits/_rate_minute"]),
            "deny /all_tools/limits/_rate_minute",
        ),
    ] {
        check(&policy, case, expected);
    }
}

#[test]
fn intercept_allows_by_default() {
    let (policy, _) = intercept("version: '1'\ntools: {}\n").unwrap();
    check(&policy, Case::call("anything", "{}"), "allow");
    let (policy, _) = intercept("version: 1\n").unwrap();
    check(&policy, Case::call("anything", "{}"), "allow");
}

#[test]
fn patterns_keep_the_meaning_they_have_in_go() {
    let text = r#"
version: "1"
tools:
  a:
    rules:
      - name: word
        conditions: [{ path: args.x, op: regex, value: '^\w+$' }]
"#;
    let (policy, _) = intercept(text).unwrap();
    check(&policy, Case::call("a", r#"{"x":"name"}"#), "allow");
    check(&policy, Case::call("a", r#"{"x":"näme"}"#), "deny /tools/a/require/word");
}

#[test]
fn increments_above_one_keep_the_number_of_calls() {
    let text = r#"
version: "1"
tools:
  a:
    rules:
      - name: costly
        conditions: [{ path: state.a.points, op: lte, value: 10 }]
        state: { counter: points, window: hour, increment: 3 }
"#;
    let (policy, _) = intercept(text).unwrap();
    let decision = Case::call("a", "{}").decide(Some(&support::load(&policy)));
    let policy::Decision::Allow(allowed) = decision else { panic!("{decision:?}") };
    let charge = &allowed.charges()[0];
    assert_eq!((charge.max_millionths, charge.amount_millionths), (3_000_000, 1_000_000));
    assert_eq!(charge.on_unknown, policy::OnUnknown::Keep);
}

#[test]
fn what_cannot_be_carried_over_is_refused_with_its_place() {
    let rule =
        |rule: &str| format!("version: \"1\"\ntools:\n  t:\n    rules:\n      - name: r\n{rule}");
    let condition = |text: &str| rule(&format!("        conditions:\n          - {text}\n"));
    for (text, code, line) in [
        (String::new(), "syntax", 1),
        ("version: [".to_owned(), "syntax", 2),
        ("version: \"2\"".to_owned(), "bad_version", 1),
        ("tools: {}".to_owned(), "missing_key", 1),
        ("version: \"1\"\ndefualt: deny".to_owned(), "unknown_key", 2),
        ("version: \"1\"\ndefault: maybe".to_owned(), "bad_value", 2),
        ("version: \"1\"\nversion: \"1\"".to_owned(), "duplicate_key", 2),
        ("version: \"1\"\nhide: [\"a*\"]".to_owned(), "not_supported", 2),
        ("version: \"1\"\nhide: [\" \"]".to_owned(), "bad_value", 2),
        ("version: \"1\"\ntools: { \"a*\": {} }".to_owned(), "not_supported", 2),
        ("version: \"1\"\ntools: &a {}".to_owned(), "not_supported", 2),
        ("version: !x \"1\"".to_owned(), "not_supported", 1),
        ("version: \"1\"\n---\nversion: \"1\"".to_owned(), "not_supported", 2),
        (rule("        action: block\n"), "bad_value", 6),
        (rule("        action: deny\n        rate_limit: 5/hour\n"), "bad_value", 5),
        (rule("        rate_limit: 5/week\n"), "bad_value", 6),
        (rule("        rate_limit: 0/hour\n"), "bad_value", 6),
        (rule("        rate_limit: 5\n"), "bad_value", 6),
        (rule(""), "missing_key", 5),
        (rule("        conditions: []\n"), "missing_key", 6),
        (condition("{ path: amount, op: eq, value: 1 }"), "bad_path", 7),
        (condition("{ path: args.a, op: like, value: 1 }"), "bad_op", 7),
        (condition("{ path: args.a, op: eq, value: null }"), "not_supported", 7),
        (condition("{ path: args.a, op: eq, value: [1] }"), "wrong_type", 7),
        (condition("{ path: args.a, op: eq, value: 0x1F }"), "not_supported", 7),
        (condition("{ path: args.a, op: eq, value: 1_000 }"), "not_supported", 7),
        (condition("{ path: args.a, op: eq, value: 2024-01-01 }"), "not_supported", 7),
        (condition("{ path: args.a, op: eq, value: .inf }"), "not_supported", 7),
        (condition("{ path: args.a, op: lt, value: many }"), "wrong_type", 7),
        (condition("{ path: args.a, op: exists, value: 1 }"), "wrong_type", 7),
        (condition("{ path: args.a, op: in, value: 1 }"), "wrong_type", 7),
        (condition("{ path: args.a, op: not_in, value: [1, x] }"), "not_supported", 7),
        (condition("{ path: args.a, op: regex, value: '\\Ca' }"), "bad_pattern", 7),
        (condition("{ path: state.other.count, op: lte, value: 5 }"), "not_supported", 7),
        (condition("{ path: args.a, op: eq }"), "missing_key", 7),
    ] {
        let problems = match intercept(&text) {
            Err(problems) => problems,
            Ok((policy, _)) => panic!("carried over:\n{text}\n{policy}"),
        };
        let found: Vec<_> = problems.iter().map(|p| (p.code, p.line)).collect();
        assert!(found.contains(&(code, line)), "{found:?} for\n{text}");
    }
}

#[test]
fn every_error_is_told_at_once() {
    let text = "version: \"3\"\ndefault: x\nhide: [\"\"]\nfoo: 1\n";
    let problems = intercept(text).unwrap_err();
    let codes: Vec<_> = problems.iter().map(|p| (p.line, p.code)).collect();
    assert_eq!(codes, [(1, "bad_version"), (2, "bad_value"), (3, "bad_value"), (4, "unknown_key")]);
}

#[test]
fn hostile_texts_end_in_an_error() {
    for text in ["[".repeat(100_000), "- ".repeat(50_000), "a: ".repeat(10_000), "{a: ".repeat(200)]
    {
        assert!(intercept(&text).is_err());
    }
}
