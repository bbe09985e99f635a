//! How much of its limits a grant has used.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use store::{APPROVALS_PENDING_PER_GRANT_MAX, LimitUsage, Page};
use utoipa::ToSchema;

use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::reservations::ReservationOut;
use crate::roles::Action;
use crate::{At, Control, grants, time};

/// The most calls with no known outcome that are shown beside the usage.
const UNKNOWN_MAX: u32 = 50;

/// The usage of a grant's limits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageOut {
    /// The limits in force, used or not; then what is counted of limits that are gone.
    items: Vec<LimitOut>,
    /// Budgets that are not shown because there are too many.
    left_out: usize,
    /// The grant's calls with no known outcome that are still counted, oldest first.
    unknown: Vec<ReservationOut>,
    /// Whether there are more of them: see `/reservations`.
    more_unknown: bool,
    /// How many of the grant's calls wait for people now.
    approvals_waiting: u32,
    /// How many may.
    approvals_waiting_max: u32,
}

/// One limit's usage. Amounts are decimals, as text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitOut {
    /// The limit's rule.
    rule: String,
    /// Whether the grant's policies state the limit now.
    in_force: bool,
    counter: String,
    /// Whose usage is counted together: `grant`, `identity`, `policy`, `server`, `organisation`.
    scope: String,
    /// The id of the server.
    server: String,
    /// The tools it counts, as the policy names them; `*` for all of them.
    tool: String,
    /// The stretch of time, such as `day in UTC` or `any 90 s`.
    window: String,
    /// The paths the limit is split by, with the values of this budget.
    per: Vec<PerOut>,
    /// The most the window may hold.
    max: String,
    /// Carried out.
    used: String,
    /// In flight.
    held: String,
    /// With no known outcome; counted.
    unknown: String,
    left: String,
    /// When the window ends, or when the oldest usage leaves a rolling one.
    resets_at: Option<String>,
}

/// What splits a limit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PerOut {
    path: String,
    /// The value as JSON text; `null` while no value was used: each has the whole budget.
    value: Option<String>,
}

/// How much of its limits a grant has used.
#[utoipa::path(
    get, path = "/grants/{id}/usage", tag = "grants", operation_id = "grants_usage",
    params(("id" = String, Path, description = "Id or label")),
    responses((status = 200, body = UsageOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn usage(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<UsageOut>, Problem> {
    let by = who.may(Action::GrantsRead)?;
    let grant = grants::find(&control, &by, &id).await?;
    let usage = control.store.usage(by.org(), &grant.id).await?;
    let page = Page { after: None, limit: UNKNOWN_MAX };
    let id = Some(grant.id.as_str());
    let unknown = control.store.reservations(by.org(), quota::State::Unknown, id, &page).await?;
    Ok(Json(UsageOut {
        items: usage.limits.into_iter().map(view).collect(),
        left_out: usage.left_out,
        unknown: unknown.items.iter().map(ReservationOut::of).collect(),
        more_unknown: unknown.next.is_some(),
        approvals_waiting: control.store.approvals_waiting(by.org(), &grant.id).await?,
        approvals_waiting_max: APPROVALS_PENDING_PER_GRANT_MAX,
    }))
}

/// The paths and values that split a counter.
pub(crate) fn per_of(key: &quota::Key, has_values: bool) -> Vec<PerOut> {
    let of = |(path, value): &(Arc<str>, Arc<str>)| PerOut {
        path: path.to_string(),
        value: has_values.then(|| value.to_string()),
    };
    key.parts().per.iter().map(of).collect()
}

fn view(limit: LimitUsage) -> LimitOut {
    let usage = limit.usage;
    let parts = usage.key.parts();
    LimitOut {
        rule: usage.rule.to_string(),
        in_force: limit.in_force,
        counter: parts.counter.to_string(),
        scope: parts.subject.scope().to_owned(),
        server: parts.server.to_string(),
        tool: match &parts.place {
            quota::Place::AllTools => "*".to_owned(),
            quota::Place::Tool(key) => key.to_string(),
        },
        window: window(&usage.window),
        per: per_of(&usage.key, limit.has_values),
        max: decimal(usage.max),
        used: decimal(usage.used),
        held: decimal(usage.held),
        unknown: decimal(usage.unknown),
        left: decimal(usage.left),
        resets_at: usage.resets_at.map(|at| time::write(store::Moment::of_micros(at))),
    }
}

/// The stretch of time of a limit, in a few words.
pub(crate) fn window(window: &quota::Window) -> String {
    match window {
        quota::Window::Calendar { unit, zone } => format!("{} in {zone}", unit.as_str()),
        quota::Window::Rolling { length_micros } => {
            let seconds = length_micros / 1_000_000;
            let units = [("d", 86_400), ("h", 3_600), ("min", 60)];
            let even = units.iter().find(|(_, size)| seconds >= *size && seconds % size == 0);
            let (name, size) = even.copied().unwrap_or(("s", 1));
            format!("any {} {name}", seconds / size)
        }
    }
}

/// Millionths as a decimal without needless digits.
pub(crate) fn decimal(millionths: i64) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, rest) =
        (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{rest:06}");
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_told_in_their_largest_even_unit() {
        let rolling = |seconds: i64| quota::Window::Rolling { length_micros: seconds * 1_000_000 };
        for (window, text) in [
            (quota::Window::utc(quota::Unit::Day), "day in UTC"),
            (rolling(60), "any 1 min"),
            (rolling(90), "any 90 s"),
            (rolling(6 * 3_600), "any 6 h"),
            (rolling(31 * 86_400), "any 31 d"),
        ] {
            assert_eq!(super::window(&window), text);
        }
    }

    #[test]
    fn millionths_are_written_as_decimals() {
        for (millionths, text) in [
            (0, "0"),
            (1_000_000, "1"),
            (12_500_000, "12.5"),
            (1, "0.000001"),
            (-1_500_000, "-1.5"),
            (i64::MAX, "9223372036854.775807"),
        ] {
            assert_eq!(decimal(millionths), text);
        }
    }
}
