//! What holds for every request of either era: the key, the path, the headers of HTTP, the bounds.

use std::time::{Duration, Instant};

use payments::{Options, Server};
use tokio::io::AsyncReadExt;

use crate::client::{
    Headers, KEY, initialize, modern, modern_body, open, post, send, server, server_with,
};

#[tokio::test]
async fn without_the_right_key_nothing_is_served() {
    let server = server().await;
    let body = modern_body("tools/list", "");
    let right = format!("Bearer {KEY}");
    let wrong = format!("Bearer {}x", &KEY[..KEY.len() - 1]);
    let longer = format!("{right}0");
    let basic = format!("Basic {KEY}");
    let cases: [Headers<'_>; 8] = [
        &[],
        &[("authorization", "")],
        &[("authorization", "Bearer ")],
        &[("authorization", KEY)],
        &[("authorization", &wrong)],
        &[("authorization", &longer)],
        &[("authorization", &basic)],
        &[("authorization", &right), ("authorization", &right)],
    ];
    for headers in cases {
        for method in ["POST", "GET", "DELETE", "PUT"] {
            let answer = send(server.addr, method, "/mcp", headers, &body).await;
            assert_eq!(answer.status, 401, "{method} {headers:?}");
            let ask = answer.header("www-authenticate").unwrap();
            assert!(ask.starts_with("Bearer ") && !answer.body.contains(KEY));
        }
    }
    let ledger = server.ledger();
    assert_eq!((ledger.unauthorized, ledger.http_requests, ledger.tool_calls), (32, 32, 0));

    let lower = format!("bearer {KEY}");
    let headers = [
        ("authorization", lower.as_str()),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    assert_eq!(send(server.addr, "POST", "/mcp", &headers, &body).await.status, 200);
}

#[tokio::test]
async fn what_http_itself_forbids_is_refused_with_its_status() {
    let server = server().await;
    let bearer = format!("Bearer {KEY}");
    let key = ("authorization", bearer.as_str());
    let json = ("content-type", "application/json");
    let body = modern_body("tools/list", "");
    let cases: [(&str, &str, Headers<'_>, u16); 9] = [
        ("POST", "/", &[key, json], 404),
        ("POST", "/mcp/", &[key, json], 404),
        ("PUT", "/mcp", &[key, json], 405),
        ("OPTIONS", "/mcp", &[key], 405),
        ("POST", "/mcp", &[key], 415),
        ("POST", "/mcp", &[key, ("content-type", "text/plain")], 415),
        ("POST", "/mcp", &[key, json, ("content-encoding", "gzip")], 415),
        ("POST", "/mcp", &[key, json, ("accept", "text/html")], 406),
        ("POST", "/mcp", &[key, json, ("origin", "http://evil.example")], 403),
    ];
    for (method, path, headers, status) in cases {
        let answer = send(server.addr, method, path, headers, &body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}");
    }
    let answer = send(server.addr, "PUT", "/mcp", &[key], "").await;
    assert_eq!(answer.header("allow"), Some("POST, GET, DELETE"));
}

#[tokio::test]
async fn a_body_over_four_mebibytes_is_refused() {
    let server = server().await;
    let padded = |bytes: usize| {
        let body = modern_body("tools/list", "");
        format!("{}{body}", " ".repeat(bytes - body.len()))
    };
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    assert_eq!(post(server.addr, &headers, &padded(4 << 20)).await.status, 200);
    assert_eq!(post(server.addr, &headers, &padded((4 << 20) + 1)).await.status, 413);
}

#[tokio::test]
async fn malformed_messages_are_refused_in_either_era() {
    let server = server().await;
    let (session, _) = initialize(server.addr, "2025-03-26").await;
    let modern = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let legacy = [("mcp-session-id", session.as_str())];
    for (body, code) in [
        ("{", -32700),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#, -32600),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"list_invoices"}}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","method":"tools/list"}"#, -32600),
    ] {
        for headers in [&modern[..], &legacy[..]] {
            let answer = post(server.addr, headers, body).await;
            assert_eq!(answer.status, 400, "{body}");
            let json = answer.json();
            assert_eq!((&json["error"]["code"], &json["id"]), (&code.into(), &().into()), "{body}");
        }
    }
    assert_eq!(server.ledger().executed(), 0);
}

#[tokio::test]
async fn an_event_stream_carries_the_same_answer() {
    let plain = server().await;
    let streaming = server_with(Options { sse: true, ..Options::default() }).await;
    let call = r#""name":"get_invoice","arguments":{"invoice":"in_1001"}"#;
    let json = modern(plain.addr, "tools/call", call).await;
    let sse = modern(streaming.addr, "tools/call", call).await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(sse.header("content-type"), Some("text/event-stream"));
    assert_eq!(sse.header("x-accel-buffering"), Some("no"));
    assert_eq!(sse.json(), json.json());

    // Who takes only one form gets that form.
    let headers = [
        ("authorization", &*format!("Bearer {KEY}")),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    let body = modern_body("tools/list", "");
    for (server, accept, kind) in [
        (&plain, "text/event-stream", "text/event-stream"),
        (&streaming, "application/json", "application/json"),
        (&streaming, "*/*", "text/event-stream"),
    ] {
        let mut headers = headers.to_vec();
        headers.push(("accept", accept));
        let answer = send(server.addr, "POST", "/mcp", &headers, &body).await;
        assert_eq!(answer.header("content-type"), Some(kind));
    }

    // Errors with a status of their own are never streamed.
    let unknown = modern(streaming.addr, "nonsense", "").await;
    assert_eq!((unknown.status, unknown.header("content-type")), (404, Some("application/json")));
}

#[tokio::test]
async fn a_slow_answer_waits_but_its_call_is_carried_out_at_once() {
    for sse in [false, true] {
        let latency = Duration::from_millis(300);
        let server = server_with(Options { sse, latency, ..Options::default() }).await;
        let listed = Instant::now();
        modern(server.addr, "tools/list", "").await;
        assert!(listed.elapsed() < latency);

        let bearer = format!("Bearer {KEY}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "create_payout"),
        ];
        let call = r#""name":"create_payout","arguments":{"destination":"ba_1","amount":5,"currency":"USD"}"#;
        let body = modern_body("tools/call", call);
        let hung_up = open(server.addr, "POST", "/mcp", &headers, &body).await;
        let begun = Instant::now();
        while server.ledger().calls("create_payout") == 0 {
            assert!(begun.elapsed() < Duration::from_secs(5), "the call was never carried out");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        drop(hung_up);

        let begun = Instant::now();
        let answer = modern(server.addr, "tools/call", call).await;
        assert!(begun.elapsed() >= latency);
        assert_eq!(answer.json()["result"]["structuredContent"]["id"], "po_000002");
    }
}

#[tokio::test]
async fn stopping_ends_streams_and_frees_the_port() {
    let server = server().await;
    let addr = server.addr;
    let (session, _) = initialize(addr, "2025-11-25").await;
    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
    let mut stream = open(addr, "GET", "/mcp", &headers, "").await;
    let mut first = [0; 64];
    assert!(stream.read(&mut first).await.unwrap() > 0);

    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let again = Server::start(addr, KEY.to_owned()).await.unwrap();
    assert_eq!(again.addr, addr);
}

#[tokio::test]
async fn a_key_that_no_header_could_carry_is_refused_at_the_start() {
    for key in ["", "two words", "späße", "line\n"] {
        let started = Server::start(([127, 0, 0, 1], 0).into(), key.to_owned()).await;
        assert_eq!(
            started.err().map(|e| e.kind()),
            Some(std::io::ErrorKind::InvalidInput),
            "{key:?}"
        );
    }
}
