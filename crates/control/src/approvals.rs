//! Calls that wait for people: the inbox, one of them opened, and a person's word. Reading decides
//! nothing. A list never holds a value of a call; opening one is recorded.

mod shown;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::{
    Approval, ApprovalId, ApprovalSettings, ApprovalState, ApprovalsOf, Asking, Bar, Word,
};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, Unread};
use crate::grants::Named;
use crate::operator::{Authorized, Operator};
use crate::page::{List, PageQuery};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, time};

use shown::{Arguments, Would};

/// Which approvals.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApprovalQuery {
    /// `mine` (when absent): that wait and that you may decide. `others`: that wait for others.
    /// `decided`: approved and not used yet, or ended; newest first.
    which: Option<String>,
    /// The most approvals that are looked at, 1 to 500; 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the part before.
    after: Option<String>,
}

/// What a rule asks of people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NeedOut {
    /// The rule, a JSON Pointer into the policy.
    rule: String,
    /// Whom it asks: `role:admin`, `group:NAME`, `member:EMAIL`.
    approvers: Vec<String>,
    /// How many different people must say yes.
    count: u32,
    /// How many have.
    given: u32,
    /// What the policy says to them.
    message: Option<String>,
}

/// What one person said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SaidOut {
    /// Who: the id and the name at that moment.
    by: Named,
    /// `approved` or `denied`.
    said: &'static str,
    at: String,
    /// From which address; for admins.
    address: Option<String>,
    note: String,
}

/// Why somebody cannot decide.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BarOut {
    /// `not_asked`, `owner`, `issuer`, `editor`, `viewer`, `decided` or `ended`.
    code: &'static str,
    /// The same in words.
    text: &'static str,
}

/// A call that waits for people, or did. No value of the call is in it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalRow {
    id: String,
    /// `pending`, `approved` (not used yet), `denied`, `expired`, `withdrawn` or `consumed`.
    state: &'static str,
    grant: Named,
    /// Whom the grant belongs to.
    identity: String,
    server: Named,
    tool: String,
    /// The rule that asks, the first of them.
    rule: String,
    /// The id of the policy, and the version that asks.
    policy: String,
    policy_version: u32,
    needs: Vec<NeedOut>,
    decisions: Vec<SaidOut>,
    /// How often the agent asked for this very call.
    asked: u32,
    /// The call that asked first, and the one that used the approval.
    asked_by: String,
    used_by: Option<String>,
    /// Why it was withdrawn.
    reason: Option<String>,
    /// What is signed off, to the letter: SHA-256 in hex. Send it back with a decision.
    fingerprint: String,
    created_at: String,
    expires_at: String,
    /// The time that is left, in seconds; 0 once it is over.
    seconds_left: i64,
    ended_at: Option<String>,
    /// Whether you may decide it now.
    can_decide: bool,
    /// Why not, if not.
    barred: Option<BarOut>,
}

/// Somebody whom the rules ask.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskedOut {
    member: Named,
    /// Why they cannot decide; `null`: they can.
    barred: Option<BarOut>,
}

/// One approval, with everybody its rules ask.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalFull {
    #[serde(flatten)]
    row: ApprovalRow,
    people: Vec<AskedOut>,
}

/// One approval, opened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalOpened {
    #[serde(flatten)]
    row: ApprovalRow,
    /// Exactly what will be sent, in the rule's order.
    arguments: Arguments,
    /// What would become of the call if it were approved and made now.
    would: Would,
}

/// A person's word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordIn {
    /// The `fingerprint` that was shown.
    fingerprint: String,
    /// For the record, at most 500 characters.
    #[serde(default)]
    note: String,
}

/// Why an approval is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawIn {
    /// For the record, 1 to 500 characters.
    reason: String,
}

/// How approvals are set up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalSettingsOut {
    /// Whether the issuer of a grant and the last editor of a rule are barred, beside its owner.
    strict: bool,
    /// Whether agents are told what people wrote when they deny.
    show_notes: bool,
    revision: i64,
}

/// How approvals are to be set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalSettingsIn {
    strict: bool,
    show_notes: bool,
    /// The revision that was read; absent: whatever stands is overwritten.
    revision: Option<i64>,
}

fn named(id: &str, name: &str) -> Named {
    Named { id: id.to_owned(), name: name.to_owned() }
}

/// What people said, in order.
pub(crate) fn said(by: &Authorized, of: &Approval) -> Vec<SaidOut> {
    let sees = by.could(Action::AuditRead);
    let said = of.decisions.iter().map(|said| SaidOut {
        by: named(said.member.as_str(), &said.name),
        said: if said.approve { "approved" } else { "denied" },
        at: time::write(said.at),
        address: said.address.clone().filter(|_| sees),
        note: said.note.clone(),
    });
    said.collect()
}

impl BarOut {
    fn of(bar: Bar) -> Self {
        Self { code: bar.code(), text: bar.text() }
    }
}

impl ApprovalRow {
    fn of(control: &Control, by: &Authorized, of: &Approval, bar: Option<Bar>) -> Self {
        let now = control.clock.now();
        let state = of.state_at(now);
        let needs = of.needs.iter().enumerate().map(|(at, need)| NeedOut {
            rule: need.rule.clone(),
            approvers: need.approvers.clone(),
            count: need.count,
            given: of.given(at),
            message: need.message.clone(),
        });
        let left = (of.expires_at.micros() - now.micros()).max(0) / 1_000_000;
        let bar = if state == ApprovalState::Pending { bar } else { Some(Bar::Ended) };
        Self {
            id: of.id.to_string(),
            state: state.as_str(),
            grant: named(of.grant.as_str(), &of.grant_label),
            identity: of.identity.clone(),
            server: named(of.server.as_str(), &of.server_slug),
            tool: of.tool.clone(),
            rule: of.rule().to_owned(),
            policy: of.policy.0.to_string(),
            policy_version: of.policy.1,
            needs: needs.collect(),
            decisions: said(by, of),
            asked: of.asked,
            asked_by: of.asked_by.to_string(),
            used_by: of.used_by.as_ref().map(ToString::to_string),
            reason: Some(of.reason.clone()).filter(|reason| !reason.is_empty()),
            fingerprint: of.fingerprint_shown(),
            created_at: time::write(of.created_at),
            expires_at: time::write(of.expires_at),
            seconds_left: if state.has_ended() { 0 } else { left },
            ended_at: of.ended_at.map(time::write),
            can_decide: bar.is_none(),
            barred: bar.map(BarOut::of),
        }
    }
}

/// What bars whoever asks.
async fn bar(control: &Control, by: &Authorized, id: &ApprovalId) -> Result<Option<Bar>, Problem> {
    let store = &control.store;
    Ok(store.approval_bar(by.org(), id, &by.member().id, by.role()).await?)
}

async fn find(
    control: &Control,
    by: &Authorized,
    id: &str,
) -> Result<(Approval, Vec<Asking>), Problem> {
    let found = control.store.approval(by.org(), id).await?;
    found.ok_or_else(|| Problem::no_such("approval"))
}

/// Calls that wait for people, or did.
#[utoipa::path(
    get, path = "/approvals", tag = "approvals", operation_id = "approvals_list",
    params(ApprovalQuery),
    responses((status = 200, body = List<ApprovalRow>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<ApprovalRow>>, Problem> {
    let by = who.may(Action::ApprovalsRead)?;
    let query = asked.read::<ApprovalQuery>()?;
    let (which, mine) = match query.which.as_deref() {
        None | Some("mine") => (ApprovalsOf::Waiting, Some(true)),
        Some("others") => (ApprovalsOf::Waiting, Some(false)),
        Some("decided") => (ApprovalsOf::Decided, None),
        Some(_) => {
            let message = "which is mine, others or decided";
            return Err(Problem::field("which", "invalid_value", message));
        }
    };
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let member = &by.member().id;
    let found = control.store.approvals(by.org(), member, by.role(), which, &page).await?;
    let wanted = |bar: &Option<Bar>| mine.is_none_or(|mine| mine == bar.is_none());
    let items = found.items.iter().filter(|(_, bar)| wanted(bar));
    let items =
        items.map(|(approval, bar)| ApprovalRow::of(&control, &by, approval, *bar)).collect();
    Ok(Json(List { items, next: found.next }))
}

/// One of them: who is asked, who cannot decide and why. Decides nothing.
#[utoipa::path(
    get, path = "/approvals/{id}", tag = "approvals", operation_id = "approvals_get",
    params(("id" = String, Path, description = "Id")),
    responses((status = 200, body = ApprovalFull), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<ApprovalFull>, Problem> {
    let by = who.may(Action::ApprovalsRead)?;
    let (approval, people) = find(&control, &by, &id).await?;
    let bar = bar(&control, &by, &approval.id).await?;
    let people = people.iter().map(|asking| AskedOut {
        member: named(asking.member.id.as_str(), &asking.member.name),
        barred: asking.bar.map(BarOut::of),
    });
    let row = ApprovalRow::of(&control, &by, &approval, bar);
    Ok(Json(ApprovalFull { row, people: people.collect() }))
}

/// Opens the arguments for somebody who may decide. Recorded.
#[utoipa::path(
    post, path = "/approvals/{id}/open", tag = "approvals", operation_id = "approvals_open",
    params(("id" = String, Path, description = "Id")),
    responses((status = 200, body = ApprovalOpened), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn open(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<ApprovalOpened>, Problem> {
    let by = who.may(Action::ApprovalsDecide)?;
    Ok(Json(opened(&control, &by, &ApprovalId::from(id)).await?))
}

async fn opened(
    control: &Control,
    by: &Authorized,
    id: &ApprovalId,
) -> Result<ApprovalOpened, Problem> {
    let (approval, sealed) = control.store.approval_open(&by.by(), by.role(), id).await?;
    let bar = bar(control, by, id).await?;
    let (arguments, would) = shown::of(control, by, &approval, &sealed).await?;
    Ok(ApprovalOpened { row: ApprovalRow::of(control, by, &approval, bar), arguments, would })
}

/// Signs this one call off, once.
#[utoipa::path(
    post, path = "/approvals/{id}/approve", tag = "approvals", operation_id = "approvals_approve",
    params(("id" = String, Path, description = "Id")),
    request_body = WordIn,
    responses((status = 200, body = ApprovalRow), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn approve(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<ApprovalRow>, Problem> {
    let by = who.may(Action::ApprovalsDecide)?;
    decided(&control, &by, id, true, body.read().await?).await
}

/// Refuses this one call. Its arguments are erased.
#[utoipa::path(
    post, path = "/approvals/{id}/deny", tag = "approvals", operation_id = "approvals_deny",
    params(("id" = String, Path, description = "Id")),
    request_body = WordIn,
    responses((status = 200, body = ApprovalRow), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn deny(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<ApprovalRow>, Problem> {
    let by = who.may(Action::ApprovalsDecide)?;
    decided(&control, &by, id, false, body.read().await?).await
}

async fn decided(
    control: &Control,
    by: &Authorized,
    id: String,
    approve: bool,
    given: WordIn,
) -> Result<Json<ApprovalRow>, Problem> {
    let word = Word { approve, fingerprint: given.fingerprint, note: given.note };
    let id = ApprovalId::from(id);
    let approval = control.store.approval_decide(&by.by(), by.role(), &id, word).await?;
    let bar = bar(control, by, &id).await?;
    Ok(Json(ApprovalRow::of(control, by, &approval, bar)))
}

/// Takes back an approval that waits or was not used yet.
#[utoipa::path(
    post, path = "/approvals/{id}/withdraw", tag = "approvals",
    operation_id = "approvals_withdraw",
    params(("id" = String, Path, description = "Id")),
    request_body = WithdrawIn,
    responses((status = 200, body = ApprovalRow), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn withdraw(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<ApprovalRow>, Problem> {
    let by = who.may(Action::ApprovalsManage)?;
    let given = body.read::<WithdrawIn>().await?;
    let id = ApprovalId::from(id);
    let approval = control.store.approval_withdraw(&by.by(), &id, &given.reason).await?;
    Ok(Json(ApprovalRow::of(&control, &by, &approval, Some(Bar::Ended))))
}

/// How approvals are set up.
#[utoipa::path(
    get, path = "/approval-settings", tag = "approvals", operation_id = "approval_settings_get",
    responses((status = 200, body = ApprovalSettingsOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn settings(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<ApprovalSettingsOut>, Problem> {
    let by = who.may(Action::ApprovalsRead)?;
    Ok(Json(control.store.approval_settings_of(by.org()).await?.into()))
}

/// Sets approvals up.
#[utoipa::path(
    put, path = "/approval-settings", tag = "approvals", operation_id = "approval_settings_set",
    request_body = ApprovalSettingsIn,
    responses((status = 200, body = ApprovalSettingsOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn set_settings(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<ApprovalSettingsOut>, Problem> {
    let by = who.may(Action::ApprovalsManage)?;
    let given = body.read::<ApprovalSettingsIn>().await?;
    let (strict, notes) = (given.strict, given.show_notes);
    let by = by.by();
    let set = control.store.approval_settings_set(&by, given.revision, strict, notes).await?;
    Ok(Json(set.into()))
}

impl From<ApprovalSettings> for ApprovalSettingsOut {
    fn from(of: ApprovalSettings) -> Self {
        Self { strict: of.strict, show_notes: of.show_notes, revision: of.revision }
    }
}
