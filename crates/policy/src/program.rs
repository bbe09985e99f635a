//! A policy as it is judged: compiled once, never changed. Nothing is read or decided here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use json::Decimal;

use crate::charge::{OnUnknown, Place, Scope, Window};
use crate::decision::Approver;
use crate::index::Index;
use crate::pattern::{NamePattern, Names};
use crate::regular::Regular;
use crate::values::{Scalar, Slots};

/// `allow` or `deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// A whole policy.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) default: Effect,
    pub(crate) zone: TimeZone,
    pub(crate) hide: Names,
    /// The entries of `hide` with their places, for warnings.
    pub(crate) hide_spots: Vec<(String, Spot)>,
    pub(crate) hide_denied: bool,
    pub(crate) all_tools: Entry,
    pub(crate) entries: Vec<Entry>,
    /// Tool names without a star, to their entry.
    pub(crate) exact: HashMap<Box<str>, usize>,
    /// Tool names with a star, in document order.
    pub(crate) patterns: Vec<(NamePattern, usize)>,
    pub(crate) resources: Section,
    pub(crate) prompts: Section,
    /// Sampling, elicitation, roots.
    pub(crate) client_requests: [Effect; 3],
}

/// The `resources` or `prompts` section.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) default: Effect,
    pub(crate) allow: Names,
    pub(crate) deny: Names,
    pub(crate) hide: Names,
}

/// The rules of one `tools` key, or of `all_tools`.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) slots: Slots,
    pub(crate) deny_if: Vec<Predicate>,
    pub(crate) require: Vec<Predicate>,
    pub(crate) approve_if: Vec<Approval>,
    pub(crate) limits: Vec<Limit>,
    /// Which rules of the three lists may fire.
    pub(crate) deny_if_index: Index,
    pub(crate) require_index: Index,
    pub(crate) approve_if_index: Index,
    /// `"unlisted_args": "allow"` was said.
    pub(crate) free_form: bool,
    /// The rule that an argument which is not listed breaks.
    pub(crate) unlisted_rule: Arc<str>,
    /// Some rule reads `args`.
    pub(crate) reads_args: bool,
    /// Where it stands, for warnings.
    pub(crate) at: Spot,
}

impl Entry {
    /// Whether it holds any rule at all.
    pub(crate) fn has_rules(&self) -> bool {
        !(self.deny_if.is_empty()
            && self.require.is_empty()
            && self.approve_if.is_empty()
            && self.limits.is_empty())
    }

    /// Every path that its rules read, as written, with the place of the rule.
    pub(crate) fn paths(&self) -> Vec<(&Spot, &str)> {
        let mut paths = Vec::new();
        let predicates = self.deny_if.iter().chain(&self.require);
        let predicates = predicates.map(|p| (&p.at, &p.conditions));
        let approvals = self.approve_if.iter().map(|a| (&a.at, &a.conditions));
        for (at, conditions) in predicates.chain(approvals) {
            for condition in conditions {
                condition.comparisons(&mut |c| paths.push((at, &*c.path)));
            }
        }
        for limit in &self.limits {
            let read = limit.amount.iter().chain(&limit.per);
            paths.extend(read.map(|path| (&limit.at, &*path.text)));
        }
        paths
    }
}

/// A predicate of `require` or `deny_if`.
#[derive(Debug)]
pub(crate) struct Predicate {
    pub(crate) rule: Arc<str>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) on_deny: Option<Arc<str>>,
    /// Where it stands, for warnings.
    pub(crate) at: Spot,
}

/// A predicate of `approve_if`.
#[derive(Debug)]
pub(crate) struct Approval {
    pub(crate) rule: Arc<str>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) approvers: Arc<[Approver]>,
    pub(crate) count: u32,
    pub(crate) expires_in: Duration,
    pub(crate) message: Option<Arc<str>>,
    pub(crate) at: Spot,
}

/// A limit.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) rule: Arc<str>,
    pub(crate) place: Place,
    pub(crate) counter: Arc<str>,
    pub(crate) window: Window,
    pub(crate) rolling: bool,
    pub(crate) max_millionths: i64,
    pub(crate) amount: Option<PathText>,
    pub(crate) per: Vec<PathText>,
    pub(crate) scope: Scope,
    pub(crate) count_failed: bool,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) on_deny: Option<Arc<str>>,
    pub(crate) at: Spot,
}

/// A path of a limit: as written, and where its value is found.
#[derive(Debug)]
pub(crate) struct PathText {
    pub(crate) text: Arc<str>,
    pub(crate) slot: usize,
}

/// Where a rule stands in the text of the policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spot {
    pub(crate) pointer: String,
    pub(crate) at: usize,
}

/// One condition.
#[derive(Debug)]
pub(crate) enum Condition {
    Compare(Comparison),
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    /// Every comparison in it, in document order.
    pub(crate) fn comparisons<'a>(&'a self, each: &mut impl FnMut(&'a Comparison)) {
        match self {
            Self::Compare(comparison) => each(comparison),
            Self::Any(list) | Self::All(list) => list.iter().for_each(|c| c.comparisons(each)),
            Self::Not(inner) => inner.comparisons(each),
        }
    }
}

/// One comparison.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The path as it was written.
    pub(crate) path: Arc<str>,
    pub(crate) slot: usize,
    /// Whether its path has `[*]`.
    pub(crate) wild: bool,
    /// Whether it reads only `tool.name`.
    pub(crate) of_tool_name: bool,
    /// For a path with `[*]`: whether every element must pass (or one is enough).
    pub(crate) every: bool,
    pub(crate) op: Op,
    pub(crate) operand: Operand,
}

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Neq,
    In,
    NotIn,
    Lt,
    Lte,
    Gt,
    Gte,
    Matches,
    Regex,
    StartsWith,
    EndsWith,
    Contains,
    NotContains,
    Exists,
    LengthLt,
    LengthLte,
    LengthGt,
    LengthGte,
    Type,
}

impl Op {
    /// Every operator with its name, in the order of the reference.
    pub(crate) const ALL: [(&'static str, Self); 20] = [
        ("eq", Self::Eq),
        ("neq", Self::Neq),
        ("in", Self::In),
        ("not_in", Self::NotIn),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("matches", Self::Matches),
        ("regex", Self::Regex),
        ("starts_with", Self::StartsWith),
        ("ends_with", Self::EndsWith),
        ("contains", Self::Contains),
        ("not_contains", Self::NotContains),
        ("exists", Self::Exists),
        ("length_lt", Self::LengthLt),
        ("length_lte", Self::LengthLte),
        ("length_gt", Self::LengthGt),
        ("length_gte", Self::LengthGte),
        ("type", Self::Type),
    ];

    /// The operator of that name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, op)| *op)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }
}

/// What a path is compared with.
#[derive(Debug)]
pub(crate) enum Operand {
    Scalar(Constant),
    Set(Set),
    Pattern(Arc<Regular>),
    Present(bool),
    Type(JsonType),
    /// Another path: its slot.
    Slot(usize),
}

/// A scalar of the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Text(Box<str>),
    Number(Decimal),
    Bool(bool),
}

impl Constant {
    pub(crate) fn as_scalar(&self) -> Scalar<'_> {
        match self {
            Self::Text(text) => Scalar::Text(text),
            Self::Number(number) => Scalar::Number(*number),
            Self::Bool(value) => Scalar::Bool(*value),
        }
    }
}

/// A list of scalars, arranged for looking up.
#[derive(Debug, Default)]
pub(crate) struct Set {
    texts: Vec<Box<str>>,
    numbers: Vec<Decimal>,
    yes: bool,
    no: bool,
}

impl Set {
    pub(crate) fn new(list: Vec<Constant>) -> Self {
        let mut set = Self::default();
        for constant in list {
            match constant {
                Constant::Text(text) => set.texts.push(text),
                Constant::Number(number) => set.numbers.push(number),
                Constant::Bool(true) => set.yes = true,
                Constant::Bool(false) => set.no = true,
            }
        }
        set.texts.sort_unstable();
        set.numbers.sort_unstable();
        set
    }

    pub(crate) fn holds(&self, scalar: Scalar<'_>) -> bool {
        match scalar {
            Scalar::Text(text) => self.texts.binary_search_by(|known| (**known).cmp(text)).is_ok(),
            Scalar::Number(number) => self.numbers.binary_search(&number).is_ok(),
            Scalar::Bool(true) => self.yes,
            Scalar::Bool(false) => self.no,
        }
    }

    pub(crate) fn constants(&self) -> impl Iterator<Item = Constant> {
        let texts = self.texts.iter().map(|text| Constant::Text(text.clone()));
        let numbers = self.numbers.iter().map(|number| Constant::Number(*number));
        let bools = [(true, self.yes), (false, self.no)].into_iter();
        let bools = bools.filter(|(_, held)| *held).map(|(value, _)| Constant::Bool(value));
        texts.chain(numbers).chain(bools)
    }
}

/// The names of `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonType {
    String,
    Number,
    Integer,
    Boolean,
    Array,
    Object,
    Null,
}

impl JsonType {
    pub(crate) const ALL: [(&'static str, Self); 7] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("array", Self::Array),
        ("object", Self::Object),
        ("null", Self::Null),
    ];
}
