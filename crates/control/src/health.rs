//! `health` and the API's own description: the two things anybody may ask for.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use store::{Moment, Page, StoreError};
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::Control;

/// How long one look at the store answers for everybody: strangers may ask as often as they like.
const FRESH_SECONDS: i64 = 1;

/// A store that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the instance is, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Everything answers.
    Ok,
    /// The store does not answer: calls are refused.
    Degraded,
    /// The root key does not open the store.
    Sealed,
}

/// How the instance is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: Status,
}

/// The last look. Held while somebody looks, so that a crowd makes one look.
#[derive(Default)]
pub(crate) struct HealthCache(Mutex<Option<(Moment, Status)>>);

/// How the instance is: for load balancers. Needs no key.
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "health",
    responses(
        (status = 200, description = "Everything answers", body = Health),
        (status = 503, description = "Degraded or sealed", body = Health),
    ),
    security(()),
)]
pub(crate) async fn health(State(control): State<Control>) -> Response {
    let status = look(&control).await;
    let code = if status == Status::Ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Health { status })).into_response()
}

async fn look(control: &Control) -> Status {
    let mut known = control.inner.health.0.lock().await;
    let now = control.clock.now();
    if let Some((at, status)) = *known
        && at <= now
        && now < at.plus_seconds(FRESH_SECONDS)
    {
        return status;
    }
    let page = Page { after: None, limit: 1 };
    // No organisation has this id: only that the store reads is of interest.
    let nobody = store::OrgId::from("");
    let looked = control.store.refusals(&nobody, &page);
    let status = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(_)) => Status::Ok,
        Ok(Err(StoreError::WrongRootKey)) => Status::Sealed,
        Ok(Err(_)) | Err(_) => Status::Degraded,
    };
    *known = Some((now, status));
    status
}
