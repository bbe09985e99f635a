//! What holds of the SQLite file itself: who may open it, what is in it, what a forged row is worth.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use store::sqlite::Sqlite;
use store::{
    Approvals, ChangeError, ControlPlane, DataPlane, GrantState, OutcomeClass, People, Role,
    StoreError,
};
use tempfile::TempDir;
use vault::{OsRandom, RootKey, Secret};

use crate::promises::{self, House, MORNING, StoppedClock, Store, grant_draft, server_draft};

const DATABASE: &str = "countersign.db";

pub(crate) fn open(dir: &Path, root: &RootKey) -> Result<House<Sqlite>, StoreError> {
    let clock = StoppedClock::at(MORNING);
    let store = Sqlite::open(dir, root, clock.clone(), Arc::new(OsRandom))?;
    Ok(House {
        org: store.org().clone(),
        pepper: store.pepper(),
        store: Arc::new(store),
        clock,
        _ground: Box::new(()),
    })
}

pub(crate) fn ground() -> (TempDir, RootKey) {
    (tempfile::tempdir().unwrap(), RootKey::from_bytes(&std::array::from_fn(|at| at as u8)))
}

/// Another connection to the file, as somebody has who can write the database and has no key.
pub(crate) fn behind(dir: &Path) -> Connection {
    let conn = Connection::open(dir.join(DATABASE)).unwrap();
    conn.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    conn
}

fn bytes_of(dir: &Path) -> Vec<u8> {
    let names = [DATABASE, "countersign.db-wal", "countersign.db-shm"];
    names.iter().flat_map(|name| std::fs::read(dir.join(name)).unwrap_or_default()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_database_opens_again_with_everything_in_it() {
    let (dir, root) = ground();
    let (install, generation, id) = {
        let house = open(dir.path(), &root).unwrap();
        assert!(house.store.first_start());
        let server = house.server("a").await;
        let (grant, _) = house.grant("g", &[&server.id]).await;
        let judged_at = house.store.view().await.unwrap().generation;
        let intent = house.intent(&grant, &server);
        let id = intent.id;
        house.store.call_begin(intent, Vec::new(), judged_at).await.unwrap();
        house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
        (house.store.install_id().to_owned(), house.generation(), id)
    };
    let mut left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [DATABASE, "countersign.lock"], "one tidy file");
    let house = open(dir.path(), &root).unwrap();
    assert!(!house.store.first_start());
    assert_eq!((house.store.install_id(), house.generation()), (install.as_str(), generation));
    let view = house.store.view().await.unwrap();
    assert_eq!((view.grants.len(), view.servers.len(), view.forged), (1, 1, 0));
    let call = house.store.call(&house.org, &id).await.unwrap().unwrap();
    assert_eq!(call.outcome.unwrap().class, OutcomeClass::Completed, "closing writes what waits");
}

#[test]
fn the_wrong_root_key_opens_nothing_and_writes_nothing() {
    let (dir, root) = ground();
    drop(open(dir.path(), &root).unwrap());
    let before = std::fs::read(dir.path().join(DATABASE)).unwrap();
    let wrong = RootKey::generate(&OsRandom).unwrap();
    let error = open(dir.path(), &wrong).err().unwrap();
    assert!(matches!(error, StoreError::WrongRootKey), "{error}");
    assert_eq!(std::fs::read(dir.path().join(DATABASE)).unwrap(), before);
    assert!(open(dir.path(), &root).is_ok(), "the right one still does");
}

#[test]
fn a_database_from_a_newer_version_is_left_alone() {
    let (dir, root) = ground();
    drop(open(dir.path(), &root).unwrap());
    behind(dir.path()).execute_batch("PRAGMA user_version = 99").unwrap();
    let error = open(dir.path(), &root).err().unwrap();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
    let version: u32 =
        behind(dir.path()).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn files_of_other_programs_are_left_alone() {
    let (dir, root) = ground();
    let file = dir.path().join(DATABASE);
    let refused = |what: &str| {
        let before = std::fs::read(&file).unwrap();
        let error = open(dir.path(), &root).err().unwrap();
        assert!(matches!(error, StoreError::NotADatabase { .. }), "{what}: {error}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "{what}");
    };
    std::fs::write(&file, "these are my notes, please keep them\n".repeat(100)).unwrap();
    refused("a text");
    std::fs::remove_file(&file).unwrap();
    behind(dir.path()).execute_batch("CREATE TABLE theirs (a)").unwrap();
    refused("another program's database");
}

#[test]
fn a_directory_has_one_owner_at_a_time() {
    let (dir, root) = ground();
    let first = open(dir.path(), &root).unwrap();
    let error = open(dir.path(), &root).err().unwrap();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    drop(first);
    assert!(open(dir.path(), &root).is_ok());
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let (dir, root) = ground();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for bad in [file.clone(), file.join("below")] {
        let error = open(&bad, &root).err().unwrap();
        assert!(matches!(error, StoreError::Directory { .. }), "{error}");
        assert!(error.to_string().contains("file"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, root) = ground();
    let home = dir.path().join("data");
    let mode =
        |name: &str| std::fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
    let house = open(&home, &root).unwrap();
    assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
    for name in [DATABASE, "countersign.db-wal", "countersign.db-shm", "countersign.lock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    drop(house);
    let loose = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(home.join(DATABASE), loose).unwrap();
    let _house = open(&home, &root).unwrap();
    assert_eq!(mode(DATABASE), 0o600);
}

#[tokio::test]
async fn rows_that_somebody_else_wrote_are_worth_nothing() {
    // A16: what somebody does who can write the database, and what the view then leaves out.
    let table: [(&str, &str, LeftOut); 18] = [
        ("its grant's token", "UPDATE grant_tokens SET hash = zeroblob(32)", no_grant),
        ("a longer life", "UPDATE grant_tokens SET valid_until = 1", no_grant),
        (
            "one more token",
            "INSERT INTO grant_tokens SELECT org, grant_id, 9, 'abcdefghijkl', \
          zeroblob(32), pepper, NULL, 0, mac FROM grant_tokens",
            no_grant,
        ),
        ("the state", "UPDATE grants SET state = 'active' WHERE state = 'paused'", no_grant),
        ("the end", "UPDATE grants SET expires_at = NULL", no_grant),
        ("the identity", "UPDATE grants SET identity = 'root'", no_grant),
        ("the tags", "UPDATE grants SET tags = '{\"team\":\"admins\"}'", no_grant),
        ("tags that are none", "UPDATE grants SET tags = '{'", no_grant),
        ("tags twice", "UPDATE grants SET tags = '{\"a\":\"b\",\"a\":\"c\"}'", no_grant),
        (
            "the policy",
            "UPDATE attachments SET policy = (SELECT id FROM policies \
          WHERE name = 'lax')",
            no_grant,
        ),
        ("no policy", "UPDATE attachments SET policy = NULL", no_grant),
        ("the text", "UPDATE policy_versions SET text = x'7b7d'", no_policy),
        ("an older version", "UPDATE policies SET latest = 1 WHERE name = 'strict'", no_policy),
        ("the newest gone", "DELETE FROM policy_versions WHERE number = 2", no_policy),
        ("the address", "UPDATE servers SET url = 'https://evil.example/'", no_server),
        ("private targets", "UPDATE servers SET private_targets = '[\"127.0.0.1:1\"]'", no_server),
        ("the credential", "UPDATE credentials SET generation = 1", no_server),
        ("the accepted tool", "UPDATE tools SET accepted_definition = x'7b7d'", no_tool),
    ];
    for (what, sql, left_out) in table {
        let (dir, root) = ground();
        let house = furnished(dir.path(), &root).await;
        assert_eq!(house.store.view().await.unwrap().forged, 0, "{what}");
        let changed = behind(dir.path()).execute(sql, []).unwrap();
        assert!(changed > 0, "{what}");
        let view = house.store.view().await.unwrap();
        assert!(view.forged > 0 && left_out(&view), "{what}: {view:?}");
    }
}

#[tokio::test]
async fn a_grant_that_cannot_be_read_is_left_out_alone() {
    let (dir, root) = ground();
    let house = furnished(dir.path(), &root).await;
    let server = house.store.servers(&house.org).await.unwrap().remove(0).id;
    house.grant("second", &[&server]).await;
    let unreadable = "UPDATE grants SET tags = '[' WHERE label = 'g'";
    assert_eq!(behind(dir.path()).execute(unreadable, []).unwrap(), 1);
    let view = house.store.view().await.unwrap();
    let labels: Vec<&str> = view.grants.iter().map(|(grant, _)| grant.label.as_str()).collect();
    assert_eq!((labels.as_slice(), view.forged), (&["second"][..], 1));
}

/// Whether what was forged is not in the view.
type LeftOut = fn(&store::View) -> bool;

fn no_grant(view: &store::View) -> bool {
    view.grants.is_empty()
}

fn no_policy(view: &store::View) -> bool {
    view.policies.is_empty()
}

fn no_server(view: &store::View) -> bool {
    view.servers.is_empty()
}

fn no_tool(view: &store::View) -> bool {
    view.servers[0].tools.iter().all(|tool| tool.accepted.is_none())
}

/// A server with a tool and a credential, a paused grant, a strict policy with two versions, a lax
/// one.
async fn furnished(dir: &Path, root: &RootKey) -> House<Sqlite> {
    let house = open(dir, root).unwrap();
    let (store, by) = (&house.store, house.by());
    let server = house.server("a").await;
    for value in ["one", "two"] {
        let secret = vec![("authorization".to_owned(), Secret::from(value.to_owned()))];
        store.credential_set(&by, &server.id, secret).await.unwrap();
    }
    let tool = store::FoundTool {
        name: "t".to_owned(),
        definition: b"{\"name\":\"t\"}".to_vec(),
        fingerprint: "f".to_owned(),
        withheld: None,
        hidden_text: false,
    };
    store.server_found(&server.id, None, "ok".into(), Some(vec![tool]), true, by.at).await.unwrap();
    let strict = house.policy("strict", "{\"default\":\"allow\"}").await;
    let text = b"{\"default\":\"deny\"}".to_vec();
    store.policy_publish(&by, &strict, text, None, "", None).await.unwrap();
    house.policy("lax", "{}").await;
    let draft = store::GrantDraft { expires_at: Some(by.at), ..grant_draft("g", &[&server.id]) };
    let (grant, _) = store.grant_issue(&by, draft).await.unwrap();
    store.grant_attach(&by, &grant.id, &server.id, Some(strict)).await.unwrap();
    store.grant_set_state(&by, &grant.id, GrantState::Paused).await.unwrap();
    house
}

#[tokio::test]
async fn a_forged_row_is_never_signed_by_a_later_change() {
    let (dir, root) = ground();
    let house = furnished(dir.path(), &root).await;
    let (store, by) = (&house.store, house.by());
    let (grant, server) = {
        let view = store.view().await.unwrap();
        (view.grants[0].0.id.clone(), view.servers[0].server.id.clone())
    };
    let policy = store.policy(&house.org, "strict").await.unwrap().unwrap().id;
    behind(dir.path())
        .execute_batch(
            "UPDATE attachments SET policy = (SELECT id FROM policies WHERE name = 'lax'); \
             UPDATE servers SET url = 'https://evil.example/'; \
             UPDATE policies SET latest = 1 WHERE name = 'strict';",
        )
        .unwrap();
    let conflict =
        |error: ChangeError| assert!(matches!(error, ChangeError::Conflict(_)), "{error}");
    conflict(store.grant_rotate(&by, &grant, 0).await.err().unwrap());
    conflict(store.grant_set_state(&by, &grant, GrantState::Active).await.err().unwrap());
    conflict(store.grant_attach(&by, &grant, &server, None).await.err().unwrap());
    conflict(store.server_update(&by, &server, None, server_draft("a")).await.err().unwrap());
    conflict(store.policy_publish(&by, &policy, vec![], None, "", None).await.err().unwrap());
    // What can always be done is to end it.
    store.grant_set_state(&by, &grant, GrantState::Revoked).await.unwrap();
    store.server_delete(&by, &server).await.unwrap();
    store.policy_delete(&by, &policy).await.unwrap();
    let view = store.view().await.unwrap();
    assert!(view.grants.is_empty() && view.servers.is_empty());
}

#[tokio::test]
async fn an_api_key_row_that_somebody_else_wrote_opens_nothing() {
    let (dir, root) = ground();
    let house = open(dir.path(), &root).unwrap();
    let (store, by) = (&house.store, house.by());
    let ada = house.member("ada", Role::Viewer).await.id;
    let (key, token) = store.api_key_create(&by, &ada, "v", Role::Viewer, None).await.unwrap();
    assert!(store.api_key_of(&token, by.at).await.unwrap().is_some());
    behind(dir.path()).execute("UPDATE api_keys SET role = 'admin'", []).unwrap();
    assert!(store.api_key_of(&token, by.at).await.unwrap().is_none());
    behind(dir.path()).execute("UPDATE api_keys SET role = 'viewer'", []).unwrap();
    assert!(store.api_key_of(&token, by.at).await.unwrap().is_some());
    // Nor does a key whose member somebody else wrote.
    behind(dir.path()).execute("UPDATE members SET role = 'admin'", []).unwrap();
    assert!(store.api_key_of(&token, by.at).await.unwrap().is_none());
    behind(dir.path()).execute("UPDATE members SET role = 'viewer'", []).unwrap();
    assert!(store.api_key_of(&token, by.at).await.unwrap().is_some());
    store.api_key_revoke(&by, &key.id).await.unwrap();
    behind(dir.path()).execute("UPDATE api_keys SET revoked_at = NULL", []).unwrap();
    assert!(store.api_key_of(&token, by.at).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_is_in_a_group_that_somebody_else_wrote() {
    let (dir, root) = ground();
    let house = open(dir.path(), &root).unwrap();
    let (store, by) = (&house.store, house.by());
    let (ada, eve) =
        (house.member("ada", Role::Viewer).await.id, house.member("eve", Role::Viewer).await.id);
    let group = store.group_create(&by, "finance", vec![ada.clone()]).await.unwrap();
    let insert = "INSERT INTO group_members (org, group_id, member) VALUES (?1, ?2, ?3)";
    let row = [house.org.as_str(), group.id.as_str(), eve.as_str()];
    behind(dir.path()).execute(insert, row).unwrap();
    let found = store.group(&house.org, "finance").await.unwrap().unwrap();
    assert!(found.members.is_empty());
    let refused = store.group_update(&by, &group.id, None, "finance", vec![ada]).await;
    assert!(matches!(refused.unwrap_err(), ChangeError::Conflict(_)));
    store.member_remove(&by, &eve, vec![]).await.unwrap();
    store.group_delete(&by, &group.id).await.unwrap();
}

#[tokio::test]
async fn no_secret_stands_in_the_files() {
    let (dir, root) = ground();
    let house = open(dir.path(), &root).unwrap();
    let (store, by) = (house.store.clone(), house.by());
    let server = house.server("a").await;
    let canaries = ["Bearer canary-4f1d-one", "canary-4f1d-two", "canary-4f1d-per"];
    for value in &canaries[..2] {
        let secret = vec![("x-api-key".to_owned(), Secret::from((*value).to_owned()))];
        store.credential_set(&by, &server.id, secret).await.unwrap();
    }
    let (grant, token) = house.grant("g", &[&server.id]).await;
    let (_, rotated) = store.grant_rotate(&by, &grant.id, 600).await.unwrap();
    let (_, key) = house.admin_key("k").await;
    // What splits a counter is a value of the call's arguments.
    let counter = quota::Key::new(quota::KeyParts {
        organisation: house.org.as_str().into(),
        subject: quota::Subject::Grant(grant.id.as_str().into()),
        server: server.id.as_str().into(),
        place: quota::Place::AllTools,
        counter: "c".into(),
        per: vec![("args.iban".into(), canaries[2].into())],
    });
    let charges = vec![(counter, promises::quotas::charge("c", 10, 1))];
    let intent = house.intent(&grant, &server);
    let id = intent.id;
    store.call_begin(intent, charges, house.generation()).await.unwrap();
    store.call_finish(house.outcome(id, OutcomeClass::Completed));
    store.flush().await.unwrap();

    let look = |when: &str| {
        let bytes = bytes_of(dir.path());
        assert!(holds(&bytes, "x-api-key") && holds(&bytes, grant.id.as_str()), "{when}");
        for canary in canaries {
            assert!(!holds(&bytes, canary), "{when}: {canary}");
        }
        for token in [&token, &rotated, &key] {
            // The id is public; the secret that follows it is not.
            assert!(holds(&bytes, token.id().as_str()), "{when}");
            assert!(!holds(&bytes, &token.expose()[18..61]), "{when}");
        }
    };
    look("with its log");
    store.close();
    look("closed");
    drop((store, house));
    let house = open(dir.path(), &root).unwrap();
    let usage = house.store.usage(&house.org, &grant.id).await.unwrap().limits;
    assert_eq!(usage[0].usage.used, 1_000_000);
    assert_eq!(&*usage[0].usage.key.parts().per[0].1, canaries[2], "and with the key it is there");
}

#[tokio::test]
async fn an_erased_credential_leaves_no_sealed_bytes_behind() {
    let (dir, root) = ground();
    let house = open(dir.path(), &root).unwrap();
    let server = house.server("a").await;
    let secret = vec![("x-api-key".to_owned(), Secret::from("value".to_owned()))];
    let kept = house.store.credential_set(&house.by(), &server.id, secret).await.unwrap();
    let sealed = &kept.headers[0].1;
    let stands = || bytes_of(dir.path()).windows(sealed.len()).any(|window| *window == **sealed);
    assert!(stands());
    house.store.credential_remove(&house.by(), &server.id).await.unwrap();
    house.store.close();
    assert!(!stands());
}

#[tokio::test]
async fn calls_left_open_by_a_dead_process_end_as_unknown() {
    let (dir, root) = ground();
    let frozen = tempfile::tempdir().unwrap();
    let (open_id, ended_id, grant) = {
        let house = open(dir.path(), &root).unwrap();
        let server = house.server("a").await;
        let (grant, _) = house.grant("g", &[&server.id]).await;
        let charges = |counter: &str, keep: bool| {
            let mut charge = promises::quotas::charge(counter, 10, 1);
            if keep {
                charge.on_unknown = policy::OnUnknown::Keep;
            }
            (promises::quotas::key(&house, &grant, &server, counter), charge)
        };
        let mut ids = Vec::new();
        for _ in 0..2 {
            let intent = house.intent(&grant, &server);
            ids.push(intent.id);
            let charges = vec![charges("money", true), charges("calls", false)];
            house.store.call_begin(intent, charges, house.generation()).await.unwrap();
        }
        house.store.call_finish(house.outcome(ids[1], OutcomeClass::Completed));
        house.store.flush().await.unwrap();
        // The files as they are at this moment are what a crash would leave.
        for name in [DATABASE, "countersign.db-wal"] {
            std::fs::copy(dir.path().join(name), frozen.path().join(name)).unwrap();
        }
        (ids[0], ids[1], grant)
    };
    for start in 0..2 {
        let house = open(frozen.path(), &root).unwrap();
        let class = async |id| {
            let call = house.store.call(&house.org, id).await.unwrap().unwrap();
            let outcome = call.outcome.unwrap();
            (outcome.class, outcome.detail)
        };
        assert_eq!(class(&open_id).await, (OutcomeClass::Unknown, "process_ended"), "{start}");
        assert_eq!(class(&ended_id).await, (OutcomeClass::Completed, ""), "{start}");
        let mut usage = house.store.usage(&house.org, &grant.id).await.unwrap().limits;
        usage.sort_by(|a, b| a.usage.rule.cmp(&b.usage.rule));
        let sums = |u: &store::LimitUsage| (u.usage.used, u.usage.held, u.usage.unknown);
        let held: Vec<_> = usage.iter().map(sums).collect();
        assert_eq!(held, [(1_000_000, 0, 0), (1_000_000, 0, 1_000_000)], "calls, money: {start}");
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (dir, root) = ground();
    let house = open(dir.path(), &root).unwrap();
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    house.store.close();
    closed(&house, &grant, &server).await;
}

async fn closed<S: Store>(house: &House<S>, grant: &store::Grant, server: &store::Server) {
    assert_eq!(house.store.generation(), None);
    assert!(matches!(house.store.view().await, Err(StoreError::Closed)));
    let begun = house.store.call_begin(house.intent(grant, server), Vec::new(), 1).await;
    assert!(matches!(begun, Err(store::BeginError::Store(StoreError::Closed))));
    assert!(matches!(house.store.flush().await, Err(StoreError::Closed)));
    let made = house.store.server_create(&house.by(), server_draft("b")).await;
    assert!(matches!(made, Err(ChangeError::Store(StoreError::Closed))));
}

/// K14 and V16: after the end neither the arguments nor what was sealed of them stand anywhere in
/// the file, its free pages or the write-ahead log; and a forged yes is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_arguments_of_an_ended_approval_are_gone_from_the_file() {
    let (dir, root) = ground();
    let held = promises::approvals::held(open(dir.path(), &root).unwrap()).await;
    let sealed = |of: &store::Approval| -> Vec<u8> {
        let sql = "SELECT sealed FROM approval_arguments WHERE approval = ?1";
        behind(dir.path()).query_row(sql, [of.id.as_str()], |row| row.get(0)).unwrap()
    };
    let mut ended = Vec::new();
    for digest in 1..=4 {
        let asked = held.ask(digest).await;
        ended.push((asked.id.clone(), sealed(&asked)));
    }
    assert!(!holds(&bytes_of(dir.path()), "planted-7c1e"), "never in the clear");
    let used = held.approved(1).await;
    held.begin(&used.id, 1).await.unwrap();
    held.house.store.approval_withdraw(&held.house.by(), &ended[1].0, "test").await.unwrap();
    held.house.store.approving().approval_cancel(&held.house.org, &ended[2].0).await.unwrap();
    held.house.clock.pass_seconds(1_800);
    assert_eq!(held.house.store.approving().approvals_sweep().await.unwrap(), 1);
    held.house.store.flush().await.unwrap();
    let bytes = bytes_of(dir.path());
    for (id, sealed) in &ended {
        assert!(held.state(id).await.has_ended());
        // Any part of it would do to an attacker who has the key.
        for part in sealed.chunks_exact(24) {
            assert!(!bytes.windows(part.len()).any(|window| window == part), "{id} left a trace");
        }
    }
    let forged = held.ask(9).await;
    let sql = "UPDATE approvals SET state = 'approved' WHERE id = ?1";
    assert_eq!(behind(dir.path()).execute(sql, [forged.id.as_str()]).unwrap(), 1);
    let refused = held.begin(&forged.id, 9).await;
    assert!(matches!(refused, Err(store::BeginError::NotApproved)));
}
