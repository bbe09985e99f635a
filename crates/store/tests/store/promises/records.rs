//! Promises about the audit log, refusals of strangers and repeated requests.

use store::{AuditFilter, By, ChangeError, GrantState, KeyId, Page, StrangerRefusal};
use vault::Secret;

use super::{House, Store, grant_draft, server_draft};

pub(crate) async fn each_change_leaves_exactly_one_line<S: Store>(house: House<S>) {
    let (store, by) = (&house.store, house.by());
    let mut events: Vec<&str> = Vec::new();
    let server = house.server("a").await;
    events.push("server.created");
    store.server_update(&by, &server.id, None, server_draft("b")).await.unwrap();
    events.push("server.updated");
    let secret = vec![("authorization".to_owned(), Secret::from("s3cret-value".to_owned()))];
    store.credential_set(&by, &server.id, secret).await.unwrap();
    events.push("credential.set");
    store.credential_remove(&by, &server.id).await.unwrap();
    events.push("credential.removed");
    let policy = house.policy("p", "{}").await;
    events.extend(["policy.created", "policy.published"]);
    let (grant, first) = house.grant("g", &[&server.id]).await;
    events.push("grant.issued");
    store.grant_attach(&by, &grant.id, &server.id, Some(policy.clone())).await.unwrap();
    events.push("policy.attached");
    store.grant_attach(&by, &grant.id, &server.id, None).await.unwrap();
    events.push("policy.detached");
    let (_, second) = store.grant_rotate(&by, &grant.id, 10).await.unwrap();
    events.push("grant.rotated");
    store.grant_set_state(&by, &grant.id, GrantState::Paused).await.unwrap();
    events.push("grant.paused");
    store.grant_set_state(&by, &grant.id, GrantState::Active).await.unwrap();
    events.push("grant.resumed");
    store.grant_set_state(&by, &grant.id, GrantState::Revoked).await.unwrap();
    events.push("grant.revoked");
    let (_, third) = house.admin_key("k").await;
    let (key, _) = house.admin_key("l").await;
    events.extend(["member.added", "api_key.created", "member.added", "api_key.created"]);
    store.api_key_revoke(&by, &key.id).await.unwrap();
    events.push("api_key.revoked");
    store.policy_delete(&by, &policy).await.unwrap();
    events.push("policy.deleted");
    store.server_delete(&by, &server.id).await.unwrap();
    events.push("server.deleted");

    // What is refused, and what changes nothing, leaves none.
    store.grant_issue(&by, grant_draft("", &[])).await.unwrap_err();
    store.server_delete(&by, &server.id).await.unwrap_err();
    store.api_key_revoke(&by, &key.id).await.unwrap();

    let mut lines = house.audit().await;
    lines.reverse();
    let named: Vec<&str> = lines.iter().map(|line| line.event.as_str()).collect();
    assert_eq!(named, events);
    for (place, line) in lines.iter().enumerate() {
        assert_eq!(line.index, place as i64 + 1);
        assert_eq!((line.name.as_str(), line.address.as_deref()), ("alice", Some("192.0.2.1")));
        let detail = json::read(line.detail.as_bytes(), json::Limits::REQUEST).unwrap();
        assert!(detail.as_object().is_some());
        for token in [&first, &second, &third] {
            assert!(!line.detail.contains(&token.expose()[18..]), "{}", line.event);
        }
        assert!(!line.detail.contains("s3cret-value"));
    }
    let paused = lines.iter().find(|line| line.event == "grant.paused").unwrap();
    assert_eq!(paused.subject, grant.id.as_str());
    assert_eq!(paused.detail, "{\"state\":{\"before\":\"active\",\"after\":\"paused\"}}");
}

pub(crate) async fn the_audit_log_is_read_page_by_page<S: Store>(house: House<S>) {
    for place in 0..5 {
        house.server(&format!("s{place}")).await;
    }
    let mut seen = Vec::new();
    let mut page = Page { after: None, limit: 2 };
    loop {
        let slice = house.store.audit(&house.org, &AuditFilter::default(), &page).await.unwrap();
        seen.extend(slice.items.iter().map(|event| event.index));
        match slice.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let lost = Page { after: Some("nowhere".to_owned()), limit: 2 };
    assert!(
        house
            .store
            .audit(&house.org, &AuditFilter::default(), &lost)
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

pub(crate) async fn the_audit_log_is_asked_for_people_events_and_objects<S: Store>(
    house: House<S>,
) {
    let (server, by) = (house.server("a").await, house.by());
    house.member("ada", store::Role::Admin).await;
    let fields = vec![("event".to_owned(), "grant.*".to_owned())];
    house.store.noted(&by, "audit.read", "audit", fields).await.unwrap();
    let eve = By { member: Some("mem_eve".into()), name: "eve".to_owned(), ..house.by() };
    house.store.server_delete(&eve, &server.id).await.unwrap();
    let ask = async |filter: AuditFilter| -> Vec<String> {
        let page = Page { after: None, limit: 500 };
        let slice = house.store.audit(&house.org, &filter, &page).await.unwrap();
        let after = house.store.audit_after(&house.org, &filter, 0, 500).await.unwrap();
        let mut upwards: Vec<_> = after.into_iter().map(|line| line.event).collect();
        upwards.reverse();
        let downwards: Vec<_> = slice.items.into_iter().map(|line| line.event).collect();
        assert_eq!(downwards, upwards);
        downwards
    };
    let text = |text: &str| Some(text.to_owned());
    let all = AuditFilter::default;
    assert_eq!(ask(AuditFilter { who: text("mem_eve"), ..all() }).await, ["server.deleted"]);
    assert_eq!(ask(AuditFilter { who: text("eve"), ..all() }).await, ["server.deleted"]);
    let servers = ["server.deleted", "server.created"];
    assert_eq!(ask(AuditFilter { event: text("server.*"), ..all() }).await, servers);
    assert_eq!(ask(AuditFilter { event: text("member.added"), ..all() }).await, ["member.added"]);
    let about = text(server.id.as_str());
    assert_eq!(ask(AuditFilter { subject: about, ..all() }).await, servers);
    assert!(ask(AuditFilter { since: Some(by.at.plus_seconds(1)), ..all() }).await.is_empty());
    assert!(ask(AuditFilter { until: Some(by.at), ..all() }).await.is_empty());
    assert_eq!(ask(AuditFilter { event: text("%"), ..all() }).await.len(), 0);
    assert_eq!(ask(AuditFilter { event: text("*"), ..all() }).await.len(), 4);
}

pub(crate) async fn each_organisation_sees_who_was_turned_away_from_it<S: Store>(house: House<S>) {
    let refuse = |who: Option<(&str, &str)>, reason: &'static str| {
        house.store.refused(StrangerRefusal {
            at: house.by().at,
            address: "192.0.2.7".to_owned(),
            reason,
            who: who.map(|(org, member)| (org.into(), member.into())),
            asked: "GET /audit".to_owned(),
            count: 1,
            ..StrangerRefusal::default()
        });
    };
    refuse(None, "no_api_key");
    refuse(Some((house.org.as_str(), "mem_a")), "forbidden");
    refuse(Some((house.org.as_str(), "mem_a")), "forbidden");
    refuse(Some(("org_next", "mem_b")), "forbidden");
    let page = Page { after: None, limit: 500 };
    let seen = async |org: &str| -> Vec<(String, u32)> {
        let found = house.store.refusals(&org.into(), &page).await.unwrap().items;
        let who = |line: &StrangerRefusal| line.who.as_ref().map(|(_, member)| member.to_string());
        let mut seen: Vec<_> =
            found.iter().map(|line| (who(line).unwrap_or_default(), line.count)).collect();
        seen.sort();
        seen
    };
    assert_eq!(seen(house.org.as_str()).await, [(String::new(), 1), ("mem_a".to_owned(), 2)]);
    assert_eq!(seen("org_next").await, [("mem_b".to_owned(), 1)]);
    assert!(seen("org_third").await.is_empty());
}

pub(crate) async fn refusals_of_strangers_are_counted_and_bounded<S: Store>(house: House<S>) {
    let refuse = |address: String, reason: &'static str| {
        house.store.stranger_refused(StrangerRefusal {
            at: house.by().at,
            address,
            reason,
            token_prefix: Some("csg1_AbCdEf".to_owned()),
            count: 1,
            ..StrangerRefusal::default()
        });
    };
    for _ in 0..3 {
        refuse("192.0.2.7".to_owned(), "unknown_token");
    }
    refuse("192.0.2.7".to_owned(), "expired");
    let page = Page { after: None, limit: 500 };
    let read = || async { house.store.refusals(&house.org, &page).await.unwrap().items };
    let mut counts: Vec<_> = read().await.into_iter().map(|r| (r.reason, r.count)).collect();
    counts.sort();
    assert_eq!(counts, [("expired", 1), ("unknown_token", 3)]);
    for host in 0..10_000 {
        refuse(format!("198.51.100.{host}"), "unknown_token");
    }
    let lines = read().await;
    assert!(lines.len() <= 300, "{}", lines.len());
    assert_eq!(lines.iter().map(|line| line.count).sum::<u32>(), 10_004);
}

pub(crate) async fn a_repeated_request_finds_its_answer_for_a_day<S: Store>(house: House<S>) {
    let store = &house.store;
    let alice = By { key: Some(KeyId::from("key_alice")), ..house.by() };
    let bob = By { key: Some(KeyId::from("key_bob")), ..house.by() };
    assert_eq!(store.idempotent(&alice, "k1").await.unwrap(), None);
    store.idempotent_keep(&alice, "k1", [1; 32], 201, "{\"a\":1}").await.unwrap();
    store.idempotent_keep(&alice, "k1", [2; 32], 500, "{}").await.unwrap();
    let first = Some((201, "{\"a\":1}".to_owned()));
    assert_eq!(store.idempotent(&alice, "k1").await.unwrap(), first, "the first answer stands");
    assert_eq!(store.idempotent_request(&alice, "k1").await.unwrap(), Some([1; 32]));
    assert_eq!(store.idempotent(&bob, "k1").await.unwrap(), None, "somebody else's key");
    let tomorrow = By { at: alice.at.plus_seconds(86_400), ..alice.clone() };
    assert_eq!(store.idempotent(&tomorrow, "k1").await.unwrap(), None);
    store.idempotent_keep(&tomorrow, "k1", [3; 32], 201, "{\"b\":2}").await.unwrap();
    let second = store.idempotent(&tomorrow, "k1").await.unwrap();
    assert_eq!(second, Some((201, "{\"b\":2}".to_owned())));
}

pub(crate) async fn a_refused_change_leaves_no_trace_in_its_neighbours<S: Store>(house: House<S>) {
    // Changes asked for at the same time share a commit; each stands or falls alone.
    let (store, by) = (&house.store, house.by());
    let asked = (0..40).map(|place| {
        let (store, by) = (store.clone(), by.clone());
        // Every other one takes a slug that is taken already or bad.
        let slug = if place % 2 == 0 { format!("s{place}") } else { "S".to_owned() };
        tokio::spawn(async move { store.server_create(&by, server_draft(&slug)).await })
    });
    let mut made = 0;
    for answer in asked.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, ChangeError::Invalid { .. }), "{error}"),
        }
    }
    assert_eq!(made, 20);
    assert_eq!(store.servers(&house.org).await.unwrap().len(), 20);
    assert_eq!(house.audit().await.len(), 20);
}
