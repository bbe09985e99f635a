//! Calls that wait for people, as the API shows and decides them.

use std::sync::Arc;

use serde_json::{Value, json};
use store::{
    ApprovalAsk, ApprovalNeed, Asked, CallId, DataPlane as _, GrantId, PolicyId, ServerId,
};
use vault::Secret;

use crate::world::{World, now};

const POLICY: &str = r#"{"version": "1", "default": "deny", "tools": {"pay": {
  "approve_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 50}],
                  "approvers": ["role:policy_manager"]}],
  "limits": [{"counter": "value", "window": "day", "max": 500, "amount": "args.amount"}]}}}"#;
const SECRET: &str = "planted-5b2f";

/// A world in which one call waits; its id.
async fn asked() -> (World, String) {
    let world = World::start().await;
    let id = wait(&world, 1).await.remove(0);
    (world, id)
}

/// So many calls that wait, in a world that has nothing yet; their ids.
pub(crate) async fn wait(world: &World, count: u8) -> Vec<String> {
    let server = world.with_server().await;
    let body = json!({"name": "support", "text": POLICY}).to_string();
    let policy = world.admin("POST", "/policies", &body).await.json();
    let (grant, _) = world.with_grant().await;
    let tool = world.admin("GET", "/servers/payments/tools/pay", "").await.json();
    let rule = "/tools/pay/approve_if/args.amount-gt".to_owned();
    let arguments = format!(r#"{{"arguments":{{"to":"{SECRET}\u202e","amount":80.0}}}}"#);
    let ask = |number: u8| ApprovalAsk {
        org: world.store.org().clone(),
        digest: [number; 32],
        grant: GrantId::from(grant.as_str()),
        grant_label: Arc::from("agent"),
        identity: Arc::from("agent"),
        server: ServerId::from(server.as_str()),
        server_slug: Arc::from("payments"),
        credential: None,
        tool: "pay".to_owned(),
        fingerprint: tool["fingerprint"].as_str().map(Arc::from),
        policy: (PolicyId::from(policy["id"].as_str().unwrap()), 1),
        needs: vec![ApprovalNeed {
            rule: rule.clone(),
            approvers: vec!["role:policy_manager".to_owned()],
            count: 1,
            message: None,
        }],
        expires_in_seconds: 3_600,
        call: CallId::new(now(), [number; 10]),
        arguments: Secret::new(arguments.clone().into_bytes()),
    };
    let mut ids = vec![];
    for number in 1..=count {
        let asked = world.store.approving().approval_ask(ask(number)).await.unwrap();
        let Asked::Stands(approval) = asked else { panic!("{asked:?}") };
        ids.push(approval.id.to_string());
    }
    ids
}

fn items(list: &Value) -> usize {
    list["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_inbox_shows_what_waits_and_never_a_value() {
    let (world, id) = asked().await;
    for (key, mine, others) in [(&world.manager, 1, 0), (&world.viewer, 0, 1)] {
        let get = async |path: &str| world.ask(Some(key), "GET", path, "", &[]).await;
        assert_eq!(items(&get("/approvals").await.json()), mine);
        assert_eq!(items(&get("/approvals?which=others").await.json()), others);
        assert_eq!(items(&get("/approvals?which=decided").await.json()), 0);
        let one = get(&format!("/approvals/{id}")).await;
        assert_eq!(one.status, 200, "{}", one.body);
        assert!(!one.body.contains(SECRET));
        let row = one.json();
        assert_eq!((&row["state"], &row["tool"]), (&json!("pending"), &json!("pay")));
        assert_eq!(row["can_decide"], mine == 1);
        assert!(row["seconds_left"].as_i64().unwrap() > 3_500);
    }
    let one = world.admin("GET", &format!("/approvals/{id}"), "").await.json();
    let told: Vec<_> = one["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["member"]["name"].as_str().unwrap(), p["barred"]["code"].as_str()))
        .collect();
    assert!(told.contains(&("policy_manager", None)), "{told:?}");
    // The admin issued the grant, so it is theirs.
    assert!(told.contains(&("admin", Some("owner"))), "{told:?}");
}

/// V11: reading decides nothing, and nothing is decided unseen.
#[tokio::test]
async fn what_was_shown_is_what_is_decided_once() {
    let (world, id) = asked().await;
    let manager = Some(world.manager.as_str());
    let path = format!("/approvals/{id}");
    for verb in ["open", "approve", "deny"] {
        let got = world.ask(manager, "GET", &format!("{path}/{verb}"), "", &[]).await;
        assert_eq!(got.status, 405, "{verb}");
    }
    let opened = world.ask(manager, "POST", &format!("{path}/open"), "", &[]).await;
    assert_eq!(opened.status, 200, "{}", opened.body);
    let opened = opened.json();
    let fields: Vec<_> = opened["arguments"]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (
                f["name"].as_str().unwrap(),
                f["value"].as_str().unwrap(),
                f["named_by_rule"].as_bool().unwrap(),
            )
        })
        .collect();
    let shown = format!("{SECRET}\\u{{202e}}");
    assert_eq!(fields, [("amount", "80.0", true), ("to", shown.as_str(), false)]);
    assert_eq!(opened["would"]["outcome"], "allow", "{opened}");
    let limit = &opened["would"]["limits"][0];
    assert_eq!(
        (&limit["before"], &limit["after"], &limit["max"]),
        (&json!("0"), &json!("80"), &json!("500"))
    );
    let fingerprint = opened["fingerprint"].as_str().unwrap();

    let say = async |key: &str, verb: &str, fingerprint: &str| {
        let body = json!({"fingerprint": fingerprint, "note": "fine"}).to_string();
        world.ask(Some(key), "POST", &format!("{path}/{verb}"), &body, &[]).await
    };
    let wrong = say(&world.manager, "approve", &"00".repeat(32)).await;
    assert_eq!((wrong.status, wrong.code()), (409, "conflict".to_owned()));
    let own = say(&world.admin, "approve", fingerprint).await;
    assert_eq!((own.status, own.code()), (403, "four_eyes".to_owned()));
    assert_eq!(world.admin("POST", &format!("{path}/open"), "").await.code(), "four_eyes");
    let viewer = say(&world.viewer, "approve", fingerprint).await;
    assert_eq!((viewer.status, viewer.code()), (403, "forbidden".to_owned()));
    let said = say(&world.manager, "approve", fingerprint).await;
    assert_eq!((said.status, &said.json()["state"]), (200, &json!("approved")), "{}", said.body);
    for verb in ["approve", "deny"] {
        assert_eq!(say(&world.manager, verb, fingerprint).await.status, 409, "decided is decided");
    }
    let audit = world.admin("GET", "/audit", "").await.body;
    for event in ["approval.opened", "approval.approved"] {
        assert!(audit.contains(event), "{event}");
    }
    assert!(!audit.contains(SECRET));
    let withdrawn = json!({"reason": "changed our minds"}).to_string();
    let withdrawn = world.admin("POST", &format!("{path}/withdraw"), &withdrawn).await.json();
    assert_eq!(
        (&withdrawn["state"], &withdrawn["reason"]),
        (&json!("withdrawn"), &json!("changed our minds"))
    );
    let decided = world.ask(manager, "GET", "/approvals?which=decided", "", &[]).await.json();
    assert_eq!(items(&decided), 1);
    let gone = world.ask(manager, "POST", &format!("{path}/open"), "", &[]).await;
    assert_eq!((gone.status, gone.code()), (410, "gone".to_owned()));
}

#[tokio::test]
async fn an_organisation_may_be_strict() {
    let (world, id) = asked().await;
    let settings = world.admin("GET", "/approval-settings", "").await.json();
    assert_eq!(settings, json!({"strict": false, "show_notes": false, "revision": 0}));
    let set = r#"{"strict": true, "show_notes": true, "revision": 0}"#;
    assert_eq!(world.admin("PUT", "/approval-settings", set).await.json()["revision"], 1);
    assert_eq!(world.admin("PUT", "/approval-settings", set).await.status, 412);
    let none = world.admin("GET", "/approvals/apr_none", "").await;
    assert_eq!((none.status, none.code()), (404, "not_found".to_owned()));
    assert_eq!(world.admin("GET", &format!("/approvals/{id}"), "").await.status, 200);
}
