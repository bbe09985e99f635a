//! Keys of this API: a member's, shown once, revocable.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{ApiKey, KeyId, Member, Moment, Role};
use utoipa::ToSchema;
use vault::Token;

use crate::body::{Asked, Unread};
use crate::can::Can;
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery, time_key};
use crate::problem::{Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::time::Time;
use crate::{At, Control, TOKEN_GONE, time};

/// What a key may do: each role includes the ones before.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleName {
    Viewer,
    PolicyManager,
    Admin,
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Viewer => Self::Viewer,
            RoleName::PolicyManager => Self::PolicyManager,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyIn {
    /// What people call it.
    label: String,
    /// What it may do: at most what its member may, at every use.
    role: RoleName,
    /// Whose it is: the id or address of a member. Yours if it is not said; for somebody else's,
    /// you need the role admin.
    member: Option<String>,
    /// The moment it ends, if ever; at the latest when the key ends that it is made with.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Time>,
}

/// A key of this API; never the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyOut {
    id: String,
    /// Whose it is: the id of a member.
    member: String,
    /// What that member is called, and their address.
    member_name: String,
    member_email: String,
    label: String,
    role: &'static str,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// Whether it is good now.
    active: bool,
    /// What the asker may do with this key.
    can: Can,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyMade {
    key: KeyOut,
    /// The key itself: this answer is the only place where it is ever seen. `null` in a repeated
    /// answer.
    token: Option<String>,
    /// Why there is no token, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl Creation for KeyMade {
    fn location(&self) -> String {
        format!("/api/v1/api-keys/{}", self.key.id)
    }

    fn without_secrets(self) -> Self {
        Self { token: None, note: Some(TOKEN_GONE), ..self }
    }
}

impl KeyOut {
    /// `members`: those whose keys are shown.
    fn of(key: &ApiKey, by: &Authorized, members: &[Member]) -> Self {
        let member = members.iter().find(|member| member.id == key.member);
        let (now, own) = (by.now(), key.member == by.member().id && key.role <= by.role());
        Self {
            can: Can::default().and("revoke", own || by.could(Action::KeysOfOthers)),
            id: key.id.to_string(),
            member: key.member.to_string(),
            member_name: member.map(|member| member.name.clone()).unwrap_or_default(),
            member_email: member.map(|member| member.email.clone()).unwrap_or_default(),
            label: key.label.clone(),
            role: key.role.as_str(),
            created_at: time::write(key.created_at),
            expires_at: key.expires_at.map(time::write),
            revoked_at: key.revoked_at.map(time::write),
            active: is_active(key, now),
        }
    }
}

/// The keys, newest first: yours, or for admins everybody's.
#[utoipa::path(
    get, path = "/api-keys", tag = "api-keys", operation_id = "keys_list", params(PageQuery),
    responses((status = 200, body = List<KeyOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<KeyOut>>, Problem> {
    let by = who.may(Action::OwnKeys)?;
    let mut keys = control.store.api_keys(by.org()).await?;
    let members = if by.could(Action::KeysOfOthers) {
        control.store.members(by.org()).await?
    } else {
        keys.retain(|key| key.member == by.member().id);
        vec![by.member().clone()]
    };
    let key = |k: &ApiKey| time_key(k.created_at, k.id.as_str());
    Ok(Json(
        asked
            .read::<PageQuery>()?
            .cut(keys, Order::Down, key, |k| KeyOut::of(&k, &by, &members))?,
    ))
}

/// Makes a key, for yourself or, as an admin, for somebody else. The answer is the only place where
/// it is ever seen.
#[utoipa::path(
    post, path = "/api-keys", tag = "api-keys", operation_id = "keys_create",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = KeyIn,
    responses((status = 201, body = KeyMade), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<axum::response::Response, Halt> {
    let by = who.may(Action::OwnKeys)?;
    // A key outlives the session it is made in, and proves itself at every use.
    by.fresh()?;
    let (given, turn) = body.read_once::<KeyIn>(&control, &by).await?;
    let (key, token, member) = make(&control, &by, given).await?;
    let token = Some(token.expose().to_owned());
    turn.answer(KeyMade { key: KeyOut::of(&key, &by, &[member]), token, note: None }).await
}

/// Revokes a key, yours or, as an admin, anybody's: the next request with it is refused.
#[utoipa::path(
    delete, path = "/api-keys/{id}", tag = "api-keys", operation_id = "keys_revoke",
    params(("id" = String, Path, description = "Id of the key")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn revoke(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::OwnKeys)?;
    let id = KeyId::from(id);
    if !by.could(Action::KeysOfOthers) {
        // Somebody else's key is as good as none; and a key that may little ends none that may more.
        let keys = control.store.api_keys(by.org()).await?;
        let own =
            |key: &ApiKey| key.id == id && key.member == by.member().id && key.role <= by.role();
        keys.iter().find(|key| own(key)).ok_or_else(|| Problem::no_such("API key"))?;
    }
    control.store.api_key_revoke(&by.by(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn make(
    control: &Control,
    by: &Authorized,
    given: KeyIn,
) -> Result<(ApiKey, Token, Member), Problem> {
    let mut expires_at = given.expires_at.map(|Time(at)| at);
    if expires_at.is_some_and(|at| at <= by.now()) {
        return Err(Problem::field("/expires_at", "invalid_value", "this moment has passed"));
    }
    // Whoever holds a key for a while makes none that outlives it.
    if let Some(end) = by.proof_ends_at() {
        if expires_at.is_some_and(|at| at > end) {
            let message = "must not lie after the end of the key it is made with";
            return Err(Problem::field("/expires_at", "invalid_value", message));
        }
        expires_at = expires_at.or(Some(end));
    }
    let role = given.role.into();
    let member = match given.member {
        None => by.member().clone(),
        Some(asked) => whose(control, by, &asked).await?,
    };
    if member.id == by.member().id && role > by.role() {
        // A key that may less than its member makes none that may more than it.
        let message = "must not be above your own role";
        return Err(Problem::field("/role", "invalid_value", message));
    }
    let (by, label) = (by.by(), &given.label);
    let made = control.store.api_key_create(&by, &member.id, label, role, expires_at);
    let (key, token) = made.await?;
    Ok((key, token, member))
}

/// The member a key is made for.
async fn whose(control: &Control, by: &Authorized, asked: &str) -> Result<Member, Problem> {
    let own = by.member();
    if own.id.as_str() == asked || own.email.eq_ignore_ascii_case(asked) {
        return Ok(own.clone());
    }
    by.also_may(Action::KeysOfOthers)?;
    let found = control.store.member(by.org(), asked).await?;
    found.ok_or_else(|| Problem::no_such("member"))
}

fn is_active(key: &ApiKey, now: Moment) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|at| now < at)
}
