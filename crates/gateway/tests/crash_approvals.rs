//! Kills a gateway while agents ask for sign-offs, people give them and calls use them, at every step
//! of that road, and looks at what is left: no approval was used by two calls, none is used without
//! its call in the log, nothing reached the upstream that nobody signed off, and what people outside
//! are to be told stands beside what happened (V14).
//!
//! The program starts copies of itself: with `child` as its first argument it is the gateway, and the
//! person who signs everything off.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that fails panics, and the child tells its address on standard output"
)]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{Config, Gateway, Holding};
use serde_json::json;
use store::sqlite::Sqlite;
use store::{
    Approval, ApprovalState, Approvals as _, ApprovalsOf, Attachment, By, CallFilter, CallId,
    ChannelDraft, ChannelTarget, Channels as _, Clock as _, ControlPlane as _, DataPlane as _,
    GrantDraft, Member, MemberDraft, OnToolChange, OutcomeClass, Page, People as _, Role,
    ServerDraft, Signing, SystemClock, Verdict, Word,
};
use testkit::{Agent, Answer, Era, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vault::{OsRandom, RootKey, Secret};

/// How often the gateway is killed.
const KILLS: usize = 30;
/// Agents, each with a grant of its own and one call that it repeats until it was carried out.
const AGENTS: usize = 6;
/// The root key of the database that is killed; it guards nothing.
const ROOT: [u8; 32] = [7; 32];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("child") => runtime.block_on(child(Path::new(&arguments[2]), &arguments[3])),
        // What the test runner asks of every program of tests.
        Some("--list") => println!("sign_offs: test"),
        Some(filter) if !filter.starts_with('-') && !"sign_offs".contains(filter) => {}
        _ => runtime.block_on(kills()),
    }
}

fn open(directory: &Path) -> Arc<Sqlite> {
    let root = RootKey::from_bytes(&ROOT);
    Arc::new(Sqlite::open(directory, &root, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap())
}

/// The gateway, and whoever signs off: until killed. Says its address and, the first time, tokens.
async fn child(directory: &Path, upstream: &str) {
    let store = open(directory);
    let tokens = match store.first_start() {
        true => furnish(&store, upstream).await.join(" "),
        false => String::new(),
    };
    let none = Duration::ZERO;
    let holding = Holding { legacy: none, first_leg: none, legs: 0, ..Holding::default() };
    let config = Config { holding, ..Config::default() };
    let gateway = Gateway::new(config, store.clone(), store.keyring(), Arc::new(SystemClock));
    if store.first_start() {
        let server = store.servers(store.org()).await.unwrap().remove(0).id;
        gateway.probe(&server).await.unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{} {tokens}", listener.local_addr().unwrap());
    tokio::spawn(sign_everything_off(store));
    gateway.serve(listener, std::future::pending()).await.unwrap();
}

async fn person(store: &Sqlite) -> Member {
    let found = store.member(store.org(), "finance@example.org").await.unwrap();
    found.expect("there is somebody to ask")
}

async fn listed(store: &Sqlite, member: &Member, which: ApprovalsOf) -> Vec<Approval> {
    let mut page = Page { after: None, limit: 500 };
    let mut found = Vec::new();
    loop {
        let part = store.approvals(store.org(), &member.id, member.role, which, &page);
        let part = part.await.unwrap();
        found.extend(part.items.into_iter().map(|(approval, _)| approval));
        match part.next {
            Some(next) => page.after = Some(next),
            None => return found,
        }
    }
}

async fn sign_everything_off(store: Arc<Sqlite>) {
    let member = person(&store).await;
    let mut changes = store.approving().approvals_changed();
    loop {
        for approval in listed(&store, &member, ApprovalsOf::Waiting).await {
            let word = Word {
                approve: true,
                fingerprint: approval.fingerprint_shown(),
                note: String::new(),
            };
            let by = By {
                member: Some(member.id.clone()),
                name: member.name.clone(),
                ..By::program(store.org().clone(), SystemClock.now())
            };
            // It may have ended meanwhile.
            let _ = store.approval_decide(&by, member.role, &approval.id, word).await;
        }
        let _ = tokio::time::timeout(Duration::from_millis(50), changes.changed()).await;
    }
}

async fn furnish(store: &Sqlite, upstream: &str) -> Vec<String> {
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
    let draft = MemberDraft {
        email: "finance@example.org".to_owned(),
        name: "Finance".to_owned(),
        role: Role::PolicyManager,
    };
    store.member_add(&by, draft).await.unwrap();
    let target = ChannelTarget::Webhook {
        url: "https://hooks.example.org/".to_owned(),
        signing: Signing::Hmac,
    };
    let draft = ChannelDraft {
        name: "hook".to_owned(),
        enabled: true,
        events: vec![ApprovalState::Pending, ApprovalState::Approved, ApprovalState::Consumed],
        private_targets: vec![],
        target,
    };
    store.channel_create(&by, draft, Some(Secret::new(vec![7; 32]))).await.unwrap();
    let policy = store.policy_create(&by, "policy", None).await.unwrap().id;
    let document = json!({"version": "1", "default": "deny", "tools": {"pay": {
        "approve_if": [{"conditions": [], "approvers": ["role:policy_manager"], "expires_in": "1h"}]}}});
    let text = document.to_string().into_bytes();
    store.policy_publish(&by, &policy, text, None, "", None).await.unwrap();
    let mut tokens = Vec::new();
    for number in 0..AGENTS {
        let draft = GrantDraft {
            label: format!("agent {number}"),
            identity: "tester".into(),
            owner: None,
            tags: Vec::new(),
            not_before: None,
            expires_at: None,
            in_flight_max: 1_000,
            servers: vec![Attachment { server: server.clone(), policy: Some(policy.clone()) }],
        };
        tokens.push(store.grant_issue(&by, draft).await.unwrap().1.expose().to_owned());
    }
    tokens
}

/// What the upstream was asked to carry out: the id of each call, and what it was for.
#[derive(Default)]
struct Witness {
    calls: Mutex<Vec<(CallId, String)>>,
    arrived: AtomicUsize,
}

async fn kills() {
    let directory = tempfile::TempDir::with_prefix("countersign-crash").unwrap();
    let tools = json!([{"name": "pay", "inputSchema": {"type": "object", "properties": {
        "payment": {"type": "string"}}}}]);
    let upstream = Upstream::start(tools).await;
    let witness = Arc::new(Witness::default());
    let seen_by = Arc::clone(&witness);
    upstream.on_call(move |seen| {
        let token = seen.message["params"]["_meta"]["progressToken"].as_str().unwrap_or_default();
        let id = CallId::parse(token).expect("a call carries its id as the progress token");
        let payment = seen.message["params"]["arguments"]["payment"].to_string();
        seen_by.calls.lock().unwrap().push((id, payment));
        seen_by.arrived.fetch_add(1, Ordering::SeqCst);
        let paid = seen.complete(json!({"content": [{"type": "text", "text": "paid"}]}));
        Answer::json(seen.answer_to(paid).to_string())
    });
    let (mut tokens, mut random) = (Vec::new(), 0x5deece66d_u64);
    for round in 0..KILLS {
        let (mut child, address, given) = start(directory.path(), &upstream.url());
        if !given.is_empty() {
            tokens = given;
        }
        let agents = load(address, &tokens, round);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if round % 3 == 0 {
            // At any moment: asking, signing, using, sending, recording.
            tokio::time::sleep(Duration::from_millis(20 + (random >> 33 & 255))).await;
        } else {
            // Right after a call has left, while others are at other steps.
            let wanted = witness.arrived.load(Ordering::SeqCst) + 1 + (random >> 40) as usize % 8;
            while witness.arrived.load(Ordering::SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(agents);
        check(directory.path(), &witness, round).await;
    }
    let calls = witness.calls.lock().unwrap().len();
    assert!(calls > KILLS, "there was load: {calls} calls");
    println!("{KILLS} kills, {calls} calls, each signed off for itself and used once");
}

fn start(directory: &Path, upstream: &str) -> (Child, SocketAddr, Vec<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("child")
        .arg(directory)
        .arg(upstream)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut words = line.split_whitespace();
    let address = words.next().expect("the child starts").parse().unwrap();
    (child, address, words.map(str::to_owned).collect())
}

/// Agents that repeat a call until it was carried out, twice at a time, and then make another.
fn load(address: SocketAddr, tokens: &[String], round: usize) -> tokio::task::JoinSet<()> {
    let mut agents = tokio::task::JoinSet::new();
    for (number, token) in tokens.iter().enumerate() {
        let agent = Agent { address, server: "payments".into(), token: token.clone() };
        agents.spawn(async move {
            for turn in 0_u64.. {
                let payment = format!("{number}-{round}-{turn}");
                loop {
                    let ask = || {
                        let params = json!({"name": "pay", "arguments": {"payment": payment}, "_meta": {"progressToken": turn}});
                        let body = Agent::message(&Era::Legacy, "tools/call", params);
                        agent.post(&Era::Legacy, body).header("Connection", "close").bytes()
                    };
                    let (one, two) = (ask(), ask());
                    let both = tokio::join!(exchange(address, &one), exchange(address, &two));
                    let paid = |answer: &std::io::Result<Vec<u8>>| {
                        let text = answer.as_deref().map(String::from_utf8_lossy);
                        text.is_ok_and(|text| text.contains("\"paid\""))
                    };
                    if paid(&both.0) || paid(&both.1) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
            }
        });
    }
    agents
}

async fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// After the next start, which closes what was left open.
async fn check(directory: &Path, witness: &Witness, round: usize) {
    let store = open(directory);
    let org = store.org().clone();
    let (mut lines, mut last) = (HashMap::new(), 0);
    loop {
        let page = store.calls_after(&org, &CallFilter::default(), last, 500).await.unwrap();
        let Some(line) = page.last() else { break };
        last = line.index;
        lines.extend(page.into_iter().map(|line| (line.intent.id, line)));
    }
    let member = person(&store).await;
    let mut used: HashMap<CallId, Approval> = HashMap::new();
    let all = listed(&store, &member, ApprovalsOf::Decided).await;
    for approval in &all {
        assert_eq!(approval.state == ApprovalState::Consumed, approval.used_by.is_some());
        let Some(call) = approval.used_by else { continue };
        let line = lines.get(&call);
        let line =
            line.unwrap_or_else(|| panic!("round {round}: {call} used an approval unrecorded"));
        assert_eq!((line.intent.verdict, line.intent.reason), (Verdict::Allowed, "approved"));
        let class = line.outcome.as_ref().map(|outcome| outcome.class);
        let ended = matches!(
            class,
            Some(OutcomeClass::Completed | OutcomeClass::Unknown | OutcomeClass::NotSent)
        );
        assert!(ended, "round {round}: {call} ended as {class:?}");
        let other = used.insert(call, approval.clone());
        assert!(other.is_none(), "round {round}: {call} used two approvals");
    }
    for line in lines.values().filter(|line| line.intent.verdict == Verdict::Allowed) {
        let id = line.intent.id;
        assert!(used.contains_key(&id), "round {round}: {id} was let through unsigned");
    }
    let arrived = witness.calls.lock().unwrap().clone();
    let ids: HashSet<CallId> = arrived.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), arrived.len(), "round {round}: one call arrived twice");
    for id in &ids {
        assert!(used.contains_key(id), "round {round}: {id} arrived unsigned");
    }
    // Of one payment, as many calls arrived as were signed off for it: a new one, each time that the
    // fate of the one before is not known.
    let mut signed: HashMap<[u8; 32], usize> = HashMap::new();
    for approval in used.values() {
        *signed.entry(approval.digest).or_default() += 1;
    }
    let mut paid: HashMap<&str, (usize, [u8; 32])> = HashMap::new();
    for (id, payment) in &arrived {
        let entry = paid.entry(payment).or_insert((0, used[id].digest));
        assert_eq!(entry.1, used[id].digest, "round {round}: {payment} ran as something else");
        entry.0 += 1;
    }
    for (payment, (times, digest)) in paid {
        assert!(times <= signed[&digest], "round {round}: {payment} ran {times} times");
    }
    told(&store, &all, round).await;
}

/// What is to be told stands in the outbox, change by change.
async fn told(store: &Sqlite, all: &[Approval], round: usize) {
    let channel = store.channel(store.org(), "hook").await.unwrap().unwrap();
    let mut page = Page { after: None, limit: 500 };
    let mut told = HashSet::new();
    loop {
        let part = store.deliveries(store.org(), &channel.id, None, &page).await.unwrap();
        for of in part.items {
            let approval = of.approval.expect("none is a test").id;
            assert!(told.insert((approval, of.event)), "round {round}: told twice");
        }
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    for approval in all {
        let steps = match approval.state {
            ApprovalState::Consumed => &["pending", "approved", "consumed"][..],
            ApprovalState::Approved => &["pending", "approved"][..],
            _ => &["pending"][..],
        };
        for step in steps {
            let line = (approval.id.clone(), format!("approval.{step}"));
            assert!(told.contains(&line), "round {round}: {line:?} is not told");
        }
    }
}
