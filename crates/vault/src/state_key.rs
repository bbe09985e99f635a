//! Short state that leaves the house and comes back: session ids, an upstream's request state.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::engine::{self, KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::{Randomness, SealError};

const LABEL: &[u8] = b"countersign/state/v1";
const VERSION: u8 = 1;
const SALT_BYTES: usize = 12;
const HEAD_BYTES: usize = 1 + SALT_BYTES + NONCE_BYTES;

/// The key for state that strangers hold for us. They can neither read it nor change it, nor use it
/// in another context than it was made for.
///
/// - **Shape**: base64url without padding of: version 0x01, salt (12), nonce (12), ciphertext, tag
///   (16). The AES-256-GCM key is HMAC-SHA256(state key, label, salt), so that salt and nonce make
///   192 random bits and no two of any number of states share a key and nonce. The associated data
///   is the label, the first 25 bytes and the context. All lists have each part behind its length
///   as u64 big-endian; the label is `countersign/state/v1`.
/// - **Source**: [`crate::Keyring::state_key`].
///
/// Whoever holds a state can send it again; what must count once needs a row in the store.
#[derive(Clone)]
pub struct StateKey(hmac::Key);

impl StateKey {
    /// A state key from its bytes.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Seals a state for its context: what it is (`b"session"`), whose, for which server.
    pub fn seal_state(
        &self,
        context: &[&[u8]],
        plaintext: &[u8],
        random: &dyn Randomness,
    ) -> Result<String, SealError> {
        let mut head = [VERSION; HEAD_BYTES];
        random.fill(&mut head[1..])?;
        let [_, drawn @ ..] = &head;
        let mut out = Vec::with_capacity(HEAD_BYTES + plaintext.len() + TAG_BYTES);
        out.extend_from_slice(&head);
        // INVARIANT(one-nonce): key and nonce both come from the bytes just drawn.
        let (key, nonce) = self.key_and_nonce(drawn);
        engine::encrypt(&key, nonce, &associated(&head, context), plaintext, &mut out)
            .ok_or(SealError::TooLong)?;
        Ok(URL_SAFE_NO_PAD.encode(out))
    }

    /// Opens a state that came back; `None` if it is not ours, was changed, or is for another context.
    pub fn open_state(&self, context: &[&[u8]], state: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(state).ok()?;
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let [VERSION, drawn @ ..] = head else { return None };
        let (key, nonce) = self.key_and_nonce(drawn);
        let aad = associated(head, context);
        let mut opened = engine::Opener::new(&key)?.decrypt(nonce, &aad, ciphertext, tag)?;
        Some(std::mem::take(&mut *opened))
    }

    fn key_and_nonce(
        &self,
        drawn: &[u8; SALT_BYTES + NONCE_BYTES],
    ) -> (Zeroizing<[u8; KEY_BYTES]>, [u8; NONCE_BYTES]) {
        let (salt, rest) = drawn.split_at(SALT_BYTES);
        let mut input = Vec::with_capacity(64);
        engine::push_framed(&mut input, LABEL);
        engine::push_framed(&mut input, salt);
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(rest);
        (Zeroizing::new(engine::tag_bytes(hmac::sign(&self.0, &input))), nonce)
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateKey([redacted])")
    }
}

fn associated(head: &[u8; HEAD_BYTES], context: &[&[u8]]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(256);
    for part in [LABEL, head].iter().chain(context) {
        engine::push_framed(&mut aad, part);
    }
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::scripted::{Counting, Dry};

    const CONTEXT: &[&[u8]] = &[b"session", b"grant-1", b"server-1"];

    fn sealed(plaintext: &[u8]) -> (StateKey, String) {
        let key = StateKey::new(&[9; 32]);
        let state = key.seal_state(CONTEXT, plaintext, &Counting::from(1)).unwrap();
        (key, state)
    }

    #[test]
    fn a_state_opens_in_its_own_context_only() {
        let (key, state) = sealed(b"upstream-session");
        assert_eq!(key.open_state(CONTEXT, &state).unwrap(), b"upstream-session");
        let others: &[&[&[u8]]] = &[
            &[b"session", b"grant-2", b"server-1"],
            &[b"session", b"grant-1", b"server-2"],
            &[b"request", b"grant-1", b"server-1"],
            &[b"session", b"grant-1server-1"],
            &[b"session", b"grant-1", b"server-1", b""],
            &[],
        ];
        for context in others {
            assert_eq!(key.open_state(context, &state), None, "{context:?}");
        }
        assert_eq!(StateKey::new(&[8; 32]).open_state(CONTEXT, &state), None);
    }

    #[test]
    fn no_changed_or_cut_state_opens() {
        let (key, state) = sealed(b"u");
        let bytes = URL_SAFE_NO_PAD.decode(&state).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open_state(CONTEXT, &URL_SAFE_NO_PAD.encode(other)), None, "bit {bit}");
        }
        for end in 0..state.len() {
            assert_eq!(key.open_state(CONTEXT, &state[..end]), None, "cut at {end}");
        }
        for other in [format!("{state}="), format!(" {state}"), format!("{state}AA"), "é".into()] {
            assert_eq!(key.open_state(CONTEXT, &other), None);
        }
    }

    #[test]
    fn a_state_has_one_spelling() {
        // The last character holds bits that carry nothing; only zeros are taken for them.
        let (key, state) = sealed(b"");
        let opened = (b'0'..=b'z')
            .filter(|last| {
                let other = format!("{}{}", &state[..state.len() - 1], char::from(*last));
                key.open_state(CONTEXT, &other).is_some()
            })
            .count();
        assert_eq!(opened, 1);
    }

    #[test]
    fn without_randomness_nothing_is_sealed() {
        let key = StateKey::new(&[9; 32]);
        assert!(matches!(key.seal_state(CONTEXT, b"x", &Dry), Err(SealError::NoRandomness(_))));
    }
}
