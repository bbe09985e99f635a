//! Promises about calls with no known outcome: shown, resolved once by a person, and recorded.

use policy::{Charge, OnUnknown};
use quota::{Fate, State};
use store::{BeginError, By, CallId, ChangeError, Grant, OrgId, OutcomeClass, Page, Server};

use super::quotas::{charge, key};
use super::{House, Store};

/// A call of so much money that left and was never answered.
async fn lost<S: Store>(house: &House<S>, grant: &Grant, server: &Server, amount: i64) -> CallId {
    let intent = house.intent(grant, server);
    let id = intent.id;
    let money = Charge { on_unknown: OnUnknown::Keep, ..charge("money", 100, amount) };
    let charges = vec![
        (key(house, grant, server, "money"), money),
        (key(house, grant, server, "calls"), charge("calls", 100, 1)),
    ];
    house.store.call_begin(intent, charges, house.generation()).await.unwrap();
    house.store.call_finish(house.outcome(id, OutcomeClass::Unknown));
    id
}

/// What the money limit holds: settled, unknown, left, in whole units.
async fn money<S: Store>(house: &House<S>, grant: &Grant) -> (i64, i64, i64) {
    let all = house.store.usage(&house.org, &grant.id).await.unwrap().limits;
    let found = all.iter().map(|limit| &limit.usage).find(|usage| usage.rule.ends_with("money"));
    found.map_or((0, 0, 100), |u| (u.used / 1_000_000, u.unknown / 1_000_000, u.left / 1_000_000))
}

async fn unknown<S: Store>(house: &House<S>, grant: Option<&str>) -> Vec<CallId> {
    house.store.flush().await.unwrap();
    let mut page = Page { after: None, limit: 2 };
    let mut all = Vec::new();
    loop {
        let found =
            house.store.reservations(&house.org, State::Unknown, grant, &page).await.unwrap();
        assert!(found.items.len() <= 2);
        for held in &found.items {
            let line = held.line.as_ref().unwrap();
            assert_eq!(line.intent.id, held.id);
            assert_eq!(line.outcome.as_ref().unwrap().class, OutcomeClass::Unknown);
            assert!(held.holds.iter().any(|hold| hold.state == State::Unknown));
        }
        all.extend(found.items.iter().map(|held| held.id));
        match found.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

pub(crate) async fn what_nobody_knows_is_listed_and_resolved_once<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let (other, _) = house.grant("h", &[&server.id]).await;
    let mut ids = Vec::new();
    for amount in [10, 20, 30] {
        ids.push(lost(&house, &grant, &server, amount).await);
    }
    ids.push(lost(&house, &other, &server, 1).await);
    assert_eq!(money(&house, &grant).await, (0, 60, 40));
    assert_eq!(unknown(&house, None).await, ids);
    assert_eq!(unknown(&house, Some("g")).await, ids[..3]);
    assert_eq!(unknown(&house, Some(other.id.as_str())).await, ids[3..]);
    assert!(unknown(&house, Some("nobody")).await.is_empty());

    let resolve = async |id: &CallId, fate| {
        house.store.reservation_resolve(&house.by(), id, fate, "asked the bank").await
    };
    let lines = house.audit().await.len();
    let resolved = resolve(&ids[0], Fate::Release).await.unwrap();
    let states = |held: &store::Reserved| held.holds.iter().map(|h| h.state).collect::<Vec<_>>();
    assert_eq!(states(&resolved), [State::Released, State::Released]);
    assert_eq!(money(&house, &grant).await, (0, 50, 50));
    let resolved = resolve(&ids[1], Fate::Settle).await.unwrap();
    // What was rolled back by rule stays so: its place may have been taken since.
    assert_eq!(states(&resolved), [State::Settled, State::Released]);
    assert_eq!(money(&house, &grant).await, (20, 30, 50));
    assert_eq!(house.audit().await.len(), lines + 2);

    // Once: the same word changes nothing, another word is a conflict.
    for (id, same, other) in
        [(&ids[0], Fate::Release, Fate::Settle), (&ids[1], Fate::Settle, Fate::Release)]
    {
        resolve(id, same).await.unwrap();
        let refused = resolve(id, other).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Conflict(_)), "{refused}");
    }
    assert_eq!(money(&house, &grant).await, (20, 30, 50));
    assert_eq!(house.audit().await.len(), lines + 2);
    assert_eq!(unknown(&house, Some("g")).await, ids[2..3]);

    let newest = house.audit().await.swap_remove(0);
    assert_eq!(newest.event, "reservation.resolved");
    assert_eq!(newest.subject, ids[1].to_string());
    for said in ["asked the bank", "settled", "/all_tools/limits/money"] {
        assert!(newest.detail.contains(said), "{}", newest.detail);
    }
    assert!(!newest.detail.contains("USD"), "values of arguments stay out of the record");
}

pub(crate) async fn a_resolution_says_why_and_is_of_ones_own_organisation<S: Store>(
    house: House<S>,
) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let id = lost(&house, &grant, &server, 10).await;
    let lines = house.audit().await.len();
    let stranger = By { org: OrgId::from("org_elsewhere"), ..house.by() };
    let flying = house.intent(&grant, &server);
    let flying_id = flying.id;
    let charges = vec![(key(&house, &grant, &server, "calls"), charge("calls", 100, 1))];
    house.store.call_begin(flying, charges, house.generation()).await.unwrap();
    let table = [
        (house.by(), id, "", "reason"),
        (house.by(), id, " \n ", "reason"),
        (house.by(), id, "\u{202e}why", "reason"),
        (stranger, id, "why", "no reservation"),
        (house.by(), CallId([9; 16]), "why", "no reservation"),
        (house.by(), flying_id, "why", "nothing unknown"),
    ];
    for (by, id, reason, expected) in table {
        let refused = house.store.reservation_resolve(&by, &id, Fate::Release, reason).await;
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(money(&house, &grant).await, (0, 10, 90));
    assert_eq!(house.audit().await.len(), lines);
    let elsewhere = OrgId::from("org_elsewhere");
    let page = Page { after: None, limit: 10 };
    let found = house.store.reservations(&elsewhere, State::Unknown, None, &page).await.unwrap();
    assert!(found.items.is_empty());
}

pub(crate) async fn room_that_is_given_back_may_be_taken_again<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let id = lost(&house, &grant, &server, 100).await;
    let begin = async || {
        let money = (key(&house, &grant, &server, "money"), charge("money", 100, 60));
        let intent = house.intent(&grant, &server);
        house.store.call_begin(intent, vec![money], house.generation()).await
    };
    assert!(matches!(begin().await, Err(BeginError::NoRoom(_))));
    house
        .store
        .reservation_resolve(&house.by(), &id, Fate::Release, "refused there")
        .await
        .unwrap();
    begin().await.unwrap();
    assert!(matches!(begin().await, Err(BeginError::NoRoom(_))));
    assert_eq!(money(&house, &grant).await, (0, 0, 40));
}
