//! Warnings: what an author of a policy without errors may still have meant otherwise.

use std::fmt;

use json::Value;

use crate::exact::warn;
use crate::path;
use crate::pattern::NamePattern;
use crate::policy::Policy;
use crate::problem::{Problems, Walker};
use crate::program::{Approval, Condition, Effect, Entry, Op, Operand, Program, Spot};

/// A tool that a server really has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTool {
    /// Its name.
    pub name: String,
    /// The top-level arguments its definition lists; `None` when it lists none.
    pub arguments: Option<Vec<String>>,
    /// The JSON types that its schema admits for an argument, where it says so plainly.
    pub types: Vec<(String, Vec<String>)>,
}

impl ServerTool {
    /// Reads the types of arguments from the tool's definition.
    ///
    /// - **Shape**: `inputSchema.properties.NAME.type`, a name or a list of names; anything else is left
    ///   out, and nothing is said of it then.
    #[must_use]
    pub fn typed(mut self, definition: &[u8]) -> Self {
        let definition = json::read(definition, json::Limits::ANSWER).unwrap_or(Value::Null);
        let schema = definition.get("inputSchema").and_then(|schema| schema.get("properties"));
        let Some(properties) = schema.and_then(Value::as_object) else { return self };
        for (name, property) in properties.iter() {
            let types = match property.get("type") {
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(list)) => {
                    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => continue,
            };
            self.types.push((name.to_owned(), types));
        }
        self
    }
}

/// Something in a policy that is allowed and likely not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands, as a JSON Pointer.
    pub pointer: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The stable name of the warning.
    pub code: &'static str,
    /// What is odd, for people.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} (at {})", self.line, self.column, self.message, self.pointer)
    }
}

/// Looks for what an author may not have meant.
///
/// - **Shape**: the warnings in the order of the text. With the server's tools, names and arguments
///   that it does not have are among them.
/// - **Errors**: those of [`crate::Policy::load`].
pub fn check(text: &[u8], tools: Option<&[ServerTool]>) -> Result<Vec<Warning>, Problems> {
    let policy = Policy::load(text)?;
    let program = policy.program();
    let mut notes = Notes::default();
    entry(&program.all_tools, &mut notes);
    for one in &program.entries {
        entry(one, &mut notes);
    }
    warn::warn(program, &mut notes);
    hidden(program, &mut notes);
    if let Some(tools) = tools {
        against(program, tools, &mut notes);
        warn::types(&policy, tools, &mut notes);
    }
    Ok(notes.placed(text))
}

/// Warnings as they are found.
#[derive(Default)]
pub(crate) struct Notes(Vec<(Spot, &'static str, String)>);

impl Notes {
    pub(crate) fn add(&mut self, spot: &Spot, code: &'static str, message: impl Into<String>) {
        self.0.push((spot.clone(), code, message.into()));
    }

    fn placed(mut self, text: &[u8]) -> Vec<Warning> {
        self.0.sort_by_key(|(spot, _, _)| spot.at);
        self.0.dedup_by(|a, b| (a.0.at, a.1, &a.2) == (b.0.at, b.1, &b.2));
        let mut place = Walker::new(text);
        let each = self.0.into_iter().map(|(spot, code, message)| {
            let (line, column) = place.walk_to(spot.at);
            Warning { pointer: spot.pointer, line, column, code, message }
        });
        each.collect()
    }
}

fn entry(entry: &Entry, notes: &mut Notes) {
    for predicate in &entry.deny_if {
        patterns(&predicate.at, &predicate.conditions, false, notes);
    }
    for predicate in &entry.require {
        patterns(&predicate.at, &predicate.conditions, true, notes);
    }
    for approval in &entry.approve_if {
        patterns(&approval.at, &approval.conditions, false, notes);
        approvers(approval, notes);
    }
    for limit in &entry.limits {
        if limit.amount.is_none() && limit.max_millionths < 1_000_000 {
            let message = "no call fits this limit: each counts 1 and less than that is allowed";
            notes.add(&limit.at, "limit_never_fits", message);
        } else if limit.max_millionths == 0 {
            let message = "only calls with an amount of 0 fit this limit";
            notes.add(&limit.at, "limit_never_fits", message);
        }
    }
}

/// `regex` finds its pattern anywhere; `matches` was likely meant where no end is tied down, and in
/// a requirement where one end is free.
fn patterns(at: &Spot, conditions: &[Condition], required: bool, notes: &mut Notes) {
    for condition in conditions {
        condition.comparisons(&mut |comparison| {
            let Operand::Pattern(pattern) = &comparison.operand else { return };
            if comparison.op != Op::Regex {
                return;
            }
            let text = pattern.text();
            let start = text.starts_with('^') || text.starts_with("\\A");
            let end = text.ends_with('$') && !text.ends_with("\\$") || text.ends_with("\\z");
            if !start && !end || required && !(start && end) {
                let message = format!(
                    "`regex` on `{}` finds its pattern anywhere in the text; `matches` compares \
                     all of it",
                    comparison.path
                );
                notes.add(at, "unanchored", message);
            }
        });
    }
}

fn approvers(approval: &Approval, notes: &mut Notes) {
    use crate::decision::Approver::Member;
    let mut named: Vec<_> = approval.approvers.iter().collect();
    let all_members = named.iter().all(|approver| matches!(approver, Member(_)));
    named.sort_by_key(|approver| approver.to_string());
    named.dedup();
    if all_members && u32::try_from(named.len()).is_ok_and(|people| people < approval.count) {
        let message =
            format!("{} people must approve and only {} are named", approval.count, named.len());
        notes.add(&approval.at, "too_few_approvers", message);
    }
}

/// Rules for a tool that is hidden are never asked.
fn hidden(program: &Program, notes: &mut Notes) {
    for (key, index) in &program.exact {
        if let (Some(by), Some(entry)) = (program.hide.find(key), program.entries.get(*index)) {
            let message = format!("`{key}` is hidden by `{by}`, so this entry is never used");
            notes.add(&entry.at, "hidden", message);
        }
    }
}

/// Names and arguments that the server does not have.
fn against(program: &Program, tools: &[ServerTool], notes: &mut Notes) {
    let patterns = program.patterns.iter().map(|(pattern, index)| (pattern.text(), *index));
    let exact = program.exact.iter().map(|(key, index)| (&**key, *index));
    for (key, index) in exact.chain(patterns) {
        let Some(entry) = program.entries.get(index) else { continue };
        let pattern = NamePattern::new(key);
        let covered: Vec<&ServerTool> = tools
            .iter()
            .filter(|tool| pattern.matches(&tool.name))
            .filter(|tool| tool.name == key || !program.exact.contains_key(tool.name.as_str()))
            .collect();
        if covered.is_empty() {
            notes.add(&entry.at, "no_such_tool", format!("no server has a tool `{key}`"));
        }
        for tool in covered {
            arguments(entry, tool, notes);
        }
    }
    for (name, at) in &program.hide_spots {
        let pattern = NamePattern::new(name);
        if !tools.iter().any(|tool| pattern.matches(&tool.name)) {
            notes.add(at, "no_such_tool", format!("no server has a tool `{name}`"));
        }
    }
    let reached = |tool: &ServerTool| {
        program.default == Effect::Allow || {
            program.exact.contains_key(tool.name.as_str())
                || program.patterns.iter().any(|(pattern, _)| pattern.matches(&tool.name))
        }
    };
    if !tools.is_empty() && !tools.iter().any(reached) {
        notes.add(&Spot::default(), "denies_everything", "this policy denies every tool");
    }
}

/// Paths that read an argument which the definition does not list.
fn arguments(entry: &Entry, tool: &ServerTool, notes: &mut Notes) {
    if entry.free_form {
        return;
    }
    let listed = tool.arguments.as_deref().unwrap_or_default();
    for (at, text) in entry.paths() {
        let Ok(path) = path::parse(text) else { continue };
        let Some(name) = path.argument() else { continue };
        if !listed.iter().any(|known| known == name) {
            let message = format!("`{}` does not list an argument `{name}`", tool.name);
            notes.add(at, "no_such_argument", message);
        }
    }
}
