//! Bytes that must not be printed, serialised or left behind in memory.

use std::fmt;

use zeroize::Zeroizing;

/// A secret value: a credential just opened, or one about to be sealed.
///
/// - **Shape**: any bytes. Wiped when dropped. Not `Clone`, so that copies are made on purpose.
/// - **Source**: [`crate::Keyring::open`], or an operator's request body.
///
/// It prints `[redacted]` and has no `Display`; only [`Secret::expose`] gives the bytes, so a search
/// for that word finds every place where a secret is in hand.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; no copy is left behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, if they are UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
