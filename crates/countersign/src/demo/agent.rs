//! The agent of the story: a plain MCP client over HTTP that knows its address and its token.

use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::events::Events;
use crate::failure::Failure;

/// The version the agent speaks.
const VERSION: &str = "2026-07-28";
/// How long an answer may take.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);
/// The most of an answer that is read.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// An agent with its token.
pub(super) struct Agent {
    url: String,
    token: String,
    client: Client<HttpConnector, Full<Bytes>>,
    calls: std::cell::Cell<u64>,
}

/// What the agent was told.
#[derive(Debug)]
pub(super) enum Told {
    /// The tool's own result.
    Result(String),
    /// A result that says no: by the policy, or by the tool.
    Refused(String),
    /// A JSON-RPC error.
    Error(i64, String),
}

impl Agent {
    pub(super) fn new(url: String, token: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, token: token.to_owned(), client, calls: std::cell::Cell::new(0) }
    }

    /// Calls a tool, and reads what comes back.
    pub(super) async fn call(&self, call: &Value) -> Result<Told, Failure> {
        let tool = super::text(call, "/name");
        let answer = self.ask("tools/call", Some(&tool), call.clone()).await?;
        if let Some(error) = answer.get("error") {
            let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
            return Ok(Told::Error(code, super::text(error, "/message")));
        }
        let said = super::text(&answer, "/result/content/0/text");
        let failed = answer.pointer("/result/isError") == Some(&Value::Bool(true));
        Ok(if failed { Told::Refused(said) } else { Told::Result(said) })
    }

    /// The names of the tools that are listed.
    pub(super) async fn tools(&self) -> Result<Vec<String>, Failure> {
        let answer = self.ask("tools/list", None, json!({})).await?;
        let tools = answer.pointer("/result/tools").and_then(Value::as_array);
        let tools = tools.ok_or_else(|| strange(&format!("no list of tools but {answer}")))?;
        Ok(tools.iter().map(|tool| super::text(tool, "/name")).collect())
    }

    async fn ask(
        &self,
        method: &str,
        name: Option<&str>,
        mut params: Value,
    ) -> Result<Value, Failure> {
        self.calls.set(self.calls.get() + 1);
        params["_meta"] = meta();
        let body = json!({
            "jsonrpc": "2.0", "id": self.calls.get(), "method": method, "params": params,
        });
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers(method, name) {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::from(body.to_string()))
            .map_err(|error| strange(&format!("a request that cannot be sent: {error}")))?;
        let answered = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| strange(&format!("no answer: {error}")))?;
            let streamed = response
                .headers()
                .get(http::header::CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|_| strange("an answer that was cut off"))?
                .to_bytes();
            read(&body, streamed).ok_or_else(|| strange("an answer that is no JSON-RPC"))
        };
        tokio::time::timeout(ANSWER_WAIT_MAX, answered)
            .await
            .unwrap_or_else(|_| Err(strange("no answer in time")))
    }
}

/// The response in a body: the body itself, or the last event of a stream.
fn read(body: &[u8], streamed: bool) -> Option<Value> {
    if !streamed {
        return serde_json::from_slice(body).ok();
    }
    let events = Events::default().feed(body).into_iter().rev();
    let mut messages = events.filter_map(|event| serde_json::from_str::<Value>(&event.data).ok());
    messages.find(|message| message.get("id").is_some())
}

fn strange(what: &str) -> Failure {
    Failure::new("demo", format!("the gateway gave {what}"), "please report this as a bug")
}

/// The headers a request of this version needs.
pub(super) fn headers(method: &str, name: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json, text/event-stream".to_owned()),
        ("mcp-protocol-version", VERSION.to_owned()),
        ("mcp-method", method.to_owned()),
    ];
    headers.extend(name.map(|name| ("mcp-name", name.to_owned())));
    headers
}

/// What a request of this version says of its sender.
pub(super) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientInfo": {"name": "countersign-demo", "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}
