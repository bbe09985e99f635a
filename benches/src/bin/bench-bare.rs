//! The proxy and the upstream of the measurement, with the system's memory.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::run()
}
