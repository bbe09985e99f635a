//! One call judged without being made: what would be decided, and how it comes about.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use policy::{Definition, GrantFacts, Policy, Question, ToolCall};
use quota::{Key, Subjects};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Grant, OnToolChange, ServerView, Tool};
use utoipa::ToSchema;

use crate::body::Unread;
use crate::decode::Exact;
use crate::operator::{Authorized, Operator};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::time::Time;
use crate::trial::{named_server, stored};
use crate::usage::decimal;
use crate::{Control, judge, servers, tools};

/// A call to be judged, not made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallIn {
    /// The tool.
    name: String,
    #[schema(value_type = Option<Object>)]
    arguments: Option<Exact>,
}

/// A question: exactly one of `text`, `policy` and `grant`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimulateIn {
    text: Option<String>,
    /// Id or name of a stored policy: its newest version.
    policy: Option<String>,
    /// Id or label of a grant: its attached policy, its tags and its usage.
    grant: Option<String>,
    /// Id or slug of the server whose tools the call is judged by. Needed with a grant that
    /// reaches several.
    server: Option<String>,
    call: CallIn,
    /// The moment it is judged at; now when absent.
    #[schema(value_type = Option<String>)]
    time: Option<Time>,
}

/// An approval that is needed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalOut {
    rule: String,
    approvers: Vec<String>,
    count: u32,
    expires_in_seconds: u64,
    message: Option<String>,
}

/// What a call would use of a limit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChargeOut {
    rule: String,
    counter: String,
    amount: String,
    max: String,
}

/// What would be decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SimulateOut {
    /// `allow`, `hold` or `deny`.
    outcome: &'static str,
    /// The rule that decides; empty for a plain allow.
    rule: String,
    /// Why, as a stable name, for a denial.
    reason: Option<&'static str>,
    /// What the agent would be told.
    message: Option<String>,
    /// What would be charged, for an allowed call.
    charges: Vec<ChargeOut>,
    /// Whose sign-off it would wait for, for a held call.
    approvals: Vec<ApprovalOut>,
    /// Every rule that applies, with what each condition came to. Holds no value of the call.
    #[schema(value_type = Object)]
    trace: Option<Box<RawValue>>,
    /// What the answer rests on beyond the question.
    notes: Vec<String>,
}

/// Judges one call without making it: the decision, and how it came about.
#[utoipa::path(
    post, path = "/policies/simulate", tag = "policies", operation_id = "policies_simulate",
    request_body = SimulateIn,
    responses((status = 200, body = SimulateOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn simulate(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<SimulateOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(policy_simulate(&control, &by, body.read().await?).await?))
}

/// Everything one question is judged by.
struct Scene {
    policy: Option<Policy>,
    facts: GrantFacts,
    definition: Definition,
    usage: Left,
    notes: Vec<String>,
}

/// What a grant's limits have left; all of it where nothing is known.
#[derive(Default)]
struct Left {
    subjects: Option<Subjects>,
    left: HashMap<Key, i64>,
}

impl policy::Usage for Left {
    fn fits(&self, charge: &policy::Charge) -> bool {
        let key = self.subjects.as_ref().map(|subjects| Key::of(subjects, charge));
        let left = key.and_then(|key| self.left.get(&key).copied());
        charge.amount_millionths <= left.unwrap_or(charge.max_millionths)
    }
}

async fn policy_simulate(
    control: &Control,
    by: &Authorized,
    given: SimulateIn,
) -> Result<SimulateOut, Problem> {
    let now = given.time.map_or(by.now(), |Time(at)| at);
    let now = Timestamp::from_microsecond(now.micros())
        .map_err(|_| Problem::field("/time", "invalid_value", crate::time::SHAPE))?;
    let call = ToolCall {
        tool: given.call.name,
        arguments: judge::arguments(given.call.arguments.map(|Exact(value)| value))?,
    };
    let server = given.server.as_deref();
    let scene = match (given.text, given.policy, given.grant) {
        (Some(text), None, None) => {
            let policy = judge::load(control, text).await?;
            plain(control, by, policy, server, &call).await?
        }
        (None, Some(name), None) => {
            let (text, _) = stored(control, by, &name).await?;
            let policy = judge::load(control, text).await?;
            plain(control, by, policy, server, &call).await?
        }
        (None, None, Some(name)) => granted(control, by, &name, server, &call).await?,
        _ => {
            let message = "send exactly one of `text`, `policy` and `grant`";
            return Err(Problem::field("", "invalid_value", message));
        }
    };
    let question = Question {
        policy: scene.policy.as_ref(),
        grant: &scene.facts,
        definition: &scene.definition,
        usage: &scene.usage,
        now,
    };
    let (decision, trace) = policy::explain(&question, call);
    Ok(told(decision, &trace, scene.notes))
}

/// A document on its own, with the tools of a server if one is named.
async fn plain(
    control: &Control,
    by: &Authorized,
    policy: Policy,
    server: Option<&str>,
    call: &ToolCall,
) -> Result<Scene, Problem> {
    let mut notes = vec!["limits are judged as if nothing were used yet".to_owned()];
    let definition = match server {
        Some(name) => definition_of(&named_server(control, by, name).await?, &call.tool),
        None => {
            let note = "no server was named: the tool is taken to list exactly these arguments";
            notes.push(note.to_owned());
            let names = call.arguments.iter().flat_map(json::Object::names);
            Definition::Accepted { arguments: Some(names.map(str::to_owned).collect()) }
        }
    };
    let (facts, usage) = (GrantFacts::default(), Left::default());
    Ok(Scene { policy: Some(policy), facts, definition, usage, notes })
}

/// A grant as it stands: its policy at the server, its tags, what its limits have left.
async fn granted(
    control: &Control,
    by: &Authorized,
    name: &str,
    server: Option<&str>,
    call: &ToolCall,
) -> Result<Scene, Problem> {
    let missing = || Problem::field("/grant", "not_found", "there is no such grant");
    let grant = control.store.grant(by.org(), name).await?.ok_or_else(missing)?;
    let view = reached(control, by, &grant, server).await?;
    let mut notes = vec![];
    if grant.state != store::GrantState::Active {
        notes.push(format!(
            "the grant is {}: every call is refused before it is judged",
            grant.state.as_str()
        ));
    }
    if grant.expires_at.is_some_and(|at| at <= by.now()) {
        notes
            .push("the grant's time is over: every call is refused before it is judged".to_owned());
    }
    if !view.server.enabled {
        notes.push("the server is disabled: nothing is carried to it".to_owned());
    }
    let attached = grant.servers.iter().find(|a| a.server == view.server.id);
    let id = attached.and_then(|attached| attached.policy.clone());
    let policy = match &id {
        None => None,
        Some(id) => {
            let (text, _) = stored(control, by, id.as_str()).await?;
            Some(judge::load(control, text).await?)
        }
    };
    let left = control.store.usage(by.org(), &grant.id).await?;
    let usage = Left {
        subjects: Some(Subjects {
            organisation: by.org().as_str().into(),
            grant: grant.id.as_str().into(),
            identity: grant.identity.as_str().into(),
            policy: id.as_ref().map_or("", |id| id.as_str()).into(),
            server: view.server.id.as_str().into(),
        }),
        left: left.limits.into_iter().map(|of| (of.usage.key, of.usage.left)).collect(),
    };
    let facts = GrantFacts { label: grant.label, identity: grant.identity, tags: grant.tags };
    let definition = definition_of(&view, &call.tool);
    Ok(Scene { policy, facts, definition, usage, notes })
}

/// The server a grant's call would go to.
async fn reached(
    control: &Control,
    by: &Authorized,
    grant: &Grant,
    server: Option<&str>,
) -> Result<ServerView, Problem> {
    match (server, grant.servers.as_slice()) {
        (None, [only]) => servers::find(control, by, only.server.as_str()).await,
        (None, _) => {
            let message = "the grant reaches several servers: name one";
            Err(Problem::field("/server", "missing_field", message))
        }
        (Some(name), reached) => {
            let view = named_server(control, by, name).await?;
            if reached.iter().any(|attached| attached.server == view.server.id) {
                return Ok(view);
            }
            let message = "the grant does not reach this server";
            Err(Problem::field("/server", "invalid_value", message))
        }
    }
}

/// What the engine knows of a tool, from what the server lists and what was accepted of it.
pub(crate) fn definition_of(view: &ServerView, name: &str) -> Definition {
    let listed = |tool: &&Tool| tool.name == name && tool.present && tool.withheld.is_none();
    let Some(tool) = view.tools.iter().find(listed) else { return Definition::Unknown };
    let Some((accepted, fingerprint)) = &tool.accepted else { return Definition::NotAccepted };
    let arguments = judge::arguments_of(accepted);
    if *fingerprint == tool.fingerprint {
        return Definition::Accepted { arguments };
    }
    match view.server.on_tool_change {
        OnToolChange::Hide => Definition::Unknown,
        setting => Definition::Changed { deny: setting == OnToolChange::Deny, arguments },
    }
}

fn told(decision: policy::Decision, trace: &policy::Trace, notes: Vec<String>) -> SimulateOut {
    let mut told = SimulateOut {
        outcome: decision.outcome(),
        rule: decision.rule().to_owned(),
        reason: None,
        message: None,
        charges: vec![],
        approvals: vec![],
        trace: tools::raw(&json::write_to_vec(&trace.to_json())),
        notes,
    };
    match decision {
        policy::Decision::Allow(allowed) => {
            told.charges = allowed.charges().iter().map(charge).collect();
        }
        policy::Decision::Hold(held) => told.approvals = held.approvals().map(approval).collect(),
        policy::Decision::Deny(denial) => {
            told.reason = Some(denial.reason.code());
            told.message = Some(denial.message);
        }
    }
    told
}

fn charge(charge: &policy::Charge) -> ChargeOut {
    ChargeOut {
        rule: charge.rule.to_string(),
        counter: charge.counter.to_string(),
        amount: decimal(charge.amount_millionths),
        max: decimal(charge.max_millionths),
    }
}

fn approval(needed: &policy::ApprovalNeeded) -> ApprovalOut {
    ApprovalOut {
        rule: needed.rule.to_string(),
        approvers: needed.approvers.iter().map(ToString::to_string).collect(),
        count: needed.count,
        expires_in_seconds: needed.expires_in.as_secs(),
        message: needed.message.as_ref().map(|message: &Arc<str>| message.to_string()),
    }
}
