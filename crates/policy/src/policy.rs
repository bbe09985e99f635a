//! A loaded policy and the questions that need no call: what is listed, read and asked for.

use std::sync::Arc;

use crate::charge::StatedLimit;
use crate::decision::{Access, ClientRequest, Definition, Visibility};
use crate::load;
use crate::possible;
use crate::problem::Problems;
use crate::program::{Effect, Entry, Program, Section};

/// An immutable, compiled policy.
///
/// - **Shape**: cheap to share behind an `Arc`; nothing in it changes.
/// - **Source**: [`Policy::load`] makes one of a document without errors, and nothing else does.
#[derive(Debug)]
pub struct Policy {
    program: Program,
}

impl Policy {
    /// Reads and compiles a document.
    ///
    /// - **Errors**: every one at once, each with its pointer, line and column.
    pub fn load(text: &[u8]) -> Result<Self, Problems> {
        load::program(text).map(|program| Self { program })
    }

    /// What a tool list may show of a tool.
    pub fn tool_visibility(&self, tool: &str, known: &Definition) -> Visibility {
        let cover = self.cover(tool);
        if matches!(known, Definition::Unknown) || self.hides(tool, &cover) {
            Visibility::Hidden
        } else {
            Visibility::Listed
        }
    }

    /// Whether a resource may be listed and read.
    pub fn resource(&self, uri: &str) -> Access {
        section(&self.program.resources, "resources", uri)
    }

    /// Whether a prompt may be listed and fetched.
    pub fn prompt(&self, name: &str) -> Access {
        section(&self.program.prompts, "prompts", name)
    }

    /// Whether an upstream may make this request of the agent, and what says so.
    pub fn client_request(&self, kind: ClientRequest) -> Access {
        let name = match kind {
            ClientRequest::Sampling => "sampling",
            ClientRequest::Elicitation => "elicitation",
            ClientRequest::Roots => "roots",
        };
        match self.lets_ask(kind) {
            true => Access::Allow,
            false => deny(json::pointer::of(["client_requests", name])),
        }
    }

    /// Whether an upstream may make this request of the agent. Every modern call asks it.
    pub fn lets_ask(&self, kind: ClientRequest) -> bool {
        let [sampling, elicitation, roots] = self.program.client_requests;
        let effect = match kind {
            ClientRequest::Sampling => sampling,
            ClientRequest::Elicitation => elicitation,
            ClientRequest::Roots => roots,
        };
        matches!(effect, Effect::Allow)
    }

    /// Whether some rule that applies to the tool reads its arguments: then its accepted definition
    /// matters, and the names of its arguments may be logged.
    pub fn reads_arguments(&self, tool: &str) -> bool {
        self.applying(tool).any(|entry| entry.reads_args)
    }

    /// Whether any rule applies to the tool at all.
    pub fn has_rules(&self, tool: &str) -> bool {
        self.applying(tool).any(Entry::has_rules)
    }

    /// Every limit, `all_tools` first, in document order.
    pub fn limits(&self) -> Vec<StatedLimit> {
        let program = &self.program;
        let entries = std::iter::once(&program.all_tools).chain(&program.entries);
        let limits = entries.flat_map(|entry| &entry.limits);
        limits.map(|limit| StatedLimit::of(limit, &program.zone)).collect()
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// The entries that cover the tool: an exact key alone, otherwise every pattern that matches.
    pub(crate) fn cover(&self, tool: &str) -> Cover {
        if let Some(index) = self.program.exact.get(tool) {
            return Cover::Exact(*index);
        }
        let matching = self.program.patterns.iter().filter(|(pattern, _)| pattern.matches(tool));
        let indexes: Vec<usize> = matching.map(|(_, index)| *index).collect();
        if indexes.is_empty() { Cover::None } else { Cover::Patterns(indexes) }
    }

    /// Whether the tool is hidden: named by `hide`, or, with `hide_denied`, out of reach for every
    /// call.
    pub(crate) fn hides(&self, tool: &str, cover: &Cover) -> bool {
        let program = &self.program;
        if program.hide.find(tool).is_some() {
            return true;
        }
        if !program.hide_denied {
            return false;
        }
        if cover.is_empty() && program.default == Effect::Deny {
            return true;
        }
        let own = cover.indexes().filter_map(|index| program.entries.get(index));
        std::iter::once(&program.all_tools)
            .chain(own)
            .any(|entry| possible::denies_every_call(entry, tool))
    }

    fn applying(&self, tool: &str) -> impl Iterator<Item = &Entry> {
        let cover = self.cover(tool);
        let indexes: Vec<usize> = cover.indexes().collect();
        let own = indexes.into_iter().filter_map(|index| self.program.entries.get(index));
        std::iter::once(&self.program.all_tools).chain(own)
    }
}

/// Which entries of `tools` apply to a tool.
pub(crate) enum Cover {
    None,
    Exact(usize),
    Patterns(Vec<usize>),
}

impl Cover {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) fn indexes(&self) -> impl Iterator<Item = usize> {
        let (one, many): (Option<usize>, &[usize]) = match self {
            Self::None => (None, &[]),
            Self::Exact(index) => (Some(*index), &[]),
            Self::Patterns(indexes) => (None, indexes),
        };
        one.into_iter().chain(many.iter().copied())
    }
}

/// `hide` before `deny` before `allow` before the default.
fn section(section: &Section, name: &str, asked: &str) -> Access {
    if section.hide.find(asked).is_some() {
        return Access::Hide;
    }
    if let Some(entry) = section.deny.find(asked) {
        return deny(json::pointer::of([name, "deny", entry]));
    }
    match section.default {
        Effect::Deny if section.allow.find(asked).is_none() => Access::Deny {
            rule: Arc::from("(default deny)"),
            message: "The policy does not allow this.".to_owned(),
        },
        _ => Access::Allow,
    }
}

fn deny(rule: String) -> Access {
    let message = format!("Denied by the rule {rule}.");
    Access::Deny { rule: rule.into(), message }
}
