//! Embeds what `cargo xtask web` has built in `web/dist`. Without it the program compiles all the
//! same and says so in its place; a release does not.

#![allow(clippy::panic, reason = "a build that cannot go on says why and ends")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    // Asked for when this runs: a copy of the tree may be built with the script of another. The
    // folder itself is always there, so that cargo sees when something appears in it.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let dist = here.join("../../web/dist");
    println!("cargo::rerun-if-changed={}", dist.display());

    let files = files(&dist);
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if files.is_empty() && release {
        panic!("a release needs the dashboard: run `cargo xtask web` first");
    }
    let mut text = String::from("/// Every file of the dashboard; none when it was not built.\n");
    text.push_str("pub(crate) const FILES: &[Asset] = &[\n");
    for path in &files {
        let name = path.strip_prefix(&dist).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let (plain, gzip, brotli) = (include(path), packed(path, "gz"), packed(path, "br"));
        let _ = writeln!(
            text,
            "    Asset {{ path: {name:?}, plain: {plain}, gzip: {gzip}, brotli: {brotli} }},"
        );
    }
    text.push_str("];\n");
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    if let Err(error) = std::fs::write(out.join("dashboard.rs"), text) {
        panic!("the list of the dashboard's files cannot be written: {error}");
    }
}

/// The files below a folder, without their compressed forms, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let packed = path.extension().is_some_and(|end| end == "gz" || end == "br");
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if path.is_dir() {
            found.extend(files(&path));
        } else if !packed && !hidden {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn include(path: &Path) -> String {
    format!("include_bytes!({:?})", path.display().to_string())
}

/// The compressed form of a file, where one was made.
fn packed(path: &Path, ending: &str) -> String {
    let packed = PathBuf::from(format!("{}.{ending}", path.display()));
    if packed.is_file() { include(&packed) } else { "&[]".to_owned() }
}
