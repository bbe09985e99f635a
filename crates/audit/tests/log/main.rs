//! The promises of the log, each as a test: its tree, its formats, its verifier.

#![expect(clippy::unwrap_used, reason = "a test may say that something is so")]

mod attacks;
mod entries;
mod formats;
mod strangers;
mod support;
mod tree;
mod vectors;
mod witnesses;
