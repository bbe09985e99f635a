//! Channels by the API: who may, what is shown and what never is, and what became of messages.

use serde_json::{Value, json};
use store::{Attempt, Outbox as _};

use crate::world::{Answer, World};

const SLACK: &str = "https://hooks.slack.example/services/T0/B0/planted-3e77";
const PASSWORD: &str = "planted-password-3e77";

async fn made(world: &World, body: Value) -> Answer {
    world.admin("POST", "/channels", &body.to_string()).await
}

#[tokio::test]
async fn a_key_is_shown_once_and_other_secrets_never() {
    let world = World::start().await;
    let hook = json!({"name": "ops", "kind": "webhook", "url": "https://ops.example.com/hook"});
    let answer = made(&world, hook).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let answer = answer.json();
    let secret = answer["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(answer["channel"]["signing"], "hmac-sha256");
    assert_eq!(answer["channel"]["events"].as_array().unwrap().len(), 6);

    let signed = json!({"name": "signed", "kind": "webhook", "signing": "ed25519",
        "url": "http://127.0.0.1:9000/hook", "events": ["pending"]});
    let signed = made(&world, signed).await.json();
    assert_eq!(signed["secret"], Value::Null, "nobody but this program needs it");
    let public = signed["channel"]["public_key"].as_str().unwrap().to_owned();
    assert!(public.starts_with("whpk_"));

    let slack = json!({"name": "slack", "kind": "slack", "url": SLACK});
    assert_eq!(made(&world, slack).await.status, 201);
    let mail = json!({"name": "mail", "kind": "email", "smtp": {"host": "mail.example.com",
        "username": "countersign", "password": PASSWORD, "from": "a@example.com",
        "to": ["b@example.com"]}});
    let mail = made(&world, mail).await.json();
    assert_eq!(mail["channel"]["smtp"]["port"], 465);
    assert_eq!(mail["channel"]["events"], json!(["pending"]));

    let shown = world.admin("GET", "/channels", "").await.body
        + &world.admin("GET", "/channels/slack", "").await.body
        + &world.admin("GET", "/audit?limit=50", "").await.body;
    for hidden in [secret.as_str(), SLACK, "planted-3e77", PASSWORD] {
        assert!(!shown.contains(hidden), "{hidden}");
    }
    for key in [&world.viewer, &world.manager] {
        let refused = world.ask(Some(key), "GET", "/channels", "", &[]).await;
        assert_eq!((refused.status, refused.code()), (403, "forbidden".to_owned()));
    }

    // A change keeps the key, unless another kind of signature is asked for.
    let any = ("if-match", "*");
    let put = async |name: &str, body: Value| {
        world
            .ask(Some(&world.admin), "PUT", &format!("/channels/{name}"), &body.to_string(), &[any])
            .await
    };
    let moved = json!({"name": "signed", "kind": "webhook", "url": "https://ops.example.com/b"});
    let moved = put("signed", moved).await.json();
    assert_eq!(moved["channel"]["public_key"], public.as_str());
    let other = json!({"name": "signed", "kind": "webhook", "url": "https://ops.example.com/b",
        "signing": "hmac-sha256"});
    assert!(put("signed", other).await.json()["secret"].is_string());
    let kept = json!({"name": "slack", "kind": "slack", "enabled": false});
    assert_eq!(put("slack", kept).await.json()["channel"]["has_secret"], true);
    // A password is for one user of one server.
    let elsewhere = json!({"name": "mail", "kind": "email", "smtp": {"host": "evil.example.com",
        "username": "countersign", "from": "a@example.com", "to": ["b@example.com"]}});
    let refused = put("mail", elsewhere).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid".to_owned()));
}

/// W19 and its like: what cannot be used is refused when it is said.
#[tokio::test]
async fn a_channel_that_cannot_be_used_is_not_made() {
    let world = World::start().await;
    let hook = |url: &str| json!({"name": "x", "kind": "webhook", "url": url});
    let mail = |smtp: Value| json!({"name": "x", "kind": "email", "smtp": smtp});
    for (body, pointer) in [
        (hook("http://ops.example.com/"), "/url"),
        (hook("ftp://ops.example.com/"), "/url"),
        (hook("https://user:pw@ops.example.com/"), "/url"),
        (json!({"name": "x", "kind": "webhook"}), "/url"),
        (json!({"name": "x", "kind": "slack"}), "/url"),
        (json!({"name": "x", "kind": "email"}), "/smtp"),
        (json!({"name": "x", "kind": "slack", "url": SLACK, "signing": "ed25519"}), "/signing"),
        (json!({"name": "x", "kind": "slack", "url": SLACK, "events": ["opened"]}), "/events/0"),
        (
            mail(
                json!({"host": "mail.example.com", "security": "plain", "from": "a@b.c", "to": ["a@b.c"]}),
            ),
            "/smtp/host",
        ),
        (mail(json!({"host": "mail example", "from": "a@b.c", "to": ["a@b.c"]})), "/smtp/host"),
        (
            mail(
                json!({"host": "m.example.com", "security": "ssl", "from": "a@b.c", "to": ["a@b.c"]}),
            ),
            "/smtp/security",
        ),
        (
            mail(
                json!({"host": "m.example.com", "username": "u", "from": "a@b.c", "to": ["a@b.c"]}),
            ),
            "/smtp/password",
        ),
    ] {
        let refused = made(&world, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (422, "invalid".to_owned()), "{body}");
        assert!(refused.body.contains(&format!("\"pointer\":\"{pointer}\"")), "{}", refused.body);
        assert!(!refused.body.contains("planted"), "{}", refused.body);
    }
    let plain = mail(
        json!({"host": "10.0.0.5", "port": 25, "security": "plain", "from": "a@b.c", "to": ["a@b.c"]}),
    );
    assert_eq!(made(&world, plain.clone()).await.status, 422);
    let mut listed = plain;
    listed["private_targets"] = json!(["10.0.0.5:25"]);
    assert_eq!(made(&world, listed).await.status, 201, "unless an admin lists it");
}

#[tokio::test]
async fn dead_messages_are_seen_and_revived() {
    let world = World::start().await;
    let hook = json!({"name": "ops", "kind": "webhook", "url": "http://127.0.0.1:9/hook"});
    made(&world, hook).await;
    let sent = world.admin("POST", "/channels/ops/test", "").await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let message = sent.json()["message"].as_str().unwrap().to_owned();
    let retry = format!("/channels/ops/deliveries/{message}/retry");
    let early = world.admin("POST", &retry, "").await;
    assert_eq!((early.status, early.code()), (409, "conflict".to_owned()));
    let (mut due, _) = world.store.outbox_due().await.unwrap();
    let failed = Attempt::Failed("no connection could be made".to_owned());
    world.store.outbox_tried(&due.pop().unwrap().delivery, failed).await.unwrap();
    let dead = world.admin("GET", "/channels/ops/deliveries?state=dead", "").await.json();
    assert_eq!(dead["items"][0]["message"], message.as_str());
    assert_eq!(dead["items"][0]["told"], "no connection could be made");
    assert_eq!(world.admin("POST", &retry, "").await.json()["state"], "waiting");
    let audit = world.admin("GET", "/audit", "").await.body;
    for event in ["channel.created", "channel.tested", "channel.revived"] {
        assert!(audit.contains(event), "{event}");
    }
    let none = world.admin("GET", "/channels/ops/deliveries?state=lost", "").await;
    assert_eq!(none.status, 422);
    let other = world.admin("POST", "/channels/ops/deliveries/msg_none/retry", "").await;
    assert_eq!((other.status, other.code()), (404, "not_found".to_owned()));
}
