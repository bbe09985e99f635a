//! Members, groups, the log of changes, `apply`, `backup` and `restore`, as an operator types them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::program::{Ended, Running, run, serve};

pub(crate) fn done(running: &Running, arguments: &[&str]) -> Value {
    let mut all = vec!["--json"];
    all.extend(arguments);
    let ended = running.run(&all);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    serde_json::from_str(ended.out.lines().next().unwrap_or("null")).unwrap()
}

pub(crate) fn refused(running: &Running, arguments: &[&str]) -> String {
    let mut all = vec!["--json"];
    all.extend(arguments);
    let ended = running.run(&all);
    assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
    let (code, _, next) = ended.failure();
    assert!(!next.is_empty() || code != "would_remove", "{ended:?}");
    code
}

#[test]
fn people_are_managed_from_the_command_line() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let invited = done(&house, &["member", "invite", "ada@example.org", "--role", "viewer"]);
    let link = invited["link"].as_str().unwrap();
    assert!(link.contains("/invite#csi1_") && link.starts_with("http"), "{link}");
    done(&house, &["member", "set", "ada@example.org", "--role", "policy_manager"]);
    assert_eq!(done(&house, &["member", "show", "ada@example.org"])["role"], "policy_manager");
    done(&house, &["group", "create", "finance", "--member", "ada@example.org"]);
    done(&house, &["group", "add", "finance", "admin@localhost"]);
    done(&house, &["group", "take", "finance", "ada@example.org"]);
    let group = done(&house, &["group", "show", "finance"]);
    assert_eq!(group["members"].as_array().unwrap().len(), 1);
    assert_eq!(done(&house, &["member", "me"])["role"], "admin");
    assert_eq!(refused(&house, &["member", "remove", "admin@localhost"]), "last_admin");
    done(&house, &["member", "remove", "ada@example.org"]);
    assert_eq!(
        done(&house, &["audit", "list", "--event", "member.removed"])["event"],
        "member.removed"
    );
    let exported = house.run(&["audit", "log", "--export", "-"]);
    let events: Vec<Value> =
        exported.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.last().unwrap()["event"], "audit.exported");
    assert!(events.iter().any(|event| event["event"] == "group.changed"));
    done(&house, &["audit", "log", "--event", "group.*", "--export", "changes.jsonl"]);
    let kept = fs::read_to_string(dir.path().join("changes.jsonl")).unwrap();
    assert!(kept.lines().count() >= 3, "{kept}");
    assert_eq!(refused(&house, &["audit", "log", "--export", "changes.jsonl"]), "file");
    house.run_with("csk1_nonsense", &["server", "list"]);
    let refusals = done(&house, &["audit", "refusals"]);
    assert_eq!(refusals["reason"], "malformed_api_key");
}

#[test]
fn a_policy_is_drafted_published_and_restored_from_the_command_line() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("one.json", r#"{"version":"1","default":"deny","tools":{"a":{}}}"#);
    write("two.json", r#"{"version":"1","default":"deny","tools":{"b":{}}}"#);
    done(&house, &["policy", "publish", "p", "one.json"]);
    let kept = done(&house, &["policy", "draft", "save", "p", "two.json", "--note", "b"]);
    assert_eq!(refused(&house, &["policy", "draft", "save", "p", "one.json"]), "stale");
    let over = kept["revision"].to_string();
    done(&house, &["policy", "draft", "save", "p", "two.json", "--over", &over]);
    assert_eq!(
        refused(&house, &["policy", "draft", "save", "p", "one.json", "--over", &over]),
        "stale"
    );
    assert_eq!(done(&house, &["policy", "draft", "publish", "p"])["number"], 2);
    assert_eq!(refused(&house, &["policy", "draft", "show", "p"]), "not_found");
    let back = done(&house, &["policy", "restore", "p", "--version", "1"]);
    assert_eq!(
        (&back["number"], back["text"].as_str().unwrap().contains("\"a\"")),
        (&json!(3), true)
    );
    done(&house, &["policy", "draft", "save", "p", "two.json"]);
    done(&house, &["policy", "draft", "drop", "p"]);
}

pub(crate) fn file(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_directory_is_applied_twice_and_changes_something_once() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let state = dir.path().join("state");
    file(&state, "servers/pay.json", r#"{"url":"http://127.0.0.1:9/mcp","name":"Pay"}"#);
    file(&state, "policies/p.json", r#"{"version":"1","default":"deny","tools":{"a":{}}}"#);
    file(
        &state,
        "policies/p.cases.json",
        r#"[{"call":{"name":"a","arguments":{}},"expect":{"outcome":"allow"}}]"#,
    );
    file(&state, "groups/finance.json", r#"{"members":["admin@localhost"]}"#);
    let plan = done(&house, &["apply", "-f", "state", "--plan"]);
    assert_eq!((plan["steps"].as_array().unwrap().len(), &plan["made"]), (3, &json!(0)));
    assert!(house.run(&["--json", "policy", "list"]).out.is_empty(), "a plan changes nothing");

    assert_eq!(done(&house, &["apply", "-f", "state"])["made"], 3);
    assert_eq!(done(&house, &["apply", "-f", "state"])["made"], 0);
    file(&state, "servers/pay.json", r#"{"url":"http://127.0.0.1:9/mcp","name":"Payments"}"#);
    file(&state, "groups/finance.json", r#"{"members":[]}"#);
    let changed = done(&house, &["apply", "-f", "state"]);
    assert_eq!(changed["made"], 2);
    assert_eq!(changed["steps"][0]["fields"], json!(["name"]));

    // What is wrong with one file stops all of them.
    file(&state, "servers/new.json", r#"{"url":"http://127.0.0.1:9/mcp"}"#);
    file(&state, "policies/bad.json", r#"{"version":"1","tools":{"a":{"denyif":[]}}}"#);
    assert_eq!(refused(&house, &["apply", "-f", "state"]), "policy_invalid");
    fs::remove_file(state.join("policies/bad.json")).unwrap();
    file(&state, "servers/new.json", r#"{"url":"http://127.0.0.1:9/mcp","bearer":"x"}"#);
    assert_eq!(refused(&house, &["apply", "-f", "state"]), "bad_file");
    fs::remove_file(state.join("servers/new.json")).unwrap();
    assert_eq!(refused(&house, &["server", "show", "new"]), "not_found");

    // Nothing is removed unless asked to; a kind whose folder is gone is left alone.
    fs::remove_file(state.join("policies/p.json")).unwrap();
    fs::remove_file(state.join("policies/p.cases.json")).unwrap();
    fs::remove_dir_all(state.join("groups")).unwrap();
    assert_eq!(refused(&house, &["apply", "-f", "state"]), "would_remove");
    assert_eq!(done(&house, &["policy", "show", "p"])["name"], "p");
    assert_eq!(done(&house, &["apply", "-f", "state", "--prune"])["made"], 1);
    assert_eq!(refused(&house, &["policy", "show", "p"]), "not_found");
    assert_eq!(done(&house, &["group", "show", "finance"])["name"], "finance");
}

#[test]
fn a_backup_is_restored_on_another_machine_with_the_key_and_only_with_it() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    done(&house, &["server", "add", "pay", "http://127.0.0.1:9/mcp", "--no-probe"]);
    let issued = done(&house, &["grant", "issue", "bot", "--server", "pay"]);
    done(&house, &["backup", "copy.db"]);
    assert_eq!(refused(&house, &["backup", "copy.db"]), "file");
    done(&house, &["server", "add", "late", "http://127.0.0.1:9/mcp", "--no-probe"]);
    let key = house.api_key.clone();
    house.stop("-TERM");

    // Another machine: nothing but the copy, and then the key too.
    let there = tempdir().unwrap();
    fs::copy(dir.path().join("copy.db"), there.path().join("copy.db")).unwrap();
    let restore = ["--json", "restore", "copy.db", "--data-dir", "data"];
    let bare = run(there.path(), &restore);
    assert_eq!((bare.code, bare.failure().0.as_str()), (Some(1), "no_root_key"), "{bare:?}");
    let secret = fs::read_dir(dir.path().join("data")).unwrap().map(|e| e.unwrap().path());
    let secret = secret.into_iter().find(|p| p.extension().is_some_and(|e| e == "key")).unwrap();
    fs::create_dir(there.path().join("data")).unwrap();
    let name = secret.file_name().unwrap().to_owned();
    fs::copy(&secret, there.path().join("data").join(&name)).unwrap();

    let other = tempdir().unwrap();
    fs::copy(dir.path().join("copy.db"), other.path().join("copy.db")).unwrap();
    serve(other.path()).stop("-TERM");
    let full = run(other.path(), &restore);
    assert_eq!(full.failure().0, "occupied", "{full:?}");
    fs::remove_file(other.path().join("data/countersign.db")).unwrap();
    let wrong = run(other.path(), &restore);
    assert_eq!(wrong.failure().0, "wrong_root_key", "{wrong:?}");
    assert!(!other.path().join("data/countersign.db").exists());

    let restored = run(there.path(), &restore);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let house = serve(there.path());
    assert_eq!(house.api_key, "", "the keys of before are good");
    let done = |arguments: &[&str]| {
        let ended = house.run_with(&key, arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    assert!(done(&["server", "show", "pay"]).out.contains("pay"));
    assert!(!done(&["server", "list"]).out.contains("late"), "it was added after the copy");
    assert!(done(&["grant", "show", "bot"]).out.contains(issued["grant"]["id"].as_str().unwrap()));
    let log = done(&["--json", "audit", "log", "--event", "backup.*"]).lines();
    let events: Vec<&str> = log.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events[..2], ["backup.restored", "backup.taken"]);
}

#[test]
fn a_lost_admin_gets_a_new_key_beside_the_stopped_instance() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let recover = ["--json", "recover", "--data-dir", "data"];
    assert_eq!(run(dir.path(), &recover).failure().0, "in_use");
    house.stop("-TERM");
    let made = run(dir.path(), &recover);
    assert_eq!(made.code, Some(0), "{made:?}");
    let key = made.json()["token"].as_str().unwrap().to_owned();
    let house = serve(dir.path());
    assert_eq!(house.run_with(&key, &["--json", "member", "me"]).json()["role"], "admin");
    let nothing = tempdir().unwrap();
    let ended: Ended = run(nothing.path(), &recover);
    assert_eq!(ended.code, Some(1));
    assert!(!nothing.path().join("data").exists(), "nothing is made");
}
