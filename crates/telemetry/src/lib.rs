//! What an instance tells others of itself: measurements, and the evidence log as it grows.
//!
//! - `family.rs` is one form of all measurements; `text.rs` writes it as Prometheus reads it,
//!   `otlp/metrics.rs` as OpenTelemetry does.
//! - `meters.rs` counts what the gateway does; `hub.rs` gathers everything that is measured.
//! - `shipper.rs` follows the log from a stored cursor for each export and delivers at least once;
//!   `file.rs`, `webhook.rs` and `otlp/logs.rs` are where it is delivered to.
//! - `otlp/traces.rs` sends spans, as many as there is room for.
//!
//! INVARIANT(beside-the-road): nothing here is waited for by a call. Counting is a few atomic steps;
//! whatever is sent is sent by tasks of its own, from a stored cursor or a bounded queue.

mod family;
mod file;
mod hub;
mod meters;
mod otlp;
mod shipper;
mod text;
mod webhook;

pub use family::{Family, Kind, Sample, Spread, Value};
pub use file::FileSink;
pub use hub::{ExportState, Hub};
pub use meters::{Call, End, Meters};
pub use otlp::{
    Collector, HeaderError, LogSink, Span, Spans, read_headers, send_metrics, send_spans,
};
pub use shipper::{Sink, SinkError, ship};
pub use text::write as prometheus_text;
pub use webhook::WebhookSink;
