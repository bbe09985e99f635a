//! Carries one `tools/call` from the agent's request to the agent's reply: the whole promise on
//! one screen.
//!
//! Three rings: in the first the call is recorded, in the second its quota is held, in the third a
//! credential is in hand.

use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use mcp::call::Call;
use mcp::lists::ListKind;
use mcp::message::Request;
use policy::{Decision, Definition, Question, ToolCall};
use store::{OutcomeClass, RoomError, Verdict};

use crate::agent::Agent;
use crate::authenticate::Caller;
use crate::flights::Ticket;
use crate::forward::{self, Outbound};
use crate::leg::Leg;
use crate::parse::Lines;
use crate::record::{self, Line};
use crate::refusal::{Denied, Refusal};
use crate::reserve::{self, NoRoom, Permit, Room};
use crate::road::{Asked, Gateway};
use crate::settle::{self, End};
use crate::{approve, discovery, inject, leg, lists};

/// How often a call is judged anew because what it was judged by changed meanwhile.
const JUDGED_MAX: usize = 4;

/// A call with its permit, ready to leave.
struct Passage {
    permit: Permit,
    call: Call,
    leg: Leg,
    _in_flight: Ticket,
}

/// Carries one tool call. It runs to its end, whatever becomes of its connection (`ride.rs`).
pub(crate) async fn carry(
    gateway: Arc<Gateway>,
    mut asked: Asked,
    request: Request,
    parts: Parts,
    mut line: Line,
    agent: Agent,
) {
    let own = line.id();
    match admit(&gateway, &mut asked, request, &parts, &mut line).await {
        Ok(passage) => carry_out(&gateway, &asked, passage, &line, agent).await,
        Err(refusal) => {
            leg::refused(&gateway, &mut line, own);
            record::answer_refused(&gateway, &asked, line, refusal, agent).await;
        }
    }
}

/// Decides the call, takes its quota and writes its intent.
async fn admit(
    gateway: &Arc<Gateway>,
    asked: &mut Asked,
    request: Request,
    parts: &Parts,
    line: &mut Line,
) -> Result<Passage, Refusal> {
    let mut call = mcp::call::tools_call(request.params, asked.era)?;
    line.tool(&call.name, None);
    let grant = &asked.caller.grant;
    let in_flight = grant.flights.board(grant.in_flight_max).ok_or(Refusal::TooManyInFlight)?;
    discovery::know_tool(gateway, &mut asked.caller, &call.name).await?;
    let leg = leg::of(gateway, asked, &mut call, line)?;

    let mut judged = ToolCall { tool: call.name.clone(), arguments: call.arguments.take() };
    for _ in 0..JUDGED_MAX {
        // A tool that this grant cannot see answers as one that never was, whatever its schema says.
        if lists::visible(&asked.caller, ListKind::Tools, &judged.tool) {
            check_headers(asked, parts, &mut call, &mut judged)?;
        }
        let approved = match decide(gateway, asked, judged, line)? {
            (Decision::Allow(allowed), _) => approve::allowed(allowed),
            (Decision::Deny(denial), no_room) => return Err(denied(denial, no_room, line)),
            (Decision::Hold(held), _) => return Err(awaiting(held, line)),
        };
        let room = match leg.is_continued() {
            true => Ok(reserve::held_since(&leg, approved)),
            false => reserve::room(gateway, &asked.caller, line, approved).await,
        };
        match room {
            Ok(permit) => return Ok(Passage { permit, call, leg, _in_flight: in_flight }),
            Err(NoRoom::Refused(refusal)) => return Err(refusal),
            Err(NoRoom::Stale(call)) => judged = call,
        }
        let view = gateway.view().await.map_err(|_| Refusal::Unavailable)?;
        let now = gateway.clock.now();
        asked.caller = asked.caller.in_view(&view, now).ok_or_else(|| revoked(line))?;
    }
    Err(Refusal::Unavailable)
}

/// From here the quota is held and the intent is durable: every way out settles the call.
async fn carry_out(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    passage: Passage,
    line: &Line,
    agent: Agent,
) {
    let Passage { permit, mut call, leg, _in_flight } = passage;
    let sent = Instant::now();
    let end = match inject::credential(&asked.caller.attached.server) {
        Ok(injected) => {
            let ToolCall { arguments, .. } = permit.call;
            call.arguments = arguments;
            let outbound = Outbound::call(gateway, asked, call, injected, &leg, line.id());
            forward::once(gateway, asked, outbound, agent).await
        }
        Err(refusal) => {
            agent.answer(refusal.reply(Some(&asked.id), asked.era));
            Some(End::bare(OutcomeClass::NotSent, refusal.reason()))
        }
    };
    // `None`: the upstream closed the stream and the answer may still come by another.
    if let Some(end) = end
        && leg::ends_call(end.class)
    {
        settle::call(gateway, line.id(), asked.arrived, sent, end);
    }
}

/// Asks the policy, on one immutable view, with no I/O. Beside a denial by a limit: why the limit
/// has no room.
fn decide(
    gateway: &Gateway,
    asked: &Asked,
    call: ToolCall,
    line: &mut Line,
) -> Result<(Decision, Option<RoomError>), Refusal> {
    let caller = &asked.caller;
    let entry = caller.attached.server.tools.get(&call.tool);
    line.tool(&call.tool, entry);
    line.arguments(&call, entry);
    line.judged_by(caller);
    let policy = match &caller.attached.policy {
        None => None,
        Some(policy) => Some(policy.program.as_ref().ok_or_else(|| invalid_policy(line))?),
    };
    let now = gateway.clock.now();
    let timestamp = jiff::Timestamp::from_microsecond(now.micros());
    let room = Room::of(gateway.store.as_ref(), caller);
    let question = Question {
        policy,
        grant: &caller.grant.facts,
        definition: entry.map_or(&Definition::Unknown, |e| {
            if e.withheld || e.hidden { &Definition::Unknown } else { &e.definition }
        }),
        usage: &room,
        now: timestamp.map_err(|_| Refusal::Unavailable)?,
    };
    let decision = policy::decide(&question, call);
    Ok((decision, room.into_refused()))
}

/// The headers that repeat arguments must agree with what is judged (modern era).
fn check_headers(
    asked: &Asked,
    parts: &Parts,
    call: &mut Call,
    judged: &mut ToolCall,
) -> Result<(), Refusal> {
    if asked.era == mcp::Era::Legacy {
        return Ok(());
    }
    let entry = asked.caller.attached.server.tools.get(&judged.tool);
    let Some(definition) = entry.and_then(|e| e.accepted.as_ref()) else { return Ok(()) };
    call.arguments = judged.arguments.take();
    let checked =
        mcp::headers::check_params(&Lines(&parts.headers), call, &definition.header_params);
    judged.arguments = call.arguments.take();
    checked.map_err(Refusal::from)
}

fn denied(denial: policy::Denial, no_room: Option<RoomError>, line: &mut Line) -> Refusal {
    if denial.reason == policy::Reason::Limit
        && let Some(why) = no_room
    {
        return reserve::refused(&why, denial.message, line);
    }
    let reason = denial.reason.code();
    line.decided(Verdict::Denied, denial.rule.clone(), reason);
    if matches!(denial.reason, policy::Reason::Hidden | policy::Reason::UnknownTool) {
        return Refusal::UnknownTool(denial.call.tool);
    }
    let more = denial.indeterminate.iter().map(|cause| {
        let mut object = json::Object::new();
        object.insert("condition", cause.condition.as_str());
        object.insert("why", cause.why.code());
        ("not_judged", json::Value::Object(object))
    });
    Refusal::Denied(Box::new(Denied {
        decision: "denied",
        rule: denial.rule,
        reason,
        message: denial.message,
        retry_after_ms: None,
        call: line.id().to_string(),
        more: more.collect(),
    }))
}

/// A held call goes no further: it says which rule asks for a person.
fn awaiting(held: policy::Held, line: &mut Line) -> Refusal {
    line.decided(Verdict::Held, held.rule().clone(), "approval_required");
    let approvers: Vec<json::Value> = held
        .approvals()
        .flat_map(|a| a.approvers.iter())
        .map(|approver| json::Value::from(approver.to_string()))
        .collect();
    let message = held.approvals().find_map(|a| a.message.as_deref()).map_or_else(
        || {
            format!(
                "This call needs a person's sign-off (rule {}). It was not carried out.",
                held.rule()
            )
        },
        |text| format!("{text} (rule {}). It was not carried out.", held.rule()),
    );
    Refusal::Denied(Box::new(Denied {
        decision: "held",
        rule: held.rule().clone(),
        reason: "approval_required",
        message,
        retry_after_ms: None,
        call: line.id().to_string(),
        more: vec![("approvers", json::Value::Array(approvers))],
    }))
}

fn revoked(line: &mut Line) -> Refusal {
    plain_denial(line, "(grant not active)", "grant_not_active", "The grant is no longer active.")
}

fn invalid_policy(line: &mut Line) -> Refusal {
    let text = "The policy of this grant cannot be read; an administrator must publish it again.";
    plain_denial(line, "(policy invalid)", "policy_invalid", text)
}

fn plain_denial(line: &mut Line, rule: &str, reason: &'static str, message: &str) -> Refusal {
    let rule: Arc<str> = rule.into();
    line.decided(Verdict::Denied, rule.clone(), reason);
    Refusal::Denied(Box::new(Denied {
        decision: "denied",
        rule,
        reason,
        message: message.to_owned(),
        retry_after_ms: None,
        call: line.id().to_string(),
        more: Vec::new(),
    }))
}

/// The same caller with a newer view of its server.
pub(crate) async fn renew(gateway: &Gateway, caller: &mut Caller) -> Result<(), Refusal> {
    let view = gateway.view().await.map_err(|_| Refusal::Unavailable)?;
    if let Some(renewed) = caller.in_view(&view, gateway.clock.now()) {
        *caller = renewed;
    }
    Ok(())
}
