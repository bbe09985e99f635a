//! Reading the call log.

use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::fault::{Fault, corrupt};
use super::records::{code, list_of, number};
use crate::{
    Call, CallFilter, CallId, Intent, Moment, OrgId, Outcome, OutcomeClass, Page, PolicyId,
    RecordedCalls, Slice, Verdict,
};

const CALL: &str = "SELECT c.idx, c.id, c.at, c.request_bytes, c.count, s.org, s.grant_id, \
    s.grant_label, s.identity, s.token_generation, s.server_id, s.server_slug, s.version, \
    s.method, s.tool, s.fingerprint, s.policy_id, s.policy_version, s.verdict, s.rule, s.reason, \
    s.known_args, s.unknown_args, s.charged, o.at, o.class, o.detail, o.upstream_status, \
    o.response_bytes, o.took_micros, o.upstream_micros, o.echo_removed \
    FROM calls c JOIN call_shapes s ON s.id = c.shape LEFT JOIN outcomes o ON o.idx = c.idx";

/// The most lines one read gives.
pub(super) const LIMIT_MAX: u32 = 500;

fn call_of(row: &Row<'_>) -> Result<Call, Fault> {
    let id = CallId(row.get(1)?);
    let policy: Option<String> = row.get(16)?;
    let policy_version: Option<u32> = row.get(17)?;
    let verdict: String = row.get(18)?;
    let text = |at: usize| -> Result<Arc<str>, Fault> { Ok(row.get::<_, String>(at)?.into()) };
    let maybe = |at: usize| -> Result<Option<Arc<str>>, Fault> {
        Ok(row.get::<_, Option<String>>(at)?.map(Into::into))
    };
    let names = |at: usize| -> Result<Vec<Arc<str>>, Fault> {
        let list = list_of(&row.get::<_, String>(at)?, "call_shapes")?;
        Ok(list.into_iter().map(Arc::from).collect())
    };
    let intent = Intent {
        id,
        at: Moment::of_micros(row.get(2)?),
        org: row.get::<_, String>(5)?.into(),
        grant: row.get::<_, String>(6)?.into(),
        grant_label: text(7)?,
        identity: text(8)?,
        token_generation: row.get(9)?,
        server: row.get::<_, String>(10)?.into(),
        server_slug: text(11)?,
        version: code(&row.get::<_, String>(12)?),
        method: text(13)?,
        tool: maybe(14)?,
        fingerprint: maybe(15)?,
        policy: policy.map(PolicyId::from).zip(policy_version),
        verdict: Verdict::parse(&verdict).ok_or_else(|| corrupt("call_shapes"))?,
        rule: text(19)?,
        reason: code(&row.get::<_, String>(20)?),
        known_args: names(21)?,
        unknown_args: row.get(22)?,
        request_bytes: number(row.get(3)?, "calls")?,
        charged: names(23)?,
        count: row.get(4)?,
        marks: None,
    };
    let ended: Option<i64> = row.get(24)?;
    let outcome = ended.map(|at| outcome_of(row, id, at)).transpose()?;
    Ok(Call { index: row.get(0)?, intent, outcome })
}

fn outcome_of(row: &Row<'_>, id: CallId, at: i64) -> Result<Outcome, Fault> {
    let class: String = row.get(25)?;
    Ok(Outcome {
        id,
        at: Moment::of_micros(at),
        class: OutcomeClass::parse(&class).ok_or_else(|| corrupt("outcomes"))?,
        detail: code(&row.get::<_, String>(26)?),
        upstream_status: row.get(27)?,
        response_bytes: number(row.get(28)?, "outcomes")?,
        took_micros: number(row.get(29)?, "outcomes")?,
        upstream_micros: number(row.get(30)?, "outcomes")?,
        echo_removed: row.get(31)?,
        capture: None,
    })
}

/// The conditions of a filter, and what they compare with.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(org: &OrgId, filter: &CallFilter) -> Self {
        let mut all = Self { sql: String::new(), values: Vec::new() };
        all.and("s.org = ?", [org.as_str().to_owned()]);
        if let Some(grant) = &filter.grant {
            all.and("(s.grant_id = ? OR s.grant_label = ?)", [grant.clone(), grant.clone()]);
        }
        if let Some(server) = &filter.server {
            all.and("(s.server_id = ? OR s.server_slug = ?)", [server.clone(), server.clone()]);
        }
        match &filter.tool {
            Some(tool) if tool.contains('*') => all.and("s.tool GLOB ?", [glob(tool)]),
            Some(tool) => all.and("s.tool = ?", [tool.clone()]),
            None => {}
        }
        if let Some(verdict) = filter.verdict {
            all.and("s.verdict = ?", [verdict.as_str().to_owned()]);
        }
        if let Some(class) = filter.outcome {
            all.and("o.class = ?", [class.as_str().to_owned()]);
        }
        if let Some(policy) = &filter.policy {
            let org = org.as_str().to_owned();
            all.and(
                "(s.policy_id = ? OR \
                 s.policy_id = (SELECT id FROM policies WHERE org = ? AND name = ?))",
                [policy.clone(), org, policy.clone()],
            );
        }
        if let Some(rule) = &filter.rule {
            let under = format!("{rule}/");
            all.and(
                "(s.rule = ? OR substr(s.rule, 1, length(?)) = ?)",
                [rule.clone(), under.clone(), under],
            );
        }
        if let Some(since) = filter.since {
            all.and("c.at >= ?", [since.micros()]);
        }
        if let Some(until) = filter.until {
            all.and("c.at < ?", [until.micros()]);
        }
        all
    }

    fn and<V: Into<Value>, const N: usize>(&mut self, condition: &str, values: [V; N]) {
        self.sql.push_str(if self.values.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
        self.values.extend(values.into_iter().map(Into::into));
    }
}

/// A name in which only `*` is special, as GLOB reads it.
fn glob(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '[' | '?' => out.extend(['[', c, ']']),
            other => out.push(other),
        }
    }
    out
}

fn collect(conn: &Connection, all: Conditions, order: &str) -> Result<Vec<Call>, Fault> {
    let sql = format!("{CALL}{} ORDER BY c.idx {order} LIMIT ?", all.sql);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(all.values))?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(call_of(row)?);
    }
    Ok(calls)
}

/// Cuts one row too many off, and says where to go on.
pub(super) fn slice<T>(mut items: Vec<T>, limit: u32, index: impl Fn(&T) -> i64) -> Slice<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| index(last).to_string());
    Slice { items, next }
}

/// The place a page begins at; `None` for one that was never given out.
pub(super) fn before(page: &Page) -> Option<i64> {
    match &page.after {
        None => Some(i64::MAX),
        Some(text) => text.parse().ok().filter(|place| *place > 0),
    }
}

/// Lines, newest first.
pub(super) fn calls(
    conn: &Connection,
    org: &OrgId,
    filter: &CallFilter,
    page: &Page,
) -> Result<Slice<Call>, Fault> {
    let Some(before) = before(page) else { return Ok(slice(Vec::new(), 0, |_: &Call| 0)) };
    let limit = page.limit.clamp(1, LIMIT_MAX);
    let mut all = Conditions::of(org, filter);
    all.and("c.idx < ?", [before]);
    all.values.push(Value::Integer(i64::from(limit) + 1));
    Ok(slice(collect(conn, all, "DESC")?, limit, |call| call.index))
}

/// Lines after an index, oldest first.
pub(super) fn calls_after(
    conn: &Connection,
    org: &OrgId,
    filter: &CallFilter,
    index: i64,
    limit: u32,
) -> Result<Vec<Call>, Fault> {
    let mut all = Conditions::of(org, filter);
    all.and("c.idx > ?", [index]);
    all.values.push(Value::Integer(i64::from(limit.clamp(1, LIMIT_MAX))));
    collect(conn, all, "ASC")
}

/// One line.
pub(super) fn call(conn: &Connection, org: &OrgId, id: &CallId) -> Result<Option<Call>, Fault> {
    let mut statement = conn.prepare_cached(&format!("{CALL} WHERE c.id = ?1 AND s.org = ?2"))?;
    let mut rows = statement.query(rusqlite::params![id.0.as_slice(), org.as_str()])?;
    rows.next()?.map(call_of).transpose()
}

/// Calls that are alike in all that was recorded of them, the most frequent first.
pub(super) fn recorded(
    conn: &Connection,
    org: &OrgId,
    policy: &PolicyId,
    since: Moment,
    lines_max: u32,
) -> Result<Vec<RecordedCalls>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT s.tool, s.grant_label, s.identity, s.policy_version, s.verdict, s.rule, s.reason, \
         s.known_args, sum(c.count), max(c.id) FROM calls c JOIN call_shapes s ON s.id = c.shape \
         WHERE c.idx > (SELECT max(idx) FROM calls) - ?4 AND c.at >= ?3 AND s.org = ?1 \
         AND s.policy_id = ?2 AND s.method = 'tools/call' AND s.tool IS NOT NULL \
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 9 DESC",
    )?;
    let mut rows =
        statement.query(params![org.as_str(), policy.as_str(), since.micros(), lines_max])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = |at: usize| -> Result<Arc<str>, Fault> { Ok(row.get::<_, String>(at)?.into()) };
        let known = list_of(&row.get::<_, String>(7)?, "call_shapes")?;
        found.push(RecordedCalls {
            tool: text(0)?,
            grant_label: text(1)?,
            identity: text(2)?,
            version: number(row.get(3)?, "call_shapes")?,
            verdict: Verdict::parse(&text(4)?).ok_or_else(|| corrupt("call_shapes"))?,
            rule: text(5)?,
            reason: text(6)?,
            known_args: known.into_iter().map(Arc::from).collect(),
            count: number(row.get(8)?, "calls")?,
            last: CallId(row.get(9)?),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_walked_by_index_and_never_sorted() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("migrations/0001.sql")).unwrap();
        let filter = CallFilter {
            grant: Some("g".to_owned()),
            server: Some("s".to_owned()),
            tool: Some("t*".to_owned()),
            verdict: Some(Verdict::Allowed),
            outcome: Some(OutcomeClass::Completed),
            policy: Some("p".to_owned()),
            rule: Some("/r".to_owned()),
            since: Some(Moment::of_micros(1)),
            until: Some(Moment::of_micros(2)),
        };
        for filter in [CallFilter::default(), filter] {
            for order in ["ASC", "DESC"] {
                let mut all = Conditions::of(&OrgId::from("o"), &filter);
                all.and("c.idx < ?", [7]);
                let sql = format!("EXPLAIN QUERY PLAN {CALL}{} ORDER BY c.idx {order}", all.sql);
                let mut plan = conn.prepare(&sql).unwrap();
                let steps = plan
                    .query_map(params_from_iter(all.values), |row| row.get::<_, String>(3))
                    .unwrap()
                    .collect::<rusqlite::Result<Vec<_>>>()
                    .unwrap();
                assert!(steps[0].starts_with("SEARCH c "), "{steps:?}");
                assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
            }
        }
    }
}
