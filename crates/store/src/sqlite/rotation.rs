//! Changes of the keys themselves: one more, another active one, one retired, a new root key.
//!
//! Each step is one transaction with its line in the audit log, and the ring in memory changes when
//! that transaction stands. A crash between two steps leaves a state that [`super::key_care`] goes on
//! from.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use vault::{KeyState, KeyringRow, RotateError, StateChange};

use super::fault::{Fault, corrupt};
use super::keys::NewKeys;
use super::sealed;
use super::tx::{Detail, Recorded, Tx};
use crate::{By, ChangeError, Moment, OrgId, StoreError};

/// What the audit log calls the key ring.
const SUBJECT: &str = "keyring";

impl From<RotateError> for Fault {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::NoSuchKey { id } => {
                ChangeError::NotFound { what: "data key", id: id.to_string() }.into()
            }
            RotateError::NotWrapped(_) => StoreError::NoRandomness.into(),
            other => ChangeError::Conflict(other.to_string()).into(),
        }
    }
}

/// Draws one more key, pending. Refused while an earlier rotation is under way.
pub(super) fn add(tx: &Tx<'_>, by: &By) -> Result<Recorded<u32>, Fault> {
    let NewKeys { ring, root } = tx.keys_so_far();
    let busy = ring
        .versions()
        .find(|(_, state)| matches!(state, KeyState::Pending | KeyState::DecryptOnly));
    if let Some((id, state)) = busy {
        let what = format!("key {id} is still {}: wait until it is retired", state.as_str());
        return Err(ChangeError::Conflict(what).into());
    }
    let wrapping = root.clone().unwrap_or_else(|| tx.keys.root());
    let (ring, row) = ring.add_version(&wrapping, &*tx.keys.random)?;
    insert(tx, &row)?;
    tx.keys_become(NewKeys { ring: Arc::new(ring), root });
    let detail = Detail::default().now("key", i64::from(row.id));
    tx.record(by, "keyring.key_added", SUBJECT, detail, row.id)
}

/// Makes a pending key the one that seals.
pub(super) fn activate(tx: &Tx<'_>, by: &By, id: u32) -> Result<Recorded<()>, Fault> {
    let NewKeys { ring, root } = tx.keys_so_far();
    let before = ring.active_id();
    let (ring, changes) = ring.activate(id)?;
    states(tx, &changes)?;
    tx.keys_become(NewKeys { ring: Arc::new(ring), root });
    let detail = Detail::default().change("active", i64::from(before), i64::from(id));
    tx.record(by, "keyring.key_activated", SUBJECT, detail, ())
}

/// Retires a key that no value is sealed with.
pub(super) fn retire(tx: &Tx<'_>, by: &By, id: u32) -> Result<Recorded<()>, Fault> {
    let NewKeys { ring, root } = tx.keys_so_far();
    let (ring, change) = ring.retire(id, sealed::count(tx.conn, id)?)?;
    states(tx, &[change])?;
    tx.keys_become(NewKeys { ring: Arc::new(ring), root });
    // What calls are judged from was made ready with the old key; and what it sealed goes from old
    // pages too.
    tx.judged_by();
    tx.erases();
    let detail = Detail::default().now("key", i64::from(id));
    tx.record(by, "keyring.key_retired", SUBJECT, detail, ())
}

/// Wraps all keys under another root key.
pub(super) fn rewrap(
    tx: &Tx<'_>,
    by: &By,
    new_root: Arc<vault::RootKey>,
) -> Result<Recorded<()>, Fault> {
    let (ring, rows) = tx.keys_so_far().ring.rewrap(&new_root, &*tx.keys.random)?;
    tx.conn.execute("DELETE FROM keyring", [])?;
    rows.iter().try_for_each(|row| insert(tx, row))?;
    tx.keys_become(NewKeys { ring: Arc::new(ring), root: Some(new_root) });
    tx.erases();
    let detail = Detail::default().secret("root_key");
    tx.record(by, "keyring.root_key_replaced", SUBJECT, detail, ())
}

/// When such a change was last made, by the log of changes.
pub(super) fn last(conn: &Connection, org: &OrgId, event: &str) -> Result<Option<Moment>, Fault> {
    let newest: Option<i64> = conn
        .prepare_cached(
            "SELECT at FROM audit_events WHERE org = ?1 AND event = ?2 ORDER BY idx DESC LIMIT 1",
        )?
        .query_row([org.as_str(), event], |row| row.get(0))
        .optional()?;
    Ok(newest.map(Moment::of_micros))
}

fn insert(tx: &Tx<'_>, row: &KeyringRow) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "INSERT INTO keyring (id, state, wrapped, check_blob) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![row.id, row.state.as_str(), row.wrapped, row.check])?;
    Ok(())
}

fn states(tx: &Tx<'_>, changes: &[StateChange]) -> Result<(), Fault> {
    let mut put = tx.conn.prepare_cached("UPDATE keyring SET state = ?2 WHERE id = ?1")?;
    for change in changes {
        if put.execute(params![change.id, change.state.as_str()])? != 1 {
            return Err(corrupt("keyring"));
        }
    }
    Ok(())
}
