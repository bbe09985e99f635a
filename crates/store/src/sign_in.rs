//! What is kept of signing in, as plain types: sessions, passkeys, identity providers. No secret is
//! readable here.

use crate::{Member, MemberId, Moment, OrgId, PasskeyId, ProviderId, Role, SessionId};

/// A signed-in browser whose cookie is good.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id: not a secret, and not what the cookie holds.
    pub id: SessionId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// Who signed in.
    pub member: MemberId,
    /// How they proved who they are.
    pub method: SignInMethod,
    /// When they signed in.
    pub created_at: Moment,
    /// When they last proved who they are.
    pub proved_at: Moment,
    /// When it was last used, to the minute.
    pub seen_at: Moment,
    /// The moment it ends, however much it is used.
    pub expires_at: Moment,
    /// The address it was opened from.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: Option<String>,
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// With a password.
    Password,
    /// With a passkey.
    Passkey,
    /// By an identity provider.
    Provider,
}

impl SignInMethod {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Provider => "provider",
        }
    }

    /// The method of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::Passkey, Self::Provider].into_iter().find(|m| m.as_str() == text)
    }
}

/// A session about to be opened.
#[derive(Clone, Debug)]
pub struct SessionDraft {
    /// How the member proved who they are.
    pub method: SignInMethod,
    /// When they did: earlier than now where a provider vouches for somebody it knew already.
    pub proved_at: Moment,
    /// What the browser calls itself; cut to a line.
    pub agent: Option<String>,
    /// The session that the browser had before, which ends.
    pub replaces: Option<SessionId>,
}

/// A good session and the member whose it is.
#[derive(Clone, Debug)]
pub struct SessionHolder {
    /// The session.
    pub session: Session,
    /// Whose it is: active.
    pub member: Member,
}

/// A passkey: what is kept of it is public.
#[derive(Clone, Debug)]
pub struct Passkey {
    /// Its id in the API.
    pub id: PasskeyId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// Whose it is.
    pub member: MemberId,
    /// What they call it.
    pub label: String,
    /// The id its authenticator gave it.
    pub credential_id: Vec<u8>,
    /// Its public key, as COSE writes it.
    pub public_key: Vec<u8>,
    /// The counter it said last.
    pub counter: u32,
    /// Whether copies of it are kept elsewhere.
    pub backed_up: bool,
    /// When it was registered.
    pub created_at: Moment,
    /// When it was last used.
    pub used_at: Option<Moment>,
}

/// A passkey about to be kept.
#[derive(Clone, Debug)]
pub struct PasskeyDraft {
    /// What its owner calls it.
    pub label: String,
    /// The id its authenticator gave it.
    pub credential_id: Vec<u8>,
    /// Its public key, as COSE writes it.
    pub public_key: Vec<u8>,
    /// The counter it said first.
    pub counter: u32,
    /// Whether copies of it are kept elsewhere.
    pub backed_up: bool,
}

/// An identity provider (OpenID Connect) that people may sign in by; its client secret is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// What is kept of it.
    pub draft: ProviderDraft,
    /// Whether a client secret is kept.
    pub has_secret: bool,
    /// Counts changes, for `If-Match`.
    pub revision: i64,
    /// When it was made.
    pub created_at: Moment,
    /// When it was last changed.
    pub updated_at: Moment,
}

/// A new identity provider, or all fields of a changed one but its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderDraft {
    /// The name in its addresses: `/sign-in/oidc/{slug}`.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// The issuer, exactly as its tokens say it.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// Private targets it may be reached at, each `host:port`.
    pub private_targets: Vec<String>,
    /// Scopes asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups there.
    pub groups_claim: String,
    /// Groups there and the role they give here. The highest wins.
    pub roles: Vec<(String, Role)>,
    /// Groups there and the groups they mean here.
    pub groups: Vec<(String, String)>,
    /// The role of somebody whose groups give none; without one they must be members already.
    pub default_role: Option<Role>,
    /// Whether addresses count as verified that the provider does not call so.
    pub trust_email: bool,
    /// Whether people may sign in by it.
    pub enabled: bool,
}
