//! What the gateway asks of the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::desk::{Begin, Desk, Job, locked};
use super::line::Line;
use super::tx::Recorded;
use super::{Sqlite, herald, servers, tools, view, watches};
use crate::{
    Approving, BeginError, CallId, DataPlane, FoundTool, Intent, Moment, Outcome, RoomError,
    ServerId, SignedOff, StoreError, StrangerRefusal, View, WatchBatch, WatchId,
};

/// How long a call waits for its intent to be durable. After that it is refused: a call that is
/// written late is not sent late.
const PATIENCE: Duration = Duration::from_secs(2);

/// A call that waits for its intent. If it is dropped, the call does not leave, and should the
/// intent have been written in the last instant, it ends as not sent.
struct Waiting<'a> {
    desk: &'a Desk,
    id: CallId,
    answer: oneshot::Receiver<Result<(), BeginError>>,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        self.answer.close();
        if let Ok(Ok(())) = self.answer.try_recv() {
            self.desk.not_sent(self.id);
        }
    }
}

#[async_trait]
impl DataPlane for Sqlite {
    fn generation(&self) -> Option<u64> {
        (!self.desk.is_closed()).then(|| self.desk.generation.load(Ordering::Acquire))
    }

    async fn view(&self) -> Result<View, StoreError> {
        if self.desk.is_closed() {
            return Err(StoreError::Closed);
        }
        let keys = Arc::clone(&self.keys);
        let view = self.readers.read(move |conn| view::read(conn, &keys)).await?;
        let told = self.forged_told.swap(view.forged, Ordering::Relaxed);
        if view.forged != told && view.forged > 0 {
            let rows = view.forged;
            tracing::error!(
                rows,
                "rows that somebody else wrote, or that cannot be read, were left out"
            );
        }
        Ok(view)
    }

    fn room(&self, key: &quota::Key, charge: &policy::Charge) -> Result<(), RoomError> {
        locked(&self.desk.book).room(&quota::Charge::of(key.clone(), charge))
    }

    async fn call_begin(
        &self,
        intent: Intent,
        charges: Vec<(quota::Key, policy::Charge)>,
        judged_at: u64,
    ) -> Result<(), BeginError> {
        self.begin(intent, charges, judged_at, None).await
    }

    fn connecting(&self) -> &dyn crate::Connecting {
        self
    }

    fn approving(&self) -> &dyn Approving {
        self
    }

    async fn call_refused(&self, intent: Intent) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.desk.submit(Job::Refused(Box::new(Line::from(intent)), reply))?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer.unwrap_or(Err(StoreError::Closed)),
            Err(_) => Err(StoreError::Busy),
        }
    }

    fn call_finish(&self, outcome: Outcome) {
        self.desk.finish(outcome);
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.desk.submit(Job::Flush(reply))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    fn stranger_refused(&self, refusal: StrangerRefusal) {
        self.desk.stranger(refusal);
    }

    async fn watched(&self, seen: Vec<(WatchId, WatchBatch)>) -> Result<(), StoreError> {
        let work = move |tx: &super::tx::Tx<'_>| {
            watches::seen(tx.conn, &seen)?;
            // What a candidate says is no change that anybody made.
            Ok(Recorded::unchanged(()))
        };
        self.desk.change(work).await.map_err(|error| match error {
            crate::ChangeError::Store(error) => error,
            other => StoreError::Unavailable(other.into()),
        })
    }

    async fn server_found(
        &self,
        server: &ServerId,
        version: Option<String>,
        health: String,
        tools: Option<Vec<FoundTool>>,
        accept_new: bool,
        at: Moment,
    ) -> Result<(), StoreError> {
        let server = server.clone();
        let work = move |tx: &super::tx::Tx<'_>| {
            let known = servers::probed(tx, &server, version.as_deref(), &health, at)?;
            if let (Some(known), Some(tools)) = (known, tools) {
                tools::found(tx, &known, tools, accept_new, at)?;
            }
            // What a probe finds is no change that anybody made.
            Ok(Recorded::unchanged(()))
        };
        self.desk.change(work).await.map_err(|error| match error {
            crate::ChangeError::Store(error) => error,
            other => StoreError::Unavailable(other.into()),
        })
    }
}

impl Sqlite {
    /// Begins a call, with the approval it uses up if it needs one.
    pub(super) async fn begin(
        &self,
        intent: Intent,
        charges: Vec<(quota::Key, policy::Charge)>,
        judged_at: u64,
        approval: Option<SignedOff>,
    ) -> Result<(), BeginError> {
        self.desk.admits()?;
        herald::hire(&self.desk);
        let (reply, answer) = oneshot::channel();
        let id = intent.id;
        let begin = Begin { line: Line::from(intent), charges, judged_at, approval, reply };
        self.desk.submit(Job::Begin(Box::new(begin)))?;
        let mut waiting = Waiting { desk: &self.desk, id, answer, answered: false };
        let answer = tokio::time::timeout(PATIENCE, &mut waiting.answer).await;
        match answer {
            Ok(answer) => {
                waiting.answered = true;
                answer.unwrap_or(Err(StoreError::Closed.into()))
            }
            Err(_) => Err(StoreError::Busy.into()),
        }
    }
}
