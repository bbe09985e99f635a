//! What every store promises, whatever it is built on: each promise takes a fresh store and tries it.

pub(crate) mod approvals;
pub(crate) mod calls;
pub(crate) mod channels;
pub(crate) mod edges;
pub(crate) mod kept;
pub(crate) mod objects;
pub(crate) mod people;
pub(crate) mod quotas;
pub(crate) mod races;
pub(crate) mod records;
pub(crate) mod rule_use;
pub(crate) mod unknown;
pub(crate) mod usage;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use store::{
    ApiKey, AuditEvent, AuditFilter, By, CallFilter, CallId, Clock, ControlPlane, DataPlane, Grant,
    GrantDraft, Intent, Member, MemberDraft, MemberId, Moment, OnToolChange, OrgId, Outcome,
    OutcomeClass, Page, PolicyId, Role, Server, ServerDraft, ServerId, Verdict,
};
use vault::{Pepper, Token};

/// A store with both of its sides.
pub(crate) trait Store: DataPlane + ControlPlane + 'static {}

impl<T: DataPlane + ControlPlane + 'static> Store for T {}

/// A clock that stands still until it is moved.
#[derive(Default)]
pub(crate) struct StoppedClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl Clock for StoppedClock {
    fn now(&self) -> Moment {
        Moment::of_micros(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic_micros(&self) -> i64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}

impl StoppedClock {
    pub(crate) fn at(micros: i64) -> Arc<Self> {
        Arc::new(Self { wall: AtomicI64::new(micros), ..Self::default() })
    }

    /// Lets time pass.
    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.pass_micros(seconds * 1_000_000);
    }

    /// Lets time pass, to the microsecond.
    pub(crate) fn pass_micros(&self, micros: i64) {
        self.wall.fetch_add(micros, Ordering::SeqCst);
        self.monotonic.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets the clock, by so many seconds, while no time passes.
    pub(crate) fn set_seconds(&self, by_seconds: i64) {
        self.wall.fetch_add(by_seconds * 1_000_000, Ordering::SeqCst);
    }
}

/// A fresh store, and what a test needs beside it.
pub(crate) struct House<S> {
    pub(crate) store: Arc<S>,
    pub(crate) org: OrgId,
    pub(crate) pepper: Pepper,
    pub(crate) clock: Arc<StoppedClock>,
    /// What must live as long as the store: a directory, a server process.
    pub(crate) _ground: Box<dyn Any + Send + Sync>,
}

/// 2026-03-02T10:00:00Z, a Monday.
pub(crate) const MORNING: i64 = 1_772_445_600_000_000;

/// How many ids were made: each is another.
static MADE: AtomicU64 = AtomicU64::new(0);

impl<S: Store> House<S> {
    pub(crate) fn by(&self) -> By {
        By {
            member: Some(MemberId::from("mem_alice")),
            name: "alice".to_owned(),
            address: Some("192.0.2.1".to_owned()),
            ..By::program(self.org.clone(), self.clock.now())
        }
    }

    /// An active member of this name.
    pub(crate) async fn member(&self, name: &str, role: Role) -> Member {
        let draft =
            MemberDraft { email: format!("{name}@example.org"), name: name.to_owned(), role };
        self.store.member_add(&self.by(), draft).await.unwrap()
    }

    /// A key of a new admin.
    pub(crate) async fn admin_key(&self, name: &str) -> (ApiKey, Token) {
        let admin = self.member(name, Role::Admin).await;
        let by = self.by();
        self.store.api_key_create(&by, &admin.id, name, Role::Admin, None).await.unwrap()
    }

    pub(crate) async fn server(&self, slug: &str) -> Server {
        self.store.server_create(&self.by(), server_draft(slug)).await.unwrap()
    }

    /// A policy with one version.
    pub(crate) async fn policy(&self, name: &str, text: &str) -> PolicyId {
        let id = self.store.policy_create(&self.by(), name, None).await.unwrap().id;
        let text = text.as_bytes().to_vec();
        self.store.policy_publish(&self.by(), &id, text, None, "", None).await.unwrap();
        id
    }

    pub(crate) async fn grant(&self, label: &str, servers: &[&ServerId]) -> (Grant, Token) {
        self.store.grant_issue(&self.by(), grant_draft(label, servers)).await.unwrap()
    }

    /// The lines of the audit log since the last look, newest first.
    pub(crate) async fn audit(&self) -> Vec<AuditEvent> {
        let page = Page { after: None, limit: 500 };
        self.store.audit(&self.org, &AuditFilter::default(), &page).await.unwrap().items
    }

    pub(crate) fn intent(&self, grant: &Grant, server: &Server) -> Intent {
        let made = MADE.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let mut random = [0; 10];
        random[2..].copy_from_slice(&made);
        Intent {
            id: CallId::new(self.clock.now(), random),
            at: self.clock.now(),
            org: self.org.clone(),
            grant: grant.id.clone(),
            grant_label: grant.label.as_str().into(),
            identity: grant.identity.as_str().into(),
            token_generation: grant.generation,
            server: server.id.clone(),
            server_slug: server.slug.as_str().into(),
            version: "2025-11-25",
            method: "tools/call".into(),
            tool: Some("refund_payment".into()),
            fingerprint: Some("ab".repeat(32).into()),
            policy: Some((PolicyId::from("pol_x"), 3)),
            verdict: Verdict::Allowed,
            rule: "".into(),
            reason: "allowed",
            known_args: vec!["payment".into(), "amount".into()],
            unknown_args: 0,
            request_bytes: 512,
            charged: Vec::new(),
            count: 1,
            marks: None,
        }
    }

    pub(crate) fn outcome(&self, id: CallId, class: OutcomeClass) -> Outcome {
        Outcome {
            id,
            at: self.clock.now(),
            class,
            detail: "",
            upstream_status: Some(200),
            response_bytes: 1_024,
            took_micros: 3_000,
            upstream_micros: 2_500,
            echo_removed: false,
            capture: None,
        }
    }

    /// The generation of the present view.
    pub(crate) fn generation(&self) -> u64 {
        self.store.generation().unwrap()
    }

    /// The whole call log, newest first.
    pub(crate) async fn log(&self) -> Vec<store::Call> {
        let page = Page { after: None, limit: 500 };
        self.store.calls(&self.org, &CallFilter::default(), &page).await.unwrap().items
    }
}

pub(crate) fn server_draft(slug: &str) -> ServerDraft {
    ServerDraft {
        slug: slug.to_owned(),
        name: format!("Server {slug}"),
        url: format!("https://{slug}.example/mcp"),
        private_targets: vec!["10.0.0.1:443".to_owned()],
        on_tool_change: OnToolChange::Deny,
        enabled: true,
    }
}

pub(crate) fn grant_draft(label: &str, servers: &[&ServerId]) -> GrantDraft {
    GrantDraft {
        label: label.to_owned(),
        identity: "bot@example".to_owned(),
        owner: None,
        tags: vec![("team".to_owned(), "support".to_owned())],
        not_before: None,
        expires_at: None,
        in_flight_max: 8,
        servers: servers
            .iter()
            .map(|server| store::Attachment { server: (*server).clone(), policy: None })
            .collect(),
    }
}
