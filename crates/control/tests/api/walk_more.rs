//! The walk over routes that need more than a path and a body: calls that wait, a draft, a provider,
//! a link, somebody in person.

use serde_json::json;
use store::{By, MemberDraft, People as _, Role, SignIn as _, Verdict};

use crate::approvals;
use crate::browser::{Browser, PASSWORD, link, person};
use crate::calls::line;
use crate::issuer::Issuer;
use crate::walk::{Proof, Step, step, walk};
use crate::world::{PAY, World, now};

/// What is walked here, for the walk over all routes.
pub(crate) const ROUTES: &[&str] = &[
    "GET /approvals/{id}",
    "POST /approvals/{id}/open",
    "POST /approvals/{id}/approve",
    "POST /approvals/{id}/deny",
    "POST /approvals/{id}/withdraw",
    "GET /calls/{id}",
    "GET /calls/{id}/proof",
    "POST /calls/{id}/fingerprint",
    "POST /reservations/{id}/resolve",
    "POST /servers/{id}/tools/{tool}/accept",
    "PUT /servers/{id}/tools/{tool}/amounts",
    "DELETE /policies/{id}/draft",
    "DELETE /api-keys/{id}",
    "POST /identity-providers",
    "GET /identity-providers/{id}",
    "PUT /identity-providers/{id}",
    "DELETE /identity-providers/{id}",
    "POST /backup",
    "POST /sign-in/password",
    "POST /sign-in/passkey/begin",
    "POST /sign-in/passkey/finish",
    "POST /setup",
    "POST /invites/accept",
    "POST /me/passkeys/begin",
    "POST /me/passkeys",
    "DELETE /me/passkeys/{id}",
    "POST /session/fresh/passkey/begin",
    "POST /session/fresh/passkey/finish",
    "DELETE /sessions/{id}",
    "PUT /me/password",
    "POST /session/fresh",
    "DELETE /session",
];

/// What was walked is what `ROUTES` says of this part.
fn is_listed(walked: &[String]) {
    for name in walked {
        assert!(ROUTES.contains(&name.as_str()), "{name} is not listed");
    }
}

#[tokio::test]
async fn calls_that_wait_are_shown_and_decided_as_the_table_says() {
    let world = World::start().await;
    let ids = approvals::wait(&world, 3).await;
    let manager = Proof::Key(world.manager.clone());
    let mut steps = vec![];
    for (id, verb) in ids.iter().zip(["approve", "deny", "withdraw"]) {
        let open = format!("/approvals/{id}/open");
        let opened = world.ask(Some(&world.manager), "POST", &open, "", &[]);
        let fingerprint = opened.await.json()["fingerprint"].clone();
        let (path, body) = (format!("/approvals/{id}/{verb}"), json!({"fingerprint": fingerprint}));
        steps.push(match verb {
            "approve" => step("POST", "/approvals/{id}/approve", &path, &body.to_string(), 1)
                .by(manager.clone()),
            "deny" => step("POST", "/approvals/{id}/deny", &path, &body.to_string(), 1)
                .by(manager.clone()),
            _ => step("POST", "/approvals/{id}/withdraw", &path, r#"{"reason":"r"}"#, 1),
        });
    }
    let one = format!("/approvals/{}", ids[0]);
    steps.insert(0, step("GET", "/approvals/{id}", &one, "", 0));
    let open = step("POST", "/approvals/{id}/open", &format!("{one}/open"), "", 1);
    steps.insert(1, open.by(manager));
    is_listed(&walk(&world, steps).await);
}

#[tokio::test]
async fn what_is_there_is_shown_and_changed_as_the_table_says() {
    let (world, issuer) = (World::start().await, Issuer::start().await);
    world.with_server().await;
    world.with_policy().await;
    world.with_grant().await;
    let call = line(&world, 1, "pay", Verdict::Denied, "").await.to_string();
    let draft = json!({ "text": "{}" }).to_string();
    let first = [("if-none-match", "*")];
    let kept = world.ask(Some(&world.admin), "PUT", "/policies/support/draft", &draft, &first);
    assert_eq!(kept.await.status, 200);
    let key = world.admin("POST", "/api-keys", r#"{"label":"k","role":"viewer"}"#).await.json();
    let key = format!("/api-keys/{}", key["key"]["id"].as_str().unwrap());
    // A definition that was changed waits for somebody to accept it.
    world.prober.list(&[("pay", &PAY.replace("Pays", "Pays now"))]);
    assert_eq!(world.admin("POST", "/servers/payments/refresh", "").await.status, 200);
    let tool = world.admin("GET", "/servers/payments/tools/pay", "").await.json();
    let accept = json!({ "fingerprint": tool["fingerprint"] }).to_string();
    let amounts = json!({
        "fingerprint": tool["fingerprint"],
        "amounts": [{ "argument": "amount", "currency": "USD" }],
    });
    let amounts = amounts.to_string();
    let provider = json!({
        "slug": "mock", "issuer": issuer.url, "client_id": "countersign", "default_role": "viewer",
    });
    let other = json!({ "slug": "mock", "issuer": issuer.url, "client_id": "another" });
    let resolve = r#"{"as":"settled","reason":"r"}"#;
    let steps: Vec<Step> = vec![
        step("GET", "/calls/{id}", &format!("/calls/{call}"), "", 0),
        step("GET", "/calls/{id}/proof", &format!("/calls/{call}/proof"), "", 0),
        step(
            "POST",
            "/calls/{id}/fingerprint",
            &format!("/calls/{call}/fingerprint"),
            r#"{"argument":"amount","value":1}"#,
            1,
        ),
        // The call never left, so nothing is in doubt about it.
        step(
            "POST",
            "/reservations/{id}/resolve",
            &format!("/reservations/{call}/resolve"),
            resolve,
            0,
        )
        .answers(404),
        step(
            "POST",
            "/servers/{id}/tools/{tool}/accept",
            "/servers/payments/tools/pay/accept",
            &accept,
            1,
        ),
        step(
            "PUT",
            "/servers/{id}/tools/{tool}/amounts",
            "/servers/payments/tools/pay/amounts",
            &amounts,
            1,
        ),
        step("DELETE", "/policies/{id}/draft", "/policies/support/draft", "", 1)
            .with("if-match", "*"),
        step("DELETE", "/api-keys/{id}", &key, "", 1),
        step("POST", "/identity-providers", "/identity-providers", &provider.to_string(), 1),
        step("GET", "/identity-providers/{id}", "/identity-providers/mock", "", 0),
        step("PUT", "/identity-providers/{id}", "/identity-providers/mock", &other.to_string(), 1)
            .with("if-match", "*"),
        step("DELETE", "/identity-providers/{id}", "/identity-providers/mock", "", 1),
        step("POST", "/backup", "/backup", "", 1),
    ];
    is_listed(&walk(&world, steps).await);
}

#[tokio::test]
async fn people_come_in_and_see_to_their_own_as_the_table_says() {
    let world = World::start().await;
    let (ada, browser) = person(&world, "ada@example.org", Role::Admin).await;
    let mut there = Browser::default();
    there.sign_in(&world, "ada@example.org", PASSWORD).await;
    let sessions = world.store.sessions(world.store.org(), &ada, now()).await.unwrap();
    let away = sessions[0].id.to_string();
    let by = By::program(world.store.org().clone(), now());
    let draft = MemberDraft {
        email: "lin@example.org".to_owned(),
        name: "Lin".to_owned(),
        role: Role::Viewer,
    };
    let until = now().plus_seconds(600);
    let (_, invited) = world.store.member_invite(&by, draft, until).await.unwrap();
    let (grace, _) = person(&world, "grace@example.org", Role::Viewer).await;
    let setup = link(&world, &grace, 600).await;

    let here = Proof::Cookie(browser.cookie.unwrap());
    let sign_in = json!({ "email": "lin@example.org", "password": PASSWORD }).to_string();
    let accept = json!({ "token": invited.expose(), "password": PASSWORD }).to_string();
    let setup = json!({
        "token": setup, "email": "grace@example.org", "name": "Grace", "password": PASSWORD,
    });
    let proof = json!({ "password": PASSWORD }).to_string();
    let change = json!({ "current": PASSWORD, "new": "another four odd words" }).to_string();
    let passkey = r#"{"label":"laptop","credential":{}}"#;
    let in_person = |step: Step| step.by(here.clone());
    let steps = vec![
        // Whoever comes in changes something (the member, the link) and opens a session.
        step("POST", "/invites/accept", "/invites/accept", &accept, 2).by(Proof::None),
        step("POST", "/setup", "/setup", &setup.to_string(), 2).by(Proof::None),
        step("POST", "/sign-in/password", "/sign-in/password", &sign_in, 1).by(Proof::None),
        // The tests of passkeys have an authenticator; here is none, and no name to use one at.
        step("POST", "/sign-in/passkey/begin", "/sign-in/passkey/begin", "", 0)
            .by(Proof::None)
            .answers(409),
        step(
            "POST",
            "/sign-in/passkey/finish",
            "/sign-in/passkey/finish",
            r#"{"credential":{}}"#,
            0,
        )
        .by(Proof::None)
        .answers(422),
        in_person(step("POST", "/me/passkeys/begin", "/me/passkeys/begin", "", 0)).answers(409),
        in_person(step("POST", "/me/passkeys", "/me/passkeys", passkey, 0)).answers(422),
        in_person(step("DELETE", "/me/passkeys/{id}", "/me/passkeys/none", "", 0)).answers(404),
        in_person(step(
            "POST",
            "/session/fresh/passkey/begin",
            "/session/fresh/passkey/begin",
            "",
            0,
        ))
        .answers(409),
        in_person(step(
            "POST",
            "/session/fresh/passkey/finish",
            "/session/fresh/passkey/finish",
            r#"{"credential":{}}"#,
            0,
        ))
        .answers(422),
        in_person(step("DELETE", "/sessions/{id}", &format!("/sessions/{away}"), "", 1)),
        // What this browser holds stays good only where it is handed no new cookie: these come last.
        in_person(step("PUT", "/me/password", "/me/password", "{}", 0)).answers(422),
        in_person(step("POST", "/session/fresh", "/session/fresh", "{}", 0)).answers(422),
        in_person(step("DELETE", "/session", "/session", "", 1)),
    ];
    is_listed(&walk(&world, steps).await);

    // A proof and a new password are one line each.
    let mut ada = Browser::default();
    ada.sign_in(&world, "ada@example.org", PASSWORD).await;
    for (method, path, body) in [("POST", "/session/fresh", proof), ("PUT", "/me/password", change)]
    {
        let before = crate::browser::audit_lines(&world).await;
        let answer = ada.ask(&world, method, path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let lines = crate::browser::audit_lines(&world).await - before;
        // The new password is one line, and the new cookie it comes with another.
        assert_eq!(lines, if path == "/me/password" { 2 } else { 1 }, "{path}");
    }
}
