//! What goes back over HTTP: JSON-RPC results and errors, as JSON or as one event of a stream.

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use crate::version::Version;
use crate::write::{push_display, push_text};

/// What every modern result ends with: its kind, and who answered.
const MODERN_TAIL: &str = concat!(
    r#","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"payments","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}"#
);

/// A JSON-RPC error on its way out.
pub(crate) struct Fault {
    pub(crate) code: i32,
    pub(crate) message: Cow<'static, str>,
    /// JSON text of the error's `data`.
    data: Option<String>,
}

impl Fault {
    fn new(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(crate) fn parse_error() -> Self {
        Self::new(-32700, "the body is not JSON")
    }

    pub(crate) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32600, message)
    }

    pub(crate) fn unknown_method(method: &str) -> Self {
        Self::new(-32601, format!("Method not found: {method}"))
    }

    pub(crate) fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32602, message)
    }

    /// A header and the body that say different things.
    pub(crate) fn header_mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32020, message)
    }

    /// A revision that is not served here. The caller learns which are.
    pub(crate) fn unsupported_version(supported: &[Version], requested: &str) -> Self {
        let mut data = String::from(r#"{"supported":"#);
        data.push_str(&version_list(supported));
        data.push_str(r#","requested":"#);
        push_text(&mut data, requested);
        data.push('}');
        Self { data: Some(data), ..Self::new(-32022, "Unsupported protocol version") }
    }

    /// A session that was never here or has ended.
    pub(crate) fn no_such_session() -> Self {
        Self::new(-32001, "Session not found")
    }

    /// The status that the modern era gives this error.
    fn modern_status(&self) -> StatusCode {
        if self.code == -32601 { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST }
    }

    fn to_json(&self, id: Option<&str>) -> String {
        let mut out = String::with_capacity(128 + self.message.len());
        out.push_str(r#"{"jsonrpc":"2.0","id":"#);
        out.push_str(id.unwrap_or("null"));
        out.push_str(r#","error":{"code":"#);
        push_display(&mut out, self.code);
        out.push_str(r#","message":"#);
        push_text(&mut out, &self.message);
        if let Some(data) = &self.data {
            out.push_str(r#","data":"#);
            out.push_str(data);
        }
        out.push_str("}}");
        out
    }
}

/// Names of revisions as a JSON array.
pub(crate) fn version_list(versions: &[Version]) -> String {
    crate::write::array(versions.iter().map(|version| format!("\"{}\"", version.as_str())))
}

/// A response body: all there at once, or chunks as they come.
pub(crate) enum Body {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl Body {
    pub(crate) const EMPTY: Self = Self::Whole(None);
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Whole(Some(Bytes::from(text)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take()),
            Self::Stream(chunks) => chunks.poll_recv(cx),
        };
        chunk.map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// How one request wants to be answered.
pub(crate) struct Asked<'a> {
    /// The request's id as it was written.
    pub(crate) id: &'a str,
    pub(crate) version: Version,
    /// Whether a success goes back as an event stream.
    pub(crate) sse: bool,
    /// How long the answer waits before it is sent.
    pub(crate) latency: Duration,
}

impl Asked<'_> {
    /// Answers with the members of a result, or with the error in its place.
    ///
    /// In an event stream the head goes out at once and only the event waits.
    pub(crate) async fn answer(self, outcome: Result<String, Fault>) -> Response<Body> {
        let text = match outcome {
            Ok(members) => self.result(&members),
            Err(fault) if self.version.is_modern() => {
                tokio::time::sleep(self.latency).await;
                return refuse(fault.modern_status(), Some(self.id), &fault);
            }
            Err(fault) => fault.to_json(Some(self.id)),
        };
        if !self.sse {
            if !self.latency.is_zero() {
                tokio::time::sleep(self.latency).await;
            }
            return json(StatusCode::OK, text);
        }
        let event = format!("event: message\ndata: {text}\n\n");
        if self.latency.is_zero() {
            return event_stream(Body::from(event));
        }
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::time::sleep(self.latency).await;
            // A receiver that is gone is a client that hung up: there is nobody left to tell.
            let _ = sender.send(Bytes::from(event)).await;
        });
        event_stream(Body::Stream(receiver))
    }

    fn result(&self, members: &str) -> String {
        let tail = if self.version.is_modern() { MODERN_TAIL } else { "" };
        let parts = [r#"{"jsonrpc":"2.0","id":"#, self.id, r#","result":{"#, members, tail, "}}"];
        // An empty result must not begin with the tail's comma; no modern result is empty.
        parts.concat()
    }
}

/// A JSON-RPC error with its own HTTP status.
pub(crate) fn refuse(status: StatusCode, id: Option<&str>, fault: &Fault) -> Response<Body> {
    json(status, fault.to_json(id))
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, text: String) -> Response<Body> {
    let mut response = bare(status);
    *response.body_mut() = Body::from(text);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An event stream.
pub(crate) fn event_stream(body: Body) -> Response<Body> {
    let mut response = bare(StatusCode::OK);
    *response.body_mut() = body;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// An answer without a body.
pub(crate) fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = status;
    response
}

/// 405, naming what is allowed instead.
pub(crate) fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}
