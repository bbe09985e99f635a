//! Signing in by an identity provider: OpenID Connect, with any issuer that publishes a discovery
//! document.

mod claims;
mod flow;
mod issuer;

use store::ProviderDraft;

/// Whether the issuer of a provider publishes what is needed, before there is the provider.
pub(crate) async fn answers(draft: &ProviderDraft) -> Result<(), Unknown> {
    issuer::discover(draft).await.map(drop)
}

pub(crate) use flow::{Failed, Visit, Vouched, address, is_of, redeem};
pub(crate) use issuer::{Issuers, Unknown};
