//! Signed notes (C2SP signed-note): a text, an empty line, and lines of signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::{KeyKind, PublicKey, SigningKey, is_name};

/// The longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// The most signatures on a note that is read.
pub const SIGNATURES_MAX: usize = 64;

/// A text is no signed note, or nobody known has signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is not built as a signed note is.
    #[error("the text is no signed note")]
    Shape,
    /// It is longer than any note that is made here.
    #[error("the note is too long")]
    TooLong,
    /// No signature is by the key that was asked for.
    #[error("the note is not signed by this key")]
    NotSigned,
    /// A signature names the key, and the key did not make it.
    #[error("a signature that names this key is not by it")]
    BadSignature,
}

/// A note with its signatures, none of them believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, its last line break included.
    pub text: String,
    /// The lines below.
    pub signatures: Vec<Signature>,
}

/// One line of signature.
///
/// - **Shape**: written `— NAME BASE64`, where the base64 begins with the key's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who signed, by the name that stands there.
    pub name: String,
    /// The id of the key.
    pub id: [u8; 4],
    /// What follows the id.
    pub bytes: Vec<u8>,
}

impl Note {
    /// A text that nobody has signed yet.
    pub fn new(text: String) -> Self {
        Self { text, signatures: Vec::new() }
    }

    /// Reads a note.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Shape);
        }
        // The last empty line divides text and signatures; a text may hold empty lines itself.
        let end = note.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, below) = note.split_at(end + 1);
        let below = below.strip_prefix('\n').ok_or(NoteError::Shape)?;
        let lines = below.strip_suffix('\n').ok_or(NoteError::Shape)?;
        let signatures = parse_signatures(lines)?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Adds the signature of a log's key.
    pub fn sign(&mut self, key: &SigningKey) {
        let bytes = key.sign(self.text.as_bytes()).to_vec();
        let public = key.public();
        self.signatures.push(Signature { name: public.name().to_owned(), id: public.id(), bytes });
    }

    /// Adds the cosignature of a witness's key: it saw this at that time, in seconds since the epoch.
    pub fn cosign(&mut self, key: &SigningKey, time: u64) {
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&key.sign(cosigned(&self.text, time).as_bytes()));
        let public = key.public();
        self.signatures.push(Signature { name: public.name().to_owned(), id: public.id(), bytes });
    }

    /// Checks what a key has signed. Answers the time a witness gave, and `None` for a log.
    ///
    /// - **Errors**: [`NoteError::NotSigned`] if no line names the key; [`NoteError::BadSignature`]
    ///   if one does and is not its own, whatever else stands there.
    pub fn verify(&self, key: &PublicKey) -> Result<Option<u64>, NoteError> {
        let by_it = |line: &&Signature| line.name == key.name() && line.id == key.id();
        let mut newest = Err(NoteError::NotSigned);
        for line in self.signatures.iter().filter(by_it) {
            let time = match key.kind() {
                KeyKind::Log => {
                    let good = key.verifies(self.text.as_bytes(), &line.bytes);
                    good.then_some(None)
                }
                KeyKind::Witness => line.bytes.split_first_chunk::<8>().and_then(|(time, rest)| {
                    let time = u64::from_be_bytes(*time);
                    let sound = i64::try_from(time).is_ok();
                    let good = sound && key.verifies(cosigned(&self.text, time).as_bytes(), rest);
                    good.then_some(Some(time))
                }),
            };
            let time = time.ok_or(NoteError::BadSignature)?;
            newest = Ok(newest.unwrap_or(None).max(time));
        }
        newest
    }
}

/// Reads lines of signatures, without the last line break.
///
/// - **Errors**: [`NoteError::Shape`] if there are none, too many, or one is misspelt.
pub fn parse_signatures(lines: &str) -> Result<Vec<Signature>, NoteError> {
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        if signatures.len() >= SIGNATURES_MAX {
            return Err(NoteError::TooLong);
        }
        let rest = line.strip_prefix("— ").ok_or(NoteError::Shape)?;
        let (name, signature) = rest.split_once(' ').ok_or(NoteError::Shape)?;
        let signature = STANDARD.decode(signature).map_err(|_| NoteError::Shape)?;
        let (id, bytes) = signature.split_first_chunk::<4>().ok_or(NoteError::Shape)?;
        if !is_name(name) || bytes.is_empty() {
            return Err(NoteError::Shape);
        }
        signatures.push(Signature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() });
    }
    Ok(signatures)
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&self.bytes);
        writeln!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(f, "{signature}"))
    }
}

/// What a witness signs of a checkpoint.
fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}
