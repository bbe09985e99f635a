//! Watching a candidate: who may, what it keeps, when it ends. That it judges is tried with the gateway.

use std::collections::BTreeMap;

use store::{
    CallId, ControlPlane as _, DataPlane as _, GrantId, Verdict, WatchBatch, WatchId, WatchWord,
    WatchedCall,
};

use crate::world::{POLICY, World, now};

async fn ready() -> World {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    world
}

fn start(text: &str) -> String {
    serde_json::json!({ "text": text, "hours": 1, "note": "look first" }).to_string()
}

/// What a candidate said of one call.
fn said(number: u8, candidate: Verdict, rule: &str) -> WatchedCall {
    WatchedCall {
        call: CallId::new(now(), [number; 10]),
        at: now(),
        grant: GrantId::from("grt_x"),
        grant_label: "agent".into(),
        tool: "pay".into(),
        live: WatchWord { verdict: Verdict::Allowed, rule: "".into() },
        live_version: 1,
        candidate: WatchWord { verdict: candidate, rule: rule.into() },
        reason: if candidate == Verdict::Denied { "deny_if".into() } else { "".into() },
    }
}

/// Hands over what a candidate said, as the gateway would.
async fn seen(world: &World, watch: &str, calls: Vec<WatchedCall>, missed: u64) {
    let mut batch = WatchBatch { tallies: BTreeMap::new(), calls: Vec::new(), missed };
    for call in calls {
        let kind = (call.tool.clone(), call.live.clone(), call.candidate.clone());
        batch.tallies.entry(kind).or_insert((0, call.at, call.at)).0 += 1;
        batch.calls.push(call);
    }
    world.store.watched(vec![(WatchId::from(watch), batch)]).await.unwrap();
}

#[tokio::test]
async fn a_candidate_is_watched_beside_the_live_version_until_it_is_stopped() {
    let world = ready().await;
    let candidate = POLICY.replace("100", "50");
    assert_eq!(world.admin("GET", "/policies/support/watch", "").await.status, 404);
    let (path, body) = ("/policies/support/watch", start(&candidate));
    let made = world.ask(Some(&world.manager), "POST", path, &body, &[]).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let watch = made.json();
    assert_eq!((&watch["running"], &watch["base"]), (&true.into(), &1.into()));
    assert_eq!(watch["text"], candidate.as_str(), "what is watched is the text as it was");
    assert_eq!(world.store.view().await.unwrap().watches.len(), 1);

    let id = watch["id"].as_str().unwrap();
    let rule = "/tools/pay/deny_if/args.amount-gt";
    let calls = vec![
        said(1, Verdict::Allowed, ""),
        said(2, Verdict::Denied, rule),
        said(3, Verdict::Denied, rule),
    ];
    seen(&world, id, calls, 4).await;
    let told =
        world.ask(Some(&world.viewer), "GET", "/policies/support/watch", "", &[]).await.json();
    let counts = (&told["judged"], &told["differing"], &told["missed"]);
    assert_eq!(counts, (&3.into(), &2.into(), &4.into()));
    assert_eq!(told["tallies"][0]["count"], 2, "the most frequent first");
    assert_eq!(told["tallies"][0]["candidate"]["rule"], rule);
    assert_eq!(told["tallies"][0]["opens"], false);
    assert_eq!(told["can"]["stop"], false, "a viewer looks and does not stop");

    let list = async |query: &str| {
        let path = format!("/policies/support/watch/calls{query}");
        world.ask(Some(&world.viewer), "GET", &path, "", &[]).await
    };
    let differing = list("").await.json();
    assert_eq!(differing["items"].as_array().unwrap().len(), 2);
    assert_eq!(differing["items"][0]["grant"]["name"], "agent");
    let first = list("?which=all&limit=2").await.json();
    let next = first["next"].as_str().unwrap();
    let rest = list(&format!("?which=all&limit=2&after={next}")).await.json();
    assert_eq!(
        (rest["items"].as_array().unwrap().len(), &rest["next"]),
        (1, &serde_json::Value::Null)
    );
    assert_eq!(list("?which=some").await.status, 422);

    let stop = async || {
        world.ask(Some(&world.manager), "DELETE", "/policies/support/watch", "", &[]).await.status
    };
    assert_eq!(stop().await, 204);
    let lines = world.changes().await.len();
    assert_eq!(stop().await, 204, "stopping again changes nothing");
    assert_eq!(world.changes().await.len(), lines);
    assert!(world.store.view().await.unwrap().watches.is_empty());
    let over = world.admin("GET", "/policies/support/watch", "").await.json();
    assert_eq!((&over["running"], &over["judged"]), (&false.into(), &3.into()), "it can be read");
}

#[tokio::test]
async fn nothing_is_watched_that_could_not_be_published_or_has_nothing_beside_it() {
    let world = ready().await;
    let watch = async |path: &str, body: &str| {
        let answer = world.ask(Some(&world.manager), "POST", path, body, &[]).await;
        (answer.status, answer.code())
    };
    let path = "/policies/support/watch";
    assert_eq!(watch(path, &start("{\"version\":\"2\"}")).await, (422, "policy_invalid".into()));
    assert_eq!(watch(path, "").await, (404, "not_found".into()), "there is no draft");
    for hours in ["0", "721", "4294967295"] {
        let body = serde_json::json!({ "text": POLICY }).to_string();
        let body = body.replacen('{', &format!("{{\"hours\":{hours},"), 1);
        assert_eq!(watch(path, &body).await.0, 422, "{hours}");
    }
    world.admin("POST", "/policies", r#"{"name":"empty"}"#).await;
    assert_eq!(watch("/policies/empty/watch", &start(POLICY)).await.0, 409);
    let viewer = world.ask(Some(&world.viewer), "POST", path, &start(POLICY), &[]).await;
    assert_eq!(viewer.status, 403);
    assert!(world.store.view().await.unwrap().watches.is_empty());
}

#[tokio::test]
async fn publishing_ends_the_watch_and_a_new_one_forgets_the_old() {
    let world = ready().await;
    let path = "/policies/support/watch";
    let first = world.admin("POST", path, &start(POLICY)).await.json();
    let old = first["id"].as_str().unwrap().to_owned();
    seen(&world, &old, vec![said(1, Verdict::Held, "/x")], 0).await;
    let text = serde_json::json!({ "text": POLICY.replace("100", "60") }).to_string();
    assert_eq!(world.admin("POST", "/policies/support/versions", &text).await.status, 201);
    let over = world.admin("GET", path, "").await.json();
    assert_eq!((&over["running"], &over["judged"]), (&false.into(), &1.into()));
    assert!(over["ended_at"].is_string());

    let next = world.admin("POST", path, &start(POLICY)).await.json();
    assert_eq!((&next["base"], &next["judged"]), (&2.into(), &0.into()));
    // What comes late of the old one is let go.
    seen(&world, &old, vec![said(2, Verdict::Held, "/x")], 7).await;
    let told = world.admin("GET", path, "").await.json();
    assert_eq!((&told["judged"], &told["missed"]), (&0.into(), &0.into()));
    // It ends by itself.
    world.clock.pass(3_601);
    assert_eq!(world.admin("GET", path, "").await.json()["running"], false);
}

#[tokio::test]
async fn a_candidate_that_somebody_wrote_into_the_database_is_not_asked() {
    let world = ready().await;
    world.admin("POST", "/policies/support/watch", &start(POLICY)).await;
    let database = rusqlite::Connection::open(world.database()).unwrap();
    database.execute("UPDATE policy_watches SET text = CAST('{}' AS BLOB)", []).unwrap();
    assert!(world.store.view().await.unwrap().watches.is_empty());
    assert_eq!(world.admin("GET", "/policies/support/watch", "").await.status, 404);
    let policies = world.store.policies(world.store.org()).await.unwrap();
    assert_eq!(policies.len(), 1, "the policy itself goes on");
}

#[tokio::test]
async fn nobody_fills_the_disk_with_what_a_candidate_says() {
    let world = ready().await;
    let watch = world.admin("POST", "/policies/support/watch", &start(POLICY)).await.json();
    let id = watch["id"].as_str().unwrap();
    for part in 0..6 {
        let calls = (0..1_000).map(|n| said(1, Verdict::Denied, &format!("/{part}/{n}"))).collect();
        seen(&world, id, calls, 0).await;
    }
    let told = world.admin("GET", "/policies/support/watch", "").await.json();
    assert_eq!(told["judged"], 6_000, "every call is counted");
    assert!(told["tallies"].as_array().unwrap().len() <= 2_001);
    let database = rusqlite::Connection::open(world.database()).unwrap();
    let count = "SELECT count(*) FROM watch_calls";
    let kept: i64 = database.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 5_000);
}
