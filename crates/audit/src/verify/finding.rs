//! What can be wrong with a file of evidence, and how it is told.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// An entry is not what it was when it was written.
    Edited {
        /// Its place.
        index: u64,
    },
    /// Entries are gone, though the tree has places for them.
    Deleted {
        /// The first one's place.
        from: u64,
        /// The place behind the last one.
        to: u64,
    },
    /// An entry stands where another belongs.
    Reordered {
        /// Where it stands.
        index: u64,
        /// Where it was written.
        belongs: u64,
    },
    /// An entry stands where none was written.
    Inserted {
        /// Where it stands.
        index: u64,
    },
    /// The entries are as they were signed, but the hashes kept beside them are not.
    HashesChanged {
        /// The first place that differs.
        index: u64,
    },
    /// Somewhere in a stretch the log is not what was signed, and every hash was made to fit.
    Rewritten {
        /// The length up to which a checkpoint still holds.
        from: u64,
        /// The length of the checkpoint that does not.
        to: u64,
    },
    /// The log ends before a length that its key has signed.
    Truncated {
        /// How many entries there are.
        size: u64,
        /// How many there were.
        signed: u64,
    },
    /// The key has signed two logs of this length that differ.
    Forked {
        /// The length of the checkpoint that was saved.
        size: u64,
    },
    /// Entries that no checkpoint covers.
    Unsigned {
        /// The first one's place.
        from: u64,
        /// The place behind the last one.
        to: u64,
    },
    /// A checkpoint is signed by somebody, but not with the key that is trusted.
    WrongKey {
        /// Its length.
        size: u64,
    },
    /// A checkpoint bears the trusted key's name, but not its signature.
    BadSignature {
        /// Its length.
        size: u64,
    },
    /// A checkpoint of the trusted key speaks of another log.
    OtherLog,
    /// The file names another key than the one that is trusted.
    OtherKey,
    /// The proof of an entry does not hold.
    NotIncluded {
        /// The place it claims.
        index: u64,
    },
    /// The proof that the log continues a saved checkpoint does not hold.
    NotConsistent {
        /// The length of the saved checkpoint.
        size: u64,
    },
    /// The file has nothing to hold a saved checkpoint against.
    NotComparable {
        /// The length of the saved checkpoint.
        size: u64,
    },
    /// The file begins within the log, at no checkpoint that is trusted.
    Unanchored {
        /// Where it begins.
        from: u64,
    },
    /// Too few of the trusted witnesses have cosigned the newest checkpoint.
    NotWitnessed {
        /// Its length.
        size: u64,
        /// How many have.
        found: usize,
        /// How many must.
        needed: usize,
    },
    /// No entry is of the call that was asked for.
    NoSuchCall,
    /// The file ends early: its last line is missing, or does not count the others rightly.
    Incomplete,
    /// A line is none of a file of evidence.
    Damaged {
        /// Its number, from 1.
        line: u64,
    },
}

impl Finding {
    /// A stable name, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Edited { .. } => "edited",
            Self::Deleted { .. } => "deleted",
            Self::Reordered { .. } => "reordered",
            Self::Inserted { .. } => "inserted",
            Self::HashesChanged { .. } => "hashes_changed",
            Self::Rewritten { .. } => "rewritten",
            Self::Truncated { .. } => "truncated",
            Self::Forked { .. } => "forked",
            Self::Unsigned { .. } => "unsigned",
            Self::WrongKey { .. } => "wrong_key",
            Self::BadSignature { .. } => "bad_signature",
            Self::OtherLog => "other_log",
            Self::OtherKey => "other_key",
            Self::NotIncluded { .. } => "not_included",
            Self::NotConsistent { .. } => "not_consistent",
            Self::NotComparable { .. } => "not_comparable",
            Self::Unanchored { .. } => "unanchored",
            Self::NotWitnessed { .. } => "not_witnessed",
            Self::NoSuchCall => "no_such_call",
            Self::Incomplete => "incomplete",
            Self::Damaged { .. } => "damaged",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited { index } => write!(f, "entry {index} was edited"),
            Self::Deleted { from, to } if to - from == 1 => write!(f, "entry {from} was deleted"),
            Self::Deleted { from, to } => {
                write!(f, "entries {from} to {} were deleted", to.saturating_sub(1))
            }
            Self::Reordered { index, belongs } => {
                write!(f, "entry {belongs} was moved to place {index}")
            }
            Self::Inserted { index } => {
                write!(f, "an entry was inserted at place {index} that was never written there")
            }
            Self::HashesChanged { index } => write!(
                f,
                "hashes of the tree were changed from entry {index} on; the entries are as signed"
            ),
            Self::Rewritten { from, to } => write!(
                f,
                "between entries {from} and {} the log is not what was signed: it was rewritten, \
                 hashes and all",
                to.saturating_sub(1)
            ),
            Self::Truncated { size, signed } => write!(
                f,
                "the tail was cut off: the log has {size} entries, and a checkpoint of {signed} \
                 was signed"
            ),
            Self::Forked { size } => write!(
                f,
                "the history was forked: a checkpoint of {size} entries was signed before that \
                 this log does not continue"
            ),
            Self::Unsigned { from, to } => {
                write!(f, "no checkpoint covers entries {from} to {}", to.saturating_sub(1))
            }
            Self::WrongKey { size } => {
                write!(f, "the checkpoint of {size} entries is signed with another key")
            }
            Self::BadSignature { size } => {
                write!(f, "the signature of the checkpoint of {size} entries is false")
            }
            Self::OtherLog => f.write_str("a checkpoint is of another log"),
            Self::OtherKey => f.write_str("the file names another public key than the one given"),
            Self::NotIncluded { index } => {
                write!(f, "entry {index} is not in the log: its proof does not hold")
            }
            Self::NotConsistent { size } => {
                write!(f, "the log does not continue the saved checkpoint of {size} entries")
            }
            Self::NotComparable { size } => write!(
                f,
                "the file shows nothing to hold the saved checkpoint of {size} entries against"
            ),
            Self::Unanchored { from } => write!(
                f,
                "the file begins at entry {from}, and no trusted checkpoint says what came before"
            ),
            Self::NotWitnessed { size, found, needed } => write!(
                f,
                "the checkpoint of {size} entries is cosigned by {found} of the trusted \
                 witnesses, and {needed} must"
            ),
            Self::NoSuchCall => f.write_str("no entry is of the call that was asked for"),
            Self::Incomplete => f.write_str("the file is not complete: its end is missing"),
            Self::Damaged { line } => write!(f, "line {line} of the file is damaged"),
        }
    }
}
