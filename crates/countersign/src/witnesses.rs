//! What an instance does for its evidence log while it runs: brings the newest checkpoint to the
//! witnesses that the configuration names, keeps what they sign, and takes out what is too old. A
//! witness that has seen more than the log holds is the alarm.

use std::sync::Arc;
use std::time::Duration;

use audit::PublicKey;
use audit::note::Note;
use dial::Fetch;
use http::{HeaderMap, StatusCode};
use store::sqlite::Sqlite;
use store::{By, Clock as _, Evidence as _, Moment, SystemClock, Witnessed as _};
use tokio::sync::watch;

use crate::config::{EvidenceLog, WitnessAt};
use crate::cosigning::{Asking, Said, Unwilling};
use crate::failure::Failure;

/// How often a witness is asked where none is required.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// How soon a witness that gave no cosignature is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How often old entries are looked for.
const RETAIN_EVERY: Duration = Duration::from_secs(3600);
/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of its answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Looks before anything is served whether a witness has seen more than the log holds.
///
/// - **Errors**: it has, and no admin has accepted that.
pub(crate) async fn look(evidence: &EvidenceLog, store: &Sqlite) -> Result<(), Failure> {
    let Some(within) = evidence.require_witness else { return Ok(()) };
    let unread = |error: store::StoreError| {
        Failure::new("store", format!("the evidence log cannot be read: {error}"), "start again")
    };
    store.require_witness(within).await.map_err(unread)?;
    let accepted = store.log_break().await.map_err(unread)?;
    for witness in &evidence.witnesses {
        if let Err(Unwilling::Ahead { there, here }) = ask(store, witness).await
            && there > accepted
        {
            let what = format!(
                "the witness `{}` has cosigned {there} entries of the evidence log, and it has \
                 {here}: it was cut off, or an older copy was put back",
                witness.key.name()
            );
            let next = format!(
                "put the newest copy back; or accept the loss, which is written down: \
                 `countersign audit break --witnessed {there} --reason TEXT`"
            );
            return Err(Failure::new("behind_witness", what, next));
        }
    }
    Ok(())
}

/// Takes out what is older than the configuration keeps, now and every hour.
pub(crate) fn retain(evidence: &EvidenceLog, store: &Arc<Sqlite>, stop: &watch::Receiver<bool>) {
    let Some(keep) = evidence.keep else { return };
    let (store, mut stop) = (Arc::clone(store), stop.clone());
    tokio::spawn(async move {
        loop {
            let now = SystemClock.now();
            let micros = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
            let since = Moment::of_micros(now.micros().saturating_sub(micros));
            let by = By::program(store.org().clone(), now);
            if let Err(error) = store.retain_since(&by, since).await {
                tracing::warn!(%error, "old entries were not taken out; it is tried again");
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(RETAIN_EVERY) => {}
            }
        }
    });
}

/// Does what is due for what is recorded beyond names, now and every hour: the next key of
/// fingerprints, old keys destroyed, old sealed records removed.
pub(crate) fn tend_recordings(store: &Arc<Sqlite>, stop: &watch::Receiver<bool>) {
    let (store, mut stop) = (Arc::clone(store), stop.clone());
    tokio::spawn(async move {
        loop {
            let by = By::program(store.org().clone(), SystemClock.now());
            if let Err(error) = store.tend_recordings(&by).await {
                tracing::warn!(%error, "what is recorded was not tended; it is tried again");
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(RETAIN_EVERY) => {}
            }
        }
    });
}

/// Asks the witnesses again and again, until `stop` says so.
pub(crate) fn follow(evidence: &EvidenceLog, store: &Arc<Sqlite>, stop: &watch::Receiver<bool>) {
    let every = evidence.require_witness.map_or(ASK_EVERY, |within| within / 4);
    for witness in evidence.witnesses.clone() {
        let (store, mut stop) = (Arc::clone(store), stop.clone());
        tokio::spawn(async move {
            let mut told = None;
            loop {
                let asked = ask(&store, &witness).await;
                let pause = if asked.is_ok() { every } else { every.min(AGAIN_AFTER) };
                if let Err(why) = asked
                    && told != Some(why)
                {
                    tell(&witness, why);
                }
                told = asked.err();
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }
}

fn tell(witness: &WitnessAt, why: Unwilling) {
    let witness = witness.key.name();
    match why {
        Unwilling::Ahead { there, here } => tracing::error!(
            witness,
            there,
            here,
            "the evidence log is shorter than the witness has seen it"
        ),
        Unwilling::Forked => {
            tracing::error!(
                witness,
                "the evidence log does not continue what the witness has seen"
            );
        }
        Unwilling::NotFollowed => tracing::warn!(witness, "the witness does not follow this log"),
        Unwilling::Strange => tracing::warn!(witness, "the witness gave no cosignature"),
    }
}

/// Has one witness cosign the newest checkpoint, and keeps its word.
async fn ask(store: &Sqlite, witness: &WitnessAt) -> Result<(), Unwilling> {
    let strange = |_| Unwilling::Strange;
    let key = PublicKey::parse(&store.evidence_key().await.map_err(strange)?);
    let key = key.map_err(|_| Unwilling::Strange)?;
    let Some(newest) = store.checkpoint_now().await.map_err(strange)? else { return Ok(()) };
    let targets = crate::telemetry::targets(&witness.url);
    let fetch = Fetch::new(ANSWER_BYTES_MAX, PATIENCE, targets);
    let url = format!("{}/add-checkpoint", witness.url.trim_end_matches('/'));
    let asking = Asking::of(&key, &newest.note)?;
    let first = post(&fetch, &url, asking.body(0, Vec::new())).await?;
    let lines = match asking.read(first.0, &first.1, false)? {
        Said::Cosigned(lines) => lines,
        Said::From(old) => {
            let proof = store.consistency(old, asking.size()).await.map_err(strange)?;
            let body = asking.body(old, proof.ok_or(Unwilling::Strange)?);
            let second = post(&fetch, &url, body).await?;
            match asking.read(second.0, &second.1, true)? {
                Said::Cosigned(lines) => lines,
                Said::From(_) => return Err(Unwilling::Forked),
            }
        }
    };
    let mut note = Note::parse(&newest.note).map_err(|_| Unwilling::Strange)?;
    note.signatures.retain(|line| line.name != witness.key.name());
    note.signatures.extend(lines);
    let kept = store.checkpoint_cosigned(&witness.key, &note.to_string()).await;
    kept.map_err(|_| Unwilling::Strange)
}

async fn post(fetch: &Fetch, url: &str, body: String) -> Result<(StatusCode, String), Unwilling> {
    let answer = fetch.post(url, HeaderMap::new(), body).await.map_err(|_| Unwilling::Strange)?;
    let text = String::from_utf8(answer.body.into()).map_err(|_| Unwilling::Strange)?;
    Ok((answer.status, text))
}
