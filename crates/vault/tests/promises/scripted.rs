//! Repeatable random bytes, and the places and rings the tests share.

use std::sync::Mutex;

use vault::{Keyring, KeyringRow, NoRandomness, Place, Randomness, RootKey};

/// Gives out exactly these bytes, then has no more.
pub(crate) struct Bytes(Mutex<Vec<u8>>);

impl Bytes {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.to_vec()))
    }
}

impl Randomness for Bytes {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        let mut left = self.0.lock().unwrap();
        if left.len() < out.len() {
            return Err(NoRandomness);
        }
        out.copy_from_slice(&left[..out.len()]);
        left.drain(..out.len());
        Ok(())
    }
}

/// A cheap repeatable generator, different at each call.
pub(crate) struct Seeded(Mutex<u64>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Randomness for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        let mut state = self.0.lock().unwrap();
        for byte in out {
            // SplitMix64: good enough to tell values apart, and nothing else.
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            *byte = (mixed >> 56) as u8;
        }
        Ok(())
    }
}

pub(crate) const PLACE: Place<'static> =
    Place { org: "org-1", table: "credentials", record: "cred-1", field: "value", generation: 3 };

/// A fresh ring with its root key and rows.
pub(crate) fn ring(seed: u64) -> (RootKey, Keyring, Vec<KeyringRow>) {
    let random = Seeded::new(seed);
    let root = RootKey::generate(&random).unwrap();
    let (ring, rows) = Keyring::create(&root, &random).unwrap();
    (root, ring, rows)
}
