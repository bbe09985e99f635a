//! Channels: where people outside are told of calls that wait for them, and what each was told. What
//! a channel signs with is shown once, when it is made; passwords and Slack's addresses never.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use store::{ApprovalState, Channel, ChannelTarget, Delivery, DeliveryState, MessageId, Signing};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, Unread};
use crate::etag::IfMatch;
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery};
use crate::problem::{Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::{At, Control, etag, time};

mod given;

use given::ChannelIn;

/// A mail server; never its password.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelSmtpOut {
    host: String,
    port: u16,
    security: &'static str,
    username: Option<String>,
    from: String,
    to: Vec<String>,
}

/// A channel; never its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelOut {
    id: String,
    name: String,
    /// `webhook`, `slack` or `email`.
    kind: &'static str,
    enabled: bool,
    events: Vec<&'static str>,
    private_targets: Vec<String>,
    /// Where a webhook goes.
    url: Option<String>,
    /// `hmac-sha256` or `ed25519`, of a webhook.
    signing: Option<&'static str>,
    /// What its signatures are checked with: `whpk_…`.
    public_key: Option<String>,
    smtp: Option<ChannelSmtpOut>,
    /// Whether a secret is kept.
    has_secret: bool,
    revision: i64,
    created_at: String,
    updated_at: String,
}

/// A channel that was just made or got another key.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelMade {
    channel: ChannelOut,
    /// What the receiver checks signatures with: `whsec_…`. This answer is the only place where it is
    /// ever seen. `null` if there is nothing to show.
    secret: Option<String>,
    /// Why there is no secret, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// A message of a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryOut {
    /// The message's id, the same at every attempt and by every channel.
    message: String,
    /// `approval.STATE`, or `test`.
    event: String,
    /// The approval that it tells of.
    approval: Option<String>,
    /// `waiting`, `delivered` or `dead`.
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// What the last attempt came to; empty if it was taken.
    told: String,
    created_at: String,
    /// When it is tried next, while it waits.
    next_at: Option<String>,
    tried_at: Option<String>,
    ended_at: Option<String>,
}

/// Which messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    /// `waiting`, `delivered` or `dead`; all when absent.
    state: Option<String>,
    /// The most rows, 1 to 500; 100 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// The `next` of the part before.
    after: Option<String>,
}

impl Creation for ChannelMade {
    fn location(&self) -> String {
        format!("/api/v1/channels/{}", self.channel.id)
    }

    fn revision(&self) -> Option<i64> {
        Some(self.channel.revision)
    }

    fn without_secrets(self) -> Self {
        let gone = "the key was shown in the first answer; make another channel if it is lost";
        let note = self.secret.is_some().then_some(gone);
        Self { secret: None, note, ..self }
    }
}

impl ChannelOut {
    fn of(channel: &Channel) -> Self {
        let draft = channel.draft.clone();
        let kind = draft.target.kind();
        let (mut url, mut signing, mut public_key, mut smtp) = (None, None, None, None);
        match draft.target {
            ChannelTarget::Webhook { url: to, signing: by } => {
                url = Some(to);
                (signing, public_key) = match by {
                    Signing::Hmac => (Some("hmac-sha256"), None),
                    Signing::Ed25519 { public_key } => {
                        (Some("ed25519"), Some(format!("whpk_{public_key}")))
                    }
                };
            }
            ChannelTarget::Slack => {}
            ChannelTarget::Email { host, port, security, username, from, to } => {
                let security = security.as_str();
                smtp = Some(ChannelSmtpOut { host, port, security, username, from, to });
            }
        }
        Self {
            id: channel.id.to_string(),
            name: draft.name,
            kind,
            enabled: draft.enabled,
            events: draft.events.into_iter().map(ApprovalState::as_str).collect(),
            private_targets: draft.private_targets,
            url,
            signing,
            public_key,
            smtp,
            has_secret: channel.has_secret,
            revision: channel.revision,
            created_at: time::write(channel.created_at),
            updated_at: time::write(channel.updated_at),
        }
    }
}

impl DeliveryOut {
    fn of(of: &Delivery) -> Self {
        let waits = of.state == DeliveryState::Waiting;
        Self {
            message: of.message.to_string(),
            event: of.event.clone(),
            approval: of.approval.as_ref().map(|facts| facts.id.to_string()),
            state: of.state.as_str(),
            attempts: of.attempts,
            told: of.told.clone(),
            created_at: time::write(of.created_at),
            next_at: waits.then(|| time::write(of.next_at)),
            tried_at: of.tried_at.map(time::write),
            ended_at: of.ended_at.map(time::write),
        }
    }
}

/// The channels, by name.
#[utoipa::path(
    get, path = "/channels", tag = "channels", operation_id = "channels_list", params(PageQuery),
    responses((status = 200, body = List<ChannelOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<ChannelOut>>, Problem> {
    let by = who.may(Action::Channels)?;
    let found = control.store.channels(by.org()).await?;
    let key = |channel: &Channel| channel.draft.name.clone();
    let query = asked.read::<PageQuery>()?;
    Ok(Json(query.cut(found, Order::Up, key, |channel| ChannelOut::of(&channel))?))
}

/// One channel, by id or name.
#[utoipa::path(
    get, path = "/channels/{id}", tag = "channels", operation_id = "channels_get",
    params(("id" = String, Path, description = "Id or name of the channel")),
    responses((status = 200, body = ChannelOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let by = who.may(Action::Channels)?;
    let channel = find(&control, &by, &id).await?;
    let tag = [(header::ETAG, etag::write(channel.revision))];
    Ok((tag, Json(ChannelOut::of(&channel))).into_response())
}

/// Makes a channel. The key that a webhook is signed with is made here and shown once.
#[utoipa::path(
    post, path = "/channels", tag = "channels", operation_id = "channels_create",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ChannelIn,
    responses((status = 201, body = ChannelMade), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::Channels)?;
    let (given, turn) = body.read_once::<ChannelIn>(&control, &by).await?;
    let read = given::read(given, None)?;
    let made = control.store.channel_create(&by.by(), read.draft, read.secret).await;
    let channel = ChannelOut::of(&made.map_err(Problem::from)?);
    turn.answer(ChannelMade { channel, secret: read.shown, note: None }).await
}

/// Changes a channel: all fields but secrets are written. Messages that wait are tried at once.
#[utoipa::path(
    put, path = "/channels/{id}", tag = "channels", operation_id = "channels_update",
    params(
        ("id" = String, Path, description = "Id or name of the channel"),
        ("If-Match" = String, Header, description = "The ETag of what was read, or `*`"),
    ),
    request_body = ChannelIn,
    responses((status = 200, body = ChannelMade), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn update(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    headers: HeaderMap,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::Channels)?;
    let before = find(&control, &by, &id).await?;
    let revision = IfMatch::of(&headers)?.required()?;
    let read = given::read(body.read().await?, Some(&before))?;
    let store = &control.store;
    let after =
        store.channel_update(&by.by(), &before.id, revision, read.draft, read.secret).await?;
    let tag = [(header::ETAG, etag::write(after.revision))];
    let made = ChannelMade { channel: ChannelOut::of(&after), secret: read.shown, note: None };
    Ok((tag, Json(made)).into_response())
}

/// Removes a channel, and with it its messages.
#[utoipa::path(
    delete, path = "/channels/{id}", tag = "channels", operation_id = "channels_delete",
    params(("id" = String, Path, description = "Id or name of the channel")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn delete(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::Channels)?;
    let channel = find(&control, &by, &id).await?;
    control.store.channel_delete(&by.by(), &channel.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test message by a channel: it is tried once, at once. Look at the channel's messages for
/// what became of it.
#[utoipa::path(
    post, path = "/channels/{id}/test", tag = "channels", operation_id = "channels_test",
    params(("id" = String, Path, description = "Id or name of the channel")),
    responses((status = 202, body = DeliveryOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn test(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<(StatusCode, Json<DeliveryOut>), Problem> {
    let by = who.may(Action::Channels)?;
    let channel = find(&control, &by, &id).await?;
    let delivery = control.store.channel_test(&by.by(), &channel.id).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryOut::of(&delivery))))
}

/// The messages of a channel, newest first: those that wait, those that were taken in the last 30
/// days, and those that were given up.
#[utoipa::path(
    get, path = "/channels/{id}/deliveries", tag = "channels",
    operation_id = "channels_deliveries",
    params(("id" = String, Path, description = "Id or name of the channel"), DeliveryQuery),
    responses((status = 200, body = List<DeliveryOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn deliveries(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<List<DeliveryOut>>, Problem> {
    let by = who.may(Action::Channels)?;
    let query = asked.read::<DeliveryQuery>()?;
    let state = match query.state.as_deref() {
        None => None,
        Some(name) => Some(DeliveryState::parse(name).ok_or_else(|| {
            Problem::field("state", "invalid_value", "state is waiting, delivered or dead")
        })?),
    };
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let channel = find(&control, &by, &id).await?;
    let found = control.store.deliveries(by.org(), &channel.id, state, &page).await?;
    let items = found.items.iter().map(DeliveryOut::of).collect();
    Ok(Json(List { items, next: found.next }))
}

/// Tries a dead message again.
#[utoipa::path(
    post, path = "/channels/{id}/deliveries/{message}/retry", tag = "channels",
    operation_id = "channels_retry",
    params(
        ("id" = String, Path, description = "Id or name of the channel"),
        ("message" = String, Path, description = "Id of the message"),
    ),
    responses((status = 202, body = DeliveryOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn retry(
    State(control): State<Control>,
    who: Operator,
    At((id, message)): At<(String, String)>,
) -> Result<(StatusCode, Json<DeliveryOut>), Problem> {
    let by = who.may(Action::Channels)?;
    let channel = find(&control, &by, &id).await?;
    let message = MessageId::from(message);
    let delivery = control.store.delivery_retry(&by.by(), &channel.id, &message).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryOut::of(&delivery))))
}

async fn find(control: &Control, by: &Authorized, id: &str) -> Result<Channel, Problem> {
    let found = control.store.channel(by.org(), id).await?;
    found.ok_or_else(|| Problem::no_such("channel"))
}
