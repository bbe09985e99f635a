//! `keys …` as an operator types it: a rotation, a key that is retired early, another root key, and
//! the drill of the handbook.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::tempdir;

use crate::commands::{House, call, house_with};
use crate::program::{Ended, Running, run, serve, serve_command};

fn status(house: &Running) -> Value {
    let ended = house.run(&["--json", "keys", "status"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.json()
}

fn refused(house: &Running, arguments: &[&str]) -> (String, String, String) {
    let ended = house.run(&[&["--json"], arguments].concat());
    assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
    ended.failure()
}

/// Calls through the gateway, with whatever it holds sealed.
fn works(house: &Running, token: &str) -> bool {
    let gateway = house.line["gateway_url"].as_str().unwrap();
    call(gateway, token, "list_invoices").contains("Harbour Books")
}

async fn furnished() -> (House, String) {
    let house = house_with(payments::Options::default()).await;
    house.furnish();
    let issued = house.json(&["grant", "issue", "bot", "--server", "pay=pol"]);
    let token = issued["token"].as_str().unwrap().to_owned();
    (house, token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_begun_watched_and_ended_from_the_command_line() {
    let (house, token) = furnished().await;
    let instance = &house.instance;
    let before = status(instance);
    assert_eq!((before["active"].as_u64(), before["rotating"].as_bool()), (Some(1), Some(false)));
    let shown = instance.run(&["keys", "status"]).out;
    assert!(shown.contains("KEY") && shown.contains("active"), "{shown}");
    assert!(!shown.contains("rotation is under way"), "{shown}");

    // Retiring: not the one that seals, not one that is not there, not what is no number.
    let (code, said, _) = refused(instance, &["keys", "retire", "1"]);
    assert!(code == "conflict" && said.contains("key 1 is active"), "{code}: {said}");
    assert_eq!(refused(instance, &["keys", "retire", "99"]).0, "not_found");
    assert_eq!(instance.run(&["keys", "retire", "first"]).code, Some(2));
    // No next root key is named: said, with the settings that name one.
    let (code, said, _) = refused(instance, &["keys", "root-key"]);
    assert!(code == "conflict" && said.contains("root_key.next_file"), "{said}");
    // Only an admin.
    let viewer = instance.run(&["--json", "key", "create", "v", "--role", "viewer"]).json();
    let viewer = viewer["token"].as_str().unwrap();
    for arguments in [
        &["keys", "status"][..],
        &["keys", "rotate"],
        &["keys", "retire", "1"],
        &["keys", "root-key"],
    ] {
        let ended = instance.run_with(viewer, &[&["--json"], arguments].concat());
        assert_eq!(
            (ended.code, ended.failure().0.as_str()),
            (Some(1), "forbidden"),
            "{arguments:?}"
        );
    }

    let waiting = instance
        .command(&instance.api_key, &["keys", "rotate", "--wait"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    let sealed = loop {
        let now = status(instance);
        assert!(works(instance, &token), "no call notices");
        if now["active"] == 2 && now["remaining"] == 0 {
            break now;
        }
        assert!(Instant::now() < until, "{now}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(sealed["unopened"], 0);
    // A second one waits for the first, unless that has ended by now.
    if status(instance)["rotating"] == true {
        let (code, said, _) = refused(instance, &["keys", "rotate"]);
        assert!(code == "conflict" && said.contains("wait until it is retired"), "{said}");
        // The old key seals nothing any more: it may go without waiting.
        let ended = instance.run(&["keys", "retire", "1"]);
        assert!(ended.code == Some(0) && ended.out.contains("key 1 is retired"), "{ended:?}");
    }
    let ended = Ended::of(waiting.wait_with_output().unwrap());
    assert!(
        ended.code == Some(0)
            && ended.out.contains("key 2 seals everything, and the old key is retired"),
        "{ended:?}"
    );
    let after = status(instance);
    let states: Vec<&str> = after["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["retired", "active"], "{after}");
    assert!(works(instance, &token));
    let log = instance.run(&["audit", "log", "--event", "keyring.*"]).out;
    for event in ["keyring.key_added", "keyring.key_activated", "keyring.key_retired"] {
        assert!(log.contains(event), "{event}: {log}");
    }
}

/// The handbook's way to another root key, step by step; and what opens what afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_root_key_is_gone_over_to_as_the_handbook_says() {
    let (house, token) = furnished().await;
    let House { payments: _payments, instance, dir } = house;
    let dir = dir.path();
    let key = instance.api_key.clone();
    assert_eq!(instance.run(&["backup", "before.db"]).code, Some(0));
    // 1. The new key.
    let made = std::process::Command::new("sh")
        .args(["-c", "(umask 077; head -c 32 /dev/urandom | base64 > next.key)"])
        .current_dir(dir)
        .status();
    assert!(made.unwrap().success());
    let restarted = |instance: Running, settings: &[(&str, &str)]| {
        assert_eq!(instance.stop("-TERM").0, Some(0));
        let mut command = serve_command(dir);
        command.envs(settings.iter().copied());
        let mut instance = Running::start(dir, command);
        instance.api_key.clone_from(&key);
        instance
    };
    // 2. Named, and nothing has changed.
    let next = ("COUNTERSIGN_ROOT_KEY__NEXT_FILE", "next.key");
    let instance = restarted(instance, &[next]);
    assert!(works(&instance, &token));
    // 3. Gone over to, while it serves.
    let ended = instance.run(&["keys", "root-key"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("keep the old one with the older backups"), "{ended:?}");
    assert!(works(&instance, &token));
    assert_eq!(instance.run(&["backup", "after.db"]).code, Some(0));
    // Before 4 a start still works, and says which key it used.
    assert_eq!(instance.stop("-TERM").0, Some(0));
    let mut command = serve_command(dir);
    command.env(next.0, next.1);
    let instance = Running::start(dir, command);
    assert!(works(&instance, &token));
    let (_, log) = instance.stop("-TERM");
    assert!(log.contains("next"), "{log}");
    // 4. Made the root key.
    let mut command = serve_command(dir);
    command.env("COUNTERSIGN_ROOT_KEY__FILE", "next.key");
    let mut instance = Running::start(dir, command);
    instance.api_key.clone_from(&key);
    assert!(works(&instance, &token));
    assert_eq!(instance.run(&["credential", "test", "pay"]).code, Some(0));
    instance.stop("-TERM");
    // The old one opens it no more, and says so before anything is changed.
    let ended = Ended::of(serve_command(dir).output().unwrap());
    assert_eq!((ended.code, ended.failure().0.as_str()), (Some(1), "wrong_root_key"), "{ended:?}");

    // 5. Each backup opens with the root key of its time and with no other.
    for (copy, good, bad) in
        [("before.db", "data/root.key", "next.key"), ("after.db", "next.key", "data/root.key")]
    {
        let there = tempdir().unwrap();
        fs::copy(dir.join(copy), there.path().join("copy.db")).unwrap();
        fs::create_dir(there.path().join("data")).unwrap();
        for (with, opens) in [(bad, false), (good, true)] {
            fs::copy(dir.join(with), there.path().join("data/root.key")).unwrap();
            let ended = run(there.path(), &["--json", "restore", "copy.db", "--data-dir", "data"]);
            assert_eq!(ended.code == Some(0), opens, "{copy} {with}: {ended:?}");
        }
        let again = serve(there.path());
        assert!(works(&again, &token), "{copy}");
    }
}

/// The root key is lost: nothing starts and nothing is overwritten, and what is evidence is readable
/// still, as the handbook says.
#[test]
fn without_its_root_key_an_instance_starts_no_more_and_its_evidence_can_be_taken() {
    let dir = tempdir().unwrap();
    let dir = dir.path();
    let instance = serve(dir);
    let key = instance.run(&["audit", "key"]).out;
    assert_eq!(instance.run(&["keys", "status"]).code, Some(0));
    instance.stop("-TERM");
    fs::remove_file(dir.join("data/root.key")).unwrap();
    let ended = Ended::of(serve_command(dir).output().unwrap());
    assert_eq!((ended.code, ended.failure().0.as_str()), (Some(1), "no_root_key"), "{ended:?}");
    assert!(!dir.join("data/root.key").exists(), "none is made in its place");
    let database = "data/countersign.db";
    let taken = run(dir, &["audit", "export", "--database", database, "--to", "evidence.jsonl"]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let held = run(dir, &["audit", "verify", "evidence.jsonl", "--key", key.trim()]);
    assert_eq!(held.code, Some(0), "{held:?}");
}
