//! The handbook: the commands of the quick start are run as they stand, in a shell.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::program::{Ended, program, serve};

const QUICK_START: &str = include_str!("../../../../docs/quick-start.md");
const UPSTREAM_KEY: &str = "sk_handbook";

/// The shell commands of the page, without those that wait for a person.
fn script() -> String {
    let mut script = String::from("set -e\n");
    let mut inside = false;
    for line in QUICK_START.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            // Runs until it is ended, or reads what a person pastes.
            "countersign serve" => {}
            line if line.starts_with("cat > countersign.key") => {}
            line if line.starts_with("countersign calls tail") => {}
            // The server of this test wants its key first, which the page says may be so.
            line if inside && line.starts_with("countersign server add") => {
                script.push_str(line);
                script.push_str(" || [ $? = 1 ]\n");
            }
            line if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_quick_start_work() {
    let dir = tempdir().unwrap();
    let payments =
        payments::Server::start(([127, 0, 0, 1], 0).into(), UPSTREAM_KEY.to_owned()).await.unwrap();
    let instance = serve(dir.path());
    fs::write(dir.path().join("countersign.key"), format!("{}\n", instance.api_key)).unwrap();
    fs::write(dir.path().join("invoices.token"), format!("{UPSTREAM_KEY}\n")).unwrap();
    let script = script()
        .replace("https://mcp.example.com/mcp", &payments.url())
        .replace("http://127.0.0.1:7071", instance.line["gateway_url"].as_str().unwrap());

    let bin = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap().to_owned();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let ran = tokio::task::spawn_blocking({
        let dir = dir.path().to_owned();
        let url = instance.line["control_url"].as_str().unwrap().to_owned();
        move || {
            let mut command = std::process::Command::new("sh");
            for (name, value) in program(&dir, &[]).get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command.args(["-c", &script]).current_dir(&dir).env("PATH", path);
            Ended::of(command.env("COUNTERSIGN_URL", url).output().unwrap())
        }
    });
    let ended = ran.await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("\"jsonrpc\"") && ended.out.contains("in_1008"), "{ended:?}");
    assert!(ended.out.contains("allowed"), "{ended:?}");
    assert_eq!(payments.ledger().calls("list_invoices"), 1);
    assert!(!ended.out.contains(UPSTREAM_KEY) && !ended.err.contains(UPSTREAM_KEY));
}
