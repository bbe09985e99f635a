//! The one writer: a thread that owns the connection that writes.
//!
//! It takes all jobs that wait, runs them in one transaction, commits once, and wakes whoever
//! waits. What comes meanwhile joins the next group. Nobody is told yes before the commit.
//!
//! A commit that fails fails all its jobs. Outcomes are no jobs: they stay, are tried again, and
//! until they are written no call begins (INVARIANT(no-lost-outcome)).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use quota::{Changes, Key};
use rusqlite::Connection;

use super::approvals;
use super::call_rows::{self, CallRows};
use super::desk::{Begin, ChangeJob, Desk, Ending, Job, Plan, locked};
use super::evidence::Sequencer;
use super::fault::Fault;
use super::herald::{Answers, Ran};
use super::keys::{Keys, NewKeys};
use super::left_over;
use super::open::{BUSY_TIMEOUT, meta_put};
use super::quota_rows::{self, Numbers};
use super::spool::Spool;
use super::strangers;
use super::tx::Tx;
use crate::{BeginError, CallId, StoreError};

/// How soon outcomes that could not be written are tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// How often that is done while the store is being closed.
const RETRIES_AT_CLOSE: usize = 8;

/// How often counters that nothing uses any more are tidied, while there are calls.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The writer thread.
pub(super) struct Writer {
    conn: Connection,
    keys: Arc<Keys>,
    desk: Arc<Desk>,
    calls: CallRows,
    numbers: Numbers,
    log: Sequencer,
    /// Outcomes that are not yet written.
    endings: Vec<Ending>,
    /// Where they are kept meanwhile.
    spool: Spool,
    swept_at: Instant,
    /// Erased pages may still stand in the write-ahead log.
    truncate_due: bool,
}

/// What one transaction has done, until its commit has succeeded or failed.
#[derive(Default)]
struct Group {
    ran: Vec<Ran>,
    /// The calls that took quota.
    took: Vec<CallId>,
    /// How many changes touched what calls are judged by.
    bumps: u64,
    /// Sealed values were erased.
    erased: bool,
    /// Approvals were changed.
    asked: bool,
    /// Lines were added to the call log.
    lines: bool,
    /// Something was changed, so the audit log may have new lines.
    changed: bool,
    quota: Changes,
    strangers: Option<strangers::Batch>,
    chores: bool,
    gone: Vec<Key>,
    /// What the keys become.
    keys: Option<NewKeys>,
}

/// Says that the writer has ended, however it ended.
struct Ended(Arc<Desk>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.closed();
    }
}

impl Writer {
    pub(super) fn new(
        conn: Connection,
        keys: Arc<Keys>,
        desk: Arc<Desk>,
        calls: CallRows,
        numbers: Numbers,
        log: Sequencer,
        spool: Spool,
    ) -> Self {
        let swept_at = Instant::now();
        Self {
            conn,
            keys,
            desk,
            calls,
            numbers,
            log,
            endings: Vec::new(),
            spool,
            swept_at,
            truncate_due: false,
        }
    }

    /// Writes until the store is closed.
    pub(super) fn run(mut self) {
        let _ended = Ended(Arc::clone(&self.desk));
        let mut jobs = Vec::new();
        let mut plan = Plan { retry_at: None, expected: 0, has_chores: false };
        loop {
            let taken = self.desk.take(&mut jobs, &plan);
            let flushes = jobs.iter().any(|job| matches!(job, Job::Flush(_)));
            let calls = |job: &&Job| matches!(job, Job::Begin(_) | Job::Refused(..));
            let expected = jobs.iter().filter(calls).count();
            let written = self.write(&mut jobs, taken.chores_due || taken.closing || flushes);
            if taken.closing {
                break;
            }
            plan = Plan {
                retry_at: (!written && !self.endings.is_empty())
                    .then(|| Instant::now() + RETRY_AFTER),
                expected,
                has_chores: self.truncate_due
                    || self.calls.has_chores()
                    || self.log.has_chores()
                    || locked(&self.desk.strangers).waiting(),
            };
        }
        self.close();
    }

    /// Tries to write what is left, and leaves one tidy file behind.
    fn close(mut self) {
        for _ in 0..RETRIES_AT_CLOSE {
            if self.write(&mut Vec::new(), true) {
                break;
            }
            std::thread::sleep(RETRY_AFTER);
        }
        if !self.endings.is_empty() {
            let calls = self.endings.len();
            let spooled = self.spool.is_used();
            tracing::error!(calls, spooled, "outcomes could not be written by the end");
        }
        if let Err(error) = left_over::ended(&self.conn, self.numbers.lease, self.desk.clock.now())
        {
            tracing::warn!(%error, "the end of this process was not written");
        }
        self.truncate();
    }

    /// Runs the jobs and commits. `false`: the commit failed, and all its jobs have been told.
    fn write(&mut self, jobs: &mut Vec<Job>, chores: bool) -> bool {
        let mut group = Group { chores, ..Group::default() };
        self.calls.begin();
        self.log.begin();
        let written = self.transact(jobs, &mut group);
        // After a fault some jobs have not run: they fail with the others.
        group.ran.extend(jobs.drain(..).map(Ran::waiting));
        match written {
            Ok(()) => {
                self.stands(group);
                true
            }
            Err(fault) => {
                self.failed(group, &fault.into());
                false
            }
        }
    }

    fn transact(&mut self, jobs: &mut Vec<Job>, group: &mut Group) -> Result<(), Fault> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.log.sign(&self.conn, group.chores, self.desk.clock.now())?;
        for job in jobs.drain(..) {
            match job {
                Job::Begin(begin) => self.begin(*begin, group)?,
                Job::Refused(line, reply) => {
                    if !reply.is_closed() {
                        group.ran.push(Ran::Refused(Ok(()), reply));
                        if !self.calls.insert(&self.conn, &mut self.log, *line, false)?
                            && let Some(Ran::Refused(result, _)) = group.ran.last_mut()
                        {
                            *result = Err(twice());
                        }
                        group.lines = true;
                    }
                }
                Job::Change(change) => self.change(change, group)?,
                Job::Flush(reply) => group.ran.push(Ran::Flush(reply)),
            }
        }
        if group.bumps > 0 {
            let generation = self.desk.generation.load(Ordering::Acquire) + group.bumps;
            meta_put(&self.conn, "generation", i64::try_from(generation).unwrap_or(i64::MAX))?;
        }
        if group.chores {
            self.chores(group)?;
        }
        let due = self.desk.endings(&mut self.endings);
        group.quota = due.pending;
        let resolved = due.resolved.map_err(|error| StoreError::Unavailable(error.into()))?;
        for ending in &self.endings {
            call_rows::insert_outcome(&self.conn, &mut self.log, ending.idx, &ending.outcome)?;
        }
        for changes in [&group.quota, &resolved] {
            quota_rows::write(&self.conn, &self.keys, &mut self.numbers, changes)?;
        }
        if group.changed {
            self.log.changed(&self.conn)?;
        }
        self.log.commit(&self.conn)?;
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    /// The first half of a call: quota and intent.
    fn begin(&mut self, mut begin: Begin, group: &mut Group) -> Result<(), Fault> {
        if begin.reply.is_closed() {
            // Whoever asked is gone, so nothing will leave.
            return Ok(());
        }
        let id = begin.line.id;
        let generation = self.desk.generation.load(Ordering::Acquire) + group.bumps;
        let approval = match &begin.approval {
            None => Ok(None),
            Some(signed) => {
                let (org, now) = (&begin.line.shape.org, self.desk.clock.now());
                approvals::usable(&self.conn, &self.keys, org, signed, now)?
                    .map(|approval| Some((approval, now)))
                    .ok_or(BeginError::NotApproved)
            }
        };
        let (took, approval) = match approval {
            _ if begin.judged_at != generation => (Err(BeginError::StaleView), None),
            Ok(approval) => (self.reserve(id, &begin.charges), approval),
            Err(error) => (Err(error), None),
        };
        let took = match took {
            Ok(took) => took,
            Err(error) => {
                group.ran.push(Ran::Begin(id, Err(error), begin.reply));
                return Ok(());
            }
        };
        if took {
            group.took.push(id);
        }
        group.ran.push(Ran::Begin(id, Ok(()), begin.reply));
        begin.line.approval = begin.approval.as_ref().map(|signed| signed.id.clone());
        if !self.calls.insert(&self.conn, &mut self.log, begin.line, true)? {
            if took {
                group.took.pop();
                locked(&self.desk.book).release(id);
            }
            if let Some(Ran::Begin(_, result, _)) = group.ran.last_mut() {
                *result = Err(twice().into());
            }
        } else if let Some((approval, now)) = approval {
            // Last of all: an approval is used by a call whose line stands, and by no other.
            approvals::used(&self.conn, &self.keys, approval, id, now)?;
            group.erased = true;
            group.asked = true;
        }
        group.lines = true;
        Ok(())
    }

    fn reserve(&self, id: CallId, charges: &[(Key, policy::Charge)]) -> Result<bool, BeginError> {
        if charges.is_empty() {
            return Ok(false);
        }
        let charges: Vec<_> =
            charges.iter().map(|(key, of)| quota::Charge::of(key.clone(), of)).collect();
        locked(&self.desk.book).reserve(id, &charges)
    }

    /// A change, in a savepoint of its own: it may fail half way.
    fn change(&mut self, mut change: Box<dyn ChangeJob>, group: &mut Group) -> Result<(), Fault> {
        self.conn.prepare_cached("SAVEPOINT change")?.execute([])?;
        let tx = Tx::new(&self.conn, &self.keys, group.keys.clone());
        let made = change.run(&tx);
        let (judged, erased) = (tx.changed_view(), tx.erased());
        let asked = tx.changed_approvals();
        if tx.changed_shapes() {
            // At once: the next line of this transaction may be of a shape that is gone. If the
            // change falls, a shape is written once more than need be.
            self.calls.forget_shapes();
        }
        let keys = tx.into_new_keys();
        group.ran.push(Ran::Change(change));
        if self.conn.is_autocommit() {
            // SQLite has undone the whole transaction, so the group fails as one.
            return Err(StoreError::Unavailable("the transaction was undone".into()).into());
        }
        if made.is_err() {
            self.conn.prepare_cached("ROLLBACK TO change")?.execute([])?;
        } else {
            group.changed = true;
            group.bumps += u64::from(judged);
            group.erased |= erased;
            group.asked |= asked;
            group.keys = keys;
        }
        self.conn.prepare_cached("RELEASE change")?.execute([])?;
        Ok(())
    }

    /// What need not be written at once.
    fn chores(&mut self, group: &mut Group) -> Result<(), Fault> {
        let waiting = self.endings.iter().map(|ending| ending.idx);
        let oldest_open = waiting.chain(self.desk.oldest_open()).min();
        self.calls.write_chores(&self.conn, oldest_open)?;
        left_over::seen(&self.conn, self.numbers.lease, self.desk.clock.now())?;
        let refusals = locked(&self.desk.strangers).take();
        group.strangers.insert(refusals).write(&self.conn)?;
        if self.swept_at.elapsed() >= SWEEP_EVERY {
            self.swept_at = Instant::now();
            locked(&self.desk.book).sweep();
            group.gone = self.numbers.tidy(&self.conn, &self.desk.book)?;
        }
        Ok(())
    }

    /// The commit stands: everybody may know.
    fn stands(&mut self, group: Group) {
        if let Some(keys) = group.keys {
            self.keys.become_these(keys);
        }
        let ended = !self.endings.is_empty();
        self.endings.clear();
        if self.spool.is_used() {
            self.spool.clear();
        }
        self.log.stands();
        self.desk.opened(self.calls.committed());
        self.numbers.committed(&group.quota);
        locked(&self.desk.book).resolved_stand();
        self.numbers.forget(group.gone);
        if group.chores {
            self.calls.chores_done();
        }
        self.desk.generation.fetch_add(group.bumps, Ordering::AcqRel);
        if self.desk.blocked.swap(false, Ordering::AcqRel) {
            tracing::info!("the database can be written again");
        }
        Answers::new(group.ran, &self.desk).give();
        if group.asked {
            self.desk.approvals_changed.send_modify(|count| *count = count.wrapping_add(1));
        }
        if group.lines || ended {
            self.desk.calls_changed.send_replace(self.calls.last.unsigned_abs());
        }
        if group.erased || (group.chores && self.truncate_due) {
            self.truncate();
        }
    }

    /// The commit failed: nothing is written, and everybody who waits is told so.
    fn failed(&mut self, group: Group, error: &StoreError) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction could not be undone");
        }
        self.calls.undone();
        // The commit may have failed before they were taken.
        let newer = self.desk.endings(&mut self.endings).pending;
        {
            let mut book = locked(&self.desk.book);
            book.resolved_fell();
            book.put_back(newer);
            book.put_back(group.quota);
            for id in group.took {
                book.release(id);
            }
        }
        if let Some(refusals) = group.strangers {
            locked(&self.desk.strangers).put_back(refusals);
        }
        // Until the database takes them, a crash must not make them unknown.
        if let Err(error) = self.spool.keep(&self.keys, &self.endings) {
            tracing::error!(%error, "outcomes could not be spooled");
        }
        let blocked = !self.endings.is_empty();
        if !self.desk.blocked.swap(blocked, Ordering::AcqRel) {
            tracing::error!(%error, outcomes = self.endings.len(), "a commit failed");
        }
        for ran in group.ran {
            ran.fail(error);
        }
    }

    /// Empties the write-ahead log, so that erased pages do not linger there. If somebody reads
    /// just now, the next chores try again: the writer does not wait for a reader.
    fn truncate(&mut self) {
        let emptied = self.conn.busy_timeout(Duration::ZERO).and_then(|()| {
            let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
            self.conn.query_row(checkpoint, [], |row| row.get::<_, i64>(0))
        });
        if let Err(error) = self.conn.busy_timeout(BUSY_TIMEOUT) {
            tracing::warn!(%error, "the busy time-out could not be set");
        }
        self.truncate_due = !matches!(emptied, Ok(0));
        if let Err(error) = emptied {
            tracing::warn!(%error, "the write-ahead log was not emptied");
        }
    }
}

/// A call id is made once; whoever brings one again gets nothing.
fn twice() -> StoreError {
    StoreError::Unavailable("the call log has a line of this id already".into())
}
