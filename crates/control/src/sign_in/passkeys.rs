//! Passkeys: registering one, signing in with one, proving oneself afresh with one, taking one away.
//!
//! Each exchange has two halves. The first hands out a challenge; the second brings the browser's
//! answer, which is looked at once, whatever it is worth.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Member, MemberId, Passkey, PasskeyDraft, PasskeyId, SignInMethod};
use utoipa::ToSchema;
use vault::{OsRandom, Randomness as _};

use super::cookie;
use super::party::Asking;
use super::session::{self, SessionOut};
use super::webauthn::{self, NoProof, Party, Said};
use crate::body::Unread;
use crate::operator::Operator;
use crate::page::List;
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, time};

const CHALLENGE_BYTES: usize = 32;
/// How long the browser may ask the person, in milliseconds.
const TIMEOUT_MS: u32 = 5 * 60 * 1000;

/// What a challenge was handed out for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Challenged {
    /// Somebody signs in; who, the passkey says.
    SignIn(Party),
    /// A member proves themselves afresh.
    Fresh(Party, MemberId),
    /// A member registers a passkey.
    Register(Party, MemberId),
}

/// What `navigator.credentials.get` takes, as `PublicKeyCredential.parseRequestOptionsFromJSON`
/// reads it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestOptions {
    #[serde(rename = "publicKey")]
    public_key: RequestOptionsInner,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestOptionsInner {
    challenge: String,
    #[serde(rename = "rpId")]
    rp_id: String,
    timeout: u32,
    #[serde(rename = "userVerification")]
    user_verification: &'static str,
    #[serde(rename = "allowCredentials")]
    allow_credentials: Vec<Descriptor>,
}

/// What `navigator.credentials.create` takes, as `PublicKeyCredential.parseCreationOptionsFromJSON`
/// reads it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreationOptions {
    #[serde(rename = "publicKey")]
    public_key: CreationOptionsInner,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreationOptionsInner {
    challenge: String,
    rp: Site,
    user: User,
    #[serde(rename = "pubKeyCredParams")]
    pub_key_cred_params: Vec<Parameter>,
    timeout: u32,
    attestation: &'static str,
    #[serde(rename = "excludeCredentials")]
    exclude_credentials: Vec<Descriptor>,
    #[serde(rename = "authenticatorSelection")]
    authenticator_selection: Selection,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Site {
    id: String,
    name: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    id: String,
    name: String,
    #[serde(rename = "displayName")]
    display_name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Parameter {
    #[serde(rename = "type")]
    kind: &'static str,
    alg: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Descriptor {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Selection {
    #[serde(rename = "residentKey")]
    resident_key: &'static str,
    #[serde(rename = "requireResidentKey")]
    require_resident_key: bool,
    #[serde(rename = "userVerification")]
    user_verification: &'static str,
}

/// A browser's answer to a sign-in, as `PublicKeyCredential.toJSON` writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofIn {
    credential: Assertion,
}

/// Browsers add members of their own here; they are not looked at.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Assertion {
    #[serde(rename = "rawId")]
    raw_id: String,
    response: AssertionResponse,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle")]
    user_handle: Option<String>,
}

/// A browser's answer to a registration, as `PublicKeyCredential.toJSON` writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyIn {
    /// What you call it.
    label: String,
    credential: Attestation,
}

/// Browsers add members of their own here; they are not looked at.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Attestation {
    response: AttestationResponse,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
}

/// A passkey of yours.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PasskeyOut {
    id: String,
    label: String,
    /// Whether copies of it are kept elsewhere, as password managers do.
    backed_up: bool,
    created_at: String,
    used_at: Option<String>,
}

impl PasskeyOut {
    fn of(passkey: &Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            label: passkey.label.clone(),
            backed_up: passkey.backed_up,
            created_at: time::write(passkey.created_at),
            used_at: passkey.used_at.map(time::write),
        }
    }
}

/// Begins a sign-in with a passkey.
#[utoipa::path(
    post, path = "/sign-in/passkey/begin", tag = "session", operation_id = "sign_in_passkey_begin",
    responses((status = 200, body = RequestOptions), (status = "4XX", body = ProblemBody)),
)]
pub(crate) async fn begin(
    State(control): State<Control>,
    asking: Asking,
    body: Unread,
) -> Result<Json<RequestOptions>, Problem> {
    cookie::same_site(&http::Method::GET, &asking.headers)?;
    cookie::keeps_cookies(&asking.headers)?;
    body.read_nothing().await?;
    let party = asking.party(&control)?;
    let challenge = challenge(&control, &asking, Challenged::SignIn(party.clone()))?;
    Ok(Json(request(challenge, party, &[])))
}

/// Finishes a sign-in with a passkey. The answer sets the cookie of the session.
#[utoipa::path(
    post, path = "/sign-in/passkey/finish", tag = "session", operation_id = "sign_in_passkey",
    request_body = ProofIn,
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
)]
pub(crate) async fn finish(
    State(control): State<Control>,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    cookie::same_site(&http::Method::GET, &asking.headers)?;
    cookie::keeps_cookies(&asking.headers)?;
    let given: ProofIn = body.read().await?;
    let challenged = |challenged| match challenged {
        Challenged::SignIn(party) => Some(party),
        Challenged::Fresh(..) | Challenged::Register(..) => None,
    };
    let member = prove(&control, &asking, &given.credential, challenged).await?;
    let method = SignInMethod::Passkey;
    let (session, token) = session::open(&control, &asking, &member, method, asking.now).await?;
    session::answer(&control, &member, &session, &token).await
}

/// Begins proving afresh who you are, with a passkey of yours.
#[utoipa::path(
    post, path = "/session/fresh/passkey/begin", tag = "session",
    operation_id = "session_prove_passkey_begin",
    responses((status = 200, body = RequestOptions), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn fresh_begin(
    State(control): State<Control>,
    who: Operator,
    asking: Asking,
    body: Unread,
) -> Result<Json<RequestOptions>, Problem> {
    let by = who.may(Action::Own)?;
    by.needs_session()?;
    body.read_nothing().await?;
    let party = asking.party(&control)?;
    let own = control.store.passkeys(by.org(), &by.member().id).await?;
    let member = by.member().id.clone();
    let challenge = challenge(&control, &asking, Challenged::Fresh(party.clone(), member))?;
    Ok(Json(request(challenge, party, &own)))
}

/// Finishes proving afresh who you are. The session goes on under a new cookie.
#[utoipa::path(
    post, path = "/session/fresh/passkey/finish", tag = "session",
    operation_id = "session_prove_passkey",
    request_body = ProofIn,
    responses((status = 200, body = SessionOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn fresh_finish(
    State(control): State<Control>,
    who: Operator,
    asking: Asking,
    body: Unread,
) -> Result<Response, Problem> {
    let by = who.may(Action::Own)?;
    let session = by.needs_session()?;
    let given: ProofIn = body.read().await?;
    let own = &by.member().id;
    let challenged = |challenged| match challenged {
        Challenged::Fresh(party, member) if member == *own => Some(party),
        _ => None,
    };
    let member = prove(&control, &asking, &given.credential, challenged).await?;
    if member.id != *own {
        return Err(refused(&control, &asking, "another member's passkey"));
    }
    let proved = control.store.session_prove(&by.by(), &session.id, SignInMethod::Passkey).await?;
    session::answer(&control, by.member(), &proved.0, &proved.1).await
}

/// Your passkeys, oldest first.
#[utoipa::path(
    get, path = "/me/passkeys", tag = "session", operation_id = "me_passkeys_list",
    responses((status = 200, body = List<PasskeyOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn list(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<List<PasskeyOut>>, Problem> {
    let by = who.may(Action::Own)?;
    let own = control.store.passkeys(by.org(), &by.member().id).await?;
    Ok(Json(List { items: own.iter().map(PasskeyOut::of).collect(), next: None }))
}

/// Begins registering a passkey. You must have proved lately who you are.
#[utoipa::path(
    post, path = "/me/passkeys/begin", tag = "session", operation_id = "me_passkeys_begin",
    responses((status = 200, body = CreationOptions), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn register_begin(
    State(control): State<Control>,
    who: Operator,
    asking: Asking,
    body: Unread,
) -> Result<Json<CreationOptions>, Problem> {
    let by = who.may(Action::Own)?;
    by.fresh_in_person()?;
    body.read_nothing().await?;
    let party = asking.party(&control)?;
    let member = by.member();
    let own = control.store.passkeys(by.org(), &member.id).await?;
    let what = Challenged::Register(party.clone(), member.id.clone());
    let challenge = challenge(&control, &asking, what)?;
    let kinds = webauthn::ALGORITHMS.iter();
    Ok(Json(CreationOptions {
        public_key: CreationOptionsInner {
            challenge,
            rp: Site { id: party.id, name: "Countersign" },
            user: User {
                id: webauthn::encode(member.id.as_str().as_bytes()),
                name: member.email.clone(),
                display_name: member.name.clone(),
            },
            pub_key_cred_params: kinds
                .map(|alg| Parameter { kind: "public-key", alg: *alg })
                .collect(),
            timeout: TIMEOUT_MS,
            attestation: "none",
            exclude_credentials: own.iter().map(descriptor).collect(),
            authenticator_selection: Selection {
                resident_key: "required",
                require_resident_key: true,
                user_verification: "required",
            },
        },
    }))
}

/// Registers a passkey.
#[utoipa::path(
    post, path = "/me/passkeys", tag = "session", operation_id = "me_passkeys_create",
    request_body = PasskeyIn,
    responses((status = 201, body = PasskeyOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn register(
    State(control): State<Control>,
    who: Operator,
    asking: Asking,
    body: Unread,
) -> Result<(StatusCode, Json<PasskeyOut>), Problem> {
    let by = who.may(Action::Own)?;
    by.fresh_in_person()?;
    let given: PasskeyIn = body.read().await?;
    let response = &given.credential.response;
    let client_data = part("/credential/response/clientDataJSON", &response.client_data_json)?;
    let object = part("/credential/response/attestationObject", &response.attestation_object)?;
    let challenge = webauthn::challenge_of(&client_data).unwrap_or_default();
    let begun = control.inner.sign_in.challenges.answer(&challenge, asking.now);
    let Some(Challenged::Register(party, member)) = begun else { return Err(no_challenge()) };
    if member != by.member().id {
        return Err(no_challenge());
    }
    let said = Said { client_data: &client_data, data: &object };
    let made = webauthn::made(&party, &challenge, said).map_err(|why| {
        tracing::warn!(%why, "a passkey was not registered");
        Problem::field("/credential", "not_a_passkey", format!("it was not taken: {why}"))
    })?;
    let draft = PasskeyDraft {
        label: given.label,
        credential_id: made.credential_id,
        public_key: made.public_key,
        counter: made.counter,
        backed_up: made.backed_up,
    };
    let passkey = control.store.passkey_add(&by.by(), &by.member().id, draft).await?;
    Ok((StatusCode::CREATED, Json(PasskeyOut::of(&passkey))))
}

/// Takes a passkey of yours away.
#[utoipa::path(
    delete, path = "/me/passkeys/{id}", tag = "session", operation_id = "me_passkeys_delete",
    params(("id" = String, Path, description = "Id of the passkey")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"]), ("session" = ["viewer"])),
)]
pub(crate) async fn remove(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::Own)?;
    by.fresh_in_person()?;
    control.store.passkey_remove(&by.by(), &by.member().id, &PasskeyId::from(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands out a challenge and remembers what for.
fn challenge(control: &Control, asking: &Asking, what: Challenged) -> Result<String, Problem> {
    let mut bytes = vec![0; CHALLENGE_BYTES];
    let dry = |_| Problem::new(Code::Internal, "there is no randomness");
    OsRandom.fill(&mut bytes).map_err(dry)?;
    let text = webauthn::encode(&bytes);
    control.inner.sign_in.challenges.begin(bytes, what, asking.address, asking.now);
    Ok(text)
}

fn request(challenge: String, party: Party, allowed: &[Passkey]) -> RequestOptions {
    RequestOptions {
        public_key: RequestOptionsInner {
            challenge,
            rp_id: party.id,
            timeout: TIMEOUT_MS,
            user_verification: "required",
            allow_credentials: allowed.iter().map(descriptor).collect(),
        },
    }
}

fn descriptor(passkey: &Passkey) -> Descriptor {
    Descriptor { kind: "public-key", id: webauthn::encode(&passkey.credential_id) }
}

/// The member whose passkey answered a challenge of ours that was handed out for this.
async fn prove(
    control: &Control,
    asking: &Asking,
    answer: &Assertion,
    wanted: impl FnOnce(Challenged) -> Option<Party>,
) -> Result<Member, Problem> {
    let response = &answer.response;
    let client_data = part("/credential/response/clientDataJSON", &response.client_data_json)?;
    let data = part("/credential/response/authenticatorData", &response.authenticator_data)?;
    let signature = part("/credential/response/signature", &response.signature)?;
    let id = part("/credential/rawId", &answer.raw_id)?;
    let challenge = webauthn::challenge_of(&client_data).unwrap_or_default();
    let begun = control.inner.sign_in.challenges.answer(&challenge, asking.now);
    let party = begun.and_then(wanted).ok_or_else(no_challenge)?;

    let org = control.store.organisation();
    let Some((passkey, member)) = control.store.passkey_of(&org, &id).await? else {
        return Err(refused(control, asking, "nobody's passkey"));
    };
    // The authenticator says whose the passkey is; that must be who we know it to be.
    let handle = response.user_handle.as_deref().map(webauthn::decode);
    if handle.is_some_and(|handle| handle.as_deref() != Some(member.id.as_str().as_bytes())) {
        return Err(refused(control, asking, "a passkey that names another member"));
    }
    let said = Said { client_data: &client_data, data: &data };
    let (key, counter) = (&passkey.public_key, passkey.counter);
    let proved = webauthn::proved(&party, &challenge, said, &signature, key, counter);
    let proved = match proved {
        Ok(proved) => proved,
        Err(NoProof::Counter) => {
            tracing::warn!(passkey = %passkey.id, member = %member.id, "a passkey's counter went back: there may be a copy of it");
            asking.turned_away(control, "sign_in_passkey_counter");
            return Err(no_proof());
        }
        Err(why) => return Err(refused(control, asking, &why.to_string())),
    };
    let (counter, backed_up) = (proved.counter, proved.backed_up);
    control.store.passkey_used(&org, &passkey.id, counter, backed_up, asking.now).await?;
    Ok(member)
}

fn refused(control: &Control, asking: &Asking, why: &str) -> Problem {
    tracing::info!(why, "a passkey was no proof");
    asking.turned_away(control, "sign_in_passkey");
    no_proof()
}

/// One text for a passkey nobody has and one that proves nothing.
fn no_proof() -> Problem {
    Problem::new(Code::SignInFailed, "this passkey does not let anybody in here")
}

fn no_challenge() -> Problem {
    Problem::new(Code::Gone, "this takes too long, or was answered before: begin again")
}

fn part(pointer: &str, text: &str) -> Result<Vec<u8>, Problem> {
    let message = "must be base64url without padding";
    webauthn::decode(text).ok_or_else(|| Problem::field(pointer, "invalid_value", message))
}
