//! `calls`: the log of calls and decisions, listed, shown and followed.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use super::show;
use crate::api::Api;
use crate::args::{CallFilter, Calls};
use crate::events::Events;
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 8] = [
    ("AT", "/at"),
    ("GRANT", "/grant/name"),
    ("SERVER", "/server/name"),
    ("TOOL", "/tool,/method"),
    ("DECISION", "/decision"),
    ("RULE", "/rule,/reason"),
    ("OUTCOME", "/outcome/class"),
    ("ID", "/id"),
];
const LINES: [show::Column; 25] = [
    ("id", "/id"),
    ("index", "/index"),
    ("at", "/at"),
    ("grant", "/grant/name"),
    ("identity", "/identity"),
    ("token", "/token_generation"),
    ("server", "/server/name"),
    ("version", "/version"),
    ("method", "/method"),
    ("tool", "/tool"),
    ("fingerprint", "/fingerprint"),
    ("policy", "/policy"),
    ("decision", "/decision"),
    ("rule", "/rule"),
    ("reason", "/reason"),
    ("approval", "/approval/id"),
    ("approval is", "/approval/state"),
    ("said", "/approval/decisions"),
    ("arguments", "/known_args"),
    ("unknown", "/unknown_args"),
    ("request", "/request_bytes"),
    ("limits", "/charged"),
    ("stands for", "/count"),
    ("outcome", "/outcome/class"),
    ("took (us)", "/outcome/took_micros"),
];
/// How long to wait before a broken stream is taken up again.
const TAKE_UP_AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn run(api: &Api, command: Calls, style: Style) -> Result<(), Failure> {
    match command {
        Calls::List { filter, past, limit, after } => {
            let mut query = query(&filter);
            let limit = limit.to_string();
            query.push(("limit", &limit));
            let others = [
                ("outcome", &past.outcome),
                ("since", &past.since),
                ("until", &past.until),
                ("after", &after),
            ];
            query.extend(others.into_iter().filter_map(|(name, v)| Some((name, v.as_deref()?))));
            let page = api.query(&["calls"], &query).await?;
            let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            show::list(&items, &COLUMNS, style)?;
            if let Some(next) = page.get("next").and_then(Value::as_str) {
                out::note(&format!("there is more: --after {next}"));
            }
            Ok(())
        }
        Calls::Show { call } => show::object(&api.get(&["calls", &call]).await?, &LINES, style),
        Calls::Tail { filter, after } => tail(api, &filter, after, style).await,
    }
}

fn query(filter: &CallFilter) -> Vec<(&str, &str)> {
    [
        ("grant", &filter.grant),
        ("server", &filter.server),
        ("tool", &filter.tool),
        ("decision", &filter.decision),
        ("policy", &filter.policy),
        ("rule", &filter.rule),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    .collect()
}

/// Follows the log. A stream that breaks is taken up where it ended; one that the instance
/// refuses ends the command.
async fn tail(
    api: &Api,
    filter: &CallFilter,
    after: Option<u64>,
    style: Style,
) -> Result<(), Failure> {
    let query = query(filter);
    let mut last = after.map(|index| index.to_string());
    let mut stream = api.stream(&["calls", "tail"], &query, last.as_deref()).await?;
    loop {
        follow(&mut stream, &mut last, style).await?;
        stream = loop {
            tokio::time::sleep(TAKE_UP_AGAIN).await;
            match api.stream(&["calls", "tail"], &query, last.as_deref()).await {
                Ok(stream) => break stream,
                Err(failure) if failure.code == "unreachable" => {}
                Err(failure) => return Err(failure),
            }
        };
    }
}

async fn follow(
    stream: &mut Incoming,
    last: &mut Option<String>,
    style: Style,
) -> Result<(), Failure> {
    let mut events = Events::default();
    while let Some(Ok(frame)) = stream.frame().await {
        for event in events.feed(frame.data_ref().map_or(&[][..], |data| data)) {
            if let Some(id) = event.id {
                *last = Some(id);
            }
            let Ok(call) = serde_json::from_str::<Value>(&event.data) else { continue };
            match style {
                Style::Json => out::json(&call)?,
                Style::Human => out::line(&line(&call))?,
            }
        }
    }
    Ok(())
}

/// A call on one line.
fn line(call: &Value) -> String {
    let text = |pointers| show::cell(call, pointers);
    let mut line = format!(
        "{}  {:<16} {:<12} {:<24} {:<8}",
        text("/at"),
        text("/grant/name"),
        text("/server/name"),
        text("/tool,/method"),
        text("/decision"),
    );
    for part in [text("/rule,/reason"), text("/outcome/class")] {
        if !part.is_empty() {
            line.push_str("  ");
            line.push_str(&part);
        }
    }
    out::plain(&line)
}
