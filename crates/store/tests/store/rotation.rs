//! Key rotation: every value is sealed again, wherever the process was stopped; nothing opens where
//! it does not belong. Rows Y01, Y04, Y05, Y07 and Y08.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use store::sqlite::{Sqlite, Tending, restore};
use store::{
    ChangeError, ControlPlane, DataPlane, KeyCare, Moment, ProviderDraft, Role, SignIn, StoreError,
    SystemClock,
};
use vault::{KeyState, Keyring, OsRandom, Place, RootKey, Secret};

use crate::promises::{House, MORNING, StoppedClock};

const FAST: Tending = Tending { per_second: 4_000, retire_after: Duration::from_millis(50) };

fn open(dir: &Path, root: &RootKey) -> House<Sqlite> {
    let clock = StoppedClock::at(MORNING);
    let store = Sqlite::open(dir, root, clock.clone(), Arc::new(OsRandom)).unwrap();
    let (org, pepper) = (store.org().clone(), store.pepper());
    House { org, pepper, store: Arc::new(store), clock, _ground: Box::new(()) }
}

/// Something sealed of every kind that this suite can make by itself.
async fn furnish(house: &House<Sqlite>) {
    let by = house.by();
    for number in 0..3 {
        let server = house.server(&format!("s-{number}")).await;
        let header = |name: &str| (name.to_owned(), Secret::from(format!("{name}-{number}")));
        let headers = vec![header("x-api-key"), header("x-other")];
        house.store.credential_set(&by, &server.id, headers).await.unwrap();
    }
    let member = house.member("ada", Role::Admin).await;
    house.store.password_set(&by, &member.id, Secret::from("hash".to_owned()), None).await.unwrap();
    let draft = ProviderDraft {
        slug: "idp".into(),
        name: "IdP".into(),
        issuer: "https://idp.example".into(),
        client_id: "c".into(),
        private_targets: vec![],
        scopes: vec![],
        groups_claim: "groups".into(),
        roles: Default::default(),
        groups: Default::default(),
        default_role: None,
        trust_email: false,
        enabled: true,
    };
    let secret = Secret::from("client secret".to_owned());
    house.store.provider_create(&by, draft, Some(secret)).await.unwrap();
}

/// The number of values by key, and how many credentials open.
async fn sealed(house: &House<Sqlite>) -> (Vec<(u32, KeyState, u64)>, usize) {
    let state = house.store.keys_state().await.unwrap();
    let versions = state.versions.iter().map(|key| (key.id, key.state, key.records)).collect();
    let view = house.store.view().await.unwrap();
    let mut opened = 0;
    for server in &view.servers {
        let Some(kept) = &server.credential else { continue };
        for (name, blob) in &kept.headers {
            let place = Place {
                org: house.org.as_str(),
                table: "credentials",
                record: kept.id.as_str(),
                field: name,
                generation: u64::try_from(kept.generation).unwrap(),
            };
            opened += usize::from(view.keyring.open(&place, blob).is_ok());
        }
    }
    (versions, opened)
}

async fn retired(house: &House<Sqlite>, key: u32) {
    for _ in 0..400 {
        let state = house.store.keys_state().await.unwrap();
        if state.versions.iter().any(|of| of.id == key && of.state == KeyState::Retired) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("key {key} is not retired: {:?}", house.store.keys_state().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_seals_everything_again_and_old_backups_still_open() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let house = open(&dir.path().join("here"), &root);
    furnish(&house).await;
    let (before, opened) = sealed(&house).await;
    // Six header values, a password, a client secret, and the key that signs the evidence.
    assert_eq!((before, opened), (vec![(1, KeyState::Active, 9)], 6));
    let mut copy = house.store.backup(&house.by()).await.unwrap();
    let backup = dir.path().join("backup");
    std::io::copy(&mut copy, &mut std::fs::File::create(&backup).unwrap()).unwrap();

    let tended = house.store.clone();
    let tending = tokio::spawn(async move { tended.tend_keys(FAST).await });
    let state = house.store.keys_rotate(&house.by()).await.unwrap();
    assert!(state.is_rotating());
    let again = house.store.keys_rotate(&house.by()).await.unwrap_err();
    assert!(matches!(again, ChangeError::Conflict(_)), "{again}");
    retired(&house, 1).await;
    let (after, opened) = sealed(&house).await;
    assert_eq!((after, opened), (vec![(1, KeyState::Retired, 0), (2, KeyState::Active, 9)], 6));
    let lines: Vec<_> = house.audit().await.into_iter().take(4).map(|line| line.event).collect();
    assert_eq!(
        lines,
        ["keyring.key_retired", "keyring.key_activated", "keyring.key_added", "backup.taken"]
    );
    tending.abort();
    let _ = tending.await;
    house.store.close();
    drop(house);

    // After a restart everything is there, and a second rotation goes the same way.
    let house = open(&dir.path().join("here"), &root);
    assert_eq!(sealed(&house).await.1, 6);
    let there = dir.path().join("there");
    restore(&backup, &there, &root, Arc::new(SystemClock), Arc::new(OsRandom)).await.unwrap();
    let old = open(&there, &root);
    assert_eq!(sealed(&old).await, (vec![(1, KeyState::Active, 9)], 6));
}

/// Y07: wherever a process stops, the next one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn y07_a_rotation_that_was_stopped_goes_on_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let house = open(dir.path(), &root);
    furnish(&house).await;
    house.store.keys_rotate(&house.by()).await.unwrap();
    // One value a step: stopped again and again while some are done and some are not.
    let slow = Tending { per_second: 4, retire_after: Duration::ZERO };
    let mut house = house;
    let mut last = u64::MAX;
    for _ in 0..3 {
        let tended = house.store.clone();
        let tending = tokio::spawn(async move { tended.tend_keys(slow).await });
        tokio::time::sleep(Duration::from_millis(400)).await;
        tending.abort();
        let _ = tending.await;
        house.store.close();
        drop(house);
        house = open(dir.path(), &root);
        let state = house.store.keys_state().await.unwrap();
        assert!(state.remaining() < last, "it goes on: {state:?}");
        last = state.remaining();
        assert_eq!(sealed(&house).await.1, 6, "everything opens half way through");
    }
    let tended = house.store.clone();
    tokio::spawn(async move { tended.tend_keys(FAST).await });
    retired(&house, 1).await;
    assert_eq!(sealed(&house).await.1, 6);
}

/// Y08: a key that is needed is not retired, and the answer says how much needs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn y08_a_key_with_records_is_not_retired() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let house = open(dir.path(), &root);
    furnish(&house).await;
    house.store.keys_rotate(&house.by()).await.unwrap();
    let refused = house.store.key_retire(&house.by(), 1).await.unwrap_err();
    assert_eq!(refused.to_string(), "9 records are still sealed with key 1");
    let refused = house.store.key_retire(&house.by(), 2).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Conflict(_)), "{refused}");
    let refused = house.store.key_retire(&house.by(), 7).await.unwrap_err();
    assert!(matches!(refused, ChangeError::NotFound { .. }), "{refused}");
}

/// A value that somebody damaged keeps its key, is counted, and stops nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_value_is_counted_and_keeps_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let house = open(dir.path(), &root);
    furnish(&house).await;
    house.store.close();
    drop(house);
    let conn = rusqlite::Connection::open(dir.path().join("countersign.db")).unwrap();
    let blob: Vec<u8> = conn
        .query_row("SELECT sealed FROM credential_headers LIMIT 1", [], |row| row.get(0))
        .unwrap();
    let mut other = blob.clone();
    *other.last_mut().unwrap() ^= 1;
    conn.execute("UPDATE credential_headers SET sealed = ?2 WHERE sealed = ?1", (blob, other))
        .unwrap();
    drop(conn);

    let house = open(dir.path(), &root);
    house.store.keys_rotate(&house.by()).await.unwrap();
    let tended = house.store.clone();
    tokio::spawn(async move { tended.tend_keys(FAST).await });
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        if house.store.keys_state().await.unwrap().unopened > 0 {
            break;
        }
    }
    let state = house.store.keys_state().await.unwrap();
    assert_eq!((state.remaining(), state.unopened, state.is_rotating()), (1, 1, true));
    assert_eq!(sealed(&house).await.1, 5);
}

/// Y01: another root key opens what the old one did, and the old one opens nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn y01_a_root_key_is_replaced_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let house = open(dir.path(), &root);
    furnish(&house).await;
    let (_, token) = house.admin_key("grace").await;
    let new = RootKey::generate(&OsRandom).unwrap();
    house.store.root_key_replace(&house.by(), new.duplicate()).await.unwrap();
    assert_eq!(sealed(&house).await.1, 6, "the running process goes on");
    // The next data key is wrapped under the new root key.
    house.store.keys_rotate(&house.by()).await.unwrap();
    house.store.close();
    drop(house);
    let clock = StoppedClock::at(MORNING);
    let refused = Sqlite::open(dir.path(), &root, clock, Arc::new(OsRandom)).unwrap_err();
    assert!(matches!(refused, StoreError::WrongRootKey), "{refused}");
    let house = open(dir.path(), &new);
    assert_eq!(sealed(&house).await.1, 6);
    let holder = house.store.api_key_of(&token, Moment::of_micros(MORNING)).await.unwrap();
    assert!(holder.is_some(), "tokens are as good as before");
}

/// Y04, Y05: a sealed value opens in its own row, column, table, organisation and generation, under
/// the key it names, with every byte as it was; and nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn y04_y05_a_sealed_value_opens_in_its_own_place_only() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let house = open(dir.path(), &root);
    furnish(&house).await;
    let servers = house.store.view().await.unwrap().servers;
    let ring = house.store.keyring();
    let kept: Vec<_> = servers.iter().filter_map(|of| of.credential.clone()).collect();
    let [one, two, ..] = kept.as_slice() else { panic!("three credentials") };
    let (field, blob) = &one.headers[0];
    let place = Place {
        org: house.org.as_str(),
        table: "credentials",
        record: one.id.as_str(),
        field,
        generation: 1,
    };
    assert!(ring.open(&place, blob).is_ok());
    let elsewhere = [
        Place { org: "org_other", ..place },
        Place { table: "providers", ..place },
        Place { record: two.id.as_str(), ..place },
        Place { field: "x-other", ..place },
        Place { generation: 0, ..place },
        Place { generation: 2, ..place },
    ];
    for other in elsewhere {
        assert!(ring.open(&other, blob).is_err(), "{other:?}");
    }
    for bit in 0..blob.len() * 8 {
        let mut changed = blob.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(ring.open(&place, &changed).is_err(), "bit {bit}");
        assert!(
            !matches!(ring.prepare(&place, &changed).map(|p| p.open()), Ok(Ok(_))),
            "bit {bit}"
        );
    }
    for end in 0..blob.len() {
        assert!(ring.open(&place, &blob[..end]).is_err(), "cut at {end}");
    }
    assert_eq!(Keyring::key_id_of(blob), Some(1));
}
