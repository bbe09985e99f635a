//! The scopes that an OAuth client asks for, changed without making another client: what an upstream
//! turned out to want on top is added by whoever sets credentials, and consented to by a person.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::setup::{OAuthClientOut, checked};
use crate::body::Unread;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, servers};

/// The scopes to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuthScopesIn {
    /// All of them, in place of those before.
    scopes: Vec<String>,
}

/// Sets the scopes that an OAuth client asks for, from the next consent on. Client and accounts stay:
/// connect an account again for it to get them.
#[utoipa::path(
    put, path = "/servers/{id}/credential/scopes", tag = "servers",
    operation_id = "credential_scopes",
    params(("id" = String, Path, description = "Id or slug of the server")),
    request_body = OAuthScopesIn,
    responses((status = 200, body = OAuthClientOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn scopes(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<OAuthClientOut>, Problem> {
    let by = who.may(Action::CredentialsWrite)?;
    let given: OAuthScopesIn = body.read().await?;
    let wrong =
        |field: &str, message: &str| Problem::field(&format!("/{field}"), "invalid_value", message);
    let scopes = checked(&given.scopes, &wrong)?;
    let server = servers::find(&control, &by, &id).await?.server;
    let kept = control.store.credential_set_scopes(&by.by(), &server.id, scopes).await?;
    let client = kept.oauth.as_deref().map(OAuthClientOut::of);
    client.map(Json).ok_or_else(|| Problem::no_such("OAuth credential"))
}
