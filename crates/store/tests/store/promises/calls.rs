//! Promises about the call log.

use std::sync::Arc;
use std::time::Duration;

use store::{
    BeginError, CallFilter, CallId, GrantState, Intent, OrgId, OutcomeClass, Page, Verdict,
};

use super::{House, Store};

pub(crate) async fn an_intent_is_in_the_log_before_its_call_may_leave<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let intent = house.intent(&grant, &server);
    store.call_begin(intent.clone(), Vec::new(), house.generation()).await.unwrap();

    let call = store.call(&house.org, &intent.id).await.unwrap().unwrap();
    assert_eq!(call.index, 1);
    assert!(call.outcome.is_none());
    assert_eq!(format!("{:?}", call.intent), format!("{intent:?}"), "to the last field");

    let outcome = house.outcome(intent.id, OutcomeClass::Completed);
    store.call_finish(outcome.clone());
    store.flush().await.unwrap();
    let call = store.call(&house.org, &intent.id).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", call.outcome.unwrap()), format!("{outcome:?}"));
    let other = OrgId::from("org_other");
    assert!(store.call(&other, &intent.id).await.unwrap().is_none());
    assert!(store.call(&house.org, &CallId([7; 16])).await.unwrap().is_none());
}

pub(crate) async fn a_call_ends_once<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let intent = house.intent(&grant, &server);
    store.call_begin(intent.clone(), Vec::new(), house.generation()).await.unwrap();
    for class in [OutcomeClass::ToolFailed, OutcomeClass::Completed] {
        store.call_finish(house.outcome(intent.id, class));
    }
    store.flush().await.unwrap();
    store.call_finish(house.outcome(intent.id, OutcomeClass::Unknown));
    // One that never began leaves nothing.
    store.call_finish(house.outcome(CallId([9; 16]), OutcomeClass::Completed));
    store.flush().await.unwrap();
    let log = house.log().await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].outcome.as_ref().unwrap().class, OutcomeClass::ToolFailed);
}

pub(crate) async fn a_call_id_is_good_once<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let intent = house.intent(&grant, &server);
    let now = house.generation();
    store.call_begin(intent.clone(), Vec::new(), now).await.unwrap();
    assert!(store.call_begin(intent.clone(), Vec::new(), now).await.is_err());
    assert!(store.call_refused(intent).await.is_err());
    assert_eq!(house.log().await.len(), 1);
}

pub(crate) async fn a_call_judged_by_an_old_view_is_judged_again<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let judged_at = store.view().await.unwrap().generation;
    store.grant_set_state(&house.by(), &grant.id, GrantState::Revoked).await.unwrap();
    let stale = store.call_begin(house.intent(&grant, &server), Vec::new(), judged_at).await;
    assert!(matches!(stale, Err(BeginError::StaleView)));
    let ahead = house.generation() + 1;
    let never = store.call_begin(house.intent(&grant, &server), Vec::new(), ahead).await;
    assert!(matches!(never, Err(BeginError::StaleView)));
    assert!(house.log().await.is_empty());
}

pub(crate) async fn a_revoked_grant_begins_no_call_in_the_same_commit<S: Store>(house: House<S>) {
    let (store, server) = (house.store.clone(), house.server("a").await);
    for round in 0..20 {
        let (grant, _) = house.grant(&format!("g{round}"), &[&server.id]).await;
        let judged_at = house.generation();
        let revoked = {
            let (store, by, id) = (store.clone(), house.by(), grant.id.clone());
            tokio::spawn(async move { store.grant_set_state(&by, &id, GrantState::Revoked).await })
        };
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let (store, intent) = (store.clone(), house.intent(&grant, &server));
                tokio::spawn(async move { store.call_begin(intent, Vec::new(), judged_at).await })
            })
            .collect();
        revoked.await.unwrap().unwrap();
        for call in calls {
            match call.await.unwrap() {
                Ok(()) | Err(BeginError::StaleView) => {}
                Err(error) => panic!("{error}"),
            }
        }
        // From here on the revocation has been answered, so nothing gets in.
        let late = store.call_begin(house.intent(&grant, &server), Vec::new(), judged_at).await;
        assert!(matches!(late, Err(BeginError::StaleView)));
    }
}

pub(crate) async fn a_refused_call_is_one_line_without_an_outcome<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let intent = Intent {
        verdict: Verdict::Denied,
        rule: "/tools/refund_payment/deny_if/args.amount-gt".into(),
        reason: "deny_if",
        tool: None,
        fingerprint: None,
        policy: None,
        known_args: vec!["a\"b".into(), "ü".into()],
        unknown_args: 2,
        count: 17,
        ..house.intent(&grant, &server)
    };
    store.call_refused(intent.clone()).await.unwrap();
    store.call_finish(house.outcome(intent.id, OutcomeClass::Completed));
    store.flush().await.unwrap();
    let log = house.log().await;
    assert_eq!(format!("{:?}", log[0].intent), format!("{intent:?}"));
    assert!(log[0].outcome.is_none(), "what never left has no outcome");
}

pub(crate) async fn the_log_answers_every_filter<S: Store>(house: House<S>) {
    let store = &house.store;
    let (a, b) = (house.server("a").await, house.server("b").await);
    let (one, _) = house.grant("one", &[&a.id, &b.id]).await;
    let (two, _) = house.grant("two", &[&a.id]).await;
    let policy = house.policy("mine", r#"{"version":"1","default":"deny"}"#).await;
    let begin = house.by().at;
    let lines: [(_, _, &str, Verdict, &str, Option<OutcomeClass>); 5] = [
        (&one, &a, "list", Verdict::Allowed, "", Some(OutcomeClass::Completed)),
        (&one, &a, "refund_a", Verdict::Denied, "/tools/refund/deny_if/x", None),
        (&one, &b, "refund_b", Verdict::Held, "/tools/refund/approve_if/y", None),
        (&two, &a, "refund[1]", Verdict::Allowed, "", Some(OutcomeClass::Unknown)),
        (&two, &a, "REFUND_c", Verdict::Denied, "/tools/refunds/deny_if/x", None),
    ];
    for (grant, server, tool, verdict, rule, outcome) in lines {
        let intent = Intent {
            tool: Some(tool.into()),
            verdict,
            rule: rule.into(),
            policy: match tool {
                "refund_a" => Some((policy.clone(), 1)),
                _ => house.intent(grant, server).policy,
            },
            ..house.intent(grant, server)
        };
        let id = intent.id;
        match outcome {
            Some(class) => {
                store.call_begin(intent, Vec::new(), house.generation()).await.unwrap();
                store.call_finish(house.outcome(id, class));
            }
            None => store.call_refused(intent).await.unwrap(),
        }
        house.clock.pass_seconds(10);
    }
    store.flush().await.unwrap();
    let all = CallFilter::default();
    let text = |text: &str| Some(text.to_owned());
    let table: Vec<(CallFilter, &[i64])> = vec![
        (all.clone(), &[5, 4, 3, 2, 1]),
        (CallFilter { grant: text("one"), ..all.clone() }, &[3, 2, 1]),
        (CallFilter { grant: text(two.id.as_str()), ..all.clone() }, &[5, 4]),
        (CallFilter { server: text("b"), ..all.clone() }, &[3]),
        (CallFilter { server: text(a.id.as_str()), ..all.clone() }, &[5, 4, 2, 1]),
        (CallFilter { tool: text("refund_a"), ..all.clone() }, &[2]),
        (CallFilter { tool: text("refund*"), ..all.clone() }, &[4, 3, 2]),
        (CallFilter { tool: text("*[1]*"), ..all.clone() }, &[4]),
        (CallFilter { tool: text("refund_?*"), ..all.clone() }, &[]),
        (CallFilter { verdict: Some(Verdict::Denied), ..all.clone() }, &[5, 2]),
        (CallFilter { outcome: Some(OutcomeClass::Unknown), ..all.clone() }, &[4]),
        (CallFilter { policy: text("pol_x"), ..all.clone() }, &[5, 4, 3, 1]),
        (CallFilter { policy: text(policy.as_str()), ..all.clone() }, &[2]),
        (CallFilter { policy: text("mine"), ..all.clone() }, &[2]),
        (CallFilter { policy: text("nobody's"), ..all.clone() }, &[]),
        (CallFilter { rule: text("/tools/refund"), ..all.clone() }, &[3, 2]),
        (CallFilter { rule: text("/tools/refund/deny_if/x"), ..all.clone() }, &[2]),
        (CallFilter { rule: text("/tools/%"), ..all.clone() }, &[]),
        (CallFilter { since: Some(begin.plus_seconds(20)), ..all.clone() }, &[5, 4, 3]),
        (CallFilter { until: Some(begin.plus_seconds(20)), ..all.clone() }, &[2, 1]),
        (CallFilter { grant: text("one' OR 1=1 --"), ..all.clone() }, &[]),
    ];
    for (filter, expected) in table {
        let page = Page { after: None, limit: 100 };
        let found = store.calls(&house.org, &filter, &page).await.unwrap();
        let found: Vec<i64> = found.items.iter().map(|call| call.index).collect();
        assert_eq!(found, expected, "{filter:?}");
        let mut after = store.calls_after(&house.org, &filter, 0, 100).await.unwrap();
        after.reverse();
        let after: Vec<i64> = after.iter().map(|call| call.index).collect();
        assert_eq!(after, expected, "{filter:?}");
    }
    let other = OrgId::from("org_other");
    let page = Page { after: None, limit: 100 };
    assert!(store.calls(&other, &all, &page).await.unwrap().items.is_empty());
}

pub(crate) async fn the_log_is_read_page_by_page_and_followed<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let all = CallFilter::default();
    for _ in 0..7 {
        store.call_refused(house.intent(&grant, &server)).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut page = Page { after: None, limit: 3 };
    loop {
        let slice = store.calls(&house.org, &all, &page).await.unwrap();
        assert!(slice.items.len() <= 3);
        seen.extend(slice.items.iter().map(|call| call.index));
        match slice.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);

    let mut changed = store.calls_changed();
    changed.mark_unchanged();
    store.call_refused(house.intent(&grant, &server)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), changed.changed()).await.unwrap().unwrap();
    let new = store.calls_after(&house.org, &all, 7, 100).await.unwrap();
    assert_eq!(new.iter().map(|call| call.index).collect::<Vec<_>>(), [8]);
    let last = store.grant(&house.org, "g").await.unwrap().unwrap();
    store.flush().await.unwrap();
    let used = store.grant(&house.org, "g").await.unwrap().unwrap();
    assert!(last.last_call_at.is_none() || last.last_call_at == used.last_call_at);
    assert_eq!(used.last_call_at, Some(house.by().at));
}

pub(crate) async fn callers_at_once_each_get_their_own_line<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let judged_at = house.generation();
    let house = Arc::new(house);
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (house, grant, server) = (house.clone(), grant.clone(), server.clone());
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..20 {
                    let intent = house.intent(&grant, &server);
                    let id = intent.id;
                    house.store.call_begin(intent, Vec::new(), judged_at).await.unwrap();
                    // Durable and readable, before the call leaves.
                    ids.push(id);
                    house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
                }
                ids
            })
        })
        .collect();
    let mut ids = Vec::new();
    for caller in callers {
        ids.extend(caller.await.unwrap());
    }
    house.store.flush().await.unwrap();
    for id in &ids {
        let call = house.store.call(&house.org, id).await.unwrap().unwrap();
        assert_eq!(call.outcome.unwrap().class, OutcomeClass::Completed);
    }
    let newest = house.log().await;
    assert_eq!(newest[0].index, 64 * 20, "no line twice, none left out");
}

pub(crate) async fn a_caller_who_goes_away_leaves_no_open_call<S: Store>(house: House<S>) {
    let (store, server) = (&house.store, house.server("a").await);
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let judged_at = house.generation();
    for micros in 0..200_u64 {
        let begin = store.call_begin(house.intent(&grant, &server), Vec::new(), judged_at);
        let patience = Duration::from_micros(micros * 10);
        // Dropped wherever it stands: before the commit, during it, just after.
        let begun = tokio::time::timeout(patience, begin).await;
        if let Ok(answer) = begun {
            answer.unwrap();
        }
    }
    store.flush().await.unwrap();
    store.flush().await.unwrap();
    let log = house.log().await;
    let left = log.iter().filter(|call| call.outcome.is_none()).count();
    let abandoned = log.iter().filter_map(|call| call.outcome.as_ref());
    assert!(abandoned.clone().all(|outcome| outcome.class == OutcomeClass::NotSent));
    // Those that were answered are in flight, as far as the store knows; all others have ended.
    assert!(left + abandoned.count() == log.len());
    for call in log.iter().filter(|call| call.outcome.is_none()) {
        store.call_finish(house.outcome(call.intent.id, OutcomeClass::Completed));
    }
    store.flush().await.unwrap();
    assert!(house.log().await.iter().all(|call| call.outcome.is_some()));
}
