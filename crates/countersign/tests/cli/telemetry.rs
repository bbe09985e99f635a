//! What a running instance tells others, and a log that a witness has seen longer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::program::{Ended, Running, program, run, serve_command};

/// The answer to a request of the control plane that is no part of its API.
fn get(instance: &Running, path: &str, key: Option<&str>) -> (u16, String) {
    let url = instance.line["control_url"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let key = key.map_or(String::new(), |key| format!("Authorization: Bearer {key}\r\n"));
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{key}Connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn wait_for<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(Instant::now() < end, "what was waited for did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_instance_is_measured_and_its_log_grows_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mut command = serve_command(dir);
    command.env("COUNTERSIGN_EXPORT__FILE__PATH", "out/evidence.jsonl");
    let instance = Running::start(dir, command);
    assert_eq!(get(&instance, "/metrics", None).0, 401);
    let made = instance.run(&["--json", "key", "create", "one", "--role", "viewer"]);
    let viewer = made.json()["token"].as_str().unwrap().to_owned();
    // An entry goes out once a checkpoint covers it, which may take a second.
    let path = dir.join("out/evidence.jsonl");
    wait_for(|| path.exists().then_some(()));
    let text = wait_for(|| {
        let (status, text) = get(&instance, "/metrics", Some(&viewer));
        assert_eq!(status, 200, "{text}");
        text.contains("countersign_export_behind_entries{export=\"file\"} 0").then_some(text)
    });
    for line in ["countersign_store_up 1", "countersign_export_failing{export=\"file\"} 0"] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let key = instance.run(&["audit", "key"]).out;
    let (status, exports) = get(&instance, "/api/v1/exports", Some(&instance.api_key));
    assert_eq!(status, 200);
    assert!(exports.contains("\"name\":\"file\""), "{exports}");
    instance.stop("-TERM");
    let text = std::fs::read_to_string(&path).unwrap();
    let ended = format!("{text}{{\"end\":{}}}\n", text.lines().count());
    std::fs::write(&path, ended).unwrap();
    let held = run(dir, &["audit", "verify", "out/evidence.jsonl", "--key", key.trim()]);
    assert_eq!(held.code, Some(0), "{held:?}");
}

#[test]
fn measurements_are_for_everybody_where_the_operator_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = serve_command(dir.path());
    command.env("COUNTERSIGN_METRICS__OPEN", "true");
    let instance = Running::start(dir.path(), command);
    assert_eq!(get(&instance, "/metrics", None).0, 200);
    assert_eq!(get(&instance, "/api/v1/exports", None).0, 401, "and nothing else is");
}

#[test]
fn settings_that_would_send_unsigned_or_wait_for_nobody_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("COUNTERSIGN_EXPORT__WEBHOOK__URL", "https://hooks.example"),
        ("COUNTERSIGN_EVIDENCE__REQUIRE_WITNESS", "10m"),
        ("COUNTERSIGN_EVIDENCE__WITNESSES", "https://w.example not-a-key"),
        ("COUNTERSIGN_EXPORT__OTLP__URL", "https://user:canary@collector.example"),
        ("COUNTERSIGN_EVIDENCE__KEEP", "10"),
        ("COUNTERSIGN_METRICS__OPEN", "yes"),
    ] {
        let mut command = serve_command(dir.path());
        let ended = Ended::of(command.env(name, value).output().unwrap());
        assert_eq!(ended.failure().0, "config", "{name}: {ended:?}");
        assert!(!format!("{ended:?}").contains("canary"), "{ended:?}");
    }
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

/// L11: an older copy that is put back is found out by the witness, and started only when somebody
/// has written down that the rest is lost.
#[test]
fn a_log_behind_its_witness_is_not_started_until_that_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let instance = crate::program::serve(dir);
    std::fs::write(dir.join("key.txt"), instance.run(&["audit", "key"]).out).unwrap();
    let key = instance.api_key.clone();
    instance.stop("-TERM");
    copied(&dir.join("data"), &dir.join("old"));

    let witness =
        ["--json", "witness", "--listen", "127.0.0.1:0", "--log", "key.txt", "--key", "w.key"];
    let more = ["--state", "w.state", "--name", "witness.example/w1"];
    let witness = Running::start(dir, program(dir, &[&witness[..], &more].concat()));
    let text = |name: &str| witness.line[name].as_str().unwrap().to_owned();
    let (url, named) = (text("url"), format!("{} {}", text("url"), text("key")));
    let watched = || {
        let mut command = serve_command(dir);
        command.env("COUNTERSIGN_EVIDENCE__WITNESSES", &named);
        command.env("COUNTERSIGN_EVIDENCE__REQUIRE_WITNESS", "10m");
        command
    };
    let instance = Running::start(dir, watched());
    // It has its newest checkpoint cosigned by itself, and shows that.
    wait_for(|| {
        let (_, text) = get(&instance, "/metrics", Some(&key));
        let line = text.lines().find(|l| l.starts_with("countersign_log_witnessed_entries "))?;
        (line != "countersign_log_witnessed_entries 0").then_some(())
    });
    let listed = instance.run_with(&key, &["--json", "audit", "export", "--to", "tree.jsonl"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let exported = std::fs::read_to_string(dir.join("tree.jsonl")).unwrap();
    assert!(exported.contains("\u{2014} witness.example/w1 "), "cosignatures are exported");
    let made = instance.run_with(&key, &["key", "create", "late", "--role", "viewer"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let cosigned = instance.run_with(&key, &["audit", "checkpoint", "--witness", &url]);
    assert_eq!(cosigned.code, Some(0), "{cosigned:?}");
    instance.stop("-TERM");

    std::fs::remove_dir_all(dir.join("data")).unwrap();
    copied(&dir.join("old"), &dir.join("data"));
    let refused = Ended::of(watched().output().unwrap());
    let (code, what, next) = refused.failure();
    assert_eq!(code, "behind_witness", "{refused:?}");
    assert!(what.contains("witness.example/w1"), "{what}");
    let witnessed = next.split("--witnessed ").nth(1).unwrap().split(' ').next().unwrap();
    let broken = ["--json", "audit", "break", "--data-dir", "data", "--witnessed", witnessed];
    let silent = run(dir, &[&broken[..], &["--reason", " "]].concat());
    assert_eq!(silent.code, Some(2), "{silent:?}");
    let accepted = run(dir, &[&broken[..], &["--reason", "the disk of the 20th is gone"]].concat());
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    let instance = Running::start(dir, watched());
    let changes = instance.run_with(&key, &["--json", "audit", "list"]);
    let told =
        changes.out.contains("evidence.break") && changes.out.contains("the disk of the 20th");
    assert!(told, "{changes:?}");
}
