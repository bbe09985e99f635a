//! Exact answers about policies: what a change lets through, whether a call can pass, what the test cases
//! leave untried. Nothing is sent, recorded or changed.

use axum::Json;
use axum::extract::State;
use json::Value;
use policy::exact::{self, Answer, Query};
use policy::{Policy, ServerTool};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::body::Unread;
use crate::decode::Exact;
use crate::operator::{Authorized, Operator};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::roles::Action;
use crate::trial::named_server;
use crate::{Control, judge, policies, tools};

/// A document: its text, or a stored policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// The document.
    text: Option<String>,
    /// Id or name of a stored policy.
    policy: Option<String>,
    /// The number of its version; the newest when absent.
    version: Option<u32>,
}

/// Two documents to compare.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExactDiffIn {
    from: Source,
    to: Source,
    /// Id or slug of a server: only its tools are compared, with the arguments they list.
    server: Option<String>,
}

/// What two policies treat differently.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExactDiffOut {
    /// Whether it is proved that no call is treated differently.
    same: bool,
    /// Whether the second lets more through; also `true` when that could not be ruled out.
    more_open: bool,
    /// The classes of calls that change; those that open something first.
    changes: Vec<ChangeOut>,
    /// What could not be worked out; empty when `changes` is everything.
    not_known: Vec<NotKnownOut>,
}

/// A class of calls that two policies treat differently.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeOut {
    /// `outcome`: calls end otherwise. `limit`: they are counted otherwise. `section`: resources,
    /// prompts or requests of the upstream.
    kind: &'static str,
    /// The tools in a few words.
    tool: String,
    /// All of them: names, patterns where they cover many, `*` for every tool that nothing names.
    /// For a section its name.
    tools: Vec<String>,
    from: SideOut,
    to: SideOut,
    /// Which calls, in words: `500 < amount ≤ 10000`.
    when: String,
    /// One of them, judged by the engine: `name`, `arguments`, and where they matter `grant`, `time`,
    /// `usage`. `null` for a section.
    #[schema(value_type = Option<Object>)]
    witness: Option<Box<RawValue>>,
    /// Whether something passes that did not, or more easily.
    opens: bool,
    /// All of it in one line.
    line: String,
}

/// What one policy does with the calls of a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SideOut {
    /// `allow`, `hold` or `deny`.
    outcome: &'static str,
    /// The rule that decides; empty for a plain allow.
    rule: String,
    /// The approvals a held call waits for.
    approvals: Vec<ApprovalNeedOut>,
}

/// An approval that a held call waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalNeedOut {
    rule: String,
    approvers: Vec<String>,
    count: u32,
    expires_in_seconds: u64,
}

/// Something that could not be worked out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotKnownOut {
    /// The tool; empty for the whole policy.
    tool: String,
    reason: String,
}

/// A question about a document: in words or as data.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskIn {
    /// The document.
    text: Option<String>,
    /// Id or name of a stored policy.
    policy: Option<String>,
    /// The number of its version; the newest when absent.
    version: Option<u32>,
    /// Id or slug of a server: only its tools are looked at.
    server: Option<String>,
    /// A sentence: `can refund_payment pass without approval when amount > 500?`
    question: Option<String>,
    /// The same as data: `tool`, `where` (conditions), `outcome` (`allow`, `hold`, `deny` or `pass`),
    /// `rule`.
    #[schema(value_type = Option<Object>)]
    query: Option<Exact>,
}

/// The answer to a question.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskOut {
    /// `yes`, `no` or `not_known`.
    answer: &'static str,
    /// The question as data.
    #[schema(value_type = Object)]
    query: Option<Box<RawValue>>,
    /// For a yes: what is decided about the call.
    decided: Option<SideOut>,
    /// For a yes: the call.
    #[schema(value_type = Option<Object>)]
    witness: Option<Box<RawValue>>,
    /// Why it is not known.
    reason: Option<String>,
}

/// Test cases and the document they are for: its text, or a stored policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoverageIn {
    /// The document.
    text: Option<String>,
    /// Id or name of a stored policy.
    policy: Option<String>,
    /// The number of its version; the newest when absent.
    version: Option<u32>,
    /// The cases; those kept beside the version when absent.
    #[schema(value_type = Option<Vec<Object>>)]
    cases: Option<Exact>,
    /// Id or slug of a server: cases and proposals keep to its tools.
    server: Option<String>,
}

/// What test cases exercise.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverageOut {
    /// Whether every rule is exercised and every small change noticed.
    complete: bool,
    /// Every rule, in document order.
    rules: Vec<RuleOut>,
    /// Small changes of a rule that no case notices.
    unnoticed: Vec<UnnoticedOut>,
    /// How many changes were tried.
    tried: usize,
    /// What was left out.
    notes: Vec<String>,
}

/// A rule and the cases that exercise it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleOut {
    rule: String,
    /// The numbers of the cases it decides, from 0.
    cases: Vec<usize>,
    /// A case that would exercise it.
    #[schema(value_type = Option<Object>)]
    proposed: Option<Box<RawValue>>,
    /// Why there is no proposal.
    note: Option<String>,
}

/// A small change of a rule that no case notices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnnoticedOut {
    rule: String,
    /// How it was changed: `args.amount gt becomes gte`.
    change: String,
    /// A case that would notice it.
    #[schema(value_type = Option<Object>)]
    proposed: Option<Box<RawValue>>,
}

/// Compares two policies exactly: which calls they treat differently, each with an example.
#[utoipa::path(
    post, path = "/policies/diff", tag = "policies", operation_id = "policies_diff_exact",
    request_body = ExactDiffIn,
    responses((status = 200, body = ExactDiffOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn diff(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<ExactDiffOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(policies_diff(&control, &by, body.read().await?).await?))
}

/// Asks a policy whether a call can pass, be held or be denied: no, or yes with an example.
#[utoipa::path(
    post, path = "/policies/ask", tag = "policies", operation_id = "policies_ask",
    request_body = AskIn,
    responses((status = 200, body = AskOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn ask(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<AskOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(policy_ask(&control, &by, body.read().await?).await?))
}

/// Says which rules no test case exercises and which changes none notices, and proposes cases.
#[utoipa::path(
    post, path = "/policies/coverage", tag = "policies", operation_id = "policies_coverage",
    request_body = CoverageIn,
    responses((status = 200, body = CoverageOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn coverage(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<CoverageOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(policy_coverage(&control, &by, body.read().await?).await?))
}

/// The text of a source, and the cases kept beside a stored one.
async fn text_of(
    control: &Control,
    by: &Authorized,
    source: Source,
    place: &str,
) -> Result<(String, Option<Vec<u8>>), Problem> {
    let name = match source {
        Source { text: Some(text), policy: None, version: None } => return Ok((text, None)),
        Source { text: None, policy: Some(name), version } => (name, version),
        _ => return Err(Problem::field(place, "invalid_value", "send either `text` or `policy`")),
    };
    policies::stored_version(control, by, &name.0, name.1, place).await
}

/// The tools of the server that is named, if one is.
async fn tools_of(
    control: &Control,
    by: &Authorized,
    server: Option<&str>,
) -> Result<Option<Vec<ServerTool>>, Problem> {
    match server {
        None => Ok(None),
        Some(name) => Ok(Some(judge::server_tools(&named_server(control, by, name).await?.tools))),
    }
}

async fn policies_diff(
    control: &Control,
    by: &Authorized,
    given: ExactDiffIn,
) -> Result<ExactDiffOut, Problem> {
    let (from, _) = text_of(control, by, given.from, "/from").await?;
    let (to, _) = text_of(control, by, given.to, "/to").await?;
    let tools = tools_of(control, by, given.server.as_deref()).await?;
    let from = judge::load_at(control, from, "/from").await?;
    let to = judge::load_at(control, to, "/to").await?;
    let found = control.aside(move || exact::diff(&from, &to, tools.as_deref())).await?;
    Ok(ExactDiffOut {
        same: found.is_same(),
        more_open: found.more_open(),
        changes: found.changes.iter().map(change).collect(),
        not_known: found
            .not_known
            .into_iter()
            .map(|unknown| NotKnownOut { tool: unknown.tool, reason: unknown.reason })
            .collect(),
    })
}

async fn policy_ask(control: &Control, by: &Authorized, given: AskIn) -> Result<AskOut, Problem> {
    let query = match (given.question, given.query) {
        // What was not understood is not repeated: it may be anything that was pasted there.
        (Some(words), None) => Query::of_words(&words)
            .map_err(|_| Problem::field("/question", "invalid_value", exact::QUESTION_SHAPE))?,
        (None, Some(Exact(query))) => {
            let read = Query::read(&json::write_to_vec(&query));
            read.map_err(|problems| {
                let fault = |problem: &policy::Problem| {
                    let pointer = format!("/query{}", problem.pointer);
                    Fault::new(pointer, problem.code, problem.message.clone())
                };
                Problem::invalid(problems.iter().map(fault).collect())
            })?
        }
        _ => {
            let message = "send either `question` or `query`";
            return Err(Problem::field("", "invalid_value", message));
        }
    };
    let source = Source { text: given.text, policy: given.policy, version: given.version };
    let (text, _) = text_of(control, by, source, "").await?;
    let tools = tools_of(control, by, given.server.as_deref()).await?;
    let policy = judge::load(control, text).await?;
    let asked = raw(&query.to_json());
    let answer = control.aside(move || exact::ask(&policy, &query, tools.as_deref())).await?;
    let (name, mut decided, mut witness, mut reason) = (answer.name(), None, None, None);
    match answer {
        Answer::No => {}
        Answer::Yes(yes) => {
            witness = raw(&yes.0.to_json());
            decided = Some(side(&yes.1));
        }
        Answer::NotKnown(why) => reason = Some(why),
    }
    Ok(AskOut { answer: name, query: asked, decided, witness, reason })
}

async fn policy_coverage(
    control: &Control,
    by: &Authorized,
    given: CoverageIn,
) -> Result<CoverageOut, Problem> {
    let source = Source { text: given.text, policy: given.policy, version: given.version };
    let (text, kept) = text_of(control, by, source, "").await?;
    let tools = tools_of(control, by, given.server.as_deref()).await?;
    let cases = match given.cases {
        Some(Exact(cases)) => json::write_to_vec(&cases),
        None => kept.unwrap_or_else(|| b"[]".to_vec()),
    };
    let policy: Policy = judge::load(control, text.clone()).await?;
    // What is wrong with the cases is told as `test` tells it.
    judge::test(control, policy, cases.clone()).await?;
    let told = move || exact::coverage(text.as_bytes(), &cases, tools.as_deref());
    let found = control.aside(told).await?.map_err(|_| {
        Problem::field(
            "/cases",
            "invalid_value",
            "the cases cannot be run with this server's tools",
        )
    })?;
    Ok(CoverageOut {
        complete: found.is_complete(),
        rules: found
            .rules
            .into_iter()
            .map(|rule| RuleOut {
                rule: rule.rule,
                cases: rule.cases,
                proposed: rule.proposed.as_ref().and_then(raw),
                note: rule.note,
            })
            .collect(),
        unnoticed: found
            .unnoticed
            .into_iter()
            .map(|change| UnnoticedOut {
                rule: change.rule,
                change: change.change,
                proposed: change.proposed.as_ref().and_then(raw),
            })
            .collect(),
        tried: found.tried,
        notes: found.notes,
    })
}

fn change(change: &exact::Change) -> ChangeOut {
    ChangeOut {
        kind: change.kind.name(),
        tool: change.named(),
        tools: change.tools.clone(),
        from: side(&change.from),
        to: side(&change.to),
        when: change.when.clone(),
        witness: change.witness.as_ref().and_then(|witness| raw(&witness.to_json())),
        opens: change.opens,
        line: change.line(),
    }
}

fn side(side: &exact::Side) -> SideOut {
    let need = |need: &exact::Approvals| ApprovalNeedOut {
        rule: need.rule.to_string(),
        approvers: need.approvers.clone(),
        count: need.count,
        expires_in_seconds: need.expires_in.as_secs(),
    };
    SideOut {
        outcome: side.outcome,
        rule: side.rule.clone(),
        approvals: side.approvals.iter().map(need).collect(),
    }
}

/// A value of the engine, to the letter.
fn raw(value: &Value) -> Option<Box<RawValue>> {
    tools::raw(&json::write_to_vec(value))
}
