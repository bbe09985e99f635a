//! Exports of a real store: files that others verify, receivers that fail and come back, and a
//! receiver of OpenTelemetry that reads what it gets as the protocol says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit::{PublicKey, Report, Trust, Verifier};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use prost::Message as _;
use store::sqlite::Sqlite;
use store::{By, Clock, ControlPlane as _, DataPlane as _, Evidence as _, Exports, SystemClock};
use telemetry::{Collector, FileSink, Hub, LogSink, Sink, SinkError, WebhookSink, ship};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use vault::{OsRandom, RootKey, Secret};

/// A store whose log grows when it is told to.
struct House {
    store: Arc<Sqlite>,
    dir: tempfile::TempDir,
}

fn open(dir: &Path) -> Arc<Sqlite> {
    let root = RootKey::from_bytes(&[7; 32]);
    Arc::new(Sqlite::open(dir, &root, Arc::new(SystemClock), Arc::new(OsRandom)).unwrap())
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { store: open(&dir.path().join("data")), dir }
    }

    /// Writes so many entries, and a checkpoint over them.
    async fn grow(&self, entries: usize) {
        for at in 0..entries {
            let by = By::program(self.store.org().clone(), SystemClock.now());
            self.store.noted(&by, "evidence.checked", &format!("s{at}"), vec![]).await.unwrap();
        }
        self.store.flush().await.unwrap();
        self.store.flush().await.unwrap();
    }

    fn hub(&self) -> Arc<Hub> {
        Arc::new(Hub::new(Arc::clone(&self.store) as Arc<dyn Exports>, Arc::new(SystemClock)))
    }

    fn files(&self, bytes_max: u64, keep: usize) -> FileSink {
        let store = Arc::clone(&self.store) as Arc<dyn Exports>;
        FileSink::new(store, self.dir.path().join("out/evidence.jsonl"), bytes_max, keep)
    }

    async fn verified(&self, text: &str) -> Report {
        let log = PublicKey::parse(&self.store.evidence_key().await.unwrap()).unwrap();
        let (saved, witnesses) = (Vec::new(), Vec::new());
        let trust = Trust { log, saved, witnesses, witnesses_needed: 0, call: None };
        let mut verifier = Verifier::new(trust);
        text.lines().for_each(|line| verifier.line(line.as_bytes()));
        verifier.finish()
    }

    fn listed(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path().join("out")).unwrap();
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join("out").join(name)).unwrap()
    }
}

/// Delivers everything there is, as `ship` does.
async fn deliver_all(house: &House, sink: &mut impl Sink) -> u64 {
    let cursor = house.store.export_cursor(sink.name()).await.unwrap();
    let mut from = sink.resume(cursor).await.unwrap();
    while let Some(part) = house.store.log_part(from).await.unwrap() {
        sink.deliver(from, &part).await.unwrap();
        house.store.export_moved(sink.name(), part.next).await.unwrap();
        from = part.next;
    }
    from
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(audit::Finding::code).collect()
}

#[tokio::test]
async fn a_file_that_was_ended_verifies_by_itself_and_the_next_goes_on_from_it() {
    let house = House::new();
    let mut sink = house.files(4_000, 0);
    for _ in 0..4 {
        house.grow(40).await;
        deliver_all(&house, &mut sink).await;
    }
    let names = house.listed();
    assert!(names.len() >= 3, "{names:?}");
    let mut next = 0;
    for name in names.iter().filter(|name| name.as_str() != "evidence.jsonl") {
        let text = house.text(name);
        let report = house.verified(&text).await;
        assert!(report.holds(), "{name}: {:?}", codes(&report));
        let head: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(head["from"], next, "{name}");
        next += text.lines().filter(|line| line.contains("\"index\":")).count() as u64;
    }
    // The one that grows is whole but for its end.
    let report = house.verified(&house.text("evidence.jsonl")).await;
    assert_eq!(codes(&report), ["incomplete"]);
    // One changed byte is named.
    let text = house.text(&names[1]).replacen("\"subject\":\"s", "\"subject\":\"t", 1);
    assert_eq!(codes(&house.verified(&text).await), ["edited"]);
}

#[tokio::test]
async fn only_so_many_ended_files_stay() {
    let house = House::new();
    let mut sink = house.files(1, 2);
    for _ in 0..6 {
        house.grow(3).await;
        deliver_all(&house, &mut sink).await;
    }
    let names = house.listed();
    assert_eq!(names.len(), 3, "two and the one that grows: {names:?}");
}

#[tokio::test]
async fn what_a_crash_left_in_the_file_stands_there_once() {
    let house = House::new();
    house.grow(10).await;
    let mut sink = house.files(1 << 20, 0);
    let end = deliver_all(&house, &mut sink).await;
    let whole = house.text("evidence.jsonl");
    // Written, and the process died before the cursor moved; and in the middle of the next line.
    house.grow(5).await;
    let part = house.store.log_part(end).await.unwrap().unwrap();
    sink.deliver(end, &part).await.unwrap();
    let path = house.dir.path().join("out/evidence.jsonl");
    let torn = house.text("evidence.jsonl") + "{\"entry\":{\"at\":\"20";
    std::fs::write(&path, torn).unwrap();
    drop(sink);
    house.grow(5).await;
    let mut sink = house.files(1 << 20, 0);
    deliver_all(&house, &mut sink).await;
    let text = house.text("evidence.jsonl");
    assert!(text.starts_with(&whole));
    let report = house.verified(&text).await;
    assert_eq!(codes(&report), ["incomplete"], "no entry twice, none missing");
}

#[tokio::test]
async fn a_file_that_knows_more_than_the_log_says_so() {
    let house = House::new();
    house.grow(4).await;
    let House { store, dir } = house;
    store.close();
    drop(store);
    let (data, old) = (dir.path().join("data"), dir.path().join("old"));
    std::fs::create_dir(&old).unwrap();
    std::fs::copy(data.join("countersign.db"), old.join("countersign.db")).unwrap();
    let house = House { store: open(&data), dir };
    house.grow(10).await;
    deliver_all(&house, &mut house.files(1 << 20, 0)).await;
    // The older copy is put back.
    let House { store, dir } = house;
    store.close();
    drop(store);
    let house = House { store: open(&old), dir };
    let told = house.files(1 << 20, 0).resume(0).await;
    assert!(matches!(told, Err(SinkError::Ahead { .. })), "{told:?}");
}

#[tokio::test]
async fn a_file_that_is_not_of_this_log_is_not_written_over() {
    let house = House::new();
    house.grow(3).await;
    let other = House::new();
    other.grow(3).await;
    deliver_all(&other, &mut other.files(1 << 20, 0)).await;
    std::fs::create_dir(house.dir.path().join("out")).unwrap();
    let path = house.dir.path().join("out/evidence.jsonl");
    std::fs::write(&path, other.text("evidence.jsonl")).unwrap();
    let told = house.files(1 << 20, 0).resume(0).await;
    assert!(matches!(told, Err(SinkError::OtherLog)), "{told:?}");
    for text in ["shopping list\n", "shopping list"] {
        std::fs::write(&path, text).unwrap();
        let told = house.files(1 << 20, 0).resume(0).await;
        assert!(matches!(told, Err(SinkError::File(_))), "{told:?}");
        assert_eq!(house.text("evidence.jsonl"), text);
    }
    // What a crash has left of a first line is begun anew.
    std::fs::write(&path, "{\"edge\":[],\"for").unwrap();
    deliver_all(&house, &mut house.files(1 << 20, 0)).await;
    assert_eq!(codes(&house.verified(&house.text("evidence.jsonl")).await), ["incomplete"]);
}

/// A receiver that answers as it is told, and keeps what it gets.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// Statuses to answer with, the last one for ever.
    answers: Vec<u16>,
    requests: Vec<(String, Vec<u8>)>,
}

impl Receiver {
    async fn start(answers: &[u16]) -> (Self, String) {
        let receiver = Self::default();
        receiver.0.lock().unwrap().answers = answers.to_vec();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = receiver.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let this = this.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let mut room = [0; 16 * 1024];
                    loop {
                        let read = stream.read(&mut room).await.unwrap_or(0);
                        if read == 0 {
                            return;
                        }
                        bytes.extend_from_slice(&room[..read]);
                        let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
                            continue;
                        };
                        let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
                        let length = head.lines().find_map(|line| {
                            line.to_ascii_lowercase()
                                .strip_prefix("content-length:")?
                                .trim()
                                .parse()
                                .ok()
                        });
                        let length: usize = length.unwrap_or(0);
                        if bytes.len() < at + 4 + length {
                            continue;
                        }
                        let body = bytes[at + 4..at + 4 + length].to_vec();
                        let status = this.heard(head, body);
                        let answer = format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                        );
                        let _ = stream.write_all(answer.as_bytes()).await;
                        return;
                    }
                });
            }
        });
        (receiver, url)
    }

    fn heard(&self, head: String, body: Vec<u8>) -> u16 {
        let mut heard = self.0.lock().unwrap();
        heard.requests.push((head, body));
        match heard.answers.len() {
            1 => heard.answers[0],
            _ => heard.answers.remove(0),
        }
    }

    fn requests(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().unwrap().requests.clone()
    }

    async fn after(&self, count: usize) -> Vec<(String, Vec<u8>)> {
        for _ in 0..400 {
            if self.requests().len() >= count {
                return self.requests();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} of {count} requests came", self.requests().len());
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let of = |line: &'a str| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    };
    head.lines().find_map(of).unwrap_or_default()
}

#[tokio::test]
async fn a_batch_that_was_not_taken_comes_again_signed_and_calls_do_not_wait() {
    let house = House::new();
    house.grow(3).await;
    let (receiver, url) = Receiver::start(&[500, 200]).await;
    let secret = Secret::from("a secret of some length".to_owned());
    let sink = WebhookSink::new(url, &secret, "log".to_owned(), Arc::new(SystemClock), vec![]);
    let (stop, stopping) = watch::channel(false);
    let hub = house.hub();
    let shipping = tokio::spawn(ship(Arc::clone(&hub), sink, stopping));
    receiver.after(1).await;
    for _ in 0..100 {
        if hub.exports().await[0].failing_since.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let state = hub.exports().await.remove(0);
    assert_eq!((state.name, state.failures, state.next), ("webhook", 1, 0));
    assert!(state.behind >= 3);
    assert_eq!(state.problem.as_deref(), Some("the receiver answered with status 500"));
    let text = telemetry::prometheus_text(&hub.gather().await);
    assert!(text.contains("countersign_export_failing{export=\"webhook\"} 1"), "{text}");

    let requests = receiver.after(2).await;
    let ids: Vec<&str> = requests.iter().map(|(head, _)| header(head, "webhook-id")).collect();
    assert_eq!(ids[0], ids[1], "the same batch under the same name");
    for (head, body) in &requests {
        let timestamp = header(head, "webhook-timestamp").parse().unwrap();
        let key = vault::WebhookKey::hmac_of_text(&secret);
        let [_, _, (_, signature)] = key.headers(header(head, "webhook-id"), timestamp, body);
        assert_eq!(header(head, "webhook-signature"), signature);
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!((&body["from"], &body["log"]), (&0.into(), &"log".into()));
        let lines = body["lines"].as_array().unwrap();
        assert_eq!(lines[0]["index"], 0);
        assert!(lines.last().unwrap()["checkpoint"].is_string());
    }
    // What was delivered is not delivered again, by another process either.
    stop.send_replace(true);
    shipping.await.unwrap();
    let next = house.store.export_cursor("webhook").await.unwrap();
    assert!(next >= 3);
    house.grow(2).await;
    let (receiver, url) = Receiver::start(&[200]).await;
    let mut sink = WebhookSink::new(url, &secret, "log".to_owned(), Arc::new(SystemClock), vec![]);
    deliver_all(&house, &mut sink).await;
    let body: serde_json::Value = serde_json::from_slice(&receiver.requests()[0].1).unwrap();
    assert_eq!(body["from"], next);
}

#[tokio::test]
async fn a_collector_gets_entries_and_measurements_in_its_own_form() {
    let house = House::new();
    house.grow(3).await;
    let (receiver, url) = Receiver::start(&[200]).await;
    let headers = telemetry::read_headers("x-tenant: one\n\nauthorization: Bearer t\n").unwrap();
    let collector = Collector::new(&url, headers, "install".to_owned(), vec![]);
    deliver_all(&house, &mut LogSink::new(collector.clone(), Arc::new(SystemClock))).await;
    let families = house.hub().gather().await;
    telemetry::send_metrics(&collector, &families, 1_000, 2_000).await.unwrap();
    let requests = receiver.requests();
    let (head, body) = &requests[0];
    assert!(head.starts_with("POST /v1/logs "), "{head}");
    assert_eq!(header(head, "content-type"), "application/x-protobuf");
    assert_eq!(header(head, "authorization"), "Bearer t");
    let logs = ExportLogsServiceRequest::decode(&body[..]).unwrap();
    let records = &logs.resource_logs[0].scope_logs[0].log_records;
    let part = house.store.log_part(0).await.unwrap().unwrap();
    assert_eq!(records.len(), part.leaves.len());
    for (record, leaf) in records.iter().zip(&part.leaves) {
        let Some(Any::StringValue(text)) = &record.body.as_ref().unwrap().value else { panic!() };
        assert_eq!(Some(text.as_bytes()), leaf.entry.as_deref(), "the entry, to the byte");
        assert!(record.time_unix_nano > 1_700_000_000_000_000_000);
    }
    let (head, body) = &requests[1];
    assert!(head.starts_with("POST /v1/metrics "), "{head}");
    let metrics = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
    let names = &metrics.resource_metrics[0].scope_metrics[0].metrics;
    assert_eq!(names.len(), families.len());
}

#[test]
fn a_header_that_is_none_is_named_by_its_line_and_not_by_its_value() {
    let error = telemetry::read_headers("a: b\ncanary").unwrap_err().to_string();
    assert_eq!(error, "line 2 is not `name: value`");
}
