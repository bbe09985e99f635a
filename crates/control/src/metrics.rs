//! What the instance measures of itself, and how its exports are.
//!
//! The numbers are the binary's to gather; here is only who may read them.

use async_trait::async_trait;
use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use store::Moment;
use utoipa::ToSchema;

use crate::operator::Operator;
use crate::page::List;
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::{Control, time};

/// Where Prometheus finds the measurements.
pub(crate) const PATH: &str = "/metrics";

/// Gathers what is measured. The binary implements it over both planes.
#[async_trait]
pub trait Watch: Send + Sync {
    /// Everything that is measured, in the text format of Prometheus.
    async fn metrics(&self) -> String;
    /// How every export of the evidence log is.
    async fn exports(&self) -> Vec<Exported>;
}

/// How an export of the evidence log is.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Its name: `file`, `webhook` or `otlp`.
    pub name: &'static str,
    /// The place in the log that it goes on from.
    pub next: u64,
    /// Entries that could be delivered and are not yet.
    pub behind: u64,
    /// When it last delivered, since the start.
    pub delivered_at: Option<Moment>,
    /// Since when no delivery has succeeded; `None` while all is well.
    pub failing_since: Option<Moment>,
    /// Why the last delivery failed.
    pub problem: Option<String>,
}

/// How an export of the evidence log is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportStateOut {
    /// `file`, `webhook` or `otlp`.
    name: &'static str,
    /// The place in the log that it goes on from: everything before was delivered.
    next: u64,
    /// Entries that could be delivered and are not yet.
    behind: u64,
    /// When it last delivered, if it has since the start.
    delivered_at: Option<String>,
    /// Since when no delivery has succeeded. Calls go on meanwhile.
    failing_since: Option<String>,
    /// Why the last delivery failed.
    problem: Option<String>,
}

/// How the exports of the evidence log are: what each has delivered, and what keeps it from more.
#[utoipa::path(
    get, path = "/exports", tag = "evidence", operation_id = "exports_list",
    responses((status = 200, body = List<ExportStateOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn exports(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<List<ExportStateOut>>, Problem> {
    who.may(Action::AuditRead)?;
    let exports = match &control.watch {
        Some(watch) => watch.exports().await,
        None => Vec::new(),
    };
    let items = exports.into_iter().map(|export| ExportStateOut {
        name: export.name,
        next: export.next,
        behind: export.behind,
        delivered_at: export.delivered_at.map(time::write),
        failing_since: export.failing_since.map(time::write),
        problem: export.problem,
    });
    Ok(Json(List { items: items.collect(), next: None }))
}

/// The measurements, for Prometheus: with a key of any role, or with none where the operator of this
/// machine has said so.
pub(crate) async fn metrics(
    State(control): State<Control>,
    request: Request,
) -> Result<Response, Problem> {
    if !control.metrics_for_all {
        let (mut parts, _) = request.into_parts();
        Operator::from_request_parts(&mut parts, &control).await?.may(Action::MetricsRead)?;
    }
    let Some(watch) = &control.watch else {
        return Err(Problem::new(Code::NotFound, "nothing is measured here"));
    };
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], watch.metrics().await).into_response())
}
