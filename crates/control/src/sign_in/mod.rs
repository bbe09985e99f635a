//! Signing in: who somebody is, proved by a password, a passkey or an identity provider, and
//! remembered by a session.
//!
//! - `enter` is getting in with a password or a link, `passkeys` with a passkey, `visits` by an
//!   identity provider; `session` is what they all open.
//! - `password`, `webauthn` and `oidc` judge proofs; they know nothing of routes.
//! - `cookie` and `party` are what a browser says of itself before anything is proved; `throttle`
//!   slows whoever fails, `pending` remembers what was begun.

mod common;
pub(crate) mod cookie;
pub(crate) mod enter;
pub(crate) mod links;
mod oidc;
mod party;
mod password;
pub(crate) mod passkeys;
mod pending;
pub(crate) mod session;
mod throttle;
pub(crate) mod visits;
mod webauthn;

pub(crate) use party::Asking;
use passkeys::Challenged;
use password::{Hashing, Password};
pub(crate) use pending::{Pending, WAIT_SECONDS};
use store::{ChangeError, FIRST_ADMIN_EMAIL, MemberChange, MemberId, MemberState, Role};
use throttle::Throttle;
use vault::{Secret, Token};

use crate::Control;

/// What the process remembers of signing in. Losing it loses nothing that was promised.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) hashing: Hashing,
    pub(crate) throttle: Throttle,
    pub(crate) challenges: Pending<Challenged>,
    pub(crate) visits: Pending<oidc::Visit>,
    pub(crate) issuers: oidc::Issuers,
}

/// Why the first admin was not made from the environment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirstAdminError {
    /// The password is not one that is taken.
    #[error("{0}")]
    Password(&'static str),
    /// It was not hashed.
    #[error("the password was not hashed")]
    Hash,
    /// The store refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl Control {
    /// Gives the first admin an address and a password, if nobody can sign in as admin yet. Answers
    /// whether it did; on every later start it does nothing.
    pub async fn first_admin(
        &self,
        email: &str,
        password: &Secret,
    ) -> Result<bool, FirstAdminError> {
        let org = self.store.organisation();
        if !self.store.needs_setup(&org).await? {
            return Ok(false);
        }
        let text = password.expose_str().unwrap_or_default();
        let password = Password::new(text, &[email]).map_err(FirstAdminError::Password)?;
        let hash = self.inner.sign_in.hashing.hash(password).await;
        let hash = hash.map_err(|_| FirstAdminError::Hash)?;
        let by = store::By::program(org.clone(), self.clock.now());
        let member = match self.first_admin_waiting().await? {
            Some(id) => {
                let change = MemberChange { email: Some(email.to_owned()), ..Default::default() };
                self.store.member_update(&by, &id, None, change).await?.id
            }
            None => {
                let name = email.split('@').next().unwrap_or(email).to_owned();
                let draft = store::MemberDraft { email: email.to_owned(), name, role: Role::Admin };
                self.store.member_add(&by, draft).await?.id
            }
        };
        self.store.password_set(&by, &member, hash, None).await?;
        Ok(true)
    }

    /// A link by which the first admin sets things up, if nobody can sign in as admin yet.
    pub async fn setup_token(&self) -> Result<Option<Token>, FirstAdminError> {
        let org = self.store.organisation();
        if !self.store.needs_setup(&org).await? {
            return Ok(None);
        }
        let Some(member) = self.first_admin_waiting().await? else { return Ok(None) };
        let now = self.clock.now();
        let by = store::By::program(org, now);
        Ok(Some(self.store.setup_create(&by, &member, now.plus_seconds(SETUP_SECONDS)).await?))
    }

    /// The admin who was made at the first start and whom nobody is yet.
    async fn first_admin_waiting(&self) -> Result<Option<MemberId>, store::StoreError> {
        let org = self.store.organisation();
        let found = self.store.member_by_email(&org, FIRST_ADMIN_EMAIL).await?;
        let waits = |m: &store::Member| m.state == MemberState::Active && m.role == Role::Admin;
        Ok(found.filter(waits).map(|member| member.id))
    }
}

/// Whether the issuer of an identity provider publishes what is needed.
///
/// - **Errors**: why not, for admins.
pub(crate) async fn answers_as_issuer(draft: &store::ProviderDraft) -> Result<(), String> {
    oidc::answers(draft).await.map_err(|error| error.to_string())
}

/// How long a setup link is good: a day.
pub(crate) const SETUP_SECONDS: i64 = 86_400;
