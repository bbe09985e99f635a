//! Changing grants: issue, rotate, pause, resume, revoke, attach.
//!
//! Every change of a grant raises its revision and writes the MACs of all its rows anew, after the
//! old ones were checked: nothing that somebody else wrote is ever signed here.

use rusqlite::OptionalExtension;
use vault::{Token, TokenKind};

use super::fault::{Fault, corrupt};
use super::grant_rows::{Found, one, with_moments, write};
use super::tx::{Detail, Recorded, Tx};
use super::{grant_rows, members, policies, servers};
use crate::{
    By, ChangeError, Fate, Grant, GrantDraft, GrantId, GrantState, Member, MemberId, MemberState,
    OrgId, PolicyId, ServerId, TokenRow, TokenTrace, names,
};

/// The longest time an old token lives beside the new one: a day.
const OVERLAP_SECONDS_MAX: i64 = 86_400;
const SERVERS_MAX: usize = 256;
const IN_FLIGHT_MAX: u32 = 10_000;

fn to_find(tx: &Tx<'_>, by: &By, id: &GrantId) -> Result<Found, Fault> {
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?.filter(|f| f.grant.id == *id);
    found.ok_or_else(|| ChangeError::NotFound { what: "grant", id: id.to_string() }.into())
}

/// The grant that a change is about: living, and with its rows untouched by others.
fn to_change(tx: &Tx<'_>, by: &By, id: &GrantId) -> Result<Found, Fault> {
    let found = to_find(tx, by, id)?;
    if found.grant.state == GrantState::Revoked {
        return Err(ChangeError::Conflict("the grant is revoked".to_owned()).into());
    }
    if !found.ours {
        let forged = "a row of the grant was written by somebody else; revoke it and issue another";
        return Err(ChangeError::Conflict(forged.to_owned()).into());
    }
    Ok(found)
}

fn check(tx: &Tx<'_>, by: &By, draft: &GrantDraft) -> Result<(), Fault> {
    let invalid = |field, problem| Err(ChangeError::Invalid { field, problem }.into());
    names::label("label", &draft.label, Some("grt_"))?;
    names::label("identity", &draft.identity, None)?;
    if let Some(owner) = &draft.owner {
        answers_for(tx, by, owner)?;
        belongs(tx, by, &draft.identity, owner)?;
    }
    names::tags("tags", &draft.tags)?;
    if !(1..=IN_FLIGHT_MAX).contains(&draft.in_flight_max) {
        return invalid("in_flight_max", "must be 1 to 10000");
    }
    if draft.not_before.zip(draft.expires_at).is_some_and(|(from, to)| from >= to) {
        return invalid("expires_at", "must be after not_before");
    }
    if draft.servers.len() > SERVERS_MAX {
        return invalid("servers", "must be at most 256");
    }
    for (at, attachment) in draft.servers.iter().enumerate() {
        if draft.servers.iter().take(at).any(|other| other.server == attachment.server) {
            return invalid("servers", "must not hold a server twice");
        }
        servers::to_change(tx, by, &attachment.server)?;
        policy_exists(tx, by, attachment.policy.as_ref())?;
    }
    let taken = tx
        .conn
        .prepare_cached(
            "SELECT 1 FROM grants WHERE org = ?1 AND label = ?2 AND state <> 'revoked'",
        )?
        .query_row([by.org.as_str(), &draft.label], |_| Ok(()))
        .optional()?;
    match taken {
        Some(()) => Err(ChangeError::Taken { what: "grant", name: draft.label.clone() }.into()),
        None => Ok(()),
    }
}

/// The member who is to answer for a grant: active.
fn answers_for(tx: &Tx<'_>, by: &By, owner: &MemberId) -> Result<Member, Fault> {
    let owner = members::to_change(tx, &by.org, owner)?;
    if owner.state != MemberState::Active {
        let waiting = "the owner has not accepted the invitation yet";
        return Err(ChangeError::Conflict(waiting.to_owned()).into());
    }
    Ok(owner)
}

/// An agent has one owner: a name means one agent in the whole organisation.
fn belongs(tx: &Tx<'_>, by: &By, identity: &str, owner: &MemberId) -> Result<(), Fault> {
    let other = tx
        .conn
        .prepare_cached(
            "SELECT 1 FROM grants WHERE org = ?1 AND identity = ?2 AND owner <> ?3 \
             AND state <> 'revoked' LIMIT 1",
        )?
        .query_row([by.org.as_str(), identity, owner.as_str()], |_| Ok(()))
        .optional()?;
    match other {
        Some(()) => Err(ChangeError::Taken { what: "agent", name: identity.to_owned() }.into()),
        None => Ok(()),
    }
}

fn policy_exists(tx: &Tx<'_>, by: &By, policy: Option<&PolicyId>) -> Result<(), Fault> {
    match policy {
        Some(id) if !policies::exists(tx.conn, &by.org, id)? => {
            Err(ChangeError::NotFound { what: "policy", id: id.to_string() }.into())
        }
        _ => Ok(()),
    }
}

fn mint(tx: &Tx<'_>, generation: u32) -> Result<(Token, TokenRow), Fault> {
    let token = Token::mint(TokenKind::Grant, &*tx.keys.random)?;
    let row = TokenRow {
        token_id: token.id().as_str().to_owned(),
        hash: token.hash(&tx.keys.pepper),
        generation,
        valid_until: None,
    };
    Ok((token, row))
}

pub(super) fn issue(
    tx: &Tx<'_>,
    by: &By,
    draft: GrantDraft,
) -> Result<Recorded<(Grant, Token)>, Fault> {
    check(tx, by, &draft)?;
    let (token, row) = mint(tx, 1)?;
    let grant = Grant {
        id: GrantId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        label: draft.label,
        identity: draft.identity,
        owner: draft.owner,
        tags: draft.tags,
        state: GrantState::Active,
        not_before: draft.not_before,
        expires_at: draft.expires_at,
        in_flight_max: draft.in_flight_max,
        servers: draft.servers,
        generation: 1,
        tokens: vec![TokenTrace::from(&row)],
        revision: 1,
        created_at: by.at,
        last_call_at: None,
    };
    write(tx, &grant, &[(row, by.at)])?;
    let mut detail = Detail::default()
        .now("label", grant.label.as_str())
        .now("identity", grant.identity.as_str())
        .now("in_flight_max", i64::from(grant.in_flight_max))
        .secret("token");
    if let Some(owner) = &grant.owner {
        detail = detail.now("owner", owner.as_str());
    }
    for (key, value) in &grant.tags {
        detail = detail.now(&format!("tags.{key}"), value.as_str());
    }
    for (field, moment) in [("not_before", grant.not_before), ("expires_at", grant.expires_at)] {
        if let Some(moment) = moment {
            detail = detail.now(field, moment.micros());
        }
    }
    for attachment in &grant.servers {
        let policy = attachment.policy.as_ref().map_or("none", PolicyId::as_str);
        detail = detail.now(&format!("servers.{}", attachment.server), policy);
    }
    tx.record(by, "grant.issued", grant.id.clone().as_str(), detail, (grant, token))
}

pub(super) fn rotate(
    tx: &Tx<'_>,
    by: &By,
    id: &GrantId,
    overlap_seconds: i64,
) -> Result<Recorded<(Grant, Token)>, Fault> {
    if !(0..=OVERLAP_SECONDS_MAX).contains(&overlap_seconds) {
        let (field, problem) = ("overlap_seconds", "must be 0 to 86400");
        return Err(ChangeError::Invalid { field, problem }.into());
    }
    let Found { grant, tokens, .. } = to_change(tx, by, id)?;
    let until = by.at.plus_seconds(overlap_seconds);
    // An older token never lives longer than it was told; what is over is not kept.
    let mut tokens = with_moments(tx, &grant, tokens)?;
    for (token, _) in &mut tokens {
        token.valid_until = Some(token.valid_until.map_or(until, |old| old.min(until)));
    }
    tokens.retain(|(token, _)| token.valid_until.is_some_and(|until| until > by.at));
    let generation = grant.generation.checked_add(1).ok_or_else(|| corrupt("grants"))?;
    let (token, row) = mint(tx, generation)?;
    tokens.push((row, by.at));
    let traces = tokens.iter().map(|(row, _)| TokenTrace::from(row)).collect();
    let revision = grant.revision.saturating_add(1);
    let grant = Grant { generation, tokens: traces, revision, ..grant };
    write(tx, &grant, &tokens)?;
    let detail = Detail::default()
        .change("generation", i64::from(generation - 1), i64::from(generation))
        .now("overlap_seconds", overlap_seconds)
        .secret("token");
    tx.record(by, "grant.rotated", id.as_str(), detail, (grant, token))
}

pub(super) fn set_state(
    tx: &Tx<'_>,
    by: &By,
    id: &GrantId,
    state: GrantState,
) -> Result<Recorded<Grant>, Fault> {
    let found = to_find(tx, by, id)?;
    if found.grant.state == state {
        return Ok(Recorded::unchanged(found.grant));
    }
    let event = match state {
        GrantState::Active => "grant.resumed",
        GrantState::Paused => "grant.paused",
        GrantState::Revoked => "grant.revoked",
    };
    let before = found.grant.state;
    let detail = Detail::default().change("state", before.as_str(), state.as_str());
    if state == GrantState::Revoked && !found.ours {
        // It gets no MACs of ours, so it stays dead whatever else is in its rows.
        tx.conn
            .prepare_cached("UPDATE grants SET state = 'revoked' WHERE org = ?1 AND id = ?2")?
            .execute([by.org.as_str(), id.as_str()])?;
        tx.judged_by();
        let grant = Grant { state, ..found.grant };
        return tx.record(by, event, id.as_str(), detail, grant);
    }
    let Found { grant, tokens, .. } = to_change(tx, by, id)?;
    let tokens = with_moments(tx, &grant, tokens)?;
    let grant = Grant { state, revision: grant.revision.saturating_add(1), ..grant };
    write(tx, &grant, &tokens)?;
    tx.record(by, event, id.as_str(), detail, grant)
}

/// Gives a grant to another owner; an agent's, with all living grants of the agent.
pub(super) fn hand_over(
    tx: &Tx<'_>,
    by: &By,
    id: &GrantId,
    owner: &MemberId,
) -> Result<Recorded<Grant>, Fault> {
    let found = to_change(tx, by, id)?;
    if found.grant.owner.as_ref() == Some(owner) {
        return Ok(Recorded::unchanged(found.grant));
    }
    if let Some(old) = found.grant.owner.clone().filter(|_| is_agent(&found.grant)) {
        for other in grant_rows::of_owner(tx.conn, tx.keys, &by.org, &old)? {
            if other.grant.identity == found.grant.identity && other.grant.id != found.grant.id {
                let other = to_change(tx, by, &other.grant.id)?;
                give(tx, by, other, owner)?;
            }
        }
    }
    let (before, after) = give(tx, by, found, owner)?;
    belongs(tx, by, &after.identity, owner)?;
    let none = || "none".to_owned();
    let spelled = |owner: &Option<MemberId>| owner.as_ref().map_or_else(none, MemberId::to_string);
    let detail = Detail::default()
        .change("owner", spelled(&before.owner), spelled(&after.owner))
        .change("identity", before.identity.as_str(), after.identity.as_str());
    tx.record(by, "grant.handed_over", id.as_str(), detail, after)
}

/// Writes a grant with its new owner; hands back how it was and how it is.
fn give(tx: &Tx<'_>, by: &By, found: Found, owner: &MemberId) -> Result<(Grant, Grant), Fault> {
    let owner = answers_for(tx, by, owner)?;
    let Found { grant: before, tokens, .. } = found;
    let tokens = with_moments(tx, &before, tokens)?;
    let after = Grant {
        identity: if is_agent(&before) { before.identity.clone() } else { owner.email },
        owner: Some(owner.id),
        revision: before.revision.saturating_add(1),
        ..before.clone()
    };
    write(tx, &after, &tokens)?;
    Ok((before, after))
}

/// Whether a grant is an agent's, and not a member's own: no agent has an `@` in its name.
fn is_agent(grant: &Grant) -> bool {
    !grant.identity.contains('@')
}

/// Decides about every living grant of a member who is being removed.
pub(super) fn let_go_of_owner(
    tx: &Tx<'_>,
    by: &By,
    owner: &MemberId,
    fates: Vec<(GrantId, Fate)>,
    mut detail: Detail,
) -> Result<Detail, Fault> {
    let owned = grant_rows::of_owner(tx.conn, tx.keys, &by.org, owner)?;
    if fates.iter().any(|(id, _)| !owned.iter().any(|found| found.grant.id == *id)) {
        let (field, problem) = ("grants", "must be living grants of the member");
        return Err(ChangeError::Invalid { field, problem }.into());
    }
    let fate_of = |id: &GrantId| fates.iter().find(|(of, _)| of == id).map(|(_, fate)| fate);
    let open = owned.iter().filter(|found| fate_of(&found.grant.id).is_none());
    let open: Vec<_> = open.map(|f| (f.grant.id.clone(), f.grant.label.clone())).collect();
    if !open.is_empty() {
        return Err(ChangeError::Undecided(open).into());
    }
    let mut kept = Vec::new();
    for found in owned {
        let id = found.grant.id.clone();
        let field = format!("grants.{id}");
        match fate_of(&id) {
            Some(Fate::Keep(heir)) if heir == owner => {
                let (field, problem) = ("grants", "must not stay with the member");
                return Err(ChangeError::Invalid { field, problem }.into());
            }
            Some(Fate::Keep(heir)) => {
                let found = to_change(tx, by, &id)?;
                let (_, after) = give(tx, by, found, heir)?;
                kept.push((after.identity, heir.clone()));
                detail = detail.change(&field, owner.as_str(), heir.as_str());
            }
            Some(Fate::Revoke) | None => {
                end(tx, found)?;
                detail = detail.change(&field, owner.as_str(), "revoked");
            }
        }
    }
    // The grants of one agent stay together.
    for (identity, heir) in &kept {
        belongs(tx, by, identity, heir)?;
    }
    Ok(detail)
}

/// Revokes a grant as a part of another change.
fn end(tx: &Tx<'_>, found: Found) -> Result<(), Fault> {
    if !found.ours {
        // It gets no MACs of ours, so it stays dead whatever else is in its rows.
        tx.conn
            .prepare_cached("UPDATE grants SET state = 'revoked' WHERE org = ?1 AND id = ?2")?
            .execute([found.grant.org.as_str(), found.grant.id.as_str()])?;
        tx.judged_by();
        return Ok(());
    }
    let Found { grant, tokens, .. } = found;
    let tokens = with_moments(tx, &grant, tokens)?;
    let revision = grant.revision.saturating_add(1);
    write(tx, &Grant { state: GrantState::Revoked, revision, ..grant }, &tokens)
}

pub(super) fn attach(
    tx: &Tx<'_>,
    by: &By,
    id: &GrantId,
    server: &ServerId,
    policy: Option<PolicyId>,
) -> Result<Recorded<Grant>, Fault> {
    let Found { mut grant, tokens, .. } = to_change(tx, by, id)?;
    policy_exists(tx, by, policy.as_ref())?;
    let place = grant.servers.iter_mut().find(|attachment| attachment.server == *server);
    let place = place.ok_or_else(|| ChangeError::NotFound {
        what: "server of the grant",
        id: server.to_string(),
    })?;
    let before = std::mem::replace(&mut place.policy, policy.clone());
    if before == policy {
        return Ok(Recorded::unchanged(grant));
    }
    let tokens = with_moments(tx, &grant, tokens)?;
    grant.revision = grant.revision.saturating_add(1);
    write(tx, &grant, &tokens)?;
    let spelled = |policy: &Option<PolicyId>| {
        policy.as_ref().map_or_else(|| "none".to_owned(), PolicyId::to_string)
    };
    let field = format!("servers.{server}");
    let detail = Detail::default().change(&field, spelled(&before), spelled(&policy));
    let event = if policy.is_some() { "policy.attached" } else { "policy.detached" };
    tx.record(by, event, id.as_str(), detail, grant)
}

/// The server is being deleted: revoked grants do not reach it any more. Their MACs end with that,
/// which is as well: nothing shall ever read them as good again.
pub(super) fn let_go_of_server(tx: &Tx<'_>, org: &OrgId, server: &ServerId) -> Result<(), Fault> {
    tx.conn
        .prepare_cached("DELETE FROM attachments WHERE org = ?1 AND server = ?2")?
        .execute([org.as_str(), server.as_str()])?;
    Ok(())
}

/// The policy is being deleted: revoked grants do not name it any more.
pub(super) fn let_go_of_policy(tx: &Tx<'_>, org: &OrgId, policy: &PolicyId) -> Result<(), Fault> {
    tx.conn
        .prepare_cached("UPDATE attachments SET policy = NULL WHERE org = ?1 AND policy = ?2")?
        .execute([org.as_str(), policy.as_str()])?;
    Ok(())
}
