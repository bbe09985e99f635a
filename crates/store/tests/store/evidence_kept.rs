//! What is kept of the evidence log: entries that age, cosignatures, places of exports.

use std::time::Duration;

use audit::{Checkpoint, Finding, KeyKind, SigningKey};
use store::{
    BeginError, By, ControlPlane as _, DataPlane as _, Evidence as _, Exports as _, OutcomeClass,
    StoreError, Witnessed as _,
};

use crate::evidence::{calls, checkpoint, exported, judged, key, open};

const DAY: i64 = 86_400;

#[tokio::test]
async fn old_entries_lose_what_they_say_and_every_proof_still_holds() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    let old = calls(&house, 300).await;
    let saved = checkpoint(&house).await;
    house.clock.pass_seconds(400 * DAY);
    let young = calls(&house, 50).await;
    let before = checkpoint(&house).await;
    let by = By::program(house.org.clone(), store::Clock::now(&*house.clock));
    let since = by.at.plus_seconds(-300 * DAY);
    let gone = house.store.retain_since(&by, since).await.unwrap();
    assert_eq!(gone, saved.size, "all of the old ones, and none of the others");

    let check = house.store.evidence_check().await.unwrap();
    assert_eq!((check.report.findings, check.unentered), (vec![], 0));
    assert_eq!(check.report.withheld, saved.size);
    let log = house.log().await;
    assert_eq!(log.len(), 50, "the young ones are there");
    let proof = house.store.call_proof(&house.org, &young[0]).await.unwrap().unwrap();
    let (under, _) = Checkpoint::open(&proof.checkpoint.note, &key(&house).await).unwrap();
    for entry in &proof.entries {
        let (leaf, root) = (audit::Hash::leaf(&entry.entry), &under.root);
        audit::proof::verify_inclusion(&leaf, entry.index, under.size, &entry.proof, root).unwrap();
    }
    assert!(house.store.call_proof(&house.org, &old[0]).await.unwrap().is_none());
    // Held against what was saved before anything was taken out.
    let key = key(&house).await;
    house.store.flush().await.unwrap();
    let report = judged(&exported(dir.path(), 0), &key, &[saved.clone(), before]);
    assert_eq!((report.findings, report.saved), (vec![], 2));
    // A second look finds nothing, and says nothing.
    let events = house.audit().await.len();
    assert_eq!(house.store.retain_since(&by, since).await.unwrap(), gone);
    assert_eq!(house.audit().await.len(), events);
    // What nobody has accounted for is deleted.
    drop(house);
    let behind = rusqlite::Connection::open(dir.path().join("countersign.db")).unwrap();
    behind.execute("UPDATE meta SET value = value + 20 WHERE name = 'evidence_from'", []).unwrap();
    behind
        .execute("DELETE FROM calls WHERE idx IN (SELECT idx FROM calls ORDER BY idx LIMIT 3)", [])
        .unwrap();
    let report = judged(&exported(dir.path(), 0), &key, &[saved]);
    assert!(
        report.findings.iter().any(|finding| matches!(finding, Finding::Deleted { .. })),
        "{:?}",
        report.findings
    );
    drop(behind);
    // The next line is not written over the place of one that is gone.
    let house = open(dir.path()).unwrap();
    calls(&house, 5).await;
}

#[tokio::test]
async fn what_aged_calls_had_in_common_goes_with_the_last_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    let server = house.server("pay").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let refused = async |tool: &str| {
        let tool = Some(tool.into());
        let verdict = store::Verdict::Denied;
        let intent = store::Intent { tool, verdict, ..house.intent(&grant, &server) };
        house.store.call_refused(intent).await.unwrap();
    };
    let shapes = || {
        let conn = rusqlite::Connection::open(dir.path().join("countersign.db")).unwrap();
        let mut found = conn.prepare("SELECT tool FROM call_shapes ORDER BY tool").unwrap();
        let found = found.query_map([], |row| row.get::<_, String>(0)).unwrap();
        found.collect::<Result<Vec<_>, _>>().unwrap()
    };
    for tool in ["canary_once", "canary_both", "canary_once"] {
        refused(tool).await;
    }
    checkpoint(&house).await;
    house.clock.pass_seconds(10 * DAY);
    refused("canary_both").await;
    checkpoint(&house).await;
    assert_eq!(shapes(), ["canary_both", "canary_once"]);
    let by = By::program(house.org.clone(), store::Clock::now(&*house.clock));
    house.store.retain_since(&by, by.at.plus_seconds(-DAY)).await.unwrap();
    assert_eq!(shapes(), ["canary_both"], "a call still has the one, none the other");
    // The writer has forgotten what is gone: the same call again is written whole.
    refused("canary_once").await;
    checkpoint(&house).await;
    assert_eq!(shapes(), ["canary_both", "canary_once"]);
    let log = house.log().await;
    let tools: Vec<_> = log.iter().filter_map(|call| call.intent.tool.as_deref()).collect();
    assert_eq!(tools, ["canary_once", "canary_both"]);
    let check = house.store.evidence_check().await.unwrap();
    assert_eq!((check.report.findings, check.unentered), (vec![], 0));
}

#[tokio::test]
async fn a_call_that_is_open_and_all_behind_it_stay() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    calls(&house, 20).await;
    let server = house.store.server(&house.org, "pay").await.unwrap().unwrap().server;
    let grant = house.store.grant(&house.org, "g").await.unwrap().unwrap();
    let intent = house.intent(&grant, &server);
    let (id, judged_at) = (intent.id, house.store.view().await.unwrap().generation);
    house.store.call_begin(intent, Vec::new(), judged_at).await.unwrap();
    let open_at = checkpoint(&house).await.size - 1;
    calls(&house, 20).await;
    checkpoint(&house).await;
    house.clock.pass_seconds(10 * DAY);
    let by = By::program(house.org.clone(), store::Clock::now(&*house.clock));
    let since = by.at.plus_seconds(-DAY);
    assert_eq!(house.store.retain_since(&by, since).await.unwrap(), open_at);
    // It ends now: its outcome is young, so both stay together.
    house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
    checkpoint(&house).await;
    assert_eq!(house.store.retain_since(&by, since).await.unwrap(), open_at);
    let check = house.store.evidence_check().await.unwrap();
    assert_eq!((check.report.findings, check.unentered), (vec![], 0));
}

/// L11: an older copy gets no new cosignature, so nothing begins on it.
#[tokio::test]
async fn no_call_begins_without_a_witness_where_one_is_required() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    calls(&house, 5).await;
    let witness = SigningKey::from_seed("w.example/w1", KeyKind::Witness, &[5; 32]).unwrap();
    let cosigned = async || {
        let newest = house.store.checkpoint_now().await.unwrap().unwrap();
        let (_, mut note) = Checkpoint::open(&newest.note, &key(&house).await).unwrap();
        note.cosign(&witness, 1_800_000_000);
        note.to_string()
    };
    let begin = async || {
        let server = house.store.server(&house.org, "pay").await.unwrap().unwrap().server;
        let grant = house.store.grant(&house.org, "g").await.unwrap().unwrap();
        let judged_at = house.store.view().await.unwrap().generation;
        house.store.call_begin(house.intent(&grant, &server), Vec::new(), judged_at).await
    };
    let unwitnessed = |begun| matches!(begun, Err(BeginError::Store(StoreError::Unwitnessed)));
    house.store.require_witness(Duration::from_secs(600)).await.unwrap();
    assert!(unwitnessed(begin().await), "none has ever cosigned");
    // Not by that witness, or not of this log: nothing follows.
    let other = SigningKey::from_seed("w.example/w1", KeyKind::Witness, &[6; 32]).unwrap();
    let note = cosigned().await;
    assert!(house.store.checkpoint_cosigned(other.public(), &note).await.is_err());
    let foreign = note.replace("/audit\n", "/audot\n");
    assert!(house.store.checkpoint_cosigned(witness.public(), &foreign).await.is_err());
    assert!(unwitnessed(begin().await));
    house.store.checkpoint_cosigned(witness.public(), &note).await.unwrap();
    begin().await.unwrap();
    house.clock.pass_seconds(601);
    assert!(unwitnessed(begin().await), "its word is too old");
    house.store.checkpoint_cosigned(witness.public(), &cosigned().await).await.unwrap();
    begin().await.unwrap();
    // A clock that was put back makes it no younger.
    house.clock.set_seconds(-3_600);
    assert!(unwitnessed(begin().await));
    house.clock.set_seconds(3_600);
    // What is kept is shown with the checkpoint, and still is after a restart.
    let newest = house.store.instance_state().await.unwrap();
    assert!(newest.witnessed > 0);
    house.store.close();
    let key = key(&house).await;
    drop(house);
    let text = exported(dir.path(), 0).join("\n");
    assert_eq!(text.matches("\u{2014} w.example/w1 ").count(), 2);
    assert_eq!(judged(&exported(dir.path(), 0), &key, &[]).findings, vec![]);
}

#[tokio::test]
async fn an_export_goes_forward_only_and_gets_no_more_than_is_signed() {
    let dir = tempfile::tempdir().unwrap();
    let house = open(dir.path()).unwrap();
    calls(&house, 700).await;
    let size = checkpoint(&house).await.size;
    let (mut at, mut parts) = (0, 0);
    while let Some(part) = house.store.log_part(at).await.unwrap() {
        let indexes: Vec<u64> = part.leaves.iter().map(|leaf| leaf.index).collect();
        assert_eq!(indexes, (at..part.next).collect::<Vec<_>>(), "in order, without a gap");
        assert!(part.leaves.iter().all(|leaf| leaf.entry.is_some() && !leaf.retained));
        if let Some(checkpoint) = &part.checkpoint {
            assert_eq!(checkpoint.size, part.next);
        }
        (at, parts) = (part.next, parts + 1);
    }
    assert_eq!(at, size);
    assert!(parts >= 2);
    let events = house.audit().await.len();
    house.store.export_moved("file", 300).await.unwrap();
    house.store.export_moved("file", 200).await.unwrap();
    assert_eq!(house.store.export_cursor("file").await.unwrap(), 300);
    assert_eq!(house.store.export_cursor("webhook").await.unwrap(), 0);
    assert_eq!(house.audit().await.len(), events, "where an export stands is no change");
}
