//! Servers: the upstreams that grants reach, and what a look at them finds.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use store::{OnToolChange, Server, ServerDraft, ServerView, Tool};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, Unread};
use crate::can::Can;
use crate::etag::{self, IfMatch};
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery};
use crate::problem::{Code, Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::tools::holds_hidden_text;
use crate::{At, Control, ProbeError, server_url, time};

/// What happens to a tool whose definition changed since it was accepted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToolChange {
    /// Calls of tools with rules that read arguments are denied.
    #[default]
    Deny,
    /// The tool is hidden.
    Hide,
    /// The change is let through.
    Allow,
}

impl From<ToolChange> for OnToolChange {
    fn from(change: ToolChange) -> Self {
        match change {
            ToolChange::Deny => Self::Deny,
            ToolChange::Hide => Self::Hide,
            ToolChange::Allow => Self::Allow,
        }
    }
}

/// A new server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerIn {
    /// The name in its address, `/mcp/{slug}`.
    slug: String,
    /// What people call it; the slug when absent.
    name: Option<String>,
    /// The address of its MCP endpoint: https, or http for loopback and listed private targets.
    url: String,
    /// Private targets it may resolve to, each `host:port`.
    #[serde(default)]
    private_targets: Vec<String>,
    #[serde(default)]
    on_tool_change: ToolChange,
    /// Whether calls are carried to it; true when absent.
    enabled: Option<bool>,
}

/// The changed fields of a server; absent ones stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerChange {
    slug: Option<String>,
    name: Option<String>,
    /// A changed address detaches the credential: set it again.
    url: Option<String>,
    private_targets: Option<Vec<String>>,
    on_tool_change: Option<ToolChange>,
    enabled: Option<bool>,
}

/// A server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerOut {
    id: String,
    slug: String,
    name: String,
    url: String,
    private_targets: Vec<String>,
    on_tool_change: &'static str,
    enabled: bool,
    /// Where agents reach it.
    gateway_url: String,
    /// The MCP version it was found to speak.
    version: Option<String>,
    /// What the last look found: `ok`, or one sentence.
    health: Option<String>,
    probed_at: Option<String>,
    /// Counts changes; the `ETag` of the server.
    revision: i64,
    created_at: String,
    updated_at: String,
    /// What the asker may do with this server.
    can: Can,
    /// Whether a credential is set. Only in the answer for one server.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<bool>,
    /// Its tools, counted. Only in the answer for one server.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<ToolCounts>,
}

/// The tools of a server, counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolCounts {
    /// Listed by the server.
    present: usize,
    /// Waiting to be accepted: new, or changed since.
    waiting: usize,
    /// Withheld from agents.
    withheld: usize,
}

/// What a look at a server found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    /// How many tools the server lists.
    found: u32,
    /// How many were not listed before.
    new: u32,
    /// How many differ from their accepted definition.
    changed: u32,
    /// How many are withheld from agents.
    withheld: u32,
}

/// A server, after it was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refreshed {
    server: ServerOut,
    /// What was found; `null` when nobody looked or nothing answered.
    tools: Option<Found>,
    /// Why nothing was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Creation for Refreshed {
    fn location(&self) -> String {
        format!("/api/v1/servers/{}", self.server.id)
    }

    fn revision(&self) -> Option<i64> {
        Some(self.server.revision)
    }

    fn without_secrets(self) -> Self {
        self
    }
}

impl ServerOut {
    fn of(server: Server, gateway_url: &str, by: &Authorized) -> Self {
        let can = Can::of(
            by,
            [
                ("change", Action::ServersWrite),
                ("delete", Action::ServersWrite),
                ("refresh", Action::ServersWrite),
                ("see_credential", Action::CredentialsRead),
                ("set_credential", Action::CredentialsWrite),
                ("accept_tools", Action::ToolsAccept),
            ],
        );
        Self {
            can,
            gateway_url: format!("{gateway_url}/mcp/{}", server.slug),
            id: server.id.to_string(),
            slug: server.slug,
            name: server.name,
            url: server.url,
            private_targets: server.private_targets,
            on_tool_change: server.on_tool_change.as_str(),
            enabled: server.enabled,
            version: server.version,
            health: server.health,
            probed_at: server.probed_at.map(time::write),
            revision: server.revision,
            created_at: time::write(server.created_at),
            updated_at: time::write(server.updated_at),
            credential: None,
            tools: None,
        }
    }

    fn whole(view: ServerView, gateway_url: &str, by: &Authorized) -> Self {
        let present = view.tools.iter().filter(|tool| tool.present);
        let waits = |tool: &&store::Tool| {
            tool.withheld.is_none()
                && tool.accepted.as_ref().is_none_or(|(_, print)| *print != tool.fingerprint)
        };
        let tools = ToolCounts {
            present: present.clone().count(),
            waiting: present.clone().filter(waits).count(),
            withheld: present.filter(|tool| tool.withheld.is_some()).count(),
        };
        let credential = Some(view.credential.is_some());
        Self { credential, tools: Some(tools), ..Self::of(view.server, gateway_url, by) }
    }
}

/// Answers with the server and its `ETag`.
fn tagged(server: ServerOut) -> Response {
    ([(header::ETAG, etag::write(server.revision))], Json(server)).into_response()
}

/// The servers, by slug.
#[utoipa::path(
    get, path = "/servers", tag = "servers", operation_id = "servers_list", params(PageQuery),
    responses((status = 200, body = List<ServerOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<ServerOut>>, Problem> {
    let by = who.may(Action::ServersRead)?;
    let rows = control.store.servers(by.org()).await?;
    let view = |server| ServerOut::of(server, &control.gateway_url, &by);
    Ok(Json(asked.read::<PageQuery>()?.cut(rows, Order::Up, |s| s.slug.clone(), view)?))
}

/// One server, by id or slug.
#[utoipa::path(
    get, path = "/servers/{id}", tag = "servers", operation_id = "servers_get",
    params(("id" = String, Path, description = "Id or slug")),
    responses((status = 200, body = ServerOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let by = who.may(Action::ServersRead)?;
    let view = find(&control, &by, &id).await?;
    Ok(tagged(ServerOut::whole(view, &control.gateway_url, &by)))
}

/// Whether a new server is looked at.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProbeQuery {
    /// `false`: only register it.
    #[param(value_type = Option<bool>)]
    probe: Option<String>,
}

/// Registers a server and looks at it: the tools found now are accepted with it. When it does not
/// answer it is registered all the same, and `problem` says why.
#[utoipa::path(
    post, path = "/servers", tag = "servers", operation_id = "servers_create",
    params(ProbeQuery, ("Idempotency-Key" = Option<String>, Header)),
    request_body = ServerIn,
    responses((status = 201, body = Refreshed), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::ServersWrite)?;
    let probe = asked.read::<ProbeQuery>()?.wanted()?;
    let (draft, turn) = body.read_once::<ServerIn>(&control, &by).await?;
    turn.answer(register(&control, &by, draft, probe).await?).await
}

/// Changes a server. Needs `If-Match`.
#[utoipa::path(
    put, path = "/servers/{id}", tag = "servers", operation_id = "servers_update",
    params(
        ("id" = String, Path, description = "Id or slug"),
        ("If-Match" = String, Header, description = "The ETag that was read, or `*`"),
    ),
    request_body = ServerChange,
    responses((status = 200, body = ServerOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn update(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::ServersWrite)?;
    let expected = IfMatch::of(&body.headers)?.required()?;
    let server = change(&control, &by, &id, expected, body.read().await?).await?;
    Ok(tagged(ServerOut::of(server, &control.gateway_url, &by)))
}

/// Removes a server that no grant uses.
#[utoipa::path(
    delete, path = "/servers/{id}", tag = "servers", operation_id = "servers_delete",
    params(("id" = String, Path, description = "Id or slug")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn delete(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::ServersWrite)?;
    remove(&control, &by, &id, IfMatch::of(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks at a server: which version it speaks, and which tools it lists. Tools that are new wait
/// to be accepted, unless this is the first look.
#[utoipa::path(
    post, path = "/servers/{id}/refresh", tag = "servers", operation_id = "servers_refresh",
    params(("id" = String, Path, description = "Id or slug")),
    responses((status = 200, body = Refreshed), (status = "4XX", body = ProblemBody), (status = 502, body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn refresh(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<Refreshed>, Problem> {
    let by = who.may(Action::ServersWrite)?;
    body.read_nothing().await?;
    Ok(Json(look(&control, &by, &id).await?))
}

impl ProbeQuery {
    fn wanted(&self) -> Result<bool, Problem> {
        match self.probe.as_deref() {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(Problem::field("probe", "invalid_value", "probe is true or false")),
        }
    }
}

/// The server of that id or slug, in the asker's organisation.
pub(crate) async fn find(
    control: &Control,
    by: &Authorized,
    id: &str,
) -> Result<ServerView, Problem> {
    control.store.server(by.org(), id).await?.ok_or_else(|| Problem::no_such("server"))
}

/// Registers a server; looks at it and accepts what it lists, if asked to.
async fn register(
    control: &Control,
    by: &Authorized,
    given: ServerIn,
    probe: bool,
) -> Result<Refreshed, Problem> {
    let draft = ServerDraft {
        name: given.name.unwrap_or_else(|| given.slug.clone()),
        slug: given.slug,
        url: given.url,
        private_targets: given.private_targets,
        on_tool_change: given.on_tool_change.into(),
        enabled: given.enabled.unwrap_or(true),
    };
    let draft = checked(control, draft).await?;
    let server = control.store.server_create(&by.by(), draft).await?;
    // From here on the server is registered, whatever comes of looking at it.
    let looked = if probe { Some(discover(control, by, &server, true).await) } else { None };
    let (tools, problem) = match looked {
        None => (None, None),
        Some(Ok(found)) => (Some(found), None),
        Some(Err(problem)) => (None, Some(problem.detail().to_owned())),
    };
    let view = find(control, by, server.id.as_str()).await?;
    Ok(Refreshed { server: ServerOut::whole(view, &control.gateway_url, by), tools, problem })
}

async fn look(control: &Control, by: &Authorized, id: &str) -> Result<Refreshed, Problem> {
    let known = find(control, by, id).await?;
    let first = known.server.version.is_none() && known.tools.is_empty();
    // What comes of a look is the upstream's doing; that somebody looked is on record before it.
    let (by_whom, id) = (by.by(), known.server.id.as_str());
    control.store.noted(&by_whom, "server.refreshed", id, vec![]).await?;
    let found = discover(control, by, &known.server, first).await?;
    let view = find(control, by, known.server.id.as_str()).await?;
    let server = ServerOut::whole(view, &control.gateway_url, by);
    Ok(Refreshed { server, tools: Some(found), problem: None })
}

/// Looks at a server. At its first look the tools found are accepted one by one, each on record, but for
/// those that hold text nobody sees: somebody has to look at them.
async fn discover(
    control: &Control,
    by: &Authorized,
    server: &Server,
    first: bool,
) -> Result<Found, Problem> {
    let probe = control.prober.refresh(&server.id).await.map_err(|error| match error {
        ProbeError::Unreachable(reason) => Problem::new(Code::Upstream, reason),
        ProbeError::NoSuchServer => Problem::no_such("server"),
        ProbeError::Store(error) => error.into(),
    })?;
    if first {
        let tools = find(control, by, server.id.as_str()).await?.tools;
        let plain = |tool: &&Tool| {
            tool.present && tool.withheld.is_none() && !holds_hidden_text(&tool.definition)
        };
        for tool in tools.iter().filter(plain) {
            let (name, print) = (&tool.name, &tool.fingerprint);
            control.store.tool_accept(&by.by(), &server.id, name, print).await?;
        }
    }
    Ok(Found {
        found: probe.found,
        new: probe.new,
        changed: probe.changed,
        withheld: probe.withheld,
    })
}

async fn change(
    control: &Control,
    by: &Authorized,
    id: &str,
    expected: Option<i64>,
    given: ServerChange,
) -> Result<Server, Problem> {
    let now = find(control, by, id).await?.server;
    // What is not given is taken from this reading, so the write must find the same revision.
    let expected = expected.unwrap_or(now.revision);
    IfMatch::Revision(expected).check("server", now.revision)?;
    let moved = given.url.is_some() || given.private_targets.is_some();
    let draft = ServerDraft {
        slug: given.slug.unwrap_or(now.slug),
        name: given.name.unwrap_or(now.name),
        url: given.url.unwrap_or(now.url),
        private_targets: given.private_targets.unwrap_or(now.private_targets),
        on_tool_change: given.on_tool_change.map_or(now.on_tool_change, Into::into),
        enabled: given.enabled.unwrap_or(now.enabled),
    };
    // An address that stays is not asked for again: its name may not resolve just now.
    let draft = if moved { checked(control, draft).await? } else { draft };
    let _one_at_a_time = control.inner.changes.lock().await;
    Ok(control.store.server_update(&by.by(), &now.id, Some(expected), draft).await?)
}

async fn remove(
    control: &Control,
    by: &Authorized,
    id: &str,
    expected: IfMatch,
) -> Result<(), Problem> {
    let _one_at_a_time = control.inner.changes.lock().await;
    let now = find(control, by, id).await?.server;
    expected.check("server", now.revision)?;
    Ok(control.store.server_delete(&by.by(), &now.id).await?)
}

/// The draft as it is kept, once its address is in order. Names are the store's to judge.
async fn checked(control: &Control, draft: ServerDraft) -> Result<ServerDraft, Problem> {
    let (url, private_targets) =
        server_url::read(&draft.url, &draft.private_targets).map_err(Problem::invalid)?;
    if let Err(refusal) = control.prober.check_url(&url, &private_targets).await {
        return Err(Problem::field("/url", "url_refused", refusal));
    }
    Ok(ServerDraft { url, private_targets, ..draft })
}
