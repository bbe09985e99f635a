//! Merges an entry into a client's file: all else stays, the old file is kept, no half is written.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Snippet;
use crate::failure::{Failure, reason};

/// What became of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It held the entry already.
    Unchanged,
    /// There was none; it is there now.
    Made,
    /// It was changed.
    Merged {
        /// What it was before.
        backup: PathBuf,
    },
}

/// Merges the snippet into the file.
pub(super) fn into_file(
    path: &Path,
    snippet: &Snippet,
    holds_token: bool,
) -> Result<Written, Failure> {
    let broken = |error: &std::io::Error| {
        Failure::new(
            "client_file",
            format!("the file `{}` cannot be changed: {}", path.display(), reason(error)),
            "leave --write out and copy what is printed",
        )
    };
    // A link is followed once, so that the file it means is replaced and not the link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(broken(&error)),
    };
    let after = match &before {
        Some(text) if !text.trim().is_empty() => merged(path, text, snippet)?,
        _ => format!("{}\n", snippet.print().trim_end()),
    };
    if before.as_deref() == Some(after.as_str()) {
        return Ok(Written::Unchanged);
    }
    let backup = match &before {
        Some(text) => Some(keep(path, text).map_err(|error| broken(&error))?),
        None => None,
    };
    replace(path, &after, holds_token).map_err(|error| broken(&error))?;
    Ok(backup.map_or(Written::Made, |backup| Written::Merged { backup }))
}

fn merged(path: &Path, text: &str, snippet: &Snippet) -> Result<String, Failure> {
    match snippet {
        Snippet::Json { way, entry, inputs } => json(path, text, way, entry, inputs.as_ref()),
        Snippet::Toml { table, lines } => toml(path, text, table, lines),
    }
}

fn json(
    path: &Path,
    text: &str,
    way: &[String],
    entry: &Value,
    input: Option<&Value>,
) -> Result<String, Failure> {
    let by_hand = |what: &str| {
        Failure::new(
            "client_file",
            format!("the file `{}` is left as it is: {what}", path.display()),
            "leave --write out and copy what is printed into it by hand",
        )
    };
    let not_json = "it is not plain JSON (perhaps it holds comments)";
    let mut whole: Value = serde_json::from_str(text).map_err(|_| by_hand(not_json))?;
    let mut at = &mut whole;
    let (last, sections) = way.split_last().ok_or_else(|| by_hand("its shape is not known"))?;
    for section in sections {
        let object = at.as_object_mut().ok_or_else(|| by_hand("it holds something unexpected"))?;
        at = object.entry(section.clone()).or_insert_with(|| Value::Object(Map::new()));
    }
    let section = at.as_object_mut().ok_or_else(|| by_hand("it holds something unexpected"))?;
    let mut changed = section.get(last) != Some(entry);
    section.insert(last.clone(), entry.clone());
    if let Some(input) = input {
        let object =
            whole.as_object_mut().ok_or_else(|| by_hand("it holds something unexpected"))?;
        let list = object.entry("inputs").or_insert_with(|| Value::Array(Vec::new()));
        let list = list.as_array_mut().ok_or_else(|| by_hand("its `inputs` are no list"))?;
        if !list.iter().any(|known| known.get("id") == input.get("id")) {
            list.push(input.clone());
            changed = true;
        }
    }
    if !changed {
        return Ok(text.to_owned());
    }
    let text = serde_json::to_string_pretty(&whole).map_err(|_| by_hand(not_json))?;
    Ok(format!("{text}\n"))
}

/// Adds a table at the end, so that every comment and line above stays as it is.
fn toml(path: &Path, text: &str, table: &[String; 2], lines: &str) -> Result<String, Failure> {
    let by_hand = |what: String| {
        Failure::new(
            "client_file",
            format!("the file `{}` is left as it is: {what}", path.display()),
            "correct it by hand, or choose another name with --name",
        )
    };
    let read = |text: &str| text.parse::<toml::Table>();
    let whole = read(text).map_err(|_| by_hand("it is not TOML".to_owned()))?;
    let [section, name] = table;
    let wanted = read(lines).map_err(|_| by_hand("its shape is not known".to_owned()))?;
    if let Some(there) = whole.get(section).and_then(|section| section.get(name)) {
        if there.as_table() == Some(&wanted) {
            return Ok(text.to_owned());
        }
        return Err(by_hand(format!("it holds another server called `{name}`")));
    }
    let after = format!("{}\n\n{}\n{lines}", text.trim_end(), table_head(table));
    // A section that was written inline cannot be added to from below.
    read(&after).map_err(|_| by_hand(format!("its `{section}` cannot be added to")))?;
    Ok(after)
}

/// The head of a table, its names quoted where TOML asks for it.
pub(super) fn table_head(table: &[String; 2]) -> String {
    let names = table.iter().map(|name| {
        let bare = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if bare { name.clone() } else { Value::from(name.as_str()).to_string() }
    });
    format!("[{}]", names.collect::<Vec<_>>().join("."))
}

/// Keeps what the file was under the first name that is free.
fn keep(path: &Path, text: &str) -> std::io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for number in 1..10_000 {
        let backup = path.with_file_name(format!("{name}.bak{number}"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        // It may hold tokens of other servers: no wider open than the file itself.
        #[cfg(unix)]
        {
            use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
            options.mode(fs::metadata(path)?.permissions().mode() & 0o777);
        }
        match options.open(&backup) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                return Ok(backup);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::other("there are too many backups beside it"))
}

/// Puts the new text in the file's place in one step.
fn replace(path: &Path, text: &str, holds_token: bool) -> std::io::Result<()> {
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let new = path.with_file_name(format!(".{name}.countersign"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let before = fs::metadata(path).map(|m| m.permissions().mode() & 0o777).ok();
        let mode = if holds_token { 0o600 } else { before.unwrap_or(0o644) };
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = holds_token;
    let written = options.open(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    if written.is_err() {
        // The new file is of no use to anybody; the old one is untouched.
        let _ = fs::remove_file(&new);
    }
    written
}
