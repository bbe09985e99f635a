//! `audit verify`: holds evidence against a public key, with no instance and no network.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use audit::export::{Form, LINE_BYTES_MAX};
use audit::proof::verify_consistency;
use audit::{Finding, Inclusion, KeyKind, PublicKey, Report, Trust, Verifier, parse_hashes};
use serde_json::{Value, json};

use super::super::input;
use super::keys;
use crate::args::Verify;
use crate::failure::{Failure, reason};
use crate::out::{self, Style};

/// How a proof on a page of its own begins.
const PROOF: &[u8] = b"c2sp.org/tlog-proof@v1\n";

pub(super) fn run(asked: &Verify, style: Style) -> Result<(), Failure> {
    let key = keys::public(&asked.key, KeyKind::Log, "--key")?;
    if let (Some(old), Some(new)) = (&asked.old, &asked.new) {
        return continued(old, new, asked.proof.as_deref(), &key, style);
    }
    let file = asked.file.as_deref().unwrap_or(Path::new("-"));
    let mut reader = open(file)?;
    let start = reader.fill_buf().map_err(|error| unreadable(file, &reason(&error)))?;
    if start.starts_with(PROOF) {
        return included(&mut reader, file, asked.entry.as_deref(), &key, style);
    }
    if asked.entry.is_some() {
        let what = format!("`{}` is no proof of one entry", file.display());
        return Err(Failure::usage(
            what,
            "give --entry only with a file that begins `c2sp.org/tlog-proof@v1`",
        ));
    }
    let trust = trust(asked, key)?;
    let report = read(&mut reader, file, trust)?;
    told(&report, file, asked, style)
}

fn trust(asked: &Verify, log: PublicKey) -> Result<Trust, Failure> {
    let saved = asked.checkpoints.iter().map(|path| keys::checkpoint(path, &log));
    let saved = saved.collect::<Result<_, _>>()?;
    let witnesses = asked.witnesses.iter();
    let witnesses: Vec<PublicKey> = witnesses
        .map(|given| keys::public(given, KeyKind::Witness, "--witness"))
        .collect::<Result<_, _>>()?;
    let witnesses_needed = asked.witnesses_needed.unwrap_or(witnesses.len());
    if witnesses_needed > witnesses.len() {
        let what = "more witnesses are needed than are given";
        return Err(Failure::usage(what, "give the key of each with --witness"));
    }
    Ok(Trust { log, saved, witnesses, witnesses_needed, call: asked.call.clone() })
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let open = std::fs::File::open(file).map_err(|error| unreadable(file, &reason(&error)))?;
    Ok(Box::new(BufReader::with_capacity(1 << 18, open)))
}

/// Nothing was judged, so this is no verdict: 2.
fn unreadable(file: &Path, why: &str) -> Failure {
    let what = format!("the file `{}` cannot be read: {why}", file.display());
    Failure { exit: 2, ..Failure::new("unreadable_file", what, "check the path") }
}

/// Reads line by line, so that the length of a file costs time and not memory.
fn read(reader: &mut dyn BufRead, file: &Path, trust: Trust) -> Result<Report, Failure> {
    let mut verifier = Verifier::new(trust);
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = LINE_BYTES_MAX as u64 + 2;
        let read = (&mut *reader).take(most).read_until(b'\n', &mut line);
        let read = read.map_err(|error| unreadable(file, &reason(&error)))?;
        if read == 0 {
            return Ok(verifier.finish());
        }
        let whole = line.last() == Some(&b'\n');
        verifier.line(line.strip_suffix(b"\n").unwrap_or(&line));
        if !whole && read as u64 == most {
            pass_line(reader).map_err(|error| unreadable(file, &reason(&error)))?;
        }
    }
}

/// Passes over what is left of a line that is longer than any of ours.
fn pass_line(reader: &mut dyn BufRead) -> std::io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (pass, done) = (end.map_or(buffer.len(), |at| at + 1), end.is_some());
        reader.consume(pass);
        if done || pass == 0 {
            return Ok(());
        }
    }
}

fn told(report: &Report, file: &Path, asked: &Verify, style: Style) -> Result<(), Failure> {
    let file = file.display();
    let nothing = report.form.is_none();
    if style == Style::Json {
        out::json(&document(report))?;
    } else if report.holds() {
        for line in sentences(report, asked) {
            out::line(&line)?;
        }
    }
    if report.holds() {
        return Ok(());
    }
    if nothing {
        // Not evidence that fails, but no evidence at all.
        let what = format!("the file `{file}` is no file of evidence");
        return Err(Failure::usage(what, "`countersign audit export` writes one"));
    }
    let mut details: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if report.more > 0 {
        details.push(format!("and {} more", report.more));
    }
    Err(Failure::new(
        "evidence_does_not_hold",
        format!("the evidence in `{file}` does not hold"),
        "keep the file as it is and compare it with another export; docs/evidence.md says what each finding means",
    )
    .listing(details))
}

fn sentences(report: &Report, asked: &Verify) -> Vec<String> {
    let mut lines = Vec::new();
    let checkpoint = report.checkpoint.as_ref();
    let (size, root) = checkpoint.map_or((0, String::new()), |c| (c.size, c.root.to_string()));
    match report.form {
        Some(Form::Proofs) => lines.push(format!(
            "{} entries are in the log, under its checkpoint of {size} entries",
            report.entries
        )),
        _ => lines.push(format!(
            "the log holds from entry {} to its checkpoint of {size} entries: {} read, {} taken out by age",
            report.from, report.entries, report.withheld
        )),
    }
    lines.push(format!("  root        {root}"));
    lines.push(format!("  signed by   {}", checkpoint.map_or("", |c| c.origin.as_str())));
    if report.saved > 0 {
        lines.push(format!("  continues   {} checkpoint(s) kept from before", report.saved));
    }
    for (witness, time) in &report.witnessed {
        let at = jiff::Timestamp::from_second(i64::try_from(*time).unwrap_or(i64::MAX));
        let at = at.map_or_else(|_| time.to_string(), |at| at.to_string());
        lines.push(format!("  cosigned    by {witness} at {at}"));
    }
    if let Some(call) = &asked.call {
        let places: Vec<String> = report.call.iter().map(u64::to_string).collect();
        lines.push(format!("  call        {call}: entries {}", places.join(", ")));
    }
    if report.form == Some(Form::Proofs) {
        lines.push(
            "Nothing here speaks of other entries: these are in the log, others may be too."
                .to_owned(),
        );
    } else if report.saved == 0 && report.witnessed.is_empty() {
        lines.push(
            "Not shown: that nothing was cut off behind the newest checkpoint. Keep checkpoints elsewhere \
             (--checkpoint), or have a witness (--witness)."
                .to_owned(),
        );
    }
    lines
}

fn document(report: &Report) -> Value {
    let finding =
        |finding: &Finding| json!({"code": finding.code(), "message": finding.to_string()});
    json!({
        "holds": report.holds(),
        "form": report.form.map(Form::as_str),
        "organisation": report.organisation,
        "from": report.from,
        "size": report.size,
        "root": report.checkpoint.as_ref().map(|c| c.root.to_string()),
        "checkpoint_size": report.checkpoint.as_ref().map(|c| c.size),
        "entries": report.entries,
        "withheld": report.withheld,
        "checkpoints": report.checkpoints,
        "saved": report.saved,
        "witnesses": report.witnessed.iter().map(|(name, time)| json!({"name": name, "time": time})).collect::<Vec<_>>(),
        "call": report.call,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "more": report.more,
    })
}

/// One entry, with its proof on a page of its own.
fn included(
    reader: &mut dyn BufRead,
    file: &Path,
    entry: Option<&Path>,
    key: &PublicKey,
    style: Style,
) -> Result<(), Failure> {
    let Some(entry) = entry else {
        let what = "the proof says where an entry is, and not what it says";
        return Err(Failure::usage(what, "give the entry's bytes with --entry"));
    };
    let mut page = String::new();
    let read = reader.take(LINE_BYTES_MAX as u64).read_to_string(&mut page);
    read.map_err(|error| unreadable(file, &reason(&error)))?;
    let entry = input::bytes(entry)?;
    let entry = entry.strip_suffix(b"\n").unwrap_or(&entry);
    let page = Inclusion::parse(&page);
    let (index, checkpoint) =
        page.and_then(|page| Ok((page.index, page.verify(entry, key)?))).map_err(|error| {
            let what = format!("the entry is not shown to be in the log: {error}");
            Failure::new("evidence_does_not_hold", what, "")
        })?;
    let (size, root) = (checkpoint.size, checkpoint.root.to_string());
    let sentence = format!("the entry is number {index} of the log of {size} entries, root {root}");
    holds(&json!({"holds": true, "index": index, "size": size, "root": root}), &sentence, style)
}

/// One checkpoint, as the continuation of another.
fn continued(
    old: &Path,
    new: &Path,
    proof: Option<&Path>,
    key: &PublicKey,
    style: Style,
) -> Result<(), Failure> {
    let (old, new) = (keys::checkpoint(old, key)?, keys::checkpoint(new, key)?);
    let proof = match proof {
        None => Vec::new(),
        Some(path) => parse_hashes(&input::text(path)?).ok_or_else(|| {
            let what = format!("the file `{}` is no proof of consistency", path.display());
            Failure::usage(what, "it holds a line of base64 for each hash, and nothing else")
        })?,
    };
    let held = verify_consistency(old.size, &old.root, new.size, &new.root, &proof);
    if let Err(error) = held {
        let what = format!(
            "the checkpoint of {} entries does not continue that of {}: {error}",
            new.size, old.size
        );
        let next = "two checkpoints of one key that do not continue one another are proof of a fork, \
                    if the proof between them is the right one";
        return Err(Failure::new("evidence_does_not_hold", what, next));
    }
    let sentence = format!("the checkpoint of {} entries continues that of {}", new.size, old.size);
    holds(&json!({"holds": true, "old": old.size, "new": new.size}), &sentence, style)
}

fn holds(found: &Value, sentence: &str, style: Style) -> Result<(), Failure> {
    match style {
        Style::Json => out::json(found)?,
        Style::Human => out::line(sentence)?,
    }
    Ok(())
}
