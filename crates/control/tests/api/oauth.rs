//! OAuth towards upstreams, by the API: a real exchange with an authorization server on this
//! machine, and every way in which its answers are not believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use store::Connecting as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use crate::browser::{Browser, person};
use crate::world::{Answer, World};

/// An upstream and its authorization server in one: documents, a registration, tokens.
pub(crate) struct Site {
    pub(crate) base: String,
    says: Arc<Mutex<HashMap<String, (u16, String)>>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (says, asked) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let site = Self { base: base.clone(), says, asked };
        site.say(
            "/.well-known/oauth-protected-resource/mcp",
            json!({"resource": format!("{base}/mcp"), "authorization_servers": [base], "scopes_supported": ["pay"]}),
        );
        site.say("/.well-known/oauth-authorization-server", site.metadata());
        site.say("/register", json!({"client_id": "made-for-us"}));
        site.say(
            "/token",
            json!({"access_token": "at-canary", "refresh_token": "rt-canary", "token_type": "Bearer", "expires_in": 600}),
        );
        let (says, asked) = (site.says.clone(), site.asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (says, asked) = (says.clone(), asked.clone());
                tokio::spawn(async move {
                    let (mut text, mut part) = (String::new(), [0; 4096]);
                    let (path, body) = loop {
                        let count = stream.read(&mut part).await.unwrap_or(0);
                        text.push_str(&String::from_utf8_lossy(&part[..count]));
                        let Some((head, body)) = text.split_once("\r\n\r\n") else {
                            assert!(count > 0, "a whole head");
                            continue;
                        };
                        let lower = head.to_ascii_lowercase();
                        let length = lower.lines().find_map(|l| l.strip_prefix("content-length: "));
                        let length: usize = length.and_then(|l| l.parse().ok()).unwrap_or(0);
                        if body.len() >= length {
                            let path = head.split(' ').nth(1).unwrap_or_default();
                            break (path.to_owned(), body.to_owned());
                        }
                    };
                    asked.lock().unwrap().push((path.clone(), body));
                    let said = says.lock().unwrap().get(&path).cloned();
                    let (status, body) = said.unwrap_or((404, String::new()));
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        site
    }

    pub(crate) fn metadata(&self) -> Value {
        let base = &self.base;
        json!({
            "issuer": base, "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"),
            "registration_endpoint": format!("{base}/register"),
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    pub(crate) fn say(&self, path: &str, body: Value) {
        self.says.lock().unwrap().insert(path.to_owned(), (200, body.to_string()));
    }

    pub(crate) fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(at, _)| at == path).map(|(_, body)| body.clone()).collect()
    }
}

async fn world(site: &Site) -> World {
    let world = World::start().await;
    with_server(&world, site).await;
    world
}

/// Registers the site's server as `s`.
pub(crate) async fn with_server(world: &World, site: &Site) {
    let server = json!({"slug": "s", "url": format!("{}/mcp", site.base)}).to_string();
    assert_eq!(world.admin("POST", "/servers?probe=false", &server).await.status, 201);
}

/// Begins to connect; the parts of the address that the browser is sent to.
async fn begin(world: &World) -> HashMap<String, String> {
    let begun = world.admin("POST", "/servers/s/connections", "").await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let url = begun.json()["authorize_url"].as_str().unwrap().to_owned();
    Url::parse(&url).unwrap().query_pairs().into_owned().collect()
}

#[tokio::test]
async fn an_account_is_connected_by_a_code_and_its_tokens_are_never_shown() {
    let site = Site::start().await;
    let world = world(&site).await;
    let set = world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await;
    assert_eq!(set.status, 200, "{set:?}");
    let shown = set.json();
    assert_eq!(
        (&shown["kind"], &shown["oauth"]["client_id"]),
        (&json!("oauth"), &json!("made-for-us"))
    );
    assert_eq!(shown["oauth"]["scopes"], json!(["pay"]));
    let registered: Value = serde_json::from_str(&site.asked("/register")[0]).unwrap();
    assert_eq!(registered["redirect_uris"][0], shown["oauth"]["redirect_uri"]);

    let sent = begin(&world).await;
    assert_eq!((sent["code_challenge_method"].as_str(), sent["scope"].as_str()), ("S256", "pay"));
    assert_eq!(sent["resource"], format!("{}/mcp", site.base));
    let iss: String = url::form_urlencoded::byte_serialize(site.base.as_bytes()).collect();
    let back = format!("/oauth/callback?state={}&code=c0de&iss={iss}", sent["state"]);
    let page = world.ask(None, "GET", &back, "", &[]).await;
    assert_eq!(page.status, 200, "{page:?}");
    let form = &site.asked("/token")[0];
    assert!(
        form.contains("code=c0de") && form.contains("code_verifier=") && form.contains("resource=")
    );
    // Once.
    assert_eq!(world.ask(None, "GET", &back, "", &[]).await.status, 400);

    let listed = world.admin("GET", "/servers/s/connections", "").await;
    let one = &listed.json()["items"][0];
    assert_eq!(
        (&one["state"], &one["identity"], &one["renews"]),
        (&json!("connected"), &json!(""), &json!(true))
    );
    for answer in [&listed, &page, &world.admin("GET", "/servers/s/credential", "").await] {
        assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
    }
    assert_eq!(world.admin("POST", "/servers/s/disconnect", "").await.status, 204);
    assert_eq!(world.admin("GET", "/servers/s/connections", "").await.json()["items"], json!([]));
}

/// S15, S16: only the issuer that was asked is answered, and nobody's code goes elsewhere.
#[tokio::test]
async fn s15_s16_an_answer_of_another_issuer_is_not_looked_at() {
    let site = Site::start().await;
    let world = world(&site).await;
    world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await;
    for iss in ["", "&iss=http%3A%2F%2Fevil.example", "&iss=", &format!("&iss={}/", site.base)] {
        let sent = begin(&world).await;
        let back = format!("/oauth/callback?state={}&code=c0de{iss}", sent["state"]);
        assert_eq!(world.ask(None, "GET", &back, "", &[]).await.status, 400, "{iss}");
    }
    for state in ["", "guessed"] {
        let back = format!("/oauth/callback?state={state}&code=c0de&iss={}", site.base);
        assert_eq!(world.ask(None, "GET", &back, "", &[]).await.status, 400);
    }
    assert!(site.asked("/token").is_empty(), "no code left the house");
    let sent = begin(&world).await;
    let back =
        format!("/oauth/callback?state={}&error=access_denied&iss={}", sent["state"], site.base);
    assert_eq!(world.ask(None, "GET", &back, "", &[]).await.status, 400);
    // Replaced meanwhile: the answer to the old client is nobody's.
    let sent = begin(&world).await;
    world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await;
    let back = format!("/oauth/callback?state={}&code=c0de&iss={}", sent["state"], site.base);
    assert_eq!(world.ask(None, "GET", &back, "", &[]).await.status, 400);
    assert!(site.asked("/token").is_empty());
}

/// S12, S14, S18, S20, S24: what is not as it must be is not kept.
#[tokio::test]
async fn s20_what_the_server_names_is_checked_and_pinned() {
    let site = Site::start().await;
    let world = world(&site).await;
    let pinned = r#"{"oauth":{"issuer":"https://as.example"}}"#;
    let refused = world.admin("PUT", "/servers/s/credential", pinned).await;
    assert_eq!((refused.status, refused.code().as_str()), (502, "authorization_server"));
    let at = "/.well-known/oauth-authorization-server";
    for (field, value) in [
        ("issuer", json!("http://127.0.0.1:1")),
        ("code_challenge_methods_supported", json!(["plain"])),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("token_endpoint", json!("file:///etc/passwd")),
        ("token_endpoint", Value::Null),
    ] {
        let mut metadata = site.metadata();
        metadata[field] = value;
        site.say(at, metadata);
        let refused = world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (502, "authorization_server"),
            "{field}"
        );
    }
    assert_eq!(world.admin("GET", "/servers/s/credential", "").await.status, 404);
    site.say(at, site.metadata());
    for (body, pointer) in [
        (r#"{"oauth":{"grant":"password"}}"#, "/oauth/grant"),
        (r#"{"oauth":{"grant":"client_credentials"}}"#, "/oauth/client_id"),
        (r#"{"oauth":{"client_secret":"canary"}}"#, "/oauth/client_id"),
        (r#"{"oauth":{"client_id":"c","private_key":"canary"}}"#, "/oauth/private_key"),
        (r#"{"oauth":{"scopes":["a b"]}}"#, "/oauth/scopes"),
        // Sound, and not taken there; and no names of clients at all.
        (r#"{"oauth":{"client_document":"https://a.example/c.json"}}"#, "/oauth/client_document"),
        (r#"{"oauth":{"client_document":"http://a.example/c.json"}}"#, "/oauth/client_document"),
        (r#"{"oauth":{"client_document":"https://canary@a.example/c"}}"#, "/oauth/client_document"),
        (r#"{"oauth":{"client_document":"javascript:canary"}}"#, "/oauth/client_document"),
        (r#"{"oauth":{},"bearer":"canary"}"#, ""),
    ] {
        let refused = world.admin("PUT", "/servers/s/credential", body).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
        assert!(!format!("{refused:?}").contains("canary"));
    }
    // More than was asked for is not kept.
    world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await;
    site.say("/token", json!({"access_token": "a", "token_type": "Bearer", "scope": "pay admin"}));
    let sent = begin(&world).await;
    let back = format!("/oauth/callback?state={}&code=c&iss={}", sent["state"], site.base);
    assert_eq!(world.ask(None, "GET", &back, "", &[]).await.status, 400);
    assert_eq!(world.admin("GET", "/servers/s/connections", "").await.json()["items"], json!([]));
    // S24: another address, and the client and its accounts are gone.
    let moved = json!({"url": format!("{}/elsewhere", site.base)}).to_string();
    let any = [("if-match", "*")];
    world.ask(Some(&world.admin), "PUT", "/servers/s", &moved, &any).await;
    assert_eq!(world.admin("GET", "/servers/s/credential", "").await.status, 404);
}

/// Nobody reads a credential back unless the instance says so, and never with a key.
#[tokio::test]
async fn a_credential_is_not_read_back_where_nobody_said_so() {
    let site = Site::start().await;
    let world = world(&site).await;
    world.admin("PUT", "/servers/s/credential", r#"{"bearer":"canary"}"#).await;
    let path = "/servers/s/credential/reveal";
    let no_reason = world.admin("POST", path, r#"{"reason":" "}"#).await;
    assert_eq!(no_reason.status, 422);
    let refused = world.admin("POST", path, r#"{"reason":"audit"}"#).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "not_allowed_here"));
    assert_eq!(world.ask(None, "GET", "/oauth/client.json", "", &[]).await.status, 404);
    let key = store::ConnectionKey {
        org: world.store.org().clone(),
        credential: "crd_none".into(),
        identity: String::new(),
    };
    assert!(world.store.connection(&key).await.unwrap().is_none());
}

/// Begins in a signed-in browser: the state of the visit, and the cookie that belongs to it.
async fn begin_in(world: &World, browser: &mut Browser) -> (String, String) {
    let begun = browser.ask(world, "POST", "/servers/s/connections", "").await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let url = Url::parse(begun.json()["authorize_url"].as_str().unwrap()).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let cookies = &begun.headers["set-cookie"];
    let visit = cookies.lines().find(|line| line.starts_with("__Host-countersign-visit=")).unwrap();
    (state, visit.split(';').next().unwrap().to_owned())
}

/// The browser as it comes back from another site: without its session, whose cookie is strict.
async fn come_back(world: &World, cookie: &str, query: &str) -> Answer {
    let headers = [("cookie", cookie), ("accept", "text/html,application/xhtml+xml")];
    world.ask(None, "GET", &format!("/oauth/callback?{query}"), "", &headers).await
}

/// A person who was sent here by an agent connects their own account and lands where they began.
#[tokio::test]
async fn a_browser_comes_back_to_the_page_of_the_server_with_what_became_of_it() {
    let site = Site::start().await;
    let world = world(&site).await;
    let set = r#"{"oauth":{"per_identity":true}}"#;
    assert_eq!(world.admin("PUT", "/servers/s/credential", set).await.status, 200);
    let (_, mut browser) = person(&world, "ana@example.org", store::Role::Viewer).await;

    let before = browser.ask(&world, "GET", "/servers/s/connections", "").await.json();
    assert_eq!((&before["yours"], &before["items"]), (&json!("ana@example.org"), &json!([])));
    assert_eq!(
        (&before["issuer"], &before["scopes"], &before["per_identity"], &before["can"]),
        (&json!(site.base), &json!(["pay"]), &json!(true), &json!({"connect": true}))
    );

    let iss: String = url::form_urlencoded::byte_serialize(site.base.as_bytes()).collect();
    for (query, page) in [
        ("error=access_denied", "declined"),
        ("code=c&iss=http%3A%2F%2Fevil.example", "other_issuer"),
        ("code=c0de", "connected"),
    ] {
        let (state, cookie) = begin_in(&world, &mut browser).await;
        let iss = if query.contains("iss=") { String::new() } else { format!("&iss={iss}") };
        let answer = come_back(&world, &cookie, &format!("state={state}&{query}{iss}")).await;
        let to = answer.headers.get("location").map(String::as_str);
        let expected = format!("/servers/s/connect?result={page}");
        assert_eq!((answer.status, to), (303, Some(expected.as_str())), "{query}: {answer:?}");
        // Once; and who comes late reads a page, not JSON.
        let again = come_back(&world, &cookie, &format!("state={state}&{query}{iss}")).await;
        assert_eq!(again.status, 400);
        assert!(again.body.contains("<h1>This link is no longer good</h1>"), "{again:?}");
    }
    // Another browser's answer tells nothing of the server.
    let (state, _) = begin_in(&world, &mut browser).await;
    let other = come_back(&world, "a=b", &format!("state={state}&code=c&iss={iss}")).await;
    assert_eq!((other.status, other.headers.get("location")), (400, None));

    let after = browser.ask(&world, "GET", "/servers/s/connections", "").await.json();
    let own = &after["items"][0];
    assert_eq!((&own["identity"], &own["state"]), (&json!("ana@example.org"), &json!("connected")));
    assert_eq!((&own["opens"], &own["key_version"]), (&json!(true), &json!(1)));
    assert!(own["refreshed_at"].is_string() && own["can"]["disconnect"] == json!(true), "{own}");
    // Somebody else's account is nobody else's to see.
    let (_, mut other) = person(&world, "ben@example.org", store::Role::PolicyManager).await;
    let seen = other.ask(&world, "GET", "/servers/s/connections", "").await.json();
    assert_eq!((&seen["items"], &seen["yours"]), (&json!([]), &json!("ben@example.org")));
}

/// One account for all is an admin's to connect, and everybody else is told so.
#[tokio::test]
async fn the_account_that_all_share_is_not_for_everybody_to_connect() {
    let site = Site::start().await;
    let world = world(&site).await;
    assert_eq!(world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await.status, 200);
    let (_, mut browser) = person(&world, "ana@example.org", store::Role::Viewer).await;
    let shown = browser.ask(&world, "GET", "/servers/s/connections", "").await.json();
    assert_eq!((&shown["yours"], &shown["can"]), (&json!(""), &json!({"connect": false})));
    let refused = browser.ask(&world, "POST", "/servers/s/connections", "").await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    let shown = world.admin("GET", "/servers/s/connections", "").await.json();
    assert_eq!(shown["can"], json!({"connect": true}));
}

#[tokio::test]
async fn an_authorization_server_is_looked_for_before_anything_is_set() {
    let site = Site::start().await;
    let world = world(&site).await;
    let path = "/servers/s/credential/discover";
    let found = world.admin("POST", path, "").await;
    assert_eq!(found.status, 200, "{found:?}");
    let found = found.json();
    assert_eq!(
        (&found["issuer"], &found["scopes"], &found["registers"], &found["takes_documents"]),
        (&json!(site.base), &json!(["pay"]), &json!(true), &json!(false))
    );
    assert_eq!((&found["takes_consent"], &found["auth_methods"]), (&json!(true), &json!(["none"])));
    assert!(found["redirect_uri"].as_str().unwrap().ends_with("/api/v1/oauth/callback"));
    // Nothing was made there, and nothing is kept here.
    assert!(site.asked("/register").is_empty());
    assert_eq!(world.admin("GET", "/servers/s/credential", "").await.status, 404);
    let mut metadata = site.metadata();
    metadata["code_challenge_methods_supported"] = json!(["plain"]);
    site.say("/.well-known/oauth-authorization-server", metadata);
    assert_eq!(world.admin("POST", path, "").await.json()["takes_consent"], json!(false));
    site.say("/.well-known/oauth-authorization-server", json!({"issuer": "https://as.example"}));
    let refused = world.admin("POST", path, "").await;
    assert_eq!((refused.status, refused.code().as_str()), (502, "authorization_server"));
    let (_, mut viewer) = person(&world, "ana@example.org", store::Role::Viewer).await;
    assert_eq!(viewer.ask(&world, "POST", path, "").await.status, 403);
}
