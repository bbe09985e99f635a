//! Every way the API says no, in one place: the stable codes, their status and their words.
//!
//! What a stranger may learn is chosen here. No text holds a value of a request: faults name the
//! field and the reason.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use store::{Bar, ChangeError, StoreError};
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// The stable name of a refusal. Programs read this; the words around it may change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// All of them, for the documentation.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name in the API.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The HTTP status it is sent with.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// A few words that are the same every time.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    /// The request is not HTTP as it is spoken here.
    BadRequest = "bad_request", BAD_REQUEST, "The request cannot be read";
    /// The body is not JSON.
    NotJson = "not_json", BAD_REQUEST, "The body is not JSON";
    /// No key, or none of ours.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "An API key is needed";
    /// The address, the password or the passkey lets nobody in.
    SignInFailed = "sign_in_failed", UNAUTHORIZED, "Not signed in";
    /// The page is of another person than the one who is signed in now.
    OtherMember = "other_member", CONFLICT, "Somebody else is signed in";
    /// Only a signed-in person may do this, not a key.
    NeedsSession = "session_required", FORBIDDEN, "This needs a signed-in person";
    /// The person has not proved lately who they are.
    NeedsProof = "reauthentication_required", FORBIDDEN, "Prove again who you are";
    /// The browser would not keep the cookie.
    InsecureOrigin = "insecure_origin", FORBIDDEN, "Sign in over https";
    /// Passkeys cannot be used at this address.
    NoPasskeysHere = "no_passkeys_here", CONFLICT, "Passkeys cannot be used at this address";
    /// The key's role is too low.
    Forbidden = "forbidden", FORBIDDEN, "The role of this key does not allow this";
    /// Somebody may not decide about their own doing.
    FourEyes = "four_eyes", FORBIDDEN, "This needs somebody else";
    /// The rule asks other people.
    NotAsked = "not_asked", FORBIDDEN, "The rule asks other people";
    /// A page of another origin asks.
    CrossOrigin = "cross_origin", FORBIDDEN, "Requests of other origins are not served";
    /// No such route.
    NoSuchRoute = "no_such_route", NOT_FOUND, "There is nothing at this address";
    /// No such object in this organisation.
    NotFound = "not_found", NOT_FOUND, "There is no such object";
    /// The route has no such method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not served here";
    /// The body did not arrive in time.
    BodyTimeout = "body_timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
    /// The name is in use.
    Taken = "taken", CONFLICT, "The name is taken";
    /// The change contradicts the state of the object.
    Conflict = "conflict", CONFLICT, "The change contradicts the state of the object";
    /// The policy is kept in files: it is changed there.
    KeptInFiles = "kept_in_files", CONFLICT, "The policy is kept in files";
    /// Nobody could administer the instance any more.
    LastAdmin = "last_admin", CONFLICT, "Nobody could administer the organisation any more";
    /// Something must be said about each grant of the member first; `errors` lists them.
    Undecided = "grants_undecided", CONFLICT, "Grants of the member are undecided";
    /// A link that lets somebody in once was used or has ended.
    Gone = "gone", GONE, "The link is not good any more";
    /// A request with this Idempotency-Key is still being answered.
    InFlight = "idempotency_in_flight", CONFLICT, "The first request is still being answered";
    /// Somebody changed the object meanwhile.
    Stale = "stale", PRECONDITION_FAILED, "The object was changed meanwhile";
    /// The body is larger than the limit.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is not `application/json`.
    MediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json";
    /// The host asked for is not this one.
    WrongHost = "wrong_host", MISDIRECTED_REQUEST, "The host asked for is not this one";
    /// A field is missing, unknown or wrong; `errors` says which.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "The request is not valid";
    /// The policy has faults; `errors` lists all of them.
    PolicyInvalid = "policy_invalid", UNPROCESSABLE_ENTITY, "The policy has errors";
    /// Test cases of the policy fail; `errors` lists them.
    TestsFailed = "tests_failed", UNPROCESSABLE_ENTITY, "Test cases of the policy fail";
    /// The Idempotency-Key was used for another request.
    KeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key belongs to another request";
    /// If-Match is missing.
    NeedsIfMatch = "precondition_required", PRECONDITION_REQUIRED, "The change needs an If-Match header";
    /// The head of the request is larger than the limit.
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large";
    /// Too many bad keys from this address.
    TooManyBadKeys = "too_many_bad_keys", TOO_MANY_REQUESTS, "Too many bad keys from this address";
    /// The member asks faster than anybody may.
    TooFast = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// Too many sign-ins from this address or for this account.
    TooManySignIns = "too_many_sign_ins", TOO_MANY_REQUESTS, "Too many sign-ins";
    /// Too many streams are open.
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS, "Too many streams are open";
    /// A fault of this program.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong here";
    /// The upstream did not answer as an MCP server.
    Upstream = "upstream_unreachable", BAD_GATEWAY, "The upstream does not answer";
    /// The identity provider does not answer.
    ProviderUnreachable = "provider_unreachable", BAD_GATEWAY, "The identity provider does not answer";
    /// The authorization server of an upstream cannot be found, or not be used.
    AuthorizationServer = "authorization_server", BAD_GATEWAY, "The authorization server cannot be used";
    /// The instance's settings do not allow it.
    NotAllowedHere = "not_allowed_here", FORBIDDEN, "The settings of this instance do not allow this";
    /// The store does not answer.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The store does not answer";
}

/// One thing that is wrong with a request or a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// Where: a JSON Pointer into the body (or into the document that was sent in it), the name
    /// of a query parameter, or empty for the whole.
    pub(crate) pointer: String,
    /// What, as a stable name.
    pub(crate) code: String,
    /// What, for people. Never holds a value.
    pub(crate) message: String,
    /// The line in the document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// The column in the document, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suggestion: Option<String>,
}

impl Fault {
    /// A fault at a place, with its reason.
    pub(crate) fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.to_owned(),
            message: message.into(),
            line: None,
            column: None,
            suggestion: None,
        }
    }
}

/// A refusal as RFC 9457 writes it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Names the kind of problem: `urn:countersign:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// A few words, the same for every problem of this kind.
    title: &'static str,
    /// The HTTP status, repeated.
    status: u16,
    /// What happened this time, for people.
    detail: String,
    /// The stable name of the kind.
    code: &'static str,
    /// Names this request in the logs.
    request_id: String,
    /// What is wrong, one by one, where that can be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// What stands there now, where somebody else wrote it meanwhile; `null` if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    current: Option<serde_json::Value>,
    /// What was sent and not kept, so that no text is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    yours: Option<serde_json::Value>,
}

/// A refusal on its way out: [`crate::arrival`] writes it once the request's id is known.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    detail: String,
    errors: Vec<Fault>,
    headers: Vec<(http::HeaderName, HeaderValue)>,
    /// What stands there, and what was sent.
    both: Option<(serde_json::Value, serde_json::Value)>,
}

impl Problem {
    /// A problem of this kind, with what happened this time.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            errors: vec![],
            headers: vec![],
            both: None,
        }))
    }

    /// One field is wrong.
    pub(crate) fn field(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Fault::new(pointer, code, message)])
    }

    /// These fields are wrong.
    pub(crate) fn invalid(errors: Vec<Fault>) -> Self {
        Self::new(Code::Invalid, "nothing was changed; `errors` says what is wrong").listing(errors)
    }

    /// There is no such object, or it is of another organisation: the same answer.
    pub(crate) fn no_such(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what} in this organisation"))
    }

    /// Adds what is wrong, one by one.
    pub(crate) fn listing(mut self, errors: Vec<Fault>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds both sides of an edit that came second.
    pub(crate) fn with_both(mut self, current: &impl Serialize, yours: &impl Serialize) -> Self {
        let value = |side: Result<serde_json::Value, _>| side.unwrap_or(serde_json::Value::Null);
        let (current, yours) = (serde_json::to_value(current), serde_json::to_value(yours));
        self.0.both = Some((value(current), value(yours)));
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// What happened this time, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What happened and where, in one line, where no request is answered.
    pub(crate) fn in_words(&self) -> String {
        let places =
            self.0.errors.iter().map(|fault| format!("{}: {}", fault.pointer, fault.message));
        let places: Vec<String> = places.collect();
        if places.is_empty() { self.0.detail.clone() } else { places.join("; ") }
    }

    /// Which kind.
    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// What is wrong, one by one.
    #[cfg(test)]
    pub(crate) fn errors(&self) -> &[Fault] {
        &self.0.errors
    }

    /// Writes the answer out.
    pub(crate) fn render(self, request_id: &str) -> Response {
        let Inner { code, detail, errors, headers, both } = *self.0;
        let (current, yours) = both.unzip();
        let body = ProblemBody {
            kind: format!("urn:countersign:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail,
            code: code.as_str(),
            request_id: request_id.to_owned(),
            errors,
            current,
            yours,
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (code.status(), text).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().extend(headers);
        response
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem to the one place that writes it.
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The text names tables and schema versions, never a row.
        tracing::error!(error = %error, "the store did not answer the control plane");
        let why = match error {
            StoreError::Full => "the disk is full",
            StoreError::ReadOnly => "the database is read-only",
            StoreError::Busy => "the database is too busy",
            _ => "the store does not answer",
        };
        Self::new(Code::Unavailable, format!("{why}; nothing was changed"))
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound { what, .. } => Self::no_such(what),
            ChangeError::Taken { what, name } => {
                Self::new(Code::Taken, format!("the {what} `{name}` exists already"))
            }
            ChangeError::Stale { what, current } => Self::new(
                Code::Stale,
                format!("the {what} was changed meanwhile: read it again and repeat the change"),
            )
            .header(header::ETAG, crate::etag::write(current)),
            ChangeError::Invalid { field, problem } => {
                Self::field(&format!("/{field}"), "invalid_value", format!("this field {problem}"))
            }
            ChangeError::LastAdmin(text) => Self::new(Code::LastAdmin, text),
            ChangeError::Undecided(grants) => {
                let fault = |(id, label): (store::GrantId, String)| {
                    let message = format!("say who answers for `{label}` now, or revoke it");
                    Fault::new(format!("/grants/{id}"), "undecided", message)
                };
                Self::new(Code::Undecided, "nothing was changed; `errors` lists the grants")
                    .listing(grants.into_iter().map(fault).collect())
            }
            ChangeError::Gone { what } => Self::new(
                Code::Gone,
                format!("the {what} was used, replaced by a newer one, or has ended"),
            ),
            ChangeError::RightEnded => Self::new(
                Code::Forbidden,
                "your role, key or session was ended while this was asked: nothing was changed",
            ),
            ChangeError::Barred(bar) => {
                let code = match bar {
                    Bar::Owner | Bar::Issuer | Bar::Editor => Code::FourEyes,
                    Bar::Viewer => Code::Forbidden,
                    Bar::Decided | Bar::Ended => Code::Conflict,
                    Bar::NotAsked => Code::NotAsked,
                };
                Self::new(code, bar.text())
            }
            ChangeError::KeptInFiles { policy, place } => Self::new(
                Code::KeptInFiles,
                format!(
                    "the policy `{policy}` is kept in files at `{place}`: change it there and run \
                     `countersign apply`, or lift the mark first to change it here"
                ),
            ),
            ChangeError::Conflict(text) => Self::new(Code::Conflict, text),
            ChangeError::Store(error) => error.into(),
            other => {
                tracing::error!(error = %other, "a change failed in a way that has no answer yet");
                Self::new(Code::Internal, "the change was not made")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_has_an_error_status() {
        for (at, code) in Code::ALL.iter().enumerate() {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error(), "{code:?}");
            let again = Code::ALL.iter().skip(at + 1).any(|c| c.as_str() == code.as_str());
            assert!(!again, "{code:?}");
        }
    }
}
