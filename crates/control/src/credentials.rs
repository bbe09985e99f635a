//! Credentials: set, looked at without their values, removed. No route gives a value back.

use std::collections::BTreeMap;
use std::fmt;

use axum::Json;
use axum::extract::State;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use store::Credential;
use utoipa::ToSchema;
use vault::{Keyring, Place, Secret};

use crate::body::Unread;
use crate::can::Can;
use crate::oauth::{self, OAuthClientIn, OAuthClientOut};
use crate::operator::{Authorized, Operator};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::roles::Action;
use crate::sign_in::Asking;
use crate::{At, Control, servers, time};

/// The most headers of one credential.
const HEADERS_MAX: usize = 16;
/// The longest value of a header.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// A value on its way into the seal. Prints nothing, is wiped when dropped.
pub(crate) struct Value(pub(crate) Secret);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The secret of a server: exactly one of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialIn {
    /// Header names and their values.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    headers: Option<BTreeMap<String, Value>>,
    /// Short for an `Authorization: Bearer …` header.
    #[schema(value_type = Option<String>)]
    bearer: Option<Value>,
    /// An OAuth client of the server's authorization server.
    oauth: Option<OAuthClientIn>,
}

/// What is known of a credential: never its values.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CredentialOut {
    /// `headers`: fixed header values. `oauth`: a client that gets tokens.
    kind: &'static str,
    /// The names of the headers, in lower case.
    headers: Vec<String>,
    set_at: String,
    /// Counts how often it was set.
    generation: i64,
    /// The version of the key it is sealed with.
    key_version: Option<u32>,
    /// Whether it opens with the present keys.
    opens: bool,
    /// The OAuth client, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth: Option<OAuthClientOut>,
    /// Whether the settings of this instance allow reading it back.
    reveals: bool,
    can: Can,
}

impl CredentialOut {
    fn of(credential: &Credential, by: &Authorized, control: &Control) -> Self {
        let keyring = control.store.keyring();
        let org = by.org().as_str();
        let client = credential.oauth.as_deref();
        let secret = client.and_then(|client| client.secret.as_deref());
        let opens = |(name, blob): &(String, std::sync::Arc<[u8]>)| {
            let place = Place {
                org,
                table: "credentials",
                record: credential.id.as_str(),
                field: name,
                generation: u64::try_from(credential.generation).unwrap_or(0),
            };
            keyring.open(&place, blob).is_ok()
        };
        Self {
            kind: if client.is_some() { "oauth" } else { "headers" },
            headers: credential.headers.iter().map(|(name, _)| name.clone()).collect(),
            set_at: time::write(credential.set_at),
            generation: credential.generation,
            key_version: credential
                .headers
                .first()
                .map(|(_, blob)| &**blob)
                .or(secret)
                .and_then(Keyring::key_id_of),
            opens: credential.headers.iter().all(opens)
                && secret.is_none_or(|sealed| {
                    let place = Place {
                        org,
                        table: "oauth_clients",
                        record: credential.id.as_str(),
                        field: "client_secret",
                        generation: u64::try_from(credential.generation).unwrap_or(0),
                    };
                    keyring.open(&place, sealed).is_ok()
                }),
            oauth: client.map(OAuthClientOut::of),
            reveals: control.reveals,
            can: Can::of(
                by,
                [
                    ("replace", Action::CredentialsWrite),
                    ("remove", Action::CredentialsWrite),
                    ("test", Action::CredentialsWrite),
                    ("reveal", Action::CredentialsReveal),
                ],
            ),
        }
    }
}

/// What is known of a server's credential.
#[utoipa::path(
    get, path = "/servers/{id}/credential", tag = "servers", operation_id = "credential_get",
    params(("id" = String, Path, description = "Id or slug of the server")),
    responses((status = 200, body = CredentialOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<CredentialOut>, Problem> {
    let by = who.may(Action::CredentialsRead)?;
    let server = servers::find(&control, &by, &id).await?;
    let credential = server.credential.ok_or_else(|| Problem::no_such("credential"))?;
    Ok(Json(CredentialOut::of(&credential, &by, &control)))
}

/// Sets the credential of a server, in place of the one before. It is sealed at once and never
/// shown again.
#[utoipa::path(
    put, path = "/servers/{id}/credential", tag = "servers", operation_id = "credential_set",
    params(("id" = String, Path, description = "Id or slug of the server")),
    request_body = CredentialIn,
    responses(
        (status = 200, body = CredentialOut),
        (status = "4XX", body = ProblemBody),
        (status = 502, body = ProblemBody),
    ),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn set(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asking: Asking,
    body: Unread,
) -> Result<Json<CredentialOut>, Problem> {
    let by = who.may(Action::CredentialsWrite)?;
    let credential = replace(&control, &by, &id, &asking, body.read().await?).await?;
    Ok(Json(CredentialOut::of(&credential, &by, &control)))
}

/// Removes the credential of a server.
#[utoipa::path(
    delete, path = "/servers/{id}/credential", tag = "servers", operation_id = "credential_remove",
    params(("id" = String, Path, description = "Id or slug of the server")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn remove(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::CredentialsWrite)?;
    let server = servers::find(&control, &by, &id).await?.server;
    control.store.credential_remove(&by.by(), &server.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn replace(
    control: &Control,
    by: &Authorized,
    id: &str,
    asking: &Asking,
    mut given: CredentialIn,
) -> Result<Credential, Problem> {
    let server = servers::find(control, by, id).await?.server;
    if let Some(client) = given.oauth.take() {
        if given.headers.is_some() || given.bearer.is_some() {
            let message = "send one of `headers`, `bearer` and `oauth`";
            return Err(Problem::field("", "invalid_value", message));
        }
        return oauth::set(control, by, asking, &server, client).await;
    }
    let headers = headers(given)?;
    Ok(control.store.credential_set(&by.by(), &server.id, headers).await?)
}

/// The headers as they are sealed: lower-case names, values that can be sent.
fn headers(given: CredentialIn) -> Result<Vec<(String, Secret)>, Problem> {
    let (named, bearer) = match (given.headers, given.bearer) {
        (Some(headers), None) => (headers, None),
        (None, Some(bearer)) => (BTreeMap::new(), Some(bearer)),
        _ => {
            return Err(Problem::field(
                "",
                "invalid_value",
                "send one of `headers`, `bearer` and `oauth`",
            ));
        }
    };
    let mut faults = vec![];
    let mut headers: Vec<(String, Secret)> = vec![];
    if let Some(Value(token)) = bearer {
        faults.extend(value_fault("/bearer", &token));
        if token.expose().contains(&b' ') {
            let message = "this field takes the token alone, without `Bearer`";
            faults.push(Fault::new("/bearer", "invalid_value", message));
        }
        let value = [b"Bearer ", token.expose()].concat();
        headers.push(("authorization".to_owned(), Secret::new(value)));
    } else if named.is_empty() || named.len() > HEADERS_MAX {
        let message = format!("this field takes 1 to {HEADERS_MAX} headers");
        faults.push(Fault::new("/headers", "invalid_value", message));
    }
    for (at, (name, Value(value))) in named.into_iter().enumerate() {
        // A name may be a pasted secret: it is shown back only when it is a header's.
        match HeaderName::try_from(name.as_str()) {
            Ok(name) if is_ours(&name) => {
                let pointer = format!("/headers/{name}");
                let message = "this header is written by the gateway";
                faults.push(Fault::new(pointer, "invalid_value", message));
            }
            Ok(name) => {
                let mut pointer = String::from("/headers");
                json::pointer::push(&mut pointer, name.as_str());
                faults.extend(value_fault(&pointer, &value));
                headers.push((name.as_str().to_owned(), value));
            }
            Err(_) => {
                let message = format!("the name of header {} is not a header name", at + 1);
                faults.push(Fault::new("/headers", "invalid_value", message));
            }
        }
    }
    if faults.is_empty() { Ok(headers) } else { Err(Problem::invalid(faults)) }
}

/// What is wrong with a value; never the value.
fn value_fault(pointer: &str, value: &Secret) -> Option<Fault> {
    let bytes = value.expose();
    let message = if bytes.is_empty() {
        "the value must not be empty"
    } else if bytes.len() > VALUE_BYTES_MAX {
        "the value is longer than 8192 bytes"
    } else if bytes.first() == Some(&b' ') || bytes.last() == Some(&b' ') {
        "the value must not begin or end with blank space"
    } else if !bytes.iter().all(|b| (0x20..0x7f).contains(b))
        || HeaderValue::from_bytes(bytes).is_err()
    {
        "the value must be visible ASCII characters: no line breaks or tabs"
    } else {
        return None;
    };
    Some(Fault::new(pointer, "invalid_value", message))
}

/// Whether the gateway writes this header itself: a credential in it would change what is sent.
fn is_ours(name: &HeaderName) -> bool {
    const OURS: [&str; 22] = [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "last-event-id",
        "origin",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    let name = name.as_str();
    OURS.contains(&name) || name.starts_with("mcp-") || name.starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary4111";

    fn read(text: &str) -> Result<Vec<(String, String)>, Problem> {
        let given = crate::body::Input::of(text.as_bytes())?.decode::<CredentialIn>()?;
        let read = headers(given)?;
        Ok(read.iter().map(|(n, v)| (n.clone(), v.expose_str().unwrap().to_owned())).collect())
    }

    #[test]
    fn headers_are_kept_in_lower_case_and_bearer_is_short_for_one() {
        let one = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(read(r#"{"bearer":"abc"}"#).unwrap(), one("authorization", "Bearer abc"));
        assert_eq!(read(r#"{"headers":{"X-Api-Key":"a b"}}"#).unwrap(), one("x-api-key", "a b"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_a_word_of_it() {
        let long = format!(r#"{{"bearer":"{CANARY}{}"}}"#, "x".repeat(VALUE_BYTES_MAX));
        let cases = [
            "{}",
            r#"{"bearer":"canary4111","headers":{}}"#,
            r#"{"headers":{}}"#,
            r#"{"headers":["canary4111"]}"#,
            r#"{"headers":{"x-api-key":4111}}"#,
            r#"{"headers":{"x-api-key":""}}"#,
            r#"{"headers":{"x-api-key":"canary4111\n"}}"#,
            r#"{"headers":{"x-api-key":"canary4111\r\nhost: x"}}"#,
            r#"{"headers":{"x-api-key":" canary4111"}}"#,
            r#"{"headers":{"x-api-key":"canary4111é"}}"#,
            r#"{"headers":{"canary4111 key":"v"}}"#,
            r#"{"headers":{"Host":"canary4111"}}"#,
            r#"{"headers":{"Mcp-Session-Id":"canary4111"}}"#,
            r#"{"headers":{"X-Key":"canary4111","x-key":"canary4111"}}"#,
            r#"{"bearer":"Bearer canary4111"}"#,
            r#"{"bearer":"canary4111","note":"x"}"#,
            long.as_str(),
        ];
        for text in cases {
            let problem = read(text).unwrap_err();
            let told = format!("{problem:?}");
            assert!(!told.contains(CANARY), "{told}");
            assert!(!problem.errors().is_empty(), "{text}");
        }
    }
}
