//! The token endpoint: what is asked, how we prove who we are, what is believed of the answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use json::Value;
use url::form_urlencoded::{Serializer, byte_serialize};
use vault::Secret;
use zeroize::Zeroizing;

use crate::{SigningKey, Unanswered, Web, object};

/// The longest token that is kept. It has to fit a header.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// The longest life that is believed: a year.
const LIFE_SECONDS_MAX: i64 = 366 * 86_400;

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// Not at all: a public client, which PKCE protects.
    None,
    /// Its secret in a header.
    Basic,
    /// Its secret in the body.
    Post,
    /// A statement signed with its private key.
    PrivateKeyJwt,
}

impl AuthMethod {
    const ALL: [Self; 4] = [Self::None, Self::Basic, Self::Post, Self::PrivateKeyJwt];

    /// The word of the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }

    /// The one to ask for, of those that are taken. Where nothing is said, the header is.
    pub fn preferred(taken: Option<&[String]>) -> Self {
        let Some(taken) = taken else { return Self::Basic };
        let takes = |method: &Self| taken.iter().any(|word| word == method.as_str());
        [Self::Basic, Self::Post, Self::None].into_iter().find(takes).unwrap_or(Self::Basic)
    }

    /// The same with a secret.
    #[must_use]
    pub const fn with_secret(self) -> Self {
        match self {
            Self::None => Self::Basic,
            other => other,
        }
    }

    /// Whether a secret or a key belongs to it.
    pub const fn needs_secret(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// A client, and what it proves itself with.
#[derive(Clone, Copy, Debug)]
pub struct ClientAuth<'a> {
    /// What the authorization server calls us.
    pub client_id: &'a str,
    /// How it is proved.
    pub method: AuthMethod,
    /// The client secret, or the private key as PKCS#8 in PEM.
    pub secret: Option<&'a Secret>,
    /// The issuer: whom a signed statement is for.
    pub issuer: &'a str,
}

/// What tokens are asked for.
#[derive(Clone, Copy, Debug)]
pub enum TokenRequest<'a> {
    /// A code that a browser brought back.
    Code {
        /// The code.
        code: &'a str,
        /// The other half of the challenge.
        verifier: &'a str,
        /// Where the browser came back to.
        redirect_uri: &'a str,
    },
    /// A refresh token.
    Refresh(&'a Secret),
    /// The client itself.
    Client,
}

/// Tokens that were given.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Secret,
    /// The refresh token; `None`: the one before stays good, if there was one.
    pub refresh: Option<Secret>,
    /// How long the access token lives, in seconds; `None` if that was not said.
    pub expires_in: Option<i64>,
    /// The scopes; `None` if they are what was asked for.
    pub scopes: Option<Vec<String>>,
}

/// Why there are no tokens. No text holds what the other side sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The code or refresh token is not good, or not any more: somebody has to consent again.
    #[error("the authorization server does not take the grant any more")]
    InvalidGrant,
    /// The authorization server said no for another reason that time does not mend.
    #[error("the authorization server refused the request (`{0}`)")]
    Refused(&'static str),
    /// It may work later, and nothing was used up: it was not reached, or has too much to do.
    #[error("the token endpoint gave no usable answer: {0}")]
    Later(String),
    /// What became of the request is not known: no whole answer came, or a fault. A refresh token
    /// that is good once may be used up.
    #[error("the token endpoint gave no usable answer: {0}")]
    Lost(String),
    /// The address may not be dialled, or the client cannot prove who it is.
    #[error("the token request cannot be made: {0}")]
    Unsent(String),
    /// It gave something, and it is not a bearer token that can be used.
    #[error("the authorization server gave no usable bearer token")]
    Unusable,
}

/// The codes of RFC 6749 and RFC 8707 that are passed on by name.
const CODES: [&str; 7] = [
    "invalid_request",
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "access_denied",
];

impl TokenError {
    /// The kind of it as a stable word: a code of RFC 6749 or RFC 8707, or one of ours.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::InvalidGrant => "invalid_grant",
            Self::Refused(code) => code,
            Self::Later(_) | Self::Lost(_) => "no_answer",
            Self::Unsent(_) => "not_asked",
            Self::Unusable => "unusable_token",
        }
    }

    /// Whether a refresh token that is good once may be used up, and nothing was got for it.
    pub const fn may_have_used(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Unusable)
    }
}

impl TokenRequest<'_> {
    /// Asks for tokens. `now` is the time in seconds since the epoch, for a signed statement.
    pub async fn send(
        &self,
        web: &dyn Web,
        token_endpoint: &str,
        client: &ClientAuth<'_>,
        resource: &str,
        scopes: &[String],
        now: i64,
    ) -> Result<Tokens, TokenError> {
        let (headers, form) = self.request(client, resource, scopes, now)?;
        let answer = match web.post(token_endpoint, headers, form).await {
            Ok(answer) => answer,
            Err(Unanswered::Refused(why)) => return Err(TokenError::Unsent(why)),
            Err(Unanswered::Unreached(why)) => return Err(TokenError::Later(why)),
            Err(Unanswered::Lost(why)) => return Err(TokenError::Lost(why)),
        };
        let status = answer.status;
        let document = object(&answer);
        if status.as_u16() == 200 {
            return tokens(document.as_ref().ok_or(TokenError::Unusable)?);
        }
        let code = document.as_ref().and_then(|d| d.get("error")).and_then(Value::as_str);
        match code {
            Some("invalid_grant") => Err(TokenError::InvalidGrant),
            Some(code) if status.is_client_error() && status.as_u16() != 429 => {
                let known = CODES.into_iter().find(|known| *known == code);
                Err(TokenError::Refused(known.unwrap_or("other")))
            }
            _ if status.is_server_error() => {
                Err(TokenError::Lost(format!("status {}", status.as_u16())))
            }
            _ => Err(TokenError::Later(format!("status {}", status.as_u16()))),
        }
    }

    fn request(
        &self,
        client: &ClientAuth<'_>,
        resource: &str,
        scopes: &[String],
        now: i64,
    ) -> Result<(HeaderMap, Bytes), TokenError> {
        let mut form = Serializer::new(String::new());
        match self {
            Self::Code { code, verifier, redirect_uri } => {
                form.append_pair("grant_type", "authorization_code")
                    .append_pair("code", code)
                    .append_pair("redirect_uri", redirect_uri)
                    .append_pair("code_verifier", verifier);
            }
            Self::Refresh(token) => {
                let token = token.expose_str().ok_or(TokenError::Unusable)?;
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token);
            }
            Self::Client => {
                form.append_pair("grant_type", "client_credentials");
                if !scopes.is_empty() {
                    form.append_pair("scope", &scopes.join(" "));
                }
            }
        }
        form.append_pair("resource", resource);
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        client.prove(&mut form, &mut headers, now)?;
        Ok((headers, Bytes::from_owner(Form(Zeroizing::new(form.finish())))))
    }
}

/// A form that is wiped when it was sent.
struct Form(Zeroizing<String>);

impl AsRef<[u8]> for Form {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl ClientAuth<'_> {
    fn prove(
        &self,
        form: &mut Serializer<'_, String>,
        headers: &mut HeaderMap,
        now: i64,
    ) -> Result<(), TokenError> {
        let unsent = |why: &str| TokenError::Unsent(why.to_owned());
        let secret = || {
            let secret = self.secret.and_then(Secret::expose_str);
            secret.ok_or_else(|| unsent("the client has no secret"))
        };
        match self.method {
            AuthMethod::None => {
                form.append_pair("client_id", self.client_id);
            }
            AuthMethod::Basic => {
                let spelled = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let both =
                    Zeroizing::new(format!("{}:{}", spelled(self.client_id), spelled(secret()?)));
                let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
                let mut value = HeaderValue::from_str(&value)
                    .map_err(|_| unsent("the secret fits no header"))?;
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
            AuthMethod::Post => {
                form.append_pair("client_id", self.client_id)
                    .append_pair("client_secret", secret()?);
            }
            AuthMethod::PrivateKeyJwt => {
                let key = SigningKey::of_pem(secret()?).map_err(|e| unsent(&e.to_string()))?;
                let jwt = key
                    .assertion(self.client_id, self.issuer, now)
                    .map_err(|e| unsent(&e.to_string()))?;
                form.append_pair("client_id", self.client_id)
                    .append_pair(
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    )
                    .append_pair("client_assertion", &jwt);
            }
        }
        Ok(())
    }
}

fn tokens(document: &Value) -> Result<Tokens, TokenError> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(TokenError::Unusable);
    }
    let fits = |token: &&str| {
        !token.is_empty()
            && token.len() <= TOKEN_BYTES_MAX
            && token.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let access = text("access_token").filter(fits).ok_or(TokenError::Unusable)?;
    let refresh = match document.get("refresh_token") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let token = value.as_str().filter(|t| !t.is_empty() && t.len() <= TOKEN_BYTES_MAX);
            Some(Secret::from(token.ok_or(TokenError::Unusable)?.to_owned()))
        }
    };
    let expires_in = match document.get("expires_in") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let written = json::write_to_vec(value);
            let written = String::from_utf8_lossy(&written);
            // Some servers send it as a text.
            let seconds = written.trim_matches('"').parse::<f64>().ok();
            let seconds = seconds.filter(|s| *s >= 0.0).ok_or(TokenError::Unusable)?;
            Some((seconds.min(LIFE_SECONDS_MAX as f64)) as i64)
        }
    };
    let scopes = text("scope").map(|s| s.split_whitespace().map(str::to_owned).collect());
    Ok(Tokens { access: Secret::from(access.to_owned()), refresh, expires_in, scopes })
}

/// The scopes that were given and not asked for. Where none were asked for, the authorization server
/// chose, and none is too many.
pub fn broader(asked: &[String], given: Option<&[String]>) -> Vec<String> {
    let given = given.unwrap_or_default();
    if asked.is_empty() {
        return Vec::new();
    }
    given.iter().filter(|scope| !asked.contains(scope)).cloned().collect()
}

#[cfg(test)]
mod tests;
