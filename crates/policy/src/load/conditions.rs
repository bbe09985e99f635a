//! Conditions: groups, comparisons, and the value each operator takes.

use std::sync::Arc;

use json::document::Data;

use super::reader::{At, Fields};
use super::rules::{Reading, Rules};
use crate::path::{self, Path};
use crate::program::{Comparison, Condition, Constant, JsonType, Op, Operand, Set};
use crate::regular::{PATTERN_BYTES_MAX, Regular};
use crate::suggest;

/// The keys of a comparison.
pub(crate) const COMPARISON: [&str; 4] = ["path", "op", "value", "each"];

/// The keys of a group.
pub(crate) const GROUPS: [&str; 3] = ["any", "all", "not"];

/// What the states of all patterns of one policy may take together, in bytes.
const PATTERNS_BYTES_MAX: usize = 64 << 20;

/// What the tables of all patterns of one policy may take together, in bytes. Patterns beyond are
/// matched without a table.
const TABLES_BYTES_MAX: usize = 64 << 20;

impl Rules<'_> {
    /// A list of conditions.
    pub(crate) fn conditions(
        &mut self,
        at: &At<'_>,
        what: &str,
        every: bool,
        reading: &mut Reading,
    ) -> Option<Vec<Condition>> {
        let elements = self.loader.list(at, what)?;
        let read: Vec<Option<Condition>> =
            elements.iter().map(|at| self.condition(at, every, reading)).collect();
        read.into_iter().collect()
    }

    fn condition(&mut self, at: &At<'_>, every: bool, reading: &mut Reading) -> Option<Condition> {
        let group = match &at.node.data {
            Data::Object(members) => {
                members.iter().find_map(|m| GROUPS.into_iter().find(|name| m.name == *name))
            }
            _ => None,
        };
        let Some(name) = group else { return self.comparison(at, every, reading) };
        let fields = self.loader.fields(at, &format!("an `{name}` group"), &[name])?;
        let inner = fields.get(name)?;
        match name {
            "not" => self.condition(&inner, every, reading).map(|c| Condition::Not(Box::new(c))),
            _ => {
                let list = self.conditions(&inner, &format!("`{name}`"), every, reading)?;
                if list.is_empty() {
                    let message = format!("`{name}` needs at least one condition");
                    self.loader.problem(&inner, "bad_value", message);
                    return None;
                }
                Some(if name == "any" { Condition::Any(list) } else { Condition::All(list) })
            }
        }
    }

    fn comparison(&mut self, at: &At<'_>, every: bool, reading: &mut Reading) -> Option<Condition> {
        let what = "a condition";
        let fields = self.loader.fields(at, what, &COMPARISON)?;
        let path = self.loader.needed(&fields, "path", what).and_then(|at| self.path(&at, reading));
        let op = self.loader.needed(&fields, "op", what).and_then(|at| self.op(&at));
        let value = self.loader.needed(&fields, "value", what);
        let each = fields.get("each");
        let every = each.as_ref().map_or(Some(every), |at| self.each(at, path.as_ref()));
        let operand = match (op, &value) {
            (Some(op), Some(value)) => self.operand(op, value, reading),
            _ => None,
        };
        let (text, path) = path?;
        let (op, every, operand) = (op?, every?, operand?);
        Some(Condition::Compare(Comparison {
            slot: reading.slots.slot(&path),
            wild: path.is_wild(),
            of_tool_name: path == Path::ToolName && !matches!(operand, Operand::Slot(_)),
            path: text,
            every,
            op,
            operand,
        }))
    }

    /// A path as written and as read.
    pub(crate) fn path(&mut self, at: &At<'_>, reading: &mut Reading) -> Option<(Arc<str>, Path)> {
        let text = self.loader.string(at, "a path")?;
        match path::parse(text) {
            Ok(path) => {
                reading.reads_args |= path.reads_args();
                Some((text.into(), path))
            }
            Err(message) => {
                let rooted = format!("args.{text}");
                let suggestion = path::parse(&rooted).is_ok().then_some(rooted);
                let message = format!("`{text}` is not a path: {message}");
                self.loader.suggest(at, "bad_path", message, suggestion);
                None
            }
        }
    }

    /// A path that leads to one place.
    pub(crate) fn single_path(
        &mut self,
        at: &At<'_>,
        what: &str,
        reading: &mut Reading,
    ) -> Option<(Arc<str>, Path)> {
        let (text, path) = self.path(at, reading)?;
        if path.is_wild() {
            self.loader.problem(at, "bad_path", format!("{what} names one place: no `[*]` here"));
            return None;
        }
        Some((text, path))
    }

    fn op(&mut self, at: &At<'_>) -> Option<Op> {
        let text = self.loader.string(at, "`op`")?;
        let op = Op::of_name(text);
        if op.is_none() {
            let names = Op::ALL.iter().map(|(name, _)| *name);
            let nearest = suggest::nearest(text, names).map(str::to_owned);
            self.loader.suggest(at, "bad_op", format!("there is no operator `{text}`"), nearest);
        }
        op
    }

    fn each(&mut self, at: &At<'_>, path: Option<&(Arc<str>, Path)>) -> Option<bool> {
        let every = self.loader.choice(at, "`each`", &[("any", false), ("all", true)])?;
        if path.is_some_and(|(_, path)| !path.is_wild()) {
            self.loader.problem(at, "bad_value", "`each` needs a path with `[*]`");
            return None;
        }
        Some(every)
    }

    /// What the operator compares with.
    fn operand(&mut self, op: Op, at: &At<'_>, reading: &mut Reading) -> Option<Operand> {
        let what = format!("the value of `{}`", op.name());
        if matches!(at.node.data, Data::Object(_)) && takes_path(op) {
            return self.other_path(at, &what, reading);
        }
        match op {
            Op::Eq | Op::Neq | Op::Contains | Op::NotContains => {
                self.scalar(at, &what).map(Operand::Scalar)
            }
            Op::In | Op::NotIn => {
                let list = self.loader.list(at, &what)?;
                let read: Vec<Option<Constant>> =
                    list.iter().map(|at| self.scalar(at, &format!("an entry of {what}"))).collect();
                let list: Option<Vec<Constant>> = read.into_iter().collect();
                Some(Operand::Set(Set::new(list?)))
            }
            Op::Lt | Op::Lte | Op::Gt | Op::Gte => match self.scalar(at, &what)? {
                Constant::Bool(_) => {
                    self.loader.wrong_type(at, &what, "a number or a string", &at.node.data)
                }
                constant => Some(Operand::Scalar(constant)),
            },
            Op::StartsWith | Op::EndsWith => {
                let text = self.loader.string(at, &what)?;
                Some(Operand::Scalar(Constant::Text(text.into())))
            }
            Op::Matches | Op::Regex => self.pattern(at, &what, op == Op::Matches),
            Op::Exists => self.loader.boolean(at, &what).map(Operand::Present),
            Op::LengthLt | Op::LengthLte | Op::LengthGt | Op::LengthGte => {
                let number = self.loader.number(at, &what)?;
                if !number.is_integer() || number.value().is_negative() {
                    self.loader.problem(at, "out_of_range", format!("{what} is a whole number"));
                    return None;
                }
                Some(Operand::Scalar(Constant::Number(number.value())))
            }
            Op::Type => self.loader.choice(at, &what, &JsonType::ALL).map(Operand::Type),
        }
    }

    /// `{ "path": … }`: another place to compare with.
    fn other_path(&mut self, at: &At<'_>, what: &str, reading: &mut Reading) -> Option<Operand> {
        let fields: Fields<'_> = self.loader.fields(at, what, &["path"])?;
        let at = self.loader.needed(&fields, "path", what)?;
        let (_, path) = self.single_path(&at, what, reading)?;
        Some(Operand::Slot(reading.slots.slot(&path)))
    }

    fn scalar(&mut self, at: &At<'_>, what: &str) -> Option<Constant> {
        match &at.node.data {
            Data::String(text) => Some(Constant::Text(text.as_str().into())),
            Data::Number(number) => Some(Constant::Number(number.value())),
            Data::Bool(value) => Some(Constant::Bool(*value)),
            Data::Null => {
                let message = format!(
                    "{what} cannot be null, which counts as missing: ask with the operator `exists`"
                );
                self.loader.problem(at, "wrong_type", message);
                None
            }
            other => self.loader.wrong_type(at, what, "a string, a number or a truth value", other),
        }
    }

    fn pattern(&mut self, at: &At<'_>, what: &str, whole: bool) -> Option<Operand> {
        let text = self.loader.string(at, what)?;
        let key = (text.to_owned(), whole);
        if let Some(known) = self.patterns.get(&key) {
            if known.is_none() {
                self.loader.problem(at, "bad_pattern", format!("{what} is not usable, see above"));
            }
            return known.clone().map(Operand::Pattern);
        }
        if self.pattern_bytes >= PATTERNS_BYTES_MAX {
            let message = "the patterns of this policy are too large together";
            self.loader.problem(at, "bad_pattern", message);
            return None;
        }
        let with_table = self.table_bytes < TABLES_BYTES_MAX;
        let compiled = match Regular::new(text, whole, with_table) {
            Ok(regular) => {
                self.pattern_bytes += regular.bytes();
                self.table_bytes += regular.table_bytes();
                Some(Arc::new(regular))
            }
            Err(message) => {
                // A pattern that was too large cost as much as the largest that is not.
                self.pattern_bytes += PATTERN_BYTES_MAX;
                self.loader.problem(at, "bad_pattern", message);
                None
            }
        };
        self.patterns.insert(key, compiled.clone());
        compiled.map(Operand::Pattern)
    }
}

/// Whether the operator can compare two places.
pub(crate) fn takes_path(op: Op) -> bool {
    !matches!(op, Op::Matches | Op::Regex | Op::Exists | Op::Type)
}
