//! The classes of values that one place may hold, as far as the tests on it tell them apart.
//!
//! Every value that a call can carry is in one of the classes, and every class has a value of its own;
//! where that cannot be kept, a ghost stands for all that is left out: it may answer every test in every
//! way, so what is ruled out with it is ruled out for certain.

use json::{Decimal, Number, Object, Value};

use crate::program::{Constant, JsonType, Op, Operand};
use crate::values::Found;

use super::test::{ANY, Test, Truths, is, only};
use super::text;

/// Lists of more elements are not looked at: a call holds at most 10 000 members in all.
const LENGTH_MAX: usize = 2_000;

/// The most constants of `contains` whose presence in a list is tried in every combination.
const CONTAINED_MAX: usize = 5;

/// What kind of value a class holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Missing,
    Null,
    Bool,
    Number(Span),
    Text,
    List,
    Object,
    /// One answer of something that is not a value.
    Choice,
    /// All that no other class covers.
    Ghost,
}

/// Numbers between two bounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// The lower bound, and whether it is in.
    pub(crate) low: Option<(Decimal, bool)>,
    /// The upper bound, and whether it is in.
    pub(crate) high: Option<(Decimal, bool)>,
    /// Whether they are written as integers, where that matters.
    pub(crate) integer: Option<bool>,
}

/// Values that no test tells apart.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub(crate) kind: Kind,
    /// What each test says.
    pub(crate) truths: Vec<Truths>,
    /// Some of the values, the plainest first; `None` is a value that is not there. Empty for ghosts.
    pub(crate) values: Vec<Option<Value>>,
    /// Whether it is one value and no other.
    pub(crate) point: bool,
}

impl Class {
    pub(crate) fn ghost(tests: usize) -> Self {
        Self { kind: Kind::Ghost, truths: vec![ANY; tests], values: Vec::new(), point: false }
    }

    pub(crate) fn is_ghost(&self) -> bool {
        self.kind == Kind::Ghost
    }
}

/// Classes, and why there may be others.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    pub(crate) list: Vec<Class>,
    pub(crate) gap: Option<&'static str>,
    /// What finding them cost, in steps.
    pub(crate) work: usize,
}

impl Classes {
    fn add(&mut self, tests: &[Test<'_>], kind: Kind, values: Vec<Option<Value>>, point: bool) {
        let Some(first) = values.first() else { return };
        let found = first.as_ref().map_or(Found::Missing, Found::of);
        let truths = tests.iter().map(|test| only(test.truth(found))).collect();
        self.list.push(Class { kind, truths, values, point });
    }

    /// A ghost for what is left out.
    pub(crate) fn closed(mut self, tests: usize) -> Self {
        if self.gap.is_some() {
            self.list.push(Class::ghost(tests));
        }
        self
    }
}

/// Which values may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Any JSON value, or none.
    Any,
    /// Any JSON value.
    Element,
    /// A string.
    Text,
    /// A string or none.
    TextOrNone,
}

/// The classes of values at one place. `inner` is whether other places lie inside: then the lists and
/// objects are made elsewhere.
pub(crate) fn of(tests: &[Test<'_>], domain: Domain) -> Classes {
    let mut classes = Classes::default();
    if matches!(domain, Domain::Any | Domain::TextOrNone) {
        classes.add(tests, Kind::Missing, vec![None], true);
    }
    if matches!(domain, Domain::Any | Domain::Element) {
        numbers(tests, &mut classes);
    }
    texts(tests, &mut classes);
    if matches!(domain, Domain::Any | Domain::Element) {
        for value in [false, true] {
            classes.add(tests, Kind::Bool, vec![Some(Value::Bool(value))], true);
        }
        classes.add(tests, Kind::Null, vec![Some(Value::Null)], true);
        lists(tests, &mut classes);
        objects(tests, &mut classes);
    }
    classes
}

fn texts(tests: &[Test<'_>], classes: &mut Classes) {
    let texts = text::classes(tests);
    classes.gap = classes.gap.or(texts.gap);
    classes.work += texts.work;
    for mut class in texts.classes {
        let point = class.point;
        // An empty text shows little.
        class.words.sort_by_key(String::is_empty);
        let values = class.words.into_iter().map(|word| Some(Value::String(word))).collect();
        classes.list.push(Class { kind: Kind::Text, truths: class.truths, values, point });
    }
}

fn is_length(op: Op) -> bool {
    matches!(op, Op::LengthLt | Op::LengthLte | Op::LengthGt | Op::LengthGte)
}

fn numbers(tests: &[Test<'_>], classes: &mut Classes) {
    let measures = |test: &&Test<'_>| !matches!(test, Test::Compare(c) if is_length(c.op));
    let mut constants: Vec<Decimal> = tests
        .iter()
        .filter(measures)
        .flat_map(Test::constants)
        .filter_map(|constant| match constant {
            Constant::Number(number) => Some(number),
            _ => None,
        })
        .collect();
    constants.sort_unstable();
    constants.dedup();
    let of_integers = tests.iter().any(|test| {
        matches!(test, Test::Compare(c) if matches!(c.operand, Operand::Type(JsonType::Integer)))
    });
    let ways: &[Option<bool>] = if of_integers { &[Some(true), Some(false)] } else { &[None] };
    let mut low = None;
    for next in constants.iter().copied().map(Some).chain([None]) {
        for integer in ways {
            let between = inside(low, next, *integer);
            let span = Span {
                low: low.map(|n| (n, false)),
                high: next.map(|n| (n, false)),
                integer: *integer,
            };
            classes.add(tests, Kind::Number(span), between, false);
            if let Some(number) = next {
                let at = Some((number, true));
                let span = Span { low: at, high: at, integer: *integer };
                let values = written(number, *integer).into_iter().map(Some).collect();
                classes.add(tests, Kind::Number(span), values, true);
            }
        }
        low = next;
    }
}

fn written(number: Decimal, integer: Option<bool>) -> Option<Value> {
    let of = |integer| Number::of_decimal(number, integer).map(Value::Number);
    match integer {
        Some(integer) => of(integer),
        None => of(true).or_else(|| of(false)),
    }
}

/// Some numbers between two bounds, the plainest first; none when there is none.
fn inside(
    low: Option<Decimal>,
    high: Option<Decimal>,
    integer: Option<bool>,
) -> Vec<Option<Value>> {
    const SAFE: i64 = (1 << 53) - 1;
    let mut tried: Vec<Decimal> = Vec::new();
    match (low, high) {
        (None, None) => tried.push(Decimal::from(1)),
        (Some(low), _) => tried.extend(low.floor().map(|n| Decimal::from(n.saturating_add(1)))),
        (None, Some(high)) => {
            let floor = high.floor();
            tried.extend(floor.map(|n| Decimal::from(n.saturating_sub(1))));
            tried.extend(floor.map(Decimal::from));
        }
    }
    let cents = low.and_then(Decimal::millionths_up).and_then(|n| n.checked_add(10_000));
    tried.extend(cents.map(|n| Decimal::new(n < 0, n.unsigned_abs(), -6)));
    tried.extend(high.and_then(Decimal::floor).map(Decimal::from));
    tried.extend(high.and_then(Decimal::floor).map(|n| Decimal::from(n.saturating_sub(1))));
    tried.extend(low.and_then(Decimal::floor).map(|n| Decimal::from(n.saturating_add(2))));
    tried.extend([0, SAFE, -SAFE].map(Decimal::from));
    tried.extend(
        [low.and_then(Decimal::above), high.and_then(Decimal::below)].into_iter().flatten(),
    );
    let beyond = low.and_then(Decimal::above).and_then(Decimal::above);
    tried.extend(beyond);
    let mut values: Vec<(Decimal, Value)> = Vec::new();
    for number in tried {
        let fits = low.is_none_or(|low| low < number) && high.is_none_or(|high| number < high);
        if fits
            && values.len() < 4
            && !values.iter().any(|(known, _)| *known == number)
            && let Some(value) = written(number, integer)
        {
            values.push((number, value));
        }
    }
    values.into_iter().map(|(_, value)| Some(value)).collect()
}

/// Where lengths fall, as the tests and the given places cut them: from, and up to.
pub(crate) fn lengths(
    tests: &[Test<'_>],
    cuts: &[usize],
    gap: &mut Option<&'static str>,
) -> Vec<(usize, Option<usize>)> {
    let mut starts = vec![0];
    starts.extend(cuts.iter().copied());
    for test in tests {
        let Test::Compare(comparison) = test else { continue };
        let Operand::Scalar(Constant::Number(number)) = &comparison.operand else { continue };
        if !is_length(comparison.op) {
            continue;
        }
        match number.floor().and_then(|n| usize::try_from(n).ok()) {
            Some(count) => starts.extend([count, count.saturating_add(1)]),
            None => *gap = Some("a length is too large to decide"),
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).map(|next| next.checked_sub(1)).chain([None]);
    let cells: Vec<(usize, Option<usize>)> = starts.iter().copied().zip(ends).collect();
    if cells.iter().any(|(low, _)| *low > LENGTH_MAX) {
        *gap = Some("a length is too large to decide");
    }
    cells.into_iter().filter(|(low, _)| *low <= LENGTH_MAX).collect()
}

fn lists(tests: &[Test<'_>], classes: &mut Classes) {
    let mut wanted: Vec<Constant> = Vec::new();
    for test in tests {
        if let Test::Compare(comparison) = test
            && matches!(comparison.op, Op::Contains | Op::NotContains)
            && let Operand::Scalar(constant) = &comparison.operand
            && !wanted.contains(constant)
        {
            wanted.push(constant.clone());
        }
    }
    if wanted.len() > CONTAINED_MAX {
        classes.gap = Some("too many elements of one list are asked for");
        wanted.truncate(CONTAINED_MAX);
    }
    let filler = ["x", "y", "z", "-", "other", "none of these"]
        .into_iter()
        .find(|text| !wanted.iter().any(|c| is(c, crate::values::Scalar::Text(text))))
        .map_or(Value::Bool(true), Value::from);
    let odd: &[bool] = if wanted.is_empty() { &[false] } else { &[false, true] };
    for (low, high) in lengths(tests, &[], &mut classes.gap) {
        for chosen in 0..1_usize << wanted.len() {
            for odd in odd {
                let picked = wanted.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1);
                let mut list: Vec<Value> = picked.filter_map(|(_, c)| value_of(c)).collect();
                if *odd {
                    list.push(Value::Null);
                }
                if high.is_some_and(|high| list.len() > high) {
                    continue;
                }
                while list.len() < low {
                    list.push(filler.clone());
                }
                let value = Some(Value::Array(list));
                classes.add(tests, Kind::List, vec![value], false);
            }
        }
    }
}

fn objects(tests: &[Test<'_>], classes: &mut Classes) {
    for (low, _) in lengths(tests, &[], &mut classes.gap) {
        let mut object = Object::new();
        for number in 0..low {
            object.insert(format!("m{number}"), Value::Bool(true));
        }
        classes.add(tests, Kind::Object, vec![Some(Value::Object(object))], false);
    }
}

/// The constant as a value.
pub(crate) fn value_of(constant: &Constant) -> Option<Value> {
    match constant {
        Constant::Text(text) => Some(Value::from(&**text)),
        Constant::Bool(value) => Some(Value::Bool(*value)),
        Constant::Number(number) => written(*number, None),
    }
}
