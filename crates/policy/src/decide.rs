//! The order of judgement. One function a step, in the order in which the steps end a call.

use std::sync::Arc;

use json::Object;

use crate::budget::Budget;
use crate::charge::Charge;
use crate::clock::Clock;
use crate::decision::{
    Allowed, ApprovalNeeded, Decision, Definition, Denial, Held, Question, Reason, ToolCall,
};
use crate::filled::{Filled, No, enough};
use crate::policy::Cover;
use crate::program::{Effect, Entry, Program};
use crate::values::Facts;

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
    match steps(question, &call, signed) {
        Ok((charges, needed)) => {
            let mut needed = needed.into_iter();
            match needed.next() {
                None => Decision::Allow(Allowed { call, charges }),
                Some(first) => Decision::Hold(Held { call, first, others: needed.collect() }),
            }
        }
        Err(no) => Decision::Deny(Denial {
            rule: no.rule,
            reason: no.reason,
            message: no.message,
            indeterminate: no.indeterminate,
            call,
        }),
    }
}

/// What a call that nothing stops must pay and ask for.
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
pub(crate) struct Entries<'a> {
    pub(crate) all_tools: &'a Entry,
    pub(crate) cover: &'a Cover,
    pub(crate) program: &'a Program,
}

impl<'a> Entries<'a> {
    /// The tool's own entries, in key order.
    pub(crate) fn own(&self) -> impl Iterator<Item = &'a Entry> {
        let program = self.program;
        self.cover.indexes().filter_map(move |index| program.entries.get(index))
    }

    /// `all_tools` first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a Entry> {
        std::iter::once(self.all_tools).chain(self.own())
    }

    /// The rule that an unlisted argument breaks, unless the tool takes free-form input.
    ///
    /// Entries add up: one that does not say `"unlisted_args": "allow"` keeps the world closed.
    pub(crate) fn unlisted_rule(&self, tool: &str) -> Option<Arc<str>> {
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
