//! Servers and their tools.

use crate::world::{LIST, PAY, World};

#[tokio::test]
async fn a_server_is_registered_with_the_tools_it_lists_then() {
    let world = World::start().await;
    let body =
        r#"{"slug":"payments","url":"https://PAY.example/mcp","private_targets":["10.0.0.5:443"]}"#;
    let made = world.admin("POST", "/servers", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let answer = made.json();
    let server = &answer["server"];
    assert_eq!(answer["tools"]["found"], 2);
    assert_eq!(server["url"], "https://pay.example/mcp");
    assert_eq!(server["name"], "payments");
    assert_eq!(server["enabled"], true);
    assert_eq!(server["version"], "2025-11-25");
    assert_eq!(server["gateway_url"], "http://127.0.0.1:7071/mcp/payments");
    assert_eq!(server["tools"]["waiting"], 0);
    assert_eq!(
        made.headers["location"],
        format!("/api/v1/servers/{}", server["id"].as_str().unwrap())
    );

    let tools = world.admin("GET", "/servers/payments/tools", "").await.json();
    let states: Vec<_> =
        tools["items"].as_array().unwrap().iter().map(|t| t["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["accepted", "accepted"]);
    let audit = world.admin("GET", "/audit", "").await.json();
    assert!(audit["items"].as_array().unwrap().len() >= 3, "{audit}");
}

#[tokio::test]
async fn later_tools_and_changed_ones_wait_until_they_are_accepted() {
    let world = World::start().await;
    world.with_server().await;
    let changed = PAY.replace("\"Pays\"", "\"Pays at once\"");
    world.prober.list(&[("pay", &changed), ("list", LIST), ("new", &LIST.replace("list", "new"))]);
    let refreshed = world.admin("POST", "/servers/payments/refresh", "").await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert_eq!(refreshed.json()["server"]["tools"]["waiting"], 2);

    let tools = world.admin("GET", "/servers/payments/tools", "").await.json();
    let states: Vec<_> = tools["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["name"].as_str().unwrap(), t["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("list", "accepted"), ("new", "new"), ("pay", "changed")]);

    let tool = world.ask(Some(&world.viewer), "GET", "/servers/payments/tools/pay", "", &[]).await;
    let tool = tool.json();
    assert_eq!(tool["difference"][0]["pointer"], "/description");
    assert_eq!(tool["accepted"]["description"], "Pays");
    assert_eq!(tool["definition"]["description"], "Pays at once");

    let accept = |print: &str| serde_json::json!({ "fingerprint": print }).to_string();
    let path = "/servers/payments/tools/pay/accept";
    let old = tool["accepted_fingerprint"].as_str().unwrap();
    let stale = world.ask(Some(&world.manager), "POST", path, &accept(old), &[]).await;
    assert!(matches!(stale.status, 409 | 412), "{stale:?}");
    let now = tool["fingerprint"].as_str().unwrap();
    let done = world.ask(Some(&world.manager), "POST", path, &accept(now), &[]).await;
    assert_eq!((done.status, done.json()["state"].as_str()), (200, Some("accepted")), "{done:?}");
}

#[tokio::test]
async fn an_upstream_that_is_silent_is_registered_and_says_so() {
    let world = World::start().await;
    world.prober.go_silent();
    let body = r#"{"slug":"quiet","url":"https://quiet.example/mcp"}"#;
    let made = world.admin("POST", "/servers", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.json()["problem"], "nothing listens at this address");
    let refreshed = world.admin("POST", "/servers/quiet/refresh", "").await;
    assert_eq!((refreshed.status, refreshed.code().as_str()), (502, "upstream_unreachable"));
    // Its first good look is the one that accepts.
    world.prober.list(&[("pay", PAY)]);
    let refreshed = world.admin("POST", "/servers/quiet/refresh", "").await;
    assert_eq!(refreshed.json()["server"]["tools"]["waiting"], 0, "{}", refreshed.body);

    world.prober.go_silent();
    let body = r#"{"slug":"unseen","url":"https://unseen.example/mcp"}"#;
    let made = world.admin("POST", "/servers?probe=false", body).await;
    assert_eq!((made.status, made.json()["tools"].is_null()), (201, true));
    assert_eq!(world.admin("POST", "/servers?probe=maybe", body).await.status, 422);
}

/// Rows S07 and S08, and S02 to S04 as far as the guard is asked.
#[tokio::test]
async fn addresses_that_are_not_served_are_refused_with_the_reason() {
    let world = World::start().await;
    for url in [
        "file:///etc/passwd",
        "gopher://a.example/",
        "ftp://a.example/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "http://user:pw@a.example/",
        "http://good@169.254.169.254/",
        "https://good\\\\@bad/",
        "https://a\\texample.com/",
        "https://a.example:0/",
        "https://a.example/#x",
        "http://a.example/",
        "http://169.254.169.254/",
        "http://10.0.0.5/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        "https://internal.example/",
        "",
    ] {
        let body = format!(r#"{{"slug":"a","url":"{url}"}}"#);
        let answer = world.admin("POST", "/servers", &body).await;
        assert_eq!(answer.status, 422, "{url}: {}", answer.body);
        assert_eq!(answer.faults(), [("/url".to_owned(), "url_refused".to_owned())], "{url}");
    }
    let body = r#"{"slug":"a","url":"https://internal.example/","private_targets":["internal.example:443"]}"#;
    assert_eq!(world.admin("POST", "/servers", body).await.status, 201);
}

#[tokio::test]
async fn two_editors_cannot_overwrite_each_other() {
    let world = World::start().await;
    world.with_server().await;
    let seen = world.admin("GET", "/servers/payments", "").await;
    let tag = seen.headers["etag"].clone();
    let put = async |tag: Option<&str>, body: &str| {
        let headers: Vec<_> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
        world.ask(Some(&world.admin), "PUT", "/servers/payments", body, &headers).await
    };
    let without = put(None, r#"{"name":"one"}"#).await;
    assert_eq!((without.status, without.code().as_str()), (428, "precondition_required"));
    let first = put(Some(&tag), r#"{"name":"one","enabled":false}"#).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_ne!(first.headers["etag"], tag);
    let second = put(Some(&tag), r#"{"name":"two"}"#).await;
    assert_eq!((second.status, second.code().as_str()), (412, "stale"));
    assert_eq!(second.headers["etag"], first.headers["etag"]);
    // What is not given stays as it is.
    let third = put(Some("*"), r#"{"name":"three"}"#).await;
    let server = third.json();
    assert_eq!((&server["name"], &server["enabled"]), (&"three".into(), &false.into()));
    assert_eq!(put(Some("3"), "{}").await.status, 412);
    let removed = world
        .ask(Some(&world.admin), "DELETE", "/servers/payments", "", &[("if-match", &tag)])
        .await;
    assert_eq!(removed.status, 412);
    let removed = world.admin("DELETE", "/servers/payments", "").await;
    assert_eq!(removed.status, 204);
    assert_eq!(world.admin("GET", "/servers/payments", "").await.status, 404);
}

#[tokio::test]
async fn a_server_that_a_grant_uses_stays_and_a_slug_is_used_once() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let removed = world.admin("DELETE", "/servers/payments", "").await;
    assert_eq!(removed.status, 409, "{}", removed.body);
    let body = r#"{"slug":"payments","url":"https://b.example/"}"#;
    let again = world.admin("POST", "/servers", body).await;
    assert_eq!((again.status, again.code().as_str()), (409, "taken"));
}

#[tokio::test]
async fn lists_are_walked_page_by_page() {
    let world = World::start().await;
    for slug in ["c", "a", "e", "b", "d"] {
        let body = format!(r#"{{"slug":"{slug}","url":"https://{slug}.example/"}}"#);
        assert_eq!(world.admin("POST", "/servers?probe=false", &body).await.status, 201);
    }
    let mut seen = vec![];
    let mut path = "/servers?limit=2".to_owned();
    loop {
        let page = world.admin("GET", &path, "").await.json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s["slug"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/servers?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}
