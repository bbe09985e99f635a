//! The scopes of an OAuth client: those that are asked for, and those that its upstream wants on top.

use std::sync::Arc;

use super::fault::Fault;
use super::tx::{Detail, Recorded, Tx};
use super::{connections, credentials, oauth_clients, servers};
use crate::{By, ChangeError, Credential, OAuthClient, OAuthGrant, Server, ServerId};

/// The most scopes that are remembered of what an upstream wants. It is a stranger's word.
const WANTED_MAX: usize = 20;

/// The OAuth client of a server as it is kept.
fn kept(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
) -> Result<(Server, Credential, OAuthClient), Fault> {
    let (server, _) = servers::one(tx.conn, tx.keys, &by.org, server.as_str())?
        .filter(|(found, ours)| found.id == *server && *ours)
        .ok_or_else(|| ChangeError::NotFound { what: "server", id: server.to_string() })?;
    let missing = || ChangeError::NotFound { what: "OAuth credential", id: server.slug.clone() };
    let (credential, _) = credentials::of(tx.conn, tx.keys, &server)?
        .filter(|(_, ours)| *ours)
        .ok_or_else(missing)?;
    let client = credential.oauth.as_deref().cloned().ok_or_else(missing)?;
    Ok((server, credential, client))
}

/// Remembers scopes that a request was refused for want of.
pub(super) fn want(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    scopes: Vec<String>,
) -> Result<Recorded<()>, Fault> {
    let (server, credential, mut client) = kept(tx, by, server)?;
    let before = client.wanted.len();
    for scope in scopes {
        let known = client.settings.scopes.contains(&scope) || client.wanted.contains(&scope);
        if !known && client.wanted.len() < WANTED_MAX {
            client.wanted.push(scope);
        }
    }
    if client.wanted.len() == before {
        return Ok(Recorded::unchanged(()));
    }
    oauth_clients::write_scopes(tx, &server, &credential, &client)?;
    let detail = Detail::default().now("wanted_scopes", client.wanted.join(" ").as_str());
    tx.record(by, "credential.wants", server.id.as_str(), detail, ())
}

/// Sets the scopes that are asked for.
pub(super) fn set(
    tx: &Tx<'_>,
    by: &By,
    server: &ServerId,
    scopes: Vec<String>,
) -> Result<Recorded<Credential>, Fault> {
    let (server, mut credential, mut client) = kept(tx, by, server)?;
    let before = std::mem::replace(&mut client.settings.scopes, scopes);
    client.wanted.retain(|scope| !client.settings.scopes.contains(scope));
    oauth_clients::write_scopes(tx, &server, &credential, &client)?;
    if client.settings.grant == OAuthGrant::ClientCredentials {
        // Nobody consents: the next token has them, and the next call gets it.
        connections::end_access(tx, by, &credential.id)?;
    }
    tx.judged_by();
    let after = client.settings.scopes.join(" ");
    let detail = Detail::default().change("scopes", before.join(" "), after);
    credential.oauth = Some(Arc::new(client));
    tx.record(by, "credential.scopes", server.id.as_str(), detail, credential)
}
