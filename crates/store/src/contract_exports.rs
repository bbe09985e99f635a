//! The part of the contract that is about exports: the log as others are told of it, how far each
//! of them has come, and how the instance is.

use std::time::Duration;

use async_trait::async_trait;

use crate::*;

/// A leaf of the log, as it is told to others.
#[derive(Clone, Debug)]
pub struct LogLeaf {
    /// Its place in the log, from 0.
    pub index: u64,
    /// Its hash in the tree.
    pub hash: audit::Hash,
    /// What it says: canonical JSON. `None` once it was taken out, by age or by somebody's hand.
    pub entry: Option<Vec<u8>>,
    /// It was taken out by age, as another entry says.
    pub retained: bool,
}

/// A stretch of the log that checkpoints cover.
#[derive(Clone, Debug)]
pub struct LogPart {
    /// The leaves, in order and without a gap.
    pub leaves: Vec<LogLeaf>,
    /// The place behind the last of them.
    pub next: u64,
    /// The checkpoint of exactly this length, if one was signed.
    pub checkpoint: Option<SignedCheckpoint>,
}

/// How the instance is, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct InstanceState {
    /// How many entries the log has.
    pub entries: u64,
    /// How many of them the newest checkpoint covers.
    pub signed: u64,
    /// When that was signed.
    pub signed_at: Option<Moment>,
    /// How many of them a witness has cosigned.
    pub witnessed: u64,
    /// When a witness last cosigned.
    pub witnessed_at: Option<Moment>,
    /// How many of them are gone by age.
    pub retained: u64,
    /// Calls that have left and have no outcome yet.
    pub open_calls: u64,
    /// Calls that wait for people.
    pub approvals_waiting: u64,
    /// Outcomes cannot be written at present, so no call begins.
    pub blocked: bool,
    /// The database with its side files, in bytes.
    pub database_bytes: u64,
}

/// What witnesses have cosigned, and what follows from it.
#[async_trait]
pub trait Witnessed: Send + Sync {
    /// From here on no call begins unless a witness has cosigned within this time.
    async fn require_witness(&self, within: Duration) -> Result<(), StoreError>;

    /// Keeps the cosignature of this witness below a checkpoint of ours.
    ///
    /// - **Errors**: [`ChangeError::Invalid`] for a note that is not of this log or that the witness
    ///   has not signed.
    async fn checkpoint_cosigned(
        &self,
        witness: &audit::PublicKey,
        note: &str,
    ) -> Result<(), ChangeError>;

    /// How long the log once was by a witness, as an admin has accepted; 0 if nobody has.
    async fn log_break(&self) -> Result<u64, StoreError>;

    /// Writes down that the log is shorter than a witness has seen it, and why.
    async fn log_break_accept(
        &self,
        by: &By,
        witnessed: u64,
        reason: &str,
    ) -> Result<(), ChangeError>;
}

/// What exports ask of the store.
#[async_trait]
pub trait Exports: Send + Sync {
    /// The place that this export goes on from; 0 for one that is not known.
    async fn export_cursor(&self, export: &str) -> Result<u64, StoreError>;

    /// Remembers that everything before this place was delivered. It only ever goes forward.
    async fn export_moved(&self, export: &str, next: u64) -> Result<(), StoreError>;

    /// What follows this place in the log, as much as one delivery should hold; `None` while no
    /// checkpoint covers anything behind it.
    async fn log_part(&self, from: u64) -> Result<Option<LogPart>, StoreError>;

    /// The first line of a file of evidence that begins at this place.
    async fn log_file_head(&self, from: u64) -> Result<String, StoreError>;

    /// How the instance is. Reads little; meant to be asked every few seconds.
    async fn instance_state(&self) -> Result<InstanceState, StoreError>;
}
