//! Passwords: what is taken as one, and how it is kept: Argon2id with OWASP's parameters, never the
//! password itself.
//!
//! A hash costs 19 MiB and some milliseconds of a processor, so hashes run beside the threads that
//! carry calls, a few at a time, and whoever comes while too many wait is told so.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;
use vault::{OsRandom, Randomness as _, Secret};
use zeroize::Zeroizing;

use super::common;
use crate::problem::{Code, Problem};

/// The fewest characters of a password.
pub(crate) const CHARACTERS_MIN: usize = 12;
/// The most bytes of a password, after it was brought to one form.
pub(crate) const BYTES_MAX: usize = 1024;
/// Hashes computed at the same time.
const HASHING_MAX: usize = 2;
/// Hashes that may wait for their turn.
const WAITING_MAX: usize = 32;
/// OWASP's parameters for Argon2id: 19 MiB, two passes, one lane.
const PARAMS: (u32, u32, u32) = (19 * 1024, 2, 1);
const SALT_BYTES: usize = 16;

/// A password as it is compared: in Unicode's composed form, so that the same keys on two machines
/// give the same bytes. Wiped when dropped; prints nothing.
pub(crate) struct Password(Zeroizing<String>);

/// The turns of those who want a hash computed.
pub(crate) struct Hashing {
    running: Semaphore,
    waiting: Semaphore,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { running: Semaphore::new(HASHING_MAX), waiting: Semaphore::new(WAITING_MAX) }
    }
}

impl Password {
    /// A password to be compared. Nothing is said about whether it would be taken as a new one.
    ///
    /// - **Errors**: `None` when it is longer than any password that was ever taken.
    pub(crate) fn shown(text: &str) -> Option<Self> {
        // Composing never makes a text longer than three times its bytes.
        if text.len() > 3 * BYTES_MAX {
            return None;
        }
        let composed = Zeroizing::new(text.nfc().collect::<String>());
        (composed.len() <= BYTES_MAX).then_some(Self(composed))
    }

    /// A password to be kept: long enough, and not one of those that everybody tries first.
    ///
    /// `about` is what others know of the person: their address and name.
    ///
    /// - **Errors**: what is wrong, for the person who chose it.
    pub(crate) fn new(text: &str, about: &[&str]) -> Result<Self, &'static str> {
        let password = Self::shown(text).ok_or("a password holds at most 1,024 bytes")?;
        if password.0.chars().count() < CHARACTERS_MIN {
            return Err("a password has at least 12 characters: a few unrelated words will do");
        }
        if password.0.chars().any(char::is_control) {
            return Err("a password holds no control characters");
        }
        if common::is_common(&password.0, about) {
            return Err(
                "this password is among those that are tried first: choose a few unrelated words",
            );
        }
        Ok(password)
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Hashing {
    /// What is kept of a password: an Argon2id hash in PHC form.
    pub(crate) async fn hash(&self, password: Password) -> Result<Secret, Problem> {
        self.turn(move || {
            let mut salt = [0; SALT_BYTES];
            OsRandom.fill(&mut salt).ok()?;
            let hash = hasher()?.hash_password_with_salt(password.bytes(), &salt).ok()?;
            Some(Secret::from(hash.to_string()))
        })
        .await
    }

    /// Whether this is the password that was kept. With nothing kept, or nothing shown that could
    /// be a password, the same work is done and the answer is no.
    pub(crate) async fn matches(
        &self,
        shown: Option<Password>,
        kept: Option<Secret>,
    ) -> Result<bool, Problem> {
        self.turn(move || {
            let stand_in = || Password(Zeroizing::new(String::new()));
            let (is_shown, is_kept) = (shown.is_some(), kept.is_some());
            let shown = shown.unwrap_or_else(stand_in);
            let kept = kept.as_ref().and_then(Secret::expose_str).unwrap_or(NOBODY);
            let parsed = PasswordHash::new(kept).ok()?;
            let same = hasher()?.verify_password(shown.bytes(), &parsed).is_ok();
            Some(same && is_shown && is_kept)
        })
        .await
    }

    /// Waits for a turn, then works beside the threads that carry calls.
    async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || {
            Problem::new(Code::TooManySignIns, "many people sign in right now: try again shortly")
                .header(http::header::RETRY_AFTER, http::HeaderValue::from_static("2"))
        };
        let failed = || Problem::new(Code::Internal, "the password was not looked at");
        let waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let _turn = self.running.acquire().await.map_err(|_| failed())?;
        drop(waiting);
        tokio::task::spawn_blocking(work).await.ok().flatten().ok_or_else(failed)
    }
}

/// The hash of a password nobody has, with the parameters of the others: compared where there is
/// nothing to compare, so that the time does not tell who exists.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$Y291bnRlcnNpZ24tbm9ib2R5\
    $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn hasher() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = PARAMS;
    let params = Params::new(memory, passes, lanes, Some(Params::DEFAULT_OUTPUT_LEN)).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        Password::new(text, &["ada.lovelace@example.org", "Ada Lovelace"]).is_err()
    }

    #[test]
    fn a_password_is_long_enough_and_not_everybodys() {
        let long = "x".repeat(1025);
        for bad in [
            "",
            "short",
            "elevenchars",
            "password1234",
            "Password1234!",
            "P@ssw0rd2026!",
            "qwertyuiop12",
            "123456789012",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "countersign2026",
            "adalovelace1",
            "ada.lovelace@example.org",
            "correct\nhorse battery",
            &long,
        ] {
            assert!(refused(bad), "{bad:?}");
        }
        let longest = "correct horse ".repeat(73);
        for good in ["correct horse staple", "Zf7!kq0_Lw2x", "пароль для казначея", &longest]
        {
            assert!(!refused(good), "{good:?}");
        }
    }

    #[tokio::test]
    async fn a_password_is_known_again_in_every_form_of_its_letters() {
        let hashing = Hashing::default();
        let kept = hashing.hash(Password::new("Zoë trinkt Kaffee", &[]).unwrap()).await.unwrap();
        let text = kept.expose_str().unwrap().to_owned();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        for (shown, same) in [
            ("Zoë trinkt Kaffee", true),
            ("Zoe\u{308} trinkt Kaffee", true),
            ("Zoe trinkt Kaffee", false),
            ("zoë trinkt Kaffee", false),
            ("Zoë trinkt Kaffee ", false),
            ("", false),
        ] {
            let kept = Some(Secret::from(text.clone()));
            let answer = hashing.matches(Password::shown(shown), kept).await.unwrap();
            assert_eq!(answer, same, "{shown}");
        }
    }

    #[tokio::test]
    async fn where_nothing_is_kept_nothing_matches() {
        let hashing = Hashing::default();
        for shown in ["", "countersign-nobody", "correct horse staple"] {
            assert!(!hashing.matches(Password::shown(shown), None).await.unwrap(), "{shown}");
        }
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let hashing = Hashing::default();
        let mut seen = vec![];
        for _ in 0..2 {
            let password = Password::new("correct horse staple", &[]).unwrap();
            seen.push(hashing.hash(password).await.unwrap().expose().to_vec());
        }
        assert_ne!(seen[0], seen[1]);
    }
}
