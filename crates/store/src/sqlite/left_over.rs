//! What a process before this one left behind: outcomes that it could not write, and calls in
//! flight. And the lease of this one, by which the next will know what it left.
//!
//! A lease lasts from start to end. With SQLite the lock of the directory proves that every other
//! process is dead, so all earlier leases are over; a store that several processes share would ask
//! how long ago each was seen.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::evidence::Sequencer;
use super::fault::Fault;
use super::keys::Keys;
use super::open::meta;
use super::spool;
use super::{call_rows, quota_rows, quotas};
use crate::{CallId, Moment, Outcome, OutcomeClass};

/// How many leases that are over are kept, to see when processes ran.
const LEASES_KEPT: i64 = 1_000;

/// What was left behind.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    /// Outcomes of the spool that are in the log now.
    pub(super) replayed: usize,
    /// Calls that were in flight and are unknown now.
    pub(super) unknown: usize,
}

/// Starts the lease of this process, writes the outcomes that the last one spooled, and closes what
/// it left in flight: its calls end as unknown, and their quota goes where the limits say. All in
/// one commit; the outcomes come first, so that no call is unknown whose end was seen.
pub(super) fn settle(
    conn: &Connection,
    keys: &Keys,
    book: &mut quotas::Book,
    numbers: &mut quota_rows::Numbers,
    log: &mut Sequencer,
    spooled: &[spool::Kept],
    now: Moment,
) -> Result<LeftOver, Fault> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    log.begin();
    numbers.lease = lease(conn, now)?;
    let mut found = LeftOver::default();
    for kept in spooled {
        if replay(conn, log, kept)? {
            book.finish(kept.outcome.id, kept.outcome.class);
            found.replayed += 1;
        }
    }
    found.unknown = close_calls(conn, log, now)?;
    book.close(&abandoned(conn)?);
    let changes = book.take().pending;
    quota_rows::write(conn, keys, numbers, &changes)?;
    log.commit(conn)?;
    conn.execute_batch("COMMIT")?;
    log.stands();
    numbers.committed(&changes);
    Ok(found)
}

/// Ends all leases but a new one, which is this process's.
fn lease(conn: &Connection, now: Moment) -> rusqlite::Result<i64> {
    conn.execute("UPDATE incarnations SET ended_at = seen_at WHERE ended_at IS NULL", [])?;
    conn.execute("INSERT INTO incarnations (started_at, seen_at) VALUES (?1, ?1)", [now.micros()])?;
    let id = conn.last_insert_rowid();
    conn.execute("DELETE FROM incarnations WHERE id <= ?1", [id - LEASES_KEPT])?;
    Ok(id)
}

/// The holder of the lease lives.
pub(super) fn seen(conn: &Connection, lease: i64, now: Moment) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE incarnations SET seen_at = ?2 WHERE id = ?1")?
        .execute([lease, now.micros()])?;
    Ok(())
}

/// The holder of the lease ends in good order.
pub(super) fn ended(conn: &Connection, lease: i64, now: Moment) -> rusqlite::Result<()> {
    conn.execute(
        "UPDATE incarnations SET seen_at = ?2, ended_at = ?2 WHERE id = ?1",
        [lease, now.micros()],
    )?;
    Ok(())
}

/// Writes an outcome of the spool. `false`: its call has one already, or is not in the log.
fn replay(conn: &Connection, log: &mut Sequencer, kept: &spool::Kept) -> Result<bool, Fault> {
    let open: Option<i64> = conn
        .prepare_cached(
            "SELECT c.idx FROM calls c JOIN call_shapes s ON s.id = c.shape \
             WHERE c.id = ?1 AND s.verdict = 'allowed' \
             AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.idx = c.idx)",
        )?
        .query_row([kept.outcome.id.0.as_slice()], |row| row.get(0))
        .optional()?;
    match open {
        Some(idx) if idx == kept.idx => {
            call_rows::insert_outcome(conn, log, idx, &kept.outcome)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Ends the calls that have left and have no outcome.
fn close_calls(conn: &Connection, log: &mut Sequencer, now: Moment) -> Result<usize, Fault> {
    let open_from: i64 = meta(conn, "open_from")?.unwrap_or(1);
    let mut left = conn.prepare(
        "SELECT c.idx, c.id FROM calls c JOIN call_shapes s ON s.id = c.shape \
         WHERE c.idx >= ?1 AND s.verdict = 'allowed' \
         AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.idx = c.idx)",
    )?;
    let left: Vec<(i64, [u8; 16])> = left
        .query_map([open_from], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (idx, id) in &left {
        let outcome = Outcome {
            id: CallId(*id),
            at: now,
            class: OutcomeClass::Unknown,
            detail: "process_ended",
            upstream_status: None,
            response_bytes: 0,
            took_micros: 0,
            upstream_micros: 0,
            echo_removed: false,
            capture: None,
        };
        call_rows::insert_outcome(conn, log, *idx, &outcome)?;
    }
    Ok(left.len())
}

/// The calls whose quota was taken under a lease that is over.
fn abandoned(conn: &Connection) -> rusqlite::Result<HashSet<CallId>> {
    let mut found = conn.prepare(
        "SELECT r.call FROM quota_reservations r LEFT JOIN incarnations i ON i.id = r.incarnation \
         WHERE r.closed IS NULL AND (i.id IS NULL OR i.ended_at IS NOT NULL)",
    )?;
    let calls = found.query_map(params![], |row| Ok(CallId(row.get(0)?)))?;
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_taken_under_a_lease_that_is_over_is_abandoned() {
        let conn = Connection::open_in_memory().unwrap();
        for sql in [include_str!("migrations/0001.sql"), include_str!("migrations/0003.sql")] {
            conn.execute_batch(sql).unwrap();
        }
        let now = Moment::of_micros(7);
        let over = lease(&conn, now).unwrap();
        ended(&conn, over, now).unwrap();
        let ours = lease(&conn, now).unwrap();
        seen(&conn, ours, Moment::of_micros(9)).unwrap();
        // Somebody else who lives: no store of one process has it.
        conn.execute("INSERT INTO incarnations (started_at, seen_at) VALUES (7, 9)", []).unwrap();
        let other = conn.last_insert_rowid();
        for (call, lease) in (1_u8..).zip([0, over, ours, other, 99]) {
            conn.execute(
                "INSERT INTO quota_reservations (call, at, closed, holds, incarnation) \
                 VALUES (?1, 7, NULL, x'', ?2)",
                params![[call; 16], lease],
            )
            .unwrap();
        }
        let expected = [1, 2, 5].map(|call| CallId([call; 16]));
        assert_eq!(abandoned(&conn).unwrap(), HashSet::from(expected));
        let next = lease(&conn, now).unwrap();
        assert!(next > other);
        assert_eq!(abandoned(&conn).unwrap().len(), 5, "every lease but the new one is over");
    }
}
