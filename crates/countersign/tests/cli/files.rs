//! Policies that are kept in files: `apply` marks them, the instance refuses to edit them, `policy release`
//! lifts the mark.

use std::fs;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::people::{done, file, refused};
use crate::program::{Running, serve};

const ONE: &str = r#"{"version":"1","default":"deny","tools":{"a":{}}}"#;
const TWO: &str = r#"{"version":"1","default":"deny","tools":{"b":{}}}"#;

fn kept_in(house: &Running, policy: &str) -> Value {
    done(house, &["policy", "show", policy])["kept_in"].clone()
}

#[test]
fn what_apply_publishes_is_edited_on_the_instance_only_once_it_is_released() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let state = dir.path().join("state");
    file(&state, "policies/p.json", ONE);
    file(dir.path(), "two.json", TWO);
    done(&house, &["apply", "-f", "state"]);
    // The directory's own name, and nothing of where it is on this machine.
    assert_eq!(kept_in(&house, "p"), "state");

    for command in [
        &["policy", "publish", "p", "two.json"][..],
        &["policy", "draft", "save", "p", "two.json"],
        &["policy", "restore", "p", "--version", "1"],
    ] {
        assert_eq!(refused(&house, command), "kept_in_files", "{command:?}");
    }
    let told = house.run(&["policy", "publish", "p", "two.json"]);
    for words in ["kept in files at `state`", "countersign apply", "countersign policy release"] {
        assert!(told.err.contains(words), "{words}: {told:?}");
    }
    let shown = house.run(&["policy", "show", "p"]);
    assert!(shown.err.contains("kept in files at state"), "{shown:?}");

    let released = house.run(&["policy", "release", "p"]);
    assert!(released.out.contains("the next apply from `state`"), "{released:?}");
    done(&house, &["policy", "publish", "p", "two.json"]);
    let again = house.run(&["policy", "release", "p"]);
    assert!(again.out.contains("nothing was changed"), "{again:?}");

    // The next apply takes it back, and says so in its plan.
    let plan = done(&house, &["apply", "-f", "state", "--plan"]);
    assert_eq!(plan["steps"][0]["fields"], json!(["text", "kept_in"]));
    assert_eq!(plan["steps"][0]["kept_in"], json!({"before": null, "after": "state"}));
    assert_eq!(done(&house, &["apply", "-f", "state"])["made"], 1);
    assert_eq!(done(&house, &["policy", "show", "p"])["version"]["text"], ONE);
    assert_eq!(refused(&house, &["policy", "publish", "p", "two.json"]), "kept_in_files");
    assert_eq!(done(&house, &["apply", "-f", "state"])["made"], 0);
}

#[test]
fn apply_adopts_what_is_as_its_files_say_and_removes_only_what_is_its_own() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let state = dir.path().join("state");
    file(dir.path(), "one.json", ONE);
    file(&state, "policies/p.json", ONE);
    for policy in ["p", "free", "other"] {
        done(&house, &["policy", "publish", policy, "one.json"]);
    }
    done(&house, &["policy", "publish", "other", "one.json", "--kept-in", "acme/other"]);

    // `p` is adopted without a new version, `other` is somebody else's, `free` would go.
    let apply = ["apply", "-f", "state", "--source", "acme/policies"];
    let with = |more: &[&'static str]| [&apply[..], more].concat();
    let plan = done(&house, &with(&["--plan"]));
    let steps = plan["steps"].as_array().unwrap();
    let named = |step: &Value| (step["verb"].clone(), step["name"].clone(), step["fields"].clone());
    assert_eq!(
        steps.iter().map(named).collect::<Vec<_>>(),
        [
            (json!("change"), json!("p"), json!(["kept_in"])),
            (json!("remove"), json!("free"), json!([])),
        ]
    );
    assert_eq!(plan["kept_elsewhere"], json!([{"policy": "other", "kept_in": "acme/other"}]));
    let told = house.run(&with(&["--plan"]));
    assert!(told.out.contains("~ policy p (kept_in): kept in files at acme/policies"), "{told:?}");
    assert!(
        told.err.contains("policy other is kept in files at acme/other: left alone"),
        "{told:?}"
    );
    assert_eq!(refused(&house, &apply), "would_remove");
    assert_eq!(done(&house, &with(&["--prune"]))["made"], 2);
    assert_eq!(refused(&house, &["policy", "show", "free"]), "not_found");
    let adopted = done(&house, &["policy", "show", "p"]);
    assert_eq!((&adopted["latest"], &adopted["kept_in"]), (&json!(1), &json!("acme/policies")));
    assert_eq!(kept_in(&house, "other"), "acme/other");

    // Its file is gone, so it goes, though it is kept in files.
    fs::rename(state.join("policies/p.json"), state.join("policies/q.json")).unwrap();
    assert_eq!(done(&house, &with(&["--prune"]))["made"], 2);
    assert_eq!(refused(&house, &["policy", "show", "p"]), "not_found");
    assert_eq!(kept_in(&house, "q"), "acme/policies");

    // Another name for the same place is a change like any other.
    let moved = done(&house, &["apply", "-f", "state", "--source", "acme/moved"]);
    let place = json!({"before": "acme/policies", "after": "acme/moved"});
    assert_eq!((&moved["made"], &moved["steps"][0]["kept_in"]), (&json!(1), &place));
}

#[test]
fn whoever_asks_for_it_leaves_the_policies_to_be_edited() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let state = dir.path().join("state");
    file(&state, "policies/p.json", ONE);
    let leave = ["apply", "-f", "state", "--leave-editable"];
    done(&house, &leave);
    assert_eq!(kept_in(&house, "p"), Value::Null);
    assert_eq!(done(&house, &leave)["made"], 0);
    done(&house, &["apply", "-f", "state"]);
    assert_eq!(kept_in(&house, "p"), "state");
    // Marked before: what differs is published, and then it is released.
    file(&state, "policies/p.json", TWO);
    assert_eq!(done(&house, &leave)["made"], 2);
    let shown = done(&house, &["policy", "show", "p"]);
    assert_eq!((&shown["version"]["text"], &shown["kept_in"]), (&json!(TWO), &Value::Null));

    let bad = house.run(&["--json", "apply", "-f", "state", "--source", " "]);
    assert_eq!((bad.code, bad.failure().0.as_str()), (Some(2), "usage"), "{bad:?}");
}
