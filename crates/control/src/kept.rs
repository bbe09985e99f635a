//! Policies that are kept in files: the mark that says so, and what waits until somebody lifts it.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use store::{ChangeError, Policy};
use utoipa::{IntoParams, ToSchema};

use crate::body::Unread;
use crate::grants::given;
use crate::operator::Operator;
use crate::policies::{self, PolicyWhole};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control};

/// Where a policy is kept in files.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyKeptIn {
    /// A place that people know, such as a repository and a folder: 1 to 200 characters, read and never
    /// followed. `null` lifts the mark: the policy is edited here again.
    #[serde(deserialize_with = "given")]
    #[schema(required, nullable)]
    place: Option<String>,
    /// The number of the newest version that was looked at.
    expected_latest: Option<u32>,
}

/// Which policy is meant to go.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PolicyDeleteQuery {
    /// Where the policy is kept in files: needed for one that is, and then it must be this place.
    pub(crate) kept_in: Option<String>,
}

/// Says where a policy is kept in files, or that it is edited here, and publishes nothing. While it is
/// kept in files, its drafts are not written, nothing is published or restored here, and it is removed
/// only by naming the place.
#[utoipa::path(
    put, path = "/policies/{id}/kept-in", tag = "policies", operation_id = "policies_keep_in",
    params(("id" = String, Path, description = "Id or name")),
    request_body = PolicyKeptIn,
    responses((status = 200, body = PolicyWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn set(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<PolicyWhole>, Problem> {
    let by = who.may(Action::PoliciesWrite)?;
    let given: PolicyKeptIn = body.read().await?;
    let policy = policies::find(&control, &by, &id).await?;
    let (place, latest) = (given.place.as_deref(), given.expected_latest);
    let policy = control.store.policy_keep_in(&by.by(), &policy.id, place, latest).await?;
    Ok(Json(policies::whole(&control, &by, &policy).await?))
}

/// Refuses for a policy that is kept in files, before anything is judged. The store has the last word.
pub(crate) fn editable(policy: &Policy) -> Result<(), Problem> {
    match &policy.kept_in {
        None => Ok(()),
        Some(place) => {
            let (policy, place) = (policy.name.clone(), place.clone());
            Err(ChangeError::KeptInFiles { policy, place }.into())
        }
    }
}
