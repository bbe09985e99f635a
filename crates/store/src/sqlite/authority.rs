//! Whether somebody who was let through may still do what they were let through for.
//!
//! A role is checked when a request begins; its body may come half a minute later. So every change
//! looks again, in its own transaction: whoever was removed or lowered, or whose key or session has
//! ended in between, changes nothing. INVARIANT(right-at-commit).

use rusqlite::Connection;

use super::fault::Fault;
use super::keys::Keys;
use super::tx::Tx;
use super::{api_keys, members, sessions};
use crate::{By, ChangeError, Role, StrangerRefusal};

/// Refuses the change of somebody who has lost the right to it.
pub(super) fn stands(tx: &Tx<'_>, by: &By) -> Result<(), Fault> {
    let Some(needed) = by.role else { return Ok(()) };
    match present(tx.conn, tx.keys, by)? {
        Some(role) if role >= needed => Ok(()),
        _ => Err(ChangeError::RightEnded.into()),
    }
}

/// What they may do now, by what they proved themselves with.
fn present(conn: &Connection, keys: &Keys, by: &By) -> Result<Option<Role>, Fault> {
    let Some(id) = &by.member else { return Ok(None) };
    let Some(member) = members::acting(conn, keys, &by.org, id)? else { return Ok(None) };
    let most = match (&by.key, &by.session) {
        (Some(key), _) => api_keys::role_of(conn, keys, &by.org, key, id, by.at)?,
        (None, Some(session)) => {
            sessions::is_open(conn, keys, &by.org, session, id, by.at)?.then_some(Role::Admin)
        }
        (None, None) => None,
    };
    Ok(most.map(|most| most.min(member.role)))
}

/// The line among the refusals.
pub(super) fn refusal(by: &By) -> StrangerRefusal {
    StrangerRefusal {
        at: by.at,
        address: by.address.clone().unwrap_or_default(),
        reason: "right_ended",
        who: by.member.clone().map(|member| (by.org.clone(), member)),
        count: 1,
        ..StrangerRefusal::default()
    }
}
