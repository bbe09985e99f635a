//! Legs: a call that an upstream answers with questions goes on in another request. The state
//! between the two is sealed here, bound to grant, server, tool and arguments, and good for once.

use mcp::call::Call;
use mcp::{Era, Malformed};
use store::{CallId, OutcomeClass};
use vault::OsRandom;

use crate::authenticate::Caller;
use crate::digest;
use crate::record::Line;
use crate::refusal::Refusal;
use crate::road::{Asked, Gateway};

/// Which leg of its call this request is.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    /// Counts from 0.
    number: u32,
    subject: Subject,
}

/// What the legs of one call have in common: the method, the tool (or prompt, or resource) and the
/// arguments, as one digest. A legacy call has no legs, and nothing in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject([u8; 32]);

impl Subject {
    /// Of a method, what it names, and its arguments.
    pub(crate) fn of(method: &str, name: &str, arguments: &json::Value) -> Self {
        // No method has a zero byte in it and no JSON text does, so no two subjects read alike.
        let parts = [method.as_bytes(), name.as_bytes(), &json::canonical(arguments)];
        Self(digest::sha256(&parts.join(&0)))
    }

    /// Of a tool call.
    pub(crate) fn of_call(era: Era, call: &mut Call) -> Self {
        if era == Era::Legacy {
            return Self::default();
        }
        let Some(arguments) = call.arguments.take() else {
            return Self::of(TOOLS_CALL, &call.name, &json::Value::Null);
        };
        let arguments = json::Value::Object(arguments);
        let subject = Self::of(TOOLS_CALL, &call.name, &arguments);
        if let json::Value::Object(arguments) = arguments {
            call.arguments = Some(arguments);
        }
        subject
    }

    /// As a state is bound to it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

const TOOLS_CALL: &str = "tools/call";

/// The most legs of one call.
const LEGS_MAX: u32 = 32;

/// Places a tool call in its chain. A continued call keeps its id, so that it is counted and
/// recorded as the one call it is.
pub(crate) fn of(
    gateway: &Gateway,
    asked: &Asked,
    subject: Subject,
    call: &mut Call,
    line: &mut Line,
) -> Result<Leg, Refusal> {
    resume(gateway, &asked.caller, subject, &mut call.request_state, line)
}

/// Opens the state of an earlier leg, if there is one, and puts the upstream's own in its place.
pub(crate) fn resume(
    gateway: &Gateway,
    caller: &Caller,
    subject: Subject,
    state: &mut Option<String>,
    line: &mut Line,
) -> Result<Leg, Refusal> {
    let Some(sealed) = state.take() else { return Ok(Leg { number: 0, subject }) };
    let opened = gateway.state_key.open_state(&context(caller, &subject), &sealed);
    let (id, number, inner) = opened.as_deref().and_then(decode).ok_or_else(foreign)?;
    if !gateway.chains.resume(id, number, gateway.clock.now()) {
        return Err(foreign());
    }
    line.intent.id = id;
    *state = inner;
    Ok(Leg { number, subject })
}

/// Seals the state an upstream wants back, and keeps a place for the next leg.
pub(crate) fn seal(
    gateway: &Gateway,
    caller: &Caller,
    leg: &Leg,
    call: CallId,
    state: Option<&str>,
) -> Option<String> {
    let next = leg.number + 1;
    if next > LEGS_MAX {
        return None;
    }
    let mut plain = Vec::with_capacity(32 + state.map_or(0, str::len));
    plain.extend_from_slice(&call.0);
    plain.extend_from_slice(&next.to_be_bytes());
    plain.push(u8::from(state.is_some()));
    plain.extend_from_slice(state.unwrap_or_default().as_bytes());
    let context = context(caller, &leg.subject);
    let sealed = gateway.state_key.seal_state(&context, &plain, &OsRandom).ok()?;
    // Before the answer leaves: a quick agent is back before this leg has ended here.
    for given_up in gateway.chains.open(call, next, gateway.clock.now()) {
        crate::settle::given_up(gateway, given_up, "chain_expired");
    }
    Some(sealed)
}

impl Leg {
    /// Whether the call was begun by an earlier leg: its intent is written and its quota held.
    pub(crate) fn is_continued(&self) -> bool {
        self.number > 0
    }
}

/// A leg has ended. `true`: so has its call. When the upstream asks for input the call stays open,
/// and with it the one reservation of all its legs, until the next leg comes or the chain expires.
pub(crate) fn ends_call(class: OutcomeClass) -> bool {
    class != OutcomeClass::InputRequired
}

/// A later leg was refused: the call it belongs to will not go on, and the refusal gets a line of
/// its own.
pub(crate) fn refused(gateway: &Gateway, line: &mut Line) {
    if line.intent.id != line.own {
        crate::settle::given_up(gateway, line.intent.id, "leg_refused");
        line.intent.id = line.own;
    }
}

fn decode(plain: &[u8]) -> Option<(CallId, u32, Option<String>)> {
    let (id, rest) = plain.split_first_chunk::<16>()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (has_state, state) = rest.split_first()?;
    let state = String::from_utf8(state.to_vec()).ok()?;
    Some((CallId(*id), u32::from_be_bytes(*number), (*has_state == 1).then_some(state)))
}

fn context<'a>(caller: &'a Caller, subject: &'a Subject) -> [&'a [u8]; 4] {
    let (grant, server) = (&caller.grant.id, &caller.attached.server.id);
    [b"leg", grant.as_str().as_bytes(), server.as_str().as_bytes(), subject.as_bytes()]
}

fn foreign() -> Refusal {
    let text = "`requestState` is not one of this call, was used before, or has expired";
    Refusal::Malformed(Malformed::new(mcp::malformed::INVALID_PARAMS, "request_state", text))
}
