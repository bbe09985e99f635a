//! Connections: the tokens of accounts at upstreams, each sealed at its place, and whose turn it is
//! to refresh them.
//!
//! The turn is a name and a moment in the row. It is not under the row's MAC: who changes it can make
//! us wait or refresh twice, and could as well erase the row.

use std::sync::Arc;

use rusqlite::{Connection as Conn, OptionalExtension, Row, params};
use vault::{Place, Secret};

use super::credentials;
use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::records::{list_of, list_text};
use super::servers;
use super::tx::{Detail, Recorded, Tx};
use crate::{
    By, ChangeError, Connection, ConnectionKey, ConnectionState, CredentialId, Lease, Moment,
    NewTokens, OrgId, ServerId,
};

const TABLE: &str = "oauth_connections";

const CONNECTION: &str = "SELECT org, credential, identity, state, reason, generation, access, \
     refresh, scopes, expires_at, refresh_at, connected_by, connected_at, lease, lease_until, mac, \
     refreshed_at FROM oauth_connections";

fn fields(of: &Connection) -> Fields {
    Fields::of(of.org.as_str(), of.credential.as_str())
        .text(&of.identity)
        .text(of.state.as_str())
        .text(&of.reason)
        .int(of.generation)
        .int(of.access.is_some().into())
        .int(of.refresh.is_some().into())
        .text(&list_text(&of.scopes))
        .maybe_int(of.expires_at.map(Moment::micros))
        .maybe_int(of.refresh_at.map(Moment::micros))
        .text(&of.connected_by)
        .int(of.connected_at.micros())
}

/// A connection and its turn.
struct Found {
    connection: Connection,
    lease: Option<String>,
    lease_until: i64,
}

fn of_row(keys: &Keys, row: &Row<'_>) -> Result<Option<Found>, Fault> {
    let text = |at: usize| row.get::<_, String>(at);
    let blob = |at: usize| Ok::<_, Fault>(row.get::<_, Option<Vec<u8>>>(at)?.map(Arc::from));
    let moment = |at: usize| Ok::<_, Fault>(row.get::<_, Option<i64>>(at)?.map(Moment::of_micros));
    let lease: Option<String> = row.get(13)?;
    let connection = Connection {
        org: text(0)?.into(),
        credential: text(1)?.into(),
        identity: text(2)?,
        state: ConnectionState::parse(&text(3)?).ok_or_else(|| corrupt(TABLE))?,
        reason: text(4)?,
        generation: row.get(5)?,
        access: blob(6)?,
        refresh: blob(7)?,
        scopes: list_of(&text(8)?, TABLE)?,
        expires_at: moment(9)?,
        refresh_at: moment(10)?,
        connected_by: text(11)?,
        connected_at: Moment::of_micros(row.get(12)?),
        refreshed_at: moment(16)?,
        interrupted: lease.is_some(),
    };
    if !keys.verify(TABLE, &fields(&connection), &row.get::<_, Vec<u8>>(15)?) {
        tracing::error!(credential = %connection.credential, "the row of a connection was written by somebody else");
        return Ok(None);
    }
    Ok(Some(Found { connection, lease, lease_until: row.get(14)? }))
}

fn found(conn: &Conn, keys: &Keys, key: &ConnectionKey) -> Result<Option<Found>, Fault> {
    let sql = format!("{CONNECTION} WHERE org = ?1 AND credential = ?2 AND identity = ?3");
    let found = conn
        .prepare_cached(&sql)?
        .query_row([key.org.as_str(), key.credential.as_str(), &key.identity], |row| {
            Ok(of_row(keys, row))
        })
        .optional()?;
    Ok(found.transpose()?.flatten())
}

/// A connection as it is now.
pub(super) fn one(
    conn: &Conn,
    keys: &Keys,
    key: &ConnectionKey,
) -> Result<Option<Connection>, Fault> {
    Ok(found(conn, keys, key)?.map(|found| found.connection))
}

/// The connections of a credential, by identity.
pub(super) fn all(
    conn: &Conn,
    keys: &Keys,
    org: &OrgId,
    credential: &CredentialId,
) -> Result<Vec<Connection>, Fault> {
    let sql = format!("{CONNECTION} WHERE org = ?1 AND credential = ?2 ORDER BY identity");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([org.as_str(), credential.as_str()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.extend(of_row(keys, row)?.map(|found| found.connection));
    }
    Ok(all)
}

/// Writes a connection in place of the one before. Its turn is over.
fn write(tx: &Tx<'_>, of: &Connection) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO oauth_connections (org, credential, identity, state, reason, \
             generation, access, refresh, scopes, expires_at, refresh_at, connected_by, \
             connected_at, lease, lease_until, mac, refreshed_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, NULL, 0, ?14, ?15)",
        )?
        .execute(params![
            of.org.as_str(),
            of.credential.as_str(),
            of.identity,
            of.state.as_str(),
            of.reason,
            of.generation,
            of.access.as_deref(),
            of.refresh.as_deref(),
            list_text(&of.scopes),
            of.expires_at.map(Moment::micros),
            of.refresh_at.map(Moment::micros),
            of.connected_by,
            of.connected_at.micros(),
            tx.keys.mac(TABLE, &fields(of)),
            of.refreshed_at.map(Moment::micros),
        ])?;
    Ok(())
}

/// Seals new tokens into a connection. Both are sealed anew, because both are bound to the generation.
fn put_tokens(
    tx: &Tx<'_>,
    of: &mut Connection,
    tokens: NewTokens,
    keep_refresh: bool,
    now: Moment,
) -> Result<(), Fault> {
    let NewTokens { access, refresh, scopes, expires_at, refresh_at } = tokens;
    let ring = tx.keys.ring();
    let record = Connection::record(&of.credential, &of.identity);
    let place = |generation: i64, field| {
        let generation = u64::try_from(generation).map_err(|_| corrupt(TABLE))?;
        Ok::<_, Fault>(Place {
            org: of.org.as_str(),
            table: TABLE,
            record: &record,
            field,
            generation,
        })
    };
    let refresh = match (refresh, &of.refresh) {
        (Some(new), _) => Some(new),
        (None, Some(old)) if keep_refresh => {
            let opened = ring.open(&place(of.generation, "refresh_token")?, old);
            Some(Arc::new(opened.map_err(|_| corrupt(TABLE))?))
        }
        (None, _) => None,
    };
    let next = of.generation.saturating_add(1);
    let seal = |field, secret: &Secret| {
        Ok::<_, Fault>(Arc::from(ring.seal(
            &place(next, field)?,
            secret.expose(),
            &*tx.keys.random,
        )?))
    };
    let access = seal("access_token", &access)?;
    let refresh = refresh.map(|refresh| seal("refresh_token", &refresh)).transpose()?;
    of.generation = next;
    (of.access, of.refresh) = (Some(access), refresh);
    of.scopes = scopes.unwrap_or_else(|| std::mem::take(&mut of.scopes));
    (of.expires_at, of.refresh_at) = (expires_at, refresh_at);
    of.refreshed_at = Some(now);
    (of.state, of.reason) = (ConnectionState::Connected, String::new());
    tx.erases();
    Ok(())
}

/// Makes the connection of a client that asks for itself: it needs nobody's consent, and gets its
/// first token when the first call needs one.
pub(super) fn of_itself(tx: &Tx<'_>, by: &By, credential: &CredentialId) -> Result<(), Fault> {
    write(tx, &empty(by, credential, ""))
}

fn empty(by: &By, credential: &CredentialId, identity: &str) -> Connection {
    Connection {
        org: by.org.clone(),
        credential: credential.clone(),
        identity: identity.to_owned(),
        state: ConnectionState::Connected,
        reason: String::new(),
        generation: 0,
        access: None,
        refresh: None,
        scopes: Vec::new(),
        expires_at: None,
        refresh_at: None,
        connected_by: by.name.clone(),
        connected_at: by.at,
        refreshed_at: None,
        interrupted: false,
    }
}

/// Ends the access token of a client that asks for itself: the next call gets another.
pub(super) fn end_access(tx: &Tx<'_>, by: &By, credential: &CredentialId) -> Result<(), Fault> {
    let identity = String::new();
    let key = ConnectionKey { org: by.org.clone(), credential: credential.clone(), identity };
    let Some(mut connection) = one(tx.conn, tx.keys, &key)? else { return Ok(()) };
    (connection.expires_at, connection.refresh_at) = (Some(by.at), Some(by.at));
    write(tx, &connection)
}

/// Keeps the tokens of a person's consent.
pub(super) fn set(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    consented: (CredentialId, i64),
    identity: &str,
    tokens: NewTokens,
) -> Result<Recorded<Connection>, Fault> {
    let credential = client_of(tx, by, server)?;
    // A credential that went and came again counts from 1 anew: the number alone says nothing.
    if credential != consented {
        let what = "the credential was replaced meanwhile: connect again".to_owned();
        return Err(ChangeError::Conflict(what).into());
    }
    let key = ConnectionKey {
        org: by.org.clone(),
        credential: credential.0.clone(),
        identity: identity.to_owned(),
    };
    let before = one(tx.conn, tx.keys, &key)?;
    let mut connection = Connection {
        generation: before.map_or(0, |before| before.generation),
        ..empty(by, &credential.0, identity)
    };
    put_tokens(tx, &mut connection, tokens, false, by.at)?;
    write(tx, &connection)?;
    tx.judged_by();
    let detail = Detail::default().now("identity", identity).secret("tokens");
    tx.record(by, "connection.set", server.as_str(), detail, connection)
}

/// The OAuth credential of a server: its id and generation.
fn client_of(tx: &Tx<'_>, by: &By, server: &ServerId) -> Result<(CredentialId, i64), Fault> {
    let (server, _) = servers::one(tx.conn, tx.keys, &by.org, server.as_str())?
        .filter(|(found, ours)| found.id == *server && *ours)
        .ok_or_else(|| ChangeError::NotFound { what: "server", id: server.to_string() })?;
    let credential = credentials::of(tx.conn, tx.keys, &server)?
        .filter(|(of, ours)| *ours && of.oauth.is_some())
        .ok_or_else(|| ChangeError::NotFound { what: "OAuth credential", id: server.slug })?;
    Ok((credential.0.id, credential.0.generation))
}

/// Erases the tokens of a connection.
pub(super) fn remove(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    identity: &str,
) -> Result<Recorded<()>, Fault> {
    let (credential, _) = client_of(tx, by, server)?;
    let gone = tx
        .conn
        .prepare_cached(
            "DELETE FROM oauth_connections WHERE org = ?1 AND credential = ?2 AND identity = ?3",
        )?
        .execute([by.org.as_str(), credential.as_str(), identity])?;
    if gone == 0 {
        return Err(ChangeError::NotFound { what: "connection", id: identity.to_owned() }.into());
    }
    tx.erases();
    tx.judged_by();
    let detail = Detail::default().was("identity", identity).secret("tokens");
    tx.record(by, "connection.removed", server.as_str(), detail, ())
}

/// Takes the turn to refresh.
pub(super) fn lease(
    tx: &Tx<'_>,
    key: &ConnectionKey,
    generation: i64,
    holder: &str,
    now: Moment,
    seconds: i64,
) -> Result<Recorded<Lease>, Fault> {
    let Some(found) = found(tx.conn, tx.keys, key)? else {
        return Ok(Recorded::unchanged(Lease::Gone));
    };
    if found.connection.generation != generation {
        return Ok(Recorded::unchanged(Lease::Newer(Box::new(found.connection))));
    }
    let others = found.lease.as_deref().is_some_and(|of| of != holder);
    if others && now.micros() < found.lease_until {
        return Ok(Recorded::unchanged(Lease::Held));
    }
    put_lease(tx, key, Some(holder), now.plus_seconds(seconds))?;
    Ok(Recorded::unchanged(Lease::Taken(Box::new(found.connection))))
}

fn put_lease(
    tx: &Tx<'_>,
    key: &ConnectionKey,
    holder: Option<&str>,
    until: Moment,
) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "UPDATE oauth_connections SET lease = ?4, lease_until = ?5 \
             WHERE org = ?1 AND credential = ?2 AND identity = ?3",
        )?
        .execute(params![
            key.org.as_str(),
            key.credential.as_str(),
            key.identity,
            holder,
            until.micros()
        ])?;
    Ok(())
}

/// Keeps what the holder of the turn got.
pub(super) fn refreshed(
    tx: &Tx<'_>,
    key: &ConnectionKey,
    holder: &str,
    tokens: NewTokens,
    now: Moment,
) -> Result<Recorded<Connection>, Fault> {
    let found = found(tx.conn, tx.keys, key)?;
    let found = found.filter(|found| found.lease.as_deref() == Some(holder));
    let Some(Found { mut connection, .. }) = found else {
        return Err(ChangeError::Conflict("the turn to refresh is another's".into()).into());
    };
    put_tokens(tx, &mut connection, tokens, true, now)?;
    connection.interrupted = false;
    write(tx, &connection)?;
    // The work of every hour, not a change that somebody made.
    Ok(Recorded::unchanged(connection))
}

/// Ends the turn with nothing got.
pub(super) fn release(
    tx: &Tx<'_>,
    key: &ConnectionKey,
    holder: &str,
) -> Result<Recorded<()>, Fault> {
    let found = found(tx.conn, tx.keys, key)?;
    if found.is_some_and(|found| found.lease.as_deref() == Some(holder)) {
        put_lease(tx, key, None, Moment::of_micros(0))?;
    }
    Ok(Recorded::unchanged(()))
}

/// Ends the turn of a refresh whose end is not known. That it was begun stays to be seen.
pub(super) fn interrupted(
    tx: &Tx<'_>,
    key: &ConnectionKey,
    holder: &str,
) -> Result<Recorded<()>, Fault> {
    let found = found(tx.conn, tx.keys, key)?;
    if found.is_some_and(|found| found.lease.as_deref() == Some(holder)) {
        put_lease(tx, key, Some(holder), Moment::of_micros(0))?;
    }
    Ok(Recorded::unchanged(()))
}

/// Says that somebody must connect again.
pub(super) fn lost(
    tx: &Tx<'_>,
    by: &By,
    key: &ConnectionKey,
    generation: i64,
    reason: &str,
) -> Result<Recorded<()>, Fault> {
    let found = found(tx.conn, tx.keys, key)?;
    let Some(Found { mut connection, .. }) =
        found.filter(|found| found.connection.generation == generation)
    else {
        return Ok(Recorded::unchanged(()));
    };
    (connection.state, connection.reason) = (ConnectionState::Reconnect, reason.to_owned());
    connection.interrupted = false;
    write(tx, &connection)?;
    let detail = Detail::default().now("identity", key.identity.as_str()).now("reason", reason);
    tx.record(by, "connection.lost", key.credential.as_str(), detail, ())
}

/// At the start of a process that is alone: turns of the one before are over. That they were begun
/// stays to be seen.
pub(super) fn end_turns(conn: &Conn) -> rusqlite::Result<usize> {
    conn.execute("UPDATE oauth_connections SET lease_until = 0 WHERE lease IS NOT NULL", [])
}
