//! Outcomes that the database does not take, kept in a small file beside it until it does.
//!
//! While a commit fails they wait in memory and no call begins; should the process end meanwhile,
//! the next one finds them here. One line each, with a MAC: a line that was cut by a crash, or that
//! somebody else wrote, is left out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::desk::Ending;
use super::keys::{Fields, Keys};
use super::records::code;
use crate::{CallId, Capture, Moment, Outcome, OutcomeClass};

/// The file in the data directory.
const FILE: &str = "outcomes.spool";

/// An outcome as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The line of its call.
    pub(super) idx: i64,
    pub(super) outcome: Outcome,
}

/// The spool of one data directory.
pub(super) struct Spool {
    path: PathBuf,
    /// How many of the outcomes that wait are in the file, oldest first.
    kept: usize,
}

impl Spool {
    pub(super) fn of(dir: &Path) -> Self {
        Self { path: dir.join(FILE), kept: 0 }
    }

    /// What is in the file, and how many of its lines are not ours.
    pub(super) fn read(&self, keys: &Keys) -> io::Result<(Vec<Kept>, usize)> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter(|line| !line.is_empty());
        let lines: Vec<Option<Kept>> = lines.map(|line| parse(keys, line)).collect();
        let strange = lines.iter().filter(|line| line.is_none()).count();
        Ok((lines.into_iter().flatten().collect(), strange))
    }

    /// Adds the outcomes that wait and are not in the file yet. Durable when it returns `Ok`.
    pub(super) fn keep(&mut self, keys: &Keys, waiting: &[Ending]) -> io::Result<()> {
        let Some(new) = waiting.get(self.kept..).filter(|new| !new.is_empty()) else {
            return Ok(());
        };
        let mut lines = String::with_capacity(new.len() * 200);
        for ending in new {
            let fields = fields(ending.idx, &ending.outcome);
            let mac = hex(&keys.mac("spool", &covered(&fields)));
            lines.push_str(&format!("{fields}\t{mac}\n"));
        }
        let mut file = open(&self.path)?;
        // After a line that was cut, the next one must not become part of it.
        if self.kept == 0 && file.metadata()?.len() > 0 {
            lines.insert(0, '\n');
        }
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        self.kept += new.len();
        Ok(())
    }

    /// All of it is in the database.
    pub(super) fn clear(&mut self) {
        self.kept = 0;
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // What is read again has its outcome already, and is passed over.
            Err(error) => tracing::warn!(%error, "the spool of outcomes was not removed"),
        }
    }

    /// Whether anything was kept since the last clearing.
    pub(super) const fn is_used(&self) -> bool {
        self.kept > 0
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).append(true).open(path)
}

/// The fields with tabs between them; none holds a tab.
fn fields(idx: i64, outcome: &Outcome) -> String {
    let Outcome {
        id,
        at,
        class,
        detail,
        upstream_status,
        response_bytes,
        took_micros,
        upstream_micros,
        echo_removed,
        capture,
    } = outcome;
    format!(
        "{idx}\t{id}\t{}\t{}\t{detail}\t{}\t{response_bytes}\t{took_micros}\t{upstream_micros}\t{}\t{}",
        at.micros(),
        class.as_str(),
        upstream_status.unwrap_or(0),
        u8::from(*echo_removed),
        u8::from(capture.is_some()),
    )
}

fn covered(fields: &str) -> Fields {
    Fields::of("", "").text(fields)
}

fn parse(keys: &Keys, line: &str) -> Option<Kept> {
    let (fields, mac) = line.rsplit_once('\t')?;
    if !keys.verify("spool", &covered(fields), &unhex(mac)?) {
        return None;
    }
    let mut fields = fields.split('\t');
    let mut next = || fields.next();
    let idx = next()?.parse().ok()?;
    let outcome = Outcome {
        id: CallId::parse(next()?)?,
        at: Moment::of_micros(next()?.parse().ok()?),
        class: OutcomeClass::parse(next()?)?,
        detail: code(next()?),
        upstream_status: Some(next()?.parse().ok()?).filter(|status| *status != 0),
        response_bytes: next()?.parse().ok()?,
        took_micros: next()?.parse().ok()?,
        upstream_micros: next()?.parse().ok()?,
        echo_removed: next()? == "1",
        // Lines of before end here. A record is not spooled: its entry will say that it is missing.
        capture: (next() == Some("1")).then(|| Box::new(Capture::Missing("spooled"))),
    };
    next().is_none().then_some(Kept { idx, outcome })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}
