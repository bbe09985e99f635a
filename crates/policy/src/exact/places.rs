//! Places that cannot be looked at one by one: lists whose elements are asked about. Every way in which
//! the elements together may answer is found by joining single elements until nothing new comes.

use std::collections::HashMap;

use json::{Object, Value};

use crate::path::Step;
use crate::values::Found;

use super::classes::{self, Class, Classes, Domain, Kind};
use super::test::{ANY, Test, Truths, only};

/// The most classes of one place.
const CLASSES_MAX: usize = 2_500;

const TOO_MANY: &str = "the ways in which a list can be filled are too many to decide";

/// A place, what is asked of it, and the places inside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place<'p> {
    /// Each question by its number; and whether every element must pass where `[*]` leads here.
    pub(crate) asked: Vec<(usize, Test<'p>, bool)>,
    pub(crate) members: Vec<(String, Place<'p>)>,
    pub(crate) indexes: Vec<(usize, Place<'p>)>,
    pub(crate) each: Option<Box<Place<'p>>>,
}

impl<'p> Place<'p> {
    /// The place that the steps lead to, made if it is new.
    pub(crate) fn at(&mut self, steps: &[Step]) -> &mut Self {
        let Some((step, rest)) = steps.split_first() else { return self };
        let child = match step {
            Step::Each => &mut **self.each.get_or_insert_default(),
            Step::Index(index) => {
                let at = self.indexes.iter().position(|(known, _)| known == index);
                let at = at.unwrap_or_else(|| {
                    self.indexes.push((*index, Self::default()));
                    self.indexes.len() - 1
                });
                &mut self.indexes[at].1
            }
            Step::Member(name) => {
                let at = self.members.iter().position(|(known, _)| known == name);
                let at = at.unwrap_or_else(|| {
                    self.members.push((name.clone(), Self::default()));
                    self.members.len() - 1
                });
                &mut self.members[at].1
            }
        };
        child.at(rest)
    }

    /// Whether its values must be looked at as a whole.
    pub(crate) fn is_whole(&self) -> bool {
        let measured = self.asked.iter().any(
            |(_, test, _)| matches!(test, Test::Compare(c) if c.op.name().starts_with("length_")),
        );
        self.each.is_some() || !self.indexes.is_empty() || measured && !self.members.is_empty()
    }

    /// The questions asked here.
    pub(crate) fn tests(&self) -> Vec<Test<'p>> {
        self.asked.iter().map(|(_, test, _)| test.clone()).collect()
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        let members = self.members.iter().map(|(_, place)| place);
        let indexes = self.indexes.iter().map(|(_, place)| place);
        members.chain(indexes).chain(self.each.as_deref())
    }

    /// The numbers of every question here and inside, in the order in which classes answer them.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = self.asked.iter().map(|(number, _, _)| *number).collect();
        for child in self.children() {
            order.extend(child.order());
        }
        order
    }

    /// What all questions here and inside say where nothing is.
    fn nothing(&self) -> Vec<Truths> {
        let here = self.asked.iter().map(|(_, test, _)| only(test.truth(Found::Missing)));
        let mut all: Vec<Truths> = here.collect();
        for child in self.children() {
            all.extend(child.nothing());
        }
        all
    }

    fn everys(&self) -> Vec<bool> {
        let mut all: Vec<bool> = self.asked.iter().map(|(_, _, every)| *every).collect();
        for child in self.children() {
            all.extend(child.everys());
        }
        all
    }

    /// The classes of whole values here.
    pub(crate) fn whole(&self, domain: Domain) -> Classes {
        let tests = self.tests();
        let own = classes::of(&tests, domain);
        let mut out = Gathered { gap: own.gap, work: own.work, ..Gathered::default() };
        for class in own.list {
            match class.kind {
                Kind::Object if !self.members.is_empty() => {}
                Kind::List if self.each.is_some() || !self.indexes.is_empty() => {}
                _ => {
                    let mut truths = class.truths.clone();
                    for child in self.children() {
                        truths.extend(child.nothing());
                    }
                    out.add(class.kind, truths, class.values);
                }
            }
        }
        if !self.members.is_empty() {
            self.objects(&tests, &mut out);
        }
        if self.each.is_some() || !self.indexes.is_empty() {
            self.lists(&tests, &mut out);
        }
        Classes { list: out.list, gap: out.gap, work: out.work }
    }

    fn objects(&self, tests: &[Test<'p>], out: &mut Gathered) {
        let inner: Vec<Classes> =
            self.members.iter().map(|(_, child)| child.whole(Domain::Any)).collect();
        out.gap = inner.iter().fold(out.gap, |gap, classes| gap.or(classes.gap));
        out.work += inner.iter().map(|classes| classes.work).sum::<usize>();
        let mut combined: Vec<(Vec<Truths>, Object)> = vec![(Vec::new(), Object::new())];
        for ((name, _), classes) in self.members.iter().zip(&inner) {
            let mut next = Vec::new();
            for (truths, object) in &combined {
                for class in classes.list.iter().filter(|class| !class.values.is_empty()) {
                    let mut truths = truths.clone();
                    truths.extend(&class.truths);
                    let mut object = object.clone();
                    if let Some(Some(value)) = class.values.first() {
                        if object.names().any(|known| json::fold(known) == json::fold(name)) {
                            continue;
                        }
                        object.insert(name.as_str(), value.clone());
                    }
                    next.push((truths, object));
                }
            }
            if next.len() > CLASSES_MAX {
                out.gap = Some(TOO_MANY);
                next.truncate(CLASSES_MAX);
            }
            combined = next;
        }
        let outside: Vec<Truths> = self
            .indexes
            .iter()
            .map(|(_, child)| child)
            .chain(self.each.as_deref())
            .flat_map(Self::nothing)
            .collect();
        for (low, high) in classes::lengths(tests, &[], &mut out.gap) {
            for (inside, object) in &combined {
                if high.is_some_and(|high| object.len() > high) {
                    continue;
                }
                let mut object = object.clone();
                let mut number = 0;
                while object.len() < low {
                    object.insert(format!("m{number}"), Value::Bool(true));
                    number += 1;
                }
                let value = Value::Object(object);
                let mut truths = judged(tests, &value);
                truths.extend(inside);
                truths.extend(&outside);
                out.add(Kind::Object, truths, vec![Some(value)]);
            }
        }
    }

    fn lists(&self, tests: &[Test<'p>], out: &mut Gathered) {
        let element = self.each.as_deref().cloned().unwrap_or_default();
        let elements = element.whole(Domain::Element);
        out.gap = out.gap.or(elements.gap);
        let joined = joined(&elements.list, &element.everys(), &mut out.gap);
        // Each join was put together with each element.
        out.work +=
            elements.work + joined.len() * elements.list.len() * (element.order().len() + 5);
        let numbered: Vec<Numbered> = self
            .indexes
            .iter()
            .map(|(index, child)| Numbered::of(*index, child, &element))
            .collect();
        out.gap = numbered.iter().fold(out.gap, |gap, one| gap.or(one.gap));
        let mut cuts: Vec<usize> = self.indexes.iter().map(|(index, _)| index + 1).collect();
        cuts.push(1);
        for (low, high) in classes::lengths(tests, &cuts, &mut out.gap) {
            let picks = self.picks(&numbered, low, &element, out);
            let present = numbered.iter().filter(|one| one.index < low).count();
            for pick in &picks {
                // Other elements are there unless the numbered ones are the whole list.
                if low == present {
                    self.list(tests, pick, &[], (low, high), out);
                }
                for join in &joined {
                    let pick = pick.joined_with(join, &element.everys());
                    self.list(tests, &pick, &join.parts, (low, high), out);
                }
            }
        }
    }

    /// Each way of filling the numbered elements that a list of so many elements has.
    fn picks(
        &self,
        numbered: &[Numbered],
        low: usize,
        element: &Self,
        out: &mut Gathered,
    ) -> Vec<Pick> {
        let everys = element.everys();
        let empty = if low == 0 { element.nothing() } else { Vec::new() };
        let mut picks = vec![Pick { inside: Vec::new(), each: empty, at: Vec::new() }];
        for ((index, child), one) in self.indexes.iter().zip(numbered) {
            let mut next: Vec<Pick> = Vec::new();
            let mut known = HashMap::new();
            for pick in &picks {
                if *index >= low {
                    let inside = [pick.inside.as_slice(), &child.nothing()].concat();
                    next.push(Pick { inside, ..pick.clone() });
                    continue;
                }
                for (own, each, value) in &one.ways {
                    let mut pick = pick.clone();
                    pick.inside.extend(own);
                    pick.each = join(&pick.each, each, &everys);
                    pick.at.push((*index, value.clone()));
                    if known.insert((pick.inside.clone(), pick.each.clone()), ()).is_none() {
                        next.push(pick);
                    }
                }
            }
            if next.len() > CLASSES_MAX {
                out.gap = Some(TOO_MANY);
                next.truncate(CLASSES_MAX);
            }
            picks = next;
        }
        picks
    }

    /// A list of the numbered elements and others, as long as it must be.
    fn list(
        &self,
        tests: &[Test<'p>],
        pick: &Pick,
        others: &[Value],
        (low, high): (usize, Option<usize>),
        out: &mut Gathered,
    ) {
        let count = low.max(pick.at.len() + others.len());
        if high.is_some_and(|high| count > high) {
            return;
        }
        let filler = others.first().cloned().unwrap_or(Value::Null);
        let mut rest = others.iter().cloned();
        let list: Vec<Value> = (0..count)
            .map(|at| match pick.at.iter().find(|(index, _)| *index == at) {
                Some((_, value)) => value.clone(),
                None => rest.next().unwrap_or_else(|| filler.clone()),
            })
            .collect();
        let value = Value::Array(list);
        let here = self.asked.iter().zip(judged(tests, &value));
        // What is among the elements is not followed; it may be either.
        let among =
            |test: &Test<'_>| matches!(test, Test::Compare(c) if c.op.name().ends_with("contains"));
        let mut truths: Vec<Truths> =
            here.map(|((_, test, _), truth)| if among(test) { ANY } else { truth }).collect();
        truths.extend(self.members.iter().flat_map(|(_, child)| child.nothing()));
        truths.extend(&pick.inside);
        if self.each.is_some() {
            truths.extend(&pick.each);
        }
        out.add(Kind::List, truths, vec![Some(value)]);
    }

    /// Takes over what is asked of another place.
    fn absorb(&mut self, other: &Self) {
        self.asked.extend(other.asked.iter().cloned());
        for (name, child) in &other.members {
            self.at(&[Step::Member(name.clone())]).absorb(child);
        }
        for (index, child) in &other.indexes {
            self.at(&[Step::Index(*index)]).absorb(child);
        }
        if let Some(child) = &other.each {
            self.at(&[Step::Each]).absorb(child);
        }
    }
}

/// A numbered element: what it answers on its own account, and as one of all elements.
struct Numbered {
    index: usize,
    ways: Vec<(Vec<Truths>, Vec<Truths>, Value)>,
    gap: Option<&'static str>,
}

impl Numbered {
    fn of(index: usize, child: &Place<'_>, element: &Place<'_>) -> Self {
        let mut both = element.clone();
        both.absorb(child);
        let order = both.order();
        let places = |wanted: Vec<usize>| -> Vec<Option<usize>> {
            wanted.iter().map(|number| order.iter().position(|known| known == number)).collect()
        };
        let (own, each) = (places(child.order()), places(element.order()));
        let classes = both.whole(Domain::Element);
        let read = |places: &[Option<usize>], class: &Class| -> Vec<Truths> {
            let at = |place: &Option<usize>| place.and_then(|at| class.truths.get(at).copied());
            places.iter().map(|place| at(place).unwrap_or(ANY)).collect()
        };
        let ways = classes.list.iter().filter_map(|class| {
            let value = class.values.first()?.clone()?;
            Some((read(&own, class), read(&each, class), value))
        });
        Self { index, ways: ways.collect(), gap: classes.gap }
    }
}

/// One way of filling the numbered elements.
#[derive(Clone)]
struct Pick {
    inside: Vec<Truths>,
    /// What they answer as some of all elements; empty where there is none yet.
    each: Vec<Truths>,
    at: Vec<(usize, Value)>,
}

impl Pick {
    fn joined_with(&self, other: &Join, everys: &[bool]) -> Self {
        Self { each: join(&self.each, &other.truths, everys), ..self.clone() }
    }
}

/// What two sets of elements answer together. Under `every` the least answer counts, otherwise the
/// greatest: Kleene's and, or.
fn join(a: &[Truths], b: &[Truths], everys: &[bool]) -> Vec<Truths> {
    if a.is_empty() {
        return b.to_vec();
    }
    let pairs = a.iter().zip(b).zip(everys);
    pairs.map(|((a, b), every)| if *every { *a.min(b) } else { *a.max(b) }).collect()
}

/// Classes, each set of answers once.
#[derive(Default)]
struct Gathered {
    list: Vec<Class>,
    known: HashMap<(bool, Vec<Truths>), usize>,
    gap: Option<&'static str>,
    work: usize,
}

impl Gathered {
    fn add(&mut self, kind: Kind, truths: Vec<Truths>, values: Vec<Option<Value>>) {
        self.work += 8 * truths.len() + 50;
        if self.list.len() >= CLASSES_MAX {
            self.gap = Some(TOO_MANY);
            return;
        }
        // What is there and what is not are told apart even where no question does.
        let key = (kind == Kind::Missing, truths);
        if !self.known.contains_key(&key) {
            self.known.insert(key.clone(), self.list.len());
            self.list.push(Class { kind, truths: key.1, values, point: false });
        }
    }
}

fn judged(tests: &[Test<'_>], value: &Value) -> Vec<Truths> {
    tests.iter().map(|test| only(test.truth(Found::of(value)))).collect()
}

/// What some elements together answer, and the fewest elements that do.
#[derive(Clone)]
struct Join {
    truths: Vec<Truths>,
    parts: Vec<Value>,
}

/// Everything that one or more elements can answer together.
fn joined(elements: &[Class], everys: &[bool], gap: &mut Option<&'static str>) -> Vec<Join> {
    let mut known: HashMap<Vec<Truths>, ()> = HashMap::new();
    let mut all: Vec<Join> = Vec::new();
    for class in elements {
        if let Some(Some(value)) = class.values.first()
            && known.insert(class.truths.clone(), ()).is_none()
        {
            all.push(Join { truths: class.truths.clone(), parts: vec![value.clone()] });
        }
    }
    let single = all.clone();
    let mut at = 0;
    while let Some(join) = all.get(at).cloned() {
        for one in &single {
            let truths = self::join(&join.truths, &one.truths, everys);
            if known.contains_key(&truths) {
                continue;
            }
            if all.len() >= CLASSES_MAX {
                *gap = Some(TOO_MANY);
                return all;
            }
            known.insert(truths.clone(), ());
            let parts = join.parts.iter().chain(&one.parts).cloned().collect();
            all.push(Join { truths, parts });
        }
        at += 1;
    }
    all
}
