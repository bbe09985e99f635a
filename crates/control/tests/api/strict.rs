//! Wrong input: refused whole, with the field and the reason, and without the value.

use serde_json::{Value, json};

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
        (
            "PUT",
            "/servers/payments/tools/pay/amounts",
            r#"{"fingerprint":"f","amounts":[],"FIELD":1}"#,
        ),
        ("PUT", "/servers/payments/credential", r#"{"bearer":"x","FIELD":1}"#),
        ("POST", "/policies", r#"{"name":"a","FIELD":1}"#),
        ("POST", "/policies/support/versions", r#"{"text":"{}","FIELD":1}"#),
        ("POST", "/policies/check", r#"{"text":"{}","FIELD":1}"#),
        ("POST", "/policies/test", r#"{"text":"{}","cases":[],"FIELD":1}"#),
        ("POST", "/policies/simulate", r#"{"text":"{}","call":{"name":"x"},"FIELD":1}"#),
        ("POST", "/policies/simulate", r#"{"text":"{}","call":{"name":"x","FIELD":1}}"#),
        ("POST", "/policies/diff", r#"{"from":{"text":"{}"},"to":{"text":"{}"},"FIELD":1}"#),
        ("POST", "/policies/diff", r#"{"from":{"text":"{}","FIELD":1},"to":{"text":"{}"}}"#),
        ("POST", "/policies/ask", r#"{"text":"{}","question":"can x pass","FIELD":1}"#),
        ("POST", "/policies/coverage", r#"{"text":"{}","cases":[],"FIELD":1}"#),
        ("POST", "/policies/import", r#"{"yaml":"a: 1","FIELD":1}"#),
        ("POST", "/grants", r#"{"label":"a","servers":[{"server":"payments"}],"FIELD":1}"#),
        ("POST", "/grants", r#"{"label":"a","servers":[{"server":"payments","FIELD":1}]}"#),
        ("POST", "/grants/agent/rotate", r#"{"FIELD":1}"#),
        ("POST", "/grants/agent/pause", r#"{"FIELD":1}"#),
        ("POST", "/grants/agent/resume", r#"{"FIELD":1}"#),
        ("POST", "/grants/agent/revoke", r#"{"FIELD":1}"#),
        ("PUT", "/grants/agent/policy", r#"{"server":"payments","policy":null,"FIELD":1}"#),
        ("POST", "/api-keys", r#"{"label":"a","role":"viewer","FIELD":1}"#),
        ("POST", "/reservations/call_x/resolve", r#"{"as":"settled","reason":"r","FIELD":1}"#),
        ("POST", "/clock/confirm", r#"{"reason":"r","FIELD":1}"#),
        ("POST", "/members", r#"{"email":"a@b","role":"viewer","FIELD":1}"#),
        ("PUT", "/members/viewer@example.org", r#"{"FIELD":1}"#),
        ("POST", "/members/viewer@example.org/remove", r#"{"FIELD":1}"#),
        ("POST", "/members/viewer@example.org/invite", r#"{"FIELD":1}"#),
        ("POST", "/groups", r#"{"name":"g","FIELD":1}"#),
        ("PUT", "/grants/agent/owner", r#"{"owner":"viewer@example.org","FIELD":1}"#),
        ("PUT", "/policies/support/draft", r#"{"text":"{}","FIELD":1}"#),
        ("PUT", "/policies/support/kept-in", r#"{"place":null,"FIELD":1}"#),
        ("POST", "/policies/support/draft/publish", r#"{"FIELD":1}"#),
        ("POST", "/policies/support/versions/1/restore", r#"{"FIELD":1}"#),
        ("POST", "/policies/support/watch", r#"{"text":"{}","FIELD":1}"#),
        ("POST", "/policies/support/replay", r#"{"FIELD":1}"#),
    ];
    let before = world.changes().await;
    for (method, path, body) in routes {
        for field in ["org_id", "id", "token_hash", "created_by", "revision", "state"] {
            let body = body.replace("FIELD", field);
            let headers = [("if-match", "*")];
            let revised = ["/servers/payments", "/members/viewer@example.org"].contains(&path)
                || path.contains("/draft");
            let headers = if revised { &headers[..] } else { &[] };
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
    assert_eq!(before, world.changes().await, "something was changed");
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
        ("/policies/ask", r#"{"text":"{}","question":"can 4111111111111111 fly"}"#),
        ("/policies/ask", r#"{"text":"{}","question":4111111111111111}"#),
        ("/policies/diff", r#"{"from":"4111111111111111","to":{"text":"{}"}}"#),
        ("/policies/coverage", r#"{"text":"{}","cases":"4111111111111111"}"#),
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

/// Every member of every body in turn holds something odd: an answer always comes, it is never a
/// fault of ours, and it never repeats the value.
#[tokio::test]
async fn no_member_of_a_body_can_hold_something_that_breaks_the_answer() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let policy = || json!(POLICY);
    let bodies = [
        (
            "POST",
            "/servers?probe=false",
            json!({ "slug": "a", "name": "a", "url": "https://a.example/", "private_targets": ["10.0.0.1:1"], "on_tool_change": "deny", "enabled": true }),
        ),
        (
            "PUT",
            "/servers/payments",
            json!({ "slug": "payments", "name": "a", "url": "https://a.example/", "private_targets": ["10.0.0.1:1"], "on_tool_change": "deny", "enabled": true }),
        ),
        ("PUT", "/servers/payments/credential", json!({ "headers": { "x-key": "v" } })),
        ("PUT", "/servers/payments/credential", json!({ "bearer": "v" })),
        ("POST", "/servers/payments/tools/pay/accept", json!({ "fingerprint": "f" })),
        (
            "PUT",
            "/servers/payments/tools/pay/amounts",
            json!({ "fingerprint": "f", "amounts": [{ "argument": "amount", "currency": "USD", "currency_argument": null }] }),
        ),
        (
            "POST",
            "/policies",
            json!({ "name": "p", "server": "payments", "text": policy(), "note": "n", "cases": [{ "call": { "tool": "pay" }, "expect": { "outcome": "deny" } }] }),
        ),
        (
            "POST",
            "/policies/support/versions",
            json!({ "text": policy(), "note": "n", "cases": [], "expected_latest": 9 }),
        ),
        ("POST", "/policies/check", json!({ "text": policy(), "server": "payments" })),
        (
            "POST",
            "/policies/test",
            json!({ "text": policy(), "policy": null, "cases": [{ "name": "n", "call": { "tool": "pay", "arguments": { "amount": 1 } }, "grant": { "label": "l" }, "time": "2026-01-01T00:00:00Z", "usage": {}, "expect": { "outcome": "deny", "rule": "" } }] }),
        ),
        (
            "POST",
            "/policies/simulate",
            json!({ "grant": "agent", "server": "payments", "call": { "name": "pay", "arguments": { "amount": 1, "to": "x" } }, "time": "2026-01-01T00:00:00Z" }),
        ),
        (
            "POST",
            "/policies/diff",
            json!({ "from": { "policy": "support", "version": 1 }, "to": { "text": policy() }, "server": "payments" }),
        ),
        (
            "POST",
            "/policies/ask",
            json!({ "policy": "support", "version": 1, "server": "payments", "query": { "tool": "pay", "where": [{ "path": "args.amount", "op": "gt", "value": 1 }], "outcome": "allow", "rule": "r" } }),
        ),
        ("POST", "/policies/ask", json!({ "text": policy(), "question": "can pay pass?" })),
        (
            "POST",
            "/policies/coverage",
            json!({ "text": policy(), "server": "payments", "cases": [{ "call": { "tool": "pay" }, "expect": { "outcome": "deny" } }] }),
        ),
        ("POST", "/policies/import", json!({ "yaml": "version: \"1\"\ndefault: deny\n" })),
        (
            "POST",
            "/grants",
            json!({ "label": "g", "identity": "i", "tags": { "k": "v" }, "servers": [{ "server": "payments", "policy": "support" }], "not_before": "2026-01-01T00:00:00Z", "expires_at": "2999-01-01T00:00:00Z", "in_flight_max": 1 }),
        ),
        ("POST", "/grants/agent/rotate", json!({ "overlap_seconds": 1 })),
        ("PUT", "/grants/agent/policy", json!({ "server": "payments", "policy": "support" })),
        (
            "POST",
            "/api-keys",
            json!({ "label": "k", "role": "viewer", "expires_at": "2999-01-01T00:00:00Z" }),
        ),
    ];
    let long = format!("4111-1111{}", "x".repeat(5_000));
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(9_007_199_254_740_991_i64),
        json!(1.5),
        json!(""),
        json!("4111-1111\u{0}"),
        json!("4111-1111\u{202e}"),
        json!("../4111-1111"),
        json!("%00"),
        json!("4111-1111\r\nx: y"),
        json!("9999-12-31T23:59:59.999999Z"),
        json!("-009999-01-01T00:00:00Z"),
        json!(long),
        json!([]),
        json!({}),
        json!([[[["4111-1111"]]]]),
        json!({ "4111-1111": "4111-1111" }),
    ];
    for (method, path, body) in bodies {
        for place in places(&body, String::new()) {
            for value in &odd {
                let mut sent = body.clone();
                *sent.pointer_mut(&place).unwrap() = value.clone();
                let headers = [("if-match", "*")];
                let answer =
                    world.ask(Some(&world.admin), method, path, &sent.to_string(), &headers).await;
                assert!(answer.status < 500, "{method} {path} {place} {value}: {answer:?}");
                if answer.status >= 400 {
                    answer.code();
                    // The engine may name the keys of a document: its author wrote them to be read.
                    let document = ["/cases", "/text", "/to/text", "/query", "/yaml"]
                        .iter()
                        .any(|d| place.starts_with(d));
                    let told = answer.body.contains("4111-1111");
                    assert!(document || !told, "{place}: {}", answer.body);
                }
            }
        }
    }
}

/// Every place in a value, containers included.
fn places(value: &Value, here: String) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(n, v)| (n.clone(), v)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        _ => vec![],
    };
    let below = inside.into_iter().flat_map(|(name, v)| places(v, format!("{here}/{name}")));
    std::iter::once(here.clone()).chain(below.collect::<Vec<_>>()).collect()
}
