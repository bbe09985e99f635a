//! Who asks before anybody knows who they are: the address, the headers, the site they see us as.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, header};
use store::{Moment, StrangerRefusal};
use url::Url;

use super::webauthn::Party;
use crate::Control;
use crate::arrival::Arrival;
use crate::operator;
use crate::problem::{Code, Problem};

/// Somebody who asks, not known yet.
pub(crate) struct Asking {
    /// Where from. Requests that came by no connection count together.
    pub(crate) address: IpAddr,
    pub(crate) headers: HeaderMap,
    pub(crate) now: Moment,
    /// The method and the template of the route.
    asked: String,
}

impl FromRequestParts<Control> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, Problem> {
        let address = parts.extensions.get::<Arrival>().map(|arrival| arrival.from);
        Ok(Self {
            address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            headers: parts.headers.clone(),
            now: control.clock.now(),
            asked: operator::asked(parts),
        })
    }
}

impl Asking {
    /// Takes the turn of a sign-in attempt for this account.
    pub(crate) fn attempt(&self, control: &Control, account: &str) -> Result<(), Problem> {
        let throttle = &control.inner.sign_in.throttle;
        throttle.attempt(account, self.address, self.now).map_err(|seconds| {
            self.turned_away(control, "sign_in_throttled");
            Problem::new(
                Code::TooManySignIns,
                format!("too many sign-ins failed: try again in {seconds} seconds"),
            )
            .header(header::RETRY_AFTER, seconds.into())
        })
    }

    /// Counts somebody who was turned away.
    pub(crate) fn turned_away(&self, control: &Control, reason: &'static str) {
        control.store.refused(StrangerRefusal {
            at: self.now,
            address: self.address.to_canonical().to_string(),
            reason,
            asked: self.asked.clone(),
            count: 1,
            ..StrangerRefusal::default()
        });
    }

    /// Where we are, as the browser sees us: scheme and host.
    pub(crate) fn base(&self, control: &Control) -> Result<String, Problem> {
        let host = self.host()?;
        let public = control.public_url.as_deref().and_then(|text| Url::parse(text).ok());
        if let Some(public) = public
            && public.host_str().is_some_and(|name| name.eq_ignore_ascii_case(host.host()))
        {
            return Ok(public.origin().ascii_serialization());
        }
        Ok(format!("http://{host}"))
    }

    /// The site that passkeys belong to here. They need a name that stays: an address is none.
    pub(crate) fn party(&self, control: &Control) -> Result<Party, Problem> {
        let host = self.host()?;
        let origin = self.base(control)?;
        let id = host.host().to_ascii_lowercase();
        if id == "localhost" || origin.starts_with("https://") {
            return Ok(Party { id, origin });
        }
        Err(Problem::new(
            Code::NoPasskeysHere,
            "passkeys belong to a name: open the dashboard as http://localhost, or under \
             `control.public_url` over https",
        ))
    }

    fn host(&self) -> Result<Authority, Problem> {
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.and_then(|host| host.parse().ok())
            .ok_or_else(|| Problem::new(Code::BadRequest, "there is no valid Host header"))
    }
}
