//! Runs the program as an operator does, and reads what it says.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The program, with nothing of this process's environment that it would read.
pub(crate) fn program(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).current_dir(dir).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("COUNTERSIGN_") || name == "RUST_LOG" {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The documents on standard output, one a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The failure on standard error: its code, its sentence, what to do next.
    pub(crate) fn failure(&self) -> (String, String, String) {
        let last = self.err.lines().last().unwrap_or_else(|| panic!("no failure: {self:?}"));
        let value: Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        (text("code"), text("error"), text("next"))
    }
}

/// Runs a command to its end.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Ended {
    Ended::of(program(dir, arguments).output().unwrap())
}

/// A running instance. It is ended when dropped.
pub(crate) struct Running {
    child: Child,
    dir: PathBuf,
    /// The first line it wrote.
    pub(crate) line: Value,
    pub(crate) api_key: String,
}

/// `serve` on free ports, with its data in `dir/data`.
pub(crate) fn serve(dir: &Path) -> Running {
    Running::start(dir, serve_command(dir))
}

pub(crate) fn serve_command(dir: &Path) -> Command {
    program(
        dir,
        &[
            "--json",
            "serve",
            "--data-dir",
            "data",
            "--gateway-listen",
            "127.0.0.1:0",
            "--control-listen",
            "127.0.0.1:0",
        ],
    )
}

impl Running {
    /// Starts the command and waits for its first line.
    pub(crate) fn start(dir: &Path, mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        Self::start_as_it_is(dir, command)
    }

    /// The same, with standard error where the command has it.
    pub(crate) fn start_as_it_is(dir: &Path, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut err = String::new();
            if let Some(mut log) = child.stderr.take() {
                log.read_to_string(&mut err).unwrap();
            }
            panic!("it did not start: {err}");
        }
        child.stdout = Some(out.into_inner());
        let line: Value = serde_json::from_str(&line).unwrap();
        let api_key = line["api_key"].as_str().unwrap_or_default().to_owned();
        Self { child, dir: dir.to_owned(), line, api_key }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A command against this instance, with its first key.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&self.api_key, arguments)
    }

    pub(crate) fn run_with(&self, key: &str, arguments: &[&str]) -> Ended {
        Ended::of(self.command(key, arguments).output().unwrap())
    }

    pub(crate) fn command(&self, key: &str, arguments: &[&str]) -> Command {
        let mut command = program(&self.dir, arguments);
        let url = self.line["control_url"].as_str().unwrap();
        command.env("COUNTERSIGN_URL", url).env("COUNTERSIGN_API_KEY", key);
        command
    }

    /// Asks it to end, and waits until it has. Gives its exit code and what it wrote to its log.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let mut err = String::new();
        if let Some(mut log) = self.child.stderr.take() {
            log.read_to_string(&mut err).unwrap();
        }
        (self.child.wait().unwrap().code(), err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
