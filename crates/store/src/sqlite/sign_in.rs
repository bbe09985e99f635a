//! The contract about signing in, over SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use vault::{Secret, Token, TokenKind};

use super::control_plane::{change, read};
use super::{Sqlite, invites, passkeys, passwords, providers, sessions, setups};
use crate::*;

#[async_trait]
impl SignIn for Sqlite {
    fn organisation(&self) -> OrgId {
        self.org().clone()
    }

    async fn needs_setup(&self, org: &OrgId) -> Result<bool, StoreError> {
        read!(self, |conn, _keys, org| setups::needed(conn, &org))
    }

    async fn setup_of(&self, token: &Token, now: Moment) -> Result<Option<Member>, StoreError> {
        let Some(token) = copied(TokenKind::Setup, token) else { return Ok(None) };
        read!(self, |conn, keys| setups::of_token(conn, &keys, &token, now))
    }

    async fn setup_create(
        &self,
        by: &By,
        member: &MemberId,
        expires_at: Moment,
    ) -> Result<Token, ChangeError> {
        change!(self for by, |tx, member| setups::create(tx, &by, &member, expires_at))
    }

    async fn setup_finish(
        &self,
        token: &Token,
        draft: SetupDraft,
        password: Secret,
        address: Option<String>,
        at: Moment,
    ) -> Result<Member, ChangeError> {
        let Some(token) = copied(TokenKind::Setup, token) else {
            return Err(ChangeError::Gone { what: "setup link" });
        };
        change!(self, |tx| setups::finish(tx, &token, draft, &password, address, at))
    }

    async fn invite_accept_with(
        &self,
        token: &Token,
        name: Option<&str>,
        password: Secret,
        address: Option<String>,
        at: Moment,
    ) -> Result<Member, ChangeError> {
        let Some(token) = copied(TokenKind::Invite, token) else {
            return Err(ChangeError::Gone { what: "invitation" });
        };
        let name = name.map(str::to_owned);
        change!(self, |tx| {
            let accepted = invites::accept(tx, &token, name.as_deref(), address, at)?;
            let member = accepted.value().clone();
            passwords::put(tx, &member.org, &member.id, &password, at)?;
            Ok(accepted)
        })
    }

    async fn password(&self, org: &OrgId, member: &MemberId) -> Result<Option<Secret>, StoreError> {
        read!(self, |conn, keys, org, member| passwords::of(conn, &keys, &org, &member))
    }

    async fn password_set(
        &self,
        by: &By,
        member: &MemberId,
        password: Secret,
        but: Option<&SessionId>,
    ) -> Result<(), ChangeError> {
        let but = but.cloned();
        change!(self for by, |tx, member| {
            passwords::set(tx, &by, &member, &password, but.as_ref())
        })
    }

    async fn session_open(
        &self,
        by: &By,
        member: &MemberId,
        draft: SessionDraft,
    ) -> Result<(Session, Token), ChangeError> {
        change!(self for by, |tx, member| sessions::open(tx, &by, &member, draft))
    }

    async fn session_of(
        &self,
        token: &Token,
        now: Moment,
    ) -> Result<Option<SessionHolder>, StoreError> {
        let Some(token) = copied(TokenKind::Session, token) else { return Ok(None) };
        read!(self, |conn, keys| sessions::of_token(conn, &keys, &token, now))
    }

    async fn session_seen(&self, session: &Session, now: Moment) -> Result<(), StoreError> {
        if !sessions::is_due(session, now) {
            return Ok(());
        }
        let done = change!(self, |tx, session| sessions::seen(tx, &session, now));
        done.map_err(|error| match error {
            ChangeError::Store(error) => error,
            _ => StoreError::Busy,
        })
    }

    async fn session_prove(
        &self,
        by: &By,
        id: &SessionId,
        method: SignInMethod,
    ) -> Result<(Session, Token), ChangeError> {
        change!(self for by, |tx, id| sessions::prove(tx, &by, &id, method))
    }

    async fn sessions(
        &self,
        org: &OrgId,
        member: &MemberId,
        now: Moment,
    ) -> Result<Vec<Session>, StoreError> {
        read!(self, |conn, keys, org, member| sessions::all(conn, &keys, &org, &member, now))
    }

    async fn session_close(
        &self,
        by: &By,
        member: &MemberId,
        id: &SessionId,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, member, id| sessions::close(tx, &by, &member, &id))
    }

    async fn sessions_close(&self, by: &By, member: &MemberId) -> Result<i64, ChangeError> {
        change!(self for by, |tx, member| sessions::close_all(tx, &by, &member))
    }

    async fn passkeys(&self, org: &OrgId, member: &MemberId) -> Result<Vec<Passkey>, StoreError> {
        read!(self, |conn, keys, org, member| passkeys::all(conn, &keys, &org, &member))
    }

    async fn passkey_of(
        &self,
        org: &OrgId,
        credential_id: &[u8],
    ) -> Result<Option<(Passkey, Member)>, StoreError> {
        read!(self, |conn, keys, org, credential_id| {
            passkeys::of_credential(conn, &keys, &org, &credential_id)
        })
    }

    async fn passkey_add(
        &self,
        by: &By,
        member: &MemberId,
        draft: PasskeyDraft,
    ) -> Result<Passkey, ChangeError> {
        change!(self for by, |tx, member| passkeys::add(tx, &by, &member, draft))
    }

    async fn passkey_used(
        &self,
        org: &OrgId,
        id: &PasskeyId,
        counter: u32,
        backed_up: bool,
        at: Moment,
    ) -> Result<(), ChangeError> {
        change!(self, |tx, org, id| passkeys::used(tx, &org, &id, counter, backed_up, at))
    }

    async fn passkey_remove(
        &self,
        by: &By,
        member: &MemberId,
        id: &PasskeyId,
    ) -> Result<(), ChangeError> {
        change!(self for by, |tx, member, id| passkeys::remove(tx, &by, &member, &id))
    }

    async fn providers(&self, org: &OrgId) -> Result<Vec<Provider>, StoreError> {
        read!(self, |conn, keys, org| providers::all(conn, &keys, &org))
    }

    async fn provider(&self, org: &OrgId, id: &str) -> Result<Option<Provider>, StoreError> {
        read!(self, |conn, keys, org, id| providers::view(conn, &keys, &org, &id))
    }

    async fn provider_secret(
        &self,
        org: &OrgId,
        id: &ProviderId,
    ) -> Result<Option<Secret>, StoreError> {
        read!(self, |conn, keys, org, id| providers::secret(conn, &keys, &org, &id))
    }

    async fn provider_create(
        &self,
        by: &By,
        draft: ProviderDraft,
        secret: Option<Secret>,
    ) -> Result<Provider, ChangeError> {
        change!(self for by, |tx| providers::create(tx, &by, draft, secret.as_ref()))
    }

    async fn provider_update(
        &self,
        by: &By,
        id: &ProviderId,
        revision: Option<i64>,
        draft: ProviderDraft,
        secret: Option<Secret>,
    ) -> Result<Provider, ChangeError> {
        change!(self for by, |tx, id| {
            providers::update(tx, &by, &id, revision, draft, secret.as_ref())
        })
    }

    async fn provider_delete(&self, by: &By, id: &ProviderId) -> Result<(), ChangeError> {
        change!(self for by, |tx, id| providers::delete(tx, &by, &id))
    }

    async fn identity_of(
        &self,
        org: &OrgId,
        provider: &ProviderId,
        subject: &str,
    ) -> Result<Option<Member>, StoreError> {
        read!(self, |conn, keys, org, provider, subject| {
            providers::identity_of(conn, &keys, &org, &provider, &subject)
        })
    }

    async fn identity_link(
        &self,
        by: &By,
        provider: &ProviderId,
        subject: &str,
        member: &MemberId,
    ) -> Result<Member, ChangeError> {
        change!(self for by, |tx, provider, subject, member| {
            providers::identity_link(tx, &by, &provider, &subject, &member)
        })
    }
}

/// A copy of the token for the thread that works with it; it is wiped there.
fn copied(kind: TokenKind, token: &Token) -> Option<Token> {
    Token::parse(kind, token.expose().as_bytes()).ok()
}
