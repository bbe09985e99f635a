//! `policy draft`: what will be a policy's next version; and `policy restore`.

use serde_json::{Value, json};

use super::{input, policy, show};
use crate::api::Api;
use crate::args::Draft;
use crate::failure::Failure;
use crate::out::{self, Style};

pub(super) async fn run(api: &Api, command: Draft, style: Style) -> Result<(), Failure> {
    match command {
        Draft::Show { policy } => {
            let found = api.get(&["policies", &policy, "draft"]).await?;
            if style == Style::Json {
                return Ok(out::json(&found)?);
            }
            let (author, at) = (show::cell(&found, "/author"), show::cell(&found, "/updated_at"));
            let revision = show::cell(&found, "/revision");
            out::note(&out::plain(&format!("revision {revision}, by {author} at {at}")));
            policy::text_lines(&show::cell(&found, "/text"))
        }
        Draft::Save { policy: name, file, cases, note, over } => {
            let text = Value::from(input::text(&file)?);
            let mut body = format!(r#"{{"text":{text}"#);
            if let Some(cases) = cases {
                body.push_str(&format!(r#","cases":{}"#, policy::raw(&cases)?));
            }
            if let Some(note) = note {
                body.push_str(&format!(r#","note":{}"#, Value::from(note)));
            }
            body.push('}');
            let path = ["policies", &name, "draft"];
            let kept = match over {
                Some(revision) => api.replace(&path, body, &format!("\"{revision}\"")).await?,
                None => api.put_first(&path, body).await?,
            };
            let revision = show::cell(&kept, "/revision");
            let sentence = format!("the draft of `{name}` is kept, as revision {revision}");
            show::done(&kept, &sentence, style)
        }
        Draft::Publish { policy: name, note } => {
            let draft = api.get(&["policies", &name, "draft"]).await?;
            let body = note.map_or_else(|| json!({}), |note| json!({"note": note}));
            let path = ["policies", &name, "draft", "publish"];
            let tag = format!("\"{}\"", show::cell(&draft, "/revision"));
            let made = api.tagged(http::Method::POST, &path, Some(body.to_string()), &tag).await?;
            let number = show::cell(&made, "/number");
            show::done(&made, &format!("version {number} of `{name}` is published"), style)
        }
        Draft::Drop { policy: name } => {
            let path = ["policies", &name, "draft"];
            let gone = api.tagged(http::Method::DELETE, &path, None, "*").await?;
            show::done(&gone, &format!("the draft of `{name}` is thrown away"), style)
        }
    }
}

/// Publishes an old version as a new one.
pub(super) async fn restore(
    api: &Api,
    policy: &str,
    version: u32,
    note: Option<String>,
    style: Style,
) -> Result<(), Failure> {
    let body = note.map_or_else(|| json!({}), |note| json!({"note": note})).to_string();
    let number = version.to_string();
    let made = api.post(&["policies", policy, "versions", &number, "restore"], body).await?;
    let now = show::cell(&made, "/number");
    let sentence = format!("version {version} of `{policy}` is back, as version {now}");
    show::done(&made, &sentence, style)
}
