//! `check`: everything that can be said of the sources without running them.

use crate::report::Report;
use crate::{Outcome, arrows, catalogue, deny, files, links, process, web, workspace};

/// Runs every check and tells how they went; with `--quick` those that need no compiler.
pub(crate) fn run(args: &[String]) -> Outcome {
    let quick = quick(args)?;
    let mut report = Report::new();
    cheap(&mut report);
    if !quick {
        lints(&mut report);
        dashboard(&mut report);
    }
    report.close()
}

/// Whether `--quick` was asked for, which is all that can be.
pub(crate) fn quick(args: &[String]) -> Result<bool, String> {
    match args {
        [] => Ok(false),
        [one] if one == "--quick" => Ok(true),
        _ => Err("this chore takes nothing but `--quick`".to_owned()),
    }
}

/// The checks that take seconds.
pub(crate) fn cheap(report: &mut Report) {
    report.check("dependencies are those of Cargo.lock", || {
        cargo(&["fetch", "--locked"])?;
        // The fuzzer has a lock file of its own, which no other build looks at.
        cargo(&["fetch", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
    });
    report.check("formatting", || {
        cargo(&["fmt", "--all", "--", "--check", "-l"])
            .map_err(|files| format!("{files}\nformat them with `cargo fmt --all`"))
    });
    report.check("arrows between crates", arrows::check);
    report.check("tidy files", files::check);
    report.check("links in documents", links::check);
    report.check("attack catalogue", catalogue::check);
    report.check("licences, bans and sources", deny::check);
}

/// clippy over everything, warnings denied.
pub(crate) fn lints(report: &mut Report) {
    report.check("lints", || {
        let lints = ["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"];
        cargo(&[&lints[..], &["--", "-D", "warnings"]].concat())
    });
}

/// Types, lint and formatting of the dashboard. Needs Node and its packages.
pub(crate) fn dashboard(report: &mut Report) {
    report.check("the dashboard's types, lint and formatting", web::check);
}

/// Runs cargo, silently unless it fails.
fn cargo(args: &[&str]) -> Outcome {
    process::quiet(process::cargo(args, &workspace::root())).map(drop)
}
