//! Which rules of a list can fire at all, given what the paths found.
//!
//! A rule whose conditions are ANDed cannot fire when one of its comparisons is false. One comparison of
//! each rule is therefore filed by its path and constant, and a look-up finds the few rules for which it
//! is not false; only those are judged, in document order. Rules with nothing to file are always judged.
//! The index never decides: it only leaves out what judging would find not to fire.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use json::Decimal;

use crate::budget::Budget;
use crate::compare;
use crate::program::{Comparison, Condition, Constant, JsonType, Op, Operand};
use crate::regular::Regular;
use crate::values::{Found, Scalar, Values};

/// The index of one list of rules.
#[derive(Debug, Default)]
pub(crate) struct Index {
    slots: Vec<Slot>,
    /// Rules that are always judged, in document order.
    rest: Vec<usize>,
}

/// The rules filed under one path.
#[derive(Debug, Default)]
struct Slot {
    slot: usize,
    /// Those that compare a scalar: all of them are unclear when none is there.
    scalar: Vec<usize>,
    texts: HashMap<Box<str>, Vec<usize>>,
    numbers: Vec<(Decimal, usize)>,
    bools: Vec<(bool, usize)>,
    by_number: Order<Decimal>,
    by_text: Order<Box<str>>,
    /// Those that compare a length.
    measured: Vec<usize>,
    by_length: Order<Decimal>,
    exists: Vec<(bool, usize)>,
    types: Vec<(JsonType, usize)>,
    /// Those that match a pattern, by pattern: equal ones are matched once.
    patterns: Vec<(Arc<Regular>, Vec<usize>)>,
}

/// Rules that fire beyond a constant.
#[derive(Debug)]
struct Order<T> {
    every: Vec<usize>,
    /// Fires above the constant, or at it if the flag says so; lowest first.
    over: Vec<(T, bool, usize)>,
    /// Fires below the constant, or at it if the flag says so; highest first.
    under: Vec<(T, bool, usize)>,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { every: Vec::new(), over: Vec::new(), under: Vec::new() }
    }
}

impl<T: Ord> Order<T> {
    fn file(&mut self, op: Op, constant: T, rule: usize) {
        self.every.push(rule);
        match op {
            Op::Gt | Op::LengthGt => self.over.push((constant, false, rule)),
            Op::Gte | Op::LengthGte => self.over.push((constant, true, rule)),
            Op::Lt | Op::LengthLt => self.under.push((constant, false, rule)),
            _ => self.under.push((constant, true, rule)),
        }
    }

    fn arrange(&mut self) {
        // At one constant, those that fire at it come first: what fires is then always a prefix.
        self.over.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        self.under.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)));
    }

    /// Adds the rules that fire, given how each constant compares with the value.
    fn hits(&self, compare: impl Fn(&T) -> Ordering, hits: &mut Vec<usize>) {
        let fires = |wanted: Ordering| {
            let compare = &compare;
            move |(constant, at, _): &(T, bool, usize)| {
                let order = compare(constant);
                order == wanted || *at && order == Ordering::Equal
            }
        };
        let over = self.over.partition_point(fires(Ordering::Less));
        let under = self.under.partition_point(fires(Ordering::Greater));
        let hit = self.over.iter().take(over).chain(self.under.iter().take(under));
        hits.extend(hit.map(|(_, _, rule)| *rule));
    }
}

impl Index {
    /// The index of rules that fire when their conditions are not false (`deny_if`, `approve_if`).
    pub(crate) fn of_firing<'a>(rules: impl Iterator<Item = &'a [Condition]>) -> Self {
        let mut index = Self::default();
        for (rule, conditions) in rules.enumerate() {
            let mut file = |of_patterns: bool| {
                conditions.iter().any(|condition| match condition {
                    Condition::Compare(comparison) => {
                        let is_pattern = matches!(comparison.operand, Operand::Pattern(_));
                        is_pattern == of_patterns
                            && index.file(comparison, comparison.op, false, rule)
                    }
                    _ => false,
                })
            };
            // A pattern is the dearest to look up: any other comparison is rather filed.
            let filed = file(false) || file(true);
            if !filed {
                index.rest.push(rule);
            }
        }
        index.arranged()
    }

    /// The index of rules that fire when their conditions are not true (`require`): any of them may be
    /// the one that fails, so each is filed by its opposite.
    pub(crate) fn of_required<'a>(rules: impl Iterator<Item = &'a [Condition]>) -> Self {
        let mut index = Self::default();
        for (rule, conditions) in rules.enumerate() {
            let opposites: Option<Vec<(&Comparison, Op, bool)>> = conditions
                .iter()
                .map(|condition| match condition {
                    Condition::Compare(comparison) if can_file(comparison) => {
                        opposite(comparison.op).map(|(op, turned)| (comparison, op, turned))
                    }
                    _ => None,
                })
                .collect();
            match opposites {
                Some(opposites) if !opposites.is_empty() => {
                    for (comparison, op, turned) in opposites {
                        index.file(comparison, op, turned, rule);
                    }
                }
                _ => index.rest.push(rule),
            }
        }
        index.arranged()
    }

    fn arranged(mut self) -> Self {
        for slot in &mut self.slots {
            slot.numbers.sort_unstable();
            slot.by_number.arrange();
            slot.by_text.arrange();
            slot.by_length.arrange();
        }
        self
    }

    /// Files a rule under one of its comparisons, read with another operator; `false` if it cannot be.
    fn file(&mut self, comparison: &Comparison, op: Op, turned: bool, rule: usize) -> bool {
        if !can_file(comparison) {
            return false;
        }
        let at = self.slots.iter().position(|slot| slot.slot == comparison.slot);
        let at = at.unwrap_or(self.slots.len());
        if at == self.slots.len() {
            self.slots.push(Slot { slot: comparison.slot, ..Slot::default() });
        }
        let Some(slot) = self.slots.get_mut(at) else { return false };
        slot.file(op, &comparison.operand, turned, rule)
    }

    /// The rules that may fire, in document order; every other one does not.
    pub(crate) fn candidates<'a>(
        &'a self,
        values: &Values<'_>,
        budget: &Budget,
        hits: &'a mut Vec<usize>,
    ) -> &'a [usize] {
        for slot in &self.slots {
            if !budget.take(16) {
                break;
            }
            slot.hits(values.get(slot.slot), budget, hits);
        }
        if hits.is_empty() {
            return &self.rest;
        }
        hits.extend_from_slice(&self.rest);
        hits.sort_unstable();
        hits.dedup();
        hits
    }
}

/// Whether the index knows the operator with this operand at one place.
fn can_file(comparison: &Comparison) -> bool {
    !comparison.wild && !matches!(comparison.operand, Operand::Slot(_))
}

/// The operator that holds exactly where this one does not; the flag says that its boolean turns.
fn opposite(op: Op) -> Option<(Op, bool)> {
    Some(match op {
        Op::Lt => (Op::Gte, false),
        Op::Lte => (Op::Gt, false),
        Op::Gt => (Op::Lte, false),
        Op::Gte => (Op::Lt, false),
        Op::Neq => (Op::Eq, false),
        Op::NotIn => (Op::In, false),
        Op::LengthLt => (Op::LengthGte, false),
        Op::LengthLte => (Op::LengthGt, false),
        Op::LengthGt => (Op::LengthLte, false),
        Op::LengthGte => (Op::LengthLt, false),
        Op::Exists => (Op::Exists, true),
        _ => return None,
    })
}

impl Slot {
    fn file(&mut self, op: Op, operand: &Operand, turned: bool, rule: usize) -> bool {
        match (op, operand) {
            (Op::Eq, Operand::Scalar(constant)) => {
                self.scalar.push(rule);
                self.equal(constant.clone(), rule);
            }
            (Op::In, Operand::Set(set)) => {
                self.scalar.push(rule);
                set.constants().for_each(|constant| self.equal(constant, rule));
            }
            (Op::Lt | Op::Lte | Op::Gt | Op::Gte, Operand::Scalar(Constant::Number(number))) => {
                self.scalar.push(rule);
                self.by_number.file(op, *number, rule);
            }
            (Op::Lt | Op::Lte | Op::Gt | Op::Gte, Operand::Scalar(Constant::Text(text))) => {
                self.scalar.push(rule);
                self.by_text.file(op, text.clone(), rule);
            }
            (
                Op::LengthLt | Op::LengthLte | Op::LengthGt | Op::LengthGte,
                Operand::Scalar(Constant::Number(number)),
            ) => {
                self.measured.push(rule);
                self.by_length.file(op, *number, rule);
            }
            (Op::Exists, Operand::Present(wanted)) => self.exists.push((*wanted != turned, rule)),
            (Op::Type, Operand::Type(wanted)) => self.types.push((*wanted, rule)),
            (Op::Matches | Op::Regex, Operand::Pattern(pattern)) => {
                let known = self.patterns.iter_mut().find(|(known, _)| Arc::ptr_eq(known, pattern));
                match known {
                    Some((_, rules)) => rules.push(rule),
                    None => self.patterns.push((Arc::clone(pattern), vec![rule])),
                }
            }
            _ => return false,
        }
        true
    }

    fn equal(&mut self, constant: Constant, rule: usize) {
        match constant {
            Constant::Text(text) => self.texts.entry(text).or_default().push(rule),
            Constant::Number(number) => self.numbers.push((number, rule)),
            Constant::Bool(value) => self.bools.push((value, rule)),
        }
    }

    /// Adds the rules whose filed comparison is not false.
    fn hits(&self, found: Found<'_>, budget: &Budget, hits: &mut Vec<usize>) {
        let known = hits.len();
        if !self.scalar.is_empty() {
            self.scalar_hits(found, budget, hits);
        }
        if !self.measured.is_empty() {
            match compare::measure(found, budget) {
                Ok(length) => self.by_length.hits(|constant| constant.cmp(&length), hits),
                Err(_) => hits.extend_from_slice(&self.measured),
            }
        }
        for (wanted, rule) in &self.exists {
            if compare::present(found).is_ok() == *wanted {
                hits.push(*rule);
            }
        }
        for (wanted, rule) in &self.types {
            if compare::is_of_type(found, *wanted) {
                hits.push(*rule);
            }
        }
        for (pattern, rules) in &self.patterns {
            let matched = match compare::as_scalar(found) {
                Ok(Scalar::Text(text)) => pattern.is_match(text, budget),
                _ => None,
            };
            // What is unclear may fire.
            if matched != Some(false) {
                hits.extend_from_slice(rules);
            }
        }
        budget.take_for(hits.len().saturating_sub(known), 2);
    }

    fn scalar_hits(&self, found: Found<'_>, budget: &Budget, hits: &mut Vec<usize>) {
        match compare::as_scalar(found) {
            Ok(Scalar::Number(value)) => {
                let start = self.numbers.partition_point(|(number, _)| *number < value);
                let equal = self.numbers.iter().skip(start);
                let equal = equal.take_while(|(number, _)| *number == value);
                hits.extend(equal.map(|(_, rule)| *rule));
                self.by_number.hits(|constant| constant.cmp(&value), hits);
                hits.extend_from_slice(&self.by_text.every);
            }
            Ok(Scalar::Text(value)) => {
                // Hashing and comparing read the text a few times at most.
                budget.take_for(value.len(), 2);
                if let Some(rules) = self.texts.get(value) {
                    hits.extend_from_slice(rules);
                }
                self.by_text.hits(|constant| (**constant).cmp(value), hits);
                hits.extend_from_slice(&self.by_number.every);
            }
            Ok(Scalar::Bool(value)) => {
                let equal = self.bools.iter().filter(|(constant, _)| *constant == value);
                hits.extend(equal.map(|(_, rule)| *rule));
                hits.extend_from_slice(&self.by_number.every);
                hits.extend_from_slice(&self.by_text.every);
            }
            // Nothing there, or nothing that such a comparison judges: all are unclear.
            Err(_) => hits.extend_from_slice(&self.scalar),
        }
    }
}
