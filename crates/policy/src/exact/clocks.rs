//! Days and hours: few enough to look at each. Days are those of the years 2000 to 2099.

use std::collections::HashMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use json::Value;

use crate::values::Found;

use super::classes::{Class, Classes, Kind};
use super::test::{Test, Truths, only};

/// How many days or hours of each class are kept.
const KEPT: usize = 4;

/// The classes of days; each test is about the weekday (`true`) or the date.
pub(crate) fn days(tests: &[(bool, Test<'_>)]) -> Classes {
    let dated = tests.iter().any(|(weekday, _)| !weekday);
    // A week of any year is enough where only the weekday is asked about.
    let (first, today) = (Date::constant(2000, 1, 1), Date::constant(2026, 1, 1));
    let last = Date::constant(2099, 12, 31);
    let count = if dated { 36_525 } else { 7 };
    let mut gathered = Gathered::default();
    let by_weekday: Vec<Vec<Option<Truths>>> = WEEKDAYS
        .iter()
        .map(|name| {
            let judge = |(weekday, test): &(bool, Test<'_>)| {
                weekday.then(|| only(test.truth(Found::Text(name))))
            };
            tests.iter().map(judge).collect()
        })
        .collect();
    // Days that read well first.
    let mut day = today;
    for _ in 0..count {
        let number = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
        let text = format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
        let known = by_weekday.get(number).map_or(&[][..], Vec::as_slice);
        let truths = tests.iter().zip(known).map(|((_, test), known)| {
            known.unwrap_or_else(|| only(test.truth(Found::Text(&text))))
        });
        gathered.add(truths.collect(), &text);
        day = match day.checked_add(1.day()) {
            Ok(next) if next <= last => next,
            _ => first,
        };
    }
    gathered.classes()
}

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The classes of hours and minutes.
pub(crate) fn times(tests: &[Test<'_>]) -> Classes {
    let mut gathered = Gathered::default();
    // Noon first: it reads best where nothing else is asked.
    for minute in (720..1440).chain(0..720) {
        let text = format!("{:02}:{:02}", minute / 60, minute % 60);
        let truths = tests.iter().map(|test| only(test.truth(Found::Text(&text)))).collect();
        gathered.add(truths, &text);
    }
    gathered.classes()
}

#[derive(Default)]
struct Gathered {
    list: Vec<Class>,
    known: HashMap<Vec<Truths>, usize>,
    looked_at: usize,
}

impl Gathered {
    fn add(&mut self, truths: Vec<Truths>, text: &str) {
        self.looked_at += truths.len() * 20;
        let value = Some(Value::from(text));
        match self.known.get(&truths).and_then(|at| self.list.get_mut(*at)) {
            Some(class) if class.values.len() < KEPT => {
                class.values.push(value);
                class.point = false;
            }
            // The last one is kept too: it is often on the other side of a change of clocks.
            Some(class) => {
                if let Some(last) = class.values.last_mut() {
                    *last = value;
                }
            }
            None => {
                self.known.insert(truths.clone(), self.list.len());
                let class = Class { kind: Kind::Text, truths, values: vec![value], point: true };
                self.list.push(class);
            }
        }
    }

    fn classes(self) -> Classes {
        Classes { list: self.list, gap: None, work: self.looked_at }
    }
}
