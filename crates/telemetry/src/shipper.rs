//! Follows the log from a stored cursor and delivers what comes, at least once and in order.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use store::{LogPart, StoreError};
use tokio::sync::watch;

use crate::Hub;

/// How often the log is looked at while nothing happens.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The first wait after a failure; each next is twice as long.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Where entries are delivered to.
#[async_trait]
pub trait Sink: Send {
    /// Its name: `file`, `webhook` or `otlp`.
    fn name(&self) -> &'static str;

    /// Where to go on, given the stored cursor: a sink that knows better what it has says so.
    async fn resume(&mut self, cursor: u64) -> Result<u64, SinkError> {
        Ok(cursor)
    }

    /// Delivers a part. Returns only when it is there to stay: what follows is that the cursor moves.
    async fn deliver(&mut self, from: u64, part: &LogPart) -> Result<(), SinkError>;
}

/// Why a part was not delivered. It will be tried again. Texts name no address and nothing that was
/// sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// Nobody took it.
    #[error(transparent)]
    Unsent(#[from] dial::FetchError),
    /// The receiver did not want it.
    #[error("the receiver answered with status {0}")]
    Refused(u16),
    /// The file cannot be written.
    #[error("the file cannot be written: {0}")]
    File(std::io::ErrorKind),
    /// The file is of another log, and is not written over.
    #[error("the file is of another log")]
    OtherLog,
    /// What was delivered before goes beyond what the log has.
    #[error(
        "the receiver has {there} entries and the log only {here}: an older copy of the database \
         was put back, or the file is of another log"
    )]
    Ahead {
        /// How many the receiver has.
        there: u64,
        /// How many the log has.
        here: u64,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Delivers to this sink until `stop` says so. Never ends by itself, and no call waits for it.
pub async fn ship(hub: Arc<Hub>, mut sink: impl Sink + 'static, mut stop: watch::Receiver<bool>) {
    let name = sink.name();
    hub.export(name, |_, _| {});
    let mut wait = WAIT_FIRST;
    let mut next = None;
    loop {
        let pause = match step(&hub, &mut sink, &mut next).await {
            Ok(true) => {
                wait = WAIT_FIRST;
                Duration::ZERO
            }
            Ok(false) => LOOK_EVERY,
            Err(error) => {
                hub.export(name, |state, now| {
                    if state.failing_since.is_none() {
                        tracing::warn!(export = name, %error, "an export does not deliver");
                    }
                    state.failing_since.get_or_insert(now);
                    state.failures += 1;
                    state.problem = Some(error.to_string());
                });
                let now = wait;
                wait = (wait * 2).min(WAIT_MAX);
                now
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Delivers the next part. `false`: there is none.
async fn step(
    hub: &Hub,
    sink: &mut (impl Sink + 'static),
    next: &mut Option<u64>,
) -> Result<bool, SinkError> {
    let name = sink.name();
    let from = match *next {
        Some(from) => from,
        None => {
            let cursor = hub.store().export_cursor(name).await?;
            let from = sink.resume(cursor).await?;
            hub.export(name, |state, _| state.next = from);
            *next.insert(from)
        }
    };
    let Some(part) = hub.store().log_part(from).await? else {
        return Ok(false);
    };
    sink.deliver(from, &part).await?;
    hub.store().export_moved(name, part.next).await?;
    *next = Some(part.next);
    hub.export(name, |state, now| {
        if state.failing_since.take().is_some() {
            tracing::info!(export = name, "an export delivers again");
        }
        state.problem = None;
        state.next = part.next;
        state.delivered += part.next - from;
        state.delivered_at = Some(now);
    });
    Ok(true)
}
