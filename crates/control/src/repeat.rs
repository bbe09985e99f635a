//! `Idempotency-Key`: the same creation asked for twice is made once and answered twice.
//!
//! Answers are kept without their secrets, so a repeated answer shows the object and no token.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::body::{Input, Unread};
use crate::operator::Authorized;
use crate::problem::{Code, Problem};
use crate::{Control, etag};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key that is taken.
const KEY_BYTES_MAX: usize = 128;

/// What a creation answers with.
pub(crate) trait Creation: Serialize {
    /// The status of the answer.
    const STATUS: StatusCode = StatusCode::CREATED;
    /// Where the object can be read.
    fn location(&self) -> String;
    /// The revision of the object, if it has one.
    fn revision(&self) -> Option<i64> {
        None
    }
    /// Takes every secret out, and says so: this is what is kept for a repeated request.
    fn without_secrets(self) -> Self;
}

/// Why a creation goes no further: a refusal, or the answer that was given before.
pub(crate) enum Halt {
    Refused(Problem),
    Answered(Response),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl IntoResponse for Halt {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(problem) => problem.into_response(),
            Self::Answered(response) => response,
        }
    }
}

/// The right to answer one creation.
pub(crate) struct Turn {
    control: Control,
    by: store::By,
    key: Option<(String, [u8; 32])>,
}

/// A kept answer.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    location: String,
    revision: Option<i64>,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl Unread {
    /// Reads a creation, unless it was answered before.
    pub(crate) async fn read_once<T: DeserializeOwned>(
        self,
        control: &Control,
        by: &Authorized,
    ) -> Result<(T, Turn), Halt> {
        let key = key_of(&self.headers)?;
        let asked = format!("{} {}", self.method, self.uri);
        // A creation without fields may come without a body.
        let bytes = if self.is_empty() {
            bytes::Bytes::from_static(b"{}")
        } else {
            self.bytes_of_json().await?
        };
        let mut turn = Turn { control: control.clone(), by: by.by(), key: None };
        if let Some(key) = key {
            let request = digest_of(&[asked.as_bytes(), &bytes]);
            turn.take(key, request)?;
            turn.answered().await?;
        }
        Ok((Input::of(&bytes)?.decode()?, turn))
    }
}

impl Turn {
    /// How the key stands among those being answered: keys belong to whoever sends them.
    fn mark(&self, key: &str) -> String {
        let store::By { org, member, key: with, .. } = &self.by;
        let member = member.as_ref().map_or("", |id| id.as_str());
        format!("{org} {member} {} {key}", with.as_ref().map_or("", |id| id.as_str()))
    }

    /// Enters the key among those being answered. Leaves when the turn is dropped.
    fn take(&mut self, key: String, request: [u8; 32]) -> Result<(), Problem> {
        let mut waiting = lock(&self.control.inner.in_flight);
        if !waiting.insert(self.mark(&key)) {
            return Err(Problem::new(
                Code::InFlight,
                "a request with this Idempotency-Key is being answered: repeat it in a moment",
            ));
        }
        drop(waiting);
        self.key = Some((key, request));
        Ok(())
    }

    /// Stops with the answer that was given before, if one was.
    async fn answered(&self) -> Result<(), Halt> {
        let Some((key, request)) = &self.key else { return Ok(()) };
        let store = &self.control.store;
        let Some((status, text)) = store.idempotent(&self.by, key).await.map_err(Problem::from)?
        else {
            return Ok(());
        };
        let first = store.idempotent_request(&self.by, key).await.map_err(Problem::from)?;
        if first != Some(*request) {
            return Err(Halt::Refused(Problem::new(
                Code::KeyReused,
                "this Idempotency-Key came with another request before: use a new one",
            )));
        }
        let unreadable = |_| Problem::new(Code::Internal, "the first answer cannot be read");
        let kept: Kept<'_> = serde_json::from_str(&text).map_err(unreadable)?;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CREATED);
        let body = kept.body.get().to_owned().into_bytes();
        let mut response = answer(status, &kept.location, kept.revision, body);
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Err(Halt::Answered(response))
    }

    /// Answers, and keeps the answer without its secrets.
    pub(crate) async fn answer<C: Creation>(self, made: C) -> Result<Response, Halt> {
        let (location, revision) = (made.location(), made.revision());
        let response = answer(C::STATUS, &location, revision, text(&made)?);
        if let Some((key, request)) = &self.key {
            let body = String::from_utf8(text(&made.without_secrets())?).unwrap_or_default();
            let body = RawValue::from_string(body)
                .map_err(|_| Problem::new(Code::Internal, "the answer cannot be kept"))?;
            let kept = Kept { location, revision, body: &body };
            let kept = String::from_utf8(text(&kept)?).unwrap_or_default();
            let status = C::STATUS.as_u16();
            let done =
                self.control.store.idempotent_keep(&self.by, key, *request, status, &kept).await;
            if let Err(error) = done {
                // The object is made and recorded; only a repetition would not know of it.
                tracing::error!(error = %error, "the answer to a creation was not kept");
            }
        }
        Ok(response)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((key, _)) = &self.key {
            lock(&self.control.inner.in_flight).remove(&self.mark(key));
        }
    }
}

/// Writes a view as JSON text.
pub(crate) fn text<T: Serialize>(view: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(view).map_err(|_| Problem::new(Code::Internal, "the answer was not written"))
}

fn answer(status: StatusCode, location: &str, revision: Option<i64>, body: Vec<u8>) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    if let Some(revision) = revision {
        headers.insert(header::ETAG, etag::write(revision));
    }
    response
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(KEY).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let fits = !text.is_empty() && text.len() <= KEY_BYTES_MAX;
    if !fits || given.next().is_some() {
        let message = format!("one Idempotency-Key of 1 to {KEY_BYTES_MAX} visible characters");
        return Err(Problem::field("Idempotency-Key", "invalid_value", message));
    }
    Ok(Some(text.to_owned()))
}

fn digest_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

fn lock(waiting: &Mutex<HashSet<String>>) -> std::sync::MutexGuard<'_, HashSet<String>> {
    // The set is whole after every single call: nothing is half done if a holder died.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
