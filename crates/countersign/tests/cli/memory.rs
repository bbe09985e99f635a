//! What a debugger would find: the memory of the running program, searched for a credential after ten
//! thousand calls, and what is left on the way out when the program is made to crash.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::program::{Ended, Running, serve_command};

const KEY: &str = "sk_memory_0f9e41c7b2d85a63";
/// The same in base64, at the alignment it has when it stands alone.
const KEY_IN_BASE64: &str = "c2tfbWVtb3J5XzBmOWU0MWM3YjJkODVhNjM";
const CALLS: usize = 10_000;
const AGENTS: usize = 8;

/// How often these bytes stand in the memory that a process may write to.
fn copies(process: u32, wanted: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines() {
        let mut parts = line.split_whitespace();
        let (range, rights) = (parts.next().unwrap(), parts.next().unwrap());
        // What may only be read is the program's own text and that of its libraries.
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let address = |hex: &str| u64::from_str_radix(hex, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(address(to) - address(from)).unwrap()];
        // A part that goes while it is read holds nothing any more.
        let read = memory.read_at(&mut bytes, address(from)).unwrap_or(0);
        bytes.truncate(read);
        found += count(&bytes, wanted);
    }
    found
}

fn count(bytes: &[u8], wanted: &[u8]) -> usize {
    let (mut rest, mut found) = (bytes, 0);
    while let Some(at) = rest.iter().position(|byte| *byte == wanted[0]) {
        found += usize::from(rest[at..].starts_with(wanted));
        rest = &rest[at + 1..];
    }
    found
}

/// Calls so often on one connection.
fn call(gateway: &str, token: &str, times: usize) {
    let host = gateway.strip_prefix("http://").unwrap();
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_invoices","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let request = format!(
        "POST /mcp/pay HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: list_invoices\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = BufReader::new(TcpStream::connect(host).unwrap());
    for _ in 0..times {
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).unwrap();
        assert!(String::from_utf8_lossy(&answer).contains("Harbour Books"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_no_more_copies_of_a_credential_than_connections_explain() {
    let dir = tempdir().unwrap();
    let log = dir.path().join("log");
    let address = ([127, 0, 0, 1], 0).into();
    let payments = payments::Server::start(address, KEY.to_owned()).await.unwrap();
    let mut command = serve_command(dir.path());
    command.env("RUST_BACKTRACE", "full").stderr(Stdio::from(File::create(&log).unwrap()));
    let instance = Running::start_as_it_is(dir.path(), command);
    fs::write(dir.path().join("p.json"), r#"{"version":"1","default":"allow"}"#).unwrap();
    fs::write(dir.path().join("key"), KEY).unwrap();
    let url = payments.url();
    let run = |arguments: &[&str]| -> Ended {
        let ended = instance.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended
    };
    run(&["server", "add", "pay", &url, "--no-probe"]);
    assert_eq!(copies(instance.id(), KEY.as_bytes()), 0);
    run(&["credential", "set", "pay", "--file", "key"]);
    run(&["server", "refresh", "pay"]);
    run(&["policy", "publish", "all", "p.json"]);
    let issued = run(&["grant", "issue", "bot", "--server", "pay=all"]).json();
    let token = issued["token"].as_str().unwrap().to_owned();
    let gateway = instance.line["gateway_url"].as_str().unwrap().to_owned();

    std::thread::scope(|scope| {
        for _ in 0..AGENTS {
            scope.spawn(|| call(&gateway, &token, CALLS / AGENTS));
        }
    });
    // A connection to an upstream keeps what it wrote last until it writes again or is closed, which
    // is after four seconds of silence.
    let after = copies(instance.id(), KEY.as_bytes());
    assert!(after <= AGENTS, "{after} copies for {AGENTS} agents after {CALLS} calls");
    let until = Instant::now() + Duration::from_secs(60);
    let none = |wanted: &str| copies(instance.id(), wanted.as_bytes()) == 0;
    while !(none(KEY) && none(KEY_IN_BASE64)) {
        let left = copies(instance.id(), KEY.as_bytes());
        assert!(Instant::now() < until, "{left} copies stay for ever");
        std::thread::sleep(Duration::from_millis(500));
    }

    // Killed as a crash would: nothing of it is written anywhere.
    call(&gateway, &token, 3);
    let limits = fs::read_to_string(format!("/proc/{}/limits", instance.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    let (code, _) = instance.stop("-ABRT");
    assert_eq!(code, None, "it ended by the signal");
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains(KEY) && !log.contains(KEY_IN_BASE64) && !log.contains(&token), "{log}");
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.ends_with("key") {
            let bytes = fs::read(&path).unwrap();
            assert_eq!(count(&bytes, KEY.as_bytes()), 0, "{}", path.display());
        }
    }
}
