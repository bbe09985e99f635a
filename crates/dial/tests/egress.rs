//! Egress, family S of the attack catalogue: every spelling of an address inside, and a name server
//! that changes its answer between one question and the next.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dial::{Addresses, Broken, Fetch, FetchError, Guard, GuardError, HttpClient, Names};
use http::{HeaderMap, Request};
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What is answered to one question; `None`: no such name.
type Answer = Option<Vec<IpAddr>>;

/// A name server: its answers in turn, the last one for ever.
#[derive(Debug)]
struct Fickle {
    answers: Mutex<VecDeque<Answer>>,
    asked: AtomicUsize,
}

impl Fickle {
    fn new(answers: &[Option<&[&str]>]) -> Arc<Self> {
        let read = |all: &[&str]| all.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = answers.iter().map(|answer| answer.map(read)).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Names for Fickle {
    fn look_up(&self, _: &str, port: u16) -> Addresses {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        let now = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move {
            let found = now.flatten().ok_or_else(|| io::Error::other("no such name"))?;
            Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
        })
    }
}

/// Never answers.
#[derive(Debug)]
struct Silent;

impl Names for Silent {
    fn look_up(&self, _: &str, _: u16) -> Addresses {
        Box::pin(std::future::pending())
    }
}

/// Something inside that must never be reached: says how often it was.
struct Inside {
    port: u16,
    reached: Arc<AtomicUsize>,
}

impl Inside {
    async fn at(ip: &str, port: u16, says: &'static str) -> Self {
        let listener = TcpListener::bind((ip, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let reached = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&reached);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(says.as_bytes()).await;
            }
        });
        Self { port, reached }
    }

    async fn start() -> Self {
        Self::at("127.0.0.1", 0, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncanary").await
    }

    fn reached(&self) -> usize {
        self.reached.load(Ordering::Relaxed)
    }
}

fn fetch(targets: &[&str]) -> Fetch {
    let targets = targets.iter().map(|target| (*target).to_owned()).collect();
    Fetch::new(4096, Duration::from_secs(2), targets)
}

async fn refusal(fetch: &Fetch, url: &str) -> Option<GuardError> {
    match fetch.get(url, HeaderMap::new()).await {
        Err(FetchError::Guard(error)) => Some(error),
        _ => None,
    }
}

/// S02, S03, S07, S08: what a URL says outright, whoever says it.
#[tokio::test]
async fn s02_s03_s07_s08_no_spelling_of_an_address_inside_is_dialled() {
    let rows: &[(&str, &[&str])] = &[
        (
            "S02",
            &[
                "[::ffff:169.254.169.254]",
                "[::ffff:7f00:1]",
                "[0:0:0:0:0:ffff:a9fe:a9fe]",
                "[::127.0.0.1]",
                "[::ffff:0:127.0.0.1]",
                "[64:ff9b::7f00:1]",
                "[64:ff9b::169.254.169.254]",
                "[64:ff9b:1::a00:1]",
                "[64:ff9b:1:7f00:1::]",
                "[2002:7f00:1::]",
                "[2002:a9fe:a9fe::1]",
                "[2001:0:1::80ff:fffe]",
                "[::]",
                "0.0.0.0",
                "0",
                "0.1.2.3",
            ],
        ),
        (
            "S03",
            &[
                "10.0.0.1",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.0.1",
                "100.64.0.1",
                "100.127.255.255",
                "169.254.169.254",
                "192.0.0.1",
                "192.0.2.1",
                "192.88.99.1",
                "198.18.0.1",
                "198.19.255.255",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "240.0.0.1",
                "255.255.255.255",
                "127.0.0.2",
                "127.255.255.254",
                "[fc00::1]",
                "[fdff:ffff::1]",
                "[fe80::1]",
                "[febf::1]",
                "[fec0::1]",
                "[ff02::1]",
                "[2001:db8::1]",
                "[2001:2::1]",
                "[2001:10::1]",
                "[3fff::1]",
                "[100::1]",
                "[5f00::1]",
            ],
        ),
        // Other spellings of the same.
        (
            "S02",
            &[
                "2852039166",
                "0xa9fea9fe",
                "0xA9.0xFE.0xA9.0xFE",
                "0251.0376.0251.0376",
                "169.254.43518",
                "169.16689662",
                "169.254.169.254.",
                "10.1",
                "0x0a000001",
                "012.0.0.1",
                "１６９.２５４.１６９.２５４",
                "169。254。169。254",
                "①⓪.0.0.1",
                "%31%30.0.0.1",
            ],
        ),
        ("S07", &["", " ", "."]),
        (
            "S08",
            &[
                "user:pw@example.com",
                "user@example.com",
                ":pw@example.com",
                "example.com:443@169.254.169.254",
                "example.com\\@169.254.169.254",
                "example.com\t.evil.example",
                "exam\nple.com",
                "example.com:0",
                "example.com:65536",
                "[fe80::1%25eth0]",
                "[::1",
                "exa mple.com",
                "example.com%00.evil.example",
                "example.com%2f@10.0.0.1",
            ],
        ),
    ];
    let public = fetch(&[]).asking(Fickle::new(&[Some(&["10.0.0.1"])]));
    for (row, hosts) in rows {
        for host in *hosts {
            for url in [
                format!("https://{host}/"),
                format!("http://{host}/"),
                format!("https://{host}:8443/a"),
            ] {
                assert!(
                    Guard::of(&url, &[]).is_err() || refusal(&public, &url).await.is_some(),
                    "{row} {url}"
                );
                assert!(refusal(&public, &url).await.is_some(), "{row} {url}");
                assert!(
                    refusal(&public.clone().named_by("https://a.example"), &url).await.is_some(),
                    "{row} {url}"
                );
            }
        }
    }
    for url in [
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "data:,x",
        "javascript:alert(1)",
        "ws://example.com/",
        "unix:/var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
        "//example.com/",
        "example.com",
        "https:///",
        "https://example.com/#fragment",
        "",
    ] {
        assert!(refusal(&public, url).await.is_some(), "S07 {url}");
    }
}

/// S04: every address that a name server may answer is judged as if it stood in the URL.
#[tokio::test]
async fn s04_a_name_that_leads_inside_is_not_dialled() {
    let inside = [
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:1::80ff:fffe",
        "ff02::1",
    ];
    let canary = Inside::start().await;
    for ip in inside {
        // Alone, and hidden among addresses that would do.
        for answer in [vec![ip], vec!["93.184.216.34", ip], vec![ip, "2606:4700::1111"]] {
            let names = Fickle::new(&[Some(&answer)]);
            let fetch = fetch(&[]).asking(names.clone());
            for host in [
                "name.example",
                "name.example.",
                "NAME.example",
                "localhost.",
                "a.localhost",
                "xn--nme-tla.example",
                "нaмe.example",
            ] {
                let url = format!("https://{host}:{}/", canary.port);
                let refused = refusal(&fetch, &url).await;
                assert!(
                    matches!(refused, Some(GuardError::Private)),
                    "{url} {answer:?}: {refused:?}"
                );
            }
        }
    }
    assert_eq!(canary.reached(), 0);
}

/// S04: the answer was public when it was asked for, and is not when it is dialled.
#[tokio::test]
async fn s04_an_answer_that_changes_between_check_and_dial_changes_nothing() {
    let canary = Inside::start().await;
    let url = format!("https://name.example:{}/", canary.port);
    // Public for as many questions as there may be before the dial, and inside from then on.
    for public in 1..4 {
        let mut answers: Vec<Option<&[&str]>> = vec![Some(&["93.184.216.34"]); public];
        answers.push(Some(&["127.0.0.1"]));
        let names = Fickle::new(&answers);
        // Checked as when a server is saved.
        let (parsed, guard) = Guard::of(&url, &[]).unwrap();
        let guard = guard.asking(names.clone());
        for _ in 0..public {
            let found = guard.resolve("name.example", canary.port).await.unwrap();
            assert_eq!(found[0].ip().to_string(), "93.184.216.34");
        }
        let client = HttpClient::new(&parsed, guard, Duration::from_secs(2));
        let request = Request::get(&url).body(Full::new(Bytes::new())).unwrap();
        let sent = client.send(request, Duration::from_secs(2)).await;
        assert_eq!(sent.unwrap_err(), Broken::NotSent, "nothing was sent");
        let again = fetch(&[]).asking(Fickle::new(&answers[public - 1..]));
        assert!(again.get(&url, HeaderMap::new()).await.is_err());
    }
    assert_eq!(canary.reached(), 0, "and nobody inside was reached");
}

/// S04: one look-up for one connection, and the connection goes to what was judged.
#[tokio::test]
async fn s04_the_address_that_was_judged_is_the_one_that_is_dialled() {
    let first =
        Inside::at("127.0.0.1", 0, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst").await;
    let second =
        Inside::at("127.0.0.2", first.port, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond")
            .await;
    // The operator listed this one, so that inside is right here.
    let url = format!("http://listed.example:{}/", first.port);
    let listed = [format!("listed.example:{}", first.port)];
    let names = Fickle::new(&[Some(&["127.0.0.1"]), Some(&["127.0.0.2"])]);
    let (parsed, guard) = Guard::of(&url, &listed).unwrap();
    let client = HttpClient::new(&parsed, guard.asking(names.clone()), Duration::from_secs(2));
    let request = Request::get(&url).body(Full::new(Bytes::new())).unwrap();
    let answer = client.send(request, Duration::from_secs(2)).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "5");
    assert_eq!((names.asked(), first.reached(), second.reached()), (1, 1, 0));
    // Listed is this name at this port: no other name, no other port, and not what it resolves to.
    for other in ["other.example", "listed.example.evil.example", "127.0.0.1"] {
        let url = format!("http://{other}:{}/", first.port);
        let fetch = Fetch::new(64, Duration::from_secs(2), listed.to_vec()).asking(names.clone());
        assert!(refusal(&fetch.named_by("https://a.example"), &url).await.is_some(), "{url}");
    }
    assert!(Guard::of("http://listed.example:1/", &listed).is_err());
    assert_eq!(second.reached(), 0);
}

/// A name server that knows nothing, answers nothing, or does not answer.
#[tokio::test]
async fn names_without_an_answer_are_given_up() {
    for nothing in [None, Some(&[] as &[&str])] {
        let fetch = fetch(&[]).asking(Fickle::new(&[nothing]));
        let refused = refusal(&fetch, "https://name.example/").await;
        assert!(matches!(refused, Some(GuardError::Unresolved)), "{refused:?}");
    }
    let within = Duration::from_millis(200);
    let silent = Fetch::new(64, within, vec![]).asking(Arc::new(Silent));
    let late = silent.get("https://name.example/", HeaderMap::new()).await;
    assert!(matches!(late, Err(FetchError::Late)), "{late:?}");
    let (url, guard) = Guard::of("https://name.example/", &[]).unwrap();
    let client = HttpClient::new(&url, guard.asking(Arc::new(Silent)), within);
    let request = Request::get("https://name.example/").body(Full::new(Bytes::new())).unwrap();
    assert_eq!(client.send(request, Duration::from_secs(5)).await.unwrap_err(), Broken::NotSent);
}

/// S06: a redirect is an answer. Wherever it points, nobody goes there.
#[tokio::test]
async fn s06_a_redirect_is_not_followed_anywhere() {
    let canary = Inside::start().await;
    for status in [301, 302, 303, 307, 308] {
        for to in [
            format!("http://127.0.0.1:{}/", canary.port),
            format!("//127.0.0.1:{}/", canary.port),
            format!("http://localhost:{}/latest/meta-data", canary.port),
            "/elsewhere".to_owned(),
            "https://169.254.169.254/".to_owned(),
            "file:///etc/passwd".to_owned(),
        ] {
            let answer =
                format!("HTTP/1.1 {status} X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            let site = Inside::at("127.0.0.1", 0, answer.leak()).await;
            let url = format!("http://127.0.0.1:{}/", site.port);
            for body in [None, Some("code=canary")] {
                let fetch = fetch(&[]);
                let answer = match body {
                    None => fetch.get(&url, HeaderMap::new()).await,
                    Some(body) => fetch.post(&url, HeaderMap::new(), body).await,
                };
                assert_eq!(answer.unwrap().status.as_u16(), status, "{to}");
            }
            assert_eq!(site.reached(), 2, "{to}: asked once each time");
        }
    }
    assert_eq!(canary.reached(), 0);
}

/// S10: loopback is for operators to name, and for those who are there themselves.
#[tokio::test]
async fn s10_others_do_not_name_this_machine() {
    let here = Inside::start().await;
    let port = here.port;
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://LOCALHOST:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://[::1]:{port}/"),
    ];
    for whose in [
        "https://idp.example",
        "https://localhost.evil.example",
        "http://10.0.0.1",
        "not a url",
        "",
    ] {
        let others = fetch(&[]).named_by(whose);
        for url in &urls {
            assert!(refusal(&others, url).await.is_some(), "{whose} {url}");
        }
    }
    assert_eq!(here.reached(), 0);
    let local = fetch(&[]).named_by("http://localhost:1/mcp");
    assert_eq!(local.get(&urls[0], HeaderMap::new()).await.unwrap().body, "canary");
    let target = format!("127.0.0.1:{port}");
    let listed = fetch(&[&target]).named_by("https://idp.example");
    assert_eq!(listed.get(&urls[0], HeaderMap::new()).await.unwrap().body, "canary");
    assert!(refusal(&listed, &urls[1]).await.is_some(), "listed is what was listed");
    assert_eq!(here.reached(), 2);
}
