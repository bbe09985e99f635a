//! A call rides on the connection it came by, and leaves it before the connection can take it down.
//!
//! A call must run to its end whatever its agent does: its quota is settled, its outcome recorded.
//! A task of its own for every call would see to that at the price of two moves and two wake-ups.
//! Most calls end with their answer, so they ride on the connection's task; the few that outlive it
//! (the agent hangs up, or reads a stream) get a task of their own at that moment.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::agent::Reply;

/// A call on its way, and where its answer arrives.
///
/// - **Shape**: yields the answer; `None` when the call ended without one.
///
/// INVARIANT(runs-to-its-end): whoever drops this leaves the call running.
pub(crate) struct Ride {
    call: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    waiting: oneshot::Receiver<Reply>,
}

impl Ride {
    /// Sets out. Nothing happens until it is polled.
    ///
    /// The call comes boxed: it is large, and each hand it went through by value would copy it.
    pub(crate) fn new(
        call: Pin<Box<dyn Future<Output = ()> + Send>>,
        waiting: oneshot::Receiver<Reply>,
    ) -> Self {
        Self { call: Some(call), waiting }
    }

    fn leave(&mut self) {
        let Some(call) = self.call.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(call)),
            // The runtime is gone, and with it the process: the next start closes what was open.
            Err(_) => drop(call),
        }
    }
}

impl Future for Ride {
    type Output = Option<Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(call) = &mut self.call {
            // A call that panics ends without an answer, as it would on a task of its own.
            let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx)));
            if !matches!(polled, Ok(Poll::Pending)) {
                self.call = None;
            }
        }
        let reply = std::task::ready!(Pin::new(&mut self.waiting).poll(cx));
        // A call that goes on behind its answer no longer needs this connection.
        self.leave();
        Poll::Ready(reply.ok())
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::agent::Agent;

    #[tokio::test]
    async fn a_call_whose_agent_hangs_up_runs_to_its_end() {
        let (agent, waiting) = Agent::new();
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut ride = Ride::new(
            Box::pin(async move {
                gone.await.unwrap();
                drop(agent);
                done.send(()).unwrap();
            }),
            waiting,
        );
        let pending = |cx: &mut Context<'_>| Poll::Ready(Pin::new(&mut ride).poll(cx).is_pending());
        assert!(std::future::poll_fn(pending).await);
        drop(ride);
        go.send(()).unwrap();
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_call_that_was_never_polled_runs_as_well() {
        let ran = Arc::new(AtomicBool::new(false));
        let (agent, waiting) = Agent::new();
        let seen = ran.clone();
        drop(Ride::new(
            Box::pin(async move {
                drop(agent);
                seen.store(true, Ordering::SeqCst);
            }),
            waiting,
        ));
        tokio::task::yield_now().await;
        assert!(ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_call_that_panics_ends_without_an_answer() {
        let (agent, waiting) = Agent::new();
        let ride = Ride::new(
            Box::pin(async move {
                let _agent = agent;
                assert!(waiting_is_over(), "the test's own panic");
            }),
            waiting,
        );
        assert!(ride.await.is_none());
    }

    fn waiting_is_over() -> bool {
        false
    }
}
