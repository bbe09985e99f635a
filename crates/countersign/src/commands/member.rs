//! `member`: people, invited by a link.

use serde_json::{Value, json};

use super::{input, key, show};
use crate::api::Api;
use crate::args::Member;
use crate::failure::Failure;
use crate::out::{self, Style};

const COLUMNS: [show::Column; 5] =
    [("EMAIL", "/email"), ("NAME", "/name"), ("ROLE", "/role"), ("STATE", "/state"), ("ID", "/id")];
const LINES: [show::Column; 7] = [
    ("email", "/email"),
    ("name", "/name"),
    ("role", "/role"),
    ("state", "/state"),
    ("id", "/id"),
    ("made", "/created_at"),
    ("changed", "/updated_at"),
];
const ME: [show::Column; 6] = [
    ("email", "/member/email"),
    ("name", "/member/name"),
    ("role", "/role"),
    ("groups", "/groups"),
    ("key", "/key"),
    ("session", "/session"),
];

pub(super) async fn run(api: &Api, command: Member, style: Style) -> Result<(), Failure> {
    match command {
        Member::Invite { email, role, name, expires_in, token_file } => {
            let file = input::token_file(token_file.as_deref())?;
            let seconds = input::seconds(&expires_in, "--expires-in")?;
            let mut body =
                json!({"email": email, "role": key::role_name(role), "link_seconds": seconds});
            if let Some(name) = name {
                body["name"] = name.into();
            }
            let made = api.post(&["members"], body.to_string()).await?;
            link(api, made, file, &format!("`{email}` is invited"), style)
        }
        Member::Reinvite { member, expires_in, token_file } => {
            let file = input::token_file(token_file.as_deref())?;
            let seconds = input::seconds(&expires_in, "--expires-in")?;
            let body = json!({"link_seconds": seconds}).to_string();
            let made = api.post(&["members", &member, "invite"], body).await?;
            link(api, made, file, &format!("`{member}` has a new link"), style)
        }
        Member::Link { member, token_file } => {
            let file = input::token_file(token_file.as_deref())?;
            let made = api.post(&["members", &member, "sign-in-link"], "{}".to_owned()).await?;
            link(api, made, file, &format!("`{member}` may set a new password"), style)
        }
        Member::List => show::list(&api.list(&["members"]).await?, &COLUMNS, style),
        Member::Show { member } => {
            show::object(&api.get(&["members", &member]).await?, &LINES, style)
        }
        Member::Set { member, role, name, email } => {
            let mut body = serde_json::Map::new();
            let role = role.map(|role| key::role_name(role).to_owned());
            for (field, value) in [("role", role), ("name", name), ("email", email)] {
                if let Some(value) = value {
                    body.insert(field.to_owned(), value.into());
                }
            }
            if body.is_empty() {
                return Err(Failure::usage(
                    "nothing is to be changed",
                    "say what: --role, --name or --email",
                ));
            }
            let body = Value::Object(body).to_string();
            let changed = api.replace(&["members", &member], body, "*").await?;
            show::done(&changed, &format!("the member `{member}` is changed"), style)
        }
        Member::Remove { member, keep, revoke } => {
            let body = json!({"grants": fates(&keep, revoke)?}).to_string();
            let gone = api.post(&["members", &member, "remove"], body).await?;
            show::done(&gone, &format!("the member `{member}` is removed"), style)
        }
        Member::Me => show::object(&api.get(&["me"]).await?, &ME, style),
    }
}

/// What becomes of each grant.
fn fates(keep: &[String], revoke: Vec<String>) -> Result<Vec<Value>, Failure> {
    let mut fates = Vec::new();
    for pair in keep {
        let (grant, owner) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(
                "`--keep` takes GRANT=MEMBER",
                "such as --keep invoice-bot=ada@example.org",
            )
        })?;
        fates.push(json!({"grant": grant, "owner": owner}));
    }
    fates.extend(revoke.into_iter().map(|grant| json!({"grant": grant, "owner": null})));
    Ok(fates)
}

/// Shows a link the only time it is seen.
fn link(
    api: &Api,
    mut made: Value,
    file: Option<input::TokenFile>,
    sentence: &str,
    style: Style,
) -> Result<(), Failure> {
    let path = show::cell(&made, "/path");
    if file.is_some() {
        made["path"] = Value::Null;
        return key::token(made, file, sentence, style);
    }
    let link = format!("{}{path}", api.address());
    made["link"] = link.as_str().into();
    if style == Style::Json {
        return Ok(out::json(&made)?);
    }
    out::line(&format!("{sentence}. The link is shown this once:"))?;
    Ok(out::line(&link)?)
}
