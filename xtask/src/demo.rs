//! `demo`: builds the binary and runs its demo.

use crate::{Outcome, process, workspace};

/// Builds, then becomes `countersign demo` with these arguments.
pub(crate) fn run(args: &[String]) -> Outcome {
    let mut command =
        process::cargo(&["run", "--quiet", "--package", "countersign"], &workspace::root());
    command.args(["--bin", "countersign", "--", "demo"]).args(args);
    command.stdin(std::process::Stdio::inherit());
    eprintln!("Building Countersign; the first time takes a few minutes.");
    let status = command.status().map_err(|e| format!("cannot start cargo: {e}"))?;
    // The demo has said for itself what went wrong.
    std::process::exit(status.code().unwrap_or(1))
}
