//! Grants and their tokens.

use serde_json::json;
use store::{DataPlane, GrantState};

use crate::world::World;

#[tokio::test]
async fn a_grant_is_issued_and_its_token_is_shown_once() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let body = json!({
        "label": "agent", "identity": "ada", "tags": { "team": "support" },
        "servers": [{ "server": "payments", "policy": "support" }],
        "expires_at": "2999-01-01T00:00:00Z", "in_flight_max": 4,
    });
    let made = world.admin("POST", "/grants", &body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("csg1_"));
    let grant = made.json()["grant"].clone();
    assert_eq!(grant["state"], "active");
    assert_eq!(grant["servers"][0]["policy"]["name"], "support");
    assert_eq!(grant["servers"][0]["gateway_url"], "http://127.0.0.1:7071/mcp/payments");
    assert_eq!(grant["expires_at"], "2999-01-01T00:00:00.000000Z");

    for path in ["/grants/agent", "/grants", "/audit", "/grants/agent/usage"] {
        let shown = world.admin("GET", path, "").await;
        assert_eq!(shown.status, 200, "{path}");
        assert!(!shown.body.contains(&token) && !shown.body.contains(&token[20..40]), "{path}");
    }
    let usage = world.ask(Some(&world.viewer), "GET", "/grants/agent/usage", "", &[]).await;
    let items = usage.json()["items"].clone();
    assert_eq!(items[0]["rule"], "/tools/pay/limits/value");
    assert_eq!(
        json!([items[0]["used"], items[0]["left"], items[0]["max"], items[0]["in_force"]]),
        json!(["0", "500", "500", true])
    );
    assert_eq!((items.as_array().unwrap().len(), &usage.json()["unknown"]), (1, &json!([])));
}

#[tokio::test]
async fn what_a_grant_cannot_be_is_refused_with_every_reason() {
    let world = World::start().await;
    world.with_server().await;
    let refused = async |body: serde_json::Value, pointer: &str| {
        let answer = world.admin("POST", "/grants", &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        assert!(answer.faults().iter().any(|(p, _)| p == pointer), "{body}: {:?}", answer.faults());
    };
    let servers = json!([{ "server": "payments" }]);
    refused(json!({ "label": "", "servers": servers }), "/label").await;
    refused(json!({ "label": "grt_1", "servers": servers }), "/label").await;
    refused(json!({ "label": "a\u{202e}b", "servers": servers }), "/label").await;
    refused(json!({ "label": "a", "identity": "", "servers": servers }), "/identity").await;
    refused(json!({ "label": "a", "servers": [] }), "/servers").await;
    refused(json!({ "label": "a", "servers": [{ "server": "none" }] }), "/servers/0/server").await;
    refused(
        json!({ "label": "a", "servers": [{ "server": "payments", "policy": "none" }] }),
        "/servers/0/policy",
    )
    .await;
    refused(json!({ "label": "a", "servers": [servers[0], servers[0]] }), "/servers/1/server")
        .await;
    refused(
        json!({ "label": "a", "servers": servers, "expires_at": "2020-01-01T00:00:00Z" }),
        "/expires_at",
    )
    .await;
    refused(json!({ "label": "a", "servers": servers, "expires_at": "2999-01-01" }), "/expires_at")
        .await;
    refused(json!({ "label": "a", "servers": servers, "not_before": "2999-01-02T00:00:00Z", "expires_at": "2999-01-01T00:00:00Z" }), "/expires_at").await;
    refused(json!({ "label": "a", "servers": servers, "in_flight_max": 0 }), "/in_flight_max")
        .await;
    refused(json!({ "label": "a", "servers": servers, "in_flight_max": -1 }), "/in_flight_max")
        .await;
    refused(json!({ "label": "a", "servers": servers, "tags": { "a b": "c" } }), "/tags").await;
    refused(json!({ "label": "a", "servers": servers, "tags": ["a"] }), "/tags").await;
    assert_eq!(world.admin("GET", "/grants", "").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_token_is_replaced_with_an_overlap_that_has_bounds() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let (_, first) = world.with_grant().await;
    let rotated = world.admin("POST", "/grants/agent/rotate", "").await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let second = rotated.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(rotated.json()["grant"]["generation"], 2);
    for bad in ["-1", "86401", "1.5", "\"10\"", "1e3"] {
        let body = format!(r#"{{"overlap_seconds":{bad}}}"#);
        let answer = world.admin("POST", "/grants/agent/rotate", &body).await;
        assert_eq!(answer.status, 422, "{bad}");
    }
    let rotated = world.admin("POST", "/grants/agent/rotate", r#"{"overlap_seconds":0}"#).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
}

#[tokio::test]
async fn a_grant_says_how_its_tokens_begin_and_when_older_ones_end() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let (_, first) = world.with_grant().await;
    let traces = async || {
        let answer = world.ask(Some(&world.viewer), "GET", "/grants/agent", "", &[]).await;
        answer.json()["tokens"].clone()
    };
    let begins = |token: &str| token[5..9].to_owned();
    let one = json!([{ "begins": begins(&first), "generation": 1, "ends_at": null }]);
    assert_eq!(traces().await, one);
    let body = r#"{"overlap_seconds":600}"#;
    let rotated = world.admin("POST", "/grants/agent/rotate", body).await.json();
    let second = begins(rotated["token"].as_str().unwrap());
    let both = rotated["grant"]["tokens"].clone();
    assert_eq!(both, traces().await);
    assert_eq!((&both[0]["begins"], &both[0]["generation"]), (&json!(begins(&first)), &json!(1)));
    assert!(both[0]["ends_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{both}");
    assert_eq!(both[1], json!({ "begins": second, "generation": 2, "ends_at": null }));
    world.clock.pass(601);
    assert_eq!(traces().await, json!([both[1]]));
    let living = world.admin("GET", "/grants/agent", "").await.json();
    let policy =
        json!({ "id": living["servers"][0]["policy"]["id"], "name": "support", "version": 1 });
    assert_eq!(living["servers"][0]["policy"], policy);
    let revoked = world.admin("POST", "/grants/agent/revoke", "").await.json();
    assert_eq!(revoked["tokens"], json!([]));
}

#[tokio::test]
async fn a_grant_is_paused_resumed_and_revoked_for_good() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let (id, _) = world.with_grant().await;
    let state = async |step: &str| world.admin("POST", &format!("/grants/{id}/{step}"), "").await;
    for (step, expected) in [("pause", "paused"), ("resume", "active"), ("revoke", "revoked")] {
        let answer = state(step).await;
        assert_eq!(
            (answer.status, answer.json()["state"].as_str()),
            (200, Some(expected)),
            "{step}"
        );
    }
    for step in ["pause", "resume", "rotate"] {
        let answer = state(step).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{step}");
    }
    let view = world.store.view().await.unwrap();
    assert!(view.grants.iter().all(|(grant, _)| grant.state != GrantState::Revoked));
    // The label is free again, and names the living grant.
    let body = r#"{"label":"agent","servers":[{"server":"payments"}]}"#;
    assert_eq!(world.admin("POST", "/grants", body).await.status, 201);
    let living = world.admin("GET", "/grants/agent", "").await.json();
    assert_ne!(living["id"].as_str().unwrap(), id);
}

#[tokio::test]
async fn a_policy_manager_attaches_policies_and_touches_nothing_else() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let put = async |body: &str, headers: &[(&str, &str)]| {
        world.ask(Some(&world.manager), "PUT", "/grants/agent/policy", body, headers).await
    };
    let tag = world.admin("GET", "/grants/agent", "").await.headers["etag"].clone();
    let detached = put(r#"{"server":"payments","policy":null}"#, &[("if-match", &tag)]).await;
    assert_eq!(detached.status, 200, "{}", detached.body);
    assert!(detached.json()["servers"][0]["policy"].is_null());
    let stale = put(r#"{"server":"payments","policy":"support"}"#, &[("if-match", &tag)]).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "stale"));
    let attached = put(r#"{"server":"payments","policy":"support"}"#, &[]).await;
    assert_eq!(attached.json()["servers"][0]["policy"]["name"], "support");
    for (body, pointer) in [
        (r#"{"server":"payments"}"#, "/policy"),
        (r#"{"policy":null}"#, "/server"),
        (r#"{"server":"none","policy":null}"#, "/server"),
        (r#"{"server":"payments","policy":"none"}"#, "/policy"),
    ] {
        let answer = put(body, &[]).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.faults()[0].0, pointer, "{body}");
    }
    let other = r#"{"slug":"other","url":"https://other.example/"}"#;
    assert_eq!(world.admin("POST", "/servers?probe=false", other).await.status, 201);
    let answer = put(r#"{"server":"other","policy":null}"#, &[]).await;
    assert!(matches!(answer.status, 404 | 409 | 422), "{answer:?}");
}
