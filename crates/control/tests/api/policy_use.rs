//! How often each rule of a policy decided, as people are told.

use serde_json::{Value, json};
use store::{Intent, Verdict};

use crate::lines;
use crate::world::{POLICY, World};

const OVER: &str = "/tools/pay/deny_if/args.amount-gt";

async fn ready() -> World {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    world
}

/// A denial by a rule of the policy as it is now, for as many calls.
async fn denial(world: &World, number: u8, rule: &str, count: u32) -> Intent {
    let (verdict, reason) = (Verdict::Denied, "deny_if");
    Intent {
        verdict,
        rule: rule.into(),
        reason,
        count,
        ..lines::judged(world, number, "pay").await
    }
}

#[tokio::test]
async fn each_rule_is_counted_by_the_day_and_the_log_shows_the_same_lines() {
    let world = ready().await;
    let asked = async |query: &str| {
        let path = format!("/policies/support/use{query}");
        world.ask(Some(&world.viewer), "GET", &path, "", &[]).await
    };
    assert_eq!(asked("").await.json()["rules"], json!([]));
    lines::write(&world, denial(&world, 1, OVER, 1).await).await;
    lines::write(&world, denial(&world, 2, OVER, 40).await).await;
    lines::write(&world, denial(&world, 3, "(default deny)", 1).await).await;
    let beside = Intent { policy: None, ..denial(&world, 4, OVER, 1).await };
    lines::write(&world, beside).await;
    lines::write(&world, lines::judged(&world, 5, "list").await).await;
    let newer = json!({ "text": POLICY.replace("100", "200") }).to_string();
    assert_eq!(world.admin("POST", "/policies/support/versions", &newer).await.status, 201);
    lines::write(&world, denial(&world, 6, OVER, 1).await).await;

    let told = asked("").await;
    assert_eq!(told.status, 200, "{}", told.body);
    let told = told.json();
    let days: Vec<&str> =
        told["days"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
    assert_eq!(days.len(), 7);
    assert!(
        days.is_sorted() && days.iter().all(|day| day.ends_with("00:00:00.000000Z")),
        "{days:?}"
    );
    // Midnight may have passed since the first line.
    let sum = |rule: &Value| {
        let counts = rule["counts"].as_array().unwrap();
        assert_eq!(counts.len(), 7, "{rule}");
        counts.iter().map(|count| count.as_u64().unwrap()).sum::<u64>()
    };
    let rules = told["rules"].as_array().unwrap();
    let seen: Vec<_> =
        rules.iter().map(|r| (&r["rule"], &r["total"], sum(r), &r["version"])).collect();
    let (over, default) = (json!(OVER), json!("(default deny)"));
    assert_eq!(seen, [(&over, &json!(42), 42, &json!(2)), (&default, &json!(1), 1, &json!(1))]);
    assert_eq!((&rules[0]["of_tools"], &rules[0]["held"]), (&json!(true), &json!(0)));
    assert_eq!((&told["left_out"], &told["complete"]), (&json!(0), &json!(true)));

    // The log, filtered by the same, has these very calls: by the policy's name and by its id.
    let id =
        world.admin("GET", "/policies/support", "").await.json()["id"].as_str().unwrap().to_owned();
    for policy in ["support", &id] {
        let path = format!("/calls?policy={policy}&rule={OVER}&since={}", days[0]);
        let lines = world.admin("GET", &path, "").await.json();
        let lines = lines["items"].as_array().unwrap();
        assert_eq!(lines.iter().map(|line| line["count"].as_u64().unwrap()).sum::<u64>(), 42);
    }
    assert_eq!(world.admin("GET", "/calls?policy=nobody", "").await.json()["items"], json!([]));

    for days in [1, 31] {
        let told = asked(&format!("?days={days}")).await.json();
        assert_eq!(told["days"].as_array().unwrap().len(), days);
        assert_eq!(told["rules"][0]["counts"].as_array().unwrap().len(), days);
    }
}

#[tokio::test]
async fn what_is_asked_of_a_count_is_looked_at_closely() {
    let world = ready().await;
    let ask = async |path: &str| {
        let answer = world.ask(Some(&world.viewer), "GET", path, "", &[]).await;
        (answer.status, answer.code())
    };
    for query in ["days=0", "days=32", "days=-1", "days=x", "days=", "days=7&days=7", "day=7"] {
        let answer = ask(&format!("/policies/support/use?{query}")).await;
        assert_eq!(answer, (422, "invalid".to_owned()), "{query}");
    }
    assert_eq!(ask("/policies/nobody/use").await, (404, "not_found".to_owned()));
    let long = "p".repeat(513);
    assert_eq!(ask(&format!("/calls?policy={long}")).await, (422, "invalid".to_owned()));
}
