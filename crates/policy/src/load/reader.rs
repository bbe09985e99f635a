//! Typed reading of a document's tree. Every wrong turn becomes a problem and reading goes on.

use json::Number;
use json::document::{Data, Member, Node};

use super::PROBLEMS_MAX;
use crate::problem::Found;
use crate::suggest;

/// A value of the document and the pointer to it.
#[derive(Clone)]
pub(crate) struct At<'n> {
    pub(crate) node: &'n Node,
    pub(crate) pointer: String,
}

impl<'n> At<'n> {
    pub(crate) fn root(node: &'n Node) -> Self {
        Self { node, pointer: String::new() }
    }

    fn inside(&self, token: &str, node: &'n Node) -> Self {
        let mut pointer = self.pointer.clone();
        json::pointer::push(&mut pointer, token);
        Self { node, pointer }
    }
}

/// The members of an object that the document holds.
pub(crate) struct Fields<'n> {
    at: At<'n>,
    members: &'n [Member],
}

impl<'n> Fields<'n> {
    /// The value of that name; the first, where a name stands twice (which is a problem already).
    pub(crate) fn get(&self, name: &str) -> Option<At<'n>> {
        let member = self.members.iter().find(|member| member.name == name)?;
        Some(self.at.inside(name, &member.value))
    }

    pub(crate) fn at(&self) -> &At<'n> {
        &self.at
    }
}

/// Gathers problems while a document is read.
#[derive(Default)]
pub(crate) struct Loader {
    pub(crate) problems: Vec<Found>,
}

impl Loader {
    /// Notes a problem at a value.
    pub(crate) fn problem(&mut self, at: &At<'_>, code: &'static str, message: impl Into<String>) {
        self.suggest(at, code, message, None);
    }

    /// Notes a problem at a value, with a guess at what was meant.
    pub(crate) fn suggest(
        &mut self,
        at: &At<'_>,
        code: &'static str,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        self.problems.push(Found {
            at: at.node.at,
            pointer: at.pointer.clone(),
            code,
            message: message.into(),
            suggestion,
        });
    }

    /// The members of an object, whatever their names.
    pub(crate) fn members<'n>(
        &mut self,
        at: &At<'n>,
        what: &str,
    ) -> Option<Vec<(&'n Member, At<'n>)>> {
        match &at.node.data {
            Data::Object(members) => {
                Some(members.iter().map(|m| (m, at.inside(&m.name, &m.value))).collect())
            }
            other => self.wrong_type(at, what, "an object", other),
        }
    }

    /// The members of an object whose names are known; each other name is a problem.
    pub(crate) fn fields<'n>(
        &mut self,
        at: &At<'n>,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Data::Object(members) = &at.node.data else {
            return self.wrong_type(at, what, "an object", &at.node.data);
        };
        for member in members {
            if known.contains(&member.name.as_str()) {
                continue;
            }
            // Beyond what is shown, a guess is not worth its time.
            let shown = self.problems.len() <= PROBLEMS_MAX;
            let nearest =
                shown.then(|| suggest::nearest(&member.name, known.iter().copied())).flatten();
            self.problems.push(Found {
                at: member.at,
                pointer: at.inside(&member.name, &member.value).pointer,
                code: "unknown_key",
                message: format!("{what} has no key `{}`", member.name),
                suggestion: nearest.map(str::to_owned),
            });
        }
        Some(Fields { at: at.clone(), members })
    }

    /// A value that must be there.
    pub(crate) fn needed<'n>(
        &mut self,
        fields: &Fields<'n>,
        name: &str,
        what: &str,
    ) -> Option<At<'n>> {
        let found = fields.get(name);
        if found.is_none() {
            self.problem(fields.at(), "missing_key", format!("{what} needs the key `{name}`"));
        }
        found
    }

    /// The elements of a list.
    pub(crate) fn list<'n>(&mut self, at: &At<'n>, what: &str) -> Option<Vec<At<'n>>> {
        match &at.node.data {
            Data::Array(list) => Some(
                list.iter().enumerate().map(|(i, node)| at.inside(&i.to_string(), node)).collect(),
            ),
            other => self.wrong_type(at, what, "a list", other),
        }
    }

    pub(crate) fn string<'n>(&mut self, at: &At<'n>, what: &str) -> Option<&'n str> {
        match &at.node.data {
            Data::String(text) => Some(text),
            other => self.wrong_type(at, what, "a string", other),
        }
    }

    pub(crate) fn boolean(&mut self, at: &At<'_>, what: &str) -> Option<bool> {
        match &at.node.data {
            Data::Bool(value) => Some(*value),
            other => self.wrong_type(at, what, "`true` or `false`", other),
        }
    }

    pub(crate) fn number<'n>(&mut self, at: &At<'n>, what: &str) -> Option<&'n Number> {
        match &at.node.data {
            Data::Number(number) => Some(number),
            other => self.wrong_type(at, what, "a number", other),
        }
    }

    /// One of a few names.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        at: &At<'_>,
        what: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = self.string(at, what)?;
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*choice);
        }
        let names = || choices.iter().map(|(name, _)| *name);
        let known: Vec<String> = names().map(|name| format!("`{name}`")).collect();
        let suggestion = suggest::nearest(text, names()).map(str::to_owned);
        let message = format!("{what} is one of {}, not `{text}`", known.join(", "));
        self.suggest(at, "bad_value", message, suggestion);
        None
    }

    /// A name people choose: not empty, not endless, nothing invisible that breaks a line.
    pub(crate) fn name<'n>(&mut self, at: &At<'n>, what: &str) -> Option<&'n str> {
        let text = self.string(at, what)?;
        if text.is_empty() || text.chars().count() > 128 || text.chars().any(char::is_control) {
            let message = format!("{what} has 1 to 128 characters and no control characters");
            self.problem(at, "bad_value", message);
            return None;
        }
        Some(text)
    }

    pub(crate) fn wrong_type<T>(
        &mut self,
        at: &At<'_>,
        what: &str,
        wanted: &str,
        found: &Data,
    ) -> Option<T> {
        let found = match found {
            Data::Null => "null",
            Data::Bool(_) => "a truth value",
            Data::Number(_) => "a number",
            Data::String(_) => "a string",
            Data::Array(_) => "a list",
            Data::Object(_) => "an object",
        };
        self.problem(at, "wrong_type", format!("{what} must be {wanted}, not {found}"));
        None
    }
}
