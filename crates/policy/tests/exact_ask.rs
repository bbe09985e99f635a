//! Questions, warnings and coverage: what is answered, and that trying the calls agrees.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/dice.rs"]
mod dice;
mod support;

use dice::Dice;
use policy::exact::{Answer, Query, Wanted, ask, coverage};
use policy::{
    Decision, Definition, GrantFacts, Policy, Question, ServerTool, ToolCall, Unused, check, test,
};
use support::load;

const SUPPORT: &str = include_str!("documents/support.json");

fn answered(policy: &Policy, words: &str) -> String {
    let query = Query::of_words(words).unwrap();
    match ask(policy, &query, None) {
        Answer::Yes(yes) => format!("yes, {} {}", yes.1.outcome, yes.1.rule),
        other => other.name().to_owned(),
    }
}

#[test]
fn questions_about_a_real_policy_are_answered() {
    let policy = load(SUPPORT);
    for (words, expected) in [
        ("can refund_payment pass without approval when amount > 500?", "no"),
        ("can refund_payment pass without approval when amount > 499?", "yes, allow "),
        (
            "can refund_payment be held when amount = 500.01",
            "yes, hold /tools/refund_payment/approve_if/args.amount-gt",
        ),
        ("can refund_payment pass when currency = \"eur\"", "no"),
        ("can refund_payment pass when amount is missing", "no"),
        ("can refund_payment pass when amount > 10000", "no"),
        ("can refund_payment go through when amount is \"10\"", "no"),
        (
            "can refund_payment be denied when amount = 10 and currency = usd",
            "yes, deny /tools/refund_payment/unlisted_args",
        ),
        ("can delete_account pass", "no"),
        ("can delete_* pass", "no"),
        ("can anything pass when amount > 10000", "yes, allow "),
        ("can list_invoices be held", "no"),
    ] {
        assert_eq!(answered(&policy, words), expected, "{words}");
    }
    let ours = br#"{"tool":"refund_payment","outcome":"deny",
                    "rule":"/tools/refund_payment/require/args.reason-matches"}"#;
    let query = Query::read(ours).unwrap();
    assert!(matches!(ask(&policy, &query, None), Answer::Yes(_)));
}

#[test]
fn a_question_with_errors_names_them_all() {
    let text = br#"{"tool":"t","where":[{"path":"args.a","op":"gtt","value":1},{"path":"x"}],"outcome":"maybe"}"#;
    let problems = Query::read(text).unwrap_err();
    let found: Vec<(&str, &str)> =
        problems.iter().map(|problem| (problem.pointer.as_str(), problem.code)).collect();
    assert!(found.contains(&("/where/0/op", "bad_op")), "{found:?}");
    assert!(found.contains(&("/outcome", "bad_value")), "{found:?}");
    assert!(Query::of_words("can t pass when a.[ = 1").is_err());
}

fn decide(policy: &Policy, call: &ToolCall) -> Decision {
    let listed = dice::ARGUMENTS.iter().map(|name| (*name).to_owned()).collect();
    let definition = Definition::Accepted { arguments: Some(listed) };
    let question = Question {
        policy: Some(policy),
        grant: &GrantFacts::default(),
        definition: &definition,
        usage: &Unused,
        now: "2026-01-01T12:00:00Z".parse().unwrap(),
    };
    policy::decide(&question, call.clone())
}

#[test]
fn a_no_is_never_contradicted_by_a_call() {
    let cases: usize =
        std::env::var("POLICY_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000);
    let (mut no, mut yes, mut unknown) = (0, 0, 0);
    for number in 0..cases.div_ceil(400) {
        let mut dice = Dice::new(number + 1_000_000);
        let document = dice.document();
        let policy = load(&document);
        let condition = dice.condition(1);
        let tool = dice.pick(&["pay", "pay_out", "read"]);
        // The condition as a requirement of its own: met for certain, or not.
        let wild = condition.contains("[*]");
        let met = load(&format!(
            r#"{{"version":"1","default":"deny","tools":{{"{tool}":{{"require":[{{"id":"w","conditions":[{condition}]}}]}}}}}}"#
        ));
        let calls: Vec<ToolCall> = (0..100)
            .map(|_| ToolCall { tool: tool.to_owned(), arguments: Some(dice.arguments()) })
            .filter(|call| !wild && decide(&met, call).outcome() == "allow")
            .collect();
        for (name, wanted) in Wanted::ALL {
            let text = format!(r#"{{"tool":"{tool}","where":[{condition}],"outcome":"{name}"}}"#);
            let query = Query::read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{text}"));
            match ask(&policy, &query, None) {
                Answer::Yes(_) => yes += 1,
                Answer::NotKnown(_) => unknown += 1,
                Answer::No => {
                    no += 1;
                    for call in &calls {
                        let outcome = decide(&policy, call).outcome();
                        let is = match wanted {
                            Wanted::Pass => outcome != "deny",
                            _ => outcome == name,
                        };
                        assert!(!is, "seed {number}: {text}\n{call:?}\n{document}");
                    }
                }
            }
        }
    }
    println!("{yes} yes, {no} no, {unknown} not known");
    assert!(yes > 0 && no > 0 && unknown * 10 <= yes + no);
}

fn codes(document: &str, tools: Option<&[ServerTool]>) -> Vec<(&'static str, String)> {
    let warnings = check(document.as_bytes(), tools).unwrap_or_else(|e| panic!("{e}\n{document}"));
    warnings.into_iter().map(|warning| (warning.code, warning.pointer)).collect()
}

#[test]
fn warnings_are_exact() {
    let tool =
        |entry: &str| format!(r#"{{"version":"1","default":"deny","tools":{{"t":{entry}}}}}"#);
    let a = |op: &str, value: &str| format!(r#"{{"path":"args.a","op":"{op}","value":{value}}}"#);
    let one = |list: &str, id: &str, conditions: &str| {
        format!(r#""{list}":[{{"id":"{id}","conditions":[{conditions}]}}]"#)
    };
    let covered = |entry: &str| codes(&tool(entry), None);
    let place = |code: &'static str, at: &str| (code, format!("/tools/t/{at}"));
    // A higher bound behind a lower one.
    let entry = format!(
        r#"{{"deny_if":[{{"id":"x","conditions":[{}]}},{{"id":"y","conditions":[{}]}}]}}"#,
        a("gt", "5"),
        a("gt", "10")
    );
    assert_eq!(covered(&entry), [place("covered", "deny_if/1")]);
    // The other way round each has its own calls.
    let entry = format!(
        r#"{{"deny_if":[{{"id":"x","conditions":[{}]}},{{"id":"y","conditions":[{}]}}]}}"#,
        a("gt", "10"),
        a("gt", "5")
    );
    assert_eq!(covered(&entry), []);
    // Two together leave nothing to the third.
    let entry = format!(
        r#"{{"deny_if":[{{"id":"x","conditions":[{}]}},{{"id":"y","conditions":[{}]}},{{"id":"z","conditions":[{}]}}]}}"#,
        a("lt", "5"),
        a("gt", "10"),
        a("not_in", "[5,6,7,8,9,10,5.5,7.25]")
            .replace("not_in", "type")
            .replace("[5,6,7,8,9,10,5.5,7.25]", "\"string\"")
    );
    assert_eq!(covered(&entry), [place("covered", "deny_if/2")]);
    // An approval for calls that are denied anyway.
    let entry = format!(
        "{{{},{}}}",
        one("deny_if", "x", &a("gt", "5")),
        one("approve_if", "y", &format!("{},{}", a("type", "\"number\""), a("gt", "7")))
    );
    assert_eq!(covered(&entry), [place("covered", "approve_if/0")]);
    // Two rules that together leave no call.
    let entry = format!(
        "{{{},{}}}",
        one("deny_if", "x", &a("lt", "5")),
        one("require", "y", &a("lt", "3"))
    );
    assert_eq!(covered(&entry), [place("nothing_passes", "require/0")]);
    // A limit below what is required.
    let entry = format!(
        r#"{{{},"limits":[{{"counter":"c","window":"day","max":50,"amount":"args.a"}}]}}"#,
        one("require", "x", &a("gte", "100"))
    );
    assert_eq!(covered(&entry), [place("nothing_passes", "limits/0")]);

    let typed = |name: &str, kind: &str| {
        let definition = format!(
            r#"{{"name":"t","inputSchema":{{"type":"object","properties":{{"{name}":{{"type":{kind}}}}}}}}}"#
        );
        let (tool, arguments) = ("t".to_owned(), Some(vec![name.to_owned()]));
        ServerTool { name: tool, arguments, types: Vec::new() }.typed(definition.as_bytes())
    };
    let document = tool(&format!("{{{}}}", one("deny_if", "x", &a("gt", "5"))));
    for (kind, expected) in [
        ("\"number\"", vec![]),
        ("\"string\"", vec![place("type_excluded", "deny_if/0")]),
        ("[\"string\",\"number\"]", vec![]),
        ("\"object\"", vec![place("type_excluded", "deny_if/0")]),
    ] {
        assert_eq!(codes(&document, Some(&[typed("a", kind)])), expected, "{kind}");
    }
    let document = tool(&format!("{{{}}}", one("deny_if", "x", &a("eq", "\"5\""))));
    assert_eq!(
        codes(&document, Some(&[typed("a", "\"number\"")])),
        [place("type_excluded", "deny_if/0")]
    );
    assert_eq!(
        codes(&document, Some(&[typed("b", "\"number\"")])),
        [place("no_such_argument", "deny_if/0")]
    );
}

#[test]
fn coverage_names_what_no_case_tries_and_its_proposals_close_the_gap() {
    let policy = load(SUPPORT);
    let found = coverage(SUPPORT.as_bytes(), b"[]", None).unwrap();
    assert!(found.rules.len() >= 4 && !found.is_complete());
    assert!(found.rules.iter().all(|rule| rule.cases.is_empty()));
    let mut cases: Vec<json::Value> = Vec::new();
    for rule in &found.rules {
        cases.push(
            rule.proposed.clone().unwrap_or_else(|| panic!("{}: {:?}", rule.rule, rule.note)),
        );
    }
    let text = json::write_to_vec(&json::Value::Array(cases.clone()));
    assert!(test(&policy, &text).unwrap().iter().all(|result| result.passed), "proposals pass");

    // With the proposals every rule is exercised; changes may still slip through, each with a case.
    let found = coverage(SUPPORT.as_bytes(), &text, None).unwrap();
    assert!(found.rules.iter().all(|rule| !rule.cases.is_empty()));
    assert!(!found.unnoticed.is_empty());
    for change in &found.unnoticed {
        let case = change.proposed.clone();
        cases.push(case.unwrap_or_else(|| panic!("{} {}", change.rule, change.change)));
    }
    let text = json::write_to_vec(&json::Value::Array(cases));
    assert!(test(&policy, &text).unwrap().iter().all(|result| result.passed), "proposals pass");
    let found = coverage(SUPPORT.as_bytes(), &text, None).unwrap();
    assert!(found.is_complete(), "{:?}", found.unnoticed);
    assert!(found.tried > 12, "{}", found.tried);

    assert!(coverage(b"{}", b"[]", None).is_err());
    assert!(coverage(SUPPORT.as_bytes(), b"{}", None).is_err());
}
