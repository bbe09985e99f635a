//! When something is lost: the admin, the outcome of a call, the time, the machine. From the command
//! line, end to end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use store::sqlite::Sqlite;
use store::{Clock, DataPlane as _, Moment, SystemClock};
use tempfile::tempdir;
use vault::OsRandom;

use crate::commands::{House, call_with, house_with};
use crate::program::{Running, run, serve, serve_command};

const FIRST: &str = "tram lemon four clouds";
const SECOND: &str = "another four odd words";

/// What a browser on the machine asks: status, cookie, body.
fn ask(running: &Running, path: &str, cookie: Option<&str>, body: &Value) -> (u16, String, Value) {
    let host = running.line["control_url"].as_str().unwrap().strip_prefix("http://").unwrap();
    let (method, body) =
        if body.is_null() { ("GET", String::new()) } else { ("POST", body.to_string()) };
    let cookie = cookie.map(|c| format!("cookie: __Host-countersign={c}\r\n")).unwrap_or_default();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /api/v1{path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\n{cookie}\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let set = head.split("__Host-countersign=").nth(1).unwrap_or_default();
    let cookie = set.split(';').next().unwrap_or_default().to_owned();
    (status, cookie, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn token_of(url: &Value) -> String {
    url.as_str().unwrap().split_once("/welcome#").unwrap().1.to_owned()
}

fn sign_in(running: &Running, password: &str) -> (u16, String, Value) {
    let body = json!({"email": "ada@example.org", "password": password});
    ask(running, "/sign-in/password", None, &body)
}

fn setup(running: &Running, token: &str, password: &str) -> (u16, String, Value) {
    let body =
        json!({"token": token, "email": "ada@example.org", "name": "Ada", "password": password});
    ask(running, "/setup", None, &body)
}

#[test]
fn an_admin_who_lost_their_way_in_is_let_back_in_from_the_machine() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let (status, open, _) = setup(&house, &token_of(&house.line["setup_url"]), FIRST);
    assert_eq!(status, 200);
    assert_eq!(ask(&house, "/session", Some(&open), &Value::Null).0, 200);

    let reset = ["--json", "admin", "reset", "--email", "ada@example.org", "--data-dir", "data"];
    assert_eq!(run(dir.path(), &reset).failure().0, "in_use");
    let key = house.api_key.clone();
    house.stop("-TERM");
    let nobody = ["--json", "admin", "reset", "--email", "eve@example.org", "--data-dir", "data"];
    let nobody = run(dir.path(), &nobody);
    assert_eq!(nobody.failure().0, "not_an_admin");
    assert!(nobody.err.contains("ada@example.org"), "it says who is one: {nobody:?}");
    let made = run(dir.path(), &reset);
    assert_eq!(made.code, Some(0), "{made:?}");
    let token = token_of(&made.json()["setup_url"]);

    let house = serve(dir.path());
    assert!(house.line["setup_url"].is_null(), "somebody can sign in already");
    assert_eq!(ask(&house, "/session", Some(&open), &Value::Null).0, 200, "nothing has ended yet");
    let (status, fresh, _) = setup(&house, &token, SECOND);
    assert_eq!(status, 200);
    assert_eq!(ask(&house, "/session", Some(&open), &Value::Null).0, 401);
    assert_eq!(ask(&house, "/session", Some(&fresh), &Value::Null).0, 200);
    assert_eq!(setup(&house, &token, FIRST).0, 410);
    assert_eq!((sign_in(&house, FIRST).0, sign_in(&house, SECOND).0), (401, 200));
    let log = house.run_with(&key, &["audit", "log", "--event", "setup.*", "--export", "-"]);
    let events: Vec<Value> =
        log.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["setup.created", "setup.finished", "setup.created", "setup.finished"],
        "{log:?}"
    );
    assert_eq!(events[2]["name"], "countersign");
}

#[test]
fn a_first_start_without_people_takes_the_admin_from_the_environment_once() {
    let dir = tempdir().unwrap();
    let start = |password: &str| {
        fs::write(dir.path().join("password"), format!("{password}\n")).unwrap();
        let mut command = serve_command(dir.path());
        command.env("COUNTERSIGN_ADMIN_EMAIL", "ada@example.org");
        command.env("COUNTERSIGN_ADMIN_PASSWORD_FILE", "password");
        command
    };
    let weak = crate::program::Ended::of(start("password1234").output().unwrap());
    assert_eq!((weak.code, weak.failure().0.as_str()), (Some(1), "admin"), "{weak:?}");
    let house = Running::start(dir.path(), start(FIRST));
    assert!(house.api_key.starts_with("csk1_"), "the start that failed used up no key");
    assert!(house.line["setup_url"].is_null(), "nobody needs a link: {}", house.line);
    let (status, _, body) = sign_in(&house, FIRST);
    assert_eq!((status, &body["member"]["role"]), (200, &json!("admin")));
    let (_, log) = house.stop("-TERM");
    assert!(!log.contains(FIRST));
    // What stands there later is nobody's password any more.
    let house = Running::start(dir.path(), start(SECOND));
    assert_eq!((sign_in(&house, SECOND).0, sign_in(&house, FIRST).0), (401, 200));
}

#[test]
fn sessions_and_identity_providers_are_seen_to_from_the_command_line() {
    let dir = tempdir().unwrap();
    let house = serve(dir.path());
    let (_, open, _) = setup(&house, &token_of(&house.line["setup_url"]), FIRST);
    let json = |arguments: &[&str]| {
        let ended = house.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        serde_json::from_str::<Value>(ended.out.lines().next().unwrap_or("null")).unwrap()
    };
    let listed = json(&["session", "list", "--member", "ada@example.org"]);
    assert_eq!(listed["method"], "password");
    json(&["session", "end", listed["id"].as_str().unwrap()]);
    assert_eq!(ask(&house, "/session", Some(&open), &Value::Null).0, 401);
    let (_, open, _) = sign_in(&house, FIRST);
    json(&["session", "end-all", "--member", "ada@example.org"]);
    assert_eq!(ask(&house, "/session", Some(&open), &Value::Null).0, 401);
    let (_, open, _) = sign_in(&house, FIRST);
    let link = json(&["member", "link", "ada@example.org"])["link"].clone();
    assert_eq!(setup(&house, &token_of(&link), SECOND).0, 200);
    assert_eq!(ask(&house, "/session", Some(&open), &Value::Null).0, 401);

    let failure = |arguments: &[&str]| {
        let ended = house.run(&[&["--json"], arguments].concat());
        assert_ne!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.failure().0
    };
    let provider = json!({"slug": "okta", "issuer": "http://127.0.0.1:9", "client_id": "c",
                          "private_targets": ["127.0.0.1:9"]});
    fs::write(dir.path().join("okta.json"), provider.to_string()).unwrap();
    fs::write(dir.path().join("okta.secret"), "planted-client-secret\n").unwrap();
    let add = ["identity-provider", "add", "okta.json", "--secret-file", "okta.secret"];
    let refused = house.run(&[&["--json"], &add[..]].concat());
    assert_eq!(refused.failure().0, "invalid", "nobody answers there: {refused:?}");
    assert!(!refused.err.contains("planted-client-secret"), "{refused:?}");
    assert_eq!(failure(&["identity-provider", "show", "okta"]), "not_found");
    assert_eq!(failure(&["idp", "remove", "okta"]), "not_found");
    assert!(house.run(&["--json", "identity-provider", "list"]).out.is_empty());
    // A file that names providers needs none of them to answer.
    house.stop("-TERM");
    let file = json!({"providers": [provider]}).to_string();
    fs::write(dir.path().join("providers.json"), file).unwrap();
    let mut command = serve_command(dir.path());
    command.env("COUNTERSIGN_CONTROL__IDENTITY_PROVIDERS_FILE", "providers.json");
    let house = Running::start(dir.path(), command);
    let made = run_recovered(dir.path(), house);
    assert_eq!(made["slug"], "okta");
}

/// Ends the instance, makes a key beside it, starts it again, and shows the provider with that key.
fn run_recovered(dir: &Path, house: Running) -> Value {
    house.stop("-TERM");
    let made = run(dir, &["--json", "recover", "--data-dir", "data"]).json();
    let house = serve(dir);
    let key = made["token"].as_str().unwrap();
    let set =
        ["--json", "identity-provider", "set", "okta", "okta.json", "--secret-file", "okta.secret"];
    let changed = house.run_with(key, &set);
    assert_eq!(changed.json()["has_secret"], true, "{changed:?}");
    house.run_with(key, &["--json", "identity-provider", "show", "okta"]).json()
}

fn slow() -> payments::Options {
    payments::Options { latency: Duration::from_secs(20), ..payments::Options::default() }
}

/// Waits until the payments server has carried something out.
async fn carried_out(house: &House, tool: &str) {
    let arrived = async {
        while house.payments.ledger().calls(tool) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), arrived).await.unwrap();
}

/// The machine dies with a refund in the air: it stays counted until somebody says what became of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_was_in_the_air_is_resolved_by_a_person() {
    let house = house_with(slow()).await;
    house.furnish();
    let issued = house.json(&["grant", "issue", "bot", "--server", "pay=pol"]);
    let token = issued["token"].as_str().unwrap().to_owned();
    let gateway = house.instance.line["gateway_url"].as_str().unwrap().to_owned();
    let arguments = r#"{"payment":"pi_1006","amount":40,"currency":"usd","reason":"broken"}"#;
    let calling = tokio::task::spawn_blocking(move || {
        call_with(&gateway, &token, "refund_payment", arguments)
    });
    carried_out(&house, "refund_payment").await;
    let key = house.instance.api_key.clone();
    let House { instance, dir, .. } = house;
    let (_, _) = tokio::task::spawn_blocking(|| instance.stop("-KILL")).await.unwrap();
    drop(calling.await);

    let instance = serve(dir.path());
    let json = |arguments: &[&str]| {
        let ended = instance.run_with(&key, &[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        serde_json::from_str::<Value>(ended.out.lines().next().unwrap_or("null")).unwrap()
    };
    let usage = || {
        let limit = json(&["grant", "usage", "bot"])["items"][0].clone();
        json!([limit["used"], limit["unknown"], limit["left"]])
    };
    assert_eq!(usage(), json!(["0", "40", "60"]));
    let unknown = json(&["grant", "unknown", "bot"]);
    let call = unknown["call"].as_str().unwrap().to_owned();
    let resolved = ["grant", "resolve", &call, "--as", "settled", "--reason", "on the statement"];
    json(&resolved);
    assert_eq!(usage(), json!(["40", "0", "60"]));
    assert_eq!(json(&["grant", "unknown"]), Value::Null);
    let line = json(&["audit", "log", "--event", "reservation.resolved"]);
    assert_eq!(line["subject"], call.as_str());
    let other = ["--json", "grant", "resolve", &call, "--as", "released", "--reason", "r"];
    assert_eq!(instance.run_with(&key, &other).failure().0, "conflict");
}

/// A clock that stands ahead of the machine's by this much.
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Moment {
        SystemClock.now().plus_seconds(self.0.load(Ordering::Relaxed))
    }

    fn monotonic_micros(&self) -> i64 {
        SystemClock.monotonic_micros()
    }
}

/// Something was counted while the machine's clock stood an hour ahead; now it is right again.
async fn counted_in_the_future(dir: &Path) {
    let root = vault::RootKeySource::File(dir.join("data/root.key")).load().unwrap();
    let clock = Arc::new(Ahead(AtomicI64::new(3_600)));
    let opened = Sqlite::open(&dir.join("data"), &root, clock.clone(), Arc::new(OsRandom));
    let store = opened.unwrap();
    let view = store.view().await.unwrap();
    let (grant, _) = &view.grants[0];
    let server = &view.servers[0].server;
    let policy = policy::Policy::load(
        br#"{"version":"1","default":"deny","tools":{"refund_payment":{"limits":[
            {"counter":"value","window":"day","max":100,"amount":"args.amount"}]}}}"#,
    );
    let subjects = quota::Subjects {
        organisation: store.org().as_str().into(),
        grant: grant.id.as_str().into(),
        identity: grant.identity.as_str().into(),
        policy: grant.servers[0].policy.as_ref().unwrap().as_str().into(),
        server: server.id.as_str().into(),
    };
    let charges = policy.unwrap().limits().into_iter().map(|stated| {
        let charge = policy::Charge { amount_millionths: 1_000_000, ..stated.charge };
        (quota::Key::of(&subjects, &charge), charge)
    });
    let now = clock.now();
    let id = store::CallId::new(now, [7; 10]);
    let intent = store::Intent {
        id,
        at: now,
        org: store.org().clone(),
        grant: store::GrantId::from(grant.id.as_str()),
        grant_label: grant.label.as_str().into(),
        identity: grant.identity.as_str().into(),
        token_generation: 1,
        server: store::ServerId::from(server.id.as_str()),
        server_slug: server.slug.as_str().into(),
        version: "2025-11-25",
        method: "tools/call".into(),
        tool: Some("refund_payment".into()),
        fingerprint: None,
        policy: None,
        verdict: store::Verdict::Allowed,
        rule: "".into(),
        reason: "",
        known_args: Vec::new(),
        unknown_args: 0,
        request_bytes: 1,
        charged: Vec::new(),
        count: 1,
        marks: None,
    };
    let begun = store.call_begin(intent, charges.collect(), view.generation).await;
    begun.unwrap();
    store.call_finish(store::Outcome {
        id,
        at: now,
        class: store::OutcomeClass::Completed,
        detail: "",
        upstream_status: Some(200),
        response_bytes: 1,
        took_micros: 1,
        upstream_micros: 1,
        echo_removed: false,
        capture: None,
    });
    store.flush().await.unwrap();
    store.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_in_doubt_is_told_by_the_doctor_and_confirmed_by_a_person() {
    let house = house_with(payments::Options::default()).await;
    house.furnish();
    let issued = house.json(&["grant", "issue", "bot", "--server", "pay=pol"]);
    let token = issued["token"].as_str().unwrap().to_owned();
    let key = house.instance.api_key.clone();
    let House { instance, dir, payments } = house;
    tokio::task::spawn_blocking(|| instance.stop("-TERM")).await.unwrap();
    counted_in_the_future(dir.path()).await;

    let instance = serve(dir.path());
    let gateway = instance.line["gateway_url"].as_str().unwrap();
    let arguments = r#"{"payment":"pi_1006","amount":5,"currency":"usd","reason":"broken"}"#;
    let refund = || call_with(gateway, &token, "refund_payment", arguments).unwrap();
    let denied = refund();
    assert!(denied.contains("clock_uncertain"), "{denied}");
    let free = call_with(gateway, &token, "list_invoices", "{}").unwrap();
    assert!(!free.contains("clock_uncertain"), "calls without limits go on: {free}");

    let doctor = instance.run_with(&key, &["--json", "doctor", "--data-dir", "data"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    let bad: Vec<Value> = doctor.lines().into_iter().filter(|line| line["ok"] == false).collect();
    assert_eq!((bad.len(), &bad[0]["what"]), (1, &json!("clock")), "{bad:?}");
    let told = bad[0]["says"].as_str().unwrap();
    assert!(told.contains("fell back") && told.contains("clock_uncertain"), "{told}");
    assert!(bad[0]["mend"].as_str().unwrap().contains("clock confirm"));
    let shown = instance.run_with(&key, &["--json", "clock", "show"]).json();
    assert_eq!(
        (&shown["believed"], &shown["doubt"]["reason"]),
        (&json!(false), &json!("fell_back"))
    );

    let confirm = ["--json", "clock", "confirm", "--reason", "the hour ahead was wrong"];
    let confirmed = instance.run_with(&key, &confirm);
    assert_eq!(confirmed.json()["believed"], true, "{confirmed:?}");
    let log = instance.run_with(&key, &["--json", "audit", "log", "--event", "clock.confirmed"]);
    assert!(log.out.contains("the hour ahead was wrong"), "{log:?}");
    let doctor = instance.run_with(&key, &["--json", "doctor", "--data-dir", "data"]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    let again = refund();
    assert!(!again.contains("clock_uncertain"), "{again}");
    assert_eq!(payments.ledger().calls("refund_payment"), 1);
}

/// A copy taken while agents work, put back on another machine: the same tokens, credentials and
/// limits, and the log goes on. Without the key it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_carries_calls_on_another_machine() {
    let house = house_with(payments::Options::default()).await;
    house.furnish();
    let issued = house.json(&["grant", "issue", "bot", "--server", "pay=pol"]);
    let token = issued["token"].as_str().unwrap().to_owned();
    let gateway = house.instance.line["gateway_url"].as_str().unwrap().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let agents: Vec<_> = (0..2)
        .map(|_| {
            let (stop, gateway, token) = (stop.clone(), gateway.clone(), token.clone());
            std::thread::spawn(move || {
                let mut made = 0;
                while !stop.load(Ordering::Relaxed) {
                    let answer = call_with(&gateway, &token, "list_invoices", "{}").unwrap();
                    assert!(answer.contains("Harbour Books"), "{answer}");
                    made += 1;
                }
                made
            })
        })
        .collect();
    for copy in ["one.db", "two.db"] {
        std::thread::sleep(Duration::from_millis(200));
        house.json(&["backup", copy]);
    }
    stop.store(true, Ordering::Relaxed);
    let made: u32 = agents.into_iter().map(|agent| agent.join().unwrap()).sum();
    assert!(made > 10, "{made} calls were made beside the copies");
    let key = house.instance.api_key.clone();
    let House { instance, dir, payments } = house;
    tokio::task::spawn_blocking(|| instance.stop("-TERM")).await.unwrap();

    let there = tempdir().unwrap();
    fs::copy(dir.path().join("two.db"), there.path().join("two.db")).unwrap();
    let restore = ["--json", "restore", "two.db", "--data-dir", "data"];
    let bare = run(there.path(), &restore);
    assert_eq!((bare.code, bare.failure().0.as_str()), (Some(1), "no_root_key"));
    fs::create_dir(there.path().join("data")).unwrap();
    fs::copy(dir.path().join("data/root.key"), there.path().join("data/root.key")).unwrap();
    assert_eq!(run(there.path(), &restore).code, Some(0));
    let instance = serve(there.path());
    let gateway = instance.line["gateway_url"].as_str().unwrap();
    let before = payments.ledger().calls("list_invoices");
    let answer = call_with(gateway, &token, "list_invoices", "{}").unwrap();
    assert!(answer.contains("Harbour Books"), "{answer}");
    assert_eq!(payments.ledger().calls("list_invoices"), before + 1);
    let log = instance.run_with(&key, &["--json", "audit", "log", "--event", "backup.*"]).lines();
    let events: Vec<_> = log.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["backup.restored", "backup.taken", "backup.taken"]);
    let public = instance.run_with(&key, &["audit", "key"]).out.trim().to_owned();
    fs::write(there.path().join("key.txt"), public).unwrap();
    let exported = instance.run_with(&key, &["audit", "export", "--to", "evidence.jsonl"]);
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let verified = run(there.path(), &["audit", "verify", "evidence.jsonl", "--key", "key.txt"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
