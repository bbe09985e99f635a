//! The commands against a running instance with the payments server behind it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::program::{Ended, Running, program, run, serve};

const KEY: &str = "sk_commands";
const POLICY: &str = r#"{"version":"1","default":"deny","tools":{"list_invoices":{},
  "refund_payment":{"limits":[{"counter":"value","window":"day","max":100,"amount":"args.amount"}]}}}"#;

/// A payments server, and an instance that knows it as `pay`.
pub(crate) struct House {
    pub(crate) payments: payments::Running,
    pub(crate) instance: Running,
    pub(crate) dir: TempDir,
}

async fn house() -> House {
    house_with(payments::Options::default()).await
}

pub(crate) async fn house_with(options: payments::Options) -> House {
    let dir = tempdir().unwrap();
    let address = ([127, 0, 0, 1], 0).into();
    let payments = payments::Server::start_with(address, KEY.to_owned(), options).await.unwrap();
    let instance = serve(dir.path());
    House { payments, instance, dir }
}

impl House {
    fn run(&self, arguments: &[&str]) -> Ended {
        self.instance.run(arguments)
    }

    /// Runs a command that must succeed, and gives its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.json()
    }

    /// Runs a command that must be refused, and gives the failure's code.
    fn refused(&self, arguments: &[&str]) -> String {
        let ended = self.run(&[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
        let (code, error, _) = ended.failure();
        assert!(!error.is_empty(), "{arguments:?}");
        code
    }

    fn seal(&self, key: &str, arguments: &[&str]) -> Ended {
        let arguments = [&["--json", "credential", "set", "pay"], arguments].concat();
        let mut command = self.instance.command(&self.instance.api_key, &arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
        Ended::of(child.wait_with_output().unwrap())
    }

    /// Registers the server, seals its key and publishes the policy.
    pub(crate) fn furnish(&self) {
        let url = self.payments.url();
        self.json(&["server", "add", "pay", &url, "--no-probe"]);
        assert_eq!(self.seal(&format!("{KEY}\n"), &[]).code, Some(0));
        let found = self.json(&["server", "refresh", "pay"]);
        assert_eq!(found["tools"]["found"], 6, "{found}");
        self.write("p.json", POLICY);
        self.json(&["policy", "publish", "pol", "p.json", "--note", "first"]);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_registered_and_told() {
    let house = house().await;
    // Nothing listens on the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = house.run(&["--json", "server", "add", "pay", &format!("http://{gone}/mcp")]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (code, error, next) = ended.failure();
    assert_eq!(code, "upstream_unreachable", "{ended:?}");
    assert!(error.contains("`pay` is registered") && next.contains("server refresh pay"));
    assert_eq!(house.json(&["server", "show", "pay"])["slug"], "pay");
    assert_eq!(house.refused(&["server", "refresh", "pay"]), "upstream_unreachable");
    assert_eq!(house.refused(&["server", "add", "pay", "http://127.0.0.1:1/mcp"]), "taken");
    assert_eq!(house.refused(&["server", "add", "far", "http://10.0.0.1/mcp"]), "invalid");
    assert_eq!(house.refused(&["server", "show", "nobody"]), "not_found");
    assert_eq!(house.run(&["server", "remove", "pay"]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_goes_in_and_never_comes_out() {
    let house = house().await;
    house.furnish();
    let shown = house.run(&["--json", "credential", "show", "pay"]);
    assert_eq!(shown.json()["opens"], true);
    assert!(!shown.out.contains(KEY));
    let ended = house.seal("X-Api-Key: canary-1\nX-Other: canary-2\n", &["--headers"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.out.contains("canary"));
    let names = house.json(&["credential", "show", "pay"])["headers"].clone();
    assert_eq!(names, serde_json::json!(["x-api-key", "x-other"]));
    let ended = house.seal("canary without a colon\n", &["--headers"]);
    assert!(ended.code == Some(1) && !ended.err.contains("canary"), "{ended:?}");
    assert_eq!(house.seal("", &[]).code, Some(1));
    assert_eq!(house.run(&["credential", "remove", "pay"]).code, Some(0));
    assert_eq!(house.refused(&["credential", "show", "pay"]), "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_published_attached_compared_and_taken_off() {
    let house = house().await;
    house.furnish();
    house.write("bad.json", r#"{"version":"1","default":"deny","tols":{}}"#);
    let refused = house.run(&["--json", "policy", "publish", "pol", "bad.json"]);
    assert_eq!((refused.code, refused.failure().0.as_str()), (Some(1), "policy_invalid"));
    assert!(
        refused.err.contains("1:33: ") && refused.err.contains("did you mean `tools`?"),
        "{refused:?}"
    );

    house.write("p2.json", &POLICY.replace("100", "200"));
    house
        .write("cases.json", r#"[{"call":{"tool":"create_payout"},"expect":{"outcome":"allow"}}]"#);
    let publish = ["policy", "publish", "pol", "p2.json"];
    assert_eq!(house.refused(&[&publish[..], &["--cases", "cases.json"]].concat()), "tests_failed");
    assert_eq!(house.refused(&[&publish[..], &["--expected-latest", "7"]].concat()), "stale");
    assert_eq!(house.json(&publish)["number"], 2);
    let diff = house.run(&["policy", "diff", "pol", "--text"]);
    assert!(diff.out.contains("\"max\":200") && diff.out.contains("\n-"), "{diff:?}");
    let diff = house.run(&["policy", "diff", "pol"]);
    assert!(diff.code == Some(1) && diff.out.contains("max 100 → 200"), "{diff:?}");
    let allowed = house.run(&["policy", "diff", "pol", "--allow-more-open", "--server", "pay"]);
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    let back = house.run(&["policy", "diff", "pol", "--from", "2", "--to", "1"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    let question = "can delete_customer pass?";
    let no = house.json(&["policy", "ask", question, "--policy", "pol"]);
    assert_eq!((&no["answer"], &no["query"]["outcome"]), (&"no".into(), &"pass".into()));
    let told = house.json(&["policy", "coverage", "--policy", "pol"]);
    assert_eq!(told["complete"], false, "{told}");
    let first = house.run(&["policy", "show", "pol", "--version", "1"]);
    assert_eq!(first.out.trim_end(), POLICY);

    house.json(&["grant", "issue", "bot", "--server", "pay"]);
    let judged = |house: &House| {
        house.json(&["grant", "show", "bot"])["servers"][0]["policy"]["name"].clone()
    };
    assert!(judged(&house).is_null());
    house.json(&["policy", "attach", "pol", "--grant", "bot"]);
    assert_eq!(judged(&house), "pol");
    house.json(&["policy", "detach", "--grant", "bot", "--server", "pay"]);
    assert!(judged(&house).is_null());
    let found = house.json(&["policy", "check", "p.json", "--server", "pay"]);
    assert_eq!(found["problems"], serde_json::json!([]));
    let decided =
        house.json(&["policy", "simulate", "p.json", "--tool", "list_invoices"]).to_string();
    assert!(decided.contains("allow"), "{decided}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_lives_and_its_token_is_shown_once() {
    let house = house().await;
    house.furnish();
    let issued = house.run(&[
        "grant",
        "issue",
        "bot",
        "--server",
        "pay=pol",
        "--tag",
        "team=a",
        "--expires-in",
        "30d",
        "--token-file",
        "bot.token",
    ]);
    assert_eq!(issued.code, Some(0), "{issued:?}");
    let token = fs::read_to_string(house.dir.path().join("bot.token")).unwrap();
    assert!(token.starts_with("csg1_") && !issued.out.contains(token.trim()));
    // A file that is there is never overwritten, and then no token is made.
    let again = ["grant", "issue", "other", "--server", "pay", "--token-file", "bot.token"];
    assert_eq!(house.refused(&again), "token_file");
    assert_eq!(house.refused(&["grant", "show", "other"]), "not_found");
    // No token, no file.
    let twice = ["grant", "issue", "bot", "--server", "pay", "--token-file", "second.token"];
    assert_eq!(house.refused(&twice), "taken");
    assert!(!house.dir.path().join("second.token").exists());

    let rotated = house.json(&["grant", "rotate", "bot", "--overlap", "0s"]);
    assert!(rotated["token"].as_str().unwrap().starts_with("csg1_"));
    for (verb, state) in [("pause", "paused"), ("resume", "active"), ("revoke", "revoked")] {
        assert_eq!(house.json(&["grant", verb, "bot"])["state"], state, "{verb}");
    }
    assert!(house.run(&["grant", "list"]).out.contains("pay=pol"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_have_roles_and_end() {
    let house = house().await;
    let made = house.json(&["key", "create", "watcher", "--role", "viewer"]);
    let viewer = made["token"].as_str().unwrap();
    assert_eq!(house.instance.run_with(viewer, &["server", "list"]).code, Some(0));
    let refused = house.instance.run_with(viewer, &["--json", "credential", "show", "pay"]);
    assert_eq!((refused.code, refused.failure().0.as_str()), (Some(1), "forbidden"));
    assert_eq!(house.run(&["key", "revoke", "watcher"]).code, Some(0));
    let refused = house.instance.run_with(viewer, &["--json", "server", "list"]);
    assert_eq!((refused.code, refused.failure().0.as_str()), (Some(1), "unauthenticated"));
    assert!(!refused.err.contains(viewer));
    assert_eq!(house.refused(&["key", "revoke", "first admin"]), "last_admin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_needs_is_printed_and_merged() {
    let house = house().await;
    house.furnish();
    let printed = house.run(&["connect", "cursor", "--server", "pay"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let value: Value = serde_json::from_str(&printed.out).unwrap();
    let url = value["mcpServers"]["pay"]["url"].as_str().unwrap();
    assert_eq!(url, format!("{}/mcp/pay", house.instance.line["gateway_url"].as_str().unwrap()));
    house.write("mcp.json", r#"{"mcpServers":{"other":{"url":"u"}}}"#);
    let written =
        house.json(&["connect", "cursor", "--server", "pay", "--write", "--file", "mcp.json"]);
    assert!(written["backup"].as_str().unwrap().ends_with("mcp.json.bak1"), "{written}");
    let text = fs::read_to_string(house.dir.path().join("mcp.json")).unwrap();
    assert!(text.contains(url) && text.contains("\"other\""));
    let bare = house.run(&["connect", "claude-desktop", "--server", "pay", "--write"]);
    assert_eq!(bare.code, Some(2), "{bare:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_listed_shown_and_followed() {
    use std::io::{BufRead as _, BufReader};
    let house = house().await;
    house.furnish();
    let issued = house.json(&["grant", "issue", "bot", "--server", "pay=pol"]);
    let token = issued["token"].as_str().unwrap().to_owned();
    let arguments = ["--json", "calls", "tail", "--grant", "bot", "--after", "0"];
    let mut tail = house
        .instance
        .command(&house.instance.api_key, &arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let gateway = house.instance.line["gateway_url"].as_str().unwrap().to_owned();
    for tool in ["create_payout", "list_invoices"] {
        assert!(call(&gateway, &token, tool).contains("\"jsonrpc\""), "{tool}");
    }
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let read =
        |line: std::io::Result<String>| -> Value { serde_json::from_str(&line.unwrap()).unwrap() };
    let followed: Vec<Value> = lines.map(read).take(2).collect();
    tail.kill().unwrap();
    tail.wait().unwrap();
    let told = |call: &Value| format!("{} {}", call["tool"], call["decision"]).replace('"', "");
    let followed: Vec<String> = followed.iter().map(told).collect();
    assert_eq!(followed, ["create_payout denied", "list_invoices allowed"]);

    let ended =
        house.run(&["--json", "calls", "list", "--decision", "denied", "--tool", "create_*"]);
    let lines = ended.lines();
    assert_eq!(lines.len(), 1, "{ended:?}");
    assert_eq!(lines[0]["rule"], "(default deny)");
    let shown = house.json(&["calls", "show", lines[0]["id"].as_str().unwrap()]);
    assert_eq!(shown["id"], lines[0]["id"]);
    assert_eq!(house.refused(&["calls", "list", "--decision", "perhaps"]), "invalid");
    let usage = house.json(&["grant", "usage", "bot"]);
    assert!(usage["items"].is_array(), "{usage}");
    assert!(house.run(&["--json", "grant", "unknown", "bot"]).lines().is_empty());
    let nobody = "call_00000000000000000000000000";
    let resolve = ["grant", "resolve", nobody, "--as", "released", "--reason", "seen"];
    assert_eq!(house.refused(&resolve), "not_found");
    assert_eq!(house.json(&["clock", "show"])["believed"], true);
    assert_eq!(house.json(&["clock", "confirm", "--reason", "sure"])["believed"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_flight_may_finish_when_it_is_told_to_stop() {
    let slow = payments::Options {
        latency: std::time::Duration::from_millis(700),
        ..payments::Options::default()
    };
    let house = house_with(slow).await;
    house.furnish();
    let issued = house.json(&["grant", "issue", "bot", "--server", "pay=pol"]);
    let token = issued["token"].as_str().unwrap().to_owned();
    let gateway = house.instance.line["gateway_url"].as_str().unwrap().to_owned();
    let calling = tokio::task::spawn_blocking(move || call(&gateway, &token, "list_invoices"));
    // The call has left when the payments server has seen it; its answer is still held back.
    let arrived = async {
        while house.payments.ledger().calls("list_invoices") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), arrived).await.unwrap();
    let House { instance, .. } = house;
    let (code, log) = tokio::task::spawn_blocking(|| instance.stop("-TERM")).await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    let answer = calling.await.unwrap();
    assert!(answer.contains("Harbour Books"), "{answer}");
}

/// Calls a tool as an agent of the newest version does, and gives the whole answer.
pub(crate) fn call(gateway: &str, token: &str, tool: &str) -> String {
    call_with(gateway, token, tool, "{}").unwrap()
}

/// The same with these arguments; an error where the connection breaks.
pub(crate) fn call_with(
    gateway: &str,
    token: &str,
    tool: &str,
    arguments: &str,
) -> std::io::Result<String> {
    use std::io::Read as _;
    let host = gateway.strip_prefix("http://").unwrap();
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    let head = [
        "POST /mcp/pay HTTP/1.1".to_owned(),
        format!("host: {host}"),
        format!("authorization: Bearer {token}"),
        "content-type: application/json".to_owned(),
        "accept: application/json, text/event-stream".to_owned(),
        "mcp-protocol-version: 2026-07-28".to_owned(),
        "mcp-method: tools/call".to_owned(),
        format!("mcp-name: {tool}"),
        format!("content-length: {}", body.len()),
        "connection: close".to_owned(),
    ];
    let mut stream = std::net::TcpStream::connect(host)?;
    write!(stream, "{}\r\n\r\n{body}", head.join("\r\n"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_what_is_wrong() {
    let house = house().await;
    house.furnish();
    let ended = house.run(&["--json", "doctor", "--data-dir", "data"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let url = house.payments.url();
    house.payments.stop().await;
    let well = house.instance.run(&["--json", "doctor", "--data-dir", "data"]);
    assert_eq!(well.code, Some(1), "{well:?}");
    let bad: Vec<Value> = well.lines().into_iter().filter(|line| line["ok"] == false).collect();
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert_eq!(bad[0]["what"], "upstream");
    assert!(!bad[0]["mend"].as_str().unwrap().is_empty() && !url.is_empty());
}

#[test]
fn a_policy_file_is_checked_and_tested_without_an_instance() {
    let dir = tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("good.json", POLICY);
    write("bad.json", "{\"version\":\"1\",\n \"default\":\"deny\",\n \"tols\":{}, \"hide\": 5}");
    write(
        "cases.json",
        r#"[{"name":"reads","call":{"tool":"list_invoices"},"expect":{"outcome":"allow"}},
                            {"call":{"tool":"create_payout"},"expect":{"outcome":"hold"}}]"#,
    );
    assert_eq!(run(dir.path(), &["policy", "check", "good.json"]).code, Some(0));
    let bad = run(dir.path(), &["policy", "check", "bad.json"]);
    assert_eq!(bad.code, Some(1));
    let lines: Vec<&str> = bad.out.lines().collect();
    assert_eq!(lines.len(), 2, "{bad:?}");
    assert!(lines[0].starts_with("bad.json:3:2: ") && lines[0].ends_with("did you mean `tools`?"));
    assert!(lines[1].starts_with("bad.json:3:") && lines[1].contains("(at /hide)"));
    assert!(bad.err.contains("has 2 error(s)") && bad.err.contains("next: "));
    let json = run(dir.path(), &["--json", "policy", "check", "bad.json"]).json();
    assert_eq!(json["problems"][0]["pointer"], "/tols");
    assert_eq!(json["problems"][0]["suggestion"], "tools");

    let tested =
        run(dir.path(), &["--json", "policy", "test", "good.json", "--cases", "cases.json"]);
    assert_eq!(tested.code, Some(1));
    assert_eq!((&tested.json()["passed"], &tested.json()["failed"]), (&1.into(), &1.into()));
    let missing = run(dir.path(), &["--json", "policy", "check", "nowhere.json"]);
    assert_eq!((missing.code, missing.failure().0.as_str()), (Some(1), "unreadable_file"));
}

#[test]
fn a_change_that_opens_something_ends_with_1_and_questions_are_answered_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let policy = |bound: u32| {
        format!(
            r#"{{"version":"1","default":"deny","tools":{{"refund":{{"approve_if":[
                {{"conditions":[{{"path":"args.amount","op":"gt","value":{bound}}}]}}]}}}}}}"#
        )
    };
    fs::write(dir.path().join("old.json"), policy(500)).unwrap();
    fs::write(dir.path().join("new.json"), policy(10_000)).unwrap();
    fs::write(dir.path().join("cases.json"), "[]").unwrap();
    fs::write(dir.path().join("bad.json"), "{}").unwrap();
    let ran = |arguments: &[&str]| run(dir.path(), &[&["policy"], arguments].concat());

    let opened = ran(&["diff", "old.json", "new.json"]);
    assert_eq!(opened.code, Some(1), "{opened:?}");
    assert!(
        opened.out.contains("refund: 500 < amount ≤ 10000: hold by")
            && opened.out.contains("→ allow (more open)")
            && opened.out.contains(r#""amount":501"#),
        "{opened:?}"
    );
    let meant = ran(&["diff", "old.json", "new.json", "--allow-more-open"]);
    assert_eq!((meant.code, &meant.out), (Some(0), &opened.out));
    assert_eq!(ran(&["diff", "new.json", "old.json"]).code, Some(0));
    let same = ran(&["diff", "old.json", "old.json"]);
    assert!(same.code == Some(0) && same.out.contains("same behaviour"), "{same:?}");
    let json = run(dir.path(), &["--json", "policy", "diff", "old.json", "new.json"]);
    assert_eq!((json.code, json.failure().0.as_str()), (Some(1), "more_open"));
    assert_eq!(json.json()["changes"][0]["when"], "500 < amount ≤ 10000");
    assert_eq!(ran(&["diff", "old.json", "bad.json"]).code, Some(1));
    assert_eq!(ran(&["diff", "old.json", "new.json", "--from", "1"]).code, Some(2));

    let question = "can refund pass without approval when amount > 500?";
    let no = ran(&["ask", question, "--file", "old.json", "--expect", "no"]);
    assert_eq!((no.code, no.out.trim()), (Some(0), "no"));
    let yes = ran(&["ask", question, "--file", "new.json", "--expect", "no"]);
    assert!(yes.code == Some(1) && yes.out.starts_with("yes: allow"), "{yes:?}");
    assert_eq!(ran(&["ask", "may it?", "--file", "old.json"]).code, Some(2));
    let data = r#"{"tool":"refund","outcome":"hold"}"#;
    let held = run(dir.path(), &["--json", "policy", "ask", data, "--file", "old.json"]).json();
    assert_eq!(held["decided"]["rule"], "/tools/refund/approve_if/args.amount-gt");

    let told = ran(&["coverage", "old.json", "--cases", "cases.json"]);
    assert!(told.code == Some(0) && told.out.contains("0 of 1 rules exercised"), "{told:?}");
    let strict = ran(&["coverage", "old.json", "--cases", "cases.json", "--complete"]);
    assert_eq!(strict.code, Some(1), "{strict:?}");
    assert_eq!(ran(&["coverage", "old.json"]).code, Some(2));
}

#[test]
fn a_foreign_policy_is_carried_over_or_refused() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("no.yaml"), "version: [\n").unwrap();
    let refused = run(dir.path(), &["--json", "policy", "import", "no.yaml"]);
    assert_eq!((refused.code, refused.failure().0.as_str()), (Some(1), "not_importable"));
}

#[test]
fn what_cannot_be_reached_or_proved_is_told() {
    let dir = tempdir().unwrap();
    let nobody = run(dir.path(), &["--json", "--url", "http://127.0.0.1:1", "server", "list"]);
    assert_eq!((nobody.code, nobody.failure().0.as_str()), (Some(1), "no_key"));
    let ask = |dir: &Path, url: &str| {
        let mut command = program(dir, &["--json", "--url", url, "server", "list"]);
        Ended::of(command.env("COUNTERSIGN_API_KEY", "csk1_canary").output().unwrap())
    };
    let silent = ask(dir.path(), "http://127.0.0.1:1");
    let (code, error, next) = silent.failure();
    assert_eq!((silent.code, code.as_str()), (Some(1), "unreachable"));
    assert!(error.contains("nothing listens there") && next.contains("countersign serve"));
    assert_eq!(ask(dir.path(), "not a url").code, Some(2));
    for wrong in [&["server"][..], &["frobnicate"], &["grant", "issue"], &["serve", "--port", "1"]]
    {
        assert_eq!(run(dir.path(), wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn output_that_nobody_reads_ends_quietly() {
    let dir = tempdir().unwrap();
    let policy = r#"{"version":"1","default":"deny"}"#;
    fs::write(dir.path().join("p.json"), policy).unwrap();
    let script = format!("{} policy check p.json | true", env!("CARGO_BIN_EXE_countersign"));
    let mut command = std::process::Command::new("sh");
    let ended = Ended::of(command.args(["-c", &script]).current_dir(dir.path()).output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}
