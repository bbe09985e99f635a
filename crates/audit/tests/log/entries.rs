//! Entries: canonical, bounded, and without a value.

use audit::Hash;
use audit::entry::{Admin, Decision, Outcome, REDACTION};
use json::Limits;
use proptest::prelude::*;

fn canonical(entry: &[u8]) -> json::Value {
    let value = json::read(entry, Limits::ANSWER).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&json::canonical(&value)),
        String::from_utf8_lossy(entry),
        "an entry is canonical as it is written"
    );
    assert_eq!(value.get("redaction").and_then(json::Value::as_str), Some(REDACTION));
    assert!(entry.len() <= audit::tile::ENTRY_BYTES_MAX);
    value
}

fn decision<'a>(text: &'a str, names: &'a [String], number: u64) -> Decision<'a, String> {
    Decision {
        index: number,
        call: text,
        at: number as i64,
        org: text,
        grant: text,
        grant_label: text,
        identity: text,
        token_generation: number,
        server: text,
        server_slug: text,
        version: text,
        method: text,
        tool: Some(text),
        fingerprint: Some(text),
        policy: Some((text, number)),
        verdict: text,
        rule: text,
        reason: text,
        known_args: names,
        unknown_args: number,
        request_bytes: number,
        charged: names,
        count: number,
        approval: Some(text),
        capture: Some(text),
        fingerprints: Some(text),
    }
}

proptest! {
    #[test]
    fn every_entry_is_canonical_and_short_whatever_a_row_holds(
        text in "\\PC{0,40}|[\\x00-\\x1f\"\\\\]{0,9}|x{1000,1100}",
        names in prop::collection::vec("\\PC{0,30}|n{200}", 0..40),
        number in any::<u64>(),
        there in any::<bool>(),
    ) {
        let mut out = Vec::new();
        let mut entry = decision(&text, &names, number);
        if !there {
            (entry.tool, entry.fingerprint, entry.policy) = (None, None, None);
            (entry.approval, entry.capture, entry.fingerprints) = (None, None, None);
        }
        entry.write(&mut out);
        canonical(&out);

        out.clear();
        let outcome = Outcome {
            index: number,
            call: &text,
            at: number as i64,
            class: &text,
            detail: &text,
            upstream_status: there.then_some(number),
            response_bytes: number,
            took_micros: number,
            upstream_micros: number,
            echo_removed: there,
            capture: there.then_some(&text),
        };
        outcome.write(&mut out);
        canonical(&out);

        out.clear();
        let detail = serde_json::json!({"z": names, "a": {"after": text}}).to_string();
        let detail = if there { detail } else { text.clone() };
        let admin = Admin {
            index: number,
            at: number as i64,
            org: &text,
            name: &text,
            key: there.then_some(&text),
            member: there.then_some(&text),
            session: there.then_some(&text),
            address: there.then_some(&text),
            event: &text,
            subject: &text,
            detail: &detail,
        };
        admin.write(&mut out);
        canonical(&out);
    }
}

#[test]
fn entries_are_written_as_they_were_promised() {
    let names = ["amount".to_owned(), "currency".to_owned()];
    let mut out = Vec::new();
    let mut entry = decision("x", &names, 7);
    (entry.at, entry.verdict) = (1_795_263_905_123_456, "allowed");
    // What was not asked for is absent, so entries of before are what they were.
    (entry.capture, entry.fingerprints) = (None, None);
    entry.write(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"approval":"x","at":"2026-11-21T12:25:05.123456Z","call":"x","charged":["amount","currency"],"count":7,"decision":"allowed","fingerprint":"x","grant":"x","grant_label":"x","identity":"x","index":7,"kind":"decision","known_args":["amount","currency"],"method":"x","org":"x","policy":"x","policy_version":7,"reason":"x","redaction":"keys-v1","request_bytes":7,"rule":"x","server":"x","server_slug":"x","token_generation":7,"tool":"x","unknown_args":7,"version":"x"}"#
    );
}

#[test]
fn what_is_too_long_stands_as_its_digest() {
    let long = "y".repeat(1_025);
    let names: Vec<String> = (0..300).map(|n| format!("name-{n}")).collect();
    let mut out = Vec::new();
    let mut entry = decision("x", &names, 7);
    entry.rule = &long;
    entry.write(&mut out);
    let value = canonical(&out);
    let digest = |name: &str| value.get(name).and_then(|v| v.get("sha256")).cloned();
    assert_eq!(digest("rule"), Some(Hash::sha256(long.as_bytes()).to_string().into()));
    let list = serde_json::to_vec(&names).unwrap();
    assert_eq!(digest("known_args"), Some(Hash::sha256(&list).to_string().into()));
    let count = value.get("known_args").and_then(|v| v.get("count")).cloned();
    assert_eq!(count, Some(300.into()));
}
