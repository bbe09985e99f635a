//! The visit to a provider: the address a browser is sent to, and what the code it brings back is
//! worth. Authorization code with PKCE (S256), state and nonce; tokens are asked for once, looked at
//! and dropped.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use json::Value;
use store::{Moment, Provider, ProviderId};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use vault::Secret;
use zeroize::Zeroizing;

use super::claims::{self, Expected, NotBelieved};
use super::issuer::{Issuers, Metadata, Unknown, way_to};

/// The most groups that are looked at.
const GROUPS_MAX: usize = 1_000;

/// What is remembered of a visit until the browser comes back.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) provider: ProviderId,
    pub(crate) redirect_uri: String,
    pub(crate) nonce: String,
    pub(crate) verifier: Zeroizing<String>,
    /// The hash of the cookie of the browser that was sent.
    pub(crate) browser: [u8; 32],
    /// Where it goes afterwards: a path of ours.
    pub(crate) next: String,
    /// Whether the provider is to ask the person again.
    pub(crate) fresh: bool,
}

/// Whom a provider vouches for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    pub(crate) subject: String,
    /// Their address, if the provider knows it to be theirs.
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    /// Their groups there; `None` if the provider says nothing of groups.
    pub(crate) groups: Option<Vec<String>>,
    /// When the provider last asked them who they are, if it says so.
    pub(crate) proved_at: Option<Moment>,
}

/// Why a visit came to nothing. For the operator's log; people are told to try again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Issuer(#[from] Unknown),
    #[error("the endpoint of the issuer is not an address that can be used")]
    Endpoint,
    #[error("the token endpoint cannot be reached: {0}")]
    Exchange(String),
    #[error("the token endpoint refused the code with status {0}")]
    Refused(u16),
    #[error("the token endpoint's answer has no ID token")]
    NoToken,
    #[error("the ID token is not believed: {0}")]
    NotBelieved(#[from] NotBelieved),
    #[error("the provider did not ask the person again")]
    NotFresh,
    #[error("the provider's answer about the person is not about them")]
    OtherPerson,
}

/// The address to send the browser to.
pub(crate) fn address(
    provider: &Provider,
    metadata: &Metadata,
    visit: &Visit,
    state: &str,
) -> Result<String, Failed> {
    let mut url = Url::parse(&metadata.authorization_endpoint).map_err(|_| Failed::Endpoint)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(Failed::Endpoint);
    }
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, visit.verifier.as_bytes());
    let mut scopes = vec!["openid", "email", "profile"];
    for scope in &provider.draft.scopes {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.draft.client_id)
        .append_pair("redirect_uri", &visit.redirect_uri)
        .append_pair("scope", &scopes.join(" "))
        .append_pair("state", state)
        .append_pair("nonce", &visit.nonce)
        .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(hash))
        .append_pair("code_challenge_method", "S256");
    if visit.fresh {
        url.query_pairs_mut().append_pair("prompt", "login").append_pair("max_age", "0");
    }
    Ok(url.into())
}

/// Whether the answer to a visit names the issuer it should (RFC 9207).
pub(crate) fn is_of(provider: &Provider, metadata: &Metadata, issuer: Option<&str>) -> bool {
    match issuer {
        Some(issuer) => issuer == provider.draft.issuer,
        None => !metadata.says_issuer,
    }
}

/// Turns the code into the person it stands for.
pub(crate) async fn redeem(
    issuers: &Issuers,
    provider: &Provider,
    secret: Option<&Secret>,
    visit: &Visit,
    code: &str,
    now: Moment,
) -> Result<Vouched, Failed> {
    let metadata = issuers.metadata(provider, now).await?;
    let tokens = exchange(provider, &metadata, secret, visit, code).await?;
    let id_token = tokens.get("id_token").and_then(Value::as_str).ok_or(Failed::NoToken)?;
    let access_token = tokens.get("access_token").and_then(Value::as_str);
    let wanted = claims::key_id(id_token);
    let keys = issuers.keys(provider, &metadata, wanted.as_deref(), now).await?;
    let expected = Expected {
        issuer: &provider.draft.issuer,
        client_id: &provider.draft.client_id,
        nonce: &visit.nonce,
        access_token,
        now,
    };
    let claims = claims::judge(id_token, &keys, &expected)?;
    let more = match (&metadata.userinfo_endpoint, access_token) {
        // Some providers say little in the token, and the rest to whoever asks with it.
        (Some(url), Some(token)) if claims.get("email").is_none() => {
            Some(user_info(provider, url, token, &claims).await?)
        }
        _ => None,
    };
    Ok(vouched(provider, &claims, more.as_ref()))
}

async fn exchange(
    provider: &Provider,
    metadata: &Metadata,
    secret: Option<&Secret>,
    visit: &Visit,
    code: &str,
) -> Result<Value, Failed> {
    let (headers, form) = request(provider, metadata, secret, visit, code)?;
    let way = way_to(&provider.draft);
    let answer = way.post(&metadata.token_endpoint, headers, form).await;
    let answer = answer.map_err(|error| Failed::Exchange(error.to_string()))?;
    if answer.status != StatusCode::OK {
        return Err(Failed::Refused(answer.status.as_u16()));
    }
    json::read(&answer.body, claims::LIMITS).map_err(|_| Failed::NoToken)
}

/// The request that turns the code into tokens: its headers and its form.
fn request(
    provider: &Provider,
    metadata: &Metadata,
    secret: Option<&Secret>,
    visit: &Visit,
    code: &str,
) -> Result<(HeaderMap, Bytes), Failed> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &visit.redirect_uri)
        .append_pair("code_verifier", &visit.verifier);
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    match secret.and_then(Secret::expose_str) {
        Some(secret) if !metadata.secret_in_body => {
            headers.insert(header::AUTHORIZATION, basic(&provider.draft.client_id, secret)?);
        }
        secret => {
            form.append_pair("client_id", &provider.draft.client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret);
            }
        }
    }
    Ok((headers, Bytes::from(form.finish())))
}

/// The client's name and secret as RFC 6749 §2.3.1 writes them.
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, Failed> {
    let spelled = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let both = Zeroizing::new(format!("{}:{}", spelled(client_id), spelled(secret)));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
    let mut value = HeaderValue::from_str(&value).map_err(|_| Failed::Endpoint)?;
    value.set_sensitive(true);
    Ok(value)
}

async fn user_info(
    provider: &Provider,
    url: &str,
    token: &str,
    claims: &Value,
) -> Result<Value, Failed> {
    let mut headers = HeaderMap::new();
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| Failed::OtherPerson)?;
    bearer.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let answer = way_to(&provider.draft).get(url, headers).await;
    let answer = answer.map_err(|error| Failed::Exchange(error.to_string()))?;
    if answer.status != StatusCode::OK {
        return Err(Failed::Refused(answer.status.as_u16()));
    }
    let said = json::read(&answer.body, claims::LIMITS).map_err(|_| Failed::OtherPerson)?;
    // What is said is about whoever the token is about, or about nobody we asked for.
    let same = said.get("sub").is_some() && said.get("sub") == claims.get("sub");
    same.then_some(said).ok_or(Failed::OtherPerson)
}

/// What the provider says of the person, the token first.
fn vouched(provider: &Provider, claims: &Value, more: Option<&Value>) -> Vouched {
    let said = |name: &str| claims.get(name).or_else(|| more?.get(name));
    let text = |name: &str| said(name).and_then(Value::as_str).map(str::to_owned);
    let verified = match said("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        // Some providers write it as text.
        Some(Value::String(verified)) => verified == "true",
        _ => false,
    };
    let groups = match said(&provider.draft.groups_claim) {
        Some(Value::Array(list)) => {
            let names = list.iter().take(GROUPS_MAX).filter_map(Value::as_str);
            Some(names.map(str::to_owned).collect())
        }
        Some(Value::String(one)) => Some(vec![one.clone()]),
        _ => None,
    };
    Vouched {
        subject: text("sub").unwrap_or_default(),
        email: text("email").filter(|_| verified || provider.draft.trust_email),
        name: text("name").or_else(|| text("preferred_username")),
        groups,
        proved_at: claims.get("auth_time").and_then(claims::moment),
    }
}
