//! Measurements as OpenTelemetry has them, from the same families that Prometheus is given.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};

use super::{Collector, nanos, scope, text};
use crate::{Family, Kind, Sample, SinkError, Value};

/// The time of what is measured: since when it counts, and now, in microseconds since 1970.
#[derive(Clone, Copy)]
struct When {
    since: u64,
    now: u64,
}

/// Sends what was measured. `since_micros` is when the process began to count.
pub async fn send(
    collector: &Collector,
    families: &[Family],
    since_micros: i64,
    now_micros: i64,
) -> Result<(), SinkError> {
    let when = When { since: nanos(since_micros), now: nanos(now_micros) };
    let metrics = families.iter().map(|family| metric(family, when)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
    let resource = collector.resource();
    let metrics = ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() };
    let request = ExportMetricsServiceRequest { resource_metrics: vec![metrics] };
    collector.send("metrics", &request).await.map(drop)
}

fn metric(family: &Family, when: When) -> Metric {
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.kind {
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers(family, when) }),
        Kind::Counter => Data::Sum(Sum {
            data_points: numbers(family, when),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: family.samples.iter().filter_map(|s| spread(s, when)).collect(),
            aggregation_temporality: cumulative,
        }),
    };
    let unit = match family.name {
        name if name.ends_with("_seconds") => "s",
        name if name.ends_with("_bytes") => "By",
        _ => "1",
    };
    Metric {
        name: family.name.to_owned(),
        description: family.help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn labels(sample: &Sample) -> Vec<KeyValue> {
    sample.labels.iter().map(|(name, value)| text(name, value)).collect()
}

fn numbers(family: &Family, when: When) -> Vec<NumberDataPoint> {
    let point = |sample: &Sample| {
        let value = match sample.value {
            Value::Whole(number) => Number::AsInt(i64::try_from(number).unwrap_or(i64::MAX)),
            Value::Number(number) => Number::AsDouble(number),
            Value::Spread(_) => return None,
        };
        Some(NumberDataPoint {
            attributes: labels(sample),
            start_time_unix_nano: when.since,
            time_unix_nano: when.now,
            value: Some(value),
            ..NumberDataPoint::default()
        })
    };
    family.samples.iter().filter_map(point).collect()
}

fn spread(sample: &Sample, when: When) -> Option<HistogramDataPoint> {
    let Value::Spread(spread) = &sample.value else { return None };
    Some(HistogramDataPoint {
        attributes: labels(sample),
        start_time_unix_nano: when.since,
        time_unix_nano: when.now,
        count: spread.count(),
        sum: Some(spread.sum),
        bucket_counts: spread.counts.clone(),
        explicit_bounds: spread.bounds.to_vec(),
        ..HistogramDataPoint::default()
    })
}
