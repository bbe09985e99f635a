//! What the paths of a policy find in one call: each distinct path is followed once.

use std::collections::HashMap;

use json::{Decimal, Number, Object, Value};

use crate::budget::Budget;
use crate::clock::Clock;
use crate::decision::GrantFacts;
use crate::path::{Path, Step};

/// What stands at one place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// Nothing.
    Missing,
    /// Nothing, because `[*]` met an empty list.
    EmptyList,
    /// `null`, which most operators take for missing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(&'a Number),
    /// A string.
    Text(&'a str),
    /// A list.
    List(&'a [Value]),
    /// An object.
    Object(&'a Object),
    /// What a path with `[*]` leads to: the index of its places.
    Places(usize),
}

impl<'a> Found<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(list) => Self::List(list),
            Value::Object(object) => Self::Object(object),
        }
    }
}

/// A string, a number or a truth value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Number(Decimal),
    Bool(bool),
}

/// Where the value of a slot comes from.
#[derive(Clone, Debug)]
enum Source {
    Args,
    ToolName,
    GrantLabel,
    GrantIdentity,
    GrantTag(Box<str>),
    Time,
    Weekday,
    Date,
}

/// The distinct paths of one entry of a policy, each with a slot for what it finds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    sources: Vec<Source>,
    /// For slots whose path has `[*]`: which list of places is theirs.
    wild: Vec<Option<usize>>,
    wild_count: usize,
    args: Trie,
    known: HashMap<Path, usize>,
    pub(crate) needs_clock: bool,
}

impl Slots {
    /// The slot of a path, made if it is new.
    pub(crate) fn slot(&mut self, path: &Path) -> usize {
        if let Some(slot) = self.known.get(path) {
            return *slot;
        }
        let slot = self.sources.len();
        let wild = path.is_wild().then_some(self.wild_count);
        self.wild_count += usize::from(wild.is_some());
        self.wild.push(wild);
        self.sources.push(match path {
            Path::Args(steps) => {
                self.args.add(steps, slot, wild);
                Source::Args
            }
            Path::ToolName => Source::ToolName,
            Path::GrantLabel => Source::GrantLabel,
            Path::GrantIdentity => Source::GrantIdentity,
            Path::GrantTag(key) => Source::GrantTag(key.as_str().into()),
            Path::Time => Source::Time,
            Path::Weekday => Source::Weekday,
            Path::Date => Source::Date,
        });
        self.needs_clock |= matches!(path, Path::Time | Path::Weekday | Path::Date);
        self.known.insert(path.clone(), slot);
        slot
    }

    /// Every path.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.known.keys()
    }

    /// The path that a slot is for.
    pub(crate) fn path_of(&self, slot: usize) -> Option<&Path> {
        self.known.iter().find(|(_, known)| **known == slot).map(|(path, _)| path)
    }

    /// Follows every path into the call.
    pub(crate) fn fill<'a>(&self, call: &Facts<'a>, budget: &Budget) -> Values<'a> {
        let mut values = Values::new(self.sources.len(), self.wild_count);
        for (slot, source) in self.sources.iter().enumerate() {
            let found = match source {
                Source::Args => continue,
                Source::ToolName => Found::Text(call.tool),
                Source::GrantLabel => Found::Text(&call.grant.label),
                Source::GrantIdentity => Found::Text(&call.grant.identity),
                Source::GrantTag(key) => tag(call.grant, key),
                Source::Time => call.clock.map_or(Found::Missing, |c| Found::Text(&c.time)),
                Source::Weekday => call.clock.map_or(Found::Missing, |c| Found::Text(c.weekday)),
                Source::Date => call.clock.map_or(Found::Missing, |c| Found::Text(&c.date)),
            };
            values.put(slot, None, found);
        }
        self.args.fill_root(call.arguments, &mut values, budget);
        for (slot, wild) in self.wild.iter().enumerate() {
            if let Some(places) = wild {
                values.put(slot, None, Found::Places(*places));
            }
        }
        values
    }
}

fn tag<'a>(grant: &'a GrantFacts, key: &str) -> Found<'a> {
    let tag = grant.tags.iter().find(|(name, _)| name == key);
    tag.map_or(Found::Missing, |(_, value)| Found::Text(value))
}

/// What one call is judged on.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) tool: &'a str,
    pub(crate) arguments: &'a Object,
    pub(crate) grant: &'a GrantFacts,
    pub(crate) clock: Option<&'a Clock>,
}

/// So many slots need no memory of their own.
const FEW: usize = 16;

/// What the paths of one entry found.
pub(crate) struct Values<'a> {
    few: [Found<'a>; FEW],
    many: Vec<Found<'a>>,
    places: Vec<Vec<Found<'a>>>,
}

impl<'a> Values<'a> {
    fn new(slots: usize, wild: usize) -> Self {
        let many = if slots > FEW { vec![Found::Missing; slots] } else { Vec::new() };
        Self { few: [Found::Missing; FEW], many, places: vec![Vec::new(); wild] }
    }

    /// No values at all.
    pub(crate) fn none() -> Self {
        Self::new(0, 0)
    }

    /// One value in one slot.
    pub(crate) fn holding(slot: usize, found: Found<'a>) -> Self {
        let mut values = Self::new(slot + 1, 0);
        values.put(slot, None, found);
        values
    }

    fn put(&mut self, slot: usize, wild: Option<usize>, found: Found<'a>) {
        if let Some(places) = wild.and_then(|wild| self.places.get_mut(wild)) {
            places.push(found);
            return;
        }
        let slots = if self.many.is_empty() { &mut self.few[..] } else { &mut self.many[..] };
        if let Some(place) = slots.get_mut(slot) {
            *place = found;
        }
    }

    /// What the path of the slot found.
    pub(crate) fn get(&self, slot: usize) -> Found<'a> {
        let slots = if self.many.is_empty() { &self.few[..] } else { &self.many[..] };
        slots.get(slot).copied().unwrap_or(Found::Missing)
    }

    /// The places of a path with `[*]`; at least one, [`Found::Missing`] where it leads nowhere.
    pub(crate) fn places(&self, index: usize) -> &[Found<'a>] {
        self.places.get(index).map_or(&[], Vec::as_slice)
    }
}

/// The paths into the arguments, by their steps.
#[derive(Clone, Debug, Default)]
struct Trie {
    slot: Option<(usize, Option<usize>)>,
    members: Vec<(Box<str>, Trie)>,
    by_name: HashMap<Box<str>, usize>,
    indexes: Vec<(usize, Trie)>,
    each: Option<Box<Trie>>,
}

/// Below this many comparisons of names, looking at each pair is cheapest.
const PAIRS_MAX: usize = 256;

impl Trie {
    fn add(&mut self, steps: &[Step], slot: usize, wild: Option<usize>) {
        let Some((step, rest)) = steps.split_first() else {
            self.slot = Some((slot, wild));
            return;
        };
        let child = match step {
            Step::Each => Some(&mut **self.each.get_or_insert_default()),
            Step::Index(index) => {
                let at = self.indexes.iter().position(|(i, _)| i == index).unwrap_or_else(|| {
                    self.indexes.push((*index, Self::default()));
                    self.indexes.len() - 1
                });
                self.indexes.get_mut(at).map(|(_, child)| child)
            }
            Step::Member(name) => {
                let at = *self.by_name.entry(name.as_str().into()).or_insert_with(|| {
                    self.members.push((name.as_str().into(), Self::default()));
                    self.members.len() - 1
                });
                self.members.get_mut(at).map(|(_, child)| child)
            }
        };
        if let Some(child) = child {
            child.add(rest, slot, wild);
        }
    }

    fn fill_root<'a>(&self, arguments: &'a Object, values: &mut Values<'a>, budget: &Budget) {
        if let Some((slot, wild)) = self.slot {
            values.put(slot, wild, Found::Object(arguments));
        }
        self.fill_members(Some(arguments), Found::Missing, values, budget);
    }

    /// Follows the paths from here; with no value, every path leads to `nothing`.
    fn fill<'a>(
        &self,
        value: Option<&'a Value>,
        nothing: Found<'a>,
        values: &mut Values<'a>,
        budget: &Budget,
    ) {
        if !budget.take(120) {
            return;
        }
        if let Some((slot, wild)) = self.slot {
            values.put(slot, wild, value.map_or(nothing, Found::of));
        }
        if !self.members.is_empty() {
            self.fill_members(value.and_then(Value::as_object), nothing, values, budget);
        }
        let list = value.and_then(Value::as_array);
        for (index, child) in &self.indexes {
            child.fill(list.and_then(|list| list.get(*index)), nothing, values, budget);
        }
        let Some(each) = &self.each else { return };
        match list {
            None => each.fill(None, nothing, values, budget),
            // One place where nothing is, so that the comparison has something to say.
            Some([]) => each.fill(None, Found::EmptyList, values, budget),
            Some(list) => {
                for element in list {
                    each.fill(Some(element), nothing, values, budget);
                }
            }
        }
    }

    fn fill_members<'a>(
        &self,
        object: Option<&'a Object>,
        nothing: Found<'a>,
        values: &mut Values<'a>,
        budget: &Budget,
    ) {
        let pairs = self.members.len().saturating_mul(object.map_or(0, Object::len));
        match object {
            Some(object) if pairs > PAIRS_MAX => {
                if !budget.take_for(object.len() + self.members.len(), 40) {
                    return;
                }
                let mut met = vec![false; self.members.len()];
                for (name, value) in object.iter() {
                    let Some(at) = self.by_name.get(name) else { continue };
                    if let (Some((_, child)), Some(met)) = (self.members.get(*at), met.get_mut(*at))
                    {
                        *met = true;
                        child.fill(Some(value), nothing, values, budget);
                    }
                }
                for ((_, child), met) in self.members.iter().zip(met) {
                    if !met {
                        child.fill(None, nothing, values, budget);
                    }
                }
            }
            Some(object) => {
                for (name, child) in &self.members {
                    child.fill(object.get(name), nothing, values, budget);
                }
            }
            None => {
                for (_, child) in &self.members {
                    child.fill(None, nothing, values, budget);
                }
            }
        }
    }
}
