//! The bytes of our own answers.

use json::{Object, Value};

use crate::message::{self, Id, Notification};
use crate::meta;
use crate::method::Method;
use crate::version::{Era, Version};

/// A JSON-RPC error. An id that is not known is `null`.
pub fn error(id: Option<&Id>, code: i32, text: &str, data: Option<&Value>) -> Vec<u8> {
    let mut out = message::open(id);
    if id.is_none() {
        message::member("id", &mut out);
        out.extend_from_slice(b"null");
    }
    message::member("error", &mut out);
    out.extend_from_slice(br#"{"code":"#);
    out.extend_from_slice(code.to_string().as_bytes());
    message::member("message", &mut out);
    json::write_string(text, &mut out);
    if let Some(data) = data {
        message::member("data", &mut out);
        json::write(data, &mut out);
    }
    out.extend_from_slice(b"}}");
    out
}

/// A result. In the modern era it is marked complete unless it says otherwise itself.
pub fn result(id: &Id, era: Era, mut object: Object) -> Vec<u8> {
    if era == Era::Modern && object.get("resultType").is_none() {
        object.insert("resultType", "complete");
    }
    let mut out = message::open(Some(id));
    message::member("result", &mut out);
    message::write_object(&object, &mut out);
    out.push(b'}');
    out
}

/// A tool call that was denied, as a result the agent's model can read.
///
/// - **Shape**: `isError`, the text to the letter, and `decision` under our key in `_meta`.
pub fn tool_denied(id: &Id, era: Era, text: &str, decision: Value) -> Vec<u8> {
    let mut content = Object::new();
    content.insert("type", "text");
    content.insert("text", text);
    let mut meta = Object::new();
    meta.insert(meta::DECISION, decision);
    let mut object = Object::new();
    object.insert("content", Value::Array(vec![Value::Object(content)]));
    object.insert("isError", true);
    object.insert("_meta", Value::Object(meta));
    result(id, era, object)
}

/// The one answer for a tool that is hidden and for a tool that does not exist.
pub fn unknown_tool(id: &Id, name: &str) -> Vec<u8> {
    error(Some(id), crate::malformed::INVALID_PARAMS, &format!("Unknown tool: {name}"), None)
}

/// A method that nobody may call in that era. HTTP 404 in the modern era, 200 in the legacy one.
pub fn unknown_method(id: &Id) -> Vec<u8> {
    error(Some(id), crate::malformed::METHOD_NOT_FOUND, "Method not found", None)
}

/// A result with nothing in it, such as the answer to `ping`.
pub fn empty(id: &Id, era: Era) -> Vec<u8> {
    result(id, era, Object::new())
}

/// An empty list under that member, private and not to be cached in the modern era.
pub fn empty_list(id: &Id, era: Era, member: &str) -> Vec<u8> {
    let mut object = Object::new();
    object.insert(member, Value::Array(Vec::new()));
    if era == Era::Modern {
        object.insert("ttlMs", 0_i64);
        object.insert("cacheScope", "private");
    }
    result(id, era, object)
}

/// An answer to `initialize` of our own.
pub fn initialize(
    id: &Id,
    version: Version,
    capabilities: Object,
    server_info: Object,
    instructions: Option<&str>,
) -> Vec<u8> {
    let mut object = Object::new();
    object.insert("protocolVersion", version.as_str());
    object.insert("capabilities", Value::Object(capabilities));
    object.insert("serverInfo", Value::Object(server_info));
    if let Some(instructions) = instructions {
        object.insert("instructions", instructions);
    }
    result(id, Era::Legacy, object)
}

/// An answer to `server/discover` of our own.
pub fn discover(
    id: &Id,
    supported: &[Version],
    capabilities: Object,
    server_info: Object,
    instructions: Option<&str>,
) -> Vec<u8> {
    let versions = supported.iter().map(|version| Value::from(version.as_str())).collect();
    let mut object = Object::new();
    object.insert("supportedVersions", Value::Array(versions));
    object.insert("capabilities", Value::Object(capabilities));
    object.insert("serverInfo", Value::Object(server_info));
    if let Some(instructions) = instructions {
        object.insert("instructions", instructions);
    }
    object.insert("ttlMs", 0_i64);
    object.insert("cacheScope", "private");
    result(id, Era::Modern, object)
}

/// A notification of our own.
pub fn notification(method: Method, params: Option<Object>) -> Vec<u8> {
    Notification { method, params }.to_bytes()
}

/// `notifications/tools/list_changed` (or its siblings); on a listen stream with its subscription.
pub fn list_changed(method: Method, subscription: Option<&Id>) -> Vec<u8> {
    let params = subscription.map(|id| {
        let mut meta = Object::new();
        meta.insert(meta::SUBSCRIPTION_ID, id.to_value());
        let mut params = Object::new();
        params.insert("_meta", Value::Object(meta));
        params
    });
    notification(method, params)
}
