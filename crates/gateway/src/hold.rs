//! Hold: an agent waits while people decide, for as long and in the way its client can bear.
//!
//! The rungs, lowest first: an answer that says "call again"; a stream that is held with progress; a
//! link for the person in front of the client; legs that carry our own state. Which of them a call
//! gets depends on what this very request or its session declared. Whoever falls off a rung finds
//! the record by calling again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::request::Parts;
use json::{Object, Value};
use mcp::call::Call;
use mcp::sse::{self, Event};
use mcp::{Era, Id};
use store::{Approval, ApprovalState};
use tokio::time::Instant;
use vault::OsRandom;

use crate::agent::Agent;
use crate::approve;
use crate::authenticate::Caller;
use crate::holds::Word;
use crate::leg::Subject;
use crate::refusal::{Refusal, stream_head};
use crate::road::{Asked, Gateway};
use crate::stream::session_key;

/// The name under which a modern client is asked to show the link.
const INPUT: &str = "approval";
/// How often the time that is left is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long agents are held.
#[derive(Clone, Debug)]
pub struct Holding {
    /// A legacy request, and any that comes without a way to go on.
    pub legacy: Duration,
    /// The first leg of a modern call.
    pub first_leg: Duration,
    /// Each later one.
    pub later_leg: Duration,
    /// The most legs of ours; 0: modern calls are told to call again.
    pub legs: u32,
    /// How often a stream says that it still waits.
    pub progress: Duration,
    /// When an agent that was told to call again should.
    pub retry_after_ms: u64,
    /// Where people decide, without a slash at the end. `None`: agents get no link.
    pub link_base: Option<String>,
}

impl Default for Holding {
    /// As measured with real clients: most give up after 60 seconds, and after 10 rounds.
    fn default() -> Self {
        Self {
            legacy: Duration::from_secs(50),
            first_leg: Duration::from_secs(20),
            later_leg: Duration::from_secs(45),
            legs: 6,
            progress: Duration::from_secs(10),
            retry_after_ms: 30_000,
            link_base: None,
        }
    }
}

/// How a waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Something was decided, or has changed: judge again.
    Changed,
    /// The agent cannot wait any longer.
    Enough,
    /// The agent has left. Nothing is carried out for nobody.
    Gone,
    /// The agent does not want the call any more.
    TakenBack,
}

/// How this request may wait.
pub(crate) struct Hold {
    /// Which leg of ours it is, from 0.
    leg: u32,
    /// What our legs have in common.
    subject: Subject,
    era: Era,
    /// The token to report progress under.
    progress: Option<Id>,
    /// Whether the answer may be a stream.
    streams: bool,
    /// Whether the client can show a link.
    shows_links: bool,
    ends_at: Option<Instant>,
    asked_to_show: bool,
    ticks: u64,
}

impl Hold {
    /// Reads from a request how it may wait, and takes out of it what is ours.
    ///
    /// - **Errors**: answers beside our own question.
    pub(crate) fn of(
        gateway: &Gateway,
        asked: &Asked,
        parts: &Parts,
        subject: Subject,
        call: &mut Call,
    ) -> Result<(Self, Option<Word>), Refusal> {
        let shows_links = if asked.era == Era::Modern {
            let meta = call.meta.as_ref();
            declares_links(meta.and_then(|meta| meta.get(mcp::meta::CLIENT_CAPABILITIES)))
        } else {
            asked.session.as_ref().is_some_and(|session| session.shows_links)
        };
        let lines = parts.headers.get_all(ACCEPT).iter();
        let streams = lines
            .filter_map(|line| line.to_str().ok())
            .any(|line| line.to_ascii_lowercase().contains("text/event-stream"));
        let mut hold = Self {
            leg: 0,
            subject,
            era: asked.era,
            progress: call.progress_token.clone(),
            streams,
            shows_links,
            ends_at: None,
            asked_to_show: false,
            ticks: 0,
        };
        let word = hold.resume(gateway, &asked.caller, call)?;
        Ok((hold, word))
    }

    /// Opens our own state, if this is a leg of ours.
    fn resume(
        &mut self,
        gateway: &Gateway,
        caller: &Caller,
        call: &mut Call,
    ) -> Result<Option<Word>, Refusal> {
        let Some(state) = &call.request_state else { return Ok(None) };
        let opened = gateway.state_key.open_state(&context(caller, &self.subject), state);
        let Some(number) = opened.and_then(|plain| plain.try_into().ok()) else { return Ok(None) };
        self.leg = u32::from_be_bytes(number);
        call.request_state = None;
        let Some(responses) = call.input_responses.take() else { return Ok(None) };
        let mut answers = responses.as_object().into_iter().flat_map(Object::iter);
        let answer = answers.next();
        if answers.next().is_some() || answer.is_some_and(|(name, _)| name != INPUT) {
            let text = "only `approval` was asked for in this call";
            let code = mcp::malformed::INVALID_PARAMS;
            return Err(mcp::Malformed::new(code, "input_responses", text).into());
        }
        Ok(answer.map(|(_, answer)| word_of(answer)))
    }

    /// Waits for people, as long as this client bears it.
    pub(crate) async fn wait(
        &mut self,
        gateway: &Gateway,
        asked: &Asked,
        approval: &Approval,
        agent: &mut Agent,
    ) -> Result<Waited, Refusal> {
        let mut changes = gateway.store.approving().approvals_changed();
        let ends_at = *self.ends_at.get_or_insert_with(|| {
            Instant::now() + budget(gateway, &asked.caller, self.era, self.leg)
        });
        if self.era == Era::Legacy && self.streams && Instant::now() < ends_at {
            agent.open(stream_head());
        }
        let question = Id::String(format!("countersign-{}", approval.id));
        let session = asked.session.as_ref().map(|s| session_key(&asked.caller, &s.upstream));
        let keys = session
            .into_iter()
            .flat_map(|session| [(session.clone(), asked.id.clone()), (session, question.clone())]);
        let mut place = gateway.holds.enter(keys.collect());
        self.show_link(gateway, approval, &question, agent);
        let mut progress = tokio::time::interval(gateway.config.holding.progress);
        let mut look = tokio::time::interval(LOOK);
        loop {
            changes.mark_unchanged();
            let now = gateway.store.approving().approval_now(&approval.org, &approval.id).await;
            let now = now.map_err(|_| Refusal::Unavailable)?;
            let waits = |of: &Approval| of.state_at(gateway.clock.now()) == ApprovalState::Pending;
            if !now.as_ref().is_some_and(waits) {
                return Ok(Waited::Changed);
            }
            loop {
                tokio::select! {
                    biased;
                    () = agent.gone() => return Ok(Waited::Gone),
                    word = place.word() => if word == Word::TakenBack {
                        return Ok(Waited::TakenBack);
                    },
                    changed = changes.changed() => {
                        if changed.is_err() {
                            return Err(Refusal::Unavailable);
                        }
                        break;
                    }
                    () = tokio::time::sleep_until(ends_at) => return Ok(Waited::Enough),
                    () = gateway.holds.closing() => return Ok(Waited::Enough),
                    _ = progress.tick() => self.say(gateway, approval, agent),
                    _ = look.tick() => if gateway.clock.now() >= approval.expires_at {
                        return Ok(Waited::Changed);
                    },
                }
            }
        }
    }

    /// Says on a held stream that the call still waits.
    fn say(&mut self, gateway: &Gateway, approval: &Approval, agent: &Agent) {
        let Some(token) = &self.progress else {
            agent.piece(Bytes::from_static(b":\n\n"));
            return;
        };
        self.ticks += 1;
        let link = approve::link(gateway, approval);
        let link = link.map_or_else(String::new, |link| format!(": {link}"));
        let mut text = Vec::new();
        json::write_string(&format!("Waiting for approval {}{link}", approval.id), &mut text);
        let mut data =
            br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"#
                .to_vec();
        data.extend_from_slice(&token.to_json());
        // Far below whatever the tool itself will report: progress must only ever grow.
        data.extend_from_slice(
            format!(r#","progress":{:.6},"message":"#, self.ticks as f64 / 1e6).as_bytes(),
        );
        data.extend_from_slice(&text);
        data.extend_from_slice(b"}}");
        agent.piece(sse::encode(&Event::message(data)).into());
    }

    /// Asks a legacy client, once, to show its person where to decide.
    fn show_link(&mut self, gateway: &Gateway, approval: &Approval, question: &Id, agent: &Agent) {
        let Some(link) = approve::link(gateway, approval) else { return };
        if self.era == Era::Modern || !self.shows_links || self.asked_to_show {
            return;
        }
        self.asked_to_show = true;
        let mut params = elicitation(approval, link);
        params.insert("elicitationId", approval.id.as_str());
        let mut object = Object::new();
        object.insert("jsonrpc", "2.0");
        object.insert("id", question.to_value());
        object.insert("method", "elicitation/create");
        object.insert("params", Value::Object(params));
        let data = json::write_to_vec(&Value::Object(object));
        agent.piece(sse::encode(&Event::message(data)).into());
    }

    /// What a client is told that has waited long enough: to come back with our state, if it can, or
    /// to call again.
    pub(crate) fn let_go(
        &self,
        gateway: &Arc<Gateway>,
        asked: &Asked,
        approval: &Approval,
    ) -> Option<Object> {
        let next = self.leg + 1;
        if self.era == Era::Legacy || next >= legs(gateway, &asked.caller) {
            return None;
        }
        let context = context(&asked.caller, &self.subject);
        let state = gateway.state_key.seal_state(&context, &next.to_be_bytes(), &OsRandom).ok()?;
        let mut result = Object::new();
        result.insert("resultType", "input_required");
        if self.leg == 0
            && self.shows_links
            && let Some(link) = approve::link(gateway, approval)
        {
            let mut request = Object::new();
            request.insert("method", "elicitation/create");
            request.insert("params", Value::Object(elicitation(approval, link)));
            let mut requests = Object::new();
            requests.insert(INPUT, Value::Object(request));
            result.insert("inputRequests", Value::Object(requests));
        }
        result.insert("requestState", state);
        Some(result)
    }
}

/// How long one request is held: as measured with real clients, unless somebody has said otherwise of
/// the grant.
fn budget(gateway: &Gateway, caller: &Caller, era: Era, leg: u32) -> Duration {
    let holding = &gateway.config.holding;
    let said = caller.grant.holding.map(|said| Duration::from_secs(said.seconds.into()));
    let last = leg + 1 >= legs(gateway, caller);
    match (era, leg, said) {
        (Era::Legacy, _, Some(said)) => said,
        // Whoever is told to call again after this waits as long as a legacy client would.
        (Era::Modern, _, Some(said)) if last => said,
        (Era::Modern, 0, Some(said)) => said.min(holding.first_leg),
        (Era::Modern, _, Some(said)) => said.min(holding.later_leg),
        (Era::Legacy, _, None) => holding.legacy,
        (Era::Modern, 0, None) => holding.first_leg,
        (Era::Modern, _, None) => holding.later_leg,
    }
}

/// The most legs of ours.
fn legs(gateway: &Gateway, caller: &Caller) -> u32 {
    caller.grant.holding.map_or(gateway.config.holding.legs, |said| said.legs)
}

fn elicitation(approval: &Approval, link: String) -> Object {
    let mut params = Object::new();
    params.insert("mode", "url");
    params.insert("url", link);
    let message = format!(
        "{} needs a sign-off (rule {}). Opening the page decides nothing.",
        approval.tool,
        approval.rule()
    );
    params.insert("message", message);
    params
}

/// Whether capabilities say that the client can show a link.
pub(crate) fn declares_links(capabilities: Option<&Value>) -> bool {
    let elicitation = capabilities.and_then(|all| all.get("elicitation"));
    elicitation.and_then(|all| all.get("url")).and_then(Value::as_object).is_some()
}

/// What an answer to our question means: at most that the agent gives up. An agent's own yes is
/// never the sign-off.
pub(crate) fn word_of(answer: &Value) -> Word {
    match answer.get("action").and_then(Value::as_str) {
        Some("decline" | "cancel") => Word::TakenBack,
        _ => Word::Shown,
    }
}

fn context<'a>(caller: &'a Caller, subject: &'a Subject) -> [&'a [u8]; 4] {
    let (grant, server) = (&caller.grant.id, &caller.attached.server.id);
    [b"approval", grant.as_str().as_bytes(), server.as_str().as_bytes(), subject.as_bytes()]
}
