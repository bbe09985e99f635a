//! Channels: where people outside are told of calls that wait for them, and what each was told. What
//! a channel signs with is shown once, when it is made; passwords and Slack's addresses never.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use store::{
    ApprovalState, Channel, ChannelDraft, ChannelTarget, Delivery, DeliveryState, MailSecurity,
    MessageId, Signing,
};
use utoipa::{IntoParams, ToSchema};
use vault::{OsRandom, Randomness as _, Secret};

use crate::body::{Asked, Unread};
use crate::etag::IfMatch;
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery};
use crate::problem::{Code, Fault, Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::{At, Control, etag, server_url, time};

/// What people are told of when nobody says: that something waits for them.
const EVENTS_OF_PEOPLE: [ApprovalState; 1] = [ApprovalState::Pending];
/// Programs are told of everything.
const EVENTS_OF_PROGRAMS: [ApprovalState; 6] = [
    ApprovalState::Pending,
    ApprovalState::Approved,
    ApprovalState::Denied,
    ApprovalState::Expired,
    ApprovalState::Withdrawn,
    ApprovalState::Consumed,
];
/// The longest password or user name of a mail server.
const SIGN_IN_BYTES_MAX: usize = 1_000;

/// What a channel is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChannelKind {
    /// A POST of signed JSON.
    Webhook,
    /// An incoming webhook of Slack.
    Slack,
    /// Mail by SMTP.
    Email,
}

/// How a webhook is signed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
pub(crate) enum SigningName {
    /// A key that both sides know.
    #[serde(rename = "hmac-sha256")]
    Hmac,
    /// The receiver knows the public key alone.
    #[serde(rename = "ed25519")]
    Ed25519,
}

/// A mail server, and who writes to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelSmtpIn {
    /// The name or address of the mail server.
    host: String,
    /// Its port: 465 with `tls`, 587 with `starttls`, 25 with `plain` if it is not said.
    port: Option<u16>,
    /// `tls` (if it is not said), `starttls`, or `plain` for loopback and private targets.
    security: Option<String>,
    /// Who we are there, if it asks.
    username: Option<String>,
    /// Given once and never shown. Left out on a change, the one that is kept stays, unless the
    /// server or the user changed.
    #[schema(write_only)]
    password: Option<String>,
    /// The sender's address.
    from: String,
    /// Whom it goes to, 1 to 20 addresses.
    to: Vec<String>,
}

/// A channel, as it is set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelIn {
    /// What people call it; unique.
    name: String,
    kind: ChannelKind,
    /// Whether it tells anybody anything; yes if it is not said.
    enabled: Option<bool>,
    /// The states of approvals that it tells of. If it is not said: all of them for a webhook,
    /// `pending` for people.
    events: Option<Vec<String>>,
    /// Private targets it may be reached at, each `host:port`.
    #[serde(default)]
    private_targets: Vec<String>,
    /// Where a webhook goes, or the address that Slack gave. Slack's is never shown, and may be left
    /// out on a change.
    url: Option<String>,
    /// How a webhook is signed; `hmac-sha256` if it is not said. Another one makes another key.
    signing: Option<SigningName>,
    /// The mail server, for `email`.
    smtp: Option<ChannelSmtpIn>,
}

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
    let read = read(given, None)?;
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
    let read = read(body.read().await?, Some(&before))?;
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

/// What was asked for, checked.
struct Read {
    draft: ChannelDraft,
    secret: Option<Secret>,
    /// What the receiver is to know, where a key was made.
    shown: Option<String>,
}

fn read(given: ChannelIn, before: Option<&Channel>) -> Result<Read, Problem> {
    let mut faults = vec![];
    let events = events(&given, &mut faults);
    let (target, secret, shown, private_targets) = match given.kind {
        ChannelKind::Webhook => webhook(&given, before, &mut faults)?,
        ChannelKind::Slack => slack(&given, before, &mut faults),
        ChannelKind::Email => email(&given, before, &mut faults),
    };
    for (there, pointer, allowed) in [
        (given.url.is_some(), "/url", given.kind != ChannelKind::Email),
        (given.signing.is_some(), "/signing", given.kind == ChannelKind::Webhook),
        (given.smtp.is_some(), "/smtp", given.kind == ChannelKind::Email),
    ] {
        if there && !allowed {
            faults.push(Fault::new(pointer, "invalid_value", "is not for this kind of channel"));
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let enabled = given.enabled.unwrap_or(true);
    let draft = ChannelDraft { name: given.name, enabled, events, private_targets, target };
    Ok(Read { draft, secret, shown })
}

fn events(given: &ChannelIn, faults: &mut Vec<Fault>) -> Vec<ApprovalState> {
    let Some(names) = &given.events else {
        return match given.kind {
            ChannelKind::Webhook => EVENTS_OF_PROGRAMS.to_vec(),
            ChannelKind::Slack | ChannelKind::Email => EVENTS_OF_PEOPLE.to_vec(),
        };
    };
    let mut events = vec![];
    for (at, name) in names.iter().enumerate() {
        match ApprovalState::parse(name) {
            Some(state) if !events.contains(&state) => events.push(state),
            Some(_) => {}
            None => faults.push(Fault::new(
                format!("/events/{at}"),
                "invalid_value",
                "is pending, approved, denied, expired, withdrawn or consumed",
            )),
        }
    }
    events
}

/// A target, its secret, what is shown of it, and the private targets.
type Target = (ChannelTarget, Option<Secret>, Option<String>, Vec<String>);

fn webhook(
    given: &ChannelIn,
    before: Option<&Channel>,
    faults: &mut Vec<Fault>,
) -> Result<Target, Problem> {
    let (url, private_targets) = address(given, faults);
    let kept = before.and_then(|channel| match &channel.draft.target {
        ChannelTarget::Webhook { signing, .. } => Some(signing.clone()),
        ChannelTarget::Slack | ChannelTarget::Email { .. } => None,
    });
    let stays = match (&kept, given.signing) {
        (Some(_), None)
        | (Some(Signing::Hmac), Some(SigningName::Hmac))
        | (Some(Signing::Ed25519 { .. }), Some(SigningName::Ed25519)) => kept,
        _ => None,
    };
    if let Some(signing) = stays {
        return Ok((ChannelTarget::Webhook { url, signing }, None, None, private_targets));
    }
    let mut key = vec![0; 32];
    let none = |_| Problem::new(Code::Internal, "the system gave no random bytes");
    OsRandom.fill(&mut key).map_err(none)?;
    let (signing, shown) = match given.signing {
        Some(SigningName::Ed25519) => {
            let pair = Ed25519KeyPair::from_seed_unchecked(&key)
                .map_err(|_| Problem::new(Code::Internal, "no key could be made"))?;
            (Signing::Ed25519 { public_key: STANDARD.encode(pair.public_key()) }, None)
        }
        _ => (Signing::Hmac, Some(format!("whsec_{}", STANDARD.encode(&key)))),
    };
    Ok((ChannelTarget::Webhook { url, signing }, Some(Secret::new(key)), shown, private_targets))
}

fn slack(given: &ChannelIn, before: Option<&Channel>, faults: &mut Vec<Fault>) -> Target {
    if given.url.is_none() && before.is_some_and(|channel| channel.has_secret) {
        let targets = targets(&given.private_targets, faults);
        return (ChannelTarget::Slack, None, None, targets);
    }
    let (url, targets) = address(given, faults);
    (ChannelTarget::Slack, Some(Secret::from(url)), None, targets)
}

fn email(given: &ChannelIn, before: Option<&Channel>, faults: &mut Vec<Fault>) -> Target {
    let private_targets = targets(&given.private_targets, faults);
    let mut wrong = |pointer: &str, message: &str| {
        faults.push(Fault::new(pointer, "invalid_value", message));
    };
    let Some(smtp) = &given.smtp else {
        wrong("/smtp", "say which mail server, who writes and to whom");
        return (ChannelTarget::Slack, None, None, private_targets);
    };
    let security = smtp.security.as_deref().map_or(Some(MailSecurity::Tls), MailSecurity::parse);
    if security.is_none() {
        wrong("/smtp/security", "is tls, starttls or plain");
    }
    let security = security.unwrap_or(MailSecurity::Tls);
    let port = smtp.port.unwrap_or(match security {
        MailSecurity::Tls => 465,
        MailSecurity::StartTls => 587,
        MailSecurity::Plain => 25,
    });
    // The guard that dials reads hosts as parts of URLs, so they are checked as such.
    let scheme = if security == MailSecurity::Plain { "http" } else { "https" };
    let bracketed =
        if smtp.host.contains(':') { format!("[{}]", smtp.host) } else { smtp.host.clone() };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
    let fits = !smtp.host.is_empty() && smtp.host.len() <= 255 && smtp.host.chars().all(plain);
    if !fits
        || server_url::read(&format!("{scheme}://{bracketed}:{port}/"), &private_targets).is_err()
    {
        wrong(
            "/smtp/host",
            "is no host that may be used; a plain connection is for loopback and listed private targets only",
        );
    }
    let signs_in = |text: &Option<String>| {
        text.as_ref().is_none_or(|text| {
            (1..=SIGN_IN_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
        })
    };
    if !signs_in(&smtp.username) {
        wrong("/smtp/username", "has 1 to 1,000 visible characters");
    }
    if !signs_in(&smtp.password) {
        wrong("/smtp/password", "has 1 to 1,000 visible characters");
    }
    let target = ChannelTarget::Email {
        host: smtp.host.clone(),
        port,
        security,
        username: smtp.username.clone(),
        from: smtp.from.clone(),
        to: smtp.to.clone(),
    };
    let kept = before
        .is_some_and(|channel| channel.has_secret && same_user(&channel.draft.target, &target));
    match (&smtp.username, &smtp.password) {
        (Some(_), None) if !kept => wrong("/smtp/password", "a user name needs a password"),
        (None, Some(_)) => wrong("/smtp/username", "a password needs a user name"),
        _ => {}
    }
    (target, smtp.password.clone().map(Secret::from), None, private_targets)
}

/// Whether a password of the one is good for the other.
fn same_user(one: &ChannelTarget, other: &ChannelTarget) -> bool {
    let whose = |target: &ChannelTarget| match target {
        ChannelTarget::Email { host, port, security, username, .. } => {
            Some((host.clone(), *port, *security, username.clone()))
        }
        ChannelTarget::Webhook { .. } | ChannelTarget::Slack => None,
    };
    whose(one).is_some() && whose(one) == whose(other)
}

fn address(given: &ChannelIn, faults: &mut Vec<Fault>) -> (String, Vec<String>) {
    match server_url::read(given.url.as_deref().unwrap_or_default(), &given.private_targets) {
        Ok(read) => read,
        Err(found) => {
            faults.extend(found);
            (String::new(), vec![])
        }
    }
}

fn targets(given: &[String], faults: &mut Vec<Fault>) -> Vec<String> {
    match server_url::read("https://localhost/", given) {
        Ok((_, targets)) => targets,
        Err(found) => {
            faults.extend(found);
            vec![]
        }
    }
}
