//! Adding up the newest calls: one walk over the end of the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::fault::{Fault, corrupt};
use super::records::number;
use crate::{
    CallCounts, CallOverhead, CallSpan, CallSum, CallSums, Moment, OrgId, OutcomeClass, PolicyId,
    RuleSum, Verdict,
};

const HOUR_MICROS: i64 = 3_600_000_000;

/// What is counted of one hour, or of all.
#[derive(Default)]
struct Part {
    counts: CallCounts,
    /// The time added to each call that reached an upstream.
    added: Vec<u64>,
}

impl Part {
    fn sum(mut self, at: Moment) -> CallSum {
        self.added.sort_unstable();
        let at_share = |hundredth: usize| {
            let place =
                (self.added.len() * hundredth / 100).min(self.added.len().saturating_sub(1));
            self.added.get(place).copied()
        };
        let overhead = at_share(50).zip(at_share(99)).map(|(p50_micros, p99_micros)| {
            CallOverhead { reached: self.added.len() as u64, p50_micros, p99_micros }
        });
        CallSum { at, counts: self.counts, overhead }
    }

    fn count(&mut self, verdict: Verdict, class: Option<OutcomeClass>, count: u64) {
        let counts = &mut self.counts;
        let place = match (verdict, class) {
            (Verdict::Denied, _) => &mut counts.denied,
            (Verdict::Held, _) => &mut counts.held,
            (Verdict::Allowed, Some(OutcomeClass::Unknown)) => &mut counts.unknown,
            (Verdict::Allowed, _) => &mut counts.allowed,
        };
        *place = place.saturating_add(count);
    }
}

pub(super) fn of(conn: &Connection, org: &OrgId, span: &CallSpan) -> Result<CallSums, Fault> {
    let from = newest_after(conn, span.lines_max)?;
    let mut statement = conn.prepare_cached(
        "SELECT c.at, c.count, c.shape, s.verdict, o.class, o.took_micros - o.upstream_micros \
         FROM calls c JOIN call_shapes s ON s.id = c.shape LEFT JOIN outcomes o ON o.idx = c.idx \
         WHERE c.idx > :from AND c.at >= :since AND s.org = :org \
         AND (:server IS NULL OR s.server_id = :server OR s.server_slug = :server)",
    )?;
    let mut rows = statement.query(named_params! {
        ":from": from,
        ":since": span.since.micros(),
        ":org": org.as_str(),
        ":server": span.server,
    })?;
    let (mut all, mut hours) = (Part::default(), BTreeMap::<i64, Part>::new());
    let mut denied = HashMap::<i64, u64>::new();
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(0)?;
        let count: u64 = number(row.get(1)?, "calls")?;
        let verdict = Verdict::parse(&row.get::<_, String>(3)?);
        let verdict = verdict.ok_or_else(|| corrupt("call_shapes"))?;
        let class = match row.get::<_, Option<String>>(4)? {
            Some(class) => Some(OutcomeClass::parse(&class).ok_or_else(|| corrupt("outcomes"))?),
            None => None,
        };
        let hour = hours.entry(at.div_euclid(HOUR_MICROS)).or_default();
        // A clock that was set meanwhile may have the upstream take longer than the whole.
        let added = row.get::<_, Option<i64>>(5)?.and_then(|added| u64::try_from(added).ok());
        for part in [&mut all, hour] {
            part.count(verdict, class, count);
            part.added.extend(added);
        }
        if verdict == Verdict::Denied {
            *denied.entry(row.get(2)?).or_default() += count;
        }
    }
    let hour = |(hour, part): (i64, Part)| part.sum(Moment::of_micros(hour * HOUR_MICROS));
    Ok(CallSums {
        all: all.sum(span.since),
        hours: hours.into_iter().map(hour).collect(),
        rules: rules(conn, denied, span.rules_max)?,
        complete: complete(conn, from, span.since)?,
    })
}

/// Where a walk over the newest lines begins: behind this one.
pub(super) fn newest_after(conn: &Connection, lines_max: u32) -> Result<i64, Fault> {
    let mut newest = conn.prepare_cached("SELECT coalesce(max(idx), 0) FROM calls")?;
    let last: i64 = newest.query_row([], |row| row.get(0))?;
    Ok(last - i64::from(lines_max))
}

/// Whether no line before the walk belongs to the span.
pub(super) fn complete(conn: &Connection, from: i64, since: Moment) -> Result<bool, Fault> {
    let mut before =
        conn.prepare_cached("SELECT at FROM calls WHERE idx <= ?1 ORDER BY idx DESC LIMIT 1")?;
    let at: Option<i64> = before.query_row([from], |row| row.get(0)).optional()?;
    Ok(at.is_none_or(|at| at < since.micros()))
}

/// The rules behind shapes of calls, those that denied most first.
fn rules(conn: &Connection, denied: HashMap<i64, u64>, most: usize) -> Result<Vec<RuleSum>, Fault> {
    let mut statement = conn.prepare_cached(
        "SELECT policy_id, rule, coalesce(tool, method) FROM call_shapes WHERE id = ?1",
    )?;
    let mut found = BTreeMap::<(Option<String>, String, Option<String>), u64>::new();
    for (shape, count) in denied {
        let (policy, rule, tool): (Option<String>, String, String) =
            statement.query_row([shape], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        // A pointer names its tool; an answer of the engine is told apart by what was asked for.
        let own = rule.starts_with('/');
        let key = (policy.filter(|_| own), rule, Some(tool).filter(|_| !own));
        *found.entry(key).or_default() += count;
    }
    let mut rules: Vec<RuleSum> = found
        .into_iter()
        .map(|((policy, rule, tool), count)| RuleSum {
            policy: policy.map(PolicyId::from),
            rule: rule.into(),
            tool: tool.map(Arc::from),
            count,
        })
        .collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.count));
    rules.truncate(most);
    Ok(rules)
}
