//! Streams that stay open: what is filtered on them, what is told of changes, and when they end.

use std::time::Duration;

use serde_json::{Value, json};
use store::GrantState;
use testkit::{Agent, Answer, Era, Events, House, send};

use crate::fixture;

const SOON: Duration = Duration::from_secs(5);

fn session_of(era: &Era) -> &str {
    match era {
        Era::Session(id) => id,
        other => panic!("no session: {other:?}"),
    }
}

fn event(id: &str, message: &Value) -> String {
    if id.is_empty() {
        format!("data: {message}\n\n")
    } else {
        format!("id: {id}\ndata: {message}\n\n")
    }
}

async fn listen(agent: &Agent, session: &str) -> Events {
    let (head, open) = agent.open(&agent.get(session)).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    open.events()
}

fn names(message: &Value) -> Vec<String> {
    let tools = message["result"]["tools"].as_array().cloned().unwrap_or_default();
    tools.iter().map(|tool| tool["name"].as_str().unwrap_or_default().to_owned()).collect()
}

fn two_tools() -> Value {
    json!({"tools": [{"name": "delete_customer", "inputSchema": {"type": "object"}}, {"name": "list_invoices", "inputSchema": {"type": "object"}}]})
}

/// A list is filtered whether it comes as JSON, as a stream, on the stream of the session, or after
/// a resumption; one that comes unasked is filtered too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_filtered_on_every_road() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    // The stream is primed and closed; the answer waits for whoever resumes.
    house.upstream.script(|seen| {
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": two_tools()});
        match (seen.verb.as_str(), seen.method()) {
            ("POST", "tools/list")
                if !seen.is_probe() && seen.header("mcp-session-id").is_some() =>
            {
                Some(Answer::stream(&["id: prime-1\nretry: 10\ndata: \n\n"]))
            }
            ("GET", _) => Some(match seen.header("last-event-id") {
                Some("prime-1") => Answer::open_stream(&[&event("e-2", &answer)]),
                _ => Answer::open_stream(&[&event(
                    "",
                    &json!({"jsonrpc": "2.0", "id": 77, "result": two_tools()}),
                )]),
            }),
            _ => None,
        }
    });
    let list = Agent::message(&session, "tools/list", json!({}));
    let answer = agent.ask(&session, &list).await;
    let primed = answer.text();
    let id =
        primed.lines().find_map(|line| line.strip_prefix("id: ")).expect("it is primed").to_owned();
    assert!(!primed.contains("prime-1") && !primed.contains("delete_customer"), "{primed}");

    let (head, open) =
        agent.open(&agent.get(session_of(&session)).header("Last-Event-ID", &id)).await;
    assert_eq!(head.status, 200);
    let message = open.events().next(SOON).await.expect("the answer comes");
    assert_eq!(names(&message), ["list_invoices"], "{message}");

    let message = listen(&agent, session_of(&session)).await.next(SOON).await.expect("one comes");
    assert_eq!(names(&message), ["list_invoices"], "{message}");
}

/// A call whose stream the upstream closed is answered by whoever resumes it, and ends then; one
/// that nobody resumes ends as unknown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resumed_call_ends_when_its_answer_comes() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    house.upstream.script(|seen| {
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "late"}]}});
        match (seen.verb.as_str(), seen.method()) {
            ("POST", "tools/call") => Some(Answer::stream(&["id: prime-1\nretry: 10\ndata: \n\n"])),
            ("GET", _) => Some(Answer::open_stream(&[&event("e-2", &answer)])),
            _ => None,
        }
    });
    let call = async || {
        let arguments =
            json!({"payment": "p", "amount": 10, "currency": "usd", "reason": "damaged"});
        let primed = agent.call(&session, "refund_payment", arguments).await.text();
        primed.lines().find_map(|line| line.strip_prefix("id: ")).expect("it is primed").to_owned()
    };
    let id = call().await;
    assert!(house.settled_after(0).await[0].outcome.is_none(), "it is still open");
    let (_, open) = agent.open(&agent.get(session_of(&session)).header("Last-Event-ID", &id)).await;
    let message = open.events().next(SOON).await.expect("the answer comes");
    assert_eq!(message["result"]["content"][0]["text"], "late");
    let lines = house.ended_after(0).await;
    assert_eq!(lines[0].outcome.as_ref().unwrap().class, store::OutcomeClass::Completed);

    let line = lines[0].index;
    call().await;
    house.clock.pass_seconds(601);
    let lines = house.ended_after(line).await;
    let outcome = lines[0].outcome.as_ref().unwrap();
    assert_eq!((outcome.class, outcome.detail), (store::OutcomeClass::Unknown, "not_resumed"));
}

/// An event id is good in the session it was given in, and for the grant that has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_id_is_good_in_its_session() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    house.upstream.script(|seen| {
        (seen.verb == "GET").then(|| Answer::open_stream(&[&event("secret-event", &json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}}))]))
    });
    let (first, second, other) = (a.session().await, a.session().await, b.session().await);
    let event = listen(&a, session_of(&first)).await.next_raw(SOON).await.unwrap();
    let id = event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    for (agent, session) in [(&a, &second), (&b, &other)] {
        let mark = house.upstream.mark();
        let (head, _open) =
            agent.open(&agent.get(session_of(session)).header("Last-Event-ID", &id)).await;
        assert_eq!(head.status, 200);
        house.upstream.wait_for(mark + 1).await;
        let seen = house.upstream.seen_since(mark);
        assert!(seen.iter().all(|seen| seen.header("last-event-id").is_none()), "{seen:?}");
    }
}

/// Open streams hear of a new policy, and the next list is the new one. A revoked grant's streams
/// end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_streams_hear_of_a_new_policy() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let mut stream = listen(&agent, session_of(&session)).await;
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    house.upstream.script(|seen| {
        (seen.method() == "subscriptions/listen")
            .then(|| Answer::error(seen, 404, -32601, "Method not found"))
    });
    let (head, open) = agent
        .open(
            &agent.post(&Era::Modern, Agent::message(&Era::Modern, "subscriptions/listen", wanted)),
        )
        .await;
    assert_eq!(head.status, 200);
    let mut modern = open.events();
    let acknowledged = modern.next(SOON).await.expect("it is acknowledged");
    assert_eq!(
        acknowledged["method"], "notifications/subscriptions/acknowledged",
        "{acknowledged}"
    );

    house.publish(&json!({"version": "1", "default": "deny", "tools": {"anything": {}}})).await;
    // A revision of the view is noticed by whoever comes next, and by the pulse of the streams.
    for stream in [&mut stream, &mut modern] {
        loop {
            let message = stream.next(SOON).await.expect("the change is told");
            if message["method"] == "notifications/tools/list_changed" {
                break;
            }
        }
    }
    let list = agent.request(&session, "tools/list", json!({})).await.json();
    let shown: Vec<_> = names(&list);
    assert!(shown.contains(&"anything".to_owned()), "{list}");

    house.set_state("a", GrantState::Paused).await;
    assert!(stream.ends_within(SOON).await, "a stream of a paused grant ends");
    assert!(modern.ends_within(SOON).await, "a stream of a paused grant ends");
}

/// A grant that is revoked while a call's stream is open: what was asked rightly is answered, or the
/// stream ends; nothing further gets in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_grant_gets_nothing_further() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    house.upstream.on_call(|seen| {
        let message =
            seen.answer_to(seen.complete(json!({"content": [{"type": "text", "text": "late"}]})));
        Answer::stream(&[": working\n\n", &event("", &message)]).after(Duration::from_millis(200))
    });
    let mark = house.upstream.mark();
    let call = tokio::spawn({
        let agent = agent.clone();
        async move { agent.call(&Era::Modern, "anything", json!({})).await }
    });
    house.upstream.wait_for(mark + 1).await;
    house.set_state("a", GrantState::Revoked).await;
    assert_eq!(agent.call(&Era::Modern, "anything", json!({})).await.status, 401);
    assert_eq!(call.await.unwrap().status, 200);
    assert_eq!(house.upstream.calls().len(), 1);
}

/// First bytes are not held back, comments keep a stream alive, and pieces arrive as they are sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_are_passed_as_they_come() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    house.upstream.on_call(|_| {
        let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "first"}});
        Answer::open_stream(&[&event("", &note)])
    });
    for era in [Era::Legacy, Era::Modern] {
        let request = agent.post(&era, Agent::call_text(&era, "anything", "{}"));
        let (head, open) = agent.open(&request).await;
        assert_eq!(head.status, 200);
        let first = open.events().next(Duration::from_secs(2)).await.expect("it is not held back");
        assert_eq!(first["params"]["data"], "first");
    }
}

/// A legacy upstream may ask what the policy lets it; only the session that was asked may answer, and
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_taken_once_from_whom_it_was_asked() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    let (of_a, of_b) = (a.session().await, b.session().await);
    house.upstream.on_call(|seen| {
        let question = json!({"jsonrpc": "2.0", "id": "q-1", "method": "elicitation/create", "params": {"message": "sure?", "requestedSchema": {"type": "object", "properties": {}}}});
        let forbidden = json!({"jsonrpc": "2.0", "id": "q-2", "method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}});
        let answer = seen.answer_to(json!({"content": [{"type": "text", "text": "done"}]}));
        Answer::stream(&[&event("", &question), &event("", &forbidden), &event("", &answer)])
    });
    let mark = house.upstream.mark();
    let text = a.ask(&of_a, Agent::call_text(&of_a, "anything", "{}")).await.text();
    assert!(text.contains("q-1") && !text.contains("q-2") && text.contains("done"), "{text}");
    let reply = |id: &str| {
        json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept", "content": {}}})
            .to_string()
    };
    // The upstream is told that it may not ask for a sample.
    let told = async |what: &str| {
        for _ in 0..100 {
            if house.upstream.seen_since(mark).iter().any(|seen| *seen.id() == json!(what)) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    };
    assert!(told("q-2").await);
    for (agent, era, id, status) in [
        (&b, &of_b, "q-1", 400),
        (&a, &Era::Legacy, "q-1", 400),
        (&a, &of_a, "q-3", 400),
        (&a, &of_a, "q-2", 400),
        (&a, &of_a, "q-1", 202),
        (&a, &of_a, "q-1", 400),
    ] {
        assert_eq!(agent.ask(era, reply(id)).await.status, status, "{id} {era:?}");
    }
    let answers: Vec<_> = house
        .upstream
        .seen_since(mark)
        .into_iter()
        .filter(|seen| *seen.id() == json!("q-1"))
        .collect();
    assert_eq!(answers.len(), 1);
}

/// The end of a session is the end of it, and of nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_once() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    let of_a = a.session().await;
    let id = session_of(&of_a).to_owned();
    assert_eq!(send(b.address, b.delete(&id).bytes()).await.status, 404);
    let mark = house.upstream.mark();
    assert_eq!(send(a.address, a.delete(&id).bytes()).await.status, 200);
    let seen = house.upstream.seen_since(mark);
    assert!(seen.iter().any(|seen| seen.verb == "DELETE"
        && seen.header("mcp-session-id").is_some_and(|id| id.starts_with("upstream-session-"))));
    // What the upstream no longer knows is gone here too.
    house.upstream.script(|seen| seen.header("mcp-session-id").map(|_| Answer::http(404, &[], "")));
    let answer = a.call(&of_a, "anything", json!({})).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
}

/// A stalled reader stalls the upstream, not our memory: an endless answer to an agent that does not
/// read is not read either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_reader_stalls_the_upstream() {
    let house: House = fixture::house().await;
    let agent = house.agent("a");
    let big = "x".repeat(64 << 10);
    let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": big}});
    let piece = event("", &note);
    let pieces: Vec<String> = (0..2_000).map(|_| piece.clone()).collect();
    house.upstream.on_call(move |_| {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        Answer::open_stream(&pieces)
    });
    let before = resident_kib();
    let (head, open) = agent
        .open(&agent.post(&Era::Modern, Agent::call_text(&Era::Modern, "anything", "{}")))
        .await;
    assert_eq!(head.status, 200);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let grown = resident_kib().saturating_sub(before);
    // The script itself holds the 128 MB once or twice; what must not come on top is a copy of all
    // of it in the gateway.
    assert!(grown < 400 << 10, "{grown} KiB");
    drop(open);
    let Some(line) = house.ended_after(0).await.pop() else { panic!("a line") };
    assert_eq!(line.outcome.unwrap().detail, "agent_gone");
}

/// What this process has in memory.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
