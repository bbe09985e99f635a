//! One bounded request: for small answers that are read whole, such as an identity provider's
//! documents and tokens.
//!
//! A redirect is an answer like any other and is not followed: whoever wants to go on makes a new
//! request, which meets the guard again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Body as _;

use crate::guard::is_here;
use crate::{Broken, Guard, GuardError, HttpClient, Names, machine};

/// How long looking a name up, connecting and TLS may take together.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The bounds of a request and the private targets it may reach.
#[derive(Clone, Debug)]
pub struct Fetch {
    answer_bytes_max: usize,
    deadline: Duration,
    private_targets: Vec<String>,
    names: Arc<dyn Names>,
    /// Whether addresses are somebody else's word.
    of_others: bool,
}

/// An answer that was read whole.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The status, whatever it is: a redirect, too.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not decoded: no encoding was asked for.
    pub body: Bytes,
}

/// Why there is no answer. Texts name no address and nothing that was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The address may not be dialled.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The request cannot be written.
    #[error("the request cannot be written")]
    Request(#[source] http::Error),
    /// No connection: nothing was sent.
    #[error("no connection could be made")]
    NotSent,
    /// The connection broke or fell silent; the request may have arrived.
    #[error("the connection broke before the answer was complete")]
    Broken,
    /// The deadline passed.
    #[error("there was no complete answer in time")]
    Late,
    /// The answer is larger than the limit.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl Fetch {
    /// Requests whose answers have at most so many bytes and which are over `within` that time:
    /// looking up, dialling, sending and reading together. `private_targets` are targets that are
    /// not public (`host:port`), as an operator allowed them.
    pub fn new(answer_bytes_max: usize, within: Duration, private_targets: Vec<String>) -> Self {
        let (names, of_others) = (machine(), false);
        Self { answer_bytes_max, deadline: within, private_targets, names, of_others }
    }

    /// The same, for addresses that whoever is at `whose` names. They may name any of the internet,
    /// and of this machine only where they are on it themselves; everything else inside must be
    /// listed.
    #[must_use]
    pub fn named_by(self, whose: &str) -> Self {
        Self { of_others: !is_here(whose), ..self }
    }

    /// The same, asking these for the addresses of names.
    #[must_use]
    pub fn asking(self, names: Arc<dyn Names>) -> Self {
        Self { names, ..self }
    }

    /// Asks for the document at this address.
    pub async fn get(&self, url: &str, headers: HeaderMap) -> Result<Fetched, FetchError> {
        self.send(Method::GET, url, headers, Bytes::new()).await
    }

    /// Sends a body (its `Content-Type` among the headers) to this address.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Fetched, FetchError> {
        self.send(Method::POST, url, headers, body.into()).await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Fetched, FetchError> {
        let judge = if self.of_others { Guard::of_others } else { Guard::of };
        let (url, guard) = judge(url, &self.private_targets)?;
        let guard = guard.asking(self.names.clone());
        // A name that resolves inside is told apart from one that does not answer.
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let exchange = async {
            guard.resolve(host, port).await?;
            let client = HttpClient::new(&url, guard.clone(), CONNECT_WITHIN);
            let mut request = Request::builder()
                .method(method)
                .uri(url.as_str())
                .body(Full::new(body))
                .map_err(FetchError::Request)?;
            *request.headers_mut() = headers;
            let plain = HeaderValue::from_static("identity");
            request.headers_mut().insert(header::ACCEPT_ENCODING, plain);
            let answer =
                client.send(request, self.deadline).await.map_err(|broken| match broken {
                    Broken::NotSent => FetchError::NotSent,
                    Broken::Unknown => FetchError::Broken,
                })?;
            let (head, body) = answer.into_parts();
            let limit = self.answer_bytes_max;
            // An announced length is believed, so that nothing beyond the limit is waited for.
            if body.size_hint().lower() > limit as u64 {
                return Err(FetchError::TooLarge(limit));
            }
            let body = Limited::new(body, limit).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    FetchError::TooLarge(limit)
                } else {
                    FetchError::Broken
                }
            })?;
            Ok(Fetched { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(self.deadline, exchange).await.unwrap_or(Err(FetchError::Late))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that says one thing and keeps the connection open.
    async fn says(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                open.push(stream);
            }
        });
        format!("http://127.0.0.1:{port}/")
    }

    async fn asked(answer: &'static str) -> Result<Fetched, FetchError> {
        let fetch = Fetch::new(64, Duration::from_millis(500), vec![]);
        fetch.get(&says(answer).await, HeaderMap::new()).await
    }

    #[tokio::test]
    async fn an_answer_is_read_whole() {
        let answer = asked("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, b"hello".as_slice()));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let head =
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(asked(head).await.unwrap().status.as_u16(), 302);
    }

    #[tokio::test]
    async fn an_answer_beyond_the_limit_is_refused() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n41\r\n00000000000000000000000000000000000000000000000000000000000000000\r\n0\r\n\r\n",
        ] {
            let refused = asked(answer).await;
            assert!(matches!(refused, Err(FetchError::TooLarge(64))), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_falls_silent_is_given_up() {
        for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"]
        {
            let given_up = asked(answer).await;
            assert!(
                matches!(given_up, Err(FetchError::Late | FetchError::Broken)),
                "{answer}: {given_up:?}"
            );
        }
    }

    #[tokio::test]
    async fn addresses_inside_are_refused_before_anything_is_sent() {
        let fetch = Fetch::new(64, Duration::from_millis(500), vec![]);
        for url in ["https://169.254.169.254/", "http://10.0.0.1/", "ftp://example.com/"] {
            let refused = fetch.get(url, HeaderMap::new()).await;
            assert!(matches!(refused, Err(FetchError::Guard(_))), "{url}: {refused:?}");
        }
    }
}
