//! Drafts: what will be a policy's next version. At most one a policy, with a revision, so that two
//! people who edit it cannot overwrite each other.

use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::kept;
use super::keys::{Fields, Keys};
use super::policies::{self, CASES_BYTES_MAX, Publication, TEXT_BYTES_MAX};
use super::records::number;
use super::tx::{Detail, Recorded, Tx};
use crate::{
    By, ChangeError, DraftText, Moment, OrgId, PolicyDraft, PolicyId, PolicyVersion, names,
};

fn fields(org: &str, draft: &PolicyDraft) -> Fields {
    Fields::of(org, draft.policy.as_str())
        .bytes(&draft.text)
        .maybe(draft.cases.as_deref())
        .text(&draft.note)
        .int(i64::from(draft.base))
        .text(&draft.author)
        .int(draft.revision)
        .int(draft.updated_at.micros())
}

/// The draft of a policy, and whether its row is as we wrote it.
fn found(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &PolicyId,
) -> Result<Option<(PolicyDraft, bool)>, Fault> {
    let row = conn
        .prepare_cached(
            "SELECT text, cases, note, base, author, revision, updated_at, mac FROM policy_drafts \
             WHERE org = ?1 AND policy = ?2",
        )?
        .query_row([org.as_str(), id.as_str()], |row| {
            let draft = PolicyDraft {
                policy: id.clone(),
                text: row.get::<_, Vec<u8>>(0)?.into(),
                cases: row.get::<_, Option<Vec<u8>>>(1)?.map(Into::into),
                note: row.get(2)?,
                base: 0,
                author: row.get(4)?,
                revision: row.get(5)?,
                updated_at: Moment::of_micros(row.get(6)?),
            };
            Ok((draft, row.get::<_, i64>(3)?, row.get::<_, Vec<u8>>(7)?))
        })
        .optional()?;
    let Some((mut draft, base, mac)) = row else { return Ok(None) };
    draft.base = number(base, "policy_drafts")?;
    let ours = keys.verify("policy_drafts", &fields(org.as_str(), &draft), &mac);
    if !ours {
        tracing::error!(policy = %id, "the row of a draft was written by somebody else");
    }
    Ok(Some((draft, ours)))
}

/// The draft of a policy, unless somebody else wrote its row.
pub(super) fn one(
    conn: &Connection,
    keys: &Keys,
    org: &OrgId,
    id: &PolicyId,
) -> Result<Option<PolicyDraft>, Fault> {
    let found = found(conn, keys, org, id)?;
    Ok(found.and_then(|(draft, ours)| ours.then_some(draft)))
}

/// The draft that a change is about, if it is still at this revision (0: there is none).
fn expected(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    revision: i64,
) -> Result<Option<PolicyDraft>, Fault> {
    let found = found(tx.conn, tx.keys, &by.org, id)?;
    // A row that somebody else wrote is no draft: it may be written over.
    let current = found.as_ref().filter(|(_, ours)| *ours).map_or(0, |(draft, _)| draft.revision);
    if current != revision {
        return Err(ChangeError::Stale { what: "draft", current }.into());
    }
    Ok(found.map(|(draft, _)| draft))
}

pub(super) fn put(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    revision: i64,
    new: DraftText,
) -> Result<Recorded<PolicyDraft>, Fault> {
    names::note("note", &new.note)?;
    let too_long = |field| ChangeError::Invalid { field, problem: "is too long" };
    if new.text.len() > TEXT_BYTES_MAX {
        return Err(too_long("text").into());
    }
    if new.cases.as_ref().is_some_and(|cases| cases.len() > CASES_BYTES_MAX) {
        return Err(too_long("cases").into());
    }
    let policy = policies::to_change(tx, by, id)?;
    kept::editable(&policy)?;
    let before = expected(tx, by, id, revision)?;
    let draft = PolicyDraft {
        policy: id.clone(),
        text: new.text.into(),
        cases: new.cases.map(Into::into),
        note: new.note,
        base: before.as_ref().map_or(policy.latest, |before| before.base),
        author: by.name.clone(),
        // Never a number that an earlier draft had: whoever still edits that one learns of it.
        revision: revision.max(by.at.micros().saturating_sub(1)).saturating_add(1),
        updated_at: by.at,
    };
    tx.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO policy_drafts (org, policy, text, cases, note, base, author, \
             revision, updated_at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            by.org.as_str(),
            id.as_str(),
            &*draft.text,
            draft.cases.as_deref(),
            draft.note,
            draft.base,
            draft.author,
            draft.revision,
            draft.updated_at.micros(),
            tx.keys.mac("policy_drafts", &fields(by.org.as_str(), &draft)),
        ])?;
    let detail = Detail::default()
        .change("revision", revision, draft.revision)
        .now("text_bytes", i64::try_from(draft.text.len()).unwrap_or(i64::MAX));
    tx.record(by, "policy.drafted", id.as_str(), detail, draft)
}

pub(super) fn drop(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    revision: i64,
) -> Result<Recorded<()>, Fault> {
    expected(tx, by, id, revision)?;
    remove(tx, &by.org, id)?;
    let detail = Detail::default().was("revision", revision);
    tx.record(by, "policy.draft_dropped", id.as_str(), detail, ())
}

pub(super) fn publish(
    tx: &Tx<'_>,
    by: &By,
    id: &PolicyId,
    revision: i64,
    note: &str,
) -> Result<Recorded<PolicyVersion>, Fault> {
    let missing = || ChangeError::NotFound { what: "draft", id: id.to_string() };
    let draft = expected(tx, by, id, revision)?.ok_or_else(missing)?;
    remove(tx, &by.org, id)?;
    let new = Publication {
        text: draft.text.to_vec(),
        cases: draft.cases.map(|cases| cases.to_vec()),
        note: note.to_owned(),
        expected_latest: Some(draft.base),
        kept_in: None,
    };
    policies::publish(tx, by, id, new)
}

fn remove(tx: &Tx<'_>, org: &OrgId, id: &PolicyId) -> Result<(), Fault> {
    tx.conn
        .prepare_cached("DELETE FROM policy_drafts WHERE org = ?1 AND policy = ?2")?
        .execute([org.as_str(), id.as_str()])?;
    Ok(())
}
