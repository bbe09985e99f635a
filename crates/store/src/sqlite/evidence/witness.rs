//! What witnesses have cosigned, and calls that wait for nobody but are refused without it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use audit::Checkpoint;
use audit::note::Note;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::Sqlite;
use super::super::fault::{Fault, corrupt};
use super::super::keys::Fields;
use super::super::open::{meta, meta_put};
use super::super::tx::{Detail, Recorded};
use super::{reads, stored};
use crate::*;

/// Where in `meta` it stands how long the log once was by a witness, and an admin has accepted that.
const BREAK: &str = "evidence_break";
/// That this program wrote it.
const BREAK_MAC: &str = "evidence_break_mac";

/// A checkpoint as it is written, with the cosignatures that are kept for it.
pub(super) fn cosigned_note(conn: &Connection, size: u64, note: String) -> Result<String, Fault> {
    let sql = "SELECT line FROM log_cosignatures WHERE size = ?1 ORDER BY witness";
    let mut statement = conn.prepare_cached(sql)?;
    let lines = statement.query_map([stored(size)], |row| row.get::<_, String>(0))?;
    let mut note = note;
    for line in lines {
        note.push_str(&line?);
    }
    Ok(note)
}

/// The longest length that was cosigned, and when the newest cosignature came.
pub(super) fn newest(conn: &Connection) -> Result<Option<(u64, Moment)>, Fault> {
    let sql = "SELECT max(size), max(at) FROM log_cosignatures";
    let found = conn
        .prepare_cached(sql)?
        .query_row([], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    let found = found.0.zip(found.1);
    Ok(found.map(|(size, at)| (size.unsigned_abs(), Moment::of_micros(at))))
}

#[async_trait]
impl Witnessed for Sqlite {
    async fn require_witness(&self, within: Duration) -> Result<(), StoreError> {
        let newest = self.readers.read(newest).await?;
        let at = newest.map_or(0, |(_, at)| at.micros());
        self.desk.witnessed_at.store(at, Ordering::Release);
        let micros = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
        self.desk.witness_within.store(micros, Ordering::Release);
        Ok(())
    }

    async fn checkpoint_cosigned(
        &self,
        witness: &audit::PublicKey,
        note: &str,
    ) -> Result<(), ChangeError> {
        let invalid = |problem| ChangeError::Invalid { field: "note", problem };
        let log = audit::PublicKey::parse(&self.evidence_key().await?)
            .map_err(|_| StoreError::from(corrupt("log_keys")))?;
        let (checkpoint, opened) =
            Checkpoint::open(note, &log).map_err(|_| invalid("not a checkpoint of this log"))?;
        let cosigned = opened.verify(witness).ok().flatten().is_some();
        let line = opened.signatures.iter().find(|line| line.name == witness.name());
        let (Some(line), true) = (line, cosigned) else {
            return Err(invalid("not cosigned by this witness"));
        };
        let empty = Note { text: String::new(), signatures: vec![line.clone()] };
        let line = empty.to_string().trim_start_matches('\n').to_owned();
        let (name, size) = (witness.name().to_owned(), stored(checkpoint.size));
        let now = self.desk.clock.now();
        self.desk
            .change(move |tx| {
                let known: Option<String> = tx
                    .conn
                    .prepare_cached("SELECT note FROM log_checkpoints WHERE size = ?1")?
                    .query_row([size], |row| row.get(0))
                    .optional()?;
                if known.is_none() {
                    return Err(corrupt("log_checkpoints"));
                }
                tx.conn
                    .prepare_cached(
                        "INSERT OR REPLACE INTO log_cosignatures (size, witness, at, line) \
                         VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![size, name, now.micros(), line])?;
                // What a witness signs is no change that anybody made; it proves itself.
                Ok(Recorded::unchanged(()))
            })
            .await?;
        self.desk.witnessed_at.fetch_max(now.micros(), Ordering::AcqRel);
        Ok(())
    }

    async fn log_break(&self) -> Result<u64, StoreError> {
        let keys = std::sync::Arc::clone(&self.keys);
        let read = move |conn: &Connection| {
            let length = meta::<i64>(conn, BREAK)?.unwrap_or(0);
            let mac = meta::<[u8; 32]>(conn, BREAK_MAC)?.unwrap_or_default();
            // Whoever has only the database cannot accept it.
            let ours = keys.verify(BREAK, &Fields::default().int(length), &mac);
            Ok(if ours { length.unsigned_abs() } else { 0 })
        };
        self.readers.read(read).await
    }

    async fn log_break_accept(
        &self,
        by: &By,
        witnessed: u64,
        reason: &str,
    ) -> Result<(), ChangeError> {
        let here = self.readers.read(reads::head_size).await?;
        let (by, reason) = (by.clone(), reason.to_owned());
        self.desk
            .change(move |tx| {
                meta_put(tx.conn, BREAK, stored(witnessed))?;
                let mac = tx.keys.mac(BREAK, &Fields::default().int(stored(witnessed)));
                meta_put(tx.conn, BREAK_MAC, mac)?;
                let detail = Detail::default()
                    .now("witnessed", stored(witnessed))
                    .now("entries", stored(here))
                    .now("reason", reason.as_str());
                tx.record(&by, "evidence.break", by.org.as_str(), detail, ())
            })
            .await
    }
}
