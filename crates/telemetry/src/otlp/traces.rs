//! Spans on their way to a collector: a bounded queue, from which the oldest fall when nobody takes
//! them. The record of a call is the evidence log; a span is a convenience, and may be lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, ResourceSpans, ScopeSpans, Status};

use super::{Collector, scope, text};
use crate::SinkError;

/// The most spans that wait.
const WAITING_MAX: usize = 4_096;
/// The most spans of one message.
const BATCH_MAX: usize = 512;

/// A span. Attributes are names that the record has, never values.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace.
    pub trace: [u8; 16],
    /// The span itself.
    pub id: [u8; 8],
    /// The span it belongs to.
    pub parent: Option<[u8; 8]>,
    /// The method, and the tool if its definition was accepted.
    pub name: String,
    /// Towards an upstream, rather than from an agent.
    pub onward: bool,
    /// When it began, in nanoseconds since 1970.
    pub start_nanos: u64,
    /// When it ended.
    pub end_nanos: u64,
    /// What is known of it.
    pub attributes: Vec<(&'static str, String)>,
    /// It ended badly.
    pub failed: bool,
}

/// Spans that wait to be sent.
#[derive(Debug, Default)]
pub struct Spans {
    waiting: Mutex<VecDeque<Span>>,
    dropped: AtomicU64,
}

impl Spans {
    /// Adds a span; the oldest falls if there is no room.
    pub fn add(&self, span: Span) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            waiting.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        waiting.push_back(span);
    }

    /// How many were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes as many as one message holds.
    fn take(&self) -> Vec<Span> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(BATCH_MAX);
        waiting.drain(..count).collect()
    }
}

/// Sends all spans that wait. What a collector does not take is dropped and counted.
pub async fn send(collector: &Collector, spans: &Spans) -> Result<(), SinkError> {
    loop {
        let batch = spans.take();
        if batch.is_empty() {
            return Ok(());
        }
        let count = batch.len() as u64;
        let spans_out = batch.into_iter().map(message).collect();
        let scope_spans =
            vec![ScopeSpans { scope: scope(), spans: spans_out, ..ScopeSpans::default() }];
        let resource = collector.resource();
        let traces = ResourceSpans { resource, scope_spans, ..ResourceSpans::default() };
        let request = ExportTraceServiceRequest { resource_spans: vec![traces] };
        if let Err(error) = collector.send("traces", &request).await {
            spans.dropped.fetch_add(count, Ordering::Relaxed);
            return Err(error);
        }
    }
}

fn message(span: Span) -> otlp::Span {
    let kind = if span.onward { SpanKind::Client } else { SpanKind::Server };
    let code = if span.failed { StatusCode::Error } else { StatusCode::Unset };
    otlp::Span {
        trace_id: span.trace.to_vec(),
        span_id: span.id.to_vec(),
        parent_span_id: span.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        name: span.name,
        kind: kind.into(),
        start_time_unix_nano: span.start_nanos,
        end_time_unix_nano: span.end_nanos,
        attributes: span.attributes.iter().map(|(name, value)| text(name, value)).collect(),
        status: Some(Status { code: code.into(), ..Status::default() }),
        ..otlp::Span::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_of_spans_has_bounds_and_is_counted() {
        let spans = Spans::default();
        let span = Span {
            trace: [1; 16],
            id: [2; 8],
            parent: None,
            name: "tools/call".to_owned(),
            onward: false,
            start_nanos: 1,
            end_nanos: 2,
            attributes: Vec::new(),
            failed: false,
        };
        for _ in 0..WAITING_MAX + 7 {
            spans.add(span.clone());
        }
        assert_eq!(spans.dropped(), 7);
        assert_eq!(spans.take().len(), BATCH_MAX);
    }
}
