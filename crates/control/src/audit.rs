//! The log of changes and the refusals of strangers: for admins.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{AuditEvent, StrangerRefusal};
use utoipa::ToSchema;

use crate::body::Asked;
use crate::operator::Operator;
use crate::page::{List, PageQuery};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{Control, time, tools};

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditOut {
    /// Its place in the log, from 1.
    index: i64,
    at: String,
    /// The id of the acting member; `null` for the program itself.
    member: Option<String>,
    /// The id of the API key they used, if they used one.
    key: Option<String>,
    /// The id of the session they used, if they used one.
    session: Option<String>,
    /// What people call the actor.
    name: String,
    address: Option<String>,
    /// What was done, such as `grant.revoked`.
    event: String,
    /// The id of what it was done to.
    subject: String,
    /// Before and after, by field; secrets as "changed".
    #[schema(value_type = Object)]
    detail: Option<Box<RawValue>>,
}

/// Requests that no grant stands behind, counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusalOut {
    /// The minute they fall into.
    at: String,
    address: String,
    reason: &'static str,
    /// The public part of the token that was shown, if one of the right shape was.
    token_prefix: Option<String>,
    count: u32,
}

/// The log of changes, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", operation_id = "audit_list", params(PageQuery),
    responses((status = 200, body = List<AuditOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn audit(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<AuditOut>>, Problem> {
    let by = who.may(Action::AuditRead)?;
    let page = asked.read::<PageQuery>()?.page()?;
    let slice = control.store.audit(by.org(), &page).await?;
    let view = |event: AuditEvent| AuditOut {
        index: event.index,
        at: time::write(event.at),
        member: event.member.map(|member| member.to_string()),
        key: event.key.map(|key| key.to_string()),
        session: event.session.map(|session| session.to_string()),
        name: event.name,
        address: event.address,
        event: event.event,
        subject: event.subject,
        detail: tools::raw(event.detail.as_bytes()),
    };
    Ok(Json(List { items: slice.items.into_iter().map(view).collect(), next: slice.next }))
}

/// Requests that no grant stands behind, newest first: counted, never one line each.
#[utoipa::path(
    get, path = "/refusals", tag = "audit", operation_id = "refusals_list", params(PageQuery),
    responses((status = 200, body = List<RefusalOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn refusals(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<RefusalOut>>, Problem> {
    who.may(Action::RefusalsRead)?;
    let page = asked.read::<PageQuery>()?.page()?;
    let slice = control.store.stranger_refusals(&page).await?;
    let view = |refusal: StrangerRefusal| RefusalOut {
        at: time::write(refusal.at),
        address: refusal.address,
        reason: refusal.reason,
        token_prefix: refusal.token_prefix,
        count: refusal.count,
    };
    Ok(Json(List { items: slice.items.into_iter().map(view).collect(), next: slice.next }))
}
