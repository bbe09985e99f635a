//! Reading what a request carries: bodies and query strings, bounded, strict, and only once the
//! asker may do what they ask.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use json::{Limits, Value};
use serde::de::DeserializeOwned;
use zeroize::Zeroize;

use crate::decode;
use crate::problem::{Code, Fault, Problem};

/// The most a body may hold: a policy of 1 MiB is a JSON string in it, so the escapes and the
/// other fields must fit beside it.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The most the text of one document in a body may hold.
pub(crate) const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// The time a whole body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// As strict as for calls: what is stored or simulated is judged by the same rules later.
pub(crate) const LIMITS: Limits = Limits { depth: 64, members: 100_000, exact: true };

/// A request whose body has not been looked at. Handlers read it after the role was checked.
pub(crate) struct Unread {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    body: Body,
}

impl<S: Send + Sync> FromRequest<S> for Unread {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Self { method: parts.method, uri: parts.uri, headers: parts.headers, body })
    }
}

impl Unread {
    /// Reads the body as a `T`.
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        Input::of(&self.bytes_of_json().await?)?.decode()
    }

    /// Reads the body as a `T`; no body at all stands for an empty object.
    pub(crate) async fn read_or_empty<T: DeserializeOwned>(self) -> Result<T, Problem> {
        if self.is_empty() {
            return Input(Value::Object(json::Object::new())).decode();
        }
        self.read().await
    }

    /// Makes sure that there is no body, or an empty object: the route takes no fields.
    pub(crate) async fn read_nothing(self) -> Result<(), Problem> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        self.read_or_empty::<Nothing>().await.map(|Nothing {}| ())
    }

    /// The whole body, once its headers say that it is JSON.
    pub(crate) async fn bytes_of_json(self) -> Result<Bytes, Problem> {
        self.is_json()?;
        let length = self.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        if length.and_then(|v| v.parse::<u64>().ok()).is_some_and(|n| n > BODY_BYTES_MAX as u64) {
            return Err(too_large());
        }
        let whole = Limited::new(self.body, BODY_BYTES_MAX).collect();
        match tokio::time::timeout(BODY_DEADLINE, whole).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if is_too_long(error.as_ref()) => Err(too_large()),
            Ok(Err(_)) => Err(Problem::new(Code::BadRequest, "the body was cut off")),
            Err(_) => Err(Problem::new(Code::BodyTimeout, "send the whole body within 30 seconds")),
        }
    }

    /// Whether nothing was sent at all.
    pub(crate) fn is_empty(&self) -> bool {
        hyper::body::Body::is_end_stream(&self.body)
    }

    fn is_json(&self) -> Result<(), Problem> {
        let wrong = |detail: &str| Err(Problem::new(Code::MediaType, detail));
        if self.headers.contains_key(header::CONTENT_ENCODING) {
            return wrong("send the body without a Content-Encoding");
        }
        let mut kinds = self.headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return wrong("send exactly one Content-Type: application/json");
        };
        let mut parts = kind.to_str().unwrap_or_default().split(';').map(str::trim);
        let json = parts.next().is_some_and(|t| t.eq_ignore_ascii_case("application/json"));
        let utf8 = parts.all(|p| {
            p.eq_ignore_ascii_case("charset=utf-8") || p.eq_ignore_ascii_case("charset=\"utf-8\"")
        });
        if json && utf8 { Ok(()) } else { wrong("send the body as application/json in UTF-8") }
    }
}

fn too_large() -> Problem {
    Problem::new(Code::BodyTooLarge, format!("a body holds at most {BODY_BYTES_MAX} bytes"))
}

fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The value of a body. Its strings are wiped when it is dropped: one may be a credential.
pub(crate) struct Input(Value);

impl Input {
    /// Reads the bytes strictly.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, Problem> {
        json::read(bytes, LIMITS).map(Self).map_err(|error| {
            let place = json::document::place(bytes, error.at());
            let fault = Fault {
                line: Some(place.line),
                column: Some(place.column),
                ..Fault::new(String::new(), error.fault().code(), error.to_string())
            };
            if error.fault().is_syntax() {
                let detail = format!("see line {}, column {}", place.line, place.column);
                Problem::new(Code::NotJson, detail).listing(vec![fault])
            } else {
                Problem::invalid(vec![fault])
            }
        })
    }

    /// Reads the value as a `T`.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        decode::from_value(&self.0).map_err(|fault| Problem::invalid(vec![*fault]))
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        wipe(std::mem::replace(&mut self.0, Value::Null));
    }
}

/// Overwrites every string of the value.
fn wipe(value: Value) {
    match value {
        Value::String(mut text) => text.zeroize(),
        Value::Array(list) => list.into_iter().for_each(wipe),
        Value::Object(mut object) => {
            let names: Vec<String> = object.names().map(str::to_owned).collect();
            for name in names {
                if let Some(member) = object.get_mut(&name) {
                    wipe(std::mem::replace(member, Value::Null));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A query string that others write: unknown parameters are theirs, and one that stands twice is
/// none.
pub(crate) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let text = parts.uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }
}

impl Query {
    /// The value of a parameter that stands once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(other, _)| other == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// Whether a parameter stands more than once.
    pub(crate) fn repeats(&self, name: &str) -> bool {
        self.0.iter().filter(|(other, _)| other == name).count() > 1
    }
}

/// A query string that has not been looked at.
pub(crate) struct Asked(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.uri.query().map(str::to_owned)))
    }
}

impl Asked {
    /// Reads the parameters as a `T`: unknown ones and repeated ones are refused.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut given = json::Object::new();
        let text = self.0.as_deref().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if given.get(&name).is_some() {
                return Err(Problem::field("", "duplicate_key", "a query parameter stands twice"));
            }
            given.insert(name, value.into_owned());
        }
        decode::from_value(&Value::Object(given)).map_err(|fault| {
            // A parameter is named by its bare name: there is no document to point into.
            let pointer = fault.pointer.trim_start_matches('/').to_owned();
            Problem::invalid(vec![Fault { pointer, ..*fault }])
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        tool: Option<String>,
        #[serde(rename = "limit")]
        _limit: Option<String>,
    }

    #[test]
    fn query_parameters_are_known_and_stand_once() {
        let read = |text: &str| Asked(Some(text.to_owned())).read::<Filter>();
        assert_eq!(read("tool=a%20b&limit=3").unwrap().tool.as_deref(), Some("a b"));
        assert_eq!(read("").unwrap().tool, None);
        for (bad, pointer) in [("tol=a", "tol"), ("tool=a&tool=b", ""), ("order=;drop", "order")] {
            let problem = read(bad).unwrap_err();
            assert_eq!(
                (problem.code(), problem.errors()[0].pointer.as_str()),
                (Code::Invalid, pointer)
            );
        }
    }
}
