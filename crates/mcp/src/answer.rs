//! What an upstream sends: checked as strictly as what an agent sends, but passed as it came.
//!
//! Nothing here builds a value of an answer. It says where the parts stand, and [`splice`] replaces
//! some of them, so that an answer costs one look and no rebuilding.

use std::ops::Range;

use json::{Kind, Limits, ReadError, Reader};

use crate::lists::ListKind;
use crate::message::{ID_BYTES_MAX, Id};
use crate::meta;
use crate::method::Method;

/// The most requests for input that one answer may carry.
pub const INPUT_REQUESTS_MAX: usize = 64;

/// Why a message of an upstream is not passed.
///
/// - **Shape**: a stable reason for the call log, and the byte offset where there is one.
/// - **Errors**: never holds anything the upstream sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's answer is not usable: {reason}")]
pub struct BadAnswer {
    /// The stable name: `duplicate_key`, `foreign_id`, `both_result_and_error`, …
    pub reason: &'static str,
    /// The byte offset where it was noticed.
    pub at: Option<usize>,
}

impl BadAnswer {
    pub(crate) const fn new(reason: &'static str) -> Self {
        Self { reason, at: None }
    }
}

impl From<ReadError> for BadAnswer {
    fn from(error: ReadError) -> Self {
        Self { reason: error.fault().code(), at: Some(error.at()) }
    }
}

/// What became of a request, as far as the answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A result.
    Completed,
    /// A result that is marked as an error of the tool.
    ToolFailed,
    /// A JSON-RPC error.
    RpcError {
        /// Its code.
        code: i64,
    },
    /// A leg of a multi-round-trip request: the upstream wants input first.
    InputRequired,
}

/// An answer: what it says, and where its parts stand in the bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What became of the request.
    pub class: Class,
    /// The id. `None` for an error that names none (or `null`), because it read no request.
    pub id: Option<Id>,
    /// Where the id stands, `null` included; `None` if the member is missing.
    pub id_span: Option<Range<usize>>,
    /// Where the result stands, if this is one.
    pub result_span: Option<Range<usize>>,
    /// Where the error stands, if this is one.
    pub error_span: Option<Range<usize>>,
    /// The state to hand back on the next leg, decoded.
    pub request_state: Option<String>,
    /// Where that state stands, quotes included.
    pub request_state_span: Option<Range<usize>>,
    /// The methods the upstream asks the agent to carry out before the next leg.
    pub input_requests: Vec<Method>,
    /// The lists that stand in the result; whatever request they answer, they must be filtered.
    pub lists: Vec<ListKind>,
}

/// A message of an upstream.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// An answer.
    Answer(Answer),
    /// A request to the agent (legacy era).
    Request {
        /// Its id.
        id: Id,
        /// Where the id stands.
        id_span: Range<usize>,
        /// What it asks for.
        method: Method,
        /// Where its params stand.
        params_span: Option<Range<usize>>,
    },
    /// A notification.
    Notification {
        /// What it says.
        method: Method,
        /// Where its params stand.
        params_span: Option<Range<usize>>,
        /// The members that belong to somebody and may have to be replaced.
        refers: Refers,
    },
}

/// What a notification refers to, each with its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refers {
    /// `progressToken`
    pub progress_token: Option<(Id, Range<usize>)>,
    /// Where the number `progress` stands.
    pub progress_span: Option<Range<usize>>,
    /// `requestId`
    pub request_id: Option<(Id, Range<usize>)>,
    /// `uri`
    pub uri: Option<(String, Range<usize>)>,
    /// `_meta`'s subscription id
    pub subscription: Option<(Id, Range<usize>)>,
}

/// Reads an answer to the request with that id.
///
/// - **Errors**: not one strict JSON text; not a response; both result and error; an id that is not
///   the expected one (an error without an id is taken as ours: the upstream could not read it).
pub fn scan(bytes: &[u8], expected: &Id) -> Result<Answer, BadAnswer> {
    match incoming(bytes)? {
        Incoming::Answer(answer) => match (&answer.id, answer.class) {
            (Some(id), _) if id == expected => Ok(answer),
            (None, Class::RpcError { .. }) => Ok(answer),
            _ => Err(BadAnswer { reason: "foreign_id", at: answer.id_span.map(|span| span.start) }),
        },
        _ => Err(BadAnswer::new("not_a_response")),
    }
}

/// Reads any message of an upstream.
///
/// - **Errors**: as [`scan`], the id aside.
pub fn incoming(bytes: &[u8]) -> Result<Incoming, BadAnswer> {
    let mut reader = Reader::new(bytes, Limits::ANSWER)?;
    if reader.peek()? != Kind::Object {
        reader.skip()?;
        return Err(BadAnswer::new("not_an_object"));
    }
    let mut parts = Parts::default();
    reader.object(|reader, name| parts.member(reader, name))?;
    reader.end()?;
    parts.message()
}

/// What stands in the object, before it is known to be a message.
#[derive(Default)]
struct Parts {
    /// The first thing that is wrong although the text is sound.
    wrong: Option<&'static str>,
    version: bool,
    id: Option<(Option<Id>, Range<usize>)>,
    method: Option<Method>,
    params: Option<Range<usize>>,
    refers: Refers,
    result: Option<Range<usize>>,
    error: Option<Range<usize>>,
    code: Option<i64>,
    told: bool,
    failed: bool,
    result_type: Option<String>,
    task: bool,
    content: bool,
    state: Option<(String, Range<usize>)>,
    input_requests: Option<Vec<Method>>,
    lists: Vec<ListKind>,
}

impl Parts {
    fn member(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<(), ReadError> {
        match name {
            "jsonrpc" => {
                self.version = text(reader)?.is_some_and(|(version, _)| version == "2.0");
                if !self.version {
                    self.wrong("bad_jsonrpc");
                }
            }
            "id" => self.id = Some(self.id(reader)?),
            "method" => match text(reader)? {
                Some((name, _)) => self.method = Some(Method::parse(&name)),
                None => self.wrong("bad_method"),
            },
            "params" => self.params(reader)?,
            "result" => self.result(reader)?,
            "error" => self.error(reader)?,
            _ => {
                reader.skip()?;
                self.wrong("unknown_member");
            }
        }
        Ok(())
    }

    fn wrong(&mut self, reason: &'static str) {
        self.wrong.get_or_insert(reason);
    }

    fn id(&mut self, reader: &mut Reader<'_>) -> Result<(Option<Id>, Range<usize>), ReadError> {
        if reader.peek()? == Kind::Null {
            return Ok((None, reader.skip()?));
        }
        let (id, span) = id_value(reader)?;
        if id.is_none() {
            self.wrong("bad_id");
        }
        Ok((id, span))
    }

    fn params(&mut self, reader: &mut Reader<'_>) -> Result<(), ReadError> {
        let start = reader.offset();
        if reader.peek()? != Kind::Object {
            self.wrong("bad_params");
            return reader.pass();
        }
        let refers = &mut self.refers;
        reader.object(|reader, name| {
            match name {
                "progressToken" => refers.progress_token = known(id_value(reader)?),
                "requestId" => refers.request_id = known(id_value(reader)?),
                "progress" => refers.progress_span = Some(reader.skip()?),
                "uri" => refers.uri = text(reader)?,
                "_meta" if reader.peek()? == Kind::Object => reader.object(|reader, name| {
                    if name == meta::SUBSCRIPTION_ID {
                        refers.subscription = known(id_value(reader)?);
                        Ok(())
                    } else {
                        reader.pass()
                    }
                })?,
                _ => reader.pass()?,
            }
            Ok(())
        })?;
        self.params = Some(start..reader.position());
        Ok(())
    }

    fn result(&mut self, reader: &mut Reader<'_>) -> Result<(), ReadError> {
        let start = reader.offset();
        if reader.peek()? != Kind::Object {
            self.wrong("bad_result");
            return reader.pass();
        }
        reader.object(|reader, name| {
            let kind = reader.peek()?;
            match name {
                "isError" if kind == Kind::Bool => self.failed = reader.boolean()?,
                "resultType" if kind == Kind::String => {
                    self.result_type = Some(reader.string()?.into_owned());
                }
                "requestState" if kind == Kind::String => self.state = text(reader)?,
                "isError" | "resultType" | "requestState" => {
                    reader.skip()?;
                    self.wrong("bad_result");
                }
                "inputRequests" => self.input_requests(reader)?,
                "_meta" if kind == Kind::Object => reader.object(|reader, name| {
                    // Nobody speaks in our name.
                    if name.starts_with(meta::OWN_PREFIX) {
                        self.wrong("reserved_meta");
                    }
                    reader.pass()
                })?,
                name => {
                    self.task |= name == "task" && kind == Kind::Object;
                    self.content |= name == "content";
                    match ListKind::of_member(name) {
                        Some(list) => self.lists.push(list),
                        // To a reader that knows no case this would be a list, and unfiltered.
                        None if ListKind::is_alike(name) => self.wrong("bad_result"),
                        None => {}
                    }
                    reader.skip()?;
                }
            }
            Ok(())
        })?;
        self.result = Some(start..reader.position());
        Ok(())
    }

    fn input_requests(&mut self, reader: &mut Reader<'_>) -> Result<(), ReadError> {
        let mut methods = Vec::new();
        let mut sound = reader.peek()? == Kind::Object;
        if !sound {
            reader.skip()?;
        } else {
            reader.object(|reader, _| {
                let mut method = None;
                if reader.peek()? != Kind::Object {
                    sound = false;
                    return reader.pass();
                }
                reader.object(|reader, name| {
                    if name == "method" {
                        method = text(reader)?.map(|(name, _)| Method::parse(&name));
                        Ok(())
                    } else {
                        reader.pass()
                    }
                })?;
                match method {
                    Some(method) if methods.len() < INPUT_REQUESTS_MAX => methods.push(method),
                    _ => sound = false,
                }
                Ok(())
            })?;
        }
        if !sound {
            self.wrong("bad_input_requests");
        }
        self.input_requests = Some(methods);
        Ok(())
    }

    fn error(&mut self, reader: &mut Reader<'_>) -> Result<(), ReadError> {
        let start = reader.offset();
        if reader.peek()? != Kind::Object {
            self.wrong("bad_error");
            return reader.pass();
        }
        reader.object(|reader, name| {
            let kind = reader.peek()?;
            match name {
                "code" if kind == Kind::Number => {
                    let span = reader.skip()?;
                    let code = std::str::from_utf8(reader.slice(span)).ok();
                    self.code = code.and_then(|code| code.parse().ok());
                }
                "message" if kind == Kind::String => {
                    reader.skip()?;
                    self.told = true;
                }
                _ => reader.pass()?,
            }
            Ok(())
        })?;
        self.error = Some(start..reader.position());
        Ok(())
    }

    fn message(mut self) -> Result<Incoming, BadAnswer> {
        // What stands twice over is named first: it is the older trick.
        if self.result.is_some() && self.error.is_some() {
            return Err(BadAnswer::new("both_result_and_error"));
        }
        if self.method.is_some() && (self.result.is_some() || self.error.is_some()) {
            return Err(BadAnswer::new("mixed_message"));
        }
        if let Some(reason) = self.wrong {
            return Err(BadAnswer::new(reason));
        }
        if !self.version {
            return Err(BadAnswer::new("bad_jsonrpc"));
        }
        match self.method.take() {
            Some(method) => self.called(method),
            None if self.params.is_some() => Err(BadAnswer::new("bad_method")),
            None => self.answered().map(Incoming::Answer),
        }
    }

    fn called(self, method: Method) -> Result<Incoming, BadAnswer> {
        let params_span = self.params;
        match self.id {
            None => Ok(Incoming::Notification { method, params_span, refers: self.refers }),
            Some((Some(id), id_span)) => Ok(Incoming::Request { id, id_span, method, params_span }),
            Some((None, _)) => Err(BadAnswer::new("bad_id")),
        }
    }

    fn answered(self) -> Result<Answer, BadAnswer> {
        let class = match (&self.result, &self.error) {
            (Some(_), None) => self.result_class()?,
            (None, Some(_)) => match self.code {
                Some(code) if self.told => Class::RpcError { code },
                _ => return Err(BadAnswer::new("bad_error")),
            },
            _ => return Err(BadAnswer::new("not_a_message")),
        };
        let (id, id_span) = match self.id {
            Some((id, span)) => (id, Some(span)),
            None => (None, None),
        };
        if id.is_none() && self.error.is_none() {
            return Err(BadAnswer::new("bad_id"));
        }
        let (request_state, request_state_span) = self.state.unzip();
        Ok(Answer {
            class,
            id,
            id_span,
            result_span: self.result,
            error_span: self.error,
            request_state,
            request_state_span,
            input_requests: self.input_requests.unwrap_or_default(),
            lists: self.lists,
        })
    }

    fn result_class(&self) -> Result<Class, BadAnswer> {
        match self.result_type.as_deref() {
            Some("input_required") if self.state.is_some() || self.input_requests.is_some() => {
                Ok(Class::InputRequired)
            }
            Some("input_required") => Err(BadAnswer::new("bad_input_requests")),
            // Tasks are stripped in both directions, so nobody asked for one.
            None if self.task && !self.content => Err(BadAnswer::new("unexpected_task")),
            None | Some("complete") if self.failed => Ok(Class::ToolFailed),
            None | Some("complete") => Ok(Class::Completed),
            Some("task") => Err(BadAnswer::new("unexpected_task")),
            Some(_) => Err(BadAnswer::new("unknown_result_type")),
        }
    }
}

/// A string with its place, or `None` (passed over) if it is something else.
fn text(reader: &mut Reader<'_>) -> Result<Option<(String, Range<usize>)>, ReadError> {
    let start = reader.offset();
    if reader.peek()? != Kind::String {
        return reader.skip().map(|_| None);
    }
    let text = reader.string()?.into_owned();
    Ok(Some((text, start..reader.position())))
}

/// An id with its place; `None` inside if it is none. A whole number in another spelling
/// (`1.0`, `1e0`) is the same id: some upstreams keep numbers as floats.
fn id_value(reader: &mut Reader<'_>) -> Result<(Option<Id>, Range<usize>), ReadError> {
    match reader.peek()? {
        Kind::String => {
            let found = text(reader)?;
            let (text, span) = found.unwrap_or_default();
            Ok(((text.len() <= ID_BYTES_MAX).then_some(Id::String(text)), span))
        }
        _ => {
            let span = reader.skip()?;
            let value = json::read(reader.slice(span.clone()), Limits::REQUEST).ok();
            let number = value.as_ref().and_then(json::Value::as_number).map(json::Number::value);
            let whole = number.filter(|number| number.is_whole());
            Ok((whole.and_then(|number| number.to_string().parse().ok()).map(Id::Number), span))
        }
    }
}

fn known((id, span): (Option<Id>, Range<usize>)) -> Option<(Id, Range<usize>)> {
    id.map(|id| (id, span))
}

impl Answer {
    /// The bytes with the id replaced; an error without an id gets one.
    pub fn with_id(&self, bytes: &[u8], id: &Id) -> Vec<u8> {
        self.rewritten(bytes, id, None, None)
    }

    /// The bytes with the id replaced, and the result and the request state where given.
    ///
    /// - **Shape**: `result` stands for the whole result, the state in it included, so a
    ///   `request_state` beside it is not used.
    pub fn rewritten(
        &self,
        bytes: &[u8],
        id: &Id,
        request_state: Option<&str>,
        result: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut edits: Vec<(Range<usize>, Vec<u8>)> = Vec::with_capacity(3);
        match &self.id_span {
            Some(span) => edits.push((span.clone(), id.to_json())),
            None => {
                let start = bytes.iter().position(|b| *b == b'{').map_or(0, |at| at + 1);
                let mut member = br#""id":"#.to_vec();
                id.write(&mut member);
                member.push(b',');
                edits.push((start..start, member));
            }
        }
        match (result, &self.result_span, request_state, &self.request_state_span) {
            (Some(result), Some(span), _, _) => edits.push((span.clone(), result.to_vec())),
            (None, _, Some(state), Some(span)) => {
                let mut text = Vec::with_capacity(state.len() + 2);
                json::write_string(state, &mut text);
                edits.push((span.clone(), text));
            }
            _ => {}
        }
        splice(bytes, &mut edits)
    }
}

/// The bytes with each range replaced.
///
/// - **Errors**: ranges that overlap or lie outside make the whole empty: rather nothing is passed
///   than something that should have been replaced.
pub fn splice(bytes: &[u8], edits: &mut [(Range<usize>, Vec<u8>)]) -> Vec<u8> {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let grown: usize = edits.iter().map(|(_, with)| with.len()).sum();
    let mut out = Vec::with_capacity(bytes.len() + grown);
    let mut at = 0;
    for (range, with) in edits.iter() {
        let before = bytes.get(at..range.start);
        let (Some(before), Some(_)) = (before, bytes.get(range.clone())) else {
            return Vec::new();
        };
        out.extend_from_slice(before);
        out.extend_from_slice(with);
        at = range.end;
    }
    out.extend_from_slice(bytes.get(at..).unwrap_or_default());
    out
}
