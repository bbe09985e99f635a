//! Limits that two policies do not share: calls that pass under both are then counted differently.

use jiff::tz::TimeZone;
use json::Decimal;

use crate::charge::{Charge, OnUnknown, Scope, Window};
use crate::decision::Decision;
use crate::policy::Policy;
use crate::program::Limit;

use super::answer::{Side, Witness};
use super::look;
use super::road::Road;

/// One limit that differs.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) rule: String,
    /// What differs, in words.
    pub(crate) text: String,
    pub(crate) opens: bool,
    /// What each side's counter may hold, in millionths; none where there is no such limit.
    max: [Option<i64>; 2],
}

/// Whether both roads count alike.
pub(crate) fn are_same(a: &Road<'_>, b: &Road<'_>) -> bool {
    a.limits.len() == b.limits.len()
        && a.limits.iter().zip(&b.limits).all(|(x, y)| is_same(x, y, a.zone == b.zone))
}

fn is_same(a: &Limit, b: &Limit, same_zone: bool) -> bool {
    a.rule == b.rule && changes(a, b, same_zone).is_empty()
}

/// Every limit that is not the same on both sides.
pub(crate) fn differences(a: &Road<'_>, b: &Road<'_>, zones: &[TimeZone]) -> Vec<Difference> {
    let mut found = Vec::new();
    for before in &a.limits {
        match b.limits.iter().find(|after| after.rule == before.rule) {
            None => found.push(Difference {
                rule: before.rule.to_string(),
                text: format!("the limit {} ({}) is gone", before.rule, said(before)),
                opens: true,
                max: [Some(before.max_millionths), None],
            }),
            Some(after) => {
                let changes = changes(before, after, a.zone == b.zone);
                if !changes.is_empty() {
                    let texts: Vec<&str> = changes.iter().map(|(text, _)| text.as_str()).collect();
                    let utc = zones.iter().all(|zone| *zone == TimeZone::UTC);
                    let tight = |(_, tight): &(String, Tight)| match tight {
                        Tight::Yes => true,
                        Tight::No => false,
                        Tight::InUtc => utc,
                    };
                    found.push(Difference {
                        rule: before.rule.to_string(),
                        text: format!("the limit {}: {}", before.rule, texts.join(", ")),
                        opens: !changes.iter().all(tight),
                        max: [Some(before.max_millionths), Some(after.max_millionths)],
                    });
                }
            }
        }
    }
    for after in &b.limits {
        if !a.limits.iter().any(|before| before.rule == after.rule) {
            found.push(Difference {
                rule: after.rule.to_string(),
                text: format!("the limit {} ({}) is new", after.rule, said(after)),
                opens: false,
                max: [None, Some(after.max_millionths)],
            });
        }
    }
    found
}

/// Whether a change only tightens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tight {
    Yes,
    No,
    /// Where no clocks are changed.
    InUtc,
}

fn changes(a: &Limit, b: &Limit, same_zone: bool) -> Vec<(String, Tight)> {
    let mut changes = Vec::new();
    let yes = |tight: bool| if tight { Tight::Yes } else { Tight::No };
    let mut note = |name: &str, from: String, to: String, tight: Tight| {
        if from != to {
            changes.push((format!("{name} {from} → {to}"), tight));
        }
    };
    let tighter = b.max_millionths <= a.max_millionths;
    note("max", amount(a.max_millionths), amount(b.max_millionths), yes(tighter));
    note("window", window(a), window(b), Tight::No);
    let rolls = if b.rolling { Tight::InUtc } else { Tight::No };
    note("rolling", a.rolling.to_string(), b.rolling.to_string(), rolls);
    note("amount", of(a), of(b), Tight::No);
    note("per", per(a), per(b), Tight::No);
    note("scope", scope(a), scope(b), Tight::No);
    note(
        "count_failed",
        a.count_failed.to_string(),
        b.count_failed.to_string(),
        yes(b.count_failed),
    );
    let keeps = b.on_unknown == OnUnknown::Keep;
    note("on_unknown", unknown(a), unknown(b), yes(keeps));
    let calendar = !a.rolling || !b.rolling;
    if !same_zone && calendar {
        note("timezone", "one".to_owned(), "another".to_owned(), Tight::No);
    }
    changes
}

/// The limit in a few words.
fn said(limit: &Limit) -> String {
    let of = limit.amount.as_ref().map_or_else(|| "calls".to_owned(), |path| path.text.to_string());
    format!("{} of {of} a {}", amount(limit.max_millionths), window(limit))
}

fn amount(millionths: i64) -> String {
    Decimal::new(millionths < 0, millionths.unsigned_abs(), -6).to_string()
}

fn window(limit: &Limit) -> String {
    match limit.window {
        Window::Minute => "minute".to_owned(),
        Window::Hour => "hour".to_owned(),
        Window::Day => "day".to_owned(),
        Window::Week => "week".to_owned(),
        Window::Month => "month".to_owned(),
        Window::Length(length) => format!("{}s", length.as_secs()),
    }
}

fn of(limit: &Limit) -> String {
    limit.amount.as_ref().map_or_else(|| "none".to_owned(), |path| path.text.to_string())
}

fn per(limit: &Limit) -> String {
    let paths: Vec<&str> = limit.per.iter().map(|path| &*path.text).collect();
    if paths.is_empty() { "none".to_owned() } else { paths.join("+") }
}

fn scope(limit: &Limit) -> String {
    let name = Scope::ALL.iter().find(|(_, scope)| *scope == limit.scope);
    name.map_or("", |(name, _)| name).to_owned()
}

fn unknown(limit: &Limit) -> String {
    match limit.on_unknown {
        OnUnknown::Keep => "keep".to_owned(),
        OnUnknown::RollBack => "roll_back".to_owned(),
    }
}

/// Shows a difference on a call that passes under both: with so much used up that only one of them
/// still holds it, where there is such an amount.
pub(crate) fn shown(
    policies: [&Policy; 2],
    difference: &Difference,
    witness: &Witness,
) -> Option<(Witness, Side, Side)> {
    let sides = |witness: &Witness| policies.map(|policy| look::side(policy, witness));
    let [from, to] = sides(witness);
    if from.outcome == "deny" || to.outcome == "deny" {
        return None;
    }
    let most = match difference.max {
        [Some(a), Some(b)] => Some(a.max(b)),
        [Some(one), None] | [None, Some(one)] => Some(one),
        [None, None] => None,
    };
    let used = [0, 1_000_000]
        .into_iter()
        .filter_map(|less| Some(most? - less))
        .chain(amounts(policies, difference, witness).into_iter().filter_map(|n| Some(most? - n)))
        .filter(|used| *used >= 0);
    for used in used {
        let used = Decimal::new(false, used.unsigned_abs(), -6);
        let full = Witness { usage: vec![(difference.rule.clone(), used)], ..witness.clone() };
        let [from, to] = sides(&full);
        if from != to {
            return Some((full, from, to));
        }
    }
    Some((witness.clone(), from, to))
}

/// What the call uses of the limit under each policy.
fn amounts(policies: [&Policy; 2], difference: &Difference, witness: &Witness) -> Vec<i64> {
    let each = policies.iter().filter_map(|policy| match look::judge(policy, witness) {
        Decision::Allow(allowed) => {
            let of_rule = |charge: &&Charge| *charge.rule == *difference.rule;
            allowed.charges().iter().find(of_rule).map(|charge| charge.amount_millionths)
        }
        _ => None,
    });
    each.collect()
}
