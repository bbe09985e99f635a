//! `capture`: a key pair for sealed records, taking them out, opening them elsewhere.

mod open;

use std::path::Path;

use serde_json::json;
use vault::CaptureOpener;

use super::download;
use crate::api::Api;
use crate::args::{Capture, Instance};
use crate::failure::{Failure, reason};
use crate::out::{self, Style};

pub(super) async fn run(
    instance: &Instance,
    command: Capture,
    style: Style,
) -> Result<(), Failure> {
    match command {
        Capture::Key { to } => key(&to, style),
        Capture::Export { to, call } => export(instance, to.as_deref(), call, style).await,
        Capture::Open { file, key, evidence, to } => {
            open::run(&file, &key, evidence.as_deref(), to.as_deref(), style)
        }
    }
}

/// Makes a pair. The private half is in the file before the public one is seen.
fn key(to: &Path, style: Style) -> Result<(), Failure> {
    let pair = CaptureOpener::generate()
        .map_err(|_| Failure::new("system", "the system gave no random bytes", "try again"))?;
    let written = pair.written();
    let text = [written.expose(), b"\n"].concat();
    new_file(to, &vault::Secret::new(text))?;
    let public = pair.public().to_string();
    match style {
        Style::Json => out::json(&json!({"key": public}))?,
        Style::Human => out::line(&public)?,
    }
    Ok(())
}

/// Writes a new file for its owner only.
fn new_file(path: &Path, bytes: &vault::Secret) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes.expose())?;
        file.sync_all()
    });
    written.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "it exists already".to_owned(),
            _ => reason(&error),
        };
        let what = format!("the file `{}` cannot be written: {why}", path.display());
        Failure::new("file", what, "name a new file in a directory you may write to")
    })
}

async fn export(
    instance: &Instance,
    to: Option<&Path>,
    call: Option<String>,
    style: Style,
) -> Result<(), Failure> {
    let query: Vec<_> = call.iter().map(|call| ("call", call.as_str())).collect();
    let body = Api::of(instance)?.stream(&["captures"], &query, None).await?;
    let Some(file) = to else { return download::to_stdout(body).await };
    let bytes = download::to_file(body, file, None).await?;
    match style {
        Style::Json => out::json(&json!({"file": file.display().to_string(), "bytes": bytes}))?,
        Style::Human => out::line(&format!(
            "`{}` holds {bytes} bytes; `countersign capture open` opens it where the private key is",
            file.display()
        ))?,
    }
    Ok(())
}
