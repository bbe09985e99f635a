//! `server`: the MCP servers that calls are carried to.

use http::Method;
use serde_json::{Value, json};

use super::show;
use crate::api::Api;
use crate::args::{OnToolChange, Server};
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 6] = [
    ("SLUG", "/slug"),
    ("URL", "/url"),
    ("VERSION", "/version"),
    ("ENABLED", "/enabled"),
    ("HEALTH", "/health"),
    ("ID", "/id"),
];
const LINES: [show::Column; 13] = [
    ("slug", "/slug"),
    ("name", "/name"),
    ("id", "/id"),
    ("url", "/url"),
    ("private", "/private_targets"),
    ("agents use", "/gateway_url"),
    ("enabled", "/enabled"),
    ("tool changes", "/on_tool_change"),
    ("version", "/version"),
    ("health", "/health"),
    ("looked at", "/probed_at"),
    ("credential", "/credential"),
    ("tools", "/tools"),
];

pub(super) async fn run(api: &Api, command: Server, style: Style) -> Result<(), Failure> {
    match command {
        Server::Add { slug, url, name, private_targets, on_tool_change, no_probe } => {
            let mut body = json!({"slug": slug, "url": url, "private_targets": private_targets});
            if let Some(name) = name {
                body["name"] = name.into();
            }
            if let Some(change) = on_tool_change {
                body["on_tool_change"] = setting(change).into();
            }
            let query: &[(&str, &str)] = if no_probe { &[("probe", "false")] } else { &[] };
            let made = api.ask(Method::POST, &["servers"], query, Some(body.to_string())).await?;
            looked_at(&made, !no_probe, style)
        }
        Server::List => show::list(&api.list(&["servers"]).await?, &COLUMNS, style),
        Server::Show { server } => {
            show::object(&api.get(&["servers", &server]).await?, &LINES, style)
        }
        Server::Refresh { server } => {
            looked_at(&api.act(&["servers", &server, "refresh"]).await?, true, style)
        }
        Server::Remove { server } => {
            let gone = api.delete(&["servers", &server]).await?;
            show::done(&gone, &format!("the server `{server}` is removed"), style)
        }
    }
}

const fn setting(change: OnToolChange) -> &'static str {
    match change {
        OnToolChange::Deny => "deny",
        OnToolChange::Hide => "hide",
        OnToolChange::Allow => "allow",
    }
}

/// Shows a server after it was registered or looked at. One that did not answer is a failure of
/// the command, though it is registered.
fn looked_at(answer: &Value, probed: bool, style: Style) -> Result<(), Failure> {
    let slug = show::cell(answer, "/server/slug");
    if style == Style::Json {
        out::json(answer)?;
    } else {
        show::object(answer.get("server").unwrap_or(&Value::Null), &LINES, style)?;
    }
    let problem = show::cell(answer, "/problem");
    if probed && !problem.is_empty() {
        return Err(Failure::new(
            "upstream_unreachable",
            format!(
                "the server `{slug}` is registered and did not answer: {}",
                out::plain(&problem)
            ),
            format!(
                "start it, or set its secret with `countersign credential set {slug}`, \
                 then `countersign server refresh {slug}`"
            ),
        ));
    }
    if style == Style::Human && probed {
        let count = |name: &str| show::cell(answer, &format!("/tools/{name}"));
        out::line(&format!(
            "found {} tools: {} new, {} changed, {} withheld",
            count("found"),
            count("new"),
            count("changed"),
            count("withheld")
        ))?;
    }
    Ok(())
}
