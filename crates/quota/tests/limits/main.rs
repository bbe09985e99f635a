//! The laws of limits, tried from outside: by hand at the edges, by random sequences of steps
//! against a plain model, and by a simulation with crashes and lost messages.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

mod edges;
mod keeping;
mod laws;
mod model;
mod money;
mod people;
mod rolling;
mod simulation;
mod states;
mod world;
