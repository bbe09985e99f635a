//! P: policy evaluation, seen from outside.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Answer, Era, House, Setup};

use crate::fixture;
use crate::table::{Logged, Row, Told, run};

fn denied(
    id: &'static str,
    tool: &str,
    arguments: &str,
    rule: &'static str,
    reason: &'static str,
) -> Row {
    Row::call(id, tool, arguments, Told::Denied(rule), Logged::One(reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rule_cannot_judge_is_not_let_through() {
    let currency = "/tools/not_in/deny_if/args.currency-not_in";
    let name = "/tools/patterned/require/args.name-matches";
    let dotted = "/tools/dotted/require/args[\"a.b\"]-eq";
    let items = "/tools/basket/deny_if/args.items[*].currency-neq";
    let amounts = "/tools/basket/deny_if/args.items[*].amount-gt";
    let rows = vec![
        denied("P01", "not_in", "{}", currency, "deny_if"),
        denied("P01", "not_in", r#"{"note":"{C}"}"#, currency, "deny_if"),
        denied("P01", "not_in", r#"{"currency":null}"#, currency, "deny_if"),
        denied("P01", "not_in", r#"{"currency":["usd"]}"#, currency, "deny_if"),
        denied("P01", "not_in", r#"{"currency":"gbp{C}"}"#, currency, "deny_if"),
        denied("P04", "patterned", r#"{"name":"x\nfeat/{C}"}"#, name, "require"),
        denied("P04", "patterned", r#"{"name":"feat/x\n{C}"}"#, name, "require"),
        denied("P04", "patterned", r#"{"name":" feat/{C}"}"#, name, "require"),
        denied("P04", "patterned", r#"{"name":["feat/{C}"]}"#, name, "require"),
        denied("P05", "dotted", r#"{"a":{"b":"yes"}}"#, dotted, "require"),
        denied("P05", "dotted", r#"{"a.b":"no{C}","a":{"b":"yes"}}"#, dotted, "require"),
        denied(
            "P12",
            "basket",
            r#"{"items":[{"currency":"usd","amount":1},{"currency":"eur{C}","amount":1}]}"#,
            items,
            "deny_if",
        ),
        denied(
            "P12",
            "basket",
            r#"{"items":[{"currency":"usd","amount":1},{"amount":1}]}"#,
            items,
            "deny_if",
        ),
        denied(
            "P12",
            "basket",
            r#"{"items":[{"currency":"usd","amount":1},{"currency":"usd","amount":101}]}"#,
            amounts,
            "deny_if",
        ),
        denied("P12", "basket", r#"{"items":[]}"#, items, "deny_if"),
        denied(
            "P12",
            "basket",
            r#"{"items":{"0":{"currency":"usd","amount":1}}}"#,
            items,
            "deny_if",
        ),
        denied("P12", "basket", r#"{"currency":"usd"}"#, items, "deny_if"),
        denied(
            "P01",
            "big_spender",
            r#"{"amount":51,"reason":"{C}"}"#,
            "/tools/big_spender/approve_if/args.amount-gt",
            "approval_required",
        ),
        denied(
            "P01",
            "big_spender",
            r#"{"reason":"{C}"}"#,
            "/tools/big_spender/approve_if/args.amount-gt",
            "approval_required",
        ),
    ];
    let house = fixture::house().await;
    run(&house, rows).await;
    let agent = house.agent("a");
    for (tool, arguments) in [
        ("dotted", json!({"a.b": "yes"})),
        ("patterned", json!({"name": "feat/x"})),
        ("not_in", json!({"currency": "eur"})),
        ("big_spender", json!({"amount": 50, "reason": "x"})),
        ("basket", json!({"items": [{"currency": "usd", "amount": 1}]})),
    ] {
        let answer = agent.call(&Era::Legacy, tool, arguments).await;
        assert_eq!(
            answer.json()["result"]["content"][0]["text"],
            "done",
            "{tool} {}",
            answer.text()
        );
    }
}

/// P03, P09: no document and no call makes a decision take long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_makes_a_decision_take_long() {
    let nested = |pattern: &str| json!({"id": pattern, "conditions": [{"path": "args.text", "op": "matches", "value": pattern}]});
    let mut rules: Vec<Value> =
        vec![nested("(a+)+$"), nested("(a|a)*b"), nested("(.*)*x"), nested("^(\\w+\\s?)*$")];
    for number in 0..500 {
        rules.push(json!({"id": format!("r{number}"), "conditions": [
            {"path": "args.list[*].name", "op": "contains", "value": format!("needle{number}")}]}));
    }
    let tools = json!([{"name": "heavy", "inputSchema": {"type": "object", "properties": {"text": {}, "list": {}}}}]);
    let policy = json!({"version": "1", "default": "deny", "tools": {"heavy": {"deny_if": rules}}});
    let house = House::start(Setup::new(tools, policy)).await;
    let agent = house.agent("a");
    let long = format!("{}!", "a".repeat(1_000_000));
    let list: Vec<Value> =
        (0..3_000).map(|i| json!({"name": format!("{i}{}", "x".repeat(300))})).collect();
    for arguments in [
        json!({"text": long}),
        json!({"text": "a", "list": list}),
        json!({"text": long, "list": list}),
    ] {
        let started = Instant::now();
        let answer = agent.call(&Era::Legacy, "heavy", arguments).await;
        // Unoptimised, on a busy machine; what is excluded is exponential or quadratic time.
        assert!(started.elapsed() < Duration::from_secs(5), "P03 P09 {:?}", started.elapsed());
        assert_eq!(answer.json()["result"]["isError"], true, "P03 P09 {}", answer.text());
    }
    assert!(house.upstream.calls().is_empty());
}

/// P07: one snapshot judges a call, and its version stands in the line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_version_judges_a_call() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    house.upstream.on_call(|seen| Answer::text(seen, "done").after(Duration::from_millis(300)));
    let (mark, line) = (house.upstream.mark(), house.last_line().await);
    let slow = tokio::spawn({
        let agent = agent.clone();
        async move { agent.call(&Era::Legacy, "anything", json!({})).await }
    });
    house.upstream.wait_for(mark + 1).await;
    house.publish(&json!({"version": "1", "default": "deny"})).await;
    let answer = slow.await.unwrap();
    assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "P07 {}", answer.text());
    let answer = agent.call(&Era::Legacy, "anything", json!({})).await.json();
    assert_eq!(
        answer["result"]["_meta"]["dev.countersign/decision"]["rule"], "(default deny)",
        "P07"
    );
    let versions: Vec<u32> = house
        .ended_after(line)
        .await
        .iter()
        .map(|line| line.intent.policy.as_ref().unwrap().1)
        .collect();
    assert_eq!(versions, [1, 2], "P07");
}

/// P08: the order of rules changes no decision, and the first that denies is the one named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rule_that_denies_is_named() {
    let over = |id: &str, most: i64| json!({"id": id, "conditions": [{"path": "args.amount", "op": "gt", "value": most}]});
    let rules = [over("ten", 10), over("twenty", 20), over("thirty", 30)];
    let tools =
        json!([{"name": "pay", "inputSchema": {"type": "object", "properties": {"amount": {}}}}]);
    let document = |order: &[usize]| {
        let rules: Vec<&Value> = order.iter().map(|at| &rules[*at]).collect();
        json!({"version": "1", "default": "deny", "tools": {"pay": {"deny_if": rules}}})
    };
    let house = House::start(Setup::new(tools, document(&[0]))).await;
    let agent = house.agent("a");
    for (order, named) in [
        ([0, 1, 2], "ten"),
        ([0, 2, 1], "ten"),
        ([1, 0, 2], "twenty"),
        ([2, 1, 0], "thirty"),
        ([1, 2, 0], "twenty"),
    ] {
        house.publish(&document(&order)).await;
        let answer = agent.call(&Era::Legacy, "pay", json!({"amount": 31})).await.json();
        let rule = format!("/tools/pay/deny_if/{named}");
        assert_eq!(
            answer["result"]["_meta"]["dev.countersign/decision"]["rule"], rule,
            "P08 {order:?}"
        );
        let answer = agent.call(&Era::Legacy, "pay", json!({"amount": 10})).await.json();
        assert_eq!(answer["result"]["content"][0]["text"], "done", "P08 {order:?}");
    }
}

/// P11: hours are those of the policy's zone, by its table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_are_those_of_the_policys_zone() {
    let tools = json!([{"name": "pay", "inputSchema": {"type": "object"}}]);
    let of = |zone: &str, from: &str, to: &str| {
        json!({"version": "1", "default": "deny", "timezone": zone, "tools": {"pay": {"require": [{"conditions": [
            {"path": "request.time", "op": "gte", "value": from}, {"path": "request.time", "op": "lt", "value": to}]}]}}})
    };
    let house = House::start(Setup::new(tools, of("UTC", "00:00", "24:00"))).await;
    let agent = house.agent("a");
    // Put the clock to 12:30 UTC of its day, wherever it stands now.
    let now = store::Clock::now(&*house.clock).micros() / 1_000_000;
    house.clock.shift_seconds(12 * 3_600 + 1_800 - now.rem_euclid(86_400));
    for (zone, from, to, passes) in [
        ("UTC", "12:00", "13:00", true),
        ("UTC", "13:00", "14:00", false),
        ("Asia/Tokyo", "21:00", "22:00", true),
        ("Asia/Tokyo", "12:00", "13:00", false),
        ("Asia/Kathmandu", "18:00", "18:30", true),
        ("Asia/Kathmandu", "17:30", "18:00", false),
    ] {
        house.publish(&of(zone, from, to)).await;
        let answer = agent.call(&Era::Legacy, "pay", json!({})).await.json();
        assert_eq!(answer["result"]["isError"] != true, passes, "P11 {zone} {from} {answer}");
    }
    house.publish(&of("UTC", "12:00", "13:00")).await;
    house.clock.shift_seconds(-3_600);
    let answer = agent.call(&Era::Legacy, "pay", json!({})).await.json();
    assert_eq!(answer["result"]["isError"], true, "P11 {answer}");
}
