//! The measurement, and the gateway in it, with the memory of the product.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// As in the product: what it costs belongs to what is measured.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    bench::run()
}
