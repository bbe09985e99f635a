//! Watch first: a candidate of a policy judges live calls beside the live version. It enforces nothing;
//! what it says is shown here, and is no part of the evidence.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Watch, WatchDraft, WatchTally, WatchWord, WatchedCall};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, Unread};
use crate::can::Can;
use crate::grants::Named;
use crate::operator::{Authorized, Operator};
use crate::page::{List, PageQuery};
use crate::problem::{Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::{At, Control, judge, policies, time};

/// How long a candidate is watched when nobody says: seven days.
const HOURS_DEFAULT: u32 = 7 * 24;

/// What is to be watched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchIn {
    /// The document; the policy's draft as it stands when absent.
    text: Option<String>,
    /// For how many hours, 1 to 720; 168 when absent.
    hours: Option<u32>,
    /// A note for the record.
    note: Option<String>,
}

/// A candidate that is, or was, watched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WatchOut {
    id: String,
    policy: String,
    /// Whether calls are judged by it now.
    running: bool,
    /// The document as it was when the watch began.
    text: String,
    note: String,
    /// The version that was live then.
    base: u32,
    author: String,
    started_at: String,
    /// When it ends by itself.
    ends_at: String,
    /// When it was stopped, or another version was published.
    ended_at: Option<String>,
    /// How many calls it judged.
    judged: u64,
    /// How many of them end differently, or by another rule.
    differing: u64,
    /// How many calls it was not asked about, because they were too large or came too fast.
    missed: u64,
    /// How often both said the same two things, the most frequent first.
    tallies: Vec<WatchTallyOut>,
    /// What the asker may do with it.
    can: Can,
}

/// What a policy said of a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WatchWordOut {
    /// `allowed`, `held` or `denied`.
    decision: &'static str,
    /// The rule; empty for a plain allow.
    rule: String,
}

/// How often both said the same two things of one tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WatchTallyOut {
    /// The tool; `(unknown tool)` for names that the server does not have.
    tool: String,
    live: WatchWordOut,
    candidate: WatchWordOut,
    /// Whether the two differ.
    differs: bool,
    /// Whether the candidate lets the call get further.
    opens: bool,
    count: u64,
    first_at: String,
    last_at: String,
}

/// A call that both judged. No value of it is in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WatchedCallOut {
    /// The call, as the call log names it.
    id: String,
    at: String,
    grant: Named,
    tool: String,
    live: WatchWordOut,
    /// The number of the live version.
    version: u32,
    candidate: WatchWordOut,
    /// Why the candidate denies, as a stable name; otherwise empty.
    reason: String,
    differs: bool,
}

/// Which calls.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WatchedQuery {
    /// `differing` (when absent): those of which the two say different things. `all`: every one kept.
    which: Option<String>,
    /// The most calls, 1 to 500; 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the part before.
    after: Option<String>,
}

impl WatchWordOut {
    fn of(word: &WatchWord) -> Self {
        Self { decision: word.verdict.as_str(), rule: word.rule.to_string() }
    }
}

impl WatchOut {
    fn of(control: &Control, by: &Authorized, watch: &Watch, tallies: &[WatchTally]) -> Self {
        let differing = tallies.iter().filter(|tally| tally.live != tally.candidate);
        Self {
            id: watch.id.to_string(),
            policy: watch.policy.to_string(),
            running: watch.is_running(control.clock.now()),
            // It was loaded before it was kept, so it is UTF-8.
            text: String::from_utf8_lossy(&watch.text).into_owned(),
            note: watch.note.clone(),
            base: watch.base,
            author: watch.author.clone(),
            started_at: time::write(watch.started_at),
            ends_at: time::write(watch.ends_at),
            ended_at: watch.ended_at.map(time::write),
            judged: tallies.iter().map(|tally| tally.count).sum(),
            differing: differing.map(|tally| tally.count).sum(),
            missed: watch.missed,
            tallies: tallies.iter().map(WatchTallyOut::of).collect(),
            can: Can::of(by, [("stop", Action::PoliciesWrite)]),
        }
    }
}

impl WatchTallyOut {
    fn of(tally: &WatchTally) -> Self {
        // The order of verdicts is how far a call gets: allowed, held, denied.
        let opens = tally.candidate.verdict < tally.live.verdict;
        Self {
            tool: tally.tool.to_string(),
            live: WatchWordOut::of(&tally.live),
            candidate: WatchWordOut::of(&tally.candidate),
            differs: tally.live != tally.candidate,
            opens,
            count: tally.count,
            first_at: time::write(tally.first_at),
            last_at: time::write(tally.last_at),
        }
    }
}

impl WatchedCallOut {
    fn of(call: WatchedCall) -> Self {
        Self {
            id: call.call.to_string(),
            at: time::write(call.at),
            tool: call.tool.to_string(),
            live: WatchWordOut::of(&call.live),
            candidate: WatchWordOut::of(&call.candidate),
            version: call.live_version,
            reason: call.reason.to_string(),
            differs: call.differs(),
            grant: Named { id: call.grant.to_string(), name: call.grant_label.to_string() },
        }
    }
}

impl Creation for WatchOut {
    fn location(&self) -> String {
        format!("/api/v1/policies/{}/watch", self.policy)
    }

    fn without_secrets(self) -> Self {
        self
    }
}

/// The candidate that is watched beside a policy's live version, or was last.
#[utoipa::path(
    get, path = "/policies/{id}/watch", tag = "policies", operation_id = "watch_get",
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = WatchOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<WatchOut>, Problem> {
    let by = who.may(Action::PoliciesRead)?;
    let policy = policies::find(&control, &by, &id).await?;
    let found = control.store.policy_watch(by.org(), &policy.id).await?;
    let (watch, tallies) = found.ok_or_else(|| Problem::no_such("watch"))?;
    Ok(Json(WatchOut::of(&control, &by, &watch, &tallies)))
}

/// Watches a candidate: it judges every live call of the policy's grants from now on, beside the live
/// version, and enforces nothing. What was watched before is forgotten.
#[utoipa::path(
    post, path = "/policies/{id}/watch", tag = "policies", operation_id = "watch_start",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body(content = WatchIn, description = "May be left out"),
    responses((status = 201, body = WatchOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn start(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::PoliciesWrite)?;
    let (given, turn) = body.read_once::<WatchIn>(&control, &by).await?;
    turn.answer(watch_start(&control, &by, &id, given).await?).await
}

/// Stops watching. What was seen can still be read.
#[utoipa::path(
    delete, path = "/policies/{id}/watch", tag = "policies", operation_id = "watch_stop",
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn stop(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::PoliciesWrite)?;
    let policy = policies::find(&control, &by, &id).await?;
    control.store.policy_watch_stop(&by.by(), &policy.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest calls that both judged, newest first.
#[utoipa::path(
    get, path = "/policies/{id}/watch/calls", tag = "policies", operation_id = "watch_calls",
    params(("id" = String, Path, description = "Id or name"), WatchedQuery),
    responses((status = 200, body = List<WatchedCallOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn calls(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<List<WatchedCallOut>>, Problem> {
    let by = who.may(Action::CallsRead)?;
    let WatchedQuery { which, limit, after } = asked.read()?;
    let differing = match which.as_deref() {
        None | Some("differing") => true,
        Some("all") => false,
        Some(_) => {
            return Err(Problem::field("which", "invalid_value", "which is `differing` or `all`"));
        }
    };
    let page = PageQuery { limit, after }.page()?;
    let policy = policies::find(&control, &by, &id).await?;
    let found = control.store.policy_watch_calls(by.org(), &policy.id, differing, &page).await?;
    let items = found.items.into_iter().map(WatchedCallOut::of).collect();
    Ok(Json(List { items, next: found.next }))
}

async fn watch_start(
    control: &Control,
    by: &Authorized,
    id: &str,
    given: WatchIn,
) -> Result<WatchOut, Problem> {
    let policy = policies::find(control, by, id).await?;
    let text = match given.text {
        Some(text) => text,
        None => {
            let draft = control.store.policy_draft(by.org(), &policy.id).await?;
            let draft = draft.ok_or_else(|| Problem::no_such("draft"))?;
            String::from_utf8_lossy(&draft.text).into_owned()
        }
    };
    judge::load(control, text.clone()).await?;
    let new = WatchDraft {
        text: text.into_bytes(),
        note: given.note.unwrap_or_default(),
        seconds: i64::from(given.hours.unwrap_or(HOURS_DEFAULT)) * 3_600,
    };
    let watch = control.store.policy_watch_start(&by.by(), &policy.id, new).await?;
    Ok(WatchOut::of(control, by, &watch, &[]))
}
