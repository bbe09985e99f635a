//! Values and texts at random, for the tests that compare readers.

use json::{Limits, Object, Value};
use proptest::prelude::*;

/// Texts with what strings are attacked with.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{0,8}",
        2 => "\\PC{0,12}",
        1 => prop::collection::vec(any::<char>(), 0..8).prop_map(String::from_iter),
        1 => prop::sample::select(vec![
            "__proto__", "constructor", "toString", "\u{0}", "\u{2028}\u{2029}", "</script>", "\"\\/\u{8}\u{c}\n\r\t",
            "\u{7f}\u{80}", "😀\u{10fffd}", "\u{feff}", "\u{202e}", "1", "0", "-1", "length", "\u{e000}", "\u{d7ff}",
        ]).prop_map(str::to_owned),
    ]
}

/// Numbers in every spelling; not all of them are taken.
pub(crate) fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| (n >> 10).to_string()),
        (-1000..1000_i32).prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        (-1e9..1e9_f64).prop_map(|n| format!("{n}")),
        (any::<i32>(), 0..12_usize)
            .prop_map(|(n, places)| format!("{:.places$}", f64::from(n) / 1e3)),
        (near_a_tie(), 0..4_usize).prop_map(|(n, places)| format!("{n:.places$}")),
        "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?",
    ]
}

/// Floats that lie halfway between two decimals, or nearly so.
pub(crate) fn near_a_tie() -> impl Strategy<Value = f64> {
    (any::<i64>(), 8..30_u32, 1..9).prop_map(|(n, shift, scale)| {
        #[expect(clippy::cast_precision_loss, reason = "any float will do")]
        let whole = (n >> shift) as f64;
        whole / 2_f64.powi(scale)
    })
}

/// Any value that is taken.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_filter_map("refused", |n| json::read(n.as_bytes(), Limits::REQUEST).ok()),
        text()
            .prop_filter("noncharacter", |t| !t.chars().any(noncharacter))
            .prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..6).prop_map(object),
        ]
    })
}

/// An object of those members that may stand together.
fn object(members: Vec<(String, Value)>) -> Value {
    let mut object = Object::new();
    for (name, value) in members {
        let folded = json::fold(&name).into_owned();
        let alone = object.names().all(|other| json::fold(other) != folded);
        if alone && !name.chars().any(|c| c.is_control() || noncharacter(c)) {
            object.insert(name, value);
        }
    }
    Value::Object(object)
}

fn noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

/// A text of that value in a spelling of its own: blanks, escapes, no two alike.
pub(crate) fn spelt(value: &Value, choices: &mut impl Iterator<Item = u8>, out: &mut String) {
    let blank = |out: &mut String, choices: &mut dyn Iterator<Item = u8>| {
        out.push_str(["", "", "", " ", "\t", "  "][usize::from(choices.next().unwrap_or(0)) % 6]);
    };
    blank(out, choices);
    match value {
        Value::Array(list) => {
            out.push('[');
            for (index, element) in list.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                spelt(element, choices, out);
            }
            blank(out, choices);
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (index, (name, member)) in object.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                spelt(&Value::from(name), choices, out);
                out.push(':');
                spelt(member, choices, out);
            }
            blank(out, choices);
            out.push('}');
        }
        Value::String(text) => {
            out.push('"');
            for c in text.chars() {
                let escape = c < ' ' || matches!(c, '"' | '\\') || choices.next().unwrap_or(0) < 64;
                if escape {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04X}"));
                    }
                } else {
                    out.push(c);
                }
            }
            out.push('"');
        }
        scalar => out.push_str(&String::from_utf8_lossy(&json::write_to_vec(scalar))),
    }
    blank(out, choices);
}
