//! Channels from the approval to the receiver: a real store, real sockets, a clock that is moved.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is a test, all of it"
)]

mod mail;
mod receiver;
mod verifier;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use notify::Courier;
use store::sqlite::Sqlite;
use store::{
    Approval, ApprovalAsk, ApprovalNeed, ApprovalState, Asked, By, CallId, Channel, ChannelDraft,
    ChannelTarget, Channels as _, Clock, DataPlane as _, Delivery, GrantId, Moment, Outbox, Page,
    PolicyId, ServerId,
};
use vault::{OsRandom, RootKey, Secret};

/// A value of a call, which no message may hold.
pub(crate) const PLANTED: &str = "planted-91c4";
const LINKS: &str = "https://countersign.example";

/// A clock that stands still until it is moved.
struct StoppedClock(AtomicI64);

impl Clock for StoppedClock {
    fn now(&self) -> Moment {
        Moment::of_micros(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A store, and a courier of its outbox.
pub(crate) struct House {
    pub(crate) store: Arc<Sqlite>,
    pub(crate) courier: Courier,
    clock: Arc<StoppedClock>,
    root: RootKey,
    _dir: tempfile::TempDir,
}

impl House {
    pub(crate) fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = RootKey::generate(&OsRandom).unwrap();
        // 2026-03-02T10:00:00Z
        let clock = Arc::new(StoppedClock(AtomicI64::new(1_772_445_600_000_000)));
        let (store, courier) = opened(&dir, &root, &clock);
        Self { store, courier, clock, root, _dir: dir }
    }

    /// Ends the process, as far as the store knows, and starts again.
    pub(crate) fn again(self) -> Self {
        let Self { store, courier, clock, root, _dir } = self;
        drop(courier);
        store.close();
        drop(store);
        let (store, courier) = opened(&_dir, &root, &clock);
        Self { store, courier, clock, root, _dir }
    }

    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub(crate) fn by(&self) -> By {
        By::program(self.store.org().clone(), self.clock.now())
    }

    pub(crate) async fn channel(
        &self,
        name: &str,
        target: ChannelTarget,
        secret: Option<Secret>,
    ) -> Channel {
        let draft = ChannelDraft {
            name: name.to_owned(),
            enabled: true,
            events: vec![ApprovalState::Pending, ApprovalState::Expired, ApprovalState::Withdrawn],
            private_targets: vec![],
            target,
        };
        self.store.channel_create(&self.by(), draft, secret).await.unwrap()
    }

    /// A call that asks for people.
    pub(crate) async fn ask(&self, digest: u8) -> Approval {
        let ask = ApprovalAsk {
            org: self.store.org().clone(),
            digest: [digest; 32],
            grant: GrantId::from("grt_1"),
            grant_label: "support-agent".into(),
            identity: "agent:support".into(),
            server: ServerId::from("srv_1"),
            server_slug: "payments".into(),
            credential: None,
            tool: "refund_payment".to_owned(),
            fingerprint: None,
            policy: (PolicyId::from("pol_1"), 1),
            needs: vec![ApprovalNeed {
                rule: "/tools/refund_payment/approve_if/args.amount-gt".to_owned(),
                approvers: vec!["group:finance".to_owned()],
                count: 1,
                message: Some("Large refunds need finance".to_owned()),
            }],
            expires_in_seconds: 7_200,
            call: CallId::new(self.clock.now(), [digest; 10]),
            arguments: Secret::from(format!(r#"{{"arguments":{{"to":"{PLANTED}"}}}}"#)),
        };
        match self.store.approving().approval_ask(ask).await.unwrap() {
            Asked::Stands(approval) => *approval,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn withdraw(&self, of: &Approval) {
        let approving = self.store.approving();
        approving.approval_cancel(self.store.org(), &of.id).await.unwrap();
    }

    /// Lets the courier work for so many seconds of its clock.
    pub(crate) async fn work(&self, seconds: i64) {
        for _ in 0..seconds / 5 {
            while self.courier.round().await.unwrap() > 0 {}
            self.pass_seconds(5);
        }
    }

    /// The messages of a channel, oldest first.
    pub(crate) async fn messages(&self, channel: &Channel) -> Vec<Delivery> {
        let page = Page { after: None, limit: 500 };
        let found = self.store.deliveries(self.store.org(), &channel.id, None, &page);
        let mut found = found.await.unwrap().items;
        found.reverse();
        found
    }
}

fn opened(
    dir: &tempfile::TempDir,
    root: &RootKey,
    clock: &Arc<StoppedClock>,
) -> (Arc<Sqlite>, Courier) {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let store = Sqlite::open(dir.path(), root, Arc::clone(&clock), Arc::new(OsRandom)).unwrap();
    let store = Arc::new(store);
    let outbox = Arc::clone(&store) as Arc<dyn Outbox>;
    (store, Courier::new(outbox, clock, LINKS))
}
