//! `Idempotency-Key`.

use crate::world::World;

#[tokio::test]
async fn the_same_creation_is_made_once_and_answered_twice_without_its_token() {
    let world = World::start().await;
    world.with_server().await;
    let key = [("idempotency-key", "issue-1")];
    let body = r#"{"label":"agent","servers":[{"server":"payments"}]}"#;
    let ask = async |body: &str| world.ask(Some(&world.admin), "POST", "/grants", body, &key).await;
    let first = ask(body).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert!(first.json()["token"].is_string());
    let again = ask(body).await;
    assert_eq!(again.status, 201, "{}", again.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["location"], first.headers["location"]);
    assert_eq!(again.headers["etag"], first.headers["etag"]);
    assert!(again.json()["token"].is_null());
    assert!(again.json()["note"].as_str().unwrap().contains("first answer"));
    assert_eq!(again.json()["grant"], first.json()["grant"]);
    let grants = world.admin("GET", "/grants", "").await.json();
    assert_eq!(grants["items"].as_array().unwrap().len(), 1);

    let other = ask(r#"{"label":"other","servers":[{"server":"payments"}]}"#).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
    let elsewhere = world
        .ask(Some(&world.admin), "POST", "/api-keys", r#"{"label":"k","role":"viewer"}"#, &key)
        .await;
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn every_creation_takes_a_key_and_a_refused_one_can_be_mended() {
    let world = World::start().await;
    world.with_server().await;
    let routes = [
        ("/servers?probe=false", r#"{"slug":"b","url":"https://b.example/"}"#),
        ("/policies", r#"{"name":"p","text":"{\"version\":\"1\",\"default\":\"deny\"}"}"#),
        ("/policies/p/versions", r#"{"text":"{\"version\":\"1\",\"default\":\"allow\"}"}"#),
        ("/grants", r#"{"label":"g","servers":[{"server":"payments"}]}"#),
        ("/grants/g/rotate", ""),
        ("/api-keys", r#"{"label":"k","role":"viewer"}"#),
    ];
    for (path, body) in routes {
        let key = [("idempotency-key", path)];
        let wrong = world.ask(Some(&world.admin), "POST", path, r#"{"x":1}"#, &key).await;
        assert_eq!(wrong.status, 422, "{path}");
        let first = world.ask(Some(&world.admin), "POST", path, body, &key).await;
        assert!(matches!(first.status, 200 | 201), "{path}: {}", first.body);
        let again = world.ask(Some(&world.admin), "POST", path, body, &key).await;
        assert_eq!(again.headers["idempotency-replayed"], "true", "{path}");
        assert_eq!(again.status, first.status);
    }
    let versions = world.admin("GET", "/policies/p/versions", "").await.json();
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    let grant = world.admin("GET", "/grants/g", "").await.json();
    assert_eq!(grant["generation"], 2);
}

#[tokio::test]
async fn requests_that_come_together_are_made_once() {
    let world = World::start().await;
    let body = r#"{"label":"k","role":"viewer"}"#;
    let key = [("idempotency-key", "together")];
    let ask = || world.ask(Some(&world.admin), "POST", "/api-keys", body, &key);
    let answers = futures_util::future::join_all((0..8).map(|_| ask())).await;
    assert!(answers.iter().all(|a| matches!(a.status, 201 | 409)), "{answers:?}");
    let keys = world.admin("GET", "/api-keys", "").await.json();
    let made = keys["items"].as_array().unwrap().iter().filter(|k| k["label"] == "k").count();
    assert_eq!(made, 1);
    let tokens =
        answers.iter().filter(|a| a.status == 201 && a.json()["token"].is_string()).count();
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn keys_out_of_shape_are_refused() {
    let world = World::start().await;
    let body = r#"{"label":"k","role":"viewer"}"#;
    let long = "k".repeat(129);
    for headers in [
        vec![("idempotency-key", "")],
        vec![("idempotency-key", long.as_str())],
        vec![("idempotency-key", "a"), ("idempotency-key", "a")],
    ] {
        let answer = world.ask(Some(&world.admin), "POST", "/api-keys", body, &headers).await;
        assert_eq!(answer.status, 422, "{headers:?}");
    }
}
