//! Whether the clock is believed that limits are counted by, and a person's word that it is right.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::ClockState;
use utoipa::ToSchema;

use crate::body::Unread;
use crate::operator::{Authorized, Operator};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{Control, time};

/// The clock of the instance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClockOut {
    /// What the clock says.
    now: String,
    /// The moment limits are counted at: never before one that was counted at already.
    counted_at: String,
    /// Whether the clock is believed. While it is not, calls with limits are denied with
    /// `clock_uncertain`, and no others.
    believed: bool,
    /// Why it is not, if it is not.
    doubt: Option<DoubtOut>,
}

/// Why the clock is not believed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DoubtOut {
    /// `jumped_ahead` or `fell_back`, beside a clock that nobody can set.
    reason: &'static str,
    /// By how much.
    seconds: i64,
    /// The last moment that was believed.
    since: String,
}

/// A person's word that the clock is right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmIn {
    /// Why the clock was moved: for the record, 1 to 500 characters.
    reason: String,
}

impl ClockOut {
    fn of(control: &Control, state: ClockState) -> Self {
        let doubt = state.doubt.map(|doubt| DoubtOut {
            reason: match doubt.reason {
                quota::Reason::JumpedAhead => "jumped_ahead",
                quota::Reason::FellBack => "fell_back",
            },
            seconds: doubt.by_micros / 1_000_000,
            since: time::write(store::Moment::of_micros(doubt.since)),
        });
        Self {
            now: time::write(control.clock.now()),
            counted_at: time::write(state.at),
            believed: doubt.is_none(),
            doubt,
        }
    }
}

/// Whether the clock is believed.
#[utoipa::path(
    get, path = "/clock", tag = "health", operation_id = "clock_state",
    responses((status = 200, body = ClockOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn state(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<ClockOut>, Problem> {
    let _by = who.may(Action::GrantsRead)?;
    let state = control.store.clock_state().await?;
    Ok(Json(ClockOut::of(&control, state)))
}

/// Says that the clock is right as it is. Windows that have turned stay turned. Changes nothing
/// where nothing was in doubt.
#[utoipa::path(
    post, path = "/clock/confirm", tag = "health", operation_id = "clock_confirm",
    request_body = ConfirmIn,
    responses((status = 200, body = ClockOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn confirm(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<ClockOut>, Problem> {
    let by = who.may(Action::LimitsResolve)?;
    let state = believe(&control, &by, body.read().await?).await?;
    Ok(Json(ClockOut::of(&control, state)))
}

async fn believe(
    control: &Control,
    by: &Authorized,
    given: ConfirmIn,
) -> Result<ClockState, Problem> {
    Ok(control.store.clock_confirm(&by.by(), &given.reason).await?)
}
