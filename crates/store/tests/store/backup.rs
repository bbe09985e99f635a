//! Copies of the database: taken under load, put back where the keys open them.

use std::io::copy;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::sqlite::{Sqlite, restore};
use store::{ControlPlane, DataPlane, OutcomeClass, People, Role, StoreError, SystemClock};
use vault::{OsRandom, RootKey};

use crate::promises::{House, MORNING, StoppedClock};

fn open(dir: &Path, root: &RootKey) -> House<Sqlite> {
    let clock = StoppedClock::at(MORNING);
    let store = Sqlite::open(dir, root, clock.clone(), Arc::new(OsRandom)).unwrap();
    let (org, pepper) = (store.org().clone(), store.pepper());
    House { org, pepper, store: Arc::new(store), clock, _ground: Box::new(()) }
}

async fn put_back(copy: &Path, dir: &Path, root: &RootKey) -> Result<(), StoreError> {
    restore(copy, dir, root, Arc::new(SystemClock), Arc::new(OsRandom)).await
}

async fn taken(house: &House<Sqlite>, to: PathBuf) -> PathBuf {
    let mut file = house.store.backup(&house.by()).await.unwrap();
    copy(&mut file, &mut std::fs::File::create(&to).unwrap()).unwrap();
    to
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_under_load_holds_whole_changes_and_goes_on_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let house = Arc::new(open(&dir.path().join("here"), &root));
    let (key, token) = house.admin_key("ada").await;
    let server = house.server("s").await;
    let secret = vec![("x-api-key".to_owned(), vault::Secret::from("s3cret".to_owned()))];
    house.store.credential_set(&house.by(), &server.id, secret).await.unwrap();
    let (grant, _) = house.grant("g", &[&server.id]).await;

    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn({
        let (house, stop, grant, server) =
            (house.clone(), stop.clone(), grant.clone(), server.clone());
        async move {
            let mut made = 0;
            while !stop.load(Ordering::SeqCst) {
                let intent = house.intent(&grant, &server);
                let (id, generation) = (intent.id, house.generation());
                if house.store.call_begin(intent, vec![], generation).await.is_ok() {
                    house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
                }
                let name = format!("group-{made}");
                house.store.group_create(&house.by(), &name, vec![]).await.unwrap();
                made += 1;
            }
        }
    });
    let mut copies = vec![];
    for number in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        copies.push(taken(&house, dir.path().join(format!("copy-{number}"))).await);
    }
    stop.store(true, Ordering::SeqCst);
    load.await.unwrap();
    let left: Vec<_> = std::fs::read_dir(dir.path().join("here")).unwrap().collect();
    assert!(
        left.iter()
            .all(|e| { !e.as_ref().unwrap().file_name().to_string_lossy().starts_with("backup-") })
    );

    for (number, copy) in copies.iter().enumerate() {
        let there = dir.path().join(format!("there-{number}"));
        put_back(copy, &there, &root).await.unwrap();
        let house = open(&there, &root);
        // Every group has its line, and every line its group: a copy splits no change.
        let filter = store::AuditFilter {
            event: Some("group.created".to_owned()),
            ..store::AuditFilter::default()
        };
        let lines = house.store.audit_after(&house.org, &filter, 0, 500).await.unwrap().len();
        assert_eq!(house.store.groups(&house.org).await.unwrap().len().min(500), lines);
        assert!(lines > 0);
        // Keys, credentials and grants work, and the log goes on where it stopped.
        let holder = house.store.api_key_of(&token, house.by().at).await.unwrap().unwrap();
        assert_eq!((holder.role(), holder.key.id), (Role::Admin, key.id.clone()));
        let view = house.store.view().await.unwrap();
        assert_eq!((view.forged, view.grants.len(), view.servers.len()), (0, 1, 1));
        let kept = view.servers[0].credential.as_ref().unwrap();
        let place = vault::Place {
            org: house.org.as_str(),
            table: "credentials",
            record: kept.id.as_str(),
            field: "x-api-key",
            generation: 1,
        };
        assert!(house.store.keyring().open(&place, &kept.headers[0].1).is_ok());
        let last = house.audit().await.remove(0);
        assert_eq!(last.event, "backup.restored");
        house.member("later", Role::Viewer).await;
        assert_eq!(house.audit().await.remove(0).index, last.index + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_put_back_only_where_it_can_live() {
    let dir = tempfile::tempdir().unwrap();
    let root = RootKey::generate(&OsRandom).unwrap();
    let here = dir.path().join("here");
    let house = open(&here, &root);
    house.member("ada", Role::Admin).await;
    let copy = taken(&house, dir.path().join("copy")).await;

    let there = dir.path().join("there");
    let other = RootKey::generate(&OsRandom).unwrap();
    let refused = put_back(&copy, &there, &other).await.unwrap_err();
    assert!(matches!(refused, StoreError::WrongRootKey), "{refused}");
    assert!(!there.exists(), "nothing is left behind");
    let refused = put_back(&copy, &here, &root).await.unwrap_err();
    assert!(matches!(refused, StoreError::Occupied { .. }), "{refused}");

    let junk = dir.path().join("junk");
    std::fs::write(&junk, b"not a database at all, whatever it is called").unwrap();
    let refused = put_back(&junk, &there, &root).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotADatabase { .. }), "{refused}");
    let mut bytes = std::fs::read(&copy).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&junk, &bytes).unwrap();
    assert!(put_back(&junk, &there, &root).await.is_err(), "half a copy");
    let missing = put_back(&dir.path().join("nowhere"), &there, &root).await;
    assert!(missing.is_err() && !there.join("countersign.db").exists());
    put_back(&copy, &there, &root).await.unwrap();
}
