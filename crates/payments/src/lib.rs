//! A small payments service as an MCP server: the demo's upstream, and the honest witness of what reached it.
//!
//! It serves both eras of the protocol at `POST /mcp` behind an API key, carries out six tools on an
//! in-memory business, and keeps a ledger of everything it did. It knows nothing of the gateway.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! let payments = payments::Server::start(([127, 0, 0, 1], 0).into(), "sk_demo".to_owned()).await?;
//! println!("serving {}", payments.url());
//! assert_eq!(payments.ledger().tool_calls, 0);
//! payments.stop().await;
//! # Ok(())
//! # }
//! ```

mod amount;
mod answer;
mod calls;
mod headers;
mod ledger;
mod legacy;
mod message;
mod modern;
mod serve;
mod sessions;
mod tools;
mod version;
mod world;
mod write;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use amount::{AMOUNT_MAX, Amount, AmountError};
pub use ledger::{Entry, Ledger, Total};
pub use version::Version;

use serve::Shared;

/// How a server behaves where the protocol leaves a choice.
#[derive(Debug, Clone)]
pub struct Options {
    /// Answer requests as `text/event-stream` where the client takes it. Otherwise JSON, unless the
    /// client takes nothing but a stream.
    pub sse: bool,
    /// How long the answer to a `tools/call` is held back. The call itself is carried out at once, so
    /// who hangs up meanwhile cannot undo it.
    pub latency: Duration,
    /// The revisions served. Leaving some out makes a server of one era only.
    pub versions: Vec<Version>,
    /// Whether legacy clients get a session. Without one, GET and DELETE answer 405.
    pub sessions: bool,
    /// How many ledger entries are kept, the newest. Totals count all.
    pub ledger_entries_max: usize,
}

impl Default for Options {
    /// JSON answers at once, every revision, sessions, the newest 100 000 entries.
    fn default() -> Self {
        Self {
            sse: false,
            latency: Duration::ZERO,
            versions: Version::ALL.to_vec(),
            sessions: true,
            ledger_entries_max: 100_000,
        }
    }
}

/// Starts payments servers.
pub struct Server;

impl Server {
    /// Starts a server on `addr` (port 0 picks one) that asks for `api_key` as a bearer token.
    ///
    /// **Errors**: the address cannot be bound, or the key is empty or holds anything but visible ASCII.
    pub async fn start(addr: SocketAddr, api_key: String) -> io::Result<Running> {
        Self::start_with(addr, api_key, Options::default()).await
    }

    /// [`Server::start`] with options of its own.
    pub async fn start_with(
        addr: SocketAddr,
        api_key: String,
        options: Options,
    ) -> io::Result<Running> {
        if api_key.is_empty() || !api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "the API key must be one or more visible ASCII characters";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        Self::listen(addr, Some(api_key), options).await
    }

    /// Starts a server on this machine alone that asks for no key: for trying things out.
    ///
    /// **Errors**: the port cannot be bound.
    pub async fn start_open(port: u16) -> io::Result<Running> {
        let here = SocketAddr::from(([127, 0, 0, 1], port));
        Self::listen(here, None, Options::default()).await
    }

    async fn listen(
        addr: SocketAddr,
        api_key: Option<String>,
        options: Options,
    ) -> io::Result<Running> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(api_key, options));
        let stop = watch::Sender::new(false);
        let accepting =
            tokio::spawn(serve::accept(listener, Arc::clone(&shared), stop.subscribe()));
        Ok(Running { addr, shared, stop, accepting })
    }
}

/// A server that is running. Dropping it stops it as [`Running::stop`] does, without waiting.
pub struct Running {
    /// The address it listens on.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Running {
    /// The address of its MCP endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.addr)
    }

    /// The address where its ledger is served.
    pub fn ledger_url(&self) -> String {
        format!("http://{}/ledger", self.addr)
    }

    /// The ledger as it is now.
    pub fn ledger(&self) -> Ledger {
        self.shared.book.snapshot()
    }

    /// Stops: takes no more connections, ends sessions and their streams, and gives requests in flight
    /// a second to finish. The port is free when this returns.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // It only ever ends by itself; were it to panic, it would have stopped just as well.
        let _ = self.accepting.await;
    }
}
