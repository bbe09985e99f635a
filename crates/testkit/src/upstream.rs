//! An MCP server that records every byte it receives and answers both eras as a test tells it to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::script::{Answer, Piece};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection it came by, counted from 0.
    pub connection: usize,
    /// The HTTP method.
    pub verb: String,
    /// The target.
    pub target: String,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body to the byte.
    pub body: Vec<u8>,
    /// The body as JSON; `Null` if it is none.
    pub message: Value,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The JSON-RPC method; empty without one.
    pub fn method(&self) -> &str {
        self.message["method"].as_str().unwrap_or_default()
    }

    /// The JSON-RPC id.
    pub fn id(&self) -> &Value {
        &self.message["id"]
    }

    /// Whether it is of the modern era.
    pub fn modern(&self) -> bool {
        self.message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].is_string()
    }

    /// Whether the gateway asks on its own behalf (discovery), not for an agent.
    pub fn is_probe(&self) -> bool {
        *self.id() == json!("countersign")
            || self.method() == "notifications/initialized"
            || (self.verb == "DELETE" && self.body.is_empty())
    }

    /// A response with this result.
    pub fn answer_to(&self, result: Value) -> Value {
        json!({"jsonrpc": "2.0", "id": self.id(), "result": result})
    }

    /// A result with what its era asks for.
    pub fn complete(&self, mut result: Value) -> Value {
        if self.modern() && result.get("resultType").is_none() {
            result["resultType"] = json!("complete");
        }
        result
    }
}

/// Answers some requests otherwise than by default; `None` leaves it to the default.
pub(crate) type Script = Arc<dyn Fn(&Seen) -> Option<Answer> + Send + Sync>;

/// What a connection meets before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    /// Accepted and closed at once.
    Slammed,
}

struct Inner {
    raw: Mutex<Vec<Vec<u8>>>,
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
    accepted: watch::Sender<usize>,
    tools: Mutex<Value>,
    page_size: Mutex<Option<usize>>,
    script: Mutex<Option<Script>>,
    door: Mutex<Door>,
    eras: Mutex<(bool, bool)>,
    sessions: AtomicU64,
}

/// The upstream. It ends when dropped.
pub struct Upstream {
    address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// Starts on a free port of the loopback with these tools.
    pub async fn start(tools: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let inner = Arc::new(Inner {
            raw: Mutex::default(),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            accepted: watch::Sender::new(0),
            tools: Mutex::new(tools),
            page_size: Mutex::new(None),
            script: Mutex::new(None),
            door: Mutex::new(Door::Open),
            eras: Mutex::new((true, true)),
            sessions: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&inner)));
        Self { address, inner, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its MCP endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// From now on requests are answered so; `None` leaves a request to the default.
    pub fn script(&self, script: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static) {
        *lock(&self.inner.script) = Some(Arc::new(script));
    }

    /// From now on tool calls are answered so, everything else by default.
    pub fn on_call(&self, answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        self.script(move |seen| (seen.method() == "tools/call").then(|| answer(seen)));
    }

    /// From now on everything is answered by default.
    pub fn by_default(&self) {
        *lock(&self.inner.script) = None;
        *lock(&self.inner.door) = Door::Open;
    }

    /// From now on connections are accepted and closed at once.
    pub fn slam(&self) {
        *lock(&self.inner.door) = Door::Slammed;
    }

    /// The tools it lists from now on.
    pub fn set_tools(&self, tools: Value) {
        *lock(&self.inner.tools) = tools;
    }

    /// Lists so many tools a page from now on.
    pub fn set_page_size(&self, size: usize) {
        *lock(&self.inner.page_size) = Some(size);
    }

    /// Which eras it speaks from now on: legacy, modern.
    pub fn set_eras(&self, legacy: bool, modern: bool) {
        *lock(&self.inner.eras) = (legacy, modern);
    }

    /// Ends it: the port is closed, and so is every connection.
    pub async fn close(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.inner.seen).clone()
    }

    /// The requests after the first `mark`.
    pub fn seen_since(&self, mark: usize) -> Vec<Seen> {
        lock(&self.inner.seen)[mark..].to_vec()
    }

    /// How many requests have come.
    pub fn mark(&self) -> usize {
        lock(&self.inner.seen).len()
    }

    /// The tool calls so far.
    pub fn calls(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.method() == "tools/call").collect()
    }

    /// Every byte that ever arrived, connection after connection.
    pub fn raw(&self) -> Vec<u8> {
        lock(&self.inner.raw).concat()
    }

    /// How many bytes ever arrived.
    pub fn raw_len(&self) -> usize {
        lock(&self.inner.raw).iter().map(Vec::len).sum()
    }

    /// Waits until that many requests have come.
    pub async fn wait_for(&self, count: usize) {
        wait(&self.inner.count, count).await;
    }

    /// Waits until that many connections were accepted.
    pub async fn wait_for_connections(&self, count: usize) {
        wait(&self.inner.accepted, count).await;
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        *self.inner.accepted.borrow()
    }
}

async fn wait(counter: &watch::Sender<usize>, count: usize) {
    let mut counter = counter.subscribe();
    let waited = counter.wait_for(|now| *now >= count);
    tokio::time::timeout(Duration::from_secs(10), waited)
        .await
        .expect("it comes in time")
        .expect("the upstream lives");
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    // Connections end with the upstream: they belong to a set that is dropped with this task.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let number = {
            let mut raw = lock(&inner.raw);
            raw.push(Vec::new());
            raw.len() - 1
        };
        inner.accepted.send_modify(|count| *count += 1);
        if *lock(&inner.door) == Door::Slammed {
            continue;
        }
        connections.spawn(connection(stream, number, Arc::clone(&inner)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut stream: TcpStream, number: usize, inner: Arc<Inner>) {
    let _best_effort = stream.set_nodelay(true);
    let mut read = Vec::new();
    loop {
        let seen = loop {
            if let Some(seen) = take_request(&mut read, number) {
                break seen;
            }
            let mut buffer = [0; 16 << 10];
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    read.extend_from_slice(&buffer[..count]);
                    lock(&inner.raw)[number].extend_from_slice(&buffer[..count]);
                }
            }
        };
        lock(&inner.seen).push(seen.clone());
        inner.count.send_modify(|count| *count += 1);
        let script = lock(&inner.script).clone();
        let answer =
            script.and_then(|script| script(&seen)).unwrap_or_else(|| inner.default(&seen));
        for piece in &answer.pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    if stream.write_all(bytes).await.is_err() {
                        return;
                    }
                }
                Piece::Wait(time) => tokio::time::sleep(*time).await,
                Piece::Hang => {
                    // Until the gateway leaves; what it still sends is recorded.
                    let mut buffer = [0; 1024];
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        lock(&inner.raw)[number].extend_from_slice(&buffer[..count]);
                    }
                    return;
                }
                Piece::Reset => {
                    let _best_effort = stream.set_zero_linger();
                    return;
                }
            }
        }
        if answer.close {
            return;
        }
    }
}

/// Takes one whole request off the bytes read. Requests of the gateway have a `Content-Length` or no
/// body; anything else is recorded as it stands, with a method no test expects.
fn take_request(read: &mut Vec<u8>, connection: usize) -> Option<Seen> {
    let end = memchr::memmem::find(read, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap_or(0));
    if read.len() < end + length {
        return None;
    }
    let body = read[end..end + length].to_vec();
    read.drain(..end + length);
    Some(Seen {
        connection,
        verb: first.next().unwrap_or_default().to_owned(),
        target: first.next().unwrap_or_default().to_owned(),
        headers,
        message: serde_json::from_slice(&body).unwrap_or(Value::Null),
        body,
    })
}

impl Inner {
    /// What a well-behaved server of both eras says.
    fn default(&self, seen: &Seen) -> Answer {
        let (legacy, modern) = *lock(&self.eras);
        match seen.verb.as_str() {
            "POST" => {}
            "DELETE" => return Answer::http(200, &[], ""),
            _ => return Answer::http(405, &[("Allow", "POST")], ""),
        }
        if seen.message.get("id").is_none() || seen.message.get("method").is_none() {
            return Answer::http(202, &[], "");
        }
        if (seen.modern() && !modern) || (!seen.modern() && !legacy) {
            return Answer::error(seen, 400, -32022, "Unsupported protocol version");
        }
        let result = match seen.method() {
            "initialize" => return self.initialize(seen),
            "server/discover" => json!({
                "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
                "serverInfo": {"name": "recording", "version": "1"},
                "ttlMs": 0, "cacheScope": "public",
            }),
            "tools/list" => self.tools(seen),
            "tools/call" => json!({"content": [{"type": "text", "text": "done"}]}),
            "ping" | "logging/setLevel" => json!({}),
            "resources/list" => json!({"resources": [
                {"uri": "file:///public/a", "name": "a"}, {"uri": "file:///secret/b", "name": "b"}]}),
            "resources/templates/list" => json!({"resourceTemplates": []}),
            "prompts/list" => json!({"prompts": [{"name": "greet"}, {"name": "hidden_prompt"}]}),
            "resources/read" => json!({"contents": [{"uri": "file:///public/a", "text": "text"}]}),
            "prompts/get" => json!({"messages": []}),
            "completion/complete" => json!({"completion": {"values": ["x"]}}),
            _ => {
                return Answer::error(
                    seen,
                    if modern { 404 } else { 200 },
                    -32601,
                    "Method not found",
                );
            }
        };
        Answer::result(seen, seen.complete(result))
    }

    fn initialize(&self, seen: &Seen) -> Answer {
        let session = self.sessions.fetch_add(1, Ordering::Relaxed);
        let result = seen.answer_to(json!({
            "protocolVersion": seen.message["params"]["protocolVersion"],
            "capabilities": {"tools": {}, "resources": {}, "prompts": {}, "completions": {}, "logging": {}},
            "serverInfo": {"name": "recording", "version": "1"},
        }));
        let session = format!("upstream-session-{session}");
        let headers = [("Content-Type", "application/json"), ("Mcp-Session-Id", &session)];
        Answer::http(200, &headers, result.to_string())
    }

    fn tools(&self, seen: &Seen) -> Value {
        let tools = lock(&self.tools).clone();
        let mut result = json!({"tools": tools});
        if let (Some(size), Some(tools)) = (*lock(&self.page_size), result["tools"].as_array()) {
            let cursor = seen.message["params"]["cursor"].as_str().and_then(|c| c.parse().ok());
            let start: usize = cursor.unwrap_or(0);
            let page: Vec<Value> = tools.iter().skip(start).take(size).cloned().collect();
            let more = start + size < tools.len();
            result["tools"] = Value::Array(page);
            if more {
                result["nextCursor"] = json!((start + size).to_string());
            }
        }
        if seen.modern() {
            result["ttlMs"] = json!(60_000);
            result["cacheScope"] = json!("public");
        }
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
