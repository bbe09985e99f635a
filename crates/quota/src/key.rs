//! What a counter is called: a structured tuple, never a joined string.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::bytes::{DecodeError, Reader, put_count, put_text};

/// The first byte of every encoded key.
const VERSION: u8 = 1;

/// Whose usage is counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One grant, by its id.
    Grant(Arc<str>),
    /// Every grant of one identity, by its name.
    Identity(Arc<str>),
    /// Every grant under one policy, by the policy's id.
    Policy(Arc<str>),
    /// Every grant of one server, by the server's id.
    Server(Arc<str>),
    /// The whole organisation.
    Organisation,
}

impl Subject {
    const fn tag(&self) -> u8 {
        match self {
            Self::Grant(_) => 1,
            Self::Identity(_) => 2,
            Self::Policy(_) => 3,
            Self::Server(_) => 4,
            Self::Organisation => 5,
        }
    }

    /// The id of the subject; empty for the organisation itself.
    pub fn id(&self) -> &str {
        match self {
            Self::Grant(id) | Self::Identity(id) | Self::Policy(id) | Self::Server(id) => id,
            Self::Organisation => "",
        }
    }

    /// The scope, as policies name it.
    pub const fn scope(&self) -> &'static str {
        match self {
            Self::Grant(_) => "grant",
            Self::Identity(_) => "identity",
            Self::Policy(_) => "policy",
            Self::Server(_) => "server",
            Self::Organisation => "organisation",
        }
    }

    fn of_tag(tag: u8, id: &str) -> Result<Self, DecodeError> {
        match tag {
            1 => Ok(Self::Grant(id.into())),
            2 => Ok(Self::Identity(id.into())),
            3 => Ok(Self::Policy(id.into())),
            4 => Ok(Self::Server(id.into())),
            5 if id.is_empty() => Ok(Self::Organisation),
            other => Err(DecodeError::Tag(other)),
        }
    }
}

/// Where in the policy the limit stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In `all_tools`.
    AllTools,
    /// In an entry of `tools`; the text is its key, `*` included.
    Tool(Arc<str>),
}

/// The parts that make up a [`Key`].
#[derive(Clone, PartialEq, Eq)]
pub struct KeyParts {
    /// The organisation's id.
    pub organisation: Arc<str>,
    /// Whose usage is counted together.
    pub subject: Subject,
    /// The server's id.
    pub server: Arc<str>,
    /// The entry of the policy.
    pub place: Place,
    /// The limit's `counter`.
    pub counter: Arc<str>,
    /// The paths the limit is split by and the values the call has there, in the policy's order.
    pub per: Vec<(Arc<str>, Arc<str>)>,
}

/// The identity of one counter.
///
/// - **Shape**: [`KeyParts`] and their encoding. Two keys are equal exactly when all their parts
///   are. Cheap to clone. The order is that of the encoded bytes, in which all keys of one subject
///   stand together.
/// - **Source**: [`Key::new`], or [`Key::decode`] of a stored row.
#[derive(Clone)]
pub struct Key(Arc<Inner>);

struct Inner {
    parts: KeyParts,
    bytes: Box<[u8]>,
}

impl Key {
    /// The key of these parts.
    pub fn new(parts: KeyParts) -> Self {
        let mut out = Vec::with_capacity(160);
        put_counter(&mut out, &parts);
        put_count(&mut out, parts.per.len());
        for (path, value) in &parts.per {
            put_text(&mut out, path);
            put_text(&mut out, value);
        }
        Self(Arc::new(Inner { parts, bytes: out.into() }))
    }

    /// The parts.
    pub fn parts(&self) -> &KeyParts {
        &self.0.parts
    }

    /// The one encoding of this key, for storage. It holds the values of `per`.
    pub fn encoded(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Reads what [`Key::encoded`] gave.
    ///
    /// - **Errors**: anything but exactly the bytes of one key.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(DecodeError::Tag(version));
        }
        let organisation = reader.text()?.into();
        let tag = reader.u8()?;
        let subject = Subject::of_tag(tag, reader.text()?)?;
        let server = reader.text()?.into();
        let place = match reader.u8()? {
            0 => Place::AllTools,
            1 => Place::Tool(reader.text()?.into()),
            other => return Err(DecodeError::Tag(other)),
        };
        let counter = reader.text()?.into();
        let mut per = Vec::new();
        for _ in 0..reader.count()? {
            per.push((reader.text()?.into(), reader.text()?.into()));
        }
        reader.end()?;
        Ok(Self::new(KeyParts { organisation, subject, server, place, counter, per }))
    }
}

/// Everything but the values the counter is split by.
fn put_counter(out: &mut Vec<u8>, parts: &KeyParts) {
    put_subject(out, &parts.organisation, &parts.subject);
    put_text(out, &parts.server);
    match &parts.place {
        Place::AllTools => out.push(0),
        Place::Tool(tool) => {
            out.push(1);
            put_text(out, tool);
        }
    }
    put_text(out, &parts.counter);
}

fn put_subject(out: &mut Vec<u8>, organisation: &str, subject: &Subject) {
    out.push(VERSION);
    put_text(out, organisation);
    out.push(subject.tag());
    put_text(out, subject.id());
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.bytes.cmp(&other.0.bytes)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes.hash(state);
    }
}

// The order, equality and hash of a key are those of its bytes, so it may be looked up by them.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0.bytes
    }
}

/// Paths only: the values of `per` come from a call's arguments and belong in no log.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.parts, f)
    }
}

impl fmt::Debug for KeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per: Vec<_> = self.per.iter().map(|(path, _)| (path, "[redacted]")).collect();
        f.debug_struct("Key")
            .field("organisation", &self.organisation)
            .field("subject", &self.subject)
            .field("server", &self.server)
            .field("place", &self.place)
            .field("counter", &self.counter)
            .field("per", &per)
            .finish()
    }
}

/// The beginning that a set of keys has in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPrefix(Vec<u8>);

impl KeyPrefix {
    /// Every key.
    pub const ALL: Self = Self(Vec::new());

    /// The keys of one organisation.
    pub fn organisation(organisation: &str) -> Self {
        let mut out = vec![VERSION];
        put_text(&mut out, organisation);
        Self(out)
    }

    /// The keys of one subject in one organisation.
    pub fn subject(organisation: &str, subject: &Subject) -> Self {
        let mut out = Vec::new();
        put_subject(&mut out, organisation, subject);
        Self(out)
    }

    /// The keys of one grant.
    pub fn grant(organisation: &str, grant: &str) -> Self {
        Self::subject(organisation, &Subject::Grant(grant.into()))
    }

    /// The keys that differ from these parts in `per` alone.
    pub fn counter(parts: &KeyParts) -> Self {
        let mut out = Vec::new();
        put_counter(&mut out, parts);
        Self(out)
    }

    /// That key alone: no key begins with another one.
    pub fn key(key: &Key) -> Self {
        Self(key.encoded().to_vec())
    }

    /// Whether the key begins so.
    pub fn covers(&self, key: &Key) -> bool {
        key.encoded().starts_with(&self.0)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(texts: [&str; 4], per: &[(&str, &str)]) -> KeyParts {
        let [organisation, grant, server, counter] = texts.map(Arc::from);
        KeyParts {
            organisation,
            subject: Subject::Grant(grant),
            server,
            place: Place::AllTools,
            counter,
            per: per.iter().map(|(p, v)| ((*p).into(), (*v).into())).collect(),
        }
    }

    #[test]
    fn keys_that_would_join_to_the_same_string_stay_apart() {
        let alike = [
            parts(["a", "b", "c", "d"], &[]),
            parts(["ab", "", "c", "d"], &[]),
            parts(["a", "bc", "", "d"], &[]),
            parts(["a", "b", "c", "d"], &[("", "")]),
            parts(["a", "b", "c", "d"], &[("x", "y"), ("z", "")]),
            parts(["a", "b", "c", "d"], &[("x", "yz"), ("", "")]),
            parts(["a", "b", "c", "d"], &[("x", "y")]),
            KeyParts { place: Place::Tool("".into()), ..parts(["a", "b", "c", "d"], &[]) },
            KeyParts { place: Place::Tool("all_tools".into()), ..parts(["a", "b", "c", "d"], &[]) },
            KeyParts { subject: Subject::Identity("b".into()), ..parts(["a", "b", "c", "d"], &[]) },
            KeyParts { subject: Subject::Policy("b".into()), ..parts(["a", "b", "c", "d"], &[]) },
            KeyParts { subject: Subject::Server("b".into()), ..parts(["a", "b", "c", "d"], &[]) },
            KeyParts { subject: Subject::Organisation, ..parts(["a", "b", "c", "d"], &[]) },
        ];
        let keys: std::collections::BTreeSet<Key> = alike.iter().cloned().map(Key::new).collect();
        assert_eq!(keys.len(), alike.len());
        for key in keys {
            let back = Key::decode(key.encoded()).unwrap();
            assert_eq!(back, key);
            assert!(back.parts() == key.parts());
        }
    }

    #[test]
    fn bytes_that_are_not_one_key_are_refused() {
        let key = Key::new(parts(["org", "grt", "srv", "calls"], &[("args.currency", "USD")]));
        for end in 0..key.encoded().len() {
            assert!(Key::decode(&key.encoded()[..end]).is_err(), "cut at {end}");
        }
        let mut long = key.encoded().to_vec();
        long.push(0);
        assert_eq!(Key::decode(&long).unwrap_err(), DecodeError::TooLong);
        long[0] = 9;
        assert_eq!(Key::decode(&long).unwrap_err(), DecodeError::Tag(9));
    }

    #[test]
    fn a_prefix_covers_one_subject_and_nothing_beside_it() {
        let key = Key::new(parts(["org", "grt_1", "srv", "calls"], &[]));
        for (prefix, covers) in [
            (KeyPrefix::ALL, true),
            (KeyPrefix::organisation("org"), true),
            (KeyPrefix::organisation("or"), false),
            (KeyPrefix::grant("org", "grt_1"), true),
            (KeyPrefix::grant("org", "grt_"), false),
            (KeyPrefix::grant("org", "grt_12"), false),
            (KeyPrefix::subject("org", &Subject::Identity("grt_1".into())), false),
            (KeyPrefix::counter(&parts(["org", "grt_1", "srv", "calls"], &[("a", "b")])), true),
            (KeyPrefix::counter(&parts(["org", "grt_1", "srv", "call"], &[])), false),
            (KeyPrefix::key(&key), true),
            (
                KeyPrefix::key(&Key::new(parts(["org", "grt_1", "srv", "calls"], &[("a", "")]))),
                false,
            ),
            (KeyPrefix::counter(&parts(["org", "grt_1", "srv", "calls2"], &[])), false),
        ] {
            assert_eq!(prefix.covers(&key), covers, "{prefix:?}");
        }
    }

    #[test]
    fn a_key_never_prints_the_values_it_is_split_by() {
        let key = Key::new(parts(["org", "grt", "srv", "calls"], &[("args.iban", "DE89-secret")]));
        let text = format!("{key:?}");
        assert!(text.contains("args.iban") && !text.contains("secret"), "{text}");
    }
}
