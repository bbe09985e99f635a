//! Keys of the API.

use crate::world::World;

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    let world = World::start().await;
    let made = world.admin("POST", "/api-keys", r#"{"label":"ci","role":"viewer"}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let id = made.json()["key"]["id"].as_str().unwrap().to_owned();
    assert!(token.starts_with("csk1_"));
    assert_eq!(world.ask(Some(&token), "GET", "/servers", "", &[]).await.status, 200);
    let listed = world.admin("GET", "/api-keys", "").await;
    assert!(listed.body.contains(&id) && !listed.body.contains(&token[20..40]));

    assert_eq!(world.admin("DELETE", &format!("/api-keys/{id}"), "").await.status, 204);
    assert_eq!(world.ask(Some(&token), "GET", "/servers", "", &[]).await.status, 401);
    for bad in [
        r#"{"label":"ci","role":"owner"}"#,
        r#"{"label":"ci"}"#,
        r#"{"label":"","role":"viewer"}"#,
        r#"{"label":"ci","role":"viewer","expires_at":"2020-01-01T00:00:00Z"}"#,
    ] {
        assert_eq!(world.admin("POST", "/api-keys", bad).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn the_last_admin_key_stays() {
    let world = World::start().await;
    let keys = world.admin("GET", "/api-keys", "").await.json();
    let keys = keys["items"].as_array().unwrap();
    let admin =
        keys.iter().find(|k| k["role"] == "admin").unwrap()["id"].as_str().unwrap().to_owned();
    let refused = world.admin("DELETE", &format!("/api-keys/{admin}"), "").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "last_admin"));

    let second =
        world.admin("POST", "/api-keys", r#"{"label":"second","role":"admin"}"#).await.json();
    assert_eq!(world.admin("DELETE", &format!("/api-keys/{admin}"), "").await.status, 204);
    let second = second["token"].as_str().unwrap();
    assert_eq!(world.ask(Some(second), "GET", "/api-keys", "", &[]).await.status, 200);
}

/// A list of keys says whose each is, in words.
#[tokio::test]
async fn a_key_names_the_member_it_belongs_to() {
    let world = World::start().await;
    let body = r#"{"label":"theirs","role":"viewer","member":"viewer@example.org"}"#;
    let made = world.admin("POST", "/api-keys", body).await.json();
    assert_eq!(made["key"]["member_email"], "viewer@example.org");
    let listed = world.admin("GET", "/api-keys", "").await.json();
    for key in listed["items"].as_array().unwrap() {
        assert!(!key["member_name"].as_str().unwrap().is_empty(), "{key}");
        let theirs = key["label"] == "theirs";
        assert!(!theirs || key["member_email"] == "viewer@example.org", "{key}");
    }
}
