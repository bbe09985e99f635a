//! For tests only: an upstream that records every byte, raw clients that send exact bytes, a whole
//! house around a gateway, and a scanner for planted secrets. Nothing here is part of the product.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that cannot go on ends the test that called it"
)]

mod agent;
mod canary;
mod clock;
mod house;
mod logs;
mod script;
mod upstream;
mod wire;

pub use agent::{Agent, Era, LEGACY, MODERN};
pub use canary::{Canary, Scan};
pub use clock::TestClock;
pub use house::{GrantIn, House, Setup, SetupServer};
pub use script::{Answer, Piece};
pub use upstream::{Seen, Upstream};
pub use wire::{Events, Open, Request, Response, send};
