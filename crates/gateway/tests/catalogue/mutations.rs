//! Random damage to right requests. Whatever still reaches the upstream must be what was judged:
//! allowed by the policy, named in the log, and read alike by us, by the upstream and in the bytes
//! that were sent.

use std::time::Duration;

use serde_json::Value;
use store::Verdict;
use testkit::{Agent, Era, House, Setup, send};

use crate::fixture;

/// A small generator; the seed makes a failure repeatable.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    /// Damages bytes in a place or two.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        const PIECES: [&[u8]; 22] = [
            b"\"",
            b"\\",
            b",",
            b":",
            b"{",
            b"}",
            b"[",
            b"]",
            b"0",
            b".",
            b"e",
            b"-",
            b" ",
            b"\0",
            b"\xff",
            b"null",
            b"true",
            b"\\u0061",
            b"\"amount\":1,",
            b"\"name\":\"wipe_all\",",
            b"\r\n",
            b"\xe2\x80\x8b",
        ];
        for _ in 0..=usize::from(self.roll(4) == 0) {
            let at = self.roll(bytes.len());
            match self.roll(6) {
                0 => bytes[at] = self.roll(256) as u8,
                1 => {
                    bytes.remove(at);
                }
                2 => {
                    let piece = PIECES[self.roll(PIECES.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
                3 => {
                    let end = (at + 1 + self.roll(30)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    let to = self.roll(bytes.len());
                    bytes.splice(to..to, copy);
                }
                4 => {
                    let end = (at + 1 + self.roll(12)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let other = self.roll(bytes.len());
                    bytes.swap(at, other);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'{');
            }
        }
    }
}

/// What the policy of the fixture lets through, judged here by other means.
fn may_pass(params: &Value) -> bool {
    let arguments = &params["arguments"];
    let listed = |names: &[&str]| {
        arguments
            .as_object()
            .is_none_or(|object| object.keys().all(|key| names.contains(&key.as_str())))
    };
    match params["name"].as_str() {
        Some("list_invoices" | "anything" | "free_form" | "report_sales") => true,
        Some("refund_payment") => {
            arguments["currency"] == "usd"
                && arguments["amount"]
                    .as_f64()
                    .is_some_and(|amount| (0.0..=100.0).contains(&amount))
                && arguments["reason"].as_str().is_some_and(|reason| reason.chars().count() > 4)
                && listed(&["payment", "amount", "currency", "reason", "note", "items", "customer"])
        }
        _ => false,
    }
}

/// Looks at what came through since the marks; gives the number of calls that did.
async fn inspect(house: &House, mark: usize, line: i64, sent: &[u8], body: &[u8]) -> usize {
    let seen = house.upstream.seen_since(mark);
    let lines = house.lines_after(line).await;
    let allowed: Vec<_> =
        lines.iter().filter(|line| line.intent.verdict == Verdict::Allowed).collect();
    let calls: Vec<_> = seen.iter().filter(|seen| seen.method() == "tools/call").collect();
    let what = || sent.escape_ascii().to_string();
    // Refusals that come too fast are folded into lines that come later.
    assert!(allowed.len() <= 1, "more than one line: {}", what());
    assert_eq!(calls.len(), allowed.len(), "calls and lines: {}", what());
    for (seen, line) in calls.iter().zip(&allowed) {
        let params = &seen.message["params"];
        assert!(may_pass(params), "let through: {params} for {}", what());
        assert_eq!(line.intent.tool.as_deref(), params["name"].as_str(), "{}", what());
        let names: Vec<&str> = params["arguments"]
            .as_object()
            .map(|object| object.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let known: Vec<&str> = line.intent.known_args.iter().map(|name| &**name).collect();
        assert_eq!(known.len() + line.intent.unknown_args as usize, names.len(), "{}", what());
        assert!(known.iter().all(|name| names.contains(name)), "{}", what());
        // Another reader, from the bytes the agent sent.
        let read: Value = serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("passed, and another reader says {error}: {}", what()));
        assert_eq!(read["params"]["name"], params["name"], "{}", what());
        assert_eq!(read["params"]["arguments"], params["arguments"], "{}", what());
        let expected = format!("Bearer {}", house.credential);
        assert_eq!(seen.header("authorization"), Some(expected.as_str()), "{}", what());
        if seen.modern() {
            assert_eq!(seen.header("mcp-name"), params["name"].as_str(), "{}", what());
            assert_eq!(seen.header("mcp-method"), Some("tools/call"), "{}", what());
        }
    }
    for seen in &seen {
        assert_eq!(seen.target, "/mcp", "{}", what());
        assert!(!house.agent("a").secret().is_in(&seen.body), "{}", what());
    }
    calls.len()
}

const CALLS: [(&str, &str); 4] = [
    (
        "refund_payment",
        r#"{"payment":"p1","amount":99.5,"currency":"usd","reason":"damaged goods","items":[{"a":[1,2.50,-3e2]}],"customer":{"vip":true,"n":null}}"#,
    ),
    (
        "refund_payment",
        r#"{"payment":"p1","amount":101,"currency":"usd","reason":"damaged goods"}"#,
    ),
    ("wipe_all", r#"{"a":1}"#),
    ("free_form", r#"{"value":{"k":["x","\u00e9",1e2,0.1]}}"#),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_bodies() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let eras = [Era::Legacy, session, Era::Modern];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut passed = 0;
    let mut line = house.last_line().await;
    for round in 0..900 {
        let era = &eras[round % 3];
        let (tool, arguments) = CALLS[dice.roll(CALLS.len())];
        let mut body = Agent::call_text(era, tool, arguments).into_bytes();
        // The headers stay those of the call that was meant.
        let request = agent.post(era, &body);
        dice.damage(&mut body);
        let mark = house.upstream.mark();
        send(agent.address, request.body(&body).bytes()).await;
        passed += inspect(&house, mark, line, &body, &body).await;
        line = house.last_line_from(line).await;
    }
    assert!(passed > 5, "the damage leaves some calls whole: {passed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_heads() {
    let mut setup = Setup::new(fixture::tools(), fixture::policy());
    // The damage may leave the gateway waiting for more.
    setup.config.timeouts.header = Duration::from_millis(200);
    setup.config.timeouts.body = Duration::from_millis(200);
    let house = House::start(setup).await;
    let agent = house.agent("a");
    let session = agent.session().await;
    let eras = [Era::Legacy, session, Era::Modern];
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut passed = 0;
    let mut line = house.last_line().await;
    for round in 0..600 {
        let era = &eras[round % 3];
        let (tool, arguments) = CALLS[dice.roll(CALLS.len())];
        let body = Agent::call_text(era, tool, arguments).into_bytes();
        let whole = agent.post(era, &body).bytes();
        let end = whole.len() - body.len();
        let mut head = whole[..end].to_vec();
        dice.damage(&mut head);
        let sent = [&head[..], &body[..]].concat();
        let mark = house.upstream.mark();
        let mut open = testkit::Open::connect(agent.address).await;
        open.write(&sent).await;
        let answer = open.head().await;
        assert!(answer.status < 500, "{} {}", answer.status, sent.escape_ascii());
        house.quiet_since(mark).await;
        let read = body_of(&sent).unwrap_or(&body);
        passed += inspect(&house, mark, line, &sent, read).await;
        line = house.last_line_from(line).await;
    }
    assert!(passed > 20, "the damage leaves some calls whole: {passed}");
}

/// The body as a reader of HTTP takes it: everything behind the first empty line.
fn body_of(sent: &[u8]) -> Option<&[u8]> {
    let at = sent.windows(4).position(|four| four == b"\r\n\r\n")?;
    let body = &sent[at + 4..];
    serde_json::from_slice::<Value>(body).is_ok().then_some(body)
}

/// Damaged answers: what an agent gets is a whole answer to what it asked, in which nothing hidden
/// and nothing secret stands, or our own refusal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_answers() {
    let house = fixture::house().await;
    let agent = house.agent("a");
    let mut dice = Dice(0xda94_2042_e4dd_58b5);
    let (mut passed, mut refused) = (0, 0);
    for round in 0..500 {
        let era = if round % 2 == 0 { Era::Legacy } else { Era::Modern };
        let method = if round % 4 < 2 { "tools/list" } else { "tools/call" };
        let whole = serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": {"content": [],
            "tools": [{"name": "delete_customer", "inputSchema": {"type": "object"}}, {"name": "anything", "inputSchema": {"type": "object"}}],
            "nextCursor": "2", "note": format!("Bearer {}", house.credential)}});
        let mut answer = whole.to_string().into_bytes();
        dice.damage(&mut answer);
        let stream = dice.roll(3) == 0;
        if stream {
            answer = [&b"data: "[..], &answer[..], b"\n\n"].concat();
        }
        let sent = answer.clone();
        house.upstream.script(move |seen| {
            let kind = if stream { "text/event-stream" } else { "application/json" };
            let answers = seen.method() == method && !seen.is_probe();
            answers.then(|| testkit::Answer::http(200, &[("Content-Type", kind)], &sent))
        });
        let got = agent.request(&era, method, serde_json::json!({"name": "anything"})).await;
        let got = match got.status {
            // `name` is no member of a list's params.
            400 => agent.request(&era, method, serde_json::json!({})).await,
            _ => got,
        };
        let what = || format!("{} became {}", answer.escape_ascii(), got.text());
        let message = got.json();
        assert_eq!(message["jsonrpc"], "2.0", "{}", what());
        assert!(
            message["id"] == 1
                || message["id"].as_f64() == Some(1.0)
                || message["error"].is_object(),
            "{}",
            what()
        );
        assert!(!house.credential.is_in(&got.raw), "{}", what());
        if message["error"].is_object() {
            refused += 1;
            continue;
        }
        passed += 1;
        for tool in message["result"]["tools"].as_array().into_iter().flatten() {
            assert_ne!(tool["name"], "delete_customer", "{}", what());
        }
        // Without a list it is the result of a call, and its own business.
        let is_list = message["result"]["tools"].is_array();
        assert!(!is_list || message["result"]["nextCursor"] != "2", "{}", what());
    }
    assert!(passed > 50 && refused > 50, "{passed} passed, {refused} refused");
}
