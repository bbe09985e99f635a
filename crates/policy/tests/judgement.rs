//! What the policy text says, as tables: one document, calls, and the decision with its rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use policy::{
    Access, Approver, ClientRequest, Decision, Definition, OnUnknown, Place, Policy, Scope,
    Visibility, Window,
};
use support::{Case, check, line, load};

const SUPPORT: &str = include_str!("documents/support.json");

fn tool(entry: &str) -> String {
    format!(r#"{{"version":"1","default":"deny","tools":{{"t":{entry}}}}}"#)
}

/// Whether the one condition is true, false or indeterminate for the arguments: seen from outside, as
/// `require` needs true and `deny_if` false.
#[track_caller]
fn truth(condition: &str, arguments: &str, expected: Option<bool>) {
    let required = tool(&format!(r#"{{"require":[{{"id":"r","conditions":[{condition}]}}]}}"#));
    let denied = tool(&format!(r#"{{"deny_if":[{{"id":"r","conditions":[{condition}]}}]}}"#));
    let passes = |document: &str| {
        let decision = Case::call("t", arguments).decide(Some(&load(document)));
        (decision.outcome() == "allow", unclear(&decision))
    };
    let found = match (passes(&required), passes(&denied)) {
        ((true, _), (false, false)) => Some(true),
        ((false, false), (true, _)) => Some(false),
        ((false, true), (false, true)) => None,
        other => panic!("{other:?} for {condition} on {arguments}"),
    };
    assert_eq!(found, expected, "{condition} on {arguments}");
}

fn unclear(decision: &Decision) -> bool {
    matches!(decision, Decision::Deny(denial) if denial.indeterminate.is_some())
}

#[test]
fn the_example_of_the_reference_judges_as_it_reads() {
    let refund = |arguments| Case::call("refund_payment", arguments);
    let good = r#"{"payment":"p1","amount":100,"currency":"usd","reason":"broken"}"#;
    for (case, expected) in [
        (refund(good), "allow"),
        (Case::call("list_invoices", "{}"), "allow"),
        (Case::call("delete_account", "{}"), "deny (hidden)"),
        (Case::call("create_charge", "{}"), "deny (default deny)"),
        (
            refund(r#"{"amount":100,"currency":"usd","reason":"no"}"#),
            "deny /tools/refund_payment/require/args.reason-matches",
        ),
        (
            refund(r#"{"amount":100,"currency":"eur","reason":"broken"}"#),
            "deny /tools/refund_payment/deny_if/args.currency-neq",
        ),
        (
            refund(r#"{"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/deny_if/args.amount-gt",
        ),
        (
            refund(r#"{"amount":10000.01,"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/deny_if/args.amount-gt",
        ),
        (
            refund(r#"{"amount":5000.01,"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/limits/refund-value",
        ),
        (
            refund(r#"{"amount":500.01,"currency":"usd","reason":"broken"}"#),
            "hold /tools/refund_payment/approve_if/args.amount-gt",
        ),
        (
            refund(r#"{"amount":1,"memo":1,"currency":"usd","reason":"broken"}"#),
            "deny /tools/refund_payment/unlisted_args",
        ),
        (
            refund(good).full(&["/all_tools/limits/calls-per-minute"]),
            "deny /all_tools/limits/calls-per-minute",
        ),
    ] {
        let listed = ["payment", "amount", "currency", "reason"];
        check(SUPPORT, case.listing(&listed), expected);
    }
}

#[test]
fn denials_carry_on_deny_or_a_text_that_names_the_rule() {
    let policy = load(SUPPORT);
    let told = |arguments| match Case::call("refund_payment", arguments).decide(Some(&policy)) {
        Decision::Deny(denial) => denial.message,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        told(r#"{"amount":1,"currency":"usd","reason":"x"}"#),
        "Give a reason for the refund."
    );
    assert_eq!(
        told(r#"{"amount":20000,"currency":"usd","reason":"broken"}"#),
        "Denied by the rule /tools/refund_payment/deny_if/args.amount-gt."
    );
    assert_eq!(
        told(r#"{"currency":"usd","reason":"broken"}"#),
        "Denied by the rule /tools/refund_payment/deny_if/args.amount-gt: `args.amount` is missing or null."
    );
    assert_eq!(
        told(r#"{"amount":6000,"currency":"usd","reason":"broken"}"#),
        "Daily refund budget used up."
    );
}

#[test]
fn operators_hold_as_the_table_says() {
    use Option::{None as I, Some};
    let (t, f) = (Some(true), Some(false));
    for (op, value, rows) in [
        (
            "eq",
            r#""usd""#,
            vec![
                (r#""usd""#, t),
                (r#""USD""#, f),
                ("1", f),
                ("true", f),
                ("[]", I),
                ("{}", I),
                ("null", I),
            ],
        ),
        (
            "eq",
            "1",
            vec![
                ("1", t),
                ("1.0", t),
                ("10e-1", t),
                ("1.0000000001", f),
                (r#""1""#, f),
                ("true", f),
                ("[1]", I),
            ],
        ),
        ("eq", "true", vec![("true", t), ("false", f), (r#""true""#, f), ("1", f)]),
        ("eq", "0.1", vec![("0.1", t), ("0.10", t), ("1e-1", t), ("0.30000000000000004", f)]),
        (
            "neq",
            r#""usd""#,
            vec![(r#""usd""#, f), (r#""eur""#, t), ("1", t), (r#"["usd"]"#, I), ("null", I)],
        ),
        (
            "in",
            r#"["usd", 1, true]"#,
            vec![(r#""usd""#, t), ("1.0", t), ("true", t), (r#""1""#, f), ("false", f), ("[]", I)],
        ),
        ("in", "[]", vec![("1", f), ("null", I)]),
        (
            "not_in",
            r#"["usd", 1]"#,
            vec![(r#""usd""#, f), ("1", f), ("2", t), (r#""1""#, t), ("null", I)],
        ),
        ("lt", "10", vec![("9.999", t), ("10", f), ("-1e300", t), (r#""9""#, I), ("true", I)]),
        ("lte", "10", vec![("10.0", t), ("10.000001", f), (r#""10""#, I)]),
        ("gt", "10", vec![("10.000001", t), ("10", f), ("1e21", t), ("[11]", I)]),
        ("gte", "10", vec![("1e1", t), ("9.9", f), ("null", I)]),
        (
            "lt",
            r#""b""#,
            vec![
                (r#""a""#, t),
                (r#""b""#, f),
                (r#""aa""#, t),
                (r#""B""#, t),
                (r#""é""#, f),
                ("1", I),
            ],
        ),
        (
            "gte",
            r#""09:00""#,
            vec![(r#""09:00""#, t), (r#""10:00""#, t), (r#""08:59""#, f), ("9", I)],
        ),
        (
            "matches",
            r#""[a-z]{3}""#,
            vec![(r#""abc""#, t), (r#""abcd""#, f), (r#""abc\n""#, f), ("1", I), ("[]", I)],
        ),
        ("regex", r#""b""#, vec![(r#""abc""#, t), (r#""ac""#, f), ("2", I)]),
        (
            "starts_with",
            r#""ab""#,
            vec![(r#""abc""#, t), (r#""a""#, f), ("1", I), (r#"["ab"]"#, I)],
        ),
        ("ends_with", r#""bc""#, vec![(r#""abc""#, t), (r#""abcd""#, f), ("null", I)]),
        (
            "contains",
            r#""b""#,
            vec![
                (r#""abc""#, t),
                (r#""ac""#, f),
                (r#"["a","b"]"#, t),
                (r#"["abc"]"#, f),
                ("[]", f),
                ("1", I),
                ("{}", I),
            ],
        ),
        (
            "contains",
            "1",
            vec![
                ("[1.0]", t),
                (r#"["1"]"#, f),
                (r#""1""#, I),
                ("[[1]]", I),
                ("[[1],1]", t),
                ("[null]", I),
            ],
        ),
        (
            "not_contains",
            r#""b""#,
            vec![(r#""abc""#, f), (r#""ac""#, t), (r#"["b"]"#, f), ("[]", t), ("7", I)],
        ),
        ("exists", "true", vec![("1", t), ("false", t), (r#""""#, t), ("[]", t), ("null", f)]),
        ("exists", "false", vec![("1", f), ("null", t)]),
        (
            "length_lt",
            "3",
            vec![
                (r#""éé""#, t),
                (r#""abc""#, f),
                ("[1,2]", t),
                (r#"{"a":1}"#, t),
                ("12", I),
                ("true", I),
            ],
        ),
        ("length_lte", "1", vec![(r#""😀""#, t), (r#""e\u0301""#, f), ("[]", t)]),
        ("length_gt", "0", vec![(r#""""#, f), (r#""x""#, t), ("{}", f), ("null", I)]),
        ("length_gte", "2", vec![("[1,2]", t), ("[1]", f), ("1", I)]),
        ("type", r#""string""#, vec![(r#""1""#, t), ("1", f), ("null", f)]),
        ("type", r#""number""#, vec![("1", t), ("1.5", t), (r#""1""#, f)]),
        ("type", r#""integer""#, vec![("1", t), ("-5", t), ("1.0", f), ("1e2", f), ("1.5", f)]),
        ("type", r#""boolean""#, vec![("true", t), ("0", f)]),
        ("type", r#""array""#, vec![("[]", t), ("{}", f)]),
        ("type", r#""object""#, vec![("{}", t), ("[]", f)]),
        ("type", r#""null""#, vec![("null", t), ("0", f)]),
    ] {
        let condition = format!(r#"{{"path":"args.a","op":"{op}","value":{value}}}"#);
        for (argument, expected) in rows {
            truth(&condition, &format!(r#"{{"a":{argument}}}"#), expected);
        }
        // Missing is like null, and only `exists` and `type` have an answer to it.
        let missing = match (op, value) {
            ("exists", "true") | ("type", _) => f,
            ("exists", _) => t,
            _ => I,
        };
        truth(&condition, "{}", missing);
    }
}

#[test]
fn two_places_are_compared_like_a_place_and_a_constant() {
    for (op, arguments, expected) in [
        ("eq", r#"{"a":1,"b":1.0}"#, Some(true)),
        ("eq", r#"{"a":"1","b":1}"#, Some(false)),
        ("eq", r#"{"a":1}"#, None),
        ("eq", r#"{"b":1}"#, None),
        ("eq", r#"{"a":[1],"b":[1]}"#, None),
        ("lte", r#"{"a":5,"b":5}"#, Some(true)),
        ("gt", r#"{"a":"b","b":"a"}"#, Some(true)),
        ("gt", r#"{"a":"b","b":1}"#, None),
        ("in", r#"{"a":2,"b":[1,2]}"#, Some(true)),
        ("in", r#"{"a":2,"b":[]}"#, Some(false)),
        ("not_in", r#"{"a":2,"b":[1,[2]]}"#, None),
        ("in", r#"{"a":2,"b":"2"}"#, None),
        ("starts_with", r#"{"a":"abc","b":"ab"}"#, Some(true)),
        ("contains", r#"{"a":["x"],"b":"x"}"#, Some(true)),
        ("length_lte", r#"{"a":"abc","b":3}"#, Some(true)),
        ("length_lte", r#"{"a":"abc","b":2.5}"#, None),
        ("length_lte", r#"{"a":"abc","b":"3"}"#, None),
    ] {
        let condition = format!(r#"{{"path":"args.a","op":"{op}","value":{{"path":"args.b"}}}}"#);
        truth(&condition, arguments, expected);
    }
}

#[test]
fn groups_follow_kleene() {
    // One argument for each truth: `t` is 1, `f` is 0, `i` is missing.
    let of = |name: &str| format!(r#"{{"path":"args.{name}","op":"eq","value":1}}"#);
    let (t, f, i) = (of("t"), of("f"), of("i"));
    let arguments = r#"{"t":1,"f":0}"#;
    for (a, b, all, any) in [
        (&t, &t, Some(true), Some(true)),
        (&t, &f, Some(false), Some(true)),
        (&t, &i, None, Some(true)),
        (&f, &f, Some(false), Some(false)),
        (&f, &i, Some(false), None),
        (&i, &i, None, None),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            truth(&format!(r#"{{"all":[{a},{b}]}}"#), arguments, all);
            truth(&format!(r#"{{"any":[{a},{b}]}}"#), arguments, any);
            let not = |truth: Option<bool>| truth.map(|truth| !truth);
            truth(&format!(r#"{{"not":{{"all":[{a},{b}]}}}}"#), arguments, not(all));
            truth(&format!(r#"{{"not":{{"any":[{a},{b}]}}}}"#), arguments, not(any));
            // Conditions side by side are ANDed.
            truth(&format!("{a},{b}"), arguments, all);
        }
    }
}

#[test]
fn a_wildcard_looks_at_every_element() {
    let condition =
        |each: &str| format!(r#"{{"path":"args.items[*].n","op":"gt","value":10{each}}}"#);
    let rule = |list: &str, each: &str| {
        tool(&format!(r#"{{"{list}":[{{"id":"r","conditions":[{}]}}]}}"#, condition(each)))
    };
    let any = r#","each":"any""#;
    let all = r#","each":"all""#;
    for (items, [deny_any, deny_all, require_any, require_all]) in [
        ("[11,12]", [true, true, false, false]),
        ("[11,1]", [true, false, false, true]),
        ("[1,2]", [false, false, true, true]),
        ("[]", [true, true, true, true]),
        ("[11,null]", [true, true, false, true]),
        ("[1,null]", [true, false, true, true]),
        (r#"[1,"x"]"#, [true, false, true, true]),
    ] {
        let items = items.trim_matches(['[', ']']).split(',').filter(|item| !item.is_empty());
        let items: Vec<String> = items.map(|item| format!(r#"{{"n":{item}}}"#)).collect();
        let arguments = format!(r#"{{"items":[{}]}}"#, items.join(","));
        let denied = |document: String| {
            Case::call("t", &arguments).decide(Some(&load(&document))).outcome() == "deny"
        };
        assert_eq!(denied(rule("deny_if", "")), deny_any, "deny_if {arguments}");
        assert_eq!(denied(rule("deny_if", any)), deny_any, "deny_if any {arguments}");
        assert_eq!(denied(rule("deny_if", all)), deny_all, "deny_if all {arguments}");
        assert_eq!(denied(rule("require", any)), require_any, "require any {arguments}");
        assert_eq!(denied(rule("require", all)), require_all, "require all {arguments}");
        assert_eq!(denied(rule("require", "")), require_all, "require {arguments}");
    }
    // No list at all is as little as an empty one; `exists` and `type` still have an answer.
    for arguments in ["{}", r#"{"items":"x"}"#, r#"{"items":{"n":11}}"#, r#"{"items":[]}"#] {
        truth(&condition(""), arguments, None);
        truth(r#"{"path":"args.items[*].n","op":"exists","value":true}"#, arguments, Some(false));
        truth(r#"{"path":"args.items[*].n","op":"exists","value":false}"#, arguments, Some(true));
        truth(r#"{"path":"args.items[*].n","op":"type","value":"number"}"#, arguments, Some(false));
    }
    truth(r#"{"path":"args.g[*][*]","op":"gt","value":0}"#, r#"{"g":[[1],[2,3]]}"#, Some(true));
    truth(r#"{"path":"args.g[*][*]","op":"gt","value":0}"#, r#"{"g":[[],[]]}"#, None);
}

#[test]
fn paths_reach_the_grant_the_tool_and_the_moment() {
    for (condition, expected) in [
        (r#"{"path":"tool.name","op":"eq","value":"t"}"#, Some(true)),
        (r#"{"path":"grant.label","op":"starts_with","value":"support"}"#, Some(true)),
        (r#"{"path":"grant.identity","op":"ends_with","value":"@example.com"}"#, Some(true)),
        (r#"{"path":"grant.tags.team","op":"eq","value":"billing"}"#, Some(true)),
        (r#"{"path":"grant.tags[\"team\"]","op":"eq","value":"ops"}"#, Some(false)),
        (r#"{"path":"grant.tags.other","op":"eq","value":"x"}"#, None),
        (r#"{"path":"grant.tags.other","op":"exists","value":false}"#, Some(true)),
        (r#"{"path":"request.time","op":"eq","value":"10:30"}"#, Some(true)),
        (r#"{"path":"request.weekday","op":"in","value":["sat","sun"]}"#, Some(true)),
        (r#"{"path":"request.date","op":"lt","value":"2026-12-01"}"#, Some(true)),
        (r#"{"path":"args.who","op":"eq","value":{"path":"grant.identity"}}"#, Some(true)),
        (r#"{"path":"args","op":"length_lte","value":1}"#, Some(true)),
        (r#"{"path":"args","op":"type","value":"object"}"#, Some(true)),
    ] {
        truth(condition, r#"{"who":"ada@example.com"}"#, expected);
    }
}

#[test]
fn missing_arguments_are_judged_like_none() {
    let document = tool(
        r#"{"require":[{"conditions":[{"path":"args","op":"length_gte","value":0}]}],
            "deny_if":[{"conditions":[{"path":"args.a","op":"exists","value":true}]}]}"#,
    );
    let policy = load(&document);
    let missing = Case::call("t", "{}").no_arguments().decide(Some(&policy));
    assert_eq!(line(&missing), "allow");
    assert_eq!(missing.into_call().arguments, None, "missing stays missing");
    check(&document, Case::call("t", "{}"), "allow");
}

#[test]
fn keys_cover_tools_as_the_text_says() {
    let document = r#"{"version":"1","default":"deny","tools":{
        "pay*":{"deny_if":[{"id":"star","conditions":[{"path":"tool.name","op":"eq","value":"pay_out"}]}]},
        "pay":{},
        "*_out":{"require":[{"id":"out","conditions":[{"path":"tool.name","op":"neq","value":"take_out"}]}]},
        "a/b~c":{"deny_if":[{"conditions":[]}]}}}"#;
    for (tool, expected) in [
        ("pay", "allow"),
        ("pay_in", "allow"),
        ("pay_out", "deny /tools/pay*/deny_if/star"),
        ("take_out", "deny /tools/*_out/require/out"),
        ("Pay", "deny (default deny)"),
        ("PAY_IN", "deny (default deny)"),
        ("p", "deny (default deny)"),
        ("a/b~c", "deny /tools/a~1b~0c/deny_if/always"),
    ] {
        check(document, Case::call(tool, "{}"), expected);
    }
    let open =
        r#"{"version":"1","default":"allow","tools":{"pay":{"deny_if":[{"conditions":[]}]}}}"#;
    check(open, Case::call("pay", "{}"), "deny /tools/pay/deny_if/always");
    check(open, Case::call("other", "{}"), "allow");
}

#[test]
fn rules_are_named_by_what_they_say() {
    let a = r#"{"path":"args.a","op":"gt","value":1}"#;
    let b = r#"{"path":"args[\"b/c\"]","op":"eq","value":1}"#;
    for (predicate, name) in [
        (format!(r#""conditions":[{a}]"#), "args.a-gt"),
        (format!(r#""conditions":[{a},{b}]"#), "args.a-gt+args[\"b~1c\"]-eq"),
        (format!(r#""conditions":[{{"any":[{a},{b}]}}]"#), "any(args.a-gt+args[\"b~1c\"]-eq)"),
        (format!(r#""conditions":[{{"not":{{"all":[{a}]}}}}]"#), "not(all(args.a-gt))"),
        (format!(r#""conditions":[{a},{{"not":{b}}}]"#), "args.a-gt+not(args[\"b~1c\"]-eq)"),
        (r#""conditions":[]"#.to_owned(), "always"),
        (format!(r#""id":"big-refund","conditions":[{a}]"#), "big-refund"),
        (format!(r#""id":"a/b ~c","conditions":[{a}]"#), "a~1b ~0c"),
    ] {
        let document = tool(&format!(r#"{{"deny_if":[{{{predicate}}}],"unlisted_args":"allow"}}"#));
        let call = Case::call("t", "{}");
        check(&document, call, &format!("deny /tools/t/deny_if/{name}"));
    }
}

#[test]
fn the_first_step_that_fires_ends_the_judgement() {
    let everything = r#"{"version":"1","default":"deny","hide":["h"],
        "all_tools":{
            "deny_if":[{"id":"ad","conditions":[{"path":"args.ad","op":"exists","value":true}]}],
            "require":[{"id":"ar","conditions":[{"path":"args.ar","op":"exists","value":false}]}],
            "limits":[{"counter":"al","window":"day","max":1}],
            "approve_if":[{"id":"aa","conditions":[{"path":"args.aa","op":"exists","value":true}]}]},
        "tools":{"h":{},"t":{
            "deny_if":[{"id":"d","conditions":[{"path":"args.d","op":"exists","value":true}]}],
            "require":[{"id":"r","conditions":[{"path":"args.r","op":"exists","value":false}]}],
            "limits":[{"counter":"l","window":"day","max":1}],
            "approve_if":[{"id":"a","conditions":[{"path":"args.a","op":"exists","value":true}]}]}}}"#;
    let names = ["ad", "ar", "d", "r", "aa", "a"];
    let all = r#"{"x":1,"ad":1,"ar":1,"d":1,"r":1,"aa":1,"a":1}"#;
    let limits = ["/all_tools/limits/al", "/tools/t/limits/l"];
    let case = |text: &str| Case::call("t", text).listing(&names);
    let unlisted = Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());

    assert_eq!(line(&case(all).full(&limits).decide(None)), "deny (no policy)");
    for (case, expected) in [
        (Case::call("h", "{}").defined(Definition::Unknown), "deny (unknown tool)"),
        (Case::call("x", "{}").defined(Definition::Unknown), "deny (unknown tool)"),
        (Case::call("h", all).full(&limits), "deny (hidden)"),
        (
            Case::call("x", all).defined(Definition::Changed { deny: true, arguments: None }),
            "deny (default deny)",
        ),
        (
            case(all).defined(Definition::Changed { deny: true, arguments: unlisted.clone() }),
            "deny (tool changed)",
        ),
        (
            case(all).defined(Definition::Changed { deny: false, arguments: unlisted }),
            "deny /tools/t/unlisted_args",
        ),
        (case(all).defined(Definition::NotAccepted), "deny (tool unknown)"),
        (case(all).full(&limits), "deny /tools/t/unlisted_args"),
        (
            case(r#"{"ad":1,"ar":1,"d":1,"r":1,"aa":1,"a":1}"#).full(&limits),
            "deny /all_tools/deny_if/ad",
        ),
        (case(r#"{"ar":1,"d":1,"r":1,"aa":1,"a":1}"#).full(&limits), "deny /all_tools/require/ar"),
        (case(r#"{"d":1,"r":1,"aa":1,"a":1}"#).full(&limits), "deny /tools/t/deny_if/d"),
        (case(r#"{"r":1,"aa":1,"a":1}"#).full(&limits), "deny /tools/t/require/r"),
        (case(r#"{"aa":1,"a":1}"#).full(&limits), "deny /all_tools/limits/al"),
        (case(r#"{"aa":1,"a":1}"#).full(&limits[1..]), "deny /tools/t/limits/l"),
        (case(r#"{"aa":1,"a":1}"#), "hold /all_tools/approve_if/aa"),
        (case(r#"{"a":1}"#), "hold /tools/t/approve_if/a"),
        (case("{}"), "allow"),
    ] {
        check(everything, case, expected);
    }
}

#[test]
fn a_closed_world_is_opened_only_by_saying_so() {
    let rule = r#""deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":1}]}]"#;
    let case = || Case::call("t", r#"{"a":1,"b":1}"#).listing(&["a"]);
    let unlisted = "deny /tools/t/unlisted_args";
    for (entry, expected) in [
        (format!("{{{rule}}}"), unlisted),
        (format!(r#"{{{rule},"unlisted_args":"deny"}}"#), unlisted),
        (format!(r#"{{{rule},"unlisted_args":"allow"}}"#), "allow"),
        ("{}".to_owned(), "allow"),
        (r#"{"deny_if":[{"conditions":[{"path":"tool.name","op":"eq","value":"x"}]}]}"#.to_owned(), "allow"),
        (r#"{"limits":[{"counter":"c","window":"day","max":9,"amount":"args.a"}]}"#.to_owned(), unlisted),
        (r#"{"limits":[{"counter":"c","window":"day","max":9,"per":["args.a"]}]}"#.to_owned(), unlisted),
        (r#"{"limits":[{"counter":"c","window":"day","max":9}]}"#.to_owned(), "allow"),
        (r#"{"require":[{"conditions":[{"path":"grant.label","op":"neq","value":{"path":"args.a"}}]}]}"#.to_owned(), unlisted),
        (r#"{"approve_if":[{"conditions":[{"not":{"path":"args.a","op":"exists","value":true}}]}]}"#.to_owned(), unlisted),
    ] {
        check(&tool(&entry), case(), expected);
    }
    // A definition that lists nothing lists nothing.
    let bare = Definition::Accepted { arguments: None };
    check(&tool(&format!("{{{rule}}}")), case().defined(bare), unlisted);
    // Rules under `all_tools` close the world of every tool; each entry opens its own.
    let all = |tools: &str| {
        format!(r#"{{"version":"1","default":"allow","all_tools":{{{rule}}},"tools":{{{tools}}}}}"#)
    };
    for (tools, expected) in [
        ("", unlisted),
        (r#""t":{}"#, unlisted),
        (r#""t":{"unlisted_args":"allow"}"#, "allow"),
        (r#""*":{"unlisted_args":"allow"}"#, "allow"),
        (r#""*":{"unlisted_args":"allow"},"t*":{}"#, "deny /tools/t*/unlisted_args"),
    ] {
        check(&all(tools), case(), expected);
    }
    // Several patterns: one with no rule on arguments has nothing to say about them.
    let several = format!(
        r#"{{"version":"1","default":"deny","tools":{{"*":{{}},"t*":{{{rule},"unlisted_args":"allow"}}}}}}"#
    );
    check(&several, case(), "allow");
}

#[test]
fn an_allowed_call_says_what_to_charge() {
    let document = r#"{"version":"1","default":"deny","timezone":"Europe/Berlin",
        "all_tools":{"limits":[{"counter":"calls","window":"minute","max":30,"rolling":true}]},
        "tools":{"pay*":{"limits":[
            {"counter":"value","window":"day","max":5000.5,"amount":"args.amount","per":["args.currency","args.n","args.b"],
             "scope":"identity","count_failed":true,"on_deny":"Enough."},
            {"counter":"burst","window":"90s","max":3,"scope":"organisation","on_unknown":"keep"}]}}}"#;
    let call = r#"{"amount":480.0000001,"currency":"us\"d","n":1.50,"b":true}"#;
    let decision = Case::call("pay_out", call).decide(Some(&load(document)));
    let Decision::Allow(allowed) = decision else { panic!("{decision:?}") };
    let charges = allowed.charges();
    let rules: Vec<&str> = charges.iter().map(|charge| &*charge.rule).collect();
    assert_eq!(
        rules,
        ["/all_tools/limits/calls", "/tools/pay*/limits/value", "/tools/pay*/limits/burst"]
    );

    let calls = &charges[0];
    assert_eq!(
        (&calls.place, calls.window, calls.rolling),
        (&Place::AllTools, Window::Minute, true)
    );
    assert_eq!((calls.max_millionths, calls.amount_millionths), (30_000_000, 1_000_000));
    assert_eq!((calls.scope, calls.count_failed), (Scope::Grant, false));
    assert_eq!((calls.on_unknown, calls.counts_amount), (OnUnknown::RollBack, false));
    assert_eq!(calls.zone.iana_name(), Some("Europe/Berlin"));

    let value = &charges[1];
    assert_eq!(value.place, Place::Tool("pay*".into()));
    assert_eq!((value.max_millionths, value.amount_millionths), (5_000_500_000, 480_000_001));
    assert_eq!((value.scope, value.count_failed), (Scope::Identity, true));
    assert_eq!((value.on_unknown, value.counts_amount), (OnUnknown::Keep, true));
    let per: Vec<(&str, &str)> = value.per.iter().map(|per| (&*per.path, &*per.value)).collect();
    assert_eq!(per, [("args.currency", r#""us\"d""#), ("args.n", "1.5"), ("args.b", "true")]);
    assert_eq!(value.denial_message(), "Enough.");

    let burst = &charges[2];
    assert_eq!(burst.window, Window::Length(std::time::Duration::from_secs(90)));
    assert_eq!((burst.rolling, burst.on_unknown), (true, OnUnknown::Keep));
    assert_eq!(burst.denial_message(), "The limit /tools/pay*/limits/burst cannot hold this call.");
}

#[test]
fn an_amount_that_cannot_be_counted_denies() {
    let document = tool(
        r#"{"limits":[{"counter":"c","window":"day","max":9223372036854,"amount":"args.a","per":["args.p"]}]}"#,
    );
    let limit = "deny /tools/t/limits/c";
    let long = format!(r#""{}""#, "x".repeat(1_025));
    for (a, p, expected, reason) in [
        ("0", r#""x""#, "allow", ""),
        ("0.0000001", r#""x""#, "allow", ""),
        ("9223372036854", r#""x""#, "allow", ""),
        ("9223372036854.5", r#""x""#, limit, "limit_amount"),
        ("1e300", r#""x""#, limit, "limit_amount"),
        ("-1", r#""x""#, limit, "limit_amount"),
        ("-0.0000001", r#""x""#, limit, "limit_amount"),
        (r#""5""#, r#""x""#, limit, "limit_amount"),
        ("null", r#""x""#, limit, "limit_amount"),
        ("true", r#""x""#, limit, "limit_amount"),
        ("[5]", r#""x""#, limit, "limit_amount"),
        ("1", "null", limit, "limit_per"),
        ("1", "[]", limit, "limit_per"),
        ("1", "{}", limit, "limit_per"),
        ("1", &long, limit, "limit_per"),
        ("1", "false", "allow", ""),
        ("1", r#""""#, "allow", ""),
    ] {
        let case = Case::call("t", &format!(r#"{{"a":{a},"p":{p}}}"#));
        let decision = case.decide(Some(&load(&document)));
        assert_eq!(line(&decision), expected, "{a} {p}");
        if let Decision::Deny(denial) = decision {
            assert_eq!(denial.reason.code(), reason, "{a} {p}");
        }
    }
    check(&document, Case::call("t", r#"{"p":1}"#), limit);
    check(&document, Case::call("t", r#"{"a":1}"#), limit);
    // More than the limit can ever hold, whatever is used.
    let small = tool(r#"{"limits":[{"counter":"c","window":"day","max":10,"amount":"args.a"}]}"#);
    check(&small, Case::call("t", r#"{"a":10}"#), "allow");
    check(&small, Case::call("t", r#"{"a":10.0000001}"#), limit);
    let none = tool(r#"{"limits":[{"counter":"c","window":"day","max":0.999999}]}"#);
    check(&none, Case::call("t", "{}"), limit);
}

#[test]
fn a_held_call_says_whom_to_ask() {
    let document = tool(
        r#"{"approve_if":[
            {"id":"large","conditions":[{"path":"args.a","op":"gt","value":500}],
             "approvers":["group:finance","member:ada@example.com","role:policy_manager"],
             "count":2,"expires_in":"30m","message":"A large one."},
            {"id":"never","conditions":[{"path":"args.a","op":"gt","value":1000}]},
            {"id":"always","conditions":[]}]}"#,
    );
    let policy = load(&document);
    let decision = Case::call("t", r#"{"a":501}"#).decide(Some(&policy));
    let Decision::Hold(held) = decision else { panic!("{decision:?}") };
    assert_eq!(&**held.rule(), "/tools/t/approve_if/large");
    let (call, needed) = held.into_parts();
    assert_eq!(call.tool, "t");
    assert_eq!(needed.len(), 2);
    assert_eq!(
        &*needed[0].approvers,
        [
            Approver::Group("finance".to_owned()),
            Approver::Member("ada@example.com".to_owned()),
            Approver::PolicyManager
        ]
    );
    assert_eq!((needed[0].count, needed[0].expires_in.as_secs()), (2, 1_800));
    assert_eq!(needed[0].message.as_deref(), Some("A large one."));
    assert_eq!(&*needed[1].approvers, [Approver::Admin]);
    assert_eq!((needed[1].count, needed[1].expires_in.as_secs()), (1, 3_600));

    // Approvals answer their own rules and nothing else.
    let signed = |arguments: &str, rules: &[&str]| {
        let case = Case::call("t", arguments);
        let usage = support::Full(&case.full);
        let question = policy::Question {
            policy: Some(&policy),
            grant: &case.grant,
            definition: &case.definition,
            usage: &usage,
            now: case.now,
        };
        line(&policy::decide_signed(&question, case.call.clone(), rules))
    };
    let (large, always) = ("/tools/t/approve_if/large", "/tools/t/approve_if/always");
    assert_eq!(signed(r#"{"a":501}"#, &[large]), "hold /tools/t/approve_if/always");
    assert_eq!(signed(r#"{"a":501}"#, &[large, always]), "allow");
    assert_eq!(signed(r#"{"a":1001}"#, &[large, always]), "hold /tools/t/approve_if/never");
    // What cannot be judged waits for a person too.
    let decision = Case::call("t", "{}").decide(Some(&policy));
    let Decision::Hold(held) = decision else { panic!("{decision:?}") };
    let unclear = held.approvals().next().unwrap().indeterminate.clone().unwrap();
    assert_eq!((unclear.condition.as_str(), unclear.why.code()), ("args.a-gt", "missing_argument"));
}

#[test]
fn lists_show_what_can_be_called() {
    let listed = |document: &str, tool: &str| {
        let known = Definition::Accepted { arguments: None };
        load(document).tool_visibility(tool, &known) == Visibility::Listed
    };
    let base = r#"{"version":"1","default":"deny","hide":["secret","tmp_*"],"tools":{
        "secret":{},"open":{},"blocked":{"deny_if":[{"conditions":[]}]},
        "spent":{"limits":[{"counter":"c","window":"day","max":0}]},
        "guarded":{"deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":1}]}]}}HIDE}"#;
    let plain = base.replace("HIDE", "");
    let strict = base.replace("HIDE", r#","hide_denied":true"#);
    for (tool, in_plain, in_strict) in [
        ("secret", false, false),
        ("tmp_x", false, false),
        ("open", true, true),
        ("guarded", true, true),
        ("blocked", true, false),
        ("spent", true, false),
        ("other", true, false),
    ] {
        assert_eq!(listed(&plain, tool), in_plain, "{tool}");
        assert_eq!(listed(&strict, tool), in_strict, "{tool} with hide_denied");
        let hidden = line(&Case::call(tool, "{}").decide(Some(&load(&strict)))) == "deny (hidden)";
        assert_eq!(hidden, !in_strict, "a call of {tool} with hide_denied");
    }
    let policy = load(&plain);
    assert_eq!(policy.tool_visibility("open", &Definition::Unknown), Visibility::Hidden);
    // Rules on the tool's name are known without a call.
    let named = r#"{"version":"1","default":"allow","hide_denied":true,"all_tools":{"deny_if":[
        {"conditions":[{"path":"tool.name","op":"starts_with","value":"delete_"}]}]}}"#;
    assert!(!listed(named, "delete_all"));
    assert!(listed(named, "read"));
    assert!(!listed(r#"{"version":"1","default":"allow","hide":["*"]}"#, "anything"));
}

#[test]
fn sections_judge_resources_prompts_and_client_requests() {
    let policy = load(
        r#"{"version":"1","default":"deny",
            "resources":{"default":"allow","deny":["file:///etc/*"],"hide":["file:///etc/shadow","db:*"],"allow":["file:///etc/hosts"]},
            "prompts":{"allow":["help","greet_*"]},
            "client_requests":{"elicitation":"allow"}}"#,
    );
    let told = |access: Access| match access {
        Access::Allow => "allow".to_owned(),
        Access::Hide => "hide".to_owned(),
        Access::Deny { rule, .. } => format!("deny {rule}"),
    };
    for (uri, expected) in [
        ("file:///home/x", "allow"),
        ("file:///etc/passwd", "deny /resources/deny/file:~1~1~1etc~1*"),
        ("file:///etc/hosts", "deny /resources/deny/file:~1~1~1etc~1*"),
        ("file:///etc/shadow", "hide"),
        ("db:users", "hide"),
    ] {
        assert_eq!(told(policy.resource(uri)), expected, "{uri}");
    }
    for (name, expected) in
        [("help", "allow"), ("greet_all", "allow"), ("other", "deny (default deny)")]
    {
        assert_eq!(told(policy.prompt(name)), expected, "{name}");
    }
    for (kind, expected) in [
        (ClientRequest::Elicitation, "allow"),
        (ClientRequest::Sampling, "deny /client_requests/sampling"),
        (ClientRequest::Roots, "deny /client_requests/roots"),
    ] {
        assert_eq!(told(policy.client_request(kind)), expected);
    }
    // What is absent follows the default.
    let open = load(r#"{"version":"1","default":"allow"}"#);
    assert_eq!(open.resource("x"), Access::Allow);
    assert_eq!(open.prompt("x"), Access::Allow);
    assert_eq!(open.client_request(ClientRequest::Sampling), Access::Allow);
    let closed = load(r#"{"version":"1","default":"deny"}"#);
    assert_eq!(told(closed.resource("x")), "deny (default deny)");
}

#[test]
fn documents_of_policylayer_v1_are_valid_unchanged() {
    for document in [
        r#"{"version":"1","default":"deny"}"#,
        r#"{"version":"1","default":"allow","hide":["*"]}"#,
        r#"{"version":"1","default":"deny","hide":["delete_account"],"all_tools":{"limits":[]},
            "tools":{"create_charge":{"require":[],"deny_if":[],"limits":[]}}}"#,
        r#"{"version":"1","default":"deny","tools":{"list_customers":{}}}"#,
        r#"{"version":"1","default":"allow","tools":{"delete_customer":{"deny_if":[{"conditions":[],"on_deny":"No."}]}}}"#,
        r#"{"version":"1","default":"deny","all_tools":{"limits":[{"counter":"calls","window":"minute","max":30}]},
            "tools":{"refund":{"require":[{"conditions":[{"path":"args.reason","op":"exists","value":true}],"on_deny":"Reason."}],
            "deny_if":[{"conditions":[{"path":"args.amount","op":"gt","value":10000}]},
                       {"conditions":[{"path":"args.currency","op":"not_in","value":["usd","eur"]}]},
                       {"conditions":[{"path":"args.branch","op":"regex","value":"^feat/"}]}],
            "limits":[{"counter":"refunds","window":"hour","max":5,"on_deny":"Enough."},
                      {"counter":"value","window":"day","max":500000,"amount":"args.amount"}]}}}"#,
    ] {
        let loaded = Policy::load(document.as_bytes());
        assert!(loaded.is_ok(), "{}\n{document}", loaded.unwrap_err());
    }
}
