//! The life of a reservation, step by step: what may follow what, and what a repeat does.

use quota::*;

use crate::world::*;

#[derive(Clone, Copy, Debug)]
enum Do {
    Settle,
    Release,
    Unknown,
    Resolve(Fate),
    Finish(Outcome),
}

fn run(ledger: &mut Ledger, step: Do) -> Result<Changes, StepError> {
    match step {
        Do::Settle => ledger.settle(call(1)),
        Do::Release => ledger.release(call(1)),
        Do::Unknown => ledger.unknown(call(1)),
        Do::Resolve(fate) => ledger.resolve(call(1), None, fate),
        Do::Finish(outcome) => ledger.finish(call(1), outcome),
    }
}

#[test]
fn q12_every_pair_of_steps_is_a_move_a_repeat_or_refused() {
    use Do::{Release, Resolve, Settle, Unknown};
    use Fate::{Release as No, Settle as Yes};
    use State::{Released, Reserved, Settled};
    // (steps, then) → the state it moves to, the same state for a repeat, or refused.
    let table: &[(&[Do], Do, Option<State>)] = &[
        (&[], Settle, Some(Settled)),
        (&[], Release, Some(Released)),
        (&[], Unknown, Some(State::Unknown)),
        (&[], Resolve(Yes), None),
        (&[], Resolve(No), None),
        (&[Settle], Settle, Some(Settled)),
        (&[Settle], Release, None),
        (&[Settle], Unknown, None),
        (&[Settle], Resolve(Yes), None),
        (&[Settle], Resolve(No), None),
        (&[Release], Settle, None),
        (&[Release], Release, Some(Released)),
        (&[Release], Unknown, None),
        (&[Release], Resolve(Yes), None),
        (&[Release], Resolve(No), None),
        (&[Unknown], Settle, Some(Settled)),
        (&[Unknown], Release, Some(Released)),
        (&[Unknown], Unknown, Some(State::Unknown)),
        (&[Unknown], Resolve(Yes), Some(Settled)),
        (&[Unknown], Resolve(No), Some(Released)),
        (&[Unknown, Resolve(Yes)], Resolve(Yes), Some(Settled)),
        (&[Unknown, Resolve(Yes)], Resolve(No), None),
        (&[Unknown, Resolve(Yes)], Settle, Some(Settled)),
        (&[Unknown, Resolve(Yes)], Release, None),
        (&[Unknown, Resolve(Yes)], Unknown, Some(Settled)),
        (&[Unknown, Resolve(No)], Resolve(No), Some(Released)),
        (&[Unknown, Resolve(No)], Resolve(Yes), None),
        (&[Unknown, Resolve(No)], Settle, None),
        (&[Unknown, Resolve(No)], Unknown, Some(Released)),
    ];
    let of = [charge("value", Window::utc(Unit::Day), 100, 60)];
    for (steps, then, expected) in table {
        let mut ledger = Ledger::new();
        assert!(take(&mut ledger, 1, &of, MIDNIGHT));
        for step in *steps {
            let _ = run(&mut ledger, *step).unwrap();
        }
        let before = ledger.clone();
        let was = before.reservation(&call(1)).unwrap().holds[0].state;
        let result = run(&mut ledger, *then);
        let is = ledger.reservation(&call(1)).unwrap().holds[0].state;
        let story = format!("{steps:?} then {then:?}: {result:?}");
        match (expected, result) {
            (Some(state), Ok(changes)) => {
                assert_eq!(is, *state, "{story}");
                assert_eq!(changes.is_empty(), was == is, "{story}");
            }
            (None, Err(_)) => assert_eq!(ledger, before, "{story}"),
            _ => panic!("{story}"),
        }
        let held = [(Settled, 0), (Reserved, 1), (State::Unknown, 2)];
        let (used, in_flight, unknown, left) = usage(&ledger, &of[0], MIDNIGHT);
        for (state, place) in held {
            let shown = [used, in_flight, unknown][place];
            assert_eq!(shown, if is == state { 60 } else { 0 }, "{story}");
        }
        assert_eq!(left, if is == Released { 100 } else { 40 }, "{story}");
        ledger.check().unwrap();
    }
}

#[test]
fn each_outcome_treats_each_limit_by_its_own_settings() {
    let money = charge("money", Window::utc(Unit::Day), 1_000, 70);
    let calls = |name: &str, count_failed| {
        let mut calls = charge(name, Window::utc(Unit::Day), 1_000, 1);
        calls.limit.count_failed = count_failed;
        calls.limit.on_unknown = OnUnknown::RollBack;
        calls
    };
    let charges = [money, calls("calls", false), calls("tries", true)];
    // (used, held, unknown) of money, calls and tries.
    let table = [
        (None, [(0, 70, 0), (0, 1, 0), (0, 1, 0)]),
        (Some(Outcome::Completed), [(70, 0, 0), (1, 0, 0), (1, 0, 0)]),
        (Some(Outcome::ToolFailed), [(0, 0, 0), (0, 0, 0), (1, 0, 0)]),
        (Some(Outcome::UpstreamError), [(0, 0, 0), (0, 0, 0), (0, 0, 0)]),
        (Some(Outcome::NotSent), [(0, 0, 0), (0, 0, 0), (0, 0, 0)]),
        (Some(Outcome::Unknown), [(0, 0, 70), (0, 0, 0), (0, 0, 0)]),
    ];
    for (outcome, expected) in table {
        let mut ledger = Ledger::new();
        assert!(take(&mut ledger, 1, &charges, MIDNIGHT));
        // Told twice, and the second time nothing changes.
        if let Some(outcome) = outcome {
            assert!(!run(&mut ledger, Do::Finish(outcome)).unwrap().is_empty());
            assert!(run(&mut ledger, Do::Finish(outcome)).unwrap().is_empty());
        }
        for (charge, expected) in charges.iter().zip(expected) {
            let (used, held, unknown, _) = usage(&ledger, charge, MIDNIGHT);
            assert_eq!((used, held, unknown), expected, "{outcome:?} {}", charge.limit.rule);
        }
        let open = outcome.is_none_or(|outcome| outcome == Outcome::Unknown);
        assert_eq!(ledger.reservation(&call(1)).unwrap().closed.is_none(), open, "{outcome:?}");
    }
}

#[test]
fn late_news_closes_what_was_kept_and_leaves_what_was_rolled_back() {
    let money = charge("money", Window::utc(Unit::Day), 100, 70);
    let mut calls = charge("calls", Window::utc(Unit::Day), 100, 1);
    calls.limit.on_unknown = OnUnknown::RollBack;
    let of = [money, calls];
    for (outcome, used) in [(Outcome::Completed, 70), (Outcome::UpstreamError, 0)] {
        let mut ledger = Ledger::new();
        assert!(take(&mut ledger, 1, &of, MIDNIGHT));
        let _ = ledger.finish(call(1), Outcome::Unknown).unwrap();
        assert_eq!(usage(&ledger, &of[0], MIDNIGHT), (0, 0, 70, 30));
        assert_eq!(usage(&ledger, &of[1], MIDNIGHT), (0, 0, 0, 100));
        // Whether by the outcome itself or by a person, twice.
        let mut by_hand = ledger.clone();
        let fate = if used > 0 { Fate::Settle } else { Fate::Release };
        assert!(!by_hand.resolve(call(1), None, fate).unwrap().is_empty());
        assert!(by_hand.resolve(call(1), None, fate).unwrap().is_empty());
        assert!(!ledger.finish(call(1), outcome).unwrap().is_empty());
        assert!(ledger.finish(call(1), outcome).unwrap().is_empty());
        assert!(ledger.finish(call(1), Outcome::Unknown).unwrap().is_empty());
        assert_eq!(usage(&ledger, &of[0], MIDNIGHT), (used, 0, 0, 100 - used), "{outcome:?}");
        assert_eq!(usage(&ledger, &of[1], MIDNIGHT), (0, 0, 0, 100), "{outcome:?}");
        assert_eq!(ledger, by_hand);
        let nothing = ledger.resolve(call(1), Some(&key("calls")), fate);
        assert_eq!(nothing, Err(StepError::NothingUnknown));
    }
}

#[test]
fn a_person_resolves_one_limit_or_all_of_them() {
    let of = [
        charge("a", Window::utc(Unit::Day), 100, 10),
        charge("b", Window::utc(Unit::Day), 100, 20),
    ];
    let mut ledger = Ledger::new();
    assert!(take(&mut ledger, 1, &of, MIDNIGHT));
    assert_eq!(ledger.resolve(call(2), None, Fate::Settle), Err(StepError::NoSuchCall));
    assert_eq!(ledger.resolve(call(1), None, Fate::Settle), Err(StepError::NothingUnknown));
    let _ = ledger.finish(call(1), Outcome::Unknown).unwrap();
    let other = key("c");
    assert_eq!(ledger.resolve(call(1), Some(&other), Fate::Settle), Err(StepError::NoSuchKey));
    let _ = ledger.resolve(call(1), Some(&key("a")), Fate::Release).unwrap();
    assert_eq!(usage(&ledger, &of[0], MIDNIGHT), (0, 0, 0, 100));
    assert_eq!(usage(&ledger, &of[1], MIDNIGHT), (0, 0, 20, 80));
    // The rest cannot all be settled: one has been released.
    let before = ledger.clone();
    let illegal = StepError::Illegal { from: State::Released, to: State::Settled };
    assert_eq!(ledger.resolve(call(1), None, Fate::Settle), Err(illegal));
    assert_eq!(ledger, before);
    let _ = ledger.resolve(call(1), Some(&key("b")), Fate::Settle).unwrap();
    assert_eq!(usage(&ledger, &of[1], MIDNIGHT), (20, 0, 0, 80));
    assert!(ledger.reservation(&call(1)).unwrap().closed.is_some());
}

#[test]
fn q11_the_third_limit_refuses_and_the_first_two_are_unchanged() {
    let mut ledger = Ledger::new();
    let of = |amount| {
        let day = || Window::utc(Unit::Day);
        [
            charge("a", day(), 100, 1),
            charge("b", rolling(HOUR), 100, 1),
            charge("c", day(), 10, amount),
        ]
    };
    assert!(take(&mut ledger, 1, &of(8), MIDNIGHT));
    let before = ledger.clone();
    let refused = exhausted(ledger.reserve(call(2), &of(3), MIDNIGHT));
    assert_eq!(&*refused.rule, "/tools/refund/limits/c");
    assert_eq!((refused.max, refused.held, refused.left, refused.asked), (10, 8, 2, 3));
    assert_eq!(ledger, before);
    // When several have no room, the first in the policy's order is named.
    assert!(take(&mut ledger, 3, &of(2), MIDNIGHT));
    let mut all = of(5);
    all[0].amount = 99;
    let refused = exhausted(ledger.reserve(call(4), &all, MIDNIGHT));
    assert_eq!(&*refused.rule, "/tools/refund/limits/a");
}

#[test]
fn a_repeated_reservation_changes_nothing_whatever_became_of_it() {
    let of = [charge("value", Window::utc(Unit::Day), 100, 60)];
    for step in [None, Some(Do::Settle), Some(Do::Release), Some(Do::Unknown)] {
        let mut ledger = Ledger::new();
        assert!(take(&mut ledger, 1, &of, MIDNIGHT));
        if let Some(step) = step {
            let _ = run(&mut ledger, step).unwrap();
        }
        let before = ledger.clone();
        // Later, and even where a new call would have no room.
        let again = ledger.reserve(call(1), &of, MIDNIGHT + HOUR).unwrap();
        assert!(again.is_empty() && ledger == before, "{step:?}");
        for other in
            [charge("value", Window::utc(Unit::Day), 100, 61), charge("else", rolling(1), 100, 60)]
        {
            let result = ledger.reserve(call(1), &[other], MIDNIGHT);
            assert_eq!(result, Err(ReserveError::OtherCharges), "{step:?}");
            assert_eq!(ledger, before);
        }
    }
}

#[test]
fn q21_the_same_charges_under_a_new_call_count_again() {
    let mut ledger = Ledger::new();
    let of = [charge("value", Window::utc(Unit::Day), 100, 60)];
    assert!(take(&mut ledger, 1, &of, MIDNIGHT));
    assert!(!take(&mut ledger, 2, &of, MIDNIGHT));
}

#[test]
fn a_call_without_charges_holds_nothing() {
    let mut ledger = Ledger::new();
    assert!(ledger.reserve(call(1), &[], MIDNIGHT).unwrap().is_empty());
    assert_eq!(ledger.finish(call(1), Outcome::Completed), Err(StepError::NoSuchCall));
    assert_eq!(ledger, Ledger::new());
}

#[test]
fn q01_of_64_callers_exactly_10_get_one_of_10_places() {
    let of = [charge("calls", Window::utc(Unit::Day), 10 * ONE, ONE)];
    let mut dice = Dice(1);
    for _ in 0..1_000 {
        let mut ledger = Ledger::new();
        let mut callers: Vec<u64> = (0..64).collect();
        for place in (1..64_usize).rev() {
            callers.swap(place, usize::try_from(dice.below(64)).unwrap() % (place + 1));
        }
        let admitted = callers.iter().filter(|id| take(&mut ledger, **id, &of, MIDNIGHT)).count();
        assert_eq!(admitted, 10);
    }
}
