//! Wrong input: refused whole, with the field and the reason, and without the value.

use crate::world::{POLICY, World};

/// Row W08: nobody sets what is not theirs to set.
#[tokio::test]
async fn fields_that_are_not_known_are_refused_on_every_writing_route() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let routes = [
        ("POST", "/servers", r#"{"slug":"a","url":"https://a.example/","FIELD":1}"#),
        ("PUT", "/servers/payments", r#"{"FIELD":1}"#),
        ("POST", "/servers/payments/refresh", r#"{"FIELD":1}"#),
        ("POST", "/servers/payments/tools/pay/accept", r#"{"fingerprint":"f","FIELD":1}"#),
        ("PUT", "/servers/payments/credential", r#"{"bearer":"x","FIELD":1}"#),
        ("POST", "/policies", r#"{"name":"a","FIELD":1}"#),
        ("POST", "/policies/support/versions", r#"{"text":"{}","FIELD":1}"#),
        ("POST", "/policies/check", r#"{"text":"{}","FIELD":1}"#),
        ("POST", "/policies/test", r#"{"text":"{}","cases":[],"FIELD":1}"#),
        ("POST", "/policies/simulate", r#"{"text":"{}","call":{"name":"x"},"FIELD":1}"#),
        ("POST", "/policies/simulate", r#"{"text":"{}","call":{"name":"x","FIELD":1}}"#),
        ("POST", "/policies/import", r#"{"yaml":"a: 1","FIELD":1}"#),
        ("POST", "/grants", r#"{"label":"a","servers":[{"server":"payments"}],"FIELD":1}"#),
        ("POST", "/grants", r#"{"label":"a","servers":[{"server":"payments","FIELD":1}]}"#),
        ("POST", "/grants/agent/rotate", r#"{"FIELD":1}"#),
        ("POST", "/grants/agent/pause", r#"{"FIELD":1}"#),
        ("POST", "/grants/agent/resume", r#"{"FIELD":1}"#),
        ("POST", "/grants/agent/revoke", r#"{"FIELD":1}"#),
        ("PUT", "/grants/agent/policy", r#"{"server":"payments","policy":null,"FIELD":1}"#),
        ("POST", "/api-keys", r#"{"label":"a","role":"viewer","FIELD":1}"#),
    ];
    let before = world.admin("GET", "/audit", "").await.json()["items"].as_array().unwrap().len();
    for (method, path, body) in routes {
        for field in ["org_id", "id", "token_hash", "created_by", "revision", "state"] {
            let body = body.replace("FIELD", field);
            let headers = [("if-match", "*")];
            let headers = if path == "/servers/payments" { &headers[..] } else { &[] };
            let answer = world.ask(Some(&world.admin), method, path, &body, headers).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (422, "invalid"),
                "{method} {path} {body}"
            );
            let (pointer, code) = answer.faults().remove(0);
            assert_eq!(code, "unknown_field", "{path} {body}");
            assert!(pointer.ends_with(&format!("/{field}")), "{pointer}");
        }
    }
    let after = world.admin("GET", "/audit", "").await.json()["items"].as_array().unwrap().len();
    assert_eq!(before, after, "something was changed");
}

/// Row W14.
#[tokio::test]
async fn page_sizes_cursors_and_filters_out_of_range_are_refused() {
    let world = World::start().await;
    let lists = ["/servers", "/policies", "/grants", "/api-keys", "/calls", "/audit", "/refusals"];
    for list in lists {
        for query in [
            "limit=1000000000",
            "limit=-1",
            "limit=0",
            "limit=501",
            "limit=1e2",
            "limit=",
            "limit=1&limit=2",
            "after=%27%3B%20DROP%20TABLE%20calls",
            "after=%00",
            "sort=id%3B--",
            "order=desc",
        ] {
            let answer = world.admin("GET", &format!("{list}?{query}"), "").await;
            assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{list}?{query}");
        }
        for query in ["", "?limit=500", "?limit=1"] {
            let answer = world.admin("GET", &format!("{list}{query}"), "").await;
            assert_eq!(answer.status, 200, "{list}{query}");
        }
    }
    let long = "a".repeat(600);
    for query in [
        "decision=maybe",
        "outcome=fine",
        "since=yesterday",
        "until=1",
        "tool=*********",
        &format!("rule={long}"),
    ] {
        let answer = world.admin("GET", &format!("/calls?{query}"), "").await;
        assert_eq!(answer.status, 422, "{query}");
    }
}

/// Row K01: serde's own texts quote the value; ours never do.
#[tokio::test]
async fn values_of_the_wrong_type_are_never_repeated() {
    let world = World::start().await;
    let canary = "4111111111111111";
    for (path, body) in [
        ("/servers", r#"{"slug":4111111111111111,"url":"https://a.example/"}"#),
        ("/servers", r#"{"slug":"4111111111111111 x","url":"https://a.example/"}"#),
        ("/servers", r#"{"slug":"a","url":"https://4111111111111111:x@a.example/"}"#),
        ("/servers", r#"{"slug":"a","url":"https://a.example/","enabled":"4111111111111111"}"#),
        (
            "/servers",
            r#"{"slug":"a","url":"https://a.example/","on_tool_change":"4111111111111111"}"#,
        ),
        ("/servers", r#"{"slug":"a","url":"https://a.example/","4111111111111111 is my card":1}"#),
        ("/grants", r#"{"label":"a","servers":"4111111111111111"}"#),
        ("/grants", r#"{"label":"a","servers":[{"server":"4111111111111111"}]}"#),
        ("/grants", r#"{"label":"a","servers":[],"expires_at":"4111111111111111"}"#),
        ("/grants", r#"{"label":"a","servers":[],"in_flight_max":"4111111111111111"}"#),
        ("/api-keys", r#"{"label":"a","role":"4111111111111111"}"#),
        ("/policies/simulate", r#"{"text":"{}","call":"4111111111111111"}"#),
    ] {
        let answer = world.admin("POST", path, body).await;
        assert_eq!(answer.status, 422, "{body}");
        assert!(!answer.body.contains(canary), "{}", answer.body);
    }
}

/// Row W15.
#[tokio::test]
async fn policies_that_are_too_large_or_not_strict_json_are_refused() {
    let world = World::start().await;
    let post = |text: &str| serde_json::json!({ "name": "p", "text": text }).to_string();
    let large = format!("{}{}", POLICY, " ".repeat(1_100_000));
    let cases = [
        (large.as_str(), 413),
        (r#"{"version":"1","version":"1","default":"deny"}"#, 422),
        (r#"{"version":"1","default":"deny","unknown":1}"#, 422),
        ("version: '1'\ndefault: deny\n", 422),
        ("{\"version\":\"1\",\"default\":\"deny\"} // note", 422),
        ("", 422),
    ];
    for (text, status) in cases {
        let answer = world.admin("POST", "/policies", &post(text)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(world.admin("GET", "/policies/p", "").await.status, 404);
    }
    let bomb = "a: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]\n";
    let body = serde_json::json!({ "yaml": bomb }).to_string();
    let answer = world.admin("POST", "/policies/import", &body).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "policy_invalid"));
}
