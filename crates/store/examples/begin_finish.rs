//! Measures what recording a call costs: intent durable before, outcome after, with so many callers
//! at once. Prints one line for each number of callers.
//!
//! `cargo run --profile release-fast -p store --example begin_finish -- [DIRECTORY [SECONDS [CALLERS]]]`

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quota::{Key, KeyParts, Subject};
use store::sqlite::Sqlite;
use store::{
    Attachment, By, CallId, Clock, ControlPlane, DataPlane, Grant, GrantDraft, Intent,
    OnToolChange, Outcome, OutcomeClass, Server, ServerDraft, SystemClock, Verdict,
};
use vault::{OsRandom, Randomness, RootKey};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let kept = args.next().map(PathBuf::from);
    let seconds = args.next().map_or(Ok(3), |text| text.parse())?;
    let only: Option<usize> = args.next().map(|text| text.parse()).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()?;
    for limits in [0, 2] {
        for callers in only.map_or(vec![1, 16, 64], |only| vec![only]) {
            let scratch = tempfile::tempdir()?;
            let dir = kept.clone().unwrap_or_else(|| scratch.path().to_owned());
            let dir = dir.join(format!("run-{limits}-{callers}"));
            let line = runtime.block_on(measure(dir, callers, limits, seconds))?;
            #[expect(clippy::print_stdout, reason = "this is what the program is for")]
            {
                println!("{line}");
            }
        }
    }
    Ok(())
}

async fn measure(
    dir: PathBuf,
    callers: usize,
    limits: usize,
    seconds: u64,
) -> Result<String, Box<dyn Error>> {
    let root = RootKey::generate(&OsRandom)?;
    let store = Arc::new(Sqlite::open(&dir, &root, Arc::new(SystemClock), Arc::new(OsRandom))?);
    let (server, grant) = furnish(&store).await?;
    let judged_at = store.generation().ok_or("the store is closed")?;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));

    let (cpu, start) = (cpu_micros()?, Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, stop, done) = (store.clone(), stop.clone(), done.clone());
            let (server, grant) = (server.clone(), grant.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let intent = intent(&grant, &server);
                    let outcome = outcome(intent.id);
                    let charges = (0..limits).map(|at| charge(&grant, &server, at)).collect();
                    let asked = Instant::now();
                    if store.call_begin(intent, charges, judged_at).await.is_err() {
                        break;
                    }
                    waits.push(asked.elapsed().as_micros() as u64);
                    store.call_finish(outcome);
                    done.fetch_add(1, Ordering::Relaxed);
                }
                waits
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await?);
    }
    store.flush().await?;
    let (cpu, took) = (cpu_micros()? - cpu, start.elapsed());
    let calls = done.load(Ordering::Relaxed).max(1);
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 1000).copied().unwrap_or(0);
    Ok(format!(
        "{callers:>3} callers, {limits} limits: {:>7.0} calls/s, {:>6.1} us CPU per call, \
         wait p50 {} us, p99 {} us",
        calls as f64 / took.as_secs_f64(),
        cpu as f64 / calls as f64,
        at(500),
        at(990),
    ))
}

async fn furnish(store: &Sqlite) -> Result<(Server, Grant), Box<dyn Error>> {
    let by = By::program(store.org().clone(), SystemClock.now());
    let draft = ServerDraft {
        slug: "payments".into(),
        name: "Payments".into(),
        url: "http://127.0.0.1:1/mcp".into(),
        private_targets: Vec::new(),
        on_tool_change: OnToolChange::Deny,
        enabled: true,
    };
    let server = store.server_create(&by, draft).await?;
    let draft = GrantDraft {
        label: "support-agent".into(),
        identity: "support".into(),
        owner: None,
        tags: Vec::new(),
        not_before: None,
        expires_at: None,
        in_flight_max: 64,
        servers: vec![Attachment { server: server.id.clone(), policy: None }],
    };
    let (grant, _) = store.grant_issue(&by, draft).await?;
    Ok((server, grant))
}

fn intent(grant: &Grant, server: &Server) -> Intent {
    let now = SystemClock.now();
    let mut random = [0; 10];
    // A source that has run dry would only make ids that clash, and the run would end.
    let _ = OsRandom.fill(&mut random);
    Intent {
        id: CallId::new(now, random),
        at: now,
        org: grant.org.clone(),
        grant: grant.id.clone(),
        grant_label: grant.label.as_str().into(),
        identity: grant.identity.as_str().into(),
        token_generation: 1,
        server: server.id.clone(),
        server_slug: server.slug.as_str().into(),
        version: "2025-11-25",
        method: "tools/call".into(),
        tool: Some("refund_payment".into()),
        fingerprint: Some("ab".repeat(32).into()),
        policy: Some(("pol_0123456789abcdefghjkmnpqrs".into(), 3)),
        verdict: Verdict::Allowed,
        rule: "".into(),
        reason: "allowed",
        known_args: vec!["payment".into(), "amount".into(), "currency".into()],
        unknown_args: 0,
        request_bytes: 300,
        charged: Vec::new(),
        count: 1,
    }
}

fn outcome(id: CallId) -> Outcome {
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
    }
}

fn charge(grant: &Grant, server: &Server, at: usize) -> (Key, policy::Charge) {
    let counter = format!("limit-{at}");
    let key = Key::new(KeyParts {
        organisation: grant.org.as_str().into(),
        subject: Subject::Grant(grant.id.as_str().into()),
        server: server.id.as_str().into(),
        place: quota::Place::AllTools,
        counter: counter.as_str().into(),
        per: Vec::new(),
    });
    let charge = policy::Charge {
        rule: format!("/all_tools/limits/{counter}").into(),
        place: policy::Place::AllTools,
        counter: counter.into(),
        window: policy::Window::Hour,
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

/// The processor time the threads of this process have used, in microseconds, as the scheduler of
/// Linux counts it.
fn cpu_micros() -> Result<u64, Box<dyn Error>> {
    let mut nanos = 0_u64;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += stat.split(' ').next().ok_or("no such field")?.parse::<u64>()?;
    }
    Ok(nanos / 1000)
}
