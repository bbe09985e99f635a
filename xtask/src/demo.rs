//! `demo`: builds the program, becomes it, and hands its arguments on.

use std::process::Stdio;
use std::thread;

use crate::{Outcome, process, web, workspace};

/// Runs `countersign demo`. Built without optimising our own crates: a stranger waits for the build,
/// not for the calls.
pub(crate) fn demo(args: &[String]) -> Outcome {
    eprintln!("Building Countersign; the first time takes a few minutes.");
    // Most of the dashboard's build waits for downloads: compile meanwhile what it is no part of.
    // Whatever is wrong there is told by the build of the whole.
    let dashboard = thread::spawn(web::build_if_possible);
    let beside = ["build", "--quiet", "--package", "gateway", "--package", "store"];
    drop(process::quiet(process::cargo(&beside, &workspace::root())));
    dashboard.join().map_err(|_| "the build of the dashboard broke off".to_owned())?;
    let what = ["run", "--quiet", "--package", "countersign", "--bin", "countersign", "--", "demo"];
    let mut command = process::cargo(&what, &workspace::root());
    command.args(args).stdin(Stdio::inherit());
    let status = command.status().map_err(|e| format!("cannot start cargo: {e}"))?;
    // The program has said for itself what went wrong.
    std::process::exit(status.code().unwrap_or(1))
}
