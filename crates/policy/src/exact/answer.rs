//! What is answered: changes, witnesses, and what is not known. Nothing is worked out here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use json::{Decimal, Number, Object, Value};

use crate::decision::{ApprovalNeeded, Decision, Definition, GrantFacts, ToolCall};

/// A call that shows something, and the world around it.
///
/// - **Shape**: judging it by [`crate::decide`] gives what is said beside it; that was done.
/// - **Units**: `usage` says what is used up already, by limit, as test cases do.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    /// The call.
    pub call: ToolCall,
    /// The grant that makes it.
    pub grant: GrantFacts,
    /// When.
    pub now: Timestamp,
    /// What limits have used up already, by rule.
    pub usage: Vec<(String, Decimal)>,
    /// The top-level arguments that the tool's accepted definition lists.
    pub listed: Vec<String>,
    /// Whether the moment matters.
    pub(crate) timed: bool,
}

/// What one policy does with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// `allow`, `hold` or `deny`.
    pub outcome: &'static str,
    /// The rule that decides; empty for a plain allow.
    pub rule: String,
    /// The approvals a held call waits for.
    pub approvals: Vec<Approvals>,
}

/// One approval of a held call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    /// The rule that asks for it.
    pub rule: Arc<str>,
    /// Who may give it.
    pub approvers: Vec<String>,
    /// How many people must.
    pub count: u32,
    /// How long it may take.
    pub expires_in: Duration,
}

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Calls come to another outcome, or to the same by another rule or other approvals.
    Outcome,
    /// Calls are counted otherwise.
    Limit,
    /// A resource, a prompt or a request of the upstream is treated otherwise.
    Section,
}

impl Kind {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Limit => "limit",
            Self::Section => "section",
        }
    }
}

/// A class of calls that two policies treat differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What kind of change it is.
    pub kind: Kind,
    /// The tools, at least one: names, patterns where they cover many, `*` for every tool that nothing
    /// names. For a section: `resources`, `prompts` or `client_requests`.
    pub tools: Vec<String>,
    /// What the first policy does.
    pub from: Side,
    /// What the second does.
    pub to: Side,
    /// Which calls, in words.
    pub when: String,
    /// One of them. A section has a name instead.
    pub witness: Option<Witness>,
    /// Whether something passes under the second policy that did not, or more easily.
    pub opens: bool,
}

/// Something that could not be worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKnown {
    /// The tool, as in [`Change::tools`]; empty for the whole policy.
    pub tool: String,
    /// Why, for people.
    pub reason: String,
}

/// The difference between two policies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// The classes of calls that change; those that open something first.
    pub changes: Vec<Change>,
    /// What could not be worked out. Empty: `changes` is everything there is.
    pub not_known: Vec<NotKnown>,
}

impl Diff {
    /// Whether it is proved that no call is treated differently.
    pub fn is_same(&self) -> bool {
        self.changes.is_empty() && self.not_known.is_empty()
    }

    /// Whether the second policy lets more through. Also when that could not be ruled out.
    pub fn more_open(&self) -> bool {
        self.changes.iter().any(|change| change.opens) || !self.not_known.is_empty()
    }

    /// Adds a change: to one that is the same for other tools, if there is one. Whether it is new for its
    /// tool.
    pub(crate) fn add(&mut self, change: Change) -> bool {
        let same = |known: &&mut Change| {
            (known.kind, &known.when, &known.from, &known.to, known.opens)
                == (change.kind, &change.when, &change.from, &change.to, change.opens)
        };
        match self.changes.iter_mut().find(same) {
            None => {
                self.changes.push(change);
                true
            }
            Some(known) => {
                let new: Vec<String> =
                    change.tools.into_iter().filter(|tool| !known.tools.contains(tool)).collect();
                let is_new = !new.is_empty();
                known.tools.extend(new);
                is_new
            }
        }
    }

    /// The difference as JSON.
    pub fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("same", self.is_same());
        object.insert("more_open", self.more_open());
        object.insert("changes", Value::Array(self.changes.iter().map(Change::to_json).collect()));
        let not_known = self.not_known.iter().map(NotKnown::to_json).collect();
        object.insert("not_known", Value::Array(not_known));
        Value::Object(object)
    }
}

impl Change {
    /// The change in one line: `refund_payment: 500 < amount ≤ 10000: hold → allow`.
    pub fn line(&self) -> String {
        let open = if self.opens { " (more open)" } else { "" };
        let held = self.from.outcome == "hold" && self.to.outcome == "hold";
        let [from, to] = [&self.from, &self.to].map(|side| side.short(held));
        format!("{}: {}: {from} → {to}{open}", self.named(), self.when)
    }

    /// The tools in a few words.
    pub fn named(&self) -> String {
        const NAMED: usize = 4;
        let mut text =
            self.tools.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        if self.tools.len() > NAMED {
            text.push_str(&format!(" and {} more", self.tools.len() - NAMED));
        }
        text
    }

    fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("kind", self.kind.name());
        object.insert("tool", self.named());
        let tools = self.tools.iter().map(|tool| Value::from(tool.as_str()));
        object.insert("tools", Value::Array(tools.collect()));
        object.insert("from", self.from.to_json());
        object.insert("to", self.to.to_json());
        object.insert("when", self.when.as_str());
        object.insert("witness", self.witness.as_ref().map_or(Value::Null, Witness::to_json));
        object.insert("opens", self.opens);
        Value::Object(object)
    }
}

impl Side {
    pub(crate) fn of(decision: &Decision) -> Self {
        let approvals = match decision {
            Decision::Hold(held) => held.approvals().map(Approvals::of).collect(),
            _ => Vec::new(),
        };
        let rule = decision.rule().to_owned();
        Self { outcome: decision.outcome(), rule, approvals }
    }

    /// The outcome, and the rule where there is one; with the approvals if `held`.
    fn short(&self, held: bool) -> String {
        if held {
            let asked: Vec<String> = self.approvals.iter().map(Approvals::short).collect();
            return format!("hold by {}", asked.join(" and "));
        }
        match self.rule.as_str() {
            "" => self.outcome.to_owned(),
            rule => format!("{} {rule}", self.outcome),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("outcome", self.outcome);
        object.insert("rule", self.rule.as_str());
        let approvals = self.approvals.iter().map(|approval| {
            let mut object = Object::new();
            object.insert("rule", &*approval.rule);
            let approvers = approval.approvers.iter().map(|name| Value::from(name.as_str()));
            object.insert("approvers", Value::Array(approvers.collect()));
            object.insert("count", i64::from(approval.count));
            let seconds = i64::try_from(approval.expires_in.as_secs()).unwrap_or(i64::MAX);
            object.insert("expires_in_seconds", seconds);
            Value::Object(object)
        });
        object.insert("approvals", Value::Array(approvals.collect()));
        Value::Object(object)
    }
}

impl Approvals {
    fn of(needed: &ApprovalNeeded) -> Self {
        let mut approvers: Vec<String> = needed.approvers.iter().map(ToString::to_string).collect();
        approvers.sort();
        approvers.dedup();
        Self {
            rule: needed.rule.clone(),
            approvers,
            count: needed.count,
            expires_in: needed.expires_in,
        }
    }

    /// The approval in a few words: `/tools/t/approve_if/big (2 of group:finance, 1800s)`.
    fn short(&self) -> String {
        let seconds = self.expires_in.as_secs();
        format!("{} ({} of {}, {seconds}s)", self.rule, self.count, self.approvers.join(", "))
    }

    /// Whether whoever satisfies this satisfies the other too.
    pub(crate) fn is_at_least(&self, other: &Self) -> bool {
        self.approvers.iter().all(|approver| other.approvers.contains(approver))
            && self.count >= other.count
            && self.expires_in <= other.expires_in
    }
}

impl NotKnown {
    fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("tool", self.tool.as_str());
        object.insert("reason", self.reason.as_str());
        Value::Object(object)
    }
}

impl Witness {
    /// The call as JSON: `name`, `arguments`, and of the world what differs from a plain one: `grant`,
    /// `time`, `usage`.
    pub fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("name", self.call.tool.as_str());
        let arguments = self.call.arguments.clone().unwrap_or_default();
        object.insert("arguments", Value::Object(arguments));
        self.surroundings(&mut object);
        Value::Object(object)
    }

    /// The call as a test case that expects this decision.
    pub fn to_case(&self, name: &str, side: &Side) -> Value {
        let mut call = Object::new();
        call.insert("tool", self.call.tool.as_str());
        let arguments = self.call.arguments.clone().unwrap_or_default();
        // A case takes the tool to list the call's own arguments, unless it says what is listed.
        let unlisted = arguments.names().any(|name| !self.listed.iter().any(|l| l == name));
        call.insert("arguments", Value::Object(arguments));
        let mut case = Object::new();
        case.insert("name", name);
        case.insert("call", Value::Object(call));
        self.surroundings(&mut case);
        if unlisted {
            let mut definition = Object::new();
            let listed = self.listed.iter().map(|name| Value::from(name.as_str()));
            definition.insert("arguments", Value::Array(listed.collect()));
            case.insert("definition", Value::Object(definition));
        }
        let mut expect = Object::new();
        expect.insert("outcome", side.outcome);
        if !side.rule.is_empty() {
            expect.insert("rule", side.rule.as_str());
        }
        case.insert("expect", Value::Object(expect));
        Value::Object(case)
    }

    fn surroundings(&self, object: &mut Object) {
        if self.grant != GrantFacts::default() {
            let mut grant = Object::new();
            if !self.grant.label.is_empty() {
                grant.insert("label", self.grant.label.as_str());
            }
            if !self.grant.identity.is_empty() {
                grant.insert("identity", self.grant.identity.as_str());
            }
            if !self.grant.tags.is_empty() {
                let mut tags = Object::new();
                for (key, value) in &self.grant.tags {
                    tags.insert(key.as_str(), value.as_str());
                }
                grant.insert("tags", Value::Object(tags));
            }
            object.insert("grant", Value::Object(grant));
        }
        if self.timed {
            object.insert("time", self.now.to_string());
        }
        if !self.usage.is_empty() {
            let mut usage = Object::new();
            for (rule, used) in &self.usage {
                let number =
                    Number::of_decimal(*used, true).or_else(|| Number::of_decimal(*used, false));
                if let Some(number) = number {
                    usage.insert(rule.as_str(), Value::Number(number));
                }
            }
            object.insert("usage", Value::Object(usage));
        }
    }

    pub(crate) fn definition(&self) -> Definition {
        Definition::Accepted { arguments: Some(self.listed.clone()) }
    }
}
