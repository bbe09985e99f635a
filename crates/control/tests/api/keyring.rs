//! The keys that seal: what is shown of them, and what is refused.

use serde_json::{Value, json};

use crate::world::World;

/// Row Y08: a key with records is not retired, and the answer says how many.
#[tokio::test]
async fn a_rotation_is_shown_and_an_old_key_stays_while_it_is_needed() {
    let world = World::start().await;
    let server = r#"{"slug":"s","url":"http://127.0.0.1:9/mcp"}"#;
    world.admin("POST", "/servers?probe=false", server).await;
    world.admin("PUT", "/servers/s/credential", r#"{"bearer":"secret-canary"}"#).await;
    let before = world.admin("GET", "/keys", "").await.json();
    assert_eq!((&before["active"], &before["rotating"]), (&json!(1), &json!(false)));
    assert_eq!(before["can"], json!({"rotate": true, "retire": true, "root_key": true}));

    assert_eq!(before["active_since"], Value::Null);
    assert_eq!(before["root_key"], json!({"source": null, "replaced_at": null, "next": false}));

    let rotated = world.admin("POST", "/keys/rotate", "").await;
    assert_eq!(rotated.status, 202);
    let rotated = rotated.json();
    assert_eq!((&rotated["active"], &rotated["rotating"]), (&json!(2), &json!(true)));
    assert!(rotated["active_since"].is_string(), "{rotated}");
    let states: Vec<_> = rotated["versions"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&states[0]["state"], &states[1]["state"]),
        (&json!("decrypt_only"), &json!("active"))
    );
    let records = states[0]["records"].as_u64().unwrap();
    assert!(records >= 2 && rotated["remaining"] == json!(records), "{rotated}");

    let again = world.admin("POST", "/keys/rotate", "").await;
    assert_eq!((again.status, again.code().as_str()), (409, "conflict"));
    let refused = world.admin("POST", "/keys/1/retire", "").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
    assert!(refused.json()["detail"].as_str().unwrap().contains(&records.to_string()));
    for (path, status) in [("/keys/9/retire", 404), ("/keys/x/retire", 404)] {
        assert_eq!(world.admin("POST", path, "").await.status, status, "{path}");
    }
    let refused = world.admin("POST", "/keys/root-key", "").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
    // What is set from now on is sealed with the new key, and the old one still opens.
    let shown = world.admin("GET", "/servers/s/credential", "").await.json();
    assert_eq!((&shown["key_version"], &shown["opens"]), (&json!(1), &json!(true)));
    let set = world.admin("PUT", "/servers/s/credential", r#"{"bearer":"other"}"#).await.json();
    assert_eq!((&set["key_version"], &set["opens"]), (&json!(2), &json!(true)));
}
