//! What the exact reader takes and refuses, and that other readers agree with it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod corpus;
mod documents;
mod foreign;
mod generate;
mod properties;
mod writing;
