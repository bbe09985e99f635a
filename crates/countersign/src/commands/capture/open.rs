//! `capture open`: opens sealed records with no instance and no network, and holds them against the
//! evidence: what was removed, exchanged or put in shows.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::path::Path;

use audit::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use vault::CaptureOpener;

use super::super::input;
use super::new_file;
use crate::failure::{Failure, reason};
use crate::out::{self, Style};

/// The longest line of a file: a record of a mebibyte in base64, and what stands around it.
const LINE_BYTES_MAX: u64 = 2 << 20;

/// A record by its call and its part.
type Place = (String, String);

/// What the evidence says of sealed records.
#[derive(Default)]
struct Said {
    /// The digest in the entry, and when that was written, as the entry says.
    digests: BTreeMap<Place, (String, String)>,
    /// Records from before this moment were removed by age, in microseconds.
    removed_before: i64,
}

/// What came of it.
#[derive(Default)]
struct Outcome {
    opened: u64,
    aged: u64,
    findings: Vec<String>,
}

pub(super) fn run(
    file: &Path,
    key: &Path,
    evidence: Option<&Path>,
    to: Option<&Path>,
    style: Style,
) -> Result<(), Failure> {
    let opener = CaptureOpener::parse(input::text(key)?.trim()).map_err(|error| {
        let what = format!("the file `{}` holds no private key: {error}", key.display());
        Failure::usage(what, "give the file that `countersign capture key` wrote")
    })?;
    let said = evidence.map(read_evidence).transpose()?;
    let mut sink: Box<dyn Write> = match to {
        None => Box::new(std::io::stdout().lock()),
        Some(path) => {
            new_file(path, &vault::Secret::new(Vec::new()))?;
            let file = std::fs::OpenOptions::new().append(true).open(path);
            Box::new(file.map_err(|error| unreadable(path, &reason(&error)))?)
        }
    };
    let outcome = open_all(file, &opener, said, &mut sink)?;
    sink.flush().map_err(|_| out::Closed)?;
    told(&outcome, evidence.is_some(), style)
}

fn open_all(
    file: &Path,
    opener: &CaptureOpener,
    mut said: Option<Said>,
    sink: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let (mut lines, mut ended, mut whole) = (0_u64, false, false);
    each_line(file, |line| {
        lines += 1;
        let value: Value = serde_json::from_slice(line).map_err(|_| damaged(file, lines))?;
        if lines == 1 {
            let known = value["format"] == "countersign-captures/v1";
            whole = value["form"] == "all";
            return if known { Ok(()) } else { Err(no_captures(file)) };
        }
        if let Some(end) = value["end"].as_u64() {
            ended = end == lines - 1;
            return Ok(());
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let place = (text("call"), text("part"));
        let record = STANDARD.decode(text("record")).map_err(|_| damaged(file, lines))?;
        if let Some(said) = &mut said {
            let digest = Hash::sha256(&record).to_string();
            match said.digests.remove(&place) {
                Some((kept, _)) if kept == digest => {}
                Some(_) => outcome.findings.push(format!(
                    "exchanged: the {} of {} are not what was sealed",
                    place.1, place.0
                )),
                None => outcome
                    .findings
                    .push(format!("put in: no entry tells of the {} of {}", place.1, place.0)),
            }
        }
        match opener.open(&[&place.0, &place.1], &record) {
            Ok(plain) => {
                outcome.opened += 1;
                let written = sink.write_all(plain.expose()).and_then(|()| sink.write_all(b"\n"));
                written.map_err(|_| out::Closed.into())
            }
            Err(_) => {
                outcome.findings.push(format!(
                    "not opened: the {} of {} are sealed to another key, or damaged",
                    place.1, place.0
                ));
                Ok(())
            }
        }
    })?;
    if !ended {
        outcome.findings.push("cut: the file has no end, or lines are missing from it".to_owned());
    }
    let Said { digests, removed_before } = said.filter(|_| whole).unwrap_or_default();
    for ((call, part), (_, at)) in digests {
        let at = at.parse::<jiff::Timestamp>().map_or(i64::MAX, |at| at.as_microsecond());
        if at < removed_before {
            outcome.aged += 1;
        } else {
            outcome.findings.push(format!("removed: an entry tells of the {part} of {call}"));
        }
    }
    Ok(outcome)
}

/// What entries say of sealed records, from a file of evidence.
fn read_evidence(file: &Path) -> Result<Said, Failure> {
    let mut said = Said::default();
    let mut lines = 0_u64;
    each_line(file, |line| {
        lines += 1;
        let value: Value = serde_json::from_slice(line).map_err(|_| damaged(file, lines))?;
        if lines == 1 && value["format"] != "countersign-evidence/v1" {
            let what = format!("the file `{}` is no evidence", file.display());
            return Err(Failure::usage(
                what,
                "give the file that `countersign audit export` wrote",
            ));
        }
        let entry = &value["entry"];
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let part = match entry["kind"].as_str() {
            Some("decision") => "arguments",
            Some("outcome") => "result",
            _ => {
                if entry["event"] == "captures.removed" {
                    let before = entry["detail"]["before_micros"]["after"].as_i64();
                    said.removed_before = said.removed_before.max(before.unwrap_or(0));
                }
                return Ok(());
            }
        };
        if let Some(digest) = entry["capture"]["sha256"].as_str() {
            let place = (text("call"), part.to_owned());
            said.digests.insert(place, (digest.to_owned(), text("at")));
        }
        Ok(())
    })?;
    Ok(said)
}

fn each_line(
    file: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let open = std::fs::File::open(file).map_err(|error| unreadable(file, &reason(&error)))?;
        Box::new(BufReader::new(open))
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut *reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(file, &reason(&error)))? == 0 {
            return Ok(());
        }
        each(line.trim_ascii_end())?;
    }
}

fn told(outcome: &Outcome, held_against: bool, style: Style) -> Result<(), Failure> {
    let Outcome { opened, aged, findings } = outcome;
    // The records themselves are on standard output, or in the file that was named.
    if findings.is_empty() {
        if style == Style::Human {
            out::note(&format!("{opened} records opened"));
            if *aged > 0 {
                out::note(&format!("{aged} more were removed by age, as the evidence says"));
            }
            if !held_against {
                out::note(
                    "without --evidence nobody can tell whether any was removed or exchanged",
                );
            }
        }
        return Ok(());
    }
    let what = format!("{opened} records opened, and {} findings", findings.len());
    let next = "compare with another export, and check the evidence with `audit verify`";
    Err(Failure::new("captures_do_not_hold", what, next).listing(findings.clone()))
}

fn unreadable(file: &Path, why: &str) -> Failure {
    let what = format!("the file `{}` cannot be read: {why}", file.display());
    Failure { exit: 2, ..Failure::new("unreadable_file", what, "check the path") }
}

fn damaged(file: &Path, line: u64) -> Failure {
    let what = format!("line {line} of `{}` cannot be read", file.display());
    Failure { exit: 2, ..Failure::new("damaged_file", what, "export it again") }
}

fn no_captures(file: &Path) -> Failure {
    let what = format!("the file `{}` holds no sealed records", file.display());
    Failure::usage(what, "give the file that `countersign capture export` wrote")
}
