//! Limits through a whole gateway: what each fault of an upstream counts, exact amounts, races,
//! windows that turn under a call, a clock in doubt. Rows Q of the catalogue by id, and those of F
//! that concern limits.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod house;
mod ids;

mod amounts;
mod beside;
mod chains;
mod clock;
mod faults;
mod races;
mod windows;
