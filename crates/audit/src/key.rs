//! Ed25519 keys under a name, as C2SP signed notes know them.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;

/// What a key's signatures say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// A log signs its checkpoints: Ed25519 over the text of the note.
    Log,
    /// A witness cosigns somebody else's checkpoint, with the time it did so.
    Witness,
}

impl KeyKind {
    /// The byte that stands for the algorithm in key ids and written keys.
    const fn byte(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Witness => 0x04,
        }
    }
}

/// The longest name of a key or a log, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// Whether a key or a log may be called that: no blanks, no plus sign, no control characters.
pub fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(odd)
}

/// A text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It has not the shape `NAME+ID+KEY`.
    #[error("a public key is written `NAME+ID+KEY`, on one line")]
    Shape,
    /// Its id does not belong to its name and its key: it was mistyped or put together.
    #[error("the id in the public key does not fit its name and its key")]
    Id,
    /// It is of a kind that is not known here.
    #[error("the public key is of a kind that is not known here")]
    Kind,
    /// The name cannot be that of a key.
    #[error("a key's name has no blanks and no plus sign, and at most 255 bytes")]
    Name,
}

/// A public key, with the name and kind it is known by.
///
/// - **Shape**: written `NAME+ID+KEY`, as C2SP says of verifier keys.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    key: [u8; 32],
}

impl PublicKey {
    /// A key under a name.
    pub fn new(name: &str, kind: KeyKind, key: [u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let mut named = Vec::with_capacity(name.len() + 34);
        named.extend_from_slice(name.as_bytes());
        named.extend_from_slice(&[b'\n', kind.byte()]);
        named.extend_from_slice(&key);
        let [a, b, c, d, ..] = Hash::sha256(&named).0;
        Ok(Self { name: name.to_owned(), kind, id: [a, b, c, d], key })
    }

    /// Reads a written key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Shape)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Shape)?;
        if id.len() != 8 || key.len() > 64 {
            return Err(KeyError::Shape);
        }
        let key = STANDARD.decode(key).map_err(|_| KeyError::Shape)?;
        let (kind, key) = key.split_first().ok_or(KeyError::Shape)?;
        let kind = [KeyKind::Log, KeyKind::Witness].into_iter().find(|k| k.byte() == *kind);
        let key = key.try_into().map_err(|_| KeyError::Shape)?;
        let found = Self::new(name, kind.ok_or(KeyError::Kind)?, key)?;
        // One spelling each: upper-case digits are another text than the one that was given out.
        if found.hex() == id { Ok(found) } else { Err(KeyError::Id) }
    }

    /// The name: of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures say.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// What tells it from other keys of the name.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The key itself.
    pub fn bytes(&self) -> [u8; 32] {
        self.key
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key).verify(message, signature).is_ok()
    }

    fn hex(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, self.hex(), STANDARD.encode(key))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// What every written key that signs begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// A key that signs. It tells nobody its secret.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key that grows from 32 secret bytes.
    pub fn from_seed(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Shape)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Shape)?;
        Ok(Self { pair, public: PublicKey::new(name, kind, key)? })
    }

    /// Reads a key that [`SigningKey::written`] wrote: `PRIVATE+KEY+NAME+ID+KEY`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix(PRIVATE).ok_or(KeyError::Shape)?;
        let (name, rest) = rest.split_once('+').ok_or(KeyError::Shape)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Shape)?;
        let key = STANDARD.decode(key).map_err(|_| KeyError::Shape)?;
        let (kind, seed) = key.split_first().ok_or(KeyError::Shape)?;
        let kind = [KeyKind::Log, KeyKind::Witness].into_iter().find(|k| k.byte() == *kind);
        let seed = seed.try_into().map_err(|_| KeyError::Shape)?;
        let found = Self::from_seed(name, kind.ok_or(KeyError::Kind)?, seed)?;
        if found.public.hex() == id { Ok(found) } else { Err(KeyError::Id) }
    }

    /// The key that grows from these secret bytes, as it is kept in a file of its own: whoever reads
    /// it can sign.
    pub fn written(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<String, KeyError> {
        let key = Self::from_seed(name, kind, seed)?;
        let mut bytes = vec![kind.byte()];
        bytes.extend_from_slice(seed);
        Ok(format!("{PRIVATE}{name}+{}+{}", key.public.hex(), STANDARD.encode(bytes)))
    }

    /// What others check its signatures with.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        // Ed25519 signatures are always this long, and one that is not convinces nobody.
        self.pair.sign(message).as_ref().try_into().unwrap_or([0; 64])
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, [redacted])", self.public)
    }
}
