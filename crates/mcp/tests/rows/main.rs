//! The rows of the attack catalogue that concern messages, each by its id, and what no bytes may do.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod answers;
mod calls;
mod capabilities;
mod headers;
mod lists;
mod messages;
mod panics;
mod replies;
mod sse;
mod tools;
