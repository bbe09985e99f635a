//! The way back from an authorization server: a browser brings a code, and tokens are got for it.
//!
//! The answer to a visit counts once, for ten minutes, and only for the issuer and the credential it
//! was begun with. A visit that a signed-in browser began counts in that browser alone, and ends on
//! the dashboard's page of the server. Every other ends on a page of its own: whoever consented may
//! not be anybody here.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, header};
use oauth::{AuthMethod, ClientAuth, TokenRequest};
use store::{By, ChangeError, Credential, NewTokens, Server};
use vault::{Place, Secret};

use super::connect::ConnectVisit;
use super::page::{self, NotConnected};
use super::way;
use crate::Control;
use crate::body::Query;
use crate::problem::{Problem, ProblemBody};
use crate::sign_in::{Asking, cookie};

/// Takes the browser back from an authorization server: to the dashboard, where it began there, and to
/// a page for the person in front of it elsewhere.
#[utoipa::path(
    get, path = "/oauth/callback", tag = "servers", operation_id = "connections_callback",
    params(("state" = String, Query), ("code" = Option<String>, Query), ("iss" = Option<String>, Query)),
    responses(
        (status = 200, description = "Connected: a page that says so", content_type = "text/html"),
        (status = 303, description = "To the page of the server, where a signed-in browser began: \
            it says whether the account is connected, or why not"),
        (status = "4XX", description = "Not connected, and why: a page for browsers", body = ProblemBody),
        (status = "5XX", description = "Not connected, the same", body = ProblemBody),
    ),
)]
pub(crate) async fn callback(
    State(control): State<Control>,
    asking: Asking,
    query: Query,
) -> Result<Response, Problem> {
    let Ended { slug, came } = come_back(&control, &asking, &query).await;
    let mut response = match (slug, came) {
        (Some(slug), came) => page::back_to(&slug, came.err()),
        (None, Ok(())) => page::connected(),
        (None, Err(why)) if reads_pages(&asking.headers) => why.page(),
        (None, Err(why)) => return Err(why.problem()),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::drop_visit());
    Ok(response)
}

/// Whether the answer is shown to a person, as browsers say when they go somewhere.
fn reads_pages(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter();
    lines.filter_map(|line| line.to_str().ok()).any(|line| line.contains("text/html"))
}

/// How a visit ended.
struct Ended {
    /// The server whose page of the dashboard the browser goes to: that of a visit that it began.
    slug: Option<String>,
    came: Result<(), NotConnected>,
}

impl Ended {
    /// Nothing is known of who came: they read a page.
    const fn nowhere(why: NotConnected) -> Self {
        Self { slug: None, came: Err(why) }
    }
}

async fn come_back(control: &Control, asking: &Asking, query: &Query) -> Ended {
    let state = query.get("state").unwrap_or_default();
    let Some(visit) = control.inner.connects.answer(state.as_bytes(), asking.now) else {
        return Ended::nowhere(NotConnected::Expired);
    };
    if let Some(browser) = &visit.browser
        && cookie::find(&asking.headers, cookie::VISIT) != Some(browser.as_str())
    {
        return Ended::nowhere(NotConnected::Expired);
    }
    let view = control.store.server(&visit.by.org, visit.server.as_str()).await;
    let Some(view) = view.ok().flatten() else {
        return Ended::nowhere(NotConnected::Changed);
    };
    let slug = visit.browser.is_some().then(|| view.server.slug.clone());
    let came = take(control, asking, query, visit, view.server, view.credential).await;
    Ended { slug, came }
}

/// Gets and keeps tokens for the code, if the answer is as it must be.
async fn take(
    control: &Control,
    asking: &Asking,
    query: &Query,
    visit: ConnectVisit,
    server: Server,
    credential: Option<Credential>,
) -> Result<(), NotConnected> {
    let credential = credential.ok_or(NotConnected::Changed)?;
    let client = credential.oauth.clone().ok_or(NotConnected::Changed)?;
    if (&credential.id, credential.generation) != (&visit.credential, visit.generation) {
        return Err(NotConnected::Changed);
    }
    let settings = &client.settings;
    // What stands twice means one thing to us and another to somebody else.
    if ["iss", "code", "error"].iter().any(|name| query.repeats(name)) {
        return Err(NotConnected::Failed);
    }
    // Before anything of the answer is looked at, even its error.
    if !oauth::names_issuer(&settings.issuer, settings.says_issuer, query.get("iss")) {
        tracing::warn!(server = %server.slug, "an answer names another authorization server");
        return Err(NotConnected::OtherIssuer);
    }
    let code = match (query.get("error"), query.get("code")) {
        (None, Some(code)) if !code.is_empty() => code,
        (Some("access_denied"), _) => return Err(NotConnected::Declined),
        (error, _) => {
            let kind = error.and_then(known_error).unwrap_or("(none we know)");
            tracing::warn!(server = %server.slug, kind, "a visit was answered without a code");
            return Err(NotConnected::Failed);
        }
    };
    let tokens = redeem(control, &server, &credential, &client, &visit, code).await;
    let tokens = tokens.map_err(|error| {
        tracing::warn!(server = %server.slug, %error, "a code brought no tokens");
        NotConnected::NoToken
    })?;
    if !oauth::broader(&settings.scopes, tokens.scopes.as_deref()).is_empty() {
        return Err(NotConnected::Broader);
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
    let (store, generation, identity) = (&control.store, visit.generation, &visit.identity);
    let kept = store.connection_set(&by, &server.id, &credential.id, generation, identity, new);
    kept.await.map(drop).map_err(|error| {
        tracing::error!(%error, "a connection was not kept");
        match error {
            ChangeError::RightEnded => NotConnected::NotAllowed,
            ChangeError::Store(_) => NotConnected::NotKept,
            // The server or its credential went while the code was redeemed.
            _ => NotConnected::Changed,
        }
    })
}

/// The errors that answers to visits may name (RFC 6749 §4.1.2.1, OpenID Connect §3.1.2.6). Others
/// are somebody's own text and are not written down.
fn known_error(error: &str) -> Option<&'static str> {
    const KNOWN: [&str; 11] = [
        "invalid_request",
        "unauthorized_client",
        "unsupported_response_type",
        "invalid_scope",
        "invalid_target",
        "server_error",
        "temporarily_unavailable",
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
    ];
    KNOWN.into_iter().find(|known| *known == error)
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
