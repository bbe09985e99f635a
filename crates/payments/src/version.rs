//! The protocol revisions this server speaks, and which era each belongs to.

/// A revision of the Model Context Protocol.
///
/// - **Shape**: ordered by date; everything before [`Version::V2026_07_28`] is the legacy era
///   (a session opened by `initialize`), from there on the modern one (each request stands alone).
/// - **Source**: the specification's revision names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// 2025-03-26: the first with streamable HTTP.
    V2025_03_26,
    /// 2025-06-18: structured results, the version header.
    V2025_06_18,
    /// 2025-11-25: the last of the legacy era.
    V2025_11_25,
    /// 2026-07-28: stateless.
    V2026_07_28,
}

impl Version {
    /// Every revision, newest first.
    pub const ALL: [Self; 4] =
        [Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == name)
    }

    /// Whether requests of this revision stand alone, without a session.
    pub const fn is_modern(self) -> bool {
        matches!(self, Self::V2026_07_28)
    }
}
