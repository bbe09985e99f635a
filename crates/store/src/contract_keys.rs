//! The part of the contract that is about the keys that seal.

use std::time::Duration;

use async_trait::async_trait;
use vault::{KeyState, RootKey};

use crate::*;

/// How many values are sealed again in a second while a rotation is under way.
pub const RESEALS_PER_SECOND: u32 = 200;

/// How long a key that nothing is sealed with any more still opens: longer than any read takes, so
/// that nobody holds a row in hand that was sealed with it.
pub const RETIRE_AFTER: Duration = Duration::from_secs(30);

/// One data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    /// Its number: the key version that sealed values carry.
    pub id: u32,
    /// What it is used for.
    pub state: KeyState,
    /// How many values are sealed with it.
    pub records: u64,
}

/// The keys, and how far a rotation has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysState {
    /// The data keys by number.
    pub versions: Vec<KeyVersion>,
    /// How many values were found, since this process started, that do not open with their key. They
    /// keep it from being retired.
    pub unopened: u64,
    /// Since when the active key seals; `None` if it did from the first start on.
    pub active_since: Option<Moment>,
    /// When the keys were last wrapped under another root key, if ever.
    pub rewrapped_at: Option<Moment>,
}

impl KeysState {
    /// How many values are still to be sealed again.
    pub fn remaining(&self) -> u64 {
        let old = self.versions.iter().filter(|key| key.state != KeyState::Active);
        old.map(|key| key.records).sum()
    }

    /// Whether a rotation is under way.
    pub fn is_rotating(&self) -> bool {
        let under_way =
            |key: &KeyVersion| matches!(key.state, KeyState::Pending | KeyState::DecryptOnly);
        self.versions.iter().any(under_way)
    }
}

/// What the control plane needs of a store about its keys. They belong to the installation, not to
/// an organisation.
#[async_trait]
pub trait KeyCare: Send + Sync {
    /// The keys, with how much each has sealed. Counts all of it: for people, not for calls.
    async fn keys_state(&self) -> Result<KeysState, StoreError>;
    /// Draws a new key and makes it the one that seals. What the key before has sealed is sealed
    /// again in the background, and then that key is retired.
    ///
    /// - **Errors**: [`ChangeError::Conflict`] while an earlier rotation is under way.
    async fn keys_rotate(&self, by: &By) -> Result<KeysState, ChangeError>;
    /// Retires a key that seals nothing any more.
    ///
    /// - **Errors**: [`ChangeError::Conflict`] with the count while values are sealed with it.
    async fn key_retire(&self, by: &By, id: u32) -> Result<KeysState, ChangeError>;
    /// Wraps all keys under another root key, in one transaction. The old root key opens nothing
    /// from then on, except older backups.
    async fn root_key_replace(&self, by: &By, new_root: RootKey) -> Result<(), ChangeError>;
}
