//! The hashes of the tree, as RFC 6962 says: a leaf and a node can never be mistaken for each other.

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Before the bytes of an entry.
const LEAF: u8 = 0;
/// Before the two halves of a node.
const NODE: u8 = 1;

/// The hash of a leaf, of a node, or of a whole tree: SHA-256, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of a tree without leaves.
    pub fn empty() -> Self {
        Self::sha256(&[])
    }

    /// The hash of an entry in its place as a leaf.
    pub fn leaf(entry: &[u8]) -> Self {
        let mut context = digest::Context::new(&SHA256);
        context.update(&[LEAF]);
        context.update(entry);
        Self::of(&context.finish())
    }

    /// The hash of the node over these two.
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut bytes = [NODE; 65];
        bytes[1..33].copy_from_slice(&left.0);
        bytes[33..].copy_from_slice(&right.0);
        Self::sha256(&bytes)
    }

    /// Plain SHA-256, for what is no part of the tree.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(&digest::digest(&SHA256, bytes))
    }

    fn of(digest: &digest::Digest) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        Self(hash)
    }

    /// Reads 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads what [`Hash`] writes as text: standard base64 with its padding, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 44 {
            return None;
        }
        Self::from_bytes(&STANDARD.decode(text).ok()?)
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
