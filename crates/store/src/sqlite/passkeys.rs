//! Passkeys: public keys of authenticators, and the counters they said last.

use rusqlite::{Connection, Row, params};

use super::fault::Fault;
use super::keys::{Fields, Keys};
use super::members;
use super::records::{micros, moment};
use super::tx::{Detail, Recorded, Tx};
use crate::{
    By, ChangeError, Member, MemberId, Moment, OrgId, Passkey, PasskeyDraft, PasskeyId, names,
};

/// The most passkeys of one member.
const PASSKEYS_MAX: usize = 20;

fn fields(passkey: &Passkey) -> Fields {
    Fields::of(passkey.org.as_str(), passkey.id.as_str())
        .text(passkey.member.as_str())
        .text(&passkey.label)
        .bytes(&passkey.credential_id)
        .bytes(&passkey.public_key)
        .int(i64::from(passkey.counter))
        .int(i64::from(passkey.backed_up))
        .int(passkey.created_at.micros())
        .maybe_int(micros(passkey.used_at))
}

const PASSKEY: &str = "SELECT org, id, member, label, credential_id, public_key, counter, \
    backed_up, created_at, used_at, mac FROM passkeys";

/// A passkey whose row is ours.
fn of_row(keys: &Keys, row: &Row<'_>) -> Result<Option<Passkey>, Fault> {
    let passkey = Passkey {
        org: row.get::<_, String>(0)?.into(),
        id: row.get::<_, String>(1)?.into(),
        member: row.get::<_, String>(2)?.into(),
        label: row.get(3)?,
        credential_id: row.get(4)?,
        public_key: row.get(5)?,
        counter: row.get(6)?,
        backed_up: row.get(7)?,
        created_at: Moment::of_micros(row.get(8)?),
        used_at: moment(row.get(9)?),
    };
    let ours = keys.verify("passkeys", &fields(&passkey), &row.get::<_, Vec<u8>>(10)?);
    if !ours {
        tracing::error!(passkey = %passkey.id, "the row of a passkey was written by somebody else");
    }
    Ok(ours.then_some(passkey))
}

fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    condition: &str,
    params: P,
) -> Result<Vec<Passkey>, Fault> {
    let sql = format!("{PASSKEY} WHERE {condition} ORDER BY created_at, id");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(of_row(keys, row)?);
    }
    Ok(found)
}

/// The passkeys of a member, oldest first.
pub(super) fn all(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    member: &MemberId,
) -> Result<Vec<Passkey>, Fault> {
    collect(conn, keys, "org = ?1 AND member = ?2", [org.as_str(), member.as_str()])
}

/// The passkey with this credential id and its member, if they are active.
pub(super) fn of_credential(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    credential_id: &[u8],
) -> Result<Option<(Passkey, Member)>, Fault> {
    let asked = params![org.as_str(), credential_id];
    let found = collect(conn, keys, "org = ?1 AND credential_id = ?2", asked)?.pop();
    let Some(passkey) = found else { return Ok(None) };
    let member = members::acting(conn, keys, org, &passkey.member)?;
    Ok(member.map(|member| (passkey, member)))
}

fn one(tx: &Tx<'_>, org: &OrgId, id: &PasskeyId) -> Result<Passkey, Fault> {
    let found = collect(tx.conn, tx.keys, "org = ?1 AND id = ?2", [org.as_str(), id.as_str()])?;
    let missing = || ChangeError::NotFound { what: "passkey", id: id.to_string() };
    Ok(found.into_iter().next().ok_or_else(missing)?)
}

fn write(tx: &Tx<'_>, passkey: &Passkey) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "INSERT INTO passkeys (org, id, member, label, credential_id, public_key, counter, \
             backed_up, created_at, used_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (org, id) DO UPDATE SET counter = excluded.counter, \
             backed_up = excluded.backed_up, used_at = excluded.used_at, mac = excluded.mac",
        )?
        .execute(params![
            passkey.org.as_str(),
            passkey.id.as_str(),
            passkey.member.as_str(),
            passkey.label,
            passkey.credential_id,
            passkey.public_key,
            passkey.counter,
            passkey.backed_up,
            passkey.created_at.micros(),
            micros(passkey.used_at),
            tx.keys.mac("passkeys", &fields(passkey)),
        ])?;
    Ok(())
}

pub(super) fn add(
    tx: &Tx<'_>,
    by: &By,
    member: &MemberId,
    draft: PasskeyDraft,
) -> Result<Recorded<Passkey>, Fault> {
    names::label("label", &draft.label, None)?;
    let member = members::to_change(tx, &by.org, member)?;
    let known = collect(
        tx.conn,
        tx.keys,
        "org = ?1 AND credential_id = ?2",
        params![by.org.as_str(), draft.credential_id],
    )?;
    if !known.is_empty() {
        let there = "this passkey is registered already".to_owned();
        return Err(ChangeError::Conflict(there).into());
    }
    if all(tx.conn, tx.keys, &by.org, &member.id)?.len() >= PASSKEYS_MAX {
        let full = format!("a member has at most {PASSKEYS_MAX} passkeys: remove one first");
        return Err(ChangeError::Conflict(full).into());
    }
    let passkey = Passkey {
        id: PasskeyId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        member: member.id,
        label: draft.label,
        credential_id: draft.credential_id,
        public_key: draft.public_key,
        counter: draft.counter,
        backed_up: draft.backed_up,
        created_at: by.at,
        used_at: None,
    };
    write(tx, &passkey)?;
    let detail = Detail::default()
        .now("member", passkey.member.as_str())
        .now("label", passkey.label.as_str());
    tx.record(by, "passkey.added", passkey.id.clone().as_str(), detail, passkey)
}

/// Notes a use. The session that it opens stands in the audit log; this does not.
pub(super) fn used(
    tx: &Tx<'_>,
    org: &OrgId,
    id: &PasskeyId,
    counter: u32,
    backed_up: bool,
    at: Moment,
) -> Result<Recorded<()>, Fault> {
    let mut passkey = one(tx, org, id)?;
    if (counter > 0 || passkey.counter > 0) && counter <= passkey.counter {
        let again = "the passkey's counter did not move on".to_owned();
        return Err(ChangeError::Conflict(again).into());
    }
    (passkey.counter, passkey.backed_up) = (counter, backed_up);
    passkey.used_at = Some(at);
    write(tx, &passkey)?;
    Ok(Recorded::unchanged(()))
}

pub(super) fn remove(
    tx: &Tx<'_>,
    by: &By,
    member: &MemberId,
    id: &PasskeyId,
) -> Result<Recorded<()>, Fault> {
    let passkey = one(tx, &by.org, id)?;
    if passkey.member != *member {
        return Err(ChangeError::NotFound { what: "passkey", id: id.to_string() }.into());
    }
    tx.conn
        .prepare_cached("DELETE FROM passkeys WHERE org = ?1 AND id = ?2")?
        .execute([by.org.as_str(), id.as_str()])?;
    let detail = Detail::default().was("member", member.as_str()).was("label", passkey.label);
    tx.record(by, "passkey.removed", id.as_str(), detail, ())
}

/// Removes every passkey of a member. Answers how many there were.
pub(super) fn end_all(tx: &Tx<'_>, org: &OrgId, member: &MemberId) -> Result<i64, Fault> {
    let gone = tx
        .conn
        .prepare_cached("DELETE FROM passkeys WHERE org = ?1 AND member = ?2")?
        .execute([org.as_str(), member.as_str()])?;
    Ok(i64::try_from(gone).unwrap_or(i64::MAX))
}
