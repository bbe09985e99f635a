//! Forward: one exchange with an upstream, once. What comes back is checked before it is passed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dial::{Broken, HttpClient};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use json::Object;
use mcp::call::Call;
use mcp::{Era, Id};
use store::{CallId, OutcomeClass};

use crate::agent::Agent;
use crate::inject::{self, Injected};
use crate::leg::Leg;
use crate::receive::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID};
use crate::record::Line;
use crate::refusal::{Refusal, json_reply, stream_head};
use crate::road::{Asked, Gateway};
use crate::session::Session;
use crate::settle::{End, class_of};
use crate::snapshot::ServerEntry;
use crate::stream::{self, Relay};

const ACCEPT: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));

/// A request with the credential inside. Sending it is the last thing that can be done with it.
pub(crate) struct Outbound {
    request: Request<Full<Bytes>>,
    client: Arc<HttpClient>,
    relay: Relay,
    /// The token inside, if another can be got.
    token: Option<inject::Token>,
    /// Whether a tool is called: then a refusal is said in a result, which models read.
    in_tool_call: bool,
}

impl Outbound {
    /// The one message of a permitted call, written from what was judged.
    pub(crate) fn call(
        gateway: &Arc<Gateway>,
        asked: &Asked,
        mut call: Call,
        injected: Injected,
        leg: &Leg,
        line: &Line,
    ) -> Option<Self> {
        let (server, id) = (&asked.caller.attached.server, line.id());
        let mut relay = Relay::new(gateway, asked, injected.needles);
        relay.call = Some((id, leg.clone()));
        relay.recorded_tool = server.recording.is_some().then(|| call.name.as_str().into());
        if let Some(token) = call.progress_token.take() {
            // Two agents may choose the same token; the upstream sees one of ours.
            let ours = Id::String(id.to_string());
            call.set_progress_token(Some(ours.clone()));
            relay.progress = Some((ours, token));
        }
        if let Some(meta) = &mut call.meta
            && asked.era == Era::Modern
        {
            mcp::capabilities::restrict_meta(meta, relay.may_ask());
        }
        let mut headers = base_headers(asked.era, asked.version.as_str(), asked.session.as_ref());
        if asked.era == Era::Modern {
            let accepted = server.tools.get(&call.name).and_then(|tool| tool.accepted.as_ref());
            let declared = accepted.map_or(&[][..], |definition| &definition.header_params);
            let own = mcp::headers::upstream_call_headers(asked.version, &call, declared);
            append(&mut headers, own);
        }
        if let Some(trace) = &line.trace {
            let told = told_in_meta(asked.era, call.meta.as_ref());
            trace.tell(&mut headers, told.then(|| call.meta.get_or_insert_with(Object::new)));
        }
        let outbound = Self::assemble(
            server,
            call.to_bytes(&asked.id),
            headers,
            injected.headers,
            injected.token,
            relay,
        );
        outbound.map(|outbound| Self { in_tool_call: true, ..outbound })
    }

    /// A request that is no tool call, written from what was read.
    pub(crate) fn plain(
        gateway: &Arc<Gateway>,
        asked: &Asked,
        mut request: mcp::message::Request,
        injected: Injected,
        relayed: Option<(CallId, Leg)>,
        line: &Line,
    ) -> Option<Self> {
        let server = &asked.caller.attached.server;
        let mut relay = Relay::new(gateway, asked, injected.needles);
        relay.call = relayed;
        relay.expects = mcp::lists::ListKind::of_method(&request.method);
        relay.private = request.method == mcp::Method::ResourcesRead;
        let mut headers = base_headers(asked.era, asked.version.as_str(), asked.session.as_ref());
        if asked.era == Era::Modern {
            let meta = request.params.as_mut().and_then(|params| params.get_mut("_meta"));
            if let Some(json::Value::Object(meta)) = meta {
                mcp::capabilities::restrict_meta(meta, relay.may_ask());
            }
            append(&mut headers, mcp::headers::upstream_headers(asked.version, &request));
        }
        if let Some(trace) = &line.trace {
            let meta = match request.params.as_mut().and_then(|params| params.get_mut("_meta")) {
                Some(json::Value::Object(meta)) if told_in_meta(asked.era, Some(meta)) => {
                    Some(meta)
                }
                _ => None,
            };
            trace.tell(&mut headers, meta);
        }
        Self::assemble(server, request.to_bytes(), headers, injected.headers, injected.token, relay)
    }

    fn assemble(
        server: &ServerEntry,
        body: Vec<u8>,
        mut headers: HeaderMap,
        injected: Vec<(HeaderName, HeaderValue)>,
        token: Option<inject::Token>,
        relay: Relay,
    ) -> Option<Self> {
        let client = server.client.clone()?;
        for (name, value) in injected {
            headers.insert(name, value);
        }
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = server.uri.clone()?;
        *request.headers_mut() = headers;
        Some(Self { request, client, relay, token, in_tool_call: false })
    }
}

/// Whether the upstream is told of a trace in `_meta` too: in the modern era, and where the agent
/// has told of one there.
fn told_in_meta(era: Era, meta: Option<&Object>) -> bool {
    era == Era::Modern || meta.is_some_and(|meta| meta.get("traceparent").is_some())
}

/// The headers every upstream request has. An allow-list: nothing of the agent's is copied.
pub(crate) fn base_headers(era: Era, version: &str, session: Option<&Session>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::ACCEPT, ACCEPT);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, AGENT);
    if let Ok(version) = HeaderValue::from_str(version)
        && era == Era::Legacy
        && session.is_some_and(|s| s.version > mcp::Version::V2025_03_26)
    {
        headers.insert(MCP_PROTOCOL_VERSION, version);
    }
    if let Some(session) = session.filter(|s| !s.upstream.is_empty())
        && let Ok(id) = HeaderValue::from_str(&session.upstream)
    {
        headers.insert(MCP_SESSION_ID, id);
    }
    headers
}

pub(crate) fn append(headers: &mut HeaderMap, more: Vec<(String, String)>) {
    for (name, value) in more {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}

/// Sends the request once and passes on what comes back.
///
/// - **Shape**: what is known of the end; `None` when the upstream closed the stream of a legacy
///   call that may be resumed, and the end will be settled by whoever sees it.
pub(crate) async fn once(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    outbound: Option<Outbound>,
    mut agent: Agent,
) -> Option<End> {
    let refuse = |agent: Agent, refusal: Refusal, class| {
        agent.answer(refusal.reply(Some(&asked.id), asked.era));
        Some(End::bare(class, refusal.reason()))
    };
    let Some(Outbound { request, client, mut relay, token, in_tool_call }) = outbound else {
        return refuse(agent, Refusal::NotReached, OutcomeClass::NotSent);
    };
    let timeouts = gateway.config.timeouts;
    let sent = async {
        // Kept for a token alone: every other request is sent once and is gone.
        let copy = token.is_some().then(|| request.clone());
        let response = client.send(request, timeouts.first_byte).await;
        match (response, copy, token) {
            // An upstream that refuses a token has not looked at the call: it may be said again.
            (Ok(refused), Some(mut again), Some(token))
                if refused.status() == StatusCode::UNAUTHORIZED =>
            {
                drop(refused);
                let injected = inject::instead_of(gateway, token).await?;
                for (name, value) in injected.headers {
                    again.headers_mut().insert(name, value);
                }
                relay.needles = match (relay.needles.take(), injected.needles) {
                    (Some(first), Some(second)) => Some(first.and(second)),
                    (first, second) => first.or(second),
                };
                Ok((client.send(again, timeouts.first_byte).await, injected.token))
            }
            (response, _, token) => Ok((response, token)),
        }
    };
    let response: Result<_, Refusal> = tokio::select! {
        response = sent => response,
        // A modern agent that hangs up cancels; a legacy one may come back for the answer.
        () = agent.gone(), if asked.era == Era::Modern => {
            return Some(End::bare(OutcomeClass::Unknown, "agent_gone"));
        }
    };
    let (response, token) = match response {
        Ok(sent) => sent,
        Err(refusal) => {
            let refusal = if in_tool_call { refusal.in_tool_call() } else { refusal };
            return refuse(agent, refusal, OutcomeClass::UpstreamError);
        }
    };
    match response {
        Ok(response) if matches!(response.status().as_u16(), 401 | 403) => {
            relay.look_at(response.headers());
            // The upstream's own words about credentials are not for the agent.
            let refusal = inject::refused(gateway, token.as_ref(), response.headers()).await;
            let refusal = if in_tool_call { refusal.in_tool_call() } else { refusal };
            let end = refuse(agent, refusal, OutcomeClass::UpstreamError)?;
            let upstream_status = Some(response.status().as_u16());
            Some(End { upstream_status, echo_removed: relay.has_echoed(), ..end })
        }
        Ok(response) => {
            let end = answer(gateway, asked, &relay, response, agent).await?;
            Some(End { echo_removed: relay.has_echoed(), ..end })
        }
        Err(Broken::NotSent) => refuse(agent, Refusal::NotReached, OutcomeClass::NotSent),
        Err(Broken::Unknown) => refuse(agent, Refusal::OutcomeUnknown, OutcomeClass::Unknown),
    }
}

/// How an answer is read: by what its head says.
enum Shape {
    Json,
    Stream,
    Other,
}

fn shape(headers: &HeaderMap) -> Shape {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Shape::Other;
    }
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return Shape::Other };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        Shape::Json
    } else if kind.eq_ignore_ascii_case("text/event-stream") {
        Shape::Stream
    } else {
        Shape::Other
    }
}

async fn answer(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    relay: &Relay,
    response: Response<Incoming>,
    mut agent: Agent,
) -> Option<End> {
    let (head, body) = response.into_parts();
    relay.look_at(&head.headers);
    let status = head.status;
    let refuse = |agent: Agent, refusal: Refusal, class| {
        agent.answer(refusal.reply(Some(&asked.id), asked.era));
        let end = End::bare(class, refusal.reason());
        Some(End { upstream_status: Some(status.as_u16()), ..end })
    };
    match (shape(&head.headers), status.as_u16()) {
        (Shape::Stream, 200) => {
            let reader = agent.stream(stream_head());
            // Boxed: a call whose answer is no stream has no room for one.
            let end = Box::pin(stream::pump(gateway, asked, relay, body, reader)).await?;
            Some(End { upstream_status: Some(200), ..end })
        }
        // The upstream's own words about sessions are not for the agent.
        (_, 404) if asked.session.as_ref().is_some_and(|s| !s.upstream.is_empty()) => {
            refuse(agent, Refusal::NoSession, OutcomeClass::UpstreamError)
        }
        (Shape::Json, 200 | 400..=599) => {
            let limit = gateway.config.answer_bytes_max;
            let whole = tokio::select! {
                whole = collect(body, limit, timeouts_of(gateway)) => whole,
                () = agent.gone(), if asked.era == Era::Modern => {
                    return Some(End::bare(OutcomeClass::Unknown, "agent_gone"));
                }
            };
            let end = match whole {
                Ok(bytes) => match relay.answer(gateway, bytes) {
                    Ok(passed) if status == StatusCode::OK || passed.is_error() => {
                        let size = passed.bytes.len() as u64;
                        let capture = relay.capture(&passed);
                        let class = class_of(passed.class);
                        agent.answer(json_reply(
                            relay.status_for(&passed, status),
                            crate::agent::ReplyBody::Whole(Some(passed.bytes)),
                        ));
                        Some(End { response_bytes: size, capture, ..End::bare(class, "") })
                    }
                    Ok(_) => refuse(agent, Refusal::BadAnswer("status"), OutcomeClass::Unknown),
                    Err(_) if status.is_client_error() => {
                        refuse(agent, Refusal::BadAnswer("http_4xx"), OutcomeClass::UpstreamError)
                    }
                    Err(_) if status.is_server_error() => {
                        refuse(agent, Refusal::OutcomeUnknown, OutcomeClass::Unknown)
                    }
                    Err(reason) => refuse(agent, Refusal::BadAnswer(reason), OutcomeClass::Unknown),
                },
                Err(Uncollected::TooLarge) => {
                    refuse(agent, Refusal::BadAnswer("answer_too_large"), OutcomeClass::Unknown)
                }
                Err(Uncollected::Broken) => {
                    refuse(agent, Refusal::OutcomeUnknown, OutcomeClass::Unknown)
                }
            };
            end.map(|end| End { upstream_status: Some(status.as_u16()), ..end })
        }
        (_, 400..=499) => {
            refuse(agent, Refusal::BadAnswer("http_4xx"), OutcomeClass::UpstreamError)
        }
        (_, 500..=599) => refuse(agent, Refusal::OutcomeUnknown, OutcomeClass::Unknown),
        (_, 300..=399) => refuse(agent, Refusal::BadAnswer("redirect"), OutcomeClass::Unknown),
        _ => refuse(agent, Refusal::BadAnswer("content_type"), OutcomeClass::Unknown),
    }
}

fn timeouts_of(gateway: &Gateway) -> Duration {
    gateway.config.timeouts.idle
}

/// Why a body was not collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncollected {
    TooLarge,
    Broken,
}

/// Collects an answer, bounded in size and in the time it may stand still.
pub(crate) async fn collect(
    body: Incoming,
    limit: usize,
    idle: Duration,
) -> Result<Bytes, Uncollected> {
    let collected = Limited::new(body, limit).collect();
    match tokio::time::timeout(idle, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Uncollected::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Uncollected::Broken),
    }
}
