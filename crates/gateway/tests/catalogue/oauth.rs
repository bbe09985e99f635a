//! OAuth towards an upstream, under a real gateway: tokens end while agents call, the authorization
//! server rotates refresh tokens and takes none twice.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;
use store::{
    Clock as _, Connecting as _, ConnectionKey, ConnectionState, ControlPlane as _, Lease,
    NewTokens, OAuthCare as _, OAuthGrant, OAuthSettings,
};
use testkit::{Answer, Era, House};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use vault::Secret;

use crate::fixture;

/// How long access tokens live, in seconds.
const LIFE: i64 = 60;

/// What the authorization server holds.
#[derive(Default)]
struct Tokens {
    made: u32,
    refreshes: u32,
    /// Access tokens that are good.
    good: HashSet<String>,
    /// The one refresh token that is good; a used one ends everything.
    refresh: String,
    revoked: bool,
    /// Answers with a fault of its own.
    down: bool,
    /// Gives tokens out, and its answers are lost on their way.
    lost: bool,
    /// What the token response says of scopes.
    scope: Option<&'static str>,
    /// The bodies of requests.
    asked: Vec<String>,
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<Tokens>>);

impl Server {
    fn now(&self) -> MutexGuard<'_, Tokens> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// New tokens; the old access tokens stay good for as long as their gateway thinks.
    fn make(&self) -> (String, String) {
        let mut tokens = self.now();
        tokens.made += 1;
        let (access, refresh) =
            (format!("access-{}-q7", tokens.made), format!("refresh-{}", tokens.made));
        tokens.good.insert(access.clone());
        tokens.refresh.clone_from(&refresh);
        (access, refresh)
    }

    fn answer(&self, form: &str) -> (u16, String) {
        let field = |name: &str| {
            form.split('&')
                .find_map(|part| part.strip_prefix(&format!("{name}=")))
                .unwrap_or_default()
        };
        let mut tokens = self.now();
        tokens.asked.push(form.to_owned());
        if tokens.down {
            return (503, "{}".to_owned());
        }
        match field("grant_type") {
            "refresh_token" => {
                tokens.refreshes += 1;
                if tokens.revoked || field("refresh_token") != tokens.refresh {
                    tokens.revoked = true;
                    return (400, r#"{"error":"invalid_grant"}"#.to_owned());
                }
            }
            "client_credentials" => tokens.refreshes += 1,
            _ => return (400, r#"{"error":"unsupported_grant_type"}"#.to_owned()),
        }
        let (scope, lost) = (tokens.scope, tokens.lost);
        drop(tokens);
        let (access, refresh) = self.make();
        if lost {
            return (502, "<html>".to_owned());
        }
        let mut said = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer",
            "expires_in": LIFE,
        });
        if let Some(scope) = scope {
            said["scope"] = json!(scope);
        }
        (200, said.to_string())
    }

    async fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let server = self.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let mut part = [0; 4096];
                    let form = loop {
                        let count = stream.read(&mut part).await.unwrap_or(0);
                        bytes.extend_from_slice(&part[..count]);
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                        let head = head.to_ascii_lowercase();
                        let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
                        let length: usize = length.and_then(|l| l.parse().ok()).unwrap_or(0);
                        if body.len() >= length || count == 0 {
                            break body.to_owned();
                        }
                    };
                    // Long enough that everybody who calls meanwhile has to wait for it.
                    tokio::time::sleep(Duration::from_millis(60)).await;
                    let (status, body) = server.answer(&form);
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n\
                         content-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        url
    }
}

/// A house whose upstream takes the tokens of a server.
struct Scene {
    house: Arc<House>,
    server: Server,
    key: ConnectionKey,
}

async fn scene(per_identity: bool, grant: OAuthGrant) -> Scene {
    let house = Arc::new(fixture::house().await);
    let server = Server::default();
    let settings = OAuthSettings {
        grant,
        per_identity,
        issuer: "http://127.0.0.1/as".into(),
        authorization_endpoint: None,
        token_endpoint: server.clone().serve().await,
        says_issuer: false,
        resource: house.upstream.url(),
        scopes: vec!["a".into()],
        client_id: "us".into(),
        auth_method: "none".into(),
        redirect_uri: "http://127.0.0.1/back".into(),
    };
    let by = house.by();
    let set = house.store.credential_set_oauth(&by, &house.server, settings, None);
    let credential = set.await.unwrap();
    let identity = if per_identity { "tester" } else { "" }.to_owned();
    let key = ConnectionKey { org: house.store.org().clone(), credential: credential.id, identity };
    let known = server.clone();
    house.upstream.script(move |seen| {
        let token = seen.header("authorization").unwrap_or_default().strip_prefix("Bearer ");
        let good = token.is_some_and(|token| known.now().good.contains(token));
        let challenge = r#"Bearer resource_metadata="http://169.254.169.254/canary", error="x""#;
        (!good).then(|| Answer::http(401, &[("WWW-Authenticate", challenge)], "canary-body"))
    });
    Scene { house, server, key }
}

impl Scene {
    async fn connect(&self) {
        let (access, refresh) = self.server.make();
        let (expires_at, refresh_at) = store::token_moments(self.house.clock.now(), Some(LIFE));
        let tokens = NewTokens {
            access: Arc::new(Secret::from(access)),
            refresh: Some(Arc::new(Secret::from(refresh))),
            scopes: None,
            expires_at,
            refresh_at,
        };
        let (by, server, identity) =
            (self.house.by(), self.house.server.clone(), &self.key.identity);
        let (store, generation) = (&self.house.store, self.generation().await);
        let set =
            store.connection_set(&by, &server, &self.key.credential, generation, identity, tokens);
        set.await.unwrap();
    }

    /// The credential's generation: the house had one before.
    async fn generation(&self) -> i64 {
        let view = self.house.store.server(&self.key.org, "payments").await.unwrap().unwrap();
        view.credential.unwrap().generation
    }

    async fn call(&self) -> (bool, String) {
        let answer = self.house.agent("a").call(&Era::Modern, "list_invoices", json!({})).await;
        assert!(answer.header("www-authenticate").is_none(), "{}", answer.text());
        assert!(!answer.text().contains("canary") && !answer.text().contains("-q7"));
        let told = answer.json();
        let worked = told["result"].is_object() && told["result"]["isError"] != true;
        (worked, answer.text().to_owned())
    }
}

/// S19: 64 agents call while tokens end, again and again: one refresh for each end, and no call
/// fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_many_agents_share_one_refresh_and_no_call_fails() {
    let scene = Arc::new(scene(false, OAuthGrant::AuthorizationCode).await);
    scene.connect().await;
    for round in 0..4 {
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let scene = scene.clone();
                tokio::spawn(async move { scene.call().await })
            })
            .collect();
        for call in calls {
            let (worked, told) = call.await.unwrap();
            assert!(worked, "round {round}: {told}");
        }
        assert_eq!(scene.server.now().refreshes, round, "one for each end");
        // Past the end: nothing but a new token will do, and the old ones are good no more.
        scene.house.clock.pass_seconds(LIFE + 1);
        scene.server.now().good.clear();
    }
    let asked = scene.server.now().asked.clone();
    assert!(asked.iter().all(|form| form.contains("resource=") && form.contains("client_id=us")));
    // A token is got anew ahead of its end, while calls go on with the one there is.
    let (worked, told) = scene.call().await;
    assert!(worked, "{told}");
    scene.house.clock.pass_seconds(LIFE * 9 / 10);
    let before = scene.server.now().refreshes;
    assert!(scene.call().await.0);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if scene.server.now().refreshes > before {
            break;
        }
    }
    assert_eq!(scene.server.now().refreshes, before + 1);
    assert!(scene.call().await.0);
}

/// A token that the upstream refuses before its time is got anew once, and the call goes through;
/// one that it refuses again is not said to the agent, nor tried for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_got_anew_once() {
    let scene = scene(false, OAuthGrant::AuthorizationCode).await;
    scene.connect().await;
    assert!(scene.call().await.0);
    scene.server.now().good.clear();
    assert!(scene.call().await.0);
    assert_eq!(scene.server.now().refreshes, 1);
    // The upstream takes no token at all.
    scene.house.upstream.script(|_| Some(Answer::http(401, &[("WWW-Authenticate", "Bearer")], "")));
    let mark = scene.house.upstream.mark();
    let (worked, told) = scene.call().await;
    assert!(!worked && told.contains("50201"), "{told}");
    assert_eq!(scene.house.upstream.mark() - mark, 2);
    assert_eq!(scene.server.now().refreshes, 2);
}

/// A consent that was taken back: calls are refused with their own reason, nothing is sent, and an
/// administrator sees why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_consent_refuses_calls_until_somebody_connects_again() {
    let scene = scene(false, OAuthGrant::AuthorizationCode).await;
    let (worked, told) = scene.call().await;
    assert!(!worked && told.contains("CONNECTION REQUIRED"), "{told}");
    scene.connect().await;
    assert!(scene.call().await.0);
    scene.server.now().revoked = true;
    scene.house.clock.pass_seconds(LIFE + 1);
    let (mark, line) = (scene.house.upstream.mark(), scene.house.last_line().await);
    for _ in 0..3 {
        let (worked, told) = scene.call().await;
        assert!(!worked && told.contains("reconnect_required"), "{told}");
    }
    assert_eq!(scene.house.upstream.mark(), mark, "nothing was sent");
    assert_eq!(scene.server.now().refreshes, 1, "and the authorization server is left alone");
    let lines = scene.house.ended_after(line).await;
    let outcome = lines[0].outcome.as_ref().unwrap();
    assert_eq!(
        (outcome.class, outcome.detail),
        (store::OutcomeClass::NotSent, "reconnect_required")
    );
    let connection = scene.house.store.connection(&scene.key).await.unwrap().unwrap();
    assert_eq!(
        (connection.state, connection.reason.as_str()),
        (ConnectionState::Reconnect, "revoked")
    );
    scene.server.now().revoked = false;
    scene.connect().await;
    assert!(scene.call().await.0);
}

/// S18, S19: what the authorization server says wrongly, or does not say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s18_more_than_was_asked_for_needs_consent_and_a_fault_passes() {
    let scene = scene(false, OAuthGrant::AuthorizationCode).await;
    scene.connect().await;
    scene.server.now().down = true;
    scene.house.clock.pass_seconds(LIFE + 1);
    let (worked, told) = scene.call().await;
    assert!(!worked && told.contains("50201"), "{told}");
    scene.server.now().down = false;
    scene.house.clock.pass_seconds(5);
    assert!(scene.call().await.0, "it was the authorization server's fault, and it is over");
    scene.server.now().scope = Some("a admin");
    scene.house.clock.pass_seconds(LIFE + 1);
    assert!(!scene.call().await.0);
    let connection = scene.house.store.connection(&scene.key).await.unwrap().unwrap();
    assert_eq!(connection.reason, "broader_scope");
}

/// Each identity its own account: whoever has none is told where to connect it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identities_connect_their_own_accounts() {
    let scene = scene(true, OAuthGrant::AuthorizationCode).await;
    let (worked, told) = scene.call().await;
    assert!(!worked && told.contains("`tester` has connected no account"), "{told}");
    assert!(told.contains("connection_required"), "{told}");
    scene.connect().await;
    assert!(scene.call().await.0);
    let other = ConnectionKey { identity: String::new(), ..scene.key.clone() };
    assert!(scene.house.store.connection(&other).await.unwrap().is_none());
}

/// A client that asks for itself needs nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_gets_its_own_tokens() {
    let scene = scene(false, OAuthGrant::ClientCredentials).await;
    for _ in 0..2 {
        let (worked, told) = scene.call().await;
        assert!(worked, "{told}");
        scene.house.clock.pass_seconds(LIFE + 1);
        scene.server.now().good.clear();
    }
    let asked = scene.server.now().asked.clone();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|form| form.contains("grant_type=client_credentials&scope=a")));
}

/// S19: a refresh that was begun and never stored. Where the authorization server takes no refresh
/// token twice, somebody must connect again, and is told that it was this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_a_refresh_that_died_half_way_is_named() {
    let scene = scene(false, OAuthGrant::AuthorizationCode).await;
    scene.connect().await;
    let store = scene.house.store.clone();
    let held = store.connection_lease(&scene.key, 1, "a process that dies", 30).await.unwrap();
    assert!(matches!(held, Lease::Taken(ref of) if !of.interrupted), "{held:?}");
    let other = store.connection_lease(&scene.key, 1, "another", 30).await.unwrap();
    assert!(matches!(other, Lease::Held), "{other:?}");
    // It got new tokens, and died before it stored them.
    scene.server.make();
    scene.house.clock.pass_seconds(LIFE + 1);
    let (worked, told) = scene.call().await;
    assert!(!worked && told.contains("reconnect_required"), "{told}");
    let connection = store.connection(&scene.key).await.unwrap().unwrap();
    assert_eq!((connection.reason.as_str(), connection.interrupted), ("refresh_lost", false));
    // Whoever comes late with tokens of an old turn does not overwrite anything.
    let late = NewTokens {
        access: Arc::new(Secret::from("late".to_owned())),
        refresh: None,
        scopes: None,
        expires_at: None,
        refresh_at: None,
    };
    assert!(store.connection_refreshed(&scene.key, "a process that dies", late).await.is_err());
}

/// S19: an answer that was lost on its way is no consent that was taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_a_refresh_whose_answer_was_lost_is_named() {
    let scene = scene(false, OAuthGrant::AuthorizationCode).await;
    scene.connect().await;
    scene.server.now().lost = true;
    scene.house.clock.pass_seconds(LIFE + 1);
    let line = scene.house.last_line().await;
    let (worked, told) = scene.call().await;
    assert!(!worked && told.contains("got no token"), "{told}");
    let lines = scene.house.ended_after(line).await;
    assert_eq!(lines[0].outcome.as_ref().unwrap().detail, "no_token");
    scene.server.now().lost = false;
    scene.house.clock.pass_seconds(5);
    let (worked, told) = scene.call().await;
    assert!(!worked && told.contains("reconnect_required"), "{told}");
    let connection = scene.house.store.connection(&scene.key).await.unwrap().unwrap();
    assert_eq!(connection.reason, "refresh_lost");
}

/// A consent that ends in the middle of a call is said in the tool's result, which models read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_that_ends_in_the_middle_of_a_call_is_said_in_its_result() {
    let scene = scene(false, OAuthGrant::AuthorizationCode).await;
    scene.connect().await;
    assert!(scene.call().await.0);
    {
        let mut now = scene.server.now();
        now.good.clear();
        now.revoked = true;
    }
    let answer = scene.house.agent("a").call(&Era::Modern, "list_invoices", json!({})).await;
    let result = &answer.json()["result"];
    assert_eq!(result["isError"], true, "{}", answer.text());
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("[CONNECTION REQUIRED]"), "{text}");
}

/// An upstream that wants a wider consent for one tool: the call is refused with its own reason, what is
/// wanted is kept for those who set credentials, and the agent learns nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wider_consent_is_wanted_by_people_and_not_asked_for_by_itself() {
    let scene = scene(false, OAuthGrant::AuthorizationCode).await;
    scene.connect().await;
    let wants = |challenge: &'static str| {
        scene.house.upstream.script(move |seen| {
            let called = seen.method() == "tools/call";
            called.then(|| Answer::http(403, &[("WWW-Authenticate", challenge)], "canary"))
        });
    };
    let kept = || async {
        let view = scene.house.store.server(&scene.key.org, "payments").await.unwrap().unwrap();
        view.credential.unwrap().oauth.unwrap().wanted.clone()
    };
    // Nothing to add, and nothing that is a scope: the credential is refused, and that is all.
    for challenge in [
        "Bearer",
        "Bearer error=\"insufficient_scope\"",
        "Bearer error=\"insufficient_scope\", scope=\"a\"",
        "Bearer error=\"invalid_token\", scope=\"write\"",
        "Bearer error=\"insufficient_scope\", scope=\"\\\\ \"",
    ] {
        wants(challenge);
        let (worked, told) = scene.call().await;
        assert!(
            !worked && told.contains("refused the gateway's credential"),
            "{challenge}: {told}"
        );
    }
    assert!(kept().await.is_empty());
    wants("Bearer error=\"insufficient_scope\", scope=\"a write-q7\"");
    let line = scene.house.last_line().await;
    for _ in 0..2 {
        let (worked, told) = scene.call().await;
        assert!(!worked && told.contains("wants a wider consent"), "{told}");
        assert!(told.contains("scope_required"), "{told}");
    }
    assert_eq!(kept().await, ["write-q7"]);
    let lines = scene.house.ended_after(line).await;
    assert_eq!(lines[0].outcome.as_ref().unwrap().detail, "scope_required");
    let connection = scene.house.store.connection(&scene.key).await.unwrap().unwrap();
    assert_eq!(connection.state, ConnectionState::Connected, "other tools go on");
}
