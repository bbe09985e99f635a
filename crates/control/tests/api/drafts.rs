//! The life of a policy: drafts, publishing, restoring.

use crate::world::{Answer, POLICY, World};

async fn put(world: &World, text: &str, header: (&str, &str)) -> Answer {
    let body = serde_json::json!({ "text": text, "note": "n" }).to_string();
    world.ask(Some(&world.manager), "PUT", "/policies/support/draft", &body, &[header]).await
}

/// Two editors of one policy: the second is shown both texts, and loses none.
#[tokio::test]
async fn the_second_editor_gets_412_with_both_versions() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    assert_eq!(world.admin("GET", "/policies/support/draft", "").await.status, 404);
    let bare =
        world.ask(Some(&world.manager), "PUT", "/policies/support/draft", r#"{"text":"{}"}"#, &[]);
    assert_eq!(bare.await.status, 428);

    let first = put(&world, "{\"mine\": 1", ("if-none-match", "*")).await;
    assert_eq!(first.status, 200, "a draft need not load: {}", first.body);
    let tag = first.headers["etag"].clone();
    let late = put(&world, "the late text", ("if-none-match", "*")).await;
    assert_eq!((late.status, late.code().as_str()), (412, "stale"));
    let saved = put(&world, "ada's text", ("if-match", &tag)).await;
    assert_eq!(saved.status, 200);

    let second = put(&world, "bob's text", ("if-match", &tag)).await;
    assert_eq!((second.status, second.code().as_str()), (412, "stale"));
    let both = second.json();
    assert_eq!(both["current"]["text"], "ada's text");
    assert_eq!(both["yours"]["text"], "bob's text");
    assert_eq!(second.headers["etag"], saved.headers["etag"], "to write over it, having seen it");
    let kept = world.admin("GET", "/policies/support/draft", "").await;
    assert_eq!(kept.json()["text"], "ada's text");
}

#[tokio::test]
async fn a_draft_is_published_only_if_it_is_good_and_as_it_was_read() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let publish = async |tag: &str| {
        let path = "/policies/support/draft/publish";
        world.ask(Some(&world.manager), "POST", path, "", &[("if-match", tag)]).await
    };
    let bad = put(&world, "{\"tools\": 1}", ("if-none-match", "*")).await;
    let refused = publish(&bad.headers["etag"]).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "policy_invalid"));

    let text = POLICY.replace("100", "200");
    let cases =
        r#"[{"call":{"name":"pay","arguments":{"amount":150}},"expect":{"outcome":"deny"}}]"#;
    let body = format!(r#"{{"text":{},"cases":{cases}}}"#, serde_json::json!(text));
    let headers = [("if-match", bad.headers["etag"].as_str())];
    let failing =
        world.ask(Some(&world.manager), "PUT", "/policies/support/draft", &body, &headers).await;
    let tag = failing.headers["etag"].clone();
    let refused = publish(&tag).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "tests_failed"));

    let body = body.replace("deny\"}}]", "allow\"}}]");
    let headers = [("if-match", tag.as_str())];
    let good =
        world.ask(Some(&world.manager), "PUT", "/policies/support/draft", &body, &headers).await;
    assert_eq!(publish(&tag).await.status, 412, "it is not what was read any more");
    let made = publish(&good.headers["etag"]).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!((&made.json()["number"], &made.json()["text"]), (&2.into(), &text.into()));
    assert_eq!(world.admin("GET", "/policies/support/draft", "").await.status, 404);
}

#[tokio::test]
async fn an_old_version_comes_back_as_a_new_one() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let text = serde_json::json!({ "text": POLICY.replace("100", "1") }).to_string();
    world.admin("POST", "/policies/support/versions", &text).await;
    let back = world.admin("POST", "/policies/support/versions/1/restore", "").await;
    assert_eq!(back.status, 201, "{}", back.body);
    let back = back.json();
    assert_eq!((&back["number"], &back["text"]), (&3.into(), &POLICY.into()));
    assert_eq!(back["note"], "Restores version 1");
    let diff = world.admin("GET", "/policies/support/diff?from=1&to=3", "").await.json();
    assert_eq!(diff["unified"], "");
    assert_eq!(world.admin("POST", "/policies/support/versions/9/restore", "").await.status, 404);
}

#[tokio::test]
async fn a_draft_is_thrown_away_only_as_it_was_read() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let draft = put(&world, "x", ("if-none-match", "*")).await;
    let drop = async |tag: &str| {
        let headers = [("if-match", tag)];
        world.ask(Some(&world.manager), "DELETE", "/policies/support/draft", "", &headers).await
    };
    assert_eq!(drop("\"1\"").await.status, 412);
    assert_eq!(drop(&draft.headers["etag"]).await.status, 204);
    assert_eq!(drop("*").await.status, 404);
}
