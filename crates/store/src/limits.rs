//! Limits as the rest of the house sees them: how much is used, what waits for a person, why one
//! lets nothing through.

use std::sync::Arc;

use crate::{Call, CallId, Moment};

/// What a grant's limits have used.
#[derive(Clone, Debug, Default)]
pub struct GrantUsage {
    /// The limits in force first, in the order of the grant's servers and of their policies; then
    /// what the grant has used of limits that its policies no longer state.
    pub limits: Vec<LimitUsage>,
    /// How many counters were left out because there are too many of them.
    pub left_out: usize,
}

/// One limit's usage.
#[derive(Clone, Debug)]
pub struct LimitUsage {
    /// The usage, under the limit of the policy version that is in force now. Whoever shares the
    /// limit's scope has a part in it.
    pub usage: quota::Usage,
    /// Whether the grant's policies state the limit now.
    pub in_force: bool,
    /// `false` for a limit that is split by values of which none was used yet: the values of
    /// `per` are empty then, and each budget is whole.
    pub has_values: bool,
}

/// How a limit of a document stands, whether or not the document is in force.
#[derive(Clone, Debug)]
pub struct LimitStanding {
    /// The usage of one counter under the limit, now.
    pub usage: quota::Usage,
    /// How full its windows were lately.
    pub past: quota::Past,
    /// `false` for a limit that is split by values of which none was used yet.
    pub has_values: bool,
    /// The labels of the grants that are counted by it under the policy.
    pub grants: Vec<Arc<str>>,
}

/// How the limits of a document stand.
#[derive(Clone, Debug, Default)]
pub struct LimitStandings {
    /// In the order of the document, then of the counters.
    pub limits: Vec<LimitStanding>,
    /// How many counters were left out because there are too many of them.
    pub left_out: usize,
}

/// A call that holds quota.
#[derive(Clone, Debug)]
pub struct Reserved {
    /// The call.
    pub id: CallId,
    /// When its quota was taken.
    pub at: Moment,
    /// What it holds, or held, of each limit.
    pub holds: Vec<quota::Hold>,
    /// Its line in the call log, while there is one.
    pub line: Option<Call>,
}

/// Whether the clock is believed.
#[derive(Clone, Copy, Debug)]
pub struct ClockState {
    /// The moment that limits are counted at.
    pub at: Moment,
    /// Why the clock is not believed, if it is not: calls with limits are denied then.
    pub doubt: Option<quota::Doubt>,
}

/// Why a limit does not let a call through. Nothing was taken.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// It has too little room. The agent may be told which, and how much is left.
    #[error(transparent)]
    Exhausted(Box<quota::Exhausted>),
    /// The clock cannot be believed, so nobody knows which window it is. Only calls with limits
    /// are refused for it.
    #[error("limit `{rule}` cannot be counted: {doubt}")]
    ClockUncertain {
        /// The rule's JSON Pointer: the first limit of the call.
        rule: Arc<str>,
        /// Why.
        doubt: quota::Doubt,
    },
    /// The amount or the window is one that cannot be counted.
    #[error("limit `{rule}` cannot be counted")]
    Uncountable {
        /// The rule's JSON Pointer.
        rule: Arc<str>,
        /// Why.
        #[source]
        source: quota::ReserveError,
    },
}

impl RoomError {
    /// The rule's JSON Pointer.
    pub fn rule(&self) -> &Arc<str> {
        match self {
            Self::Exhausted(exhausted) => &exhausted.rule,
            Self::ClockUncertain { rule, .. } | Self::Uncountable { rule, .. } => rule,
        }
    }

    /// The stable code in answers and in the call log.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Exhausted(_) => "limit",
            Self::ClockUncertain { .. } => "clock_uncertain",
            Self::Uncountable { .. } => "limit_uncountable",
        }
    }
}
