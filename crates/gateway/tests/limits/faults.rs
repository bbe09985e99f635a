//! The table of outcome classes: every way an upstream can fail, and what each limit counts before
//! and after. Rows Q15, Q16, Q17, Q20, F07, F09.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use store::{
    Attachment, By, ControlPlane as _, DataPlane as _, FoundTool, GrantDraft, OnToolChange,
    OutcomeClass, ServerDraft,
};
use testkit::{Agent, Answer, Era, House, Open, Piece, Seen};

use crate::house::{Sums, hasty_house, house, pay, usage};

type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// One fault.
struct Fault {
    id: &'static str,
    what: &'static str,
    answer: Script,
    class: OutcomeClass,
}

fn fault(
    id: &'static str,
    what: &'static str,
    class: OutcomeClass,
    answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> Fault {
    Fault { id, what, answer: Arc::new(answer), class }
}

/// What a call of 10.5 adds to each limit: money, plain calls, tries that count when they fail and
/// stay when nobody knows. The table of the design, once more and by hand.
fn added(class: OutcomeClass) -> [Sums; 3] {
    const MONEY: i64 = 10_500_000;
    const ONE: i64 = 1_000_000;
    let (settled, unknown, nothing) = (|n| (n, 0, 0), |n| (0, 0, n), (0, 0, 0));
    match class {
        OutcomeClass::Completed => [settled(MONEY), settled(ONE), settled(ONE)],
        OutcomeClass::ToolFailed => [nothing, nothing, settled(ONE)],
        OutcomeClass::UpstreamError | OutcomeClass::NotSent => [nothing; 3],
        OutcomeClass::Unknown => [unknown(MONEY), nothing, unknown(ONE)],
        OutcomeClass::InputRequired => panic!("no end of a call"),
    }
}

fn table() -> Vec<Fault> {
    use OutcomeClass::{Completed, ToolFailed, Unknown, UpstreamError};
    let http = |status: u16, kind: &'static str, body: &'static str| {
        move |_: &Seen| Answer::http(status, &[("Content-Type", kind)], body)
    };
    let half = |seen: &Seen| {
        let whole = seen.answer_to(seen.complete(json!({"content": []}))).to_string();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
            whole.len(),
            &whole[..whole.len() / 2]
        )
    };
    vec![
        fault("Q16", "a result", Completed, |seen| Answer::text(seen, "done")),
        fault("Q16", "a slow result", Completed, |seen| {
            Answer::text(seen, "done").after(Duration::from_millis(200))
        }),
        fault("Q16", "isError", ToolFailed, |seen| {
            Answer::result(seen, json!({"content": [], "isError": true}))
        }),
        fault("Q17", "-32601", UpstreamError, |seen| Answer::error(seen, 200, -32601, "no")),
        fault("Q17", "-32602", UpstreamError, |seen| Answer::error(seen, 200, -32602, "no")),
        fault("Q16", "-32603", UpstreamError, |seen| Answer::error(seen, 200, -32603, "no")),
        fault("Q16", "an error of its own", UpstreamError, |seen| {
            Answer::error(seen, 200, 7, "insufficient funds")
        }),
        fault("Q17", "an error in a 404", UpstreamError, |seen| {
            Answer::error(seen, 404, -32601, "no")
        }),
        fault("Q16", "an error in a 500", UpstreamError, |seen| {
            Answer::error(seen, 500, -32603, "no")
        }),
        fault("Q17", "400 in plain text", UpstreamError, http(400, "text/plain", "bad")),
        fault("Q17", "401", UpstreamError, http(401, "text/plain", "who")),
        fault("Q17", "403", UpstreamError, http(403, "application/json", "{}")),
        fault("Q17", "404 in HTML", UpstreamError, http(404, "text/html", "<h1>no</h1>")),
        fault("Q17", "415", UpstreamError, http(415, "text/plain", "what")),
        fault("Q17", "429 in JSON", UpstreamError, http(429, "application/json", "{\"a\":1}")),
        fault("Q16", "500 with no body", Unknown, http(500, "text/plain", "")),
        fault(
            "Q16",
            "500 in JSON that is no message",
            Unknown,
            http(500, "application/json", "{}"),
        ),
        fault("Q16", "502 in HTML", Unknown, http(502, "text/html", "<h1>bad gateway</h1>")),
        fault("Q16", "503", Unknown, http(503, "text/plain", "later")),
        fault("Q16", "a redirect", Unknown, http(307, "text/plain", "elsewhere")),
        fault("Q16", "a page", Unknown, http(200, "text/html", "<h1>hello</h1>")),
        fault("Q16", "no JSON", Unknown, http(200, "application/json", "{\"jsonrpc\"")),
        fault("Q16", "an answer to somebody else", Unknown, |_| {
            Answer::json(json!({"jsonrpc": "2.0", "id": 99, "result": {}}).to_string())
        }),
        fault("Q16", "a result and an error", Unknown, |seen| {
            let both = json!({"jsonrpc": "2.0", "id": seen.id(), "result": {},
                              "error": {"code": 1, "message": "no"}});
            Answer::json(both.to_string())
        }),
        fault("F07", "reset when the call has arrived", Unknown, |_| {
            Answer::pieces(vec![Piece::Reset])
        }),
        fault("F07", "closed when the call has arrived", Unknown, |_| Answer::bytes("")),
        fault("F07", "half a head, then a reset", Unknown, |_| {
            Answer::pieces(vec![Piece::Bytes(b"HTTP/1.1 200 O".to_vec()), Piece::Reset])
        }),
        fault("F07", "hangs when the call has arrived", Unknown, |_| {
            Answer::pieces(vec![Piece::Hang])
        }),
        fault("F07", "hangs after half a head", Unknown, |_| {
            Answer::pieces(vec![Piece::Bytes(b"HTTP/1.1 200 OK\r\nContent-".to_vec()), Piece::Hang])
        }),
        fault("F07", "half an answer, then closed", Unknown, move |seen| Answer::bytes(half(seen))),
        fault("F07", "half an answer, then a reset", Unknown, move |seen| {
            Answer::pieces(vec![Piece::Bytes(half(seen).into_bytes()), Piece::Reset])
        }),
        fault("F07", "half an answer, then nothing", Unknown, move |seen| {
            Answer::pieces(vec![Piece::Bytes(half(seen).into_bytes()), Piece::Hang])
        }),
        fault("F07", "half an event, then nothing", Unknown, |_| {
            Answer::open_stream(&["data: {\"jsonrpc\":"])
        }),
        fault("F07", "a stream without an answer", Unknown, |_| Answer::stream(&[": hello\n\n"])),
        fault("Q16", "a result as an event", Completed, |seen| {
            let result = seen.complete(json!({"content": [{"type": "text", "text": "done"}]}));
            Answer::stream(&[&format!("data: {}\n\n", seen.answer_to(result))])
        }),
        fault("Q16", "isError as an event", ToolFailed, |seen| {
            let result = seen.complete(json!({"content": [], "isError": true}));
            Answer::stream(&[&format!("data: {}\n\n", seen.answer_to(result))])
        }),
    ]
}

const LIMITS: [&str; 3] = ["value usd", "calls", "tries"];

async fn all(house: &House) -> [Sums; 3] {
    let usage = usage(house, "a").await;
    LIMITS.map(|name| usage.get(name).copied().unwrap_or_default())
}

fn plus(before: [Sums; 3], added: [Sums; 3]) -> [Sums; 3] {
    std::array::from_fn(|at| {
        let (a, b) = (before[at], added[at]);
        (a.0 + b.0, a.1 + b.1, a.2 + b.2)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_counts_as_the_table_says() {
    let house = hasty_house().await;
    let agent = house.agent("a");
    for Fault { id, what, answer, class } in table() {
        for era in [Era::Legacy, Era::Modern] {
            let held =
                plus(all(&house).await, [(0, 10_500_000, 0), (0, 1_000_000, 0), (0, 1_000_000, 0)]);
            let before = all(&house).await;
            let line = house.last_line().await;
            let (arrived, script) = (Arc::new(tokio::sync::Notify::new()), answer.clone());
            let arrive = arrived.clone();
            house.upstream.on_call(move |seen| {
                arrive.notify_one();
                script(seen).after(Duration::from_millis(60))
            });
            let calling = {
                let (agent, era) = (agent.clone(), era.clone());
                tokio::spawn(async move { agent.call(&era, "pay", pay(10.5)).await })
            };
            arrived.notified().await;
            assert_eq!(all(&house).await, held, "{id} {what} {era:?}: in flight");
            let told = calling.await.unwrap();
            let lines = house.ended_after(line).await;
            let outcome = lines[0].outcome.as_ref().unwrap();
            assert_eq!(
                outcome.class,
                class,
                "{id} {what} {era:?}: {} {}",
                outcome.detail,
                told.text()
            );
            assert_eq!(all(&house).await, plus(before, added(class)), "{id} {what} {era:?}");
        }
    }
}

/// Q20: who hangs up does not get back what may have been paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_hangs_up_gains_nothing() {
    let house = house().await;
    let agent = house.agent("a");
    for (era, class) in
        [(Era::Modern, OutcomeClass::Unknown), (Era::Legacy, OutcomeClass::Completed)]
    {
        let (before, line) = (all(&house).await, house.last_line().await);
        house.upstream.on_call(|seen| Answer::text(seen, "done").after(Duration::from_millis(300)));
        let mark = house.upstream.mark();
        let mut open = Open::connect(agent.address).await;
        let body = Agent::call_text(&era, "pay", &pay(10.5).to_string());
        open.write(&agent.post(&era, body).bytes()).await;
        house.upstream.wait_for(mark + 1).await;
        drop(open);
        let lines = house.ended_after(line).await;
        assert_eq!(lines[0].outcome.as_ref().unwrap().class, class, "Q20 {era:?}");
        assert_eq!(all(&house).await, plus(before, added(class)), "Q20 {era:?}");
    }
}

/// Q15, F09: what provably was not sent is given back whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_sent_is_given_back() {
    let house = house().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let plain = house.upstream.address();
    let rude = rude_server().await;
    let table = [
        ("refused", "Q15 a refused connection", format!("http://{closed}/mcp")),
        ("no-tls", "Q15 TLS to a server that speaks none", format!("https://{rude}/mcp")),
        ("hangs", "F07 a server that hangs in the handshake", format!("https://{plain}/mcp")),
        ("no-name", "F09 a name that leads nowhere", "https://nobody.invalid/mcp".to_owned()),
    ];
    for (slug, what, url) in table {
        let agent = at(&house, slug, &url).await;
        // What hangs takes two seconds each time.
        let eras = if slug == "hangs" { 1 } else { 2 };
        for era in [Era::Legacy, Era::Modern].into_iter().take(eras) {
            let line = house.last_line().await;
            let told = agent.call(&era, "pay", pay(10.5)).await;
            assert_eq!(told.json()["error"]["code"], 50201, "{what} {}", told.text());
            let lines = house.ended_after(line).await;
            let outcome = lines[0].outcome.as_ref().unwrap();
            assert_eq!(outcome.class, OutcomeClass::NotSent, "{what} {era:?}");
            let grant = house.store.grant(house.store.org(), slug).await.unwrap().unwrap().id;
            let usage = house.store.usage(house.store.org(), &grant).await.unwrap();
            let counted = |of: &store::LimitUsage| of.usage.used + of.usage.held + of.usage.unknown;
            assert_eq!(usage.limits.iter().map(counted).sum::<i64>(), 0, "{what} {era:?}");
        }
    }
}

/// A server that answers a handshake with words of its own.
async fn rude_server() -> std::net::SocketAddr {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    address
}

/// An agent of a server at this address that was never asked anything.
async fn at(house: &House, slug: &str, url: &str) -> Agent {
    let by: By = house.by();
    let draft = ServerDraft {
        slug: slug.into(),
        name: slug.into(),
        url: url.into(),
        private_targets: Vec::new(),
        on_tool_change: OnToolChange::Deny,
        enabled: true,
    };
    let server = house.store.server_create(&by, draft).await.unwrap().id;
    let tools = crate::house::tools().as_array().unwrap().clone();
    let found = tools.iter().map(|tool| FoundTool {
        name: tool["name"].as_str().unwrap().to_owned(),
        definition: tool.to_string().into_bytes(),
        fingerprint: "print".to_owned(),
        withheld: None,
        hidden_text: false,
    });
    let versions = Some("2026-07-28 2025-11-25".to_owned());
    house
        .store
        .server_found(&server, versions, "ok".into(), Some(found.collect()), true, by.at)
        .await
        .unwrap();
    let draft = GrantDraft {
        label: slug.into(),
        identity: "tester".into(),
        owner: None,
        tags: Vec::new(),
        not_before: None,
        expires_at: None,
        in_flight_max: 10,
        servers: vec![Attachment { server, policy: Some(house.policy.clone()) }],
    };
    let (_, token) = house.store.grant_issue(&by, draft).await.unwrap();
    Agent { server: slug.into(), token: token.expose().to_owned(), ..house.agent("a") }
}
