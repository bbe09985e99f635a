//! What can be asked of a policy file with no instance running: the policy crate answers.

use std::path::Path;

use policy::{CaseResult, Problems};
use serde_json::{Value, json};

use super::super::{input, show};
use crate::failure::Failure;
use crate::out::{self, Style};

/// `policy check`: everything that is wrong, and what was perhaps not meant.
pub(super) fn check(file: &Path, style: Style) -> Result<(), Failure> {
    let text = input::bytes(file)?;
    let found = match policy::check(&text, None) {
        Ok(warnings) => {
            let warnings: Vec<Value> = warnings
                .iter()
                .map(|warning| {
                    json!({"pointer": warning.pointer, "line": warning.line,
                           "column": warning.column, "code": warning.code,
                           "message": warning.message})
                })
                .collect();
            json!({"problems": [], "warnings": warnings})
        }
        Err(problems) => json!({"problems": faults(&problems), "warnings": []}),
    };
    checked(&found, &file.display().to_string(), style)
}

/// Shows what a check found. Problems are a failure, warnings are not.
pub(super) fn checked(found: &Value, file: &str, style: Style) -> Result<(), Failure> {
    let list = |name: &str| found.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (problems, warnings) = (list("problems"), list("warnings"));
    match style {
        Style::Json => out::json(found)?,
        Style::Human => {
            for problem in &problems {
                out::line(&format!("{file}:{}", show::fault_line(problem)))?;
            }
            for warning in &warnings {
                out::line(&format!("{file}:{} [warning]", show::fault_line(warning)))?;
            }
            if problems.is_empty() {
                out::line(&format!("{file}: no errors, {} warnings", warnings.len()))?;
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        "policy_invalid",
        format!("the policy `{file}` has {} error(s)", problems.len()),
        "correct what is listed and check again; docs/policy-reference.md has the whole language",
    ))
}

/// `policy test`: runs the cases against the file.
pub(super) fn test(file: &Path, cases: &Path, style: Style) -> Result<(), Failure> {
    let invalid = |path: &Path, problems: &Problems| {
        let file = path.display();
        let lines = problems.iter().map(|problem| format!("{file}:{problem}")).collect();
        Failure::new(
            "policy_invalid",
            format!("the file `{file}` has {} error(s)", problems.len()),
            "correct what is listed and test again",
        )
        .listing(lines)
    };
    let policy = policy::Policy::load(&input::bytes(file)?).map_err(|p| invalid(file, &p))?;
    let results = policy::test(&policy, &input::bytes(cases)?).map_err(|p| invalid(cases, &p))?;
    let passed = results.iter().filter(|result| result.passed).count();
    let found = json!({
        "passed": passed,
        "failed": results.len() - passed,
        "results": results.iter().map(result).collect::<Vec<_>>(),
    });
    tested(&found, style)
}

/// Shows what became of the cases. One that fails is a failure.
pub(super) fn tested(found: &Value, style: Style) -> Result<(), Failure> {
    let results = found.get("results").and_then(Value::as_array).map(Vec::as_slice);
    let failed: Vec<&Value> = results
        .unwrap_or_default()
        .iter()
        .filter(|result| result.get("passed") != Some(&Value::Bool(true)))
        .collect();
    match style {
        Style::Json => out::json(found)?,
        Style::Human => {
            for result in &failed {
                let text = |pointer: &str| show::cell(result, pointer);
                let name = match text("/name").as_str() {
                    "" => format!("case {}", text("/index")),
                    name => format!("case {} `{name}`", text("/index")),
                };
                let side = |what: &str| {
                    let rule = text(&format!("/{what}/rule"));
                    let outcome = text(&format!("/{what}/outcome"));
                    if rule.is_empty() { outcome } else { format!("{outcome} by {rule}") }
                };
                let line =
                    format!("{name}: expected {}, got {}", side("expected"), side("decided"));
                out::line(&out::plain(&line))?;
            }
            let passed = show::cell(found, "/passed");
            out::line(&format!("{passed} passed, {} failed", failed.len()))?;
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        "tests_failed",
        format!("{} test case(s) of the policy fail", failed.len()),
        "correct the policy or the expectation; `countersign policy simulate` shows every step",
    ))
}

/// `policy import`: translates, or refuses what cannot be carried over faithfully.
pub(super) fn import(file: &Path, style: Style) -> Result<(), Failure> {
    let text = input::text(file)?;
    let (translated, notes) = policy::import::intercept(&text).map_err(|problems| {
        let lines = problems.iter().map(|problem| format!("{}:{problem}", file.display()));
        Failure::new(
            "not_importable",
            format!("the file `{}` cannot be carried over faithfully", file.display()),
            "change or remove what is listed, or write that part by hand",
        )
        .listing(lines.collect())
    })?;
    let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    if style == Style::Json {
        return Ok(out::json(&json!({"text": translated, "notes": notes}))?);
    }
    notes.iter().for_each(|line| out::note(&format!("note: {}", out::plain(line))));
    super::text_lines(&translated)
}

fn faults(problems: &Problems) -> Vec<Value> {
    problems
        .iter()
        .map(|problem| {
            json!({"pointer": problem.pointer, "line": problem.line, "column": problem.column,
                   "code": problem.code, "message": problem.message,
                   "suggestion": problem.suggestion})
        })
        .collect()
}

fn result(result: &CaseResult) -> Value {
    json!({
        "index": result.index,
        "name": result.name,
        "passed": result.passed,
        "expected": {"outcome": result.expected_outcome, "rule": result.expected_rule},
        "decided": {"outcome": result.outcome, "rule": result.rule},
    })
}
