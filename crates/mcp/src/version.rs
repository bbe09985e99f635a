//! Revisions of the protocol and the two eras they fall into.

use std::fmt;

/// How a revision works on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// Opened by `initialize`, with sessions and a GET stream (up to 2025-11-25).
    Legacy,
    /// Stateless, with the version in every request (2026-07-28 and later).
    Modern,
}

impl Era {
    /// The name used in the call log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }
}

/// A revision that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 2025-03-26
    V2025_03_26,
    /// 2025-06-18
    V2025_06_18,
    /// 2025-11-25
    V2025_11_25,
    /// 2026-07-28
    V2026_07_28,
}

impl Version {
    /// Every served revision, newest first: what an "unsupported version" answer lists.
    pub const SUPPORTED: &'static [Self] =
        &[Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// The served revisions of the legacy era, newest first.
    pub const SUPPORTED_LEGACY: &'static [Self] =
        &[Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// The served revisions of the modern era, newest first.
    pub const SUPPORTED_MODERN: &'static [Self] = &[Self::V2026_07_28];

    /// What a request of the legacy era means that names no version.
    pub const ASSUMED: Self = Self::V2025_03_26;

    /// The first revision of the modern era, as its header says it.
    pub(crate) const MODERN_SINCE: &'static str = "2026-07-28";

    /// The revision of that name, if it is served.
    pub fn parse(text: &str) -> Option<Self> {
        Self::SUPPORTED.iter().copied().find(|version| version.as_str() == text)
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => Self::MODERN_SINCE,
        }
    }

    /// The era it belongs to.
    pub const fn era(self) -> Era {
        match self {
            Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => Era::Legacy,
            Self::V2026_07_28 => Era::Modern,
        }
    }

    /// What `initialize` settles on when the agent asks for `asked`: that version if it is a served
    /// one of the legacy era, otherwise the newest of that era. Never a modern one.
    pub fn negotiate(asked: &str) -> Self {
        match Self::parse(asked) {
            Some(version) if version.era() == Era::Legacy => version,
            _ => Self::V2025_11_25,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_version_reads_back_and_no_other_does() {
        for version in Version::SUPPORTED {
            assert_eq!(Version::parse(version.as_str()), Some(*version));
        }
        for text in ["", "2024-11-05", "2025-11-25 ", "1900-01-01", "2026-07-29", "latest"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn initialize_never_settles_on_a_modern_version() {
        for (asked, settled) in [
            ("2025-03-26", Version::V2025_03_26),
            ("2025-06-18", Version::V2025_06_18),
            ("2025-11-25", Version::V2025_11_25),
            ("2026-07-28", Version::V2025_11_25),
            ("2024-11-05", Version::V2025_11_25),
            ("", Version::V2025_11_25),
        ] {
            assert_eq!(Version::negotiate(asked), settled, "{asked}");
        }
    }
}
