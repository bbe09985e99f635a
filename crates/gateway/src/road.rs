//! The gateway itself: what it holds, and where a request goes once it is known whose it is.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use http::Request;
use http::request::Parts;
use hyper::body::Incoming;
use mcp::{Era, Id, Message, Version};
use store::{Clock, DataPlane, Moment};
use vault::{Keyring, Pepper, StateKey};

use crate::agent::{Agent, Reply};
use crate::authenticate::{self, Caller};
use crate::beside::Beside;
use crate::chains::Chains;
use crate::config::Config;
use crate::holds::Holds;
use crate::notices::Notices;
use crate::observe::Observer;
use crate::receive::{self, Verb};
use crate::record::{self, Floods, Ids};
use crate::refusal::{Refusal, Rejected};
use crate::requests::Requests;
use crate::ride::Ride;
use crate::session::Session;
use crate::snapshot::{NoView, Snapshot, Snapshots, WayOut};
use crate::strangers::Strangers;
use crate::tokens::Tokens;
use crate::trace::Trace;
use crate::{discovery, legacy, lists, modern, parse, reads, tool_call};

/// The data plane of one process.
pub struct Gateway {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn DataPlane>,
    pub(crate) pepper: Pepper,
    pub(crate) state_key: StateKey,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) notices: Notices,
    pub(crate) strangers: Strangers,
    pub(crate) floods: Floods,
    pub(crate) ids: Ids,
    pub(crate) chains: Chains,
    pub(crate) holds: Holds,
    pub(crate) requests: Requests,
    pub(crate) refreshes: discovery::Refreshes,
    pub(crate) beside: Beside,
    pub(crate) tokens: Tokens,
    pub(crate) observer: OnceLock<Arc<dyn Observer>>,
    snapshots: Snapshots,
    me: Weak<Gateway>,
}

/// When a request came in: by the calendar, and for measuring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) at: Moment,
    pub(crate) started: Instant,
}

/// A request of a valid grant, read and placed in its era.
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) era: Era,
    pub(crate) version: Version,
    pub(crate) session: Option<Session>,
    pub(crate) id: Id,
    pub(crate) arrived: Arrived,
}

impl Gateway {
    /// A gateway over this store. Of the key ring it takes what hangs from the base key and never
    /// changes; the keys that open credentials come with each view.
    pub fn new(
        config: Config,
        store: Arc<dyn DataPlane>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            snapshots: Snapshots::new(
                WayOut { connect: config.timeouts.connect, names: config.names.clone() },
                config.captures,
            ),
            config,
            store,
            pepper: keyring.pepper(store::PEPPER_VERSION),
            state_key: keyring.state_key(),
            clock,
            notices: Notices::default(),
            strangers: Strangers::default(),
            floods: Floods::default(),
            ids: Ids::default(),
            chains: Chains::default(),
            holds: Holds::default(),
            requests: Requests::default(),
            refreshes: discovery::Refreshes::default(),
            beside: Beside::default(),
            tokens: Tokens::default(),
            observer: OnceLock::new(),
        })
    }

    /// The gateway, to be handed to a task of its own.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// The view in force now.
    pub(crate) async fn view(&self) -> Result<Arc<Snapshot>, NoView> {
        let snapshot = self.snapshots.now(self.store.as_ref()).await?;
        self.notices.tell(snapshot.generation);
        Ok(snapshot)
    }

    /// Answers one HTTP request.
    pub(crate) async fn handle(
        self: &Arc<Self>,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Reply {
        let arrived = Arrived { at: self.clock.now(), started: Instant::now() };
        let (parts, body) = request.into_parts();
        match self.enter(peer, parts, body, arrived).await {
            Ok(reply) => reply,
            Err(rejected) => rejected.reply(),
        }
    }

    async fn enter(
        self: &Arc<Self>,
        peer: IpAddr,
        parts: Parts,
        body: Incoming,
        arrived: Arrived,
    ) -> Result<Reply, Rejected> {
        let outside = receive::outside(&parts, &self.config);
        let server = match outside {
            Ok((_, server)) => server,
            Err(rejected) => receive::server_of(parts.uri.path()).ok_or(rejected)?,
        };
        let view = self.view().await.map_err(|NoView| Rejected::Unavailable)?;
        let caller = authenticate::grant(self, &view, &parts.headers, server, peer, arrived.at);
        // A request whose outside is wrong is refused as such, whoever sent it; if a grant stands
        // behind it, that grant's log says so.
        let (verb, caller) = match (outside, caller) {
            (Ok((verb, _)), Ok(caller)) => (verb, caller),
            (Err(rejected), Ok(caller)) => return self.reject(&caller, arrived, rejected).await,
            (Err(rejected), Err(_)) | (Ok(_), Err(rejected)) => return Err(rejected),
        };
        match verb {
            Verb::Get => Ok(legacy::open_stream(self, caller, &parts, arrived).await),
            Verb::Delete => Ok(legacy::end_session(self, caller, &parts, arrived).await),
            Verb::Post => match receive::body(&parts, body, &self.config).await {
                Ok(body) => Ok(self.post(caller, parts, &body, arrived).await),
                Err(rejected) => self.reject(&caller, arrived, rejected).await,
            },
        }
    }

    async fn reject(
        &self,
        caller: &Caller,
        arrived: Arrived,
        rejected: Rejected,
    ) -> Result<Reply, Rejected> {
        let line = record::Line::of(self, caller, arrived, 0);
        record::refused(self, line, rejected.reason()).await.map_err(|_| Rejected::Unavailable)?;
        Err(rejected)
    }

    /// Answers one message of a valid grant.
    async fn post(
        self: &Arc<Self>,
        caller: Caller,
        parts: Parts,
        body: &[u8],
        arrived: Arrived,
    ) -> Reply {
        let mut line = record::Line::of(self, &caller, arrived, body.len() as u64);
        let read = parse::message(self, &caller, &parts, body);
        let (message, place) = match read {
            Ok(read) => read,
            Err(unread) => {
                let (refusal, id, era) = *unread;
                return match record::refused(self, line, refusal.reason()).await {
                    Ok(()) => refusal.reply(id.as_ref(), era),
                    Err(unavailable) => unavailable.reply(id.as_ref(), era),
                };
            }
        };
        line.version(place.version);
        let request = match message {
            Message::Request(request) => request,
            Message::Notification(notification) => {
                return legacy::notification(self, &caller, &place, notification, line).await;
            }
            Message::Response(response) => {
                return legacy::response(self, &caller, &place, response, line).await;
            }
        };
        let meta = request.params.as_ref().and_then(|params| params.get("_meta"));
        let meta = meta.and_then(json::Value::as_object);
        line.trace = Trace::of(&parts.headers, meta, self.is_traced()).map(Box::new);
        let asked = Asked {
            caller,
            era: place.version.era(),
            version: place.version,
            session: place.session,
            id: request.id.clone(),
            arrived,
        };
        let (agent, waiting) = Agent::new();
        let (era, id) = (asked.era, asked.id.clone());
        let call = Box::pin(dispatch(self.clone(), asked, request, parts, line, agent));
        match Ride::new(call, waiting).await {
            Some(reply) => reply,
            None => Refusal::Unavailable.reply(Some(&id), era),
        }
    }
}

/// Sends a request down the road of its method. A method nobody knows goes nowhere.
async fn dispatch(
    gateway: Arc<Gateway>,
    asked: Asked,
    request: mcp::message::Request,
    parts: Parts,
    mut line: record::Line,
    agent: Agent,
) {
    use mcp::method::Kind;
    line.method(&request.method);
    if !request.method.known_in(asked.era) {
        return record::answer_refused(&gateway, &asked, line, Refusal::UnknownMethod, agent).await;
    }
    if !asked.caller.attached.server.enabled {
        return record::answer_refused(&gateway, &asked, line, Refusal::ServerDisabled, agent)
            .await;
    }
    if let Some(refusal) = modern::other_era(&asked) {
        return record::answer_refused(&gateway, &asked, line, refusal, agent).await;
    }
    // Boxed: what is not a call would otherwise make the future of every call as large as itself.
    match request.method.kind() {
        Kind::ToolsCall => tool_call::carry(gateway, asked, request, parts, line, agent).await,
        Kind::ToolsList => Box::pin(lists::page(gateway, asked, request, line, agent)).await,
        Kind::Resources | Kind::Prompts | Kind::Complete => {
            Box::pin(reads::carry(gateway, asked, request, line, agent)).await;
        }
        Kind::Lifecycle | Kind::Logging => {
            Box::pin(legacy::lifecycle(gateway, asked, request, line, agent)).await;
        }
        Kind::Subscriptions => {
            Box::pin(modern::listen(gateway, asked, request, line, agent)).await;
        }
        Kind::Tasks | Kind::ClientRequest | Kind::Notification | Kind::Unknown => {
            record::answer_refused(&gateway, &asked, line, Refusal::UnknownMethod, agent).await;
        }
    }
}
