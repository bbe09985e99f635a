//! The visit of a person's browser to the authorization server.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;
use vault::{NoRandomness, Randomness};
use zeroize::Zeroizing;

use crate::Discovered;

/// Why nobody is sent there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VisitError {
    /// People cannot consent there.
    #[error("the authorization server names no authorization endpoint")]
    NoEndpoint,
    /// The code could be stolen on its way.
    #[error("the authorization server does not take PKCE with S256")]
    NoPkce,
}

/// What a browser is sent with.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// What the authorization server calls us.
    pub client_id: &'a str,
    /// Where the browser comes back to.
    pub redirect_uri: &'a str,
    /// The scopes asked for.
    pub scopes: &'a [String],
    /// The secret that the answer brings back.
    pub state: &'a str,
    /// The secret whose hash is sent.
    pub verifier: &'a str,
}

impl Visit<'_> {
    /// The address to send the browser to.
    pub fn address(&self, found: &Discovered) -> Result<String, VisitError> {
        if !found.takes_s256 {
            return Err(VisitError::NoPkce);
        }
        let endpoint = found.authorization_endpoint.as_deref().ok_or(VisitError::NoEndpoint)?;
        let mut url = Url::parse(endpoint).map_err(|_| VisitError::NoEndpoint)?;
        let hash = digest(&SHA256, self.verifier.as_bytes());
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("state", self.state)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(hash))
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", &found.resource);
        if !self.scopes.is_empty() {
            url.query_pairs_mut().append_pair("scope", &self.scopes.join(" "));
        }
        if self.scopes.iter().any(|scope| scope == "offline_access") {
            // OpenID Connect gives it to nobody who was not asked.
            url.query_pairs_mut().append_pair("prompt", "consent");
        }
        Ok(url.into())
    }
}

/// Whether an answer names the issuer it must: letter by letter, and always where the authorization
/// server says that it names itself (RFC 9207).
pub fn names_issuer(issuer: &str, says_issuer: bool, named: Option<&str>) -> bool {
    match named {
        Some(named) => named == issuer,
        None => !says_issuer,
    }
}

/// A secret of 256 random bits in letters: for `state` and for a verifier.
pub fn random_secret(random: &dyn Randomness) -> Result<Zeroizing<String>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut_slice())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}
