//! The courier: tries what is due, one message of a channel at a time, and remembers in the outbox
//! what came of it. Whoever ends between an attempt and its record sends the message once more, under
//! the same id.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use store::{Attempt, ChannelId, ChannelTarget, Clock, Due, Moment, Outbox};
use tokio::task::JoinSet;

use crate::{mail, post, words};

/// How long nothing is looked at when nothing happens.
const IDLE: Duration = Duration::from_secs(60);
/// How long a store that gives no answer is left alone.
const STORE_REST: Duration = Duration::from_secs(2);
/// How long attempts in flight may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// Carries messages out of the house.
#[derive(Clone)]
pub struct Courier {
    outbox: Arc<dyn Outbox>,
    clock: Arc<dyn Clock>,
    links: Arc<str>,
}

impl Courier {
    /// A courier of this outbox; `links` is where people decide, as a URL.
    pub fn new(outbox: Arc<dyn Outbox>, clock: Arc<dyn Clock>, links: &str) -> Self {
        Self { outbox, clock, links: links.into() }
    }

    /// Sends until `stop` says so.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut changes = self.outbox.outbox_changed();
        let mut flying: JoinSet<ChannelId> = JoinSet::new();
        let mut busy = HashSet::new();
        loop {
            changes.mark_unchanged();
            let pause = match self.outbox.outbox_due().await {
                Ok((due, next)) => {
                    // INVARIANT(in-order): a channel that is being tried waits for its answer.
                    for due in due {
                        if busy.insert(due.channel.id.clone()) {
                            let courier = self.clone();
                            flying.spawn(async move { courier.attempt(due).await });
                        }
                    }
                    next.map_or(IDLE, |next| self.until(next)).min(IDLE)
                }
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read");
                    STORE_REST
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = flying.join_next(), if !flying.is_empty() => match ended {
                    Ok(channel) => drop(busy.remove(&channel)),
                    // A task that panicked has not said whose it was.
                    Err(_) if flying.is_empty() => busy.clear(),
                    Err(_) => {}
                },
                changed = changes.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(pause) => {}
            }
        }
        // What is on its way may arrive; what does not is sent at the next start.
        let drained = async { while flying.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(DRAIN, drained).await;
    }

    /// Tries everything that is due now, and gives how much that was. What [`Courier::run`] does
    /// again and again.
    pub async fn round(&self) -> Result<usize, store::StoreError> {
        let (due, _) = self.outbox.outbox_due().await?;
        let tried = due.len();
        for due in due {
            self.attempt(due).await;
        }
        Ok(tried)
    }

    async fn attempt(&self, due: Due) -> ChannelId {
        let sent = self.send(&due).await;
        let attempt = match sent {
            Ok(()) => Attempt::Delivered,
            Err(why) => {
                let (channel, message) = (&due.channel.id, &due.delivery.message);
                tracing::warn!(%channel, %message, why, "a message was not delivered");
                Attempt::Failed(why)
            }
        };
        if let Err(error) = self.outbox.outbox_tried(&due.delivery, attempt).await {
            tracing::error!(%error, "what became of a message was not recorded; it is sent again");
            tokio::time::sleep(STORE_REST).await;
        }
        due.channel.id
    }

    async fn send(&self, due: &Due) -> Result<(), String> {
        let now = self.clock.now();
        let note = || words::note(&due.delivery, &self.links, now);
        match &due.channel.draft.target {
            ChannelTarget::Webhook { url, signing } => {
                post::webhook(due, url, signing, &self.links, now).await
            }
            ChannelTarget::Slack => post::slack(due, &note().slack()).await,
            ChannelTarget::Email { .. } => mail::send(due, &note(), now).await,
        }
    }

    fn until(&self, moment: Moment) -> Duration {
        let micros = moment.micros().saturating_sub(self.clock.now().micros()).max(0);
        Duration::from_micros(micros.unsigned_abs())
    }
}
