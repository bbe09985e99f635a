//! The tree while it grows: its right edge, which is all that appending needs.

use crate::Hash;

/// The right edge of a tree: the roots of its complete subtrees, largest first.
///
/// - **Shape**: one hash for each bit set in the size, so never more than 64.
/// - **Source**: [`Edge::new`] and [`Edge::push`], or [`Edge::from_parts`] from what was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree without leaves.
    pub const fn new() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// The edge of a tree of this size; `None` unless there is one root for each bit of the size.
    pub fn from_parts(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its complete subtrees, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends a leaf by its hash. `complete` is told of every complete subtree that this ends,
    /// smallest first, by its height and its place at that height.
    pub fn push_with(&mut self, leaf: Hash, mut complete: impl FnMut(u32, u64, &Hash)) {
        let mut hash = leaf;
        for height in 1..=self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = Hash::node(&left, &hash);
                complete(height, self.size >> height, &hash);
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _, _| {});
    }

    /// The root of the whole tree.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return Hash::empty() };
        roots.fold(*last, |right, left| Hash::node(left, &right))
    }
}

/// The largest power of two below a size above 1: where RFC 6962 divides a tree.
pub(crate) const fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}
