//! Rolling windows, searched for any interval that holds too much.

use proptest::prelude::*;
use quota::*;

use crate::world::*;

/// The most that any closed interval of this length holds.
fn most(taken: &[(i64, i64)], length: i64) -> i64 {
    let within = |start: i64| {
        let inside = taken.iter().filter(|(at, _)| (start..=start + length).contains(at));
        inside.map(|(_, amount)| amount).sum()
    };
    taken.iter().map(|(at, _)| within(*at)).max().unwrap_or(0)
}

/// Lengths with slots that divide nothing, and gaps that lie near slots and window ends.
fn lengths() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(60 * SECOND),
        Just(90 * SECOND),
        Just(6 * HOUR),
        Just(DAY),
        Just(31 * DAY),
        1..200_i64,
        1..LENGTH_MICROS_MAX,
    ]
}

#[derive(Clone, Debug)]
struct Try {
    gap: i64,
    amount: i64,
    released: bool,
}

fn tries(length: i64) -> impl Strategy<Value = Vec<Try>> {
    let slot = length / SLOTS + 1;
    let gap = prop_oneof![
        Just(0),
        0..=slot,
        0..=length,
        (0..=2_i64).prop_map(move |off| (length + off - 1).max(0)),
        (0..=2_i64).prop_map(move |off| (slot + off - 1).max(0)),
        Just(length * 2),
    ];
    let one = (gap, 0..40_i64, prop::bool::weighted(0.2));
    prop::collection::vec(
        one.prop_map(|(gap, amount, released)| Try { gap, amount, released }),
        1..120,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn no_interval_of_the_length_ever_holds_more_than_max(
        (length, tries) in lengths().prop_flat_map(|length| (Just(length), tries(length))),
        max in 0..150_i64,
        start in -DAY..MIDNIGHT,
    ) {
        let mut ledger = Ledger::new();
        let (mut now, mut taken) = (start, Vec::<(i64, i64)>::new());
        let slot = (length + SLOTS - 1) / SLOTS;
        for (id, Try { gap, amount, released }) in (0..).zip(&tries) {
            now += gap;
            let of = [charge("value", rolling(length), max, *amount)];
            let result = ledger.reserve(call(id), &of, now);
            let sum = |since: i64| -> i64 {
                taken.iter().filter(|(at, _)| *at >= since).map(|(_, amount)| amount).sum()
            };
            match result {
                Ok(_) => taken.push((now, *amount)),
                // It may admit less, but by one slot at most.
                Err(_) => prop_assert!(sum(now - length - slot) + amount > max),
            }
            if *released && taken.last().is_some_and(|(at, _)| *at == now) {
                // Given back: the room may be used again, at once.
                if ledger.release(call(id)).is_ok() {
                    taken.pop();
                }
            }
            ledger.check().unwrap();
        }
        prop_assert!(most(&taken, length) <= max, "{taken:?}");
    }

    #[test]
    fn there_is_room_when_a_refusal_said_there_would_be(
        (length, tries) in lengths().prop_flat_map(|length| (Just(length), tries(length))),
        max in 1..150_i64,
        unit in prop::sample::select(vec![Unit::Minute, Unit::Hour, Unit::Day]),
        calendar in prop::bool::ANY,
    ) {
        let window = if calendar { zoned(unit, "Europe/Berlin") } else { rolling(length) };
        let (mut ledger, mut now) = (Ledger::new(), MIDNIGHT);
        for (id, Try { gap, amount, .. }) in (0..).zip(&tries) {
            now += gap;
            let of = [charge("value", window.clone(), max, *amount)];
            if let Err(ReserveError::Exhausted(refused)) = ledger.reserve(call(id), &of, now) {
                prop_assert_eq!(refused.retry_after_micros.is_none(), *amount > max);
                if let Some(wait) = refused.retry_after_micros {
                    prop_assert!(wait > 0);
                    prop_assert!(ledger.fits(&of, now + wait - 1).is_err());
                    prop_assert_eq!(ledger.fits(&of, now + wait), Ok(()));
                }
                prop_assert_eq!(refused.left, max - refused.used - refused.held - refused.unknown);
            }
        }
    }
}

#[test]
fn a_bucket_straddling_the_windows_edge_is_counted_whole() {
    let mut ledger = Ledger::new();
    let of = |amount| [charge("value", rolling(60 * SECOND), 100, amount)];
    // Both in the slot of the first second.
    assert!(take(&mut ledger, 1, &of(50), MIDNIGHT));
    assert!(take(&mut ledger, 2, &of(50), MIDNIGHT + SECOND - 1));
    for now in [MIDNIGHT + MINUTE + 1, MIDNIGHT + MINUTE + SECOND - 1] {
        assert!(!take(&mut ledger, 3, &of(1), now));
    }
    assert!(take(&mut ledger, 3, &of(100), MIDNIGHT + MINUTE + SECOND));
}
