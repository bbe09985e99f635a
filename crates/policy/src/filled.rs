//! One entry's rules against one call: steps 6 to 8 of the judgement, for that entry.

use std::sync::Arc;

use crate::budget::Budget;
use crate::charge::{Charge, charge};
use crate::compare::{self, Why};
use crate::decision::{ApprovalNeeded, Indeterminate, Question, Reason};
use crate::program::{Approval, Comparison, Condition, Entry, Predicate};
use crate::truth::Truth;
use crate::values::{Facts, Values};

/// Why a call stops here.
pub(crate) struct No {
    pub(crate) rule: Arc<str>,
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) indeterminate: Option<Indeterminate>,
}

impl No {
    pub(crate) fn new(
        rule: impl Into<Arc<str>>,
        reason: Reason,
        message: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self { rule: rule.into(), reason, message: message.into(), indeterminate: None })
    }
}

/// No decision costs more than its budget; what would is denied.
pub(crate) fn enough(budget: &Budget) -> Result<(), Box<No>> {
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
pub(crate) struct Filled<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) values: Values<'a>,
}

impl<'a> Filled<'a> {
    pub(crate) fn new(entry: &'a Entry, facts: &Facts<'a>, budget: &Budget) -> Self {
        Self { entry, values: entry.slots.fill(facts, budget) }
    }

    /// Step 6, what must not be: true or indeterminate denies.
    pub(crate) fn deny_if(&self, budget: &Budget) -> Result<(), Box<No>> {
        let entry = self.entry;
        let mut hits = Vec::new();
        let candidates = entry.deny_if_index.candidates(&self.values, budget, &mut hits);
        enough(budget)?;
        for predicate in candidates.iter().filter_map(|rule| entry.deny_if.get(*rule)) {
            let truth = self.truth(&predicate.conditions, budget)?;
            if truth.may_hold() {
                return Err(self.broken(predicate, truth, Reason::DenyIf, budget));
            }
        }
        Ok(())
    }

    /// Step 6, what must be: false or indeterminate denies.
    pub(crate) fn require(&self, budget: &Budget) -> Result<(), Box<No>> {
        let entry = self.entry;
        let mut hits = Vec::new();
        let candidates = entry.require_index.candidates(&self.values, budget, &mut hits);
        enough(budget)?;
        for predicate in candidates.iter().filter_map(|rule| entry.require.get(*rule)) {
            let truth = self.truth(&predicate.conditions, budget)?;
            if !truth.holds() {
                return Err(self.broken(predicate, truth, Reason::Require, budget));
            }
        }
        Ok(())
    }

    /// Step 7: what the call uses of each limit, if each can hold it.
    pub(crate) fn limits(
        &self,
        question: &Question<'_>,
        zone: &jiff::tz::TimeZone,
        charges: &mut Vec<Charge>,
    ) -> Result<(), Box<No>> {
        for limit in &self.entry.limits {
            let charge = charge(limit, &self.values, zone)?;
            // Asked even where the answer is known: whoever counts can say what is left.
            let fits = question.usage.fits(&charge);
            if !fits || charge.amount_millionths > charge.max_millionths {
                let message = charge.denial_message();
                return Err(No::new(limit.rule.clone(), Reason::Limit, message));
            }
            charges.push(charge);
        }
        Ok(())
    }

    /// Step 8: which people must be asked; true or indeterminate asks.
    pub(crate) fn approve_if(
        &self,
        budget: &Budget,
        signed: &[&str],
        needed: &mut Vec<ApprovalNeeded>,
    ) -> Result<(), Box<No>> {
        let entry = self.entry;
        let mut hits = Vec::new();
        let candidates = entry.approve_if_index.candidates(&self.values, budget, &mut hits);
        enough(budget)?;
        for approval in candidates.iter().filter_map(|rule| entry.approve_if.get(*rule)) {
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
) -> Option<(&'a Comparison, Why)> {
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
