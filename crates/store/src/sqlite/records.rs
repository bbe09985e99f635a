//! How lists, moments and codes are spelled in rows, and read back strictly.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock};

use json::{Limits, Object, Value};

use super::desk::locked;
use super::fault::{Fault, corrupt};
use crate::Moment;

/// A list of texts as JSON.
pub(super) fn list_text(list: &[String]) -> String {
    text(&Value::Array(list.iter().map(|item| Value::from(item.as_str())).collect()))
}

/// Reads what [`list_text`] gave.
pub(super) fn list_of(text: &str, table: &'static str) -> Result<Vec<String>, Fault> {
    let value = json::read(text.as_bytes(), Limits::ANSWER).map_err(|_| corrupt(table))?;
    let list = value.as_array().ok_or_else(|| corrupt(table))?;
    list.iter().map(|v| v.as_str().map(str::to_owned).ok_or_else(|| corrupt(table))).collect()
}

/// Tags as a JSON object, in order.
pub(super) fn tags_text(tags: &[(String, String)]) -> String {
    let tags = tags.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    text(&Value::Object(tags.collect::<Object>()))
}

/// Reads what [`tags_text`] gave.
pub(super) fn tags_of(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let bad = || corrupt("grants");
    let value = json::read(text.as_bytes(), Limits::ANSWER).map_err(|_| bad())?;
    let tags = value.as_object().ok_or_else(bad)?;
    tags.iter()
        .map(|(key, v)| Ok((key.to_owned(), v.as_str().ok_or_else(bad)?.to_owned())))
        .collect()
}

fn text(value: &Value) -> String {
    String::from_utf8(json::write_to_vec(value)).unwrap_or_default()
}

/// Moments that may be absent.
pub(super) fn moment(micros: Option<i64>) -> Option<Moment> {
    micros.map(Moment::of_micros)
}

/// And back.
pub(super) fn micros(moment: Option<Moment>) -> Option<i64> {
    moment.map(Moment::micros)
}

/// A number that is kept as a wider one.
pub(super) fn number<T: TryFrom<i64>>(value: i64, table: &'static str) -> Result<T, Fault> {
    T::try_from(value).map_err(|_| corrupt(table))
}

/// The most different codes that rows may hold. The program has a few dozen.
const CODES_MAX: usize = 1_024;

/// A code of a row (a reason, a detail, a version) as the program's own text of the same spelling.
pub(super) fn code(text: &str) -> &'static str {
    static CODES: OnceLock<Mutex<HashSet<&'static str>>> = OnceLock::new();
    if text.is_empty() {
        return "";
    }
    let mut codes = locked(CODES.get_or_init(Mutex::default));
    if let Some(known) = codes.get(text) {
        return known;
    }
    // A row that somebody else wrote must not make this grow for ever.
    if codes.len() >= CODES_MAX || text.len() > 100 {
        return "other";
    }
    let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
    codes.insert(kept);
    kept
}
