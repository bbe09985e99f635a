//! Files of JSON lines on their way out: read a part at a time, while they are sent.

use std::future::Future;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use store::StoreError;

/// What a file is read from.
pub(crate) trait Lines: Send + 'static {
    /// The next part of it, in whole lines; `None` at its end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;
}

/// The answer that sends these lines; `disposition` names the file for whoever keeps it.
pub(crate) fn file(disposition: &'static str, lines: impl Lines) -> Response {
    let parts = futures_util::stream::try_unfold(lines, |mut lines| async move {
        Ok::<_, StoreError>(lines.next().await?.map(|bytes| (bytes, lines)))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition)),
    ];
    (headers, Body::from_stream(parts)).into_response()
}
