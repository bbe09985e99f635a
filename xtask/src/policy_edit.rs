//! A policy edit is in force at the next call of a client that stays connected: for every official client.

use std::io::{BufRead as _, Write as _};

use serde_json::{Value, json};

use crate::peers::House;
use crate::report::Counted;

/// Program, script and mode of each client, as in `tests/peers/peers.test.mjs`.
const CLIENTS: &[(&str, &str, &str)] = &[
    ("node", "ts1.mjs", "legacy"),
    ("node", "ts2.mjs", "legacy"),
    ("node", "ts2.mjs", "auto"),
    (".venv/bin/python", "py_mcp.py", "legacy"),
    (".venv/bin/python", "py_mcp.py", "auto"),
    (".venv/bin/python", "py_fastmcp.py", "legacy"),
    (".venv/bin/python", "py_fastmcp.py", "auto"),
];
const POLICY: &str = "edited";

/// Lets each client call, closes the tool under it, and opens it again.
pub(crate) fn run(house: &House) -> Result<Counted, String> {
    house.publish(POLICY, &open())?;
    let reach = house.grant("edited-peers", "fastmcp", POLICY)?;
    let mut counted = Counted::default();
    for (program, script, mode) in CLIENTS {
        let told = told(house, program, script, mode, &reach);
        match &told {
            Ok(()) => println!("{script} in mode {mode}: closed and opened while connected"),
            Err(problem) => println!("{script} in mode {mode}: {problem}"),
        }
        let one = Counted::one(told.is_ok());
        counted.passed += one.passed;
        counted.failed += one.failed;
    }
    house.publish(POLICY, &open())?;
    Ok(counted)
}

fn open() -> Value {
    json!({"version": "1", "default": "allow"})
}

fn closed() -> Value {
    let always = json!([{"id": "closed", "conditions": [], "on_deny": "Closed for today."}]);
    json!({"version": "1", "default": "allow", "tools": {"add": {"deny_if": always}}})
}

fn told(
    house: &House,
    program: &str,
    script: &str,
    mode: &str,
    reach: &(String, String),
) -> Result<(), String> {
    house.publish(POLICY, &open())?;
    let mut client = house.client(program, script, mode, reach)?;
    let (mut to, mut from) = client.pipes()?;
    let mut call = || -> Result<Value, String> {
        let command = json!({"call": "add", "args": {"a": 2, "b": 40}});
        writeln!(to, "{command}").map_err(|e| format!("it takes no command: {e}"))?;
        let mut line = String::new();
        from.read_line(&mut line).map_err(|e| format!("it gives no answer: {e}"))?;
        serde_json::from_str(&line).map_err(|_| format!("it answered `{}`", line.trim()))
    };
    let fine = |answer: Value| match answer.pointer("/result/structuredContent/result") {
        Some(sum) if *sum == json!(42) => Ok(()),
        _ => Err(format!("an allowed call was answered {answer}")),
    };
    fine(call()?)?;
    house.publish(POLICY, &closed())?;
    let answer = call()?;
    let said = answer.pointer("/result/text").and_then(Value::as_str);
    let is_error = answer.pointer("/result/isError") == Some(&json!(true));
    if !is_error || said != Some("[POLICY DENIED] Closed for today.") {
        return Err(format!("a denied call was answered {answer}"));
    }
    house.publish(POLICY, &open())?;
    fine(call()?)
}
