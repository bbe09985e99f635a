//! Who asks, and that they may: a key makes an [`Operator`], a checked role makes an
//! [`Authorized`], and only that makes the [`By`] without which nothing changes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use store::{ApiKey, By, Moment, OrgId};
use vault::{Token, TokenKind};

use crate::Control;
use crate::arrival::Arrival;
use crate::problem::{Code, Problem};
use crate::roles::{self, Action};
use crate::strangers::WINDOW_SECONDS;

/// Somebody with a good key. What they may do is not known yet.
pub(crate) struct Operator {
    key: ApiKey,
    token: Arc<Token>,
    address: Option<IpAddr>,
    now: Moment,
}

/// Somebody who may do the one thing they asked for.
pub(crate) struct Authorized {
    key: ApiKey,
    token: Arc<Token>,
    address: Option<IpAddr>,
    now: Moment,
}

impl Operator {
    /// Checks the role.
    pub(crate) fn may(self, action: Action) -> Result<Authorized, Problem> {
        let Self { key, token, address, now } = self;
        let needed = roles::minimum(action);
        if key.role < needed {
            let detail = format!(
                "this needs the role {}, the key has the role {}",
                needed.as_str(),
                key.role.as_str()
            );
            return Err(Problem::new(Code::Forbidden, detail));
        }
        Ok(Authorized { key, token, address, now })
    }
}

impl Authorized {
    /// The organisation everything is read from and written to.
    pub(crate) fn org(&self) -> &OrgId {
        &self.key.org
    }

    /// The moment the request is answered at.
    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// Who changes something, for the record.
    pub(crate) fn by(&self) -> By {
        By {
            org: self.key.org.clone(),
            key: Some(self.key.id.clone()),
            name: self.key.label.clone(),
            address: self.address.map(|address| address.to_string()),
            at: self.now,
        }
    }

    /// Whether the key is still good: for answers that last.
    pub(crate) async fn still(&self, control: &Control) -> bool {
        let key = control.store.api_key_of(&self.token, control.clock.now()).await;
        matches!(key, Ok(Some(key)) if key.id == self.key.id && key.role >= self.key.role)
    }
}

impl FromRequestParts<Control> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, Problem> {
        let now = control.clock.now();
        let address = parts.extensions.get::<Arrival>().map(|arrival| arrival.peer.ip());
        // Requests that came by no connection (a router used without `serve`) count together.
        let counted = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let strangers = &control.inner.strangers;

        let Some(shown) = bearer(&parts.headers)? else {
            return Err(unauthenticated(
                "send an API key as `Authorization: Bearer csk1_…`",
                false,
            ));
        };
        let Ok(token) = Token::parse(TokenKind::ApiKey, shown) else {
            return Err(refused(strangers.bad(counted, now)));
        };
        match control.store.api_key_of(&token, now).await? {
            Some(key) => Ok(Self { key, token: Arc::new(token), address, now }),
            None => Err(refused(strangers.bad(counted, now))),
        }
    }
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
