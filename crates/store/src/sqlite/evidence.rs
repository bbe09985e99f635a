//! The evidence log in SQLite: entries over the rows that are kept anyway.
//!
//! - `sequencer.rs` is the one place that makes the log longer, inside the writer's transactions,
//!   and signs what has been committed.
//! - `entries.rs` writes an entry from its row; `tiles.rs` reads hashes for proofs.
//! - `exports.rs` is the log as exports are told of it.
//! - `retention.rs` takes out what entries say, by age.
//! - `witness.rs` keeps what witnesses have cosigned.
//! - `reads.rs` is what others ask for: checkpoints, proofs, exports, a check of the whole.

mod entries;
mod exports;
mod reads;
mod retention;
mod sequencer;
mod tiles;
mod witness;

pub use reads::export_file;
pub(super) use sequencer::Sequencer;

/// What an entry speaks of, with the row's place in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// A decision: a row of `calls`.
    Call(i64),
    /// What became of it: a row of `outcomes`.
    Outcome(i64),
    /// A row of `audit_events`.
    Event(i64),
}

impl Subject {
    /// The number that stands for it in `log_entries`.
    const fn number(self) -> i64 {
        match self {
            Self::Call(idx) => idx * 4,
            Self::Outcome(idx) => idx * 4 + 1,
            Self::Event(idx) => idx * 4 + 2,
        }
    }
}

/// A length or a place as SQLite keeps it.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
