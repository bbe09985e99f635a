//! Sealed records of arguments and results: written with the entry that holds their digest, given out
//! to admins, removed by age. Nothing here opens one.

use audit::Hash;
use json::{Object, Value};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::keys::Keys;
use super::recordings;
use super::tx::{Detail, Recorded, Tx};
use crate::*;

/// How many records one removal takes, and how many bytes one read.
const STEP: i64 = 200;
const READ_BYTES: usize = 1 << 20;

/// Which half of a call a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Arguments,
    Result,
}

/// What an entry says of a record: JSON text. A record for which there is no room is said to be
/// missing; nothing keeps a call from going on.
pub(super) fn told(
    conn: &Connection,
    keys: &Keys,
    org: &str,
    capture: &Capture,
) -> Result<Told, Fault> {
    let missing = |why: &str| {
        let mut told = Object::new();
        told.insert("missing", why);
        Told { text: spelled(told), kept: false }
    };
    let (key, record) = match capture {
        Capture::Missing(why) => return Ok(missing(why)),
        Capture::Sealed { key, record } => (key, record),
    };
    let bytes = length(record);
    let most = i64::from(recordings::terms(conn, keys, org)?.capture_mib) << 20;
    if room(conn, org)?.saturating_add(bytes) > most {
        return Ok(missing("full"));
    }
    let mut told = Object::new();
    told.insert("bytes", bytes);
    told.insert("key", &**key);
    told.insert("sha256", Hash::sha256(record).to_string());
    Ok(Told { text: spelled(told), kept: true })
}

/// What an entry says, and whether the record is to be written beside it.
pub(super) struct Told {
    pub(super) text: String,
    kept: bool,
}

fn spelled(told: Object) -> String {
    String::from_utf8(json::canonical(&Value::Object(told))).unwrap_or_default()
}

fn length(record: &[u8]) -> i64 {
    i64::try_from(record.len()).unwrap_or(i64::MAX)
}

/// How much room the records of an organisation take.
fn room(conn: &Connection, org: &str) -> Result<i64, Fault> {
    let sql = "SELECT bytes FROM capture_room WHERE org = ?1";
    let bytes = conn.prepare_cached(sql)?.query_row([org], |row| row.get(0)).optional()?;
    Ok(bytes.unwrap_or(0))
}

fn room_changes(conn: &Connection, org: &str, bytes: i64) -> Result<(), Fault> {
    conn.prepare_cached(
        "INSERT INTO capture_room (org, bytes) VALUES (?1, max(?2, 0)) \
         ON CONFLICT (org) DO UPDATE SET bytes = max(bytes + ?2, 0)",
    )?
    .execute(params![org, bytes])?;
    Ok(())
}

/// Writes a record beside the row whose entry tells of it.
pub(super) fn insert(
    conn: &Connection,
    org: &str,
    (call, part, at): (i64, Part, Moment),
    capture: Option<&Capture>,
    told: Option<&Told>,
) -> Result<(), Fault> {
    let (Some(Capture::Sealed { record, .. }), Some(Told { kept: true, .. })) = (capture, told)
    else {
        return Ok(());
    };
    let bytes = length(record);
    conn.prepare_cached(
        "INSERT INTO captures (call, part, org, at, bytes, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![call, part as i64, org, at.micros(), bytes, record])?;
    room_changes(conn, org, bytes)
}

/// Records behind a place, oldest first.
pub(super) fn after(
    conn: &Connection,
    org: &OrgId,
    call: Option<&CallId>,
    (after, part): (i64, i64),
) -> Result<Vec<CaptureLine>, Fault> {
    let sql = "SELECT k.call, k.part, k.at, k.record, c.id, c.entry, o.entry FROM captures k \
               JOIN calls c ON c.idx = k.call LEFT JOIN outcomes o ON o.idx = k.call \
               WHERE k.org = ?1 AND (k.call, k.part) > (?2, ?3) AND (?4 IS NULL OR c.id = ?4) \
               ORDER BY k.call, k.part LIMIT 256";
    let mut statement = conn.prepare_cached(sql)?;
    let id = call.map(|call| call.0.as_slice());
    let mut rows = statement.query(params![org.as_str(), after, part, id])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let of_result = row.get::<_, i64>(1)? == Part::Result as i64;
        let entry: Option<i64> = row.get(if of_result { 6 } else { 5 })?;
        let record: Vec<u8> = row.get(3)?;
        bytes += record.len();
        found.push(CaptureLine {
            place: (row.get(0)?, row.get(1)?),
            call: CallId(row.get(4)?),
            part: if of_result { "result" } else { "arguments" },
            entry: entry.map(i64::unsigned_abs),
            at: Moment::of_micros(row.get(2)?),
            record,
        });
        if bytes > READ_BYTES {
            break;
        }
    }
    Ok(found)
}

/// What the entries of a call say of what was recorded beyond its line.
pub(super) fn of_call(
    conn: &Connection,
    org: &OrgId,
    call: &CallId,
) -> Result<RecordedOfCall, Fault> {
    let sql = "SELECT c.fingerprints, c.capture, o.capture FROM calls c \
               JOIN call_shapes s ON s.id = c.shape LEFT JOIN outcomes o ON o.idx = c.idx \
               WHERE c.id = ?1 AND s.org = ?2";
    let found = conn
        .prepare_cached(sql)?
        .query_row(params![call.0.as_slice(), org.as_str()], |row| {
            let (fingerprints, arguments, result) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(RecordedOfCall { fingerprints, arguments, result })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// How many records are older than their time, and when that was.
pub(super) fn due(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    now: Moment,
) -> Result<Option<(i64, Moment)>, Fault> {
    let days = recordings::terms(conn, keys, org.as_str())?.capture_days;
    let before = now.plus_seconds(-i64::from(days) * 86_400);
    let sql = "SELECT count(*) FROM captures WHERE org = ?1 AND at < ?2";
    let count: i64 = conn
        .prepare_cached(sql)?
        .query_row(params![org.as_str(), before.micros()], |r| r.get(0))?;
    Ok((count > 0).then_some((count, before)))
}

/// Writes down that records of before a moment are removed: before any is.
pub(super) fn announce(
    tx: &Tx<'_>,
    by: &By,
    count: i64,
    before: Moment,
) -> Result<Recorded<()>, Fault> {
    let detail = Detail::default().now("before_micros", before.micros()).now("records", count);
    tx.record(by, "captures.removed", by.org.as_str(), detail, ())
}

/// Removes some records of before a moment; how many.
pub(super) fn remove(tx: &Tx<'_>, org: &OrgId, before: Moment) -> Result<Recorded<i64>, Fault> {
    let sql = "SELECT call, part, bytes FROM captures WHERE org = ?1 AND at < ?2 LIMIT ?3";
    let mut statement = tx.conn.prepare_cached(sql)?;
    let due = statement.query_map(params![org.as_str(), before.micros(), STEP], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let due = due.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut gone = tx.conn.prepare_cached("DELETE FROM captures WHERE call = ?1 AND part = ?2")?;
    for (call, part, _) in &due {
        gone.execute([call, part])?;
    }
    room_changes(tx.conn, org.as_str(), -due.iter().map(|(.., bytes)| bytes).sum::<i64>())?;
    if !due.is_empty() {
        tx.erases();
    }
    // The entry that says so was written before.
    Ok(Recorded::unchanged(i64::try_from(due.len()).unwrap_or(0)))
}

/// Removes the records of calls whose entries lose what they say.
pub(super) fn remove_with_calls(conn: &Connection, from: i64, to: i64) -> Result<(), Fault> {
    let of = "call IN (SELECT ref >> 2 FROM log_entries WHERE idx >= ?1 AND idx < ?2 \
              AND (ref & 3) = 0)";
    let sql = format!("SELECT org, sum(bytes) FROM captures WHERE {of} GROUP BY org");
    let mut statement = conn.prepare_cached(&sql)?;
    let sums = statement.query_map([from, to], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for sum in sums.collect::<rusqlite::Result<Vec<(String, i64)>>>()? {
        room_changes(conn, &sum.0, -sum.1)?;
    }
    conn.prepare_cached(&format!("DELETE FROM captures WHERE {of}"))?.execute([from, to])?;
    Ok(())
}
