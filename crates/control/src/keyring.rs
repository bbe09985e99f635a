//! The keys that seal: which there are, rotation and its progress, another root key. Never a key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use store::{KeysState, RESEALS_PER_SECOND};
use utoipa::ToSchema;
use vault::RootKey;

use crate::body::Unread;
use crate::can::Can;
use crate::operator::{Authorized, Operator};
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, time};

/// Reads the root key that the instance is to go over to, from where its configuration says. The
/// error is one sentence for people.
pub type NextRootKey = Arc<dyn Fn() -> Result<RootKey, String> + Send + Sync>;

/// One key that seals values.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyVersionOut {
    /// Its number: the key version that sealed values carry.
    id: u32,
    /// `pending`, `active`, `decrypt_only` or `retired`.
    state: &'static str,
    /// How many values are sealed with it.
    records: u64,
}

/// The keys that seal, and how far a rotation has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyringOut {
    /// The number of the key that seals.
    active: Option<u32>,
    /// All of them, by number.
    versions: Vec<KeyVersionOut>,
    /// Whether a rotation is under way.
    rotating: bool,
    /// How many values are still to be sealed again.
    remaining: u64,
    /// How many of them are done in a second.
    per_second: u32,
    /// How many values do not open with the key they name: they keep it from being retired, and
    /// must be set anew.
    unopened: u64,
    /// Since when the active key seals; absent if it did from the first start on.
    active_since: Option<String>,
    /// Where the root key that wraps them is read from.
    root_key: RootKeyOut,
    /// What may be done here.
    can: Can,
}

/// The root key, which is kept outside. Never the key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RootKeyOut {
    /// In words, such as ``file `/etc/countersign/root.key` ``; `null` if nobody said.
    source: Option<String>,
    /// When the keys were last wrapped under another root key; absent if they never were.
    replaced_at: Option<String>,
    /// Whether the configuration names another root key to go over to.
    next: bool,
}

impl KeyringOut {
    fn of(state: &KeysState, by: &Authorized, control: &Control) -> Self {
        let active = state.versions.iter().find(|key| key.state == vault::KeyState::Active);
        Self {
            active: active.map(|key| key.id),
            rotating: state.is_rotating(),
            remaining: state.remaining(),
            per_second: RESEALS_PER_SECOND,
            unopened: state.unopened,
            active_since: state.active_since.map(time::write),
            root_key: RootKeyOut {
                source: control.root_key_source.as_deref().map(str::to_owned),
                replaced_at: state.rewrapped_at.map(time::write),
                next: control.next_root_key.is_some(),
            },
            versions: state
                .versions
                .iter()
                .map(|key| KeyVersionOut {
                    id: key.id,
                    state: key.state.as_str(),
                    records: key.records,
                })
                .collect(),
            can: Can::of(
                by,
                [
                    ("rotate", Action::KeyringRotate),
                    ("retire", Action::KeyringRotate),
                    ("root_key", Action::KeyringRotate),
                ],
            ),
        }
    }
}

/// The keys that seal, with how many values each has sealed.
#[utoipa::path(
    get, path = "/keys", tag = "keys", operation_id = "keys_get",
    responses((status = 200, body = KeyringOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<KeyringOut>, Problem> {
    let by = who.may(Action::KeyringRead)?;
    let state = control.store.keys_state().await?;
    Ok(Json(KeyringOut::of(&state, &by, &control)))
}

/// Draws a new key and seals with it from now on. What the old key has sealed is sealed again in
/// the background while calls go on; then the old key is retired by itself.
#[utoipa::path(
    post, path = "/keys/rotate", tag = "keys", operation_id = "keys_rotate",
    responses((status = 202, body = KeyringOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn rotate(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<(StatusCode, Json<KeyringOut>), Problem> {
    let by = who.may(Action::KeyringRotate)?;
    body.read_nothing().await?;
    by.fresh()?;
    let state = control.store.keys_rotate(&by.by()).await?;
    Ok((StatusCode::ACCEPTED, Json(KeyringOut::of(&state, &by, &control))))
}

/// Retires a key that seals nothing any more, without waiting. Refused with the count while values
/// are sealed with it.
#[utoipa::path(
    post, path = "/keys/{id}/retire", tag = "keys", operation_id = "keys_retire",
    params(("id" = u32, Path, description = "Number of the key")),
    responses((status = 200, body = KeyringOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn retire(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<KeyringOut>, Problem> {
    let by = who.may(Action::KeyringRotate)?;
    body.read_nothing().await?;
    by.fresh()?;
    let id = id.parse().map_err(|_| Problem::no_such("data key"))?;
    let state = control.store.key_retire(&by.by(), id).await?;
    Ok(Json(KeyringOut::of(&state, &by, &control)))
}

/// Wraps the keys under the root key that `root_key.next_file` or `root_key.next_command` names, in
/// one step. From then on the old root key opens nothing but older backups.
#[utoipa::path(
    post, path = "/keys/root-key", tag = "keys", operation_id = "keys_root_key",
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn root_key(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::KeyringRotate)?;
    body.read_nothing().await?;
    by.fresh()?;
    let next = control.next_root_key.clone().ok_or_else(|| {
        Problem::new(
            Code::Conflict,
            "the configuration names no next root key: set `root_key.next_file` or \
             `root_key.next_command`, start again, and repeat this",
        )
    })?;
    // Reading may run a program: beside the threads that answer.
    let read = tokio::task::spawn_blocking(move || next()).await;
    let failed = || Err("the next root key was not read".to_owned());
    let root =
        read.unwrap_or_else(|_| failed()).map_err(|why| Problem::new(Code::Conflict, why))?;
    control.store.root_key_replace(&by.by(), root).await?;
    Ok(StatusCode::NO_CONTENT)
}
