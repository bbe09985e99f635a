//! The payments server seen from outside: raw bytes over a real socket, no client library in between.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that cannot go on ends the test that called it"
)]

mod client;
mod ledger;
mod legacy;
mod modern;
mod transport;
