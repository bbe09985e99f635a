//! Candidates that are watched, and what they said. The row of a watch carries a MAC like every row that
//! somebody wrote; what it has seen carries none: figures to decide by, no evidence.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sqlite;
use super::control_plane::{change, read};
use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::policies::{self, TEXT_BYTES_MAX};
use super::records::number;
use super::tx::{Detail, Recorded, Tx};
use crate::{
    By, CallId, ChangeError, Moment, OrgId, Page, PolicyId, RecordedCalls, Slice, StoreError,
    Verdict, Watch, WatchBatch, WatchDraft, WatchId, WatchTally, WatchWord, WatchedCall, Watches,
    names,
};

/// The shortest watch: an hour.
const SECONDS_MIN: i64 = 3_600;
/// The longest watch: 30 days.
const SECONDS_MAX: i64 = 30 * 86_400;
/// The most calls that are kept one by one of each kind, those that differ and those that do not.
const CALLS_KEPT: i64 = 5_000;
/// The most different things that both may say of tools; more are told as one.
const TALLIES_MAX: i64 = 2_000;
/// Stands for the tools beyond.
const OTHERS: &str = "(others)";

const WATCH: &str = "SELECT id, policy, text, note, base, author, started_at, ends_at, ended_at, mac, \
    missed FROM policy_watches WHERE org = ?1 AND policy = ?2";

fn fields(org: &str, watch: &Watch) -> Fields {
    Fields::of(org, watch.id.as_str())
        .text(watch.policy.as_str())
        .bytes(&watch.text)
        .text(&watch.note)
        .int(i64::from(watch.base))
        .text(&watch.author)
        .int(watch.started_at.micros())
        .int(watch.ends_at.micros())
        .maybe_int(watch.ended_at.map(Moment::micros))
}

fn watch_of(keys: &Keys, org: &str, row: &Row<'_>) -> Result<Option<Watch>, Fault> {
    let watch = Watch {
        id: row.get::<_, String>(0)?.into(),
        policy: row.get::<_, String>(1)?.into(),
        text: row.get::<_, Vec<u8>>(2)?.into(),
        note: row.get(3)?,
        base: number(row.get(4)?, "policy_watches")?,
        author: row.get(5)?,
        started_at: Moment::of_micros(row.get(6)?),
        ends_at: Moment::of_micros(row.get(7)?),
        ended_at: row.get::<_, Option<i64>>(8)?.map(Moment::of_micros),
        missed: number(row.get(10)?, "policy_watches")?,
    };
    let ours = keys.verify("policy_watches", &fields(org, &watch), &row.get::<_, Vec<u8>>(9)?);
    if !ours {
        tracing::error!(policy = %watch.policy, "the row of a watch was written by somebody else");
    }
    Ok(ours.then_some(watch))
}

/// The watch of a policy, running or over, unless somebody else wrote its row.
fn one(conn: &Connection, keys: &Keys, org: &OrgId, id: &PolicyId) -> Result<Option<Watch>, Fault> {
    let mut statement = conn.prepare_cached(WATCH)?;
    let mut rows = statement.query([org.as_str(), id.as_str()])?;
    match rows.next()? {
        Some(row) => watch_of(keys, org.as_str(), row),
        None => Ok(None),
    }
}

/// The watch of a policy that was not stopped. Whoever judges by it looks at its end.
pub(super) fn running(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &PolicyId,
) -> Result<Option<Watch>, Fault> {
    Ok(one(conn, keys, org, id)?.filter(|watch| watch.ended_at.is_none()))
}

fn start(tx: &Tx<'_>, by: &By, id: &PolicyId, new: WatchDraft) -> Result<Recorded<Watch>, Fault> {
    names::note("note", &new.note)?;
    let invalid = |field, problem| ChangeError::Invalid { field, problem };
    if new.text.len() > TEXT_BYTES_MAX {
        return Err(invalid("text", "is too long").into());
    }
    if !(SECONDS_MIN..=SECONDS_MAX).contains(&new.seconds) {
        return Err(invalid("hours", "is 1 hour to 30 days").into());
    }
    let policy = policies::to_change(tx, by, id)?;
    if policy.latest == 0 {
        let nothing = "nothing is published yet that it could be watched beside";
        return Err(ChangeError::Conflict(nothing.to_owned()).into());
    }
    let watch = Watch {
        id: WatchId::random(tx.keys.id_bytes()?),
        policy: id.clone(),
        text: new.text.into(),
        note: new.note,
        base: policy.latest,
        author: by.name.clone(),
        started_at: by.at,
        ends_at: Moment::of_micros(by.at.micros().saturating_add(new.seconds * 1_000_000)),
        ended_at: None,
        missed: 0,
    };
    tx.conn
        .prepare_cached("DELETE FROM policy_watches WHERE org = ?1 AND policy = ?2")?
        .execute([by.org.as_str(), id.as_str()])?;
    tx.conn
        .prepare_cached(
            "INSERT INTO policy_watches (org, policy, id, text, note, base, author, started_at, \
             ends_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            by.org.as_str(),
            id.as_str(),
            watch.id.as_str(),
            &*watch.text,
            watch.note,
            watch.base,
            watch.author,
            watch.started_at.micros(),
            watch.ends_at.micros(),
            tx.keys.mac("policy_watches", &fields(by.org.as_str(), &watch)),
        ])?;
    tx.judged_by();
    let detail = Detail::default()
        .now("watch", watch.id.as_str())
        .now("beside", i64::from(watch.base))
        .now("hours", new.seconds / 3_600)
        .now("note", watch.note.as_str());
    tx.record(by, "policy.watch_started", id.as_str(), detail, watch)
}

/// Ends the watch of a policy, if one runs.
pub(super) fn end(
    tx: &Tx<'_>,
    org: &OrgId,
    id: &PolicyId,
    at: Moment,
) -> Result<Option<Watch>, Fault> {
    let Some(watch) = running(tx.conn, tx.keys, org, id)? else { return Ok(None) };
    let watch = Watch { ended_at: Some(at), ..watch };
    tx.conn
        .prepare_cached(
            "UPDATE policy_watches SET ended_at = ?3, mac = ?4 WHERE org = ?1 AND policy = ?2",
        )?
        .execute(params![
            org.as_str(),
            id.as_str(),
            at.micros(),
            tx.keys.mac("policy_watches", &fields(org.as_str(), &watch)),
        ])?;
    tx.judged_by();
    Ok(Some(watch))
}

fn stop(tx: &Tx<'_>, by: &By, id: &PolicyId) -> Result<Recorded<Watch>, Fault> {
    let missing = || ChangeError::NotFound { what: "watch", id: id.to_string() };
    let known = one(tx.conn, tx.keys, &by.org, id)?.ok_or_else(missing)?;
    match end(tx, &by.org, id, by.at)? {
        Some(watch) => {
            let detail = Detail::default().was("watch", watch.id.as_str());
            tx.record(by, "policy.watch_stopped", id.as_str(), detail, watch)
        }
        // It was over already.
        None => Ok(Recorded::unchanged(known)),
    }
}

/// Adds what candidates said.
pub(super) fn seen(conn: &Connection, seen: &[(WatchId, WatchBatch)]) -> Result<(), Fault> {
    for (id, batch) in seen {
        let known = conn
            .prepare_cached("SELECT 1 FROM policy_watches WHERE id = ?1")?
            .query_row([id.as_str()], |_| Ok(()))
            .optional()?;
        if known.is_none() {
            continue;
        }
        add_tallies(conn, id, batch)?;
        add_calls(conn, id, batch)?;
        conn.prepare_cached(
            "UPDATE policy_watches SET missed = min(missed + ?2, 4611686018427387904) \
             WHERE id = ?1",
        )?
        .execute(params![id.as_str(), i64::try_from(batch.missed).unwrap_or(i64::MAX >> 1)])?;
    }
    Ok(())
}

fn add_tallies(conn: &Connection, id: &WatchId, batch: &WatchBatch) -> Result<(), Fault> {
    let mut add = conn.prepare_cached(
        "INSERT INTO watch_tallies (watch, tool, live, live_rule, candidate, candidate_rule, count, \
         first_at, last_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (watch, tool, live, live_rule, candidate, candidate_rule) DO UPDATE SET \
         count = count + excluded.count, first_at = min(first_at, excluded.first_at), \
         last_at = max(last_at, excluded.last_at)",
    )?;
    let mut known = conn.prepare_cached(
        "SELECT 1 FROM watch_tallies WHERE watch = ?1 AND tool = ?2 AND live = ?3 AND live_rule = ?4 \
         AND candidate = ?5 AND candidate_rule = ?6",
    )?;
    let mut kinds: i64 = conn
        .prepare_cached("SELECT count(*) FROM watch_tallies WHERE watch = ?1")?
        .query_row([id.as_str()], |row| row.get(0))?;
    for ((tool, live, candidate), (count, first, last)) in &batch.tallies {
        let (said, would) = (live.verdict.as_str(), candidate.verdict.as_str());
        let kind = params![id.as_str(), &**tool, said, &*live.rule, would, &*candidate.rule];
        let is_new = !known.exists(kind)?;
        // There are as many kinds as two documents have rules; nobody shall fill the disk with more.
        let (tool, live_rule, candidate_rule) = match is_new && kinds >= TALLIES_MAX {
            true => (OTHERS, "", ""),
            false => (&**tool, &*live.rule, &*candidate.rule),
        };
        kinds += i64::from(is_new);
        add.execute(params![
            id.as_str(),
            tool,
            live.verdict.as_str(),
            live_rule,
            candidate.verdict.as_str(),
            candidate_rule,
            i64::try_from(*count).unwrap_or(i64::MAX),
            first.micros(),
            last.micros(),
        ])?;
    }
    Ok(())
}

fn add_calls(conn: &Connection, id: &WatchId, batch: &WatchBatch) -> Result<(), Fault> {
    if batch.calls.is_empty() {
        return Ok(());
    }
    let mut add = conn.prepare_cached(
        "INSERT INTO watch_calls (watch, call, at, grant_id, grant_label, tool, live, live_rule, \
         live_version, candidate, candidate_rule, reason, differs) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    for call in &batch.calls {
        add.execute(params![
            id.as_str(),
            call.call.0,
            call.at.micros(),
            call.grant.as_str(),
            &*call.grant_label,
            &*call.tool,
            call.live.verdict.as_str(),
            &*call.live.rule,
            call.live_version,
            call.candidate.verdict.as_str(),
            &*call.candidate.rule,
            &*call.reason,
            call.differs(),
        ])?;
    }
    let mut forget = conn.prepare_cached(
        "DELETE FROM watch_calls WHERE watch = ?1 AND differs = ?2 AND idx <= (SELECT idx FROM \
         watch_calls WHERE watch = ?1 AND differs = ?2 ORDER BY idx DESC LIMIT 1 OFFSET ?3)",
    )?;
    for differs in [false, true] {
        forget.execute(params![id.as_str(), differs, CALLS_KEPT])?;
    }
    Ok(())
}

fn tallies(conn: &Connection, id: &WatchId) -> Result<Vec<WatchTally>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT tool, live, live_rule, candidate, candidate_rule, count, first_at, last_at \
         FROM watch_tallies WHERE watch = ?1 ORDER BY count DESC, tool",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(WatchTally {
            tool: row.get::<_, String>(0)?.into(),
            live: word_of(row, 1)?,
            candidate: word_of(row, 3)?,
            count: number(row.get(5)?, "watch_tallies")?,
            first_at: Moment::of_micros(row.get(6)?),
            last_at: Moment::of_micros(row.get(7)?),
        });
    }
    Ok(found)
}

/// A verdict and, in the column after it, its rule.
fn word_of(row: &Row<'_>, at: usize) -> Result<WatchWord, Fault> {
    let verdict = Verdict::parse(&row.get::<_, String>(at)?);
    Ok(WatchWord {
        verdict: verdict.ok_or_else(|| corrupt("watch_tallies"))?,
        rule: row.get::<_, String>(at + 1)?.into(),
    })
}

fn calls(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &PolicyId,
    differing: bool,
    page: &Page,
) -> Result<Slice<WatchedCall>, Fault> {
    let Some(watch) = one(conn, keys, org, id)? else {
        return Ok(Slice { items: Vec::new(), next: None });
    };
    let after = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(i64::MAX);
    let limit = page.limit.clamp(1, super::call_log::LIMIT_MAX);
    let mut statement = conn.prepare_cached(
        "SELECT live, live_rule, candidate, candidate_rule, call, at, grant_id, grant_label, tool, \
         live_version, reason, idx FROM watch_calls WHERE watch = ?1 AND idx < ?2 \
         AND differs >= ?3 ORDER BY idx DESC LIMIT ?4",
    )?;
    let mut rows = statement.query(params![watch.id.as_str(), after, differing, limit + 1])?;
    let mut items = Vec::new();
    let (mut last, mut next) = (None, None);
    while let Some(row) = rows.next()? {
        if items.len() == limit as usize {
            next = last.map(|idx: i64| idx.to_string());
            break;
        }
        last = Some(row.get(11)?);
        items.push(WatchedCall {
            live: word_of(row, 0)?,
            candidate: word_of(row, 2)?,
            call: CallId(row.get(4)?),
            at: Moment::of_micros(row.get(5)?),
            grant: row.get::<_, String>(6)?.into(),
            grant_label: row.get::<_, String>(7)?.into(),
            tool: row.get::<_, String>(8)?.into(),
            live_version: number(row.get(9)?, "watch_calls")?,
            reason: row.get::<_, String>(10)?.into(),
        });
    }
    Ok(Slice { items, next })
}

#[async_trait]
impl Watches for Sqlite {
    async fn policy_watch(
        &self,
        org: &OrgId,
        policy: &PolicyId,
    ) -> Result<Option<(Watch, Vec<WatchTally>)>, StoreError> {
        read!(self, |conn, keys, org, policy| {
            match one(conn, &keys, &org, &policy)? {
                None => Ok(None),
                Some(watch) => {
                    let tallies = tallies(conn, &watch.id)?;
                    Ok(Some((watch, tallies)))
                }
            }
        })
    }

    async fn policy_watch_start(
        &self,
        by: &By,
        policy: &PolicyId,
        draft: WatchDraft,
    ) -> Result<Watch, ChangeError> {
        change!(self for by, |tx, policy| start(tx, &by, &policy, draft))
    }

    async fn policy_watch_stop(&self, by: &By, policy: &PolicyId) -> Result<Watch, ChangeError> {
        change!(self for by, |tx, policy| stop(tx, &by, &policy))
    }

    async fn policy_watch_calls(
        &self,
        org: &OrgId,
        policy: &PolicyId,
        differing: bool,
        page: &Page,
    ) -> Result<Slice<WatchedCall>, StoreError> {
        read!(self, |conn, keys, org, policy, page| {
            calls(conn, &keys, &org, &policy, differing, &page)
        })
    }

    async fn calls_recorded(
        &self,
        org: &OrgId,
        policy: &PolicyId,
        since: Moment,
        lines_max: u32,
    ) -> Result<Vec<RecordedCalls>, StoreError> {
        read!(self, |conn, _keys, org, policy| {
            super::call_log::recorded(conn, &org, &policy, since, lines_max)
        })
    }
}
