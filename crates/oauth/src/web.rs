//! The way out: one small trait, and the guarded client behind it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use dial::{Fetch, FetchError, Names};
use http::{HeaderMap, StatusCode};

/// The largest document or answer that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long looking up, dialling, sending and reading may take together.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer, read whole. A redirect is an answer like any other.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer. Texts name no address and nothing that was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// The address may not be dialled.
    #[error("{0}")]
    Refused(String),
    /// It may be dialled, and no connection came about: nothing arrived there.
    #[error("{0}")]
    Unreached(String),
    /// There was no whole answer. Whether it arrived is not known.
    #[error("{0}")]
    Lost(String),
}

/// Asks one address. What tests replace.
#[async_trait]
pub trait Web: Send + Sync {
    /// Reads a document.
    async fn get(&self, url: &str) -> Result<Answer, Unanswered>;
    /// Sends a body, its `Content-Type` among the headers.
    async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Unanswered>;
}

/// The guarded way: every address is judged when it is named and again when it is dialled.
///
/// An upstream may name any address of the internet, and none inside. One that runs on this machine
/// itself may name others on this machine; everything else inside must be listed by the operator.
#[derive(Clone, Debug)]
pub struct Guarded(Fetch);

impl Guarded {
    /// The way out for the upstream at this address, with the private targets (`host:port`) that its
    /// operator listed.
    pub fn of(upstream: &str, private_targets: &[String]) -> Self {
        let fetch = Fetch::new(ANSWER_BYTES_MAX, PATIENCE, private_targets.to_vec());
        Self(fetch.named_by(upstream))
    }

    /// The same, asking these for the addresses of names.
    #[must_use]
    pub fn asking(self, names: Arc<dyn Names>) -> Self {
        Self(self.0.asking(names))
    }
}

#[async_trait]
impl Web for Guarded {
    async fn get(&self, url: &str) -> Result<Answer, Unanswered> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
        answered(self.0.get(url, headers).await)
    }

    async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Unanswered> {
        answered(self.0.post(url, headers, body).await)
    }
}

fn answered(result: Result<dial::Fetched, FetchError>) -> Result<Answer, Unanswered> {
    match result {
        Ok(fetched) => {
            let dial::Fetched { status, headers, body } = fetched;
            Ok(Answer { status, headers, body })
        }
        Err(error @ (FetchError::Guard(_) | FetchError::Request(_))) => {
            Err(Unanswered::Refused(error.to_string()))
        }
        Err(error @ FetchError::NotSent) => Err(Unanswered::Unreached(error.to_string())),
        Err(other) => Err(Unanswered::Lost(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S10: what an upstream names is judged as a stranger's word, not as the operator's.
    #[tokio::test]
    async fn s10_an_upstream_cannot_name_addresses_inside() {
        let inside = [
            "http://127.0.0.1:9/a",
            "http://localhost:9/a",
            "http://localhost.:9/a",
            "http://[::1]:9/a",
            "https://127.0.0.1/a",
            "https://127.8.8.8/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://169.254.169.254/a",
            "http://10.0.0.1/a",
            "https://10.0.0.1/a",
            "https://[fd00::1]/a",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "",
        ];
        let stranger = Guarded::of("https://mcp.example.com/mcp", &[]);
        for url in inside {
            let refused = stranger.get(url).await;
            assert!(matches!(refused, Err(Unanswered::Refused(_))), "{url}: {refused:?}");
        }
        let here = Guarded::of("http://127.0.0.1:1/mcp", &[]);
        assert!(matches!(here.get("http://127.0.0.1:9/a").await, Err(Unanswered::Unreached(_))));
        let listed = Guarded::of("https://mcp.example.com/mcp", &["127.0.0.1:9".to_owned()]);
        assert!(matches!(listed.get("http://127.0.0.1:9/a").await, Err(Unanswered::Unreached(_))));
        assert!(matches!(listed.get("http://127.0.0.1:8/a").await, Err(Unanswered::Refused(_))));
    }
}
