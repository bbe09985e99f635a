//! The engine against the second interpreter: random documents, calls, grants, definitions, usage and
//! moments must come to the same decision, by the same rule, with the same charges.
//!
//! `POLICY_CASES` sets how many calls are judged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod naive;
#[path = "support/entropy.rs"]
mod entropy;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use entropy::{ARGUMENTS, Entropy, OPS, TOOLS};
use json::Value;
use naive::{Answer, Known, Tally, World};
use policy::{Charge, Decision, Definition, GrantFacts, Policy, Question, ToolCall, Usage};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

const CALLS_A_DOCUMENT: usize = 10;

struct UsedUp(Vec<String>);

impl Usage for UsedUp {
    fn fits(&self, charge: &Charge) -> bool {
        !self.0.iter().any(|rule| **rule == *charge.rule)
    }
}

/// What was met on the way.
#[derive(Default)]
struct Seen {
    outcomes: BTreeMap<String, u64>,
    operators: Tally,
}

#[test]
fn the_engine_and_the_second_interpreter_agree() {
    let cases: usize =
        std::env::var("POLICY_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let documents = u32::try_from(cases.div_ceil(CALLS_A_DOCUMENT)).unwrap();
    let config = Config {
        cases: documents,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let seen = RefCell::new(Seen::default());
    let bytes = proptest::collection::vec(proptest::num::u8::ANY, 3_000..6_000);
    let result = runner.run(&bytes, |bytes| {
        let mut entropy = Entropy::new(&bytes);
        let text = named(&entropy.document());
        let policy = Policy::load(text.as_bytes())
            .map_err(|problems| TestCaseError::fail(format!("{problems}\n{text}")))?;
        let document = json::read(text.as_bytes(), json::Limits::REQUEST).unwrap();
        for _ in 0..CALLS_A_DOCUMENT {
            one_call(&mut entropy, &text, &policy, &document, &mut seen.borrow_mut())?;
        }
        Ok(())
    });
    if let Err(error) = result {
        match error {
            proptest::test_runner::TestError::Fail(reason, _) => panic!("{reason}"),
            other => panic!("{other}"),
        }
    }
    if cases >= 2_000 {
        everything_was_met(&seen.into_inner());
    }
}

/// Gives rules whose names collide an `id`, as the loader asks.
fn named(text: &str) -> String {
    let mut document = json::read(text.as_bytes(), json::Limits::REQUEST).unwrap();
    let mut entries = vec![document.get("all_tools").cloned().unwrap_or(Value::Null)];
    let tools = document.get("tools").and_then(Value::as_object).cloned().unwrap();
    entries.extend(tools.iter().map(|(_, entry)| entry.clone()));
    let mut named: Vec<Value> = entries.into_iter().map(named_entry).collect();
    let Value::Object(object) = &mut document else { panic!("not an object") };
    let all_tools = named.remove(0);
    if !all_tools.is_null() {
        object.insert("all_tools", all_tools);
    }
    let names = tools.names().map(str::to_owned).collect::<Vec<_>>();
    object.insert("tools", Value::Object(names.into_iter().zip(named).collect()));
    String::from_utf8(json::write_to_vec(&document)).unwrap()
}

fn named_entry(mut entry: Value) -> Value {
    let Value::Object(object) = &mut entry else { return entry };
    for list in ["deny_if", "require", "approve_if"] {
        let Some(Value::Array(predicates)) = object.get_mut(list) else { continue };
        let mut met = HashSet::new();
        for (index, predicate) in predicates.iter_mut().enumerate() {
            if !met.insert(naive::identity(predicate))
                && let Value::Object(predicate) = predicate
            {
                let id = format!("again {index}");
                predicate.insert("id", id.as_str());
                met.insert(id);
            }
        }
    }
    entry
}

fn one_call(
    entropy: &mut Entropy<'_>,
    text: &str,
    policy: &Policy,
    document: &Value,
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    let tool = entropy.pick(&TOOLS);
    let arguments = entropy.arguments();
    let args =
        arguments.as_ref().map(|text| json::read(text.as_bytes(), json::Limits::REQUEST).unwrap());
    let listed: Vec<String> =
        ARGUMENTS.iter().filter(|name| **name != "B").map(|name| (*name).to_owned()).collect();
    let listed_too = Some(listed.clone());
    let (known, definition) = match entropy.below(24) {
        20 => (Known::NoSuchTool, Definition::Unknown),
        21 => (Known::NotAccepted, Definition::NotAccepted),
        22 => (
            Known::Changed(true, &listed),
            Definition::Changed { deny: true, arguments: listed_too },
        ),
        23 => (
            Known::Changed(false, &listed),
            Definition::Changed { deny: false, arguments: listed_too },
        ),
        _ => (Known::Accepted(&listed), Definition::Accepted { arguments: listed_too }),
    };
    let tags = vec![("team".to_owned(), entropy.pick(&["billing", "ops", ""]).to_owned())];
    let tags = if entropy.one_in(3) { Vec::new() } else { tags };
    let now = jiff::Timestamp::from_second(
        1_767_225_600 + i64::try_from(entropy.below(60_000) * 600).unwrap(),
    )
    .unwrap();
    let mut used_up = Vec::new();
    for rule in ["/all_tools/limits/c0~1", "/tools/pay/limits/c0~1", "/tools/*/limits/c1~1"] {
        if entropy.one_in(6) {
            used_up.push(rule.to_owned());
        }
    }
    let no_policy = entropy.one_in(64);

    let world = World {
        tool,
        args: args.clone(),
        label: "support-agent",
        identity: "ada@example.com",
        tags: &tags,
        known,
        now,
        used_up: &used_up,
    };
    let (expected, tally) = naive::judge((!no_policy).then_some(document), &world);

    let grant = GrantFacts {
        label: "support-agent".to_owned(),
        identity: "ada@example.com".to_owned(),
        tags: tags.clone(),
    };
    let usage = UsedUp(used_up.clone());
    let question = Question {
        policy: (!no_policy).then_some(policy),
        grant: &grant,
        definition: &definition,
        usage: &usage,
        now,
    };
    let object = args.as_ref().and_then(Value::as_object).cloned();
    let call = ToolCall { tool: tool.to_owned(), arguments: object };
    let (decision, trace) = policy::explain(&question, call.clone());
    let found = answer(&decision);
    if found != expected || *decision.call() != call || trace.outcome != decision.outcome() {
        return Err(TestCaseError::fail(format!(
            "engine {found:?}\nsecond {expected:?}\n{text}\n{tool} {arguments:?}\n{known:?} {now} \
             {tags:?} used up {used_up:?}"
        )));
    }
    let key = match &found {
        Answer::Allow(charges) => format!("allow, {} charges", charges.len().min(2)),
        Answer::Hold(waits) => format!("hold, {} rules", waits.len().min(2)),
        Answer::Deny(_) => match &decision {
            Decision::Deny(denial) => format!("deny {}", denial.reason.code()),
            _ => String::new(),
        },
    };
    *seen.outcomes.entry(key).or_default() += 1;
    for (operator, count) in tally {
        *seen.operators.entry(operator).or_default() += count;
    }
    Ok(())
}

/// The engine's decision in the second interpreter's words.
fn answer(decision: &Decision) -> Answer {
    match decision {
        Decision::Deny(denial) => Answer::Deny(denial.rule.to_string()),
        Decision::Hold(held) => {
            Answer::Hold(held.approvals().map(|a| a.rule.to_string()).collect())
        }
        Decision::Allow(allowed) => {
            let charges = allowed.charges().iter().map(|charge| {
                let per = charge.per.iter().map(|per| {
                    match json::read(per.value.as_bytes(), json::Limits::REQUEST).unwrap() {
                        Value::String(text) => format!("text {text}"),
                        Value::Bool(value) => format!("truth {value}"),
                        Value::Number(number) => {
                            let exact: bigdecimal::BigDecimal = number.text().parse().unwrap();
                            format!("number {}", exact.normalized())
                        }
                        other => panic!("{other:?} is no scalar"),
                    }
                });
                (charge.rule.to_string(), charge.amount_millionths.to_string(), per.collect())
            });
            Answer::Allow(charges.collect())
        }
    }
}

/// The generators reach every outcome, every reason, and every operator at every truth.
fn everything_was_met(seen: &Seen) {
    for outcome in [
        "allow, 0 charges",
        "allow, 1 charges",
        "hold, 1 rules",
        "hold, 2 rules",
        "deny no_policy",
        "deny unknown_tool",
        "deny hidden",
        "deny default_deny",
        "deny tool_changed",
        "deny tool_unknown",
        "deny unlisted_args",
        "deny deny_if",
        "deny require",
        "deny limit",
        "deny limit_amount",
        "deny limit_per",
    ] {
        assert!(seen.outcomes.contains_key(outcome), "no case met {outcome}: {:?}", seen.outcomes);
    }
    for op in OPS {
        for truth in [Some(true), Some(false), None] {
            let never = truth.is_none() && matches!(op, "exists" | "type");
            let met = seen.operators.contains_key(&(op.to_owned(), truth));
            assert_eq!(met, !never, "{op} came to {truth:?}");
        }
    }
}
