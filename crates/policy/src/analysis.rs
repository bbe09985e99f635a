//! What one rule can come to over every call: exact where its comparisons are with constants.
//!
//! The values a path may hold fall into finitely many classes that the rule's own constants cut
//! out. Each class is tried once. Where a comparison is not decided by the class (a pattern on a
//! string that is not one of the constants, two paths, `[*]`), both answers are kept, so what is
//! ruled out here is ruled out for certain.

use std::collections::BTreeMap;

use json::Decimal;

use crate::budget::Budget;
use crate::compare;
use crate::path::{self, Path};
use crate::possible::{self, Possible};
use crate::program::{Comparison, Condition, Constant, JsonType, Op, Operand};
use crate::truth::Truth;
use crate::values::Scalar;

/// The most classes that are tried for one rule; a rule with more is left alone.
const TRIES_MAX: usize = 20_000;

/// Constants of more digits leave no room between them for a value to try.
const DIGITS_MAX: u64 = 1_000_000_000_000_000;

/// A class of values that one path may hold.
#[derive(Clone, Debug)]
enum Class {
    Missing,
    Null,
    Bool(bool),
    Number(Decimal),
    /// A string; `true` if it is just this one, `false` if it stands for its neighbours too.
    Text(Box<str>, bool),
    List,
    Object,
}

/// What the conditions together may come to.
pub(crate) fn of(conditions: &[Condition]) -> Possible {
    let mut by_path: BTreeMap<&str, Vec<&Comparison>> = BTreeMap::new();
    for condition in conditions {
        condition.comparisons(&mut |c| by_path.entry(&c.path).or_default().push(c));
    }
    // Paths that stand once depend on nothing: what their comparison may come to is enough.
    let mut alone: BTreeMap<*const Comparison, Possible> = BTreeMap::new();
    let mut shared: Vec<(&str, Vec<Class>)> = Vec::new();
    let mut tries = 1_usize;
    for (path, comparisons) in by_path {
        let classes = classes(path, &comparisons);
        let plain = comparisons.iter().all(|c| is_plain(c));
        if let (true, Some(classes)) = (plain && comparisons.len() > 1, &classes) {
            tries = tries.saturating_mul(classes.len());
            shared.push((path, classes.clone()));
            continue;
        }
        for comparison in comparisons {
            let possible = match &classes {
                Some(classes) if plain => union(classes.iter().map(|c| leaf(comparison, c))),
                _ => free(comparison),
            };
            alone.insert(std::ptr::from_ref(comparison), possible);
        }
    }
    if tries > TRIES_MAX {
        return Possible::ANY;
    }
    union((0..tries).map(|number| {
        let chosen = choose(&shared, number);
        possible::all(
            conditions,
            &mut |comparison| match alone.get(&std::ptr::from_ref(comparison)) {
                Some(possible) => *possible,
                None => chosen
                    .iter()
                    .find(|(path, _)| *path == &*comparison.path)
                    .map_or(Possible::ANY, |(_, class)| leaf(comparison, class)),
            },
        )
    }))
}

/// The classes of the so-manieth try.
fn choose<'a>(shared: &'a [(&'a str, Vec<Class>)], mut number: usize) -> Vec<(&'a str, &'a Class)> {
    let mut chosen = Vec::with_capacity(shared.len());
    for (path, classes) in shared {
        let count = classes.len().max(1);
        chosen.extend(classes.get(number % count).map(|class| (*path, class)));
        number /= count;
    }
    chosen
}

fn union(each: impl Iterator<Item = Possible>) -> Possible {
    let none = Possible { no: false, unclear: false, yes: false };
    each.fold(none, |a, b| Possible {
        no: a.no || b.no,
        unclear: a.unclear || b.unclear,
        yes: a.yes || b.yes,
    })
}

/// Whether a comparison is with constants at one place.
fn is_plain(comparison: &Comparison) -> bool {
    !matches!(comparison.operand, Operand::Slot(_))
        && path::parse(&comparison.path).is_ok_and(|path| !path.is_wild())
}

/// What a comparison may come to when nothing is known.
fn free(comparison: &Comparison) -> Possible {
    match comparison.op {
        Op::Exists | Op::Type => Possible { no: true, unclear: false, yes: true },
        _ => Possible::ANY,
    }
}

/// The classes of values at a path; none when its constants leave no room between them.
fn classes(path: &str, comparisons: &[&Comparison]) -> Option<Vec<Class>> {
    let path = path::parse(path).ok()?;
    let mut constants: Vec<Constant> = Vec::new();
    for comparison in comparisons {
        match &comparison.operand {
            Operand::Scalar(constant) => constants.push(constant.clone()),
            Operand::Set(set) => constants.extend(set.constants()),
            _ => {}
        }
    }
    let mut classes = Vec::new();
    texts(&constants, &mut classes);
    if matches!(path, Path::GrantTag(_)) {
        classes.push(Class::Missing);
    }
    if path.reads_args() {
        numbers(&constants, &mut classes)?;
        classes.extend([Class::Missing, Class::Null, Class::List, Class::Object]);
        classes.extend([Class::Bool(true), Class::Bool(false)]);
    }
    Some(classes)
}

fn texts(constants: &[Constant], classes: &mut Vec<Class>) {
    classes.push(Class::Text("".into(), false));
    for constant in constants {
        if let Constant::Text(text) = constant {
            classes.push(Class::Text(text.clone(), true));
            // The next string in order: it stands for what lies behind this constant.
            classes.push(Class::Text(format!("{text}\0").into(), false));
        }
    }
}

fn numbers(constants: &[Constant], classes: &mut Vec<Class>) -> Option<()> {
    let mut known: Vec<Decimal> = vec![Decimal::ZERO];
    for constant in constants {
        if let Constant::Number(number) = constant {
            known.push(*number);
        }
    }
    for number in known {
        classes.push(Class::Number(number));
        let (mut digits, mut exponent) = (number.digits(), number.exponent());
        if digits >= DIGITS_MAX {
            return None;
        }
        // A neighbour on either side, nearer than any other constant can be.
        while digits < DIGITS_MAX {
            digits = digits.max(1).saturating_mul(10);
            exponent = exponent.checked_sub(1)?;
        }
        let negative = number.is_negative();
        if number.is_zero() {
            classes.push(Class::Number(Decimal::new(false, 1, exponent)));
            classes.push(Class::Number(Decimal::new(true, 1, exponent)));
            continue;
        }
        classes.push(Class::Number(Decimal::new(negative, digits + 1, exponent)));
        classes.push(Class::Number(Decimal::new(negative, digits - 1, exponent)));
        // Whole neighbours, for rules that ask for the type.
        if let Ok(power) = u32::try_from(number.exponent())
            && let Some(whole) =
                10_u64.checked_pow(power).and_then(|f| number.digits().checked_mul(f))
        {
            classes.push(Class::Number(Decimal::new(negative, whole.saturating_add(1), 0)));
            classes.push(Class::Number(Decimal::new(negative, whole.saturating_sub(1), 0)));
        }
    }
    for whole in [Decimal::from(1), Decimal::from(-1)] {
        classes.push(Class::Number(whole));
    }
    // A fraction between constants leaves whole numbers around it.
    for constant in constants {
        if let Constant::Number(number) = constant
            && !number.is_whole()
            && let Some(up) = number.millionths_up()
        {
            let whole = up.div_euclid(1_000_000);
            classes.push(Class::Number(Decimal::from(whole)));
            classes.push(Class::Number(Decimal::from(whole.saturating_add(1))));
        }
    }
    Some(())
}

const EITHER: Possible = Possible { no: true, unclear: false, yes: true };

/// What the comparison may come to on values of the class.
fn leaf(comparison: &Comparison, class: &Class) -> Possible {
    let known = |holds: bool| Possible::only(holds.into());
    let unclear = Possible::only(Truth::Indeterminate);
    match (comparison.op, &comparison.operand) {
        (Op::Exists, Operand::Present(wanted)) => {
            known(matches!(class, Class::Missing | Class::Null) != *wanted)
        }
        (Op::Type, Operand::Type(wanted)) => of_type(class, *wanted),
        (Op::Contains | Op::NotContains, _) if matches!(class, Class::List) => Possible::ANY,
        (op, operand) if is_length(op) => match class {
            Class::Text(text, true) => match operand {
                Operand::Scalar(Constant::Number(number)) => {
                    let count = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
                    known(ordered(op, Decimal::new(false, count, 0).cmp(number)))
                }
                _ => EITHER,
            },
            Class::Text(..) | Class::List | Class::Object => length(op, operand),
            _ => unclear,
        },
        (op, operand) => match as_scalar(class) {
            Some(scalar) => {
                scalar_leaf(op, operand, scalar, matches!(class, Class::Text(_, false)))
            }
            None => unclear,
        },
    }
}

fn as_scalar(class: &Class) -> Option<Scalar<'_>> {
    match class {
        Class::Bool(value) => Some(Scalar::Bool(*value)),
        Class::Number(number) => Some(Scalar::Number(*number)),
        Class::Text(text, _) => Some(Scalar::Text(text)),
        Class::Missing | Class::Null | Class::List | Class::Object => None,
    }
}

fn scalar_leaf(op: Op, operand: &Operand, scalar: Scalar<'_>, vague: bool) -> Possible {
    let budget = Budget::new();
    let known = |holds: bool| Possible::only(holds.into());
    let unclear = Possible::only(Truth::Indeterminate);
    let is_text = matches!(scalar, Scalar::Text(_));
    match (op, operand) {
        (Op::In, Operand::Set(set)) => known(set.holds(scalar)),
        (Op::NotIn, Operand::Set(set)) => known(!set.holds(scalar)),
        (Op::Matches | Op::Regex, Operand::Pattern(pattern)) => match scalar {
            Scalar::Text(_) if vague => EITHER,
            Scalar::Text(text) => pattern.is_match(text, &budget).map_or(EITHER, known),
            _ => unclear,
        },
        (_, Operand::Scalar(constant)) => {
            let other = constant.as_scalar();
            let same = compare::equal(scalar, other, &budget).unwrap_or(false);
            match op {
                Op::Eq => known(same),
                Op::Neq => known(!same),
                Op::Lt | Op::Lte | Op::Gt | Op::Gte => match (scalar, other) {
                    (Scalar::Number(a), Scalar::Number(b)) => known(ordered(op, a.cmp(&b))),
                    (Scalar::Text(a), Scalar::Text(b)) => known(ordered(op, a.cmp(b))),
                    _ => unclear,
                },
                _ if is_text && vague => EITHER,
                _ => match (scalar, other) {
                    (Scalar::Text(text), Scalar::Text(part)) => known(match op {
                        Op::StartsWith => text.starts_with(part),
                        Op::EndsWith => text.ends_with(part),
                        Op::Contains => text.contains(part),
                        _ => !text.contains(part),
                    }),
                    _ => unclear,
                },
            }
        }
        _ => Possible::ANY,
    }
}

fn is_length(op: Op) -> bool {
    matches!(op, Op::LengthLt | Op::LengthLte | Op::LengthGt | Op::LengthGte)
}

fn ordered(op: Op, order: std::cmp::Ordering) -> bool {
    match op {
        Op::Lt | Op::LengthLt => order.is_lt(),
        Op::Lte | Op::LengthLte => order.is_le(),
        Op::Gt | Op::LengthGt => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// A length is 0 or more; that is all that is known of it.
fn length(op: Op, operand: &Operand) -> Possible {
    match (op, operand) {
        (Op::LengthLt, Operand::Scalar(Constant::Number(n))) if n.is_zero() => {
            Possible::only(Truth::False)
        }
        (Op::LengthGte, Operand::Scalar(Constant::Number(n))) if n.is_zero() => {
            Possible::only(Truth::True)
        }
        _ => EITHER,
    }
}

fn of_type(class: &Class, wanted: JsonType) -> Possible {
    let known = |holds: bool| Possible::only(holds.into());
    match class {
        // `1` is written as an integer, `1.0` is not.
        Class::Number(number) if wanted == JsonType::Integer => match number.is_whole() {
            true => EITHER,
            false => known(false),
        },
        Class::Number(_) => known(wanted == JsonType::Number),
        Class::Missing => known(false),
        Class::Null => known(wanted == JsonType::Null),
        Class::Bool(_) => known(wanted == JsonType::Boolean),
        Class::Text(..) => known(wanted == JsonType::String),
        Class::List => known(wanted == JsonType::Array),
        Class::Object => known(wanted == JsonType::Object),
    }
}
