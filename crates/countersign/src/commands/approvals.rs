//! `approvals`: calls that wait for people, shown to those who may decide, and their word.

use serde_json::{Value, json};

use super::show;
use crate::api::Api;
use crate::args::Approvals;
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 6] = [
    ("ID", "/id"),
    ("STATE", "/state"),
    ("TOOL", "/tool"),
    ("GRANT", "/grant/name"),
    ("RULE", "/rule"),
    ("SECONDS LEFT", "/seconds_left"),
];
const LINES: [show::Column; 10] = [
    ("id", "/id"),
    ("state", "/state"),
    ("tool", "/tool"),
    ("grant", "/grant/name"),
    ("server", "/server/name"),
    ("rule", "/rule"),
    ("version", "/policy_version"),
    ("seconds left", "/seconds_left"),
    ("would now", "/would/outcome"),
    ("fingerprint", "/fingerprint"),
];

pub(super) async fn run(api: &Api, command: Approvals, style: Style) -> Result<(), Failure> {
    match command {
        Approvals::List { which } => {
            let page = api.query(&["approvals"], &[("which", &which)]).await?;
            let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            show::list(&items, &COLUMNS, style)
        }
        Approvals::Show { approval } => {
            let opened = api.act(&["approvals", &approval, "open"]).await?;
            show::object(&opened, &LINES, style)?;
            if style == Style::Human {
                fields(&opened)?;
            }
            Ok(())
        }
        Approvals::Approve { approval, fingerprint, note } => {
            say(api, &approval, "approve", &fingerprint, &note, style).await
        }
        Approvals::Deny { approval, fingerprint, note } => {
            say(api, &approval, "deny", &fingerprint, &note, style).await
        }
    }
}

/// What would be sent, field by field, and what it would bring each limit to.
fn fields(opened: &Value) -> Result<(), Failure> {
    let list = |pointer| opened.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    out::line("\nexactly what would be sent:")?;
    for field in list("/arguments/fields").chain(list("/arguments/input_responses")) {
        let (name, value) = (text(&field["name"]), text(&field["value"]));
        let length = field["characters"].as_u64().unwrap_or(0);
        out::line(&format!("  {name} ({}, {length} characters): {value}", text(&field["kind"])))?;
    }
    for limit in list("/would/limits") {
        let part = |name: &str| text(&limit[name]);
        out::line(&format!(
            "limit {}: {} -> {} of {}",
            part("rule"),
            part("before"),
            part("after"),
            part("max")
        ))?;
    }
    Ok(())
}

async fn say(
    api: &Api,
    approval: &str,
    word: &str,
    fingerprint: &str,
    note: &str,
    style: Style,
) -> Result<(), Failure> {
    let body = json!({"fingerprint": fingerprint, "note": note}).to_string();
    let decided = api.post(&["approvals", approval, word], body).await?;
    let state = decided["state"].as_str().unwrap_or_default().to_owned();
    show::done(&decided, &format!("the approval is {state}"), style)
}
