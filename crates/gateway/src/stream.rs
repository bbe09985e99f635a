//! What comes back: every message of an upstream, on whatever road it comes, is read, checked,
//! filtered by its shape and only then passed. Streams are passed as they come.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mcp::answer::{self, Answer, Class, Refers, splice};
use mcp::capabilities::ClientRequests;
use mcp::lists::ListKind;
use mcp::sse::{self, Decoder, Event, Item};
use mcp::{Era, Id, Method};
use policy::{Access, ClientRequest};
use store::{CallId, Capture, OutcomeClass};
use vault::{EchoNeedles, OsRandom};

use crate::agent::Reader;
use crate::authenticate::Caller;
use crate::discovery;
use crate::leg::{self, Leg};
use crate::lists;
use crate::recording;
use crate::refusal::Refusal;
use crate::requests::SessionKey;
use crate::road::{Asked, Gateway};
use crate::settle::{self, End, class_of};

/// How what comes back is checked and passed on.
pub(crate) struct Relay {
    pub(crate) caller: Caller,
    pub(crate) era: Era,
    /// The request that is answered; `None` on the stream of a session.
    pub(crate) id: Option<Id>,
    /// The listen request whose stream this is (modern era).
    pub(crate) listen: Option<Id>,
    /// The session's name here, and its upstream id; `None` without a session.
    pub(crate) session: Option<SessionKey>,
    /// The call that is answered, and which leg of it.
    pub(crate) call: Option<(CallId, Leg)>,
    /// The tool that is called, where something of its answer may be recorded.
    pub(crate) recorded_tool: Option<Arc<str>>,
    /// The list that was asked for: an answer without it is none.
    pub(crate) expects: Option<ListKind>,
    /// Whether the result is for this grant alone, whatever the upstream says (modern era).
    pub(crate) private: bool,
    /// Our progress token, and the agent's.
    pub(crate) progress: Option<(Id, Id)>,
    pub(crate) needles: Option<EchoNeedles>,
    /// Whether a copy of the credential came back, in any part of what the upstream has sent.
    echoed: AtomicBool,
}

/// An answer, checked, as it is passed.
pub(crate) struct Passed {
    pub(crate) bytes: Bytes,
    pub(crate) class: Class,
}

impl Passed {
    /// Whether it is a JSON-RPC error.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.class, Class::RpcError { .. })
    }
}

/// What becomes of one message.
enum Message {
    /// It is not for the agent.
    Dropped,
    /// It is passed.
    Piece(Bytes),
    /// It is the answer to some request of the agent.
    Answer(Passed, Option<Id>),
}

impl Relay {
    /// For the answer to this request.
    pub(crate) fn new(gateway: &Gateway, asked: &Asked, needles: Option<EchoNeedles>) -> Self {
        let mut relay = Self::of_caller(gateway, asked.caller.clone(), asked.era, needles);
        relay.id = Some(asked.id.clone());
        relay.session = asked.session.as_ref().map(|s| session_key(&asked.caller, &s.upstream));
        relay
    }

    /// For the stream of a session.
    pub(crate) fn of_caller(
        _: &Gateway,
        caller: Caller,
        era: Era,
        needles: Option<EchoNeedles>,
    ) -> Self {
        Self {
            caller,
            era,
            id: None,
            listen: None,
            session: None,
            call: None,
            recorded_tool: None,
            expects: None,
            private: false,
            progress: None,
            needles,
            echoed: AtomicBool::new(false),
        }
    }

    /// Looks at the head of an answer. None of it is passed on, so a copy of the credential in it is
    /// withheld already; that it was there is recorded with the call.
    pub(crate) fn look_at(&self, headers: &HeaderMap) {
        let Some(needles) = &self.needles else { return };
        if headers.values().any(|value| needles.is_in(value.as_bytes())) {
            self.found_echo();
        }
    }

    /// Whether a copy of the credential came back so far.
    pub(crate) fn has_echoed(&self) -> bool {
        self.echoed.load(Ordering::Relaxed)
    }

    fn found_echo(&self) {
        self.echoed.store(true, Ordering::Relaxed);
        tracing::warn!(
            server = %self.caller.attached.server.id,
            "an upstream sent its credential back; the copy was removed"
        );
    }

    /// The requests that the policy lets the upstream make of the agent.
    pub(crate) fn may_ask(&self) -> ClientRequests {
        may_ask(&self.caller)
    }

    /// The HTTP status of an answer.
    pub(crate) fn status_for(&self, passed: &Passed, upstream: StatusCode) -> StatusCode {
        if passed.is_error() && self.era == Era::Modern { upstream } else { StatusCode::OK }
    }

    /// Checks a whole answer to this request.
    ///
    /// - **Errors**: the reason it is not passed.
    pub(crate) fn answer(&self, gateway: &Gateway, bytes: Bytes) -> Result<Passed, &'static str> {
        let bytes = self.without_echo(bytes);
        let id = self.id.as_ref().ok_or("unasked")?;
        let answer = answer::scan(&bytes, id).map_err(|bad| bad.reason)?;
        self.passed(gateway, bytes, &answer)
    }

    /// What is kept of an answer that ends its call, as it is passed.
    pub(crate) fn capture(&self, passed: &Passed) -> Option<Box<Capture>> {
        let tool = self.recorded_tool.as_deref()?;
        let (call, _) = self.call.as_ref().filter(|_| leg::ends_call(class_of(passed.class)))?;
        recording::result(&self.caller, *call, tool, &passed.bytes).map(Box::new)
    }

    fn without_echo(&self, bytes: Bytes) -> Bytes {
        match self.needles.as_ref().and_then(|needles| needles.redact(&bytes)) {
            Some(redacted) => {
                self.found_echo();
                redacted.into()
            }
            None => bytes,
        }
    }

    /// The answer with lists filtered and states wrapped, everything else byte for byte.
    fn passed(
        &self,
        gateway: &Gateway,
        mut bytes: Bytes,
        answer: &Answer,
    ) -> Result<Passed, &'static str> {
        let mut edits: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
        if let Some(result) = &answer.result_span {
            let kept = bytes.get(result.clone()).unwrap_or_default();
            if self.expects.is_some_and(|list| !answer.lists.contains(&list)) {
                return Err("no_list");
            }
            if !answer.lists.is_empty() && answer.class == Class::InputRequired {
                return Err("list_and_input");
            }
            if !answer.lists.is_empty() {
                let filtered =
                    lists::filtered(gateway, &self.caller, self.era, &answer.lists, kept)?;
                edits.push((result.clone(), filtered));
            } else if answer.class == Class::InputRequired {
                self.wrap_state(gateway, answer, result, &mut edits)?;
            } else if self.private && self.era == Era::Modern {
                let private = mcp::lists::private(kept, self.era).map_err(|bad| bad.reason)?;
                edits.push((result.clone(), private));
            }
        }
        if !edits.is_empty() {
            bytes = splice(&bytes, &mut edits).into();
        }
        Ok(Passed { bytes, class: answer.class })
    }

    fn wrap_state(
        &self,
        gateway: &Gateway,
        answer: &Answer,
        result: &Range<usize>,
        edits: &mut Vec<(Range<usize>, Vec<u8>)>,
    ) -> Result<(), &'static str> {
        if self.era == Era::Legacy {
            return Err("input_required_in_legacy");
        }
        let allowed = self.may_ask();
        for method in &answer.input_requests {
            let fits = match method {
                Method::ElicitationCreate => allowed.elicitation,
                Method::SamplingCreateMessage => allowed.sampling,
                Method::RootsList => allowed.roots,
                _ => false,
            };
            if !fits {
                return Err("input_not_allowed");
            }
        }
        let (call, leg) = self.call.as_ref().ok_or("input_not_expected")?;
        let state = answer.request_state.as_deref();
        let sealed = leg::seal(gateway, &self.caller, leg, *call, state).ok_or("too_many_legs")?;
        let mut quoted = Vec::with_capacity(sealed.len() + 20);
        match &answer.request_state_span {
            Some(span) => {
                json::write_string(&sealed, &mut quoted);
                edits.push((span.clone(), quoted));
            }
            None => {
                // Without a state of the upstream's own the legs still belong together.
                quoted.extend_from_slice(b"\"requestState\":");
                json::write_string(&sealed, &mut quoted);
                quoted.push(b',');
                edits.push((result.start + 1..result.start + 1, quoted));
            }
        }
        Ok(())
    }

    /// Reads one message of a stream.
    fn message(&self, gateway: &Arc<Gateway>, data: Vec<u8>) -> Result<Message, &'static str> {
        let bytes = self.without_echo(data.into());
        match answer::incoming(&bytes).map_err(|bad| bad.reason)? {
            answer::Incoming::Answer(answer) => {
                let ours = match (&self.id, &answer.id) {
                    (Some(expected), Some(id)) => expected == id,
                    (Some(_), None) => matches!(answer.class, Class::RpcError { .. }),
                    // The stream of a session brings answers to earlier requests of that session; a
                    // listen stream only its own end.
                    (None, id) => id.is_some() && (self.listen.is_none() || *id == self.listen),
                };
                if !ours {
                    return Err("foreign_id");
                }
                let id = answer.id.clone();
                Ok(Message::Answer(self.passed(gateway, bytes, &answer)?, id))
            }
            answer::Incoming::Request { id, method, .. } => {
                self.question(gateway, bytes, id, &method)
            }
            answer::Incoming::Notification { method, refers, .. } => {
                if method == Method::ToolsListChanged {
                    discovery::refresh_soon(gateway, &self.caller.attached.server.id);
                }
                Ok(self.notification(bytes, &method, &refers))
            }
        }
    }

    /// An upstream asks something of the agent (legacy era only).
    fn question(
        &self,
        gateway: &Arc<Gateway>,
        bytes: Bytes,
        id: Id,
        method: &Method,
    ) -> Result<Message, &'static str> {
        if self.era == Era::Modern {
            return Err("request_in_modern");
        }
        let allowed = self.may_ask();
        let fits = match method {
            Method::Ping => true,
            Method::SamplingCreateMessage => allowed.sampling,
            Method::ElicitationCreate => allowed.elicitation,
            Method::RootsList => allowed.roots,
            _ => false,
        };
        let Some(session) = self.session.clone().filter(|_| fits) else {
            crate::legacy::answer_upstream(gateway, self, &id);
            return Ok(Message::Dropped);
        };
        if gateway.requests.ask(session, id) {
            Ok(Message::Piece(bytes))
        } else {
            Ok(Message::Dropped)
        }
    }

    fn notification(&self, bytes: Bytes, method: &Method, refers: &Refers) -> Message {
        if !method.upstream_may_send(self.era) {
            return Message::Dropped;
        }
        match (method, &refers.progress_token, &refers.uri) {
            (Method::Progress, Some((token, span)), _) => match &self.progress {
                Some((ours, theirs)) if ours == token => {
                    let mut edits = [(span.clone(), theirs.to_json())];
                    Message::Piece(splice(&bytes, &mut edits).into())
                }
                _ => Message::Dropped,
            },
            (Method::Progress, None, _) => Message::Dropped,
            (Method::ResourcesUpdated, _, Some((uri, _))) if !may_read(&self.caller, uri) => {
                Message::Dropped
            }
            (Method::ResourcesUpdated, _, None) => Message::Dropped,
            _ => Message::Piece(bytes),
        }
    }

    /// An event id as the agent gets it: good only in this session of this grant.
    fn event_id(&self, gateway: &Gateway, id: &str) -> Option<String> {
        if id.is_empty() {
            return Some(String::new());
        }
        let session = self.session.as_ref()?;
        gateway.state_key.seal_state(&event_context(session), id.as_bytes(), &OsRandom).ok()
    }
}

/// Opens an event id that an agent shows.
pub(crate) fn open_event_id(gateway: &Gateway, session: &SessionKey, id: &str) -> Option<String> {
    String::from_utf8(gateway.state_key.open_state(&event_context(session), id)?).ok()
}

fn event_context(session: &SessionKey) -> [&[u8]; 4] {
    [b"event", session.0.as_bytes(), session.1.as_bytes(), session.2.as_bytes()]
}

/// The name of a session here.
pub(crate) fn session_key(caller: &Caller, upstream: &str) -> SessionKey {
    let (grant, server) = (&caller.grant.id, &caller.attached.server.id);
    (grant.to_string(), server.to_string(), upstream.to_owned())
}

/// The requests that the policy lets the upstream make of the agent. No policy: none.
pub(crate) fn may_ask(caller: &Caller) -> ClientRequests {
    let policy = caller.attached.policy.as_ref().and_then(|p| p.program.as_ref());
    let may = |kind| policy.is_some_and(|policy| policy.lets_ask(kind));
    ClientRequests {
        sampling: may(ClientRequest::Sampling),
        elicitation: may(ClientRequest::Elicitation),
        roots: may(ClientRequest::Roots),
    }
}

/// Whether the policy lets the agent read a resource. No policy: no.
pub(crate) fn may_read(caller: &Caller, uri: &str) -> bool {
    let policy = caller.attached.policy.as_ref().and_then(|p| p.program.as_ref());
    crate::uri::is_plain(uri)
        && policy.is_some_and(|policy| matches!(policy.resource(uri), Access::Allow))
}

/// What a stream has brought next.
enum Next {
    Data(Bytes),
    Ended,
    Broken,
    AgentGone,
}

async fn next(body: &mut Incoming, reader: &Reader, relay: &Relay, gateway: &Gateway) -> Next {
    let frame = tokio::time::timeout(gateway.config.timeouts.idle, body.frame());
    let modern = relay.era == Era::Modern;
    tokio::select! {
        frame = frame => match frame {
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Next::Data(data),
                // Trailers say nothing we pass on.
                Err(_) => Next::Data(Bytes::new()),
            },
            Ok(None) => Next::Ended,
            Ok(Some(Err(_))) | Err(_) => Next::Broken,
        },
        () = reader.gone(), if modern || relay.id.is_none() => Next::AgentGone,
    }
}

/// Passes the stream that answers a request, until its answer.
///
/// - **Shape**: `None` when the upstream closed the stream for the agent to resume it.
pub(crate) async fn pump(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    relay: &Relay,
    mut body: Incoming,
    reader: Reader,
) -> Option<End> {
    let mut decoder = Decoder::new(gateway.config.answer_bytes_max);
    let mut items = Vec::new();
    let mut resumable = false;
    let mut passed_bytes = 0;
    loop {
        let ended = match next(&mut body, &reader, relay, gateway).await {
            Next::Data(data) => match decoder.push(&data, &mut items) {
                Ok(()) => None,
                Err(_) => Some(Refusal::BadAnswer("event_stream")),
            },
            Next::Ended if resumable && suspend(gateway, asked, relay) => return None,
            Next::Ended | Next::Broken => Some(Refusal::OutcomeUnknown),
            Next::AgentGone => return Some(End::bare(OutcomeClass::Unknown, "agent_gone")),
        };
        for item in items.drain(..) {
            let Item::Event(event) = item else {
                reader.send(Bytes::from_static(b":\n\n")).await;
                continue;
            };
            resumable |= event.id.as_ref().is_some_and(|id| !id.is_empty());
            match relay.event(gateway, event) {
                Ok((piece, None)) => {
                    passed_bytes += piece.len() as u64;
                    if !piece.is_empty() {
                        reader.send(piece).await;
                    }
                }
                Ok((piece, Some(passed))) => {
                    let response_bytes = passed_bytes + piece.len() as u64;
                    reader.send(piece).await;
                    let end = End::bare(class_of(passed.class), "");
                    let capture = relay.capture(&passed);
                    return Some(End { response_bytes, capture, ..end });
                }
                Err(reason) => return Some(cut(asked, &reader, Refusal::BadAnswer(reason)).await),
            }
        }
        if let Some(refusal) = ended {
            return Some(cut(asked, &reader, refusal).await);
        }
    }
}

/// Ends a stream that brought no answer with one of ours.
async fn cut(asked: &Asked, reader: &Reader, refusal: Refusal) -> End {
    let message = refusal.message(Some(&asked.id), asked.era);
    reader.send(sse::encode(&Event::message(message)).into()).await;
    End::bare(OutcomeClass::Unknown, refusal.reason())
}

fn suspend(gateway: &Gateway, asked: &Asked, relay: &Relay) -> bool {
    if relay.era == Era::Modern {
        return false;
    }
    match (&relay.session, &relay.call) {
        (Some(session), Some((call, _))) => {
            gateway.requests.suspend(session.clone(), asked.id.clone(), *call, gateway.clock.now())
        }
        // Nothing is counted for this request: the agent may simply resume.
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// Passes the stream of a session until either side ends it. The grant is looked at again from
/// time to time: a stream does not outlive it.
pub(crate) async fn pump_session(
    gateway: Arc<Gateway>,
    mut relay: Relay,
    mut body: Option<Incoming>,
    reader: Reader,
    subscription: Option<Id>,
) {
    let mut decoder = Decoder::new(gateway.config.answer_bytes_max);
    let mut items = Vec::new();
    let mut notices = gateway.notices.listen();
    let mut pulse = tokio::time::interval(crate::legacy::PULSE);
    pulse.tick().await;
    loop {
        tokio::select! {
            () = reader.gone() => return,
            changed = notices.changed() => {
                if changed.is_err() || !still_good(&gateway, &mut relay).await {
                    return;
                }
                for method in [Method::ToolsListChanged, Method::ResourcesListChanged, Method::PromptsListChanged] {
                    let message = mcp::reply::list_changed(method, subscription.as_ref());
                    if !reader.send(sse::encode(&Event::message(message)).into()).await {
                        return;
                    }
                }
            }
            _ = pulse.tick() => {
                if !still_good(&gateway, &mut relay).await
                    || !reader.send(Bytes::from_static(b":\n\n")).await
                {
                    return;
                }
            }
            frame = frame_of(&mut body) => {
                let Some(data) = frame else { return };
                if decoder.push(&data, &mut items).is_err() {
                    return;
                }
                for item in items.drain(..) {
                    let Item::Event(event) = item else { continue };
                    let Ok((piece, passed)) = relay.event(&gateway, event) else { return };
                    if !piece.is_empty() && !reader.send(piece).await {
                        return;
                    }
                    if passed.is_some() && relay.era == Era::Modern {
                        return;
                    }
                }
            }
        }
    }
}

async fn frame_of(body: &mut Option<Incoming>) -> Option<Bytes> {
    match body {
        Some(body) => match body.frame().await? {
            Ok(frame) => Some(frame.into_data().unwrap_or_default()),
            Err(_) => None,
        },
        None => std::future::pending().await,
    }
}

async fn still_good(gateway: &Gateway, relay: &mut Relay) -> bool {
    let Ok(view) = gateway.view().await else { return false };
    match relay.caller.in_view(&view, gateway.clock.now()) {
        Some(caller) => {
            relay.caller = caller;
            true
        }
        None => false,
    }
}

impl Relay {
    /// One event as the agent gets it, framed anew; and the answer, if it is one.
    fn event(
        &self,
        gateway: &Arc<Gateway>,
        event: Event,
    ) -> Result<(Bytes, Option<Passed>), &'static str> {
        if let (Some(needles), Some(id)) = (&self.needles, &event.id)
            && needles.is_in(id.as_bytes())
        {
            // The agent gets it sealed, and cannot read it.
            self.found_echo();
        }
        let id = event.id.as_deref().and_then(|id| self.event_id(gateway, id));
        let is_message = event.is_message();
        let mut out = Event { id, retry: event.retry, ..Event::default() };
        let data = match event.data {
            Some(data) if !data.is_empty() && is_message => data,
            // A priming event: an id to resume from and nothing else.
            Some(_) if is_message && out.id.is_some() => {
                out.data = Some(Vec::new());
                return Ok((sse::encode(&out).into(), None));
            }
            _ => return Ok((Bytes::new(), None)),
        };
        match self.message(gateway, data)? {
            Message::Dropped => Ok((Bytes::new(), None)),
            Message::Piece(bytes) => {
                out.data = Some(bytes.into());
                Ok((sse::encode(&out).into(), None))
            }
            Message::Answer(passed, id) => {
                if let (None, Some(session), Some(id)) = (&self.id, &self.session, &id)
                    && let Some(call) = gateway.requests.resumed(session, id)
                {
                    let response_bytes = passed.bytes.len() as u64;
                    let end = End::bare(class_of(passed.class), "resumed");
                    let echo_removed = self.has_echoed();
                    let capture = recording::resumed(&self.caller).map(Box::new);
                    let end = End { response_bytes, echo_removed, capture, ..end };
                    settle::resumed(gateway, call, end);
                }
                out.data = Some(Cow::Borrowed(&passed.bytes[..]).into_owned());
                Ok((sse::encode(&out).into(), Some(passed)))
            }
        }
    }
}
