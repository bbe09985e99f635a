//! Keys of the control plane's API.

use rusqlite::{Connection, Row, params};
use vault::{Token, TokenKind};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys, PEPPER_VERSION};
use super::records::{micros, moment};
use super::tx::{Detail, Recorded, Tx};
use crate::{ApiKey, By, ChangeError, KeyId, Moment, OrgId, Role, names};

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
    revoked_at, mac FROM api_keys";

fn of_row(row: &Row<'_>) -> Result<Found, Fault> {
    let role: String = row.get(3)?;
    Ok(Found {
        key: ApiKey {
            org: row.get::<_, String>(0)?.into(),
            id: row.get::<_, String>(1)?.into(),
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

/// The key that this token is. `token` is its id and its hash under each pepper that is asked for.
pub(super) fn of_token(
    conn: &Connection,
    keys: &Keys,
    token: &Token,
    now: Moment,
) -> Result<Option<ApiKey>, Fault> {
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
    Ok((matches && ours && active(&found.key, now)).then_some(found.key))
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
    label: &str,
    role: Role,
    expires_at: Option<Moment>,
) -> Result<Recorded<(ApiKey, Token)>, Fault> {
    names::label("label", label, Some("key_"))?;
    if expires_at.is_some_and(|end| end <= by.at) {
        let (field, problem) = ("expires_at", "must lie ahead");
        return Err(ChangeError::Invalid { field, problem }.into());
    }
    let key = ApiKey {
        id: KeyId::random(tx.keys.id_bytes()?),
        org: by.org.clone(),
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
            "INSERT INTO api_keys (org, id, label, role, token_id, hash, pepper, created_at, \
             expires_at, revoked_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, ?10)",
        )?
        .execute(params![
            key.org.as_str(),
            key.id.as_str(),
            key.label,
            key.role.as_str(),
            id.as_str(),
            hash,
            PEPPER_VERSION,
            key.created_at.micros(),
            micros(key.expires_at),
            tx.keys.mac("api_keys", &fields(&key, id.as_str(), &hash, PEPPER_VERSION)),
        ])?;
    let mut detail =
        Detail::default().now("label", label).now("role", role.as_str()).secret("token");
    if let Some(end) = expires_at {
        detail = detail.now("expires_at", end.micros());
    }
    tx.record(by, "api_key.created", key.id.clone().as_str(), detail, (key, token))
}

/// Ends a key, unless it is the last one that can make another.
pub(super) fn revoke(tx: &Tx<'_>, by: &By, id: &KeyId) -> Result<Recorded<()>, Fault> {
    let mut statement = tx.conn.prepare_cached(&format!("{KEY} WHERE org = ?1"))?;
    let mut rows = statement.query([by.org.as_str()])?;
    let (mut asked, mut other_admins) = (None, 0);
    while let Some(row) = rows.next()? {
        let found = of_row(row)?;
        if found.key.id == *id {
            asked = Some(found);
        } else if found.key.role == Role::Admin && active(&found.key, by.at) {
            other_admins += 1;
        }
    }
    let found =
        asked.ok_or_else(|| ChangeError::NotFound { what: "API key", id: id.to_string() })?;
    if found.key.revoked_at.is_some() {
        return Ok(Recorded::unchanged(()));
    }
    if other_admins == 0 && found.key.role == Role::Admin && active(&found.key, by.at) {
        let last = "this is the last admin key; make another one first";
        return Err(ChangeError::Conflict(last.to_owned()).into());
    }
    let key = ApiKey { revoked_at: Some(by.at), ..found.key };
    let mac = tx.keys.mac("api_keys", &fields(&key, &found.token_id, &found.hash, found.pepper));
    tx.conn
        .prepare_cached("UPDATE api_keys SET revoked_at = ?3, mac = ?4 WHERE org = ?1 AND id = ?2")?
        .execute(params![by.org.as_str(), id.as_str(), by.at.micros(), mac])?;
    let detail = Detail::default().was("label", key.label.as_str()).was("role", role_of(&key));
    tx.record(by, "api_key.revoked", id.as_str(), detail, ())
}

fn role_of(key: &ApiKey) -> &'static str {
    key.role.as_str()
}
