//! Secrets: sealed on their way in, never on any way out, logs included.

use std::io::Write;
use std::sync::{Mutex, OnceLock};

use crate::world::World;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Tee;

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From here on everything that any crate logs, at every level, is kept for the tests to search.
pub(crate) fn listen_to_logs() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(|| Tee)
            .init();
    });
}

/// Whether this stands in what was logged so far.
pub(crate) fn logged(text: &str) -> bool {
    LOG.lock().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

const CANARY: &str = "canary-4111-1111";

/// Rows K01, K05, K13, W07: through every road on which a credential or a token could come back.
#[tokio::test]
async fn a_credential_is_shown_by_no_route_and_in_no_log() {
    let world = World::start().await;
    world.with_server().await;
    let path = "/servers/payments/credential";
    let mut answers = vec![];
    for body in [
        format!(r#"{{"bearer":"{CANARY}"}}"#),
        format!(r#"{{"headers":{{"X-Api-Key":"{CANARY}","x-other":"b"}}}}"#),
    ] {
        let answer = world.admin("PUT", path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["opens"], true);
        answers.push(answer);
    }
    let shown = world.admin("GET", path, "").await;
    assert_eq!(shown.json()["headers"], serde_json::json!(["x-api-key", "x-other"]));
    assert_eq!(shown.json()["generation"], 2);
    assert_eq!(shown.json()["kind"], "headers");
    answers.push(shown);
    for wrong in [
        format!(r#"{{"bearer":"{CANARY}\n"}}"#),
        format!(r#"{{"bearer":["{CANARY}"]}}"#),
        format!(r#"{{"bearer":"{CANARY}","{CANARY}":1}}"#),
        format!(r#"{{"headers":{{"{CANARY} ":"x"}}}}"#),
        format!(r#"{{"bearer":"{CANARY}""#),
        CANARY.to_owned(),
    ] {
        let answer = world.admin("PUT", path, &wrong).await;
        assert!(matches!(answer.status, 400 | 422), "{wrong}");
        answers.push(answer);
    }
    for path in [
        "/servers",
        "/servers/payments",
        "/audit",
        "/servers/payments/tools",
        "/health",
        &format!("/calls?grant={CANARY}"),
        &format!("/nothing/{CANARY}"),
        &format!("/servers/{CANARY}"),
        &format!("/servers?{CANARY}=1"),
    ] {
        answers.push(world.admin("GET", path, "").await);
    }
    for key in [&world.viewer, &world.manager] {
        let answer = world.ask(Some(key), "GET", path, "", &[]).await;
        assert_eq!(answer.status, 403);
    }
    for answer in &answers {
        // What was asked for in a query string may name a field; nothing else comes back.
        let told = format!("{} {:?}", answer.body, answer.headers);
        assert!(!told.contains("4111-1111") || told.contains("unknown_field"), "{told}");
    }
    assert_eq!(world.admin("DELETE", path, "").await.status, 204);
    assert_eq!(world.admin("GET", path, "").await.status, 404);

    let log = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    assert!(log.contains("answered"), "nothing was logged at all");
    for secret in [CANARY, &world.admin, &world.admin[20..40], &world.viewer[20..40]] {
        let at = log.find(secret).map(|at| log[at.saturating_sub(200)..at].to_owned());
        assert!(at.is_none(), "a secret is in the log after: {at:?}");
    }
}

/// Row S24: a credential does not follow its server to another address.
#[tokio::test]
async fn a_changed_address_detaches_the_credential() {
    let world = World::start().await;
    world.with_server().await;
    let path = "/servers/payments/credential";
    assert_eq!(world.admin("PUT", path, r#"{"bearer":"x"}"#).await.status, 200);
    let put = async |body: &str| {
        world.ask(Some(&world.admin), "PUT", "/servers/payments", body, &[("if-match", "*")]).await
    };
    assert_eq!(put(r#"{"name":"renamed"}"#).await.status, 200);
    assert_eq!(world.admin("GET", path, "").await.status, 200);
    assert_eq!(put(r#"{"url":"https://elsewhere.example/"}"#).await.status, 200);
    assert_eq!(world.admin("GET", path, "").await.status, 404);
    assert_eq!(world.admin("GET", "/servers/payments", "").await.json()["credential"], false);
}
