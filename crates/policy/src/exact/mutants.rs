//! Small changes of a policy, of the kind that slips in: a bound moved by one, an operator turned, a rule
//! left out. A changed rule keeps its name, so that only what it does is put to the test.

use json::{Decimal, Number, Object, Value};

use crate::policy::Policy;
use crate::program::Entry;

/// A changed policy.
pub(crate) struct Mutant {
    /// The rule that was changed.
    pub(crate) rule: String,
    /// How.
    pub(crate) change: String,
    /// The whole changed document.
    pub(crate) text: Vec<u8>,
}

/// Every change of every rule, in document order.
pub(crate) fn of(text: &[u8], policy: &Policy) -> Vec<Mutant> {
    let Ok(document) = json::read(text, json::Limits::ANSWER) else { return Vec::new() };
    let mut mutants = Vec::new();
    let program = policy.program();
    let tools = document.get("tools").and_then(Value::as_object);
    let keys: Vec<String> = tools.into_iter().flat_map(Object::names).map(str::to_owned).collect();
    place(&document, None, &program.all_tools, &mut mutants);
    for (key, entry) in keys.iter().zip(&program.entries) {
        place(&document, Some(key), entry, &mut mutants);
    }
    mutants
}

fn place(document: &Value, key: Option<&str>, entry: &Entry, mutants: &mut Vec<Mutant>) {
    let names = |list: &str| -> Vec<String> {
        match list {
            "deny_if" => entry.deny_if.iter().map(|rule| rule.rule.to_string()).collect(),
            "require" => entry.require.iter().map(|rule| rule.rule.to_string()).collect(),
            "approve_if" => entry.approve_if.iter().map(|rule| rule.rule.to_string()).collect(),
            _ => entry.limits.iter().map(|limit| limit.rule.to_string()).collect(),
        }
    };
    for list in ["deny_if", "require", "limits", "approve_if"] {
        let Some(rules) = rules_at(document, key, list) else { continue };
        for (index, (rule, name)) in rules.iter().zip(names(list)).enumerate() {
            let mut add = |change: String, changed: Option<Value>| {
                let mut document = document.clone();
                if replace(
                    &mut document,
                    key,
                    list,
                    index,
                    changed.map(|rule| named(rule, &name, list)),
                )
                .is_some()
                {
                    let text = json::write_to_vec(&document);
                    mutants.push(Mutant { rule: name.clone(), change, text });
                }
            };
            add("the rule is left out".to_owned(), None);
            for (change, changed) in changes(rule) {
                add(change, Some(changed));
            }
        }
    }
}

fn rules_at<'d>(document: &'d Value, key: Option<&str>, list: &str) -> Option<&'d [Value]> {
    let entry = match key {
        None => document.get("all_tools")?,
        Some(key) => document.get("tools")?.get(key)?,
    };
    entry.get(list)?.as_array()
}

/// Puts a changed rule in the place of the old one, or takes it out.
fn replace(
    document: &mut Value,
    key: Option<&str>,
    list: &str,
    index: usize,
    changed: Option<Value>,
) -> Option<()> {
    let Value::Object(root) = document else { return None };
    let entry = match key {
        None => root.get_mut("all_tools")?,
        Some(key) => match root.get_mut("tools")? {
            Value::Object(tools) => tools.get_mut(key)?,
            _ => return None,
        },
    };
    let Value::Object(entry) = entry else { return None };
    let Value::Array(rules) = entry.get_mut(list)? else { return None };
    match changed {
        None => {
            if index >= rules.len() {
                return None;
            }
            rules.remove(index);
        }
        Some(changed) => *rules.get_mut(index)? = changed,
    }
    Some(())
}

/// The rule under the name it had before.
fn named(mut rule: Value, name: &str, list: &str) -> Value {
    let Value::Object(object) = &mut rule else { return rule };
    if list != "limits" && object.get("id").is_none() {
        let last = name.rsplit('/').next().unwrap_or_default();
        object.insert("id", last.replace("~1", "/").replace("~0", "~"));
    }
    rule
}

/// Every small change of one rule.
fn changes(rule: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    if let Some(conditions) = rule.get("conditions") {
        for (change, changed) in inside(conditions) {
            all.extend(with(rule, "conditions", changed).map(|rule| (change, rule)));
        }
    }
    if let Some(number) = rule.get("max").and_then(Value::as_number) {
        for by in [1, -1] {
            if let Some(moved) = moved(number, by) {
                let change = format!("max {} becomes {}", number.text(), moved.text());
                all.extend(with(rule, "max", Value::Number(moved)).map(|rule| (change, rule)));
            }
        }
    }
    all
}

/// The object with another value at that name.
fn with(object: &Value, name: &str, value: Value) -> Option<Value> {
    let mut object = object.as_object()?.clone();
    object.insert(name, value);
    Some(Value::Object(object))
}

/// Every change of one comparison within a list of conditions, a group, or a comparison.
fn inside(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Array(list) => {
            let mut all = Vec::new();
            for (index, part) in list.iter().enumerate() {
                for (change, changed) in inside(part) {
                    let mut list = list.clone();
                    if let Some(place) = list.get_mut(index) {
                        *place = changed;
                        all.push((change, Value::Array(list)));
                    }
                }
            }
            all
        }
        Value::Object(object) => {
            match ["any", "all", "not"].into_iter().find(|n| object.get(n).is_some()) {
                Some(group) => {
                    let inner = object.get(group).map(inside).unwrap_or_default();
                    let each = inner.into_iter().filter_map(|(change, changed)| {
                        with(value, group, changed).map(|value| (change, value))
                    });
                    each.collect()
                }
                None => comparison(value),
            }
        }
        _ => Vec::new(),
    }
}

/// Operators and what they are easily taken for.
const TURNED: [(&str, &str); 14] = [
    ("eq", "neq"),
    ("neq", "eq"),
    ("in", "not_in"),
    ("not_in", "in"),
    ("lt", "lte"),
    ("lte", "lt"),
    ("gt", "gte"),
    ("gte", "gt"),
    ("contains", "not_contains"),
    ("not_contains", "contains"),
    ("length_lt", "length_lte"),
    ("length_lte", "length_lt"),
    ("length_gt", "length_gte"),
    ("length_gte", "length_gt"),
];

fn comparison(value: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (Some(path), Some(op)) = (text("path"), text("op")) else { return all };
    if let Some((_, turned)) = TURNED.iter().find(|(known, _)| *known == op) {
        let change = format!("{path} {op} becomes {turned}");
        all.extend(with(value, "op", Value::from(*turned)).map(|value| (change, value)));
    }
    match value.get("value") {
        Some(Value::Bool(wanted)) if op == "exists" => {
            let change = format!("{path} exists {wanted} becomes {}", !wanted);
            all.extend(with(value, "value", Value::Bool(!wanted)).map(|value| (change, value)));
        }
        Some(Value::Number(number)) if !matches!(op, "eq" | "neq") => {
            for by in [1, -1] {
                if let Some(moved) = moved(number, by) {
                    let change = format!("{path} {op} {} becomes {}", number.text(), moved.text());
                    let moved = with(value, "value", Value::Number(moved));
                    all.extend(moved.map(|value| (change, value)));
                }
            }
        }
        _ => {}
    }
    all
}

/// The number, one more or less in its last place.
fn moved(number: &Number, by: i64) -> Option<Number> {
    let value = number.value();
    if let (true, Some(whole)) = (value.is_whole(), value.floor()) {
        return Number::of_decimal(Decimal::from(whole.checked_add(by)?), true);
    }
    let away = (by > 0) != value.is_negative();
    let digits =
        if away { value.digits().checked_add(1)? } else { value.digits().checked_sub(1)? };
    let moved = Decimal::new(value.is_negative(), digits, value.exponent());
    Number::of_decimal(moved, false).or_else(|| Number::of_decimal(moved, true))
}
