//! Groups: named sets of members, whom policies ask to approve as `group:NAME`.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use store::{Group, Member, MemberId};
use utoipa::ToSchema;

use crate::body::{Asked, Unread};
use crate::can::Can;
use crate::etag::{self, IfMatch};
use crate::grants::Named;
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::{At, Control, time};

/// A group, as it shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupIn {
    /// Its name, as policies write it.
    name: String,
    /// Its members, by id or address.
    #[serde(default)]
    members: Vec<String>,
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupOut {
    id: String,
    name: String,
    /// Its members, each with the address.
    members: Vec<Named>,
    /// Counts changes; the `ETag` of the group.
    revision: i64,
    created_at: String,
    updated_at: String,
    /// What the asker may do with this group.
    can: Can,
}

impl GroupOut {
    fn of(group: Group, emails: &HashMap<MemberId, String>, by: &Authorized) -> Self {
        let named = |id: MemberId| Named {
            name: emails.get(&id).map_or(id.as_str(), |email| email).to_owned(),
            id: id.to_string(),
        };
        Self {
            id: group.id.to_string(),
            name: group.name,
            members: group.members.into_iter().map(named).collect(),
            revision: group.revision,
            created_at: time::write(group.created_at),
            updated_at: time::write(group.updated_at),
            can: Can::of(by, [("change", Action::GroupsWrite), ("delete", Action::GroupsWrite)]),
        }
    }
}

impl Creation for GroupOut {
    fn location(&self) -> String {
        format!("/api/v1/groups/{}", self.id)
    }

    fn revision(&self) -> Option<i64> {
        Some(self.revision)
    }

    fn without_secrets(self) -> Self {
        self
    }
}

async fn emails(control: &Control, by: &Authorized) -> Result<HashMap<MemberId, String>, Problem> {
    let members = control.store.members(by.org()).await?;
    Ok(members.into_iter().map(|Member { id, email, .. }| (id, email)).collect())
}

async fn tagged(control: &Control, by: &Authorized, group: Group) -> Result<Response, Problem> {
    let group = GroupOut::of(group, &emails(control, by).await?, by);
    Ok(([(header::ETAG, etag::write(group.revision))], Json(group)).into_response())
}

/// The groups, by name.
#[utoipa::path(
    get, path = "/groups", tag = "members", operation_id = "groups_list", params(PageQuery),
    responses((status = 200, body = List<GroupOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<GroupOut>>, Problem> {
    let by = who.may(Action::MembersRead)?;
    let rows = control.store.groups(by.org()).await?;
    let emails = emails(&control, &by).await?;
    let view = |group| GroupOut::of(group, &emails, &by);
    Ok(Json(asked.read::<PageQuery>()?.cut(rows, Order::Up, |g| g.name.clone(), view)?))
}

/// One group, by id or name.
#[utoipa::path(
    get, path = "/groups/{id}", tag = "members", operation_id = "groups_get",
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = GroupOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let by = who.may(Action::MembersRead)?;
    let group = find(&control, &by, &id).await?;
    tagged(&control, &by, group).await
}

/// Makes a group.
#[utoipa::path(
    post, path = "/groups", tag = "members", operation_id = "groups_create",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = GroupIn,
    responses((status = 201, body = GroupOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::GroupsWrite)?;
    let (given, turn) = body.read_once::<GroupIn>(&control, &by).await?;
    let members = listed(&control, &by, given.members).await?;
    let made = control.store.group_create(&by.by(), &given.name, members).await;
    let group = made.map_err(Problem::from)?;
    let emails = emails(&control, &by).await?;
    turn.answer(GroupOut::of(group, &emails, &by)).await
}

/// Writes a group's name and members. Needs `If-Match`.
#[utoipa::path(
    put, path = "/groups/{id}", tag = "members", operation_id = "groups_update",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("If-Match" = String, Header, description = "The ETag that was read, or `*`"),
    ),
    request_body = GroupIn,
    responses((status = 200, body = GroupOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn update(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::GroupsWrite)?;
    let expected = IfMatch::of(&body.headers)?.required()?;
    let given: GroupIn = body.read().await?;
    let group = find(&control, &by, &id).await?;
    let members = listed(&control, &by, given.members).await?;
    let by_whom = by.by();
    let changed =
        control.store.group_update(&by_whom, &group.id, expected, &given.name, members).await?;
    tagged(&control, &by, changed).await
}

/// Removes a group. Rules that ask it to approve then ask nobody: their calls wait in vain.
#[utoipa::path(
    delete, path = "/groups/{id}", tag = "members", operation_id = "groups_delete",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
    ),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn delete(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::GroupsWrite)?;
    let _one_at_a_time = control.inner.changes.lock().await;
    let group = find(&control, &by, &id).await?;
    IfMatch::of(&headers)?.check("group", group.revision)?;
    control.store.group_delete(&by.by(), &group.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(control: &Control, by: &Authorized, id: &str) -> Result<Group, Problem> {
    control.store.group(by.org(), id).await?.ok_or_else(|| Problem::no_such("group"))
}

/// The members that a body names.
async fn listed(
    control: &Control,
    by: &Authorized,
    names: Vec<String>,
) -> Result<Vec<MemberId>, Problem> {
    let (mut members, mut faults) = (vec![], vec![]);
    for (at, name) in names.iter().enumerate() {
        match control.store.member(by.org(), name).await? {
            Some(member) => members.push(member.id),
            None => {
                let place = format!("/members/{at}");
                faults.push(Fault::new(place, "not_found", "there is no such member"));
            }
        }
    }
    if faults.is_empty() { Ok(members) } else { Err(Problem::invalid(faults)) }
}
