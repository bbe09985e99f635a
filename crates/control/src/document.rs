//! The API's own description: OpenAPI 3.1 from the code, and the page for people from that.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Document, PathItem, RefOr};

use crate::problem::Code;
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countersign control plane",
        description = "Servers, credentials, policies, grants and the call log of a Countersign instance.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "health", description = "How the instance is, and what one may do"),
        (name = "servers", description = "Upstream MCP servers, their tools and credentials"),
        (name = "policies", description = "Policies, their versions, and trying them out"),
        (name = "grants", description = "What agents may do, and how much of it they used"),
        (name = "calls", description = "What agents did"),
        (name = "approvals", description = "Calls that wait for people"),
        (name = "channels", description = "Where people outside are told of calls that wait"),
        (name = "members", description = "People: members and groups"),
        (name = "api-keys", description = "Keys of this API"),
        (name = "session", description = "Signing in, sessions, passwords and passkeys"),
        (name = "identity-providers", description = "Identity providers that people sign in by"),
        (name = "keys", description = "The keys that seal every secret: rotation, its progress, another root key"),
        (name = "audit", description = "What people changed, who was turned away, and copies of it all"),
        (name = "evidence", description = "What others can check: checkpoints, proofs, exports"),
        (name = "recording", description = "What is recorded of calls beyond names: fingerprints, and captures sealed to your key"),
    ),
)]
struct Outline;

/// The document before the routes.
pub(crate) fn outline() -> Document {
    let mut document = Outline::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("csk1_…")
        .description(Some("An API key. The names after it are the lowest role that may."))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    let cookie = ApiKeyValue::with_description(
        "__Host-countersign",
        "The cookie of a signed-in browser. Changes need an `Origin` of ours beside it.",
    );
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
    components.add_security_scheme("session", cookie);
    document
}

/// The OpenAPI 3.1 document of the API, as JSON.
pub fn openapi_json() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let (_, mut document) = routes::described().split_for_parts();
        name_problems(&mut document);
        document.to_pretty_json().unwrap_or_default()
    })
}

/// Every refusal is a problem, and its media type says so: the routes name only its shape.
fn name_problems(document: &mut Document) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else { continue };
                if !status.starts_with(['4', '5']) {
                    continue;
                }
                let problem = |kind: String| match kind.as_str() {
                    "application/json" => "application/problem+json".to_owned(),
                    _ => kind,
                };
                let content = std::mem::take(&mut response.content);
                response.content =
                    content.into_iter().map(|(kind, body)| (problem(kind), body)).collect();
            }
        }
    }
}

pub(crate) async fn serve() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], openapi_json()).into_response()
}

/// The page about the API for people: `docs/api.md`. Routes, roles and codes come from the code.
pub fn api_markdown() -> String {
    let (_, document) = routes::described().split_for_parts();
    let mut page = String::from(INTRODUCTION);
    let _ = write!(
        page,
        "\n## Routes\n\nThe lowest role that may; each role includes the ones before.\n"
    );
    for tag in document.tags.iter().flatten() {
        let about = tag.description.as_deref().unwrap_or_default();
        let _ = write!(page, "\n### {about}\n\n| route | does | role |\n| --- | --- | --- |\n");
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                if operation.tags.iter().flatten().any(|name| *name == tag.name) {
                    let summary = operation.summary.as_deref().unwrap_or_default();
                    let summary = summary.replace('\n', " ");
                    let role = role_of(operation).unwrap_or_else(|| "no key".to_owned());
                    let path = path.strip_prefix(routes::BASE).unwrap_or(path);
                    let _ = writeln!(page, "| `{method} {path}` | {summary} | {role} |");
                }
            }
        }
    }
    page.push_str("\n## Codes\n\n| code | status | title |\n| --- | --- | --- |\n");
    for code in Code::ALL {
        let status = code.status().as_u16();
        let _ = writeln!(page, "| `{}` | {status} | {} |", code.as_str(), code.title());
    }
    page
}

/// The operations of a path, with their methods.
fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// Every operation that needs a role, by name, with the lowest one that may.
pub(crate) fn roles_by_operation() -> Vec<(String, store::Role)> {
    let (_, document) = routes::described().split_for_parts();
    let all = document.paths.paths.values().flat_map(operations);
    let named = all.filter_map(|(_, operation)| {
        let role = store::Role::parse(&role_of(operation)?)?;
        Some((operation.operation_id.clone()?, role))
    });
    named.collect()
}

/// The role that the document names for an operation.
fn role_of(operation: &Operation) -> Option<String> {
    let requirement = serde_json::to_value(operation.security.as_ref()?.first()?).ok()?;
    Some(requirement.get("api_key")?.get(0)?.as_str()?.to_owned())
}

const INTRODUCTION: &str = "# The API

Everything the dashboard and the command line do, they do through this API. It lives under `/api/v1` on the control
plane's listener (default `127.0.0.1:7070`) and describes itself as OpenAPI 3.1 at `/api/v1/openapi.json`.
This page is generated: change the code, then run the tests of `control` with `UPDATE_DOCS=1`.

```
curl -H \"Authorization: Bearer $COUNTERSIGN_API_KEY\" http://127.0.0.1:7070/api/v1/servers
```

## Keys and roles

Every route but `health` and `openapi.json` needs an API key as `Authorization: Bearer csk1_…`. The first admin key is
made at first start and printed once. Every key is a member's and has one role: `viewer`, `policy_manager` or `admin`, at
most the member's at every use ([roles](roles.md)). No key, or one that is unknown, expired or revoked, or whose member was
removed: 401. A role that is too low: 403. `GET /me` says who asks, and `can` in an object what they may do with it. An address that shows more than 20 bad keys in a minute
gets 429 in place of 401 until the minute is over; good keys are never locked out by it.

A listener on a loopback address answers only to `localhost`, `127.0.0.1`, `[::1]` and the public host name it was
configured with, if it was. Requests with an `Origin` of another site are refused, and no answer allows one.

## Requests

Bodies are JSON (`Content-Type: application/json`), at most 2 MiB, with the text of one policy at most 1 MiB. They are
read strictly: a name that stands twice, a field that is not known or a value of another type is refused with 422, and
`errors` names the field and the reason, never the value. Ids and names are interchangeable in paths: a server's slug,
a policy's name, the label of a living grant. An id of another organisation answers 404, as if it did not exist.
Times are RFC 3339; answers give UTC with microseconds.

## Problems

Every refusal is `application/problem+json` (RFC 9457) with a stable `code`, a `request_id` that also stands in the
logs, and often `errors`:

```json
{ \"type\": \"urn:countersign:problem:invalid\", \"title\": \"The request is not valid\", \"status\": 422,
  \"detail\": \"nothing was changed; `errors` says what is wrong\", \"code\": \"invalid\", \"request_id\": \"req_…\",
  \"errors\": [{ \"pointer\": \"/slgu\", \"code\": \"unknown_field\", \"message\": \"there is no such field here\", \"suggestion\": \"slug\" }] }
```

## Lists

`?limit=` takes 1 to 500 (100 when absent). A list answers `{\"items\": […], \"next\": …}`: give `next` as `?after=` to go
on; `null` is the end.

## Editing together

One server, grant, member, group and draft answer with an `ETag`. `PUT` of a server, member, group or draft needs it back
as `If-Match` (or `*` to overwrite); if somebody was faster, the answer is 412 and nothing changed. The first draft of a
policy goes with `If-None-Match: *`; a draft that comes second gets 412 with `current` and `yours`, so no text is lost.
Grants take `If-Match` when it is given.
`POST /policies/{id}/versions` takes `expected_latest` for the same purpose.

## Repeating safely

Creations take an `Idempotency-Key` of up to 128 characters. The same key with the same request is carried out once and
answered again (`Idempotency-Replayed: true`); with another request it is refused with 422. Tokens are kept nowhere, so
a repeated answer to `POST /grants` shows the grant with `\"token\": null` and says so.

## Following the log

`GET /calls/tail` is a stream of server-sent events. `call` is a line of the log as it was written, `id:` its index;
come back with `Last-Event-ID` and nothing is missed. `outcome` repeats a line once it is known what became of it. The
stream ends within two seconds of its key being revoked.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_names_itself_its_role_and_what_it_does() {
        let (_, document) = routes::described().split_for_parts();
        let mut ids = vec![];
        for (path, item) in &document.paths.paths {
            assert!(path.starts_with(routes::BASE), "{path}");
            for (method, operation) in operations(item) {
                let id = operation.operation_id.clone().unwrap();
                assert!(!ids.contains(&id), "{id} stands twice");
                ids.push(id);
                assert!(operation.summary.is_some(), "{method} {path} has no summary");
                let role = role_of(operation);
                let known = |r: &String| store::Role::parse(r).is_some();
                assert!(role.as_ref().is_some_and(known) || is_open(path), "{path}");
            }
        }
        assert!(ids.len() >= 40, "only {} operations", ids.len());
    }

    /// Two types of one name would silently be one in the document.
    #[test]
    fn no_two_types_of_the_api_share_a_name() {
        let mut names = vec![];
        let mut folders = vec![std::path::PathBuf::from("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    names.extend(described_types(&std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
        names.sort();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(names.len() > 80, "only {} types were found", names.len());
        assert!(twice.is_empty(), "these names stand twice: {twice:?}");
    }

    /// The names of the types in this file whose form the document gives.
    fn described_types(source: &str) -> Vec<String> {
        let (mut names, mut described) = (vec![], false);
        for line in source.lines() {
            described |= line.starts_with("#[derive(") && line.contains("ToSchema");
            let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
            if described && matches!(words.next(), Some("struct" | "enum")) {
                let name = words.next().unwrap_or_default();
                let end = name.find(|c: char| !c.is_alphanumeric()).unwrap_or(name.len());
                names.push(name[..end].to_owned());
                described = false;
            }
        }
        names
    }

    /// Whether nobody is asked who they are there: it is how people get in, or for authorization
    /// servers.
    fn is_open(path: &str) -> bool {
        let bare = path.strip_prefix(routes::BASE).unwrap_or(path);
        bare.starts_with("/sign-in")
            || bare.starts_with("/oauth/")
            || ["/health", "/setup", "/invites/accept"].contains(&bare)
    }

    #[test]
    fn the_document_is_openapi_3_1_and_keeps_secrets_write_only() {
        let document: serde_json::Value = serde_json::from_str(openapi_json()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let shown = &document["components"]["schemas"]["CredentialOut"]["properties"];
        let names: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        let known = [
            "can",
            "generation",
            "headers",
            "key_version",
            "kind",
            "oauth",
            "opens",
            "reveals",
            "set_at",
        ];
        assert_eq!(names, known);
        assert_eq!(shown["headers"]["items"]["type"], "string");
    }

    /// `UPDATE_DOCS=1` writes both anew: the page, and the document that the dashboard's client
    /// is generated from.
    #[test]
    fn the_page_about_the_api_is_current() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let document = format!("{}\n", openapi_json().trim_end());
        for (name, text) in [("api.md", api_markdown()), ("openapi.json", document)] {
            let path = format!("{docs}/{name}");
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let stored = std::fs::read_to_string(path).unwrap_or_default();
            assert!(stored == text, "docs/{name} is stale: run this test with UPDATE_DOCS=1");
        }
    }
}
