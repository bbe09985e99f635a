//! The client: a pool for one server, which dials only addresses that were checked.
//!
//! No redirects, no cookies, no proxy from the environment, no retry of a request that may have
//! left. A name is looked up once, every address it has is checked, and the connection goes to a
//! checked address, so that an answer that changes between check and use changes nothing.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use url::Url;

use crate::Guard;
use crate::patient::Patient;

/// How long a connection waits for its next request. The servers that MCP is mostly served by
/// (Node's and uvicorn) close theirs after five seconds of silence: a request that meets that close
/// on its way has an outcome nobody knows, so we let go first.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// The most that one read takes from an HTTP/1 connection, and so the longest head of an answer. An
/// answer that one read takes whole is passed on without a copy: twice 64 KiB, so that one of 64 KiB
/// is such an answer, head included.
const READ_BYTES_MAX: usize = 128 << 10;

/// Dials what the guard lets through.
#[derive(Clone, Debug)]
pub struct Dial {
    guard: Arc<Guard>,
}

impl tower_service::Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let guard = self.guard.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default();
            let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
            let port = uri.port_u16().unwrap_or(default);
            let addresses = guard.resolve(host, port).await.map_err(io::Error::other)?;
            let stream = TcpStream::connect(&addresses[..]).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// The HTTP client of one server.
#[derive(Clone, Debug)]
pub enum HttpClient {
    /// Over plain TCP, to loopback and listed private targets.
    Plain(Client<Patient<Dial>, Full<Bytes>>),
    /// Over TLS.
    Tls(Client<Patient<HttpsConnector<Dial>>, Full<Bytes>>),
}

/// What became of an exchange that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Provably nothing was sent.
    NotSent,
    /// It may have been sent.
    Unknown,
}

impl HttpClient {
    /// A client with a pool of its own. Looking the name up, connecting and TLS together must be
    /// done `within` that time; whoever waits longer has sent nothing.
    pub fn new(url: &Url, guard: Guard, within: Duration) -> Self {
        let dial = Dial { guard: Arc::new(guard) };
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(512)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(READ_BYTES_MAX);
        if url.scheme() == "https" {
            let connector = hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(tls_config())
                .https_only()
                .enable_all_versions()
                .wrap_connector(dial);
            Self::Tls(builder.build(Patient { inner: connector, within }))
        } else {
            Self::Plain(builder.build(Patient { inner: dial, within }))
        }
    }

    /// Sends a request once and waits for the head of its answer.
    ///
    /// - **Errors**: what is known of the request's fate.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        first_byte: Duration,
    ) -> Result<Response<Incoming>, Broken> {
        let sent = async {
            match self {
                Self::Plain(client) => client.request(request).await,
                Self::Tls(client) => client.request(request).await,
            }
        };
        match tokio::time::timeout(first_byte, sent).await {
            Ok(Ok(response)) => Ok(response),
            // Connection refused or too slow, name or TLS failed: not a byte of the request was written.
            Ok(Err(error)) if error.is_connect() => Err(Broken::NotSent),
            Ok(Err(_)) | Err(_) => Err(Broken::Unknown),
        }
    }
}

/// TLS towards upstreams: the machine's trusted roots, read when the first `https` server is used.
fn tls_config() -> rustls::ClientConfig {
    static CONFIG: OnceLock<rustls::ClientConfig> = OnceLock::new();
    CONFIG
        .get_or_init(|| {
            let mut roots = rustls::RootCertStore::empty();
            let native = rustls_native_certs::load_native_certs();
            for error in &native.errors {
                tracing::warn!(%error, "some trusted roots of this machine could not be read");
            }
            roots.add_parsable_certificates(native.certs);
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let builder = rustls::ClientConfig::builder_with_provider(provider);
            #[expect(
                clippy::expect_used,
                reason = "the provider supports the default protocol versions; no input is involved"
            )]
            let builder = builder.with_safe_default_protocol_versions().expect("default versions");
            builder.with_root_certificates(roots).with_no_client_auth()
        })
        .clone()
}
