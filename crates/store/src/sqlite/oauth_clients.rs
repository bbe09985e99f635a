//! OAuth clients: one row beside the credential that it is, its secret sealed.

use std::sync::Arc;

use rusqlite::{Connection as Conn, OptionalExtension, Row, params};
use vault::{Place, Secret};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::records::{list_of, list_text};
use super::tx::Tx;
use crate::{Credential, OAuthClient, OAuthGrant, OAuthSettings, Server};

/// What a seal is bound to; whoever opens one spells the place the same way.
const TABLE: &str = "oauth_clients";

/// What the MAC of a client covers.
fn fields(server: &Server, credential: &Credential, client: &OAuthClient) -> Fields {
    let of = &client.settings;
    let fields = Fields::of(server.org.as_str(), credential.id.as_str())
        .int(credential.generation)
        .text(of.grant.as_str())
        .int(of.per_identity.into())
        .text(&of.issuer)
        .maybe_text(of.authorization_endpoint.as_deref())
        .text(&of.token_endpoint)
        .int(of.says_issuer.into())
        .text(&of.resource)
        .text(&list_text(&of.scopes))
        .text(&of.client_id)
        .text(&of.auth_method)
        .text(&of.redirect_uri)
        .int(client.secret.is_some().into());
    // Rows from before there were any stay as they were signed.
    if client.wanted.is_empty() { fields } else { fields.text(&list_text(&client.wanted)) }
}

fn of_row(row: &Row<'_>) -> Result<(OAuthClient, Vec<u8>), Fault> {
    let text = |at: usize| row.get::<_, String>(at);
    let settings = OAuthSettings {
        grant: OAuthGrant::parse(&text(0)?).ok_or_else(|| corrupt(TABLE))?,
        per_identity: row.get(1)?,
        issuer: text(2)?,
        authorization_endpoint: row.get(3)?,
        token_endpoint: text(4)?,
        says_issuer: row.get(5)?,
        resource: text(6)?,
        scopes: list_of(&text(7)?, TABLE)?,
        client_id: text(8)?,
        auth_method: text(9)?,
        redirect_uri: text(10)?,
    };
    let secret: Option<Vec<u8>> = row.get(11)?;
    let wanted = list_of(&text(12)?, TABLE)?;
    Ok((OAuthClient { settings, secret: secret.map(Arc::from), wanted }, row.get(13)?))
}

/// The client that a credential is, and whether its row is as we wrote it.
pub(super) fn of(
    conn: &Conn,
    keys: &Keys,
    server: &Server,
    credential: &Credential,
) -> Result<Option<(OAuthClient, bool)>, Fault> {
    let found = conn
        .prepare_cached(
            "SELECT grant_type, per_identity, issuer, authorization_endpoint, token_endpoint, \
             says_issuer, resource, scopes, client_id, auth_method, redirect_uri, secret, \
             wanted, mac FROM oauth_clients WHERE org = ?1 AND credential = ?2",
        )?
        .query_row([server.org.as_str(), credential.id.as_str()], |row| Ok(of_row(row)))
        .optional()?;
    let Some((client, mac)) = found.transpose()? else { return Ok(None) };
    let ours = keys.verify(TABLE, &fields(server, credential, &client), &mac);
    Ok(Some((client, ours)))
}

/// Seals the secret of a client that is about to be kept.
pub(super) fn sealed(
    tx: &Tx<'_>,
    server: &Server,
    credential: &Credential,
    settings: OAuthSettings,
    secret: Option<&Secret>,
) -> Result<OAuthClient, Fault> {
    let place = Place {
        org: server.org.as_str(),
        table: TABLE,
        record: credential.id.as_str(),
        field: "client_secret",
        generation: u64::try_from(credential.generation).map_err(|_| corrupt(TABLE))?,
    };
    let seal = |secret: &Secret| tx.keys.ring().seal(&place, secret.expose(), &*tx.keys.random);
    let secret = secret.map(seal).transpose()?.map(Arc::from);
    Ok(OAuthClient { settings, secret, wanted: Vec::new() })
}

/// Writes the row of a client.
pub(super) fn write(
    tx: &Tx<'_>,
    server: &Server,
    credential: &Credential,
    client: &OAuthClient,
) -> Result<(), Fault> {
    let of = &client.settings;
    tx.conn
        .prepare_cached(
            "INSERT INTO oauth_clients (org, credential, grant_type, per_identity, issuer, \
             authorization_endpoint, token_endpoint, says_issuer, resource, scopes, client_id, \
             auth_method, redirect_uri, secret, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            server.org.as_str(),
            credential.id.as_str(),
            of.grant.as_str(),
            of.per_identity,
            of.issuer,
            of.authorization_endpoint,
            of.token_endpoint,
            of.says_issuer,
            of.resource,
            list_text(&of.scopes),
            of.client_id,
            of.auth_method,
            of.redirect_uri,
            client.secret.as_deref(),
            tx.keys.mac(TABLE, &fields(server, credential, client)),
        ])?;
    Ok(())
}

/// Writes other scopes of a client that is kept. The row is not replaced: its connections hang from it.
pub(super) fn write_scopes(
    tx: &Tx<'_>,
    server: &Server,
    credential: &Credential,
    client: &OAuthClient,
) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "UPDATE oauth_clients SET scopes = ?3, wanted = ?4, mac = ?5 \
             WHERE org = ?1 AND credential = ?2",
        )?
        .execute(params![
            server.org.as_str(),
            credential.id.as_str(),
            list_text(&client.settings.scopes),
            list_text(&client.wanted),
            tx.keys.mac(TABLE, &fields(server, credential, client)),
        ])?;
    Ok(())
}
