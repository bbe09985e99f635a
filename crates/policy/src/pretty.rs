//! JSON for people to read: two spaces a level, short lists on one line.

use json::Value;

/// Containers that fit this many characters stay on one line.
const LINE_MAX: usize = 80;

/// The value as text with line breaks.
pub(crate) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    append(value, 0, &mut out);
    out.push('\n');
    out
}

fn append(value: &Value, level: usize, out: &mut String) {
    let flat = flat(value);
    let nested = match value {
        Value::Array(list) => !list.is_empty() && flat.chars().count() + level * 2 > LINE_MAX,
        Value::Object(object) => {
            !object.is_empty() && (level == 0 || flat.chars().count() + level * 2 > LINE_MAX)
        }
        _ => false,
    };
    if !nested {
        out.push_str(&flat);
        return;
    }
    let indent = "  ".repeat(level + 1);
    match value {
        Value::Array(list) => {
            out.push_str("[\n");
            for (index, element) in list.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "" });
                out.push_str(&indent);
                append(element, level + 1, out);
            }
            out.push('\n');
            out.push_str(&"  ".repeat(level));
            out.push(']');
        }
        Value::Object(object) => {
            out.push_str("{\n");
            for (index, (name, member)) in object.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "" });
                out.push_str(&indent);
                out.push_str(&text(name));
                out.push_str(": ");
                append(member, level + 1, out);
            }
            out.push('\n');
            out.push_str(&"  ".repeat(level));
            out.push('}');
        }
        _ => out.push_str(&flat),
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(flat).collect();
            format!("[{}]", list.join(", "))
        }
        Value::Object(object) if object.is_empty() => "{}".to_owned(),
        Value::Object(object) => {
            let members: Vec<String> = object
                .iter()
                .map(|(name, value)| format!("{}: {}", text(name), flat(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        scalar => String::from_utf8(json::write_to_vec(scalar)).unwrap_or_default(),
    }
}

fn text(name: &str) -> String {
    let mut out = Vec::new();
    json::write_string(name, &mut out);
    String::from_utf8(out).unwrap_or_default()
}
