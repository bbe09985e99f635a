//! Members: who there is, what they may do, where they stand.
//!
//! Every change checks the row first and signs it anew: nothing that somebody else wrote is ever
//! signed here.

use rusqlite::{Connection, Row, params};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::tx::{Detail, Recorded, Tx};
use super::{api_keys, grants, groups, invites, passkeys, passwords, sessions, setups};
use crate::{
    By, ChangeError, Fate, GrantId, Member, MemberChange, MemberDraft, MemberId, MemberState,
    Moment, OrgId, Role, names,
};

fn fields(member: &Member) -> Fields {
    Fields::of(member.org.as_str(), member.id.as_str())
        .text(&member.email)
        .text(&member.name)
        .text(member.role.as_str())
        .text(member.state.as_str())
        .int(member.revision)
        .int(member.created_at.micros())
        .int(member.updated_at.micros())
}

const MEMBER: &str = "SELECT org, id, email, name, role, state, revision, created_at, updated_at, \
    mac FROM members";

/// An address as it is compared. Addresses are ASCII, so this is all there is to it.
pub(super) fn folded(email: &str) -> String {
    email.to_ascii_lowercase()
}

/// A member, and whether the row is as we wrote it.
fn of_row(keys: &Keys, row: &Row<'_>) -> Result<(Member, bool), Fault> {
    let (role, state): (String, String) = (row.get(4)?, row.get(5)?);
    let member = Member {
        org: row.get::<_, String>(0)?.into(),
        id: row.get::<_, String>(1)?.into(),
        email: row.get(2)?,
        name: row.get(3)?,
        role: Role::parse(&role).ok_or_else(|| corrupt("members"))?,
        state: MemberState::parse(&state).ok_or_else(|| corrupt("members"))?,
        revision: row.get(6)?,
        created_at: Moment::of_micros(row.get(7)?),
        updated_at: Moment::of_micros(row.get(8)?),
    };
    let ours = keys.verify("members", &fields(&member), &row.get::<_, Vec<u8>>(9)?);
    Ok((member, ours))
}

fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    sql: &str,
    params: P,
) -> Result<Vec<(Member, bool)>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of_row(keys, row)?);
    }
    Ok(found)
}

/// The members by address, those removed last.
pub(super) fn all(conn: &Connection, keys: &Keys, org: &OrgId) -> Result<Vec<Member>, Fault> {
    let sql = format!("{MEMBER} WHERE org = ?1 ORDER BY state = 'removed', folded, created_at");
    let found = collect(conn, keys, &sql, [org.as_str()])?;
    Ok(found.into_iter().map(|(member, _)| member).collect())
}

/// One member, by id, or by the address of one who was not removed; and whether the row is ours.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<(Member, bool)>, Fault> {
    let sql = format!(
        "{MEMBER} WHERE org = ?1 AND (id = ?2 OR (folded = ?3 AND state <> 'removed')) \
         ORDER BY id <> ?2 LIMIT 1"
    );
    Ok(collect(conn, keys, &sql, [org.as_str(), id, &folded(id)])?.pop())
}

/// The member, if the row is ours and they may act: for whatever proves who somebody is.
pub(super) fn acting(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &MemberId,
) -> Result<Option<Member>, Fault> {
    let Some((member, ours)) = one(conn, keys, org, id.as_str())? else { return Ok(None) };
    if !ours {
        tracing::error!(member = %member.id, "the row of a member was written by somebody else");
    }
    Ok((ours && member.id == *id && member.state == MemberState::Active).then_some(member))
}

/// The member that a change is about: there, and with a row untouched by others.
pub(super) fn to_change(tx: &Tx<'_>, org: &OrgId, id: &MemberId) -> Result<Member, Fault> {
    let missing = || ChangeError::NotFound { what: "member", id: id.to_string() };
    let found = one(tx.conn, tx.keys, org, id.as_str())?.filter(|(m, _)| m.id == *id);
    let (member, ours) = found.ok_or_else(missing)?;
    if member.state == MemberState::Removed {
        return Err(ChangeError::Conflict("the member was removed".to_owned()).into());
    }
    if !ours {
        let forged = "the member's row was written by somebody else; restore it from a backup";
        return Err(ChangeError::Conflict(forged.to_owned()).into());
    }
    Ok(member)
}

/// Writes a member.
pub(super) fn write(tx: &Tx<'_>, member: &Member) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "INSERT INTO members (org, id, email, folded, name, role, state, revision, \
             created_at, updated_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (org, id) DO UPDATE SET email = excluded.email, \
             folded = excluded.folded, name = excluded.name, role = excluded.role, \
             state = excluded.state, revision = excluded.revision, \
             updated_at = excluded.updated_at, mac = excluded.mac",
        )?
        .execute(params![
            member.org.as_str(),
            member.id.as_str(),
            member.email,
            folded(&member.email),
            member.name,
            member.role.as_str(),
            member.state.as_str(),
            member.revision,
            member.created_at.micros(),
            member.updated_at.micros(),
            tx.keys.mac("members", &fields(member)),
        ])?;
    Ok(())
}

/// Makes a member, in this state.
pub(super) fn make(
    tx: &Tx<'_>,
    by: &By,
    draft: MemberDraft,
    state: MemberState,
) -> Result<(Member, Detail), Fault> {
    names::email("email", &draft.email)?;
    names::label("name", &draft.name, None)?;
    not_taken(tx, &by.org, &draft.email, None)?;
    let member = Member {
        id: MemberId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        email: draft.email,
        name: draft.name,
        role: draft.role,
        state,
        revision: 1,
        created_at: by.at,
        updated_at: by.at,
    };
    write(tx, &member)?;
    let detail = Detail::default()
        .now("email", member.email.as_str())
        .now("name", member.name.as_str())
        .now("role", member.role.as_str())
        .now("state", member.state.as_str());
    Ok((member, detail))
}

fn not_taken(tx: &Tx<'_>, org: &OrgId, email: &str, own: Option<&Member>) -> Result<(), Fault> {
    let mut others = tx.conn.prepare_cached(
        "SELECT id FROM members WHERE org = ?1 AND folded = ?2 AND state <> 'removed'",
    )?;
    let mut rows = others.query([org.as_str(), &folded(email)])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        if own.is_none_or(|own| own.id.as_str() != id) {
            let name = email.to_owned();
            return Err(ChangeError::Taken { what: "member", name }.into());
        }
    }
    Ok(())
}

/// Writes the address and name that a member gives of themselves.
pub(super) fn renamed(
    tx: &Tx<'_>,
    before: &Member,
    email: String,
    name: String,
    at: Moment,
) -> Result<Member, Fault> {
    names::email("email", &email)?;
    names::label("name", &name, None)?;
    not_taken(tx, &before.org, &email, Some(before))?;
    let mut after = Member { email, name, ..before.clone() };
    if after != *before {
        (after.revision, after.updated_at) = (before.revision.saturating_add(1), at);
        write(tx, &after)?;
    }
    Ok(after)
}

pub(super) fn add(tx: &Tx<'_>, by: &By, draft: MemberDraft) -> Result<Recorded<Member>, Fault> {
    let (member, detail) = make(tx, by, draft, MemberState::Active)?;
    tx.record(by, "member.added", member.id.clone().as_str(), detail, member)
}

/// Refuses if nobody but this member could administer the organisation.
fn not_the_last_admin(tx: &Tx<'_>, member: &Member, refusal: &'static str) -> Result<(), Fault> {
    if member.role < Role::Admin || member.state != MemberState::Active {
        return Ok(());
    }
    let sql = format!("{MEMBER} WHERE org = ?1 AND role = 'admin' AND state = 'active'");
    let admins = collect(tx.conn, tx.keys, &sql, [member.org.as_str()])?;
    // A row that somebody else wrote administers nothing.
    if admins.iter().any(|(other, ours)| *ours && other.id != member.id) {
        return Ok(());
    }
    Err(ChangeError::LastAdmin(refusal).into())
}

pub(super) fn update(
    tx: &Tx<'_>,
    by: &By,
    id: &MemberId,
    revision: Option<i64>,
    change: MemberChange,
) -> Result<Recorded<Member>, Fault> {
    let before = to_change(tx, &by.org, id)?;
    if revision.is_some_and(|asked| asked != before.revision) {
        return Err(ChangeError::Stale { what: "member", current: before.revision }.into());
    }
    let mut after = before.clone();
    if let Some(email) = change.email {
        names::email("email", &email)?;
        not_taken(tx, &by.org, &email, Some(&before))?;
        after.email = email;
    }
    if let Some(name) = change.name {
        names::label("name", &name, None)?;
        after.name = name;
    }
    if let Some(role) = change.role {
        if role < before.role {
            not_the_last_admin(tx, &before, "this is the last admin: make another one first")?;
        }
        after.role = role;
    }
    if after == before {
        return Ok(Recorded::unchanged(before));
    }
    (after.revision, after.updated_at) = (before.revision.saturating_add(1), by.at);
    write(tx, &after)?;
    let mut detail = Detail::default()
        .change("email", before.email.as_str(), after.email.as_str())
        .change("name", before.name.as_str(), after.name.as_str())
        .change("role", before.role.as_str(), after.role.as_str());
    if after.role != before.role {
        // Whoever may do something else signs in anew.
        let ended = sessions::end_all(tx, &by.org, id, None)?;
        if ended > 0 {
            detail = detail.now("sessions_ended", ended);
        }
    }
    if after.role < before.role {
        let lowered = api_keys::lower(tx, &by.org, id, after.role)?;
        if lowered > 0 {
            detail = detail.now("keys_lowered", lowered);
        }
    }
    tx.record(by, "member.changed", id.as_str(), detail, after)
}

pub(super) fn remove(
    tx: &Tx<'_>,
    by: &By,
    id: &MemberId,
    fates: Vec<(GrantId, Fate)>,
) -> Result<Recorded<Member>, Fault> {
    let before = to_change(tx, &by.org, id)?;
    not_the_last_admin(tx, &before, "this is the last admin: make another one first")?;
    let after = Member {
        state: MemberState::Removed,
        revision: before.revision.saturating_add(1),
        updated_at: by.at,
        ..before.clone()
    };
    write(tx, &after)?;
    invites::end(tx, &by.org, id)?;
    let mut detail = Detail::default()
        .was("email", before.email.as_str())
        .was("role", before.role.as_str())
        .change("state", before.state.as_str(), after.state.as_str());
    setups::end(tx, &by.org, id)?;
    passwords::erase(tx, &by.org, id)?;
    passkeys::end_all(tx, &by.org, id)?;
    let ended = sessions::end_all(tx, &by.org, id, None)?;
    if ended > 0 {
        detail = detail.now("sessions_ended", ended);
    }
    let ended = api_keys::end_all(tx, by, id)?;
    if ended > 0 {
        detail = detail.now("keys_ended", ended);
    }
    for group in groups::leave_all(tx, by, id)? {
        detail = detail.was(&format!("groups.{}", group.id), group.name.as_str());
    }
    let detail = grants::let_go_of_owner(tx, by, id, fates, detail)?;
    tx.record(by, "member.removed", id.as_str(), detail, after)
}
