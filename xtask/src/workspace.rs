//! Facts of the workspace: where it lies, which files it has, and what `cargo metadata` says of its crates.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// What `cargo metadata` says, dependencies resolved.
pub(crate) fn metadata() -> Result<Value, String> {
    let said = process::quiet(process::cargo(&["metadata", "--format-version", "1"], &root()))?;
    serde_json::from_str(&said).map_err(|e| format!("`cargo metadata` is no JSON: {e}"))
}

/// Where cargo builds.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let metadata = metadata()?;
    let dir = metadata.get("target_directory").and_then(Value::as_str);
    dir.map(PathBuf::from).ok_or_else(|| "`cargo metadata` names no target directory".to_owned())
}

/// Every file that is, or may become, part of the repository: tracked ones, and new ones that are
/// not ignored. Paths are relative to the root.
pub(crate) fn files() -> Result<Vec<String>, String> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let said = process::quiet(process::command("git", &args, &root()))
        .map_err(|e| format!("{e}\nthis check needs a git checkout"))?;
    let names = said.split('\0').filter(|name| !name.is_empty() && root().join(name).is_file());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The text of a file of the repository, or `None` where it is not text.
pub(crate) fn text(name: &str) -> Result<Option<String>, String> {
    let bytes =
        std::fs::read(root().join(name)).map_err(|e| format!("cannot read `{name}`: {e}"))?;
    Ok(String::from_utf8(bytes).ok())
}
