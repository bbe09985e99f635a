//! What every route keeps, read from the description of the API: headers, bodies, tags, cursors,
//! repeated creations, and how fast one may ask. A new route is tried here before anybody thinks of it.

use serde_json::{Value, json};
use store::Role;

use crate::approvals;
use crate::browser::{Browser, audit_lines, person};
use crate::issuer::Issuer;
use crate::world::{Answer, POLICY, World};

/// A channel that is there.
const CHANNEL: &str = r#"{"name":"ops","kind":"webhook","url":"http://127.0.0.1:9/hook"}"#;

/// One operation of the description.
struct Operation {
    method: String,
    /// The template without the base, such as `/servers/{id}`.
    route: String,
    what: Value,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.route)
    }

    fn takes(&self, place: &str, name: &str) -> bool {
        let parameters = self.what["parameters"].as_array();
        parameters.into_iter().flatten().any(|p| p["in"] == place && p["name"] == name)
    }

    fn needs(&self, header: &str) -> bool {
        let parameters = self.what["parameters"].as_array();
        parameters.into_iter().flatten().any(|p| p["name"] == header && p["required"] == true)
    }

    /// Where it is for objects that are there, in a [`furnished`] world.
    fn path(&self, approval: &str) -> String {
        let of = |noun: &str| match noun {
            "servers" => "payments",
            "policies" => "support",
            "grants" => "agent",
            "groups" => "finance",
            "members" => "viewer@example.org",
            "approvals" => approval,
            "channels" => "ops",
            _ => "none",
        };
        let noun = self.route.split('/').nth(1).unwrap();
        self.route
            .replace("{id}", of(noun))
            .replace("{tool}", "pay")
            .replace("{number}", "1")
            .replace("{message}", "none")
    }
}

async fn operations(world: &World) -> Vec<Operation> {
    let document = world.admin("GET", "/openapi.json", "").await.json();
    let mut all = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, what) in item.as_object().unwrap() {
            let route = path.strip_prefix("/api/v1").unwrap().to_owned();
            all.push(Operation { method: method.to_uppercase(), route, what: what.clone() });
        }
    }
    assert!(all.len() > 90, "the description has {} operations", all.len());
    all
}

/// A world with one of everything, the id of a call that waits, and an admin in person.
async fn furnished() -> (World, String, Browser) {
    let world = World::start().await;
    let approval = approvals::wait(&world, 1).await.remove(0);
    let group = r#"{"name":"finance","members":["viewer@example.org"]}"#;
    assert_eq!(world.admin("POST", "/groups", group).await.status, 201);
    assert_eq!(world.admin("POST", "/channels", CHANNEL).await.status, 201);
    let draft = json!({ "text": POLICY }).to_string();
    let first = [("if-none-match", "*")];
    let draft = world.ask(Some(&world.admin), "PUT", "/policies/support/draft", &draft, &first);
    assert_eq!(draft.await.status, 200);
    let (_, browser) = person(&world, "root@example.org", Role::Admin).await;
    (world, approval, browser)
}

/// Asks in person, so that what no key may do is reached too.
async fn ask(
    world: &World,
    browser: &Browser,
    operation: &Operation,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let own = format!("http://{}", world.address);
    let mut all = vec![("origin", own.as_str())];
    all.extend_from_slice(headers);
    browser.send(world, &operation.method, path, body, &all).await
}

/// Rows W03 and W18: whatever is asked and whatever comes of it.
#[tokio::test]
async fn every_route_says_what_browsers_may_not_do_with_its_answer() {
    let (world, approval, _) = furnished().await;
    for operation in operations(&world).await {
        if operation.route == "/calls/tail" {
            continue; // It never ends; its head is the same code's.
        }
        let path = operation.path(&approval);
        for key in [None, Some("csk1_nonsense"), Some(world.viewer.as_str())] {
            let answer = world.ask(key, &operation.method, &path, "", &[]).await;
            let name = format!("{} {}", operation.name(), answer.status);
            assert!(answer.status < 500, "{name}: {answer:?}");
            for (header, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
                ("cross-origin-resource-policy", "same-origin"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ] {
                assert_eq!(answer.headers[header], value, "{name}");
            }
            assert!(answer.headers["x-request-id"].starts_with("req_"), "{name}");
            assert!(!answer.headers.keys().any(|h| h.starts_with("access-control-")), "{name}");
            if answer.status >= 400 {
                answer.code();
            }
        }
    }
}

/// Rows W08 and W15: what is not one JSON object with known fields changes nothing, anywhere.
#[tokio::test]
async fn every_route_refuses_a_body_that_is_not_what_it_takes() {
    let (world, approval, browser) = furnished().await;
    let before = audit_lines(&world).await;
    let mut tried = 0;
    for operation in operations(&world).await {
        if operation.what["requestBody"].is_null() {
            continue;
        }
        let (name, path) = (operation.name(), operation.path(&approval));
        let headers: &[(&str, &str)] =
            if operation.takes("header", "If-Match") { &[("if-match", "*")] } else { &[] };
        for (body, statuses) in [
            (r#"{"zzz_unknown":1}"#, &[422_u16][..]),
            (r#"{"zzz_unknown":1,"zzz_unknown":2}"#, &[400, 422]),
            (r#"{"org_id":"org_next"}"#, &[422]),
            (r#"{"\u0000":1}"#, &[400, 422]),
            ("[]", &[422]),
            ("null", &[422]),
            ("{", &[400]),
            ("{}{}", &[400]),
            ("\"\\ud800\"", &[400, 422]),
        ] {
            let answer = ask(&world, &browser, &operation, &path, body, headers).await;
            assert!(statuses.contains(&answer.status), "{name} {body}: {answer:?}");
            answer.code();
            assert!(!answer.body.contains("serde"), "{name}: {}", answer.body);
        }
        tried += 1;
    }
    assert!(tried > 35, "{tried} routes take a body");
    // To open what was sealed is a look, and looks are recorded; nothing else was done.
    assert_eq!(audit_lines(&world).await, before, "something was changed");
}

/// Two editors: a route that takes `If-Match` keeps to it.
#[tokio::test]
async fn every_route_that_takes_a_tag_keeps_to_it() {
    let (world, approval, browser) = furnished().await;
    let issuer = Issuer::start().await;
    let provider = json!({ "slug": "none", "issuer": issuer.url, "client_id": "c" }).to_string();
    assert_eq!(world.admin("POST", "/identity-providers", &provider).await.status, 201);
    let body = |name: &str| match name {
        "PUT /groups/{id}" => r#"{"name":"finance"}"#.to_owned(),
        "PUT /channels/{id}" => CHANNEL.to_owned(),
        "PUT /identity-providers/{id}" => provider.clone(),
        "PUT /grants/{id}/owner" => r#"{"owner":"viewer@example.org"}"#.to_owned(),
        "PUT /grants/{id}/policy" => r#"{"server":"payments","policy":null}"#.to_owned(),
        "PUT /policies/{id}/draft" => r#"{"text":"mine"}"#.to_owned(),
        "DELETE /policies/{id}/draft" | "DELETE /groups/{id}" => String::new(),
        _ => "{}".to_owned(),
    };
    let before = audit_lines(&world).await;
    let mut tried = 0;
    for operation in operations(&world).await {
        if !operation.takes("header", "If-Match") {
            continue;
        }
        let (name, path) = (operation.name(), operation.path(&approval));
        let body = body(&name);
        let send = async |headers: &[(&str, &str)]| {
            ask(&world, &browser, &operation, &path, &body, headers).await
        };
        if operation.needs("If-Match") {
            let bare = send(&[]).await;
            assert_eq!(
                (bare.status, bare.code().as_str()),
                (428, "precondition_required"),
                "{name}"
            );
        }
        for tag in ["\"999\"", "999", "W/\"1\"", "\"1\", \"2\"", "\"\"", "\"-1\"", "x"] {
            let stale = send(&[("if-match", tag)]).await;
            assert_eq!((stale.status, stale.code().as_str()), (412, "stale"), "{name} {tag}");
        }
        let twice = send(&[("if-match", "*"), ("if-match", "*")]).await;
        assert_eq!(twice.status, 412, "{name}");
        tried += 1;
    }
    assert!(tried >= 10, "{tried} routes take a tag");
    assert_eq!(audit_lines(&world).await, before, "something was changed");
}

/// Row W14: lists are read in parts, and parts make the whole.
#[tokio::test]
async fn every_list_is_read_in_parts_and_refuses_nonsense() {
    let (world, _, browser) = furnished().await;
    let mut tried = 0;
    for operation in operations(&world).await {
        if !operation.takes("query", "limit") {
            continue;
        }
        let (name, path) = (operation.name(), operation.path("none"));
        let get = async |query: &str| {
            ask(&world, &browser, &operation, &format!("{path}?{query}"), "", &[]).await
        };
        for query in [
            "limit=0",
            "limit=-1",
            "limit=501",
            "limit=1000000000",
            "limit=99999999999999999999",
            "limit=1e2",
            "limit=",
            "limit=1&limit=2",
            "after=",
            "after=%00",
            "after=%27%3B%20DROP%20TABLE%20members",
            "order=id%3B--",
            "zzz=1",
        ] {
            let answer = get(query).await;
            assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{name} {query}");
        }
        // The log of changes grows by being read: it is read in parts elsewhere.
        if operation.route == "/audit" {
            continue;
        }
        let whole = get("limit=500").await;
        assert_eq!(whole.status, 200, "{name}: {}", whole.body);
        let whole = whole.json()["items"].as_array().unwrap().clone();
        let (mut parts, mut query) = (vec![], "limit=1".to_owned());
        loop {
            let part = get(&query).await.json();
            let items = part["items"].as_array().unwrap();
            assert!(items.len() <= 1, "{name}");
            parts.extend(items.iter().cloned());
            let Some(next) = part["next"].as_str() else { break };
            query = format!("limit=1&after={next}");
            assert!(parts.len() <= whole.len(), "{name} never ends");
        }
        // Refusals are counted while we look; nothing else moves.
        if operation.route != "/refusals" {
            assert_eq!(parts, whole, "{name}");
        }
        tried += 1;
    }
    assert!(tried >= 13, "{tried} lists");
}

/// The same creation twice is made once, whatever is created.
#[tokio::test]
async fn every_creation_that_is_repeated_is_made_once() {
    let (world, _, _) = furnished().await;
    let issuer = Issuer::start().await;
    let body = r#"{"email":"new@example.org","role":"viewer"}"#;
    assert_eq!(world.admin("POST", "/members", body).await.status, 201);
    let text = json!({ "text": POLICY }).to_string();
    let provider = json!({ "slug": "mock", "issuer": issuer.url, "client_id": "c" }).to_string();
    let bodies = |name: &str| match name {
        "POST /api-keys" => r#"{"label":"k","role":"viewer"}"#.to_owned(),
        "POST /grants" => r#"{"label":"g","servers":[{"server":"payments"}]}"#.to_owned(),
        "POST /groups" => r#"{"name":"g"}"#.to_owned(),
        "POST /channels" => CHANNEL.replace("ops", "again"),
        "POST /identity-providers" => provider.clone(),
        "POST /members" => r#"{"email":"x@example.org","role":"viewer"}"#.to_owned(),
        "POST /policies" => r#"{"name":"p"}"#.to_owned(),
        "POST /policies/{id}/versions" | "POST /policies/{id}/watch" => text.clone(),
        "POST /servers" => r#"{"slug":"s","url":"http://127.0.0.1:9/mcp"}"#.to_owned(),
        "POST /members/{id}/sign-in-link" => String::new(),
        _ => "{}".to_owned(),
    };
    let mut tried = vec![];
    for operation in operations(&world).await {
        let name = operation.name();
        let makes = operation.what["responses"].get("201").is_some();
        let takes = operation.takes("header", "Idempotency-Key");
        // A passkey is registered with a challenge that counts once by itself.
        assert!(takes || !makes || name == "POST /me/passkeys", "{name} takes no Idempotency-Key");
        if !takes {
            continue;
        }
        let mut path = operation.path("none");
        if name == "POST /members/{id}/invite" {
            path = path.replace("viewer@", "new@");
        }
        let body = bodies(&name);
        let send = async |key: &str, body: &str| {
            let mut headers = vec![("idempotency-key", key)];
            if operation.takes("header", "If-Match") {
                headers.push(("if-match", "*"));
            }
            world.ask(Some(&world.admin), &operation.method, &path, body, &headers).await
        };
        let long = "k".repeat(129);
        for bad in ["", long.as_str()] {
            let answer = send(bad, &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{name}");
        }
        let before = audit_lines(&world).await;
        let first = send(&name.replace(' ', "-"), &body).await;
        assert!((200..300).contains(&first.status), "{name}: {}", first.body);
        let made = audit_lines(&world).await;
        assert!(made > before, "{name}");
        let again = send(&name.replace(' ', "-"), &body).await;
        assert_eq!(again.status, first.status, "{name}: {}", again.body);
        assert_eq!(again.headers["idempotency-replayed"], "true", "{name}");
        assert_eq!(audit_lines(&world).await, made, "{name} was made twice");
        for secret in ["csk1_", "csg1_", "csi1_", "csu1_", "whsec_"] {
            assert!(!again.body.contains(secret), "{name} tells its token again");
        }
        let other = send(&name.replace(' ', "-"), r#"{"zzz":1}"#).await;
        assert_eq!(other.code(), "idempotency_key_reused", "{name}");
        tried.push(name);
    }
    assert!(tried.len() >= 13, "{tried:?}");
}

/// Whoever runs wild is slowed on every route that asks who they are, and nobody else is.
#[tokio::test]
async fn every_route_slows_whoever_asks_too_fast() {
    let (world, approval, _) = furnished().await;
    let operations = operations(&world).await;
    world.clock.stop();
    let mut answered = 0;
    while world.ask(Some(&world.viewer), "GET", "/me", "", &[]).await.status == 200 {
        answered += 1;
        assert!(answered <= 1_000, "nobody is slowed");
    }
    for operation in operations.iter().filter(|o| !o.what["security"][0]["api_key"].is_null()) {
        let path = operation.path(&approval);
        let slowed = world.ask(Some(&world.viewer), &operation.method, &path, "", &[]).await;
        let told = (slowed.status, slowed.code());
        assert_eq!(told, (429, "rate_limited".to_owned()), "{}", operation.name());
        assert_eq!(slowed.headers["retry-after"], "1");
    }
    assert_eq!(world.admin("GET", "/me", "").await.status, 200);
    world.clock.pass(1);
    assert_eq!(world.ask(Some(&world.viewer), "GET", "/me", "", &[]).await.status, 200);
}
