//! The payments server as a program of its own: reads its arguments, starts, prints where, and runs until interrupted.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use payments::{Options, Server};

const USAGE: &str = "\
A payments MCP server with an in-memory ledger.

Usage: countersign-payments [--listen ADDRESS:PORT] [--api-key-file FILE] [--sse] [--latency-ms N]

  --listen ADDRESS:PORT  Where to listen. 127.0.0.1:0 unless given; port 0 picks a free one.
  --api-key-file FILE    The file that holds the API key clients must show.
                         Without it the key is taken from PAYMENTS_API_KEY.
  --sse                  Answer as event streams.
  --latency-ms N         Hold answers to tool calls back for N milliseconds.
";

/// What the command line asks for.
struct Arguments {
    listen: SocketAddr,
    api_key_file: Option<String>,
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().skip(1).any(|arg| arg == "--help" || arg == "-h") {
        let _ = io::stdout().write_all(USAGE.as_bytes());
        return ExitCode::SUCCESS;
    }
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "countersign-payments: {problem}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let arguments = read_arguments(std::env::args().skip(1))?;
    let api_key = read_key(arguments.api_key_file.as_deref())?;
    let running = Server::start_with(arguments.listen, api_key, arguments.options)
        .await
        .map_err(|e| format!("cannot listen on {}: {e}", arguments.listen))?;
    // A closed standard output is no reason not to serve.
    let _ = writeln!(io::stdout(), "serving {}\nledger  {}", running.url(), running.ledger_url());
    tokio::signal::ctrl_c().await.map_err(|e| format!("cannot wait for an interrupt: {e}"))?;
    running.stop().await;
    Ok(())
}

fn read_arguments(args: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut read = Arguments {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        api_key_file: None,
        options: Options::default(),
    };
    let mut args = args;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
        match arg.as_str() {
            "--listen" => {
                let text = value()?;
                read.listen =
                    text.parse().map_err(|_| format!("`{text}` is not an address and a port"))?;
            }
            "--api-key-file" => read.api_key_file = Some(value()?),
            "--sse" => read.options.sse = true,
            "--latency-ms" => {
                let text = value()?;
                let millis = text
                    .parse()
                    .map_err(|_| format!("`{text}` is not a number of milliseconds"))?;
                read.options.latency = Duration::from_millis(millis);
            }
            _ => return Err(format!("unknown argument `{arg}`; `--help` lists them")),
        }
    }
    Ok(read)
}

fn read_key(file: Option<&str>) -> Result<String, String> {
    let Some(file) = file else {
        return std::env::var("PAYMENTS_API_KEY")
            .map_err(|_| "give --api-key-file FILE or set PAYMENTS_API_KEY".to_owned());
    };
    let key = std::fs::read_to_string(file).map_err(|e| format!("cannot read `{file}`: {e}"))?;
    Ok(key.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        read_arguments(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_command_line_is_read() {
        let read =
            read("--listen 127.0.0.1:8099 --sse --latency-ms 25 --api-key-file key").unwrap();
        assert_eq!(read.listen, SocketAddr::from(([127, 0, 0, 1], 8099)));
        assert_eq!(read.api_key_file.as_deref(), Some("key"));
        assert!(read.options.sse);
        assert_eq!(read.options.latency, Duration::from_millis(25));
    }

    #[test]
    fn a_wrong_command_line_says_what_is_wrong() {
        for (line, says) in [
            ("--listen", "`--listen` needs a value"),
            ("--listen here", "`here` is not an address and a port"),
            ("--latency-ms x", "`x` is not a number of milliseconds"),
            ("--port 1", "unknown argument `--port`; `--help` lists them"),
        ] {
            assert_eq!(read(line).err().as_deref(), Some(says), "{line}");
        }
    }
}
