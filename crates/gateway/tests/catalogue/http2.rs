//! H24: HTTP/2, frame by frame.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Agent, Era, Open};

use crate::fixture;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A header block without any table: each field a literal that is not indexed.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |out: &mut Vec<u8>, text: &str| {
        let length = text.len();
        if length < 127 {
            out.push(u8::try_from(length).unwrap());
        } else {
            out.push(127);
            let mut rest = length - 127;
            while rest >= 128 {
                out.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            out.push(u8::try_from(rest).unwrap());
        }
        out.extend(text.bytes());
    };
    for (name, value) in fields {
        out.push(0);
        text(&mut out, name);
        text(&mut out, value);
    }
    out
}

type Fields<'a> = Vec<(&'static str, &'a str)>;

fn fields(bearer: &str) -> Fields<'_> {
    vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/mcp/payments"),
        (":authority", "127.0.0.1"),
        ("authorization", bearer),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2025-11-25"),
    ]
}

fn start() -> Vec<u8> {
    [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])].concat()
}

/// What the gateway made of one exchange: every byte until it went quiet or closed.
async fn exchange(agent: &Agent, bytes: &[u8]) -> Vec<u8> {
    let mut open = Open::connect(agent.address).await;
    open.write(bytes).await;
    open.quiet(Duration::from_millis(300)).await
}

/// The status of an answer, from its header block: `:status` is indexed or a literal.
fn mentions(raw: &[u8], text: &str) -> bool {
    raw.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_http2_is_judged_like_any_other() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let bearer = format!("Bearer {}", agent.token);
    let call = |tool: &str, edit: &dyn Fn(&mut Fields<'_>)| {
        let mut fields = fields(&bearer);
        edit(&mut fields);
        let body = Agent::call_text(&Era::Legacy, tool, "{}");
        [
            start(),
            frame(HEADERS, END_HEADERS, 1, &block(&fields)),
            frame(DATA, END_STREAM, 1, body.as_bytes()),
        ]
        .concat()
    };
    let answer = exchange(&agent, &call("anything", &|_| {})).await;
    assert!(mentions(&answer, "done"), "{}", answer.escape_ascii());
    let answer = exchange(&agent, &call("wipe_all", &|_| {})).await;
    assert!(mentions(&answer, "POLICY DENIED"), "{}", answer.escape_ascii());
    assert_eq!(house.upstream.calls().len(), 1);

    type Edit = fn(&mut Fields<'_>);
    let wrong: [(&str, Edit); 12] = [
        ("another host", |f| f.push(("host", "evil.example"))),
        ("another authority", |f| f[3].1 = "evil.example"),
        ("no authority", |f| {
            f.remove(3);
        }),
        ("a pseudo-header twice", |f| f.insert(2, (":path", "/mcp/other"))),
        ("a pseudo-header behind", |f| f.push((":path", "/mcp/payments"))),
        ("an unknown pseudo-header", |f| f.insert(0, (":protocol2", "x"))),
        ("two tokens", |f| f.push(("authorization", "Bearer x"))),
        ("a name in upper case", |f| f.push(("Mcp-Name", "x"))),
        ("a connection header", |f| f.push(("connection", "keep-alive"))),
        ("a coding", |f| f.push(("transfer-encoding", "chunked"))),
        ("another length", |f| f.push(("content-length", "3"))),
        ("a line end in a value", |f| f.push(("x-a", "b\r\nc: d"))),
    ];
    for (what, edit) in wrong {
        let answer = exchange(&agent, &call("anything", &edit)).await;
        assert!(!mentions(&answer, "done"), "H24 {what}: {}", answer.escape_ascii());
        assert_eq!(house.upstream.calls().len(), 1, "H24 {what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_end_the_connection() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let bearer = format!("Bearer {}", agent.token);
    let head = block(&fields(&bearer));

    // Streams that are opened and reset as fast as can be.
    let mut reset = start();
    for stream in (1..6_000_u32).step_by(2) {
        reset.extend(frame(HEADERS, END_HEADERS, stream, &head));
        reset.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    // A header that never ends, and one that unpacks to more than anyone may send.
    let mut endless = start();
    endless.extend(frame(HEADERS, 0, 1, &head));
    for _ in 0..20_000 {
        endless.extend(frame(CONTINUATION, 0, 1, &block(&[("x", "y")])));
    }
    let long = "y".repeat(4_000);
    let mut bomb = start();
    // One entry is put into the table and named a thousand times over.
    let mut block_of_bomb = head.clone();
    block_of_bomb.extend([0x40, 1, b'x']);
    // 4,000 as a length: 127, and the other 3,873 in groups of seven bits.
    block_of_bomb.extend([127, 161, 30]);
    block_of_bomb.extend(long.bytes());
    block_of_bomb.extend(std::iter::repeat_n(0xbe, 8_000));
    bomb.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block_of_bomb));
    let mut settings = start();
    for _ in 0..20_000 {
        settings.extend(frame(SETTINGS, 0, 0, &[]));
    }

    for (what, bytes) in [
        ("rapid reset", reset),
        ("continuation", endless),
        ("header bomb", bomb),
        ("settings", settings),
    ] {
        let started = Instant::now();
        let answer = exchange(&agent, &bytes).await;
        assert!(!mentions(&answer, "done"), "H24 {what}");
        assert!(started.elapsed() < Duration::from_secs(10), "H24 {what} {:?}", started.elapsed());
        let still = agent.call(&Era::Legacy, "anything", json!({})).await;
        assert_eq!(still.json()["result"]["content"][0]["text"], "done", "H24 {what}");
        assert!(resident_mib() < 1_500, "H24 {what} {} MiB", resident_mib());
    }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 =
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
    kib >> 10
}
