//! The dashboard beside the API: its page, its policy, its files, and what the asker may do.

use serde_json::Value;

use crate::world::World;

/// The page is for any address a browser asks for; the API keeps its own answers.
#[tokio::test]
async fn a_browser_gets_the_page_and_a_program_gets_the_problem() {
    let world = World::start().await;
    let page = "accept: text/html,application/xhtml+xml";
    for (path, accept, status) in [
        ("/", "accept: */*", 200),
        ("/", page, 200),
        ("/grants/agent-finance", page, 200),
        ("/policies/p/v/3?rule=/tools/x", page, 200),
        ("/grants", "accept: */*", 404),
        ("/assets/none.js", page, 404),
        ("/api", page, 404),
        ("/api/v1/nothing", page, 404),
    ] {
        let answer = get(&world, path, accept).await;
        assert_eq!(answer.status, status, "{path} {accept}");
        let policy = &answer.headers["content-security-policy"];
        if status == 404 {
            assert_eq!(answer.code(), "no_such_route", "{path}");
            assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
            continue;
        }
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-frame-options"], "DENY");
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        let expected = format!(
            "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
             img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'"
        );
        assert_eq!(*policy, expected, "{path}");
    }
    let first = get(&world, "/", page).await.headers["content-security-policy"].clone();
    assert_ne!(get(&world, "/", page).await.headers["content-security-policy"], first);
}

async fn get(world: &World, path: &str, accept: &str) -> crate::world::Answer {
    let host = world.address;
    world.raw(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{accept}\r\n\r\n").as_bytes()).await
}

#[tokio::test]
async fn everyone_learns_what_they_may_do_and_who_else_may() {
    let world = World::start().await;
    for (key, role, may_attach, may_revoke) in [
        (&world.viewer, "viewer", false, false),
        (&world.manager, "policy_manager", true, false),
        (&world.admin, "admin", true, true),
    ] {
        let answer = world.ask(Some(key), "GET", "/permissions", "", &[]).await.json();
        assert_eq!(answer["role"], role);
        let operation = |name: &str| -> (Value, Value) {
            let permission = &answer["operations"][name];
            (permission["allowed"].clone(), permission["role"].clone())
        };
        assert_eq!(operation("grants_list"), (true.into(), "viewer".into()));
        assert_eq!(operation("grants_attach"), (may_attach.into(), "policy_manager".into()));
        assert_eq!(operation("grants_revoke"), (may_revoke.into(), "admin".into()));
    }
}
