//! A whole house around one gateway: a database in a directory of its own, a sealed credential, a
//! policy, grants, a recording upstream, and the gateway served on a free port of the loopback.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{Config, Gateway, Holding};
use serde_json::Value;
use store::sqlite::Sqlite;
use store::{
    Attachment, By, Call, CallFilter, Clock as _, ControlPlane as _, DataPlane as _, Grant,
    GrantDraft, GrantState, OnToolChange, PolicyId, ServerDraft, ServerId,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use vault::{OsRandom, RootKey, Secret};

use crate::agent::Agent;
use crate::canary::Canary;
use crate::clock::TestClock;
use crate::upstream::Upstream;

/// A grant to issue.
#[derive(Clone, Debug)]
pub struct GrantIn {
    /// Its label.
    pub label: &'static str,
    /// Whether the policy is attached.
    pub policy: bool,
    /// The most calls in flight.
    pub in_flight_max: u32,
    /// How long it lives, in seconds from the start.
    pub lives_seconds: Option<i64>,
    /// When it begins, in seconds from the start.
    pub begins_seconds: Option<i64>,
}

impl GrantIn {
    /// A grant with the policy attached.
    pub fn new(label: &'static str) -> Self {
        Self {
            label,
            policy: true,
            in_flight_max: 2_000,
            lives_seconds: None,
            begins_seconds: None,
        }
    }
}

/// The server to register.
#[derive(Clone, Debug)]
pub struct SetupServer {
    /// What becomes of changed tools.
    pub on_tool_change: OnToolChange,
    /// Which eras it speaks: legacy, modern.
    pub eras: (bool, bool),
}

/// What stands in the house.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The tools of the upstream.
    pub tools: Value,
    /// The policy.
    pub policy: Value,
    /// The grants; each reaches the server `payments`.
    pub grants: Vec<GrantIn>,
    /// The server.
    pub server: SetupServer,
    /// The gateway's settings.
    pub config: Config,
    /// The header the credential is for.
    pub credential_header: &'static str,
}

impl Setup {
    /// These tools under this policy, with the grants `a` and `b`.
    pub fn new(tools: Value, policy: Value) -> Self {
        Self {
            tools,
            policy,
            grants: vec![GrantIn::new("a"), GrantIn::new("b")],
            server: SetupServer { on_tool_change: OnToolChange::Deny, eras: (true, true) },
            // Held calls are told so at once; tests of the waiting say how long.
            config: Config {
                holding: Holding {
                    legacy: Duration::ZERO,
                    legs: 0,
                    first_leg: Duration::ZERO,
                    ..Holding::default()
                },
                ..Config::default()
            },
            credential_header: "authorization",
        }
    }
}

/// The house.
pub struct House {
    /// The store behind everything.
    pub store: Arc<Sqlite>,
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// The upstream of the server `payments`.
    pub upstream: Upstream,
    /// The server `payments`.
    pub server: ServerId,
    /// The policy.
    pub policy: PolicyId,
    /// The secret inside the upstream's credential.
    pub credential: Canary,
    address: SocketAddr,
    grants: Mutex<HashMap<String, (Grant, String)>>,
    _stop: oneshot::Sender<()>,
    directory: TempDir,
}

impl House {
    /// Builds the house and opens the door.
    pub async fn start(setup: Setup) -> Self {
        crate::logs::capture();
        let directory = TempDir::with_prefix("countersign-test").expect("a directory can be made");
        let clock = Arc::new(TestClock::within_windows());
        let root = RootKey::generate(&OsRandom).expect("there is randomness");
        let store = Sqlite::open(directory.path(), &root, clock.clone(), Arc::new(OsRandom))
            .expect("a new database can be made");
        let store = Arc::new(store);
        let by = By::program(store.org().clone(), clock.now());

        let upstream = Upstream::start(setup.tools.clone()).await;
        upstream.set_eras(setup.server.eras.0, setup.server.eras.1);
        let draft = ServerDraft {
            slug: "payments".into(),
            name: "Payments".into(),
            url: upstream.url(),
            private_targets: Vec::new(),
            on_tool_change: setup.server.on_tool_change,
            enabled: true,
        };
        let server = store.server_create(&by, draft).await.expect("a server is made").id;
        let credential = Canary::new();
        let header = setup.credential_header.to_owned();
        let value = Secret::from(format!("Bearer {credential}"));
        store.credential_set(&by, &server, vec![(header, value)]).await.expect("it is sealed");
        let policy = store.policy_create(&by, "policy", None).await.expect("a policy is made").id;

        let keyring = store.keyring();
        let gateway = Gateway::new(setup.config, store.clone(), keyring, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = gateway.clone().serve(listener, async move {
            let _either_way = stopped.await;
        });
        tokio::spawn(async move { serving.await.expect("the gateway serves") });

        let house = Self {
            store,
            gateway,
            clock,
            upstream,
            server,
            policy,
            credential,
            address,
            grants: Mutex::default(),
            _stop: stop,
            directory,
        };
        house.publish(&setup.policy).await;
        for grant in setup.grants {
            house.issue(grant).await;
        }
        house.discover().await;
        house
    }

    /// Who makes changes here.
    pub fn by(&self) -> By {
        By::program(self.store.org().clone(), self.clock.now())
    }

    /// Asks the upstream for its tools again, as an operator would.
    pub async fn discover(&self) {
        self.gateway.probe(&self.server).await.expect("the upstream can be asked");
    }

    /// Publishes a new version of the policy.
    pub async fn publish(&self, document: &Value) {
        let text = document.to_string().into_bytes();
        if let Err(problems) = policy::Policy::load(&text) {
            panic!("the test's policy does not load: {problems:?}");
        }
        let published =
            self.store.policy_publish(&self.by(), &self.policy, text, None, "", None).await;
        published.expect("a version is published");
    }

    /// Issues a grant for the server `payments`.
    pub async fn issue(&self, grant: GrantIn) -> Agent {
        let now = self.clock.now();
        let policy = grant.policy.then(|| self.policy.clone());
        let draft = GrantDraft {
            label: grant.label.into(),
            identity: "tester".into(),
            owner: None,
            tags: Vec::new(),
            not_before: grant.begins_seconds.map(|seconds| now.plus_seconds(seconds)),
            expires_at: grant.lives_seconds.map(|seconds| now.plus_seconds(seconds)),
            in_flight_max: grant.in_flight_max,
            servers: vec![Attachment { server: self.server.clone(), policy }],
        };
        let (issued, token) =
            self.store.grant_issue(&self.by(), draft).await.expect("a grant is issued");
        self.grants().insert(grant.label.to_owned(), (issued, token.expose().to_owned()));
        self.agent(grant.label)
    }

    /// Registers the same upstream once more, as a server of its own.
    pub async fn second_server(&self, slug: &str) -> ServerId {
        let draft = ServerDraft {
            slug: slug.into(),
            name: "Second".into(),
            url: self.upstream.url(),
            private_targets: Vec::new(),
            on_tool_change: OnToolChange::Deny,
            enabled: true,
        };
        let server =
            self.store.server_create(&self.by(), draft).await.expect("a server is made").id;
        self.gateway.probe(&server).await.expect("the upstream can be asked");
        server
    }

    /// Issues a grant for these servers, each with the policy of the house.
    pub async fn issue_for(&self, label: &'static str, servers: &[ServerId]) -> Agent {
        let attach = |server: &ServerId| Attachment {
            server: server.clone(),
            policy: Some(self.policy.clone()),
        };
        let draft = GrantDraft {
            label: label.into(),
            identity: "tester".into(),
            owner: None,
            tags: Vec::new(),
            not_before: None,
            expires_at: None,
            in_flight_max: 100,
            servers: servers.iter().map(attach).collect(),
        };
        let (issued, token) =
            self.store.grant_issue(&self.by(), draft).await.expect("a grant is issued");
        self.grants().insert(label.to_owned(), (issued, token.expose().to_owned()));
        self.agent(label)
    }

    /// Changes where a grant stands.
    pub async fn set_state(&self, label: &str, state: GrantState) {
        let id = self.grant(label).id;
        self.store.grant_set_state(&self.by(), &id, state).await.expect("the state is changed");
    }

    /// The agent that holds a grant's token.
    pub fn agent(&self, label: &str) -> Agent {
        let token = self.grants()[label].1.clone();
        Agent { address: self.address, server: "payments".into(), token }
    }

    /// A grant.
    pub fn grant(&self, label: &str) -> Grant {
        self.grants()[label].0.clone()
    }

    fn grants(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Grant, String)>> {
        self.grants.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the database is.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The lines of the call log after an index, oldest first.
    pub async fn lines_after(&self, index: i64) -> Vec<Call> {
        let org = self.store.org().clone();
        self.store
            .calls_after(&org, &CallFilter::default(), index, 500)
            .await
            .expect("the call log can be read")
    }

    /// The index of the last line; 0 without one.
    pub async fn last_line(&self) -> i64 {
        self.last_line_from(0).await
    }

    /// The index of the last line, looked for from one that is known.
    pub async fn last_line_from(&self, known: i64) -> i64 {
        let mut last = known;
        loop {
            let lines = self.lines_after(last).await;
            match lines.last() {
                Some(line) => last = line.index,
                None => return last,
            }
        }
    }

    /// The lines after an index, once every outcome handed over is written.
    pub async fn settled_after(&self, index: i64) -> Vec<Call> {
        self.store.flush().await.expect("the store writes");
        self.lines_after(index).await
    }

    /// Waits until the last line after `index` has its outcome.
    pub async fn ended_after(&self, index: i64) -> Vec<Call> {
        for _ in 0..400 {
            let lines = self.settled_after(index).await;
            let ended = |line: &Call| {
                line.outcome.is_some() || line.intent.verdict != store::Verdict::Allowed
            };
            if !lines.is_empty() && lines.iter().all(ended) {
                return lines;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("a call has no outcome: {:?}", self.lines_after(index).await);
    }

    /// Waits until nothing more of a request that was begun can arrive: the requests seen since a
    /// mark have been answered, and their lines have ended.
    pub async fn quiet_since(&self, mark: usize) {
        let mut seen = self.upstream.mark();
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(4)).await;
            let now = self.upstream.mark();
            if now == seen {
                break;
            }
            seen = now;
        }
        assert!(seen >= mark, "requests are only ever added");
    }

    /// What a grant has used of its limits, as one text to compare.
    pub async fn usage(&self, label: &str) -> String {
        let org = self.store.org().clone();
        let grant = self.grant(label).id;
        let usage = self.store.usage(&org, &grant).await.expect("the usage can be read");
        let line = |limit: &store::LimitUsage| {
            let of = &limit.usage;
            let (used, held, unknown) = (of.used, of.held, of.unknown);
            format!("{} used: {used}, held: {held}, unknown: {unknown}\n", of.rule)
        };
        usage.limits.iter().map(line).collect()
    }

    /// How many requests of strangers were counted so far.
    pub async fn strangers(&self) -> u32 {
        self.store.flush().await.expect("the store writes");
        let page = store::Page { after: None, limit: 500 };
        let refused = self.store.refusals(self.store.org(), &page).await.expect("they can be read");
        refused.items.iter().map(|refusal| refusal.count).sum()
    }
}
