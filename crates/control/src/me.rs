//! Who is asking: for a client that has just come in.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Control;
use crate::can::Can;
use crate::members::MemberOut;
use crate::operator::Operator;
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;

/// Whoever asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    member: MemberOut,
    /// What may be done with this key or session: at most what the member may.
    role: &'static str,
    /// The groups the member is in, by name.
    groups: Vec<String>,
    /// The API key that was used, if one was.
    key: Option<String>,
    /// The session that was used, if one was.
    session: Option<String>,
    /// What this role opens, page by page.
    can: Can,
}

/// Who asks, and what they may do.
#[utoipa::path(
    get, path = "/me", tag = "members", operation_id = "me",
    responses((status = 200, body = Me), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn me(State(control): State<Control>, who: Operator) -> Result<Json<Me>, Problem> {
    let by = who.may(Action::OwnKeys)?;
    let groups = control.store.groups(by.org()).await?;
    let mine = groups.into_iter().filter(|group| group.members.contains(&by.member().id));
    let (key, session) = (by.by().key, by.by().session);
    Ok(Json(Me {
        member: MemberOut::of(by.member(), &by),
        role: by.role().as_str(),
        groups: mine.map(|group| group.name).collect(),
        key: key.map(|key| key.to_string()),
        session: session.map(|session| session.to_string()),
        can: Can::of(
            &by,
            [
                ("see", Action::ServersRead),
                ("write_policies", Action::PoliciesWrite),
                ("attach_policies", Action::PoliciesAttach),
                ("accept_tools", Action::ToolsAccept),
                ("change_servers", Action::ServersWrite),
                ("set_credentials", Action::CredentialsWrite),
                ("issue_grants", Action::GrantsWrite),
                ("make_keys", Action::OwnKeys),
                ("make_keys_for_others", Action::KeysOfOthers),
                ("see_members", Action::MembersRead),
                ("change_members", Action::MembersWrite),
                ("change_groups", Action::GroupsWrite),
                ("read_audit_log", Action::AuditRead),
                ("back_up", Action::Backup),
            ],
        ),
    }))
}
