//! The tools that policies tell apart: each name they spell out, and one for every other way in which a
//! name can fit their patterns.

use std::collections::HashSet;

use crate::check::ServerTool;
use crate::pattern::NamePattern;
use crate::policy::{Cover, Policy};
use crate::program::{Comparison, Condition, Constant, Entry, Operand};
use crate::truth::Truth;
use crate::values::Found;

use super::test::{Test, only};
use super::text;

/// Tools that the policies treat alike, and one of them.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// A name of one of them.
    pub(crate) tool: String,
    /// What they are called together: a name, patterns, or `*`.
    pub(crate) label: String,
    /// The arguments that the definition lists, where it is known.
    pub(crate) listed: Option<Vec<String>>,
}

/// Every way in which the policies can treat a tool, and each side of `more` patterns. With the tools of
/// a server, just those.
pub(crate) fn cells(
    policies: &[&Policy],
    tools: Option<&[ServerTool]>,
    more: &[&str],
) -> (Vec<Cell>, Option<&'static str>) {
    if let Some(tools) = tools {
        let each = tools.iter().map(|tool| Cell {
            tool: tool.name.clone(),
            label: tool.name.clone(),
            listed: Some(tool.arguments.clone().unwrap_or_default()),
        });
        return (each.collect(), None);
    }
    let mut spelled = spelled(policies);
    spelled.extend(more.iter().filter(|name| !name.contains('*')).map(|name| (*name).to_owned()));
    spelled.sort();
    spelled.dedup();
    let mut cells: Vec<Cell> = spelled
        .iter()
        .map(|name| Cell { tool: name.clone(), label: name.clone(), listed: None })
        .collect();
    let mut patterns = patterns(policies);
    let known = patterns.len();
    patterns.extend(more.iter().filter(|name| name.contains('*')).map(|name| (*name).to_owned()));
    let comparisons = comparisons(policies);
    let mut tests: Vec<Test<'_>> =
        patterns.iter().map(|text| Test::Name(NamePattern::new(text))).collect();
    tests.extend(comparisons.iter().map(|comparison| Test::Compare(comparison)));
    let texts = text::classes(&tests);
    let mut gap = texts.gap;
    let taken: HashSet<&str> = spelled.iter().map(String::as_str).collect();
    let mut met = HashSet::new();
    for class in &texts.classes {
        let judge = |word: &str| -> Vec<u8> {
            tests.iter().map(|test| only(test.truth(Found::Text(word)))).collect()
        };
        let longer = class.words.iter().flat_map(|word| {
            ["other", "_other", "other_", "x"].map(|more| format!("{word}{more}"))
        });
        let free = longer.chain(class.words.iter().cloned()).filter(|word| !word.is_empty());
        let name = free
            .filter(|word| !taken.contains(word.as_str()))
            .find(|word| judge(word) == class.truths);
        let Some(name) = name else {
            if class.words.len() > 2 {
                gap = Some("too few names of tools are known");
            }
            continue;
        };
        // Patterns that lead to the same entries need one look.
        let key: Vec<String> = policies.iter().map(|policy| treatment(policy, &name)).collect();
        let rest = class.truths.get(known..).unwrap_or_default().to_vec();
        if met.insert((key, rest)) {
            let fitting = patterns.iter().zip(&class.truths);
            let fitting: Vec<&str> = fitting
                .filter(|(_, truth)| **truth == only(Truth::True))
                .map(|(text, _)| text.as_str())
                .collect();
            let label = if fitting.is_empty() { "*".to_owned() } else { fitting.join(" ") };
            cells.push(Cell { tool: name, label, listed: None });
        }
    }
    (cells, gap)
}

/// Which entries of a policy apply to a tool, and whether it is hidden.
fn treatment(policy: &Policy, tool: &str) -> String {
    let cover = policy.cover(tool);
    let hidden = policy.hides(tool, &cover);
    let entries: Vec<usize> = cover.indexes().collect();
    format!("{hidden} {} {entries:?}", matches!(cover, Cover::None))
}

/// The names without a star, sorted.
fn spelled(policies: &[&Policy]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for policy in policies {
        let program = policy.program();
        names.extend(program.exact.keys().map(|name| name.to_string()));
        let hidden = program.hide_spots.iter().map(|(name, _)| name.clone());
        names.extend(hidden.filter(|name| !name.contains('*')));
    }
    names.sort();
    names.dedup();
    names
}

/// The names with a star, in document order.
fn patterns(policies: &[&Policy]) -> Vec<String> {
    let mut patterns: Vec<String> = Vec::new();
    for policy in policies {
        let program = policy.program();
        let keys = program.patterns.iter().map(|(pattern, _)| pattern.text().to_owned());
        let hidden = program.hide_spots.iter().map(|(name, _)| name.clone());
        for text in keys.chain(hidden.filter(|name| name.contains('*'))) {
            if !patterns.contains(&text) {
                patterns.push(text);
            }
        }
    }
    patterns
}

/// Comparisons of the tool's name with constants.
fn comparisons<'p>(policies: &[&'p Policy]) -> Vec<&'p Comparison> {
    let mut found: Vec<&'p Comparison> = Vec::new();
    for policy in policies {
        let program = policy.program();
        for entry in std::iter::once(&program.all_tools).chain(&program.entries) {
            for condition in conditions(entry) {
                condition.comparisons(&mut |comparison| {
                    if comparison.of_tool_name && !matches!(comparison.operand, Operand::Slot(_)) {
                        found.push(comparison);
                    }
                });
            }
        }
    }
    found
}

/// Every condition of an entry.
pub(crate) fn conditions(entry: &Entry) -> impl Iterator<Item = &Condition> {
    let predicates = entry.deny_if.iter().chain(&entry.require).flat_map(|p| &p.conditions);
    predicates.chain(entry.approve_if.iter().flat_map(|approval| &approval.conditions))
}

/// What a section of names (`resources`, `prompts`) tells apart: one name of each class.
pub(crate) fn sections(patterns: &[String]) -> (Vec<String>, Option<&'static str>) {
    let tests: Vec<Test<'_>> =
        patterns.iter().map(|text| Test::Name(NamePattern::new(text))).collect();
    let texts = text::classes(&tests);
    let word = |class: &text::TextClass| {
        let free = class.words.iter().find(|word| !word.is_empty());
        free.or(class.words.first()).cloned()
    };
    (texts.classes.iter().filter_map(word).collect(), texts.gap)
}

/// Whether some constant of the test is of the JSON type of that name.
pub(crate) fn could_equal(test: &Test<'_>, name: &str) -> bool {
    test.constants().iter().any(|constant| {
        matches!(
            (constant, name),
            (Constant::Text(_), "string")
                | (Constant::Number(_), "number" | "integer")
                | (Constant::Bool(_), "boolean")
        )
    })
}
