//! The proof of one entry on a page of its own (C2SP tlog-proof): it can be checked with nothing
//! but the log's public key.

use crate::checkpoint::{Checkpoint, CheckpointError, decimal};
use crate::proof::{PROOF_HASHES_MAX, ProofError, verify_inclusion};
use crate::{Hash, PublicKey};

/// The first line.
const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// That one entry is in the log, with the checkpoint that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The place of the entry.
    pub index: u64,
    /// Its siblings from the leaf up.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, as it is written.
    pub checkpoint: String,
}

/// Why an entry is not shown to be in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// The text is no such proof.
    #[error("the text is no proof of inclusion")]
    Shape,
    /// The checkpoint does not open.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl Inclusion {
    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, InclusionError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(InclusionError::Shape)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEAD) {
            return Err(InclusionError::Shape);
        }
        // Extra data is for whoever put it there; nothing vouches for it.
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or(InclusionError::Shape)?;
        let proof = hashes(lines).ok_or(InclusionError::Shape)?;
        Ok(Self { index, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that this entry is in the log of this key.
    pub fn verify(&self, entry: &[u8], key: &PublicKey) -> Result<Checkpoint, InclusionError> {
        let (checkpoint, _) = Checkpoint::open(&self.checkpoint, key)?;
        let leaf = Hash::leaf(entry);
        verify_inclusion(&leaf, self.index, checkpoint.size, &self.proof, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl std::fmt::Display for Inclusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEAD}\nindex {}", self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Reads lines of one hash each, as proofs are written.
pub(crate) fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Vec<Hash>> {
    let mut hashes = Vec::new();
    for line in lines {
        if hashes.len() >= PROOF_HASHES_MAX {
            return None;
        }
        hashes.push(Hash::parse(line)?);
    }
    Some(hashes)
}

/// Reads a proof of consistency: lines of one hash each, each ended.
pub fn parse_hashes(text: &str) -> Option<Vec<Hash>> {
    match text.strip_suffix('\n') {
        Some(lines) => hashes(lines.split('\n')),
        None if text.is_empty() => Some(Vec::new()),
        None => None,
    }
}
