//! Paths into a call: how they are written and what they may be rooted at. Nothing is looked up here.

/// The most steps a path may have.
pub(crate) const STEPS_MAX: usize = 32;

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Path {
    /// Into the call's arguments; no step is the arguments as a whole.
    Args(Vec<Step>),
    /// `tool.name`
    ToolName,
    /// `grant.label`
    GrantLabel,
    /// `grant.identity`
    GrantIdentity,
    /// `grant.tags.KEY`
    GrantTag(String),
    /// `request.time`
    Time,
    /// `request.weekday`
    Weekday,
    /// `request.date`
    Date,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// A member of an object.
    Member(String),
    /// An element of a list, counted from 0.
    Index(usize),
    /// Every element of a list.
    Each,
}

impl Path {
    /// Whether it reads the call's arguments.
    pub(crate) fn reads_args(&self) -> bool {
        matches!(self, Self::Args(_))
    }

    /// Whether it may lead to several places.
    pub(crate) fn is_wild(&self) -> bool {
        matches!(self, Self::Args(steps) if steps.contains(&Step::Each))
    }

    /// The top-level argument it reads, if it names one.
    pub(crate) fn argument(&self) -> Option<&str> {
        match self {
            Self::Args(steps) => match steps.first() {
                Some(Step::Member(name)) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Reads a path.
///
/// - **Errors**: a sentence for the author that says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Path, String> {
    let (root, steps) = split(text)?;
    let names: Vec<&str> = steps
        .iter()
        .filter_map(|step| if let Step::Member(name) = step { Some(name.as_str()) } else { None })
        .collect();
    let plain = names.len() == steps.len();
    match (root.as_str(), names.as_slice()) {
        ("args", _) => match steps.first() {
            Some(Step::Index(_) | Step::Each) => {
                Err("`args` is an object: name an argument, as in `args.amount`".to_owned())
            }
            _ => Ok(Path::Args(steps)),
        },
        ("tool", ["name"]) if plain => Ok(Path::ToolName),
        ("tool", _) => Err("the only path at `tool` is `tool.name`".to_owned()),
        ("grant", ["label"]) if plain => Ok(Path::GrantLabel),
        ("grant", ["identity"]) if plain => Ok(Path::GrantIdentity),
        ("grant", ["tags", key]) if plain => Ok(Path::GrantTag((*key).to_owned())),
        ("grant", _) => {
            Err("paths at `grant` are `grant.label`, `grant.identity` and `grant.tags.KEY`"
                .to_owned())
        }
        ("request", ["time"]) if plain => Ok(Path::Time),
        ("request", ["weekday"]) if plain => Ok(Path::Weekday),
        ("request", ["date"]) if plain => Ok(Path::Date),
        ("request", _) => {
            Err("paths at `request` are `request.time`, `request.weekday` and `request.date`"
                .to_owned())
        }
        (other, _) => {
            Err(format!("a path starts at `args`, `tool`, `grant` or `request`, not at `{other}`"))
        }
    }
}

/// The root and the steps behind it.
fn split(text: &str) -> Result<(String, Vec<Step>), String> {
    let (root, mut rest) = name(text);
    if root.is_empty() {
        return Err("a path starts with `args`, `tool`, `grant` or `request`".to_owned());
    }
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= STEPS_MAX {
            return Err(format!("a path has at most {STEPS_MAX} steps"));
        }
        let (step, after) = if let Some(after) = rest.strip_prefix('.') {
            member(after)?
        } else if let Some(after) = rest.strip_prefix('[') {
            bracket(after)?
        } else {
            return Err(format!(
                "`{}` cannot stand here; write odd names as [\"…\"]",
                rest.chars().take(1).collect::<String>()
            ));
        };
        steps.push(step);
        rest = after;
    }
    Ok((root.to_owned(), steps))
}

/// A plain name and what follows it.
fn name(text: &str) -> (&str, &str) {
    let end = text.find(|c| !is_plain(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Whether a name may hold the character without quotes.
fn is_plain(c: char) -> bool {
    !matches!(c, '.' | '[' | ']' | '"' | '*' | '\\') && !c.is_whitespace() && !c.is_control()
}

fn member(text: &str) -> Result<(Step, &str), String> {
    match name(text) {
        ("", rest) if rest.starts_with('*') => {
            Err("`.*` is not a step; `[*]` stands for every element of a list".to_owned())
        }
        ("", _) => Err("a name is missing after `.`; write odd names as [\"…\"]".to_owned()),
        (name, rest) => Ok((Step::Member(name.to_owned()), rest)),
    }
}

fn bracket(text: &str) -> Result<(Step, &str), String> {
    if let Some(rest) = text.strip_prefix("*]") {
        return Ok((Step::Each, rest));
    }
    if text.starts_with('"') {
        return quoted(text);
    }
    let Some((number, rest)) = text.split_once(']') else {
        return Err("a `[` is not closed".to_owned());
    };
    let plain = !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && (number == "0" || !number.starts_with('0'));
    match number.parse() {
        Ok(index) if plain => Ok((Step::Index(index), rest)),
        _ => Err("between `[` and `]` stands `*`, a number from 0, or a name in double quotes"
            .to_owned()),
    }
}

/// A name in double quotes, with the escapes of JSON, and the bracket behind it.
fn quoted(text: &str) -> Result<(Step, &str), String> {
    let bytes = text.as_bytes();
    let mut end = 1;
    loop {
        match bytes.get(end) {
            Some(b'"') => break,
            Some(b'\\') => end += 2,
            Some(_) => end += 1,
            None => return Err("a quoted name is not closed".to_owned()),
        }
    }
    let literal = text.get(..=end).unwrap_or_default();
    let name = json::read(literal.as_bytes(), json::Limits::REQUEST)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .ok_or("a quoted name is not a JSON string")?;
    match text.get(end + 1..).and_then(|rest| rest.strip_prefix(']')) {
        Some(rest) => Ok((Step::Member(name), rest)),
        None => Err("a `]` is missing behind a quoted name".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(steps: &[Step]) -> Result<Path, String> {
        Ok(Path::Args(steps.to_vec()))
    }

    fn m(name: &str) -> Step {
        Step::Member(name.to_owned())
    }

    #[test]
    fn paths_are_read_as_written() {
        for (text, expected) in [
            ("args", args(&[])),
            ("args.amount", args(&[m("amount")])),
            ("args.customer.email", args(&[m("customer"), m("email")])),
            ("args.items[0].sku", args(&[m("items"), Step::Index(0), m("sku")])),
            ("args.items[*].amount", args(&[m("items"), Step::Each, m("amount")])),
            ("args.grid[*][1]", args(&[m("grid"), Step::Each, Step::Index(1)])),
            ("args[\"odd.key\"]", args(&[m("odd.key")])),
            ("args.a[\"b\\\"]\"].c", args(&[m("a"), m("b\"]"), m("c")])),
            ("args[\"\"]", args(&[m("")])),
            ("args.foo-bar", args(&[m("foo-bar")])),
            ("args.größe", args(&[m("größe")])),
            ("args.__proto__", args(&[m("__proto__")])),
            ("tool.name", Ok(Path::ToolName)),
            ("grant.label", Ok(Path::GrantLabel)),
            ("grant.identity", Ok(Path::GrantIdentity)),
            ("grant.tags.team", Ok(Path::GrantTag("team".to_owned()))),
            ("grant.tags[\"cost centre\"]", Ok(Path::GrantTag("cost centre".to_owned()))),
            ("request.time", Ok(Path::Time)),
            ("request.weekday", Ok(Path::Weekday)),
            ("request.date", Ok(Path::Date)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in [
            "",
            ".",
            "amount",
            "args.",
            "args..a",
            ".args.a",
            "args.a.",
            "args.a b",
            " args.a",
            "args.a ",
            "args.*",
            "args[*]",
            "args[0]",
            "args.a[",
            "args.a[]",
            "args.a[-1]",
            "args.a[01]",
            "args.a[1",
            "args.a[x]",
            "args.a[\"x]",
            "args.a[\"x\"",
            "args.a[\"\\ud800\"]",
            "args.a[99999999999999999999999]",
            "args.a\"b",
            "tool",
            "tool.title",
            "tool.name.x",
            "grant",
            "grant.tags",
            "grant.tags.a.b",
            "grant.tags[0]",
            "request.hour",
            "request.time[0]",
            "response.x",
            "ARGS.a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = format!("args{}", ".a".repeat(STEPS_MAX + 1));
        assert!(parse(&deep).is_err());
    }
}
