//! `audit verify` and `witness`, with nothing running beside them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use audit::entry::Admin;
use audit::export::{self, Form, Head};
use audit::{Checkpoint, Edge, Hash, KeyKind, SigningKey};
use serde_json::Value;

use crate::program::{Ended, Running, program, run};

const ORIGIN: &str = "0f1e2d3c/audit";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, KeyKind::Log, &[seed; 32]).unwrap()
}

fn entry(index: u64, subject: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Admin {
        index,
        at: 1_795_263_905_123_456,
        org: "org_a",
        name: "ada",
        key: None,
        member: None,
        session: None,
        address: None,
        event: "server.updated",
        subject,
        detail: "{}",
    }
    .write(&mut out);
    out
}

fn entries(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(|index| entry(index, "srv_1")).collect()
}

fn edge(entries: &[Vec<u8>]) -> Edge {
    let mut edge = Edge::new();
    entries.iter().for_each(|entry| edge.push(Hash::leaf(entry)));
    edge
}

fn checkpoint(entries: &[Vec<u8>], key: &SigningKey) -> String {
    Checkpoint::of(ORIGIN, &edge(entries)).sign(key).to_string()
}

/// Writes a file of evidence of these entries, each kept with the hash of the other list's.
fn write(dir: &Path, name: &str, kept: &[Vec<u8>], rows: &[Vec<u8>]) {
    let head = Head {
        form: Form::Tree,
        key: key(1).public().clone(),
        organisation: None,
        from: 0,
        edge: Vec::new(),
        size: kept.len() as u64,
    };
    let mut text = export::head(&head);
    for (index, (kept, row)) in kept.iter().zip(rows).enumerate() {
        text += &export::leaf(index as u64, Some(&Hash::leaf(kept)), Some(row), None);
    }
    text += &export::checkpoint(&checkpoint(kept, &key(1)));
    text += &export::end(kept.len() as u64 + 2);
    std::fs::write(dir.join(name), text).unwrap();
}

fn verify(dir: &Path, arguments: &[&str]) -> Ended {
    let public = key(1).public().to_string();
    run(dir, &[&["--json", "audit", "verify", "--key", &public], arguments].concat())
}

fn codes(ended: &Ended) -> Vec<String> {
    let list = ended.json()["findings"].as_array().cloned().unwrap_or_default();
    list.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn evidence_is_judged_by_its_exit_code_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let log = entries(20);
    write(dir, "good.jsonl", &log, &log);
    let mut edited = log.clone();
    edited[7] = entry(7, "srv_2");
    write(dir, "edited.jsonl", &log, &edited);
    write(dir, "cut.jsonl", &log[..12], &log[..12]);
    std::fs::write(dir.join("saved.txt"), checkpoint(&log[..15], &key(1))).unwrap();
    std::fs::write(dir.join("foreign.txt"), checkpoint(&log[..15], &key(2))).unwrap();
    std::fs::write(dir.join("key.txt"), format!("{}\n", key(1).public())).unwrap();
    std::fs::write(dir.join("nothing.jsonl"), "{}\n").unwrap();

    let good = verify(dir, &["good.jsonl", "--checkpoint", "saved.txt"]);
    assert_eq!((good.code, &good.json()["saved"]), (Some(0), &Value::from(1)), "{good:?}");
    for (arguments, code, found) in [
        (&["good.jsonl"][..], 0, &[][..]),
        (&["edited.jsonl"], 1, &["edited"]),
        (&["cut.jsonl"], 0, &[]),
        (&["cut.jsonl", "--checkpoint", "saved.txt"], 1, &["truncated"]),
        (&["good.jsonl", "--call", "call_1"], 1, &["no_such_call"]),
    ] {
        let ended = verify(dir, arguments);
        assert_eq!(
            (ended.code, codes(&ended)),
            (Some(code), found.iter().map(|c| (*c).to_owned()).collect()),
            "{ended:?}"
        );
    }
    for (arguments, code) in [
        (&["missing.jsonl"][..], 2),
        (&["nothing.jsonl"], 2),
        (&[][..], 2),
        (&["good.jsonl", "--witness", "x"], 2),
        (&["good.jsonl", "--checkpoint", "foreign.txt"], 1),
        (&["good.jsonl", "--checkpoint", "key.txt"], 1),
    ] {
        assert_eq!(verify(dir, arguments).code, Some(code), "{arguments:?}");
    }
    // The key may stand in a file, and another one holds nothing.
    let file = run(dir, &["audit", "verify", "good.jsonl", "--key", "key.txt"]);
    assert_eq!(file.code, Some(0), "{file:?}");
    assert!(file.out.contains("Not shown: that nothing was cut off"), "{file:?}");
    let other = key(2).public().to_string();
    let other = run(dir, &["audit", "verify", "good.jsonl", "--key", &other]);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(other.err.contains("is signed with another key"), "{other:?}");
}

#[test]
fn one_checkpoint_is_shown_to_continue_another() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let log = entries(8);
    // Eight entries after four: one hash, the root of the second four.
    let mut second = Edge::new();
    log[4..].iter().for_each(|entry| second.push(Hash::leaf(entry)));
    std::fs::write(dir.join("old"), checkpoint(&log[..4], &key(1))).unwrap();
    std::fs::write(dir.join("new"), checkpoint(&log, &key(1))).unwrap();
    std::fs::write(dir.join("proof"), format!("{}\n", second.root())).unwrap();
    std::fs::write(dir.join("wrong"), format!("{}\n", Hash::leaf(b"x"))).unwrap();
    for (proof, code) in [("proof", 0), ("wrong", 1), ("new", 2)] {
        let ended = verify(dir, &["--old", "old", "--new", "new", "--proof", proof]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
    }
    assert_eq!(verify(dir, &["--old", "old", "--new", "new"]).code, Some(1));
    assert_eq!(verify(dir, &["--old", "new", "--new", "new"]).code, Some(0));
}

/// Sends a request to a witness; answers status and body.
fn post(url: &str, body: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn witness(dir: &Path) -> (Running, String, audit::PublicKey) {
    let log = key(1).public().to_string();
    let arguments = [
        "--json",
        "witness",
        "--listen",
        "127.0.0.1:0",
        "--log",
        &log,
        "--key",
        "w.key",
        "--state",
        "w.state",
        "--name",
        "witness.example/w1",
    ];
    let running = Running::start(dir, program(dir, &arguments));
    let text = |name: &str| running.line[name].as_str().unwrap().to_owned();
    let (url, key) = (text("url"), audit::PublicKey::parse(&text("key")).unwrap());
    (running, url, key)
}

#[test]
fn a_witness_cosigns_what_continues_and_remembers_it_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let log = entries(20);
    let (child, url, public) = witness(dir);
    let first = checkpoint(&log[..12], &key(1));
    let (status, cosigned) = post(&url, &format!("old 0\n\n{first}"));
    assert_eq!(status, 200, "{cosigned}");
    let (_, note) = Checkpoint::open(&format!("{first}{cosigned}"), key(1).public()).unwrap();
    assert!(note.verify(&public).unwrap().is_some());
    // Another tree of the same length, another key, another log, nonsense.
    let mut forked = log.clone();
    forked[3] = entry(3, "srv_2");
    let other = SigningKey::from_seed("other/audit", KeyKind::Log, &[1; 32]).unwrap();
    let foreign = Checkpoint::of("other/audit", &edge(&log)).sign(&other).to_string();
    for (body, expected) in [
        (format!("old 12\n\n{}", checkpoint(&forked[..12], &key(1))), (409, "12\n")),
        (format!("old 0\n\n{}", checkpoint(&log, &key(1))), (409, "12\n")),
        (format!("old 12\n\n{}", checkpoint(&log, &key(1))), (422, "")),
        (format!("old 12\n\n{}", checkpoint(&log[..12], &key(2))), (403, "")),
        (format!("old 0\n\n{foreign}"), (404, "")),
        ("old".to_owned(), (400, "")),
    ] {
        let (status, said) = post(&url, &body);
        assert_eq!(status, expected.0, "{body}: {said}");
        assert!(said.starts_with(expected.1), "{said}");
    }
    drop(child);
    let (_child, url, again) = witness(dir);
    assert_eq!(again, public, "the key is kept");
    let (status, said) = post(&url, &format!("old 0\n\n{first}"));
    assert_eq!((status, said.as_str()), (409, "12\n"), "and so is what was cosigned");
    let (status, _) = post(&url, &format!("old 12\n\n{first}"));
    assert_eq!(status, 200);
    let busy = run(
        dir,
        &[
            "witness",
            "--listen",
            "127.0.0.1:0",
            "--log",
            &key(1).public().to_string(),
            "--key",
            "w.key",
            "--state",
            "w.state",
        ],
    );
    assert_eq!(busy.code, Some(1), "one state, one witness: {busy:?}");
}

#[test]
fn what_an_instance_exports_holds_and_so_does_what_its_database_holds() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let instance = crate::program::serve(dir);
    for label in ["one", "two"] {
        let made = instance.run(&["--json", "key", "create", label, "--role", "viewer"]);
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    for arguments in [
        &["--json", "audit", "export", "--to", "tree.jsonl"][..],
        &["--json", "audit", "export", "--to", "proofs.jsonl", "--proofs"],
    ] {
        let exported = instance.run(arguments);
        assert_eq!(exported.code, Some(0), "{exported:?}");
    }
    let again = instance.run(&["--json", "audit", "export", "--to", "tree.jsonl"]);
    assert_eq!(again.failure().0, "unwritable_file", "nothing is written over");
    let screen = instance.run(&["audit", "export", "--from", "1"]);
    std::fs::write(dir.join("rest.jsonl"), &screen.out).unwrap();
    let head: Value =
        serde_json::from_str(screen.out.lines().next().unwrap_or_else(|| panic!("{screen:?}")))
            .unwrap();
    std::fs::write(dir.join("key.txt"), head["key"].as_str().unwrap()).unwrap();
    drop(instance);
    let database = ["--json", "audit", "export", "--to", "file.jsonl", "--database"];
    let exported = run(dir, &[&database[..], &["data/countersign.db"]].concat());
    assert_eq!(exported.code, Some(0), "{exported:?}");
    for file in ["tree.jsonl", "proofs.jsonl", "rest.jsonl", "file.jsonl"] {
        let ended = run(dir, &["--json", "audit", "verify", file, "--key", "key.txt"]);
        assert_eq!(
            (ended.code, &ended.json()["holds"]),
            (Some(0), &true.into()),
            "{file}: {ended:?}"
        );
    }
    let missing = run(dir, &["--json", "audit", "export", "--database", "missing.db"]);
    assert_eq!(missing.failure().0, "database");
    // Somebody else writes into the log: the next start refuses, and the export still says what is there.
    let conn = rusqlite::Connection::open(dir.join("data/countersign.db")).unwrap();
    conn.execute_batch(
        "UPDATE log_entries SET hash = zeroblob(32) WHERE idx = (SELECT max(idx) FROM log_entries)",
    )
    .unwrap();
    drop(conn);
    let refused = Ended::of(crate::program::serve_command(dir).output().unwrap());
    assert_eq!(
        (refused.code, refused.failure().0.as_str()),
        (Some(1), "evidence_log"),
        "{refused:?}"
    );
    let exported =
        run(dir, &["audit", "export", "--to", "after.jsonl", "--database", "data/countersign.db"]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let judged = run(dir, &["--json", "audit", "verify", "after.jsonl", "--key", "key.txt"]);
    assert_eq!(
        (judged.code, codes(&judged)),
        (Some(1), vec!["hashes_changed".to_owned()]),
        "{judged:?}"
    );
}

#[test]
fn a_log_is_cosigned_as_it_grows_and_its_evidence_is_held_against_the_witness() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let instance = crate::program::serve(dir);
    let keep = |name: &str, ended: &Ended| {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        std::fs::write(dir.join(name), &ended.out).unwrap();
    };
    keep("key.txt", &instance.run(&["audit", "key"]));
    let arguments = [
        "--json",
        "witness",
        "--listen",
        "127.0.0.1:0",
        "--log",
        "key.txt",
        "--key",
        "w.key",
        "--state",
        "w.state",
        "--name",
        "witness.example/w1",
    ];
    let witness = Running::start(dir, program(dir, &arguments));
    let url = witness.line["url"].as_str().unwrap().to_owned();
    std::fs::write(dir.join("w.pub"), witness.line["key"].as_str().unwrap()).unwrap();
    for round in 0..3 {
        let made = instance.run(&["key", "create", &format!("k{round}"), "--role", "viewer"]);
        assert_eq!(made.code, Some(0), "{made:?}");
        let cosigned = instance.run(&["audit", "checkpoint", "--witness", &url]);
        keep(&format!("saved-{round}.txt"), &cosigned);
        assert_eq!(
            cosigned.out.matches('\u{2014}').count(),
            2,
            "the log's, and the witness's: {cosigned:?}"
        );
    }
    let exported = instance.run(&["audit", "export", "--to", "tree.jsonl"]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let verify = ["--json", "audit", "verify", "tree.jsonl", "--key", "key.txt"];
    let saved = ["--checkpoint", "saved-0.txt", "--checkpoint", "saved-2.txt"];
    let held = run(dir, &[&verify[..], &saved].concat());
    assert_eq!((held.code, &held.json()["saved"]), (Some(0), &Value::from(2)), "{held:?}");
    let call = run(dir, &["--json", "audit", "proof", "call_00000000000000000000000000"]);
    assert_ne!(call.code, Some(0), "no instance was named: {call:?}");
    let unknown = instance.run(&["--json", "audit", "proof", "call_00000000000000000000000000"]);
    assert_eq!(unknown.failure().0, "not_found");
}

/// L13: whatever is fed to it, the verifier needs little memory and says clearly that it is none.
#[test]
fn a_flood_that_is_no_evidence_is_refused_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("key.txt"), key(1).public().to_string()).unwrap();
    let mut file = std::fs::File::create(dir.join("flood")).unwrap();
    let piece = vec![b'['; 1 << 20];
    (0..64).for_each(|_| file.write_all(&piece).unwrap());
    drop(file);
    let script = format!(
        "ulimit -v 1000000; exec '{}' --json audit verify flood --key key.txt",
        env!("CARGO_BIN_EXE_countersign")
    );
    let ended = std::process::Command::new("sh").args(["-c", &script]).current_dir(dir).output();
    let ended = Ended::of(ended.unwrap());
    assert_eq!((ended.code, ended.failure().0.as_str()), (Some(2), "usage"), "{ended:?}");
}
