//! The rules of `all_tools` and of each tool: predicates, approvals, and what they are called.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::reader::{At, Fields, Loader};
use crate::charge::Place;
use crate::decision::Approver;
use crate::index::Index;
use crate::program::{Approval, Condition, Entry, Predicate, Spot};
use crate::regular::Regular;
use crate::suggest;
use crate::values::Slots;

/// The keys of a tool's entry; `all_tools` has the same but the last.
pub(crate) const ENTRY: [&str; 5] = ["require", "deny_if", "approve_if", "limits", "unlisted_args"];

/// The keys of a predicate of `require` and `deny_if`.
pub(crate) const PREDICATE: [&str; 3] = ["id", "conditions", "on_deny"];

/// The keys of a predicate of `approve_if`.
pub(crate) const APPROVAL: [&str; 6] =
    ["id", "conditions", "approvers", "count", "expires_in", "message"];

/// How long an approval may take at most.
pub(crate) const EXPIRES_MAX: Duration = Duration::from_secs(7 * 86_400);

/// How long an approval may take where nothing is said.
pub(crate) const EXPIRES_DEFAULT: Duration = Duration::from_secs(3_600);

/// The most people one approval may ask for.
pub(crate) const COUNT_MAX: u32 = 100;

/// The longest text a policy says to an agent or an approver, in characters.
pub(crate) const MESSAGE_MAX: usize = 2_000;

/// Reads entries one after the other.
pub(crate) struct Rules<'l> {
    pub(crate) loader: &'l mut Loader,
    /// Patterns already compiled, so that equal ones share their states.
    pub(crate) patterns: HashMap<(String, bool), Option<Arc<Regular>>>,
    /// What their states take together, in bytes.
    pub(crate) pattern_bytes: usize,
    /// What their tables take together, in bytes.
    pub(crate) table_bytes: usize,
}

/// What one entry gathers while it is read.
pub(crate) struct Reading {
    pub(crate) place: Place,
    pub(crate) slots: Slots,
    pub(crate) reads_args: bool,
}

impl Reading {
    fn new(place: Place) -> Self {
        Self { place, slots: Slots::default(), reads_args: false }
    }

    /// A pointer into this entry.
    pub(crate) fn rule(&self, rest: &[&str]) -> Arc<str> {
        let start: &[&str] = match &self.place {
            Place::AllTools => &["all_tools"],
            Place::Tool(key) => &["tools", key],
        };
        json::pointer::of(start.iter().chain(rest).copied()).into()
    }
}

impl<'l> Rules<'l> {
    pub(crate) fn new(loader: &'l mut Loader) -> Self {
        Self { loader, patterns: HashMap::new(), pattern_bytes: 0, table_bytes: 0 }
    }

    /// An entry that says nothing.
    pub(crate) fn empty(&mut self, place: Place) -> Entry {
        let reading = Reading::new(place);
        Entry {
            unlisted_rule: reading.rule(&["unlisted_args"]),
            slots: reading.slots,
            deny_if: Vec::new(),
            require: Vec::new(),
            approve_if: Vec::new(),
            limits: Vec::new(),
            deny_if_index: Index::default(),
            require_index: Index::default(),
            approve_if_index: Index::default(),
            free_form: false,
            reads_args: false,
            at: Spot::default(),
        }
    }

    /// The entry at a key of `tools`, or at `all_tools`.
    pub(crate) fn entry(&mut self, at: &At<'_>, place: Place) -> Entry {
        let (known, what): (&[&str], _) = match &place {
            Place::AllTools => (&ENTRY[..4], "`all_tools`"),
            Place::Tool(_) => (&ENTRY, "a tool"),
        };
        let Some(fields) = self.loader.fields(at, what, known) else { return self.empty(place) };
        let mut reading = Reading::new(place);
        let require = self.predicates(&fields, "require", &mut reading);
        let deny_if = self.predicates(&fields, "deny_if", &mut reading);
        let approve_if = self.approvals(&fields, &mut reading);
        let limits = self.limits(&fields, &mut reading);
        let free_form = fields.get("unlisted_args").and_then(|at| {
            self.loader.choice(&at, "`unlisted_args`", &[("allow", true), ("deny", false)])
        });
        Entry {
            unlisted_rule: reading.rule(&["unlisted_args"]),
            slots: reading.slots,
            deny_if_index: Index::of_firing(deny_if.iter().map(|p| &*p.conditions)),
            require_index: Index::of_required(require.iter().map(|p| &*p.conditions)),
            approve_if_index: Index::of_firing(approve_if.iter().map(|a| &*a.conditions)),
            deny_if,
            require,
            approve_if,
            limits,
            free_form: free_form.unwrap_or(false),
            reads_args: reading.reads_args,
            at: spot(at),
        }
    }

    fn predicates(
        &mut self,
        fields: &Fields<'_>,
        list: &str,
        reading: &mut Reading,
    ) -> Vec<Predicate> {
        let Some(at) = fields.get(list) else { return Vec::new() };
        let elements = self.loader.list(&at, &format!("`{list}`")).unwrap_or_default();
        let mut met = HashSet::new();
        let mut predicates = Vec::new();
        for at in &elements {
            let Some(fields) = self.loader.fields(at, "a predicate", &PREDICATE) else { continue };
            let every = list == "require";
            let conditions = self.predicate(&fields, every, reading);
            let rule = self.identity(&fields, list, conditions.as_deref(), reading, &mut met);
            let on_deny = fields.get("on_deny").and_then(|at| self.message(&at, "`on_deny`"));
            let (Some(conditions), Some(rule)) = (conditions, rule) else { continue };
            predicates.push(Predicate { rule, conditions, on_deny, at: spot(at) });
        }
        predicates
    }

    fn approvals(&mut self, fields: &Fields<'_>, reading: &mut Reading) -> Vec<Approval> {
        let Some(at) = fields.get("approve_if") else { return Vec::new() };
        let elements = self.loader.list(&at, "`approve_if`").unwrap_or_default();
        let mut met = HashSet::new();
        let mut approvals = Vec::new();
        for at in &elements {
            let Some(fields) = self.loader.fields(at, "an approval", &APPROVAL) else { continue };
            let conditions = self.predicate(&fields, false, reading);
            let rule =
                self.identity(&fields, "approve_if", conditions.as_deref(), reading, &mut met);
            let approvers = fields
                .get("approvers")
                .map_or_else(|| vec![Approver::Admin], |at| self.approvers(&at));
            let count = fields.get("count").map_or(Some(1), |at| self.count(&at));
            let expires_in =
                fields.get("expires_in").map_or(Some(EXPIRES_DEFAULT), |at| self.expires_in(&at));
            let message = fields.get("message").and_then(|at| self.message(&at, "`message`"));
            let (Some(conditions), Some(rule)) = (conditions, rule) else { continue };
            let (Some(count), Some(expires_in)) = (count, expires_in) else { continue };
            approvals.push(Approval {
                rule,
                conditions,
                approvers: approvers.into(),
                count,
                expires_in,
                message,
                at: spot(at),
            });
        }
        approvals
    }

    /// The conditions of a predicate; `every` is what `[*]` means where nothing else is said.
    fn predicate(
        &mut self,
        fields: &Fields<'_>,
        every: bool,
        reading: &mut Reading,
    ) -> Option<Vec<Condition>> {
        let at = self.loader.needed(fields, "conditions", "a predicate")?;
        self.conditions(&at, "`conditions`", every, reading)
    }

    /// The rule's name: its `id`, or what its conditions spell. Each name stands once in a list.
    fn identity(
        &mut self,
        fields: &Fields<'_>,
        list: &str,
        conditions: Option<&[Condition]>,
        reading: &Reading,
        met: &mut HashSet<String>,
    ) -> Option<Arc<str>> {
        let id = fields.get("id");
        let name = match &id {
            Some(at) => self.loader.name(at, "`id`")?.to_owned(),
            None => spell(conditions?),
        };
        if !met.insert(name.clone()) {
            let at = id.as_ref().unwrap_or(fields.at());
            let message = format!(
                "a rule named `{name}` stands in this list already: give this one an `id` of its own"
            );
            self.loader.problem(at, "duplicate_rule", message);
            return None;
        }
        Some(reading.rule(&[list, &name]))
    }

    fn approvers(&mut self, at: &At<'_>) -> Vec<Approver> {
        let elements = self.loader.list(at, "`approvers`").unwrap_or_default();
        if elements.is_empty() {
            self.loader.problem(at, "bad_value", "`approvers` names nobody");
        }
        let mut approvers = Vec::new();
        for at in &elements {
            let Some(text) = self.loader.name(at, "an approver") else { continue };
            match approver(text) {
                Some(approver) => approvers.push(approver),
                None => {
                    let known = ["role:admin", "role:policy_manager", "group:NAME", "member:EMAIL"];
                    let message = format!(
                        "an approver is `role:admin`, `role:policy_manager`, `group:NAME` or \
                         `member:EMAIL`, not `{text}`"
                    );
                    let nearest = suggest::nearest(text, known).map(str::to_owned);
                    self.loader.suggest(at, "bad_approver", message, nearest);
                }
            }
        }
        approvers
    }

    fn count(&mut self, at: &At<'_>) -> Option<u32> {
        let number = self.loader.number(at, "`count`")?;
        let count = number.text().parse().ok().filter(|n| (1..=COUNT_MAX).contains(n));
        if count.is_none() {
            let message = format!("`count` is a whole number from 1 to {COUNT_MAX}");
            self.loader.problem(at, "out_of_range", message);
        }
        count
    }

    fn expires_in(&mut self, at: &At<'_>) -> Option<Duration> {
        let text = self.loader.string(at, "`expires_in`")?;
        match duration(text) {
            Some(length) if length <= EXPIRES_MAX => Some(length),
            Some(_) => {
                self.loader.problem(at, "out_of_range", "`expires_in` is at most `7d`");
                None
            }
            None => {
                let message =
                    format!("`expires_in` is a length such as `30m`, `1h` or `7d`, not `{text}`");
                self.loader.problem(at, "bad_duration", message);
                None
            }
        }
    }

    /// A text that people or agents are shown.
    pub(crate) fn message(&mut self, at: &At<'_>, what: &str) -> Option<Arc<str>> {
        let text = self.loader.string(at, what)?;
        if text.chars().count() > MESSAGE_MAX {
            let message = format!("{what} has at most {MESSAGE_MAX} characters");
            self.loader.problem(at, "out_of_range", message);
            return None;
        }
        Some(text.into())
    }
}

/// Where a rule stands.
pub(crate) fn spot(at: &At<'_>) -> Spot {
    Spot { pointer: at.pointer.clone(), at: at.node.at }
}

fn approver(text: &str) -> Option<Approver> {
    match text.split_once(':')? {
        ("role", "admin") => Some(Approver::Admin),
        ("role", "policy_manager") => Some(Approver::PolicyManager),
        ("group", name) if !name.trim().is_empty() => Some(Approver::Group(name.to_owned())),
        ("member", email) => {
            let (name, domain) = email.split_once('@')?;
            let whole = !name.is_empty() && !domain.is_empty() && !email.contains(' ');
            whole.then(|| Approver::Member(email.to_owned()))
        }
        _ => None,
    }
}

/// A length of time such as `90s`, `30m`, `6h`, `7d`, `2w`; at least a second.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let plain = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| plain)?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// What conditions are called: `args.a-gt+any(args.b-eq+args.c-eq)`.
fn spell(conditions: &[Condition]) -> String {
    if conditions.is_empty() {
        return "always".to_owned();
    }
    let parts: Vec<String> = conditions.iter().map(spell_one).collect();
    parts.join("+")
}

fn spell_one(condition: &Condition) -> String {
    match condition {
        Condition::Compare(comparison) => {
            format!("{}-{}", comparison.path, comparison.op.name())
        }
        Condition::Any(list) => format!("any({})", spell(list)),
        Condition::All(list) => format!("all({})", spell(list)),
        Condition::Not(inner) => format!("not({})", spell_one(inner)),
    }
}
