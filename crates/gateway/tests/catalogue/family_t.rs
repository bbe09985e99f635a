//! T: names of tools, and other ways to the same effect.

use serde_json::{Value, json};
use store::Verdict;
use testkit::{Agent, Answer, Canary, Era, House, Scan, Setup};

use crate::fixture::{self, REFUND};
use crate::table::{Logged, Row, Told, run};

const PARAMS: Told = Told::Error(400, -32602);

/// A call of that name, in JSON text, with what a refund needs.
fn named(id: &'static str, name: &str, told: Told, reason: &'static str) -> Row {
    let members = format!(r#""name":{name},"arguments":{{{REFUND}}}"#);
    Row::params(id, &members, told, Logged::One(reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_no_tools() {
    let unknown = || Told::Error(200, -32602);
    let mut rows = Vec::new();
    for name in
        ["Refund_Payment", "REFUND_PAYMENT", "refund-payment", "refund_paymen", "refund_payment2"]
    {
        rows.push(named("T01", &format!("\"{name}\""), unknown(), "unknown_tool").looks_again());
    }
    for name in [
        " refund_payment",
        "refund_payment ",
        "\\trefund_payment",
        "refund_payment\\n",
        "\u{a0}refund_payment",
        "refund_payment\u{200b}",
        "refund_payment\\u0000",
        "refund\u{ad}_payment",
        "r\u{435}fund_payment",
    ] {
        rows.push(named("T02", &format!("\"{name}\""), PARAMS, "bad_tool_name"));
    }
    let long = format!("\"{}\"", "a".repeat(129));
    for name in [
        "\"\"",
        &long,
        "1",
        "null",
        "[\"refund_payment\"]",
        "{\"name\":\"refund_payment\"}",
        "true",
    ] {
        rows.push(named("T04", name, PARAMS, "bad_tool_name"));
    }
    rows.push(Row::params(
        "T04",
        &format!(r#""arguments":{{{REFUND}}}"#),
        PARAMS,
        Logged::One("bad_tool_name"),
    ));
    for name in ["*", "report_*", "refund_payment*", "?"] {
        rows.push(named("T05", &format!("\"{name}\""), PARAMS, "bad_tool_name"));
    }
    for name in [
        "%72efund_payment",
        "refund/../list_invoices",
        "refund_payment;x",
        "refund_payment?x",
        "refund_payment#x",
        "/refund_payment",
        "refund_payment/",
        "./refund_payment",
        "refund\\\\payment",
        "../refund_payment",
        "refund_payment&x=1",
    ] {
        rows.push(named("T06", &format!("\"{name}\""), PARAMS, "bad_tool_name"));
    }
    // What the policy denies or hides although the upstream has it.
    rows.push(
        Row::call(
            "T10",
            "delete_customer",
            r#"{"customer":"{C}"}"#,
            unknown(),
            Logged::One("hidden"),
        )
        .looks_again(),
    );
    rows.push(Row::call(
        "T01",
        "export_data",
        r#"{"table":"{C}"}"#,
        Told::Denied("(default deny)"),
        Logged::One("default_deny"),
    ));
    rows.push(Row::call(
        "T01",
        "wipe_all",
        r#"{}"#,
        Told::Denied("/tools/wipe_all/deny_if/always"),
        Logged::One("deny_if"),
    ));
    run(&fixture::house().await, rows).await;
}

/// T10: a hidden tool and one that never was answer alike, to the byte, whatever is asked of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_tool_is_as_if_it_were_not() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    for era in [Era::Legacy, session, Era::Modern] {
        for arguments in ["{}", r#"{"customer":"c"}"#, r#"{"nonsense":[1,2,3]}"#] {
            let mut answers = Vec::new();
            for name in ["delete_customer", "never_customers"] {
                let body = Agent::call_text(&era, name, arguments);
                let mut request = agent.post(&era, body);
                if era == Era::Modern {
                    request = request.header("Mcp-Param-Customer", "c");
                }
                let answer = testkit::send(agent.address, request.bytes()).await;
                let raw = String::from_utf8(answer.raw).unwrap();
                let dated = raw.lines().find(|line| line.to_ascii_lowercase().starts_with("date:"));
                answers.push(raw.replace(dated.unwrap_or("\0"), "").replace(name, "NAME"));
            }
            assert_eq!(answers[0], answers[1], "{era:?} {arguments}");
        }
        let list = agent.request(&era, "tools/list", json!({})).await.text();
        assert!(!list.contains("delete_customer"), "{list}");
    }
    assert!(house.upstream.calls().is_empty());
}

async fn of_tools(tools: Value) -> House {
    House::start(Setup::new(tools, json!({"version": "1", "default": "allow"}))).await
}

fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}

/// T08, T09, R26, R35, R36: definitions that mean two things, or more than a definition may, are
/// neither listed nor callable; the others of the same list are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_that_cannot_be_trusted_are_withheld() {
    let with_schema = |name: &str, schema: Value| json!({"name": name, "inputSchema": schema});
    let annotated = |name: &str, property: Value| {
        with_schema(name, json!({"type": "object", "properties": {"a": property}}))
    };
    let string = |header: &str| json!({"type": "string", "x-mcp-header": header});
    let mut combined = json!({"type": "string"});
    for _ in 0..25 {
        combined = json!({"allOf": [combined, {"anyOf": [{}, {}]}]});
    }
    let many: Vec<Value> = (0..20_000).map(|i| json!({"minimum": i})).collect();
    let house = of_tools(json!([
        tool("fine", "one"),
        tool("twice", "first"),
        tool("twice", "second"),
        tool("countersign_admin", "reserved"),
        tool("Countersign/x", "reserved"),
        tool("has space", "not a name"),
        annotated("header_crlf", string("X\r\nEvil: 1")),
        annotated("header_empty", string("")),
        annotated("header_number", json!({"type": "number", "x-mcp-header": "A"})),
        annotated(
            "header_items",
            json!({"type": "array", "items": {"type": "string", "x-mcp-header": "A"}})
        ),
        annotated("header_ref", json!({"$ref": "#/$defs/x"})),
        with_schema(
            "header_defs",
            json!({"type": "object", "$defs": {"x": {"type": "string", "x-mcp-header": "A"}}})
        ),
        with_schema(
            "header_twice",
            json!({"type": "object", "properties": {"a": string("Same"), "b": string("sAME")}})
        ),
        with_schema("remote", json!({"$ref": "http://169.254.169.254/schema"})),
        with_schema("deep", json!({"type": "object", "properties": {"a": combined}})),
        with_schema("wide", json!({"type": "object", "properties": {"a": {"allOf": many}}})),
        with_schema("no_object", json!({"type": "string"})),
        json!({"name": "no_schema"}),
    ]))
    .await;
    let agent = house.agent("a");
    let session = agent.session().await;
    for era in [Era::Legacy, session, Era::Modern] {
        let list = agent.request(&era, "tools/list", json!({})).await.json();
        let names: Vec<&str> = list["result"]["tools"]
            .as_array()
            .unwrap_or_else(|| panic!("a list comes: {list}"))
            .iter()
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["fine", "header_ref"], "{era:?}");
        for (row, name) in [
            ("T08", "twice"),
            ("T09", "countersign_admin"),
            ("R26", "header_crlf"),
            ("R26", "header_number"),
            ("R26", "header_items"),
            ("R26", "header_twice"),
            ("R35", "remote"),
            ("R36", "deep"),
            ("R36", "wide"),
        ] {
            let answer = agent.call(&era, name, json!({})).await;
            assert_eq!(answer.json()["error"]["code"], -32602, "{row} {name} {}", answer.text());
        }
        let answer = agent.call(&era, "fine", json!({})).await;
        assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "{}", answer.text());
    }
    let called: Vec<String> = house
        .upstream
        .calls()
        .iter()
        .map(|seen| seen.message["params"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(called, ["fine"; 3]);
}

/// T12: a list that cannot be read is not passed, on any road it comes by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_cannot_be_read_is_not_passed() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let canary = Canary::new();
    for list in [
        r#""tools":[{"name":"list_invoices","inputSchema":{"type":"object"}},{"title":"{C}"}]"#,
        r#""tools":[{"name":"{C}"},"text"]"#,
        r#""tools":[{"name":7,"title":"{C}"}]"#,
        r#""tools":{"0":{"name":"{C}"}}"#,
        r#""tools":null,"x":"{C}""#,
        r#""tools":[{"name":"list_invoices","name":"{C}","inputSchema":{"type":"object"}}]"#,
        r#""tools":[],"tools":[{"name":"{C}"}]"#,
        r#""tools":[],"nextCursor":7,"x":"{C}""#,
        r#""tools":[{"name":"{C}"#,
    ] {
        let list = list.replace("{C}", canary.text());
        for stream in [false, true] {
            let planted = list.clone();
            house.upstream.script(move |seen| {
                let result = if seen.modern() { r#","resultType":"complete""# } else { "" };
                let message = format!(
                    r#"{{"jsonrpc":"2.0","id":{},"result":{{{planted}{result}}}}}"#,
                    seen.id()
                );
                (seen.method() == "tools/list" && !seen.is_probe()).then(|| match stream {
                    true => Answer::stream(&[&format!("data: {message}\n\n")]),
                    false => Answer::json(message),
                })
            });
            for era in [Era::Legacy, session.clone(), Era::Modern] {
                let line = house.last_line().await;
                let answer = agent.request(&era, "tools/list", json!({})).await;
                let code = answer.json()["error"]["code"].clone();
                assert_eq!(code, 50201, "T12 {list} {era:?} {}", answer.text());
                assert!(!canary.is_in(&answer.raw), "T12 {list} {era:?}");
                one_line_after(&house, line).await;
            }
        }
    }
    Scan(&[canary]).logs();
}

/// T13: a cursor is good for the grant and server that it was handed to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_another_grant_is_refused() {
    let house = fixture::house().await;
    house.upstream.set_page_size(3);
    let (a, b) = (house.agent("a"), house.agent("b"));
    for era in [Era::Legacy, Era::Modern] {
        let first = a.request(&era, "tools/list", json!({})).await.json();
        let cursor = first["result"]["nextCursor"].as_str().expect("there is more").to_owned();
        assert_ne!(cursor, "3", "the upstream's cursor is wrapped");
        let mut flipped = cursor.clone().into_bytes();
        let middle = flipped.len() / 2;
        flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(flipped).unwrap();
        for (who, cursor) in
            [(&b, cursor.as_str()), (&a, "3"), (&a, ""), (&a, &forged), (&a, &cursor[1..])]
        {
            let (mark, line) = (house.upstream.mark(), house.last_line().await);
            let answer = who.request(&era, "tools/list", json!({"cursor": cursor})).await;
            assert_eq!(answer.status, 400, "T13 {cursor}");
            assert_eq!(answer.json()["error"]["code"], -32602, "T13 {cursor}");
            assert_eq!(house.upstream.mark(), mark, "T13 {cursor}");
            let lines = house.lines_after(line).await;
            assert_eq!(lines.len(), 1, "T13 {cursor}");
            assert_eq!(lines[0].intent.reason, "cursor", "T13 {cursor}");
        }
        for cursor in [json!(3), json!(null), json!({}), json!("x".repeat(9_000))] {
            let answer = a.request(&era, "tools/list", json!({"cursor": cursor})).await;
            assert_eq!(answer.json()["error"]["code"], -32602, "T13 {cursor} {}", answer.text());
        }
        let next = a.request(&era, "tools/list", json!({"cursor": cursor})).await.json();
        assert!(next["result"]["tools"].is_array(), "T13 {next}");
    }
}

/// T14: other methods lead nowhere the policy does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_method_has_the_same_effect() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let secret = "file:///secret/b";
    let cases = [
        ("resources/read", json!({"uri": secret}), None, "hidden"),
        ("resources/read", json!({"uri": "file:///other"}), Some(40301), "deny"),
        ("resources/read", json!({"uri": "FILE:///public/a"}), Some(-32602), "bad_target"),
        (
            "resources/read",
            json!({"uri": "file:///public/../secret/b"}),
            Some(-32602),
            "bad_target",
        ),
        (
            "resources/read",
            json!({"uri": "file:///public/%2e%2e/secret/b"}),
            Some(-32602),
            "bad_target",
        ),
        (
            "resources/read",
            json!({"uri": "file:///public/..%2fsecret/b"}),
            Some(-32602),
            "bad_target",
        ),
        ("resources/read", json!({"uri": "file:///%73ecret/b"}), Some(-32602), "bad_target"),
        ("prompts/get", json!({"name": "hidden_prompt"}), Some(-32602), "hidden"),
        ("prompts/get", json!({"name": "other"}), Some(40301), "deny"),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "hidden_prompt"}, "argument": {"name": "a", "value": "b"}}),
            Some(-32602),
            "hidden",
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": "file:///other"}, "argument": {"name": "a", "value": "b"}}),
            Some(40301),
            "deny",
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/tool", "name": "wipe_all"}, "argument": {"name": "a", "value": "b"}}),
            Some(-32602),
            "bad_ref",
        ),
        ("tools/run", json!({"name": "wipe_all"}), Some(-32601), "unknown_method"),
        ("tools/invoke", json!({"name": "wipe_all"}), Some(-32601), "unknown_method"),
        ("skills/run", json!({"name": "wipe_all"}), Some(-32601), "unknown_method"),
        ("x-vendor/call", json!({"name": "wipe_all"}), Some(-32601), "unknown_method"),
        ("rpc.discover", json!({}), Some(-32601), "unknown_method"),
        ("sampling/createMessage", json!({}), Some(-32601), "unknown_method"),
        ("elicitation/create", json!({}), Some(-32601), "unknown_method"),
        ("roots/list", json!({}), Some(-32601), "unknown_method"),
    ];
    for era in [Era::Legacy, session, Era::Modern] {
        for (method, params, code, reason) in &cases {
            let (mark, line) = (house.upstream.mark(), house.last_line().await);
            let answer = agent.request(&era, method, params.clone()).await;
            let hidden = if era == Era::Modern { -32602 } else { -32002 };
            let told = answer.json()["error"]["code"].clone();
            assert_eq!(told, code.unwrap_or(hidden), "T14 {method} {era:?} {}", answer.text());
            assert_eq!(house.upstream.mark(), mark, "T14 {method} {era:?}");
            let lines = house.lines_after(line).await;
            assert_eq!(lines.len(), 1, "T14 {method} {era:?}");
            assert_eq!(lines[0].intent.reason, *reason, "T14 {method} {era:?}");
            assert_eq!(lines[0].intent.verdict, Verdict::Denied, "T14 {method} {era:?}");
        }
        let listed = agent.request(&era, "resources/list", json!({})).await.text();
        assert!(listed.contains("file:///public/a") && !listed.contains(secret), "{listed}");
        let listed = agent.request(&era, "prompts/list", json!({})).await.text();
        assert!(listed.contains("greet") && !listed.contains("hidden_prompt"), "{listed}");
        let read = agent.request(&era, "resources/read", json!({"uri": "file:///public/a"})).await;
        assert_eq!(read.json()["result"]["contents"][0]["text"], "text", "{}", read.text());
    }
}

/// Waits for the one line after an index; it may be written just after the answer.
async fn one_line_after(house: &House, line: i64) {
    for _ in 0..200 {
        match house.lines_after(line).await.len() {
            0 => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            count => return assert_eq!(count, 1),
        }
    }
    panic!("no line is written");
}

/// T08, X11: a list that passes by is looked through like one that was asked for: what has become
/// ambiguous is not shown from that moment, and is not callable soon after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_becomes_ambiguous_is_withheld_at_once() {
    let house = of_tools(json!([tool("fine", "one"), tool("pay", "first")])).await;
    let agent = house.agent("a");
    house.upstream.set_tools(json!([
        tool("fine", "one"),
        tool("pay", "first"),
        tool("pay", "second")
    ]));
    for era in [Era::Legacy, Era::Modern] {
        let list = agent.request(&era, "tools/list", json!({})).await.json();
        let tools = list["result"]["tools"].as_array().unwrap().clone();
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["fine"], "T08 {list}");
    }
    let until = std::time::Instant::now() + std::time::Duration::from_secs(8);
    loop {
        let answer = agent.call(&Era::Legacy, "pay", json!({})).await.json();
        if answer["error"]["code"] == -32602 {
            break;
        }
        assert!(std::time::Instant::now() < until, "T08 {answer}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// T10: instructions that name what a grant may not see are not for that grant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instructions_do_not_tell_of_hidden_tools() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    for (instructions, told) in [
        ("Use list_invoices first.", true),
        ("First\ndelete_customer, then rest.", false),
        ("Call payments.delete_customer!", false),
        ("never delete_customers", true),
    ] {
        house.upstream.script(move |seen| {
            let mut result = match seen.method() {
                "initialize" => json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}),
                "server/discover" => json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}),
                _ => return None,
            };
            result["instructions"] = json!(instructions);
            Some(Answer::result(seen, result))
        });
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
        for (era, method, params) in
            [(Era::Legacy, "initialize", hello), (Era::Modern, "server/discover", json!({}))]
        {
            let answer = agent.request(&era, method, params).await.json();
            let shown = answer["result"]["instructions"].as_str();
            assert_eq!(shown, told.then_some(instructions), "T10 {answer}");
        }
    }
}
