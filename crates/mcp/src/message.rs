//! One JSON-RPC message of an agent: read strictly, and written again from what was read.

use std::fmt;

use json::{Fault, Kind, Limits, Object, ReadError, Reader, Step, Value};

use crate::malformed::Malformed;
use crate::method::Method;

/// The most bytes of an id that is a string.
pub const ID_BYTES_MAX: usize = 128;

/// A JSON-RPC id: an integer or a string, never null.
///
/// - **Shape**: the spelling of an integer that the reader lets through follows from its value, so
///   what is written is what was read; `1` and `"1"` are different ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// An integer within ±(2^53−1).
    Number(i64),
    /// A string of at most [`ID_BYTES_MAX`] bytes, decoded.
    String(String),
}

impl Id {
    /// The id that a JSON value stands for, if it may be one.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) if number.is_integer() => {
                number.text().parse().ok().map(Self::Number)
            }
            Value::String(text) if text.len() <= ID_BYTES_MAX => Some(Self::String(text.clone())),
            _ => None,
        }
    }

    /// The id as a JSON value.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => Value::from(*number),
            Self::String(text) => Value::from(text.as_str()),
        }
    }

    /// Appends the id as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::String(text) => json::write_string(text, out),
        }
    }

    /// The id as JSON bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

impl From<i64> for Id {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A method with an id: it gets an answer.
    Request(Request),
    /// A method without an id.
    Notification(Notification),
    /// An answer to something an upstream asked (legacy era).
    Response(Response),
}

/// A request.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// Its id.
    pub id: Id,
    /// Its method.
    pub method: Method,
    /// Its params; missing stays missing.
    pub params: Option<Object>,
}

/// A notification.
#[derive(Clone, PartialEq)]
pub struct Notification {
    /// Its method.
    pub method: Method,
    /// Its params; missing stays missing.
    pub params: Option<Object>,
}

/// An agent's answer to a request of an upstream.
#[derive(Clone, PartialEq)]
pub struct Response {
    /// The id of that request.
    pub id: Id,
    /// What the agent answers.
    pub outcome: Outcome,
}

/// What a [`Response`] says.
#[derive(Clone, PartialEq)]
pub enum Outcome {
    /// `result`
    Result(Object),
    /// `error`: an object with an integer `code` and a string `message`.
    Error(Object),
}

// What an agent sends is never printed: only what kind of message it is.

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?}, [redacted])", self.method.kind())
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notification({:?}, [redacted])", self.method.kind())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({:?})", self.outcome)
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Result(_) => "Result([redacted])",
            Self::Error(_) => "Error([redacted])",
        })
    }
}

/// Reads one message.
///
/// - **Shape**: one object and nothing behind it, I-JSON throughout, with exactly the members of a
///   request, a notification or a response; the params of a known method have no member the
///   protocol does not define.
/// - **Errors**: the first fault of the text; if the text is sound, the first fault of the envelope.
pub fn read(body: &[u8]) -> Result<Message, Malformed> {
    match envelope(body) {
        Ok(envelope) => envelope.message(),
        Err(error) => {
            let mut refusal = Malformed::unreadable(&error);
            refusal.id = id_of_refused(body, &error);
            Err(refusal)
        }
    }
}

/// What stands in the object, before it is known to be a message.
#[derive(Default)]
struct Envelope {
    /// Set when the text is no object.
    not_an_object: Option<Kind>,
    unknown_at: Option<usize>,
    jsonrpc: Option<Value>,
    id: Option<Value>,
    method: Option<Value>,
    params: Option<Value>,
    result: Option<Value>,
    error: Option<Value>,
}

/// Reads the whole text first: a text that is not sound is refused as such, whatever it says.
fn envelope(body: &[u8]) -> Result<Envelope, ReadError> {
    let mut reader = Reader::new(body, Limits::REQUEST)?;
    let mut envelope = Envelope::default();
    let kind = reader.peek()?;
    if kind == Kind::Object {
        reader.object(|reader, name| {
            let place = match name {
                "jsonrpc" => &mut envelope.jsonrpc,
                "id" => &mut envelope.id,
                "method" => &mut envelope.method,
                "params" => &mut envelope.params,
                "result" => &mut envelope.result,
                "error" => &mut envelope.error,
                _ => {
                    let at = reader.skip()?.start;
                    envelope.unknown_at.get_or_insert(at);
                    return Ok(());
                }
            };
            *place = Some(reader.value()?);
            Ok(())
        })?;
    } else {
        reader.skip()?;
        envelope.not_an_object = Some(kind);
    }
    reader.end()?;
    Ok(envelope)
}

impl Envelope {
    fn message(self) -> Result<Message, Malformed> {
        match self.not_an_object {
            Some(Kind::Array) => {
                return Err(Malformed::envelope("batch", "a batch is not accepted"));
            }
            Some(_) => {
                return Err(Malformed::envelope("not_an_object", "the message is not an object"));
            }
            None => {}
        }
        let id = self.id.as_ref().map(Id::of);
        let known_id = id.clone().flatten();
        self.checked(id).map_err(|mut refusal| {
            refusal.id = known_id;
            refusal
        })
    }

    /// `id` is the id's member, and in it the id if it may be one.
    fn checked(self, id: Option<Option<Id>>) -> Result<Message, Malformed> {
        if let Some(at) = self.unknown_at {
            let text = format!("the message has a member JSON-RPC does not define (at byte {at})");
            return Err(Malformed::envelope("unknown_member", text));
        }
        if self.jsonrpc.as_ref().and_then(Value::as_str) != Some("2.0") {
            return Err(Malformed::envelope("bad_jsonrpc", "`jsonrpc` is not \"2.0\""));
        }
        if id == Some(None) {
            let text = format!(
                "`id` is neither an integer within ±(2^53−1) nor a string of at most {ID_BYTES_MAX} bytes"
            );
            return Err(Malformed::envelope("bad_id", text));
        }
        let id = id.flatten();
        let answers = usize::from(self.result.is_some()) + usize::from(self.error.is_some());
        match (self.method, answers) {
            (Some(method), 0) => called(id, &method, self.params),
            (None, 1) if self.params.is_none() => answered(id, self.result, self.error),
            (None, 0) => Err(Malformed::envelope("bad_method", "`method` is missing")),
            _ => Err(Malformed::envelope(
                "mixed_message",
                "the message is a request and a response at once, or two responses",
            )),
        }
    }
}

/// A request or a notification.
fn called(id: Option<Id>, method: &Value, params: Option<Value>) -> Result<Message, Malformed> {
    let Some(name) = method.as_str() else {
        return Err(Malformed::envelope("bad_method", "`method` is not a string"));
    };
    let params = match params {
        None => None,
        Some(Value::Object(params)) => Some(params),
        Some(_) => return Err(Malformed::params("bad_params", "`params` is not an object")),
    };
    let method = Method::parse(name);
    if let (Some(allowed), Some(params)) = (method.members(), &params)
        && params.names().any(|name| !allowed.contains(&name))
    {
        let text = format!("`params` has a member that {method} does not define");
        return Err(Malformed::params("unknown_member", text));
    }
    if params.as_ref().and_then(|p| p.get("_meta")).is_some_and(|meta| meta.as_object().is_none()) {
        return Err(Malformed::params("bad_meta", "`_meta` is not an object"));
    }
    let unknown = matches!(method, Method::Unknown(_));
    match id {
        Some(_) if method.is_notification() && !unknown => {
            Err(Malformed::envelope("unexpected_id", "a notification has no `id`"))
        }
        Some(id) => Ok(Message::Request(Request { id, method, params })),
        None if !method.is_notification() && !unknown => {
            Err(Malformed::envelope("missing_id", "the request has no `id`"))
        }
        None => Ok(Message::Notification(Notification { method, params })),
    }
}

fn answered(
    id: Option<Id>,
    result: Option<Value>,
    error: Option<Value>,
) -> Result<Message, Malformed> {
    let Some(id) = id else {
        return Err(Malformed::envelope("missing_id", "the response has no `id`"));
    };
    let outcome = match (result, error) {
        (Some(Value::Object(result)), None) => Outcome::Result(result),
        (None, Some(Value::Object(error))) if is_error(&error) => Outcome::Error(error),
        _ => return Err(Malformed::envelope("bad_response", "the response has no usable outcome")),
    };
    Ok(Message::Response(Response { id, outcome }))
}

fn is_error(error: &Object) -> bool {
    let code = error.get("code").and_then(Value::as_number);
    code.is_some_and(json::Number::is_integer)
        && error.get("message").is_some_and(|message| message.as_str().is_some())
        && error.names().all(|name| matches!(name, "code" | "message" | "data"))
}

/// The id of a message whose text is sound but for something that readers take differently. The
/// agent can then match the refusal with its request. `None` where the id is in doubt.
fn id_of_refused(body: &[u8], error: &ReadError) -> Option<Id> {
    if !matches!(
        error.fault(),
        Fault::KeyCollision
            | Fault::ControlCharacterInKey
            | Fault::Noncharacter
            | Fault::TooManyMembers
            | Fault::NameTooLong
            | Fault::NumberTooLong
            | Fault::NumberOutOfRange
            | Fault::NumberNotExact
            | Fault::NegativeZero
    ) {
        return None;
    }
    let in_params = matches!(error.way().next(), Some(Step::Member(name)) if name == "params");
    if !in_params || error.way().count() < 2 {
        return None;
    }
    let mut reader = Reader::new(body, Limits { exact: false, ..Limits::ANSWER }).ok()?;
    let mut id = None;
    reader
        .object(|reader, name| {
            if name == "id" {
                let range = reader.skip()?;
                id = json::read(reader.slice(range), Limits::REQUEST).ok().and_then(|v| Id::of(&v));
                Ok(())
            } else {
                reader.pass()
            }
        })
        .ok()?;
    reader.end().ok()?;
    id
}

impl Message {
    /// The id, of a request or a response.
    pub fn id(&self) -> Option<&Id> {
        match self {
            Self::Request(request) => Some(&request.id),
            Self::Notification(_) => None,
            Self::Response(response) => Some(&response.id),
        }
    }

    /// The method, of a request or a notification.
    pub fn method(&self) -> Option<&Method> {
        match self {
            Self::Request(request) => Some(&request.method),
            Self::Notification(notification) => Some(&notification.method),
            Self::Response(_) => None,
        }
    }

    /// The params, of a request or a notification.
    pub fn params(&self) -> Option<&Object> {
        match self {
            Self::Request(request) => request.params.as_ref(),
            Self::Notification(notification) => notification.params.as_ref(),
            Self::Response(_) => None,
        }
    }

    /// The params' `_meta`.
    pub fn meta(&self) -> Option<&Object> {
        self.params()?.get("_meta")?.as_object()
    }

    /// The bytes to forward, written from what was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Notification(notification) => notification.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl Request {
    /// The bytes to forward, written from what was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        write_call(Some(&self.id), &self.method, self.params.as_ref())
    }
}

impl Notification {
    /// The bytes to forward, written from what was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        write_call(None, &self.method, self.params.as_ref())
    }
}

impl Response {
    /// The bytes to forward, written from what was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = open(Some(&self.id));
        let (name, object) = match &self.outcome {
            Outcome::Result(result) => ("result", result),
            Outcome::Error(error) => ("error", error),
        };
        member(name, &mut out);
        write_object(object, &mut out);
        out.push(b'}');
        out
    }
}

/// `{"jsonrpc":"2.0"` and the id.
pub(crate) fn open(id: Option<&Id>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(br#"{"jsonrpc":"2.0""#);
    if let Some(id) = id {
        member("id", &mut out);
        id.write(&mut out);
    }
    out
}

/// A further member's name.
pub(crate) fn member(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    json::write_string(name, out);
    out.push(b':');
}

/// An object, written as a value would be.
pub(crate) fn write_object(object: &Object, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, value)) in object.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::write_string(name, out);
        out.push(b':');
        json::write(value, out);
    }
    out.push(b'}');
}

fn write_call(id: Option<&Id>, method: &Method, params: Option<&Object>) -> Vec<u8> {
    let mut out = open(id);
    member("method", &mut out);
    json::write_string(method.as_str(), &mut out);
    if let Some(params) = params {
        member("params", &mut out);
        write_object(params, &mut out);
    }
    out.push(b'}');
    out
}
