//! The data plane: carries one call from an agent's bytes to the agent's answer.
//!
//! The modules below are declared in the order a call meets them; `tool_call.rs` holds the whole
//! road on one screen. What is judged is what is sent, no answer is never a yes, the agent's secret
//! goes no further and the upstream's secret comes no nearer.
//!
//! The gateway knows nothing of people, roles or the dashboard: it reads one [`store::View`] and
//! writes the call log.

mod server;
mod receive;
mod authenticate;
mod parse;
mod road;
mod ride;
mod tool_call;
mod approve;
mod hold;
mod reserve;
mod inject;
mod tokens;
mod forward;
mod settle;
mod record;
mod recording;
mod observe;
mod trace;

mod exchange;
mod leg;

mod legacy;
mod modern;
mod lists;
mod reads;
mod stream;
mod session;

mod agent;
mod beside;
mod chains;
mod config;
mod digest;
mod discovery;
mod flights;
mod holds;
mod notices;
mod refusal;
mod requests;
mod snapshot;
mod strangers;
mod uri;

pub use config::{Config, Holding, Timeouts};
pub use discovery::{ProbeError, Probed};
pub use observe::{Decided, Ended, Observer, Trace};
pub use road::Gateway;
