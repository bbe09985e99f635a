//! Beside: a candidate of a policy judges copies of live calls, after them and apart from them. It
//! enforces nothing. It can neither slow a call down nor fail one: it has a thread of its own, with a
//! share of the processor that is small and a queue that is short; what does not fit is counted as
//! missed. No value of a call outlives its judgement.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use policy::{Charge, Decision, Policy, Question, ToolCall, Usage};
use store::{
    CallId, DataPlane, Moment, Verdict, Watch, WatchBatch, WatchId, WatchWord, WatchedCall,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::authenticate::Caller;
use crate::record::{Line, no_text};
use crate::reserve;
use crate::road::{Asked, Gateway};
use crate::tool_call;

/// The most copies that wait.
const QUEUE_MAX: usize = 256;
/// A longer request is not copied: copying it would take time on the road of the call.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;
/// How long candidates may judge in one second. Beyond, copies wait.
const SHARE: Duration = Duration::from_millis(100);
/// How often what was seen is handed to the store.
const FLUSH: Duration = Duration::from_secs(1);
/// The most calls that are told one by one between two flushes: those that differ, and those that do
/// not. All are counted.
const CALLS_MAX: [usize; 2] = [50, 200];

/// A candidate that is watched. Its text is read when it judges for the first time, on its own thread.
pub(crate) struct Candidate {
    pub(crate) id: WatchId,
    ends_at: Moment,
    text: Arc<[u8]>,
    /// `None`: the text does not load, so it says nothing.
    program: OnceLock<Option<Policy>>,
}

impl Candidate {
    pub(crate) fn of(watch: &Watch) -> Self {
        Self {
            id: watch.id.clone(),
            ends_at: watch.ends_at,
            text: watch.text.clone(),
            program: OnceLock::new(),
        }
    }

    fn program(&self) -> Option<&Policy> {
        let load = || {
            let program = Policy::load(&self.text).ok();
            if program.is_none() {
                tracing::warn!(watch = %self.id, "a watched candidate does not load");
            }
            program
        };
        self.program.get_or_init(load).as_ref()
    }
}

/// The thread that asks candidates, and what they were not asked.
#[derive(Default)]
pub(crate) struct Beside {
    queue: OnceLock<Option<SyncSender<Message>>>,
    missed: Arc<Mutex<HashMap<WatchId, u64>>>,
}

/// A copy of a call that is about to be judged by its live version.
pub(crate) struct Copy {
    candidate: Arc<Candidate>,
    caller: Caller,
    call: ToolCall,
    id: CallId,
    now: Moment,
    live: WatchWord,
    live_version: u32,
    /// What the call itself has reserved since.
    charges: Vec<Charge>,
}

enum Message {
    Judge(Box<Copy>),
    Close(oneshot::Sender<()>),
}

impl Beside {
    /// A copy of this call, where a candidate is watched beside the caller's policy. Later legs and
    /// what is judged again are the same call.
    pub(crate) fn copy(
        &self,
        asked: &Asked,
        call: &ToolCall,
        line: &Line,
        later_leg: bool,
    ) -> Option<Box<Copy>> {
        let candidate = asked.caller.attached.candidate.as_ref()?;
        let live = asked.caller.attached.policy.as_ref()?;
        let now = asked.arrived.at;
        if later_leg || now >= candidate.ends_at {
            return None;
        }
        if line.intent.request_bytes > REQUEST_BYTES_MAX {
            self.miss(&candidate.id);
            return None;
        }
        Some(Box::new(Copy {
            candidate: candidate.clone(),
            caller: asked.caller.clone(),
            call: call.clone(),
            id: line.id(),
            now,
            live: WatchWord { verdict: Verdict::Denied, rule: no_text() },
            live_version: live.version,
            charges: Vec::new(),
        }))
    }

    fn miss(&self, watch: &WatchId) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let count = missed.entry(watch.clone()).or_default();
        *count = count.saturating_add(1);
    }

    /// Hands a copy over, or counts that it was not.
    fn offer(&self, gateway: &Gateway, copy: Box<Copy>) {
        let start = || start(gateway.store.clone(), self.missed.clone());
        let Some(queue) = self.queue.get_or_init(start) else {
            return self.miss(&copy.candidate.id);
        };
        match queue.try_send(Message::Judge(copy)) {
            Ok(()) => {}
            Err(
                TrySendError::Full(Message::Judge(copy))
                | TrySendError::Disconnected(Message::Judge(copy)),
            ) => {
                self.miss(&copy.candidate.id);
            }
            Err(_) => {}
        }
    }

    /// Waits until what was seen is kept, and ends the thread.
    pub(crate) async fn close(&self) {
        let Some(Some(queue)) = self.queue.get() else { return };
        let (done, closed) = oneshot::channel();
        // A queue that is full at the end is not waited for: what is in it is no evidence.
        if queue.try_send(Message::Close(done)).is_ok() {
            let _ = tokio::time::timeout(FLUSH, closed).await;
        }
    }
}

impl Copy {
    /// Takes what the live version said. An allowed call is handed over once it has reserved, so that
    /// the limits of both are judged with the same use.
    pub(crate) fn told(
        mut self: Box<Self>,
        gateway: &Gateway,
        said: &Decision,
    ) -> Option<Box<Self>> {
        match said {
            Decision::Allow(allowed) => {
                self.live.verdict = Verdict::Allowed;
                self.charges = allowed.charges().to_vec();
                return Some(self);
            }
            Decision::Hold(held) => {
                self.live = WatchWord { verdict: Verdict::Held, rule: held.rule().clone() };
            }
            Decision::Deny(denial) => self.live.rule = denial.rule.clone(),
        }
        gateway.beside.offer(gateway, self);
        None
    }

    /// The call has reserved, or was refused room.
    pub(crate) fn reserved(mut self: Box<Self>, gateway: &Gateway, is_held: bool, line: &Line) {
        if !is_held {
            self.charges.clear();
            if line.intent.verdict == Verdict::Denied {
                self.live = WatchWord { verdict: Verdict::Denied, rule: line.intent.rule.clone() };
            }
        }
        gateway.beside.offer(gateway, self);
    }

    /// What the candidate says. `None`: it does not load, or the moment cannot be told.
    fn judged(self, store: &dyn DataPlane) -> Option<WatchedCall> {
        let program = self.candidate.program()?;
        let server = &self.caller.attached.server;
        let entry = server.tools.get(&self.call.tool);
        let usage = Since { store, caller: &self.caller, own: &self.charges };
        let question = Question {
            policy: Some(program),
            grant: &self.caller.grant.facts,
            definition: tool_call::definition(entry),
            usage: &usage,
            now: jiff::Timestamp::from_microsecond(self.now.micros()).ok()?,
        };
        // A name that the server does not have is a stranger's word: it is not kept.
        let tool = entry.map_or_else(|| "(unknown tool)".into(), |entry| entry.name.clone());
        let (candidate, reason) = match policy::decide(&question, self.call) {
            Decision::Allow(_) => (WatchWord { verdict: Verdict::Allowed, rule: no_text() }, ""),
            Decision::Hold(held) => {
                (WatchWord { verdict: Verdict::Held, rule: held.rule().clone() }, "")
            }
            Decision::Deny(denial) => {
                let code = denial.reason.code();
                (WatchWord { verdict: Verdict::Denied, rule: denial.rule }, code)
            }
        };
        Some(WatchedCall {
            call: self.id,
            at: self.now,
            grant: self.caller.grant.id.clone(),
            grant_label: self.caller.grant.label.clone(),
            tool,
            live: self.live,
            live_version: self.live_version,
            candidate,
            reason: reason.into(),
        })
    }
}

/// What limits have left for a call that has itself reserved already.
struct Since<'a> {
    store: &'a dyn DataPlane,
    caller: &'a Caller,
    own: &'a [Charge],
}

impl Usage for Since<'_> {
    fn fits(&self, charge: &Charge) -> bool {
        let key = reserve::key(self.caller, charge);
        let same = self.own.iter().filter(|own| reserve::key(self.caller, own) == key);
        let own = same.fold(0_i64, |sum, own| sum.saturating_add(own.amount_millionths));
        let mut more = charge.clone();
        more.amount_millionths = more.amount_millionths.saturating_sub(own).max(0);
        self.store.room(&key, &more).is_ok()
    }
}

/// Starts the thread. `None`: the machine gives no thread, or nothing runs that it could write with.
fn start(
    store: Arc<dyn DataPlane>,
    missed: Arc<Mutex<HashMap<WatchId, u64>>>,
) -> Option<SyncSender<Message>> {
    let handle = Handle::try_current().ok()?;
    let (queue, copies) = sync_channel(QUEUE_MAX);
    let worker = move || Worker { store, missed, seen: HashMap::new() }.run(&copies, &handle);
    std::thread::Builder::new().name("beside".to_owned()).spawn(worker).ok()?;
    Some(queue)
}

struct Worker {
    store: Arc<dyn DataPlane>,
    missed: Arc<Mutex<HashMap<WatchId, u64>>>,
    seen: HashMap<WatchId, WatchBatch>,
}

impl Worker {
    fn run(mut self, copies: &Receiver<Message>, handle: &Handle) {
        let (mut since, mut spent) = (Instant::now(), Duration::ZERO);
        loop {
            let left = FLUSH.saturating_sub(since.elapsed());
            match copies.recv_timeout(left) {
                Ok(Message::Judge(copy)) => {
                    let begun = Instant::now();
                    self.judge(*copy);
                    spent = spent.saturating_add(begun.elapsed());
                }
                Ok(Message::Close(done)) => {
                    self.flush(handle);
                    let _ = done.send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if spent >= SHARE {
                std::thread::sleep(FLUSH.saturating_sub(since.elapsed()));
            }
            if since.elapsed() >= FLUSH {
                self.flush(handle);
                // A judgement that took longer than its share is paid for by the seconds after it.
                spent = spent.saturating_sub(SHARE);
                since = Instant::now();
            }
        }
    }

    fn judge(&mut self, copy: Copy) {
        let watch = copy.candidate.id.clone();
        let store = Arc::clone(&self.store);
        // A fault of the candidate ends with the copy it was judging.
        let said = catch_unwind(AssertUnwindSafe(|| copy.judged(store.as_ref())));
        let batch = self.seen.entry(watch).or_default();
        let Ok(Some(call)) = said else {
            batch.missed = batch.missed.saturating_add(1);
            return;
        };
        let kind = (call.tool.clone(), call.live.clone(), call.candidate.clone());
        let tally = batch.tallies.entry(kind).or_insert((0, call.at, call.at));
        *tally = (tally.0 + 1, tally.1.min(call.at), tally.2.max(call.at));
        let differs = call.differs();
        let told = batch.calls.iter().filter(|told| told.differs() == differs).count();
        if told < CALLS_MAX[usize::from(differs)] {
            batch.calls.push(call);
        }
    }

    fn flush(&mut self, handle: &Handle) {
        let missed =
            std::mem::take(&mut *self.missed.lock().unwrap_or_else(PoisonError::into_inner));
        for (watch, count) in missed {
            let batch = self.seen.entry(watch).or_default();
            batch.missed = batch.missed.saturating_add(count);
        }
        if self.seen.is_empty() {
            return;
        }
        let seen = std::mem::take(&mut self.seen).into_iter().collect();
        if let Err(error) = handle.block_on(self.store.watched(seen)) {
            tracing::warn!(%error, "what watched candidates said could not be kept");
        }
    }
}
