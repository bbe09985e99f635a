//! One sealed record: its bytes, and sealing and opening it under one key. Which key is the ring's business.
//!
//! ```text
//! 0      version 0x01
//! 1      suite   0x01 = HKDF-SHA256 + AES-256-GCM + commitment
//! 2..6   key id, u32 big-endian
//! 6..38  salt, 32 random bytes
//! 38..70 commitment, 32 bytes
//! 70..   ciphertext || 16-byte tag
//! ```
//!
//! `HKDF-SHA256(key, salt, "countersign/seal/v1" ‖ suite ‖ key id)` gives 76 bytes: the AES key (32),
//! the nonce (12) and the commitment (32). AES-GCM alone lets somebody who knows two keys make one
//! ciphertext that opens under both; the commitment ties a record to the one key it was sealed with.
//!
//! The associated data is a list, each part behind its length as u64 big-endian: the label
//! `countersign/seal/v1`, bytes 0..38 of the record, organisation, table, record, field, and the
//! generation as u64 big-endian.

use zeroize::Zeroizing;

use crate::engine::{self, KEY_BYTES, Key, NONCE_BYTES, Opener, TAG_BYTES};
use crate::{NoRandomness, Randomness, Secret};

const LABEL: &[u8] = b"countersign/seal/v1";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
const HEAD_BYTES: usize = 38;
const SALT_BYTES: usize = 32;
const COMMITMENT_BYTES: usize = 32;
/// What sealing adds to the plaintext.
const OVERHEAD_BYTES: usize = HEAD_BYTES + COMMITMENT_BYTES + TAG_BYTES;

/// Where a sealed value belongs. It opens there and nowhere else.
///
/// - **Shape**: names as the store writes them; any text, told apart exactly.
/// - **Units**: `generation` grows with each write of this value, so an older record put back in the
///   same place does not open. The store keeps it in a column that its row MAC covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The organisation's id.
    pub org: &'a str,
    /// The table.
    pub table: &'a str,
    /// The id of the record in the table.
    pub record: &'a str,
    /// The column, or the name of the value inside it.
    pub field: &'a str,
    /// How many times this value has been written.
    pub generation: u64,
}

/// A value could not be sealed; nothing was produced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// No salt could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The value is longer than one record may hold (64 GiB).
    #[error("the value is too long to seal")]
    TooLong,
}

/// A record was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The record names a key this ring does not hold. Reload the ring once, then refuse.
    #[error("the record was sealed with key {0}, which is not in the key ring")]
    UnknownKey(u32),
    /// The record does not open here: not a record, damaged, forged, moved or out of date. One
    /// answer for all of them, so that nobody learns which.
    #[error("the record does not open")]
    NotOpened,
}

/// The parts of a record's bytes, not yet believed.
pub(crate) struct Record<'a> {
    head: &'a [u8; HEAD_BYTES],
    pub(crate) key_id: u32,
    salt: &'a [u8; SALT_BYTES],
    commitment: &'a [u8; COMMITMENT_BYTES],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_BYTES],
}

impl<'a> Record<'a> {
    /// Splits the bytes; `None` if they are too short or of another version or suite.
    pub(crate) fn parse(blob: &'a [u8]) -> Option<Self> {
        let (head, rest) = blob.split_first_chunk::<HEAD_BYTES>()?;
        let (commitment, rest) = rest.split_first_chunk::<COMMITMENT_BYTES>()?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let [VERSION, SUITE, id0, id1, id2, id3, salt @ ..] = head else { return None };
        let key_id = u32::from_be_bytes([*id0, *id1, *id2, *id3]);
        Some(Self { head, key_id, salt, commitment, ciphertext, tag })
    }

    /// Opens the record under the key its id names.
    pub(crate) fn open(&self, key: &Key, place: &Place<'_>) -> Option<Secret> {
        self.prepare(key, place)?.open().ok()
    }

    /// Derives the record's key and checks that the record commits to it; decrypts nothing.
    pub(crate) fn prepare(&self, key: &Key, place: &Place<'_>) -> Option<Prepared> {
        let derived = Derived::of(key, self.key_id, self.salt);
        // Before anything is decrypted: a record that commits to another key is not ours to try.
        if !engine::same(derived.commitment(), self.commitment) {
            return None;
        }
        Some(Prepared {
            opener: Opener::new(derived.key())?,
            nonce: derived.nonce(),
            associated: associated(self.head, place),
            ciphertext: self.ciphertext.into(),
            tag: *self.tag,
        })
    }
}

/// A record with its own key at hand: opening it costs one decryption and no derivation.
///
/// - **Shape**: what it holds stays sealed; the key opens this record and no other.
/// - **Source**: [`crate::Keyring::prepare`], once per change of the record, for who opens it often.
pub struct Prepared {
    opener: Opener,
    nonce: [u8; NONCE_BYTES],
    associated: Vec<u8>,
    ciphertext: Box<[u8]>,
    tag: [u8; TAG_BYTES],
}

impl Prepared {
    /// Opens the record.
    ///
    /// - **Errors**: [`OpenError::NotOpened`] if it is damaged, forged, moved or out of date.
    pub fn open(&self) -> Result<Secret, OpenError> {
        let opened = self.opener.decrypt(self.nonce, &self.associated, &self.ciphertext, &self.tag);
        let mut opened = opened.ok_or(OpenError::NotOpened)?;
        Ok(Secret::new(std::mem::take(&mut *opened)))
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared([redacted])")
    }
}

/// Seals `plaintext` for `place` under `key`.
pub(crate) fn seal(
    key: &Key,
    key_id: u32,
    place: &Place<'_>,
    plaintext: &[u8],
    random: &dyn Randomness,
) -> Result<Vec<u8>, SealError> {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt)?;
    let head = head(key_id, &salt);
    // INVARIANT(one-nonce): key and nonce both come from the fresh salt.
    let derived = Derived::of(key, key_id, &salt);

    let mut out = Vec::with_capacity(plaintext.len().saturating_add(OVERHEAD_BYTES));
    out.extend_from_slice(&head);
    out.extend_from_slice(derived.commitment());
    let aad = associated(&head, place);
    engine::encrypt(derived.key(), derived.nonce(), &aad, plaintext, &mut out)
        .ok_or(SealError::TooLong)?;
    Ok(out)
}

fn head(key_id: u32, salt: &[u8; SALT_BYTES]) -> [u8; HEAD_BYTES] {
    let [id0, id1, id2, id3] = key_id.to_be_bytes();
    let mut head = [0; HEAD_BYTES];
    head[..6].copy_from_slice(&[VERSION, SUITE, id0, id1, id2, id3]);
    head[6..].copy_from_slice(salt);
    head
}

fn associated(head: &[u8; HEAD_BYTES], place: &Place<'_>) -> Vec<u8> {
    let Place { org, table, record, field, generation } = place;
    let generation = generation.to_be_bytes();
    let parts: [&[u8]; 7] = [
        LABEL,
        head,
        org.as_bytes(),
        table.as_bytes(),
        record.as_bytes(),
        field.as_bytes(),
        &generation,
    ];
    let mut aad = Vec::with_capacity(256);
    parts.iter().for_each(|part| engine::push_framed(&mut aad, part));
    aad
}

/// The 76 bytes a record's key, nonce and commitment are cut from.
struct Derived(Zeroizing<[u8; KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES]>);

impl Derived {
    fn of(key: &Key, key_id: u32, salt: &[u8; SALT_BYTES]) -> Self {
        let mut okm = Zeroizing::new([0; KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES]);
        engine::hkdf(key, salt, &[LABEL, &[SUITE], &key_id.to_be_bytes()], okm.as_mut_slice());
        Self(okm)
    }

    fn key(&self) -> &[u8; KEY_BYTES] {
        self.part::<0, KEY_BYTES>()
    }

    fn nonce(&self) -> [u8; NONCE_BYTES] {
        *self.part::<KEY_BYTES, NONCE_BYTES>()
    }

    fn commitment(&self) -> &[u8; COMMITMENT_BYTES] {
        self.part::<{ KEY_BYTES + NONCE_BYTES }, COMMITMENT_BYTES>()
    }

    fn part<const FROM: usize, const LEN: usize>(&self) -> &[u8; LEN] {
        let part = self.0.get(FROM..).and_then(|rest| rest.first_chunk::<LEN>());
        #[expect(clippy::expect_used, reason = "the three callers' constants lie inside the array")]
        part.expect("a part inside the derived bytes")
    }
}
