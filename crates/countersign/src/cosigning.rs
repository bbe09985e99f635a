//! Having a witness cosign a checkpoint (C2SP tlog-witness), from the log's side. How the witness is
//! reached, and where proofs come from, is the caller's.

use audit::note::{Note, Signature, parse_signatures};
use audit::witness::AddCheckpoint;
use audit::{Checkpoint, Hash, PublicKey};
use http::StatusCode;

/// Why there is no cosignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwilling {
    /// The witness has cosigned more than the log has: it was cut off, or an older copy put back.
    Ahead {
        /// How many entries it has cosigned.
        there: u64,
        /// How many the log has.
        here: u64,
    },
    /// The log does not continue what it has cosigned.
    Forked,
    /// It does not follow this log.
    NotFollowed,
    /// It gave no answer, or one that is none.
    Strange,
}

/// A checkpoint on its way to a witness.
pub(crate) struct Asking {
    checkpoint: Checkpoint,
    note: Note,
}

/// What a witness said first.
pub(crate) enum Said {
    /// Its signature lines. They are not verified.
    Cosigned(Vec<Signature>),
    /// It has cosigned so many entries, and wants the proof from there to the checkpoint.
    From(u64),
}

impl Asking {
    /// A checkpoint of the log with this key, with the log's own signature alone.
    pub(crate) fn of(key: &PublicKey, note: &str) -> Result<Self, Unwilling> {
        let (checkpoint, note) = Checkpoint::open(note, key).map_err(|_| Unwilling::Strange)?;
        let own = |line: &Signature| line.name == key.name();
        let signatures = note.signatures.into_iter().filter(own).collect();
        Ok(Self { checkpoint, note: Note { signatures, ..note } })
    }

    /// How many entries it covers.
    pub(crate) fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The body of the request: first with 0 and no proof, for the witness says what it knows.
    pub(crate) fn body(&self, old: u64, proof: Vec<Hash>) -> String {
        AddCheckpoint { old, proof, note: self.note.clone() }.to_string()
    }

    /// Reads an answer. `again`: the witness was asked from the length that it named.
    pub(crate) fn read(
        &self,
        status: StatusCode,
        body: &str,
        again: bool,
    ) -> Result<Said, Unwilling> {
        match (status, body.trim_end().parse::<u64>()) {
            (StatusCode::OK, _) => {
                let lines = body.strip_suffix('\n').ok_or(Unwilling::Strange)?;
                let lines = parse_signatures(lines).map_err(|_| Unwilling::Strange)?;
                Ok(Said::Cosigned(lines))
            }
            (StatusCode::CONFLICT, Ok(there)) if there > self.size() => {
                Err(Unwilling::Ahead { there, here: self.size() })
            }
            (StatusCode::CONFLICT, Ok(old)) if !again => Ok(Said::From(old)),
            (StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY, _) => Err(Unwilling::Forked),
            (StatusCode::NOT_FOUND | StatusCode::FORBIDDEN, _) => Err(Unwilling::NotFollowed),
            _ => Err(Unwilling::Strange),
        }
    }
}
