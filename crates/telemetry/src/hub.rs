//! The hub: everything that is measured, gathered when somebody asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::{Clock, Exports, InstanceState, Moment};

use crate::{Family, Kind, Meters, Sample, Spans, Value};

/// A store that takes longer is down, as far as measurements go.
const PATIENCE: Duration = Duration::from_secs(2);

/// How an export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportState {
    /// Its name: `file`, `webhook` or `otlp`.
    pub name: &'static str,
    /// The place in the log that it goes on from.
    pub next: u64,
    /// How many entries it has not delivered, of those that could be. Told when it was asked for.
    pub behind: u64,
    /// How many entries it delivered since the start.
    pub delivered: u64,
    /// How many deliveries failed since the start.
    pub failures: u64,
    /// When it last delivered.
    pub delivered_at: Option<Moment>,
    /// Since when no delivery has succeeded; `None` while all is well.
    pub failing_since: Option<Moment>,
    /// Why the last delivery failed: one sentence, with no address and nothing that was sent.
    pub problem: Option<String>,
}

/// What is measured of one instance.
pub struct Hub {
    /// What the gateway does.
    pub meters: Meters,
    /// Spans on their way out.
    pub spans: Spans,
    store: Arc<dyn Exports>,
    clock: Arc<dyn Clock>,
    started_at: Moment,
    exports: Mutex<Vec<ExportState>>,
    extra: Mutex<Vec<Extra>>,
}

/// Measurements of a part that the hub does not know.
type Extra = Box<dyn Fn() -> Vec<Family> + Send + Sync>;

impl Hub {
    /// A hub over this store.
    pub fn new(store: Arc<dyn Exports>, clock: Arc<dyn Clock>) -> Self {
        Self {
            meters: Meters::default(),
            spans: Spans::default(),
            store,
            started_at: clock.now(),
            clock,
            exports: Mutex::default(),
            extra: Mutex::default(),
        }
    }

    /// Adds measurements of another part.
    pub fn also(&self, families: impl Fn() -> Vec<Family> + Send + Sync + 'static) {
        self.extra.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(families));
    }

    /// How every export is, told now.
    pub async fn exports(&self) -> Vec<ExportState> {
        let signed = self.state().await.map_or(0, |state| state.signed);
        self.exports_at(signed)
    }

    fn exports_at(&self, signed: u64) -> Vec<ExportState> {
        let mut states = self.states().clone();
        for state in &mut states {
            state.behind = signed.saturating_sub(state.next);
        }
        states
    }

    async fn state(&self) -> Option<InstanceState> {
        let state = tokio::time::timeout(PATIENCE, self.store.instance_state()).await;
        state.ok().and_then(Result::ok)
    }

    /// Everything that is measured.
    pub async fn gather(&self) -> Vec<Family> {
        let mut families = self.meters.families();
        let state = self.state().await;
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        families.push(Family {
            name: "countersign_build_info",
            help: "The version that runs.",
            kind: Kind::Gauge,
            samples: vec![Sample { labels: version, value: Value::Whole(1) }],
        });
        families.push(Family::gauge(
            "countersign_start_time_seconds",
            "When the process started, in seconds since 1970.",
            seconds(self.started_at),
        ));
        let up = if state.is_some() { 1.0 } else { 0.0 };
        families.push(Family::gauge("countersign_store_up", "Whether the store answers.", up));
        if let Some(state) = state {
            families.extend(self.of_store(&state));
            families.extend(self.of_exports(state.signed));
        }
        families.push(Family::one(
            "countersign_spans_dropped_total",
            "Spans that were dropped because the collector did not keep up.",
            Kind::Counter,
            Value::Whole(self.spans.dropped()),
        ));
        families.extend(process());
        let extra = self.extra.lock().unwrap_or_else(PoisonError::into_inner);
        families.extend(extra.iter().flat_map(|families| families()));
        families
    }

    fn of_store(&self, state: &InstanceState) -> Vec<Family> {
        let whole = |name, help, number: u64| Family::gauge(name, help, number as f64);
        let signed_at = state.signed_at.map_or(0.0, seconds);
        vec![
            whole("countersign_log_entries", "Entries in the evidence log.", state.entries),
            whole(
                "countersign_log_signed_entries",
                "Entries that the newest checkpoint covers.",
                state.signed,
            ),
            whole(
                "countersign_log_retained_entries",
                "Entries whose content was taken out by age.",
                state.retained,
            ),
            Family::gauge(
                "countersign_log_checkpoint_time_seconds",
                "When the newest checkpoint was signed, in seconds since 1970.",
                signed_at,
            ),
            whole(
                "countersign_log_witnessed_entries",
                "Entries that a witness has cosigned.",
                state.witnessed,
            ),
            Family::gauge(
                "countersign_log_witness_time_seconds",
                "When a witness last cosigned, in seconds since 1970; 0 if none has.",
                state.witnessed_at.map_or(0.0, seconds),
            ),
            whole(
                "countersign_calls_open",
                "Calls that have left and have no outcome yet.",
                state.open_calls,
            ),
            whole(
                "countersign_approvals_waiting",
                "Calls that wait for people.",
                state.approvals_waiting,
            ),
            whole(
                "countersign_store_blocked",
                "Whether outcomes cannot be written, so that no call begins.",
                u64::from(state.blocked),
            ),
            whole(
                "countersign_database_bytes",
                "The database with its side files.",
                state.database_bytes,
            ),
        ]
    }

    fn of_exports(&self, signed: u64) -> Vec<Family> {
        let states = self.exports_at(signed);
        if states.is_empty() {
            return Vec::new();
        }
        let family = |name, help, kind, value: fn(&ExportState) -> Value| Family {
            name,
            help,
            kind,
            samples: states
                .iter()
                .map(|state| Sample {
                    labels: vec![("export", state.name.to_owned())],
                    value: value(state),
                })
                .collect(),
        };
        vec![
            family(
                "countersign_export_behind_entries",
                "Entries that could be delivered and are not yet.",
                Kind::Gauge,
                |state| Value::Whole(state.behind),
            ),
            family(
                "countersign_export_failing",
                "Whether the last delivery failed.",
                Kind::Gauge,
                |state| Value::Whole(u64::from(state.failing_since.is_some())),
            ),
            family(
                "countersign_export_delivered_entries_total",
                "Entries delivered since the start.",
                Kind::Counter,
                |state| Value::Whole(state.delivered),
            ),
            family(
                "countersign_export_failures_total",
                "Deliveries that failed since the start.",
                Kind::Counter,
                |state| Value::Whole(state.failures),
            ),
        ]
    }

    /// Changes what is known of an export; makes it known if it is not.
    pub(crate) fn export(&self, name: &'static str, change: impl FnOnce(&mut ExportState, Moment)) {
        let now = self.clock.now();
        let mut states = self.states();
        let at = match states.iter().position(|state| state.name == name) {
            Some(at) => at,
            None => {
                states.push(ExportState {
                    name,
                    next: 0,
                    behind: 0,
                    delivered: 0,
                    failures: 0,
                    delivered_at: None,
                    failing_since: None,
                    problem: None,
                });
                states.len() - 1
            }
        };
        if let Some(state) = states.get_mut(at) {
            change(state, now);
        }
    }

    pub(crate) fn store(&self) -> &dyn Exports {
        &*self.store
    }

    fn states(&self) -> MutexGuard<'_, Vec<ExportState>> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(at: Moment) -> f64 {
    at.micros() as f64 / 1e6
}

/// What the system says of this process; nothing where it does not.
fn process() -> Vec<Family> {
    let mut families = Vec::new();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    if let Some(kib) = kib {
        families.push(Family::gauge(
            "process_resident_memory_bytes",
            "Memory that this process holds.",
            (kib * 1024) as f64,
        ));
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        families.push(Family::gauge(
            "process_open_fds",
            "File descriptors that this process has open.",
            open.count() as f64,
        ));
    }
    families
}
