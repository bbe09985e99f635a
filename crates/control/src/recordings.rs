//! What is recorded of calls beyond names: who may switch it on, what that means, questions about
//! fingerprints, and sealed records on their way out. No value is in any answer here.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{
    CallId, CaptureSetting, FingerprintAnswer, FingerprintKeyLine, OrgId, Recording,
    RecordingTerms, StoreError,
};
use utoipa::{IntoParams, ToSchema};
use vault::CaptureKey;

use crate::body::{Asked, Unread};
use crate::decode::Exact;
use crate::jsonl::{self, Lines};
use crate::operator::Operator;
use crate::page::List;
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, servers, time};

/// What fingerprints mean, for whoever switches them on.
const FINGERPRINTS_MEAN: &str = "The entry of each call will hold a keyed fingerprint of every \
    argument that the tool's accepted definition lists, and one of all of them. Whoever has the \
    log can tell that two calls had the same value at the same place. Whoever may ask this server \
    (an admin, each question on record) can try values until one fits: of a small domain, such as \
    an amount, a currency or a yes and no, that is every value. Once a key is destroyed nothing can \
    be asked of its fingerprints.";
/// What captures mean.
const CAPTURES_MEAN: &str = "Arguments, results, or both will rest in this server's database, \
    sealed to the public key that you give. This server cannot read them; whoever holds the private \
    key reads all of them, whatever people and agents put into them. Losing that key loses them. \
    A backup holds them too. They are removed by age, and an entry says so.";

/// The most bytes of a record where nothing is said.
const RECORD_BYTES: u32 = 65_536;
/// The longest name of an argument.
const NAME_BYTES_MAX: usize = 256;

/// What is kept of calls, sealed to a key whose other half is not here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaptureOut {
    /// The public key, as it was given.
    key: String,
    /// What tells it from others, as entries name it.
    key_id: String,
    arguments: bool,
    results: bool,
    /// The most bytes of one record before it is sealed; of a longer one the entry says that it is
    /// missing.
    bytes_max: u32,
}

/// What is recorded of a server's calls beyond names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingOut {
    fingerprints: bool,
    capture: Option<CaptureOut>,
    /// The tools that both are about; `null`: all.
    tools: Option<Vec<String>>,
    /// Whether `evidence.capture` of this machine's configuration lets anything be kept.
    capture_allowed: bool,
    /// What switching it on means, in a few sentences.
    means: Vec<&'static str>,
}

/// What is to be kept of calls.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureIn {
    /// The public key, as `countersign capture key` prints it.
    key: String,
    arguments: bool,
    results: bool,
    /// The most bytes of one record, 1,024 to 1,048,576; 65,536 when absent.
    #[schema(minimum = 1024, maximum = 1_048_576)]
    bytes_max: Option<u32>,
}

/// What is to be recorded of a server's calls beyond names: all of it, from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingIn {
    fingerprints: bool,
    /// `null`, or absent: nothing is kept.
    capture: Option<CaptureIn>,
    /// Only of these tools; `null`, or absent: of all.
    tools: Option<Vec<String>>,
    /// Must be `true` where more is recorded than before: `means` has been read.
    #[serde(default)]
    understood: bool,
}

/// How long what is recorded beyond names is kept, and how much of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingTermsBody {
    /// How often fingerprints get a new key, in days, 1 to 365.
    #[schema(minimum = 1, maximum = 365)]
    rotate_days: u32,
    /// How long a key is kept after that, in days, 1 to 3,650. Then it is destroyed.
    #[schema(minimum = 1, maximum = 3650)]
    fingerprint_days: u32,
    /// How long sealed records are kept, in days, 1 to 3,650.
    #[schema(minimum = 1, maximum = 3650)]
    capture_days: u32,
    /// The most room they take, in MiB, 1 to 1,048,576. Beyond it entries say `full`.
    #[schema(minimum = 1, maximum = 1_048_576)]
    capture_mib: u32,
}

/// A key of fingerprints: never the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FingerprintKeyOut {
    /// Its number, as entries name it.
    number: u32,
    /// `in_use`, `kept` (questions can be asked) or `destroyed`.
    state: &'static str,
    made_at: String,
    retired_at: Option<String>,
    destroyed_at: Option<String>,
}

/// Was this value in that call?
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FingerprintQuestion {
    /// The argument, by its name; absent: all arguments, as one object.
    argument: Option<String>,
    /// The value: numbers are equal by value (`1` is `1.0`), texts to the letter.
    #[schema(value_type = Object)]
    value: Exact,
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FingerprintAnswerOut {
    /// `yes`, `no`, `not_recorded` (the entry has no fingerprint of that) or `key_destroyed` (nobody
    /// can tell any more).
    answer: &'static str,
}

/// Which sealed records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CapturesQuery {
    /// Only of this call.
    call: Option<String>,
}

/// What is recorded of a server's calls beyond names.
#[utoipa::path(
    get, path = "/servers/{id}/recording", tag = "recording", operation_id = "recording_get",
    params(("id" = String, Path, description = "Id or slug of the server")),
    responses((status = 200, body = RecordingOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn get(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<RecordingOut>, Problem> {
    let by = who.may(Action::ServersRead)?;
    let server = servers::find(&control, &by, &id).await?.server;
    let recording = control.store.recording(by.org(), &server.id).await?;
    Ok(Json(out(&control, recording)))
}

fn out(control: &Control, recording: Recording) -> RecordingOut {
    let capture = recording.capture.map(|capture| CaptureOut {
        key_id: CaptureKey::parse(&capture.key).map_or_else(|_| String::new(), |key| key.id()),
        key: capture.key,
        arguments: capture.arguments,
        results: capture.results,
        bytes_max: capture.bytes_max,
    });
    RecordingOut {
        fingerprints: recording.fingerprints,
        capture,
        tools: recording.tools,
        capture_allowed: control.captures,
        means: vec![FINGERPRINTS_MEAN, CAPTURES_MEAN],
    }
}

/// Says what is recorded of a server's calls beyond names, from the next call on. Both kinds are off
/// until somebody switches them on, who says that they know what it means.
#[utoipa::path(
    put, path = "/servers/{id}/recording", tag = "recording", operation_id = "recording_set",
    params(("id" = String, Path, description = "Id or slug of the server")),
    request_body = RecordingIn,
    responses((status = 200, body = RecordingOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn set(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<RecordingOut>, Problem> {
    let by = who.may(Action::Recording)?;
    let server = servers::find(&control, &by, &id).await?.server;
    let RecordingIn { fingerprints, capture, tools, understood } = body.read().await?;
    if capture.is_some() && !control.captures {
        let detail = "nothing is kept here: `evidence.capture` is off";
        return Err(Problem::new(Code::NotAllowedHere, detail));
    }
    let capture = capture.map(setting).transpose()?;
    let after = Recording { fingerprints, capture, tools };
    let before = control.store.recording(by.org(), &server.id).await?;
    let more = means(&before, &after);
    if !understood && !more.is_empty() {
        let message = format!("set it to true if you want this: {}", more.join(" "));
        return Err(Problem::field("/understood", "not_understood", message));
    }
    control.store.recording_set(&by.by(), &server.id, after.clone()).await?;
    Ok(Json(out(&control, after)))
}

fn setting(given: CaptureIn) -> Result<CaptureSetting, Problem> {
    let key = CaptureKey::parse(given.key.trim())
        .map_err(|error| Problem::field("/capture/key", "invalid_value", error.to_string()))?;
    Ok(CaptureSetting {
        key: key.to_string(),
        arguments: given.arguments,
        results: given.results,
        bytes_max: given.bytes_max.unwrap_or(RECORD_BYTES),
    })
}

/// What a change means that records more than before.
fn means(before: &Recording, after: &Recording) -> Vec<&'static str> {
    let wider = match (&before.tools, &after.tools) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => after.iter().any(|tool| !before.contains(tool)),
    };
    let prints = after.fingerprints && (wider || !before.fingerprints);
    let captures = after.capture.as_ref().is_some_and(|after| {
        wider
            || before.capture.as_ref().is_none_or(|before| {
                before.key != after.key
                    || (after.arguments && !before.arguments)
                    || (after.results && !before.results)
            })
    });
    let both = [(prints, FINGERPRINTS_MEAN), (captures, CAPTURES_MEAN)];
    both.into_iter().filter_map(|(more, text)| more.then_some(text)).collect()
}

/// How long what is recorded beyond names is kept, and how much of it.
#[utoipa::path(
    get, path = "/recording-terms", tag = "recording", operation_id = "recording_terms_get",
    responses((status = 200, body = RecordingTermsBody), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn terms(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<RecordingTermsBody>, Problem> {
    let by = who.may(Action::ServersRead)?;
    let terms = control.store.recording_terms(by.org()).await?;
    Ok(Json(RecordingTermsBody {
        rotate_days: terms.rotate_days,
        fingerprint_days: terms.fingerprint_days,
        capture_days: terms.capture_days,
        capture_mib: terms.capture_mib,
    }))
}

/// Says how long what is recorded beyond names is kept, and how much of it.
#[utoipa::path(
    put, path = "/recording-terms", tag = "recording", operation_id = "recording_terms_set",
    request_body = RecordingTermsBody,
    responses((status = 200, body = RecordingTermsBody), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn set_terms(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<RecordingTermsBody>, Problem> {
    let by = who.may(Action::Recording)?;
    let given = body.read::<RecordingTermsBody>().await?;
    let terms = RecordingTerms {
        rotate_days: given.rotate_days,
        fingerprint_days: given.fingerprint_days,
        capture_days: given.capture_days,
        capture_mib: given.capture_mib,
    };
    control.store.recording_set_terms(&by.by(), terms).await?;
    Ok(Json(given))
}

/// The keys of fingerprints, newest first.
#[utoipa::path(
    get, path = "/fingerprint-keys", tag = "recording", operation_id = "fingerprint_keys_list",
    responses((status = 200, body = List<FingerprintKeyOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn keys(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<List<FingerprintKeyOut>>, Problem> {
    let by = who.may(Action::Recording)?;
    let keys = control.store.fingerprint_keys(by.org()).await?;
    Ok(Json(List { items: keys.into_iter().map(key_out).collect(), next: None }))
}

fn key_out(line: FingerprintKeyLine) -> FingerprintKeyOut {
    let state = match (line.retired_at, line.destroyed_at) {
        (_, Some(_)) => "destroyed",
        (Some(_), None) => "kept",
        (None, None) => "in_use",
    };
    FingerprintKeyOut {
        number: line.number,
        state,
        made_at: time::write(line.made_at),
        retired_at: line.retired_at.map(time::write),
        destroyed_at: line.destroyed_at.map(time::write),
    }
}

/// Draws another key, which new fingerprints are made with. The one before is kept for questions.
#[utoipa::path(
    post, path = "/fingerprint-keys/draw", tag = "recording",
    operation_id = "fingerprint_keys_draw",
    responses((status = 200, body = FingerprintKeyOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn draw(
    State(control): State<Control>,
    who: Operator,
    body: Unread,
) -> Result<Json<FingerprintKeyOut>, Problem> {
    let by = who.may(Action::Recording)?;
    body.read_nothing().await?;
    let line = control.store.fingerprint_rotate(&by.by()).await?;
    Ok(Json(key_out(line)))
}

/// Destroys a key that is not in use, before its time: nothing can be asked of its fingerprints from
/// now on, by anybody.
#[utoipa::path(
    delete, path = "/fingerprint-keys/{number}", tag = "recording",
    operation_id = "fingerprint_keys_destroy",
    params(("number" = String, Path, description = "Its number")),
    responses((status = 204), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn destroy(
    State(control): State<Control>,
    who: Operator,
    At(number): At<String>,
) -> Result<StatusCode, Problem> {
    let by = who.may(Action::Recording)?;
    let number = number.parse().map_err(|_| Problem::no_such("fingerprint key"))?;
    control.store.fingerprint_destroy(&by.by(), number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks whether a call's argument had this value. The question is on record, with the argument's name;
/// the value is kept nowhere.
#[utoipa::path(
    post, path = "/calls/{id}/fingerprint", tag = "recording", operation_id = "fingerprint_ask",
    params(("id" = String, Path, description = "Id of the call")),
    request_body = FingerprintQuestion,
    responses((status = 200, body = FingerprintAnswerOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn ask(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
    body: Unread,
) -> Result<Json<FingerprintAnswerOut>, Problem> {
    let by = who.may(Action::FingerprintsAsk)?;
    let FingerprintQuestion { argument, value: Exact(value) } = body.read().await?;
    if argument.as_ref().is_some_and(|name| name.is_empty() || name.len() > NAME_BYTES_MAX) {
        let message = "the name of an argument has 1 to 256 bytes";
        return Err(Problem::field("/argument", "invalid_value", message));
    }
    let id = CallId::parse(&id).ok_or_else(|| Problem::no_such("call"))?;
    let value = json::canonical_by_value(&value);
    let (by, argument) = (by.by(), argument.as_deref());
    let answer = match control.store.fingerprint_asked(&by, &id, argument, value).await? {
        FingerprintAnswer::Yes => "yes",
        FingerprintAnswer::No => "no",
        FingerprintAnswer::NotRecorded => "not_recorded",
        FingerprintAnswer::KeyDestroyed => "key_destroyed",
    };
    Ok(Json(FingerprintAnswerOut { answer }))
}

/// Sealed records as JSONL, oldest first, for whoever holds the private key: `countersign capture
/// open` opens them, elsewhere. That they were given out is on record before the first leaves.
#[utoipa::path(
    get, path = "/captures", tag = "recording", operation_id = "captures_export",
    params(CapturesQuery),
    responses(
        (status = 200, description = "A line a record", content_type = "application/x-ndjson"),
        (status = "4XX", body = ProblemBody),
    ),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn captures(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Response, Problem> {
    let by = who.may(Action::CapturesRead)?;
    let CapturesQuery { call } = asked.read()?;
    let call = call.map(|id| CallId::parse(&id).ok_or_else(|| Problem::no_such("call")));
    let call = call.transpose()?;
    control.store.captures_given(&by.by(), call.as_ref()).await?;
    let mut head = json::Object::new();
    head.insert("form", if call.is_some() { "call" } else { "all" });
    head.insert("format", "countersign-captures/v1");
    head.insert("organisation", by.org().as_str());
    let way = Way {
        control,
        org: by.org().clone(),
        call,
        after: (0, -1),
        lines: 1,
        ready: Some(line(head)),
        ended: false,
    };
    Ok(jsonl::file("attachment; filename=\"countersign-captures.jsonl\"", way))
}

/// Records on their way out: read a part at a time.
struct Way {
    control: Control,
    org: OrgId,
    call: Option<CallId>,
    after: (i64, i64),
    lines: i64,
    ready: Option<String>,
    ended: bool,
}

impl Lines for Way {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if let Some(ready) = self.ready.take() {
            return Ok(Some(ready.into()));
        }
        if self.ended {
            return Ok(None);
        }
        let found = self.control.store.captures(&self.org, self.call.as_ref(), self.after).await?;
        let mut text = String::new();
        for record in &found {
            self.after = record.place;
            let mut object = json::Object::new();
            object.insert("at", time::write(record.at));
            object.insert("call", record.call.to_string());
            if let Some(entry) = record.entry.and_then(|entry| i64::try_from(entry).ok()) {
                object.insert("entry", entry);
            }
            object.insert("part", record.part);
            object.insert("record", STANDARD.encode(&record.record));
            text.push_str(&line(object));
            self.lines += 1;
        }
        if found.is_empty() {
            self.ended = true;
            let mut end = json::Object::new();
            end.insert("end", self.lines);
            text.push_str(&line(end));
        }
        Ok(Some(text.into()))
    }
}

fn line(object: json::Object) -> String {
    let mut text = json::write_to_vec(&json::Value::Object(object));
    text.push(b'\n');
    String::from_utf8(text).unwrap_or_default()
}
