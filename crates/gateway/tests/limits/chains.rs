//! Calls of several legs. Row Q24.

use serde_json::json;
use store::OutcomeClass;
use testkit::{Agent, Answer, Era};

use crate::house::{decision, done, house, pay, sums, usage};

/// Q24: one reservation for the chain, whatever the number of its legs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_legs_of_a_call_count_once() {
    let house = house().await;
    let agent = house.agent("a");
    house.upstream.on_call(|seen| {
        let leg = seen.message["params"]["requestState"].as_str().map_or(0, |s| s.len());
        if leg == 3 {
            return Answer::text(seen, "done");
        }
        let asks = json!({"resultType": "input_required", "requestState": "x".repeat(leg + 1)});
        Answer::result(seen, asks)
    });
    let leg = async |arguments: &serde_json::Value, state: Option<&str>| {
        let mut params = json!({"name": "pay", "arguments": arguments});
        if let Some(state) = state {
            params["requestState"] = json!(state);
        }
        agent.ask(&Era::Modern, Agent::message(&Era::Modern, "tools/call", params)).await
    };
    let arguments = pay(10.5);
    let held = (0, 10_500_000, 0);
    let mut state = None;
    for round in 0..3 {
        let answer = leg(&arguments, state.as_deref()).await;
        let given = answer.json()["result"]["requestState"].as_str().map(str::to_owned);
        assert!(given.is_some(), "Q24 {round} {}", answer.text());
        state = given;
        house.settled_after(0).await;
        assert_eq!(sums(&house, "a", "value usd").await, held, "Q24 leg {round}");
        assert_eq!(sums(&house, "a", "calls").await, (0, 1_000_000, 0), "Q24 leg {round}");
    }
    assert!(done(&leg(&arguments, state.as_deref()).await), "Q24");
    let lines = house.ended_after(0).await;
    assert_eq!(lines.len(), 1, "one call, one line");
    assert_eq!(lines[0].outcome.as_ref().unwrap().class, OutcomeClass::Completed);
    assert_eq!(sums(&house, "a", "value usd").await, (10_500_000, 0, 0));
    assert_eq!(sums(&house, "a", "calls").await, (1_000_000, 0, 0));

    // Other arguments under the state of this call: refused, and what is held is not moved.
    let first = leg(&arguments, None).await.json();
    let state = first["result"]["requestState"].as_str().unwrap().to_owned();
    let before = usage(&house, "a").await;
    let refused = leg(&pay(999), Some(&state)).await;
    assert_eq!(refused.status, 400, "Q24 {}", refused.text());
    assert_eq!(usage(&house, "a").await, before, "Q24");
    // A chain that nobody goes on with ends as unknown: money stays, the count goes back.
    house.clock.pass_seconds(601);
    for _ in 0..200 {
        house.settled_after(0).await;
        if sums(&house, "a", "value usd").await.2 > 0 {
            break;
        }
        let _any = decision(&agent.call(&Era::Modern, "plain", json!({})).await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(sums(&house, "a", "value usd").await, (10_500_000, 0, 10_500_000), "Q24");
    assert_eq!(sums(&house, "a", "calls").await, (1_000_000, 0, 0), "Q24");
}
