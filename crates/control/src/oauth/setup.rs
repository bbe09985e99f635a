//! Setting the credential of a server to an OAuth client: discovery, and a client that was made
//! beforehand, is described by a document, or is registered.

use oauth::{AuthMethod, Discovered};
use serde::{Deserialize, Serialize};
use store::{Credential, OAuthGrant, OAuthSettings, Server};
use url::Url;
use utoipa::ToSchema;
use vault::Secret;

use super::{redirect_uri, unusable, way};
use crate::Control;
use crate::credentials::Value;
use crate::operator::Authorized;
use crate::problem::Problem;
use crate::sign_in::Asking;

/// The most scopes that are asked for.
const SCOPES_MAX: usize = 100;

/// An OAuth client of the server's authorization server, which is found by the server's own word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuthClientIn {
    /// `authorization_code` (a person consents; the default) or `client_credentials`.
    grant: Option<String>,
    /// Whether each identity of grants connects an account of its own.
    #[serde(default)]
    per_identity: bool,
    /// The authorization server that must be found. Another one is refused.
    issuer: Option<String>,
    /// What the authorization server calls us, where a client was made there beforehand.
    client_id: Option<String>,
    /// The address of a document that describes us, where ours is published elsewhere.
    client_document: Option<String>,
    /// The client's secret.
    #[schema(value_type = Option<String>, write_only)]
    client_secret: Option<Value>,
    /// The client's private key, PKCS#8 in PEM, for `private_key_jwt`.
    #[schema(value_type = Option<String>, write_only)]
    private_key: Option<Value>,
    /// How the client proves who it is; what the authorization server takes if it is not said.
    auth_method: Option<String>,
    /// The scopes to ask for; what the server asks for if they are not said.
    scopes: Option<Vec<String>>,
}

/// What is known of an OAuth client: never its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OAuthClientOut {
    grant: &'static str,
    per_identity: bool,
    issuer: String,
    client_id: String,
    auth_method: String,
    has_secret: bool,
    scopes: Vec<String>,
    /// Scopes that the server asked for on top, when it refused calls for want of them. They are asked
    /// for once they are among `scopes`.
    wanted_scopes: Vec<String>,
    /// What tokens are for.
    resource: String,
    /// Where browsers come back to.
    redirect_uri: String,
}

impl OAuthClientOut {
    pub(crate) fn of(client: &store::OAuthClient) -> Self {
        let of = &client.settings;
        Self {
            grant: of.grant.as_str(),
            per_identity: of.per_identity,
            issuer: of.issuer.clone(),
            client_id: of.client_id.clone(),
            auth_method: of.auth_method.clone(),
            has_secret: client.secret.is_some(),
            scopes: of.scopes.clone(),
            wanted_scopes: client.wanted.clone(),
            resource: of.resource.clone(),
            redirect_uri: of.redirect_uri.clone(),
        }
    }
}

/// A client as it will be kept.
struct Client {
    id: String,
    method: AuthMethod,
    secret: Option<Secret>,
}

/// Finds the authorization server, finds or makes a client there, and keeps it.
pub(crate) async fn set(
    control: &Control,
    by: &Authorized,
    asking: &Asking,
    server: &Server,
    given: OAuthClientIn,
) -> Result<Credential, Problem> {
    let wrong = |field: &str, message: &str| {
        Problem::field(&format!("/oauth/{field}"), "invalid_value", message)
    };
    let grant = given.grant.as_deref().unwrap_or("authorization_code");
    let grant = OAuthGrant::parse(grant)
        .ok_or_else(|| wrong("grant", "takes `authorization_code` or `client_credentials`"))?;
    let by_itself = grant == OAuthGrant::ClientCredentials;
    if by_itself && given.per_identity {
        return Err(wrong("per_identity", "a client that asks for itself has one account"));
    }
    if by_itself && given.client_id.is_none() {
        return Err(wrong("client_id", "a client that asks for itself is made beforehand"));
    }
    let scopes = given.scopes.as_deref().map(|scopes| checked(scopes, &wrong)).transpose()?;
    let web = way(server);
    let found = oauth::discover(&web, &server.url).await.map_err(unusable)?;
    if given.issuer.as_ref().is_some_and(|issuer| *issuer != found.issuer) {
        return Err(unusable("the server names another authorization server than `issuer`"));
    }
    if !by_itself && !found.takes_s256 {
        return Err(unusable(oauth::VisitError::NoPkce));
    }
    if !by_itself && found.authorization_endpoint.is_none() {
        return Err(unusable(oauth::VisitError::NoEndpoint));
    }
    let redirect_uri = redirect_uri(control, asking)?;
    let scopes = scopes.unwrap_or_else(|| found.scopes.clone());
    let per_identity = given.per_identity;
    let client = client(control, &web, &found, given, &redirect_uri, &scopes).await?;
    let settings = OAuthSettings {
        grant,
        per_identity,
        issuer: found.issuer,
        authorization_endpoint: found.authorization_endpoint,
        token_endpoint: found.token_endpoint,
        says_issuer: found.says_issuer,
        resource: found.resource,
        scopes,
        client_id: client.id,
        auth_method: client.method.as_str().to_owned(),
        redirect_uri,
    };
    let store = &control.store;
    Ok(store.credential_set_oauth(&by.by(), &server.id, settings, client.secret).await?)
}

pub(super) fn checked(
    scopes: &[String],
    wrong: &dyn Fn(&str, &str) -> Problem,
) -> Result<Vec<String>, Problem> {
    if scopes.len() > SCOPES_MAX || !scopes.iter().all(|scope| oauth::is_scope(scope)) {
        return Err(wrong("scopes", "takes up to 100 scopes of visible characters"));
    }
    Ok(scopes.to_vec())
}

/// Whether this can be a client's name: an https address with a path, and nothing else that a reader
/// could take for something else.
fn is_document(text: &str) -> bool {
    let plain = |url: &Url| {
        url.scheme() == "https"
            && url.host().is_some()
            && url.path() != "/"
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            // As it is written, so that both sides name the client alike.
            && url.as_str() == text
    };
    text.len() <= 2_048 && Url::parse(text).is_ok_and(|url| plain(&url))
}

/// The client: the one that was made, else the one that a document describes, else a new one.
async fn client(
    control: &Control,
    web: &oauth::Guarded,
    found: &Discovered,
    given: OAuthClientIn,
    redirect_uri: &str,
    scopes: &[String],
) -> Result<Client, Problem> {
    let wrong = |field: &str, message: &str| {
        Problem::field(&format!("/oauth/{field}"), "invalid_value", message)
    };
    let named = given.auth_method.as_deref().map(|word| {
        AuthMethod::parse(word).ok_or_else(|| wrong("auth_method", "is not a method known here"))
    });
    let named = named.transpose()?;
    if let Some(id) = given.client_id {
        let (method, secret) = match (given.client_secret, given.private_key) {
            (Some(_), Some(_)) => {
                return Err(wrong("private_key", "send either a secret or a private key"));
            }
            (None, Some(Value(key))) => {
                let text = key.expose_str().unwrap_or_default();
                let read = oauth::SigningKey::of_pem(text);
                read.map_err(|error| wrong("private_key", &error.to_string()))?;
                (AuthMethod::PrivateKeyJwt, Some(key))
            }
            (Some(Value(secret)), None) => {
                let preferred = AuthMethod::preferred(found.auth_methods.as_deref()).with_secret();
                (named.unwrap_or(preferred), Some(secret))
            }
            (None, None) => (AuthMethod::None, None),
        };
        let fits =
            method.needs_secret() == secret.is_some() && named.is_none_or(|named| named == method);
        if id.is_empty() || id.len() > 2_048 || !fits {
            return Err(wrong("auth_method", "does not fit what the client proves itself with"));
        }
        return Ok(Client { id, method, secret });
    }
    if given.client_secret.is_some() || given.private_key.is_some() {
        return Err(wrong("client_id", "is missing: a secret belongs to a client"));
    }
    if let Some(id) = given.client_document {
        if !is_document(&id) {
            return Err(wrong("client_document", "takes an https address with a path"));
        }
        // Somebody asked for this client: another one in its place would surprise them.
        if !found.takes_documents {
            let message = "the authorization server takes no documents: leave it out";
            return Err(wrong("client_document", message));
        }
        return Ok(Client { id, method: AuthMethod::None, secret: None });
    }
    if let Some(id) = control.client_document_url().filter(|_| found.takes_documents) {
        return Ok(Client { id, method: AuthMethod::None, secret: None });
    }
    let made = oauth::register(web, found, redirect_uri, scopes).await.map_err(unusable)?;
    let oauth::Registered { client_id, secret, method, .. } = made;
    Ok(Client { id: client_id, method, secret })
}
