//! What the tables need: a case in few words, and the decision as one line.

#![allow(dead_code, reason = "each test file uses its part")]

use policy::{Charge, Decision, Definition, GrantFacts, Policy, Question, ToolCall, Usage};

/// One call and the world around it.
pub(crate) struct Case {
    pub(crate) call: ToolCall,
    pub(crate) definition: Definition,
    pub(crate) grant: GrantFacts,
    pub(crate) now: jiff::Timestamp,
    pub(crate) full: Vec<String>,
}

/// A usage in which some limits are used up.
pub(crate) struct Full<'a>(pub(crate) &'a [String]);

impl Usage for Full<'_> {
    fn fits(&self, charge: &Charge) -> bool {
        !self.0.iter().any(|rule| **rule == *charge.rule)
    }
}

pub(crate) fn arguments(text: &str) -> json::Object {
    match json::read(text.as_bytes(), json::Limits::REQUEST) {
        Ok(json::Value::Object(object)) => object,
        other => panic!("not an object: {text}: {other:?}"),
    }
}

impl Case {
    /// A call whose arguments its accepted definition lists.
    pub(crate) fn call(tool: &str, text: &str) -> Self {
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

    pub(crate) fn no_arguments(mut self) -> Self {
        self.call.arguments = None;
        self
    }

    pub(crate) fn listing(mut self, names: &[&str]) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.definition = Definition::Accepted { arguments: Some(names) };
        self
    }

    pub(crate) fn defined(mut self, definition: Definition) -> Self {
        self.definition = definition;
        self
    }

    pub(crate) fn at(mut self, moment: &str) -> Self {
        self.now = moment.parse().unwrap();
        self
    }

    pub(crate) fn full(mut self, rules: &[&str]) -> Self {
        self.full = rules.iter().map(|rule| (*rule).to_owned()).collect();
        self
    }

    pub(crate) fn decide(self, policy: Option<&Policy>) -> Decision {
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

pub(crate) fn load(document: &str) -> Policy {
    Policy::load(document.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{document}"))
}

/// The decision as one line: `allow`, or the outcome and the rule.
pub(crate) fn line(decision: &Decision) -> String {
    match decision {
        Decision::Allow(_) => "allow".to_owned(),
        other => format!("{} {}", other.outcome(), other.rule()),
    }
}

/// Judges the case and compares the line.
#[track_caller]
pub(crate) fn check(document: &str, case: Case, expected: &str) {
    let policy = load(document);
    let shown = format!("{:?}", case.call);
    assert_eq!(line(&case.decide(Some(&policy))), expected, "{shown}");
}

/// Compares a text with a committed file; with `UPDATE_DOCS=1` the file is written instead.
#[track_caller]
pub(crate) fn golden(path: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is out of date: run the tests with UPDATE_DOCS=1",
        path.display()
    );
}
