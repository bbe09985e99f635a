//! What the newest calls add up to: decisions by the hour, the rules that denied most, the time that the
//! gateway adds.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::{CallCounts, CallSpan, CallSum, Moment, RuleSum};
use utoipa::{IntoParams, ToSchema};

use crate::body::Asked;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{Control, time};

const HOURS_DEFAULT: u32 = 24;
const HOURS_MAX: u32 = 168;
const HOUR_SECONDS: i64 = 3_600;
/// The most lines that are looked at, the newest: some tenths of a second.
const LINES_MAX: u32 = 100_000;
const RULES_MAX: usize = 5;
/// The longest text of a filter.
const FILTER_BYTES_MAX: usize = 512;

/// Which calls are added up.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SummaryQuery {
    /// Of this server, by id or slug.
    server: Option<String>,
    /// How many hours, this one included, 1 to 168; 24 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 168)]
    hours: Option<String>,
}

/// What calls add up to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallSumOut {
    /// The beginning of the hour, or of all of them.
    at: String,
    /// Let through, their outcome known or still to come.
    allowed: u64,
    /// Held for people.
    held: u64,
    denied: u64,
    /// Let through, and what became of them is not known.
    unknown: u64,
    /// How many have reached a server and ended.
    reached: u64,
    /// The time that the gateway itself took, in microseconds: half of those calls took less. `null`
    /// where none has reached a server.
    p50_micros: Option<u64>,
    /// All but one of a hundred took less.
    p99_micros: Option<u64>,
}

/// How often a rule denied.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleSumOut {
    /// The id of the policy; `null` for what the engine answers by itself.
    policy: Option<String>,
    rule: String,
    /// The tool or method, where the rule does not name it.
    tool: Option<String>,
    count: u64,
}

/// What the newest calls add up to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallsSummaryOut {
    all: CallSumOut,
    /// One for each hour, the earliest first.
    hours: Vec<CallSumOut>,
    /// The rules that denied most, at most 5.
    rules: Vec<RuleSumOut>,
    /// Whether every call of these hours was looked at: at most the newest 100,000 lines are.
    complete: bool,
}

impl CallSumOut {
    fn of(sum: &CallSum) -> Self {
        let CallCounts { allowed, held, denied, unknown } = sum.counts;
        Self {
            at: time::write(sum.at),
            allowed,
            held,
            denied,
            unknown,
            reached: sum.overhead.map_or(0, |overhead| overhead.reached),
            p50_micros: sum.overhead.map(|overhead| overhead.p50_micros),
            p99_micros: sum.overhead.map(|overhead| overhead.p99_micros),
        }
    }
}

impl RuleSumOut {
    fn of(sum: RuleSum) -> Self {
        Self {
            policy: sum.policy.map(|id| id.to_string()),
            rule: sum.rule.to_string(),
            tool: sum.tool.map(|tool| tool.to_string()),
            count: sum.count,
        }
    }
}

impl SummaryQuery {
    fn parts(self) -> Result<(Option<String>, u32), Problem> {
        let wrong = |name: &str, text: &str| Problem::field(name, "invalid_value", text);
        if self.server.as_ref().is_some_and(|server| server.len() > FILTER_BYTES_MAX) {
            return Err(wrong("server", "this filter is too long"));
        }
        let hours = match self.hours.as_deref() {
            None => HOURS_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|hours| (1..=HOURS_MAX).contains(hours))
                .ok_or_else(|| wrong("hours", "hours is a number from 1 to 168"))?,
        };
        Ok((self.server, hours))
    }
}

/// What the newest calls add up to, hour by hour.
#[utoipa::path(
    get, path = "/calls/summary", tag = "calls", operation_id = "calls_summary",
    params(SummaryQuery),
    responses((status = 200, body = CallsSummaryOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn summary(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<CallsSummaryOut>, Problem> {
    let by = who.may(Action::CallsRead)?;
    let (server, hours) = asked.read::<SummaryQuery>()?.parts()?;
    let now = control.clock.now().micros().div_euclid(1_000_000);
    let this_hour = now.div_euclid(HOUR_SECONDS) * HOUR_SECONDS;
    let starts = (0..i64::from(hours)).rev().map(|ago| this_hour - ago * HOUR_SECONDS);
    let starts: Vec<Moment> = starts.map(|second| Moment::of_micros(second * 1_000_000)).collect();
    let since = starts.first().copied().unwrap_or_default();
    let span = CallSpan { server, since, lines_max: LINES_MAX, rules_max: RULES_MAX };
    let sums = control.store.call_sums(by.org(), &span).await?;
    let found: HashMap<Moment, &CallSum> = sums.hours.iter().map(|hour| (hour.at, hour)).collect();
    let hour = |at: Moment| match found.get(&at) {
        Some(hour) => CallSumOut::of(hour),
        None => CallSumOut::of(&CallSum { at, counts: CallCounts::default(), overhead: None }),
    };
    Ok(Json(CallsSummaryOut {
        all: CallSumOut::of(&sums.all),
        hours: starts.into_iter().map(hour).collect(),
        rules: sums.rules.into_iter().map(RuleSumOut::of).collect(),
        complete: sums.complete,
    }))
}
