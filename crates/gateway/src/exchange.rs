//! Exchanges of our own with an upstream: opening a session, asking what it is, listing its tools.
//! Their answers are rewritten or kept, so they are collected, never streamed.

use std::time::Duration;

use bytes::Bytes;
use dial::Broken;
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use mcp::Id;
use mcp::answer::{self, Answer};
use mcp::sse::{Decoder, Item};

use crate::forward::collect;
use crate::inject::{self, Injected};
use crate::refusal::Refusal;
use crate::road::Gateway;
use crate::snapshot::ServerEntry;

/// An answer that was collected.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) answer: Answer,
}

impl Collected {
    /// The bytes of the result; `None` if the answer is an error.
    pub(crate) fn result(&self) -> Option<&[u8]> {
        self.bytes.get(self.answer.result_span.clone()?)
    }
}

/// Sends one message with the credential inside and hands back the raw response.
pub(crate) async fn send(
    gateway: &Gateway,
    server: &ServerEntry,
    identity: &str,
    method: Method,
    body: Vec<u8>,
    headers: HeaderMap,
) -> Result<(Response<Incoming>, Injected), Refusal> {
    let wait = gateway.config.timeouts.first_byte;
    send_within(gateway, server, identity, method, body, headers, wait).await
}

/// Asks for the stream of a session; its head may come as late as its first event.
pub(crate) async fn open(
    gateway: &Gateway,
    server: &ServerEntry,
    identity: &str,
    headers: HeaderMap,
) -> Result<(Response<Incoming>, Injected), Refusal> {
    const DAY: Duration = Duration::from_secs(86_400);
    send_within(gateway, server, identity, Method::GET, Vec::new(), headers, DAY).await
}

async fn send_within(
    gateway: &Gateway,
    server: &ServerEntry,
    identity: &str,
    method: Method,
    body: Vec<u8>,
    headers: HeaderMap,
    wait: Duration,
) -> Result<(Response<Incoming>, Injected), Refusal> {
    let (Some(client), Some(uri)) = (&server.client, &server.uri) else {
        return Err(Refusal::NotReached);
    };
    let body = Bytes::from(body);
    let mut injected = inject::credential(gateway, server, identity).await?;
    let mut again = true;
    loop {
        let mut headers = headers.clone();
        for (name, value) in std::mem::take(&mut injected.headers) {
            headers.insert(name, value);
        }
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        let response = match client.send(request, wait).await {
            Ok(response) => response,
            Err(Broken::NotSent) => return Err(Refusal::NotReached),
            Err(Broken::Unknown) => return Err(Refusal::OutcomeUnknown),
        };
        // An upstream that refuses a token has not looked at what came with it.
        if response.status() == StatusCode::UNAUTHORIZED
            && std::mem::take(&mut again)
            && let Some(token) = injected.token.take()
        {
            injected = inject::instead_of(gateway, token).await?;
            continue;
        }
        return Ok((response, injected));
    }
}

/// Sends a request and collects its answer, whether it comes as JSON or as a stream.
pub(crate) async fn ask(
    gateway: &Gateway,
    server: &ServerEntry,
    identity: &str,
    body: Vec<u8>,
    headers: HeaderMap,
    id: &Id,
) -> Result<Collected, Refusal> {
    let (response, injected) = send(gateway, server, identity, Method::POST, body, headers).await?;
    let (head, body) = response.into_parts();
    if matches!(head.status.as_u16(), 401 | 403) {
        return Err(inject::refused(gateway, injected.token.as_ref(), &head.headers).await);
    }
    let kind = head.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let (limit, idle) = (gateway.config.answer_bytes_max, gateway.config.timeouts.first_byte);
    let bytes = match kind {
        Some(kind) if kind.starts_with("text/event-stream") => {
            let found = tokio::time::timeout(idle, find_answer(body, limit)).await;
            found.map_err(|_| Refusal::OutcomeUnknown)??
        }
        Some(kind) if kind.starts_with("application/json") => {
            collect(body, limit, idle).await.map_err(|_| Refusal::BadAnswer("not_collected"))?
        }
        _ => return Err(Refusal::BadAnswer("content_type")),
    };
    let redacted = injected.needles.as_ref().and_then(|needles| needles.redact(&bytes));
    let bytes = redacted.map_or(bytes, Bytes::from);
    let answer = answer::scan(&bytes, id).map_err(|bad| Refusal::BadAnswer(bad.reason))?;
    Ok(Collected { headers: head.headers, bytes, answer })
}

/// The first answer on a stream; what comes before it is not for us.
async fn find_answer(mut body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let mut decoder = Decoder::new(limit);
    let mut items = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::OutcomeUnknown)?;
        let Ok(data) = frame.into_data() else { continue };
        decoder.push(&data, &mut items).map_err(|_| Refusal::BadAnswer("event_stream"))?;
        for item in items.drain(..) {
            let Item::Event(event) = item else { continue };
            let Some(data) = event.data.filter(|data| !data.is_empty()) else { continue };
            if let Ok(answer::Incoming::Answer(_)) = answer::incoming(&data) {
                return Ok(data.into());
            }
        }
    }
    Err(Refusal::OutcomeUnknown)
}

/// An answer with that result, for the request with that id.
pub(crate) fn result_of(id: &Id, result: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(result.len() + 64);
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    id.write(&mut out);
    out.extend_from_slice(br#","result":"#);
    out.extend_from_slice(result);
    out.push(b'}');
    out
}
