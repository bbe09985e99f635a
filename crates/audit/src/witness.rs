//! What a witness does with a checkpoint that somebody brings (C2SP tlog-witness): it signs only
//! what continues the checkpoint that it signed last.
//!
//! Keeping that checkpoint, and the clock, are the caller's: the new state must be durable before
//! the cosignature leaves, and no two requests for one log may be judged at a time.

use crate::checkpoint::{Checkpoint, CheckpointError, decimal};
use crate::inclusion::hashes;
use crate::note::{Note, NoteError};
use crate::proof::verify_consistency;
use crate::{Hash, PublicKey, SigningKey};

/// The longest request that is read, in bytes.
pub const REQUEST_BYTES_MAX: usize = 128 * 1024;

/// A request to cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the sender believes was cosigned last.
    pub old: u64,
    /// The proof from there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by its log.
    pub note: Note,
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Declined {
    /// The request has another shape, or the old size lies beyond the checkpoint.
    #[error("the request is no `add-checkpoint`")]
    BadRequest,
    /// No log of that name is followed here.
    #[error("no log of this origin is followed here")]
    UnknownLog,
    /// The log has not signed it.
    #[error("the checkpoint is not signed by its log")]
    NotSigned,
    /// The witness has cosigned another size, or another tree of this size.
    #[error("the checkpoint cosigned last has the size {size}")]
    Conflict {
        /// The size that was cosigned last.
        size: u64,
    },
    /// The proof does not lead from the one tree to the other.
    #[error("the checkpoint does not continue the one that was cosigned last")]
    NotConsistent,
}

/// What a witness remembers of a log: the tree it cosigned last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many entries it had.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Seen {
    /// Before the first checkpoint.
    pub fn nothing() -> Self {
        Self { size: 0, root: Hash::empty() }
    }
}

impl AddCheckpoint {
    /// Reads a request.
    pub fn parse(body: &[u8]) -> Result<Self, Declined> {
        let read = || {
            let text = std::str::from_utf8(body.get(..REQUEST_BYTES_MAX).map_or(body, |_| &[]));
            let (head, note) = text.ok()?.split_once("\n\n")?;
            let mut lines = head.split('\n');
            let old = decimal(lines.next()?.strip_prefix("old ")?)?;
            let note = Note::parse(note).ok()?;
            let is_one = Checkpoint::parse(&note.text) != Err(CheckpointError::Shape);
            is_one.then_some(Self { old, proof: hashes(lines)?, note })
        };
        read().ok_or(Declined::BadRequest)
    }

    /// Judges the request of a log. Answers what the witness is to remember from now on.
    ///
    /// `log` is the key of the log that [`AddCheckpoint::origin`] names; `seen` what was cosigned
    /// last of it.
    pub fn judge(&self, log: &PublicKey, seen: &Seen) -> Result<Seen, Declined> {
        self.note.verify(log).map_err(|error| match error {
            NoteError::NotSigned | NoteError::BadSignature => Declined::NotSigned,
            _ => Declined::BadRequest,
        })?;
        let checkpoint = Checkpoint::parse(&self.note.text).map_err(|error| match error {
            CheckpointError::EmptyRoot => Declined::NotConsistent,
            _ => Declined::BadRequest,
        })?;
        if checkpoint.origin != log.name() {
            return Err(Declined::UnknownLog);
        }
        if self.old > checkpoint.size {
            return Err(Declined::BadRequest);
        }
        let conflict = Err(Declined::Conflict { size: seen.size });
        if self.old != seen.size || (checkpoint.size == seen.size && checkpoint.root != seen.root) {
            return conflict;
        }
        verify_consistency(seen.size, &seen.root, checkpoint.size, &checkpoint.root, &self.proof)
            .map_err(|_| Declined::NotConsistent)?;
        Ok(Seen { size: checkpoint.size, root: checkpoint.root })
    }

    /// The log that the checkpoint says it is of. Not yet believed.
    pub fn origin(&self) -> &str {
        self.note.text.split('\n').next().unwrap_or_default()
    }

    /// The line of cosignature. Only after [`AddCheckpoint::judge`], and once its answer is kept.
    pub fn cosigned(&self, key: &SigningKey, time: u64) -> String {
        let mut note = Note::new(self.note.text.clone());
        note.cosign(key, time);
        note.signatures.iter().map(ToString::to_string).collect()
    }
}

impl std::fmt::Display for AddCheckpoint {
    /// The request as it is sent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}
