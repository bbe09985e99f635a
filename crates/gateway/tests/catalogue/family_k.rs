//! K: secrets in places where nobody keeps them.

use serde_json::json;
use store::DataPlane as _;
use testkit::{Answer, Canary, Era, Scan, send};

use crate::fixture;
use crate::table::{Logged, Row, Told, run};

/// K01, K02: a secret where a number, a name or a tool should be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_where_something_else_should_be() {
    let amount = "/tools/refund_payment/deny_if/args.amount-gt";
    let unlisted = "/tools/refund_payment/unlisted_args";
    let rows = vec![
        Row::call(
            "K01",
            "refund_payment",
            r#"{"amount":"{C}","currency":"usd","reason":"damaged"}"#,
            Told::Denied(amount),
            Logged::One("deny_if"),
        ),
        Row::call(
            "K01",
            "refund_payment",
            r#"{"amount":{"{C}":1},"currency":"usd","reason":"damaged"}"#,
            Told::Denied(amount),
            Logged::One("deny_if"),
        ),
        Row::call(
            "K01",
            "refund_payment",
            r#"{"amount":1,"currency":"{C}","reason":"damaged"}"#,
            Told::Denied("/tools/refund_payment/deny_if/args.currency-neq"),
            Logged::One("deny_if"),
        ),
        Row::call(
            "K02",
            "refund_payment",
            r#"{"{C}":1}"#,
            Told::Denied(unlisted),
            Logged::One("unlisted_args"),
        ),
        Row::call(
            "K02",
            "refund_payment",
            r#"{"customer":{"{C}":1,"{C}":2}}"#,
            Told::Error(400, -32602),
            Logged::One("duplicate_key"),
        ),
        Row::call(
            "K02",
            "refund_payment",
            "{\"customer\":{\"{C}\":\"\\ud800\"}}",
            Told::Error(400, -32700),
            Logged::One("lone_surrogate"),
        ),
        Row::call(
            "K02",
            "refund_payment",
            r#"{"customer":{"{C}":1e999}}"#,
            Told::Error(400, -32602),
            Logged::One("number_out_of_range"),
        ),
        Row::params(
            "K02",
            r#""name":"not a tool {C}""#,
            Told::Error(400, -32602),
            Logged::One("bad_tool_name"),
        ),
        Row::params(
            "K02",
            r#""name":"refund_payment","{C}":1"#,
            Told::Error(400, -32602),
            Logged::One("unknown_member"),
        ),
        Row::body(
            "K02",
            r#"{"jsonrpc":"2.0","id":1,"method":"{C}","params":{}}"#,
            Told::Error(200, -32601),
            Logged::One("unknown_method"),
        )
        .legacy(),
        Row::body(
            "K02",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","{C}":1}"#,
            Told::Error(400, -32600),
            Logged::One("unknown_member"),
        ),
        Row::body(
            "K02",
            r#"{"jsonrpc":"2.0","id":"{C}"#,
            Told::Error(400, -32700),
            Logged::One("unexpected_end"),
        ),
        Row::body("K02", r#"["{C}"]"#, Told::Error(400, -32600), Logged::One("batch")),
        Row::body(
            "K02",
            r#"{"jsonrpc":"2.0","method":"notifications/{C}"}"#,
            Told::Error(400, -32600),
            Logged::One("unknown_notification"),
        )
        .legacy(),
    ];
    run(&fixture::house().await, rows).await;
}

/// K05, K06, K09, K13: values on every road, and the finest log there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_call_is_kept() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let mut planted = Vec::new();
    let mut plant = || {
        let canary = Canary::new();
        planted.push(canary.clone());
        canary.text().to_owned()
    };
    let echo = |seen: &testkit::Seen| {
        let arguments = seen.message["params"]["arguments"].to_string();
        Answer::text(seen, &arguments)
    };
    house.upstream.on_call(echo);
    for era in [Era::Legacy, session.clone(), Era::Modern] {
        let arguments = json!({"payment": plant(), "amount": 10, "currency": "usd", "reason": plant(), "customer": {plant(): plant()}, "note": plant()});
        let answer = agent.call(&era, "refund_payment", arguments).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let held = json!({"amount": 60, "reason": plant()});
        agent.call(&era, "big_spender", held).await;
        let body =
            testkit::Agent::call_text(&era, "free_form", &json!({"value": plant()}).to_string());
        let request = agent
            .post(&era, body)
            .target(&format!("/mcp/payments?token={}", plant()))
            .header("Referer", format!("https://example.com/?key={}", plant()))
            .set("User-Agent", plant());
        assert_eq!(send(agent.address, request.bytes()).await.status, 200);
        agent
            .request(&era, "prompts/get", json!({"name": "greet", "arguments": {"x": plant()}}))
            .await;
        let reference = json!({"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": plant(), "value": plant()}});
        agent.request(&era, "completion/complete", reference).await;
        agent
            .request(&era, "resources/read", json!({"uri": format!("file:///public/{}", plant())}))
            .await;
        agent
            .request(&era, "resources/read", json!({"uri": format!("file:///other/{}", plant())}))
            .await;
        agent.request(&era, "prompts/get", json!({"name": plant()})).await;
        agent.request(&era, "tools/list", json!({"cursor": plant()})).await;
        let token = json!({"name": "anything", "_meta": {"progressToken": plant(), "x": plant()}});
        agent.request(&era, "tools/call", token).await;
    }
    // An upstream that fails in every way while it holds the values.
    for answer in [
        "HTTP/1.1 500 X\r\n\r\n",
        "nonsense",
        "",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{",
    ] {
        house.upstream.on_call(move |_| Answer::bytes(answer));
        agent.call(&Era::Legacy, "free_form", json!({"value": plant()})).await;
    }
    house.upstream.slam();
    agent.call(&Era::Legacy, "free_form", json!({"value": plant()})).await;
    let Era::Session(id) = session else { panic!("a session") };
    planted.push(Canary::of(&id));
    planted.push(agent.secret());
    planted.push(house.credential.clone());
    house.store.flush().await.unwrap();
    Scan(&planted).logs();
    Scan(&planted).directory(house.directory());
}

/// K03, K05: what holds a secret prints without it, so no panic text has one either. That a panic
/// says its place alone is tried where the program sets its hook.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_hold_secrets_do_not_print_them() {
    let house = fixture::house().await;
    let secret = vault::Secret::from(house.credential.text().to_owned());
    let token = vault::Token::parse(vault::TokenKind::Grant, house.agent("a").token.as_bytes());
    let printed = format!("{secret:?} {token:?} {:?} {:?}", house.store, house.store.keyring());
    Scan(&[house.credential.clone(), house.agent("a").secret()])
        .bytes("what is printed", printed.as_bytes());
}
