//! Webhooks and Slack: in order, once by id, given up after a day, revived by people.

use store::{
    ApprovalState, ChannelDraft, ChannelTarget, Channels as _, DeliveryState, Outbox as _, Signing,
};
use vault::Secret;

use crate::receiver::Receiver;
use crate::{House, PLANTED};

pub(crate) fn hmac(url: &str) -> (ChannelTarget, Option<Secret>) {
    let target = ChannelTarget::Webhook { url: url.to_owned(), signing: Signing::Hmac };
    (target, Some(Secret::new(vec![7; 32])))
}

/// V15, and the receiver that is down for an hour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_was_down_for_an_hour_is_told_everything_once_and_in_order() {
    let house = House::open();
    let receiver = Receiver::start().await;
    let (target, secret) = hmac(&receiver.url);
    let channel = house.channel("hook", target, secret).await;
    let mut asked = Vec::new();
    for (digest, down) in [(1, 503), (2, 0), (3, 500), (4, 429)] {
        receiver.answers(down);
        asked.push(house.ask(digest).await);
        house.work(600).await;
    }
    house.withdraw(&asked[1]).await;
    house.work(1_200).await;
    assert!(receiver.taken().is_empty());
    let waiting = house.messages(&channel).await;
    assert_eq!(waiting.len(), 5);
    assert!(waiting[0].attempts > 5, "{waiting:?}");
    assert!(waiting[1..].iter().all(|of| of.attempts == 0), "none overtakes the first");
    assert_eq!(waiting[0].told, "the receiver answered 429");

    // The process ends and starts again: what waits is still there.
    let house = house.again();
    receiver.answers(204);
    house.work(900).await;
    house.pass_seconds(3_600);
    house.work(60).await;
    let taken = receiver.taken();
    let told: Vec<(String, String)> = taken
        .iter()
        .map(|received| {
            let body: serde_json::Value = serde_json::from_str(&received.body).unwrap();
            assert_eq!(body["id"], received.header("webhook-id").as_str());
            (body["data"]["approval"].as_str().unwrap().to_owned(), body["type"].to_string())
        })
        .collect();
    let expected: Vec<(String, String)> = asked
        .iter()
        .map(|of| (of.id.to_string(), "\"approval.pending\"".to_owned()))
        .chain([(asked[1].id.to_string(), "\"approval.withdrawn\"".to_owned())])
        .collect();
    assert_eq!(told, expected, "each once, in order");
    let mut ids: Vec<String> = taken.iter().map(|of| of.header("webhook-id")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    for received in &taken {
        assert!(!received.body.contains(PLANTED) && !received.head.contains(PLANTED));
        assert!(received.body.contains("https://countersign.example/approvals/apr_"));
    }
    let ended = house.messages(&channel).await;
    assert!(ended.iter().all(|of| of.state == DeliveryState::Delivered && of.told.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_given_up_after_a_day_and_may_be_revived() {
    let house = House::open();
    let receiver = Receiver::start().await;
    let (target, secret) = hmac(&receiver.url);
    let channel = house.channel("hook", target, secret).await;
    house.ask(1).await;
    // A redirect is no yes, and is not followed.
    receiver.answers(302);
    house.work(5).await;
    let told = house.messages(&channel).await.remove(0).told;
    assert_eq!(told, "the receiver answered 302: redirects are not followed");
    house.pass_seconds(24 * 3_600);
    house.work(5).await;
    let dead = house.messages(&channel).await.remove(0);
    assert_eq!(dead.state, DeliveryState::Dead);
    receiver.answers(200);
    house.work(600).await;
    assert!(receiver.taken().is_empty(), "nobody tries it any more");
    house.store.delivery_retry(&house.by(), &channel.id, &dead.message).await.unwrap();
    house.work(5).await;
    assert_eq!(receiver.taken().len(), 1);
    assert_eq!(receiver.taken()[0].header("webhook-id"), dead.message.as_str());
    let again = house.store.delivery_retry(&house.by(), &channel.id, &dead.message).await;
    assert!(again.is_err(), "what was taken is not sent again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_overtakes_the_queue_and_is_tried_once() {
    let house = House::open();
    let receiver = Receiver::start().await;
    let (target, secret) = hmac(&receiver.url);
    let channel = house.channel("hook", target, secret).await;
    house.ask(1).await;
    receiver.answers(503);
    house.work(120).await;
    house.store.channel_test(&house.by(), &channel.id).await.unwrap();
    house.courier.round().await.unwrap();
    let messages = house.messages(&channel).await;
    assert_eq!(messages[1].state, DeliveryState::Dead);
    assert_eq!(messages[1].attempts, 1);
    receiver.answers(200);
    house.store.channel_test(&house.by(), &channel.id).await.unwrap();
    house.courier.round().await.unwrap();
    assert_eq!(receiver.taken().len(), 1);
    assert!(receiver.taken()[0].body.contains(r#""type":"test""#));
    // Whoever mends a channel need not wait for the next attempt.
    let draft = ChannelDraft { name: "mended".to_owned(), ..channel.draft.clone() };
    house.store.channel_update(&house.by(), &channel.id, None, draft, None).await.unwrap();
    house.courier.round().await.unwrap();
    assert_eq!(receiver.taken().len(), 2);
}

/// W19: neither a webhook nor Slack's address reaches inside, whatever it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_reaches_nothing_inside() {
    let house = House::open();
    let mut channels = Vec::new();
    for (at, url) in [
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "http://192.168.1.1/",
        "https://[::ffff:169.254.169.254]/",
        "file:///etc/passwd",
    ]
    .iter()
    .enumerate()
    {
        let (target, secret) = hmac(url);
        channels.push(house.channel(&format!("w{at}"), target, secret).await);
        let secret = Some(Secret::from((*url).to_owned()));
        channels.push(house.channel(&format!("s{at}"), ChannelTarget::Slack, secret).await);
    }
    house.ask(1).await;
    assert_eq!(house.courier.round().await.unwrap(), channels.len());
    for channel in &channels {
        let told = house.messages(channel).await.remove(0).told;
        assert!(told.starts_with("refused before dialling: "), "{told}");
        assert!(!told.contains("169.254") && !told.contains("passwd"), "{told}");
    }
}

/// V15 for Slack: a text with a link, and nothing that it would unfold or obey.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_gets_a_text_with_a_link() {
    let house = House::open();
    let receiver = Receiver::start().await;
    let secret = Some(Secret::from(receiver.url.clone()));
    let channel = house.channel("slack", ChannelTarget::Slack, secret).await;
    let approval = house.ask(1).await;
    house.work(5).await;
    let body = receiver.taken().remove(0).body;
    let said: serde_json::Value = serde_json::from_str(&body).unwrap();
    let text = said["text"].as_str().unwrap();
    for part in [
        "refund_payment waits for a sign-off",
        "/tools/refund_payment/approve_if/args.amount-gt",
        "Time left: 2 hours",
        &format!("<https://countersign.example/approvals/{}|Open it>", approval.id),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(said["unfurl_links"], false);
    assert!(!body.contains(PLANTED));
    // The address is a secret: it is neither shown nor said.
    assert!(!format!("{:?}", house.messages(&channel).await).contains(&receiver.url));
    let events = vec![ApprovalState::Expired];
    let draft = ChannelDraft { events, ..channel.draft.clone() };
    house.store.channel_update(&house.by(), &channel.id, None, draft, None).await.unwrap();
    house.ask(2).await;
    house.work(5).await;
    assert_eq!(receiver.taken().len(), 1, "it tells of what it is set up for");
    let (due, next) = house.store.outbox_due().await.unwrap();
    assert!(due.is_empty() && next.is_none());
}
