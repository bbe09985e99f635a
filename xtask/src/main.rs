//! Every chore of this repository, in Rust: `cargo xtask`. Nothing here is part of the product.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore speaks to the person who started it"
)]

use std::process::ExitCode;

mod api;
mod arrows;
mod bench;
mod catalogue;
mod check;
mod demo;
mod deny;
mod evidence;
mod files;
mod fuzz;
mod install;
mod links;
mod oauth;
mod peers;
mod policy_edit;
mod process;
mod report;
mod sign_in;
mod telemetry;
mod test;
mod web;
mod workspace;

const USAGE: &str = "\
Usage: cargo xtask <chore>

  check [--quick] formatting, arrows between crates, licences and bans, links, tidiness, lints;
                  --quick leaves the lints out
  demo [ARGS]     build and run `countersign demo`, with its own arguments (try --drive)
  test [--quick]  check, every test, and official MCP clients, servers and the conformance suite
                  through a running gateway; --quick leaves those peers out
  peers           those peers alone
  web             install and build the dashboard, if anything changed
  fuzz [SECONDS]  look for bytes that open as a sealed record and were not sealed
  bench [ARGS]    measure beside a bare proxy, and say what it costs; --write keeps the figures in
                  docs/benchmarks.md
";

/// What a chore ends with: nothing more to say, or one sentence that says what went wrong.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    match run(&chore, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &str, args: &[String]) -> Outcome {
    match chore {
        "check" => check::run(args),
        "demo" => demo::demo(args),
        "web" => web::build(),
        "bench" => bench::run(args),
        "fuzz" => fuzz::fuzz(args),
        "test" => test::run(args),
        "peers" => test::peers_alone(args),
        "" | "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no chore `{other}`\n\n{USAGE}")),
    }
}
