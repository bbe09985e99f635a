//! Promises about the edges of windows, on a clock that stands still: rows Q07, Q08, Q12, Q13.

use jiff::tz::TimeZone;
use policy::{Charge, OnUnknown, Window};
use store::{BeginError, CallId, Clock as _, Grant, OutcomeClass, Server};

use super::quotas::{charge, key};
use super::{House, Store};

/// Takes one of the limit's places; the call, or `None` when there was no room.
async fn take<S: Store>(
    house: &House<S>,
    grant: &Grant,
    server: &Server,
    limit: &Charge,
) -> Option<CallId> {
    let intent = house.intent(grant, server);
    let id = intent.id;
    let charges = vec![(key(house, grant, server, &limit.counter), limit.clone())];
    match house.store.call_begin(intent, charges, house.generation()).await {
        Ok(()) => Some(id),
        Err(BeginError::NoRoom(store::RoomError::Exhausted(_))) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Puts the clock to a moment, and lets as much time pass.
fn go_to<S>(house: &House<S>, moment: &str) {
    let moment: jiff::Timestamp = moment.parse().unwrap();
    house.clock.pass_micros(moment.as_microsecond() - house.clock.now().micros());
}

/// (window, zone, the last millisecond of it, the first moment of the next)
const TURNS: &[(Window, &str, &str, &str)] = &[
    (Window::Day, "UTC", "2026-03-03T23:59:59.999Z", "2026-03-04T00:00:00Z"),
    // The day on which clocks go forward in Berlin has 23 hours, the one on which they go back 25.
    (Window::Day, "Europe/Berlin", "2026-03-28T22:59:59.999Z", "2026-03-28T23:00:00Z"),
    (Window::Day, "Europe/Berlin", "2026-03-29T21:59:59.999Z", "2026-03-29T22:00:00Z"),
    (Window::Hour, "Europe/Berlin", "2026-10-25T00:59:59.999Z", "2026-10-25T01:00:00Z"),
    (Window::Day, "Europe/Berlin", "2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00Z"),
    (Window::Week, "America/New_York", "2026-11-02T04:59:59.999Z", "2026-11-02T05:00:00Z"),
    (Window::Month, "Asia/Kolkata", "2026-11-30T18:29:59.999Z", "2026-11-30T18:30:00Z"),
];

pub(crate) async fn a_window_turns_at_its_very_edge<S: Store>(house: House<S>) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    for (number, &(window, zone, before, after)) in TURNS.iter().enumerate() {
        let zone = TimeZone::get(zone).unwrap();
        let limit = Charge { window, zone, ..charge(&format!("q07-{number}"), 2, 1) };
        let take = || take(&house, &grant, &server, &limit);
        go_to(&house, before);
        let early = take().await.unwrap();
        assert!(take().await.is_some() && take().await.is_none(), "Q07 {before}");
        go_to(&house, after);
        assert!(take().await.is_some(), "Q07 {after}");
        // Q13: given back after the turn, it goes to the window it was taken from.
        for _ in 0..2 {
            house.store.call_finish(house.outcome(early, OutcomeClass::NotSent));
        }
        assert!(take().await.is_some() && take().await.is_none(), "Q13 {after}");
    }
}

pub(crate) async fn a_fixed_window_may_hold_twice_over_its_edge_a_rolling_one_never<S: Store>(
    house: House<S>,
) {
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    let fixed = Charge { window: Window::Minute, ..charge("fixed", 5, 1) };
    let rolls = Charge { window: Window::Minute, rolling: true, ..charge("rolls", 5, 1) };
    let burst = async |limit: &Charge| {
        let mut taken = 0;
        for _ in 0..8 {
            taken += usize::from(take(&house, &grant, &server, limit).await.is_some());
        }
        taken
    };
    go_to(&house, "2026-03-02T10:00:59.999Z");
    assert_eq!((burst(&fixed).await, burst(&rolls).await), (5, 5), "Q08");
    for (moment, of_fixed, of_rolls) in [
        ("2026-03-02T10:01:00Z", 5, 0),
        ("2026-03-02T10:01:59.999Z", 0, 0),
        ("2026-03-02T10:02:01Z", 5, 5),
    ] {
        go_to(&house, moment);
        assert_eq!(
            (burst(&fixed).await, burst(&rolls).await),
            (of_fixed, of_rolls),
            "Q08 {moment}"
        );
    }
}

pub(crate) async fn an_end_is_an_end<S: Store>(house: House<S>) {
    // Q12: settled or released twice, released after it was settled and the other way round.
    use OutcomeClass::{Completed, NotSent, Unknown};
    let server = house.server("a").await;
    let (grant, _) = house.grant("g", &[&server.id]).await;
    for (number, (first, second, counted)) in [
        (Completed, Completed, 1),
        (Completed, NotSent, 1),
        (Completed, Unknown, 1),
        (NotSent, NotSent, 0),
        (NotSent, Completed, 0),
        (NotSent, Unknown, 0),
        (Unknown, Completed, 1),
        (Unknown, NotSent, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let limit = charge(&format!("q12-{number}"), 3, 1);
        let limit = Charge { on_unknown: OnUnknown::Keep, ..limit };
        let id = take(&house, &grant, &server, &limit).await.unwrap();
        for class in [first, second, first, second] {
            house.store.call_finish(house.outcome(id, class));
        }
        let mut left = 0;
        while take(&house, &grant, &server, &limit).await.is_some() {
            left += 1;
        }
        assert_eq!(left, 3 - counted, "Q12 {first:?} {second:?}");
    }
}
