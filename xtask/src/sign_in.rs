//! Signing in with a real browser and a real OpenID provider: `tests/sign-in`.

use crate::report::Ended;
use crate::{Outcome, process, test, workspace};

/// Builds the program, installs what the tests need, and runs them.
pub(crate) fn in_a_browser() -> Result<Ended, String> {
    install()?;
    let build = ["build", "--quiet", "--package", "countersign", "--bin", "countersign"];
    process::quiet(process::cargo(&build, &workspace::root()))?;
    // Each test waits as long as a busy machine needs; only a run that hangs is ended.
    let args = ["--test", "--test-reporter=spec", "--test-timeout=600000"];
    let mut command = process::command("node", &args, &folder());
    let binary = workspace::target_dir()?.join("debug").join("countersign");
    command.env("COUNTERSIGN_BINARY", binary);
    let (said, ended_well) = process::loud(command)?;
    Ok(test::counted_by_node(&said).of_runner(ended_well, &said))
}

/// Installs what the tests need. Does nothing when nothing changed.
fn install() -> Outcome {
    process::quiet(process::command("bash", &["setup.sh"], &folder())).map(drop)
}

fn folder() -> std::path::PathBuf {
    workspace::root().join("tests").join("sign-in")
}
