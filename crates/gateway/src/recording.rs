//! Recording: what an administrator has asked to be recorded of a server's calls beyond names. Keyed
//! fingerprints tell equal values apart from others; sealed records are for a key that is not here.
//! Neither keeps a call from going on: what could not be recorded is said in the entry.

use std::collections::HashSet;
use std::sync::Arc;

use json::{Object, Value};
use policy::ToolCall;
use store::{CallId, Capture, CaptureSetting, OrgId, SealedFingerprintKey};
use vault::{CaptureKey, FingerprintKey, Keyring};

use crate::authenticate::Caller;
use crate::snapshot::ToolEntry;

/// The most bytes of fingerprints in an entry: there a longer text would stand as its digest.
const PRINTS_BYTES_MAX: usize = 1_800;
/// What an entry says of a record that could not be made.
const TOO_LARGE: &str = "too_large";
const NOT_SEALED: &str = "not_sealed";
const RESUMED: &str = "resumed";

/// What is recorded of the calls of one server.
pub(crate) struct Recording {
    prints: Option<Prints>,
    capture: Option<CaptureTo>,
    tools: Option<HashSet<String>>,
}

/// The key that fingerprints are made with.
struct Prints {
    number: u32,
    key: FingerprintKey,
}

/// Whom records are sealed to.
struct CaptureTo {
    key: CaptureKey,
    id: Arc<str>,
    arguments: bool,
    results: bool,
    bytes_max: usize,
}

impl Recording {
    /// What these settings ask for; `None` for nothing. `captures`: whether whoever runs this machine
    /// lets anything be kept at all.
    pub(crate) fn of(
        setting: store::Recording,
        org: &OrgId,
        key: Option<&SealedFingerprintKey>,
        keyring: &Keyring,
        captures: bool,
    ) -> Option<Self> {
        let key = key.filter(|_| setting.fingerprints);
        let prints = key.and_then(|sealed| {
            Some(Prints { number: sealed.number, key: sealed.open(org, keyring)? })
        });
        if setting.fingerprints && prints.is_none() {
            tracing::error!("the key of fingerprints does not open: entries have none");
        }
        let capture = setting.capture.filter(|_| captures).and_then(CaptureTo::of);
        let tools = setting.tools.map(|tools| tools.into_iter().collect());
        (prints.is_some() || capture.is_some()).then_some(Self { prints, capture, tools })
    }

    fn covers(&self, tool: &str) -> bool {
        self.tools.as_ref().is_none_or(|tools| tools.contains(tool))
    }
}

impl CaptureTo {
    fn of(setting: CaptureSetting) -> Option<Self> {
        // It was tried when it was set.
        let key = CaptureKey::parse(&setting.key).ok()?;
        Some(Self {
            id: key.id().into(),
            key,
            arguments: setting.arguments,
            results: setting.results,
            bytes_max: usize::try_from(setting.bytes_max).unwrap_or(usize::MAX),
        })
    }

    /// A record of this content, sealed; or why there is none.
    fn record(&self, call: CallId, part: &str, head: Object, content: &[u8]) -> Capture {
        if content.len() > self.bytes_max {
            return Capture::Missing(TOO_LARGE);
        }
        let call = call.to_string();
        let mut plain = json::write_to_vec(&Value::Object(head));
        // The content is JSON as it went over the wire: nothing is read into it here.
        plain.pop();
        plain.extend_from_slice(b",\"content\":");
        plain.extend_from_slice(content);
        plain.push(b'}');
        match self.key.seal(&[&call, part], &plain) {
            Ok(record) => Capture::Sealed { key: Arc::clone(&self.id), record },
            Err(error) => {
                tracing::error!(%error, "a record was not sealed");
                Capture::Missing(NOT_SEALED)
            }
        }
    }
}

/// What stands in a record before its content.
fn head(call: CallId, part: &str, server: &str, tool: &str) -> Object {
    let mut head = Object::new();
    head.insert("format", "countersign-capture/v1");
    head.insert("call", call.to_string());
    head.insert("part", part);
    head.insert("server", server);
    head.insert("tool", tool);
    head
}

/// Keyed fingerprints of the arguments that are judged: of each that the accepted definition lists,
/// and of all of them together. Canonical JSON; `None` where nobody has asked for any.
pub(crate) fn fingerprints(
    caller: &Caller,
    call: &ToolCall,
    entry: Option<&ToolEntry>,
) -> Option<String> {
    let (server, org) = (&caller.attached.server, &caller.grant.org);
    let recording = server.recording.as_ref().filter(|recording| recording.covers(&call.tool))?;
    let Prints { number, key } = recording.prints.as_ref()?;
    // What is no tool of the server has no argument that anybody knows.
    let entry = entry?;
    let print = |argument: Option<&str>, value: &Value| {
        let place = store::fingerprint_place(org, &server.id, &call.tool, argument);
        key.print(&place, &json::canonical_by_value(value))
    };
    let (mut of, mut left, mut left_out) = (Object::new(), PRINTS_BYTES_MAX, 0_i64);
    let arguments = call.arguments.as_ref();
    // In the order of the definition: what an agent puts first pushes nothing out.
    for name in &entry.arguments {
        let Some(value) = arguments.and_then(|arguments| arguments.get(name)) else { continue };
        let print = print(Some(name), value);
        // Quotes, colon, comma; an escape takes at most six bytes a byte.
        let bytes = name.len() * 6 + print.len() + 6;
        if bytes > left {
            left_out += 1;
            continue;
        }
        left -= bytes;
        of.insert(&**name, print);
    }
    let mut told = Object::new();
    told.insert("all", print(None, &arguments.cloned().map_or(Value::Null, Value::Object)));
    told.insert("key", i64::from(*number));
    if left_out > 0 {
        told.insert("left_out", left_out);
    }
    told.insert("of", Value::Object(of));
    told.insert("scheme", "hmac-v1");
    String::from_utf8(json::canonical(&Value::Object(told))).ok()
}

/// What is kept of the arguments of a call that leaves.
pub(crate) fn arguments(caller: &Caller, id: CallId, call: &ToolCall) -> Option<Capture> {
    let to = capture_to(caller, &call.tool)?;
    if !to.arguments {
        return None;
    }
    let arguments = call.arguments.clone().map_or(Value::Null, Value::Object);
    let head = head(id, "arguments", &caller.attached.server.slug, &call.tool);
    Some(to.record(id, "arguments", head, &json::write_to_vec(&arguments)))
}

/// What is kept of an answer, as the agent got it: what was taken out of it is not in the record.
pub(crate) fn result(caller: &Caller, id: CallId, tool: &str, message: &[u8]) -> Option<Capture> {
    let to = capture_to(caller, tool)?;
    if !to.results {
        return None;
    }
    let head = head(id, "result", &caller.attached.server.slug, tool);
    Some(to.record(id, "result", head, message))
}

/// What is said of an answer that came by the stream of a session, where nobody knows any more which
/// tool it is of.
pub(crate) fn resumed(caller: &Caller) -> Option<Capture> {
    let to = caller.attached.server.recording.as_ref()?.capture.as_ref()?;
    to.results.then_some(Capture::Missing(RESUMED))
}

fn capture_to<'a>(caller: &'a Caller, tool: &str) -> Option<&'a CaptureTo> {
    let recording = caller.attached.server.recording.as_ref()?;
    recording.capture.as_ref().filter(|_| recording.covers(tool))
}
