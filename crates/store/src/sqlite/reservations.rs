//! Calls that hold quota, and the word of a person about those whose outcome nobody knows.

use std::sync::Arc;

use json::{Object, Value};
use quota::{Fate, Reservation, State, StepError, Subject};
use rusqlite::Connection;

use super::call_log;
use super::desk::locked;
use super::fault::Fault;
use super::quotas::SharedBook;
use super::tx::{Detail, Recorded, Tx};
use crate::names;
use crate::{By, CallId, ChangeError, Moment, OrgId, Reserved, Slice};

/// The most calls one page holds.
const LIMIT_MAX: u32 = 500;

/// The calls that hold anything in this state, oldest first, from where the last page ended.
pub(super) fn held(
    book: &SharedBook,
    org: &OrgId,
    state: State,
    after: Option<&str>,
) -> Vec<Arc<Reservation>> {
    let mut found = locked(book).look().0.reservations(state);
    found.retain(|reservation| is_of(reservation, org));
    if let Some(after) = after {
        // One that was resolved meanwhile still says where it stood: ids are ordered by time.
        match CallId::parse(after) {
            Some(after) => found.retain(|reservation| reservation.call > after.0),
            None => found.clear(),
        }
    }
    found.sort_by_key(|reservation| reservation.call);
    found
}

fn is_of(reservation: &Reservation, org: &OrgId) -> bool {
    reservation.holds.iter().all(|hold| *hold.key.parts().organisation == *org.as_str())
}

/// One page of them, with their lines of the call log; of one grant, by id or label, or of all.
pub(super) fn page(
    conn: &Connection,
    org: &OrgId,
    grant: Option<&str>,
    found: &[Arc<Reservation>],
    limit: u32,
) -> Result<Slice<Reserved>, Fault> {
    let limit = limit.clamp(1, LIMIT_MAX) as usize;
    let mut items: Vec<Reserved> = Vec::new();
    for reservation in found {
        if grant.is_some_and(|name| is_of_another(reservation, name)) {
            continue;
        }
        let reserved = with_line(conn, org, reservation)?;
        let asked = |name: &str| {
            reserved.line.as_ref().is_some_and(|line| {
                line.intent.grant.as_str() == name || *line.intent.grant_label == *name
            })
        };
        if !grant.is_none_or(asked) {
            continue;
        }
        if items.len() == limit {
            let next = items.last().map(|last| last.id.to_string());
            return Ok(Slice { items, next });
        }
        items.push(reserved);
    }
    Ok(Slice { items, next: None })
}

/// Whether what the call holds says that it is of another grant than the one of this id. Spares a
/// look into the call log; what it does not say, the log does.
fn is_of_another(reservation: &Reservation, grant: &str) -> bool {
    grant.starts_with("grt_")
        && reservation
            .holds
            .iter()
            .any(|hold| matches!(&hold.key.parts().subject, Subject::Grant(id) if **id != *grant))
}

/// One call that holds quota, with its line.
pub(super) fn with_line(
    conn: &Connection,
    org: &OrgId,
    reservation: &Reservation,
) -> Result<Reserved, Fault> {
    let id = CallId(reservation.call);
    Ok(Reserved {
        id,
        at: Moment::of_micros(reservation.at),
        holds: reservation.holds.clone(),
        line: call_log::call(conn, org, &id)?,
    })
}

/// Ends the doubt about a call: its line in the audit log, and with the same commit its quota.
pub(super) fn resolve(
    tx: &Tx<'_>,
    book: &SharedBook,
    by: &By,
    call: CallId,
    fate: Fate,
    reason: &str,
) -> Result<Recorded<()>, Fault> {
    names::reason("reason", reason)?;
    let known = locked(book).look().0.reservation(&call.0).cloned();
    let known = known.filter(|reservation| is_of(reservation, &by.org));
    let missing = || ChangeError::NotFound { what: "reservation", id: call.to_string() };
    let known = known.ok_or_else(missing)?;
    let changes = locked(book).would_resolve(call, fate).map_err(|error| match error {
        StepError::NoSuchCall => missing(),
        StepError::Illegal { from, .. } => ChangeError::Conflict(format!(
            "the call was resolved as {} before; that is final",
            from.as_str()
        )),
        other => ChangeError::Conflict(other.to_string()),
    })?;
    if !changes {
        return Ok(Recorded::unchanged(()));
    }
    let limits = known.holds.iter().filter(|hold| hold.state == State::Unknown);
    let limits = limits.map(|hold| {
        let mut limit = Object::new();
        limit.insert("rule", &*hold.rule);
        limit.insert("amount_millionths", hold.amount);
        Value::Object(limit)
    });
    let detail = Detail::default()
        .change("state", State::Unknown.as_str(), fate.state().as_str())
        .now("limits", Value::Array(limits.collect()))
        .now("reason", reason);
    let recorded = tx.record(by, "reservation.resolved", &call.to_string(), detail, ())?;
    // Nothing after this can fail in this change: the ledger follows when the commit stands.
    locked(book).resolve_with_commit(call, fate);
    Ok(recorded)
}
