//! The file that leaves the house: one JSON document a line. `docs/evidence.md` describes it for
//! those who write a reader of their own.
//!
//! - **Tree form**: a head, every entry from some place on with the hash of its leaf, each checkpoint
//!   behind the last entry that it covers, an end. It shows that nothing is missing.
//! - **Proofs form**: a head, one checkpoint, some entries each with its proof of inclusion, an end.
//!   It shows that these entries are in the log, and nothing about others.

use json::{Limits, ReadError, Reader, Value};

use crate::proof::PROOF_HASHES_MAX;
use crate::{Hash, PublicKey};

/// The format of the file, in its first line.
pub const FORMAT: &str = "countersign-evidence/v1";
/// The longest line, in bytes.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// What a file shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole stretch of the log.
    Tree,
    /// Single entries.
    Proofs,
}

impl Form {
    /// The name in the head.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Proofs => "proofs",
        }
    }
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the file shows.
    pub form: Form,
    /// The log's public key, and with it the log's name. The reader trusts one of its own.
    pub key: PublicKey,
    /// The only organisation whose entries are there, if it is one.
    pub organisation: Option<String>,
    /// The first entry's place; the tree before it stands in `edge`.
    pub from: u64,
    /// The roots of the complete subtrees before `from`, largest first.
    pub edge: Vec<Hash>,
    /// How many entries the log had.
    pub size: u64,
}

/// Why an entry's bytes are not in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// It was taken out by age; an entry of its own says so.
    Retention,
}

impl Withheld {
    /// The name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
        }
    }
}

/// The first line of a file.
pub fn head(head: &Head) -> String {
    let mut line = Line::new();
    line.value("edge", list(&head.edge));
    line.value("form", head.form.as_str());
    line.value("format", FORMAT);
    line.value("from", number(head.from));
    line.value("key", head.key.to_string());
    if let Some(organisation) = &head.organisation {
        line.value("organisation", organisation.as_str());
    }
    line.value("size", number(head.size));
    line.end()
}

/// The line of an entry in tree form; `None` for bytes that are gone, by age or by somebody's hand.
pub fn leaf(
    index: u64,
    hash: Option<&Hash>,
    entry: Option<&[u8]>,
    why: Option<Withheld>,
) -> String {
    let mut line = Line::new();
    if let Some(entry) = entry {
        line.written("entry", entry);
    }
    if let Some(hash) = hash {
        line.value("hash", hash.to_string());
    }
    line.value("index", number(index));
    if let Some(why) = why {
        line.value("withheld", why.as_str());
    }
    line.end()
}

/// The line of an entry in proofs form.
pub fn proved(index: u64, entry: &[u8], proof: &[Hash]) -> String {
    let mut line = Line::new();
    line.written("entry", entry);
    line.value("index", number(index));
    line.value("proof", list(proof));
    line.end()
}

/// The line of a signed checkpoint.
pub fn checkpoint(note: &str) -> String {
    let mut line = Line::new();
    line.value("checkpoint", note);
    line.end()
}

/// The line that leads from an earlier checkpoint to the one in the file.
pub fn consistency(old: u64, proof: &[Hash]) -> String {
    let mut line = Line::new();
    line.value("consistency", list(proof));
    line.value("old", number(old));
    line.end()
}

/// The last line: how many came before it, so that a file that was cut says so.
pub fn end(lines: u64) -> String {
    let mut line = Line::new();
    line.value("end", number(lines));
    line.end()
}

/// One line, as it is written.
struct Line(Vec<u8>);

impl Line {
    fn new() -> Self {
        Self(Vec::with_capacity(1024))
    }

    fn written(&mut self, name: &str, bytes: &[u8]) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        json::write_string(name, &mut self.0);
        self.0.push(b':');
        self.0.extend_from_slice(bytes);
    }

    fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.written(name, &json::write_to_vec(&value.into()));
    }

    fn end(mut self) -> String {
        self.0.extend_from_slice(b"}\n");
        String::from_utf8(self.0).unwrap_or_default()
    }
}

fn number(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn list(hashes: &[Hash]) -> Value {
    Value::Array(hashes.iter().map(|hash| hash.to_string().into()).collect())
}

/// A line, as it is read. Nothing of it is believed yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read<'a> {
    Head(Box<Head>),
    Leaf {
        index: u64,
        entry: Option<&'a [u8]>,
        hash: Option<Hash>,
        proof: Option<Vec<Hash>>,
        withheld: Option<Withheld>,
    },
    Checkpoint(String),
    Consistency {
        old: u64,
        proof: Vec<Hash>,
    },
    End(u64),
}

/// The members that any line may have.
#[derive(Default)]
struct Found<'a> {
    format: bool,
    form: Option<Form>,
    key: Option<PublicKey>,
    organisation: Option<String>,
    from: Option<u64>,
    edge: Option<Vec<Hash>>,
    size: Option<u64>,
    index: Option<u64>,
    entry: Option<&'a [u8]>,
    hash: Option<Hash>,
    proof: Option<Vec<Hash>>,
    withheld: Option<Withheld>,
    checkpoint: Option<String>,
    consistency: Option<Vec<Hash>>,
    old: Option<u64>,
    end: Option<u64>,
    count: usize,
    odd: bool,
}

/// How much of a line is taken: entries are flat, and their lists are short.
const LIMITS: Limits = Limits { depth: 16, members: 20_000, exact: false };

/// Reads a line; `None` if it is none of a file of evidence.
pub(crate) fn read(line: &[u8]) -> Option<Read<'_>> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    let mut found = Found::default();
    let mut reader = Reader::new(line, LIMITS).ok()?;
    reader.object(|reader, name| found.member(reader, name)).ok()?;
    reader.end().ok()?;
    found.line()
}

impl<'a> Found<'a> {
    fn member(&mut self, reader: &mut Reader<'a>, name: &str) -> Result<(), ReadError> {
        self.count += 1;
        let sound = match name {
            "format" => {
                self.format = reader.string()? == FORMAT;
                self.format
            }
            "form" => {
                let text = reader.string()?;
                let form = [Form::Tree, Form::Proofs].into_iter().find(|f| f.as_str() == text);
                put(&mut self.form, form)
            }
            "key" => put(&mut self.key, PublicKey::parse(&reader.string()?).ok()),
            "organisation" => put(&mut self.organisation, Some(reader.string()?.into_owned())),
            "from" => put(&mut self.from, natural(reader)?),
            "size" => put(&mut self.size, natural(reader)?),
            "index" => put(&mut self.index, natural(reader)?),
            "old" => put(&mut self.old, natural(reader)?),
            "end" => put(&mut self.end, natural(reader)?),
            "edge" => put(&mut self.edge, hashes(reader)?),
            "proof" => put(&mut self.proof, hashes(reader)?),
            "consistency" => put(&mut self.consistency, hashes(reader)?),
            "hash" => put(&mut self.hash, Hash::parse(&reader.string()?)),
            "withheld" => {
                let retention = reader.string()? == Withheld::Retention.as_str();
                put(&mut self.withheld, retention.then_some(Withheld::Retention))
            }
            "checkpoint" => put(&mut self.checkpoint, Some(reader.string()?.into_owned())),
            "entry" => {
                let range = reader.skip()?;
                put(&mut self.entry, Some(reader.slice(range)))
            }
            _ => {
                reader.pass()?;
                false
            }
        };
        self.odd |= !sound;
        Ok(())
    }

    /// The line that exactly these members make.
    fn line(self) -> Option<Read<'a>> {
        if self.odd {
            return None;
        }
        let expected = |count: usize| (self.count == count).then_some(());
        if self.format {
            let organisations = usize::from(self.organisation.is_some());
            expected(6 + organisations)?;
            return Some(Read::Head(Box::new(Head {
                form: self.form?,
                key: self.key?,
                organisation: self.organisation,
                from: self.from?,
                edge: self.edge?,
                size: self.size?,
            })));
        }
        if let Some(note) = self.checkpoint {
            expected(1)?;
            return Some(Read::Checkpoint(note));
        }
        if let Some(proof) = self.consistency {
            expected(2)?;
            return Some(Read::Consistency { old: self.old?, proof });
        }
        if let Some(lines) = self.end {
            expected(1)?;
            return Some(Read::End(lines));
        }
        let present = [self.entry.is_some(), self.hash.is_some(), self.proof.is_some()];
        let present = present.into_iter().filter(|there| *there).count();
        expected(1 + present + usize::from(self.withheld.is_some()))?;
        Some(Read::Leaf {
            index: self.index?,
            entry: self.entry,
            hash: self.hash,
            proof: self.proof,
            withheld: self.withheld,
        })
    }
}

fn put<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn natural(reader: &mut Reader<'_>) -> Result<Option<u64>, ReadError> {
    Ok(crate::checkpoint::decimal(reader.number()?.text()))
}

fn hashes(reader: &mut Reader<'_>) -> Result<Option<Vec<Hash>>, ReadError> {
    let mut hashes = Some(Vec::new());
    reader.array(|reader, at| {
        let hash = Hash::parse(&reader.string()?).filter(|_| at < PROOF_HASHES_MAX + 1);
        match (&mut hashes, hash) {
            (Some(list), Some(hash)) => list.push(hash),
            _ => hashes = None,
        }
        Ok(())
    })?;
    Ok(hashes)
}
