//! Sessions: who is signed in here, and how that ends.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use store::{By, Member, Moment, Session, SessionDraft, SessionHolder, SessionId, SignInMethod};
use utoipa::ToSchema;
use vault::Token;

use super::cookie;
use super::party::Asking;
use crate::operator::{FRESH_SECONDS, Operator};
use crate::page::List;
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, members, time};

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionOut {
    member: Myself,
    /// `null` for an API key.
    session: Option<OneSession>,
    /// Until when the session counts as proved afresh: revealing and changing roles need that.
    fresh_until: Option<String>,
}

/// The member who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Myself {
    id: String,
    email: String,
    name: String,
    /// What they may do with this session or key.
    role: &'static str,
    /// The names of their groups.
    groups: Vec<String>,
}

/// A signed-in browser.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneSession {
    id: String,
    /// How they signed in: `password`, `passkey` or `provider`.
    method: &'static str,
    created_at: String,
    seen_at: String,
    /// The moment it ends, however much it is used. Unused, it ends after 12 hours.
    expires_at: String,
    address: Option<String>,
    /// What the browser calls itself.
    agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl OneSession {
    fn of(session: &Session, current: bool) -> Self {
        Self {
            id: session.id.to_string(),
            method: session.method.as_str(),
            created_at: time::write(session.created_at),
            seen_at: time::write(session.seen_at),
            expires_at: time::write(session.expires_at),
            address: session.address.clone(),
            agent: session.agent.clone(),
            current,
        }
    }
}

/// Describes who is signed in.
pub(super) async fn view(
    control: &Control,
    member: &Member,
    role: store::Role,
    session: Option<&Session>,
) -> Result<SessionOut, Problem> {
    let groups = control.store.groups(&member.org).await?;
    let own = groups.into_iter().filter(|group| group.members.contains(&member.id));
    Ok(SessionOut {
        member: Myself {
            id: member.id.to_string(),
            email: member.email.clone(),
            name: member.name.clone(),
            role: role.as_str(),
            groups: own.map(|group| group.name).collect(),
        },
        session: session.map(|session| OneSession::of(session, true)),
        fresh_until: session.map(|s| time::write(s.proved_at.plus_seconds(FRESH_SECONDS))),
    })
}

/// Answers with who is signed in, and the cookie.
pub(super) async fn answer(
    control: &Control,
    member: &Member,
    session: &Session,
    token: &Token,
) -> Result<Response, Problem> {
    let body = view(control, member, member.role, Some(session)).await?;
    let unset = || Problem::new(Code::Internal, "the session was not handed out");
    let cookie = cookie::set_session(token).ok_or_else(unset)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(body)).into_response())
}

/// Opens a session for somebody who has just proved who they are.
pub(super) async fn open(
    control: &Control,
    asking: &Asking,
    member: &Member,
    method: SignInMethod,
    proved_at: Moment,
) -> Result<(Session, Token), Problem> {
    let by = By {
        member: Some(member.id.clone()),
        name: member.name.clone(),
        address: Some(asking.address.to_string()),
        ..By::program(member.org.clone(), asking.now)
    };
    let before = before(control, &asking.headers, asking.now).await?;
    let draft = SessionDraft {
        method,
        proved_at,
        agent: agent(&asking.headers),
        replaces: before.map(|holder| holder.session.id),
    };
    Ok(control.store.session_open(&by, &member.id, draft).await?)
}

/// The session that the browser has already, if it is good.
pub(super) async fn before(
    control: &Control,
    headers: &HeaderMap,
    now: Moment,
) -> Result<Option<SessionHolder>, Problem> {
    let Some(token) = cookie::session(headers) else { return Ok(None) };
    Ok(control.store.session_of(&token, now).await?)
}

fn agent(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned)
}

/// Who is signed in: the member behind the session or the API key.
#[utoipa::path(
    get, path = "/session", tag = "session", operation_id = "session_get",
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<SessionOut>, Problem> {
    let by = who.may(Action::Own)?;
    Ok(Json(view(&control, by.member(), by.role(), by.session()).await?))
}

/// Signs out here.
#[utoipa::path(
    delete, path = "/session", tag = "session", operation_id = "session_close",
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn close(
    State(control): State<Control>,
    who: Operator,
) -> Result<Response, Problem> {
    let by = who.may(Action::Own)?;
    let session = by.needs_session()?;
    control.store.session_close(&by.by(), &by.member().id, &session.id).await?;
    Ok(signed_out())
}

/// Signs out everywhere: every session of yours ends.
#[utoipa::path(
    delete, path = "/sessions", tag = "session", operation_id = "sessions_close",
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn close_all(
    State(control): State<Control>,
    who: Operator,
) -> Result<Response, Problem> {
    let by = who.may(Action::Own)?;
    control.store.sessions_close(&by.by(), &by.member().id).await?;
    Ok(signed_out())
}

/// Your sessions, newest first.
#[utoipa::path(
    get, path = "/sessions", tag = "session", operation_id = "sessions_list",
    responses((status = 200, body = List<OneSession>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<List<OneSession>>, Problem> {
    let by = who.may(Action::Own)?;
    let found = control.store.sessions(by.org(), &by.member().id, by.now()).await?;
    let here = by.session().map(|session| &session.id);
    let items = found.iter().map(|s| OneSession::of(s, Some(&s.id) == here)).collect();
    Ok(Json(List { items, next: None }))
}

/// Ends one of your sessions.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "session", operation_id = "sessions_close_one",
    params(("id" = String, Path, description = "Id of the session")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn close_one(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::Own)?;
    control.store.session_close(&by.by(), &by.member().id, &SessionId::from(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The sessions of a member, newest first.
#[utoipa::path(
    get, path = "/members/{id}/sessions", tag = "members", operation_id = "members_sessions",
    params(("id" = String, Path, description = "Id or address")),
    responses((status = 200, body = List<OneSession>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn of_member(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<List<OneSession>>, Problem> {
    let by = who.may(Action::MembersRead)?;
    let member = members::find(&control, &by, &id).await?;
    let found = control.store.sessions(by.org(), &member.id, by.now()).await?;
    let here = by.session().map(|session| &session.id);
    let items = found.iter().map(|s| OneSession::of(s, Some(&s.id) == here)).collect();
    Ok(Json(List { items, next: None }))
}

/// Signs a member out everywhere: every session of theirs ends. Their keys stay good.
#[utoipa::path(
    delete, path = "/members/{id}/sessions", tag = "members", operation_id = "members_sign_out",
    params(("id" = String, Path, description = "Id or address")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn close_of_member(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::MembersWrite)?;
    let member = members::find(&control, &by, &id).await?;
    control.store.sessions_close(&by.by(), &member.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn signed_out() -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::drop_session())]).into_response()
}
