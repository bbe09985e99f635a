//! Grants, their tokens and their attachments.
//!
//! Every change of a grant raises its revision and writes the MACs of all its rows anew, after the
//! old ones were checked: nothing that somebody else wrote is ever signed here.

use rusqlite::{Connection, OptionalExtension, Row, params};
use vault::{Token, TokenKind};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys, PEPPER_VERSION};
use super::records::{micros, moment, number, tags_of, tags_text};
use super::tx::{Detail, Recorded, Tx};
use super::{policies, servers};
use crate::{
    Attachment, By, ChangeError, Grant, GrantDraft, GrantId, GrantState, Moment, OrgId, PolicyId,
    ServerId, TokenRow, names,
};

/// The longest time an old token lives beside the new one: a day.
const OVERLAP_SECONDS_MAX: i64 = 86_400;
const SERVERS_MAX: usize = 256;
const IN_FLIGHT_MAX: u32 = 10_000;

/// A grant with what belongs to it, and whether all its rows are as we wrote them.
pub(super) struct Found {
    pub(super) grant: Grant,
    pub(super) tokens: Vec<TokenRow>,
    pub(super) ours: bool,
}

fn grant_fields(grant: &Grant) -> Fields {
    Fields::of(grant.org.as_str(), grant.id.as_str())
        .text(&grant.label)
        .text(&grant.identity)
        .text(&tags_text(&grant.tags))
        .text(grant.state.as_str())
        .maybe_int(micros(grant.not_before))
        .maybe_int(micros(grant.expires_at))
        .int(i64::from(grant.in_flight_max))
        .int(i64::from(grant.generation))
        .int(grant.revision)
        .int(grant.created_at.micros())
}

fn token_fields(grant: &Grant, token: &TokenRow, pepper: u32) -> Fields {
    Fields::of(grant.org.as_str(), grant.id.as_str())
        .int(grant.revision)
        .int(i64::from(token.generation))
        .text(&token.token_id)
        .bytes(&token.hash)
        .int(i64::from(pepper))
        .maybe_int(micros(token.valid_until))
}

fn attachment_fields(grant: &Grant, at: i64, attachment: &Attachment) -> Fields {
    Fields::of(grant.org.as_str(), grant.id.as_str())
        .int(grant.revision)
        .int(at)
        .text(attachment.server.as_str())
        .maybe_text(attachment.policy.as_ref().map(PolicyId::as_str))
}

const GRANT: &str = "SELECT g.org, g.id, g.label, g.identity, g.tags, g.state, g.not_before, \
    g.expires_at, g.in_flight_max, g.generation, g.revision, g.created_at, g.mac, \
    a.last_call_at FROM grants g \
    LEFT JOIN grant_activity a ON a.org = g.org AND a.grant_id = g.id";

fn of_row(conn: &Connection, keys: &Keys, row: &Row<'_>) -> Result<Found, Fault> {
    let (tags, state): (String, String) = (row.get(4)?, row.get(5)?);
    let mut grant = Grant {
        org: row.get::<_, String>(0)?.into(),
        id: row.get::<_, String>(1)?.into(),
        label: row.get(2)?,
        identity: row.get(3)?,
        tags: tags_of(&tags)?,
        state: GrantState::parse(&state).ok_or_else(|| corrupt("grants"))?,
        not_before: moment(row.get(6)?),
        expires_at: moment(row.get(7)?),
        in_flight_max: number(row.get(8)?, "grants")?,
        servers: Vec::new(),
        generation: number(row.get(9)?, "grants")?,
        revision: row.get(10)?,
        created_at: Moment::of_micros(row.get(11)?),
        last_call_at: moment(row.get(13)?),
    };
    let mut ours = keys.verify("grants", &grant_fields(&grant), &row.get::<_, Vec<u8>>(12)?);
    let tokens = tokens_of(conn, keys, &grant, &mut ours)?;
    grant.servers = attachments_of(conn, keys, &grant, &mut ours)?;
    Ok(Found { grant, tokens, ours })
}

fn tokens_of(
    conn: &Connection,
    keys: &Keys,
    grant: &Grant,
    ours: &mut bool,
) -> Result<Vec<TokenRow>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT token_id, hash, generation, valid_until, pepper, mac FROM grant_tokens \
         WHERE org = ?1 AND grant_id = ?2 ORDER BY generation",
    )?;
    let mut rows = statement.query([grant.org.as_str(), grant.id.as_str()])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        let token = TokenRow {
            token_id: row.get(0)?,
            hash: row.get(1)?,
            generation: number(row.get(2)?, "grant_tokens")?,
            valid_until: moment(row.get(3)?),
        };
        let (pepper, mac): (u32, Vec<u8>) = (row.get(4)?, row.get(5)?);
        *ours &= keys.verify("grant_tokens", &token_fields(grant, &token, pepper), &mac);
        tokens.push(token);
    }
    Ok(tokens)
}

fn attachments_of(
    conn: &Connection,
    keys: &Keys,
    grant: &Grant,
    ours: &mut bool,
) -> Result<Vec<Attachment>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT server, policy, place, mac FROM attachments WHERE org = ?1 AND grant_id = ?2 \
         ORDER BY place",
    )?;
    let mut rows = statement.query([grant.org.as_str(), grant.id.as_str()])?;
    let mut attachments = Vec::new();
    while let Some(row) = rows.next()? {
        let attachment = Attachment {
            server: row.get::<_, String>(0)?.into(),
            policy: row.get::<_, Option<String>>(1)?.map(PolicyId::from),
        };
        let fields = attachment_fields(grant, row.get(2)?, &attachment);
        *ours &= keys.verify("attachments", &fields, &row.get::<_, Vec<u8>>(3)?);
        attachments.push(attachment);
    }
    Ok(attachments)
}

/// The grants of one organisation, newest first.
pub(super) fn all(conn: &Connection, keys: &Keys, org: &OrgId) -> Result<Vec<Found>, Fault> {
    let sql = format!("{GRANT} WHERE g.org = ?1 ORDER BY g.created_at DESC, g.rowid DESC");
    collect(conn, keys, &sql, [org.as_str()])
}

/// Every grant that calls may be judged by, of every organisation.
pub(super) fn living(conn: &Connection, keys: &Keys) -> Result<Vec<Found>, Fault> {
    collect(conn, keys, &format!("{GRANT} WHERE g.state <> 'revoked' ORDER BY g.rowid"), [])
}

fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    sql: &str,
    params: P,
) -> Result<Vec<Found>, Fault> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of_row(conn, keys, row)?);
    }
    Ok(found)
}

/// One grant, by id or by the label of a living one.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<Found>, Fault> {
    let sql = format!(
        "{GRANT} WHERE g.org = ?1 AND (g.id = ?2 OR (g.label = ?2 AND g.state <> 'revoked')) \
         ORDER BY g.id <> ?2 LIMIT 1"
    );
    Ok(collect(conn, keys, &sql, [org.as_str(), id])?.pop())
}

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

/// Writes a grant and all its rows.
fn write(tx: &Tx<'_>, grant: &Grant, tokens: &[(TokenRow, Moment)]) -> Result<(), Fault> {
    let (org, id) = (grant.org.as_str(), grant.id.as_str());
    tx.conn
        .prepare_cached(
            "INSERT INTO grants (org, id, label, identity, tags, state, not_before, expires_at, \
             in_flight_max, generation, revision, created_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT (org, id) DO UPDATE SET state = excluded.state, \
             generation = excluded.generation, revision = excluded.revision, mac = excluded.mac",
        )?
        .execute(params![
            org,
            id,
            grant.label,
            grant.identity,
            tags_text(&grant.tags),
            grant.state.as_str(),
            micros(grant.not_before),
            micros(grant.expires_at),
            grant.in_flight_max,
            grant.generation,
            grant.revision,
            grant.created_at.micros(),
            tx.keys.mac("grants", &grant_fields(grant)),
        ])?;
    let here = [org, id];
    tx.conn
        .prepare_cached("DELETE FROM grant_tokens WHERE org = ?1 AND grant_id = ?2")?
        .execute(here)?;
    tx.conn
        .prepare_cached("DELETE FROM attachments WHERE org = ?1 AND grant_id = ?2")?
        .execute(here)?;
    let mut insert = tx.conn.prepare_cached(
        "INSERT INTO grant_tokens (org, grant_id, generation, token_id, hash, pepper, \
         valid_until, created_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (token, created_at) in tokens {
        insert.execute(params![
            org,
            id,
            token.generation,
            token.token_id,
            token.hash,
            PEPPER_VERSION,
            micros(token.valid_until),
            created_at.micros(),
            tx.keys.mac("grant_tokens", &token_fields(grant, token, PEPPER_VERSION)),
        ])?;
    }
    let mut insert = tx.conn.prepare_cached(
        "INSERT INTO attachments (org, grant_id, server, policy, place, mac) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (at, attachment) in (0_i64..).zip(&grant.servers) {
        insert.execute(params![
            org,
            id,
            attachment.server.as_str(),
            attachment.policy.as_ref().map(PolicyId::as_str),
            at,
            tx.keys.mac("attachments", &attachment_fields(grant, at, attachment)),
        ])?;
    }
    tx.judged_by();
    Ok(())
}

/// When each token of a grant was made, by generation.
fn with_moments(
    tx: &Tx<'_>,
    grant: &Grant,
    tokens: Vec<TokenRow>,
) -> Result<Vec<(TokenRow, Moment)>, Fault> {
    let mut made = tx.conn.prepare_cached(
        "SELECT created_at FROM grant_tokens WHERE org = ?1 AND grant_id = ?2 AND generation = ?3",
    )?;
    tokens
        .into_iter()
        .map(|token| {
            let place = params![grant.org.as_str(), grant.id.as_str(), token.generation];
            let at = made.query_row(place, |row| row.get(0))?;
            Ok((token, Moment::of_micros(at)))
        })
        .collect()
}

fn check(tx: &Tx<'_>, by: &By, draft: &GrantDraft) -> Result<(), Fault> {
    let invalid = |field, problem| Err(ChangeError::Invalid { field, problem }.into());
    names::label("label", &draft.label, Some("grt_"))?;
    names::label("identity", &draft.identity, None)?;
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
    let grant = Grant {
        id: GrantId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        label: draft.label,
        identity: draft.identity,
        tags: draft.tags,
        state: GrantState::Active,
        not_before: draft.not_before,
        expires_at: draft.expires_at,
        in_flight_max: draft.in_flight_max,
        servers: draft.servers,
        generation: 1,
        revision: 1,
        created_at: by.at,
        last_call_at: None,
    };
    let (token, row) = mint(tx, 1)?;
    write(tx, &grant, &[(row, by.at)])?;
    let mut detail = Detail::default()
        .now("label", grant.label.as_str())
        .now("identity", grant.identity.as_str())
        .now("in_flight_max", i64::from(grant.in_flight_max))
        .secret("token");
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
    let grant = Grant { generation, revision: grant.revision.saturating_add(1), ..grant };
    let (token, row) = mint(tx, generation)?;
    tokens.push((row, by.at));
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
