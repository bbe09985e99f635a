//! An agent: it holds one grant token and speaks both eras, rightly unless a test says otherwise.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::canary::Canary;
use crate::wire::{self, Open, Request, Response};

/// How an agent speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25 without a session.
    Legacy,
    /// 2025-11-25 in the session of that id.
    Session(String),
    /// 2026-07-28.
    Modern,
}

/// The legacy revision that agents speak here.
pub const LEGACY: &str = "2025-11-25";
/// The modern revision.
pub const MODERN: &str = "2026-07-28";

/// An agent with its token.
#[derive(Clone)]
pub struct Agent {
    /// Where the gateway listens.
    pub address: SocketAddr,
    /// The slug of the server it asks.
    pub server: String,
    /// Its token.
    pub token: String,
}

impl Agent {
    /// The same agent at another server.
    #[must_use]
    pub fn at(&self, server: &str) -> Self {
        Self { server: server.to_owned(), ..self.clone() }
    }

    /// The secret part of its token.
    pub fn secret(&self) -> Canary {
        Canary::of(self.token.split('_').nth(2).expect("a token has four parts"))
    }

    /// A request in an era with everything around the body right. `Mcp-Method` and `Mcp-Name` say
    /// what the body says, as far as it can be read.
    pub fn post(&self, era: &Era, body: impl AsRef<[u8]>) -> Request {
        let body = body.as_ref();
        let mut request = Request::new("POST", &format!("/mcp/{}", self.server))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
            .body(body);
        request = match era {
            Era::Legacy => request.header("MCP-Protocol-Version", LEGACY),
            Era::Session(id) => {
                request.header("MCP-Protocol-Version", LEGACY).header("Mcp-Session-Id", id)
            }
            Era::Modern => request.header("MCP-Protocol-Version", MODERN),
        };
        if *era != Era::Modern {
            return request;
        }
        let message: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let method = message["method"].as_str().unwrap_or("tools/call");
        request = request.header("Mcp-Method", method);
        let name = match method {
            "tools/call" | "prompts/get" => Some(&message["params"]["name"]),
            "resources/read" => Some(&message["params"]["uri"]),
            _ => None,
        };
        match name.map(|name| name.as_str().unwrap_or("refund_payment")) {
            Some(name) if name.bytes().all(|b| (b'!'..=b'~').contains(&b)) => {
                request.header("Mcp-Name", name)
            }
            Some(name) => request.header("Mcp-Name", sentinel(name)),
            None => request,
        }
    }

    /// Sends one message and reads the answer.
    pub async fn ask(&self, era: &Era, body: impl AsRef<[u8]>) -> Response {
        wire::send(self.address, self.post(era, body).bytes()).await
    }

    /// Calls a tool.
    pub async fn call(&self, era: &Era, tool: &str, arguments: Value) -> Response {
        self.ask(era, Self::call_text(era, tool, &arguments.to_string())).await
    }

    /// Sends a request with these params.
    pub async fn request(&self, era: &Era, method: &str, params: Value) -> Response {
        self.ask(era, Self::message(era, method, params)).await
    }

    /// Opens a session.
    pub async fn session(&self) -> Era {
        let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": LEGACY, "capabilities": {"elicitation": {}, "sampling": {}, "roots": {}},
            "clientInfo": {"name": "test", "version": "1"}}});
        let answer = self.ask(&Era::Legacy, hello.to_string()).await;
        assert_eq!(answer.status, 200, "initialize: {}", answer.text());
        let id = answer.header("mcp-session-id").expect("a session id is given").to_owned();
        let era = Era::Session(id);
        let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert_eq!(self.ask(&era, ready).await.status, 202);
        era
    }

    /// A request for the stream of a session.
    pub fn get(&self, session: &str) -> Request {
        Request::new("GET", &format!("/mcp/{}", self.server))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Accept", "text/event-stream")
            .header("MCP-Protocol-Version", LEGACY)
            .header("Mcp-Session-Id", session)
    }

    /// The end of a session.
    pub fn delete(&self, session: &str) -> Request {
        self.get(session).method("DELETE")
    }

    /// Sends a request and reads the head of its answer.
    pub async fn open(&self, request: &Request) -> (Response, Open) {
        let mut open = Open::connect(self.address).await;
        open.write(&request.bytes()).await;
        let head = open.head().await;
        (head, open)
    }

    /// A request's text.
    pub fn message(era: &Era, method: &str, mut params: Value) -> String {
        if *era == Era::Modern {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            if params["_meta"]["io.modelcontextprotocol/clientCapabilities"].is_null() {
                params["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
                    json!({"elicitation": {}});
            }
        }
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
    }

    /// A call's text, the arguments to the byte as given.
    pub fn call_text(era: &Era, tool: &str, arguments: &str) -> String {
        Self::params_text(era, &format!(r#""name":{},"arguments":{arguments}"#, json!(tool)))
    }

    /// A call's text, the members of its params to the byte as given.
    pub fn params_text(era: &Era, members: &str) -> String {
        let meta = Self::meta(era);
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{members}{meta}}}}}"#)
    }

    /// What a modern request has in its params besides: `,"_meta":{…}`; nothing in the legacy era.
    pub fn meta(era: &Era) -> &'static str {
        match era {
            Era::Modern => {
                r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}"#
            }
            _ => "",
        }
    }
}

/// The header value that stands for a text no header may hold.
fn sentinel(text: &str) -> String {
    use base64::Engine as _;
    format!("=?base64?{}?=", base64::engine::general_purpose::STANDARD.encode(text))
}
