//! Files that people write: places, and every fault at once.

use json::document::{self, Data, Place};
use json::{Fault, Step};

#[test]
fn every_fault_that_leaves_a_tree_is_reported_with_its_place() {
    let text = "{\n  \"a\": 1,\n  \"é\": {\"x\": 1e400, \"x\": 2},\n  \"a\": -0,\n  \"A\": [1, 9007199254740993]\n}";
    let (_, faults) = document::read(text.as_bytes()).unwrap();
    let told: Vec<_> = faults
        .iter()
        .map(|fault| {
            let Place { line, column } = document::place(text.as_bytes(), fault.at());
            (fault.fault(), fault.pointer(), line, column)
        })
        .collect();
    assert_eq!(
        told,
        [
            (Fault::NumberOutOfRange, "/é/x".to_owned(), 3, 14),
            (Fault::DuplicateKey, "/é/x".to_owned(), 3, 21),
            (Fault::DuplicateKey, "/a".to_owned(), 4, 3),
            (Fault::NegativeZero, "/a".to_owned(), 4, 8),
            (Fault::KeyCollision, "/A".to_owned(), 5, 3),
            (Fault::NumberNotExact, "/A/1".to_owned(), 5, 12),
        ]
    );
}

#[test]
fn nodes_and_names_know_where_they_stand() {
    let text = "{ \"a\": [ true ] }";
    let (node, faults) = document::read(text.as_bytes()).unwrap();
    assert!(faults.is_empty());
    let Data::Object(members) = &node.data else { panic!("an object") };
    let member = members.first().unwrap();
    assert_eq!((node.at, member.at, member.value.at), (0, 2, 7));
    let Data::Array(list) = &member.value.data else { panic!("a list") };
    assert_eq!(list.first().map(|node| node.at), Some(9));
}

#[test]
fn a_text_without_a_tree_is_one_error() {
    for (text, fault) in [
        ("{\"a\":1,}", Fault::Syntax),
        ("", Fault::UnexpectedEnd),
        ("[1] 2", Fault::TrailingData),
        ("\u{feff}{}", Fault::NotUtf8),
    ] {
        assert_eq!(document::read(text.as_bytes()).unwrap_err().fault(), fault, "{text:?}");
    }
    let deep = "[".repeat(1_000);
    assert_eq!(document::read(deep.as_bytes()).unwrap_err().fault(), Fault::TooDeep);
}

#[test]
fn places_count_characters_and_survive_any_offset() {
    let text = "a\né€x\r\n";
    for (at, line, column) in
        [(0, 1, 1), (1, 1, 2), (2, 2, 1), (4, 2, 2), (7, 2, 3), (10, 3, 1), (99, 3, 1)]
    {
        assert_eq!(document::place(text.as_bytes(), at), Place { line, column }, "{at}");
    }
}

#[test]
fn steps_lead_from_the_outside_in() {
    let error = json::read(br#"{"a":[{"b":x}]}"#, json::Limits::REQUEST).unwrap_err();
    let way: Vec<_> = error.way().cloned().collect();
    assert_eq!(way, [Step::Member("a".into()), Step::Index(0), Step::Member("b".into())]);
}
