//! The rows of the attack catalogue that a policy answers, each a test with its id.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::{Duration, Instant};

use policy::{Decision, Definition, Policy, Reason, Why};
use support::{Case, check, load};

fn tool(entry: &str) -> String {
    format!(r#"{{"version":"1","default":"deny","tools":{{"t":{entry}}}}}"#)
}

fn deny_if(condition: &str) -> String {
    tool(&format!(r#"{{"deny_if":[{{"id":"r","conditions":[{condition}]}}]}}"#))
}

fn require(condition: &str) -> String {
    tool(&format!(r#"{{"require":[{{"id":"r","conditions":[{condition}]}}]}}"#))
}

const DENIED: &str = "deny /tools/t/deny_if/r";
const NOT_MET: &str = "deny /tools/t/require/r";
const UNLISTED: &str = "deny /tools/t/unlisted_args";

/// Busy machines and unoptimised builds get more time; growth beyond linear still shows.
const PATIENCE: u32 = if cfg!(debug_assertions) { 100 } else { 4 };

/// The quickest of a few tries counts: other work on the machine is not what is measured.
#[track_caller]
fn within(milliseconds: u32, mut once: impl FnMut() -> Duration) {
    let most = Duration::from_millis(u64::from(milliseconds * PATIENCE));
    let tries: Vec<Duration> = (0..8).map(|_| once()).take_while(|took| *took > most).collect();
    assert!(tries.len() < 8, "took {tries:?}");
}

#[test]
fn p01_a_negative_condition_never_passes_for_want_of_a_value() {
    for (op, value) in [
        ("neq", r#""eur""#),
        ("not_in", r#"["eur"]"#),
        ("not_contains", r#""eur""#),
        ("eq", r#""usd""#),
        ("gt", "10"),
        ("matches", r#""x""#),
        ("length_gt", "3"),
    ] {
        let condition = format!(r#"{{"path":"args.a","op":"{op}","value":{value}}}"#);
        let negated = format!(r#"{{"not":{condition}}}"#);
        for condition in [condition, negated] {
            for arguments in ["{}", r#"{"a":null}"#] {
                check(&deny_if(&condition), Case::call("t", arguments), DENIED);
                check(&require(&condition), Case::call("t", arguments), NOT_MET);
                let decision = Case::call("t", arguments).decide(Some(&load(&deny_if(&condition))));
                let Decision::Deny(denial) = decision else { panic!("allowed") };
                let unclear = denial.indeterminate.unwrap();
                assert_eq!(unclear.condition, format!("args.a-{op}"));
                assert_eq!(unclear.why.code(), "missing_argument");
            }
        }
    }
}

#[test]
fn p03_nested_quantifiers_over_a_megabyte_stay_linear() {
    let text = "a".repeat(1 << 20);
    let arguments = format!(r#"{{"a":"{text}!"}}"#);
    for pattern in ["(a+)+b", "(a*)*b", "(a|a)*b", "(a|aa)+b", "(.*)*x", "([a-z]+)*!b", "(a?){30}b"]
    {
        for op in ["matches", "regex"] {
            let policy =
                load(&deny_if(&format!(r#"{{"path":"args.a","op":"{op}","value":"{pattern}"}}"#)));
            within(10, || {
                let case = Case::call("t", &arguments);
                let start = Instant::now();
                let decision = case.decide(Some(&policy));
                let took = start.elapsed();
                assert_eq!(decision.outcome(), "allow", "{op} {pattern}");
                took
            });
        }
    }
    for pattern in ["a{1000}{1000}", "(a{500}){500}", "(((((a{9}){9}){9}){9}){9}){9}", r"\\w{5000}"]
    {
        let document =
            deny_if(&format!(r#"{{"path":"args.a","op":"matches","value":"{pattern}"}}"#));
        let problems = Policy::load(document.as_bytes()).unwrap_err();
        assert!(problems.iter().all(|p| p.code == "bad_pattern"), "{problems}");
    }
}

#[test]
fn p04_a_match_is_of_the_whole_value_and_lines_are_nothing_special() {
    for (op, pattern, value, holds) in [
        ("matches", "^feat/", r"x\nfeat/", false),
        ("regex", "^feat/", r"x\nfeat/", false),
        ("matches", "feat/[a-z]+", r"feat/x", true),
        ("matches", "feat/[a-z]+", r"feat/x\n", false),
        ("matches", "feat/[a-z]+$", r"feat/x\nmore", false),
        ("regex", "[a-z]$", r"feat/x\n", false),
        ("matches", "a|ab", "ab", true),
        ("matches", "feat/.*", r"feat/x\nevil", false),
    ] {
        let condition = format!(r#"{{"path":"args.a","op":"{op}","value":"{pattern}"}}"#);
        let case = Case::call("t", &format!(r#"{{"a":"{value}"}}"#));
        check(&require(&condition), case, if holds { "allow" } else { NOT_MET });
    }
}

#[test]
fn p05_a_key_with_a_dot_and_a_nested_key_never_alias() {
    let nested = r#"{"path":"args.a.b","op":"eq","value":1}"#;
    let dotted = r#"{"path":"args[\"a.b\"]","op":"eq","value":1}"#;
    for (condition, arguments, expected) in [
        (nested, r#"{"a":{"b":1}}"#, "allow"),
        (nested, r#"{"a.b":1}"#, NOT_MET),
        (dotted, r#"{"a.b":1}"#, "allow"),
        (dotted, r#"{"a":{"b":1}}"#, NOT_MET),
        (r#"{"path":"args.a[0]","op":"eq","value":1}"#, r#"{"a[0]":1}"#, NOT_MET),
        (r#"{"path":"args.a[0]","op":"eq","value":1}"#, r#"{"a":{"0":1}}"#, NOT_MET),
        (r#"{"path":"args[\"a[0]\"]","op":"eq","value":1}"#, r#"{"a":[1]}"#, NOT_MET),
        (r#"{"path":"args.a.b","op":"eq","value":1}"#, r#"{"a":[{"b":1}]}"#, NOT_MET),
    ] {
        check(&require(condition), Case::call("t", arguments), expected);
    }
}

#[test]
fn p08_the_order_of_rules_changes_the_named_rule_and_nothing_else() {
    let rules = [
        r#"{"id":"one","conditions":[{"path":"args.a","op":"gt","value":1}]}"#,
        r#"{"id":"two","conditions":[{"path":"args.a","op":"gt","value":2}]}"#,
        r#"{"id":"three","conditions":[{"path":"args.a","op":"gt","value":3}]}"#,
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let list: Vec<&str> = order.iter().map(|index| rules[*index]).collect();
        let document = tool(&format!(r#"{{"deny_if":[{}]}}"#, list.join(",")));
        for (value, firing) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
            // Rules 0 to `firing` - 1 fire; the first of them in document order is named.
            let first = order.iter().find(|index| **index < firing);
            let expected = first.map_or("allow".to_owned(), |index| {
                format!("deny /tools/t/deny_if/{}", ["one", "two", "three"][*index])
            });
            check(&document, Case::call("t", &format!(r#"{{"a":{value}}}"#)), &expected);
        }
    }
}

#[test]
fn p09_no_decision_costs_more_than_its_budget() {
    let many = |condition: &dyn Fn(usize) -> String| {
        let rules: Vec<String> = (0..10_000)
            .map(|n| format!(r#"{{"id":"r{n}","conditions":[{}]}}"#, condition(n)))
            .collect();
        load(&tool(&format!(r#"{{"deny_if":[{}]}}"#, rules.join(","))))
    };
    let text = "ab".repeat(1 << 19);
    let large = format!(r#"{{"a":"{text}","list":[1,2,3]}}"#);
    let members: Vec<String> =
        (0..9_000).map(|n| format!(r#""k{n}":"{}""#, "x".repeat(100))).collect();
    let wide = format!("{{{}}}", members.join(","));
    let elements: Vec<String> = (0..9_000).map(|n| format!("{n}")).collect();
    let long = format!(r#"{{"a":[{}]}}"#, elements.join(","));
    let number = |n: usize| format!(r#"{{"path":"args.a","op":"eq","value":{n}}}"#);
    let part = |n: usize| format!(r#"{{"path":"args.a","op":"contains","value":"b{n}c"}}"#);
    let pattern = |n: usize| format!(r#"{{"path":"args.a","op":"regex","value":"a{}c"}}"#, n % 20);
    let length = |n: usize| format!(r#"{{"path":"args.a","op":"length_lt","value":{n}}}"#);
    let same = |_: usize| r#"{"path":"args.a","op":"neq","value":{"path":"args.a"}}"#.to_owned();
    let prefix = |_: usize| {
        r#"{"not":{"path":"args.a","op":"starts_with","value":{"path":"args.a"}}}"#.to_owned()
    };
    let keys = |n: usize| format!(r#"{{"path":"args.k{n}","op":"eq","value":"y"}}"#);
    let every = |n: usize| format!(r#"{{"path":"args.a[*]","op":"eq","value":"{n}"}}"#);
    let element = |n: usize| format!(r#"{{"path":"args.a","op":"contains","value":"{n}"}}"#);
    let each = |n: usize| format!(r#"{{"path":"args.a[*].k{n}","op":"exists","value":true}}"#);
    type Rule<'a> = &'a dyn Fn(usize) -> String;
    let cases: [(&str, Rule<'_>, &str, &str); 10] = [
        ("numbers", &number, &large, "allow"),
        ("parts", &part, &large, "evaluation_budget"),
        ("patterns", &pattern, &large, "evaluation_budget"),
        ("lengths", &length, &large, "allow"),
        ("two places", &same, &large, "evaluation_budget"),
        ("prefixes", &prefix, &large, "evaluation_budget"),
        ("keys", &keys, &wide, "deny_if"),
        ("every element", &every, &long, "evaluation_budget"),
        ("some element", &element, &long, "evaluation_budget"),
        ("paths into every element", &each, &long, "evaluation_budget"),
    ];
    for (what, condition, arguments, expected) in cases {
        let policy = many(condition);
        within(50, || {
            let case = Case::call("t", arguments);
            let start = Instant::now();
            let decision = case.decide(Some(&policy));
            let took = start.elapsed();
            let found = match &decision {
                Decision::Deny(denial) => denial.reason.code(),
                other => other.outcome(),
            };
            assert_eq!(found, expected, "{what}");
            if let Decision::Deny(denial) = decision
                && denial.reason == Reason::EvaluationBudget
            {
                assert_eq!(&*denial.rule, "(evaluation budget)");
            }
            took
        });
    }
}

#[test]
fn p11_hours_are_those_of_the_named_zone_and_utc_without_one() {
    let night = r#"{"path":"request.time","op":"gte","value":"02:00"},
                   {"path":"request.time","op":"lt","value":"03:00"}"#;
    let zoned = |zone: &str| {
        format!(
            r#"{{"version":"1","default":"deny"{zone},"tools":{{"t":{{"require":[{{"id":"r","conditions":[{night}]}}]}}}}}}"#
        )
    };
    let berlin = zoned(r#","timezone":"Europe/Berlin""#);
    for (document, moment, expected) in [
        // UTC knows every hour once, on the days that clocks are set too.
        (&zoned(""), "2026-10-25T01:59:59Z", NOT_MET),
        (&zoned(""), "2026-10-25T02:00:00Z", "allow"),
        (&zoned(""), "2026-10-25T02:59:59Z", "allow"),
        (&zoned(""), "2026-10-25T03:00:00Z", NOT_MET),
        (&zoned(""), "2026-03-29T02:30:00Z", "allow"),
        // The zone's table: set back, the hour comes twice; set forward, it never comes.
        (&berlin, "2026-10-24T23:59:59Z", NOT_MET),
        (&berlin, "2026-10-25T00:00:00Z", "allow"),
        (&berlin, "2026-10-25T01:59:59Z", "allow"),
        (&berlin, "2026-10-25T02:00:00Z", NOT_MET),
        (&berlin, "2026-03-29T00:59:59Z", NOT_MET),
        (&berlin, "2026-03-29T01:00:00Z", NOT_MET),
        // A second that a clock repeats or sets back judges as it did before.
        (&zoned(""), "2016-12-31T23:59:59Z", NOT_MET),
    ] {
        check(document, Case::call("t", "{}").at(moment), expected);
    }
}

#[test]
fn p12_amount_and_currency_are_judged_at_every_place() {
    let document = tool(
        r#"{"require":[{"id":"usd","conditions":[{"path":"args.lines[*].currency","op":"eq","value":"usd"}]}],
            "deny_if":[{"id":"large","conditions":[{"path":"args.lines[*].amount","op":"gt","value":100}]}],
            "limits":[{"counter":"total","window":"day","max":150,"amount":"args.lines[*].amount"}]}"#,
    );
    let line =
        |amount: &str, currency: &str| format!(r#"{{"amount":{amount},"currency":{currency}}}"#);
    for (lines, expected) in [
        (vec![line("100", r#""usd""#)], "allow"),
        (vec![line("100", r#""usd""#), line("50", r#""usd""#)], "allow"),
        (vec![line("100", r#""usd""#), line("1", r#""eur""#)], "deny /tools/t/require/usd"),
        (vec![line("1", r#""usd""#), line("101", r#""usd""#)], "deny /tools/t/deny_if/large"),
        (
            vec![line("1", r#""usd""#), r#"{"currency":"usd"}"#.to_owned()],
            "deny /tools/t/deny_if/large",
        ),
        // The sum counts, not the first.
        (
            vec![line("100", r#""usd""#), line("50.000001", r#""usd""#)],
            "deny /tools/t/limits/total",
        ),
        (vec![line("-1", r#""usd""#), line("2", r#""usd""#)], "deny /tools/t/limits/total"),
        (vec![], "deny /tools/t/deny_if/large"),
    ] {
        let arguments = format!(r#"{{"lines":[{}]}}"#, lines.join(","));
        check(&document, Case::call("t", &arguments), expected);
    }
}

#[test]
fn j10_j12_a_name_that_only_looks_like_the_argument_is_not_listed() {
    let document = deny_if(r#"{"path":"args.amount","op":"gt","value":10}"#);
    for name in [
        "Amount",
        "AMOUNT",
        "amount ",
        " amount",
        "amo\u{200b}unt",
        "amount\u{feff}",
        "\u{202e}amount",
        "\u{ff41}mount",
        "\u{0430}mount",
        "__proto__",
        "constructor",
        "",
    ] {
        let case = |more: &str| {
            Case::call("t", &format!(r#"{{"{name}":1000000{more}}}"#)).listing(&["amount"])
        };
        check(&document, case(""), UNLISTED);
        let decision = case("").decide(Some(&load(&document)));
        let Decision::Deny(denial) = decision else { panic!("allowed") };
        assert!(!denial.message.contains("1000000"));
        assert_eq!(denial.reason.code(), "unlisted_args");
    }
    let free = tool(
        r#"{"unlisted_args":"allow","deny_if":[{"id":"r","conditions":[{"path":"args.amount","op":"gt","value":10}]}]}"#,
    );
    check(&free, Case::call("t", r#"{"amount":1,"note":2}"#).listing(&["amount"]), "allow");
    check(
        &free,
        Case::call("t", r#"{"amount":1}"#).defined(Definition::NotAccepted),
        "deny (tool unknown)",
    );
}

#[test]
fn j25_an_integer_is_what_is_written_as_one() {
    let integer = require(r#"{"path":"args.a","op":"type","value":"integer"}"#);
    for (value, expected) in [
        ("1", "allow"),
        ("-7", "allow"),
        ("1.0", NOT_MET),
        ("1e0", NOT_MET),
        ("10e-1", NOT_MET),
        ("1.5", NOT_MET),
        (r#""1""#, NOT_MET),
        ("true", NOT_MET),
    ] {
        check(&integer, Case::call("t", &format!(r#"{{"a":{value}}}"#)), expected);
    }
}

#[test]
fn j26_numbers_are_equal_by_exact_value_and_travel_as_they_were_written() {
    let one = require(r#"{"path":"args.a","op":"eq","value":1}"#);
    for value in ["1", "1.0", "1e0", "10e-1", "1.000"] {
        let decision = Case::call("t", &format!(r#"{{"a":{value}}}"#)).decide(Some(&load(&one)));
        assert_eq!(decision.outcome(), "allow", "{value}");
        let call = decision.into_call();
        let sent = json::write_to_vec(&json::Value::Object(call.arguments.unwrap()));
        assert_eq!(sent, format!(r#"{{"a":{value}}}"#).into_bytes());
    }
    for value in ["1.0000001", "0.9999999", r#""1""#, "true", "2"] {
        check(&one, Case::call("t", &format!(r#"{{"a":{value}}}"#)), NOT_MET);
    }
}

#[test]
fn j28_a_value_of_another_type_is_not_compared_with_a_number() {
    for op in ["lt", "lte", "gt", "gte"] {
        let condition = format!(r#"{{"path":"args.a","op":"{op}","value":100}}"#);
        for (value, why) in [
            ("true", Why::WrongType),
            ("[100]", Why::WrongType),
            (r#"{"value":100}"#, Why::WrongType),
            (r#""100""#, Why::WrongType),
            ("null", Why::Missing),
        ] {
            for (document, expected) in
                [(deny_if(&condition), DENIED), (require(&condition), NOT_MET)]
            {
                let case = Case::call("t", &format!(r#"{{"a":{value}}}"#));
                let decision = case.decide(Some(&load(&document)));
                assert_eq!(support::line(&decision), expected, "{op} {value}");
                let Decision::Deny(denial) = decision else { panic!("allowed") };
                assert_eq!(denial.indeterminate.map(|i| i.why), Some(why), "{op} {value}");
            }
        }
    }
}

#[test]
fn no_answer_ever_holds_a_value_of_the_call() {
    let canary = "canary-7f3a";
    let arguments =
        format!(r#"{{"a":"{canary}","{canary}":"{canary}","b":[{{"{canary}":"{canary}"}}]}}"#);
    for document in [
        deny_if(r#"{"path":"args.a","op":"neq","value":"x"}"#),
        deny_if(r#"{"path":"args.a","op":"gt","value":1}"#),
        require(r#"{"path":"args.b[*].c","op":"matches","value":"x"}"#),
        tool(r#"{"limits":[{"counter":"c","window":"day","max":1,"amount":"args.a"}]}"#),
        tool(r#"{"limits":[{"counter":"c","window":"day","max":1,"per":["args.b"]}]}"#),
        tool(r#"{"approve_if":[{"conditions":[{"path":"args.a","op":"gt","value":1}]}]}"#),
    ] {
        let policy = load(&document);
        for listed in [true, false] {
            let case = Case::call("t", &arguments);
            let case = if listed { case } else { case.listing(&["a", "b"]) };
            let usage = support::Full(&case.full);
            let question = policy::Question {
                policy: Some(&policy),
                grant: &case.grant,
                definition: &case.definition,
                usage: &usage,
                now: case.now,
            };
            let (decision, trace) = policy::explain(&question, case.call.clone());
            let told = match &decision {
                Decision::Allow(_) => panic!("allowed: {document}"),
                Decision::Hold(held) => format!("{:?}", held.approvals().collect::<Vec<_>>()),
                Decision::Deny(d) => format!("{} {} {:?}", d.rule, d.message, d.indeterminate),
            };
            assert!(!told.contains(canary), "{told}");
            let trace = String::from_utf8(json::write_to_vec(&trace.to_json())).unwrap();
            assert!(!trace.contains(canary), "{trace}");
        }
    }
}
