//! A clock in doubt. Row Q09.

use serde_json::json;
use store::ControlPlane as _;
use testkit::Era;

use crate::house::{decision, done, house, pay, sums};

/// Q09: the wall clock jumps 25 hours ahead and back. Calls with limits are denied meanwhile, with
/// the rule and the reason, and no others; no window reopens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_of_the_clock_stops_limited_calls_alone() {
    let house = house().await;
    let agent = house.agent("a");
    assert!(done(&agent.call(&Era::Legacy, "pay", pay(900)).await));
    for (what, seconds) in [("ahead", 25 * 3_600), ("back", -25 * 3_600)] {
        house.clock.shift_seconds(seconds);
        for era in [Era::Legacy, Era::Modern] {
            let mark = house.upstream.calls().len();
            let refused = agent.call(&era, "pay", pay(1)).await;
            let told = decision(&refused);
            assert_eq!(told["reason"], "clock_uncertain", "Q09 {what} {era:?} {}", refused.text());
            assert_eq!(told["rule"], "/tools/pay/limits/value", "Q09 {what}");
            assert_eq!(told["decision"], "denied", "Q09 {what}");
            assert!(refused.text().contains("clock"), "{}", refused.text());
            assert!(told["retry_after_ms"].is_null(), "nobody knows when: {told}");
            let few = decision(&agent.call(&era, "few", json!({})).await);
            assert_eq!(few["rule"], "/tools/few/limits/few", "Q09 {what}");
            assert_eq!(house.upstream.calls().len(), mark, "Q09 {what}: nothing left");
            assert!(done(&agent.call(&era, "plain", json!({})).await), "Q09 {what} {era:?}");
        }
        let last = house.lines_after(0).await;
        assert!(last.iter().any(|line| line.intent.reason == "clock_uncertain"), "Q09 {what}");
        house.clock.shift_seconds(-seconds);
        // Set right, it is believed at once: the day's money is as it was.
        let over = decision(&agent.call(&Era::Legacy, "pay", pay(101)).await);
        assert_eq!((&over["reason"], &over["limit"]["left"]), (&json!("limit"), &json!("100")));
    }
    // Ahead for good: an admin says so, and a new day has begun.
    house.clock.shift_seconds(25 * 3_600);
    assert_eq!(
        decision(&agent.call(&Era::Legacy, "pay", pay(1)).await)["reason"],
        "clock_uncertain"
    );
    house.store.clock_confirm(&house.by(), "the machine had the wrong day").await.unwrap();
    assert!(done(&agent.call(&Era::Legacy, "pay", pay(900)).await), "Q09");
    // And back again: whatever anybody says, yesterday's window does not reopen.
    house.clock.shift_seconds(-25 * 3_600);
    house.store.clock_confirm(&house.by(), "it was right before").await.unwrap();
    let over = decision(&agent.call(&Era::Legacy, "pay", pay(101)).await);
    assert_eq!(over["reason"], "limit", "Q09 {over}");
    house.settled_after(0).await;
    assert_eq!(sums(&house, "a", "value usd").await, (900_000_000, 0, 0), "Q09");
}
