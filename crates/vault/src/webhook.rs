//! Signatures of messages to receivers outside, as Standard Webhooks writes them: over id, time and
//! body, so that neither another body nor an old message passes for a new one.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Secret;

/// What the messages to one receiver are signed with.
pub enum WebhookKey {
    /// A key that both sides know: signatures `v1,…`.
    Hmac(Secret),
    /// The receiver knows the public key alone: signatures `v1a,…`.
    Ed25519(Ed25519KeyPair),
}

/// The bytes are no seed of an Ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key cannot be used")]
pub struct NotASigningKey;

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey([redacted])")
    }
}

impl WebhookKey {
    /// A key that both sides know, as bytes.
    pub fn hmac(key: &Secret) -> Self {
        Self::Hmac(Secret::new(key.expose().to_vec()))
    }

    /// The same as it is handed around in text: what follows `whsec_` in base64, or the bytes of any
    /// other text.
    pub fn hmac_of_text(secret: &Secret) -> Self {
        let coded = secret.expose().strip_prefix(b"whsec_");
        let decoded = coded.and_then(|coded| STANDARD.decode(coded).ok()).map(Secret::new);
        Self::hmac(decoded.as_ref().unwrap_or(secret))
    }

    /// The private half of an Ed25519 key, as its seed of 32 bytes.
    pub fn ed25519(seed: &Secret) -> Result<Self, NotASigningKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose());
        pair.map(Self::Ed25519).map_err(|_| NotASigningKey)
    }

    /// The three headers that prove a message: `webhook-id`, `webhook-timestamp`,
    /// `webhook-signature`.
    ///
    /// - **Units**: `at_seconds` counts from the epoch.
    pub fn headers(&self, id: &str, at_seconds: i64, body: &[u8]) -> [(&'static str, String); 3] {
        let mut signed = format!("{id}.{at_seconds}.").into_bytes();
        signed.extend_from_slice(body);
        let signature = match self {
            Self::Hmac(key) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
                format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
            }
            Self::Ed25519(pair) => format!("v1a,{}", STANDARD.encode(pair.sign(&signed))),
        };
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at_seconds.to_string()),
            ("webhook-signature", signature),
        ]
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, KeyPair as _, UnparsedPublicKey};

    use super::*;

    fn signature(key: &WebhookKey, id: &str, at: i64, body: &[u8]) -> String {
        let [(_, said_id), (_, said_at), (name, signature)] = key.headers(id, at, body);
        assert_eq!((said_id.as_str(), said_at, name), (id, at.to_string(), "webhook-signature"));
        signature
    }

    /// The example of the Standard Webhooks reference libraries.
    #[test]
    fn a_signature_is_the_one_of_the_standard() {
        let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let text = WebhookKey::hmac_of_text(&secret);
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let bytes = WebhookKey::hmac(&Secret::new(bytes));
        for key in [text, bytes] {
            let signed = signature(&key, id, 1_614_265_330, body);
            assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        }
    }

    #[test]
    fn a_text_that_is_no_base64_is_the_key_itself() {
        for text in ["plain words", "whsec_!!"] {
            let secret = Secret::from(text.to_owned());
            let (ours, theirs) = (WebhookKey::hmac_of_text(&secret), WebhookKey::hmac(&secret));
            assert_eq!(signature(&ours, "m", 1, b"{}"), signature(&theirs, "m", 1, b"{}"));
        }
    }

    #[test]
    fn a_receiver_checks_with_the_public_key_alone() {
        let seed = [7; 32];
        let key = WebhookKey::ed25519(&Secret::new(seed.to_vec())).unwrap();
        let signed = signature(&key, "msg_1", 1, b"{}");
        let bytes = STANDARD.decode(signed.strip_prefix("v1a,").unwrap()).unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
        public.verify(b"msg_1.1.{}", &bytes).unwrap();
        assert!(public.verify(b"msg_1.2.{}", &bytes).is_err());
        assert!(WebhookKey::ed25519(&Secret::new(vec![7; 31])).is_err());
    }
}
