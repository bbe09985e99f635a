//! Credentials in people's hands: reading one back, and the page that a browser comes back to.

use serde_json::json;
use store::Role;
use url::Url;

use crate::browser::{Browser, PASSWORD, person};
use crate::oauth::{Site, with_server};
use crate::world::{Answer, World};

const CANARY: &str = "canary-4111-reveal";
const REVEAL: &str = "/servers/payments/credential/reveal";
const REASON: &str = r#"{"reason":" lost at the upstream "}"#;

async fn revealing() -> World {
    let world = World::start_as(|control| control.revealing(true)).await;
    world.with_server().await;
    let body = format!(r#"{{"headers":{{"X-Api-Key":"{CANARY}","x-tenant":"7"}}}}"#);
    assert_eq!(world.admin("PUT", "/servers/payments/credential", &body).await.status, 200);
    world
}

async fn revealed(world: &World) -> usize {
    world.changes().await.iter().filter(|line| line.contains("credential.revealed")).count()
}

/// An admin who has just proved who they are reads a credential back, with a reason, on record.
#[tokio::test]
async fn an_admin_who_signed_in_afresh_reads_a_credential_back_on_record() {
    let world = revealing().await;
    let (_, mut admin) = person(&world, "ada@example.org", Role::Admin).await;
    let shown = admin.ask(&world, "POST", REVEAL, REASON).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let headers = json!({"x-api-key": CANARY, "x-tenant": "7"});
    assert_eq!(shown.json(), json!({"headers": headers, "client_secret": null}));
    assert_eq!(shown.headers["cache-control"], "no-store");
    let lines = world.changes().await;
    let line = lines.iter().find(|line| line.contains("credential.revealed")).unwrap();
    assert!(line.contains("lost at the upstream") && line.contains("Somebody"), "{line}");
    assert!(!lines.iter().any(|line| line.contains(CANARY)));
    assert!(!crate::secrets::logged(CANARY));
}

/// Everybody else, and the same admin later, without a reason, or where there is nothing: refused,
/// nothing shown and nothing recorded as shown.
#[tokio::test]
async fn nobody_else_reads_a_credential_back_and_nobody_without_a_fresh_proof() {
    let world = revealing().await;
    let refused = |answer: Answer, status: u16, code: &str| {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.body);
        assert!(!answer.body.contains(CANARY), "{}", answer.body);
    };
    // A key, even an admin's, is no person.
    refused(world.admin("POST", REVEAL, REASON).await, 403, "session_required");
    for (email, role) in [("m@example.org", Role::PolicyManager), ("v@example.org", Role::Viewer)] {
        let (_, mut browser) = person(&world, email, role).await;
        refused(browser.ask(&world, "POST", REVEAL, REASON).await, 403, "forbidden");
    }
    let (_, mut admin) = person(&world, "ada@example.org", Role::Admin).await;
    // Another page sends it along with the cookie.
    let elsewhere = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    refused(admin.send(&world, "POST", REVEAL, REASON, &elsewhere).await, 403, "cross_origin");
    refused(admin.send(&world, "POST", REVEAL, REASON, &[]).await, 403, "cross_origin");
    let long = json!({ "reason": "x".repeat(501) }).to_string();
    for body in [r#"{"reason":""}"#, r#"{"reason":" \t "}"#, "{}", &long] {
        refused(admin.ask(&world, "POST", REVEAL, body).await, 422, "invalid");
    }
    refused(
        admin.ask(&world, "POST", "/servers/other/credential/reveal", REASON).await,
        404,
        "not_found",
    );
    // Five minutes after the proof it counts no more, until it is given anew.
    world.clock.pass(5 * 60);
    refused(admin.ask(&world, "POST", REVEAL, REASON).await, 403, "reauthentication_required");
    assert_eq!(revealed(&world).await, 0);
    let proof = json!({ "password": PASSWORD }).to_string();
    assert_eq!(admin.ask(&world, "POST", "/session/fresh", &proof).await.status, 200);
    assert_eq!(admin.ask(&world, "POST", REVEAL, REASON).await.status, 200);
    assert_eq!(revealed(&world).await, 1);
    world.admin("DELETE", "/servers/payments/credential", "").await;
    refused(admin.ask(&world, "POST", REVEAL, REASON).await, 404, "not_found");
    assert_eq!(revealed(&world).await, 1);
}

/// Of an OAuth client its secret is shown, and no token ever.
#[tokio::test]
async fn of_an_oauth_client_the_secret_is_read_back_and_no_token() {
    let site = Site::start().await;
    let world = World::start_as(|control| control.revealing(true)).await;
    with_server(&world, &site).await;
    let body = json!({"oauth": {"client_id": "c", "client_secret": CANARY}}).to_string();
    let set = world.admin("PUT", "/servers/s/credential", &body).await;
    assert_eq!(set.status, 200, "{set:?}");
    let (_, mut admin) = person(&world, "ada@example.org", Role::Admin).await;
    let (sent, _) = begin(&world, &mut admin).await;
    let back = format!("/oauth/callback?state={}&code=c&iss={}", sent["state"], site.base);
    assert_eq!(come(&world, &back, &sent["cookie"]).await.status, 303);
    let shown = admin.ask(&world, "POST", "/servers/s/credential/reveal", REASON).await;
    assert_eq!(shown.json(), json!({"headers": {}, "client_secret": CANARY}));
}

/// Begins to connect in a browser: what the authorization server is sent, and the browser's cookie.
async fn begin(
    world: &World,
    browser: &mut Browser,
) -> (std::collections::HashMap<String, String>, Answer) {
    let begun = browser.ask(world, "POST", "/servers/s/connections", "{}").await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let url = begun.json()["authorize_url"].as_str().unwrap().to_owned();
    let mut sent: std::collections::HashMap<String, String> =
        Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    let cookie = begun.headers["set-cookie"].split(';').next().unwrap().to_owned();
    sent.insert("cookie".to_owned(), cookie);
    (sent, begun)
}

async fn come(world: &World, back: &str, cookie: &str) -> Answer {
    world.ask(None, "GET", back, "", &[("cookie", cookie), ("accept", "text/html")]).await
}

/// What every page says of itself: it loads and runs nothing, and repeats nothing it was given.
fn is_a_calm_page(page: &Answer, status: u16, says: &str) {
    assert_eq!(page.status, status, "{page:?}");
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{page:?}");
    let policy = &page.headers["content-security-policy"];
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert!(
        !policy.contains("script-src") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.body.contains(says), "{says}: {}", page.body);
    assert!(page.body.contains("<a href=\"/servers\">"), "{}", page.body);
    for never in ["<script", "canary", "http-equiv", "onerror"] {
        assert!(!page.body.contains(never), "{never}: {}", page.body);
    }
    assert!(page.headers["set-cookie"].contains("Max-Age=0"), "{page:?}");
}

/// Begins as a program does: whoever opens the address may be nobody here.
async fn begin_by_key(world: &World) -> String {
    let begun = world.admin("POST", "/servers/s/connections", "").await;
    let url = begun.json()["authorize_url"].as_str().unwrap().to_owned();
    let mut pairs =
        Url::parse(&url).unwrap().query_pairs().into_owned().collect::<Vec<_>>().into_iter();
    pairs.find(|(name, _)| name == "state").unwrap().1
}

/// The dashboard's page of the server, which says how it ended; the visit is over for the browser.
fn goes_back(answer: &Answer, word: &str) {
    let there = format!("/servers/s/connect?result={word}");
    assert_eq!((answer.status, answer.headers["location"].as_str()), (303, there.as_str()));
    assert!(answer.headers["set-cookie"].contains("Max-Age=0"), "{answer:?}");
    assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
}

/// Whatever a browser comes back with, the person in front of it reads what happened and what to do.
#[tokio::test]
async fn a_person_who_comes_back_reads_what_happened() {
    let site = Site::start().await;
    let world = World::start().await;
    with_server(&world, &site).await;
    world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await;
    let (_, mut admin) = person(&world, "ada@example.org", Role::Admin).await;
    let iss: String = url::form_urlencoded::byte_serialize(site.base.as_bytes()).collect();
    let hostile = "%3Cscript%3Ecanary%3C/script%3E%22onerror%3D";
    let late = "no longer good";

    // Begun in this browser: back to where it began. Once.
    let (sent, _) = begin(&world, &mut admin).await;
    let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
    goes_back(&come(&world, &back, &sent["cookie"]).await, "connected");
    is_a_calm_page(&come(&world, &back, &sent["cookie"]).await, 400, late);
    // In another browser, or in none that can be told.
    for cookie in ["", "__Host-countersign-visit=canary"] {
        let (sent, _) = begin(&world, &mut admin).await;
        let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
        is_a_calm_page(&come(&world, &back, cookie).await, 400, late);
    }
    // Begun by a program: a page.
    let back = format!("/oauth/callback?state={}&code=c&iss={iss}", begin_by_key(&world).await);
    is_a_calm_page(&come(&world, &back, "").await, 200, "The account is connected");
    is_a_calm_page(&come(&world, &back, "").await, 400, late);
    // What was never asked, or cannot be read.
    let odd = format!("?state={hostile}&code={hostile}");
    for query in ["", "?", "?state=", &odd, "?state=a&state=b", "?%ff=%fe"] {
        let back = format!("/oauth/callback{query}");
        is_a_calm_page(&come(&world, &back, "").await, 400, late);
    }
    // Too late.
    let (sent, _) = begin(&world, &mut admin).await;
    world.clock.pass(601);
    let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
    is_a_calm_page(&come(&world, &back, &sent["cookie"]).await, 400, late);

    for (answer, status, says, word) in [
        (
            format!("error=access_denied&error_description={hostile}&iss={iss}"),
            400,
            "not granted",
            "declined",
        ),
        (format!("error=server_error&error_uri={hostile}&iss={iss}"), 502, "of its own", "failed"),
        (format!("error={hostile}&code=c&iss={iss}"), 502, "of its own", "failed"),
        (format!("iss={iss}"), 502, "of its own", "failed"),
        (format!("code=&iss={iss}"), 502, "of its own", "failed"),
        (format!("code=c&code=d&iss={iss}"), 502, "of its own", "failed"),
        (format!("error=a&error=b&code=c&iss={iss}"), 502, "of its own", "failed"),
        (format!("code=c&iss={hostile}"), 400, "somebody else", "other_issuer"),
        (format!("error=access_denied&iss={hostile}"), 400, "somebody else", "other_issuer"),
        ("code=c".to_owned(), 400, "somebody else", "other_issuer"),
    ] {
        let asked = site.asked("/token").len();
        let (sent, _) = begin(&world, &mut admin).await;
        let back = format!("/oauth/callback?state={}&{answer}", sent["state"]);
        goes_back(&come(&world, &back, &sent["cookie"]).await, word);
        let back = format!("/oauth/callback?state={}&{answer}", begin_by_key(&world).await);
        is_a_calm_page(&come(&world, &back, "").await, status, says);
        assert_eq!(site.asked("/token").len(), asked, "{answer}: no code left the house");
    }
    assert!(!crate::secrets::logged("canary</script>"));

    // Tokens that cannot be used, and more than was asked for.
    for (said, status, says, word) in [
        (json!({"access_token": "a", "token_type": "mac"}), 502, "no usable token", "no_token"),
        (json!({"error": "invalid_grant", "x": "canary"}), 502, "no usable token", "no_token"),
        (
            json!({"access_token": "a", "token_type": "Bearer", "scope": "pay canary"}),
            400,
            "More was granted",
            "broader_scope",
        ),
    ] {
        site.say("/token", said);
        let (sent, _) = begin(&world, &mut admin).await;
        let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
        goes_back(&come(&world, &back, &sent["cookie"]).await, word);
        let back = format!("/oauth/callback?state={}&code=c&iss={iss}", begin_by_key(&world).await);
        is_a_calm_page(&come(&world, &back, "").await, status, says);
    }
}

/// An answer that comes after the credential went, came anew or lost its address, or after the person
/// lost the right: nothing is kept, and no code goes to whoever is asked by then.
#[tokio::test]
async fn an_answer_counts_for_the_credential_and_the_person_it_was_begun_with() {
    let site = Site::start().await;
    let world = World::start().await;
    with_server(&world, &site).await;
    let iss: String = url::form_urlencoded::byte_serialize(site.base.as_bytes()).collect();
    let set = async || {
        let set = world.admin("PUT", "/servers/s/credential", r#"{"oauth":{}}"#).await;
        assert_eq!(set.status, 200, "{set:?}");
    };
    set().await;
    let (member, mut admin) = person(&world, "ada@example.org", Role::Admin).await;
    let move_to = async |path: &str| {
        let moved = json!({"url": format!("{}/{path}", site.base)}).to_string();
        let moved =
            world.ask(Some(&world.admin), "PUT", "/servers/s", &moved, &[("if-match", "*")]).await;
        assert_eq!(moved.status, 200, "{moved:?}");
    };

    let (sent, _) = begin(&world, &mut admin).await;
    world.admin("DELETE", "/servers/s/credential", "").await;
    let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
    goes_back(&come(&world, &back, &sent["cookie"]).await, "changed");

    // The address changes and changes back, and a client is set anew: it counts from 1 again.
    set().await;
    let (sent, begun) = begin(&world, &mut admin).await;
    let before = world.admin("GET", "/servers/s/credential", "").await.json()["generation"].clone();
    move_to("elsewhere").await;
    move_to("mcp").await;
    assert_eq!(world.admin("GET", "/servers/s/connections", "").await.status, 404);
    set().await;
    let after = world.admin("GET", "/servers/s/credential", "").await.json()["generation"].clone();
    assert_eq!(before, after, "the generation alone tells nothing");
    let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
    goes_back(&come(&world, &back, &sent["cookie"]).await, "changed");
    assert_eq!(begun.json()["identity"], "");

    // Tokens go with the address as well.
    let (sent, _) = begin(&world, &mut admin).await;
    let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
    assert_eq!(come(&world, &back, &sent["cookie"]).await.status, 303);
    let items = |listed: Answer| listed.json()["items"].as_array().map(Vec::len);
    assert_eq!(items(world.admin("GET", "/servers/s/connections", "").await), Some(1));
    move_to("elsewhere").await;
    move_to("mcp").await;
    set().await;
    assert_eq!(items(world.admin("GET", "/servers/s/connections", "").await), Some(0));

    // No admin any more: what only admins connect is not connected by the answer.
    let asked = site.asked("/token").len();
    let (sent, _) = begin(&world, &mut admin).await;
    let demoted = world
        .ask(
            Some(&world.admin),
            "PUT",
            &format!("/members/{member}"),
            &json!({"name": "Somebody", "role": "viewer"}).to_string(),
            &[("if-match", "*")],
        )
        .await;
    assert_eq!(demoted.status, 200, "{demoted:?}");
    let back = format!("/oauth/callback?state={}&code=c&iss={iss}", sent["state"]);
    goes_back(&come(&world, &back, &sent["cookie"]).await, "not_allowed");
    assert_eq!(items(world.admin("GET", "/servers/s/connections", "").await), Some(0));
    assert_eq!(site.asked("/token").len(), asked + 1, "found when it is written down");
}
