//! What is recorded of calls beyond names: fingerprints, and records sealed to somebody else's key.

use std::path::Path;
use std::sync::Arc;

use audit::Hash;
use store::sqlite::Sqlite;
use store::{
    By, Capture, CaptureSetting, ChangeError, Clock as _, ControlPlane as _, DataPlane as _,
    Evidence as _, FingerprintAnswer, Intent, Marks, OutcomeClass, Recording, RecordingTerms,
    Recordings as _, Server, fingerprint_place,
};
use vault::CaptureOpener;

use crate::evidence::{calls, checkpoint, exported, open};
use crate::promises::House;

const DAY: i64 = 86_400;

async fn house(dir: &Path) -> (House<Sqlite>, Server, store::Grant) {
    let house = open(dir).unwrap();
    calls(&house, 1).await;
    let server = house.store.server(&house.org, "pay").await.unwrap().unwrap().server;
    let grant = house.store.grant(&house.org, "g").await.unwrap().unwrap();
    (house, server, grant)
}

fn fingerprints() -> Recording {
    Recording { fingerprints: true, ..Recording::default() }
}

fn captures(opener: &CaptureOpener) -> Recording {
    let key = opener.public().to_string();
    let capture = CaptureSetting { key, arguments: true, results: true, bytes_max: 65_536 };
    Recording { capture: Some(capture), ..Recording::default() }
}

/// An intent whose entry says that `amount` was 100, as the gateway would write it.
async fn printed(house: &House<Sqlite>, server: &Server, intent: Intent) -> Intent {
    let view = house.store.view().await.unwrap();
    let sealed = view.fingerprint_keys.get(&house.org).unwrap();
    let key = sealed.open(&house.org, &view.keyring).unwrap();
    let print = |argument: Option<&str>, value: &[u8]| {
        key.print(&fingerprint_place(&house.org, &server.id, "refund_payment", argument), value)
    };
    let fingerprints = format!(
        r#"{{"all":"{}","key":{},"of":{{"amount":"{}"}},"scheme":"hmac-v1"}}"#,
        print(None, br#"{"amount":1e2}"#),
        sealed.number,
        print(Some("amount"), b"1e2"),
    );
    let marks = Marks { fingerprints: Some(fingerprints), capture: None };
    Intent { marks: Some(Box::new(marks)), ..intent }
}

async fn begun(house: &House<Sqlite>, intent: Intent) -> store::CallId {
    let id = intent.id;
    let judged_at = house.generation();
    house.store.call_begin(intent, Vec::new(), judged_at).await.unwrap();
    id
}

async fn holds(house: &House<Sqlite>) {
    let check = house.store.evidence_check().await.unwrap();
    assert_eq!((check.report.findings, check.unentered), (vec![], 0));
}

fn events(lines: &[String], event: &str) -> usize {
    lines.iter().filter(|line| line.contains(&format!("\"event\":\"{event}\""))).count()
}

fn on_disk(dir: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|file| {
        let found = std::fs::read(file.unwrap().path()).unwrap();
        found.windows(bytes.len()).any(|part| part == bytes)
    })
}

#[tokio::test]
async fn a_value_can_be_asked_for_while_its_key_is_kept_and_never_after() {
    let dir = tempfile::tempdir().unwrap();
    let (house, server, grant) = house(dir.path()).await;
    assert!(house.store.view().await.unwrap().fingerprint_keys.is_empty(), "off by default");
    house.store.recording_set(&house.by(), &server.id, fingerprints()).await.unwrap();
    let id = begun(&house, printed(&house, &server, house.intent(&grant, &server)).await).await;
    let plain = begun(&house, house.intent(&grant, &server)).await;
    let ask = async |call, argument, value: &[u8]| {
        let by = house.by();
        house.store.fingerprint_asked(&by, call, argument, value.to_vec()).await.unwrap()
    };
    assert_eq!(ask(&id, Some("amount"), b"1e2").await, FingerprintAnswer::Yes);
    assert_eq!(ask(&id, Some("amount"), b"101e0").await, FingerprintAnswer::No);
    assert_eq!(ask(&id, None, br#"{"amount":1e2}"#).await, FingerprintAnswer::Yes);
    assert_eq!(ask(&id, Some("canary 4711"), b"1e2").await, FingerprintAnswer::NotRecorded);
    assert_eq!(ask(&plain, Some("amount"), b"1e2").await, FingerprintAnswer::NotRecorded);
    let other = By { org: store::OrgId::from("org_other"), ..house.by() };
    let asked = house.store.fingerprint_asked(&other, &id, None, b"1e2".to_vec()).await;
    assert!(matches!(asked, Err(ChangeError::NotFound { .. })), "{asked:?}");

    // Another key: the old one still answers, the new one makes other fingerprints.
    let in_use = house.store.fingerprint_destroy(&house.by(), 1).await;
    assert!(matches!(in_use, Err(ChangeError::Conflict(_))), "{in_use:?}");
    assert_eq!(house.store.fingerprint_rotate(&house.by()).await.unwrap().number, 2);
    assert_eq!(ask(&id, Some("amount"), b"1e2").await, FingerprintAnswer::Yes);
    let later = begun(&house, printed(&house, &server, house.intent(&grant, &server)).await).await;
    let prints = async |call| {
        house.store.recorded_of_call(&house.org, call).await.unwrap().fingerprints.unwrap()
    };
    assert_ne!(prints(&id).await, prints(&later).await);

    let sealed: Vec<u8> = rusqlite::Connection::open(dir.path().join("countersign.db"))
        .unwrap()
        .query_row("SELECT sealed FROM fingerprint_keys WHERE number = 1", [], |row| row.get(0))
        .unwrap();
    assert!(on_disk(dir.path(), &sealed));
    house.store.fingerprint_destroy(&house.by(), 1).await.unwrap();
    assert_eq!(ask(&id, Some("amount"), b"1e2").await, FingerprintAnswer::KeyDestroyed);
    assert_eq!(ask(&later, Some("amount"), b"1e2").await, FingerprintAnswer::Yes);
    house.store.flush().await.unwrap();
    assert!(!on_disk(dir.path(), &sealed), "not in a free page, not in the write-ahead log");

    checkpoint(&house).await;
    holds(&house).await;
    let lines = exported(dir.path(), 0);
    assert_eq!(events(&lines, "fingerprint.asked"), 8);
    assert!(!lines.concat().contains("4711"), "what was asked for by a wrong name is not kept");
}

#[tokio::test]
async fn keys_are_drawn_and_destroyed_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let (house, server, grant) = house(dir.path()).await;
    house.store.recording_set(&house.by(), &server.id, fingerprints()).await.unwrap();
    let id = begun(&house, printed(&house, &server, house.intent(&grant, &server)).await).await;
    let tend = async || {
        let by = By::program(house.org.clone(), house.clock.now());
        house.store.tend_recordings(&by).await.unwrap();
        let keys = house.store.fingerprint_keys(&house.org).await.unwrap();
        let state = |key: &store::FingerprintKeyLine| match (key.retired_at, key.destroyed_at) {
            (None, None) => "in use",
            (Some(_), None) => "kept",
            (_, Some(_)) => "destroyed",
        };
        keys.iter().map(|key| format!("{} {}", key.number, state(key))).collect::<Vec<_>>()
    };
    house.clock.pass_seconds(29 * DAY);
    assert_eq!(tend().await, ["1 in use"]);
    house.clock.pass_seconds(DAY);
    assert_eq!(tend().await, ["2 in use", "1 kept"]);
    assert_eq!(tend().await, ["2 in use", "1 kept"], "once");
    house.clock.pass_seconds(90 * DAY);
    assert_eq!(tend().await, ["3 in use", "2 kept", "1 destroyed"]);
    let by = house.by();
    let asked = house.store.fingerprint_asked(&by, &id, Some("amount"), b"1e2".to_vec()).await;
    assert_eq!(asked.unwrap(), FingerprintAnswer::KeyDestroyed);
    // Nothing is recorded any more: no other key is drawn.
    house.store.recording_set(&house.by(), &server.id, Recording::default()).await.unwrap();
    house.clock.pass_seconds(400 * DAY);
    tend().await;
    house.clock.pass_seconds(400 * DAY);
    assert_eq!(tend().await, ["3 destroyed", "2 destroyed", "1 destroyed"]);
    checkpoint(&house).await;
    holds(&house).await;
}

#[tokio::test]
async fn sealed_records_stand_in_their_entries_and_go_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let (house, server, grant) = house(dir.path()).await;
    let opener = CaptureOpener::generate().unwrap();
    house.store.recording_set(&house.by(), &server.id, captures(&opener)).await.unwrap();
    let terms = RecordingTerms { capture_mib: 1, ..RecordingTerms::default() };
    house.store.recording_set_terms(&house.by(), terms).await.unwrap();
    let record = |id: store::CallId, part: &str, bytes: usize| {
        let plain = format!("{{\"content\":\"{}\"}}", "x".repeat(bytes));
        let record = opener.public().seal(&[&id.to_string(), part], plain.as_bytes()).unwrap();
        Capture::Sealed { key: opener.public().id().as_str().into(), record }
    };
    let mut made = Vec::new();
    // The third finds no room: the call goes on, and its entry says so.
    for bytes in [500_000, 100, 600_000, 100] {
        let intent = house.intent(&grant, &server);
        let capture = Some(record(intent.id, "arguments", bytes));
        let marks = Some(Box::new(Marks { fingerprints: None, capture }));
        let id = begun(&house, Intent { marks, ..intent }).await;
        let capture = Some(Box::new(record(id, "result", 200)));
        house
            .store
            .call_finish(store::Outcome { capture, ..house.outcome(id, OutcomeClass::Completed) });
        made.push(id);
    }
    checkpoint(&house).await;
    holds(&house).await;
    let all = house.store.captures(&house.org, None, (0, -1)).await.unwrap();
    let found: Vec<_> = all.iter().map(|line| (line.call, line.part)).collect();
    let (args, result) = ("arguments", "result");
    let [one, two, three, four] = made[..] else { panic!("four calls") };
    assert_eq!(
        found,
        [
            (one, args),
            (one, result),
            (two, args),
            (two, result),
            (three, result),
            (four, args),
            (four, result)
        ]
    );
    for line in &all {
        let of = house.store.recorded_of_call(&house.org, &line.call).await.unwrap();
        let said = if line.part == args { of.arguments } else { of.result }.unwrap();
        assert!(said.contains(&Hash::sha256(&line.record).to_string()), "{said}");
        assert!(opener.open(&[&line.call.to_string(), line.part], &line.record).is_ok());
        let end = format!(",\"index\":{}}}", line.entry.unwrap());
        let entries = exported(dir.path(), 0);
        let entry = entries.iter().find(|entry| entry.ends_with(&end)).unwrap();
        assert!(entry.contains(&line.call.to_string()), "{entry}");
    }
    let of = house.store.recorded_of_call(&house.org, &three).await.unwrap();
    assert_eq!(of.arguments.as_deref(), Some(r#"{"missing":"full"}"#));
    let other = store::OrgId::from("org_other");
    assert!(house.store.captures(&other, None, (0, -1)).await.unwrap().is_empty());
    assert_eq!(house.store.captures(&house.org, Some(&two), (0, -1)).await.unwrap().len(), 2);

    let by_age = async || {
        let by = By::program(house.org.clone(), house.clock.now());
        house.store.tend_recordings(&by).await.unwrap();
        house.store.captures(&house.org, None, (0, -1)).await.unwrap().len()
    };
    house.clock.pass_seconds(29 * DAY);
    assert_eq!(by_age().await, 7);
    house.clock.pass_seconds(2 * DAY);
    assert_eq!(by_age().await, 0);
    house.store.flush().await.unwrap();
    assert!(!on_disk(dir.path(), &all[1].record[..64]), "not in a free page either");
    // There is room again.
    let intent = house.intent(&grant, &server);
    let capture = Some(record(intent.id, args, 600_000));
    let marks = Some(Box::new(Marks { fingerprints: None, capture }));
    begun(&house, Intent { marks, ..intent }).await;
    assert_eq!(house.store.captures(&house.org, None, (0, -1)).await.unwrap().len(), 1);
    checkpoint(&house).await;
    holds(&house).await;
    assert_eq!(events(&exported(dir.path(), 0), "captures.removed"), 1);
}

#[tokio::test]
async fn records_go_with_the_calls_that_age_and_what_was_spooled_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (house, server, grant) = house(dir.path()).await;
    let intent = house.intent(&grant, &server);
    let capture = Some(Capture::Sealed { key: "12345678".into(), record: vec![7; 300] });
    let marks = Some(Box::new(Marks { fingerprints: None, capture }));
    let id = begun(&house, Intent { marks, ..intent }).await;
    let missing = Some(Box::new(Capture::Missing("too_large")));
    let outcome = house.outcome(id, OutcomeClass::Completed);
    house.store.call_finish(store::Outcome { capture: missing, ..outcome });
    checkpoint(&house).await;
    house.clock.pass_seconds(400 * DAY);
    calls(&house, 5).await;
    checkpoint(&house).await;
    let by = By::program(house.org.clone(), house.clock.now());
    house.store.retain_since(&by, by.at.plus_seconds(-300 * DAY)).await.unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("countersign.db")).unwrap();
    let left = "SELECT (SELECT count(*) FROM captures), (SELECT sum(bytes) FROM capture_room)";
    let left: (i64, i64) = conn.query_row(left, [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    assert_eq!(left, (0, 0));
    holds(&house).await;
}

#[tokio::test]
async fn a_setting_that_somebody_else_wrote_records_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (house, server, _) = house(dir.path()).await;
    let opener = CaptureOpener::generate().unwrap();
    house.store.recording_set(&house.by(), &server.id, captures(&opener)).await.unwrap();
    assert_eq!(house.store.view().await.unwrap().recordings.len(), 1);
    let thief = CaptureOpener::generate().unwrap().public().to_string();
    let conn = rusqlite::Connection::open(dir.path().join("countersign.db")).unwrap();
    conn.execute("UPDATE recordings SET capture_key = ?1", [thief]).unwrap();
    let view = house.store.view().await.unwrap();
    assert!(view.recordings.is_empty() && view.forged == 1);
    let read = house.store.recording(&house.org, &server.id).await.unwrap();
    assert_eq!(read, Recording::default());

    let set = async |recording| house.store.recording_set(&house.by(), &server.id, recording).await;
    for (of, change) in [
        ("capture/key", CaptureSetting { key: "x".to_owned(), ..capture_of(&opener) }),
        ("capture/bytes_max", CaptureSetting { bytes_max: 1, ..capture_of(&opener) }),
        ("capture", CaptureSetting { arguments: false, results: false, ..capture_of(&opener) }),
    ] {
        let refused = set(Recording { capture: Some(change), ..Recording::default() }).await;
        assert!(matches!(refused, Err(ChangeError::Invalid { field, .. }) if field == of), "{of}");
    }
    let none = Recording { tools: Some(Vec::new()), ..fingerprints() };
    assert!(matches!(set(none).await, Err(ChangeError::Invalid { field: "tools", .. })));
}

fn capture_of(opener: &CaptureOpener) -> CaptureSetting {
    captures(opener).capture.unwrap()
}

#[tokio::test]
async fn a_key_of_fingerprints_is_sealed_anew_with_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (house, server, grant) = house(dir.path()).await;
    house.store.recording_set(&house.by(), &server.id, fingerprints()).await.unwrap();
    let id = begun(&house, printed(&house, &server, house.intent(&grant, &server)).await).await;
    store::KeyCare::keys_rotate(&*house.store, &house.by()).await.unwrap();
    let tended = Arc::clone(&house.store);
    let tending =
        store::sqlite::Tending { per_second: 4_000, retire_after: std::time::Duration::ZERO };
    let task = tokio::spawn(async move { tended.tend_keys(tending).await });
    for _ in 0..400 {
        let state = store::KeyCare::keys_state(&*house.store).await.unwrap();
        if state.versions.iter().any(|key| key.state == vault::KeyState::Retired) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    task.abort();
    let by = house.by();
    let asked = house.store.fingerprint_asked(&by, &id, Some("amount"), b"1e2".to_vec()).await;
    assert_eq!(asked.unwrap(), FingerprintAnswer::Yes);
}
