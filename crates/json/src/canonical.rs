//! The form digests are taken of: members sorted as RFC 8785 says, number text kept.
//!
//! The number text is kept because it is what the upstream receives: `1.0` and `1` are one value
//! to a rule and two different messages to an upstream.

use crate::{Value, write_string};

/// The canonical bytes of a value.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    append(value, false, &mut out);
    out
}

/// The same for values instead of spellings: equal values give equal bytes, as rules see them. `1`,
/// `1.0` and `1e0` are one; every number stands as its digits, `e` and a power of ten. Texts are
/// equal to the letter alone.
pub fn canonical_by_value(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    append(value, true, &mut out);
    out
}

fn append(value: &Value, by_value: bool, out: &mut Vec<u8>) {
    match value {
        Value::Array(list) => {
            out.push(b'[');
            for (index, element) in list.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                append(element, by_value, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                append(member, by_value, out);
            }
            out.push(b'}');
        }
        Value::Number(number) if by_value => {
            let exact = number.value();
            let sign = if exact.is_negative() { "-" } else { "" };
            let text = format!("{sign}{}e{}", exact.digits(), exact.exponent());
            out.extend_from_slice(text.as_bytes());
        }
        scalar => crate::write(scalar, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_value(text: &str) -> String {
        let limits = crate::Limits { depth: 64, members: 100, exact: true };
        let value = crate::read(text.as_bytes(), limits).unwrap();
        String::from_utf8(canonical_by_value(&value)).unwrap()
    }

    #[test]
    fn equal_values_are_spelled_alike_and_others_are_not() {
        for (texts, spelled) in [
            (&["1", "1.0", "1e0", "10e-1", "0.1E1"][..], "1e0"),
            (&["100", "1e2", "100.00"], "1e2"),
            (&["0", "0.0", "0e5"], "0e0"),
            (&["-0.50", "-5e-1"], "-5e-1"),
            (&["\"1\""], "\"1\""),
            (&["\"a\"", "\"\\u0061\""], "\"a\""),
            (
                &[r#"{"b":[1.0,null],"a":true}"#, r#"{"a":true, "b":[1,null]}"#],
                r#"{"a":true,"b":[1e0,null]}"#,
            ),
        ] {
            for text in texts {
                assert_eq!(by_value(text), spelled, "{text}");
            }
        }
        // Two letters that look alike are two letters.
        assert_ne!(by_value("\"\u{e9}\""), by_value("\"e\u{301}\""));
    }
}
