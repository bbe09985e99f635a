//! The agent's end of a call: where the answer goes, and whether anybody still waits for it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use mcp::sse::{self, Event};
use tokio::sync::{mpsc, oneshot};

/// Events on their way to an agent that reads slowly. Small: a stalled reader stalls the upstream,
/// not our memory.
const EVENTS_AHEAD: usize = 2;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// All of it at once.
    Whole(Option<Bytes>),
    /// Pieces as they come.
    Stream(mpsc::Receiver<Bytes>),
}

impl ReplyBody {
    /// No body.
    pub(crate) const EMPTY: Self = Self::Whole(None);
}

impl From<Vec<u8>> for ReplyBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(Some(bytes.into()))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Stream(pieces) => pieces.poll_recv(cx).map(|b| b.map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// What the gateway answers with.
pub(crate) type Reply = Response<ReplyBody>;

/// The agent, as long as it waits for its answer.
#[derive(Debug)]
pub(crate) struct Agent(Waiting);

/// What the agent waits for.
#[derive(Debug)]
enum Waiting {
    /// The head of the answer.
    Head(oneshot::Sender<Reply>),
    /// The answer, on a stream that was begun.
    Stream(Reader),
    /// Nothing: the stream could not be begun.
    Nothing,
}

/// The agent, while it reads a stream.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pieces: mpsc::Sender<Bytes>,
}

impl Agent {
    /// An agent, and where its answer arrives.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Reply>) {
        let (head, waiting) = oneshot::channel();
        (Self(Waiting::Head(head)), waiting)
    }

    /// Gives the whole answer. An agent that has left misses it. On a stream that was begun, its
    /// body is the last message.
    pub(crate) fn answer(self, reply: Reply) {
        match self.0 {
            Waiting::Head(head) => drop(head.send(reply)),
            Waiting::Stream(reader) => {
                if let ReplyBody::Whole(Some(bytes)) = reply.into_body() {
                    let piece = sse::encode(&Event::message(bytes.into()));
                    tokio::spawn(async move { reader.send(piece.into()).await });
                }
            }
            Waiting::Nothing => {}
        }
    }

    /// Starts a stream with this head, unless one was begun.
    pub(crate) fn stream(mut self, head: http::response::Builder) -> Reader {
        self.open(head);
        match self.0 {
            Waiting::Stream(reader) => reader,
            // Nobody reads it.
            Waiting::Head(_) | Waiting::Nothing => Reader { pieces: mpsc::channel(1).0 },
        }
    }

    /// Begins a stream on which the answer will come.
    pub(crate) fn open(&mut self, head: http::response::Builder) {
        match std::mem::replace(&mut self.0, Waiting::Nothing) {
            Waiting::Head(sender) => {
                let (pieces, waiting) = mpsc::channel(EVENTS_AHEAD);
                if let Ok(reply) = head.body(ReplyBody::Stream(waiting)) {
                    drop(sender.send(reply));
                }
                self.0 = Waiting::Stream(Reader { pieces });
            }
            other => self.0 = other,
        }
    }

    /// Hands over a piece of the stream, if one was begun and the agent keeps up: what is left out
    /// is said again.
    pub(crate) fn piece(&self, piece: Bytes) {
        if let Waiting::Stream(reader) = &self.0 {
            let _ = reader.pieces.try_send(piece);
        }
    }

    /// Ends when the agent has left before its answer came.
    pub(crate) async fn gone(&mut self) {
        match &mut self.0 {
            Waiting::Head(head) => head.closed().await,
            Waiting::Stream(reader) => reader.gone().await,
            Waiting::Nothing => {}
        }
    }
}

impl Reader {
    /// Hands a piece over; waits while the agent is slow. `false`: the agent has left.
    pub(crate) async fn send(&self, piece: Bytes) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// Ends when the agent has left.
    pub(crate) async fn gone(&self) {
        self.pieces.closed().await;
    }
}
