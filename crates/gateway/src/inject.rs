//! Inject: opens the sealed credential for this one call. Memory is wiped when the call is over.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use store::Credential;
use vault::{EchoNeedles, Keyring, OpenError, Place, Prepared, Secret};

use crate::authenticate::Caller;
use crate::refusal::Refusal;
use crate::road::Gateway;
use crate::snapshot::ServerEntry;
use crate::tokens::OAuthEntry;

/// The sealed credential of a server, ready to be opened for one call after the other. What it
/// holds stays sealed until then.
pub(crate) enum Sealed {
    /// Header values.
    Headers(Vec<(HeaderName, Result<Prepared, OpenError>)>),
    /// An OAuth client, whose connections hold the tokens.
    OAuth(Arc<OAuthEntry>),
}

/// The credential in hand: headers for the upstream, and what to look for in its answers.
pub(crate) struct Injected {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) needles: Option<EchoNeedles>,
    /// Which token it is, if another can be got.
    pub(crate) token: Option<Token>,
}

/// Which token was injected.
pub(crate) struct Token {
    entry: Arc<OAuthEntry>,
    identity: String,
    generation: i64,
}

impl std::fmt::Debug for Injected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Injected([redacted])")
    }
}

impl Sealed {
    /// Gets the header values of a server ready. One that will not open is kept as such: the calls
    /// that need it are refused.
    pub(crate) fn headers(keyring: &Keyring, org: &str, credential: &Credential) -> Self {
        let headers = credential.headers.iter().map(|(name, sealed)| {
            let place = Place {
                org,
                table: "credentials",
                record: credential.id.as_str(),
                field: name,
                generation: u64::try_from(credential.generation).unwrap_or_default(),
            };
            match name.parse() {
                Ok(header) => (header, keyring.prepare(&place, sealed)),
                // No header can have this name, so nothing can be sent under it.
                Err(_) => (HeaderName::from_static("unusable"), Err(OpenError::NotOpened)),
            }
        });
        Self::Headers(headers.collect())
    }
}

/// The value of a header, wiped when the last holder lets go of it.
struct Value(Arc<Secret>);

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// Opens the credential of a server, for a call of this identity. A server without one gets none.
pub(crate) async fn credential(
    gateway: &Gateway,
    server: &ServerEntry,
    identity: &str,
) -> Result<Injected, Refusal> {
    match &server.credential {
        None => Ok(Injected { headers: Vec::new(), needles: None, token: None }),
        Some(Sealed::Headers(sealed)) => headers(server, sealed),
        // Boxed: it would make the future of every call larger.
        Some(Sealed::OAuth(entry)) => Box::pin(bearer(gateway, entry, identity, None)).await,
    }
}

/// The same for a call of this caller.
pub(crate) async fn for_caller(gateway: &Gateway, caller: &Caller) -> Result<Injected, Refusal> {
    credential(gateway, &caller.attached.server, &caller.grant.identity).await
}

/// Gets another token instead of one that the upstream refused.
pub(crate) async fn instead_of(gateway: &Gateway, token: Token) -> Result<Injected, Refusal> {
    Box::pin(bearer(gateway, &token.entry, &token.identity, Some(token.generation))).await
}

/// What is said of an upstream that refused a request, with this token in it if there was one.
pub(crate) async fn refused(
    gateway: &Gateway,
    token: Option<&Token>,
    headers: &http::HeaderMap,
) -> Refusal {
    match token {
        Some(Token { entry, identity, .. }) => {
            Box::pin(crate::tokens::refused(gateway, entry, identity, headers)).await
        }
        None => Refusal::UpstreamAuth,
    }
}

async fn bearer(
    gateway: &Gateway,
    entry: &Arc<OAuthEntry>,
    identity: &str,
    refused: Option<i64>,
) -> Result<Injected, Refusal> {
    let got = match refused {
        None => gateway.tokens.bearer(gateway, entry, identity).await,
        Some(refused) => gateway.tokens.instead_of(gateway, entry, identity, refused).await,
    };
    let bearer = got.map_err(|failed| failed.refusal(gateway, entry, identity))?;
    let (secret, value) = header_value(bearer.value)?;
    let token = Token {
        entry: Arc::clone(entry),
        identity: identity.to_owned(),
        generation: bearer.generation,
    };
    Ok(Injected {
        headers: vec![(http::header::AUTHORIZATION, value)],
        needles: Some(EchoNeedles::new([secret.as_ref()])),
        token: Some(token),
    })
}

fn headers(
    server: &ServerEntry,
    sealed: &[(HeaderName, Result<Prepared, OpenError>)],
) -> Result<Injected, Refusal> {
    let mut headers = Vec::with_capacity(sealed.len());
    let mut values = Vec::with_capacity(sealed.len());
    for (name, sealed) in sealed {
        let opened = sealed.as_ref().map_err(|error| *error).and_then(Prepared::open);
        let secret = opened.map_err(|error| {
            tracing::error!(server = %server.id, %error, "a credential does not open");
            Refusal::Sealed
        })?;
        let (secret, value) = header_value(secret)?;
        values.push(secret);
        headers.push((name.clone(), value));
    }
    let needles = EchoNeedles::new(values.iter().map(Arc::as_ref));
    Ok(Injected { headers, needles: Some(needles), token: None })
}

/// A header that is wiped with the last holder of its value.
fn header_value(secret: Secret) -> Result<(Arc<Secret>, HeaderValue), Refusal> {
    let secret = Arc::new(secret);
    let bytes = Bytes::from_owner(Value(secret.clone()));
    let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| Refusal::Sealed)?;
    value.set_sensitive(true);
    Ok((secret, value))
}
