//! Promises about policies that are kept in files.

use store::{ChangeError, DraftText, Policy, VersionFromFiles};

use super::{House, Store};

pub(crate) fn version(text: &str, kept_in: &str) -> VersionFromFiles {
    VersionFromFiles {
        text: text.as_bytes().to_vec(),
        cases: None,
        note: "applied".to_owned(),
        expected_latest: None,
        kept_in: kept_in.to_owned(),
    }
}

fn typed() -> DraftText {
    DraftText { text: b"{}".to_vec(), cases: None, note: String::new() }
}

async fn now<S: Store>(house: &House<S>) -> Policy {
    house.store.policy(&house.org, "p").await.unwrap().unwrap()
}

/// Everything that changes what it says here is refused, and says where to change it.
pub(crate) async fn a_policy_kept_in_files_is_changed_from_there_alone<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let from_files = version("{\"n\":1}", "acme/policies");
    let (policy, first) = store.policy_create_from_files(&by, "p", None, from_files).await.unwrap();
    assert_eq!((policy.kept_in.as_deref(), first.number), (Some("acme/policies"), 1));
    assert_eq!(now(&house).await.kept_in, policy.kept_in);
    let id = policy.id;

    let text = b"{\"n\":2}".to_vec();
    let told = |error: ChangeError| {
        let ChangeError::KeptInFiles { policy, place } = error else { panic!("{error}") };
        assert_eq!((policy.as_str(), place.as_str()), ("p", "acme/policies"));
    };
    told(store.policy_publish(&by, &id, text.clone(), None, "", None).await.unwrap_err());
    told(store.policy_draft_put(&by, &id, 0, typed()).await.unwrap_err());
    told(store.policy_delete(&by, &id).await.unwrap_err());
    told(store.policy_delete_from_files(&by, &id, "acme/other").await.unwrap_err());
    assert_eq!(now(&house).await.latest, 1);

    let second = store.policy_publish_from_files(&by, &id, version("{}", "acme/other")).await;
    assert_eq!(second.unwrap().number, 2);
    assert_eq!(now(&house).await.kept_in.as_deref(), Some("acme/other"));

    // Released, it is as any other; a draft that was begun then is not published once it is kept again.
    let free = store.policy_keep_in(&by, &id, None, None).await.unwrap();
    assert_eq!((free.kept_in, free.latest), (None, 2));
    store.policy_publish(&by, &id, text, None, "", None).await.unwrap();
    let draft = store.policy_draft_put(&by, &id, 0, typed()).await.unwrap();
    let gone = store.policy_delete_from_files(&by, &id, "acme/other").await.unwrap_err();
    assert!(matches!(gone, ChangeError::Conflict(_)), "somebody took it over: {gone}");
    store.policy_keep_in(&by, &id, Some("acme/policies"), Some(3)).await.unwrap();
    told(store.policy_draft_publish(&by, &id, draft.revision, "").await.unwrap_err());
    let draft = store.policy_draft(&house.org, &id).await.unwrap().unwrap();
    store.policy_draft_drop(&by, &id, draft.revision).await.unwrap();
    store.policy_delete_from_files(&by, &id, "acme/policies").await.unwrap();
    assert!(store.policy(&house.org, "p").await.unwrap().is_none());
}

/// Setting, changing and lifting the mark are lines of the audit log, each with the change it comes with.
pub(crate) async fn each_change_of_where_a_policy_is_kept_is_on_record<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let made = store.policy_create_from_files(&by, "p", None, version("{}", "a")).await.unwrap();
    let id = made.0.id;
    store.policy_publish_from_files(&by, &id, version("{}", "b")).await.unwrap();
    store.policy_publish_from_files(&by, &id, version("{}", "b")).await.unwrap();
    store.policy_keep_in(&by, &id, Some("b"), None).await.unwrap();
    store.policy_keep_in(&by, &id, Some("c"), None).await.unwrap();
    store.policy_keep_in(&by, &id, None, None).await.unwrap();
    store.policy_keep_in(&by, &id, None, None).await.unwrap();
    let stale = store.policy_keep_in(&by, &id, Some("d"), Some(1)).await.unwrap_err();
    assert!(matches!(stale, ChangeError::Stale { what: "policy", current: 3 }), "{stale}");
    for bad in ["", " d", "d\n", "\u{202e}d", &"d".repeat(201)] {
        let bad = store.policy_keep_in(&by, &id, Some(bad), None).await.unwrap_err();
        assert!(matches!(bad, ChangeError::Invalid { field: "place", .. }), "{bad}");
    }
    let bad = store.policy_publish_from_files(&by, &id, version("{}", "")).await.unwrap_err();
    assert!(matches!(bad, ChangeError::Invalid { field: "kept_in", .. }), "{bad}");

    let mut lines = house.audit().await;
    lines.reverse();
    let said = |line: &store::AuditEvent| {
        let detail = json::read(line.detail.as_bytes(), json::Limits::REQUEST).unwrap();
        let kept = detail.get("kept_in").map(json::write_to_vec).unwrap_or_default();
        (line.event.clone(), String::from_utf8(kept).unwrap())
    };
    let said: Vec<(String, String)> = lines.iter().map(said).collect();
    let expected = [
        ("policy.created", r#"{"after":"a"}"#),
        ("policy.published", r#"{"before":"a","after":"b"}"#),
        ("policy.published", ""),
        ("policy.kept_in_files", r#"{"before":"b","after":"c"}"#),
        ("policy.released", r#"{"before":"c"}"#),
    ];
    let said: Vec<(&str, &str)> = said.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(said, expected);
}
