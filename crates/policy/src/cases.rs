//! Test cases kept beside a policy: a call, the world around it, and the decision that is expected.

use std::collections::HashMap;

use jiff::Timestamp;
use json::document::{Data, Node};
use json::{Object, Value};

use crate::charge::Charge;
use crate::check::ServerTool;
use crate::decide::decide;
use crate::decision::{Decision, Definition, GrantFacts, Question, ToolCall, Usage};
use crate::load::reader::{At, Loader};
use crate::load::{finish, tree};
use crate::policy::Policy;
use crate::problem::Problems;

/// The keys of a case.
pub(crate) const CASE: [&str; 7] =
    ["name", "call", "grant", "time", "usage", "definition", "expect"];

/// The moment of a case that names none, a Thursday: `2026-01-01T12:00:00Z`.
const NOON: i64 = 1_767_268_800;

/// The most members and elements of a call, as for calls that agents make.
const MEMBERS_MAX: usize = json::Limits::REQUEST.members;

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// Which case, from 0.
    pub index: usize,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Whether the decision is the expected one.
    pub passed: bool,
    /// The expected outcome: `allow`, `hold` or `deny`.
    pub expected_outcome: &'static str,
    /// The expected rule, if the case names one.
    pub expected_rule: Option<String>,
    /// The outcome.
    pub outcome: &'static str,
    /// The rule; empty for an allowed call.
    pub rule: String,
}

/// Runs the cases of a text against a policy.
///
/// - **Shape**: the text is a list of `{ "name"?, "call": { "tool", "arguments"? }, "grant"?, "time"?,
///   "usage"?, "definition"?, "expect": { "outcome", "rule"? } }`. `usage` maps a limit's rule to what
///   is used up already. A case without `time` is judged on Thursday 2026-01-01 at 12:00 UTC; one
///   without `definition`, as if the tool's accepted definition listed the call's own arguments.
/// - **Errors**: what is wrong with the text, all at once.
pub fn test(policy: &Policy, cases: &[u8]) -> Result<Vec<CaseResult>, Problems> {
    run(policy, cases, None)
}

/// As [`test()`], with the tools that a server really has: a case without `definition` is judged by
/// those.
pub fn test_against(
    policy: &Policy,
    cases: &[u8],
    tools: &[ServerTool],
) -> Result<Vec<CaseResult>, Problems> {
    run(policy, cases, Some(tools))
}

fn run(
    policy: &Policy,
    text: &[u8],
    tools: Option<&[ServerTool]>,
) -> Result<Vec<CaseResult>, Problems> {
    let cases = read(text, tools)?;
    Ok(cases.iter().enumerate().map(|(index, case)| case.run(index, policy).0).collect())
}

/// Reads the cases of a text.
pub(crate) fn read(text: &[u8], tools: Option<&[ServerTool]>) -> Result<Vec<Case>, Problems> {
    let (node, mut loader) = tree(text)?;
    let elements = loader.list(&At::root(&node), "the cases").unwrap_or_default();
    let cases = elements.iter().map(|at| case(&mut loader, at, tools)).collect();
    let cases: Vec<Option<Case>> = cases;
    finish(text, loader, cases.into_iter().collect::<Option<Vec<Case>>>())
}

/// One case, read.
pub(crate) struct Case {
    name: Option<String>,
    call: ToolCall,
    grant: GrantFacts,
    now: Timestamp,
    usage: Used,
    definition: Definition,
    outcome: &'static str,
    rule: Option<String>,
}

/// What is used up already, by rule, in millionths.
struct Used(HashMap<String, i64>);

impl Usage for Used {
    fn fits(&self, charge: &Charge) -> bool {
        let used = self.0.get(&*charge.rule).copied().unwrap_or(0);
        used.checked_add(charge.amount_millionths).is_some_and(|sum| sum <= charge.max_millionths)
    }
}

impl Case {
    /// What became of it, and the decision.
    pub(crate) fn run(&self, index: usize, policy: &Policy) -> (CaseResult, Decision) {
        let question = Question {
            policy: Some(policy),
            grant: &self.grant,
            definition: &self.definition,
            usage: &self.usage,
            now: self.now,
        };
        let decision = decide(&question, self.call.clone());
        let rule = decision.rule().to_owned();
        let outcome = decision.outcome();
        let as_named = self.rule.as_ref().is_none_or(|expected| *expected == rule);
        let result = CaseResult {
            index,
            name: self.name.clone(),
            passed: outcome == self.outcome && as_named,
            expected_outcome: self.outcome,
            expected_rule: self.rule.clone(),
            outcome,
            rule,
        };
        (result, decision)
    }
}

fn case(loader: &mut Loader, at: &At<'_>, tools: Option<&[ServerTool]>) -> Option<Case> {
    let fields = loader.fields(at, "a case", &CASE)?;
    let name = fields.get("name").and_then(|at| loader.string(&at, "`name`")).map(str::to_owned);
    let call = loader.needed(&fields, "call", "a case").and_then(|at| self::call(loader, &at));
    let grant = fields
        .get("grant")
        .map_or_else(|| Some(GrantFacts::default()), |at| self::grant(loader, &at));
    let now = match fields.get("time") {
        Some(at) => time(loader, &at),
        None => Timestamp::from_second(NOON).ok(),
    };
    let usage = fields
        .get("usage")
        .map_or_else(|| Some(Used(HashMap::new())), |at| self::usage(loader, &at));
    let definition = fields.get("definition").map(|at| self::definition(loader, &at));
    let expect =
        loader.needed(&fields, "expect", "a case").and_then(|at| self::expect(loader, &at));
    let call = call?;
    let definition = match definition {
        Some(definition) => definition?,
        None => assumed(&call, tools),
    };
    let (outcome, rule) = expect?;
    Some(Case { name, call, grant: grant?, now: now?, usage: usage?, definition, outcome, rule })
}

fn call(loader: &mut Loader, at: &At<'_>) -> Option<ToolCall> {
    let fields = loader.fields(at, "`call`", &["tool", "name", "arguments"])?;
    let tool = match (fields.get("tool"), fields.get("name")) {
        (Some(at), None) | (None, Some(at)) => loader.string(&at, "the tool's name"),
        _ => {
            loader.problem(at, "missing_key", "`call` needs the key `tool` (or `name`), once");
            None
        }
    };
    let arguments = match fields.get("arguments") {
        None => Some(None),
        Some(at) => match value(at.node, &mut 0) {
            Some(Value::Object(object)) => Some(Some(object)),
            None => {
                let message = format!("`arguments` holds more than {MEMBERS_MAX} members");
                loader.problem(&at, "too_many_members", message);
                None
            }
            Some(_) => loader.wrong_type(&at, "`arguments`", "an object", &at.node.data),
        },
    };
    Some(ToolCall { tool: tool?.to_owned(), arguments: arguments? })
}

fn grant(loader: &mut Loader, at: &At<'_>) -> Option<GrantFacts> {
    let fields = loader.fields(at, "`grant`", &["label", "identity", "tags"])?;
    let mut text = |name: &str| match fields.get(name) {
        None => Some(String::new()),
        Some(at) => loader.string(&at, &format!("`{name}`")).map(str::to_owned),
    };
    let (label, identity) = (text("label"), text("identity"));
    let mut tags = Vec::new();
    if let Some(at) = fields.get("tags") {
        for (member, at) in loader.members(&at, "`tags`")? {
            tags.push((member.name.clone(), loader.string(&at, "a tag")?.to_owned()));
        }
    }
    Some(GrantFacts { label: label?, identity: identity?, tags })
}

fn time(loader: &mut Loader, at: &At<'_>) -> Option<Timestamp> {
    let text = loader.string(at, "`time`")?;
    let time = text.parse().ok();
    if time.is_none() {
        let message = format!("`time` is a moment such as `2026-01-01T12:00:00Z`, not `{text}`");
        loader.problem(at, "bad_time", message);
    }
    time
}

fn usage(loader: &mut Loader, at: &At<'_>) -> Option<Used> {
    let mut used = HashMap::new();
    for (member, at) in loader.members(at, "`usage`")? {
        let number = loader.number(&at, "what is used up")?.value();
        let millionths = if number.is_negative() { None } else { number.millionths_up() };
        if millionths.is_none() {
            loader.problem(&at, "out_of_range", "what is used up is 0 or more");
        }
        used.insert(member.name.clone(), millionths?);
    }
    Some(Used(used))
}

fn definition(loader: &mut Loader, at: &At<'_>) -> Option<Definition> {
    if matches!(at.node.data, Data::String(_)) {
        let choices = [("unknown", false), ("not_accepted", true)];
        return loader.choice(at, "`definition`", &choices).map(|known| match known {
            false => Definition::Unknown,
            true => Definition::NotAccepted,
        });
    }
    let fields = loader.fields(at, "`definition`", &["arguments", "changed"])?;
    let mut names = Vec::new();
    if let Some(at) = fields.get("arguments") {
        for at in loader.list(&at, "`arguments`")? {
            names.push(loader.string(&at, "an argument's name")?.to_owned());
        }
    }
    let changed = match fields.get("changed") {
        Some(at) => loader.boolean(&at, "`changed`")?,
        None => false,
    };
    let arguments = Some(names);
    Some(match changed {
        true => Definition::Changed { deny: true, arguments },
        false => Definition::Accepted { arguments },
    })
}

/// The definition of a case that names none.
fn assumed(call: &ToolCall, tools: Option<&[ServerTool]>) -> Definition {
    let Some(tools) = tools else {
        let names = call.arguments.iter().flat_map(Object::names).map(str::to_owned).collect();
        return Definition::Accepted { arguments: Some(names) };
    };
    match tools.iter().find(|tool| tool.name == call.tool) {
        Some(tool) => Definition::Accepted { arguments: tool.arguments.clone() },
        None => Definition::Unknown,
    }
}

fn expect(loader: &mut Loader, at: &At<'_>) -> Option<(&'static str, Option<String>)> {
    let fields = loader.fields(at, "`expect`", &["outcome", "rule"])?;
    let outcomes = [("allow", "allow"), ("deny", "deny"), ("hold", "hold")];
    let outcome = loader
        .needed(&fields, "outcome", "`expect`")
        .and_then(|at| loader.choice(&at, "`outcome`", &outcomes));
    let rule = match fields.get("rule") {
        None => None,
        Some(at) => Some(loader.string(&at, "`rule`")?.to_owned()),
    };
    Some((outcome?, rule))
}

/// The value a node holds; `None` when it is larger than a call may be.
pub(crate) fn value(node: &Node, members: &mut usize) -> Option<Value> {
    let mut count = |more: usize| {
        *members = members.saturating_add(more);
        (*members <= MEMBERS_MAX).then_some(())
    };
    Some(match &node.data {
        Data::Null => Value::Null,
        Data::Bool(value) => Value::Bool(*value),
        Data::Number(number) => Value::Number(number.clone()),
        Data::String(text) => Value::String(text.clone()),
        Data::Array(list) => {
            count(list.len())?;
            Value::Array(list.iter().map(|node| value(node, members)).collect::<Option<_>>()?)
        }
        Data::Object(list) => {
            count(list.len())?;
            let mut object = Object::new();
            for member in list {
                object.insert(member.name.as_str(), value(&member.value, members)?);
            }
            Value::Object(object)
        }
    })
}
