//! A candidate that is watched judges beside the live version: it enforces nothing, and neither a wrong,
//! a slow nor an adverse one does anything to a call.

use std::time::Duration;

use serde_json::{Value, json};
use store::{Watch, WatchDraft, WatchTally, Watches as _};
use testkit::{Canary, Era, House};

use crate::house::{decision, done, house, pay, policy};

async fn watch(house: &House, candidate: &Value) -> Watch {
    let text = candidate.to_string().into_bytes();
    let draft = WatchDraft { text, note: String::new(), seconds: 3_600 };
    house.store.policy_watch_start(&house.by(), &house.policy, draft).await.unwrap()
}

/// What was seen once so many calls are accounted for.
async fn seen(house: &House, calls: u64) -> (Watch, Vec<WatchTally>) {
    let org = house.store.org().clone();
    for _ in 0..1_000 {
        let (watch, tallies) =
            house.store.policy_watch(&org, &house.policy).await.unwrap().unwrap();
        if tallies.iter().map(|tally| tally.count).sum::<u64>() + watch.missed >= calls {
            return (watch, tallies);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the calls are not accounted for");
}

fn words(tally: &WatchTally) -> (&str, &str, &str, &str, &str) {
    let (live, candidate) = (&tally.live, &tally.candidate);
    let (said, would) = (live.verdict.as_str(), candidate.verdict.as_str());
    (&tally.tool, said, &live.rule, would, &candidate.rule)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_records_its_decision_and_rule_and_enforces_nothing() {
    let house = house().await;
    let agent = house.agent("a");
    let canary = Canary::new();
    let candidate = json!({"version": "1", "default": "deny", "tools": {"few": {}, "pay": {
        "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}],
        "approve_if": [{"id": "ask", "conditions": []}]}}});
    let before = watch(&house, &candidate).await;
    assert_eq!(before.base, 1);
    assert!(done(&agent.call(&Era::Modern, "pay", pay(600)).await), "the live version decides");
    assert!(done(&agent.call(&Era::Legacy, "pay", pay(6)).await));
    let secret = json!({"currency": canary.text(), "amount": 1});
    assert!(done(&agent.call(&Era::Modern, "plain", secret).await));
    agent.call(&Era::Modern, canary.text(), json!({})).await;

    let (watch, tallies) = seen(&house, 4).await;
    assert_eq!(watch.missed, 0);
    let mut told: Vec<_> = tallies.iter().map(words).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("(unknown tool)", "denied", "(unknown tool)", "denied", "(unknown tool)"),
            ("pay", "allowed", "", "denied", "/tools/pay/deny_if/args.amount-gt"),
            ("pay", "allowed", "", "held", "/tools/pay/approve_if/ask"),
            ("plain", "allowed", "", "denied", "(default deny)"),
        ]
    );
    let page = store::Page { after: None, limit: 100 };
    let org = house.store.org().clone();
    let calls = house.store.policy_watch_calls(&org, &house.policy, true, &page).await.unwrap();
    assert_eq!(calls.items.len(), 3);
    let lines = house.lines_after(0).await;
    for call in &calls.items {
        assert!(lines.iter().any(|line| line.intent.id == call.call), "it leads to the call log");
    }
    // No value and no stranger's word is in what was kept.
    let kept = format!("{tallies:?}{calls:?}");
    assert!(!kept.contains(canary.text()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_of_a_candidate_are_judged_with_the_use_of_the_moment() {
    let house = house().await;
    let agent = house.agent("a");
    watch(&house, &policy()).await;
    for _ in 0..10 {
        assert!(done(&agent.call(&Era::Modern, "few", json!({})).await));
        // Each is judged before the next one takes its share.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let over = decision(&agent.call(&Era::Modern, "few", json!({})).await);
    assert_eq!(over["reason"], "limit");
    let (_, tallies) = seen(&house, 11).await;
    let mut told: Vec<_> = tallies.iter().map(|tally| (words(tally), tally.count)).collect();
    told.sort_unstable();
    let rule = "/tools/few/limits/few";
    assert_eq!(
        told,
        [(("few", "allowed", "", "allowed", ""), 10), (("few", "denied", rule, "denied", rule), 1)],
        "the same limit with the same use says the same"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_does_not_load_is_asked_nothing_and_stops_nothing() {
    let house = house().await;
    let agent = house.agent("a");
    watch(&house, &json!({"version": "7", "surprise": true})).await;
    for _ in 0..3 {
        assert!(done(&agent.call(&Era::Modern, "plain", json!({})).await));
    }
    let (watch, tallies) = seen(&house, 3).await;
    assert_eq!((watch.missed, tallies.len()), (3, 0));
}

/// A candidate that takes as long as a decision may, under more calls than it can judge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_is_slow_misses_calls_and_delays_none() {
    let house = house().await;
    let agent = house.agent("a");
    let long = "a".repeat(30_000);
    let slow: Vec<Value> = (0..200)
        .map(|n| {
            json!({"id": format!("r{n}"), "conditions": [
                {"path": "args.currency", "op": "regex", "value": "(a?){20}b[0-9]{1,40}$"}]})
        })
        .collect();
    let candidate =
        json!({"version": "1", "default": "deny", "tools": {"plain": {"deny_if": slow}}});
    watch(&house, &candidate).await;
    let calls = 600_u64;
    let began = std::time::Instant::now();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (agent, long) = (agent.clone(), long.clone());
        all.spawn(async move {
            for _ in 0..calls / 20 {
                let args = json!({"currency": long});
                assert!(done(&agent.call(&Era::Modern, "plain", args).await));
            }
        });
    }
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "600 calls took {took:?}");
    // One that is too large to be copied passes and is counted.
    let huge = json!({"currency": "a".repeat(100_000)});
    assert!(done(&agent.call(&Era::Modern, "plain", huge).await));
    let org = house.store.org().clone();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (watch, tallies) = house.store.policy_watch(&org, &house.policy).await.unwrap().unwrap();
    assert!(watch.missed >= 1, "what does not fit is counted: {watch:?}");
    assert!(tallies.iter().map(|tally| tally.count).sum::<u64>() + watch.missed <= calls + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_judged_beside_once_the_watch_is_over() {
    let house = house().await;
    let agent = house.agent("a");
    watch(&house, &json!({"version": "1", "default": "deny"})).await;
    house.clock.pass_seconds(3_600);
    assert!(done(&agent.call(&Era::Modern, "plain", json!({})).await));
    house.clock.pass_seconds(-3_600);
    house.store.policy_watch_stop(&house.by(), &house.policy).await.unwrap();
    assert!(done(&agent.call(&Era::Modern, "plain", json!({})).await));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let org = house.store.org().clone();
    let (watch, tallies) = house.store.policy_watch(&org, &house.policy).await.unwrap().unwrap();
    assert_eq!((watch.missed, tallies.len()), (0, 0));
}
