//! Policies and their immutable versions.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::{Fault, corrupt};
use super::keys::{Fields, Keys};
use super::records::number;
use super::tx::{Detail, Recorded, Tx};
use super::{kept, servers, watches};
use crate::{
    By, ChangeError, Moment, OrgId, Policy, PolicyId, PolicyVersion, ServerId, VersionLine, names,
};

/// The greatest document that is kept: 1 MiB. A policy is for people to read.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;
pub(super) const CASES_BYTES_MAX: usize = 4 << 20;

fn policy_fields(org: &str, policy: &Policy) -> Fields {
    let fields =
        Fields::of(org, policy.id.as_str()).text(&policy.name).int(i64::from(policy.latest));
    // Rows from before there were any marks stay as they were signed.
    match &policy.kept_in {
        None => fields,
        Some(place) => fields.text(place),
    }
}

fn version_fields(org: &str, version: &PolicyVersion) -> Fields {
    Fields::of(org, version.policy.as_str())
        .int(i64::from(version.number))
        .bytes(&version.text)
        .maybe(version.cases.as_deref())
        .text(&version.author)
        .text(&version.note)
        .int(version.published_at.micros())
}

const POLICY: &str = "SELECT p.id, p.name, p.server, p.latest, p.created_at, p.mac, \
    (SELECT count(DISTINCT a.grant_id) FROM attachments a JOIN grants g ON g.org = a.org \
     AND g.id = a.grant_id WHERE a.org = p.org AND a.policy = p.id AND g.state <> 'revoked'), \
    p.kept_in \
    FROM policies p WHERE p.org = ?1";

fn policy_of(keys: &Keys, org: &str, row: &Row<'_>) -> Result<(Policy, bool), Fault> {
    let policy = Policy {
        id: row.get::<_, String>(0)?.into(),
        name: row.get(1)?,
        server: row.get::<_, Option<String>>(2)?.map(ServerId::from),
        latest: number(row.get(3)?, "policies")?,
        created_at: Moment::of_micros(row.get(4)?),
        attached: row.get(6)?,
        kept_in: row.get(7)?,
    };
    let ours = keys.verify("policies", &policy_fields(org, &policy), &row.get::<_, Vec<u8>>(5)?);
    Ok((policy, ours))
}

/// The policies by name.
pub(super) fn all(conn: &Connection, keys: &Keys, org: &OrgId) -> Result<Vec<Policy>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{POLICY} ORDER BY p.name"))?;
    let mut rows = statement.query([org.as_str()])?;
    let mut policies = Vec::new();
    while let Some(row) = rows.next()? {
        policies.push(policy_of(keys, org.as_str(), row)?.0);
    }
    Ok(policies)
}

/// One policy, by id or name, and whether its row is as we wrote it.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &str,
) -> Result<Option<(Policy, bool)>, Fault> {
    let sql = format!("{POLICY} AND (p.id = ?2 OR p.name = ?2) ORDER BY p.id <> ?2 LIMIT 1");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([org.as_str(), id])?;
    rows.next()?.map(|row| policy_of(keys, org.as_str(), row)).transpose()
}

const VERSION: &str = "SELECT policy, number, text, cases, author, note, published_at, mac \
    FROM policy_versions WHERE org = ?1 AND policy = ?2";

/// A version, or `None` if its row is not as we wrote it.
fn version_of(keys: &Keys, org: &str, row: &Row<'_>) -> Result<Option<PolicyVersion>, Fault> {
    let version = PolicyVersion {
        policy: row.get::<_, String>(0)?.into(),
        number: number(row.get(1)?, "policy_versions")?,
        text: row.get::<_, Vec<u8>>(2)?.into(),
        cases: row.get::<_, Option<Vec<u8>>>(3)?.map(Into::into),
        author: row.get(4)?,
        note: row.get(5)?,
        published_at: Moment::of_micros(row.get(6)?),
    };
    let mac: Vec<u8> = row.get(7)?;
    let ours = keys.verify("policy_versions", &version_fields(org, &version), &mac);
    Ok(ours.then_some(version))
}

/// The versions of a policy without their texts, newest first. Those that somebody else wrote are
/// left out: each text is looked at here, one at a time, and let go.
pub(super) fn versions(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &PolicyId,
) -> Result<Vec<VersionLine>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{VERSION} ORDER BY number DESC"))?;
    let mut rows = statement.query([org.as_str(), id.as_str()])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        let version = version_of(keys, org.as_str(), row)?;
        versions.extend(version.map(|version| VersionLine {
            policy: version.policy,
            number: version.number,
            author: version.author,
            note: version.note,
            published_at: version.published_at,
        }));
    }
    Ok(versions)
}

/// One version, unless somebody else wrote its row.
pub(super) fn version(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &PolicyId,
    number: u32,
) -> Result<Option<PolicyVersion>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{VERSION} AND number = ?3"))?;
    let mut rows = statement.query(params![org.as_str(), id.as_str(), number])?;
    match rows.next()? {
        Some(row) => version_of(keys, org.as_str(), row),
        None => Ok(None),
    }
}

/// What a grant's policy comes to.
pub(super) enum Newest {
    /// The newest version.
    Version(PolicyVersion),
    /// None has been published.
    None,
    /// The policy's row, or the version's, is not as we wrote it.
    Forged,
}

/// The newest version of a policy, as the policy's own row numbers it.
pub(super) fn newest(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &PolicyId,
) -> Result<Newest, Fault> {
    let Some((policy, ours)) = one(conn, keys, org, id.as_str())? else { return Ok(Newest::None) };
    if !ours || policy.id != *id {
        return Ok(Newest::Forged);
    }
    if policy.latest == 0 {
        return Ok(Newest::None);
    }
    let version = version(conn, keys, org, id, policy.latest)?;
    Ok(version.map_or(Newest::Forged, Newest::Version))
}

pub(super) fn to_change(tx: &Tx<'_>, by: &By, id: &PolicyId) -> Result<Policy, Fault> {
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?;
    let (policy, ours) = found
        .filter(|(p, _)| p.id == *id)
        .ok_or_else(|| ChangeError::NotFound { what: "policy", id: id.to_string() })?;
    if !ours {
        let forged = "the policy's row was written by somebody else; make the policy anew";
        return Err(ChangeError::Conflict(forged.to_owned()).into());
    }
    Ok(policy)
}

pub(super) fn create(
    tx: &Tx<'_>,
    by: &By,
    name: &str,
    server: Option<ServerId>,
) -> Result<Recorded<Policy>, Fault> {
    let (policy, detail) = make(tx, by, name, server)?;
    tx.record(by, "policy.created", policy.id.clone().as_str(), detail, policy)
}

/// Makes a policy with its first version: one change, one line.
pub(super) fn create_published(
    tx: &Tx<'_>,
    by: &By,
    name: &str,
    server: Option<ServerId>,
    new: Publication,
) -> Result<Recorded<(Policy, PolicyVersion)>, Fault> {
    let (policy, detail) = make(tx, by, name, server)?;
    let (version, published) = add_version(tx, by, &policy.id, new)?;
    let policy = to_change(tx, by, &policy.id)?;
    let detail = detail.with(published);
    let id = policy.id.clone();
    tx.record(by, "policy.created", id.as_str(), detail, (policy, version))
}

fn make(
    tx: &Tx<'_>,
    by: &By,
    name: &str,
    server: Option<ServerId>,
) -> Result<(Policy, Detail), Fault> {
    names::label("name", name, Some("pol_"))?;
    if let Some(server) = &server {
        servers::to_change(tx, by, server)?;
    }
    if one(tx.conn, tx.keys, &by.org, name)?.is_some() {
        return Err(ChangeError::Taken { what: "policy", name: name.to_owned() }.into());
    }
    let policy = Policy {
        id: PolicyId::random(tx.keys.id_bytes()?),
        name: name.to_owned(),
        server,
        latest: 0,
        created_at: by.at,
        attached: 0,
        kept_in: None,
    };
    tx.conn
        .prepare_cached(
            "INSERT INTO policies (org, id, name, server, latest, created_at, mac) \
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
        )?
        .execute(params![
            by.org.as_str(),
            policy.id.as_str(),
            policy.name,
            policy.server.as_ref().map(ServerId::as_str),
            by.at.micros(),
            tx.keys.mac("policies", &policy_fields(by.org.as_str(), &policy)),
        ])?;
    let mut detail = Detail::default().now("name", name);
    if let Some(server) = &policy.server {
        detail = detail.now("server", server.as_str());
    }
    Ok((policy, detail))
}

/// A version to be published.
pub(super) struct Publication {
    pub(super) text: Vec<u8>,
    pub(super) cases: Option<Vec<u8>>,
    pub(super) note: String,
    pub(super) expected_latest: Option<u32>,
    /// Where the version comes from, if from files; a policy that is kept in files takes no other.
    pub(super) kept_in: Option<String>,
}

pub(super) fn publish(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    new: Publication,
) -> Result<Recorded<PolicyVersion>, Fault> {
    let (version, detail) = add_version(tx, by, id, new)?;
    tx.record(by, "policy.published", id.as_str(), detail, version)
}

fn add_version(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    new: Publication,
) -> Result<(PolicyVersion, Detail), Fault> {
    names::note("note", &new.note)?;
    let too_long = |field| ChangeError::Invalid { field, problem: "is too long" };
    if new.text.len() > TEXT_BYTES_MAX {
        return Err(too_long("text").into());
    }
    if new.cases.as_ref().is_some_and(|cases| cases.len() > CASES_BYTES_MAX) {
        return Err(too_long("cases").into());
    }
    let old = to_change(tx, by, id)?;
    if new.expected_latest.is_some_and(|expected| expected != old.latest) {
        return Err(ChangeError::Stale { what: "policy", current: i64::from(old.latest) }.into());
    }
    match &new.kept_in {
        None => kept::editable(&old)?,
        Some(place) => names::place("kept_in", place)?,
    }
    let number = old.latest.checked_add(1).ok_or_else(|| corrupt("policies"))?;
    let version = PolicyVersion {
        policy: id.clone(),
        number,
        text: new.text.into(),
        cases: new.cases.map(Into::into),
        author: by.name.clone(),
        note: new.note,
        published_at: by.at,
    };
    tx.conn
        .prepare_cached(
            "INSERT INTO policy_versions (org, policy, number, text, cases, author, note, \
             published_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            by.org.as_str(),
            id.as_str(),
            number,
            &*version.text,
            version.cases.as_deref(),
            version.author,
            version.note,
            version.published_at.micros(),
            tx.keys.mac("policy_versions", &version_fields(by.org.as_str(), &version)),
        ])?;
    let before = old.kept_in.clone();
    let policy = Policy { latest: number, kept_in: new.kept_in, ..old };
    write(tx, &by.org, &policy)?;
    tx.judged_by();
    let mut detail = Detail::default()
        .change("latest", i64::from(number - 1), i64::from(number))
        .now("note", version.note.as_str())
        .with(kept::changed(before.as_deref(), policy.kept_in.as_deref()));
    // What a candidate was watched beside is not live any more.
    if let Some(watch) = watches::end(tx, &by.org, id, by.at)? {
        detail = detail.was("watch", watch.id.as_str());
    }
    Ok((version, detail))
}

/// Writes what of a policy's row can change.
pub(super) fn write(tx: &Tx<'_>, org: &OrgId, policy: &Policy) -> Result<(), Fault> {
    tx.conn
        .prepare_cached(
            "UPDATE policies SET latest = ?3, kept_in = ?4, mac = ?5 WHERE org = ?1 AND id = ?2",
        )?
        .execute(params![
            org.as_str(),
            policy.id.as_str(),
            policy.latest,
            policy.kept_in,
            tx.keys.mac("policies", &policy_fields(org.as_str(), policy)),
        ])?;
    Ok(())
}

/// Removes a policy. One that is kept in files goes when the place is named: then its files are gone.
pub(super) fn delete(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    kept_in: Option<&str>,
) -> Result<Recorded<()>, Fault> {
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?;
    let (policy, ours) = found
        .filter(|(p, _)| p.id == *id)
        .ok_or_else(|| ChangeError::NotFound { what: "policy", id: id.to_string() })?;
    // A mark that somebody else wrote holds nobody up: what is forged can be removed.
    if ours {
        kept::goes_with(&policy, kept_in)?;
    }
    if policy.attached > 0 {
        let attached = policy.attached;
        return Err(ChangeError::Conflict(format!("{attached} grants use the policy")).into());
    }
    super::grants::let_go_of_policy(tx, &by.org, id)?;
    tx.conn
        .prepare_cached("DELETE FROM policies WHERE org = ?1 AND id = ?2")?
        .execute([by.org.as_str(), id.as_str()])?;
    tx.judged_by();
    let detail = Detail::default()
        .was("name", policy.name.as_str())
        .was("latest", i64::from(policy.latest))
        .with(kept::changed(policy.kept_in.as_deref(), None));
    tx.record(by, "policy.deleted", id.as_str(), detail, ())
}

/// The server is being deleted: policies written for it name none.
pub(super) fn let_go_of_server(tx: &Tx<'_>, org: &OrgId, server: &ServerId) -> Result<(), Fault> {
    tx.conn
        .prepare_cached("UPDATE policies SET server = NULL WHERE org = ?1 AND server = ?2")?
        .execute([org.as_str(), server.as_str()])?;
    Ok(())
}

/// Whether the organisation has this policy.
pub(super) fn exists(conn: &Connection, org: &OrgId, id: &PolicyId) -> Result<bool, Fault> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM policies WHERE org = ?1 AND id = ?2")?
        .query_row([org.as_str(), id.as_str()], |_| Ok(()))
        .optional()?
        .is_some())
}
