//! The conditions of policies as formulas over numbered questions, each question once, so that what two
//! policies share is seen to be the same.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use crate::path::{self, Path, Step};
use crate::program::{Comparison, Condition, Entry, Limit, Operand};
use crate::truth::Truth;
use crate::values::Found;

use super::test::Test;

/// What a path starts at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    Args,
    Tool,
    Label,
    Identity,
    Tag(String),
    /// On the clocks of the zone of that number.
    Date(usize),
    Weekday(usize),
    Time(usize),
}

/// A place that conditions read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Where {
    pub(crate) root: Root,
    pub(crate) steps: Vec<Step>,
}

impl Where {
    pub(crate) fn is_wild(&self) -> bool {
        self.steps.contains(&Step::Each)
    }
}

/// One numbered question.
#[derive(Clone, Debug)]
pub(crate) enum Atom<'p> {
    /// About what stands at one place, or at each of several.
    Value { at: Where, test: Test<'p>, every: bool },
    /// About two places.
    Beside { at: Where, other: Where, comparison: &'p Comparison, text: String },
    /// Whether the call has an argument that the definition does not list.
    Extra,
    /// Whether an argument is there.
    Present(String),
    /// Whether the sum at several places fits a limit.
    Sum { text: String },
}

/// A condition over numbered questions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Formula {
    Known(Truth3),
    Atom(usize),
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Not(Box<Formula>),
}

/// A truth value that can be hashed: false, indeterminate, true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Truth3(pub(crate) u8);

impl From<Truth> for Truth3 {
    fn from(truth: Truth) -> Self {
        Self(super::test::only(truth))
    }
}

impl Formula {
    pub(crate) const ALWAYS: Self = Self::Known(Truth3(4));
    pub(crate) const NEVER: Self = Self::Known(Truth3(1));
}

/// Gathers the questions of one or two policies about one tool.
pub(crate) struct Atoms<'p> {
    pub(crate) list: Vec<Atom<'p>>,
    known: HashMap<String, usize>,
    /// The tool's name, if there is one tool.
    pub(crate) tool: Option<String>,
    pub(crate) zones: Vec<TimeZone>,
}

impl<'p> Atoms<'p> {
    pub(crate) fn new(tool: Option<&str>) -> Self {
        Self {
            list: Vec::new(),
            known: HashMap::new(),
            tool: tool.map(str::to_owned),
            zones: Vec::new(),
        }
    }

    /// The number of a zone.
    pub(crate) fn zone(&mut self, zone: &TimeZone) -> usize {
        let known = self.zones.iter().position(|known| known == zone);
        known.unwrap_or_else(|| {
            self.zones.push(zone.clone());
            self.zones.len() - 1
        })
    }

    /// The question of that number, made if it is new.
    pub(crate) fn number(&mut self, key: String, make: impl FnOnce() -> Atom<'p>) -> usize {
        if let Some(number) = self.known.get(&key) {
            return *number;
        }
        let number = self.list.len();
        self.list.push(make());
        self.known.insert(key, number);
        number
    }

    /// Conditions that hold together.
    pub(crate) fn all(
        &mut self,
        conditions: &'p [Condition],
        entry: &Entry,
        zone: usize,
    ) -> Formula {
        match conditions {
            [one] => self.condition(one, entry, zone),
            list => Formula::All(list.iter().map(|c| self.condition(c, entry, zone)).collect()),
        }
    }

    fn condition(&mut self, condition: &'p Condition, entry: &Entry, zone: usize) -> Formula {
        match condition {
            Condition::Compare(comparison) => self.comparison(comparison, entry, zone),
            Condition::All(list) => self.all(list, entry, zone),
            Condition::Any(list) => {
                Formula::Any(list.iter().map(|c| self.condition(c, entry, zone)).collect())
            }
            Condition::Not(inner) => Formula::Not(Box::new(self.condition(inner, entry, zone))),
        }
    }

    fn comparison(&mut self, comparison: &'p Comparison, entry: &Entry, zone: usize) -> Formula {
        let Ok(read) = path::parse(&comparison.path) else { return Formula::NEVER };
        let at = place(&read, zone);
        let op = comparison.op.name();
        if let Operand::Slot(slot) = &comparison.operand {
            let Some(other) = entry.slots.path_of(*slot) else { return Formula::NEVER };
            let other = place(other, zone);
            let key = format!("{at:?} {op} {} {other:?}", comparison.every);
            let text = format!("{} {op} {}", comparison.path, shown(&other));
            let number = self.number(key, || Atom::Beside { at, other, comparison, text });
            return Formula::Atom(number);
        }
        if let (Root::Tool, Some(tool)) = (&at.root, &self.tool) {
            return Formula::Known(Test::Compare(comparison).truth(Found::Text(tool)).into());
        }
        let operand = match &comparison.operand {
            Operand::Pattern(pattern) => {
                format!("pattern {:?} {}", pattern.text(), pattern.is_whole())
            }
            other => format!("{other:?}"),
        };
        let every = at.is_wild() && comparison.every;
        let key = format!("{at:?} {op} {every} {operand}");
        let test = Test::Compare(comparison);
        Formula::Atom(self.number(key, || Atom::Value { at, test, every }))
    }

    /// Whether a limit can hold a call when nothing is used yet.
    pub(crate) fn fits(&mut self, limit: &'p Limit) -> Formula {
        let mut parts = Vec::new();
        let max = limit.max_millionths;
        match &limit.amount {
            None if max < 1_000_000 => return Formula::NEVER,
            None => {}
            Some(amount) => {
                let Ok(read) = path::parse(&amount.text) else { return Formula::NEVER };
                let at = place(&read, 0);
                let every = at.is_wild();
                let key = format!("{at:?} amount {max}");
                let make = || Atom::Value { at, test: Test::Amount(max), every };
                parts.push(Formula::Atom(self.number(key, make)));
                if every {
                    let text = format!("the sum of {}", amount.text);
                    let key = format!("{text} {max}");
                    parts.push(Formula::Atom(self.number(key, || Atom::Sum { text })));
                }
            }
        }
        for per in &limit.per {
            let Ok(read) = path::parse(&per.text) else { return Formula::NEVER };
            let at = place(&read, 0);
            if matches!(at.root, Root::Date(_) | Root::Weekday(_) | Root::Time(_) | Root::Tool) {
                continue;
            }
            let key = format!("{at:?} splits");
            let make = || Atom::Value { at, test: Test::Splits, every: false };
            parts.push(Formula::Atom(self.number(key, make)));
        }
        Formula::All(parts)
    }
}

fn place(path: &Path, zone: usize) -> Where {
    let root = match path {
        Path::Args(steps) => return Where { root: Root::Args, steps: steps.clone() },
        Path::ToolName => Root::Tool,
        Path::GrantLabel => Root::Label,
        Path::GrantIdentity => Root::Identity,
        Path::GrantTag(key) => Root::Tag(key.clone()),
        Path::Time => Root::Time(zone),
        Path::Weekday => Root::Weekday(zone),
        Path::Date => Root::Date(zone),
    };
    Where { root, steps: Vec::new() }
}

/// A place as people write it; `args.` is left out.
pub(crate) fn shown(at: &Where) -> String {
    let mut text = match &at.root {
        Root::Args => String::new(),
        Root::Tool => return "tool.name".to_owned(),
        Root::Label => return "grant.label".to_owned(),
        Root::Identity => return "grant.identity".to_owned(),
        Root::Tag(key) => return format!("grant.tags.{key}"),
        Root::Date(_) => return "request.date".to_owned(),
        Root::Weekday(_) => return "request.weekday".to_owned(),
        Root::Time(_) => return "request.time".to_owned(),
    };
    for step in &at.steps {
        match step {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Each => text.push_str("[*]"),
        }
    }
    if text.is_empty() { "the arguments".to_owned() } else { text }
}
