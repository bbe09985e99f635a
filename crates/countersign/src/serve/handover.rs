//! Takes a root key out of the environment: other programs of the same user could read it there
//! for as long as this process runs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use vault::Secret;

use crate::failure::{Failure, reason};
use crate::out;

/// The variable that holds the key.
const VALUE: &str = "COUNTERSIGN_ROOT_KEY__VALUE";
/// The variable that names the descriptor it is handed over by.
const DESCRIPTOR: &str = "COUNTERSIGN_ROOT_KEY__FD";

/// Starts this program again in its own place, with the key in a pipe instead of the environment.
///
/// The process keeps its number and its standard output. Returns only if that is not possible.
pub(super) fn start_again(value: &Secret) -> Failure {
    out::note(
        "countersign: warning: the root key came by the environment; a file or a descriptor is \
         safer (`root_key.file`, `root_key.fd`)",
    );
    match exec(value) {
        Ok(never) => never,
        Err(error) => Failure::new(
            "root_key",
            format!("the root key cannot be taken out of the environment: {}", reason(&error)),
            "give it by a file (`root_key.file`) or a descriptor (`root_key.fd`)",
        ),
    }
}

#[cfg(unix)]
fn exec(value: &Secret) -> std::io::Result<Failure> {
    use std::os::unix::process::CommandExt as _;
    let (reader, mut writer) = std::io::pipe()?;
    // A key is far shorter than a pipe holds, so this does not wait for a reader.
    let key = value.expose().get(..value.expose().len().min(4096)).unwrap_or_default();
    writer.write_all(key)?;
    drop(writer);
    Err(Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env_remove(VALUE)
        .env(DESCRIPTOR, "0")
        .stdin(Stdio::from(reader))
        .exec())
}

#[cfg(not(unix))]
fn exec(_: &Secret) -> std::io::Result<Failure> {
    Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
}
