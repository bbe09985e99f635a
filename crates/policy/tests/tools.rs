//! What is offered around a decision: traces, warnings, test cases, and the examples of the docs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use policy::{Policy, ServerTool, Warning, check, test, test_against};
use support::{Case, load};

fn tool(entry: &str) -> String {
    format!(r#"{{"version":"1","default":"deny","tools":{{"t":{entry}}}}}"#)
}

fn codes(warnings: &[Warning]) -> Vec<(&str, &str)> {
    warnings.iter().map(|warning| (warning.code, warning.pointer.as_str())).collect()
}

#[test]
fn a_trace_shows_every_condition_with_its_truth() {
    let policy = load(
        r#"{"version":"1","default":"deny",
            "all_tools":{"limits":[{"counter":"calls","window":"minute","max":30}]},
            "tools":{"t":{
              "deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":5}]},
                         {"id":"both","conditions":[{"any":[
                            {"path":"args.b","op":"eq","value":"x"},
                            {"not":{"path":"args.c","op":"exists","value":true}}]}]}],
              "approve_if":[{"id":"ask","conditions":[]}]}}}"#,
    );
    let case = Case::call("t", r#"{"a":"six","c":1}"#);
    let usage = support::Full(&case.full);
    let question = policy::Question {
        policy: Some(&policy),
        grant: &case.grant,
        definition: &case.definition,
        usage: &usage,
        now: case.now,
    };
    let (decision, trace) = policy::explain(&question, case.call.clone());
    assert_eq!(support::line(&decision), "deny /tools/t/deny_if/args.a-gt");
    let text = String::from_utf8(json::write_to_vec(&trace.to_json())).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"outcome":"deny","rule":"/tools/t/deny_if/args.a-gt","reason":"deny_if","rules":["#,
            r#"{"list":"deny_if","rule":"/tools/t/deny_if/args.a-gt","fires":true,"truth":"indeterminate","#,
            r#""conditions":[{"condition":"args.a-gt","truth":"indeterminate","why":"type_mismatch"}]},"#,
            r#"{"list":"deny_if","rule":"/tools/t/deny_if/both","fires":true,"truth":"indeterminate","#,
            r#""conditions":[{"condition":"any","truth":"indeterminate","conditions":["#,
            r#"{"condition":"args.b-eq","truth":"indeterminate","why":"missing_argument"},"#,
            r#"{"condition":"not","truth":"false","conditions":["#,
            r#"{"condition":"args.c-exists","truth":"true"}]}]}]},"#,
            r#"{"list":"limits","rule":"/all_tools/limits/calls","fires":false},"#,
            r#"{"list":"approve_if","rule":"/tools/t/approve_if/ask","fires":true,"truth":"true","conditions":[]}]}"#,
        )
    );
}

#[test]
fn warnings_name_what_can_never_or_will_always_fire() {
    let a = |op: &str, value: &str| format!(r#"{{"path":"args.a","op":"{op}","value":{value}}}"#);
    let exists = a("exists", "true");
    let number = a("type", r#""number""#);
    for (list, conditions, expected) in [
        ("deny_if", String::new(), Some("always_fires")),
        ("require", String::new(), Some("never_fires")),
        ("approve_if", String::new(), Some("always_fires")),
        ("deny_if", a("gt", "5"), None),
        // Contradictions fire for want of a value, so they are not "never"…
        ("deny_if", format!("{},{}", a("gt", "5"), a("lt", "5")), None),
        // …unless something else rules that out.
        ("deny_if", format!("{number},{},{}", a("gt", "5"), a("lt", "5")), Some("never_fires")),
        ("deny_if", format!("{number},{},{}", a("gte", "5"), a("lte", "5")), None),
        ("require", format!("{},{}", a("gt", "5"), a("lt", "5")), Some("always_fires")),
        ("require", format!("{},{}", a("eq", "1"), a("eq", "2")), Some("always_fires")),
        ("require", format!("{},{}", a("eq", "1"), a("lte", "1.0")), None),
        (
            "require",
            format!("{},{}", a("in", r#"["x","y"]"#), a("not_in", r#"["x","y","z"]"#)),
            Some("always_fires"),
        ),
        (
            "require",
            format!("{},{}", a("eq", r#""x""#), a("matches", r#""y+""#)),
            Some("always_fires"),
        ),
        ("require", format!("{},{}", a("eq", r#""y""#), a("matches", r#""y+""#)), None),
        (
            "require",
            format!("{},{}", a("matches", r#""x""#), a("matches", r#""y""#)),
            Some("always_fires"),
        ),
        (
            "require",
            format!("{},{}", a("matches", r#""[a-f]{3}""#), a("ends_with", r#""g""#)),
            Some("always_fires"),
        ),
        (
            "require",
            format!("{},{}", a("starts_with", r#""ab""#), a("length_lt", "2")),
            Some("always_fires"),
        ),
        ("require", format!(r#"{{"any":[{exists},{{"not":{exists}}}]}}"#), Some("never_fires")),
        ("deny_if", format!(r#"{exists},{{"not":{exists}}}"#), Some("never_fires")),
        ("deny_if", a("in", "[]"), None),
        ("require", a("in", "[]"), Some("always_fires")),
        ("require", a("length_gte", "0"), None),
        ("require", format!("{},{}", a("type", r#""integer""#), a("gt", "1")), None),
        (
            "require",
            format!("{},{},{}", a("type", r#""integer""#), a("gt", "1"), a("lt", "2")),
            Some("always_fires"),
        ),
        (
            "require",
            format!("{},{},{}", a("type", r#""integer""#), a("gt", "1"), a("lt", "3")),
            None,
        ),
        (
            "require",
            format!("{},{},{}", a("type", r#""integer""#), a("gt", "1.5"), a("lt", "2.5")),
            None,
        ),
        (
            "deny_if",
            r#"{"path":"request.weekday","op":"type","value":"number"}"#.to_owned(),
            Some("never_fires"),
        ),
        (
            "deny_if",
            r#"{"path":"args.l[*]","op":"gt","value":5},{"path":"args.l[*]","op":"lt","value":5}"#
                .to_owned(),
            None,
        ),
    ] {
        let document = tool(&format!(r#"{{"{list}":[{{"id":"r","conditions":[{conditions}]}}]}}"#));
        let warnings = check(document.as_bytes(), None).unwrap();
        let pointer = format!("/tools/t/{list}/0");
        let expected: Vec<(&str, &str)> =
            expected.map(|code| (code, pointer.as_str())).into_iter().collect();
        assert_eq!(codes(&warnings), expected, "{document}");
    }
}

#[test]
fn warnings_name_patterns_limits_and_names() {
    for (entry, expected) in [
        (
            r#"{"require":[{"conditions":[{"path":"args.a","op":"regex","value":"ab"}]}]}"#,
            vec![("unanchored", "/tools/t/require/0")],
        ),
        (
            r#"{"require":[{"conditions":[{"path":"args.a","op":"regex","value":"^ab"}]}]}"#,
            vec![("unanchored", "/tools/t/require/0")],
        ),
        (r#"{"require":[{"conditions":[{"path":"args.a","op":"regex","value":"^ab$"}]}]}"#, vec![]),
        (r#"{"require":[{"conditions":[{"path":"args.a","op":"matches","value":"ab"}]}]}"#, vec![]),
        (r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"regex","value":"^ab"}]}]}"#, vec![]),
        (
            r#"{"limits":[{"counter":"c","window":"day","max":0.5}]}"#,
            vec![("limit_never_fits", "/tools/t/limits/0")],
        ),
        (
            r#"{"limits":[{"counter":"c","window":"day","max":0,"amount":"args.a"}]}"#,
            vec![("limit_never_fits", "/tools/t/limits/0")],
        ),
        (r#"{"limits":[{"counter":"c","window":"day","max":1}]}"#, vec![]),
        (
            r#"{"approve_if":[{"conditions":[{"path":"args.a","op":"gt","value":1}],"approvers":["member:a@b","member:a@b"],"count":2}]}"#,
            vec![("too_few_approvers", "/tools/t/approve_if/0")],
        ),
    ] {
        let warnings = check(tool(entry).as_bytes(), None).unwrap();
        assert_eq!(codes(&warnings), expected, "{entry}");
    }
    let document = r#"{"version":"1","default":"deny","hide":["gone","t"],"tools":{
        "t":{},"refnd":{},"pay*":{"deny_if":[{"conditions":[{"path":"args.amuont","op":"gt","value":1}]}]},
        "pay_x":{}}}"#;
    let server = |name: &str, arguments: &[&str]| ServerTool {
        name: name.to_owned(),
        arguments: Some(arguments.iter().map(|name| (*name).to_owned()).collect()),
        types: Vec::new(),
    };
    let tools = [server("t", &[]), server("refund", &["amount"]), server("pay_out", &["amount"])];
    assert_eq!(
        codes(&check(document.as_bytes(), Some(&tools)).unwrap()),
        [
            ("no_such_tool", "/hide/0"),
            ("hidden", "/tools/t"),
            ("no_such_tool", "/tools/refnd"),
            ("no_such_argument", "/tools/pay*/deny_if/0"),
            ("no_such_tool", "/tools/pay_x"),
        ]
    );
    assert!(check(b"{}", None).is_err());
    let quiet = include_bytes!("documents/support.json");
    assert_eq!(codes(&check(quiet, None).unwrap()), []);
}

#[test]
fn cases_pass_and_fail_as_they_should() {
    let policy = load(include_str!("documents/support.json"));
    let refund = |amount: &str| {
        format!(
            r#"{{"tool":"refund_payment","arguments":{{"amount":{amount},"currency":"usd","reason":"broken"}}}}"#
        )
    };
    let cases = format!(
        r#"[
        {{"name":"small","call":{small},"expect":{{"outcome":"allow"}}}},
        {{"call":{small},"expect":{{"outcome":"allow","rule":""}}}},
        {{"call":{small},"expect":{{"outcome":"deny"}}}},
        {{"call":{large},"expect":{{"outcome":"hold","rule":"/tools/refund_payment/approve_if/args.amount-gt"}}}},
        {{"call":{large},"expect":{{"outcome":"hold","rule":"/tools/refund_payment/approve_if/x"}}}},
        {{"call":{small},"usage":{{"/tools/refund_payment/limits/refund-value":4900.01}},"expect":{{"outcome":"deny"}}}},
        {{"call":{small},"usage":{{"/tools/refund_payment/limits/refund-value":4900}},"expect":{{"outcome":"allow"}}}},
        {{"call":{{"name":"list_invoices"}},"definition":"unknown","expect":{{"outcome":"deny","rule":"(unknown tool)"}}}},
        {{"call":{small},"definition":"not_accepted","expect":{{"outcome":"deny","rule":"(tool unknown)"}}}},
        {{"call":{small},"definition":{{"arguments":["amount"]}},"expect":{{"outcome":"deny"}}}},
        {{"call":{{"tool":"list_invoices","arguments":{{}}}},"definition":{{"changed":true}},"expect":{{"outcome":"deny","rule":"(tool changed)"}}}}
        ]"#,
        small = refund("100"),
        large = refund("800")
    );
    let results = test(&policy, cases.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let passed: Vec<bool> = results.iter().map(|result| result.passed).collect();
    assert_eq!(passed, [true, true, false, true, false, true, true, true, true, true, true]);
    assert_eq!(results[0].name.as_deref(), Some("small"));
    assert_eq!((results[2].outcome, results[2].rule.as_str()), ("allow", ""));

    let timed = load(
        r#"{"version":"1","default":"deny","tools":{"t":{"require":[{"conditions":[
            {"path":"request.weekday","op":"eq","value":"thu"},
            {"path":"grant.tags.team","op":"eq","value":"ops"}]}]}}}"#,
    );
    let cases = br#"[
        {"call":{"tool":"t"},"grant":{"tags":{"team":"ops"}},"expect":{"outcome":"allow"}},
        {"call":{"tool":"t"},"grant":{"label":"x","identity":"y"},"expect":{"outcome":"deny"}},
        {"call":{"tool":"t"},"grant":{"tags":{"team":"ops"}},"time":"2026-01-02T00:00:00+01:00","expect":{"outcome":"allow"}},
        {"call":{"tool":"t"},"grant":{"tags":{"team":"ops"}},"time":"2026-01-02T00:00:00Z","expect":{"outcome":"deny"}}
    ]"#;
    assert!(test(&timed, cases).unwrap().iter().all(|result| result.passed));

    let tools = [ServerTool { name: "t".to_owned(), ..ServerTool::default() }];
    let cases = br#"[{"call":{"tool":"x"},"expect":{"outcome":"deny","rule":"(unknown tool)"}}]"#;
    assert!(test_against(&timed, cases, &tools).unwrap()[0].passed);
}

#[test]
fn cases_with_errors_are_refused_all_at_once() {
    let policy = load(r#"{"version":"1","default":"deny"}"#);
    let text = br#"[
        {"call":{"tool":"t","name":"t"},"expect":{"outcome":"allow"}},
        {"call":{"tool":"t"},"expect":{"outcome":"ok"}},
        {"call":{"tool":"t"}},
        {"call":{"tool":"t","arguments":[]},"expct":{}},
        {"call":{"tool":"t"},"time":"noon","usage":{"x":-1},"expect":{"outcome":"deny"}}
    ]"#;
    let problems = test(&policy, text).unwrap_err();
    let found: Vec<(usize, &str)> = problems.iter().map(|p| (p.line, p.code)).collect();
    assert_eq!(
        found,
        [
            (2, "missing_key"),
            (3, "bad_value"),
            (4, "missing_key"),
            (5, "missing_key"),
            (5, "wrong_type"),
            (5, "unknown_key"),
            (6, "bad_time"),
            (6, "out_of_range"),
        ]
    );
    assert!(test(&policy, b"{}").is_err());
    let many: Vec<String> = (0..11_000).map(|n| format!("\"k{n}\":1")).collect();
    let text = format!(
        r#"[{{"call":{{"tool":"t","arguments":{{{}}}}},"expect":{{"outcome":"deny"}}}}]"#,
        many.join(",")
    );
    assert_eq!(
        test(&policy, text.as_bytes()).unwrap_err().iter().next().unwrap().code,
        "too_many_members"
    );
}

#[test]
fn the_examples_of_the_guide_load_and_pass() {
    let guide = include_str!("../../../docs/policies.md");
    let blocks: Vec<&str> =
        guide.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let policies: Vec<Policy> =
        blocks.iter().filter(|text| text.contains("\"version\"")).map(|text| load(text)).collect();
    assert_eq!(policies.len(), 1);
    let cases: Vec<&&str> = blocks.iter().filter(|text| text.starts_with('[')).collect();
    assert_eq!(cases.len(), 1);
    for result in test(&policies[0], cases[0].as_bytes()).unwrap() {
        assert!(result.passed, "{result:?}");
    }
    for predicate in blocks.iter().filter(|text| text.starts_with("{\n  \"conditions\"")) {
        load(&tool(&format!(r#"{{"deny_if":[{predicate}]}}"#)));
    }
}
