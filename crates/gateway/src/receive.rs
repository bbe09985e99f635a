//! Receive: what may come in at all. Header hygiene in one table, before any token is looked at;
//! then the body, bounded in size and time. Nothing here reads JSON.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Uri, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::config::Config;
use crate::refusal::Rejected;

pub(crate) const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(crate) const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
pub(crate) const MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Headers that must not stand twice: two readers could pick two values.
const SINGLETONS: [HeaderName; 12] = [
    header::AUTHORIZATION,
    header::HOST,
    header::ORIGIN,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
    MCP_METHOD,
    MCP_NAME,
    MCP_SESSION_ID,
    MCP_PROTOCOL_VERSION,
    LAST_EVENT_ID,
];

/// All names and values together, in bytes.
const HEADER_BYTES_MAX: usize = 32 << 10;
/// The request target, in bytes.
const URI_BYTES_MAX: usize = 8 << 10;

/// What a request asks of the gateway, once its outside is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A message.
    Post,
    /// The stream of a session.
    Get,
    /// The end of a session.
    Delete,
}

/// Checks the outside of a request and says what it asks, and of which server.
pub(crate) fn outside<'a>(parts: &'a Parts, config: &Config) -> Result<(Verb, &'a str), Rejected> {
    let headers = &parts.headers;
    if parts.uri.path().len() + parts.uri.query().map_or(0, str::len) > URI_BYTES_MAX {
        return Err(Rejected::UriTooLong);
    }
    let mut bytes = 0;
    for (name, value) in headers {
        bytes += name.as_str().len() + value.len() + 4;
    }
    if bytes > HEADER_BYTES_MAX {
        return Err(Rejected::HeadersTooLarge);
    }
    // Hardly a request says anything twice: one comparison in place of a search for each.
    let all_once = headers.len() == headers.keys_len();
    if !all_once && SINGLETONS.iter().any(|name| headers.get_all(name).iter().nth(1).is_some()) {
        // More than one Origin is the browser rule's business; the rest is malformed.
        let origins = headers.get_all(header::ORIGIN).iter().count();
        return Err(if origins > 1 {
            Rejected::Origin
        } else {
            Rejected::BadRequest("a header stands twice")
        });
    }
    host(&parts.uri, headers, config)?;
    origin(headers, config)?;
    let server = server_of(parts.uri.path()).ok_or(Rejected::NotFound)?;
    let verb = match parts.method {
        Method::POST => Verb::Post,
        Method::GET => Verb::Get,
        Method::DELETE => Verb::Delete,
        _ => return Err(Rejected::MethodNotAllowed),
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Rejected::MediaType);
    }
    if let Some(coding) = headers.get(header::TRANSFER_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"chunked")
    {
        return Err(Rejected::BadRequest("the transfer coding is not chunked"));
    }
    if verb == Verb::Post {
        content_type(headers)?;
    }
    Ok((verb, server))
}

/// `/mcp/{server}` and nothing else: no second spelling reaches a server.
pub(crate) fn server_of(path: &str) -> Option<&str> {
    let server = path.strip_prefix("/mcp/")?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    ((1..=64).contains(&server.len()) && server.bytes().all(plain)).then_some(server)
}

fn host(uri: &Uri, headers: &HeaderMap, config: &Config) -> Result<(), Rejected> {
    let named = match headers.get(header::HOST) {
        Some(value) => {
            Some(value.to_str().map_err(|_| Rejected::BadRequest("the host is not text"))?)
        }
        None => None,
    };
    // HTTP/2 and absolute-form targets carry an authority; it must not name another host.
    let host = match (named, uri.authority().map(http::uri::Authority::as_str)) {
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            return Err(Rejected::BadRequest(
                "the target and the Host header name different hosts",
            ));
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Rejected::BadRequest("there is no Host header")),
    };
    let name = host_name(host).ok_or(Rejected::BadRequest("the host is malformed"))?;
    let any = config.hosts.is_empty() && !config.loopback;
    if any || is_loopback_name(name) || config.hosts.iter().any(|h| h.eq_ignore_ascii_case(name)) {
        Ok(())
    } else {
        Err(Rejected::Host)
    }
}

fn host_name(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']')?;
            (inside, after.strip_prefix(':').or(if after.is_empty() { Some("") } else { None })?)
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    let good =
        !name.is_empty() && name.bytes().all(plain) && port.bytes().all(|b| b.is_ascii_digit());
    good.then_some(name)
}

fn is_loopback_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "::1"
}

fn origin(headers: &HeaderMap, config: &Config) -> Result<(), Rejected> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| Rejected::Origin)?;
    if config.origins.iter().any(|o| o.eq_ignore_ascii_case(origin)) {
        return Ok(());
    }
    // A page served from this machine to this machine, as local inspectors are.
    let local = origin
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .and_then(|(_, host)| host_name(host))
        .is_some_and(is_loopback_name);
    if local && config.loopback { Ok(()) } else { Err(Rejected::Origin) }
}

fn content_type(headers: &HeaderMap) -> Result<(), Rejected> {
    let value = headers.get(header::CONTENT_TYPE).ok_or(Rejected::MediaType)?;
    let value = value.to_str().map_err(|_| Rejected::MediaType)?;
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(Rejected::MediaType);
    }
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Ok(());
    }
    match parameters.split_once('=') {
        Some((name, charset))
            if name.trim().eq_ignore_ascii_case("charset")
                && charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8") =>
        {
            Ok(())
        }
        _ => Err(Rejected::MediaType),
    }
}

/// Collects the body, bounded in size and time.
///
/// It is first asked for here, after the token was accepted: a stranger with
/// `Expect: 100-continue` is never told to go on.
pub(crate) async fn body(
    parts: &Parts,
    body: Incoming,
    config: &Config,
) -> Result<Bytes, Rejected> {
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > config.body_bytes_max) {
        return Err(Rejected::BodyTooLarge);
    }
    let limited = Limited::new(body, config.body_bytes_max).collect();
    match tokio::time::timeout(config.timeouts.body, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejected::BodyTooLarge),
        Ok(Err(_)) => Err(Rejected::BadRequest("the body did not arrive whole")),
        Err(_) => Err(Rejected::BodyTimeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(edit: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Parts {
        let builder = http::Request::builder()
            .method("POST")
            .uri("/mcp/payments")
            .header("host", "localhost:7071")
            .header("content-type", "application/json");
        edit(builder).body(()).unwrap().into_parts().0
    }

    fn outcome(parts: &Parts) -> u16 {
        match outside(parts, &Config::default()) {
            Ok(_) => 200,
            Err(rejected) => rejected.status().as_u16(),
        }
    }

    #[test]
    fn the_outside_of_a_request_is_judged_by_one_table() {
        type Edit = fn(http::request::Builder) -> http::request::Builder;
        let table: &[(&str, Edit, u16)] = &[
            ("plain", |b| b, 200),
            ("H04 two codings", |b| b.header("transfer-encoding", "gzip, chunked"), 400),
            (
                "H11 two tokens",
                |b| b.header("authorization", "a").header("authorization", "b"),
                400,
            ),
            ("H12 two hosts", |b| b.header("host", "localhost"), 400),
            ("H12 foreign authority", |b| b.uri("http://evil.example/mcp/payments"), 400),
            ("foreign host", |b| b.uri("/mcp/payments"), 200),
            ("H14 foreign origin", |b| b.header("origin", "https://evil.example"), 403),
            ("H14 null origin", |b| b.header("origin", "null"), 403),
            (
                "H14 two origins",
                |b| b.header("origin", "http://localhost").header("origin", "x"),
                403,
            ),
            ("local origin", |b| b.header("origin", "http://localhost:6274"), 200),
            ("H10 encoding", |b| b.header("content-encoding", "gzip"), 415),
            ("H10 two types", |b| b.header("content-type", "text/plain"), 400),
            ("H26 put", |b| b.method("PUT"), 405),
            ("H26 trace", |b| b.method("TRACE"), 405),
            ("H27 double slash", |b| b.uri("//mcp/payments"), 404),
            ("H27 dots", |b| b.uri("/mcp/../admin"), 404),
            ("H27 encoded slash", |b| b.uri("/mcp/a%2fb"), 404),
            ("H27 parameter", |b| b.uri("/mcp/payments;x"), 404),
            ("H27 trailing dot", |b| b.uri("/mcp/payments."), 404),
            ("H27 trailing slash", |b| b.uri("/mcp/payments/"), 404),
            ("control plane", |b| b.uri("/api/v1/grants"), 404),
            ("H20 long", |b| b.header("x", "a".repeat(33 << 10)), 431),
        ];
        for (name, edit, status) in table {
            assert_eq!(outcome(&parts(*edit)), *status, "{name}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        for (kind, status) in [
            ("application/json", 200),
            ("application/json; charset=utf-8", 200),
            ("application/json; charset=\"UTF-8\"", 200),
            ("application/json; charset=utf-16", 415),
            ("text/plain", 415),
            ("application/x-www-form-urlencoded", 415),
            ("application/json, text/plain", 415),
        ] {
            let mut parts = parts(|b| b);
            parts.headers.insert("content-type", kind.parse().unwrap());
            assert_eq!(outcome(&parts), status, "{kind}");
        }
    }
}
