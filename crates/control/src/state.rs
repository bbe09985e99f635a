//! What the API is built from: the store, the way to upstreams, the clock.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use store::{Clock, ControlPlane, ServerId};
use tokio::sync::{Mutex, Semaphore};

use crate::dashboard::Asset;
use crate::health::HealthCache;
use crate::keyring::NextRootKey;
use crate::metrics::Watch;
use crate::oauth::ConnectVisit;
use crate::pace::Pace;
use crate::problem::{Code, Problem};
use crate::proxies::{Network, Proxies};
use crate::sign_in;
use crate::strangers::Strangers;

/// The most log streams open at once.
const TAILS_MAX: usize = 64;
/// The most documents judged at a time: judging one may take a processor for a while.
const JUDGING_MAX: usize = 2;

/// Reaches upstreams on behalf of operators. The binary implements it with the gateway's own
/// client, so the guard that judges addresses is the one that dials them.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Finds out which version the server speaks and lists its tools, and keeps both in the store.
    /// New tools are kept unaccepted.
    async fn refresh(&self, server: &ServerId) -> Result<Probe, ProbeError>;

    /// Whether the guard would dial this URL, given the private targets (`host:port`) the operator
    /// allows. Names are resolved; every address must pass.
    ///
    /// - **Errors**: one sentence for people, without the addresses found.
    async fn check_url(&self, url: &str, private: &[String]) -> Result<(), String>;
}

/// What a refresh found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// The MCP version found.
    pub version: Option<String>,
    /// How many tools the server lists.
    pub found: u32,
    /// How many of them were not listed before.
    pub new: u32,
    /// How many differ from their accepted definition.
    pub changed: u32,
    /// How many are withheld from agents.
    pub withheld: u32,
}

/// Why a refresh found nothing. What was known of the server stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is no such server.
    #[error("there is no such server")]
    NoSuchServer,
    /// The server does not answer as an MCP server: one sentence for people, without credentials.
    #[error("{0}")]
    Unreachable(String),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Everything the routes need. Cheap to clone: all clones share one state.
#[derive(Clone)]
pub struct Control {
    pub(crate) store: Arc<dyn ControlPlane>,
    pub(crate) prober: Arc<dyn Prober>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gateway_url: Arc<str>,
    /// Host names that are answered beside those of this machine.
    pub(crate) hosts: Arc<[String]>,
    /// Who is believed about where requests come from.
    pub(crate) proxies: Proxies,
    /// The files of the dashboard; none when it was not built.
    pub(crate) dashboard: &'static [Asset],
    /// The address people use, where a proxy stands in front.
    pub(crate) public_url: Option<Arc<str>>,
    /// Whether sealed values may be read back.
    pub(crate) reveals: bool,
    /// Whether arguments and results may be kept, sealed to a key that is not here.
    pub(crate) captures: bool,
    /// Where the root key is read from that the instance is to go over to.
    pub(crate) next_root_key: Option<NextRootKey>,
    /// Where the root key of now was read from, in words.
    pub(crate) root_key_source: Option<Arc<str>>,
    /// What is measured.
    pub(crate) watch: Option<Arc<dyn Watch>>,
    /// Whether the measurements are for everybody who reaches the listener.
    pub(crate) metrics_for_all: bool,
    /// Where the server for trying things out is, if one runs beside this instance.
    pub(crate) demo_url: Option<Arc<str>>,
    pub(crate) inner: Arc<Inner>,
}

/// What the process remembers between requests. Losing it loses nothing that was promised.
pub(crate) struct Inner {
    pub(crate) strangers: Strangers,
    /// How fast each member asks.
    pub(crate) pace: Pace,
    pub(crate) sign_in: sign_in::Memory,
    /// Visits to authorization servers that wait for their answer.
    pub(crate) connects: sign_in::Pending<ConnectVisit>,
    /// Creations with an `Idempotency-Key` that are being answered.
    pub(crate) in_flight: std::sync::Mutex<HashSet<String>>,
    pub(crate) tails: Arc<Semaphore>,
    /// Held while a change is checked against the present state and then made.
    pub(crate) changes: Mutex<()>,
    /// Held while a copy of the database is taken.
    pub(crate) backups: Mutex<()>,
    pub(crate) health: HealthCache,
    /// Documents being judged.
    judging: Semaphore,
}

impl Control {
    /// The control plane over a store.
    ///
    /// `gateway_url` is where agents reach the gateway, without a path: it is shown with servers.
    pub fn new(
        store: Arc<dyn ControlPlane>,
        prober: Arc<dyn Prober>,
        clock: Arc<dyn Clock>,
        gateway_url: &str,
    ) -> Self {
        let inner = Inner {
            strangers: Strangers::default(),
            pace: Pace::default(),
            sign_in: sign_in::Memory::default(),
            connects: sign_in::Pending::default(),
            in_flight: std::sync::Mutex::default(),
            tails: Arc::new(Semaphore::new(TAILS_MAX)),
            changes: Mutex::default(),
            backups: Mutex::default(),
            health: HealthCache::default(),
            judging: Semaphore::new(JUDGING_MAX),
        };
        let gateway_url = gateway_url.trim_end_matches('/').into();
        Self {
            store,
            prober,
            clock,
            gateway_url,
            hosts: Arc::new([]),
            proxies: Proxies::default(),
            dashboard: &[],
            public_url: None,
            reveals: false,
            captures: false,
            next_root_key: None,
            root_key_source: None,
            watch: None,
            metrics_for_all: false,
            demo_url: None,
            inner: Arc::new(inner),
        }
    }

    /// Answers to these host names too (without ports), on loopback listeners as well: those of a
    /// proxy that stands in front.
    #[must_use]
    pub fn answering_to(mut self, hosts: impl IntoIterator<Item = String>) -> Self {
        self.hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        self
    }

    /// Believes these proxies about where requests come from: for the record, and for slowing down
    /// whoever guesses.
    #[must_use]
    pub fn behind(mut self, proxies: impl IntoIterator<Item = Network>) -> Self {
        self.proxies = Proxies::of(proxies);
        self
    }

    /// Serves these files as the dashboard, beside the API.
    #[must_use]
    pub fn with_dashboard(mut self, files: &'static [Asset]) -> Self {
        self.dashboard = files;
        self
    }

    /// Shows what this measures. `for_all`: to everybody who reaches the listener, with no key.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<dyn Watch>, for_all: bool) -> Self {
        self.watch = Some(watch);
        self.metrics_for_all = for_all;
        self
    }

    /// Says the address people use, where a proxy stands in front: passkeys belong to its host, and
    /// identity providers send browsers back to it.
    #[must_use]
    pub fn reached_at(mut self, public_url: Option<&str>) -> Self {
        self.public_url = public_url.map(Into::into);
        self
    }

    /// Says whether arguments and results may be kept, sealed to a key that is not here. They may not
    /// until it is said.
    #[must_use]
    pub fn capturing(mut self, captures: bool) -> Self {
        self.captures = captures;
        self
    }

    /// Says whether sealed values may be read back. They may not until it is said.
    #[must_use]
    pub fn revealing(mut self, reveals: bool) -> Self {
        self.reveals = reveals;
        self
    }

    /// Says where the root key is read from that the instance is to go over to.
    #[must_use]
    pub fn with_next_root_key(mut self, read: Option<NextRootKey>) -> Self {
        self.next_root_key = read;
        self
    }

    /// Says where the root key of now was read from: words for people, never the key.
    #[must_use]
    pub fn with_root_key_of(mut self, source: &str) -> Self {
        self.root_key_source = Some(source.into());
        self
    }

    /// Offers a server for trying things out to whoever adds a server.
    #[must_use]
    pub fn suggesting_demo(mut self, url: &str) -> Self {
        self.demo_url = Some(url.into());
        self
    }

    /// Does work that may take long beside the threads that carry calls, a little at a time.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let failed = || Problem::new(Code::Internal, "the document was not judged");
        let _turn = self.inner.judging.acquire().await.map_err(|_| failed())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| failed())
    }
}
