//! Text that a person does not see: found, and written so that they do.

use json::{Limits, Object, Value};

use crate::tree::Tree;

/// A text with every character escaped that a person would not see, or that would make others
/// appear elsewhere.
pub fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// A definition for a person: the same JSON, with every text and every name in it as [`visible`] shows
/// them; line breaks and tabs stay. `None` where it is no strict JSON.
pub fn visible_definition(raw: &[u8]) -> Option<Vec<u8>> {
    let read = json::read(raw, Limits::ANSWER).ok()?;
    Some(json::write_to_vec(&all_visible(&read)))
}

fn all_visible(value: &Value) -> Value {
    match value {
        Value::String(text) => escaped(text, lays_out).into(),
        Value::Array(list) => Value::Array(list.iter().map(all_visible).collect()),
        Value::Object(object) => {
            let members = object.iter().map(|(name, value)| (visible(name), all_visible(value)));
            Value::Object(members.collect::<Object>())
        }
        other => other.clone(),
    }
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && !stays(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether some text in the value holds characters that a person does not see.
pub(super) fn has_hidden_text(tree: &Tree) -> bool {
    let hidden = |text: &str| text.chars().any(|c| is_hidden(c) && !lays_out(c));
    match tree {
        Tree::Word(_) => false,
        Tree::String(text) => hidden(text),
        Tree::List(list) => list.iter().any(has_hidden_text),
        Tree::Map(members) => {
            members.iter().any(|(name, member)| hidden(name) || has_hidden_text(member))
        }
    }
}

/// What lays a text out and hides nothing.
const fn lays_out(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t')
}

/// Whether a person does not see a character: control and format characters, fillers, separators of lines,
/// tags and private use.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{e000}'..='\u{f8ff}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{10ffff}'
        )
}
