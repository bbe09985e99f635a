//! The program as its operators meet it: what it prints, what it refuses, how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that cannot go on ends the test that called it"
)]

mod channels;
mod commands;
mod demo;
mod evidence;
mod files;
mod handbook;
mod log;
mod memory;
mod people;
mod program;
mod recording;
mod recovery;
mod sealing;
mod start;
mod telemetry;
mod tokens;
