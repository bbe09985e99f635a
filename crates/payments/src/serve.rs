//! The HTTP side: accepts connections, asks for the key, reads the body, and hands the message to its era.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Options;
use crate::answer::{Asked, Body, bare, json, method_not_allowed, refuse};
use crate::headers::{self, Accepts};
use crate::ledger::{Book, count};
use crate::message::Message;
use crate::sessions::Sessions;
use crate::version::Version;
use crate::world::World;
use crate::{legacy, modern};

/// The largest body read.
const BODY_BYTES_MAX: usize = 4 << 20;
/// How long a body may take to arrive.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a request's head may take, and how long a connection may stay idle between requests.
const HEAD_WAIT_MAX: Duration = Duration::from_secs(300);
/// How long requests in flight may take once the server is asked to stop.
const STOP_WAIT_MAX: Duration = Duration::from_secs(1);
/// How long accepting rests when the system has no room for a connection.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// What the server tells a model about itself. Plain text that needs no JSON escapes.
pub(crate) const INSTRUCTIONS: &str = "Invoices, refunds, charges and payouts of a small business. Amounts are in major units of their currency.";

/// Everything the connections share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) book: Book,
    pub(crate) world: World,
    pub(crate) sessions: Sessions,
    /// The members of a discovery's result, made once.
    pub(crate) discovered: String,
    /// The key that callers show; none where every caller on this machine is let in.
    api_key: Option<String>,
}

impl Shared {
    pub(crate) fn new(api_key: Option<String>, options: Options) -> Self {
        Self {
            book: Book::new(options.ledger_entries_max),
            world: World::default(),
            sessions: Sessions::default(),
            discovered: modern::discovery(&options.versions),
            options,
            api_key,
        }
    }

    /// Whether a revision is served.
    pub(crate) fn speaks(&self, version: Version) -> bool {
        self.options.versions.contains(&version)
    }

    /// Whether a request shows the key, or needs none and asks for this machine by its own name: a page in
    /// a browser could have its name point here.
    fn lets_in(&self, request: &Request<Incoming>) -> bool {
        match &self.api_key {
            Some(key) => Self::shows(key, request.headers()),
            None => asks_for_this_machine(request),
        }
    }

    /// Whether a request shows the key, once. Compared in a time that does not tell how much of it was right.
    fn shows(key: &str, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let Some((scheme, token)) = value.as_bytes().split_at_checked("Bearer ".len()) else {
            return false;
        };
        let key = key.as_bytes();
        scheme.eq_ignore_ascii_case(b"Bearer ")
            && token.len() == key.len()
            && token.iter().zip(key).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

/// How answers are given, so far as the request and the options decide it.
#[derive(Clone, Copy)]
pub(crate) struct Answering {
    sse: bool,
    latency: Duration,
}

impl Answering {
    /// The answer to a request of one revision. Only tool calls are slowed down.
    pub(crate) fn asked<'a>(self, id: &'a str, version: Version, method: &str) -> Asked<'a> {
        let latency = if method == "tools/call" { self.latency } else { Duration::ZERO };
        Asked { id, version, sse: self.sse, latency }
    }
}

/// Accepts connections until `stop` changes, then lets what is in flight finish within a second.
pub(crate) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let server = Arc::new(server());
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    count(&shared.book.connections);
                    let (server, shared) = (Arc::clone(&server), Arc::clone(&shared));
                    connections.spawn(connection(server, shared, stream, peer, stop.clone()));
                }
                // Too many open files, mostly: some will close.
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
        }
    }
    drop(listener);
    shared.sessions.end_all();
    let all_closed = async { while connections.join_next().await.is_some() {} };
    // What is still open after the wait is cut off when the set is dropped.
    let _ = tokio::time::timeout(STOP_WAIT_MAX, all_closed).await;
}

fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT_MAX);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(Some(HEAD_WAIT_MAX));
    server
}

/// Serves one connection to its end.
async fn connection(
    server: Arc<auto::Builder<TokioExecutor>>,
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    // Small answers must not wait for more to come; without it they only come later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(&shared, peer, request).await) }
    });
    let serving = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    // A connection that breaks concerns its client alone; there is nothing to do about it here.
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = stop.changed() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

/// Answers one HTTP request.
async fn respond(shared: &Shared, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    if path != "/ledger" {
        count(&shared.book.http_requests);
    }
    if headers::origin_is_foreign(request.headers()) {
        return bare(StatusCode::FORBIDDEN);
    }
    match path {
        "/mcp" if shared.lets_in(&request) => mcp(shared, request).await,
        "/mcp" => unauthorized(shared),
        "/ledger" => ledger(shared, peer, &request),
        _ => bare(StatusCode::NOT_FOUND),
    }
}

fn unauthorized(shared: &Shared) -> Response<Body> {
    count(&shared.book.unauthorized);
    let mut response =
        json(StatusCode::UNAUTHORIZED, r#"{"error":"the API key is missing or wrong"}"#.to_owned());
    let ask = HeaderValue::from_static(r#"Bearer realm="payments", error="invalid_token""#);
    response.headers_mut().insert(WWW_AUTHENTICATE, ask);
    response
}

/// Whether the name that is asked for is one of this machine's own.
fn asks_for_this_machine(request: &Request<Incoming>) -> bool {
    let asked_for = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let asked_for = asked_for.or_else(|| request.uri().authority().map(|a| a.as_str()));
    asked_for.is_some_and(headers::is_loopback_host)
}

/// `GET /ledger`: free for this machine, with the key for everybody else.
///
/// The name asked for must be this machine's own as well, or a page in a browser could have its own
/// name point here.
fn ledger(shared: &Shared, peer: SocketAddr, request: &Request<Incoming>) -> Response<Body> {
    let local = peer.ip().is_loopback() && asks_for_this_machine(request);
    if !local && !shared.lets_in(request) {
        return unauthorized(shared);
    }
    if request.method() != Method::GET {
        return method_not_allowed("GET");
    }
    let mut response = json(StatusCode::OK, shared.book.snapshot().to_json());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The MCP endpoint.
async fn mcp(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    match head.method {
        Method::POST => post(shared, &head.headers, body).await,
        Method::GET => legacy::listen(shared, &head.headers),
        Method::DELETE => legacy::end(shared, &head.headers),
        _ => method_not_allowed("POST, GET, DELETE"),
    }
}

async fn post(shared: &Shared, headers: &HeaderMap, body: Incoming) -> Response<Body> {
    let accepts = Accepts::of(headers);
    if !accepts.json && !accepts.sse {
        return bare(StatusCode::NOT_ACCEPTABLE);
    }
    if !headers::body_is_json(headers) {
        return bare(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => return bare(status),
    };
    let message = match Message::read(&body) {
        Ok(message) => message,
        Err(fault) => return refuse(StatusCode::BAD_REQUEST, None, &fault),
    };
    if message.method == "tools/call" {
        count(&shared.book.tool_calls);
    }
    let answering = Answering {
        sse: accepts.sse && (shared.options.sse || !accepts.json),
        latency: shared.options.latency,
    };
    if modern::claims(&message, headers) {
        modern::answer(shared, headers, &message, answering).await
    } else {
        legacy::answer(shared, headers, &message, answering).await
    }
}

/// Reads a body whole, within its bounds of size and time.
async fn read(body: Incoming) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(BODY_WAIT_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
