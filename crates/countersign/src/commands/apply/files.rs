//! Reading the directory: every file strictly, all of them before anything is asked of the instance.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::super::input;
use crate::failure::{Failure, reason};

/// What the directory says. A kind whose folder is not there is left alone.
pub(super) struct Wanted {
    pub(super) servers: Option<BTreeMap<String, Server>>,
    pub(super) policies: Option<BTreeMap<String, Policy>>,
    pub(super) groups: Option<BTreeMap<String, Group>>,
}

/// A server, as its file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) private_targets: Vec<String>,
    pub(super) on_tool_change: Option<String>,
    pub(super) enabled: Option<bool>,
}

/// A policy, as its files say.
pub(super) struct Policy {
    pub(super) text: String,
    /// JSON text, as it stands in the file.
    pub(super) cases: Option<String>,
}

/// A group, as its file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    #[serde(default)]
    pub(super) members: Vec<String>,
}

/// Reads the directory.
pub(super) fn read(dir: &Path) -> Result<Wanted, Failure> {
    let wanted = Wanted {
        servers: folder(&dir.join("servers"), |_, text| parsed(text))?,
        policies: policies(&dir.join("policies"))?,
        groups: folder(&dir.join("groups"), |_, text| parsed(text))?,
    };
    if wanted.servers.is_none() && wanted.policies.is_none() && wanted.groups.is_none() {
        return Err(Failure::new(
            "no_files",
            format!("there is nothing to apply in `{}`", dir.display()),
            "put files into its folders `servers`, `policies` and `groups`",
        ));
    }
    Ok(wanted)
}

fn policies(dir: &Path) -> Result<Option<BTreeMap<String, Policy>>, Failure> {
    let Some(mut texts) = folder(dir, |_, text| Ok(text.to_owned()))? else { return Ok(None) };
    let cases: Vec<String> =
        texts.keys().filter(|name| name.ends_with(".cases")).cloned().collect();
    let mut kept = BTreeMap::new();
    for name in cases {
        if let Some(text) = texts.remove(&name) {
            kept.insert(name.trim_end_matches(".cases").to_owned(), text);
        }
    }
    let mut policies = BTreeMap::new();
    for (name, text) in texts {
        let cases = kept.remove(&name);
        judged(&dir.join(format!("{name}.json")), &text, cases.as_deref())?;
        policies.insert(name, Policy { text, cases });
    }
    match kept.keys().next() {
        None => Ok(Some(policies)),
        Some(name) => Err(Failure::new(
            "no_policy",
            format!("there are test cases for `{name}` and no policy"),
            format!("add `{name}.json` beside them, or remove the cases"),
        )),
    }
}

/// Nothing is published that has an error or fails its own cases: said here, before any change.
fn judged(file: &Path, text: &str, cases: Option<&str>) -> Result<(), Failure> {
    let shown = file.display();
    let policy = policy::Policy::load(text.as_bytes()).map_err(|problems| {
        let lines = problems.iter().map(|problem| problem.to_string()).collect();
        let next = format!("see `countersign policy check {shown}`");
        Failure::new("policy_invalid", format!("the policy `{shown}` has errors"), next)
            .listing(lines)
    })?;
    let Some(cases) = cases else { return Ok(()) };
    let failed = |what: &str| {
        Failure::new(
            "tests_failed",
            format!("test cases of the policy `{shown}` {what}"),
            format!("see `countersign policy test {shown} --cases CASES`"),
        )
    };
    let results = policy::test(&policy, cases.as_bytes()).map_err(|_| failed("cannot be read"))?;
    if results.iter().all(|result| result.passed) { Ok(()) } else { Err(failed("fail")) }
}

/// The files of a folder by their names, each read as a `T`; `None` where there is no folder.
fn folder<T>(
    dir: &Path,
    read: impl Fn(&Path, &str) -> Result<T, String>,
) -> Result<Option<BTreeMap<String, T>>, Failure> {
    if !dir.is_dir() {
        return Ok(None);
    }
    let unreadable = |error: &std::io::Error| {
        let what = format!("the folder `{}` cannot be read: {}", dir.display(), reason(error));
        Failure::new("unreadable_file", what, "check the path")
    };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(|error| unreadable(&error))? {
        let path = entry.map_err(|error| unreadable(&error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        // Editors and version control leave files of their own.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let Some(name) = name.strip_suffix(".json") else {
            return Err(Failure::new(
                "strange_file",
                format!("the file `{}` is not a .json file", path.display()),
                "keep only what is to be applied in these folders",
            ));
        };
        let read = read(&path, &input::text(&path)?).map_err(|what| {
            Failure::new(
                "bad_file",
                format!("the file `{}` cannot be used: {what}", path.display()),
                "docs/operating.md shows the files",
            )
        })?;
        found.insert(name.to_owned(), read);
    }
    Ok(Some(found))
}

/// Reads strictly: unknown fields and fields that stand twice are refused.
fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Whether two texts are the same JSON.
pub(super) fn same_json(one: &str, other: &Value) -> bool {
    serde_json::from_str::<Value>(one).is_ok_and(|one| one == *other)
}
