//! What an issuer publishes: where its endpoints are and which keys it signs with. Asked for rarely,
//! kept for a while, and never more often than once in a while, whatever strangers send.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dial::Fetch;
use http::{HeaderMap, StatusCode};
use json::Value;
use jsonwebtoken::jwk::Jwk;
use store::{Moment, Provider, ProviderDraft, ProviderId};
use tokio::sync::Mutex;

use super::claims::LIMITS;

/// The largest document that is read.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// How long an issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what was read is believed.
const KEPT_SECONDS: i64 = 60 * 60;
/// How soon keys are read again because a token names one that is not known.
const AGAIN_SECONDS: i64 = 60;
/// The most keys of one issuer.
const KEYS_MAX: usize = 64;

/// Why nothing is known of an issuer. For the operator's log and for admins: no text holds what the
/// other side sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unknown {
    #[error("{0} cannot be fetched: {1}")]
    Fetch(&'static str, String),
    #[error("{0} was answered with status {1}")]
    Status(&'static str, u16),
    #[error("{0} is not a JSON object that can be read")]
    Unreadable(&'static str),
    #[error("the discovery document is of another issuer")]
    OtherIssuer,
    #[error("the discovery document lacks `{0}`")]
    Lacks(&'static str),
    #[error("the issuer does not take PKCE with S256")]
    NoPkce,
}

/// Where an issuer's endpoints are, and how it wants to be spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: Option<String>,
    jwks_uri: String,
    /// The client secret goes into the body, because the issuer takes it in no header.
    pub(super) secret_in_body: bool,
    /// Answers to us carry the issuer (RFC 9207).
    pub(super) says_issuer: bool,
}

/// What is known of the issuers.
#[derive(Default)]
pub(crate) struct Issuers(Mutex<HashMap<ProviderId, Arc<Mutex<Known>>>>);

/// What is known of one. A changed provider begins anew.
#[derive(Default)]
struct Known {
    revision: i64,
    metadata: Option<(Moment, Metadata)>,
    keys: Option<(Moment, Arc<[Jwk]>)>,
}

/// The way to a provider: bounded, and through the guard. What its documents name is the provider's
/// word and not the operator's.
pub(super) fn way_to(draft: &ProviderDraft) -> Fetch {
    let fetch = Fetch::new(DOCUMENT_BYTES_MAX, PATIENCE, draft.private_targets.clone());
    fetch.named_by(&draft.issuer)
}

impl Issuers {
    /// The endpoints of an issuer.
    pub(crate) async fn metadata(
        &self,
        provider: &Provider,
        now: Moment,
    ) -> Result<Metadata, Unknown> {
        let known = self.known(provider).await;
        let mut known = known.lock().await;
        if let Some((since, metadata)) = &known.metadata
            && now < since.plus_seconds(KEPT_SECONDS)
        {
            return Ok(metadata.clone());
        }
        let metadata = discover(&provider.draft).await?;
        known.metadata = Some((now, metadata.clone()));
        Ok(metadata)
    }

    /// The keys of an issuer. One that is asked for by a name that is not among them makes them be
    /// read again, unless that was done a moment ago.
    pub(crate) async fn keys(
        &self,
        provider: &Provider,
        metadata: &Metadata,
        wanted: Option<&str>,
        now: Moment,
    ) -> Result<Arc<[Jwk]>, Unknown> {
        let known = self.known(provider).await;
        let mut known = known.lock().await;
        if let Some((since, keys)) = &known.keys {
            let has = wanted.is_none_or(|wanted| {
                keys.iter().any(|key| key.common.key_id.as_deref() == Some(wanted))
            });
            let good_for = if has { KEPT_SECONDS } else { AGAIN_SECONDS };
            if now < since.plus_seconds(good_for) {
                return Ok(Arc::clone(keys));
            }
        }
        let keys: Arc<[Jwk]> = read_keys(provider, metadata).await?.into();
        known.keys = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }

    async fn known(&self, provider: &Provider) -> Arc<Mutex<Known>> {
        let mut all = self.0.lock().await;
        let known = Arc::clone(all.entry(provider.id.clone()).or_default());
        drop(all);
        let mut one = known.lock().await;
        if one.revision != provider.revision {
            *one = Known { revision: provider.revision, ..Known::default() };
        }
        drop(one);
        known
    }
}

/// Reads the discovery document (OpenID Connect Discovery §4).
pub(super) async fn discover(draft: &ProviderDraft) -> Result<Metadata, Unknown> {
    const WHAT: &str = "the discovery document";
    let issuer = &draft.issuer;
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = document(WHAT, draft, &url).await?;
    let text = |name: &'static str| document.get(name).and_then(Value::as_str);
    if text("issuer") != Some(issuer.as_str()) {
        return Err(Unknown::OtherIssuer);
    }
    let needed = |name| text(name).map(str::to_owned).ok_or(Unknown::Lacks(name));
    let lists = |name: &str, value: &str| {
        let list = document.get(name)?.as_array()?;
        Some(list.iter().any(|item| item.as_str() == Some(value)))
    };
    if lists("code_challenge_methods_supported", "S256") == Some(false) {
        return Err(Unknown::NoPkce);
    }
    let methods = "token_endpoint_auth_methods_supported";
    // Without the list, the header is what every issuer takes.
    let header = lists(methods, "client_secret_basic").unwrap_or(true);
    Ok(Metadata {
        authorization_endpoint: needed("authorization_endpoint")?,
        token_endpoint: needed("token_endpoint")?,
        userinfo_endpoint: text("userinfo_endpoint").map(str::to_owned),
        jwks_uri: needed("jwks_uri")?,
        secret_in_body: !header && lists(methods, "client_secret_post") == Some(true),
        says_issuer: document.get("authorization_response_iss_parameter_supported")
            == Some(&Value::Bool(true)),
    })
}

async fn read_keys(provider: &Provider, metadata: &Metadata) -> Result<Vec<Jwk>, Unknown> {
    const WHAT: &str = "the key set";
    let document = document(WHAT, &provider.draft, &metadata.jwks_uri).await?;
    let keys = document.get("keys").and_then(Value::as_array).ok_or(Unknown::Lacks("keys"))?;
    // A key of a kind that is not known is no reason to know none.
    let known = keys.iter().take(KEYS_MAX).filter_map(|key| {
        let text = json::write_to_vec(key);
        serde_json::from_slice::<Jwk>(&text).ok()
    });
    Ok(known.collect())
}

async fn document(what: &'static str, draft: &ProviderDraft, url: &str) -> Result<Value, Unknown> {
    let answer = way_to(draft).get(url, HeaderMap::new()).await;
    let answer = answer.map_err(|error| Unknown::Fetch(what, error.to_string()))?;
    if answer.status != StatusCode::OK {
        return Err(Unknown::Status(what, answer.status.as_u16()));
    }
    let value = json::read(&answer.body, LIMITS).ok();
    value.filter(|value| value.as_object().is_some()).ok_or(Unknown::Unreadable(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S10: the endpoints and keys that a provider's document names are the provider's word: this
    /// machine is named by a provider on this machine alone.
    #[tokio::test]
    async fn s10_a_provider_elsewhere_does_not_name_this_machine() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let draft = |issuer: &str| ProviderDraft {
            slug: "idp".into(),
            name: "Idp".into(),
            issuer: issuer.into(),
            client_id: "us".into(),
            private_targets: vec![],
            scopes: vec![],
            groups_claim: "groups".into(),
            roles: vec![],
            groups: vec![],
            default_role: None,
            trust_email: false,
            enabled: true,
        };
        let refused = document("the key set", &draft("https://idp.example"), &url).await;
        assert!(matches!(refused, Err(Unknown::Fetch(..))), "nobody was asked");
        let reached = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept());
        assert!(reached.await.is_err(), "and nobody was reached");
        // A provider on this machine may: here it answers nonsense, but it is asked.
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            tokio::io::AsyncReadExt::read(&mut stream, &mut asked).await.unwrap();
            let said = b"HTTP/1.1 418 X\r\ncontent-length: 0\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, said).await.unwrap();
        });
        let asked = document("the key set", &draft("http://127.0.0.1:1"), &url).await;
        assert!(matches!(asked, Err(Unknown::Status(_, 418))));
        answering.await.unwrap();
    }
}
