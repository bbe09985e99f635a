//! What the asker may do: every operation by name, and which role can what they cannot. The
//! dashboard asks here and never works roles out by itself.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::Json;
use serde::Serialize;
use store::Role;
use utoipa::ToSchema;

use crate::document;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;

/// Whether the asker may carry out one operation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Permission {
    allowed: bool,
    /// The lowest role that may.
    role: &'static str,
}

/// What the asker may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Permissions {
    /// The asker's role.
    role: &'static str,
    /// Every operation of this API, by its `operationId`.
    operations: BTreeMap<&'static str, Permission>,
}

/// What the asker may do, operation by operation.
#[utoipa::path(
    get, path = "/permissions", tag = "members", operation_id = "permissions",
    responses((status = 200, body = Permissions), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(who: Operator) -> Result<Json<Permissions>, Problem> {
    let role = who.may(Action::ServersRead)?.role();
    let operations = needed().iter().map(|(name, needed)| {
        (name.as_str(), Permission { allowed: role >= *needed, role: needed.as_str() })
    });
    Ok(Json(Permissions { role: role.as_str(), operations: operations.collect() }))
}

/// Every operation with the lowest role that may, as the description of the API says.
fn needed() -> &'static [(String, Role)] {
    static TABLE: OnceLock<Vec<(String, Role)>> = OnceLock::new();
    TABLE.get_or_init(document::roles_by_operation)
}
