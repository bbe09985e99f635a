//! Entries of the evidence log as log records: the entry itself is the body, to the byte.

use async_trait::async_trait;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use prost::Message as _;
use serde_json::Value;
use std::sync::Arc;
use store::{Clock, LogLeaf, LogPart};

use super::{Collector, nanos, scope, text, whole};
use crate::{Sink, SinkError};

/// Words that an entry may lend to an attribute: each from a list of ours, none of anybody's making.
const LENT: &[(&str, &str)] = &[
    ("kind", "countersign.kind"),
    ("decision", "countersign.decision"),
    ("reason", "countersign.reason"),
    ("class", "countersign.outcome"),
    ("event", "countersign.event"),
];

/// Log records to a collector.
pub struct LogSink {
    collector: Collector,
    clock: Arc<dyn Clock>,
}

impl LogSink {
    /// Log records to this collector.
    pub fn new(collector: Collector, clock: Arc<dyn Clock>) -> Self {
        Self { collector, clock }
    }
}

#[async_trait]
impl Sink for LogSink {
    fn name(&self) -> &'static str {
        "otlp"
    }

    async fn deliver(&mut self, _from: u64, part: &LogPart) -> Result<(), SinkError> {
        let observed = nanos(self.clock.now().micros());
        let scope_logs = vec![ScopeLogs {
            scope: scope(),
            log_records: part.leaves.iter().map(|leaf| record(leaf, observed)).collect(),
            ..ScopeLogs::default()
        }];
        let resource = self.collector.resource();
        let logs = ResourceLogs { resource, scope_logs, ..ResourceLogs::default() };
        let request = ExportLogsServiceRequest { resource_logs: vec![logs] };
        let answer = self.collector.send("logs", &request).await?;
        // A collector that takes a part must not be sent the rest again, says the protocol.
        let told = ExportLogsServiceResponse::decode(answer).unwrap_or_default().partial_success;
        if let Some(partial) = told.filter(|partial| partial.rejected_log_records > 0) {
            let records = partial.rejected_log_records;
            tracing::warn!(records, "the collector rejected some log records");
        }
        Ok(())
    }
}

fn record(leaf: &LogLeaf, observed: u64) -> LogRecord {
    let bytes = leaf.entry.as_deref().unwrap_or_default();
    let entry: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let word = |name: &str| entry.get(name).and_then(Value::as_str);
    let mut attributes = vec![whole("countersign.index", leaf.index.cast_signed())];
    for (name, key) in LENT {
        attributes.extend(word(name).filter(|word| !word.is_empty()).map(|word| text(key, word)));
    }
    if leaf.retained {
        attributes.push(text("countersign.withheld", "retention"));
    }
    let denied = matches!(word("decision"), Some("denied" | "held"));
    let (severity, severity_text) =
        if denied { (SeverityNumber::Warn, "WARN") } else { (SeverityNumber::Info, "INFO") };
    let body = String::from_utf8_lossy(bytes).into_owned();
    LogRecord {
        time_unix_nano: word("at").and_then(micros).map_or(observed, nanos),
        observed_time_unix_nano: observed,
        severity_number: severity.into(),
        severity_text: severity_text.to_owned(),
        body: Some(AnyValue { value: Some(Any::StringValue(body)) }),
        attributes,
        event_name: format!("countersign.{}", word("kind").unwrap_or("entry")),
        ..LogRecord::default()
    }
}

/// The moment of an entry, `2026-11-21T12:25:05.123456Z`, in microseconds since 1970.
fn micros(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let fraction = if text.len() == 27 { number(20, 26)? } else { 0 };
    // Days since 1970, counting years from March, so that a leap day is the last of its year.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = y * 365 + y.div_euclid(4) - y.div_euclid(100)
        + y.div_euclid(400)
        + (m * 306 + 5) / 10
        + (day - 1)
        - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_an_entry_is_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00.000000Z", 0),
            ("2000-02-29T12:00:00.000000Z", 951_825_600),
            ("2026-11-21T12:25:05.000000Z", 1_795_263_905),
        ] {
            assert_eq!(micros(text), Some(seconds * 1_000_000), "{text}");
        }
        assert_eq!(micros("2026-11-21T12:25:05.123456Z"), Some(1_795_263_905_123_456));
        assert_eq!(micros("not a moment"), None);
    }
}
