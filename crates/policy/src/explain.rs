//! The full trace of a decision: every rule that applies to the tool, and what each condition came
//! to. A trace names paths, operators and rules; it never holds a value of the call.

use std::sync::Arc;

use json::{Object, Value};

use crate::budget::Budget;
use crate::charge::charge;
use crate::clock::Clock;
use crate::compare::{self, Why};
use crate::decide::{Entries, decide};
use crate::decision::{Decision, Question, Reason, ToolCall};
use crate::filled::Filled;
use crate::program::Condition;
use crate::truth::Truth;
use crate::values::{Facts, Values};

/// How a decision came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// `allow`, `hold` or `deny`.
    pub outcome: &'static str,
    /// The rule that decided.
    pub rule: String,
    /// Why, for a denial.
    pub reason: Option<&'static str>,
    /// Every rule that applies to the tool, in the order of judgement. Empty when the call was
    /// stopped before any rule.
    pub rules: Vec<TraceRule>,
}

/// One rule of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceRule {
    /// `deny_if`, `require`, `limits` or `approve_if`.
    pub list: &'static str,
    /// The rule's name.
    pub rule: Arc<str>,
    /// Whether it stops or holds the call.
    pub fires: bool,
    /// What its conditions came to together; none for a limit.
    pub truth: Option<Truth>,
    /// Its conditions.
    pub conditions: Vec<TraceCondition>,
}

/// One condition of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceCondition {
    /// `args.amount-gt`, or `any`, `all`, `not`.
    pub condition: String,
    /// What it came to.
    pub truth: Truth,
    /// Why it could not be judged.
    pub why: Option<Why>,
    /// The conditions inside a group.
    pub inside: Vec<TraceCondition>,
}

/// Judges one call and tells how.
///
/// - **Shape**: the decision is the one [`decide`] gives; the trace goes on past the rule that fired.
pub fn explain(question: &Question<'_>, call: ToolCall) -> (Decision, Trace) {
    let rules = rules(question, &call);
    let decision = decide(question, call);
    let stopped_before = match &decision {
        Decision::Deny(denial) => !matches!(
            denial.reason,
            Reason::DenyIf
                | Reason::Require
                | Reason::Limit
                | Reason::LimitAmount
                | Reason::LimitPer
        ),
        Decision::Allow(_) | Decision::Hold(_) => false,
    };
    let reason = match &decision {
        Decision::Deny(denial) => Some(denial.reason.code()),
        Decision::Allow(_) | Decision::Hold(_) => None,
    };
    let trace = Trace {
        outcome: decision.outcome(),
        rule: decision.rule().to_owned(),
        reason,
        rules: if stopped_before { Vec::new() } else { rules },
    };
    (decision, trace)
}

fn rules(question: &Question<'_>, call: &ToolCall) -> Vec<TraceRule> {
    let Some(policy) = question.policy else { return Vec::new() };
    let program = policy.program();
    let cover = policy.cover(&call.tool);
    let entries = Entries { all_tools: &program.all_tools, cover: &cover, program };
    let missing = Object::new();
    let clock = Clock::of(question.now, &program.zone);
    let facts = Facts {
        tool: &call.tool,
        arguments: call.arguments.as_ref().unwrap_or(&missing),
        grant: question.grant,
        clock: Some(&clock),
    };
    let budget = Budget::new();
    let all_tools = Filled::new(entries.all_tools, &facts, &budget);
    let own: Vec<Filled<'_>> =
        entries.own().map(|entry| Filled::new(entry, &facts, &budget)).collect();

    let mut rules = Vec::new();
    deny_if(&all_tools, &budget, &mut rules);
    require(&all_tools, &budget, &mut rules);
    own.iter().for_each(|filled| deny_if(filled, &budget, &mut rules));
    own.iter().for_each(|filled| require(filled, &budget, &mut rules));
    for filled in std::iter::once(&all_tools).chain(&own) {
        for limit in &filled.entry.limits {
            let fits = charge(limit, &filled.values, &program.zone).is_ok_and(|charge| {
                charge.amount_millionths <= charge.max_millionths && question.usage.fits(&charge)
            });
            rules.push(TraceRule {
                list: "limits",
                rule: limit.rule.clone(),
                fires: !fits,
                truth: None,
                conditions: Vec::new(),
            });
        }
    }
    for filled in std::iter::once(&all_tools).chain(&own) {
        for approval in &filled.entry.approve_if {
            let seen = (&approval.rule, approval.conditions.as_slice());
            rules.push(rule("approve_if", seen, filled, &budget, Truth::may_hold));
        }
    }
    rules
}

fn deny_if(filled: &Filled<'_>, budget: &Budget, rules: &mut Vec<TraceRule>) {
    for predicate in &filled.entry.deny_if {
        let seen = (&predicate.rule, predicate.conditions.as_slice());
        rules.push(rule("deny_if", seen, filled, budget, Truth::may_hold));
    }
}

fn require(filled: &Filled<'_>, budget: &Budget, rules: &mut Vec<TraceRule>) {
    for predicate in &filled.entry.require {
        let seen = (&predicate.rule, predicate.conditions.as_slice());
        rules.push(rule("require", seen, filled, budget, |truth| !truth.holds()));
    }
}

fn rule(
    list: &'static str,
    (rule, conditions): (&Arc<str>, &[Condition]),
    filled: &Filled<'_>,
    budget: &Budget,
    fires: impl Fn(Truth) -> bool,
) -> TraceRule {
    let truth = compare::all(conditions, &filled.values, budget);
    TraceRule {
        list,
        rule: rule.clone(),
        fires: fires(truth),
        truth: Some(truth),
        conditions: conditions.iter().map(|c| condition(c, &filled.values, budget)).collect(),
    }
}

fn condition(condition: &Condition, values: &Values<'_>, budget: &Budget) -> TraceCondition {
    let inside = |list: &[Condition]| -> Vec<TraceCondition> {
        list.iter().map(|inner| self::condition(inner, values, budget)).collect()
    };
    let (name, inside, why) = match condition {
        Condition::Compare(comparison) => {
            let name = format!("{}-{}", comparison.path, comparison.op.name());
            (name, Vec::new(), compare::judge(comparison, values, budget).err())
        }
        Condition::Any(list) => ("any".to_owned(), inside(list), None),
        Condition::All(list) => ("all".to_owned(), inside(list), None),
        Condition::Not(inner) => ("not".to_owned(), inside(std::slice::from_ref(inner)), None),
    };
    let truth = compare::one(condition, values, budget);
    TraceCondition { condition: name, truth, why, inside }
}

impl Trace {
    /// The trace as JSON.
    pub fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("outcome", self.outcome);
        object.insert("rule", self.rule.as_str());
        if let Some(reason) = self.reason {
            object.insert("reason", reason);
        }
        object.insert("rules", Value::Array(self.rules.iter().map(TraceRule::to_json).collect()));
        Value::Object(object)
    }
}

impl TraceRule {
    fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("list", self.list);
        object.insert("rule", &*self.rule);
        object.insert("fires", self.fires);
        if let Some(truth) = self.truth {
            object.insert("truth", truth.name());
            object.insert("conditions", conditions_to_json(&self.conditions));
        }
        Value::Object(object)
    }
}

fn conditions_to_json(conditions: &[TraceCondition]) -> Value {
    let each = conditions.iter().map(|condition| {
        let mut object = Object::new();
        object.insert("condition", condition.condition.as_str());
        object.insert("truth", condition.truth.name());
        if let Some(why) = condition.why {
            object.insert("why", why.code());
        }
        if !condition.inside.is_empty() {
            object.insert("conditions", conditions_to_json(&condition.inside));
        }
        Value::Object(object)
    });
    Value::Array(each.collect())
}
