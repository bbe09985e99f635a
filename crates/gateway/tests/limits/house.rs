//! The tools, the policy, and what is asked of a house in every test here.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use store::ControlPlane as _;
use testkit::{GrantIn, House, Response, Setup};

/// Tools with money, without limits, and with a limit of their own.
pub(crate) fn tools() -> Value {
    let tool = |name: &str| {
        json!({"name": name, "inputSchema": {"type": "object", "properties": {
            "amount": {"type": "number"}, "currency": {"type": "string"}}}})
    };
    json!([tool("pay"), tool("plain"), tool("few")])
}

/// Money by currency, calls, and tries that count whatever became of them.
pub(crate) fn policy() -> Value {
    json!({"version": "1", "default": "deny", "tools": {"plain": {},
        "few": {"limits": [{"counter": "few", "window": "day", "max": 10}]},
        "pay": {"limits": [
            {"counter": "value", "window": "day", "max": 1000, "amount": "args.amount",
             "per": ["args.currency"]},
            {"counter": "calls", "window": "hour", "max": 1000},
            {"counter": "tries", "window": "day", "max": 1000, "count_failed": true,
             "on_unknown": "keep"}]}}})
}

/// A house under that policy.
pub(crate) async fn house() -> House {
    house_under(policy()).await
}

/// A house under another policy.
pub(crate) async fn house_under(policy: Value) -> House {
    started(policy, Duration::from_secs(30)).await
}

/// A house with short time-outs: what hangs here hangs on purpose.
pub(crate) async fn hasty_house() -> House {
    started(policy(), Duration::from_millis(700)).await
}

async fn started(policy: Value, patience: Duration) -> House {
    let mut setup = Setup::new(tools(), policy);
    setup.grants = vec![GrantIn::new("a"), GrantIn::new("b")];
    setup.config.timeouts.first_byte = patience;
    setup.config.timeouts.idle = patience;
    setup.config.timeouts.connect = Duration::from_secs(2);
    House::start(setup).await
}

/// What a limit holds, in millionths: settled, in flight, unknown.
pub(crate) type Sums = (i64, i64, i64);

/// Every limit of a grant by counter, and by value where it is split.
pub(crate) async fn usage(house: &House, label: &str) -> BTreeMap<String, Sums> {
    let org = house.store.org().clone();
    let usage = house.store.usage(&org, &house.grant(label).id).await.unwrap();
    let line = |limit: store::LimitUsage| {
        let parts = limit.usage.key.parts();
        let values = parts.per.iter().map(|(_, value)| format!(" {}", value.trim_matches('"')));
        let name = format!("{}{}", parts.counter, values.collect::<String>());
        (name, (limit.usage.used, limit.usage.held, limit.usage.unknown))
    };
    usage.limits.into_iter().map(line).collect()
}

/// One limit of a grant; nothing where it was never used.
pub(crate) async fn sums(house: &House, label: &str, name: &str) -> Sums {
    usage(house, label).await.get(name).copied().unwrap_or_default()
}

/// What the agent is told of a denial, for its program.
pub(crate) fn decision(answer: &Response) -> Value {
    answer.json()["result"]["_meta"]["dev.countersign/decision"].clone()
}

/// Whether a call was carried out.
pub(crate) fn done(answer: &Response) -> bool {
    answer.json()["result"]["content"][0]["text"] == "done"
}

/// Arguments of `pay`.
pub(crate) fn pay(amount: impl Into<Value>) -> Value {
    json!({"amount": amount.into(), "currency": "usd"})
}
