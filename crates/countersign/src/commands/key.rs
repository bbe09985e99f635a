//! `key`: keys of the control plane's API.

use serde_json::json;

use super::{input, show};
use crate::api::Api;
use crate::args::{Key, Role};
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 6] = [
    ("LABEL", "/label"),
    ("ROLE", "/role"),
    ("ACTIVE", "/active"),
    ("CREATED", "/created_at"),
    ("EXPIRES", "/expires_at"),
    ("ID", "/id"),
];

pub(super) async fn run(api: &Api, command: Key, style: Style) -> Result<(), Failure> {
    match command {
        Key::Create { label, role, member, expires_in, token_file } => {
            let file = input::token_file(token_file.as_deref())?;
            let mut body = json!({"label": label, "role": role_name(role)});
            if let Some(member) = member {
                body["member"] = member.into();
            }
            if let Some(length) = expires_in {
                body["expires_at"] = input::moment_in(&length, "--expires-in")?.into();
            }
            let made = api.post(&["api-keys"], body.to_string()).await?;
            token(made, file, &format!("the API key `{label}` is made"), style)
        }
        Key::List => show::list(&api.list(&["api-keys"]).await?, &COLUMNS, style),
        Key::Revoke { key } => {
            let id = id_of(api, &key).await?;
            let gone = api.delete(&["api-keys", &id]).await?;
            show::done(&gone, &format!("the API key `{key}` is revoked"), style)
        }
    }
}

pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::PolicyManager => "policy_manager",
        Role::Admin => "admin",
    }
}

/// The id of the one good key of that label, or the id itself.
async fn id_of(api: &Api, key: &str) -> Result<String, Failure> {
    let keys = api.list(&["api-keys"]).await?;
    let is = |pointer: &'static str| {
        keys.iter()
            .filter(move |k| show::cell(k, pointer) == key && show::cell(k, "/active") == "yes")
    };
    let mut labelled = is("/label");
    match (labelled.next(), labelled.next()) {
        (Some(one), None) => Ok(show::cell(one, "/id")),
        (Some(_), Some(_)) => Err(Failure::new(
            "ambiguous",
            format!("more than one API key is called `{key}`"),
            "name it by its id; `countersign key list` shows them",
        )),
        (None, _) => Ok(key.to_owned()),
    }
}

/// Shows a token the only time it is seen, or writes it to the file that waits for it.
pub(super) fn token(
    mut made: serde_json::Value,
    file: Option<input::TokenFile>,
    sentence: &str,
    style: Style,
) -> Result<(), Failure> {
    let token = show::cell(&made, "/token");
    match file {
        Some(file) => {
            let path = file.keep(&token)?;
            made["token"] = serde_json::Value::Null;
            made["token_file"] = path.as_str().into();
            show::done(&made, &format!("{sentence}; its token is in `{path}`"), style)
        }
        None if style == Style::Json => Ok(out::json(&made)?),
        None => {
            out::line(&format!("{sentence}. Its token is shown this once:"))?;
            Ok(out::line(&token)?)
        }
    }
}
