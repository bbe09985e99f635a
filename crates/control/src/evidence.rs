//! Evidence: signed checkpoints, proofs, exports that others can check, and a check of our own.
//!
//! What this server says of its own log proves nothing to somebody who does not trust it, and every
//! answer that could be taken for proof says so.

use audit::note::Note;
use audit::tile::Tile;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{CallId, EntryProof, OrgId, SignedCheckpoint, StoreError};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use crate::body::Asked;
use crate::jsonl::{self, Lines};
use crate::operator::Operator;
use crate::page::{List, PageQuery};
use crate::problem::{Code, Problem, ProblemBody};
use crate::roles::Action;
use crate::{At, Control, time, tools};

/// One whole check at a time: it reads everything there is.
static CHECKING: Semaphore = Semaphore::const_new(1);

/// What is said beside every check of our own.
const OUR_OWN: &str = "This server checked itself. To check the server, export the evidence and \
    run the command elsewhere, with a public key and checkpoints that were kept elsewhere.";

/// A signed statement of what the log held when it was so long.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckpointOut {
    /// How many entries it covers.
    size: u64,
    /// The root of the tree over them, in base64.
    root: String,
    /// When it was signed.
    at: String,
    /// The signed note: keep it elsewhere, to the byte. Below the log's signature stand those of
    /// witnesses.
    note: String,
    /// The witnesses that have cosigned it.
    cosigned_by: Vec<String>,
}

impl CheckpointOut {
    fn of(signed: SignedCheckpoint) -> Self {
        let root = signed.note.split('\n').nth(2).unwrap_or_default().to_owned();
        // The log's own line is the first.
        let lines = Note::parse(&signed.note).map(|note| note.signatures).unwrap_or_default();
        let cosigned_by = lines.into_iter().skip(1).map(|line| line.name).collect();
        Self { size: signed.size, root, at: time::write(signed.at), note: signed.note, cosigned_by }
    }
}

/// The newest checkpoint, and the key that signs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatestOut {
    /// The log's public key, `NAME+ID+KEY`.
    key: String,
    #[serde(flatten)]
    checkpoint: CheckpointOut,
}

/// Which two checkpoints.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BetweenQuery {
    /// The length of the earlier one.
    #[param(value_type = u64)]
    old: String,
    /// The length of the later one.
    #[param(value_type = u64)]
    new: String,
}

/// The proof that one checkpoint continues another.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BetweenOut {
    old: u64,
    new: u64,
    /// Hashes in base64, as RFC 6962 orders them.
    proof: Vec<String>,
}

/// An entry and its way up to the checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvedOut {
    /// Its place in the log, from 0.
    index: u64,
    /// What it says. Its hash is that of its canonical form.
    #[schema(value_type = Object)]
    entry: Option<Box<RawValue>>,
    /// Siblings from the leaf up, in base64.
    proof: Vec<String>,
}

/// That the entries of a call are in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallProofOut {
    call: String,
    /// The log's public key. Trust one that you have from elsewhere.
    key: String,
    checkpoint: CheckpointOut,
    /// The decision, and the outcome if there is one.
    entries: Vec<ProvedOut>,
    /// The same as a file of evidence, for `countersign audit verify`.
    file: String,
}

/// What to export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EvidenceQuery {
    /// The first entry, counted from 0.
    #[param(value_type = Option<u64>)]
    from: Option<String>,
    /// `tree` (the whole log from there) or `proofs` (this organisation's entries with their proofs).
    form: Option<String>,
}

/// One thing that is wrong with the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingOut {
    code: &'static str,
    message: String,
}

/// What the server found when it checked its own log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogCheckOut {
    /// Whether nothing was found.
    holds: bool,
    /// How many entries the log has.
    size: u64,
    /// The root of the tree over them.
    root: Option<String>,
    key: String,
    checkpoints: u64,
    findings: Vec<FindingOut>,
    /// Entries whose content was taken out by age, as the log itself says.
    withheld: u64,
    /// Rows that no entry speaks of: somebody else wrote them.
    unentered: u64,
    /// What this check is worth.
    statement: &'static str,
    /// How somebody else checks.
    command: String,
}

/// Checkpoints, newest first.
#[utoipa::path(
    get, path = "/checkpoints", tag = "evidence", operation_id = "checkpoints_list",
    params(PageQuery),
    responses((status = 200, body = List<CheckpointOut>), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn checkpoints(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<List<CheckpointOut>>, Problem> {
    who.may(Action::CallsRead)?;
    let slice = control.store.checkpoints(&asked.read::<PageQuery>()?.page()?).await?;
    let items = slice.items.into_iter().map(CheckpointOut::of).collect();
    Ok(Json(List { items, next: slice.next }))
}

/// A checkpoint over everything that is written down now, and the log's public key.
#[utoipa::path(
    get, path = "/checkpoints/latest", tag = "evidence", operation_id = "checkpoints_latest",
    responses((status = 200, body = LatestOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn latest(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<LatestOut>, Problem> {
    who.may(Action::CallsRead)?;
    let signed = control.store.checkpoint_now().await?;
    let signed = signed.ok_or_else(|| Problem::no_such("checkpoint"))?;
    let key = control.store.evidence_key().await?;
    Ok(Json(LatestOut { key, checkpoint: CheckpointOut::of(signed) }))
}

/// How far witnesses have followed the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WitnessedOut {
    /// How many entries the longest checkpoint covers that a witness has cosigned; 0 without one.
    size: u64,
    /// When a witness last cosigned one; `null`: never, as where no witness is set up.
    at: Option<String>,
}

/// How far witnesses have followed the log, and when one was here last. This server says so: to be
/// sure, ask the witness.
#[utoipa::path(
    get, path = "/checkpoints/witnessed", tag = "evidence", operation_id = "checkpoints_witnessed",
    responses((status = 200, body = WitnessedOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn witnessed(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<WitnessedOut>, Problem> {
    who.may(Action::CallsRead)?;
    let newest = control.store.witnessed().await?;
    let (size, at) = newest.map_or((0, None), |(size, at)| (size, Some(time::write(at))));
    Ok(Json(WitnessedOut { size, at }))
}

/// The newest checkpoint as a signed note, with what witnesses have cosigned: `checkpoint` of C2SP
/// tlog-tiles.
#[utoipa::path(
    get, path = "/log/checkpoint", tag = "evidence", operation_id = "log_checkpoint",
    responses(
        (status = 200, description = "A signed note", body = String, content_type = "text/plain"),
        (status = "4XX", body = ProblemBody),
    ),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn log_checkpoint(
    State(control): State<Control>,
    who: Operator,
) -> Result<Response, Problem> {
    who.may(Action::CallsRead)?;
    let newest = control.store.checkpoint_now().await?;
    let note = newest.ok_or_else(|| Problem::no_such("checkpoint"))?.note;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], note).into_response())
}

/// A tile of hashes, by the path that C2SP tlog-tiles gives it. Below the prefix of the log, so it is
/// routed by itself and not described.
pub(crate) async fn log_tile(
    State(control): State<Control>,
    who: Operator,
    At(path): At<String>,
) -> Result<Response, Problem> {
    who.may(Action::CallsRead)?;
    let none = || Problem::no_such("tile");
    let tile = Tile::parse(&format!("tile/{path}")).ok_or_else(none)?;
    let hashes = control.store.log_tile(tile).await?.ok_or_else(none)?;
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    // A tile never changes; a partial one is of its width for ever.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    ];
    Ok((headers, bytes).into_response())
}

/// The proof that one checkpoint continues another.
#[utoipa::path(
    get, path = "/checkpoints/between", tag = "evidence", operation_id = "checkpoints_between",
    params(BetweenQuery),
    responses((status = 200, body = BetweenOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn between(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Json<BetweenOut>, Problem> {
    who.may(Action::CallsRead)?;
    let BetweenQuery { old, new } = asked.read()?;
    let (old, new) = (length("old", &old)?, length("new", &new)?);
    let proof = control.store.consistency(old, new).await?.ok_or_else(|| {
        Problem::field("new", "invalid_value", "the log is not that long, or `old` is longer")
    })?;
    let proof = proof.iter().map(ToString::to_string).collect();
    Ok(Json(BetweenOut { old, new, proof }))
}

/// That the entries of a call are in the log.
#[utoipa::path(
    get, path = "/calls/{id}/proof", tag = "evidence", operation_id = "calls_proof",
    params(("id" = String, Path, description = "Id of the call")),
    responses((status = 200, body = CallProofOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["viewer"])),
)]
pub(crate) async fn call(
    State(control): State<Control>,
    who: Operator,
    At(id): At<String>,
) -> Result<Json<CallProofOut>, Problem> {
    let by = who.may(Action::CallsRead)?;
    let id = CallId::parse(&id).ok_or_else(|| Problem::no_such("call"))?;
    let found = control.store.call_proof(by.org(), &id).await?;
    let found = found.ok_or_else(|| Problem::no_such("call"))?;
    let key = control.store.evidence_key().await?;
    let file = store::evidence_file(&key, by.org(), &found);
    let proved = |entry: EntryProof| ProvedOut {
        index: entry.index,
        entry: tools::raw(&entry.entry),
        proof: entry.proof.iter().map(ToString::to_string).collect(),
    };
    Ok(Json(CallProofOut {
        call: id.to_string(),
        key,
        checkpoint: CheckpointOut::of(found.checkpoint),
        entries: found.entries.into_iter().map(proved).collect(),
        file,
    }))
}

/// The evidence as a file that `countersign audit verify` reads, up to the moment of asking. The
/// export is an entry itself.
#[utoipa::path(
    get, path = "/audit/evidence", tag = "evidence", operation_id = "audit_evidence",
    params(EvidenceQuery),
    responses(
        (status = 200, description = "One line of JSON each; docs/evidence.md has the format",
            body = String, content_type = "application/x-ndjson"),
        (status = "4XX", body = ProblemBody),
    ),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn export(
    State(control): State<Control>,
    who: Operator,
    asked: Asked,
) -> Result<Response, Problem> {
    let by = who.may(Action::AuditRead)?;
    let EvidenceQuery { from, form } = asked.read()?;
    let whole = match form.as_deref() {
        None | Some("tree") => true,
        Some("proofs") => false,
        Some(_) => {
            let message = "this parameter takes `tree` or `proofs`";
            return Err(Problem::field("form", "invalid_value", message));
        }
    };
    let from = from.map_or(Ok(0), |from| length("from", &from))?;
    let (first, under) = control.store.export_begin(&by.by(), from, whole).await?;
    let mut ready = first;
    let mut lines = 1;
    if !whole {
        ready.push_str(&audit::export::checkpoint(&under.note));
        lines += 1;
    }
    let part = Part {
        control,
        org: by.org().clone(),
        at: from,
        size: under.size,
        whole,
        lines,
        ready: Some(ready),
        ended: false,
    };
    Ok(jsonl::file("attachment; filename=\"countersign-evidence.jsonl\"", part))
}

/// A length of the log, or a place in it.
fn length(name: &str, text: &str) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    let message = "this parameter takes a number of entries";
    number.ok_or_else(|| Problem::field(name, "invalid_value", message))
}

/// An export on its way: read a part at a time, so that no reader holds the database for long.
struct Part {
    control: Control,
    org: OrgId,
    at: u64,
    size: u64,
    whole: bool,
    lines: u64,
    ready: Option<String>,
    ended: bool,
}

impl Lines for Part {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if let Some(ready) = self.ready.take() {
            return Ok(Some(ready.into()));
        }
        if self.ended {
            return Ok(None);
        }
        let store = &self.control.store;
        let (part, next) = store.export_part(&self.org, self.at, self.size, self.whole).await?;
        self.lines += part.len() as u64;
        let mut text = part.concat();
        self.at = next;
        if self.at >= self.size {
            self.ended = true;
            text.push_str(&audit::export::end(self.lines));
        }
        Ok(Some(text.into()))
    }
}

/// Checks the whole log. It is this server checking itself, which says little to those who do not
/// trust it; `countersign audit verify` checks it from outside.
#[utoipa::path(
    get, path = "/audit/verify", tag = "evidence", operation_id = "audit_verify",
    responses((status = 200, body = LogCheckOut), (status = "4XX", body = ProblemBody)),
    security(("api_key" = ["admin"])),
)]
pub(crate) async fn verify(
    State(control): State<Control>,
    who: Operator,
) -> Result<Json<LogCheckOut>, Problem> {
    let by = who.may(Action::AuditRead)?;
    let closed = || Problem::new(Code::Internal, "the log was not checked");
    let _turn = CHECKING.acquire().await.map_err(|_| closed())?;
    control.store.noted(&by.by(), "evidence.checked", "evidence", vec![]).await?;
    let check = control.store.evidence_check().await?;
    let key = control.store.evidence_key().await?;
    let report = check.report;
    let findings = report.findings.iter();
    let findings = findings.map(|f| FindingOut { code: f.code(), message: f.to_string() });
    Ok(Json(LogCheckOut {
        holds: report.holds() && check.unentered == 0,
        size: report.size,
        root: report.checkpoint.map(|checkpoint| checkpoint.root.to_string()),
        command: format!("countersign audit verify countersign-evidence.jsonl --key '{key}'"),
        key,
        checkpoints: report.checkpoints,
        findings: findings.collect(),
        withheld: report.withheld,
        unentered: check.unentered,
        statement: OUR_OWN,
    }))
}
