//! Discovery: what an upstream speaks and which tools it has. Their definitions are pinned by a
//! fingerprint; what changes later waits for a person.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use json::{Object, Value};
use mcp::lists::ListKind;
use mcp::message::Request;
use mcp::tools::{self, Page};
use mcp::{Era, Id, Method, Version};
use store::{FoundTool, ServerId};

use crate::authenticate::Caller;
use crate::digest;
use crate::exchange::{self, Collected};
use crate::forward::base_headers;
use crate::receive::MCP_SESSION_ID;
use crate::refusal::Refusal;
use crate::road::Gateway;
use crate::session::Session;
use crate::snapshot::ServerEntry;
use crate::{lists, tool_call};

/// Whose account is used where nobody's call is carried: the one that operators connect for all.
const OPERATORS: &str = "";
/// An unknown name makes us look again, but no more often than this.
const REFRESH_EVERY: Duration = Duration::from_secs(5);
/// A call of an unknown name waits for the list no longer than this.
const REFRESH_TAKES: Duration = Duration::from_secs(5);
/// Pages of a list that are read.
const PAGES_MAX: usize = 100;

/// What a probe found.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The versions the upstream speaks, newest first, as their names.
    pub versions: Vec<&'static str>,
    /// How many tools it lists.
    pub tools: usize,
    /// Tools that are withheld from agents, each with the reason.
    pub withheld: Vec<(String, &'static str)>,
}

/// Why a probe found nothing. The message is for an operator; it holds no answer of the upstream.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is no such server, or its address is refused.
    #[error("there is no such server, or its address may not be dialled")]
    NoServer,
    /// Nothing answers there.
    #[error("nothing answers at the server's address")]
    NotReached,
    /// It wants a credential, or another one.
    #[error("the server refuses the credential (or wants one)")]
    Unauthorized,
    /// The authorization server gives out no token for it. The word is one of RFC 6749, or ours.
    #[error("the server's authorization server gives out no token (`{0}`)")]
    NoToken(&'static str),
    /// No account is connected that lists the tools, or it must be connected again.
    #[error("no account is connected at the server for looking at it: connect one")]
    NotConnected,
    /// The credential does not open.
    #[error("the server's credential cannot be opened")]
    Sealed,
    /// What answers does not speak MCP.
    #[error("what answers there does not speak MCP in a version known here ({0})")]
    NotMcp(&'static str),
    /// The store gave no answer.
    #[error("what was found could not be stored")]
    Store,
}

/// When each server was last asked for its tools because of an unknown name or a changed list.
#[derive(Default)]
pub(crate) struct Refreshes {
    last: Mutex<HashMap<ServerId, Instant>>,
    /// Servers that will be asked as soon as they may be.
    waiting: Mutex<HashSet<ServerId>>,
}

impl Refreshes {
    fn due(&self, server: &ServerId) -> bool {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        let due = last.get(server).is_none_or(|then| now.duration_since(*then) >= REFRESH_EVERY);
        if due {
            last.insert(server.clone(), now);
        }
        due
    }

    /// How long until the server may be asked again; `None` if that is being waited for already.
    fn wait(&self, server: &ServerId) -> Option<Duration> {
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !waiting.insert(server.clone()) {
            return None;
        }
        let last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Some(
            last.get(server)
                .map_or(Duration::ZERO, |then| REFRESH_EVERY.saturating_sub(then.elapsed())),
        )
    }

    /// The wait is over: the server is asked now.
    fn begin(&self, server: &ServerId) {
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        waiting.remove(server);
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        last.insert(server.clone(), Instant::now());
    }
}

/// Makes sure that a tool nobody knows is really not there: the list is read again, at most once in
/// a while. The upstream is never asked to run it.
///
/// A tool that is hidden from the caller is looked for in the same way, so that the time of the
/// answer does not tell it from one that never was.
pub(crate) async fn know_tool(
    gateway: &Arc<Gateway>,
    caller: &mut Caller,
    name: &str,
) -> Result<(), Refusal> {
    let server = &caller.attached.server;
    let known = lists::visible(caller, ListKind::Tools, name);
    if known || !gateway.refreshes.due(&server.id) {
        return Ok(());
    }
    let id = server.id.clone();
    match tokio::time::timeout(REFRESH_TAKES, gateway.probe(&id)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(server = %id, %error, "the list of tools could not be read again");
        }
        Err(_) => tracing::warn!(server = %id, "the list of tools did not come in time"),
    }
    tool_call::renew(gateway, caller).await
}

/// Reads the list again in the background, as soon as that is due: a page named tools that are not
/// known yet or defines them otherwise, or the upstream said that its list has changed.
pub(crate) fn refresh_soon(gateway: &Gateway, server: &ServerId) {
    let Some(gateway) = gateway.shared() else { return };
    let Some(wait) = gateway.refreshes.wait(server) else { return };
    let server = server.clone();
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        gateway.refreshes.begin(&server);
        if let Err(error) = gateway.probe(&server).await {
            tracing::warn!(%server, %error, "the list of tools could not be read again");
        }
    });
}

impl Gateway {
    /// Asks an upstream what it speaks and which tools it has, and keeps what it says.
    ///
    /// - **Errors**: one sentence for the operator; the server's health is kept as that sentence.
    pub async fn probe(&self, server: &ServerId) -> Result<Probed, ProbeError> {
        let view = self.view().await.map_err(|_| ProbeError::Store)?;
        let entry = view.servers.get(server).cloned().ok_or(ProbeError::NoServer)?;
        let found = self.look(&entry).await;
        let at = self.clock.now();
        match found {
            Ok((versions, page)) => {
                let names: Vec<&str> = versions.iter().map(|v| v.as_str()).collect();
                let tools = found_tools(&page);
                let probed = Probed {
                    versions: versions.iter().map(|v| v.as_str()).collect(),
                    tools: tools.len(),
                    withheld: page
                        .withheld
                        .iter()
                        .map(|w| (w.name.clone().unwrap_or_default(), w.why))
                        .collect(),
                };
                let accept_new = entry.tools.is_empty();
                self.store
                    .server_found(
                        server,
                        Some(names.join(" ")),
                        "ok".into(),
                        Some(tools),
                        accept_new,
                        at,
                    )
                    .await
                    .map_err(|_| ProbeError::Store)?;
                Ok(probed)
            }
            Err(error) => {
                let kept =
                    self.store.server_found(server, None, error.to_string(), None, false, at);
                kept.await.map_err(|_| ProbeError::Store)?;
                Err(error)
            }
        }
    }

    async fn look(&self, server: &ServerEntry) -> Result<(Vec<Version>, Page), ProbeError> {
        if server.client.is_none() {
            return Err(ProbeError::NoServer);
        }
        let modern = self.look_modern(server).await;
        let legacy = self.look_legacy(server).await;
        match (modern, legacy) {
            (Ok((mut versions, page)), Ok((older, _))) => {
                versions.extend(older);
                Ok((versions, page))
            }
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
            // The legacy attempt tells more: everything speaks some of it.
            (Err(_), Err(error)) => Err(error),
        }
    }

    async fn look_modern(&self, server: &ServerEntry) -> Result<(Vec<Version>, Page), ProbeError> {
        let version = Version::V2026_07_28;
        let discovered = self.ask_modern(server, Method::Discover, None, version).await?;
        let result = discovered.result().ok_or(ProbeError::NotMcp("no_discover"))?;
        let introduction = mcp::capabilities::discover_answer(result, true)
            .map_err(|bad| ProbeError::NotMcp(bad.reason))?;
        if !introduction.versions.contains(&version) {
            return Err(ProbeError::NotMcp("unsupported_version"));
        }
        let mut page = Page::default();
        if introduction.offers.tools {
            let mut cursor = None;
            for _ in 0..PAGES_MAX {
                let listed = self.ask_modern(server, Method::ToolsList, cursor, version).await?;
                cursor = append(&mut page, &listed)?;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok((vec![version], page))
    }

    async fn ask_modern(
        &self,
        server: &ServerEntry,
        method: Method,
        cursor: Option<String>,
        version: Version,
    ) -> Result<Collected, ProbeError> {
        let mut meta = Object::new();
        meta.insert(mcp::meta::PROTOCOL_VERSION, version.as_str());
        meta.insert(mcp::meta::CLIENT_CAPABILITIES, Value::Object(Object::new()));
        meta.insert(mcp::meta::CLIENT_INFO, Value::Object(client_info()));
        let mut params = Object::new();
        if let Some(cursor) = cursor {
            params.insert("cursor", cursor);
        }
        params.insert("_meta", Value::Object(meta));
        let id = Id::from("countersign");
        let request = Request { id: id.clone(), method, params: Some(params) };
        let mut headers = base_headers(Era::Modern, version.as_str(), None);
        crate::forward::append(&mut headers, mcp::headers::upstream_headers(version, &request));
        exchange::ask(self, server, OPERATORS, request.to_bytes(), headers, &id)
            .await
            .map_err(probe_error)
    }

    async fn look_legacy(&self, server: &ServerEntry) -> Result<(Vec<Version>, Page), ProbeError> {
        let newest = Version::V2025_11_25;
        let mut params = Object::new();
        params.insert("protocolVersion", newest.as_str());
        params.insert("capabilities", Value::Object(Object::new()));
        params.insert("clientInfo", Value::Object(client_info()));
        let opened = self.ask_legacy(server, Method::Initialize, Some(params), None).await?;
        let result = opened.result().ok_or(ProbeError::NotMcp("no_initialize"))?;
        let introduction = mcp::capabilities::initialize_answer(result, true)
            .map_err(|bad| ProbeError::NotMcp(bad.reason))?;
        let version = introduction.versions.first().copied().unwrap_or(newest);
        let upstream = opened.headers.get(MCP_SESSION_ID).and_then(|id| id.to_str().ok());
        let session = Session::new(version, upstream.unwrap_or_default())
            .ok_or(ProbeError::NotMcp("session_id"))?;
        let listed = self.list_legacy(server, &session, introduction.offers.tools).await;
        self.leave(server, &session).await;
        Ok((vec![version], listed?))
    }

    async fn list_legacy(
        &self,
        server: &ServerEntry,
        session: &Session,
        offers_tools: bool,
    ) -> Result<Page, ProbeError> {
        let headers = base_headers(Era::Legacy, session.version.as_str(), Some(session));
        let initialized = mcp::reply::notification(Method::Initialized, None);
        exchange::send(self, server, OPERATORS, http::Method::POST, initialized, headers)
            .await
            .map_err(probe_error)?;
        let mut page = Page::default();
        let mut cursor: Option<String> = None;
        for _ in 0..if offers_tools { PAGES_MAX } else { 0 } {
            let params = cursor.take().map(|cursor| {
                let mut params = Object::new();
                params.insert("cursor", cursor);
                params
            });
            let listed = self.ask_legacy(server, Method::ToolsList, params, Some(session)).await?;
            cursor = append(&mut page, &listed)?;
            if cursor.is_none() {
                break;
            }
        }
        Ok(page)
    }

    async fn ask_legacy(
        &self,
        server: &ServerEntry,
        method: Method,
        params: Option<Object>,
        session: Option<&Session>,
    ) -> Result<Collected, ProbeError> {
        let id = Id::from("countersign");
        let request = Request { id: id.clone(), method, params };
        let version = session.map_or(Version::V2025_11_25, |session| session.version);
        let headers = base_headers(Era::Legacy, version.as_str(), session);
        exchange::ask(self, server, OPERATORS, request.to_bytes(), headers, &id)
            .await
            .map_err(probe_error)
    }

    /// Ends the session of a probe, so that upstreams do not gather them.
    async fn leave(&self, server: &ServerEntry, session: &Session) {
        if !session.upstream.is_empty() {
            let headers = base_headers(Era::Legacy, session.version.as_str(), Some(session));
            let left =
                exchange::send(self, server, OPERATORS, http::Method::DELETE, Vec::new(), headers)
                    .await;
            if left.is_err() {
                tracing::debug!(server = %server.id, "a probe's session was not ended");
            }
        }
    }
}

fn append(page: &mut Page, listed: &Collected) -> Result<Option<String>, ProbeError> {
    let result = listed.result().ok_or(ProbeError::NotMcp("no_list"))?;
    let mut next = tools::read_list(result).map_err(|bad| ProbeError::NotMcp(bad.reason))?;
    let cursor = next.next_cursor.take();
    page.append(next);
    Ok(cursor)
}

fn found_tools(page: &Page) -> Vec<FoundTool> {
    let usable = page.definitions.iter().map(|definition| FoundTool {
        name: definition.name.clone(),
        definition: definition.raw.clone(),
        fingerprint: digest::hex(&definition.canonical),
        withheld: None,
        hidden_text: definition.hidden_text,
    });
    let withheld = page.withheld.iter().filter_map(|withheld| {
        let name = withheld.name.clone()?;
        let definition = br#"{}"#.to_vec();
        let fingerprint = digest::hex(name.as_bytes());
        let withheld = Some(withheld.why.into());
        Some(FoundTool { name, definition, fingerprint, withheld, hidden_text: false })
    });
    usable.chain(withheld).collect()
}

fn client_info() -> Object {
    let mut info = Object::new();
    info.insert("name", "countersign");
    info.insert("version", env!("CARGO_PKG_VERSION"));
    info
}

fn probe_error(refusal: Refusal) -> ProbeError {
    match refusal {
        Refusal::NotReached | Refusal::OutcomeUnknown => ProbeError::NotReached,
        Refusal::UpstreamAuth => ProbeError::Unauthorized,
        Refusal::NoToken(why) => ProbeError::NoToken(why),
        Refusal::Sealed => ProbeError::Sealed,
        Refusal::Connect(_) => ProbeError::NotConnected,
        other => ProbeError::NotMcp(other.reason()),
    }
}
