//! Exact amounts: nothing rounds, nothing overflows.

use quota::*;

use crate::world::*;

#[test]
fn a_thousand_times_0_99_is_990_exactly() {
    let mut ledger = Ledger::new();
    let each = charge("value", Window::utc(Unit::Day), 990 * ONE, 990_000);
    for id in 0..1_000 {
        assert!(take(&mut ledger, id, std::slice::from_ref(&each), MIDNIGHT), "{id}");
    }
    assert_eq!(usage(&ledger, &each, MIDNIGHT), (0, 990 * ONE, 0, 0));
    let least = Charge { amount: 1, ..each };
    assert!(!take(&mut ledger, 1_000, &[least], MIDNIGHT));
}

#[test]
fn one_tenth_and_two_tenths_are_three_tenths() {
    let mut ledger = Ledger::new();
    let of = |amount| [charge("value", Window::utc(Unit::Day), 300_000, amount)];
    assert!(take(&mut ledger, 1, &of(100_000), MIDNIGHT));
    assert!(take(&mut ledger, 2, &of(200_000), MIDNIGHT));
    assert!(!take(&mut ledger, 3, &of(1), MIDNIGHT));
    assert!(take(&mut ledger, 4, &of(0), MIDNIGHT), "nothing always fits where nothing is over");
}

#[test]
fn the_least_amount_counts_a_millionth() {
    // 1e-7 is rounded up to a millionth before it comes here.
    let mut ledger = Ledger::new();
    let of = [charge("value", Window::utc(Unit::Day), 3, 1)];
    assert_eq!((1..=5).filter(|id| take(&mut ledger, *id, &of, MIDNIGHT)).count(), 3);
}

#[test]
fn q03_the_edge_of_64_bits_is_an_answer_and_never_a_wrap() {
    let window = Window::utc(Unit::Day);
    let of = |max, amount| charge("value", window.clone(), max, amount);
    // (what is taken first, the charges asked, whether they fit)
    let cases: &[(i64, &[Charge], &str)] = &[
        (0, &[of(i64::MAX, i64::MAX)], "fits"),
        (1, &[of(i64::MAX, i64::MAX)], "full"),
        (i64::MAX, &[of(i64::MAX, 1)], "full"),
        (i64::MAX, &[of(i64::MAX, i64::MAX)], "full"),
        (i64::MAX, &[of(i64::MAX, 0)], "fits"),
        (0, &[of(100, 101)], "full"),
        (0, &[of(0, 0)], "fits"),
        (0, &[of(0, 1)], "full"),
        (0, &[of(i64::MAX, i64::MAX), of(i64::MAX, 1)], "amount"),
        (0, &[of(i64::MAX, -1)], "amount"),
        (0, &[of(i64::MAX, i64::MIN)], "amount"),
        (0, &[of(-1, 0)], "amount"),
        (0, &[of(100, 60), of(100, -60)], "amount"),
        (0, &[of(100, 60), of(100, 41)], "full"),
        (0, &[of(100, 60), of(100, 40)], "fits"),
        // Each limit on a counter must hold the sum.
        (0, &[of(100, 60), of(99, 40)], "full"),
        (0, &[of(99, 60), of(100, 40)], "full"),
    ];
    for (number, (first, charges, expected)) in cases.iter().enumerate() {
        let mut ledger = Ledger::new();
        assert!(take(&mut ledger, 1, &[of(i64::MAX, *first)], MIDNIGHT));
        let before = ledger.clone();
        let fits = ledger.fits(charges, MIDNIGHT);
        assert_eq!(ledger, before);
        let result = ledger.reserve(call(2), charges, MIDNIGHT);
        let told = match &result {
            Ok(_) => "fits",
            Err(ReserveError::Exhausted(_)) => "full",
            Err(ReserveError::Amount { .. }) => "amount",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(told, *expected, "case {number}");
        assert_eq!(result.map(drop), fits, "case {number}");
        assert_eq!(told == "fits", ledger != before, "case {number}");
        ledger.check().unwrap();
    }
}

#[test]
fn joined_history_that_does_not_fit_64_bits_stays_full() {
    let mut ledger = Ledger::new();
    let of = |window| [charge("value", window, i64::MAX, i64::MAX)];
    for minute in 0..200_i64 {
        let (id, now) = (minute.unsigned_abs(), MIDNIGHT + minute * MINUTE);
        assert!(take(&mut ledger, id, &of(Window::utc(Unit::Minute)), now), "{minute}");
        // The first stays in flight.
        if id > 0 {
            let _ = ledger.settle(call(id)).unwrap();
        }
        ledger.check().unwrap();
    }
    // A day later the hours are joined too, and the sum is far beyond 64 bits.
    let later = MIDNIGHT + 30 * HOUR;
    assert!(take(&mut ledger, 999, &of(Window::utc(Unit::Minute)), later));
    ledger.check().unwrap();
    let month = charge("value", Window::utc(Unit::Month), i64::MAX, 1);
    let refused = exhausted(ledger.reserve(call(1_000), &[month], later));
    assert_eq!((refused.used, refused.held, refused.left), (i64::MAX, i64::MAX, 0));
    // Settled into what is full already.
    let _ = ledger.settle(call(0)).unwrap();
    ledger.check().unwrap();
    assert!(usage(&ledger, &charge("value", Window::utc(Unit::Month), i64::MAX, 1), later).0 > 0);
}

#[test]
fn each_value_that_splits_a_counter_has_its_own_budget() {
    let mut ledger = Ledger::new();
    let of = |currency: &str, amount| {
        let plain = charge("value", Window::utc(Unit::Day), 500 * ONE, amount);
        let per = vec![("args.currency".into(), currency.into())];
        [Charge { key: Key::new(KeyParts { per, ..plain.key.parts().clone() }), ..plain }]
    };
    assert!(take(&mut ledger, 1, &of("\"USD\"", 500 * ONE), MIDNIGHT));
    assert!(take(&mut ledger, 2, &of("\"JPY\"", 500 * ONE), MIDNIGHT));
    assert!(!take(&mut ledger, 3, &of("\"USD\"", 1), MIDNIGHT));
    assert!(!take(&mut ledger, 4, &of("\"JPY\"", 1), MIDNIGHT));
}
