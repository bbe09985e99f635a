//! OAuth 2.1 as a client of upstreams: the protocol, and nothing that is kept.
//!
//! - [`discover`] finds the authorization server of an upstream (RFC 9728, RFC 8414, OpenID
//!   Connect Discovery); [`register`] makes a client there (RFC 7591).
//! - [`Visit`] is the address a person's browser is sent to (PKCE S256, `resource`, `state`), and
//!   judges what it brings back (RFC 9207).
//! - [`TokenRequest`] asks for tokens: for a code, for a refresh token, or for the client itself, with
//!   a secret or a signed assertion (RFC 7523).
//!
//! Everything goes out by one small trait, [`Web`]; [`Guarded`] is the real one, and puts every hop
//! through the guard that judges addresses. No redirect is followed. What the other side says is
//! read by the strict JSON reader, bounded, and never repeated in an error.

mod assertion;
mod challenge;
mod discover;
mod register;
mod token;
mod visit;
mod web;

pub use assertion::{AssertionError, SigningKey};
pub use challenge::Challenge;
pub use discover::{DiscoverError, Discovered, discover};
pub use register::{RegisterError, Registered, register};
pub use token::{AuthMethod, ClientAuth, TokenError, TokenRequest, Tokens, broader};
pub use visit::{Visit, VisitError, names_issuer, random_secret};
pub use web::{Answer, Guarded, Unanswered, Web};

/// Whether a scope is one (RFC 6749 §3.3), and short enough to be kept.
pub fn is_scope(scope: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !scope.is_empty() && scope.len() <= 256 && scope.bytes().all(fits)
}

/// How strictly documents and answers are read.
const LIMITS: json::Limits = json::Limits { depth: 16, members: 4_096, exact: true };

/// The JSON object of an answer, if it is one.
fn object(answer: &Answer) -> Option<json::Value> {
    json::read(&answer.body, LIMITS).ok().filter(|value| value.as_object().is_some())
}

/// The texts of a list; `None` if there is no such list.
fn texts(document: &json::Value, name: &str) -> Option<Vec<String>> {
    let list = document.get(name)?.as_array()?;
    Some(list.iter().filter_map(json::Value::as_str).map(str::to_owned).collect())
}
