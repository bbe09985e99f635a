//! The agent's end of a call: where the answer goes, and whether anybody still waits for it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
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

/// The agent, as long as it waits for the head of its answer.
#[derive(Debug)]
pub(crate) struct Agent {
    head: oneshot::Sender<Reply>,
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
        (Self { head }, waiting)
    }

    /// Gives the whole answer. An agent that has left misses it.
    pub(crate) fn answer(self, reply: Reply) {
        drop(self.head.send(reply));
    }

    /// Starts a stream with this head.
    pub(crate) fn stream(self, head: http::response::Builder) -> Reader {
        let (pieces, waiting) = mpsc::channel(EVENTS_AHEAD);
        if let Ok(reply) = head.body(ReplyBody::Stream(waiting)) {
            drop(self.head.send(reply));
        }
        Reader { pieces }
    }

    /// Ends when the agent has left before its answer began.
    pub(crate) async fn gone(&mut self) {
        self.head.closed().await;
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
