//! What every request passes on its way in and every answer on its way out: host and origin,
//! the request's id, headers that keep browsers from guessing, and problems written as text.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, header};
use vault::{OsRandom, Randomness};

use crate::problem::{Code, Problem};
use crate::serve::HEAD_BYTES_MAX;

/// How a request came in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// The address it comes from: that of the connection, or what a trusted proxy says.
    pub(crate) from: IpAddr,
    /// The address it came to.
    pub(crate) local: SocketAddr,
    /// Host names that are answered beside those of this machine.
    pub(crate) hosts: Arc<[String]>,
}

/// Headers of every answer. Nothing here is for a browser to render, frame, guess at or keep; only
/// the dashboard's own files say otherwise, and only about what may be loaded and kept.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers a request on a task of its own: one that hangs up half-way does not leave a change
/// half made, and a panic is an answer.
pub(crate) async fn pass(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id();
    let method = request.method().clone();
    // The template and never the path or the query: those may hold anything.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());

    let response = match check(&request) {
        Ok(()) => match tokio::spawn(next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(Code::Internal, "the request was not answered").into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    let response = finish(response, &id);
    tracing::info!(
        target: "control",
        request_id = %id,
        method = %method,
        route = route.as_deref().unwrap_or("(none)"),
        status = response.status().as_u16(),
        took_micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// Writes a problem out and adds the headers that every answer has.
fn finish(mut response: Response, id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let headers = std::mem::take(response.headers_mut());
        response = problem.render(id);
        // A 405 says which methods there are; the length of the empty answer means nothing now.
        if let Some(allow) = headers.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
    }
    for (name, value) in HEADERS {
        let own = name == header::CONTENT_SECURITY_POLICY || name == header::CACHE_CONTROL;
        if !(own && response.headers().contains_key(&name)) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// Refuses what a browser on the same machine could be tricked into sending.
fn check(request: &Request) -> Result<(), Problem> {
    let bad = |detail: &str| Err(Problem::new(Code::BadRequest, detail));
    let headers = request.headers();
    // The listener's buffer is a bound on what waits, not on what one read may bring.
    let head = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if head.sum::<usize>() + request.uri().to_string().len() > HEAD_BYTES_MAX {
        let detail = format!("address and headers hold at most {HEAD_BYTES_MAX} bytes");
        return Err(Problem::new(Code::HeadTooLarge, detail));
    }

    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, again) = (hosts.next(), hosts.next());
    if again.is_some() {
        return bad("there is more than one Host header");
    }
    let Some(arrival) = request.extensions().get::<Arrival>() else { return Ok(()) };
    let host = host.and_then(|h| h.to_str().ok()).and_then(|h| h.parse::<Authority>().ok());
    let Some(host) = host else { return bad("there is no valid Host header") };
    if host.as_str().contains('@') {
        return bad("there is no valid Host header");
    }
    if request.uri().authority().is_some_and(|asked| *asked != host) {
        return bad("the address and the Host header name different hosts");
    }
    // A listener on a loopback address is for this machine: a foreign name that resolves to it
    // is a web page's doing (DNS rebinding).
    let known = is_loopback_name(host.host())
        || arrival.hosts.iter().any(|name| name.eq_ignore_ascii_case(host.host()));
    if arrival.local.ip().to_canonical().is_loopback() && !known {
        return Err(Problem::new(
            Code::WrongHost,
            "this listener answers to localhost, 127.0.0.1, [::1] and the hosts it was told of",
        ));
    }
    if request.method() == http::Method::TRACE || request.method() == http::Method::CONNECT {
        return Err(Problem::new(Code::MethodNotAllowed, "this method is served nowhere"));
    }
    same_origin(headers, &host)
}

fn is_loopback_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// A page of another origin gets nothing, not even a look at a problem.
fn same_origin(headers: &http::HeaderMap, host: &Authority) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let text = origin.to_str().unwrap_or_default();
    let bare = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let same = bare.is_some_and(|bare| bare.eq_ignore_ascii_case(host.as_str()));
    if same && origins.next().is_none() {
        return Ok(());
    }
    Err(Problem::new(Code::CrossOrigin, "the Origin header names another origin"))
}

/// A name for the request: 120 random bits.
fn request_id() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0_u8; 24];
    // Without randomness the id says nothing; the request itself is answered all the same.
    let drawn = OsRandom.fill(&mut bytes).is_ok();
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte & 31)).map_or('0', |b| char::from(*b));
    if drawn {
        format!("req_{}", bytes.iter().map(letter).collect::<String>())
    } else {
        String::from("req_unknown")
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn status(local: &str, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let from = "127.0.0.1".parse().unwrap();
        let hosts = Arc::new(["api.example".to_owned()]);
        request.extensions_mut().insert(Arrival { from, local: local.parse().unwrap(), hosts });
        match check(&request) {
            Ok(()) => 200,
            Err(problem) => problem.code().status().as_u16(),
        }
    }

    #[test]
    fn hosts_and_origins_are_judged_before_anything_else() {
        let (here, out) = ("127.0.0.1:7070", "192.0.2.1:7070");
        type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16);
        let cases: &[Case<'_>] = &[
            (here, "/", &[("host", "127.0.0.1:7070")], 200),
            (here, "/", &[("host", "localhost:1234")], 200),
            (here, "/", &[("host", "[::1]:7070")], 200),
            (here, "/", &[("host", "evil.example:7070")], 421),
            (here, "/", &[("host", "127.0.0.1.evil.example")], 421),
            (here, "/", &[("host", "localhost.")], 421),
            (here, "/", &[("host", "API.example:443")], 200),
            (here, "/", &[("host", "www.api.example")], 421),
            (out, "/", &[("host", "other.example")], 200),
            (here, "/", &[], 400),
            (here, "/", &[("host", "")], 400),
            (here, "/", &[("host", "a@127.0.0.1")], 400),
            (here, "/", &[("host", "localhost"), ("host", "localhost")], 400),
            (here, "http://localhost/", &[("host", "localhost")], 200),
            (here, "http://evil.example/", &[("host", "localhost")], 400),
            (here, "/", &[("host", "localhost:7070"), ("origin", "http://localhost:7070")], 200),
            (here, "/", &[("host", "localhost:7070"), ("origin", "http://localhost:7071")], 403),
            (here, "/", &[("host", "localhost:7070"), ("origin", "null")], 403),
            (out, "/", &[("host", "api.example"), ("origin", "https://evil.example")], 403),
        ];
        for (local, uri, headers, expected) in cases {
            assert_eq!(status(local, uri, headers), *expected, "{local} {uri} {headers:?}");
        }
    }
}
