//! Public keys and checkpoints, as they are given on the command line.

use std::path::Path;

use audit::{Checkpoint, KeyKind, PublicKey};

use super::super::input;
use crate::failure::Failure;

/// A public key of this kind: written out, or in a file.
pub(crate) fn public(given: &str, kind: KeyKind, flag: &str) -> Result<PublicKey, Failure> {
    // A written key holds two plus signs and a file seldom does; both are tried, the key first.
    let key = match PublicKey::parse(given.trim()) {
        Ok(key) => key,
        Err(written) => {
            let file = Path::new(given);
            if !file.exists() {
                let what = format!("`{flag}` is no public key and no file: {written}");
                return Err(Failure::usage(what, "give `NAME+ID+KEY`, or a file that holds it"));
            }
            PublicKey::parse(input::text(file)?.trim()).map_err(|error| {
                let what = format!("the file `{given}` holds no public key: {error}");
                Failure::usage(what, "it holds one line, `NAME+ID+KEY`")
            })?
        }
    };
    if key.kind() == kind {
        return Ok(key);
    }
    let (is, wanted) = match kind {
        KeyKind::Log => ("a witness", "a log"),
        KeyKind::Witness => ("a log", "a witness"),
    };
    Err(Failure::usage(
        format!("`{flag}` got the key of {is}, `{}`", key.name()),
        format!("give the public key of {wanted}"),
    ))
}

/// A checkpoint that somebody kept, signed with this key.
pub(crate) fn checkpoint(path: &Path, key: &PublicKey) -> Result<Checkpoint, Failure> {
    let text = input::text(path)?;
    let file = path.display();
    Checkpoint::open(&text, key).map(|(checkpoint, _)| checkpoint).map_err(|error| {
        Failure::new(
            "checkpoint_not_trusted",
            format!("the checkpoint in `{file}` does not open with the key given: {error}"),
            "a checkpoint counts only if the trusted key has signed it, to the byte",
        )
    })
}
