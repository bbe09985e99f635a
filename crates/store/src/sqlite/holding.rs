//! How long calls of a grant are held for people, where somebody has said otherwise than usual.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::fault::Fault;
use super::grant_rows;
use super::keys::{Fields, Keys};
use super::records::number;
use super::tx::{Detail, Recorded, Tx};
use crate::{By, ChangeError, GrantHolding, GrantId, HOLDING_LEGS_MAX, HOLDING_SECONDS_MAX, OrgId};

const TABLE: &str = "grant_holding";

fn fields(org: &str, grant: &str, of: GrantHolding) -> Fields {
    Fields::of(org, grant).int(of.seconds.into()).int(of.legs.into())
}

/// What was said of grants. A row that somebody else wrote says nothing.
fn collect<P: rusqlite::Params>(
    conn: &Connection,
    keys: &Keys,
    more: &str,
    params: P,
) -> Result<HashMap<GrantId, GrantHolding>, Fault> {
    let sql = format!("SELECT org, grant_id, seconds, legs, mac FROM grant_holding {more}");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    let mut found = HashMap::new();
    while let Some(row) = rows.next()? {
        let (org, grant): (String, String) = (row.get(0)?, row.get(1)?);
        let of = GrantHolding {
            seconds: number(row.get(2)?, TABLE)?,
            legs: number(row.get(3)?, TABLE)?,
        };
        if keys.verify(TABLE, &fields(&org, &grant, of), &row.get::<_, Vec<u8>>(4)?) {
            found.insert(GrantId::from(grant), of);
        } else {
            tracing::error!(grant, "what is said of its holding was written by somebody else");
        }
    }
    Ok(found)
}

/// What was said of every grant.
pub(super) fn all(conn: &Connection, keys: &Keys) -> Result<HashMap<GrantId, GrantHolding>, Fault> {
    collect(conn, keys, "", [])
}

/// What was said of one grant.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    grant: &GrantId,
) -> Result<Option<GrantHolding>, Fault> {
    let keyed = [org.as_str(), grant.as_str()];
    Ok(collect(conn, keys, "WHERE org = ?1 AND grant_id = ?2", keyed)?.remove(grant))
}

/// Says how long calls of a grant are held; `None`: as usual.
pub(super) fn set(
    tx: &Tx<'_>,
    by: &By,
    grant: &GrantId,
    after: Option<GrantHolding>,
) -> Result<Recorded<()>, Fault> {
    let found = grant_rows::one(tx.conn, tx.keys, &by.org, grant.as_str())?;
    let missing = || ChangeError::NotFound { what: "grant", id: grant.to_string() };
    let grant = found.ok_or_else(missing)?.grant.id;
    let invalid = |field, problem| Err(ChangeError::Invalid { field, problem }.into());
    if after.is_some_and(|of| of.seconds > HOLDING_SECONDS_MAX) {
        return invalid("seconds", "must be 0 to 240");
    }
    if after.is_some_and(|of| of.legs > HOLDING_LEGS_MAX) {
        return invalid("legs", "must be 0 to 6");
    }
    let before = one(tx.conn, tx.keys, &by.org, &grant)?;
    if before == after {
        return Ok(Recorded::unchanged(()));
    }
    match after {
        Some(of) => tx
            .conn
            .prepare_cached(
                "INSERT OR REPLACE INTO grant_holding (org, grant_id, seconds, legs, updated_at, \
                 mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                by.org.as_str(),
                grant.as_str(),
                of.seconds,
                of.legs,
                by.at.micros(),
                tx.keys.mac(TABLE, &fields(by.org.as_str(), grant.as_str(), of)),
            ])?,
        None => tx
            .conn
            .prepare_cached("DELETE FROM grant_holding WHERE org = ?1 AND grant_id = ?2")?
            .execute([by.org.as_str(), grant.as_str()])?,
    };
    tx.judged_by();
    let spelled =
        |of: Option<u32>| of.map_or_else(|| "as usual".to_owned(), |number| number.to_string());
    let seconds = |of: Option<GrantHolding>| spelled(of.map(|of| of.seconds));
    let legs = |of: Option<GrantHolding>| spelled(of.map(|of| of.legs));
    let detail = Detail::default().change("seconds", seconds(before), seconds(after)).change(
        "legs",
        legs(before),
        legs(after),
    );
    tx.record(by, "grant.holding", grant.as_str(), detail, ())
}
