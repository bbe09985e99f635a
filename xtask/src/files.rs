//! Tidiness of every file: it says what it is, holds nothing half done, and names no machine.

use crate::{Outcome, workspace};

/// Words that mark what is not done, in sources. Written in pieces, as this file is read as well.
const UNDONE: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimpl", "emented!("),
];
/// Ways to keep a test without running it.
const ASLEEP: &[&str] = &[
    concat!("#[ig", "nore"),
    concat!("test.", "skip("),
    concat!("test.", "todo("),
    concat!("pytest.mark.", "skip"),
];
/// Places of one machine, and hosts that packages come from: neither is anybody else's business.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tm", "p/"),
    concat!("crates", ".io"),
    concat!("registry.", "npmjs"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("python", "hosted"),
    concat!("deb.", "debian"),
];
/// Written by a tool that knows no other way.
const NOT_OURS: &[&str] = &["Cargo.lock", "fuzz/Cargo.lock", "LICENSE"];
const SOURCES: &[&str] = &["rs", "mjs", "js", "ts", "tsx", "py", "sh", "sql"];
/// A test file beside which vectors lie may be long; nothing else needs this many lines.
const LINES_MAX: usize = 900;

/// Reads every file of the repository and says what is untidy.
pub(crate) fn check() -> Outcome {
    let mut wrong = Vec::new();
    for name in workspace::files()? {
        if let Some(text) = workspace::text(&name)? {
            wrong.extend(untidy(&name, &text));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn untidy(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let extension = name.rsplit('.').next().unwrap_or_default();
    if extension == "rs" {
        if !text.starts_with("//! ") {
            wrong.push(format!("{name}:1: opens with no `//!` sentence that says what lives here"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!(
                "{name}: {lines} lines; above {LINES_MAX} two ideas moved in together"
            ));
        }
    }
    if NOT_OURS.contains(&name) {
        return wrong;
    }
    let source = SOURCES.contains(&extension);
    for (at, line) in (1..).zip(text.lines()) {
        let mut say = |what: &str, word: &str| wrong.push(format!("{name}:{at}: {what} `{word}`"));
        if source {
            found(line, UNDONE).into_iter().for_each(|word| say("is not done:", word));
            found(line, ASLEEP).into_iter().for_each(|word| say("keeps a test asleep:", word));
        }
        found(line, FOREIGN).into_iter().for_each(|word| say("names a machine or a host:", word));
    }
    wrong
}

/// The words a line holds. One that begins or ends with a letter stands alone there, so that none
/// hides in another; a place is named from its root.
fn found<'a>(line: &str, words: &[&'a str]) -> Vec<&'a str> {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let holds = |word: &&&str| {
        line.match_indices(**word).any(|(at, _)| {
            let before = line.get(..at).and_then(|s| s.chars().next_back());
            let after = line.get(at + word.len()..).and_then(|s| s.chars().next());
            let goes_on = word.ends_with(letter) && after.is_some_and(letter);
            let rooted = word.starts_with('/') && before == Some('.');
            let begins = word.starts_with(letter) || word.starts_with('/');
            !(goes_on || rooted || begins && before.is_some_and(letter))
        })
    };
    words.iter().filter(holds).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_untidy_is_named_with_its_line() {
        let undone = concat!("TO", "DO");
        for (name, text, says) in [
            ("a.rs", "//! Fine.\n".to_owned(), None),
            ("a.rs", "fn main() {}\n".to_owned(), Some("a.rs:1: opens with no")),
            ("a.rs", format!("//! A.\n\n// {undone}: later\n"), Some("a.rs:3: is not done")),
            ("a.rs", format!("//! A.\nlet {undone}S = 1;\n"), None),
            ("a.md", format!("a {undone} list\n"), None),
            ("a.md", concat!("see /wo", "rk/main\n").to_owned(), Some("a.md:1: names a machine")),
            ("a.md", "see docs/work/main\n".to_owned(), None),
            (
                "a.mjs",
                concat!("test.", "skip('x')\n").to_owned(),
                Some("a.mjs:1: keeps a test asleep"),
            ),
            ("a.rs", format!("//! A.\n{}", "\n".repeat(LINES_MAX)), Some("a.rs: 901 lines")),
        ] {
            let said = untidy(name, &text).join("\n");
            match says {
                Some(says) => assert!(said.starts_with(says), "{text}: {said}"),
                None => assert_eq!(said, "", "{text}"),
            }
        }
    }
}
