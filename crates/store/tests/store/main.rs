//! The store from outside: `promises/` holds of every store, `contract.rs` tries SQLite by it, and
//! `file.rs` is about the SQLite file itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this is a test, all of it")]

mod promises;

mod backup;
mod contract;
mod evidence;
mod evidence_kept;
mod file;
mod kept;
mod recording;
mod rotation;
