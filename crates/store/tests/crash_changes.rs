//! Kills a process that makes changes, again and again: no change is there without its line in the
//! audit log, and no line without its change.
//!
//! A program of its own, as `crash.rs` is: it starts itself as the child that is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store::sqlite::Sqlite;
use store::{
    AuditFilter, By, Clock, ControlPlane, DraftText, MemberDraft, MemberState, People, Role,
    StoreError, SystemClock,
};
use vault::{OsRandom, RootKey};

/// How often the child is killed.
const ROUNDS: u64 = 20;
/// How many change things at once.
const PEOPLE: usize = 4;

/// How many names were made up by this process.
static MADE: AtomicU64 = AtomicU64::new(0);

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("--child") => child(Path::new(args.get(2).ok_or("no directory")?)),
        // What a test runner asks before it runs anything.
        Some("--list") => Ok(()),
        _ => parent(),
    }
}

fn open(dir: &Path) -> Result<Sqlite, StoreError> {
    let root = RootKey::from_bytes(&std::array::from_fn(|at| at as u8));
    Sqlite::open(dir, &root, Arc::new(SystemClock), Arc::new(OsRandom))
}

fn runtime() -> Result<tokio::runtime::Runtime, std::io::Error> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Changes things for as long as it lives.
fn child(dir: &Path) -> Result<(), Failed> {
    let store = Arc::new(open(dir)?);
    runtime()?.block_on(async move {
        let people: Vec<_> = (0..PEOPLE).map(|_| tokio::spawn(change(store.clone()))).collect();
        for person in people {
            person.await??;
        }
        Ok(())
    })
}

async fn change(store: Arc<Sqlite>) -> Result<(), Failed> {
    loop {
        let by = By::program(store.org().clone(), SystemClock.now());
        let made = MADE.fetch_add(1, Ordering::SeqCst);
        let name = format!("n-{}-{made}", std::process::id());
        let draft =
            MemberDraft { email: format!("{name}@b"), name: name.clone(), role: Role::Admin };
        let member = store.member_add(&by, draft).await?;
        store.group_create(&by, &name, vec![member.id.clone()]).await?;
        store.api_key_create(&by, &member.id, &name, Role::Admin, None).await?;
        let policy = store.policy_create(&by, &name, None).await?;
        let text = || DraftText { text: b"{}".to_vec(), cases: None, note: String::new() };
        let kept = store.policy_draft_put(&by, &policy.id, 0, text()).await?;
        store.policy_draft_publish(&by, &policy.id, kept.revision, "").await?;
        if made.is_multiple_of(2) {
            // One change of many rows: the member, their key, their group.
            store.member_remove(&by, &member.id, vec![]).await?;
        }
        say(&name)?;
    }
}

/// One line in one write: what is said is said whole or not at all.
fn say(name: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{name}\n").as_bytes())?;
    out.flush()
}

fn parent() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let mut told = BTreeSet::new();
    let mut lines = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--child")
            .arg(dir.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = BufReader::new(child.stdout.take().ok_or("no output")?);
        let listener = std::thread::spawn(move || {
            // The last line may have been cut by the kill: whole ones only.
            let whole = out.split(b'\n').map_while(Result::ok);
            whole.filter_map(|line| String::from_utf8(line).ok()).collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(60 + round * 41 % 300));
        child.kill()?;
        child.wait()?;
        told.extend(listener.join().map_err(|_| "the listener panicked")?);
        lines = runtime()?.block_on(look(dir.path(), &told))?;
    }
    require(told.len() > 20, "the child made changes")?;
    #[expect(clippy::print_stdout, reason = "a test program reports what it did")]
    {
        println!("{ROUNDS} kills, {lines} changes: each with its line, each line with its change");
    }
    Ok(())
}

/// What must hold of a database whose process was killed.
async fn look(dir: &Path, told: &BTreeSet<String>) -> Result<usize, Failed> {
    let store = open(dir)?;
    let org = store.org().clone();
    // What the log says there is: subjects by event.
    let mut log: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut after, mut lines) = (0, 0);
    loop {
        let page = store.audit_after(&org, &AuditFilter::default(), after, 500).await?;
        let Some(last) = page.last() else { break };
        after = last.index;
        lines += page.len();
        for event in page {
            let once = log.entry(event.event).or_default().insert(event.subject);
            require(once, "no change has two lines")?;
        }
    }
    let said = |event: &str| log.get(event).cloned().unwrap_or_default();
    let members = store.members(&org).await?;
    let groups = store.groups(&org).await?;
    let keys = store.api_keys(&org).await?;
    let policies = store.policies(&org).await?;

    let all = members.iter().map(|m| m.id.to_string()).collect::<BTreeSet<_>>();
    require(all == said("member.added"), "members and their lines")?;
    let gone = members.iter().filter(|m| m.state == MemberState::Removed);
    let gone: BTreeSet<_> = gone.map(|m| m.id.to_string()).collect();
    require(gone == said("member.removed"), "removed members and their lines")?;
    let all: BTreeSet<_> = groups.iter().map(|g| g.id.to_string()).collect();
    require(all == said("group.created"), "groups and their lines")?;
    let all: BTreeSet<_> = keys.iter().map(|k| k.id.to_string()).collect();
    require(all == said("api_key.created"), "keys and their lines")?;
    let all: BTreeSet<_> = policies.iter().map(|p| p.id.to_string()).collect();
    require(all == said("policy.created"), "policies and their lines")?;
    let published = policies.iter().filter(|p| p.latest == 1);
    let published: BTreeSet<_> = published.map(|p| p.id.to_string()).collect();
    require(published == said("policy.published"), "versions and their lines")?;
    for policy in &policies {
        let draft = store.policy_draft(&org, &policy.id).await?.is_some();
        let drafted = said("policy.drafted").contains(policy.id.as_str());
        require(draft == (drafted && policy.latest == 0), "drafts and their lines")?;
    }
    // One step: whoever is removed has no good key and is in no group.
    for key in keys.iter().filter(|key| gone.contains(key.member.as_str())) {
        require(key.revoked_at.is_some(), "a removed member's key has ended")?;
    }
    let inside = groups.iter().flat_map(|group| &group.members);
    require(inside.into_iter().all(|id| !gone.contains(id.as_str())), "they left their groups")?;
    let names: BTreeSet<_> = members.into_iter().map(|member| member.name).collect();
    require(told.iter().all(|name| names.contains(name)), "what was told is there")?;
    store.close();
    Ok(lines)
}

fn require(holds: bool, what: &str) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(format!("this does not hold: {what}").into()) }
}
