//! Refusals: every way the gateway says no, and how each is worded. One place decides what a
//! stranger may learn (nothing) and what the holder of a grant is told (what to mend).

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use json::{Object, Value};
use mcp::{Era, Id, Malformed, reply};
use std::sync::Arc;

use crate::agent::{Reply, ReplyBody};

/// JSON-RPC code of a denial where a tool result is not possible (resources, prompts).
pub(crate) const POLICY_DENIED: i32 = 40301;
/// JSON-RPC code of an upstream that was not reached, or gave an answer that was refused.
pub(crate) const UPSTREAM_FAILED: i32 = 50201;
/// JSON-RPC code of a part of ours that does not answer.
pub(crate) const UNAVAILABLE: i32 = 50301;
/// JSON-RPC code of a call that left and whose outcome is not known.
pub(crate) const OUTCOME_UNKNOWN: i32 = 50401;
/// JSON-RPC code of a grant with too many calls in flight.
pub(crate) const TOO_MANY: i32 = 42901;

/// A request that is refused at the level of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    BadRequest(&'static str),
    Host,
    Origin,
    NotFound,
    MethodNotAllowed,
    MediaType,
    UriTooLong,
    HeadersTooLarge,
    BodyTooLarge,
    BodyTimeout,
    Unauthenticated,
    TooManyStrangers,
    Unavailable,
}

impl Rejected {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::TooManyStrangers => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable code in the call log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::MediaType => "media_type",
            Self::UriTooLong => "uri_too_long",
            Self::HeadersTooLarge => "headers_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::Unauthenticated => "unauthenticated",
            Self::TooManyStrangers => "too_many_bad_tokens",
            Self::Unavailable => "unavailable",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::BadRequest(text) => text,
            Self::Host => "this host name is not served here",
            Self::Origin => "this origin is not allowed",
            Self::NotFound => "not found",
            Self::MethodNotAllowed => "the method is not allowed here",
            Self::MediaType => "send application/json in UTF-8, with no content encoding",
            Self::UriTooLong => "the address is too long",
            Self::HeadersTooLarge => "the headers are too large",
            Self::BodyTooLarge => "the body is too large",
            Self::BodyTimeout => "the body did not arrive in time",
            // One text for a token that is unknown, revoked, expired or for another server.
            Self::Unauthenticated => "the grant token is not valid here",
            Self::TooManyStrangers => "too many requests with a bad token",
            Self::Unavailable => "the gateway cannot answer now; nothing was forwarded",
        }
    }

    pub(crate) fn reply(self) -> Reply {
        let mut error = Object::new();
        let code = match self {
            Self::Unavailable => UNAVAILABLE,
            _ => mcp::malformed::INVALID_REQUEST,
        };
        error.insert("code", i64::from(code));
        error.insert("message", self.text());
        let mut body = Object::new();
        body.insert("jsonrpc", "2.0");
        body.insert("id", Value::Null);
        body.insert("error", Value::Object(error));
        let mut reply = json_reply(self.status(), json::write_to_vec(&Value::Object(body)));
        let headers = reply.headers_mut();
        match self {
            Self::Unauthenticated => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer error=\"invalid_token\""),
                );
            }
            Self::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST, GET, DELETE"));
            }
            Self::TooManyStrangers => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
            }
            Self::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        reply
    }
}

/// A request of a valid grant that is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not a message we understand.
    Malformed(Malformed),
    /// A rule said no, a limit is full, or a person must sign off.
    Denied(Box<Denied>),
    /// The same for a resource or prompt, which has no result to say it in.
    Forbidden(Box<Denied>),
    /// The tool is hidden, or the upstream has no such tool: the two answer alike.
    UnknownTool(String),
    /// Nobody may call this method here.
    UnknownMethod,
    /// The resource or prompt is hidden, or does not exist: the two answer alike.
    UnknownTarget(&'static str),
    /// The session is not one of this grant, or is over.
    NoSession,
    /// Too many calls in flight.
    TooManyInFlight,
    /// The store or the recorder does not answer.
    Unavailable,
    /// The credential cannot be opened.
    Sealed,
    /// The server is switched off by its operator.
    ServerDisabled,
    /// Nothing was sent.
    NotReached,
    /// The upstream refused our credential.
    UpstreamAuth,
    /// The authorization server gave no token; why, as a stable word for operators.
    NoToken(&'static str),
    /// Somebody has to connect an account at the upstream first, or again.
    Connect(Box<Connect>),
    /// It left, and no whole answer came.
    OutcomeUnknown,
    /// An answer came that is not one.
    BadAnswer(&'static str),
    /// The agent asked something of an upstream that speaks only the other era.
    OtherEra(Malformed),
}

/// What an account at an upstream lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nobody has connected it.
    Account,
    /// Its consent is over.
    Consent,
    /// The upstream wants a wider consent for this request.
    Scopes,
}

/// What is said of an account that is not connected.
#[derive(Clone, Debug)]
pub(crate) struct Connect {
    /// What is missing.
    pub(crate) need: Need,
    /// Whether each identity connects its own.
    pub(crate) own: bool,
    /// The server.
    pub(crate) server: String,
    /// Whose account.
    pub(crate) identity: String,
    /// Where a person does it.
    pub(crate) link: Option<String>,
    /// Whether a tool was called: then it is said in a result, which models read.
    pub(crate) in_tool_call: bool,
}

impl Connect {
    fn reason(&self) -> &'static str {
        match self.need {
            Need::Account => "connection_required",
            Need::Consent => "reconnect_required",
            Need::Scopes => "scope_required",
        }
    }

    fn text(&self) -> String {
        let Self { server, identity, .. } = self;
        let what = match (self.own, self.need) {
            (true, Need::Account) => {
                format!("`{identity}` has connected no account at `{server}` yet.")
            }
            (true, Need::Consent) => {
                format!("The account of `{identity}` at `{server}` must be connected again.")
            }
            (false, Need::Account) => format!("No account is connected at `{server}` yet."),
            (false, Need::Consent) => {
                format!("The account at `{server}` must be connected again.")
            }
            (_, Need::Scopes) => format!(
                "`{server}` wants a wider consent for this. An administrator adds the scopes that \
                 it wants to the credential, and then the account is connected again."
            ),
        };
        let who = if self.own { "They do" } else { "An administrator does" };
        match &self.link {
            Some(link) => format!(
                "[CONNECTION REQUIRED] {what} {who} so at {link}; then call again. Nothing was carried out."
            ),
            None => format!(
                "[CONNECTION REQUIRED] {what} {who} so in the dashboard; then call again. Nothing was carried out."
            ),
        }
    }

    fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("decision", "connection_required");
        object.insert("reason", self.reason());
        object.insert("server", self.server.as_str());
        if let Some(link) = &self.link {
            object.insert("connect_url", link.as_str());
        }
        Value::Object(object)
    }
}

/// What is said of a denial.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    /// `denied` or `approval_required`.
    pub(crate) decision: &'static str,
    /// The rule, as a JSON Pointer.
    pub(crate) rule: Arc<str>,
    /// The stable code.
    pub(crate) reason: &'static str,
    /// What the agent is told.
    pub(crate) message: String,
    /// When it makes sense to ask again, in milliseconds.
    pub(crate) retry_after_ms: Option<u64>,
    /// The call, as the log knows it.
    pub(crate) call: String,
    /// More for the agent to act on (what is left of a limit, which condition could not be judged).
    pub(crate) more: Vec<(&'static str, Value)>,
}

impl Refusal {
    /// The stable code in the call log.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.reason,
            Self::Denied(denied) | Self::Forbidden(denied) => denied.reason,
            Self::UnknownTool(_) => "unknown_tool",
            Self::UnknownMethod => "unknown_method",
            Self::UnknownTarget(_) => "unknown_target",
            Self::NoSession => "no_session",
            Self::TooManyInFlight => "too_many_in_flight",
            Self::Unavailable => "store_unavailable",
            Self::Sealed => "credential_unavailable",
            Self::ServerDisabled => "server_disabled",
            Self::NotReached => "not_reached",
            Self::UpstreamAuth => "upstream_auth",
            Self::NoToken(_) => "no_token",
            Self::Connect(connect) => connect.reason(),
            Self::OutcomeUnknown => "outcome_unknown",
            Self::BadAnswer(reason) => reason,
            Self::OtherEra(_) => "other_era",
        }
    }

    /// The same, as the answer to a tool call.
    pub(crate) fn in_tool_call(mut self) -> Self {
        if let Self::Connect(connect) = &mut self {
            connect.in_tool_call = true;
        }
        self
    }

    /// The answer to the request with this id.
    pub(crate) fn reply(&self, id: Option<&Id>, era: Era) -> Reply {
        let status = match self {
            Self::Malformed(malformed) | Self::OtherEra(malformed) => {
                StatusCode::from_u16(malformed.status).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Self::UnknownMethod if era == Era::Modern => StatusCode::NOT_FOUND,
            Self::NoSession => StatusCode::NOT_FOUND,
            Self::TooManyInFlight => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::Sealed => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        };
        let mut reply = json_reply(status, self.message(id, era));
        if matches!(self, Self::Unavailable | Self::Sealed | Self::TooManyInFlight) {
            reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }

    /// The JSON-RPC message of the answer.
    pub(crate) fn message(&self, id: Option<&Id>, era: Era) -> Vec<u8> {
        let (code, text): (i32, &str) = match self {
            Self::Malformed(malformed) | Self::OtherEra(malformed) => {
                let mut malformed = malformed.clone();
                malformed.id = malformed.id.or_else(|| id.cloned());
                return malformed.reply();
            }
            Self::Denied(denied) => {
                return match id {
                    Some(id) => reply::tool_denied(id, era, &denied.text(), denied.to_json()),
                    None => reply::error(None, POLICY_DENIED, &denied.text(), None),
                };
            }
            Self::Connect(connect) => {
                let said = connect.to_json();
                if let (true, Some(id)) = (connect.in_tool_call, id) {
                    return reply::tool_denied(id, era, &connect.text(), said);
                }
                return reply::error(id, UPSTREAM_FAILED, &connect.text(), Some(&said));
            }
            Self::Forbidden(denied) => {
                return reply::error(id, POLICY_DENIED, &denied.text(), Some(&denied.to_json()));
            }
            Self::UnknownTool(name) => match id {
                Some(id) => return reply::unknown_tool(id, name),
                None => (mcp::malformed::INVALID_PARAMS, "Unknown tool"),
            },
            Self::UnknownMethod => match id {
                Some(id) => return reply::unknown_method(id),
                None => (mcp::malformed::METHOD_NOT_FOUND, "Method not found"),
            },
            Self::UnknownTarget(what) => {
                // Resources had a code of their own until 2025-11-25.
                let code = if era == Era::Legacy && *what == "resource" { -32002 } else { -32602 };
                let text =
                    if *what == "resource" { "Resource not found" } else { "Unknown prompt" };
                (code, text)
            }
            Self::NoSession => (mcp::malformed::INVALID_REQUEST, "Session not found"),
            Self::TooManyInFlight => (TOO_MANY, "Too many calls in flight for this grant"),
            Self::Unavailable => {
                (UNAVAILABLE, "The gateway cannot record calls now; nothing was forwarded")
            }
            Self::Sealed => {
                (UNAVAILABLE, "The upstream's credential is not available; nothing was forwarded")
            }
            Self::ServerDisabled => {
                (UPSTREAM_FAILED, "The server is switched off; nothing was forwarded")
            }
            Self::NotReached => {
                (UPSTREAM_FAILED, "The upstream could not be reached; nothing was sent")
            }
            Self::UpstreamAuth => (
                UPSTREAM_FAILED,
                "The upstream refused the gateway's credential; an administrator must renew it",
            ),
            Self::NoToken(_) => (
                UPSTREAM_FAILED,
                "The gateway got no token for the upstream, and nothing was carried out. Try again later; if it stays so, an administrator must look at the server's credential",
            ),
            Self::OutcomeUnknown => (
                OUTCOME_UNKNOWN,
                "The call was sent and no whole answer came: its outcome is not known. Check before calling again",
            ),
            Self::BadAnswer(_) => (
                UPSTREAM_FAILED,
                "The upstream's answer was refused: it is not a well-formed answer to this request. The call may have been carried out",
            ),
        };
        reply::error(id, code, text, None)
    }
}

impl Denied {
    /// The text of the tool result.
    pub(crate) fn text(&self) -> String {
        format!("[POLICY DENIED] {}", self.message)
    }

    /// The machine-readable part, in `_meta`.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Object::new();
        object.insert("decision", self.decision);
        object.insert("rule", self.rule.as_ref());
        object.insert("reason", self.reason);
        object.insert("call", self.call.as_str());
        if let Some(millis) = self.retry_after_ms {
            object.insert("retry_after_ms", i64::try_from(millis).unwrap_or(i64::MAX));
        }
        for (name, value) in &self.more {
            object.insert(*name, value.clone());
        }
        Value::Object(object)
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// An answer in JSON. Never cached, never sniffed.
pub(crate) fn json_reply(status: StatusCode, body: impl Into<ReplyBody>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// The head of an event stream.
pub(crate) fn stream_head() -> http::response::Builder {
    const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-store")
        .header(X_ACCEL_BUFFERING, "no")
}
