//! OpenTelemetry: logs, metrics and traces as OTLP over HTTP, in protobuf.
//!
//! The messages are those of `opentelemetry-proto`; what sends them is our own way out, with its
//! bounds and its judgement of addresses.

mod logs;
mod metrics;
mod traces;

use std::time::Duration;

use dial::Fetch;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::SinkError;

pub use logs::LogSink;
pub use metrics::send as send_metrics;
pub use traces::{Span, Spans, send as send_spans};

/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of a file of headers.
const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// A collector of OpenTelemetry.
#[derive(Clone)]
pub struct Collector {
    base: String,
    headers: HeaderMap,
    fetch: Fetch,
    /// A name of this installation.
    instance: String,
}

/// Why a file of headers cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("line {0} is not `name: value`")]
pub struct HeaderError(pub usize);

/// Reads headers, one `name: value` a line. Values never get into a message.
pub fn read_headers(text: &str) -> Result<HeaderMap, HeaderError> {
    let mut headers = HeaderMap::new();
    if text.len() > HEADERS_BYTES_MAX {
        return Err(HeaderError(1));
    }
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let read = line.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name.trim()).ok()?, value))
        });
        let (name, value) = read.ok_or(HeaderError(at + 1))?;
        headers.append(name, value);
    }
    Ok(headers)
}

impl Collector {
    /// The collector at this address, without `/v1/…`.
    pub fn new(
        url: &str,
        headers: HeaderMap,
        instance: String,
        private_targets: Vec<String>,
    ) -> Self {
        let base = url.trim_end_matches('/').to_owned();
        let fetch = Fetch::new(ANSWER_BYTES_MAX, PATIENCE, private_targets);
        Self { base, headers, fetch, instance }
    }

    /// Sends one message of a signal: `logs`, `metrics` or `traces`. Answers what came back.
    async fn send(&self, signal: &str, message: &impl Message) -> Result<bytes::Bytes, SinkError> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let url = format!("{}/v1/{signal}", self.base);
        let answer = self.fetch.post(&url, headers, message.encode_to_vec()).await?;
        if answer.status.is_success() {
            Ok(answer.body)
        } else {
            Err(SinkError::Refused(answer.status.as_u16()))
        }
    }

    fn resource(&self) -> Option<Resource> {
        let attributes = vec![
            text("service.name", "countersign"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", &self.instance),
        ];
        Some(Resource { attributes, ..Resource::default() })
    }
}

fn scope() -> Option<InstrumentationScope> {
    let (name, version) = ("countersign".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    Some(InstrumentationScope { name, version, ..InstrumentationScope::default() })
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn whole(key: &str, value: i64) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::IntValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// Microseconds since 1970 as OpenTelemetry counts: nanoseconds, never negative.
fn nanos(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0).saturating_mul(1_000)
}
