//! The rows of a grant: itself, its tokens, its attachments, and the MACs over them. Changing
//! grants is `grants.rs`.

use rusqlite::{Connection, Row, params};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys, PEPPER_VERSION};
use super::records::{micros, moment, number, tags_of, tags_text};
use super::tx::Tx;
use crate::{
    Attachment, Grant, GrantState, MemberId, Moment, OrgId, PolicyId, TokenRow, TokenTrace,
};

/// A grant with what belongs to it, and whether all its rows are as we wrote them.
pub(super) struct Found {
    pub(super) grant: Grant,
    pub(super) tokens: Vec<TokenRow>,
    pub(super) ours: bool,
}

fn grant_fields(grant: &Grant) -> Fields {
    let fields = Fields::of(grant.org.as_str(), grant.id.as_str())
        .text(&grant.label)
        .text(&grant.identity)
        .text(&tags_text(&grant.tags))
        .text(grant.state.as_str())
        .maybe_int(micros(grant.not_before))
        .maybe_int(micros(grant.expires_at))
        .int(i64::from(grant.in_flight_max))
        .int(i64::from(grant.generation))
        .int(grant.revision)
        .int(grant.created_at.micros());
    // Grants from before owners have none, and their MAC says nothing of one.
    match &grant.owner {
        Some(owner) => fields.text(owner.as_str()),
        None => fields,
    }
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
    a.last_call_at, g.owner FROM grants g \
    LEFT JOIN grant_activity a ON a.org = g.org AND a.grant_id = g.id";

fn of_row(conn: &Connection, keys: &Keys, row: &Row<'_>) -> Result<Found, Fault> {
    let (tags, state): (String, String) = (row.get(4)?, row.get(5)?);
    let mut grant = Grant {
        org: row.get::<_, String>(0)?.into(),
        id: row.get::<_, String>(1)?.into(),
        label: row.get(2)?,
        identity: row.get(3)?,
        owner: row.get::<_, Option<String>>(14)?.map(MemberId::from),
        tags: tags_of(&tags)?,
        state: GrantState::parse(&state).ok_or_else(|| corrupt("grants"))?,
        not_before: moment(row.get(6)?),
        expires_at: moment(row.get(7)?),
        in_flight_max: number(row.get(8)?, "grants")?,
        servers: Vec::new(),
        generation: number(row.get(9)?, "grants")?,
        tokens: Vec::new(),
        revision: row.get(10)?,
        created_at: Moment::of_micros(row.get(11)?),
        last_call_at: moment(row.get(13)?),
    };
    let mut ours = keys.verify("grants", &grant_fields(&grant), &row.get::<_, Vec<u8>>(12)?);
    let tokens = tokens_of(conn, keys, &grant, &mut ours)?;
    grant.tokens = tokens.iter().map(TokenTrace::from).collect();
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

/// Every grant that calls may be judged by, of every organisation, and how many could not be read:
/// one that holds what this program never writes is refused, and no other grant with it.
pub(super) fn living(conn: &Connection, keys: &Keys) -> Result<(Vec<Found>, usize), Fault> {
    let sql = format!("{GRANT} WHERE g.state <> 'revoked' ORDER BY g.rowid");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let (mut found, mut unreadable) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        match of_row(conn, keys, row) {
            Ok(grant) => found.push(grant),
            Err(fault) if fault.is_unreadable_row() => unreadable += 1,
            Err(fault) => return Err(fault),
        }
    }
    Ok((found, unreadable))
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

/// The living grants that a member answers for.
pub(super) fn of_owner(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    owner: &MemberId,
) -> Result<Vec<Found>, Fault> {
    let sql = format!(
        "{GRANT} WHERE g.org = ?1 AND g.owner = ?2 AND g.state <> 'revoked' ORDER BY g.rowid"
    );
    collect(conn, keys, &sql, [org.as_str(), owner.as_str()])
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

/// Writes a grant and all its rows.
pub(super) fn write(
    tx: &Tx<'_>,
    grant: &Grant,
    tokens: &[(TokenRow, Moment)],
) -> Result<(), Fault> {
    let (org, id) = (grant.org.as_str(), grant.id.as_str());
    tx.conn
        .prepare_cached(
            "INSERT INTO grants (org, id, label, identity, tags, state, not_before, expires_at, \
             in_flight_max, generation, revision, created_at, mac, owner) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (org, id) DO UPDATE SET state = excluded.state, \
             identity = excluded.identity, owner = excluded.owner, \
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
            grant.owner.as_ref().map(MemberId::as_str),
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
pub(super) fn with_moments(
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
