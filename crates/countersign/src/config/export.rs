//! Settings of what others are told: measurements and exports.

use std::path::PathBuf;
use std::time::Duration;

use audit::{KeyKind, PublicKey};

use super::settings::{Setting, quoted, setting};
use super::values::{Given, print_days, print_duration};

/// The evidence log.
#[derive(Clone, Debug, Default)]
pub(crate) struct EvidenceLog {
    /// Who cosigns its checkpoints.
    pub(crate) witnesses: Vec<WitnessAt>,
    /// No call begins unless one of them has cosigned within this time.
    pub(crate) require_witness: Option<Duration>,
    /// How long entries keep what they say.
    pub(crate) keep: Option<Duration>,
    /// Whether arguments and results may be kept, sealed to a key that is not here.
    pub(crate) capture: bool,
}

/// A witness: where it is, and its key.
#[derive(Clone, Debug)]
pub(crate) struct WitnessAt {
    /// Its address, without `/add-checkpoint`.
    pub(crate) url: String,
    /// Its public key.
    pub(crate) key: PublicKey,
}

impl WitnessAt {
    /// Reads `URL NAME+ID+KEY`.
    fn parse(text: &str) -> Option<Self> {
        let (url, key) = text.split_once(' ')?;
        let url = address(Given::Text(url.to_owned())).ok()?;
        let key = PublicKey::parse(key.trim()).ok().filter(|key| key.kind() == KeyKind::Witness)?;
        Some(Self { url, key })
    }
}

impl EvidenceLog {
    /// What does not go together.
    pub(super) fn problems(&self) -> Vec<String> {
        let alone = self.require_witness.is_some() && self.witnesses.is_empty();
        let problem = "`evidence.require_witness` needs `evidence.witnesses`: nobody could cosign";
        alone.then(|| problem.to_owned()).into_iter().collect()
    }
}

/// What others are told, and where.
#[derive(Debug)]
pub(crate) struct Export {
    /// Whether `/metrics` needs no key.
    pub(crate) metrics_for_all: bool,
    /// The file that grows with the evidence log.
    pub(crate) file_path: Option<PathBuf>,
    /// A file that is larger is ended, in bytes.
    pub(crate) file_bytes_max: u64,
    /// How many ended files stay; 0 keeps all.
    pub(crate) file_keep: usize,
    /// Where signed batches go.
    pub(crate) webhook_url: Option<String>,
    /// The file of the secret they are signed under.
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// The collector of OpenTelemetry.
    pub(crate) otlp_url: Option<String>,
    /// Headers for it.
    pub(crate) otlp_headers_file: Option<PathBuf>,
    /// Whether it gets the entries of the evidence log.
    pub(crate) otlp_logs: bool,
    /// Whether it gets measurements.
    pub(crate) otlp_metrics: bool,
    /// Whether it gets spans.
    pub(crate) otlp_traces: bool,
}

impl Default for Export {
    fn default() -> Self {
        Self {
            metrics_for_all: false,
            file_path: None,
            file_bytes_max: 100 << 20,
            file_keep: 0,
            webhook_url: None,
            webhook_secret_file: None,
            otlp_url: None,
            otlp_headers_file: None,
            otlp_logs: true,
            otlp_metrics: true,
            otlp_traces: true,
        }
    }
}

impl Export {
    /// What does not go together.
    pub(super) fn problems(&self) -> Vec<String> {
        let webhook = [self.webhook_url.is_some(), self.webhook_secret_file.is_some()];
        let halves = webhook.iter().filter(|set| **set).count() == 1;
        let problem = "`export.webhook.url` and `export.webhook.secret_file` go together: \
                       batches are never sent unsigned";
        halves.then(|| problem.to_owned()).into_iter().collect()
    }
}

/// The address of something that is posted to: `https`, or `http` inside.
fn address(given: Given) -> Result<String, String> {
    let takes = "an address such as \"https://collector.example.com\"";
    let text = given.text(takes)?;
    let url = url::Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    });
    url.map(|_| text).ok_or_else(|| format!("takes {takes}, with no user name in it"))
}

fn path(given: Given) -> Result<Option<PathBuf>, String> {
    Ok(Some(PathBuf::from(given.text("a path")?)))
}

fn shown(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| quoted(&path.display().to_string()))
}

macro_rules! switch {
    ($name:literal, $field:ident, $help:literal) => {
        setting(
            $name,
            $help,
            |config, given| {
                config.export.$field = given.switch()?;
                Ok(())
            },
            |config| Some(config.export.$field.to_string()),
        )
    };
}

/// The settings, in the order they are printed.
pub(super) const SETTINGS: [Setting; 15] = [
    setting(
        "evidence.witnesses",
        "Witnesses that cosign the evidence log, each `URL KEY` as `countersign witness` prints it.",
        |config, given| {
            let takes = "a list of witnesses, each an address, a space and its public key";
            let list = given.list(takes)?;
            let read: Option<Vec<_>> = list.iter().map(|text| WitnessAt::parse(text)).collect();
            config.evidence.witnesses = read.ok_or_else(|| format!("takes {takes}"))?;
            Ok(())
        },
        |config| {
            let witnesses = config.evidence.witnesses.iter();
            let shown: Vec<_> =
                witnesses.map(|w| quoted(&format!("{} {}", w.url, w.key))).collect();
            Some(format!("[{}]", shown.join(", ")))
        },
    ),
    setting(
        "evidence.require_witness",
        "No call begins unless a witness has cosigned within this time.",
        |config, given| {
            config.evidence.require_witness = Some(given.duration()?);
            Ok(())
        },
        |config| config.evidence.require_witness.map(|within| quoted(&print_duration(within))),
    )
    .default("not required"),
    setting(
        "evidence.keep",
        "How long entries keep what they say, such as `400d`. Their hashes and proofs stay.",
        |config, given| {
            config.evidence.keep = Some(given.days()?);
            Ok(())
        },
        |config| config.evidence.keep.map(|keep| quoted(&print_days(keep))),
    )
    .default("for ever"),
    setting(
        "evidence.capture",
        "Whether admins may have arguments and results kept, sealed to a public key of theirs.",
        |config, given| {
            config.evidence.capture = given.switch()?;
            Ok(())
        },
        |config| Some(config.evidence.capture.to_string()),
    ),
    switch!(
        "metrics.open",
        metrics_for_all,
        "Whether `/metrics` on the control plane's listener needs no API key."
    ),
    setting(
        "export.file.path",
        "A file that the evidence log is written to as it grows, such as `evidence.jsonl`.",
        |config, given| {
            config.export.file_path = path(given)?;
            Ok(())
        },
        |config| shown(config.export.file_path.as_ref()),
    )
    .default("none"),
    setting(
        "export.file.bytes_max",
        "A file that is larger is ended and renamed after its first entry; another begins.",
        |config, given| {
            config.export.file_bytes_max = given.whole(64 << 10, 1 << 40)?.unsigned_abs();
            Ok(())
        },
        |config| Some(config.export.file_bytes_max.to_string()),
    ),
    setting(
        "export.file.keep",
        "How many ended files stay; 0 keeps all.",
        |config, given| {
            let keep = given.whole(0, 100_000)?;
            config.export.file_keep = usize::try_from(keep).map_err(|e| e.to_string())?;
            Ok(())
        },
        |config| Some(config.export.file_keep.to_string()),
    ),
    setting(
        "export.webhook.url",
        "Where the evidence log is posted to, in signed batches.",
        |config, given| {
            config.export.webhook_url = Some(address(given)?);
            Ok(())
        },
        |config| config.export.webhook_url.as_deref().map(quoted),
    )
    .default("none"),
    setting(
        "export.webhook.secret_file",
        "The file of the secret that batches are signed under.",
        |config, given| {
            config.export.webhook_secret_file = path(given)?;
            Ok(())
        },
        |config| shown(config.export.webhook_secret_file.as_ref()),
    )
    .default("none"),
    setting(
        "export.otlp.url",
        "A collector of OpenTelemetry (OTLP over HTTP, protobuf), without `/v1/…`.",
        |config, given| {
            config.export.otlp_url = Some(address(given)?);
            Ok(())
        },
        |config| config.export.otlp_url.as_deref().map(quoted),
    )
    .default("none"),
    setting(
        "export.otlp.headers_file",
        "A file of headers for the collector, one `name: value` a line.",
        |config, given| {
            config.export.otlp_headers_file = path(given)?;
            Ok(())
        },
        |config| shown(config.export.otlp_headers_file.as_ref()),
    )
    .default("none"),
    switch!("export.otlp.logs", otlp_logs, "Whether the collector gets the evidence log."),
    switch!("export.otlp.metrics", otlp_metrics, "Whether the collector gets measurements."),
    switch!("export.otlp.traces", otlp_traces, "Whether the collector gets spans."),
];
