//! Shows what the API answered: tables and lines for people, the answer itself for programs.

use serde_json::Value;

use crate::failure::Failure;
use crate::out::{self, Style};

/// A column of a table: its head, and where its cells stand in each row.
pub(super) type Column = (&'static str, &'static str);

/// Shows a list: one JSON document a line, or a table.
pub(super) fn list(items: &[Value], columns: &[Column], style: Style) -> Result<(), Failure> {
    if style == Style::Json {
        return Ok(items.iter().try_for_each(out::json)?);
    }
    let head: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|(_, pointer)| cell(item, pointer)).collect())
        .collect();
    Ok(out::table(&head, &rows)?)
}

/// Shows one object: its JSON, or a line for each part that is there.
pub(super) fn object(value: &Value, lines: &[Column], style: Style) -> Result<(), Failure> {
    if style == Style::Json {
        return Ok(out::json(value)?);
    }
    for (head, pointer) in lines {
        let text = cell(value, pointer);
        if !text.is_empty() {
            out::line(&format!("{head:<14} {}", out::plain(&text)))?;
        }
    }
    Ok(())
}

/// Says what was done: the answer itself, or a sentence.
pub(super) fn done(value: &Value, sentence: &str, style: Style) -> Result<(), Failure> {
    match style {
        Style::Json if value.is_null() => Ok(out::json(&serde_json::json!({"done": true}))?),
        Style::Json => Ok(out::json(value)?),
        Style::Human => Ok(out::line(sentence)?),
    }
}

/// A part of a value as text; empty where there is none.
///
/// `/a,/b` gives the first of the two that is there.
pub(super) fn cell(value: &Value, pointers: &str) -> String {
    pointers
        .split(',')
        .map(|pointer| part(value, pointer))
        .find(|t| !t.is_empty())
        .unwrap_or_default()
}

fn part(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| part(item, "")).collect::<Vec<_>>().join(", ")
        }
        Some(Value::Object(members)) => members
            .iter()
            .map(|(name, member)| format!("{name}={}", part(member, "")))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    }
}

/// One fault of a document or a request, on a line: place, what is wrong, what was meant.
pub(crate) fn fault_line(fault: &Value) -> String {
    let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| fault.get(name).and_then(Value::as_u64);
    let mut line = String::new();
    if let (Some(row), Some(column)) = (number("line"), number("column")) {
        line.push_str(&format!("{row}:{column}: "));
    }
    line.push_str(text("message"));
    if !text("pointer").is_empty() {
        line.push_str(&format!(" (at {})", text("pointer")));
    }
    if !text("suggestion").is_empty() {
        line.push_str(&format!("; did you mean `{}`?", text("suggestion")));
    }
    out::plain(&line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_the_first_part_that_is_there() {
        let value =
            json!({"a": {"b": null, "c": 5}, "list": ["x", "y"], "map": {"k": "v"}, "t": true});
        for (pointers, text) in
            [("/a/b,/a/c", "5"), ("/list", "x, y"), ("/map", "k=v"), ("/t", "yes"), ("/none", "")]
        {
            assert_eq!(cell(&value, pointers), text, "{pointers}");
        }
    }

    #[test]
    fn a_fault_stands_on_one_line_with_its_place_and_suggestion() {
        let fault = json!({"line": 3, "column": 7, "message": "unknown key `tols`",
                           "pointer": "/tols", "suggestion": "tools"});
        assert_eq!(fault_line(&fault), "3:7: unknown key `tols` (at /tols); did you mean `tools`?");
    }
}
