//! What evidence costs as the log grows to a million entries: per entry, per checkpoint, on disk, and
//! for whoever verifies it. Flat is what it should be; only verifying grows with the log.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit::{PublicKey, Trust, Verifier};
use store::sqlite::{Sqlite, export_file};
use store::{DataPlane as _, Evidence as _, StoreError};

use crate::limits::{cpu_micros, in_its_own_runtime, intent, open, outcome};
use crate::report::line;

/// How many callers make the entries.
const CALLERS: u64 = 64;
/// How many parts the growth is told in.
const PARTS: u64 = 10;
/// How many checkpoints are timed at each length.
const CHECKPOINTS: u32 = 20;

/// Grows a log to so many entries, two for each call.
pub(crate) async fn run(entries: u64) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    line(
        "\n| evidence, entries so far | CPU µs/entry | entries/s | checkpoint µs | disk bytes/call |",
    );
    line("| --- | --- | --- | --- | --- |");
    let path = dir.path().to_owned();
    let told = in_its_own_runtime(async move { grow(&path, entries).await })?;
    line(&told);
    line("\n| evidence verified offline | entries | s | entries/s | file MB |");
    line("| --- | --- | --- | --- | --- |");
    // The export goes elsewhere: what is on disk was told above, and holds the log alone.
    let export = tempfile::tempdir()?;
    verified(&dir.path().join("countersign.db"), &export.path().join("evidence.jsonl"))
}

async fn grow(dir: &Path, entries: u64) -> io::Result<String> {
    let store = Arc::new(open(dir)?);
    let judged_at = store.generation().ok_or_else(|| io::Error::other("the store is closed"))?;
    let mut rows = Vec::new();
    for part in 1..=PARTS {
        let calls = entries / 2 / PARTS / CALLERS;
        let (cpu, start) = (cpu_micros()?, Instant::now());
        let tasks: Vec<_> = (0..CALLERS)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for _ in 0..calls {
                        let intent = intent(&store);
                        let outcome = outcome(intent.id);
                        let begun = store.call_begin(intent, Vec::new(), judged_at).await;
                        begun.map_err(io::Error::other)?;
                        store.call_finish(outcome);
                    }
                    Ok::<_, io::Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        store.flush().await.map_err(io::Error::other)?;
        let (cpu, took) = (cpu_micros()?.saturating_sub(cpu), start.elapsed());
        let made = (calls * CALLERS * 2).max(1);
        let total = made * part;
        rows.push(format!(
            "| {total} | {:.2} | {:.0} | {:.0} | {:.0} |",
            cpu as f64 / made as f64,
            made as f64 / took.as_secs_f64(),
            checkpoint(&store, judged_at).await?.as_micros(),
            (size_of(dir)? * 2) as f64 / total as f64,
        ));
    }
    Ok(rows.join("\n"))
}

/// How long it takes until one more call is covered by a signed checkpoint, two commits included.
async fn checkpoint(store: &Sqlite, judged_at: u64) -> io::Result<Duration> {
    let mut took = Duration::ZERO;
    for _ in 0..CHECKPOINTS {
        let intent = intent(store);
        let outcome = outcome(intent.id);
        store.call_begin(intent, Vec::new(), judged_at).await.map_err(io::Error::other)?;
        store.call_finish(outcome);
        store.flush().await.map_err(io::Error::other)?;
        let start = Instant::now();
        store.checkpoint_now().await.map_err(io::Error::other)?;
        took += start.elapsed();
    }
    Ok(took / CHECKPOINTS)
}

/// Exports what is there to a file and verifies a quarter, a half and the whole of it, as whoever
/// was given the file would: a line at a time, so that memory does not grow with the log.
fn verified(database: &Path, export: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(export)?);
    let mut lines = 0_usize;
    export_file(database, 0, |line| {
        lines += 1;
        file.write_all(line.as_bytes()).map_err(|error| StoreError::Unavailable(error.into()))
    })
    .map_err(io::Error::other)?;
    file.flush()?;
    let key = {
        let mut head = String::new();
        BufReader::new(File::open(export)?).read_line(&mut head)?;
        let key = head.split("\"key\":\"").nth(1).and_then(|rest| rest.split('"').next());
        PublicKey::parse(key.unwrap_or_default()).map_err(io::Error::other)?
    };
    for share in [4, 2, 1] {
        let trust = Trust {
            log: key.clone(),
            saved: Vec::new(),
            witnesses: Vec::new(),
            witnesses_needed: 0,
            call: None,
        };
        let (mut reader, mut text, mut bytes) =
            (BufReader::new(File::open(export)?), Vec::new(), 0);
        let start = Instant::now();
        let mut verifier = Verifier::new(trust);
        for _ in 0..lines / share {
            text.clear();
            bytes += reader.read_until(b'\n', &mut text)?;
            verifier.line(text.trim_ascii_end());
        }
        let report = verifier.finish();
        let took = start.elapsed();
        if share == 1 && !report.holds() {
            return Err(io::Error::other(format!("it does not hold: {:?}", report.findings)));
        }
        line(&format!(
            "| 1/{share} | {} | {:.2} | {:.0} | {:.0} |",
            report.entries,
            took.as_secs_f64(),
            report.entries as f64 / took.as_secs_f64(),
            bytes as f64 / 1e6
        ));
    }
    Ok(())
}

/// What the database holds on disk, its write-ahead log included.
fn size_of(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for file in std::fs::read_dir(dir)? {
        bytes += file?.metadata()?.len();
    }
    Ok(bytes)
}
