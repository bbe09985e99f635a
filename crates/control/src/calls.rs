//! The call log: lines by filter, one line, and the words they are told in. Following the log
//! as it grows is in `tail.rs`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Call, CallFilter, CallId, OutcomeClass, Verdict};
use utoipa::{IntoParams, ToSchema};

use crate::approvals::{self, SaidOut};
use crate::body::Asked;
use crate::grants::Named;
use crate::operator::Operator;
use crate::page::{List, PageQuery};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, time};

/// The longest text of one filter.
const FILTER_BYTES_MAX: usize = 512;

/// Which lines, and how many of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallQuery {
    /// Of this grant, by id or label.
    grant: Option<String>,
    /// Of this server, by id or slug.
    server: Option<String>,
    /// Of this tool; `*` stands for any run of characters.
    tool: Option<String>,
    /// `allowed`, `held` or `denied`.
    decision: Option<String>,
    /// `completed`, `tool_failed`, `upstream_error`, `not_sent`, `unknown` or `input_required`.
    outcome: Option<String>,
    /// Judged by this policy, by id or name, whatever its version.
    policy: Option<String>,
    /// Decided by this rule, or by a rule under this pointer.
    rule: Option<String>,
    /// At or after this moment.
    since: Option<String>,
    /// Before this moment.
    until: Option<String>,
    /// The most lines, 1 to 500; 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the part before.
    after: Option<String>,
}

/// Which lines to follow.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TailQuery {
    /// Of this grant, by id or label.
    grant: Option<String>,
    /// Of this server, by id or slug.
    server: Option<String>,
    /// Of this tool; `*` stands for any run of characters.
    tool: Option<String>,
    /// `allowed`, `held` or `denied`.
    decision: Option<String>,
    /// Judged by this policy, by id or name, whatever its version.
    policy: Option<String>,
    /// Decided by this rule, or by a rule under this pointer.
    rule: Option<String>,
}

/// The policy that judged, and its version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Judge {
    id: String,
    version: u32,
}

/// What became of a call that left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeOut {
    /// `completed`, `tool_failed`, `upstream_error`, `not_sent`, `unknown` or `input_required`.
    class: &'static str,
    /// A stable name with more detail, or empty.
    detail: &'static str,
    at: String,
    upstream_status: Option<u16>,
    response_bytes: u64,
    /// From the first byte of the request to the last of the answer.
    took_micros: u64,
    /// Of that, the time spent in the upstream.
    upstream_micros: u64,
    /// Whether the answer held a copy of the credential, which was removed.
    echo_removed: bool,
}

/// A line of the call log. Names of arguments, never their values.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallOut {
    /// Its place in the log, from 1.
    index: i64,
    id: String,
    at: String,
    grant: Named,
    identity: String,
    token_generation: u32,
    server: Named,
    /// The MCP version the agent spoke.
    version: &'static str,
    method: String,
    tool: Option<String>,
    /// The fingerprint of the tool's accepted definition.
    fingerprint: Option<String>,
    policy: Option<Judge>,
    /// `allowed`, `held` or `denied`.
    decision: &'static str,
    /// The rule that decided; empty for a plain allow.
    rule: String,
    /// Why, as a stable name.
    reason: &'static str,
    /// Names of known arguments.
    known_args: Vec<String>,
    /// How many arguments are not known.
    unknown_args: u32,
    request_bytes: u64,
    /// The limits charged.
    charged: Vec<String>,
    /// How many calls this line stands for: above 1 when a flood of refusals was folded.
    count: u32,
    /// What became of it; `null` while it is in flight, and for calls that never left.
    outcome: Option<OutcomeOut>,
}

/// The sign-off that a call has used, or asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallApproval {
    id: String,
    /// Where it stands: `pending`, `approved`, `denied`, `expired`, `withdrawn` or `consumed`.
    state: &'static str,
    /// Whether this call has used it; otherwise it asked for it first.
    used: bool,
    /// What was signed off, to the letter.
    fingerprint: String,
    /// Who said what, when, and for admins from where.
    decisions: Vec<SaidOut>,
}

/// One line of the call log, with its sign-off.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallWhole {
    #[serde(flatten)]
    call: CallOut,
    /// The sign-off, if one was asked for.
    approval: Option<CallApproval>,
    /// What was recorded of it beyond names, where somebody has asked for that.
    recorded: CallRecorded,
}

/// What was recorded of a call beyond names, as its entries say.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallRecorded {
    /// Keyed fingerprints: `key` is the number of their key, `of` holds one for each argument, `all`
    /// is that of all arguments.
    #[schema(value_type = Option<Object>)]
    fingerprints: Option<Box<RawValue>>,
    /// What was kept of the arguments: the `sha256` of the sealed record, or why it is `missing`.
    #[schema(value_type = Option<Object>)]
    arguments: Option<Box<RawValue>>,
    /// What was kept of the result.
    #[schema(value_type = Option<Object>)]
    result: Option<Box<RawValue>>,
}

impl CallOut {
    pub(crate) fn of(call: &Call) -> Self {
        let intent = &call.intent;
        Self {
            index: call.index,
            id: intent.id.to_string(),
            at: time::write(intent.at),
            grant: Named { id: intent.grant.to_string(), name: intent.grant_label.to_string() },
            identity: intent.identity.to_string(),
            token_generation: intent.token_generation,
            server: Named { id: intent.server.to_string(), name: intent.server_slug.to_string() },
            version: intent.version,
            method: intent.method.to_string(),
            tool: intent.tool.as_deref().map(str::to_owned),
            fingerprint: intent.fingerprint.as_deref().map(str::to_owned),
            policy: intent
                .policy
                .as_ref()
                .map(|(id, version)| Judge { id: id.to_string(), version: *version }),
            decision: intent.verdict.as_str(),
            rule: intent.rule.to_string(),
            reason: intent.reason,
            known_args: intent.known_args.iter().map(ToString::to_string).collect(),
            unknown_args: intent.unknown_args,
            request_bytes: intent.request_bytes,
            charged: intent.charged.iter().map(ToString::to_string).collect(),
            count: intent.count,
            outcome: call.outcome.as_ref().map(|outcome| OutcomeOut {
                class: outcome.class.as_str(),
                detail: outcome.detail,
                at: time::write(outcome.at),
                upstream_status: outcome.upstream_status,
                response_bytes: outcome.response_bytes,
                took_micros: outcome.took_micros,
                upstream_micros: outcome.upstream_micros,
                echo_removed: outcome.echo_removed,
            }),
        }
    }
}

impl CallQuery {
    fn parts(self) -> Result<(CallFilter, PageQuery), Problem> {
        let Self {
            grant,
            server,
            tool,
            decision,
            outcome,
            policy,
            rule,
            since,
            until,
            limit,
            after,
        } = self;
        let mut faults = vec![];
        let filter = CallFilter {
            grant,
            server,
            tool,
            policy,
            rule,
            verdict: word("decision", decision, Verdict::parse, &mut faults),
            outcome: word("outcome", outcome, OutcomeClass::parse, &mut faults),
            since: moment("since", since, &mut faults),
            until: moment("until", until, &mut faults),
        };
        Ok((bounded(filter, faults)?, PageQuery { limit, after }))
    }
}

impl TailQuery {
    pub(crate) fn filter(self) -> Result<CallFilter, Problem> {
        let Self { grant, server, tool, decision, policy, rule } = self;
        let mut faults = vec![];
        let verdict = word("decision", decision, Verdict::parse, &mut faults);
        let rest = CallFilter::default();
        bounded(CallFilter { grant, server, tool, policy, rule, verdict, ..rest }, faults)
    }
}

/// The filter, if nothing about it is wrong or too long.
fn bounded(filter: CallFilter, mut faults: Vec<Fault>) -> Result<CallFilter, Problem> {
    let texts = [
        ("grant", &filter.grant),
        ("server", &filter.server),
        ("tool", &filter.tool),
        ("policy", &filter.policy),
        ("rule", &filter.rule),
    ];
    for (name, text) in texts {
        if text.as_ref().is_some_and(|text| text.len() > FILTER_BYTES_MAX) {
            faults.push(Fault::new(name, "invalid_value", "this filter is too long"));
        }
    }
    // Each star may try every place in a name: a pattern has a few, never hundreds.
    if filter.tool.as_ref().is_some_and(|tool| tool.matches('*').count() > 8) {
        faults.push(Fault::new("tool", "invalid_value", "this filter takes at most 8 stars"));
    }
    if faults.is_empty() { Ok(filter) } else { Err(Problem::invalid(faults)) }
}

fn word<T>(
    name: &str,
    text: Option<String>,
    read: impl Fn(&str) -> Option<T>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let found = read(text.as_deref()?);
    if found.is_none() {
        faults.push(Fault::new(name, "invalid_value", "this filter does not know that word"));
    }
    found
}

fn moment(name: &str, text: Option<String>, faults: &mut Vec<Fault>) -> Option<store::Moment> {
    let found = time::read(text.as_deref()?);
    if found.is_none() {
        faults.push(Fault::new(name, "invalid_value", time::SHAPE));
    }
    found
}

/// Lines of the call log, newest first.
#[utoipa::path(
    get, path = "/calls", tag = "calls", operation_id = "calls_list", params(CallQuery),
    responses((status = 200, body = List<CallOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<CallOut>>, Problem> {
    let by = who.may(Action::CallsRead)?;
    let (filter, page) = asked.read::<CallQuery>()?.parts()?;
    let slice = control.store.calls(by.org(), &filter, &page.page()?).await?;
    Ok(Json(List { items: slice.items.iter().map(CallOut::of).collect(), next: slice.next }))
}

/// One line of the call log.
#[utoipa::path(
    get, path = "/calls/{id}", tag = "calls", operation_id = "calls_get",
    params(("id" = String, Path, description = "Id of the call")),
    responses((status = 200, body = CallWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<CallWhole>, Problem> {
    let by = who.may(Action::CallsRead)?;
    let id = CallId::parse(&id).ok_or_else(|| Problem::no_such("call"))?;
    let call = control.store.call(by.org(), &id).await?;
    let call = CallOut::of(&call.ok_or_else(|| Problem::no_such("call"))?);
    let found = control.store.approval_of_call(by.org(), &id).await?;
    let approval = found.map(|of| CallApproval {
        id: of.id.to_string(),
        state: of.state_at(control.clock.now()).as_str(),
        used: of.used_by == Some(id),
        fingerprint: of.fingerprint_shown(),
        decisions: approvals::said(&by, &of),
    });
    let of = control.store.recorded_of_call(by.org(), &id).await?;
    // What is no JSON was not written here, and is for the verifier to name.
    let raw = |text: Option<String>| text.and_then(|text| RawValue::from_string(text).ok());
    let recorded = CallRecorded {
        fingerprints: raw(of.fingerprints),
        arguments: raw(of.arguments),
        result: raw(of.result),
    };
    Ok(Json(CallWhole { call, approval, recorded }))
}
