//! Measures Countersign beside a bare proxy, in one run on one machine. Figures are ratios first:
//! the microseconds belong to the machine they were taken on.
//!
//! The program is its own load, upstream, proxy and gateway; each runs as a process of its own, so
//! that processor time can be told apart. It is built twice: as `bench`, whose allocator wipes what is
//! freed as the product's does, and as `bench-bare` for the proxy and the upstream, which hold nothing
//! that would have to be wiped.

mod evidence;
mod limits;
mod load;
mod micro;
mod process;
mod proxy;
mod report;
mod served;
mod upstream;

use std::process::ExitCode;

/// Runs the part of the measurement that the arguments name; without any, all of it.
pub fn run() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = |threads| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
    };
    let outcome = match words.as_slice() {
        ["upstream", size] => runtime(1).and_then(|r| r.block_on(upstream::run(size))),
        ["proxy", target] => runtime(1).and_then(|r| r.block_on(proxy::run(target))),
        ["gateway", mode, target] => runtime(1).and_then(|r| r.block_on(served::run(mode, target))),
        ["parts", ..] => {
            report::parts();
            Ok(())
        }
        ["limits", seconds, ..] => {
            let seconds = seconds.parse().unwrap_or(3);
            runtime(1).and_then(|r| r.block_on(limits::run(seconds)))
        }
        ["evidence", entries, ..] => {
            let entries = entries.parse().unwrap_or(100_000);
            runtime(1).and_then(|r| r.block_on(evidence::run(entries)))
        }
        ["start", program] => runtime(1).and_then(|r| r.block_on(report::start_up(program))),
        ["load", target, rest @ ..] => {
            runtime(1).and_then(|r| r.block_on(report::load(target, rest)))
        }
        rest => runtime(1).and_then(|r| r.block_on(report::run(rest))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::line(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}
