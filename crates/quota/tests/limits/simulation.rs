//! The ledger, its callers, crashes, and messages that come late, twice or never.
//!
//! One seed is one run, the same everywhere. `QUOTA_SEEDS` says how many seeds are tried,
//! `QUOTA_SEED` tries one alone.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use quota::*;

use crate::world::*;

#[test]
fn limits_hold_over_crashes_and_lost_messages() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("QUOTA_SEED") {
        Some(seed) => seed..seed.saturating_add(1),
        None => 0..number("QUOTA_SEEDS").unwrap_or(500),
    };
    assert!(!seeds.is_empty(), "no seed was tried");
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| World::new(seed).run())) {
            eprintln!(
                "seed {seed} failed; replay it with\n    QUOTA_SEED={seed} cargo test -p quota --test limits simulation"
            );
            resume_unwind(panic);
        }
    }
}

/// What the upstream truly did with a call.
#[derive(Clone, Debug)]
struct Truth {
    at: i64,
    charges: Vec<Charge>,
    outcome: Outcome,
}

impl Truth {
    /// Whether the call counts under this charge, seen by someone who knows everything.
    fn counts(&self, charge: &Charge) -> bool {
        self.outcome.leads_to(charge.limit.count_failed, charge.limit.on_unknown) == State::Settled
    }
}

#[derive(Clone, Copy, Debug)]
struct Message {
    due: i64,
    call: CallId,
    outcome: Outcome,
}

struct World {
    dice: Dice,
    now: i64,
    limits: Vec<Charge>,
    ledger: Ledger,
    store: Rows,
    /// Steps that are made in memory and not yet written.
    group: Vec<Changes>,
    /// Calls that may leave once the group is written.
    waiting: Vec<CallId>,
    messages: Vec<Message>,
    truths: BTreeMap<CallId, Truth>,
    next: u64,
    admitted: u64,
    refused: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
        let zone = dice.pick(&zones).copied().unwrap_or("UTC");
        let length = dice.pick(&[MINUTE, 90 * SECOND, 6 * HOUR]).copied().unwrap_or(MINUTE);
        let unit = dice.pick(&[Unit::Minute, Unit::Hour, Unit::Day]).copied().unwrap_or(Unit::Day);
        let mut tries = charge("tries", rolling(length), 5 + dice.below(20), 1);
        tries.limit.count_failed = true;
        let mut calls = charge("calls", zoned(unit, zone), 5 + dice.below(40), 1);
        calls.limit.on_unknown = OnUnknown::RollBack;
        let limits = vec![
            calls,
            charge("value", zoned(unit, zone), 50 + dice.below(300), 0),
            charge("rolls", rolling(length), 50 + dice.below(300), 0),
            tries,
        ];
        // Shortly before the clocks are turned in Berlin, or in Lord Howe, or at no special time.
        let starts = ["2026-03-29T00:30:00Z", "2026-04-04T14:30:00Z", "2026-11-21T23:00:00Z"];
        let start = dice.pick(&starts).map_or(MIDNIGHT, |text| at(text));
        Self {
            dice,
            now: start,
            limits,
            ledger: Ledger::new(),
            store: Rows::default(),
            group: Vec::new(),
            waiting: Vec::new(),
            messages: Vec::new(),
            truths: BTreeMap::new(),
            next: 0,
            admitted: 0,
            refused: 0,
        }
    }

    fn run(mut self) {
        for _ in 0..300 {
            self.advance();
            match self.dice.below(24) {
                0..10 => self.ask(),
                10..14 => self.commit(),
                14 => self.fail(),
                15 => self.crash(),
                16 => self.sweep(),
                17 => self.ask_again(),
                18 => self.tidy(),
                _ => self.deliver(),
            }
            self.laws();
            if self.dice.one_in(16) {
                self.ledger.check().unwrap();
            }
        }
        self.settle_down();
        assert!(self.admitted > 0 && self.admitted + self.refused > 20, "the run did something");
    }

    /// Time goes by: mostly a little, now and then a lot, and once in a while backwards.
    fn advance(&mut self) {
        self.now += match self.dice.below(40) {
            0 => -self.dice.below(HOUR),
            1 => self.dice.below(DAY),
            2..6 => self.dice.below(HOUR),
            6..12 => 0,
            _ => self.dice.below(5 * SECOND),
        };
    }

    fn charges(&mut self) -> Vec<Charge> {
        let mut charges = Vec::new();
        for limit in self.limits.clone() {
            if !self.dice.one_in(3) {
                let amount = if limit.amount == 0 { self.dice.below(60) } else { limit.amount };
                charges.push(Charge { amount, ..limit });
            }
        }
        charges
    }

    /// A caller asks for room.
    fn ask(&mut self) {
        let charges = self.charges();
        if charges.is_empty() {
            return;
        }
        let id = call(self.next);
        self.next += 1;
        match self.ledger.reserve(id, &charges, self.now) {
            Ok(changes) => {
                self.admitted += 1;
                self.group.push(changes);
                self.waiting.push(id);
                let outcome = self.dice.pick(&Outcome::ALL[..4]).copied();
                let outcome = outcome.unwrap_or(Outcome::Completed);
                let at = self.ledger.mark().unwrap();
                self.truths.insert(id, Truth { at, charges, outcome });
            }
            Err(ReserveError::Exhausted(_)) => self.refused += 1,
            Err(other) => panic!("{other}"),
        }
    }

    /// A request for room that arrives twice.
    fn ask_again(&mut self) {
        let calls: Vec<CallId> = self.truths.keys().copied().collect();
        let Some(id) = self.dice.pick(&calls).copied() else { return };
        let charges = self.truths.get(&id).map(|truth| truth.charges.clone()).unwrap_or_default();
        assert!(self.ledger.reserve(id, &charges, self.now).unwrap().is_empty(), "a replay");
    }

    /// The group is durable: its calls leave, and their answers come back some time, or twice, or
    /// never.
    fn commit(&mut self) {
        self.store.write(&Changes::group(self.group.drain(..)));
        for id in std::mem::take(&mut self.waiting) {
            self.leave(id);
        }
    }

    fn leave(&mut self, id: CallId) {
        let Some(outcome) = self.truths.get(&id).map(|truth| truth.outcome) else { return };
        let copies = match self.dice.below(10) {
            0 => 0,
            1 | 2 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let due = self.now + self.dice.below(10 * SECOND);
            self.messages.push(Message { due, call: id, outcome });
        }
    }

    /// The commit fails: none of its calls leaves, and memory is as it was.
    fn fail(&mut self) {
        self.ledger.undo(&Changes::group(self.group.drain(..))).unwrap();
        self.never_left();
        // Answers that were being written are told again, as the store spools them.
        self.retell();
        assert_eq!(Rows::of(&self.ledger), self.store);
    }

    /// The process dies: memory is gone, the last commit may or may not have reached the disk, and
    /// nobody knows any more what became of the calls in flight.
    fn crash(&mut self) {
        let reached = self.dice.one_in(2);
        if reached {
            self.store.write(&Changes::group(self.group.drain(..)));
            // Written, but the process died before it could send them.
            for id in std::mem::take(&mut self.waiting) {
                if let Some(truth) = self.truths.get_mut(&id) {
                    truth.outcome = Outcome::NotSent;
                }
            }
        }
        self.group.clear();
        self.never_left();
        // Messages to a dead process are lost, save some that are spooled.
        let mut dice = self.dice.clone();
        self.messages.retain(|_| dice.one_in(3));
        self.dice = dice;
        self.ledger = self.store.load();
        self.sweep();
    }

    /// Calls whose reservation is not in the ledger never left.
    fn never_left(&mut self) {
        self.waiting.clear();
        let stored = &self.store;
        self.truths.retain(|id, _| stored.has(id));
        let truths = &self.truths;
        self.messages.retain(|message| truths.contains_key(&message.call));
    }

    /// Whoever has an answer that is not durable tells it again.
    fn retell(&mut self) {
        let open = self.ledger.reservations(State::Reserved);
        for reservation in open {
            self.leave(reservation.call);
        }
    }

    /// What nobody answers for is closed as unknown.
    fn sweep(&mut self) {
        let waiting = self.waiting.clone();
        for reservation in self.ledger.reservations(State::Reserved) {
            if !waiting.contains(&reservation.call) {
                let changes = self.ledger.finish(reservation.call, Outcome::Unknown).unwrap();
                self.group.push(changes);
            }
        }
    }

    /// The past is tidied.
    fn tidy(&mut self) {
        let changes = self.ledger.sweep(self.now, 2);
        self.group.push(changes);
    }

    /// An answer arrives.
    fn deliver(&mut self) {
        let due = self.messages.iter().position(|message| message.due <= self.now);
        let Some(message) = due.map(|place| self.messages.swap_remove(place)) else { return };
        let changes = self.ledger.finish(message.call, message.outcome).unwrap();
        self.group.push(changes);
    }

    /// What is true at every moment.
    fn laws(&self) {
        for limit in &self.limits {
            let (used, held, unknown, left) = usage(&self.ledger, limit, self.now);
            let max = limit.limit.max;
            assert!(used >= 0 && held >= 0 && unknown >= 0);
            assert_eq!(used + held + unknown + left, max, "counted never passes max");
            if limit.limit.on_unknown == OnUnknown::RollBack {
                continue;
            }
            // Counted is never less than what was truly done.
            let since = self.since(limit);
            let done =
                self.done(limit, since, self.now.max(self.ledger.mark().unwrap_or(self.now)));
            assert!(done <= used + held + unknown, "{done} done, {used} {held} {unknown} counted");
        }
    }

    fn since(&self, limit: &Charge) -> i64 {
        let now = self.ledger.mark().map_or(self.now, |mark| mark.max(self.now));
        match &limit.limit.window {
            Window::Calendar { unit, zone } => calendar_span(*unit, zone, now).unwrap().start,
            Window::Rolling { length_micros } => now - length_micros,
        }
    }

    /// What the upstream truly did under a limit between two moments.
    fn done(&self, limit: &Charge, from: i64, to: i64) -> i64 {
        let inside = self.truths.values().filter(|truth| (from..=to).contains(&truth.at));
        let charges = inside.flat_map(|truth| {
            truth.charges.iter().filter(move |c| c.key == limit.key && truth.counts(c))
        });
        charges.map(|charge| charge.amount).sum()
    }

    /// Every answer arrives, a person resolves the rest by what truly happened, and the books
    /// agree with the upstream's.
    fn settle_down(&mut self) {
        self.commit();
        self.now = self.messages.iter().map(|message| message.due).fold(self.now, i64::max);
        while !self.messages.is_empty() {
            self.deliver();
        }
        self.sweep();
        for reservation in self.ledger.reservations(State::Unknown) {
            let truth = self.truths.get(&reservation.call).cloned().unwrap();
            for charge in &truth.charges {
                let hold = reservation.holds.iter().find(|hold| hold.key == charge.key);
                if hold.is_none_or(|hold| hold.state != State::Unknown) {
                    continue;
                }
                let fate = if truth.counts(charge) { Fate::Settle } else { Fate::Release };
                let key = Some(&charge.key);
                self.group.push(self.ledger.resolve(reservation.call, key, fate).unwrap());
            }
        }
        self.commit();
        assert_eq!(self.store.load(), self.ledger);
        assert!(self.ledger.reservations(State::Reserved).is_empty());
        for limit in self.limits.clone() {
            self.laws();
            let (used, held, unknown, left) = usage(&self.ledger, &limit, self.now);
            assert_eq!((held, unknown), (0, 0));
            let (now, max) = (self.now.max(self.ledger.mark().unwrap()), limit.limit.max);
            let done = self.done(&limit, self.since(&limit), now);
            if matches!(limit.limit.window, Window::Calendar { .. }) {
                let rolled_back = limit.limit.on_unknown == OnUnknown::RollBack;
                assert!(used <= done, "nothing is counted twice");
                assert!(used == done || rolled_back, "nothing is forgotten");
            }
            self.every_window(&limit, max);
            // A call that fits alone is not refused, and one that does not is.
            let of = |amount| [Charge { amount, ..limit.clone() }];
            assert!(self.ledger.fits(&of(left), self.now).is_ok());
            assert!(self.ledger.fits(&of(left + 1), self.now).is_err());
        }
    }

    /// No window that ever was held more than `max`, by the upstream's own books.
    fn every_window(&self, limit: &Charge, max: i64) {
        if limit.limit.on_unknown == OnUnknown::RollBack {
            return;
        }
        for truth in self.truths.values() {
            let (from, to) = match &limit.limit.window {
                Window::Calendar { unit, zone } => {
                    let span = calendar_span(*unit, zone, truth.at).unwrap();
                    (span.start, span.end - 1)
                }
                Window::Rolling { length_micros } => (truth.at, truth.at + length_micros),
            };
            let done = self.done(limit, from, to);
            assert!(done <= max, "{done} of {max} were done");
        }
    }
}
