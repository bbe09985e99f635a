//! What tests need beside Rust: packages of the system where they are missing, and the peers.

use crate::{Outcome, oauth, process, workspace};

/// A program, how it answers when it is there, and the Debian package that brings it.
const PROGRAMS: &[(&str, &[&str], &str)] = &[
    ("cc", &["--version"], "build-essential"),
    ("node", &["--version"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("chromium", &["--version"], "chromium"),
    ("python3", &["--version"], "python3"),
    ("python3", &["-m", "ensurepip", "--version"], "python3-venv"),
];

/// Installs missing packages of the system. Says which ones are missing where it may not.
pub(crate) fn packages() -> Outcome {
    let missing = |(program, args, _): &&(&str, &[&str], &str)| !process::there(program, args);
    let mut names: Vec<&str> = PROGRAMS.iter().filter(missing).map(|(_, _, name)| *name).collect();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    let root = process::quiet(process::command("id", &["-u"], &workspace::root()));
    if root.is_ok_and(|id| id.trim() == "0") && process::there("apt-get", &["--version"]) {
        apt(&["update", "-qq"])?;
        return apt(&[&["install", "-y", "-qq", "--no-install-recommends"], &names[..]].concat());
    }
    Err(format!("please install, as Debian calls them: {}", names.join(" ")))
}

fn apt(args: &[&str]) -> Outcome {
    let mut command = process::command("apt-get", args, &workspace::root());
    command.env("DEBIAN_FRONTEND", "noninteractive");
    process::quiet(command).map(drop)
}

/// Installs official clients and servers beside their tests. Does nothing when nothing changed.
pub(crate) fn peers() -> Outcome {
    let folder = workspace::root().join("tests").join("peers");
    process::quiet(process::command("bash", &["setup.sh"], &folder))?;
    oauth::install()
}
