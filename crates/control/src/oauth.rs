//! OAuth towards upstreams, as operators and people use it: a client is found or made, accounts are
//! connected by a person's consent, and disconnected.

mod callback;
mod connect;
mod discovery;
mod page;
mod scopes;
mod setup;

pub(crate) use callback::{__path_callback, callback, secret_of};
pub(crate) use connect::{
    __path_client_document, __path_connect, __path_connections, __path_disconnect,
};
pub(crate) use connect::{ConnectVisit, client_document, connect, connections, disconnect};
pub(crate) use discovery::{__path_discover, discover};
pub(crate) use scopes::{__path_scopes, scopes};
pub(crate) use setup::{OAuthClientIn, OAuthClientOut, set};

use store::{OAuthSettings, Server};

use crate::Control;
use crate::problem::{Code, Problem};
use crate::routes::BASE;
use crate::sign_in::Asking;

/// What the authorization server did not do. `why` never holds what it sent.
fn unusable(why: impl std::fmt::Display) -> Problem {
    Problem::new(Code::AuthorizationServer, why.to_string())
}

/// The way out to a server's authorization server.
fn way(server: &Server) -> oauth::Guarded {
    oauth::Guarded::of(&server.url, &server.private_targets)
}

/// What is kept of an authorization server, as the protocol takes it.
fn discovered(settings: &OAuthSettings) -> oauth::Discovered {
    oauth::Discovered {
        resource: settings.resource.clone(),
        issuer: settings.issuer.clone(),
        authorization_endpoint: settings.authorization_endpoint.clone(),
        token_endpoint: settings.token_endpoint.clone(),
        registration_endpoint: None,
        auth_methods: None,
        // A client is kept for people's consent only where it is taken.
        takes_s256: true,
        says_issuer: settings.says_issuer,
        takes_documents: false,
        scopes: settings.scopes.clone(),
    }
}

/// Where browsers come back to.
fn redirect_uri(control: &Control, asking: &Asking) -> Result<String, Problem> {
    let base = match control.public_url.as_deref() {
        Some(public) => public.trim_end_matches('/').to_owned(),
        None => asking.base(control)?,
    };
    Ok(format!("{base}{BASE}/oauth/callback"))
}
