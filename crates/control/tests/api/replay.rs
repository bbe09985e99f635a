//! Replay: recorded calls held against a document, with names and no values.

use store::{CallId, Intent, Verdict};

use crate::lines;
use crate::world::{POLICY, World};

/// Writes a line that this policy decided, as the gateway would.
async fn line(
    world: &World,
    number: u8,
    tool: &str,
    (verdict, rule, reason): (Verdict, &str, &'static str),
    args: &[&str],
) -> CallId {
    line_with(world, number, tool, (verdict, rule, reason), args, 0).await
}

/// The same, with arguments that the tool does not list.
async fn line_with(
    world: &World,
    number: u8,
    tool: &str,
    (verdict, rule, reason): (Verdict, &str, &'static str),
    args: &[&str],
    unknown_args: u32,
) -> CallId {
    let intent = Intent {
        verdict,
        rule: rule.into(),
        reason,
        known_args: args.iter().map(|name| (*name).into()).collect(),
        unknown_args,
        ..lines::judged(world, number, tool).await
    };
    lines::write(world, intent).await
}

#[tokio::test]
async fn what_is_proved_of_names_alone_is_told_and_the_rest_is_not_known() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let over = "/tools/pay/deny_if/args.amount-gt";
    line(&world, 1, "list", (Verdict::Allowed, "", ""), &[]).await;
    line(&world, 2, "list", (Verdict::Allowed, "", ""), &[]).await;
    line(&world, 3, "pay", (Verdict::Allowed, "", ""), &["amount"]).await;
    line(&world, 4, "pay", (Verdict::Denied, over, "deny_if"), &["amount"]).await;
    line(&world, 5, "pay", (Verdict::Denied, over, "deny_if"), &["to"]).await;
    line(&world, 6, "drop", (Verdict::Denied, "(unknown tool)", "unknown_tool"), &[]).await;
    // Refused before it was judged: no document would say anything of it.
    line(&world, 7, "pay", (Verdict::Denied, "", "too_many_in_flight"), &[]).await;

    let replay = async |text: &str| {
        let body = serde_json::json!({ "text": text, "server": "payments" }).to_string();
        let answer = world.admin("POST", "/policies/support/replay", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let counts = |told: &serde_json::Value| {
        ["calls", "same", "differ", "not_known"].map(|name| told[name].as_u64().unwrap())
    };
    assert_eq!(counts(&replay(POLICY).await), [6, 6, 0, 0], "the same text");
    assert_eq!(counts(&replay(&format!("{POLICY}\n\n")).await), [6, 6, 0, 0], "the same meaning");

    // `list` is not covered any more: that is certain without a value.
    let told = replay(&POLICY.replace("\"list\": {},", "")).await;
    assert_eq!(counts(&told), [6, 4, 2, 0], "{told}");
    let first = &told["kinds"][0];
    assert_eq!(
        (&first["tool"], &first["verdict"], &first["would"]),
        (&"list".into(), &"differs".into(), &"deny".into())
    );
    assert_eq!(first["count"], 2);

    // A smaller bound: whoever passed may have been under it. The denied stay denied.
    let told = replay(&POLICY.replace("100", "50")).await;
    assert_eq!(counts(&told), [6, 5, 0, 1], "{told}");
    assert_eq!(told["kinds"][0]["verdict"], "not_known");

    // Only when there is an amount: the call without one would pass now, the other one need not.
    let guarded = POLICY.replace(
        "[{ \"path\": \"args.amount\", \"op\"",
        "[{ \"path\": \"args.amount\", \"op\": \"exists\", \"value\": true }, { \"path\": \"args.amount\", \"op\"",
    );
    let told = replay(&guarded).await;
    let kinds = told["kinds"].as_array().unwrap();
    let without = kinds.iter().find(|kind| kind["rule"] == over && kind["verdict"] == "differs");
    assert!(without.is_some(), "{told}");
}

#[tokio::test]
async fn one_call_alone_is_held_against_a_document_by_what_its_own_server_lists() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let over = "/tools/pay/deny_if/args.amount-gt";
    let allowed = (Verdict::Allowed, "", "");
    let denied = (Verdict::Denied, over, "deny_if");
    let list = line(&world, 1, "list", allowed, &[]).await;
    let with = line(&world, 2, "pay", denied, &["amount"]).await;
    let without = line(&world, 3, "pay", denied, &["to"]).await;
    // What it had beside `to` was not listed then; it may have been the amount.
    let unsure = line_with(&world, 4, "pay", denied, &["to"], 1).await;
    let crowd = line(&world, 5, "pay", (Verdict::Denied, "", "too_many_in_flight"), &[]).await;

    // The same rule by name, and only when there is an amount.
    let guarded = POLICY.replace(
        "{ \"conditions\": [{ \"path\"",
        "{ \"id\": \"args.amount-gt\", \"conditions\": [\
         { \"path\": \"args.amount\", \"op\": \"exists\", \"value\": true }, { \"path\"",
    );
    let no_list = POLICY.replace("\"list\": {},", "");
    let cases: [(&str, CallId, &str, Option<&str>); 7] = [
        (POLICY, with, "same", Some("deny")),
        (&no_list, list, "differs", Some("deny")),
        (&no_list, with, "same", Some("deny")),
        (&guarded, with, "not_known", None),
        (&guarded, without, "differs", None),
        (&guarded, unsure, "not_known", None),
        (&guarded, list, "same", Some("allow")),
    ];
    for (text, call, verdict, would) in cases {
        let body = serde_json::json!({ "text": text, "call": call.to_string() }).to_string();
        let answer = world.admin("POST", "/policies/support/replay", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let told = answer.json();
        assert_eq!((&told["calls"], &told["kinds"][1]), (&1.into(), &serde_json::Value::Null));
        let kind = &told["kinds"][0];
        assert_eq!(kind["last"], call.to_string());
        assert_eq!(kind["verdict"], verdict, "{told}");
        if let Some(would) = would {
            assert_eq!(kind["would"], would, "{told}");
        }
    }
    // Refused beside the policy: no document would say anything of it.
    let body = serde_json::json!({ "call": crowd.to_string() }).to_string();
    let answer = world.admin("POST", "/policies/support/replay", &body).await;
    assert_eq!((answer.status, &answer.json()["calls"]), (200, &0.into()));

    // A call that another policy judged is none of this one, and neither is what no call is.
    let other = serde_json::json!({ "name": "other", "text": POLICY }).to_string();
    assert_eq!(world.admin("POST", "/policies", &other).await.status, 201);
    for (policy, call) in [("other", list.to_string()), ("support", "call_x".to_owned())] {
        let body = serde_json::json!({ "call": call }).to_string();
        let answer = world.admin("POST", &format!("/policies/{policy}/replay"), &body).await;
        assert_eq!(answer.status, 404, "{policy}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_replay_asks_for_a_good_document_and_a_role() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let bad = world.admin("POST", "/policies/support/replay", r#"{"text":"{}"}"#).await;
    assert_eq!((bad.status, bad.code().as_str()), (422, "policy_invalid"));
    let viewer =
        world.ask(Some(&world.viewer), "POST", "/policies/support/replay", "{}", &[]).await;
    assert_eq!(viewer.status, 403);
    let live = world.admin("POST", "/policies/support/replay", "{}").await;
    assert_eq!((live.status, &live.json()["calls"]), (200, &0.into()));
}
