//! Settle: what became of a call is handed to the store, which writes it and settles, gives back
//! or keeps the quota by its class, in one commit.

use std::time::Instant;

use mcp::answer::Class;
use store::{CallId, Capture, Outcome, OutcomeClass};

use crate::observe;
use crate::record::Line;
use crate::road::Gateway;

/// What is known of a call's end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) class: OutcomeClass,
    pub(crate) detail: &'static str,
    pub(crate) upstream_status: Option<u16>,
    pub(crate) response_bytes: u64,
    pub(crate) echo_removed: bool,
    /// What is kept of the answer.
    pub(crate) capture: Option<Box<Capture>>,
}

impl End {
    /// An end of this class with no answer to speak of.
    pub(crate) const fn bare(class: OutcomeClass, detail: &'static str) -> Self {
        Self {
            class,
            detail,
            upstream_status: None,
            response_bytes: 0,
            echo_removed: false,
            capture: None,
        }
    }
}

/// The outcome class of an answer.
pub(crate) fn class_of(class: Class) -> OutcomeClass {
    match class {
        Class::Completed => OutcomeClass::Completed,
        Class::ToolFailed => OutcomeClass::ToolFailed,
        Class::RpcError { .. } => OutcomeClass::UpstreamError,
        Class::InputRequired => OutcomeClass::InputRequired,
    }
}

/// Hands over what became of a call. Runs whether or not the agent still waits.
pub(crate) fn call(gateway: &Gateway, line: &Line, sent: Instant, end: End) {
    let outcome = Outcome {
        id: line.id(),
        at: gateway.clock.now(),
        class: end.class,
        detail: end.detail,
        upstream_status: end.upstream_status,
        response_bytes: end.response_bytes,
        took_micros: micros(line.arrived.started),
        upstream_micros: micros(sent),
        echo_removed: end.echo_removed,
        capture: end.capture,
    };
    observe::ended(gateway, Some(line), &outcome);
    gateway.store.call_finish(outcome);
}

/// A call whose answer came by another stream than the one it was made on.
pub(crate) fn resumed(gateway: &Gateway, id: CallId, end: End) {
    late(gateway, id, end);
}

/// A call whose end nobody will bring any more.
pub(crate) fn given_up(gateway: &Gateway, id: CallId, detail: &'static str) {
    late(gateway, id, End::bare(OutcomeClass::Unknown, detail));
}

fn late(gateway: &Gateway, id: CallId, end: End) {
    let now = gateway.clock.now();
    // The id says when the call came in; nothing else of it is at hand any more.
    let took_micros = u64::try_from(now.micros() - id.at().micros()).unwrap_or(0);
    let outcome = Outcome {
        id,
        at: now,
        class: end.class,
        detail: end.detail,
        upstream_status: end.upstream_status,
        response_bytes: end.response_bytes,
        took_micros,
        upstream_micros: took_micros,
        echo_removed: end.echo_removed,
        capture: end.capture,
    };
    observe::ended(gateway, None, &outcome);
    gateway.store.call_finish(outcome);
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
