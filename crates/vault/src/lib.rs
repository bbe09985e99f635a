//! Secrets at rest and in hand: sealing, keys, tokens, row MACs. Never a network, a clock or a database.
//!
//! # The crate on one screen
//!
//! ```text
//! RootKey            32 bytes outside the database: a file, a descriptor, an environment value
//!   └─ wraps ─► Keyring rows: one base key (id 0) and the data keys (id 1, 2, …)
//!                 ├─ base key ─ HKDF ─► Pepper     keyed hashes of tokens
//!                 │                     RowMac     "this row was written by us"
//!                 │                     StateKey   short state that leaves the house and comes back
//!                 └─ active data key ─ HKDF per record ─► sealed records
//! ```
//!
//! - [`Keyring::seal`] and [`Keyring::open`] keep a credential at one [`Place`]: organisation, table,
//!   record, field, generation. A record moved to another place, an older one put back, a flipped
//!   bit: [`OpenError::NotOpened`], one answer for all of them. `record.rs` has the bytes.
//! - [`Secret`] is what comes out. It prints `[redacted]` and is wiped when dropped; so are all keys.
//! - [`Token`] is a grant token (`csg1_…`) or an API key (`csk1_…`): shown once, then known to the
//!   store only as [`Token::hash`] under a [`Pepper`].
//! - [`EchoNeedles`] finds a credential that an upstream sends back, plain or simply encoded.
//! - [`FingerprintKey`] tells equal values from different ones without keeping them; [`CaptureKey`]
//!   seals to a public key whose other half this house does not have.
//! - [`WebhookKey`] signs messages to receivers outside (Standard Webhooks).
//! - Replacing the root key re-wraps a handful of key ring rows ([`Keyring::rewrap`]); nothing that
//!   was derived or sealed changes, because all of it hangs from keys inside the ring.
//!
//! Randomness is handed in ([`Randomness`]), so every test is repeatable; [`OsRandom`] is the real
//! one. (Only [`CaptureKey`] leaves it to its library, which takes none.) Only [`source`] touches the world, to read or write a root key.
//!
//! ```
//! use vault::{Keyring, OsRandom, Place, RootKey};
//!
//! let root = RootKey::generate(&OsRandom)?;
//! let (keyring, rows) = Keyring::create(&root, &OsRandom)?; // save `rows`
//! let place = Place { org: "o1", table: "credentials", record: "c1", field: "value", generation: 1 };
//! let blob = keyring.seal(&place, b"sk_live_1", &OsRandom)?;
//!
//! let keyring = Keyring::load(&root, &rows)?; // at the next start
//! assert_eq!(keyring.open(&place, &blob)?.expose(), b"sk_live_1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod engine;
mod random;
mod secret;
mod root;
pub mod source;
mod record;
mod keyring;
mod base62;
mod crc;
mod token;
mod row_mac;
mod state_key;
mod encodings;
mod echo;
mod fingerprint;
mod capture;
mod webhook;

pub use capture::{CaptureError, CaptureKey, CaptureKeyError, CaptureOpener};
pub use echo::{EchoNeedles, REDACTED};
pub use fingerprint::FingerprintKey;
pub use keyring::{KeyState, Keyring, KeyringRow, LoadError, RotateError, StateChange};
pub use random::{NoRandomness, OsRandom, Randomness};
pub use record::{OpenError, Place, Prepared, SealError};
pub use root::{RootKey, RootKeyError};
pub use row_mac::RowMac;
pub use secret::Secret;
pub use source::{RootKeySource, SourceError};
pub use state_key::StateKey;
pub use token::{Pepper, Token, TokenError, TokenId, TokenKind};
pub use webhook::{NotASigningKey, WebhookKey};
