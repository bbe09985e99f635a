//! Checkpoints: signed statements of what the log held when it was so long.

use crate::key::{NAME_BYTES_MAX, PublicKey, SigningKey};
use crate::note::{Note, NoteError};
use crate::{Edge, Hash};

/// A statement of what a log held when it was this long.
///
/// - **Shape**: the first `size` entries hash to `root`; written as C2SP tlog-checkpoint says.
/// - **Units**: `size` counts entries, so it covers every index below it.
/// - **Source**: the sequencer signs one; a witness may cosign it. Holding one proves nothing;
///   [`Checkpoint::open`] names the check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many entries it covers.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// A text is no checkpoint of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note does not open.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note's text is no checkpoint.
    #[error("the note holds no checkpoint")]
    Shape,
    /// It speaks of another log than the key's.
    #[error("the checkpoint is of another log")]
    OtherLog,
    /// The tree of no entries has one root, and this is another.
    #[error("the checkpoint gives a log without entries a root of its own")]
    EmptyRoot,
}

impl Checkpoint {
    /// What a log holds whose right edge is this.
    pub fn of(origin: &str, edge: &Edge) -> Self {
        Self { origin: origin.to_owned(), size: edge.size(), root: edge.root() }
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Signs it.
    pub fn sign(&self, key: &SigningKey) -> Note {
        let mut note = Note::new(self.text());
        note.sign(key);
        note
    }

    /// Reads the text of a note. Extension lines are allowed and mean nothing here.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Shape)?;
        let mut lines = body.split('\n');
        let mut line =
            || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Shape);
        let (origin, size, root) = (line()?, line()?, line()?);
        let size = decimal(size).ok_or(CheckpointError::Shape)?;
        let root = Hash::parse(root).ok_or(CheckpointError::Shape)?;
        if origin.len() > NAME_BYTES_MAX || lines.any(str::is_empty) {
            return Err(CheckpointError::Shape);
        }
        if size == 0 && root != Hash::empty() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Opens a signed checkpoint of the log that this key belongs to.
    pub fn open(note: &str, key: &PublicKey) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(note)?;
        note.verify(key)?;
        let checkpoint = Self::parse(&note.text)?;
        // The key's name is its log's: what it signs of another log means nothing.
        if checkpoint.origin == key.name() {
            Ok((checkpoint, note))
        } else {
            Err(CheckpointError::OtherLog)
        }
    }
}

/// Reads a number without sign or leading zeros, up to 2^63 - 1.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = if plain { text.parse().ok()? } else { return None };
    let lead = text.len() > 1 && text.starts_with('0');
    (!lead && i64::try_from(number).is_ok()).then_some(number)
}
