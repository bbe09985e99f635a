//! `credential`: the secrets that servers ask for. Values come from a file or standard input.

use std::path::Path;

use serde_json::{Map, Value, json};
use vault::Secret;

use super::{input, show};
use crate::api::Api;
use crate::args::{Credential, OauthClient};
use crate::failure::Failure;
use crate::out::Style;

const CONNECTIONS: [show::Column; 5] = [
    ("IDENTITY", "/identity"),
    ("STATE", "/state"),
    ("WHY", "/reason"),
    ("TOKEN ENDS", "/expires_at"),
    ("CONNECTED BY", "/connected_by"),
];

const LINES: [show::Column; 10] = [
    ("kind", "/kind"),
    ("headers", "/headers"),
    ("issuer", "/oauth/issuer"),
    ("client", "/oauth/client_id"),
    ("scopes", "/oauth/scopes"),
    ("wanted on top", "/oauth/wanted_scopes"),
    ("set", "/set_at"),
    ("generation", "/generation"),
    ("key version", "/key_version"),
    ("opens", "/opens"),
];

pub(super) async fn run(api: &Api, command: Credential, style: Style) -> Result<(), Failure> {
    match command {
        Credential::Set { server, header, headers, file } => {
            let body = body(header, headers, file.as_deref())?;
            let kept = api.put(&["servers", &server, "credential"], body).await?;
            let sentence = format!(
                "the credential of `{server}` is sealed; \
                 `countersign server refresh {server}` tries it"
            );
            show::done(&kept, &sentence, style)
        }
        Credential::Show { server } => {
            show::object(&api.get(&["servers", &server, "credential"]).await?, &LINES, style)
        }
        Credential::Oauth(client) => {
            let server = client.server.clone();
            let body = client_body(client)?;
            let kept = api.put(&["servers", &server, "credential"], body).await?;
            let next = match show::cell(&kept, "/oauth/grant").as_str() {
                "client_credentials" => format!("`countersign credential test {server}` tries it"),
                _ => format!("`countersign credential connect {server}` connects an account"),
            };
            show::done(&kept, &format!("the OAuth client of `{server}` is set; {next}"), style)
        }
        Credential::Scopes { server, scopes } => {
            let body = json!({"scopes": scopes}).to_string();
            let kept = api.put(&["servers", &server, "credential", "scopes"], body).await?;
            let sentence = format!(
                "the scopes of `{server}` are set; \
                 `countersign credential connect {server}` asks for them"
            );
            show::done(&kept, &sentence, style)
        }
        Credential::Connect { server, identity } => {
            let body = account(identity);
            let begun = api.post(&["servers", &server, "connections"], body).await?;
            let url = show::cell(&begun, "/authorize_url");
            let sentence = format!("open this in a browser within ten minutes:\n{url}");
            show::done(&begun, &sentence, style)
        }
        Credential::Connections { server } => {
            let found = api.get(&["servers", &server, "connections"]).await?;
            let items = found.pointer("/items").and_then(Value::as_array);
            show::list(items.map_or(&[][..], Vec::as_slice), &CONNECTIONS, style)
        }
        Credential::Disconnect { server, identity } => {
            let body = account(identity);
            let gone = api.post(&["servers", &server, "disconnect"], body).await?;
            show::done(&gone, &format!("the account at `{server}` is disconnected"), style)
        }
        Credential::Test { server } => {
            let tried = api.act(&["servers", &server, "credential", "test"]).await?;
            if tried.pointer("/answered") != Some(&Value::Bool(true)) {
                let why = show::cell(&tried, "/problem");
                return Err(Failure::new(
                    "not_answered",
                    format!("`{server}` does not answer with its credential: {why}"),
                    "see the server's address, and set the credential anew or connect again",
                ));
            }
            let tools = show::cell(&tried, "/tools");
            show::done(&tried, &format!("`{server}` answers and lists {tools} tools"), style)
        }
        Credential::Remove { server } => {
            let gone = api.delete(&["servers", &server, "credential"]).await?;
            show::done(&gone, &format!("the credential of `{server}` is removed"), style)
        }
    }
}

/// The request that sets an OAuth client.
fn client_body(client: OauthClient) -> Result<String, Failure> {
    let mut of = json!({"per_identity": client.per_identity});
    if client.client_credentials {
        of["grant"] = "client_credentials".into();
    }
    for (name, value) in [
        ("issuer", client.issuer),
        ("client_id", client.client_id),
        ("client_document", client.client_document),
    ] {
        if let Some(value) = value {
            of[name] = value.into();
        }
    }
    for (name, file) in [("client_secret", client.secret_file), ("private_key", client.key_file)] {
        if let Some(file) = file {
            let value = input::secret(Some(&file), "the client's secret")?;
            of[name] = text(&value)?.into();
        }
    }
    if !client.scopes.is_empty() {
        of["scopes"] = client.scopes.into();
    }
    Ok(json!({"oauth": of}).to_string())
}

/// Whose account is meant.
fn account(identity: Option<String>) -> String {
    identity.map_or_else(|| json!({}), |identity| json!({"identity": identity})).to_string()
}

/// The request that sets the value that is read.
fn body(header: Option<String>, headers: bool, file: Option<&Path>) -> Result<String, Failure> {
    let value = input::secret(file, "the value of the credential")?;
    let text = text(&value)?;
    let body = if headers {
        json!({"headers": lines(text)?})
    } else if let Some(name) = header {
        json!({"headers": Map::from_iter([(name, Value::from(text))])})
    } else {
        json!({"bearer": text})
    };
    Ok(body.to_string())
}

fn text(value: &Secret) -> Result<&str, Failure> {
    value.expose_str().filter(|text| !text.is_empty()).ok_or_else(|| {
        Failure::new("no_value", "the value of the credential is not text", "give UTF-8 text")
    })
}

/// Reads `Name: value` lines. No message repeats a line: it holds a secret.
fn lines(text: &str) -> Result<Map<String, Value>, Failure> {
    let mut headers = Map::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| {
            Failure::new(
                "bad_header",
                format!("line {} of the headers {what}", at + 1),
                "write one `Name: value` a line",
            )
        };
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("has no colon"))?;
        let name = name.trim().to_ascii_lowercase();
        if headers.insert(name, value.trim().into()).is_some() {
            return Err(wrong("names a header for the second time"));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_line_by_line_and_a_bad_line_is_never_repeated() {
        let read = lines("X-Api-Key: a:b\n\nX-Other:  c \n").unwrap();
        assert_eq!(Value::Object(read), json!({"x-api-key": "a:b", "x-other": "c"}));
        for text in ["canary", "A: canary\na: canary"] {
            let failure = lines(text).unwrap_err();
            assert!(!failure.to_string().contains("canary"), "{failure}");
        }
    }
}
