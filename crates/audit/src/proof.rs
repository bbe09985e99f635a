//! Proofs: that an entry is in a tree, and that one tree is the beginning of another (RFC 6962).
//!
//! Proofs are made from tiles, so only [`Tiles`] needs to know where those are kept.

use crate::tile::TILE_HEIGHT;
use crate::tree::split;
use crate::{Edge, Hash};

/// The longest proof that any tree of 2^63 entries needs.
pub const PROOF_HASHES_MAX: usize = 63;

/// Where the hashes of tiles are kept.
pub trait Tiles {
    /// Why they could not be read.
    type Error;

    /// The hashes from `start` on at a level of tiles, `count` of them (at most 256, all within one
    /// tile). Level 0 holds those of leaves.
    fn hashes(&mut self, level: u32, start: u64, count: usize) -> Result<Vec<Hash>, Self::Error>;
}

/// Why a proof was not made, or does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The entry, or the earlier size, lies beyond the tree.
    #[error("the tree is not that long")]
    Beyond,
    /// It has more or fewer hashes than a proof of these sizes has.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    OtherRoot,
}

/// The proof that entry `index` is in the tree of `size` entries: its siblings from the leaf up.
pub fn inclusion<T: Tiles>(
    tiles: &mut T,
    index: u64,
    size: u64,
) -> Result<Result<Vec<Hash>, ProofError>, T::Error> {
    if index >= size {
        return Ok(Err(ProofError::Beyond));
    }
    let (mut low, mut high) = (0, size);
    let mut siblings = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            siblings.push((middle, high));
            high = middle;
        } else {
            siblings.push((low, middle));
            low = middle;
        }
    }
    let siblings = siblings.into_iter().rev();
    siblings.map(|(low, high)| range(tiles, low, high)).collect::<Result<_, _>>().map(Ok)
}

/// The proof that the tree of `old` entries is the beginning of the tree of `size` entries.
pub fn consistency<T: Tiles>(
    tiles: &mut T,
    old: u64,
    size: u64,
) -> Result<Result<Vec<Hash>, ProofError>, T::Error> {
    if old > size {
        return Ok(Err(ProofError::Beyond));
    }
    if old == 0 || old == size {
        return Ok(Ok(Vec::new()));
    }
    let (mut low, mut high) = (0, size);
    let mut parts = Vec::new();
    // Down to the subtree that ends where the old tree did.
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            parts.push((middle, high));
            high = middle;
        } else {
            parts.push((low, middle));
            low = middle;
        }
    }
    if low > 0 {
        parts.push((low, high));
    }
    let parts = parts.into_iter().rev();
    parts.map(|(low, high)| range(tiles, low, high)).collect::<Result<_, _>>().map(Ok)
}

/// The right edge of the tree of the first `size` entries.
pub fn edge<T: Tiles>(tiles: &mut T, size: u64) -> Result<Edge, T::Error> {
    let mut low = 0;
    let mut roots = Vec::new();
    for height in (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1) {
        roots.push(complete(tiles, low, height)?);
        low += 1 << height;
    }
    Ok(Edge::from_parts(size, roots).unwrap_or_default())
}

/// The root over the entries from `low` to before `high`, where RFC 6962 has a subtree.
fn range<T: Tiles>(tiles: &mut T, low: u64, high: u64) -> Result<Hash, T::Error> {
    let count = high - low;
    if count.is_power_of_two() {
        return complete(tiles, low, count.trailing_zeros());
    }
    let middle = low + split(count);
    let left = range(tiles, low, middle)?;
    Ok(Hash::node(&left, &range(tiles, middle, high)?))
}

/// The root of the complete subtree of this height that begins at `low`.
fn complete<T: Tiles>(tiles: &mut T, low: u64, height: u32) -> Result<Hash, T::Error> {
    let level = height / TILE_HEIGHT;
    let within = height % TILE_HEIGHT;
    let start = low >> (level * TILE_HEIGHT);
    let mut hashes = tiles.hashes(level, start, 1 << within)?;
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => Hash::node(left, right),
                rest => rest.first().copied().unwrap_or_else(Hash::empty),
            })
            .collect();
    }
    Ok(hashes.first().copied().unwrap_or_else(Hash::empty))
}

/// Checks that the leaf is entry `index` of the tree of `size` entries with this root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Beyond);
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    let mut proof = proof.iter();
    while last > 0 {
        if place & 1 == 1 {
            hash = Hash::node(proof.next().ok_or(ProofError::Length)?, &hash);
        } else if place < last {
            hash = Hash::node(&hash, proof.next().ok_or(ProofError::Length)?);
        }
        // The last node of a level that has no sibling goes up as it is.
        (place, last) = (place >> 1, last >> 1);
    }
    if proof.next().is_some() {
        return Err(ProofError::Length);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::OtherRoot) }
}

/// Checks that the tree of `old` entries is the beginning of the tree of `size` entries.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::Beyond);
    }
    if old == 0 || old == size {
        if !proof.is_empty() {
            return Err(ProofError::Length);
        }
        let same = if old == 0 { *old_root == Hash::empty() } else { old_root == root };
        let empty = size > 0 || *root == Hash::empty();
        return if same && empty { Ok(()) } else { Err(ProofError::OtherRoot) };
    }
    // The old tree's last complete subtree, as a place and the last place of its level.
    let shift = old.trailing_zeros();
    let (mut place, mut last) = ((old - 1) >> shift, (size - 1) >> shift);
    let mut proof = proof.iter();
    // A complete old tree is its own beginning; any other's last subtree comes first in the proof.
    let start = if place == 0 { *old_root } else { *proof.next().ok_or(ProofError::Length)? };
    let (mut old_hash, mut new_hash) = (start, start);
    while last > 0 {
        if place & 1 == 1 {
            let left = proof.next().ok_or(ProofError::Length)?;
            old_hash = Hash::node(left, &old_hash);
            new_hash = Hash::node(left, &new_hash);
        } else if place < last {
            new_hash = Hash::node(&new_hash, proof.next().ok_or(ProofError::Length)?);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if proof.next().is_some() {
        return Err(ProofError::Length);
    }
    let holds = old_hash == *old_root && new_hash == *root;
    if holds { Ok(()) } else { Err(ProofError::OtherRoot) }
}
