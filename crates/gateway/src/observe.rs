//! Observe: what others may watch of the road. Names and numbers, as the record has them; no values.

use std::time::Instant;

use store::{Intent, Outcome};

use crate::record::Line;
use crate::road::{Arrived, Gateway};
pub use crate::trace::Trace;

/// Whoever counts and times what the gateway does. It is told on the road of a call: what it does
/// must not wait for anything.
pub trait Observer: Send + Sync {
    /// Whether spans are collected, so that the upstream is told of ours.
    fn traces(&self) -> bool;
    /// A request was decided, and its line is written or folded into a counted one.
    fn decided(&self, seen: &Decided<'_>);
    /// A call that was let through has ended.
    fn ended(&self, seen: &Ended<'_>);
    /// Somebody without a good token was turned away.
    fn turned_away(&self, reason: &'static str);
}

/// A request and what was decided.
#[derive(Clone, Copy)]
pub struct Decided<'a> {
    /// The line of the log.
    pub intent: &'a Intent,
    /// When the request came in.
    pub started: Instant,
    /// Its place in a trace.
    pub trace: Option<&'a Trace>,
}

/// A call and its end.
#[derive(Clone, Copy)]
pub struct Ended<'a> {
    /// The line of the log; `None` where the end came by another way than the call.
    pub intent: Option<&'a Intent>,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// Its place in a trace.
    pub trace: Option<&'a Trace>,
}

impl Gateway {
    /// Tells this observer of everything from here on. Only the first one is told.
    pub fn watched_by(&self, observer: std::sync::Arc<dyn Observer>) {
        // A second one would be told nothing, which its owner would notice at once.
        let _ = self.observer.set(observer);
    }

    /// Whether somebody collects spans.
    pub(crate) fn is_traced(&self) -> bool {
        self.observer.get().is_some_and(|observer| observer.traces())
    }
}

/// Tells of a line that was written, or folded into a counted one.
pub(crate) fn decided(gateway: &Gateway, line: &Line) {
    if let Some(observer) = gateway.observer.get() {
        let Line { intent, arrived: Arrived { started, .. }, trace, .. } = line;
        observer.decided(&Decided { intent, started: *started, trace: trace.as_deref() });
    }
}

/// Tells of the end of a call.
pub(crate) fn ended(gateway: &Gateway, line: Option<&Line>, outcome: &Outcome) {
    if let Some(observer) = gateway.observer.get() {
        let trace = line.and_then(|line| line.trace.as_deref());
        observer.ended(&Ended { intent: line.map(|line| &line.intent), outcome, trace });
    }
}

/// Tells of somebody who was turned away.
pub(crate) fn turned_away(gateway: &Gateway, reason: &'static str) {
    if let Some(observer) = gateway.observer.get() {
        observer.turned_away(reason);
    }
}
