//! Echoes of the credential: wherever in an answer it stands, in whatever spelling software writes by
//! itself, and however the answer is cut into pieces. Taken out, or never passed; recorded either way.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::json;
use testkit::{Answer, Era, House, Piece, Seen};

use crate::fixture;

/// What is looked for: a credential with every kind of character in it that spellings differ in.
const SECRET: &str = "sk+live/4f?9~a_b=c%d&e";

async fn house() -> House {
    let house = fixture::house().await;
    let value = vault::Secret::from(format!("Bearer {SECRET}"));
    let headers = vec![("authorization".to_owned(), value)];
    use store::ControlPlane as _;
    house.store.credential_set(&house.by(), &house.server, headers).await.unwrap();
    house
}

fn percent(text: &str) -> String {
    let one = |b: u8| match b {
        b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Every spelling: plain, base64 at its three alignments in both alphabets, and percent-encoded.
fn spellings() -> Vec<(&'static str, String)> {
    let form: String = url_form(SECRET);
    vec![
        ("plain", SECRET.to_owned()),
        ("with its scheme", format!("Bearer {SECRET}")),
        ("base64, first alignment", STANDARD.encode(SECRET)),
        ("base64, second alignment", STANDARD.encode(format!("u:{SECRET}"))),
        ("base64, third alignment", STANDARD.encode(format!("u{SECRET}z"))),
        ("base64 without padding", STANDARD_NO_PAD.encode(format!("{SECRET}zz"))),
        ("base64 for addresses, first alignment", URL_SAFE.encode(SECRET)),
        ("base64 for addresses, second alignment", URL_SAFE.encode(format!("u:{SECRET}"))),
        ("base64 for addresses, third alignment", URL_SAFE.encode(format!("u{SECRET}z"))),
        ("percent, capitals", percent(SECRET)),
        ("percent, small letters", percent(SECRET).to_lowercase()),
        ("a form", form),
    ]
}

fn url_form(text: &str) -> String {
    let one = |b: u8| match b {
        b' ' => "+".to_owned(),
        b if b.is_ascii_alphanumeric() || b"*-._".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(one).collect()
}

fn result(seen: &Seen, text: &str) -> String {
    seen.answer_to(seen.complete(json!({"content": [{"type": "text", "text": text}]}))).to_string()
}

/// Calls once, and says whether the copy got through and whether it was recorded.
async fn called(house: &House, era: &Era, copy: &str) -> (String, bool) {
    let line = house.last_line().await;
    let answer = house.agent("a").call(era, "anything", json!({})).await;
    let told = String::from_utf8_lossy(&answer.raw).into_owned();
    assert!(!told.contains(copy) && !told.contains(SECRET), "{copy}: {told}");
    let lines = house.ended_after(line).await;
    (told, lines[0].outcome.as_ref().unwrap().echo_removed)
}

/// In the head of an answer: no header of an upstream is passed, and the call says that it was there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_holds_the_credential_is_withheld_and_recorded() {
    let house = house().await;
    for (how, copy) in spellings() {
        for (name, status, kind) in [
            ("x-debug", 200, "application/json"),
            ("set-cookie", 200, "application/json"),
            ("mcp-session-id", 200, "application/json"),
            ("www-authenticate", 401, "application/json"),
            ("location", 302, "text/html"),
            ("x-debug", 200, "text/html"),
            ("x-debug", 503, "text/plain"),
            ("x-debug", 200, "text/event-stream"),
        ] {
            let planted = copy.clone();
            house.upstream.on_call(move |seen| {
                let body = match kind {
                    "text/event-stream" => format!("data: {}\n\n", result(seen, "done")),
                    _ => result(seen, "done"),
                };
                Answer::http(status, &[("Content-Type", kind), (name, &planted)], body)
            });
            for era in [Era::Legacy, Era::Modern] {
                let (told, recorded) = called(&house, &era, &copy).await;
                assert!(recorded, "{how} in {name} of {status} {kind}: {told}");
            }
        }
    }
    // An honest answer is not called an echo.
    house.upstream.on_call(|seen| {
        let head = [("Content-Type", "application/json"), ("x-debug", "sk+live/4f?9")];
        Answer::http(200, &head, result(seen, "done"))
    });
    assert!(!called(&house, &Era::Modern, SECRET).await.1);
}

/// In a message of a stream that is not yet the answer: taken out, and recorded with the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_ahead_of_the_answer_is_taken_out_and_recorded() {
    let house = house().await;
    for (how, copy) in spellings() {
        let planted = copy.clone();
        house.upstream.on_call(move |seen| {
            let note = json!({"jsonrpc": "2.0", "method": "notifications/message",
                "params": {"level": "info", "data": format!("sent {planted} on")}});
            Answer::stream(&[
                &format!(": {planted}\n\n"),
                &format!("event: {planted}\ndata: {note}\n\n"),
                &format!("data: {note}\n\n"),
                &format!("data: {}\n\n", result(seen, "done")),
            ])
        });
        for era in [Era::Legacy, Era::Modern] {
            let (told, recorded) = called(&house, &era, &copy).await;
            assert!(told.contains("done") && told.contains("[redacted]"), "{how}: {told}");
            assert!(recorded, "{how}");
        }
        // As the id of an event, which the agent gets sealed or not at all.
        let planted = copy.clone();
        house.upstream.on_call(move |seen| {
            Answer::stream(&[&format!("id: {planted}\ndata: {}\n\n", result(seen, "done"))])
        });
        let (told, recorded) = called(&house, &Era::Legacy, &copy).await;
        assert!(recorded && told.contains("done"), "{how}: {told}");
        // What comes before an answer that is none is recorded as well.
        let planted = copy.clone();
        house.upstream.on_call(move |_| {
            let note = json!({"jsonrpc": "2.0", "method": "notifications/message",
                "params": {"level": "info", "data": planted}});
            Answer::stream(&[&format!("data: {note}\n\n"), "data: nothing\n\n"])
        });
        let (told, recorded) = called(&house, &Era::Modern, &copy).await;
        assert!(recorded && told.contains("\"code\":50201"), "{how}: {told}");
    }
}

/// Cut anywhere: in JSON that arrives in pieces, in events, and in events whose lines are cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_found_wherever_the_answer_is_cut() {
    let house = house().await;
    let chunk = |bytes: &[u8]| {
        let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
        Piece::Bytes(out)
    };
    for (how, copy) in spellings().into_iter().step_by(3) {
        for kind in ["application/json", "text/event-stream"] {
            for cut in 0..copy.len() {
                let planted = copy.clone();
                house.upstream.on_call(move |seen| {
                    let body = match kind {
                        "text/event-stream" => format!("data: {}\n\n", result(seen, &planted)),
                        _ => result(seen, &planted),
                    };
                    let at = body.find(&planted).unwrap_or_default() + cut;
                    let (one, two) = body.as_bytes().split_at(at);
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
                    );
                    Answer::pieces(vec![
                        Piece::Bytes(head.into_bytes()),
                        chunk(one),
                        Piece::Wait(Duration::from_millis(2)),
                        chunk(two),
                        Piece::Bytes(b"0\r\n\r\n".to_vec()),
                    ])
                });
                let (told, recorded) = called(&house, &Era::Modern, &copy).await;
                assert!(recorded && told.contains("[redacted]"), "{how} {kind} {cut}: {told}");
            }
        }
    }
    // An event whose data lines are cut inside the copy is no JSON any more, and is not passed.
    house.upstream.on_call(|seen| {
        let text = result(seen, SECRET);
        let at = text.find(SECRET).unwrap_or_default() + 9;
        Answer::stream(&[&format!("data: {}\ndata: {}\n\n", &text[..at], &text[at..])])
    });
    let (told, _) = called(&house, &Era::Modern, &SECRET[..9]).await;
    assert!(told.contains("\"code\":50201"), "{told}");
}
