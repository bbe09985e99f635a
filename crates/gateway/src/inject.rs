//! Inject: opens the sealed credential for this one call. Memory is wiped when the call is over.

use http::{HeaderName, HeaderValue};
use vault::{EchoNeedles, Keyring, Place};

use crate::refusal::Refusal;
use crate::snapshot::ServerEntry;

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

/// Opens the credential of a server. A server without one gets none.
pub(crate) fn credential(keyring: &Keyring, server: &ServerEntry) -> Result<Injected, Refusal> {
    let Some(credential) = &server.credential else {
        return Ok(Injected { headers: Vec::new(), needles: None });
    };
    let mut headers = Vec::with_capacity(credential.headers.len());
    let mut secrets = Vec::with_capacity(credential.headers.len());
    for (name, sealed) in &credential.headers {
        let place = Place {
            org: server.org.as_str(),
            table: "credentials",
            record: credential.id.as_str(),
            field: name,
            generation: u64::try_from(credential.generation).unwrap_or_default(),
        };
        let secret = keyring.open(&place, sealed).map_err(|error| {
            tracing::error!(server = %server.id, %error, "a credential does not open");
            Refusal::Sealed
        })?;
        let name: HeaderName = name.parse().map_err(|_| Refusal::Sealed)?;
        let mut value = HeaderValue::from_bytes(secret.expose()).map_err(|_| Refusal::Sealed)?;
        value.set_sensitive(true);
        headers.push((name, value));
        secrets.push(secret);
    }
    let needles = EchoNeedles::new(&secrets);
    Ok(Injected { headers, needles: Some(needles) })
}
