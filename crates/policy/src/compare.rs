//! What each operator says of what a path found. Every operator is one arm here.

use std::cmp::Ordering;

use json::{Decimal, Value};

use crate::budget::Budget;
use crate::program::{Comparison, Condition, JsonType, Op, Operand};
use crate::truth::{self, Truth};
use crate::values::{Found, Scalar, Values};

/// Why a comparison could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing stands at the path, or `null` does.
    Missing,
    /// What stands there is of a type the operator does not judge.
    WrongType,
    /// `[*]` met an empty list.
    EmptyList,
    /// Judging it would cost more than a decision may.
    TooCostly,
}

impl Why {
    /// The stable name used in decisions and traces.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing_argument",
            Self::WrongType => "type_mismatch",
            Self::EmptyList => "empty_list",
            Self::TooCostly => "evaluation_budget",
        }
    }

    /// The same for people, to follow a path: "`args.amount` …".
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "is missing or null",
            Self::WrongType => "is of a type that cannot be compared so",
            Self::EmptyList => "leads into an empty list",
            Self::TooCostly => "is too costly to judge",
        }
    }
}

/// The truth of all the conditions together.
pub(crate) fn all(conditions: &[Condition], values: &Values<'_>, budget: &Budget) -> Truth {
    truth::all(conditions.iter().map(|condition| one(condition, values, budget)))
}

/// The truth of one condition.
pub(crate) fn one(condition: &Condition, values: &Values<'_>, budget: &Budget) -> Truth {
    match condition {
        Condition::Compare(comparison) => match judge(comparison, values, budget) {
            Ok(holds) => holds.into(),
            Err(_) => Truth::Indeterminate,
        },
        Condition::All(list) => all(list, values, budget),
        Condition::Any(list) => truth::any(list.iter().map(|c| one(c, values, budget))),
        Condition::Not(inner) => !one(inner, values, budget),
    }
}

/// Whether the comparison holds, or why that cannot be said.
pub(crate) fn judge(
    comparison: &Comparison,
    values: &Values<'_>,
    budget: &Budget,
) -> Result<bool, Why> {
    let found = values.get(comparison.slot);
    let Found::Places(index) = found else {
        return single(found, comparison, values, budget);
    };
    // Kleene over the places: one decides, otherwise one that cannot be judged does.
    let mut unclear = None;
    for place in values.places(index) {
        match single(*place, comparison, values, budget) {
            Ok(holds) if holds != comparison.every => return Ok(holds),
            Ok(_) => {}
            Err(Why::TooCostly) => return Err(Why::TooCostly),
            Err(why) => unclear = unclear.or(Some(why)),
        }
    }
    unclear.map_or(Ok(comparison.every), Err)
}

/// What a comparison with constants says of one value.
pub(crate) fn alone(
    found: Found<'_>,
    comparison: &Comparison,
    budget: &Budget,
) -> Result<bool, Why> {
    single(found, comparison, &Values::none(), budget)
}

/// What a comparison with another place says when these two values stand there.
pub(crate) fn beside(
    found: Found<'_>,
    other: Found<'_>,
    comparison: &Comparison,
    budget: &Budget,
) -> Result<bool, Why> {
    match &comparison.operand {
        Operand::Slot(slot) => single(found, comparison, &Values::holding(*slot, other), budget),
        _ => alone(found, comparison, budget),
    }
}

fn single(
    found: Found<'_>,
    comparison: &Comparison,
    values: &Values<'_>,
    budget: &Budget,
) -> Result<bool, Why> {
    if !budget.take(50) {
        return Err(Why::TooCostly);
    }
    let operand = &comparison.operand;
    let scalar = || match operand {
        Operand::Scalar(constant) => Ok(constant.as_scalar()),
        Operand::Slot(slot) => as_scalar(values.get(*slot)),
        _ => Err(Why::WrongType),
    };
    match comparison.op {
        Op::Eq => equal(as_scalar(found)?, scalar()?, budget),
        Op::Neq => equal(as_scalar(found)?, scalar()?, budget).map(|same| !same),
        Op::In => is_in(as_scalar(found)?, operand, values, budget),
        Op::NotIn => is_in(as_scalar(found)?, operand, values, budget).map(|held| !held),
        Op::Lt => order(found, scalar, budget).map(Ordering::is_lt),
        Op::Lte => order(found, scalar, budget).map(Ordering::is_le),
        Op::Gt => order(found, scalar, budget).map(Ordering::is_gt),
        Op::Gte => order(found, scalar, budget).map(Ordering::is_ge),
        Op::Matches | Op::Regex => match operand {
            Operand::Pattern(pattern) => {
                pattern.is_match(text(found)?, budget).ok_or(Why::TooCostly)
            }
            _ => Err(Why::WrongType),
        },
        Op::StartsWith => affix(found, scalar, budget).map(|(text, part)| text.starts_with(part)),
        Op::EndsWith => affix(found, scalar, budget).map(|(text, part)| text.ends_with(part)),
        Op::Contains => contains(found, scalar, budget),
        Op::NotContains => contains(found, scalar, budget).map(|held| !held),
        Op::Exists => match operand {
            Operand::Present(wanted) => Ok(present(found).is_ok() == *wanted),
            _ => Err(Why::WrongType),
        },
        Op::LengthLt => length(found, scalar, budget).map(Ordering::is_lt),
        Op::LengthLte => length(found, scalar, budget).map(Ordering::is_le),
        Op::LengthGt => length(found, scalar, budget).map(Ordering::is_gt),
        Op::LengthGte => length(found, scalar, budget).map(Ordering::is_ge),
        Op::Type => match operand {
            Operand::Type(wanted) => Ok(is_of_type(found, *wanted)),
            _ => Err(Why::WrongType),
        },
    }
}

/// What is there, if something other than `null` is.
pub(crate) fn present(found: Found<'_>) -> Result<Found<'_>, Why> {
    match found {
        Found::Missing | Found::Null => Err(Why::Missing),
        Found::EmptyList => Err(Why::EmptyList),
        there => Ok(there),
    }
}

pub(crate) fn as_scalar(found: Found<'_>) -> Result<Scalar<'_>, Why> {
    match present(found)? {
        Found::Text(text) => Ok(Scalar::Text(text)),
        Found::Number(number) => Ok(Scalar::Number(number.value())),
        Found::Bool(value) => Ok(Scalar::Bool(value)),
        _ => Err(Why::WrongType),
    }
}

fn text(found: Found<'_>) -> Result<&str, Why> {
    text_of(as_scalar(found)?)
}

fn text_of(scalar: Scalar<'_>) -> Result<&str, Why> {
    match scalar {
        Scalar::Text(text) => Ok(text),
        _ => Err(Why::WrongType),
    }
}

/// Same JSON type and equal; numbers by exact value.
pub(crate) fn equal(a: Scalar<'_>, b: Scalar<'_>, budget: &Budget) -> Result<bool, Why> {
    match (a, b) {
        (Scalar::Text(a), Scalar::Text(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            if !budget.take_for(a.len() / 16, 1) {
                return Err(Why::TooCostly);
            }
            Ok(a == b)
        }
        (Scalar::Number(a), Scalar::Number(b)) => Ok(a == b),
        (Scalar::Bool(a), Scalar::Bool(b)) => Ok(a == b),
        _ => Ok(false),
    }
}

fn is_in(
    scalar: Scalar<'_>,
    operand: &Operand,
    values: &Values<'_>,
    budget: &Budget,
) -> Result<bool, Why> {
    match operand {
        Operand::Set(set) => Ok(set.holds(scalar)),
        Operand::Slot(slot) => match present(values.get(*slot))? {
            Found::List(list) => among(list, scalar, budget),
            _ => Err(Why::WrongType),
        },
        _ => Err(Why::WrongType),
    }
}

/// Whether some element equals the scalar. An element that is no scalar cannot be judged.
fn among(list: &[Value], scalar: Scalar<'_>, budget: &Budget) -> Result<bool, Why> {
    let mut unclear = None;
    for element in list {
        if !budget.take(4) {
            return Err(Why::TooCostly);
        }
        match as_scalar(Found::of(element)).and_then(|element| equal(element, scalar, budget)) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(Why::TooCostly) => return Err(Why::TooCostly),
            Err(why) => unclear = unclear.or(Some(why)),
        }
    }
    unclear.map_or(Ok(false), Err)
}

/// Numeric order, or that of the characters when both are strings.
fn order<'v>(
    found: Found<'_>,
    scalar: impl FnOnce() -> Result<Scalar<'v>, Why>,
    budget: &Budget,
) -> Result<Ordering, Why> {
    match (as_scalar(found)?, scalar()?) {
        (Scalar::Number(a), Scalar::Number(b)) => Ok(a.cmp(&b)),
        (Scalar::Text(a), Scalar::Text(b)) => {
            if !budget.take_for(a.len().min(b.len()) / 16, 1) {
                return Err(Why::TooCostly);
            }
            // The order of UTF-8 is the order of Unicode scalar values.
            Ok(a.cmp(b))
        }
        _ => Err(Why::WrongType),
    }
}

/// A text and what it may start or end with.
fn affix<'f, 'v>(
    found: Found<'f>,
    scalar: impl FnOnce() -> Result<Scalar<'v>, Why>,
    budget: &Budget,
) -> Result<(&'f str, &'v str), Why> {
    let (text, part) = (text(found)?, text_of(scalar()?)?);
    if !budget.take_for(part.len() / 16, 1) {
        return Err(Why::TooCostly);
    }
    Ok((text, part))
}

/// Part of a string, or element of a list.
fn contains<'v>(
    found: Found<'_>,
    scalar: impl FnOnce() -> Result<Scalar<'v>, Why>,
    budget: &Budget,
) -> Result<bool, Why> {
    match present(found)? {
        Found::Text(text) => {
            let part = text_of(scalar()?)?;
            if !budget.take_for(text.len(), 2) {
                return Err(Why::TooCostly);
            }
            Ok(text.contains(part))
        }
        Found::List(list) => among(list, scalar()?, budget),
        _ => Err(Why::WrongType),
    }
}

/// How the length compares with a whole number.
fn length<'v>(
    found: Found<'_>,
    scalar: impl FnOnce() -> Result<Scalar<'v>, Why>,
    budget: &Budget,
) -> Result<Ordering, Why> {
    let length = measure(found, budget)?;
    match scalar()? {
        Scalar::Number(number) if number.is_whole() => Ok(length.cmp(&number)),
        _ => Err(Why::WrongType),
    }
}

/// The length: characters of a string, elements of a list, members of an object.
pub(crate) fn measure(found: Found<'_>, budget: &Budget) -> Result<Decimal, Why> {
    let length = match present(found)? {
        Found::Text(text) => {
            if !budget.take_for(text.len() / 4, 1) {
                return Err(Why::TooCostly);
            }
            text.chars().count()
        }
        Found::List(list) => list.len(),
        Found::Object(object) => object.len(),
        _ => return Err(Why::WrongType),
    };
    Ok(Decimal::new(false, u64::try_from(length).unwrap_or(u64::MAX), 0))
}

pub(crate) fn is_of_type(found: Found<'_>, wanted: JsonType) -> bool {
    match found {
        Found::Missing | Found::EmptyList | Found::Places(_) => false,
        Found::Null => wanted == JsonType::Null,
        Found::Bool(_) => wanted == JsonType::Boolean,
        Found::Number(number) => match wanted {
            JsonType::Number => true,
            JsonType::Integer => number.is_integer(),
            _ => false,
        },
        Found::Text(_) => wanted == JsonType::String,
        Found::List(_) => wanted == JsonType::Array,
        Found::Object(_) => wanted == JsonType::Object,
    }
}
