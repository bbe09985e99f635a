//! Promises about limits: taken with the intent, all or none, and given back by the outcome.

use std::sync::Arc;

use jiff::tz::TimeZone;
use policy::{Charge, OnUnknown, Place, Scope, Window};
use quota::{Key, KeyParts, Subject};
use store::{BeginError, ChangeError, Clock as _, Grant, OutcomeClass, RoomError, Server};

use super::{House, Store};

pub(crate) fn key<S>(house: &House<S>, grant: &Grant, server: &Server, counter: &str) -> Key {
    Key::new(KeyParts {
        organisation: house.org.as_str().into(),
        subject: Subject::Grant(grant.id.as_str().into()),
        server: server.id.as_str().into(),
        place: quota::Place::AllTools,
        counter: counter.into(),
        per: vec![("args.currency".into(), "\"USD\"".into())],
    })
}

pub(crate) fn charge(counter: &str, max: i64, amount: i64) -> Charge {
    Charge {
        rule: format!("/all_tools/limits/{counter}").into(),
        place: Place::AllTools,
        counter: counter.into(),
        window: Window::Hour,
        rolling: false,
        zone: TimeZone::UTC,
        max_millionths: max * 1_000_000,
        amount_millionths: amount * 1_000_000,
        counts_amount: false,
        per: Vec::new(),
        scope: Scope::Grant,
        count_failed: false,
        on_unknown: OnUnknown::RollBack,
        on_deny: None,
    }
}

/// What the limit holds now: settled, in flight, unknown, in whole units.
async fn usage<S: Store>(house: &House<S>, grant: &Grant, counter: &str) -> (i64, i64, i64) {
    let all = house.store.usage(&house.org, &grant.id).await.unwrap().limits;
    let rule = format!("/all_tools/limits/{counter}");
    let found = all.iter().map(|limit| &limit.usage).find(|usage| *usage.rule == *rule);
    found.map_or((0, 0, 0), |u| (u.used / 1_000_000, u.held / 1_000_000, u.unknown / 1_000_000))
}

pub(crate) async fn a_limit_holds_exactly_under_any_number_of_callers<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let house = Arc::new(house);
    for round in 0..10 {
        let counter = format!("c{round}");
        let callers: Vec<_> = (0..64)
            .map(|_| {
                let (house, grant, server) = (house.clone(), grant.clone(), server.clone());
                let counter = counter.clone();
                tokio::spawn(async move {
                    let key = key(&house, &grant, &server, &counter);
                    let charges = vec![(key, charge(&counter, 10, 1))];
                    let intent = house.intent(&grant, &server);
                    let id = intent.id;
                    let judged_at = house.generation();
                    match house.store.call_begin(intent, charges, judged_at).await {
                        Ok(()) => {
                            house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
                            true
                        }
                        Err(BeginError::NoRoom(RoomError::Exhausted(exhausted))) => {
                            assert_eq!(exhausted.left, 0);
                            false
                        }
                        Err(error) => panic!("{error}"),
                    }
                })
            })
            .collect();
        let mut begun = 0;
        for caller in callers {
            begun += usize::from(caller.await.unwrap());
        }
        assert_eq!(begun, 10, "round {round}");
        assert_eq!(usage(&house, &grant, &counter).await, (10, 0, 0));
        let key = key(&house, &grant, &server, &counter);
        assert!(house.store.room(&key, &charge(&counter, 10, 1)).is_err());
        assert!(house.store.room(&key, &charge(&counter, 11, 1)).is_ok());
    }
    assert_eq!(house.log().await.len(), 100, "a call without room leaves no intent");
}

pub(crate) async fn several_limits_are_taken_all_or_none<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let of = |counter: &str, max, amount| {
        (key(&house, &grant, &server, counter), charge(counter, max, amount))
    };
    let begin = |charges| {
        house.store.call_begin(house.intent(&grant, &server), charges, house.generation())
    };
    begin(vec![of("calls", 10, 1), of("money", 100, 70)]).await.unwrap();
    let full = begin(vec![of("calls", 10, 1), of("money", 100, 31)]).await.unwrap_err();
    let BeginError::NoRoom(RoomError::Exhausted(exhausted)) = full else { panic!("{full}") };
    assert_eq!(&*exhausted.rule, "/all_tools/limits/money");
    assert_eq!((exhausted.left, exhausted.asked), (30_000_000, 31_000_000));
    assert_eq!(usage(&house, &grant, "calls").await, (0, 1, 0));
    assert_eq!(usage(&house, &grant, "money").await, (0, 70, 0));
    begin(vec![of("calls", 10, 1), of("money", 100, 30)]).await.unwrap();
    assert_eq!(usage(&house, &grant, "money").await, (0, 100, 0));
}

pub(crate) async fn an_outcome_settles_or_gives_back_at_once<S: Store>(house: House<S>) {
    use OutcomeClass::{Completed, NotSent, ToolFailed, Unknown, UpstreamError};
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let counted =
        |count_failed, on_unknown| Charge { count_failed, on_unknown, ..charge("c", 1_000, 1) };
    let (plain, failed) = ((false, OnUnknown::RollBack), (true, OnUnknown::RollBack));
    let money = (false, OnUnknown::Keep);
    let table = [
        (plain, Completed, (1, 0)),
        (plain, ToolFailed, (0, 0)),
        (plain, UpstreamError, (0, 0)),
        (plain, NotSent, (0, 0)),
        (plain, Unknown, (0, 0)),
        (failed, ToolFailed, (1, 0)),
        (failed, UpstreamError, (0, 0)),
        (money, ToolFailed, (0, 0)),
        (money, Unknown, (0, 1)),
        (money, Completed, (1, 0)),
    ];
    let (mut used, mut unknown) = (0, 0);
    for ((count_failed, on_unknown), class, (settles, doubts)) in table {
        let intent = house.intent(&grant, &server);
        let id = intent.id;
        let charges = vec![(key(&house, &grant, &server, "c"), counted(count_failed, on_unknown))];
        house.store.call_begin(intent, charges, house.generation()).await.unwrap();
        assert_eq!(usage(&house, &grant, "c").await, (used, 1, unknown), "{class:?} in flight");
        // A repeated outcome, and one that says otherwise, changes nothing.
        for class in [class, class, Completed, NotSent] {
            house.store.call_finish(house.outcome(id, class));
        }
        (used, unknown) = (used + settles, unknown + doubts);
        assert_eq!(usage(&house, &grant, "c").await, (used, 0, unknown), "{class:?}");
    }
}

pub(crate) async fn a_caller_who_goes_away_holds_no_quota<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let mut answered = 0;
    for micros in 0..100_u64 {
        let charges = vec![(key(&house, &grant, &server, "c"), charge("c", 1_000, 1))];
        let intent = house.intent(&grant, &server);
        let begin = house.store.call_begin(intent, charges, house.generation());
        let patience = std::time::Duration::from_micros(micros * 20);
        answered += i64::from(tokio::time::timeout(patience, begin).await.is_ok());
    }
    house.store.flush().await.unwrap();
    assert_eq!(usage(&house, &grant, "c").await, (0, answered, 0));
}

pub(crate) async fn a_doubtful_clock_stops_calls_with_limits_and_no_others<S: Store>(
    house: House<S>,
) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let limited = || vec![(key(&house, &grant, &server, "c"), charge("c", 1_000, 1))];
    let begin = |charges| {
        house.store.call_begin(house.intent(&grant, &server), charges, house.generation())
    };
    begin(limited()).await.unwrap();
    // (what the clock is set by, time that passes, whether it is believed then)
    let table = [
        (25 * 3_600, 0, false),
        (0, 3_600, false),
        (-25 * 3_600, 0, true),
        (4, 10, true),
        (-4, 10, true),
        (-600, 1, false),
        (0, 300, false),
        (0, 299, true),
        (0, 40 * 86_400, true),
    ];
    for (number, (set, passes, believed)) in table.into_iter().enumerate() {
        house.clock.set_seconds(set);
        house.clock.pass_seconds(passes);
        let looked = house.store.room(&limited()[0].0, &limited()[0].1);
        let begun = begin(limited()).await;
        if believed {
            assert!(looked.is_ok() && begun.is_ok(), "{number}: {looked:?} {begun:?}");
            continue;
        }
        let Err(BeginError::NoRoom(why)) = begun else { panic!("{number}: {begun:?}") };
        for why in [looked.unwrap_err(), why] {
            assert!(matches!(why, RoomError::ClockUncertain { .. }), "{number}: {why}");
            assert_eq!((&**why.rule(), why.code()), ("/all_tools/limits/c", "clock_uncertain"));
        }
        begin(Vec::new()).await.unwrap();
    }
}

pub(crate) async fn a_window_that_cannot_be_placed_stops_the_call<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    // A zone without a name, and a length that no window may have.
    let nameless = TimeZone::fixed(jiff::tz::offset(3));
    let endless = Window::Length(std::time::Duration::from_secs(u64::MAX));
    for odd in [
        Charge { zone: nameless, ..charge("c", 10, 1) },
        Charge { window: endless, ..charge("c", 10, 1) },
        Charge { amount_millionths: -1, ..charge("c", 10, 1) },
    ] {
        let charges = vec![(key(&house, &grant, &server, "c"), odd)];
        let begun =
            house.store.call_begin(house.intent(&grant, &server), charges, house.generation());
        let Err(BeginError::NoRoom(why)) = begun.await else { panic!("it was let through") };
        assert_eq!((&**why.rule(), why.code()), ("/all_tools/limits/c", "limit_uncountable"));
    }
    assert!(house.log().await.is_empty(), "no intent is left");
}

pub(crate) async fn a_person_may_confirm_a_clock_in_doubt<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let limited = || vec![(key(&house, &grant, &server, "c"), charge("c", 1, 1))];
    let begin =
        || house.store.call_begin(house.intent(&grant, &server), limited(), house.generation());
    begin().await.unwrap();
    assert!(house.store.clock_state().await.unwrap().doubt.is_none());
    let lines = house.audit().await.len();
    // Nothing is in doubt, so there is nothing to confirm.
    house.store.clock_confirm(&house.by(), "to be sure").await.unwrap();
    assert_eq!(house.audit().await.len(), lines);
    house.clock.set_seconds(2 * 3_600);
    assert!(begin().await.is_err());
    let doubt = house.store.clock_state().await.unwrap().doubt.unwrap();
    assert_eq!((doubt.reason, doubt.by_micros), (quota::Reason::JumpedAhead, 7_200_000_000));
    for reason in ["", " ", &"x".repeat(501)] {
        let refused = house.store.clock_confirm(&house.by(), reason).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Invalid { field: "reason", .. }), "{refused}");
    }
    let confirmed = house.store.clock_confirm(&house.by(), "the machine was asleep").await.unwrap();
    assert!(confirmed.doubt.is_none());
    assert_eq!(confirmed.at, house.clock.now());
    begin().await.unwrap();
    let newest = house.audit().await.swap_remove(0);
    assert_eq!((newest.event.as_str(), newest.name.as_str()), ("clock.confirmed", "alice"));
    assert!(newest.detail.contains("asleep") && newest.detail.contains("jumped ahead"));
}
