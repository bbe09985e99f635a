//! Random sequences of steps, against the plain model and against what a store has written.

use proptest::prelude::*;
use quota::*;

use crate::model::{Model, Taken, Told};
use crate::world::*;

#[derive(Clone, Debug)]
enum Step {
    Reserve {
        id: u64,
        charges: Vec<(usize, i64)>,
        later: i64,
    },
    Finish(u64, Outcome),
    Settle(u64),
    Release(u64),
    Unknown(u64),
    Resolve(u64, Option<usize>, Fate),
    Sweep {
        later: i64,
    },
    /// The commit of the steps since the last commit fails.
    Fail,
    /// The steps since the last commit are written.
    Commit,
    /// The process is killed and started again.
    Kill,
}

fn steps(limits: usize) -> impl Strategy<Value = Vec<Step>> {
    let id = || 0..24_u64;
    let later = || {
        prop_oneof![
            4 => Just(0),
            4 => 0..90 * SECOND,
            2 => 0..3 * HOUR,
            1 => 0..3 * DAY,
            1 => 0..40 * DAY,
            1 => -DAY..0_i64,
        ]
    };
    let charges = prop::collection::vec((0..limits, 0..50_i64), 0..4);
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let fate = prop::sample::select(vec![Fate::Settle, Fate::Release]);
    let step = prop_oneof![
        10 => (id(), charges, later())
            .prop_map(|(id, charges, later)| Step::Reserve { id, charges, later }),
        6 => (id(), outcome).prop_map(|(id, outcome)| Step::Finish(id, outcome)),
        1 => id().prop_map(Step::Settle),
        1 => id().prop_map(Step::Release),
        2 => id().prop_map(Step::Unknown),
        2 => (id(), prop::option::of(0..limits), fate)
            .prop_map(|(id, key, fate)| Step::Resolve(id, key, fate)),
        1 => later().prop_map(|later| Step::Sweep { later }),
        1 => Just(Step::Fail),
        3 => Just(Step::Commit),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..160)
}

/// A ledger, the model it must agree with, and the store that keeps its rows.
struct Bench {
    limits: Vec<Charge>,
    /// Whether each counter is only ever used under one window, so that sums are exact.
    exact: bool,
    now: i64,
    ledger: Ledger,
    model: Model,
    store: Rows,
    pending: Vec<Changes>,
    /// Ledger, model and clock as they were at the last commit.
    committed: (Ledger, Model),
}

impl Bench {
    fn new(limits: Vec<Charge>, exact: bool) -> Self {
        Self {
            limits,
            exact,
            now: MIDNIGHT,
            ledger: Ledger::new(),
            model: Model::default(),
            store: Rows::default(),
            pending: Vec::new(),
            committed: (Ledger::new(), Model::default()),
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Reserve { id, charges, later } => self.reserve(*id, charges, *later),
            Step::Finish(id, outcome) => {
                let to = |t: &Taken| Some(outcome.leads_to(t.count_failed, t.on_unknown));
                let told = self.model.step(call(*id), *outcome == Outcome::Unknown, to);
                self.stepped(told, |ledger| ledger.finish(call(*id), *outcome));
            }
            Step::Settle(id) => {
                let told = self.model.step(call(*id), false, |_| Some(State::Settled));
                self.stepped(told, |ledger| ledger.settle(call(*id)));
            }
            Step::Release(id) => {
                let told = self.model.step(call(*id), false, |_| Some(State::Released));
                self.stepped(told, |ledger| ledger.release(call(*id)));
            }
            Step::Unknown(id) => {
                let told = self.model.step(call(*id), false, |_| Some(State::Unknown));
                self.stepped(told, |ledger| ledger.unknown(call(*id)));
            }
            Step::Resolve(id, place, fate) => self.resolve(*id, *place, *fate),
            Step::Sweep { later } => {
                self.now += later;
                let changes = self.ledger.sweep(self.now, 3);
                self.model.mark = self.ledger.mark();
                self.forgotten();
                self.pending.push(changes);
            }
            Step::Fail => self.fail(),
            Step::Commit => self.commit(),
            Step::Kill => {
                self.ledger = self.store.load();
                assert_eq!(self.ledger, self.committed.0, "load gives what was written");
                self.model = self.committed.1.clone();
                self.pending.clear();
            }
        }
    }

    fn reserve(&mut self, id: u64, charges: &[(usize, i64)], later: i64) {
        self.now += later;
        let charges: Vec<Charge> = charges
            .iter()
            .map(|(place, amount)| Charge { amount: *amount, ..self.limits[*place].clone() })
            .collect();
        let known: Vec<_> = self.model.taken.iter().filter(|t| t.call == call(id)).collect();
        let same = known.len() == charges.len()
            && known.iter().zip(&charges).all(|(t, c)| t.key == c.key && t.amount == c.amount);
        let new = known.is_empty();
        let (before, fits) = (self.ledger.clone(), self.ledger.fits(&charges, self.now));
        assert_eq!(before, self.ledger, "asking changes nothing");
        let result = self.ledger.reserve(call(id), &charges, self.now);
        match result {
            Ok(changes) if new => {
                assert_eq!(fits, Ok(()));
                self.model.reserve(call(id), &charges, self.now);
                if charges.is_empty() {
                    self.model.mark = before.mark();
                }
                // INVARIANT(counted): by the model, which rounds nothing.
                for charge in &charges {
                    let (begin, _) = Model::begins(&charge.limit.window, self.moment());
                    let counted = self.model.counted(&charge.key, begin);
                    assert!(counted <= i128::from(charge.limit.max), "{charge:?}: {counted}");
                }
                self.pending.push(changes);
            }
            Ok(changes) => {
                assert!(same && changes.is_empty(), "a replay is a no-op");
                assert_eq!(self.ledger, before);
            }
            Err(ReserveError::Exhausted(refused)) => {
                assert!(new && fits.is_err());
                assert_eq!(self.ledger, before, "all or none");
                // Refused for a reason: with what rounding may add, it would not fit.
                let begin = self.begins(&refused.window).1;
                let counted = self.model.counted(&refused.key, begin);
                let asked = i128::from(refused.asked);
                assert!(counted + asked > i128::from(refused.max), "{refused:?}: {counted}");
            }
            Err(ReserveError::OtherCharges) => {
                assert!(!new && !same);
                assert_eq!(self.ledger, before);
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn resolve(&mut self, id: u64, place: Option<usize>, fate: Fate) {
        let key = place.map(|place| self.limits[place].key.clone());
        let chosen = |k: &Key| key.as_ref().is_none_or(|key| key == k);
        let to = match fate {
            Fate::Settle => State::Settled,
            Fate::Release => State::Released,
        };
        let mut of_call = self.model.taken.iter().filter(|t| t.call == call(id));
        let chosen = |t: &Taken| t.doubted && !t.rolled_back && chosen(&t.key);
        let told = if of_call.any(chosen) {
            self.model.step(call(id), false, |t| chosen(t).then_some(to))
        } else {
            Told::Refused
        };
        self.stepped(told, |ledger| ledger.resolve(call(id), key.as_ref(), fate));
    }

    fn stepped(
        &mut self,
        told: Told,
        step: impl FnOnce(&mut Ledger) -> Result<Changes, StepError>,
    ) {
        let before = self.ledger.clone();
        match step(&mut self.ledger) {
            Ok(changes) => {
                let expected = if changes.is_empty() { Told::Replay } else { Told::Done };
                assert_eq!(told, expected);
                assert_eq!(changes.is_empty(), self.ledger == before);
                self.pending.push(changes);
            }
            Err(error) => {
                assert_eq!(told, Told::Refused, "{error}");
                assert_eq!(self.ledger, before, "a refused step changes nothing");
            }
        }
    }

    fn fail(&mut self) {
        let (mut one, mut ledger) = (self.ledger.clone(), self.ledger.clone());
        // Step by step, newest first; and all at once. Both lead back.
        for changes in self.pending.iter().rev() {
            one.undo(changes).unwrap();
        }
        ledger.undo(&Changes::group(self.pending.drain(..))).unwrap();
        assert_eq!(one, ledger);
        assert_eq!(ledger, self.committed.0, "undo gives what was before");
        ledger.check().unwrap();
        (self.ledger, self.model) = (ledger, self.committed.1.clone());
    }

    fn commit(&mut self) {
        let mut in_order = self.store.clone();
        self.pending.iter().for_each(|changes| in_order.write(changes));
        self.store.write(&Changes::group(self.pending.drain(..)));
        assert_eq!(self.store, in_order, "a group is written as its steps would be");
        assert_eq!(self.store, Rows::of(&self.ledger), "what is written is what is known");
        self.committed = (self.ledger.clone(), self.model.clone());
    }

    /// What the ledger has settled because its time was over, the model settles too.
    fn forgotten(&mut self) {
        for taken in &mut self.model.taken {
            if taken.state == State::Unknown {
                let known = self.ledger.reservation(&taken.call).unwrap();
                let hold = known
                    .holds
                    .iter()
                    .find(|h| h.key == taken.key && h.doubted && h.amount == taken.amount);
                if hold.unwrap().state == State::Settled {
                    let age = self.now.max(self.model.mark.unwrap()) - taken.at;
                    assert!(age > HISTORY_MICROS, "settled too early");
                    taken.state = State::Settled;
                }
            }
        }
    }

    fn moment(&self) -> i64 {
        self.model.moment(self.now)
    }

    fn begins(&self, window: &Window) -> (i64, i64) {
        if self.exact {
            Model::begins(window, self.moment())
        } else {
            Model::begins_roughly(window, self.moment())
        }
    }

    /// Every number that people are shown, against the model.
    fn compare(&mut self) {
        self.ledger.check().unwrap();
        self.forgotten();
        let now = self.moment();
        for limit in &self.limits {
            let Limit { rule, window, max, .. } = &limit.limit;
            let shown = self.ledger.usage(&limit.key, rule, window, *max, self.now).unwrap();
            let (begin, earliest) = self.begins(window);
            assert!(begin <= now);
            let (least, most) =
                (self.model.sums(&limit.key, begin), self.model.sums(&limit.key, earliest));
            let of = |sums: &std::collections::BTreeMap<State, i128>, state| {
                sums.get(&state).copied().unwrap_or(0)
            };
            for (state, shown) in [
                (State::Settled, shown.used),
                (State::Reserved, shown.held),
                (State::Unknown, shown.unknown),
            ] {
                let between = of(&least, state)..=of(&most, state);
                assert!(between.contains(&i128::from(shown)), "{state:?} {shown} {between:?}");
            }
            let counted =
                i128::from(shown.used) + i128::from(shown.held) + i128::from(shown.unknown);
            assert_eq!(i128::from(shown.left), (i128::from(*max) - counted).max(0));
        }
    }
}

fn try_all(limits: Vec<Charge>, exact: bool, steps: &[Step]) {
    let mut bench = Bench::new(limits, exact);
    for step in steps {
        bench.run(step);
        bench.compare();
    }
    bench.commit();
    bench.fail();
    bench.compare();
}

/// One window per counter; two limits may share a counter, and a rule says it is them.
fn plain() -> Vec<Charge> {
    let mut calls = charge("calls", rolling(MINUTE), 70, 0);
    calls.limit.on_unknown = OnUnknown::RollBack;
    let mut tries = charge("tries", zoned(Unit::Hour, "Asia/Kathmandu"), 120, 0);
    tries.limit.count_failed = true;
    vec![
        charge("value", zoned(Unit::Day, "Europe/Berlin"), 100, 0),
        calls,
        tries,
        charge("month", zoned(Unit::Month, "America/New_York"), 400, 0),
        charge("long", rolling(35 * DAY + 7), 150, 0),
    ]
}

/// One counter under every kind of window, as if its limit were edited before each call.
fn edited() -> Vec<Charge> {
    let windows = [
        Window::utc(Unit::Minute),
        Window::utc(Unit::Hour),
        Window::utc(Unit::Day),
        Window::utc(Unit::Week),
        Window::utc(Unit::Month),
        zoned(Unit::Day, "Europe/Berlin"),
        rolling(90 * SECOND),
        rolling(6 * HOUR),
        rolling(DAY),
        rolling(30 * DAY),
    ];
    let maxes = (0..).map(|place| 60 + place * 25);
    windows.into_iter().zip(maxes).map(|(window, max)| charge("value", window, max, 0)).collect()
}

/// Every step, by a ledger that forgets closed calls almost at once: nothing to compare with, but
/// what is written is still what is known, and what fails is still as if it had never been.
fn forget(steps: &[Step]) {
    const KEPT: usize = 2;
    let limits = plain();
    let (mut ledger, mut store, mut now) = (Ledger::remembering(KEPT), Rows::default(), MIDNIGHT);
    let (mut committed, mut pending) = (ledger.clone(), Vec::new());
    for step in steps {
        let done = match step {
            Step::Reserve { id, charges, later } => {
                now += later;
                let charges: Vec<Charge> = charges
                    .iter()
                    .map(|(place, amount)| Charge { amount: *amount, ..limits[*place].clone() })
                    .collect();
                ledger.reserve(call(*id), &charges, now).ok()
            }
            Step::Finish(id, outcome) => ledger.finish(call(*id), *outcome).ok(),
            Step::Settle(id) => ledger.settle(call(*id)).ok(),
            Step::Release(id) => ledger.release(call(*id)).ok(),
            Step::Unknown(id) => ledger.unknown(call(*id)).ok(),
            Step::Resolve(id, _, fate) => ledger.resolve(call(*id), None, *fate).ok(),
            Step::Sweep { later } => {
                now += later;
                Some(ledger.sweep(now, 2))
            }
            Step::Fail => {
                ledger.undo(&Changes::group(pending.drain(..))).unwrap();
                assert_eq!(ledger, committed);
                None
            }
            Step::Commit => {
                store.write(&Changes::group(pending.drain(..)));
                assert_eq!(store, Rows::of(&ledger));
                committed = ledger.clone();
                None
            }
            Step::Kill => {
                ledger = store.load_remembering(KEPT);
                assert_eq!(ledger, committed);
                pending.clear();
                None
            }
        };
        pending.extend(done);
        ledger.check().unwrap();
        let closed = ledger.size().2
            - ledger.reservations(State::Reserved).len()
            - ledger.reservations(State::Unknown).len();
        assert!(closed <= KEPT, "{closed} closed calls are remembered");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn the_ledger_agrees_with_a_plain_one(steps in steps(5)) {
        try_all(plain(), true, &steps);
    }

    #[test]
    fn a_ledger_that_forgets_calls_is_what_was_written(steps in steps(5)) {
        forget(&steps);
    }

    #[test]
    fn a_limit_that_keeps_changing_never_forgets_and_never_admits_too_much(steps in steps(10)) {
        try_all(edited(), false, &steps);
    }
}
