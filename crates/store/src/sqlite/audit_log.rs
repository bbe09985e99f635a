//! Reading the audit log and the refusals.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::call_log::{LIMIT_MAX, before, slice};
use super::fault::Fault;
use super::records::code;
use super::strangers;
use crate::{
    AuditEvent, AuditFilter, KeyId, MemberId, Moment, OrgId, Page, SessionId, Slice,
    StrangerRefusal,
};

const EVENT: &str = "SELECT idx, at, member, key, session, name, address, event, subject, detail \
    FROM audit_events WHERE org = ?";

fn event_of(row: &Row<'_>) -> rusqlite::Result<AuditEvent> {
    Ok(AuditEvent {
        index: row.get(0)?,
        at: Moment::of_micros(row.get(1)?),
        member: row.get::<_, Option<String>>(2)?.map(MemberId::from),
        key: row.get::<_, Option<String>>(3)?.map(KeyId::from),
        session: row.get::<_, Option<String>>(4)?.map(SessionId::from),
        name: row.get(5)?,
        address: row.get(6)?,
        event: row.get(7)?,
        subject: row.get(8)?,
        detail: row.get(9)?,
    })
}

/// The conditions of a filter, and what fills their places.
fn conditions(org: &OrgId, filter: &AuditFilter) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (EVENT.to_owned(), vec![Value::from(org.as_str().to_owned())]);
    let mut and = |condition: &str, with: Vec<Value>| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend(with);
    };
    if let Some(who) = &filter.who {
        let ids = "(member = ? OR key = ? OR session = ? OR name = ?)";
        and(ids, vec![Value::from(who.clone()); 4]);
    }
    match filter.event.as_deref().map(|event| (event, event.strip_suffix('*'))) {
        Some((_, Some(start))) => {
            let start = Value::from(start.to_owned());
            and("substr(event, 1, length(?)) = ?", vec![start.clone(), start]);
        }
        Some((event, None)) => and("event = ?", vec![Value::from(event.to_owned())]),
        None => {}
    }
    if let Some(subject) = &filter.subject {
        and("subject = ?", vec![Value::from(subject.clone())]);
    }
    if let Some(since) = filter.since {
        and("at >= ?", vec![Value::from(since.micros())]);
    }
    if let Some(until) = filter.until {
        and("at < ?", vec![Value::from(until.micros())]);
    }
    (sql, values)
}

/// Lines of the audit log, newest first.
pub(super) fn audit(
    conn: &Connection,
    org: &OrgId,
    filter: &AuditFilter,
    page: &Page,
) -> Result<Slice<AuditEvent>, Fault> {
    let Some(before) = before(page) else { return Ok(slice(Vec::new(), 0, |_: &AuditEvent| 0)) };
    let limit = page.limit.clamp(1, LIMIT_MAX);
    let (mut sql, mut values) = conditions(org, filter);
    sql.push_str(" AND idx < ? ORDER BY idx DESC LIMIT ?");
    values.extend([Value::from(before), Value::from(i64::from(limit) + 1)]);
    let mut statement = conn.prepare_cached(&sql)?;
    let events = statement.query_map(params_from_iter(values), event_of)?;
    Ok(slice(events.collect::<rusqlite::Result<_>>()?, limit, |event| event.index))
}

/// Lines of the audit log after an index, oldest first.
pub(super) fn audit_after(
    conn: &Connection,
    org: &OrgId,
    filter: &AuditFilter,
    index: i64,
    limit: u32,
) -> Result<Vec<AuditEvent>, Fault> {
    let (mut sql, mut values) = conditions(org, filter);
    sql.push_str(" AND idx > ? ORDER BY idx LIMIT ?");
    values.extend([Value::from(index), Value::from(i64::from(limit.clamp(1, LIMIT_MAX)))]);
    let mut statement = conn.prepare_cached(&sql)?;
    let events = statement.query_map(params_from_iter(values), event_of)?;
    Ok(events.collect::<rusqlite::Result<_>>()?)
}

/// Refusals, newest first: of this organisation's people, and those of strangers if they are its
/// to see.
pub(super) fn refusals(
    conn: &Connection,
    org: &OrgId,
    strangers_too: bool,
    page: &Page,
) -> Result<Slice<StrangerRefusal>, Fault> {
    let Some(before) = before(page) else {
        return Ok(slice(Vec::new(), 0, |_: &StrangerRefusal| 0));
    };
    let limit = page.limit.clamp(1, LIMIT_MAX);
    let mut statement = conn.prepare_cached(
        "SELECT idx, minute, address, reason, member, asked, token_prefix, count, org \
         FROM refusals WHERE idx < ?1 AND (org = ?2 OR (org = '' AND ?3)) \
         ORDER BY idx DESC LIMIT ?4",
    )?;
    let asked = rusqlite::params![before, org.as_str(), strangers_too, limit + 1];
    let found = statement.query_map(asked, |row| {
        let (member, org): (String, String) = (row.get(4)?, row.get(8)?);
        let refusal = StrangerRefusal {
            at: strangers::moment_of(row.get(1)?),
            address: row.get(2)?,
            reason: code(&row.get::<_, String>(3)?),
            who: (!member.is_empty()).then(|| (OrgId::from(org), MemberId::from(member))),
            asked: row.get(5)?,
            token_prefix: row.get(6)?,
            count: row.get(7)?,
        };
        Ok((row.get::<_, i64>(0)?, refusal))
    })?;
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    let Slice { items, next } = slice(found, limit, |(index, _)| *index);
    Ok(Slice { items: items.into_iter().map(|(_, refusal)| refusal).collect(), next })
}
