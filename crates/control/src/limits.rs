//! What a document would do to the limits that its policy's grants live under: how much of each is
//! used now, and how full its windows were lately. Counted amounts are kept, so this is exact where
//! the log, which keeps no values, is not.

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::State;
use policy::Policy;
use serde::{Deserialize, Serialize};
use store::{LimitStanding, LimitStandings, Moment, RecordedCalls, Verdict};
use utoipa::ToSchema;

use crate::body::Unread;
use crate::operator::{Authorized, Operator};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::usage::{PerOut, decimal, per_of, window};
use crate::{At, Control, judge, policies, time};

/// How far back is looked: seven days.
const DAYS: i64 = 7;
/// The most lines of the log in which denials are counted, the newest.
const LINES_MAX: u32 = 200_000;

/// A document whose limits are looked at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsEffectIn {
    /// The document; the newest version when absent.
    text: Option<String>,
}

/// What a document would do to limits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitsEffectOut {
    /// From when on the past is looked at.
    since: String,
    /// The limits of the document, then those of the version in force that it does not have. Those
    /// that change come first.
    items: Vec<LimitEffectOut>,
    /// Budgets that are not shown because there are too many.
    left_out: usize,
}

/// One budget of a limit. Amounts are decimals, as text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitEffectOut {
    /// The limit's rule: in the document, or in the version in force where the document has it not.
    rule: String,
    /// `new`, `changed`, `removed` or `same`.
    change: &'static str,
    counter: String,
    /// Whose usage is counted together: `grant`, `identity`, `policy`, `server`, `organisation`.
    scope: String,
    /// The labels of the policy's grants that are counted by it.
    grants: Vec<String>,
    /// The tools it counts, as the policy names them; `*` for all of them.
    tool: String,
    /// The paths the limit is split by, with the values of this budget.
    per: Vec<PerOut>,
    /// As the version in force states it.
    before: Option<LimitTermsOut>,
    /// As the document states it; absent where it is removed.
    after: Option<LimitTermsOut>,
    /// How much the window of the limit holds now: carried out, in flight and unknown.
    counted: String,
    /// What is left under the document; absent where it is removed.
    left: Option<String>,
    /// Whether nothing is left: further calls would be denied at once.
    full: bool,
    /// When there is room again, if it is full and calls stop.
    resets_at: Option<String>,
    /// The most that a window certainly held since then.
    peak: String,
    /// When that window began (calendar) or ended (rolling); absent if nothing was counted.
    peak_at: Option<String>,
    /// How many windows certainly held more than the document allows.
    over: u32,
    /// Whether that is all there is to know: usage is joined as it grows old.
    exact: bool,
    /// How many calls the limit of the version in force denied since then.
    denied: u64,
}

/// The stretch of time of a limit, and how much it may hold.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LimitTermsOut {
    max: String,
    /// Such as `day in UTC` or `any 90 s`.
    window: String,
}

/// Says what a document would do to limits: what is used of each now, and how many windows of the last
/// seven days held more than it allows. Changes nothing.
#[utoipa::path(
    post, path = "/policies/{id}/limits", tag = "policies", operation_id = "policies_limits",
    params(("id" = String, Path, description = "Id or name")),
    request_body = LimitsEffectIn,
    responses((status = 200, body = LimitsEffectOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn effect(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<LimitsEffectOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(of(&control, &by, &id, body.read_or_empty().await?).await?))
}

async fn of(
    control: &Control,
    by: &Authorized,
    id: &str,
    given: LimitsEffectIn,
) -> Result<LimitsEffectOut, Problem> {
    let policy = policies::find(control, by, id).await?;
    let live = match policy.latest {
        0 => None,
        _ => {
            let text = policies::stored_version(control, by, id, None, "").await?.0;
            Some(judge::load(control, text).await?)
        }
    };
    let candidate = match given.text {
        Some(text) => Some(judge::load(control, text).await?),
        None => None,
    };
    let stated = |of: Option<&Policy>| of.map(Policy::limits).unwrap_or_default();
    let since = control.clock.now().plus_seconds(-DAYS * 86_400);
    let store = &control.store;
    let before = store.limits_under(by.org(), &policy.id, stated(live.as_ref()), since).await?;
    let after = match &candidate {
        Some(candidate) => {
            store.limits_under(by.org(), &policy.id, stated(Some(candidate)), since).await?
        }
        None => before.clone(),
    };
    let recorded = store.calls_recorded(by.org(), &policy.id, since, LINES_MAX).await?;
    Ok(compared(since, before, after, &recorded))
}

/// Both documents' limits side by side, counter by counter.
fn compared(
    since: Moment,
    before: LimitStandings,
    after: LimitStandings,
    recorded: &[RecordedCalls],
) -> LimitsEffectOut {
    let left_out = before.left_out.max(after.left_out);
    let was: HashMap<_, _> =
        before.limits.iter().map(|limit| (limit.usage.key.clone(), limit)).collect();
    let is: HashSet<_> = after.limits.iter().map(|limit| limit.usage.key.clone()).collect();
    let mut items: Vec<LimitEffectOut> = after
        .limits
        .iter()
        .map(|limit| line(was.get(&limit.usage.key).copied(), Some(limit), recorded))
        .collect();
    let gone = before.limits.iter().filter(|limit| !is.contains(&limit.usage.key));
    items.extend(gone.map(|limit| line(Some(limit), None, recorded)));
    // A stable sort: the order of the document stays within each kind.
    items.sort_by_key(|item| item.change == "same");
    LimitsEffectOut { since: time::write(since), items, left_out }
}

fn terms(of: &LimitStanding) -> LimitTermsOut {
    LimitTermsOut { max: decimal(of.usage.max), window: window(&of.usage.window) }
}

/// One counter, as either document sees it. One of the two is there.
fn line(
    before: Option<&LimitStanding>,
    after: Option<&LimitStanding>,
    recorded: &[RecordedCalls],
) -> LimitEffectOut {
    let was = before.map(terms);
    let will = after.map(terms);
    let change = match (&was, &will) {
        (None, _) => "new",
        (_, None) => "removed",
        (was, will) if was == will => "same",
        _ => "changed",
    };
    // INVARIANT: callers hand over one at least; none at all would show an empty line.
    let shown = after.or(before);
    let denied = before.map_or(0, |limit| denied(limit, recorded));
    let usage = shown.map(|limit| &limit.usage);
    let parts = usage.map(|usage| usage.key.parts());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let counted = usage.map_or(0, |of| of.used.saturating_add(of.held).saturating_add(of.unknown));
    let left = after.map(|limit| limit.usage.left);
    let full = left == Some(0);
    let past = shown.map(|limit| limit.past).unwrap_or_default();
    let at = |micros: i64| time::write(Moment::of_micros(micros));
    LimitEffectOut {
        rule: text(usage.map(|usage| &*usage.rule)),
        change,
        counter: text(parts.map(|parts| &*parts.counter)),
        scope: text(parts.map(|parts| parts.subject.scope())),
        grants: shown
            .into_iter()
            .flat_map(|of| &of.grants)
            .map(|label| label.to_string())
            .collect(),
        tool: match parts.map(|parts| &parts.place) {
            Some(quota::Place::Tool(key)) => key.to_string(),
            Some(quota::Place::AllTools) | None => "*".to_owned(),
        },
        per: shown.map(|of| per_of(&of.usage.key, of.has_values)).unwrap_or_default(),
        counted: decimal(counted),
        left: left.map(decimal),
        full,
        resets_at: usage.and_then(|usage| usage.resets_at).filter(|_| full).map(at),
        peak: decimal(past.peak),
        peak_at: past.peak_at.map(at),
        over: if after.is_some() { past.over } else { 0 },
        exact: past.exact,
        denied,
        before: was,
        after: will,
    }
}

/// How many calls of its grants a limit denied.
fn denied(limit: &LimitStanding, recorded: &[RecordedCalls]) -> u64 {
    let by_it = |calls: &&RecordedCalls| {
        calls.verdict == Verdict::Denied
            && calls.rule == limit.usage.rule
            && limit.grants.contains(&calls.grant_label)
    };
    recorded.iter().filter(by_it).map(|calls| calls.count).sum()
}
