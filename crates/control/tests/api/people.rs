//! Members, groups, keys that follow them, and whose a grant is.

use crate::world::World;

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_member_is_invited_changed_and_removed() {
    let world = World::start().await;
    let body = r#"{"email":"Ada@example.org","role":"policy_manager"}"#;
    let made = world.admin("POST", "/members", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let token = text(&made["token"]);
    assert!(token.starts_with("csi1_"));
    assert_eq!(text(&made["path"]), format!("/invite#{token}"));
    assert_eq!(
        (&made["member"]["state"], &made["member"]["name"]),
        (&"invited".into(), &"Ada@example.org".into())
    );
    let again =
        world.admin("POST", "/members", r#"{"email":"ada@EXAMPLE.org","role":"viewer"}"#).await;
    assert_eq!((again.status, again.code().as_str()), (409, "taken"));

    let found = world.admin("GET", "/members/ada@example.org", "").await;
    let tag = found.headers["etag"].clone();
    let change = r#"{"role":"viewer"}"#;
    let bare = world.admin("PUT", "/members/ada@example.org", change).await;
    assert_eq!((bare.status, bare.code().as_str()), (428, "precondition_required"));
    let put = async |tag: &str| {
        let headers = [("if-match", tag)];
        world.ask(Some(&world.admin), "PUT", "/members/ada@example.org", change, &headers).await
    };
    assert_eq!(put(&tag).await.json()["role"], "viewer");
    assert_eq!((put(&tag).await.status, put("*").await.status), (412, 200));

    let second = world.admin("POST", "/members/ada@example.org/invite", "").await.json();
    assert_ne!(text(&second["token"]), token);
    let gone = world.admin("POST", "/members/ada@example.org/remove", "").await;
    assert_eq!(gone.json()["state"], "removed");
    assert_eq!(world.admin("GET", "/members/ada@example.org", "").await.status, 404);
    for bad in [
        r#"{"email":"x","role":"viewer"}"#,
        r#"{"email":"x@y","role":"owner"}"#,
        r#"{"email":"x@y","role":"viewer","id":"mem_1"}"#,
        r#"{"email":"x@y","role":"viewer","org_id":"org_1"}"#,
        r#"{"email":"x@y","role":"viewer","link_seconds":1}"#,
        r#"{"email":"x@y"}"#,
    ] {
        assert_eq!(world.admin("POST", "/members", bad).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn the_last_admin_stays_and_a_lowered_member_takes_their_keys_along() {
    let world = World::start().await;
    let headers = [("if-match", "*")];
    let lower = async |who: &str, role: &str| {
        let body = format!(r#"{{"role":"{role}"}}"#);
        world.ask(Some(&world.admin), "PUT", &format!("/members/{who}"), &body, &headers).await
    };
    let refused = lower("admin@example.org", "viewer").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "last_admin"));
    let refused = world.admin("POST", "/members/admin@example.org/remove", "").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "last_admin"));

    let made = r#"{"name":"x","text":"{}"}"#;
    let check =
        async || world.ask(Some(&world.manager), "POST", "/policies/check", made, &[]).await;
    assert_ne!(check().await.status, 403);
    assert_eq!(lower("policy_manager@example.org", "viewer").await.status, 200);
    assert_eq!(check().await.status, 403);
    let gone = world.admin("POST", "/members/policy_manager@example.org/remove", "").await;
    assert_eq!(gone.status, 200);
    assert_eq!(check().await.status, 401);
}

#[tokio::test]
async fn people_make_keys_for_themselves_and_admins_for_others() {
    let world = World::start().await;
    let viewer = Some(world.viewer.as_str());
    let own =
        world.ask(viewer, "POST", "/api-keys", r#"{"label":"ci","role":"viewer"}"#, &[]).await;
    assert_eq!(own.status, 201, "{}", own.body);
    let above = r#"{"label":"ci","role":"admin"}"#;
    assert_eq!(world.ask(viewer, "POST", "/api-keys", above, &[]).await.status, 422);
    let others = r#"{"label":"ci","role":"viewer","member":"admin@example.org"}"#;
    assert_eq!(world.ask(viewer, "POST", "/api-keys", others, &[]).await.status, 403);
    let listed = world.ask(viewer, "GET", "/api-keys", "", &[]).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "their own two");

    let keys = world.admin("GET", "/api-keys", "").await.json();
    let keys = keys["items"].as_array().unwrap();
    let admins = keys.iter().find(|key| key["role"] == "admin").unwrap();
    let path = format!("/api-keys/{}", text(&admins["id"]));
    assert_eq!(world.ask(viewer, "DELETE", &path, "", &[]).await.status, 404);
    let path = format!("/api-keys/{}", text(&own.json()["key"]["id"]));
    assert_eq!(world.ask(viewer, "DELETE", &path, "", &[]).await.status, 204);

    let above = r#"{"label":"ci","role":"admin","member":"viewer@example.org"}"#;
    assert_eq!(world.admin("POST", "/api-keys", above).await.status, 422);
    let given = r#"{"label":"ci","role":"viewer","member":"viewer@example.org"}"#;
    assert_eq!(world.admin("POST", "/api-keys", given).await.status, 201);
}

/// A key that may little makes and ends none that may more; one with an end makes none beyond it.
#[tokio::test]
async fn a_key_makes_nothing_that_outlives_or_outranks_it() {
    let world = World::start().await;
    let ends = "2999-01-01T00:00:00Z";
    let small = format!(r#"{{"label":"small","role":"viewer","expires_at":"{ends}"}}"#);
    let small = text(&world.admin("POST", "/api-keys", &small).await.json()["token"]);
    let small = Some(small.as_str());
    for (body, status) in [
        (r#"{"label":"a","role":"admin"}"#, 422),
        (r#"{"label":"a","role":"viewer","expires_at":"2999-01-01T00:00:01Z"}"#, 422),
        (r#"{"label":"a","role":"viewer"}"#, 201),
    ] {
        let made = world.ask(small, "POST", "/api-keys", body, &[]).await;
        assert_eq!(made.status, status, "{body}");
        if status == 201 {
            assert!(text(&made.json()["key"]["expires_at"]).starts_with("2999-01-01T00:00:00"));
        }
    }
    let keys = world.admin("GET", "/api-keys", "").await.json();
    let keys = keys["items"].as_array().unwrap();
    let admins = keys.iter().find(|key| key["role"] == "admin").unwrap();
    let path = format!("/api-keys/{}", text(&admins["id"]));
    assert_eq!(world.ask(small, "DELETE", &path, "", &[]).await.status, 404);
}

#[tokio::test]
async fn a_grant_is_a_members_or_an_agents_with_an_owner() {
    let world = World::start().await;
    world.with_server().await;
    let issue = async |more: &str| {
        let body =
            format!(r#"{{"label":"g{}",{more}"servers":[{{"server":"payments"}}]}}"#, more.len());
        world.admin("POST", "/grants", &body).await
    };
    let own = issue(r#""identity":"VIEWER@example.org","#).await.json();
    assert_eq!(own["grant"]["identity"], "viewer@example.org");
    assert_eq!(own["grant"]["owner"]["name"], "viewer@example.org");
    let agent = issue(r#""identity":"invoice-bot","owner":"viewer@example.org","#).await.json();
    assert_eq!(agent["grant"]["owner"]["name"], "viewer@example.org");
    let plain = issue("").await.json();
    assert_eq!(plain["grant"]["owner"]["name"], "admin@example.org", "whoever issues it");
    for (bad, pointer) in [
        (r#""identity":"nobody@example.org","#, "/identity"),
        (r#""identity":"viewer@example.org","owner":"admin@example.org","#, "/owner"),
        (r#""owner":"nobody@example.org","#, "/owner"),
    ] {
        let refused = issue(bad).await;
        assert_eq!((refused.status, refused.faults()[0].0.as_str()), (422, pointer), "{bad}");
    }

    let undecided = world.admin("POST", "/members/viewer@example.org/remove", "").await;
    assert_eq!((undecided.status, undecided.code().as_str()), (409, "grants_undecided"));
    assert_eq!(undecided.faults().len(), 2);
    let (own, agent) = (text(&own["grant"]["id"]), text(&agent["grant"]["id"]));
    let body = format!(
        r#"{{"grants":[{{"grant":"{own}","owner":null}},{{"grant":"{agent}","owner":"admin@example.org"}}]}}"#
    );
    let gone = world.admin("POST", "/members/viewer@example.org/remove", &body).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    assert_eq!(world.admin("GET", &format!("/grants/{own}"), "").await.json()["state"], "revoked");
    let kept = world.admin("GET", &format!("/grants/{agent}"), "").await.json();
    assert_eq!(
        (&kept["state"], &kept["owner"]["name"]),
        (&"active".into(), &"admin@example.org".into())
    );
}

#[tokio::test]
async fn each_object_says_what_the_asker_may_do() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let can = async |key: &str, path: &str, what: &str| {
        let answer = world.ask(Some(key), "GET", path, "", &[]).await.json();
        answer["can"][what].as_bool().unwrap_or_else(|| panic!("{path} {what}: {answer}"))
    };
    for (path, what, manager) in [
        ("/servers/payments", "change", false),
        ("/servers/payments", "accept_tools", true),
        ("/policies/support", "publish", true),
        ("/policies/support", "keep_in", true),
        ("/grants/agent", "revoke", false),
        ("/grants/agent", "attach", true),
        ("/me", "read_audit_log", false),
        ("/me", "write_policies", true),
    ] {
        assert!(!can(&world.viewer, path, what).await, "{path} {what}");
        assert_eq!(can(&world.manager, path, what).await, manager, "{path} {what}");
        assert!(can(&world.admin, path, what).await, "{path} {what}");
    }
}
