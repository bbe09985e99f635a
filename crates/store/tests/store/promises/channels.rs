//! Promises about channels: what they keep secret, what is written for them and with what, and that
//! nothing is told that did not happen.

use store::{
    ApprovalState, Attempt, ChangeError, ChannelDraft, ChannelTarget, DELIVERY_BACK_OFF_SECONDS,
    DeliveryState, MailSecurity, Outbox, Page, Signing,
};
use vault::Secret;

use super::approvals::{Held, held};
use super::{House, Store};

pub(crate) fn webhook(name: &str) -> ChannelDraft {
    let target = ChannelTarget::Webhook {
        url: "https://hooks.example.org/countersign".to_owned(),
        signing: Signing::Hmac,
    };
    ChannelDraft {
        name: name.to_owned(),
        enabled: true,
        events: vec![ApprovalState::Pending, ApprovalState::Approved, ApprovalState::Consumed],
        private_targets: vec![],
        target,
    }
}

fn mail(host: &str) -> ChannelDraft {
    let target = ChannelTarget::Email {
        host: host.to_owned(),
        port: 465,
        security: MailSecurity::Tls,
        username: Some("countersign".to_owned()),
        from: "countersign@example.org".to_owned(),
        to: vec!["finance@example.org".to_owned()],
    };
    ChannelDraft { target, events: vec![ApprovalState::Pending], ..webhook("mail") }
}

fn key() -> Option<Secret> {
    Some(Secret::new(vec![7; 32]))
}

pub(crate) async fn a_channel_keeps_its_secret_and_leaves_a_line_for_each_change<S: Store>(
    house: House<S>,
) {
    let (store, by) = (&house.store, house.by());
    let made = store.channel_create(&by, webhook("hook"), key()).await.unwrap();
    assert!(made.has_secret && made.revision == 1);
    let taken = store.channel_create(&by, webhook("hook"), key()).await;
    assert!(matches!(taken, Err(ChangeError::Taken { .. })));
    let other = store.channel_create(&by, mail("mail.example.org"), key()).await.unwrap();
    // Another event is no reason to ask for the password again; another server is.
    let more = ChannelDraft { events: vec![ApprovalState::Expired], ..mail("mail.example.org") };
    let kept = store.channel_update(&by, &other.id, Some(1), more.clone(), None).await.unwrap();
    assert!(kept.has_secret && kept.revision == 2);
    let same = store.channel_update(&by, &other.id, None, more, None).await.unwrap();
    assert_eq!(same.revision, 2, "what is the same is no change");
    let moved = store.channel_update(&by, &other.id, None, mail("mail.example.net"), None).await;
    assert!(!moved.unwrap().has_secret, "a password is not told to another server");
    let stale = store.channel_update(&by, &other.id, Some(1), mail("x.example.org"), None).await;
    assert!(matches!(stale, Err(ChangeError::Stale { .. })));
    let kind = store.channel_update(&by, &other.id, None, webhook("mail"), None).await;
    assert!(matches!(kind, Err(ChangeError::Invalid { field: "kind", .. })));
    for bad in [
        ChannelDraft { events: vec![], ..webhook("none") },
        ChannelDraft { name: String::new(), ..webhook("none") },
        ChannelDraft {
            target: ChannelTarget::Email {
                host: "mail.example.org".to_owned(),
                port: 25,
                security: MailSecurity::StartTls,
                username: None,
                from: "a@example.org\r\nBcc: b@example.org".to_owned(),
                to: vec!["c@example.org".to_owned()],
            },
            ..webhook("none")
        },
    ] {
        let refused = store.channel_create(&by, bad, None).await;
        assert!(matches!(refused, Err(ChangeError::Invalid { .. })), "{refused:?}");
    }
    store.channel_delete(&by, &made.id).await.unwrap();
    assert!(store.channel(&house.org, "hook").await.unwrap().is_none());
    let elsewhere = store::OrgId::from("org_elsewhere");
    assert!(store.channel(&elsewhere, "mail").await.unwrap().is_none());
    let events: Vec<String> = house.audit().await.into_iter().map(|line| line.event).collect();
    assert_eq!(
        events,
        [
            "channel.deleted",
            "channel.changed",
            "channel.changed",
            "channel.created",
            "channel.created"
        ]
    );
}

/// The outbox is written with the change: as often as there are channels that tell of it, and with
/// names alone.
pub(crate) async fn every_end_of_an_approval_is_in_the_outbox<S: Store + Outbox>(house: House<S>) {
    let held = held(house).await;
    let (store, by) = (&held.house.store, held.house.by());
    let all = vec![
        ApprovalState::Pending,
        ApprovalState::Approved,
        ApprovalState::Denied,
        ApprovalState::Expired,
        ApprovalState::Withdrawn,
        ApprovalState::Consumed,
    ];
    let draft = ChannelDraft { events: all, ..webhook("all") };
    let channel = store.channel_create(&by, draft, key()).await.unwrap();
    let draft = ChannelDraft { enabled: false, ..webhook("off") };
    let off = store.channel_create(&by, draft, key()).await.unwrap();

    let used = held.approved(1).await;
    held.ask(1).await;
    held.begin(&used.id, 1).await.unwrap();
    let denied = held.ask(2).await;
    held.deny(&denied).await;
    let taken_back = held.ask(3).await;
    store.approving().approval_cancel(&held.house.org, &taken_back.id).await.unwrap();
    let expired = held.ask(4).await;
    held.house.clock.pass_seconds(1_800);
    assert_eq!(store.approving().approvals_sweep().await.unwrap(), 1);

    let page = Page { after: None, limit: 100 };
    let found = store.deliveries(&held.house.org, &channel.id, None, &page).await.unwrap().items;
    let told: Vec<(String, String)> = found
        .iter()
        .rev()
        .map(|of| (of.event.clone(), of.approval.as_ref().unwrap().id.to_string()))
        .collect();
    let of = |state: &str, id: &store::ApprovalId| (format!("approval.{state}"), id.to_string());
    assert_eq!(
        told,
        [
            of("pending", &used.id),
            of("approved", &used.id),
            of("consumed", &used.id),
            of("pending", &denied.id),
            of("denied", &denied.id),
            of("pending", &taken_back.id),
            of("withdrawn", &taken_back.id),
            of("pending", &expired.id),
            of("expired", &expired.id),
        ],
        "the repeat of a call is no message"
    );
    assert!(!format!("{found:?}").contains("planted"));
    let none = store.deliveries(&held.house.org, &off.id, None, &page).await.unwrap();
    assert!(none.items.is_empty());
    let first = Page { after: None, limit: 4 };
    let one = store.deliveries(&held.house.org, &channel.id, None, &first).await.unwrap();
    let rest = Page { after: one.next.clone(), limit: 100 };
    let two = store.deliveries(&held.house.org, &channel.id, None, &rest).await.unwrap();
    assert_eq!((one.items.len(), two.items.len(), two.next), (4, 5, None));
}

pub(crate) async fn messages_are_tried_in_order_with_longer_and_longer_pauses<S: Store + Outbox>(
    house: House<S>,
) {
    let held: Held<S> = held(house).await;
    let (store, by) = (&held.house.store, held.house.by());
    let channel = store.channel_create(&by, webhook("hook"), key()).await.unwrap();
    held.ask(1).await;
    held.ask(2).await;
    let failed = || Attempt::Failed("the receiver answered 503".to_owned());
    for pause in DELIVERY_BACK_OFF_SECONDS.into_iter().chain([600]) {
        let (mut due, next) = store.outbox_due().await.unwrap();
        let first = due.pop().unwrap();
        assert!(due.is_empty() && next.is_none(), "the second waits for the first");
        assert_eq!(first.secret.as_ref().unwrap().expose(), [7; 32]);
        store.outbox_tried(&first.delivery, failed()).await.unwrap();
        // A late word about an earlier attempt changes nothing.
        store.outbox_tried(&first.delivery, Attempt::Delivered).await.unwrap();
        let (due, next) = store.outbox_due().await.unwrap();
        assert!(due.is_empty());
        assert_eq!(next, Some(store::Clock::now(&*held.house.clock).plus_seconds(pause)));
        held.house.clock.pass_seconds(pause);
    }
    let (mut due, _) = store.outbox_due().await.unwrap();
    let first = due.pop().unwrap().delivery;
    store.outbox_tried(&first, Attempt::Delivered).await.unwrap();
    let (mut due, _) = store.outbox_due().await.unwrap();
    let second = due.pop().unwrap().delivery;
    assert!(second.seq > first.seq && second.attempts == 0);
    // Whoever is down for a day has lost its messages to the dead, where people see them.
    held.house.clock.pass_seconds(24 * 3_600);
    store.outbox_tried(&second, failed()).await.unwrap();
    let page = Page { after: None, limit: 10 };
    let dead = Some(DeliveryState::Dead);
    let found = store.deliveries(&held.house.org, &channel.id, dead, &page).await.unwrap().items;
    assert_eq!((found.len(), found[0].told.as_str()), (1, "the receiver answered 503"));
    let revived =
        store.delivery_retry(&held.house.by(), &channel.id, &second.message).await.unwrap();
    assert_eq!(revived.state, DeliveryState::Waiting);
    assert_eq!(store.outbox_due().await.unwrap().0.len(), 1);
    // A channel that is switched off sends nothing, and goes on where it was.
    let draft = ChannelDraft { enabled: false, ..webhook("hook") };
    store.channel_update(&held.house.by(), &channel.id, None, draft, None).await.unwrap();
    assert!(store.outbox_due().await.unwrap().0.is_empty());
    let refused = store.channel_test(&held.house.by(), &channel.id).await;
    assert!(matches!(refused, Err(ChangeError::Conflict(_))));
}
