//! Keys of this API: made, shown once, revoked.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{ApiKey, KeyId, Moment, Role};
use utoipa::ToSchema;
use vault::Token;

use crate::body::{Asked, Unread};
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery, time_key};
use crate::problem::{Code, Problem, ProblemBody};
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
    role: RoleName,
    /// The moment it ends, if ever.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Time>,
}

/// A key of this API; never the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyOut {
    id: String,
    label: String,
    role: &'static str,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// Whether it is good now.
    active: bool,
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
    fn of(key: &ApiKey, now: Moment) -> Self {
        Self {
            id: key.id.to_string(),
            label: key.label.clone(),
            role: key.role.as_str(),
            created_at: time::write(key.created_at),
            expires_at: key.expires_at.map(time::write),
            revoked_at: key.revoked_at.map(time::write),
            active: is_active(key, now),
        }
    }
}

/// The keys, newest first.
#[utoipa::path(
    get, path = "/api-keys", tag = "api-keys", operation_id = "keys_list", params(PageQuery),
    responses((status = 200, body = List<KeyOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<KeyOut>>, Problem> {
    let by = who.may(Action::KeysRead)?;
    let keys = control.store.api_keys(by.org()).await?;
    let key = |k: &ApiKey| time_key(k.created_at, k.id.as_str());
    let now = by.now();
    Ok(Json(asked.read::<PageQuery>()?.cut(keys, Order::Down, key, |k| KeyOut::of(&k, now))?))
}

/// Makes a key. The answer is the only place where it is ever seen.
#[utoipa::path(
    post, path = "/api-keys", tag = "api-keys", operation_id = "keys_create",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = KeyIn,
    responses((status = 201, body = KeyMade), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<axum::response::Response, Halt> {
    let by = who.may(Action::KeysWrite)?;
    let (given, turn) = body.read_once::<KeyIn>(&control, &by).await?;
    let (key, token) = make(&control, &by, given).await?;
    let token = Some(token.expose().to_owned());
    turn.answer(KeyMade { key: KeyOut::of(&key, by.now()), token, note: None }).await
}

/// Revokes a key: the next request with it is refused.
#[utoipa::path(
    delete, path = "/api-keys/{id}", tag = "api-keys", operation_id = "keys_revoke",
    params(("id" = String, Path, description = "Id of the key")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn revoke(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::KeysWrite)?;
    end(&control, &by, &KeyId::from(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn make(
    control: &Control,
    by: &Authorized,
    given: KeyIn,
) -> Result<(ApiKey, Token), Problem> {
    let expires_at = given.expires_at.map(|Time(at)| at);
    if expires_at.is_some_and(|at| at <= by.now()) {
        return Err(Problem::field("/expires_at", "invalid_value", "this moment has passed"));
    }
    let (by, role) = (by.by(), given.role.into());
    Ok(control.store.api_key_create(&by, &given.label, role, expires_at).await?)
}

/// Ends a key, unless nobody could administer the instance after that.
async fn end(control: &Control, by: &Authorized, id: &KeyId) -> Result<(), Problem> {
    let _one_at_a_time = control.inner.changes.lock().await;
    let keys = control.store.api_keys(by.org()).await?;
    let key = keys.iter().find(|k| k.id == *id).ok_or_else(|| Problem::no_such("API key"))?;
    let admin = |k: &&ApiKey| k.role == Role::Admin && is_active(k, by.now());
    if admin(&key) && keys.iter().filter(admin).count() == 1 {
        return Err(Problem::new(
            Code::LastAdmin,
            "make another admin key first: this is the only one that is good now",
        ));
    }
    Ok(control.store.api_key_revoke(&by.by(), id).await?)
}

fn is_active(key: &ApiKey, now: Moment) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|at| now < at)
}
