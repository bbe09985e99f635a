//! What a changed limit keeps, what is forgotten, and that memory stays bounded.

use quota::*;

use crate::world::*;

#[test]
fn q23_a_lowered_or_raised_max_keeps_what_was_used() {
    for window in [Window::utc(Unit::Day), rolling(DAY)] {
        let mut ledger = Ledger::new();
        let of = |max, amount| [charge("value", window.clone(), max, amount)];
        assert!(take(&mut ledger, 1, &of(100, 80), MIDNIGHT));
        let _ = ledger.settle(call(1)).unwrap();
        // Below what is spent: nothing more, and nothing is owed.
        let refused = exhausted(ledger.reserve(call(2), &of(50, 1), MIDNIGHT + 1));
        assert_eq!((refused.used, refused.left), (80, 0));
        assert!(!take(&mut ledger, 2, &of(50, 0), MIDNIGHT + 1));
        // Raised: what is spent still counts.
        assert!(!take(&mut ledger, 2, &of(120, 41), MIDNIGHT + 1));
        assert!(take(&mut ledger, 2, &of(120, 40), MIDNIGHT + 1));
    }
}

#[test]
fn a_changed_window_keeps_what_was_used() {
    // Used 10 a piece at these hours of the 21st of November 2026, a Saturday.
    let hours = [1, 5, 9, 11];
    let now = MIDNIGHT + 11 * HOUR + 30 * MINUTE;
    let kinds = [
        Window::utc(Unit::Minute),
        Window::utc(Unit::Hour),
        Window::utc(Unit::Day),
        Window::utc(Unit::Month),
        rolling(90 * SECOND),
        rolling(DAY),
        rolling(7 * DAY),
    ];
    // What the new window must see at 11:30, whatever the old one was.
    let sees = |window: &Window| match window {
        Window::Calendar { unit: Unit::Minute, .. } => 0,
        Window::Calendar { unit: Unit::Hour, .. } => 10,
        Window::Rolling { length_micros } if *length_micros < HOUR => 0,
        _ => 40,
    };
    for old in &kinds {
        for new in &kinds {
            let mut ledger = Ledger::new();
            for (id, hour) in (0..).zip(hours) {
                let of = [charge("value", old.clone(), 100, 10)];
                assert!(take(&mut ledger, id, &of, MIDNIGHT + hour * HOUR));
                let _ = ledger.settle(call(id)).unwrap();
            }
            // As rows that were written and read again, too.
            let mut ledger = Rows::of(&ledger).load();
            let fresh = charge("value", new.clone(), 100, 0);
            assert_eq!(usage(&ledger, &fresh, now).0, sees(new), "{old:?} to {new:?}");
            let room = 100 - sees(new);
            let of = |amount| [Charge { amount, ..fresh.clone() }];
            assert!(!take(&mut ledger, 100, &of(room + 1), now), "{old:?} to {new:?}");
            assert!(take(&mut ledger, 100, &of(room), now), "{old:?} to {new:?}");
            ledger.check().unwrap();
        }
    }
}

#[test]
fn a_window_changed_while_a_call_is_in_flight_gets_its_release() {
    let mut ledger = Ledger::new();
    let of = |window, amount| [charge("value", window, 100, amount)];
    assert!(take(&mut ledger, 1, &of(Window::utc(Unit::Minute), 70), MIDNIGHT));
    let day = || Window::utc(Unit::Day);
    assert!(!take(&mut ledger, 2, &of(day(), 31), MIDNIGHT + HOUR));
    assert!(take(&mut ledger, 2, &of(day(), 30), MIDNIGHT + HOUR));
    let _ = ledger.release(call(1)).unwrap();
    assert!(take(&mut ledger, 3, &of(day(), 70), MIDNIGHT + 2 * HOUR));
    assert!(!take(&mut ledger, 4, &of(day(), 1), MIDNIGHT + 2 * HOUR));
    ledger.check().unwrap();
}

#[test]
fn a_counter_under_two_windows_at_once_is_exact_for_both() {
    // Two policies of one organisation that share a counter.
    let mut ledger = Ledger::new();
    let minute = charge("value", Window::utc(Unit::Minute), 5, 1);
    let day = charge("value", Window::utc(Unit::Day), 200, 1);
    let (mut admitted, mut in_minute) = (0_i64, 0_i64);
    for second in 0..3_600_i64 {
        let now = MIDNIGHT + second * SECOND;
        let of = if second % 2 == 0 { &minute } else { &day };
        if second % 60 == 0 {
            in_minute = 0;
        }
        let fits = if second % 2 == 0 { in_minute < 5 } else { admitted < 200 };
        let id = second.unsigned_abs();
        assert_eq!(take(&mut ledger, id, std::slice::from_ref(of), now), fits, "{second}");
        admitted += i64::from(fits);
        in_minute += i64::from(fits);
        assert_eq!(usage(&ledger, &day, now).1, admitted, "{second}");
        assert_eq!(usage(&ledger, &minute, now).1, in_minute, "{second}");
    }
    assert!(admitted > 400, "both limits were reached: {admitted}");
}

#[test]
fn memory_stays_bounded_on_a_hot_counter_whatever_its_window() {
    for window in [
        rolling(90 * SECOND),
        rolling(HOUR),
        rolling(31 * DAY),
        Window::utc(Unit::Minute),
        Window::utc(Unit::Month),
        zoned(Unit::Day, "Asia/Kathmandu"),
    ] {
        let mut ledger = Ledger::remembering(16);
        let of = [charge("value", window.clone(), i64::MAX, 1)];
        let mut dice = Dice(7);
        let (mut now, mut most) = (MIDNIGHT, 0);
        for id in 0..20_000 {
            now += dice.below(10 * MINUTE);
            assert!(take(&mut ledger, id, &of, now));
            let _ = ledger.settle(call(id)).unwrap();
            let (counters, buckets, calls) = ledger.size();
            assert!(counters == 1 && calls <= 17, "{calls} calls");
            most = most.max(buckets);
        }
        assert!(most <= 190, "{window:?}: {most} buckets");
        ledger.check().unwrap();
    }
}

#[test]
fn idle_counters_are_forgotten_and_what_is_open_is_not() {
    let mut ledger = Ledger::remembering(4);
    let of = |name: &str| [charge(name, Window::utc(Unit::Day), 100, 10)];
    for (id, name) in (0..).zip(["settled", "released", "unknown", "flying"]) {
        assert!(take(&mut ledger, id, &of(name), MIDNIGHT));
    }
    let _ = ledger.settle(call(0)).unwrap();
    let _ = ledger.release(call(1)).unwrap();
    let _ = ledger.finish(call(2), Outcome::Unknown).unwrap();
    let mut rows = Rows::of(&ledger);
    for _ in 0..10 {
        rows.write(&ledger.sweep(MIDNIGHT + 20 * DAY, 2));
    }
    assert_eq!(ledger.size().0, 4, "a month may still be asked about");
    for _ in 0..10 {
        rows.write(&ledger.sweep(MIDNIGHT + 40 * DAY, 2));
        assert_eq!(rows, Rows::of(&ledger));
    }
    // In flight: kept for as long as it takes. Unknown: long out of its window, so it is history.
    assert_eq!(ledger.size().0, 1);
    assert_eq!(ledger.reservations(State::Reserved).len(), 1);
    assert_eq!(ledger.reservations(State::Unknown).len(), 0);
    assert_eq!(ledger.reservation(&call(2)).unwrap().holds[0].state, State::Settled);
    let _ = ledger.release(call(3)).unwrap();
    let _ = ledger.sweep(MIDNIGHT + 41 * DAY, 10);
    assert_eq!(ledger.size().0, 0);
    ledger.check().unwrap();
}

#[test]
fn an_unknown_hold_inside_a_long_window_outlives_every_sweep() {
    let mut ledger = Ledger::new();
    let of = |amount| [charge("value", rolling(300 * DAY), 100, amount)];
    assert!(take(&mut ledger, 1, &of(60), MIDNIGHT));
    let _ = ledger.finish(call(1), Outcome::Unknown).unwrap();
    for day in 0..300 {
        let now = MIDNIGHT + day * DAY;
        let _ = ledger.sweep(now, 10);
        assert!(!take(&mut ledger, 2, &of(41), now), "{day}");
    }
    assert!(take(&mut ledger, 2, &of(41), MIDNIGHT + 306 * DAY));
}

#[test]
fn closed_calls_are_forgotten_in_the_order_they_closed() {
    let mut ledger = Ledger::remembering(3);
    let of = [charge("value", Window::utc(Unit::Day), 1_000, 1)];
    let mut rows = Rows::default();
    for id in 0..10 {
        rows.write(&ledger.reserve(call(id), &of, MIDNIGHT).unwrap());
    }
    for id in (0..10).rev() {
        rows.write(&ledger.settle(call(id)).unwrap());
        assert_eq!(rows, Rows::of(&ledger));
    }
    let known: Vec<u64> = (0..10).filter(|id| ledger.reservation(&call(*id)).is_some()).collect();
    assert_eq!(known, [0, 1, 2]);
    assert_eq!(ledger.settle(call(9)), Err(StepError::NoSuchCall));
    assert_eq!(usage(&ledger, &of[0], MIDNIGHT).0, 10, "what was used is not forgotten");
}

#[test]
fn a_sweep_that_changes_nothing_moves_no_mark() {
    let mut ledger = Ledger::new();
    assert!(take(&mut ledger, 1, &[charge("value", Window::utc(Unit::Day), 10, 1)], MIDNIGHT));
    assert!(ledger.sweep(MIDNIGHT + HOUR, 10).is_empty());
    assert_eq!(ledger.mark(), Some(MIDNIGHT));
}

#[test]
fn undo_is_refused_when_it_is_not_the_newest_change_and_then_changes_nothing() {
    let mut ledger = Ledger::new();
    let of = [charge("a", Window::utc(Unit::Day), 100, 1), charge("b", rolling(HOUR), 100, 1)];
    let first = ledger.reserve(call(1), &of, MIDNIGHT).unwrap();
    let middle = ledger.clone();
    let second = ledger.reserve(call(2), &of, MIDNIGHT + 1).unwrap();
    let both = ledger.clone();
    assert_eq!(ledger.undo(&first), Err(UndoError));
    assert_eq!(ledger, both);
    ledger.undo(&second).unwrap();
    assert_eq!(ledger, middle);
    assert_eq!(ledger.undo(&second), Err(UndoError));
    assert_eq!(ledger, middle);
    ledger.undo(&first).unwrap();
    assert_eq!(ledger, Ledger::new());
}

#[test]
fn rows_that_do_not_add_up_are_not_loaded() {
    let mut ledger = Ledger::new();
    let of = [charge("value", Window::utc(Unit::Day), 100, 10)];
    for id in 0..3 {
        assert!(take(&mut ledger, id, &of, MIDNIGHT));
    }
    let _ = ledger.settle(call(0)).unwrap();
    let _ = ledger.finish(call(1), Outcome::Unknown).unwrap();
    let rows = ledger.rows();
    assert_eq!(Ledger::load(rows.clone()), Ok(ledger));
    // Any row gone, save the one of a closed call, and any row twice.
    for place in 0..rows.len() {
        let mut fewer = rows.clone();
        let gone = fewer.remove(place);
        let closed = matches!(&gone, Row::Reservation(r) if r.closed.is_some());
        assert_eq!(Ledger::load(fewer).is_ok(), closed, "without {gone:?}");
        let mut twice = rows.clone();
        twice.push(gone.clone());
        assert_eq!(Ledger::load(twice), Err(LoadError::Twice), "twice {gone:?}");
    }
    // Any number of a bucket or of an open hold changed.
    let changed = |change: &dyn Fn(&mut Row)| {
        let mut rows = rows.clone();
        rows.iter_mut().for_each(change);
        Ledger::load(rows)
    };
    let bucket = |change: fn(&mut Bucket)| {
        changed(&move |row| {
            if let Row::Bucket(_, bucket) = row {
                change(bucket);
            }
        })
    };
    assert_eq!(bucket(|b| b.held += 1), Err(LoadError::Sum));
    assert_eq!(bucket(|b| b.unknown -= 1), Err(LoadError::Sum));
    assert_eq!(bucket(|b| b.settled = -1), Err(LoadError::Bucket));
    assert_eq!(bucket(|b| b.last = b.start - 1), Err(LoadError::Bucket));
    assert_eq!(bucket(|b| b.last += 1), Err(LoadError::Bucket));
    let hold = |change: fn(&mut Hold)| {
        changed(&move |row| {
            if let Row::Reservation(reservation) = row {
                let mut next = Reservation::clone(reservation);
                next.holds.iter_mut().for_each(change);
                *reservation = next.into();
            }
        })
    };
    assert_eq!(hold(|h| h.amount += 1), Err(LoadError::Sum));
    assert_eq!(hold(|h| h.amount = -1), Err(LoadError::Reservation));
    assert_eq!(hold(|h| h.state = State::Settled), Err(LoadError::Reservation));
    assert_eq!(hold(|h| h.bucket -= 1), Err(LoadError::Sum));
}
