//! Tools as upstreams define them: what was accepted, what changed since.

use axum::Json;
use axum::extract::State;
use mcp::tools::ToolDefinition;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Tool, ToolAmounts};
use utoipa::ToSchema;

use crate::amounts::{self, ToolAmountsOut};
use crate::body::{Asked, Unread};
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery};
use crate::problem::{Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, servers, time};

/// A tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolOut {
    name: String,
    /// `accepted`, `new` (never accepted), `changed` (since it was accepted), `withheld`, or
    /// `gone` (no longer listed).
    state: &'static str,
    /// Why agents do not see it, if they do not.
    withheld: Option<String>,
    /// SHA-256 of the definition as it is now.
    fingerprint: String,
    /// SHA-256 of the accepted definition.
    accepted_fingerprint: Option<String>,
    first_seen_at: String,
    changed_at: String,
    /// Whether the server still lists it.
    present: bool,
    /// Whether its definition holds text that a person does not see.
    hidden_text: bool,
}

/// A tool with its definitions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolWhole {
    #[serde(flatten)]
    tool: ToolOut,
    /// The definition as the server gives it now.
    #[schema(value_type = Object)]
    definition: Option<Box<RawValue>>,
    /// The same for people: characters that nobody sees stand as `\u{…}` in every text and name.
    #[schema(value_type = Object)]
    shown: Option<Box<RawValue>>,
    /// The definition that was accepted.
    #[schema(value_type = Option<Object>)]
    accepted: Option<Box<RawValue>>,
    /// What differs between the two; empty when nothing does.
    difference: Vec<Change>,
    /// Which arguments an admin has declared to be amounts in minor units.
    amounts: Option<ToolAmountsOut>,
}

/// One place where two definitions of a tool differ.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Change {
    /// The place in the definition, as a JSON Pointer.
    pointer: String,
    /// What stood there, as JSON, shortened and with invisible characters escaped.
    before: Option<String>,
    /// What stands there now, likewise.
    after: Option<String>,
    /// The same as a sentence.
    text: String,
}

/// Which definition is accepted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptIn {
    /// The fingerprint of the definition that was looked at. It is accepted only if it is still
    /// the present one.
    fingerprint: String,
}

impl ToolOut {
    fn of(tool: &Tool) -> Self {
        let accepted = tool.accepted.as_ref().map(|(_, print)| print.as_ref());
        let state = match accepted {
            _ if !tool.present => "gone",
            _ if tool.withheld.is_some() => "withheld",
            None => "new",
            Some(print) if *print == *tool.fingerprint => "accepted",
            Some(_) => "changed",
        };
        Self {
            name: tool.name.clone(),
            state,
            withheld: tool.withheld.clone(),
            fingerprint: tool.fingerprint.to_string(),
            accepted_fingerprint: accepted.map(str::to_owned),
            first_seen_at: time::write(tool.first_seen_at),
            changed_at: time::write(tool.changed_at),
            present: tool.present,
            hidden_text: holds_hidden_text(&tool.definition),
        }
    }
}

impl ToolWhole {
    fn of(tool: &Tool, declared: Option<&ToolAmounts>) -> Self {
        let accepted = tool.accepted.as_ref().map(|(text, _)| text);
        // Both texts were read as JSON when they were kept.
        let changes = accepted.and_then(|old| mcp::tools::difference(old, &tool.definition).ok());
        let change = |change: mcp::tools::Change| Change {
            text: change.to_string(),
            pointer: change.pointer,
            before: change.before,
            after: change.after,
        };
        Self {
            tool: ToolOut::of(tool),
            definition: raw(&tool.definition),
            shown: mcp::tools::visible_definition(&tool.definition).and_then(|text| raw(&text)),
            accepted: accepted.and_then(|text| raw(text)),
            difference: changes.unwrap_or_default().into_iter().map(change).collect(),
            amounts: declared.map(|declared| ToolAmountsOut::of(tool, declared)),
        }
    }
}

/// The tools of a server, by name.
#[utoipa::path(
    get, path = "/servers/{id}/tools", tag = "servers", operation_id = "tools_list",
    params(("id" = String, Path, description = "Id or slug of the server"), PageQuery),
    responses((status = 200, body = List<ToolOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<List<ToolOut>>, Problem> {
    let by = who.may(Action::ServersRead)?;
    let tools = servers::find(&control, &by, &id).await?.tools;
    let query = asked.read::<PageQuery>()?;
    Ok(Json(query.cut(tools, Order::Up, |t| t.name.clone(), |t| ToolOut::of(&t))?))
}

/// One tool, with its definitions and what differs between them.
#[utoipa::path(
    get, path = "/servers/{id}/tools/{tool}", tag = "servers", operation_id = "tools_get",
    params(
        ("id" = String, Path, description = "Id or slug of the server"),
        ("tool" = String, Path, description = "Name of the tool"),
    ),
    responses((status = 200, body = ToolWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At((id, tool)): At<(String, String)>,
) -> Result<Json<ToolWhole>, Problem> {
    let by = who.may(Action::ServersRead)?;
    let view = servers::find(&control, &by, &id).await?;
    let found = view.tools.iter().find(|t| t.name == tool);
    let found = found.ok_or_else(|| Problem::no_such("tool"))?;
    let declared = amounts::declared(&control, &by, &view.server.id, &tool).await?;
    Ok(Json(ToolWhole::of(found, declared.as_ref())))
}

/// Accepts the present definition of a tool, if it still is the one that was looked at.
#[utoipa::path(
    post, path = "/servers/{id}/tools/{tool}/accept", tag = "servers",
    operation_id = "tools_accept",
    params(
        ("id" = String, Path, description = "Id or slug of the server"),
        ("tool" = String, Path, description = "Name of the tool"),
    ),
    request_body = AcceptIn,
    responses((status = 200, body = ToolOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn accept(
    State(control): State<Control>,
    who: Operator,
    At((id, tool)): At<(String, String)>,
    body: Unread,
) -> Result<Json<ToolOut>, Problem> {
    let by = who.may(Action::ToolsAccept)?;
    let accepted = approve(&control, &by, &id, &tool, body.read().await?).await?;
    Ok(Json(ToolOut::of(&accepted)))
}

async fn approve(
    control: &Control,
    by: &Authorized,
    id: &str,
    tool: &str,
    given: AcceptIn,
) -> Result<Tool, Problem> {
    let server = servers::find(control, by, id).await?.server;
    Ok(control.store.tool_accept(&by.by(), &server.id, tool, &given.fingerprint).await?)
}

/// Whether a definition holds text that a person does not see.
pub(crate) fn holds_hidden_text(definition: &[u8]) -> bool {
    ToolDefinition::read(definition).is_ok_and(|read| read.hidden_text)
}

/// Stored JSON text as a member of an answer.
pub(crate) fn raw(text: &[u8]) -> Option<Box<RawValue>> {
    RawValue::from_string(std::str::from_utf8(text).ok()?.to_owned()).ok()
}
