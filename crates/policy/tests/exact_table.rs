//! Forty pairs of policies and what is told of their difference. Each call that is shown is judged again by
//! the real decision, and what opens something is named here by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fmt::Write as _;

use policy::exact::{Diff, Kind, diff};
use policy::{Charge, Definition, Policy, Question, Usage};
use support::{golden, load};

/// What limits have used up, as a witness says.
struct Used<'a>(&'a [(String, json::Decimal)]);

impl Usage for Used<'_> {
    fn fits(&self, charge: &Charge) -> bool {
        let used = self.0.iter().find(|(rule, _)| **rule == *charge.rule);
        let used = used.and_then(|(_, used)| used.millionths_up()).unwrap_or(0);
        used + charge.amount_millionths <= charge.max_millionths
    }
}

fn confirm(a: &Policy, b: &Policy, found: &Diff) {
    for change in &found.changes {
        let Some(witness) = &change.witness else {
            assert_eq!(change.kind, Kind::Section);
            continue;
        };
        let definition = Definition::Accepted { arguments: Some(witness.listed.clone()) };
        for (policy, side) in [(a, &change.from), (b, &change.to)] {
            let question = Question {
                policy: Some(policy),
                grant: &witness.grant,
                definition: &definition,
                usage: &Used(&witness.usage),
                now: witness.now,
            };
            let decision = policy::decide(&question, witness.call.clone());
            assert_eq!((decision.outcome(), decision.rule()), (side.outcome, side.rule.as_str()));
        }
    }
}

fn tool(entry: &str) -> String {
    format!(r#"{{"version":"1","default":"deny","tools":{{"refund":{entry}}}}}"#)
}

/// One comparison of an argument.
fn c(path: &str, op: &str, value: &str) -> String {
    format!(r#"{{"path":"args.{path}","op":"{op}","value":{value}}}"#)
}

/// An entry with one rule.
fn rule(list: &str, conditions: &[String]) -> String {
    format!(r#"{{"{list}":[{{"id":"r","conditions":[{}]}}]}}"#, conditions.join(","))
}

/// Both with one rule in the same list.
fn rules(list: &str, a: &[String], b: &[String]) -> [String; 2] {
    [tool(&rule(list, a)), tool(&rule(list, b))]
}

fn limit(fields: &str) -> String {
    tool(&format!(r#"{{"limits":[{{"counter":"c","window":"day",{fields}}}]}}"#))
}

fn approval(more: &str) -> String {
    let condition = c("amount", "gt", "500");
    tool(&format!(r#"{{"approve_if":[{{"id":"r","conditions":[{condition}]{more}}}]}}"#))
}

/// What changed, the two documents, and whether that opens something.
fn pairs() -> Vec<(&'static str, [String; 2], bool)> {
    let any = |list: &[String]| format!(r#"{{"any":[{}]}}"#, list.join(","));
    let all = |list: &[String]| format!(r#"{{"all":[{}]}}"#, list.join(","));
    let not = |inner: String| format!(r#"{{"not":{inner}}}"#);
    let (usd, note) = (c("currency", "eq", "\"usd\""), c("note", "exists", "true"));
    let plain = || tool("{}");
    let with = |head: &str| {
        format!(r#"{{"version":"1","default":"deny",{head}"tools":{{"refund":{{}}}}}}"#)
    };
    let keys = |keys: &str| format!(r#"{{"version":"1","default":"deny","tools":{{{keys}}}}}"#);
    vec![
        ("nothing", [plain(), plain()], false),
        (
            "texts for people only",
            [
                tool(r#"{"deny_if":[{"conditions":[],"on_deny":"No."}]}"#),
                tool(r#"{"deny_if":[{"conditions":[],"on_deny":"Never."}]}"#),
            ],
            false,
        ),
        (
            "approval moved up",
            rules("approve_if", &[c("amount", "gt", "500")], &[c("amount", "gt", "10000")]),
            true,
        ),
        (
            "approval moved down",
            rules("approve_if", &[c("amount", "gt", "500")], &[c("amount", "gt", "100")]),
            false,
        ),
        (
            "bound made inclusive",
            rules("deny_if", &[c("amount", "gt", "500")], &[c("amount", "gte", "500")]),
            false,
        ),
        (
            "requirement dropped",
            [
                tool(&rule("require", std::slice::from_ref(&usd))),
                tool(r#"{"require":[],"unlisted_args":"allow"}"#),
            ],
            true,
        ),
        (
            "missing field let through",
            rules(
                "deny_if",
                &[c("amount", "gt", "10")],
                &[c("amount", "exists", "true"), c("amount", "gt", "10")],
            ),
            true,
        ),
        (
            "missing field caught",
            rules(
                "deny_if",
                &[note.clone(), c("note", "length_gt", "5")],
                &[c("note", "length_gt", "5")],
            ),
            false,
        ),
        (
            "type asked for",
            rules("require", &[c("id", "exists", "true")], &[c("id", "type", "\"string\"")]),
            false,
        ),
        (
            "integers only",
            rules("require", &[c("n", "type", "\"number\"")], &[c("n", "type", "\"integer\"")]),
            false,
        ),
        (
            "number in place of a string",
            rules("require", &[c("id", "eq", "\"1\"")], &[c("id", "eq", "1")]),
            true,
        ),
        (
            "one more currency",
            rules(
                "require",
                &[c("currency", "in", r#"["usd"]"#)],
                &[c("currency", "in", r#"["usd","eur"]"#)],
            ),
            true,
        ),
        (
            "one currency less",
            rules(
                "deny_if",
                &[c("currency", "not_in", r#"["usd","eur"]"#)],
                &[c("currency", "not_in", r#"["usd"]"#)],
            ),
            false,
        ),
        (
            "pattern widened",
            rules(
                "require",
                &[c("id", "matches", r#""pi_[a-z]{3}""#)],
                &[c("id", "matches", r#""pi_[a-z]{3,4}""#)],
            ),
            true,
        ),
        (
            "pattern loosed from its ends",
            rules(
                "require",
                &[c("id", "matches", "\"pi_[0-9]\"")],
                &[c("id", "regex", "\"pi_[0-9]\"")],
            ),
            true,
        ),
        (
            "prefix shortened",
            rules(
                "require",
                &[c("path", "starts_with", "\"/srv/\"")],
                &[c("path", "starts_with", "\"/srv\"")],
            ),
            true,
        ),
        (
            "suffix added",
            rules(
                "deny_if",
                &[c("host", "ends_with", "\".test\"")],
                &[any(&[
                    c("host", "ends_with", "\".test\""),
                    c("host", "ends_with", "\".example\""),
                ])],
            ),
            false,
        ),
        (
            "part no longer forbidden",
            rules(
                "deny_if",
                &[c("q", "contains", "\"drop\"")],
                &[c("q", "contains", "\"drop table\"")],
            ),
            true,
        ),
        (
            "order of strings",
            rules(
                "require",
                &[c("day", "lt", "\"2026-06-01\"")],
                &[c("day", "lte", "\"2026-06-01\"")],
            ),
            true,
        ),
        (
            "any becomes all",
            rules(
                "deny_if",
                &[any(&[c("a", "gt", "1"), c("b", "gt", "1")])],
                &[all(&[c("a", "gt", "1"), c("b", "gt", "1")])],
            ),
            true,
        ),
        (
            "not moved inwards: the same",
            rules(
                "deny_if",
                &[not(any(&[c("a", "gt", "1"), c("b", "gt", "1")]))],
                &[all(&[c("a", "lte", "1"), c("b", "lte", "1")])],
            ),
            false,
        ),
        (
            "two requirements in one: the same",
            [
                tool(&format!(r#"{{"require":[{{"id":"r","conditions":[{usd},{note}]}}]}}"#)),
                tool(&format!(r#"{{"require":[{{"id":"r","conditions":[{note},{usd}]}}]}}"#)),
            ],
            false,
        ),
        (
            "nested groups",
            rules(
                "approve_if",
                &[any(&[c("amount", "gt", "500"), not(usd.clone())])],
                &[any(&[
                    c("amount", "gt", "500"),
                    not(any(&[usd.clone(), c("currency", "eq", "\"eur\"")])),
                ])],
            ),
            true,
        ),
        (
            "some element, then every",
            rules(
                "deny_if",
                &[c("items[*].amount", "gt", "10")],
                &[c("items[*].amount", "gt", "10").replace('}', r#","each":"all"}"#)],
            ),
            true,
        ),
        (
            "bound of elements",
            rules(
                "require",
                &[c("items[*].amount", "lte", "10")],
                &[c("items[*].amount", "lte", "20")],
            ),
            true,
        ),
        (
            "length of a list",
            rules("deny_if", &[c("items", "length_gt", "3")], &[c("items", "length_gt", "5")]),
            true,
        ),
        (
            "element of a list",
            rules(
                "deny_if",
                &[c("tags", "contains", "\"internal\"")],
                &[c("tags", "contains", "\"secret\"")],
            ),
            true,
        ),
        (
            "first element, then all",
            rules("deny_if", &[c("items[0].n", "gt", "5")], &[c("items[*].n", "gt", "5")]),
            false,
        ),
        (
            "two places compared",
            rules(
                "deny_if",
                &[c("amount", "gt", r#"{"path":"args.balance"}"#)],
                &[c("amount", "gte", r#"{"path":"args.balance"}"#)],
            ),
            false,
        ),
        (
            "an owner no longer compared",
            rules(
                "require",
                &[c("owner", "eq", r#"{"path":"grant.identity"}"#)],
                &[c("owner", "exists", "true")],
            ),
            true,
        ),
        (
            "hours lengthened",
            [
                tool(
                    r#"{"deny_if":[{"id":"r","conditions":[{"path":"request.time","op":"gte","value":"18:00"}]}]}"#,
                ),
                tool(
                    r#"{"deny_if":[{"id":"r","conditions":[{"path":"request.time","op":"gte","value":"20:00"}]}]}"#,
                ),
            ],
            true,
        ),
        (
            "weekend and date",
            [
                tool(
                    r#"{"deny_if":[{"id":"r","conditions":[{"path":"request.weekday","op":"in","value":["sat","sun"]}]}]}"#,
                ),
                tool(
                    r#"{"deny_if":[{"id":"r","conditions":[{"path":"request.weekday","op":"in","value":["sat","sun"]},{"path":"request.date","op":"gte","value":"2026-06-01"}]}]}"#,
                ),
            ],
            true,
        ),
        (
            "a pattern takes over another",
            [
                keys(r#""pay*":{"deny_if":[{"id":"r","conditions":[]}]},"pay_out":{}"#),
                keys(r#""pay*":{"deny_if":[{"id":"r","conditions":[]}]}"#),
            ],
            false,
        ),
        (
            "overlapping patterns",
            [
                keys(r#""pay*":{},"*_out":{"approve_if":[{"id":"r","conditions":[]}]}"#),
                keys(r#""pay*":{}"#),
            ],
            true,
        ),
        ("default flipped", [plain(), plain().replace("\"deny\"", "\"allow\"")], true),
        ("hide added", [plain(), with(r#""hide":["refund"],"#)], false),
        ("hide dropped", [with(r#""hide":["ref*"],"#), plain()], true),
        (
            "everybody waits",
            [with(""), with(r#""all_tools":{"approve_if":[{"id":"r","conditions":[]}]},"#)],
            false,
        ),
        ("one signature fewer", [approval(r#","count":2"#), approval(r#","count":1"#)], true),
        (
            "more time to sign",
            [approval(r#","expires_in":"5m""#), approval(r#","expires_in":"2h""#)],
            true,
        ),
        (
            "other people sign",
            [
                approval(r#","approvers":["group:finance"]"#),
                approval(r#","approvers":["group:legal"]"#),
            ],
            true,
        ),
        (
            "fewer people may sign",
            [
                approval(r#","approvers":["group:finance","role:admin"]"#),
                approval(r#","approvers":["role:admin"]"#),
            ],
            false,
        ),
        ("limit raised", [limit(r#""max":100"#), limit(r#""max":200"#)], true),
        (
            "limit lowered",
            [
                limit(r#""max":100,"amount":"args.amount""#),
                limit(r#""max":50,"amount":"args.amount""#),
            ],
            false,
        ),
        (
            "limit split by currency",
            [
                limit(r#""max":100,"amount":"args.amount""#),
                limit(r#""max":100,"amount":"args.amount","per":["args.currency"]"#),
            ],
            true,
        ),
        (
            "limit shared by the organisation",
            [limit(r#""max":100,"scope":"organisation""#), limit(r#""max":100"#)],
            true,
        ),
        ("limit gone", [limit(r#""max":100"#), plain()], true),
        (
            "free-form arguments",
            [
                tool(&rule("deny_if", &[c("a", "gt", "1")])),
                tool(
                    &rule("deny_if", &[c("a", "gt", "1")])
                        .replace("{\"deny_if\"", "{\"unlisted_args\":\"allow\",\"deny_if\""),
                ),
            ],
            true,
        ),
        (
            "resources",
            [
                with(r#""resources":{"default":"deny","allow":["file:///docs/*"]},"#),
                with(r#""resources":{"default":"deny","allow":["file:///*"]},"#),
            ],
            true,
        ),
        (
            "requests of the upstream",
            [
                with(r#""client_requests":{"sampling":"deny"},"#),
                with(r#""client_requests":{"sampling":"allow"},"#),
            ],
            true,
        ),
        (
            "rules swapped",
            [
                tool(&format!(
                    r#"{{"deny_if":[{{"id":"x","conditions":[{}]}},{{"id":"y","conditions":[{}]}}]}}"#,
                    c("a", "gt", "1"),
                    c("a", "gt", "5")
                )),
                tool(&format!(
                    r#"{{"deny_if":[{{"id":"y","conditions":[{}]}},{{"id":"x","conditions":[{}]}}]}}"#,
                    c("a", "gt", "5"),
                    c("a", "gt", "1")
                )),
            ],
            false,
        ),
    ]
}

#[test]
fn each_pair_is_told_as_it_is() {
    let mut text = String::new();
    let pairs = pairs();
    assert!(pairs.len() >= 40);
    for (what, [first, second], opens) in &pairs {
        let (a, b) = (load(first), load(second));
        let found = diff(&a, &b, None);
        assert_eq!(found.not_known, [], "{what}");
        assert_eq!(found.more_open(), *opens, "{what}: {:?}", found.changes);
        confirm(&a, &b, &found);
        let _ = writeln!(text, "{what}");
        if found.is_same() {
            text.push_str("  the same\n");
        }
        for change in &found.changes {
            let _ = writeln!(text, "  {}", change.line());
            if let Some(witness) = &change.witness {
                let call = String::from_utf8(json::write_to_vec(&witness.to_json())).unwrap();
                let _ = writeln!(text, "    {call}");
            }
        }
        let back = diff(&b, &a, None);
        assert_eq!(back.is_same(), found.is_same(), "{what}, the other way round");
        confirm(&b, &a, &back);
    }
    golden("tests/exact_table.golden", &text);
}
