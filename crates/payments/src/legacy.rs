//! The legacy era: `initialize` opens a session, every later request belongs to it, and DELETE ends it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::sync::mpsc;

use crate::answer::{Body, Fault, bare, event_stream, method_not_allowed, refuse};
use crate::calls;
use crate::headers::{self, Accepts, PROTOCOL_VERSION, SESSION_ID};
use crate::message::{Members, Message};
use crate::modern;
use crate::serve::{Answering, INSTRUCTIONS, Shared};
use crate::tools;
use crate::version::Version;

/// How often an open stream shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a request without a version header speaks, by the specification.
const VERSION_UNSAID: Version = Version::V2025_03_26;

/// Answers one message.
pub(crate) async fn answer(
    shared: &Shared,
    headers: &HeaderMap,
    message: &Message<'_>,
    answering: Answering,
) -> Response<Body> {
    if let (Some(id), "initialize") = (message.id(), message.method.as_ref()) {
        return initialize(shared, message, id, answering).await;
    }
    let version = match session(shared, headers) {
        Ok((_, version)) => version,
        Err(gone) => return gone.respond(message.id()),
    };
    let Some(id) = message.id() else {
        return bare(StatusCode::ACCEPTED);
    };
    let outcome = match message.params() {
        Ok(params) => dispatch(shared, message, &params, version),
        Err(fault) => Err(fault),
    };
    answering.asked(id, version, &message.method).answer(outcome).await
}

fn dispatch(
    shared: &Shared,
    message: &Message<'_>,
    params: &Members<'_>,
    version: Version,
) -> Result<String, Fault> {
    match message.method.as_ref() {
        "tools/call" => calls::call(&shared.world, &shared.book, params, version),
        "tools/list" => tools::list(params),
        "ping" => Ok(String::new()),
        method => Err(Fault::unknown_method(method)),
    }
}

/// Agrees on a revision and opens a session.
async fn initialize(
    shared: &Shared,
    message: &Message<'_>,
    id: &str,
    answering: Answering,
) -> Response<Body> {
    let version = match negotiate(shared, message) {
        Ok(version) => version,
        Err(fault) => return refuse(StatusCode::BAD_REQUEST, Some(id), &fault),
    };
    let result = format!(
        concat!(
            r#""protocolVersion":"{}","capabilities":{{"tools":{{}}}},"#,
            r#""serverInfo":{{"name":"payments","title":"Payments","version":"{}"}},"instructions":"{}""#
        ),
        version.as_str(),
        env!("CARGO_PKG_VERSION"),
        INSTRUCTIONS
    );
    let mut response = answering.asked(id, version, &message.method).answer(Ok(result)).await;
    if shared.options.sessions
        && let Ok(session) = HeaderValue::try_from(shared.sessions.open(version))
    {
        response.headers_mut().insert(HeaderName::from_static(SESSION_ID), session);
    }
    response
}

/// The revision asked for if it is served, or else our newest. Never a modern one: that era has no `initialize`.
fn negotiate(shared: &Shared, message: &Message<'_>) -> Result<Version, Fault> {
    let params = message.params()?;
    let requested = params
        .text("protocolVersion")
        .ok_or_else(|| Fault::invalid_params("`protocolVersion` must be a string"))?;
    for name in ["capabilities", "clientInfo"] {
        if !params.get(name).is_some_and(|value| value.get().starts_with('{')) {
            return Err(Fault::invalid_params(format!("`{name}` must be an object")));
        }
    }
    let versions = &shared.options.versions;
    let served = || versions.iter().copied().filter(|version| !version.is_modern());
    Version::named(&requested)
        .filter(|version| served().any(|served| served == *version))
        .or_else(|| served().max())
        .ok_or_else(|| Fault::unsupported_version(versions, &requested))
}

/// Why a request does not belong to a session.
struct Gone(StatusCode, Fault);

impl Gone {
    fn respond(&self, id: Option<&str>) -> Response<Body> {
        refuse(self.0, id, &self.1)
    }
}

/// The session a request belongs to and the revision it speaks.
fn session<'a>(shared: &Shared, headers: &'a HeaderMap) -> Result<(&'a str, Version), Gone> {
    let bad = |fault| Gone(StatusCode::BAD_REQUEST, fault);
    let said = headers::single(headers, PROTOCOL_VERSION).map_err(bad)?;
    let unsupported = |said| bad(Fault::unsupported_version(&shared.options.versions, said));
    if !shared.options.sessions {
        let Some(said) = said else {
            return Ok(("", VERSION_UNSAID));
        };
        return Version::named(said)
            .filter(|version| shared.speaks(*version))
            .map(|version| ("", version))
            .ok_or_else(|| unsupported(said));
    }
    let id = headers::single(headers, SESSION_ID).map_err(bad)?.ok_or_else(|| {
        bad(Fault::invalid_request("Mcp-Session-Id is required: call `initialize` first"))
    })?;
    let version = shared
        .sessions
        .version(id)
        .ok_or_else(|| Gone(StatusCode::NOT_FOUND, Fault::no_such_session()))?;
    match said {
        Some(said) if Version::named(said).is_none() => Err(unsupported(said)),
        Some(said) if said != version.as_str() => Err(bad(Fault::invalid_request(format!(
            "this session speaks {}, the header says {said}",
            version.as_str()
        )))),
        _ => Ok((id, version)),
    }
}

/// GET: opens the stream on which a server could speak first. This one only keeps it alive.
pub(crate) fn listen(shared: &Shared, headers: &HeaderMap) -> Response<Body> {
    if modern::header_is_modern(headers) || !shared.options.sessions {
        return method_not_allowed("POST");
    }
    let id = match session(shared, headers) {
        Ok((id, _)) => id,
        Err(gone) => return gone.respond(None),
    };
    if !Accepts::of(headers).sse {
        return bare(StatusCode::NOT_ACCEPTABLE);
    }
    let Some(mut open) = shared.sessions.watch(id) else {
        return Gone(StatusCode::NOT_FOUND, Fault::no_such_session()).respond(None);
    };
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut alive = tokio::time::interval(KEEP_ALIVE);
        loop {
            tokio::select! {
                _ = alive.tick() => {
                    if sender.send(Bytes::from_static(b": open\n\n")).await.is_err() {
                        return;
                    }
                }
                // The sender never sends: this ends when the session does.
                _ = open.changed() => return,
                () = sender.closed() => return,
            }
        }
    });
    event_stream(Body::Stream(receiver))
}

/// DELETE: ends a session.
pub(crate) fn end(shared: &Shared, headers: &HeaderMap) -> Response<Body> {
    if modern::header_is_modern(headers) || !shared.options.sessions {
        return method_not_allowed("POST");
    }
    match session(shared, headers) {
        Ok((id, _)) => {
            shared.sessions.end(id);
            bare(StatusCode::NO_CONTENT)
        }
        Err(gone) => gone.respond(None),
    }
}
