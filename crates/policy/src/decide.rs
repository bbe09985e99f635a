//! The order of judgement. One function a step, in the order in which the steps end a call.

use std::sync::Arc;

use json::{Decimal, Object};

use crate::budget::Budget;
use crate::clock::Clock;
use crate::compare::{self, Why};
use crate::decision::{
    Allowed, ApprovalNeeded, Charge, Decision, Definition, Denial, Held, Indeterminate, Per,
    Question, Reason, ToolCall,
};
use crate::policy::Cover;
use crate::program::{Approval, Condition, Effect, Entry, Limit, Predicate, Program};
use crate::truth::Truth;
use crate::values::{Facts, Found, Values};

/// The largest amount a limit can count.
pub(crate) const AMOUNT_MAX: i64 = 9_223_372_036_854;

/// The longest text that may split a counter, in bytes.
pub(crate) const PER_BYTES_MAX: usize = 1_024;

/// Judges one call.
///
/// - **Shape**: the same question and call always get the same answer; nothing is read but what is
///   handed in.
/// - **Errors**: none: what cannot be judged is not let through.
pub fn decide(question: &Question<'_>, call: ToolCall) -> Decision {
    decide_signed(question, call, &[])
}

/// Judges a call again for which people have given some approvals.
///
/// - **Shape**: `signed` are the rules whose approvals are complete. Everything is judged from the
///   start; a rule of `approve_if` that fires and is not among them holds the call again.
pub fn decide_signed(question: &Question<'_>, call: ToolCall, signed: &[&str]) -> Decision {
    match judge(question, &call, signed) {
        Verdict::Allow(charges) => Decision::Allow(Allowed { call, charges }),
        Verdict::Hold(first, others) => Decision::Hold(Held { call, first: *first, others }),
        Verdict::Deny(no) => Decision::Deny(Denial {
            rule: no.rule,
            reason: no.reason,
            message: no.message,
            indeterminate: no.indeterminate,
            call,
        }),
    }
}

/// A decision that does not hold the call yet.
enum Verdict {
    Allow(Vec<Charge>),
    Hold(Box<ApprovalNeeded>, Vec<ApprovalNeeded>),
    Deny(Box<No>),
}

/// Why a call stops here.
struct No {
    rule: Arc<str>,
    reason: Reason,
    message: String,
    indeterminate: Option<Indeterminate>,
}

impl No {
    fn new(rule: impl Into<Arc<str>>, reason: Reason, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { rule: rule.into(), reason, message: message.into(), indeterminate: None })
    }
}

fn judge(question: &Question<'_>, call: &ToolCall, signed: &[&str]) -> Verdict {
    match steps(question, call, signed) {
        Ok((charges, mut needed)) if !needed.is_empty() => {
            drop(charges);
            let first = needed.remove(0);
            Verdict::Hold(Box::new(first), needed)
        }
        Ok((charges, _)) => Verdict::Allow(charges),
        Err(no) => Verdict::Deny(no),
    }
}

type Passed = (Vec<Charge>, Vec<ApprovalNeeded>);

/// The steps of the design, in their order; the first that fires ends the call.
fn steps(question: &Question<'_>, call: &ToolCall, signed: &[&str]) -> Result<Passed, Box<No>> {
    let Some(policy) = question.policy else {
        return Err(No::new("(no policy)", Reason::NoPolicy, "This grant has no policy."));
    };
    let program = policy.program();
    let cover = policy.cover(&call.tool);
    exists(question.definition, policy.hides(&call.tool, &cover))?;
    covered(program, &cover)?;
    unchanged(question.definition)?;
    let entries = Entries { all_tools: &program.all_tools, cover: &cover, program };
    let missing = Object::new();
    let arguments = call.arguments.as_ref().unwrap_or(&missing);
    listed(question.definition, arguments, &entries, &call.tool)?;

    let budget = Budget::new();
    let clock = entries
        .iter()
        .any(|entry| entry.slots.needs_clock)
        .then(|| Clock::of(question.now, &program.zone));
    let facts = Facts { tool: &call.tool, arguments, grant: question.grant, clock: clock.as_ref() };
    entries.judge(&facts, &budget, question, signed)
}

/// Step 2: the agent cannot tell a tool that is hidden from one that is not there.
fn exists(definition: &Definition, hidden: bool) -> Result<(), Box<No>> {
    if matches!(definition, Definition::Unknown) {
        return Err(No::new("(unknown tool)", Reason::UnknownTool, "There is no such tool."));
    }
    if hidden {
        return Err(No::new("(hidden)", Reason::Hidden, "There is no such tool."));
    }
    Ok(())
}

/// Step 3.
fn covered(program: &Program, cover: &Cover) -> Result<(), Box<No>> {
    if cover.is_empty() && program.default == Effect::Deny {
        return Err(No::new(
            "(default deny)",
            Reason::DefaultDeny,
            "The policy does not name this tool.",
        ));
    }
    Ok(())
}

/// Step 4.
fn unchanged(definition: &Definition) -> Result<(), Box<No>> {
    if matches!(definition, Definition::Changed { deny: true, .. }) {
        return Err(No::new(
            "(tool changed)",
            Reason::ToolChanged,
            "The tool's definition has changed and nobody has accepted the change yet.",
        ));
    }
    Ok(())
}

/// Step 5: a tool whose arguments rules read is judged in a closed world.
fn listed(
    definition: &Definition,
    arguments: &Object,
    entries: &Entries<'_>,
    tool: &str,
) -> Result<(), Box<No>> {
    if !entries.iter().any(|entry| entry.reads_args) {
        return Ok(());
    }
    let known = match definition {
        Definition::Accepted { arguments } | Definition::Changed { arguments, .. } => {
            arguments.as_deref().unwrap_or_default()
        }
        Definition::Unknown | Definition::NotAccepted => {
            return Err(No::new(
                "(tool unknown)",
                Reason::ToolUnknown,
                "Rules read this tool's arguments and nobody has accepted its definition.",
            ));
        }
    };
    let Some(rule) = entries.unlisted_rule(tool) else { return Ok(()) };
    if lists_all(known, arguments) {
        return Ok(());
    }
    let message =
        format!("The call has an argument that the tool's definition does not list (rule {rule}).");
    Err(No::new(rule, Reason::UnlistedArgs, message))
}

/// Whether every argument is among the known ones.
fn lists_all(known: &[String], arguments: &Object) -> bool {
    if known.len().saturating_mul(arguments.len()) <= 1_024 {
        return arguments.names().all(|name| known.iter().any(|k| k == name));
    }
    let known: std::collections::HashSet<&str> = known.iter().map(String::as_str).collect();
    arguments.names().all(|name| known.contains(name))
}

/// The parts of a policy that apply to one tool.
struct Entries<'a> {
    all_tools: &'a Entry,
    cover: &'a Cover,
    program: &'a Program,
}

impl<'a> Entries<'a> {
    /// The tool's own entries, in key order.
    fn own(&self) -> impl Iterator<Item = &'a Entry> {
        let program = self.program;
        self.cover.indexes().filter_map(move |index| program.entries.get(index))
    }

    /// `all_tools` first.
    fn iter(&self) -> impl Iterator<Item = &'a Entry> {
        std::iter::once(self.all_tools).chain(self.own())
    }

    /// The rule that an unlisted argument breaks, unless the tool takes free-form input.
    ///
    /// Entries add up: one that does not say `"unlisted_args": "allow"` keeps the world closed.
    fn unlisted_rule(&self, tool: &str) -> Option<Arc<str>> {
        let all = self.all_tools.reads_args;
        if self.cover.is_empty() {
            return all.then(|| json::pointer::of(["tools", tool, "unlisted_args"]).into());
        }
        self.own()
            .find(|entry| !entry.free_form && (all || entry.reads_args))
            .map(|entry| entry.unlisted_rule.clone())
    }

    /// Steps 6 to 8.
    fn judge(
        &self,
        facts: &Facts<'_>,
        budget: &Budget,
        question: &Question<'_>,
        signed: &[&str],
    ) -> Result<Passed, Box<No>> {
        let all_tools = Filled::new(self.all_tools, facts, budget);
        let mut own = self.own().map(|entry| Filled::new(entry, facts, budget));
        // One key is the common case and needs no list.
        let (first, rest) = (own.next(), own.collect::<Vec<_>>());
        let own = || first.iter().chain(&rest);
        enough(budget)?;

        all_tools.deny_if(budget)?;
        all_tools.require(budget)?;
        own().try_for_each(|filled| filled.deny_if(budget))?;
        own().try_for_each(|filled| filled.require(budget))?;

        let mut charges = Vec::new();
        all_tools.limits(question, &self.program.zone, &mut charges)?;
        for filled in own() {
            filled.limits(question, &self.program.zone, &mut charges)?;
        }

        let mut needed = Vec::new();
        all_tools.approve_if(budget, signed, &mut needed)?;
        own().try_for_each(|filled| filled.approve_if(budget, signed, &mut needed))?;
        Ok((charges, needed))
    }
}

/// No decision costs more than its budget; what would is denied.
fn enough(budget: &Budget) -> Result<(), Box<No>> {
    if budget.is_exhausted() {
        return Err(No::new(
            "(evaluation budget)",
            Reason::EvaluationBudget,
            "Judging this call would cost more than one decision may.",
        ));
    }
    Ok(())
}

/// The rules of one entry and what their paths found in the call.
struct Filled<'a> {
    entry: &'a Entry,
    values: Values<'a>,
}

impl<'a> Filled<'a> {
    fn new(entry: &'a Entry, facts: &Facts<'a>, budget: &Budget) -> Self {
        Self { entry, values: entry.slots.fill(facts, budget) }
    }

    /// Step 6, what must not be: true or indeterminate denies.
    fn deny_if(&self, budget: &Budget) -> Result<(), Box<No>> {
        for predicate in &self.entry.deny_if {
            let truth = self.truth(&predicate.conditions, budget)?;
            if truth.may_hold() {
                return Err(self.broken(predicate, truth, Reason::DenyIf, budget));
            }
        }
        Ok(())
    }

    /// Step 6, what must be: false or indeterminate denies.
    fn require(&self, budget: &Budget) -> Result<(), Box<No>> {
        for predicate in &self.entry.require {
            let truth = self.truth(&predicate.conditions, budget)?;
            if !truth.holds() {
                return Err(self.broken(predicate, truth, Reason::Require, budget));
            }
        }
        Ok(())
    }

    /// Step 7: what the call uses of each limit, if each can hold it.
    fn limits(
        &self,
        question: &Question<'_>,
        zone: &jiff::tz::TimeZone,
        charges: &mut Vec<Charge>,
    ) -> Result<(), Box<No>> {
        for limit in &self.entry.limits {
            let charge = charge(limit, &self.values, zone)?;
            let holds = charge.amount_millionths <= charge.max_millionths;
            if !holds || !question.usage.fits(&charge) {
                let message = charge.denial_message();
                return Err(No::new(limit.rule.clone(), Reason::Limit, message));
            }
            charges.push(charge);
        }
        Ok(())
    }

    /// Step 8: which people must be asked; true or indeterminate asks.
    fn approve_if(
        &self,
        budget: &Budget,
        signed: &[&str],
        needed: &mut Vec<ApprovalNeeded>,
    ) -> Result<(), Box<No>> {
        for approval in &self.entry.approve_if {
            let truth = self.truth(&approval.conditions, budget)?;
            if truth.may_hold() && !signed.contains(&&*approval.rule) {
                needed.push(self.asked(approval, truth, budget));
            }
        }
        Ok(())
    }

    fn truth(&self, conditions: &[Condition], budget: &Budget) -> Result<Truth, Box<No>> {
        let truth = compare::all(conditions, &self.values, budget);
        enough(budget)?;
        Ok(truth)
    }

    fn broken(
        &self,
        predicate: &Predicate,
        truth: Truth,
        reason: Reason,
        budget: &Budget,
    ) -> Box<No> {
        let rule = predicate.rule.clone();
        let (indeterminate, path) = self.unclear(&predicate.conditions, truth, budget);
        let message = match (&predicate.on_deny, &indeterminate) {
            (Some(message), _) => message.to_string(),
            (None, None) => format!("Denied by the rule {rule}."),
            (None, Some(unclear)) => {
                format!("Denied by the rule {rule}: `{path}` {}.", unclear.why.text())
            }
        };
        Box::new(No { rule, reason, message, indeterminate })
    }

    fn asked(&self, approval: &Approval, truth: Truth, budget: &Budget) -> ApprovalNeeded {
        ApprovalNeeded {
            rule: approval.rule.clone(),
            approvers: approval.approvers.clone(),
            count: approval.count,
            expires_in: approval.expires_in,
            message: approval.message.clone(),
            indeterminate: self.unclear(&approval.conditions, truth, budget).0,
        }
    }

    /// The condition that made a predicate indeterminate, and its path.
    fn unclear(
        &self,
        conditions: &'a [Condition],
        truth: Truth,
        budget: &Budget,
    ) -> (Option<Indeterminate>, &'a str) {
        if truth != Truth::Indeterminate {
            return (None, "");
        }
        match first_unclear(conditions, &self.values, budget) {
            Some((comparison, why)) => {
                let condition = format!("{}-{}", comparison.path, comparison.op.name());
                (Some(Indeterminate { condition, why }), &comparison.path)
            }
            None => (None, ""),
        }
    }
}

/// The first comparison, in document order, through which the conditions cannot be judged.
fn first_unclear<'a>(
    conditions: &'a [Condition],
    values: &Values<'_>,
    budget: &Budget,
) -> Option<(&'a crate::program::Comparison, Why)> {
    conditions.iter().find_map(|condition| {
        if compare::one(condition, values, budget) != Truth::Indeterminate {
            return None;
        }
        match condition {
            Condition::Compare(comparison) => {
                compare::judge(comparison, values, budget).err().map(|why| (comparison, why))
            }
            Condition::Any(list) | Condition::All(list) => first_unclear(list, values, budget),
            Condition::Not(inner) => first_unclear(std::slice::from_ref(inner), values, budget),
        }
    })
}

/// What the call uses of a limit, and of which of its budgets.
fn charge(
    limit: &Limit,
    values: &Values<'_>,
    zone: &jiff::tz::TimeZone,
) -> Result<Charge, Box<No>> {
    let deny = |reason, engine: &dyn Fn() -> String| {
        let message = limit.on_deny.as_deref().map_or_else(engine, str::to_owned);
        No::new(limit.rule.clone(), reason, message)
    };
    let amount_millionths = match &limit.amount {
        None => 1_000_000,
        Some(path) => amount(values.get(path.slot), values).ok_or_else(|| {
            deny(Reason::LimitAmount, &|| {
                format!("The limit {} cannot read an amount at `{}`.", limit.rule, path.text)
            })
        })?,
    };
    let mut per = Vec::with_capacity(limit.per.len());
    for path in &limit.per {
        let value = per_value(values.get(path.slot)).ok_or_else(|| {
            deny(Reason::LimitPer, &|| {
                format!("The limit {} cannot read a value at `{}`.", limit.rule, path.text)
            })
        })?;
        per.push(Per { path: path.text.clone(), value });
    }
    Ok(Charge {
        rule: limit.rule.clone(),
        place: limit.place.clone(),
        counter: limit.counter.clone(),
        window: limit.window,
        rolling: limit.rolling,
        zone: zone.clone(),
        max_millionths: limit.max_millionths,
        amount_millionths,
        counts_amount: limit.amount.is_some(),
        per,
        scope: limit.scope,
        count_failed: limit.count_failed,
        on_unknown: limit.on_unknown,
        on_deny: limit.on_deny.clone(),
    })
}

/// The amount in millionths, rounded up; over `[*]`, the sum of every element's.
fn amount(found: Found<'_>, values: &Values<'_>) -> Option<i64> {
    match found {
        Found::Number(number) => one_amount(number.value()),
        Found::Places(index) => {
            let most = AMOUNT_MAX.checked_mul(1_000_000)?;
            values.places(index).iter().try_fold(0_i64, |sum, place| {
                let sum = sum.checked_add(amount(*place, values)?)?;
                (sum <= most).then_some(sum)
            })
        }
        _ => None,
    }
}

fn one_amount(value: Decimal) -> Option<i64> {
    if value.is_negative() || value > Decimal::from(AMOUNT_MAX) {
        return None;
    }
    value.millionths_up()
}

/// The scalar as JSON text in one spelling.
fn per_value(found: Found<'_>) -> Option<String> {
    match found {
        Found::Bool(value) => Some(value.to_string()),
        Found::Number(number) => Some(number.value().to_string()),
        Found::Text(text) if text.len() <= PER_BYTES_MAX => {
            let mut out = Vec::with_capacity(text.len() + 2);
            json::write_string(text, &mut out);
            String::from_utf8(out).ok()
        }
        _ => None,
    }
}
