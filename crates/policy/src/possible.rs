//! What a predicate can come to at all, whatever the call: the cheap and exact part of the question.
//! A set of truth values is carried through the logic; nothing is guessed.

use json::Object;

use crate::budget::Budget;
use crate::compare::{self, Why};
use crate::decision::GrantFacts;
use crate::program::{Comparison, Condition, Entry};
use crate::truth::Truth;
use crate::values::Facts;

/// The truth values a condition may come to: false, indeterminate, true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Possible {
    pub(crate) no: bool,
    pub(crate) unclear: bool,
    pub(crate) yes: bool,
}

impl Possible {
    pub(crate) const ANY: Self = Self { no: true, unclear: true, yes: true };

    pub(crate) fn only(truth: Truth) -> Self {
        Self {
            no: truth == Truth::False,
            unclear: truth == Truth::Indeterminate,
            yes: truth == Truth::True,
        }
    }

    /// Whether `deny_if` and `approve_if` fire on every call.
    pub(crate) fn always_fires(self) -> bool {
        !self.no
    }

    /// Whether `require` is met by no call.
    pub(crate) fn never_met(self) -> bool {
        !self.yes
    }

    fn not(self) -> Self {
        Self { no: self.yes, unclear: self.unclear, yes: self.no }
    }

    /// Kleene's `and` of every pair; parts may depend on each other, so this may hold too much, and
    /// what it rules out is ruled out for certain.
    fn and(self, other: Self) -> Self {
        Self {
            no: self.no || other.no,
            unclear: (self.unclear && (other.unclear || other.yes)) || (self.yes && other.unclear),
            yes: self.yes && other.yes,
        }
    }
}

/// What the conditions together may come to, given what each comparison may.
pub(crate) fn all(
    conditions: &[Condition],
    leaf: &mut impl FnMut(&Comparison) -> Possible,
) -> Possible {
    let mut sum = Possible::only(Truth::True);
    for condition in conditions {
        sum = sum.and(one(condition, leaf));
    }
    sum
}

fn one(condition: &Condition, leaf: &mut impl FnMut(&Comparison) -> Possible) -> Possible {
    match condition {
        Condition::Compare(comparison) => leaf(comparison),
        Condition::All(list) => all(list, leaf),
        Condition::Not(inner) => one(inner, leaf).not(),
        Condition::Any(list) => {
            let mut sum = Possible::only(Truth::True);
            for condition in list {
                sum = sum.and(one(condition, leaf).not());
            }
            sum.not()
        }
    }
}

/// Whether no call of the tool gets past this entry, whatever its arguments, grant and moment.
pub(crate) fn denies_every_call(entry: &Entry, tool: &str) -> bool {
    let grant = GrantFacts::default();
    let arguments = Object::new();
    let budget = Budget::new();
    let facts = Facts { tool, arguments: &arguments, grant: &grant, clock: None };
    let values = entry.slots.fill(&facts, &budget);
    let mut leaf = |comparison: &Comparison| {
        if !comparison.of_tool_name {
            return Possible::ANY;
        }
        match compare::judge(comparison, &values, &budget) {
            Ok(holds) => Possible::only(holds.into()),
            Err(Why::TooCostly) => Possible::ANY,
            Err(_) => Possible::only(Truth::Indeterminate),
        }
    };
    entry.deny_if.iter().any(|p| all(&p.conditions, &mut leaf).always_fires())
        || entry.require.iter().any(|p| all(&p.conditions, &mut leaf).never_met())
        || entry
            .limits
            .iter()
            .any(|limit| limit.amount.is_none() && limit.max_millionths < 1_000_000)
}
