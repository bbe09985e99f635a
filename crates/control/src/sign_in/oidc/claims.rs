//! What an ID token must say before it is believed: OpenID Connect Core §3.1.3.7, no exceptions.
//!
//! Pure: the token, the keys, the moment and what was asked for are handed in. Signatures are
//! jsonwebtoken's business; the text is read by our own strict reader, so that a name that stands
//! twice does not mean two things.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Algorithm as Hash, SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use json::{Limits, Value};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use store::Moment;

/// The longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 64 * 1024;
/// How far the provider's clock may be from ours.
const LEEWAY_SECONDS: i64 = 60;
/// How old a token may be that was asked for just now.
const AGE_SECONDS_MAX: i64 = 10 * 60;
/// How strictly tokens and documents of providers are read.
pub(super) const LIMITS: Limits = Limits { depth: 16, members: 4_096, exact: true };

/// What the token must fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) access_token: Option<&'a str>,
    pub(super) now: Moment,
}

/// Why a token is not believed. For the log of the operator; people are told to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotBelieved {
    #[error("it cannot be read")]
    Unreadable,
    #[error("its algorithm is not taken")]
    Algorithm,
    #[error("no key of the issuer fits")]
    NoKey,
    #[error("its signature is not the issuer's")]
    Signature,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another client")]
    Audience,
    #[error("it was made out to another party")]
    Party,
    #[error("it has ended")]
    Expired,
    #[error("it is not from now")]
    IssuedAt,
    #[error("it answers another request")]
    Nonce,
    #[error("it does not belong to the access token")]
    AccessToken,
    #[error("it names nobody")]
    Subject,
}

/// The algorithms that are taken: signatures of keys that the issuer publishes.
fn algorithm(name: &str) -> Option<(Algorithm, &'static Hash)> {
    Some(match name {
        "RS256" => (Algorithm::RS256, &SHA256),
        "RS384" => (Algorithm::RS384, &SHA384),
        "RS512" => (Algorithm::RS512, &SHA512),
        "PS256" => (Algorithm::PS256, &SHA256),
        "PS384" => (Algorithm::PS384, &SHA384),
        "PS512" => (Algorithm::PS512, &SHA512),
        "ES256" => (Algorithm::ES256, &SHA256),
        "ES384" => (Algorithm::ES384, &SHA384),
        "EdDSA" => (Algorithm::EdDSA, &SHA512),
        _ => return None,
    })
}

/// Which key a token asks for: read before the token is believed, to look the key up.
pub(super) fn key_id(token: &str) -> Option<String> {
    let header = part(token.split('.').next()?)?;
    header.get("kid")?.as_str().map(str::to_owned)
}

/// Judges a token. What comes back are its claims, all of them believed.
pub(super) fn judge(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
) -> Result<Value, NotBelieved> {
    use NotBelieved as No;
    if token.len() > TOKEN_BYTES_MAX {
        return Err(No::Unreadable);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(No::Unreadable);
    };
    let head = part(header).ok_or(No::Unreadable)?;
    // Extensions that must be understood are not; there are none.
    if head.get("crit").is_some() {
        return Err(No::Unreadable);
    }
    let named = head.get("alg").and_then(Value::as_str).unwrap_or_default();
    let (algorithm, hash) = algorithm(named).ok_or(No::Algorithm)?;
    let kid = head.get("kid").and_then(Value::as_str);
    let key = choose(keys, kid, named).ok_or(No::NoKey)?;
    let key = jsonwebtoken::DecodingKey::from_jwk(key).map_err(|_| No::NoKey)?;
    let (signed, _) = token.rsplit_once('.').ok_or(No::Unreadable)?;
    let good = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm);
    if !good.unwrap_or(false) {
        return Err(No::Signature);
    }
    let claims = part(payload).ok_or(No::Unreadable)?;
    check(&claims, expected, hash)?;
    Ok(claims)
}

/// The one key that fits: by its id, or the only one there is if the token names none.
fn choose<'a>(keys: &'a [Jwk], kid: Option<&str>, algorithm: &str) -> Option<&'a Jwk> {
    let mut fitting = keys.iter().filter(|key| {
        let signs = matches!(&key.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let named = key.common.key_algorithm.as_ref().map(ToString::to_string);
        let kind = match &key.algorithm {
            AlgorithmParameters::RSA(_) => {
                algorithm.starts_with("RS") || algorithm.starts_with("PS")
            }
            AlgorithmParameters::EllipticCurve(_) => algorithm.starts_with("ES"),
            AlgorithmParameters::OctetKeyPair(_) => algorithm == "EdDSA",
            _ => false,
        };
        let id = kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid));
        signs && kind && id && named.is_none_or(|named| named == algorithm)
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

fn check(claims: &Value, expected: &Expected<'_>, hash: &'static Hash) -> Result<(), NotBelieved> {
    use NotBelieved as No;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(No::Issuer);
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    if !audiences.contains(&expected.client_id) {
        return Err(No::Audience);
    }
    // A token for several is ours only if it says so.
    let party = claims.get("azp");
    let ours = party.is_some_and(|party| party.as_str() == Some(expected.client_id));
    if (party.is_some() || audiences.len() > 1) && !ours {
        return Err(No::Party);
    }
    let now = expected.now.micros().div_euclid(1_000_000);
    let seconds = |name: &str| claims.get(name).and_then(whole_seconds);
    if seconds("exp").is_none_or(|exp| now >= exp.saturating_add(LEEWAY_SECONDS)) {
        return Err(No::Expired);
    }
    let fresh = now.saturating_sub(AGE_SECONDS_MAX)..=now.saturating_add(LEEWAY_SECONDS);
    if seconds("iat").is_none_or(|iat| !fresh.contains(&iat)) {
        return Err(No::IssuedAt);
    }
    if claims.get("nbf").is_some() && seconds("nbf").is_none_or(|nbf| nbf > *fresh.end()) {
        return Err(No::IssuedAt);
    }
    let nonce = text("nonce").unwrap_or_default().as_bytes();
    if verify_slices_are_equal(nonce, expected.nonce.as_bytes()).is_err() {
        return Err(No::Nonce);
    }
    if let Some(said) = claims.get("at_hash") {
        let token = expected.access_token.ok_or(No::AccessToken)?;
        let whole = digest(hash, token.as_bytes());
        let half = whole.as_ref().get(..hash.output_len() / 2).unwrap_or_default();
        if said.as_str() != Some(URL_SAFE_NO_PAD.encode(half).as_str()) {
            return Err(No::AccessToken);
        }
    }
    let subject = text("sub").unwrap_or_default();
    if subject.is_empty() || subject.len() > 255 {
        return Err(No::Subject);
    }
    Ok(())
}

/// A moment that a claim says.
pub(super) fn moment(value: &Value) -> Option<Moment> {
    whole_seconds(value)?.checked_mul(1_000_000).map(Moment::of_micros)
}

/// A moment in whole seconds; some providers write a fraction.
fn whole_seconds(value: &Value) -> Option<i64> {
    let text = value.as_number()?.text();
    let whole = text.split('.').next()?;
    whole.parse().ok()
}

fn part(text: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    json::read(&bytes, LIMITS).ok().filter(|value| value.as_object().is_some())
}
