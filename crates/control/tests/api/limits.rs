//! Usage, calls with no known outcome, and the clock, as people see them.

use serde_json::{Value, json};
use store::{ControlPlane as _, DataPlane as _, Outcome, OutcomeClass};

use crate::lines;
use crate::world::{World, now};

/// A policy that splits money by currency and shares a count among all grants of the identity.
const POLICY: &str = r#"{"version": "1", "default": "allow", "timezone": "Asia/Tokyo",
  "all_tools": {"limits": [{"counter": "calls", "window": "day", "max": 20, "scope": "identity"}]},
  "tools": {"pay": {"limits": [{"counter": "value", "window": "90s", "max": 100.5,
    "amount": "args.amount", "per": ["args.currency"]}]}}}"#;

async fn ready() -> (World, String) {
    let world = World::start().await;
    world.with_server().await;
    let body = json!({"name": "support", "text": POLICY}).to_string();
    assert_eq!(world.admin("POST", "/policies", &body).await.status, 201);
    let (grant, _) = world.with_grant().await;
    (world, grant)
}

/// A call of so much money; it ends as told. Its id.
async fn pay(world: &World, number: u8, millionths: i64, class: OutcomeClass) -> String {
    let view = world.store.view().await.unwrap();
    let (grant, _) = &view.grants[0];
    let server = &view.servers[0].server;
    let policy = policy::Policy::load(POLICY.as_bytes()).unwrap();
    let subjects = quota::Subjects {
        organisation: world.store.org().as_str().into(),
        grant: grant.id.as_str().into(),
        identity: grant.identity.as_str().into(),
        policy: grant.servers[0].policy.as_ref().unwrap().as_str().into(),
        server: server.id.as_str().into(),
    };
    let charges = policy.limits().into_iter().map(|stated| {
        let per = stated
            .per_paths
            .iter()
            .map(|path| policy::Per { path: path.clone(), value: "\"usd\"".into() });
        let amount_millionths = if stated.charge.counts_amount { millionths } else { 1_000_000 };
        let charge = policy::Charge { per: per.collect(), amount_millionths, ..stated.charge };
        (quota::Key::of(&subjects, &charge), charge)
    });
    let intent = lines::intent(world, number, "pay").await;
    let id = intent.id;
    let judged_at = world.store.generation().unwrap();
    world.store.call_begin(intent, charges.collect(), judged_at).await.unwrap();
    world.store.call_finish(Outcome {
        id,
        at: now(),
        class,
        detail: if class == OutcomeClass::Unknown { "outcome_unknown" } else { "" },
        upstream_status: None,
        response_bytes: 0,
        took_micros: 1,
        upstream_micros: 1,
        echo_removed: false,
        capture: None,
    });
    world.store.flush().await.unwrap();
    id.to_string()
}

/// Each limit: rule, values, used, unknown, left.
async fn usage(world: &World) -> Vec<Value> {
    let usage = world.ask(Some(&world.viewer), "GET", "/grants/agent/usage", "", &[]).await;
    assert_eq!(usage.status, 200, "{usage:?}");
    let items = usage.json()["items"].as_array().unwrap().clone();
    items
        .iter()
        .map(|i| json!([i["counter"], i["scope"], i["per"], i["used"], i["unknown"], i["left"]]))
        .collect()
}

#[tokio::test]
async fn usage_shows_each_limit_with_its_window_and_whose_it_is() {
    let (world, _) = ready().await;
    let any = json!([{"path": "args.currency", "value": null}]);
    let usd = json!([{"path": "args.currency", "value": "\"usd\""}]);
    let calls = |used, left| json!(["calls", "identity", [], used, "0", left]);
    let value =
        |per: &Value, used, unknown, left| json!(["value", "grant", per, used, unknown, left]);
    assert_eq!(usage(&world).await, [calls("0", "20"), value(&any, "0", "0", "100.5")]);
    pay(&world, 1, 30_250_000, OutcomeClass::Completed).await;
    pay(&world, 2, 20_000_000, OutcomeClass::Unknown).await;
    pay(&world, 3, 7_000_000, OutcomeClass::ToolFailed).await;
    assert_eq!(usage(&world).await, [calls("1", "19"), value(&usd, "30.25", "20", "50.25")]);
    let whole = world.admin("GET", "/grants/agent/usage", "").await.json();
    let windows: Vec<&Value> =
        whole["items"].as_array().unwrap().iter().map(|i| &i["window"]).collect();
    assert_eq!(windows, ["day in Asia/Tokyo", "any 90 s"]);
    assert_eq!(whole["items"][1]["rule"], "/tools/pay/limits/value");
    let unknown = &whole["unknown"][0];
    assert_eq!((&unknown["tool"], &unknown["detail"]), (&json!("pay"), &json!("outcome_unknown")));
    assert_eq!(
        (&unknown["holds"][1]["amount"], &whole["more_unknown"]),
        (&json!("20"), &json!(false))
    );
}

#[tokio::test]
async fn an_admin_says_once_what_became_of_a_call_and_why() {
    let (world, grant) = ready().await;
    let lost = pay(&world, 1, 20_000_000, OutcomeClass::Unknown).await;
    let kept = pay(&world, 2, 30_000_000, OutcomeClass::Unknown).await;
    let list = async |query: &str| {
        let path = format!("/reservations{query}");
        let found = world.ask(Some(&world.viewer), "GET", &path, "", &[]).await;
        assert_eq!(found.status, 200, "{query} {found:?}");
        let found = found.json();
        let calls = found["items"].as_array().unwrap().iter().map(|i| i["call"].clone());
        (calls.collect::<Vec<_>>(), found["next"].clone())
    };
    let mut both = [json!(lost), json!(kept)];
    both.sort_by_key(ToString::to_string);
    for query in ["", "?state=unknown", "?grant=agent", &format!("?grant={grant}")] {
        assert_eq!(list(query).await.0, both, "{query}");
    }
    for query in ["?state=reserved", "?grant=nobody", "?state=unknown&grant=nobody"] {
        assert!(list(query).await.0.is_empty(), "{query}");
    }
    let (first, next) = list("?limit=1").await;
    assert_eq!(first, both[..1]);
    let (second, end) = list(&format!("?limit=1&after={}", next.as_str().unwrap())).await;
    assert_eq!((second.as_slice(), end), (&both[1..], Value::Null));
    for query in ["?state=settled", "?limit=0", "?grant=", "?order=up"] {
        let path = format!("/reservations{query}");
        assert_eq!(world.admin("GET", &path, "").await.status, 422, "{query}");
    }

    let resolve = |call: &str, body: Value| {
        let path = format!("/reservations/{call}/resolve");
        let world = &world;
        async move { world.admin("POST", &path, &body.to_string()).await }
    };
    for (body, pointer) in [
        (json!({"as": "released"}), "/reason"),
        (json!({"reason": "r"}), "/as"),
        (json!({"as": "unknown", "reason": "r"}), "/as"),
        (json!({"as": "released", "reason": ""}), "/reason"),
        (json!({"as": "released", "reason": "x".repeat(501)}), "/reason"),
    ] {
        let refused = resolve(&lost, body.clone()).await;
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(refused.faults()[0].0, pointer, "{body} {}", refused.body);
    }
    let body = json!({"as": "released", "reason": "the bank has no such payment"});
    for _ in 0..2 {
        let resolved = resolve(&lost, body.clone()).await;
        assert_eq!(resolved.status, 200, "{}", resolved.body);
        assert_eq!(resolved.json()["holds"][1]["state"], "released");
    }
    let other = resolve(&lost, json!({"as": "settled", "reason": "r"})).await;
    assert_eq!(other.status, 409, "{}", other.body);
    resolve(&kept, json!({"as": "settled", "reason": "seen on the statement"})).await;
    let value = usage(&world).await.remove(1);
    assert_eq!(json!([value[3], value[4], value[5]]), json!(["30", "0", "70.5"]));
    assert!(list("").await.0.is_empty());

    let audit = world.admin("GET", "/audit", "").await.json();
    let told = |line: &&Value| line["event"] == "reservation.resolved";
    let lines: Vec<&Value> = audit["items"].as_array().unwrap().iter().filter(told).collect();
    assert_eq!(lines.len(), 2, "{audit}");
    assert_eq!(lines[1]["subject"], json!(lost));
    assert!(lines[1].to_string().contains("the bank has no such payment"), "{}", lines[1]);
}

#[tokio::test]
async fn a_clock_that_is_believed_needs_no_word() {
    let (world, _) = ready().await;
    let clock = world.ask(Some(&world.viewer), "GET", "/clock", "", &[]).await;
    assert_eq!(clock.status, 200);
    assert_eq!((&clock.json()["believed"], &clock.json()["doubt"]), (&json!(true), &Value::Null));
    let confirmed = world.admin("POST", "/clock/confirm", r#"{"reason":"to be sure"}"#).await;
    assert_eq!((confirmed.status, &confirmed.json()["believed"]), (200, &json!(true)));
    let refused = world.admin("POST", "/clock/confirm", r#"{"reason":""}"#).await;
    assert_eq!((refused.status, refused.faults()[0].0.as_str()), (422, "/reason"));
    let page = store::Page { after: None, limit: 100 };
    let audit = world
        .store
        .audit(world.store.org(), &store::AuditFilter::default(), &page)
        .await
        .unwrap()
        .items;
    assert!(audit.iter().all(|line| line.event != "clock.confirmed"), "nothing was changed");
}

/// What a draft would do to limits is told from what was counted, exactly, and from nothing else.
#[tokio::test]
async fn a_document_is_held_against_what_its_limits_have_counted() {
    let (world, _) = ready().await;
    pay(&world, 1, 60_000_000, OutcomeClass::Completed).await;
    pay(&world, 2, 30_000_000, OutcomeClass::Unknown).await;
    let path = "/policies/support/limits";
    let effect = async |text: Option<String>| {
        let answer = world.admin("POST", path, &json!({ "text": text }).to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let of = |told: &Value, counter: &str| {
        let items = told["items"].as_array().unwrap();
        items.iter().find(|item| item["counter"] == counter).unwrap().clone()
    };

    let told = effect(None).await;
    let value = of(&told, "value");
    assert_eq!(value["change"], "same");
    assert_eq!((&value["counted"], &value["left"]), (&json!("90"), &json!("10.5")));
    assert_eq!(
        (&value["peak"], &value["over"], &value["exact"]),
        (&json!("90"), &json!(0), &json!(true))
    );
    assert_eq!(value["per"], json!([{"path": "args.currency", "value": "\"usd\""}]));
    assert_eq!((value["grants"].as_array().unwrap().len(), &value["full"]), (1, &json!(false)));

    // Less than was used: full at once, and the window of now would have been over.
    let lower = POLICY.replace("100.5", "80");
    let told = effect(Some(lower)).await;
    let value = &told["items"][0];
    assert_eq!((&value["counter"], &value["change"]), (&json!("value"), &json!("changed")));
    assert_eq!(value["before"], json!({"max": "100.5", "window": "any 90 s"}));
    assert_eq!(value["after"], json!({"max": "80", "window": "any 90 s"}));
    assert_eq!(
        (&value["left"], &value["full"], &value["over"]),
        (&json!("0"), &json!(true), &json!(1))
    );
    assert!(value["resets_at"].is_string() && value["peak_at"].is_string(), "{value}");
    assert_eq!(of(&told, "calls")["change"], "same");

    // Another window looks at the same usage; another name has none.
    let told = effect(Some(POLICY.replace("90s", "day").replace("\"calls\"", "\"turns\""))).await;
    assert_eq!(of(&told, "value")["after"]["window"], "day in Asia/Tokyo");
    assert_eq!(of(&told, "value")["counted"], "90");
    let turns = of(&told, "turns");
    assert_eq!(
        (&turns["change"], &turns["before"], &turns["counted"]),
        (&json!("new"), &Value::Null, &json!("0"))
    );
    assert_eq!(turns["peak_at"], Value::Null);
    let calls = of(&told, "calls");
    assert_eq!(
        (&calls["change"], &calls["after"], &calls["left"]),
        (&json!("removed"), &Value::Null, &Value::Null)
    );
    assert_eq!(calls["full"], json!(false));

    // Nothing was changed by asking, and a document with errors is refused as elsewhere.
    assert_eq!(effect(None).await["items"].as_array().unwrap().len(), 2);
    let broken = world.admin("POST", path, r#"{"text":"{}"}"#).await;
    assert_eq!((broken.status, broken.code().as_str()), (422, "policy_invalid"));
    assert_eq!(world.admin("POST", "/policies/none/limits", "").await.status, 404);
}
