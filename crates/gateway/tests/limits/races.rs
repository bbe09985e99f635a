//! Callers that race for room, through the whole gateway. Row Q01; a thousand rounds of it are in
//! the tests of the store.

use serde_json::{Value, json};
use testkit::{Era, GrantIn, Response};

use crate::house::{decision, done, house, house_under, sums, usage};

/// Q01: 64 parallel calls for 10 places, shared by two grants of one identity.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_ten_of_64_pass() {
    for scope in ["grant", "identity", "policy", "server", "organisation"] {
        let house =
            house_under(json!({"version": "1", "default": "deny", "tools": {"few": {"limits": [
            {"counter": "few", "window": "day", "max": 10, "scope": scope}]}}}))
            .await;
        let agents = [house.agent("a"), house.agent("b")];
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..64 {
            let agent = agents[number % 2].clone();
            let era = if number % 3 == 0 { Era::Modern } else { Era::Legacy };
            calls.spawn(async move { (number % 2, agent.call(&era, "few", json!({})).await) });
        }
        let answers = calls.join_all().await;
        let passed = |of: usize| answers.iter().filter(|(n, a)| *n == of && done(a)).count();
        let expected = if scope == "grant" { 20 } else { 10 };
        assert_eq!(passed(0) + passed(1), expected, "Q01 {scope}");
        assert_eq!(house.upstream.calls().len(), expected, "Q01 {scope}");
        if scope == "grant" {
            assert_eq!((passed(0), passed(1)), (10, 10), "Q01 {scope}");
        }
        for (_, refused) in answers.iter().filter(|(_, answer)| !done(answer)) {
            let told = decision(refused);
            assert_eq!(told["rule"], "/tools/few/limits/few", "Q01 {scope} {told}");
            assert!(told["retry_after_ms"].is_u64(), "Q01 {scope} {told}");
        }
        house.settled_after(0).await;
        for label in ["a", "b"] {
            assert_eq!(sums(&house, label, "few").await, (10_000_000, 0, 0), "Q01 {scope} {label}");
        }
    }
}

/// A cap under random decimal amounts: the sum never passes it, and whatever was refused would not
/// have fitted at the end either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cap_is_never_passed_and_never_wasted() {
    let house = house().await;
    let mut random = 0x9e37_79b9_u64;
    for round in 0..6 {
        let label: &'static str = ["r0", "r1", "r2", "r3", "r4", "r5"][round];
        let agent = house.issue(GrantIn::new(label)).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let millionths = i64::try_from((random >> 33) % 60_000_000).unwrap() + 1;
            let agent = agent.clone();
            calls.spawn(async move {
                let amount: Value = serde_json::from_str(&format!(
                    "{}.{:06}",
                    millionths / 1_000_000,
                    millionths % 1_000_000
                ))
                .unwrap();
                let arguments = json!({"amount": amount, "currency": "usd"});
                (millionths, agent.call(&Era::Legacy, "pay", arguments).await)
            });
        }
        let answers = calls.join_all().await;
        house.settled_after(0).await;
        let spent: i64 = answers.iter().filter(|(_, a)| done(a)).map(|(m, _)| m).sum();
        assert_eq!(sums(&house, label, "value usd").await, (spent, 0, 0), "{round}");
        assert!(spent <= 1_000_000_000, "{round}: {spent}");
        let refused: Vec<&(i64, Response)> = answers.iter().filter(|(_, a)| !done(a)).collect();
        assert!(!refused.is_empty(), "{round}: the cap was reached");
        for (millionths, answer) in refused {
            assert_eq!(decision(answer)["reason"], "limit", "{}", answer.text());
            assert!(spent + millionths > 1_000_000_000, "{round}: {millionths} would have fitted");
        }
        assert_eq!(usage(&house, label).await["calls"].1, 0, "{round}");
    }
}
