//! Where random bytes come from: the operating system in production, a script in tests.

/// A source of random bytes fit for keys, salts and tokens.
///
/// - **Errors**: [`NoRandomness`] when the source has none; the caller gives up what it was making.
pub trait Randomness: Send + Sync {
    /// Fills all of `out`. After an error the contents of `out` mean nothing.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness>;
}

/// No random bytes could be had, so no key, salt or token was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

/// The operating system's generator. The cryptographic library has one of its own, which gathers
/// noise for fifty milliseconds before it gives the first byte.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Randomness for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(out).map_err(|_| NoRandomness)
    }
}

#[cfg(test)]
pub(crate) mod scripted {
    //! Repeatable bytes for tests.

    use std::sync::atomic::{AtomicU8, Ordering};

    use super::{NoRandomness, Randomness};

    /// Fills its n-th request with the byte `first + n`.
    pub(crate) struct Counting(AtomicU8);

    impl Counting {
        pub(crate) fn from(first: u8) -> Self {
            Self(AtomicU8::new(first))
        }
    }

    impl Randomness for Counting {
        fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
            out.fill(self.0.fetch_add(1, Ordering::Relaxed));
            Ok(())
        }
    }

    /// Has none.
    pub(crate) struct Dry;

    impl Randomness for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_does_not_repeat_itself() {
        let (mut one, mut two) = ([0; 32], [0; 32]);
        OsRandom.fill(&mut one).unwrap();
        OsRandom.fill(&mut two).unwrap();
        assert_ne!(one, two);
        assert_ne!(one, [0; 32]);
    }
}
