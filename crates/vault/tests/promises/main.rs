//! What the vault promises, seen from outside: published vectors, tampering, rotation, silence.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod scripted;
mod vectors;
mod sealing;
mod opening;
mod rotation;
mod tokens;
#[cfg(unix)]
mod sources;
mod secrecy;
