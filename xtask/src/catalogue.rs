//! The attack catalogue: the table in `docs/threat-model.md` says which rows are held by tests, and
//! this holds the table to its word.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Outcome, workspace};

/// The document with the table.
const TABLE: &str = "docs/threat-model.md";
/// What the status of a row begins with when a test holds it.
const TESTED: &str = "tested";

/// Compares the table with the ids that stand in tests.
pub(crate) fn check() -> Outcome {
    let table = workspace::text(TABLE)?.ok_or_else(|| format!("`{TABLE}` is no text"))?;
    let mut named = BTreeSet::new();
    for file in workspace::files()?.iter().filter(|name| is_test(name)) {
        named.extend(ids(&workspace::text(file)?.unwrap_or_default()));
    }
    let wrong = differences(&rows(&table), &named);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Files with lists of ids, of those that wait too. They hold no test of a row.
const LISTS: &str = "/ids.rs";

/// Sources that hold tests: of the crates, and of `tests`.
fn is_test(name: &str) -> bool {
    let source = name.starts_with("crates/") || name.starts_with("tests/");
    source && name.ends_with(".rs") && !name.ends_with(LISTS)
}

/// The rows of the table, id to status.
fn rows(table: &str) -> BTreeMap<String, String> {
    let cells = table.lines().filter_map(|line| {
        let (id, rest) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
        let (_, status) = rest.rsplit_once(" | ")?;
        ids(id).contains(id).then(|| (id.to_owned(), status.to_owned()))
    });
    cells.collect()
}

/// Every row id in a text: one letter and two digits that stand alone.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_id = |word: &&str| match word.as_bytes() {
        [family, tens, units] => {
            b"JTRHAPQVSXWKYLF".contains(family) && tens.is_ascii_digit() && units.is_ascii_digit()
        }
        _ => false,
    };
    words.filter(is_id).map(str::to_owned).collect()
}

fn differences(rows: &BTreeMap<String, String>, named: &BTreeSet<String>) -> Vec<String> {
    let unheld =
        rows.iter().filter(|(id, status)| status.starts_with(TESTED) && !named.contains(*id));
    let unheld =
        unheld.map(|(id, _)| format!("{TABLE}: {id} is called tested, and no test names it"));
    let unsaid = named.iter().filter_map(|id| match rows.get(id) {
        None => Some(format!("{TABLE}: {id} stands in a test and not in the table")),
        Some(status) if !status.starts_with(TESTED) => {
            Some(format!("{TABLE}: {id} stands in a test, and the table calls it `{status}`"))
        }
        Some(_) => None,
    });
    unheld.chain(unsaid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_tests_must_agree() {
        let table = "| id | what | status |\n| --- | --- | --- |\n| J01 | two names | tested |\n\
                     | J02 | two more | tested |\n| S10 | discovery | waits: OAuth |\n| A17 | x | waits: y |\n";
        let tests = ids("(\"J01\", 400), // A17 and R02, not XJ02 or J0 or J021");
        let expected = [
            "docs/threat-model.md: J02 is called tested, and no test names it",
            "docs/threat-model.md: A17 stands in a test, and the table calls it `waits: y`",
            "docs/threat-model.md: R02 stands in a test and not in the table",
        ];
        assert_eq!(differences(&rows(table), &tests), expected);
    }
}
