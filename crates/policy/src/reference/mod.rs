//! The reference of the language, generated from one set of tables: as pages for people and as a JSON
//! Schema for editors. A test holds the tables against what the loader reads.

mod fields;
mod schema;

use std::fmt::Write as _;

pub use schema::json_schema;

use crate::compare::Why;
use crate::decision::Reason;
use fields::{CONDITION_GROUPS, Field, OPERATORS, PATHS, SECTIONS, Section};

/// The reference of every field and operator, as Markdown.
///
/// - **Source**: `docs/policy-reference.md` holds exactly this text.
pub fn reference_markdown() -> String {
    let mut out = String::from(
        "# Policy reference\n\n\
         Generated from the engine's own tables; do not edit. How policies are written, by example: \
         [policies.md](policies.md). The same as a JSON Schema: \
         [policy.schema.json](policy.schema.json).\n",
    );
    for section in SECTIONS {
        self::section(&mut out, &section);
    }
    conditions(&mut out);
    decisions(&mut out);
    out
}

fn section(out: &mut String, section: &Section) {
    let _ = writeln!(out, "\n## {}\n\n{}\n", section.title, section.intro);
    table(out, section.fields);
}

fn table(out: &mut String, fields: &[Field]) {
    out.push_str("| field | required | value | meaning |\n| --- | --- | --- | --- |\n");
    for field in fields {
        let required = if field.required { "yes" } else { "no" };
        let (value, meaning) = (field.value.replace('|', "\\|"), field.meaning.replace('|', "\\|"));
        let _ = writeln!(out, "| `{}` | {required} | {value} | {meaning} |", field.name);
    }
}

fn conditions(out: &mut String) {
    out.push_str("\n## Groups of conditions\n\n| group | holds |\n| --- | --- |\n");
    for (group, meaning) in CONDITION_GROUPS {
        let _ = writeln!(out, "| `{group}` | {meaning} |");
    }
    out.push_str("\n## Paths\n\n| path | what it holds |\n| --- | --- |\n");
    for (path, meaning) in PATHS {
        let _ = writeln!(out, "| `{path}` | {meaning} |");
    }
    out.push_str(
        "\n## Operators\n\nA comparison whose path is missing or `null`, or whose operand is of a \
         type the operator does not judge, is indeterminate: neither true nor false. `require` needs \
         true; `deny_if` and `approve_if` fire on true and on indeterminate. `exists` and `type` are \
         never indeterminate.\n\n\
         | operator | holds when | judges | value |\n| --- | --- | --- | --- |\n",
    );
    for operator in OPERATORS {
        let other = if operator.other_path { ", or `{ \"path\": … }`" } else { "" };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {}{other} |",
            operator.op.name(),
            operator.holds,
            operator.judges,
            operator.value
        );
    }
}

fn decisions(out: &mut String) {
    out.push_str(
        "\n## Decisions\n\nEvery decision names its rule: a JSON Pointer into the policy that survives \
         reordering, or a name in parentheses.\n\n| reason | rule | when |\n| --- | --- | --- |\n",
    );
    for (reason, rule, when) in REASONS {
        let _ = writeln!(out, "| `{}` | `{rule}` | {when} |", reason.code());
    }
    out.push_str(
        "\nA rule that fired because a condition could not be judged says which and why:\n\n\
         | why | meaning |\n| --- | --- |\n",
    );
    for why in [Why::Missing, Why::WrongType, Why::EmptyList, Why::TooCostly] {
        let _ = writeln!(out, "| `{}` | the path {} |", why.code(), why.text());
    }
}

/// Every reason in the order of judgement, with the rule it names.
const REASONS: [(Reason, &str, &str); 13] = [
    (Reason::NoPolicy, "(no policy)", "the grant has no policy"),
    (Reason::UnknownTool, "(unknown tool)", "the server has no such tool"),
    (
        Reason::Hidden,
        "(hidden)",
        "the policy hides the tool; the agent cannot tell this from the row above",
    ),
    (
        Reason::DefaultDeny,
        "(default deny)",
        "no key of `tools` covers the tool and `default` is `deny`",
    ),
    (
        Reason::ToolChanged,
        "(tool changed)",
        "the tool's definition changed since it was accepted, and the server says to wait",
    ),
    (
        Reason::ToolUnknown,
        "(tool unknown)",
        "rules read the tool's arguments and nobody has accepted its definition",
    ),
    (
        Reason::UnlistedArgs,
        "/tools/NAME/unlisted_args",
        "rules read the tool's arguments, and the call has one that the accepted definition does not list",
    ),
    (Reason::DenyIf, "/tools/NAME/deny_if/RULE", "a `deny_if` is true or indeterminate"),
    (Reason::Require, "/tools/NAME/require/RULE", "a `require` is false or indeterminate"),
    (Reason::Limit, "/tools/NAME/limits/COUNTER", "the limit cannot hold the call"),
    (
        Reason::LimitAmount,
        "/tools/NAME/limits/COUNTER",
        "the amount is missing, no number, negative or beyond 9223372036854",
    ),
    (
        Reason::LimitPer,
        "/tools/NAME/limits/COUNTER",
        "a `per` path holds no scalar, or a text of more than 1024 bytes",
    ),
    (
        Reason::EvaluationBudget,
        "(evaluation budget)",
        "judging the call would cost more than one decision may",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{DOCUMENT, conditions, limits, rules};
    use crate::program::Op;

    #[test]
    fn the_tables_list_exactly_what_the_loader_reads() {
        let names = |title: &str| -> Vec<&str> {
            let section = SECTIONS.iter().find(|section| section.title == title).unwrap();
            section.fields.iter().map(|field| field.name).collect()
        };
        let same = |title: &str, known: &[&str]| {
            let (mut listed, mut known) = (names(title), known.to_vec());
            listed.sort_unstable();
            known.sort_unstable();
            assert_eq!(listed, known, "{title}");
        };
        same("The document", &DOCUMENT);
        same("Tools", &rules::ENTRY);
        same("Predicates of `require` and `deny_if`", &rules::PREDICATE);
        same("Predicates of `approve_if`", &rules::APPROVAL);
        same("Limits", &limits::LIMIT);
        same("Comparisons", &conditions::COMPARISON);
    }

    #[test]
    fn the_tables_list_every_operator_once() {
        let listed: Vec<Op> = OPERATORS.iter().map(|operator| operator.op).collect();
        let known: Vec<Op> = Op::ALL.iter().map(|(_, op)| *op).collect();
        assert_eq!(listed, known);
        for operator in OPERATORS {
            assert_eq!(operator.other_path, conditions::takes_path(operator.op));
        }
    }
}
