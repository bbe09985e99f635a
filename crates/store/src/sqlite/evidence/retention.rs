//! Retention: what entries say is taken out by age; their hashes stay, so every proof still holds.
//!
//! First an entry says up to where, in one commit with the mark that exports go by; then rows are
//! removed a little at a time, so that no call waits long. A crash in between leaves rows that the
//! next run removes.

use rusqlite::{Connection, params};

use super::super::Sqlite;
use super::super::captures;
use super::super::fault::Fault;
use super::super::open::{meta, meta_put};
use super::super::tx::{Detail, Recorded, Tx};
use super::{reads, stored};
use crate::{By, ChangeError, Moment};

/// How many entries one look or one removal takes.
const STEP: u64 = 2_000;
/// How many shapes of calls one removal takes.
const SHAPES_STEP: usize = 500;
/// Up to where rows are gone.
const GONE: &str = "evidence_gone";

/// The place before which everything is older than this moment.
fn before(conn: &Connection, from: u64, moment: Moment) -> Result<u64, Fault> {
    let signed = reads::newest(conn)?.map_or(0, |newest| newest.size);
    // The newest call stays: the place of the next one is counted from it.
    let sql = "SELECT entry FROM calls ORDER BY idx DESC LIMIT 1";
    let mut newest = conn.prepare_cached(sql)?;
    let mut rows = newest.query([])?;
    let newest = match rows.next()? {
        Some(row) => row.get::<_, Option<i64>>(0)?.map_or(0, i64::unsigned_abs),
        None => u64::MAX,
    };
    let end = signed.min(newest);
    let sql = "SELECT min(e.idx) FROM log_entries e \
        LEFT JOIN calls c ON (e.ref & 3) = 0 AND c.idx = e.ref >> 2 \
        LEFT JOIN outcomes o ON (e.ref & 3) = 1 AND o.idx = e.ref >> 2 \
        LEFT JOIN audit_events a ON (e.ref & 3) = 2 AND a.idx = e.ref >> 2 \
        WHERE e.idx >= ?1 AND e.idx < ?2 AND coalesce(c.at, o.at, a.at, 0) >= ?3";
    let mut young = conn.prepare_cached(sql)?;
    let (mut at, mut to) = (from, end);
    while at < end {
        let next = end.min(at + STEP);
        let found: Option<i64> = young
            .query_row(params![stored(at), stored(next), moment.micros()], |row| row.get(0))?;
        if let Some(found) = found {
            to = found.unsigned_abs();
            break;
        }
        at = next;
    }
    whole(conn, from, to.max(from))
}

/// The place at or before this one that divides no call from its outcome, and leaves no open call
/// behind: an outcome is written from the row of its call.
fn whole(conn: &Connection, from: u64, mut to: u64) -> Result<u64, Fault> {
    let sql = "SELECT min(e.idx) FROM log_entries e JOIN calls c ON c.idx = e.ref >> 2 \
        JOIN call_shapes s ON s.id = c.shape LEFT JOIN outcomes o ON o.idx = c.idx \
        WHERE e.idx >= ?1 AND e.idx < ?2 AND (e.ref & 3) = 0 \
        AND (o.entry >= ?2 OR (o.idx IS NULL AND s.verdict = 'allowed'))";
    let mut divided = conn.prepare_cached(sql)?;
    while to > from {
        let found: Option<i64> =
            divided.query_row(params![stored(from), stored(to)], |row| row.get(0))?;
        match found {
            Some(found) => to = found.unsigned_abs(),
            None => break,
        }
    }
    Ok(to)
}

/// Removes rows of the next entries before the mark. The place it has come to.
fn remove(tx: &Tx<'_>) -> Result<Recorded<(u64, u64)>, Fault> {
    let end = reads::retained_from(tx.conn)?;
    let from = meta::<i64>(tx.conn, GONE)?.unwrap_or(0).unsigned_abs();
    let to = end.min(from + STEP);
    captures::remove_with_calls(tx.conn, stored(from), stored(to))?;
    for (table, kind) in [("outcomes", 1), ("calls", 0), ("audit_events", 2)] {
        let sql = format!(
            "DELETE FROM {table} WHERE idx IN (SELECT ref >> 2 FROM log_entries \
             WHERE idx >= ?1 AND idx < ?2 AND (ref & 3) = {kind})"
        );
        tx.conn.prepare_cached(&sql)?.execute([stored(from), stored(to)])?;
    }
    meta_put(tx.conn, GONE, stored(to))?;
    if to > from && to == end {
        tx.erases();
    }
    // The entry that says so was written before.
    Ok(Recorded::unchanged((to, end)))
}

/// Shapes that no call has at this moment, and the newest call that was looked at.
fn unused_shapes(conn: &Connection) -> Result<(i64, Vec<i64>), Fault> {
    let newest = conn.query_row("SELECT coalesce(max(idx), 0) FROM calls", [], |r| r.get(0))?;
    let sql = "SELECT id FROM call_shapes WHERE id NOT IN (SELECT shape FROM calls)";
    let mut statement = conn.prepare_cached(sql)?;
    let unused = statement.query_map([], |row| row.get(0))?;
    Ok((newest, unused.collect::<rusqlite::Result<_>>()?))
}

/// Removes those of these shapes that no newer call has either.
fn remove_shapes(tx: &Tx<'_>, newest: i64, unused: &[i64]) -> Result<Recorded<()>, Fault> {
    let mut remove = tx.conn.prepare_cached(
        "DELETE FROM call_shapes WHERE id = ?1 \
         AND NOT EXISTS (SELECT 1 FROM calls WHERE idx > ?2 AND shape = ?1)",
    )?;
    for shape in unused {
        remove.execute([*shape, newest])?;
    }
    tx.reshapes();
    tx.erases();
    // The entry that accounts for the calls accounts for what they had in common.
    Ok(Recorded::unchanged(()))
}

impl Sqlite {
    /// Takes out what entries from before this moment say. Their hashes stay. Answers how many
    /// entries are without content now, counted from the first.
    ///
    /// - **Errors**: what was removed until then stays removed; the next run goes on.
    pub async fn retain_since(&self, by: &By, moment: Moment) -> Result<u64, ChangeError> {
        let look = move |conn: &Connection| {
            let from = reads::retained_from(conn)?;
            Ok((from, before(conn, from, moment)?))
        };
        let (from, to) = self.readers.read(look).await?;
        if to > from {
            let by = by.clone();
            self.desk
                .change(move |tx| {
                    meta_put(tx.conn, "evidence_from", stored(to))?;
                    let detail = Detail::default().change("before_index", stored(from), stored(to));
                    tx.record(&by, "evidence.retention", by.org.as_str(), detail, ())
                })
                .await?;
        }
        loop {
            let (gone, end) = self.desk.change(remove).await?;
            if gone >= end {
                break;
            }
        }
        // Looked for beside the writer, and by every run: one that was cut off left some behind.
        let (newest, unused) = self.readers.read(unused_shapes).await?;
        for some in unused.chunks(SHAPES_STEP) {
            let some = some.to_vec();
            self.desk.change(move |tx| remove_shapes(tx, newest, &some)).await?;
        }
        self.readers.read(reads::retained_from).await.map_err(ChangeError::from)
    }
}
