//! The root key: the one secret that lives outside the database and opens everything in it.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::engine::{KEY_BYTES, Key};
use crate::{NoRandomness, Randomness, Secret};

/// The key that wraps the key ring.
///
/// - **Shape**: 32 bytes. Written as base64 or 64 hex digits; a file may also hold the bare bytes.
/// - **Source**: [`crate::RootKeySource::load`]; [`RootKey::generate`] at the first start.
///
/// Whoever loses it loses every sealed credential, and whoever else holds it and the database has
/// them all; so it is kept in another place than the database and its backups.
pub struct RootKey(Key);

/// What was handed over is not a root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootKeyError {
    /// Nothing there, or blank space alone.
    #[error("it is empty")]
    Empty,
    /// A key of another size.
    #[error("it holds {bytes} bytes, and a root key has 32")]
    WrongLength {
        /// How many bytes it decodes to.
        bytes: usize,
    },
    /// Neither base64 nor hex.
    #[error("it is neither base64 nor hex of 32 bytes")]
    NotAKey,
    /// All bytes are the same, which no generator makes.
    #[error("all its bytes are the same, so it was not drawn at random")]
    NotRandom,
}

impl RootKey {
    /// Draws a fresh root key, for the first start.
    pub fn generate(random: &dyn Randomness) -> Result<Self, NoRandomness> {
        Key::random(random).map(Self)
    }

    /// A root key from its 32 bytes, taken as they are.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(Key::copied(bytes))
    }

    /// Reads base64 (either alphabet, padding optional) or hex, with blank space around it.
    pub fn from_text(text: &[u8]) -> Result<Self, RootKeyError> {
        let text = text.trim_ascii();
        let decoded = match text {
            [] => return Err(RootKeyError::Empty),
            hex if looks_like_hex(hex) => hex_decoded(hex),
            other => base64_decoded(other),
        };
        let bytes = decoded.ok_or(RootKeyError::NotAKey)?;
        let wrong_length = RootKeyError::WrongLength { bytes: bytes.len() };
        Self::checked(bytes.as_slice().try_into().map_err(|_| wrong_length)?)
    }

    /// Reads a file's contents: 32 bare bytes, or text as [`RootKey::from_text`] takes it.
    ///
    /// Thirty-two printable characters are text, not a bare key: such a file holds half a key in
    /// hex far more often than a key.
    pub fn from_contents(contents: &[u8]) -> Result<Self, RootKeyError> {
        match contents.try_into() {
            Ok(bare) if !contents.iter().all(u8::is_ascii_graphic) => Self::checked(bare),
            _ => Self::from_text(contents),
        }
    }

    /// The key as its file holds it: base64 and a line end.
    pub fn to_text(&self) -> Secret {
        // Room for all of it at once: growing would leave a copy behind.
        let mut text = String::with_capacity(64);
        base64::engine::general_purpose::STANDARD.encode_string(self.0.bytes(), &mut text);
        text.push('\n');
        Secret::from(text)
    }

    /// A second copy, for a holder that lives longer than this one. Both are wiped when dropped.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(Key::copied(self.0.bytes()))
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0
    }

    fn checked(bytes: &[u8; KEY_BYTES]) -> Result<Self, RootKeyError> {
        let [first, rest @ ..] = bytes;
        if rest.iter().all(|byte| byte == first) {
            return Err(RootKeyError::NotRandom);
        }
        Ok(Self(Key::copied(bytes)))
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey([redacted])")
    }
}

/// Hex digits alone, and not of a length at which 32 bytes in base64 would come.
fn looks_like_hex(text: &[u8]) -> bool {
    !matches!(text.len(), 43 | 44) && text.iter().all(u8::is_ascii_hexdigit)
}

fn hex_decoded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let (pairs, rest) = text.as_chunks::<2>();
    for [high, low] in pairs {
        let nibble = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
        bytes.push((nibble(high)? << 4) | nibble(low)?);
    }
    rest.is_empty().then_some(bytes)
}

fn base64_decoded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE].iter().find_map(|alphabet| {
        // Room for all of it at once: growing would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len().saturating_add(8)));
        GeneralPurpose::new(alphabet, lenient).decode_vec(text, &mut bytes).ok()?;
        Some(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsRandom;

    const BARE: [u8; 32] = *b"\x00\xffabcdefghijklmnopqrstuvwxyz0123";
    const HEX: &str = "00ff6162636465666768696a6b6c6d6e6f707172737475767778797a30313233";
    const BASE64: &str = "AP9hYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM=";

    #[test]
    fn every_way_of_writing_a_key_gives_the_same_key() {
        let spellings = [
            HEX.to_owned(),
            HEX.to_uppercase(),
            BASE64.to_owned(),
            BASE64.trim_end_matches('=').to_owned(),
            BASE64.replace('/', "_"),
            format!("  {HEX}\r\n"),
            format!("{BASE64}\n"),
        ];
        for text in spellings {
            let key = RootKey::from_text(text.as_bytes()).unwrap();
            assert_eq!(key.key().bytes(), &BARE, "{text}");
            assert!(RootKey::from_contents(text.as_bytes()).is_ok(), "{text}");
        }
        assert_eq!(RootKey::from_contents(&BARE).unwrap().key().bytes(), &BARE);
        // The two alphabets differ in two characters; a key that has both must read in each.
        let bytes = [0xfb_u8, 0xff, 0xfe].repeat(11);
        let text = base64::engine::general_purpose::URL_SAFE.encode(&bytes[..32]);
        assert!(text.contains('-') && text.contains('_'));
        assert_eq!(RootKey::from_text(text.as_bytes()).unwrap().key().bytes(), &bytes[..32]);
    }

    #[test]
    fn what_is_not_a_key_is_refused_with_its_reason() {
        use RootKeyError::{Empty, NotAKey, NotRandom, WrongLength};
        let cases: &[(&[u8], RootKeyError)] = &[
            (b"", Empty),
            (b" \n", Empty),
            (&HEX.as_bytes()[..62], WrongLength { bytes: 31 }),
            (&HEX.as_bytes()[..32], WrongLength { bytes: 16 }),
            (&HEX.as_bytes()[..63], NotAKey),
            (b"c2hvcnQ=", WrongLength { bytes: 5 }),
            (b"correct horse battery staple", NotAKey),
            (b"p\xc3\xa4sswort", NotAKey),
            (&[b'0'; 64], NotRandom),
            (b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NotRandom),
            (&[0; 32], NotRandom),
            (&[1, 2, 3], NotAKey),
        ];
        for (contents, expected) in cases {
            let error = RootKey::from_contents(contents).unwrap_err();
            assert_eq!(error, *expected, "{}", contents.escape_ascii());
        }
    }

    #[test]
    fn a_written_key_reads_back() {
        let key = RootKey::generate(&OsRandom).unwrap();
        let read = RootKey::from_contents(key.to_text().expose()).unwrap();
        assert_eq!(read.key().bytes(), key.key().bytes());
    }
}
