//! The dashboard: its packages, its checks, its build, and its tests. Each is left out while
//! nothing it depends on has changed.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::{Counted, Ended};
use crate::{Outcome, process, workspace};

/// What the build reads beside `web/` itself.
const READ: [&str; 2] = ["docs/openapi.json", "docs/policy.schema.json"];
/// Folders of `web/` that hold nothing it is made from.
const MADE: [&str; 5] = ["node_modules", "dist", ".cache", "test-results", "screenshots"];

/// Builds `web/dist`, if anything changed since it was built last.
pub(crate) fn build() -> Outcome {
    let stamp = stamp(&[&web()], &READ)?;
    let file = web().join("dist").join(".stamp");
    if fs::read_to_string(&file).is_ok_and(|last| last == stamp) {
        return Ok(());
    }
    packages()?;
    for script in ["api", "build"] {
        process::quiet(npm(&["run", "--silent", script]))?;
    }
    fs::write(&file, stamp).map_err(|e| format!("cannot write `{}`: {e}", file.display()))
}

/// Builds it where Node is there, and says so where it is not: the program does without.
pub(crate) fn build_if_possible() {
    if !process::there("npm", &["--version"]) {
        eprintln!("The dashboard is left out: Node 20.19 or newer is not here.");
    } else if let Err(problem) = build() {
        eprintln!("The dashboard is left out: {problem}");
    }
}

/// Formatting, types and lint.
pub(crate) fn check() -> Outcome {
    packages()?;
    process::quiet(npm(&["run", "--silent", "api"]))?;
    process::quiet(npm(&["run", "--silent", "check"])).map(drop)
}

/// Its unit tests.
pub(crate) fn unit_tests() -> Result<Ended, String> {
    packages()?;
    process::quiet(npm(&["run", "--silent", "api"]))?;
    let (said, ended_well) = process::loud(plain(npm(&["run", "--silent", "test"])))?;
    Ok(counted(&said, "Tests ").of_runner(ended_well, &said))
}

/// A browser through a running demo: the lines that the design calls done.
pub(crate) fn browser_tests() -> Result<Ended, String> {
    build()?;
    let cargo = ["build", "--quiet", "--package", "countersign", "--bin", "countersign"];
    process::quiet(process::cargo(&cargo, &workspace::root()))?;
    let binary = workspace::target_dir()?.join("debug").join("countersign");
    let mut command = plain(npm(&["run", "--silent", "e2e"]));
    command.env("COUNTERSIGN_BIN", binary);
    let (said, ended_well) = process::loud(command)?;
    Ok(counted(&said, "").of_runner(ended_well, &said))
}

/// Installs what `package-lock.json` names, if that changed.
fn packages() -> Outcome {
    let file = web().join("node_modules").join(".stamp");
    let stamp = stamp(&[], &["web/package.json", "web/package-lock.json"])?;
    if fs::read_to_string(&file).is_ok_and(|last| last == stamp) {
        return Ok(());
    }
    process::quiet(npm(&["ci", "--no-progress", "--loglevel=error"]))?;
    fs::write(&file, stamp).map_err(|e| format!("cannot write `{}`: {e}", file.display()))
}

fn web() -> PathBuf {
    workspace::root().join("web")
}

fn npm(args: &[&str]) -> Command {
    process::command("npm", args, &web())
}

/// Without colours, so that the closing lines can be read.
fn plain(mut command: Command) -> Command {
    command.env("NO_COLOR", "1").env_remove("FORCE_COLOR");
    command
}

/// A number that changes with the content of any file in the folders, or of the files.
fn stamp(folders: &[&Path], files: &[&str]) -> Result<String, String> {
    let mut paths: Vec<PathBuf> = files.iter().map(|name| workspace::root().join(name)).collect();
    for folder in folders {
        gather(folder, &mut paths)?;
    }
    paths.sort();
    let mut hasher = DefaultHasher::new();
    for path in paths {
        path.hash(&mut hasher);
        let bytes =
            fs::read(&path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
        bytes.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn gather(folder: &Path, into: &mut Vec<PathBuf>) -> Outcome {
    let entries =
        fs::read_dir(folder).map_err(|e| format!("cannot read `{}`: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        // Generated from one of the files that are read anyway.
        let made = MADE.iter().any(|made| *name == **made) || *name == *"schema.d.ts";
        if made {
            continue;
        }
        if path.is_dir() {
            gather(&path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

/// Reads `Tests  3 failed | 12 passed (15)` of Vitest, and `12 passed (9s)` and `3 failed` of
/// Playwright, each on a line of its own.
fn counted(said: &[String], begins: &str) -> Counted {
    let mut counted = Counted::default();
    for line in said.iter().map(|line| line.trim()).filter(|line| line.starts_with(begins)) {
        let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "|").collect();
        if begins.is_empty() && words.first().is_none_or(|word| word.parse::<u64>().is_err()) {
            continue;
        }
        for pair in words.windows(2) {
            let (Some(number), Some(what)) = (pair.first(), pair.get(1)) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match *what {
                "passed" => counted.passed += number,
                "failed" | "flaky" | "interrupted" => counted.failed += number,
                _ => {}
            }
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_read() {
        for (line, begins, passed, failed) in [
            ("      Tests  3 failed | 12 passed (15)", "Tests ", 12, 3),
            (" Test Files  2 passed (2)", "Tests ", 0, 0),
            ("  12 passed (9.1s)", "", 12, 0),
            ("  2 failed", "", 0, 2),
            ("  1 flaky", "", 0, 1),
            ("  ok 3 the page 12 passed", "", 0, 0),
        ] {
            let counted = counted(&[line.to_owned()], begins);
            assert_eq!((counted.passed, counted.failed), (passed, failed), "{line}");
        }
    }

    #[test]
    fn a_stamp_changes_with_what_is_in_the_files() {
        let scratch = process::Scratch::new("web-stamp").unwrap();
        let file = scratch.path().join("a.ts");
        fs::write(&file, "one").unwrap();
        let first = stamp(&[scratch.path()], &[]).unwrap();
        assert_eq!(stamp(&[scratch.path()], &[]).unwrap(), first);
        fs::write(&file, "two").unwrap();
        let second = stamp(&[scratch.path()], &[]).unwrap();
        assert_ne!(first, second);
        fs::create_dir(scratch.path().join("dist")).unwrap();
        fs::write(scratch.path().join("dist/b.js"), "made").unwrap();
        assert_eq!(stamp(&[scratch.path()], &[]).unwrap(), second);
    }
}
