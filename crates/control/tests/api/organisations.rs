//! Two organisations with the same names: neither sees, changes or even notices the other.

use store::{By, OrgId, Role, Verdict};

use crate::calls::line;
use crate::world::{World, member_with_key, now};

/// A second organisation in the same store, and the key of its admin.
async fn neighbour(world: &World) -> String {
    let file = rusqlite::Connection::open(world.database()).unwrap();
    file.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    let insert = "INSERT INTO organisations (id, name, created_at) VALUES ('org_next', 'next', ?1)";
    file.execute(insert, [now().micros()]).unwrap();
    let by = By::program(OrgId::from("org_next"), now());
    member_with_key(&world.store, &by, "admin", Role::Admin).await
}

/// Row W06: {own, other} organisation.
#[tokio::test]
async fn an_admin_of_another_organisation_finds_nothing_and_changes_nothing() {
    let world = World::start().await;
    let server = world.with_server().await;
    let policy = world.with_policy().await;
    let (grant, _) = world.with_grant().await;
    let call = line(&world, 1, "pay", Verdict::Denied, "").await;
    assert_eq!(
        world.admin("PUT", "/servers/payments/credential", r#"{"bearer":"x"}"#).await.status,
        200
    );
    let keys = world.admin("GET", "/api-keys", "").await.json();
    let key = keys["items"][0]["id"].as_str().unwrap().to_owned();
    let seen = async || {
        let mut seen = vec![];
        for path in ["/servers", "/policies", "/grants", "/api-keys", "/calls"] {
            seen.push(world.admin("GET", path, "").await.body);
        }
        seen.extend(world.changes().await);
        seen
    };
    let before = seen().await;

    let next = neighbour(&world).await;
    let ask = async |method: &str, path: &str, body: &str| {
        world.ask(Some(&next), method, path, body, &[("if-match", "*")]).await
    };
    for path in ["/servers", "/policies", "/grants", "/calls"] {
        assert_eq!(ask("GET", path, "").await.json()["items"], serde_json::json!([]), "{path}");
    }
    for filter in [
        format!("grant={grant}"),
        format!("server={server}"),
        format!("policy={policy}"),
        "tool=pay".to_owned(),
    ] {
        let found = ask("GET", &format!("/calls?{filter}"), "").await;
        assert_eq!(found.json()["items"], serde_json::json!([]), "{filter}");
    }
    for (server, policy, grant) in
        [(server.as_str(), policy.as_str(), grant.as_str()), ("payments", "support", "agent")]
    {
        let attach = format!(r#"{{"server":"{server}","policy":null}}"#);
        let routes = [
            ("GET", format!("/servers/{server}"), ""),
            ("PUT", format!("/servers/{server}"), "{}"),
            ("DELETE", format!("/servers/{server}"), ""),
            ("POST", format!("/servers/{server}/refresh"), ""),
            ("GET", format!("/servers/{server}/tools"), ""),
            ("GET", format!("/servers/{server}/tools/pay"), ""),
            ("POST", format!("/servers/{server}/tools/pay/accept"), r#"{"fingerprint":"f"}"#),
            (
                "PUT",
                format!("/servers/{server}/tools/pay/amounts"),
                r#"{"fingerprint":"f","amounts":[]}"#,
            ),
            ("GET", format!("/servers/{server}/credential"), ""),
            ("PUT", format!("/servers/{server}/credential"), r#"{"bearer":"y"}"#),
            ("DELETE", format!("/servers/{server}/credential"), ""),
            ("PUT", format!("/servers/{server}/credential/scopes"), r#"{"scopes":["a"]}"#),
            ("GET", format!("/policies/{policy}"), ""),
            ("GET", format!("/policies/{policy}/use"), ""),
            ("DELETE", format!("/policies/{policy}"), ""),
            ("GET", format!("/policies/{policy}/versions"), ""),
            ("GET", format!("/policies/{policy}/versions/1"), ""),
            ("POST", format!("/policies/{policy}/versions"), r#"{"text":"{}"}"#),
            ("GET", format!("/policies/{policy}/diff"), ""),
            ("GET", format!("/grants/{grant}"), ""),
            ("GET", format!("/grants/{grant}/usage"), ""),
            ("POST", format!("/reservations/{call}/resolve"), r#"{"as":"released","reason":"r"}"#),
            ("POST", format!("/grants/{grant}/rotate"), ""),
            ("POST", format!("/grants/{grant}/pause"), ""),
            ("POST", format!("/grants/{grant}/resume"), ""),
            ("POST", format!("/grants/{grant}/revoke"), ""),
            ("PUT", format!("/grants/{grant}/policy"), attach.as_str()),
            ("GET", format!("/calls/{call}"), ""),
            ("DELETE", format!("/api-keys/{key}"), ""),
        ];
        for (method, path, body) in routes {
            let answer = ask(method, &path, body).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (404, "not_found"),
                "{method} {path}"
            );
        }
        for (path, body) in [
            ("/grants", format!(r#"{{"label":"a","servers":[{{"server":"{server}"}}]}}"#)),
            ("/policies", format!(r#"{{"name":"a","server":"{server}"}}"#)),
            ("/policies/simulate", format!(r#"{{"grant":"{grant}","call":{{"name":"pay"}}}}"#)),
            ("/policies/simulate", format!(r#"{{"policy":"{policy}","call":{{"name":"pay"}}}}"#)),
            ("/policies/test", format!(r#"{{"policy":"{policy}","cases":[]}}"#)),
            ("/policies/check", format!(r#"{{"text":"{{}}","server":"{server}"}}"#)),
        ] {
            let answer = ask("POST", path, &body).await;
            assert_eq!(answer.status, 422, "{path} {body}: {}", answer.body);
            assert_eq!(answer.faults()[0].1, "not_found", "{path} {body}");
        }
    }
    assert_eq!(seen().await, before, "the neighbour changed something");

    // The same names are free over there, and the same Idempotency-Key is another one.
    let body = r#"{"slug":"payments","url":"https://next.example/"}"#;
    for key in [&world.admin, &next] {
        let once = [("idempotency-key", "one")];
        let made = world.ask(Some(key), "POST", "/servers?probe=false", body, &once).await;
        assert_eq!(made.status, if *key == next { 201 } else { 409 }, "{}", made.body);
    }
}
