//! What people and agents are told about a limit: how much is used, held, unknown and left.

use std::sync::Arc;

use crate::{Key, Window};

/// One limit's usage at one moment. All amounts in millionths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The counter.
    pub key: Key,
    /// The rule's JSON Pointer.
    pub rule: Arc<str>,
    /// The stretch of time `max` is for.
    pub window: Window,
    /// The most the window may hold.
    pub max: i64,
    /// Carried out.
    pub used: i64,
    /// In flight.
    pub held: i64,
    /// With no known outcome.
    pub unknown: i64,
    /// What is left of `max`; 0 when more is counted, as after `max` was lowered.
    pub left: i64,
    /// When the calendar window ends, or when the oldest usage leaves a rolling one (`None` when
    /// it holds nothing). Microseconds since the epoch.
    pub resets_at: Option<i64>,
}

/// A limit without enough room for a call. All amounts in millionths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit `{rule}` has no room: {left} of {max} millionths left, {asked} asked")]
pub struct Exhausted {
    /// The rule's JSON Pointer.
    pub rule: Arc<str>,
    /// The counter.
    pub key: Key,
    /// The stretch of time `max` is for.
    pub window: Window,
    /// The most the window may hold.
    pub max: i64,
    /// Carried out.
    pub used: i64,
    /// In flight.
    pub held: i64,
    /// With no known outcome.
    pub unknown: i64,
    /// What is left of `max`.
    pub left: i64,
    /// What the call asked of this counter.
    pub asked: i64,
    /// When the calendar window ends, or when the oldest usage leaves a rolling one (`None` when
    /// it holds nothing). Microseconds since the epoch.
    pub resets_at: Option<i64>,
    /// How long until there is room at the latest, if nobody else takes it, in microseconds.
    /// `None` when there never will be, because more is asked than `max`.
    pub retry_after_micros: Option<i64>,
}
