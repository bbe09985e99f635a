//! The committed reference and schema are those that the engine generates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use json::Value;
use support::golden;

#[test]
fn the_reference_is_the_one_the_engine_generates() {
    golden("../../docs/policy-reference.md", &policy::reference_markdown());
}

#[test]
fn the_schema_is_the_one_the_engine_generates() {
    golden("../../docs/policy.schema.json", &policy::json_schema());
}

#[test]
fn the_schema_is_whole_json_and_every_reference_in_it_leads_somewhere() {
    let schema = json::read(policy::json_schema().as_bytes(), json::Limits::REQUEST).unwrap();
    let mut references = Vec::new();
    gather(&schema, &mut references);
    assert!(references.len() > 10);
    for reference in references {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        assert!(schema.get("$defs").and_then(|defs| defs.get(name)).is_some(), "{reference}");
    }
}

fn gather<'v>(value: &'v Value, references: &mut Vec<&'v str>) {
    match value {
        Value::Object(object) => {
            references.extend(object.get("$ref").and_then(Value::as_str));
            object.iter().for_each(|(_, member)| gather(member, references));
        }
        Value::Array(list) => list.iter().for_each(|element| gather(element, references)),
        _ => {}
    }
}
