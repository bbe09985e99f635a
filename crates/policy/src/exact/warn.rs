//! Warnings that are proved: rules that can never fire or always do, rules that others leave nothing to,
//! requirements that no call can meet, comparisons with a type that the tool's schema excludes.

use crate::check::{Notes, ServerTool};
use crate::path::Step as PathStep;
use crate::pattern::NamePattern;
use crate::policy::Policy;
use crate::program::{Comparison, Entry, Op, Program, Spot};
use crate::truth::Truth;
use crate::values::Found;

use super::atoms::{Atom, Atoms, Formula, Root, Where};
use super::look;
use super::names;
use super::road::Road;
use super::solve::{State, Steps, TooLarge};
use super::space::{Space, Want};
use super::test::Test;

/// What the warnings of one document may cost in all.
const STEPS_MAX: u64 = 50_000_000;

/// Adds the warnings of a document.
pub(crate) fn warn(program: &Program, notes: &mut Notes) {
    let steps = Steps::new(STEPS_MAX);
    let mut all = vec![(None, &program.all_tools)];
    let keys = program.exact.iter().map(|(key, index)| (key.to_string(), *index));
    let patterns = program.patterns.iter().map(|(key, index)| (key.text().to_owned(), *index));
    let mut keys: Vec<(String, usize)> = keys.chain(patterns).collect();
    keys.sort_by_key(|(_, index)| *index);
    for (key, index) in keys {
        all.extend(program.entries.get(index).map(|entry| (Some(key), entry)));
    }
    for (key, entry) in all {
        if !entry.has_rules() {
            continue;
        }
        let checking = Checking::new(program, key.as_deref(), entry, &steps);
        if checking.and_then(|checking| checking.run(notes)).is_err() {
            let message = "these rules are too large to be compared with each other";
            notes.add(&entry.at, "not_decided", message);
        }
    }
}

struct Checking<'a, 'p> {
    road: Road<'p>,
    space: Space<'p>,
    start: State,
    /// From where on steps and approvals are those of the entry itself.
    own_steps: Vec<bool>,
    own_asks: Vec<bool>,
    steps: &'a Steps,
}

impl<'a, 'p> Checking<'a, 'p> {
    fn new(
        program: &'p Program,
        key: Option<&str>,
        entry: &'p Entry,
        steps: &'a Steps,
    ) -> Result<Self, TooLarge> {
        let pattern = key.filter(|key| key.contains('*'));
        let mut atoms = Atoms::new(if pattern.is_some() { None } else { key });
        let mut road = Road { zone: atoms.zone(&program.zone), ..Road::default() };
        let own: &[&'p Entry] = if key.is_some() { &[entry] } else { &[] };
        road.rules(&program.all_tools, own, &mut atoms);
        let is_own = |at: &Spot| {
            let place = entry.at.pointer.as_str();
            at.pointer.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
        };
        let own_steps = road.steps.iter().map(|step| step.at.is_some_and(is_own)).collect();
        let own_asks = road.asks.iter().map(|ask| is_own(ask.at)).collect();
        let named = pattern.map(|pattern| {
            let at = Where { root: Root::Tool, steps: Vec::new() };
            let test = Test::Name(NamePattern::new(pattern));
            Formula::Atom(atoms.number(format!("name {pattern}"), || Atom::Value {
                at,
                test,
                every: false,
            }))
        });
        let mut space = Space::new(atoms, steps)?;
        let mut start = look::start(&space, steps)?;
        if let Some(named) = named {
            let demand = space.demand(&named, Want::True);
            start.add(&demand, steps)?;
        }
        Ok(Self { road, space, start, own_steps, own_asks, steps })
    }

    fn run(mut self, notes: &mut Notes) -> Result<(), TooLarge> {
        let mut passing = self.start.clone();
        for index in 0..self.road.steps.len() {
            let own = self.own_steps.get(index).copied().unwrap_or(false);
            let Some(step) = self.road.steps.get(index) else { break };
            let (at, list, fires) = (step.at, step.list, step.fires);
            let alone = self.start.clone();
            let never = own && !self.can(alone.clone(), index, fires)?;
            let always = own && !self.can(alone, index, fires.opposite())?;
            let mut covered = false;
            if let Some(at) = at.filter(|_| own) {
                self.alone(at, list, (never, always), notes);
                if !never && !self.can(passing.clone(), index, fires)? {
                    covered = true;
                    let by = self.covered_by(index, fires)?;
                    notes.add(at, "covered", leaves_nothing(by.as_deref(), "stops"));
                }
            }
            let passes = self.demand(index, fires.opposite());
            if !passing.add(&passes, self.steps)? || passing.clone().solve(self.steps)?.is_none() {
                // What comes later is never asked.
                if let Some(at) = at.filter(|_| own && !always && !covered) {
                    notes.add(at, "nothing_passes", NOTHING_PASSES);
                }
                return Ok(());
            }
        }
        self.approvals(&passing, notes)
    }

    /// What a step says of every call, whatever stands before it.
    fn alone(&self, at: &Spot, list: &str, (never, always): (bool, bool), notes: &mut Notes) {
        match (list, never, always) {
            ("require", true, _) => {
                notes.add(at, "never_fires", "every call meets this requirement")
            }
            ("require", _, true) => notes.add(at, "always_fires", "no call meets this requirement"),
            ("deny_if", true, _) => notes.add(at, "never_fires", "this rule denies no call"),
            ("deny_if", _, true) => {
                notes.add(at, "always_fires", "this rule denies every call that reaches it");
            }
            // Limits that nothing fits are told with the other limits.
            _ => {}
        }
    }

    fn approvals(&mut self, passing: &State, notes: &mut Notes) -> Result<(), TooLarge> {
        for index in 0..self.road.asks.len() {
            if !self.own_asks.get(index).copied().unwrap_or(false) {
                continue;
            }
            let Some(ask) = self.road.asks.get(index) else { break };
            let (at, formula) = (ask.at, ask.formula.clone());
            let fires = self.space.demand(&formula, Want::NotFalse);
            let passes = self.space.demand(&formula, Want::False);
            let can = |from: &State, demand| -> Result<bool, TooLarge> {
                let mut state = from.clone();
                Ok(state.add(demand, self.steps)? && state.solve(self.steps)?.is_some())
            };
            if !can(&self.start, &fires)? {
                notes.add(at, "never_fires", "this rule holds no call");
            } else if !can(&self.start, &passes)? {
                notes.add(at, "always_fires", "this rule holds every call that reaches it");
            } else if !can(passing, &fires)? {
                notes.add(at, "covered", leaves_nothing(None, "holds"));
            }
        }
        Ok(())
    }

    fn demand(&mut self, index: usize, want: Want) -> super::solve::Demand {
        match self.road.steps.get(index) {
            Some(step) => self.space.demand(&step.formula, want),
            None => super::solve::Demand::Always,
        }
    }

    fn can(&mut self, mut state: State, index: usize, want: Want) -> Result<bool, TooLarge> {
        let demand = self.demand(index, want);
        Ok(state.add(&demand, self.steps)? && state.solve(self.steps)?.is_some())
    }

    /// The one earlier rule that stops all that this one would, if one alone does.
    fn covered_by(&mut self, index: usize, fires: Want) -> Result<Option<String>, TooLarge> {
        for earlier in 0..index {
            let Some(step) = self.road.steps.get(earlier) else { break };
            let (rule, passes) = (step.rule.to_string(), step.fires.opposite());
            let demand = self.demand(earlier, passes);
            let mut state = self.start.clone();
            if !state.add(&demand, self.steps)? || !self.can(state, index, fires)? {
                return Ok(Some(rule));
            }
        }
        Ok(None)
    }
}

const NOTHING_PASSES: &str =
    "no call gets past this: with what stands before it, every call is denied";

fn leaves_nothing(by: Option<&str>, does: &str) -> String {
    match by {
        Some(rule) => format!("{rule} stops every call that this rule {does}, before it is asked"),
        None => format!("every call that this rule {does} is stopped by others before it is asked"),
    }
}

/// Comparisons with a type that the tool's schema excludes.
pub(crate) fn types(policy: &Policy, tools: &[ServerTool], notes: &mut Notes) {
    let program = policy.program();
    for tool in tools {
        let cover = policy.cover(&tool.name);
        let own = cover.indexes().filter_map(|index| program.entries.get(index));
        for entry in own {
            entry_types(entry, tool, notes);
        }
    }
}

fn entry_types(entry: &Entry, tool: &ServerTool, notes: &mut Notes) {
    let rules = entry.deny_if.iter().chain(&entry.require).map(|p| (&p.at, &p.conditions));
    let asks = entry.approve_if.iter().map(|a| (&a.at, &a.conditions));
    for (at, conditions) in rules.chain(asks) {
        for condition in conditions {
            condition.comparisons(&mut |comparison| {
                if let Some((name, types)) = excluded(comparison, tool) {
                    let message = format!(
                        "`{}` takes `{name}` as {}, which `{}` cannot judge",
                        tool.name,
                        types.join(" or "),
                        comparison.op.name()
                    );
                    notes.add(at, "type_excluded", message);
                }
            });
        }
    }
}

/// The argument and its types, if the comparison can judge none of them.
fn excluded<'t>(comparison: &Comparison, tool: &'t ServerTool) -> Option<(String, &'t [String])> {
    let path = crate::path::parse(&comparison.path).ok()?;
    let name = path.argument()?.to_owned();
    let crate::path::Path::Args(steps) = &path else { return None };
    let (_, types) = tool.types.iter().find(|(known, _)| *known == name)?;
    if matches!(comparison.op, Op::Exists) || types.is_empty() {
        return None;
    }
    let judges = match steps.get(1) {
        // A place inside needs what holds it.
        Some(PathStep::Member(_)) => types.iter().any(|name| name == "object"),
        Some(_) => types.iter().any(|name| name == "array"),
        None => types.iter().any(|name| judges(comparison, name)),
    };
    (!judges).then_some((name, types.as_slice()))
}

/// Whether the comparison comes to an answer on some value of the type.
fn judges(comparison: &Comparison, name: &str) -> bool {
    if matches!(comparison.operand, crate::program::Operand::Slot(_)) {
        return true;
    }
    let test = Test::Compare(comparison);
    let text = |text: &str| json::Value::from(text);
    let samples = match name {
        "string" => vec![text("a")],
        "number" | "integer" => vec![json::Value::from(1)],
        "boolean" => vec![json::Value::from(true)],
        "array" => vec![json::Value::Array(Vec::new())],
        "object" => vec![json::Value::Object(json::Object::new())],
        "null" => vec![json::Value::Null],
        _ => return true,
    };
    let of_type = comparison.op == Op::Type;
    samples.iter().any(|value| {
        let truth = test.truth(Found::of(value));
        // Types exclude each other; equality of two types is judged, and never true.
        let equal = match comparison.op {
            Op::Eq | Op::Neq | Op::In | Op::NotIn => names::could_equal(&test, name),
            _ => true,
        };
        truth != Truth::Indeterminate && equal && (!of_type || truth == Truth::True)
    })
}
