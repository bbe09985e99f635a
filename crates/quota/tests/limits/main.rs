//! The laws of limits, tried from outside: by hand at the edges, by random sequences of steps
//! against a plain model, and by a simulation with crashes and lost messages.

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
