//! `cargo xtask bench`: measures beside a bare proxy in one run and, with `--write`, keeps the page.
//! `cargo xtask bench evidence N` measures the log alone, which takes minutes, and keeps a section of
//! its own: neither run writes over the other's figures.

use std::fs;
use std::process::{Command, Stdio};

use crate::{Outcome, web};

const PAGE: &str = "docs/benchmarks.md";
const MARK: &str = "<!-- Everything below is written by `cargo xtask bench --write`. -->";

/// What stands before and behind the figures of evidence.
const EVIDENCE_MARK: &str =
    "<!-- The figures of evidence are written by `cargo xtask bench evidence 1000000 --write`. -->";
const EVIDENCE_END: &str = "<!-- Here they end. -->";

/// Builds the measurement and the product with the same settings, and runs one on the other.
pub(crate) fn run(args: &[String]) -> Outcome {
    let write = args.iter().any(|arg| arg == "--write");
    let part = args.first().filter(|first| !first.starts_with("--"));
    if write && part.is_some_and(|part| part != "evidence") {
        return Err("a part is not kept: --write is for the whole, or for `evidence`".into());
    }
    eprintln!("Building what is measured, as it is shipped; the first time takes some minutes.");
    web::build()?;
    let profile = "release";
    let built = Command::new(env!("CARGO"))
        .args(["build", "--profile", profile, "-p", "bench", "-p", "countersign"])
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !built.success() {
        return Err("the measurement did not build".into());
    }
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into());
    let bin = |name: &str| format!("{target}/{profile}/{name}");
    let measured = Command::new(bin("bench"))
        .args(args.iter().filter(|arg| *arg != "--write"))
        .args(["--countersign", &bin("countersign")])
        .stdout(if write { Stdio::piped() } else { Stdio::inherit() })
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|error| format!("the measurement could not be run: {error}"))?;
    if !measured.status.success() {
        return Err("the measurement failed".into());
    }
    if write {
        let page = fs::read_to_string(PAGE).map_err(|error| format!("{PAGE}: {error}"))?;
        let figures = String::from_utf8_lossy(&measured.stdout);
        print!("{figures}");
        let page = match part {
            Some(_) => with_evidence(&page, &figures)?,
            None => {
                let (kept, _) = page.split_once(MARK).ok_or(format!("{PAGE} has no mark"))?;
                format!("{kept}{MARK}\n\n{}", figures.trim_start())
            }
        };
        fs::write(PAGE, page).map_err(|error| format!("{PAGE}: {error}"))?;
    }
    Ok(())
}

/// The page with these figures of evidence in place of the earlier ones.
fn with_evidence(page: &str, figures: &str) -> Result<String, String> {
    let missing = || format!("{PAGE} has no mark for evidence");
    let (before, rest) = page.split_once(EVIDENCE_MARK).ok_or_else(missing)?;
    let (_, after) = rest.split_once(EVIDENCE_END).ok_or_else(missing)?;
    Ok(format!("{before}{EVIDENCE_MARK}\n\n{}\n\n{EVIDENCE_END}{after}", figures.trim()))
}
