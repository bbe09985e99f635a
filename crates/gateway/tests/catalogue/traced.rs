//! Trace context through the gateway, and what an observer is told.

use std::sync::{Arc, Mutex};

use gateway::{Decided, Ended, Observer, Trace};
use testkit::{Agent, Canary, Era, send};

use crate::fixture;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-ffffffffffffffffffffffffffffffff-aaaaaaaaaaaaaaaa-00";

/// Keeps what it is told.
#[derive(Default)]
struct Notes {
    decided: Mutex<Vec<(String, &'static str)>>,
    ended: Mutex<Vec<(&'static str, Option<Trace>)>>,
    turned_away: Mutex<Vec<&'static str>>,
}

impl Observer for Notes {
    fn traces(&self) -> bool {
        true
    }

    fn decided(&self, seen: &Decided<'_>) {
        let told = (seen.intent.method.to_string(), seen.intent.verdict.as_str());
        self.decided.lock().unwrap().push(told);
    }

    fn ended(&self, seen: &Ended<'_>) {
        self.ended.lock().unwrap().push((seen.outcome.class.as_str(), seen.trace.cloned()));
    }

    fn turned_away(&self, reason: &'static str) {
        self.turned_away.lock().unwrap().push(reason);
    }
}

/// A call with this in `_meta` beside what its era needs there.
fn with_meta(more: &str) -> String {
    let meta = Agent::meta(&Era::Modern);
    let open = meta.strip_suffix('}').unwrap();
    Agent::call_text(&Era::Modern, "anything", "{}").replace(meta, &format!("{open},{more}}}"))
}

#[tokio::test]
async fn with_no_observer_a_trace_passes_as_it_came_and_what_is_none_stops_here() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let canary = Canary::new();
    for (given, passed) in [
        (PARENT.to_owned(), Some(PARENT)),
        (format!("{PARENT}-{canary}"), None),
        (canary.text().to_owned(), None),
    ] {
        let mark = house.upstream.mark();
        let request = agent.post(&Era::Modern, Agent::call_text(&Era::Modern, "anything", "{}"));
        let request = request.header("Traceparent", &given).header("Baggage", canary.text());
        let answer = send(agent.address, request.header("Tracestate", "v=1").bytes()).await;
        assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "{}", answer.text());
        let seen = house.upstream.seen_since(mark).remove(0);
        assert_eq!(seen.header("traceparent"), passed);
        assert_eq!(seen.header("tracestate"), passed.map(|_| "v=1"));
        assert_eq!(seen.header("baggage"), None);
    }
}

#[tokio::test]
async fn an_observer_is_told_of_everything_and_the_upstream_of_our_span() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let notes = Arc::new(Notes::default());
    house.gateway.watched_by(Arc::clone(&notes) as Arc<dyn Observer>);
    let (mark, line) = (house.upstream.mark(), house.last_line().await);
    // `_meta` is nearer to the agent than its transport.
    let body = with_meta(&format!("\"traceparent\":\"{PARENT}\""));
    assert!(body.contains(PARENT), "{body}");
    let request = agent.post(&Era::Modern, &body).header("traceparent", OTHER);
    let answer = send(agent.address, request.bytes()).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "{}", answer.text());
    house.ended_after(line).await;
    let seen = house.upstream.seen_since(mark).remove(0);
    let (class, trace) = notes.ended.lock().unwrap().remove(0);
    let trace = trace.unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let told = format!("00-{}-{}-01", &PARENT[3..35], hex(&trace.onward));
    assert_eq!(seen.header("traceparent"), Some(told.as_str()));
    assert_eq!(seen.message["params"]["_meta"]["traceparent"], told);
    assert_eq!((class, trace.sampled), ("completed", true));
    assert_eq!(trace.parent.map(|parent| hex(&parent)).as_deref(), Some("b7ad6b7169203331"));
    assert_ne!(trace.span, trace.onward);

    // One that is refused, one that is a stranger's, and one that begins a trace of ours.
    let call = |tool: &str| agent.post(&Era::Modern, Agent::call_text(&Era::Modern, tool, "{}"));
    send(agent.address, call("delete_customer").bytes()).await;
    send(agent.address, call("anything").set("authorization", "Bearer nobody").bytes()).await;
    let mark = house.upstream.mark();
    send(agent.address, call("anything").bytes()).await;
    let seen = house.upstream.seen_since(mark).remove(0);
    assert!(seen.header("traceparent").is_some_and(|told| told.ends_with("-01")));
    let decided = notes.decided.lock().unwrap();
    let verdicts: Vec<&str> = decided.iter().map(|(_, verdict)| *verdict).collect();
    assert_eq!(verdicts, ["allowed", "denied", "allowed"]);
    assert!(decided.iter().all(|(method, _)| method == "tools/call"));
    assert_eq!(*notes.turned_away.lock().unwrap(), ["malformed_token"]);
}
