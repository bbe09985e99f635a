//! The few cryptographic steps everything here is built from, over one library. No formats, no policy.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, hkdf, hmac};
use zeroize::Zeroizing;

use crate::{NoRandomness, Randomness};

/// Bytes of every symmetric key in the house.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of an AES-GCM nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes of an AES-GCM tag.
pub(crate) const TAG_BYTES: usize = 16;

/// A 256-bit key. It lives on the heap, so that moving it leaves no copy, and is wiped when dropped.
#[derive(Clone)]
pub(crate) struct Key(Box<Zeroizing<[u8; KEY_BYTES]>>);

impl Key {
    /// Copies a key out of borrowed bytes.
    pub(crate) fn copied(bytes: &[u8; KEY_BYTES]) -> Self {
        Self::filled(|key| key.copy_from_slice(bytes))
    }

    /// Draws a fresh key.
    pub(crate) fn random(random: &dyn Randomness) -> Result<Self, NoRandomness> {
        let mut drawn = Ok(());
        let key = Self::filled(|key| drawn = random.fill(key));
        drawn.map(|()| key)
    }

    /// Derives a key from another one: HKDF-SHA256 without salt, `info` = `label` ‖ `version`.
    pub(crate) fn derived(from: &Key, label: &str, version: u32) -> Self {
        Self::filled(|key| hkdf(from, &[], &[label.as_bytes(), &version.to_be_bytes()], key))
    }

    /// The key's bytes.
    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    fn filled(fill: impl FnOnce(&mut [u8; KEY_BYTES])) -> Self {
        let mut key = Box::new(Zeroizing::new([0; KEY_BYTES]));
        fill(&mut key);
        Self(key)
    }
}

/// HKDF-SHA256 (RFC 5869) into all of `out`, which must be at most 255 × 32 bytes.
pub(crate) fn hkdf(from: &Key, salt: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(from.bytes());
    let filled = extracted.expand(info, OutputBytes(out.len())).and_then(|okm| okm.fill(out));
    #[expect(clippy::expect_used, reason = "outputs here are constants far below the limit")]
    filled.expect("HKDF-SHA256 fails only above 8160 bytes");
}

/// The output length, in the form the library asks for it.
struct OutputBytes(usize);

impl hkdf::KeyType for OutputBytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// AES-256-GCM: appends ciphertext and tag to `out`. `None` only above 64 GiB of plaintext.
///
/// INVARIANT(one-nonce): a caller never comes twice with the same `key` and `nonce`; both are
/// derived from fresh random bytes at each call.
pub(crate) fn encrypt(
    key: &[u8; KEY_BYTES],
    nonce: [u8; NONCE_BYTES],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut body = plaintext.to_vec();
    // In place, so that the copy of the plaintext is overwritten and never left in memory.
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            body.as_mut_slice(),
        )
        .ok()?;
    out.extend_from_slice(&body);
    out.extend_from_slice(tag.as_ref());
    Some(())
}

/// An AES-256-GCM key, expanded: it opens without being set up again. Wiped when dropped.
pub(crate) struct Opener(LessSafeKey);

impl Opener {
    /// `None` never happens for a key of this length.
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Option<Self> {
        Some(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?)))
    }

    /// The plaintext, or `None` if key, nonce, `aad`, ciphertext or tag is not the sealer's.
    pub(crate) fn decrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG_BYTES],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, &mut plaintext).ok()?;
        Some(plaintext)
    }
}

/// Compares in time that depends on the lengths alone.
pub(crate) fn same(one: &[u8], two: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, two).is_ok()
}

/// The 32 bytes of an HMAC-SHA256 tag.
pub(crate) fn tag_bytes(tag: hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// Appends `part` behind its length (u64 big-endian). A sequence of such parts can be read back in
/// one way only, so no two different lists give the same bytes.
pub(crate) fn push_framed(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u64).to_be_bytes());
    out.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framed_lists_never_run_together() {
        let framed = |parts: &[&[u8]]| {
            let mut out = Vec::new();
            parts.iter().for_each(|part| push_framed(&mut out, part));
            out
        };
        assert_ne!(framed(&[b"ab", b"c"]), framed(&[b"a", b"bc"]));
        assert_ne!(framed(&[b"", b"a"]), framed(&[b"a", b""]));
        assert_ne!(framed(&[b"a"]), framed(&[b"a", b""]));
    }

    #[test]
    fn labels_and_versions_give_different_keys() {
        let base = Key::copied(&[7; KEY_BYTES]);
        let one = Key::derived(&base, "a", 1);
        assert_eq!(one.bytes(), Key::derived(&base, "a", 1).bytes());
        assert_ne!(one.bytes(), Key::derived(&base, "a", 2).bytes());
        assert_ne!(one.bytes(), Key::derived(&base, "b", 1).bytes());
    }
}
