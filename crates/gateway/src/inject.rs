//! Inject: opens the sealed credential for this one call. Memory is wiped when the call is over.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use store::Credential;
use vault::{EchoNeedles, Keyring, OpenError, Place, Prepared, Secret};

use crate::refusal::Refusal;
use crate::snapshot::ServerEntry;

/// The sealed credential of a server, ready to be opened for one call after the other. What it
/// holds stays sealed until then.
pub(crate) struct SealedHeaders(Vec<(HeaderName, Result<Prepared, OpenError>)>);

/// The credential in hand: headers for the upstream, and what to look for in its answers.
pub(crate) struct Injected {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) needles: Option<EchoNeedles>,
}

impl std::fmt::Debug for Injected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Injected([redacted])")
    }
}

impl SealedHeaders {
    /// Gets the credential of a server ready. One that will not open is kept as such: the calls
    /// that need it are refused.
    pub(crate) fn of(keyring: &Keyring, org: &str, credential: &Credential) -> Self {
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
        Self(headers.collect())
    }
}

/// The value of a header, wiped when the last holder lets go of it.
struct Value(Arc<Secret>);

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// Opens the credential of a server. A server without one gets none.
pub(crate) fn credential(server: &ServerEntry) -> Result<Injected, Refusal> {
    let Some(SealedHeaders(sealed)) = &server.credential else {
        return Ok(Injected { headers: Vec::new(), needles: None });
    };
    let mut headers = Vec::with_capacity(sealed.len());
    let mut values = Vec::with_capacity(sealed.len());
    for (name, sealed) in sealed {
        let opened = sealed.as_ref().map_err(|error| *error).and_then(Prepared::open);
        let secret = opened.map_err(|error| {
            tracing::error!(server = %server.id, %error, "a credential does not open");
            Refusal::Sealed
        })?;
        let secret = Arc::new(secret);
        let bytes = Bytes::from_owner(Value(secret.clone()));
        values.push(secret);
        let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| Refusal::Sealed)?;
        value.set_sensitive(true);
        headers.push((name.clone(), value));
    }
    let needles = EchoNeedles::new(values.iter().map(Arc::as_ref));
    Ok(Injected { headers, needles: Some(needles) })
}
