//! OAuth towards upstreams, as it is kept: the client, and the connections that hold tokens.

use std::sync::Arc;

use async_trait::async_trait;
use vault::{Keyring, Secret};

use crate::*;

/// How tokens are got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthGrant {
    /// A person consents at the authorization server.
    AuthorizationCode,
    /// The client asks for itself.
    ClientCredentials,
}

impl OAuthGrant {
    /// The name in the API and of the standard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// Reads the name back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::AuthorizationCode, Self::ClientCredentials]
            .into_iter()
            .find(|grant| grant.as_str() == word)
    }
}

/// What is known of an upstream's authorization server and of our client there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthSettings {
    /// How tokens are got.
    pub grant: OAuthGrant,
    /// Whether each identity of grants has an account of its own there.
    pub per_identity: bool,
    /// The authorization server, exactly as it names itself.
    pub issuer: String,
    /// Where people consent.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are given out.
    pub token_endpoint: String,
    /// Whether its answers to browsers name it.
    pub says_issuer: bool,
    /// What tokens are for.
    pub resource: String,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// What the authorization server calls us.
    pub client_id: String,
    /// How the client proves who it is: a word of the registry of RFC 7591.
    pub auth_method: String,
    /// Where browsers come back to.
    pub redirect_uri: String,
}

/// An OAuth client as it is kept.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    /// Everything about it that is not secret.
    pub settings: OAuthSettings,
    /// The client secret or private key, sealed. The place is (org, `oauth_clients`, id of the
    /// credential, `client_secret`, generation of the credential).
    pub secret: Option<Arc<[u8]>>,
    /// Scopes that the upstream asked for on top, when it refused requests for want of them. Nothing
    /// is asked for because of them: somebody may add them to the settings.
    pub wanted: Vec<String>,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// It has tokens, or can get them by itself.
    Connected,
    /// Somebody has to consent again; calls are refused meanwhile.
    Reconnect,
}

impl ConnectionState {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Reconnect => "reconnect",
        }
    }

    /// Reads the name back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Connected, Self::Reconnect].into_iter().find(|state| state.as_str() == word)
    }
}

/// The tokens of one account at an upstream.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The organisation.
    pub org: OrgId,
    /// The credential it belongs to.
    pub credential: CredentialId,
    /// Whose it is: an identity of grants, or empty for the one that all share.
    pub identity: String,
    /// Where it stands.
    pub state: ConnectionState,
    /// Why somebody has to connect again: a stable word, or empty.
    pub reason: String,
    /// Increases with each write of tokens; part of what their seals are bound to.
    pub generation: i64,
    /// The access token, sealed. The place is (org, `oauth_connections`, [`Connection::record`],
    /// `access_token`, generation).
    pub access: Option<Arc<[u8]>>,
    /// The refresh token, sealed, with the field `refresh_token`.
    pub refresh: Option<Arc<[u8]>>,
    /// The scopes that were given, where that was said.
    pub scopes: Vec<String>,
    /// When the access token ends, if that was said.
    pub expires_at: Option<Moment>,
    /// From when on it is better to get another.
    pub refresh_at: Option<Moment>,
    /// Who consented: a member's name, or ours.
    pub connected_by: String,
    /// When.
    pub connected_at: Moment,
    /// When the present access token was got, where that was kept.
    pub refreshed_at: Option<Moment>,
    /// A refresh began whose end was never written: the process died in between, or no whole answer
    /// came.
    pub interrupted: bool,
}

impl Connection {
    /// The record that its seals are bound to.
    pub fn record(credential: &CredentialId, identity: &str) -> String {
        format!("{credential}/{identity}")
    }
}

/// Tokens to be sealed and kept.
#[derive(Clone, Debug)]
pub struct NewTokens {
    /// The access token.
    pub access: Arc<Secret>,
    /// The refresh token. `None` keeps the one before at a refresh, and is none at a new connection.
    pub refresh: Option<Arc<Secret>>,
    /// The scopes, where they were said.
    pub scopes: Option<Vec<String>>,
    /// When the access token ends.
    pub expires_at: Option<Moment>,
    /// From when on it is better to get another.
    pub refresh_at: Option<Moment>,
}

/// When a token that lives so many seconds ends, and from when on it is better to get another: a
/// minute ahead, or a fifth of its life, if that is shorter. One that does not say when it ends is
/// looked at again after five minutes.
pub fn token_moments(now: Moment, lives: Option<i64>) -> (Option<Moment>, Option<Moment>) {
    const AHEAD_SECONDS: i64 = 60;
    const RECHECK_SECONDS: i64 = 300;
    match lives {
        Some(seconds) => {
            let ahead_micros =
                (seconds.saturating_mul(1_000_000) / 5).min(AHEAD_SECONDS * 1_000_000);
            let end = now.plus_seconds(seconds);
            (Some(end), Some(Moment::of_micros(end.micros().saturating_sub(ahead_micros))))
        }
        None => (None, Some(now.plus_seconds(RECHECK_SECONDS))),
    }
}

/// The turn to refresh a connection.
#[derive(Debug)]
pub enum Lease {
    /// It is the asker's until the moment named; nobody else refreshes meanwhile.
    Taken(Box<Connection>),
    /// It is somebody else's.
    Held,
    /// Somebody else has refreshed since; here is what they got.
    Newer(Box<Connection>),
    /// There is no such connection any more.
    Gone,
}

/// Names one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    /// The organisation.
    pub org: OrgId,
    /// The credential.
    pub credential: CredentialId,
    /// The identity, or empty.
    pub identity: String,
}

/// What the gateway needs of a store about connections. None of it changes what calls are judged by.
#[async_trait]
pub trait Connecting: Send + Sync {
    /// The keys of now, for what was just read.
    fn ring(&self) -> Arc<Keyring>;
    /// A connection, as it is now. One whose row is not as we wrote it is none.
    async fn connection(&self, key: &ConnectionKey) -> Result<Option<Connection>, StoreError>;
    /// Takes the turn to refresh, if the connection is still at this generation: for so many
    /// seconds, or until it is given back. The holder is a random name.
    async fn connection_lease(
        &self,
        key: &ConnectionKey,
        generation: i64,
        holder: &str,
        seconds: i64,
    ) -> Result<Lease, StoreError>;
    /// Seals and keeps what the holder of the turn got, and ends the turn. Durable when it returns.
    ///
    /// - **Errors**: [`ChangeError::Conflict`] when the turn is another's by now.
    async fn connection_refreshed(
        &self,
        key: &ConnectionKey,
        holder: &str,
        tokens: NewTokens,
    ) -> Result<Connection, ChangeError>;
    /// Ends the turn with nothing got, to be tried again.
    async fn connection_release(
        &self,
        key: &ConnectionKey,
        holder: &str,
    ) -> Result<(), ChangeError>;
    /// Ends the turn of a refresh whose end is not known: the next one finds the connection
    /// [`interrupted`](Connection::interrupted).
    async fn connection_interrupted(
        &self,
        key: &ConnectionKey,
        holder: &str,
    ) -> Result<(), ChangeError>;
    /// Remembers scopes that the upstream of this server refused a request for want of: a few, and
    /// none that are asked for anyway. On record when there are new ones.
    async fn credential_wants(
        &self,
        org: &OrgId,
        server: &ServerId,
        scopes: Vec<String>,
    ) -> Result<(), ChangeError>;
    /// Ends the turn, and says that somebody must connect again and why. On record.
    async fn connection_lost(
        &self,
        key: &ConnectionKey,
        generation: i64,
        reason: &'static str,
    ) -> Result<(), ChangeError>;
}

/// What the control plane needs of a store about OAuth.
#[async_trait]
pub trait OAuthCare: Connecting {
    /// Sets the credential of a server to an OAuth client, in place of what was there. Connections
    /// of the one before are erased.
    async fn credential_set_oauth(
        &self,
        by: &By,
        server: &ServerId,
        settings: OAuthSettings,
        secret: Option<Secret>,
    ) -> Result<Credential, ChangeError>;
    /// Sets the scopes that are asked for from the next consent on. Client and connections stay.
    async fn credential_set_scopes(
        &self,
        by: &By,
        server: &ServerId,
        scopes: Vec<String>,
    ) -> Result<Credential, ChangeError>;
    /// The connections of a credential, by identity.
    async fn connections(
        &self,
        org: &OrgId,
        credential: &CredentialId,
    ) -> Result<Vec<Connection>, StoreError>;
    /// Keeps the tokens of a person's consent, in place of those before. The credential and its
    /// `generation` are those that consent was asked for with, so that tokens for a client that was
    /// replaced meanwhile, or that went with the server's address, are not kept.
    async fn connection_set(
        &self,
        by: &By,
        server: &ServerId,
        credential: &CredentialId,
        generation: i64,
        identity: &str,
        tokens: NewTokens,
    ) -> Result<Connection, ChangeError>;
    /// Erases the tokens of a connection.
    async fn connection_remove(
        &self,
        by: &By,
        server: &ServerId,
        identity: &str,
    ) -> Result<(), ChangeError>;
}
