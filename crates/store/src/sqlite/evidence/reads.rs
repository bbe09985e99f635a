//! What others ask of the log: checkpoints, proofs, exports, a check of the whole.

use async_trait::async_trait;
use audit::export::{self, Form, Head, Withheld};
use audit::proof::{Tiles as _, consistency, edge, inclusion};
use audit::tile::{TILE_WIDTH, Tile, TileKind};
use audit::{Hash, PublicKey, Trust, Verifier};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::Sqlite;
use super::super::control_plane::change;
use super::super::fault::{Fault, corrupt};
use super::super::tx::Detail;
use super::tiles::Rows;
use super::{entries, stored, witness};
use crate::*;

/// How many entries one read of an export takes.
const PART: u64 = 2_048;
/// How many entries with proofs one read takes.
const PROVED_PART: u64 = 256;

fn public_key(conn: &Connection) -> Result<PublicKey, Fault> {
    let text: String =
        conn.query_row("SELECT public FROM log_keys WHERE id = 1", [], |row| row.get(0))?;
    PublicKey::parse(&text).map_err(|_| corrupt("log_keys"))
}

fn signed(row: &Row<'_>) -> rusqlite::Result<SignedCheckpoint> {
    Ok(SignedCheckpoint {
        size: row.get::<_, i64>(0)?.unsigned_abs(),
        at: Moment::of_micros(row.get(1)?),
        note: row.get(2)?,
    })
}

pub(super) fn newest(conn: &Connection) -> Result<Option<SignedCheckpoint>, Fault> {
    let sql = "SELECT size, at, note FROM log_checkpoints ORDER BY size DESC LIMIT 1";
    let Some(newest) = conn.prepare_cached(sql)?.query_row([], signed).optional()? else {
        return Ok(None);
    };
    let note = witness::cosigned_note(conn, newest.size, newest.note)?;
    Ok(Some(SignedCheckpoint { note, ..newest }))
}

pub(super) fn head_size(conn: &Connection) -> Result<u64, Fault> {
    let size =
        conn.query_row("SELECT size FROM log_head WHERE id = 1", [], |row| row.get::<_, i64>(0))?;
    Ok(size.unsigned_abs())
}

fn listed(conn: &Connection, page: &Page) -> Result<Slice<SignedCheckpoint>, Fault> {
    let before = match &page.after {
        None => i64::MAX,
        Some(text) => match text.parse() {
            Ok(size) => size,
            Err(_) => return Ok(Slice { items: Vec::new(), next: None }),
        },
    };
    let limit = page.limit.clamp(1, 500);
    let sql = "SELECT size, at, note FROM log_checkpoints WHERE size < ?1 \
               ORDER BY size DESC LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map(params![before, limit + 1], signed)?;
    let mut items = found.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    for item in &mut items {
        item.note = witness::cosigned_note(conn, item.size, std::mem::take(&mut item.note))?;
    }
    let next = items.last().filter(|_| more).map(|last| last.size.to_string());
    Ok(Slice { items, next })
}

/// The places of a call's entries; `None` if there is no such call in the organisation.
fn places(conn: &Connection, org: &OrgId, id: &CallId) -> Result<Option<Vec<u64>>, Fault> {
    let sql = "SELECT c.entry, o.entry FROM calls c JOIN call_shapes s ON s.id = c.shape \
               LEFT JOIN outcomes o ON o.idx = c.idx WHERE c.id = ?1 AND s.org = ?2";
    let found = conn
        .prepare_cached(sql)?
        .query_row(params![id.0.as_slice(), org.as_str()], |row| {
            Ok([row.get::<_, Option<i64>>(0)?, row.get(1)?])
        })
        .optional()?;
    Ok(found.map(|places| places.into_iter().flatten().map(i64::unsigned_abs).collect()))
}

/// Entries with their proofs under the tree of this size.
fn proved(conn: &Connection, index: u64, size: u64) -> Result<Option<EntryProof>, Fault> {
    let kept = entries::range(conn, index, index + 1)?;
    let Some(entry) = kept.into_iter().next().and_then(|kept| kept.entry) else { return Ok(None) };
    let proof = inclusion(&mut Rows(conn), index, size)?;
    Ok(proof.ok().map(|proof| EntryProof { index, entry, proof }))
}

fn call_proof(conn: &Connection, org: &OrgId, id: &CallId) -> Result<Found<CallProof>, Fault> {
    let Some(places) = places(conn, org, id)? else { return Ok(Found::Nothing) };
    let Some(checkpoint) = newest(conn)? else { return Ok(Found::Later) };
    if places.iter().any(|place| *place >= checkpoint.size) {
        return Ok(Found::Later);
    }
    let entries = places.into_iter().map(|place| proved(conn, place, checkpoint.size));
    let entries = entries.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    Ok(Found::Here(CallProof { checkpoint, entries }))
}

/// What was asked for, or why not.
enum Found<T> {
    Here(T),
    Nothing,
    /// It is there, and no checkpoint covers it yet.
    Later,
}

/// The first line of an export.
pub(super) fn head(
    conn: &Connection,
    org: &OrgId,
    from: u64,
    checkpoint: &SignedCheckpoint,
    whole: bool,
) -> Result<String, Fault> {
    let beginning = if whole { edge(&mut Rows(conn), from)?.roots().to_vec() } else { Vec::new() };
    Ok(export::head(&Head {
        form: if whole { Form::Tree } else { Form::Proofs },
        key: public_key(conn)?,
        organisation: (!whole).then(|| org.as_str().to_owned()),
        from: if whole { from } else { 0 },
        edge: beginning,
        size: checkpoint.size,
    }))
}

/// The lines of a whole log from one place to before another, each checkpoint behind the last entry
/// that it covers.
fn tree_lines(conn: &Connection, from: u64, to: u64, size: u64) -> Result<Vec<String>, Fault> {
    let sql = "SELECT size, note FROM log_checkpoints WHERE size > ?1 AND size <= ?2 ORDER BY size";
    let mut statement = conn.prepare_cached(sql)?;
    // Behind the end of the log stand checkpoints of entries that were cut off.
    let last = if to >= size { u64::MAX } else { to };
    let notes = statement.query_map([stored(from), stored(last)], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, String>(1)?))
    })?;
    let notes = notes.collect::<rusqlite::Result<Vec<_>>>()?.into_iter();
    let notes = notes.map(|(size, note)| Ok((size, witness::cosigned_note(conn, size, note)?)));
    let mut notes = notes.collect::<Result<Vec<_>, Fault>>()?.into_iter().peekable();
    let retained = retained_from(conn)?;
    let mut lines = Vec::new();
    for kept in entries::range(conn, from, to)? {
        while let Some((_, note)) = notes.next_if(|(size, _)| *size <= kept.index) {
            lines.push(export::checkpoint(&note));
        }
        let why = (kept.entry.is_none() && kept.index < retained).then_some(Withheld::Retention);
        lines.push(export::leaf(kept.index, Some(&Hash(kept.hash)), kept.entry.as_deref(), why));
    }
    lines.extend(notes.map(|(_, note)| export::checkpoint(&note)));
    Ok(lines)
}

/// Up to where entries were taken out by age.
pub(super) fn retained_from(conn: &Connection) -> Result<u64, Fault> {
    let kept: Option<i64> = super::super::open::meta(conn, "evidence_from")?;
    Ok(kept.unwrap_or(0).unsigned_abs())
}

/// The lines of one organisation's entries, each with its proof.
fn proof_lines(
    conn: &Connection,
    org: &OrgId,
    from: u64,
    to: u64,
    size: u64,
) -> Result<Vec<String>, Fault> {
    let mut lines = Vec::new();
    for kept in entries::range(conn, from, to)? {
        let ours = kept.org.as_deref() == Some(org.as_str());
        if let Some(entry) = kept.entry.filter(|_| ours)
            && let Ok(proof) = inclusion(&mut Rows(conn), kept.index, size)?
        {
            lines.push(export::proved(kept.index, &entry, &proof));
        }
    }
    Ok(lines)
}

/// Rows that no entry speaks of.
fn unentered(conn: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT (SELECT count(*) FROM calls WHERE entry IS NULL) \
               + (SELECT count(*) FROM outcomes WHERE entry IS NULL) \
               + (SELECT count(*) FROM audit_events WHERE entry IS NULL)";
    let count: i64 = conn.query_row(sql, [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Exports the log from a database file that nobody serves, with no key: for whoever holds a copy.
///
/// Reads only, and does not ask whether the log is sound; [`audit::Verifier`] does. `line` is given
/// every line, its line break included.
///
/// - **Errors**: whatever keeps the file from being read. What `line` answers ends the export.
pub fn export_file<E: From<StoreError>>(
    database: &std::path::Path,
    from: u64,
    mut line: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let fault = |fault: Fault| E::from(StoreError::from(fault));
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let conn = Connection::open_with_flags(database, flags).map_err(|e| fault(e.into()))?;
    conn.execute_batch("PRAGMA query_only = ON; BEGIN DEFERRED").map_err(|e| fault(e.into()))?;
    let size = conn.query_row("SELECT coalesce(max(idx) + 1, 0) FROM log_entries", [], |row| {
        row.get::<_, i64>(0)
    });
    let size = size.map_err(|e| fault(e.into()))?.unsigned_abs();
    let under = SignedCheckpoint { size, at: Moment::of_micros(0), note: String::new() };
    let nobody = OrgId::from("");
    line(&head(&conn, &nobody, from, &under, true).map_err(fault)?)?;
    let (mut at, mut count) = (from, 1);
    loop {
        let to = size.min(at.saturating_add(PART)).max(at);
        let lines = tree_lines(&conn, at, to, size).map_err(fault)?;
        count += lines.len() as u64;
        lines.iter().try_for_each(|text| line(text))?;
        if to >= size {
            return line(&export::end(count));
        }
        at = to;
    }
}

#[async_trait]
impl Evidence for Sqlite {
    async fn evidence_key(&self) -> Result<String, StoreError> {
        self.readers.read(|conn| Ok(public_key(conn)?.to_string())).await
    }

    async fn checkpoints(&self, page: &Page) -> Result<Slice<SignedCheckpoint>, StoreError> {
        let page = page.clone();
        self.readers.read(move |conn| listed(conn, &page)).await
    }

    async fn checkpoint_now(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        let covered = |conn: &Connection| {
            let newest = newest(conn)?;
            let size = newest.as_ref().map_or(0, |newest| newest.size);
            Ok((newest, size >= head_size(conn)?))
        };
        let (newest, whole) = self.readers.read(covered).await?;
        if whole {
            return Ok(newest);
        }
        // A flush signs what was committed before it.
        DataPlane::flush(self).await?;
        Ok(self.readers.read(covered).await?.0)
    }

    async fn consistency(&self, old: u64, size: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        self.readers
            .read(move |conn| {
                if size > head_size(conn)? {
                    return Ok(None);
                }
                Ok(consistency(&mut Rows(conn), old, size)?.ok())
            })
            .await
    }

    async fn witnessed(&self) -> Result<Option<(u64, Moment)>, StoreError> {
        self.readers.read(witness::newest).await
    }

    async fn log_tile(&self, tile: Tile) -> Result<Option<Vec<Hash>>, StoreError> {
        let TileKind::Hashes(level) = tile.kind else { return Ok(None) };
        self.readers
            .read(move |conn| {
                let signed = newest(conn)?.map_or(0, |newest| newest.size);
                if !tile.within(signed) {
                    return Ok(None);
                }
                let start = tile.index.saturating_mul(TILE_WIDTH);
                Rows(conn).hashes(u32::from(level), start, usize::from(tile.width)).map(Some)
            })
            .await
    }

    async fn call_proof(&self, org: &OrgId, id: &CallId) -> Result<Option<CallProof>, StoreError> {
        for _ in 0..2 {
            let (org, id) = (org.clone(), *id);
            match self.readers.read(move |conn| call_proof(conn, &org, &id)).await? {
                Found::Here(proof) => return Ok(Some(proof)),
                Found::Nothing => return Ok(None),
                Found::Later => drop(self.checkpoint_now().await?),
            }
        }
        // The call's outcome keeps coming in between; it will be covered within a second.
        Err(StoreError::Busy)
    }

    async fn export_begin(
        &self,
        by: &By,
        from: u64,
        whole: bool,
    ) -> Result<(String, SignedCheckpoint), ChangeError> {
        let shared = self.readers.read(|conn| {
            let count: i64 =
                conn.query_row("SELECT count(*) FROM organisations", [], |row| row.get(0))?;
            Ok((count > 1, head_size(conn)?))
        });
        let (shared, length) = shared.await?;
        if whole && shared {
            let what = "the log is shared with other organisations; ask for the proofs of yours";
            return Err(ChangeError::Conflict(what.to_owned()));
        }
        if from > length {
            return Err(ChangeError::Invalid {
                field: "from",
                problem: "beyond the end of the log",
            });
        }
        let (who, form) = (by.clone(), if whole { Form::Tree } else { Form::Proofs });
        change!(self, |tx, who| {
            let from = i64::try_from(from).unwrap_or(i64::MAX);
            let detail = Detail::default().now("form", form.as_str()).now("from", from);
            tx.record(&who, "evidence.exported", who.org.as_str(), detail, ())
        })?;
        let checkpoint = self.checkpoint_now().await?.ok_or(StoreError::Busy)?;
        let (org, under) = (by.org.clone(), checkpoint.clone());
        let head = self.readers.read(move |conn| head(conn, &org, from, &under, whole)).await?;
        Ok((head, checkpoint))
    }

    async fn export_part(
        &self,
        org: &OrgId,
        from: u64,
        size: u64,
        whole: bool,
    ) -> Result<(Vec<String>, u64), StoreError> {
        let to = size.min(from.saturating_add(if whole { PART } else { PROVED_PART }));
        let org = org.clone();
        let lines = self.readers.read(move |conn| match whole {
            true => tree_lines(conn, from, to, size),
            false => proof_lines(conn, &org, from, to, size),
        });
        Ok((lines.await?, to))
    }

    async fn evidence_check(&self) -> Result<SelfCheck, StoreError> {
        let Some(checkpoint) = self.checkpoint_now().await? else { return Err(StoreError::Busy) };
        let (org, under) = (self.org.clone(), checkpoint.clone());
        let (log, first) = self
            .readers
            .read(move |conn| Ok((public_key(conn)?, head(conn, &org, 0, &under, true)?)))
            .await?;
        let trust = Trust {
            log,
            saved: Vec::new(),
            witnesses: Vec::new(),
            witnesses_needed: 0,
            call: None,
        };
        let mut verifier = Verifier::new(trust);
        verifier.line(first.trim_end().as_bytes());
        let (mut at, mut count) = (0, 1);
        while at < checkpoint.size {
            let (lines, next) = self.export_part(&self.org, at, checkpoint.size, true).await?;
            for line in &lines {
                verifier.line(line.trim_end().as_bytes());
            }
            count += lines.len() as u64;
            at = next;
        }
        verifier.line(export::end(count).trim_end().as_bytes());
        let unentered = self.readers.read(unentered).await?;
        Ok(SelfCheck { report: verifier.finish(), unentered })
    }
}
