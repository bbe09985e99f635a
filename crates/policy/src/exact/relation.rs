//! What comparisons of two places can come to together, when each place holds a value of one class.

use std::cmp::Ordering;

use crate::budget::Budget;
use crate::compare;
use crate::program::{Comparison, Op};
use crate::truth::Truth;
use crate::values::Found;

use super::classes::{Class, Kind};
use super::test::{ANY, Truths, only};

/// The most ways that are kept apart; beyond, any answer is taken to be possible.
const WAYS_MAX: usize = 64;

/// Every set of answers that values of the two classes can give to the comparisons; the flag of one is
/// set where it compares the right value with the left. `one` is whether both are of one class, `same`
/// whether both are one value.
pub(crate) fn ways(
    a: &Class,
    b: &Class,
    comparisons: &[(&Comparison, bool)],
    (one, same): (bool, bool),
) -> Vec<Vec<Truths>> {
    if a.is_ghost() || b.is_ghost() {
        return vec![vec![ANY; comparisons.len()]];
    }
    let mut found: Vec<Vec<Truths>> = Vec::new();
    for (number, left) in a.values.iter().enumerate() {
        for (other, right) in b.values.iter().enumerate() {
            if same && number != other {
                continue;
            }
            let left = left.as_ref().map_or(Found::Missing, Found::of);
            let right = right.as_ref().map_or(Found::Missing, Found::of);
            let way = comparisons.iter().map(|(comparison, turned)| {
                let (left, right) = if *turned { (right, left) } else { (left, right) };
                match compare::beside(left, right, comparison, &Budget::new()) {
                    Ok(holds) => only(holds.into()),
                    Err(_) => only(Truth::Indeterminate),
                }
            });
            add(&mut found, way.collect());
        }
    }
    if same || a.point && b.point {
        return found;
    }
    let both_numbers = matches!((&a.kind, &b.kind), (Kind::Number(_), Kind::Number(_)));
    let both_texts = a.kind == Kind::Text && b.kind == Kind::Text;
    let by_order = comparisons.iter().all(|(comparison, _)| is_order(comparison.op));
    // Classes of numbers lie side by side: within one there are all orders, between two just one.
    if both_numbers && by_order && !one {
        return found;
    }
    let orders: &[Ordering] = match (both_numbers || both_texts, one) {
        (true, true) => &[Ordering::Less, Ordering::Equal, Ordering::Greater],
        (true, false) => &[Ordering::Less, Ordering::Greater],
        (false, _) => &[],
    };
    if !orders.is_empty() {
        for order in orders {
            let mut parts = vec![Vec::new()];
            for (comparison, turned) in comparisons {
                let order = if *turned { order.reverse() } else { *order };
                let open = match ordered(comparison.op, order) {
                    Some(holds) => vec![only(holds.into())],
                    None if both_numbers => vec![only(Truth::Indeterminate)],
                    None => vec![only(Truth::False), only(Truth::True)],
                };
                parts = product(&parts, &open);
            }
            parts.into_iter().for_each(|way| add(&mut found, way));
        }
        // Equal texts start and end with each other and hold each other; that is ruled out nowhere
        // above, so what is kept may be too much and is never too little.
        return bounded(found, comparisons.len());
    }
    let plain = |kind: &Kind| !matches!(kind, Kind::List | Kind::Object | Kind::Text);
    let settled =
        |comparison: &Comparison| is_order(comparison.op) || plain(&a.kind) && plain(&b.kind);
    if comparisons.iter().all(|(comparison, _)| settled(comparison)) {
        return found;
    }
    let mut parts = vec![Vec::new()];
    for (comparison, _) in comparisons {
        let all = [Truth::False, Truth::Indeterminate, Truth::True].map(only).to_vec();
        let known: Vec<Truths> = {
            let place = parts.first().map_or(0, Vec::len);
            let mut known: Vec<Truths> =
                found.iter().filter_map(|way| way.get(place).copied()).collect();
            known.sort_unstable();
            known.dedup();
            known
        };
        parts = product(&parts, if settled(comparison) { &known } else { &all });
    }
    bounded(parts, comparisons.len())
}

fn bounded(ways: Vec<Vec<Truths>>, count: usize) -> Vec<Vec<Truths>> {
    if ways.len() > WAYS_MAX { vec![vec![ANY; count]] } else { ways }
}

fn add(ways: &mut Vec<Vec<Truths>>, way: Vec<Truths>) {
    if !ways.contains(&way) {
        ways.push(way);
    }
}

fn product(parts: &[Vec<Truths>], open: &[Truths]) -> Vec<Vec<Truths>> {
    let mut all = Vec::new();
    for part in parts.iter().take(2 * WAYS_MAX) {
        for truth in open {
            let mut part = part.clone();
            part.push(*truth);
            all.push(part);
        }
    }
    all
}

fn is_order(op: Op) -> bool {
    matches!(op, Op::Eq | Op::Neq | Op::Lt | Op::Lte | Op::Gt | Op::Gte)
}

/// What an operator says of two values of one type in this order, if the order is all it asks.
fn ordered(op: Op, order: Ordering) -> Option<bool> {
    Some(match op {
        Op::Eq => order.is_eq(),
        Op::Neq => order.is_ne(),
        Op::Lt => order.is_lt(),
        Op::Lte => order.is_le(),
        Op::Gt => order.is_gt(),
        Op::Gte => order.is_ge(),
        _ => return None,
    })
}
