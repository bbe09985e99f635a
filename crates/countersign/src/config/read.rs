//! Reads the file and the environment into the typed structure, and finds everything that is wrong.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Config;
use super::settings::{SETTINGS, Setting};
use super::values::Given;
use crate::nearest::nearest;

/// The file that is read if it is there and none is named.
const DEFAULT_FILE: &str = "countersign.toml";
/// No configuration is longer; what is longer is some other file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Variables that belong to the command line and not to the configuration.
const COMMAND_LINE: [&str; 4] = [
    "COUNTERSIGN_URL",
    "COUNTERSIGN_API_KEY",
    "COUNTERSIGN_API_KEY_FILE",
    "COUNTERSIGN_GRANT_TOKEN",
];

/// Where the configuration is read from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The file that was named; it must be there then.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) variables: Vec<(String, String)>,
    /// What the command line says, by name of the setting. It goes before everything else.
    pub(crate) flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// The real environment, with the file and the settings of the command line.
    pub(crate) fn of_process(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Self {
        let mut variables: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                // A value that is no text is wrong for every setting, and says so there.
                name.starts_with("COUNTERSIGN_")
                    .then(|| (name, value.into_string().unwrap_or_default()))
            })
            .collect();
        variables.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Self { file, variables, flags }
    }
}

/// Everything that is wrong with a configuration. Never empty. Holds no value, only names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<String>);

/// Reads the configuration: defaults, then the file, then the environment, then the command line.
pub(super) fn load(sources: &Sources) -> Result<Config, Problems> {
    let mut reading = Reading::default();
    if let Some((path, text)) = file_text(sources.file.as_deref())? {
        reading.file(&path, &text);
    }
    reading.one_root_key();
    let root_key_of_file = std::mem::take(&mut reading.config.root_key);
    reading.environment(&sources.variables);
    reading.one_root_key();
    // What the environment says of the root key replaces all that the file says of it.
    if reading.config.root_key.is_unset() {
        reading.config.root_key = root_key_of_file;
    }
    for (name, value) in &sources.flags {
        reading.set(name, Given::Text(value.clone()), &format!("`{name}` on the command line"));
    }
    reading.problems.extend(reading.config.export.problems());
    reading.problems.extend(reading.config.evidence.problems());
    if reading.problems.is_empty() { Ok(reading.config) } else { Err(Problems(reading.problems)) }
}

fn file_text(named: Option<&Path>) -> Result<Option<(PathBuf, String)>, Problems> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let problem = |reason: String| {
        Problems(vec![format!("{}: the file cannot be read: {reason}", path.display())])
    };
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= FILE_BYTES_MAX => {}
        Ok(metadata) if metadata.is_file() => return Err(problem("it is too large".to_owned())),
        Ok(_) => return Err(problem("it is not a plain file".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            return Ok(None);
        }
        Err(error) => return Err(problem(crate::failure::reason(&error))),
    }
    let bytes = std::fs::read(path).map_err(|error| problem(crate::failure::reason(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| problem("it is not UTF-8".to_owned()))?;
    Ok(Some((path.to_owned(), text)))
}

/// A configuration while it is being read.
#[derive(Default)]
struct Reading {
    config: Config,
    problems: Vec<String>,
}

impl Reading {
    /// Takes over what a file says.
    fn file(&mut self, path: &Path, text: &str) {
        let file = path.display();
        match DeTable::parse(text) {
            Ok(table) => {
                let mut entries = Vec::new();
                flatten(table.get_ref(), "", &mut entries);
                // In the order of the text, as people read it.
                entries.sort_by_key(|entry| entry.at);
                for entry in entries {
                    let (line, column) = place(text, entry.at);
                    self.entry(entry, &format!("{file}:{line}:{column}"));
                }
            }
            Err(error) => {
                let (line, column) = place(text, error.span().map_or(0, |span| span.start));
                self.problems.push(format!("{file}:{line}:{column}: {}", error.message()));
            }
        }
    }

    fn entry(&mut self, entry: Entry<'_>, at: &str) {
        let Entry { name, value, .. } = entry;
        match SETTINGS.iter().find(|setting| setting.name == name) {
            Some(setting) if setting.secret => self.problems.push(format!(
                "{at}: `{name}` is a secret and does not belong in a file: \
                 set {}, or better `root_key.file`",
                setting.variable()
            )),
            Some(_) => self.set(&name, given(value), &format!("{at}: `{name}`")),
            None if is_section(&name) => self.problems.push(format!("{at}: `{name}` is a section")),
            None => {
                let known = SETTINGS.iter().flat_map(|setting| {
                    // A section can be mistyped as well.
                    let dots = setting.name.match_indices('.').map(|(dot, _)| &setting.name[..dot]);
                    dots.chain([setting.name])
                });
                let guess = suggestion(&name, known);
                self.problems.push(format!("{at}: there is no setting `{name}`{guess}"));
            }
        }
    }

    /// Takes over what the environment says.
    fn environment(&mut self, variables: &[(String, String)]) {
        let ours = variables.iter().filter(|(name, _)| name.starts_with("COUNTERSIGN_"));
        for (name, value) in ours.filter(|(name, _)| !COMMAND_LINE.contains(&name.as_str())) {
            match SETTINGS.iter().find(|setting| setting.variable() == *name) {
                Some(setting) => self.set(setting.name, Given::Text(value.clone()), name),
                None => {
                    let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
                    let guess = suggestion(name, known.iter().map(String::as_str));
                    self.problems
                        .push(format!("{name}: there is no setting for this variable{guess}"));
                }
            }
        }
    }

    /// Sets one setting, or says what it takes. The value is never repeated: it may be a secret
    /// that stands in the wrong place.
    fn set(&mut self, name: &str, given: Given, at: &str) {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            self.problems.push(format!("{at}: there is no such setting"));
            return;
        };
        if let Err(takes) = (setting.set)(&mut self.config, given) {
            self.problems.push(format!("{at} {takes}"));
        }
    }

    /// Makes sure that no two places are named for the root key.
    fn one_root_key(&mut self) {
        let root = &self.config.root_key;
        let (file, fd) = (root.file.is_some(), root.fd.is_some());
        let set = [file, fd, root.value.is_some(), root.command.is_some()];
        if set.iter().filter(|set| **set).count() > 1 {
            let problem = "only one of `root_key.file`, `root_key.fd`, `root_key.value` and \
                           `root_key.command` can be set";
            self.problems.push(problem.to_owned());
        }
        let next = &self.config.next_root_key;
        if next.file.is_some() && next.command.is_some() {
            let problem = "only one of `root_key.next_file` and `root_key.next_command` can be set";
            self.problems.push(problem.to_owned());
        }
    }
}

/// One line of a file: a name with all its levels, and what stands behind it.
struct Entry<'a> {
    at: usize,
    name: String,
    value: &'a DeValue<'a>,
}

/// Lists the entries of a table, those of known sections one by one.
fn flatten<'a>(table: &'a DeTable<'a>, above: &str, entries: &mut Vec<Entry<'a>>) {
    for (key, value) in table {
        let name = match above {
            "" => key.get_ref().to_string(),
            above => format!("{above}.{}", key.get_ref()),
        };
        match value.get_ref() {
            DeValue::Table(inner) if is_section(&name) => flatten(inner, &name, entries),
            value => entries.push(Entry { at: key.span().start, name, value }),
        }
    }
}

fn is_section(name: &str) -> bool {
    let under = |s: &Setting| s.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    SETTINGS.iter().any(under)
}

fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => "; docs/operating.md lists all of them".to_owned(),
    }
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Given::Other, Given::Whole)
        }
        DeValue::Boolean(on) => Given::Switch(*on),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map_or(Given::Other, Given::List),
        _ => Given::Other,
    }
}

/// The line and column of a byte, both from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
