//! Keyed fingerprints of values: equal values at one place look equal to whoever holds the key, and
//! like noise to everybody else.
//!
//! Whoever may compute one can try values until one fits. That is what the key is for, and why it is
//! sealed, rotated and destroyed: a fingerprint of a small domain hides nothing from its holder.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::engine::{self, KEY_BYTES};
use crate::{NoRandomness, Randomness, Secret};

const LABEL: &[u8] = b"countersign/fingerprint/v1";
/// Half of the tag: nobody without the key finds a value that fits, and entries stay small.
const PRINT_BYTES: usize = 16;

/// The key for fingerprints of one organisation, for as long as it is kept.
///
/// - **Shape**: HMAC-SHA256 over a list, each part behind its length as u64 big-endian: the label
///   `countersign/fingerprint/v1`, the parts of the place, the value; its first 16 bytes, in base64
///   for addresses without padding (22 characters).
/// - **Source**: [`FingerprintKey::draw`], sealed by the store.
pub struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// The bytes of a fresh key, to be sealed.
    pub fn draw(random: &dyn Randomness) -> Result<Secret, NoRandomness> {
        let mut bytes = vec![0; KEY_BYTES];
        random.fill(&mut bytes)?;
        Ok(Secret::new(bytes))
    }

    /// The key of these bytes; `None` if they are not as many as [`FingerprintKey::draw`] gives.
    pub fn of(bytes: &Secret) -> Option<Self> {
        let bytes = bytes.expose();
        (bytes.len() == KEY_BYTES).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The fingerprint of a value at a place. The value must be spelled in one way only.
    pub fn print(&self, place: &[&str], value: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        let place = place.iter().map(|part| part.as_bytes());
        for part in [LABEL].into_iter().chain(place).chain([value]) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = engine::tag_bytes(context.sign());
        URL_SAFE_NO_PAD.encode(tag.get(..PRINT_BYTES).unwrap_or_default())
    }

    /// Whether this is the fingerprint of that value there. In constant time.
    pub fn fits(&self, place: &[&str], value: &[u8], print: &str) -> bool {
        engine::same(self.print(place, value).as_bytes(), print.as_bytes())
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> FingerprintKey {
        FingerprintKey::of(&Secret::new(vec![byte; KEY_BYTES])).unwrap()
    }

    #[test]
    fn a_fingerprint_is_its_key_its_place_and_its_value() {
        let one = key(1);
        let print = one.print(&["org", "tool", "amount"], b"100");
        assert_eq!(print.len(), 22);
        assert!(one.fits(&["org", "tool", "amount"], b"100", &print));
        for (place, value) in [
            (&["org", "tool", "amount"][..], &b"101"[..]),
            (&["org", "tool", "amoun"], b"t100"),
            (&["org", "toolamount"], b"100"),
            (&["org", "tool", "amount", ""], b"100"),
        ] {
            assert!(!one.fits(place, value, &print), "{place:?}");
        }
        assert!(!key(2).fits(&["org", "tool", "amount"], b"100", &print));
        assert!(!one.fits(&["org", "tool", "amount"], b"100", ""));
    }

    #[test]
    fn it_is_the_plain_construction_that_the_documentation_names() {
        // Computed with another library: HMAC-SHA256 of the framed list under 32 bytes of 0x01.
        let print = key(1).print(&["o", "s", "t", "argument", "amount"], b"1e2");
        assert_eq!(print, "4dSKAYSt04-6l8TW0A8JBA");
    }

    #[test]
    fn a_key_has_32_bytes_and_shows_none() {
        for length in [0, 31, 33] {
            assert!(FingerprintKey::of(&Secret::new(vec![7; length])).is_none(), "{length}");
        }
        assert_eq!(format!("{:?}", key(7)), "FingerprintKey([redacted])");
        let drawn = FingerprintKey::draw(&crate::OsRandom).unwrap();
        assert!(FingerprintKey::of(&drawn).is_some());
    }
}
