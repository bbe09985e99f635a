//! The log at its most talkative holds no key, no token, no credential and no value of a call.

use std::fs::{self, File};
use std::process::Stdio;

use tempfile::tempdir;

use crate::commands::call;
use crate::program::{Ended, Running, serve_command};

const UPSTREAM_KEY: &str = "sk_canary_of_the_upstream";
const POLICY: &str = r#"{"version":"1","default":"allow"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_can_make_the_log_tell_a_secret() {
    let dir = tempdir().unwrap();
    let log = dir.path().join("log");
    let payments =
        payments::Server::start(([127, 0, 0, 1], 0).into(), UPSTREAM_KEY.to_owned()).await.unwrap();
    let mut command = serve_command(dir.path());
    command
        .env("RUST_LOG", "trace,hyper=trace,h2=trace,rustls=trace")
        .env("COUNTERSIGN_LOG__LEVEL", "trace")
        .env("COUNTERSIGN_LOG__FORMAT", "json")
        .stderr(Stdio::from(File::create(&log).unwrap()));
    let instance = Running::start_as_it_is(dir.path(), command);
    fs::write(dir.path().join("p.json"), POLICY).unwrap();
    fs::write(dir.path().join("key"), UPSTREAM_KEY).unwrap();
    let url = payments.url();
    let run = |arguments: &[&str]| -> Ended {
        let ended = instance.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended
    };
    run(&["server", "add", "pay", &url, "--no-probe"]);
    run(&["credential", "set", "pay", "--file", "key"]);
    run(&["server", "refresh", "pay"]);
    run(&["policy", "publish", "all", "p.json"]);
    let issued = run(&["grant", "issue", "bot", "--server", "pay=all"]).json();
    let token = issued["token"].as_str().unwrap().to_owned();
    let gateway = instance.line["gateway_url"].as_str().unwrap().to_owned();
    assert!(call(&gateway, &token, "list_invoices").contains("Harbour Books"));
    assert!(call(&gateway, &format!("{token}x"), "list_invoices").starts_with("HTTP/1.1 401"));

    let api_key = instance.api_key.clone();
    assert_eq!(instance.stop("-TERM").0, Some(0));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("\"target\":\"control"), "the log is not talkative at all: {log}");
    for secret in [UPSTREAM_KEY, &token, &api_key, "Harbour Books"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let target = line["target"].as_str().unwrap();
        let foreign =
            ["hyper", "h2", "rustls", "axum", "tokio"].iter().any(|t| target.starts_with(t));
        let level = line["level"].as_str().unwrap();
        assert!(!foreign || !matches!(level, "DEBUG" | "TRACE"), "{line}");
    }
}
