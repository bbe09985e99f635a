//! Who gives out tokens for an upstream: its own description (RFC 9728), then the authorization
//! server's (RFC 8414, OpenID Connect Discovery).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use json::Value;
use url::Url;

use crate::{Answer, Challenge, Unanswered, Web, object, texts};

/// What an upstream is asked first without a token, so that it says what it wants. Some let everybody
/// say hello, and challenge whoever asks for more; whoever challenges everybody answers this alike.
const TOOLS: &[u8] = br#"{"jsonrpc":"2.0","id":0,"method":"tools/list","params":{}}"#;
/// What it is asked if that was no answer: many look at a request only within a session.
const HELLO: &[u8] = br#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"countersign","version":"1"}}}"#;

/// What was found of an upstream and its authorization server. Checked: the documents are of whom
/// they say, and every address is one a browser or we may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// What tokens are for, as requests name it (RFC 8707).
    pub resource: String,
    /// The authorization server, exactly as it names itself.
    pub issuer: String,
    /// Where people consent.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are given out.
    pub token_endpoint: String,
    /// Where clients are made.
    pub registration_endpoint: Option<String>,
    /// How clients may prove who they are; `None` if it does not say.
    pub auth_methods: Option<Vec<String>>,
    /// It takes PKCE with S256.
    pub takes_s256: bool,
    /// Its answers to browsers name it (RFC 9207).
    pub says_issuer: bool,
    /// It takes the address of a document as a client's name.
    pub takes_documents: bool,
    /// The scopes to ask for: what the upstream wants, else what it lists, else none.
    pub scopes: Vec<String>,
}

/// Why nothing usable was found. No text holds what the other side sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// The upstream's address is none.
    #[error("the server's address is not a URL")]
    Address,
    /// An address may not be dialled, or gave no answer.
    #[error("{what} cannot be read: {why}")]
    Unanswered {
        /// Which document.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// A document is missing.
    #[error("{0} is not there")]
    Missing(&'static str),
    /// A document is not what it should be.
    #[error("{0} is not a JSON object that can be read")]
    Unreadable(&'static str),
    /// The upstream describes something else than itself.
    #[error("the server's description is of another resource")]
    OtherResource,
    /// The authorization server's document names another issuer.
    #[error("the authorization server's document is of another issuer")]
    OtherIssuer,
    /// A field is missing or is no address that may be used.
    #[error("the authorization server's document has no usable `{0}`")]
    Lacks(&'static str),
}

const DESCRIPTION: &str = "the server's description of itself";
const METADATA: &str = "the authorization server's document";

/// Finds the authorization server of the upstream at this address.
pub async fn discover(web: &dyn Web, upstream: &str) -> Result<Discovered, DiscoverError> {
    let url = Url::parse(upstream).map_err(|_| DiscoverError::Address)?;
    let challenge = challenged(web, upstream).await?;
    let description = describe(web, &url, challenge.resource_metadata.as_deref()).await?;
    let (resource, issuer, listed) = match &description {
        Some(document) => of_description(document, &url)?,
        // Before RFC 9728, the upstream's own origin gave out its tokens.
        None => (canonical(&url), url.origin().ascii_serialization(), None),
    };
    let metadata = metadata(web, &issuer).await?;
    if metadata.get("issuer").and_then(Value::as_str) != Some(issuer.as_str()) {
        return Err(DiscoverError::OtherIssuer);
    }
    let wanted = challenge.scope.map(|s| s.split_whitespace().map(str::to_owned).collect());
    let mut scopes: Vec<String> = wanted.or(listed).unwrap_or_default();
    let offline = "offline_access";
    let offers = texts(&metadata, "scopes_supported").unwrap_or_default();
    if offers.iter().any(|s| s == offline) && !scopes.iter().any(|s| s == offline) {
        scopes.push(offline.to_owned());
    }
    let says = |name: &str| metadata.get(name).and_then(Value::as_bool) == Some(true);
    let methods = texts(&metadata, "code_challenge_methods_supported").unwrap_or_default();
    let address = |name: &'static str| match metadata.get(name) {
        None => Ok(None),
        Some(value) => usable(value.as_str(), &url).map(Some).ok_or(DiscoverError::Lacks(name)),
    };
    Ok(Discovered {
        authorization_endpoint: address("authorization_endpoint")?,
        token_endpoint: address("token_endpoint")?.ok_or(DiscoverError::Lacks("token_endpoint"))?,
        registration_endpoint: address("registration_endpoint")?,
        auth_methods: texts(&metadata, "token_endpoint_auth_methods_supported"),
        takes_s256: methods.iter().any(|method| method == "S256"),
        says_issuer: says("authorization_response_iss_parameter_supported"),
        takes_documents: says("client_id_metadata_document_supported"),
        resource,
        issuer,
        scopes,
    })
}

/// What the upstream says to somebody without a token. No answer is no hint.
async fn challenged(web: &dyn Web, upstream: &str) -> Result<Challenge, DiscoverError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let both = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(header::ACCEPT, both);
    for question in [TOOLS, HELLO] {
        match web.post(upstream, headers.clone(), Bytes::from_static(question)).await {
            Ok(answer) if answer.status.as_u16() == 401 => {
                return Ok(Challenge::of(&answer.headers).unwrap_or_default());
            }
            Ok(_) => {}
            Err(Unanswered::Lost(_) | Unanswered::Unreached(_)) => break,
            Err(refused) => return Err(unanswered("the server", &refused)),
        }
    }
    Ok(Challenge::default())
}

/// The upstream's description; `None` if there is none.
async fn describe(
    web: &dyn Web,
    url: &Url,
    named: Option<&str>,
) -> Result<Option<Value>, DiscoverError> {
    if let Some(named) = named {
        let answer = web.get(named).await.map_err(|error| unanswered(DESCRIPTION, &error))?;
        return match there(&answer) {
            true => object(&answer).map(Some).ok_or(DiscoverError::Unreadable(DESCRIPTION)),
            false => Err(DiscoverError::Missing(DESCRIPTION)),
        };
    }
    let origin = url.origin().ascii_serialization();
    let root = format!("{origin}/.well-known/oauth-protected-resource");
    let path = url.path().trim_end_matches('/');
    let mut places = vec![root.clone()];
    if !path.is_empty() {
        places.insert(0, format!("{root}{path}"));
    }
    first(web, &places, DESCRIPTION).await
}

/// The authorization server's document.
async fn metadata(web: &dyn Web, issuer: &str) -> Result<Value, DiscoverError> {
    let url = Url::parse(issuer).map_err(|_| DiscoverError::Lacks("issuer"))?;
    let origin = url.origin().ascii_serialization();
    let path = url.path().trim_end_matches('/');
    let mut places = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    first(web, &places, METADATA).await?.ok_or(DiscoverError::Missing(METADATA))
}

/// The first document that is there. An address that may not be dialled, a server that fails, and a
/// document that cannot be read end the search: going on would let somebody choose where.
async fn first(
    web: &dyn Web,
    places: &[String],
    what: &'static str,
) -> Result<Option<Value>, DiscoverError> {
    for place in places {
        let answer = web.get(place).await.map_err(|error| unanswered(what, &error))?;
        if there(&answer) {
            return object(&answer).map(Some).ok_or(DiscoverError::Unreadable(what));
        }
        if answer.status.is_server_error() {
            let why = format!("it was answered with status {}", answer.status.as_u16());
            return Err(DiscoverError::Unanswered { what, why });
        }
    }
    Ok(None)
}

fn there(answer: &Answer) -> bool {
    answer.status.as_u16() == 200
}

fn unanswered(what: &'static str, error: &Unanswered) -> DiscoverError {
    DiscoverError::Unanswered { what, why: error.to_string() }
}

type Described = (String, String, Option<Vec<String>>);

/// What the description says, once it is of this upstream.
fn of_description(document: &Value, url: &Url) -> Result<Described, DiscoverError> {
    let resource = document.get("resource").and_then(Value::as_str);
    let resource = resource.filter(|r| covers(r, url)).ok_or(DiscoverError::OtherResource)?;
    let servers = texts(document, "authorization_servers").unwrap_or_default();
    let issuer = servers.into_iter().next();
    let issuer = issuer.ok_or(DiscoverError::Lacks("authorization_servers"))?;
    Ok((resource.to_owned(), issuer, texts(document, "scopes_supported")))
}

/// Whether a resource is this upstream, or the part of its site that the upstream is in.
fn covers(resource: &str, url: &Url) -> bool {
    let Ok(resource) = Url::parse(resource) else { return false };
    let (whole, part) = (url.path().trim_end_matches('/'), resource.path().trim_end_matches('/'));
    let rest = whole.strip_prefix(part);
    resource.origin() == url.origin()
        && resource.fragment().is_none()
        && resource.username().is_empty()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The upstream as requests name it: no fragment, no slash at the end.
fn canonical(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// An address that we or a browser may be sent to: https, or http on the machine of an upstream
/// that is itself reached so.
fn usable(text: Option<&str>, upstream: &Url) -> Option<String> {
    let text = text?;
    let url = Url::parse(text).ok()?;
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && upstream.scheme() == "http");
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (scheme && plain && url.host().is_some()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
