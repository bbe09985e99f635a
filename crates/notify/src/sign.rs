//! Signatures of webhooks, as Standard Webhooks writes them: over id, time and body, so that neither
//! another body nor an old message passes for a new one.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::Signing;
use vault::Secret;

/// The bytes of a key: of HMAC, and the seed of Ed25519.
pub const KEY_BYTES: usize = 32;

/// The key that is kept is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key of the channel cannot be used")]
pub struct NotAKey;

/// The value of the header `webhook-signature`.
///
/// - **Units**: `at_seconds` counts from the epoch and is the header `webhook-timestamp`.
pub fn signature(
    signing: &Signing,
    key: &Secret,
    id: &str,
    at_seconds: i64,
    body: &[u8],
) -> Result<String, NotAKey> {
    if key.expose().len() != KEY_BYTES {
        return Err(NotAKey);
    }
    let mut signed = format!("{id}.{at_seconds}.").into_bytes();
    signed.extend_from_slice(body);
    Ok(match signing {
        Signing::Hmac => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
            format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
        }
        Signing::Ed25519 { .. } => {
            let pair = Ed25519KeyPair::from_seed_unchecked(key.expose()).map_err(|_| NotAKey)?;
            format!("v1a,{}", STANDARD.encode(pair.sign(&signed)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks reference libraries.
    #[test]
    fn the_signature_is_the_one_of_the_standard() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.".to_vec();
        signed.extend_from_slice(br#"{"test": 2432232314}"#);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed);
        assert_eq!(STANDARD.encode(tag), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        // Ours are longer; the shape is the same.
        let key = Secret::new(vec![7; KEY_BYTES]);
        let ours = signature(&Signing::Hmac, &key, "msg_1", 1, b"{}").unwrap();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; KEY_BYTES]), b"msg_1.1.{}");
        assert_eq!(ours, format!("v1,{}", STANDARD.encode(tag)));
    }

    #[test]
    fn a_key_of_another_length_signs_nothing() {
        for signing in [Signing::Hmac, Signing::Ed25519 { public_key: String::new() }] {
            let short = Secret::new(vec![7; KEY_BYTES - 1]);
            assert_eq!(signature(&signing, &short, "msg_1", 1, b"{}"), Err(NotAKey));
        }
    }
}
