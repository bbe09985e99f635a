//! A raw HTTP/1.1 client that sends exactly what it is told, and a running server to send it to.

use std::net::SocketAddr;
use std::time::Duration;

use payments::{Options, Running, Server};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const KEY: &str = "sk_test_4242";

/// Header lines, in the order they are sent.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// A server of default options.
pub(crate) async fn server() -> Running {
    server_with(Options::default()).await
}

pub(crate) async fn server_with(options: Options) -> Running {
    Server::start_with(([127, 0, 0, 1], 0).into(), KEY.to_owned(), options).await.unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, or the one event of a stream.
    pub(crate) fn json(&self) -> Value {
        let text = match self.header("content-type") {
            Some("text/event-stream") => {
                let event = self.body.strip_prefix("event: message\ndata: ").unwrap();
                event.strip_suffix("\n\n").unwrap()
            }
            _ => self.body.as_str(),
        };
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Sends one request on a connection of its own and reads the answer.
pub(crate) async fn send(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: Headers<'_>,
    body: &str,
) -> Answer {
    let mut stream = open(addr, method, path, headers, body).await;
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .expect("an answer in time")
        .unwrap();
    parse(&String::from_utf8(bytes).unwrap())
}

/// Sends one request and hands over the connection.
pub(crate) async fn open(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: Headers<'_>,
    body: &str,
) -> TcpStream {
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {addr}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    stream
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let chunked = headers.iter().any(|(n, v)| n == "transfer-encoding" && v == "chunked");
    let body = if chunked { unchunk(body) } else { body.to_owned() };
    Answer { status, headers, body }
}

fn unchunk(mut rest: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
}

/// Posts a JSON-RPC message with the key and the usual headers, and `more` after them.
pub(crate) async fn post(addr: SocketAddr, more: Headers<'_>, body: &str) -> Answer {
    let bearer = format!("Bearer {KEY}");
    let mut headers = vec![
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    headers.extend_from_slice(more);
    send(addr, "POST", "/mcp", &headers, body).await
}

/// A modern request, complete with `_meta` and headers. `members` are those of `params` but `_meta`.
pub(crate) async fn modern(addr: SocketAddr, method: &str, members: &str) -> Answer {
    let name = serde_json::from_str::<Value>(&format!("{{{members}}}"))
        .ok()
        .and_then(|params| params["name"].as_str().map(str::to_owned));
    let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    if let Some(name) = &name {
        headers.push(("mcp-name", name));
    }
    post(addr, &headers, &modern_body(method, members)).await
}

pub(crate) fn modern_body(method: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{members}{comma}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// Opens a legacy session and returns its id.
pub(crate) async fn initialize(addr: SocketAddr, version: &str) -> (String, Value) {
    let answer = post(addr, &[], &initialize_body(version)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer.header("mcp-session-id").unwrap().to_owned(), answer.json())
}

pub(crate) fn initialize_body(version: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":"init","method":"initialize","params":{{"protocolVersion":"{version}","capabilities":{{}},"clientInfo":{{"name":"raw","version":"1"}}}}}}"#
    )
}

/// A legacy request in a session.
pub(crate) async fn legacy(addr: SocketAddr, session: &str, method: &str, params: &str) -> Answer {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    post(addr, &[("mcp-session-id", session)], &body).await
}
