//! Reading the headers a request came with: each at most once, and never trusted over the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN};

use crate::answer::Fault;

pub(crate) const PROTOCOL_VERSION: &str = "mcp-protocol-version";
pub(crate) const SESSION_ID: &str = "mcp-session-id";
pub(crate) const METHOD: &str = "mcp-method";
pub(crate) const NAME: &str = "mcp-name";

/// The value of a header that may be there once.
///
/// **Errors**: `-32020` if it is there twice or holds what is not visible ASCII.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Fault::header_mismatch(format!(
            "Header mismatch: {name} is there more than once"
        )));
    }
    first
        .map(|value| value.to_str().map(str::trim))
        .transpose()
        .map_err(|_| Fault::header_mismatch(format!("Header mismatch: {name} is not plain ASCII")))
}

/// Checks that a header says what the body says.
///
/// **Errors**: `-32020` if it is missing or differs.
pub(crate) fn agree(headers: &HeaderMap, name: &str, body: &str) -> Result<(), Fault> {
    match single(headers, name)? {
        None => Err(Fault::header_mismatch(format!("Header mismatch: {name} is missing"))),
        Some(value) if value == body && !is_encoded(value) => Ok(()),
        Some(value) if decoded(value).is_some_and(|bytes| bytes == body.as_bytes()) => Ok(()),
        Some(_) => Err(Fault::header_mismatch(format!(
            "Header mismatch: {name} does not say what the body says"
        ))),
    }
}

fn is_encoded(value: &str) -> bool {
    value.len() >= 11 && value.starts_with("=?base64?") && value.ends_with("?=")
}

/// The bytes of a `=?base64?…?=` value. Base64 that is not canonical means nothing.
fn decoded(value: &str) -> Option<Vec<u8>> {
    STANDARD.decode(value.strip_prefix("=?base64?")?.strip_suffix("?=")?).ok()
}

/// Which forms of an answer a request takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Accepts {
    pub(crate) json: bool,
    pub(crate) sse: bool,
}

impl Accepts {
    /// Reads `Accept`; without it, anything goes.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut accepts = Self { json: false, sse: false };
        let mut asked = false;
        for value in headers.get_all(ACCEPT) {
            asked = true;
            for range in value.to_str().unwrap_or_default().split(',') {
                let range = range.split(';').next().unwrap_or_default().trim();
                let is = |name: &str| range.eq_ignore_ascii_case(name);
                accepts.json |= is("application/json") || is("application/*") || is("*/*");
                accepts.sse |= is("text/event-stream") || is("text/*") || is("*/*");
            }
        }
        if asked { accepts } else { Self { json: true, sse: true } }
    }
}

/// Whether the body is plain JSON in UTF-8.
pub(crate) fn body_is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(content_type)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json
        && !headers.contains_key(CONTENT_ENCODING)
        && parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
            !name.eq_ignore_ascii_case("charset")
                || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

/// Whether a browser page of another site sent this. Requests without `Origin` are not from a page.
pub(crate) fn origin_is_foreign(headers: &HeaderMap) -> bool {
    headers.get_all(ORIGIN).iter().any(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        !host.is_some_and(is_loopback_host)
    })
}

/// Whether `host`, with or without a port, is this machine talking to itself.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if port.is_empty() || port.starts_with(':') => name,
            _ => return false,
        },
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_header_agrees_only_once_and_only_with_the_bodys_own_value() {
        for (value, body, agrees) in [
            ("tools/call", "tools/call", true),
            (" tools/call ", "tools/call", true),
            ("Tools/Call", "tools/call", false),
            ("=?base64?dG9vbHMvY2FsbA==?=", "tools/call", true),
            ("=?base64?dG9vbHMvY2FsbB==?=", "tools/call", false),
            ("=?base64?dG9vbHMvY2FsbA?=", "tools/call", false),
            ("=?BASE64?dG9vbHMvY2FsbA==?=", "tools/call", false),
            ("=?base64?/w==?=", "\u{ff}", false),
            // A value that looks encoded must be encoded itself.
            ("=?base64?eA==?=", "=?base64?eA==?=", false),
            ("=?base64?x", "=?base64?x", true),
            ("", "tools/call", false),
        ] {
            let list = headers(&[(METHOD, value)]);
            assert_eq!(agree(&list, METHOD, body).is_ok(), agrees, "{value} {body}");
        }
        assert!(agree(&headers(&[]), METHOD, "ping").is_err());
        assert!(agree(&headers(&[(METHOD, "ping"), (METHOD, "ping")]), METHOD, "ping").is_err());
    }

    #[test]
    fn accept_says_which_forms_are_taken() {
        for (list, json, sse) in [
            (&[][..], true, true),
            (&[("accept", "*/*")], true, true),
            (&[("accept", "application/json, text/event-stream")], true, true),
            (&[("accept", "application/json"), ("accept", "Text/Event-Stream;q=0.5")], true, true),
            (&[("accept", "application/json")], true, false),
            (&[("accept", "text/event-stream")], false, true),
            (&[("accept", "text/html")], false, false),
        ] {
            assert_eq!(Accepts::of(&headers(list)), Accepts { json, sse }, "{list:?}");
        }
    }

    #[test]
    fn only_plain_utf_8_json_bodies_are_read() {
        for (list, taken) in [
            (&[("content-type", "application/json")][..], true),
            (&[("content-type", "Application/JSON; charset=UTF-8")], true),
            (&[("content-type", "application/json; charset=\"utf-8\"")], true),
            (&[("content-type", "application/json; charset=utf-16")], false),
            (&[("content-type", "text/plain")], false),
            (&[("content-type", "application/jsonx")], false),
            (&[("content-type", "application/json"), ("content-encoding", "gzip")], false),
            (&[], false),
        ] {
            assert_eq!(body_is_json(&headers(list)), taken, "{list:?}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_foreign() {
        for (origin, foreign) in [
            ("http://localhost:3000", false),
            ("https://127.0.0.1", false),
            ("http://[::1]:80", false),
            ("http://evil.example", true),
            ("http://localhost.evil.example", true),
            ("http://127.0.0.1.evil.example", true),
            ("http://[::1].evil.example", true),
            ("null", true),
            ("", true),
        ] {
            let list = [("origin", origin)];
            assert_eq!(origin_is_foreign(&headers(&list)), foreign, "{origin}");
        }
        assert!(!origin_is_foreign(&headers(&[])));
    }
}
