//! Ends what runs in good order when the system or a person says so.

use std::future::Future;

use tokio::sync::watch;

use crate::failure::Failure;

/// Runs `serving`; on the first signal to end it is told to stop and may finish, on the second it
/// is left where it is.
pub(crate) async fn stop_when_told(
    serving: impl Future<Output = Result<(), Failure>>,
    stop: watch::Sender<bool>,
    mut signals: Signals,
) -> Result<(), Failure> {
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        () = signals.next() => {}
    }
    tracing::info!("stopping: calls in flight may finish");
    stop.send_replace(true);
    tokio::select! {
        ended = &mut serving => ended,
        () = signals.next() => Err(Failure::new(
            "interrupted",
            "stopped before the calls in flight were done",
            "the next start closes them as unknown",
        )),
    }
}

/// The signals that ask a program to end. From the moment they are listened to, none ends the
/// process by itself: listen before anybody is told that there is something to end.
pub(crate) struct Signals {
    #[cfg(unix)]
    each: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    /// Listens from now on.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new("system", format!("signals cannot be heard: {error}"), "start again")
            })
        };
        Ok(Self {
            each: [
                listen(SignalKind::terminate())?,
                listen(SignalKind::interrupt())?,
                listen(SignalKind::hangup())?,
            ],
        })
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.each;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Listens from now on.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        // Without a way to hear it, wait for ever: the system ends the process by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
