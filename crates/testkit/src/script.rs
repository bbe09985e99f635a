//! What a recording upstream answers: exact bytes, in pieces, with pauses between them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::upstream::Seen;

/// A piece of an answer.
#[derive(Clone, Debug)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A pause.
    Wait(Duration),
    /// Nothing more ever comes, and the connection stays open.
    Hang,
    /// The connection is reset.
    Reset,
}

/// An answer, piece by piece. After the last one the connection serves the next request, unless the
/// answer closed it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) close: bool,
}

impl Answer {
    /// Exactly these pieces; the connection is closed after them.
    pub fn pieces(pieces: Vec<Piece>) -> Self {
        Self { pieces, close: true }
    }

    /// Exactly these bytes; the connection is closed after them.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::pieces(vec![Piece::Bytes(bytes.as_ref().to_vec())])
    }

    /// A whole response with that status, these headers and this body.
    pub fn http(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut out = format!("HTTP/1.1 {status} Status\r\n").into_bytes();
        for (name, value) in headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        out.extend_from_slice(body);
        Self { pieces: vec![Piece::Bytes(out)], close: false }
    }

    /// A message as JSON.
    pub fn json(message: impl AsRef<[u8]>) -> Self {
        Self::http(200, &[("Content-Type", "application/json")], message)
    }

    /// A result for the request that was seen.
    pub fn result(seen: &Seen, result: Value) -> Self {
        Self::json(seen.answer_to(result).to_string())
    }

    /// A tool's result with this text.
    pub fn text(seen: &Seen, text: &str) -> Self {
        Self::result(seen, seen.complete(json!({"content": [{"type": "text", "text": text}]})))
    }

    /// A JSON-RPC error for the request that was seen.
    pub fn error(seen: &Seen, status: u16, code: i64, message: &str) -> Self {
        let body =
            json!({"jsonrpc": "2.0", "id": seen.id(), "error": {"code": code, "message": message}});
        Self::http(status, &[("Content-Type", "application/json")], body.to_string())
    }

    /// An event stream of exactly these pieces of text, each sent by itself.
    pub fn stream(pieces: &[&str]) -> Self {
        let mut sent = vec![Piece::Bytes(STREAM_HEAD.to_vec())];
        for piece in pieces {
            sent.push(Piece::Wait(Duration::from_millis(5)));
            sent.push(Piece::Bytes(chunk(piece.as_bytes())));
        }
        sent.push(Piece::Bytes(b"0\r\n\r\n".to_vec()));
        Self { pieces: sent, close: false }
    }

    /// An event stream that stays open after these pieces.
    pub fn open_stream(pieces: &[&str]) -> Self {
        let mut answer = Self::stream(pieces);
        answer.pieces.pop();
        answer.pieces.push(Piece::Hang);
        answer
    }

    /// With a pause before anything is sent.
    #[must_use]
    pub fn after(mut self, time: Duration) -> Self {
        self.pieces.insert(0, Piece::Wait(time));
        self
    }
}

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Transfer-Encoding: chunked\r\n\r\n";

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}
