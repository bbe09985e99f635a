//! A: who asks.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use store::{ControlPlane as _, GrantState};
use testkit::{Agent, Canary, Era, GrantIn, House, Request, Scan, Setup, send};

use crate::fixture::{self, REFUND};
use crate::table::{Logged, Row, Told, fill, run};

/// A call that the policy allows, with another `Authorization`.
fn shown(
    id: &'static str,
    what: &str,
    value: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Row {
    let bytes = move |agent: &Agent, era: &Era, canary: &Canary| {
        let body = Agent::call_text(era, "refund_payment", &format!("{{{REFUND}}}"));
        let request = agent.post(era, fill(body.as_bytes(), era, canary));
        request.set("Authorization", value(&agent.token)).bytes()
    };
    Row::new(id, what, bytes, Told::Status(401), Logged::Stranger)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_not_shown_rightly() {
    let rows = vec![
        shown("A02", "two blanks", |t| format!("Bearer  {t}").into()),
        shown("A02", "a tab", |t| format!("Bearer\t{t}").into()),
        shown("A02", "no blank", |t| format!("Bearer{t}").into()),
        shown("A02", "another scheme", |t| format!("Basic {t}").into()),
        shown("A02", "quoted", |t| format!("Bearer \"{t}\"").into()),
        shown("A02", "a scheme alone", |_| b"Bearer".to_vec()),
        shown("A02", "nothing", |_| Vec::new()),
        shown("A02", "a word behind", |t| format!("Bearer {t} x").into()),
        shown("A02", "twice", |t| format!("Bearer {t}{t}").into()),
        shown("A02", "no scheme", |t| t.as_bytes().to_vec()),
        shown("A02", "named", |t| format!("Bearer token={t}").into()),
        shown("A02", "lower case", |t| format!("Bearer {}", t.to_lowercase()).into()),
        shown("A02", "cut", |t| format!("Bearer {}", &t[..t.len() - 1]).into()),
        shown("A02", "a letter changed", |t| format!("Bearer {}x{}", &t[..30], &t[31..]).into()),
        shown("A02", "not ASCII", |t| [b"Bearer ", t.as_bytes(), b"\xff"].concat()),
        shown("A02", "a comma", |t| format!("Bearer {t},").into()),
        shown("A02", "DPoP", |t| format!("DPoP {t}").into()),
        shown("A02", "an API key's prefix", |t| {
            format!("Bearer {}", t.replacen("csg1", "csk1", 1)).into()
        }),
        shown("A02", "a long one", |t| format!("Bearer {}", t.repeat(200)).into()),
    ];
    run(&fixture::house().await, rows).await;
}

/// A01: the scheme may be in any case; the token is not touched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scheme_is_in_any_case() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let request = agent.post(&Era::Legacy, Agent::call_text(&Era::Legacy, "anything", "{}"));
        let request = request.set("Authorization", format!("{scheme} {}", agent.token));
        assert_eq!(send(agent.address, request.bytes()).await.status, 200, "A01 {scheme}");
    }
}

async fn status(agent: &Agent) -> u16 {
    agent.call(&Era::Legacy, "anything", json!({})).await.status
}

/// A08: at exactly its end a grant is over, before its start it is not there yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_is_good_from_its_start_to_its_end() {
    let house = fixture::house().await;
    let ends = house.issue(GrantIn { lives_seconds: Some(100), ..GrantIn::new("ends") }).await;
    let begins = house.issue(GrantIn { begins_seconds: Some(100), ..GrantIn::new("begins") }).await;
    assert_eq!((status(&ends).await, status(&begins).await), (200, 401), "A08");
    house.clock.pass_seconds(90);
    assert_eq!((status(&ends).await, status(&begins).await), (200, 401), "A08");
    house.clock.pass_seconds(10);
    assert_eq!((status(&ends).await, status(&begins).await), (401, 200), "A08");
}

/// A09: an old token is good while it overlaps, and the log says which one was shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_token_ends_with_its_overlap() {
    let house = fixture::house().await;
    let old = house.agent("a");
    let grant = house.grant("a").id;
    let (_, token) = house.store.grant_rotate(&house.by(), &grant, 60).await.unwrap();
    let new = Agent { token: token.expose().to_owned(), ..old.clone() };
    let line = house.last_line().await;
    assert_eq!((status(&old).await, status(&new).await), (200, 200), "A09");
    let generations: Vec<u32> =
        house.lines_after(line).await.iter().map(|l| l.intent.token_generation).collect();
    assert_eq!(generations, [1, 2], "A09");
    house.clock.pass_seconds(60);
    assert_eq!((status(&old).await, status(&new).await), (401, 200), "A09");
    let (_, token) = house.store.grant_rotate(&house.by(), &grant, 0).await.unwrap();
    let newest = Agent { token: token.expose().to_owned(), ..old.clone() };
    assert_eq!((status(&new).await, status(&newest).await), (401, 200), "A09");
}

/// A paused or revoked grant is a stranger's at the next call, and a resumed one is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_is_in_force_at_the_next_call() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    for (state, expected) in
        [(GrantState::Paused, 401), (GrantState::Active, 200), (GrantState::Revoked, 401)]
    {
        house.set_state("a", state).await;
        for era in [&Era::Legacy, &session, &Era::Modern] {
            let answer = agent.call(era, "anything", json!({})).await;
            assert_eq!(answer.status, expected, "A10 {state:?} {era:?}");
        }
    }
}

/// A10, H28: every token that is not good here is answered by the same bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_token_is_answered_alike() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    house.set_state("b", GrantState::Revoked).await;
    let foreign = House::start(Setup::new(fixture::tools(), fixture::policy())).await;
    let body = Agent::call_text(&Era::Legacy, "anything", "{}");
    let post = |token: &str, server: &str| {
        let agent = Agent { token: token.to_owned(), ..agent.at(server) };
        agent.post(&Era::Legacy, &body)
    };
    let mut changed = agent.token.clone().into_bytes();
    changed[25] = if changed[25] == b'a' { b'b' } else { b'a' };
    let mut answers = Vec::new();
    for (what, request) in [
        ("revoked", post(&house.agent("b").token, "payments")),
        ("no such server", post(&agent.token, "nowhere")),
        ("another house's", post(&foreign.agent("a").token, "payments")),
        ("malformed", post("csg1_x", "payments")),
        ("changed", post(std::str::from_utf8(&changed).unwrap(), "payments")),
        ("none", post("", "payments").without("Authorization")),
        ("GET", foreign.agent("a").get("x")),
    ] {
        let answer = send(agent.address, request.bytes()).await;
        assert_eq!(answer.status, 401, "A10 {what}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer error=\"invalid_token\""),
            "{what}"
        );
        let headers: Vec<_> =
            answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        answers.push((what, headers, answer.text()));
    }
    for (what, headers, text) in &answers {
        assert_eq!((headers, text), (&answers[0].1, &answers[0].2), "A10 {what}");
    }
    assert!(house.upstream.calls().is_empty());
}

/// A12: a grant without a policy sees nothing and calls nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_without_a_policy() {
    let house = fixture::house().await;
    let agent = house.issue(GrantIn { policy: false, ..GrantIn::new("bare") }).await;
    let session = agent.session().await;
    for era in [Era::Legacy, session, Era::Modern] {
        for tool in ["anything", "list_invoices", "delete_customer", "never"] {
            let (mark, line) = (house.upstream.calls().len(), house.last_line().await);
            let answer = agent.call(&era, tool, json!({})).await.json();
            assert_eq!(answer["result"]["isError"], true, "A12 {tool} {answer}");
            assert_eq!(
                answer["result"]["_meta"]["dev.countersign/decision"]["rule"], "(no policy)",
                "A12 {tool}"
            );
            assert_eq!(house.upstream.calls().len(), mark, "A12 {tool}");
            assert_eq!(house.lines_after(line).await[0].intent.reason, "no_policy", "A12 {tool}");
        }
        let list = agent.request(&era, "tools/list", json!({})).await.json();
        assert_eq!(list["result"]["tools"], json!([]), "A12 {list}");
        for (method, member) in [("resources/list", "resources"), ("prompts/list", "prompts")] {
            let list = agent.request(&era, method, json!({})).await.json();
            assert_eq!(list["result"][member], json!([]), "A12 {list}");
        }
    }
}

/// A14: whoever tries tokens is slowed down; grants behind the same gateway are not concerned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_tries_tokens_is_slowed_down() {
    let house = fixture::house().await;
    // H16: that somebody else is asking for them is what they say themselves.
    let guess = |number: usize| {
        Request::new("POST", "/mcp/payments")
            .header("X-Forwarded-For", format!("10.0.{}.{}", number / 250, number % 250))
            .header("Forwarded", format!("for=10.1.0.{}", number % 250))
            .header("Authorization", "Bearer csg1_guess")
            .header("Content-Type", "application/json")
            .body("{}")
            .bytes()
    };
    let mut statuses = Vec::new();
    let mut open = testkit::Open::connect(house.address()).await;
    for number in 0..1_000 {
        open.write(&guess(number)).await;
        statuses.push(open.response().await.status);
    }
    assert_eq!(statuses[0], 401, "A14");
    assert_eq!(statuses[999], 429, "A14");
    assert_eq!(house.last_line().await, 0, "A14: not one line each");
    assert_eq!(house.strangers().await, 1_000, "A14: all are counted");
    assert_eq!(status(&house.agent("a")).await, 200, "A14");
}

/// A04, A13, A16: whoever can write the database, but has no key, gains nothing by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_the_database_gains_nothing() {
    let tamper = async |sql: &str| {
        let house = fixture::house().await;
        house.issue(GrantIn::new("spare")).await;
        let line = house.last_line().await;
        let database = Connection::open(house.directory().join("countersign.db")).unwrap();
        database.busy_timeout(Duration::from_secs(5)).unwrap();
        database.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        // A change by the program makes the gateway read everything again.
        house.set_state("spare", GrantState::Paused).await;
        let a = house.agent("a").call(&Era::Legacy, "wipe_all", json!({})).await;
        let b = house.agent("b").call(&Era::Legacy, "anything", json!({})).await;
        assert!(
            !house.upstream.calls().iter().any(|seen| seen.message["params"]["name"] == "wipe_all"),
            "{sql}"
        );
        assert!(
            house
                .lines_after(line)
                .await
                .iter()
                .all(|line| line.intent.tool.as_deref() != Some("wipe_all")
                    || line.outcome.is_none()),
            "{sql}"
        );
        (house, a, b)
    };
    let a = "(SELECT id FROM grants WHERE label = 'a')";

    // The hash of another token, a later end, another label: the grant is nobody's any more.
    for sql in [
        format!("UPDATE grant_tokens SET hash = randomblob(32) WHERE grant_id = {a}"),
        format!(
            "UPDATE grant_tokens SET hash = (SELECT hash FROM grant_tokens WHERE grant_id <> {a}) WHERE grant_id = {a}"
        ),
        "UPDATE grants SET expires_at = 9000000000000000 WHERE label = 'a'".to_owned(),
        "UPDATE grants SET identity = 'admin' WHERE label = 'a'".to_owned(),
        "UPDATE grants SET in_flight_max = 1000000 WHERE label = 'a'".to_owned(),
        "UPDATE grants SET created_at = created_at - 1 WHERE label = 'a'".to_owned(),
    ] {
        let (_, a, b) = tamper(&sql).await;
        assert_eq!((a.status, b.status), (401, 200), "A16 {sql}: {}", a.text());
    }
    // A policy that was never published by the program is not judged by.
    let open = r#"{"version":"1","default":"allow"}"#;
    for (row, sql) in [
        ("A16", format!("UPDATE policy_versions SET text = CAST('{open}' AS BLOB)")),
        ("A13", "UPDATE policy_versions SET text = CAST('{\"version\":\"2\"}' AS BLOB)".to_owned()),
        ("A13", "UPDATE policy_versions SET text = x'00'".to_owned()),
        (
            "A16",
            format!(
                "INSERT INTO policy_versions (org, policy, number, text, author, note, published_at, mac) SELECT org, policy, number + 1, CAST('{open}' AS BLOB), author, note, published_at, mac FROM policy_versions; UPDATE policies SET latest = latest + 1"
            ),
        ),
    ] {
        let (house, a, b) = tamper(&sql).await;
        assert_ne!(a.json()["result"]["content"][0]["text"], "done", "{row} {sql}: {}", a.text());
        assert_ne!(b.json()["result"]["content"][0]["text"], "done", "{row} {sql}: {}", b.text());
        assert!(house.upstream.calls().is_empty(), "{row} {sql}");
    }
    // A server that was turned to another address, or a definition somebody else accepted.
    for sql in [
        "UPDATE servers SET url = 'http://127.0.0.1:9/mcp'",
        "UPDATE servers SET on_tool_change = 'allow'",
        "UPDATE credential_headers SET name = 'x-other'",
        "UPDATE credential_headers SET sealed = randomblob(length(sealed))",
    ] {
        let (house, _, b) = tamper(sql).await;
        assert_ne!(b.json()["result"]["content"][0]["text"], "done", "A16 {sql}: {}", b.text());
        assert!(house.upstream.calls().is_empty(), "A16 {sql}");
        Scan(std::slice::from_ref(&house.credential)).logs();
    }
    let (house, ..) = tamper("UPDATE tools SET accepted_definition = CAST('{\"name\":\"refund_payment\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"payment\":{},\"Amount\":{}}}}' AS BLOB) WHERE name = 'refund_payment'").await;
    let answer = house.agent("b").call(&Era::Legacy, "refund_payment", json!({"payment": "p", "amount": 1, "Amount ": 1, "currency": "usd", "reason": "damaged"})).await;
    assert!(
        house
            .upstream
            .calls()
            .iter()
            .all(|seen| seen.message["params"]["name"] != "refund_payment"),
        "A16 {}",
        answer.text()
    );

    // A04: what is stored instead of a token is no token.
    let house = fixture::house().await;
    let database = Connection::open(house.directory().join("countersign.db")).unwrap();
    let hashes: Vec<(String, Vec<u8>)> = database
        .prepare("SELECT token_id, hash FROM grant_tokens")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (id, hash) in hashes {
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        for token in [
            hex.clone(),
            format!("csg1_{id}_{}", &hex[..43]),
            format!("csg1_{id}_{}_000000", &hex[..43]),
        ] {
            let agent = Agent { token, ..house.agent("a") };
            assert_eq!(status(&agent).await, 401, "A04");
        }
    }
}

/// A05: tokens are told apart by the whole of their hash, so two that share an id do not meet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_token_decides() {
    let house = fixture::house().await;
    let (a, b) = (house.agent("a"), house.agent("b"));
    // The id of one with the secret of the other, and a checksum that fits.
    let parts = |token: &str| token.split('_').map(str::to_owned).collect::<Vec<_>>();
    let (of_a, of_b) = (parts(&a.token), parts(&b.token));
    for (id, secret) in [(&of_a[1], &of_b[2]), (&of_b[1], &of_a[2])] {
        let text = format!("csg1_{id}_{secret}");
        let token = format!("{text}_{}", checksum(text.as_bytes()));
        let agent = Agent { token, ..a.clone() };
        assert_eq!(status(&agent).await, 401, "A05");
    }
    // The checksum function of this test is the real one.
    let text = format!("csg1_{}_{}", of_a[1], of_a[2]);
    assert_eq!(of_a[3], checksum(text.as_bytes()));
}

/// CRC-32 in six digits of base 62, as tokens have it.
fn checksum(bytes: &[u8]) -> String {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut number = !crc;
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = [b'0'; 6];
    for place in out.iter_mut().rev() {
        *place = digits[(number % 62) as usize];
        number /= 62;
    }
    String::from_utf8(out.to_vec()).unwrap()
}
