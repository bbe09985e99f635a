//! Kills a process that writes calls, again and again, and looks at what it left.
//!
//! A program of its own rather than a test function, because it starts itself as the child that is
//! killed. The child prints the id of every call whose intent it was told is durable, and the other
//! number once it has been told that the outcome is. After every kill the evidence log must hold, with
//! all that was acknowledged in it, and continue every checkpoint that was seen before (L06).
//!
//! `CRASH_ROUNDS` says how often it is killed.

use std::collections::HashSet;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use quota::{Key, KeyParts, Subject};
use store::sqlite::Sqlite;
use store::{
    CallFilter, CallId, Capture, Clock, ControlPlane, DataPlane, Evidence, Intent, Marks, Outcome,
    OutcomeClass, Page, Recordings as _, StoreError, SystemClock, Verdict,
};
use vault::{OsRandom, Randomness, RootKey};

/// How often the child is killed, unless `CRASH_ROUNDS` says otherwise.
const ROUNDS: u64 = 100;
const CALLERS: usize = 16;
const GRANT: &str = "grt_x";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("--child") => child(Path::new(args.get(2).ok_or("no directory")?)),
        // What a test runner asks before it runs anything.
        Some("--list") => Ok(()),
        _ => parent(),
    }
}

fn root() -> RootKey {
    RootKey::from_bytes(&std::array::from_fn(|at| at as u8))
}

fn open(dir: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(dir, &root(), Arc::new(SystemClock), Arc::new(OsRandom))
}

fn runtime() -> Result<tokio::runtime::Runtime, std::io::Error> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Writes calls for as long as it lives.
fn child(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = Arc::new(open(dir)?);
    runtime()?.block_on(async move {
        let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(call(store.clone()))).collect();
        for caller in callers {
            caller.await?.map_err(|error| -> Box<dyn Error> { error })?;
        }
        Ok(())
    })
}

async fn call(store: Arc<Sqlite>) -> Result<(), Box<dyn Error + Send + Sync>> {
    loop {
        let intent = intent(&store)?;
        let id = intent.id;
        let judged_at = store.generation().ok_or("closed")?;
        store.call_begin(intent, vec![charge(&store)], judged_at).await?;
        say("begun", id)?;
        tokio::task::yield_now().await;
        store.call_finish(outcome(id));
        if id.0[15] % 16 == 0 {
            store.flush().await?;
            say("ended", id)?;
        }
    }
}

/// One line in one write: what is said is said whole or not at all.
fn say(what: &str, id: CallId) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{what} {id}\n").as_bytes())?;
    out.flush()
}

fn parent() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let (mut begun, mut ended) = (HashSet::new(), HashSet::new());
    let mut signed = Vec::new();
    let rounds = std::env::var("CRASH_ROUNDS").map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
    // On a busy machine the child may be killed before it has written much: it gets more rounds then.
    let enough = |round: u64, begun: usize| round >= rounds && (begun > 100 || round >= 4 * rounds);
    let mut round = 0;
    while !enough(round, begun.len()) {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--child")
            .arg(dir.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = listen(&mut child)?;
        // Sometimes before the first call, mostly in the middle of many.
        std::thread::sleep(Duration::from_millis(20 + round * 37 % 300));
        if round % 5 == 4 {
            let second = open(dir.path()).err().ok_or("two processes had one directory")?;
            require(matches!(second, StoreError::InUse { .. }), "a clear word for it")?;
        }
        child.kill()?;
        child.wait()?;
        for line in said.join().map_err(|_| "the listener panicked")? {
            match line.split_once(' ') {
                Some(("begun", id)) => begun.insert(CallId::parse(id).ok_or("an id")?),
                Some(("ended", id)) => ended.insert(CallId::parse(id).ok_or("an id")?),
                _ => return Err(format!("the child said `{line}`").into()),
            };
        }
        runtime()?.block_on(look(dir.path(), &begun, &ended, &mut signed))?;
        round += 1;
    }
    require(begun.len() > 100 && !ended.is_empty(), "the child wrote calls")?;
    #[expect(clippy::print_stdout, reason = "a test program reports what it did")]
    {
        println!("{round} kills, {} calls begun: none lost", begun.len());
    }
    Ok(())
}

fn listen(child: &mut Child) -> Result<std::thread::JoinHandle<Vec<String>>, Box<dyn Error>> {
    let out = BufReader::new(child.stdout.take().ok_or("no output")?);
    Ok(std::thread::spawn(move || {
        // The last line may have been cut by the kill; it has no line end then.
        let mut lines = Vec::new();
        let mut out = out;
        let mut line = String::new();
        while out.read_line(&mut line).is_ok_and(|read| read > 0) {
            match line.strip_suffix('\n') {
                Some(whole) => lines.push(whole.to_owned()),
                None => break,
            }
            line.clear();
        }
        lines
    }))
}

/// What must hold of a database whose process was killed.
async fn look(
    dir: &Path,
    begun: &HashSet<CallId>,
    ended: &HashSet<CallId>,
    signed: &mut Vec<audit::Checkpoint>,
) -> Result<(), Box<dyn Error>> {
    let store = open(dir)?;
    let org = store.org().clone();
    let (mut found, mut after) = (HashSet::new(), 0);
    let (mut completed, mut unknown) = (0_i64, 0_i64);
    loop {
        let filter = CallFilter::default();
        let calls = store.calls_after(&org, &filter, after, 500).await?;
        for call in &calls {
            require(call.index == after + 1, "the log has no gap")?;
            after = call.index;
            let id = call.intent.id;
            require(found.insert(id), "no call is there twice")?;
            let class = call.outcome.as_ref().map(|outcome| outcome.class);
            match class {
                Some(OutcomeClass::Completed) => completed += 1,
                Some(OutcomeClass::Unknown) => unknown += 1,
                other => return Err(format!("{id} ended as {other:?}").into()),
            }
            if ended.contains(&id) {
                require(class == Some(OutcomeClass::Completed), "a durable outcome stays")?;
            }
        }
        if calls.len() < 500 {
            break;
        }
    }
    require(begun.is_subset(&found), "every call that was let through is in the log")?;
    // The ledger moved in the same commits as the log: the two agree to the last call.
    let usage = store.usage(&org, &GRANT.into()).await?.limits;
    let sums = |u: &quota::Usage| (u.used, u.held, u.unknown);
    let counted = usage.first().map_or((0, 0, 0), |limit| sums(&limit.usage));
    let expected = (completed * 1_000_000, 0, unknown * 1_000_000);
    if counted != expected && found.len() as i64 != 0 {
        return Err(format!("the ledger has {counted:?}, the log {expected:?}").into());
    }
    let page = Page { after: None, limit: 1 };
    require(
        store.audit(&org, &store::AuditFilter::default(), &page).await?.items.is_empty(),
        "nothing else was written",
    )?;
    evidence(&store, dir, found.len(), begun, signed).await
}

/// Every acknowledged call is an entry, no place is empty, and every checkpoint ever seen continues
/// the one before.
async fn evidence(
    store: &Sqlite,
    dir: &Path,
    calls: usize,
    begun: &HashSet<CallId>,
    signed: &mut Vec<audit::Checkpoint>,
) -> Result<(), Box<dyn Error>> {
    let newest = store.checkpoint_now().await?;
    let log = audit::PublicKey::parse(&store.evidence_key().await?)?;
    let trust = audit::Trust {
        log: log.clone(),
        saved: signed.clone(),
        witnesses: Vec::new(),
        witnesses_needed: 0,
        call: None,
    };
    let mut verifier = audit::Verifier::new(trust);
    let mut decided = HashSet::new();
    store::sqlite::export_file(&dir.join("countersign.db"), 0, |line| {
        verifier.line(line.trim_end().as_bytes());
        if let (true, Some((_, call))) =
            (line.contains(r#""kind":"decision""#), line.split_once(r#""call":""#))
        {
            decided.extend(call.split('"').next().and_then(CallId::parse));
        }
        Ok::<_, StoreError>(())
    })?;
    let report = verifier.finish();
    if let Some(newest) = newest {
        require(report.holds(), &format!("the evidence holds: {:?}", report.findings))?;
        require(report.entries == calls as u64 * 2, "each call has two entries, and no other")?;
        signed.push(audit::Checkpoint::open(&newest.note, &log)?.0);
    }
    require(begun.is_subset(&decided), "every call that was let through is an entry")?;
    kept(store, calls).await
}

/// What was kept of a call stands in the commit of the entry that tells of it: never one without the
/// other.
async fn kept(store: &Sqlite, calls: usize) -> Result<(), Box<dyn Error>> {
    let org = store.org().clone();
    let (mut after, mut arguments) = ((0, -1), 0);
    loop {
        let some = store.captures(&org, None, after).await?;
        let Some(last) = some.last() else { break };
        after = last.place;
        for line in &some {
            let said = store.recorded_of_call(&org, &line.call).await?;
            require(said.fingerprints.is_some(), "fingerprints stand with their line")?;
            let said = if line.part == "arguments" { said.arguments } else { said.result };
            let digest = audit::Hash::sha256(&line.record).to_string();
            require(said.is_some_and(|said| said.contains(&digest)), "the entry has its digest")?;
            arguments += usize::from(line.part == "arguments");
        }
    }
    require(arguments == calls, "what was kept of each call is there")
}

fn require(holds: bool, what: &str) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err(format!("it does not hold that {what}").into()) }
}

fn intent(store: &Sqlite) -> Result<Intent, vault::NoRandomness> {
    let mut random = [0; 10];
    OsRandom.fill(&mut random)?;
    let at = SystemClock.now();
    Ok(Intent {
        id: CallId::new(at, random),
        at,
        org: store.org().clone(),
        grant: GRANT.into(),
        grant_label: "x".into(),
        identity: "x".into(),
        token_generation: 1,
        server: "srv_x".into(),
        server_slug: "x".into(),
        version: "2025-11-25",
        method: "tools/call".into(),
        tool: Some("t".into()),
        fingerprint: None,
        policy: None,
        verdict: Verdict::Allowed,
        rule: "".into(),
        reason: "allowed",
        known_args: Vec::new(),
        unknown_args: 0,
        request_bytes: 1,
        charged: vec!["/all_tools/limits/c".into()],
        count: 1,
        marks: Some(Box::new(Marks {
            fingerprints: Some(r#"{"all":"x","key":1,"of":{},"scheme":"hmac-v1"}"#.to_owned()),
            capture: Some(Capture::Sealed { key: "12345678".into(), record: random.repeat(20) }),
        })),
    })
}

fn outcome(id: CallId) -> Outcome {
    Outcome {
        id,
        at: SystemClock.now(),
        class: OutcomeClass::Completed,
        detail: "",
        upstream_status: Some(200),
        response_bytes: 1,
        took_micros: 1,
        upstream_micros: 1,
        echo_removed: false,
        capture: Some(Box::new(Capture::Sealed { key: "12345678".into(), record: id.0.to_vec() })),
    }
}

/// Money: what is unknown stays counted. The window is a year, so that no kill falls on its edge.
fn charge(store: &Sqlite) -> (Key, policy::Charge) {
    let key = Key::new(KeyParts {
        organisation: store.org().as_str().into(),
        subject: Subject::Grant(GRANT.into()),
        server: "srv_x".into(),
        place: quota::Place::AllTools,
        counter: "c".into(),
        per: Vec::new(),
    });
    let charge = policy::Charge {
        rule: "/all_tools/limits/c".into(),
        place: policy::Place::AllTools,
        counter: "c".into(),
        window: policy::Window::Length(Duration::from_secs(365 * 86_400)),
        rolling: true,
        zone: jiff::tz::TimeZone::UTC,
        max_millionths: i64::MAX,
        amount_millionths: 1_000_000,
        counts_amount: true,
        per: Vec::new(),
        scope: policy::Scope::Grant,
        count_failed: false,
        on_unknown: policy::OnUnknown::Keep,
        on_deny: None,
    };
    (key, charge)
}
