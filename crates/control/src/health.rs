//! `health`: one word for anybody, and part by part for who has a key.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use store::{ClockState, Moment, Page, StoreError};
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::metrics::Exported;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{Control, time};

/// How long one look at the store answers for everybody: strangers may ask as often as they like.
const FRESH_SECONDS: i64 = 1;

/// A store that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// An export that has more than this to deliver lags behind, whatever it is doing about it: some
/// seconds of the heaviest load.
const LAGGING_ENTRIES: u64 = 10_000;

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

/// How one part of the instance is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthPart {
    /// `store`, `clock`, or `export NAME`.
    part: String,
    /// `ok`, `lagging` (what it does is late; calls go on), `degraded` or `sealed`.
    state: &'static str,
    /// More, for people; `null` where there is nothing to say.
    said: Option<String>,
}

/// How the instance is, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthDetail {
    status: Status,
    parts: Vec<HealthPart>,
}

/// How the instance is, part by part. An export that lags and a clock in doubt are shown here and leave
/// the status as it is: calls go on, or those without limits do, so no load balancer should turn away
/// from the instance.
#[utoipa::path(
    get, path = "/health/detail", tag = "health", operation_id = "health_detail",
    responses((status = 200, body = HealthDetail), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn detail(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<HealthDetail>, Problem> {
    who.may(Action::MetricsRead)?;
    let status = look(&control).await;
    let store = match status {
        Status::Ok => ("ok", None),
        Status::Degraded => ("degraded", Some("the store does not answer: calls are refused")),
        Status::Sealed => ("sealed", Some("the root key does not open the store")),
    };
    let said = store.1.map(str::to_owned);
    let mut parts = vec![HealthPart { part: "store".to_owned(), state: store.0, said }];
    if status == Status::Ok {
        parts.push(of_clock(control.store.clock_state().await?));
    }
    if let Some(watch) = &control.watch {
        parts.extend(watch.exports().await.into_iter().map(of_export));
    }
    Ok(Json(HealthDetail { status, parts }))
}

/// What is said of the clock that limits are counted by.
fn of_clock(clock: ClockState) -> HealthPart {
    let (state, said) = match clock.doubt {
        None => ("ok", None),
        Some(doubt) => {
            let what = match doubt.reason {
                quota::Reason::JumpedAhead => "jumped ahead",
                quota::Reason::FellBack => "fell back",
            };
            let seconds = doubt.by_micros / 1_000_000;
            (
                "degraded",
                Some(format!(
                    "the clock {what} by {seconds} seconds: calls with limits are denied until somebody confirms it"
                )),
            )
        }
    };
    HealthPart { part: "clock".to_owned(), state, said }
}

/// What is said of an export. Why a delivery failed is for those who read the log: it may name hosts.
fn of_export(export: Exported) -> HealthPart {
    let part = format!("export {}", export.name);
    let behind = export.behind;
    let waiting = format!("{behind} entries are written and not delivered yet");
    let (state, said) = match export.failing_since {
        Some(since) => {
            let since = time::write(since);
            ("lagging", Some(format!("no delivery has succeeded since {since}; {waiting}")))
        }
        None if behind > LAGGING_ENTRIES => ("lagging", Some(waiting)),
        None => ("ok", None),
    };
    HealthPart { part, state, said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_doubt_is_a_part_that_is_not_well() {
        let doubt =
            quota::Doubt { reason: quota::Reason::FellBack, since: 0, by_micros: 90_000_000 };
        for (doubt, state, said) in
            [(None, "ok", ""), (Some(doubt), "degraded", "fell back by 90 seconds")]
        {
            let part = of_clock(ClockState { at: Moment::of_micros(0), doubt });
            assert_eq!((part.part.as_str(), part.state), ("clock", state));
            assert!(part.said.unwrap_or_default().contains(said));
        }
    }

    #[test]
    fn an_export_lags_when_it_fails_or_has_much_to_deliver() {
        let export = |behind, failing| Exported {
            name: "webhook",
            next: 7,
            behind,
            delivered_at: None,
            failing_since: failing,
            problem: Some("refused by 10.0.0.7".to_owned()),
        };
        let since = Some(Moment::of_micros(0));
        for (behind, failing, state) in [
            (0, None, "ok"),
            (LAGGING_ENTRIES, None, "ok"),
            (LAGGING_ENTRIES + 1, None, "lagging"),
            (0, since, "lagging"),
        ] {
            let part = of_export(export(behind, failing));
            assert_eq!((part.part.as_str(), part.state), ("export webhook", state), "{behind}");
            assert!(!part.said.unwrap_or_default().contains("10.0.0.7"));
        }
    }
}
