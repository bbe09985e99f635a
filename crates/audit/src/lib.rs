//! Evidence: entries, the tree over them, and signed checkpoints that somebody else can check.
//!
//! The log is an RFC 6962 tree in the formats of C2SP, so tools that were not written here can
//! verify it: tiles ([`tile`]), checkpoints ([`Checkpoint`]) as signed notes ([`note`]), witnesses
//! ([`witness`]), proofs on a page of their own ([`Inclusion`]).
//!
//! ```text
//! rows of the store ─► entry (canonical JSON) ─► leaf ─► Edge ─► root ─► Checkpoint, signed
//! ```
//!
//! - [`entry`] writes what the log says; [`Edge`] is all that appending needs.
//! - [`proof`] makes and checks proofs of inclusion and of consistency.
//! - [`export`] is the file that leaves the house, and [`Verifier`] reads it anywhere and names what
//!   is wrong with it.
//!
//! No I/O, no clock, no randomness. Everything that reads bytes is bounded and only refuses.

pub mod entry;
pub mod export;
mod checkpoint;
mod hash;
mod inclusion;
mod key;
mod moment;
pub mod note;
pub mod proof;
pub mod tile;
mod tree;
mod verify;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use hash::Hash;
pub use inclusion::{Inclusion, InclusionError, parse_hashes};
pub use key::{KeyError, KeyKind, PublicKey, SigningKey, is_name};
pub use tree::Edge;
pub use verify::{Finding, Report, Trust, Verifier};

/// A checkpoint is signed at least after so many entries.
pub const CHECKPOINT_ENTRIES: u64 = 256;
