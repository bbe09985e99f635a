//! Grants: issued, rotated, paused, revoked; policies attached to them. Tokens are shown once.

mod change;

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::{Deserialize, Deserializer, Serialize};
use store::{Attachment, Grant, GrantState, MemberId, PolicyId, ServerId, TokenTrace};
use utoipa::ToSchema;

use crate::body::{Asked, Unread};
use crate::can::Can;
use crate::etag::{self, IfMatch};
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery, time_key};
use crate::problem::{Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::time::Time;
use crate::{At, Control, TOKEN_GONE, time};

pub(crate) use change::server_of;
use change::{grant_attach, grant_hand_over, grant_issue, grant_rotate, grant_set_state};

/// How much of a token's public part is shown: four of 62 characters tell 14 million apart.
const TRACE_CHARS: usize = 4;

/// A server a grant reaches.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReachIn {
    /// Id or slug of the server.
    server: String,
    /// Id or name of the policy; without one every call is denied.
    policy: Option<String>,
}

/// A new grant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantIn {
    /// What people call it; unique among living grants.
    label: String,
    /// Whom it belongs to: the address of a member, or the name of an agent (without `@`). The label
    /// names the agent when absent.
    identity: Option<String>,
    /// Id or address of the member who answers for the agent; you when absent.
    owner: Option<String>,
    /// Labels that policies read as `grant.tags.KEY`.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    servers: Vec<ReachIn>,
    /// The first moment it is good for.
    #[schema(value_type = Option<String>)]
    not_before: Option<Time>,
    /// The moment it ends.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Time>,
    /// The most calls it may have in flight, 1 to 10,000; 32 when absent.
    in_flight_max: Option<u32>,
}

/// How a token is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateIn {
    /// How long the old tokens live on, 0 to 86,400 seconds; 600 when absent.
    overlap_seconds: Option<i64>,
}

/// Which policy judges at a server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachIn {
    /// Id or slug of a server of the grant.
    server: String,
    /// Id or name of the policy; `null` detaches it, and every call is denied.
    #[serde(deserialize_with = "given")]
    #[schema(required, nullable)]
    policy: Option<String>,
}

/// A member that may be `null` and must not be absent.
pub(crate) fn given<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// Who answers for a grant from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnerIn {
    /// Id or address of the member.
    owner: String,
}

/// An object and what people call it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The policy that judges a grant's calls at a server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JudgingPolicy {
    id: String,
    name: String,
    /// The number of the version in force, the newest; 0 when none is published: every call is denied.
    version: u32,
}

/// What may be known of a token that is good.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenTraceOut {
    /// What follows `csg1_` in it, the first characters: enough to tell which token an agent holds, and no
    /// part of its secret.
    begins: String,
    /// Counts the grant's tokens, from 1.
    generation: u32,
    /// The moment it ends because a newer one was made; `null` for the newest.
    ends_at: Option<String>,
}

/// A server a grant reaches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reach {
    server: Named,
    /// The policy that judges there; without one every call is denied.
    policy: Option<JudgingPolicy>,
    /// Where an agent with this grant's token reaches it.
    gateway_url: String,
}

/// A grant; never its token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantOut {
    id: String,
    label: String,
    /// The address of a member, or the name of an agent.
    identity: String,
    /// The member who answers for it, with their address.
    owner: Option<Named>,
    tags: BTreeMap<String, String>,
    /// `active`, `paused` or `revoked`.
    state: &'static str,
    /// Whether its time is over.
    expired: bool,
    servers: Vec<Reach>,
    not_before: Option<String>,
    expires_at: Option<String>,
    in_flight_max: u32,
    /// The generation of its newest token, from 1.
    generation: u32,
    /// The tokens that are good, the oldest first; none once the grant is revoked or has ended.
    tokens: Vec<TokenTraceOut>,
    /// Counts changes; the `ETag` of the grant.
    revision: i64,
    created_at: String,
    last_call_at: Option<String>,
    /// What the asker may do with this grant.
    can: Can,
}

/// A grant with a token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct GrantMade {
    grant: GrantOut,
    /// The token: this answer is the only place where it is ever seen. `null` in a repeated answer.
    token: Option<String>,
    /// Why there is no token, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl Creation for GrantMade {
    fn location(&self) -> String {
        format!("/api/v1/grants/{}", self.grant.id)
    }

    fn revision(&self) -> Option<i64> {
        Some(self.grant.revision)
    }

    fn without_secrets(self) -> Self {
        Self { token: None, note: Some(TOKEN_GONE), ..self }
    }
}

impl TokenTraceOut {
    fn of(token: &TokenTrace) -> Self {
        Self {
            begins: token.token_id.chars().take(TRACE_CHARS).collect(),
            generation: token.generation,
            ends_at: token.valid_until.map(time::write),
        }
    }
}

/// What people call the servers and policies of the organisation.
struct Names {
    servers: HashMap<ServerId, String>,
    /// With the numbers of their newest versions.
    policies: HashMap<PolicyId, (String, u32)>,
    members: HashMap<MemberId, String>,
}

impl Names {
    async fn of(control: &Control, by: &Authorized) -> Result<Self, Problem> {
        let servers = control.store.servers(by.org()).await?;
        let policies = control.store.policies(by.org()).await?;
        let members = control.store.members(by.org()).await?;
        Ok(Self {
            members: members.into_iter().map(|m| (m.id, m.email)).collect(),
            servers: servers.into_iter().map(|s| (s.id, s.slug)).collect(),
            policies: policies.into_iter().map(|p| (p.id, (p.name, p.latest))).collect(),
        })
    }

    fn view(&self, grant: Grant, by: &Authorized, gateway_url: &str) -> GrantOut {
        let now = by.now();
        let reach = |attached: Attachment| {
            // A row that was removed in between is shown by its id.
            let slug = self.servers.get(&attached.server).map_or(attached.server.as_str(), |n| n);
            Reach {
                gateway_url: format!("{gateway_url}/mcp/{slug}"),
                server: Named { id: attached.server.to_string(), name: slug.to_owned() },
                policy: attached.policy.map(|id| {
                    let known = self.policies.get(&id);
                    let (name, version) =
                        known.map_or((id.as_str(), 0), |(name, latest)| (name, *latest));
                    JudgingPolicy { name: name.to_owned(), version, id: id.to_string() }
                }),
            }
        };
        let expired = grant.expires_at.is_some_and(|at| at <= now);
        let over = expired || grant.state == GrantState::Revoked;
        let good = |token: &&TokenTrace| !over && token.valid_until.is_none_or(|end| now < end);
        GrantOut {
            tokens: grant.tokens.iter().filter(good).map(TokenTraceOut::of).collect(),
            expired,
            id: grant.id.to_string(),
            label: grant.label,
            identity: grant.identity,
            owner: grant.owner.map(|id| Named {
                name: self.members.get(&id).map_or(id.as_str(), |email| email).to_owned(),
                id: id.to_string(),
            }),
            tags: grant.tags.into_iter().collect(),
            state: grant.state.as_str(),
            servers: grant.servers.into_iter().map(reach).collect(),
            not_before: grant.not_before.map(time::write),
            expires_at: grant.expires_at.map(time::write),
            in_flight_max: grant.in_flight_max,
            generation: grant.generation,
            revision: grant.revision,
            created_at: time::write(grant.created_at),
            last_call_at: grant.last_call_at.map(time::write),
            can: Can::of(
                by,
                [
                    ("attach", Action::PoliciesAttach),
                    ("hand_over", Action::GrantsWrite),
                    ("pause", Action::GrantsWrite),
                    ("resume", Action::GrantsWrite),
                    ("revoke", Action::GrantsWrite),
                    ("rotate", Action::GrantsWrite),
                ],
            ),
        }
    }
}

/// The grant as it is shown.
async fn view(control: &Control, by: &Authorized, grant: Grant) -> Result<GrantOut, Problem> {
    Ok(Names::of(control, by).await?.view(grant, by, &control.gateway_url))
}

/// Answers with the grant and its `ETag`.
async fn tagged(control: &Control, by: &Authorized, grant: Grant) -> Result<Response, Problem> {
    let grant = view(control, by, grant).await?;
    Ok(([(header::ETAG, etag::write(grant.revision))], Json(grant)).into_response())
}

/// The grants, newest first.
#[utoipa::path(
    get, path = "/grants", tag = "grants", operation_id = "grants_list", params(PageQuery),
    responses((status = 200, body = List<GrantOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<GrantOut>>, Problem> {
    let by = who.may(Action::GrantsRead)?;
    let grants = control.store.grants(by.org()).await?;
    let names = Names::of(&control, &by).await?;
    let key = |g: &Grant| time_key(g.created_at, g.id.as_str());
    let view = |grant| names.view(grant, &by, &control.gateway_url);
    Ok(Json(asked.read::<PageQuery>()?.cut(grants, Order::Down, key, view)?))
}

/// One grant, by id or by the label of a living one.
#[utoipa::path(
    get, path = "/grants/{id}", tag = "grants", operation_id = "grants_get",
    params(("id" = String, Path, description = "Id or label")),
    responses((status = 200, body = GrantOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let by = who.may(Action::GrantsRead)?;
    let grant = find(&control, &by, &id).await?;
    tagged(&control, &by, grant).await
}

/// Issues a grant. The answer is the only place where its token is ever seen.
#[utoipa::path(
    post, path = "/grants", tag = "grants", operation_id = "grants_issue",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = GrantIn,
    responses((status = 201, body = GrantMade), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn issue(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::GrantsWrite)?;
    let (given, turn) = body.read_once::<GrantIn>(&control, &by).await?;
    turn.answer(grant_issue(&control, &by, given).await?).await
}

/// Makes a new token for a grant. The old ones live on for a while, so that agents can change over.
#[utoipa::path(
    post, path = "/grants/{id}/rotate", tag = "grants", operation_id = "grants_rotate",
    params(
        ("id" = String, Path, description = "Id or label"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body(content = RotateIn, description = "May be left out"),
    responses((status = 200, body = GrantMade), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn rotate(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::GrantsWrite)?;
    let (given, turn) = body.read_once::<RotateIn>(&control, &by).await?;
    turn.answer(Rotated(grant_rotate(&control, &by, &id, given).await?)).await
}

/// A rotation answers like an issue, but makes no new object.
#[derive(Serialize)]
struct Rotated(GrantMade);

impl Creation for Rotated {
    const STATUS: StatusCode = StatusCode::OK;

    fn location(&self) -> String {
        self.0.location()
    }

    fn revision(&self) -> Option<i64> {
        self.0.revision()
    }

    fn without_secrets(self) -> Self {
        Self(self.0.without_secrets())
    }
}

/// Pauses a grant: no call gets in until it is resumed.
#[utoipa::path(
    post, path = "/grants/{id}/pause", tag = "grants", operation_id = "grants_pause",
    params(("id" = String, Path, description = "Id or label")),
    responses((status = 200, body = GrantOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn pause(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::GrantsWrite)?;
    let grant = grant_set_state(&control, &by, &id, body, GrantState::Paused).await?;
    tagged(&control, &by, grant).await
}

/// Resumes a paused grant.
#[utoipa::path(
    post, path = "/grants/{id}/resume", tag = "grants", operation_id = "grants_resume",
    params(("id" = String, Path, description = "Id or label")),
    responses((status = 200, body = GrantOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn resume(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::GrantsWrite)?;
    let grant = grant_set_state(&control, &by, &id, body, GrantState::Active).await?;
    tagged(&control, &by, grant).await
}

/// Revokes a grant: calls already forwarded finish, no new call ever gets in.
#[utoipa::path(
    post, path = "/grants/{id}/revoke", tag = "grants", operation_id = "grants_revoke",
    params(("id" = String, Path, description = "Id or label")),
    responses((status = 200, body = GrantOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn revoke(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::GrantsWrite)?;
    let grant = grant_set_state(&control, &by, &id, body, GrantState::Revoked).await?;
    tagged(&control, &by, grant).await
}

/// Attaches a policy for one server of a grant, or detaches it. In force at the next call.
#[utoipa::path(
    put, path = "/grants/{id}/policy", tag = "grants", operation_id = "grants_attach",
    params(
        ("id" = String, Path, description = "Id or label"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
    ),
    request_body = AttachIn,
    responses((status = 200, body = GrantOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn attach(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::PoliciesAttach)?;
    let expected = IfMatch::of(&body.headers)?;
    let grant = grant_attach(&control, &by, &id, expected, body.read().await?).await?;
    tagged(&control, &by, grant).await
}

/// Gives a grant to another owner. One that was a member's own becomes the new owner's; an agent's
/// goes with all living grants of the agent. Its token stays good.
#[utoipa::path(
    put, path = "/grants/{id}/owner", tag = "grants", operation_id = "grants_hand_over",
    params(
        ("id" = String, Path, description = "Id or label"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read"),
    ),
    request_body = OwnerIn,
    responses((status = 200, body = GrantOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn hand_over(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::GrantsWrite)?;
    let expected = IfMatch::of(&body.headers)?;
    let grant = grant_hand_over(&control, &by, &id, expected, body.read().await?).await?;
    tagged(&control, &by, grant).await
}

/// The grant of that id or label, in the asker's organisation.
pub(crate) async fn find(control: &Control, by: &Authorized, id: &str) -> Result<Grant, Problem> {
    control.store.grant(by.org(), id).await?.ok_or_else(|| Problem::no_such("grant"))
}
