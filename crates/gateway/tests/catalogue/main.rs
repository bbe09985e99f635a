//! The attack catalogue, row by row, against a whole gateway with a recording upstream behind it.
//!
//! Each family is a table of its own file; `ids.rs` holds the list of all rows and what becomes of
//! each. Every row asserts that nothing of the call reached the upstream, that no limit moved, that
//! exactly one line with the named reason stands in the call log, and that what was planted in the
//! call is in no log, no answer and no page of the database.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test that fails panics, and the rows that were tried are named in its output"
)]

mod fixture;
mod ids;
mod table;

mod family_a;
mod family_h;
mod family_j;
mod family_k;
mod family_p;
mod family_r;
mod family_s;
mod family_t;
mod family_v;
mod family_x;
mod family_y;
mod http2;

mod oauth;

mod beyond;
mod echoes;
mod faults;
mod mutations;
mod recording;
mod streams;
mod traced;
