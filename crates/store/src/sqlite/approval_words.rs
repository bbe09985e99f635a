//! What people say of approvals: opened, approved, denied, taken back; and how approvals are set up.

use rusqlite::params;
use vault::Secret;

use super::approval_people::{Bench, recount, settings, settings_fields};
use super::approvals::{end, one, place, sealed, write};
use super::fault::Fault;
use super::tx::{Detail, Recorded, Tx};
use super::{members, outbox};
use crate::{
    Approval, ApprovalDecision, ApprovalId, ApprovalSettings, ApprovalState, Bar, By, ChangeError,
    Member, Role, Word, names,
};

/// The approval that a change is about.
fn to_change(tx: &Tx<'_>, by: &By, id: &ApprovalId) -> Result<Approval, Fault> {
    let found = one(tx.conn, tx.keys, &by.org, id.as_str())?;
    found.ok_or_else(|| ChangeError::NotFound { what: "approval", id: id.to_string() }.into())
}

/// Refuses what comes after the end. An approval ends once, for everybody.
fn still_waits(approval: &Approval, by: &By) -> Result<(), Fault> {
    let state = approval.state_at(by.at);
    if state == ApprovalState::Pending {
        return Ok(());
    }
    let text = format!("the approval is {} already", state.as_str());
    Err(ChangeError::Conflict(text).into())
}

/// The person who acts, with what they may speak for, unless something bars them.
fn allowed(
    tx: &Tx<'_>,
    by: &By,
    role: Role,
    approval: &Approval,
) -> Result<(Member, Vec<u32>), Fault> {
    let barred = |bar: Bar| Fault::from(ChangeError::Barred(bar));
    let Some(id) = &by.member else { return Err(barred(Bar::NotAsked)) };
    let member = members::acting(tx.conn, tx.keys, &by.org, id)?;
    let member = member.ok_or_else(|| barred(Bar::NotAsked))?;
    let role = role.min(member.role);
    let bench = Bench::of(tx.conn, tx.keys, approval)?;
    match bench.bar(approval, &member, role) {
        None => {
            let needs = bench.speaks_for(approval, &member, role);
            Ok((member, needs))
        }
        Some(Bar::Decided) => Err(ChangeError::Conflict(Bar::Decided.text().to_owned()).into()),
        Some(bar) => Err(barred(bar)),
    }
}

/// Opens the arguments, and records who did.
pub(super) fn open(
    tx: &Tx<'_>,
    by: &By,
    role: Role,
    id: &ApprovalId,
) -> Result<Recorded<(Approval, Secret)>, Fault> {
    let approval = to_change(tx, by, id)?;
    if approval.state_at(by.at) != ApprovalState::Pending {
        return Err(ChangeError::Gone { what: "approval" }.into());
    }
    match allowed(tx, by, role, &approval) {
        // Whoever has said their word may look at it again while others decide.
        Ok(_) | Err(Fault::Refused(ChangeError::Conflict(_))) => {}
        Err(fault) => return Err(fault),
    }
    let sealed = sealed(tx.conn, &approval)?;
    let sealed = sealed.ok_or(ChangeError::Gone { what: "approval" })?;
    let opened = tx.keys.ring().open(&place(&approval), &sealed).map_err(|_| {
        ChangeError::Conflict("the arguments do not open; deny the call".to_owned())
    })?;
    let detail = Detail::default().secret("arguments");
    let told = (approval.clone(), opened);
    tx.record(by, "approval.opened", approval.id.as_str(), detail, told)
}

/// Takes a person's word.
pub(super) fn decide(
    tx: &Tx<'_>,
    by: &By,
    role: Role,
    id: &ApprovalId,
    word: &Word,
) -> Result<Recorded<Approval>, Fault> {
    names::note("note", &word.note)?;
    let mut approval = to_change(tx, by, id)?;
    let (member, needs) = match allowed(tx, by, role, &approval) {
        Ok(allowed) => allowed,
        Err(fault) => {
            // Who may not know more is told so first; everybody else learns that it is over.
            if !matches!(fault, Fault::Refused(ChangeError::Barred(_))) {
                still_waits(&approval, by)?;
            }
            return Err(fault);
        }
    };
    still_waits(&approval, by)?;
    if !word.fingerprint.eq_ignore_ascii_case(&approval.fingerprint_shown()) {
        let text = "the fingerprint is not that of this approval: look at the call again";
        return Err(ChangeError::Conflict(text.to_owned()).into());
    }
    recount(tx.conn, tx.keys, &mut approval)?;
    approval.decisions.push(ApprovalDecision {
        member: member.id,
        name: member.name,
        approve: word.approve,
        needs,
        at: by.at,
        address: by.address.clone(),
        note: word.note.clone(),
    });
    let before = approval.state;
    if !word.approve {
        end(&mut approval, ApprovalState::Denied, by.at);
    } else if approval.is_complete() {
        approval.state = ApprovalState::Approved;
    }
    write(tx, &approval)?;
    if approval.state != before {
        outbox::announce(tx.conn, tx.keys, &approval, by.at)?;
    }
    let detail = Detail::default()
        .change("state", before.as_str(), approval.state.as_str())
        .now("grant", approval.grant_label.as_str())
        .now("tool", approval.tool.as_str())
        .now("rule", approval.rule())
        .now("fingerprint", approval.fingerprint_shown())
        .now("note", word.note.as_str());
    let event = if word.approve { "approval.approved" } else { "approval.denied" };
    tx.record(by, event, id.as_str(), detail, approval)
}

/// Takes an approval back.
pub(super) fn withdraw(
    tx: &Tx<'_>,
    by: &By,
    id: &ApprovalId,
    reason: &str,
) -> Result<Recorded<Approval>, Fault> {
    names::reason("reason", reason)?;
    let mut approval = to_change(tx, by, id)?;
    let state = approval.state_at(by.at);
    if state.has_ended() {
        let text = format!("the approval is {} already", state.as_str());
        return Err(ChangeError::Conflict(text).into());
    }
    end(&mut approval, ApprovalState::Withdrawn, by.at);
    approval.reason = reason.to_owned();
    write(tx, &approval)?;
    outbox::announce(tx.conn, tx.keys, &approval, by.at)?;
    let detail = Detail::default()
        .change("state", state.as_str(), approval.state.as_str())
        .now("reason", reason);
    tx.record(by, "approval.withdrawn", id.as_str(), detail, approval)
}

/// Sets approvals up.
pub(super) fn set(
    tx: &Tx<'_>,
    by: &By,
    revision: Option<i64>,
    strict: bool,
    show_notes: bool,
) -> Result<Recorded<ApprovalSettings>, Fault> {
    let before = settings(tx.conn, tx.keys, &by.org)?;
    if revision.is_some_and(|revision| revision != before.revision) {
        let current = before.revision;
        return Err(ChangeError::Stale { what: "approval settings", current }.into());
    }
    let after = ApprovalSettings { strict, show_notes, revision: before.revision + 1 };
    tx.conn
        .prepare_cached(
            "INSERT INTO approval_settings (org, strict, show_notes, revision, updated_at, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (org) DO UPDATE SET \
             strict = excluded.strict, show_notes = excluded.show_notes, \
             revision = excluded.revision, updated_at = excluded.updated_at, mac = excluded.mac",
        )?
        .execute(params![
            by.org.as_str(),
            strict,
            show_notes,
            after.revision,
            by.at.micros(),
            tx.keys.mac("approval_settings", &settings_fields(&by.org, after)),
        ])?;
    let detail = Detail::default().change("strict", before.strict, strict).change(
        "show_notes",
        before.show_notes,
        show_notes,
    );
    tx.record(by, "approval_settings.changed", by.org.as_str(), detail, after)
}
