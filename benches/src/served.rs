//! Countersign as it is measured: the real gateway over a store that keeps nothing (to see what
//! judging costs) or over the real one (to see what recording costs).

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use gateway::{Config, Gateway};
use store::{
    Approval, ApprovalAsk, ApprovalId, ApprovalSettings, Approving, Asked, Attachment, BeginError,
    ChangeError, Connecting, Connection, ConnectionKey, DataPlane, FoundTool, Grant, GrantDraft,
    GrantId, GrantState, Intent, Lease, Moment, NewTokens, OnToolChange, OrgId, Outcome, PolicyId,
    PolicyVersion, RoomError, Server, ServerDraft, ServerId, ServerView, SignedOff, StoreError,
    StrangerRefusal, SystemClock, TokenRow, TokenTrace, Tool, View, WatchBatch, WatchId,
};
use tokio::net::TcpListener;
use vault::{Keyring, OsRandom, RootKey, Token, TokenKind};

use crate::process;

/// A policy that allows everything, to see what authentication alone costs.
const OPEN: &str = r#"{"version":"1","default":"allow"}"#;

/// The tool that is called, as its upstream defines it.
const TOOL: &str = r#"{"name":"refund_payment","description":"Refunds a payment.","inputSchema":{"type":"object","properties":{"payment":{"type":"string"},"amount":{"type":"number"},"currency":{"type":"string"},"reason":{"type":"string"}},"required":["payment","amount","currency","reason"],"additionalProperties":false}}"#;

/// Ten rules on the arguments of the call.
pub(crate) fn ten_rules() -> String {
    rules(10)
}

/// Ten rules, and two limits that every call is counted under: calls, and money by currency.
fn ten_rules_two_limits() -> String {
    let limits = r#""limits":[{"counter":"calls","window":"minute","max":1000000000,"rolling":true},{"counter":"value","window":"day","max":9000000000000,"amount":"args.amount","per":["args.currency"]}]"#;
    ten_rules().replacen(r#""deny_if""#, &format!(r#"{limits},"deny_if""#), 1)
}

/// So many rules on the arguments of the call, none of which fires.
pub(crate) fn rules(count: usize) -> String {
    let mut deny = vec![
        r#"{"conditions":[{"path":"args.currency","op":"not_in","value":["eur","usd"]}]}"#
            .to_owned(),
        r#"{"conditions":[{"path":"args.amount","op":"gt","value":10000}]}"#.to_owned(),
        r#"{"conditions":[{"path":"args.reason","op":"length_lt","value":5}]}"#.to_owned(),
    ];
    deny.truncate(count);
    for number in deny.len()..count {
        deny.push(format!(
            r#"{{"id":"r{number}","conditions":[{{"path":"args.payment","op":"eq","value":"pi_blocked_{number}"}}]}}"#
        ));
    }
    format!(
        r#"{{"version":"1","default":"deny","tools":{{"refund_payment":{{"deny_if":[{}]}}}}}}"#,
        deny.join(",")
    )
}

/// Serves until the process is ended. The first line says where, the second the token.
pub(crate) async fn run(mode: &str, target: &str) -> io::Result<()> {
    let url = format!("http://{target}/mcp");
    let root = RootKey::generate(&OsRandom).map_err(io::Error::other)?;
    let policy = match mode {
        "auth" => OPEN.to_owned(),
        "limits" => ten_rules_two_limits(),
        _ => ten_rules(),
    };
    let kept = tempfile::tempdir()?;
    let (plane, keyring, token): (Arc<dyn DataPlane>, _, _) =
        if matches!(mode, "durable" | "limits") {
            durable(kept.path(), &root, &url, &policy).await?
        } else {
            let (keyring, _) = Keyring::create(&root, &OsRandom).map_err(io::Error::other)?;
            let keyring = Arc::new(keyring);
            let (plane, token) = Forgetful::new(&keyring, &url, &policy)?;
            (Arc::new(plane), keyring, token)
        };
    let clock = Arc::new(SystemClock);
    let gateway = Gateway::new(Config::default(), plane, keyring, clock);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    std::fs::write(token_file(listener.local_addr()?.port()), token)?;
    process::announce(listener.local_addr()?);
    gateway.serve(listener, std::future::pending()).await
}

/// The token of a measured gateway, which leaves it in a file once.
pub(crate) fn token(port: u16) -> io::Result<String> {
    let file = token_file(port);
    let token = std::fs::read_to_string(&file)?;
    std::fs::remove_file(file)?;
    Ok(token)
}

/// Where the token of a measured gateway is handed over.
fn token_file(port: u16) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("countersign-bench-{port}.token"))
}

/// Makes a data directory as an operator would have it, with everything set up. Hands back the
/// grant's token.
pub(crate) async fn prepare(dir: &std::path::Path, target: &str) -> io::Result<String> {
    let root = RootKey::generate(&OsRandom).map_err(io::Error::other)?;
    vault::source::create_file(&dir.join("root.key"), &root).map_err(io::Error::other)?;
    let url = format!("http://{target}/mcp");
    let (plane, _, token) = durable(dir, &root, &url, &ten_rules()).await?;
    plane.flush().await.map_err(io::Error::other)?;
    Ok(token)
}

type Ready = (Arc<dyn DataPlane>, Arc<Keyring>, String);

async fn durable(
    dir: &std::path::Path,
    root: &RootKey,
    url: &str,
    policy: &str,
) -> io::Result<Ready> {
    use store::ControlPlane as _;
    let clock = Arc::new(SystemClock);
    let sqlite = store::sqlite::Sqlite::open(dir, root, clock, Arc::new(OsRandom))
        .map_err(io::Error::other)?;
    let store = Arc::new(sqlite);
    let by = store::By::program(store.org().clone(), store::Clock::now(&SystemClock));
    let draft = ServerDraft {
        slug: "bench".into(),
        name: "bench".into(),
        url: url.into(),
        private_targets: Vec::new(),
        on_tool_change: OnToolChange::Deny,
        enabled: true,
    };
    let other = |error| io::Error::other(format!("{error:?}"));
    let server = store.server_create(&by, draft).await.map_err(other)?;
    let found = FoundTool {
        name: "refund_payment".into(),
        definition: TOOL.into(),
        fingerprint: "bench".into(),
        withheld: None,
        hidden_text: false,
    };
    let versions = Some("2026-07-28 2025-11-25".to_owned());
    store
        .server_found(&server.id, versions, "ok".into(), Some(vec![found]), true, by.at)
        .await
        .map_err(io::Error::other)?;
    let secret = vault::Secret::from("Bearer sk_bench_0123456789abcdef".to_owned());
    store
        .credential_set(&by, &server.id, vec![("authorization".into(), secret)])
        .await
        .map_err(other)?;
    let made = store.policy_create(&by, "bench", None).await.map_err(other)?;
    store.policy_publish(&by, &made.id, policy.into(), None, "", None).await.map_err(other)?;
    let draft = GrantDraft {
        label: "bench".into(),
        identity: "bench".into(),
        owner: None,
        tags: Vec::new(),
        not_before: None,
        expires_at: None,
        in_flight_max: 10_000,
        servers: vec![Attachment { server: server.id, policy: Some(made.id) }],
    };
    let (_, token) = store.grant_issue(&by, draft).await.map_err(other)?;
    let keyring = store.keyring();
    Ok((store, keyring, token.expose().to_owned()))
}

/// A store that keeps nothing: what is left is the cost of judging and carrying.
struct Forgetful {
    view: View,
}

impl Forgetful {
    fn new(keyring: &Arc<Keyring>, url: &str, policy: &str) -> io::Result<(Self, String)> {
        let token = Token::mint(TokenKind::Grant, &OsRandom).map_err(io::Error::other)?;
        let now = Moment::of_micros(0);
        let (org, server) = (OrgId::from("org_bench"), ServerId::from("srv_bench"));
        let (policy_id, grant_id) = (PolicyId::from("pol_bench"), GrantId::from("grt_bench"));
        let tool = Tool {
            name: "refund_payment".into(),
            definition: TOOL.as_bytes().into(),
            fingerprint: "bench".into(),
            accepted: Some((TOOL.as_bytes().into(), "bench".into())),
            withheld: None,
            first_seen_at: now,
            changed_at: now,
            present: true,
        };
        let place = vault::Place {
            org: org.as_str(),
            table: "credentials",
            record: "crd_bench",
            field: "authorization",
            generation: 1,
        };
        let sealed = keyring
            .seal(&place, b"Bearer sk_bench_0123456789abcdef", &OsRandom)
            .map_err(io::Error::other)?;
        let credential = store::Credential {
            id: "crd_bench".into(),
            server: server.clone(),
            generation: 1,
            headers: vec![("authorization".into(), sealed.into())],
            oauth: None,
            set_at: now,
        };
        let row = TokenRow {
            token_id: token.id().as_str().to_owned(),
            hash: token.hash(&keyring.pepper(store::PEPPER_VERSION)),
            generation: 1,
            valid_until: None,
        };
        let grant = Grant {
            id: grant_id,
            org: org.clone(),
            label: "bench".into(),
            identity: "bench".into(),
            owner: None,
            tags: Vec::new(),
            state: GrantState::Active,
            not_before: None,
            expires_at: None,
            in_flight_max: 10_000,
            servers: vec![Attachment { server: server.clone(), policy: Some(policy_id.clone()) }],
            generation: 1,
            tokens: vec![TokenTrace::from(&row)],
            revision: 1,
            created_at: now,
            last_call_at: None,
        };
        let server = Server {
            id: server,
            org,
            slug: "bench".into(),
            name: "bench".into(),
            url: url.into(),
            private_targets: Vec::new(),
            on_tool_change: OnToolChange::Deny,
            enabled: true,
            version: Some("2026-07-28 2025-11-25".into()),
            health: None,
            probed_at: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        let version = PolicyVersion {
            policy: policy_id,
            number: 1,
            text: policy.as_bytes().into(),
            cases: None,
            author: String::new(),
            note: String::new(),
            published_at: now,
        };
        let view = View {
            generation: 1,
            grants: vec![(grant, vec![row])],
            servers: vec![ServerView { server, tools: vec![tool], credential: Some(credential) }],
            policies: vec![version],
            watches: Vec::new(),
            holdings: std::collections::HashMap::new(),
            recordings: Default::default(),
            fingerprint_keys: Default::default(),
            forged: 0,
            keyring: Arc::clone(keyring),
        };
        Ok((Self { view }, token.expose().to_owned()))
    }
}

/// No call is held here, so nothing is ever asked.
#[async_trait]
impl Approving for Forgetful {
    async fn approval_ask(&self, _: ApprovalAsk) -> Result<Asked, StoreError> {
        Err(StoreError::Closed)
    }

    async fn approval_now(
        &self,
        _: &OrgId,
        _: &ApprovalId,
    ) -> Result<Option<Approval>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn call_begin_approved(
        &self,
        _: Intent,
        _: Vec<(quota::Key, policy::Charge)>,
        _: u64,
        _: SignedOff,
    ) -> Result<(), BeginError> {
        Err(StoreError::Closed.into())
    }

    async fn approval_cancel(&self, _: &OrgId, _: &ApprovalId) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn approvals_sweep(&self) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn approval_settings(&self, _: &OrgId) -> Result<ApprovalSettings, StoreError> {
        Err(StoreError::Closed)
    }

    fn approvals_changed(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::Sender::new(0).subscribe()
    }
}

#[async_trait]
impl Connecting for Forgetful {
    fn ring(&self) -> Arc<Keyring> {
        self.view.keyring.clone()
    }

    async fn connection(&self, _: &ConnectionKey) -> Result<Option<Connection>, StoreError> {
        Ok(None)
    }

    async fn connection_lease(
        &self,
        _: &ConnectionKey,
        _: i64,
        _: &str,
        _: i64,
    ) -> Result<Lease, StoreError> {
        Ok(Lease::Gone)
    }

    async fn connection_refreshed(
        &self,
        _: &ConnectionKey,
        _: &str,
        _: NewTokens,
    ) -> Result<Connection, ChangeError> {
        Err(StoreError::Closed.into())
    }

    async fn connection_release(&self, _: &ConnectionKey, _: &str) -> Result<(), ChangeError> {
        Ok(())
    }

    async fn connection_interrupted(&self, _: &ConnectionKey, _: &str) -> Result<(), ChangeError> {
        Ok(())
    }

    async fn credential_wants(
        &self,
        _: &OrgId,
        _: &ServerId,
        _: Vec<String>,
    ) -> Result<(), ChangeError> {
        Ok(())
    }

    async fn connection_lost(
        &self,
        _: &ConnectionKey,
        _: i64,
        _: &'static str,
    ) -> Result<(), ChangeError> {
        Ok(())
    }
}

#[async_trait]
impl DataPlane for Forgetful {
    fn connecting(&self) -> &dyn Connecting {
        self
    }

    fn generation(&self) -> Option<u64> {
        Some(self.view.generation)
    }

    async fn view(&self) -> Result<View, StoreError> {
        Ok(self.view.clone())
    }

    fn room(&self, _: &quota::Key, _: &policy::Charge) -> Result<(), RoomError> {
        Ok(())
    }

    async fn call_begin(
        &self,
        _: Intent,
        _: Vec<(quota::Key, policy::Charge)>,
        _: u64,
    ) -> Result<(), BeginError> {
        Ok(())
    }

    fn approving(&self) -> &dyn store::Approving {
        self
    }

    async fn call_refused(&self, _: Intent) -> Result<(), StoreError> {
        Ok(())
    }

    fn call_finish(&self, _: Outcome) {}

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn stranger_refused(&self, _: StrangerRefusal) {}

    async fn watched(&self, _: Vec<(WatchId, WatchBatch)>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn server_found(
        &self,
        _: &ServerId,
        _: Option<String>,
        _: String,
        _: Option<Vec<FoundTool>>,
        _: bool,
        _: Moment,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}
