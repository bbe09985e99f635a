//! Canaries: texts that stand nowhere else in the world, planted where a secret would stand, and the
//! search for them where no secret may ever be.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem;

/// A planted text: letters and digits only, so that no encoding but Base64 changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary(String);

impl Canary {
    /// A canary that no other is like.
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(count);
        Self(format!("Cnry{:016x}{count:06x}", hasher.finish()))
    }

    /// One that was planted by somebody else, such as the secret of a token.
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it stands in these bytes, plain or in Base64 at any alignment.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.spellings().iter().any(|spelling| memmem::find(bytes, spelling).is_some())
    }

    fn spellings(&self) -> Vec<Vec<u8>> {
        let mut spellings = vec![self.0.clone().into_bytes()];
        for shift in 0..3 {
            let mut shifted = vec![b'x'; shift];
            shifted.extend_from_slice(self.0.as_bytes());
            let encoded = STANDARD_NO_PAD.encode(shifted);
            // The first and the last group depend on the neighbours.
            spellings.push(encoded.as_bytes()[4..encoded.len() - 4].to_vec());
        }
        spellings
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A search for canaries.
#[derive(Debug)]
pub struct Scan<'a>(pub &'a [Canary]);

impl Scan<'_> {
    /// Looks through everything that was logged, at any level, by any crate.
    pub fn logs(&self) {
        crate::logs::with(|text| self.bytes("the log", text.as_bytes()));
    }

    /// Looks through every file of a data directory: database, write-ahead log and all.
    pub fn directory(&self, directory: &Path) {
        for entry in std::fs::read_dir(directory).expect("the data directory can be listed") {
            let path = entry.expect("an entry can be read").path();
            if path.is_file() {
                let bytes = std::fs::read(&path).expect("a file can be read");
                self.bytes(&path.display().to_string(), &bytes);
            }
        }
    }

    /// Looks through some bytes.
    pub fn bytes(&self, place: &str, bytes: &[u8]) {
        for canary in self.0 {
            assert!(!canary.is_in(bytes), "a canary got into {place}: {canary}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_plain_and_in_base64_and_nowhere_else() {
        let canary = Canary::new();
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{canary}zz");
            assert!(canary.is_in(text.as_bytes()));
            assert!(canary.is_in(STANDARD_NO_PAD.encode(&text).as_bytes()), "{before}");
        }
        assert!(!canary.is_in(Canary::new().text().as_bytes()));
    }
}
