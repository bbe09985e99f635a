//! What the tables need: a case in few words, and the decision as one line.

#![allow(dead_code, reason = "each test file uses its part")]

use policy::{Charge, Decision, Definition, GrantFacts, Policy, Question, ToolCall, Usage};

/// One call and the world around it.
pub struct Case {
    pub call: ToolCall,
    pub definition: Definition,
    pub grant: GrantFacts,
    pub now: jiff::Timestamp,
    pub full: Vec<String>,
}

/// A usage in which some limits are used up.
pub struct Full<'a>(pub &'a [String]);

impl Usage for Full<'_> {
    fn fits(&self, charge: &Charge) -> bool {
        !self.0.iter().any(|rule| **rule == *charge.rule)
    }
}

pub fn arguments(text: &str) -> json::Object {
    match json::read(text.as_bytes(), json::Limits::REQUEST) {
        Ok(json::Value::Object(object)) => object,
        other => panic!("not an object: {text}: {other:?}"),
    }
}

impl Case {
    /// A call whose arguments its accepted definition lists.
    pub fn call(tool: &str, text: &str) -> Self {
        let arguments = arguments(text);
        let names = arguments.names().map(str::to_owned).collect();
        Self {
            call: ToolCall { tool: tool.to_owned(), arguments: Some(arguments) },
            definition: Definition::Accepted { arguments: Some(names) },
            grant: GrantFacts {
                label: "support-agent".to_owned(),
                identity: "ada@example.com".to_owned(),
                tags: vec![("team".to_owned(), "billing".to_owned())],
            },
            now: "2026-11-21T10:30:00Z".parse().unwrap(),
            full: Vec::new(),
        }
    }

    pub fn no_arguments(mut self) -> Self {
        self.call.arguments = None;
        self
    }

    pub fn listing(mut self, names: &[&str]) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.definition = Definition::Accepted { arguments: Some(names) };
        self
    }

    pub fn defined(mut self, definition: Definition) -> Self {
        self.definition = definition;
        self
    }

    pub fn at(mut self, moment: &str) -> Self {
        self.now = moment.parse().unwrap();
        self
    }

    pub fn full(mut self, rules: &[&str]) -> Self {
        self.full = rules.iter().map(|rule| (*rule).to_owned()).collect();
        self
    }

    pub fn decide(self, policy: Option<&Policy>) -> Decision {
        let usage = Full(&self.full);
        let question = Question {
            policy,
            grant: &self.grant,
            definition: &self.definition,
            usage: &usage,
            now: self.now,
        };
        policy::decide(&question, self.call)
    }
}

pub fn load(document: &str) -> Policy {
    Policy::load(document.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{document}"))
}

/// The decision as one line: `allow`, or the outcome and the rule.
pub fn line(decision: &Decision) -> String {
    match decision {
        Decision::Allow(_) => "allow".to_owned(),
        other => format!("{} {}", other.outcome(), other.rule()),
    }
}

/// Judges the case and compares the line.
#[track_caller]
pub fn check(document: &str, case: Case, expected: &str) {
    let policy = load(document);
    let shown = format!("{:?}", case.call);
    assert_eq!(line(&case.decide(Some(&policy))), expected, "{shown}");
}
