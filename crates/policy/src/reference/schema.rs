//! The JSON Schema of a policy document (draft 2020-12), for editors. The loader is stricter: it also
//! reads paths, patterns, lengths of time and names.

use json::{Object, Value};

use super::fields::{OPERATORS, SECTIONS};
use crate::load::{limits, rules};
use crate::pretty::pretty;
use crate::program::{JsonType, Op};

/// The JSON Schema of a policy document, as text.
///
/// - **Source**: `docs/policy.schema.json` holds exactly this text.
pub fn json_schema() -> String {
    let mut defs = Object::new();
    let mut document = Object::new();
    for section in &SECTIONS {
        let mut object = closed(section.fields.iter().map(|field| {
            let described = with(value(section.schema, field.name), "description", field.meaning);
            (field.name, described)
        }));
        let required = section.fields.iter().filter(|field| field.required);
        let required: Vec<Value> = required.map(|field| Value::from(field.name)).collect();
        if !required.is_empty() {
            object.insert("required", Value::Array(required));
        }
        match section.schema {
            "" => document = object,
            "comparison" => {
                object.insert("allOf", Value::Array(per_operator()));
                defs.insert("comparison", Value::Object(object));
            }
            "tool" => {
                let mut all_tools = object.clone();
                if let Some(Value::Object(properties)) = all_tools.get_mut("properties") {
                    properties.remove("unlisted_args");
                }
                defs.insert("all_tools", Value::Object(all_tools));
                defs.insert("tool", Value::Object(object));
            }
            name => defs.insert(name, Value::Object(object)),
        }
    }
    defs.insert("condition", condition());
    let mut schema = Object::new();
    schema.insert("$schema", "https://json-schema.org/draft/2020-12/schema");
    schema.insert("title", "Countersign policy, version 1");
    for (name, value) in document.iter() {
        schema.insert(name, value.clone());
    }
    schema.insert("$defs", Value::Object(defs));
    pretty(&Value::Object(schema))
}

/// An object that takes these keys and no other.
fn closed<'a>(properties: impl Iterator<Item = (&'a str, Value)>) -> Object {
    let properties = properties.map(|(name, value)| (name.to_owned(), value)).collect();
    let mut object = Object::new();
    object.insert("type", "object");
    object.insert("properties", Value::Object(properties));
    object.insert("additionalProperties", false);
    object
}

fn with(mut schema: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Value::Object(object) = &mut schema {
        object.insert(name, value);
    }
    schema
}

/// What stands at a key.
fn value(section: &str, name: &str) -> Value {
    match (section, name) {
        ("", "version") => constant("1"),
        ("", "timezone") | (_, "path") => string(),
        ("", "hide") | ("section", "allow" | "deny" | "hide") => list(non_empty()),
        ("", "all_tools") => reference("all_tools"),
        ("", "tools") => with(
            with(typed("object"), "propertyNames", non_empty()),
            "additionalProperties",
            reference("tool"),
        ),
        ("", "resources" | "prompts") => reference("section"),
        ("", "client_requests") => reference("client_requests"),
        (_, "default") | ("client_requests", _) => choice(["allow", "deny"]),
        ("tool", "unlisted_args") => choice(["deny", "allow"]),
        ("tool", "require" | "deny_if") => list(reference("predicate")),
        ("tool", "approve_if") => list(reference("approval")),
        ("tool", "limits") => list(reference("limit")),
        (_, "id" | "counter") => with(non_empty(), "maxLength", 128),
        (_, "conditions") => list(reference("condition")),
        (_, "on_deny" | "message") => {
            with(string(), "maxLength", i64::try_from(rules::MESSAGE_MAX).unwrap_or(i64::MAX))
        }
        ("approval", "approvers") => with(
            list(with(
                string(),
                "pattern",
                r"^(role:admin|role:policy_manager|group:.+|member:.+@.+)$",
            )),
            "minItems",
            1,
        ),
        ("approval", "count") => {
            with(with(typed("integer"), "minimum", 1), "maximum", i64::from(rules::COUNT_MAX))
        }
        ("approval", "expires_in") => with(string(), "pattern", "^[1-9][0-9]*[smhdw]$"),
        ("limit", "window") => {
            let named = limits::WINDOWS.map(|(name, _)| name).join("|");
            with(string(), "pattern", format!("^({named}|[1-9][0-9]*[smhdw])$"))
        }
        ("limit", "max") => {
            with(with(typed("number"), "minimum", 0), "maximum", crate::charge::AMOUNT_MAX)
        }
        ("limit", "amount") => with(string(), "pattern", "^args"),
        ("limit", "per") => with(list(string()), "maxItems", 8),
        ("limit", "scope") => choice(crate::charge::Scope::ALL.map(|(name, _)| name)),
        ("limit", "on_unknown") => choice(["keep", "roll_back"]),
        ("limit", "rolling" | "count_failed") | ("", "hide_denied") => typed("boolean"),
        ("comparison", "op") => choice(Op::ALL.map(|(name, _)| name)),
        ("comparison", "each") => choice(["any", "all"]),
        ("comparison", "value") => Value::Object(Object::new()),
        _ => string(),
    }
}

/// A condition is a comparison or a group.
fn condition() -> Value {
    let group = |name: &str, value: Value| {
        let mut object = closed([(name, value)].into_iter());
        object.insert("required", Value::Array(vec![Value::from(name)]));
        Value::Object(object)
    };
    let conditions = || with(list(reference("condition")), "minItems", 1);
    let mut object = Object::new();
    object.insert(
        "oneOf",
        Value::Array(vec![
            reference("comparison"),
            group("any", conditions()),
            group("all", conditions()),
            group("not", reference("condition")),
        ]),
    );
    Value::Object(object)
}

/// What each operator takes.
fn per_operator() -> Vec<Value> {
    let each = OPERATORS.iter().map(|operator| {
        let constant = operand(operator.op);
        let value = match operator.other_path {
            true => {
                let mut other = closed([("path", string())].into_iter());
                other.insert("required", Value::Array(vec![Value::from("path")]));
                let mut either = Object::new();
                either.insert("anyOf", Value::Array(vec![constant, Value::Object(other)]));
                Value::Object(either)
            }
            false => constant,
        };
        let properties = |name: &str, value: Value| {
            let mut properties = Object::new();
            properties.insert(name, value);
            let mut object = Object::new();
            object.insert("properties", Value::Object(properties));
            Value::Object(object)
        };
        let mut rule = Object::new();
        rule.insert("if", properties("op", self::constant(operator.op.name())));
        rule.insert("then", properties("value", value));
        Value::Object(rule)
    });
    each.collect()
}

fn operand(op: Op) -> Value {
    let types = |names: &[&str]| {
        let mut object = Object::new();
        object.insert("type", Value::Array(names.iter().map(|name| Value::from(*name)).collect()));
        Value::Object(object)
    };
    match op {
        Op::Eq | Op::Neq | Op::Contains | Op::NotContains => {
            types(&["string", "number", "boolean"])
        }
        Op::In | Op::NotIn => list(types(&["string", "number", "boolean"])),
        Op::Lt | Op::Lte | Op::Gt | Op::Gte => types(&["number", "string"]),
        Op::Matches | Op::Regex | Op::StartsWith | Op::EndsWith => string(),
        Op::Exists => typed("boolean"),
        Op::LengthLt | Op::LengthLte | Op::LengthGt | Op::LengthGte => {
            with(typed("integer"), "minimum", 0)
        }
        Op::Type => choice(JsonType::ALL.map(|(name, _)| name)),
    }
}

fn typed(name: &str) -> Value {
    let mut object = Object::new();
    object.insert("type", name);
    Value::Object(object)
}

fn string() -> Value {
    typed("string")
}

fn non_empty() -> Value {
    with(string(), "minLength", 1)
}

fn list(items: Value) -> Value {
    with(typed("array"), "items", items)
}

fn constant(text: &str) -> Value {
    let mut object = Object::new();
    object.insert("const", text);
    Value::Object(object)
}

fn choice<const N: usize>(names: [&str; N]) -> Value {
    let mut object = Object::new();
    object.insert("enum", Value::Array(names.into_iter().map(Value::from).collect()));
    Value::Object(object)
}

fn reference(name: &str) -> Value {
    let mut object = Object::new();
    object.insert("$ref", format!("#/$defs/{name}"));
    Value::Object(object)
}
