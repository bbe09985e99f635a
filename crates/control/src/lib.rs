//! The control plane's REST API: who may change what, and how it is recorded.
//!
//! A request comes in by [`serve`] (deadlines and bounds), passes `arrival` (host, origin, id),
//! finds its page in `routes`, becomes an `Operator` by its key and an `Authorized` by its role,
//! and only then is its body read and its command carried out. The store writes the change and its
//! audit line together. Every refusal is worded in `problem`.
//!
//! No call of an agent passes here, and nothing here opens a credential except to say whether it
//! would open.

// In the order in which a request meets them.
mod serve;
mod amounts;
mod approvals;
mod proxies;
mod arrival;
mod routes;
mod state;
mod operator;
mod strangers;
mod summary;
mod pace;
mod sign_in;
mod roles;
mod can;
mod path;
mod body;
mod decode;
mod page;
mod etag;
mod evidence;
mod metrics;
mod repeat;
mod health;
mod permissions;
mod catalogue;
mod servers;
mod server_url;
mod tools;
mod credentials;
mod oauth;
mod reveal;
mod recordings;
mod policies;
mod policy_use;
mod drafts;
mod kept;
mod jsonl;
mod judge;
mod trial;
mod simulate;
mod exact;
mod difference;
mod grants;
mod usage;
mod watches;
mod replay;
mod holding;
mod reservations;
mod clock;
mod calls;
mod channels;
mod tail;
mod me;
mod members;
mod groups;
mod keys;
mod limits;
mod keyring;
mod providers;
mod audit;
mod backup;
mod problem;
mod nearest;
mod time;
mod document;
mod currency;
mod dashboard;

pub use dashboard::Asset;
pub use document::{api_markdown, openapi_json};
pub use keyring::NextRootKey;
pub use metrics::{Exported, Watch};
pub use providers::ProvidersError;
pub use proxies::{Network, NetworkError};
pub use routes::router;
pub use serve::serve;
pub use sign_in::FirstAdminError;
pub use state::{Control, Probe, ProbeError, Prober};

pub(crate) use path::At;

/// What a repeated answer says in place of a token.
pub(crate) const TOKEN_GONE: &str =
    "the token was shown in the first answer and is kept nowhere; make a new one if it was lost";
