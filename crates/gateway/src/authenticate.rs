//! Authenticate: whose request this is. One fixed answer for every token that is not good here.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use store::{Moment, StrangerRefusal};
use vault::{Token, TokenKind};

use crate::refusal::Rejected;
use crate::road::Gateway;
use crate::snapshot::{Attached, GrantEntry, Snapshot};

/// A grant that was proven, and the server it asks for.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) grant: Arc<GrantEntry>,
    pub(crate) attached: Attached,
    pub(crate) token_generation: u32,
    /// The generation of the view it was read from.
    pub(crate) judged_at: u64,
}

/// Who asks, and whether the server is theirs to ask.
pub(crate) fn grant(
    gateway: &Gateway,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    server: &str,
    peer: IpAddr,
    now: Moment,
) -> Result<Caller, Rejected> {
    let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let token = shown.and_then(bearer).and_then(|bytes| Token::parse(TokenKind::Grant, bytes).ok());
    match token.as_ref().map(|token| prove(gateway, snapshot, token, server, now)) {
        Some(Ok(caller)) => Ok(caller),
        unproven => {
            let reason = match (&unproven, shown) {
                (Some(Err(reason)), _) => reason,
                (_, None) => "no_token",
                (_, Some(_)) => "malformed_token",
            };
            crate::observe::turned_away(gateway, reason);
            gateway.store.stranger_refused(StrangerRefusal {
                at: now,
                address: peer.to_string(),
                reason,
                token_prefix: token.as_ref().map(|t| t.id().as_str().to_owned()),
                count: 1,
                ..StrangerRefusal::default()
            });
            if gateway.strangers.tolerate(peer, now) {
                Err(Rejected::Unauthenticated)
            } else {
                Err(Rejected::TooManyStrangers)
            }
        }
    }
}

/// `Bearer`, in any case, one space, the token.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn prove(
    gateway: &Gateway,
    snapshot: &Snapshot,
    token: &Token,
    server: &str,
    now: Moment,
) -> Result<Caller, &'static str> {
    let known = snapshot.token(&token.id());
    // The hash is computed and compared whether or not the id is known: both take the same time.
    let stored = known.map_or([0; 32], |entry| entry.hash);
    let matches = token.matches(&gateway.pepper, &stored);
    let entry = known.filter(|_| matches).ok_or("unknown_token")?;
    if entry.valid_until.is_some_and(|end| now >= end) {
        return Err("old_token");
    }
    if !entry.grant.is_good_at(now) {
        return Err("grant_not_active");
    }
    let attached = entry.grant.reaches(server).ok_or("other_server")?.clone();
    Ok(Caller {
        grant: entry.grant.clone(),
        attached,
        token_generation: entry.generation,
        judged_at: snapshot.generation,
    })
}

impl Caller {
    /// The same caller in a newer view: the grant must still be good and still reach the server.
    pub(crate) fn in_view(&self, snapshot: &Snapshot, now: Moment) -> Option<Self> {
        let grant = snapshot.grant(&self.grant.id).filter(|grant| grant.is_good_at(now))?;
        let attached = grant.reaches(self.attached.server.id.as_str())?.clone();
        Some(Self {
            grant: grant.clone(),
            attached,
            token_generation: self.token_generation,
            judged_at: snapshot.generation,
        })
    }
}
