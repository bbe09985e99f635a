//! Looking for the authorization server of an upstream, before anything is set: nothing is made there
//! and nothing is kept here.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{redirect_uri, unusable, way};
use crate::body::Unread;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::sign_in::Asking;
use crate::{At, Control, servers};

/// The authorization server of an upstream, and which clients it takes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OAuthDiscovered {
    /// Exactly as it names itself.
    issuer: String,
    /// What tokens are for.
    resource: String,
    /// Where people consent; absent if people cannot.
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    /// The scopes that are asked for if none are said.
    scopes: Vec<String>,
    /// How clients may prove who they are; absent if it does not say.
    auth_methods: Option<Vec<String>>,
    /// Whether people's consent can be used: it takes PKCE with S256.
    takes_consent: bool,
    /// Whether it makes clients for whoever asks.
    registers: bool,
    /// Whether it takes the address of a document as a client's name.
    takes_documents: bool,
    /// Our document, where authorization servers can read it.
    client_document: Option<String>,
    /// Where browsers come back to: to be entered where a client is made beforehand.
    redirect_uri: String,
}

/// Looks for the authorization server of a server, by the server's own word. Changes nothing.
#[utoipa::path(
    post, path = "/servers/{id}/credential/discover", tag = "servers",
    operation_id = "credential_discover",
    params(("id" = String, Path, description = "Id or slug of the server")),
    responses(
        (status = 200, body = OAuthDiscovered),
        (status = "4XX", body = ProblemBody),
        (status = 502, body = ProblemBody),
    ),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn discover(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asking: Asking,
    body: Unread,
) -> Result<Json<OAuthDiscovered>, Problem> {
    let by = who.may(Action::CredentialsWrite)?;
    let server = servers::find(&control, &by, &id).await?.server;
    body.read_nothing().await?;
    let redirect_uri = redirect_uri(&control, &asking)?;
    let found = oauth::discover(&way(&server), &server.url).await.map_err(unusable)?;
    Ok(Json(OAuthDiscovered {
        takes_consent: found.takes_s256 && found.authorization_endpoint.is_some(),
        issuer: found.issuer,
        resource: found.resource,
        authorization_endpoint: found.authorization_endpoint,
        token_endpoint: found.token_endpoint,
        scopes: found.scopes,
        auth_methods: found.auth_methods,
        registers: found.registration_endpoint.is_some(),
        takes_documents: found.takes_documents,
        client_document: control.client_document_url(),
        redirect_uri,
    }))
}
