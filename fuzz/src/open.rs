//! Looks for bytes that open as a sealed record and were not sealed: `cargo xtask fuzz`.

#![no_main]

// The very question that the tests ask, so that what is found here fails there.
#[path = "../../crates/vault/tests/promises/opening.rs"]
mod opening;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| opening::nothing_opens_that_was_not_sealed(bytes));
