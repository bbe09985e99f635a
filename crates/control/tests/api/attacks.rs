//! Attacks on people's side of the control plane that no row of the catalogue names.

use std::time::Duration;

use serde_json::{Value, json};
use store::{By, MemberChange, MemberDraft, People as _, Role, SignIn as _};
use tokio::io::AsyncWriteExt as _;

use crate::browser::{Browser, PASSWORD, audit_lines, person};
use crate::world::{World, member_with_key, now};

fn by(world: &World) -> By {
    By::program(world.store.org().clone(), now())
}

/// Begins a request, has something done, and only then sends the rest of its body.
async fn slowly(
    world: &World,
    head: &str,
    body: &str,
    meanwhile: impl Future<Output = ()>,
) -> crate::world::Answer {
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let (first, rest) = body.split_at(body.len() / 2);
    let length = body.len();
    let text = format!(
        "{head}host: {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{first}",
        world.address
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    // Long enough for the head to be read and the role to be checked.
    tokio::time::sleep(Duration::from_millis(300)).await;
    meanwhile.await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    crate::world::Answer::read(&mut stream).await
}

/// The role is checked before the body is read, and a body may take half a minute: whoever is lowered,
/// removed or signed out in between changes nothing.
#[tokio::test]
async fn a_change_that_was_begun_before_its_right_ended_is_not_made() {
    let world = World::start().await;
    let policy = r#"{"name":"late"}"#;
    for how in ["lowered", "removed", "revoked"] {
        let key = member_with_key(&world.store, &by(&world), how, Role::PolicyManager).await;
        let found = world.store.member(world.store.org(), &format!("{how}@example.org")).await;
        let id = found.unwrap().unwrap().id;
        let head = format!("POST /api/v1/policies HTTP/1.1\r\nauthorization: Bearer {key}\r\n");
        let answer = slowly(&world, &head, policy, async {
            let by = by(&world);
            let store = &world.store;
            match how {
                "lowered" => {
                    let lower = MemberChange { role: Some(Role::Viewer), ..Default::default() };
                    store.member_update(&by, &id, None, lower).await.unwrap();
                }
                "removed" => drop(store.member_remove(&by, &id, vec![]).await.unwrap()),
                _ => {
                    let keys = world.admin("GET", "/api-keys", "").await.json();
                    let keys = keys["items"].as_array().unwrap();
                    let own = keys.iter().find(|k| k["member"] == id.as_str()).unwrap();
                    let path = format!("/api-keys/{}", own["id"].as_str().unwrap());
                    assert_eq!(world.admin("DELETE", &path, "").await.status, 204);
                }
            }
        })
        .await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{how}");
    }
    let (ada, browser) = person(&world, "ada@example.org", Role::PolicyManager).await;
    let head = format!(
        "POST /api/v1/policies HTTP/1.1\r\norigin: http://{}\r\ncookie: __Host-countersign={}\r\n",
        world.address,
        browser.cookie.unwrap()
    );
    let answer = slowly(&world, &head, policy, async {
        world.store.sessions_close(&by(&world), &ada).await.unwrap();
    })
    .await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{}", answer.body);
    assert_eq!(world.admin("GET", "/policies", "").await.json()["items"], json!([]));
    let refusals = world.admin("GET", "/refusals", "").await.body;
    assert!(refusals.contains("right_ended"), "{refusals}");
}

/// Two admins lower each other in the same moment: one of them stays one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_lower_each_other_leave_one() {
    let world = World::start().await;
    for round in 0..8 {
        let (first, second) = (format!("a{round}"), format!("b{round}"));
        let keys = [
            member_with_key(&world.store, &by(&world), &first, Role::Admin).await,
            member_with_key(&world.store, &by(&world), &second, Role::Admin).await,
        ];
        // Nobody else is one.
        let all = world.ask(Some(&keys[0]), "GET", "/members?limit=500", "", &[]).await.json();
        for member in all["items"].as_array().unwrap() {
            let email = member["email"].as_str().unwrap();
            if member["role"] == "admin" && ![&first, &second].iter().any(|n| email.starts_with(*n))
            {
                let lower = MemberChange { role: Some(Role::Viewer), ..Default::default() };
                let id = store::MemberId::from(member["id"].as_str().unwrap());
                world.store.member_update(&by(&world), &id, None, lower).await.unwrap();
            }
        }
        let lower = async |key: &str, whom: &str| {
            let path = format!("/members/{whom}@example.org");
            let body = r#"{"role":"viewer"}"#;
            world.ask(Some(key), "PUT", &path, body, &[("if-match", "*")]).await.status
        };
        let (one, two) = tokio::join!(lower(&keys[0], &second), lower(&keys[1], &first));
        let mut both = [one, two];
        both.sort_unstable();
        assert_eq!(both[0], 200, "{both:?}");
        assert!(matches!(both[1], 403 | 409), "{both:?}");
        let admins = world.store.members(world.store.org()).await.unwrap();
        let admins = admins.iter().filter(|m| m.role == Role::Admin).count();
        assert_eq!(admins, 1);
    }
}

/// A link is used by many at once: one of them gets in, and the others get nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_many_use_at_once_lets_one_in() {
    let world = World::start().await;
    let draft = MemberDraft {
        email: "lin@example.org".to_owned(),
        name: "Lin".to_owned(),
        role: Role::Admin,
    };
    let until = now().plus_seconds(600);
    let (_, token) = world.store.member_invite(&by(&world), draft, until).await.unwrap();
    let accept = async |password: String| {
        let body = json!({ "token": token.expose(), "password": password }).to_string();
        Browser::default().ask(&world, "POST", "/invites/accept", &body).await
    };
    let words = |n: u8| format!("{PASSWORD} {n}");
    let (a, b, c) = tokio::join!(accept(words(1)), accept(words(2)), accept(words(3)));
    let answers = [a, b, c];
    let inside: Vec<_> = answers.iter().map(|answer| answer.status == 200).collect();
    assert_eq!(inside.iter().filter(|inside| **inside).count(), 1, "{answers:?}");
    for (n, inside) in inside.into_iter().enumerate() {
        let words = words(u8::try_from(n).unwrap() + 1);
        world.clock.pass(60);
        let signed = Browser::default().sign_in(&world, "lin@example.org", &words).await;
        assert_eq!(signed.status == 200, inside, "only the one password is set");
    }
    assert_eq!(answers.iter().filter(|a| a.headers.contains_key("set-cookie")).count(), 1);
}

/// Somebody plants a cookie, or signs a victim in as themselves.
#[tokio::test]
async fn nobody_is_signed_in_by_what_another_site_sends() {
    let world = World::start().await;
    let (_, ada) = person(&world, "ada@example.org", Role::Admin).await;
    // Two cookies of our name: one of them was planted, so neither counts.
    let own = format!("http://{}", world.address);
    let value = ada.cookie.clone().unwrap();
    for cookies in [
        format!("__Host-countersign={value}; __Host-countersign=css1_planted"),
        format!("__Host-countersign=css1_planted; __Host-countersign={value}"),
        format!("__host-countersign={value}"),
        format!("x__Host-countersign={value}"),
        format!("__Host-countersign=\"{value}\""),
    ] {
        let headers = [("cookie", cookies.as_str()), ("origin", own.as_str())];
        let answer = world.ask(None, "GET", "/session", "", &headers).await;
        assert_eq!(answer.status, 401, "{cookies}");
    }
    // A sign-in from another site, in every shape a page can send.
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
    for site in ["cross-site", "same-site"] {
        for path in ["/sign-in/password", "/setup", "/invites/accept"] {
            let headers = [("sec-fetch-site", site)];
            let answer = world.ask(None, "POST", path, &body, &headers).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "cross_origin"), "{path}");
            assert!(!answer.headers.contains_key("set-cookie"));
        }
    }
    // A key and a cookie together: the key is who asks, and a bad key is nobody.
    let cookie = format!("__Host-countersign={value}");
    let headers = [("cookie", cookie.as_str()), ("origin", own.as_str())];
    let both = world.ask(Some(&world.viewer), "GET", "/session", "", &headers).await.json();
    assert_eq!(both["member"]["role"], "viewer");
    let bad = world.ask(Some("csk1_nonsense"), "GET", "/session", "", &headers).await;
    assert_eq!(bad.status, 401);
}

/// Addresses and names that pretend to be others, or are no text.
#[tokio::test]
async fn addresses_and_names_that_deceive_are_refused_everywhere() {
    let world = World::start().await;
    person(&world, "ada@example.org", Role::Viewer).await;
    let before = audit_lines(&world).await;
    let long = format!("{}@example.org", "a".repeat(400));
    for email in [
        "аda@example.org",
        "ada@exаmple.org",
        "ada@example.org\u{0}",
        "ada@example.org\n",
        " ada@example.org",
        "ada@example.org\u{200b}",
        "ＡＤＡ@example.org",
        "ada@example.org@evil.example",
        "<ada@example.org>",
        "\u{202e}ada@example.org",
        long.as_str(),
    ] {
        let body = json!({ "email": email, "role": "admin" }).to_string();
        let answer = world.admin("POST", "/members", &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{email:?}");
        let change = json!({ "email": email }).to_string();
        let path = "/members/ada@example.org";
        let any = [("if-match", "*")];
        let answer = world.ask(Some(&world.admin), "PUT", path, &change, &any).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "invalid"), "{email:?}");
        let signed = Browser::default().sign_in(&world, email, PASSWORD).await;
        assert!(matches!(signed.status, 401 | 422 | 429), "{email:?}: {signed:?}");
        world.clock.pass(3_600);
    }
    for name in ["", "\u{0}", "a\u{0}b", "a\nb", "\u{202e}admin", "a\u{200b}b", &"n".repeat(1_000)]
    {
        let body = json!({ "email": "x@example.org", "name": name, "role": "viewer" }).to_string();
        let answer = world.admin("POST", "/members", &body).await;
        assert_eq!(answer.status, 422, "{name:?}: {}", answer.body);
        let answer = world.admin("POST", "/groups", &json!({ "name": name }).to_string()).await;
        assert_eq!(answer.status, 422, "{name:?}");
        let key = json!({ "label": name, "role": "viewer" }).to_string();
        assert_eq!(world.admin("POST", "/api-keys", &key).await.status, 422, "{name:?}");
    }
    assert_eq!(audit_lines(&world).await, before, "something was changed");
    // The same address in other letters is the same person.
    let again = world.admin("POST", "/members", r#"{"email":"ADA@EXAMPLE.ORG","role":"admin"}"#);
    assert_eq!(again.await.code(), "taken");
}

/// One meaning or none: a field that stands twice, in any spelling, is no field.
#[tokio::test]
async fn bodies_with_two_meanings_are_refused_on_the_ways_in() {
    let world = World::start().await;
    person(&world, "ada@example.org", Role::Admin).await;
    let twice = [
        (
            "/sign-in/password",
            r#"{"email":"ada@example.org","email":"eve@example.org","password":"x"}"#,
        ),
        ("/sign-in/password", r#"{"email":"ada@example.org","password":"x","p\u0061ssword":"y"}"#),
        ("/setup", r#"{"token":"a","token":"b","email":"a@b","name":"A","password":"x"}"#),
        ("/invites/accept", r#"{"token":"a","password":"x","password":"y"}"#),
        ("/members", r#"{"email":"x@y","role":"viewer","role":"admin"}"#),
        ("/members", r#"{"email":"x@y","role":"viewer","r\u006fle":"admin"}"#),
        ("/api-keys", r#"{"label":"k","role":"viewer","role":"admin"}"#),
        ("/groups", r#"{"name":"g","members":[],"members":["ada@example.org"]}"#),
    ];
    for (path, body) in twice {
        let answer = world.admin("POST", path, body).await;
        assert!(matches!(answer.status, 400 | 422), "{path}: {answer:?}");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert!(!answer.body.contains("eve@example.org"));
    }
    for (name, value) in [("Email", "ada@example.org"), ("__proto__", "x"), ("role", "admin")] {
        let mut body = json!({ "email": "ada@example.org", "password": PASSWORD });
        body[name] = Value::from(value);
        let (mut browser, body) = (Browser::default(), body.to_string());
        let answer = browser.ask(&world, "POST", "/sign-in/password", &body).await;
        assert_eq!(answer.status, 422, "{name}");
    }
}

/// A key outlives the session it is made in: making one needs a fresh proof, as roles do.
#[tokio::test]
async fn a_session_left_open_makes_no_key_no_link_and_no_other_address() {
    let world = World::start().await;
    let (_, mut browser) = person(&world, "ada@example.org", Role::Admin).await;
    let draft = MemberDraft {
        email: "new@example.org".to_owned(),
        name: "New".to_owned(),
        role: Role::Admin,
    };
    let until = now().plus_seconds(86_400);
    world.store.member_invite(&by(&world), draft, until).await.unwrap();
    world.clock.pass(5 * 60);
    let own = format!("http://{}", world.address);
    let before = audit_lines(&world).await;
    for (method, path, body) in [
        ("POST", "/api-keys", r#"{"label":"k","role":"admin"}"#),
        ("POST", "/members", r#"{"email":"x@example.org","role":"admin"}"#),
        ("POST", "/members/new@example.org/invite", ""),
        ("POST", "/members/viewer@example.org/sign-in-link", ""),
        ("PUT", "/members/viewer@example.org", r#"{"email":"eve@example.org"}"#),
        ("PUT", "/members/viewer@example.org", r#"{"role":"admin"}"#),
        ("POST", "/identity-providers", "{}"),
    ] {
        let headers = [("origin", own.as_str()), ("if-match", "*")];
        let answer = browser.send(&world, method, path, body, &headers).await;
        let told = (answer.status, answer.code());
        assert_eq!(told, (403, "reauthentication_required".to_owned()), "{method} {path}");
    }
    assert_eq!(audit_lines(&world).await, before);
    let proof = json!({ "password": PASSWORD }).to_string();
    assert_eq!(browser.ask(&world, "POST", "/session/fresh", &proof).await.status, 200);
    let made = browser.ask(&world, "POST", "/api-keys", r#"{"label":"k","role":"admin"}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
}

/// An Idempotency-Key belongs to whoever sends it, with a key and without.
#[tokio::test]
async fn an_idempotency_key_of_somebody_else_answers_nothing() {
    let world = World::start().await;
    let (_, ada) = person(&world, "ada@example.org", Role::PolicyManager).await;
    let (_, bob) = person(&world, "bob@example.org", Role::PolicyManager).await;
    let own = format!("http://{}", world.address);
    let headers = [("origin", own.as_str()), ("idempotency-key", "one")];
    let make = async |who: &Browser, name: &str| {
        let body = json!({ "name": name }).to_string();
        who.send(&world, "POST", "/policies", &body, &headers).await
    };
    let (first, second) = (make(&ada, "a").await, make(&bob, "b").await);
    assert_eq!((first.status, second.status), (201, 201), "{}", second.body);
    let again = make(&ada, "a").await;
    assert_eq!((again.status, again.json()["name"].as_str()), (201, Some("a")));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(make(&bob, "a").await.code(), "idempotency_key_reused");
}

/// Editors at once: one draft stands, everybody else is shown it, and nothing is lost unseen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn editors_at_once_keep_one_draft_and_lose_no_text() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let put = async |text: &str| {
        let body = json!({ "text": text }).to_string();
        let path = "/policies/support/draft";
        let first = [("if-none-match", "*")];
        world.ask(Some(&world.manager), "PUT", path, &body, &first).await
    };
    let (a, b, c) = tokio::join!(put("text a"), put("text b"), put("text c"));
    let answers = [a, b, c];
    let kept: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(kept.len(), 1, "{answers:?}");
    let text = kept[0].json()["text"].as_str().unwrap().to_owned();
    for late in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((late.status, late.code().as_str()), (412, "stale"));
        assert_eq!(late.json()["current"]["text"], text.as_str());
        assert!(late.json()["yours"]["text"].as_str().unwrap().starts_with("text "));
    }
    let drafted = world.admin("GET", "/audit?event=policy.drafted", "").await.json();
    assert_eq!(drafted["items"].as_array().unwrap().len(), 1);
}

/// An admin signs somebody out everywhere; nobody else may, and keys go on.
#[tokio::test]
async fn an_admin_ends_the_sessions_of_somebody_else() {
    let world = World::start().await;
    let (_, mut ada) = person(&world, "ada@example.org", Role::Viewer).await;
    let path = "/members/ada@example.org/sessions";
    let listed = world.admin("GET", path, "").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(ada.ask(&world, "DELETE", path, "").await.status, 403);
    let before = audit_lines(&world).await;
    assert_eq!(world.admin("DELETE", path, "").await.status, 204);
    assert_eq!(world.admin("DELETE", path, "").await.status, 204);
    assert_eq!(audit_lines(&world).await, before + 1, "the second found nothing to end");
    assert_eq!(ada.who(&world).await, Err(401));
}

/// Row K10: a copy of the database holds sealed values and keyed hashes, and nothing that opens a door.
#[tokio::test]
async fn a_backup_tells_no_secret() {
    let world = World::start().await;
    world.with_server().await;
    world.with_policy().await;
    let (_, grant) = world.with_grant().await;
    let (ada, browser) = person(&world, "ada@example.org", Role::Admin).await;
    let link = crate::browser::link(&world, &ada, 600).await;
    let credential = r#"{"bearer":"planted-credential-7391"}"#;
    let set = world.admin("PUT", "/servers/payments/credential", credential).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let copy = world.admin("POST", "/backup", "").await;
    assert_eq!((copy.status, copy.body.starts_with("SQLite format 3")), (200, true));
    assert!(copy.body.contains("ada@example.org"), "the copy can be read at all");
    let cookie = browser.cookie.unwrap();
    let secrets =
        ["planted-credential-7391", PASSWORD, "$argon2id$", &cookie, &grant, &link, &world.admin];
    for secret in secrets {
        assert!(!copy.body.contains(secret), "a secret is in the copy");
    }
    assert_eq!(world.ask(Some(&world.manager), "POST", "/backup", "", &[]).await.status, 403);
}

/// Row H16 on this side: where a request comes from is the connection's to say, or a listed proxy's.
#[tokio::test]
async fn an_address_is_believed_of_proxies_of_ours_alone() {
    let mut world = World::start().await;
    let claimed = [("x-forwarded-for", "198.51.100.7, 203.0.113.9")];
    let told = async |world: &World, name: &str| {
        let body = json!({ "name": name }).to_string();
        let key = Some(world.admin.as_str());
        let made = world.ask(key, "POST", "/groups", &body, &claimed).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let log = world.admin("GET", &format!("/audit?subject={id}"), "").await.json();
        log["items"][0]["address"].as_str().unwrap().to_owned()
    };
    assert_eq!(told(&world, "a").await, "127.0.0.1");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.address = listener.local_addr().unwrap();
    let behind = world.control.clone().behind(["127.0.0.0/8".parse().unwrap()]);
    let served = tokio::spawn(control::serve(listener, behind, std::future::pending()));
    assert_eq!(
        told(&world, "b").await,
        "203.0.113.9",
        "what the client wrote itself is not looked at"
    );
    // Whoever guesses behind the proxy waits, and nobody else there does.
    let guess = async |from: &str, email: &str| {
        let body = json!({ "email": email, "password": "not this one" }).to_string();
        let headers = [("x-forwarded-for", from)];
        world.ask(None, "POST", "/sign-in/password", &body, &headers).await.status
    };
    for number in 0..21 {
        guess("198.51.100.7", &format!("member-{number}@example.org")).await;
    }
    assert_eq!(guess("198.51.100.7", "grace@example.org").await, 429);
    assert_eq!(guess("203.0.113.10", "grace@example.org").await, 401);
    served.abort();
}
