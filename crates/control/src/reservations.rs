//! Calls that hold quota, and a person's word about those whose outcome nobody knows.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::{CallId, Reserved};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, Unread};
use crate::grants::Named;
use crate::operator::{Authorized, Operator};
use crate::page::{List, PageQuery};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::usage::{PerOut, decimal, per_of};
use crate::{At, Control, time};

/// The longest name of a grant that is looked for.
const GRANT_BYTES_MAX: usize = 512;

/// Which calls.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReservationQuery {
    /// `unknown` (when absent): the outcome is not known and the amount stays counted.
    /// `reserved`: in flight.
    state: Option<String>,
    /// Of this grant, by id or label.
    grant: Option<String>,
    /// The most calls, 1 to 500; 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the part before.
    after: Option<String>,
}

/// A call that holds quota.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReservationOut {
    /// The call.
    call: String,
    /// When its quota was taken.
    at: String,
    /// `null` when the call's line is not kept any more, as are the four fields after it.
    grant: Option<Named>,
    server: Option<Named>,
    tool: Option<String>,
    /// Why the outcome is not known: `outcome_unknown`, `agent_gone`, `process_ended`, …
    detail: Option<String>,
    /// When the call ended.
    ended_at: Option<String>,
    /// What it holds, limit by limit.
    holds: Vec<HoldOut>,
}

/// What a call holds of one limit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldOut {
    /// The limit's rule.
    rule: String,
    counter: String,
    /// Whose usage is counted together.
    scope: String,
    /// The paths the limit is split by, with the call's values.
    per: Vec<PerOut>,
    /// How much, as a decimal.
    amount: String,
    /// `reserved` (in flight), `settled` (counted), `released` (rolled back), or `unknown`
    /// (counted until somebody says otherwise).
    state: &'static str,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FateName {
    /// It was not carried out: its amount goes back to the window it was taken from.
    Released,
    /// It was carried out: its amount stays counted.
    Settled,
}

/// A person's word about a call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveIn {
    /// What became of the call.
    #[serde(rename = "as")]
    fate: FateName,
    /// How that is known: for the record, 1 to 500 characters.
    reason: String,
}

impl ReservationOut {
    pub(crate) fn of(held: &Reserved) -> Self {
        let line = held.line.as_ref();
        let intent = line.map(|line| &line.intent);
        let outcome = line.and_then(|line| line.outcome.as_ref());
        let named = |id: &str, name: &str| Named { id: id.to_owned(), name: name.to_owned() };
        Self {
            call: held.id.to_string(),
            at: time::write(held.at),
            grant: intent.map(|of| named(of.grant.as_str(), &of.grant_label)),
            server: intent.map(|of| named(of.server.as_str(), &of.server_slug)),
            tool: intent.and_then(|of| of.tool.as_ref()).map(ToString::to_string),
            detail: outcome.map(|of| of.detail.to_owned()),
            ended_at: outcome.map(|of| time::write(of.at)),
            holds: held.holds.iter().map(HoldOut::of).collect(),
        }
    }
}

impl HoldOut {
    fn of(hold: &quota::Hold) -> Self {
        let parts = hold.key.parts();
        Self {
            rule: hold.rule.to_string(),
            counter: parts.counter.to_string(),
            scope: parts.subject.scope().to_owned(),
            per: per_of(&hold.key, true),
            amount: decimal(hold.amount),
            state: hold.state.as_str(),
        }
    }
}

/// Calls that hold quota, oldest first: those whose outcome nobody knows, or those in flight.
#[utoipa::path(
    get, path = "/reservations", tag = "grants", operation_id = "reservations_list",
    params(ReservationQuery),
    responses((status = 200, body = List<ReservationOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<ReservationOut>>, Problem> {
    let by = who.may(Action::GrantsRead)?;
    let query = asked.read::<ReservationQuery>()?;
    let state = match query.state.as_deref() {
        None | Some("unknown") => quota::State::Unknown,
        Some("reserved") => quota::State::Reserved,
        Some(_) => {
            let message = "state is unknown or reserved";
            return Err(Problem::field("state", "invalid_value", message));
        }
    };
    let grant = query.grant.as_deref();
    if grant.is_some_and(|name| name.is_empty() || name.len() > GRANT_BYTES_MAX) {
        return Err(Problem::field("grant", "invalid_value", "give an id or a label"));
    }
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let found = control.store.reservations(by.org(), state, grant, &page).await?;
    let items = found.items.iter().map(ReservationOut::of).collect();
    Ok(Json(List { items, next: found.next }))
}

/// Says what became of a call whose outcome nobody knew. Final; the same word again changes
/// nothing.
#[utoipa::path(
    post, path = "/reservations/{id}/resolve", tag = "grants",
    operation_id = "reservations_resolve",
    params(("id" = String, Path, description = "Id of the call")),
    request_body = ResolveIn,
    responses((status = 200, body = ReservationOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn resolve(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<ReservationOut>, Problem> {
    let by = who.may(Action::LimitsResolve)?;
    let resolved = settle(&control, &by, &id, body.read().await?).await?;
    Ok(Json(ReservationOut::of(&resolved)))
}

async fn settle(
    control: &Control,
    by: &Authorized,
    id: &str,
    given: ResolveIn,
) -> Result<Reserved, Problem> {
    let call = CallId::parse(id).ok_or_else(|| Problem::no_such("reservation"))?;
    let fate = match given.fate {
        FateName::Released => quota::Fate::Release,
        FateName::Settled => quota::Fate::Settle,
    };
    Ok(control.store.reservation_resolve(&by.by(), &call, fate, &given.reason).await?)
}
