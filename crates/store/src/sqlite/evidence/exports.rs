//! The log as exports are told of it, and how far each has come.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::atomic::Ordering;

use super::super::Sqlite;
use super::super::fault::Fault;
use super::super::open::{DATABASE, meta, meta_put};
use super::super::tx::Recorded;
use super::{entries, reads, stored, witness};
use crate::*;

/// How many entries one delivery holds, and how far it looks for a checkpoint to end at.
const PART: u64 = 512;

/// The name of a cursor in `meta`.
fn cursor_name(export: &str) -> String {
    format!("export.{export}")
}

fn part(conn: &Connection, from: u64) -> Result<Option<LogPart>, Fault> {
    let signed = |sql: &str, below: i64| -> Result<Option<SignedCheckpoint>, Fault> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(SignedCheckpoint {
                size: row.get::<_, i64>(0)?.unsigned_abs(),
                at: Moment::of_micros(row.get(1)?),
                note: row.get(2)?,
            })
        };
        let found = conn.prepare_cached(sql)?.query_row(params![stored(from), below], read);
        Ok(found.optional()?)
    };
    let far = from.saturating_add(PART);
    let sql = "SELECT size, at, note FROM log_checkpoints WHERE size > ?1 AND size <= ?2 \
               ORDER BY size DESC LIMIT 1";
    let checkpoint = match signed(sql, stored(far))? {
        Some(checkpoint) => Some(checkpoint),
        // One commit wrote more than a delivery holds: its checkpoint comes with the last part.
        None if signed(sql, i64::MAX)?.is_some() => None,
        None => return Ok(None),
    };
    let checkpoint = match checkpoint {
        Some(signed) => {
            let note = witness::cosigned_note(conn, signed.size, signed.note)?;
            Some(SignedCheckpoint { note, ..signed })
        }
        None => None,
    };
    let next = checkpoint.as_ref().map_or(far, |checkpoint| checkpoint.size);
    let retained = reads::retained_from(conn)?;
    let leaves = entries::range(conn, from, next)?;
    let leaves = leaves.into_iter().map(|kept| LogLeaf {
        index: kept.index,
        hash: audit::Hash(kept.hash),
        retained: kept.entry.is_none() && kept.index < retained,
        entry: kept.entry,
    });
    Ok(Some(LogPart { leaves: leaves.collect(), next, checkpoint }))
}

fn state(conn: &Connection, now: Moment) -> Result<InstanceState, Fault> {
    let newest = reads::newest(conn)?;
    let witnessed = witness::newest(conn)?;
    let waiting: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM approvals WHERE state = 'pending' AND expires_at > ?1",
        )?
        .query_row([now.micros()], |row| row.get(0))?;
    Ok(InstanceState {
        entries: reads::head_size(conn)?,
        signed: newest.as_ref().map_or(0, |newest| newest.size),
        signed_at: newest.map(|newest| newest.at),
        witnessed: witnessed.map_or(0, |(size, _)| size),
        witnessed_at: witnessed.map(|(_, at)| at),
        retained: reads::retained_from(conn)?,
        approvals_waiting: waiting.unsigned_abs(),
        ..InstanceState::default()
    })
}

#[async_trait]
impl Exports for Sqlite {
    async fn export_cursor(&self, export: &str) -> Result<u64, StoreError> {
        let name = cursor_name(export);
        let read = move |conn: &Connection| Ok(meta::<i64>(conn, &name)?.unwrap_or(0));
        Ok(self.readers.read(read).await?.unsigned_abs())
    }

    async fn export_moved(&self, export: &str, next: u64) -> Result<(), StoreError> {
        let name = cursor_name(export);
        let put = move |tx: &super::super::tx::Tx<'_>| {
            if meta::<i64>(tx.conn, &name)?.unwrap_or(0) < stored(next) {
                meta_put(tx.conn, &name, stored(next))?;
            }
            // Where an export stands is no change that anybody made.
            Ok(Recorded::unchanged(()))
        };
        self.desk.change(put).await.map_err(|error| match error {
            ChangeError::Store(error) => error,
            other => StoreError::Unavailable(other.into()),
        })
    }

    async fn log_part(&self, from: u64) -> Result<Option<LogPart>, StoreError> {
        self.readers.read(move |conn| part(conn, from)).await
    }

    async fn log_file_head(&self, from: u64) -> Result<String, StoreError> {
        let (org, none) = (self.org.clone(), String::new());
        // How long the log will be when the file is closed is not known: at least so long.
        let under = SignedCheckpoint { size: from, at: Moment::of_micros(0), note: none };
        self.readers.read(move |conn| reads::head(conn, &org, from, &under, true)).await
    }

    async fn instance_state(&self) -> Result<InstanceState, StoreError> {
        let now = self.desk.clock.now();
        let read = self.readers.read(move |conn| state(conn, now)).await?;
        let sized = |suffix: &str| {
            let file = self.dir.join(format!("{DATABASE}{suffix}"));
            std::fs::metadata(file).map_or(0, |file| file.len())
        };
        Ok(InstanceState {
            open_calls: self.desk.open_count(),
            blocked: self.desk.blocked.load(Ordering::Acquire),
            database_bytes: sized("") + sized("-wal"),
            ..read
        })
    }
}
