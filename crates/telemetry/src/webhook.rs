//! The log as signed batches to an address of the operator's, at least once and in order.
//!
//! Signed as Standard Webhooks says: `webhook-signature` is `v1,` and the base64 of HMAC-SHA-256 over
//! `ID.TIMESTAMP.BODY`. The id of a batch is its place in the log, so a receiver that has seen it
//! knows it again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use audit::export::{self, Withheld};
use dial::Fetch;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use store::{Clock, LogPart};
use vault::{Secret, WebhookKey};

use crate::{Sink, SinkError};

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most bytes of an answer that are read; nothing in it is used.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Batches to one address.
pub struct WebhookSink {
    url: String,
    key: WebhookKey,
    /// The name of the log.
    origin: String,
    clock: Arc<dyn Clock>,
    fetch: Fetch,
}

impl WebhookSink {
    /// Batches to this address, signed under this secret: the bytes of a text, or what follows
    /// `whsec_` in base64. `private_targets` are targets that are not public (`host:port`).
    pub fn new(
        url: String,
        secret: &Secret,
        origin: String,
        clock: Arc<dyn Clock>,
        private_targets: Vec<String>,
    ) -> Self {
        let fetch = Fetch::new(ANSWER_BYTES_MAX, PATIENCE, private_targets);
        Self { url, key: WebhookKey::hmac_of_text(secret), origin, clock, fetch }
    }
}

/// A batch: the lines that a file of evidence would have, in one object.
fn body(origin: &str, from: u64, part: &LogPart) -> String {
    let mut text = format!("{{\"format\":\"countersign-export/v1\",\"from\":{from},\"lines\":[");
    let leaves = part.leaves.iter().map(|leaf| {
        let why = leaf.retained.then_some(Withheld::Retention);
        export::leaf(leaf.index, Some(&leaf.hash), leaf.entry.as_deref(), why)
    });
    let checkpoint = part.checkpoint.iter().map(|checkpoint| export::checkpoint(&checkpoint.note));
    for (at, line) in leaves.chain(checkpoint).enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(line.trim_end());
    }
    let origin = serde_json::Value::from(origin);
    text.push_str(&format!("],\"log\":{origin},\"next\":{}}}", part.next));
    text
}

#[async_trait]
impl Sink for WebhookSink {
    fn name(&self) -> &'static str {
        "webhook"
    }

    async fn deliver(&mut self, from: u64, part: &LogPart) -> Result<(), SinkError> {
        let body = body(&self.origin, from, part);
        let id = format!("entries_{from}_{}", part.next);
        let timestamp = self.clock.now().micros() / 1_000_000;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.key.headers(&id, timestamp, body.as_bytes()) {
            // All three are plain ASCII.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        let answer = self.fetch.post(&self.url, headers, body).await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(SinkError::Refused(answer.status.as_u16()))
        }
    }
}
