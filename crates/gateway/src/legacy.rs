//! The legacy era: sessions, their stream, their end, and what is sent without an answer.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use http::{Method as HttpMethod, Response, StatusCode};
use json::Value;
use mcp::message::{Notification, Request, Response as AgentResponse};
use mcp::method::Kind;
use mcp::{Era, Id, Malformed, Method, Version, reply};

use crate::agent::{Agent, Reply, ReplyBody};
use crate::authenticate::Caller;
use crate::forward::{self, Outbound, base_headers};
use crate::holds::Word;
use crate::parse::{self, Lines, Place};
use crate::receive::{LAST_EVENT_ID, MCP_SESSION_ID};
use crate::record::{self, Line};
use crate::refusal::{Refusal, Rejected, json_reply, stream_head};
use crate::road::{Arrived, Asked, Gateway};
use crate::session::Session;
use crate::stream::{self, Relay, open_event_id, session_key};
use crate::{exchange, hold, inject, lists, modern};

/// How often an open stream is looked at: whether its grant still lives, and to keep it alive.
pub(crate) const PULSE: Duration = Duration::from_secs(2);
/// Streams one grant may hold open.
pub(crate) const STREAMS_MAX: u32 = 64;

/// Carries what opens, keeps and describes a connection.
pub(crate) async fn lifecycle(
    gateway: Arc<Gateway>,
    asked: Asked,
    request: Request,
    line: Line,
    agent: Agent,
) {
    match request.method {
        Method::Initialize => match initialize(&gateway, &asked, &request).await {
            Ok(reply) => agent.answer(reply),
            Err(refusal) => record::answer_refused(&gateway, &asked, line, refusal, agent).await,
        },
        Method::Discover => modern::answer_discover(&gateway, &asked, &request, line, agent).await,
        _ => match inject::for_caller(&gateway, &asked.caller).await {
            Ok(injected) => {
                let outbound = Outbound::plain(&gateway, &asked, request, injected, None, &line);
                let end = forward::once(&gateway, &asked, outbound, agent).await;
                record::answer_not_passed(&gateway, line, end).await;
            }
            Err(refusal) => record::answer_refused(&gateway, &asked, line, refusal, agent).await,
        },
    }
}

/// Opens a session: the upstream's, under an id of ours that only this grant can use here.
async fn initialize(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    request: &Request,
) -> Result<Reply, Refusal> {
    let server = &asked.caller.attached.server;
    let params = request.params.as_ref().ok_or_else(|| {
        let text = "initialize needs `params`";
        Malformed::new(mcp::malformed::INVALID_PARAMS, "bad_params", text)
    })?;
    let allowed = stream::may_ask(&asked.caller);
    let shows_links = hold::declares_links(params.get("capabilities"));
    let params = mcp::capabilities::initialize_params(params, asked.version, allowed);
    let request =
        Request { id: asked.id.clone(), method: Method::Initialize, params: Some(params) };
    let headers = base_headers(Era::Legacy, asked.version.as_str(), None);
    let collected = exchange::ask(
        gateway,
        server,
        &asked.caller.grant.identity,
        request.to_bytes(),
        headers,
        &asked.id,
    )
    .await?;
    let Some(result) = collected.result() else {
        return Ok(json_reply(StatusCode::OK, Vec::from(collected.bytes)));
    };
    let told = !lists::names_hidden(&asked.caller, result);
    let introduction = mcp::capabilities::initialize_answer(result, told)
        .map_err(|bad| Refusal::BadAnswer(bad.reason))?;
    let version = introduction.versions.first().copied().unwrap_or(Version::ASSUMED);
    let upstream = match collected.headers.get(MCP_SESSION_ID) {
        Some(id) => id.to_str().map_err(|_| Refusal::BadAnswer("session_id"))?,
        None => "",
    };
    let mut session = Session::new(version, upstream).ok_or(Refusal::BadAnswer("session_id"))?;
    session.shows_links = shows_links;
    let (grant, server) = (asked.caller.grant.id.as_str(), server.id.as_str());
    let id = session.seal(&gateway.state_key, grant, server).ok_or(Refusal::Unavailable)?;
    let body = exchange::result_of(&asked.id, &introduction.result);
    let mut reply = json_reply(StatusCode::OK, body);
    let id = HeaderValue::try_from(id).map_err(|_| Refusal::Unavailable)?;
    reply.headers_mut().insert(MCP_SESSION_ID, id);
    Ok(reply)
}

/// Takes a notification. Known ones go on; there is never an answer to one.
pub(crate) async fn notification(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    place: &Place,
    notification: Notification,
    line: Line,
) -> Reply {
    let era = place.version.era();
    let known = notification.method.kind() == Kind::Notification;
    if !known || !notification.method.known_in(era) {
        let text = "this is not a notification an agent may send";
        let code = mcp::malformed::INVALID_REQUEST;
        let refusal = Refusal::Malformed(Malformed::new(code, "unknown_notification", text));
        return refuse(gateway, line, refusal, era).await;
    }
    // A modern agent cancels by hanging up; its notifications concern nothing the upstream knows.
    // Outside a session an id says nothing of whose request it was: all agents are one there.
    let in_session = place.session.as_ref().is_some_and(|s| !s.upstream.is_empty());
    let of_a_request = matches!(notification.method, Method::Cancelled | Method::Progress);
    let cancelled = notification.method == Method::Cancelled
        && takes_back(gateway, caller, place, &notification);
    // What waits for a person never reached the upstream.
    let goes_on = era == Era::Legacy && (in_session || !of_a_request) && !cancelled;
    if goes_on && caller.attached.server.enabled {
        let headers = base_headers(era, place.version.as_str(), place.session.as_ref());
        let server = &caller.attached.server;
        let bytes = notification.to_bytes();
        let sent = exchange::send(
            gateway,
            server,
            &caller.grant.identity,
            HttpMethod::POST,
            bytes,
            headers,
        )
        .await;
        if let Ok((response, _)) = &sent
            && response.status() == StatusCode::NOT_FOUND
            && place.session.is_some()
        {
            return refuse(gateway, line, Refusal::NoSession, era).await;
        }
        if let Err(refusal) = sent {
            return refuse(gateway, line, refusal, era).await;
        }
    }
    accepted()
}

/// Whether the agent gives up a request of its own that waits for a person.
fn takes_back(
    gateway: &Gateway,
    caller: &Caller,
    place: &Place,
    notification: &Notification,
) -> bool {
    let id = notification.params.as_ref().and_then(|params| params.get("requestId"));
    let Some(id) = id.and_then(Id::of) else { return false };
    let session = place.session.as_ref();
    session.is_some_and(|session| {
        gateway.holds.tell(&session_key(caller, &session.upstream), &id, Word::TakenBack)
    })
}

/// What an answer to our own question means.
fn word_of(response: &AgentResponse) -> Word {
    match &response.outcome {
        mcp::message::Outcome::Result(result) => hold::word_of(&Value::Object(result.clone())),
        // A client that cannot show a link still waits.
        mcp::message::Outcome::Error(_) => Word::Shown,
    }
}

/// Takes an agent's answer to something its upstream asked, once.
pub(crate) async fn response(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    place: &Place,
    response: AgentResponse,
    line: Line,
) -> Reply {
    let key = place.session.as_ref().map(|session| session_key(caller, &session.upstream));
    if let Some(key) = &key
        && gateway.holds.tell(key, &response.id, word_of(&response))
    {
        return accepted();
    }
    if !key.is_some_and(|key| gateway.requests.answer(&key, &response.id)) {
        let text = "nothing was asked under this id in this session";
        let code = mcp::malformed::INVALID_REQUEST;
        let refusal = Refusal::Malformed(Malformed::new(code, "unasked_response", text));
        return refuse(gateway, line, refusal, Era::Legacy).await;
    }
    let headers = base_headers(Era::Legacy, place.version.as_str(), place.session.as_ref());
    let server = &caller.attached.server;
    match exchange::send(
        gateway,
        server,
        &caller.grant.identity,
        HttpMethod::POST,
        response.to_bytes(),
        headers,
    )
    .await
    {
        Ok(_) => accepted(),
        Err(refusal) => refuse(gateway, line, refusal, Era::Legacy).await,
    }
}

async fn refuse(gateway: &Gateway, line: Line, refusal: Refusal, era: Era) -> Reply {
    match record::refused(gateway, line, refusal.reason()).await {
        Ok(()) => refusal.reply(None, era),
        Err(unavailable) => unavailable.reply(None, era),
    }
}

fn accepted() -> Reply {
    let mut reply = Response::new(ReplyBody::EMPTY);
    *reply.status_mut() = StatusCode::ACCEPTED;
    reply
}

/// Tells an upstream that the agent will not do what it asked.
pub(crate) fn answer_upstream(gateway: &Arc<Gateway>, relay: &Relay, id: &Id) {
    let body = reply::error(Some(id), mcp::malformed::METHOD_NOT_FOUND, "Method not found", None);
    let upstream = relay.session.as_ref().map_or("", |session| session.2.as_str());
    let session = Session::new(Version::V2025_11_25, upstream);
    let headers = base_headers(Era::Legacy, Version::V2025_11_25.as_str(), session.as_ref());
    let (gateway, caller) = (gateway.clone(), relay.caller.clone());
    tokio::spawn(async move {
        let sent = exchange::send(
            &gateway,
            &caller.attached.server,
            &caller.grant.identity,
            HttpMethod::POST,
            body,
            headers,
        )
        .await;
        if let Err(refusal) = sent {
            tracing::debug!(
                reason = refusal.reason(),
                "an upstream was not told that it may not ask"
            );
        }
    });
}

/// Opens the stream of a session (GET).
///
/// It is answered at once: some upstreams send no header before their first event.
pub(crate) async fn open_stream(
    gateway: &Arc<Gateway>,
    caller: Caller,
    parts: &Parts,
    arrived: Arrived,
) -> Reply {
    let line = Line::of(gateway, &caller, arrived, 0);
    let modern = matches!(mcp::headers::stated_version(&Lines(&parts.headers)),
        Ok(Some(version)) if version.era() == Era::Modern);
    let session = match parse::session(gateway, &caller, parts) {
        Ok(Some(session)) if !modern => session,
        Ok(_) => return method_not_allowed(gateway, line).await,
        Err(refusal) => return refuse(gateway, line, refusal, Era::Legacy).await,
    };
    let Some(ticket) = caller.grant.streams.board(STREAMS_MAX) else {
        return refuse(gateway, line, Refusal::TooManyInFlight, Era::Legacy).await;
    };
    let key = session_key(&caller, &session.upstream);
    // An event id of another stream opens nothing, so nothing of it is replayed.
    let shown = parts.headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let last = shown.and_then(|id| open_event_id(gateway, &key, id));
    let (agent, waiting) = Agent::new();
    let reader = agent.stream(stream_head());
    let gateway = gateway.clone();
    tokio::spawn(async move {
        let _ticket = ticket;
        let mut relay = Relay::of_caller(&gateway, caller, Era::Legacy, None);
        relay.session = Some(key);
        let body = tokio::select! {
            opened = upstream_stream(&gateway, &mut relay, &session, last) => opened,
            () = reader.gone() => return,
        };
        stream::pump_session(gateway, relay, body, reader, None).await;
    });
    match waiting.await {
        Ok(reply) => reply,
        Err(_) => Refusal::Unavailable.reply(None, Era::Legacy),
    }
}

/// The upstream's own stream of the session, if it has one; otherwise only ours is kept open.
async fn upstream_stream(
    gateway: &Gateway,
    relay: &mut Relay,
    session: &Session,
    last: Option<String>,
) -> Option<hyper::body::Incoming> {
    if session.upstream.is_empty() {
        return None;
    }
    let mut headers = base_headers(Era::Legacy, session.version.as_str(), Some(session));
    headers.remove(http::header::CONTENT_TYPE);
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    if let Some(last) = last.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(LAST_EVENT_ID, last);
    }
    let caller = relay.caller.clone();
    let identity = &caller.grant.identity;
    let opened = exchange::open(gateway, &caller.attached.server, identity, headers).await.ok()?;
    let (response, injected) = opened;
    let kind = response.headers().get(http::header::CONTENT_TYPE);
    let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    relay.needles = injected.needles;
    (response.status() == StatusCode::OK && streams).then(|| response.into_body())
}

/// Without a session there is neither a stream nor an end.
async fn method_not_allowed(gateway: &Gateway, line: Line) -> Reply {
    let reason = Rejected::MethodNotAllowed.reason();
    if let Err(unavailable) = record::refused(gateway, line, reason).await {
        return unavailable.reply(None, Era::Legacy);
    }
    let mut reply = Response::new(ReplyBody::EMPTY);
    *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    reply
}

/// Ends a session (DELETE).
pub(crate) async fn end_session(
    gateway: &Arc<Gateway>,
    caller: Caller,
    parts: &Parts,
    arrived: Arrived,
) -> Reply {
    let line = Line::of(gateway, &caller, arrived, 0);
    let session = match parse::session(gateway, &caller, parts) {
        Ok(Some(session)) => session,
        Ok(None) => return method_not_allowed(gateway, line).await,
        Err(refusal) => return refuse(gateway, line, refusal, Era::Legacy).await,
    };
    gateway.requests.forget(&session_key(&caller, &session.upstream));
    let mut status = StatusCode::OK;
    if !session.upstream.is_empty() {
        let mut headers = base_headers(Era::Legacy, session.version.as_str(), Some(&session));
        headers.remove(http::header::CONTENT_TYPE);
        let server = &caller.attached.server;
        let sent = exchange::send(
            gateway,
            server,
            &caller.grant.identity,
            HttpMethod::DELETE,
            Vec::new(),
            headers,
        )
        .await;
        match sent {
            Ok((response, _)) if response.status() == StatusCode::NOT_FOUND => {
                return refuse(gateway, line, Refusal::NoSession, Era::Legacy).await;
            }
            Ok((response, _)) if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
                status = StatusCode::METHOD_NOT_ALLOWED;
            }
            Ok(_) => {}
            Err(refusal) => return refuse(gateway, line, refusal, Era::Legacy).await,
        }
    }
    let mut reply = Response::new(ReplyBody::EMPTY);
    *reply.status_mut() = status;
    reply
}
