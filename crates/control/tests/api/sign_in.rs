//! Getting in: links, passwords, and what strangers learn when they do not get in.

use std::time::Instant;

use serde_json::json;
use store::{By, FIRST_ADMIN_EMAIL, MemberDraft, People as _, Role};

use crate::browser::{Browser, PASSWORD, link, person};
use crate::world::{World, now};

fn by(world: &World) -> By {
    By::program(world.store.org().clone(), now())
}

async fn first_admin(world: &World) -> store::MemberId {
    let draft = MemberDraft {
        email: FIRST_ADMIN_EMAIL.to_owned(),
        name: "First admin".to_owned(),
        role: Role::Admin,
    };
    world.store.member_add(&by(world), draft).await.unwrap().id
}

fn setup(token: &str, email: &str) -> String {
    json!({ "token": token, "email": email, "name": "Ada", "password": PASSWORD }).to_string()
}

/// Row W11.
#[tokio::test]
async fn the_setup_link_makes_the_first_admin_once() {
    let world = World::start().await;
    let admin = first_admin(&world).await;
    let mut browser = Browser::default();
    assert_eq!(browser.ask(&world, "GET", "/sign-in", "").await.json()["setup"], true);

    let old = link(&world, &admin, 3_600).await;
    let token = link(&world, &admin, 3_600).await;
    let weak = json!({ "token": token, "email": "ada@example.org", "name": "Ada", "password": "ada@example.org" });
    let refused = browser.ask(&world, "POST", "/setup", &weak.to_string()).await;
    assert_eq!(refused.faults(), [("/password".to_owned(), "password_refused".to_owned())]);

    let replaced = browser.ask(&world, "POST", "/setup", &setup(&old, "ada@example.org")).await;
    assert_eq!((replaced.status, replaced.code().as_str()), (410, "gone"));
    let done = browser.ask(&world, "POST", "/setup", &setup(&token, "ada@example.org")).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(done.json()["member"]["role"], "admin");
    assert_eq!(browser.who(&world).await.unwrap()["member"]["email"], "ada@example.org");
    assert_eq!(browser.ask(&world, "GET", "/sign-in", "").await.json()["setup"], false);

    let again = Browser::default().ask(&world, "POST", "/setup", &setup(&token, "eve@x.org")).await;
    assert_eq!((again.status, again.code().as_str()), (410, "gone"));
    assert_eq!(Browser::default().sign_in(&world, "Ada@Example.org", PASSWORD).await.status, 200);
}

/// Row W11: a link that was never used is dead as soon as somebody administers without it, and
/// when its time is over.
#[tokio::test]
async fn the_first_link_dies_with_its_purpose() {
    let world = World::start().await;
    let admin = first_admin(&world).await;
    let token = link(&world, &admin, 3_600).await;
    let mut browser = Browser::default();
    world.clock.pass(3_601);
    let late = browser.ask(&world, "POST", "/setup", &setup(&token, "eve@example.org")).await;
    assert_eq!(late.status, 410);

    let token = link(&world, &admin, 86_000).await;
    person(&world, "grace@example.org", Role::Admin).await;
    let late = browser.ask(&world, "POST", "/setup", &setup(&token, "eve@example.org")).await;
    assert_eq!(late.status, 410);
}

/// Row W11: for whoever lost their way in. It is for its member and nobody else.
#[tokio::test]
async fn a_link_lets_a_member_back_in_and_ends_what_was_open() {
    let world = World::start().await;
    let (ada, mut lost) = person(&world, "ada@example.org", Role::Admin).await;
    let token = link(&world, &ada, 3_600).await;
    let mut browser = Browser::default();
    let other = browser.ask(&world, "POST", "/setup", &setup(&token, "eve@example.org")).await;
    assert_eq!(other.faults()[0].0, "/email");
    let done = browser.ask(&world, "POST", "/setup", &setup(&token, "ADA@example.org")).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(lost.who(&world).await, Err(401));
}

/// Row W11: invitations.
#[tokio::test]
async fn an_invitation_lets_one_person_in_once() {
    let world = World::start().await;
    let draft = |email: &str| MemberDraft {
        email: email.to_owned(),
        name: "Lin".to_owned(),
        role: Role::Viewer,
    };
    let until = now().plus_seconds(600);
    let made = world.store.member_invite(&by(&world), draft("lin@example.org"), until).await;
    let (member, first) = made.unwrap();
    let again = world.store.member_reinvite(&by(&world), &member.id, until).await;
    let (_, second) = again.unwrap();
    let accept = |token: &vault::Token| {
        json!({ "token": token.expose(), "password": PASSWORD, "name": "Lin Lee" }).to_string()
    };
    let mut browser = Browser::default();
    for (token, status) in [(&first, 410), (&second, 200), (&second, 410)] {
        let answer = browser.ask(&world, "POST", "/invites/accept", &accept(token)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(browser.who(&world).await.unwrap()["member"]["name"], "Lin Lee");

    let made = world.store.member_invite(&by(&world), draft("kim@example.org"), until).await;
    world.clock.pass(601);
    let (_, token) = made.unwrap();
    let late = browser.ask(&world, "POST", "/invites/accept", &accept(&token)).await;
    assert_eq!((late.status, late.code().as_str()), (410, "gone"));
}

/// Rows W10 and W20: whoever does not get in learns nothing from the words, and nothing much from
/// the time.
#[tokio::test]
async fn nobody_learns_who_is_a_member() {
    let world = World::start().await;
    person(&world, "ada@example.org", Role::Viewer).await;
    let (gone, _) = person(&world, "gone@example.org", Role::Viewer).await;
    world.store.member_remove(&by(&world), &gone, vec![]).await.unwrap();
    let draft = |email: &str| MemberDraft {
        email: email.to_owned(),
        name: "Somebody".to_owned(),
        role: Role::Viewer,
    };
    let until = now().plus_seconds(600);
    world.store.member_invite(&by(&world), draft("invited@example.org"), until).await.unwrap();
    world.store.member_add(&by(&world), draft("keyonly@example.org")).await.unwrap();

    let (mut texts, mut took, mut known) = (vec![], vec![], vec![]);
    for (email, password) in [
        ("ada@example.org", "a wrong password it is"),
        ("ada@example.org", "another wrong password"),
        ("ada@example.org", "and a third wrong one"),
        ("nobody@example.org", PASSWORD),
        ("gone@example.org", PASSWORD),
        ("invited@example.org", PASSWORD),
        ("keyonly@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
        // Before and after the others: a machine that is busy for a moment slows some of them alone.
        ("ada@example.org", "a fourth that is wrong"),
        ("ada@example.org", "and one more wrong one"),
    ] {
        let begun = Instant::now();
        let answer = Browser::default().sign_in(&world, email, password).await;
        let times = if email.starts_with("ada@") { &mut known } else { &mut took };
        times.push(begun.elapsed());
        assert_eq!((answer.status, answer.code().as_str()), (401, "sign_in_failed"), "{email}");
        assert!(!answer.headers.contains_key("set-cookie"));
        texts.push(answer.json()["detail"].as_str().unwrap().to_owned());
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
    // The hash is most of the time; who is unknown must not be told much sooner.
    let known = known.into_iter().min().unwrap();
    assert!(took.iter().all(|took| *took * 4 > known), "{took:?}");

    let refused = world.admin("GET", "/refusals", "").await;
    assert!(refused.body.contains("sign_in_password"), "{}", refused.body);
    assert!(!refused.body.contains("example.org"), "{}", refused.body);
}

/// Row W10.
#[tokio::test]
async fn a_hundred_guesses_are_slowed_down_and_stopped() {
    let world = World::start().await;
    person(&world, "ada@example.org", Role::Admin).await;
    // However slow the machine is, no second passes between two guesses.
    world.clock.stop();
    let mut looked_at = 0;
    for _ in 0..20 {
        let answer = Browser::default().sign_in(&world, "ada@example.org", "wrong").await;
        match answer.status {
            401 => looked_at += 1,
            _ => {
                assert_eq!((answer.status, answer.code().as_str()), (429, "too_many_sign_ins"));
                assert!(answer.headers["retry-after"].parse::<u32>().unwrap() > 0);
            }
        }
    }
    assert_eq!(looked_at, 6);
    // Whoever knows the password waits too, and then gets in.
    let early = Browser::default().sign_in(&world, "ada@example.org", PASSWORD).await;
    assert_eq!(early.status, 429);
    world.clock.pass(2);
    let answer = Browser::default().sign_in(&world, "ada@example.org", PASSWORD).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn cookies_are_handed_out_to_our_pages_only() {
    let world = World::start().await;
    person(&world, "ada@example.org", Role::Viewer).await;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
    let browser = Browser::default();
    let own = format!("http://{}", world.address);
    for (headers, status) in [
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")], 403),
        (vec![("origin", own.as_str()), ("sec-fetch-site", "same-origin")], 200),
        (vec![], 200),
    ] {
        let answer = browser.send(&world, "POST", "/sign-in/password", &body, &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.headers.contains_key("set-cookie"), status == 200);
    }
    // A form of another site cannot send JSON.
    let head = format!(
        "POST /api/v1/sign-in/password HTTP/1.1\r\nhost: {}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
        world.address,
        body.len()
    );
    assert_eq!(world.raw(head.as_bytes()).await.status, 415);
}

/// Row K01: what lets people in stands nowhere.
#[tokio::test]
async fn passwords_links_and_cookies_are_in_no_log_and_not_in_the_database() {
    let world = World::start().await;
    let (ada, browser) = person(&world, "ada@example.org", Role::Admin).await;
    let token = link(&world, &ada, 600).await;
    let secret = "canary 4711 password";
    let mut other = Browser::default();
    let body =
        json!({ "token": token, "email": "ada@example.org", "name": "Ada", "password": secret });
    assert_eq!(other.ask(&world, "POST", "/setup", &body.to_string()).await.status, 200);
    let wrong = json!({ "email": "ada@example.org", "password": [secret] }).to_string();
    let answer = other.ask(&world, "POST", "/sign-in/password", &wrong).await;
    assert_eq!(answer.status, 422);
    assert!(!answer.body.contains(secret));
    let cookies = [browser.cookie.unwrap(), other.cookie.clone().unwrap()];
    let audit = world.admin("GET", "/audit", "").await.body;
    for hidden in [secret, PASSWORD, &token, &cookies[0], &cookies[1], "$argon2id$"] {
        assert!(!crate::secrets::logged(hidden), "{hidden} is in the log");
        assert!(!audit.contains(hidden), "{hidden} is in the audit log");
        for file in ["", "-wal"] {
            let mut path = world.database().into_os_string();
            path.push(file);
            let bytes = std::fs::read(&path).unwrap_or_default();
            let found = bytes.windows(hidden.len()).any(|w| w == hidden.as_bytes());
            assert!(!found, "{hidden} is in the database");
        }
    }
}
