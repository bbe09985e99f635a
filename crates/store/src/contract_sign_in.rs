//! The part of the contract that is about signing in.

use async_trait::async_trait;
use vault::{Secret, Token};

use crate::*;

/// How long a session lasts without being used: 12 hours.
pub const SESSION_IDLE_SECONDS: i64 = 12 * 3_600;
/// How long a session lasts at most: 7 days.
pub const SESSION_LIFE_SECONDS: i64 = 7 * 86_400;

/// What the control plane needs of a store about signing in. Every change says by whom and is
/// recorded in the same transaction.
#[async_trait]
pub trait SignIn: Send + Sync {
    /// The organisation that people sign in to.
    fn organisation(&self) -> OrgId;

    /// Whether no admin has a way to sign in yet.
    async fn needs_setup(&self, org: &OrgId) -> Result<bool, StoreError>;
    /// The member that a setup link is for, if the link is good now.
    async fn setup_of(&self, token: &Token, now: Moment) -> Result<Option<Member>, StoreError>;
    /// Makes the one setup link of an active member; an earlier one ends.
    async fn setup_create(
        &self,
        by: &By,
        member: &MemberId,
        expires_at: Moment,
    ) -> Result<Token, ChangeError>;
    /// Uses a setup link up: its member gets this name and password, and the first admin the
    /// address too. Their sessions end and their passkeys go.
    ///
    /// - **Errors**: [`ChangeError::Gone`] when the link was used, replaced, or has ended.
    async fn setup_finish(
        &self,
        token: &Token,
        draft: SetupDraft,
        password: Secret,
        address: Option<String>,
        at: Moment,
    ) -> Result<Member, ChangeError>;
    /// An invited member gets in with a password: what [`People::invite_accept`] does and the
    /// password, in one step.
    async fn invite_accept_with(
        &self,
        token: &Token,
        name: Option<&str>,
        password: Secret,
        address: Option<String>,
        at: Moment,
    ) -> Result<Member, ChangeError>;

    /// What is kept of a member's password, if they have one.
    async fn password(&self, org: &OrgId, member: &MemberId) -> Result<Option<Secret>, StoreError>;
    /// Keeps a member's password. All their sessions end but this one.
    async fn password_set(
        &self,
        by: &By,
        member: &MemberId,
        password: Secret,
        but: Option<&SessionId>,
    ) -> Result<(), ChangeError>;

    /// Opens a session and hands back what its cookie holds, the only time it is seen.
    async fn session_open(
        &self,
        by: &By,
        member: &MemberId,
        draft: SessionDraft,
    ) -> Result<(Session, Token), ChangeError>;
    /// The session that this token is, if it is good now: neither idle too long nor too old, its
    /// member active, MACs intact.
    async fn session_of(
        &self,
        token: &Token,
        now: Moment,
    ) -> Result<Option<SessionHolder>, StoreError>;
    /// Notes that a session is used. Writes at most once a minute.
    async fn session_seen(&self, session: &Session, now: Moment) -> Result<(), StoreError>;
    /// The member has proved afresh who they are: the session goes on under a new token.
    async fn session_prove(
        &self,
        by: &By,
        id: &SessionId,
        method: SignInMethod,
    ) -> Result<(Session, Token), ChangeError>;
    /// The living sessions of a member, newest first.
    async fn sessions(
        &self,
        org: &OrgId,
        member: &MemberId,
        now: Moment,
    ) -> Result<Vec<Session>, StoreError>;
    /// Ends one session of a member.
    async fn session_close(
        &self,
        by: &By,
        member: &MemberId,
        id: &SessionId,
    ) -> Result<(), ChangeError>;
    /// Ends all sessions of a member. Answers how many there were.
    async fn sessions_close(&self, by: &By, member: &MemberId) -> Result<i64, ChangeError>;

    /// The passkeys of a member, oldest first.
    async fn passkeys(&self, org: &OrgId, member: &MemberId) -> Result<Vec<Passkey>, StoreError>;
    /// The passkey with this credential id and its member, if they are active.
    async fn passkey_of(
        &self,
        org: &OrgId,
        credential_id: &[u8],
    ) -> Result<Option<(Passkey, Member)>, StoreError>;
    /// Keeps a passkey of a member.
    async fn passkey_add(
        &self,
        by: &By,
        member: &MemberId,
        draft: PasskeyDraft,
    ) -> Result<Passkey, ChangeError>;
    /// Notes that a passkey was used, and its counter. Refuses a counter that did not move on since
    /// (two uses of one answer).
    async fn passkey_used(
        &self,
        org: &OrgId,
        id: &PasskeyId,
        counter: u32,
        backed_up: bool,
        at: Moment,
    ) -> Result<(), ChangeError>;
    /// Removes a passkey of a member.
    async fn passkey_remove(
        &self,
        by: &By,
        member: &MemberId,
        id: &PasskeyId,
    ) -> Result<(), ChangeError>;

    /// The identity providers, by slug.
    async fn providers(&self, org: &OrgId) -> Result<Vec<Provider>, StoreError>;
    /// One identity provider, by id or slug, whose row is as we wrote it.
    async fn provider(&self, org: &OrgId, id: &str) -> Result<Option<Provider>, StoreError>;
    /// The client secret of a provider, if one is kept.
    async fn provider_secret(
        &self,
        org: &OrgId,
        id: &ProviderId,
    ) -> Result<Option<Secret>, StoreError>;
    /// Makes an identity provider.
    async fn provider_create(
        &self,
        by: &By,
        draft: ProviderDraft,
        secret: Option<Secret>,
    ) -> Result<Provider, ChangeError>;
    /// Writes all fields of a provider. A secret that is not given stays, unless the issuer or the
    /// client changed: then it goes, for it was another's.
    async fn provider_update(
        &self,
        by: &By,
        id: &ProviderId,
        revision: Option<i64>,
        draft: ProviderDraft,
        secret: Option<Secret>,
    ) -> Result<Provider, ChangeError>;
    /// Removes a provider, and what it knew people by.
    async fn provider_delete(&self, by: &By, id: &ProviderId) -> Result<(), ChangeError>;

    /// The member that this provider knows by this subject, if they are active.
    async fn identity_of(
        &self,
        org: &OrgId,
        provider: &ProviderId,
        subject: &str,
    ) -> Result<Option<Member>, StoreError>;
    /// From now on the provider knows this member by this subject. One who was invited is active
    /// from now on, and the link is used up.
    async fn identity_link(
        &self,
        by: &By,
        provider: &ProviderId,
        subject: &str,
        member: &MemberId,
    ) -> Result<Member, ChangeError>;
}

/// The address of the first admin until somebody has said theirs.
pub const FIRST_ADMIN_EMAIL: &str = "admin@localhost";

/// What the person says who uses a setup link.
#[derive(Clone, Debug)]
pub struct SetupDraft {
    /// Their address.
    pub email: String,
    /// What people call them.
    pub name: String,
}
