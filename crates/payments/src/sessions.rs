//! The sessions of legacy clients: minted by `initialize`, ended by DELETE or when the server stops.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::version::Version;

/// Sessions kept at once. Beyond it the one unused for longest ends, as its client may start anew.
const SESSIONS_MAX: usize = 10_000;

/// Every open session by its id.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

struct Session {
    version: Version,
    used_at: Instant,
    /// Dropped with the session, which is what ends its open streams.
    open: watch::Sender<()>,
}

impl Sessions {
    /// Opens a session and returns its id.
    pub(crate) fn open(&self, version: Version) -> String {
        let id = mint();
        let session = Session { version, used_at: Instant::now(), open: watch::Sender::new(()) };
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, s)| s.used_at).map(|(id, _)| id.clone());
            oldest.and_then(|id| sessions.remove(&id));
        }
        sessions.insert(id.clone(), session);
        id
    }

    /// The revision a session speaks, or `None` if there is no such session.
    pub(crate) fn version(&self, id: &str) -> Option<Version> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get_mut(id)?;
        session.used_at = Instant::now();
        Some(session.version)
    }

    /// What tells a stream that its session has ended: waiting for a change fails.
    pub(crate) fn watch(&self, id: &str) -> Option<watch::Receiver<()>> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(id).map(|session| session.open.subscribe())
    }

    /// Ends a session; false if there was none.
    pub(crate) fn end(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id).is_some()
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A new id: 128 bits that a stranger cannot guess. The standard library's hasher is keyed by the
/// operating system's randomness, and a session proves nothing here: the API key is always asked.
fn mint() -> String {
    let half = || RandomState::new().hash_one("session");
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_until_it_ends() {
        let sessions = Sessions::default();
        let id = sessions.open(Version::V2025_06_18);
        assert_eq!(id.len(), 32);
        assert_eq!(sessions.version(&id), Some(Version::V2025_06_18));
        let open = sessions.watch(&id).unwrap();
        assert!(open.has_changed().is_ok());
        assert!(sessions.end(&id));
        assert!(open.has_changed().is_err());
        assert!(!sessions.end(&id));
        assert_eq!(sessions.version(&id), None);
    }

    #[test]
    fn when_there_are_too_many_the_one_unused_for_longest_ends() {
        let sessions = Sessions::default();
        let first = sessions.open(Version::V2025_11_25);
        let second = sessions.open(Version::V2025_11_25);
        for _ in 2..SESSIONS_MAX {
            sessions.open(Version::V2025_11_25);
        }
        assert!(sessions.version(&first).is_some());
        sessions.open(Version::V2025_11_25);
        assert!(sessions.version(&first).is_some());
        assert_eq!(sessions.version(&second), None);
    }
}
