//! Lists: what a grant may see of an upstream. A list is filtered by its shape on every road it can
//! come by; one that cannot be read is not passed.

use std::collections::HashSet;
use std::sync::Arc;

use mcp::call::Target;
use mcp::lists::ListKind;
use mcp::message::Request;
use mcp::{Era, Malformed};
use policy::{Access, Visibility};
use vault::OsRandom;

use crate::agent::Agent;
use crate::authenticate::Caller;
use crate::forward::{self, Outbound};
use crate::record::{self, Line};
use crate::refusal::Refusal;
use crate::road::{Asked, Gateway};
use crate::{digest, discovery, inject};

/// Carries the request for a page of a list.
pub(crate) async fn page(
    gateway: Arc<Gateway>,
    asked: Asked,
    mut request: Request,
    line: Line,
    agent: Agent,
) {
    match prepare(&gateway, &asked, &mut request, &line).await {
        Ok(outbound) => {
            // Nothing of a list is counted or kept, so there is nothing to settle.
            let end = forward::once(&gateway, &asked, outbound, agent).await;
            record::answer_not_passed(&gateway, line, end).await;
        }
        Err(refusal) => record::answer_refused(&gateway, &asked, line, refusal, agent).await,
    }
}

async fn prepare(
    gateway: &Arc<Gateway>,
    asked: &Asked,
    request: &mut Request,
    line: &Line,
) -> Result<Option<Outbound>, Refusal> {
    if let Target::Page { cursor: Some(cursor) } = mcp::call::target(request, asked.era)? {
        let opened = open_cursor(gateway, &asked.caller, &cursor).ok_or_else(|| {
            let text = "`cursor` is not one this server handed out";
            Malformed::new(mcp::malformed::INVALID_PARAMS, "cursor", text)
        })?;
        if let Some(params) = &mut request.params {
            params.insert("cursor", opened);
        }
    }
    let injected = inject::for_caller(gateway, &asked.caller).await?;
    Ok(Outbound::plain(gateway, asked, request.clone(), injected, None, line))
}

/// A result with its lists cut down to what the caller may see.
///
/// - **Errors**: the reason it is not passed at all.
pub(crate) fn filtered(
    gateway: &Gateway,
    caller: &Caller,
    era: Era,
    kinds: &[ListKind],
    result: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let changed = match kinds.contains(&ListKind::Tools) {
        true => changed_tools(caller, result)?,
        false => Changed::default(),
    };
    let keep = |kind, name: &str| {
        let spoilt = kind == ListKind::Tools && changed.spoilt.contains(name);
        !spoilt && visible(caller, kind, name)
    };
    let cursor = |cursor: &str| seal_cursor(gateway, caller, cursor);
    let kept =
        mcp::lists::filter_all(kinds, result, era, keep, cursor).map_err(|bad| bad.reason)?;
    if changed.any {
        discovery::refresh_soon(gateway, &caller.attached.server.id);
    }
    Ok(kept)
}

/// How a list of tools differs from what is known of the server.
#[derive(Default)]
struct Changed {
    any: bool,
    /// Tools that may not be shown as they now are: listed twice, unsafe, or changed where the
    /// operator wants changed tools hidden.
    spoilt: HashSet<String>,
}

fn changed_tools(caller: &Caller, result: &[u8]) -> Result<Changed, &'static str> {
    let page = mcp::tools::read_list(result).map_err(|bad| bad.reason)?;
    let known = &caller.attached.server.tools;
    let mut changed = Changed::default();
    for withheld in page.withheld {
        let Some(name) = withheld.name else { continue };
        changed.any |= !known.get(&name).is_some_and(|tool| tool.withheld);
        changed.spoilt.insert(name);
    }
    for definition in page.definitions {
        let print = digest::hex(&definition.canonical);
        match known.get(&definition.name) {
            Some(tool) if *tool.latest == *print => {}
            Some(tool) if tool.hide_when_changed => {
                changed.any = true;
                changed.spoilt.insert(definition.name);
            }
            _ => changed.any = true,
        }
    }
    Ok(changed)
}

/// Whether the caller may see an entry of a list. What is not known is not shown.
pub(crate) fn visible(caller: &Caller, kind: ListKind, name: &str) -> bool {
    let policy = caller.attached.policy.as_ref().and_then(|p| p.program.as_ref());
    let Some(policy) = policy else { return false };
    match kind {
        ListKind::Tools => caller.attached.server.tools.get(name).is_some_and(|tool| {
            !tool.withheld
                && !tool.hidden
                && policy.tool_visibility(name, &tool.definition) == Visibility::Listed
        }),
        // A template stands for many addresses: it is shown when its own text passes the patterns.
        ListKind::Resources | ListKind::Templates => !matches!(policy.resource(name), Access::Hide),
        ListKind::Prompts => !matches!(policy.prompt(name), Access::Hide),
    }
}

/// Whether an upstream's instructions name a tool that the caller may not see. Then they are not for
/// this caller.
pub(crate) fn names_hidden(caller: &Caller, result: &[u8]) -> bool {
    let Ok(result) = json::read(result, json::Limits::ANSWER) else { return true };
    let Some(text) = result.get("instructions").and_then(json::Value::as_str) else { return false };
    let tools = &caller.attached.server.tools;
    let hidden = |name: &str| tools.contains_key(name) && !visible(caller, ListKind::Tools, name);
    let of_names = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    text.split(|c| !of_names(c)).any(|word| {
        let mut parts = word.split(['.', '/']);
        hidden(word.trim_matches(['.', '/'])) || parts.any(hidden)
    })
}

fn seal_cursor(gateway: &Gateway, caller: &Caller, cursor: &str) -> Option<String> {
    gateway.state_key.seal_state(&context(caller), cursor.as_bytes(), &OsRandom).ok()
}

fn open_cursor(gateway: &Gateway, caller: &Caller, cursor: &str) -> Option<String> {
    String::from_utf8(gateway.state_key.open_state(&context(caller), cursor)?).ok()
}

fn context(caller: &Caller) -> [&[u8]; 3] {
    let (grant, server) = (&caller.grant.id, &caller.attached.server.id);
    [b"cursor", grant.as_str().as_bytes(), server.as_str().as_bytes()]
}
