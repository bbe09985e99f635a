//! `cargo xtask bench`: measures beside a bare proxy in one run and, with `--write`, keeps the page.

use std::fs;
use std::process::{Command, Stdio};

use crate::Outcome;

const PAGE: &str = "docs/benchmarks.md";
const MARK: &str = "<!-- Everything below is written by `cargo xtask bench --write`. -->";

/// Builds the measurement and the product with the same settings, and runs one on the other.
pub(crate) fn run(args: &[String]) -> Outcome {
    let write = args.iter().any(|arg| arg == "--write");
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
        let (kept, _) = page.split_once(MARK).ok_or(format!("{PAGE} has no mark"))?;
        let figures = String::from_utf8_lossy(&measured.stdout);
        print!("{figures}");
        let page = format!("{kept}{MARK}\n\n{}", figures.trim_start());
        fs::write(PAGE, page).map_err(|error| format!("{PAGE}: {error}"))?;
    }
    Ok(())
}
