//! From demands to a confirmed call: solve, make the call, and let the real decision say whether it does
//! what it should. What cannot be confirmed is not shown.

use std::collections::HashMap;

use crate::charge::Charge;
use crate::decide::decide;
use crate::decision::{Decision, Question, Usage};
use crate::policy::Policy;

use super::answer::{Side, Witness};
use super::bits::Bits;
use super::scene::{self, Stage};
use super::solve::{Demand, State, Steps, TooLarge};
use super::space::{Role, Space};

/// How often another call is tried when the real decision does not confirm one.
const TRIES_MAX: usize = 12;

/// What looking for a call came to.
#[derive(Debug)]
pub(crate) enum Found<T> {
    /// A call that is confirmed, and what was read off it.
    Yes(Box<Witness>, T),
    /// There is none.
    No,
    /// It could not be worked out.
    NotKnown(String),
}

/// What limits have used up already, in millionths.
#[derive(Debug, Default)]
pub(crate) struct Used(pub(crate) HashMap<String, i64>);

impl Usage for Used {
    fn fits(&self, charge: &Charge) -> bool {
        let used = self.0.get(&*charge.rule).copied().unwrap_or(0);
        used.checked_add(charge.amount_millionths).is_some_and(|sum| sum <= charge.max_millionths)
    }
}

/// Every call of the space, with what ties its variables together.
pub(crate) fn start(space: &Space<'_>, steps: &Steps) -> Result<State, TooLarge> {
    let domains = space.variables.iter().map(|v| Bits::all(v.classes.len())).collect();
    let mut state = State::new(domains);
    for tie in &space.ties {
        // Ties alone never contradict each other: everything may be missing.
        state.add(tie, steps)?;
    }
    Ok(state)
}

/// Looks for a call of the state that `confirm` accepts.
pub(crate) fn look<T>(
    space: &Space<'_>,
    state: &State,
    stage: &Stage<'_>,
    steps: &Steps,
    mut confirm: impl FnMut(&Witness) -> Option<T>,
) -> Result<Found<T>, TooLarge> {
    let mut real = state.clone();
    for (number, variable) in space.variables.iter().enumerate() {
        if variable.gap.is_some() {
            let solid = Bits::of(variable.classes.len(), |at| {
                variable.classes.get(at).is_some_and(|class| !class.is_ghost())
            });
            if !real.add(&Demand::among(number, solid), steps)? {
                return beyond(space, state, steps);
            }
        }
    }
    for _ in 0..TRIES_MAX {
        let Some(found) = real.clone().solve(steps)? else {
            return beyond(space, state, steps);
        };
        let chosen = scene::choose(space, &found.domains);
        for scene in scene::scenes(space, &chosen, stage) {
            let timed = space
                .variables
                .iter()
                .any(|variable| matches!(variable.role, Role::Day(_) | Role::Time(_)));
            let witness = Witness {
                call: scene.call,
                grant: scene.grant,
                now: scene.now,
                usage: Vec::new(),
                listed: stage.listed.to_vec(),
                timed,
            };
            if let Some(read) = confirm(&witness) {
                return Ok(Found::Yes(Box::new(witness), read));
            }
        }
        let another = chosen.iter().enumerate().map(|(at, class)| {
            let bound = found.domains.get(at).map_or(0, Bits::bound);
            Demand::among(at, Bits::of(bound, |other| other != *class))
        });
        if !real.add(&Demand::any(another), steps)? {
            break;
        }
    }
    let about: Vec<String> = space
        .variables
        .iter()
        .filter(|variable| matches!(variable.role, Role::Choice(_) | Role::Day(_) | Role::Time(_)))
        .map(|variable| format!("`{}`", space.name(&variable.role)))
        .collect();
    let mut reasons = space.gaps();
    if !about.is_empty() {
        reasons.push(format!(
            "no call was found that shows it, and {} cannot be ruled out",
            about.join(", ")
        ));
    }
    if reasons.is_empty() {
        reasons.push("no call was found that shows it".to_owned());
    }
    Ok(Found::NotKnown(reasons.join("; ")))
}

/// What is left when no real class will do: nothing, or what the gaps may hide.
fn beyond<T>(space: &Space<'_>, state: &State, steps: &Steps) -> Result<Found<T>, TooLarge> {
    if space.variables.iter().all(|variable| variable.gap.is_none()) {
        return Ok(Found::No);
    }
    Ok(match state.clone().solve(steps)? {
        None => Found::No,
        Some(_) => Found::NotKnown(space.gaps().join("; ")),
    })
}

/// What a policy really does with a witness.
pub(crate) fn judge(policy: &Policy, witness: &Witness) -> Decision {
    let used =
        witness.usage.iter().filter_map(|(rule, used)| Some((rule.clone(), used.millionths_up()?)));
    let usage = Used(used.collect());
    let definition = witness.definition();
    let question = Question {
        policy: Some(policy),
        grant: &witness.grant,
        definition: &definition,
        usage: &usage,
        now: witness.now,
    };
    decide(&question, witness.call.clone())
}

/// The same as a side of a change.
pub(crate) fn side(policy: &Policy, witness: &Witness) -> Side {
    Side::of(&judge(policy, witness))
}
