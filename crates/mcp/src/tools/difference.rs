//! What changed between two definitions of a tool, for a person to read.

use std::fmt;

use json::Limits;

use super::hidden::visible;
use crate::answer::BadAnswer;
use crate::tree::{self, Tree};

/// The most changes that are told.
const CHANGES_MAX: usize = 200;
/// The most characters of one side of a change.
const SHOWN_CHARS_MAX: usize = 400;

/// One place where two definitions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The place, as a JSON Pointer.
    pub pointer: String,
    /// What stood there, as JSON, shortened and with invisible characters escaped.
    pub before: Option<String>,
    /// What stands there now, likewise.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = visible(&self.pointer);
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{place} changed from {before} to {after}"),
            (None, Some(after)) => write!(f, "{place} is new: {after}"),
            (Some(before), None) => write!(f, "{place} is gone: {before}"),
            (None, None) => write!(f, "{place}"),
        }
    }
}

/// The places where two definitions differ, given as they came or as their canonical bytes.
///
/// - **Shape**: in the order of the old definition, then what is new; at most 200.
/// - **Errors**: one of them is no JSON.
pub fn difference(old: &[u8], new: &[u8]) -> Result<Vec<Change>, BadAnswer> {
    let old = tree::read(old, Limits::ANSWER)?;
    let new = tree::read(new, Limits::ANSWER)?;
    let mut changes = Vec::new();
    compare(Some(&old), Some(&new), "", &mut changes);
    Ok(changes)
}

fn compare(old: Option<&Tree>, new: Option<&Tree>, pointer: &str, changes: &mut Vec<Change>) {
    if changes.len() >= CHANGES_MAX {
        return;
    }
    let below = |name: &str| {
        let mut pointer = pointer.to_owned();
        json::pointer::push(&mut pointer, name);
        pointer
    };
    match (old, new) {
        (Some(Tree::Map(was)), Some(is @ Tree::Map(now))) => {
            for (name, tree) in was {
                compare(Some(tree), is.get(name), &below(name), changes);
            }
            for (name, tree) in now.iter().filter(|(n, _)| !was.iter().any(|(w, _)| w == n)) {
                compare(None, Some(tree), &below(name), changes);
            }
        }
        (Some(Tree::List(was)), Some(Tree::List(now))) if was.iter().chain(now).any(is_nested) => {
            for index in 0..was.len().max(now.len()) {
                compare(was.get(index), now.get(index), &below(&index.to_string()), changes);
            }
        }
        (old, new) => {
            let (before, after) = (old.map(json_text), new.map(json_text));
            if before != after {
                changes.push(Change {
                    pointer: pointer.to_owned(),
                    before: before.map(|text| shown(&text)),
                    after: after.map(|text| shown(&text)),
                });
            }
        }
    }
}

const fn is_nested(tree: &Tree) -> bool {
    matches!(tree, Tree::Map(_) | Tree::List(_))
}

fn json_text(tree: &Tree) -> String {
    let mut out = Vec::new();
    tree.write_canonical(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => {
            let start = text.get(..at).unwrap_or_default();
            format!("{}… ({} characters)", visible(start), text.chars().count())
        }
        None => visible(text),
    }
}
