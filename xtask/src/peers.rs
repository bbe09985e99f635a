//! A running gateway with official servers behind it, for the tests of `tests/peers`.
//!
//! Everything is set up as an operator would do it, by the command line of the binary under test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::process::{self, Beside, Scratch};
use crate::{Outcome, workspace};

/// What the payments server wants to see; it is a secret of this run alone.
const PAYMENTS_KEY: &str = "sk_peers_7f1c2c6f90c84d51";

/// The gateway, its upstreams, and one grant for each that allows everything.
pub(crate) struct House {
    folder: Scratch,
    binaries: PathBuf,
    logs: PathBuf,
    control_url: String,
    api_key: String,
    endpoints: Map<String, Value>,
    running: Vec<Beside>,
}

impl House {
    /// Builds and starts everything.
    pub(crate) fn open() -> Result<Self, String> {
        let build = ["build", "--package", "countersign", "--package", "payments", "--bins"];
        process::quiet(process::cargo(&build, &workspace::root()))?;
        let target = workspace::target_dir()?;
        let mut house = Self {
            folder: Scratch::new("peers")?,
            binaries: target.join("debug"),
            logs: fresh(target.join("peers"))?,
            control_url: String::new(),
            api_key: String::new(),
            endpoints: Map::new(),
            running: Vec::new(),
        };
        house.serve()?;
        house.publish("everything-allowed", &json!({"version": "1", "default": "allow"}))?;
        house.upstream("everything", "node", "everything.mjs")?;
        house.upstream("fastmcp", ".venv/bin/python", "fastmcp_server.py")?;
        house.upstream("fixture", "node", "fixture.mjs")?;
        house.payments()?;
        Ok(house)
    }

    /// The tests of `tests/peers`, told where this house is.
    pub(crate) fn suite(&self) -> Result<Command, String> {
        let file = self.write("peers.json", &Value::from(self.endpoints.clone()))?;
        let args = ["--test", "--test-reporter=spec", "--test-timeout=900000"];
        let mut command = process::command("node", &args, &peers());
        command.env("PEERS_GATEWAY", file);
        command.env("PEERS_COUNTERSIGN", self.binaries.join("countersign"));
        Ok(command)
    }

    /// Makes a policy, or the next version of it.
    pub(crate) fn publish(&self, name: &str, policy: &Value) -> Outcome {
        let file = self.write(&format!("{name}.policy.json"), policy)?;
        self.countersign(&["policy", "publish", name, &file.to_string_lossy()]).map(drop)
    }

    /// Issues a grant for one server under one policy; answers where it leads and its token.
    pub(crate) fn grant(
        &self,
        label: &str,
        server: &str,
        policy: &str,
    ) -> Result<(String, String), String> {
        let reach = format!("{server}={policy}");
        let made = self.countersign(&["grant", "issue", label, "--server", &reach])?;
        let shown = self.countersign(&["server", "show", server])?;
        Ok((text(&shown, "/gateway_url")?, text(&made, "/token")?))
    }

    /// Where the control plane is.
    pub(crate) fn control_url(&self) -> &str {
        &self.control_url
    }

    /// A key of the API with this role.
    pub(crate) fn key(&self, role: &str) -> Result<String, String> {
        text(&self.countersign(&["key", "create", role, "--role", role])?, "/token")
    }

    /// A client of `tests/peers` that takes commands on its standard input.
    pub(crate) fn client(
        &self,
        program: &str,
        script: &str,
        mode: &str,
        (url, token): &(String, String),
    ) -> Result<Beside, String> {
        let args = [script, "--url", url, "--token", token, "--mode", mode];
        let mut command = process::command(&program_of(program), &args, &peers());
        command.stdin(Stdio::piped());
        Beside::start(script, command, &self.log("clients"))
    }

    /// A folder with the evidence of this house, in both forms, and the key it is checked with.
    pub(crate) fn evidence(&self) -> Result<PathBuf, String> {
        let folder = fresh(self.folder.path().join("evidence"))?;
        let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let key = self.countersign(&["audit", "key"])?;
        std::fs::write(at("key.txt"), text(&key, "/key")?)
            .map_err(|e| format!("cannot write the key: {e}"))?;
        self.countersign(&["audit", "export", "--to", &at("tree.jsonl")])?;
        self.countersign(&["audit", "export", "--proofs", "--to", &at("proofs.jsonl")])?;
        Ok(folder)
    }

    /// Where everything that ran beside the tests has left its words.
    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    fn serve(&mut self) -> Outcome {
        let data = self.folder.path().join("data");
        let mut command = self.binary("countersign", &["--json", "serve", "--data-dir"]);
        command.arg(&data).args(["--gateway-listen", "127.0.0.1:0"]);
        command.args(["--control-listen", "127.0.0.1:0"]);
        let mut serving = Beside::start("countersign serve", command, &self.log("countersign"))?;
        let line = serving.wait_for("api_key")?;
        let said: Value =
            serde_json::from_str(&line).map_err(|e| format!("`serve` said no JSON: {e}"))?;
        self.control_url = text(&said, "/control_url")?;
        self.api_key = text(&said, "/api_key")?;
        self.running.push(serving);
        Ok(())
    }

    /// Starts a server of `tests/peers` and registers it.
    fn upstream(&mut self, name: &str, program: &str, script: &str) -> Outcome {
        let port = free_port()?.to_string();
        let command = process::command(&program_of(program), &[script, "--port", &port], &peers());
        let mut upstream = Beside::start(script, command, &self.log(name))?;
        upstream.wait_for("ready")?;
        self.running.push(upstream);
        let url = format!("http://127.0.0.1:{port}/mcp");
        self.countersign(&["server", "add", name, &url])?;
        self.endpoint(name, &url)
    }

    /// Starts the payments server, registers it, and gives it its credential.
    fn payments(&mut self) -> Outcome {
        let key = self.folder.path().join("payments.key");
        std::fs::write(&key, PAYMENTS_KEY).map_err(|e| format!("cannot write a key file: {e}"))?;
        let key = key.to_string_lossy();
        let command = self.binary("countersign-payments", &["--api-key-file", &key]);
        let mut payments = Beside::start("the payments server", command, &self.log("payments"))?;
        let line = payments.wait_for("serving ")?;
        self.running.push(payments);
        let url = line.trim_start_matches("serving ").trim().to_owned();
        self.countersign(&["server", "add", "payments", &url, "--no-probe"])?;
        self.countersign(&["credential", "set", "payments", "--file", &key])?;
        self.countersign(&["server", "refresh", "payments"])?;
        self.endpoint("payments", &url)
    }

    fn endpoint(&mut self, name: &str, direct: &str) -> Outcome {
        let (url, token) = self.grant(&format!("{name}-peers"), name, "everything-allowed")?;
        let endpoint = json!({"url": url, "token": token, "direct": direct});
        self.endpoints.insert(name.to_owned(), endpoint);
        Ok(())
    }

    /// Runs a command of the binary against this house; answers what it printed, as JSON.
    fn countersign(&self, args: &[&str]) -> Result<Value, String> {
        let mut command = self.binary("countersign", &["--json", "--url", &self.control_url]);
        command.args(args).env("COUNTERSIGN_API_KEY", &self.api_key);
        let said = process::quiet(command)?;
        let last = said.lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|e| format!("`{}` printed no JSON: {e}", args.join(" ")))
    }

    /// A program of ours, away from whatever configuration the person running this has.
    fn binary(&self, name: &str, args: &[&str]) -> Command {
        let program = self.binaries.join(name);
        let mut command = process::command(&program.to_string_lossy(), args, self.folder.path());
        let ours = std::env::vars_os().map(|(name, _)| name);
        let ours = ours.filter(|name| name.to_string_lossy().starts_with("COUNTERSIGN_"));
        for name in ours {
            command.env_remove(name);
        }
        command
    }

    fn write(&self, name: &str, value: &Value) -> Result<PathBuf, String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, value.to_string())
            .map_err(|e| format!("cannot write `{name}`: {e}"))?;
        Ok(path)
    }
}

/// An empty folder of this path.
fn fresh(path: PathBuf) -> Result<PathBuf, String> {
    // What is not there need not go.
    let _ = std::fs::remove_dir_all(&path);
    let made = std::fs::create_dir_all(&path);
    made.map(|()| path).map_err(|e| format!("cannot make a folder for logs: {e}"))
}

fn peers() -> PathBuf {
    workspace::root().join("tests").join("peers")
}

/// A program by its name, or by its path within `tests/peers`.
fn program_of(name: &str) -> String {
    if Path::new(name).components().count() == 1 {
        return name.to_owned();
    }
    peers().join(name).to_string_lossy().into_owned()
}

/// A port nobody listens on at this moment.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| format!("no free port: {e}"))?;
    Ok(listener.local_addr().map_err(|e| format!("no free port: {e}"))?.port())
}

fn text(value: &Value, pointer: &str) -> Result<String, String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("the answer has no `{pointer}`: {value}"))
}
