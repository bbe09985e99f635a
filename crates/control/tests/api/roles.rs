//! Every route as every role and as a stranger, from the OpenAPI document.

use std::fmt::Write as _;

use serde_json::Value;

use crate::world::World;

/// Rows W06 and W07 of the attack catalogue. `UPDATE_GOLDEN=1` writes the table anew.
#[tokio::test]
async fn every_route_is_open_to_exactly_the_roles_in_the_table() {
    let world = World::start().await;
    let document = world.raw(get("/api/v1/openapi.json", &world).as_bytes()).await.json();
    let mut table = String::from(
        "# Who may use which route. Written by the test of the same name from what the routes do.\n",
    );
    let _ = writeln!(
        table,
        "{:<52}{:<10}{:<10}{:<16}admin",
        "route", "stranger", "viewer", "policy_manager"
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let bare = path.strip_prefix("/api/v1").unwrap();
            let asked = bare
                .replace("{id}", "nothing-of-that-name")
                .replace("{tool}", "nothing")
                .replace("{message}", "nothing")
                .replace("{number}", "1");
            let body = if matches!(method.as_str(), "POST" | "PUT") { "{}" } else { "" };
            let mut may = vec![];
            let stranger = world.ask(None, &method, &asked, body, &[]).await;
            assert!(stranger.status < 500, "{method} {bare}: {stranger:?}");
            if stranger.status == 401 {
                assert_eq!(stranger.code(), "unauthenticated");
                assert!(stranger.headers["www-authenticate"].starts_with("Bearer"));
            }
            may.push(stranger.status != 401);
            for key in [&world.viewer, &world.manager, &world.admin] {
                let answer = world.ask(Some(key), &method, &asked, body, &[]).await;
                assert_ne!(answer.status, 401, "{method} {bare}");
                assert!(answer.status < 500, "{method} {bare}: {answer:?}");
                // Some routes want a person beside the role; that is another matter.
                let personal = |code: &str| code == "session_required";
                let forbidden = answer.status == 403 && !personal(&answer.code());
                if forbidden {
                    assert_eq!(answer.code(), "forbidden");
                }
                may.push(!forbidden);
            }
            assert_eq!(document_says(operation), may, "{method} {bare}: the document differs");
            let word = |yes: bool| if yes { "yes" } else { "no" };
            let _ = writeln!(
                table,
                "{:<52}{:<10}{:<10}{:<16}{}",
                format!("{method} {bare}"),
                word(may[0]),
                word(may[1]),
                word(may[2]),
                word(may[3])
            );
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/roles.golden");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(golden == table, "tests/roles.golden differs; the routes say:\n{table}");
}

/// Who may, by the document: stranger, viewer, policy manager, admin.
fn document_says(operation: &Value) -> Vec<bool> {
    let lowest = operation["security"][0]["api_key"][0].as_str();
    let ladder = ["viewer", "policy_manager", "admin"];
    let from = lowest.map_or(0, |role| 1 + ladder.iter().position(|r| *r == role).unwrap());
    (0..4).map(|rung| rung >= from).collect()
}

fn get(path: &str, world: &World) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", world.address)
}

#[tokio::test]
async fn what_a_role_may_not_do_is_refused_before_its_body_is_read() {
    let world = World::start().await;
    let answer = world.ask(Some(&world.viewer), "POST", "/grants", "not json at all", &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"));
    let answer = world.ask(None, "POST", "/grants", "not json at all", &[]).await;
    assert_eq!(answer.status, 401);
    let answer = world.ask(Some(&world.viewer), "GET", "/audit?limit=-1&x=y", "", &[]).await;
    assert_eq!(answer.status, 403);
}

/// Row W06: ids of nobody, and ids of another organisation, are the same to everybody.
#[tokio::test]
async fn ids_that_are_not_there_answer_404_on_every_route() {
    let world = World::start().await;
    world.with_server().await;
    let routes = [
        ("GET", "/servers/srv_x", ""),
        ("PUT", "/servers/srv_x", "{}"),
        ("DELETE", "/servers/srv_x", ""),
        ("POST", "/servers/srv_x/refresh", ""),
        ("GET", "/servers/srv_x/tools", ""),
        ("GET", "/servers/payments/tools/none", ""),
        ("POST", "/servers/payments/tools/none/accept", r#"{"fingerprint":"f"}"#),
        ("PUT", "/servers/payments/tools/none/amounts", r#"{"fingerprint":"f","amounts":[]}"#),
        ("GET", "/servers/srv_x/credential", ""),
        ("PUT", "/servers/srv_x/credential", r#"{"bearer":"x"}"#),
        ("DELETE", "/servers/srv_x/credential", ""),
        ("PUT", "/servers/srv_x/credential/scopes", r#"{"scopes":["a"]}"#),
        ("GET", "/policies/pol_x", ""),
        ("DELETE", "/policies/pol_x", ""),
        ("GET", "/policies/pol_x/versions", ""),
        ("POST", "/policies/pol_x/versions", r#"{"text":"{}"}"#),
        ("GET", "/policies/pol_x/versions/1", ""),
        ("GET", "/policies/pol_x/diff", ""),
        ("GET", "/grants/grt_x", ""),
        ("POST", "/grants/grt_x/rotate", ""),
        ("POST", "/grants/grt_x/pause", ""),
        ("POST", "/grants/grt_x/resume", ""),
        ("POST", "/grants/grt_x/revoke", ""),
        ("PUT", "/grants/grt_x/policy", r#"{"server":"payments","policy":null}"#),
        ("GET", "/grants/grt_x/usage", ""),
        ("POST", "/reservations/call_x/resolve", r#"{"as":"settled","reason":"r"}"#),
        (
            "POST",
            "/reservations/call_00000000000000000000000000/resolve",
            r#"{"as":"released","reason":"r"}"#,
        ),
        ("PUT", "/grants/grt_x/owner", r#"{"owner":"viewer@example.org"}"#),
        ("GET", "/policies/pol_x/draft", ""),
        ("PUT", "/policies/pol_x/kept-in", r#"{"place":null}"#),
        ("PUT", "/policies/pol_x/draft", r#"{"text":"{}"}"#),
        ("DELETE", "/policies/pol_x/draft", ""),
        ("POST", "/policies/pol_x/versions/1/restore", ""),
        ("GET", "/policies/pol_x/watch", ""),
        ("POST", "/policies/pol_x/watch", r#"{"text":"{}"}"#),
        ("DELETE", "/policies/pol_x/watch", ""),
        ("GET", "/policies/pol_x/watch/calls", ""),
        ("POST", "/policies/pol_x/replay", "{}"),
        ("GET", "/members/mem_x", ""),
        ("PUT", "/members/mem_x", "{}"),
        ("POST", "/members/mem_x/invite", ""),
        ("POST", "/members/mem_x/remove", ""),
        ("GET", "/groups/grp_x", ""),
        ("PUT", "/groups/grp_x", r#"{"name":"g"}"#),
        ("DELETE", "/groups/grp_x", ""),
        ("GET", "/calls/call_x", ""),
        ("GET", "/calls/call_00000000000000000000000000", ""),
        ("DELETE", "/api-keys/key_x", ""),
    ];
    for (method, path, body) in routes {
        let any = [("if-match", "*")];
        let first = [("if-none-match", "*")];
        let headers = match (method, path.ends_with("/draft")) {
            ("PUT", true) => &first[..],
            ("PUT", false) | (_, true) => &any[..],
            _ => &[],
        };
        let answer = world.ask(Some(&world.admin), method, path, body, headers).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{method} {path}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(!detail.contains("_x"), "{detail}");
    }
}
