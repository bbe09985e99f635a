//! Who asks, and that they may: a proof of who somebody is makes an [`Operator`], a checked role
//! makes an [`Authorized`], and only that makes the [`By`] without which nothing changes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use store::{
    ApiKey, By, ControlPlane, Member, Moment, OrgId, Role, Session, SessionHolder, StrangerRefusal,
};
use vault::{Token, TokenKind};

use crate::Control;
use crate::arrival::Arrival;
use crate::problem::{Code, Problem};
use crate::roles::{self, Action};
use crate::routes::BASE;
use crate::sign_in::cookie;
use crate::strangers::WINDOW_SECONDS;

/// Somebody who has proved who they are. What they may do is not known yet.
pub(crate) struct Operator(Acting);

/// Somebody who may do the one thing they asked for.
pub(crate) struct Authorized(Acting);

/// Who acts, and how they proved it.
struct Acting {
    member: Member,
    /// What they may do with this proof: never more than the member.
    role: Role,
    proof: Proof,
    address: Option<IpAddr>,
    now: Moment,
    /// Where a refusal is written down, and what was asked for.
    refusals: Refusals,
}

/// How somebody proved who they are. A signed-in browser is a second way: its session stands here
/// beside the key, and every other line of the control plane stays as it is.
enum Proof {
    /// An API key.
    Key { key: ApiKey, token: Arc<Token> },
    /// A signed-in browser.
    Session { session: Session, token: Option<Arc<Token>> },
}

/// Whose page asks, by the member's id. The cookie of a browser is that of whoever signed in last, in any of
/// its windows: what one person has on the screen is not gone on with in the name of the next.
const PAGE_OF: &str = "countersign-member";

/// How long a proof of who somebody is counts as fresh.
pub(crate) const FRESH_SECONDS: i64 = 5 * 60;

/// Somebody who has lately proved who they are: needed to reveal, to rotate keys and to change
/// roles. Only [`Authorized::fresh`] and [`Authorized::fresh_in_person`] make one.
#[derive(Debug)]
pub(crate) struct Fresh(());

impl Operator {
    /// Checks the role.
    pub(crate) fn may(self, action: Action) -> Result<Authorized, Problem> {
        let Self(acting) = self;
        acting.allowed(action)?;
        Ok(Authorized(acting))
    }
}

impl Authorized {
    /// Checks the role for something more, once the request has been read.
    pub(crate) fn also_may(&self, action: Action) -> Result<(), Problem> {
        self.0.allowed(action)
    }

    /// Whether the role would do for something that was not asked for.
    pub(crate) fn could(&self, action: Action) -> bool {
        self.0.role >= roles::minimum(action)
    }

    /// What they may do.
    pub(crate) fn role(&self) -> Role {
        self.0.role
    }

    /// The member who acts.
    pub(crate) fn member(&self) -> &Member {
        &self.0.member
    }

    /// The organisation everything is read from and written to.
    pub(crate) fn org(&self) -> &OrgId {
        &self.0.member.org
    }

    /// The moment the request is answered at.
    pub(crate) fn now(&self) -> Moment {
        self.0.now
    }

    /// Who changes something, for the record.
    pub(crate) fn by(&self) -> By {
        let Acting { member, role, proof, address, now, .. } = &self.0;
        let (key, session) = match proof {
            Proof::Key { key, .. } => (Some(key.id.clone()), None),
            Proof::Session { session, .. } => (None, Some(session.id.clone())),
        };
        By {
            org: member.org.clone(),
            member: Some(member.id.clone()),
            key,
            session,
            role: Some(*role),
            name: member.name.clone(),
            address: address.map(|address| address.to_string()),
            at: *now,
        }
    }

    /// The moment at which the key they use ends, if it does: what they make with it ends with it.
    pub(crate) fn proof_ends_at(&self) -> Option<Moment> {
        match &self.0.proof {
            Proof::Key { key, .. } => key.expires_at,
            // What somebody makes in person is theirs beyond the session.
            Proof::Session { .. } => None,
        }
    }

    /// The session they use, unless they use a key.
    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.0.proof {
            Proof::Key { .. } => None,
            Proof::Session { session, .. } => Some(session),
        }
    }

    /// The session they use.
    ///
    /// - **Errors**: for those who use a key.
    pub(crate) fn needs_session(&self) -> Result<&Session, Problem> {
        self.session().ok_or_else(|| {
            let detail = "an API key has no session: sign in with a browser";
            self.refuse(Code::NeedsSession, detail)
        })
    }

    /// Makes sure that whoever acts proved it lately. A key proves it at every use.
    pub(crate) fn fresh(&self) -> Result<Fresh, Problem> {
        match &self.0.proof {
            Proof::Key { .. } => Ok(Fresh(())),
            Proof::Session { .. } => self.fresh_in_person(),
        }
    }

    /// Makes sure that a person acts who proved lately who they are.
    pub(crate) fn fresh_in_person(&self) -> Result<Fresh, Problem> {
        let session = self.needs_session()?;
        if self.0.now < session.proved_at.plus_seconds(FRESH_SECONDS) {
            return Ok(Fresh(()));
        }
        let detail = "prove again who you are (`POST /session/fresh`), then repeat this";
        Err(self.refuse(Code::NeedsProof, detail))
    }

    /// Turns a known member away for something beside their role, and writes that down.
    fn refuse(&self, code: Code, detail: &str) -> Problem {
        let Acting { member, address, now, refusals, .. } = &self.0;
        refusals.known(member, code.as_str(), *address, *now);
        Problem::new(code, detail)
    }

    /// Whether the proof is still good for as much: for answers that last.
    pub(crate) async fn still(&self, control: &Control) -> bool {
        let now = control.clock.now();
        match &self.0.proof {
            Proof::Key { key, token } => {
                let holder = control.store.api_key_of(token, now).await;
                matches!(holder, Ok(Some(h)) if h.key.id == key.id && h.role() >= self.0.role)
            }
            Proof::Session { session, token } => {
                let Some(token) = token else { return false };
                let holder = control.store.session_of(token, now).await;
                matches!(holder, Ok(Some(h)) if h.session.id == session.id && h.member.role >= self.0.role)
            }
        }
    }
}

impl Acting {
    fn allowed(&self, action: Action) -> Result<(), Problem> {
        let needed = roles::minimum(action);
        if self.role < needed {
            self.refusals.known(&self.member, "forbidden", self.address, self.now);
            let detail = format!(
                "this needs the role {}, and you have the role {}",
                needed.as_str(),
                self.role.as_str()
            );
            return Err(Problem::new(Code::Forbidden, detail));
        }
        Ok(())
    }
}

impl FromRequestParts<Control> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, Problem> {
        let now = control.clock.now();
        let address = parts.extensions.get::<Arrival>().map(|arrival| arrival.from);
        // Requests that came by no connection (a router used without `serve`) count together.
        let counted = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let strangers = &control.inner.strangers;

        let refusals = Refusals::of(control, parts);
        let Some(shown) = bearer(&parts.headers)? else {
            return by_cookie(parts, control, address, now, refusals).await;
        };
        let Ok(token) = Token::parse(TokenKind::ApiKey, shown) else {
            refusals.stranger("malformed_api_key", None, address, now);
            return Err(refused(strangers.bad(counted, now)));
        };
        match control.store.api_key_of(&token, now).await? {
            Some(holder) => {
                let role = holder.role();
                let proof = Proof::Key { key: holder.key, token: Arc::new(token) };
                let member = holder.member;
                if !control.inner.pace.takes(&member.id, now) {
                    refusals.known(&member, "rate_limited", address, now);
                    return Err(too_fast());
                }
                Ok(Self(Acting { member, role, proof, address, now, refusals }))
            }
            None => {
                refusals.stranger("bad_api_key", Some(&token), address, now);
                Err(refused(strangers.bad(counted, now)))
            }
        }
    }
}

/// The way into the stream of refusals, for one request.
struct Refusals {
    store: Arc<dyn ControlPlane>,
    /// The method and the template of the route: never what stood in its place.
    asked: String,
}

impl Refusals {
    fn of(control: &Control, parts: &Parts) -> Self {
        Self { store: Arc::clone(&control.store), asked: asked(parts) }
    }

    /// Writes down that somebody known was turned away.
    fn known(&self, member: &Member, reason: &'static str, from: Option<IpAddr>, at: Moment) {
        let who = Some((member.org.clone(), member.id.clone()));
        self.write(StrangerRefusal { who, ..self.line(reason, from, at) });
    }

    /// Writes down that a stranger was turned away.
    fn stranger(
        &self,
        reason: &'static str,
        token: Option<&Token>,
        from: Option<IpAddr>,
        at: Moment,
    ) {
        let token_prefix = token.map(|token| token.id().as_str().to_owned());
        self.write(StrangerRefusal { token_prefix, ..self.line(reason, from, at) });
    }

    fn line(&self, reason: &'static str, from: Option<IpAddr>, at: Moment) -> StrangerRefusal {
        let address = from.map_or_else(String::new, |from| from.to_string());
        let asked = self.asked.clone();
        StrangerRefusal { at, address, reason, asked, count: 1, ..StrangerRefusal::default() }
    }

    fn write(&self, refusal: StrangerRefusal) {
        self.store.refused(refusal);
    }
}

/// What is asked for: the method and the template of the route.
pub(crate) fn asked(parts: &Parts) -> String {
    let route = parts.extensions.get::<MatchedPath>().map_or("", |path| path.as_str());
    format!("{} {}", parts.method, route.strip_prefix(BASE).unwrap_or(route))
}

/// Who is signed in with the browser that asks. What the browser was made to send by a page of
/// another site is nobody's.
async fn by_cookie(
    parts: &Parts,
    control: &Control,
    address: Option<IpAddr>,
    now: Moment,
    refusals: Refusals,
) -> Result<Operator, Problem> {
    if !cookie::is_there(&parts.headers) {
        refusals.stranger("no_api_key", None, address, now);
        let detail = "sign in, or send an API key as `Authorization: Bearer csk1_…`";
        return Err(unauthenticated(detail, false));
    }
    cookie::same_site(&parts.method, &parts.headers)
        .inspect_err(|_| refusals.stranger("cross_site", None, address, now))?;
    let token = cookie::session(&parts.headers);
    let holder = match &token {
        Some(token) => control.store.session_of(token, now).await?,
        None => None,
    };
    let Some(SessionHolder { session, member }) = holder else {
        refusals.stranger("bad_session", token.as_ref(), address, now);
        let detail = "the session has ended: sign in again";
        return Err(
            unauthenticated(detail, false).header(header::SET_COOKIE, cookie::drop_session())
        );
    };
    if parts
        .headers
        .get_all(PAGE_OF)
        .iter()
        .any(|id| id.as_bytes() != member.id.as_str().as_bytes())
    {
        let detail = "somebody else has signed in with this browser: load the page again";
        return Err(Problem::new(Code::OtherMember, detail));
    }
    if !control.inner.pace.takes(&member.id, now) {
        refusals.known(&member, "rate_limited", address, now);
        return Err(too_fast());
    }
    control.store.session_seen(&session, now).await?;
    let role = member.role;
    let proof = Proof::Session { session, token: token.map(Arc::new) };
    Ok(Operator(Acting { member, role, proof, address, now, refusals }))
}

/// The token of the one `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Problem::new(Code::BadRequest, "there is more than one Authorization header"));
    }
    let bytes = value.as_bytes();
    let Some((scheme, token)) = bytes.split_at_checked(7) else { return Ok(None) };
    Ok(scheme.eq_ignore_ascii_case(b"bearer ").then_some(token))
}

fn too_fast() -> Problem {
    Problem::new(Code::TooFast, "ask more slowly: 100 requests a second, 1,000 at once")
        .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

/// One text for unknown, revoked, expired and mistyped keys.
fn refused(too_many: bool) -> Problem {
    if too_many {
        let seconds = HeaderValue::from(WINDOW_SECONDS);
        return Problem::new(Code::TooManyBadKeys, "wait a minute and use a good key")
            .header(header::RETRY_AFTER, seconds);
    }
    unauthenticated("the key is not known, not valid any more, or mistyped", true)
}

fn unauthenticated(detail: &str, shown: bool) -> Problem {
    let challenge = if shown {
        "Bearer realm=\"countersign\", error=\"invalid_token\""
    } else {
        "Bearer realm=\"countersign\""
    };
    Problem::new(Code::Unauthenticated, detail)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
