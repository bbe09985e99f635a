//! The API over real HTTP: a listener on loopback, a SQLite store in a temporary directory, and a
//! prober that plays the upstream.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod world;
mod evidence;
mod roles;
mod walk;
mod walk_more;
mod people;
mod drafts;
mod kept;
mod replay;
mod watches;
mod amounts;
mod approvals;
mod attacks;
mod channels;
mod audit;
mod organisations;
mod http;
mod strict;
mod conventions;
mod servers;
mod policies;
mod policy_use;
mod lines;
mod grants;
mod keyring;
mod oauth;
mod oauth_scopes;
mod credentials;
mod keys;
mod limits;
mod recording;
mod repeat;
mod calls;
mod dashboard;
mod secrets;
mod browser;
mod sign_in;
mod sessions;
mod issuer;
mod oidc;
mod passkeys;
