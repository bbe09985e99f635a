//! The dashboard: files built beforehand, handed out as they are. Nothing of an organisation is in
//! them; what a person sees there, the page asks the API for.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use vault::{OsRandom, Randomness};

use crate::Control;
use crate::problem::{Code, Problem};

/// The page every address of the dashboard begins with.
const INDEX: &str = "index.html";
/// What stands in that page where the nonce of the answer belongs.
const NONCE_MARK: &str = "__CSP_NONCE__";
/// Where files lie whose names change with their content.
const HASHED: &str = "assets/";

/// A file of the dashboard, with its two compressed forms.
///
/// - **Shape**: `path` without a leading slash; an empty form means that there is none.
/// - **Source**: the build of `web/`, embedded by the binary.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where it lies, such as `assets/index-B1c2.js`.
    pub path: &'static str,
    /// The file itself.
    pub plain: &'static [u8],
    /// The file as gzip.
    pub gzip: &'static [u8],
    /// The file as brotli.
    pub brotli: &'static [u8],
}

/// Answers what is no route of the API: a file of the dashboard, or its page.
pub(crate) async fn serve(State(control): State<Control>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let asks = request.method() == Method::GET || request.method() == Method::HEAD;
    if !asks || path == "api" || path.starts_with("api/") {
        return nowhere();
    }
    let files = control.dashboard;
    if path != INDEX
        && let Some(file) = files.iter().find(|file| file.path == path)
    {
        return file_answer(file, &request);
    }
    // A browser that asks for a page gets the page, whatever the address: the page reads it.
    let page = path.is_empty() || (!path.starts_with(HASHED) && accepts(&request, "text/html"));
    if page { index(files) } else { nowhere() }
}

fn nowhere() -> Response {
    Problem::new(Code::NoSuchRoute, "see /api/v1/openapi.json for the routes").into_response()
}

fn accepts(request: &Request, kind: &str) -> bool {
    let given = request.headers().get_all(header::ACCEPT).iter();
    given.filter_map(|value| value.to_str().ok()).any(|value| value.contains(kind))
}

/// The page, with a nonce of its own in its text and in its content policy.
fn index(files: &[Asset]) -> Response {
    let mut bytes = [0_u8; 18];
    if OsRandom.fill(&mut bytes).is_err() {
        return Problem::new(Code::Internal, "the system gave no random bytes").into_response();
    }
    let nonce = STANDARD.encode(bytes);
    let text = files.iter().find(|file| file.path == INDEX);
    let text = text.and_then(|file| std::str::from_utf8(file.plain).ok()).unwrap_or(NOT_BUILT);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    );
    let Ok(policy) = HeaderValue::try_from(policy) else { return nowhere() };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ];
    (headers, text.replace(NONCE_MARK, &nonce)).into_response()
}

/// A file in the smallest form that the browser takes. Its name stands for its content.
fn file_answer(file: &Asset, request: &Request) -> Response {
    let hashed = file.path.starts_with(HASHED);
    let keep = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let (coding, bytes) = if !file.brotli.is_empty() && takes(request, "br") {
        (Some("br"), file.brotli)
    } else if !file.gzip.is_empty() && takes(request, "gzip") {
        (Some("gzip"), file.gzip)
    } else {
        (None, file.plain)
    };
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind_of(file.path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Whether the browser takes a coding. One that is named with `q=0` is not taken.
fn takes(request: &Request, coding: &str) -> bool {
    let given = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    given.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|q| q > 0.0))
    })
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>Countersign</title>
<h1>The dashboard was not built</h1>
<p>This program was compiled without it. Everything else works: the API is at <code>/api/v1</code>, and the command
line does all that the dashboard does.</p>
<p>To build it, run <code>cargo xtask web</code> (it needs Node 20.19 or newer) and compile again.</p>
</html>
";

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn asking(encoding: &str) -> Request {
        let request = http::Request::builder().uri("/").header("accept-encoding", encoding);
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_coding_is_taken_when_it_is_named_and_wanted() {
        for (given, coding, taken) in [
            ("gzip, br", "br", true),
            ("gzip, BR;q=0.5", "br", true),
            ("gzip, br;q=0", "br", false),
            ("gzip", "br", false),
            ("brotli", "br", false),
            ("", "gzip", false),
        ] {
            assert_eq!(takes(&asking(given), coding), taken, "{given} {coding}");
        }
    }

    #[test]
    fn the_page_has_a_fresh_nonce_in_its_text_and_in_its_policy() {
        const PAGE: &[Asset] = &[Asset {
            path: INDEX,
            plain: b"<meta name=\"csp-nonce\" content=\"__CSP_NONCE__\">",
            gzip: b"",
            brotli: b"",
        }];
        let policy = |response: &Response| {
            response.headers()["content-security-policy"].to_str().unwrap().to_owned()
        };
        let (first, second) = (policy(&index(PAGE)), policy(&index(PAGE)));
        assert_ne!(first, second);
        let nonce = first.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert_eq!(nonce.len(), 24);
    }
}
