//! Joins what the gateway does to what others are told of it: measurements, spans, exports.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use gateway::{Decided, Ended, Observer, Trace};
use http::HeaderMap;
use store::sqlite::Sqlite;
use store::{Clock, Evidence as _, Intent, OutcomeClass, Verdict};
use telemetry::{Call, Collector, End, FileSink, Hub, LogSink, Span, WebhookSink};
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;
use vault::Secret;

use crate::config::Export;
use crate::failure::{Failure, reason};

/// How often spans that wait are sent.
const SPANS_EVERY: Duration = Duration::from_secs(1);
/// How often measurements are sent.
const METRICS_EVERY: Duration = Duration::from_secs(30);

/// What an instance tells others, ready to be started.
pub(crate) struct Telemetry {
    pub(crate) hub: Arc<Hub>,
    store: Arc<Sqlite>,
    clock: Arc<dyn Clock>,
    file: Option<(PathBuf, u64, usize)>,
    webhook: Option<WebhookSink>,
    otlp: Option<Otlp>,
    started_micros: i64,
}

/// What is sent to a collector.
struct Otlp {
    collector: Collector,
    logs: bool,
    metrics: bool,
    traces: bool,
}

impl Telemetry {
    /// Reads what the configuration names: secrets, headers.
    pub(crate) async fn open(
        export: &Export,
        store: &Arc<Sqlite>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let hub = Hub::new(Arc::clone(store) as Arc<dyn store::Exports>, Arc::clone(clock));
        let webhook = match (&export.webhook_url, &export.webhook_secret_file) {
            (Some(url), Some(file)) => {
                let origin = store.evidence_key().await.unwrap_or_default();
                let origin = origin.split('+').next().unwrap_or_default().to_owned();
                let secret = secret(file)?;
                let clock = Arc::clone(clock);
                Some(WebhookSink::new(url.clone(), &secret, origin, clock, targets(url)))
            }
            _ => None,
        };
        let otlp = match &export.otlp_url {
            Some(url) => {
                let headers = headers(export.otlp_headers_file.as_ref())?;
                let instance = store.install_id().to_owned();
                Some(Otlp {
                    collector: Collector::new(url, headers, instance, targets(url)),
                    logs: export.otlp_logs,
                    metrics: export.otlp_metrics,
                    traces: export.otlp_traces,
                })
            }
            None => None,
        };
        let file = export.file_path.clone();
        Ok(Self {
            hub: Arc::new(hub),
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            file: file.map(|path| (path, export.file_bytes_max, export.file_keep)),
            webhook,
            otlp,
            started_micros: clock.now().micros(),
        })
    }

    /// What is told of the road of a call.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        let traces = self.otlp.as_ref().is_some_and(|otlp| otlp.traces);
        Arc::new(Seen { hub: Arc::clone(&self.hub), traces })
    }

    /// What the control plane shows.
    pub(crate) fn watch(&self) -> Arc<dyn control::Watch> {
        Arc::new(Shown(Arc::clone(&self.hub)))
    }

    /// Starts everything that is sent, each on a task of its own, until `stop` says so.
    ///
    /// - **Shape**: the tasks; each ends soon after `stop`, having sent what must not wait for a next
    ///   start.
    pub(crate) fn start(self, stop: &watch::Receiver<bool>) -> JoinSet<()> {
        let (hub, mut tasks) = (&self.hub, JoinSet::new());
        if let Some((path, bytes_max, keep)) = self.file {
            let store = Arc::clone(&self.store) as Arc<dyn store::Exports>;
            let sink = FileSink::new(store, path, bytes_max, keep);
            tasks.spawn(telemetry::ship(Arc::clone(hub), sink, stop.clone()));
        }
        if let Some(sink) = self.webhook {
            tasks.spawn(telemetry::ship(Arc::clone(hub), sink, stop.clone()));
        }
        let Some(otlp) = self.otlp else { return tasks };
        if otlp.logs {
            let sink = LogSink::new(otlp.collector.clone(), Arc::clone(&self.clock));
            tasks.spawn(telemetry::ship(Arc::clone(hub), sink, stop.clone()));
        }
        if otlp.traces {
            let (hub, collector) = (Arc::clone(hub), otlp.collector.clone());
            tasks.spawn(every(SPANS_EVERY, stop.clone(), "spans", move || {
                let (hub, collector) = (Arc::clone(&hub), collector.clone());
                Box::pin(async move { telemetry::send_spans(&collector, &hub.spans).await })
            }));
        }
        if otlp.metrics {
            let (hub, collector, since) = (Arc::clone(hub), otlp.collector, self.started_micros);
            let clock = self.clock;
            tasks.spawn(every(METRICS_EVERY, stop.clone(), "measurements", move || {
                let (hub, collector) = (Arc::clone(&hub), collector.clone());
                let now = clock.now().micros();
                Box::pin(async move {
                    let families = hub.gather().await;
                    telemetry::send_metrics(&collector, &families, since, now).await
                })
            }));
        }
        tasks
    }
}

/// Something that is being sent.
type Sending = Pin<Box<dyn Future<Output = Result<(), telemetry::SinkError>> + Send>>;

/// Does something now and again, and once more at the end. A failure is told of when it begins.
async fn every(
    pause: Duration,
    mut stop: watch::Receiver<bool>,
    what: &'static str,
    mut send: impl FnMut() -> Sending + Send,
) {
    let mut failing = false;
    loop {
        let stopped = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            () = tokio::time::sleep(pause) => false,
        };
        match send().await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, what, "the collector does not take what is sent");
            }
            Err(_) => {}
        }
        if stopped {
            return;
        }
    }
}

/// Counts and times the road of a call.
struct Seen {
    hub: Arc<Hub>,
    traces: bool,
}

impl Observer for Seen {
    fn traces(&self) -> bool {
        self.traces
    }

    fn decided(&self, seen: &Decided<'_>) {
        let intent = seen.intent;
        let decision = intent.verdict.as_str();
        let call = Call { method: &intent.method, decision, reason: intent.reason };
        self.hub.meters.decided(call);
        // A call that was let through has its span when it ends.
        if let Some(trace) = seen.trace.filter(|trace| self.traces && trace.sampled)
            && intent.verdict != Verdict::Allowed
        {
            let mut span = of_request(trace, intent, seen.started.elapsed());
            span.failed = intent.verdict == Verdict::Denied;
            self.hub.spans.add(span);
        }
    }

    fn ended(&self, seen: &Ended<'_>) {
        let outcome = seen.outcome;
        self.hub.meters.ended(End {
            class: outcome.class.as_str(),
            took_micros: outcome.took_micros,
            upstream_micros: outcome.upstream_micros,
            echo_removed: outcome.echo_removed,
        });
        let (Some(trace), Some(intent)) = (seen.trace, seen.intent) else { return };
        if !self.traces || !trace.sampled {
            return;
        }
        let class = outcome.class.as_str().to_owned();
        let failed =
            !matches!(outcome.class, OutcomeClass::Completed | OutcomeClass::InputRequired);
        let took = Duration::from_micros(outcome.took_micros);
        let mut span = of_request(trace, intent, took);
        span.attributes.push(("countersign.outcome", class.clone()));
        span.failed = failed;
        let mut onward = Span {
            id: trace.onward,
            parent: Some(trace.span),
            onward: true,
            start_nanos: span
                .end_nanos
                .saturating_sub(outcome.upstream_micros.saturating_mul(1_000)),
            attributes: vec![
                ("mcp.method.name", intent.method.to_string()),
                ("countersign.server", intent.server_slug.to_string()),
                ("countersign.outcome", class),
            ],
            ..span.clone()
        };
        if let Some(status) = outcome.upstream_status {
            onward.attributes.push(("http.response.status_code", status.to_string()));
        }
        self.hub.spans.add(onward);
        self.hub.spans.add(span);
    }

    fn turned_away(&self, reason: &'static str) {
        self.hub.meters.turned_away(reason);
    }
}

/// The span of a request that took so long and ends now.
fn of_request(trace: &Trace, intent: &Intent, took: Duration) -> Span {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    // A name that an agent made up is nobody's tool.
    let tool = intent.tool.as_deref().filter(|_| intent.fingerprint.is_some());
    let method = if intent.method.is_empty() { "other" } else { &intent.method };
    let mut attributes = vec![
        ("mcp.method.name", method.to_owned()),
        ("countersign.call", intent.id.to_string()),
        ("countersign.server", intent.server_slug.to_string()),
        ("countersign.decision", intent.verdict.as_str().to_owned()),
    ];
    attributes.extend(tool.map(|tool| ("gen_ai.tool.name", tool.to_owned())));
    if !intent.reason.is_empty() {
        attributes.push(("countersign.reason", intent.reason.to_owned()));
    }
    Span {
        trace: trace.id,
        id: trace.span,
        parent: trace.parent,
        name: tool.map_or_else(|| method.to_owned(), |tool| format!("{method} {tool}")),
        onward: false,
        start_nanos: nanos(now.saturating_sub(took)),
        end_nanos: nanos(now),
        attributes,
        failed: false,
    }
}

/// What the control plane shows of the hub.
struct Shown(Arc<Hub>);

#[async_trait]
impl control::Watch for Shown {
    async fn metrics(&self) -> String {
        telemetry::prometheus_text(&self.0.gather().await)
    }

    async fn exports(&self) -> Vec<control::Exported> {
        let states = self.0.exports().await.into_iter();
        let shown = states.map(|state| control::Exported {
            name: state.name,
            next: state.next,
            behind: state.behind,
            delivered_at: state.delivered_at,
            failing_since: state.failing_since,
            problem: state.problem,
        });
        shown.collect()
    }
}

/// The one target that the configuration names may be private: whoever writes the configuration
/// runs the machine.
pub(crate) fn targets(url: &str) -> Vec<String> {
    let url = Url::parse(url).ok();
    let target = url.and_then(|url| {
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(format!("{host}:{}", url.port_or_known_default()?))
    });
    target.into_iter().collect()
}

fn secret(file: &PathBuf) -> Result<Secret, Failure> {
    let next = "correct `export.webhook.secret_file`: at least 16 characters, in one line";
    let bytes = std::fs::read(file).map_err(|error| unread(file, &reason(&error), next))?;
    let bytes = Secret::new(bytes);
    let length =
        bytes.expose().iter().rposition(|b| !b.is_ascii_whitespace()).map_or(0, |at| at + 1);
    let text = bytes.expose().get(..length).unwrap_or_default();
    if text.len() < 16 {
        return Err(unread(file, "the secret is too short", next));
    }
    Ok(Secret::new(text.to_vec()))
}

fn headers(file: Option<&PathBuf>) -> Result<HeaderMap, Failure> {
    let Some(file) = file else { return Ok(HeaderMap::new()) };
    let next = "correct `export.otlp.headers_file`: one `name: value` a line";
    let bytes = std::fs::read(file).map_err(|error| unread(file, &reason(&error), next))?;
    let bytes = Secret::new(bytes);
    let text = bytes.expose_str().ok_or_else(|| unread(file, "it is not text", next))?;
    telemetry::read_headers(text).map_err(|error| unread(file, &error.to_string(), next))
}

fn unread(file: &std::path::Path, why: &str, next: &str) -> Failure {
    Failure::new("export", format!("the file `{}` cannot be used: {why}", file.display()), next)
}
