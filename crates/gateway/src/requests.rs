//! Requests: what upstreams have asked of agents, and answers that may still come by another
//! stream. An agent may answer only what it was asked, once.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use mcp::Id;
use store::{CallId, Moment};

/// Questions that wait in one session.
const ASKED_PER_SESSION_MAX: usize = 64;
/// Sessions with open questions or resumable calls that are remembered.
const SESSIONS_MAX: usize = 10_000;
/// How long a call whose stream was closed may be resumed.
const RESUME_SECONDS: i64 = 600;

/// A session as it is known here: grant, server and the upstream's id.
pub(crate) type SessionKey = (String, String, String);

/// Open questions and resumable calls, by session.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    asked: Mutex<HashMap<SessionKey, HashSet<Id>>>,
    resumable: Mutex<HashMap<(SessionKey, Id), (CallId, Moment)>>,
}

impl Requests {
    /// An upstream has asked something; `false` when it asks too much.
    pub(crate) fn ask(&self, session: SessionKey, id: Id) -> bool {
        let mut asked = lock(&self.asked);
        if asked.len() >= SESSIONS_MAX && !asked.contains_key(&session) {
            return false;
        }
        let open = asked.entry(session).or_default();
        open.len() < ASKED_PER_SESSION_MAX && open.insert(id)
    }

    /// Whether this was asked and is not answered yet; from now on it is.
    pub(crate) fn answer(&self, session: &SessionKey, id: &Id) -> bool {
        let mut asked = lock(&self.asked);
        let Some(open) = asked.get_mut(session) else { return false };
        let was_open = open.remove(id);
        if open.is_empty() {
            asked.remove(session);
        }
        was_open
    }

    /// The session is over.
    pub(crate) fn forget(&self, session: &SessionKey) {
        lock(&self.asked).remove(session);
    }

    /// The stream of a call was closed by its upstream before the answer: it may come by another.
    pub(crate) fn suspend(&self, session: SessionKey, id: Id, call: CallId, now: Moment) -> bool {
        let mut resumable = lock(&self.resumable);
        if resumable.len() >= SESSIONS_MAX {
            return false;
        }
        resumable.insert((session, id), (call, now.plus_seconds(RESUME_SECONDS)));
        true
    }

    /// The answer to a suspended call has come.
    pub(crate) fn resumed(&self, session: &SessionKey, id: &Id) -> Option<CallId> {
        lock(&self.resumable).remove(&(session.clone(), id.clone())).map(|(call, _)| call)
    }

    /// Suspended calls whose time is over.
    pub(crate) fn expired(&self, now: Moment) -> Vec<CallId> {
        let mut over = Vec::new();
        lock(&self.resumable).retain(|_, (call, end)| {
            let waits = now < *end;
            if !waits {
                over.push(*call);
            }
            waits
        });
        over
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
