//! Long answers, written as they come.

use std::io::Write as _;
use std::path::Path;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::failure::{Failure, reason};

/// How long the instance may say nothing in the middle of an answer.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Writes an answer to a new file for its owner only; hands back how many bytes it has. A file that
/// is there is never written over, and half an answer is not left behind.
pub(super) async fn to_file(
    body: Incoming,
    path: &Path,
    length: Option<u64>,
) -> Result<u64, Failure> {
    let unmade = |error: &std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "it exists already".to_owned(),
            _ => reason(error),
        };
        Failure::new(
            "file",
            format!("the file `{}` cannot be written: {why}", path.display()),
            "name a new file in a directory you may write to",
        )
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| unmade(&error))?;
    let written = async {
        let mut count = 0_u64;
        copy(body, |part| {
            count += part.len() as u64;
            file.write_all(part)
        })
        .await
        .map_err(|stop| stop.into_failure(unmade))?;
        if length.is_some_and(|length| length != count) {
            return Err(cut_off());
        }
        file.sync_all().map_err(|error| unmade(&error))?;
        Ok(count)
    }
    .await;
    if written.is_err() {
        // Half of it is worth nothing, and looks like something.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Writes an answer to standard output.
pub(super) async fn to_stdout(body: Incoming) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let done = copy(body, |part| out.write_all(part)).await;
    done.map_err(|stop| {
        stop.into_failure(|error| Failure::new("output", reason(error), "see where it leads"))
    })
}

/// Why an answer was not written to its end.
enum Stop {
    Cut,
    Unwritten(std::io::Error),
}

impl Stop {
    fn into_failure(self, unwritten: impl FnOnce(&std::io::Error) -> Failure) -> Failure {
        match self {
            Self::Cut => cut_off(),
            Self::Unwritten(error) => unwritten(&error),
        }
    }
}

fn cut_off() -> Failure {
    Failure::new("cut_off", "the answer was cut off before its end", "ask again")
}

async fn copy(
    mut body: Incoming,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), Stop> {
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await.map_err(|_| Stop::Cut)?;
        let Some(frame) = frame else { return Ok(()) };
        if let Ok(part) = frame.map_err(|_| Stop::Cut)?.into_data() {
            write(&part).map_err(Stop::Unwritten)?;
        }
    }
}
