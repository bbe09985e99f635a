//! OAuth towards upstreams, against a provider, a server and a conformance suite of others: `tests/oauth`.

use crate::report::Ended;
use crate::{Outcome, process, test, workspace};

/// Builds the program and runs the tests. The suite is that of `tests/peers`, installed before.
pub(crate) fn against_others() -> Result<Ended, String> {
    install()?;
    let build = ["build", "--quiet", "--package", "countersign", "--bin", "countersign"];
    process::quiet(process::cargo(&build, &workspace::root()))?;
    // Each test waits as long as a busy machine needs; only a run that hangs is ended.
    let args = ["--test", "--test-reporter=spec", "--test-timeout=600000"];
    let mut command = process::command("node", &args, &folder());
    command.env("COUNTERSIGN_BINARY", workspace::target_dir()?.join("debug").join("countersign"));
    let (said, ended_well) = process::loud(command)?;
    Ok(test::counted_by_node(&said).of_runner(ended_well, &said))
}

/// Installs what the tests need. Does nothing when nothing changed.
pub(crate) fn install() -> Outcome {
    process::quiet(process::command("bash", &["setup.sh"], &folder())).map(drop)
}

fn folder() -> std::path::PathBuf {
    workspace::root().join("tests").join("oauth")
}
