//! Questions as a sentence: `can refund_payment pass without approval when amount > 500 and currency =
//! "usd"?`. A sentence becomes the same question as data; what it does not say in these words can be
//! asked as data.

use json::{Limits, Object, Value};

use crate::program::Op;

/// What may be asked, the longest first.
const OUTCOMES: [(&str, &str); 16] = [
    ("pass without approval", "allow"),
    ("pass without a person", "allow"),
    ("pass with no approval", "allow"),
    ("pass with no person", "allow"),
    ("go through", "allow"),
    ("be allowed", "allow"),
    ("need approval", "hold"),
    ("need an approval", "hold"),
    ("wait for approval", "hold"),
    ("wait for a person", "hold"),
    ("be held", "hold"),
    ("be denied", "deny"),
    ("be refused", "deny"),
    ("be blocked", "deny"),
    ("be stopped", "deny"),
    ("pass", "pass"),
];

/// Operators as they are written, the longest first; those in words stand between blanks.
const SIGNS: [(&str, &str); 19] = [
    ("does not contain", "not_contains"),
    ("starts with", "starts_with"),
    ("ends with", "ends_with"),
    ("is not", "neq"),
    ("not in", "not_in"),
    ("contains", "contains"),
    ("matches", "matches"),
    ("in", "in"),
    ("is", "eq"),
    (">=", "gte"),
    ("<=", "lte"),
    ("!=", "neq"),
    ("==", "eq"),
    ("≥", "gte"),
    ("≤", "lte"),
    ("≠", "neq"),
    (">", "gt"),
    ("<", "lt"),
    ("=", "eq"),
];

/// How a question reads.
pub const QUESTION_SHAPE: &str = "a question reads: can TOOL pass without approval when amount > 500 and currency = \
                     \"usd\"? (or: pass, be held, be denied)";

/// Reads a sentence.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let text = text.trim().trim_end_matches('?').trim_end();
    let (first, rest) = word(text);
    if !first.eq_ignore_ascii_case("can") {
        return Err(QUESTION_SHAPE.to_owned());
    }
    let (tool, rest) = word(rest);
    if tool.is_empty() {
        return Err(QUESTION_SHAPE.to_owned());
    }
    let tool = if tool == "anything" { "*" } else { tool };
    let found = OUTCOMES.iter().find_map(|(words, outcome)| {
        let after = rest.strip_prefix(words)?;
        (after.is_empty() || after.starts_with(' ')).then_some((*outcome, after.trim_start()))
    });
    let Some((outcome, rest)) = found else {
        return Err(format!(
            "`{rest}` does not say what the call should come to; {QUESTION_SHAPE}"
        ));
    };
    let mut conditions = Vec::new();
    if !rest.is_empty() {
        let (when, mut rest) = word(rest);
        if !matches!(when, "when" | "if" | "where" | "with") {
            return Err(format!("`when` is wanted in place of `{when}`; {QUESTION_SHAPE}"));
        }
        loop {
            let (condition, after) = condition(rest)?;
            conditions.push(condition);
            let after = after.trim_start();
            if after.is_empty() {
                break;
            }
            let (and, more) = word(after);
            if and != "and" {
                return Err(format!(
                    "`and` or the end is wanted in place of `{and}`; `or` and groups can be asked as data"
                ));
            }
            rest = more;
        }
    }
    let mut question = Object::new();
    question.insert("tool", tool);
    question.insert("where", Value::Array(conditions));
    question.insert("outcome", outcome);
    Ok(Value::Object(question))
}

/// The next word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_start())
}

fn condition(text: &str) -> Result<(Value, &str), String> {
    let text = text.trim_start();
    let (path, rest) = path(text)?;
    for (words, op, value) in
        [("is missing", "exists", false), ("is there", "exists", true), ("exists", "exists", true)]
    {
        if let Some(after) = rest.strip_prefix(words)
            && (after.is_empty() || after.starts_with(' '))
        {
            return Ok((comparison(&path, op, Value::Bool(value)), after));
        }
    }
    let (op, rest) = operator(rest)
        .ok_or_else(|| format!("`{}` is no operator (behind `{path}`)", word(rest).0))?;
    let (value, rest) = value(rest.trim_start())?;
    Ok((comparison(&path, op, value), rest))
}

fn comparison(path: &str, op: &str, value: Value) -> Value {
    let mut object = Object::new();
    object.insert("path", path);
    object.insert("op", op);
    object.insert("value", value);
    Value::Object(object)
}

/// A path; `amount` is short for `args.amount`.
fn path(text: &str) -> Result<(String, &str), String> {
    let mut depth = 0_i32;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            depth += i32::from(*c == '[') - i32::from(*c == ']');
            depth <= 0
                && (c.is_whitespace() || matches!(c, '=' | '<' | '>' | '!' | '≤' | '≥' | '≠'))
        })
        .map_or(text.len(), |(at, _)| at);
    let (path, rest) = text.split_at(end);
    let rooted = ["args", "tool", "grant", "request"].iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    });
    let path = if rooted { path.to_owned() } else { format!("args.{path}") };
    crate::path::parse(&path).map_err(|message| format!("`{path}` is not a path: {message}"))?;
    Ok((path, rest.trim_start()))
}

fn operator(text: &str) -> Option<(&'static str, &str)> {
    let signs = SIGNS.iter().find_map(|(sign, op)| {
        let rest = text.strip_prefix(sign)?;
        let in_words = sign.starts_with(|c: char| c.is_ascii_alphabetic());
        (!in_words || rest.starts_with(' ')).then_some((*op, rest))
    });
    signs.or_else(|| {
        let (name, rest) = word(text);
        let (name, _) = Op::ALL.iter().find(|(known, _)| *known == name)?;
        Some((*name, rest))
    })
}

/// A JSON value, or a bare word, which is a string.
fn value(text: &str) -> Result<(Value, &str), String> {
    if text.starts_with(['"', '[', '{']) {
        let end = json_end(text).ok_or("a string or a list is not closed")?;
        let (literal, rest) = text.split_at(end);
        let value = json::read(literal.as_bytes(), Limits::REQUEST)
            .map_err(|error| format!("`{literal}` is not JSON: {error}"))?;
        return Ok((value, rest));
    }
    let (word, rest) = word(text);
    if word.is_empty() {
        return Err("a value is missing at the end".to_owned());
    }
    let value = json::read(word.as_bytes(), Limits::REQUEST);
    let plain = |word: &str| word.chars().all(|c| c.is_alphanumeric() || "_-.:@/".contains(c));
    match value {
        Ok(value) => Ok((value, rest)),
        Err(_) if plain(word) && !word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            Ok((Value::from(word), rest))
        }
        Err(error) => Err(format!("`{word}` is not a value: {error}; write texts in quotes")),
    }
}

/// Where a JSON string, list or object ends.
fn json_end(text: &str) -> Option<usize> {
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            '[' | '{' if !inside => depth += 1,
            ']' | '}' if !inside => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 && !inside && !escaped {
            return Some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_become_questions() {
        for (text, expected) in [
            (
                r#"can refund_payment pass without approval when amount > 500 and currency = "usd"?"#,
                r#"{"tool":"refund_payment","where":[{"path":"args.amount","op":"gt","value":500},{"path":"args.currency","op":"eq","value":"usd"}],"outcome":"allow"}"#,
            ),
            ("can x be denied", r#"{"tool":"x","where":[],"outcome":"deny"}"#),
            (
                "can pay_* pass if note is missing and request.weekday in [\"sat\", \"sun\"]",
                r#"{"tool":"pay_*","where":[{"path":"args.note","op":"exists","value":false},{"path":"request.weekday","op":"in","value":["sat","sun"]}],"outcome":"pass"}"#,
            ),
            (
                "can x need approval when args[\"odd key\"]>=2 and currency is usd and note length_gt 5?",
                r#"{"tool":"x","where":[{"path":"args[\"odd key\"]","op":"gte","value":2},{"path":"args.currency","op":"eq","value":"usd"},{"path":"args.note","op":"length_gt","value":5}],"outcome":"hold"}"#,
            ),
            (
                r#"can x go through when items[*].sku starts with "a\"b" and cust.email does not contain "@""#,
                r#"{"tool":"x","where":[{"path":"args.items[*].sku","op":"starts_with","value":"a\"b"},{"path":"args.cust.email","op":"not_contains","value":"@"}],"outcome":"allow"}"#,
            ),
        ] {
            let found = read(text).unwrap();
            assert_eq!(super::super::words::value(&found), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for text in [
            "",
            "may x pass",
            "can",
            "can x fly",
            "can x pass when",
            "can x pass when amount",
            "can x pass when amount >",
            "can x pass when amount > 5 or b = 2",
            "can x pass when amount > 5usd",
            "can x pass when amount ~ 5",
            "can x pass when a[ = 5",
            "can x pass when a = \"open",
            "can x pass unless a = 5",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
