//! Writing compact JSON text by hand, so that an exact amount stays the text it is.

use std::fmt::{Display, Write as _};

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends `text` as it stands between the quotes of a JSON string.
fn push_escaped(out: &mut String, text: &str) {
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        // Every byte that needs an escape is ASCII, so both ends of the slice are character borders.
        out.push_str(text.get(plain_from..at).unwrap_or_default());
        plain_from = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => push_display(out, format_args!("\\u{byte:04x}")),
        }
    }
    out.push_str(text.get(plain_from..).unwrap_or_default());
}

/// Appends what `value` prints. Writing into a `String` cannot fail.
pub(crate) fn push_display(out: &mut String, value: impl Display) {
    let _ = write!(out, "{value}");
}

/// A JSON object in the making, written member by member.
pub(crate) struct Object(String);

impl Object {
    /// An object with room for about `bytes` of text.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self(text)
    }

    /// Adds a string member.
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        push_text(self.member(name), value);
        self
    }

    /// Adds a member whose value prints as JSON: a number, `true`, or ready-made JSON text.
    pub(crate) fn json(mut self, name: &str, value: impl Display) -> Self {
        push_display(self.member(name), value);
        self
    }

    /// The finished object.
    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn member(&mut self, name: &str) -> &mut String {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, name);
        self.0.push(':');
        &mut self.0
    }
}

/// Ready-made JSON values as a JSON array.
pub(crate) fn array(values: impl IntoIterator<Item = String>) -> String {
    let mut out = String::from("[");
    for value in values {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&value);
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_reads_back_as_itself() {
        for text in
            ["", "plain", "a\"b\\c", "line\nbreak\r\ttab", "\u{0}\u{1f}", "émoji 🦀 \u{2028}", "\""]
        {
            let mut out = String::new();
            push_text(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn an_object_is_valid_json_with_its_members_in_order() {
        let object =
            Object::with_capacity(0).text("a", "x\"y").json("b", 1.5).json("c", "[]").end();
        assert_eq!(object, r#"{"a":"x\"y","b":1.5,"c":[]}"#);
        assert_eq!(Object::with_capacity(0).end(), "{}");
        assert_eq!(array(["1".to_owned(), "2".to_owned()]), "[1,2]");
    }
}
