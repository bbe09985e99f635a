//! Dynamic client registration (RFC 7591): the fall-back, where nobody made a client beforehand.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use json::{Object, Value};
use vault::Secret;

use crate::{AuthMethod, Discovered, Web, object};

/// A client that was made.
#[derive(Debug)]
pub struct Registered {
    /// What the authorization server calls us.
    pub client_id: String,
    /// The secret it gave, if it gave one.
    pub secret: Option<Secret>,
    /// How the client proves who it is.
    pub method: AuthMethod,
}

/// Why no client was made. No text holds what the other side sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// It makes none.
    #[error("the authorization server registers no clients: make one there and give its id")]
    NotOffered,
    /// It gave no answer.
    #[error("the registration endpoint cannot be reached: {0}")]
    Unanswered(String),
    /// It said no.
    #[error("the registration was refused with status {0}")]
    Refused(u16),
    /// Its answer names no client that can be used.
    #[error("the registration's answer names no usable client")]
    Unreadable,
}

/// Makes a client that comes back to this address.
pub async fn register(
    web: &dyn Web,
    found: &Discovered,
    redirect_uri: &str,
    scopes: &[String],
) -> Result<Registered, RegisterError> {
    let endpoint = found.registration_endpoint.as_deref().ok_or(RegisterError::NotOffered)?;
    let method = AuthMethod::preferred(found.auth_methods.as_deref());
    let list = |items: &[&str]| {
        Value::Array(items.iter().map(|item| Value::from(*item)).collect::<Vec<_>>())
    };
    let mut body = Object::new();
    body.insert("client_name", "Countersign");
    body.insert("redirect_uris", list(&[redirect_uri]));
    body.insert("grant_types", list(&["authorization_code", "refresh_token"]));
    body.insert("response_types", list(&["code"]));
    body.insert("token_endpoint_auth_method", method.as_str());
    // A redirect to this machine over http is what OpenID calls native.
    let native = redirect_uri.starts_with("http://");
    body.insert("application_type", if native { "native" } else { "web" });
    if !scopes.is_empty() {
        body.insert("scope", scopes.join(" "));
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let body = Bytes::from(json::write_to_vec(&Value::Object(body)));
    let answer = web.post(endpoint, headers, body).await;
    let answer = answer.map_err(|error| RegisterError::Unanswered(error.to_string()))?;
    if !matches!(answer.status.as_u16(), 200 | 201) {
        return Err(RegisterError::Refused(answer.status.as_u16()));
    }
    let made = object(&answer).ok_or(RegisterError::Unreadable)?;
    let text = |name: &str| made.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
    let client_id = text("client_id").ok_or(RegisterError::Unreadable)?.to_owned();
    let secret = text("client_secret").map(|secret| Secret::from(secret.to_owned()));
    let method = match (text("token_endpoint_auth_method").map(AuthMethod::parse), &secret) {
        (Some(Some(method)), _) => method,
        (Some(None), _) => return Err(RegisterError::Unreadable),
        (None, Some(_)) => method.with_secret(),
        (None, None) => AuthMethod::None,
    };
    if method.needs_secret() && secret.is_none() {
        return Err(RegisterError::Unreadable);
    }
    Ok(Registered { client_id, secret, method })
}
