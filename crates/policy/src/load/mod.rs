//! From the text of a policy to a program, or to every error in it at once.

pub(crate) mod conditions;
pub(crate) mod limits;
pub(crate) mod reader;
pub(crate) mod rules;

use std::collections::HashMap;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use json::Fault;
use json::document::{Data, Node};

use crate::charge::Place;
use crate::pattern::{NamePattern, Names};
use crate::problem::{self, Found, Problems};
use crate::program::{Effect, Entry, Program, Section, Spot};
use crate::suggest;
use reader::{At, Loader};
use rules::Rules;

/// The largest document, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 4 << 20;

/// The most errors that are reported of one document; beyond, the rest is counted.
const PROBLEMS_MAX: usize = 1_000;

/// The keys of the document.
pub(crate) const DOCUMENT: [&str; 11] = [
    "version",
    "default",
    "description",
    "timezone",
    "hide",
    "hide_denied",
    "all_tools",
    "tools",
    "resources",
    "prompts",
    "client_requests",
];

const EFFECTS: [(&str, Effect); 2] = [("allow", Effect::Allow), ("deny", Effect::Deny)];

/// Reads and compiles a document.
pub(crate) fn program(text: &[u8]) -> Result<Program, Problems> {
    let (node, mut loader) = tree(text)?;
    let program = document(&mut loader, &At::root(&node));
    finish(text, loader, program)
}

/// Reads a text into a tree; what is wrong with single names and numbers is kept in the loader.
pub(crate) fn tree(text: &[u8]) -> Result<(Node, Loader), Problems> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the document has more than {TEXT_BYTES_MAX} bytes");
        return Err(vec![problem::single("too_large", message, 1, 1)].into());
    }
    let (node, faults) = json::document::read(text)
        .map_err(|error| problem::placed(text, vec![of_fault(&error)]))?;
    let mut loader = Loader::default();
    // Names that differ only by case are two names here: every reader of policies is this one.
    let real = faults.iter().filter(|fault| fault.fault() != Fault::KeyCollision);
    loader.problems.extend(real.map(of_fault));
    Ok((node, loader))
}

/// The result, unless there were problems.
pub(crate) fn finish<T>(text: &[u8], loader: Loader, result: Option<T>) -> Result<T, Problems> {
    let mut problems = loader.problems;
    match result {
        Some(result) if problems.is_empty() => Ok(result),
        _ => {
            if problems.is_empty() {
                problems.push(Found {
                    at: 0,
                    pointer: String::new(),
                    code: "unreadable",
                    message: "the document could not be read".to_owned(),
                    suggestion: None,
                });
            }
            let more = problems.len().saturating_sub(PROBLEMS_MAX);
            problems.truncate(PROBLEMS_MAX);
            if more > 0 {
                problems.push(Found {
                    at: text.len(),
                    pointer: String::new(),
                    code: "more_errors",
                    message: format!("{more} more errors are not shown"),
                    suggestion: None,
                });
            }
            Err(problem::placed(text, problems))
        }
    }
}

fn of_fault(error: &json::ReadError) -> Found {
    let message = match error.fault() {
        Fault::DuplicateKey => "this key stands twice".to_owned(),
        _ => error.to_string(),
    };
    Found {
        at: error.at(),
        pointer: error.pointer(),
        code: error.fault().code(),
        message,
        suggestion: None,
    }
}

fn document(loader: &mut Loader, at: &At<'_>) -> Option<Program> {
    let fields = loader.fields(at, "a policy", &DOCUMENT)?;
    if let Some(version) = loader.needed(&fields, "version", "a policy") {
        self::version(loader, &version);
    }
    let default = loader
        .needed(&fields, "default", "a policy")
        .and_then(|at| loader.choice(&at, "`default`", &EFFECTS))
        // Any effect will do to find the errors of the rest.
        .unwrap_or(Effect::Deny);
    if let Some(at) = fields.get("description") {
        loader.string(&at, "`description`");
    }
    let zone = fields.get("timezone").map_or(Some(TimeZone::UTC), |at| timezone(loader, &at));
    let hide = fields.get("hide").map(|at| names(loader, &at, "`hide`")).unwrap_or_default();
    let hide_spots = fields.get("hide").map(|at| spots(&at)).unwrap_or_default();
    let hide_denied = fields
        .get("hide_denied")
        .and_then(|at| loader.boolean(&at, "`hide_denied`"))
        .unwrap_or(false);

    let mut rules = Rules::new(loader);
    let all_tools = match fields.get("all_tools") {
        Some(at) => rules.entry(&at, Place::AllTools),
        None => rules.empty(Place::AllTools),
    };
    let tools = fields.get("tools").map(|at| tools(&mut rules, &at)).unwrap_or_default();

    let resources = section(loader, fields.get("resources").as_ref(), "`resources`", default);
    let prompts = section(loader, fields.get("prompts").as_ref(), "`prompts`", default);
    let client_requests = client_requests(loader, fields.get("client_requests"), default);
    Some(Program {
        default,
        zone: zone?,
        hide,
        hide_spots,
        hide_denied,
        all_tools,
        entries: tools.entries,
        exact: tools.exact,
        patterns: tools.patterns,
        resources,
        prompts,
        client_requests,
    })
}

fn version(loader: &mut Loader, at: &At<'_>) {
    let is_one = matches!(&at.node.data, Data::String(text) if text == "1");
    if !is_one {
        let message = "`version` is the string \"1\" and nothing else";
        loader.suggest(at, "bad_version", message, Some("\"1\"".to_owned()));
    }
}

/// A zone of the table that is built in, so that every machine decides alike.
fn timezone(loader: &mut Loader, at: &At<'_>) -> Option<TimeZone> {
    let name = loader.string(at, "`timezone`")?;
    let table = TimeZoneDatabase::bundled();
    match table.get(name) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let known: Vec<String> = table.available().map(|name| name.to_string()).collect();
            let nearest = suggest::nearest(name, known.iter().map(String::as_str));
            let message = format!("`{name}` is not the IANA name of a time zone");
            loader.suggest(at, "bad_timezone", message, nearest.map(str::to_owned));
            None
        }
    }
}

fn names(loader: &mut Loader, at: &At<'_>, what: &str) -> Names {
    let mut names = Names::default();
    for element in loader.list(at, what).unwrap_or_default() {
        if let Some(name) = loader.string(&element, &format!("an entry of {what}")) {
            if name.is_empty() {
                loader.problem(&element, "bad_value", format!("an entry of {what} is empty"));
            }
            names.add(name);
        }
    }
    names
}

/// Where each entry of a list of names stands.
fn spots(at: &At<'_>) -> Vec<(String, Spot)> {
    let Data::Array(list) = &at.node.data else { return Vec::new() };
    let each = list.iter().enumerate().filter_map(|(index, node)| match &node.data {
        Data::String(text) => {
            let pointer = format!("{}/{index}", at.pointer);
            Some((text.clone(), Spot { pointer, at: node.at }))
        }
        _ => None,
    });
    each.collect()
}

#[derive(Default)]
struct Tools {
    entries: Vec<Entry>,
    exact: HashMap<Box<str>, usize>,
    patterns: Vec<(NamePattern, usize)>,
}

fn tools(rules: &mut Rules<'_>, at: &At<'_>) -> Tools {
    let mut tools = Tools::default();
    for (member, at) in rules.loader.members(at, "`tools`").unwrap_or_default() {
        if member.name.is_empty() {
            rules.loader.problem(&at, "bad_value", "a key of `tools` is empty");
        }
        let index = tools.entries.len();
        tools.entries.push(rules.entry(&at, Place::Tool(member.name.as_str().into())));
        if member.name.contains('*') {
            tools.patterns.push((NamePattern::new(&member.name), index));
        } else {
            tools.exact.entry(member.name.as_str().into()).or_insert(index);
        }
    }
    tools
}

fn section(loader: &mut Loader, at: Option<&At<'_>>, what: &str, default: Effect) -> Section {
    let known = ["default", "allow", "deny", "hide"];
    let fields = at.and_then(|at| loader.fields(at, what, &known));
    let mut list = |name: &str| {
        let at = fields.as_ref().and_then(|fields| fields.get(name));
        at.map(|at| names(loader, &at, &format!("`{name}` of {what}"))).unwrap_or_default()
    };
    let (allow, deny, hide) = (list("allow"), list("deny"), list("hide"));
    let default = fields
        .as_ref()
        .and_then(|fields| fields.get("default"))
        .and_then(|at| loader.choice(&at, &format!("`default` of {what}"), &EFFECTS))
        .unwrap_or(default);
    Section { default, allow, deny, hide }
}

fn client_requests(loader: &mut Loader, at: Option<At<'_>>, default: Effect) -> [Effect; 3] {
    let known = ["sampling", "elicitation", "roots"];
    let fields = at.and_then(|at| loader.fields(&at, "`client_requests`", &known));
    known.map(|name| {
        fields
            .as_ref()
            .and_then(|fields| fields.get(name))
            .and_then(|at| loader.choice(&at, &format!("`{name}`"), &EFFECTS))
            .unwrap_or(default)
    })
}
