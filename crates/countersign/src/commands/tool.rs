//! `tool`: the tools of a server, and their definitions.

use serde_json::{Value, json};

use super::show;
use crate::api::Api;
use crate::args::Tool;
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 4] =
    [("TOOL", "/name"), ("STATE", "/state"), ("WITHHELD", "/withheld"), ("CHANGED", "/changed_at")];
const LINES: [show::Column; 7] = [
    ("tool", "/name"),
    ("state", "/state"),
    ("withheld", "/withheld"),
    ("fingerprint", "/fingerprint"),
    ("accepted", "/accepted_fingerprint"),
    ("first seen", "/first_seen_at"),
    ("changed", "/changed_at"),
];

pub(super) async fn run(api: &Api, command: Tool, style: Style) -> Result<(), Failure> {
    match command {
        Tool::List { server } => {
            show::list(&api.list(&["servers", &server, "tools"]).await?, &COLUMNS, style)
        }
        Tool::Show { server, tool } => {
            let found = api.get(&["servers", &server, "tools", &tool]).await?;
            show::object(&found, &LINES, style)?;
            if style == Style::Human { definitions(&found) } else { Ok(()) }
        }
        Tool::Accept { server, tool, fingerprint } => {
            let path = ["servers", &server, "tools", &tool];
            let fingerprint = match fingerprint {
                Some(fingerprint) => fingerprint,
                None => show::cell(&api.get(&path).await?, "/fingerprint"),
            };
            let body = json!({"fingerprint": fingerprint}).to_string();
            let accepted = api.post(&["servers", &server, "tools", &tool, "accept"], body).await?;
            let sentence = format!("the definition of `{tool}` on `{server}` is accepted");
            show::done(&accepted, &sentence, style)
        }
    }
}

/// Shows what changed since the definition was accepted, or the definition.
fn definitions(found: &Value) -> Result<(), Failure> {
    let difference = show::cell(found, "/difference");
    let text = if difference.is_empty() {
        let definition = found.get("definition").unwrap_or(&Value::Null);
        serde_json::to_string_pretty(definition).unwrap_or_default()
    } else {
        difference
    };
    out::line("")?;
    Ok(text.lines().try_for_each(|line| out::line(&out::plain(line)))?)
}
