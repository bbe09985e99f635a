//! The lists of one entry while they grow: predicates, limits, and names that stand once.

use json::{Object, Value};

pub(super) const WINDOWS: [&str; 3] = ["minute", "hour", "day"];

/// What a rule says about itself.
pub(super) struct Rule<'n> {
    pub(super) name: &'n str,
    pub(super) on_deny: Option<&'n str>,
    pub(super) scope: &'n str,
}

/// A `state` block.
pub(super) struct State {
    pub(super) counter: String,
    pub(super) window: &'static str,
    pub(super) amount: Option<String>,
    pub(super) increment: i64,
}

/// The lists of one entry, while they grow.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) deny_if: Vec<Value>,
    pub(super) require: Vec<Value>,
    pub(super) limits: Vec<Value>,
    ids: Vec<String>,
    pub(super) counters: Vec<String>,
}

impl Lists {
    /// The rule's name, made unique and fit for an `id`.
    fn id(&mut self, name: &str) -> String {
        let plain: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        let plain = if plain.is_empty() { "rule".to_owned() } else { plain };
        let mut id = plain.clone();
        let mut number = 2;
        while self.ids.contains(&id) {
            id = format!("{plain} ({number})");
            number += 1;
        }
        self.ids.push(id.clone());
        id
    }

    fn predicate(&mut self, rule: &Rule<'_>, conditions: Vec<Value>) -> Value {
        let mut predicate = Object::new();
        predicate.insert("id", self.id(rule.name));
        predicate.insert("conditions", Value::Array(conditions));
        if let Some(text) = rule.on_deny {
            predicate.insert("on_deny", text);
        }
        Value::Object(predicate)
    }

    pub(super) fn deny_if(&mut self, rule: &Rule<'_>, conditions: Vec<Value>) {
        let predicate = self.predicate(rule, conditions);
        self.deny_if.push(predicate);
    }

    pub(super) fn require(&mut self, rule: &Rule<'_>, conditions: Vec<Value>) {
        let predicate = self.predicate(rule, conditions);
        self.require.push(predicate);
    }

    pub(super) fn limit(
        &mut self,
        rule: &Rule<'_>,
        counter: String,
        window: &str,
        max: i64,
        amount: Option<String>,
    ) {
        let mut limit = Object::new();
        limit.insert("counter", counter.as_str());
        limit.insert("window", window);
        limit.insert("max", max);
        if let Some(path) = amount {
            limit.insert("amount", path);
        }
        limit.insert("scope", "policy");
        // A call without an answer stays counted there.
        limit.insert("on_unknown", "keep");
        if let Some(text) = rule.on_deny {
            limit.insert("on_deny", text);
        }
        self.counters.push(counter);
        self.limits.push(Value::Object(limit));
    }
}
