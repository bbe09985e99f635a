//! `audit export`: the evidence in a file, from an instance or from a database that nobody serves.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use http_body_util::BodyExt as _;
use store::StoreError;

use crate::api::Api;
use crate::args::{Export, Instance};
use crate::failure::{Failure, reason};
use crate::out::{self, Closed, Style};

pub(super) async fn run(instance: &Instance, asked: &Export, style: Style) -> Result<(), Failure> {
    let mut to = Target::open(asked.to.as_deref())?;
    match &asked.database {
        Some(database) => from_file(database, asked.from, &mut to)?,
        None => from_instance(&Api::of(instance)?, asked, &mut to).await?,
    }
    to.end(style)
}

async fn from_instance(api: &Api, asked: &Export, to: &mut Target) -> Result<(), Failure> {
    let from = asked.from.to_string();
    let form = if asked.proofs { "proofs" } else { "tree" };
    let query = [("from", from.as_str()), ("form", form)];
    let mut stream = api.stream(&["audit", "evidence"], &query, None).await?;
    while let Some(frame) = stream.frame().await {
        let frame = frame.map_err(|_| {
            let what = "the instance broke the export off";
            Failure::new("cut_off", what, "see its log, and export again to another file")
        })?;
        if let Some(bytes) = frame.data_ref() {
            to.write(bytes)?;
        }
    }
    Ok(())
}

fn from_file(database: &Path, from: u64, to: &mut Target) -> Result<(), Failure> {
    let file = database.display();
    let unread = |error: StoreError| {
        let next =
            "name a database of Countersign, or a copy of one with its `-wal` file beside it";
        Failure::new("database", format!("the database `{file}` cannot be read: {error}"), next)
    };
    store::sqlite::export_file(database, from, |line| {
        to.write(line.as_bytes()).map_err(Stopped::Writing)
    })
    .map_err(|stopped| match stopped {
        Stopped::Reading(error) => unread(error),
        Stopped::Writing(failure) => failure,
    })
}

/// Which side of an export failed.
enum Stopped {
    Reading(StoreError),
    Writing(Failure),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Reading(error)
    }
}

/// Where the export goes.
enum Target {
    Screen,
    File(String, BufWriter<File>),
}

impl Target {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Screen) };
        let file = path.display().to_string();
        let made = File::create_new(path).map_err(|error| {
            let what = format!("the file `{file}` cannot be made: {}", reason(&error));
            Failure::new("unwritable_file", what, "name a file that is not there yet")
        })?;
        Ok(Self::File(file, BufWriter::new(made)))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Screen => {
                std::io::stdout().lock().write_all(bytes).map_err(|_| Failure::from(Closed))
            }
            Self::File(file, to) => to.write_all(bytes).map_err(|error| unwritten(file, &error)),
        }
    }

    fn end(self, style: Style) -> Result<(), Failure> {
        match self {
            Self::Screen => std::io::stdout().lock().flush().map_err(|_| Failure::from(Closed)),
            Self::File(file, mut to) => {
                to.flush()
                    .and_then(|()| to.get_ref().sync_all())
                    .map_err(|error| unwritten(&file, &error))?;
                match style {
                    Style::Json => out::json(&serde_json::json!({"file": file}))?,
                    Style::Human => out::line(&format!("the evidence is in `{file}`"))?,
                }
                Ok(())
            }
        }
    }
}

fn unwritten(file: &str, error: &std::io::Error) -> Failure {
    let what = format!("the file `{file}` cannot be written: {}", reason(error));
    Failure::new("unwritable_file", what, "free space, and export again to another file")
}
