//! The view: everything calls are judged from, read at one moment, forged and unreadable rows left
//! out.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::fault::{Fault, corrupt};
use super::keys::Keys;
use super::open::meta;
use super::policies::Newest;
use super::{credentials, grant_rows, holding, policies, recordings, servers, tools, watches};
use crate::{OrgId, PolicyId, ServerView, View};

/// Reads the view. The connection is in a transaction, so all of it is of one generation.
pub(super) fn read(conn: &Connection, keys: &Keys) -> Result<View, Fault> {
    let generation: Option<i64> = meta(conn, "generation")?;
    let generation = generation.and_then(|g| u64::try_from(g).ok());
    let (recordings, forged_recordings) = recordings::all(conn, keys)?;
    let (fingerprint_keys, forged_keys) = recordings::keys_in_use(conn, keys)?;
    let mut view = View {
        generation: generation.ok_or_else(|| corrupt("meta"))?,
        grants: Vec::new(),
        servers: Vec::new(),
        policies: Vec::new(),
        watches: Vec::new(),
        holdings: holding::all(conn, keys)?,
        recordings,
        fingerprint_keys,
        forged: forged_recordings + forged_keys,
        keyring: keys.ring(),
    };
    let mut used: BTreeMap<PolicyId, OrgId> = BTreeMap::new();
    let (living, unreadable) = grant_rows::living(conn, keys)?;
    view.forged += unreadable;
    for found in living {
        if !found.ours {
            view.forged += 1;
            continue;
        }
        for policy in found.grant.servers.iter().filter_map(|a| a.policy.clone()) {
            used.insert(policy, found.grant.org.clone());
        }
        view.grants.push((found.grant, found.tokens));
    }
    for (id, org) in used {
        match policies::newest(conn, keys, &org, &id)? {
            Newest::Version(version) => {
                view.policies.push(version);
                // A candidate that somebody else wrote is not asked; it enforces nothing anyway.
                view.watches.extend(watches::running(conn, keys, &org, &id)?);
            }
            Newest::None => {}
            Newest::Forged => view.forged += 1,
        }
    }
    for (server, ours) in servers::all(conn, keys, None)? {
        let (tools, forged) = tools::of(conn, keys, &server)?;
        let credential = credentials::of(conn, keys, &server)?;
        view.forged += forged;
        // A server whose secret cannot be believed is left out whole: without its secret the call
        // would still leave.
        if !ours || credential.as_ref().is_some_and(|(_, ours)| !ours) {
            view.forged += 1;
            continue;
        }
        let credential = credential.map(|(credential, _)| credential);
        view.servers.push(ServerView { server, tools, credential });
    }
    // Taken after the rows: it knows every key that they were sealed with.
    view.keyring = keys.ring();
    Ok(view)
}
