//! Keys of the control plane's API: each a member's, each at most what the member is.

use rusqlite::{Connection, Row, params};
use vault::{Token, TokenKind};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys, PEPPER_VERSION};
use super::records::{micros, moment};
use super::tx::{Detail, Recorded, Tx};
use super::{members, setups};
use crate::{
    ApiKey, By, ChangeError, KeyHolder, KeyId, MemberId, MemberState, Moment, OrgId, Role, names,
};

/// A key, its token's id and hash, the version of the pepper, and its MAC.
struct Found {
    key: ApiKey,
    token_id: String,
    hash: [u8; 32],
    pepper: u32,
    mac: Vec<u8>,
}

fn fields(key: &ApiKey, token_id: &str, hash: &[u8; 32], pepper: u32) -> Fields {
    Fields::of(key.org.as_str(), key.id.as_str())
        .text(key.member.as_str())
        .text(&key.label)
        .text(key.role.as_str())
        .text(token_id)
        .bytes(hash)
        .int(i64::from(pepper))
        .int(key.created_at.micros())
        .maybe_int(micros(key.expires_at))
        .maybe_int(micros(key.revoked_at))
}

const KEY: &str = "SELECT org, id, label, role, token_id, hash, pepper, created_at, expires_at, \
    revoked_at, mac, member FROM api_keys";

fn of_row(row: &Row<'_>) -> Result<Found, Fault> {
    let role: String = row.get(3)?;
    Ok(Found {
        key: ApiKey {
            org: row.get::<_, String>(0)?.into(),
            id: row.get::<_, String>(1)?.into(),
            member: row.get::<_, String>(11)?.into(),
            label: row.get(2)?,
            role: Role::parse(&role).ok_or_else(|| corrupt("api_keys"))?,
            created_at: Moment::of_micros(row.get(7)?),
            expires_at: moment(row.get(8)?),
            revoked_at: moment(row.get(9)?),
        },
        token_id: row.get(4)?,
        hash: row.get(5)?,
        pepper: row.get(6)?,
        mac: row.get(10)?,
    })
}

fn active(key: &ApiKey, now: Moment) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|end| now < end)
}

/// What this key of the member lets them do at most, if it is good now.
pub(super) fn role_of(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &KeyId,
    member: &MemberId,
    now: Moment,
) -> Result<Option<Role>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{KEY} WHERE org = ?1 AND id = ?2"))?;
    let mut rows = statement.query([org.as_str(), id.as_str()])?;
    let Some(found) = rows.next()?.map(of_row).transpose()? else { return Ok(None) };
    let signed = fields(&found.key, &found.token_id, &found.hash, found.pepper);
    let good = found.key.member == *member
        && keys.verify("api_keys", &signed, &found.mac)
        && active(&found.key, now);
    Ok(good.then_some(found.key.role))
}

/// The key that this token is, with the member whose it is.
pub(super) fn of_token(
    conn: &Connection,
    keys: &Keys,
    token: &Token,
    now: Moment,
) -> Result<Option<KeyHolder>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{KEY} WHERE token_id = ?1"))?;
    let mut rows = statement.query([token.id().as_str()])?;
    let Some(row) = rows.next()? else {
        // As much work as for an id that is known.
        let _ = token.matches(&keys.pepper, &[0; 32]);
        return Ok(None);
    };
    let found = of_row(row)?;
    let matches = found.pepper == PEPPER_VERSION
        && token.kind() == TokenKind::ApiKey
        && token.matches(&keys.pepper, &found.hash);
    let signed = fields(&found.key, &found.token_id, &found.hash, found.pepper);
    let ours = keys.verify("api_keys", &signed, &found.mac);
    if matches && !ours {
        tracing::error!(key = %found.key.id, "the row of an API key was written by somebody else");
    }
    if !(matches && ours && active(&found.key, now)) {
        return Ok(None);
    }
    let member = members::acting(conn, keys, &found.key.org, &found.key.member)?;
    Ok(member.map(|member| KeyHolder { key: found.key, member }))
}

/// The keys, newest first.
pub(super) fn all(conn: &Connection, org: &OrgId) -> Result<Vec<ApiKey>, Fault> {
    let sql = format!("{KEY} WHERE org = ?1 ORDER BY created_at DESC, rowid DESC");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([org.as_str()])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(of_row(row)?.key);
    }
    Ok(keys)
}

pub(super) fn create(
    tx: &Tx<'_>,
    by: &By,
    member: &MemberId,
    label: &str,
    role: Role,
    expires_at: Option<Moment>,
) -> Result<Recorded<(ApiKey, Token)>, Fault> {
    names::label("label", label, Some("key_"))?;
    let holder = members::to_change(tx, &by.org, member)?;
    if holder.state != MemberState::Active {
        let waiting = "the member has not accepted the invitation yet";
        return Err(ChangeError::Conflict(waiting.to_owned()).into());
    }
    if role > holder.role {
        let (field, problem) = ("role", "must not be above the role of the member");
        return Err(ChangeError::Invalid { field, problem }.into());
    }
    if expires_at.is_some_and(|end| end <= by.at) {
        let (field, problem) = ("expires_at", "must lie ahead");
        return Err(ChangeError::Invalid { field, problem }.into());
    }
    let key = ApiKey {
        id: KeyId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
        member: member.clone(),
        label: label.to_owned(),
        role,
        created_at: by.at,
        expires_at,
        revoked_at: None,
    };
    let token = Token::mint(TokenKind::ApiKey, &*tx.keys.random)?;
    let (id, hash) = (token.id(), token.hash(&tx.keys.pepper));
    tx.conn
        .prepare_cached(
            "INSERT INTO api_keys (org, id, member, label, role, token_id, hash, pepper, \
             created_at, expires_at, revoked_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?11)",
        )?
        .execute(params![
            key.org.as_str(),
            key.id.as_str(),
            key.member.as_str(),
            key.label,
            key.role.as_str(),
            id.as_str(),
            hash,
            PEPPER_VERSION,
            key.created_at.micros(),
            micros(key.expires_at),
            tx.keys.mac("api_keys", &fields(&key, id.as_str(), &hash, PEPPER_VERSION)),
        ])?;
    let mut detail = Detail::default()
        .now("member", member.as_str())
        .now("label", label)
        .now("role", role.as_str())
        .secret("token");
    if let Some(end) = expires_at {
        detail = detail.now("expires_at", end.micros());
    }
    tx.record(by, "api_key.created", key.id.clone().as_str(), detail, (key, token))
}

/// Ends a key, unless nobody could administer the organisation after that.
pub(super) fn revoke(tx: &Tx<'_>, by: &By, id: &KeyId) -> Result<Recorded<()>, Fault> {
    let mut all = of_org(tx.conn, &by.org)?;
    let asked = all.iter().position(|found| found.key.id == *id);
    let asked = asked.ok_or_else(|| ChangeError::NotFound { what: "API key", id: id.to_string() });
    let found = all.swap_remove(asked?);
    if found.key.revoked_at.is_some() {
        return Ok(Recorded::unchanged(()));
    }
    // The program itself takes back a first key that nobody has seen, and makes another.
    let by_program = by.member.is_none();
    if !by_program
        && administers(tx, &found.key, by.at)?
        && !others_administer(tx, &all, by.at)?
        && setups::needed(tx.conn, &by.org)?
    {
        let last = "this is the last good key of an admin, and no admin can sign in: make another \
                    one, or use the setup link, first";
        return Err(ChangeError::LastAdmin(last).into());
    }
    let key = end(tx, found, by.at)?;
    let detail = Detail::default()
        .was("member", key.member.as_str())
        .was("label", key.label.as_str())
        .was("role", key.role.as_str());
    tx.record(by, "api_key.revoked", id.as_str(), detail, ())
}

fn of_org(conn: &Connection, org: &OrgId) -> Result<Vec<Found>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{KEY} WHERE org = ?1"))?;
    let mut rows = statement.query([org.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of_row(row)?);
    }
    Ok(found)
}

/// Whether an admin may act with the key now.
fn administers(tx: &Tx<'_>, key: &ApiKey, now: Moment) -> Result<bool, Fault> {
    if key.role < Role::Admin || !active(key, now) {
        return Ok(false);
    }
    let member = members::acting(tx.conn, tx.keys, &key.org, &key.member)?;
    Ok(member.is_some_and(|member| member.role == Role::Admin))
}

fn others_administer(tx: &Tx<'_>, others: &[Found], now: Moment) -> Result<bool, Fault> {
    for other in others {
        if administers(tx, &other.key, now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends every living key of a member who is being removed; says how many there were.
pub(super) fn end_all(tx: &Tx<'_>, by: &By, member: &MemberId) -> Result<i64, Fault> {
    let mut ended = 0;
    for found in of_org(tx.conn, &by.org)? {
        if found.key.member == *member && found.key.revoked_at.is_none() {
            end(tx, found, by.at)?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// Lowers every living key of a member to this role; says how many were above it.
pub(super) fn lower(tx: &Tx<'_>, org: &OrgId, member: &MemberId, role: Role) -> Result<i64, Fault> {
    let mut lowered = 0;
    for mut found in of_org(tx.conn, org)? {
        let living = found.key.revoked_at.is_none();
        if found.key.member == *member && living && found.key.role > role && is_ours(tx, &found) {
            found.key.role = role;
            write(tx, &found)?;
            lowered += 1;
        }
    }
    Ok(lowered)
}

fn end(tx: &Tx<'_>, mut found: Found, now: Moment) -> Result<ApiKey, Fault> {
    let ours = is_ours(tx, &found);
    found.key.revoked_at = Some(now);
    if ours {
        write(tx, &found)?;
    } else {
        // It gets no MAC of ours, so it stays dead whatever else is in its row.
        tx.conn
            .prepare_cached("UPDATE api_keys SET revoked_at = ?3 WHERE org = ?1 AND id = ?2")?
            .execute(params![found.key.org.as_str(), found.key.id.as_str(), now.micros()])?;
    }
    Ok(found.key)
}

fn is_ours(tx: &Tx<'_>, found: &Found) -> bool {
    let signed = fields(&found.key, &found.token_id, &found.hash, found.pepper);
    tx.keys.verify("api_keys", &signed, &found.mac)
}

/// Writes what may change of a key: its role and its end.
fn write(tx: &Tx<'_>, found: &Found) -> Result<(), Fault> {
    let key = &found.key;
    let mac = tx.keys.mac("api_keys", &fields(key, &found.token_id, &found.hash, found.pepper));
    tx.conn
        .prepare_cached(
            "UPDATE api_keys SET role = ?3, revoked_at = ?4, mac = ?5 WHERE org = ?1 AND id = ?2",
        )?
        .execute(params![
            key.org.as_str(),
            key.id.as_str(),
            key.role.as_str(),
            micros(key.revoked_at),
            mac
        ])?;
    Ok(())
}
