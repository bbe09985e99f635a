//! The log on standard error, and what a panic may say.

use std::io;
use std::panic::PanicHookInfo;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterFn, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use crate::config::LogFormat;

/// Our own crates. All other code is capped: at `debug` and `trace`, HTTP and TLS libraries write
/// headers and bodies.
const OURS: [&str; 10] = [
    "countersign",
    "control",
    "gateway",
    "json",
    "mcp",
    "payments",
    "policy",
    "quota",
    "store",
    "vault",
];

/// Starts logging. `RUST_LOG` may choose other levels by target, within the cap.
///
/// - **Errors**: `RUST_LOG` cannot be read.
pub(crate) fn start(format: LogFormat, level: Level) -> Result<(), String> {
    let targets = match std::env::var("RUST_LOG") {
        Ok(text) if !text.is_empty() => text.parse::<Targets>().map_err(|_| {
            "RUST_LOG takes levels by target, such as \"info,gateway=debug\"".to_owned()
        })?,
        _ => Targets::new().with_default(level),
    };
    let cap = FilterFn::new(is_within_cap);
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false).log_internal_errors(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A second start finds the first in force; that only happens within one test process.
    let _ = tracing_subscriber::registry().with(lines.with_filter(cap)).with(targets).try_init();
    Ok(())
}

/// Whether an event may be written at all, whatever anybody asks for.
fn is_within_cap(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || is_ours(metadata.target())
}

fn is_ours(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    OURS.contains(&name)
}

/// Makes a panic say where it happened and nothing else: its text may hold a value of a call.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        crate::out::note(&panic_line(info.location().map(|at| (at.file(), at.line()))));
    }));
}

fn panic_line(at: Option<(&str, u32)>) -> String {
    let (file, line) = at.unwrap_or(("unknown place", 0));
    // The path on the machine that compiled it is nobody's business.
    let start = file
        .rfind("/registry/src/")
        .map_or_else(|| file.rfind("crates/").unwrap_or(0), |at| at + "/registry/src/".len());
    let file = file.get(start..).unwrap_or(file);
    format!("countersign: internal error (code panic) at {file}:{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_code_is_capped_and_ours_is_not() {
        assert!(is_ours("gateway") && is_ours("gateway::road") && is_ours("countersign::serve"));
        for target in ["hyper", "h2::codec", "rustls::conn", "gateway_spy", "", "axum::rejection"] {
            assert!(!is_ours(target), "{target}");
        }
    }

    #[test]
    fn a_panic_names_its_place_and_never_the_machine() {
        assert_eq!(
            panic_line(Some(("crates/gateway/src/road.rs", 7))),
            "countersign: internal error (code panic) at crates/gateway/src/road.rs:7"
        );
        assert_eq!(
            panic_line(Some(("/home/x/.cargo/registry/src/index-1/hyper-1/src/a.rs", 7))),
            "countersign: internal error (code panic) at index-1/hyper-1/src/a.rs:7"
        );
    }
}
