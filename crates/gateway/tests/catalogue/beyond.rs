//! What stands in no catalogue: combinations, crossings between grants, and plain load.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store::{OutcomeClass, Verdict};
use testkit::{Agent, Answer, Canary, Era, GrantIn, House, Open, Request, Response, Setup, send};

use crate::fixture;

fn done(answer: &Response) -> bool {
    answer.json()["result"]["content"][0]["text"] == "done"
}

/// Blanks around a header's value say nothing; blanks inside a name or before a colon are no HTTP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blanks_in_headers() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let body = Agent::call_text(&Era::Modern, "anything", "{}");
    let right = || agent.post(&Era::Modern, &body);
    for (name, value, passes) in [
        ("Mcp-Name", "  anything", true),
        ("Mcp-Name", "anything\t ", true),
        ("mCP-nAME", "anything", true),
        ("Mcp-Method", "\ttools/call ", true),
        ("MCP-PROTOCOL-VERSION", " 2026-07-28", true),
        ("Mcp-Name", "any thing", false),
        ("Mcp-Name", "anything\u{a0}", false),
        ("Content-Type", " application/json ;charset=UTF-8 ", true),
        ("Content-Type", "APPLICATION/JSON", true),
        ("Accept", "", true),
    ] {
        let mark = house.upstream.calls().len();
        let answer = send(agent.address, right().set(name, value).bytes()).await;
        assert_eq!(done(&answer), passes, "{name}: {value:?} {} {}", answer.status, answer.text());
        assert_eq!(house.upstream.calls().len() - mark, usize::from(passes), "{name}: {value:?}");
    }
    for line in [
        "Mcp-Name : anything",
        " Mcp-Name: anything",
        "X: 1\r\n Mcp-Name: wipe_all",
        "X\0: 1",
        "X: a\rb",
        "X: a\0b",
        "Mcp Name: x",
        ": x",
        "X",
    ] {
        let mark = house.upstream.calls().len();
        let mut bytes = right().bytes();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        bytes.splice(end..end, format!("\r\n{line}").into_bytes());
        let answer = send(agent.address, bytes).await;
        assert!(answer.status == 400 || answer.status == 0, "{line:?} {}", answer.status);
        assert_eq!(house.upstream.calls().len(), mark, "{line:?}");
    }
}

/// In the legacy era the modern headers mean nothing: the body decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modern_headers_in_a_legacy_request_say_nothing() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    for era in [Era::Legacy, session] {
        let denied = agent.post(&era, Agent::call_text(&era, "wipe_all", "{}"));
        let denied = denied
            .header("Mcp-Name", "anything")
            .header("Mcp-Method", "tools/list")
            .header("Mcp-Param-X", "1");
        let answer = send(agent.address, denied.bytes()).await;
        assert_eq!(answer.json()["result"]["isError"], true, "{}", answer.text());
        let mark = house.upstream.mark();
        let allowed = agent.post(&era, Agent::call_text(&era, "anything", "{}"));
        let allowed = allowed.header("Mcp-Name", "wipe_all").header("Mcp-Param-Amount", "1");
        assert!(done(&send(agent.address, allowed.bytes()).await));
        let seen = house.upstream.seen_since(mark).remove(0);
        assert!(
            seen.headers.iter().all(|(name, _)| !name.starts_with("mcp-name")
                && !name.starts_with("mcp-param")
                && name != "mcp-method"),
            "{:?}",
            seen.headers
        );
    }
}

/// Which era a request is of is said once: mixtures are refused, and never judged twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_of_one_era() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let Era::Session(session) = agent.session().await else { panic!("a session") };
    let modern = Agent::call_text(&Era::Modern, "wipe_all", "{}");
    let legacy = Agent::call_text(&Era::Legacy, "wipe_all", "{}");
    let cases: Vec<(&str, Request)> = vec![
        ("modern body, legacy header", agent.post(&Era::Legacy, &modern)),
        (
            "modern body, no header",
            agent.post(&Era::Legacy, &modern).without("MCP-Protocol-Version"),
        ),
        ("legacy body, modern header", agent.post(&Era::Modern, &legacy)),
        (
            "session of another version",
            agent
                .post(&Era::Session(session.clone()), &legacy)
                .set("MCP-Protocol-Version", "2025-03-26"),
        ),
        (
            "modern request in a session",
            agent.post(&Era::Modern, &modern).header("Mcp-Session-Id", &session),
        ),
        (
            "initialize with modern meta",
            agent
                .post(&Era::Modern, modern.replace("tools/call", "initialize"))
                .set("Mcp-Method", "initialize"),
        ),
    ];
    for (what, request) in cases {
        let mark = house.upstream.mark();
        let answer = send(agent.address, request.bytes()).await;
        let refused = answer.status >= 400 || answer.json()["result"]["isError"] == true;
        assert!(refused, "{what}: {} {}", answer.status, answer.text());
        assert_eq!(house.upstream.mark(), mark, "{what}");
    }
}

/// The state of a chain is good for its grant, its call and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_of_a_chain_is_good_once_where_it_belongs() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    house.upstream.on_call(|seen| {
        let params = &seen.message["params"];
        if params["requestState"] == "upstream-state" {
            return Answer::text(seen, "done");
        }
        Answer::result(seen, json!({"resultType": "input_required", "requestState": "upstream-state",
            "inputRequests": {"k": {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}}}}}))
    });
    let arguments = json!({"payment": "p", "amount": 10, "currency": "usd", "reason": "damaged"});
    let open = async || {
        let answer = a.call(&Era::Modern, "refund_payment", arguments.clone()).await;
        let state = answer.json()["result"]["requestState"].as_str().expect("a state").to_owned();
        assert!(!state.contains("upstream-state"), "the state is wrapped");
        state
    };
    let leg = |tool: &str, arguments: &Value, state: &str| json!({"name": tool, "arguments": arguments, "requestState": state, "inputResponses": {"k": {"action": "accept", "content": {}}}});
    let mut changed = arguments.clone();
    changed["amount"] = json!(99);
    let mut spelled = arguments.clone();
    spelled["amount"] = serde_json::from_str("10.0").unwrap();
    let state = open().await;
    let mut flipped = state.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for (what, agent, params) in [
        ("another grant", &b, leg("refund_payment", &arguments, &state)),
        ("another tool", &a, leg("list_invoices", &json!({}), &state)),
        ("changed arguments", &a, leg("refund_payment", &changed, &state)),
        ("another spelling of a number", &a, leg("refund_payment", &spelled, &state)),
        ("a forged state", &a, leg("refund_payment", &arguments, &flipped)),
        ("the upstream's own", &a, leg("refund_payment", &arguments, "upstream-state")),
        ("nothing", &a, leg("refund_payment", &arguments, "")),
    ] {
        let (mark, line) = (house.upstream.mark(), house.last_line().await);
        let answer = agent.request(&Era::Modern, "tools/call", params).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!(-32602)),
            "{what} {}",
            answer.text()
        );
        assert_eq!(house.upstream.mark(), mark, "{what}");
        let lines = house.lines_after(line).await;
        assert_eq!((lines.len(), lines[0].intent.reason), (1, "request_state"), "{what}");
    }
    // None of that has used it up.
    let answer =
        a.request(&Era::Modern, "tools/call", leg("refund_payment", &arguments, &state)).await;
    assert!(done(&answer), "{}", answer.text());
    let lines = house.ended_after(0).await;
    let of_chain = lines
        .iter()
        .filter(|line| line.outcome.as_ref().is_some_and(|o| o.class == OutcomeClass::Completed))
        .count();
    assert_eq!(of_chain, 1, "a chain is one call: {lines:?}");
    // A second time it opens nothing, however many try at once.
    let state = open().await;
    let mark = house.upstream.calls().len();
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (a, params) = (a.clone(), leg("refund_payment", &arguments, &state));
        tries.spawn(async move { a.request(&Era::Modern, "tools/call", params).await });
    }
    let answers = tries.join_all().await;
    assert_eq!(answers.iter().filter(|answer| done(answer)).count(), 1);
    assert_eq!(house.upstream.calls().len() - mark, 1);
}

/// A server has a slug and an id, and both are the one place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slug_and_the_id_of_a_server_are_one_place() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let by_id = agent.at(house.server.as_str());
    let session = agent.session().await;
    assert!(done(&by_id.call(&session, "anything", json!({})).await));
    let answer = by_id.call(&session, "wipe_all", json!({})).await;
    assert_eq!(answer.json()["result"]["isError"], true);
}

/// A thousand connections at once: each is answered rightly, the denied ones reach nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_at_once() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let mut opened = Vec::new();
    for _ in 0..1_000 {
        opened.push(Open::connect(agent.address).await);
    }
    let started = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for (number, mut open) in opened.into_iter().enumerate() {
        let era = if number % 2 == 0 { Era::Legacy } else { Era::Modern };
        let tool = if number % 4 < 2 { "anything" } else { "wipe_all" };
        let request = agent.post(&era, Agent::call_text(&era, tool, "{}")).bytes();
        asking.spawn(async move {
            open.write(&request).await;
            (tool, open.response().await)
        });
    }
    let answers = asking.join_all().await;
    for (tool, answer) in &answers {
        assert_eq!(answer.status, 200, "{tool} {}", answer.text());
        assert_eq!(done(answer), *tool == "anything", "{tool} {}", answer.text());
    }
    assert_eq!(house.upstream.calls().len(), 500);
    assert!(house.upstream.calls().iter().all(|seen| seen.message["params"]["name"] == "anything"));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    // Each call that left has its line, and each that was denied is counted.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut lines = Vec::new();
    let mut last = 0;
    loop {
        let page = house.settled_after(last).await;
        let Some(line) = page.last() else { break };
        last = line.index;
        lines.extend(page);
    }
    let allowed = lines.iter().filter(|line| line.intent.verdict == Verdict::Allowed).count();
    let denied: u32 = lines
        .iter()
        .filter(|line| line.intent.verdict == Verdict::Denied)
        .map(|line| line.intent.count)
        .sum();
    assert_eq!((allowed, denied), (500, 500));
}

/// A grant has only so many calls in the air; the next one is told to wait, and nothing of it leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_has_only_so_many_calls_in_the_air() {
    let house = fixture::house().await;
    let agent = house.issue(GrantIn { in_flight_max: 3, ..GrantIn::new("narrow") }).await;
    house.upstream.on_call(|seen| Answer::text(seen, "done").after(Duration::from_millis(500)));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let agent = agent.clone();
        calls.spawn(async move { agent.call(&Era::Legacy, "anything", json!({})).await });
    }
    let answers = calls.join_all().await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429, 429, 429]);
    assert_eq!(house.upstream.calls().len(), 3);
    assert!(done(&agent.call(&Era::Legacy, "anything", json!({})).await), "and then it may again");
}

/// Parallel calls at a limit: exactly as many leave as fit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_as_many_leave_as_a_limit_holds() {
    let tools = json!([{"name": "pay", "inputSchema": {"type": "object", "properties": {"amount": {"type": "number"}}}}]);
    let policy = json!({"version": "1", "default": "deny", "tools": {"pay": {"limits": [{"counter": "spend", "window": "day", "max": 10, "amount": "args.amount"}]}}});
    let house = House::start(Setup::new(tools, policy)).await;
    for label in ["a", "b"] {
        let agent = house.agent(label);
        let mark = house.upstream.calls().len();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..64 {
            let agent = agent.clone();
            let era = if number % 2 == 0 { Era::Legacy } else { Era::Modern };
            calls.spawn(async move { agent.call(&era, "pay", json!({"amount": 1})).await });
        }
        let answers = calls.join_all().await;
        assert_eq!(answers.iter().filter(|answer| done(answer)).count(), 10);
        assert_eq!(house.upstream.calls().len() - mark, 10);
        let denied = answers.iter().find(|answer| !done(answer)).unwrap().json();
        assert_eq!(
            denied["result"]["_meta"]["dev.countersign/decision"]["rule"],
            "/tools/pay/limits/spend",
            "{denied}"
        );
    }
}

/// An upstream that cannot be reached: told plainly, with neither address nor credential, and free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_not_there() {
    let arguments = json!({"payment": "p", "amount": 10, "currency": "usd", "reason": "damaged"});
    let gone = House::start(Setup::new(fixture::tools(), fixture::policy())).await;
    let agent = gone.agent("a");
    let address = gone.upstream.address();
    gone.upstream.close().await;
    let line = gone.last_line().await;
    for era in [Era::Legacy, Era::Modern] {
        let answer = agent.call(&era, "refund_payment", arguments.clone()).await;
        assert_eq!(answer.json()["error"]["code"], 50201, "{}", answer.text());
        assert!(!answer.text().contains(&address.port().to_string()), "{}", answer.text());
    }
    for line in gone.ended_after(line).await {
        assert_eq!(line.outcome.unwrap().class, OutcomeClass::NotSent);
    }
    let after = gone.usage("a").await;
    assert_eq!(
        after.matches("used: 0, held: 0, unknown: 0").count(),
        2,
        "nothing is spent: {after}"
    );
}

/// A server of one era only: the other is told which versions work, and nothing is forwarded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_one_era() {
    for (eras, refused, accepted) in
        [((true, false), Era::Modern, Era::Legacy), ((false, true), Era::Legacy, Era::Modern)]
    {
        let mut setup = Setup::new(fixture::tools(), fixture::policy());
        setup.server.eras = eras;
        let house = House::start(setup).await;
        let agent = house.agent("a");
        let mark = house.upstream.mark();
        let answer = agent.call(&refused, "anything", json!({})).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!(-32022)),
            "{}",
            answer.text()
        );
        assert!(answer.json()["error"]["data"]["supported"].is_array(), "{}", answer.text());
        assert_eq!(house.upstream.mark(), mark);
        assert!(done(&agent.call(&accepted, "anything", json!({})).await));
        let lines = house.lines_after(0).await;
        assert_eq!(lines[0].intent.reason, "other_era", "a refusal leaves its line");
    }
}

/// Subscriptions are cut down to what the grant may see.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_are_cut_down() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let wanted = json!({"notifications": {"toolsListChanged": true, "taskIds": ["t-1"],
        "resourceSubscriptions": ["file:///public/a", "file:///secret/b", "file:///other", 7]}});
    let mark = house.upstream.mark();
    let (head, _open) = agent
        .open(
            &agent.post(&Era::Modern, Agent::message(&Era::Modern, "subscriptions/listen", wanted)),
        )
        .await;
    assert_eq!(head.status, 200);
    let sent = house.upstream.seen_since(mark).remove(0).message["params"]["notifications"].clone();
    assert_eq!(
        sent,
        json!({"toolsListChanged": true, "resourceSubscriptions": ["file:///public/a"]})
    );
    for (uri, code) in [("file:///secret/b", -32002), ("file:///other", 40301)] {
        let mark = house.upstream.mark();
        let answer = agent.request(&session, "resources/subscribe", json!({"uri": uri})).await;
        assert_eq!(answer.json()["error"]["code"], code, "{}", answer.text());
        assert_eq!(house.upstream.mark(), mark);
    }
}

/// Notifications of an agent: known ones pass in the legacy era, unknown ones are refused, and none
/// says anything to another grant's calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_of_an_agent() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let canary = Canary::new();
    for (method, status) in [
        ("notifications/cancelled", 202),
        ("notifications/roots/list_changed", 202),
        ("notifications/tools/list_changed", 400),
        ("notifications/message", 400),
        ("notifications/unknown", 400),
        ("notifications/tasks/status", 400),
    ] {
        let mark = house.upstream.mark();
        let body = json!({"jsonrpc": "2.0", "method": method}).to_string();
        let answer = agent.ask(&session, &body).await;
        assert_eq!(answer.status, status, "{method} {}", answer.text());
        assert_eq!(house.upstream.mark() - mark, usize::from(status == 202), "{method}");
    }
    let unknown = json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "anything", "arguments": {"x": canary.text()}}});
    for era in [Era::Legacy, session, Era::Modern] {
        let mark = house.upstream.mark();
        assert_eq!(agent.ask(&era, unknown.to_string()).await.status, 400);
        assert_eq!(house.upstream.mark(), mark);
    }
}

/// The task of the legacy era is taken out of a call, and none is started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_taken_out_of_a_call() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let mark = house.upstream.mark();
    let answer = agent
        .request(&session, "tools/call", json!({"name": "anything", "task": {"ttl": 60_000}}))
        .await;
    assert!(done(&answer), "{}", answer.text());
    assert!(house.upstream.seen_since(mark)[0].message["params"].get("task").is_none());
    let answer = agent
        .request(&Era::Modern, "tools/call", json!({"name": "anything", "task": {"ttl": 60_000}}))
        .await;
    assert_eq!(answer.json()["error"]["code"], -32602, "{}", answer.text());
}

/// A chain whose every next leg comes at once: none is too early.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quick_agent_is_never_too_early() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    house.upstream.on_call(|seen| {
        let legs =
            seen.message["params"]["requestState"].as_str().and_then(|state| state.parse().ok());
        let legs: u32 = legs.unwrap_or(0);
        if legs == 20 {
            return Answer::text(seen, "done");
        }
        let message = seen.answer_to(
            json!({"resultType": "input_required", "requestState": (legs + 1).to_string()}),
        );
        if legs.is_multiple_of(2) {
            Answer::json(message.to_string())
        } else {
            Answer::stream(&[&format!("data: {message}\n\n")])
        }
    });
    for _ in 0..5 {
        let mut answer = agent.call(&Era::Modern, "anything", json!({})).await;
        while let Some(state) = answer.json()["result"]["requestState"].as_str() {
            let params = json!({"name": "anything", "arguments": {}, "requestState": state});
            answer = agent.request(&Era::Modern, "tools/call", params).await;
        }
        assert!(done(&answer), "{}", answer.text());
    }
    let lines = house.ended_after(0).await;
    assert_eq!(lines.len(), 5, "each chain is one call");
    assert!(
        lines.iter().all(|line| line.outcome.as_ref().unwrap().class == OutcomeClass::Completed)
    );
}

/// Outside a session a cancellation names nobody's request in particular, so it stays here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_outside_a_session_goes_no_further() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
            .to_string();
    for (era, goes_on) in [(Era::Legacy, 0), (session, 1)] {
        let mark = house.upstream.mark();
        assert_eq!(agent.ask(&era, &cancel).await.status, 202);
        assert_eq!(house.upstream.mark() - mark, goes_on, "{era:?}");
    }
}

/// Two servers behind one grant are two places: what one handed out is nothing to the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_handed_out_is_nothing_to_another() {
    let house = fixture::house().await;
    house.upstream.set_page_size(3);
    let second = house.second_server("second").await;
    let here = house.issue_for("both", &[house.server.clone(), second]).await;
    let there = here.at("second");
    let Era::Session(session) = here.session().await else { panic!("a session") };
    let mark = house.upstream.mark();
    let era = Era::Session(session.clone());
    assert_eq!(there.call(&era, "anything", json!({})).await.status, 404);
    assert_eq!(send(there.address, there.get(&session).bytes()).await.status, 404);
    assert_eq!(send(there.address, there.delete(&session).bytes()).await.status, 404);
    assert_eq!(house.upstream.mark(), mark);

    let list = here.request(&Era::Modern, "tools/list", json!({})).await.json();
    let cursor = json!({"cursor": list["result"]["nextCursor"]});
    assert!(cursor["cursor"].is_string());
    assert_eq!(there.request(&Era::Modern, "tools/list", cursor.clone()).await.status, 400);
    assert_eq!(here.request(&Era::Modern, "tools/list", cursor).await.status, 200);

    house.upstream.on_call(|seen| {
        Answer::result(seen, json!({"resultType": "input_required", "requestState": "s"}))
    });
    let asked = here.call(&Era::Modern, "anything", json!({})).await.json();
    let next = json!({"name": "anything", "arguments": {}, "requestState": asked["result"]["requestState"]});
    let mark = house.upstream.mark();
    assert_eq!(there.request(&Era::Modern, "tools/call", next).await.status, 400);
    assert_eq!(house.upstream.mark(), mark);

    // A grant for one of them is a stranger at the other.
    assert_eq!(
        house.agent("a").at("second").call(&Era::Modern, "anything", json!({})).await.status,
        401
    );
}

/// An upstream that closes its connections without a word: each call is sent once, and none is lost
/// silently.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_closes_without_a_word() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    house.upstream.on_call(|seen| {
        let body =
            seen.answer_to(json!({"content": [{"type": "text", "text": "done"}]})).to_string();
        Answer::bytes(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    });
    let mut carried = 0;
    for turn in 0..100 {
        let params = json!({"name": "anything", "_meta": {"progressToken": turn}});
        let answer = agent.request(&Era::Legacy, "tools/call", params).await;
        carried += usize::from(done(&answer));
        let told = done(&answer) || answer.json()["error"]["code"] == 50401;
        assert!(told, "{}", answer.text());
    }
    assert!(carried > 80, "{carried}");
    let calls = house.upstream.calls();
    let tokens: std::collections::HashSet<String> = calls
        .iter()
        .map(|seen| seen.message["params"]["_meta"]["progressToken"].to_string())
        .collect();
    assert_eq!(tokens.len(), calls.len(), "no call is sent twice");
    assert!(calls.len() >= carried);
}

/// Amounts that no limit can count deny the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_that_cannot_be_counted() {
    let tools = json!([{"name": "pay", "inputSchema": {"type": "object", "properties": {"amount": {}, "currency": {}}}}]);
    let policy = json!({"version": "1", "default": "deny", "tools": {"pay": {"limits": [
        {"counter": "spend", "window": "day", "max": 1_000, "amount": "args.amount", "per": ["args.currency"]}]}}});
    let house = House::start(Setup::new(tools, policy)).await;
    let agent = house.agent("a");
    for era in [Era::Legacy, Era::Modern] {
        for arguments in [
            r#"{"amount":-1,"currency":"usd"}"#,
            r#"{"amount":"1","currency":"usd"}"#,
            r#"{"amount":null,"currency":"usd"}"#,
            r#"{"currency":"usd"}"#,
            r#"{"amount":[1],"currency":"usd"}"#,
            r#"{"amount":9007199254740991,"currency":"usd"}"#,
            r#"{"amount":1e300,"currency":"usd"}"#,
            r#"{"amount":1000.0000001,"currency":"usd"}"#,
            r#"{"amount":1}"#,
            r#"{"amount":1,"currency":null}"#,
            r#"{"amount":1,"currency":["usd"]}"#,
            r#"{"amount":1,"currency":{"a":"usd"}}"#,
            "{}",
        ] {
            let answer = agent.ask(&era, Agent::call_text(&era, "pay", arguments)).await;
            let message = answer.json();
            let decision = &message["result"]["_meta"]["dev.countersign/decision"];
            assert_eq!(
                decision["rule"],
                "/tools/pay/limits/spend",
                "{arguments} {}",
                answer.text()
            );
        }
    }
    assert!(house.upstream.calls().is_empty());
    assert!(!house.usage("a").await.contains("used: 1"), "nothing is spent");
}

/// An upstream cannot speak in our name: a decision that it makes up is not passed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_cannot_speak_in_our_name() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    for key in
        ["dev.countersign/decision", "dev.countersign/other", "d\\u0065v.countersign/decision"]
    {
        for stream in [false, true] {
            house.upstream.on_call(move |seen| {
                let message = format!(
                    r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":[],"_meta":{{"{key}":{{"decision":"allowed"}}}}}}}}"#,
                    seen.id()
                );
                if stream { Answer::stream(&[&format!("data: {message}\n\n")]) } else { Answer::json(message) }
            });
            for era in [Era::Legacy, Era::Modern] {
                let answer = agent.call(&era, "anything", json!({})).await;
                assert_eq!(answer.json()["error"]["code"], 50201, "{key} {}", answer.text());
            }
        }
    }
    // What others put there is theirs.
    house.upstream.on_call(|seen| {
        Answer::result(seen, seen.complete(json!({"content": [], "_meta": {"com.example/x": 1}})))
    });
    let answer = agent.call(&Era::Legacy, "anything", json!({})).await;
    assert_eq!(answer.json()["result"]["_meta"]["com.example/x"], 1, "{}", answer.text());
}
