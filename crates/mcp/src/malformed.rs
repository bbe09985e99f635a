//! What is wrong with an agent's message, and how the agent is told.

use json::{Fault, ReadError, Step, Value};

use crate::message::Id;
use crate::reply;
use crate::version::Version;

/// The text is not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// The envelope is not one JSON-RPC message.
pub const INVALID_REQUEST: i32 = -32600;
/// The method is not known.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// Something in `params` is refused.
pub const INVALID_PARAMS: i32 = -32602;
/// A header is missing or disagrees with the body.
pub const HEADER_MISMATCH: i32 = -32020;
/// The protocol version is not served.
pub const UNSUPPORTED_VERSION: i32 = -32022;

/// A message that is refused before it is judged, and never forwarded.
///
/// - **Shape**: HTTP status, JSON-RPC code, a stable reason for the call log, a sentence.
/// - **Errors**: `text` says which and where and never holds a value, nor a member name that the
///   protocol does not define; `data` holds the versions where the protocol asks for them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{text}")]
pub struct Malformed {
    /// The HTTP status.
    pub status: u16,
    /// The JSON-RPC error code.
    pub code: i32,
    /// The stable name used in the call log: `duplicate_key`, `unknown_member`, …
    pub reason: &'static str,
    /// The sentence for the agent.
    pub text: String,
    /// The id of the message, where it is known beyond doubt.
    pub id: Option<Id>,
    /// The `data` of the JSON-RPC error.
    pub data: Option<Value>,
}

impl Malformed {
    /// A refusal with HTTP status 400.
    pub fn new(code: i32, reason: &'static str, text: impl Into<String>) -> Self {
        Self { status: 400, code, reason, text: text.into(), id: None, data: None }
    }

    /// The envelope is wrong.
    pub(crate) fn envelope(reason: &'static str, text: impl Into<String>) -> Self {
        Self::new(INVALID_REQUEST, reason, text)
    }

    /// Something in `params` is wrong.
    pub(crate) fn params(reason: &'static str, text: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, reason, text)
    }

    /// A header is wrong.
    pub(crate) fn header(reason: &'static str, text: impl Into<String>) -> Self {
        Self::new(HEADER_MISMATCH, reason, format!("Header mismatch: {}", text.into()))
    }

    /// The version is not served. What was asked is echoed only if it looks like a version.
    pub fn unsupported_version(requested: &str, supported: &[Version]) -> Self {
        let list = supported.iter().map(|version| Value::from(version.as_str())).collect();
        let plain = requested.len() <= 32
            && requested.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let mut data = json::Object::new();
        data.insert("supported", Value::Array(list));
        data.insert("requested", if plain { requested } else { "" });
        let mut refusal =
            Self::new(UNSUPPORTED_VERSION, "unsupported_version", "Unsupported protocol version");
        refusal.data = Some(Value::Object(data));
        refusal
    }

    /// A text that the strict reader refused.
    ///
    /// Not JSON: `-32700`. JSON that is refused: `-32602` inside `params`, `-32600` elsewhere; what
    /// is too deep or too much is `-32602` wherever it stands.
    pub(crate) fn unreadable(error: &ReadError) -> Self {
        let fault = error.fault();
        let steps = error.way().count();
        let in_params = matches!(error.way().next(), Some(Step::Member(name)) if name == "params");
        let code = match fault {
            fault if fault.is_syntax() => PARSE_ERROR,
            Fault::TrailingData => PARSE_ERROR,
            Fault::TooDeep | Fault::TooManyMembers => INVALID_PARAMS,
            // The name `params` itself standing twice is a fault of the envelope.
            _ if in_params && steps > 1 => INVALID_PARAMS,
            _ => INVALID_REQUEST,
        };
        Self::new(code, fault.code(), format!("{error}, in {}", place(error)))
    }

    /// The same refusal for the message with this id.
    #[must_use]
    pub fn for_id(mut self, id: &Id) -> Self {
        self.id = Some(id.clone());
        self
    }

    /// The JSON-RPC error to answer with.
    pub fn reply(&self) -> Vec<u8> {
        reply::error(self.id.as_ref(), self.code, &self.text, self.data.as_ref())
    }
}

/// Member names that the protocol defines on the way to an agent's own data. Only these are
/// repeated in a refusal: a secret may stand in a member name as well as in a value.
const PROTOCOL_NAMES: &[&str] = &[
    "jsonrpc",
    "id",
    "method",
    "params",
    "result",
    "error",
    "name",
    "arguments",
    "_meta",
    "inputResponses",
    "requestState",
    "uri",
    "cursor",
    "capabilities",
    "clientInfo",
    "protocolVersion",
    "notifications",
    "ref",
    "argument",
    "context",
    "progressToken",
];

/// The way to a fault, as a JSON Pointer that ends where the agent's own names begin.
fn place(error: &ReadError) -> String {
    let mut pointer = String::new();
    for step in error.way() {
        match step {
            Step::Member(name) if PROTOCOL_NAMES.contains(&name.as_str()) => {
                json::pointer::push(&mut pointer, name);
            }
            Step::Index(index) => json::pointer::push(&mut pointer, &index.to_string()),
            Step::Member(_) => {
                pointer.push_str("/…");
                break;
            }
        }
    }
    if pointer.is_empty() { "the message".to_owned() } else { pointer }
}
