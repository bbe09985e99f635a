//! `credential`: the secrets that servers ask for. Values come from a file or standard input.

use std::path::Path;

use serde_json::{Map, Value, json};
use vault::Secret;

use super::{input, show};
use crate::api::Api;
use crate::args::Credential;
use crate::failure::Failure;
use crate::out::Style;

const LINES: [show::Column; 6] = [
    ("kind", "/kind"),
    ("headers", "/headers"),
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
        Credential::Remove { server } => {
            let gone = api.delete(&["servers", &server, "credential"]).await?;
            show::done(&gone, &format!("the credential of `{server}` is removed"), style)
        }
    }
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
