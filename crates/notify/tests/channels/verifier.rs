//! The sample verifiers of `docs/webhooks.md`, run as they stand there.

use std::io::Write as _;
use std::process::{Command, Stdio};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::{ChannelTarget, Signing};
use vault::Secret;

use crate::House;
use crate::receiver::{Received, Receiver};
use crate::webhooks::hmac;

const PAGE: &str = include_str!("../../../../docs/webhooks.md");

/// The first block of this language.
fn sample(language: &str) -> String {
    let begin = format!("```{language}\n");
    let (_, rest) = PAGE.split_once(&begin).expect("the page has a sample");
    rest.split_once("```").expect("the sample ends").0.to_owned()
}

/// A request as somebody might send it.
#[derive(Clone)]
struct Message {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl From<&Received> for Message {
    fn from(of: &Received) -> Self {
        Self {
            id: of.header("webhook-id"),
            timestamp: of.header("webhook-timestamp"),
            signature: of.header("webhook-signature"),
            body: of.body.clone(),
        }
    }
}

/// Runs a sample on a message, at a moment of its own; gives whether it accepts.
fn accepts(language: &str, key: &str, message: &Message, now: i64) -> bool {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let values = [&message.id, &message.timestamp, &message.signature, &message.body];
    let [id, timestamp, signature, body] = values.map(|value| text(value));
    let (program, call) = match language {
        "python" => (
            "python3",
            format!(
                "\nprint('yes' if verify({}, {{'webhook-id': {id}, 'webhook-timestamp': {timestamp}, \
                 'webhook-signature': {signature}}}, {body}.encode(), now={now}) else 'no')\n",
                text(key)
            ),
        ),
        _ => (
            "node",
            format!(
                "\nconsole.log(verify({}, {{'webhook-id': {id}, 'webhook-timestamp': {timestamp}, \
                 'webhook-signature': {signature}}}, Buffer.from({body}), {now}) ? 'yes' : 'no')\n",
                text(key)
            ),
        ),
    };
    let mut run = Command::new(program);
    let run = run.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = run.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let script = sample(language) + &call;
    running.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let ended = running.wait_with_output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    match out.trim() {
        "yes" => true,
        "no" => false,
        other => panic!("{program} says {other}: {err}"),
    }
}

/// What a receiver must refuse: each differs in one place.
fn forged(real: &Message) -> Vec<(&'static str, Message)> {
    let flipped = |text: &str| {
        let at = text.len() / 2;
        let other = if text.as_bytes()[at] == b'A' { 'B' } else { 'A' };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    };
    let other = |change: &dyn Fn(&mut Message)| {
        let mut message = real.clone();
        change(&mut message);
        message
    };
    vec![
        ("another signature", other(&|m| m.signature = flipped(&m.signature))),
        ("no signature", other(&|m| m.signature = String::new())),
        ("another kind", other(&|m| m.signature = format!("v9{}", &m.signature[2..]))),
        ("another body", other(&|m| m.body = m.body.replace("pending", "approved"))),
        ("another id", other(&|m| m.id = flipped(&m.id))),
        (
            "another time",
            other(&|m| m.timestamp = (m.timestamp.parse::<i64>().unwrap() + 1).to_string()),
        ),
        ("no time", other(&|m| m.timestamp = "soon".to_owned())),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_verifiers_take_what_is_ours_and_refuse_all_else() {
    let house = House::open();
    let receiver = Receiver::start().await;
    let (target, secret) = hmac(&receiver.url);
    house.channel("hmac", target, secret).await;
    let seed = [9; 32];
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let public_key = STANDARD.encode(pair.public_key());
    let signing = Signing::Ed25519 { public_key: public_key.clone() };
    let url = receiver.url.clone();
    let target = ChannelTarget::Webhook { url, signing };
    house.channel("ed25519", target, Some(Secret::new(seed.to_vec()))).await;
    house.ask(1).await;
    house.work(5).await;
    let taken: Vec<Message> = receiver.taken().iter().map(Message::from).collect();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].id, taken[1].id, "one message by two channels");
    let of = |kind: &str| taken.iter().find(|m| m.signature.starts_with(kind)).unwrap();
    let shared = format!("whsec_{}", STANDARD.encode([7; 32]));
    let public = format!("whpk_{public_key}");
    let other = format!("whsec_{}", STANDARD.encode([8; 32]));
    for (language, key, message) in [
        ("python", shared.as_str(), of("v1,")),
        ("js", shared.as_str(), of("v1,")),
        ("js", public.as_str(), of("v1a,")),
    ] {
        let now: i64 = message.timestamp.parse().unwrap();
        assert!(accepts(language, key, message, now), "{language} {key}");
        assert!(accepts(language, key, message, now + 290), "{language}: within five minutes");
        let two =
            Message { signature: format!("v1,AAAA {}", message.signature), ..message.clone() };
        assert!(accepts(language, key, &two, now), "{language}: one of several is enough");
        for late in [-301, 301] {
            assert!(!accepts(language, key, message, now + late), "{language}: replayed");
        }
        assert!(!accepts(language, &other, message, now), "{language}: another key");
        for (what, forged) in forged(message) {
            assert!(!accepts(language, key, &forged, now), "{language}: {what}");
        }
    }
}
