//! How one row is tried: exact bytes in, and everything that must follow from them.

use store::{Call, DataPlane as _, Verdict};
use testkit::{Agent, Canary, Era, GrantIn, House, Response, Scan, send};

/// What the agent is told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// This HTTP status, whatever the body says.
    Status(u16),
    /// The connection is closed, with or without an answer of this status.
    StatusOrClosed(u16),
    /// A JSON-RPC error: HTTP status and code.
    Error(u16, i64),
    /// A JSON-RPC error whose HTTP status depends on the era: legacy, modern, code.
    ErrorByEra(u16, u16, i64),
    /// A tool result that says it was denied, by this rule.
    Denied(&'static str),
}

/// What stands in the call log afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Logged {
    /// One line with this reason.
    One(&'static str),
    /// None, but one more stranger was counted.
    Stranger,
    /// None, for nobody could be told apart: the bytes were no HTTP request.
    Nothing,
}

/// Makes the bytes of a request.
type Make = dyn Fn(&Agent, &Era, &Canary) -> Vec<u8> + Send + Sync;

/// One row, or one variant of it.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) what: String,
    /// The eras it is tried in: legacy, in a session, modern.
    eras: [bool; 3],
    bytes: Box<Make>,
    told: Told,
    logged: Logged,
    /// Whether the upstream may be asked for its tools meanwhile.
    looks_again: bool,
}

impl Row {
    /// A row whose bytes are made by a function.
    pub(crate) fn new(
        id: &'static str,
        what: impl Into<String>,
        bytes: impl Fn(&Agent, &Era, &Canary) -> Vec<u8> + Send + Sync + 'static,
        told: Told,
        logged: Logged,
    ) -> Self {
        let bytes = Box::new(bytes);
        Self { id, what: what.into(), eras: [true; 3], bytes, told, logged, looks_again: false }
    }

    /// A row of one body. `{C}` in it becomes the canary, `{META}` what a modern request needs.
    pub(crate) fn body(
        id: &'static str,
        body: impl Into<Vec<u8>>,
        told: Told,
        logged: Logged,
    ) -> Self {
        let body = body.into();
        let what = body[..body.len().min(120)].escape_ascii().to_string();
        let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
            agent.post(era, fill(&body, era, canary)).bytes()
        };
        Self::new(id, what, bytes, told, logged)
    }

    /// A row of a call with these members in its params.
    pub(crate) fn params(id: &'static str, members: &str, told: Told, logged: Logged) -> Self {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{members}{{META}}}}}}"#
        );
        Self { what: members.chars().take(120).collect(), ..Self::body(id, text, told, logged) }
    }

    /// A row of a call of that tool with these arguments.
    pub(crate) fn call(
        id: &'static str,
        tool: &str,
        arguments: &str,
        told: Told,
        logged: Logged,
    ) -> Self {
        let name = serde_json::json!(tool);
        let row =
            Self::params(id, &format!(r#""name":{name},"arguments":{arguments}"#), told, logged);
        Self { what: format!("{tool} {}", arguments.chars().take(100).collect::<String>()), ..row }
    }

    /// Only in the legacy era, with and without a session.
    pub(crate) fn legacy(self) -> Self {
        Self { eras: [true, true, false], ..self }
    }

    /// Only in the modern era.
    pub(crate) fn modern(self) -> Self {
        Self { eras: [false, false, true], ..self }
    }

    /// Only without a session, in the legacy era: for rows that concern HTTP alone.
    pub(crate) fn once(self) -> Self {
        Self { eras: [true, false, false], ..self }
    }

    /// A row that may make the gateway ask for the list of tools.
    pub(crate) fn looks_again(self) -> Self {
        Self { looks_again: true, ..self }
    }
}

/// A body with its placeholders filled.
pub(crate) fn fill(body: &[u8], era: &Era, canary: &Canary) -> Vec<u8> {
    let body = replace(body, b"{C}", canary.text().as_bytes());
    replace(&body, b"{META}", Agent::meta(era).as_bytes())
}

fn replace(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(what) {
            out.extend_from_slice(with);
            at += what.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// An agent for each era, each with a grant of its own.
pub(crate) struct Agents(Vec<(Agent, Era, &'static str)>);

impl Agents {
    pub(crate) async fn of(house: &House) -> Self {
        let legacy = house.issue(GrantIn::new("legacy")).await;
        let in_session = house.issue(GrantIn::new("in-session")).await;
        let modern = house.issue(GrantIn::new("modern")).await;
        let session = in_session.session().await;
        Self(vec![
            (legacy, Era::Legacy, "legacy"),
            (in_session, session, "in-session"),
            (modern, Era::Modern, "modern"),
        ])
    }
}

/// Tries every row in each of its eras; tells of all that fail.
pub(crate) async fn run(house: &House, rows: Vec<Row>) {
    let agents = Agents::of(house).await;
    let mut failures = Vec::new();
    let mut canaries = Vec::new();
    let mut tried = 0;
    for row in &rows {
        for ((agent, era, label), _) in agents.0.iter().zip(row.eras).filter(|(_, tried)| *tried) {
            let canary = Canary::new();
            tried += 1;
            if let Err(failure) = attempt(house, row, agent, era, label, &canary).await {
                failures.push(format!("{} [{label}] {}\n      {failure}", row.id, row.what));
            }
            canaries.push(canary);
            println!("{} [{label}] {}", row.id, row.what.escape_debug());
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {tried} failed:\n  {}",
        failures.len(),
        failures.join("\n  ")
    );
    canaries.extend(agents.0.iter().map(|(agent, ..)| agent.secret()));
    canaries.push(house.credential.clone());
    house.store.flush().await.unwrap();
    Scan(&canaries).logs();
    Scan(&canaries).directory(house.directory());
}

async fn attempt(
    house: &House,
    row: &Row,
    agent: &Agent,
    era: &Era,
    label: &str,
    canary: &Canary,
) -> Result<(), String> {
    let mark = house.upstream.mark();
    let line = house.last_line().await;
    let strangers = house.strangers().await;
    let usage = house.usage(label).await;

    let response = send(agent.address, (row.bytes)(agent, era, canary)).await;
    told(&row.told, era, &response)?;
    if canary.is_in(&response.raw) {
        return Err(format!("the answer repeats a value: {}", response.text()));
    }
    let reached: Vec<_> = house.upstream.seen_since(mark);
    if let Some(seen) = reached.iter().find(|seen| !(row.looks_again && seen.is_probe())) {
        return Err(format!("the upstream saw {}", seen.body.escape_ascii()));
    }
    if canary.is_in(&house.upstream.raw()) {
        return Err("a value of the call reached the upstream".to_owned());
    }
    if house.usage(label).await != usage {
        return Err("a limit moved".to_owned());
    }
    let lines = house.lines_after(line).await;
    let strangers = house.strangers().await - strangers;
    logged(row.logged, label, &lines, strangers)
}

pub(crate) fn told(told: &Told, era: &Era, response: &Response) -> Result<(), String> {
    let is = |status: u16| {
        if response.status == status {
            return Ok(());
        }
        Err(format!("status {} instead of {status}: {}", response.status, response.text()))
    };
    let error = |status: u16, code: i64| {
        is(status)?;
        let message = response.json();
        if message["error"]["code"].as_i64() == Some(code) {
            return Ok(());
        }
        Err(format!("not the error {code}: {}", response.text()))
    };
    match told {
        Told::Status(status) => is(*status),
        Told::StatusOrClosed(_) if response.status == 0 => Ok(()),
        Told::StatusOrClosed(status) => is(*status),
        Told::Error(status, code) => error(*status, *code),
        Told::ErrorByEra(legacy, modern, code) => {
            error(if *era == Era::Modern { *modern } else { *legacy }, *code)
        }
        Told::Denied(rule) => {
            is(200)?;
            let result = response.json()["result"].clone();
            let decision = &result["_meta"]["dev.countersign/decision"];
            let text = result["content"][0]["text"].as_str().unwrap_or_default();
            let told = result["isError"] == true
                && text.starts_with("[POLICY DENIED] ")
                && decision["rule"] == *rule
                && (result["resultType"] == "complete") == (*era == Era::Modern);
            if told { Ok(()) } else { Err(format!("not denied by {rule}: {}", response.text())) }
        }
    }
}

fn logged(logged: Logged, label: &str, lines: &[Call], strangers: u32) -> Result<(), String> {
    match logged {
        Logged::One(reason) => {
            let [line] = lines else { return Err(format!("{} lines: {lines:?}", lines.len())) };
            let intent = &line.intent;
            let right = intent.reason == reason
                && intent.verdict != Verdict::Allowed
                && *intent.grant_label == *label
                && intent.count == 1
                && line.outcome.is_none()
                && strangers == 0;
            if right { Ok(()) } else { Err(format!("not a line with reason {reason}: {line:?}")) }
        }
        Logged::Stranger if lines.is_empty() && strangers == 1 => Ok(()),
        Logged::Nothing if lines.is_empty() && strangers == 0 => Ok(()),
        _ => Err(format!("{} lines and {strangers} strangers: {lines:?}", lines.len())),
    }
}
