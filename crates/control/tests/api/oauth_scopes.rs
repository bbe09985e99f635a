//! The scopes that an OAuth client asks for: what its upstream wants on top is shown, and asked for once
//! somebody who may says so.

use serde_json::json;
use store::{By, Connecting as _, ControlPlane as _, OAuthCare as _, OAuthGrant, OAuthSettings};
use store::{Clock as _, NewTokens};
use vault::Secret;

use crate::world::World;

fn settings() -> OAuthSettings {
    OAuthSettings {
        grant: OAuthGrant::AuthorizationCode,
        per_identity: false,
        issuer: "https://as.example".into(),
        authorization_endpoint: Some("https://as.example/a".into()),
        token_endpoint: "https://as.example/t".into(),
        says_issuer: true,
        resource: "http://127.0.0.1:9/mcp".into(),
        scopes: vec!["read".into()],
        client_id: "us".into(),
        auth_method: "none".into(),
        redirect_uri: "http://127.0.0.1/back".into(),
    }
}

#[tokio::test]
async fn scopes_are_added_without_another_client_and_accounts_stay() {
    let world = World::start().await;
    let server = r#"{"slug":"s","url":"http://127.0.0.1:9/mcp"}"#;
    assert_eq!(world.admin("POST", "/servers?probe=false", server).await.status, 201);
    let path = "/servers/s/credential/scopes";
    let missing = world.admin("PUT", path, r#"{"scopes":["read"]}"#).await;
    assert_eq!(missing.status, 404, "{missing:?}");
    let org = world.store.org().clone();
    let id = world.store.server(&org, "s").await.unwrap().unwrap().server.id;
    let by = By::program(org.clone(), world.clock.now());
    let store = &world.store;
    let kept = store.credential_set_oauth(&by, &id, settings(), None).await.unwrap();
    let tokens = NewTokens {
        access: std::sync::Arc::new(Secret::from("at".to_owned())),
        refresh: None,
        scopes: None,
        expires_at: None,
        refresh_at: None,
    };
    store.connection_set(&by, &id, &kept.id, kept.generation, "", tokens).await.unwrap();

    // What is asked for anyway is not wanted on top; of the rest a few are remembered, once.
    let many: Vec<String> = (0..50).map(|at| format!("s{at}")).collect();
    for wants in [vec!["read".to_owned(), "write".to_owned()], vec!["write".to_owned()], many] {
        store.credential_wants(&org, &id, wants).await.unwrap();
    }
    let shown = world.admin("GET", "/servers/s/credential", "").await.json();
    let wanted = shown["oauth"]["wanted_scopes"].as_array().unwrap();
    assert_eq!((wanted.len(), &wanted[0], &wanted[1]), (20, &json!("write"), &json!("s0")));
    assert_eq!(shown["oauth"]["scopes"], json!(["read"]));
    let begun = world.admin("POST", "/servers/s/connections", "").await.json();
    assert!(begun["authorize_url"].as_str().unwrap().ends_with("&scope=read"), "{begun}");

    for (body, status) in [
        (r#"{"scopes":["a b"]}"#, 422),
        (r#"{"scopes":["\""]}"#, 422),
        (r#"{"scopes":[""]}"#, 422),
        ("{}", 422),
        (r#"{"scopes":["a"],"x":1}"#, 422),
    ] {
        assert_eq!(world.admin("PUT", path, body).await.status, status, "{body}");
    }
    let set = world.admin("PUT", path, r#"{"scopes":["read","write"]}"#).await;
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(set.json()["scopes"], json!(["read", "write"]));
    assert!(!set.json()["wanted_scopes"].as_array().unwrap().contains(&json!("write")));
    let begun = world.admin("POST", "/servers/s/connections", "").await.json();
    assert!(begun["authorize_url"].as_str().unwrap().ends_with("&scope=read+write"), "{begun}");
    let accounts = world.admin("GET", "/servers/s/connections", "").await.json();
    assert_eq!(accounts["items"][0]["state"], "connected");
    let log = format!("{:?}", world.admin("GET", "/audit", "").await);
    assert!(log.contains("credential.wants") && log.contains("credential.scopes"), "{log}");
}
