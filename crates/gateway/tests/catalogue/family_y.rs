//! Y: keys that change under a running gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use store::sqlite::Tending;
use store::{ControlPlane as _, KeyCare as _};
use testkit::Era;
use vault::{KeyState, Keyring, Secret};

use crate::fixture;

/// Rotations under load: agents call all the while.
const AGENTS: usize = 12;

/// Y03, Y08: three rotations under a steady load. No call fails, every call carries the right
/// credential, and afterwards nothing in the database names an old key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn y03_keys_are_rotated_under_load_and_no_call_notices() {
    let house = Arc::new(fixture::house().await);
    // Enough sealed values that each rotation takes several steps.
    for number in 0..20 {
        let server = house.second_server(&format!("spare-{number}")).await;
        let value = Secret::from(format!("spare secret {number}"));
        let headers = vec![("x-api-key".to_owned(), value)];
        house.store.credential_set(&house.by(), &server, headers).await.unwrap();
    }
    let tended = house.store.clone();
    let fast = Tending { per_second: 40, retire_after: Duration::from_millis(100) };
    let tending = tokio::spawn(async move { tended.tend_keys(fast).await });

    let (stop, called) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mark = house.upstream.mark();
    let agents: Vec<_> = (0..AGENTS)
        .map(|number| {
            let (house, stop, called) = (house.clone(), stop.clone(), called.clone());
            tokio::spawn(async move {
                let agent = house.agent("a");
                let era = if number % 2 == 0 { Era::Legacy } else { Era::Modern };
                while !stop.load(Ordering::SeqCst) {
                    let answer = agent.call(&era, "list_invoices", json!({})).await;
                    let told = answer.json();
                    assert!(answer.status == 200 && told["result"].is_object(), "{told}");
                    assert_ne!(told["result"]["isError"], true, "{told}");
                    called.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for key in 1..=3 {
        house.store.keys_rotate(&house.by()).await.unwrap();
        for round in 0.. {
            let state = house.store.keys_state().await.unwrap();
            if state.versions.iter().any(|of| of.id == key && of.state == KeyState::Retired) {
                break;
            }
            assert!(round < 600, "{state:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for agent in agents {
        agent.await.unwrap();
    }
    tending.abort();
    let calls = called.load(Ordering::SeqCst);
    assert!(calls > AGENTS, "{calls}");
    let expected = format!("Bearer {}", house.credential.text());
    for seen in house.upstream.seen_since(mark) {
        assert_eq!(seen.header("authorization"), Some(expected.as_str()));
    }
    let state = house.store.keys_state().await.unwrap();
    let old: u64 = state.versions.iter().filter(|of| of.id < 4).map(|of| of.records).sum();
    assert_eq!((old, state.unopened), (0, 0), "{state:?}");

    // Looked at from outside: no blob in the file names an old key.
    let conn = rusqlite::Connection::open(house.directory().join("countersign.db")).unwrap();
    for (table, column) in
        [("credential_headers", "sealed"), ("log_keys", "sealed"), ("quota_counters", "sealed")]
    {
        let mut found = conn.prepare(&format!("SELECT {column} FROM {table}")).unwrap();
        let mut rows = found.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let blob: Vec<u8> = row.get(0).unwrap();
            assert_eq!(Keyring::key_id_of(&blob), Some(4), "{table}");
        }
    }
}
