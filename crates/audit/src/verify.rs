//! The verifier: reads a file of evidence line by line, holds it against a key and against
//! checkpoints that were kept elsewhere, and names what is wrong.
//!
//! It needs as much memory for a billion entries as for ten.

mod finding;
mod proofs;
mod stretch;

use json::{Limits, Value};

use crate::export::{Form, Head, Read};
use crate::note::NoteError;
use crate::{Checkpoint, CheckpointError, Hash, PublicKey, export};

pub use finding::Finding;
use proofs::Single;
use stretch::Stretch;

/// The most findings that are told one by one; the rest is counted.
const FINDINGS_MAX: usize = 200;

/// What the reader trusts, none of it from the file.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The log's public key.
    pub log: PublicKey,
    /// Checkpoints kept elsewhere, each signed by that key.
    pub saved: Vec<Checkpoint>,
    /// Keys of witnesses.
    pub witnesses: Vec<PublicKey>,
    /// How many of them must have cosigned the newest checkpoint.
    pub witnesses_needed: usize,
    /// A call whose entries must be there.
    pub call: Option<String>,
}

/// What a file was found to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the file shows; `None` if it has no head.
    pub form: Option<Form>,
    /// The only organisation whose entries are there, if it is one.
    pub organisation: Option<String>,
    /// The first entry's place.
    pub from: u64,
    /// How many entries the log had, as far as the file goes.
    pub size: u64,
    /// The newest checkpoint that holds.
    pub checkpoint: Option<Checkpoint>,
    /// How many entries were read and found to be where they belong.
    pub entries: u64,
    /// How many were taken out by age.
    pub withheld: u64,
    /// How many checkpoints hold.
    pub checkpoints: u64,
    /// How many of the saved checkpoints the file continues.
    pub saved: usize,
    /// Who cosigned the newest checkpoint, and when, in seconds since the epoch.
    pub witnessed: Vec<(String, u64)>,
    /// The places of the entries of the call that was asked for.
    pub call: Vec<u64>,
    /// What is wrong, at most 200 of it.
    pub findings: Vec<Finding>,
    /// How much more is wrong.
    pub more: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }
}

/// Reads a file of evidence, line by line.
#[derive(Debug)]
pub struct Verifier {
    trust: Trust,
    report: Report,
    lines: u64,
    part: Part,
    ended: bool,
    /// The newest checkpoint that holds, with its note.
    newest: Option<(Checkpoint, crate::note::Note)>,
}

/// What is being read.
#[derive(Debug)]
enum Part {
    Nothing,
    Stretch(Box<Stretch>),
    Single(Single),
}

impl Verifier {
    /// A verifier at the beginning of a file.
    pub fn new(trust: Trust) -> Self {
        let report = Report {
            form: None,
            organisation: None,
            from: 0,
            size: 0,
            checkpoint: None,
            entries: 0,
            withheld: 0,
            checkpoints: 0,
            saved: 0,
            witnessed: Vec::new(),
            call: Vec::new(),
            findings: Vec::new(),
            more: 0,
        };
        Self { trust, report, lines: 0, part: Part::Nothing, ended: false, newest: None }
    }

    /// Reads a line, without its line break.
    pub fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        let number = self.lines;
        let read = export::read(line).filter(|_| !self.ended);
        let Some(read) = read else { return self.report.found(Finding::Damaged { line: number }) };
        match read {
            Read::Head(head) if number == 1 => self.head(*head),
            Read::Leaf { index, entry, hash, proof, withheld } => match &mut self.part {
                Part::Stretch(stretch) if proof.is_none() => {
                    stretch.leaf(index, entry, hash, withheld, &self.trust, &mut self.report);
                }
                Part::Single(single) => {
                    let found = single.entry(index, entry, proof.as_deref());
                    self.report.entries += u64::from(found.is_ok());
                    if let Err(finding) = found {
                        self.report.found(finding);
                    } else if let Some(entry) = entry.and_then(Said::of) {
                        entry.note_call(index, &self.trust, &mut self.report);
                    }
                }
                _ => self.report.found(Finding::Damaged { line: number }),
            },
            Read::Checkpoint(note) => self.checkpoint(&note),
            Read::Consistency { old, proof } => match &mut self.part {
                Part::Single(single) => {
                    single.consistency(old, &proof, &self.trust, &mut self.report);
                }
                _ => self.report.found(Finding::Damaged { line: number }),
            },
            Read::End(lines) => {
                self.ended = true;
                if lines != number - 1 {
                    self.report.found(Finding::Incomplete);
                }
            }
            Read::Head(_) => self.report.found(Finding::Damaged { line: number }),
        }
    }

    /// Says what was found.
    pub fn finish(mut self) -> Report {
        if !self.ended {
            self.report.found(Finding::Incomplete);
        }
        match self.part {
            Part::Nothing => {}
            Part::Stretch(stretch) => stretch.finish(&self.trust, &mut self.report),
            Part::Single(single) => single.finish(&self.trust, &mut self.report),
        }
        if let Some((checkpoint, note)) = self.newest {
            for witness in &self.trust.witnesses {
                if let Ok(Some(time)) = note.verify(witness) {
                    self.report.witnessed.push((witness.name().to_owned(), time));
                }
            }
            let (found, needed) = (self.report.witnessed.len(), self.trust.witnesses_needed);
            if found < needed {
                self.report.found(Finding::NotWitnessed { size: checkpoint.size, found, needed });
            }
            self.report.checkpoint = Some(checkpoint);
        }
        if self.trust.call.is_some() && self.report.call.is_empty() {
            self.report.found(Finding::NoSuchCall);
        }
        self.report
    }

    fn head(&mut self, head: Head) {
        if head.key != self.trust.log {
            self.report.found(Finding::OtherKey);
        }
        self.report.form = Some(head.form);
        self.report.organisation.clone_from(&head.organisation);
        self.report.from = head.from;
        self.report.size = head.size;
        self.part = match head.form {
            Form::Proofs => Part::Single(Single::default()),
            Form::Tree => match Stretch::new(&head) {
                Some(mut stretch) => {
                    stretch.at_saved(&self.trust);
                    Part::Stretch(Box::new(stretch))
                }
                None => {
                    self.report.found(Finding::Damaged { line: self.lines });
                    Part::Nothing
                }
            },
        };
    }

    fn checkpoint(&mut self, note: &str) {
        let opened = match Checkpoint::open(note, &self.trust.log) {
            Ok(opened) => opened,
            Err(error) => {
                let size = crate::note::Note::parse(note)
                    .ok()
                    .and_then(|note| Checkpoint::parse(&note.text).ok())
                    .map(|checkpoint| checkpoint.size);
                return self.report.found(match (error, size) {
                    (CheckpointError::Note(NoteError::NotSigned), Some(size)) => {
                        Finding::WrongKey { size }
                    }
                    (CheckpointError::Note(NoteError::BadSignature), Some(size)) => {
                        Finding::BadSignature { size }
                    }
                    (CheckpointError::OtherLog, _) => Finding::OtherLog,
                    _ => Finding::Damaged { line: self.lines },
                });
            }
        };
        let holds = match &mut self.part {
            Part::Nothing => false,
            Part::Stretch(stretch) => stretch.checkpoint(&opened.0, &mut self.report),
            Part::Single(single) => single.checkpoint(&opened.0),
        };
        if holds {
            self.report.checkpoints += 1;
            self.newest = Some(opened);
        }
    }
}

/// What an entry says of itself, as far as the verifier reads it.
#[derive(Debug)]
struct Said(Value);

impl Said {
    fn of(entry: &[u8]) -> Option<Self> {
        json::read(entry, Limits { depth: 16, members: 20_000, exact: false }).ok().map(Self)
    }

    /// The leaf that this entry would be at another place.
    fn leaf_at(&self, index: u64) -> Hash {
        let mut entry = self.0.clone();
        if let Value::Object(members) = &mut entry {
            members.insert("index", i64::try_from(index).unwrap_or(i64::MAX));
        }
        Hash::leaf(&json::canonical(&entry))
    }

    fn index(&self) -> Option<u64> {
        crate::checkpoint::decimal(self.0.get("index")?.as_number()?.text())
    }

    fn is(&self, kind: &str) -> bool {
        self.0.get("kind").and_then(Value::as_str) == Some(kind)
    }

    /// The place before which entries were taken out by age, if this entry says so.
    fn retained_from(&self) -> Option<u64> {
        let event = self.0.get("event").and_then(Value::as_str);
        let detail = self.0.get("detail").filter(|_| self.is("admin"));
        let before = detail?.get("before_index")?.get("after")?.as_number()?;
        (event == Some(RETENTION)).then(|| crate::checkpoint::decimal(before.text())).flatten()
    }

    fn note_call(&self, index: u64, trust: &Trust, report: &mut Report) {
        let call = self.0.get("call").and_then(Value::as_str);
        if call.is_some() && call == trust.call.as_deref() {
            report.call.push(index);
        }
    }
}

/// The event of the entry that says which entries were taken out by age.
const RETENTION: &str = "evidence.retention";

/// The leaf of an entry, as it is spelled there or, if that leads nowhere, in canonical form.
fn leaf_of(entry: &[u8], fits: impl Fn(&Hash) -> bool) -> (Hash, Option<Said>) {
    let plain = Hash::leaf(entry);
    let said = Said::of(entry);
    let canonical = said.as_ref().filter(|_| !fits(&plain));
    let canonical = canonical.map(|said| Hash::leaf(&json::canonical(&said.0)));
    (canonical.filter(&fits).unwrap_or(plain), said)
}
