//! What test cases leave untried: rules that none of them exercises, and small changes of a rule that none
//! of them notices. For each a case is proposed, on a call that the real decision has judged.

use std::collections::BTreeMap;

use json::{Decimal, Object, Value};

use crate::cases::{self, Case};
use crate::check::ServerTool;
use crate::decision::Decision;
use crate::policy::Policy;
use crate::problem::Problems;
use crate::program::{Entry, Limit};

use super::answer::{Side, Witness};
use super::ask::{Answer, Query, Wanted, ask};
use super::diff;
use super::look;
use super::mutants::{self, Mutant};
use super::solve::Steps;

/// The most changes of a policy that are tried.
const MUTANTS_MAX: usize = 600;

/// The most rules for which a case is looked for.
const PROPOSED_MAX: usize = 200;

/// What telling changes from the original may cost in all.
const STEPS_MAX: u64 = 100_000_000;

/// Why coverage cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoverageError {
    /// The policy has errors.
    #[error("the policy has errors")]
    Policy(#[source] Problems),
    /// The cases have errors.
    #[error("the test cases have errors")]
    Cases(#[source] Problems),
}

/// What the cases of a policy exercise.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Every rule, in document order.
    pub rules: Vec<RuleCoverage>,
    /// Changes of a rule that no case notices.
    pub unnoticed: Vec<UnnoticedChange>,
    /// How many changes were tried; those that change nothing are not among them.
    pub tried: usize,
    /// What was left out, for people.
    pub notes: Vec<String>,
}

/// A rule and the cases that exercise it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleCoverage {
    /// The rule, as decisions name it.
    pub rule: String,
    /// The cases it decides, from 0; a held call is decided by every approval it waits for.
    pub cases: Vec<usize>,
    /// A case that would exercise it, where none does.
    pub proposed: Option<Value>,
    /// Why there is no proposal.
    pub note: Option<String>,
}

/// A small change of a policy that no case notices.
#[derive(Clone, Debug, PartialEq)]
pub struct UnnoticedChange {
    /// The rule that was changed.
    pub rule: String,
    /// How, for people: `gt becomes gte`.
    pub change: String,
    /// A case that would notice it, where one was found.
    pub proposed: Option<Value>,
}

/// What the cases exercise, and what they leave untried.
///
/// - **Shape**: proposed cases expect what the policy does now; whether that is right is for the author
///   to say. The cases are those of [`crate::test()`], the tools those of [`crate::test_against`].
/// - **Errors**: those of the policy and of the cases.
pub fn coverage(
    text: &[u8],
    cases: &[u8],
    tools: Option<&[ServerTool]>,
) -> Result<Coverage, CoverageError> {
    let policy = Policy::load(text).map_err(CoverageError::Policy)?;
    let cases = cases::read(cases, tools).map_err(CoverageError::Cases)?;
    let mut notes = Vec::new();
    let rules = rules(&policy, &cases, tools, &mut notes);
    let (unnoticed, tried) = changes(text, &policy, &cases, tools, &mut notes);
    Ok(Coverage { rules, unnoticed, tried, notes })
}

/// A rule of a policy: its name, the key it stands under, and what it does.
struct Rule<'p> {
    name: &'p str,
    key: String,
    wanted: Wanted,
    limit: Option<&'p Limit>,
}

fn every_rule(policy: &Policy) -> Vec<Rule<'_>> {
    let program = policy.program();
    let mut entries: Vec<(String, &Entry)> = vec![("*".to_owned(), &program.all_tools)];
    let exact = program.exact.iter().map(|(key, index)| (key.to_string(), *index));
    let patterns = program.patterns.iter().map(|(key, index)| (key.text().to_owned(), *index));
    let mut keys: Vec<(String, usize)> = exact.chain(patterns).collect();
    keys.sort_by_key(|(_, index)| *index);
    for (key, index) in keys {
        entries.extend(program.entries.get(index).map(|entry| (key, entry)));
    }
    let mut rules = Vec::new();
    for (key, entry) in entries {
        let of = |name, wanted, limit| Rule { name, key: key.clone(), wanted, limit };
        let denials = entry.deny_if.iter().chain(&entry.require);
        rules.extend(denials.map(|predicate| of(&*predicate.rule, Wanted::Deny, None)));
        rules.extend(entry.limits.iter().map(|limit| of(&*limit.rule, Wanted::Deny, Some(limit))));
        rules.extend(entry.approve_if.iter().map(|ask| of(&*ask.rule, Wanted::Hold, None)));
    }
    rules
}

fn rules(
    policy: &Policy,
    cases: &[Case],
    tools: Option<&[ServerTool]>,
    notes: &mut Vec<String>,
) -> Vec<RuleCoverage> {
    let mut exercised: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        for rule in deciding(&case.run(index, policy).1) {
            exercised.entry(rule).or_default().push(index);
        }
    }
    let mut looked_for = 0;
    let mut all = Vec::new();
    for rule in every_rule(policy) {
        let cases = exercised.get(rule.name).cloned().unwrap_or_default();
        let (mut proposed, mut note) = (None, None);
        if cases.is_empty() {
            looked_for += 1;
            if looked_for <= PROPOSED_MAX {
                (proposed, note) = propose(policy, &rule, tools);
            }
        }
        all.push(RuleCoverage { rule: rule.name.to_owned(), cases, proposed, note });
    }
    if looked_for > PROPOSED_MAX {
        notes.push(format!(
            "cases were looked for only for the first {PROPOSED_MAX} rules without one"
        ));
    }
    all
}

/// The rules that decide a call.
fn deciding(decision: &Decision) -> Vec<String> {
    match decision {
        Decision::Allow(_) => Vec::new(),
        Decision::Hold(held) => held.approvals().map(|need| need.rule.to_string()).collect(),
        Decision::Deny(denial) => vec![denial.rule.to_string()],
    }
}

/// A case that exercises a rule, or why there is none.
fn propose(
    policy: &Policy,
    rule: &Rule<'_>,
    tools: Option<&[ServerTool]>,
) -> (Option<Value>, Option<String>) {
    let name = format!("exercises {}", rule.name);
    let query = Query::of_rule(&rule.key, rule.wanted, Some(rule.name));
    let answer = query.map_or(Answer::No, |query| ask(policy, &query, tools));
    match answer {
        Answer::Yes(yes) => return (Some(yes.0.to_case(&name, &yes.1)), None),
        Answer::NotKnown(reason) if rule.limit.is_none() => return (None, Some(reason)),
        _ => {}
    }
    let full = rule.limit.and_then(|limit| used_up(policy, rule, limit, tools));
    match full {
        Some((witness, side)) => (Some(witness.to_case(&name, &side)), None),
        None => (None, Some("no call comes to this rule".to_owned())),
    }
}

/// A call that a limit stops because it is used up.
fn used_up(
    policy: &Policy,
    rule: &Rule<'_>,
    limit: &Limit,
    tools: Option<&[ServerTool]>,
) -> Option<(Witness, Side)> {
    let query = Query::of_rule(&rule.key, Wanted::Pass, None)?;
    let Answer::Yes(yes) = ask(policy, &query, tools) else { return None };
    [0, 1_000_000].into_iter().find_map(|more| {
        let used = limit.max_millionths.checked_add(more)?;
        let used = Decimal::new(false, used.unsigned_abs(), -6);
        let witness = Witness { usage: vec![(rule.name.to_owned(), used)], ..yes.0.clone() };
        let side = look::side(policy, &witness);
        (side.outcome == "deny" && side.rule == rule.name).then_some((witness, side))
    })
}

/// Changes that no case notices, and how many were tried.
fn changes(
    text: &[u8],
    policy: &Policy,
    cases: &[Case],
    tools: Option<&[ServerTool]>,
    notes: &mut Vec<String>,
) -> (Vec<UnnoticedChange>, usize) {
    let steps = Steps::new(STEPS_MAX);
    let passing: Vec<bool> =
        cases.iter().enumerate().map(|(index, case)| case.run(index, policy).0.passed).collect();
    let (mut unnoticed, mut tried) = (Vec::new(), 0);
    let all = mutants::of(text, policy);
    if all.len() > MUTANTS_MAX {
        notes.push(format!("only the first {MUTANTS_MAX} of {} changes were tried", all.len()));
    }
    for Mutant { rule, change, text } in all.into_iter().take(MUTANTS_MAX) {
        let Ok(changed) = Policy::load(&text) else { continue };
        let notices = |(index, (case, passes)): (usize, (&Case, &bool))| {
            *passes && !case.run(index, &changed).0.passed
        };
        if cases.iter().zip(&passing).enumerate().any(notices) {
            tried += 1;
            continue;
        }
        let found = diff::within(policy, &changed, tools, &steps);
        let end = |side: &Side| (side.outcome, side.rule.clone());
        let shown = found.changes.iter().find(|change| end(&change.from) != end(&change.to));
        if shown.is_none() && found.not_known.is_empty() {
            // Nothing changes, or nothing that a case can tell.
            continue;
        }
        tried += 1;
        let proposed = shown.and_then(|shown| {
            let name = format!("notices that in {rule} {change}");
            shown.witness.as_ref().map(|witness| witness.to_case(&name, &shown.from))
        });
        unnoticed.push(UnnoticedChange { rule, change, proposed });
    }
    (unnoticed, tried)
}

impl Coverage {
    /// Whether every rule is exercised and every change is noticed.
    pub fn is_complete(&self) -> bool {
        self.unnoticed.is_empty() && self.rules.iter().all(|rule| !rule.cases.is_empty())
    }

    /// The coverage as JSON: `rules`, `unnoticed`, `tried`, `notes`.
    pub fn to_json(&self) -> Value {
        let optional = |value: &Option<Value>| value.clone().unwrap_or(Value::Null);
        let rules = self.rules.iter().map(|rule| {
            let mut object = Object::new();
            object.insert("rule", rule.rule.as_str());
            let number = |index: &usize| Value::from(i64::try_from(*index).unwrap_or(i64::MAX));
            object.insert("cases", Value::Array(rule.cases.iter().map(number).collect()));
            object.insert("proposed", optional(&rule.proposed));
            object.insert("note", rule.note.as_deref().map_or(Value::Null, Value::from));
            Value::Object(object)
        });
        let unnoticed = self.unnoticed.iter().map(|change| {
            let mut object = Object::new();
            object.insert("rule", change.rule.as_str());
            object.insert("change", change.change.as_str());
            object.insert("proposed", optional(&change.proposed));
            Value::Object(object)
        });
        let mut object = Object::new();
        object.insert("complete", self.is_complete());
        object.insert("rules", Value::Array(rules.collect()));
        object.insert("unnoticed", Value::Array(unnoticed.collect()));
        object.insert("tried", i64::try_from(self.tried).unwrap_or(i64::MAX));
        let notes = self.notes.iter().map(|note| Value::from(note.as_str()));
        object.insert("notes", Value::Array(notes.collect()));
        Value::Object(object)
    }
}
