//! Visits to identity providers: sending the browser there, and taking it back with whoever the
//! provider vouches for.

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use store::{
    By, ChangeError, Member, MemberChange, MemberDraft, MemberState, Moment, Provider, Role,
    SignInMethod,
};
use vault::{OsRandom, Randomness as _};
use zeroize::Zeroizing;

use super::cookie;
use super::oidc::{self, Visit, Vouched};
use super::party::Asking;
use super::session;
use crate::body::Query;
use crate::operator::FRESH_SECONDS;
use crate::problem::{Code, Problem, ProblemBody};
use crate::routes::BASE;
use crate::{At, Control};

/// How often a group is read again that somebody else changes meanwhile.
const GROUP_TRIES: u32 = 8;

/// Why somebody comes back without a session. The sign-in page has words for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turned {
    /// The visit took too long, was answered before, or another browser's.
    Expired,
    /// The person or the provider called it off.
    Cancelled,
    /// The provider cannot be believed or reached.
    Provider,
    /// The provider says no address that it knows to be theirs.
    NoEmail,
    /// Nobody here has this address, and the provider's people are not let in by themselves.
    NotAMember,
    /// Their groups there give no role here.
    NoRole,
}

impl Turned {
    const fn code(self) -> &'static str {
        match self {
            Self::Expired => "visit_expired",
            Self::Cancelled => "cancelled",
            Self::Provider => "provider_failed",
            Self::NoEmail => "no_verified_email",
            Self::NotAMember => "not_a_member",
            Self::NoRole => "no_role",
        }
    }
}

/// Either somebody comes back without a session, or nothing works.
enum Halt {
    Turned(Turned),
    Broken(Problem),
}

impl From<Turned> for Halt {
    fn from(turned: Turned) -> Self {
        Self::Turned(turned)
    }
}

impl<P: Into<Problem>> From<P> for Halt {
    fn from(problem: P) -> Self {
        Self::Broken(problem.into())
    }
}

/// Sends the browser to an identity provider. `next` is the path of ours to go to afterwards;
/// `fresh=true` has the provider ask the person again.
#[utoipa::path(
    get, path = "/sign-in/oidc/{id}", tag = "session", operation_id = "sign_in_oidc",
    params(
        ("id" = String, Path, description = "Slug of the identity provider"),
        ("next" = Option<String>, Query),
        ("fresh" = Option<bool>, Query),
    ),
    responses(
        (status = 303, description = "To the provider"),
        (status = "4XX", body = ProblemBody),
        (status = 502, body = ProblemBody),
    ),
)]
pub(crate) async fn begin(
    State(control): State<Control>,
    At(id): At<String>,
    asking: Asking,
    query: Query,
) -> Result<Response, Problem> {
    let org = control.store.organisation();
    let provider = control.store.provider(&org, &id).await?;
    let provider = provider.filter(|provider| provider.draft.enabled && provider.draft.slug == id);
    let provider = provider.ok_or_else(|| Problem::no_such("identity provider"))?;
    let base = asking.base(&control)?;
    let issuers = &control.inner.sign_in.issuers;
    let metadata = issuers.metadata(&provider, asking.now).await.map_err(|error| {
        tracing::warn!(provider = %provider.draft.slug, %error, "an identity provider does not answer");
        unreachable(&provider)
    })?;
    let (state, browser) = (random()?, random()?);
    let visit = Visit {
        provider: provider.id.clone(),
        redirect_uri: format!("{base}{BASE}/sign-in/oidc/callback"),
        nonce: random()?.to_string(),
        verifier: random()?,
        browser: hash(&browser),
        next: path_of_ours(query.get("next")).to_owned(),
        fresh: query.get("fresh") == Some("true"),
    };
    let url =
        oidc::address(&provider, &metadata, &visit, &state).map_err(|_| unreachable(&provider))?;
    control.inner.sign_in.visits.begin(
        state.as_bytes().to_vec(),
        visit,
        asking.address,
        asking.now,
    );
    let unset = || Problem::new(Code::Internal, "the visit was not begun");
    let cookie = cookie::set_visit(&browser).ok_or_else(unset)?;
    let url = HeaderValue::from_str(&url).map_err(|_| unreachable(&provider))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, url), (header::SET_COOKIE, cookie)])
        .into_response())
}

fn unreachable(provider: &Provider) -> Problem {
    let detail = format!("`{}` does not answer as an identity provider", provider.draft.name);
    Problem::new(Code::ProviderUnreachable, detail)
}

/// Takes the browser back from an identity provider.
#[utoipa::path(
    get, path = "/sign-in/oidc/callback", tag = "session", operation_id = "sign_in_oidc_callback",
    params(("state" = String, Query), ("code" = Option<String>, Query)),
    responses(
        (status = 200, description = "Signed in: a page that goes on to the dashboard"),
        (status = 303, description = "Not signed in: to the sign-in page, which says why"),
        (status = "4XX", body = ProblemBody),
    ),
)]
pub(crate) async fn callback(
    State(control): State<Control>,
    asking: Asking,
    query: Query,
) -> Result<Response, Problem> {
    let mut response = match come_back(&control, &asking, &query).await {
        Ok(response) => response,
        Err(Halt::Broken(problem)) => return Err(problem),
        Err(Halt::Turned(why)) => {
            tracing::info!(why = why.code(), "a visit to an identity provider let nobody in");
            asking.turned_away(&control, "sign_in_provider");
            let to = format!("/sign-in?error={}", why.code());
            let to = HeaderValue::from_str(&to)
                .map_err(|_| Problem::new(Code::Internal, "there is nowhere to go"))?;
            (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
        }
    };
    response.headers_mut().append(header::SET_COOKIE, cookie::drop_visit());
    Ok(response)
}

async fn come_back(control: &Control, asking: &Asking, query: &Query) -> Result<Response, Halt> {
    let state = query.get("state").unwrap_or_default();
    let visit = control.inner.sign_in.visits.answer(state.as_bytes(), asking.now);
    let visit = visit.filter(|visit| is_the_browser(&asking.headers, visit));
    let visit = visit.ok_or(Turned::Expired)?;
    let org = control.store.organisation();
    let provider = control.store.provider(&org, visit.provider.as_str()).await?;
    let provider = provider.filter(|p| p.draft.enabled).ok_or(Turned::Provider)?;
    let issuers = &control.inner.sign_in.issuers;
    let metadata = issuers.metadata(&provider, asking.now).await;
    let metadata = metadata.map_err(|error| disbelieved(&provider, &error.into()))?;
    // Even a refusal must be the right issuer's.
    if !oidc::is_of(&provider, &metadata, query.get("iss")) {
        return Err(Turned::Provider.into());
    }
    let Some(code) = query.get("code").filter(|_| query.get("error").is_none()) else {
        return Err(Turned::Cancelled.into());
    };
    let secret = control.store.provider_secret(&org, &provider.id).await?;
    let vouched = oidc::redeem(issuers, &provider, secret.as_ref(), &visit, code, asking.now);
    let vouched = vouched.await.map_err(|error| disbelieved(&provider, &error))?;
    if visit.fresh && !is_fresh(&vouched, asking.now) {
        return Err(disbelieved(&provider, &oidc::Failed::NotFresh).into());
    }
    let member = admit(control, asking, &provider, &vouched).await?;
    // A provider may vouch for somebody it has known since the morning.
    let long_ago = asking.now.plus_seconds(-FRESH_SECONDS);
    let proved_at = vouched.proved_at.filter(|at| *at <= asking.now).unwrap_or(long_ago);
    let method = SignInMethod::Provider;
    let (_, token) = session::open(control, asking, &member, method, proved_at).await?;
    let cookie = cookie::set_session(&token)
        .ok_or_else(|| Problem::new(Code::Internal, "the session was not handed out"))?;
    Ok(go_on(&visit.next, cookie))
}

fn disbelieved(provider: &Provider, error: &oidc::Failed) -> Turned {
    tracing::warn!(provider = %provider.draft.slug, %error, "an identity provider's answer was not believed");
    Turned::Provider
}

fn is_fresh(vouched: &Vouched, now: Moment) -> bool {
    vouched.proved_at.is_some_and(|at| now < at.plus_seconds(FRESH_SECONDS))
}

fn is_the_browser(headers: &HeaderMap, visit: &Visit) -> bool {
    cookie::find(headers, cookie::VISIT).is_some_and(|secret| hash(secret) == visit.browser)
}

/// A page that goes on by itself. A redirect would still count as coming from the provider's site,
/// and the browser would keep the new cookie to itself.
fn go_on(next: &str, cookie: HeaderValue) -> Response {
    let next =
        next.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Signed in</title>\n\
         <meta http-equiv=\"refresh\" content=\"0;url={next}\">\n\
         <p>You are signed in. <a href=\"{next}\">Go on</a></p></html>\n"
    );
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, html), (header::SET_COOKIE, cookie)], page).into_response()
}

/// The member that the provider's word is for; made, let in or changed as the provider's settings
/// say.
async fn admit(
    control: &Control,
    asking: &Asking,
    provider: &Provider,
    vouched: &Vouched,
) -> Result<Member, Halt> {
    let by = By {
        name: provider.draft.name.clone(),
        address: Some(asking.address.to_string()),
        ..By::program(provider.org.clone(), asking.now)
    };
    let given = role_of(provider, vouched)?;
    let store = &control.store;
    let known = store.identity_of(&provider.org, &provider.id, &vouched.subject).await?;
    let member = match known {
        Some(member) => member,
        None => {
            let email = vouched.email.as_deref().ok_or(Turned::NoEmail)?;
            let here = store.member_by_email(&provider.org, email).await?;
            let here = match here.filter(|member| member.state != MemberState::Removed) {
                Some(member) => member,
                None => {
                    let role = given.or(provider.draft.default_role).ok_or(Turned::NotAMember)?;
                    let name = vouched.name.clone().unwrap_or_else(|| email.to_owned());
                    let draft = MemberDraft { email: email.to_owned(), name, role };
                    store.member_add(&by, draft).await.map_err(unfit)?
                }
            };
            store.identity_link(&by, &provider.id, &vouched.subject, &here.id).await?
        }
    };
    let member = keep_role(control, &by, member, given).await?;
    keep_groups(control, &by, provider, &member, vouched).await?;
    Ok(member)
}

/// An address or a name that we do not take is the provider's to mend.
fn unfit(error: ChangeError) -> Halt {
    match error {
        ChangeError::Invalid { .. } => Turned::NoEmail.into(),
        other => Halt::from(other),
    }
}

/// The role that the provider's groups give; `None` where the provider has no say in it.
fn role_of(provider: &Provider, vouched: &Vouched) -> Result<Option<Role>, Turned> {
    let draft = &provider.draft;
    if draft.roles.is_empty() {
        return Ok(None);
    }
    // Who is said to be in no group is in none, and so is whose groups are not said.
    let groups = vouched.groups.as_deref().unwrap_or_default();
    let given = draft.roles.iter().filter(|(group, _)| groups.contains(group));
    let highest = given.map(|(_, role)| *role).max().or(draft.default_role);
    highest.map(Some).ok_or(Turned::NoRole)
}

/// Gives a member the role that their groups give, where the provider has a say in it.
async fn keep_role(
    control: &Control,
    by: &By,
    member: Member,
    role: Option<Role>,
) -> Result<Member, Halt> {
    let by_groups = role.filter(|role| *role != member.role);
    let Some(role) = by_groups else { return Ok(member) };
    let change = MemberChange { role: Some(role), ..MemberChange::default() };
    match control.store.member_update(by, &member.id, None, change).await {
        Ok(member) => Ok(member),
        // The last admin stays one, whatever the provider says.
        Err(ChangeError::LastAdmin(_)) => Ok(member),
        Err(other) => Err(other.into()),
    }
}

/// Puts a member into the groups that theirs there mean here, and takes them out of the others of
/// the provider's list. Groups that the list does not name are nobody's business here.
async fn keep_groups(
    control: &Control,
    by: &By,
    provider: &Provider,
    member: &Member,
    vouched: &Vouched,
) -> Result<(), Halt> {
    let Some(theirs) = &vouched.groups else { return Ok(()) };
    // Two people who come in at once change the same group: whoever is second looks again.
    for _ in 0..GROUP_TRIES {
        match sort_into_groups(control, by, provider, member, theirs).await {
            Err(Halt::Broken(problem)) if problem.code() == Code::Stale => {}
            done => return done,
        }
    }
    Err(Problem::new(Code::Unavailable, "the groups are being changed: sign in again").into())
}

async fn sort_into_groups(
    control: &Control,
    by: &By,
    provider: &Provider,
    member: &Member,
    theirs: &[String],
) -> Result<(), Halt> {
    for group in control.store.groups(&provider.org).await? {
        let belongs = belongs(provider, theirs, &group.name);
        let Some(belongs) = belongs.filter(|b| *b != group.members.contains(&member.id)) else {
            continue;
        };
        let mut members = group.members;
        if belongs {
            members.push(member.id.clone());
        } else {
            members.retain(|id| *id != member.id);
        }
        let revision = Some(group.revision);
        control.store.group_update(by, &group.id, revision, &group.name, members).await?;
    }
    Ok(())
}

/// Whether somebody of these groups there belongs to this group here; `None` where the provider's
/// list does not name it.
fn belongs(provider: &Provider, theirs: &[String], name: &str) -> Option<bool> {
    let mut sources = provider.draft.groups.iter().filter(|(_, ours)| ours == name).peekable();
    sources.peek()?;
    Some(sources.any(|(there, _)| theirs.contains(there)))
}

/// A path of ours to go to: never another site, however it is spelled.
fn path_of_ours(asked: Option<&str>) -> &str {
    let fits = |path: &&str| {
        let mut bytes = path.bytes();
        bytes.next() == Some(b'/')
            && !matches!(path.as_bytes().get(1), Some(b'/' | b'\\'))
            && path.len() <= 1_024
            && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
    };
    asked.filter(fits).unwrap_or("/")
}

fn random() -> Result<Zeroizing<String>, Problem> {
    let mut bytes = Zeroizing::new([0; 32]);
    let dry = |_| Problem::new(Code::Internal, "there is no randomness");
    OsRandom.fill(bytes.as_mut_slice()).map_err(dry)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row W12.
    #[test]
    fn only_paths_of_ours_are_gone_to() {
        for path in ["/", "/approvals/apr_1", "/logs?tool=refund_*&live=1", "/a//b"] {
            assert_eq!(path_of_ours(Some(path)), path);
        }
        for elsewhere in [
            "",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\b",
            " /",
            "/a b",
            "/a\nb",
            "javascript:alert(1)",
            "evil",
            "/%ff\u{e9}",
        ] {
            assert_eq!(path_of_ours(Some(elsewhere)), "/", "{elsewhere:?}");
        }
        assert_eq!(path_of_ours(Some(&format!("/{}", "a".repeat(2_000)))), "/");
        assert_eq!(path_of_ours(None), "/");
    }
}
