//! What a request asks for: a tool call with its parts, or the resource, prompt or page named.

use std::fmt;

use json::{Object, Value};

use crate::malformed::Malformed;
use crate::message::{self, Id, Request};
use crate::meta;
use crate::method::Method;
use crate::version::Era;

/// The most characters of a tool's name.
pub const TOOL_NAME_CHARS_MAX: usize = 128;
/// The most bytes of a progress token that is a string.
pub const PROGRESS_TOKEN_BYTES_MAX: usize = 256;
/// The most bytes of a resource's URI, a prompt's name or a cursor.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// The most bytes of a request state: what we hand out, wrapped, and room to spare.
pub const REQUEST_STATE_BYTES_MAX: usize = 256 * 1024;

/// A tool call, taken apart.
///
/// - **Shape**: every member that `params` had; written again by [`Call::to_bytes`], the protocol's
///   members in a fixed order, the agent's own in theirs.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// The tool's name, within the grammar of names.
    pub name: String,
    /// The arguments; missing stays missing.
    pub arguments: Option<Object>,
    /// `_meta`.
    pub meta: Option<Object>,
    /// The token in `_meta`, under which progress is reported.
    pub progress_token: Option<Id>,
    /// Answers to what an earlier leg asked (modern era).
    pub input_responses: Option<Value>,
    /// The state an earlier leg handed out (modern era). It is the agent's word until unwrapped.
    pub request_state: Option<String>,
    /// Whether `task` was there and was taken out (legacy era): tasks are not offered.
    pub task_stripped: bool,
}

/// Takes the params of a `tools/call` apart.
///
/// - **Errors**: always in `params`: a member that is not defined in that era, a name outside the
///   grammar (`bad_tool_name`), arguments that are no object, a bad progress token.
pub fn tools_call(params: Option<Object>, era: Era) -> Result<Call, Malformed> {
    let Some(mut params) = params else {
        return Err(Malformed::params("bad_params", "tools/call needs `params`"));
    };
    let task_stripped = era == Era::Legacy && params.remove("task").is_some();
    only(&params, era, &Method::ToolsCall)?;
    let name = match params.remove("name") {
        Some(Value::String(name)) if is_tool_name(&name) => name,
        Some(Value::String(_)) => {
            let text = format!(
                "`name` is not a tool name: 1 to {TOOL_NAME_CHARS_MAX} of A-Z a-z 0-9 _ - . /"
            );
            return Err(Malformed::params("bad_tool_name", text));
        }
        Some(_) => return Err(Malformed::params("bad_tool_name", "`name` is not a string")),
        None => return Err(Malformed::params("bad_tool_name", "`name` is missing")),
    };
    let arguments = object(params.remove("arguments"), "bad_arguments", "arguments")?;
    let meta = object(params.remove("_meta"), "bad_meta", "_meta")?;
    let progress_token = progress_token(meta.as_ref())?;
    let (input_responses, request_state) = leg(&mut params)?;
    Ok(Call {
        name,
        arguments,
        meta,
        progress_token,
        input_responses,
        request_state,
        task_stripped,
    })
}

/// Whether a name may be a tool's.
///
/// - **Shape**: 1 to 128 of the characters the protocol allows in tool names, and `/`, which servers
///   that group their tools use; no segment between slashes is empty, `.` or `..`.
pub fn is_tool_name(name: &str) -> bool {
    (1..=TOOL_NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b))
        && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

impl fmt::Debug for Call {
    /// What an agent sends is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call([redacted])")
    }
}

impl Call {
    /// Whether this continues an earlier leg. The agent may claim so; nothing follows from it alone.
    pub fn is_continuation(&self) -> bool {
        self.input_responses.is_some() || self.request_state.is_some()
    }

    /// Reports progress under this token from here on; without one, asks for none.
    pub fn set_progress_token(&mut self, token: Option<Id>) {
        match &token {
            Some(token) => {
                let meta = self.meta.get_or_insert_with(Object::new);
                meta.insert(meta::PROGRESS_TOKEN, token.to_value());
            }
            None => {
                if let Some(meta) = &mut self.meta {
                    meta.remove(meta::PROGRESS_TOKEN);
                }
            }
        }
        self.progress_token = token;
    }

    /// The bytes to forward under that id, written from what was judged.
    pub fn to_bytes(&self, id: &Id) -> Vec<u8> {
        let mut out = message::open(Some(id));
        message::member("method", &mut out);
        json::write_string(Method::ToolsCall.as_str(), &mut out);
        message::member("params", &mut out);
        out.extend_from_slice(br#"{"name":"#);
        json::write_string(&self.name, &mut out);
        if let Some(arguments) = &self.arguments {
            message::member("arguments", &mut out);
            message::write_object(arguments, &mut out);
        }
        if let Some(responses) = &self.input_responses {
            message::member("inputResponses", &mut out);
            json::write(responses, &mut out);
        }
        if let Some(state) = &self.request_state {
            message::member("requestState", &mut out);
            json::write_string(state, &mut out);
        }
        if let Some(meta) = &self.meta {
            message::member("_meta", &mut out);
            message::write_object(meta, &mut out);
        }
        out.extend_from_slice(b"}}");
        out
    }
}

/// What a request other than a tool call names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource by its URI: read, subscribe, unsubscribe.
    Resource(String),
    /// A prompt by its name.
    Prompt(String),
    /// Completion of an argument of a prompt.
    CompletePrompt(String),
    /// Completion of a variable of a resource template.
    CompleteResource(String),
    /// A page of a list; `None` asks for the first.
    Page {
        /// The cursor, as the agent gave it.
        cursor: Option<String>,
    },
    /// The method names nothing.
    Nothing,
}

/// What a request names, with the shape of everything that policy reads checked.
///
/// - **Errors**: in `params`: what must be named is missing or not a string, or a member of the
///   modern era stands in a legacy request.
pub fn target(request: &Request, era: Era) -> Result<Target, Malformed> {
    let params = request.params.as_ref();
    if let Some(params) = params {
        only(params, era, &request.method)?;
        progress_token(params.get("_meta").and_then(Value::as_object))?;
    }
    match &request.method {
        Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => {
            text(params, "uri").map(Target::Resource)
        }
        Method::PromptsGet => {
            let arguments = params.and_then(|params| params.get("arguments"));
            if arguments.is_some_and(|arguments| arguments.as_object().is_none()) {
                return Err(Malformed::params("bad_arguments", "`arguments` is not an object"));
            }
            text(params, "name").map(Target::Prompt)
        }
        Method::Complete => completion(params),
        Method::ToolsList
        | Method::ResourcesList
        | Method::ResourceTemplatesList
        | Method::PromptsList => match params.and_then(|params| params.get("cursor")) {
            None => Ok(Target::Page { cursor: None }),
            Some(Value::String(cursor)) if cursor.len() <= TARGET_BYTES_MAX => {
                Ok(Target::Page { cursor: Some(cursor.clone()) })
            }
            Some(_) => Err(Malformed::params("bad_cursor", "`cursor` is not a cursor")),
        },
        _ => Ok(Target::Nothing),
    }
}

fn completion(params: Option<&Object>) -> Result<Target, Malformed> {
    let bad = || Malformed::params("bad_ref", "`ref` names neither a prompt nor a resource");
    let reference = params.and_then(|p| p.get("ref")).and_then(Value::as_object).ok_or_else(bad)?;
    let of = |allowed: &[&str]| reference.names().all(|name| allowed.contains(&name));
    match reference.get("type").and_then(Value::as_str) {
        Some("ref/prompt") if of(&["type", "name", "title"]) => {
            text(Some(reference), "name").map(Target::CompletePrompt)
        }
        Some("ref/resource") if of(&["type", "uri"]) => {
            text(Some(reference), "uri").map(Target::CompleteResource)
        }
        _ => Err(bad()),
    }
}

/// A string that must be there.
fn text(params: Option<&Object>, name: &'static str) -> Result<String, Malformed> {
    match params.and_then(|params| params.get(name)) {
        Some(Value::String(text)) if !text.is_empty() && text.len() <= TARGET_BYTES_MAX => {
            Ok(text.clone())
        }
        Some(_) => Err(Malformed::params("bad_target", format!("`{name}` is not usable"))),
        None => Err(Malformed::params("bad_target", format!("`{name}` is missing"))),
    }
}

/// An object, or nothing. `null` is not nothing.
fn object(
    value: Option<Value>,
    reason: &'static str,
    name: &str,
) -> Result<Option<Object>, Malformed> {
    match value {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Malformed::params(reason, format!("`{name}` is not an object"))),
    }
}

/// The progress token of a `_meta`: an integer, or a string of bounded length.
pub fn progress_token(meta: Option<&Object>) -> Result<Option<Id>, Malformed> {
    let Some(token) = meta.and_then(|meta| meta.get(meta::PROGRESS_TOKEN)) else {
        return Ok(None);
    };
    match token {
        Value::Number(number) if number.is_integer() => {
            Ok(number.text().parse().ok().map(Id::Number))
        }
        Value::String(text) if text.len() <= PROGRESS_TOKEN_BYTES_MAX => {
            Ok(Some(Id::String(text.clone())))
        }
        _ => Err(Malformed::params(
            "bad_progress_token",
            format!(
                "`progressToken` is neither an integer nor a string of at most {PROGRESS_TOKEN_BYTES_MAX} bytes"
            ),
        )),
    }
}

/// What the agent sends along to continue an earlier leg.
fn leg(params: &mut Object) -> Result<(Option<Value>, Option<String>), Malformed> {
    let responses = match params.remove("inputResponses") {
        None => None,
        Some(responses @ Value::Object(_)) => Some(responses),
        Some(_) => {
            let text = "`inputResponses` is not an object";
            return Err(Malformed::params("bad_input_responses", text));
        }
    };
    let state = match params.remove("requestState") {
        None => None,
        Some(Value::String(state)) if state.len() <= REQUEST_STATE_BYTES_MAX => Some(state),
        Some(_) => {
            return Err(Malformed::params("bad_request_state", "`requestState` is not usable"));
        }
    };
    Ok((responses, state))
}

/// Refuses members that the method does not define in that era.
fn only(params: &Object, era: Era, method: &Method) -> Result<(), Malformed> {
    let Some(allowed) = method.members() else { return Ok(()) };
    let fits = |name: &str| match name {
        "inputResponses" | "requestState" => era == Era::Modern && allowed.contains(&name),
        "task" => false,
        name => allowed.contains(&name),
    };
    if params.names().all(fits) {
        return Ok(());
    }
    let text = format!("`params` has a member that {method} does not define");
    Err(Malformed::params("unknown_member", text))
}
