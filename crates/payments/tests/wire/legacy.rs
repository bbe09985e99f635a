//! The legacy era: sessions from `initialize` to DELETE, over three revisions.

use std::time::Duration;

use payments::Options;
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::client::{
    Headers, KEY, initialize, initialize_body, legacy, open, post, send, server, server_with,
};

const REVISIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];

#[tokio::test]
async fn initialize_agrees_on_a_revision_and_opens_a_session() {
    let server = server().await;
    let mut ids = Vec::new();
    for (requested, agreed) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("nonsense", "2025-11-25"),
    ] {
        let (session, answer) = initialize(server.addr, requested).await;
        assert_eq!(answer["id"], "init");
        let result = &answer["result"];
        assert_eq!(result["protocolVersion"], agreed, "{requested}");
        assert_eq!(result["capabilities"], json!({"tools": {}}));
        assert_eq!(result["serverInfo"]["name"], "payments");
        assert!(result.get("resultType").is_none() && result.get("_meta").is_none());
        assert!(session.len() == 32 && session.bytes().all(|b| b.is_ascii_hexdigit()));
        ids.push(session);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn initialize_needs_its_three_params() {
    let server = server().await;
    let whole = initialize_body("2025-11-25");
    for (from, to) in [
        (r#""protocolVersion":"2025-11-25","#, ""),
        (r#""2025-11-25""#, "20251125"),
        (r#""capabilities":{},"#, ""),
        (r#""capabilities":{}"#, r#""capabilities":[]"#),
        (r#"{"name":"raw","version":"1"}"#, "null"),
    ] {
        let answer = post(server.addr, &[], &whole.replace(from, to)).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!(-32602)),
            "{from}"
        );
        assert_eq!(answer.header("mcp-session-id"), None);
    }
}

#[tokio::test]
async fn a_session_lives_from_initialize_to_delete() {
    let server = server().await;
    for revision in REVISIONS {
        let (session, _) = initialize(server.addr, revision).await;
        let of_session = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", revision)];
        let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let answer = post(server.addr, &of_session, note).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));

        let pong = legacy(server.addr, &session, "ping", "{}").await;
        assert_eq!(pong.body, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        let list = legacy(server.addr, &session, "tools/list", "{}").await.json();
        assert_eq!(list["result"]["tools"].as_array().map(Vec::len), Some(6));
        assert!(
            list["result"].get("ttlMs").is_none() && list["result"].get("resultType").is_none()
        );

        let call = r#"{"name":"list_invoices","arguments":{"customer":"cus_1002","limit":1}}"#;
        let result =
            legacy(server.addr, &session, "tools/call", call).await.json()["result"].clone();
        let text = result["content"][0]["text"].as_str().unwrap();
        let invoices: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            (&invoices["invoices"][0]["id"], &invoices["has_more"]),
            (&json!("in_1005"), &json!(true))
        );
        // Structured results came with 2025-06-18.
        assert_eq!(result.get("structuredContent").is_some(), revision != "2025-03-26");

        let bearer = format!("Bearer {KEY}");
        let headers = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
        assert_eq!(send(server.addr, "DELETE", "/mcp", &headers, "").await.status, 204);
        for answer in [
            send(server.addr, "DELETE", "/mcp", &headers, "").await,
            send(server.addr, "GET", "/mcp", &headers, "").await,
            post(server.addr, &of_session, note).await,
            legacy(server.addr, &session, "tools/call", call).await,
        ] {
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!(-32001)));
        }
    }
    assert_eq!(server.ledger().calls("list_invoices"), 3);
}

#[tokio::test]
async fn requests_outside_a_session_are_refused() {
    let server = server().await;
    let (session, _) = initialize(server.addr, "2025-06-18").await;
    let id = ("mcp-session-id", session.as_str());
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_customer","arguments":{"customer":"cus_1001"}}}"#;
    let cases: [(Headers<'_>, u16); 7] = [
        (&[], 400),
        (&[("mcp-session-id", "")], 404),
        (&[("mcp-session-id", "0123456789abcdef0123456789abcdef")], 404),
        (&[id, id], 400),
        (&[id, ("mcp-protocol-version", "2025-11-25")], 400),
        (&[id, ("mcp-protocol-version", "2024-11-05")], 400),
        (&[id, ("mcp-protocol-version", "nonsense")], 400),
    ];
    for (headers, status) in cases {
        let answer = post(server.addr, headers, call).await;
        assert_eq!((answer.status, &answer.json()["id"]), (status, &json!(1)), "{headers:?}");
    }
    assert_eq!(server.ledger().executed(), 0);
    assert_eq!(
        post(server.addr, &[id, ("mcp-protocol-version", "2025-06-18")], call).await.status,
        200
    );
}

#[tokio::test]
async fn unknown_methods_and_bad_calls_are_errors_within_a_200() {
    let server = server().await;
    let (session, _) = initialize(server.addr, "2025-11-25").await;
    for (method, params, code) in [
        ("nonsense", "{}", -32601),
        ("initialized", "{}", -32601),
        ("server/discover", "{}", -32601),
        ("resources/list", "{}", -32601),
        ("tools/list", "[]", -32602),
        ("tools/list", r#"{"cursor":""}"#, -32602),
        ("tools/call", "7", -32602),
        ("tools/call", r#"{"name":"nonsense"}"#, -32602),
        ("tools/call", r#"{"name":"get_invoice","arguments":{"invoice":5}}"#, -32602),
    ] {
        let answer = legacy(server.addr, &session, method, params).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (200, &json!(code)),
            "{method} {params}"
        );
    }
    assert_eq!(server.ledger().tool_calls, 3);
}

#[tokio::test]
async fn ids_come_back_as_they_were_written() {
    let server = server().await;
    let (session, _) = initialize(server.addr, "2025-11-25").await;
    for id in ["0", "-7", "1.0", "9007199254740993", r#""a\"\u0041""#, r#""""#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let answer = post(server.addr, &[("mcp-session-id", &session)], &body).await;
        assert_eq!(answer.body, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
    }
}

#[tokio::test]
async fn the_stream_stays_open_until_its_session_ends() {
    let server = server().await;
    let (session, _) = initialize(server.addr, "2025-11-25").await;
    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
    let only_json = [headers[0], headers[1], ("accept", "application/json")];
    assert_eq!(send(server.addr, "GET", "/mcp", &only_json, "").await.status, 406);
    assert_eq!(send(server.addr, "GET", "/mcp", &headers[..1], "").await.status, 400);

    let mut stream = open(server.addr, "GET", "/mcp", &headers, "").await;
    let mut seen = String::new();
    while !seen.contains(": open\n\n") {
        let mut part = [0; 256];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "the stream ended early: {seen}");
        seen.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    assert!(seen.starts_with("HTTP/1.1 200") && seen.contains("content-type: text/event-stream"));
    let mut part = [0; 256];
    let quiet = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut part)).await;
    assert!(quiet.is_err(), "nothing is said and nothing ends");

    assert_eq!(send(server.addr, "DELETE", "/mcp", &headers, "").await.status, 204);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the stream outlived its session");
}

#[tokio::test]
async fn without_sessions_every_request_says_its_revision() {
    let server = server_with(Options { sessions: false, ..Options::default() }).await;
    let answer = post(server.addr, &[], &initialize_body("2025-06-18")).await;
    assert_eq!((answer.status, answer.header("mcp-session-id")), (200, None));
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for (headers, status) in [
        (&[][..], 200),
        (&[("mcp-protocol-version", "2025-06-18")], 200),
        (&[("mcp-session-id", "whatever")], 200),
        (&[("mcp-protocol-version", "2024-11-05")], 400),
    ] {
        assert_eq!(post(server.addr, headers, ping).await.status, status, "{headers:?}");
    }
    let bearer = format!("Bearer {KEY}");
    for method in ["GET", "DELETE"] {
        let answer = send(server.addr, method, "/mcp", &[("authorization", &bearer)], "").await;
        assert_eq!(answer.status, 405);
    }
}
