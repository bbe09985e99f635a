//! `keys`: the keys that seal every secret. No command shows one.

use std::time::Duration;

use serde_json::Value;

use super::show;
use crate::api::Api;
use crate::args::Keys;
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 3] = [("KEY", "/id"), ("STATE", "/state"), ("RECORDS", "/records")];

/// How often it is asked how far a rotation has come.
const ASK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(api: &Api, command: Keys, style: Style) -> Result<(), Failure> {
    match command {
        Keys::Status => status(&api.get(&["keys"]).await?, style),
        Keys::Rotate { wait } => {
            let mut state = api.act(&["keys", "rotate"]).await?;
            let active = show::cell(&state, "/active");
            while wait && state.pointer("/rotating") == Some(&Value::Bool(true)) {
                if style == Style::Human {
                    let left = show::cell(&state, "/remaining");
                    out::line(&format!("{left} values are still to be sealed again"))?;
                }
                tokio::time::sleep(ASK_EVERY).await;
                state = api.get(&["keys"]).await?;
                if state.pointer("/unopened").and_then(Value::as_u64).unwrap_or(0) > 0 {
                    break;
                }
            }
            let unopened = state.pointer("/unopened").and_then(Value::as_u64).unwrap_or(0);
            if wait && unopened > 0 {
                return Err(Failure::new(
                    "unopened",
                    format!(
                        "key {active} seals from now on, and the old key cannot be retired: \
                         {unopened} values do not open with the key they name"
                    ),
                    "the log of the instance names their rows: set them anew",
                ));
            }
            let sentence = match state.pointer("/rotating") {
                Some(Value::Bool(true)) => format!(
                    "key {active} seals from now on; `countersign keys status` shows how far \
                     sealing again has come"
                ),
                _ => format!("key {active} seals everything, and the old key is retired"),
            };
            show::done(&state, &sentence, style)
        }
        Keys::Retire { key } => {
            let state = api.act(&["keys", &key.to_string(), "retire"]).await?;
            show::done(&state, &format!("key {key} is retired"), style)
        }
        Keys::RootKey => {
            let done = api.act(&["keys", "root-key"]).await?;
            let sentence = "the keys are wrapped under the next root key; make it the root key in \
                            the configuration, and keep the old one with the older backups";
            show::done(&done, sentence, style)
        }
    }
}

fn status(state: &Value, style: Style) -> Result<(), Failure> {
    if style == Style::Json {
        return Ok(out::json(state)?);
    }
    let versions = state.pointer("/versions").and_then(Value::as_array);
    show::list(versions.map_or(&[][..], Vec::as_slice), &COLUMNS, style)?;
    if state.pointer("/rotating") == Some(&Value::Bool(true)) {
        let (left, rate) = (show::cell(state, "/remaining"), show::cell(state, "/per_second"));
        out::line(&format!(
            "a rotation is under way: {left} values to be sealed again, {rate} a second"
        ))?;
    }
    let unopened = state.pointer("/unopened").and_then(Value::as_u64).unwrap_or(0);
    if unopened > 0 {
        out::line(&format!(
            "{unopened} values do not open with the key they name and keep it from being retired: \
             the log names their rows; set them anew"
        ))?;
    }
    Ok(())
}
