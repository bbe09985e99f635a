//! Comparisons and values as people read them.

use crate::program::{Comparison, Constant, JsonType, Op, Operand};

use super::test::Test;

/// Longer texts are cut short when they are shown.
const SHOWN_MAX: usize = 60;

/// A text in quotes, cut short where it is long.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_MAX).collect();
    let mut out = Vec::new();
    json::write_string(&short, &mut out);
    let mut out = String::from_utf8(out).unwrap_or_default();
    if short.len() < text.len() {
        out.push('…');
    }
    out
}

/// A constant.
pub(crate) fn constant(constant: &Constant) -> String {
    match constant {
        Constant::Text(text) => quoted(text),
        Constant::Number(number) => number.to_string(),
        Constant::Bool(value) => value.to_string(),
    }
}

/// What a set of answers to a question means: false 1, indeterminate 2, true 4. `every` is there for
/// places behind `[*]`.
pub(crate) fn answer(name: &str, test: &Test<'_>, every: Option<bool>, mask: u8) -> String {
    let subject = match every {
        Some(true) => format!("every {name}"),
        Some(false) => format!("some {name}"),
        None => name.to_owned(),
    };
    let contrary = match every {
        Some(true) => format!("some {name}"),
        Some(false) => format!("every {name}"),
        None => name.to_owned(),
    };
    let (holds, fails) = (self::test(&subject, test, true), self::test(&contrary, test, false));
    match mask {
        4 => holds,
        1 => fails,
        6 => format!("{holds} (or that cannot be judged)"),
        3 => format!("{fails} (or that cannot be judged)"),
        _ => format!("{name} cannot be judged"),
    }
}

fn test(name: &str, test: &Test<'_>, positive: bool) -> String {
    match test {
        Test::Compare(comparison) => compared(name, comparison, positive),
        Test::Amount(_) if positive => format!("{name} fits the limit"),
        Test::Amount(_) => format!("{name} does not fit the limit"),
        Test::Splits if positive => format!("{name} is one value"),
        Test::Splits => format!("{name} is not one value of at most 1024 bytes"),
        Test::Is(value) => format!("{name} {} {}", sign(Op::Eq, positive), constant(value)),
        Test::Name(pattern) if positive => format!("{name} is like {}", quoted(pattern.text())),
        Test::Name(pattern) => format!("{name} is not like {}", quoted(pattern.text())),
    }
}

fn compared(name: &str, comparison: &Comparison, positive: bool) -> String {
    let op = comparison.op;
    match &comparison.operand {
        Operand::Scalar(value) => phrase(name, op, &constant(value), positive),
        Operand::Set(set) => {
            let list: Vec<String> = set.constants().take(8).map(|c| constant(&c)).collect();
            phrase(name, op, &list.join(", "), positive)
        }
        Operand::Pattern(pattern) => phrase(name, op, &quoted(pattern.text()), positive),
        Operand::Present(wanted) if *wanted == positive => format!("{name} is there"),
        Operand::Present(_) => format!("{name} is missing or null"),
        Operand::Type(wanted) => {
            let wanted = JsonType::ALL.iter().find(|(_, kind)| kind == wanted);
            let not = if positive { "" } else { " not" };
            format!("{name} is{not} of type {}", wanted.map_or("", |(name, _)| name))
        }
        Operand::Slot(_) => name.to_owned(),
    }
}

/// A comparison of two places.
pub(crate) fn beside(left: &str, op: Op, right: &str, positive: bool) -> String {
    phrase(left, op, right, positive)
}

fn sign(op: Op, positive: bool) -> &'static str {
    match (op, positive) {
        (Op::Eq, true) | (Op::Neq, false) => "=",
        (Op::Eq, false) | (Op::Neq, true) => "≠",
        (Op::Lt | Op::LengthLt, true) | (Op::Gte | Op::LengthGte, false) => "<",
        (Op::Lte | Op::LengthLte, true) | (Op::Gt | Op::LengthGt, false) => "≤",
        (Op::Gt | Op::LengthGt, true) | (Op::Lte | Op::LengthLte, false) => ">",
        (Op::Gte | Op::LengthGte, true) | (Op::Lt | Op::LengthLt, false) => "≥",
        (Op::In, true) | (Op::NotIn, false) => "is one of",
        (Op::In, false) | (Op::NotIn, true) => "is none of",
        (Op::Matches, true) => "matches",
        (Op::Matches, false) => "does not match",
        (Op::Regex, true) => "has a part that matches",
        (Op::Regex, false) => "has no part that matches",
        (Op::StartsWith, true) => "starts with",
        (Op::StartsWith, false) => "does not start with",
        (Op::EndsWith, true) => "ends with",
        (Op::EndsWith, false) => "does not end with",
        (Op::Contains, true) | (Op::NotContains, false) => "contains",
        (Op::Contains, false) | (Op::NotContains, true) => "does not contain",
        (Op::Exists | Op::Type, true) => "is",
        (Op::Exists | Op::Type, false) => "is not",
    }
}

fn phrase(name: &str, op: Op, value: &str, positive: bool) -> String {
    let sign = sign(op, positive);
    match op {
        Op::LengthLt | Op::LengthLte | Op::LengthGt | Op::LengthGte => {
            format!("the length of {name} {sign} {value}")
        }
        _ => format!("{name} {sign} {value}"),
    }
}

/// A value as JSON text.
pub(crate) fn value(value: &json::Value) -> String {
    String::from_utf8(json::write_to_vec(value)).unwrap_or_default()
}
