//! The calls that two policies treat differently.
//!
//! Where one policy's first step to fire is a step that the other has too, at the same place, the other
//! comes to the same end. So only steps that are not common can make a difference: for each of them, the
//! calls that it decides are followed down the other policy's road, step by step.

use std::collections::HashMap;
use std::sync::Arc;

use crate::check::ServerTool;
use crate::policy::Policy;

use super::answer::{Change, Diff, Kind, NotKnown, Side, Witness};
use super::atoms::{Atoms, Formula};
use super::describe;
use super::limits;
use super::look::{self, Found};
use super::names::{self, Cell};
use super::road::{self, Ask, Need, Road, Step};
use super::scene::Stage;
use super::sections;
use super::solve::{Demand, State, Steps, TooLarge};
use super::space::{Space, Want};

/// What one comparison of policies may cost in all.
pub(crate) const STEPS_MAX: u64 = 100_000_000;

/// The most classes of calls that are told for one tool.
const CHANGES_MAX: usize = 40;

/// The most classes of calls that are told in all.
const ALL_CHANGES_MAX: usize = 400;

/// The most changed approvals of one tool whose every combination is looked at.
const ASKS_MAX: usize = 7;

/// The calls that two policies treat differently.
///
/// - **Shape**: every change has a call that shows it, judged by [`crate::decide`] under both. With the
///   tools of a server only those are looked at, with the arguments that they list; otherwise a tool's
///   definition is taken to list the arguments that either policy names. Limits are judged with nothing
///   used yet. Texts for people (`on_deny`, `message`) are no difference.
/// - **Errors**: none; what could not be worked out is among [`Diff::not_known`].
pub fn diff(a: &Policy, b: &Policy, tools: Option<&[ServerTool]>) -> Diff {
    within(a, b, tools, &Steps::new(STEPS_MAX))
}

/// The same within the steps that are left.
pub(crate) fn within(a: &Policy, b: &Policy, tools: Option<&[ServerTool]>, steps: &Steps) -> Diff {
    let mut diff = Diff::default();
    let (cells, gap) = names::cells(&[a, b], tools, &[]);
    if let Some(gap) = gap {
        diff.not_known
            .push(NotKnown { tool: String::new(), reason: format!("the names of tools: {gap}") });
    }
    for cell in &cells {
        if diff.changes.len() >= ALL_CHANGES_MAX {
            diff.not_known.push(NotKnown {
                tool: String::new(),
                reason: "there are too many changes to tell them all".to_owned(),
            });
            break;
        }
        one(a, b, cell, steps, &mut diff);
    }
    sections::compare(a, b, &mut diff);
    diff.changes.sort_by_key(|change| !change.opens);
    diff
}

/// The differences for the tools of one cell.
fn one(a: &Policy, b: &Policy, cell: &Cell, steps: &Steps, diff: &mut Diff) {
    let mut named = road::named(a, &cell.tool);
    named.extend(road::named(b, &cell.tool));
    named.sort();
    named.dedup();
    let unlisted: Vec<String> = match &cell.listed {
        Some(listed) => named.iter().filter(|name| !listed.contains(name)).cloned().collect(),
        None => Vec::new(),
    };
    let mut atoms = Atoms::new(Some(&cell.tool));
    let roads = [
        road::of(a, &mut atoms, &cell.tool, &unlisted),
        road::of(b, &mut atoms, &cell.tool, &unlisted),
    ];
    if is_same(&roads) {
        return;
    }
    let listed = cell.listed.clone().unwrap_or(named);
    let compared = Space::new(atoms, steps).and_then(|space| {
        let mut comparing = Comparing {
            policies: [a, b],
            roads: &roads,
            space,
            stage: Stage { tool: &cell.tool, listed: &listed },
            label: &cell.label,
            steps,
            diff,
            told: 0,
        };
        comparing.run()
    });
    if compared.is_err() {
        let reason = "the rules are too large to decide".to_owned();
        diff.not_known.push(NotKnown { tool: cell.label.clone(), reason });
    }
}

/// Whether the two roads are the same to the letter.
fn is_same([a, b]: &[Road<'_>; 2]) -> bool {
    let steps = a.steps.len() == b.steps.len()
        && a.steps.iter().zip(&b.steps).all(|(a, b)| key(a) == key(b));
    let asks = a.asks.len() == b.asks.len()
        && a.asks.iter().zip(&b.asks).all(|(a, b)| a.need == b.need && a.formula == b.formula);
    steps && asks && limits::are_same(a, b)
}

type Key<'k> = (&'k str, &'k Formula, Want);

fn key<'k>(step: &'k Step<'_>) -> Key<'k> {
    (&step.rule, &step.formula, step.fires)
}

struct Comparing<'c, 'p> {
    policies: [&'p Policy; 2],
    roads: &'c [Road<'p>; 2],
    space: Space<'p>,
    stage: Stage<'c>,
    label: &'c str,
    steps: &'c Steps,
    diff: &'c mut Diff,
    told: usize,
}

/// What a policy makes of calls, as it was worked out.
#[derive(Clone, Debug)]
enum End {
    /// They pass every denial.
    Passes,
    /// They pass, and wait for nobody.
    Allowed,
    /// This rule denies them.
    Denied(Arc<str>),
    /// This is the first rule that holds them.
    Held(Arc<str>),
    /// Of these rules those hold them, and of the others some or none.
    Asked { of: Vec<Arc<str>>, fired: Vec<Arc<str>>, others: bool },
}

impl End {
    /// Whether a decision is what was worked out.
    fn is(&self, side: &Side) -> bool {
        match self {
            Self::Passes => side.outcome != "deny",
            Self::Allowed => side.outcome == "allow",
            Self::Denied(rule) => side.outcome == "deny" && *side.rule == **rule,
            Self::Held(rule) => side.outcome == "hold" && *side.rule == **rule,
            Self::Asked { of, fired, others } => {
                let asked = |rule: &Arc<str>| side.approvals.iter().any(|need| need.rule == *rule);
                let any_other = side.approvals.iter().any(|need| !of.contains(&need.rule));
                side.outcome != "deny"
                    && of.iter().all(|rule| asked(rule) == fired.contains(rule))
                    && any_other == *others
            }
        }
    }
}

/// A state, what tells its calls from those that do not change, and what each side makes of them.
#[derive(Clone)]
struct Case {
    state: State,
    essential: Vec<Demand>,
    ends: [End; 2],
}

impl Case {
    fn new(state: State) -> Self {
        Self { state, essential: Vec::new(), ends: [End::Passes, End::Passes] }
    }

    /// The same calls, which come to this end on this side.
    fn ending(mut self, side: usize, end: End) -> Self {
        if let Some(place) = self.ends.get_mut(side) {
            *place = end;
        }
        self
    }
}

impl Comparing<'_, '_> {
    fn run(&mut self) -> Result<(), TooLarge> {
        let common = common(self.roads);
        let start = look::start(&self.space, self.steps)?;
        for first in [0, 1] {
            self.decided_by(first, &common, &start)?;
        }
        let mut passing = start;
        for side in [0, 1] {
            for index in 0..self.road(side).steps.len() {
                let demand = self.step(side, index, false);
                if !passing.add(&demand, self.steps)? {
                    return Ok(());
                }
            }
        }
        self.asks(&passing)?;
        self.limits(&passing)
    }

    fn road(&self, side: usize) -> &Road<'_> {
        if side == 0 { &self.roads[0] } else { &self.roads[1] }
    }

    /// The demand that a step fires, or that it does not.
    fn step(&mut self, side: usize, index: usize, fires: bool) -> Demand {
        let road = if side == 0 { &self.roads[0] } else { &self.roads[1] };
        match road.steps.get(index) {
            Some(step) => {
                let want = if fires { step.fires } else { step.fires.opposite() };
                self.space.demand(&step.formula, want)
            }
            None => Demand::Always,
        }
    }

    /// Whether the step is the closed world of arguments, which readers take for granted.
    fn is_unlisted(&self, side: usize, index: usize) -> bool {
        self.road(side).steps.get(index).is_some_and(|step| step.rule.ends_with("/unlisted_args"))
    }

    /// The demand that an approval is asked for, or that it is not.
    fn ask(&mut self, side: usize, index: usize, fires: bool) -> Demand {
        let road = if side == 0 { &self.roads[0] } else { &self.roads[1] };
        let want = if fires { Want::NotFalse } else { Want::False };
        match road.asks.get(index) {
            Some(ask) => self.space.demand(&ask.formula, want),
            None => Demand::Always,
        }
    }

    /// The calls that a step of one side decides which the other does not have at that place.
    fn decided_by(
        &mut self,
        side: usize,
        common: &[Vec<Option<usize>>; 2],
        start: &State,
    ) -> Result<(), TooLarge> {
        let partners = if side == 0 { &common[0] } else { &common[1] };
        let mut before = Case::new(start.clone());
        for (index, partner) in partners.iter().enumerate() {
            let passes = self.step(side, index, false);
            if partner.is_none() {
                let fires = self.step(side, index, true);
                let mut case = before.clone();
                if let Some(step) = self.road(side).steps.get(index) {
                    case = case.ending(side, End::Denied(step.rule.clone()));
                }
                case.essential.push(fires.clone());
                if case.state.add(&fires, self.steps)? {
                    self.followed(side, index, common, case)?;
                }
                if !self.is_unlisted(side, index) {
                    before.essential.push(passes.clone());
                }
            }
            if !before.state.add(&passes, self.steps)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What the other side does with the calls that a step of this side decides.
    fn followed(
        &mut self,
        side: usize,
        index: usize,
        common: &[Vec<Option<usize>>; 2],
        mut case: Case,
    ) -> Result<(), TooLarge> {
        let other = 1 - side;
        let theirs = if side == 0 { &common[1] } else { &common[0] };
        let rule = self.road(side).steps.get(index).map(|step| step.rule.clone());
        for (at, partner) in theirs.iter().enumerate() {
            if partner.is_some_and(|partner| partner < index) {
                // It stands before this step on both sides, and has not fired.
                continue;
            }
            let fires = self.step(other, at, true);
            let their_rule = self.road(other).steps.get(at).map(|step| step.rule.clone());
            // Calls that a step of each side decides are looked at once, from the first.
            let seen = side == 1 && partner.is_none();
            if rule != their_rule && !seen {
                let mut stopped = case.clone();
                if let Some(rule) = their_rule {
                    stopped = stopped.ending(other, End::Denied(rule));
                }
                stopped.essential.push(fires.clone());
                if stopped.state.add(&fires, self.steps)? {
                    self.tell(&stopped)?;
                }
            }
            let passes = self.step(other, at, false);
            if partner.is_none() && !self.is_unlisted(other, at) {
                case.essential.push(passes.clone());
            }
            if !case.state.add(&passes, self.steps)? {
                return Ok(());
            }
        }
        // Past every denial: held by one of its approvals, or let through.
        for at in 0..self.road(other).asks.len() {
            let fires = self.ask(other, at, true);
            let mut held = case.clone();
            if let Some(ask) = self.road(other).asks.get(at) {
                held = held.ending(other, End::Held(ask.need.rule.clone()));
            }
            held.essential.push(fires.clone());
            if held.state.add(&fires, self.steps)? {
                self.tell(&held)?;
            }
            let passes = self.ask(other, at, false);
            if self.partner_of_ask(other, at).is_none() {
                case.essential.push(passes.clone());
            }
            if !case.state.add(&passes, self.steps)? {
                return Ok(());
            }
        }
        self.tell(&case.ending(other, End::Allowed))
    }

    /// The same approval on the other side, if it is there.
    fn partner_of_ask(&self, side: usize, index: usize) -> Option<usize> {
        let ask = self.road(side).asks.get(index)?;
        let same = |other: &Ask<'_>| other.need == ask.need && other.formula == ask.formula;
        self.road(1 - side).asks.iter().position(same)
    }

    /// Calls that pass every denial on both sides and wait for other people.
    fn asks(&mut self, passing: &State) -> Result<(), TooLarge> {
        let mut changed: Vec<(usize, usize)> = Vec::new();
        let mut common: Vec<usize> = Vec::new();
        for side in [0, 1] {
            for index in 0..self.road(side).asks.len() {
                match self.partner_of_ask(side, index) {
                    None => changed.push((side, index)),
                    Some(_) if side == 0 => common.push(index),
                    Some(_) => {}
                }
            }
        }
        if changed.len() > ASKS_MAX {
            return self.asks_one_by_one(&changed, passing);
        }
        let any_common: Vec<Demand> = common.iter().map(|at| self.ask(0, *at, true)).collect();
        let any_common = Demand::any(any_common);
        let no_common: Vec<Demand> = common.iter().map(|at| self.ask(0, *at, false)).collect();
        let no_common = Demand::all(no_common);
        for chosen in 1..1_usize << changed.len() {
            let mut case = Case::new(passing.clone());
            let mut needs: [Vec<Need>; 2] = [Vec::new(), Vec::new()];
            let mut open = true;
            for (bit, (side, index)) in changed.iter().enumerate() {
                let fires = chosen >> bit & 1 == 1;
                let demand = self.ask(*side, *index, fires);
                open = open && case.state.add(&demand, self.steps)?;
                case.essential.push(demand);
                if fires && let Some(ask) = self.road(*side).asks.get(*index) {
                    let need = ask.need.clone();
                    if *side == 0 { needs[0].push(need) } else { needs[1].push(need) }
                }
            }
            let same = needs[0].len() == needs[1].len()
                && needs[0].iter().all(|need| needs[1].contains(need));
            if !open || same {
                continue;
            }
            let ending = |case: Case, others: bool| {
                [0, 1].into_iter().fold(case, |case, side| {
                    let rules = |list: &[Need]| list.iter().map(|need| need.rule.clone()).collect();
                    let fired = needs.get(side).map(|list| rules(list)).unwrap_or_default();
                    let of = self.changed_asks(&changed, side);
                    case.ending(side, End::Asked { of, fired, others })
                })
            };
            let (mut alone, mut case) = (ending(case.clone(), false), ending(case, true));
            if alone.state.add(&no_common, self.steps)? {
                self.tell(&alone)?;
            }
            if case.state.add(&any_common, self.steps)? {
                case.essential.push(any_common.clone());
                self.tell(&case)?;
            }
        }
        Ok(())
    }

    /// The rules of the changed approvals of one side.
    fn changed_asks(&self, changed: &[(usize, usize)], side: usize) -> Vec<Arc<str>> {
        let of_side = changed.iter().filter(|(known, _)| *known == side);
        let asks = of_side.filter_map(|(_, index)| self.road(side).asks.get(*index));
        asks.map(|ask| ask.need.rule.clone()).collect()
    }

    fn asks_one_by_one(
        &mut self,
        changed: &[(usize, usize)],
        passing: &State,
    ) -> Result<(), TooLarge> {
        self.unknown("more approvals have changed than can be looked at together".to_owned());
        for (side, index) in changed {
            let fires = self.ask(*side, *index, true);
            let mut case = Case::new(passing.clone());
            case.essential.push(fires.clone());
            if case.state.add(&fires, self.steps)? {
                self.tell(&case)?;
            }
        }
        Ok(())
    }

    /// Calls that pass on both sides and are counted otherwise.
    fn limits(&mut self, passing: &State) -> Result<(), TooLarge> {
        let [a, b] = self.roads;
        let differences = limits::differences(a, b, &self.space.atoms.zones);
        for difference in differences {
            let policies = self.policies;
            let found = look::look(&self.space, passing, &self.stage, self.steps, |witness| {
                limits::shown(policies, &difference, witness)
            })?;
            match found {
                Found::Yes(_, (witness, from, to)) => drop(self.diff.add(Change {
                    kind: Kind::Limit,
                    tools: vec![self.label.to_owned()],
                    from,
                    to,
                    when: difference.text.clone(),
                    witness: Some(witness),
                    opens: difference.opens,
                })),
                Found::No => {}
                Found::NotKnown(reason) => self.unknown(reason),
            }
        }
        Ok(())
    }

    /// Tells a class of calls, once the real decisions confirm that it differs.
    fn tell(&mut self, case: &Case) -> Result<(), TooLarge> {
        let policies = self.policies;
        if self.told >= CHANGES_MAX {
            if self.told == CHANGES_MAX {
                self.told += 1;
                self.unknown("this tool has too many changes to tell them all".to_owned());
            }
            return Ok(());
        }
        let confirm = |witness: &Witness| {
            let sides = policies.map(|policy| look::side(policy, witness));
            let [from, to] = sides;
            let as_worked_out = case.ends[0].is(&from) && case.ends[1].is(&to);
            (from != to && as_worked_out).then_some((from, to))
        };
        match look::look(&self.space, &case.state, &self.stage, self.steps, confirm)? {
            Found::Yes(witness, (from, to)) => {
                let when = describe::calls(&self.space, &case.state, &case.essential, self.steps)?;
                let opens = opens(&from, &to);
                let change = Change {
                    kind: Kind::Outcome,
                    tools: vec![self.label.to_owned()],
                    from,
                    to,
                    when,
                    witness: Some(*witness),
                    opens,
                };
                if self.diff.add(change) {
                    self.told += 1;
                }
            }
            Found::No => {}
            Found::NotKnown(reason) => self.unknown(reason),
        }
        Ok(())
    }

    fn unknown(&mut self, reason: String) {
        let not_known = NotKnown { tool: self.label.to_owned(), reason };
        if !self.diff.not_known.contains(&not_known) {
            self.diff.not_known.push(not_known);
        }
    }
}

/// Whether more gets through by `to` than by `from`.
pub(crate) fn opens(from: &Side, to: &Side) -> bool {
    match (from.outcome, to.outcome) {
        ("deny", "deny") | ("allow", _) | ("hold", "deny") => false,
        ("hold", "hold") => !from
            .approvals
            .iter()
            .all(|before| to.approvals.iter().any(|after| after.is_at_least(before))),
        _ => true,
    }
}

/// For each step of each side, the same step of the other, as far as they stand in the same order.
fn common([a, b]: &[Road<'_>; 2]) -> [Vec<Option<usize>>; 2] {
    let places: HashMap<Key<'_>, usize> =
        b.steps.iter().enumerate().map(|(at, step)| (key(step), at)).collect();
    let pairs: Vec<(usize, usize)> = a
        .steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| places.get(&key(step)).map(|other| (at, *other)))
        .collect();
    let mut common = [vec![None; a.steps.len()], vec![None; b.steps.len()]];
    for (at, other) in increasing(&pairs) {
        if let Some(place) = common[0].get_mut(at) {
            *place = Some(other);
        }
        if let Some(place) = common[1].get_mut(other) {
            *place = Some(at);
        }
    }
    common
}

/// The longest part of the pairs in which the second numbers go up too.
fn increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length, the pair that ends the best part of that length; and who came before each.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let second = |at: usize| pairs.get(at).map_or(0, |pair| pair.1);
    for (at, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| second(*end) < pair.1);
        before.push(length.checked_sub(1).and_then(|last| ends.get(last).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut chosen = Vec::new();
    let mut at = ends.last().copied();
    while let Some(index) = at {
        chosen.extend(pairs.get(index).copied());
        at = before.get(index).copied().flatten();
    }
    chosen.reverse();
    chosen
}
