//! HTTP as strangers speak it: hosts, heads, bodies, keys, shutdown.

use crate::world::World;

#[tokio::test]
async fn every_answer_says_what_browsers_may_not_do_with_it() {
    let world = World::start().await;
    for (key, path, status) in [
        (Some(world.admin.as_str()), "/servers", 200),
        (None, "/servers", 401),
        (None, "/health", 200),
        (None, "/nothing", 404),
        (Some(world.admin.as_str()), "/servers/none", 404),
    ] {
        let answer = world.ask(key, "GET", path, "", &[]).await;
        assert_eq!(answer.status, status, "{path}");
        let expected = [
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
        ];
        for (name, value) in expected {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        assert!(answer.headers["x-request-id"].starts_with("req_"));
        assert!(!answer.headers.keys().any(|name| name.starts_with("access-control-")));
    }
}

/// Row W18.
#[tokio::test]
async fn strangers_learn_only_that_it_is_well_and_what_the_routes_are() {
    let world = World::start().await;
    let health = world.ask(None, "GET", "/health", "", &[]).await;
    assert_eq!((health.status, health.body.as_str()), (200, r#"{"status":"ok"}"#));
    let document = world.ask(None, "GET", "/openapi.json", "", &[]).await;
    assert_eq!(document.json()["openapi"].as_str().unwrap().split_at(3).0, "3.1");
    world.store.close();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let health = world.ask(None, "GET", "/health", "", &[]).await;
    assert_eq!((health.status, health.body.as_str()), (503, r#"{"status":"degraded"}"#));
    let refused = world.admin("POST", "/api-keys", r#"{"label":"k","role":"viewer"}"#).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"));
    assert_eq!(refused.headers["retry-after"], "1");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_served_are_problems_too() {
    let world = World::start().await;
    for (method, path, status, code) in [
        ("GET", "/", 404, "no_such_route"),
        ("GET", "/servers/", 404, "no_such_route"),
        ("GET", "//servers", 404, "no_such_route"),
        ("GET", "/servers/%ff", 404, "no_such_route"),
        ("GET", "/servers/../grants", 404, "no_such_route"),
        ("PATCH", "/servers", 405, "method_not_allowed"),
        ("DELETE", "/servers", 405, "method_not_allowed"),
        ("TRACE", "/servers", 405, "method_not_allowed"),
        ("OPTIONS", "/servers", 405, "method_not_allowed"),
    ] {
        let answer = world.admin(method, path, "").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}");
    }
    let answer = world.admin("PATCH", "/servers", "").await;
    assert!(answer.headers["allow"].contains("GET"), "{answer:?}");
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused_on_a_loopback_listener() {
    let world = World::start().await;
    let key = &world.admin;
    let here = world.address.to_string();
    let port = world.address.port();
    let cases = [
        (format!("host: {here}\r\n"), 200),
        (format!("host: localhost:{port}\r\n"), 200),
        (format!("host: {here}\r\norigin: http://{here}\r\n"), 200),
        ("host: evil.example\r\n".to_owned(), 421),
        (format!("host: {here}\r\nhost: {here}\r\n"), 400),
        (String::new(), 400),
        (format!("host: {here}\r\norigin: http://evil.example\r\n"), 403),
        (format!("host: {here}\r\norigin: null\r\n"), 403),
    ];
    for (headers, status) in cases {
        let request =
            format!("GET /api/v1/servers HTTP/1.1\r\n{headers}authorization: Bearer {key}\r\n\r\n");
        let answer = world.raw(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
}

#[tokio::test]
async fn a_key_is_shown_in_one_header_and_nowhere_else() {
    let world = World::start().await;
    let key = world.admin.clone();
    let get = |path: &str, headers: &str| {
        format!("GET /api/v1{path} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", world.address)
    };
    let wrong_tail = format!("{}x", &key[..key.len() - 1]);
    let cases = [
        (get("/servers", &format!("authorization: Bearer {key}\r\n")), 200),
        (get("/servers", &format!("authorization: bearer {key}\r\n")), 200),
        (get("/servers", &format!("authorization: Basic {key}\r\n")), 401),
        (get("/servers", &format!("authorization: {key}\r\n")), 401),
        (get("/servers", &format!("authorization: Bearer  {key}\r\n")), 401),
        (get("/servers", &format!("authorization: Bearer {key} \r\n")), 200),
        (get("/servers", &format!("authorization: Bearer {key},{key}\r\n")), 401),
        (get("/servers", &format!("authorization: Bearer {wrong_tail}\r\n")), 401),
        (
            get("/servers", &format!("authorization: Bearer {}\r\n", key.replace("csk1", "csg1"))),
            401,
        ),
        (
            get(
                "/servers",
                &format!("authorization: Bearer {key}\r\nauthorization: Bearer {key}\r\n"),
            ),
            400,
        ),
        (get(&format!("/servers?key={key}"), ""), 401),
        (get("/servers", &format!("x-api-key: {key}\r\n")), 401),
        (get("/servers", &format!("cookie: key={key}\r\n")), 401),
    ];
    for (request, status) in cases {
        let answer = world.raw(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{request}");
        assert!(!answer.body.contains(&key));
    }
}

#[tokio::test]
async fn an_address_that_shows_bad_keys_is_told_to_stop_and_good_keys_still_work() {
    let world = World::start().await;
    let good = world.ask(Some(&world.admin), "GET", "/servers", "", &[]).await;
    assert_eq!(good.status, 200);
    let mut last = 0;
    for n in 0..25 {
        let answer = world.ask(Some("csk1_made_up"), "GET", "/servers", "", &[]).await;
        assert_eq!(answer.status, if n < 20 { 401 } else { 429 }, "the bad key number {n}");
        last = answer.status;
    }
    assert_eq!(last, 429);
    let answer = world.ask(Some("csk1_made_up"), "GET", "/servers", "", &[]).await;
    assert_eq!(answer.code(), "too_many_bad_keys");
    assert_eq!(answer.headers["retry-after"], "60");
    // Nobody is locked out by the noise of others, not even a key that was never used before.
    for key in [&world.admin, &world.viewer] {
        let good = world.ask(Some(key), "GET", "/servers", "", &[]).await;
        assert_eq!(good.status, 200);
    }
}

#[tokio::test]
async fn bodies_are_bounded_typed_and_whole() {
    let world = World::start().await;
    let post = |headers: &str, body: &[u8]| {
        let head = format!(
            "POST /api/v1/policies/check HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n{headers}\r\n",
            world.address, world.manager
        );
        [head.as_bytes(), body].concat()
    };
    let json = "content-type: application/json\r\n";
    let huge = 50 * 1024 * 1024;
    let chunk = format!("{:x}\r\n{}\r\n", 1_048_576, "x".repeat(1_048_576)).repeat(3);
    let cases = [
        (post("content-length: 2\r\n", b"{}"), 415, "unsupported_media_type"),
        (
            post("content-type: text/plain\r\ncontent-length: 2\r\n", b"{}"),
            415,
            "unsupported_media_type",
        ),
        (
            post("content-type: application/json; charset=utf-16\r\ncontent-length: 2\r\n", b"{}"),
            415,
            "unsupported_media_type",
        ),
        (post(&format!("{json}{json}content-length: 2\r\n"), b"{}"), 415, "unsupported_media_type"),
        (
            post(&format!("{json}content-encoding: gzip\r\ncontent-length: 2\r\n"), b"{}"),
            415,
            "unsupported_media_type",
        ),
        (post(&format!("{json}content-length: {huge}\r\n"), b"{"), 413, "body_too_large"),
        (
            post(&format!("{json}transfer-encoding: chunked\r\n"), chunk.as_bytes()),
            413,
            "body_too_large",
        ),
        (post(&format!("{json}content-length: 4\r\n"), b"{\"a\""), 400, "not_json"),
        (post(&format!("{json}content-length: 3\r\n"), b"\xef\xbb\xbf"), 400, "not_json"),
        (post(&format!("{json}content-length: 4\r\n"), b"{} x"), 400, "not_json"),
        (post(&format!("{json}content-length: 2\r\n"), b"[]"), 422, "invalid"),
        (post(&format!("{json}content-length: 19\r\n"), br#"{"text":1,"text":2}"#), 422, "invalid"),
        (post(&format!("{json}content-length: 19\r\n"), br#"{"text":1,"Text":2}"#), 422, "invalid"),
    ];
    for (request, status, code) in cases {
        let answer = world.raw(&request).await;
        let shown = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}");
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let world = World::start().await;
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(40_000));
    for headers in [many, long] {
        let request = format!("GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        assert_eq!(world.raw(request.as_bytes()).await.status, 431);
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_half_of_something_is_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start().await;
    let mut silent = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let mut half = tokio::net::TcpStream::connect(world.address).await.unwrap();
    half.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: loc").await.unwrap();
    let mut idle = tokio::net::TcpStream::connect(world.address).await.unwrap();
    idle.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let closed = async |stream: &mut tokio::net::TcpStream| {
        let mut part = vec![0; 4096];
        while stream.read(&mut part).await.unwrap_or(0) > 0 {}
    };
    let all = async { tokio::join!(closed(&mut silent), closed(&mut half), closed(&mut idle)) };
    let limit = std::time::Duration::from_secs(20);
    assert!(tokio::time::timeout(limit, all).await.is_ok(), "a connection stayed open");
}

#[tokio::test]
async fn shutdown_lets_nobody_wait_for_a_stream() {
    let mut world = World::start().await;
    let (_stream, answer) = world.follow(&world.viewer, "/calls/tail", &[]).await;
    assert_eq!(answer.status, 200);
    let begun = std::time::Instant::now();
    world.shut_down().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
}
