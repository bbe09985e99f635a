//! A credential's public key as authenticators write it (COSE), and whether it signed something.

use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};

use super::cbor::{self, Value};

/// The algorithms that are taken, by their COSE numbers, the liked ones first.
pub(super) const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// The sizes of RSA moduli that are taken, in bytes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// A public key, known to be of a kind that is taken.
#[derive(Debug)]
pub(super) enum PublicKey {
    /// An uncompressed point on P-256.
    Es256([u8; 65]),
    /// A point on edwards25519.
    EdDsa([u8; 32]),
    /// Modulus and exponent.
    Rs256(Vec<u8>, Vec<u8>),
}

impl PublicKey {
    /// Reads a COSE key; nothing may follow it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        Self::of(&cbor::read_all(bytes)?)
    }

    /// Reads a COSE key. The algorithm must be named and fit the kind of key.
    pub(super) fn of(key: &Value<'_>) -> Option<Self> {
        let int = |name| key.at(name).and_then(Value::int);
        let bytes = |name| key.at(name).and_then(Value::bytes);
        match (int(1)?, int(3)?) {
            (2, ES256) if int(-1) == Some(1) => {
                let mut point = [4; 65];
                let (x, y) = (bytes(-2)?, bytes(-3)?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                point.get_mut(1..33)?.copy_from_slice(x);
                point.get_mut(33..)?.copy_from_slice(y);
                Some(Self::Es256(point))
            }
            (1, EDDSA) if int(-1) == Some(6) => Some(Self::EdDsa(bytes(-2)?.try_into().ok()?)),
            (3, RS256) => {
                let (n, e) = (bytes(-1)?, bytes(-2)?);
                let fits = RSA_BYTES.contains(&n.len()) && (1..=4).contains(&e.len());
                fits.then(|| Self::Rs256(n.to_vec(), e.to_vec()))
            }
            _ => None,
        }
    }

    /// Whether this key signed the message.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::EdDsa(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            Self::Rs256(n, e) => signature::RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        }
        .is_ok()
    }
}
