//! A statement of who the client is, signed with its private key (RFC 7523, `private_key_jwt`).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use json::{Object, Value};
use vault::{OsRandom, Randomness as _};
use zeroize::Zeroizing;

/// How long a statement is good for, in seconds.
const LIFE_SECONDS: i64 = 60;

/// A private key that statements are signed with: P-256, Ed25519 or RSA.
pub struct SigningKey(Kind);

enum Kind {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// Why a statement cannot be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// Not a private key that is understood.
    #[error("the private key must be PKCS#8 in PEM (`BEGIN PRIVATE KEY`): P-256, Ed25519 or RSA")]
    NotAKey,
    /// The key does not sign.
    #[error("the private key does not sign")]
    NotSigned,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

impl SigningKey {
    /// Reads a key.
    pub fn of_pem(text: &str) -> Result<Self, AssertionError> {
        let body = text.trim().strip_prefix("-----BEGIN PRIVATE KEY-----");
        let body = body.and_then(|body| body.strip_suffix("-----END PRIVATE KEY-----"));
        let body = body.ok_or(AssertionError::NotAKey)?;
        let body: Zeroizing<String> =
            Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let der = STANDARD.decode(body.as_bytes()).map_err(|_| AssertionError::NotAKey)?;
        let der = Zeroizing::new(der);
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der) {
            return Ok(Self(Kind::P256(pair)));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            return Ok(Self(Kind::Ed25519(pair)));
        }
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| AssertionError::NotAKey)?;
        Ok(Self(Kind::Rsa(Box::new(pair))))
    }

    /// A statement that we are this client, for this issuer, good for a minute from now.
    pub fn assertion(
        &self,
        client_id: &str,
        issuer: &str,
        now: i64,
    ) -> Result<Zeroizing<String>, AssertionError> {
        let algorithm = match &self.0 {
            Kind::P256(_) => "ES256",
            Kind::Ed25519(_) => "EdDSA",
            Kind::Rsa(_) => "RS256",
        };
        let mut id = [0; 16];
        OsRandom.fill(&mut id).map_err(|_| AssertionError::NotSigned)?;
        let mut head = Object::new();
        head.insert("alg", algorithm);
        head.insert("typ", "JWT");
        let mut claims = Object::new();
        claims.insert("iss", client_id);
        claims.insert("sub", client_id);
        claims.insert("aud", issuer);
        claims.insert("iat", now);
        claims.insert("exp", now.saturating_add(LIFE_SECONDS));
        claims.insert("jti", URL_SAFE_NO_PAD.encode(id));
        let part = |of: Object| URL_SAFE_NO_PAD.encode(json::write_to_vec(&Value::Object(of)));
        let message = format!("{}.{}", part(head), part(claims));
        let signature = self.sign(message.as_bytes())?;
        Ok(Zeroizing::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AssertionError> {
        let random = SystemRandom::new();
        let unsigned = |_| AssertionError::NotSigned;
        match &self.0 {
            Kind::P256(pair) => {
                Ok(pair.sign(&random, message).map_err(unsigned)?.as_ref().to_vec())
            }
            Kind::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(unsigned)?;
                Ok(signature)
            }
        }
    }
}
