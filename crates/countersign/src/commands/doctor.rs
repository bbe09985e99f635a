//! `doctor`: looks at everything an instance stands on, and says what is wrong and how to mend it.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use vault::SourceError;

use super::show;
use crate::api::Api;
use crate::args::{Configured, Instance};
use crate::config::{Config, Sources};
use crate::failure::{Failure, reason};
use crate::out::{self, Style};

/// Before this moment the clock is certainly wrong: 2026-01-01.
const CLOCK_MIN: Duration = Duration::from_secs(1_767_225_600);
/// How far this machine's clock may be from the instance's.
const SKEW_MAX: i64 = 5;
/// The least room on the disk that is not a reason to worry, in bytes.
const ROOM_MIN: u64 = 512 << 20;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    good: bool,
    says: String,
    mend: String,
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, good: true, says: says.into(), mend: String::new() }
}

fn bad(what: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { what, good: false, says: says.into(), mend: mend.into() }
}

pub(super) async fn run(
    instance: &Instance,
    configured: Configured,
    style: Style,
) -> Result<(), Failure> {
    let flags = configured.data_dir.map(|dir| ("data_dir", dir)).into_iter().collect();
    let mut findings = Vec::new();
    match crate::serve::load(&Sources::of_process(configured.config, flags)) {
        Ok(config) => {
            findings.push(good("configuration", "it can be read"));
            findings.push(root_key(&config));
            findings.push(database(&config.data_dir));
            findings.extend(room(&config.data_dir));
        }
        Err(failure) => findings.push(bad("configuration", failure.to_string(), "")),
    }
    findings.push(clock());
    running(instance, &mut findings).await;
    tell(&findings, style)
}

/// The key can be read and only its owner can.
fn root_key(config: &Config) -> Finding {
    const WHAT: &str = "root key";
    let source = config.root_key_source();
    match source.load() {
        Ok(_) => good(WHAT, format!("{source} holds one")),
        Err(SourceError::Missing { .. }) if !config.data_dir.join("countersign.db").exists() => {
            good(WHAT, "there is none yet; the first start makes one")
        }
        Err(SourceError::NoDescriptor { descriptor, .. }) => {
            good(WHAT, format!("it comes by descriptor {descriptor}, which only `serve` is handed"))
        }
        Err(SourceError::OpenToOthers { path, mode }) => bad(
            WHAT,
            format!("`{}` is open to others (mode {mode:04o})", path.display()),
            format!("chmod 600 '{}'", path.display()),
        ),
        Err(error) => bad(
            WHAT,
            error.to_string(),
            "put it back from your backup: without it no credential opens",
        ),
    }
}

/// The database is there, is ours to read and write, and is not open to others.
fn database(dir: &Path) -> Finding {
    const WHAT: &str = "database";
    let file = dir.join("countersign.db");
    let metadata = match std::fs::metadata(&file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return good(WHAT, format!("there is none yet at `{}`", file.display()));
        }
        Err(error) => {
            return bad(
                WHAT,
                format!("`{}` cannot be looked at: {}", file.display(), reason(&error)),
                "give this user the right to read the data directory",
            );
        }
    };
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open(&file) {
        return bad(
            WHAT,
            format!("`{}` cannot be opened for writing: {}", file.display(), reason(&error)),
            "give this user the right to write to it, or run as the user that runs `serve`",
        );
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
        return bad(
            WHAT,
            format!("`{}` is open to others", file.display()),
            format!("chmod 600 '{}'", file.display()),
        );
    }
    good(WHAT, format!("`{}`, {} KiB", file.display(), metadata.len() / 1024))
}

/// There is room to write. The system's own tool tells: the library has no call for it.
fn room(dir: &Path) -> Option<Finding> {
    const WHAT: &str = "disk";
    let there = dir.ancestors().find(|dir| !dir.as_os_str().is_empty() && dir.exists());
    let there = there.unwrap_or(Path::new("."));
    let told = std::process::Command::new("df").arg("-Pk").arg(there).output().ok()?;
    let text = String::from_utf8(told.stdout).ok()?;
    let kib: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    let says = format!("{} MiB free at `{}`", kib / 1024, there.display());
    Some(if kib.saturating_mul(1024) < ROOM_MIN {
        bad(WHAT, says, "free space: when the disk is full every call is refused")
    } else {
        good(WHAT, says)
    })
}

fn clock() -> Finding {
    const WHAT: &str = "clock";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let says = jiff::Timestamp::now().to_string();
    if now < CLOCK_MIN {
        return bad(
            WHAT,
            format!("it says {says}"),
            "set it: expiry and daily limits depend on it",
        );
    }
    good(WHAT, says)
}

/// What only the running instance knows: whether it answers, and how its upstreams are.
async fn running(instance: &Instance, findings: &mut Vec<Finding>) {
    const WHAT: &str = "instance";
    let api = match Api::of(instance) {
        Ok(api) => api,
        Err(failure) => {
            findings.push(bad(WHAT, failure.what, failure.next));
            return;
        }
    };
    match api.get(&["health"]).await {
        Ok(health) => {
            findings.push(good(WHAT, format!("it answers: {}", show::cell(&health, "/status"))))
        }
        Err(failure) if failure.code == "unreachable" => {
            findings.push(bad(WHAT, failure.what, failure.next));
            return;
        }
        Err(_) => findings.push(bad(
            WHAT,
            "it answers and is not well: its store does not answer or its key does not open it",
            "look at its log on standard error; free space on the disk",
        )),
    }
    findings.extend(skew(&api).await);
    findings.extend(believed(&api).await);
    match api.list(&["servers"]).await {
        Ok(servers) => {
            for server in &servers {
                findings.push(upstream(&api, server).await);
            }
        }
        Err(failure) => findings.push(bad("upstreams", failure.what, failure.next)),
    }
}

/// How far the instance's clock is from this machine's.
async fn skew(api: &Api) -> Option<Finding> {
    let there = api.date().await?;
    let here = jiff::Timestamp::now();
    let apart = (there.as_second() - here.as_second()).abs();
    (apart > SKEW_MAX).then(|| {
        bad(
            "clock",
            format!("the instance's clock is {apart} seconds from this machine's"),
            "let both machines keep time (NTP)",
        )
    })
}

/// The instance believes its clock; otherwise it denies every call with limits.
async fn believed(api: &Api) -> Option<Finding> {
    const WHAT: &str = "clock";
    let clock = api.get(&["clock"]).await.ok()?;
    let doubt = clock.get("doubt").filter(|doubt| !doubt.is_null())?;
    let strayed = match show::cell(doubt, "/reason").as_str() {
        "jumped_ahead" => "jumped ahead",
        _ => "fell back",
    };
    let seconds = show::cell(doubt, "/seconds");
    Some(bad(
        WHAT,
        format!(
            "the instance's clock {strayed} by {seconds} seconds: calls with limits are denied \
             (`clock_uncertain`)"
        ),
        "set the clock right; if it is right now, say so: countersign clock confirm --reason …",
    ))
}

/// A server answers now, and its credential opens.
async fn upstream(api: &Api, server: &Value) -> Finding {
    const WHAT: &str = "upstream";
    let slug = show::cell(server, "/slug");
    if show::cell(server, "/enabled") == "no" {
        return good(WHAT, format!("`{slug}` is switched off"));
    }
    match api.act(&["servers", &slug, "refresh"]).await {
        Ok(found) => {
            let text = |pointer| show::cell(&found, pointer);
            let says = format!(
                "`{slug}` answers ({}), {} tools",
                text("/server/version"),
                text("/tools/found")
            );
            match text("/server/tools/waiting").as_str() {
                "" | "0" => good(WHAT, says),
                waiting => bad(
                    WHAT,
                    format!("{says}, {waiting} of them not accepted"),
                    format!("look at them with `countersign tool list {slug}` and accept them"),
                ),
            }
        }
        Err(failure) if failure.code == "forbidden" => {
            let health = show::cell(server, "/health");
            good(WHAT, format!("`{slug}` was {health} when it was last looked at"))
        }
        Err(failure) => bad(WHAT, format!("`{slug}`: {}", failure.what), failure.next),
    }
}

fn tell(findings: &[Finding], style: Style) -> Result<(), Failure> {
    let wrong = findings.iter().filter(|finding| !finding.good).count();
    for finding in findings {
        let mark = if finding.good { "ok" } else { "BAD" };
        match style {
            Style::Json => out::json(&json!({
                "what": finding.what, "ok": finding.good, "says": finding.says,
                "mend": finding.mend,
            }))?,
            Style::Human => {
                out::line(&format!("{mark:<4} {:<14} {}", finding.what, finding.says))?;
                if !finding.mend.is_empty() {
                    out::line(&format!("     {:<14} next: {}", "", finding.mend))?;
                }
            }
        }
    }
    if wrong == 0 {
        return Ok(());
    }
    Err(Failure::new("doctor", format!("{wrong} of {} checks are bad", findings.len()), ""))
}
