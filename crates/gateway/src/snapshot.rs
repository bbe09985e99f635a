//! The snapshot: everything a call is judged by, compiled once per change, never changed while a
//! call uses it. Reading it takes no I/O and no lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use dial::{Guard, HttpClient, Names};
use http::Uri;
use mcp::{Era, Version};
use policy::GrantFacts;
use store::{
    DataPlane, GrantId, GrantState, Moment, OnToolChange, OrgId, PolicyId, ServerId, View,
};
use vault::{Keyring, TokenId};

use crate::beside::Candidate;
use crate::flights::Flights;
use crate::inject::Sealed;
use crate::recording::Recording;
use crate::tokens::OAuthEntry;

/// The view in force.
pub(crate) struct Snapshots {
    current: ArcSwap<Snapshot>,
    reloading: tokio::sync::Mutex<()>,
    way: WayOut,
    /// Whether arguments and results may be kept.
    captures: bool,
}

/// How upstreams are reached.
#[derive(Clone)]
pub(crate) struct WayOut {
    /// How long connecting may take.
    pub(crate) connect: Duration,
    /// Who is asked for the addresses of names.
    pub(crate) names: Arc<dyn Names>,
}

/// The store did not answer: nothing may be judged.
#[derive(Debug)]
pub(crate) struct NoView;

/// One consistent view, ready to judge from.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) generation: u64,
    tokens: HashMap<TokenId, TokenEntry>,
    grants: HashMap<GrantId, Arc<GrantEntry>>,
    pub(crate) servers: HashMap<ServerId, Arc<ServerEntry>>,
    policies: HashMap<(PolicyId, u32), Arc<PolicyEntry>>,
    candidates: HashMap<PolicyId, Arc<Candidate>>,
}

/// A token as it is known.
pub(crate) struct TokenEntry {
    pub(crate) hash: [u8; 32],
    pub(crate) generation: u32,
    pub(crate) valid_until: Option<Moment>,
    pub(crate) grant: Arc<GrantEntry>,
}

/// A grant with all it reaches.
pub(crate) struct GrantEntry {
    pub(crate) id: GrantId,
    pub(crate) org: OrgId,
    pub(crate) label: Arc<str>,
    pub(crate) identity: Arc<str>,
    pub(crate) facts: GrantFacts,
    pub(crate) state: GrantState,
    pub(crate) not_before: Option<Moment>,
    pub(crate) expires_at: Option<Moment>,
    pub(crate) in_flight_max: u32,
    /// How long its calls are held for people, if not as usual.
    pub(crate) holding: Option<store::GrantHolding>,
    pub(crate) flights: Flights,
    /// Streams it holds open.
    pub(crate) streams: Flights,
    pub(crate) attached: Vec<Attached>,
}

/// A server that a grant reaches, and what judges there.
#[derive(Clone)]
pub(crate) struct Attached {
    pub(crate) server: Arc<ServerEntry>,
    pub(crate) policy: Option<Arc<PolicyEntry>>,
    /// What is watched beside it: it judges nothing.
    pub(crate) candidate: Option<Arc<Candidate>>,
}

/// A published version, compiled.
pub(crate) struct PolicyEntry {
    pub(crate) id: PolicyId,
    pub(crate) version: u32,
    /// `None`: the stored text no longer loads. Every call is denied.
    pub(crate) program: Option<policy::Policy>,
}

/// An upstream, ready to be called.
pub(crate) struct ServerEntry {
    pub(crate) id: ServerId,
    pub(crate) slug: Arc<str>,
    pub(crate) enabled: bool,
    pub(crate) uri: Option<Uri>,
    /// The versions it was found to speak; empty while it was never reached.
    pub(crate) versions: Vec<Version>,
    pub(crate) client: Option<Arc<HttpClient>>,
    client_key: (String, Vec<String>),
    pub(crate) credential: Option<Sealed>,
    /// Which credential that is, and its generation: what was signed off names them.
    pub(crate) credential_is: Option<(store::CredentialId, i64)>,
    pub(crate) tools: HashMap<String, ToolEntry>,
    /// What is recorded of its calls beyond names.
    pub(crate) recording: Option<Recording>,
}

/// A tool of an upstream, as calls of it are judged.
pub(crate) struct ToolEntry {
    pub(crate) name: Arc<str>,
    pub(crate) definition: policy::Definition,
    pub(crate) fingerprint: Option<Arc<str>>,
    /// The accepted definition, for the headers that repeat arguments.
    pub(crate) accepted: Option<Arc<mcp::tools::ToolDefinition>>,
    /// Top-level arguments the accepted definition lists.
    pub(crate) arguments: Vec<Arc<str>>,
    /// Agents neither see nor call it: two upstream tools share the name, or its schema is unsafe.
    pub(crate) withheld: bool,
    /// Not listed while its changed definition waits to be accepted.
    pub(crate) hidden: bool,
    /// Whether a changed definition is to be hidden.
    pub(crate) hide_when_changed: bool,
    /// The fingerprint of what the upstream listed last.
    pub(crate) latest: Arc<str>,
}

impl ServerEntry {
    /// Whether it may be asked in that era: it was found to speak it, or was never reached.
    pub(crate) fn speaks(&self, era: Era) -> bool {
        self.versions.is_empty() || self.versions.iter().any(|version| version.era() == era)
    }
}

impl Snapshots {
    /// No view yet. `way` is how upstreams are reached, `captures` whether arguments and results may be
    /// kept.
    pub(crate) fn new(way: WayOut, captures: bool) -> Self {
        Self {
            way,
            captures,
            current: ArcSwap::from_pointee(Snapshot { generation: u64::MAX, ..Default::default() }),
            reloading: tokio::sync::Mutex::new(()),
        }
    }

    /// The view that is current now; read anew if anything has changed since.
    pub(crate) async fn now(&self, store: &dyn DataPlane) -> Result<Arc<Snapshot>, NoView> {
        let generation = store.generation().ok_or(NoView)?;
        let current = self.current.load();
        if current.generation == generation {
            return Ok(Arc::clone(&current));
        }
        drop(current);
        let _one = self.reloading.lock().await;
        let current = self.current.load_full();
        if store.generation() == Some(current.generation) {
            return Ok(current);
        }
        let view = store.view().await.map_err(|error| {
            tracing::error!(%error, "the view of grants and policies cannot be read");
            NoView
        })?;
        let fresh = Arc::new(Snapshot::of(view, &current, &self.way, self.captures));
        self.current.store(Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl Snapshot {
    /// Compiles a view. What has not changed is taken over from the one before.
    fn of(mut view: View, before: &Self, way: &WayOut, captures: bool) -> Self {
        if view.forged > 0 {
            tracing::error!(
                rows = view.forged,
                "rows whose authentication code fails were left out"
            );
        }
        let mut snapshot = Self { generation: view.generation, ..Self::default() };
        for version in view.policies {
            let key = (version.policy.clone(), version.number);
            let entry = before.policies.get(&key).cloned().unwrap_or_else(|| {
                let program = policy::Policy::load(&version.text).ok();
                if program.is_none() {
                    tracing::error!(policy = %key.0, version = key.1, "a stored policy does not load");
                }
                Arc::new(PolicyEntry { id: key.0.clone(), version: key.1, program })
            });
            snapshot.policies.insert(key, entry);
        }
        for watch in view.watches {
            let known = before.candidates.get(&watch.policy).filter(|c| c.id == watch.id);
            let entry = known.cloned().unwrap_or_else(|| Arc::new(Candidate::of(&watch)));
            snapshot.candidates.insert(watch.policy, entry);
        }
        for server in view.servers {
            let (id, org) = (&server.server.id, &server.server.org);
            let recording = view.recordings.remove(id).and_then(|setting| {
                let key = view.fingerprint_keys.get(org);
                Recording::of(setting, org, key, &view.keyring, captures)
            });
            let (generation, known) = (snapshot.generation, &before.servers);
            let entry = ServerEntry::of(server, recording, generation, known, &view.keyring, way);
            snapshot.servers.insert(entry.id.clone(), Arc::new(entry));
        }
        let newest: HashMap<PolicyId, Arc<PolicyEntry>> =
            snapshot.policies.values().map(|p| (p.id.clone(), p.clone())).collect();
        for (grant, tokens) in view.grants {
            let attached = grant
                .servers
                .iter()
                .filter_map(|a| {
                    let server = snapshot.servers.get(&a.server)?.clone();
                    let policy = a.policy.as_ref().and_then(|id| newest.get(id).cloned());
                    let watched = a.policy.as_ref().and_then(|id| snapshot.candidates.get(id));
                    Some(Attached { server, policy, candidate: watched.cloned() })
                })
                .collect();
            let holding = view.holdings.get(&grant.id).copied();
            let known = before.grants.get(&grant.id);
            let flights = known.map(|g| g.flights.clone()).unwrap_or_default();
            let streams = known.map(|g| g.streams.clone()).unwrap_or_default();
            let entry = Arc::new(GrantEntry {
                id: grant.id.clone(),
                org: grant.org,
                label: grant.label.as_str().into(),
                identity: grant.identity.as_str().into(),
                facts: GrantFacts {
                    label: grant.label,
                    identity: grant.identity,
                    tags: grant.tags,
                },
                state: grant.state,
                not_before: grant.not_before,
                expires_at: grant.expires_at,
                in_flight_max: grant.in_flight_max,
                holding,
                flights,
                streams,
                attached,
            });
            for token in tokens {
                let Some(id) = TokenId::parse(&token.token_id) else { continue };
                snapshot.tokens.insert(
                    id,
                    TokenEntry {
                        hash: token.hash,
                        generation: token.generation,
                        valid_until: token.valid_until,
                        grant: entry.clone(),
                    },
                );
            }
            snapshot.grants.insert(grant.id, entry);
        }
        snapshot
    }

    /// The token of that public id.
    pub(crate) fn token(&self, id: &TokenId) -> Option<&TokenEntry> {
        self.tokens.get(id)
    }

    /// The grant of that id, if it still lives.
    pub(crate) fn grant(&self, id: &GrantId) -> Option<&Arc<GrantEntry>> {
        self.grants.get(id)
    }
}

impl GrantEntry {
    /// Whether calls are judged at this moment. At the very moment of its end a grant is over.
    pub(crate) fn is_good_at(&self, now: Moment) -> bool {
        self.state == GrantState::Active
            && self.not_before.is_none_or(|start| now >= start)
            && self.expires_at.is_none_or(|end| now < end)
    }

    /// The server of that slug or id, if the grant reaches it.
    pub(crate) fn reaches(&self, server: &str) -> Option<&Attached> {
        self.attached.iter().find(|a| *a.server.slug == *server || a.server.id.as_str() == server)
    }
}

impl ServerEntry {
    fn of(
        view: store::ServerView,
        recording: Option<Recording>,
        generation: u64,
        before: &HashMap<ServerId, Arc<Self>>,
        keyring: &Keyring,
        way: &WayOut,
    ) -> Self {
        let server = view.server;
        let client_key = (server.url.clone(), server.private_targets.clone());
        let known = before.get(&server.id).filter(|s| s.client_key == client_key);
        let (uri, client) = match known {
            Some(known) => (known.uri.clone(), known.client.clone()),
            None => match Guard::of(&server.url, &server.private_targets) {
                Ok((url, guard)) => {
                    let guard = guard.asking(way.names.clone());
                    let client = HttpClient::new(&url, guard, way.connect);
                    (url.as_str().parse().ok(), Some(Arc::new(client)))
                }
                Err(error) => {
                    tracing::error!(server = %server.id, %error, "a server's address is refused");
                    (None, None)
                }
            },
        };
        let tools = view
            .tools
            .into_iter()
            .filter(|tool| tool.present)
            .map(|tool| (tool.name.clone(), ToolEntry::of(tool, server.on_tool_change)))
            .collect();
        let credential = view.credential.as_ref();
        let credential_is = credential.map(|of| (of.id.clone(), of.generation));
        let credential = view.credential.map(|of| match &of.oauth {
            None => Sealed::headers(keyring, server.org.as_str(), &of),
            Some(client) => Sealed::OAuth(Arc::new(OAuthEntry {
                org: server.org.clone(),
                credential: of.id.clone(),
                generation: of.generation,
                view: generation,
                client: Arc::clone(client),
                server: server.id.clone(),
                web: oauth::Guarded::of(&server.url, &server.private_targets)
                    .asking(way.names.clone()),
                slug: server.slug.as_str().into(),
            })),
        });
        Self {
            credential_is,
            credential,
            id: server.id,
            slug: server.slug.as_str().into(),
            enabled: server.enabled,
            uri,
            versions: versions_of(server.version.as_deref()),
            client,
            client_key,
            tools,
            recording,
        }
    }
}

/// The versions a probe found, as they are kept: names with a space between.
fn versions_of(found: Option<&str>) -> Vec<Version> {
    found.unwrap_or_default().split(' ').filter_map(Version::parse).collect()
}

impl ToolEntry {
    fn of(tool: store::Tool, on_change: OnToolChange) -> Self {
        let accepted = tool
            .accepted
            .as_ref()
            .and_then(|(bytes, _)| mcp::tools::read_definition(bytes).ok()?.ok())
            .map(Arc::new);
        let changed = tool.accepted.as_ref().is_some_and(|(_, print)| *print != tool.fingerprint);
        let arguments = accepted.as_ref().and_then(|definition| definition.arguments.clone());
        let definition = match (&accepted, changed, on_change) {
            (None, ..) => policy::Definition::NotAccepted,
            (Some(_), true, OnToolChange::Deny | OnToolChange::Hide) => {
                policy::Definition::Changed { deny: true, arguments: arguments.clone() }
            }
            (Some(_), ..) => policy::Definition::Accepted { arguments: arguments.clone() },
        };
        Self {
            name: tool.name.as_str().into(),
            definition,
            fingerprint: tool.accepted.map(|(_, print)| print),
            accepted,
            arguments: arguments.unwrap_or_default().iter().map(|a| a.as_str().into()).collect(),
            withheld: tool.withheld.is_some(),
            hidden: changed && on_change == OnToolChange::Hide,
            hide_when_changed: on_change == OnToolChange::Hide,
            latest: tool.fingerprint,
        }
    }
}
