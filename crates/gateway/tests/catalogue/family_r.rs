//! R: JSON-RPC and MCP.

use std::time::Duration;

use serde_json::{Value, json};
use store::GrantState;
use testkit::{Agent, Answer, Canary, Era, GrantIn, MODERN, Scan, send};

use crate::fixture::{self, REFUND};
use crate::table::{Logged, Row, Told, fill, run};

const ENVELOPE: Told = Told::Error(400, -32600);
const PARAMS: Told = Told::Error(400, -32602);
const HEADER: Told = Told::Error(400, -32020);

/// A call of `refund_payment` with that in place of the envelope's members before `params`.
fn enveloped(id: &'static str, members: &str, told: Told, reason: &'static str) -> Row {
    let body = format!(
        r#"{{{members},"params":{{"name":"refund_payment","arguments":{{{REFUND}}}{{META}}}}}}"#
    );
    Row::body(id, body, told, Logged::One(reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envelopes() {
    let mut rows = Vec::new();
    for version in [r#""1.0""#, "2.0", r#""2.0 ""#, "null", r#""""#, "2"] {
        let members = format!(r#""jsonrpc":{version},"id":1,"method":"tools/call""#);
        rows.push(enveloped("R02", &members, ENVELOPE, "bad_jsonrpc"));
    }
    rows.push(enveloped("R02", r#""id":1,"method":"tools/call""#, ENVELOPE, "bad_jsonrpc"));
    rows.push(enveloped("R03", r#""jsonrpc":"2.0","method":"tools/call""#, ENVELOPE, "missing_id"));
    let long = format!("\"{{C}}{}\"", "i".repeat(300));
    for id in ["null", "1.5", "1.0", "true", "{}", "[]", "1e3", &long] {
        let members = format!(r#""jsonrpc":"2.0","id":{id},"method":"tools/call""#);
        rows.push(enveloped("R04", &members, ENVELOPE, "bad_id"));
    }
    let members = r#""jsonrpc":"2.0","id":100000000000000000000,"method":"tools/call""#;
    rows.push(enveloped("R04", members, ENVELOPE, "number_not_exact"));
    for method in
        ["Tools/Call", "tools//call", "TOOLS/CALL", "tools.call", "tools\\\\call", "call", "x"]
    {
        let members = format!(r#""jsonrpc":"2.0","id":1,"method":"{method}""#);
        rows.push(enveloped("R06", &members, Told::ErrorByEra(200, 404, -32601), "unknown_method"));
    }
    for method in [
        "tools/call ",
        " tools/call",
        "tools/call\\u0000",
        "tools/call\\n",
        "",
        "tools/c\u{430}ll",
        "tools/call\u{200b}",
    ] {
        let members = format!(r#""jsonrpc":"2.0","id":1,"method":"{method}""#);
        let told = Told::Error(200, -32601);
        rows.push(enveloped("R06", &members, told, "unknown_method").legacy());
    }
    for method in ["5", "null", "[\"tools/call\"]", "{}", "true"] {
        let members = format!(r#""jsonrpc":"2.0","id":1,"method":{method}"#);
        rows.push(enveloped("R07", &members, ENVELOPE, "bad_method"));
    }
    for more in [
        r#""result":{}"#,
        r#""error":{"code":1,"message":"x"}"#,
        r#""result":{},"error":{"code":1,"message":"x"}"#,
    ] {
        let members = format!(r#""jsonrpc":"2.0","id":1,"method":"tools/call",{more}"#);
        rows.push(enveloped("R08", &members, ENVELOPE, "mixed_message"));
    }
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"x":"{C}"}}"#,
        r#"{"jsonrpc":"2.0","id":"countersign","error":{"code":1,"message":"{C}"}}"#,
    ] {
        let row = |reason| Row::body("R08", body, ENVELOPE, Logged::One(reason));
        rows.push(row("unasked_response").legacy());
        rows.push(row("unexpected_response").modern());
    }
    for more in [r#""extra":"{C}""#, r#""Params":{}"#, r#""meta":{}"#, r#""token":"{C}""#] {
        let members = format!(r#""jsonrpc":"2.0","id":1,"method":"tools/call",{more}"#);
        let reason = if more.contains("Params") { "key_collision" } else { "unknown_member" };
        rows.push(enveloped("R12", &members, ENVELOPE, reason));
    }
    // Batches are refused in every revision, whatever is in them.
    for batch in [
        "[{CALL}]",
        "[{CALL},{CALL}]",
        "[]",
        "[1]",
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{CALL}]"#,
    ] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"refund_payment","arguments":{{{REFUND}}}{{META}}}}}}"#
        );
        rows.push(Row::body("R08", batch.replace("{CALL}", &call), ENVELOPE, Logged::One("batch")));
        let old = batch.replace("{CALL}", &call);
        let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
            let request = agent.post(era, fill(old.as_bytes(), era, canary));
            request.set("MCP-Protocol-Version", "2025-03-26").bytes()
        };
        rows.push(
            Row::new("R08", "a batch in 2025-03-26", bytes, ENVELOPE, Logged::One("batch")).once(),
        );
    }
    run(&fixture::house().await, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn params() {
    let mut rows = Vec::new();
    for arguments in ["null", "[]", "\"{C}\"", "1", "true", r#"[{"amount":1}]"#] {
        let members = format!(r#""name":"refund_payment","arguments":{arguments}"#);
        rows.push(Row::params("R10", &members, PARAMS, Logged::One("bad_arguments")));
    }
    for more in [
        r#""approved":true"#,
        r#""arguments2":{}"#,
        r#""tool":"x""#,
        r#""{C}":1"#,
        r#""grant":"b""#,
    ] {
        let members = format!(r#""name":"refund_payment","arguments":{{{REFUND}}},{more}"#);
        rows.push(Row::params("R12", &members, PARAMS, Logged::One("unknown_member")));
    }
    for more in [r#""requestState":"x""#, r#""inputResponses":{}"#] {
        let members = format!(r#""name":"refund_payment","arguments":{{{REFUND}}},{more}"#);
        rows.push(Row::params("R12", &members, PARAMS, Logged::One("unknown_member")).legacy());
    }
    rows.push(Row::body("R10", r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["refund_payment",{"payment":"{C}"}]}"#, PARAMS, Logged::One("bad_params")).legacy());
    rows.push(
        Row::body(
            "R10",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
            PARAMS,
            Logged::One("bad_params"),
        )
        .legacy(),
    );
    let long = format!("\"{{C}}{}\"", "t".repeat(10_000));
    for token in [long.as_str(), "{}", "null", "1.5", "true", "[1]"] {
        let legacy = format!(r#""name":"anything","_meta":{{"progressToken":{token}}}"#);
        rows.push(Row::params("R16", &legacy, PARAMS, Logged::One("bad_progress_token")).legacy());
        let modern = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"anything","_meta":{{"progressToken":{token},"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        );
        rows.push(Row::body("R16", modern, PARAMS, Logged::One("bad_progress_token")).modern());
    }
    for meta in ["null", "[]", "\"x\""] {
        let members = format!(r#""name":"anything","_meta":{meta}"#);
        rows.push(Row::params("R12", &members, PARAMS, Logged::One("bad_meta")).legacy());
    }
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
    for meta in [
        String::new(),
        format!(r#","_meta":{{{version}}}"#),
        format!(r#","_meta":{{{capabilities}}}"#),
        format!(
            r#","_meta":{{"io.modelcontextprotocol/protocolVersion":20260728,{capabilities}}}"#
        ),
        format!(r#","_meta":{{{version},"io.modelcontextprotocol/clientCapabilities":"all"}}"#),
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"refund_payment","arguments":{{{REFUND}}}{meta}}}}}"#
        );
        rows.push(Row::body("R14", body, PARAMS, Logged::One("missing_meta")).modern());
    }
    for method in ["tasks/get", "tasks/update", "tasks/cancel", "tasks/list", "tasks/result"] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"taskId":"{{C}}"{{META}}}}}}"#
        );
        let told = Told::ErrorByEra(200, 404, -32601);
        rows.push(Row::body("R31", body, told, Logged::One("unknown_method")));
    }
    run(&fixture::house().await, rows).await;
}

/// A modern call of a tool with one header edited.
fn headed(
    id: &'static str,
    call: (&str, &str),
    edit: impl Fn(testkit::Request) -> testkit::Request + Send + Sync + 'static,
    told: Told,
    reason: &'static str,
) -> Row {
    let (tool, arguments) = (call.0.to_owned(), call.1.to_owned());
    let what = format!("{tool} {arguments}");
    let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
        let body = Agent::call_text(era, &tool, &arguments);
        edit(agent.post(era, fill(body.as_bytes(), era, canary))).bytes()
    };
    Row::new(id, what, bytes, told, Logged::One(reason)).modern()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_repeat_the_body() {
    let refund = format!("{{{REFUND}}}");
    let refund = ("refund_payment", refund.as_str());
    let mut rows = vec![
        headed("R18", refund, |r| r.without("Mcp-Method"), HEADER, "header_missing"),
        headed("R19", refund, |r| r.without("Mcp-Name"), HEADER, "header_missing"),
        headed("R24", refund, |r| r.without("MCP-Protocol-Version"), HEADER, "header_missing"),
    ];
    for method in [
        "tools/list",
        "Tools/Call",
        "tools/calls",
        "",
        "tools/call, tools/list",
        "=?base64?dG9vbHMvY2FsbA==?=",
    ] {
        rows.push(headed(
            "R18",
            refund,
            move |r| r.set("Mcp-Method", method),
            HEADER,
            "header_mismatch",
        ));
    }
    for name in [
        "list_invoices",
        "Refund_Payment",
        "",
        "refund_payment, list_invoices",
        "=?base64?bGlzdF9pbnZvaWNlcw==?=",
        "=?base64?!!!?=",
        "=?base64?cmVmdW5kX3BheW1lbnQ?=",
        "=?BASE64?cmVmdW5kX3BheW1lbnQ=?=",
        "=?base64?PT9iYXNlNjQ/Y21WbWRXNWtYM0JoZVcxbGJuUT0/PQ==?=",
        "=?base64?//79?=",
        "\"refund_payment\"",
        "refund%5Fpayment",
    ] {
        rows.push(headed(
            if name.starts_with('=') { "R20" } else { "R19" },
            refund,
            move |r| r.set("Mcp-Name", name),
            HEADER,
            "header_mismatch",
        ));
    }
    rows.push(headed(
        "R20",
        refund,
        |r| r.set("Mcp-Name", b"refund_payment\xff"),
        HEADER,
        "bad_header",
    ));

    let charge = ("charge_card", r#"{"amount":50,"region":"eu"}"#);
    let right =
        |r: testkit::Request| r.header("Mcp-Param-Amount", "50").header("Mcp-Param-Region", "eu");
    for amount in ["1", "50.5", "0x32", "", "fifty", "5 0", "=?base64?MQ==?=", "NaN"] {
        rows.push(headed(
            "R22",
            charge,
            move |r| right(r).set("Mcp-Param-Amount", amount),
            HEADER,
            "header_mismatch",
        ));
    }
    for region in ["us", "EU", "", "\"eu\"", "=?base64?dXM=?="] {
        rows.push(headed(
            "R22",
            charge,
            move |r| right(r).set("Mcp-Param-Region", region),
            HEADER,
            "header_mismatch",
        ));
    }
    for name in ["Mcp-Param-Amount", "Mcp-Param-Region"] {
        rows.push(headed("R22", charge, move |r| right(r).without(name), HEADER, "header_missing"));
        rows.push(headed(
            "R22",
            charge,
            move |r| right(r).header(name, "50"),
            HEADER,
            "duplicate_header",
        ));
    }
    rows.push(headed("R22", ("charge_card", r#"{"amount":50}"#), right, HEADER, "header_mismatch"));
    rows.push(headed(
        "R23",
        charge,
        move |r| right(r).header("Mcp-Param-Other", "{C}"),
        HEADER,
        "header_unknown",
    ));
    rows.push(headed(
        "R23",
        refund,
        |r| r.header("mcp-param-amount", "10"),
        HEADER,
        "header_unknown",
    ));

    for version in ["2025-11-25", "2026-07-29", "1900-01-01", "", "2026-07-28, 2025-11-25"] {
        rows.push(headed(
            "R24",
            refund,
            move |r| r.set("MCP-Protocol-Version", version),
            HEADER,
            "header_mismatch",
        ));
    }
    let twice = |r: testkit::Request| r.header("MCP-Protocol-Version", "2025-11-25");
    rows.push(headed("R24", refund, twice, Told::Error(400, -32600), "bad_request"));
    for version in ["1900-01-01", "2099-01-01", "latest", "2026-07-29"] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"refund_payment","arguments":{{{REFUND}}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        );
        let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
            let request = agent.post(era, fill(body.as_bytes(), era, canary));
            request.set("MCP-Protocol-Version", version).bytes()
        };
        rows.push(
            Row::new(
                "R24",
                version,
                bytes,
                Told::Error(400, -32022),
                Logged::One("unsupported_version"),
            )
            .modern(),
        );
    }
    for version in ["1900-01-01", "2024-11-05", "latest", "2025-11-25x"] {
        let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
            let body = Agent::call_text(era, "refund_payment", &format!("{{{REFUND}}}"));
            let request = agent.post(era, fill(body.as_bytes(), era, canary));
            request.set("MCP-Protocol-Version", version).bytes()
        };
        rows.push(
            Row::new(
                "R24",
                version,
                bytes,
                Told::Error(400, -32022),
                Logged::One("unsupported_version"),
            )
            .legacy(),
        );
    }
    run(&fixture::house().await, rows).await;
}

/// R11, R15, R16, R23: what is let through, and what an upstream sees of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upstream_sees_is_made_anew() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    let session = a.session().await;
    for era in [Era::Legacy, session, Era::Modern] {
        // R11: missing stays missing, empty stays empty, and both are judged alike.
        for (members, forwarded) in [
            (r#""name":"anything""#, r#""params":{"name":"anything"}"#),
            (
                r#""name":"anything","arguments":{}"#,
                r#""params":{"name":"anything","arguments":{}}"#,
            ),
        ] {
            let mark = house.upstream.mark();
            let answer = a.ask(&era, Agent::params_text(&era, members)).await;
            assert_eq!(
                answer.json()["result"]["content"][0]["text"],
                "done",
                "R11 {}",
                answer.text()
            );
            let body = String::from_utf8(house.upstream.seen_since(mark)[0].body.clone()).unwrap();
            let start = forwarded.trim_end_matches('}');
            assert!(body.contains(start), "R11 {body}");
        }
        let rule = "/tools/refund_payment/deny_if/args.currency-neq";
        for members in [r#""name":"refund_payment""#, r#""name":"refund_payment","arguments":{}"#] {
            let answer = a.ask(&era, Agent::params_text(&era, members)).await.json();
            assert_eq!(answer["result"]["_meta"]["dev.countersign/decision"]["rule"], rule, "R11");
        }
        // R15: what a client says of itself changes nothing.
        let admin = json!({"name": "wipe_all", "arguments": {}, "_meta": {
            "io.modelcontextprotocol/clientInfo": {"name": "countersign-admin", "version": "1"}}});
        let answer = a.request(&era, "tools/call", admin).await;
        assert_eq!(answer.json()["result"]["isError"], true, "R15 {}", answer.text());
    }

    // R16: two grants with one progress token are told apart at the upstream, and each gets its own
    // token back.
    house.upstream.on_call(|seen| {
        let token = &seen.message["params"]["_meta"]["progressToken"];
        let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": token, "progress": 1}});
        let foreign = json!({"jsonrpc": "2.0", "method": "notifications/progress",
            "params": {"progressToken": "same", "progress": 2}});
        let answer = seen.answer_to(seen.complete(json!({"content": []})));
        Answer::stream(&[
            &format!("data: {progress}\n\n"),
            &format!("data: {foreign}\n\n"),
            &format!("data: {answer}\n\n"),
        ])
    });
    for era in [Era::Legacy, Era::Modern] {
        let mut seen_tokens = Vec::new();
        for (agent, token) in [(&a, json!("same")), (&b, json!("same")), (&a, json!(7))] {
            let mark = house.upstream.mark();
            let params = json!({"name": "anything", "_meta": {"progressToken": token}});
            let answer = agent.request(&era, "tools/call", params).await;
            seen_tokens.push(
                house.upstream.seen_since(mark)[0].message["params"]["_meta"]["progressToken"]
                    .clone(),
            );
            let text = answer.text();
            let progress: Vec<Value> = text
                .lines()
                .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
                .collect();
            assert_eq!(progress.len(), 2, "R16 {text}");
            assert_eq!(progress[0]["params"]["progressToken"], token, "R16 {text}");
            assert_eq!(progress[0]["params"]["progress"], 1, "R16 {text}");
        }
        assert!(
            seen_tokens[0] != seen_tokens[1] && seen_tokens.iter().all(|t| *t != json!("same")),
            "R16 {seen_tokens:?}"
        );
    }
    house.upstream.by_default();

    // R23: the upstream's headers come from the body, not from the agent's.
    let mark = house.upstream.mark();
    let body = Agent::call_text(&Era::Modern, "charge_card", r#"{"amount":50,"region":"\u00e9"}"#);
    let request = a
        .post(&Era::Modern, body)
        .header("mcp-param-AMOUNT", "  50.0\t")
        .header("Mcp-Param-Region", "=?base64?w6k=?=");
    let answer = send(a.address, request.bytes()).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "R23 {}", answer.text());
    let seen = house.upstream.seen_since(mark).remove(0);
    assert_eq!(seen.header("mcp-param-amount"), Some("50"));
    assert_eq!(seen.header("mcp-param-region"), Some("=?base64?w6k=?="));
    assert_eq!(seen.header("mcp-name"), Some("charge_card"));
    assert_eq!(seen.header("mcp-method"), Some("tools/call"));
    assert_eq!(seen.header("mcp-protocol-version"), Some(MODERN));
}

/// R27, R28: sessions and event ids are good for the grant they were given to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_another_grant_is_as_if_it_were_not() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    let Era::Session(of_a) = a.session().await else { panic!("a session") };
    let mut flipped = of_a.clone().into_bytes();
    let last = flipped.len() - 5;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let mut answers = Vec::new();
    for session in [of_a.as_str(), "never-was", flipped.as_str(), "upstream-session-0", ""] {
        let era = Era::Session(session.to_owned());
        let body = Agent::call_text(&era, "anything", "{}");
        for request in [b.post(&era, body), b.get(session), b.delete(session)] {
            let (mark, line) = (house.upstream.mark(), house.last_line().await);
            let answer = send(b.address, request.bytes()).await;
            assert_eq!(answer.status, 404, "R27 {} {session}: {}", request.line, answer.text());
            answers.push((request.line.clone(), answer.text()));
            assert_eq!(house.upstream.mark(), mark, "R27 {} {session}", request.line);
            let lines = house.lines_after(line).await;
            assert_eq!(lines.len(), 1, "R27 {} {session}", request.line);
            assert_eq!(lines[0].intent.reason, "no_session", "R27 {}", request.line);
        }
    }
    for (line, text) in &answers {
        let (_, first) = answers.iter().find(|(other, _)| other == line).unwrap();
        assert_eq!(text, first, "R27 {line}");
    }
    // It still is the session of its own grant.
    let answer = a.call(&Era::Session(of_a), "anything", json!({})).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "{}", answer.text());
}

/// R28: an event id of another stream opens nothing: the upstream is never asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_id_of_another_stream_replays_nothing() {
    let house = fixture::house().await;
    house.upstream.script(|seen| {
        let message = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
        (seen.verb == "GET").then(|| Answer::open_stream(&[&format!("id: upstream-event-1\ndata: {message}\n\n")]))
    });
    let (a, b) = (house.agent("a"), house.agent("b"));
    let Era::Session(of_a) = a.session().await else { panic!("a session") };
    let Era::Session(of_b) = b.session().await else { panic!("a session") };
    let (head, open) = a.open(&a.get(&of_a)).await;
    assert_eq!(head.status, 200);
    let event = open.events().next_raw(Duration::from_secs(5)).await.expect("an event comes");
    let id =
        event.lines().find_map(|line| line.strip_prefix("id: ")).expect("it has an id").to_owned();
    assert!(!event.contains("upstream-event-1"), "the id is wrapped: {event}");

    for (agent, session, last, opens) in [
        (&b, &of_b, id.as_str(), false),
        (&a, &of_a, "upstream-event-1", false),
        (&a, &of_a, &id, true),
    ] {
        let mark = house.upstream.mark();
        let (head, mut open) = agent.open(&agent.get(session).header("Last-Event-ID", last)).await;
        assert_eq!(head.status, 200, "R28");
        house.upstream.wait_for(mark + 1).await;
        let seen = house.upstream.seen_since(mark);
        let shown = seen.iter().find_map(|seen| seen.header("last-event-id").map(str::to_owned));
        assert_eq!(shown.as_deref(), opens.then_some("upstream-event-1"), "R28 {last}");
        assert!(!open.closes_within(Duration::from_millis(20)).await);
    }
}

/// R32: a stream does not outlive its grant, and one grant cannot open ever more of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_grant() {
    let house = fixture::house().await;
    house.upstream.script(|seen| {
        (seen.method() == "subscriptions/listen").then(|| {
            let acknowledged = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
                "params": {"notifications": {"toolsListChanged": true}, "_meta": {"io.modelcontextprotocol/subscriptionId": seen.id()}}});
            Answer::open_stream(&[&format!("data: {acknowledged}\n\n")])
        })
    });
    let agent = house.issue(GrantIn::new("listener")).await;
    let listen = Agent::message(
        &Era::Modern,
        "subscriptions/listen",
        json!({"notifications": {"toolsListChanged": true}}),
    );
    let request = agent.post(&Era::Modern, &listen);
    let mut streams = Vec::new();
    loop {
        let (head, open) = agent.open(&request).await;
        if head.status != 200 {
            assert_eq!(head.status, 429, "R32");
            break;
        }
        streams.push(open.events());
        assert!(streams.len() <= 1_000, "R32: there is a limit");
    }
    let Era::Session(session) = agent.session().await else { panic!("a session") };
    let (head, _) = agent.open(&agent.get(&session)).await;
    assert_eq!(head.status, 429, "R32: streams of either era count together");
    let other = house.agent("a");
    assert_eq!(
        other.open(&other.post(&Era::Modern, &listen)).await.0.status,
        200,
        "R32: others are not concerned"
    );

    house.set_state("listener", GrantState::Revoked).await;
    let until = std::time::Instant::now() + Duration::from_secs(5);
    for stream in &mut streams {
        let left = until.saturating_duration_since(std::time::Instant::now());
        assert!(stream.ends_within(left).await, "R32: the stream ends within five seconds");
    }
    assert_eq!(agent.ask(&Era::Modern, &listen).await.status, 401, "R32");
}

/// R34: in the modern era an upstream asks nothing on the stream of an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_a_modern_upstream_ends_the_stream() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let canary = Canary::new();
    for method in
        ["elicitation/create", "sampling/createMessage", "roots/list", "ping", "tools/call"]
    {
        let planted = canary.clone();
        house.upstream.on_call(move |seen| {
            let question = json!({"jsonrpc": "2.0", "id": 99, "method": method, "params": {"message": planted.text()}});
            let answer = seen.answer_to(seen.complete(json!({"content": []})));
            Answer::stream(&[&format!("data: {question}\n\n"), &format!("data: {answer}\n\n")])
        });
        let line = house.last_line().await;
        let answer = agent.call(&Era::Modern, "anything", json!({})).await;
        assert_eq!(answer.json()["error"]["code"], 50201, "R34 {method} {}", answer.text());
        assert!(!canary.is_in(&answer.raw), "R34 {method} {}", answer.text());
        let lines = house.ended_after(line).await;
        assert_eq!(lines[0].outcome.as_ref().unwrap().detail, "request_in_modern", "R34 {method}");
    }
    Scan(&[canary]).logs();
}
