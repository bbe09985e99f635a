//! Groups: named sets of members. The MAC of a group covers who is in it.

use rusqlite::{Connection, Row, params};

use super::fault::Fault;
use super::keys::{Fields, Keys};
use super::members;
use super::tx::{Detail, Recorded, Tx};
use crate::{By, ChangeError, Group, GroupId, MemberId, Moment, OrgId, names};

/// The most members of one group.
const MEMBERS_MAX: usize = 1_000;

fn fields(group: &Group) -> Fields {
    let fields = Fields::of(group.org.as_str(), group.id.as_str())
        .text(&group.name)
        .int(group.revision)
        .int(group.created_at.micros())
        .int(group.updated_at.micros());
    group.members.iter().fold(fields, |fields, member| fields.text(member.as_str()))
}

const GROUP: &str = "SELECT org, id, name, revision, created_at, updated_at, mac FROM groups";

/// A group, and whether its rows are as we wrote them.
fn of_row(conn: &Connection, keys: &Keys, row: &Row<'_>) -> Result<(Group, bool), Fault> {
    let mut group = Group {
        org: row.get::<_, String>(0)?.into(),
        id: row.get::<_, String>(1)?.into(),
        name: row.get(2)?,
        members: Vec::new(),
        revision: row.get(3)?,
        created_at: Moment::of_micros(row.get(4)?),
        updated_at: Moment::of_micros(row.get(5)?),
    };
    group.members = conn
        .prepare_cached(
            "SELECT member FROM group_members WHERE org = ?1 AND group_id = ?2 ORDER BY member",
        )?
        .query_map([group.org.as_str(), group.id.as_str()], |row| {
            Ok(MemberId::from(row.get::<_, String>(0)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let ours = keys.verify("groups", &fields(&group), &row.get::<_, Vec<u8>>(6)?);
    Ok((group, ours))
}

fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    sql: &str,
    params: P,
) -> Result<Vec<(Group, bool)>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (mut group, ours) = of_row(conn, keys, row)?;
        if !ours {
            // Nobody is in a group that somebody else wrote: it may name approvers.
            tracing::error!(group = %group.id, "the rows of a group were written by somebody else");
            group.members.clear();
        }
        found.push((group, ours));
    }
    Ok(found)
}

/// The groups by name.
pub(super) fn all(conn: &Connection, keys: &Keys, org: &OrgId) -> Result<Vec<Group>, Fault> {
    let sql = format!("{GROUP} WHERE org = ?1 ORDER BY name");
    let found = collect(conn, keys, &sql, [org.as_str()])?;
    Ok(found.into_iter().map(|(group, _)| group).collect())
}

/// One group, by id or name.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<(Group, bool)>, Fault> {
    let sql =
        format!("{GROUP} WHERE org = ?1 AND (id = ?2 OR name = ?2) ORDER BY id <> ?2 LIMIT 1");
    Ok(collect(conn, keys, &sql, [org.as_str(), id])?.pop())
}

fn to_find(tx: &Tx<'_>, by: &By, id: &GroupId) -> Result<(Group, bool), Fault> {
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?.filter(|(g, _)| g.id == *id);
    found.ok_or_else(|| ChangeError::NotFound { what: "group", id: id.to_string() }.into())
}

fn not_taken(tx: &Tx<'_>, by: &By, name: &str, own: Option<&GroupId>) -> Result<(), Fault> {
    let found = one(tx.conn, tx.keys, &by.org, name)?;
    if found.is_some_and(|(group, _)| group.name == name && own != Some(&group.id)) {
        return Err(ChangeError::Taken { what: "group", name: name.to_owned() }.into());
    }
    Ok(())
}

/// The members in order, each once, each there.
fn listed(tx: &Tx<'_>, by: &By, mut members: Vec<MemberId>) -> Result<Vec<MemberId>, Fault> {
    members.sort();
    members.dedup();
    if members.len() > MEMBERS_MAX {
        let (field, problem) = ("members", "must be at most 1000");
        return Err(ChangeError::Invalid { field, problem }.into());
    }
    for member in &members {
        members::to_change(tx, &by.org, member)?;
    }
    Ok(members)
}

fn write(tx: &Tx<'_>, group: &Group) -> Result<(), Fault> {
    let (org, id) = (group.org.as_str(), group.id.as_str());
    tx.conn
        .prepare_cached(
            "INSERT INTO groups (org, id, name, revision, created_at, updated_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (org, id) DO UPDATE SET \
             name = excluded.name, revision = excluded.revision, \
             updated_at = excluded.updated_at, mac = excluded.mac",
        )?
        .execute(params![
            org,
            id,
            group.name,
            group.revision,
            group.created_at.micros(),
            group.updated_at.micros(),
            tx.keys.mac("groups", &fields(group)),
        ])?;
    tx.conn
        .prepare_cached("DELETE FROM group_members WHERE org = ?1 AND group_id = ?2")?
        .execute([org, id])?;
    let mut insert = tx
        .conn
        .prepare_cached("INSERT INTO group_members (org, group_id, member) VALUES (?1, ?2, ?3)")?;
    for member in &group.members {
        insert.execute([org, id, member.as_str()])?;
    }
    Ok(())
}

pub(super) fn create(
    tx: &Tx<'_>,
    by: &By,
    name: &str,
    members: Vec<MemberId>,
) -> Result<Recorded<Group>, Fault> {
    names::label("name", name, Some("grp_"))?;
    not_taken(tx, by, name, None)?;
    let group = Group {
        id: GroupId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        name: name.to_owned(),
        members: listed(tx, by, members)?,
        revision: 1,
        created_at: by.at,
        updated_at: by.at,
    };
    write(tx, &group)?;
    let detail = Detail::default().now("name", name).now("members", ids(&group.members));
    tx.record(by, "group.created", group.id.clone().as_str(), detail, group)
}

pub(super) fn update(
    tx: &Tx<'_>,
    by: &By,
    id: &GroupId,
    revision: Option<i64>,
    name: &str,
    members: Vec<MemberId>,
) -> Result<Recorded<Group>, Fault> {
    let (before, ours) = to_find(tx, by, id)?;
    if !ours {
        let forged = "the group's rows were written by somebody else; remove it and make it anew";
        return Err(ChangeError::Conflict(forged.to_owned()).into());
    }
    if revision.is_some_and(|asked| asked != before.revision) {
        return Err(ChangeError::Stale { what: "group", current: before.revision }.into());
    }
    names::label("name", name, Some("grp_"))?;
    not_taken(tx, by, name, Some(id))?;
    let mut after =
        Group { name: name.to_owned(), members: listed(tx, by, members)?, ..before.clone() };
    if after == before {
        return Ok(Recorded::unchanged(before));
    }
    (after.revision, after.updated_at) = (before.revision.saturating_add(1), by.at);
    write(tx, &after)?;
    let mut detail = Detail::default().change("name", before.name.as_str(), after.name.as_str());
    if before.members != after.members {
        detail = detail.change("members", ids(&before.members), ids(&after.members));
    }
    tx.record(by, "group.changed", id.as_str(), detail, after)
}

pub(super) fn delete(tx: &Tx<'_>, by: &By, id: &GroupId) -> Result<Recorded<()>, Fault> {
    let (group, _) = to_find(tx, by, id)?;
    tx.conn
        .prepare_cached("DELETE FROM groups WHERE org = ?1 AND id = ?2")?
        .execute([by.org.as_str(), id.as_str()])?;
    let detail =
        Detail::default().was("name", group.name.as_str()).was("members", ids(&group.members));
    tx.record(by, "group.deleted", id.as_str(), detail, ())
}

/// Takes a member who is being removed out of every group; hands back the groups.
pub(super) fn leave_all(tx: &Tx<'_>, by: &By, member: &MemberId) -> Result<Vec<Group>, Fault> {
    let sql = format!(
        "{GROUP} WHERE org = ?1 AND id IN (SELECT group_id FROM group_members \
         WHERE org = ?1 AND member = ?2)"
    );
    let mut left = Vec::new();
    for (mut group, ours) in collect(tx.conn, tx.keys, &sql, [by.org.as_str(), member.as_str()])? {
        if !ours {
            // It gets no MAC of ours: nobody is in it, whatever its rows say.
            tx.conn
                .prepare_cached(
                    "DELETE FROM group_members WHERE org = ?1 AND group_id = ?2 AND member = ?3",
                )?
                .execute([by.org.as_str(), group.id.as_str(), member.as_str()])?;
            continue;
        }
        group.members.retain(|id| id != member);
        (group.revision, group.updated_at) = (group.revision.saturating_add(1), by.at);
        write(tx, &group)?;
        left.push(group);
    }
    Ok(left)
}

fn ids(members: &[MemberId]) -> json::Value {
    json::Value::Array(members.iter().map(|id| id.as_str().into()).collect())
}
