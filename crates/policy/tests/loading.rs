//! What a document may not say: every error, with its pointer, line, column and suggestion.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use policy::{Policy, Problem};

fn problems(document: &str) -> Vec<Problem> {
    match Policy::load(document.as_bytes()) {
        Err(problems) => problems.into_vec(),
        Ok(_) => panic!("this loads: {}", document.chars().take(500).collect::<String>()),
    }
}

/// A document with one tool entry.
fn with_tool(entry: &str) -> String {
    format!(r#"{{"version":"1","default":"deny","tools":{{"t":{entry}}}}}"#)
}

/// A document with one condition under `deny_if`.
fn with_condition(condition: &str) -> String {
    with_tool(&format!(r#"{{"deny_if":[{{"conditions":[{condition}]}}]}}"#))
}

/// A document with one limit.
fn with_limit(limit: &str) -> String {
    with_tool(&format!(r#"{{"limits":[{limit}]}}"#))
}

/// The one error of a document.
#[track_caller]
fn one(document: &str, code: &str, pointer: &str, suggestion: Option<&str>) {
    let problems = problems(document);
    let found: Vec<_> = problems.iter().map(|p| (p.code, p.pointer.as_str())).collect();
    assert_eq!(found, [(code, pointer)], "{document}");
    if suggestion.is_some() {
        assert_eq!(problems[0].suggestion.as_deref(), suggestion, "{document}");
    }
}

#[test]
fn a_text_that_is_no_document_is_refused() {
    for (text, code) in [
        ("", "unexpected_end"),
        ("{", "unexpected_end"),
        ("{}x", "trailing_data"),
        ("\u{feff}{}", "not_utf8"),
        ("// comment\n{}", "syntax"),
        ("{'version':'1'}", "syntax"),
        ("[]", "wrong_type"),
        ("null", "wrong_type"),
        ("\"1\"", "wrong_type"),
    ] {
        one(text, code, "", None);
    }
    assert!(Policy::load(&[0xff]).is_err());
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    one(&deep, "too_deep", &"/0".repeat(64), None);
    let large = format!("{{\"description\":\"{}\"}}", "x".repeat(5 << 20));
    one(&large, "too_large", "", None);
}

#[test]
fn the_document_needs_its_fields_and_takes_no_other() {
    for (document, code, pointer, suggestion) in [
        (r#"{"default":"deny"}"#, "missing_key", "", None),
        (r#"{"version":"1"}"#, "missing_key", "", None),
        (r#"{"version":1,"default":"deny"}"#, "bad_version", "/version", Some("\"1\"")),
        (r#"{"version":"2","default":"deny"}"#, "bad_version", "/version", Some("\"1\"")),
        (r#"{"version":"1","default":"Deny"}"#, "bad_value", "/default", Some("deny")),
        (r#"{"version":"1","default":true}"#, "wrong_type", "/default", None),
        (r#"{"version":"1","default":null}"#, "wrong_type", "/default", None),
        (r#"{"version":"1","default":"deny","Tools":{}}"#, "unknown_key", "/Tools", Some("tools")),
        (r#"{"version":"1","default":"deny","hidden":[]}"#, "unknown_key", "/hidden", Some("hide")),
        (r#"{"version":"1","default":"deny","a/b~":1}"#, "unknown_key", "/a~1b~0", None),
        (r#"{"version":"1","version":"1","default":"deny"}"#, "duplicate_key", "/version", None),
        (
            r#"{"version":"1","default":"deny","vers\u0069on":"1"}"#,
            "duplicate_key",
            "/version",
            None,
        ),
        (r#"{"version":"1","default":"deny","description":1}"#, "wrong_type", "/description", None),
        (
            r#"{"version":"1","default":"deny","timezone":"Europe/Berlln"}"#,
            "bad_timezone",
            "/timezone",
            Some("Europe/Berlin"),
        ),
        (
            r#"{"version":"1","default":"deny","timezone":"+02:00"}"#,
            "bad_timezone",
            "/timezone",
            None,
        ),
        (r#"{"version":"1","default":"deny","timezone":""}"#, "bad_timezone", "/timezone", None),
        (r#"{"version":"1","default":"deny","hide":"x"}"#, "wrong_type", "/hide", None),
        (r#"{"version":"1","default":"deny","hide":["a",1]}"#, "wrong_type", "/hide/1", None),
        (r#"{"version":"1","default":"deny","hide":[""]}"#, "bad_value", "/hide/0", None),
        (r#"{"version":"1","default":"deny","hide_denied":1}"#, "wrong_type", "/hide_denied", None),
        (r#"{"version":"1","default":"deny","tools":[]}"#, "wrong_type", "/tools", None),
        (r#"{"version":"1","default":"deny","tools":{"":{}}}"#, "bad_value", "/tools/", None),
        (r#"{"version":"1","default":"deny","tools":{"t":null}}"#, "wrong_type", "/tools/t", None),
        (
            r#"{"version":"1","default":"deny","tools":{"t":{},"t":{}}}"#,
            "duplicate_key",
            "/tools/t",
            None,
        ),
        (
            r#"{"version":"1","default":"deny","all_tools":{"unlisted_args":"allow"}}"#,
            "unknown_key",
            "/all_tools/unlisted_args",
            None,
        ),
        (
            r#"{"version":"1","default":"deny","resources":{"default":"hide"}}"#,
            "bad_value",
            "/resources/default",
            None,
        ),
        (
            r#"{"version":"1","default":"deny","prompts":{"allowed":[]}}"#,
            "unknown_key",
            "/prompts/allowed",
            Some("allow"),
        ),
        (
            r#"{"version":"1","default":"deny","client_requests":{"sampling":true}}"#,
            "wrong_type",
            "/client_requests/sampling",
            None,
        ),
    ] {
        one(document, code, pointer, suggestion);
    }
}

#[test]
fn keys_that_differ_only_by_case_are_two_tools() {
    let document = r#"{"version":"1","default":"deny","tools":{"getUser":{},"getuser":{}}}"#;
    assert!(Policy::load(document.as_bytes()).is_ok());
}

#[test]
fn rules_are_checked_at_every_level() {
    let t = "/tools/t";
    for (entry, code, pointer, suggestion) in [
        (r#"{"rules":[]}"#, "unknown_key", "/rules", None),
        (r#"{"denyif":[]}"#, "unknown_key", "/denyif", Some("deny_if")),
        (r#"{"require":{}}"#, "wrong_type", "/require", None),
        (r#"{"require":[[]]}"#, "wrong_type", "/require/0", None),
        (r#"{"require":[{}]}"#, "missing_key", "/require/0", None),
        (r#"{"require":[{"conditions":{}}]}"#, "wrong_type", "/require/0/conditions", None),
        (
            r#"{"require":[{"conditions":[],"message":"x"}]}"#,
            "unknown_key",
            "/require/0/message",
            None,
        ),
        (r#"{"deny_if":[{"conditions":[],"id":""}]}"#, "bad_value", "/deny_if/0/id", None),
        (r#"{"deny_if":[{"conditions":[],"id":"a\nb"}]}"#, "bad_value", "/deny_if/0/id", None),
        (
            r#"{"deny_if":[{"conditions":[],"on_deny":1}]}"#,
            "wrong_type",
            "/deny_if/0/on_deny",
            None,
        ),
        (
            r#"{"deny_if":[{"conditions":[]},{"conditions":[]}]}"#,
            "duplicate_rule",
            "/deny_if/1",
            None,
        ),
        (
            r#"{"deny_if":[{"conditions":[],"id":"a"},{"conditions":[],"id":"a"}]}"#,
            "duplicate_rule",
            "/deny_if/1/id",
            None,
        ),
        (
            r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":1}]},
                           {"conditions":[{"path":"args.a","op":"gt","value":2}]}]}"#,
            "duplicate_rule",
            "/deny_if/1",
            None,
        ),
        (r#"{"unlisted_args":"warn"}"#, "bad_value", "/unlisted_args", None),
        (r#"{"unlisted_args":true}"#, "wrong_type", "/unlisted_args", None),
        (
            r#"{"approve_if":[{"conditions":[],"approvers":[]}]}"#,
            "bad_value",
            "/approve_if/0/approvers",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"approvers":["role:viewer"]}]}"#,
            "bad_approver",
            "/approve_if/0/approvers/0",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"approvers":["finance"]}]}"#,
            "bad_approver",
            "/approve_if/0/approvers/0",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"approvers":["group: "]}]}"#,
            "bad_approver",
            "/approve_if/0/approvers/0",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"approvers":["member:ada"]}]}"#,
            "bad_approver",
            "/approve_if/0/approvers/0",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"count":0}]}"#,
            "out_of_range",
            "/approve_if/0/count",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"count":1.5}]}"#,
            "out_of_range",
            "/approve_if/0/count",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"count":"2"}]}"#,
            "wrong_type",
            "/approve_if/0/count",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"expires_in":"8d"}]}"#,
            "out_of_range",
            "/approve_if/0/expires_in",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"expires_in":"0h"}]}"#,
            "bad_duration",
            "/approve_if/0/expires_in",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"expires_in":3600}]}"#,
            "wrong_type",
            "/approve_if/0/expires_in",
            None,
        ),
        (
            r#"{"approve_if":[{"conditions":[],"on_deny":"x"}]}"#,
            "unknown_key",
            "/approve_if/0/on_deny",
            None,
        ),
    ] {
        one(&with_tool(entry), code, &format!("{t}{pointer}"), suggestion);
    }
}

#[test]
fn conditions_are_checked() {
    let at = "/tools/t/deny_if/0/conditions/0";
    for (condition, code, pointer, suggestion) in [
        ("1", "wrong_type", "", None),
        (r#"{"op":"eq","value":1}"#, "missing_key", "", None),
        (r#"{"path":"args.a","value":1}"#, "missing_key", "", None),
        (r#"{"path":"args.a","op":"eq"}"#, "missing_key", "", None),
        (
            r#"{"path":"args.a","op":"eq","value":1,"valeu":1}"#,
            "unknown_key",
            "/valeu",
            Some("value"),
        ),
        (r#"{"path":"amount","op":"eq","value":1}"#, "bad_path", "/path", Some("args.amount")),
        (r#"{"path":"args..a","op":"eq","value":1}"#, "bad_path", "/path", None),
        (r#"{"path":"state.a","op":"eq","value":1}"#, "bad_path", "/path", None),
        (r#"{"path":["args"],"op":"eq","value":1}"#, "wrong_type", "/path", None),
        (r#"{"path":"args.a","op":"equals","value":1}"#, "bad_op", "/op", None),
        (r#"{"path":"args.a","op":"GT","value":1}"#, "bad_op", "/op", Some("gt")),
        (
            r#"{"path":"args.a","op":"startswith","value":"x"}"#,
            "bad_op",
            "/op",
            Some("starts_with"),
        ),
        (r#"{"path":"args.a","op":"eq","value":null}"#, "wrong_type", "/value", None),
        (r#"{"path":"args.a","op":"eq","value":[1]}"#, "wrong_type", "/value", None),
        (r#"{"path":"args.a","op":"eq","value":{"path":"args"}}"#, "", "", None),
        (
            r#"{"path":"args.a","op":"eq","value":{"path":"b"}}"#,
            "bad_path",
            "/value/path",
            Some("args.b"),
        ),
        (
            r#"{"path":"args.a","op":"eq","value":{"path":"args.b[*]"}}"#,
            "bad_path",
            "/value/path",
            None,
        ),
        (
            r#"{"path":"args.a","op":"eq","value":{"path":"args.b","x":1}}"#,
            "unknown_key",
            "/value/x",
            None,
        ),
        (r#"{"path":"args.a","op":"in","value":"x"}"#, "wrong_type", "/value", None),
        (r#"{"path":"args.a","op":"in","value":[1,[2]]}"#, "wrong_type", "/value/1", None),
        (r#"{"path":"args.a","op":"lt","value":true}"#, "wrong_type", "/value", None),
        (r#"{"path":"args.a","op":"matches","value":1}"#, "wrong_type", "/value", None),
        (
            r#"{"path":"args.a","op":"matches","value":{"path":"args.b"}}"#,
            "wrong_type",
            "/value",
            None,
        ),
        (r#"{"path":"args.a","op":"matches","value":"("}"#, "bad_pattern", "/value", None),
        (r#"{"path":"args.a","op":"regex","value":"(?=a)"}"#, "bad_pattern", "/value", None),
        (r#"{"path":"args.a","op":"regex","value":"a{999}{999}"}"#, "bad_pattern", "/value", None),
        (r#"{"path":"args.a","op":"starts_with","value":1}"#, "wrong_type", "/value", None),
        (r#"{"path":"args.a","op":"exists","value":"true"}"#, "wrong_type", "/value", None),
        (r#"{"path":"args.a","op":"length_gt","value":1.5}"#, "out_of_range", "/value", None),
        (r#"{"path":"args.a","op":"length_gt","value":-1}"#, "out_of_range", "/value", None),
        (r#"{"path":"args.a","op":"type","value":"int"}"#, "bad_value", "/value", None),
        (r#"{"path":"args.a","op":"gt","value":1e999}"#, "number_out_of_range", "/value", None),
        (
            r#"{"path":"args.a","op":"gt","value":9007199254740993}"#,
            "number_not_exact",
            "/value",
            None,
        ),
        (r#"{"path":"args.a","op":"eq","value":1,"each":"any"}"#, "bad_value", "/each", None),
        (r#"{"path":"args.a[*]","op":"eq","value":1,"each":"some"}"#, "bad_value", "/each", None),
        (r#"{"any":[]}"#, "bad_value", "/any", None),
        (r#"{"all":{}}"#, "wrong_type", "/all", None),
        (r#"{"not":[]}"#, "wrong_type", "/not", None),
        (
            r#"{"any":[{"path":"args.a","op":"eq","value":1}],"all":[]}"#,
            "unknown_key",
            "/all",
            None,
        ),
        (
            r#"{"not":{"path":"args.a","op":"eq","value":1},"path":"x"}"#,
            "unknown_key",
            "/path",
            None,
        ),
        (
            r#"{"any":[{"not":{"path":"a","op":"eq","value":1}}]}"#,
            "bad_path",
            "/any/0/not/path",
            None,
        ),
    ] {
        let document = with_condition(condition);
        match code {
            "" => assert!(Policy::load(document.as_bytes()).is_ok(), "{document}"),
            code => one(&document, code, &format!("{at}{pointer}"), suggestion),
        }
    }
}

#[test]
fn limits_are_checked() {
    let at = "/tools/t/limits/0";
    let limit = |more: &str| format!(r#"{{"counter":"c","window":"day","max":1{more}}}"#);
    for (limit, code, pointer, suggestion) in [
        (r#"{"window":"day","max":1}"#.to_owned(), "missing_key", "", None),
        (r#"{"counter":"c","max":1}"#.to_owned(), "missing_key", "", None),
        (r#"{"counter":"c","window":"day"}"#.to_owned(), "missing_key", "", None),
        (r#"{"counter":"","window":"day","max":1}"#.to_owned(), "bad_value", "/counter", None),
        (
            r#"{"counter":"c","window":"dya","max":1}"#.to_owned(),
            "bad_window",
            "/window",
            Some("day"),
        ),
        (r#"{"counter":"c","window":"90","max":1}"#.to_owned(), "bad_window", "/window", None),
        (r#"{"counter":"c","window":"400d","max":1}"#.to_owned(), "out_of_range", "/window", None),
        (r#"{"counter":"c","window":"day","max":-1}"#.to_owned(), "out_of_range", "/max", None),
        (
            r#"{"counter":"c","window":"day","max":0.0000001}"#.to_owned(),
            "out_of_range",
            "/max",
            None,
        ),
        (
            r#"{"counter":"c","window":"day","max":9223372036855}"#.to_owned(),
            "out_of_range",
            "/max",
            None,
        ),
        (r#"{"counter":"c","window":"day","max":"1"}"#.to_owned(), "wrong_type", "/max", None),
        (
            r#"{"counter":"c","window":"6h","max":1,"rolling":false}"#.to_owned(),
            "bad_value",
            "/rolling",
            None,
        ),
        (limit(r#","rolling":1"#), "wrong_type", "/rolling", None),
        (limit(r#","amount":"grant.label""#), "bad_path", "/amount", None),
        (limit(r#","amount":"amount""#), "bad_path", "/amount", Some("args.amount")),
        (limit(r#","per":"args.a""#), "wrong_type", "/per", None),
        (limit(r#","per":["args.a[*]"]"#), "bad_path", "/per/0", None),
        (limit(r#","scope":"org""#), "bad_value", "/scope", None),
        (limit(r#","on_unknown":"rollback""#), "bad_value", "/on_unknown", Some("roll_back")),
        (limit(r#","count_failed":"no""#), "wrong_type", "/count_failed", None),
        (limit(r#","limit":1"#), "unknown_key", "/limit", None),
    ] {
        one(&with_limit(&limit), code, &format!("{at}{pointer}"), suggestion);
    }
    let twice = format!("{},{}", limit(""), limit(""));
    one(&with_limit(&twice), "duplicate_counter", "/tools/t/limits/1/counter", None);
}

#[test]
fn every_error_is_told_at_once_in_the_order_of_the_text() {
    let document = r#"{
  "version": "2",
  "default": "denny",
  "hidden": [],
  "tools": {
    "a": { "deny_if": [{ "conditions": [{ "path": "é.b", "op": "gt", "value": "(" }] }] },
    "a": { "require": [{ "conditions": [
      { "path": "args.x", "op": "matches", "value": "(" },
      { "path": "args.x", "op": "greater", "value": 01 }
    ] }] }
  }
}"#;
    // The last line is no JSON: nothing else can be said then.
    let found = problems(document);
    assert_eq!((found.len(), found[0].code, found[0].line), (1, "syntax", 9));

    let found = problems(&document.replace("01", "1"));
    let places: Vec<_> = found.iter().map(|p| (p.line, p.column, p.code, &*p.pointer)).collect();
    assert_eq!(
        places,
        [
            (2, 14, "bad_version", "/version"),
            (3, 14, "bad_value", "/default"),
            (4, 3, "unknown_key", "/hidden"),
            (6, 51, "bad_path", "/tools/a/deny_if/0/conditions/0/path"),
            (7, 5, "duplicate_key", "/tools/a"),
            (8, 53, "bad_pattern", "/tools/a/require/0/conditions/0/value"),
            (9, 33, "bad_op", "/tools/a/require/0/conditions/1/op"),
        ]
    );
}

#[test]
fn a_flood_of_errors_is_bounded_and_quick() {
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":0")).collect();
    let document = format!("{{{}}}", keys.join(","));
    let found = problems(&document);
    assert_eq!(found.len(), 1_001);
    assert!(found.iter().any(|problem| problem.code == "more_errors"));
}

#[test]
fn patterns_are_bounded_together() {
    let rules: Vec<String> = (0..200)
        .map(|n| {
            format!(
                r#"{{"id":"r{n}","conditions":[{{"path":"args.a","op":"matches","value":"\\w{{30}}x{n}"}}]}}"#
            )
        })
        .collect();
    let found = problems(&with_tool(&format!(r#"{{"deny_if":[{}]}}"#, rules.join(","))));
    assert!(found.iter().all(|p| p.message.ends_with("too large together")), "{}", found[0]);
    assert!(found.len() > 50 && found.len() < 200);
}

#[test]
fn problems_print_their_place_and_their_suggestion() {
    let found = problems(r#"{"version":"1","default":"deny","Tools":{}}"#);
    assert_eq!(
        found[0].to_string(),
        "1:33: a policy has no key `Tools` (at /Tools); did you mean `tools`?"
    );
}
