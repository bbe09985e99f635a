//! Faults that only the inside can cause: a full database, a transaction that dies, a panic.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vault::{OsRandom, RootKey};

use super::Sqlite;
use super::fault::Fault;
use super::tx::Recorded;
use crate::*;

fn open() -> (TempDir, RootKey, Sqlite) {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let store = Sqlite::open(dir.path(), &root, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap();
    (dir, root, store)
}

fn intent(store: &Sqlite, number: u8, tool: &str) -> Intent {
    Intent {
        id: CallId([number; 16]),
        at: SystemClock.now(),
        org: store.org().clone(),
        grant: "grt_x".into(),
        grant_label: "x".into(),
        identity: "x".into(),
        token_generation: 1,
        server: "srv_x".into(),
        server_slug: "x".into(),
        version: "2025-11-25",
        method: "tools/call".into(),
        tool: Some(tool.into()),
        fingerprint: None,
        policy: None,
        verdict: Verdict::Allowed,
        rule: "".into(),
        reason: "allowed",
        known_args: Vec::new(),
        unknown_args: 0,
        request_bytes: 1,
        charged: Vec::new(),
        count: 1,
        marks: None,
    }
}

fn outcome(number: u8) -> Outcome {
    Outcome {
        id: CallId([number; 16]),
        at: SystemClock.now(),
        class: OutcomeClass::Completed,
        detail: "",
        upstream_status: None,
        response_bytes: 1,
        took_micros: 1,
        upstream_micros: 1,
        echo_removed: false,
        capture: None,
    }
}

/// Lets the database grow by so many pages and no further, as a full disk does.
async fn room_for(store: &Sqlite, pages: Option<i64>) {
    store
        .desk
        .change(move |tx| {
            let now: i64 = tx.conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            let most = pages.map_or(1 << 30, |pages| now + pages);
            let pragma = format!("PRAGMA max_page_count = {most}");
            tx.conn.query_row(&pragma, [], |row| row.get::<_, i64>(0))?;
            Ok(Recorded::unchanged(()))
        })
        .await
        .unwrap();
}

/// A text that does not fit the pages there are.
fn long() -> String {
    "t".repeat(60_000)
}

#[tokio::test]
async fn a_full_disk_refuses_calls_and_keeps_what_is_there() {
    // L07: nothing leaves, what was written stays, and it goes on when there is room.
    let (_dir, _root, store) = open();
    let judged_at = store.generation().unwrap();
    store.call_begin(intent(&store, 1, "t"), Vec::new(), judged_at).await.unwrap();
    room_for(&store, Some(0)).await;
    let full = store.call_begin(intent(&store, 2, &long()), Vec::new(), judged_at).await;
    assert!(matches!(full, Err(BeginError::Store(StoreError::Full))), "{full:?}");
    let full = store.call_refused(intent(&store, 3, &long())).await;
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
    let log = |store: &Sqlite| {
        let org = store.org().clone();
        (CallFilter::default(), Page { after: None, limit: 10 }, org)
    };
    let (filter, page, org) = log(&store);
    assert_eq!(store.calls(&org, &filter, &page).await.unwrap().items.len(), 1);
    room_for(&store, None).await;
    store.call_begin(intent(&store, 4, &long()), Vec::new(), judged_at).await.unwrap();
    let items = store.calls(&org, &filter, &page).await.unwrap().items;
    assert_eq!(items.iter().map(|call| call.index).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_written_stops_new_calls_until_it_is() {
    // F05: the outcome waits, nothing new leaves, and then it is written after all.
    let (_dir, _root, store) = open();
    let judged_at = store.generation().unwrap();
    for number in 1..=240 {
        store.call_begin(intent(&store, number, "t"), Vec::new(), judged_at).await.unwrap();
    }
    room_for(&store, Some(0)).await;
    for number in 1..=240 {
        store.call_finish(outcome(number));
    }
    // So many outcomes need a page of their own, and there is none.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for number in 241..244 {
        let refused = store.call_begin(intent(&store, number, "t"), Vec::new(), judged_at).await;
        assert!(matches!(refused, Err(BeginError::Store(_))), "{refused:?}");
    }
    assert!(store.flush().await.is_err());
    let call = |number: u8| {
        let store = &store;
        async move { store.call(store.org(), &CallId([number; 16])).await.unwrap().unwrap() }
    };
    assert!(call(1).await.outcome.is_none());
    store
        .desk
        .change(|tx| {
            // Only a change of the limit itself fits now.
            tx.conn.query_row("PRAGMA max_page_count = 1073741823", [], |_| Ok(()))?;
            Ok(Recorded::unchanged(()))
        })
        .await
        .unwrap();
    store.flush().await.unwrap();
    for number in 1..=240 {
        assert_eq!(call(number).await.outcome.unwrap().class, OutcomeClass::Completed);
    }
    store.call_begin(intent(&store, 250, "t"), Vec::new(), judged_at).await.unwrap();
}

#[tokio::test]
async fn quota_of_a_commit_that_failed_goes_back() {
    let (dir, root, store) = open();
    let judged_at = store.generation().unwrap();
    let key = quota::Key::new(quota::KeyParts {
        organisation: store.org().as_str().into(),
        subject: quota::Subject::Grant("grt_x".into()),
        server: "srv_x".into(),
        place: quota::Place::AllTools,
        counter: "c".into(),
        per: Vec::new(),
    });
    let charge = policy::Charge {
        rule: "/all_tools/limits/c".into(),
        place: policy::Place::AllTools,
        counter: "c".into(),
        window: policy::Window::Day,
        rolling: false,
        zone: jiff::tz::TimeZone::UTC,
        max_millionths: 2_000_000,
        amount_millionths: 1_000_000,
        counts_amount: false,
        per: Vec::new(),
        scope: policy::Scope::Grant,
        count_failed: false,
        on_unknown: policy::OnUnknown::Keep,
        on_deny: None,
    };
    let begin = |number, tool: &str| {
        let charges = vec![(key.clone(), charge.clone())];
        store.call_begin(intent(&store, number, tool), charges, judged_at)
    };
    let held = |store: &Sqlite| {
        let mut book = super::desk::locked(&store.desk.book);
        let (ledger, now) = book.look();
        let usage = ledger.usages(&quota::KeyPrefix::grant(store.org().as_str(), "grt_x"), now);
        usage.first().map_or((0, 0, 0), |u| (u.used, u.held, u.unknown))
    };
    room_for(&store, Some(0)).await;
    for number in 1..=5 {
        assert!(matches!(begin(number, &long()).await, Err(BeginError::Store(StoreError::Full))));
        assert_eq!(held(&store), (0, 0, 0), "{number}");
    }
    room_for(&store, None).await;
    begin(6, "t").await.unwrap();
    begin(7, &long()).await.unwrap();
    assert!(matches!(begin(8, "t").await, Err(BeginError::NoRoom(RoomError::Exhausted(_)))));
    store.call_finish(outcome(6));
    assert_eq!(held(&store), (1_000_000, 1_000_000, 0));
    store.close();
    drop(store);
    let store = Sqlite::open(dir.path(), &root, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap();
    assert_eq!(held(&store), (1_000_000, 0, 1_000_000), "the one in flight is unknown now");
}

#[tokio::test]
async fn outcomes_that_were_never_written_are_there_after_the_next_start() {
    // F05: the process ends while the disk is full; what it knew is not forgotten.
    let (dir, root, store) = open();
    let judged_at = store.generation().unwrap();
    let charges = vec![money(&store)];
    store.call_begin(intent(&store, 1, "t"), charges, judged_at).await.unwrap();
    for number in 2..=240 {
        store.call_begin(intent(&store, number, "t"), Vec::new(), judged_at).await.unwrap();
    }
    room_for(&store, Some(0)).await;
    for number in 1..240 {
        store.call_finish(outcome(number));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = store.call_begin(intent(&store, 250, "t"), Vec::new(), judged_at).await;
    assert!(matches!(refused, Err(BeginError::Store(_))), "{refused:?}");
    drop(store);
    let spool = dir.path().join("outcomes.spool");
    let text = std::fs::read_to_string(&spool).unwrap();
    assert_eq!(text.lines().count(), 239);
    // A line that was cut, one that somebody changed, and one that somebody made up.
    let lines: Vec<&str> = text.lines().collect();
    let forged = lines[1].replace("completed", "not_sent");
    let mut kept = text.replace(lines[1], &forged);
    kept.push_str("9\tcall_x\tlies\n");
    kept.push_str(&lines[2][..40]);
    std::fs::write(&spool, kept).unwrap();

    let store = Sqlite::open(dir.path(), &root, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap();
    for number in 1..=240 {
        let call = store.call(store.org(), &CallId([number; 16])).await.unwrap().unwrap();
        let class = call.outcome.unwrap().class;
        let lost = number == 2 || number == 240;
        let expected = if lost { OutcomeClass::Unknown } else { OutcomeClass::Completed };
        assert_eq!(class, expected, "{number}");
    }
    let usage = store.usage(store.org(), &"grt_x".into()).await.unwrap().limits.remove(0).usage;
    assert_eq!((usage.used, usage.held, usage.unknown), (1_000_000, 0, 0));
    assert!(!spool.exists());
}

/// A limit that keeps what is unknown, and a charge of one to it.
fn money(store: &Sqlite) -> (quota::Key, policy::Charge) {
    let key = quota::Key::new(quota::KeyParts {
        organisation: store.org().as_str().into(),
        subject: quota::Subject::Grant("grt_x".into()),
        server: "srv_x".into(),
        place: quota::Place::AllTools,
        counter: "c".into(),
        per: Vec::new(),
    });
    let text = br#"{"version": "1", "default": "allow", "all_tools": {"limits":
        [{"counter": "c", "window": "day", "max": 5, "on_unknown": "keep"}]}}"#;
    let policy = policy::Policy::load(text).unwrap();
    let charge =
        policy::Charge { amount_millionths: 1_000_000, ..policy.limits().remove(0).charge };
    (key, charge)
}

/// Makes a call of money that is never answered.
async fn lose_money(store: &Sqlite) {
    let judged_at = store.generation().unwrap();
    let charges = vec![money(store)];
    store.call_begin(intent(store, 1, "t"), charges, judged_at).await.unwrap();
    store.call_finish(Outcome { class: OutcomeClass::Unknown, ..outcome(1) });
    store.flush().await.unwrap();
}

fn unknown(store: &Sqlite) -> usize {
    super::desk::locked(&store.desk.book).look().0.reservations(quota::State::Unknown).len()
}

#[tokio::test]
async fn a_resolution_whose_commit_fails_changes_nothing() {
    let (_dir, _root, store) = open();
    lose_money(&store).await;
    let broken = |sql: &'static str| {
        store.desk.change(move |tx| {
            tx.conn.execute_batch(sql)?;
            Ok(Recorded::unchanged(()))
        })
    };
    broken("ALTER TABLE quota_reservations RENAME TO elsewhere").await.unwrap();
    let by = By::program(store.org().clone(), SystemClock.now());
    let id = CallId([1; 16]);
    let page = Page { after: None, limit: 10 };
    for _ in 0..2 {
        let failed = store.reservation_resolve(&by, &id, quota::Fate::Release, "why").await;
        assert!(matches!(failed, Err(ChangeError::Store(_))), "{failed:?}");
        assert_eq!(unknown(&store), 1);
        assert!(
            store
                .audit(store.org(), &AuditFilter::default(), &page)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    }
    broken("ALTER TABLE elsewhere RENAME TO quota_reservations").await.unwrap();
    store.reservation_resolve(&by, &id, quota::Fate::Release, "why").await.unwrap();
    assert_eq!(unknown(&store), 0);
    assert_eq!(
        store.audit(store.org(), &AuditFilter::default(), &page).await.unwrap().items.len(),
        1
    );
}

#[tokio::test]
async fn many_resolutions_at_once_are_one() {
    let (dir, root, store) = open();
    lose_money(&store).await;
    let by = By::program(store.org().clone(), SystemClock.now());
    let (id, page) = (CallId([1; 16]), Page { after: None, limit: 10 });
    let store = Arc::new(store);
    let askers: Vec<_> = (0..16)
        .map(|number| {
            let (store, by) = (Arc::clone(&store), by.clone());
            let fate = if number % 2 == 0 { quota::Fate::Release } else { quota::Fate::Settle };
            tokio::spawn(async move { store.reservation_resolve(&by, &id, fate, "why").await })
        })
        .collect();
    let mut resolved = 0;
    for asker in askers {
        resolved += usize::from(asker.await.unwrap().is_ok());
    }
    assert_eq!(resolved, 8, "half of them said the same as the first");
    assert_eq!(
        store.audit(store.org(), &AuditFilter::default(), &page).await.unwrap().items.len(),
        1
    );
    drop(store);
    let store = Sqlite::open(dir.path(), &root, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap();
    assert_eq!(unknown(&store), 0);
}

#[tokio::test]
async fn a_change_that_fails_half_way_leaves_nothing() {
    let (_dir, _root, store) = open();
    let made = store.desk.change(|tx| -> Result<Recorded<()>, Fault> {
        tx.conn.execute("INSERT INTO meta (name, value) VALUES ('half', 1)", [])?;
        tx.judged_by();
        Err(ChangeError::Conflict("no".to_owned()).into())
    });
    let before = store.generation();
    assert!(matches!(made.await, Err(ChangeError::Conflict(_))));
    let found =
        store.readers.read(|conn| Ok(super::open::meta::<i64>(conn, "half")?)).await.unwrap();
    assert_eq!(found, None);
    assert_eq!(store.generation(), before);
}

#[tokio::test]
async fn a_change_without_its_audit_line_is_not_made() {
    let (_dir, _root, store) = open();
    store
        .desk
        .change(|tx| {
            tx.conn.execute_batch(
                "CREATE TRIGGER full BEFORE INSERT ON audit_events \
                 BEGIN SELECT RAISE(ABORT, 'no room'); END",
            )?;
            Ok(Recorded::unchanged(()))
        })
        .await
        .unwrap();
    let by = By::program(store.org().clone(), SystemClock.now());
    let (email, name) = ("ada@example.org".to_owned(), "Ada".to_owned());
    let made = store.member_add(&by, MemberDraft { email, name, role: Role::Admin }).await;
    assert!(matches!(made, Err(ChangeError::Store(_))), "{made:?}");
    assert!(store.members(store.org()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_writer_that_panics_closes_the_store() {
    let (_dir, _root, store) = open();
    let judged_at = store.generation().unwrap();
    let died = store.desk.change(|_| -> Result<Recorded<()>, Fault> { panic!("a fault of ours") });
    assert!(matches!(died.await, Err(ChangeError::Store(StoreError::Closed))));
    // The thread unwinds; then everybody is told.
    for _ in 0..100 {
        if store.generation().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.generation(), None);
    let begun = store.call_begin(intent(&store, 1, "t"), Vec::new(), judged_at).await;
    assert!(matches!(begun, Err(BeginError::Store(StoreError::Closed))), "{begun:?}");
}

#[tokio::test]
async fn a_writer_that_hangs_refuses_calls_in_time_and_takes_back_what_it_writes_late() {
    // F01: the disk is slow for longer than a call waits.
    let (_dir, _root, store) = open();
    let store = Arc::new(store);
    let judged_at = store.generation().unwrap();
    let slow = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let hang = |_: &super::tx::Tx<'_>| {
                std::thread::sleep(Duration::from_millis(2_600));
                Ok(Recorded::unchanged(()))
            };
            store.desk.change(hang).await
        })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asked = std::time::Instant::now();
    let begun = store.call_begin(intent(&store, 1, "t"), Vec::new(), judged_at).await;
    assert!(matches!(begun, Err(BeginError::Store(StoreError::Busy))), "{begun:?}");
    assert!(asked.elapsed() < Duration::from_millis(2_400), "{:?}", asked.elapsed());
    slow.await.unwrap().unwrap();
    store.flush().await.unwrap();
    let late = store.call(store.org(), &CallId([1; 16])).await.unwrap();
    assert!(late.is_none_or(|call| call.outcome.is_some()), "no call is left open");
}

#[tokio::test]
async fn a_store_with_too_much_to_do_refuses_at_once() {
    let (_dir, _root, store) = open();
    let store = Arc::new(store);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let held = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let hold = move |_: &super::tx::Tx<'_>| {
                // Until the test says so, or has ended.
                let _ = wait.recv();
                Ok(Recorded::unchanged(()))
            };
            store.desk.change(hold).await
        })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut waiting = Vec::new();
    let mut refused = None;
    for _ in 0..10_000 {
        let (reply, answer) = tokio::sync::oneshot::channel();
        match store.desk.submit(super::desk::Job::Flush(reply)) {
            Ok(()) => waiting.push(answer),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    assert!(matches!(refused, Some(StoreError::Busy)));
    assert!(waiting.len() >= 1_000, "{}", waiting.len());
    drop(go);
    held.await.unwrap().unwrap();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
}
