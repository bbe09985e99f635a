//! `demo` and `bench`: build a program, become it, and hand its arguments on.

use std::process::Stdio;

use crate::{Outcome, process, web, workspace};

/// Runs `countersign demo`. Built without optimising our own crates: a stranger waits for the build,
/// not for the calls.
pub(crate) fn demo(args: &[String]) -> Outcome {
    eprintln!("Building Countersign; the first time takes a few minutes.");
    web::build_if_possible();
    become_it(&["--package", "countersign", "--bin", "countersign", "--", "demo"], args)
}

/// Measures, in the build that is shipped.
pub(crate) fn bench(args: &[String]) -> Outcome {
    eprintln!("Building what is measured, as it is shipped; the first time takes some minutes.");
    web::build()?;
    become_it(&["--release", "--package", "bench", "--"], args)
}

fn become_it(what: &[&str], args: &[String]) -> Outcome {
    let mut command = process::cargo(&["run", "--quiet"], &workspace::root());
    command.args(what).args(args).stdin(Stdio::inherit());
    let status = command.status().map_err(|e| format!("cannot start cargo: {e}"))?;
    // The program has said for itself what went wrong.
    std::process::exit(status.code().unwrap_or(1))
}
