//! Tiles: the tree cut into pieces of 256 hashes, and the entries into bundles, as C2SP tlog-tiles
//! lays them out. Immutable once full, so anybody may keep a copy.

use crate::Hash;

/// How many levels of the tree one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// How many hashes a full tile holds.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;
/// The longest entry that a bundle can hold, in bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// A tile by its place.
///
/// - **Shape**: hash `i` of tile `index` at `level` is the root of the entries from
///   `(index * 256 + i) * 256^level` on, `256^level` of them.
/// - **Units**: `width` counts hashes, 1 to 256; below 256 the tile is partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: TileKind,
    /// Its place among the tiles of its level.
    pub index: u64,
    /// How many hashes, or entries, it holds.
    pub width: u16,
}

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of this level; level 0 holds those of leaves.
    Hashes(u8),
    /// The entries themselves: a bundle.
    Entries,
}

/// The highest level that a tree of 2^64 entries can have.
const LEVEL_MAX: u8 = 7;

impl Tile {
    /// The tile's path below the log's prefix: `tile/0/x001/234` or `tile/entries/005.p/17`.
    pub fn path(&self) -> String {
        let mut path = match self.kind {
            TileKind::Hashes(level) => format!("tile/{level}/"),
            TileKind::Entries => "tile/entries/".to_owned(),
        };
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (left, group) in groups.iter().enumerate().rev() {
            let lead = if left > 0 { "x" } else { "" };
            let end = if left > 0 { "/" } else { "" };
            path.push_str(&format!("{lead}{group:03}{end}"));
        }
        if u64::from(self.width) < TILE_WIDTH {
            path.push_str(&format!(".p/{}", self.width));
        }
        path
    }

    /// Reads a path; each tile has exactly one.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (kind, rest) = rest.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= LEVEL_MAX)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH as u16),
            Some((number, width)) => (number, width.parse().ok()?),
        };
        let mut index: u64 = 0;
        for group in number.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { kind, index, width };
        // Leading zeros, a missing `x`, a width of 0 or above: only one spelling is the tile's own.
        let sound = (1..=TILE_WIDTH).contains(&u64::from(width));
        (sound && tile.path() == path).then_some(tile)
    }

    /// Whether a log of this size has the tile.
    pub fn within(&self, size: u64) -> bool {
        let level = match self.kind {
            TileKind::Hashes(level) => u32::from(level),
            TileKind::Entries => 0,
        };
        let hashes = size.checked_shr(level * TILE_HEIGHT).unwrap_or(0);
        let end = self.index.checked_mul(TILE_WIDTH).map(|start| start + u64::from(self.width));
        end.is_some_and(|end| end <= hashes)
    }
}

/// Appends an entry to a bundle. `false`: it is longer than a bundle can hold, and was left out.
pub fn bundle(entry: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(entry);
    true
}

/// The entries of a bundle; `None` if it is cut or has more than `width`, or fewer.
pub fn unbundle(mut bytes: &[u8], width: u16) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::with_capacity(usize::from(width));
    for _ in 0..width {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    bytes.is_empty().then_some(entries)
}

/// The hashes of a tile; `None` unless it is exactly `width` of them.
pub fn hashes(bytes: &[u8], width: u16) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == usize::from(width))
        .then(|| hashes.iter().copied().map(Hash).collect())
}
