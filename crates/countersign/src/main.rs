//! The `countersign` program: reads the command line, builds every part, joins them, runs.
//!
//! `serve` and `demo` run an instance; every other command is a client of one, with no privilege
//! of its own. Nothing here decides anything about a call.

mod api;
mod args;
mod commands;
mod config;
mod cosigning;
mod dashboard;
mod demo;
mod events;
mod failure;
mod instance;
mod logging;
mod nearest;
mod out;
mod prober;
mod serve;
mod signals;
mod telemetry;
mod tls;
mod witnesses;

use std::alloc::System;
use std::process::ExitCode;

use clap::Parser as _;
use zeroizing_alloc::ZeroAlloc;

use args::{Arguments, Command};
use failure::Failure;
use out::Style;

/// Wipes every piece of memory that is given back. Our own secrets wipe themselves; this is for the
/// copies that libraries make on a credential's way to its upstream, such as the buffer that a
/// connection writes heads of requests from.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    logging::quiet_panics();
    let arguments = Arguments::parse();
    let style = if arguments.json { Style::Json } else { Style::Human };
    match run(arguments, style) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => out::failure(&failure, style),
    }
}

fn run(arguments: Arguments, style: Style) -> Result<(), Failure> {
    match arguments.command {
        Command::Serve(serve) => serve::run(serve, style),
        Command::Demo(demo) => demo::run(demo, style),
        _ => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| {
                Failure::new("system", format!("the program cannot run: {error}"), "try again")
            })?;
            runtime.block_on(commands::run(arguments, style))
        }
    }
}
