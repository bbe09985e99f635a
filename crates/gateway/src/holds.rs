//! Holds: requests of agents that wait for a person, by session and request id, so that an agent can
//! take one back or answer what it was asked while it waits.

use std::collections::HashMap;
use std::sync::Mutex;

use mcp::Id;
use tokio::sync::{mpsc, watch};

use crate::requests::SessionKey;

/// The most requests that are remembered.
const HELD_MAX: usize = 10_000;

/// What an agent says about a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It does not want it any more.
    TakenBack,
    /// It has shown the link to somebody. That is no sign-off.
    Shown,
}

/// Requests that wait.
#[derive(Debug)]
pub(crate) struct Holds {
    waiting: Mutex<HashMap<(SessionKey, Id), mpsc::Sender<Word>>>,
    closing: watch::Sender<bool>,
}

impl Default for Holds {
    fn default() -> Self {
        Self { waiting: Mutex::default(), closing: watch::Sender::new(false) }
    }
}

/// A place among those that wait; it is free again when this is dropped.
pub(crate) struct Place<'a> {
    holds: &'a Holds,
    keys: Vec<(SessionKey, Id)>,
    words: mpsc::Receiver<Word>,
}

impl Place<'_> {
    /// The next word; never comes if the request has no session to say it in.
    pub(crate) async fn word(&mut self) -> Word {
        match self.words.recv().await {
            Some(word) => word,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.holds.lock();
        for key in &self.keys {
            waiting.remove(key);
        }
    }
}

impl Holds {
    /// Waits under these ids of a session.
    pub(crate) fn enter(&self, keys: Vec<(SessionKey, Id)>) -> Place<'_> {
        let (words, receiver) = mpsc::channel(4);
        let mut waiting = self.lock();
        if waiting.len() < HELD_MAX {
            for key in &keys {
                waiting.insert(key.clone(), words.clone());
            }
        }
        drop(waiting);
        Place { holds: self, keys, words: receiver }
    }

    /// Hands a word to whoever waits under that id. `false`: nobody does.
    pub(crate) fn tell(&self, session: &SessionKey, id: &Id, word: Word) -> bool {
        let words = self.lock().get(&(session.clone(), id.clone())).cloned();
        words.is_some_and(|words| {
            // A full channel has said enough.
            let _ = words.try_send(word);
            true
        })
    }

    /// Lets everybody go: the process ends.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Ends when the process does.
    pub(crate) async fn closing(&self) {
        let mut closing = self.closing.subscribe();
        // An error means that the sender is gone, and with it everything.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(SessionKey, Id), mpsc::Sender<Word>>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
