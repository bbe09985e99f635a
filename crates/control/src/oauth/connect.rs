//! Connecting an account: a browser is sent to the authorization server and comes back with a code.
//!
//! The answer to a visit counts once, for ten minutes, and only for the issuer it was begun with. A
//! visit that a signed-in browser began counts in that browser alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use oauth::{AuthMethod, ClientAuth, TokenRequest, Visit};
use serde::{Deserialize, Serialize};
use store::{By, Connection, Credential, NewTokens, OAuthGrant, Server};
use utoipa::ToSchema;
use vault::{OsRandom, Place, Secret};
use zeroize::Zeroizing;

use super::{discovered, unusable, way};
use crate::body::{Query, Unread};
use crate::can::Can;
use crate::operator::{Authorized, Operator};
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::routes::BASE;
use crate::sign_in::{Asking, cookie};
use crate::{At, Control, servers, time};

/// What is remembered of a visit until the browser comes back.
pub(crate) struct ConnectVisit {
    server: store::ServerId,
    /// The credential's generation: tokens for a client that was replaced meanwhile are not kept.
    generation: i64,
    identity: String,
    verifier: Zeroizing<String>,
    /// The secret in the cookie of the browser that began it, if one did.
    browser: Option<Zeroizing<String>>,
    by: By,
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
    connected_by: String,
    connected_at: String,
    can: Can,
}

/// The accounts of a server's credential.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionsOut {
    items: Vec<ConnectionOut>,
}

fn shown(of: Connection, credential: &Credential, by: &Authorized) -> ConnectionOut {
    let by_itself = credential
        .oauth
        .as_ref()
        .is_some_and(|client| client.settings.grant == OAuthGrant::ClientCredentials);
    let own = of.identity == by.member().email;
    let may = own || by.could(Action::CredentialsWrite);
    ConnectionOut {
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
    let items = all.into_iter().filter(own).map(|of| shown(of, &credential, &by)).collect();
    Ok(Json(ConnectionsOut { items }))
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

/// Why a visit came to nothing, for the person in front of the browser.
type Refused = &'static str;

/// Takes the browser back from an authorization server.
#[utoipa::path(
    get, path = "/oauth/callback", tag = "servers", operation_id = "connections_callback",
    params(("state" = String, Query), ("code" = Option<String>, Query), ("iss" = Option<String>, Query)),
    responses(
        (status = 200, description = "Connected: a page that says so"),
        (status = "4XX", description = "Not connected", body = ProblemBody),
    ),
)]
pub(crate) async fn callback(
    State(control): State<Control>,
    asking: Asking,
    query: Query,
) -> Result<Response, Problem> {
    const PAGE: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
                        <title>Connected</title>\n<h1>Connected</h1>\n\
                        <p>The account is connected. You can close this page.</p>\n\
                        <p><a href=\"/servers\">To the servers</a></p></html>\n";
    come_back(&control, &asking, &query)
        .await
        .map_err(|why| Problem::new(Code::BadRequest, why))?;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = ([(header::CONTENT_TYPE, html)], PAGE).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie::drop_visit());
    Ok(response)
}

async fn come_back(control: &Control, asking: &Asking, query: &Query) -> Result<(), Refused> {
    const EXPIRED: Refused = "This answer was used before, is too late, or belongs to another \
                              browser. Begin again.";
    const OTHER: Refused = "The answer is not from the authorization server that was asked.";
    let state = query.get("state").unwrap_or_default();
    let visit = control.inner.connects.answer(state.as_bytes(), asking.now).ok_or(EXPIRED)?;
    if let Some(browser) = &visit.browser
        && cookie::find(&asking.headers, cookie::VISIT) != Some(browser.as_str())
    {
        return Err(EXPIRED);
    }
    let gone = "The credential was changed meanwhile. Begin again.";
    let view = control.store.server(&visit.by.org, visit.server.as_str()).await;
    let view = view.ok().flatten().ok_or(gone)?;
    let credential = view.credential.ok_or(gone)?;
    let client = credential.oauth.clone().ok_or(gone)?;
    if credential.generation != visit.generation {
        return Err(gone);
    }
    let settings = &client.settings;
    // Before anything of the answer is looked at, even its error.
    if !oauth::names_issuer(&settings.issuer, settings.says_issuer, query.get("iss")) {
        tracing::warn!(server = %view.server.slug, "an answer names another authorization server");
        return Err(OTHER);
    }
    let code = query.get("code").filter(|_| query.get("error").is_none());
    let code = code.ok_or("The authorization server says that nobody consented.")?;
    let tokens = redeem(control, &view.server, &credential, &client, &visit, code).await;
    let tokens = tokens.map_err(|error| {
        tracing::warn!(server = %view.server.slug, %error, "a code brought no tokens");
        "The authorization server gave no usable token for this consent."
    })?;
    if !oauth::broader(&settings.scopes, tokens.scopes.as_deref()).is_empty() {
        return Err(
            "More was granted than was asked for, so nothing was kept. An administrator can \
                    add the scopes to the credential, and then you connect again.",
        );
    }
    let (expires_at, refresh_at) = store::token_moments(asking.now, tokens.expires_in);
    let new = NewTokens {
        access: Arc::new(tokens.access),
        refresh: tokens.refresh.map(Arc::new),
        scopes: tokens.scopes,
        expires_at,
        refresh_at,
    };
    let by = By { at: asking.now, ..visit.by };
    let kept =
        control.store.connection_set(&by, &view.server.id, visit.generation, &visit.identity, new);
    kept.await.map(drop).map_err(|error| {
        tracing::error!(%error, "a connection was not kept");
        "The connection could not be kept. Begin again."
    })
}

async fn redeem(
    control: &Control,
    server: &Server,
    credential: &Credential,
    client: &store::OAuthClient,
    visit: &ConnectVisit,
    code: &str,
) -> Result<oauth::Tokens, oauth::TokenError> {
    let unsent = |why: &str| oauth::TokenError::Unsent(why.to_owned());
    let settings = &client.settings;
    let secret = secret_of(control, server, credential, client).map_err(unsent)?;
    let auth = ClientAuth {
        client_id: &settings.client_id,
        method: AuthMethod::parse(&settings.auth_method)
            .ok_or_else(|| unsent("the client's method is not known"))?,
        secret: secret.as_ref(),
        issuer: &settings.issuer,
    };
    let redirect_uri = &settings.redirect_uri;
    let request = TokenRequest::Code { code, verifier: &visit.verifier, redirect_uri };
    let (endpoint, seconds) = (&settings.token_endpoint, control.clock.now().micros() / 1_000_000);
    request.send(&way(server), endpoint, &auth, &settings.resource, &settings.scopes, seconds).await
}

/// The client's secret, opened.
pub(crate) fn secret_of(
    control: &Control,
    server: &Server,
    credential: &Credential,
    client: &store::OAuthClient,
) -> Result<Option<Secret>, &'static str> {
    let Some(sealed) = client.secret.as_deref() else { return Ok(None) };
    let place = Place {
        org: server.org.as_str(),
        table: "oauth_clients",
        record: credential.id.as_str(),
        field: "client_secret",
        generation: u64::try_from(credential.generation).unwrap_or_default(),
    };
    let opened = control.store.keyring().open(&place, sealed);
    opened.map(Some).map_err(|_| "the client's secret does not open")
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
