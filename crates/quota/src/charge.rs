//! What a call asks of one limit, and what becomes of it by the call's outcome.

use std::sync::Arc;

use crate::{Key, State, Window};

/// A limit, as far as counting goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The JSON Pointer of the rule: `/tools/refund_payment/limits/refund-value`.
    pub rule: Arc<str>,
    /// The stretch of time `max` is for.
    pub window: Window,
    /// The most that one window may hold, in millionths, 0 or more.
    pub max: i64,
    /// Whether a call counts that the tool itself answered with `isError`.
    pub count_failed: bool,
    /// What a call with no known outcome does to this limit.
    pub on_unknown: OnUnknown,
}

/// What a call with no known outcome does to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnUnknown {
    /// It stays counted, marked unknown. The default of limits with an amount.
    Keep,
    /// It is given back. The default of limits that count calls.
    RollBack,
}

/// What one call asks of one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The counter.
    pub key: Key,
    /// The limit on it.
    pub limit: Limit,
    /// How much, in millionths, 0 or more.
    pub amount: i64,
}

/// What became of a call that was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A result.
    Completed,
    /// A result with `isError`.
    ToolFailed,
    /// A JSON-RPC error, or an HTTP status from 400 to 499.
    UpstreamError,
    /// Nothing was sent.
    NotSent,
    /// It left, and no whole answer came.
    Unknown,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::ToolFailed, Self::UpstreamError, Self::NotSent, Self::Unknown];

    /// The state a reservation goes to, for a limit with these settings.
    pub const fn leads_to(self, count_failed: bool, on_unknown: OnUnknown) -> State {
        match (self, on_unknown) {
            (Self::Completed, _) => State::Settled,
            (Self::ToolFailed, _) if count_failed => State::Settled,
            (Self::ToolFailed | Self::UpstreamError | Self::NotSent, _)
            | (Self::Unknown, OnUnknown::RollBack) => State::Released,
            (Self::Unknown, OnUnknown::Keep) => State::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_class_leads_where_the_table_says() {
        use OnUnknown::{Keep, RollBack};
        use State::{Released, Settled, Unknown};
        // (outcome, plain count, count_failed, keep, keep and count_failed)
        let table = [
            (Outcome::Completed, Settled, Settled, Settled, Settled),
            (Outcome::ToolFailed, Released, Settled, Released, Settled),
            (Outcome::UpstreamError, Released, Released, Released, Released),
            (Outcome::NotSent, Released, Released, Released, Released),
            (Outcome::Unknown, Released, Released, Unknown, Unknown),
        ];
        for (outcome, plain, failed, keep, both) in table {
            assert_eq!(outcome.leads_to(false, RollBack), plain, "{outcome:?}");
            assert_eq!(outcome.leads_to(true, RollBack), failed, "{outcome:?}");
            assert_eq!(outcome.leads_to(false, Keep), keep, "{outcome:?}");
            assert_eq!(outcome.leads_to(true, Keep), both, "{outcome:?}");
        }
    }
}
