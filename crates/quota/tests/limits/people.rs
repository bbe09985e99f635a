//! What people and agents are told.

use std::sync::Arc;

use quota::*;

use crate::world::*;

fn of_grant(grant: &str, name: &str, window: Window, max: i64, amount: i64) -> Charge {
    let plain = charge(name, window, max, amount);
    let subject = Subject::Grant(grant.into());
    Charge { key: Key::new(KeyParts { subject, ..plain.key.parts().clone() }), ..plain }
}

#[test]
fn a_refusal_says_what_is_used_held_unknown_left_and_when_to_come_back() {
    let mut ledger = Ledger::new();
    let of = |amount| [charge("value", Window::utc(Unit::Day), 100, amount)];
    for (id, amount) in [(1, 50), (2, 20), (3, 10)] {
        assert!(take(&mut ledger, id, &of(amount), MIDNIGHT + HOUR));
    }
    let _ = ledger.settle(call(1)).unwrap();
    let _ = ledger.finish(call(2), Outcome::Unknown).unwrap();
    let now = MIDNIGHT + 2 * HOUR;
    let refused = exhausted(ledger.reserve(call(4), &of(21), now));
    assert_eq!(
        refused,
        Exhausted {
            rule: "/tools/refund/limits/value".into(),
            key: key("value"),
            window: Window::utc(Unit::Day),
            max: 100,
            used: 50,
            held: 10,
            unknown: 20,
            left: 20,
            asked: 21,
            resets_at: Some(MIDNIGHT + DAY),
            retry_after_micros: Some(22 * HOUR),
        }
    );
    let text = ReserveError::Exhausted(Box::new(refused)).to_string();
    assert!(text.contains("/tools/refund/limits/value"), "{text}");
    // More than the limit itself: waiting is of no use.
    let never = exhausted(ledger.reserve(call(4), &of(101), now));
    assert_eq!((never.retry_after_micros, never.resets_at), (None, Some(MIDNIGHT + DAY)));
}

#[test]
fn a_rolling_window_that_holds_nothing_has_no_end_to_wait_for() {
    let mut ledger = Ledger::new();
    let of = charge("calls", rolling(MINUTE), 10, 1);
    let resets = |ledger: &Ledger, now| {
        let limit = &of.limit;
        ledger.usage(&of.key, &limit.rule, &limit.window, limit.max, now).unwrap().resets_at
    };
    assert_eq!(resets(&ledger, MIDNIGHT), None);
    assert!(take(&mut ledger, 1, std::slice::from_ref(&of), MIDNIGHT));
    assert_eq!(resets(&ledger, MIDNIGHT), Some(MIDNIGHT + MINUTE + 1));
    let _ = ledger.release(call(1)).unwrap();
    assert_eq!(resets(&ledger, MIDNIGHT), None);
    // One that was given back before one that stays: the one that stays is what is waited for.
    assert!(take(&mut ledger, 2, std::slice::from_ref(&of), MIDNIGHT + 20 * SECOND));
    let _ = ledger.settle(call(2)).unwrap();
    assert_eq!(resets(&ledger, MIDNIGHT + 30 * SECOND), Some(MIDNIGHT + 80 * SECOND + 1));
}

#[test]
fn usage_lists_each_limit_of_one_grant_and_of_nobody_else() {
    let mut ledger = Ledger::new();
    let day = || Window::utc(Unit::Day);
    let charges = [
        of_grant("grt_1", "value", day(), 100, 40),
        of_grant("grt_1", "calls", rolling(MINUTE), 30, 1),
    ];
    assert!(take(&mut ledger, 1, &charges, MIDNIGHT));
    assert!(take(&mut ledger, 2, &[of_grant("grt_12", "value", day(), 100, 7)], MIDNIGHT));
    assert!(take(&mut ledger, 3, &[of_grant("grt_", "value", day(), 100, 7)], MIDNIGHT));
    let shown = |prefix: &KeyPrefix, now| -> Vec<(Arc<str>, i64, i64, Option<i64>)> {
        let usages = ledger.usages(prefix, now).into_iter();
        usages.map(|u| (u.rule, u.held, u.left, u.resets_at)).collect()
    };
    let grant = KeyPrefix::grant("org", "grt_1");
    let rule = |name: &str| -> Arc<str> { format!("/tools/refund/limits/{name}").into() };
    assert_eq!(
        shown(&grant, MIDNIGHT),
        [
            (rule("calls"), 1, 29, Some(MIDNIGHT + MINUTE + 1)),
            (rule("value"), 40, 60, Some(MIDNIGHT + DAY)),
        ]
    );
    assert_eq!(
        shown(&grant, MIDNIGHT + DAY),
        [(rule("calls"), 0, 30, None), (rule("value"), 0, 100, Some(MIDNIGHT + 2 * DAY))]
    );
    assert_eq!(shown(&KeyPrefix::organisation("org"), MIDNIGHT).len(), 4);
    assert_eq!(shown(&KeyPrefix::organisation("other"), MIDNIGHT).len(), 0);
}

#[test]
fn usage_shows_a_changed_limit_once_and_in_its_present_form() {
    let mut ledger = Ledger::new();
    let of = |window, max| [charge("value", window, max, 10)];
    assert!(take(&mut ledger, 1, &of(Window::utc(Unit::Day), 100), MIDNIGHT + HOUR));
    assert!(take(&mut ledger, 2, &of(Window::utc(Unit::Day), 90), MIDNIGHT + HOUR));
    let only = |ledger: &Ledger| {
        let mut usages = ledger.usages(&KeyPrefix::ALL, MIDNIGHT + HOUR);
        assert_eq!(usages.len(), 1);
        usages.remove(0)
    };
    assert_eq!((only(&ledger).max, only(&ledger).left), (90, 70));
    assert!(take(&mut ledger, 3, &of(rolling(HOUR), 50), MIDNIGHT + HOUR));
    let usage = only(&ledger);
    assert_eq!((usage.window, usage.max, usage.left), (rolling(HOUR), 50, 20));
    // A limit as it stands now, before any call under it.
    let rule = usage.rule;
    let month = ledger.usage(&key("value"), &rule, &Window::utc(Unit::Month), 1_000, MIDNIGHT);
    assert_eq!(month.unwrap().left, 970);
    let untouched = ledger.usage(&key("else"), &rule, &Window::utc(Unit::Month), 7, MIDNIGHT);
    assert_eq!(untouched.unwrap().left, 7);
}

#[test]
fn what_is_in_flight_and_what_is_unknown_is_listed_oldest_first() {
    let mut ledger = Ledger::new();
    let of = [charge("value", Window::utc(Unit::Day), 100, 1)];
    for id in [5, 3, 9, 1] {
        let now = MIDNIGHT + i64::try_from(id).unwrap() * SECOND;
        assert!(take(&mut ledger, id, &of, now.max(MIDNIGHT + 5 * SECOND)));
    }
    let _ = ledger.finish(call(9), Outcome::Unknown).unwrap();
    let _ = ledger.finish(call(5), Outcome::Completed).unwrap();
    let calls = |state| -> Vec<CallId> {
        ledger.reservations(state).iter().map(|reservation| reservation.call).collect()
    };
    assert_eq!(calls(State::Reserved), [call(3), call(1)]);
    assert_eq!(calls(State::Unknown), [call(9)]);
}
