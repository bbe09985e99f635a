//! Arguments that are amounts in minor units: declared by an admin of one definition of a tool, and read by
//! approvers as money.

use serde_json::{Value, json};

use crate::approvals::wait;
use crate::world::{LIST, PAY, World};

const PATH: &str = "/servers/payments/tools/pay/amounts";

async fn tool(world: &World) -> Value {
    let answer =
        world.ask(Some(&world.viewer), "GET", "/servers/payments/tools/pay", "", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// What an approver is shown of the argument `amount`, beside the number itself.
async fn shown(world: &World, id: &str) -> Value {
    let path = format!("/approvals/{id}/open");
    let opened = world.ask(Some(&world.manager), "POST", &path, "", &[]).await;
    assert_eq!(opened.status, 200, "{}", opened.body);
    let fields = opened.json()["arguments"]["fields"].as_array().unwrap().clone();
    let field = fields.into_iter().find(|field| field["name"] == "amount").unwrap();
    assert_eq!(field["value"], "80.0", "the number stands as it was sent");
    field["amount"].clone()
}

#[tokio::test]
async fn an_approver_reads_a_declared_amount_as_money_until_the_definition_changes() {
    let world = World::start().await;
    let id = wait(&world, 1).await.remove(0);
    let print = tool(&world).await["fingerprint"].clone();
    let declare = async |amounts: Value| {
        let body = json!({ "fingerprint": print, "amounts": amounts }).to_string();
        let answer = world.admin("PUT", PATH, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    assert_eq!(shown(&world, &id).await, Value::Null, "nobody has declared it");
    assert_eq!(tool(&world).await["amounts"], Value::Null);
    for (currency, value) in [("USD", "0.80"), ("jpy", "80"), ("KWD", "0.080")] {
        let told = declare(json!([{ "argument": "amount", "currency": currency }])).await;
        let code = currency.to_uppercase();
        assert_eq!((&told["holds"], &told["amounts"][0]["currency"]), (&true.into(), &json!(code)));
        let expected = json!({ "value": value, "currency": code });
        assert_eq!(shown(&world, &id).await, expected);
    }
    // The agent's own words are no currency.
    declare(json!([{ "argument": "amount", "currency_argument": "to" }])).await;
    assert_eq!(shown(&world, &id).await, Value::Null);
    // Withdrawn.
    declare(json!([])).await;
    assert_eq!(shown(&world, &id).await, Value::Null);
    assert_eq!(tool(&world).await["amounts"], Value::Null);

    declare(json!([{ "argument": "amount", "currency": "USD" }])).await;
    world.prober.list(&[("pay", &PAY.replace("\"Pays\"", "\"Pays\u{20ac}\"")), ("list", LIST)]);
    assert_eq!(world.admin("POST", "/servers/payments/refresh", "").await.status, 200);
    let changed = tool(&world).await;
    assert_eq!(
        (&changed["state"], &changed["amounts"]["holds"]),
        (&json!("changed"), &json!(false))
    );
    assert_eq!(shown(&world, &id).await, Value::Null, "it was said of another definition");
    // Neither the old definition nor one that nobody has accepted can be declared of.
    let now = changed["fingerprint"].clone();
    let put = async |print: &Value| {
        let amounts = json!([{ "argument": "amount", "currency": "USD" }]);
        let body = json!({ "fingerprint": print, "amounts": amounts }).to_string();
        world.admin("PUT", PATH, &body).await
    };
    for print in [&print, &now] {
        let answer = put(print).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{}", answer.body);
    }
    let accept = json!({ "fingerprint": now }).to_string();
    let accepted = world.admin("POST", "/servers/payments/tools/pay/accept", &accept).await;
    assert_eq!(accepted.status, 200, "{}", accepted.body);
    assert_eq!(tool(&world).await["amounts"]["holds"], false);
    assert_eq!(put(&now).await.status, 200);
    assert_eq!(tool(&world).await["amounts"]["holds"], true);

    let audit = world.admin("GET", "/audit", "").await.json();
    let events = audit["items"].as_array().unwrap().iter();
    let declared = events.filter(|event| event["event"] == "tool.amounts").count();
    assert_eq!(declared, 7, "{audit}");
}

#[tokio::test]
async fn only_what_a_tool_lists_and_only_a_currency_can_be_declared_and_only_by_an_admin() {
    let world = World::start().await;
    world.with_server().await;
    let print = tool(&world).await["fingerprint"].clone();
    for (amounts, pointers) in [
        (json!([{ "argument": "amount" }]), vec!["/amounts/0/currency"]),
        (
            json!([{ "argument": "amount", "currency": "USD", "currency_argument": "to" }]),
            vec!["/amounts/0/currency"],
        ),
        (json!([{ "argument": "amount", "currency": "US$" }]), vec!["/amounts/0/currency"]),
        (json!([{ "argument": "amount", "currency": "XAU" }]), vec!["/amounts/0/currency"]),
        (json!([{ "argument": "none", "currency": "USD" }]), vec!["/amounts/0/argument"]),
        (
            json!([{ "argument": "amount", "currency_argument": "amount" }]),
            vec!["/amounts/0/currency_argument"],
        ),
        (
            json!([{ "argument": "to", "currency_argument": "amount" }]),
            vec!["/amounts/0/currency_argument"],
        ),
        (
            json!([{ "argument": "amount", "currency": "USD" }, { "argument": "amount", "currency": "EUR" }]),
            vec!["/amounts/1/argument"],
        ),
    ] {
        let body = json!({ "fingerprint": print, "amounts": amounts }).to_string();
        let answer = world.admin("PUT", PATH, &body).await;
        assert_eq!(answer.status, 422, "{amounts}: {}", answer.body);
        let told: Vec<_> = answer.faults().into_iter().map(|fault| fault.0).collect();
        assert_eq!(told, pointers, "{amounts}");
    }
    let body = json!({ "fingerprint": print, "amounts": [] }).to_string();
    for key in [&world.viewer, &world.manager] {
        assert_eq!(world.ask(Some(key), "PUT", PATH, &body, &[]).await.status, 403);
    }
    assert_eq!(world.admin("PUT", PATH, &body).await.status, 200);
}
