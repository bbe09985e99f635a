//! Identity providers that people may sign in by, as admins configure them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use store::{Provider, ProviderDraft, Role};
use utoipa::ToSchema;
use vault::Secret;

use crate::body::{Asked, Input, Unread};
use crate::etag::IfMatch;
use crate::keys::RoleName;
use crate::operator::Operator;
use crate::page::{List, Order, PageQuery};
use crate::problem::{Fault, Problem, ProblemBody};
use crate::repeat::{Creation, Halt};
use crate::roles::Action;
use crate::server_url;
use crate::{At, Control, etag, time};

/// The most groups that are mapped, and the most scopes.
const LIST_MAX: usize = 200;

/// An identity provider, as it is set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderIn {
    /// The name in its address: `/api/v1/sign-in/oidc/{slug}`.
    slug: String,
    /// What people call it; the slug if it is not said.
    name: Option<String>,
    /// The issuer, exactly as its discovery document says it.
    issuer: String,
    /// What the issuer calls us.
    client_id: String,
    /// Given once and never shown. Left out on a change, the one that is kept stays, unless issuer
    /// or client changed.
    #[schema(write_only)]
    client_secret: Option<String>,
    /// Private targets it may be reached at, each `host:port`.
    #[serde(default)]
    private_targets: Vec<String>,
    /// Scopes to ask for beside `openid email profile`.
    #[serde(default)]
    scopes: Vec<String>,
    /// The claim that lists a person's groups; `groups` if it is not said.
    groups_claim: Option<String>,
    /// Groups there, and the role each gives here. The highest wins, at every sign-in.
    #[serde(default)]
    roles: BTreeMap<String, RoleName>,
    /// Groups there, and the group here that each one's people belong to, at every sign-in.
    #[serde(default)]
    groups: BTreeMap<String, String>,
    /// The role of people whose groups give none. Without one, they are turned away unless they
    /// are members already and `roles` is empty.
    default_role: Option<RoleName>,
    /// Whether addresses count that the provider does not call verified. Only where it lets nobody
    /// choose theirs.
    #[serde(default)]
    trust_email: bool,
    /// Whether people may sign in by it.
    enabled: Option<bool>,
}

/// An identity provider; never its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderOut {
    id: String,
    slug: String,
    name: String,
    issuer: String,
    client_id: String,
    /// Whether a client secret is kept.
    has_secret: bool,
    private_targets: Vec<String>,
    scopes: Vec<String>,
    groups_claim: String,
    roles: BTreeMap<String, &'static str>,
    groups: BTreeMap<String, String>,
    default_role: Option<&'static str>,
    trust_email: bool,
    enabled: bool,
    revision: i64,
    created_at: String,
    updated_at: String,
}

impl ProviderOut {
    fn of(provider: &Provider) -> Self {
        let draft = provider.draft.clone();
        Self {
            id: provider.id.to_string(),
            slug: draft.slug,
            name: draft.name,
            issuer: draft.issuer,
            client_id: draft.client_id,
            has_secret: provider.has_secret,
            private_targets: draft.private_targets,
            scopes: draft.scopes,
            groups_claim: draft.groups_claim,
            roles: draft.roles.into_iter().map(|(group, role)| (group, role.as_str())).collect(),
            groups: draft.groups.into_iter().collect(),
            default_role: draft.default_role.map(Role::as_str),
            trust_email: draft.trust_email,
            enabled: draft.enabled,
            revision: provider.revision,
            created_at: time::write(provider.created_at),
            updated_at: time::write(provider.updated_at),
        }
    }
}

impl Creation for ProviderOut {
    fn location(&self) -> String {
        format!("/api/v1/identity-providers/{}", self.id)
    }

    fn revision(&self) -> Option<i64> {
        Some(self.revision)
    }

    fn without_secrets(self) -> Self {
        self
    }
}

/// The identity providers, by slug.
#[utoipa::path(
    get, path = "/identity-providers", tag = "identity-providers",
    operation_id = "providers_list", params(PageQuery),
    responses((status = 200, body = List<ProviderOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<ProviderOut>>, Problem> {
    let by = who.may(Action::Providers)?;
    let found = control.store.providers(by.org()).await?;
    let key = |provider: &Provider| provider.draft.slug.clone();
    let query = asked.read::<PageQuery>()?;
    Ok(Json(query.cut(found, Order::Up, key, |provider| ProviderOut::of(&provider))?))
}

/// One identity provider, by id or slug.
#[utoipa::path(
    get, path = "/identity-providers/{id}", tag = "identity-providers",
    operation_id = "providers_get",
    params(("id" = String, Path, description = "Id or slug of the identity provider")),
    responses((status = 200, body = ProviderOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let by = who.may(Action::Providers)?;
    let provider = find(&control, by.org(), &id).await?;
    Ok(with_etag(&provider))
}

/// Makes an identity provider. Its discovery document is read first: one that does not answer as an
/// issuer is refused.
#[utoipa::path(
    post, path = "/identity-providers", tag = "identity-providers",
    operation_id = "providers_create",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ProviderIn,
    responses((status = 201, body = ProviderOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Response, Halt> {
    let by = who.may(Action::Providers)?;
    by.fresh()?;
    let (given, turn) = body.read_once::<ProviderIn>(&control, &by).await?;
    let (draft, secret) = read(given)?;
    answers(&draft).await?;
    let made = control.store.provider_create(&by.by(), draft, secret).await;
    turn.answer(ProviderOut::of(&made.map_err(Problem::from)?)).await
}

/// Changes an identity provider: all fields are written. People of another issuer are other people.
#[utoipa::path(
    put, path = "/identity-providers/{id}", tag = "identity-providers",
    operation_id = "providers_update",
    params(
        ("id" = String, Path, description = "Id or slug of the identity provider"),
        ("If-Match" = String, Header, description = "The ETag of what was read, or `*`"),
    ),
    request_body = ProviderIn,
    responses((status = 200, body = ProviderOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn update(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    headers: HeaderMap,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::Providers)?;
    by.fresh()?;
    let revision = IfMatch::of(&headers)?.required()?;
    let (draft, secret) = read(body.read().await?)?;
    let before = find(&control, by.org(), &id).await?;
    if draft.issuer != before.draft.issuer {
        answers(&draft).await?;
    }
    let store = &control.store;
    let after = store.provider_update(&by.by(), &before.id, revision, draft, secret).await?;
    Ok(with_etag(&after))
}

/// Removes an identity provider. Its people stay members; those who have no other way in need a
/// link.
#[utoipa::path(
    delete, path = "/identity-providers/{id}", tag = "identity-providers",
    operation_id = "providers_delete",
    params(("id" = String, Path, description = "Id or slug of the identity provider")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn delete(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::Providers)?;
    by.fresh()?;
    let provider = find(&control, by.org(), &id).await?;
    control.store.provider_delete(&by.by(), &provider.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn with_etag(provider: &Provider) -> Response {
    let tag = [(header::ETAG, etag::write(provider.revision))];
    (tag, Json(ProviderOut::of(provider))).into_response()
}

/// Identity providers of a file that the program was started with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    providers: Vec<ProviderIn>,
}

/// Why the file of identity providers was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvidersError {
    /// It is not as it should be: where, and why.
    #[error("{0}")]
    Invalid(String),
    /// The store refused.
    #[error(transparent)]
    Change(#[from] store::ChangeError),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

impl Control {
    /// Makes and changes the identity providers that a file lists, by slug; others stay. Whether
    /// they answer is not asked: an instance starts without them.
    ///
    /// The file is JSON: `{"providers": […]}`, each as `POST /identity-providers` takes it.
    pub async fn configure_providers(&self, file: &[u8]) -> Result<(), ProvidersError> {
        let wrong = |problem: Problem| ProvidersError::Invalid(problem.in_words());
        let given: Configured = Input::of(file).and_then(|i| i.decode()).map_err(wrong)?;
        let org = self.store.organisation();
        let by = store::By::program(org.clone(), self.clock.now());
        for provider in given.providers {
            let (draft, secret) = read(provider).map_err(wrong)?;
            match self.store.provider(&org, &draft.slug).await?.map(|known| known.id) {
                Some(id) => {
                    let secret = match (secret, self.store.provider_secret(&org, &id).await?) {
                        // The same secret at every start is no change.
                        (Some(new), Some(old)) if new.expose() == old.expose() => None,
                        (new, _) => new,
                    };
                    self.store.provider_update(&by, &id, None, draft, secret).await?;
                }
                None => {
                    self.store.provider_create(&by, draft, secret).await?;
                }
            }
        }
        Ok(())
    }
}

async fn find(control: &Control, org: &store::OrgId, id: &str) -> Result<Provider, Problem> {
    let found = control.store.provider(org, id).await?;
    found.ok_or_else(|| Problem::no_such("identity provider"))
}

/// Whether the issuer publishes what is needed.
async fn answers(draft: &ProviderDraft) -> Result<(), Problem> {
    crate::sign_in::answers_as_issuer(draft).await.map_err(|why| {
        Problem::field(
            "/issuer",
            "issuer_refused",
            format!("it does not answer as an issuer: {why}"),
        )
    })
}

fn read(given: ProviderIn) -> Result<(ProviderDraft, Option<Secret>), Problem> {
    let mut faults = vec![];
    let mut wrong = |pointer: &str, message: &str| {
        faults.push(Fault::new(pointer, "invalid_value", message));
    };
    if given.roles.len() > LIST_MAX || given.groups.len() > LIST_MAX {
        wrong("/roles", "this list holds at most 200 groups");
    }
    let scope = |scope: &String| {
        let fits = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        !scope.is_empty() && scope.len() <= 200 && scope.bytes().all(fits)
    };
    if given.scopes.len() > 20 || !given.scopes.iter().all(scope) {
        wrong("/scopes", "a scope is a word of visible ASCII characters; at most 20 of them");
    }
    if given.issuer.contains(['?', '#']) {
        wrong("/issuer", "an issuer has no query");
    }
    if given.client_secret.as_deref().is_some_and(|s| s.is_empty() || s.len() > 2_000) {
        wrong("/client_secret", "a client secret has 1 to 2,000 characters");
    }
    let read = server_url::read(&given.issuer, &given.private_targets);
    let private_targets = match read {
        Ok((_, targets)) => targets,
        Err(others) => {
            let renamed = others.into_iter().map(|fault| match fault.pointer.as_str() {
                "/url" => Fault { pointer: "/issuer".to_owned(), ..fault },
                _ => fault,
            });
            faults.extend(renamed);
            vec![]
        }
    };
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let secret = given.client_secret.map(Secret::from);
    let draft = ProviderDraft {
        name: given.name.unwrap_or_else(|| given.slug.clone()),
        slug: given.slug,
        issuer: given.issuer,
        client_id: given.client_id,
        private_targets,
        scopes: given.scopes,
        groups_claim: given.groups_claim.unwrap_or_else(|| "groups".to_owned()),
        roles: given.roles.into_iter().map(|(group, role)| (group, role.into())).collect(),
        groups: given.groups.into_iter().collect(),
        default_role: given.default_role.map(Into::into),
        trust_email: given.trust_email,
        enabled: given.enabled.unwrap_or(true),
    };
    Ok((draft, secret))
}
