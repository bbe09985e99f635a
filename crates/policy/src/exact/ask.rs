//! Questions about a policy: can such a call pass, be held, be denied? Answered yes with a call, no, or
//! not known with the reason.

use std::sync::Arc;

use json::document::Data;
use json::{Object, Value};

use crate::cases;
use crate::check::ServerTool;
use crate::clock::Clock;
use crate::compare;
use crate::load::reader::{At, Fields, Loader};
use crate::load::{finish, tree};
use crate::pattern::NamePattern;
use crate::policy::Policy;
use crate::problem::Problems;
use crate::program::Entry;
use crate::truth::Truth;
use crate::values::Facts;

use super::answer::{Side, Witness};
use super::atoms::Atoms;
use super::diff::STEPS_MAX;
use super::look::{self, Found};
use super::names::{self, Cell};
use super::road::{self, Road};
use super::scene::Stage;
use super::solve::{Demand, State, Steps, TooLarge};
use super::space::{Space, Want};
use super::words;

/// What a call is asked to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It goes through with no person.
    Allow,
    /// It waits for people.
    Hold,
    /// It is stopped.
    Deny,
    /// It is not stopped: it goes through or waits.
    Pass,
}

impl Wanted {
    /// Every outcome that can be asked for, with its name.
    pub const ALL: [(&'static str, Self); 4] =
        [("allow", Self::Allow), ("hold", Self::Hold), ("deny", Self::Deny), ("pass", Self::Pass)];

    fn is(self, outcome: &str) -> bool {
        match self {
            Self::Pass => outcome != "deny",
            Self::Allow => outcome == "allow",
            Self::Hold => outcome == "hold",
            Self::Deny => outcome == "deny",
        }
    }
}

/// A question.
///
/// - **Shape**: `{ "tool", "where"?: [conditions], "outcome": "allow" | "hold" | "deny" | "pass",
///   "rule"? }`. All conditions hold for certain; a path with `[*]` asks for one element, unless `each`
///   says otherwise. `tool` may hold `*`.
/// - **Source**: [`Query::read`] for JSON, [`Query::of_words`] for a sentence.
#[derive(Debug)]
pub struct Query {
    tool: String,
    wanted: Wanted,
    rule: Option<String>,
    conditions: Value,
    /// The conditions, as the rule of a policy of their own.
    holder: Policy,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// No call can.
    No,
    /// This one can: judging it gives that.
    Yes(Box<(Witness, Side)>),
    /// It could not be worked out; why, for people.
    NotKnown(String),
}

impl Query {
    /// Reads a question.
    ///
    /// - **Errors**: what is wrong with it, all at once, with pointers into the text.
    pub fn read(text: &[u8]) -> Result<Self, Problems> {
        let (node, mut loader) = tree(text)?;
        let read = read(&mut loader, &At::root(&node));
        finish(text, loader, read)
    }

    /// Reads a sentence such as `can refund_payment pass without approval when amount > 500 and
    /// currency = "usd"?`.
    ///
    /// - **Errors**: a sentence that says what was not understood.
    pub fn of_words(text: &str) -> Result<Self, String> {
        let question = super::phrase::read(text)?;
        let text = json::write_to_vec(&question);
        Self::read(&text).map_err(|problems| {
            let each: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            each.join("; ")
        })
    }

    /// Whether some call of the tool comes to this by this rule.
    pub(crate) fn of_rule(tool: &str, wanted: Wanted, rule: Option<&str>) -> Option<Self> {
        let holder = Policy::load(br#"{"version":"1","default":"allow"}"#).ok()?;
        let (tool, rule) = (tool.to_owned(), rule.map(str::to_owned));
        Some(Self { tool, wanted, rule, conditions: Value::Array(Vec::new()), holder })
    }

    /// The question as JSON.
    pub fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("tool", self.tool.as_str());
        object.insert("where", self.conditions.clone());
        let name = Wanted::ALL.iter().find(|(_, wanted)| *wanted == self.wanted);
        object.insert("outcome", name.map_or("", |(name, _)| name));
        if let Some(rule) = &self.rule {
            object.insert("rule", rule.as_str());
        }
        Value::Object(object)
    }

    fn entry(&self) -> &Entry {
        &self.holder.program().all_tools
    }

    /// Whether the conditions hold for certain of a call.
    fn holds(&self, policy: &Policy, witness: &Witness) -> bool {
        let entry = self.entry();
        let Some(rule) = entry.deny_if.first() else { return true };
        let clock = Clock::of(witness.now, &policy.program().zone);
        let missing = Object::new();
        let facts = Facts {
            tool: &witness.call.tool,
            arguments: witness.call.arguments.as_ref().unwrap_or(&missing),
            grant: &witness.grant,
            clock: Some(&clock),
        };
        let budget = crate::budget::Budget::new();
        let values = entry.slots.fill(&facts, &budget);
        compare::all(&rule.conditions, &values, &budget) == Truth::True
    }
}

fn read(loader: &mut Loader, at: &At<'_>) -> Option<Query> {
    let fields = loader.fields(at, "a question", &["tool", "where", "outcome", "rule"])?;
    let tool = loader
        .needed(&fields, "tool", "a question")
        .and_then(|at| loader.name(&at, "`tool`").map(str::to_owned));
    let wanted = loader
        .needed(&fields, "outcome", "a question")
        .and_then(|at| loader.choice(&at, "`outcome`", &Wanted::ALL));
    let rule = match fields.get("rule") {
        None => Some(None),
        Some(at) => loader.string(&at, "`rule`").map(|rule| Some(rule.to_owned())),
    };
    let conditions = conditions(loader, &fields);
    let (conditions, holder) = conditions?;
    Some(Query { tool: tool?, wanted: wanted?, rule: rule?, conditions, holder })
}

/// The conditions, read as the rule of a policy of their own.
fn conditions(loader: &mut Loader, fields: &Fields<'_>) -> Option<(Value, Policy)> {
    let at = fields.get("where");
    let value = match &at {
        None => Value::Array(Vec::new()),
        Some(at) if !matches!(at.node.data, Data::Array(_)) => {
            return loader.wrong_type(at, "`where`", "a list of conditions", &at.node.data);
        }
        Some(at) => cases::value(at.node, &mut 0)?,
    };
    let text = format!(
        r#"{{"version":"1","default":"allow","all_tools":{{"deny_if":[{{"id":"where","conditions":{}}}]}}}}"#,
        String::from_utf8(json::write_to_vec(&value)).ok()?
    );
    match Policy::load(text.as_bytes()) {
        Ok(holder) => Some((value, holder)),
        Err(problems) => {
            let place = at.as_ref().unwrap_or(fields.at());
            for problem in &problems {
                let inner = problem.pointer.strip_prefix("/all_tools/deny_if/0/conditions");
                let mut at = place.clone();
                at.pointer.push_str(inner.unwrap_or_default());
                let suggestion = problem.suggestion.clone();
                loader.suggest(&at, problem.code, problem.message.clone(), suggestion);
            }
            None
        }
    }
}

/// Answers a question.
///
/// - **Shape**: a yes has a call that [`crate::decide`] judged. With the tools of a server only those are
///   looked at; limits are judged with nothing used yet.
/// - **Errors**: none; what could not be worked out is [`Answer::NotKnown`].
pub fn ask(policy: &Policy, query: &Query, tools: Option<&[ServerTool]>) -> Answer {
    let steps = Steps::new(STEPS_MAX);
    let (cells, gap) = cells(policy, query, tools);
    let mut unknown: Option<String> = gap.map(|gap| format!("the names of tools: {gap}"));
    for cell in &cells {
        let asking = Asking::new(policy, query, cell, &steps);
        match asking.and_then(|asking| asking.run(cell)) {
            Ok(Answer::No) => {}
            Ok(Answer::NotKnown(reason)) => unknown = unknown.or(Some(reason)),
            Err(TooLarge) => {
                unknown = unknown.or(Some("the rules are too large to decide".to_owned()));
            }
            Ok(yes) => return yes,
        }
    }
    unknown.map_or(Answer::No, Answer::NotKnown)
}

fn cells(
    policy: &Policy,
    query: &Query,
    tools: Option<&[ServerTool]>,
) -> (Vec<Cell>, Option<&'static str>) {
    let pattern = NamePattern::new(&query.tool);
    if tools.is_none() && !query.tool.contains('*') {
        let (tool, label) = (query.tool.clone(), query.tool.clone());
        return (vec![Cell { tool, label, listed: None }], None);
    }
    let (cells, gap) = names::cells(&[policy, &query.holder], tools, &[query.tool.as_str()]);
    (cells.into_iter().filter(|cell| pattern.matches(&cell.tool)).collect(), gap)
}

struct Asking<'a, 'p> {
    policy: &'p Policy,
    query: &'p Query,
    road: Road<'p>,
    space: Space<'p>,
    listed: Vec<String>,
    state: Option<State>,
    steps: &'a Steps,
    unknown: Option<String>,
}

impl<'a, 'p> Asking<'a, 'p> {
    fn new(
        policy: &'p Policy,
        query: &'p Query,
        cell: &Cell,
        steps: &'a Steps,
    ) -> Result<Self, TooLarge> {
        let mut named = road::named(policy, &cell.tool);
        named.extend(road::named(&query.holder, &cell.tool));
        named.sort();
        named.dedup();
        let unlisted: Vec<String> = match &cell.listed {
            Some(listed) => named.iter().filter(|name| !listed.contains(name)).cloned().collect(),
            None => Vec::new(),
        };
        let mut atoms = Atoms::new(Some(&cell.tool));
        let road = road::of(policy, &mut atoms, &cell.tool, &unlisted);
        let entry = query.entry();
        let conditions = entry.deny_if.first().map_or(&[][..], |rule| &rule.conditions);
        let wanted = atoms.all(conditions, entry, road.zone);
        let mut space = Space::new(atoms, steps)?;
        let mut state = look::start(&space, steps)?;
        let wanted = space.demand(&wanted, Want::True);
        let open = state.add(&wanted, steps)?;
        Ok(Self {
            policy,
            query,
            road,
            space,
            listed: cell.listed.clone().unwrap_or(named),
            state: open.then_some(state),
            steps,
            unknown: None,
        })
    }

    fn run(mut self, cell: &Cell) -> Result<Answer, TooLarge> {
        let Some(mut state) = self.state.take() else { return Ok(Answer::No) };
        let wanted = self.query.wanted;
        for index in 0..self.road.steps.len() {
            let Some(step) = self.road.steps.get(index) else { break };
            let (rule, fires) = (step.rule.clone(), step.fires);
            let asked = self.query.rule.as_deref().is_none_or(|asked| *asked == *rule);
            if wanted == Wanted::Deny && asked {
                let demand = self.demand(index, fires);
                let mut denied = state.clone();
                if denied.add(&demand, self.steps)?
                    && let Some(yes) = self.look(&denied, cell, Some(&rule))?
                {
                    return Ok(yes);
                }
            }
            let demand = self.demand(index, fires.opposite());
            if !state.add(&demand, self.steps)? {
                return Ok(self.none());
            }
        }
        let yes = match wanted {
            Wanted::Deny => None,
            Wanted::Pass if self.query.rule.is_none() => self.look(&state, cell, None)?,
            Wanted::Allow => {
                for index in 0..self.road.asks.len() {
                    let demand = self.asked(index, false);
                    if !state.add(&demand, self.steps)? {
                        return Ok(self.none());
                    }
                }
                self.look(&state, cell, None)?
            }
            Wanted::Hold | Wanted::Pass => {
                let rule = self.query.rule.clone();
                let any = (0..self.road.asks.len()).filter(|index| {
                    let named = self.road.asks.get(*index).map(|ask| &*ask.need.rule);
                    rule.as_deref().is_none_or(|rule| named == Some(rule))
                });
                let any: Vec<usize> = any.collect();
                let any = any.into_iter().map(|index| self.asked(index, true));
                let any: Vec<Demand> = any.collect();
                let open = state.add(&Demand::any(any), self.steps)?;
                if open { self.look(&state, cell, None)? } else { None }
            }
        };
        Ok(yes.unwrap_or_else(|| self.none()))
    }

    fn none(self) -> Answer {
        self.unknown.map_or(Answer::No, Answer::NotKnown)
    }

    fn demand(&mut self, index: usize, want: Want) -> Demand {
        match self.road.steps.get(index) {
            Some(step) => self.space.demand(&step.formula, want),
            None => Demand::Always,
        }
    }

    fn asked(&mut self, index: usize, fires: bool) -> Demand {
        let want = if fires { Want::NotFalse } else { Want::False };
        match self.road.asks.get(index) {
            Some(ask) => self.space.demand(&ask.formula, want),
            None => Demand::Always,
        }
    }

    fn look(
        &mut self,
        state: &State,
        cell: &Cell,
        rule: Option<&Arc<str>>,
    ) -> Result<Option<Answer>, TooLarge> {
        let (policy, query) = (self.policy, self.query);
        let stage = Stage { tool: &cell.tool, listed: &self.listed };
        let confirm = |witness: &Witness| {
            let side = look::side(policy, witness);
            let named = match (&query.rule, rule) {
                (_, Some(rule)) => *side.rule == **rule,
                (Some(asked), None) => side.approvals.iter().any(|need| *need.rule == **asked),
                (None, None) => true,
            };
            (query.wanted.is(side.outcome) && named && query.holds(policy, witness)).then_some(side)
        };
        Ok(match look::look(&self.space, state, &stage, self.steps, confirm)? {
            Found::Yes(witness, side) => Some(Answer::Yes(Box::new((*witness, side)))),
            Found::No => None,
            Found::NotKnown(reason) => {
                self.unknown = self.unknown.take().or(Some(reason));
                None
            }
        })
    }
}

impl Answer {
    /// `yes`, `no` or `not_known`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes(_) => "yes",
            Self::NotKnown(_) => "not_known",
        }
    }

    /// The answer as JSON: `answer`, `decided` (outcome, rule, approvals), `witness`, `reason`.
    pub fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("answer", self.name());
        let (mut decided, mut witness, mut reason) = (Value::Null, Value::Null, Value::Null);
        match self {
            Self::No => {}
            Self::Yes(yes) => {
                witness = yes.0.to_json();
                decided = yes.1.to_json();
            }
            Self::NotKnown(text) => reason = Value::from(text.as_str()),
        }
        object.insert("decided", decided);
        object.insert("witness", witness);
        object.insert("reason", reason);
        Value::Object(object)
    }

    /// The answer in one line.
    pub fn line(&self) -> String {
        match self {
            Self::No => "no".to_owned(),
            Self::Yes(yes) => {
                let (witness, side) = &**yes;
                let by =
                    if side.rule.is_empty() { String::new() } else { format!(" by {}", side.rule) };
                let call = words::value(&witness.to_json());
                format!("yes: {}{by}: {call}", side.outcome)
            }
            Self::NotKnown(reason) => format!("not known: {reason}"),
        }
    }
}
