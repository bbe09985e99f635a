//! `identity-provider`: who may vouch for people who sign in. Client secrets come from files.

use std::path::Path;

use serde_json::Value;

use super::{input, show};
use crate::api::Api;
use crate::args::IdentityProvider;
use crate::failure::Failure;
use crate::out::Style;

const COLUMNS: [show::Column; 5] = [
    ("SLUG", "/slug"),
    ("NAME", "/name"),
    ("ISSUER", "/issuer"),
    ("ENABLED", "/enabled"),
    ("ID", "/id"),
];
const LINES: [show::Column; 14] = [
    ("slug", "/slug"),
    ("name", "/name"),
    ("id", "/id"),
    ("issuer", "/issuer"),
    ("client", "/client_id"),
    ("secret kept", "/has_secret"),
    ("scopes", "/scopes"),
    ("groups claim", "/groups_claim"),
    ("roles", "/roles"),
    ("groups", "/groups"),
    ("default role", "/default_role"),
    ("trusts email", "/trust_email"),
    ("enabled", "/enabled"),
    ("changed", "/updated_at"),
];
const PATH: &str = "identity-providers";

pub(super) async fn run(api: &Api, command: IdentityProvider, style: Style) -> Result<(), Failure> {
    match command {
        IdentityProvider::List => show::list(&api.list(&[PATH]).await?, &COLUMNS, style),
        IdentityProvider::Show { provider } => {
            show::object(&api.get(&[PATH, &provider]).await?, &LINES, style)
        }
        IdentityProvider::Add { file, secret_file } => {
            let body = document(&file, secret_file.as_deref())?;
            let made = api.post(&[PATH], body).await?;
            let slug = show::cell(&made, "/slug");
            show::done(&made, &format!("people may sign in by `{slug}`"), style)
        }
        IdentityProvider::Set { provider, file, secret_file } => {
            let body = document(&file, secret_file.as_deref())?;
            let found = api.get(&[PATH, &provider]).await?;
            let tag = format!("\"{}\"", show::cell(&found, "/revision"));
            let changed = api.replace(&[PATH, &provider], body, &tag).await?;
            show::done(&changed, &format!("the identity provider `{provider}` is changed"), style)
        }
        IdentityProvider::Remove { provider } => {
            let gone = api.delete(&[PATH, &provider]).await?;
            show::done(&gone, &format!("the identity provider `{provider}` is removed"), style)
        }
    }
}

/// The document of a file, with the secret of another put into it.
fn document(file: &Path, secret: Option<&Path>) -> Result<String, Failure> {
    let text = input::text(file)?;
    let Some(secret) = secret else { return Ok(text) };
    let unreadable = || {
        Failure::new(
            "bad_file",
            format!("the file `{}` holds no JSON object", file.display()),
            "docs/signing-in.md shows what it holds",
        )
    };
    let mut document: Value = serde_json::from_str(&text).map_err(|_| unreadable())?;
    let fields = document.as_object_mut().ok_or_else(unreadable)?;
    if fields.contains_key("client_secret") {
        return Err(Failure::usage(
            "the client secret is given twice",
            "take it out of the file, or leave --secret-file out",
        ));
    }
    let secret = input::secret(Some(secret), "client secret")?;
    let secret = secret.expose_str().unwrap_or_default().to_owned();
    fields.insert("client_secret".to_owned(), secret.into());
    Ok(document.to_string())
}
