//! How long calls of a grant are held for people, for clients that bear less or more than most.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::GrantHolding;
use utoipa::ToSchema;

use crate::body::Unread;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, grants};

/// How long calls of a grant are held.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldingOut {
    /// Whether nobody has said otherwise than usual; the rest is `null` then.
    usual: bool,
    /// The longest that one request is held, in seconds; 0: it is told to call again at once.
    seconds: Option<u32>,
    /// The most legs of a call of 2026-07-28; 0: it is told to call again.
    legs: Option<u32>,
}

/// How long calls of a grant are to be held: both, or neither for as usual.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldingIn {
    /// The longest that one request is held, in seconds, 0 to 240.
    #[schema(minimum = 0, maximum = 240)]
    seconds: Option<u32>,
    /// The most legs of a call of 2026-07-28, 0 to 6.
    #[schema(minimum = 0, maximum = 6)]
    legs: Option<u32>,
}

impl From<Option<GrantHolding>> for HoldingOut {
    fn from(of: Option<GrantHolding>) -> Self {
        Self { usual: of.is_none(), seconds: of.map(|of| of.seconds), legs: of.map(|of| of.legs) }
    }
}

/// How long calls of a grant are held for people.
#[utoipa::path(
    get, path = "/grants/{id}/holding", tag = "grants", operation_id = "grants_holding",
    params(("id" = String, Path, description = "Id or label")),
    responses((status = 200, body = HoldingOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<HoldingOut>, Problem> {
    let by = who.may(Action::GrantsRead)?;
    let grant = grants::find(&control, &by, &id).await?;
    Ok(Json(control.store.grant_holding(by.org(), &grant.id).await?.into()))
}

/// Says how long calls of a grant are held for people. In force at the next call.
#[utoipa::path(
    put, path = "/grants/{id}/holding", tag = "grants", operation_id = "grants_set_holding",
    params(("id" = String, Path, description = "Id or label")),
    request_body = HoldingIn,
    responses((status = 200, body = HoldingOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn set(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<HoldingOut>, Problem> {
    let by = who.may(Action::GrantsWrite)?;
    let given = body.read::<HoldingIn>().await?;
    let holding = match (given.seconds, given.legs) {
        (Some(seconds), Some(legs)) => Some(GrantHolding { seconds, legs }),
        (None, None) => None,
        (Some(_), None) => return Err(half("/legs")),
        (None, Some(_)) => return Err(half("/seconds")),
    };
    let grant = grants::find(&control, &by, &id).await?;
    control.store.grant_set_holding(&by.by(), &grant.id, holding).await?;
    Ok(Json(holding.into()))
}

fn half(pointer: &str) -> Problem {
    Problem::field(pointer, "missing", "say both, or neither for as usual")
}
