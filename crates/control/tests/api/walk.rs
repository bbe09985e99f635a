//! Every route as everybody, and what it leaves behind: each change one line of the audit log, each
//! refusal none and one line among the refusals.

use serde_json::Value;
use store::{By, ControlPlane as _, Moment, OrgId, People as _, Role, SignIn as _};

use crate::world::{Answer, POLICY, World, member_with_key, now};

/// A request that a route serves: how it is asked for, and what an admin is answered.
pub(crate) struct Step {
    method: &'static str,
    /// The template, as the document names it.
    route: &'static str,
    /// What stands in its places.
    path: String,
    body: String,
    headers: Vec<(&'static str, String)>,
    /// How many lines of the audit log the request leaves of whoever may.
    lines: usize,
    /// Who may, in this house: an admin's key where nothing else is said.
    who: Option<Proof>,
    /// What they are answered: a success where nothing else is said.
    status: Option<u16>,
}

/// What a request shows of who sends it.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// Nothing.
    None,
    /// An API key.
    Key(String),
    /// The cookie of a session, from a page of ours.
    Cookie(String),
}

pub(crate) fn step(
    method: &'static str,
    route: &'static str,
    path: &str,
    body: &str,
    lines: usize,
) -> Step {
    let (path, body) = (path.to_owned(), body.to_owned());
    Step { method, route, path, body, headers: vec![], lines, who: None, status: None }
}

impl Step {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Somebody else than the admin's key may.
    pub(crate) fn by(self, who: Proof) -> Self {
        Self { who: Some(who), ..self }
    }

    /// Whoever may is answered so.
    pub(crate) fn answers(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.route)
    }
}

/// Each route once, in an order in which an admin's requests all succeed.
fn steps() -> Vec<Step> {
    let any = ("if-match", "*");
    let policy = serde_json::json!({"name": "p", "server": "s", "text": POLICY}).to_string();
    let text = serde_json::json!({"text": POLICY}).to_string();
    let cases = r#"[{"call":{"name":"list","arguments":{}},"expect":{"outcome":"allow"}}]"#;
    let trial = format!(r#"{{"policy":"p","cases":{cases}}}"#);
    let simulate = r#"{"policy":"p","call":{"name":"list","arguments":{}}}"#;
    vec![
        step("GET", "/health", "/health", "", 0),
        step("GET", "/health/detail", "/health/detail", "", 0),
        step("GET", "/me", "/me", "", 0),
        step("GET", "/permissions", "/permissions", "", 0),
        step("GET", "/sign-in", "/sign-in", "", 0),
        step("GET", "/session", "/session", "", 0),
        step("GET", "/sessions", "/sessions", "", 0),
        // A key leaves no session behind, and this one's member has none.
        step("DELETE", "/sessions", "/sessions", "", 0),
        step("GET", "/me/passkeys", "/me/passkeys", "", 0),
        step("GET", "/identity-providers", "/identity-providers", "", 0),
        step(
            "POST",
            "/members/{id}/sign-in-link",
            "/members/viewer@example.org/sign-in-link",
            "",
            1,
        ),
        step("POST", "/members", "/members", r#"{"email":"new@example.org","role":"viewer"}"#, 1),
        step("GET", "/members", "/members", "", 0),
        step("GET", "/members/{id}", "/members/new@example.org", "", 0),
        step("PUT", "/members/{id}", "/members/new@example.org", r#"{"name":"New"}"#, 1)
            .with(any.0, any.1),
        step("POST", "/members/{id}/invite", "/members/new@example.org/invite", "", 1),
        step("POST", "/members/{id}/remove", "/members/new@example.org/remove", "", 1),
        step("GET", "/members/{id}/sessions", "/members/viewer@example.org/sessions", "", 0),
        // Nobody of them is signed in: there is nothing to end.
        step("DELETE", "/members/{id}/sessions", "/members/viewer@example.org/sessions", "", 0),
        step("POST", "/groups", "/groups", r#"{"name":"g","members":["viewer@example.org"]}"#, 1),
        step("GET", "/exports", "/exports", "", 0),
        step("GET", "/log/checkpoint", "/log/checkpoint", "", 0),
        step("GET", "/groups", "/groups", "", 0),
        step("GET", "/groups/{id}", "/groups/g", "", 0),
        step("PUT", "/groups/{id}", "/groups/g", r#"{"name":"g","members":[]}"#, 1)
            .with(any.0, any.1),
        step("DELETE", "/groups/{id}", "/groups/g", "", 1),
        step(
            "POST",
            "/servers",
            "/servers?probe=false",
            r#"{"slug":"s","url":"http://127.0.0.1:9/mcp"}"#,
            1,
        ),
        step("GET", "/catalogue", "/catalogue", "", 0),
        step("GET", "/servers", "/servers", "", 0),
        step("GET", "/servers/{id}", "/servers/s", "", 0),
        step("PUT", "/servers/{id}", "/servers/s", r#"{"name":"S"}"#, 1).with(any.0, any.1),
        // The first look accepts the two tools it finds, each on record.
        step("POST", "/servers/{id}/refresh", "/servers/s/refresh", "", 3),
        step("GET", "/servers/{id}/tools", "/servers/s/tools", "", 0),
        step("GET", "/servers/{id}/tools/{tool}", "/servers/s/tools/pay", "", 0),
        step("PUT", "/servers/{id}/credential", "/servers/s/credential", r#"{"bearer":"x"}"#, 1),
        step("GET", "/servers/{id}/credential", "/servers/s/credential", "", 0),
        step("POST", "/servers/{id}/credential/test", "/servers/s/credential/test", "", 0),
        step("DELETE", "/servers/{id}/credential", "/servers/s/credential", "", 1),
        step("GET", "/servers/{id}/recording", "/servers/s/recording", "", 0),
        step(
            "PUT",
            "/servers/{id}/recording",
            "/servers/s/recording",
            r#"{"fingerprints":true,"understood":true}"#,
            1,
        ),
        step("GET", "/recording-terms", "/recording-terms", "", 0),
        step(
            "PUT",
            "/recording-terms",
            "/recording-terms",
            r#"{"rotate_days":7,"fingerprint_days":30,"capture_days":7,"capture_mib":10}"#,
            1,
        ),
        step("POST", "/fingerprint-keys/draw", "/fingerprint-keys/draw", "", 1),
        step("GET", "/fingerprint-keys", "/fingerprint-keys", "", 0),
        step("DELETE", "/fingerprint-keys/{number}", "/fingerprint-keys/1", "", 1),
        step("GET", "/captures", "/captures", "", 1),
        step("POST", "/policies", "/policies", &policy, 1),
        step("GET", "/policies", "/policies", "", 0),
        step("GET", "/policies/{id}", "/policies/p", "", 0),
        step("GET", "/policies/{id}/versions", "/policies/p/versions", "", 0),
        step("POST", "/policies/{id}/versions", "/policies/p/versions", &text, 1),
        step("GET", "/policies/{id}/versions/{number}", "/policies/p/versions/1", "", 0),
        step(
            "POST",
            "/policies/{id}/versions/{number}/restore",
            "/policies/p/versions/1/restore",
            "",
            1,
        ),
        step("GET", "/policies/{id}/diff", "/policies/p/diff", "", 0),
        step("PUT", "/policies/{id}/draft", "/policies/p/draft", &text, 1)
            .with("if-none-match", "*"),
        step("GET", "/policies/{id}/draft", "/policies/p/draft", "", 0),
        step("POST", "/policies/{id}/draft/publish", "/policies/p/draft/publish", "", 1)
            .with(any.0, any.1),
        step("POST", "/policies/{id}/watch", "/policies/p/watch", &text, 1),
        step("GET", "/policies/{id}/watch", "/policies/p/watch", "", 0),
        step("GET", "/policies/{id}/watch/calls", "/policies/p/watch/calls", "", 0),
        step("DELETE", "/policies/{id}/watch", "/policies/p/watch", "", 1),
        step("POST", "/policies/{id}/limits", "/policies/p/limits", &text, 0),
        step("GET", "/policies/{id}/use", "/policies/p/use", "", 0),
        step("POST", "/policies/{id}/replay", "/policies/p/replay", &text, 0),
        step("POST", "/policies/check", "/policies/check", &text, 0),
        step("POST", "/policies/test", "/policies/test", &trial, 0),
        step("POST", "/policies/simulate", "/policies/simulate", simulate, 0),
        step(
            "POST",
            "/policies/diff",
            "/policies/diff",
            r#"{"from":{"policy":"p"},"to":{"policy":"p"}}"#,
            0,
        ),
        step(
            "POST",
            "/policies/ask",
            "/policies/ask",
            r#"{"policy":"p","question":"can pay pass?"}"#,
            0,
        ),
        step("POST", "/policies/coverage", "/policies/coverage", &trial, 0),
        step(
            "POST",
            "/policies/import",
            "/policies/import",
            r#"{"yaml":"version: \"1\"\ndefault: deny\n"}"#,
            0,
        ),
        step(
            "POST",
            "/grants",
            "/grants",
            r#"{"label":"a","servers":[{"server":"s","policy":"p"}]}"#,
            1,
        ),
        step("GET", "/grants", "/grants", "", 0),
        step("GET", "/grants/{id}", "/grants/a", "", 0),
        step(
            "PUT",
            "/grants/{id}/policy",
            "/grants/a/policy",
            r#"{"server":"s","policy":null}"#,
            1,
        ),
        step(
            "PUT",
            "/grants/{id}/owner",
            "/grants/a/owner",
            r#"{"owner":"viewer@example.org"}"#,
            1,
        ),
        step("GET", "/grants/{id}/usage", "/grants/a/usage", "", 0),
        step("GET", "/grants/{id}/holding", "/grants/a/holding", "", 0),
        step("PUT", "/grants/{id}/holding", "/grants/a/holding", r#"{"seconds":240,"legs":0}"#, 1),
        step("POST", "/grants/{id}/pause", "/grants/a/pause", "", 1),
        step("POST", "/grants/{id}/resume", "/grants/a/resume", "", 1),
        step("POST", "/grants/{id}/rotate", "/grants/a/rotate", "", 1),
        step("POST", "/grants/{id}/revoke", "/grants/a/revoke", "", 1),
        step("GET", "/calls", "/calls", "", 0),
        step("GET", "/reservations", "/reservations?state=unknown", "", 0),
        step("GET", "/approvals", "/approvals?which=others", "", 0),
        step("GET", "/approval-settings", "/approval-settings", "", 0),
        step(
            "PUT",
            "/approval-settings",
            "/approval-settings",
            r#"{"strict":true,"show_notes":false}"#,
            1,
        ),
        step(
            "POST",
            "/channels",
            "/channels",
            r#"{"name":"w","kind":"webhook","url":"http://127.0.0.1:9/hook"}"#,
            1,
        ),
        step("GET", "/channels", "/channels", "", 0),
        step("GET", "/channels/{id}", "/channels/w", "", 0),
        step(
            "PUT",
            "/channels/{id}",
            "/channels/w",
            r#"{"name":"w","kind":"webhook","url":"http://127.0.0.1:9/other"}"#,
            1,
        )
        .with(any.0, any.1),
        step("POST", "/channels/{id}/test", "/channels/w/test", "", 1),
        step("GET", "/channels/{id}/deliveries", "/channels/w/deliveries", "", 0),
        step("DELETE", "/channels/{id}", "/channels/w", "", 1),
        step("GET", "/clock", "/clock", "", 0),
        // Nothing is in doubt: there is nothing to record.
        step("POST", "/clock/confirm", "/clock/confirm", r#"{"reason":"looked at it"}"#, 0),
        step("POST", "/api-keys", "/api-keys", r#"{"label":"mine","role":"viewer"}"#, 1),
        step("GET", "/api-keys", "/api-keys", "", 0),
        // A look at the log is a line of it.
        step("GET", "/audit", "/audit?event=none", "", 1),
        step("GET", "/audit/export", "/audit/export?event=none", "", 1),
        step("GET", "/audit/evidence", "/audit/evidence?form=proofs", "", 1),
        step("GET", "/audit/verify", "/audit/verify", "", 1),
        step("GET", "/calls/summary", "/calls/summary", "", 0),
        step("GET", "/checkpoints", "/checkpoints", "", 0),
        step("GET", "/checkpoints/latest", "/checkpoints/latest", "", 0),
        step("GET", "/checkpoints/witnessed", "/checkpoints/witnessed", "", 0),
        step("GET", "/checkpoints/between", "/checkpoints/between?old=1&new=2", "", 0),
        step("GET", "/refusals", "/refusals", "", 0),
        step("GET", "/keys", "/keys", "", 0),
        // Two steps, each on record: the key is made, and it is made the one that seals.
        step("POST", "/keys/rotate", "/keys/rotate", "", 2),
        step(
            "PUT",
            "/policies/{id}/kept-in",
            "/policies/p/kept-in",
            r#"{"place":"acme/policies"}"#,
            1,
        ),
        step("DELETE", "/policies/{id}", "/policies/p?kept_in=acme/policies", "", 1),
        step("DELETE", "/servers/{id}", "/servers/s", "", 1),
    ]
}

/// Routes that no walk takes: one that never ends, the two ends of a visit to an identity provider, whom
/// nobody is asked for here, one that needs a message that was given up, and what needs an
/// authorization server or another root key. `calls.rs`, `oidc.rs`, `channels.rs`, `oauth.rs` and
/// `keyring.rs` try them.
const ELSEWHERE: &[&str] = &[
    "GET /calls/tail",
    "GET /sign-in/oidc/{id}",
    "GET /sign-in/oidc/callback",
    "POST /channels/{id}/deliveries/{message}/retry",
    "GET /servers/{id}/connections",
    "POST /servers/{id}/connections",
    "POST /servers/{id}/disconnect",
    "PUT /servers/{id}/credential/scopes",
    "GET /oauth/callback",
    "GET /oauth/client.json",
    "POST /servers/{id}/credential/discover",
    "POST /servers/{id}/credential/reveal",
    "POST /keys/{id}/retire",
    "POST /keys/root-key",
];

async fn send(world: &World, proof: &Proof, step: &Step) -> Answer {
    let (own, cookie);
    let mut headers: Vec<_> = step.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let key = match proof {
        Proof::None => None,
        Proof::Key(key) => Some(key.as_str()),
        Proof::Cookie(value) => {
            own = format!("http://{}", world.address);
            cookie = format!("__Host-countersign={value}");
            headers.extend([("origin", own.as_str()), ("cookie", cookie.as_str())]);
            None
        }
    };
    world.ask(key, step.method, &step.path, &step.body, &headers).await
}

/// How many lines the audit log has, and how many refusals were counted.
async fn record(world: &World) -> (usize, u32) {
    let org = world.store.org();
    let events =
        world.store.audit_after(org, &store::AuditFilter::default(), 0, 500).await.unwrap();
    let page = store::Page { after: None, limit: 500 };
    let refusals = world.store.refusals(org, &page).await.unwrap().items;
    (events.len(), refusals.iter().map(|line| line.count).sum())
}

/// Keys that are good for nothing: expired, revoked, of somebody removed, of a grant, made up.
async fn dead_keys(world: &World) -> Vec<(&'static str, String)> {
    let by = By::program(world.store.org().clone(), now());
    let admin = world.store.member(world.store.org(), "admin@example.org").await.unwrap().unwrap();
    let make = async |label: &str, expires: Option<Moment>, at: Moment| {
        let by = By { at, ..by.clone() };
        let made = world.store.api_key_create(&by, &admin.id, label, Role::Admin, expires).await;
        let (key, token) = made.unwrap();
        (key.id, token.expose().to_owned())
    };
    let long_ago = now().plus_seconds(-7_200);
    let (_, expired) = make("expired", Some(now().plus_seconds(-3_600)), long_ago).await;
    let (revoked_id, revoked) = make("revoked", None, now()).await;
    world.store.api_key_revoke(&by, &revoked_id).await.unwrap();
    let removed = member_with_key(&world.store, &by, "removed", Role::Admin).await;
    let gone = world.store.member(world.store.org(), "removed@example.org").await.unwrap().unwrap();
    world.store.member_remove(&by, &gone.id, vec![]).await.unwrap();
    let made_up = vault::Token::mint(vault::TokenKind::ApiKey, &vault::OsRandom).unwrap();
    let grant = vault::Token::mint(vault::TokenKind::Grant, &vault::OsRandom).unwrap();
    vec![
        ("expired", expired),
        ("revoked", revoked),
        ("of a removed member", removed),
        ("made up", made_up.expose().to_owned()),
        ("of a grant", grant.expose().to_owned()),
    ]
}

/// Sessions that are good for nothing: of last month, left alone, ended, of somebody removed, made up.
async fn dead_sessions(world: &World) -> Vec<(&'static str, String)> {
    let by = By::program(world.store.org().clone(), now());
    let store = &world.store;
    let open = async |name: &str, at: Moment| {
        let email = format!("{name}@example.org");
        let found = store.member(store.org(), &email).await.unwrap().unwrap();
        let by = By { at, ..by.clone() };
        let opened = store.session_open(&by, &found.id, fresh_at(at)).await.unwrap();
        (found.id, opened.0.id, opened.1.expose().to_owned())
    };
    let (_, _, expired) = open("manager-of-old", now().plus_seconds(-8 * 86_400)).await;
    let (_, _, idle) = open("manager-of-old", now().plus_seconds(-13 * 3_600)).await;
    let (member, session, closed) = open("manager-of-old", now()).await;
    store.session_close(&by, &member, &session).await.unwrap();
    let (member, _, removed) = open("removed-of-old", now()).await;
    store.member_remove(&by, &member, vec![]).await.unwrap();
    let made_up = vault::Token::mint(vault::TokenKind::Session, &vault::OsRandom).unwrap();
    vec![
        ("expired", expired),
        ("left alone", idle),
        ("signed out", closed),
        ("of a removed member", removed),
        ("made up", made_up.expose().to_owned()),
    ]
}

fn fresh_at(at: Moment) -> store::SessionDraft {
    let method = store::SignInMethod::Password;
    store::SessionDraft { method, proved_at: at, agent: None, replaces: None }
}

/// The admin of another organisation in the same store.
async fn neighbour(world: &World) -> String {
    let file = rusqlite::Connection::open(world.database()).unwrap();
    file.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    let insert = "INSERT INTO organisations (id, name, created_at) VALUES ('org_next', 'next', ?1)";
    file.execute(insert, [now().micros()]).unwrap();
    let by = By::program(OrgId::from("org_next"), now());
    member_with_key(&world.store, &by, "admin", Role::Admin).await
}

/// Everybody who walks: what they show, and the role it gives.
struct Askers {
    /// A stranger, a viewer, a policy manager.
    known: [(Proof, Option<Role>); 3],
    /// Keys and sessions that are good for nothing.
    dead: Vec<(String, Proof)>,
    /// An admin of the organisation next door, by key and by session.
    next: [Proof; 2],
}

impl Askers {
    async fn of(world: &World) -> Self {
        let by = By::program(world.store.org().clone(), now());
        for name in ["manager-of-old", "removed-of-old"] {
            member_with_key(&world.store, &by, name, Role::Admin).await;
        }
        let next = neighbour(world).await;
        let org = OrgId::from("org_next");
        let over_there = world.store.member(&org, "admin@example.org").await.unwrap().unwrap();
        let by = By::program(org, now());
        let opened = world.store.session_open(&by, &over_there.id, fresh_at(now())).await.unwrap();
        let keys = dead_keys(world).await.into_iter();
        let keys = keys.map(|(what, key)| (format!("a key {what}"), Proof::Key(key)));
        let sessions = dead_sessions(world).await.into_iter();
        let sessions =
            sessions.map(|(what, key)| (format!("a session {what}"), Proof::Cookie(key)));
        Self {
            known: [
                (Proof::None, None),
                (Proof::Key(world.viewer.clone()), Some(Role::Viewer)),
                (Proof::Key(world.manager.clone()), Some(Role::PolicyManager)),
            ],
            dead: keys.chain(sessions).collect(),
            next: [Proof::Key(next), Proof::Cookie(opened.1.expose().to_owned())],
        }
    }
}

/// Takes each step as everybody: whoever may not is refused, and that is one line among the refusals
/// and none in the log; whoever may leaves the lines they should. Answers with the routes walked.
pub(crate) async fn walk(world: &World, steps: Vec<Step>) -> Vec<String> {
    let document = world.admin("GET", "/openapi.json", "").await.json();
    let askers = Askers::of(world).await;
    let mut walked = vec![];
    for step in steps {
        let name = step.name();
        let lowest = lowest_role(&document, &step);
        let refused = async |who: &str, proof: &Proof, expected: &[u16]| {
            let before = record(world).await;
            let answer = send(world, proof, &step).await;
            assert!(expected.contains(&answer.status), "{name} as {who}: {answer:?}");
            let after = record(world).await;
            assert_eq!((after.0, after.1), (before.0, before.1 + 1), "{name} as {who}");
        };
        if let Some(lowest) = lowest {
            for (proof, role) in &askers.known {
                // Those above may as well; the golden table says so, and one of them does it below.
                if role.is_none_or(|role| role < lowest) {
                    let expected = if role.is_some() { 403 } else { 401 };
                    refused(&format!("{role:?}"), proof, &[expected]).await;
                }
            }
            for (what, proof) in &askers.dead {
                refused(what, proof, &[401, 429]).await;
            }
        }
        // Our objects are not there for the neighbour; nothing of ours is changed or told.
        if step.route.contains("{id}") && !step.route.starts_with("/me/") {
            for proof in &askers.next {
                let before = record(world).await;
                let answer = send(world, proof, &step).await;
                assert_eq!(answer.status, 404, "{name} as a neighbour: {answer:?}");
                assert_eq!(record(world).await, before, "{name} as a neighbour");
            }
        }

        let before = record(world).await;
        let admin = Proof::Key(world.admin.clone());
        let answer = send(world, step.who.as_ref().unwrap_or(&admin), &step).await;
        let fits = step.status.map_or((200..300).contains(&answer.status), |s| s == answer.status);
        assert!(fits, "{name} as who may: {answer:?}");
        let after = record(world).await;
        assert_eq!((after.0, after.1), (before.0 + step.lines, before.1), "{name} as who may");
        walked.push(name);
    }
    walked
}

/// Rows W06, W07 and W08's kin: the whole matrix.
#[tokio::test]
async fn every_route_answers_everybody_as_the_table_says_and_leaves_its_line() {
    let world = World::start().await;
    let walked = walk(&world, steps()).await;
    let document = world.admin("GET", "/openapi.json", "").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let bare = path.strip_prefix("/api/v1").unwrap();
            let name = format!("{} {bare}", method.to_uppercase());
            let known = [ELSEWHERE, crate::walk_more::ROUTES].concat().contains(&name.as_str());
            assert!(known || walked.contains(&name), "{name} was not walked");
        }
    }
}

/// The lowest role that may, by the document; `None` where nobody is asked for a key.
fn lowest_role(document: &Value, step: &Step) -> Option<Role> {
    let path = format!("/api/v1{}", step.route);
    let operation = &document["paths"][&path][step.method.to_lowercase()];
    assert!(operation.is_object(), "{} {} is not in the document", step.method, step.route);
    Role::parse(operation["security"][0]["api_key"][0].as_str()?)
}
