//! What is written: the plain form that is forwarded and the sorted form that digests are taken of.

use json::{Limits, Object, Value};

fn read(text: &str) -> Value {
    json::read(text.as_bytes(), Limits::REQUEST).unwrap()
}

#[test]
fn j06_j26_escapes_become_plain_and_numbers_stay() {
    for (text, written) in [
        (r#""tools\u002fcall""#, r#""tools/call""#),
        (r#""\/\u00e9\ud83d\ude00""#, "\"/é😀\""),
        (r#""\u0001\u001f\u0008\u000c\u007f\"\\""#, "\"\\u0001\\u001f\\b\\f\u{7f}\\\"\\\\\""),
        ("[1.0, 1e0 ,10e-1,1E+2,0.10]", "[1.0,1e0,10e-1,1E+2,0.10]"),
        (r#" { "b" : 1 , "a" : { } } "#, r#"{"b":1,"a":{}}"#),
        (r#""\u2028""#, "\"\u{2028}\""),
    ] {
        assert_eq!(String::from_utf8(json::write_to_vec(&read(text))).unwrap(), written);
    }
}

#[test]
fn the_canonical_form_sorts_by_utf16_and_keeps_number_text() {
    // The order of RFC 8785, 3.2.3: by UTF-16 code units, so U+1F600 comes before U+FB33.
    let text = "{\"\u{fb33}\":1.0,\"\u{1f600}\":1e0,\"\u{20ac}\":{\"b\":1,\"a\":2},\"1\":[],\"\u{80}x\":0}";
    let value = json::read(text.replace("\u{80}x", "\u{f6}").as_bytes(), Limits::REQUEST).unwrap();
    assert_eq!(
        String::from_utf8(json::canonical(&value)).unwrap(),
        "{\"1\":[],\"\u{f6}\":0,\"\u{20ac}\":{\"a\":2,\"b\":1},\"\u{1f600}\":1e0,\"\u{fb33}\":1.0}"
    );
    assert_ne!(json::canonical(&read("1.0")), json::canonical(&read("1")));
    assert_eq!(read("1.0"), read("1"));
}

#[test]
fn j28_values_of_other_types_are_never_equal() {
    let values =
        ["1", "\"1\"", "true", "null", "[1]", r#"{"value":1}"#, "[]", "{}", "\"\"", "0", "false"];
    for (a, left) in values.iter().enumerate() {
        for (b, right) in values.iter().enumerate() {
            assert_eq!(read(left) == read(right), a == b, "{left} {right}");
        }
    }
}

#[test]
fn members_keep_their_place_when_they_are_changed() {
    let Value::Object(mut object) = read(r#"{"a":1,"b":2,"c":3}"#) else { panic!("an object") };
    object.insert("b", "new");
    object.insert("d", true);
    assert_eq!(object.remove("a"), Some(Value::from(1)));
    assert_eq!(object.remove("a"), None);
    assert_eq!(json::write_to_vec(&Value::Object(object)), br#"{"b":"new","c":3,"d":true}"#);
    let twice = [("a", 1), ("b", 2), ("a", 3)].map(|(n, v)| (n.to_owned(), Value::from(v)));
    let object: Object = twice.into_iter().collect();
    assert_eq!(json::write_to_vec(&Value::Object(object)), br#"{"a":3,"b":2}"#);
}

#[test]
fn pointers_escape_what_they_must() {
    assert_eq!(json::pointer::of(["a/b", "~", "", "0"]), "/a~1b/~0//0");
}
