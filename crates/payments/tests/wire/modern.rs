//! The modern era, 2026-07-28: stateless requests, headers that repeat the body, statuses that mean something.

use payments::{Options, Version};
use serde_json::json;

use crate::client::{
    Headers, KEY, initialize, initialize_body, legacy, modern, modern_body, post, send, server,
    server_with,
};

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

#[tokio::test]
async fn discovery_says_what_is_served() {
    let server = server().await;
    let answer = modern(server.addr, "server/discover", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("mcp-session-id"), None);
    let result = &answer.json()["result"];
    assert_eq!(
        result["supportedVersions"],
        json!(["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"])
    );
    assert_eq!(result["capabilities"], json!({"tools": {}}));
    assert_eq!(
        (&result["resultType"], &result["cacheScope"]),
        (&json!("complete"), &json!("public"))
    );
    assert!(result["ttlMs"].is_u64() && result["instructions"].is_string());
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "payments");
}

#[tokio::test]
async fn a_list_is_complete_and_cacheable() {
    let server = server().await;
    let answer = modern(server.addr, "tools/list", "").await;
    let result = &answer.json()["result"];
    assert_eq!(result["tools"].as_array().map(Vec::len), Some(6));
    assert_eq!(result["resultType"], "complete");
    assert!(result["ttlMs"].is_u64());
    assert_eq!(result["cacheScope"], "public");
    let cursor = modern(server.addr, "tools/list", r#""cursor":"2""#).await;
    assert_eq!((cursor.status, &cursor.json()["error"]["code"]), (400, &json!(-32602)));
}

#[tokio::test]
async fn a_call_answers_in_text_and_structure_alike() {
    let server = server().await;
    let call = r#""name":"refund_payment","arguments":{"payment":"pi_1001","amount":12.50,"currency":"USD","reason":"said \"late\""}"#;
    let answer = modern(server.addr, "tools/call", call).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(r#""amount":12.5,"#), "{}", answer.body);
    let result = &answer.json()["result"];
    let expected = json!({"id": "re_000001", "payment": "pi_1001", "amount": 12.5, "currency": "usd", "reason": "said \"late\"", "status": "succeeded"});
    assert_eq!(result["structuredContent"], expected);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), expected);
    assert_eq!((&result["isError"], &result["resultType"]), (&json!(false), &json!("complete")));
}

#[tokio::test]
async fn what_is_not_there_is_a_failed_result_and_what_does_not_fit_is_an_error() {
    let server = server().await;
    for (call, text) in [
        (r#""name":"get_invoice","arguments":{"invoice":"in_9"}"#, "No such invoice: in_9"),
        (r#""name":"list_invoices","arguments":{"customer":"cus_9"}"#, "No such customer: cus_9"),
        (r#""name":"delete_customer","arguments":{"customer":"cus_9"}"#, "No such customer: cus_9"),
        (
            r#""name":"create_charge","arguments":{"customer":"cus_9","amount":1,"currency":"USD"}"#,
            "No such customer: cus_9",
        ),
        (
            r#""name":"refund_payment","arguments":{"payment":"pi_9","amount":1,"currency":"USD","reason":"x"}"#,
            "No such payment: pi_9",
        ),
    ] {
        let answer = modern(server.addr, "tools/call", call).await;
        let result = &answer.json()["result"];
        assert_eq!((answer.status, &result["isError"]), (200, &json!(true)), "{call}");
        assert_eq!(result["content"], json!([{"type": "text", "text": text}]), "{call}");
        assert!(result.get("structuredContent").is_none());
    }
    for (call, message) in [
        (r#""name":"drop_tables","arguments":{}"#, "Unknown tool: drop_tables"),
        (r#""name":"Get_invoice","arguments":{}"#, "Unknown tool: Get_invoice"),
        (
            r#""name":"get_invoice","arguments":[1]"#,
            "`arguments` must be an object without repeated names",
        ),
        (r#""name":"get_invoice""#, "get_invoice: `invoice` is required"),
        (
            r#""name":"create_payout","arguments":{"destination":"x","amount":"5","currency":"USD"}"#,
            "create_payout: `amount` must be a number",
        ),
        (r#""name":5"#, "`name` must be a string"),
        (r#""arguments":{}"#, "`name` must be a string"),
    ] {
        let answer = modern(server.addr, "tools/call", call).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (400, &json!(-32602)), "{call}");
        assert_eq!(error["message"], message, "{call}");
    }
    let ledger = server.ledger();
    assert_eq!((ledger.tool_calls, ledger.executed(), ledger.entries.len()), (12, 0, 0));
}

#[tokio::test]
async fn headers_that_disagree_with_the_body_are_refused_before_anything_happens() {
    let server = server().await;
    let body = modern_body(
        "tools/call",
        r#""name":"delete_customer","arguments":{"customer":"cus_1001"}"#,
    );
    let method = ("mcp-method", "tools/call");
    let name = ("mcp-name", "delete_customer");
    let cases: [Headers<'_>; 9] = [
        &[method, name],
        &[("mcp-protocol-version", "2025-11-25"), method, name],
        &[VERSION, VERSION, method, name],
        &[VERSION, name],
        &[VERSION, ("mcp-method", "tools/list"), name],
        &[VERSION, method, method, name],
        &[VERSION, method],
        &[VERSION, method, ("mcp-name", "list_invoices")],
        &[VERSION, method, ("mcp-name", "=?base64?bGlzdF9pbnZvaWNlcw==?=")],
    ];
    for headers in cases {
        let answer = post(server.addr, headers, &body).await;
        let json = answer.json();
        assert_eq!(
            (answer.status, &json["error"]["code"], &json["id"]),
            (400, &json!(-32020), &json!(1)),
            "{headers:?}"
        );
    }
    assert_eq!(server.ledger().executed(), 0);

    let encoded = [VERSION, method, ("mcp-name", "=?base64?ZGVsZXRlX2N1c3RvbWVy?=")];
    assert_eq!(post(server.addr, &encoded, &body).await.status, 200);
    assert_eq!(server.ledger().calls("delete_customer"), 1);
}

#[tokio::test]
async fn the_required_meta_is_required() {
    let server = server().await;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    for params in [
        String::new(),
        r#","params":{}"#.to_owned(),
        r#","params":[]"#.to_owned(),
        r#","params":{"_meta":[]}"#.to_owned(),
        format!(r#","params":{{"_meta":{{{capabilities}}}}}"#),
        format!(r#","params":{{"_meta":{{{version}}}}}"#),
        format!(
            r#","params":{{"_meta":{{{version},"io.modelcontextprotocol/clientCapabilities":[]}}}}"#
        ),
        format!(
            r#","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":20260728,{capabilities}}}}}"#
        ),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list"{params}}}"#);
        let answer = post(server.addr, &[VERSION, ("mcp-method", "tools/list")], &body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!(-32602)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn other_revisions_are_told_which_are_served() {
    let server = server().await;
    for requested in ["2026-11-30", "2099-01-01", "2025-11-25"] {
        let body = modern_body("tools/list", "").replace("2026-07-28", requested);
        let headers = [("mcp-protocol-version", requested), ("mcp-method", "tools/list")];
        let answer = post(server.addr, &headers, &body).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["code"]), (400, &json!(-32022)));
        assert_eq!(
            error["data"],
            json!({"supported": ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"], "requested": requested})
        );
    }
}

#[tokio::test]
async fn methods_of_the_legacy_era_are_not_found() {
    let server = server().await;
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "subscriptions/listen",
        "nonsense",
    ] {
        let answer = modern(server.addr, method, "").await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (404, &json!(-32601)),
            "{method}"
        );
    }
}

#[tokio::test]
async fn there_is_no_stream_and_no_session() {
    let server = server().await;
    let bearer = format!("Bearer {KEY}");
    for method in ["GET", "DELETE"] {
        let headers =
            [("authorization", bearer.as_str()), VERSION, ("accept", "text/event-stream")];
        let answer = send(server.addr, method, "/mcp", &headers, "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    // A session id is ignored, known or not.
    let headers = [VERSION, ("mcp-method", "tools/list"), ("mcp-session-id", "nonsense")];
    let answer = post(server.addr, &headers, &modern_body("tools/list", "")).await;
    assert_eq!((answer.status, answer.header("mcp-session-id")), (200, None));
}

#[tokio::test]
async fn notifications_are_acknowledged_without_a_body() {
    let server = server().await;
    let body = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    let answer = post(server.addr, &[VERSION], body).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let unknown = post(server.addr, &[("mcp-protocol-version", "2099-01-01")], body).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (400, &json!(-32022)));
}

#[tokio::test]
async fn a_server_of_one_era_sends_the_other_away_with_its_list() {
    let versions = vec![Version::V2025_11_25, Version::V2025_06_18];
    let old = server_with(Options { versions, ..Options::default() }).await;
    let answer = modern(old.addr, "server/discover", "").await;
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (400, &json!(-32022)));
    assert_eq!(error["data"]["supported"], json!(["2025-11-25", "2025-06-18"]));
    let (session, result) = initialize(old.addr, "2025-03-26").await;
    assert_eq!(result["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(legacy(old.addr, &session, "ping", "{}").await.status, 200);

    let new =
        server_with(Options { versions: vec![Version::V2026_07_28], ..Options::default() }).await;
    assert_eq!(modern(new.addr, "server/discover", "").await.status, 200);
    let answer = post(new.addr, &[], &initialize_body("2025-11-25")).await;
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (400, &json!(-32022)));
    assert_eq!(error["data"]["supported"], json!(["2026-07-28"]));
}
