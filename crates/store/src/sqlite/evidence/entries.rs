//! Entries from rows: on their way in, and whenever they are asked for again.
//!
//! INVARIANT(one-spelling): both ways give the same bytes, or every export would look tampered with.
//! So rows are taken as they are, text for text, and a row that no longer makes sense is written as
//! what it says now: its hash will tell.

use std::sync::Arc;

use audit::entry::{Admin, Decision};
use rusqlite::{Connection, Row, params};

use super::super::fault::Fault;
use super::super::line::Line;
use super::super::records::list_of;
use super::stored;
use crate::{CallId, Outcome};

/// An entry with its place, what is kept of it, and its bytes if its row is there.
pub(super) struct Kept {
    pub(super) index: u64,
    pub(super) hash: [u8; 32],
    pub(super) entry: Option<Vec<u8>>,
    /// The organisation it is about.
    pub(super) org: Option<String>,
}

/// The entry of a line on its way in.
pub(super) fn decision(index: u64, line: &Line, capture: Option<&str>, out: &mut Vec<u8>) {
    let shape = &line.shape;
    let policy = shape.policy.as_ref();
    Decision::<Arc<str>> {
        index,
        call: &line.id.to_string(),
        at: line.at.micros(),
        org: shape.org.as_str(),
        grant: shape.grant.as_str(),
        grant_label: &shape.grant_label,
        identity: &shape.identity,
        token_generation: u64::from(shape.token_generation),
        server: shape.server.as_str(),
        server_slug: &shape.server_slug,
        version: shape.version,
        method: &shape.method,
        tool: shape.tool.as_deref(),
        fingerprint: shape.fingerprint.as_deref(),
        policy: policy.map(|(id, number)| (id.as_str(), u64::from(*number))),
        verdict: shape.verdict,
        rule: &shape.rule,
        reason: shape.reason,
        known_args: &shape.known_args,
        unknown_args: u64::from(shape.unknown_args),
        request_bytes: line.request_bytes,
        charged: &shape.charged,
        count: u64::from(line.count),
        approval: line.approval.as_ref().map(crate::ApprovalId::as_str),
        capture,
        fingerprints: line.marks.as_deref().and_then(|marks| marks.fingerprints.as_deref()),
    }
    .write(out);
}

/// The entry of an outcome on its way in.
pub(super) fn outcome(index: u64, outcome: &Outcome, capture: Option<&str>, out: &mut Vec<u8>) {
    audit::entry::Outcome {
        index,
        call: &outcome.id.to_string(),
        at: outcome.at.micros(),
        class: outcome.class.as_str(),
        detail: outcome.detail,
        upstream_status: outcome.upstream_status.map(u64::from),
        response_bytes: outcome.response_bytes,
        took_micros: outcome.took_micros,
        upstream_micros: outcome.upstream_micros,
        echo_removed: outcome.echo_removed,
        capture,
    }
    .write(out);
}

const CALL: &str = "c.id, c.at, s.org, s.grant_id, s.grant_label, s.identity, \
    s.token_generation, s.server_id, s.server_slug, s.version, s.method, s.tool, s.fingerprint, \
    s.policy_id, s.policy_version, s.verdict, s.rule, s.reason, s.known_args, s.unknown_args, \
    c.request_bytes, s.charged, c.count, c.approval, c.capture, c.fingerprints";

/// Reads a decision from its row: a place, the organisation, and the columns of [`CALL`].
fn call_row(index: u64, row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    let text = |at: usize| row.get::<_, String>(at + 2);
    let maybe = |at: usize| row.get::<_, Option<String>>(at + 2);
    // Never negative as we write them; whoever makes one so finds it in the entry.
    let number = |at: usize| row.get::<_, i64>(at + 2).map(|number| number as u64);
    // What is no list any more is shown as one of what it is.
    let list = |at: usize| -> rusqlite::Result<Vec<String>> {
        let text = text(at)?;
        Ok(list_of(&text, "call_shapes").unwrap_or_else(|_| vec![text]))
    };
    let policy_version = row.get::<_, Option<i64>>(16)?.map(|version| version as u64);
    let mut out = Vec::with_capacity(768);
    Decision::<String> {
        index,
        call: &CallId(row.get(2)?).to_string(),
        at: row.get(3)?,
        org: &text(2)?,
        grant: &text(3)?,
        grant_label: &text(4)?,
        identity: &text(5)?,
        token_generation: number(6)?,
        server: &text(7)?,
        server_slug: &text(8)?,
        version: &text(9)?,
        method: &text(10)?,
        tool: maybe(11)?.as_deref(),
        fingerprint: maybe(12)?.as_deref(),
        policy: maybe(13)?.as_deref().zip(policy_version),
        verdict: &text(15)?,
        rule: &text(16)?,
        reason: &text(17)?,
        known_args: &list(18)?,
        unknown_args: number(19)?,
        request_bytes: number(20)?,
        charged: &list(21)?,
        count: number(22)?,
        approval: maybe(23)?.as_deref(),
        capture: maybe(24)?.as_deref(),
        fingerprints: maybe(25)?.as_deref(),
    }
    .write(&mut out);
    Ok(out)
}

/// Reads an outcome from its row.
fn outcome_row(index: u64, row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    let number = |at: usize| row.get::<_, i64>(at).map(|number| number as u64);
    let mut out = Vec::with_capacity(384);
    audit::entry::Outcome {
        index,
        call: &CallId(row.get(2)?).to_string(),
        at: row.get(3)?,
        class: &row.get::<_, String>(4)?,
        detail: &row.get::<_, String>(5)?,
        upstream_status: row.get::<_, Option<i64>>(6)?.map(|status| status as u64),
        response_bytes: number(7)?,
        took_micros: number(8)?,
        upstream_micros: number(9)?,
        echo_removed: row.get::<_, i64>(10)? != 0,
        capture: row.get::<_, Option<String>>(11)?.as_deref(),
    }
    .write(&mut out);
    Ok(out)
}

const EVENT: &str = "a.at, a.org, a.name, a.key, a.member, a.session, a.address, a.event, \
    a.subject, a.detail";

/// Reads an admin entry from its row: a place, the organisation, and the columns of [`EVENT`].
fn event_row(index: u64, row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    let text = |at: usize| row.get::<_, String>(at);
    let maybe = |at: usize| row.get::<_, Option<String>>(at);
    let mut out = Vec::with_capacity(512);
    Admin {
        index,
        at: row.get(2)?,
        org: &text(3)?,
        name: &text(4)?,
        key: maybe(5)?.as_deref(),
        member: maybe(6)?.as_deref(),
        session: maybe(7)?.as_deref(),
        address: maybe(8)?.as_deref(),
        event: &text(9)?,
        subject: &text(10)?,
        detail: &text(11)?,
    }
    .write(&mut out);
    Ok(out)
}

/// Audit events behind this one that have no entry yet, as they will be from `index` on.
pub(super) fn new_events(
    conn: &Connection,
    after: i64,
    index: u64,
) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let sql = format!(
        "SELECT a.idx, a.org, {EVENT} FROM audit_events a WHERE a.idx > ?1 AND a.entry IS NULL \
         ORDER BY a.idx"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([after])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let at = index + events.len() as u64;
        events.push((row.get(0)?, event_row(at, row)?));
    }
    Ok(events)
}

/// Calls, or outcomes, of before there was a log.
pub(super) fn old_calls(
    conn: &Connection,
    index: u64,
    most: i64,
) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let sql = format!(
        "SELECT c.idx, s.org, {CALL} FROM calls c JOIN call_shapes s ON s.id = c.shape \
         WHERE c.entry IS NULL ORDER BY c.idx LIMIT ?1"
    );
    old(conn, &sql, index, most, call_row)
}

/// See [`old_calls`].
pub(super) fn old_outcomes(
    conn: &Connection,
    index: u64,
    most: i64,
) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let sql = "SELECT o.idx, '', c.id, o.at, o.class, o.detail, o.upstream_status, \
        o.response_bytes, o.took_micros, o.upstream_micros, o.echo_removed, o.capture \
        FROM outcomes o JOIN calls c ON c.idx = o.idx WHERE o.entry IS NULL ORDER BY o.idx LIMIT ?1";
    old(conn, sql, index, most, outcome_row)
}

fn old(
    conn: &Connection,
    sql: &str,
    index: u64,
    most: i64,
    entry: fn(u64, &Row<'_>) -> rusqlite::Result<Vec<u8>>,
) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([most])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let at = index + found.len() as u64;
        found.push((row.get(0)?, entry(at, row)?));
    }
    Ok(found)
}

/// The entries from `from` to before `to`, with what stands in their rows now. Places whose row in
/// `log_entries` is gone are left out.
pub(super) fn range(conn: &Connection, from: u64, to: u64) -> Result<Vec<Kept>, Fault> {
    let within = params![stored(from), stored(to)];
    let mut kept = Vec::new();
    let sql = "SELECT idx, hash FROM log_entries WHERE idx >= ?1 AND idx < ?2 ORDER BY idx";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(within)?;
    while let Some(row) = rows.next()? {
        let index = row.get::<_, i64>(0)?.unsigned_abs();
        kept.push(Kept { index, hash: row.get(1)?, entry: None, org: None });
    }
    let mut put = |index: u64, org: String, entry: Vec<u8>| {
        if let Ok(at) = kept.binary_search_by_key(&index, |kept| kept.index)
            && let Some(kept) = kept.get_mut(at)
        {
            kept.entry = Some(entry);
            kept.org = Some(org);
        }
    };
    let of = |kind: i64| format!("e.idx >= ?1 AND e.idx < ?2 AND (e.ref & 3) = {kind}");
    let calls = format!(
        "SELECT e.idx, s.org, {CALL} FROM log_entries e JOIN calls c ON c.idx = e.ref >> 2 \
         JOIN call_shapes s ON s.id = c.shape WHERE {}",
        of(0)
    );
    let outcomes = format!(
        "SELECT e.idx, s.org, c.id, o.at, o.class, o.detail, o.upstream_status, o.response_bytes, \
         o.took_micros, o.upstream_micros, o.echo_removed, o.capture FROM log_entries e \
         JOIN outcomes o ON o.idx = e.ref >> 2 JOIN calls c ON c.idx = o.idx \
         JOIN call_shapes s ON s.id = c.shape WHERE {}",
        of(1)
    );
    let events = format!(
        "SELECT e.idx, a.org, {EVENT} FROM log_entries e JOIN audit_events a ON a.idx = e.ref >> 2 \
         WHERE {}",
        of(2)
    );
    type Entry = fn(u64, &Row<'_>) -> rusqlite::Result<Vec<u8>>;
    let kinds: [(&str, Entry); 3] =
        [(&calls, call_row), (&outcomes, outcome_row), (&events, event_row)];
    for (sql, entry) in kinds {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query(within)?;
        while let Some(row) = rows.next()? {
            let index = row.get::<_, i64>(0)?.unsigned_abs();
            put(index, row.get(1)?, entry(index, row)?);
        }
    }
    Ok(kept)
}
