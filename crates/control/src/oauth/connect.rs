//! Accounts at an upstream: which are connected, beginning to connect one, and disconnecting it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use oauth::Visit;
use serde::{Deserialize, Serialize};
use store::{By, Connection, Credential, CredentialId, OAuthGrant, Server};
use utoipa::ToSchema;
use vault::{Keyring, OsRandom, Place};
use zeroize::Zeroizing;

use super::{discovered, unusable};
use crate::body::Unread;
use crate::can::Can;
use crate::operator::{Authorized, Operator};
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::routes::BASE;
use crate::sign_in::{Asking, cookie};
use crate::{At, Control, servers, time};

/// What is remembered of a visit until the browser comes back.
pub(crate) struct ConnectVisit {
    pub(super) server: store::ServerId,
    /// The credential and its generation: tokens for a client that was replaced meanwhile are not
    /// kept.
    pub(super) credential: CredentialId,
    pub(super) generation: i64,
    pub(super) identity: String,
    pub(super) verifier: Zeroizing<String>,
    /// The secret in the cookie of the browser that began it, if one did.
    pub(super) browser: Option<Zeroizing<String>>,
    pub(super) by: By,
}

/// Whose account is to be connected.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionIn {
    /// The identity of the grants that will use it. Left out: one's own, where the server has an
    /// account for each; the one that all share elsewhere.
    identity: Option<String>,
}

/// Where to consent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionBegun {
    /// The address of the authorization server to open in a browser.
    authorize_url: String,
    /// Whose account it will be; empty for the one that all share.
    identity: String,
    /// How long the answer is waited for.
    expires_in_seconds: i64,
}

/// An account at an upstream: never its tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionOut {
    /// The identity of grants that uses it; empty for the one that all share.
    identity: String,
    /// `connected`, or `reconnect`: somebody has to consent again, and calls are refused meanwhile.
    state: &'static str,
    /// Why: `revoked`, `expired`, `refresh_lost` (the process died between getting a token and
    /// keeping it, and the authorization server takes the older one no more) or `broader_scope`.
    reason: Option<String>,
    scopes: Vec<String>,
    /// When the present access token ends. It is renewed before.
    expires_at: Option<String>,
    /// Whether it renews itself.
    renews: bool,
    /// When the present access token was got; absent until the first one is.
    refreshed_at: Option<String>,
    /// The version of the key it is sealed with; absent until there is a token.
    key_version: Option<u32>,
    /// Whether it opens with the present keys.
    opens: bool,
    connected_by: String,
    connected_at: String,
    can: Can,
}

/// The accounts of a server's credential, and what connecting one means.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionsOut {
    items: Vec<ConnectionOut>,
    /// `authorization_code` (people consent) or `client_credentials` (nobody has to).
    grant: &'static str,
    /// Whether each identity of grants has an account of its own.
    per_identity: bool,
    /// Where people consent.
    issuer: String,
    /// The scopes that are asked for.
    scopes: Vec<String>,
    /// Whose account the asker would connect if they named none; empty for the one that all share.
    yours: String,
    /// `connect`: whether the asker may connect that account.
    can: Can,
}

fn shown(
    of: Connection,
    credential: &Credential,
    by: &Authorized,
    ring: &Keyring,
) -> ConnectionOut {
    let by_itself = credential
        .oauth
        .as_ref()
        .is_some_and(|client| client.settings.grant == OAuthGrant::ClientCredentials);
    let own = of.identity == by.member().email;
    let may = own || by.could(Action::CredentialsWrite);
    let sealed = [("access_token", of.access.as_deref()), ("refresh_token", of.refresh.as_deref())];
    let record = Connection::record(&of.credential, &of.identity);
    let opens = sealed.into_iter().all(|(field, sealed)| {
        let place = Place {
            org: by.org().as_str(),
            table: "oauth_connections",
            record: &record,
            field,
            generation: u64::try_from(of.generation).unwrap_or_default(),
        };
        sealed.is_none_or(|sealed| ring.open(&place, sealed).is_ok())
    });
    ConnectionOut {
        opens,
        key_version: of.access.as_deref().and_then(Keyring::key_id_of),
        refreshed_at: of.refreshed_at.map(time::write),
        state: of.state.as_str(),
        reason: Some(of.reason).filter(|reason| !reason.is_empty()),
        scopes: of.scopes,
        expires_at: of.expires_at.map(time::write),
        renews: of.refresh.is_some() || by_itself,
        connected_by: of.connected_by,
        connected_at: time::write(of.connected_at),
        identity: of.identity,
        can: Can::default().and("connect", may && !by_itself).and("disconnect", may),
    }
}

async fn client_of(
    control: &Control,
    by: &Authorized,
    id: &str,
) -> Result<(Server, Credential), Problem> {
    let view = servers::find(control, by, id).await?;
    let credential = view.credential.filter(|credential| credential.oauth.is_some());
    let credential = credential.ok_or_else(|| Problem::no_such("OAuth credential"))?;
    Ok((view.server, credential))
}

/// Whose account is meant, if the asker may say so: their own, or any for those who set credentials.
fn account(by: &Authorized, per_identity: bool, asked: Option<String>) -> Result<String, Problem> {
    if !per_identity {
        by.also_may(Action::CredentialsWrite)?;
        return match asked.as_deref() {
            None | Some("") => Ok(String::new()),
            Some(_) => {
                let message = "the server has one account that all share";
                Err(Problem::field("/identity", "invalid_value", message))
            }
        };
    }
    let own = by.member().email.clone();
    let asked = asked.unwrap_or_else(|| own.clone());
    if asked != own {
        by.also_may(Action::CredentialsWrite)?;
    }
    if asked.len() > 200 || asked.chars().any(char::is_control) {
        return Err(Problem::field("/identity", "invalid_value", "takes up to 200 characters"));
    }
    Ok(asked)
}

/// The accounts that are connected at a server. Those who set credentials see all of them, everybody
/// else their own.
#[utoipa::path(
    get, path = "/servers/{id}/connections", tag = "servers", operation_id = "connections_list",
    params(("id" = String, Path, description = "Id or slug of the server")),
    responses((status = 200, body = ConnectionsOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn connections(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<ConnectionsOut>, Problem> {
    let by = who.may(Action::ConnectionsOwn)?;
    let (_, credential) = client_of(&control, &by, &id).await?;
    let all = control.store.connections(by.org(), &credential.id).await?;
    let sees_all = by.could(Action::CredentialsRead);
    let own = |of: &Connection| sees_all || of.identity == by.member().email;
    let ring = control.store.keyring();
    let items = all.into_iter().filter(own).map(|of| shown(of, &credential, &by, &ring)).collect();
    let client = credential.oauth.as_deref().ok_or_else(|| Problem::no_such("OAuth credential"))?;
    let of = &client.settings;
    let consents = of.grant == OAuthGrant::AuthorizationCode;
    let may = consents && (of.per_identity || by.could(Action::CredentialsWrite));
    Ok(Json(ConnectionsOut {
        items,
        grant: of.grant.as_str(),
        per_identity: of.per_identity,
        issuer: of.issuer.clone(),
        scopes: of.scopes.clone(),
        yours: if of.per_identity { by.member().email.clone() } else { String::new() },
        can: Can::default().and("connect", may),
    }))
}

/// Begins to connect an account: answers with the address to open in a browser.
#[utoipa::path(
    post, path = "/servers/{id}/connections", tag = "servers", operation_id = "connections_begin",
    params(("id" = String, Path, description = "Id or slug of the server")),
    request_body = ConnectionIn,
    responses(
        (status = 200, body = ConnectionBegun),
        (status = "4XX", body = ProblemBody),
        (status = 502, body = ProblemBody),
    ),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn connect(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::ConnectionsOwn)?;
    let given: ConnectionIn = body.read_or_empty().await?;
    let (server, credential) = client_of(&control, &by, &id).await?;
    let Some(client) = credential.oauth.as_deref() else {
        return Err(Problem::no_such("OAuth credential"));
    };
    let settings = &client.settings;
    if settings.grant == OAuthGrant::ClientCredentials {
        let detail = "this client asks for itself: nobody has to consent";
        return Err(Problem::new(Code::Conflict, detail));
    }
    let identity = account(&by, settings.per_identity, given.identity)?;
    let dry = |_| Problem::new(Code::Internal, "there is no randomness");
    let state = oauth::random_secret(&OsRandom).map_err(dry)?;
    let verifier = oauth::random_secret(&OsRandom).map_err(dry)?;
    // A visit that a person began in a browser is answered in that browser; one that a program began
    // is opened wherever its owner takes the address.
    let browser = match by.session() {
        Some(_) => Some(oauth::random_secret(&OsRandom).map_err(dry)?),
        None => None,
    };
    let visit = Visit {
        client_id: &settings.client_id,
        redirect_uri: &settings.redirect_uri,
        scopes: &settings.scopes,
        state: &state,
        verifier: &verifier,
    };
    let authorize_url = visit.address(&discovered(settings)).map_err(unusable)?;
    let begun = ConnectionBegun {
        authorize_url,
        identity: identity.clone(),
        expires_in_seconds: crate::sign_in::WAIT_SECONDS,
    };
    let mut response = Json(begun).into_response();
    if let Some(secret) = &browser {
        let unset = || Problem::new(Code::Internal, "the visit was not begun");
        let cookie = cookie::set_visit(secret).ok_or_else(unset)?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    let visit = ConnectVisit {
        server: server.id,
        credential: credential.id,
        generation: credential.generation,
        identity,
        verifier,
        browser,
        by: by.by(),
    };
    let visits = &control.inner.connects;
    visits.begin(state.as_bytes().to_vec(), visit, asking.address, asking.now);
    Ok(response)
}

/// Disconnects an account: its tokens are erased here. What it may still do at the authorization
/// server is ended there.
#[utoipa::path(
    post, path = "/servers/{id}/disconnect", tag = "servers", operation_id = "connections_end",
    params(("id" = String, Path, description = "Id or slug of the server")),
    request_body = ConnectionIn,
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn disconnect(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::ConnectionsOwn)?;
    let given: ConnectionIn = body.read_or_empty().await?;
    let (server, credential) = client_of(&control, &by, &id).await?;
    let per_identity = credential.oauth.is_some_and(|client| client.settings.per_identity);
    let identity = account(&by, per_identity, given.identity)?;
    control.store.connection_remove(&by.by(), &server.id, &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The document that describes us to authorization servers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OAuthClientDocument {
    client_id: String,
    client_name: &'static str,
    redirect_uris: Vec<String>,
    grant_types: Vec<&'static str>,
    response_types: Vec<&'static str>,
    token_endpoint_auth_method: &'static str,
}

impl Control {
    /// The address of the document that describes us, where authorization servers can read it.
    pub(crate) fn client_document_url(&self) -> Option<String> {
        let public = self.public_url.as_deref()?.trim_end_matches('/');
        public.starts_with("https://").then(|| format!("{public}{BASE}/oauth/client.json"))
    }
}

/// Describes this instance to authorization servers that take documents for clients. There is one
/// where `control.public_url` is an https address.
#[utoipa::path(
    get, path = "/oauth/client.json", tag = "servers", operation_id = "oauth_client_document",
    responses((status = 200, body = OAuthClientDocument), (status = "4XX", body = ProblemBody)),
)]
pub(crate) async fn client_document(
    State(control): State<Control>,
) -> Result<Json<OAuthClientDocument>, Problem> {
    let client_id = control.client_document_url().ok_or_else(|| Problem::no_such("document"))?;
    let base = client_id.trim_end_matches("client.json");
    Ok(Json(OAuthClientDocument {
        redirect_uris: vec![format!("{base}callback")],
        client_id,
        client_name: "Countersign",
        grant_types: vec!["authorization_code", "refresh_token"],
        response_types: vec!["code"],
        token_endpoint_auth_method: "none",
    }))
}
