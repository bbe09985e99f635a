//! The way back from an authorization server: a browser brings a code, and tokens are got for it.
//!
//! The answer to a visit counts once, for ten minutes, and only for the issuer it was begun with. A
//! visit that a signed-in browser began counts in that browser alone, and ends on the dashboard's
//! page of the server. One that a program began ends on a page of its own: whoever consented may not
//! be anybody here.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use oauth::{AuthMethod, ClientAuth, TokenRequest};
use store::{By, Credential, NewTokens, Server};
use vault::{Place, Secret};

use super::connect::ConnectVisit;
use super::way;
use crate::Control;
use crate::body::Query;
use crate::problem::{Code, Problem, ProblemBody};
use crate::sign_in::{Asking, cookie};

/// Why a visit came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Used before, too late, or of another browser.
    Expired,
    /// Not from the authorization server that was asked.
    OtherIssuer,
    /// The credential was replaced or removed meanwhile.
    Changed,
    /// Nobody consented.
    Declined,
    /// The code brought no token.
    NoToken,
    /// More was granted than was asked for.
    BroaderScope,
    /// The store did not keep it.
    NotKept,
}

impl Refused {
    /// The stable word that the dashboard's address carries.
    const fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::OtherIssuer => "other_issuer",
            Self::Changed => "changed",
            Self::Declined => "declined",
            Self::NoToken => "no_token",
            Self::BroaderScope => "broader_scope",
            Self::NotKept => "not_kept",
        }
    }

    /// For the person in front of the browser.
    const fn text(self) -> &'static str {
        match self {
            Self::Expired => {
                "This answer was used before, is too late, or belongs to another browser. Begin again."
            }
            Self::OtherIssuer => "The answer is not from the authorization server that was asked.",
            Self::Changed => "The credential was changed meanwhile. Begin again.",
            Self::Declined => "The authorization server says that nobody consented.",
            Self::NoToken => "The authorization server gave no usable token for this consent.",
            Self::BroaderScope => {
                "More was granted than was asked for, so nothing was kept. An administrator can add \
                 the scopes to the credential, and then you connect again."
            }
            Self::NotKept => "The connection could not be kept. Begin again.",
        }
    }
}

/// How a visit ended.
struct Ended {
    /// The server whose page of the dashboard the browser goes to: that of a visit that it began.
    slug: Option<String>,
    came: Result<(), Refused>,
}

/// Takes the browser back from an authorization server.
#[utoipa::path(
    get, path = "/oauth/callback", tag = "servers", operation_id = "connections_callback",
    params(("state" = String, Query), ("code" = Option<String>, Query), ("iss" = Option<String>, Query)),
    responses(
        (status = 200, description = "Connected: a page that says so"),
        (status = 303, description = "To the page of the server, where a signed-in browser began: \
            it says whether the account is connected, or why not"),
        (status = "4XX", description = "Not connected", body = ProblemBody),
    ),
)]
pub(crate) async fn callback(
    State(control): State<Control>,
    asking: Asking,
    query: Query,
) -> Result<Response, Problem> {
    let Ended { slug, came } = come_back(&control, &asking, &query).await;
    let mut response = match (slug, came) {
        (Some(slug), came) => {
            let word = came.err().map_or("connected", Refused::word);
            let to = HeaderValue::try_from(format!("/servers/{slug}/connect?result={word}"));
            let to = to.map_err(|_| Problem::new(Code::Internal, "the server has no address"))?;
            (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
        }
        (None, Ok(())) => page(StatusCode::OK, "Connected", CONNECTED),
        (None, Err(why)) if reads_pages(&asking.headers) => {
            page(StatusCode::BAD_REQUEST, "Not connected", why.text())
        }
        (None, Err(why)) => return Err(Problem::new(Code::BadRequest, why.text())),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::drop_visit());
    Ok(response)
}

const CONNECTED: &str = "The account is connected. You can close this page.";

/// Whether the answer is shown to a person, as browsers say when they go somewhere.
fn reads_pages(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter();
    lines.filter_map(|line| line.to_str().ok()).any(|line| line.contains("text/html"))
}

/// A page of our own words alone.
fn page(status: StatusCode, title: &'static str, text: &'static str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\n\
         <h1>{title}</h1>\n<p>{text}</p>\n<p><a href=\"/servers\">To the servers</a></p></html>\n"
    );
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(header::CONTENT_TYPE, html)], page).into_response()
}

async fn come_back(control: &Control, asking: &Asking, query: &Query) -> Ended {
    let state = query.get("state").unwrap_or_default();
    let Some(visit) = control.inner.connects.answer(state.as_bytes(), asking.now) else {
        return Ended { slug: None, came: Err(Refused::Expired) };
    };
    if let Some(browser) = &visit.browser
        && cookie::find(&asking.headers, cookie::VISIT) != Some(browser.as_str())
    {
        return Ended { slug: None, came: Err(Refused::Expired) };
    }
    let view = control.store.server(&visit.by.org, visit.server.as_str()).await;
    let Some(view) = view.ok().flatten() else {
        return Ended { slug: None, came: Err(Refused::Changed) };
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
) -> Result<(), Refused> {
    let credential = credential.ok_or(Refused::Changed)?;
    let client = credential.oauth.clone().ok_or(Refused::Changed)?;
    if credential.generation != visit.generation {
        return Err(Refused::Changed);
    }
    let settings = &client.settings;
    // Before anything of the answer is looked at, even its error.
    if !oauth::names_issuer(&settings.issuer, settings.says_issuer, query.get("iss")) {
        tracing::warn!(server = %server.slug, "an answer names another authorization server");
        return Err(Refused::OtherIssuer);
    }
    let code = query.get("code").filter(|_| query.get("error").is_none());
    let code = code.ok_or(Refused::Declined)?;
    let tokens = redeem(control, &server, &credential, &client, &visit, code).await;
    let tokens = tokens.map_err(|error| {
        tracing::warn!(server = %server.slug, %error, "a code brought no tokens");
        Refused::NoToken
    })?;
    if !oauth::broader(&settings.scopes, tokens.scopes.as_deref()).is_empty() {
        return Err(Refused::BroaderScope);
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
        control.store.connection_set(&by, &server.id, visit.generation, &visit.identity, new);
    kept.await.map(drop).map_err(|error| {
        tracing::error!(%error, "a connection was not kept");
        Refused::NotKept
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
