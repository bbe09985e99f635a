//! `check`: everything that can be said of the sources without running them.

use crate::report::Report;
use crate::{Outcome, arrows, catalogue, deny, files, links, process, workspace};

/// Runs every check and tells how they went.
pub(crate) fn run() -> Outcome {
    let mut report = Report::new();
    steps(&mut report);
    report.close()
}

/// The checks, cheap ones first.
pub(crate) fn steps(report: &mut Report) {
    let root = workspace::root();
    let cargo = |args: &[&str]| process::quiet(process::cargo(args, &root)).map(drop);
    report.check("dependencies are those of Cargo.lock", || cargo(&["fetch", "--locked"]));
    report.check("formatting", || cargo(&["fmt", "--all", "--check"]));
    report.check("arrows between crates", arrows::check);
    report.check("tidy files", files::check);
    report.check("links in documents", links::check);
    report.check("attack catalogue", catalogue::check);
    report.check("licences, bans and sources", deny::check);
    report.check("lints", || {
        let lints = ["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"];
        cargo(&[&lints[..], &["--", "-D", "warnings"]].concat())
    });
}
