//! What an instance tells others, received by the protocols' own readers: `tests/telemetry`.

use crate::report::Ended;
use crate::{Outcome, evidence, process, workspace};

/// Installs the readers. Does nothing when nothing changed.
pub(crate) fn install() -> Outcome {
    process::quiet(process::command("bash", &["setup.sh"], &folder())).map(drop)
}

/// Starts an instance with every export on, and reads what comes.
pub(crate) fn receive() -> Result<Ended, String> {
    install()?;
    let build = ["build", "--package", "countersign", "--package", "payments", "--bins"];
    process::quiet(process::cargo(&build, &workspace::root()))?;
    let mut command = process::command(".venv/bin/python", &["-m", "unittest", "-v"], &folder());
    command.env("COUNTERSIGN_PROGRAMS", workspace::target_dir()?.join("debug"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let (said, ended_well) = process::loud(command)?;
    Ok(evidence::counted(&said).of_runner(ended_well, &said))
}

fn folder() -> std::path::PathBuf {
    workspace::root().join("tests").join("telemetry")
}
