//! Intercept's YAML format, version 1, to this language.
//!
//! There, every rule is a requirement: a call passes when all conditions of all rules of its tool and of
//! `"*"` hold. A condition on `state.…` together with the rule's own `state` block is a limit.

use json::{Object, Value};

use super::Note;
use super::lists::{Lists, Rule, State, WINDOWS};
use super::patterns;
use super::scalar::{is_null, scalar, type_of};
use super::yaml::{self, Data, Node};
use crate::policy::Policy;
use crate::pretty::pretty;
use crate::problem::{Problem, Problems, single};
use crate::suggest;

/// Carries an Intercept policy over.
///
/// - **Shape**: the text of a policy of this language, and what the author should know.
/// - **Errors**: everything that is wrong with the text or cannot be said here as faithfully, all at
///   once, with line and column.
pub fn intercept(text: &str) -> Result<(String, Vec<Note>), Problems> {
    let root = yaml::read(text).map_err(|problem| Problems::from(vec![problem]))?;
    let mut import = Import::default();
    let policy = import.document(&root);
    if !import.problems.is_empty() {
        import.problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(import.problems.into());
    }
    let text = pretty(&Value::Object(policy));
    // Whatever the mapping overlooked must not become a policy that does not load.
    if let Err(problems) = Policy::load(text.as_bytes()) {
        let carried = problems.into_vec().into_iter().map(|problem| {
            let message = format!("{} (at {} of the result)", problem.message, problem.pointer);
            single(problem.code, message, 1, 1)
        });
        return Err(carried.collect::<Vec<Problem>>().into());
    }
    Ok((text, import.finished()))
}

#[derive(Default)]
struct Import {
    problems: Vec<Problem>,
    notes: Vec<Note>,
    requires: bool,
    limits: bool,
}

type Map<'n> = Vec<(&'n str, &'n Node)>;

impl Import {
    fn problem(&mut self, at: &Node, code: &'static str, message: impl Into<String>) {
        self.problems.push(at.problem(code, message));
    }

    fn refuse<T>(
        &mut self,
        at: &Node,
        code: &'static str,
        message: impl Into<String>,
    ) -> Option<T> {
        self.problem(at, code, message);
        None
    }

    fn note(&mut self, line: usize, message: impl Into<String>) {
        self.notes.push(Note { line, message: message.into() });
    }

    /// The notes, those about the whole first.
    fn finished(mut self) -> Vec<Note> {
        if self.requires {
            self.note(
                0,
                "values are compared without conversion: a value of another type than the rule's \
                 (such as \"5\" for 5) is denied; arguments that a tool's definition does not list \
                 are denied where rules read its arguments",
            );
        }
        if self.limits {
            self.note(
                0,
                "counters start at zero and are shared by every grant that has this policy; change \
                 `scope` to `grant` for one budget each",
            );
        }
        self.notes.sort_by_key(|note| note.line);
        self.notes
    }

    fn map<'n>(&mut self, at: &'n Node, what: &str, known: &[&str]) -> Option<Map<'n>> {
        let Data::Map(members) = &at.data else {
            return self.refuse(at, "wrong_type", format!("{what} must be a mapping"));
        };
        let mut map = Vec::new();
        for (key, value) in members {
            let Data::Scalar { text: name, .. } = &key.data else { continue };
            if !known.is_empty() && !known.contains(&name.as_str()) {
                let mut problem = key.problem("unknown_key", format!("{what} has no key `{name}`"));
                problem.suggestion =
                    suggest::nearest(name, known.iter().copied()).map(str::to_owned);
                self.problems.push(problem);
            }
            map.push((name.as_str(), value));
        }
        Some(map)
    }

    fn list<'n>(&mut self, at: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &at.data {
            Data::List(list) => Some(list),
            _ if is_null(at) => Some(&[]),
            _ => self.refuse(at, "wrong_type", format!("{what} must be a list")),
        }
    }

    fn scalar(&mut self, at: &Node) -> Option<Value> {
        match scalar(at) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn text<'n>(&mut self, at: &'n Node, what: &str) -> Option<&'n str> {
        match &at.data {
            Data::Scalar { text, .. } => Some(text),
            _ => self.refuse(at, "wrong_type", format!("{what} must be a string")),
        }
    }

    fn document(&mut self, root: &Node) -> Object {
        let mut policy = Object::new();
        let known = ["version", "description", "default", "hide", "tools"];
        let Some(map) = self.map(root, "a policy", &known) else { return policy };
        match find(&map, "version") {
            Some(at) => match self.text(at, "`version`") {
                Some("1") | None => {}
                Some(_) => self.problem(at, "bad_version", "only version \"1\" is carried over"),
            },
            None => self.problem(root, "missing_key", "`version` is missing"),
        }
        policy.insert("version", "1");
        if let Some(text) = find(&map, "description").and_then(|at| self.text(at, "`description`"))
        {
            policy.insert("description", text);
        }
        // Intercept allows what no key covers unless it is told otherwise.
        let default = match find(&map, "default") {
            Some(at) => match self.text(at, "`default`") {
                Some(effect @ ("allow" | "deny")) => effect,
                _ => {
                    self.problem(at, "bad_value", "`default` is `allow` or `deny`");
                    "deny"
                }
            },
            None => "allow",
        };
        policy.insert("default", default);
        if let Some(hide) = find(&map, "hide").and_then(|at| self.hide(at)) {
            policy.insert("hide", Value::Array(hide));
        }
        if let Some(at) = find(&map, "tools") {
            self.tools(at, &mut policy);
        }
        policy
    }

    fn hide(&mut self, at: &Node) -> Option<Vec<Value>> {
        let mut hide = Vec::new();
        for at in self.list(at, "`hide`")? {
            let name = self.text(at, "an entry of `hide`")?;
            if name.trim().is_empty() {
                return self.refuse(at, "bad_value", "an entry of `hide` is empty");
            }
            if name != "*" && name.contains('*') {
                return self.refuse(at, "not_supported", star(name));
            }
            hide.push(Value::from(name));
        }
        Some(hide)
    }

    fn tools(&mut self, at: &Node, policy: &mut Object) {
        if is_null(at) {
            return;
        }
        let mut tools = Object::new();
        for (name, at) in self.map(at, "`tools`", &[]).unwrap_or_default() {
            if name != "*" && name.contains('*') {
                self.problem(at, "not_supported", star(name));
                continue;
            }
            let scope = if name == "*" { "_global" } else { name };
            let entry = self.tool(at, scope).unwrap_or_default();
            match name {
                "*" => policy.insert("all_tools", Value::Object(entry)),
                name => tools.insert(name, Value::Object(entry)),
            }
        }
        if !tools.is_empty() {
            policy.insert("tools", Value::Object(tools));
        }
    }

    fn tool(&mut self, at: &Node, scope: &str) -> Option<Object> {
        if is_null(at) {
            return Some(Object::new());
        }
        let map = self.map(at, "a tool", &["rules"])?;
        let mut lists = Lists::default();
        if let Some(at) = find(&map, "rules") {
            for rule in self.list(at, "`rules`")? {
                self.rule(rule, scope, &mut lists);
            }
        }
        let mut entry = Object::new();
        for (name, list) in
            [("deny_if", lists.deny_if), ("require", lists.require), ("limits", lists.limits)]
        {
            if !list.is_empty() {
                entry.insert(name, Value::Array(list));
            }
        }
        Some(entry)
    }

    fn rule(&mut self, at: &Node, scope: &str, lists: &mut Lists) -> Option<()> {
        let known = ["name", "action", "rate_limit", "conditions", "on_deny", "state"];
        let map = self.map(at, "a rule", &known)?;
        let name = match find(&map, "name") {
            Some(name) => self.text(name, "`name`")?,
            None => return self.refuse(at, "missing_key", "a rule needs a `name`"),
        };
        let on_deny = match find(&map, "on_deny") {
            Some(at) => Some(self.text(at, "`on_deny`")?),
            None => None,
        };
        let said = |name: &str| find(&map, name).filter(|at| !is_null(at));
        let (rate, conditions, state) = (said("rate_limit"), said("conditions"), said("state"));
        let deny = match said("action").map(|at| (at, self.text(at, "`action`"))) {
            None | Some((_, Some("evaluate"))) => false,
            Some((_, Some("deny"))) => true,
            Some((at, _)) => {
                return self.refuse(at, "bad_value", "`action` is `evaluate` or `deny`");
            }
        };
        let rule = Rule { name, on_deny, scope };
        match (deny, rate, conditions, state) {
            (true, None, None, None) => {
                lists.deny_if(&rule, Vec::new());
                Some(())
            }
            (true, ..) => {
                self.refuse(at, "bad_value", "a rule that denies has no conditions, state or limit")
            }
            (false, Some(rate), None, None) => self.rate(rate, &rule, lists),
            (false, Some(rate), ..) => {
                self.refuse(rate, "bad_value", "`rate_limit` stands without conditions and state")
            }
            (false, None, Some(conditions), state) => {
                self.evaluate(conditions, state, &rule, lists)
            }
            (false, None, None, _) => {
                self.refuse(at, "missing_key", "a rule needs at least one condition")
            }
        }
    }

    /// `5/hour`
    fn rate(&mut self, at: &Node, rule: &Rule<'_>, lists: &mut Lists) -> Option<()> {
        let text = self.text(at, "`rate_limit`")?;
        let parts = text.split_once('/').and_then(|(count, window)| {
            let count: i64 = count.parse().ok().filter(|count| *count > 0)?;
            Some((count, window)).filter(|(_, window)| WINDOWS.contains(window))
        });
        let Some((count, window)) = parts else {
            let message = "`rate_limit` is a count and `minute`, `hour` or `day`, as in `5/hour`";
            return self.refuse(at, "bad_value", message);
        };
        let counter = format!("_rate_{window}");
        if lists.counters.contains(&counter) {
            return self.refuse(at, "duplicate_counter", "two rate limits have the same window");
        }
        self.limits = true;
        lists.limit(rule, counter, window, count, None);
        Some(())
    }

    fn evaluate(
        &mut self,
        at: &Node,
        state: Option<&Node>,
        rule: &Rule<'_>,
        lists: &mut Lists,
    ) -> Option<()> {
        let state = match state {
            Some(at) => Some(self.state(at)?),
            None => None,
        };
        let own = state.as_ref().map(|state| format!("state.{}.{}", rule.scope, state.counter));
        let mut conditions = Vec::new();
        let mut max = None;
        let elements = self.list(at, "`conditions`")?;
        if elements.is_empty() {
            return self.refuse(at, "missing_key", "a rule needs at least one condition");
        }
        for element in elements {
            let map = self.map(element, "a condition", &["path", "op", "value"])?;
            let mut needed = |name: &str| match find(&map, name) {
                Some(at) => Some(at),
                None => self.refuse(element, "missing_key", format!("a condition needs `{name}`")),
            };
            let (path, op, value) = (needed("path")?, needed("op")?, needed("value")?);
            let (path_text, op_text) = (self.text(path, "`path`")?, self.text(op, "`op`")?);
            if !path_text.starts_with("state.") {
                conditions.extend(self.condition((path, path_text), (op, op_text), value)?);
            } else if Some(path_text) == own.as_deref() && max.is_none() {
                max = Some(self.most(op, op_text, value)?);
            } else {
                let message =
                    "a condition on a counter is carried over once, in the rule that counts";
                return self.refuse(path, "not_supported", message);
            }
        }
        if !conditions.is_empty() {
            self.requires = true;
            lists.require(rule, conditions);
        }
        match (state, max) {
            (Some(state), Some(max)) => {
                if lists.counters.contains(&state.counter) {
                    let message = format!("a counter `{}` stands twice", state.counter);
                    return self.refuse(at, "duplicate_counter", message);
                }
                self.limits = true;
                if state.amount.is_some() {
                    self.note(
                        at.line,
                        "amounts count exactly, with their fractions; a negative amount is denied",
                    );
                }
                let max = max.div_euclid(state.increment);
                lists.limit(rule, state.counter, state.window, max, state.amount);
            }
            (Some(_), None) => {
                self.note(at.line, "a counter that no condition reads limits nothing: left out");
            }
            (None, _) => {}
        }
        Some(())
    }

    /// The most that a condition on a counter lets it hold.
    fn most(&mut self, op: &Node, op_text: &str, value: &Node) -> Option<i64> {
        let number = match self.scalar(value)? {
            Value::Number(number) => number.value(),
            _ => return self.refuse(value, "wrong_type", "a counter is compared with a number"),
        };
        // Counters are whole there, and so is what they are compared with.
        let whole = number.millionths_up().map(|millionths| millionths.div_euclid(1_000_000));
        let max = match (op_text, whole) {
            ("lte", Some(whole)) => whole,
            ("lt", Some(whole)) => whole - 1,
            ("lt" | "lte", None) => {
                return self.refuse(value, "out_of_range", "the number is too large");
            }
            _ => {
                let message = "a counter is compared with `lt` or `lte`";
                return self.refuse(op, "not_supported", message);
            }
        };
        if max < 0 {
            let message = "this counter lets no call through: use `action: deny`";
            return self.refuse(value, "out_of_range", message);
        }
        Some(max)
    }

    fn state(&mut self, at: &Node) -> Option<State> {
        let known = ["counter", "window", "increment", "increment_from"];
        let map = self.map(at, "`state`", &known)?;
        let mut needed = |name: &str| match find(&map, name) {
            Some(at) => Some(at),
            None => self.refuse(at, "missing_key", format!("`state` needs `{name}`")),
        };
        let (counter, window) = (needed("counter")?, needed("window")?);
        let counter = self.text(counter, "`counter`")?.to_owned();
        let window_text = self.text(window, "`window`")?;
        let Some(window) = WINDOWS.into_iter().find(|known| *known == window_text) else {
            return self.refuse(window, "bad_window", "`window` is `minute`, `hour` or `day`");
        };
        let amount = match find(&map, "increment_from") {
            Some(at) => {
                let text = self.text(at, "`increment_from`")?;
                Some(self.path(at, text)?)
            }
            None => None,
        };
        let increment = match find(&map, "increment") {
            Some(at) if amount.is_none() => match self.scalar(at)? {
                // 0 counts as not said.
                Value::Number(number) if number.text() == "0" => 1,
                Value::Number(number) => match number.text().parse::<i64>() {
                    Ok(increment) if increment > 0 => increment,
                    _ => {
                        return self.refuse(
                            at,
                            "out_of_range",
                            "`increment` is a whole number above 0",
                        );
                    }
                },
                _ => return self.refuse(at, "wrong_type", "`increment` is a number"),
            },
            _ => 1,
        };
        Some(State { counter, window, amount, increment })
    }

    /// A condition on an argument, as one or two of ours.
    fn condition(
        &mut self,
        (path_at, path): (&Node, &str),
        (op_at, op): (&Node, &str),
        value_at: &Node,
    ) -> Option<Vec<Value>> {
        let path = self.path(path_at, path)?;
        let value = match op {
            "in" | "not_in" => {
                let mut list = Vec::new();
                for at in self.list(value_at, &format!("the value of `{op}`"))? {
                    list.push(self.scalar(at)?);
                }
                Value::Array(list)
            }
            "eq" | "neq" | "contains" | "exists" => self.scalar(value_at)?,
            "lt" | "lte" | "gt" | "gte" => match self.scalar(value_at)? {
                number @ Value::Number(_) => number,
                _ => {
                    let message = format!("the value of `{op}` is a number");
                    return self.refuse(value_at, "wrong_type", message);
                }
            },
            "regex" => {
                let text = self.text(value_at, "the value of `regex`")?;
                match patterns::of_go(text) {
                    Ok(pattern) => Value::String(pattern),
                    Err(message) => return self.refuse(value_at, "bad_pattern", message),
                }
            }
            _ => {
                let message = format!("there is no operator `{op}` to carry over");
                return self.refuse(op_at, "bad_op", message);
            }
        };
        if op == "exists" && value.as_bool().is_none() {
            let message = "the value of `exists` is `true` or `false`";
            return self.refuse(value_at, "wrong_type", message);
        }
        let mut conditions = Vec::new();
        if matches!(op, "neq" | "not_in") {
            // There, "5" equals 5, so `neq` refuses both; here only a value of the same type is
            // compared, and any other is refused.
            match type_of(&value) {
                Some(name) => conditions.push(comparison(&path, "type", Value::from(name))),
                None if value.as_array().is_some_and(<[Value]>::is_empty) => {}
                None => {
                    let message =
                        format!("`{op}` with values of several types is not carried over");
                    return self.refuse(value_at, "not_supported", message);
                }
            }
        }
        conditions.push(comparison(&path, op, value));
        Some(conditions)
    }

    /// `args.a.b` with each name to the letter.
    fn path(&mut self, at: &Node, text: &str) -> Option<String> {
        let Some(rest) = text.strip_prefix("args.") else {
            let message = format!("a path starts with `args.` or `state.`, not as in `{text}`");
            return self.refuse(at, "bad_path", message);
        };
        let mut path = "args".to_owned();
        for name in rest.split('.') {
            let plain = crate::path::parse(&format!("args.{name}"));
            let same = crate::path::Path::Args(vec![crate::path::Step::Member(name.to_owned())]);
            if plain.is_ok_and(|plain| plain == same) {
                path.push('.');
                path.push_str(name);
            } else {
                let mut quoted = Vec::new();
                json::write_string(name, &mut quoted);
                path.push('[');
                path.push_str(&String::from_utf8_lossy(&quoted));
                path.push(']');
            }
        }
        Some(path)
    }
}

fn find<'n>(map: &Map<'n>, name: &str) -> Option<&'n Node> {
    map.iter().find(|(known, _)| *known == name).map(|(_, node)| *node)
}

fn star(name: &str) -> String {
    format!("`{name}` names one tool to the letter there and many here: not carried over")
}

fn comparison(path: &str, op: &str, value: Value) -> Value {
    let mut comparison = Object::new();
    comparison.insert("path", path);
    comparison.insert("op", op);
    comparison.insert("value", value);
    Value::Object(comparison)
}
