//! Telling everybody who waited for a commit, at the price of one.
//!
//! Waking a task from another thread costs a system call and often a change of threads, and a worker
//! that is woken for one caller is asleep again before the next one is told. So the writer hands all
//! answers of a group to one task inside the runtime, and that one wakes the callers at home.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::desk::{ChangeJob, Desk, Job, locked};
use super::fault::again;
use crate::{BeginError, CallId, StoreError};

/// Fewer answers than this are given by the writer itself.
const ANSWERS_MIN: usize = 3;

/// A job that waits for the commit, and how it went so far.
pub(super) enum Ran {
    Begin(CallId, Result<(), BeginError>, oneshot::Sender<Result<(), BeginError>>),
    Refused(Result<(), StoreError>, oneshot::Sender<Result<(), StoreError>>),
    Change(Box<dyn ChangeJob>),
    Flush(oneshot::Sender<Result<(), StoreError>>),
}

/// The answers of a group whose commit stands. Dropping it gives those that were not given.
pub(super) struct Answers {
    ran: Vec<Ran>,
    desk: Arc<Desk>,
}

/// Where groups of answers go to be given.
pub(super) type Herald = mpsc::UnboundedSender<Answers>;

impl Answers {
    pub(super) fn new(ran: Vec<Ran>, desk: &Arc<Desk>) -> Self {
        Self { ran, desk: Arc::clone(desk) }
    }

    /// Gives them, through the herald if there are several and it lives.
    pub(super) fn give(self) {
        if self.ran.len() < ANSWERS_MIN {
            return;
        }
        let herald = locked(&self.desk.herald).clone();
        if let Some(herald) = herald
            && let Err(dead) = herald.send(self)
        {
            // Its runtime has ended; the next caller brings a new one.
            *locked(&dead.0.desk.herald) = None;
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for ran in self.ran.drain(..) {
            ran.answer(&self.desk);
        }
    }
}

/// Sees to it that there is a herald, in the runtime of whoever asks.
pub(super) fn hire(desk: &Desk) {
    let mut place = locked(&desk.herald);
    if place.is_some() || desk.is_closed() {
        return;
    }
    let Ok(runtime) = Handle::try_current() else { return };
    let (herald, mut groups) = mpsc::unbounded_channel::<Answers>();
    *place = Some(herald);
    // It ends with the store, which lets go of the only sender.
    runtime.spawn(async move { while groups.recv().await.is_some() {} });
}

impl Ran {
    pub(super) fn waiting(job: Job) -> Self {
        match job {
            Job::Begin(begin) => Self::Begin(begin.line.id, Ok(()), begin.reply),
            Job::Refused(_, reply) => Self::Refused(Ok(()), reply),
            Job::Change(change) => Self::Change(change),
            Job::Flush(reply) => Self::Flush(reply),
        }
    }

    fn answer(self, desk: &Desk) {
        match self {
            Self::Begin(id, result, reply) => {
                let begun = result.is_ok();
                if reply.send(result).is_err() && begun {
                    // Nobody waits any more, so it will not leave, and its quota goes back.
                    desk.not_sent(id);
                }
            }
            // Nobody waits any more: the line stands all the same.
            Self::Refused(result, reply) => drop(reply.send(result)),
            Self::Change(change) => change.answer(Ok(())),
            Self::Flush(reply) => drop(reply.send(Ok(()))),
        }
    }

    pub(super) fn fail(self, error: &StoreError) {
        match self {
            Self::Begin(_, Ok(()), reply) => drop(reply.send(Err(again(error).into()))),
            Self::Begin(_, refused, reply) => drop(reply.send(refused)),
            Self::Refused(_, reply) | Self::Flush(reply) => drop(reply.send(Err(again(error)))),
            Self::Change(change) => change.answer(Err(error)),
        }
    }
}
