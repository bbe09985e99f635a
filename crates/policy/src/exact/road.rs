//! The order of judgement of one policy for one tool, as a list of steps: the first that fires decides.

use std::sync::Arc;
use std::time::Duration;

use crate::decide::Entries;
use crate::decision::Approver;
use crate::policy::{Cover, Policy};
use crate::program::{Effect, Entry, Limit, Program, Spot};

use super::atoms::{Atom, Atoms, Formula};
use super::space::Want;

/// A step that denies.
#[derive(Debug)]
pub(crate) struct Step<'p> {
    /// The rule as decisions name it.
    pub(crate) rule: Arc<str>,
    pub(crate) formula: Formula,
    /// What the formula is when the step fires.
    pub(crate) fires: Want,
    /// Where it stands in the document, if it does.
    pub(crate) at: Option<&'p Spot>,
    pub(crate) list: &'static str,
}

/// A rule of `approve_if`.
#[derive(Debug)]
pub(crate) struct Ask<'p> {
    pub(crate) need: Need,
    pub(crate) formula: Formula,
    pub(crate) at: &'p Spot,
}

/// What an approval asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) rule: Arc<str>,
    /// Sorted, each once.
    pub(crate) approvers: Vec<String>,
    pub(crate) count: u32,
    pub(crate) expires_in: Duration,
}

/// Everything that one policy does with calls of one tool.
#[derive(Debug, Default)]
pub(crate) struct Road<'p> {
    pub(crate) steps: Vec<Step<'p>>,
    pub(crate) asks: Vec<Ask<'p>>,
    pub(crate) limits: Vec<&'p Limit>,
    /// The zone of its calendar windows, as a number.
    pub(crate) zone: usize,
}

/// The road of a tool whose name is known.
pub(crate) fn of<'p>(
    policy: &'p Policy,
    atoms: &mut Atoms<'p>,
    tool: &str,
    unlisted: &[String],
) -> Road<'p> {
    let program = policy.program();
    let cover = policy.cover(tool);
    let mut road = Road { zone: atoms.zone(&program.zone), ..Road::default() };
    if policy.hides(tool, &cover) {
        road.stop("(hidden)");
        return road;
    }
    if cover.is_empty() && program.default == Effect::Deny {
        road.stop("(default deny)");
        return road;
    }
    road.unlisted(program, &cover, tool, atoms, unlisted);
    let entries = Entries { all_tools: &program.all_tools, cover: &cover, program };
    let own: Vec<&'p Entry> =
        cover.indexes().filter_map(|index| program.entries.get(index)).collect();
    debug_assert_eq!(own.len(), entries.own().count());
    road.rules(&program.all_tools, &own, atoms);
    road
}

impl<'p> Road<'p> {
    fn stop(&mut self, rule: &str) {
        self.steps.push(Step {
            rule: rule.into(),
            formula: Formula::ALWAYS,
            fires: Want::True,
            at: None,
            list: "",
        });
    }

    /// Step 5, where it applies.
    fn unlisted(
        &mut self,
        program: &'p Program,
        cover: &Cover,
        tool: &str,
        atoms: &mut Atoms<'p>,
        unlisted: &[String],
    ) {
        let entries = Entries { all_tools: &program.all_tools, cover, program };
        if !entries.iter().any(|entry| entry.reads_args) {
            return;
        }
        let Some(rule) = entries.unlisted_rule(tool) else { return };
        let mut parts = vec![Formula::Atom(atoms.number("extra".to_owned(), || Atom::Extra))];
        for name in unlisted {
            let key = format!("present {name}");
            parts.push(Formula::Atom(atoms.number(key, || Atom::Present(name.clone()))));
        }
        self.steps.push(Step {
            rule,
            formula: Formula::Any(parts),
            fires: Want::True,
            at: None,
            list: "",
        });
    }

    /// Steps 6 to 8.
    pub(crate) fn rules(&mut self, all_tools: &'p Entry, own: &[&'p Entry], atoms: &mut Atoms<'p>) {
        let zone = self.zone;
        self.denials(&all_tools.deny_if, "deny_if", all_tools, atoms);
        self.denials(&all_tools.require, "require", all_tools, atoms);
        for entry in own {
            self.denials(&entry.deny_if, "deny_if", entry, atoms);
        }
        for entry in own {
            self.denials(&entry.require, "require", entry, atoms);
        }
        for entry in std::iter::once(&all_tools).chain(own) {
            for limit in &entry.limits {
                self.steps.push(Step {
                    rule: limit.rule.clone(),
                    formula: atoms.fits(limit),
                    fires: Want::NotTrue,
                    at: Some(&limit.at),
                    list: "limits",
                });
                self.limits.push(limit);
            }
        }
        for entry in std::iter::once(&all_tools).chain(own) {
            for approval in &entry.approve_if {
                let mut approvers: Vec<String> =
                    approval.approvers.iter().map(Approver::to_string).collect();
                approvers.sort();
                approvers.dedup();
                self.asks.push(Ask {
                    need: Need {
                        rule: approval.rule.clone(),
                        approvers,
                        count: approval.count,
                        expires_in: approval.expires_in,
                    },
                    formula: atoms.all(&approval.conditions, entry, zone),
                    at: &approval.at,
                });
            }
        }
    }

    fn denials(
        &mut self,
        predicates: &'p [crate::program::Predicate],
        list: &'static str,
        entry: &Entry,
        atoms: &mut Atoms<'p>,
    ) {
        for predicate in predicates {
            self.steps.push(Step {
                rule: predicate.rule.clone(),
                formula: atoms.all(&predicate.conditions, entry, self.zone),
                fires: if list == "require" { Want::NotTrue } else { Want::NotFalse },
                at: Some(&predicate.at),
                list,
            });
        }
    }
}

/// The top-level arguments that the policy's rules for the tool name, sorted.
pub(crate) fn named(policy: &Policy, tool: &str) -> Vec<String> {
    let cover = policy.cover(tool);
    let program = policy.program();
    let entries = Entries { all_tools: &program.all_tools, cover: &cover, program };
    let paths = entries.iter().flat_map(|entry| entry.slots.paths());
    let mut names: Vec<String> =
        paths.filter_map(|path| path.argument().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    names
}
