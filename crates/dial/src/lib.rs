//! The way out, for everything outbound: which addresses may be dialled, the client that dials
//! them, and a bounded [`fetch`] for answers that are read whole.
//!
//! The gateway calls upstreams through it, the control plane identity providers. Nothing here
//! knows what is asked or why.

mod client;
mod fetch;
mod guard;
mod names;
mod patient;

pub use client::{Broken, Dial, HttpClient};
pub use fetch::{Fetch, FetchError, Fetched};
pub use guard::{Guard, GuardError};
pub use names::{Addresses, Names, machine};
pub use patient::Patient;
