//! Resources, prompts and requests of upstreams: what two policies treat differently.

use crate::decision::{Access, ClientRequest};
use crate::policy::Policy;
use crate::program::Section;

use super::answer::{Change, Diff, Kind, NotKnown, Side};
use super::names;

/// Adds what differs.
pub(crate) fn compare(a: &Policy, b: &Policy, diff: &mut Diff) {
    let (old, new) = (a.program(), b.program());
    names(("resources", [&old.resources, &new.resources]), diff, |name| {
        [a.resource(name), b.resource(name)]
    });
    names(("prompts", [&old.prompts, &new.prompts]), diff, |name| [a.prompt(name), b.prompt(name)]);
    for (kind, name) in [
        (ClientRequest::Sampling, "sampling"),
        (ClientRequest::Elicitation, "elicitation"),
        (ClientRequest::Roots, "roots"),
    ] {
        let sides = [a.client_request(kind), b.client_request(kind)];
        tell("client_requests", name.to_owned(), sides, diff);
    }
}

fn names(
    (section, lists): (&str, [&Section; 2]),
    diff: &mut Diff,
    judge: impl Fn(&str) -> [Access; 2],
) {
    let mut patterns: Vec<String> = Vec::new();
    for list in lists.iter().flat_map(|section| [&section.hide, &section.deny, &section.allow]) {
        for text in list.texts() {
            if !patterns.contains(&text) {
                patterns.push(text);
            }
        }
    }
    let (samples, gap) = names::sections(&patterns);
    if let Some(gap) = gap {
        diff.not_known.push(NotKnown { tool: section.to_owned(), reason: gap.to_owned() });
    }
    // One line for each way in which something changes, with the names that lead there.
    let mut changes: Vec<([Access; 2], Vec<String>)> = Vec::new();
    for name in samples {
        let sides = judge(&name);
        if sides[0] == sides[1] {
            continue;
        }
        match changes.iter_mut().find(|(known, _)| *known == sides) {
            Some((_, names)) => names.push(name),
            None => changes.push((sides, vec![name])),
        }
    }
    for (sides, names) in changes {
        let quoted: Vec<String> = names.iter().take(5).map(|n| super::words::quoted(n)).collect();
        let fitting = |name: &String| {
            patterns.iter().find(|text| crate::pattern::NamePattern::new(text).matches(name))
        };
        let when = match names.first().and_then(fitting) {
            Some(pattern) => format!("{pattern}, such as {}", quoted.join(", ")),
            None => format!("what nothing names, such as {}", quoted.join(", ")),
        };
        tell(section, when, sides, diff);
    }
}

fn tell(section: &str, when: String, [from, to]: [Access; 2], diff: &mut Diff) {
    if from == to {
        return;
    }
    let opens = to == Access::Allow;
    let (from, to) = (side(from), side(to));
    let tools = vec![section.to_owned()];
    diff.changes.push(Change { kind: Kind::Section, tools, from, to, when, witness: None, opens });
}

fn side(access: Access) -> Side {
    let (outcome, rule) = match access {
        Access::Allow => ("allow", String::new()),
        Access::Deny { rule, .. } => ("deny", rule.to_string()),
        Access::Hide => ("deny", "(hidden)".to_owned()),
    };
    Side { outcome, rule, approvals: Vec::new() }
}
