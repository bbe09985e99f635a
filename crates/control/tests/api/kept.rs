//! Policies that are kept in files: what is refused meanwhile, what is not, and lifting the mark.

use serde_json::{Value, json};

use crate::browser::audit_lines;
use crate::world::{Answer, POLICY, World};

const PLACE: &str = "acme/policies";

async fn keep(world: &World, body: Value) -> Answer {
    let key = Some(world.manager.as_str());
    world.ask(key, "PUT", "/policies/support/kept-in", &body.to_string(), &[]).await
}

/// A policy `support` under a grant, with a draft, kept in files since.
async fn kept() -> World {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let draft = json!({ "text": POLICY }).to_string();
    let first = [("if-none-match", "*")];
    let put = world.ask(Some(&world.admin), "PUT", "/policies/support/draft", &draft, &first).await;
    assert_eq!(put.status, 200);
    let marked = keep(&world, json!({ "place": PLACE, "expected_latest": 1 })).await;
    assert_eq!((marked.status, &marked.json()["kept_in"]), (200, &json!(PLACE)), "{marked:?}");
    world
}

#[tokio::test]
async fn what_would_change_a_policy_kept_in_files_is_refused_and_says_where_it_is() {
    let world = kept().await;
    let before = audit_lines(&world).await;
    let text = json!({ "text": POLICY }).to_string();
    // What is wrong with a text is not said either: whoever sends it has something else to do first.
    let bad = json!({ "text": "{" }).to_string();
    for (method, path, body) in [
        ("PUT", "/policies/support/draft", &text),
        ("POST", "/policies/support/draft/publish", &String::new()),
        ("POST", "/policies/support/versions", &text),
        ("POST", "/policies/support/versions", &bad),
        ("POST", "/policies/support/versions/1/restore", &String::new()),
        ("DELETE", "/policies/support", &String::new()),
        ("DELETE", "/policies/support?kept_in=acme/other", &String::new()),
    ] {
        let any = [("if-match", "*")];
        for key in [&world.manager, &world.admin] {
            let refused = world.ask(Some(key), method, path, body, &any).await;
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (409, "kept_in_files"),
                "{method} {path}: {refused:?}"
            );
            let detail = refused.json()["detail"].as_str().unwrap().to_owned();
            for word in ["support", PLACE, "countersign apply", "lift the mark"] {
                assert!(detail.contains(word), "{method} {path}: {detail}");
            }
        }
    }
    assert_eq!(audit_lines(&world).await, before, "something was changed");
}

#[tokio::test]
async fn what_changes_no_policy_goes_on_while_it_is_kept_in_files() {
    let world = kept().await;
    let text = json!({ "text": POLICY }).to_string();
    let trial = r#"{"policy":"support","cases":[]}"#;
    let simulate = r#"{"policy":"support","call":{"name":"list","arguments":{}}}"#;
    let detach = r#"{"server":"payments","policy":null}"#;
    let attach = r#"{"server":"payments","policy":"support"}"#;
    for (method, path, body) in [
        ("POST", "/policies/check", text.as_str()),
        ("POST", "/policies/test", trial),
        ("POST", "/policies/simulate", simulate),
        ("POST", "/policies/support/replay", &text),
        ("POST", "/policies/support/limits", &text),
        ("POST", "/policies/support/watch", &text),
        ("DELETE", "/policies/support/watch", ""),
        ("PUT", "/grants/agent/policy", detach),
        ("PUT", "/grants/agent/policy", attach),
        ("GET", "/policies/support/draft", ""),
        ("DELETE", "/policies/support/draft", ""),
    ] {
        let any = [("if-match", "*")];
        let headers = if path.ends_with("/draft") { &any[..] } else { &[] };
        let key = Some(world.manager.as_str());
        let answer = world.ask(key, method, path, body, headers).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_version_that_comes_from_files_says_so_and_is_published() {
    let world = World::start().await;
    world.with_server().await;
    let bare = world.admin("POST", "/policies", r#"{"name":"p","kept_in":"a"}"#).await;
    assert_eq!(bare.faults(), [("/text".to_owned(), "missing_field".to_owned())]);
    let body = json!({ "name": "support", "text": POLICY, "kept_in": PLACE }).to_string();
    let made = world.admin("POST", "/policies", &body).await;
    assert_eq!((made.status, &made.json()["kept_in"]), (201, &json!(PLACE)), "{made:?}");
    let listed = world.admin("GET", "/policies", "").await.json();
    assert_eq!(listed["items"][0]["kept_in"], PLACE);

    let version = json!({ "text": POLICY, "kept_in": "acme/next", "expected_latest": 1 });
    let next = world.admin("POST", "/policies/support/versions", &version.to_string()).await;
    assert_eq!(next.status, 201, "{}", next.body);
    let shown = world.admin("GET", "/policies/support", "").await.json();
    assert_eq!((&shown["latest"], &shown["kept_in"]), (&json!(2), &json!("acme/next")));
    let stale = world.admin("POST", "/policies/support/versions", &version.to_string()).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "stale"));

    for bad in ["", " a", "a\u{202e}b", "a\nb", &"x".repeat(201)] {
        let version = json!({ "text": POLICY, "kept_in": bad }).to_string();
        let refused = world.admin("POST", "/policies/support/versions", &version).await;
        let fault = ("/kept_in".to_owned(), "invalid_value".to_owned());
        assert_eq!((refused.status, refused.faults()), (422, vec![fault]), "{bad:?}");
        let refused = keep(&world, json!({ "place": bad })).await;
        let fault = ("/place".to_owned(), "invalid_value".to_owned());
        assert_eq!((refused.status, refused.faults()), (422, vec![fault]), "{bad:?}");
    }
    let gone = world.admin("DELETE", "/policies/support?kept_in=acme/next", "").await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let typo = world.admin("DELETE", "/policies/support?keptin=acme/next", "").await;
    assert_eq!((typo.status, typo.code().as_str()), (422, "invalid"));
}

#[tokio::test]
async fn whoever_lifts_the_mark_edits_the_policy_from_then_on() {
    let world = kept().await;
    for (body, fault) in [
        (json!({}), "/place"),
        (json!({ "place": 1 }), "/place"),
        (json!({ "place": null, "why": "x" }), "/why"),
    ] {
        let refused = keep(&world, body).await;
        assert_eq!((refused.status, refused.faults()[0].0.as_str()), (422, fault), "{refused:?}");
    }
    let viewer = Some(world.viewer.as_str());
    let lift = json!({ "place": null });
    let path = "/policies/support/kept-in";
    let refused = world.ask(viewer, "PUT", path, &lift.to_string(), &[]).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    let stale = keep(&world, json!({ "place": null, "expected_latest": 7 })).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "stale"));

    let before = audit_lines(&world).await;
    let lifted = keep(&world, lift.clone()).await;
    assert_eq!((lifted.status, &lifted.json()["kept_in"]), (200, &Value::Null), "{lifted:?}");
    assert_eq!(keep(&world, lift).await.status, 200);
    assert_eq!(audit_lines(&world).await, before + 1, "lifted once");
    let log = world.admin("GET", "/audit?event=policy.released", "").await.json();
    assert_eq!(log["items"][0]["detail"]["kept_in"], json!({ "before": PLACE }));

    let publish = "/policies/support/draft/publish";
    let any = [("if-match", "*")];
    let made = world.ask(Some(&world.manager), "POST", publish, "", &any).await;
    assert_eq!((made.status, &made.json()["number"]), (201, &json!(2)), "{made:?}");
    let late = world.admin("DELETE", "/policies/support?kept_in=acme/policies", "").await;
    assert_eq!(late.code(), "conflict", "{late:?}");
    assert!(
        late.body.contains("somebody edits it here"),
        "whoever removes it did not know: {late:?}"
    );
}
