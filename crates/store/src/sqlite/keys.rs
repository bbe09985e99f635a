//! The keys in hand while the store is open, and what each row MAC covers.
//!
//! A MAC covers every column that calls are judged by, with the organisation and the id. Tokens and
//! attachments also carry their grant's revision, and a policy the number of its newest version, so
//! an older row put back beside newer ones does not pass. It does not show that whole objects were
//! put back or removed together; the witness of the call log is for that.

use std::sync::Arc;

use arc_swap::ArcSwap;
use vault::{Keyring, Pepper, Randomness, RootKey, RowMac};

/// The pepper that new tokens are hashed under.
pub(super) use crate::PEPPER_VERSION;

/// The keys in hand.
pub(super) struct Keys {
    ring: ArcSwap<Keyring>,
    /// Kept to wrap the keys that rotation draws: its source may be a pipe that is read once.
    root: ArcSwap<RootKey>,
    pub(super) pepper: Pepper,
    pub(super) random: Arc<dyn Randomness>,
    mac: RowMac,
}

impl Keys {
    pub(super) fn new(ring: Keyring, root: RootKey, random: Arc<dyn Randomness>) -> Self {
        let (pepper, mac) = (ring.pepper(PEPPER_VERSION), ring.row_mac());
        let (ring, root) = (ArcSwap::from_pointee(ring), ArcSwap::from_pointee(root));
        Self { ring, root, pepper, random, mac }
    }

    /// The key ring of now. Whoever opens rows takes it after reading them: it knows every key they
    /// can be sealed with.
    pub(super) fn ring(&self) -> Arc<Keyring> {
        self.ring.load_full()
    }

    /// The key that the ring is wrapped with.
    pub(super) fn root(&self) -> Arc<RootKey> {
        self.root.load_full()
    }

    /// Puts in place what a commit has made of the keys.
    pub(super) fn become_these(&self, new: NewKeys) {
        self.ring.store(new.ring);
        if let Some(root) = new.root {
            self.root.store(root);
        }
    }

    pub(super) fn mac(&self, table: &str, fields: &Fields) -> [u8; 32] {
        self.mac.mac(table, &fields.slices())
    }

    pub(super) fn verify(&self, table: &str, fields: &Fields, mac: &[u8]) -> bool {
        self.mac.verify(table, &fields.slices(), mac)
    }

    /// Sixteen random bytes, for an id.
    pub(super) fn id_bytes(&self) -> Result<[u8; 16], vault::NoRandomness> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// The keys as a change leaves them; in place when its commit has succeeded.
#[derive(Clone)]
pub(super) struct NewKeys {
    pub(super) ring: Arc<Keyring>,
    /// The root key, where that was replaced.
    pub(super) root: Option<Arc<RootKey>>,
}

/// The columns of a row, each spelled in one way only: absent is not empty.
#[derive(Default)]
pub(super) struct Fields(Vec<Vec<u8>>);

impl Fields {
    pub(super) fn of(org: &str, id: &str) -> Self {
        Self::default().text(org).text(id)
    }

    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.push(value.to_vec());
        self
    }

    pub(super) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    pub(super) fn int(self, value: i64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn maybe(mut self, value: Option<&[u8]>) -> Self {
        let mut spelled = vec![u8::from(value.is_some())];
        spelled.extend_from_slice(value.unwrap_or_default());
        self.0.push(spelled);
        self
    }

    pub(super) fn maybe_text(self, value: Option<&str>) -> Self {
        self.maybe(value.map(str::as_bytes))
    }

    pub(super) fn maybe_int(self, value: Option<i64>) -> Self {
        self.maybe(value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice))
    }

    fn slices(&self) -> Vec<&[u8]> {
        self.0.iter().map(Vec::as_slice).collect()
    }
}
