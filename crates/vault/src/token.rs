//! Grant tokens, API keys, invitations and sessions: minted once, shown once, afterwards known only by a keyed hash.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::engine::{self, KEY_BYTES};
use crate::{NoRandomness, Randomness, base62, crc};

const PREFIX_BYTES: usize = 5;
const ID_BYTES: usize = 12;
const SECRET_BYTES: usize = 43;
const CRC_BYTES: usize = 6;
/// `csg1_` id `_` secret `_` crc.
const TOKEN_BYTES: usize = PREFIX_BYTES + ID_BYTES + 1 + SECRET_BYTES + 1 + CRC_BYTES;
/// Everything before the last `_`: what the checksum covers.
const CHECKED_BYTES: usize = TOKEN_BYTES - CRC_BYTES - 1;

/// What a token is for. No kind can ever be taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `csg1_`: an agent's grant, for the gateway.
    Grant,
    /// `csk1_`: a key to the management API.
    ApiKey,
    /// `csi1_`: a link that lets an invited person in, once.
    Invite,
    /// `css1_`: a signed-in browser, in its cookie.
    Session,
    /// `csu1_`: a link by which the first admin, or a member who lost their way in, sets a password.
    Setup,
}

impl TokenKind {
    /// What every token of this kind begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Grant => "csg1_",
            Self::ApiKey => "csk1_",
            Self::Invite => "csi1_",
            Self::Session => "css1_",
            Self::Setup => "csu1_",
        }
    }
}

/// A whole token: whoever holds it may act.
///
/// - **Shape**: `csg1_<id:12>_<secret:43>_<crc:6>`, all of it base62, 68 bytes. The secret is a
///   256-bit number; the checksum is CRC-32 over everything before its `_`.
/// - **Source**: [`Token::mint`], once; then only what a stranger sends, through [`Token::parse`].
///
/// A well-formed token proves nothing. It is what it says when [`Token::matches`] the stored hash.
/// It prints as `csg1_<id>_[redacted]`, and is wiped when dropped.
pub struct Token {
    kind: TokenKind,
    bytes: Zeroizing<[u8; TOKEN_BYTES]>,
}

/// The public part of a token, by which the store finds the row. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId([u8; ID_BYTES]);

/// The bytes are not a token of the kind asked for. Worth no look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Too short or too long.
    #[error("a token has {TOKEN_BYTES} bytes")]
    Length,
    /// It begins otherwise: perhaps a token of the other kind.
    #[error("the token is not of the kind that is used here")]
    Prefix,
    /// A separator out of place, or a byte that is no base62 digit.
    #[error("the token has a character that no token has")]
    Shape,
    /// The checksum is wrong: mistyped, cut and pasted in part, or made up.
    #[error("the token has been changed or mistyped")]
    Checksum,
}

impl Token {
    /// Makes a fresh token from 48 random bytes: 16 for the id, 32 for the secret.
    pub fn mint(kind: TokenKind, random: &dyn Randomness) -> Result<Self, NoRandomness> {
        let mut drawn = Zeroizing::new([0; 48]);
        random.fill(drawn.as_mut_slice())?;
        let (id, secret) = drawn.split_at_mut(16);

        let mut bytes = Zeroizing::new([b'_'; TOKEN_BYTES]);
        bytes[..PREFIX_BYTES].copy_from_slice(kind.prefix().as_bytes());
        base62::write(id, &mut bytes[PREFIX_BYTES..PREFIX_BYTES + ID_BYTES]);
        base62::write(secret, &mut bytes[CHECKED_BYTES - SECRET_BYTES..CHECKED_BYTES]);
        let crc = checksum(&bytes[..CHECKED_BYTES]);
        bytes[TOKEN_BYTES - CRC_BYTES..].copy_from_slice(&crc);
        Ok(Self { kind, bytes })
    }

    /// Reads a token exactly: no blank space, no other case, nothing before or after.
    pub fn parse(kind: TokenKind, bytes: &[u8]) -> Result<Self, TokenError> {
        let bytes: &[u8; TOKEN_BYTES] = bytes.try_into().map_err(|_| TokenError::Length)?;
        let rest = bytes.strip_prefix(kind.prefix().as_bytes()).ok_or(TokenError::Prefix)?;
        let (id, rest) = rest.split_at(ID_BYTES);
        let (secret, crc) = rest.split_at(SECRET_BYTES + 1);
        let parts =
            [Some(id), secret.strip_prefix(b"_".as_slice()), crc.strip_prefix(b"_".as_slice())];
        for part in parts {
            let digits = part.ok_or(TokenError::Shape)?;
            if !digits.iter().all(|byte| base62::is_digit(*byte)) {
                return Err(TokenError::Shape);
            }
        }
        if !bytes.ends_with(&checksum(&bytes[..CHECKED_BYTES])) {
            return Err(TokenError::Checksum);
        }
        Ok(Self { kind, bytes: Zeroizing::new(*bytes) })
    }

    /// What the token is for.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The public part, to look the row up by.
    pub fn id(&self) -> TokenId {
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&self.bytes[PREFIX_BYTES..PREFIX_BYTES + ID_BYTES]);
        TokenId(id)
    }

    /// The whole token, to show it the one time it is shown.
    pub fn expose(&self) -> &str {
        // Every byte is ASCII, so this is never the empty text.
        std::str::from_utf8(self.bytes.as_slice()).unwrap_or_default()
    }

    /// What the store keeps instead of the token: HMAC-SHA256 over all its bytes under the pepper.
    pub fn hash(&self, pepper: &Pepper) -> [u8; 32] {
        engine::tag_bytes(hmac::sign(&pepper.key, self.bytes.as_slice()))
    }

    /// Whether `stored` is this token's hash. All 32 bytes decide, in constant time.
    ///
    /// For an id that is in no row, compare with any 32 bytes all the same: then a stranger cannot
    /// tell by the time whether the id exists.
    pub fn matches(&self, pepper: &Pepper, stored: &[u8]) -> bool {
        engine::same(&self.hash(pepper), stored)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}_[redacted]", self.kind.prefix(), self.id())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TokenId {
    /// Reads an id back from its column; `None` if it never was one.
    pub fn parse(text: &str) -> Option<Self> {
        let id: [u8; ID_BYTES] = text.as_bytes().try_into().ok()?;
        id.iter().all(|byte| base62::is_digit(*byte)).then_some(Self(id))
    }

    /// The twelve characters.
    pub fn as_str(&self) -> &str {
        // Every byte is ASCII, so this is never the empty text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({})", self.as_str())
    }
}

/// The key tokens are hashed under. Kept out of the database, so that writing a row is not enough
/// to make a token.
///
/// - **Source**: [`crate::Keyring::pepper`]. `version` is saved beside every hash.
#[derive(Clone)]
pub struct Pepper {
    version: u32,
    key: hmac::Key,
}

impl Pepper {
    /// A pepper from its key.
    pub fn new(version: u32, key: &[u8; KEY_BYTES]) -> Self {
        Self { version, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Which version this is.
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {}, [redacted])", self.version)
    }
}

fn checksum(bytes: &[u8]) -> [u8; CRC_BYTES] {
    let mut number = crc::crc32(bytes).to_be_bytes();
    let mut digits = [0; CRC_BYTES];
    base62::write(&mut number, &mut digits);
    digits
}
