//! OAuth tokens towards upstreams: kept ready while they are good, got anew before they end, by one
//! refresh at a time.
//!
//! In this process a connection's turn is a lock; between processes it is a lease in the store. What
//! the authorization server gave is stored before any call uses it, by a task of its own, so that no
//! agent that hangs up can lose it. Calls with other credentials never come here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use oauth::{AuthMethod, ClientAuth, Guarded, TokenError, TokenRequest};
use store::{
    Connecting, Connection, ConnectionKey, ConnectionState, CredentialId, Lease, Moment, NewTokens,
    OAuthClient, OAuthGrant, OrgId, ServerId,
};
use vault::{OsRandom, Place, Prepared, Randomness as _, Secret};

use crate::refusal::{Connect, Need, Refusal};
use crate::road::Gateway;

/// How long a turn lasts: longer than the token endpoint may take to answer.
const LEASE_SECONDS: i64 = 30;
/// How long another process's turn is waited for, and how often it is looked at.
const TURN_LOOKS: usize = 60;
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often tokens that were given are tried to be stored, and how soon again.
const STORE_TRIES: usize = 20;
/// How long nobody tries again after a refresh that failed.
const FAILED_SECONDS: i64 = 2;
/// The most connections that are kept ready.
const READY_MAX: usize = 16_384;

/// The OAuth credential of a server, as a view has it.
pub(crate) struct OAuthEntry {
    pub(crate) org: OrgId,
    pub(crate) credential: CredentialId,
    /// The credential's generation: what its secret is sealed for.
    pub(crate) generation: i64,
    /// The view it is of.
    pub(crate) view: u64,
    pub(crate) client: Arc<OAuthClient>,
    pub(crate) web: Guarded,
    pub(crate) slug: Arc<str>,
    pub(crate) server: ServerId,
}

/// What is kept ready.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<ConnectionKey, Arc<Slot>>>);

#[derive(Default)]
struct Slot {
    live: ArcSwapOption<Live>,
    turn: tokio::sync::Mutex<()>,
    failed: Mutex<Option<(Moment, Failed)>>,
}

/// An access token, sealed and ready to be opened.
struct Live {
    view: u64,
    generation: i64,
    access: Prepared,
    expires_at: Option<Moment>,
    refresh_at: Option<Moment>,
}

/// An access token in hand.
pub(crate) struct Bearer {
    /// The value of the header.
    pub(crate) value: Secret,
    /// Which one it is.
    pub(crate) generation: i64,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Nobody has connected an account.
    NotConnected,
    /// Somebody has to consent again.
    Reconnect,
    /// The authorization server gave none, for now; why, as a stable word.
    NoToken(&'static str),
    /// Our own store or keys did not answer.
    Unavailable,
}

impl OAuthEntry {
    /// Whose account a call of this identity uses.
    pub(crate) fn account<'a>(&self, identity: &'a str) -> &'a str {
        if self.client.settings.per_identity { identity } else { "" }
    }

    fn key(&self, identity: &str) -> ConnectionKey {
        let identity = self.account(identity).to_owned();
        ConnectionKey { org: self.org.clone(), credential: self.credential.clone(), identity }
    }

    fn can_renew(&self, connection: &Connection) -> bool {
        connection.refresh.is_some() || self.client.settings.grant == OAuthGrant::ClientCredentials
    }
}

impl Live {
    fn is_good_at(&self, now: Moment) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    fn is_due_at(&self, now: Moment) -> bool {
        self.refresh_at.is_some_and(|at| now >= at)
    }

    fn open(&self) -> Result<Bearer, Failed> {
        let token = self.access.open().map_err(|_| Failed::Unavailable)?;
        let value = Secret::new([b"Bearer ", token.expose()].concat());
        Ok(Bearer { value, generation: self.generation })
    }
}

impl Tokens {
    fn slot(&self, key: &ConnectionKey) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= READY_MAX {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key.clone()).or_default())
    }

    /// The token for a call of this identity.
    pub(crate) async fn bearer(
        &self,
        gateway: &Gateway,
        entry: &Arc<OAuthEntry>,
        identity: &str,
    ) -> Result<Bearer, Failed> {
        let key = entry.key(identity);
        let slot = self.slot(&key);
        let now = gateway.clock.now();
        if let Some(live) = slot.live.load_full()
            && live.view >= entry.view
            && live.is_good_at(now)
        {
            if live.is_due_at(now) && slot.turn.try_lock().is_ok() {
                // It is good for a while yet: the call goes on with it, and another is got meanwhile.
                drop(renew(gateway, entry, key, slot, None));
            }
            return live.open();
        }
        joined(renew(gateway, entry, key, slot, None)).await
    }

    /// Another token than the one of this generation, which the upstream has refused.
    pub(crate) async fn instead_of(
        &self,
        gateway: &Gateway,
        entry: &Arc<OAuthEntry>,
        identity: &str,
        refused: i64,
    ) -> Result<Bearer, Failed> {
        let key = entry.key(identity);
        let slot = self.slot(&key);
        joined(renew(gateway, entry, key, slot, Some(refused))).await
    }
}

type Renewing = tokio::task::JoinHandle<Result<Bearer, Failed>>;

/// Gets a token on a task of its own: whoever waits for it may leave, and it is stored all the same.
fn renew(
    gateway: &Gateway,
    entry: &Arc<OAuthEntry>,
    key: ConnectionKey,
    slot: Arc<Slot>,
    refused: Option<i64>,
) -> Option<Renewing> {
    let gateway = gateway.shared()?;
    let entry = Arc::clone(entry);
    Some(tokio::spawn(async move {
        let renewal = Renewal { gateway: &gateway, entry: &entry, key: &key, slot: &slot };
        renewal.run(refused).await
    }))
}

async fn joined(renewing: Option<Renewing>) -> Result<Bearer, Failed> {
    match renewing {
        Some(renewing) => renewing.await.unwrap_or(Err(Failed::Unavailable)),
        None => Err(Failed::Unavailable),
    }
}

struct Renewal<'a> {
    gateway: &'a Gateway,
    entry: &'a OAuthEntry,
    key: &'a ConnectionKey,
    slot: &'a Slot,
}

impl Renewal<'_> {
    fn store(&self) -> &dyn Connecting {
        self.gateway.store.connecting()
    }

    async fn run(&self, refused: Option<i64>) -> Result<Bearer, Failed> {
        // INVARIANT(one-refresh): whoever is past this line is alone in this process.
        let _turn = self.slot.turn.lock().await;
        let now = self.gateway.clock.now();
        let newer = |generation: i64| refused.is_none_or(|refused| generation > refused);
        // Somebody else may have been here while this one waited.
        if let Some(live) = self.slot.live.load_full()
            && live.view >= self.entry.view
            && live.is_good_at(now)
            && !live.is_due_at(now)
            && newer(live.generation)
        {
            return live.open();
        }
        let found = self.store().connection(self.key).await.map_err(|_| Failed::Unavailable)?;
        let Some(found) = found else {
            self.slot.live.store(None);
            return Err(Failed::NotConnected);
        };
        if found.state == ConnectionState::Reconnect {
            return Err(Failed::Reconnect);
        }
        let alive = found.access.is_some() && found.expires_at.is_none_or(|end| now < end);
        let usable = alive && newer(found.generation);
        let due = found.refresh_at.is_some_and(|at| now >= at) && self.entry.can_renew(&found);
        if usable && !due {
            return self.ready(&found, None)?.open();
        }
        match self.refreshed(&found, now).await {
            Ok(connection) => self.ready(&connection, None)?.open(),
            // What it has is good for a while yet.
            Err(Failed::NoToken(_)) if usable => {
                self.ready(&found, Some(now.plus_seconds(FAILED_SECONDS)))?.open()
            }
            Err(failed) => Err(failed),
        }
    }

    /// Keeps a token ready for the calls that come.
    fn ready(&self, of: &Connection, look_again: Option<Moment>) -> Result<Arc<Live>, Failed> {
        let record = Connection::record(&of.credential, &of.identity);
        let place = Place {
            org: of.org.as_str(),
            table: "oauth_connections",
            record: &record,
            field: "access_token",
            generation: u64::try_from(of.generation).map_err(|_| Failed::Unavailable)?,
        };
        let sealed = of.access.as_deref().ok_or(Failed::NoToken("not_given"))?;
        // The ring of now: rotation may have sealed the token anew since the view was read.
        let access = self.store().ring().prepare(&place, sealed).map_err(|error| {
            tracing::error!(server = %self.entry.slug, %error, "a token does not open");
            Failed::Unavailable
        })?;
        let renews = self.entry.can_renew(of);
        let live = Arc::new(Live {
            view: self.entry.view,
            generation: of.generation,
            access,
            expires_at: of.expires_at,
            refresh_at: look_again.or(of.refresh_at.filter(|_| renews)),
        });
        self.slot.live.store(Some(Arc::clone(&live)));
        Ok(live)
    }

    async fn refreshed(&self, found: &Connection, now: Moment) -> Result<Connection, Failed> {
        if !self.entry.can_renew(found) {
            self.lost(found, "expired").await;
            return Err(Failed::Reconnect);
        }
        let failed = |of: &Self| *of.slot.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, why)) = failed(self)
            && now < at.plus_seconds(FAILED_SECONDS)
        {
            return Err(why);
        }
        let result = self.by_turn(found).await;
        let mark = result.as_ref().err().map(|why| (self.gateway.clock.now(), *why));
        *self.slot.failed.lock().unwrap_or_else(PoisonError::into_inner) = mark;
        result
    }

    async fn by_turn(&self, found: &Connection) -> Result<Connection, Failed> {
        let mut name = [0; 16];
        OsRandom.fill(&mut name).map_err(|_| Failed::Unavailable)?;
        let holder: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        for _ in 0..TURN_LOOKS {
            let lease =
                self.store().connection_lease(self.key, found.generation, &holder, LEASE_SECONDS);
            match lease.await.map_err(|_| Failed::Unavailable)? {
                Lease::Taken(connection) => return self.ask(&connection, &holder).await,
                Lease::Newer(connection) if connection.state == ConnectionState::Connected => {
                    return Ok(*connection);
                }
                Lease::Newer(_) => return Err(Failed::Reconnect),
                Lease::Gone => return Err(Failed::NotConnected),
                Lease::Held => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        Err(Failed::NoToken("busy"))
    }

    /// Asks the authorization server, with the turn in hand, and stores what it gives.
    async fn ask(&self, connection: &Connection, holder: &str) -> Result<Connection, Failed> {
        let settings = &self.entry.client.settings;
        let now = self.gateway.clock.now();
        let given = self.exchange(connection, now).await;
        let tokens = match given {
            Ok(tokens) => tokens,
            Err(TokenError::InvalidGrant) => {
                // Where the process died between getting tokens and storing them, the one that is
                // stored was used before, and the authorization server allows that to nobody.
                let why = if connection.interrupted { "refresh_lost" } else { "revoked" };
                tracing::warn!(server = %self.entry.slug, why, "somebody must connect again");
                self.lost(connection, why).await;
                return Err(Failed::Reconnect);
            }
            Err(error) => {
                tracing::warn!(server = %self.entry.slug, %error, "no token was got");
                // Where it is not known what became of the request, the refresh token may be used up:
                // the note that a refresh was begun stays.
                let ended = if error.may_have_used() {
                    self.store().connection_interrupted(self.key, holder).await
                } else {
                    self.store().connection_release(self.key, holder).await
                };
                if let Err(error) = ended {
                    tracing::error!(%error, "the turn of a refresh was not ended");
                }
                return Err(Failed::NoToken(error.word()));
            }
        };
        let asked: Vec<String> =
            settings.scopes.iter().chain(&connection.scopes).cloned().collect();
        if !oauth::broader(&asked, tokens.scopes.as_deref()).is_empty() {
            tracing::warn!(server = %self.entry.slug, "more was given than was asked for");
            self.lost(connection, "broader_scope").await;
            return Err(Failed::Reconnect);
        }
        let new = new_tokens(tokens, now);
        for _ in 0..STORE_TRIES {
            // A crash before this stands means that the tokens are lost; the row says that a
            // refresh was begun.
            match self.store().connection_refreshed(self.key, holder, new.clone()).await {
                Ok(connection) => return Ok(connection),
                Err(store::ChangeError::Store(error)) => {
                    tracing::error!(%error, "new tokens cannot be stored");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(_) => break,
            }
        }
        Err(Failed::Unavailable)
    }

    async fn exchange(
        &self,
        connection: &Connection,
        now: Moment,
    ) -> Result<oauth::Tokens, TokenError> {
        let unsent = |why: &str| TokenError::Unsent(why.to_owned());
        let (ring, settings) = (self.store().ring(), &self.entry.client.settings);
        let open = |table, record: &str, field, generation: i64, sealed: &[u8]| {
            let generation = u64::try_from(generation).unwrap_or_default();
            let place = Place { org: self.key.org.as_str(), table, record, field, generation };
            ring.open(&place, sealed).map_err(|_| unsent("a sealed value does not open"))
        };
        let secret = self.entry.client.secret.as_deref().map(|sealed| {
            let (record, generation) = (self.entry.credential.as_str(), self.entry.generation);
            open("oauth_clients", record, "client_secret", generation, sealed)
        });
        let secret = secret.transpose()?;
        let method = AuthMethod::parse(&settings.auth_method);
        let client = ClientAuth {
            client_id: &settings.client_id,
            method: method.ok_or_else(|| unsent("the client's method is not known"))?,
            secret: secret.as_ref(),
            issuer: &settings.issuer,
        };
        let refresh = connection.refresh.as_deref().map(|sealed| {
            let record = Connection::record(&connection.credential, &connection.identity);
            open("oauth_connections", &record, "refresh_token", connection.generation, sealed)
        });
        let refresh = refresh.transpose()?;
        let request = match (&refresh, settings.grant) {
            (_, OAuthGrant::ClientCredentials) => TokenRequest::Client,
            (Some(token), OAuthGrant::AuthorizationCode) => TokenRequest::Refresh(token),
            (None, OAuthGrant::AuthorizationCode) => return Err(TokenError::InvalidGrant),
        };
        let (endpoint, seconds) = (&settings.token_endpoint, now.micros() / 1_000_000);
        request
            .send(&self.entry.web, endpoint, &client, &settings.resource, &settings.scopes, seconds)
            .await
    }

    async fn lost(&self, connection: &Connection, why: &'static str) {
        self.slot.live.store(None);
        let lost = self.store().connection_lost(self.key, connection.generation, why).await;
        if let Err(error) = lost {
            tracing::error!(%error, "that somebody must connect again was not written");
        }
    }
}

/// Tokens as they are stored: with moments instead of lengths of time.
fn new_tokens(tokens: oauth::Tokens, now: Moment) -> NewTokens {
    let (expires_at, refresh_at) = store::token_moments(now, tokens.expires_in);
    NewTokens {
        access: Arc::new(tokens.access),
        refresh: tokens.refresh.map(Arc::new),
        scopes: tokens.scopes,
        expires_at,
        refresh_at,
    }
}

impl Failed {
    /// What the agent is told, and how it is recorded.
    pub(crate) fn refusal(self, gateway: &Gateway, entry: &OAuthEntry, identity: &str) -> Refusal {
        match self {
            Self::NotConnected => connect(gateway, entry, identity, Need::Account),
            Self::Reconnect => connect(gateway, entry, identity, Need::Consent),
            Self::NoToken(why) => Refusal::NoToken(why),
            Self::Unavailable => Refusal::Sealed,
        }
    }
}

/// Sends a person to connect the account.
fn connect(gateway: &Gateway, entry: &OAuthEntry, identity: &str, need: Need) -> Refusal {
    let base = gateway.config.holding.link_base.as_deref();
    Refusal::Connect(Box::new(Connect {
        need,
        own: entry.client.settings.per_identity,
        server: entry.slug.to_string(),
        identity: entry.account(identity).to_owned(),
        in_tool_call: false,
        link: base.map(|base| format!("{base}/servers/{}/connect", entry.slug)),
    }))
}

/// What is said when the upstream refused a request with a token of this account in it. Where it wants
/// a wider consent, what it wants is remembered for those who set credentials; agents are not told, and
/// nothing more is asked for before somebody says so.
pub(crate) async fn refused(
    gateway: &Gateway,
    entry: &OAuthEntry,
    identity: &str,
    headers: &http::HeaderMap,
) -> Refusal {
    let challenge = oauth::Challenge::of(headers).unwrap_or_default();
    let asked = &entry.client.settings.scopes;
    let wanted = challenge.scope.unwrap_or_default();
    let wanted = wanted.split_ascii_whitespace().filter(|scope| oauth::is_scope(scope));
    let wanted: Vec<String> = wanted.map(str::to_owned).filter(|s| !asked.contains(s)).collect();
    if challenge.error.as_deref() != Some("insufficient_scope") || wanted.is_empty() {
        return Refusal::UpstreamAuth;
    }
    if !wanted.iter().all(|scope| entry.client.wanted.contains(scope)) {
        tracing::warn!(server = %entry.slug, "the upstream wants a wider consent");
        let kept = gateway.store.connecting().credential_wants(&entry.org, &entry.server, wanted);
        if let Err(error) = kept.await {
            tracing::error!(%error, "what an upstream wants was not kept");
        }
    }
    connect(gateway, entry, identity, Need::Scopes)
}
