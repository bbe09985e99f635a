//! Members: invited by link, changed, removed. Removing one decides about each of their grants.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::{Deserialize, Serialize};
use store::{Fate, GrantId, Member, MemberChange, MemberDraft, MemberState, Moment};
use utoipa::ToSchema;
use vault::Token;

use crate::body::{Asked, Unread};
use crate::can::Can;
use crate::etag::{self, IfMatch};
use crate::grants;
use crate::keys::RoleName;
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::{At, Control, TOKEN_GONE, time};

/// How long a link is good when nobody says: three days.
const LINK_SECONDS_DEFAULT: i64 = 3 * 86_400;
/// The longest: 30 days.
const LINK_SECONDS_MAX: i64 = 30 * 86_400;

/// A new member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberIn {
    /// Their address. Compared without regard to case; ASCII only.
    email: String,
    /// What people call them; the address when absent. They may change it when they come in.
    name: Option<String>,
    role: RoleName,
    /// How long the link is good, 60 to 2,592,000 seconds; three days when absent.
    link_seconds: Option<i64>,
}

/// The changed fields of a member; absent ones stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberChangeIn {
    email: Option<String>,
    name: Option<String>,
    /// A lower role lowers the member's keys in the same step.
    role: Option<RoleName>,
}

/// A new link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkIn {
    /// How long it is good, 60 to 2,592,000 seconds; three days when absent.
    link_seconds: Option<i64>,
}

/// What becomes of one grant of a member who is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FateIn {
    /// Id or label of the grant.
    grant: String,
    /// Id or address of the member who answers for it from now on; `null` revokes it.
    #[serde(deserialize_with = "grants::given")]
    #[schema(required, nullable)]
    owner: Option<String>,
}

/// What becomes of the grants of a member who is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveIn {
    /// One for each living grant the member answers for.
    #[serde(default)]
    grants: Vec<FateIn>,
}

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberOut {
    id: String,
    email: String,
    name: String,
    /// `viewer`, `policy_manager` or `admin`.
    role: &'static str,
    /// `invited`, `active` or `removed`.
    state: &'static str,
    /// Counts changes; the `ETag` of the member.
    revision: i64,
    created_at: String,
    updated_at: String,
    /// What the asker may do with this member.
    can: Can,
}

/// A member who was invited.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invited {
    member: MemberOut,
    /// The token of the link: this answer is the only place where it is ever seen. `null` in a
    /// repeated answer.
    token: Option<String>,
    /// The link, as a path of the dashboard. What comes after `#` reaches no server's log.
    path: Option<String>,
    /// The moment the link ends.
    expires_at: String,
    /// Why there is no token, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl MemberOut {
    pub(crate) fn of(member: &Member, by: &Authorized) -> Self {
        let can = Can::of(
            by,
            [
                ("change", Action::MembersWrite),
                ("remove", Action::MembersWrite),
                ("invite", Action::MembersWrite),
            ],
        );
        Self {
            id: member.id.to_string(),
            email: member.email.clone(),
            name: member.name.clone(),
            role: member.role.as_str(),
            state: member.state.as_str(),
            revision: member.revision,
            created_at: time::write(member.created_at),
            updated_at: time::write(member.updated_at),
            can,
        }
    }
}

impl Invited {
    fn of(member: &Member, token: &Token, expires_at: Moment, by: &Authorized) -> Self {
        Self {
            member: MemberOut::of(member, by),
            token: Some(token.expose().to_owned()),
            path: Some(format!("/invite#{}", token.expose())),
            expires_at: time::write(expires_at),
            note: None,
        }
    }
}

impl Creation for Invited {
    fn location(&self) -> String {
        format!("/api/v1/members/{}", self.member.id)
    }

    fn revision(&self) -> Option<i64> {
        Some(self.member.revision)
    }

    fn without_secrets(self) -> Self {
        Self { token: None, path: None, note: Some(TOKEN_GONE), ..self }
    }
}

fn tagged(member: &Member, by: &Authorized) -> Response {
    let tag = [(header::ETAG, etag::write(member.revision))];
    (tag, Json(MemberOut::of(member, by))).into_response()
}

/// The members by address; those that were removed come last.
#[utoipa::path(
    get, path = "/members", tag = "members", operation_id = "members_list", params(PageQuery),
    responses((status = 200, body = List<MemberOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<MemberOut>>, Problem> {
    let by = who.may(Action::MembersRead)?;
    let rows = control.store.members(by.org()).await?;
    let key = |m: &Member| {
        let gone = u8::from(m.state == MemberState::Removed);
        format!("{gone}/{}/{}", m.email.to_ascii_lowercase(), m.id)
    };
    let view = |member: Member| MemberOut::of(&member, &by);
    Ok(Json(asked.read::<PageQuery>()?.cut(rows, Order::Up, key, view)?))
}

/// One member, by id or address.
#[utoipa::path(
    get, path = "/members/{id}", tag = "members", operation_id = "members_get",
    params(("id" = String, Path, description = "Id or address")),
    responses((status = 200, body = MemberOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let by = who.may(Action::MembersRead)?;
    Ok(tagged(&find(&control, &by, &id).await?, &by))
}

/// Invites a member. The answer is the only place where the token of their link is ever seen.
#[utoipa::path(
    post, path = "/members", tag = "members", operation_id = "members_invite",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = MemberIn,
    responses((status = 201, body = Invited), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn invite(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::MembersWrite)?;
    by.fresh()?;
    let (given, turn) = body.read_once::<MemberIn>(&control, &by).await?;
    let ends = link_ends(&by, given.link_seconds)?;
    let name = given.name.unwrap_or_else(|| given.email.clone());
    let draft = MemberDraft { email: given.email, name, role: given.role.into() };
    let made = control.store.member_invite(&by.by(), draft, ends).await;
    let (member, token) = made.map_err(Problem::from)?;
    turn.answer(Invited::of(&member, &token, ends, &by)).await
}

/// Makes a new link for a member who has not come in yet; the old one ends.
#[utoipa::path(
    post, path = "/members/{id}/invite", tag = "members", operation_id = "members_reinvite",
    params(
        ("id" = String, Path, description = "Id or address"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body(content = LinkIn, description = "May be left out"),
    responses((status = 201, body = Invited), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn reinvite(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::MembersWrite)?;
    by.fresh()?;
    let (given, turn) = body.read_once::<LinkIn>(&control, &by).await?;
    let ends = link_ends(&by, given.link_seconds)?;
    let member = find(&control, &by, &id).await?;
    let made = control.store.member_reinvite(&by.by(), &member.id, ends).await;
    let (member, token) = made.map_err(Problem::from)?;
    turn.answer(Invited::of(&member, &token, ends, &by)).await
}

/// Changes a member. Needs `If-Match`.
#[utoipa::path(
    put, path = "/members/{id}", tag = "members", operation_id = "members_update",
    params(
        ("id" = String, Path, description = "Id or address"),
        ("If-Match" = String, Header, description = "The ETag that was read, or `*`"),
    ),
    request_body = MemberChangeIn,
    responses((status = 200, body = MemberOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn update(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::MembersWrite)?;
    let expected = IfMatch::of(&body.headers)?.required()?;
    let given: MemberChangeIn = body.read().await?;
    // An address is a way in: identity providers vouch for people by it.
    if given.role.is_some() || given.email.is_some() {
        by.fresh()?;
    }
    let member = find(&control, &by, &id).await?;
    let change =
        MemberChange { email: given.email, name: given.name, role: given.role.map(Into::into) };
    let member = control.store.member_update(&by.by(), &member.id, expected, change).await?;
    Ok(tagged(&member, &by))
}

/// Removes a member: their keys end, they leave their groups, and each grant they answer for is
/// kept by somebody else or revoked, all in one step.
#[utoipa::path(
    post, path = "/members/{id}/remove", tag = "members", operation_id = "members_remove",
    params(
        ("id" = String, Path, description = "Id or address"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
    ),
    request_body(content = RemoveIn, description = "May be left out when they have no grants"),
    responses((status = 200, body = MemberOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn remove(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::MembersWrite)?;
    let expected = IfMatch::of(&body.headers)?;
    let given: RemoveIn = body.read_or_empty().await?;
    let _one_at_a_time = control.inner.changes.lock().await;
    let member = find(&control, &by, &id).await?;
    expected.check("member", member.revision)?;
    let fates = fates(&control, &by, given).await?;
    let member = control.store.member_remove(&by.by(), &member.id, fates).await?;
    Ok(tagged(&member, &by))
}

/// The member of that id or address, in the asker's organisation.
pub(crate) async fn find(control: &Control, by: &Authorized, id: &str) -> Result<Member, Problem> {
    control.store.member(by.org(), id).await?.ok_or_else(|| Problem::no_such("member"))
}

fn link_ends(by: &Authorized, seconds: Option<i64>) -> Result<Moment, Problem> {
    let seconds = seconds.unwrap_or(LINK_SECONDS_DEFAULT);
    if !(60..=LINK_SECONDS_MAX).contains(&seconds) {
        let message = format!("this field takes 60 to {LINK_SECONDS_MAX} seconds");
        return Err(Problem::field("/link_seconds", "invalid_value", message));
    }
    Ok(by.now().plus_seconds(seconds))
}

/// What becomes of each grant, by id.
async fn fates(
    control: &Control,
    by: &Authorized,
    given: RemoveIn,
) -> Result<Vec<(GrantId, Fate)>, Problem> {
    let (mut decided, mut faults): (Vec<(GrantId, Fate)>, _) = (vec![], vec![]);
    for (at, one) in given.grants.into_iter().enumerate() {
        let Some(grant) = control.store.grant(by.org(), &one.grant).await? else {
            let place = format!("/grants/{at}/grant");
            faults.push(Fault::new(place, "not_found", "there is no such grant"));
            continue;
        };
        if decided.iter().any(|(id, _)| *id == grant.id) {
            let place = format!("/grants/{at}/grant");
            faults.push(Fault::new(place, "invalid_value", "this grant stands twice"));
        }
        let fate = match one.owner {
            None => Fate::Revoke,
            Some(owner) => match control.store.member(by.org(), &owner).await? {
                Some(owner) => Fate::Keep(owner.id),
                None => {
                    let place = format!("/grants/{at}/owner");
                    faults.push(Fault::new(place, "not_found", "there is no such member"));
                    continue;
                }
            },
        };
        decided.push((grant.id, fate));
    }
    if faults.is_empty() { Ok(decided) } else { Err(Problem::invalid(faults)) }
}
