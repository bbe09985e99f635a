//! The call log and following it.

use std::time::Duration;

use store::{CallId, DataPlane, Intent, Outcome, OutcomeClass, Verdict};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::lines;
use crate::world::{World, now};

/// Writes a line as the gateway would. Allowed ones are left in flight.
pub(crate) async fn line(
    world: &World,
    number: u8,
    tool: &str,
    verdict: Verdict,
    rule: &str,
) -> CallId {
    let intent = Intent {
        verdict,
        rule: rule.into(),
        reason: if verdict == Verdict::Denied { "deny_if" } else { "" },
        known_args: vec!["amount".into()],
        ..lines::intent(world, number, tool).await
    };
    lines::write(world, intent).await
}

async fn finish(world: &World, id: CallId) {
    world.store.call_finish(Outcome {
        id,
        at: now(),
        class: OutcomeClass::Completed,
        detail: "",
        upstream_status: Some(200),
        response_bytes: 7,
        took_micros: 1_500,
        upstream_micros: 1_000,
        echo_removed: false,
        capture: None,
    });
    world.store.flush().await.unwrap();
}

async fn ready() -> World {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    world
}

#[tokio::test]
async fn lines_are_filtered_paged_and_read_one_by_one() {
    let world = ready().await;
    let paid = line(&world, 1, "pay", Verdict::Allowed, "").await;
    finish(&world, paid).await;
    line(&world, 2, "pay", Verdict::Denied, "/tools/pay/deny_if/args.amount-gt").await;
    line(&world, 3, "list", Verdict::Held, "/tools/list/approve_if/always").await;

    let count = async |query: &str| {
        let answer =
            world.ask(Some(&world.viewer), "GET", &format!("/calls{query}"), "", &[]).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.json()["items"].as_array().unwrap().len()
    };
    for (query, expected) in [
        ("", 3),
        ("?grant=agent", 3),
        ("?grant=nobody", 0),
        ("?server=payments", 3),
        ("?tool=pay", 2),
        ("?tool=p*", 2),
        ("?tool=*", 3),
        ("?tool=%25", 0),
        ("?decision=denied", 1),
        ("?decision=held", 1),
        ("?outcome=completed", 1),
        ("?outcome=unknown", 0),
        ("?rule=/tools/pay", 1),
        ("?rule=/tools/pa", 0),
        ("?since=2020-01-01T00:00:00Z", 3),
        ("?until=2020-01-01T00:00:00Z", 0),
        ("?tool=pay&decision=allowed", 1),
        ("?limit=2", 2),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    let first = world.admin("GET", "/calls?limit=2", "").await.json();
    let next = first["next"].as_str().unwrap();
    let second = world.admin("GET", &format!("/calls?limit=2&after={next}"), "").await.json();
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert!(second["next"].is_null());

    let one = world.admin("GET", &format!("/calls/{paid}"), "").await.json();
    assert_eq!(one["decision"], "allowed");
    assert_eq!(one["outcome"]["class"], "completed");
    assert_eq!(one["grant"]["name"], "agent");
    assert_eq!(one["known_args"][0], "amount");
}

/// Reads from a stream until it has shown all of these, in order.
async fn expect(stream: &mut TcpStream, seen: &mut String, words: &[&str]) {
    let reading = async {
        loop {
            let mut at = 0;
            let all = words.iter().all(|word| match seen[at..].find(word) {
                Some(found) => {
                    at += found + word.len();
                    true
                }
                None => false,
            });
            if all {
                return;
            }
            let mut part = vec![0; 65536];
            let count = stream.read(&mut part).await.unwrap();
            assert!(count > 0, "the stream ended; it said: {seen}");
            seen.push_str(&String::from_utf8_lossy(&part[..count]));
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(10), reading).await.is_ok();
    assert!(done, "the stream never said {words:?}; it said: {seen}");
}

#[tokio::test]
async fn the_log_is_followed_line_by_line_and_taken_up_again() {
    let world = ready().await;
    line(&world, 1, "before", Verdict::Denied, "").await;
    let (mut stream, answer) = world.follow(&world.viewer, "/calls/tail", &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut seen = answer.body.clone();
    expect(&mut stream, &mut seen, &[": following"]).await;

    let paid = line(&world, 2, "pay", Verdict::Allowed, "").await;
    expect(
        &mut stream,
        &mut seen,
        &["id: 2", "event: call", "\"tool\":\"pay\"", "\"outcome\":null"],
    )
    .await;
    finish(&world, paid).await;
    expect(&mut stream, &mut seen, &["event: outcome", "\"class\":\"completed\""]).await;
    line(&world, 3, "list", Verdict::Denied, "").await;
    expect(&mut stream, &mut seen, &["id: 3", "\"tool\":\"list\""]).await;
    assert!(!seen.contains("before"), "{seen}");
    drop(stream);

    let (mut stream, answer) =
        world.follow(&world.viewer, "/calls/tail?tool=list", &[("last-event-id", "0")]).await;
    let mut seen = answer.body.clone();
    expect(&mut stream, &mut seen, &["id: 3"]).await;
    assert!(!seen.contains("\"tool\":\"pay\""), "{seen}");

    for (path, headers) in [
        ("/calls/tail?limit=5", &[][..]),
        ("/calls/tail?decision=maybe", &[]),
        ("/calls/tail", &[("last-event-id", "-1")]),
        ("/calls/tail", &[("last-event-id", "x")]),
    ] {
        let answer = world.ask(Some(&world.viewer), "GET", path, "", headers).await;
        assert_eq!(answer.status, 422, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let world = ready().await;
    let made = world.admin("POST", "/api-keys", r#"{"label":"k","role":"viewer"}"#).await.json();
    let (mut stream, answer) =
        world.follow(made["token"].as_str().unwrap(), "/calls/tail", &[]).await;
    assert_eq!(answer.status, 200);
    let id = made["key"]["id"].as_str().unwrap();
    assert_eq!(world.admin("DELETE", &format!("/api-keys/{id}"), "").await.status, 204);
    // The last chunk of a body has no bytes.
    let mut seen = String::new();
    expect(&mut stream, &mut seen, &["0\r\n\r\n"]).await;
}

#[tokio::test]
async fn open_streams_are_counted() {
    let world = ready().await;
    let mut streams = vec![];
    for _ in 0..64 {
        let (stream, answer) = world.follow(&world.viewer, "/calls/tail", &[]).await;
        assert_eq!(answer.status, 200);
        streams.push(stream);
    }
    let (_, answer) = world.follow(&world.viewer, "/calls/tail", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "too_many_streams"));
}

#[tokio::test]
async fn the_newest_calls_are_added_up_by_the_hour() {
    let world = ready().await;
    let first = line(&world, 1, "pay", Verdict::Allowed, "").await;
    finish(&world, first).await;
    line(&world, 2, "pay", Verdict::Allowed, "").await;
    let over = "/tools/pay/deny_if/args.amount-gt";
    line(&world, 3, "pay", Verdict::Denied, over).await;
    line(&world, 4, "pay", Verdict::Denied, over).await;
    line(&world, 5, "drop", Verdict::Denied, "(default deny)").await;
    line(&world, 6, "list", Verdict::Held, "/tools/list/approve_if/always").await;
    let asked = async |query: &str| {
        let path = format!("/calls/summary{query}");
        world.ask(Some(&world.viewer), "GET", &path, "", &[]).await
    };
    let told = asked("").await.json();
    let all = &told["all"];
    let counts = ["allowed", "held", "denied", "unknown", "reached"].map(|n| all[n].as_u64());
    assert_eq!(counts, [2, 1, 3, 0, 1].map(Some), "{told}");
    assert_eq!((&all["p50_micros"], &all["p99_micros"]), (&500.into(), &500.into()));
    let hours = told["hours"].as_array().unwrap();
    assert_eq!((hours.len(), &told["complete"]), (24, &true.into()));
    assert_eq!((&hours[23]["denied"], &hours[0]["denied"]), (&3.into(), &0.into()));
    assert!(hours[0]["p50_micros"].is_null() && hours[23]["p50_micros"] == 500);
    let rules = told["rules"].as_array().unwrap();
    let rules: Vec<_> = rules.iter().map(|r| (&r["rule"], &r["tool"], &r["count"])).collect();
    let none = serde_json::Value::Null;
    let (pointer, engine) = (&over.into(), &"(default deny)".into());
    assert_eq!(rules, [(pointer, &none, &2.into()), (engine, &"drop".into(), &1.into())]);

    assert_eq!(asked("?hours=1").await.json()["hours"].as_array().unwrap().len(), 1);
    assert_eq!(asked("?server=payments").await.json()["all"]["denied"], 3);
    assert_eq!(asked("?server=other").await.json()["all"]["denied"], 0);
    for bad in ["?hours=0", "?hours=169", "?hours=x", "?until=x"] {
        assert_eq!(asked(bad).await.status, 422, "{bad}");
    }
}
