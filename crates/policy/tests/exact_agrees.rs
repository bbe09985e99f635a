//! The exact answers against trying everything: for small policies over small domains, what `diff` says is
//! compared with the decisions on many calls, and every call it shows is judged by the engine and by the
//! second interpreter.
//!
//! `POLICY_CASES` sets how many calls are compared.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/dice.rs"]
mod dice;
mod naive;

use dice::Dice;
use json::Value;
use naive::{Answer, Known, World};
use policy::exact::{Change, Diff, Kind, Side, Witness, diff};
use policy::{Decision, Definition, GrantFacts, Policy, Question, ToolCall, Unused};

const CALLS_A_PAIR: usize = 100;

fn cases() -> usize {
    std::env::var("POLICY_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(4_000)
}

fn decide(policy: &Policy, call: &ToolCall, listed: &[String]) -> Decision {
    let definition = Definition::Accepted { arguments: Some(listed.to_vec()) };
    let question = Question {
        policy: Some(policy),
        grant: &GrantFacts::default(),
        definition: &definition,
        usage: &Unused,
        now: "2026-01-01T12:00:00Z".parse().unwrap(),
    };
    policy::decide(&question, call.clone())
}

/// Outcome and rule; of a held call the outcome alone, for a change may be in any of its approvals.
fn ends(decision: &Decision) -> (String, String) {
    match decision {
        Decision::Deny(denial) => ("deny".to_owned(), nameless(&denial.rule)),
        other => (other.outcome().to_owned(), String::new()),
    }
}

/// A tool that no key covers gives its own name to the rule about unlisted arguments.
fn nameless(rule: &str) -> String {
    match rule.strip_suffix("/unlisted_args") {
        Some(place) if !place.contains('*') => "unlisted_args".to_owned(),
        _ => rule.to_owned(),
    }
}

fn approvals(decision: &Decision) -> Vec<String> {
    match decision {
        Decision::Hold(held) => {
            let mut all: Vec<String> = held
                .approvals()
                .map(|a| format!("{} {:?} {} {:?}", a.rule, a.approvers, a.count, a.expires_in))
                .collect();
            all.sort();
            all
        }
        _ => Vec::new(),
    }
}

fn end_of(side: &Side) -> (String, String) {
    let rule = if side.outcome == "deny" { nameless(&side.rule) } else { String::new() };
    (side.outcome.to_owned(), rule)
}

fn tells(found: &Diff, tool: &str, from: &Decision, to: &Decision) -> bool {
    found.changes.iter().any(|change| {
        change.kind == Kind::Outcome
            && (end_of(&change.from), end_of(&change.to)) == (ends(from), ends(to))
            && change.tools.iter().any(|known| known == tool || known.contains('*'))
    })
}

/// What the second interpreter says of a witness.
fn second(document: &str, witness: &Witness) -> (String, String) {
    let document = json::read(document.as_bytes(), json::Limits::REQUEST).unwrap();
    let full: Vec<String> = Vec::new();
    let world = World {
        tool: &witness.call.tool,
        args: witness.call.arguments.clone().map(Value::Object),
        label: &witness.grant.label,
        identity: &witness.grant.identity,
        tags: &witness.grant.tags,
        known: Known::Accepted(&witness.listed),
        now: witness.now,
        used_up: &full,
    };
    match naive::judge(Some(&document), &world).0 {
        Answer::Allow(_) => ("allow".to_owned(), String::new()),
        Answer::Hold(_) => ("hold".to_owned(), String::new()),
        Answer::Deny(rule) => ("deny".to_owned(), nameless(&rule)),
    }
}

fn confirmed(change: &Change, documents: [&str; 2]) {
    let Some(witness) = &change.witness else { return };
    // The call passes the strict reader.
    let arguments = Value::Object(witness.call.arguments.clone().unwrap());
    let text = json::write_to_vec(&arguments);
    json::read(&text, json::Limits::REQUEST).unwrap();
    if change.kind == Kind::Limit {
        return;
    }
    for (side, document) in [&change.from, &change.to].into_iter().zip(documents) {
        assert_eq!(second(document, witness), end_of(side), "{}\n{document}", change.line());
        let policy = Policy::load(document.as_bytes()).unwrap();
        let definition = Definition::Accepted { arguments: Some(witness.listed.clone()) };
        let question = Question {
            policy: Some(&policy),
            grant: &witness.grant,
            definition: &definition,
            usage: &Unused,
            now: witness.now,
        };
        let decision = policy::decide(&question, witness.call.clone());
        assert_eq!(ends(&decision), end_of(side), "{}\n{document}", change.line());
    }
}

#[test]
fn diff_agrees_with_trying_the_calls() {
    let pairs = cases().div_ceil(CALLS_A_PAIR);
    let (mut same, mut changed, mut unknown, mut compared) = (0, 0, 0, 0);
    for number in 0..pairs {
        let mut dice = Dice::new(number);
        let first = dice.document();
        let second = if dice.one_in(3) { dice.document() } else { dice.changed(&first) };
        let documents = [first.as_str(), second.as_str()];
        let loaded =
            documents.map(|d| Policy::load(d.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{d}")));
        let found = diff(&loaded[0], &loaded[1], None);
        unknown += usize::from(!found.not_known.is_empty());
        for n in &found.not_known {
            println!("NK {}: {}", n.tool, n.reason);
        }
        same += usize::from(found.is_same());
        changed += usize::from(!found.changes.is_empty());
        found.changes.iter().for_each(|change| confirmed(change, documents));
        let listed: Vec<String> = dice::ARGUMENTS.iter().map(|name| (*name).to_owned()).collect();
        for _ in 0..CALLS_A_PAIR {
            let tool = dice.pick(&["pay", "pay_out", "read"]);
            let call = ToolCall { tool: tool.to_owned(), arguments: Some(dice.arguments()) };
            let decisions = [0, 1].map(|at| decide(&loaded[at], &call, &listed));
            let [from, to] = &decisions;
            let differ = ends(from) != ends(to) || approvals(from) != approvals(to);
            compared += 1;
            if !differ || !found.not_known.is_empty() {
                continue;
            }
            let shown: Vec<String> = found.changes.iter().map(Change::line).collect();
            assert!(
                tells(&found, tool, from, to),
                "seed {number}: {:?} is {:?}, then {:?}, and the answer is\n{}\n{first}\n{second}",
                call,
                ends(from),
                ends(to),
                shown.join("\n"),
            );
            let opened = matches!(
                (from.outcome(), to.outcome()),
                ("deny", "allow" | "hold") | ("hold", "allow")
            );
            assert!(!opened || found.more_open(), "seed {number}: {call:?}\n{first}\n{second}");
        }
    }
    println!(
        "{compared} calls of {pairs} pairs: {same} the same, {changed} changed, {unknown} not known"
    );
    if pairs >= 40 {
        assert!(same > 0 && changed > pairs / 3, "{same} {changed} of {pairs}");
        assert!(unknown * 8 <= pairs, "{unknown} of {pairs} are not known");
    }
}
