//! Credentials: header values of an upstream, each sealed at its place.

use std::sync::Arc;

use rusqlite::{Connection, params};
use vault::{Place, Secret};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::tx::{Detail, Recorded, Tx};
use super::{connections, oauth_clients, servers};
use crate::{
    By, ChangeError, Credential, CredentialId, Moment, OAuthGrant, OAuthSettings, Server, ServerId,
    names,
};

/// What a seal is bound to; whoever opens one spells the place the same way.
const TABLE: &str = "credentials";

fn fields(server: &Server, credential: &Credential) -> Fields {
    let mut fields = Fields::of(server.org.as_str(), credential.id.as_str())
        .text(credential.server.as_str())
        .int(credential.generation);
    for (name, _) in &credential.headers {
        fields = fields.text(name);
    }
    // No header is called so: a client cannot be taken for headers, nor headers for a client.
    if credential.oauth.is_some() { fields.text("(oauth)") } else { fields }
}

/// The credential of a server, and whether its row is as we wrote it.
pub(super) fn of(
    conn: &Connection,
    keys: &Keys,
    server: &Server,
) -> Result<Option<(Credential, bool)>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT id, generation, set_at, mac FROM credentials WHERE org = ?1 AND server = ?2",
    )?;
    let mut rows = statement.query([server.org.as_str(), server.id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (id, mac): (String, Vec<u8>) = (row.get(0)?, row.get(3)?);
    let mut statement = conn.prepare_cached(
        "SELECT name, sealed FROM credential_headers WHERE org = ?1 AND credential = ?2 \
         ORDER BY place",
    )?;
    let headers = statement
        .query_map([server.org.as_str(), &id], |row| {
            Ok((row.get(0)?, Arc::from(row.get::<_, Vec<u8>>(1)?)))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut credential = Credential {
        id: id.into(),
        server: server.id.clone(),
        generation: row.get(1)?,
        headers,
        oauth: None,
        set_at: Moment::of_micros(row.get(2)?),
    };
    let client = oauth_clients::of(conn, keys, server, &credential)?;
    let whole = client.as_ref().is_none_or(|(_, ours)| *ours);
    credential.oauth = client.map(|(client, _)| Arc::new(client));
    let ours = keys.verify(TABLE, &fields(server, &credential), &mac);
    Ok(Some((credential, ours && whole)))
}

/// Seals and keeps new header values in place of the old ones.
pub(super) fn set(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    headers: Vec<(String, Secret)>,
) -> Result<Recorded<Credential>, Fault> {
    let headers: Vec<(String, Secret)> =
        headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    names::headers(headers.iter().map(|(name, value)| (name.as_str(), value.expose())))?;
    let server = servers::to_change(tx, by, server)?;
    let (id, generation) = next(tx, &server)?;
    let counted = u64::try_from(generation).map_err(|_| corrupt(TABLE))?;
    let mut sealed = Vec::with_capacity(headers.len());
    for (name, value) in &headers {
        let (org, record) = (server.org.as_str(), id.as_str());
        let place = Place { org, table: TABLE, record, field: name, generation: counted };
        let blob = tx.keys.ring().seal(&place, value.expose(), &*tx.keys.random)?;
        sealed.push((name.clone(), Arc::from(blob)));
    }
    let credential = Credential {
        id,
        server: server.id.clone(),
        generation,
        headers: sealed,
        oauth: None,
        set_at: by.at,
    };
    detach(tx, &server)?;
    write(tx, &server, &credential)?;
    tx.judged_by();
    let mut detail = Detail::default().now("generation", generation);
    for (name, _) in &credential.headers {
        detail = detail.secret(name);
    }
    tx.record(by, "credential.set", server.id.as_str(), detail, credential)
}

/// Seals and keeps an OAuth client in place of what was there, with no connections yet.
pub(super) fn set_oauth(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    settings: OAuthSettings,
    secret: Option<&Secret>,
) -> Result<Recorded<Credential>, Fault> {
    let server = servers::to_change(tx, by, server)?;
    let (id, generation) = next(tx, &server)?;
    let by_itself = settings.grant == OAuthGrant::ClientCredentials;
    let mut detail = Detail::default()
        .now("generation", generation)
        .now("issuer", settings.issuer.as_str())
        .now("client_id", settings.client_id.as_str());
    if secret.is_some() {
        detail = detail.secret("client_secret");
    }
    let mut credential = Credential {
        id,
        server: server.id.clone(),
        generation,
        headers: Vec::new(),
        oauth: None,
        set_at: by.at,
    };
    let client = oauth_clients::sealed(tx, &server, &credential, settings, secret)?;
    credential.oauth = Some(Arc::new(client.clone()));
    detach(tx, &server)?;
    write(tx, &server, &credential)?;
    oauth_clients::write(tx, &server, &credential, &client)?;
    if by_itself {
        connections::of_itself(tx, by, &credential.id)?;
    }
    tx.judged_by();
    tx.record(by, "credential.set", server.id.as_str(), detail, credential)
}

/// The id and the generation of what is set next.
fn next(tx: &Tx<'_>, server: &Server) -> Result<(CredentialId, i64), Fault> {
    // A generation that somebody else wrote is not counted on from: the new one gets a new id.
    let old = of(tx.conn, tx.keys, server)?.filter(|(_, ours)| *ours);
    Ok(match &old {
        Some((old, _)) => (old.id.clone(), old.generation.saturating_add(1)),
        None => (CredentialId::random(tx.keys.id_bytes()?), 1),
    })
}

fn write(tx: &Tx<'_>, server: &Server, credential: &Credential) -> Result<(), Fault> {
    let (org, id) = (server.org.as_str(), credential.id.as_str());
    tx.conn
        .prepare_cached(
            "INSERT INTO credentials (org, id, server, generation, set_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            org,
            id,
            server.id.as_str(),
            credential.generation,
            credential.set_at.micros(),
            tx.keys.mac(TABLE, &fields(server, credential)),
        ])?;
    let mut insert = tx.conn.prepare_cached(
        "INSERT INTO credential_headers (org, credential, place, name, sealed) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (at, (name, sealed)) in (0_i64..).zip(&credential.headers) {
        insert.execute(params![org, id, at, name, &**sealed])?;
    }
    Ok(())
}

/// Removes a server's credential.
pub(super) fn remove(tx: &Tx<'_>, by: &By, server: &ServerId) -> Result<Recorded<()>, Fault> {
    let found = servers::one(tx.conn, tx.keys, &by.org, server.as_str())?;
    let (server, _) = found
        .filter(|(s, _)| s.id == *server)
        .ok_or_else(|| ChangeError::NotFound { what: "server", id: server.to_string() })?;
    if !detach(tx, &server)? {
        let id = server.slug;
        return Err(ChangeError::NotFound { what: "credential of server", id }.into());
    }
    tx.judged_by();
    let detail = Detail::default().secret("credential");
    tx.record(by, "credential.removed", server.id.as_str(), detail, ())
}

/// Erases the credential of a server, if it has one.
pub(super) fn detach(tx: &Tx<'_>, server: &Server) -> Result<bool, Fault> {
    let gone = tx
        .conn
        .prepare_cached("DELETE FROM credentials WHERE org = ?1 AND server = ?2")?
        .execute([server.org.as_str(), server.id.as_str()])?;
    if gone > 0 {
        tx.erases();
    }
    Ok(gone > 0)
}
