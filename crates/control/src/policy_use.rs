//! How often each rule of a policy decided, day by day.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::{Moment, RuleUse, UseSpan};
use utoipa::{IntoParams, ToSchema};

use crate::body::Asked;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, policies, time};

const DAYS_DEFAULT: u32 = 7;
const DAYS_MAX: u32 = 31;
const DAY_SECONDS: i64 = 86_400;
/// The most lines that are looked at, the newest: some tenths of a second.
const LINES_MAX: u32 = 100_000;
const RULES_MAX: usize = 500;

/// How far back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PolicyUseQuery {
    /// How many days of UTC, today included, 1 to 31; 7 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 31)]
    days: Option<String>,
}

/// How often the rules of a policy decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyUseOut {
    /// The beginnings of the days, in UTC, the earliest first; the last is today.
    days: Vec<String>,
    /// The rules that decided, under any version, the most frequent first; at most 500.
    rules: Vec<RuleUseOut>,
    /// How many more rules decided.
    left_out: usize,
    /// Whether every call of these days was looked at: at most the newest 100,000 lines are.
    complete: bool,
}

/// How often a rule decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleUseOut {
    /// The rule, or the engine's name for its answer, such as `(default deny)`.
    rule: String,
    /// Whether these are calls of tools; otherwise of resources, prompts and the like.
    of_tools: bool,
    /// How many calls it decided on each of the days.
    counts: Vec<u64>,
    total: u64,
    /// How often it asked people. A call that is repeated while it waits asks once.
    held: u64,
    /// The newest version that it was seen under.
    version: u32,
}

impl RuleUseOut {
    fn of(rule: RuleUse) -> Self {
        Self {
            total: rule.total(),
            rule: rule.rule.to_string(),
            of_tools: rule.of_tools,
            counts: rule.days,
            held: rule.asked,
            version: rule.version,
        }
    }
}

impl PolicyUseQuery {
    fn days(self) -> Result<u32, Problem> {
        let Some(text) = self.days else { return Ok(DAYS_DEFAULT) };
        let days = text.parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
        days.ok_or_else(|| Problem::field("days", "invalid_value", "days is a number from 1 to 31"))
    }
}

/// The beginnings of so many days of UTC, the earliest first; the last is the day of `now`.
fn beginnings(now: Moment, days: u32) -> Vec<Moment> {
    let today = now.micros().div_euclid(DAY_SECONDS * 1_000_000) * DAY_SECONDS * 1_000_000;
    let today = Moment::of_micros(today);
    (0..i64::from(days)).rev().map(|ago| today.plus_seconds(-ago * DAY_SECONDS)).collect()
}

/// How often each rule of a policy decided, day by day, whatever the version.
#[utoipa::path(
    get, path = "/policies/{id}/use", tag = "policies", operation_id = "policies_use",
    params(("id" = String, Path, description = "Id or name"), PolicyUseQuery),
    responses((status = 200, body = PolicyUseOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn read(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<PolicyUseOut>, Problem> {
    let by = who.may(Action::CallsRead)?;
    let days = asked.read::<PolicyUseQuery>()?.days()?;
    let policy = policies::find(&control, &by, &id).await?;
    let starts = beginnings(control.clock.now(), days);
    let since = starts.first().copied().unwrap_or_default();
    let span =
        UseSpan { policy: policy.id, since, days, lines_max: LINES_MAX, rules_max: RULES_MAX };
    let found = control.store.policy_use(by.org(), &span).await?;
    Ok(Json(PolicyUseOut {
        days: starts.into_iter().map(time::write).collect(),
        rules: found.rules.into_iter().map(RuleUseOut::of).collect(),
        left_out: found.left_out,
        complete: found.complete,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_midnight_in_utc_and_end_with_today() {
        let told = |micros: i64, days: u32| -> Vec<String> {
            beginnings(Moment::of_micros(micros), days).into_iter().map(time::write).collect()
        };
        // 2026-03-02T10:00:00Z.
        let monday = [
            "2026-02-28T00:00:00.000000Z",
            "2026-03-01T00:00:00.000000Z",
            "2026-03-02T00:00:00.000000Z",
        ];
        assert_eq!(told(1_772_445_600_000_000, 3), monday);
        let midnight = 1_772_409_600_000_000;
        assert_eq!(told(midnight, 1), ["2026-03-02T00:00:00.000000Z"]);
        assert_eq!(told(midnight - 1, 1), ["2026-03-01T00:00:00.000000Z"]);
    }
}
