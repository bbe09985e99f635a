//! Real documents: the demo's, the guide's, and those carried over from published Intercept scaffolds. Every
//! bound and operator in them is turned, and each time the difference is told in full.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use policy::exact::{coverage, diff};
use policy::{Definition, Policy, Question, Unused, check, import};
use support::load;

const DOCUMENTS: [(&str, &str); 4] = [
    ("the demo's support agent", include_str!("../../countersign/demo/support.json")),
    ("the demo's finance agent", include_str!("../../countersign/demo/finance.json")),
    ("a support agent", include_str!("documents/support.json")),
    ("an Intercept scaffold", include_str!("documents/imported.json")),
];

/// Texts that slip in, and what they slip in for.
const SLIPS: [(&str, &str); 14] = [
    ("\"gt\"", "\"gte\""),
    ("\"lte\"", "\"lt\""),
    ("\"neq\"", "\"eq\""),
    ("\"not_in\"", "\"in\""),
    ("\"matches\"", "\"regex\""),
    ("500", "501"),
    ("10000", "10001"),
    ("5000", "50000"),
    ("\"usd\"", "\"eur\""),
    ("\"deny_if\"", "\"approve_if\""),
    ("\"default\": \"deny\"", "\"default\": \"allow\""),
    ("\"day\"", "\"hour\""),
    ("group:finance", "role:admin"),
    ("{4,}", "{0,}"),
];

#[test]
fn every_slip_in_a_real_policy_is_told_in_full() {
    let mut told = 0;
    for (name, text) in DOCUMENTS {
        let before = load(text);
        assert!(diff(&before, &before, None).is_same(), "{name}");
        // A rule without conditions is meant to fire always, and is told so.
        let warnings = check(text.as_bytes(), None).unwrap();
        assert!(warnings.iter().all(|w| w.code == "always_fires"), "{name}: {warnings:?}");
        for (right, wrong) in SLIPS {
            for (at, _) in text.match_indices(right) {
                let changed = format!("{}{wrong}{}", &text[..at], &text[at + right.len()..]);
                let Ok(after) = Policy::load(changed.as_bytes()) else { continue };
                let found = diff(&before, &after, None);
                assert_eq!(found.not_known, [], "{name}: {right} at {at}");
                for change in &found.changes {
                    let Some(witness) = change.witness.as_ref().filter(|w| w.usage.is_empty())
                    else {
                        continue;
                    };
                    let definition =
                        Definition::Accepted { arguments: Some(witness.listed.clone()) };
                    for (policy, side) in [(&before, &change.from), (&after, &change.to)] {
                        let question = Question {
                            policy: Some(policy),
                            grant: &witness.grant,
                            definition: &definition,
                            usage: &Unused,
                            now: witness.now,
                        };
                        let decision = policy::decide(&question, witness.call.clone());
                        assert_eq!(
                            (decision.outcome(), decision.rule()),
                            (side.outcome, &*side.rule)
                        );
                    }
                }
                // Some slips are in a text for people.
                told += usize::from(!found.is_same());
            }
        }
    }
    assert!(told > 30, "{told}");
}

#[test]
fn what_opens_is_always_told_as_more_open() {
    let mut opens = 0;
    for (name, text) in DOCUMENTS {
        let before = load(text);
        let document = json::read(text.as_bytes(), json::Limits::ANSWER).unwrap();
        let mut opened: Vec<(String, json::Value)> = Vec::new();
        let mut open = document.clone();
        let json::Value::Object(root) = &mut open else { panic!("{name}") };
        root.insert("default", "allow");
        opened.push(("the default".to_owned(), open));
        let tools = document.get("tools").and_then(json::Value::as_object).unwrap();
        for (key, entry) in tools.iter() {
            for list in ["require", "deny_if", "limits"] {
                let Some(rules) = entry.get(list).and_then(json::Value::as_array) else { continue };
                for index in 0..rules.len() {
                    let mut fewer = rules.to_vec();
                    fewer.remove(index);
                    let mut document = document.clone();
                    let json::Value::Object(root) = &mut document else { panic!("{name}") };
                    let Some(json::Value::Object(tools)) = root.get_mut("tools") else { panic!() };
                    let Some(json::Value::Object(entry)) = tools.get_mut(key) else { panic!() };
                    entry.insert(list, json::Value::Array(fewer));
                    opened.push((format!("{key} {list} {index}"), document));
                }
            }
        }
        for (what, document) in opened {
            let after = Policy::load(&json::write_to_vec(&document)).unwrap();
            let found = diff(&before, &after, None);
            // Where others still stop all that a rule stopped, nothing opens; that is proved then.
            let shut = found.changes.iter().all(|change| change.to.outcome == "deny");
            assert!(found.more_open() != (shut && found.not_known.is_empty()), "{name}: {what}");
            opens += usize::from(found.more_open());
            let back = diff(&after, &before, None);
            assert_eq!(back.is_same(), found.is_same(), "{name}, with {what} again");
        }
    }
    assert!(opens > 8, "{opens}");
}

#[test]
fn the_demos_own_cases_are_measured() {
    for (text, cases) in [
        (DOCUMENTS[0].1, include_str!("../../countersign/demo/support.cases.json")),
        (DOCUMENTS[1].1, include_str!("../../countersign/demo/finance.cases.json")),
    ] {
        let found = coverage(text.as_bytes(), cases.as_bytes(), None).unwrap();
        assert_eq!(found.notes, [] as [String; 0]);
        assert!(found.rules.iter().any(|rule| !rule.cases.is_empty()));
        for rule in found.rules.iter().filter(|rule| rule.cases.is_empty()) {
            assert!(rule.proposed.is_some(), "{}: {:?}", rule.rule, rule.note);
        }
        for change in &found.unnoticed {
            assert!(change.proposed.is_some(), "{}: {}", change.rule, change.change);
        }
    }
}

#[test]
fn a_foreign_policy_and_its_translation_are_compared_with_later_ones() {
    let yaml = r#"
version: "1"
default: deny
tools:
  create_charge:
    rules:
      - name: "max single charge"
        conditions:
          - path: "args.amount"
            op: "lte"
            value: 500
"#;
    let Ok((text, _)) = import::intercept(yaml) else { panic!("the scaffold is carried over") };
    let before = load(&text);
    let after = load(&text.replace("500", "5000"));
    let found = diff(&before, &after, None);
    let lines: Vec<&str> = found.changes.iter().map(|change| change.when.as_str()).collect();
    assert_eq!(lines, ["500 < amount ≤ 5000"]);
    assert!(found.more_open() && !diff(&after, &before, None).more_open());
}
