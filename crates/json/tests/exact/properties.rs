//! What holds for every value and for any bytes.

use json::{Fault, Limits, Reader, Value};
use proptest::prelude::*;

use crate::generate;

/// Passes over the text without building anything.
fn skim(bytes: &[u8], limits: Limits) -> Result<std::ops::Range<usize>, json::ReadError> {
    let mut reader = Reader::new(bytes, limits)?;
    let span = reader.skip()?;
    reader.end()?;
    Ok(span)
}

fn check(bytes: &[u8]) {
    let read = json::read(bytes, Limits::REQUEST);
    let skimmed = skim(bytes, Limits::REQUEST);
    assert_eq!(read.as_ref().err(), skimmed.as_ref().err(), "reading and passing over differ");
    let passed = skim(bytes, Limits::ANSWER);
    let other = serde_json::from_slice::<serde_json::Value>(bytes);
    match &read {
        Ok(value) => {
            assert!(passed.is_ok(), "what is judged may also pass");
            let other = other.expect("what is judged is JSON to others");
            assert!(same(value, &other), "{other}");
            let written = json::write_to_vec(value);
            assert_eq!(json::read(&written, Limits::REQUEST).as_ref(), Ok(value));
            assert_eq!(
                json::write_to_vec(&json::read(&written, Limits::REQUEST).unwrap()),
                written
            );
        }
        Err(error) => {
            assert!(error.at() <= bytes.len());
            let open = !error.fault().is_syntax() && error.fault() != Fault::TrailingData;
            if other.is_ok() {
                assert!(open, "{error} in JSON");
            }
            if other.is_ok() && !matches!(error.fault(), Fault::DuplicateKey | Fault::TooDeep) {
                assert!(passed.is_ok(), "{error}");
            }
        }
    }
    let _ = json::document::read(bytes);
}

/// Whether another reader's value is the same; its numbers are floats, so those are compared so.
fn same(value: &Value, other: &serde_json::Value) -> bool {
    use serde_json::Value as Other;
    match (value, other) {
        (Value::Null, Other::Null) => true,
        (Value::Bool(a), Other::Bool(b)) => a == b,
        (Value::String(a), Other::String(b)) => a == b,
        (Value::Number(a), Other::Number(b)) => {
            let float: f64 = a.text().parse().unwrap();
            // Without its slow path the other reader may be off by the last place.
            let slack = float.abs() * 4.0 * f64::EPSILON + f64::MIN_POSITIVE;
            b.as_f64().is_some_and(|b| (b - float).abs() <= slack)
        }
        (Value::Array(a), Other::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Other::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(n, a)| b.get(n).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_value_reads_back_from_what_is_written(value in generate::value(), choices in prop::collection::vec(any::<u8>(), 1..64)) {
        let written = json::write_to_vec(&value);
        prop_assert_eq!(json::read(&written, Limits::REQUEST), Ok(value.clone()));
        let mut text = String::new();
        generate::spelt(&value, &mut choices.into_iter().cycle(), &mut text);
        let read = json::read(text.as_bytes(), Limits::REQUEST).unwrap();
        prop_assert_eq!(json::write_to_vec(&read), written);
        check(text.as_bytes());
    }

    #[test]
    fn the_canonical_form_knows_no_order(value in generate::value()) {
        let canonical = json::canonical(&value);
        prop_assert_eq!(json::read(&canonical, Limits::REQUEST), Ok(value.clone()));
        prop_assert_eq!(json::canonical(&turned(value)), canonical);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check(&bytes);
    }

    #[test]
    fn texts_of_the_alphabet_of_json(text in "[\\[\\]{}:,\"\\\\ud80aeE+.0-9tfn \u{e9}]{0,24}") {
        check(text.as_bytes());
    }

    #[test]
    fn texts_that_are_hurt(value in generate::value(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..4_u8) {
        let mut bytes = json::write_to_vec(&value);
        let at = at.index(bytes.len());
        match how {
            0 => bytes.truncate(at),
            1 => bytes[at] = byte,
            2 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        check(&bytes);
    }

    #[test]
    fn numbers_are_kept_to_the_letter_and_agree_with_binary64(text in generate::number()) {
        check(text.as_bytes());
        if let Ok(Value::Number(number)) = json::read(text.as_bytes(), Limits::REQUEST) {
            prop_assert_eq!(number.text(), &text);
            // What others print for the float is the same decimal.
            let float: f64 = text.parse().unwrap();
            let shortest = json::read(serde_json::to_string(&float).unwrap().as_bytes(), Limits::REQUEST).unwrap();
            prop_assert_eq!(shortest.as_number().map(json::Number::value), Some(number.value()));
        }
    }

    #[test]
    fn equality_is_the_same_for_few_and_for_many_members(members in prop::collection::btree_map("[a-z]{1,4}", 0..5_i64, 0..40), change in any::<prop::sample::Index>()) {
        let object: json::Object = members.iter().map(|(n, v)| (n.clone(), Value::from(*v))).collect();
        let backwards: json::Object = members.iter().rev().map(|(n, v)| (n.clone(), Value::from(*v))).collect();
        prop_assert_eq!(&object, &backwards);
        if !members.is_empty() {
            let name = members.keys().nth(change.index(members.len())).unwrap();
            let mut changed = backwards.clone();
            changed.insert(name.clone(), 99_i64);
            prop_assert_ne!(&object, &changed);
            changed.remove(name);
            prop_assert_ne!(&object, &changed);
        }
    }
}

/// The value with the members of every object in the opposite order.
fn turned(value: Value) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.into_iter().map(turned).collect()),
        Value::Object(object) => {
            let members: Vec<_> =
                object.iter().map(|(n, v)| (n.to_owned(), turned(v.clone()))).collect();
            Value::Object(members.into_iter().rev().collect())
        }
        scalar => scalar,
    }
}
