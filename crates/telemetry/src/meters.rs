//! What the gateway does, counted as it happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::{Family, Kind, Sample, Spread, Value};

/// Bounds of durations, in seconds: from what a decision costs to what a slow tool takes.
const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 120.0,
];

/// The most sets of labels of one family. All labels are words of the program, so this is never
/// reached; should it be, the rest is counted as `other`.
const SETS_MAX: usize = 512;

/// A request that was decided.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The method; empty for one that nobody knows.
    pub method: &'a str,
    /// `allowed`, `held` or `denied`.
    pub decision: &'static str,
    /// Why, if it was not allowed: a word of this program.
    pub reason: &'static str,
}

/// A call that ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The outcome class.
    pub class: &'static str,
    /// From the first byte to the end, in microseconds.
    pub took_micros: u64,
    /// Of these, from sending to the end of the answer.
    pub upstream_micros: u64,
    /// A credential was found in the answer and replaced.
    pub echo_removed: bool,
}

/// The counters of one process.
#[derive(Debug, Default)]
pub struct Meters {
    calls: Counts<2>,
    refusals: Counts<1>,
    outcomes: Counts<1>,
    turned_away: Counts<1>,
    echoes: AtomicU64,
    took: Times,
    upstream: Times,
    added: Times,
}

impl Meters {
    /// A request was decided.
    pub fn decided(&self, call: Call<'_>) {
        self.calls.add([known_method(call.method), call.decision]);
        if call.decision != "allowed" {
            self.refusals.add([call.reason]);
        }
    }

    /// A call ended.
    pub fn ended(&self, end: End) {
        self.outcomes.add([end.class]);
        self.took.add(end.took_micros);
        self.upstream.add(end.upstream_micros);
        self.added.add(end.took_micros.saturating_sub(end.upstream_micros));
        if end.echo_removed {
            self.echoes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Somebody without a good token was turned away.
    pub fn turned_away(&self, reason: &'static str) {
        self.turned_away.add([reason]);
    }

    /// What was counted.
    pub fn families(&self) -> Vec<Family> {
        let counter = |name, help, samples| Family { name, help, kind: Kind::Counter, samples };
        let seconds = |name, help, times: &Times| {
            Family::one(name, help, Kind::Histogram, Value::Spread(times.spread()))
        };
        vec![
            counter(
                "countersign_calls_total",
                "Requests of valid grants that were decided.",
                self.calls.samples(["method", "decision"]),
            ),
            counter(
                "countersign_refusals_total",
                "Requests of valid grants that were denied or held, by reason.",
                self.refusals.samples(["reason"]),
            ),
            counter(
                "countersign_outcomes_total",
                "What became of calls that were let through.",
                self.outcomes.samples(["class"]),
            ),
            counter(
                "countersign_turned_away_total",
                "Requests without a good token, by reason.",
                self.turned_away.samples(["reason"]),
            ),
            Family::one(
                "countersign_echoes_removed_total",
                "Answers in which the upstream's credential was found and replaced.",
                Kind::Counter,
                Value::Whole(self.echoes.load(Ordering::Relaxed)),
            ),
            seconds(
                "countersign_call_duration_seconds",
                "Calls that were let through, from the first byte to the end of the answer.",
                &self.took,
            ),
            seconds(
                "countersign_upstream_duration_seconds",
                "Of these, the time with the upstream.",
                &self.upstream,
            ),
            seconds(
                "countersign_added_duration_seconds",
                "Of these, the time in the gateway: reading, deciding, writing down.",
                &self.added,
            ),
        ]
    }
}

/// The method as a label: one of the protocol, or `other`.
pub(crate) fn known_method(method: &str) -> &'static str {
    const KNOWN: &[&str] = &[
        "tools/call",
        "tools/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "initialize",
        "ping",
        "server/discover",
        "subscriptions/listen",
        "logging/setLevel",
    ];
    KNOWN.iter().find(|known| **known == method).copied().unwrap_or("other")
}

/// Counters by labels.
#[derive(Debug)]
struct Counts<const N: usize>(Mutex<BTreeMap<[&'static str; N], u64>>);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<const N: usize> Counts<N> {
    fn add(&self, labels: [&'static str; N]) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= SETS_MAX && !counts.contains_key(&labels);
        let labels = if full { ["other"; N] } else { labels };
        *counts.entry(labels).or_default() += 1;
    }

    fn samples(&self, names: [&'static str; N]) -> Vec<Sample> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |values: &[&'static str; N]| {
            names.into_iter().zip(values.iter().map(|value| (*value).to_owned())).collect()
        };
        let sample = |(values, count): (_, &u64)| Sample {
            labels: named(values),
            value: Value::Whole(*count),
        };
        counts.iter().map(sample).collect()
    }
}

/// Durations.
#[derive(Debug, Default)]
struct Times {
    counts: [AtomicU64; 18],
    sum_micros: AtomicU64,
}

impl Times {
    fn add(&self, micros: u64) {
        let seconds = micros as f64 / 1e6;
        let place = SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(SECONDS.len());
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn spread(&self) -> Spread {
        Spread {
            bounds: SECONDS,
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum_micros.load(Ordering::Relaxed) as f64 / 1e6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_range_for_every_bound_and_one_for_the_rest() {
        assert_eq!(Times::default().counts.len(), SECONDS.len() + 1);
        let times = Times::default();
        times.add(250);
        times.add(251);
        times.add(u64::MAX / 2);
        let spread = times.spread();
        assert_eq!((spread.counts[0], spread.counts[1], spread.counts[17]), (1, 1, 1));
        assert_eq!(spread.count(), 3);
    }

    #[test]
    fn a_method_that_an_agent_made_up_is_no_label() {
        let meters = Meters::default();
        for _ in 0..3 {
            meters.decided(Call {
                method: "canary/method",
                decision: "denied",
                reason: "malformed",
            });
        }
        let text = crate::prometheus_text(&meters.families());
        assert!(text.contains("countersign_calls_total{method=\"other\",decision=\"denied\"} 3"));
        assert!(!text.contains("canary"));
    }
}
