//! Passwords: the hash of each, sealed to its member.

use rusqlite::{Connection, OptionalExtension as _, params};
use vault::{Place, Secret};

use super::fault::{Fault, corrupt};
use super::keys::Keys;
use super::members;
use super::sessions;
use super::tx::{Detail, Recorded, Tx};
use crate::{By, MemberId, Moment, OrgId, SessionId};

const TABLE: &str = "passwords";

fn place<'a>(org: &'a OrgId, member: &'a MemberId, generation: u64) -> Place<'a> {
    let (org, record) = (org.as_str(), member.as_str());
    Place { org, table: TABLE, record, field: "hash", generation }
}

fn generation(conn: &Connection, org: &OrgId, member: &MemberId) -> Result<u64, Fault> {
    let found: Option<i64> = conn
        .prepare_cached("SELECT generation FROM passwords WHERE org = ?1 AND member = ?2")?
        .query_row([org.as_str(), member.as_str()], |row| row.get(0))
        .optional()?;
    u64::try_from(found.unwrap_or(0)).map_err(|_| corrupt(TABLE))
}

/// What is kept of a member's password. A row that does not open is nobody's password.
pub(super) fn of(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    member: &MemberId,
) -> Result<Option<Secret>, Fault> {
    let found: Option<(i64, Vec<u8>)> = conn
        .prepare_cached("SELECT generation, sealed FROM passwords WHERE org = ?1 AND member = ?2")?
        .query_row([org.as_str(), member.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((generation, sealed)) = found else { return Ok(None) };
    let generation = u64::try_from(generation).map_err(|_| corrupt(TABLE))?;
    let opened = keys.ring().open(&place(org, member, generation), &sealed);
    if opened.is_err() {
        tracing::error!(member = %member, "the row of a password was written by somebody else");
    }
    Ok(opened.ok())
}

/// Keeps a password in place of the one before.
pub(super) fn put(
    tx: &Tx<'_>,
    org: &OrgId,
    member: &MemberId,
    password: &Secret,
    at: Moment,
) -> Result<(), Fault> {
    let generation = generation(tx.conn, org, member)?.saturating_add(1);
    let place = place(org, member, generation);
    let sealed = tx.keys.ring().seal(&place, password.expose(), &*tx.keys.random)?;
    tx.erases();
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO passwords (org, member, generation, sealed, set_at) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            org.as_str(),
            member.as_str(),
            i64::try_from(generation).map_err(|_| corrupt(TABLE))?,
            sealed,
            at.micros(),
        ])?;
    Ok(())
}

/// Erases a member's password, if they have one.
pub(super) fn erase(tx: &Tx<'_>, org: &OrgId, member: &MemberId) -> Result<(), Fault> {
    let gone = tx
        .conn
        .prepare_cached("DELETE FROM passwords WHERE org = ?1 AND member = ?2")?
        .execute([org.as_str(), member.as_str()])?;
    if gone > 0 {
        tx.erases();
    }
    Ok(())
}

pub(super) fn set(
    tx: &Tx<'_>,
    by: &By,
    member: &MemberId,
    password: &Secret,
    but: Option<&SessionId>,
) -> Result<Recorded<()>, Fault> {
    let member = members::to_change(tx, &by.org, member)?;
    put(tx, &by.org, &member.id, password, by.at)?;
    let ended = sessions::end_all(tx, &by.org, &member.id, but)?;
    let mut detail = Detail::default().secret("password");
    if ended > 0 {
        detail = detail.now("sessions_ended", ended);
    }
    tx.record(by, "password.set", member.id.as_str(), detail, ())
}
