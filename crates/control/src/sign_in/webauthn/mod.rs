//! Passkeys: whether a browser's answer to our challenge is what WebAuthn Level 3 asks of it
//! (§7.1 and §7.2), for the narrow profile that is used here.
//!
//! Attestation is neither asked for nor looked at: a passkey proves that it is the one that was
//! registered, not who built it. The person must have been verified by the authenticator (a
//! fingerprint, a face, a code), because here a passkey stands alone, with no password beside it.
//!
//! Pure functions over bytes: challenges are remembered elsewhere, passkeys kept in the store.

mod cbor;
mod key;

#[cfg(test)]
mod tests;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use json::Limits;

use self::cbor::Value;
use self::key::PublicKey;

/// The algorithms offered, by their COSE numbers.
pub(crate) const ALGORITHMS: [i64; 3] = key::ALGORITHMS;
/// The longest id of a credential that the standard allows.
const CREDENTIAL_ID_MAX: usize = 1023;
/// The longest client data or attestation object that is looked at.
const PART_BYTES_MAX: usize = 64 * 1024;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const MAY_BE_BACKED_UP: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// Where passkeys are good: the site they belong to and the page that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    /// The relying party's id: a host name.
    pub(crate) id: String,
    /// The origin of the pages: scheme, host and port.
    pub(crate) origin: String,
}

/// What a browser says about an exchange, decoded from base64url.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    /// `clientDataJSON`, byte for byte.
    pub(crate) client_data: &'a [u8],
    /// The attestation object, or the authenticator's data.
    pub(crate) data: &'a [u8],
}

/// A passkey that was just made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) credential_id: Vec<u8>,
    /// The public key as COSE writes it.
    pub(crate) public_key: Vec<u8>,
    pub(crate) counter: u32,
    /// Whether copies of it are kept elsewhere, as password managers do.
    pub(crate) backed_up: bool,
}

/// A passkey that proved itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    pub(crate) counter: u32,
    pub(crate) backed_up: bool,
}

/// Why an answer is no proof. For the log; strangers are told the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoProof {
    #[error("the client data cannot be read")]
    ClientData,
    #[error("the client data is of another kind of exchange")]
    Kind,
    #[error("the challenge is another one")]
    Challenge,
    #[error("the page is of another origin")]
    Origin,
    #[error("the authenticator's data cannot be read")]
    Data,
    #[error("the passkey is of another site")]
    Site,
    #[error("the person was not verified by the authenticator")]
    NotVerified,
    #[error("the key is of a kind that is not taken")]
    Key,
    #[error("the signature is not the passkey's")]
    Signature,
    #[error("the counter went back: there may be a copy of the authenticator")]
    Counter,
}

/// The challenge that an answer answers, before anything else of it is believed.
pub(crate) fn challenge_of(client_data: &[u8]) -> Option<Vec<u8>> {
    let said = read_client_data(client_data)?;
    decode(said.as_object()?.get("challenge")?.as_str()?)
}

/// Judges the answer to a registration.
pub(crate) fn made(party: &Party, challenge: &[u8], said: Said<'_>) -> Result<Made, NoProof> {
    judge_client_data(party, "webauthn.create", challenge, said.client_data)?;
    if said.data.len() > PART_BYTES_MAX {
        return Err(NoProof::Data);
    }
    let object = cbor::read_all(said.data).ok_or(NoProof::Data)?;
    let data = object.named("authData").and_then(Value::bytes).ok_or(NoProof::Data)?;
    let data = Data::read(data).ok_or(NoProof::Data)?;
    data.judge(party)?;
    let (credential_id, public_key) = data.credential.ok_or(NoProof::Data)?;
    PublicKey::read(public_key).ok_or(NoProof::Key)?;
    Ok(Made {
        credential_id: credential_id.to_vec(),
        public_key: public_key.to_vec(),
        counter: data.counter,
        backed_up: data.flags & BACKED_UP != 0,
    })
}

/// Judges the answer to a sign-in with a passkey whose key and counter are known.
pub(crate) fn proved(
    party: &Party,
    challenge: &[u8],
    said: Said<'_>,
    signature: &[u8],
    public_key: &[u8],
    counter: u32,
) -> Result<Proved, NoProof> {
    judge_client_data(party, "webauthn.get", challenge, said.client_data)?;
    let data = Data::read(said.data).ok_or(NoProof::Data)?;
    data.judge(party)?;
    let signed = [said.data, digest(&SHA256, said.client_data).as_ref()].concat();
    let key = PublicKey::read(public_key).ok_or(NoProof::Key)?;
    if !key.signed(&signed, signature) {
        return Err(NoProof::Signature);
    }
    // Authenticators that do not count say 0 for ever; one that counts never says less.
    if (data.counter > 0 || counter > 0) && data.counter <= counter {
        return Err(NoProof::Counter);
    }
    Ok(Proved { counter: data.counter, backed_up: data.flags & BACKED_UP != 0 })
}

/// Bytes as WebAuthn's JSON writes them.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads bytes as WebAuthn's JSON writes them.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > 2 * PART_BYTES_MAX {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn read_client_data(bytes: &[u8]) -> Option<json::Value> {
    if bytes.len() > PART_BYTES_MAX {
        return None;
    }
    json::read(bytes, Limits { depth: 8, members: 64, exact: true }).ok()
}

fn judge_client_data(
    party: &Party,
    kind: &str,
    challenge: &[u8],
    bytes: &[u8],
) -> Result<(), NoProof> {
    let said = read_client_data(bytes).ok_or(NoProof::ClientData)?;
    let said = said.as_object().ok_or(NoProof::ClientData)?;
    let text = |name: &str| said.get(name).and_then(json::Value::as_str).unwrap_or_default();
    if text("type") != kind {
        return Err(NoProof::Kind);
    }
    if text("challenge") != encode(challenge) {
        return Err(NoProof::Challenge);
    }
    let framed = said.get("crossOrigin").is_some_and(|framed| *framed != json::Value::Bool(false));
    if text("origin") != party.origin || framed || said.get("topOrigin").is_some() {
        return Err(NoProof::Origin);
    }
    Ok(())
}

/// An authenticator's data, taken apart.
struct Data<'a> {
    site: &'a [u8],
    flags: u8,
    counter: u32,
    /// The id and the COSE key of a new credential.
    credential: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Data<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (site, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (_aaguid, after) = rest.split_at_checked(16)?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (id, after) = after.split_at_checked(length)?;
            if id.is_empty() || id.len() > CREDENTIAL_ID_MAX {
                return None;
            }
            let (_, behind) = cbor::read(after)?;
            let key = after.get(..after.len() - behind.len())?;
            credential = Some((id, key));
            rest = behind;
        }
        if flags & HAS_EXTENSIONS != 0 {
            let (extensions, behind) = cbor::read(rest)?;
            matches!(extensions, Value::Map(_)).then_some(())?;
            rest = behind;
        }
        let counter = u32::from_be_bytes(*counter);
        rest.is_empty().then_some(Self { site, flags: *flags, counter, credential })
    }

    fn judge(&self, party: &Party) -> Result<(), NoProof> {
        if self.site != digest(&SHA256, party.id.as_bytes()).as_ref() {
            return Err(NoProof::Site);
        }
        let there = USER_PRESENT | USER_VERIFIED;
        if self.flags & there != there {
            return Err(NoProof::NotVerified);
        }
        // What is backed up without being able to be contradicts itself.
        if self.flags & BACKED_UP != 0 && self.flags & MAY_BE_BACKED_UP == 0 {
            return Err(NoProof::Data);
        }
        Ok(())
    }
}
