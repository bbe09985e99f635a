//! `audit`: evidence of what was decided and changed.

mod broken;
mod cosign;
mod export;
pub(super) mod keys;
mod verify;

use serde_json::{Value, json};

use super::{changes, show};
use crate::api::Api;
use crate::args::{Audit, Instance};
use crate::failure::Failure;
use crate::out::{self, Style};

pub(super) async fn run(instance: &Instance, command: Audit, style: Style) -> Result<(), Failure> {
    let api = || Api::of(instance);
    match command {
        Audit::Export(asked) => export::run(instance, &asked, style).await,
        Audit::Break { configured, witnessed, reason } => {
            broken::run(&configured, witnessed, &reason, style).await
        }
        Audit::Verify(asked) => verify::run(&asked, style),
        Audit::Key => {
            let latest = Api::of(instance)?.get(&["checkpoints", "latest"]).await?;
            let key = show::cell(&latest, "/key");
            printed(&key, json!({"key": key}), style)
        }
        Audit::Checkpoint { witness } => {
            let api = Api::of(instance)?;
            let mut latest = api.get(&["checkpoints", "latest"]).await?;
            if let Some(witness) = witness {
                let note = cosign::ask(&api, &witness, &latest).await?;
                latest["note"] = note.into();
            }
            let note = latest["note"].as_str().unwrap_or_default().to_owned();
            printed(note.trim_end(), latest, style)
        }
        Audit::Proof { call } => {
            let proof = Api::of(instance)?.get(&["calls", &call, "proof"]).await?;
            let file = proof["file"].as_str().unwrap_or_default().to_owned();
            printed(file.trim_end(), proof, style)
        }
        Audit::Log { asked, limit, after, export: None } => {
            changes::list(&api()?, &asked, limit, after.as_deref(), style).await
        }
        Audit::Log { asked, export: Some(file), .. } => {
            changes::export(&api()?, &asked, &file, style).await
        }
        Audit::Refusals => changes::refusals(&api()?, style).await,
    }
}

/// Prints what is meant to be kept, to the byte.
fn printed(text: &str, document: Value, style: Style) -> Result<(), Failure> {
    match style {
        Style::Json => out::json(&document)?,
        Style::Human => out::line(text)?,
    }
    Ok(())
}
