//! `fuzz`: looks for bytes that open as a sealed record and were not sealed, guided by which ways
//! through the code they take.
//!
//! The fuzzer stands apart in `fuzz/`, with a lock file of its own: its flags would rebuild everything.
//! The compiler of this repository has what it needs; an address sanitiser would need another one.

use std::process::Stdio;

use crate::{Outcome, process, workspace};

/// How long is looked when nobody says.
const SECONDS: &str = "60";
/// Counters at every branch, and the values of comparisons.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1";

/// Builds the fuzzer and lets it look for so many seconds.
pub(crate) fn fuzz(args: &[String]) -> Outcome {
    let seconds = args.first().map_or(SECONDS, String::as_str);
    let seconds: u32 =
        seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))?;
    let root = workspace::root();
    let rustc = process::quiet(process::command("rustc", &["-vV"], &root))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("`rustc -vV` names no host")?;
    eprintln!("Building the fuzzer; the first time takes a few minutes.");
    // With the target named, the flags are for the fuzzer and not for what builds it.
    let (time, folder) = (format!("-max_total_time={seconds}"), root.join("fuzz"));
    let build =
        ["run", "--quiet", "--release", "--locked", "--target", host, "--bin", "open", "--"];
    let mut command = process::cargo(&build, &folder);
    command.args([time.as_str(), "-max_len=512", "-print_final_stats=1"]);
    let status = command.env("RUSTFLAGS", FLAGS).stdin(Stdio::null()).status();
    match status.map_err(|error| format!("cannot start cargo: {error}"))?.success() {
        true => Ok(()),
        false => Err("the fuzzer found something, or could not be built: see above".to_owned()),
    }
}
