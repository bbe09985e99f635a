//! The contract about OAuth, over SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use vault::{Keyring, Secret};

use super::control_plane::{change, read};
use super::{Sqlite, connections, credentials, scopes as oauth_scopes};
use crate::*;

#[async_trait]
impl Connecting for Sqlite {
    fn ring(&self) -> Arc<Keyring> {
        self.keys.ring()
    }

    async fn connection(&self, key: &ConnectionKey) -> Result<Option<Connection>, StoreError> {
        read!(self, |conn, keys, key| connections::one(conn, &keys, &key))
    }

    async fn connection_lease(
        &self,
        key: &ConnectionKey,
        generation: i64,
        holder: &str,
        seconds: i64,
    ) -> Result<Lease, StoreError> {
        let now = self.desk.clock.now();
        let leased = change!(self, |tx, key, holder| {
            connections::lease(tx, &key, generation, &holder, now, seconds)
        });
        leased.map_err(|error| match error {
            ChangeError::Store(error) => error,
            other => StoreError::Unavailable(other.into()),
        })
    }

    async fn connection_refreshed(
        &self,
        key: &ConnectionKey,
        holder: &str,
        tokens: NewTokens,
    ) -> Result<Connection, ChangeError> {
        let now = self.desk.clock.now();
        change!(self, |tx, key, holder| connections::refreshed(tx, &key, &holder, tokens, now))
    }

    async fn connection_release(
        &self,
        key: &ConnectionKey,
        holder: &str,
    ) -> Result<(), ChangeError> {
        change!(self, |tx, key, holder| connections::release(tx, &key, &holder))
    }

    async fn connection_interrupted(
        &self,
        key: &ConnectionKey,
        holder: &str,
    ) -> Result<(), ChangeError> {
        change!(self, |tx, key, holder| connections::interrupted(tx, &key, &holder))
    }

    async fn credential_wants(
        &self,
        org: &OrgId,
        server: &ServerId,
        scopes: Vec<String>,
    ) -> Result<(), ChangeError> {
        let by = By::program(org.clone(), self.desk.clock.now());
        change!(self, |tx, by, server| oauth_scopes::want(tx, &by, &server, scopes))
    }

    async fn connection_lost(
        &self,
        key: &ConnectionKey,
        generation: i64,
        reason: &'static str,
    ) -> Result<(), ChangeError> {
        let by = By::program(key.org.clone(), self.desk.clock.now());
        change!(self, |tx, by, key| connections::lost(tx, &by, &key, generation, reason))
    }
}

#[async_trait]
impl OAuthCare for Sqlite {
    async fn credential_set_oauth(
        &self,
        by: &By,
        server: &ServerId,
        settings: OAuthSettings,
        secret: Option<Secret>,
    ) -> Result<Credential, ChangeError> {
        change!(self for by, |tx, server| {
            credentials::set_oauth(tx, &by, &server, settings, secret.as_ref())
        })
    }

    async fn credential_set_scopes(
        &self,
        by: &By,
        server: &ServerId,
        scopes: Vec<String>,
    ) -> Result<Credential, ChangeError> {
        change!(self for by, |tx, server| oauth_scopes::set(tx, &by, &server, scopes))
    }

    async fn connections(
        &self,
        org: &OrgId,
        credential: &CredentialId,
    ) -> Result<Vec<Connection>, StoreError> {
        read!(self, |conn, keys, org, credential| connections::all(conn, &keys, &org, &credential))
    }

    async fn connection_set(
        &self,
        by: &By,
        server: &ServerId,
        credential: &CredentialId,
        generation: i64,
        identity: &str,
        tokens: NewTokens,
    ) -> Result<Connection, ChangeError> {
        change!(self for by, |tx, server, credential, identity| {
            connections::set(tx, &by, &server, (credential, generation), &identity, tokens)
        })
    }

    async fn connection_remove(
        &self,
        by: &By,
        server: &ServerId,
        identity: &str,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, server, identity| {
            connections::remove(tx, &by, &server, &identity)
        })
    }
}
