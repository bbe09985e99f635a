//! Scalars of YAML as a Go reader takes them, where that is beyond doubt.

use json::Value;

use super::yaml::{Data, Node};
use crate::problem::Problem;

/// A scalar as a Go reader of YAML takes it, where that is beyond doubt.
pub(super) fn scalar(at: &Node) -> Result<Value, Problem> {
    let refuse = |code, message: &str| Err(at.problem(code, message));
    let (text, plain) = match &at.data {
        Data::Scalar { text, plain } => (text.as_str(), *plain),
        _ => return refuse("wrong_type", "a single value must stand here"),
    };
    match text {
        text if !plain => Ok(Value::from(text)),
        "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        _ if is_null(at) => refuse("not_supported", "null is not carried over: use `exists`"),
        text => match json::read(text.as_bytes(), json::Limits::REQUEST) {
            Ok(number @ Value::Number(_)) => Ok(number),
            _ if looks_like_a_number(text) => {
                let message = format!("write `{text}` as a plain number, or in quotes");
                refuse("not_supported", &message)
            }
            _ => Ok(Value::from(text)),
        },
    }
}

/// Whether nothing is said.
pub(super) fn is_null(at: &Node) -> bool {
    matches!(&at.data, Data::Scalar { text, plain: true }
        if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
}

/// The one type of a scalar, or of every scalar of a list.
pub(super) fn type_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("boolean"),
        Value::Array(list) => {
            let mut types = list.iter().map(type_of);
            let first = types.next()??;
            types.all(|other| other == Some(first)).then_some(first)
        }
        _ => None,
    }
}

/// Whether a reader of YAML may take the plain text for a number or a date.
fn looks_like_a_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-', '.']);
    if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("nan") {
        return digits.len() < text.len();
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let plain = digits.replace('_', "");
    let based = plain.len() > 2
        && ["0x", "0o", "0b", "0X", "0O", "0B"].iter().any(|base| plain.starts_with(base));
    let date = digits.len() >= 8
        && digits.as_bytes().get(4) == Some(&b'-')
        && digits.bytes().take(4).all(|b| b.is_ascii_digit());
    based || date || plain.parse::<f64>().is_ok()
}
