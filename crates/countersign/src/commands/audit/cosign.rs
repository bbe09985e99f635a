//! Having a witness cosign a checkpoint (C2SP tlog-witness), from the log's side.

use std::time::Duration;

use audit::note::{Note, Signature};
use audit::{Hash, PublicKey};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use url::Url;

use crate::api::Api;
use crate::cosigning::{Asking, Said, Unwilling};
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
    let lines = lines(api, &url, &key, text("note")).await.map_err(|why| match why {
        Unwilling::Ahead { there, here } => {
            let what = format!("the witness has cosigned {there} entries, and the log has {here}");
            let next = "the log was cut off or an older copy was put back: docs/evidence.md";
            Failure::new("truncated", what, next)
        }
        Unwilling::Forked => {
            let what = "the log does not continue what the witness has cosigned before";
            let next = "the history was forked: export it and compare; docs/evidence.md";
            Failure::new("forked", what, next)
        }
        Unwilling::NotFollowed => {
            let next = format!("start it with `--log '{key}'`");
            Failure::new("not_followed", "the witness does not follow this log", next)
        }
        Unwilling::Strange => strange(),
    })?;
    let mut note = Note::parse(text("note")).map_err(|_| strange())?;
    // The log may have kept an earlier word of the same witness.
    note.signatures.retain(|known| lines.iter().all(|line| line.name != known.name));
    note.signatures.extend(lines);
    Ok(note.to_string())
}

/// The witness's signature lines.
async fn lines(
    api: &Api,
    url: &Url,
    key: &PublicKey,
    note: &str,
) -> Result<Vec<Signature>, Unwilling> {
    let asking = Asking::of(key, note)?;
    let (status, body) = post(url, asking.body(0, Vec::new())).await.ok_or(Unwilling::Strange)?;
    let old = match asking.read(status, &body, false)? {
        Said::Cosigned(lines) => return Ok(lines),
        Said::From(old) => old,
    };
    let proof = between(api, old, asking.size()).await.map_err(|_| Unwilling::Strange)?;
    let (status, body) = post(url, asking.body(old, proof)).await.ok_or(Unwilling::Strange)?;
    match asking.read(status, &body, true)? {
        Said::Cosigned(lines) => Ok(lines),
        Said::From(_) => Err(Unwilling::Forked),
    }
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

async fn post(url: &Url, body: String) -> Option<(StatusCode, String)> {
    let client = Client::builder(TokioExecutor::new()).build(crate::tls::connector(url));
    let request = Request::post(url.as_str()).body(Full::<Bytes>::from(body)).ok()?;
    let asked = async {
        let response = client.request(request).await.ok()?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?;
        Some((status, String::from_utf8(body.to_bytes().into()).ok()?))
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

fn strange(witness: &str, what: &str) -> Failure {
    let what = format!("the witness at {witness} is of no use: {what}");
    Failure::new("witness", what, "see that `countersign witness` runs there")
}
