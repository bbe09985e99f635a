//! Sessions: how long they last, what ends them, what they are good for.

use std::collections::BTreeMap;

use serde_json::json;
use store::{By, MemberChange, People as _, Role};

use crate::browser::{Browser, PASSWORD, audit_lines, person};
use crate::world::{World, now};

/// Row W04.
#[tokio::test]
async fn a_session_is_new_at_every_sign_in_and_the_old_one_is_dead() {
    let world = World::start().await;
    let (_, mut browser) = person(&world, "ada@example.org", Role::Viewer).await;
    let before = browser.clone();
    assert_eq!(browser.sign_in(&world, "ada@example.org", PASSWORD).await.status, 200);
    assert_ne!(browser.cookie, before.cookie);
    assert_eq!(before.clone().who(&world).await, Err(401));
    assert!(browser.who(&world).await.is_ok());

    // A cookie that somebody planted is not made a session.
    let planted = Browser { cookie: before.cookie.clone() };
    let mut signed = planted.clone();
    assert_eq!(signed.sign_in(&world, "ada@example.org", PASSWORD).await.status, 200);
    assert_ne!(signed.cookie, planted.cookie);

    let open = browser.clone();
    assert_eq!(browser.ask(&world, "DELETE", "/session", "").await.status, 204);
    assert_eq!(browser.cookie, None);
    assert_eq!(open.clone().who(&world).await, Err(401));
}

/// Row W04: password change, proof, role change, removal.
#[tokio::test]
async fn what_changes_a_person_ends_their_sessions() {
    let world = World::start().await;
    let by = By::program(world.store.org().clone(), now());
    let (ada, mut here) = person(&world, "ada@example.org", Role::Viewer).await;
    let mut there = Browser::default();
    assert_eq!(there.sign_in(&world, "ada@example.org", PASSWORD).await.status, 200);

    let old = here.clone();
    let body = json!({ "current": PASSWORD, "new": "another four odd words" }).to_string();
    assert_eq!(here.ask(&world, "PUT", "/me/password", &body).await.status, 200);
    assert!(here.who(&world).await.is_ok());
    for mut ended in [old, there.clone()] {
        assert_eq!(ended.who(&world).await, Err(401));
    }
    assert_eq!(there.sign_in(&world, "ada@example.org", PASSWORD).await.status, 401);

    let old = here.clone();
    let body = json!({ "password": "another four odd words" }).to_string();
    assert_eq!(here.ask(&world, "POST", "/session/fresh", &body).await.status, 200);
    assert_eq!(old.clone().who(&world).await, Err(401));

    for role in [Role::PolicyManager, Role::Viewer] {
        here.sign_in(&world, "ada@example.org", "another four odd words").await;
        assert!(here.who(&world).await.is_ok());
        let change = MemberChange { role: Some(role), ..MemberChange::default() };
        world.store.member_update(&by, &ada, None, change).await.unwrap();
        assert_eq!(here.clone().who(&world).await, Err(401), "{role:?}");
    }
    here.sign_in(&world, "ada@example.org", "another four odd words").await;
    world.store.member_remove(&by, &ada, vec![]).await.unwrap();
    assert_eq!(here.who(&world).await, Err(401));
}

#[tokio::test]
async fn sessions_end_unused_after_twelve_hours_and_used_after_seven_days() {
    let world = World::start().await;
    let (_, mut idle) = person(&world, "ada@example.org", Role::Viewer).await;
    let (_, mut busy) = person(&world, "kim@example.org", Role::Viewer).await;
    for hours in 1..=7 * 24 {
        world.clock.pass(3_600);
        let alive = busy.clone().who(&world).await.is_ok();
        assert_eq!(alive, hours < 7 * 24, "after {hours} hours");
        if hours == 12 {
            assert_eq!(idle.who(&world).await, Err(401));
        }
    }
    assert_eq!(busy.who(&world).await, Err(401));
    assert_eq!(busy.cookie, None, "the browser keeps a cookie that is good for nothing");
}

#[tokio::test]
async fn people_see_their_sessions_and_end_them() {
    let world = World::start().await;
    let (_, mut here) = person(&world, "ada@example.org", Role::Viewer).await;
    let (_, mut other) = person(&world, "kim@example.org", Role::Admin).await;
    let mut there = Browser::default();
    there.sign_in(&world, "ada@example.org", PASSWORD).await;
    let list = here.ask(&world, "GET", "/sessions", "").await.json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items.iter().filter(|s| s["current"] == true).count(), 1);
    let away = items.iter().find(|s| s["current"] == false).unwrap()["id"].as_str().unwrap();

    let path = format!("/sessions/{away}");
    assert_eq!(other.ask(&world, "DELETE", &path, "").await.status, 404);
    assert_eq!(here.ask(&world, "DELETE", &path, "").await.status, 204);
    assert_eq!(there.who(&world).await, Err(401));

    there.sign_in(&world, "ada@example.org", PASSWORD).await;
    assert_eq!(there.ask(&world, "DELETE", "/sessions", "").await.status, 204);
    assert_eq!(here.who(&world).await, Err(401));
    assert!(other.who(&world).await.is_ok());
}

/// Changes with a cookie come from pages of ours; keys need no such thing.
#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let world = World::start().await;
    let (_, browser) = person(&world, "ada@example.org", Role::Admin).await;
    let own = format!("http://{}", world.address);
    let body = r#"{"slug":"payments","url":"http://127.0.0.1:9/mcp"}"#;
    let before = audit_lines(&world).await;
    for headers in [
        vec![],
        vec![("origin", "https://evil.example")],
        vec![("origin", own.as_str()), ("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "cross-site")],
    ] {
        let answer = browser.send(&world, "POST", "/servers", body, &headers).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "cross_origin"), "{headers:?}");
    }
    assert_eq!(audit_lines(&world).await, before);
    let answer = browser.send(&world, "POST", "/servers", body, &[("origin", &own)]).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let event = world.admin("GET", "/audit?limit=1", "").await.json()["items"][0].clone();
    assert!(event["session"].as_str().unwrap().starts_with("ses_"), "{event}");
    assert!(event["key"].is_null(), "{event}");
}

/// A page that was opened by one person is not gone on with in the name of the next.
#[tokio::test]
async fn a_page_of_one_person_is_not_answered_to_another() {
    let world = World::start().await;
    let (ada, _) = person(&world, "ada@example.org", Role::Admin).await;
    let (fin, mut browser) = person(&world, "fin@example.org", Role::Admin).await;
    let own = format!("http://{}", world.address);
    let body = r#"{"slug":"payments","url":"http://127.0.0.1:9/mcp"}"#;
    let before = audit_lines(&world).await;
    let asked = async |method: &str, path: &str, body: &str, pages: &[&str]| {
        let of = pages.iter().map(|member| ("countersign-member", *member));
        let headers: Vec<_> = of.chain([("origin", own.as_str())]).collect();
        browser.send(&world, method, path, body, &headers).await
    };
    for (method, path, body) in
        [("POST", "/servers", body), ("GET", "/grants", ""), ("GET", "/session", "")]
    {
        // Said twice, it has to be true twice.
        for wrong in [&[ada.as_str()][..], &[""], &["mem_"], &[fin.as_str(), ada.as_str()]] {
            let answer = asked(method, path, body, wrong).await;
            assert_eq!((answer.status, answer.code().as_str()), (409, "other_member"), "{path}");
            assert!(!answer.body.contains(ada.as_str()) && !answer.body.contains(fin.as_str()));
        }
    }
    assert_eq!(audit_lines(&world).await, before);
    assert_eq!(asked("POST", "/servers", body, &[fin.as_str()]).await.status, 201);
    assert!(browser.who(&world).await.is_ok());
}

#[tokio::test]
async fn some_things_need_a_fresh_proof() {
    let world = World::start().await;
    let (_, mut browser) = person(&world, "ada@example.org", Role::Admin).await;
    let first = browser.ask(&world, "DELETE", "/identity-providers/none", "").await;
    assert_eq!(first.status, 404);
    world.clock.pass(5 * 60);
    let stale = browser.ask(&world, "DELETE", "/identity-providers/none", "").await;
    assert_eq!((stale.status, stale.code().as_str()), (403, "reauthentication_required"));
    let wrong = browser.ask(&world, "POST", "/session/fresh", r#"{"password":"no"}"#).await;
    assert_eq!(wrong.faults(), [("/password".to_owned(), "wrong_password".to_owned())]);
    assert!(browser.who(&world).await.is_ok());
    let body = json!({ "password": PASSWORD }).to_string();
    assert_eq!(browser.ask(&world, "POST", "/session/fresh", &body).await.status, 200);
    assert_eq!(browser.ask(&world, "DELETE", "/identity-providers/none", "").await.status, 404);

    // A key proves itself at every use, and is nobody in person.
    assert_eq!(world.admin("DELETE", "/identity-providers/none", "").await.status, 404);
    let key = world.admin("POST", "/me/passkeys/begin", "").await;
    assert_eq!((key.status, key.code().as_str()), (403, "session_required"));
    let key = world.admin("POST", "/session/fresh", &body).await;
    assert_eq!((key.status, key.code().as_str()), (403, "session_required"));
}

/// Row W06 for browsers: a session may exactly what a key of the same role may, and one that has
/// ended is a stranger's.
#[tokio::test]
async fn a_session_may_what_its_role_may() {
    let world = World::start().await;
    let document = world.ask(None, "GET", "/openapi.json", "", &[]).await.json();
    let golden = include_str!("../roles.golden");
    let mut rows = BTreeMap::new();
    for line in golden.lines().skip(2) {
        let words: Vec<_> = line.split_whitespace().collect();
        rows.insert(format!("{} {}", words[0], words[1]), words[2..6].to_vec());
    }
    let mut ended = Browser::default();
    for (place, role) in [Role::Viewer, Role::PolicyManager, Role::Admin].into_iter().enumerate() {
        let email = format!("a-{}@example.org", role.as_str());
        let (_, browser) = person(&world, &email, role).await;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, _) in item.as_object().unwrap() {
                let (method, bare) = (method.to_uppercase(), &path["/api/v1".len()..]);
                if method == "DELETE" && bare.starts_with("/session") {
                    continue;
                }
                let asked = bare.replace("{id}", "none").replace("{tool}", "none");
                let asked = asked.replace("{number}", "1");
                let body = if matches!(method.as_str(), "POST" | "PUT") { "{}" } else { "" };
                let own = format!("http://{}", world.address);
                let answer = browser.send(&world, &method, &asked, body, &[("origin", &own)]).await;
                let forbidden = answer.status == 403 && answer.code() == "forbidden";
                let row = &rows[&format!("{method} {bare}")];
                assert_eq!(row[1 + place] == "no", forbidden, "{role:?} {method} {bare}");
                assert!(answer.status < 500, "{method} {bare}: {answer:?}");
            }
        }
        ended = browser;
    }
    let mut last = ended.clone();
    assert_eq!(last.ask(&world, "DELETE", "/session", "").await.status, 204);
    for (route, row) in rows.iter().filter(|(_, row)| row[0] == "no") {
        let (method, bare) = route.split_once(' ').unwrap();
        let asked = bare.replace("{id}", "none").replace("{tool}", "none").replace("{number}", "1");
        let own = format!("http://{}", world.address);
        let answer = ended.send(&world, method, &asked, "", &[("origin", &own)]).await;
        assert_eq!(answer.status, 401, "{route} {row:?}");
    }
}
