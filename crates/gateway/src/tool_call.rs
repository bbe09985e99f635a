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
use store::{Approval, ApprovalId, ApprovalState, OutcomeClass, RoomError, SignedOff, Verdict};

use crate::agent::Agent;
use crate::approve::{Approved, Standing};
use crate::authenticate::Caller;
use crate::flights::Ticket;
use crate::forward::{self, Outbound};
use crate::hold::{Hold, Waited};
use crate::holds::Word;
use crate::leg::{Leg, Subject};
use crate::parse::Lines;
use crate::record::{self, Line};
use crate::refusal::{Denied, Refusal, json_reply};
use crate::reserve::{self, NoRoom, Permit, Room};
use crate::road::{Asked, Gateway};
use crate::settle::{self, End};
use crate::snapshot::ToolEntry;
use crate::{approve, discovery, inject, leg, lists, recording};

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
    mut agent: Agent,
) {
    match admit(&gateway, &mut asked, request, &parts, &mut line, &mut agent).await {
        Ok(passage) => carry_out(&gateway, &asked, passage, &line, agent).await,
        Err(Stop::Refused(refusal)) => {
            leg::refused(&gateway, &mut line);
            record::answer_refused(&gateway, &asked, line, refusal, agent).await;
        }
        Err(Stop::LetGo(result)) => {
            let body = mcp::reply::result(&asked.id, asked.era, result);
            agent.answer(json_reply(http::StatusCode::OK, body));
        }
        Err(Stop::Gone) => {}
    }
}

/// Why a call does not go on now.
enum Stop {
    /// It is refused, and the agent told so.
    Refused(Refusal),
    /// It waits for people; the agent comes back with this.
    LetGo(json::Object),
    /// It waits for people, and the agent has left.
    Gone,
}

impl<T: Into<Refusal>> From<T> for Stop {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Decides the call, waits for people if they are asked, takes its quota and writes its intent.
async fn admit(
    gateway: &Arc<Gateway>,
    asked: &mut Asked,
    request: Request,
    parts: &Parts,
    line: &mut Line,
    agent: &mut Agent,
) -> Result<Passage, Stop> {
    let mut call = mcp::call::tools_call(request.params, asked.era)?;
    line.tool(&call.name, None);
    let grant = &asked.caller.grant;
    let in_flight = grant.flights.board(grant.in_flight_max).ok_or(Refusal::TooManyInFlight)?;
    discovery::know_tool(gateway, &mut asked.caller, &call.name).await?;
    let subject = Subject::of_call(asked.era, &mut call);
    let (mut hold, word) = Hold::of(gateway, asked, parts, subject, &mut call)?;
    let leg = leg::of(gateway, asked, subject, &mut call, line)?;

    let mut judged = ToolCall { tool: call.name.clone(), arguments: call.arguments.take() };
    let (mut stale, mut used) = (0, None);
    let mut copy = gateway.beside.copy(asked, &judged, line, leg.is_continued());
    while stale < JUDGED_MAX {
        // A tool that this grant cannot see answers as one that never was, whatever its schema says.
        if lists::visible(&asked.caller, ListKind::Tools, &judged.tool) {
            check_headers(asked, parts, &mut call, &mut judged)?;
        }
        let decided = decide(gateway, asked, judged, &[], line)?;
        let beside = copy.take().and_then(|copy| copy.told(gateway, &decided.0));
        let approved = match decided {
            (Decision::Allow(allowed), _) => approve::allowed(allowed, None),
            (Decision::Deny(denial), no_room) => return Err(denied(denial, no_room, line).into()),
            (Decision::Hold(held), _) if leg.is_continued() => {
                return Err(approve::not_in_a_leg(&held, line).into());
            }
            (Decision::Hold(held), _) => {
                if let Some(signed) = used.take() {
                    return Err(used_up(gateway, asked, &signed, line).await.into());
                }
                let responses = call.input_responses.as_ref();
                match approve::person(gateway, &asked.caller, held, responses, line).await? {
                    Standing::Signed { signed, .. } if word == Some(Word::TakenBack) => {
                        let org = &asked.caller.grant.org;
                        let cancelled = gateway.store.approving().approval_cancel(org, &signed.id);
                        cancelled.await.map_err(|_| Refusal::Unavailable)?;
                        return Err(used_up(gateway, asked, &signed.id, line).await.into());
                    }
                    Standing::Signed { call, signed, rules } => {
                        used = Some(signed.id.clone());
                        allowed_by(gateway, asked, call, signed, &rules, line)?
                    }
                    Standing::Waits { call: waits, approval } => {
                        line.held(gateway).await?;
                        let waited = match word {
                            Some(Word::TakenBack) => Waited::TakenBack,
                            _ => hold.wait(gateway, asked, &approval, agent).await?,
                        };
                        if matches!(waited, Waited::Changed | Waited::TakenBack) {
                            line.goes_on(gateway, asked);
                        }
                        stopped(gateway, asked, waited, &approval, &hold, line).await?;
                        renew_or_deny(gateway, asked, line).await?;
                        judged = waits;
                        continue;
                    }
                }
            }
        };
        let room = match leg.is_continued() {
            true => Ok(reserve::held_since(&leg, approved)),
            false => reserve::room(gateway, &asked.caller, line, approved).await,
        };
        if let Some(copy) = beside {
            copy.reserved(gateway, room.is_ok(), line);
        }
        match room {
            Ok(permit) => return Ok(Passage { permit, call, leg, _in_flight: in_flight }),
            Err(NoRoom::Refused(refusal)) => return Err(refusal.into()),
            Err(NoRoom::Stale(call)) => (judged, used) = (call, None),
            Err(NoRoom::NotApproved(call)) => judged = call,
        }
        stale += 1;
        renew_or_deny(gateway, asked, line).await?;
    }
    Err(Refusal::Unavailable.into())
}

/// What an agent that stops waiting is told. `Ok`: it does not stop.
async fn stopped(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    waited: Waited,
    approval: &Approval,
    hold: &Hold,
    line: &mut Line,
) -> Result<(), Stop> {
    match waited {
        Waited::Changed => Ok(()),
        Waited::Enough => Err(match hold.let_go(gateway, asked, approval) {
            Some(result) => Stop::LetGo(result),
            None => approve::pending(gateway, approval, line).into(),
        }),
        Waited::Gone => Err(Stop::Gone),
        Waited::TakenBack => {
            let approving = gateway.store.approving();
            let cancelled = approving.approval_cancel(&approval.org, &approval.id).await;
            cancelled.map_err(|_| Refusal::Unavailable)?;
            let state = ApprovalState::Withdrawn;
            Err(approve::ended(gateway, approval, state, line).await.into())
        }
    }
}

/// Judges a call from the start that people have signed off. Only what they were asked is answered.
fn allowed_by(
    gateway: &Gateway,
    asked: &Asked,
    call: ToolCall,
    signed: SignedOff,
    rules: &[Arc<str>],
    line: &mut Line,
) -> Result<Approved, Refusal> {
    let answered: Vec<&str> = rules.iter().map(AsRef::as_ref).collect();
    match decide(gateway, asked, call, &answered, line)? {
        (Decision::Allow(allowed), _) => {
            line.intent.rule = rules.first().cloned().unwrap_or_else(record::no_text);
            Ok(approve::allowed(allowed, Some(signed)))
        }
        (Decision::Deny(denial), no_room) => Err(denied(denial, no_room, line)),
        // A rule that depends on the moment asks only now: the next call asks for both.
        (Decision::Hold(_), _) => Err(Refusal::Unavailable),
    }
}

/// An approval that was there a moment ago is not any more: who has it?
async fn used_up(gateway: &Gateway, asked: &Asked, id: &ApprovalId, line: &mut Line) -> Refusal {
    let org = &asked.caller.grant.org;
    match gateway.store.approving().approval_now(org, id).await {
        Ok(Some(approval)) => {
            let state = approval.state_at(gateway.clock.now());
            approve::ended(gateway, &approval, state, line).await
        }
        Ok(None) | Err(_) => Refusal::Unavailable,
    }
}

/// Reads anew what the call is judged by.
async fn renew_or_deny(
    gateway: &Gateway,
    asked: &mut Asked,
    line: &mut Line,
) -> Result<(), Refusal> {
    let view = gateway.view().await.map_err(|_| Refusal::Unavailable)?;
    let now = gateway.clock.now();
    asked.caller = asked.caller.in_view(&view, now).ok_or_else(|| revoked(line))?;
    Ok(())
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
    let end = match inject::for_caller(gateway, &asked.caller).await {
        Ok(injected) => {
            let ToolCall { arguments, .. } = permit.call;
            call.arguments = arguments;
            let outbound = Outbound::call(gateway, asked, call, injected, &leg, line);
            forward::once(gateway, asked, outbound, agent).await
        }
        Err(refusal) => {
            let refusal = refusal.in_tool_call();
            agent.answer(refusal.reply(Some(&asked.id), asked.era));
            Some(End::bare(OutcomeClass::NotSent, refusal.reason()))
        }
    };
    // `None`: the upstream closed the stream and the answer may still come by another.
    if let Some(end) = end
        && leg::ends_call(end.class)
    {
        settle::call(gateway, line, sent, end);
    }
}

/// Asks the policy, on one immutable view, with no I/O. Beside a denial by a limit: why the limit
/// has no room.
fn decide(
    gateway: &Gateway,
    asked: &Asked,
    call: ToolCall,
    signed: &[&str],
    line: &mut Line,
) -> Result<(Decision, Option<RoomError>), Refusal> {
    let caller = &asked.caller;
    let entry = caller.attached.server.tools.get(&call.tool);
    line.tool(&call.tool, entry);
    line.arguments(&call, entry);
    line.fingerprints(recording::fingerprints(caller, &call, entry));
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
        definition: definition(entry),
        usage: &room,
        now: timestamp.map_err(|_| Refusal::Unavailable)?,
    };
    let decision = policy::decide_signed(&question, call, signed);
    Ok((decision, room.into_refused()))
}

/// What is known of the tool; nothing of one that agents neither see nor call.
pub(crate) fn definition(entry: Option<&ToolEntry>) -> &Definition {
    entry.map_or(&Definition::Unknown, |e| {
        if e.withheld || e.hidden { &Definition::Unknown } else { &e.definition }
    })
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
