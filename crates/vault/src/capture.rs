//! Sealing to somebody else's public key: what is sealed here nobody in this house can open.
//!
//! HPKE (RFC 9180) in base mode, one message at a time: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM. `info` is `countersign/capture/v1`, `aad` the place: each part and a line break. A
//! sealed record is the byte 1, the encapsulated key (32 bytes) and the ciphertext with its tag, so any
//! library that knows the standard opens it.
//!
//! The one thing in this crate that draws randomness itself: the standard's fresh key of each message
//! is made inside the library, which takes none from outside.

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey};

use crate::Secret;

const INFO: &[u8] = b"countersign/capture/v1";
/// What every written key is called.
const NAME: &str = "countersign-capture";
/// What every written key that opens begins with.
const PRIVATE: &str = "PRIVATE+KEY+";
/// The first byte of a sealed record.
const VERSION: u8 = 1;
/// Bytes of keys, public, private and encapsulated.
const KEY_BYTES: usize = 32;

/// A text is no key to capture with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureKeyError {
    /// It has not the shape of a public key.
    #[error("a public key is written `countersign-capture+ID+KEY`, on one line")]
    Shape,
    /// It is the other half.
    #[error("this is the private key: it stays with whoever opens, give the public one")]
    Private,
    /// It has not the shape of a private key.
    #[error("a private key is written `PRIVATE+KEY+countersign-capture+ID+KEY`, on one line")]
    PrivateShape,
    /// Its id does not belong to it: it was mistyped or put together.
    #[error("the id in the key does not fit the key")]
    Id,
    /// Nothing can be sealed to it.
    #[error("nothing can be sealed to this key")]
    Unusable,
}

/// A record was not sealed, or does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The library refused.
    #[error("the record could not be sealed")]
    NotSealed,
    /// It was sealed to another key, for another place, or was changed.
    #[error("the record does not open with this key at this place")]
    NotOpened,
}

/// The public half: what is sealed to it only the holder of the private half opens.
///
/// - **Shape**: written `countersign-capture+ID+KEY`; the id is the first four bytes of the key's
///   SHA-256, in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct CaptureKey([u8; KEY_BYTES]);

impl CaptureKey {
    /// Reads a written key, and tries it.
    pub fn parse(text: &str) -> Result<Self, CaptureKeyError> {
        if text.starts_with(PRIVATE) {
            return Err(CaptureKeyError::Private);
        }
        let (id, key) = parts(text).ok_or(CaptureKeyError::Shape)?;
        let found = Self(key);
        if found.id() != id {
            return Err(CaptureKeyError::Id);
        }
        // A point of low order is refused by the library when it is used; better now.
        found.seal(&["", ""], b"").map_err(|_| CaptureKeyError::Unusable)?;
        Ok(found)
    }

    /// What tells it from others: eight digits.
    pub fn id(&self) -> String {
        let hash = digest(&SHA256, &self.0);
        hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals a record for its place.
    pub fn seal(&self, place: &[&str], plaintext: &[u8]) -> Result<Vec<u8>, CaptureError> {
        let to = HpkePublicKey(self.0.to_vec());
        let sealed = SUITE.seal(INFO, &aad(place), plaintext, &to);
        let (EncapsulatedSecret(encapsulated), ciphertext) =
            sealed.map_err(|_| CaptureError::NotSealed)?;
        let mut record = Vec::with_capacity(1 + encapsulated.len() + ciphertext.len());
        record.push(VERSION);
        record.extend_from_slice(&encapsulated);
        record.extend_from_slice(&ciphertext);
        Ok(record)
    }
}

impl fmt::Display for CaptureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}+{}+{}", self.id(), STANDARD.encode(self.0))
    }
}

impl fmt::Debug for CaptureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The private half. It never comes near a server.
pub struct CaptureOpener {
    private: HpkePrivateKey,
    public: CaptureKey,
}

impl CaptureOpener {
    /// A fresh pair.
    pub fn generate() -> Result<Self, CaptureError> {
        let (public, private) = SUITE.generate_key_pair().map_err(|_| CaptureError::NotSealed)?;
        let public = public.0.try_into().map_err(|_| CaptureError::NotSealed)?;
        Ok(Self { private, public: CaptureKey(public) })
    }

    /// Reads a key that [`CaptureOpener::written`] wrote.
    pub fn parse(text: &str) -> Result<Self, CaptureKeyError> {
        let rest = text.strip_prefix(PRIVATE).ok_or(CaptureKeyError::PrivateShape)?;
        let (id, private) = parts(rest).ok_or(CaptureKeyError::PrivateShape)?;
        let pair = PrivateKey::from_private_key(&X25519, &private);
        let public = pair.ok().and_then(|pair| pair.compute_public_key().ok());
        let public = public.ok_or(CaptureKeyError::Unusable)?;
        let public = public.as_ref().try_into().map_err(|_| CaptureKeyError::Unusable)?;
        let found = Self { private: private.to_vec().into(), public: CaptureKey(public) };
        if found.public.id() == id { Ok(found) } else { Err(CaptureKeyError::Id) }
    }

    /// The key as it is kept in a file of its own: whoever reads it can open.
    pub fn written(&self) -> Secret {
        let key = STANDARD.encode(self.private.secret_bytes());
        Secret::new(format!("{PRIVATE}{NAME}+{}+{key}", self.public.id()).into_bytes())
    }

    /// The public half.
    pub fn public(&self) -> &CaptureKey {
        &self.public
    }

    /// Opens a record at its place.
    pub fn open(&self, place: &[&str], record: &[u8]) -> Result<Secret, CaptureError> {
        let (version, rest) = record.split_first().ok_or(CaptureError::NotOpened)?;
        if *version != VERSION || rest.len() < KEY_BYTES {
            return Err(CaptureError::NotOpened);
        }
        let (encapsulated, ciphertext) = rest.split_at(KEY_BYTES);
        let encapsulated = EncapsulatedSecret(encapsulated.to_vec());
        let opened = SUITE.open(&encapsulated, INFO, &aad(place), ciphertext, &self.private);
        opened.map(Secret::new).map_err(|_| CaptureError::NotOpened)
    }
}

impl fmt::Debug for CaptureOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaptureOpener({}, [redacted])", self.public)
    }
}

/// The id and the bytes of a written key.
fn parts(text: &str) -> Option<(&str, [u8; KEY_BYTES])> {
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    if name != NAME || id.len() != 8 || key.len() > 64 {
        return None;
    }
    Some((id, STANDARD.decode(key).ok()?.try_into().ok()?))
}

/// Parts with a line break behind each. None holds one.
fn aad(place: &[&str]) -> Vec<u8> {
    place.iter().flat_map(|part| part.bytes().chain([b'\n'])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_other_half_at_its_place_alone() {
        let opener = CaptureOpener::generate().unwrap();
        let key = CaptureKey::parse(&opener.public().to_string()).unwrap();
        let place = ["call_1", "arguments"];
        let sealed = key.seal(&place, b"{\"amount\":100}").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"amount"));
        assert_ne!(sealed, key.seal(&place, b"{\"amount\":100}").unwrap(), "never the same twice");
        assert_eq!(opener.open(&place, &sealed).unwrap().expose(), b"{\"amount\":100}");

        assert!(opener.open(&["call_2", "arguments"], &sealed).is_err());
        assert!(opener.open(&["call_1", "result"], &sealed).is_err());
        assert!(CaptureOpener::generate().unwrap().open(&place, &sealed).is_err());
        for at in [0, 1, 20, 40, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(opener.open(&place, &changed).is_err(), "byte {at}");
        }
        for length in [0, 1, 32, 33, sealed.len() - 1] {
            assert!(opener.open(&place, &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    fn fields(key: &str) -> [&str; 3] {
        key.splitn(3, '+').collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn keys_are_written_and_read_in_one_way() {
        let opener = CaptureOpener::generate().unwrap();
        let written = opener.written();
        let text = written.expose_str().unwrap();
        let again = CaptureOpener::parse(text).unwrap();
        assert_eq!(again.public(), opener.public());
        let sealed = opener.public().seal(&["c", "p"], b"x").unwrap();
        assert_eq!(again.open(&["c", "p"], &sealed).unwrap().expose(), b"x");
        assert!(!format!("{opener:?}").contains(&text[40..]));

        let public = opener.public().to_string();
        let other = CaptureOpener::generate().unwrap().public().to_string();
        // The base64 of a key may hold a `+` of its own.
        let [name, _, key] = fields(&public);
        let [_, foreign_id, _] = fields(&other);
        for (text, why) in [
            (text, CaptureKeyError::Private),
            ("", CaptureKeyError::Shape),
            ("countersign-capture+12345678+", CaptureKeyError::Shape),
            (&public[1..], CaptureKeyError::Shape),
            (&public[..public.len() - 5], CaptureKeyError::Shape),
            (&format!("{name}+{foreign_id}+{key}"), CaptureKeyError::Id),
        ] {
            assert_eq!(CaptureKey::parse(text).err(), Some(why), "{text:.20}");
        }
        assert_eq!(CaptureOpener::parse(&public).err(), Some(CaptureKeyError::PrivateShape));
    }

    #[test]
    fn points_of_low_order_are_refused() {
        for bytes in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            let text = CaptureKey(bytes).to_string();
            assert_eq!(CaptureKey::parse(&text).err(), Some(CaptureKeyError::Unusable));
        }
    }
}
