//! Where a policy is kept in files, in the SQLite file itself.

use store::{ChangeError, ControlPlane, DataPlane, PolicyFiles};

use crate::file::{behind, ground, open};
use crate::promises::grant_draft;
use crate::promises::kept::version;

#[tokio::test]
async fn where_a_policy_is_kept_survives_a_restart_and_no_other_hand() {
    let (dir, root) = ground();
    let id = {
        let house = open(dir.path(), &root).unwrap();
        let (store, by) = (&house.store, house.by());
        let server = house.server("a").await;
        let made = store.policy_create_from_files(&by, "p", None, version("{}", "acme/p")).await;
        let id = made.unwrap().0.id;
        let (grant, _) = store.grant_issue(&by, grant_draft("g", &[&server.id])).await.unwrap();
        store.grant_attach(&by, &grant.id, &server.id, Some(id.clone())).await.unwrap();
        id
    };
    let house = open(dir.path(), &root).unwrap();
    let (store, by) = (&house.store, house.by());
    let kept = store.policy(&house.org, "p").await.unwrap().unwrap().kept_in;
    assert_eq!(kept.as_deref(), Some("acme/p"));
    assert_eq!(store.view().await.unwrap().forged, 0);

    // Lifted, moved, or set to nothing by somebody who writes the file: noticed, and nothing is judged by it.
    for forged in ["NULL", "'acme/q'", "''"] {
        let sql = format!("UPDATE policies SET kept_in = {forged}");
        behind(dir.path()).execute(&sql, []).unwrap();
        let view = store.view().await.unwrap();
        assert!(view.forged > 0 && view.policies.is_empty(), "{forged}: {view:?}");
        let refused = store.policy_keep_in(&by, &id, None, None).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Conflict(_)), "{forged}: {refused}");
    }
    behind(dir.path()).execute("UPDATE policies SET kept_in = 'acme/p'", []).unwrap();
    assert_eq!(store.view().await.unwrap().forged, 0);
}

#[tokio::test]
async fn policies_from_before_there_were_marks_are_still_ours() {
    let (dir, root) = ground();
    let id = {
        let house = open(dir.path(), &root).unwrap();
        house.policy("p", "{}").await
    };
    // As the version before left it.
    let older = "ALTER TABLE policies DROP COLUMN kept_in; PRAGMA user_version = 15";
    behind(dir.path()).execute_batch(older).unwrap();
    let house = open(dir.path(), &root).unwrap();
    let (store, by) = (&house.store, house.by());
    assert_eq!(store.policy(&house.org, "p").await.unwrap().unwrap().kept_in, None);
    let next = store.policy_publish(&by, &id, b"{}".to_vec(), None, "", None).await.unwrap();
    assert_eq!(next.number, 2, "its row is as we wrote it");
    store.policy_keep_in(&by, &id, Some("acme/p"), Some(2)).await.unwrap();
}

#[tokio::test]
async fn a_mark_that_somebody_else_wrote_keeps_nobody_from_removing_the_policy() {
    let (dir, root) = ground();
    let house = open(dir.path(), &root).unwrap();
    let id = house.policy("p", "{}").await;
    behind(dir.path()).execute("UPDATE policies SET kept_in = 'nowhere'", []).unwrap();
    house.store.policy_delete(&house.by(), &id).await.unwrap();
}
