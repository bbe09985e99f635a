//! A raw HTTP/1.1 client: it sends exactly the bytes it is given, however wrong, and reads what
//! comes back without believing it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No answer takes longer; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request, to be written exactly so.
#[derive(Clone, Debug)]
pub struct Request {
    /// The first line without its end, such as `POST /mcp/payments HTTP/1.1`.
    pub line: String,
    /// The header lines in order, names and values to the byte.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; a `Content-Length` is added unless the headers frame it themselves.
    pub body: Vec<u8>,
    /// Whether the body is framed by a `Content-Length` of ours.
    pub framed: bool,
}

impl Request {
    /// A request with a `Host` and nothing else.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            headers: vec![("Host".into(), b"127.0.0.1".to_vec())],
            body: Vec::new(),
            framed: true,
        }
    }

    /// With one more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With a header's lines replaced by one.
    #[must_use]
    pub fn set(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).header(name, value)
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// With another target.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        let method = self.line.split(' ').next().unwrap_or_default();
        self.line = format!("{method} {target} HTTP/1.1");
        self
    }

    /// With another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        self.line = format!("{method} {target} HTTP/1.1");
        self
    }

    /// With the body framed by its own headers alone.
    #[must_use]
    pub fn unframed(mut self) -> Self {
        self.framed = false;
        self
    }

    /// The bytes, as they go over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.line).into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        if self.framed && (!self.body.is_empty() || self.line.starts_with("POST")) {
            out.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status; 0 when the connection was closed without an answer.
    pub status: u16,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, its framing taken off.
    pub body: Vec<u8>,
    /// Every byte that came.
    pub raw: Vec<u8>,
}

impl Response {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The one message in it: the body, or the last message of an event stream.
    pub fn json(&self) -> serde_json::Value {
        let stream =
            self.header("content-type").is_some_and(|k| k.starts_with("text/event-stream"));
        if stream {
            return messages(&self.body).pop().unwrap_or(serde_json::Value::Null);
        }
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }
}

/// The messages of an event stream.
pub(crate) fn messages(stream: &[u8]) -> Vec<serde_json::Value> {
    String::from_utf8_lossy(stream)
        .split("\n\n")
        .filter_map(|event| {
            let data: Vec<&str> =
                event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            serde_json::from_str(&data.join("\n")).ok()
        })
        .collect()
}

/// Sends these bytes on a connection of their own and reads the answer to its end.
pub async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Response {
    let mut open = Open::connect(address).await;
    open.write(bytes.as_ref()).await;
    open.response().await
}

/// A connection.
#[derive(Debug)]
pub struct Open {
    stream: TcpStream,
    /// What came and was not taken yet.
    read: Vec<u8>,
    /// Every byte that came.
    raw: Vec<u8>,
}

impl Open {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway listens");
        stream.set_nodelay(true).expect("a socket takes the option");
        Self { stream, read: Vec::new(), raw: Vec::new() }
    }

    /// Writes bytes; a peer that has closed already is no error here.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _closed_early = self.stream.write_all(bytes).await;
    }

    /// Closes our side of writing.
    pub async fn finish(&mut self) {
        let _closed_early = self.stream.shutdown().await;
    }

    /// Reads more; `false` at the end.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await;
        match read.expect("the peer answers within the test's patience") {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                self.raw.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }

    /// Reads one head. Interim answers (`100 Continue`) are answers like any other.
    pub async fn head(&mut self) -> Response {
        loop {
            if let Some(end) = memchr::memmem::find(&self.read, b"\r\n\r\n") {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                return parse_head(&head);
            }
            if !self.more().await {
                return Response { raw: std::mem::take(&mut self.raw), ..Response::default() };
            }
        }
    }

    /// Reads one whole answer.
    pub async fn response(&mut self) -> Response {
        let mut response = self.head().await;
        if response.status == 0 {
            return response;
        }
        if response.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                response.body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().expect("a length is a number");
            while self.read.len() < length && self.more().await {}
            let end = length.min(self.read.len());
            response.body = self.read.drain(..end).collect();
        } else if !matches!(response.status, 100 | 204 | 304) {
            while self.more().await {}
            response.body = std::mem::take(&mut self.read);
        }
        response.raw = std::mem::take(&mut self.raw);
        response
    }

    /// The next chunk of a chunked body; `None` at its end.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.read, b"\r\n") {
                let size = std::str::from_utf8(&self.read[..end]).expect("a size is text");
                let size = usize::from_str_radix(size, 16).expect("a size is a number");
                if self.read.len() >= end + 2 + size + 2 {
                    let chunk = self.read[end + 2..end + 2 + size].to_vec();
                    self.read.drain(..end + 2 + size + 2);
                    return (size > 0).then_some(chunk);
                }
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The events of the stream whose head was just read.
    pub fn events(self) -> Events {
        Events { open: self, pending: Vec::new() }
    }

    /// Everything that comes until the peer closes, or is quiet for that long.
    pub async fn quiet(&mut self, time: Duration) -> Vec<u8> {
        let mut buffer = [0; 16 << 10];
        while let Ok(Ok(count @ 1..)) =
            tokio::time::timeout(time, self.stream.read(&mut buffer)).await
        {
            self.raw.extend_from_slice(&buffer[..count]);
        }
        std::mem::take(&mut self.raw)
    }

    /// Whether the peer closes the connection without a further byte within that time.
    pub async fn closes_within(&mut self, time: Duration) -> bool {
        let mut buffer = [0; 1024];
        let until = tokio::time::Instant::now() + time;
        loop {
            match tokio::time::timeout_at(until, self.stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return true,
                Ok(Ok(count)) => self.raw.extend_from_slice(&buffer[..count]),
                Err(_) => return false,
            }
        }
    }
}

/// The events of an open stream, one message after the other.
#[derive(Debug)]
pub struct Events {
    open: Open,
    pending: Vec<u8>,
}

impl Events {
    /// The next event as it stands, comments left out; `None` when the stream has ended, or nothing
    /// came in that time.
    pub async fn next_raw(&mut self, time: Duration) -> Option<String> {
        let until = tokio::time::Instant::now() + time;
        loop {
            if let Some(end) = memchr::memmem::find(&self.pending, b"\n\n") {
                let event: Vec<u8> = self.pending.drain(..end + 2).collect();
                let event = String::from_utf8(event).expect("an event is text");
                if event.starts_with(':') {
                    continue;
                }
                return Some(event);
            }
            let chunk = tokio::time::timeout_at(until, self.open.chunk()).await.ok()??;
            self.pending.extend_from_slice(&chunk);
        }
    }

    /// The next message.
    pub async fn next(&mut self, time: Duration) -> Option<serde_json::Value> {
        loop {
            let event = self.next_raw(time).await?;
            if let Some(message) = messages(event.as_bytes()).pop() {
                return Some(message);
            }
        }
    }

    /// Whether the stream ends within that time, whatever comes before.
    pub async fn ends_within(&mut self, time: Duration) -> bool {
        let until = tokio::time::Instant::now() + time;
        loop {
            match tokio::time::timeout_at(until, self.open.chunk()).await {
                Ok(Some(chunk)) => self.pending.extend_from_slice(&chunk),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

fn parse_head(head: &[u8]) -> Response {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Response { status: status.unwrap_or(0), headers, ..Response::default() }
}
