//! What is recorded beyond names, through the API: off, switched on by who knows what it means, and
//! never more than the machine's operator allows.

use serde_json::{Value, json};
use vault::CaptureOpener;

use crate::world::World;

const RECORDING: &str = "/servers/payments/recording";

#[tokio::test]
async fn both_kinds_are_off_until_somebody_says_that_they_know_what_it_means() {
    let world = World::start().await;
    world.with_server().await;
    let off = world.admin("GET", RECORDING, "").await.json();
    assert_eq!((&off["fingerprints"], &off["capture"]), (&json!(false), &Value::Null));
    assert_eq!(off["means"].as_array().map(Vec::len), Some(2));

    let on = r#"{"fingerprints":true}"#;
    let refused = world.admin("PUT", RECORDING, on).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let fault = &refused.json()["errors"][0];
    assert_eq!(
        (&fault["pointer"], &fault["code"]),
        (&json!("/understood"), &json!("not_understood"))
    );
    assert!(fault["message"].as_str().unwrap().contains("can try values until one fits"));
    assert_eq!(world.admin("GET", RECORDING, "").await.json()["fingerprints"], false);
    for (key, status) in [(&world.viewer, 403), (&world.manager, 403)] {
        let body = r#"{"fingerprints":true,"understood":true}"#;
        assert_eq!(world.ask(Some(key), "PUT", RECORDING, body, &[]).await.status, status);
    }
    let body = r#"{"fingerprints":true,"tools":["pay"],"understood":true}"#;
    assert_eq!(world.admin("PUT", RECORDING, body).await.status, 200);
    // Less needs no such word, more does.
    let wider = r#"{"fingerprints":true}"#;
    assert_eq!(world.admin("PUT", RECORDING, wider).await.status, 422);
    assert_eq!(world.admin("PUT", RECORDING, r#"{"fingerprints":false}"#).await.status, 200);
    let events = world.admin("GET", "/audit?event=recording.*", "").await.json();
    let events = events["items"].as_array().unwrap().clone();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["detail"]["fingerprints"], json!({"before": "off", "after": "on"}));
}

#[tokio::test]
async fn captures_need_the_word_of_whoever_runs_the_machine() {
    let world = World::start().await;
    world.with_server().await;
    let opener = CaptureOpener::generate().unwrap();
    let capture = json!({"key": opener.public().to_string(), "arguments": true, "results": false});
    let body = json!({"fingerprints": false, "capture": capture, "understood": true}).to_string();
    let refused = world.admin("PUT", RECORDING, &body).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("not_allowed_here")));
}

#[tokio::test]
async fn settings_that_mean_nothing_are_refused_by_field() {
    let world = World::start().await;
    world.with_server().await;
    let private = CaptureOpener::generate().unwrap().written();
    for (method, path, body, pointer) in [
        (
            "PUT",
            "/recording-terms",
            json!({"rotate_days": 0, "fingerprint_days": 1, "capture_days": 1, "capture_mib": 1}),
            "/rotate_days",
        ),
        (
            "PUT",
            "/recording-terms",
            json!({"rotate_days": 1, "fingerprint_days": 1, "capture_days": 1}),
            "/capture_mib",
        ),
        (
            "PUT",
            RECORDING,
            json!({"fingerprints": true, "tools": [], "understood": true}),
            "/tools",
        ),
        ("PUT", RECORDING, json!({"fingerprints": "on"}), "/fingerprints"),
        ("POST", "/calls/none/fingerprint", json!({"argument": "", "value": 1}), "/argument"),
        ("POST", "/calls/none/fingerprint", json!({"argument": "a"}), "/value"),
    ] {
        let refused = world.admin(method, path, &body.to_string()).await;
        assert_eq!(refused.status, 422, "{path} {body}: {}", refused.body);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{}", refused.body);
        assert!(!refused.body.contains(private.expose_str().unwrap()));
    }
    assert_eq!(world.admin("DELETE", "/fingerprint-keys/1", "").await.status, 404);
    assert_eq!(world.admin("DELETE", "/fingerprint-keys/x", "").await.status, 404);
    assert_eq!(world.admin("GET", "/captures?call=x", "").await.status, 404);
    let empty = world.whole("/captures").await;
    let lines: Vec<Value> = empty.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["format"]), (2, &json!("countersign-captures/v1")));
    assert_eq!(lines[1]["end"], 1);
}
