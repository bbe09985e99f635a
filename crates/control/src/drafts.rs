//! Drafts of policies, and what makes versions of them: publish, restore. Two people who edit one
//! policy cannot overwrite each other: the second is shown both texts.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{ChangeError, DraftText, PolicyDraft};
use utoipa::ToSchema;

use crate::body::Unread;
use crate::can::Can;
use crate::decode::Exact;
use crate::etag::{self, IfMatch};
use crate::operator::{Authorized, Operator};
use crate::policies::{self, VersionWhole};
use crate::problem::{Code, Problem, ProblemBody};
use crate::repeat::Halt;
use crate::roles::Action;
use crate::{At, Control, judge, kept, time, tools};

/// What is written into a draft. It need not be a good policy yet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftIn {
    /// The document as it was typed.
    text: String,
    /// Test cases, kept beside it; those of the newest version when absent.
    #[schema(value_type = Option<Vec<Object>>)]
    cases: Option<Exact>,
    /// A note for the record, for when it is published.
    note: Option<String>,
}

/// How a draft is published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishIn {
    /// A note for the record; the draft's own when absent.
    note: Option<String>,
}

/// Why an old version comes back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreIn {
    /// A note for the record; says which version it was when absent.
    note: Option<String>,
}

/// A draft: what will be a policy's next version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DraftOut {
    policy: String,
    text: String,
    /// The test cases kept beside it.
    #[schema(value_type = Option<Vec<Object>>)]
    cases: Option<Box<RawValue>>,
    note: String,
    /// The version it was begun from; 0 when there was none.
    base: u32,
    /// Who wrote last.
    author: String,
    /// Changes with every writing; the `ETag` of the draft.
    revision: i64,
    updated_at: String,
    /// What the asker may do with this draft.
    can: Can,
}

impl DraftOut {
    fn of(draft: &PolicyDraft, by: &Authorized) -> Self {
        Self {
            policy: draft.policy.to_string(),
            // What is kept came in as a JSON string.
            text: String::from_utf8_lossy(&draft.text).into_owned(),
            cases: draft.cases.as_ref().and_then(|cases| tools::raw(cases)),
            note: draft.note.clone(),
            base: draft.base,
            author: draft.author.clone(),
            revision: draft.revision,
            updated_at: time::write(draft.updated_at),
            can: Can::of(
                by,
                [("write", Action::PoliciesWrite), ("publish", Action::PoliciesWrite)],
            ),
        }
    }

    fn tagged(draft: &PolicyDraft, by: &Authorized) -> Response {
        ([(header::ETAG, etag::write(draft.revision))], Json(Self::of(draft, by))).into_response()
    }
}

/// The draft of a policy.
#[utoipa::path(
    get, path = "/policies/{id}/draft", tag = "policies", operation_id = "draft_get",
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = DraftOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let by = who.may(Action::PoliciesRead)?;
    let policy = policies::find(&control, &by, &id).await?;
    let draft = control.store.policy_draft(by.org(), &policy.id).await?;
    Ok(DraftOut::tagged(&draft.ok_or_else(|| Problem::no_such("draft"))?, &by))
}

/// Keeps a draft: with `If-None-Match: *` the first one, with `If-Match` over the one that was read.
/// Whoever comes second gets 412 with both texts: `current` and `yours`.
#[utoipa::path(
    put, path = "/policies/{id}/draft", tag = "policies", operation_id = "draft_put",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there is no draft yet"),
    ),
    request_body = DraftIn,
    responses((status = 200, body = DraftOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn put(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::PoliciesWrite)?;
    let expected = revision_of(&body.headers)?;
    let given: DraftIn = body.read().await?;
    let policy = policies::find(&control, &by, &id).await?;
    kept::editable(&policy)?;
    let revision = match expected {
        Some(revision) => revision,
        None => known(&control, &by, &id).await?.revision,
    };
    judge::sized(&given.text)?;
    let cases = match &given.cases {
        Some(Exact(cases)) => Some(json::write_to_vec(cases)),
        None => policies::newest(&control, &by, &policy)
            .await?
            .and_then(|v| v.cases)
            .map(|c| c.to_vec()),
    };
    let note = given.note.unwrap_or_default();
    let new = DraftText { text: given.text.clone().into_bytes(), cases, note };
    match control.store.policy_draft_put(&by.by(), &policy.id, revision, new).await {
        Ok(draft) => Ok(DraftOut::tagged(&draft, &by)),
        Err(error @ ChangeError::Stale { .. }) => {
            let current = control.store.policy_draft(by.org(), &policy.id).await?;
            let current = current.map(|draft| DraftOut::of(&draft, &by));
            Err(Problem::from(error).with_both(&current, &serde_json::json!({"text": given.text})))
        }
        Err(error) => Err(error.into()),
    }
}

/// Throws a draft away. Needs `If-Match`.
#[utoipa::path(
    delete, path = "/policies/{id}/draft", tag = "policies", operation_id = "draft_drop",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("If-Match" = String, Header, description = "The ETag that was read, or `*`"),
    ),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn delete(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::PoliciesWrite)?;
    let expected = IfMatch::of(&headers)?.required()?;
    let draft = known(&control, &by, &id).await?;
    let revision = expected.unwrap_or(draft.revision);
    control.store.policy_draft_drop(&by.by(), &draft.policy, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Publishes the draft as the next version, once it has no error and passes its own test cases.
/// Needs `If-Match`: what is published is what was read.
#[utoipa::path(
    post, path = "/policies/{id}/draft/publish", tag = "policies", operation_id = "draft_publish",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("If-Match" = String, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body(content = PublishIn, description = "May be left out"),
    responses((status = 201, body = VersionWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn publish(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::PoliciesWrite)?;
    let expected = IfMatch::of(&body.headers)?.required()?;
    let (given, turn) = body.read_once::<PublishIn>(&control, &by).await?;
    turn.answer(draft_publish(&control, &by, &id, expected, given).await?).await
}

/// Publishes the text and the cases of an old version as a new one.
#[utoipa::path(
    post, path = "/policies/{id}/versions/{number}/restore", tag = "policies",
    operation_id = "versions_restore",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("number" = String, Path, description = "Number of the version"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body(content = RestoreIn, description = "May be left out"),
    responses((status = 201, body = VersionWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn restore(
    State(control): State<Control>,
    who: Operator,
    At((id, number)): At<(String, String)>,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::PoliciesWrite)?;
    let (given, turn) = body.read_once::<RestoreIn>(&control, &by).await?;
    turn.answer(version_restore(&control, &by, &id, &number, given).await?).await
}

async fn known(control: &Control, by: &Authorized, id: &str) -> Result<PolicyDraft, Problem> {
    let policy = policies::find(control, by, id).await?;
    let draft = control.store.policy_draft(by.org(), &policy.id).await?;
    draft.ok_or_else(|| Problem::no_such("draft"))
}

async fn draft_publish(
    control: &Control,
    by: &Authorized,
    id: &str,
    expected: Option<i64>,
    given: PublishIn,
) -> Result<VersionWhole, Problem> {
    kept::editable(&policies::find(control, by, id).await?)?;
    let draft = known(control, by, id).await?;
    let revision = expected.unwrap_or(draft.revision);
    IfMatch::Revision(revision).check("draft", draft.revision)?;
    let text = String::from_utf8_lossy(&draft.text).into_owned();
    judge::publishable(control, &text, draft.cases.as_deref()).await?;
    let note = given.note.unwrap_or(draft.note);
    // The store publishes this very draft: what was judged above, or nothing.
    let made = control.store.policy_draft_publish(&by.by(), &draft.policy, revision, &note).await?;
    Ok(VersionWhole::of(&made))
}

async fn version_restore(
    control: &Control,
    by: &Authorized,
    id: &str,
    number: &str,
    given: RestoreIn,
) -> Result<VersionWhole, Problem> {
    let policy = policies::find(control, by, id).await?;
    kept::editable(&policy)?;
    let old = policies::numbered(control, by, &policy, number).await?;
    let text = String::from_utf8_lossy(&old.text).into_owned();
    // What was good when it was written may not load in a newer version of this program.
    judge::publishable(control, &text, old.cases.as_deref()).await?;
    let note = given.note.unwrap_or_else(|| format!("Restores version {}", old.number));
    let cases = old.cases.map(|cases| cases.to_vec());
    let by = by.by();
    let made = control
        .store
        .policy_publish(&by, &policy.id, old.text.to_vec(), cases, &note, Some(policy.latest))
        .await?;
    Ok(VersionWhole::of(&made))
}

/// The revision of the draft that is written over: 0 for the first one, `None` for whichever stands
/// there.
fn revision_of(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let mut none = headers.get_all(header::IF_NONE_MATCH).iter();
    match (IfMatch::of(headers)?, none.next(), none.next()) {
        (IfMatch::Revision(revision), None, _) => Ok(Some(revision)),
        (IfMatch::Any, None, _) => Ok(None),
        (IfMatch::Absent, Some(star), None) if star.as_bytes() == b"*" => Ok(Some(0)),
        _ => Err(Problem::new(
            Code::NeedsIfMatch,
            "send the ETag of the draft you read as If-Match, or `If-None-Match: *` for the first",
        )),
    }
}
