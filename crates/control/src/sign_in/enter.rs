//! Getting in with a password: signing in, setting up the first admin, accepting an invitation,
//! proving oneself afresh, changing the password.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use store::{MemberId, MemberState, SetupDraft, SignInMethod};
use utoipa::ToSchema;
use vault::{Token, TokenKind};
use zeroize::Zeroizing;

use super::cookie;
use super::party::Asking;
use super::password::Password;
use super::session::{self, SessionOut};
use crate::Control;
use crate::body::Unread;
use crate::operator::Operator;
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;

/// How people may sign in here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaysIn {
    /// Nobody can administer this instance yet: use the setup link that was printed.
    setup: bool,
    password: bool,
    /// Whether passkeys can be used at the address the browser has for us.
    passkey: bool,
    /// The identity providers.
    oidc: Vec<WayIn>,
}

/// An identity provider that people may sign in by.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WayIn {
    /// For its address: `/api/v1/sign-in/oidc/{id}`.
    id: String,
    name: String,
}

/// A password, or another text that must not stay in memory.
#[derive(ToSchema)]
#[schema(value_type = String, format = Password)]
pub(crate) struct Hidden(Zeroizing<String>);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Somebody signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInIn {
    email: String,
    password: Hidden,
}

/// Somebody proves afresh who they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreshIn {
    password: Hidden,
}

/// Somebody uses a setup link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupIn {
    /// The token of the link.
    token: Hidden,
    /// The first admin says what theirs is; others repeat it.
    email: String,
    name: String,
    password: Hidden,
}

/// Somebody accepts an invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteAcceptIn {
    /// The token of the link.
    token: Hidden,
    /// What they are called, if not as the invitation says.
    name: Option<String>,
    password: Hidden,
}

/// Somebody changes their password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordIn {
    /// The one they have. Who has none yet leaves it out and proves afresh who they are first.
    current: Option<Hidden>,
    new: Hidden,
}

/// How people may sign in here. Needs no session.
#[utoipa::path(
    get, path = "/sign-in", tag = "session", operation_id = "sign_in_ways",
    responses((status = 200, body = WaysIn), (status = "4XX", body = ProblemBody)),
)]
pub(crate) async fn ways(
    State(control): State<Control>,
    asking: Asking,
) -> Result<Json<WaysIn>, Problem> {
    let org = control.store.organisation();
    let providers = control.store.providers(&org).await?.into_iter();
    let oidc = providers
        .filter(|provider| provider.draft.enabled)
        .map(|provider| WayIn { id: provider.draft.slug, name: provider.draft.name });
    Ok(Json(WaysIn {
        setup: control.store.needs_setup(&org).await?,
        password: true,
        passkey: asking.party(&control).is_ok(),
        oidc: oidc.collect(),
    }))
}

/// Signs in with a password. The answer sets the cookie of the session.
#[utoipa::path(
    post, path = "/sign-in/password", tag = "session", operation_id = "sign_in_password",
    request_body = SignInIn,
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
)]
pub(crate) async fn password(
    State(control): State<Control>,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    cookie::same_site(&http::Method::GET, &asking.headers)?;
    cookie::keeps_cookies(&asking.headers)?;
    let given: SignInIn = body.read().await?;
    asking.attempt(&control, &given.email)?;
    let org = control.store.organisation();
    let member = control.store.member_by_email(&org, &given.email).await?;
    let member = member.filter(|member| member.state == MemberState::Active);
    // The same looks and the same work for nobody as for somebody.
    let nobody = MemberId::from(String::from("mem_nobody"));
    let id = member.as_ref().map_or(&nobody, |member| &member.id);
    let kept = control.store.password(&org, id).await?;
    let shown = Password::shown(&given.password.0);
    let same = control.inner.sign_in.hashing.matches(shown, kept).await?;
    let Some(member) = member.filter(|_| same) else {
        asking.turned_away(&control, "sign_in_password");
        return Err(wrong());
    };
    control.inner.sign_in.throttle.succeeded(&given.email, asking.address);
    let_in(&control, &asking, &member).await
}

/// Begins the session of a member who has shown, or just set, their password.
async fn let_in(
    control: &Control,
    asking: &Asking,
    member: &store::Member,
) -> Result<Response, Problem> {
    let method = SignInMethod::Password;
    let (session, token) = session::open(control, asking, member, method, asking.now).await?;
    session::answer(control, member, &session, &token).await
}

/// One text for an address that nobody has, a password that is wrong, none that was ever set, and a
/// member who is not in yet or not any more.
fn wrong() -> Problem {
    Problem::new(
        Code::SignInFailed,
        "the address or the password is not right, or there is no password for this address",
    )
}

/// Uses a setup link: its member gets this name and password, and is signed in.
#[utoipa::path(
    post, path = "/setup", tag = "session", operation_id = "setup",
    request_body = SetupIn,
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
)]
pub(crate) async fn setup(
    State(control): State<Control>,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    cookie::same_site(&http::Method::GET, &asking.headers)?;
    cookie::keeps_cookies(&asking.headers)?;
    let given: SetupIn = body.read().await?;
    let token = Token::parse(TokenKind::Setup, given.token.0.as_bytes()).ok();
    let known = match &token {
        Some(token) => control.store.setup_of(token, asking.now).await?,
        None => None,
    };
    let (Some(token), Some(_)) = (token, known) else {
        asking.turned_away(&control, "setup_link");
        return Err(gone("setup link"));
    };
    let password = chosen("/password", &given.password, &[&given.email, &given.name])?;
    let hash = control.inner.sign_in.hashing.hash(password).await?;
    let draft = SetupDraft { email: given.email, name: given.name };
    let address = Some(asking.address.to_string());
    let member = control.store.setup_finish(&token, draft, hash, address, asking.now).await?;
    let_in(&control, &asking, &member).await
}

/// Accepts an invitation: the member is active, has this password, and is signed in.
#[utoipa::path(
    post, path = "/invites/accept", tag = "session", operation_id = "invites_accept",
    request_body = InviteAcceptIn,
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
)]
pub(crate) async fn accept(
    State(control): State<Control>,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    cookie::same_site(&http::Method::GET, &asking.headers)?;
    cookie::keeps_cookies(&asking.headers)?;
    let given: InviteAcceptIn = body.read().await?;
    let token = Token::parse(TokenKind::Invite, given.token.0.as_bytes()).ok();
    let invite = match &token {
        Some(token) => control.store.invite_of(token, asking.now).await?,
        None => None,
    };
    let (Some(token), Some(invite)) = (token, invite) else {
        asking.turned_away(&control, "invite_link");
        return Err(gone("invitation"));
    };
    let name = given.name.as_deref();
    let about = [invite.member.email.as_str(), name.unwrap_or(&invite.member.name)];
    let password = chosen("/password", &given.password, &about)?;
    let hash = control.inner.sign_in.hashing.hash(password).await?;
    let address = Some(asking.address.to_string());
    let accepted = control.store.invite_accept_with(&token, name, hash, address, asking.now);
    let member = accepted.await?;
    let_in(&control, &asking, &member).await
}

/// Proves afresh who you are, with your password: revealing and changing roles need that. The
/// session goes on under a new cookie.
#[utoipa::path(
    post, path = "/session/fresh", tag = "session", operation_id = "session_prove",
    request_body = FreshIn,
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn fresh(
    State(control): State<Control>,
    who: Operator,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::Own)?;
    let session = by.needs_session()?;
    let given: FreshIn = body.read().await?;
    knows(&control, &asking, by.member(), &given.password, "").await?;
    let proved = control.store.session_prove(&by.by(), &session.id, SignInMethod::Password).await?;
    session::answer(&control, by.member(), &proved.0, &proved.1).await
}

/// Changes your password. Your other sessions end, and this one goes on under a new cookie.
#[utoipa::path(
    put, path = "/me/password", tag = "session", operation_id = "me_password",
    request_body = PasswordIn,
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn change(
    State(control): State<Control>,
    who: Operator,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::Own)?;
    let session = by.needs_session()?.clone();
    let given: PasswordIn = body.read().await?;
    let member = by.member();
    match &given.current {
        Some(current) => knows(&control, &asking, member, current, "/current").await?,
        // Who has a password shows it; who has none is asked for what they have.
        None if control.store.password(by.org(), &member.id).await?.is_some() => {
            return Err(Problem::field("/current", "missing", "give the password you have"));
        }
        None => {
            by.fresh_in_person()?;
        }
    }
    let password = chosen("/new", &given.new, &[&member.email, &member.name])?;
    let hash = control.inner.sign_in.hashing.hash(password).await?;
    control.store.password_set(&by.by(), &member.id, hash, Some(&session.id)).await?;
    let proved = control.store.session_prove(&by.by(), &session.id, SignInMethod::Password).await?;
    session::answer(&control, member, &proved.0, &proved.1).await
}

/// Whether the member knows their password; counted as an attempt to sign in.
async fn knows(
    control: &Control,
    asking: &Asking,
    member: &store::Member,
    shown: &Hidden,
    field: &str,
) -> Result<(), Problem> {
    asking.attempt(control, &member.email)?;
    let kept = control.store.password(&member.org, &member.id).await?;
    let shown = Password::shown(&shown.0);
    if control.inner.sign_in.hashing.matches(shown, kept).await? {
        control.inner.sign_in.throttle.succeeded(&member.email, asking.address);
        return Ok(());
    }
    asking.turned_away(control, "sign_in_password");
    // The session is good; what was shown beside it is not.
    let field = if field.is_empty() { "/password" } else { field };
    Err(Problem::field(field, "wrong_password", "this is not your password"))
}

/// A password that somebody chose.
fn chosen(field: &str, given: &Hidden, about: &[&str]) -> Result<Password, Problem> {
    Password::new(&given.0, about)
        .map_err(|message| Problem::field(field, "password_refused", message))
}

fn gone(what: &str) -> Problem {
    Problem::new(Code::Gone, format!("the {what} was used, replaced by a newer one, or has ended"))
}
