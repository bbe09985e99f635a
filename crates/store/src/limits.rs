//! Limits as the rest of the house sees them: why one lets nothing through.

use std::sync::Arc;

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
