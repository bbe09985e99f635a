//! Promises about callers that race for room: row Q01, a thousand rounds of it.

use std::sync::Arc;

use policy::Charge;
use store::{BeginError, Grant, OutcomeClass, RoomError, Server};

use super::quotas::{charge, key};
use super::{House, Store};

/// How many callers race in a round.
const CALLERS: usize = 64;

/// Lets the callers race, each with its charge; whether each got its room. All that did complete.
async fn race<S: Store>(
    house: &Arc<House<S>>,
    grant: &Arc<Grant>,
    server: &Arc<Server>,
    charges: Vec<Charge>,
) -> Vec<bool> {
    let callers: Vec<_> = charges
        .into_iter()
        .map(|charge| {
            let (house, grant, server) = (house.clone(), grant.clone(), server.clone());
            tokio::spawn(async move {
                let key = key(&house, &grant, &server, &charge.counter);
                let intent = house.intent(&grant, &server);
                let id = intent.id;
                let judged_at = house.generation();
                match house.store.call_begin(intent, vec![(key, charge)], judged_at).await {
                    Ok(()) => {
                        house.store.call_finish(house.outcome(id, OutcomeClass::Completed));
                        true
                    }
                    Err(BeginError::NoRoom(RoomError::Exhausted(_))) => false,
                    Err(error) => panic!("{error}"),
                }
            })
        })
        .collect();
    let mut got = Vec::with_capacity(callers.len());
    for caller in callers {
        got.push(caller.await.unwrap());
    }
    got
}

pub(crate) async fn ten_places_go_to_exactly_ten_of_64_callers<S: Store>(house: House<S>) {
    let server = Arc::new(house.server("a").await);
    let grant = Arc::new(house.grant("g", &[&server.id]).await.0);
    let house = Arc::new(house);
    for round in 0..1_000 {
        let limit = charge(&format!("c{round}"), 10, 1);
        let got = race(&house, &grant, &server, vec![limit.clone(); CALLERS]).await;
        assert_eq!(got.iter().filter(|got| **got).count(), 10, "Q01 round {round}");
        let key = key(&house, &grant, &server, &limit.counter);
        let full = house.store.room(&key, &limit);
        assert!(full.is_err(), "Q01 round {round}");
        let more = Charge { max_millionths: 11_000_000, ..limit };
        assert!(house.store.room(&key, &more).is_ok(), "Q01 round {round}: ten, not more");
    }
}

pub(crate) async fn a_spend_cap_is_never_passed_and_never_wasted<S: Store>(house: House<S>) {
    let server = Arc::new(house.server("a").await);
    let grant = Arc::new(house.grant("g", &[&server.id]).await.0);
    let house = Arc::new(house);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        i64::try_from(random % below).unwrap()
    };
    for round in 0..150 {
        // A cap of up to a hundred, amounts of up to a fifth of it, both to the millionth.
        let cap = draw(100_000_000) + 1;
        let limit = Charge { max_millionths: cap, ..charge(&format!("c{round}"), 0, 0) };
        let amounts: Vec<i64> =
            (0..CALLERS).map(|_| draw(cap.unsigned_abs() / 5 + 1) + 1).collect();
        let of = |amount: &i64| Charge { amount_millionths: *amount, ..limit.clone() };
        let got = race(&house, &grant, &server, amounts.iter().map(of).collect()).await;
        let taken = |wanted| amounts.iter().zip(&got).filter(move |(_, got)| **got == wanted);
        let sum: i64 = taken(true).map(|(amount, _)| amount).sum();
        assert!(sum <= cap, "round {round}: {sum} of {cap}");
        for (amount, _) in taken(false) {
            assert!(sum + amount > cap, "round {round}: {amount} would have fitted");
        }
        // To the millionth: what is left fits, and not one more.
        let key = key(&house, &grant, &server, &limit.counter);
        assert!(house.store.room(&key, &of(&(cap - sum))).is_ok(), "round {round}");
        assert!(house.store.room(&key, &of(&(cap - sum + 1))).is_err(), "round {round}");
    }
}
