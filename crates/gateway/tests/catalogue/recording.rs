//! What is recorded of calls beyond names, with everything switched on: equal values are told from
//! others, records open with the customer's key alone, the credential is in none of them, and no value
//! is anywhere else.

use serde_json::{Value, json};
use store::{
    By, CaptureSetting, Clock as _, DataPlane as _, FingerprintAnswer, Recording, Recordings as _,
};
use testkit::{Answer, Canary, Era, House, Scan};
use vault::CaptureOpener;

use crate::fixture;

async fn house(captures: bool, opener: &CaptureOpener, bytes_max: u32) -> House {
    let mut setup = fixture::setup();
    setup.config.captures = captures;
    let house = House::start(setup).await;
    let capture = CaptureSetting {
        key: opener.public().to_string(),
        arguments: true,
        results: true,
        bytes_max,
    };
    let recording = Recording { fingerprints: true, capture: Some(capture), tools: None };
    let by = By::program(house.store.org().clone(), house.clock.now());
    house.store.recording_set(&by, &house.server, recording).await.unwrap();
    house
}

/// The lines of the call log, newest first.
async fn calls(house: &House) -> Vec<store::Call> {
    house.store.flush().await.unwrap();
    let mut lines = house.lines_after(0).await;
    lines.sort_by_key(|call| -call.index);
    lines
}

/// Everything that was kept, opened: `(call, part, document)`.
async fn opened(house: &House, opener: &CaptureOpener) -> Vec<(String, &'static str, Value)> {
    house.store.flush().await.unwrap();
    let org = house.store.org().clone();
    let kept = house.store.captures(&org, None, (0, -1)).await.unwrap();
    let open = |line: store::CaptureLine| {
        let call = line.call.to_string();
        let plain = opener.open(&[&call, line.part], &line.record).unwrap();
        let document: Value = serde_json::from_slice(plain.expose()).unwrap();
        assert_eq!(
            (document["call"].as_str(), document["part"].as_str()),
            (Some(&*call), Some(line.part))
        );
        (call, line.part, document)
    };
    kept.into_iter().map(open).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_open_with_the_customers_key_alone_and_hold_no_credential() {
    let opener = CaptureOpener::generate().unwrap();
    let house = house(true, &opener, 65_536).await;
    let agent = house.agent("a");
    let (value, answer) = (Canary::new(), Canary::new());
    let credential = house.credential.text().to_owned();
    let said = format!("{} {credential}", answer.text());
    // As JSON, and as a stream that says something else first.
    let stream = |seen: &testkit::Seen, said: &str| {
        let result = json!({"content": [{"type": "text", "text": said}]});
        let message = json!({"jsonrpc": "2.0", "id": seen.message["id"], "result": result});
        let note = json!({"jsonrpc": "2.0", "method": "notifications/message",
                          "params": {"level": "info", "data": "soon"}});
        Answer::stream(&[&format!("data: {note}\n\n"), &format!("data: {message}\n\n")])
    };
    for era in [Era::Legacy, Era::Modern] {
        for streams in [false, true] {
            let said = said.clone();
            house.upstream.on_call(move |seen| match streams {
                false => Answer::text(seen, &said),
                true => stream(seen, &said),
            });
            let arguments = json!({"value": value.text()});
            let told = agent.call(&era, "free_form", arguments).await;
            assert_eq!(told.status, 200, "{}", told.text());
            assert!(told.text().contains(answer.text()) && !told.text().contains(&credential));
        }
    }
    // A call that goes no further is not kept, whoever asks for it.
    agent.call(&Era::Legacy, "wipe_all", json!({})).await;
    let kept = opened(&house, &opener).await;
    assert_eq!(kept.len(), 8, "arguments and a result of each call that left");
    for (_, part, document) in &kept {
        let content = document["content"].to_string();
        assert_eq!(document["tool"], "free_form");
        assert_eq!(content.contains(value.text()), *part == "arguments", "{content}");
        assert_eq!(content.contains(answer.text()), *part == "result", "{content}");
        assert!(!content.contains(&credential), "{content}");
        assert_eq!(content.contains("redacted"), *part == "result", "{content}");
    }
    for call in calls(&house).await {
        let of = house.store.recorded_of_call(house.store.org(), &call.intent.id).await.unwrap();
        let left = call.outcome.is_some();
        assert_eq!((of.arguments.is_some(), of.result.is_some()), (left, left), "{of:?}");
        assert!(of.fingerprints.is_some());
    }
    let planted = [value, answer, house.credential.clone(), agent.secret()];
    Scan(&planted).logs();
    Scan(&planted).directory(house.directory());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_kept_is_said_and_the_call_goes_on() {
    let opener = CaptureOpener::generate().unwrap();
    let house = house(true, &opener, 1_024).await;
    let agent = house.agent("a");
    let long = "x".repeat(2_000);
    house.upstream.on_call(move |seen| Answer::text(seen, &"y".repeat(2_000)));
    let told = agent.call(&Era::Legacy, "free_form", json!({"value": long})).await;
    assert_eq!(told.status, 200);
    let call = calls(&house).await.remove(0);
    let of = house.store.recorded_of_call(house.store.org(), &call.intent.id).await.unwrap();
    let missing = Some(r#"{"missing":"too_large"}"#);
    assert_eq!((of.arguments.as_deref(), of.result.as_deref()), (missing, missing));
    assert!(opened(&house, &opener).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_where_whoever_runs_the_machine_has_not_said_so() {
    let opener = CaptureOpener::generate().unwrap();
    let house = house(false, &opener, 65_536).await;
    house.upstream.on_call(|seen| Answer::text(seen, "done"));
    house.agent("a").call(&Era::Legacy, "free_form", json!({"value": 1})).await;
    assert!(opened(&house, &opener).await.is_empty());
    let call = calls(&house).await.remove(0);
    let of = house.store.recorded_of_call(house.store.org(), &call.intent.id).await.unwrap();
    assert!(of.arguments.is_none() && of.result.is_none() && of.fingerprints.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fingerprint_answers_for_the_value_and_for_no_other_spelling_of_the_question() {
    let opener = CaptureOpener::generate().unwrap();
    let house = house(false, &opener, 65_536).await;
    let agent = house.agent("a");
    house.upstream.on_call(|seen| Answer::text(seen, "done"));
    let text = |value: &str| testkit::Agent::call_text(&Era::Legacy, "free_form", value);
    let canary = Canary::new();
    let rows = [
        (r#"{"value":1.0}"#, r#""value""#, "1", true),
        (r#"{"value":1e2}"#, r#""value""#, "100.00", true),
        (r#"{"value":1}"#, r#""value""#, "\"1\"", false),
        (r#"{"value":{"b":1,"a":[null]}}"#, r#""value""#, r#"{"a":[null],"b":1.0}"#, true),
        (r#"{"value":true}"#, r#""value""#, "false", false),
        (r#"{"value":"\u0061"}"#, r#""value""#, "\"a\"", true),
        (r#"{"value":1}"#, "null", r#"{"value":1.0}"#, true),
        (r#"{"value":1}"#, "null", r#"{"value":1.0,"more":null}"#, false),
    ];
    let by = By::program(house.store.org().clone(), house.clock.now());
    for (arguments, argument, value, equal) in rows {
        assert_eq!(agent.ask(&Era::Legacy, text(arguments)).await.status, 200);
        let call = calls(&house).await.remove(0).intent.id;
        let limits = json::Limits { depth: 64, members: 1_000, exact: true };
        let value = json::canonical_by_value(&json::read(value.as_bytes(), limits).unwrap());
        let argument: Option<String> = serde_json::from_str(argument).unwrap();
        let asked = house.store.fingerprint_asked(&by, &call, argument.as_deref(), value);
        let answer = if equal { FingerprintAnswer::Yes } else { FingerprintAnswer::No };
        assert_eq!(asked.await.unwrap(), answer, "{arguments} {argument:?}");
    }
    // A name that the definition does not list has no fingerprint of its own, and is nowhere.
    let unknown = format!(r#"{{"{}":1}}"#, canary.text());
    agent.ask(&Era::Legacy, text(&unknown)).await;
    // Denied calls have fingerprints too, and a name that nobody knows has none.
    agent.call(&Era::Legacy, canary.text(), json!({"value": 1})).await;
    let log = calls(&house).await;
    let of = async |at: usize| {
        let id = log[at].intent.id;
        house.store.recorded_of_call(house.store.org(), &id).await.unwrap().fingerprints
    };
    assert!(of(0).await.is_none(), "no tool, no arguments that anybody knows");
    let prints: Value = serde_json::from_str(&of(1).await.unwrap()).unwrap();
    assert_eq!((&prints["of"], prints["key"].as_i64()), (&json!({}), Some(1)));
}
