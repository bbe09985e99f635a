//! The modern era (2026-07-28): discovery, and the stream of change notifications.

use std::sync::Arc;

use http::{Method as HttpMethod, StatusCode};
use json::{Object, Value};
use mcp::message::Request;
use mcp::sse::{self, Event};
use mcp::{Era, Malformed, Method, Version, reply};

use crate::agent::Agent;
use crate::exchange;
use crate::forward::{append, base_headers};
use crate::legacy::STREAMS_MAX;
use crate::lists;
use crate::record::{self, Line};
use crate::refusal::{Refusal, json_reply, stream_head};
use crate::road::{Asked, Gateway};
use crate::stream::{self, Relay};

/// What is said to an agent whose era the upstream does not speak: the versions that work.
pub(crate) fn other_era(asked: &Asked) -> Option<Refusal> {
    let server = &asked.caller.attached.server;
    if server.speaks(asked.era) {
        return None;
    }
    let supported = match asked.era {
        Era::Modern => Version::SUPPORTED_LEGACY,
        Era::Legacy => Version::SUPPORTED_MODERN,
    };
    let malformed = Malformed::unsupported_version(asked.version.as_str(), supported);
    Some(Refusal::OtherEra(malformed.for_id(&asked.id)))
}

/// Answers `server/discover`. When the upstream hiccups, from what is known of it: an error here
/// would make clients give the server up.
pub(crate) async fn discover(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    request: &Request,
) -> Result<Vec<u8>, Refusal> {
    let server = &asked.caller.attached.server;
    let mut headers = base_headers(Era::Modern, asked.version.as_str(), None);
    append(&mut headers, mcp::headers::upstream_headers(asked.version, request));
    let mut request = request.clone();
    let meta = request.params.as_mut().and_then(|params| params.get_mut("_meta"));
    if let Some(Value::Object(meta)) = meta {
        mcp::capabilities::restrict_meta(meta, stream::may_ask(&asked.caller));
    }
    let asked_upstream = exchange::ask(
        gateway,
        server,
        &asked.caller.grant.identity,
        request.to_bytes(),
        headers,
        &asked.id,
    )
    .await;
    match asked_upstream {
        Ok(collected) => {
            let Some(result) = collected.result() else {
                return Ok(collected.bytes.into());
            };
            let told = !lists::names_hidden(&asked.caller, result);
            let introduction = mcp::capabilities::discover_answer(result, told)
                .map_err(|bad| Refusal::BadAnswer(bad.reason))?;
            Ok(exchange::result_of(&asked.id, &introduction.result))
        }
        Err(refusal) if server.versions.is_empty() => Err(refusal),
        Err(_) => Ok(reply::discover(
            &asked.id,
            &server.versions,
            capabilities(),
            info(&server.slug),
            None,
        )),
    }
}

fn capabilities() -> Object {
    let mut changed = Object::new();
    changed.insert("listChanged", true);
    let mut capabilities = Object::new();
    capabilities.insert("tools", Value::Object(changed));
    capabilities
}

fn info(name: &str) -> Object {
    let mut info = Object::new();
    info.insert("name", name);
    info.insert("version", "0");
    info
}

/// Opens the stream of change notifications: the upstream's where it has one, always with ours.
pub(crate) async fn listen(
    gateway: Arc<Gateway>,
    asked: Asked,
    mut request: Request,
    line: Line,
    agent: Agent,
) {
    let Some(ticket) = asked.caller.grant.streams.board(STREAMS_MAX) else {
        return record::answer_refused(&gateway, &asked, line, Refusal::TooManyInFlight, agent)
            .await;
    };
    restrict(&asked, &mut request);
    let body = match upstream_stream(&gateway, &asked, &request).await {
        Ok(opened) => opened,
        Err(refusal) => {
            return record::answer_refused(&gateway, &asked, line, refusal, agent).await;
        }
    };
    let reader = agent.stream(stream_head());
    let (body, needles) = match body {
        Some((body, needles)) => (Some(body), needles),
        None => {
            // The upstream has no such stream: we acknowledge what we can tell ourselves.
            let mut honoured = Object::new();
            honoured.insert("toolsListChanged", true);
            let mut meta = Object::new();
            meta.insert(mcp::meta::SUBSCRIPTION_ID, asked.id.to_value());
            let mut params = Object::new();
            params.insert("notifications", Value::Object(honoured));
            params.insert("_meta", Value::Object(meta));
            let message = reply::notification(Method::SubscriptionsAcknowledged, Some(params));
            reader.send(sse::encode(&Event::message(message)).into()).await;
            (None, None)
        }
    };
    let mut relay = Relay::of_caller(&gateway, asked.caller.clone(), Era::Modern, needles);
    relay.listen = Some(asked.id.clone());
    stream::pump_session(gateway, relay, body, reader, Some(asked.id)).await;
    drop(ticket);
}

/// Cuts a subscription down to what the grant may see.
fn restrict(asked: &Asked, request: &mut Request) {
    let params = request.params.as_mut();
    let Some(Value::Object(wanted)) = params.and_then(|p| p.get_mut("notifications")) else {
        return;
    };
    wanted.remove("taskIds");
    if let Some(Value::Array(uris)) = wanted.get_mut("resourceSubscriptions") {
        uris.retain(|uri| uri.as_str().is_some_and(|uri| stream::may_read(&asked.caller, uri)));
    }
    if let Some(Value::Object(meta)) = request.params.as_mut().and_then(|p| p.get_mut("_meta")) {
        mcp::capabilities::restrict_meta(meta, stream::may_ask(&asked.caller));
    }
}

type Opened = Option<(hyper::body::Incoming, Option<vault::EchoNeedles>)>;

async fn upstream_stream(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    request: &Request,
) -> Result<Opened, Refusal> {
    let server = &asked.caller.attached.server;
    let mut headers = base_headers(Era::Modern, asked.version.as_str(), None);
    append(&mut headers, mcp::headers::upstream_headers(asked.version, request));
    let sent = exchange::send(
        gateway,
        server,
        &asked.caller.grant.identity,
        HttpMethod::POST,
        request.to_bytes(),
        headers,
    );
    let (response, injected) = sent.await?;
    let kind = response.headers().get(http::header::CONTENT_TYPE);
    let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    match response.status() {
        StatusCode::OK if streams => Ok(Some((response.into_body(), injected.needles))),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let (token, headers) = (injected.token.as_ref(), response.headers());
            Err(crate::inject::refused(gateway, token, headers).await)
        }
        _ => Ok(None),
    }
}

/// The answer to `server/discover`, for the agent.
pub(crate) async fn answer_discover(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    request: &Request,
    line: Line,
    agent: Agent,
) {
    match discover(gateway, asked, request).await {
        Ok(bytes) => agent.answer(json_reply(StatusCode::OK, bytes)),
        Err(refusal) => record::answer_refused(gateway, asked, line, refusal, agent).await,
    }
}
