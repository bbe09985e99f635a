//! What the writer thread and everybody else share: the inbox, the present generation, the bell.
//!
//! The inbox is bounded. Jobs beyond its room are refused at once; outcomes always fit, because
//! each belongs to a call that was let through, and no call is let through while too many are open.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::herald::Herald;
use super::line::Line;
use super::quotas::{Book, Due, SharedBook};
use super::strangers::Strangers;
use super::tx::{Recorded, Tx};
use super::{fault::Fault, fault::again};
use crate::{
    BeginError, CallId, ChangeError, Clock, Outcome, OutcomeClass, SignedOff, StoreError,
    StrangerRefusal,
};

/// The most jobs that wait. At 10,000 commits of one a second this is under half a second of work.
const JOBS_MAX: usize = 4096;

/// The most calls that may be open or wait for their outcome to be written. Beyond, no call begins.
pub(super) const OPEN_MAX: usize = 65_536;

/// How long a person waits for a change. If it was running at that moment, it may still be made.
const CHANGE_PATIENCE: Duration = Duration::from_secs(10);

/// How long an outcome waits for company before it gets a commit of its own.
const OUTCOME_WAIT: Duration = Duration::from_millis(5);

/// How long a call waits for as many others as came last time, so that they share one commit.
const COMPANY_WAIT: Duration = Duration::from_micros(150);

/// Fewer calls than this do not wait for each other.
const COMPANY_MIN: usize = 4;

/// How long a chore waits for a commit that happens anyway.
const CHORES_EVERY: Duration = Duration::from_secs(1);

/// Something that the writer is asked to do, and where the answer goes.
pub(super) enum Job {
    /// Write an intent and take its quota.
    Begin(Box<Begin>),
    /// Write the line of a call that does not leave.
    Refused(Box<Line>, oneshot::Sender<Result<(), StoreError>>),
    /// Change something.
    Change(Box<dyn ChangeJob>),
    /// Make durable all that was handed over before.
    Flush(oneshot::Sender<Result<(), StoreError>>),
}

/// The first half of a call.
pub(super) struct Begin {
    pub(super) line: Line,
    pub(super) charges: Vec<(quota::Key, policy::Charge)>,
    pub(super) judged_at: u64,
    /// The approval it uses up.
    pub(super) approval: Option<SignedOff>,
    pub(super) reply: oneshot::Sender<Result<(), BeginError>>,
}

/// A change with its answer, whatever type that has.
pub(super) trait ChangeJob: Send {
    /// Runs it inside its savepoint. `Err`: undo the savepoint.
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), ()>;
    /// Answers, once the commit has succeeded or failed.
    fn answer(self: Box<Self>, committed: Result<(), &StoreError>);
}

struct Asked<T, F> {
    work: Option<F>,
    result: Option<Result<T, ChangeError>>,
    reply: oneshot::Sender<Result<T, ChangeError>>,
}

impl<T, F> ChangeJob for Asked<T, F>
where
    T: Send,
    F: FnOnce(&Tx<'_>) -> Result<Recorded<T>, Fault> + Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), ()> {
        // Who has stopped waiting was told that nothing happened, so nothing does.
        let Some(work) = self.work.take().filter(|_| !self.reply.is_closed()) else {
            return Err(());
        };
        let result = work(tx).map(Recorded::into_inner).map_err(ChangeError::from);
        let undo = if result.is_ok() { Ok(()) } else { Err(()) };
        self.result = Some(result);
        undo
    }

    fn answer(self: Box<Self>, committed: Result<(), &StoreError>) {
        let answer = match (self.result, committed) {
            (Some(Err(refused)), _) => Err(refused),
            (_, Err(error)) => Err(again(error).into()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StoreError::Closed.into()),
        };
        // Nobody waits any more: the change stands, and the audit log says so.
        let _ = self.reply.send(answer);
    }
}

/// An outcome on its way to the log.
pub(super) struct Ending {
    /// The line of its call.
    pub(super) idx: i64,
    pub(super) outcome: Outcome,
}

/// The jobs and outcomes that wait.
#[derive(Default)]
struct Inbox {
    jobs: Vec<Job>,
    /// The calls that have left and have no outcome yet, each with its line in the log.
    open: HashMap<CallId, i64>,
    endings: Vec<Ending>,
    /// When the oldest of `endings` came.
    ending_since: Option<Instant>,
    /// When the oldest came of what need not be written at once.
    chores_since: Option<Instant>,
    /// The writer sleeps until the bell rings, or until a moment it has set.
    asleep: bool,
    /// The writer has set itself a moment that is soon enough for an outcome.
    awake_soon: bool,
    /// When the oldest of `jobs` came.
    jobs_since: Option<Instant>,
    /// Some of `jobs` do not wait for company.
    urgent: bool,
    /// While it sleeps, the writer need not be woken for fewer jobs than this.
    company: usize,
    closing: bool,
}

/// What the writer and everybody else share.
pub(super) struct Desk {
    inbox: Mutex<Inbox>,
    bell: Condvar,
    /// The generation of what calls are judged by.
    pub(super) generation: AtomicU64,
    /// Outcomes cannot be written at present: nothing new may leave.
    pub(super) blocked: AtomicBool,
    /// How old the newest cosignature may be while calls begin, in microseconds; 0: it is not asked.
    pub(super) witness_within: AtomicI64,
    /// When the newest cosignature came.
    pub(super) witnessed_at: AtomicI64,
    /// The writer thread has ended.
    closed: AtomicBool,
    pub(super) book: SharedBook,
    pub(super) strangers: Mutex<Strangers>,
    pub(super) calls_changed: watch::Sender<u64>,
    pub(super) approvals_changed: watch::Sender<u64>,
    pub(super) herald: Mutex<Option<Herald>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// A mutex's content, also after a panic elsewhere: what it guards is never left half changed, and
/// a writer that panicked has closed the store.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(super) fn new(generation: u64, last_call: i64, book: Book, clock: Arc<dyn Clock>) -> Self {
        Self {
            inbox: Mutex::default(),
            bell: Condvar::new(),
            generation: AtomicU64::new(generation),
            blocked: AtomicBool::new(false),
            witness_within: AtomicI64::new(0),
            witnessed_at: AtomicI64::new(0),
            closed: AtomicBool::new(false),
            book: Mutex::new(book),
            strangers: Mutex::default(),
            calls_changed: watch::Sender::new(last_call.unsigned_abs()),
            approvals_changed: watch::Sender::new(0),
            herald: Mutex::default(),
            clock,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Puts a job into the inbox, if there is room and somebody to do it.
    pub(super) fn submit(&self, job: Job) -> Result<(), StoreError> {
        if self.is_closed() {
            return Err(StoreError::Closed);
        }
        let mut inbox = locked(&self.inbox);
        if inbox.closing {
            return Err(StoreError::Closed);
        }
        let calls = inbox.open.len().saturating_add(inbox.endings.len());
        let full = matches!(job, Job::Begin(_)) && calls >= OPEN_MAX;
        if full || inbox.jobs.len() >= JOBS_MAX {
            return Err(StoreError::Busy);
        }
        if inbox.jobs.is_empty() {
            inbox.jobs_since = Some(Instant::now());
        }
        // A person, or a shutdown, waits for nobody else's call.
        inbox.urgent |= matches!(job, Job::Change(_) | Job::Flush(_));
        inbox.jobs.push(job);
        // The first job sets the writer a moment; the last one that it waits for wakes it early.
        let enough = inbox.urgent || inbox.jobs.len() >= inbox.company;
        let first = inbox.jobs.len() == 1;
        self.ring(inbox, !enough && !first);
        Ok(())
    }

    /// Whether a call may begin now.
    pub(super) fn admits(&self) -> Result<(), StoreError> {
        if self.blocked.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable(
                "outcomes of earlier calls wait to be written".into(),
            ));
        }
        let within = self.witness_within.load(Ordering::Acquire);
        if within > 0 {
            let age = self.clock.now().micros() - self.witnessed_at.load(Ordering::Acquire);
            // A clock that was put back makes no cosignature newer.
            if !(0..=within).contains(&age) {
                return Err(StoreError::Unwitnessed);
            }
        }
        Ok(())
    }

    /// Calls have been written down: from now on each may have an outcome.
    pub(super) fn opened(&self, calls: impl IntoIterator<Item = (CallId, i64)>) {
        locked(&self.inbox).open.extend(calls);
    }

    /// How many calls have left and have no outcome yet.
    pub(super) fn open_count(&self) -> u64 {
        locked(&self.inbox).open.len() as u64
    }

    /// The line of the oldest call whose outcome has not reached the writer.
    pub(super) fn oldest_open(&self) -> Option<i64> {
        let inbox = locked(&self.inbox);
        let ended = inbox.endings.iter().map(|ending| ending.idx);
        inbox.open.values().copied().chain(ended).min()
    }

    /// Hands over an outcome. The first one of each call counts, in the log and in the ledger; it is
    /// never dropped: while the store lives, the inbox or the writer has it.
    pub(super) fn finish(&self, outcome: Outcome) {
        // The order of these two locks is the same everywhere: inbox, then book.
        let mut inbox = locked(&self.inbox);
        let Some(idx) = inbox.open.remove(&outcome.id) else {
            tracing::debug!(call = %outcome.id, "an outcome for a call that is not open");
            return;
        };
        locked(&self.book).finish(outcome.id, outcome.class);
        inbox.endings.push(Ending { idx, outcome });
        let first = inbox.ending_since.is_none();
        if first {
            inbox.ending_since = Some(Instant::now());
        }
        let soon_enough = !first || inbox.awake_soon;
        self.ring(inbox, soon_enough);
    }

    /// The outcome of a call that was written down and then not sent.
    pub(super) fn not_sent(&self, id: CallId) {
        self.finish(Outcome {
            id,
            at: self.clock.now(),
            class: OutcomeClass::NotSent,
            detail: "abandoned",
            upstream_status: None,
            response_bytes: 0,
            took_micros: 0,
            upstream_micros: 0,
            echo_removed: false,
            capture: None,
        });
    }

    /// Counts a refusal of a stranger.
    pub(super) fn stranger(&self, refusal: StrangerRefusal) {
        locked(&self.strangers).add(refusal);
        let mut inbox = locked(&self.inbox);
        if inbox.chores_since.is_none() {
            inbox.chores_since = Some(Instant::now());
            // Not to write it now, but to set itself a moment.
            self.ring(inbox, false);
        }
    }

    /// Asks for a change and waits for its commit.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<Recorded<T>, Fault> + Send + 'static,
    ) -> Result<T, ChangeError> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { work: Some(work), result: None, reply };
        self.submit(Job::Change(Box::new(asked)))?;
        match tokio::time::timeout(CHANGE_PATIENCE, answer).await {
            Ok(answer) => answer.unwrap_or(Err(StoreError::Closed.into())),
            Err(_) => Err(StoreError::Busy.into()),
        }
    }

    /// Asks the writer to end after all that was handed over.
    pub(super) fn close(&self) {
        let mut inbox = locked(&self.inbox);
        inbox.closing = true;
        self.ring(inbox, false);
    }

    /// The writer has ended: nobody shall wait for it.
    pub(super) fn closed(&self) {
        self.closed.store(true, Ordering::Release);
        *locked(&self.herald) = None;
        let mut inbox = locked(&self.inbox);
        inbox.closing = true;
        // Dropping a job drops its reply, and whoever waits learns that the store is closed.
        inbox.jobs.clear();
    }

    /// Wakes the writer if it sleeps and what came does not wait for its own next moment.
    fn ring(&self, mut inbox: MutexGuard<'_, Inbox>, soon_enough: bool) {
        let asleep = inbox.asleep && !soon_enough;
        if asleep {
            inbox.asleep = false;
        }
        drop(inbox);
        if asleep {
            self.bell.notify_one();
        }
    }

    /// Sleeps until there is something to do, and takes the jobs that wait. Outcomes are taken apart,
    /// right before the commit ([`Desk::endings`]).
    pub(super) fn take(&self, jobs: &mut Vec<Job>, plan: &Plan) -> Taken {
        let mut inbox = locked(&self.inbox);
        let started = Instant::now();
        let mut look_again = (plan.expected > 0).then(|| started + OUTCOME_WAIT);
        // Who was there last time is likely to come again: a little patience saves commits.
        inbox.company = if plan.expected < COMPANY_MIN { 1 } else { plan.expected };
        if plan.has_chores {
            inbox.chores_since.get_or_insert(started);
        }
        loop {
            let now = Instant::now();
            let ending_due = match plan.retry_at {
                // Outcomes wait for the next attempt, however many there are.
                Some(retry_at) => Some(retry_at),
                None => inbox.ending_since.map(|since| since + OUTCOME_WAIT),
            };
            let chores_due = inbox.chores_since.map(|since| since + CHORES_EVERY);
            let due = |moment: Option<Instant>| moment.is_some_and(|m| m <= now);
            let jobs_due = inbox.jobs_since.map(|since| since + COMPANY_WAIT);
            let enough = inbox.jobs.len() >= inbox.company || inbox.urgent || inbox.closing;
            if enough || [jobs_due, ending_due, chores_due].into_iter().any(due) {
                std::mem::swap(&mut inbox.jobs, jobs);
                (inbox.jobs_since, inbox.urgent) = (None, false);
                if due(chores_due) {
                    inbox.chores_since = None;
                }
                return Taken { closing: inbox.closing, chores_due: due(chores_due) };
            }
            if due(look_again) {
                look_again = None;
            }
            let until = [jobs_due, ending_due, chores_due, look_again].into_iter().flatten().min();
            inbox.asleep = true;
            inbox.awake_soon = ending_due.is_some() || look_again.is_some();
            inbox = match until {
                Some(until) => {
                    let wait = self.bell.wait_timeout(inbox, until.saturating_duration_since(now));
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.bell.wait(inbox).unwrap_or_else(PoisonError::into_inner),
            };
            inbox.asleep = false;
            inbox.awake_soon = false;
        }
    }

    /// Takes the outcomes that wait, with what they changed in the ledger: one moment for both, so
    /// that a commit holds both or neither.
    pub(super) fn endings(&self, endings: &mut Vec<Ending>) -> Due {
        let mut inbox = locked(&self.inbox);
        endings.append(&mut inbox.endings);
        inbox.ending_since = None;
        locked(&self.book).take()
    }
}

/// When the writer has something to do that nobody asks for.
pub(super) struct Plan {
    /// Outcomes could not be written: the moment to try again.
    pub(super) retry_at: Option<Instant>,
    /// How many calls were written in the last group: their outcomes come soon, and after them
    /// perhaps as many calls.
    pub(super) expected: usize,
    /// Something waits that need not be written at once.
    pub(super) has_chores: bool,
}

/// What [`Desk::take`] found.
pub(super) struct Taken {
    /// The store is being closed: after this batch there is no other.
    pub(super) closing: bool,
    /// It is time for what need not be written at once.
    pub(super) chores_due: bool,
}
