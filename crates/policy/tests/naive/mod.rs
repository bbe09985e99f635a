//! A second interpreter of the policy language, written from its text alone and kept simple: it walks
//! the document anew for every call, clones what it looks at, and shares nothing with the engine.
//! Numbers are those of another library, patterns are matched by another engine.

#![allow(dead_code, reason = "each test file uses its part")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};
use json::Value;

/// The world around a call.
pub(crate) struct World<'a> {
    pub(crate) tool: &'a str,
    pub(crate) args: Option<Value>,
    pub(crate) label: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) tags: &'a [(String, String)],
    pub(crate) known: Known<'a>,
    pub(crate) now: jiff::Timestamp,
    /// Limits that are used up, by rule.
    pub(crate) used_up: &'a [String],
}

/// What is known of the tool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'a> {
    NoSuchTool,
    NotAccepted,
    Accepted(&'a [String]),
    Changed(bool, &'a [String]),
}

/// The answer, with what an allowed call is charged and what a held one waits for.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Allow(Vec<(String, String, Vec<String>)>),
    Deny(String),
    Hold(Vec<String>),
}

/// How often each operator came to which truth.
pub(crate) type Tally = BTreeMap<(String, Option<bool>), u64>;

pub(crate) struct Naive<'a> {
    policy: &'a Value,
    world: &'a World<'a>,
    pub(crate) tally: RefCell<Tally>,
}

const NOTHING: Value = Value::Null;

pub(crate) fn judge(policy: Option<&Value>, world: &World<'_>) -> (Answer, Tally) {
    let Some(policy) = policy else {
        return (Answer::Deny("(no policy)".to_owned()), Tally::new());
    };
    let naive = Naive { policy, world, tally: RefCell::default() };
    let answer = naive.answer();
    (answer, naive.tally.into_inner())
}

impl Naive<'_> {
    fn answer(&self) -> Answer {
        let deny = |rule: &str| Answer::Deny(rule.to_owned());
        let world = self.world;

        // 2.
        if matches!(world.known, Known::NoSuchTool) {
            return deny("(unknown tool)");
        }
        if strings(self.policy.get("hide")).iter().any(|name| fits(name, world.tool)) {
            return deny("(hidden)");
        }
        let keys = self.keys();
        let default_deny = self.policy.get("default") == Some(&Value::from("deny"));
        let out_of_reach = keys.is_empty() && default_deny || self.denied_always(&keys);
        if self.policy.get("hide_denied") == Some(&Value::Bool(true)) && out_of_reach {
            return deny("(hidden)");
        }
        // 3.
        if keys.is_empty() && default_deny {
            return deny("(default deny)");
        }
        // 4.
        if matches!(world.known, Known::Changed(true, _)) {
            return deny("(tool changed)");
        }
        // 5.
        if let Some(rule) = self.closed_world(&keys) {
            return Answer::Deny(rule);
        }
        // 6.
        let all = || vec!["/all_tools".to_owned()];
        let own: Vec<String> = keys.iter().map(|key| format!("/tools/{}", escaped(key))).collect();
        for (places, list) in [
            (all(), "deny_if"),
            (all(), "require"),
            (own.clone(), "deny_if"),
            (own.clone(), "require"),
        ] {
            for (rule, predicate) in self.rules(&places, list) {
                let truth = self.predicate(&predicate, list);
                if list == "deny_if" && truth != Some(false)
                    || list == "require" && truth != Some(true)
                {
                    return Answer::Deny(rule);
                }
            }
        }
        // 7.
        let everywhere: Vec<String> = all().into_iter().chain(own).collect();
        let mut charges = Vec::new();
        for place in &everywhere {
            for limit in self.list(place, "limits") {
                let counter = limit.get("counter").and_then(Value::as_str).unwrap().to_owned();
                let rule = format!("{place}/limits/{}", escaped(&counter));
                match self.charge(&limit, &rule) {
                    Some((amount, per)) => charges.push((rule, amount, per)),
                    None => return Answer::Deny(rule),
                }
            }
        }
        // 8.
        let mut waits = Vec::new();
        for (rule, predicate) in self.rules(&everywhere, "approve_if") {
            if self.predicate(&predicate, "approve_if") != Some(false) {
                waits.push(rule);
            }
        }
        // 9.
        if waits.is_empty() { Answer::Allow(charges) } else { Answer::Hold(waits) }
    }

    /// "An exact key wins alone. Otherwise every key with `*` that matches applies."
    fn keys(&self) -> Vec<String> {
        let Some(tools) = self.policy.get("tools").and_then(Value::as_object) else {
            return Vec::new();
        };
        let names: Vec<&str> = tools.names().collect();
        if let Some(exact) =
            names.iter().find(|name| !name.contains('*') && **name == self.world.tool)
        {
            return vec![(*exact).to_owned()];
        }
        let wild = names.into_iter().filter(|name| name.contains('*'));
        wild.filter(|name| fits(name, self.world.tool)).map(str::to_owned).collect()
    }

    fn entry(&self, place: &str) -> Value {
        let mut value = self.policy;
        for token in place.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            value = value.get(&token).unwrap_or(&NOTHING);
        }
        value.clone()
    }

    fn list(&self, place: &str, list: &str) -> Vec<Value> {
        let entry = self.entry(place);
        entry.get(list).and_then(Value::as_array).map(<[Value]>::to_vec).unwrap_or_default()
    }

    fn rules(&self, places: &[String], list: &str) -> Vec<(String, Value)> {
        let mut rules = Vec::new();
        for place in places {
            for predicate in self.list(place, list) {
                let name = identity(&predicate);
                rules.push((format!("{place}/{list}/{}", escaped(&name)), predicate));
            }
        }
        rules
    }

    /// "A tool that has any rule reading `args` is judged in a closed world."
    fn closed_world(&self, keys: &[String]) -> Option<String> {
        let all_reads = reads_args(&self.entry("/all_tools"));
        let entry = |key: &String| self.entry(&format!("/tools/{}", escaped(key)));
        let reads = keys.iter().any(|key| reads_args(&entry(key)));
        if !all_reads && !reads {
            return None;
        }
        let listed = match self.world.known {
            Known::Accepted(listed) | Known::Changed(_, listed) => listed,
            Known::NotAccepted | Known::NoSuchTool => return Some("(tool unknown)".to_owned()),
        };
        let closed_by = if keys.is_empty() {
            self.world.tool.to_owned()
        } else {
            let closes = |key: &&String| {
                let entry = entry(key);
                let free = entry.get("unlisted_args") == Some(&Value::from("allow"));
                !free && (all_reads || reads_args(&entry))
            };
            keys.iter().find(closes)?.clone()
        };
        let args = self.world.args.clone().unwrap_or(NOTHING);
        let names: Vec<String> =
            args.as_object().map(|o| o.names().map(str::to_owned).collect()).unwrap_or_default();
        names
            .iter()
            .any(|name| !listed.contains(name))
            .then(|| format!("/tools/{}/unlisted_args", escaped(&closed_by)))
    }

    /// Whether no call of the tool can get through, whatever else it is: judged with every condition
    /// that is not about the tool's name tried at each truth.
    fn denied_always(&self, keys: &[String]) -> bool {
        let mut places = vec!["/all_tools".to_owned()];
        places.extend(keys.iter().map(|key| format!("/tools/{}", escaped(key))));
        places.iter().any(|place| {
            let always = |list: &str, passes: fn(Option<bool>) -> bool| {
                self.list(place, list).iter().any(|predicate| {
                    let mut open = Vec::new();
                    leaves(predicate.get("conditions").unwrap(), &mut open);
                    let count = 3_usize.pow(u32::try_from(open.len()).unwrap());
                    (0..count).all(|number| {
                        let mut number = number;
                        let mut next = || {
                            let truth = [Some(true), Some(false), None][number % 3];
                            number /= 3;
                            truth
                        };
                        !passes(self.assumed(predicate.get("conditions").unwrap(), &mut next))
                    })
                })
            };
            let no_limit = |limit: &Value| {
                limit.get("amount").is_none() && number(limit.get("max").unwrap()) < 1
            };
            always("deny_if", |truth| truth == Some(false))
                || always("require", |truth| truth == Some(true))
                || self.list(place, "limits").iter().any(no_limit)
        })
    }

    fn assumed(&self, conditions: &Value, next: &mut dyn FnMut() -> Option<bool>) -> Option<bool> {
        let each: Vec<Option<bool>> =
            conditions.as_array().unwrap().iter().map(|c| self.assumed_one(c, next)).collect();
        and(&each)
    }

    fn assumed_one(
        &self,
        condition: &Value,
        next: &mut dyn FnMut() -> Option<bool>,
    ) -> Option<bool> {
        if let Some(all) = condition.get("all") {
            return self.assumed(all, next);
        }
        if let Some(any) = condition.get("any") {
            let each: Vec<Option<bool>> =
                any.as_array().unwrap().iter().map(|c| self.assumed_one(c, next)).collect();
            return or(&each);
        }
        if let Some(inner) = condition.get("not") {
            return self.assumed_one(inner, next).map(|truth| !truth);
        }
        if about_the_name(condition) { self.comparison(condition, "deny_if") } else { next() }
    }

    fn predicate(&self, predicate: &Value, list: &str) -> Option<bool> {
        let conditions = predicate.get("conditions").and_then(Value::as_array).unwrap();
        let each: Vec<Option<bool>> = conditions.iter().map(|c| self.condition(c, list)).collect();
        and(&each)
    }

    fn condition(&self, condition: &Value, list: &str) -> Option<bool> {
        let group = |name: &str| -> Option<Vec<Option<bool>>> {
            let list_of = condition.get(name)?.as_array()?;
            Some(list_of.iter().map(|c| self.condition(c, list)).collect())
        };
        if let Some(each) = group("all") {
            return and(&each);
        }
        if let Some(each) = group("any") {
            return or(&each);
        }
        if let Some(inner) = condition.get("not") {
            return self.condition(inner, list).map(|truth| !truth);
        }
        self.comparison(condition, list)
    }

    fn comparison(&self, condition: &Value, list: &str) -> Option<bool> {
        let path = condition.get("path").and_then(Value::as_str).unwrap();
        let op = condition.get("op").and_then(Value::as_str).unwrap();
        let places = self.places(path);
        let value = condition.get("value").unwrap();
        let other = match value.get("path").and_then(Value::as_str) {
            Some(path) => self.places(path).remove(0),
            None => Some(value.clone()),
        };
        let each: Vec<Option<bool>> =
            places.iter().map(|place| holds(op, place.as_ref(), other.as_ref())).collect();
        let every = match condition.get("each").and_then(Value::as_str) {
            Some(each) => each == "all",
            None => list == "require",
        };
        let truth = if every { and(&each) } else { or(&each) };
        *self.tally.borrow_mut().entry((op.to_owned(), truth)).or_default() += 1;
        truth
    }

    /// What stands where the path leads: one place, or one for each element behind `[*]`. An empty
    /// list is one place where nothing is.
    fn places(&self, path: &str) -> Vec<Option<Value>> {
        let world = self.world;
        let clock = |format: &str| {
            let zone = self.policy.get("timezone").and_then(Value::as_str).unwrap_or("UTC");
            Some(Value::from(
                world.now.in_tz(zone).unwrap().strftime(format).to_string().to_lowercase(),
            ))
        };
        let tokens = tokens(path);
        match tokens.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["tool", ".name"] => return vec![Some(Value::from(world.tool))],
            ["grant", ".label"] => return vec![Some(Value::from(world.label))],
            ["grant", ".identity"] => return vec![Some(Value::from(world.identity))],
            ["grant", ".tags", key] => {
                let tag = world.tags.iter().find(|(name, _)| *name == key[1..]);
                return vec![tag.map(|(_, value)| Value::from(value.as_str()))];
            }
            ["request", ".time"] => return vec![clock("%H:%M")],
            ["request", ".weekday"] => return vec![clock("%a")],
            ["request", ".date"] => return vec![clock("%Y-%m-%d")],
            _ => {}
        }
        let start = world.args.clone().unwrap_or(Value::Object(json::Object::new()));
        let mut places = vec![Some(start)];
        for token in &tokens[1..] {
            let step = |place: Option<Value>| -> Vec<Option<Value>> {
                match (place, token.as_str()) {
                    (Some(Value::Array(list)), "*") if !list.is_empty() => {
                        list.into_iter().map(Some).collect()
                    }
                    (Some(Value::Array(list)), index) if index.starts_with('#') => {
                        let index: usize = index[1..].parse().unwrap();
                        vec![list.get(index).cloned()]
                    }
                    (Some(value @ Value::Object(_)), name) if name.starts_with('.') => {
                        vec![value.get(&name[1..]).cloned()]
                    }
                    _ => vec![None],
                }
            };
            places = places.into_iter().flat_map(step).collect();
        }
        places
    }

    /// What a call uses of a limit, if the limit can hold it.
    fn charge(&self, limit: &Value, rule: &str) -> Option<(String, Vec<String>)> {
        let most = BigDecimal::from(9_223_372_036_854_i64);
        let millionth = BigDecimal::from_str("0.000001").unwrap();
        let mut amount = BigDecimal::from(1);
        if let Some(path) = limit.get("amount").and_then(Value::as_str) {
            amount = BigDecimal::from(0);
            for place in self.places(path) {
                let Some(found @ Value::Number(_)) = place else { return None };
                let found = number(&found);
                if found < 0 || found > most {
                    return None;
                }
                amount += found.with_scale_round(6, RoundingMode::Ceiling);
            }
            if amount > most {
                return None;
            }
        }
        let mut per = Vec::new();
        for path in strings(limit.get("per")) {
            match self.places(&path).remove(0)? {
                // Longer texts split no counter.
                Value::String(text) if text.len() > 1_024 => return None,
                Value::String(text) => per.push(format!("text {text}")),
                Value::Number(n) => {
                    per.push(format!("number {}", number(&Value::Number(n)).normalized()))
                }
                Value::Bool(value) => per.push(format!("truth {value}")),
                _ => return None,
            }
        }
        if amount > number(limit.get("max").unwrap())
            || self.world.used_up.iter().any(|u| u == rule)
        {
            return None;
        }
        let millionths = (amount / millionth).with_scale(0);
        Some((millionths.to_plain_string(), per))
    }
}

/// Splits a path: the root, then `.name`, `#index` or `*`.
fn tokens(path: &str) -> Vec<String> {
    let grammar = compiled(r#"\.?([^.\[\]"*\s]+)|\[(\d+)\]|\[(\*)\]|\[("(?:[^"\\]|\\.)*")\]"#);
    let mut tokens = Vec::new();
    for found in grammar.captures_iter(path) {
        let part = |index: usize| found.get(index).map(|part| part.as_str());
        if let Some(quoted) = part(4) {
            let name = json::read(quoted.as_bytes(), json::Limits::REQUEST).unwrap();
            tokens.push(format!(".{}", name.as_str().unwrap()));
        } else if part(3).is_some() {
            tokens.push("*".to_owned());
        } else if let Some(index) = part(2) {
            tokens.push(format!("#{index}"));
        } else if tokens.is_empty() {
            tokens.push(part(1).unwrap().to_owned());
        } else {
            tokens.push(format!(".{}", part(1).unwrap()));
        }
    }
    tokens
}

/// The table of operators, one place against one value.
fn holds(op: &str, found: Option<&Value>, value: Option<&Value>) -> Option<bool> {
    if op == "exists" {
        let there = found.is_some_and(|found| !found.is_null());
        return Some(Value::Bool(there) == *value.unwrap());
    }
    if op == "type" {
        let name = value.unwrap().as_str().unwrap();
        let Some(found) = found else { return Some(false) };
        let is = type_of(found);
        let integer = matches!(found, Value::Number(n) if !n.text().contains(['.', 'e', 'E']));
        return Some(is == name || name == "integer" && integer);
    }
    let found = found.filter(|found| !found.is_null())?;
    let value = value.filter(|value| !value.is_null())?;
    if let Some(positive) = op.strip_prefix("not_") {
        return holds(positive, Some(found), Some(value)).map(|truth| !truth);
    }
    let (text, scalar) = (found.as_str(), is_scalar(found));
    match op {
        "eq" => same(found, value),
        "neq" => same(found, value).map(|truth| !truth),
        "in" => match value {
            Value::Array(list) if scalar => {
                or(&list.iter().map(|one| same(found, one)).collect::<Vec<_>>())
            }
            _ => None,
        },
        "lt" => compared(found, value).map(|order| order.is_lt()),
        "lte" => compared(found, value).map(|order| order.is_le()),
        "gt" => compared(found, value).map(|order| order.is_gt()),
        "gte" => compared(found, value).map(|order| order.is_ge()),
        "matches" => {
            let whole = format!(r"\A(?:{})\z", value.as_str()?);
            text.map(|text| compiled(&whole).is_match(text))
        }
        "regex" => text.map(|text| compiled(value.as_str().unwrap()).is_match(text)),
        "starts_with" => Some(text?.starts_with(value.as_str()?)),
        "ends_with" => Some(text?.ends_with(value.as_str()?)),
        "contains" => match found {
            Value::String(text) => Some(text.contains(value.as_str()?)),
            Value::Array(list) if is_scalar(value) => {
                or(&list.iter().map(|one| same(one, value)).collect::<Vec<_>>())
            }
            _ => None,
        },
        "length_lt" => length(found, value).map(|order| order.is_lt()),
        "length_lte" => length(found, value).map(|order| order.is_le()),
        "length_gt" => length(found, value).map(|order| order.is_gt()),
        "length_gte" => length(found, value).map(|order| order.is_ge()),
        other => panic!("the text knows no operator {other}"),
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

/// "Same JSON type and equal"; what is no scalar is not judged.
fn same(a: &Value, b: &Value) -> Option<bool> {
    if !is_scalar(a) || !is_scalar(b) {
        return None;
    }
    Some(match (a, b) {
        (Value::Number(_), Value::Number(_)) => number(a) == number(b),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        _ => false,
    })
}

fn compared(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => Some(number(a).cmp(&number(b))),
        (Value::String(a), Value::String(b)) => Some(a.chars().cmp(b.chars())),
        _ => None,
    }
}

fn length(found: &Value, value: &Value) -> Option<std::cmp::Ordering> {
    let length = match found {
        Value::String(text) => text.chars().count(),
        Value::Array(list) => list.len(),
        Value::Object(object) => object.len(),
        _ => return None,
    };
    let Value::Number(_) = value else { return None };
    let value = number(value);
    let whole = value.is_integer();
    whole.then(|| BigDecimal::from(u64::try_from(length).unwrap()).cmp(&value))
}

fn number(value: &Value) -> BigDecimal {
    BigDecimal::from_str(value.as_number().unwrap().text()).unwrap()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Kleene's tables.
fn and(each: &[Option<bool>]) -> Option<bool> {
    if each.contains(&Some(false)) {
        Some(false)
    } else if each.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn or(each: &[Option<bool>]) -> Option<bool> {
    if each.contains(&Some(true)) {
        Some(true)
    } else if each.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// A pattern, compiled once.
fn compiled(pattern: &str) -> regex::Regex {
    thread_local! {
        static KNOWN: RefCell<BTreeMap<String, regex::Regex>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let compile = || regex::Regex::new(pattern).unwrap();
        known.entry(pattern.to_owned()).or_insert_with(compile).clone()
    })
}

/// `*` is any run of characters.
fn fits(pattern: &str, name: &str) -> bool {
    let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
    compiled(&format!(r"\A(?s:{})\z", parts.join(".*"))).is_match(name)
}

fn strings(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// What a predicate is called.
pub(crate) fn identity(predicate: &Value) -> String {
    if let Some(id) = predicate.get("id").and_then(Value::as_str) {
        return id.to_owned();
    }
    match predicate.get("conditions").and_then(Value::as_array) {
        None | Some([]) => "always".to_owned(),
        Some(list) => list.iter().map(called).collect::<Vec<_>>().join("+"),
    }
}

fn called(condition: &Value) -> String {
    for group in ["any", "all"] {
        if let Some(list) = condition.get(group).and_then(Value::as_array) {
            let inner: Vec<String> = list.iter().map(called).collect();
            return format!("{group}({})", inner.join("+"));
        }
    }
    match condition.get("not") {
        Some(inner) => format!("not({})", called(inner)),
        None => {
            let text = |name: &str| condition.get(name).and_then(Value::as_str).unwrap();
            format!("{}-{}", text("path"), text("op"))
        }
    }
}

/// Whether a rule of the entry reads `args`.
fn reads_args(entry: &Value) -> bool {
    let is_args =
        |path: &str| path == "args" || path.starts_with("args.") || path.starts_with("args[");
    match entry {
        Value::Object(object) => object.iter().any(|(name, value)| match (name, value) {
            ("path" | "amount", Value::String(path)) => is_args(path),
            ("per", value) => strings(Some(value)).iter().any(|path| is_args(path)),
            (_, value) => reads_args(value),
        }),
        Value::Array(list) => list.iter().any(reads_args),
        _ => false,
    }
}

fn about_the_name(comparison: &Value) -> bool {
    comparison.get("path") == Some(&Value::from("tool.name"))
        && comparison.get("value").and_then(|value| value.get("path")).is_none()
}

/// The comparisons that are not about the tool's name.
fn leaves(conditions: &Value, open: &mut Vec<()>) {
    match conditions {
        Value::Array(list) => list.iter().for_each(|condition| leaves(condition, open)),
        Value::Object(_) => {
            for group in ["any", "all", "not"] {
                if let Some(inner) = conditions.get(group) {
                    return leaves(inner, open);
                }
            }
            if !about_the_name(conditions) {
                open.push(());
            }
        }
        _ => {}
    }
}
