//! The evidence log over SQLite: every call, outcome and change has its entry, and a red team with
//! the database in its hands is found out.

use std::path::Path;
use std::sync::Arc;

use audit::export;
use audit::{
    Checkpoint, Edge, Finding, Hash, KeyKind, PublicKey, Report, SigningKey, Trust, Verifier,
};
use rusqlite::{Connection, params};
use store::sqlite::{Sqlite, export_file};
use store::{
    ControlPlane as _, DataPlane as _, Evidence as _, OutcomeClass, Page, StoreError, Verdict,
};
use tempfile::TempDir;
use vault::{OsRandom, RootKey};

use crate::promises::{House, MORNING, StoppedClock};

const DATABASE: &str = "countersign.db";

pub(crate) fn open(dir: &Path) -> Result<House<Sqlite>, StoreError> {
    let root = RootKey::from_bytes(&std::array::from_fn(|at| at as u8));
    let clock = StoppedClock::at(MORNING);
    let store = Sqlite::open(dir, &root, clock.clone(), Arc::new(OsRandom))?;
    Ok(House {
        org: store.org().clone(),
        pepper: store.pepper(),
        store: Arc::new(store),
        clock,
        _ground: Box::new(()),
    })
}

fn behind(dir: &Path) -> Connection {
    Connection::open(dir.join(DATABASE)).unwrap()
}

/// Makes so many calls, each begun and ended, and some refused.
pub(crate) async fn calls(house: &House<Sqlite>, count: usize) -> Vec<store::CallId> {
    let server = match house.store.server(&house.org, "pay").await.unwrap() {
        Some(view) => view.server,
        None => house.server("pay").await,
    };
    let grant = match house.store.grant(&house.org, "g").await.unwrap() {
        Some(grant) => grant,
        None => house.grant("g", &[&server.id]).await.0,
    };
    let judged_at = house.store.view().await.unwrap().generation;
    let mut made = Vec::new();
    for at in 0..count {
        let mut intent = house.intent(&grant, &server);
        made.push(intent.id);
        if at % 5 == 4 {
            (intent.verdict, intent.reason, intent.rule) =
                (Verdict::Denied, "deny_if", "/x".into());
            house.store.call_refused(intent).await.unwrap();
            continue;
        }
        let id = intent.id;
        house.store.call_begin(intent, Vec::new(), judged_at).await.unwrap();
        house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
    }
    house.store.flush().await.unwrap();
    made
}

pub(crate) fn exported(dir: &Path, from: u64) -> Vec<String> {
    let mut lines = Vec::new();
    export_file(&dir.join(DATABASE), from, |line| {
        lines.push(line.trim_end().to_owned());
        Ok::<_, StoreError>(())
    })
    .unwrap();
    lines
}

pub(crate) fn judged(lines: &[String], key: &PublicKey, saved: &[Checkpoint]) -> Report {
    let trust = Trust {
        log: key.clone(),
        saved: saved.to_vec(),
        witnesses: Vec::new(),
        witnesses_needed: 0,
        call: None,
    };
    let mut verifier = Verifier::new(trust);
    lines.iter().for_each(|line| verifier.line(line.as_bytes()));
    verifier.finish()
}

pub(crate) async fn key(house: &House<Sqlite>) -> PublicKey {
    PublicKey::parse(&house.store.evidence_key().await.unwrap()).unwrap()
}

pub(crate) async fn checkpoint(house: &House<Sqlite>) -> Checkpoint {
    let signed = house.store.checkpoint_now().await.unwrap().unwrap();
    Checkpoint::open(&signed.note, &key(house).await).unwrap().0
}

#[tokio::test]
async fn every_call_outcome_and_change_has_its_entry() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    let made = calls(&house, 300).await;
    let (key, newest) = (key(&house).await, checkpoint(&house).await);
    let events = house.audit().await.len() as u64;
    assert_eq!(newest.size, 300 + 240 + events, "one each, and no other");
    assert_eq!(newest.origin, format!("{}/audit", house.store.install_id()));

    let check = house.store.evidence_check().await.unwrap();
    assert_eq!((check.report.findings, check.unentered), (vec![], 0));
    assert_eq!((check.report.entries, check.report.size), (newest.size, newest.size));
    assert!(check.report.checkpoints >= 2, "at least one every 256 entries");

    let proof = house.store.call_proof(&house.org, &made[7]).await.unwrap().unwrap();
    let (under, _) = Checkpoint::open(&proof.checkpoint.note, &key).unwrap();
    assert_eq!(proof.entries.len(), 2, "the decision and the outcome");
    for entry in &proof.entries {
        let (leaf, root) = (Hash::leaf(&entry.entry), &under.root);
        audit::proof::verify_inclusion(&leaf, entry.index, under.size, &entry.proof, root).unwrap();
        let text = String::from_utf8(entry.entry.clone()).unwrap();
        assert!(text.contains(&made[7].to_string()) && text.contains("keys-v1"), "{text}");
    }
    let other = store::OrgId::from("org_other");
    assert!(house.store.call_proof(&other, &made[7]).await.unwrap().is_none());
}

#[tokio::test]
async fn the_log_goes_on_after_a_restart_and_continues_every_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (mut saved, mut known) = (Vec::new(), None);
    for round in 0..4_usize {
        let house = open(dir.path()).unwrap();
        calls(&house, 40 + round).await;
        saved.push(checkpoint(&house).await);
        let key = key(&house).await;
        assert_eq!(known.get_or_insert_with(|| key.clone()), &key, "the key is kept");
        // Not flushed: closing covers it all the same.
        house.server(&format!("s{round}")).await;
    }
    let key = known.unwrap();
    let report = judged(&exported(dir.path(), 0), &key, &saved);
    assert_eq!((report.findings, report.saved), (vec![], 4));
    assert_eq!(report.checkpoint.unwrap().size, report.size, "closing signs what is left");
    // From any of them on, the rest alone will do.
    let part = judged(&exported(dir.path(), saved[1].size), &key, &saved[1..]);
    assert_eq!((part.findings, part.saved, part.from), (vec![], 3, saved[1].size));
    let house = open(dir.path()).unwrap();
    for (old, new) in saved.iter().zip(&saved[1..]) {
        let proof = house.store.consistency(old.size, new.size).await.unwrap().unwrap();
        audit::proof::verify_consistency(old.size, &old.root, new.size, &new.root, &proof).unwrap();
    }
    assert!(house.store.consistency(1, 1 << 40).await.unwrap().is_none());
}

#[tokio::test]
async fn exports_are_entries_themselves_and_hold() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    calls(&house, 30).await;
    let key = key(&house).await;
    for whole in [true, false] {
        let (first, under) = house.store.export_begin(&house.by(), 0, whole).await.unwrap();
        assert_eq!(house.audit().await[0].event, "evidence.exported");
        let mut lines = vec![first];
        if !whole {
            lines.push(export::checkpoint(&under.note));
        }
        let mut at = 0;
        while at < under.size {
            let (part, next) =
                house.store.export_part(&house.org, at, under.size, whole).await.unwrap();
            lines.extend(part);
            at = next;
        }
        lines.push(export::end(lines.len() as u64));
        let lines: Vec<String> = lines.iter().map(|line| line.trim_end().to_owned()).collect();
        let report = judged(&lines, &key, &[]);
        assert_eq!((report.findings, report.entries), (vec![], under.size));
        assert!(lines.iter().any(|line| line.contains("evidence.exported")));
    }
    let beyond = house.store.export_begin(&house.by(), 1 << 40, true).await;
    assert!(matches!(beyond, Err(store::ChangeError::Invalid { field: "from", .. })));
}

#[tokio::test]
async fn rows_from_before_there_was_a_log_are_entered_when_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    calls(&house, 30).await;
    let before = checkpoint(&house).await.size;
    drop(house);
    behind(dir.path())
        .execute_batch(
            "DELETE FROM log_entries; DELETE FROM log_nodes; DELETE FROM log_head; \
             DELETE FROM log_checkpoints; DELETE FROM log_keys; UPDATE calls SET entry = NULL; \
             UPDATE outcomes SET entry = NULL; UPDATE audit_events SET entry = NULL;",
        )
        .unwrap();
    let house = open(dir.path()).unwrap();
    assert_eq!(checkpoint(&house).await.size, before);
    let check = house.store.evidence_check().await.unwrap();
    assert_eq!((check.report.findings, check.unentered), (vec![], 0));
}

#[tokio::test]
async fn a_row_that_nobody_entered_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    calls(&house, 5).await;
    behind(dir.path())
        .execute(
            "INSERT INTO calls (idx, id, at, shape, request_bytes, count) \
             VALUES (99, randomblob(16), 1, 1, 1, 1)",
            [],
        )
        .unwrap();
    let check = house.store.evidence_check().await.unwrap();
    assert_eq!((check.report.findings, check.unentered), (vec![], 1));
}

/// A log of calls with a checkpoint that somebody kept, closed; and a copy of it for each attack.
struct Scene {
    dir: TempDir,
    key: PublicKey,
    saved: Checkpoint,
}

impl Scene {
    async fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let house = open(dir.path()).unwrap();
        for _ in 0..3 {
            calls(&house, 200).await;
        }
        let (key, saved) = (key(&house).await, checkpoint(&house).await);
        drop(house);
        Self { dir, key, saved }
    }

    fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(self.dir.path().join(DATABASE), copy.path().join(DATABASE)).unwrap();
        copy
    }

    /// What the verifier says after this was done to the database.
    fn after(&self, attack: impl FnOnce(&Connection)) -> Vec<Finding> {
        let copy = self.copy();
        attack(&behind(copy.path()));
        judged(&exported(copy.path(), 0), &self.key, std::slice::from_ref(&self.saved)).findings
    }
}

/// The entry of a call's line, or of its outcome.
fn place(conn: &Connection, table: &str, idx: i64) -> u64 {
    let sql = format!("SELECT entry FROM {table} WHERE idx = ?1");
    conn.query_row(&sql, [idx], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
}

/// Makes all hashes fit what the rows say now, as somebody can who has no key.
fn rehash(conn: &Connection) {
    let file = conn.path().unwrap().to_owned();
    let mut leaves = Vec::new();
    export_file(Path::new(&file), 0, |line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(entry) = line.get("entry") {
            let mut entry = entry.clone();
            entry["index"] = leaves.len().into();
            let value = json::read(entry.to_string().as_bytes(), json::Limits::ANSWER).unwrap();
            leaves.push(Hash::leaf(&json::canonical(&value)));
        }
        Ok::<_, StoreError>(())
    })
    .unwrap();
    let refs: Vec<i64> = conn
        .prepare("SELECT ref FROM log_entries ORDER BY idx")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    conn.execute_batch("DELETE FROM log_entries; DELETE FROM log_nodes").unwrap();
    let mut edge = Edge::new();
    for (at, (leaf, of)) in leaves.iter().zip(refs).enumerate() {
        conn.execute("INSERT INTO log_entries VALUES (?1, ?2, ?3)", params![at as i64, of, leaf.0])
            .unwrap();
        edge.push_with(*leaf, |height, place, hash| {
            if height == 8 {
                let row = params![1, place as i64, hash.0];
                conn.execute("INSERT INTO log_nodes VALUES (?1, ?2, ?3)", row).unwrap();
            }
        });
    }
}

/// L01, L02: edits, deletions, insertions, entries that change places.
#[tokio::test]
async fn a_red_team_with_the_database_is_named_in_all_it_does() {
    let scene = Scene::set().await;
    assert_eq!(scene.after(|_| ()), [], "untouched, it holds");

    // Edit: an outcome, a decision, a change.
    let conn = behind(scene.dir.path());
    let (decision, outcome) = (place(&conn, "calls", 50), place(&conn, "outcomes", 51));
    let event = place(&conn, "audit_events", 1);
    drop(conn);
    for (sql, index) in [
        ("UPDATE outcomes SET class = 'not_sent' WHERE idx = 51", outcome),
        ("UPDATE outcomes SET response_bytes = response_bytes + 1 WHERE idx = 51", outcome),
        ("UPDATE calls SET at = at - 1 WHERE idx = 50", decision),
        ("UPDATE calls SET shape = 3 - shape WHERE idx = 50", decision),
        ("UPDATE audit_events SET name = 'mallory' WHERE idx = 1", event),
    ] {
        let found = scene.after(|conn| assert_eq!(conn.execute(sql, []).unwrap(), 1));
        assert_eq!(found, [Finding::Edited { index }], "{sql}");
    }
    let shapes = "UPDATE call_shapes SET tool = 'harmless' WHERE verdict = 'allowed'";
    let found = scene.after(|conn| assert_eq!(conn.execute(shapes, []).unwrap(), 1));
    assert!(found.len() >= 200 && matches!(found[0], Finding::Edited { .. }), "{found:?}");

    // Delete: the row, or the row with its place in the log.
    let gone = Finding::Deleted { from: decision, to: decision + 1 };
    let found = scene.after(|conn| {
        conn.execute("DELETE FROM calls WHERE idx = 50", []).unwrap();
    });
    assert_eq!(found[0], gone, "{found:?}");
    let found = scene.after(|conn| {
        conn.execute("DELETE FROM calls WHERE idx = 50", []).unwrap();
        conn.execute("DELETE FROM log_entries WHERE idx = ?1", [decision as i64]).unwrap();
    });
    assert_eq!(found[0], gone, "{found:?}");

    // Reorder: two lines change places.
    let other = decision + 4;
    let found = scene.after(|conn| {
        let of = |at: u64| -> i64 {
            let sql = "SELECT ref FROM log_entries WHERE idx = ?1";
            conn.query_row(sql, [at as i64], |row| row.get(0)).unwrap()
        };
        let (one, two) = (of(decision), of(other));
        let put = "UPDATE log_entries SET ref = ?2 WHERE idx = ?1";
        conn.execute(put, [decision as i64, two]).unwrap();
        conn.execute(put, [other as i64, one]).unwrap();
    });
    let expected = [
        Finding::Reordered { index: decision, belongs: other },
        Finding::Reordered { index: other, belongs: decision },
    ];
    assert_eq!(found, expected);

    // Insert: behind the end, where only a signature is missing.
    let end = scene.saved.size;
    let found = scene.after(|conn| {
        conn.execute_batch(
            "INSERT INTO calls (idx, id, at, shape, request_bytes, count) \
             VALUES (9999, randomblob(16), 1, 1, 1, 1)",
        )
        .unwrap();
        let size: i64 =
            conn.query_row("SELECT max(idx) + 1 FROM log_entries", [], |row| row.get(0)).unwrap();
        let row = params![size, 9999 * 4, Hash::leaf(b"").0];
        conn.execute("INSERT INTO log_entries VALUES (?1, ?2, ?3)", row).unwrap();
        rehash(conn);
    });
    assert!(matches!(found[..], [Finding::Unsigned { from, .. }] if from >= end), "{found:?}");

    // Rewrite: with every hash made to fit, but no key.
    let found = scene.after(|conn| {
        conn.execute("UPDATE outcomes SET class = 'not_sent' WHERE idx = 51", []).unwrap();
        rehash(conn);
    });
    let [Finding::Rewritten { from, to }] = found[..] else { panic!("{found:?}") };
    assert!(from <= outcome && outcome < to && to - from <= 400, "{from} {outcome} {to}");
}

/// L03: the tail cut off, the head rolled back.
#[tokio::test]
async fn a_tail_that_was_cut_an_old_copy_and_a_fork_are_named_by_a_saved_checkpoint() {
    let scene = Scene::set().await;
    let saved = &scene.saved;
    let cut = |conn: &Connection| {
        conn.execute_batch(
            "DELETE FROM log_entries WHERE idx >= 100; DELETE FROM log_nodes WHERE level > 0; \
             DELETE FROM log_checkpoints WHERE size > 100;",
        )
        .unwrap();
    };
    let found = scene.after(cut);
    assert!(
        found.iter().any(
            |f| matches!(f, Finding::Truncated { size: 100, signed } if *signed == saved.size)
        ),
        "{found:?}"
    );
    // Checkpoints that were left where they are tell of it by themselves.
    let copy = scene.copy();
    behind(copy.path()).execute_batch("DELETE FROM log_entries WHERE idx >= 100").unwrap();
    let alone = judged(&exported(copy.path(), 0), &scene.key, &[]).findings;
    assert!(alone.iter().any(|f| matches!(f, Finding::Truncated { size: 100, .. })), "{alone:?}");

    // An old copy that is put back and goes on.
    let old = tempfile::tempdir().unwrap();
    let house = open(scene.dir.path()).unwrap();
    drop(house);
    std::fs::copy(scene.dir.path().join(DATABASE), old.path().join(DATABASE)).unwrap();
    let house = open(scene.dir.path()).unwrap();
    calls(&house, 20).await;
    let newer = checkpoint(&house).await;
    drop(house);
    let back = judged(&exported(old.path(), 0), &scene.key, std::slice::from_ref(&newer));
    assert!(
        matches!(back.findings[..], [Finding::Truncated { signed, .. }] if signed == newer.size),
        "{back:?}"
    );
    let house = open(old.path()).unwrap();
    calls(&house, 60).await;
    drop(house);
    let forked = judged(&exported(old.path(), 0), &scene.key, std::slice::from_ref(&newer));
    assert_eq!(forked.findings, [Finding::Forked { size: newer.size }]);
    assert_eq!(
        judged(&exported(old.path(), 0), &scene.key, &[]).findings,
        [],
        "alone it looks young"
    );
}

#[tokio::test]
async fn another_key_convinces_nobody() {
    let scene = Scene::set().await;
    let found = scene.after(|conn| {
        conn.execute("UPDATE outcomes SET class = 'not_sent' WHERE idx = 51", []).unwrap();
        rehash(conn);
        let name = scene.key.name();
        let forger = SigningKey::from_seed(name, KeyKind::Log, &[66; 32]).unwrap();
        let sizes: Vec<i64> = conn
            .prepare("SELECT size FROM log_checkpoints")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        for size in sizes {
            let leaves: Vec<Hash> = conn
                .prepare("SELECT hash FROM log_entries WHERE idx < ?1 ORDER BY idx")
                .unwrap()
                .query_map([size], |row| Ok(Hash(row.get(0)?)))
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap();
            let mut edge = Edge::new();
            leaves.into_iter().for_each(|leaf| edge.push(leaf));
            let note = Checkpoint::of(name, &edge).sign(&forger).to_string();
            let put = "UPDATE log_checkpoints SET note = ?2 WHERE size = ?1";
            conn.execute(put, params![size, note]).unwrap();
        }
        let public = forger.public().to_string();
        conn.execute("UPDATE log_keys SET public = ?1", [public]).unwrap();
    });
    assert!(found.contains(&Finding::OtherKey), "{found:?}");
    assert!(found.iter().any(|f| matches!(f, Finding::WrongKey { .. })), "{found:?}");
}

/// F04: without the sequencer nothing is let through.
#[tokio::test]
async fn a_log_that_is_not_as_it_was_left_is_not_added_to() {
    let scene = Scene::set().await;
    let kept = |dir: &Path| -> (i64, i64, i64) {
        let sql =
            "SELECT count(*), max(idx), (SELECT count(*) FROM log_checkpoints) FROM log_entries";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        behind(dir).query_row(sql, [], read).unwrap()
    };
    for attack in [
        "DELETE FROM log_entries WHERE idx = (SELECT max(idx) FROM log_entries)",
        "UPDATE log_entries SET hash = zeroblob(32) WHERE idx = (SELECT max(idx) FROM log_entries)",
        "UPDATE log_head SET size = size - 1",
        "UPDATE log_head SET mac = zeroblob(32)",
        "INSERT INTO log_entries VALUES (99999, 1, zeroblob(32))",
        "DELETE FROM log_keys",
        "UPDATE log_keys SET public = replace(public, '/audit', '/other')",
        "UPDATE log_keys SET sealed = zeroblob(120)",
        "UPDATE log_checkpoints SET note = 'x' WHERE size = (SELECT max(size) FROM log_checkpoints)",
        "INSERT INTO log_checkpoints SELECT size + 1, at, note FROM log_checkpoints ORDER BY size DESC LIMIT 1",
    ] {
        let copy = scene.copy();
        behind(copy.path()).execute_batch(attack).unwrap();
        let before = kept(copy.path());
        let refused = open(copy.path()).err();
        assert!(matches!(refused, Some(StoreError::Evidence { .. })), "{attack}: {refused:?}");
        assert_eq!(kept(copy.path()), before, "{attack}: it is left for whoever looks into it");
    }
    // While it runs: from the next commit on, nothing is let through.
    let copy = scene.copy();
    let house = open(copy.path()).unwrap();
    calls(&house, 1).await;
    behind(copy.path()).execute_batch("UPDATE log_head SET mac = zeroblob(32)").unwrap();
    let server = house.store.server(&house.org, "pay").await.unwrap().unwrap().server;
    let grant = house.store.grant(&house.org, "g").await.unwrap().unwrap();
    let judged_at = house.store.view().await.unwrap().generation;
    let begun = house.store.call_begin(house.intent(&grant, &server), Vec::new(), judged_at).await;
    assert!(begun.is_err(), "{begun:?}");
}

#[tokio::test]
async fn checkpoints_come_by_themselves_and_are_listed_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    house.server("pay").await;
    // Nobody asks for one: a second later it is there.
    let first = Page { after: None, limit: 1 };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while house.store.checkpoints(&first).await.unwrap().items.is_empty() {
        assert!(std::time::Instant::now() < deadline, "no checkpoint came");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    house.server("other").await;
    let newest = checkpoint(&house).await;
    let page = house.store.checkpoints(&first).await.unwrap();
    assert_eq!(page.items[0].size, newest.size);
    let next = Page { after: page.next, limit: 1 };
    let older = house.store.checkpoints(&next).await.unwrap().items;
    assert!(older[0].size < newest.size);
}
