//! Processes of the measurement: how one is started, and what it has used.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Prints where this process listens, for its parent.
pub(crate) fn announce(address: SocketAddr) {
    let mut out = io::stdout().lock();
    // The parent that does not read any more ends this process anyway.
    drop(writeln!(out, "{address}"));
    drop(out.flush());
}

/// A process of the measurement; ended when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts this program again in another part, on one core if the machine lets us choose. What is
    /// not ours is started as the program that wipes nothing.
    pub(crate) fn start(core: Option<usize>, part: &[&str]) -> io::Result<Self> {
        let this = std::env::current_exe()?;
        let program = match part.first() {
            Some(&("proxy" | "upstream")) => this.with_file_name("bench-bare"),
            _ => this,
        };
        let mut command = match core {
            Some(core) if has_taskset() => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(program);
                command
            }
            _ => Command::new(program),
        };
        let mut child = command.args(part).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut first = String::new();
        BufReader::new(stdout).read_line(&mut first)?;
        let address = first.trim().parse().map_err(|_| {
            io::Error::other(format!("{part:?} did not say where it listens: {first:?}"))
        })?;
        Ok(Self { child, address })
    }

    /// Processor time used so far, user and system.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        // Fields 14 and 15 of the line; Linux counts them in hundredths of a second.
        Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.unwrap_or(0) * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn has_taskset() -> bool {
    let mut asked = Command::new("taskset");
    asked.arg("-V").stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A program that is ended with its measurement.
pub(crate) struct Ended(pub(crate) Child);

impl Ended {
    /// Ends it and waits until it is gone, so that its files are free.
    pub(crate) fn end(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}
