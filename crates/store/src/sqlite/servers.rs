//! Servers: reading, making, changing, removing.

use json::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::records::{list_of, list_text, micros, moment};
use super::tx::{Detail, Recorded, Tx};
use super::{credentials, tools};
use crate::{
    By, ChangeError, Moment, OnToolChange, OrgId, Server, ServerDraft, ServerId, ServerView, names,
};

const COLUMNS: &str = "org, id, slug, name, url, private_targets, on_tool_change, enabled, \
    version, health, probed_at, revision, created_at, updated_at, mac";

/// Probes change version, health and moment beside people, so the MAC leaves them out.
fn fields(server: &Server) -> Fields {
    Fields::of(server.org.as_str(), server.id.as_str())
        .text(&server.slug)
        .text(&server.name)
        .text(&server.url)
        .text(&list_text(&server.private_targets))
        .text(server.on_tool_change.as_str())
        .int(i64::from(server.enabled))
        .int(server.revision)
}

/// A server and whether its row is as we wrote it.
fn of_row(keys: &Keys, row: &Row<'_>) -> Result<(Server, bool), Fault> {
    let targets: String = row.get(5)?;
    let on_tool_change: String = row.get(6)?;
    let server = Server {
        org: row.get::<_, String>(0)?.into(),
        id: row.get::<_, String>(1)?.into(),
        slug: row.get(2)?,
        name: row.get(3)?,
        url: row.get(4)?,
        private_targets: list_of(&targets, "servers")?,
        on_tool_change: OnToolChange::parse(&on_tool_change).ok_or_else(|| corrupt("servers"))?,
        enabled: row.get(7)?,
        version: row.get(8)?,
        health: row.get(9)?,
        probed_at: moment(row.get(10)?),
        revision: row.get(11)?,
        created_at: Moment::of_micros(row.get(12)?),
        updated_at: Moment::of_micros(row.get(13)?),
    };
    let ours = keys.verify("servers", &fields(&server), &row.get::<_, Vec<u8>>(14)?);
    Ok((server, ours))
}

/// The servers of one organisation, or of all, by slug.
pub(super) fn all(
    conn: &Connection,
    keys: &Keys,
    org: Option<&OrgId>,
) -> Result<Vec<(Server, bool)>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM servers WHERE ?1 IS NULL OR org = ?1 ORDER BY slug");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([org.map(OrgId::as_str)])?;
    let mut servers = Vec::new();
    while let Some(row) = rows.next()? {
        servers.push(of_row(keys, row)?);
    }
    Ok(servers)
}

/// One server, by id or slug.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<(Server, bool)>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM servers WHERE org = ?1 AND (id = ?2 OR slug = ?2) \
         ORDER BY id <> ?2 LIMIT 1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([org.as_str(), id])?;
    rows.next()?.map(|row| of_row(keys, row)).transpose()
}

/// One server with what belongs to it.
pub(super) fn view(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<ServerView>, Fault> {
    let Some((server, _)) = one(conn, keys, org, id)? else { return Ok(None) };
    let (tools, _) = tools::of(conn, keys, &server)?;
    let credential = credentials::of(conn, keys, &server)?.filter(|(_, ours)| *ours);
    Ok(Some(ServerView { server, tools, credential: credential.map(|(c, _)| c) }))
}

/// The server that a change is about, with its row untouched by others.
pub(super) fn to_change(tx: &Tx<'_>, by: &By, id: &ServerId) -> Result<Server, Fault> {
    let not_found = || ChangeError::NotFound { what: "server", id: id.to_string() };
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?;
    let (server, ours) = found.filter(|(s, _)| s.id == *id).ok_or_else(not_found)?;
    if !ours {
        return Err(ChangeError::Conflict(
            "the server's row was written by somebody else; delete the server and make it anew"
                .to_owned(),
        )
        .into());
    }
    Ok(server)
}

fn write(tx: &Tx<'_>, server: &Server) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(&format!(
            "INSERT INTO servers ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
             ?11, ?12, ?13, ?14, ?15) ON CONFLICT (org, id) DO UPDATE SET slug = excluded.slug, \
             name = excluded.name, url = excluded.url, \
             private_targets = excluded.private_targets, \
             on_tool_change = excluded.on_tool_change, enabled = excluded.enabled, \
             version = excluded.version, health = excluded.health, \
             probed_at = excluded.probed_at, revision = excluded.revision, \
             updated_at = excluded.updated_at, mac = excluded.mac"
        ))?
        .execute(params![
            server.org.as_str(),
            server.id.as_str(),
            server.slug,
            server.name,
            server.url,
            list_text(&server.private_targets),
            server.on_tool_change.as_str(),
            server.enabled,
            server.version,
            server.health,
            micros(server.probed_at),
            server.revision,
            server.created_at.micros(),
            server.updated_at.micros(),
            tx.keys.mac("servers", &fields(server)),
        ])?;
    Ok(())
}

fn check(draft: &ServerDraft) -> Result<(), ChangeError> {
    let invalid = |field, problem| Err(ChangeError::Invalid { field, problem });
    names::slug("slug", &draft.slug)?;
    names::label("name", &draft.name, None)?;
    if draft.url.is_empty() || draft.url.len() > 2_048 {
        return invalid("url", "must have 1 to 2048 characters");
    }
    if draft.private_targets.len() > 64 {
        return invalid("private_targets", "must be at most 64");
    }
    if draft.private_targets.iter().any(|target| target.is_empty() || target.len() > 300) {
        return invalid("private_targets", "must have 1 to 300 characters each");
    }
    Ok(())
}

fn slug_free(tx: &Tx<'_>, by: &By, slug: &str, but: Option<&ServerId>) -> Result<(), Fault> {
    let taken: Option<String> = tx
        .conn
        .prepare_cached("SELECT id FROM servers WHERE org = ?1 AND slug = ?2")?
        .query_row([by.org.as_str(), slug], |row| row.get(0))
        .optional()?;
    match taken {
        Some(id) if but.is_none_or(|but| but.as_str() != id) => {
            Err(ChangeError::Taken { what: "server", name: slug.to_owned() }.into())
        }
        _ => Ok(()),
    }
}

pub(super) fn create(tx: &Tx<'_>, by: &By, draft: ServerDraft) -> Result<Recorded<Server>, Fault> {
    check(&draft)?;
    slug_free(tx, by, &draft.slug, None)?;
    let server = Server {
        id: ServerId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        slug: draft.slug,
        name: draft.name,
        url: draft.url,
        private_targets: draft.private_targets,
        on_tool_change: draft.on_tool_change,
        enabled: draft.enabled,
        version: None,
        health: None,
        probed_at: None,
        revision: 1,
        created_at: by.at,
        updated_at: by.at,
    };
    write(tx, &server)?;
    tx.judged_by();
    let detail = Detail::default()
        .now("slug", server.slug.as_str())
        .now("name", server.name.as_str())
        .now("url", server.url.as_str())
        .now("private_targets", targets(&server.private_targets))
        .now("on_tool_change", server.on_tool_change.as_str())
        .now("enabled", server.enabled);
    tx.record(by, "server.created", server.id.clone().as_str(), detail, server)
}

pub(super) fn update(
    tx: &Tx<'_>,
    by: &By,
    id: &ServerId,
    revision: Option<i64>,
    draft: ServerDraft,
) -> Result<Recorded<Server>, Fault> {
    check(&draft)?;
    let old = to_change(tx, by, id)?;
    if revision.is_some_and(|revision| revision != old.revision) {
        return Err(ChangeError::Stale { what: "server", current: old.revision }.into());
    }
    slug_free(tx, by, &draft.slug, Some(id))?;
    let moved = draft.url != old.url;
    let mut server = Server {
        slug: draft.slug,
        name: draft.name,
        url: draft.url,
        private_targets: draft.private_targets,
        on_tool_change: draft.on_tool_change,
        enabled: draft.enabled,
        revision: old.revision.saturating_add(1),
        updated_at: by.at,
        ..old.clone()
    };
    let mut detail = Detail::default()
        .change("slug", old.slug.as_str(), server.slug.as_str())
        .change("name", old.name.as_str(), server.name.as_str())
        .change("url", old.url.as_str(), server.url.as_str())
        .change("private_targets", targets(&old.private_targets), targets(&server.private_targets))
        .change("on_tool_change", old.on_tool_change.as_str(), server.on_tool_change.as_str())
        .change("enabled", old.enabled, server.enabled);
    if moved {
        // What was found there says nothing of the new place, and its secret must not go there.
        (server.version, server.health, server.probed_at) = (None, None, None);
        if credentials::detach(tx, &old)? {
            detail = detail.secret("credential");
        }
    }
    write(tx, &server)?;
    tx.judged_by();
    tx.record(by, "server.updated", id.as_str(), detail, server)
}

pub(super) fn delete(tx: &Tx<'_>, by: &By, id: &ServerId) -> Result<Recorded<()>, Fault> {
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?;
    let (server, _) = found
        .filter(|(s, _)| s.id == *id)
        .ok_or_else(|| ChangeError::NotFound { what: "server", id: id.to_string() })?;
    let used: i64 = tx
        .conn
        .prepare_cached(
            "SELECT count(*) FROM attachments a JOIN grants g \
             ON g.org = a.org AND g.id = a.grant_id \
             WHERE a.org = ?1 AND a.server = ?2 AND g.state <> 'revoked'",
        )?
        .query_row([by.org.as_str(), id.as_str()], |row| row.get(0))?;
    if used > 0 {
        return Err(ChangeError::Conflict(format!("{used} grants use the server")).into());
    }
    let here = [by.org.as_str(), id.as_str()];
    if credentials::detach(tx, &server)? {
        tx.erases();
    }
    // What is left of revoked grants, and policies that name the server, let go of it.
    super::grants::let_go_of_server(tx, &by.org, id)?;
    super::policies::let_go_of_server(tx, &by.org, id)?;
    tx.conn.prepare_cached("DELETE FROM servers WHERE org = ?1 AND id = ?2")?.execute(here)?;
    tx.judged_by();
    let detail =
        Detail::default().was("slug", server.slug.as_str()).was("url", server.url.as_str());
    tx.record(by, "server.deleted", id.as_str(), detail, ())
}

/// Keeps what a probe found; says nothing to people, so it is no line of the audit log.
pub(super) fn probed(
    tx: &Tx<'_>,
    server: &ServerId,
    version: Option<&str>,
    health: &str,
    at: Moment,
) -> Result<Option<Server>, Fault> {
    let org: Option<String> = tx
        .conn
        .prepare_cached("SELECT org FROM servers WHERE id = ?1")?
        .query_row([server.as_str()], |row| row.get(0))
        .optional()?;
    let Some(org) = org.map(OrgId::from) else { return Ok(None) };
    let Some((found, _)) = one(tx.conn, tx.keys, &org, server.as_str())? else { return Ok(None) };
    // One sentence for people; what an upstream says of itself is cut short.
    let health: String = health.chars().filter(|c| !c.is_control()).take(300).collect();
    tx.conn
        .prepare_cached(
            "UPDATE servers SET version = ?3, health = ?4, probed_at = ?5 \
             WHERE org = ?1 AND id = ?2",
        )?
        .execute(params![org.as_str(), server.as_str(), version, health, at.micros()])?;
    if found.version.as_deref() != version {
        tx.judged_by();
    }
    Ok(Some(found))
}

fn targets(list: &[String]) -> Value {
    Value::Array(list.iter().map(|target| Value::from(target.as_str())).collect())
}
