//! Signing in by an identity provider: the whole visit, and every part of it broken in turn.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store::{By, People as _, Role};

use crate::browser::{Browser, person};
use crate::issuer::{Issuer, seconds};
use crate::world::{Answer, World, now};

/// A provider `mock` over this issuer, with these settings beside the usual.
async fn provider(world: &World, issuer: &Issuer, more: Value) -> Answer {
    let mut body = json!({
        "slug": "mock", "name": "Mock", "issuer": issuer.url, "client_id": "countersign",
        "client_secret": "canary client secret",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    world.admin("POST", "/identity-providers", &body.to_string()).await
}

/// A browser that was sent to the provider, and what it was sent with.
struct Sent {
    visit: String,
    query: BTreeMap<String, String>,
}

async fn send(world: &World, issuer: &Issuer, path: &str) -> Sent {
    let answer = world.ask(None, "GET", path, "", &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let url = url::Url::parse(&answer.headers["location"]).unwrap();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", issuer.url)));
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let cookie = &answer.headers["set-cookie"];
    assert!(cookie.contains("; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    let visit = cookie.split(';').next().unwrap().to_owned();
    let mut says = issuer.says();
    (says.nonce, says.challenge) = (query["nonce"].clone(), query["code_challenge"].clone());
    Sent { visit, query }
}

async fn come_back(world: &World, sent: &Sent, query: &str) -> Answer {
    let path = format!("/sign-in/oidc/callback?{query}");
    let headers = [("cookie", sent.visit.as_str()), ("sec-fetch-site", "cross-site")];
    world.ask(None, "GET", &path, "", &headers).await
}

/// The whole visit; the session's browser, or why there is none.
async fn visit(world: &World, issuer: &Issuer) -> Result<Browser, String> {
    let sent = send(world, issuer, "/sign-in/oidc/mock?next=/logs").await;
    let query = format!("code=the-code&state={}", sent.query["state"]);
    outcome(&come_back(world, &sent, &query).await)
}

fn outcome(answer: &Answer) -> Result<Browser, String> {
    let cookies = &answer.headers["set-cookie"];
    assert!(cookies.contains("__Host-countersign-visit=; "), "the visit's cookie stays: {cookies}");
    if answer.status == 303 {
        assert!(!cookies.contains("__Host-countersign=css1_"));
        let to = &answer.headers["location"];
        return Err(to.strip_prefix("/sign-in?error=").unwrap().to_owned());
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    let session = cookies.lines().find_map(|line| line.strip_prefix("__Host-countersign="));
    let value = session.unwrap().split(';').next().unwrap().to_owned();
    Ok(Browser { cookie: Some(value) })
}

#[tokio::test]
async fn somebody_comes_back_signed_in() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    let made = provider(&world, &issuer, json!({ "default_role": "viewer" })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(!made.body.contains("canary"), "{}", made.body);
    let ways = world.ask(None, "GET", "/sign-in", "", &[]).await.json();
    assert_eq!(ways["oidc"], json!([{ "id": "mock", "name": "Mock" }]));

    let sent = send(&world, &issuer, "/sign-in/oidc/mock?next=/logs").await;
    assert_eq!(sent.query["response_type"], "code");
    assert_eq!(sent.query["code_challenge_method"], "S256");
    assert_eq!(sent.query["scope"], "openid email profile");
    let callback = format!("http://{}/api/v1/sign-in/oidc/callback", world.address);
    assert_eq!(sent.query["redirect_uri"], callback);
    let query = format!("code=the-code&state={}&session_state=x", sent.query["state"]);
    let answer = come_back(&world, &sent, &query).await;
    assert!(answer.body.contains("content=\"0;url=/logs\""), "{}", answer.body);
    let mut browser = outcome(&answer).unwrap();
    let who = browser.who(&world).await.unwrap();
    assert_eq!(who["member"]["email"], "ada@example.org");
    assert_eq!(
        (&who["member"]["role"], &who["session"]["method"]),
        (&json!("viewer"), &json!("provider"))
    );
    let (form, header) = issuer.says().asked[0].clone();
    assert!(!form.contains("canary"), "{form}");
    assert!(header.unwrap().starts_with("Basic "));

    // The same person again is the same member, whatever address they have now.
    issuer.says().claims = json!({ "email": "lovelace@example.org" });
    let again = visit(&world, &issuer).await.unwrap().who(&world).await.unwrap();
    assert_eq!(again["member"]["id"], who["member"]["id"]);
    assert!(!crate::secrets::logged("canary client secret"));
    assert!(!crate::secrets::logged("an-access-token"));
}

#[tokio::test]
async fn every_claim_broken_in_turn_lets_nobody_in() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    provider(&world, &issuer, json!({ "default_role": "viewer" })).await;
    let at = seconds();
    for claims in [
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": format!("{}/", issuer.url) }),
        json!({ "iss": null }),
        json!({ "aud": "another" }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "aud": ["countersign", "another"] }),
        json!({ "aud": ["countersign", "another"], "azp": "another" }),
        json!({ "azp": "another" }),
        json!({ "exp": at - 61 }),
        json!({ "exp": null }),
        json!({ "exp": "2099-01-01" }),
        json!({ "iat": at - 1_000 }),
        json!({ "iat": at + 1_000 }),
        json!({ "iat": null }),
        json!({ "nbf": at + 1_000 }),
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "at_hash": "another" }),
        json!({ "at_hash": 7 }),
        json!({ "sub": "" }),
        json!({ "sub": null }),
        json!({ "sub": 7 }),
        json!({ "sub": "x".repeat(256) }),
    ] {
        issuer.says().claims = claims.clone();
        assert_eq!(visit(&world, &issuer).await.unwrap_err(), "provider_failed", "{claims}");
    }
    issuer.says().claims = json!({});
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256", "kid": "k2" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "ES384" }),
        json!({ "alg": null }),
        json!({ "kid": "k2" }),
        json!({ "kid": "k9" }),
        json!({ "kid": "unheard-of" }),
        json!({ "crit": ["exp"] }),
    ] {
        issuer.says().header = header.clone();
        assert_eq!(visit(&world, &issuer).await.unwrap_err(), "provider_failed", "{header}");
    }
    issuer.says().header = json!({});
    issuer.says().other_key = true;
    assert_eq!(visit(&world, &issuer).await.unwrap_err(), "provider_failed");
    issuer.says().other_key = false;

    for fine in [
        json!({ "at_hash": null }),
        json!({ "aud": ["countersign"] }),
        json!({ "aud": ["countersign", "another"], "azp": "countersign" }),
        json!({ "exp": at - 30 }),
        json!({ "iat": at + 30 }),
    ] {
        issuer.says().claims = fine.clone();
        assert!(visit(&world, &issuer).await.is_ok(), "{fine}");
    }
}

#[tokio::test]
async fn keys_are_read_again_for_a_new_name_and_no_oftener() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    provider(&world, &issuer, json!({ "default_role": "viewer" })).await;
    for _ in 0..5 {
        visit(&world, &issuer).await.unwrap();
    }
    assert_eq!(issuer.says().keys_read, 1);
    issuer.says().header = json!({ "kid": "unheard-of" });
    for _ in 0..20 {
        visit(&world, &issuer).await.unwrap_err();
    }
    assert_eq!(issuer.says().keys_read, 1);
    world.clock.pass(61);
    for _ in 0..20 {
        visit(&world, &issuer).await.unwrap_err();
    }
    assert_eq!(issuer.says().keys_read, 2);
}

#[tokio::test]
async fn a_visit_is_one_browsers_and_ends_once() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    provider(&world, &issuer, json!({ "default_role": "viewer" })).await;
    let back = |sent: &Sent| format!("code=the-code&state={}", sent.query["state"]);

    let sent = send(&world, &issuer, "/sign-in/oidc/mock").await;
    let other = send(&world, &issuer, "/sign-in/oidc/mock").await;
    let stolen = come_back(&world, &other, &back(&sent)).await;
    assert_eq!(outcome(&stolen).unwrap_err(), "visit_expired");
    // It was answered, if wrongly: nobody gets a second try.
    assert_eq!(
        outcome(&come_back(&world, &sent, &back(&sent)).await).unwrap_err(),
        "visit_expired"
    );

    let sent = send(&world, &issuer, "/sign-in/oidc/mock").await;
    assert!(outcome(&come_back(&world, &sent, &back(&sent)).await).is_ok());
    assert_eq!(
        outcome(&come_back(&world, &sent, &back(&sent)).await).unwrap_err(),
        "visit_expired"
    );

    let sent = send(&world, &issuer, "/sign-in/oidc/mock").await;
    world.clock.pass(600);
    assert_eq!(
        outcome(&come_back(&world, &sent, &back(&sent)).await).unwrap_err(),
        "visit_expired"
    );

    for (query, why) in [
        ("error=access_denied", "cancelled"),
        ("iss=https%3A%2F%2Fevil.example&code=the-code", "provider_failed"),
        ("code=another-code", "provider_failed"),
        ("code=the-code&code=the-code", "cancelled"),
    ] {
        let sent = send(&world, &issuer, "/sign-in/oidc/mock").await;
        let query = format!("{query}&state={}", sent.query["state"]);
        assert_eq!(outcome(&come_back(&world, &sent, &query).await).unwrap_err(), why, "{query}");
    }
    let refusals = world.admin("GET", "/refusals", "").await.body;
    assert!(refusals.contains("sign_in_provider"), "{refusals}");
}

#[tokio::test]
async fn an_issuer_that_says_its_name_must_say_it() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    issuer.says().discovery = json!({ "authorization_response_iss_parameter_supported": true });
    provider(&world, &issuer, json!({ "default_role": "viewer" })).await;
    assert_eq!(visit(&world, &issuer).await.unwrap_err(), "provider_failed");
    let sent = send(&world, &issuer, "/sign-in/oidc/mock").await;
    let query = format!("code=the-code&state={}&iss={}", sent.query["state"], issuer.url);
    assert!(outcome(&come_back(&world, &sent, &query).await).is_ok());
}

#[tokio::test]
async fn who_is_no_member_is_turned_away_unless_the_provider_lets_people_in() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    provider(&world, &issuer, json!({})).await;
    assert_eq!(visit(&world, &issuer).await.unwrap_err(), "not_a_member");
    for claims in [
        json!({ "email_verified": false }),
        json!({ "email_verified": null }),
        json!({ "email": null }),
    ] {
        issuer.says().claims = claims;
        issuer.says().userinfo = json!({ "sub": "person-1" });
        assert_eq!(visit(&world, &issuer).await.unwrap_err(), "no_verified_email");
    }
    issuer.says().claims = json!({});
    let (ada, _) = person(&world, "ADA@example.org", Role::PolicyManager).await;
    let who = visit(&world, &issuer).await.unwrap().who(&world).await.unwrap();
    assert_eq!(who["member"]["id"], ada.as_str());
    assert_eq!(who["member"]["role"], "policy_manager");

    // Who was removed stays out, by this door too.
    let by = By::program(world.store.org().clone(), now());
    world.store.member_remove(&by, &ada, vec![]).await.unwrap();
    assert_eq!(visit(&world, &issuer).await.unwrap_err(), "not_a_member");
}

#[tokio::test]
async fn groups_there_give_role_and_groups_here_at_every_sign_in() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    let by = By::program(world.store.org().clone(), now());
    world.store.group_create(&by, "finance", vec![]).await.unwrap();
    world.store.group_create(&by, "other", vec![]).await.unwrap();
    let settings = json!({
        "groups_claim": "roles",
        "roles": { "staff": "viewer", "security": "policy_manager" },
        "groups": { "money": "finance" },
    });
    assert_eq!(provider(&world, &issuer, settings).await.status, 201);
    for (groups, role, ours) in [
        (json!(["staff", "security", "money"]), "policy_manager", json!(["finance"])),
        (json!(["staff", "money"]), "viewer", json!(["finance"])),
        (json!("staff"), "viewer", json!([])),
    ] {
        issuer.says().claims = json!({ "roles": groups });
        let who = visit(&world, &issuer).await.unwrap().who(&world).await.unwrap();
        assert_eq!(who["member"]["role"], role, "{groups}");
        assert_eq!(who["member"]["groups"], ours, "{groups}");
    }
    for none in [json!([]), json!(["Staff"]), json!(["visitors"]), json!(null), json!({ "a": 1 })] {
        issuer.says().claims = json!({ "roles": none });
        assert_eq!(visit(&world, &issuer).await.unwrap_err(), "no_role", "{none}");
    }
}

#[tokio::test]
async fn what_the_token_does_not_say_is_asked_for() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    provider(&world, &issuer, json!({ "default_role": "viewer" })).await;
    let about =
        |sub: &str| json!({ "sub": sub, "email": "kim@example.org", "email_verified": true });
    issuer.says().claims = json!({ "email": null });
    issuer.says().userinfo = about("person-2");
    assert_eq!(visit(&world, &issuer).await.unwrap_err(), "provider_failed");
    issuer.says().userinfo = about("person-1");
    let who = visit(&world, &issuer).await.unwrap().who(&world).await.unwrap();
    assert_eq!(who["member"]["email"], "kim@example.org");
}

#[tokio::test]
async fn a_provider_vouches_afresh_only_when_it_asked_the_person() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    provider(&world, &issuer, json!({ "default_role": "admin" })).await;
    let path = "/identity-providers/none";
    for (auth_time, status) in
        [(json!(seconds()), 404), (json!(seconds() - 400), 403), (json!(null), 403)]
    {
        issuer.says().claims = json!({ "auth_time": auth_time });
        let mut browser = visit(&world, &issuer).await.unwrap();
        assert_eq!(browser.ask(&world, "DELETE", path, "").await.status, status, "{auth_time}");
    }
    let sent = send(&world, &issuer, "/sign-in/oidc/mock?fresh=true").await;
    assert_eq!((sent.query["prompt"].as_str(), sent.query["max_age"].as_str()), ("login", "0"));
    let query = format!("code=the-code&state={}", sent.query["state"]);
    let stale = come_back(&world, &sent, &query).await;
    assert_eq!(outcome(&stale).unwrap_err(), "provider_failed");
}

#[tokio::test]
async fn an_issuer_is_looked_at_before_it_is_trusted() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    for (discovery, fine) in [
        (json!({ "issuer": "https://evil.example" }), false),
        (json!({ "token_endpoint": null }), false),
        (json!({ "code_challenge_methods_supported": ["plain"] }), false),
        (json!({ "code_challenge_methods_supported": null }), true),
    ] {
        issuer.says().discovery = discovery.clone();
        let made = provider(&world, &issuer, json!({})).await;
        assert_eq!(made.status, if fine { 201 } else { 422 }, "{discovery} {}", made.body);
    }
    // Addresses inside are no issuers, whatever they answer.
    for url in ["http://169.254.169.254", "https://10.0.0.1", "http://idp.example", "ftp://x"] {
        let made = provider(&world, &issuer, json!({ "slug": "b", "issuer": url })).await;
        assert_eq!(made.status, 422, "{url}");
    }
}

#[tokio::test]
async fn a_provider_is_changed_with_its_secret_kept_or_dropped() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    provider(&world, &issuer, json!({ "default_role": "viewer" })).await;
    visit(&world, &issuer).await.unwrap();
    let body = |client: &str| {
        json!({ "slug": "mock", "issuer": issuer.url, "client_id": client }).to_string()
    };
    let path = "/identity-providers/mock";
    let put = async |client: &str, tag: &str| {
        world.ask(Some(&world.admin), "PUT", path, &body(client), &[("if-match", tag)]).await
    };
    let tag = world.admin("GET", path, "").await.headers["etag"].clone();
    assert_eq!(put("countersign", &tag).await.json()["has_secret"], true);
    assert_eq!(put("countersign", &tag).await.status, 412);
    assert_eq!(put("another", "*").await.json()["has_secret"], false);
    assert_eq!(world.admin("DELETE", path, "").await.status, 204);
    assert_eq!(world.ask(None, "GET", "/sign-in/oidc/mock", "", &[]).await.status, 404);
    let audit = world.admin("GET", "/audit", "").await.body;
    assert!(audit.contains("provider.created") && audit.contains("provider.deleted"));
    assert!(!audit.contains("canary"), "{audit}");
}

#[tokio::test]
async fn providers_come_from_a_file_too() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    let file = |name: &str| {
        let provider = json!({
            "slug": "mock", "name": name, "issuer": issuer.url, "client_id": "countersign",
            "client_secret": "canary client secret", "default_role": "viewer",
        });
        json!({ "providers": [provider] }).to_string()
    };
    for name in ["First", "First", "Second"] {
        world.control.configure_providers(file(name).as_bytes()).await.unwrap();
    }
    let shown = world.admin("GET", "/identity-providers/mock", "").await.json();
    assert_eq!((&shown["name"], &shown["revision"]), (&json!("Second"), &json!(2)));
    assert!(visit(&world, &issuer).await.is_ok());
    for wrong in ["", "{}", r#"{"providers":[{"slug":"a"}]}"#, r#"{"providers":[],"more":1}"#] {
        assert!(world.control.configure_providers(wrong.as_bytes()).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn the_first_admin_comes_from_the_environment_once() {
    let world = World::start().await;
    let secret = |text: &str| vault::Secret::from(text.to_owned());
    let weak = world.control.first_admin("ada@example.org", &secret("ada@example.org")).await;
    assert!(weak.is_err());
    let good = secret(crate::browser::PASSWORD);
    assert!(world.control.first_admin("ada@example.org", &good).await.unwrap());
    assert!(!world.control.first_admin("eve@example.org", &good).await.unwrap());
    assert!(world.control.setup_token().await.unwrap().is_none());
    let mut browser = Browser::default();
    let answer = browser.sign_in(&world, "ada@example.org", crate::browser::PASSWORD).await;
    assert_eq!(answer.json()["member"]["role"], "admin");
    let nobody = browser.sign_in(&world, "eve@example.org", crate::browser::PASSWORD).await;
    assert_eq!(nobody.status, 401);
}
