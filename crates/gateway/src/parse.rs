//! Parse: one meaning, or none. The body becomes one message, the headers must agree with it, and
//! it gets its place: an era, a version, for the legacy era a session.

use http::HeaderMap;
use http::request::Parts;
use mcp::headers::Headers;
use mcp::{Era, Id, Malformed, Message, Method, Version};

use crate::authenticate::Caller;
use crate::receive::MCP_SESSION_ID;
use crate::refusal::Refusal;
use crate::road::Gateway;
use crate::session::Session;

/// Where a message stands.
pub(crate) struct Place {
    pub(crate) version: Version,
    pub(crate) session: Option<Session>,
}

/// The lines of an HTTP header, as the protocol's rules read them.
pub(crate) struct Lines<'a>(pub(crate) &'a HeaderMap);

impl Headers for Lines<'_> {
    fn lines(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

/// A refusal, the id it answers, and the era it is worded for.
type Unread = Box<(Refusal, Option<Id>, Era)>;

/// Reads the one message of a request.
pub(crate) fn message(
    gateway: &Gateway,
    caller: &Caller,
    parts: &Parts,
    body: &[u8],
) -> Result<(Message, Place), Unread> {
    let lines = Lines(&parts.headers);
    let message = mcp::message::read(body)
        .map_err(|malformed| Box::new((Refusal::Malformed(malformed), None, Era::Legacy)))?;
    let id = message.id().cloned();
    let (era, version) = mcp::headers::resolve(&lines, Some(&message)).map_err(|malformed| {
        let malformed = of_this_server(caller, &message, malformed);
        Box::new((Refusal::Malformed(malformed), id.clone(), Era::Legacy))
    })?;
    let refuse = |refusal: Refusal| Box::new((refusal, id.clone(), era));
    if era == Era::Modern {
        if matches!(message, Message::Response(_)) {
            let text = "an agent of this version sends no responses";
            let malformed = Malformed::new(mcp::malformed::INVALID_REQUEST, "response", text);
            return Err(refuse(malformed.into()));
        }
        return Ok((message, Place { version, session: None }));
    }
    if message.method() == Some(&Method::Initialize) {
        return Ok((message, Place { version, session: None }));
    }
    let session = session(gateway, caller, parts).map_err(refuse)?;
    mcp::headers::stated_version(&lines).map_err(|m| refuse(m.into()))?;
    // What a session negotiated counts, whatever known version the header names: some clients name
    // an older one, and nothing is judged by it.
    let version = session.as_ref().map_or(version, |session| session.version);
    Ok((message, Place { version, session }))
}

/// A modern agent that asks for a version nobody serves is told those that its server speaks.
fn of_this_server(caller: &Caller, message: &Message, malformed: Malformed) -> Malformed {
    let asked = message.meta().and_then(|meta| meta.get(mcp::meta::PROTOCOL_VERSION));
    let Some(asked) = asked.and_then(json::Value::as_str) else { return malformed };
    if malformed.code != mcp::malformed::UNSUPPORTED_VERSION {
        return malformed;
    }
    let supported = match caller.attached.server.speaks(Era::Modern) {
        true => Version::SUPPORTED_MODERN,
        false => Version::SUPPORTED_LEGACY,
    };
    let told = Malformed::unsupported_version(asked, supported);
    match &malformed.id {
        Some(id) => told.for_id(id),
        None => told,
    }
}

/// The session a legacy request names, if it names one.
///
/// - **Errors**: [`Refusal::NoSession`] for one that is not this grant's, exactly as for one that
///   never was.
pub(crate) fn session(
    gateway: &Gateway,
    caller: &Caller,
    parts: &Parts,
) -> Result<Option<Session>, Refusal> {
    let Some(id) = parts.headers.get(MCP_SESSION_ID) else { return Ok(None) };
    let (grant, server) = (caller.grant.id.as_str(), caller.attached.server.id.as_str());
    id.to_str()
        .ok()
        .and_then(|id| Session::open(&gateway.state_key, grant, server, id))
        .map(Some)
        .ok_or(Refusal::NoSession)
}
