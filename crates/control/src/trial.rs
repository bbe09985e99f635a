//! Trying policies out: checked, tested, translated (asking about one call is `simulate.rs`). Nothing
//! is sent to an upstream, nothing is recorded, nothing changes.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::ServerView;
use utoipa::ToSchema;

use crate::body::Unread;
use crate::decode::Exact;
use crate::judge::{self, CaseOut};
use crate::operator::{Authorized, Operator};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::roles::Action;
use crate::{Control, policies};

/// A document to check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckIn {
    text: String,
    /// Id or slug of the server it is written for: its tools are compared with the document.
    server: Option<String>,
}

/// What is wrong with a document, and what is probably not meant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckOut {
    /// Errors: a document with one is never published.
    problems: Vec<Fault>,
    /// What is allowed and probably not meant.
    warnings: Vec<Fault>,
}

/// Test cases and what to run them against: either a document or a stored policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestIn {
    text: Option<String>,
    /// Id or name of a stored policy.
    policy: Option<String>,
    /// The cases; those kept beside the policy when absent.
    #[schema(value_type = Option<Vec<Object>>)]
    cases: Option<Exact>,
}

/// What became of test cases.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestOut {
    passed: usize,
    failed: usize,
    results: Vec<CaseOut>,
}

/// A foreign policy to be translated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportIn {
    /// An Intercept policy, as YAML.
    yaml: String,
}

/// A translated policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportOut {
    /// The document, ready to be checked and published.
    text: String,
    /// What to know about the translation.
    notes: Vec<String>,
}

/// Checks a document: every error at once, and what is probably not meant.
#[utoipa::path(
    post, path = "/policies/check", tag = "policies", operation_id = "policies_check",
    request_body = CheckIn,
    responses((status = 200, body = CheckOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn check(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<CheckOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(policy_check(&control, &by, body.read().await?).await?))
}

/// Runs test cases against a document or a stored policy.
#[utoipa::path(
    post, path = "/policies/test", tag = "policies", operation_id = "policies_test",
    request_body = TestIn,
    responses((status = 200, body = TestOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn test(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<TestOut>, Problem> {
    let by = who.may(Action::PoliciesTry)?;
    Ok(Json(policy_test(&control, &by, body.read().await?).await?))
}

/// Translates an Intercept policy. What cannot be carried over faithfully is refused.
#[utoipa::path(
    post, path = "/policies/import", tag = "policies", operation_id = "policies_import",
    request_body = ImportIn,
    responses((status = 200, body = ImportOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn import(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<ImportOut>, Problem> {
    who.may(Action::PoliciesTry)?;
    let ImportIn { yaml } = body.read().await?;
    Ok(Json(judge::import(&control, yaml).await?))
}

impl ImportOut {
    pub(crate) fn new(text: String, notes: Vec<String>) -> Self {
        Self { text, notes }
    }
}

async fn policy_check(
    control: &Control,
    by: &Authorized,
    given: CheckIn,
) -> Result<CheckOut, Problem> {
    let server = match &given.server {
        None => None,
        Some(name) => Some(named_server(control, by, name).await?),
    };
    let listed = server.map(|view| judge::server_tools(&view.tools));
    let (problems, warnings) = judge::check(control, given.text, listed).await?;
    Ok(CheckOut { problems, warnings })
}

async fn policy_test(
    control: &Control,
    by: &Authorized,
    given: TestIn,
) -> Result<TestOut, Problem> {
    let (text, kept) = match (given.text, given.policy) {
        (Some(text), None) => (text, None),
        (None, Some(name)) => stored(control, by, &name).await?,
        _ => return Err(Problem::field("", "invalid_value", "send either `text` or `policy`")),
    };
    let policy = judge::load(control, text).await?;
    let cases = match given.cases {
        Some(Exact(cases)) => Some(json::write_to_vec(&cases)),
        None => kept,
    };
    let Some(cases) = cases else {
        return Err(Problem::field("/cases", "missing_field", "there are no cases to run"));
    };
    let results = judge::test(control, policy, cases).await?;
    let passed = results.iter().filter(|result| result.passed).count();
    Ok(TestOut {
        passed,
        failed: results.len() - passed,
        results: results.into_iter().map(CaseOut::of).collect(),
    })
}

/// The server a body names.
pub(crate) async fn named_server(
    control: &Control,
    by: &Authorized,
    name: &str,
) -> Result<ServerView, Problem> {
    let missing = || Problem::field("/server", "not_found", "there is no such server");
    control.store.server(by.org(), name).await?.ok_or_else(missing)
}

/// The newest document of a stored policy, and the cases kept beside it.
pub(crate) async fn stored(
    control: &Control,
    by: &Authorized,
    name: &str,
) -> Result<(String, Option<Vec<u8>>), Problem> {
    let missing = || Problem::field("/policy", "not_found", "there is no such policy");
    let policy = control.store.policy(by.org(), name).await?.ok_or_else(missing)?;
    let version = policies::newest(control, by, &policy).await?.ok_or_else(|| {
        Problem::field("/policy", "invalid_value", "this policy has no published version yet")
    })?;
    let text = String::from_utf8_lossy(&version.text).into_owned();
    Ok((text, version.cases.map(|cases| cases.to_vec())))
}
