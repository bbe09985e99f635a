//! A copy of the whole database, taken while it serves.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use std::fs::File;
use std::io::Read as _;

use crate::Control;
use crate::body::Unread;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;

/// How much is read at a time.
const PART_BYTES: usize = 256 * 1024;

/// Takes a copy of the database as it is at one moment; calls go on beside it. It holds sealed
/// credentials and hashed tokens, never the root key: keep both, apart.
#[utoipa::path(
    post, path = "/backup", tag = "audit", operation_id = "backup",
    responses(
        (status = 200, description = "A SQLite file", body = Vec<u8>,
            content_type = "application/vnd.sqlite3"),
        (status = "4XX", body = ProblemBody),
    ),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn take(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::Backup)?;
    body.read_nothing().await?;
    // One at a time: each takes as much of the disk as the database itself.
    let _one_at_a_time = control.inner.backups.lock().await;
    let file = control.store.backup(&by.by()).await?;
    let length = file.metadata().map(|file| file.len()).ok();
    let parts = futures_util::stream::try_unfold(file, |file| async move {
        let read = tokio::task::spawn_blocking(move || part(file)).await;
        read.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    });
    let mut response = Body::from_stream(parts).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/vnd.sqlite3");
    headers.insert(header::CONTENT_TYPE, kind);
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

/// The next part of the file; `None` at its end.
fn part(mut file: File) -> std::io::Result<Option<(Bytes, File)>> {
    let mut bytes = vec![0; PART_BYTES];
    let count = file.read(&mut bytes)?;
    bytes.truncate(count);
    Ok((count > 0).then(|| (Bytes::from(bytes), file)))
}
