//! How often each rule of a policy decided, day by day: one walk over the end of the log, and a count of
//! what people were asked.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

use super::approval_codec::needs_of;
use super::call_sums::{complete, newest_after};
use super::fault::Fault;
use super::records::number;
use crate::{OrgId, PolicyUse, RuleUse, UseSpan};

const DAY_MICROS: i64 = 86_400_000_000;

const DECIDED: &str = "SELECT s.rule, s.tool IS NOT NULL, (c.at - :since) / :day, sum(c.count), \
    max(s.policy_version) FROM calls c JOIN call_shapes s ON s.id = c.shape \
    WHERE c.idx > :from AND c.at >= :since AND c.at < :until \
    AND s.org = :org AND s.policy_id = :policy AND s.rule <> '' GROUP BY 1, 2, 3";

/// Every state is named, so that the index by state finds the newest of each.
const ASKED: &str = "SELECT needs, count(*), max(policy_version) FROM (\
    SELECT needs, policy_version FROM approvals \
    WHERE org = :org AND created_at >= :since AND policy = :policy \
    AND state IN ('pending', 'approved', 'denied', 'expired', 'withdrawn', 'consumed') \
    LIMIT :most) GROUP BY needs";

/// A rule, and whether it decided calls of tools.
type Key = (String, bool);

/// Rules by what tells them apart.
struct Rules {
    days: usize,
    found: BTreeMap<Key, RuleUse>,
}

impl Rules {
    /// What is counted of a rule that was seen under this version.
    fn of(&mut self, key: Key, version: u32) -> &mut RuleUse {
        let (rule, of_tools) = (key.0.as_str().into(), key.1);
        let days = vec![0; self.days];
        let new = RuleUse { rule, of_tools, days, asked: 0, version };
        let found = self.found.entry(key).or_insert(new);
        found.version = found.version.max(version);
        found
    }
}

pub(super) fn of(conn: &Connection, org: &OrgId, span: &UseSpan) -> Result<PolicyUse, Fault> {
    let from = newest_after(conn, span.lines_max)?;
    let days = usize::try_from(span.days).unwrap_or(usize::MAX);
    let mut rules = Rules { days, found: BTreeMap::new() };
    decided(conn, org, span, from, &mut rules)?;
    asked(conn, org, span, &mut rules)?;
    let mut rules: Vec<RuleUse> = rules.found.into_values().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.total()));
    let left_out = rules.len().saturating_sub(span.rules_max);
    rules.truncate(span.rules_max);
    Ok(PolicyUse { rules, left_out, complete: complete(conn, from, span.since)? })
}

/// Adds the calls that rules decided. A plain allow was decided by none.
fn decided(
    conn: &Connection,
    org: &OrgId,
    span: &UseSpan,
    from: i64,
    rules: &mut Rules,
) -> Result<(), Fault> {
    let mut statement = conn.prepare_cached(DECIDED)?;
    let since = span.since.micros();
    let mut rows = statement.query(named_params! {
        ":from": from,
        ":since": since,
        ":until": since.saturating_add(i64::from(span.days).saturating_mul(DAY_MICROS)),
        ":day": DAY_MICROS,
        ":org": org.as_str(),
        ":policy": span.policy.as_str(),
    })?;
    while let Some(row) = rows.next()? {
        let day: usize = number(row.get(2)?, "calls")?;
        let count: u64 = number(row.get(3)?, "calls")?;
        let version = number(row.get(4)?, "call_shapes")?;
        let rule = rules.of((row.get(0)?, row.get(1)?), version);
        if let Some(place) = rule.days.get_mut(day) {
            *place = place.saturating_add(count);
        }
    }
    Ok(())
}

/// Adds how often rules asked people. The rows are counted and nothing stands on them, so their MACs
/// are not looked at.
fn asked(conn: &Connection, org: &OrgId, span: &UseSpan, rules: &mut Rules) -> Result<(), Fault> {
    let mut statement = conn.prepare_cached(ASKED)?;
    let mut rows = statement.query(named_params! {
        ":org": org.as_str(),
        ":since": span.since.micros(),
        ":policy": span.policy.as_str(),
        ":most": span.lines_max,
    })?;
    while let Some(row) = rows.next()? {
        let count: u64 = number(row.get(1)?, "approvals")?;
        let version = number(row.get(2)?, "approvals")?;
        for need in needs_of(&row.get::<_, String>(0)?)? {
            // People are asked about calls of tools alone.
            let rule = rules.of((need.rule, true), version);
            rule.asked = rule.asked.saturating_add(count);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_walked_by_index_and_approvals_are_found_by_theirs() {
        let conn = Connection::open_in_memory().unwrap();
        for part in [include_str!("migrations/0001.sql"), include_str!("migrations/0007.sql")] {
            conn.execute_batch(part).unwrap();
        }
        let plan = |sql: &str| {
            let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let (mut rows, mut steps) = (plan.raw_query(), Vec::<String>::new());
            while let Some(row) = rows.next().unwrap() {
                steps.push(row.get(3).unwrap());
            }
            steps
        };
        let log = plan(DECIDED);
        assert!(log[0].starts_with("SEARCH c USING INTEGER PRIMARY KEY"), "{log:?}");
        assert!(log[1].starts_with("SEARCH s USING INTEGER PRIMARY KEY"), "{log:?}");
        let approvals = plan(ASKED);
        let by_state = "approvals_state (org=? AND state=? AND created_at>?)";
        assert!(approvals.iter().any(|step| step.ends_with(by_state)), "{approvals:?}");
    }
}
