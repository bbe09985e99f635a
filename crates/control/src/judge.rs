//! What the policy engine says of a text, in the words of this API. Nothing is stored or sent.

use json::Value;
use policy::{Policy, Problems};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Control;
use crate::body::TEXT_BYTES_MAX;
use crate::problem::{Code, Fault, Problem};
use crate::trial::ImportOut;

/// The most faults of one text that an answer lists.
const FAULTS_MAX: usize = 200;

/// What became of one test case.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaseOut {
    /// Which case, from 0.
    index: usize,
    name: Option<String>,
    passed: bool,
    expected: Judged,
    /// What was decided.
    decided: Judged,
}

/// An outcome and the rule it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Judged {
    /// `allow`, `hold` or `deny`.
    outcome: &'static str,
    /// The rule; `null` where any is fine, empty for a plain allow.
    rule: Option<String>,
}

impl CaseOut {
    pub(crate) fn of(result: policy::CaseResult) -> Self {
        Self {
            index: result.index,
            name: result.name,
            passed: result.passed,
            expected: Judged { outcome: result.expected_outcome, rule: result.expected_rule },
            decided: Judged { outcome: result.outcome, rule: Some(result.rule) },
        }
    }
}

/// Loads a document; its errors are the problem's.
pub(crate) async fn load(control: &Control, text: String) -> Result<Policy, Problem> {
    load_at(control, text, "").await
}

/// The same for a document that is one of several in a request: its errors are told under `place`.
pub(crate) async fn load_at(
    control: &Control,
    text: String,
    place: &str,
) -> Result<Policy, Problem> {
    sized(&text)?;
    let loaded = control.aside(move || Policy::load(text.as_bytes())).await?;
    loaded.map_err(|problems| {
        let count = problems.len();
        let detail = format!("the document has {count} error(s); `errors` lists them");
        Problem::new(Code::PolicyInvalid, detail).listing(faults(&problems, place))
    })
}

/// Refuses a document that is larger than any policy may be.
pub(crate) fn sized(text: &str) -> Result<(), Problem> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Problem::new(
            Code::BodyTooLarge,
            format!("a document holds at most {TEXT_BYTES_MAX} bytes"),
        ));
    }
    Ok(())
}

/// Whether a document may be published: it has no error and passes its own cases.
pub(crate) async fn publishable(
    control: &Control,
    text: &str,
    cases: Option<&[u8]>,
) -> Result<(), Problem> {
    let policy = load(control, text.to_owned()).await?;
    let Some(cases) = cases else { return Ok(()) };
    let results = test(control, policy, cases.to_vec()).await?;
    let failed: Vec<Fault> = results.iter().filter(|r| !r.passed).map(failure).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let detail =
        format!("{} of {} test cases fail; nothing was published", failed.len(), results.len());
    Err(Problem::new(Code::TestsFailed, detail).listing(failed))
}

/// Runs test cases; what is wrong with them is the problem's.
pub(crate) async fn test(
    control: &Control,
    policy: Policy,
    cases: Vec<u8>,
) -> Result<Vec<policy::CaseResult>, Problem> {
    let results = control.aside(move || policy::test(&policy, &cases)).await?;
    results.map_err(|problems| {
        Problem::invalid(faults(&problems, "/cases").into_iter().map(unplaced).collect())
    })
}

fn failure(result: &policy::CaseResult) -> Fault {
    let rule = |rule: &str| if rule.is_empty() { String::new() } else { format!(" by {rule}") };
    let expected = format!(
        "{}{}",
        result.expected_outcome,
        result.expected_rule.as_deref().map(rule).unwrap_or_default()
    );
    let name = result.name.as_deref().map(|name| format!("`{name}` ")).unwrap_or_default();
    let message =
        format!("case {name}expects {expected}, got {}{}", result.outcome, rule(&result.rule));
    Fault::new(format!("/cases/{}", result.index), Code::TestsFailed.as_str(), message)
}

/// The cases are written anew before they are read: their lines are not those of the request.
fn unplaced(fault: Fault) -> Fault {
    Fault { line: None, column: None, ..fault }
}

/// The engine's problems, with their pointers under `prefix`.
fn faults(problems: &Problems, prefix: &str) -> Vec<Fault> {
    problems.iter().take(FAULTS_MAX).map(|problem| fault(problem, prefix)).collect()
}

fn fault(problem: &policy::Problem, prefix: &str) -> Fault {
    Fault {
        pointer: format!("{prefix}{}", problem.pointer),
        code: problem.code.to_owned(),
        message: problem.message.clone(),
        line: Some(problem.line),
        column: Some(problem.column),
        suggestion: problem.suggestion.clone(),
    }
}

/// The arguments of a simulated call.
pub(crate) fn arguments(value: Option<Value>) -> Result<Option<json::Object>, Problem> {
    match value {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => {
            Err(Problem::field("/call/arguments", "wrong_type", "this field takes an object"))
        }
    }
}

/// The tools a server lists, as the engine compares documents with them.
pub(crate) fn server_tools(tools: &[store::Tool]) -> Vec<policy::ServerTool> {
    let listed = tools.iter().filter(|tool| tool.present && tool.withheld.is_none());
    let view = |tool: &store::Tool| {
        let definition = tool.accepted.as_ref().map_or(&tool.definition, |(text, _)| text);
        let (name, arguments) = (tool.name.clone(), arguments_of(definition));
        policy::ServerTool { name, arguments, types: Vec::new() }.typed(definition)
    };
    listed.map(view).collect()
}

/// The top-level arguments a definition lists, if it can be known.
pub(crate) fn arguments_of(definition: &[u8]) -> Option<Vec<String>> {
    mcp::tools::ToolDefinition::read(definition).ok()?.arguments
}

/// The errors of a document, or what is probably not meant in it.
pub(crate) async fn check(
    control: &Control,
    text: String,
    tools: Option<Vec<policy::ServerTool>>,
) -> Result<(Vec<Fault>, Vec<Fault>), Problem> {
    sized(&text)?;
    let checked = control.aside(move || policy::check(text.as_bytes(), tools.as_deref())).await?;
    Ok(match checked {
        Ok(warnings) => (vec![], warnings.iter().take(FAULTS_MAX).map(warning).collect()),
        Err(problems) => (faults(&problems, ""), vec![]),
    })
}

fn warning(warning: &policy::Warning) -> Fault {
    Fault {
        line: Some(warning.line),
        column: Some(warning.column),
        ..Fault::new(warning.pointer.clone(), warning.code, warning.message.clone())
    }
}

/// Translates an Intercept policy.
pub(crate) async fn import(control: &Control, yaml: String) -> Result<ImportOut, Problem> {
    sized(&yaml)?;
    let imported = control.aside(move || policy::import::intercept(&yaml)).await?;
    let (text, notes) = imported.map_err(|problems| {
        let detail = "the document cannot be carried over faithfully";
        Problem::new(Code::PolicyInvalid, detail).listing(faults(&problems, ""))
    })?;
    Ok(ImportOut::new(text, notes.iter().map(ToString::to_string).collect()))
}
