//! Exact amounts, as they come over the wire. Rows Q03, Q04, Q05, Q11, Q21.

use serde_json::{Value, json};
use testkit::{Agent, Era};

use crate::house::{decision, done, house, house_under, pay, sums, usage};

fn spending(max: &str) -> Value {
    let text = format!(
        r#"{{"version": "1", "default": "deny", "tools": {{"pay": {{"limits": [{{"counter": "value",
        "window": "month", "max": {max}, "amount": "args.amount", "per": ["args.currency"]}}]}}}}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

/// Q04: a thousand times 0.99 is 990, to the last millionth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_times_0_99_is_990() {
    let house = house_under(spending("990")).await;
    let agent = house.agent("a");
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let agent = agent.clone();
        callers.spawn(async move {
            for _ in 0..125 {
                let answer = agent.call(&Era::Legacy, "pay", pay(0.99)).await;
                assert!(done(&answer), "Q04 {}", answer.text());
            }
        });
    }
    callers.join_all().await;
    assert_eq!(sums(&house, "a", "value usd").await, (990_000_000, 0, 0));
    let body = Agent::call_text(&Era::Legacy, "pay", r#"{"amount": 1e-7, "currency": "usd"}"#);
    let over = decision(&agent.ask(&Era::Legacy, body).await);
    assert_eq!(
        (&over["rule"], &over["reason"]),
        (&json!("/tools/pay/limits/value"), &json!("limit"))
    );
    assert_eq!((&over["limit"]["left"], &over["limit"]["max"]), (&json!("0"), &json!("990")));
    assert!(over["retry_after_ms"].as_u64().unwrap() > 0, "{over}");
}

/// Q03, Q04: each amount as text, what it adds in millionths, or why it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_count_exactly_or_not_at_all() {
    let house = house_under(spending("9223372036854")).await;
    let agent = house.agent("a");
    let table: [(&str, Result<i64, &str>); 26] = [
        ("0.1", Ok(100_000)),
        ("0.2", Ok(200_000)),
        ("0.99", Ok(990_000)),
        ("1e-3", Ok(1_000)),
        ("1e-7", Ok(1)),
        ("0.0000011", Ok(2)),
        ("1.0", Ok(1_000_000)),
        ("1E+2", Ok(100_000_000)),
        ("0", Ok(0)),
        ("-5", Err("limit_amount")),
        ("-0.000001", Err("limit_amount")),
        ("-0", Err("negative_zero")),
        ("-0.0", Err("negative_zero")),
        ("\"5\"", Err("limit_amount")),
        ("null", Err("limit_amount")),
        ("true", Err("limit_amount")),
        ("[5]", Err("limit_amount")),
        ("{\"amount\": 5}", Err("limit_amount")),
        ("9223372036855", Err("limit_amount")),
        ("9007199254740991", Err("limit_amount")),
        // Numbers on which readers differ are refused before anything is judged.
        ("9223372036854.775807", Err("number_not_exact")),
        ("9223372036854775807", Err("number_not_exact")),
        ("0.1000000000000000055", Err("number_not_exact")),
        ("1e400", Err("number_out_of_range")),
        // The largest amount there is does not fit any more, and wraps nothing.
        ("9223372036854", Err("limit")),
        ("9223372036000", Ok(9_223_372_036_000_000_000)),
    ];
    for (amount, expected) in table {
        for (number, era) in [Era::Legacy, Era::Modern].into_iter().enumerate() {
            let big = amount.len() > 12 && expected.is_ok();
            if big && number > 0 {
                continue;
            }
            let before = sums(&house, "a", "value usd").await.0;
            let line = house.last_line().await;
            let arguments = format!(r#"{{"amount": {amount}, "currency": "usd"}}"#);
            let answer = agent.ask(&era, Agent::call_text(&era, "pay", &arguments)).await;
            house.settled_after(0).await;
            let added = sums(&house, "a", "value usd").await.0 - before;
            match expected {
                Ok(millionths) => {
                    assert!(done(&answer), "{amount} {era:?} {}", answer.text());
                    assert_eq!(added, millionths, "{amount} {era:?}");
                }
                Err(reason) => {
                    let lines = house.lines_after(line).await;
                    assert_eq!(lines[0].intent.reason, reason, "{amount} {}", answer.text());
                    assert_eq!(added, 0, "{amount} {era:?}");
                }
            }
        }
    }
    for missing in
        ["{}", r#"{"currency": "usd"}"#, r#"{"amount": 5}"#, r#"{"amount": 5, "currency": null}"#]
    {
        let answer = agent.ask(&Era::Legacy, Agent::call_text(&Era::Legacy, "pay", missing)).await;
        let reason = decision(&answer)["reason"].clone();
        assert!(reason == "limit_amount" || reason == "limit_per", "{missing} {reason}");
    }
}

/// Q05: each currency has its budget, and a currency spelled otherwise is another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn currencies_are_counted_apart() {
    let house = house_under(spending("100")).await;
    let agent = house.agent("a");
    let call = async |amount: i64, currency: Value| {
        agent.call(&Era::Modern, "pay", json!({"amount": amount, "currency": currency})).await
    };
    for currency in ["USD", "JPY", "usd"] {
        assert!(done(&call(100, json!(currency)).await), "Q05 {currency}");
        assert_eq!(decision(&call(1, json!(currency)).await)["reason"], "limit", "Q05 {currency}");
    }
    for odd in [json!(["USD"]), json!({"code": "USD"}), Value::Null] {
        assert_eq!(decision(&call(1, odd.clone()).await)["reason"], "limit_per", "Q05 {odd}");
    }
    // A number is not its text: each is a budget of its own.
    assert!(done(&call(60, json!(1)).await));
    assert!(done(&call(60, json!("1")).await));
    assert_eq!(
        decision(
            &agent
                .ask(
                    &Era::Modern,
                    Agent::call_text(&Era::Modern, "pay", r#"{"amount": 60, "currency": 1.0}"#)
                )
                .await
        )["reason"],
        "limit",
        "1.0 is 1"
    );
    house.settled_after(0).await;
    let values: Vec<String> = usage(&house, "a").await.into_keys().collect();
    assert!(values.contains(&"value JPY".to_owned()) && values.contains(&"value USD".to_owned()));
}

/// Q11: several limits are taken together or not at all. Q21: the same call once more counts once
/// more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_limits_or_none_and_every_call_anew() {
    let house = house().await;
    let agent = house.agent("a");
    for round in 1..=3 {
        assert!(done(&agent.call(&Era::Legacy, "pay", pay(300)).await), "Q21 {round}");
    }
    house.settled_after(0).await;
    let before = usage(&house, "a").await;
    assert_eq!((before["value usd"], before["calls"]), ((900_000_000, 0, 0), (3_000_000, 0, 0)));
    let refused = agent.call(&Era::Legacy, "pay", pay(300)).await;
    let told = decision(&refused);
    assert_eq!(told["rule"], "/tools/pay/limits/value", "Q11 {told}");
    assert_eq!(told["limit"]["left"], "100", "Q11 {told}");
    assert!(refused.text().contains("[POLICY DENIED]"), "{}", refused.text());
    assert_eq!(usage(&house, "a").await, before, "Q11");
    // What no window could ever hold is told without a time to come back.
    let told = decision(&agent.call(&Era::Legacy, "pay", pay(1000.5)).await);
    assert_eq!(
        (&told["reason"], &told["retry_after_ms"]),
        (&json!("limit"), &Value::Null),
        "{told}"
    );
    assert_eq!(told["limit"]["left"], "100");
}
