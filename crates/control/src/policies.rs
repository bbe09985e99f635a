//! Policies: named documents with immutable, numbered versions. Nothing is published that has an
//! error or fails its own test cases.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{Policy, PolicyVersion, VersionFromFiles, VersionLine};
use utoipa::{IntoParams, ToSchema};

use crate::body::{Asked, Unread};
use crate::can::Can;
use crate::decode::Exact;
use crate::grants::{Named, server_of};
use crate::kept::{self, PolicyDeleteQuery};
use crate::operator::{Authorized, Operator};
use crate::page::{List, Order, PageQuery};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::{At, Control, difference, judge, time, tools};

/// Names that `/policies/{name}` could not reach.
const RESERVED: [&str; 7] = ["check", "test", "simulate", "import", "diff", "ask", "coverage"];

/// A new policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyIn {
    name: String,
    /// Id or slug of the server it is written for.
    server: Option<String>,
    /// The document: published as version 1.
    text: Option<String>,
    /// A note for the record.
    note: Option<String>,
    /// Test cases, kept beside the version.
    #[schema(value_type = Option<Vec<Object>>)]
    cases: Option<Exact>,
    /// Where the document is kept in files, as people know the place: 1 to 200 characters. It is then
    /// changed there, and not edited here.
    kept_in: Option<String>,
}

/// A new version of a policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionIn {
    /// The document.
    text: String,
    /// A note for the record.
    note: Option<String>,
    /// Test cases, kept beside the version; those of the version before when absent.
    #[schema(value_type = Option<Vec<Object>>)]
    cases: Option<Exact>,
    /// The number of the version that was edited: somebody else's newer one is then not buried.
    expected_latest: Option<u32>,
    /// Where the document is kept in files: needed for a policy that is, and its mark from now on.
    kept_in: Option<String>,
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyOut {
    id: String,
    name: String,
    /// The server it is written for.
    server: Option<Named>,
    /// The number of the newest version; 0 when none is published.
    latest: u32,
    /// How many grants it is attached to.
    attached: u32,
    /// Where it is kept in files, as people know the place; `null`: it is edited here.
    kept_in: Option<String>,
    created_at: String,
    /// What the asker may do with this policy.
    can: Can,
}

/// A policy with its newest version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyWhole {
    #[serde(flatten)]
    policy: PolicyOut,
    /// The newest version, if one is published.
    version: Option<VersionWhole>,
}

/// A version of a policy. Immutable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionOut {
    policy: String,
    number: u32,
    author: String,
    note: String,
    published_at: String,
}

/// A version with its document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionWhole {
    #[serde(flatten)]
    version: VersionOut,
    /// The document, to the byte.
    text: String,
    /// The test cases kept beside it.
    #[schema(value_type = Option<Vec<Object>>)]
    cases: Option<Box<RawValue>>,
}

impl PolicyOut {
    fn of(policy: &Policy, servers: &[store::Server], by: &Authorized) -> Self {
        let named = |id: &store::ServerId| {
            let known = servers.iter().find(|s| s.id == *id);
            Named {
                id: id.to_string(),
                name: known.map_or(id.as_str(), |s| s.slug.as_str()).to_owned(),
            }
        };
        Self {
            id: policy.id.to_string(),
            name: policy.name.clone(),
            server: policy.server.as_ref().map(named),
            latest: policy.latest,
            attached: policy.attached,
            kept_in: policy.kept_in.clone(),
            created_at: time::write(policy.created_at),
            can: Can::of(
                by,
                [
                    ("draft", Action::PoliciesWrite),
                    ("publish", Action::PoliciesWrite),
                    ("delete", Action::PoliciesWrite),
                    ("keep_in", Action::PoliciesWrite),
                    ("attach", Action::PoliciesAttach),
                    ("test", Action::PoliciesTry),
                ],
            ),
        }
    }
}

impl VersionOut {
    fn of(line: VersionLine) -> Self {
        Self {
            policy: line.policy.to_string(),
            number: line.number,
            author: line.author,
            note: line.note,
            published_at: time::write(line.published_at),
        }
    }
}

impl VersionWhole {
    pub(crate) fn of(version: &PolicyVersion) -> Self {
        let line = VersionLine {
            policy: version.policy.clone(),
            number: version.number,
            author: version.author.clone(),
            note: version.note.clone(),
            published_at: version.published_at,
        };
        Self {
            version: VersionOut::of(line),
            text: text_of(version),
            cases: version.cases.as_ref().and_then(|cases| tools::raw(cases)),
        }
    }
}

impl Creation for PolicyWhole {
    fn location(&self) -> String {
        format!("/api/v1/policies/{}", self.policy.id)
    }

    fn without_secrets(self) -> Self {
        self
    }
}

impl Creation for VersionWhole {
    fn location(&self) -> String {
        format!("/api/v1/policies/{}/versions/{}", self.version.policy, self.version.number)
    }

    fn without_secrets(self) -> Self {
        self
    }
}

/// The policies, by name.
#[utoipa::path(
    get, path = "/policies", tag = "policies", operation_id = "policies_list", params(PageQuery),
    responses((status = 200, body = List<PolicyOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<PolicyOut>>, Problem> {
    let by = who.may(Action::PoliciesRead)?;
    let rows = control.store.policies(by.org()).await?;
    let servers = control.store.servers(by.org()).await?;
    let view = |policy: Policy| PolicyOut::of(&policy, &servers, &by);
    Ok(Json(asked.read::<PageQuery>()?.cut(rows, Order::Up, |p| p.name.clone(), view)?))
}

/// One policy, by id or name, with its newest version.
#[utoipa::path(
    get, path = "/policies/{id}", tag = "policies", operation_id = "policies_get",
    params(("id" = String, Path, description = "Id or name")),
    responses((status = 200, body = PolicyWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<PolicyWhole>, Problem> {
    let by = who.may(Action::PoliciesRead)?;
    let policy = find(&control, &by, &id).await?;
    Ok(Json(whole(&control, &by, &policy).await?))
}

/// Makes a policy, and publishes its first version if a document is given.
#[utoipa::path(
    post, path = "/policies", tag = "policies", operation_id = "policies_create",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = PolicyIn,
    responses((status = 201, body = PolicyWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::PoliciesWrite)?;
    let (given, turn) = body.read_once::<PolicyIn>(&control, &by).await?;
    turn.answer(policy_create(&control, &by, given).await?).await
}

/// Removes a policy that no grant uses; one that is kept in files only by naming the place.
#[utoipa::path(
    delete, path = "/policies/{id}", tag = "policies", operation_id = "policies_delete",
    params(("id" = String, Path, description = "Id or name"), PolicyDeleteQuery),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn delete(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asked: Asked,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::PoliciesWrite)?;
    let query = asked.read::<PolicyDeleteQuery>()?;
    let policy = find(&control, &by, &id).await?;
    let (store, by) = (&control.store, by.by());
    match &query.kept_in {
        None => store.policy_delete(&by, &policy.id).await?,
        Some(place) => store.policy_delete_from_files(&by, &policy.id, place).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The versions of a policy, newest first, without their documents.
#[utoipa::path(
    get, path = "/policies/{id}/versions", tag = "policies", operation_id = "versions_list",
    params(("id" = String, Path, description = "Id or name"), PageQuery),
    responses((status = 200, body = List<VersionOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn versions(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<List<VersionOut>>, Problem> {
    let by = who.may(Action::PoliciesRead)?;
    let policy = find(&control, &by, &id).await?;
    let rows = control.store.policy_versions(by.org(), &policy.id).await?;
    let key = |v: &VersionLine| format!("{:010}", v.number);
    Ok(Json(asked.read::<PageQuery>()?.cut(rows, Order::Down, key, VersionOut::of)?))
}

/// Publishes a version. In force for every grant the policy is attached to at the next call.
#[utoipa::path(
    post, path = "/policies/{id}/versions", tag = "policies", operation_id = "versions_publish",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = VersionIn,
    responses((status = 201, body = VersionWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["policy_manager"])),
)]
pub(crate) async fn publish(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::PoliciesWrite)?;
    let (given, turn) = body.read_once::<VersionIn>(&control, &by).await?;
    turn.answer(policy_publish(&control, &by, &id, given).await?).await
}

/// One version with its document; `latest` names the newest.
#[utoipa::path(
    get, path = "/policies/{id}/versions/{number}", tag = "policies", operation_id = "versions_get",
    params(
        ("id" = String, Path, description = "Id or name"),
        ("number" = String, Path, description = "Number of the version, or `latest`"),
    ),
    responses((status = 200, body = VersionWhole), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn version(
    State(control): State<Control>,
    who: Operator,
    At((id, number)): At<(String, String)>,
) -> Result<Json<VersionWhole>, Problem> {
    let by = who.may(Action::PoliciesRead)?;
    let policy = find(&control, &by, &id).await?;
    Ok(Json(VersionWhole::of(&numbered(&control, &by, &policy, &number).await?)))
}

/// Which versions are compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// The older version; the one before `to` when absent, 0 for an empty document.
    #[param(value_type = Option<u32>)]
    from: Option<String>,
    /// The newer version; the newest when absent.
    #[param(value_type = Option<u32>)]
    to: Option<String>,
}

/// What differs between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffOut {
    from: u32,
    to: u32,
    /// The difference of the two documents as `diff -u` writes it; empty when they are the same.
    unified: String,
}

/// What differs between the documents of two versions.
#[utoipa::path(
    get, path = "/policies/{id}/diff", tag = "policies", operation_id = "policies_diff",
    params(("id" = String, Path, description = "Id or name"), DiffQuery),
    responses((status = 200, body = DiffOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn diff(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    asked: Asked,
) -> Result<Json<DiffOut>, Problem> {
    let by = who.may(Action::PoliciesRead)?;
    let query = asked.read::<DiffQuery>()?;
    Ok(Json(compare(&control, &by, &id, &query).await?))
}

/// The policy of that id or name, in the asker's organisation.
pub(crate) async fn find(control: &Control, by: &Authorized, id: &str) -> Result<Policy, Problem> {
    control.store.policy(by.org(), id).await?.ok_or_else(|| Problem::no_such("policy"))
}

/// The newest version of a policy, if one is published.
pub(crate) async fn newest(
    control: &Control,
    by: &Authorized,
    policy: &Policy,
) -> Result<Option<PolicyVersion>, Problem> {
    Ok(control.store.policy_version(by.org(), &policy.id, policy.latest).await?)
}

/// The text of a stored version, the newest when no number is given, and the cases kept beside it.
pub(crate) async fn stored_version(
    control: &Control,
    by: &Authorized,
    name: &str,
    number: Option<u32>,
    place: &str,
) -> Result<(String, Option<Vec<u8>>), Problem> {
    let missing = || {
        Problem::field(
            &format!("{place}/policy"),
            "not_found",
            "there is no such policy or version",
        )
    };
    let policy = control.store.policy(by.org(), name).await?.ok_or_else(missing)?;
    let number = number.unwrap_or(policy.latest);
    let version = control.store.policy_version(by.org(), &policy.id, number).await?;
    let version = version.ok_or_else(missing)?;
    Ok((text_of(&version), version.cases.as_ref().map(|cases| cases.to_vec())))
}

pub(crate) async fn whole(
    control: &Control,
    by: &Authorized,
    policy: &Policy,
) -> Result<PolicyWhole, Problem> {
    let servers = control.store.servers(by.org()).await?;
    let version = newest(control, by, policy).await?;
    Ok(PolicyWhole {
        policy: PolicyOut::of(policy, &servers, by),
        version: version.as_ref().map(VersionWhole::of),
    })
}

async fn policy_create(
    control: &Control,
    by: &Authorized,
    given: PolicyIn,
) -> Result<PolicyWhole, Problem> {
    let mut faults = vec![];
    if RESERVED.contains(&given.name.as_str()) {
        let message = "this name is a route of the API: choose another";
        faults.push(Fault::new("/name", "invalid_value", message));
    }
    let server = match &given.server {
        None => None,
        Some(name) => server_of(control, by, name, "/server", &mut faults).await?,
    };
    let beside = given.cases.is_some() || given.note.is_some() || given.kept_in.is_some();
    if given.text.is_none() && beside {
        let message = "a note, cases or a place need a document";
        return Err(Problem::field("/text", "missing_field", message));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    // Judged before anything is made, so that a document with an error leaves no empty policy.
    let cases = given.cases.map(|Exact(cases)| json::write_to_vec(&cases));
    if let Some(text) = &given.text {
        judge::publishable(control, text, cases.as_deref()).await?;
    }
    let (by_whom, note) = (by.by(), given.note.unwrap_or_default());
    let (store, name) = (&control.store, &given.name);
    let policy = match (given.text.map(String::into_bytes), given.kept_in) {
        (None, _) => store.policy_create(&by_whom, name, server).await?,
        (Some(text), None) => {
            store.policy_create_published(&by_whom, name, server, text, cases, &note).await?.0
        }
        (Some(text), Some(kept_in)) => {
            let version = VersionFromFiles { text, cases, note, expected_latest: None, kept_in };
            store.policy_create_from_files(&by_whom, name, server, version).await?.0
        }
    };
    whole(control, by, &policy).await
}

async fn policy_publish(
    control: &Control,
    by: &Authorized,
    id: &str,
    given: VersionIn,
) -> Result<VersionWhole, Problem> {
    let policy = find(control, by, id).await?;
    if given.kept_in.is_none() {
        kept::editable(&policy)?;
    }
    let note = given.note.unwrap_or_default();
    let before = newest(control, by, &policy).await?;
    let cases = match given.cases {
        Some(Exact(cases)) => Some(json::write_to_vec(&cases)),
        None => before.and_then(|version| version.cases).map(|cases| cases.to_vec()),
    };
    judge::publishable(control, &given.text, cases.as_deref()).await?;
    let (text, expected_latest) = (given.text.into_bytes(), given.expected_latest);
    let (store, by) = (&control.store, by.by());
    let made = match given.kept_in {
        None => store.policy_publish(&by, &policy.id, text, cases, &note, expected_latest).await?,
        Some(kept_in) => {
            let version = VersionFromFiles { text, cases, note, expected_latest, kept_in };
            store.policy_publish_from_files(&by, &policy.id, version).await?
        }
    };
    Ok(VersionWhole::of(&made))
}

async fn compare(
    control: &Control,
    by: &Authorized,
    id: &str,
    query: &DiffQuery,
) -> Result<DiffOut, Problem> {
    let policy = find(control, by, id).await?;
    let number = |name: &str, text: &Option<String>, default: u32| match text {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| {
            Problem::field(name, "invalid_value", "this parameter takes the number of a version")
        }),
    };
    let to = number("to", &query.to, policy.latest)?;
    let from = number("from", &query.from, to.saturating_sub(1))?;
    let document = async |number: u32| match number {
        0 => Ok(String::new()),
        number => numbered(control, by, &policy, &number.to_string()).await.map(|v| text_of(&v)),
    };
    let (old, new) = (document(from).await?, document(to).await?);
    let name = |number: u32| format!("{} version {number}", policy.name);
    let (before, after) = (name(from), name(to));
    let unified = control.aside(move || difference::unified(&old, &new, &before, &after)).await?;
    Ok(DiffOut { from, to, unified })
}

/// A version by its number, or the newest as `latest`.
pub(crate) async fn numbered(
    control: &Control,
    by: &Authorized,
    policy: &Policy,
    number: &str,
) -> Result<PolicyVersion, Problem> {
    let number = if number == "latest" { Some(policy.latest) } else { number.parse().ok() };
    let found = match number {
        Some(number) => control.store.policy_version(by.org(), &policy.id, number).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::no_such("version"))
}

fn text_of(version: &PolicyVersion) -> String {
    // Documents are UTF-8 when they are loaded, and nothing else is published.
    String::from_utf8_lossy(&version.text).into_owned()
}
