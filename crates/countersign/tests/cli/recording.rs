//! `recording`, `fingerprint` and `capture`, with an instance and without one.

use std::path::Path;

use audit::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vault::{CaptureKey, CaptureOpener};

use crate::program::{Running, run, serve_command};

const CALL: &str = "call_01k00000000000000000000001";
const LATER: &str = "call_01k00000000000000000000002";

/// A record of a call, as an instance gives it out.
fn record(key: &CaptureKey, call: &str, part: &str, content: &Value) -> (Value, Vec<u8>) {
    let plain = json!({"call": call, "part": part, "content": content}).to_string();
    let record = key.seal(&[call, part], plain.as_bytes()).unwrap();
    let line = json!({"at": "2026-11-21T12:00:00Z", "call": call, "entry": 1, "part": part,
                      "record": STANDARD.encode(&record)});
    (line, record)
}

fn write(dir: &Path, name: &str, head: &Value, lines: &[Value]) {
    let end = json!({"end": lines.len() + 1});
    let all = [std::slice::from_ref(head), lines, &[end]].concat();
    let text: String = all.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(dir.join(name), text).unwrap();
}

#[test]
fn records_open_where_the_private_key_is_and_what_was_done_to_them_shows() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let made = run(dir, &["capture", "key", "--to", "capture.key"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let key = CaptureKey::parse(made.out.trim()).unwrap();
    let private = std::fs::read_to_string(dir.join("capture.key")).unwrap();
    assert!(private.starts_with("PRIVATE+KEY+") && !made.out.contains("PRIVATE"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(dir.join("capture.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(run(dir, &["capture", "key", "--to", "capture.key"]).code, Some(1), "not over it");

    let (arguments, sealed) = record(&key, CALL, "arguments", &json!({"amount": 480}));
    let (result, sealed_result) = record(&key, LATER, "result", &json!("done"));
    let (other, _) = record(&key, CALL, "arguments", &json!({"amount": 481}));
    let (extra, _) = record(&key, LATER, "arguments", &json!(null));
    let head = json!({"form": "all", "format": "countersign-captures/v1", "organisation": "org_a"});
    let digest = |bytes: &[u8]| json!({"sha256": Hash::sha256(bytes).to_string()});
    let decision = json!({"entry": {"kind": "decision", "call": CALL, "capture": digest(&sealed),
                          "at": "2026-11-21T12:00:00.000000Z"}});
    let outcome = json!({"entry": {"kind": "outcome", "call": LATER, "capture": digest(&sealed_result),
                         "at": "2026-11-21T12:00:01.000000Z"}});
    let removed = json!({"entry": {"kind": "admin", "event": "captures.removed",
                         "detail": {"before_micros": {"after": 1_795_262_400_500_000_i64}}}});
    let evidence = json!({"format": "countersign-evidence/v1"});
    write(dir, "evidence.jsonl", &evidence, &[decision.clone(), outcome.clone()]);
    write(dir, "aged.jsonl", &evidence, &[decision, outcome, removed]);
    write(dir, "good.jsonl", &head, &[arguments.clone(), result.clone()]);
    write(dir, "removed.jsonl", &head, std::slice::from_ref(&result));
    write(dir, "gone.jsonl", &head, std::slice::from_ref(&arguments));
    write(dir, "exchanged.jsonl", &head, &[other, result.clone()]);
    write(dir, "put_in.jsonl", &head, &[arguments.clone(), extra, result.clone()]);
    let mut moved = arguments.clone();
    moved["call"] = LATER.into();
    write(dir, "moved.jsonl", &head, &[moved, result]);
    let whole = std::fs::read_to_string(dir.join("good.jsonl")).unwrap();
    let cut = whole.lines().take(2).collect::<Vec<_>>().join("\n");
    std::fs::write(dir.join("cut.jsonl"), cut).unwrap();
    let stranger = CaptureOpener::generate().unwrap().written();
    std::fs::write(dir.join("stranger.key"), stranger.expose()).unwrap();

    let open = |file: &str, key: &str, evidence: &[&str]| {
        run(dir, &[&["--json", "capture", "open", file, "--key", key], evidence].concat())
    };
    let against = ["--evidence", "evidence.jsonl"];
    let good = open("good.jsonl", "capture.key", &against);
    assert_eq!(good.code, Some(0), "{good:?}");
    let opened = good.lines();
    assert_eq!(
        (&opened[0]["content"]["amount"], &opened[1]["content"]),
        (&json!(480), &json!("done"))
    );
    for (file, key, evidence, code, found) in [
        ("good.jsonl", "capture.key", &[][..], 0, ""),
        ("removed.jsonl", "capture.key", &[], 0, ""),
        ("removed.jsonl", "capture.key", &against, 1, "removed: an entry tells of the arguments"),
        // Told apart from what age took: only what was written before that.
        ("removed.jsonl", "capture.key", &["--evidence", "aged.jsonl"], 0, ""),
        (
            "gone.jsonl",
            "capture.key",
            &["--evidence", "aged.jsonl"],
            1,
            "removed: an entry tells of the result",
        ),
        ("exchanged.jsonl", "capture.key", &against, 1, "exchanged: the arguments"),
        ("put_in.jsonl", "capture.key", &against, 1, "put in: no entry tells"),
        ("moved.jsonl", "capture.key", &[], 1, "not opened: the arguments"),
        ("cut.jsonl", "capture.key", &[], 1, "cut: "),
        ("good.jsonl", "stranger.key", &[], 1, "not opened: "),
        ("evidence.jsonl", "capture.key", &[], 2, "holds no sealed records"),
        ("good.jsonl", "good.jsonl", &[], 2, "holds no private key"),
        ("good.jsonl", "capture.key", &["--evidence", "good.jsonl"], 2, "is no evidence"),
        ("nowhere.jsonl", "capture.key", &[], 2, "cannot be read"),
    ] {
        let ended = open(file, key, evidence);
        assert_eq!(ended.code, Some(code), "{file} {evidence:?}: {ended:?}");
        assert!(ended.err.contains(found), "{file}: {ended:?}");
    }
    let kept = ["--to", "opened.jsonl"];
    assert_eq!(open("good.jsonl", "capture.key", &kept).code, Some(0));
    let text = std::fs::read_to_string(dir.join("opened.jsonl")).unwrap();
    assert!(text.lines().count() == 2 && text.contains("480"));
    assert_ne!(open("good.jsonl", "capture.key", &kept).code, Some(0), "never over a file");
}

#[test]
fn an_admin_switches_recording_on_and_is_told_what_it_means() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = serve_command(dir.path());
    command.env("COUNTERSIGN_EVIDENCE__CAPTURE", "true");
    let house = Running::start(dir.path(), command);
    let json = |arguments: &[&str]| {
        let ended = house.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended
    };
    json(&["server", "add", "pay", "http://127.0.0.1:9/mcp", "--no-probe"]);
    json(&["capture", "key", "--to", "capture.key"]);
    let public = json(&["capture", "key", "--to", "other.key"]).json()["key"].clone();
    std::fs::write(dir.path().join("capture.pub"), public.as_str().unwrap()).unwrap();
    let shown = house.run(&["recording", "show", "pay"]);
    assert!(shown.err.contains("can try values until one fits"), "{shown:?}");

    let set = ["recording", "set", "pay", "--fingerprints", "on", "--capture", "both"];
    let keyed = [&set[..], &["--capture-key", "capture.pub"]].concat();
    assert_eq!(house.run(&set).code, Some(2), "no key to seal to");
    let refused = house.run(&keyed);
    assert!(
        refused.code == Some(1) && refused.err.contains("whoever holds the private key"),
        "{refused:?}"
    );
    let private = [&set[..], &["--capture-key", "capture.key", "--understood"]].concat();
    let refused = house.run(&private);
    assert!(refused.err.contains("this is the private key"), "{refused:?}");
    assert!(!refused.err.contains("PRIVATE+KEY"), "and it is not repeated");
    let on = json(&[&keyed[..], &["--understood"]].concat()).json();
    assert_eq!((&on["fingerprints"], &on["capture"]["key"]), (&json!(true), &public));
    let narrower =
        json(&["recording", "set", "pay", "--tool", "pay", "--capture", "results"]).json();
    assert_eq!(
        (&narrower["tools"], &narrower["capture"]["arguments"]),
        (&json!(["pay"]), &json!(false))
    );
    let off = json(&["recording", "set", "pay", "--capture", "off"]).json();
    assert_eq!((&off["capture"], &off["fingerprints"]), (&Value::Null, &json!(true)));

    assert_eq!(json(&["recording", "terms", "--rotate-days", "7"]).json()["rotate_days"], 7);
    assert_eq!(json(&["fingerprint", "draw"]).json()["number"], 2);
    json(&["fingerprint", "destroy", "1"]);
    let keys = json(&["fingerprint", "keys"]).lines();
    let states: Vec<_> = keys.iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["in_use", "destroyed"]);
    std::fs::write(dir.path().join("value"), "\"x\" y").unwrap();
    let asked = house.run(&["fingerprint", "ask", CALL, "--value-file", "value"]);
    assert!(asked.code == Some(2) && asked.err.contains("not JSON"), "{asked:?}");
    std::fs::write(dir.path().join("value"), "1.0").unwrap();
    let asked = house.run(&["--json", "fingerprint", "ask", CALL, "--value-file", "value"]);
    assert_eq!(asked.failure().0, "not_found");
    json(&["capture", "export", "--to", "records.jsonl"]);
    let opened = house.run(&["capture", "open", "records.jsonl", "--key", "capture.key"]);
    assert!(opened.code == Some(0) && opened.err.contains("0 records opened"), "{opened:?}");
}
