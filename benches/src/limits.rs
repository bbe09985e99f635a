//! What limits cost: two of them, reserved with the intent and settled with the outcome, durably.
//! First the store alone, then a whole gateway beside the bare proxy.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quota::{Key, KeyParts, Subject};
use store::sqlite::Sqlite;
use store::{
    CallId, Clock as _, DataPlane as _, Intent, Outcome, OutcomeClass, SystemClock, Verdict,
};
use vault::{OsRandom, Randomness as _, RootKey};

use crate::load::{self, Shot};
use crate::process::Process;
use crate::report::line;
use crate::served;

/// How many callers there are in turn.
const CALLERS: [usize; 3] = [1, 16, 64];

/// Which counters the callers charge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counters {
    /// None: the call is recorded and nothing is counted.
    None,
    /// Two of its own for each caller.
    Own,
    /// Two that all callers share.
    Hot,
}

/// Measures both, each load for so many seconds.
pub(crate) async fn run(seconds: u64) -> io::Result<()> {
    line("\n| limits, the store alone | callers | calls/s | CPU µs/call | wait p50 µs | p99 µs |");
    line("| --- | --- | --- | --- | --- | --- |");
    for (what, counters) in [
        ("no limit", Counters::None),
        ("two limits, each caller its own", Counters::Own),
        ("two limits, one hot counter each", Counters::Hot),
    ] {
        for callers in CALLERS {
            let dir = tempfile::tempdir()?;
            // The store has threads of its own, and so has its load here.
            let part = alone(dir.path().to_owned(), counters, callers, seconds);
            line(&format!("| {what} | {callers} | {} |", in_its_own_runtime(part)?));
        }
    }
    governed(seconds).await
}

/// Runs something on two workers, apart from whoever asks.
pub(crate) fn in_its_own_runtime(
    part: impl Future<Output = io::Result<String>> + Send + 'static,
) -> io::Result<String> {
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on(part)
    });
    thread.join().map_err(|_| io::Error::other("the measurement panicked"))?
}

async fn alone(
    dir: std::path::PathBuf,
    counters: Counters,
    callers: usize,
    seconds: u64,
) -> io::Result<String> {
    let store = Arc::new(open(&dir)?);
    let judged_at = store.generation().ok_or_else(|| io::Error::other("the store is closed"))?;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (cpu, start) = (cpu_micros()?, Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (store, stop, done) = (store.clone(), stop.clone(), done.clone());
            let whose = if counters == Counters::Hot { 0 } else { caller };
            let limits = if counters == Counters::None { 0 } else { 2 };
            let charges: Vec<_> = (0..limits).map(|at| charge(&store, whose, at)).collect();
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let intent = intent(&store);
                    let outcome = outcome(intent.id);
                    let asked = Instant::now();
                    let begun = store.call_begin(intent, charges.clone(), judged_at).await;
                    begun.map_err(io::Error::other)?;
                    waits.push(asked.elapsed());
                    store.call_finish(outcome);
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, io::Error>(waits)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.map_err(io::Error::other)??);
    }
    store.flush().await.map_err(io::Error::other)?;
    let (cpu, took) = (cpu_micros()?.saturating_sub(cpu), start.elapsed());
    let calls = done.load(Ordering::Relaxed).max(1);
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 1_000).map_or(0, Duration::as_micros);
    Ok(format!(
        "{:.0} | {:.1} | {} | {}",
        calls as f64 / took.as_secs_f64(),
        cpu as f64 / calls as f64,
        at(500),
        at(990)
    ))
}

pub(crate) fn open(dir: &Path) -> io::Result<Sqlite> {
    let root = RootKey::generate(&OsRandom).map_err(io::Error::other)?;
    Sqlite::open(dir, &root, Arc::new(SystemClock), Arc::new(OsRandom)).map_err(io::Error::other)
}

/// The whole road: ten rules, and two limits that all callers share because they have one grant.
async fn governed(seconds: u64) -> io::Result<()> {
    let upstream = Process::start(Some(1), &["upstream", "128"])?;
    let target = upstream.address.to_string();
    line(
        "\n| governed calls, one hot counter | load | calls/s | CPU µs/call | p50 µs | p99 µs | wrong answers |",
    );
    line("| --- | --- | --- | --- | --- | --- | --- |");
    for (what, mode) in [
        ("bare proxy", None),
        ("ten rules, recorded durably", Some("durable")),
        ("ten rules and two limits, recorded durably", Some("limits")),
    ] {
        let process = match mode {
            None => Process::start(Some(0), &["proxy", &target])?,
            Some(mode) => Process::start(Some(0), &["gateway", mode, &target])?,
        };
        let token = mode.map(|_| served::token(process.address.port())).transpose()?;
        let path = if token.is_some() { "/mcp/bench" } else { "/mcp" };
        let shot = Shot { path: path.into(), token, modern: false };
        load::closed(process.address, &shot, 16, 2_000).await?;
        let told = async |load: &str, figures: load::Figures, before: Duration| {
            let cpu = process.cpu()?.saturating_sub(before).as_secs_f64() * 1e6;
            line(&format!(
                "| {what} | {load} | {:.0} | {:.1} | {} | {} | {} |",
                figures.per_second(),
                cpu / figures.calls as f64,
                figures.p50.as_micros(),
                figures.p99.as_micros(),
                figures.wrong,
            ));
            Ok::<_, io::Error>(())
        };
        for callers in CALLERS {
            let before = process.cpu()?;
            // About as many calls as fit into the time, for a road of this price.
            let calls = seconds * if callers == 1 { 500 } else { 5_000 };
            let figures = load::closed(process.address, &shot, callers, calls).await?;
            told(&format!("{callers} in a closed loop"), figures, before).await?;
        }
        for rate in [1_000, 5_000] {
            let before = process.cpu()?;
            let figures = load::paced(process.address, &shot, 64, rate, seconds).await?;
            told(&format!("{rate} calls/s by 64"), figures, before).await?;
        }
    }
    Ok(())
}

fn charge(store: &Sqlite, whose: usize, at: usize) -> (Key, policy::Charge) {
    let counter = format!("limit-{at}");
    let key = Key::new(KeyParts {
        organisation: store.org().as_str().into(),
        subject: Subject::Grant(format!("grt_bench_{whose}").into()),
        server: "srv_bench".into(),
        place: quota::Place::AllTools,
        counter: counter.as_str().into(),
        per: Vec::new(),
    });
    let charge = policy::Charge {
        rule: format!("/all_tools/limits/{counter}").into(),
        place: policy::Place::AllTools,
        counter: counter.into(),
        window: policy::Window::Minute,
        // One calendar window and one that rolls.
        rolling: at == 1,
        zone: jiff::tz::TimeZone::UTC,
        max_millionths: i64::MAX,
        amount_millionths: 1_000_000,
        counts_amount: false,
        per: Vec::new(),
        scope: policy::Scope::Grant,
        count_failed: false,
        on_unknown: policy::OnUnknown::RollBack,
        on_deny: None,
    };
    (key, charge)
}

pub(crate) fn intent(store: &Sqlite) -> Intent {
    let now = SystemClock.now();
    let mut random = [0; 10];
    // A source that has run dry would only make ids that clash, and the run would end.
    let _dry = OsRandom.fill(&mut random);
    Intent {
        id: CallId::new(now, random),
        at: now,
        org: store.org().clone(),
        grant: "grt_bench".into(),
        grant_label: "bench".into(),
        identity: "bench".into(),
        token_generation: 1,
        server: "srv_bench".into(),
        server_slug: "bench".into(),
        version: "2025-11-25",
        method: "tools/call".into(),
        tool: Some("refund_payment".into()),
        fingerprint: None,
        policy: Some(("pol_bench".into(), 3)),
        verdict: Verdict::Allowed,
        rule: "".into(),
        reason: "allowed",
        known_args: vec!["payment".into(), "amount".into(), "currency".into()],
        unknown_args: 0,
        request_bytes: 300,
        charged: Vec::new(),
        count: 1,
        marks: None,
    }
}

pub(crate) fn outcome(id: CallId) -> Outcome {
    Outcome {
        id,
        at: SystemClock.now(),
        class: OutcomeClass::Completed,
        detail: "",
        upstream_status: Some(200),
        response_bytes: 800,
        took_micros: 1_500,
        upstream_micros: 1_200,
        echo_removed: false,
        capture: None,
    }
}

/// The processor time the threads of this process have used, in microseconds, as the scheduler of
/// Linux counts it. Threads that have ended do not count.
pub(crate) fn cpu_micros() -> io::Result<u64> {
    let mut nanos = 0_u64;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let ran = stat.split(' ').next().and_then(|field| field.parse::<u64>().ok());
        nanos += ran.ok_or_else(|| io::Error::other("the scheduler tells no times"))?;
    }
    Ok(nanos / 1000)
}
