//! Kills a gateway under load, a hundred times, at every step of the road, and looks at what is
//! left: no call reached the upstream without its intent on disk, every open intent is closed as
//! unknown at the next start, and the money counted is what the upstream's own ledger says it
//! executed, plus what is shown as unknown, to the millionth.
//!
//! The program starts copies of itself: with `child` as its first argument it is the gateway.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that fails panics, and the child tells its address on standard output"
)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{Config, Gateway};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use serde_json::json;
use store::sqlite::Sqlite;
use store::{
    Attachment, By, CallFilter, CallId, Clock as _, ControlPlane as _, GrantDraft, OnToolChange,
    OutcomeClass, ServerDraft, SystemClock, Verdict,
};
use testkit::{Agent, Answer, Era, Piece, Seen, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vault::{OsRandom, RootKey, Secret};

/// How often the gateway is killed.
const KILLS: usize = 100;
/// Agents that call as fast as they are answered.
const AGENTS: usize = 12;
/// The root key of the database that is killed; it guards nothing.
const ROOT: [u8; 32] = [7; 32];
/// More than all the calls of this test together may use.
const MOST: i64 = 1_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("child") => runtime.block_on(child(Path::new(&arguments[2]), &arguments[3])),
        // What the test runner asks of every program of tests.
        Some("--list") => println!("kills: test"),
        Some(filter) if !filter.starts_with('-') && !"kills".contains(filter) => {}
        _ => runtime.block_on(kills()),
    }
}

fn open(directory: &Path) -> Arc<Sqlite> {
    let root = RootKey::from_bytes(&ROOT);
    Arc::new(Sqlite::open(directory, &root, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap())
}

/// The gateway: serves until it is killed. Says its address and, the first time, its token.
async fn child(directory: &Path, upstream: &str) {
    let store = open(directory);
    let token = match store.first_start() {
        true => furnish(&store, upstream).await,
        false => String::new(),
    };
    let gateway =
        Gateway::new(Config::default(), store.clone(), store.keyring(), Arc::new(SystemClock));
    if store.first_start() {
        let server = store.servers(store.org()).await.unwrap().remove(0).id;
        gateway.probe(&server).await.unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{} {token}", listener.local_addr().unwrap());
    gateway.serve(listener, std::future::pending()).await.unwrap();
}

async fn furnish(store: &Sqlite, upstream: &str) -> String {
    let by = By::program(store.org().clone(), SystemClock.now());
    let draft = ServerDraft {
        slug: "payments".into(),
        name: "Payments".into(),
        url: upstream.into(),
        private_targets: Vec::new(),
        on_tool_change: OnToolChange::Deny,
        enabled: true,
    };
    let server = store.server_create(&by, draft).await.unwrap().id;
    let headers = vec![("authorization".to_owned(), Secret::from("Bearer sealed".to_owned()))];
    store.credential_set(&by, &server, headers).await.unwrap();
    let policy = store.policy_create(&by, "policy", None).await.unwrap().id;
    let document = json!({"version": "1", "default": "deny", "tools": {"pay": {
        "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 1}]}],
        "limits": [{"counter": "spend", "window": "month", "max": MOST, "amount": "args.amount"}]}}});
    let text = document.to_string().into_bytes();
    store.policy_publish(&by, &policy, text, None, "", None).await.unwrap();
    let draft = GrantDraft {
        label: "agent".into(),
        identity: "tester".into(),
        owner: None,
        tags: Vec::new(),
        not_before: None,
        expires_at: None,
        in_flight_max: 1_000,
        servers: vec![Attachment { server, policy: Some(policy) }],
    };
    store.grant_issue(&by, draft).await.unwrap().1.expose().to_owned()
}

/// The step of the road at which a round's kill falls.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// At any moment: in the reading, the judging, the recording.
    Anywhere,
    /// The upstream has a connection and not yet a byte.
    Connected,
    /// The upstream has the whole call and has said nothing.
    Arrived,
    /// The upstream has said half of its answer.
    HalfAnswered,
    /// The upstream has said everything: the gateway is settling and recording.
    Answered,
}

const STEPS: [Step; 5] =
    [Step::Anywhere, Step::Connected, Step::Arrived, Step::HalfAnswered, Step::Answered];

/// What the upstream has seen: each call's id, whether its intent was on disk by then, and the
/// money it was for, in millionths. It executes whatever arrives: this is its own ledger.
#[derive(Default)]
struct Witness {
    calls: Mutex<Vec<(CallId, bool, i64)>>,
    arrived: AtomicUsize,
    database: Mutex<Option<Connection>>,
}

impl Witness {
    fn see(&self, seen: &Seen, database: &Path) {
        let token = seen.message["params"]["_meta"]["progressToken"].as_str().unwrap_or_default();
        let id = CallId::parse(token).expect("a call carries its id as the progress token");
        let mut connection = self.database.lock().unwrap();
        let written = is_written(connection.get_or_insert_with(|| read_only(database)), id);
        let amount = seen.message["params"]["arguments"]["amount"].as_f64().unwrap();
        let millionths = (amount * 1e6).round() as i64;
        self.calls.lock().unwrap().push((id, written, millionths));
        self.arrived.fetch_add(1, Ordering::SeqCst);
    }
}

fn read_only(database: &Path) -> Connection {
    let connection =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection
}

/// Whether a call's line is in the database now, for anybody who opens the file.
fn is_written(database: &Connection, id: CallId) -> bool {
    let found: Option<i64> = database
        .query_row("SELECT idx FROM calls WHERE id = ?1", [id.0.as_slice()], |row| row.get(0))
        .optional()
        .unwrap();
    found.is_some()
}

async fn kills() {
    let directory = tempfile::TempDir::with_prefix("countersign-crash").unwrap();
    let database: PathBuf = directory.path().join("countersign.db");
    let tools = json!([{"name": "pay", "inputSchema": {"type": "object", "properties": {"amount": {"type": "number"}}}}]);
    let upstream = Upstream::start(tools).await;
    let witness = Arc::new(Witness::default());
    let mut token = String::new();
    let mut random = 0x5deece66d_u64;
    for round in 0..KILLS {
        let step = STEPS[round % STEPS.len()];
        script(&upstream, step, &witness, &database);
        let (mut child, address, given) = start(directory.path(), &upstream.url());
        if !given.is_empty() {
            token = given;
        }
        let before = witness.arrived.load(Ordering::SeqCst);
        let agents = load(address, &token);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let pause = Duration::from_millis(random >> 33 & 63);
        match step {
            Step::Anywhere => tokio::time::sleep(pause + Duration::from_millis(15)).await,
            Step::Connected => upstream.wait_for_connections(upstream.connections() + 1).await,
            Step::Arrived | Step::HalfAnswered | Step::Answered => {
                // After a few calls, so that others are at other steps.
                // Where answers never end, each agent has one call and no more.
                let most = if matches!(step, Step::HalfAnswered) { AGENTS } else { 3 * AGENTS };
                let wanted = before + 1 + (random >> 40) as usize % most;
                while witness.arrived.load(Ordering::SeqCst) < wanted {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
        // While the gateway is killed nobody of ours holds the file.
        witness.database.lock().unwrap().take();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(agents);
        check_after_kill(&witness, &database, round, step);
        check_after_start(directory.path(), &witness, round).await;
    }
    let calls = witness.calls.lock().unwrap().len();
    assert!(calls > KILLS, "there was load: {calls} calls");
    println!("{KILLS} kills under load, {calls} calls, none without its intent, none left open");
}

/// How the upstream answers in a round of that step.
fn script(upstream: &Upstream, step: Step, witness: &Arc<Witness>, database: &Path) {
    let (witness, database) = (witness.clone(), database.to_owned());
    upstream.on_call(move |seen| {
        witness.see(seen, &database);
        let answer = seen.answer_to(seen.complete(json!({"content": [{"type": "text", "text": "paid"}]})));
        let event = format!("data: {answer}\n\n");
        match step {
            Step::Anywhere | Step::Connected | Step::Answered => Answer::json(answer.to_string()),
            Step::Arrived => Answer::json(answer.to_string()).after(Duration::from_millis(30)),
            Step::HalfAnswered => {
                let half = event.len() / 2;
                match seen.id().as_i64().unwrap_or(0) % 2 {
                    0 => Answer::open_stream(&[&event[..half]]),
                    _ => Answer::pieces(vec![
                        Piece::Bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{".to_vec()),
                        Piece::Hang,
                    ]),
                }
            }
        }
    });
}

fn start(directory: &Path, upstream: &str) -> (Child, SocketAddr, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("child")
        .arg(directory)
        .arg(upstream)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (address, token) = line.trim_end_matches('\n').split_once(' ').expect("the child starts");
    (child, address.parse().unwrap(), token.to_owned())
}

/// Agents that call until they are dropped, and do not mind a gateway that is gone.
fn load(address: SocketAddr, token: &str) -> tokio::task::JoinSet<()> {
    let mut agents = tokio::task::JoinSet::new();
    for number in 0..AGENTS as u64 {
        let agent = Agent { address, server: "payments".into(), token: token.to_owned() };
        agents.spawn(async move {
            let era = if number % 2 == 0 { Era::Legacy } else { Era::Modern };
            for turn in 0_u64.. {
                // Every third call is one that the policy denies: it must never arrive.
                let cents = (turn * 7_919 + number * 104_729) % 1_000_000 + 1;
                let amount = if turn % 3 == 2 { 2.0 } else { cents as f64 / 1e6 };
                let params = json!({"name": "pay", "arguments": {"amount": amount}, "_meta": {"progressToken": turn}});
                let body = Agent::message(&era, "tools/call", params);
                let request = agent.post(&era, body).header("Connection", "close").bytes();
                if exchange(address, &request).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
    }
    agents
}

async fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<()> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(())
}

/// Right after the kill, before anybody else has touched the file.
fn check_after_kill(witness: &Witness, database: &Path, round: usize, step: Step) {
    let connection = read_only(database);
    let whole: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok", "round {round} {step:?}");
    for (id, written, _) in witness.calls.lock().unwrap().iter() {
        assert!(*written, "round {round} {step:?}: {id} arrived before its intent was written");
        assert!(is_written(&connection, *id), "round {round} {step:?}: the intent of {id} is gone");
    }
}

/// After the next start, which closes what was left open.
async fn check_after_start(directory: &Path, witness: &Witness, round: usize) {
    let store = open(directory);
    let org = store.org().clone();
    let mut lines = HashMap::new();
    let mut last = 0;
    loop {
        let page = store.calls_after(&org, &CallFilter::default(), last, 500).await.unwrap();
        let Some(line) = page.last() else { break };
        last = line.index;
        lines.extend(page.into_iter().map(|line| (line.intent.id, line)));
    }
    for line in lines.values() {
        if line.intent.verdict != Verdict::Allowed {
            assert!(line.outcome.is_none(), "round {round}: a denied call has an outcome");
            continue;
        }
        let Some(outcome) = &line.outcome else { panic!("round {round}: {line:?} is still open") };
        let class = outcome.class;
        assert!(
            matches!(
                class,
                OutcomeClass::Completed | OutcomeClass::Unknown | OutcomeClass::NotSent
            ),
            "round {round}: {class:?}"
        );
    }
    let executed: HashMap<CallId, i64> =
        witness.calls.lock().unwrap().iter().map(|(id, _, amount)| (*id, *amount)).collect();
    assert_eq!(executed.len(), witness.calls.lock().unwrap().len(), "round {round}: sent twice");
    for id in executed.keys() {
        let line = lines.get(id).unwrap_or_else(|| panic!("round {round}: {id} has no line"));
        assert_eq!(line.intent.verdict, Verdict::Allowed, "round {round}: a denied call arrived");
    }
    check_money(&store, &lines, &executed, round).await;
}

/// The limit beside the upstream's own ledger.
async fn check_money(
    store: &Sqlite,
    lines: &HashMap<CallId, store::Call>,
    executed: &HashMap<CallId, i64>,
    round: usize,
) {
    let org = store.org().clone();
    let grant = store.grant(&org, "agent").await.unwrap().unwrap().id;
    let usage = store.usage(&org, &grant).await.unwrap().limits;
    let [limit] = usage.as_slice() else { panic!("round {round}: one limit, not {}", usage.len()) };
    let (used, unknown) = (limit.usage.used, limit.usage.unknown);
    assert_eq!(limit.usage.held, 0, "round {round}: a dead process holds nothing");

    // What is settled is what was answered, each call once.
    let class = |id: &CallId| lines[id].outcome.as_ref().map(|outcome| outcome.class);
    let answered = executed.iter().filter(|(id, _)| class(id) == Some(OutcomeClass::Completed));
    assert_eq!(used, answered.map(|(_, amount)| amount).sum::<i64>(), "round {round}: settled");

    // What nobody knows is listed, call by call, and adds up to what the limit shows.
    let mut listed = HashMap::new();
    let mut page = store::Page { after: None, limit: 500 };
    loop {
        let part = store.reservations(&org, quota::State::Unknown, None, &page).await.unwrap();
        for held in part.items {
            assert_eq!(class(&held.id), Some(OutcomeClass::Unknown), "round {round}");
            listed.insert(held.id, held.holds.iter().map(|hold| hold.amount).sum::<i64>());
        }
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(unknown, listed.values().sum::<i64>(), "round {round}: unknown");

    // Counted is never below executed, and the difference is unknown calls that never arrived.
    let spent: i64 = executed.values().sum();
    assert!(used + unknown >= spent, "round {round}: {used} + {unknown} of {spent}");
    let in_vain = listed.iter().filter(|(id, _)| !executed.contains_key(id));
    let in_vain: i64 = in_vain.map(|(_, amount)| amount).sum();
    assert_eq!(used + unknown, spent + in_vain, "round {round}: counted twice or not at all");
}
