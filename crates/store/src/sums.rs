//! What the newest calls add up to: decisions by the hour, the rules that denied, the time that the
//! gateway added, and how often each rule of a policy decided by the day.

use std::sync::Arc;

use crate::{Moment, PolicyId};

/// Whose calls are added up, and how far back.
#[derive(Clone, Debug)]
pub struct CallSpan {
    /// Of this server (id or slug); absent: of all.
    pub server: Option<String>,
    /// From this moment on.
    pub since: Moment,
    /// The most lines of the log that are looked at, the newest.
    pub lines_max: u32,
    /// The most rules that are named.
    pub rules_max: usize,
}

/// How many calls ended how. A folded line counts for all it stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Carried to the upstream, whose outcome is known or still to come.
    pub allowed: u64,
    /// Held for people.
    pub held: u64,
    /// Denied.
    pub denied: u64,
    /// Carried to the upstream, and what became of it is not known.
    pub unknown: u64,
}

/// What the gateway itself took for calls that reached an upstream, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallOverhead {
    /// How many calls.
    pub reached: u64,
    /// Half of them took less.
    pub p50_micros: u64,
    /// All but one of a hundred took less.
    pub p99_micros: u64,
}

/// What the calls of an hour, or of the whole span, add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSum {
    /// The beginning: of an hour of UTC, or of the span.
    pub at: Moment,
    /// How many ended how.
    pub counts: CallCounts,
    /// The time added; `None` where no call reached an upstream.
    pub overhead: Option<CallOverhead>,
}

/// How often a rule denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSum {
    /// The policy, where it is a rule of one.
    pub policy: Option<PolicyId>,
    /// The rule, or the engine's name for its answer.
    pub rule: Arc<str>,
    /// The tool or method, where the rule itself does not name it.
    pub tool: Option<Arc<str>>,
    /// How often.
    pub count: u64,
}

/// What the newest calls add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSums {
    /// All of them.
    pub all: CallSum,
    /// By hours of UTC with calls in them, the earliest first.
    pub hours: Vec<CallSum>,
    /// The rules that denied most.
    pub rules: Vec<RuleSum>,
    /// Whether every line of the span was looked at.
    pub complete: bool,
}

/// The policy whose rules are counted, and how far back.
#[derive(Clone, Debug)]
pub struct UseSpan {
    /// The policy, whatever its version.
    pub policy: PolicyId,
    /// The beginning of the first day.
    pub since: Moment,
    /// How many days of 24 hours.
    pub days: u32,
    /// The most lines of the log that are looked at, the newest.
    pub lines_max: u32,
    /// The most rules that are named.
    pub rules_max: usize,
}

/// How often a rule decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleUse {
    /// The rule, or the engine's name for its answer.
    pub rule: Arc<str>,
    /// Whether these are calls of tools; otherwise of resources, prompts and the like.
    pub of_tools: bool,
    /// How many calls it decided on each day, the earliest first. A folded line counts for all it
    /// stands for.
    pub days: Vec<u64>,
    /// How often it asked people. A call that is repeated while it waits asks once.
    pub asked: u64,
    /// The newest version that it decided under.
    pub version: u32,
}

impl RuleUse {
    /// How many calls it decided on all these days.
    pub fn total(&self) -> u64 {
        self.days.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// How often the rules of a policy decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    /// Those that decided, the most frequent first.
    pub rules: Vec<RuleUse>,
    /// How many are not named because there are too many.
    pub left_out: usize,
    /// Whether every line of the span was looked at.
    pub complete: bool,
}
