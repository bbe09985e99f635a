//! Trying a credential, and reading one back: the one place where a sealed value leaves the house.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::{Place, Secret};

use crate::body::Unread;
use crate::oauth;
use crate::operator::Operator;
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, ProbeError, servers};

/// The longest reason.
const REASON_CHARS_MAX: usize = 500;

/// What came of trying a credential.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialTested {
    /// Whether the upstream answered as an MCP server, with the credential.
    answered: bool,
    /// The MCP version found.
    version: Option<String>,
    /// How many tools it lists.
    tools: u32,
    /// Why it did not, for people.
    problem: Option<String>,
}

/// Why somebody wants to read a sealed value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevealIn {
    /// For the record, 1 to 500 characters.
    reason: String,
}

/// A credential, opened. Nothing keeps this answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialRevealed {
    /// Header values by name.
    headers: BTreeMap<String, String>,
    /// The client secret or private key of an OAuth client. Tokens are never shown.
    client_secret: Option<String>,
}

/// Asks the upstream with the credential, as a look at the server does.
#[utoipa::path(
    post, path = "/servers/{id}/credential/test", tag = "servers", operation_id = "credential_test",
    params(("id" = String, Path, description = "Id or slug of the server")),
    responses((status = 200, body = CredentialTested), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn test(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<CredentialTested>, Problem> {
    let by = who.may(Action::CredentialsWrite)?;
    let view = servers::find(&control, &by, &id).await?;
    body.read_nothing().await?;
    view.credential.ok_or_else(|| Problem::no_such("credential"))?;
    let tried = match control.prober.refresh(&view.server.id).await {
        Ok(found) => CredentialTested {
            answered: true,
            version: found.version,
            tools: found.found,
            problem: None,
        },
        Err(ProbeError::Store(error)) => return Err(error.into()),
        Err(other) => CredentialTested {
            answered: false,
            version: None,
            tools: 0,
            problem: Some(other.to_string()),
        },
    };
    Ok(Json(tried))
}

/// Reads a credential back. Only where `control.reveal_credentials` allows it, for a person who has
/// just proved who they are, with a reason, and on record before the value leaves.
#[utoipa::path(
    post, path = "/servers/{id}/credential/reveal", tag = "servers",
    operation_id = "credential_reveal",
    params(("id" = String, Path, description = "Id or slug of the server")),
    request_body = RevealIn,
    responses((status = 200, body = CredentialRevealed), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn reveal(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<CredentialRevealed>, Problem> {
    let by = who.may(Action::CredentialsReveal)?;
    let view = servers::find(&control, &by, &id).await?;
    let RevealIn { reason } = body.read().await?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        let message = "takes 1 to 500 characters";
        return Err(Problem::field("/reason", "invalid_value", message));
    }
    if !control.reveals {
        let detail = "credentials are not read back here: `control.reveal_credentials` is off";
        return Err(Problem::new(Code::NotAllowedHere, detail));
    }
    by.fresh_in_person()?;
    let credential = view.credential.ok_or_else(|| Problem::no_such("credential"))?;
    let sealed = || Problem::new(Code::Conflict, "the credential does not open");
    let ring = control.store.keyring();
    let mut headers = BTreeMap::new();
    for (name, blob) in &credential.headers {
        let place = Place {
            org: by.org().as_str(),
            table: "credentials",
            record: credential.id.as_str(),
            field: name,
            generation: u64::try_from(credential.generation).unwrap_or_default(),
        };
        let opened = ring.open(&place, blob).map_err(|_| sealed())?;
        headers.insert(name.clone(), text(&opened));
    }
    let client_secret = match credential.oauth.as_deref() {
        None => None,
        Some(client) => {
            let opened = oauth::secret_of(&control, &view.server, &credential, client);
            opened.map_err(|_| sealed())?.as_ref().map(text)
        }
    };
    // On record first: what cannot be written down is not shown.
    let fields = vec![("reason".to_owned(), reason.to_owned())];
    let server = view.server.id.as_str();
    control.store.noted(&by.by(), "credential.revealed", server, fields).await?;
    Ok(Json(CredentialRevealed { headers, client_secret }))
}

fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}
