//! The modern era: every request stands alone, says its own revision, and repeats itself in its headers.

use http::{HeaderMap, Response, StatusCode};

use crate::answer::{Body, Fault, bare, refuse};
use crate::calls;
use crate::headers::{self, METHOD, NAME, PROTOCOL_VERSION};
use crate::message::{Members, Message};
use crate::serve::{Answering, Shared};
use crate::tools;
use crate::version::Version;

const META: &str = "_meta";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Lists never change while the server runs, and everybody who holds the key sees the same.
const CACHEABLE: &str = r#","ttlMs":300000,"cacheScope":"public""#;

/// Whether a message belongs to this era: its body says a revision, or its header says one of ours.
pub(crate) fn claims(message: &Message<'_>, headers: &HeaderMap) -> bool {
    let says_so = message.params().ok().and_then(|params| {
        let meta = Members::of(META, params.get(META)?).ok()?;
        meta.get(META_VERSION).map(|_| ())
    });
    says_so.is_some() || (message.method != "initialize" && header_is_modern(headers))
}

/// Whether the version header names this era: 2026-07-28, or a later day that we do not know.
pub(crate) fn header_is_modern(headers: &HeaderMap) -> bool {
    headers.get_all(PROTOCOL_VERSION).iter().any(|value| {
        let value = value.as_bytes();
        value.first().is_some_and(u8::is_ascii_digit) && value >= b"2026-07-28".as_slice()
    })
}

/// Answers one message.
pub(crate) async fn answer(
    shared: &Shared,
    headers: &HeaderMap,
    message: &Message<'_>,
    answering: Answering,
) -> Response<Body> {
    let Some(id) = message.id() else {
        return acknowledge(shared, headers);
    };
    let (params, version) = match admit(shared, headers, message) {
        Ok(admitted) => admitted,
        Err(fault) => return refuse(StatusCode::BAD_REQUEST, Some(id), &fault),
    };
    let asked = answering.asked(id, version, &message.method);
    asked.answer(dispatch(shared, message, &params, version)).await
}

/// Checks what every modern request must carry, in the order the specification gives.
fn admit<'a>(
    shared: &Shared,
    headers: &HeaderMap,
    message: &Message<'a>,
) -> Result<(Members<'a>, Version), Fault> {
    let params = message.params()?;
    let meta = params
        .get(META)
        .ok_or_else(|| Fault::invalid_params("`params._meta` is required"))
        .and_then(|meta| Members::of("`params._meta`", meta))?;
    let required = |name: &str| Fault::invalid_params(format!("`params._meta` needs `{name}`"));
    let requested = meta.text(META_VERSION).ok_or_else(|| required(META_VERSION))?;
    let capabilities = meta.get(META_CAPABILITIES).ok_or_else(|| required(META_CAPABILITIES))?;
    if !capabilities.get().starts_with('{') {
        return Err(Fault::invalid_params(format!("`{META_CAPABILITIES}` must be an object")));
    }

    headers::agree(headers, PROTOCOL_VERSION, &requested)?;
    headers::agree(headers, METHOD, &message.method)?;
    if message.method == "tools/call"
        && let Some(name) = params.text("name")
    {
        headers::agree(headers, NAME, &name)?;
    }

    let version = Version::named(&requested)
        .filter(|version| version.is_modern() && shared.speaks(*version))
        .ok_or_else(|| Fault::unsupported_version(&shared.options.versions, &requested))?;
    Ok((params, version))
}

fn dispatch(
    shared: &Shared,
    message: &Message<'_>,
    params: &Members<'_>,
    version: Version,
) -> Result<String, Fault> {
    match message.method.as_ref() {
        "tools/call" => calls::call(&shared.world, &shared.book, params, version),
        "tools/list" => {
            let mut members = tools::list(params)?;
            members.push_str(CACHEABLE);
            Ok(members)
        }
        "server/discover" => Ok(shared.discovered.clone()),
        method => Err(Fault::unknown_method(method)),
    }
}

/// The members of a discovery's result.
pub(crate) fn discovery(versions: &[Version]) -> String {
    let supported = crate::answer::version_list(versions);
    let instructions = crate::serve::INSTRUCTIONS;
    format!(
        r#""supportedVersions":{supported},"capabilities":{{"tools":{{}}}},"instructions":"{instructions}"{CACHEABLE}"#
    )
}

/// Takes note of a notification. None of them means anything to a server without state.
fn acknowledge(shared: &Shared, headers: &HeaderMap) -> Response<Body> {
    let requested = match headers::single(headers, PROTOCOL_VERSION) {
        Ok(requested) => requested.unwrap_or_default(),
        Err(fault) => return refuse(StatusCode::BAD_REQUEST, None, &fault),
    };
    let known = Version::named(requested).is_some_and(|v| v.is_modern() && shared.speaks(v));
    if !known {
        let fault = Fault::unsupported_version(&shared.options.versions, requested);
        return refuse(StatusCode::BAD_REQUEST, None, &fault);
    }
    bare(StatusCode::ACCEPTED)
}
