//! `audit log`, `audit refusals`: who changed what, and who was turned away.

use std::path::Path;

use super::{download, show};
use crate::api::Api;
use crate::args::WhichChanges;
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 6] = [
    ("AT", "/at"),
    ("WHO", "/name"),
    ("EVENT", "/event"),
    ("SUBJECT", "/subject"),
    ("FROM", "/address"),
    ("WHAT", "/detail"),
];
const REFUSALS: [show::Column; 6] = [
    ("MINUTE", "/at"),
    ("FROM", "/address"),
    ("WHY", "/reason"),
    ("ASKED FOR", "/asked"),
    ("MEMBER", "/member"),
    ("COUNT", "/count"),
];

/// Lists changes, newest first.
pub(super) async fn list(
    api: &Api,
    asked: &WhichChanges,
    limit: u32,
    after: Option<&str>,
    style: Style,
) -> Result<(), Failure> {
    let limit = limit.to_string();
    let mut query = query(asked);
    query.push(("limit", &limit));
    query.extend(after.map(|after| ("after", after)));
    let page = api.query(&["audit"], &query).await?;
    let items = page.get("items").and_then(serde_json::Value::as_array).cloned();
    show::list(&items.unwrap_or_default(), &COLUMNS, style)?;
    if let Some(next) = page.get("next").and_then(serde_json::Value::as_str) {
        out::note(&format!("there is more: --after {next}"));
    }
    Ok(())
}

/// Writes the log as JSONL, oldest first, to a new file or to standard output.
pub(super) async fn export(
    api: &Api,
    asked: &WhichChanges,
    file: &Path,
    style: Style,
) -> Result<(), Failure> {
    let body = api.stream(&["audit", "export"], &query(asked), None).await?;
    if file == Path::new("-") {
        return download::to_stdout(body).await;
    }
    let bytes = download::to_file(body, file, None).await?;
    let shown = file.display();
    let answer = serde_json::json!({"file": shown.to_string(), "bytes": bytes});
    show::done(&answer, &format!("the log of changes is in `{shown}`"), style)
}

/// Lists who was turned away, newest first.
pub(super) async fn refusals(api: &Api, style: Style) -> Result<(), Failure> {
    show::list(&api.list(&["refusals"]).await?, &REFUSALS, style)
}

fn query(asked: &WhichChanges) -> Vec<(&'static str, &str)> {
    [
        ("who", &asked.who),
        ("event", &asked.event),
        ("subject", &asked.subject),
        ("since", &asked.since),
        ("until", &asked.until),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    .collect()
}
