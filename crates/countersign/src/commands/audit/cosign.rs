//! Having a witness cosign a checkpoint (C2SP tlog-witness), from the log's side.

use std::time::Duration;

use audit::note::{Note, parse_signatures};
use audit::witness::AddCheckpoint;
use audit::{Checkpoint, Hash, PublicKey};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use url::Url;

use crate::api::Api;
use crate::failure::Failure;

/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most of its answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Brings the checkpoint to the witness; answers it with the cosignature below.
pub(super) async fn ask(api: &Api, witness: &str, latest: &Value) -> Result<String, Failure> {
    let url = address(witness)?;
    let text = |name: &str| latest.get(name).and_then(Value::as_str).unwrap_or_default();
    let strange = || strange(witness, "it gave no cosignature of this checkpoint");
    let key = PublicKey::parse(text("key")).map_err(|_| strange())?;
    let (checkpoint, note) = Checkpoint::open(text("note"), &key).map_err(|_| strange())?;
    // It says what it knows when it is asked with the wrong length.
    let first = AddCheckpoint { old: 0, proof: Vec::new(), note };
    let (status, body) = post(&url, witness, first.to_string()).await?;
    let (status, body) = match (status, body.trim_end().parse::<u64>()) {
        (StatusCode::CONFLICT, Ok(old)) if old > checkpoint.size => {
            let what = format!(
                "the witness has cosigned {old} entries, and the log has {}",
                checkpoint.size
            );
            let next = "the log was cut off or an older copy was put back: docs/evidence.md";
            return Err(Failure::new("truncated", what, next));
        }
        (StatusCode::CONFLICT, Ok(old)) => {
            let proof = between(api, old, checkpoint.size).await?;
            let again = AddCheckpoint { old, proof, note: first.note.clone() };
            post(&url, witness, again.to_string()).await?
        }
        _ => (status, body),
    };
    match status {
        StatusCode::OK => {}
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            let what = "the log does not continue what the witness has cosigned before";
            let next = "the history was forked: export it and compare; docs/evidence.md";
            return Err(Failure::new("forked", what, next));
        }
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => {
            let next = format!("start it with `--log '{key}'`");
            return Err(Failure::new("not_followed", "the witness does not follow this log", next));
        }
        _ => return Err(strange()),
    }
    let lines = parse_signatures(body.strip_suffix('\n').ok_or_else(strange)?);
    let mut note: Note = first.note;
    note.signatures.extend(lines.map_err(|_| strange())?);
    Ok(note.to_string())
}

async fn between(api: &Api, old: u64, new: u64) -> Result<Vec<Hash>, Failure> {
    let (old, new) = (old.to_string(), new.to_string());
    let path = ["checkpoints", "between"];
    let proof = api.query(&path, &[("old", old.as_str()), ("new", new.as_str())]).await?;
    let proof = proof.get("proof").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(proof.iter().filter_map(|hash| Hash::parse(hash.as_str()?)).collect())
}

fn address(witness: &str) -> Result<Url, Failure> {
    let url = Url::parse(witness).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let mut url = url.ok_or_else(|| {
        Failure::usage("the witness's address cannot be read", "give one such as https://w.example")
    })?;
    let path = format!("{}/add-checkpoint", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

async fn post(url: &Url, witness: &str, body: String) -> Result<(StatusCode, String), Failure> {
    let client = Client::builder(TokioExecutor::new()).build(crate::tls::connector(url));
    let request = Request::post(url.as_str()).body(Full::<Bytes>::from(body));
    let request = request.map_err(|_| strange(witness, "its address cannot be asked"))?;
    let asked = async {
        let response = client.request(request).await.ok()?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?;
        Some((status, String::from_utf8(body.to_bytes().into()).ok()?))
    };
    let answered = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
    answered.ok_or_else(|| strange(witness, "it did not answer"))
}

fn strange(witness: &str, what: &str) -> Failure {
    let what = format!("the witness at {witness} is of no use: {what}");
    Failure::new("witness", what, "see that `countersign witness` runs there")
}
