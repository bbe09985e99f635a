//! A running control plane, and a client that sends exactly what it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use control::{Control, Probe, ProbeError, Prober};
use serde_json::Value;
use store::sqlite::Sqlite;
use store::{
    By, ControlPlane, DataPlane, FoundTool, MemberDraft, Moment, People, Role, ServerId,
    SystemClock,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vault::{OsRandom, RootKey};

/// A control plane with a key for each role.
pub(crate) struct World {
    pub(crate) store: Arc<Sqlite>,
    pub(crate) prober: Arc<Upstreams>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: String,
    pub(crate) manager: String,
    pub(crate) viewer: String,
    pub(crate) clock: Arc<Later>,
    pub(crate) control: Control,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    dir: tempfile::TempDir,
}

/// The clock of the control plane: the real one, put forward as far as a test likes, or stopped.
#[derive(Default)]
pub(crate) struct Later {
    ahead: std::sync::atomic::AtomicI64,
    stopped: std::sync::OnceLock<Moment>,
}

impl Later {
    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, std::sync::atomic::Ordering::Relaxed);
    }

    /// From now on time passes only as it is told to.
    pub(crate) fn stop(&self) {
        self.stopped.get_or_init(now);
    }
}

impl store::Clock for Later {
    fn now(&self) -> Moment {
        let from = self.stopped.get().copied().unwrap_or_else(now);
        from.plus_seconds(self.ahead.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn monotonic_micros(&self) -> i64 {
        store::Clock::monotonic_micros(&SystemClock)
    }
}

/// Plays every upstream: lists the tools it was given, or does not answer.
pub(crate) struct Upstreams {
    store: Arc<Sqlite>,
    tools: Mutex<Result<Vec<(String, String)>, String>>,
}

#[async_trait]
impl Prober for Upstreams {
    async fn refresh(&self, server: &ServerId) -> Result<Probe, ProbeError> {
        let tools = self.tools.lock().unwrap().clone().map_err(ProbeError::Unreachable)?;
        let found: Vec<FoundTool> = tools
            .iter()
            .map(|(name, definition)| FoundTool {
                name: name.clone(),
                definition: definition.clone().into_bytes(),
                fingerprint: format!("print-of-{definition}"),
                withheld: (name == "withheld").then(|| "bad_tool_name".to_owned()),
                hidden_text: false,
            })
            .collect();
        let count = u32::try_from(found.len()).unwrap();
        let version = Some("2025-11-25".to_owned());
        let health = "ok".to_owned();
        self.store.server_found(server, version.clone(), health, Some(found), false, now()).await?;
        Ok(Probe { version, found: count, new: 0, changed: 0, withheld: 0 })
    }

    async fn check_url(&self, url: &str, private: &[String]) -> Result<(), String> {
        if url.contains("internal.example") && private.is_empty() {
            return Err("the name leads to a private address".to_owned());
        }
        Ok(())
    }
}

impl Upstreams {
    /// What upstreams list from now on: names and definitions.
    pub(crate) fn list(&self, tools: &[(&str, &str)]) {
        let tools = tools.iter().map(|(n, d)| ((*n).to_owned(), (*d).to_owned())).collect();
        *self.tools.lock().unwrap() = Ok(tools);
    }

    /// From now on no upstream answers.
    pub(crate) fn go_silent(&self) {
        *self.tools.lock().unwrap() = Err("nothing listens at this address".to_owned());
    }
}

pub(crate) const PAY: &str = r#"{"name":"pay","description":"Pays","inputSchema":{"type":"object","properties":{"amount":{"type":"number"},"to":{"type":"string"}}}}"#;
pub(crate) const LIST: &str = r#"{"name":"list","inputSchema":{"type":"object","properties":{}}}"#;

pub(crate) fn now() -> Moment {
    store::Clock::now(&SystemClock)
}

/// A member of this name and role, and a key of theirs.
pub(crate) async fn member_with_key(store: &Sqlite, by: &By, name: &str, role: Role) -> String {
    let draft = MemberDraft { email: format!("{name}@example.org"), name: name.to_owned(), role };
    let member = store.member_add(by, draft).await.unwrap();
    let (_, token) = store.api_key_create(by, &member.id, name, role, None).await.unwrap();
    token.expose().to_owned()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_as(|control| control).await
    }

    /// The same, with other settings.
    pub(crate) async fn start_as(settings: impl FnOnce(Control) -> Control) -> Self {
        crate::secrets::listen_to_logs();
        let dir = tempfile::tempdir().unwrap();
        let root = RootKey::generate(&OsRandom).unwrap();
        let path = dir.path().join("data");
        let opened = Sqlite::open(&path, &root, Arc::new(SystemClock), Arc::new(OsRandom));
        let store = Arc::new(opened.unwrap());
        let tools = vec![("pay".to_owned(), PAY.to_owned()), ("list".to_owned(), LIST.to_owned())];
        let prober = Arc::new(Upstreams { store: store.clone(), tools: Mutex::new(Ok(tools)) });
        let by = By::program(store.org().clone(), now());
        let mut keys = vec![];
        for role in [Role::Admin, Role::PolicyManager, Role::Viewer] {
            keys.push(member_with_key(&store, &by, role.as_str(), role).await);
        }
        let [admin, manager, viewer] = keys.try_into().unwrap();

        let clock = Arc::new(Later::default());
        let control =
            Control::new(store.clone(), prober.clone(), clock.clone(), "http://127.0.0.1:7071/");
        let control = settings(control);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = control.clone();
        let served = tokio::spawn(async move {
            control::serve(listener, serving, async { drop(stopped.await) }).await.unwrap();
        });
        Self {
            store,
            prober,
            address,
            admin,
            manager,
            viewer,
            clock,
            control,
            stop: Some(stop),
            served: Some(served),
            dir,
        }
    }

    /// The file of the store.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.dir.path().join("data/countersign.db")
    }

    /// Stops the listener, as at shutdown, and waits until it is gone.
    pub(crate) async fn shut_down(&mut self) {
        drop(self.stop.take());
        self.served.take().unwrap().await.unwrap();
    }

    /// Every line of the audit log, as text.
    pub(crate) async fn changes(&self) -> Vec<String> {
        let (org, filter) = (self.store.org(), store::AuditFilter::default());
        let lines = self.store.audit_after(org, &filter, 0, 500).await.unwrap();
        lines.into_iter().map(|line| format!("{line:?}")).collect()
    }

    /// A request as admin.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask(Some(&self.admin), method, path, body, &[]).await
    }

    /// A request with a JSON body, if there is one, and further headers.
    pub(crate) async fn ask(
        &self,
        key: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut head = format!("{method} /api/v1{path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if let Some(key) = key {
            head.push_str(&format!("authorization: Bearer {key}\r\n"));
        }
        if !body.is_empty() {
            head.push_str("content-type: application/json\r\n");
        }
        head.push_str(&format!("content-length: {}\r\n", body.len()));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.raw(format!("{head}\r\n{body}").as_bytes()).await
    }

    /// Sends these bytes and reads one answer.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let answer = Answer::read(&mut stream);
        tokio::time::timeout(Duration::from_secs(20), answer).await.expect("no answer came")
    }

    /// A body that comes in pieces, whole, as the admin gets it.
    pub(crate) async fn whole(&self, path: &str) -> String {
        let (mut stream, answer) = self.follow(&self.admin, path, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut came = answer.body.into_bytes();
        while !came.ends_with(b"\r\n0\r\n\r\n") {
            let mut part = vec![0; 65_536];
            let count = stream.read(&mut part).await.unwrap();
            assert!(count > 0, "the body ended early");
            came.extend_from_slice(&part[..count]);
        }
        let (mut whole, mut rest) = (String::new(), std::str::from_utf8(&came).unwrap());
        while let Some((size, after)) = rest.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            whole.push_str(&after[..size]);
            rest = &after[size + 2..];
        }
        whole
    }

    /// Opens a stream; what came with the head is in the answer's body.
    pub(crate) async fn follow(
        &self,
        key: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (TcpStream, Answer) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut head = format!("GET /api/v1{path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        head.push_str(&format!("authorization: Bearer {key}\r\n"));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let answer = Answer::read(&mut stream).await;
        (stream, answer)
    }

    /// A server `payments` whose tools are accepted.
    pub(crate) async fn with_server(&self) -> String {
        let body = r#"{"slug":"payments","url":"http://127.0.0.1:9/mcp"}"#;
        let made = self.admin("POST", "/servers", body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["server"]["id"].as_str().unwrap().to_owned()
    }

    /// A policy `support` that lets `list` pass and `pay` up to 100.
    pub(crate) async fn with_policy(&self) -> String {
        let body = serde_json::json!({ "name": "support", "server": "payments", "text": POLICY });
        let made = self.admin("POST", "/policies", &body.to_string()).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// A grant `agent` for `payments` under `support`; its id and token.
    pub(crate) async fn with_grant(&self) -> (String, String) {
        let body = r#"{"label":"agent","servers":[{"server":"payments","policy":"support"}]}"#;
        let made = self.admin("POST", "/grants", body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["grant"]["id"]), text(&made["token"]))
    }
}

pub(crate) const POLICY: &str = r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "list": {},
    "pay": {
      "deny_if": [{ "conditions": [{ "path": "args.amount", "op": "gt", "value": 100 }] }],
      "limits": [{ "counter": "value", "window": "day", "max": 500, "amount": "args.amount" }]
    }
  }
}
"#;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The code of a problem; checks its shape.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["request_id"].as_str().unwrap(), self.headers["x-request-id"]);
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The faults of a problem, as pairs of pointer and code.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let faults = self.json()["errors"].as_array().cloned().unwrap_or_default();
        faults.iter().map(|f| (text(&f["pointer"]), text(&f["code"]))).collect()
    }

    /// Reads the head, and the body where its length is known.
    pub(crate) async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = vec![];
        let head = loop {
            let mut part = vec![0; 4096];
            let count = stream.read(&mut part).await.unwrap_or(0);
            bytes.extend_from_slice(&part[..count]);
            if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            assert!(count > 0, "the connection was closed without an answer");
        };
        let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let known = headers.entry(name.to_ascii_lowercase()).or_default();
            // A header that stands twice is on two lines.
            known.push_str(if known.is_empty() { "" } else { "\n" });
            known.push_str(value);
        }
        let mut body = bytes[head + 4..].to_vec();
        if let Some(length) = headers.get("content-length") {
            let length: usize = length.parse().unwrap();
            while body.len() < length {
                let mut part = vec![0; 65536];
                let count = stream.read(&mut part).await.unwrap();
                assert!(count > 0, "the answer was cut off");
                body.extend_from_slice(&part[..count]);
            }
        }
        // A copy of the database is no text; nobody reads it here.
        Self { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }
}
